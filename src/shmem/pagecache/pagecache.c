/* pagecache.c - from block to pinned frame.
 *
 * Pinning races with freeing (drop, truncation). The pinner raises the pin count first and then checks
 * the tag; the freer (cache_free_page) takes the tag away first and then swaps the latch word, which has to be
 * without pins and latches, for the next version in one step. So one of the two notices: a pinner that came too late finds
 * another tag and undoes its pin; a freer that came too early finds a pin, puts the tag back and gives up.
 *
 * The latch word carries pins, share and exclusive latches, a bit that says somebody sleeps, and a
 * version (H6). Taking pin and share latch together is one atomic addition. */
#include "shmem/pagecache/pagecache.h"

#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/pagecache/rel_counts.h"

/* ---- finding ---------------------------------------------------------------------------------------- */

static inline uint32_t
map_lookup(const PageCache *cache, const CacheFork *fork, BlockNo block)
{
    uint64_t map = atomic_load_explicit(&fork->map, memory_order_acquire);
    uint32_t height = (uint32_t)(map >> 32), node_no = (uint32_t)map;

    if (height == 0)
        return block < CACHE_INLINE_BLOCKS
                   ? atomic_load_explicit(&fork->inline_frames[block], memory_order_acquire)
                   : 0;
    if (height < CACHE_MAP_LEVELS && block >> (11 * height) != 0)
        return 0;
    for (;;) {
        const _Atomic uint32_t *node = cache_frame_bytes(cache, node_no);

        height--;
        node_no = atomic_load_explicit(&node[block >> (11 * height) & (CACHE_NODE_ENTRIES - 1)],
                                       memory_order_acquire);
        if (height == 0 || node_no == 0)
            return node_no;
    }
}

static_assert(CACHE_NODE_ENTRIES == 1 << 11, "eleven bits of the block number per level");
static_assert(CACHE_MAP_LEVELS * 11 >= 32, "every block has a place");

static inline bool
tag_is(const Frame *f, const CacheRel *rel, Fork fork, BlockNo block)
{
    return atomic_load_explicit(&f->use, memory_order_acquire) == FRAME_PAGE && f->relation == rel->relation &&
           f->block == block && f->branch == rel->branch && f->fork == fork;
}

uint32_t
cache_map_lookup(const PageCache *cache, const CacheFork *fork, BlockNo block)
{
    return map_lookup(cache, fork, block);
}

static void
undo_pin(Frame *f, uint64_t taken)
{
    uint64_t old = atomic_fetch_sub(&f->latch, taken);

    if (old & FRAME_WAITERS)
        page_wake_waiters(f);
}

/* For the clock (page_io.h). Loading has counted once. */
static void
note_use(Frame *f, const void *page, bool loaded)
{
    uint32_t used = atomic_load_explicit(&f->used, memory_order_relaxed);

    if (page_is(page, PAGE_KIND_BTREE))
        used = loaded ? FRAME_USED_INDEX : used + FRAME_USED_INDEX;
    else if (!loaded)
        used++;
    atomic_store_explicit(&f->used, (uint8_t)MIN_OF(used, (uint32_t)FRAME_USED_MOST), memory_order_relaxed);
}

static Status pin_linked(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, bool want_shared, PageRef *out,
                         bool *again);

/* The relation has no frame for the block: `no` is what its map says. *again: it may have one now; else *out is what there is. */
static Status
pin_missing(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, uint32_t no, bool want_shared, PageRef *out,
            bool *again)
{
    const PageCache *cache = page_cache(cx->proc);

    *out = PAGE_REF_NONE;
    *again = false;
    if (cache_is_linked(rel, fork, block) && (no == CACHE_MAP_LINKED || !cache_has_store(cache)))
        return pin_linked(cx, rel, fork, block, want_shared, out, again);
    if (!cache_has_store(cache) || block >= cache_rel_length(rel, fork))
        return ST_OK;
    *again = true;
    return page_load(cx, region_ptr(proc_region(cx->proc), rel->self), fork, block);
}

/* Pins the frame and takes the share latch with the same addition if that is asked for and free. */
static Status
pin(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, bool want_shared, PageRef *out)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint64_t add = want_shared ? FRAME_PIN + FRAME_SHARE : FRAME_PIN;
    bool loaded = false;

    if (UNLIKELY(proc->pin_free == 0 && proc->pin_high == PROC_PINS_MOST))
        return fail(cx, ST_ERROR, "54000", "statement uses more than %d pages at once", PROC_PINS_MOST);
    /* C5: whoever changes it may have to keep its old image, and can not fail then. */
    if (UNLIKELY(atomic_load_explicit(cache_has_store(cache) ? &cache->last_fork_epoch : &rel->kept_epoch,
                                      memory_order_relaxed) != 0) &&
        !proc_in_critical(proc))
        TRY(frame_reserve(cx, CACHE_KEEP_FRAMES, true));
    for (;;) {
        uint32_t no = map_lookup(cache, &rel->forks[fork], block);
        Frame *f;
        uint64_t old;

        if (UNLIKELY(no == 0 || no == CACHE_MAP_LINKED)) {
            bool again;

            TRY(pin_missing(cx, rel, fork, block, no, want_shared, out, &again));
            if (!again)
                return ST_OK;
            loaded = true; /* which counted as a use */
            continue;
        }
        f = cache_frame(cache, no);
        proc_instant_enter(proc);
        old = atomic_fetch_add(&f->latch, add);
        if (UNLIKELY(!tag_is(f, rel, fork, block))) { /* freed in between: look again */
            undo_pin(f, add);
            proc_instant_leave(proc);
            if (cache_has_store(cache))
                TRY(page_load_wait(cx, no, region_ptr(proc_region(proc), rel->self), fork, block));
            __builtin_ia32_pause();
            continue;
        }
        if (UNLIKELY(atomic_load_explicit(&f->used, memory_order_relaxed) < FRAME_USED_MOST) && !proc->scanning)
            note_use(f, cache_frame_bytes(cache, no), loaded);
        DEBUG_ASSERT((old & FRAME_PINS) != FRAME_PINS);
        proc->page_count++;
        rel_count(proc, rel, REL_PINS, 1);
        out->page = cache_frame_bytes(cache, no);
        out->frame = f;
        out->frame_no = no;
        out->exclusive = false;
        out->csn_cap = UINT64_MAX;
        out->shared = want_shared;
        if (UNLIKELY(want_shared && (old & FRAME_EXCLUSIVE))) {
            undo_pin(f, FRAME_SHARE);
            out->shared = false;
        }
        out->note = page_note_take(proc, no, out->shared);
        proc_instant_leave(proc);
        if (UNLIKELY(want_shared && !out->shared))
            page_latch_shared(cx, out);
        return ST_OK;
    }
}

/* ---- pages of the relation we were forked from (B2, B3) ------------------------------------------------ */

static PageRef
note_pinned(Proc *proc, uint32_t no, bool shared, Csn cap)
{
    PageCache *cache = page_cache(proc);
    PageRef ref = {.page = cache_frame_bytes(cache, no),
                   .frame = cache_frame(cache, no),
                   .frame_no = no,
                   .shared = shared,
                   .csn_cap = cap};

    ref.note = page_note_take(proc, no, shared);
    return ref;
}

/* From the present page, share-latched, to the image that was there at `epoch`: pinned and share-latched instead, if it is
 * in memory. *before: the epoch of the image to look for elsewhere; 0 = there was none then. */
static bool
step_to_old(Ctx *cx, PageRef *ref, uint64_t epoch, uint64_t *before)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    const PageHeader *h = page_header_const(ref->page);
    uint32_t no = ref->frame->older;
    PageRef old;

    *before = h->prev_epoch;
    while (no != 0) { /* the chain stands still below the share latch of its head */
        h = cache_frame_bytes(cache, no);
        if (h->epoch <= epoch)
            break;
        *before = h->prev_epoch;
        no = cache_frame(cache, no)->older;
    }
    if (no == 0)
        return false;
    proc_instant_enter(proc);
    atomic_fetch_add(&cache_frame(cache, no)->latch,
                     FRAME_PIN + FRAME_SHARE); /* nobody latches it exclusively */
    old = note_pinned(proc, no, true, ref->csn_cap);
    proc_instant_leave(proc);
    page_unpin(cx, ref);
    *ref = old;
    return true;
}

/* The relation that had the block at the fork, and as of when: over as many links as it takes. A page that was not there is
 * none. *again: it has become our own meanwhile. */
static Status
pin_linked(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, bool want_shared, PageRef *out, bool *again)
{
    Region *region = proc_region(cx->proc);
    uint64_t epoch = rel->fork_epoch, before = 0;
    Csn cap = rel->fork_csn;
    const CacheRel *o = region_ptr(region, rel->origin);

    *again = false;
    for (;;) {
        uint32_t no = map_lookup(page_cache(cx->proc), &o->forks[fork], block);

        if (no == CACHE_MAP_LINKED ||
            (no == 0 && cache_is_linked(o, fork, block) && !cache_has_store(page_cache(cx->proc)))) {
            epoch = MIN_OF(epoch, o->fork_epoch);
            cap = MIN_OF(cap, o->fork_csn);
            o = region_ptr(region, o->origin);
            continue;
        }
        if (no == 0 && block >= cache_rel_length(o, fork)) {
            *out = PAGE_REF_NONE;
            return ST_OK;
        }
        if (no == 0) { /* it may turn out to be linked, too */
            TRY(page_load(cx, region_ptr(region, o->self), fork, block));
            continue;
        }
        TRY(pin(cx, o, fork, block, true, out));
        if (out->page == NULL || page_is_linked(out)) {
            page_unpin(cx, out);
            continue;
        }
        out->csn_cap = cap;
        if (page_header_const(out->page)->epoch <= epoch || step_to_old(cx, out, epoch, &before))
            break;
        page_unpin(cx, out);
        if (before == 0 && cache_is_linked(o, fork, block)) { /* at that time it was its origin's */
            epoch = MIN_OF(epoch, o->fork_epoch);
            cap = MIN_OF(cap, o->fork_csn);
            o = region_ptr(region, o->origin);
            continue;
        }
        if (before == 0) {
            *out = PAGE_REF_NONE;
            return ST_OK;
        }
        *again = true; /* the store makes the image our own page */
        return page_load_old(cx, region_ptr(region, rel->self), fork, block,
                             &(PageOldImage){.branch = o->branch, .at = before, .epoch = epoch, .cap = cap});
    }
    if (!want_shared)
        page_unlatch(cx, out);
    return ST_OK;
}

Status
page_pin(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, PageRef *out)
{
    return pin(cx, rel, fork, block, false, out);
}

Status
page_pin_shared(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, PageRef *out)
{
    return pin(cx, rel, fork, block, true, out);
}

void
page_unpin(Ctx *cx, PageRef *ref)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;
    uint64_t old;

    if (ref->page == NULL)
        return;
    if (UNLIKELY(ref->exclusive))
        page_unlatch(cx, ref);
    ASSERT(proc->pins[ref->note].frame_no == ref->frame_no);
    proc_instant_enter(proc);
    old = atomic_fetch_sub(&f->latch, FRAME_PIN + (ref->shared ? FRAME_SHARE : 0));
    page_note_drop(proc, ref->note);
    proc_instant_leave(proc);
    DEBUG_ASSERT((old & FRAME_PINS) != 0);
    /* Sleepers wait for latches only, but a cleaner may wait for the last pin. */
    if (UNLIKELY(old & FRAME_WAITERS))
        page_wake_waiters(f);
    *ref = PAGE_REF_NONE;
}

const char *
page_prefetch_start(const PageCache *cache, const CacheRel *rel, Fork fork, BlockNo block)
{
    uint32_t no = map_lookup(cache, &rel->forks[fork], block);

    if (no == 0 || no == CACHE_MAP_LINKED)
        return NULL;
    __builtin_prefetch(cache_frame(cache, no), 1);
    return cache_frame_bytes(cache, no);
}

static bool
pin_frame_once(Ctx *cx, uint32_t no, PageRef *out)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    Frame *f = cache_frame(cache, no);

    proc_instant_enter(proc);
    atomic_fetch_add(&f->latch, FRAME_PIN);
    if (atomic_load(&f->use) != FRAME_PAGE) {
        undo_pin(f, FRAME_PIN);
        proc_instant_leave(proc);
        return false;
    }
    *out = (PageRef){.page = cache_frame_bytes(cache, no), .frame = f, .frame_no = no, .csn_cap = UINT64_MAX};
    out->note = page_note_take(proc, no, false);
    proc_instant_leave(proc);
    return true;
}

/* Somebody may just be trying to free it, in vain because it is pinned: then its use says so for an instant, but it is still
 * dirty, or still has raw ids. Or it is being loaded, dirty because it is an older image that becomes a page of its own
 * (page_adopt): that is in the log already, so whoever writes what is dirty must not pass it by. */
bool
page_pin_frame(Ctx *cx, uint32_t no, PageRef *out)
{
    const Frame *f = cache_frame(page_cache(cx->proc), no);

    while (!pin_frame_once(cx, no, out)) {
        uint8_t use = atomic_load(&f->use);

        if (use == FRAME_SHARED || use == FRAME_FAILED || use == FRAME_OLD ||
            (!frame_is_dirty(f) && frame_raw_min(f) == 0))
            return false;
        __builtin_ia32_pause();
    }
    return true;
}
