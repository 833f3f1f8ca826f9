/* page_raw.c - the list of pages in memory that have raw ids (T6): who marks a page lists it, the janitor takes the list. */
#include "base/stop_point.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"

static void
raw_push(PageCache *cache, Frame *f, uint32_t frame_no)
{
    uint32_t head = atomic_load(&cache->raw_head);

    do
        atomic_store_explicit(&f->raw_next, head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&cache->raw_head, &head, frame_no));
}

static void
note_least(Frame *f, Xid xid)
{
    if (frame_raw_min(f) == 0 || xid < frame_raw_min(f))
        frame_set_raw_min(f, xid);
}

void
page_mark_raw(Ctx *cx, PageRef *ref, Xid xid)
{
    Frame *f = ref->frame;

    DEBUG_ASSERT(ref->exclusive);
    note_least(f, xid);
    if (LIKELY(atomic_load_explicit(&f->raw_listed, memory_order_relaxed) != 0))
        return;
    if (atomic_exchange(&f->raw_listed, 1) == 0)
        raw_push(page_cache(cx->proc), f, ref->frame_no);
}

void
page_list_raw(Ctx *cx, uint32_t frame_no, PageId id, Xid least)
{
    PageCache *cache = page_cache(cx->proc);
    PageRef ref;

    if (!page_pin_frame(cx, frame_no, &ref))
        return;
    page_latch_aside(cx, &ref);
    if (ref.frame->branch == id.branch && ref.frame->relation == id.relation && ref.frame->block == id.block &&
        ref.frame->fork == id.fork) {
        note_least(ref.frame, least);
        if (atomic_exchange(&ref.frame->raw_listed, 1) == 0)
            raw_push(cache, ref.frame, frame_no);
    }
    page_unpin(cx, &ref);
}

/* The page in this frame has left the list, or is about to be lost to it. UINT64_MAX: it holds no raw ids any more. */
static Xid
settle(Ctx *cx, uint32_t no, RawResolve resolve)
{
    PageCache *cache = page_cache(cx->proc);
    Frame *f = cache_frame(cache, no);
    PageRef ref;
    Xid left;

    if (!page_pin_frame(cx, no, &ref))
        return UINT64_MAX;
    page_latch_exclusive(cx, &ref);
    left = resolve(cx, &ref);
    frame_set_raw_min(f, left);
    if (left != 0 && atomic_exchange(&f->raw_listed, 1) == 0)
        raw_push(cache, f, no);
    page_unpin(cx, &ref);
    return left != 0 ? left : UINT64_MAX;
}

/* Takes the first of what the visit has taken off the list. Its writers list it again by themselves from here on. */
static void
take_next(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t no = cache->raw_taken;
    Frame *f = cache_frame(cache, no);

    proc_instant_enter(cx->proc);
    cache->raw_visited = no;
    cache->raw_taken = atomic_load(&f->raw_next);
    atomic_store(&f->raw_listed, 0);
    proc_instant_leave(cx->proc);
}

/* What is taken off the list stays in shared memory until it is settled: who visits may be killed between two pages, and
 * a page that is not on the list while it says so would never be looked at again. */
static Xid
settle_taken(Ctx *cx, RawResolve resolve)
{
    PageCache *cache = page_cache(cx->proc);
    Xid least = UINT64_MAX;

    for (;;) {
        if (cache->raw_visited != 0)
            least = MIN_OF(least, settle(cx, cache->raw_visited, resolve));
        stop_point("page.raw_settled");
        cache->raw_visited = 0;
        if (cache->raw_taken == 0)
            return least;
        take_next(cx);
        stop_point("page.raw_taken");
    }
}

Status
page_raw_visit(Ctx *cx, RawResolve resolve, Xid *oldest)
{
    PageCache *cache = page_cache(cx->proc);
    Xid least;

    if (cx->proc->pin_free == 0 && cx->proc->pin_high == PROC_PINS_MOST)
        return fail(cx, ST_ERROR, "54000", "statement uses more than %d pages at once", PROC_PINS_MOST);
    least = settle_taken(cx, resolve); /* whoever was killed there has left it */
    proc_instant_enter(cx->proc);
    cache->raw_taken = atomic_exchange(&cache->raw_head, 0);
    proc_instant_leave(cx->proc);
    *oldest = MIN_OF(least, settle_taken(cx, resolve));
    return ST_OK;
}
