/* rel.c - making and dropping relations as part of a transaction.
 *
 * What has to happen at the end of the transaction is queued with txn_at_end, and noted in the relation
 * itself (creator, dropper): if the session is killed, the janitor finishes by those notes. */
#include "storage/rel/rel.h"

#include "shmem/pagecache/pagecache.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"

typedef struct RelName {
    BranchId branch;
    RelationId relation;
} RelName;

static RelName *
name_of(Ctx *cx, BranchId branch, RelationId relation)
{
    RelName *n = arena_alloc(txn_arena(cx), sizeof(*n));

    *n = (RelName){branch, relation};
    return n;
}

static void
end_create(Ctx *cx, void *arg, bool committed)
{
    const RelName *n = arg;
    CacheRel *rel = cache_rel(cx, n->branch, n->relation);

    if (rel == NULL)
        return; /* dropped by the same transaction */
    if (committed)
        atomic_store(&rel->creator_xid, 0);
    else
        cache_rel_drop(cx, rel);
}

static void
end_drop(Ctx *cx, void *arg, bool committed)
{
    const RelName *n = arg;
    CacheRel *rel = cache_rel(cx, n->branch, n->relation);

    if (rel == NULL)
        return;
    if (committed)
        cache_rel_drop(cx, rel);
    else
        atomic_store(&rel->dropper_xid, 0);
}

Status
rel_create(Ctx *cx, BranchId branch, Persistence persistence, RelationId *out)
{
    RelationId id = cache_rel_next_id(cx);
    uint32_t command_id;
    CacheRel *rel;
    Xid xid;

    TRY(txn_write_id(cx, &xid, &command_id));
    TRY(cache_rel_make(cx, branch, id, persistence, &rel));
    atomic_store(&rel->creator_xid, xid);
    txn_at_end(cx, end_create, name_of(cx, branch, id));
    *out = id;
    return ST_OK;
}

Status
rel_create_fixed(Ctx *cx, BranchId branch, RelationId relation)
{
    CacheRel *rel;

    ASSERT(relation < RELATION_FIRST);
    return cache_rel_make(cx, branch, relation, PERSIST_PERMANENT, &rel);
}

void
rel_drop_at_commit(Ctx *cx, BranchId branch, RelationId relation)
{
    CacheRel *rel = cache_rel(cx, branch, relation);

    if (rel == NULL)
        return;
    atomic_store(&rel->dropper_xid, txn_current_id(cx));
    txn_at_end(cx, end_drop, name_of(cx, branch, relation));
}

BlockNo
rel_length(Ctx *cx, BranchId branch, RelationId relation, Fork fork)
{
    const CacheRel *rel = cache_rel(cx, branch, relation);

    return rel != NULL ? cache_rel_length(rel, fork) : 0;
}

/* ---- for the janitor and for branches ------------------------------------------------------------------------ */

typedef struct Sweep {
    Xid xid;
    BranchId branch;
} Sweep;

static void
sweep_dead(Ctx *cx, void *arg, CacheRel *rel)
{
    const Sweep *s = arg;
    Xid creator = atomic_load(&rel->creator_xid), dropper = atomic_load(&rel->dropper_xid);
    Xid forgotten = atomic_load(&txn_shared(cx->proc)->ids.trimmed);
    Csn csn;

    if (rel->relation == RELATION_NONE)
        return;
    /* An id that has been forgotten and is still here: a session was killed while it rolled back the
     * savepoint; no living session has such an old id. */
    if (creator != 0 && creator < forgotten) {
        cache_rel_drop(cx, rel);
        return;
    }
    if (dropper != 0 && dropper < forgotten) {
        atomic_store(&rel->dropper_xid, 0);
        dropper = 0;
    }
    /* The savepoint it was made or dropped in may have been rolled back or not: ask for its own id. */
    if (creator != 0 && xid_top(cx, creator) == s->xid) {
        if (xid_status(cx, creator, &csn) == XID_ABORTED) {
            cache_rel_drop(cx, rel);
            return;
        }
        atomic_store(&rel->creator_xid, 0);
    }
    if (dropper != 0 && xid_top(cx, dropper) == s->xid) {
        if (xid_status(cx, dropper, &csn) == XID_COMMITTED)
            cache_rel_drop(cx, rel);
        else
            atomic_store(&rel->dropper_xid, 0);
    }
}

void
rel_finish_dead(Ctx *cx, Xid xid)
{
    Sweep s = {.xid = xid};

    cache_rel_each(cx, sweep_dead, &s);
}

static void
sweep_branch(Ctx *cx, void *arg, CacheRel *rel)
{
    const Sweep *s = arg;

    if (rel->branch == s->branch && rel->relation != RELATION_NONE)
        cache_rel_drop(cx, rel);
}

void
rel_drop_branch(Ctx *cx, BranchId branch)
{
    Sweep s = {.branch = branch};

    ASSERT(branch != BRANCH_SHARED);
    cache_rel_each(cx, sweep_branch, &s);
}
