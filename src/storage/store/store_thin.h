/* store_thin.h - older images that nobody reads any more, deleted while other branches still read others (B4, decision 0033).
 *
 * When the last relation that was forked from another goes, all older images of that one go (store_meta.c). When one of several goes, those
 * go that none of the others reads: after the checkpoint that has the end of that one behind it, a portion at a time. Used by the
 * thread that makes checkpoints, between them. */
#ifndef STORE_THIN_H
#define STORE_THIN_H
#include "storage/store/page_store.h"
#include "storage/wal/wal_format.h"

typedef struct StoreThin {
    Buf rels; /* ThinRel: to be looked at, the last first */
    Lsn redo; /* what was dropped later is not known to be gone (B5) */
    PageId at; /* where to go on in the last */
    bool under_way; /* in the last */
    uint64_t deleted; /* images of it */
    bool flush; /* when all are done */
    StoreBatch *batch; /* NULL until one is needed */
} StoreThin;

/* There is a checkpoint from `redo` on. What was not finished is looked at anew. */
void store_thin_begin(Ctx *cx, StoreThin *t, Lsn redo);
static inline bool
store_thin_is_done(const StoreThin *t)
{
    return t->rels.bytes == 0;
}
/* One portion. */
MUST_CHECK Status store_thin_step(Ctx *cx, StoreThin *t, PageStore *store);
void store_thin_end(StoreThin *t);

#endif
