/* page_latch.c - the latches of pinned frames (pagecache.h has the word they lie in). */
#include <sched.h>

#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/sync/futex.h"

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

/* Sleeps until the word changes; the caller has seen `word` and could not have its latch. */
static void
latch_sleep(Proc *proc, Frame *f, uint64_t word)
{
    if (!(word & FRAME_WAITERS) && !atomic_compare_exchange_strong(&f->latch, &word, word | FRAME_WAITERS))
        return;
    proc_set_wait(proc, WAIT_PAGE_LATCH);
    futex_wait(latch_low_half(f), (uint32_t)(word | FRAME_WAITERS), 10000);
    proc_set_wait(proc, WAIT_NONE);
}

/* The same inside of proc_critical_enter: who waits and holds nothing else may be killed (C1). */
static void
latch_sleep_outside(Proc *proc, Frame *f, uint64_t word)
{
    bool outermost = atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1;

    if (outermost)
        proc_instant_leave(proc);
    latch_sleep(proc, f, word);
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
            latch_sleep(proc, f, word);
            continue;
        }
        __builtin_ia32_pause();
    }
}

/* C5: the page was pinned before it was forked, so nothing is set aside for its old image (pin), nor for those of the pages that are
 * latched after it. To be asked below the latch: from there on nobody forks. */
static bool
has_no_room_to_keep(Ctx *cx, const Frame *f)
{
    const Proc *proc = cx->proc;
    const PageCache *cache = page_cache(proc);
    const CacheRel *rel;

    if (LIKELY(atomic_load_explicit(&cache->last_fork_epoch, memory_order_relaxed) == 0) ||
        LIKELY(proc->stash_count >= CACHE_KEPT_MOST) ||
        atomic_load_explicit(&proc->critical, memory_order_relaxed) > 1)
        return false;
    rel = cache_rel(cx, f->branch, f->relation);
    return rel != NULL && atomic_load(&rel->kept_epoch) != 0;
}

/* There is no way to fail here: others give frames back, or the cleaner does. */
static void
make_room_to_keep(Ctx *cx)
{
    uint64_t deadline_us = cx->deadline_us;
    Status rc, failed = ST_OK;

    while ((rc = frame_reserve(cx, CACHE_KEEP_FRAMES, true)) != ST_OK) {
        if (failed != ST_CANCELED)
            failed = rc;
        sched_yield();
    }
    if (failed != ST_OK)
        proc_pass_over(cx, failed, deadline_us);
}

void
page_wait_for_room(Proc *proc)
{
    ChangeGate *gate = &page_cache(proc)->gate;

    if (LIKELY(change_gate_open(gate)))
        return;
    proc_count(proc, COUNT_LOG_FULL, 1);
    proc_set_wait(proc, WAIT_LOG_ROOM);
    change_gate_wait(gate);
    proc_set_wait(proc, WAIT_NONE);
}

/* Below the exclusive latch, within proc_critical_enter: is somebody forking (B1)? In a critical section that began earlier the
 * forker waits for us. */
static bool
must_let_fork(const Proc *proc)
{
    return UNLIKELY(atomic_load_explicit(&page_cache(proc)->fork_flag, memory_order_relaxed) != 0) &&
           atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1;
}

/* For those who only try. */
static bool
may_change(Ctx *cx, const Frame *f)
{
    return LIKELY(!must_let_fork(cx->proc)) && !has_no_room_to_keep(cx, f);
}

/* The janitor may be waiting for what a killed session had latched: nobody else gives that up. */
static void
give_up_for_dead(Ctx *cx)
{
    proc_critical_leave(cx->proc);
    page_forget_all_dead(cx);
    proc_critical_enter(cx->proc);
}

/* `changes`: the page itself, so that there has to be room in the log, and for its old image. */
static void
latch_exclusive(Ctx *cx, PageRef *ref, bool changes)
{
    Proc *proc = cx->proc;
    Frame *f = ref->frame;

    if (changes && !proc_in_critical(proc))
        page_wait_for_room(proc);
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
                bool forking = must_let_fork(proc);

                if (LIKELY(!forking) && !(changes && has_no_room_to_keep(cx, f)))
                    return;
                page_unlatch(cx, ref);
                if (forking)
                    page_wait_for_fork(cx);
                else
                    make_room_to_keep(cx);
                proc_critical_enter(proc);
                continue;
            }
        } else if (spins > CACHE_SPIN_MOST) {
            latch_sleep_outside(proc, f, word);
            if (proc->kind == PROC_JANITOR)
                give_up_for_dead(cx);
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
page_latch_aside(Ctx *cx, PageRef *ref)
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
        if (may_change(cx, f))
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
        if (may_change(cx, f))
            return true;
        /* Back to the share latch in one step: nothing has been changed yet. */
        ref->exclusive = false;
        ref->shared = proc->pins[ref->note].shared = true;
        atomic_fetch_add(&f->latch, FRAME_SHARE - FRAME_EXCLUSIVE);
        break;
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
