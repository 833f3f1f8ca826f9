/* latch.c - a three-state futex mutex (Drepper, "Futexes are tricky"): free, held, held with sleepers.
 * A little spinning first: what is guarded takes less time than a sleep. */
#include "shmem/sync/latch.h"

#include "shmem/proc/slot.h"
#include "shmem/sync/futex.h"

enum { SPIN_MOST = 200, SLEEP_MOST_US = 10000 };

void
latch_init(Latch *latch, LatchRank rank)
{
    atomic_init(&latch->word, 0);
    latch->rank = (uint16_t)rank;
    latch->owner = 0;
}

/* Partitions and relations share a rank: equal ranks are taken in address order. */
static void
push_rank(Proc *proc, const Latch *latch)
{
    uint32_t depth = proc->latch_depth;

    ASSERT(latch->rank != LATCH_RANK_NONE);
    ASSERT(depth < COUNT_OF(proc->latch_rank));
    ASSERT(depth == 0 || proc->latch_rank[depth - 1] <= latch->rank);
    proc->latch_rank[depth] = latch->rank;
    proc->latch_depth = depth + 1;
}

static void
pop_rank(Proc *proc, const Latch *latch)
{
    uint32_t depth = proc->latch_depth, i = depth;

    ASSERT(depth > 0);
    do {
        ASSERT(i > 0);
        i--;
    } while (proc->latch_rank[i] != latch->rank);
    for (; i + 1 < depth; i++)
        proc->latch_rank[i] = proc->latch_rank[i + 1];
    proc->latch_depth = depth - 1;
}

/* Who waits and holds nothing else may be killed (C1); it may then have been the one that was woken, so the others do
 * not sleep for ever. */
static void
take_contended(Proc *proc, Latch *latch)
{
    bool outermost = atomic_load_explicit(&proc->critical, memory_order_relaxed) == 1;
    uint32_t seen;

    for (int i = 0; i < SPIN_MOST; i++) {
        seen = 0;
        if (atomic_load_explicit(&latch->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak(&latch->word, &seen, 1))
            return;
        __builtin_ia32_pause();
    }
    while (atomic_exchange(&latch->word, 2) != 0) {
        if (outermost)
            proc_instant_leave(proc);
        futex_wait(&latch->word, 2, SLEEP_MOST_US);
        if (outermost)
            proc_instant_enter(proc);
    }
}

void
latch_take(Proc *proc, Latch *latch)
{
    uint32_t expected = 0;

    proc_critical_enter(proc);
    push_rank(proc, latch);
    if (UNLIKELY(!atomic_compare_exchange_strong(&latch->word, &expected, 1)))
        take_contended(proc, latch);
    latch->owner = (uint16_t)(proc->no + 1);
}

void
latch_drop(Proc *proc, Latch *latch)
{
    ASSERT(latch->owner == proc->no + 1);
    latch->owner = 0;
    if (atomic_exchange(&latch->word, 0) == 2)
        futex_wake(&latch->word, 1);
    pop_rank(proc, latch);
    proc_critical_leave(proc);
}
