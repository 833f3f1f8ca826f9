/* src/storage/branch/page_own.h - from a page of the relation we were forked from to one of our own (B2-B4). */
#ifndef PAGE_OWN_H
#define PAGE_OWN_H
#include "shmem/pagecache/page_io.h"

/* A pin, no latch held: if the page is the origin's, the branch gets its own copy, and the reference goes to that. What the
 * caller has noted of the page's address is stale then. Before every exclusive latch that does not follow page_add. */
MUST_CHECK Status page_own_slow(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, PageRef *ref);
static inline MUST_CHECK Status
page_own(Ctx *cx, CacheRel *rel, PageRef *ref)
{
    if (LIKELY(ref->page == NULL || !page_is_linked(ref)))
        return ST_OK;
    return page_own_slow(cx, rel, FORK_MAIN, ref->frame->block, ref);
}
/* page_pin for who is going to change the page. */
static inline MUST_CHECK Status
page_pin_own(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, PageRef *out)
{
    TRY(page_pin(cx, rel, fork, block, out));
    return page_own(cx, rel, out);
}

/* Recovery: a page of zeros in place of the origin's, or of one of its own that is not in memory. */
MUST_CHECK Status page_own_empty(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block);
/* The page is the branch's own from now on. If the branch has been forked itself, those who were forked from it keep what it
 * was before: the first image of the page in this branch. In a critical section, with a frame in the stash. */
void page_keep_first(Ctx *cx, const CacheRel *rel, Frame *f, char *page);
/* For the store: the image, which has just been read to the frame, becomes the page of the relation. */
void page_adopt(Ctx *cx, uint32_t frame_no, Csn cap);

#endif
