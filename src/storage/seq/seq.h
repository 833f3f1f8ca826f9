/* src/storage/seq/seq.h - sequences: one page each, changed outside transactions' rollback. */
#ifndef SEQ_H
#define SEQ_H
#include "base/ctx.h"
#include "base/ids.h"

typedef struct SeqState {
    int64_t last_value;
    int64_t log_count;
    bool is_called;
} SeqState;
typedef struct SeqParams {
    int64_t increment, min, max, cache;
    bool cycle;
} SeqParams;

MUST_CHECK Status seq_init(Ctx *cx, BranchId branch, RelationId relation, SeqState first);
/* Takes `cache` values at once: *first .. *last in steps of increment (*last may come earlier at the
 * limit). 2200H when it is exhausted; the message names `name`. */
MUST_CHECK Status seq_next(Ctx *cx, BranchId branch, RelationId relation, const SeqParams *params,
                           const char *name, int64_t *first, int64_t *last);
MUST_CHECK Status seq_set(Ctx *cx, BranchId branch, RelationId relation, SeqState state);
MUST_CHECK Status seq_read(Ctx *cx, BranchId branch, RelationId relation, SeqState *out);

#endif
