/* store_thin.h - older images that nobody reads any more, deleted while other branches still read others (B4, decision 0033).
 *
 * When the last relation that was forked from another goes, all older images of that one go (store_meta.c). When one of several
 * goes, those go that none of the others reads: a portion at a time, after the next checkpoint. Recovery reads no older image, as
 * the first change of a page in a child has the whole page in the log (B4): so it is enough that the end of the child is durable.
 * Used by the thread that makes checkpoints, between them. */
#ifndef STORE_THIN_H
#define STORE_THIN_H
#include "storage/store/page_store.h"
#include "storage/wal/wal_format.h"

typedef struct StoreThin {
    Buf rels; /* ThinRel: to be looked at, the last first */
    PageId at; /* where to go on in the last */
    bool under_way; /* in the last */
    uint64_t gone; /* children of it, when it was begun */
    uint64_t images, deleted; /* of it */
    bool flush; /* when all are done */
    StoreBatch *batch; /* NULL until one is needed */
} StoreThin;

/* There has been a checkpoint. What is under way goes on where it is. */
void store_thin_begin(Ctx *cx, StoreThin *t);
static inline bool
store_thin_is_done(const StoreThin *t)
{
    return t->rels.bytes == 0 && !t->flush;
}
/* One portion. What has failed is done again by the next call. */
MUST_CHECK Status store_thin_step(Ctx *cx, StoreThin *t, PageStore *store);
void store_thin_end(StoreThin *t);

#endif
