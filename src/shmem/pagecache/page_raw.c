/* page_raw.c - the list of pages in memory that have raw ids (T6): who marks a page lists it, the janitor takes the list. */
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

void
page_mark_raw(Ctx *cx, PageRef *ref, Xid xid)
{
    Frame *f = ref->frame;

    DEBUG_ASSERT(ref->exclusive);
    if (f->raw_min == 0 || xid < f->raw_min)
        f->raw_min = xid;
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
        if (ref.frame->raw_min == 0 || least < ref.frame->raw_min)
            ref.frame->raw_min = least;
        if (atomic_exchange(&ref.frame->raw_listed, 1) == 0)
            raw_push(cache, ref.frame, frame_no);
    }
    page_unpin(cx, &ref);
}

Status
page_raw_visit(Ctx *cx, RawResolve resolve, Xid *oldest)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t no = atomic_exchange(&cache->raw_head, 0);
    Xid least = UINT64_MAX;

    if (cx->proc->pin_free == 0 && cx->proc->pin_high == PROC_PINS_MOST)
        return fail(cx, ST_ERROR, "54000", "statement uses more than %d pages at once", PROC_PINS_MOST);
    while (no != 0) {
        Frame *f = cache_frame(cache, no);
        uint32_t next = atomic_load(&f->raw_next);
        PageRef ref;

        /* From here on a writer lists the frame again by itself. */
        atomic_store(&f->raw_listed, 0);
        if (page_pin_frame(cx, no, &ref)) {
            Xid left;

            page_latch_exclusive(cx, &ref);
            left = resolve(cx, &ref);
            f->raw_min = left;
            if (left != 0) {
                least = MIN_OF(least, left);
                if (atomic_exchange(&f->raw_listed, 1) == 0)
                    raw_push(cache, f, no);
            }
            page_unpin(cx, &ref);
        }
        no = next;
    }
    *oldest = least;
    return ST_OK;
}
