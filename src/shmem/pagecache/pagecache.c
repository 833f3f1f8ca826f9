/* pagecache.c - from block to pinned frame, and the latch word.
 *
 * Pinning races with freeing (drop, truncation). The pinner raises the pin count first and then checks
 * the tag; the freer takes the tag away first and then swaps the latch word from "exclusive, one pin"
 * to "free" in one step. So one of the two notices: a pinner that came too late finds another tag
 * and undoes its pin; a freer that came too early finds a second pin and waits.
 *
 * The latch word carries pins, share and exclusive latches, a bit that says somebody sleeps, and a
 * version (H6). Taking pin and share latch together is one atomic addition. */
#include "shmem/pagecache/pagecache.h"

#include <sched.h>

#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/pagecache/rel_counts.h"
#include "shmem/sync/futex.h"

enum { KEEP_FRAMES = 8 };

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex word is the low half of the latch");

static _Atomic uint32_t *
latch_low_half(Frame *f)
{
    return (_Atomic uint32_t *)(void *)&f->latch;
}

void
page_wake_waiters(Frame *f)
{
    atomic_fetch_and(&f->latch, ~FRAME_WAITERS);
    futex_wake(latch_low_half(f), INT32_MAX);
}

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
    if (height < 3 && block >> (11 * height) != 0)
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

/* Pins the frame and takes the share latch with the same addition if that is asked for and free. */
static Status pin_linked(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, bool want_shared, PageRef *out,
                         bool *again);

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
        TRY(frame_reserve(cx, KEEP_FRAMES, true));
    for (;;) {
        uint32_t no = map_lookup(cache, &rel->forks[fork], block);
        Frame *f;
        uint64_t old;

        if (UNLIKELY(no == 0 || no == CACHE_MAP_LINKED)) {
            bool linked = cache_is_linked(rel, fork, block);

            *out = PAGE_REF_NONE;
            if (linked && (no == CACHE_MAP_LINKED || !cache_has_store(cache))) {
                bool again;

                TRY(pin_linked(cx, rel, fork, block, want_shared, out, &again));
                if (again)
                    continue;
                return ST_OK;
            }
            if (!cache_has_store(cache) || block >= cache_rel_length(rel, fork))
                return ST_OK;
            TRY(page_load(cx, region_ptr(proc_region(proc), rel->self), fork, block));
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

/* ---- latches ------------------------------------------------------------------------------------------ */

/* Sleeps until the word changes; the caller has seen `word` and could not have its latch. */
static void
latch_sleep(Frame *f, uint64_t word)
{
    if (!(word & FRAME_WAITERS) && !atomic_compare_exchange_strong(&f->latch, &word, word | FRAME_WAITERS))
        return;
    futex_wait(latch_low_half(f), (uint32_t)(word | FRAME_WAITERS), 10000);
}

/* The same inside of proc_critical_enter: who waits and holds nothing else may be killed (C1). */
static void
latch_sleep_outside(Proc *proc, Frame *f, uint64_t word)
{
    bool outermost = atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1;

    if (outermost)
        proc_instant_leave(proc);
    latch_sleep(f, word);
    if (outermost)
        proc_instant_enter(proc);
}

void
page_latch_shared(Ctx *cx, PageRef *ref)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;

    ASSERT(!ref->shared);
    ASSERT(!ref->exclusive);
    ASSERT(proc->latch_depth == 0);
    for (int spins = 0;; spins++) {
        uint64_t word = atomic_load_explicit(&f->latch, memory_order_relaxed);

        if (!(word & FRAME_EXCLUSIVE)) {
            bool got;

            proc_instant_enter(proc);
            got = atomic_compare_exchange_weak(&f->latch, &word, word + FRAME_SHARE);
            if (got)
                ref->shared = proc->pins[ref->note].shared = true;
            proc_instant_leave(proc);
            if (got)
                return;
        } else if (spins > CACHE_SPIN_MOST) {
            latch_sleep(f, word);
            continue;
        }
        __builtin_ia32_pause();
    }
}

/* B1: new changes wait while a fork is being made. */
static void
wait_for_fork(PageCache *cache)
{
    while (atomic_load(&cache->fork_flag) != 0)
        futex_wait(&cache->fork_flag, 1, 1000);
}

void
page_wait_for_fork(Ctx *cx)
{
    wait_for_fork(page_cache(cx->proc));
}

/* Critical sections are short, and never wait for I/O: so we need not sleep. */
void
page_fork_begin(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);
    ProcTable *procs = proc_table_of(cx->proc);
    uint32_t expected = 0;

    ASSERT(!proc_in_critical(cx->proc));
    proc_critical_enter(cx->proc);
    while (!atomic_compare_exchange_strong(&cache->fork_flag, &expected, 1)) {
        proc_critical_leave(cx->proc); /* somebody else's, who waits for us to be outside */
        wait_for_fork(cache);
        proc_critical_enter(cx->proc);
        expected = 0;
    }
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t no = 0; no < atomic_load(&procs->high); no++) {
        const Proc *p = proc_slot(procs, no);

        while (p != cx->proc && proc_in_critical(p))
            __builtin_ia32_pause();
    }
}

void
page_fork_end(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    atomic_store(&cache->fork_flag, 0);
    proc_critical_leave(cx->proc);
    futex_wake(&cache->fork_flag, INT32_MAX);
}

/* A session that was killed while it ended is waited for until the janitor has finished its work. */
void
page_hold_begin(Ctx *cx)
{
    ProcTable *procs = proc_table_of(cx->proc);

    page_fork_begin(cx);
    proc_critical_leave(cx->proc);
    for (uint32_t no = 0; no < atomic_load(&procs->high); no++) {
        while (atomic_load(&proc_slot(procs, no)->ending) != 0)
            sched_yield();
    }
}

void
page_hold_end(Ctx *cx)
{
    proc_critical_enter(cx->proc);
    page_fork_end(cx);
}

/* C5: the page was pinned before it was forked, so nothing is set aside for its old image (pin). To be asked below the latch: from
 * there on nobody forks. */
static bool
has_no_room_to_keep(Ctx *cx, const Frame *f)
{
    const Proc *proc = cx->proc;
    const PageCache *cache = page_cache(proc);
    const CacheRel *rel;

    if (LIKELY(atomic_load_explicit(&cache->last_fork_epoch, memory_order_relaxed) == 0) ||
        LIKELY(proc->stash_count > 0) || atomic_load_explicit(&proc->critical, memory_order_relaxed) > 1)
        return false;
    rel = cache_rel(cx, f->branch, f->relation);
    return rel != NULL && atomic_load(&rel->kept_epoch) != 0;
}

/* There is no way to fail here: others give frames back, or the cleaner does. */
static void
make_room_to_keep(Ctx *cx)
{
    while (frame_reserve(cx, KEEP_FRAMES, true) != ST_OK) {
        ctx_error_clear(cx);
        sched_yield();
    }
}

static void
latch_exclusive(Ctx *cx, PageRef *ref, bool keeps)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    Frame *f = ref->frame;

    if (UNLIKELY(!change_gate_open(&cache->gate)) && !proc_in_critical(proc))
        change_gate_wait(&cache->gate);
    ASSERT(!page_is_linked(ref)); /* page_own comes first */
    ASSERT(!ref->shared);
    ASSERT(!ref->exclusive);
    ASSERT(proc->latch_depth == 0);
    proc_critical_enter(proc);
    for (int spins = 0;; spins++) {
        uint64_t word = atomic_load_explicit(&f->latch, memory_order_relaxed);

        if (!(word & (FRAME_EXCLUSIVE | FRAME_SHARES))) {
            if (atomic_compare_exchange_weak(&f->latch, &word, word | FRAME_EXCLUSIVE)) {
                ref->exclusive = true;
                /* The swap above is a full fence: either the forker sees us inside, or we see its flag. */
                bool forking = atomic_load_explicit(&cache->fork_flag, memory_order_relaxed) != 0 &&
                               atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1;

                if (LIKELY(!forking) && !(keeps && has_no_room_to_keep(cx, f)))
                    return;
                page_unlatch(cx, ref);
                if (forking)
                    wait_for_fork(cache);
                else
                    make_room_to_keep(cx);
                proc_critical_enter(proc);
                continue;
            }
        } else if (spins > CACHE_SPIN_MOST) {
            latch_sleep_outside(proc, f, word);
            continue;
        }
        __builtin_ia32_pause();
    }
}

void
page_latch_exclusive(Ctx *cx, PageRef *ref)
{
    latch_exclusive(cx, ref, true);
}

void
page_latch_to_drop(Ctx *cx, PageRef *ref)
{
    latch_exclusive(cx, ref, false);
}

bool
page_try_exclusive(Ctx *cx, PageRef *ref)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;
    uint64_t word = atomic_load_explicit(&f->latch, memory_order_relaxed);

    ASSERT(!ref->shared);
    ASSERT(!ref->exclusive);
    ASSERT(proc->latch_depth == 0);
    if (UNLIKELY(!change_gate_open(&page_cache(proc)->gate)) || UNLIKELY(page_is_linked(ref)))
        return false;
    proc_critical_enter(proc);
    while (!(word & (FRAME_EXCLUSIVE | FRAME_SHARES))) {
        if (!atomic_compare_exchange_weak(&f->latch, &word, word | FRAME_EXCLUSIVE))
            continue;
        ref->exclusive = true;
        if ((LIKELY(atomic_load_explicit(&page_cache(proc)->fork_flag, memory_order_relaxed) == 0) ||
             atomic_load_explicit(&proc->critical, memory_order_relaxed) > 1) &&
            !has_no_room_to_keep(cx, f))
            return true;
        page_unlatch(cx, ref);
        return false;
    }
    proc_critical_leave(proc);
    return false;
}

bool
page_try_upgrade(Ctx *cx, PageRef *ref)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;
    uint64_t word = atomic_load_explicit(&f->latch, memory_order_relaxed);

    ASSERT(ref->shared);
    ASSERT(proc->latch_depth == 0);
    if (atomic_load_explicit(&page_cache(proc)->fork_flag, memory_order_relaxed) != 0 ||
        UNLIKELY(!change_gate_open(&page_cache(proc)->gate)) || UNLIKELY(page_is_linked(ref)))
        return false;
    proc_critical_enter(proc);
    while ((word & (FRAME_EXCLUSIVE | FRAME_SHARES)) == FRAME_SHARE) {
        if (!atomic_compare_exchange_weak(&f->latch, &word, (word & ~FRAME_SHARES) | FRAME_EXCLUSIVE))
            continue;
        ref->exclusive = true;
        ref->shared = proc->pins[ref->note].shared = false;
        if ((UNLIKELY(atomic_load_explicit(&page_cache(proc)->fork_flag, memory_order_relaxed) != 0) &&
             atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1) ||
            has_no_room_to_keep(cx, f)) {
            /* Back to the share latch in one step: nothing has been changed yet. */
            ref->exclusive = false;
            ref->shared = proc->pins[ref->note].shared = true;
            atomic_fetch_add(&f->latch, FRAME_SHARE - FRAME_EXCLUSIVE);
            break;
        }
        return true;
    }
    proc_critical_leave(proc);
    return false;
}

void
page_unlatch(Ctx *cx, PageRef *ref)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;
    uint64_t old;

    if (ref->exclusive) {
        ref->exclusive = false;
        old = atomic_fetch_add(&f->latch, FRAME_VERSION - FRAME_EXCLUSIVE);
        if (UNLIKELY(old & FRAME_WAITERS))
            page_wake_waiters(f);
        proc_critical_leave(proc);
        return;
    }
    ASSERT(ref->shared);
    proc_instant_enter(proc);
    old = atomic_fetch_sub(&f->latch, FRAME_SHARE);
    ref->shared = proc->pins[ref->note].shared = false;
    proc_instant_leave(proc);
    if (UNLIKELY(old & FRAME_WAITERS))
        page_wake_waiters(f);
}

/* ---- pages with raw ids -------------------------------------------------------------------------------- */

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
            (!frame_is_dirty(f) && f->raw_min == 0))
            return false;
        __builtin_ia32_pause();
    }
    return true;
}

void
page_list_raw(Ctx *cx, uint32_t frame_no, PageId id, Xid least)
{
    PageCache *cache = page_cache(cx->proc);
    PageRef ref;

    if (!page_pin_frame(cx, frame_no, &ref))
        return;
    page_latch_exclusive(cx, &ref);
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
