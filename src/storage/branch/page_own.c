/* page_own.c - see page_own.h.
 *
 * The copy is made outside of any critical section, settled by the cap, and only then put into the branch's map; the record
 * that goes with it carries the whole page, so that recovery needs nobody else's (B4). If a fork comes in between, the
 * critical section is entered anew (B1). */
#include "storage/branch/page_own.h"

#include "base/stop_point.h"
#include "storage/heap/heap_resolve.h"
#include "storage/wal/page_image.h"
#include "storage/wal/wal.h"

void
page_keep_first(Ctx *cx, const CacheRel *rel, Frame *f, char *page)
{
    PageHeader *h = page_header(page);
    uint64_t now = atomic_load(&page_cache(cx->proc)->epoch);

    h->prev_epoch = h->kept_at = 0; /* before that it was the origin's */
    h->epoch = rel->fork_epoch + 1;
    if (h->epoch < now && atomic_load(&rel->kept_epoch) >= h->epoch) { /* recovery knows of forks to come */
        page_keep_image(cx, f, page);
        h->prev_epoch = h->epoch;
    }
    h->epoch = now;
}

/* The header of a page that begins a life of its own, and its record. In a critical section. */
static void
begin_life(Ctx *cx, const CacheRel *rel, Frame *f, char *page)
{
    PageHeader *h = page_header(page);
    PageImage image;
    RecordPart parts[3];

    page_keep_first(cx, rel, f, page);
    if (!wal_is_on(cx->proc) || f->unlogged)
        return;
    page_image_parts(page, &image, parts);
    h->lsn =
        wal_insert(cx, RECORD_PAGE_IMAGE, (WalTarget){f->branch, f->relation, f->block, f->fork}, parts, 3);
}

/* Waits until no fork is being made, then enters. */
static void
enter(Ctx *cx)
{
    for (;;) {
        wal_secure(cx);
        proc_critical_enter(cx->proc);
        if (!page_fork_is_on(cx))
            return;
        proc_critical_leave(cx->proc);
        page_wait_for_fork(cx);
    }
}

static void
put_copy(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const char *copy, bool alive)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t no;

    enter(cx);
    no = page_place_begin(cx, rel, fork, block, copy);
    if (no != 0 && alive)
        begin_life(cx, rel, cache_frame(cache, no), cache_frame_bytes(cache, no));
    page_place_end(cx, rel, no);
    proc_critical_leave(cx->proc);
}

Status
page_own_slow(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, PageRef *ref)
{
    _Alignas(16) char copy[PAGE_BYTES];

    ASSERT(!ref->shared);
    while (ref->page != NULL && page_is_linked(ref)) {
        page_unpin(cx, ref);
        TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES + 1, false)); /* page_keep_first may keep one */
        TRY(page_pin_shared(cx, rel, fork, block, ref));
        if (ref->page != NULL && page_is_linked(ref)) {
            Csn cap = ref->csn_cap;

            memcpy(copy, ref->page, PAGE_BYTES);
            stop_point("branch.page_copied");
            /* Below the latch: as long as nobody settles the page, its ids are known (T6). */
            heap_resolve_for(cx, copy, cap);
            page_unpin(cx, ref);
            put_copy(cx, rel, fork, block, copy, true);
        }
        page_unpin(cx, ref);
        TRY(page_pin(cx, rel, fork, block, ref));
    }
    return ST_OK;
}

Status
page_own_empty(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block)
{
    static const _Alignas(16) char zeros[PAGE_BYTES];

    TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
    put_copy(cx, rel, fork, block, zeros, false);
    return ST_OK;
}

void
page_adopt(Ctx *cx, uint32_t frame_no, Csn cap)
{
    Frame *f = cache_frame(page_cache(cx->proc), frame_no);
    const CacheRel *rel = cache_rel(cx, f->branch, f->relation);
    char *page = cache_frame_bytes(page_cache(cx->proc), frame_no);

    heap_resolve_for(cx, page, cap);
    enter(cx);
    frame_set_dirty(f, true);
    begin_life(cx, rel, f, page);
    proc_critical_leave(cx->proc);
}
