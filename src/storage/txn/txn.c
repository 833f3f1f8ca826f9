/* txn.c - beginning and ending transactions.
 *
 * Commit (T2, memory mode): below the commit latch the transaction gets a commit number, its word in
 * the id table becomes that number (which commits the whole tree of savepoints at once), and
 * visible_csn moves to it. All earlier numbers were published below the same latch, so one store does.
 * Only then do locks go and waiters wake (T4): whoever has waited sees the result.
 *
 * A transaction that never wrote has no id and ends without touching anything shared but its own
 * slot. */
#include "storage/txn/txn.h"

#include <stdlib.h>

#include "base/stop_point.h"
#include "shmem/lock/lock_table.h"
#include "storage/engine/engine.h"
#include "storage/txn/txn_int.h"
#include "storage/txn/txn_log.h"
#include "storage/wal/wal.h"

uint64_t
txn_shared_bytes(void)
{
    return sizeof(TxnShared) + 128;
}

void
txn_shared_carve(Region *region, Env *env)
{
    TxnShared *s = region_carve(region, sizeof(TxnShared), 64);

    latch_init(&s->commit_latch, LATCH_COMMIT);
    id_table_init(&s->ids, region_ref(region, &s->ids));
    txn_clock_start(&s->clock, env, 0);
    /* Snapshots start above 0, which means "none" in a slot. */
    s->last_csn = 1;
    atomic_init(&s->visible_csn, 1);
    atomic_init(&s->durable_csn, 1);
    region->part[PART_TXN] = region_ref(region, s);
}

Status
txn_session_open(Ctx *cx)
{
    Txn *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    arena_init(&t->arena, "transaction", NULL);
    cx->txn_idle = t;
    return ST_OK;
}

void
txn_session_close(Ctx *cx)
{
    ASSERT(cx->txn == NULL);
    if (cx->txn_idle == NULL)
        return;
    arena_free(&cx->txn_idle->arena);
    free(cx->txn_idle);
    cx->txn_idle = NULL;
}

Status
txn_begin(Ctx *cx, Isolation isolation)
{
    Txn *t = cx->txn_idle;

    ASSERT(cx->txn == NULL);
    ASSERT(t != NULL);
    ASSERT(atomic_load(&cx->proc->xid) == 0);
    t->isolation = isolation;
    t->log_start = cx->proc->log_last;
    cx->txn = t;
    return ST_OK;
}

void
txn_run_ends(Ctx *cx, Txn *t, const EndCall *until, bool committed)
{
    while (t->ends != until) {
        EndCall *call = t->ends;

        ASSERT(call != NULL);
        t->ends = call->older;
        call->end(cx, call->arg, committed);
    }
}

/* Everything but the fate: callbacks, locks, snapshot, memory. */
static void
finish(Ctx *cx, Txn *t, bool committed)
{
    Proc *proc = cx->proc;
    Arena arena;

    txn_run_ends(cx, t, NULL, committed);
    atomic_store_explicit(&proc->ending, 0, memory_order_release);
    proc_count(proc, committed ? COUNT_COMMITS : COUNT_ROLLBACKS, 1);
    /* Before the locks go: a VACUUM that waited for them must not find that we still look at the past. */
    atomic_store_explicit(&proc->snapshot_csn, 0, memory_order_release);
    if (t->xid != 0) {
        lock_transaction_ended(cx, proc, t->xid);
        atomic_store(&proc->xid, 0);
    }
    lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    stop_point("txn.locks_are_gone");
    frame_stash_shrink(proc);
    arena_reset(&t->arena);
    arena = t->arena;
    *t = (Txn){.arena = arena};
    cx->txn = NULL;
}

/* S4: a checkpoint of a store without a log has all of a transaction or nothing. */
static Status
begin_ending(Ctx *cx)
{
    return UNLIKELY(page_cache(cx->proc)->unlogged_store) ? page_ending_begin(cx) : ST_OK;
}

/* T2. With a log too, for who has only locked rows or changed temporary tables: there is nothing to be made durable, so if all
 * before it is, it is. Else the next flush raises durable_csn, to the commits before it. */
static void
publish_commit(Ctx *cx, Txn *t)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);
    uint64_t now = txn_clock_us(&s->clock, cx->env);
    PageCache *cache = page_cache(proc);
    Csn csn;

    latch_take(proc, &s->commit_latch);
    csn = MAX_OF(now, s->last_csn + 1);
    s->last_csn = csn;
    if (t->invalidations.count > 0)
        invalidation_publish(proc, &t->invalidations);
    if (t->structural)
        atomic_fetch_add(&s->structure_commits, 1);
    id_set(cache, &s->ids, t->xid, csn);
    stop_point("txn.commit.before_visible");
    if (!wal_is_on(proc) || wal_commits_are_durable(proc))
        atomic_store(&s->durable_csn, csn);
    if (atomic_load(&s->visible_csn) < csn)
        atomic_store(&s->visible_csn, csn);
    latch_drop(proc, &s->commit_latch);
}

Status
txn_commit(Ctx *cx)
{
    Txn *t = cx->txn;
    Status rc = ST_OK;

    ASSERT(t != NULL);
    ASSERT(!proc_in_critical(cx->proc));
    if (t->level_count > 0)
        txn_release(cx, 1);
    /* Messages without an own write: an id makes the commit an ordinary one. */
    if (t->xid == 0 && t->invalidations.count > 0) {
        Xid xid;

        rc = txn_assign_id(cx, &xid);
    }
    if (rc == ST_OK && txn_log_is_needed(cx, t)) {
        rc = txn_log_commit(cx, t);
    } else if (rc == ST_OK && t->xid != 0) {
        rc = begin_ending(cx);
        if (rc == ST_OK)
            publish_commit(cx, t);
    }
    if (rc != ST_OK) {
        txn_abort(cx);
        return rc;
    }
    stop_point("txn.commit.before_locks_go");
    finish(cx, t, true);
    return ST_OK;
}

void
txn_abort(Ctx *cx)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    ASSERT(!proc_in_critical(cx->proc));
    if (t->xid != 0) {
        TxnShared *s = txn_shared(cx->proc);

        id_set(page_cache(cx->proc), &s->ids, t->xid, ID_ABORTED);
    }
    t->level_count = 0;
    row_count_roll_back(cx, t, 0);
    finish(cx, t, false);
}

bool
txn_has_written(const Ctx *cx)
{
    return cx->txn != NULL && cx->txn->xid != 0;
}

Isolation
txn_isolation(const Ctx *cx)
{
    ASSERT(cx->txn != NULL);
    return cx->txn->isolation;
}

void
txn_set_isolation(Ctx *cx, Isolation isolation)
{
    ASSERT(cx->txn != NULL);
    ASSERT(!cx->txn->snapshot_taken || cx->txn->isolation == isolation);
    cx->txn->isolation = isolation;
}

void
txn_set_asynchronous(Ctx *cx, bool yes)
{
    cx->proc->log_asynchronous = yes;
}

/* ---- ids ---------------------------------------------------------------------------------------------------- */

Xid
txn_id(const Ctx *cx)
{
    return cx->txn != NULL ? cx->txn->xid : 0;
}

Status
txn_assign_id(Ctx *cx, Xid *out)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    if (t->xid == 0) {
        Xid xid;

        TRY(id_assign(cx, &txn_shared(cx->proc)->ids, 0, &xid));
        t->xid = xid;
    }
    *out = t->xid;
    return ST_OK;
}

static void
remember_sub(Txn *t, Xid xid, int level)
{
    if (t->sub_count == t->sub_capacity) {
        uint32_t capacity = MAX_OF(16, t->sub_capacity * 2);
        SubId *subs = arena_alloc(&t->arena, sizeof(SubId) * capacity);

        if (t->sub_count > 0)
            memcpy(subs, t->subs, sizeof(SubId) * t->sub_count);
        t->subs = subs;
        t->sub_capacity = capacity;
    }
    ASSERT(t->sub_count == 0 || t->subs[t->sub_count - 1].level <= level);
    t->subs[t->sub_count++] = (SubId){xid, level};
}

/* Ids of all open levels from the outermost that has none: a child's id is larger than its parent's. */
static Status
assign_levels(Ctx *cx, Txn *t)
{
    Xid parent = t->xid;

    for (int i = 1; i <= t->level_count; i++) {
        Level *l = &t->levels[i];

        if (l->xid == 0) {
            Xid xid;

            TRY(id_assign(cx, &txn_shared(cx->proc)->ids, parent, &xid));
            l->xid = xid;
            remember_sub(t, xid, i);
        }
        parent = l->xid;
    }
    return ST_OK;
}

Status
txn_write_id(Ctx *cx, Xid *xid, uint32_t *command_id)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    TRY(wal_check_disk(cx));
    if (UNLIKELY(t->xid == 0)) {
        Xid top;

        TRY(txn_assign_id(cx, &top));
    }
    if (UNLIKELY(t->level_count > 0 && t->levels[t->level_count].xid == 0))
        TRY(assign_levels(cx, t));
    t->command_wrote = true;
    *xid = txn_current_id(cx);
    *command_id = t->command_id;
    return ST_OK;
}

Xid
txn_current_id(const Ctx *cx)
{
    const Txn *t = cx->txn;

    return t->level_count > 0 ? t->levels[t->level_count].xid : t->xid;
}

void
txn_note_structure(Ctx *cx)
{
    cx->txn->structural = true;
}

void
txn_note_gone(Ctx *cx, BranchId branch, RelationId relation)
{
    Txn *t = cx->txn;

    t->structural = true;
    if (t->gone_count == t->gone_capacity) {
        uint32_t capacity = MAX_OF(8, t->gone_capacity * 2);
        Gone *gone = arena_array(&t->arena, Gone, capacity);

        if (t->gone_count > 0)
            memcpy(gone, t->gone, sizeof(Gone) * t->gone_count);
        t->gone = gone;
        t->gone_capacity = capacity;
    }
    t->gone[t->gone_count++] = (Gone){branch, relation};
}

void
txn_next_command(Ctx *cx)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    if (!t->command_wrote)
        return;
    ASSERT(t->command_id < UINT32_MAX);
    t->command_id++;
    t->command_wrote = false;
}

void
txn_at_end(Ctx *cx, TxnEnd end, void *arg)
{
    Txn *t = cx->txn;
    EndCall *call;

    ASSERT(t != NULL);
    call = arena_alloc(&t->arena, sizeof(*call));
    *call = (EndCall){t->ends, end, arg};
    t->ends = call;
}

Arena *
txn_arena(Ctx *cx)
{
    ASSERT(cx->txn != NULL);
    return &cx->txn->arena;
}

void
engine_invalidate_at_commit(Ctx *cx, Invalidation message)
{
    ASSERT(cx->txn != NULL);
    invalidation_add(&cx->txn->invalidations, &cx->txn->arena, message);
}

/* ---- a dead session's transaction (C3) --------------------------------------------------------------------------- */

bool
txn_decide_dead(Ctx *cx, Proc *dead)
{
    Xid xid = atomic_load(&dead->xid);
    TxnShared *s = txn_shared(cx->proc);
    uint64_t state = ID_RUNNING;

    if (xid == 0 ||
        atomic_compare_exchange_strong(id_slot(page_cache(cx->proc), &s->ids, xid), &state, ID_ABORTED))
        return true;
    /* It had committed: then it counts as such from now on. */
    while (state != ID_ABORTED && atomic_load(&s->visible_csn) < state && wal_is_on(cx->proc)) {
        if (wal_try_flushed(cx, wal_copied(cx->proc)) != ST_OK) {
            ctx_error_clear(cx);
            return false;
        }
    }
    if (state !=
        ID_ABORTED) { /* its messages came once, before the commit could be seen; what they were is not known any more */
        latch_take(cx->proc, &s->commit_latch);
        invalidation_publish_all(cx->proc);
        latch_drop(cx->proc, &s->commit_latch);
    }
    return true;
}

Lsn
txn_committed_at(Ctx *cx, const Proc *proc)
{
    return wal_is_on(cx->proc) ? proc->log_last : wal_position(cx->proc);
}

void
txn_forget_dead(Ctx *cx, Proc *dead)
{
    Xid xid = atomic_load(&dead->xid);

    if (xid != 0) {
        lock_transaction_ended(cx, dead, xid);
        atomic_store(&dead->xid, 0);
    }
    atomic_store(&dead->snapshot_csn, 0);
}
