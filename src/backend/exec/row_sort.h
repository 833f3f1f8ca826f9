/* src/backend/exec/row_sort.h - rows in an order: in memory as long as they fit, then in sorted runs that are merged.
 *
 * Used by ORDER BY and by aggregates with DISTINCT or ORDER BY. Rows with equal keys come out in the order in which
 * they came in, wherever they have been in between. */
#ifndef EXEC_ROW_SORT_H
#define EXEC_ROW_SORT_H
#include "backend/exec/key.h"
#include "backend/exec/row_runs.h"

typedef struct RowSort {
    Ctx *cx;
    Budget *budget;
    const char *name;
    Expr *const *types;
    int column_count;
    const KeyPart *parts;
    const int *slots; /* part i is column slots[i] */
    int part_count;
    uint64_t memory_bytes; /* rows leave memory beyond it */

    RowStore store;
    Arena keys;
    KeyItem *rows; /* malloc; and as much room again behind them, for sorting */
    uint64_t row_capacity;
    Buf key;
    uint64_t bound; /* no more will be asked for; UINT64_MAX */
    KeyItem worst; /* of the rows kept, once there are enough; key NULL before */
    uint64_t at;
    uint64_t most_bytes; /* of memory */

    RowRuns runs; /* of rows that have left memory */
} RowSort;

/* Takes its memory from the budget of cx->arena. `types`, `parts` and `slots` must live as long as the sort. */
void row_sort_init(RowSort *s, Ctx *cx, const char *name, Expr *const *types, int column_count,
                   const KeyPart *parts, const int *slots, int part_count);
MUST_CHECK Status row_sort_add(RowSort *s, const Batch *in);
/* After the last row. */
MUST_CHECK Status row_sort_finish(RowSort *s);
/* The next rows, at most `most`: columns in arena `a` (texts are not copied), which are valid until the next call.
 * out->rows.count 0 at the end. `keys` (may be NULL) has room for as many keys of these rows. */
MUST_CHECK Status row_sort_next(RowSort *s, Arena *a, uint32_t most, Batch *out, KeyItem *keys);
/* Forgets the rows and may be filled again. */
void row_sort_clear(RowSort *s);
void row_sort_free(RowSort *s);
/* For EXPLAIN. */
static inline bool
row_sort_is_external(const RowSort *s)
{
    return s->runs.count > 0;
}
bool row_sort_is_bounded(const RowSort *s);
static inline uint64_t
row_sort_memory(const RowSort *s)
{
    return row_store_bytes(&s->store) + s->keys.total_bytes + 2 * sizeof(KeyItem) * s->store.row_count;
}

#endif
