/* fork.c - see fork.h.
 *
 * What takes time for each relation is done before the instant of the fork: the child gets an entry for every relation of the
 * parent. Then new critical sections are held off until those under way have ended (B1), and in that instant lengths and
 * links are set, the record is written and the epoch goes up.
 *
 * The child has the relations that its catalogs name: those whose creator has committed at or before fork_csn, and whose
 * dropper has not, be the work at the end of those transactions done or not. So a commit that made or dropped relations
 * (TxnShared.structure_commits) after we began to look makes us begin again. Temporary ones are never forked (H8). */
#include "storage/branch/fork.h"

#include <stdlib.h>

#include "base/stop_point.h"
#include "storage/engine/engine_shared.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

typedef struct Pair {
    CacheRel *parent, *child;
} Pair;

typedef struct Gather {
    BranchId parent, child;
    Csn upto; /* what has committed later is not there */
    Lsn lsn; /* recovery: where the record of the fork ends */
    Pair *pairs;
    uint32_t count, capacity;
    Status rc;
} Gather;

/* During recovery a relation keeps the note of who made it until the end: the log says by then whether it committed. What the store
 * knows of that may be of a moment after the fork. */
static bool
has_committed(Ctx *cx, Xid xid, Csn upto)
{
    IdTable *ids = &txn_shared(cx->proc)->ids;
    uint64_t state = id_state(page_cache(cx->proc), ids, xid);

    while (state != ID_ABORTED && (state & ID_SUB))
        state = id_state(page_cache(cx->proc), ids, state & ~ID_SUB);
    return state != ID_RUNNING && state != ID_ABORTED && state <= upto;
}

static bool
belongs(Ctx *cx, const CacheRel *rel, RelationId relation, const Gather *g)
{
    Xid creator = atomic_load(&rel->creator_xid), dropper = atomic_load(&rel->dropper_xid);
    Xid forgotten =
        atomic_load(&txn_shared(cx->proc)->ids.trimmed); /* such a note is as of an earlier checkpoint */

    return rel->branch == g->parent && relation != RELATION_NONE && rel->persistence != PERSIST_TEMPORARY &&
           atomic_load(&rel->gone_lsn) == 0 && (creator < forgotten || has_committed(cx, creator, g->upto)) &&
           (dropper < forgotten || !has_committed(cx, dropper, g->upto));
}

static void
gather(Ctx *cx, void *arg, CacheRel *rel)
{
    Gather *g = arg;
    /* Read once: somebody may forget it meanwhile. Then it was dropped after we began to look, and we begin again. */
    RelationId relation = __atomic_load_n(&rel->relation, __ATOMIC_RELAXED);
    Pair *pair;

    if (g->rc != ST_OK || !belongs(cx, rel, relation, g))
        return;
    if (g->count == g->capacity) {
        uint32_t capacity = MAX_OF(256, g->capacity * 2);
        Pair *more = realloc(g->pairs, sizeof(Pair) * capacity);

        if (more == NULL) {
            g->rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
            return;
        }
        g->pairs = more;
        g->capacity = capacity;
    }
    pair = &g->pairs[g->count++];
    *pair = (Pair){.parent = rel};
    g->rc = cache_rel_make(cx, g->child, relation, (Persistence)rel->persistence, &pair->child);
}

/* Those of an origin are in order, the last fork first. */
static void
add_child(Region *region, CacheRel *origin, CacheRel *child)
{
    ShmRef *at = &origin->first_child;
    CacheRel *later = NULL, *next;

    while ((next = region_ptr(region, *at)) != NULL && next->fork_epoch > child->fork_epoch) {
        later = next;
        at = &next->next_child;
    }
    child->next_child = *at;
    child->prev_child = later != NULL ? later->self : SHM_REF_NONE;
    *at = child->self;
    if (next != NULL)
        next->prev_child = child->self;
}

static void
remove_child(Region *region, CacheRel *origin, CacheRel *child)
{
    CacheRel *later = region_ptr(region, child->prev_child), *next = region_ptr(region, child->next_child);

    if (later != NULL)
        later->next_child = child->next_child;
    else
        origin->first_child = child->next_child;
    if (next != NULL)
        next->prev_child = child->prev_child;
    child->next_child = child->prev_child = SHM_REF_NONE;
}

void
branch_link(Ctx *cx, CacheRel *child, CacheRel *origin, uint64_t epoch, Csn csn, BlockNo linked)
{
    uint64_t kept = atomic_load(&origin->kept_epoch);
    uint64_t last = atomic_load(&page_cache(cx->proc)->last_fork_epoch);

    child->fork_epoch = epoch;
    child->fork_csn = csn;
    child->linked = linked;
    child->kind = origin->kind;
    child->origin = origin->self;
    if (linked > cache_rel_length(child, FORK_MAIN))
        atomic_store(&child->forks[FORK_MAIN].length, linked);
    add_child(proc_region(cx->proc), origin, child);
    atomic_fetch_add(&origin->children, 1);
    if (epoch > kept)
        atomic_store(&origin->kept_epoch, epoch);
    if (epoch > last)
        atomic_store(&page_cache(cx->proc)->last_fork_epoch, epoch);
}

#define NOTHING_IS_DONE UINT64_MAX

/* The child counts no longer. False: it is the last one, and rel_last_child_goes has not been called for the origin as it is now:
 * `done_for` is its gone_lsn when that was done, and a branch that was forked and dropped since has had images kept. No fork comes
 * in between here (B1). In a critical section, so that whoever goes on for a dead session finds all of it or nothing. */
static bool
leave(Ctx *cx, CacheRel *child, CacheRel *origin, Lsn lsn, Lsn done_for)
{
    Region *region = proc_region(cx->proc);
    const CacheRel *youngest;
    Lsn gone;
    bool last, left;

    page_enter_between_forks(cx);
    latch_take(cx->proc, &origin->extend);
    ASSERT(atomic_load(&origin->children) > 0);
    origin->unlinked_lsn = MAX_OF(origin->unlinked_lsn, lsn);
    gone = atomic_load(&origin->gone_lsn);
    last = atomic_load(&origin->children) == 1;
    left = !last || (gone == done_for && atomic_load(&origin->kept_epoch) == 0);
    if (left) {
        remove_child(region, origin, child);
        child->origin = SHM_REF_NONE;
        child->linked = 0;
        atomic_fetch_sub(&origin->children, 1);
        origin->children_gone++;
        youngest = region_ptr(region, origin->first_child);
        ASSERT((youngest == NULL) == last);
        if (youngest != NULL) /* B4 */
            atomic_store(&origin->kept_epoch, youngest->fork_epoch);
    } else {
        atomic_store(&origin->kept_epoch, 0);
    }
    latch_drop(cx->proc, &origin->extend);
    if (left && last && gone != 0 && !cache_has_store(page_cache(cx->proc)))
        cache_rel_forget(cx, origin);
    proc_critical_leave(cx->proc);
    return left;
}

/* The last child counts until everything is done that waits for it: as long as it does, no checkpoint forgets the origin, who drops
 * that one leaves it to us, and if we are killed, whoever drops the child in our place comes by here, too. */
void
branch_unlink(Ctx *cx, CacheRel *child, Lsn lsn)
{
    CacheRel *origin = region_ptr(proc_region(cx->proc), child->origin);
    Lsn gone = NOTHING_IS_DONE;

    if (origin != NULL &&
        !cache_has_store(page_cache(cx->proc))) { /* the last one, too: it may be forked again */
        latch_take(cx->proc, &origin->extend); /* several may leave at once: one of them sees all */
        child->unlinks = 1;
        latch_drop(cx->proc, &origin->extend);
        cache_rel_thin(cx, origin);
    }
    while (origin != NULL && !leave(cx, child, origin, lsn, gone)) {
        gone = atomic_load(&origin->gone_lsn);
        stop_point("branch.last_child_goes");
        rel_last_child_goes(cx, origin, gone);
        stop_point("branch.origin_is_done");
    }
}

static void
copy_counters(CacheRel *to, const CacheRel *from)
{
    atomic_store(&to->live_rows, atomic_load(&from->live_rows));
    atomic_store(&to->dead_rows, atomic_load(&from->dead_rows));
    atomic_store(&to->row_var_bytes, atomic_load(&from->row_var_bytes));
    atomic_store(&to->nulls_seen, atomic_load(&from->nulls_seen));
    atomic_store(&to->counter, atomic_load(&from->counter));
}

static void
link_all(Ctx *cx, const Gather *g, uint64_t epoch, Csn csn)
{
    for (uint32_t i = 0; i < g->count; i++) {
        CacheRel *parent = g->pairs[i].parent;

        branch_link(cx, g->pairs[i].child, parent, epoch, csn, cache_rel_length(parent, FORK_MAIN));
        copy_counters(g->pairs[i].child, parent);
    }
}

/* Below the latch, so that what was counted by then is also known to have committed. */
static uint64_t
structure_now(Ctx *cx)
{
    TxnShared *s = txn_shared(cx->proc);
    uint64_t structure;

    latch_take(cx->proc, &s->commit_latch);
    structure = atomic_load(&s->structure_commits);
    latch_drop(cx->proc, &s->commit_latch);
    return structure;
}

/* The instant. False: begin again. */
static bool
fork_now(Ctx *cx, const Gather *g, Xid creator, uint64_t structure)
{
    PageCache *cache = page_cache(cx->proc);
    TxnShared *s = txn_shared(cx->proc);
    BranchForkRecord r = {.creator = creator, .parent = g->parent};
    bool same;

    wal_secure(cx);
    page_fork_begin(cx);
    latch_take(cx->proc, &s->commit_latch);
    same = atomic_load(&s->structure_commits) == structure;
    if (same) {
        r.fork_epoch = atomic_load(&cache->epoch);
        r.fork_csn = s->last_csn;
        if (wal_is_on(cx->proc))
            (void)wal_insert(cx, RECORD_BRANCH_FORK, (WalTarget){.branch = g->child},
                             &(RecordPart){&r, sizeof(r)}, 1);
        atomic_store(&cache->epoch,
                     r.fork_epoch + 1); /* below the latch: a checkpoint takes place and epoch together */
        stop_point("branch.linking");
        /* Also below the latch: who commits a drop after fork_csn has to find the child, or would free what it reads. */
        link_all(cx, g, r.fork_epoch, r.fork_csn);
        branch_set_fork(cx, g->child, g->parent, r.fork_epoch, r.fork_csn);
    }
    latch_drop(cx->proc, &s->commit_latch);
    stop_point("branch.forked");
    page_fork_end(cx);
    return same;
}

/* What was made for relations that were dropped before the fork. */
static void
take_back(Ctx *cx, void *arg, CacheRel *rel)
{
    const Gather *g = arg;

    if (rel->branch == g->child && rel->relation != RELATION_NONE && rel->origin == SHM_REF_NONE &&
        atomic_load(&rel->gone_lsn) == 0)
        rel_take_back(cx, rel);
}

Status
branch_fork(Ctx *cx, BranchId parent, BranchId child, Xid creator)
{
    Gather g = {.parent = parent, .child = child, .upto = UINT64_MAX, .rc = ST_OK};

    for (bool again = false;; again = true) {
        uint64_t structure = structure_now(cx);

        g.count = 0;
        cache_rel_each(cx, gather, &g);
        stop_point("branch.gathered");
        if (g.rc != ST_OK)
            break;
        if (fork_now(cx, &g, creator, structure)) {
            if (again)
                cache_rel_each(cx, take_back, &g);
            break;
        }
        g.rc = ctx_poll(cx);
        if (g.rc != ST_OK)
            break;
    }
    free(g.pairs);
    return g.rc;
}

/* The store may have what take_back did away with: what is of the time after the fork has a maker. */
static void
take_back_stored(Ctx *cx, void *arg, CacheRel *rel)
{
    const Gather *g = arg;

    if (rel->branch == g->child && rel->relation != RELATION_NONE && rel->origin == SHM_REF_NONE &&
        atomic_load(&rel->gone_lsn) == 0 && atomic_load(&rel->creator_xid) == 0)
        rel_gone_at(cx, rel, g->lsn);
}

Status
branch_redo_fork(Ctx *cx, BranchId child, const BranchForkRecord *record, Lsn lsn)
{
    Gather g = {.parent = record->parent, .child = child, .upto = record->fork_csn, .lsn = lsn};
    PageCache *cache = page_cache(cx->proc);

    TRY(branch_restore(cx, child, record->creator, NULL));
    branch_set_fork(cx, child, record->parent, record->fork_epoch, record->fork_csn);
    if (record->fork_epoch >= atomic_load(&cache->epoch))
        atomic_store(&cache->epoch, record->fork_epoch + 1);
    cache_rel_each(cx, gather, &g);
    for (uint32_t i = 0; i < g.count && g.rc == ST_OK; i++) {
        if (g.pairs[i].child->origin != SHM_REF_NONE)
            continue; /* the checkpoint had it */
        branch_link(cx, g.pairs[i].child, g.pairs[i].parent, record->fork_epoch, record->fork_csn,
                    cache_rel_length(g.pairs[i].parent, FORK_MAIN));
        copy_counters(g.pairs[i].child, g.pairs[i].parent);
    }
    if (g.rc == ST_OK)
        cache_rel_each(cx, take_back_stored, &g);
    free(g.pairs);
    return g.rc;
}
