/* snapshot.c - which commits a statement sees, and how far back anybody still looks (T3, T8).
 *
 * A slot holds the oldest commit number its session still reads with. A session registers one when it
 * has none, with the handshake of T8; newer snapshots are then protected by the older registration.
 * A READ COMMITTED transaction holds none between its statements. */
#include "base/stop_point.h"
#include "storage/txn/txn_int.h"

/* Makes sure that rows visible at the returned number stay. */
static Csn
register_newest(Ctx *cx)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);

    for (;;) {
        Csn csn = atomic_load_explicit(&s->visible_csn, memory_order_acquire);

        if (atomic_load_explicit(&proc->snapshot_csn, memory_order_relaxed) != 0)
            return csn;
        atomic_store(&proc->snapshot_csn, csn); /* sequentially consistent: the fence of T8 */
        if (LIKELY(atomic_load(&s->prune_horizon) <= csn))
            return csn;
        atomic_store(&proc->snapshot_csn, 0);
    }
}

Status
txn_snapshot(Ctx *cx, Snapshot *out)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    if (t->isolation == ISOLATION_READ_COMMITTED) {
        out->csn = register_newest(cx);
    } else {
        if (!t->standing) {
            t->repeatable = register_newest(cx);
            t->standing = true;
        }
        out->csn = t->repeatable;
    }
    stop_point("txn.snapshot.taken");
    out->command_id = t->command_id;
    t->snapshot_taken = true;
    t->snapshot_depth++;
    return ST_OK;
}

void
txn_snapshot_release(Ctx *cx)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    if (t->snapshot_depth > 0)
        t->snapshot_depth--;
    if (t->snapshot_depth == 0 && !t->standing)
        atomic_store_explicit(&cx->proc->snapshot_csn, 0, memory_order_release);
}

Status
txn_catalog_snapshot(Ctx *cx, Snapshot *out)
{
    ASSERT(cx->txn != NULL);
    out->csn = register_newest(cx);
    out->command_id = cx->txn->command_id;
    return ST_OK;
}

Status
txn_protect(Ctx *cx)
{
    (void)register_newest(cx);
    return ST_OK;
}

/* ---- the past (T9) -------------------------------------------------------------------------------------------- */

Csn
csn_of_time(Ctx *cx, uint64_t time_us)
{
    return MIN_OF((Csn)time_us, atomic_load(&txn_shared(cx->proc)->visible_csn));
}

Status
txn_snapshot_at(Ctx *cx, Csn csn, Snapshot *out)
{
    Proc *proc = cx->proc;
    Csn old = atomic_load(&proc->snapshot_csn);

    ASSERT(cx->txn != NULL);
    if (old == 0 || csn < old)
        atomic_store(&proc->snapshot_csn, csn);
    if (atomic_load(&txn_shared(proc)->prune_horizon) > csn) {
        atomic_store(&proc->snapshot_csn, old);
        return fail(cx, ST_ERROR, "72000", "snapshot too old");
    }
    *out = (Snapshot){.csn = csn, .command_id = cx->txn->command_id};
    cx->txn->snapshot_depth++;
    return ST_OK;
}

/* ---- the horizon ------------------------------------------------------------------------------------------------ */

static void
raise_to(_Atomic Csn *to, Csn csn)
{
    Csn seen = atomic_load(to);

    while (seen < csn && !atomic_compare_exchange_weak(to, &seen, csn))
        ;
}

Csn
txn_horizon(Ctx *cx, Csn want)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);
    ProcTable *procs = proc_table_of(proc);
    Csn horizon = atomic_load(&s->horizon);
    uint64_t retention = atomic_load_explicit(&s->retention_us, memory_order_relaxed);
    uint32_t high;

    if (horizon >= want)
        return horizon;
    horizon = atomic_load(&s->visible_csn);
    if (retention != 0) {
        uint64_t now = txn_clock_us(&s->clock, cx->env);

        horizon = MIN_OF(horizon, now > retention ? now - retention : 1);
    }
    raise_to(&s->prune_horizon, horizon); /* from here on no older snapshot becomes valid */
    atomic_thread_fence(memory_order_seq_cst);
    high = atomic_load(&procs->high);
    for (uint32_t no = 0; no < high; no++) {
        Csn csn = atomic_load_explicit(&proc_slot(procs, no)->snapshot_csn, memory_order_acquire);

        if (csn != 0 && csn < horizon)
            horizon = csn;
    }
    raise_to(&s->horizon, horizon);
    return atomic_load(&s->horizon);
}
