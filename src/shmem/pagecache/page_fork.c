/* page_fork.c - nobody changes a page while a branch is forked (B1), or for as long as somebody holds everything. */
#include <sched.h>

#include "shmem/pagecache/pagecache_int.h"
#include "shmem/sync/futex.h"

/* B1: new changes wait while a fork is being made. */
void
page_wait_for_fork(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    while (atomic_load(&cache->fork_flag) != 0)
        futex_wait(&cache->fork_flag, 1, 1000);
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
