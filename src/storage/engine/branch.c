/* branch.c - making and dropping root branches.
 *
 * A branch is its relations: dropping it drops them. As with relations, what has to happen at the end
 * of the transaction is queued there, and noted in the entry for the janitor. */
#include "storage/engine/engine_shared.h"
#include "storage/branch/fork.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

static BranchEntry *
find(EngineShared *s, BranchId id)
{
    for (uint32_t i = 0; i < s->branch_high; i++) {
        if (s->branches[i].state == BRANCH_LIVE && s->branches[i].id == id)
            return &s->branches[i];
    }
    return NULL;
}

static void
forget(Ctx *cx, void *arg, Lsn lsn)
{
    EngineShared *s = engine_shared(cx->engine);
    BranchEntry *e = arg;

    rel_drop_branch(cx, e->id, lsn);
    latch_take(cx->proc, &s->branch_latch);
    e->state = BRANCH_FREE;
    atomic_store(&e->creator_xid, 0);
    atomic_store(&e->dropper_xid, 0);
    latch_drop(cx->proc, &s->branch_latch);
}

static void
end_create(Ctx *cx, void *arg, bool committed)
{
    BranchEntry *e = find(engine_shared(cx->engine), *(BranchId *)arg);

    if (e == NULL)
        return;
    if (committed)
        atomic_store(&e->creator_xid, 0);
    else
        rel_log_gone(cx, e->id, RELATION_NONE, forget, e);
}

static void
end_drop(Ctx *cx, void *arg, bool committed)
{
    BranchEntry *e = find(engine_shared(cx->engine), *(BranchId *)arg);

    if (e == NULL)
        return;
    if (committed)
        forget(cx, e, txn_committed_at(cx, cx->proc));
    else
        atomic_store(&e->dropper_xid, 0);
}

/* An entry with this id; NULL when the registry is full. Latch held. */
static BranchEntry *
take_entry(EngineShared *s, BranchId id, Xid xid)
{
    BranchEntry *e = NULL;

    for (uint32_t i = 0; i < s->branch_high && e == NULL; i++) {
        if (s->branches[i].state == BRANCH_FREE)
            e = &s->branches[i];
    }
    if (e == NULL) {
        if (s->branch_high == BRANCHES_MOST)
            return NULL;
        e = &s->branches[s->branch_high++];
    }
    e->id = id;
    s->next_branch = MAX_OF(s->next_branch, id + 1);
    e->state = BRANCH_LIVE;
    e->parent = 0;
    e->fork_epoch = 0;
    e->fork_csn = 0;
    atomic_store(&e->creator_xid, xid);
    atomic_store(&e->dropper_xid, 0);
    memset(e->counters, 0, sizeof(e->counters));
    memset(e->reset, 0, sizeof(e->reset));
    e->reset_us = 0;
    return e;
}

/* An entry for this transaction, to be undone with it. */
static Status
make_entry(Ctx *cx, BranchId *out)
{
    EngineShared *s = engine_shared(cx->engine);
    BranchId *id = arena_alloc(txn_arena(cx), sizeof(*id));
    uint32_t command_id;
    BranchEntry *e;
    Xid xid;

    TRY(txn_write_id(cx, &xid, &command_id));
    latch_take(cx->proc, &s->branch_latch);
    e = take_entry(s, s->next_branch, xid);
    if (e != NULL)
        *id = e->id;
    latch_drop(cx->proc, &s->branch_latch);
    if (e == NULL)
        return fail(cx, ST_ERROR, "54000", "too many databases and branches: there are %d", BRANCHES_MOST);
    txn_at_end(cx, end_create, id);
    *out = *id;
    return ST_OK;
}

Status
engine_branch_create(Ctx *cx, BranchId *out)
{
    Xid xid;

    TRY(make_entry(cx, out));
    xid = txn_current_id(cx);
    if (wal_is_on(cx->proc)) {
        wal_secure(cx);
        (void)wal_insert(cx, RECORD_BRANCH_CREATE, (WalTarget){.branch = *out},
                         &(RecordPart){&xid, sizeof(xid)}, 1);
    }
    return ST_OK;
}

Status
engine_branch_fork(Ctx *cx, BranchId parent, BranchId *out)
{
    ASSERT(parent != BRANCH_SHARED); /* B6 */
    TRY(make_entry(cx, out));
    return branch_fork(cx, parent, *out, txn_current_id(cx));
}

void
branch_set_fork(Ctx *cx, BranchId id, BranchId parent, uint64_t epoch, Csn csn)
{
    BranchEntry *e = find(engine_shared(cx->engine), id);

    ASSERT(e != NULL);
    e->parent = parent;
    e->fork_epoch = epoch;
    e->fork_csn = csn;
}

Status
engine_branch_drop(Ctx *cx, BranchId branch)
{
    BranchEntry *e = find(engine_shared(cx->engine), branch);
    BranchId *id = arena_alloc(txn_arena(cx), sizeof(*id));
    uint32_t command_id;
    Xid xid;

    ASSERT(branch != BRANCH_SHARED);
    TRY(txn_write_id(cx, &xid, &command_id));
    if (e == NULL)
        return fail(cx, ST_ERROR, "3D000", "branch %u does not exist", branch);
    atomic_store(&e->dropper_xid, xid);
    txn_note_gone(cx, branch, RELATION_NONE);
    *id = branch;
    txn_at_end(cx, end_drop, id);
    return ST_OK;
}

void
branch_finish_dead(Ctx *cx, const Proc *dead, Xid xid)
{
    EngineShared *s = engine_shared(cx->engine);

    for (uint32_t i = 0; i < s->branch_high; i++) {
        BranchEntry *e = &s->branches[i];
        Xid creator = atomic_load(&e->creator_xid), dropper = atomic_load(&e->dropper_xid);

        if (e->state != BRANCH_LIVE)
            continue;
        if (creator != 0 && xid_top(cx, creator) == xid) {
            if (xid_status(cx, creator, NULL) == XID_ABORTED) {
                rel_log_gone(cx, e->id, RELATION_NONE, forget, e);
                continue;
            }
            atomic_store(&e->creator_xid, 0);
        }
        if (dropper != 0 && xid_top(cx, dropper) == xid) {
            if (xid_status(cx, dropper, NULL) == XID_COMMITTED)
                forget(cx, e, txn_committed_at(cx, dead));
            else
                atomic_store(&e->dropper_xid, 0);
        }
    }
}

/* ---- recovery --------------------------------------------------------------------------------------------------- */

Status
branch_restore(Ctx *cx, BranchId id, Xid creator, BranchEntry **out)
{
    EngineShared *s = engine_shared(cx->engine);
    BranchEntry *e = find(s, id);

    latch_take(cx->proc, &s->branch_latch);
    if (e == NULL)
        e = take_entry(s, id, creator);
    latch_drop(cx->proc, &s->branch_latch);
    if (out != NULL)
        *out = e;
    return e != NULL ? ST_OK : fail(cx, ST_CORRUPT, "XX001", "the registry of branches is full");
}

void
branch_forget(Ctx *cx, BranchId id, Lsn lsn)
{
    BranchEntry *e = find(engine_shared(cx->engine), id);

    if (e != NULL)
        forget(cx, e, lsn);
    else
        rel_drop_branch(cx, id, lsn); /* its entry was gone already */
}

void
branch_finish_crashed(Ctx *cx)
{
    EngineShared *s = engine_shared(cx->engine);

    for (uint32_t i = 0; i < s->branch_high; i++) {
        BranchEntry *e = &s->branches[i];
        Xid creator = atomic_load(&e->creator_xid);

        if (e->state != BRANCH_LIVE || creator == 0)
            continue;
        if (creator < atomic_load(&txn_shared(cx->proc)->ids.trimmed) || /* the note is an old one */
            xid_status(cx, creator, NULL) == XID_COMMITTED)
            atomic_store(&e->creator_xid, 0);
        else
            forget(cx, e, 0); /* the first checkpoint begins behind the whole log */
    }
}

/* ---- counters ------------------------------------------------------------------------------------------------- */

uint64_t *
branch_counters(EngineShared *s, BranchId branch)
{
    BranchEntry *e;

    if (branch == BRANCH_SHARED)
        return s->shared_counters;
    e = find(s, branch);
    return e != NULL ? e->counters : NULL;
}

uint64_t *
branch_reset_counters(EngineShared *s, BranchId branch, int64_t **when_us)
{
    BranchEntry *e = branch == BRANCH_SHARED ? NULL : find(s, branch);

    if (e == NULL && branch != BRANCH_SHARED)
        return NULL;
    if (when_us != NULL)
        *when_us = e == NULL ? &s->shared_reset_us : &e->reset_us;
    return e == NULL ? s->shared_reset : e->reset;
}
