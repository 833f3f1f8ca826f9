/* rel.c - making and dropping relations as part of a transaction.
 *
 * What has to happen at the end of the transaction is queued with txn_at_end, and noted in the relation
 * itself (creator, dropper): if the session is killed, the janitor finishes by those notes. */
#include "storage/rel/rel.h"

#include "base/stop_point.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "storage/branch/fork.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

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

/* Nobody was forked from it. If who does this is killed it is done again from the beginning, as the entry lives until the last step. */
static void
go(Ctx *cx, CacheRel *rel, Lsn lsn)
{
    branch_unlink(cx, rel, MAX_OF(lsn, rel->unlinked_lsn));
    if (cache_has_store(page_cache(cx->proc)))
        cache_rel_mark_gone(cx, rel, lsn);
    else
        cache_rel_drop(cx, rel);
}

/* With a store, what is stored of it goes at the first checkpoint whose redo position is not before that (B5). */
void
rel_gone_at(Ctx *cx, CacheRel *rel, Lsn lsn)
{
    bool children;

    lsn = MAX_OF(lsn, 1);
    latch_take(cx->proc, &rel->extend);
    children = atomic_load(&rel->children) > 0;
    if (children) { /* B5: others read it; nobody of its branch can come here any more */
        atomic_store(&rel->gone_lsn, lsn);
        atomic_store(&rel->creator_xid, 0);
        atomic_store(&rel->dropper_xid, 0);
    }
    latch_drop(cx->proc, &rel->extend);
    if (!children)
        go(cx, rel, lsn);
}

void
rel_last_child_goes(Ctx *cx, CacheRel *rel, Lsn gone)
{
    if (gone == 0) {
        cache_rel_drop_old(cx, rel);
        return;
    }
    branch_unlink(cx, rel, MAX_OF(gone, rel->unlinked_lsn));
    cache_rel_mark_gone(cx, rel, gone);
}

void
rel_set_maker(CacheRel *rel, Xid maker)
{
    atomic_store(&rel->made_xid, maker);
    atomic_store(&rel->creator_xid, maker);
}

static void
note_made(CacheRel *rel, Lsn lsn)
{
    atomic_store(&rel->made_lsn, MAX_OF(lsn, 1));
    atomic_store(&rel->creator_xid, 0);
}

void
rel_log_gone(Ctx *cx, BranchId branch, RelationId relation, RelGone gone, void *arg)
{
    Proc *proc = cx->proc;
    bool logged = wal_is_on(proc);
    uint32_t ending = atomic_load(&proc->ending);
    Lsn lsn;

    if (logged) {
        wal_secure(cx);
        atomic_store(&proc->ending,
                     1); /* S1: a checkpoint waits, that it does not have the one without the other */
        lsn = wal_insert(cx, RECORD_REL_GONE, (WalTarget){branch, relation, 0, 0}, NULL, 0);
        stop_point("rel.gone_is_logged");
    } else {
        lsn = wal_position(proc);
    }
    gone(cx, arg, lsn);
    if (logged)
        atomic_store(&proc->ending, ending);
}

static void
call_gone_at(Ctx *cx, void *arg, Lsn lsn)
{
    rel_gone_at(cx, arg, lsn);
}

void
rel_take_back(Ctx *cx, CacheRel *rel)
{
    if (rel->persistence == PERSIST_TEMPORARY)
        rel_gone_at(cx, rel, wal_position(cx->proc));
    else
        rel_log_gone(cx, rel->branch, rel->relation, call_gone_at, rel);
}

static void
end_create(Ctx *cx, void *arg, bool committed)
{
    const RelName *n = arg;
    CacheRel *rel = cache_rel(cx, n->branch, n->relation);

    if (rel == NULL)
        return; /* dropped by the same transaction */
    if (committed) {
        note_made(rel, txn_committed_at(cx, cx->proc));
        return;
    }
    rel_take_back(cx, rel);
}

static void
end_drop(Ctx *cx, void *arg, bool committed)
{
    const RelName *n = arg;
    CacheRel *rel = cache_rel(cx, n->branch, n->relation);

    if (rel == NULL)
        return;
    if (committed)
        rel_gone_at(cx, rel, txn_committed_at(cx, cx->proc));
    else
        atomic_store(&rel->dropper_xid, 0);
}

/* A temporary one, too: its pages may get into the store, and its id must not be given out again after a crash (B5). */
static void
log_create(Ctx *cx, const CacheRel *rel, Xid creator)
{
    RelCreateRecord r = {.creator = creator, .persistence = rel->persistence};

    if (!wal_is_on(cx->proc))
        return;
    wal_secure(cx);
    (void)wal_insert(cx, RECORD_REL_CREATE, (WalTarget){rel->branch, rel->relation, 0, 0},
                     &(RecordPart){&r, sizeof(r)}, 1);
}

void
rel_log_length(Ctx *cx, const CacheRel *rel, Fork fork)
{
    RelLengthRecord r = {.length = cache_rel_length(rel, fork)};

    if (!wal_is_on(cx->proc) || rel->persistence != PERSIST_PERMANENT)
        return;
    (void)wal_insert(cx, RECORD_REL_LENGTH, (WalTarget){rel->branch, rel->relation, 0, (uint8_t)fork},
                     &(RecordPart){&r, sizeof(r)}, 1);
}

Status
rel_create(Ctx *cx, BranchId branch, Persistence persistence, RelationId *out)
{
    RelationId id = cache_rel_next_id(cx);
    uint32_t command_id;
    CacheRel *rel;
    Xid xid;

    TRY(txn_write_id(cx, &xid, &command_id));
    TRY(cache_rel_make_by(cx, branch, id, persistence, xid, &rel));
    stop_point("rel.made");
    txn_note_structure(cx);
    log_create(cx, rel, xid);
    txn_at_end(cx, end_create, name_of(cx, branch, id));
    *out = id;
    return ST_OK;
}

Status
rel_create_fixed(Ctx *cx, BranchId branch, RelationId relation)
{
    CacheRel *rel;

    ASSERT(relation < RELATION_FIRST);
    TRY(cache_rel_make(cx, branch, relation, PERSIST_PERMANENT, &rel));
    log_create(cx, rel, 0);
    return ST_OK;
}

Status
rel_drop_at_commit(Ctx *cx, BranchId branch, RelationId relation)
{
    CacheRel *rel = cache_rel(cx, branch, relation);
    uint32_t command_id;
    Xid xid;

    if (rel == NULL)
        return ST_OK;
    TRY(txn_write_id(cx, &xid, &command_id)); /* without one, nobody else would know who drops it */
    atomic_store(&rel->dropper_xid, xid);
    txn_note_gone(cx, branch, relation);
    txn_at_end(cx, end_drop, name_of(cx, branch, relation));
    return ST_OK;
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
    Lsn lsn;
} Sweep;

static void
sweep_dead(Ctx *cx, void *arg, CacheRel *rel)
{
    const Sweep *s = arg;
    Xid creator = atomic_load(&rel->creator_xid), dropper = atomic_load(&rel->dropper_xid);
    Xid forgotten = atomic_load(&txn_shared(cx->proc)->ids.trimmed);
    Csn csn;

    if (rel->relation == RELATION_NONE || atomic_load(&rel->gone_lsn) != 0)
        return;
    /* An id that has been forgotten and is still here: a session was killed while it rolled back the
     * savepoint; no living session has such an old id. */
    if (creator != 0 && creator < forgotten) {
        rel_take_back(cx, rel);
        return;
    }
    if (dropper != 0 && dropper < forgotten) {
        atomic_store(&rel->dropper_xid, 0);
        dropper = 0;
    }
    /* The savepoint it was made or dropped in may have been rolled back or not: ask for its own id. */
    if (creator != 0 && xid_top(cx, creator) == s->xid) {
        if (xid_status(cx, creator, &csn) == XID_ABORTED) {
            rel_take_back(cx, rel);
            return;
        }
        note_made(rel, s->lsn);
    }
    if (dropper != 0 && xid_top(cx, dropper) == s->xid) {
        if (xid_status(cx, dropper, &csn) == XID_COMMITTED)
            rel_gone_at(cx, rel, s->lsn);
        else
            atomic_store(&rel->dropper_xid, 0);
    }
}

void
rel_finish_dead(Ctx *cx, const Proc *dead, Xid xid)
{
    Sweep s = {.xid = xid, .lsn = txn_committed_at(cx, dead)};

    cache_rel_each(cx, sweep_dead, &s);
}

static void
sweep_crashed(Ctx *cx, void *arg, CacheRel *rel)
{
    Xid creator = atomic_load(&rel->creator_xid);
    Lsn gone = atomic_load(&rel->gone_lsn);

    (void)arg;
    if (rel->relation == RELATION_NONE)
        return;
    /* It was stored before its last child was dropped, and that one afterwards, without its link: so nobody has told the origin. */
    if (gone != 0 && atomic_load(&rel->children) == 0)
        branch_unlink(cx, rel, MAX_OF(gone, rel->unlinked_lsn));
    if (gone != 0 || creator == 0)
        return;
    if (creator <
            atomic_load(&txn_shared(cx->proc)->ids.trimmed) || /* the entry is as of an earlier checkpoint */
        xid_status(cx, creator, NULL) == XID_COMMITTED)
        note_made(rel, 0);
    else
        rel_gone_at(cx, rel, 0); /* the first checkpoint begins behind the whole log */
}

void
rel_finish_crashed(Ctx *cx)
{
    cache_rel_each(cx, sweep_crashed, NULL);
}

static void
sweep_unlogged(Ctx *cx, void *arg, CacheRel *rel)
{
    (void)arg;
    if (rel->relation == RELATION_NONE || rel->persistence == PERSIST_PERMANENT ||
        atomic_load(&rel->gone_lsn) != 0)
        return;
    for (int fork = 0; fork < FORK_COUNT; fork++)
        (void)cache_rel_truncate(cx, rel, (Fork)fork, 0, true);
    rel->cut = (1u << FORK_COUNT) - 1;
    rel->linked = 0;
    atomic_store(&rel->live_rows, 0);
    atomic_store(&rel->dead_rows, 0);
    atomic_store(&rel->space_hint, 0);
    atomic_store(&rel->free_pages, 0);
}

void
rel_empty_unlogged(Ctx *cx)
{
    cache_rel_each(cx, sweep_unlogged, NULL);
}

static void
sweep_branch(Ctx *cx, void *arg, CacheRel *rel)
{
    const Sweep *s = arg;

    if (rel->branch == s->branch && rel->relation != RELATION_NONE && atomic_load(&rel->gone_lsn) == 0)
        rel_gone_at(cx, rel, s->lsn);
}

void
rel_drop_branch(Ctx *cx, BranchId branch, Lsn lsn)
{
    Sweep s = {.branch = branch, .lsn = lsn};

    ASSERT(branch != BRANCH_SHARED);
    cache_rel_each(cx, sweep_branch, &s);
}

typedef struct KeptCall {
    void (*each)(void *arg, BranchId branch, RelationId relation);
    void *arg;
} KeptCall;

static void
call_kept(Ctx *cx, void *arg, CacheRel *rel)
{
    const KeptCall *call = arg;

    (void)cx;
    if (rel->relation != RELATION_NONE && rel->persistence != PERSIST_TEMPORARY &&
        atomic_load(&rel->gone_lsn) == 0)
        call->each(call->arg, rel->branch, rel->relation);
}

void
rel_each_kept(Ctx *cx, void (*each)(void *arg, BranchId branch, RelationId relation), void *arg)
{
    KeptCall call = {each, arg};

    cache_rel_each(cx, call_kept, &call);
}

void
rel_reads(Ctx *cx, BranchId branch, RelationId relation, uint64_t out[REL_COUNTS])
{
    const CacheRel *rel = relation == RELATION_NONE ? NULL : cache_rel(cx, branch, relation);

    if (rel != NULL)
        rel_counts_read(cx, rel, out);
    else
        memset(out, 0, sizeof(*out) * REL_COUNTS);
}
