/* page_fork.c - nobody changes a page while a branch is forked (B1), or for as long as somebody holds everything.
 *
 * Who holds everything wants no transaction between its commit and what has to be done at its end, too. What is done there changes
 * pages (a drop of branches frees old images), so those ends have to come before the changes are held back, in two steps, each
 * with a flag of its own: first nobody begins to end, and those who do, or the janitor for one that was killed, finish; then nobody
 * changes. */
#include <sched.h>

#include "base/stop_point.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/sync/futex.h"

/* B1: new changes wait while a fork is being made. */
void
page_wait_for_fork(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    while (atomic_load(&cache->fork_flag) != 0) {
        stop_point("page.fork_is_on");
        futex_wait(&cache->fork_flag, 1, 1000);
    }
}

void
page_enter_between_forks(Ctx *cx)
{
    ASSERT(!proc_in_critical(cx->proc));
    for (;;) {
        proc_critical_enter(cx->proc);
        if (!page_fork_is_on(cx))
            return;
        proc_critical_leave(cx->proc);
        page_wait_for_fork(cx);
    }
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
        page_wait_for_fork(cx);
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

static void
wait_for_hold(PageCache *cache)
{
    while (atomic_load(&cache->hold_flag) != 0)
        futex_wait(&cache->hold_flag, 1, 1000);
}

/* Either the holder sees us, or we see its flag: both are stores before loads of the other's. */
Status
page_ending_begin(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    for (;;) {
        atomic_store(&cx->proc->ending, 1);
        if (LIKELY(atomic_load(&cache->hold_flag) == 0))
            return ST_OK;
        atomic_store(&cx->proc->ending, 0);
        if (cx->proc->kind == PROC_JANITOR)
            return fail(cx, ST_CANCELED, "57014", "a checkpoint holds everything");
        wait_for_hold(cache);
    }
}

/* A session that was killed while it ended is waited for until the janitor has finished its work. */
static void
wait_for_endings(ProcTable *procs)
{
    for (uint32_t no = 0; no < atomic_load(&procs->high); no++) {
        while (atomic_load(&proc_slot(procs, no)->ending) != 0)
            sched_yield();
    }
}

void
page_hold_begin(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t expected = 0;

    while (!atomic_compare_exchange_strong(&cache->hold_flag, &expected, 1)) {
        wait_for_hold(cache);
        expected = 0;
    }
    wait_for_endings(proc_table_of(cx->proc));
    page_fork_begin(cx);
    proc_critical_leave(cx->proc);
}

void
page_hold_end(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    proc_critical_enter(cx->proc);
    page_fork_end(cx);
    atomic_store(&cache->hold_flag, 0);
    futex_wake(&cache->hold_flag, INT32_MAX);
}
