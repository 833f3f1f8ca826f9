/* janitor.c - background work, one step at a time (E1).
 *
 * 1. Sessions that were killed (C3): their transaction is decided, their locks, pins and everything else
 *    their slot lists is given up, in an order in which nobody sees a half: first the fate, so that who
 *    waits for it gets an answer, then locks and pages, last the slot.
 * 2. Pages that hold raw transaction ids are resolved, and the id table is cut (T6): this is why ten
 *    million small transactions leave memory as it was.
 * 3. Free frames go back to the system when there are many of them; the clock is compared (T9); sessions without work keep to no
 *    core any more. */
#include "base/env.h"
#include "base/stop_point.h"
#include "shmem/lock/lock_table.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "shmem/proc/follow.h"
#include "storage/engine/engine_shared.h"
#include "storage/heap/heap_resolve.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/store/checkpoint.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    VISIT_EVERY_IDS = 16 * 1024,
    CLOCK_EVERY_US = 1000 * 1000,
    EXPIRE_EVERY_US = ENGINE_EXPIRE_MS * 1000,
    IDLE_MS = 200,
    BUSY_MS = 10
};

static void
bury(Ctx *cx, Proc *dead)
{
    Xid xid = atomic_load(&dead->xid);

    page_forget_dead(cx, dead); /* it may have died since bury_all looked */
    wal_forget_dead(cx->proc, dead);
    if (xid != 0) {
        /* Decide, but keep the id noted until everything that hangs on it is done. */
        if (!txn_decide_dead(cx, dead))
            return; /* the next step tries again */
        rel_finish_dead(cx, dead, xid);
        branch_finish_dead(cx, dead, xid);
    }
    txn_forget_dead(cx, dead);
    lock_forget_dead(cx, dead);
    proc_instant_enter(cx->proc); /* C1: killed in between, we would leave them counted for ever */
    atomic_fetch_sub(&proc_region(dead)->used_bytes, atomic_exchange(&dead->private_bytes, 0));
    proc_instant_leave(cx->proc);
    rel_counts_flush(dead);
    branch_add_counters(cx, dead);
    dead->latch_depth = 0;
    atomic_store(&dead->files_open, 0);
    memset(dead->rel_cache, 0, sizeof(dead->rel_cache));
    proc_free_dead(dead);
}

/* The pages of all of them first: the end of one may have to wait for what another was reading or had pinned. */
static void
bury_all(Ctx *cx)
{
    ProcTable *procs = proc_table_of(cx->proc);
    uint32_t high;

    page_forget_all_dead(cx);
    stop_point("janitor.pages_forgotten");
    high = atomic_load(&procs->high);
    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(procs, no);

        if (proc_state(p) == PROC_DEAD)
            bury(cx, p);
    }
}

/* 2. */
static Status
cut_ids(Ctx *cx, EngineShared *s, bool *more)
{
    IdTable *ids = &txn_shared(cx->proc)->ids;
    Xid next = atomic_load(&ids->next), running, oldest;

    *more = false;
    if (next - atomic_load(&s->visited_xid) < VISIT_EVERY_IDS)
        return ST_OK;
    /* In this order: what is not running now has put all its ids on listed pages. */
    running = id_oldest_running(cx, ids);
    TRY(page_raw_visit(cx, heap_resolve, &oldest));
    if (cache_has_store(page_cache(cx->proc)))
        oldest = MIN_OF(oldest, store_oldest_raw(cx));
    id_trim(cx, ids, MIN_OF(running, oldest));
    stop_point("janitor.ids_cut");
    atomic_store(&s->visited_xid, next);
    *more = true;
    return ST_OK;
}

static void
compare_clock(Ctx *cx, EngineShared *s)
{
    uint64_t now = env_mono_us(cx->env), last = atomic_load(&s->adjusted_us);

    if (now - last < CLOCK_EVERY_US)
        return;
    /* Only one janitor does it. */
    if (atomic_compare_exchange_strong(&s->adjusted_us, &last, now))
        txn_clock_adjust(&txn_shared(cx->proc)->clock, cx->env, cx->proc);
}

void
engine_expire_follows(Ctx *cx)
{
    EngineShared *s = engine_shared(cx->engine);
    uint64_t now = env_mono_us(cx->env), last = atomic_load(&s->expired_us);

    if (now - last >= EXPIRE_EVERY_US && atomic_compare_exchange_strong(&s->expired_us, &last, now))
        proc_follow_expire(proc_table_of(cx->proc));
}

Status
engine_janitor_step(Ctx *cx, uint32_t *idle_ms)
{
    EngineShared *s = engine_shared(cx->engine);
    bool more;

    atomic_fetch_and(&cx->proc->interrupt, ~(uint32_t)(INTERRUPT_WAKE | INTERRUPT_DEATH));
    engine_rest(cx);
    engine_expire_follows(cx);
    bury_all(cx);
    TRY(cut_ids(cx, s, &more));
    frame_trim(cx);
    compare_clock(cx, s);
    *idle_ms = more ? BUSY_MS : IDLE_MS;
    return ST_OK;
}
