/* page_walk.c - see page_walk.h. */
#include "shmem/pagecache/page_walk.h"

#include "shmem/pagecache/page_io.h"

enum { LARGE_SHARE = 4 }; /* a relation is large from this part of the cache on */

void
page_walk_begin(Ctx *cx, PageWalk *walk, CacheRel *rel, BlockNo first, BlockNo end)
{
    const PageCache *cache = page_cache(cx->proc);

    *walk = (PageWalk){.rel = rel, .end = end, .asked = first};
    if (!cache_has_store(cache))
        return;
    walk->ahead = WALK_AHEAD_FIRST;
    walk->is_large = cache_rel_length(rel, FORK_MAIN) > cache->page_frames / LARGE_SHARE;
}

static void
leave_last(Ctx *cx, PageWalk *walk)
{
    PageCache *cache = page_cache(cx->proc);

    if (walk->last_frame != 0 &&
        atomic_load_explicit(&cache_frame(cache, walk->last_frame)->used, memory_order_relaxed) == 0)
        page_leave(cache, walk->last_frame);
    walk->last_frame = 0;
}

/* The next portion is asked for when half of the last one is still ahead. */
static void
ask(Ctx *cx, PageWalk *walk, BlockNo block)
{
    if (block + walk->ahead / 2 < walk->asked || walk->asked >= walk->end)
        return;
    walk->asked = MAX_OF(walk->asked, block);
    page_load_ahead(cx, walk->rel, FORK_MAIN, walk->asked, MIN_OF(walk->ahead, walk->end - walk->asked));
    walk->asked += MIN_OF(walk->ahead, walk->end - walk->asked);
    walk->ahead = MIN_OF(walk->ahead * 2, (uint32_t)WALK_AHEAD_MOST);
}

Status
page_walk_pin(Ctx *cx, PageWalk *walk, BlockNo block, bool shared, PageRef *out)
{
    Status rc;

    if (LIKELY(walk->ahead == 0))
        return shared ? page_pin_shared(cx, walk->rel, FORK_MAIN, block, out)
                      : page_pin(cx, walk->rel, FORK_MAIN, block, out);
    leave_last(cx, walk);
    cx->proc->scanning = walk->is_large;
    ask(cx, walk, block);
    rc = shared ? page_pin_shared(cx, walk->rel, FORK_MAIN, block, out)
                : page_pin(cx, walk->rel, FORK_MAIN, block, out);
    cx->proc->scanning = false;
    if (rc == ST_OK && walk->is_large && out->page != NULL && !page_is_linked(out))
        walk->last_frame = out->frame_no;
    return rc;
}

void
page_walk_end(Ctx *cx, PageWalk *walk)
{
    leave_last(cx, walk);
}
