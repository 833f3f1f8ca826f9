/* savepoint.c - subtransactions.
 *
 * The ids of a transaction's savepoints are kept in one array, in the order they were assigned. Their
 * levels never fall along the array: a level's id is assigned after its parents', and when a level ends
 * its ids either leave (rollback) or become its parent's (release). So both operations work on the
 * array's tail only. */
#include "shmem/lock/lock_table.h"
#include "storage/txn/savepoint.h"
#include "storage/txn/txn_int.h"

Status
txn_savepoint(Ctx *cx)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    if (t->level_count + 1 >= t->level_capacity) {
        int capacity = MAX_OF(8, t->level_capacity * 2);
        Level *levels = arena_array(&t->arena, Level, capacity);

        if (t->level_count > 0)
            memcpy(levels, t->levels, sizeof(Level) * (size_t)(t->level_count + 1));
        t->levels = levels;
        t->level_capacity = capacity;
    }
    t->levels[++t->level_count] = (Level){.lock_mark = lock_mark(cx),
                                          .ends = t->ends,
                                          .invalidation_count = t->invalidations.count,
                                          .row_count_count = t->row_count_count,
                                          .gone_count = t->gone_count};
    return ST_OK;
}

int
txn_level(const Ctx *cx)
{
    ASSERT(cx->txn != NULL);
    return cx->txn->level_count;
}

void
txn_release(Ctx *cx, int level)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    ASSERT(level >= 1);
    ASSERT(level <= t->level_count);
    for (uint32_t i = t->sub_count; i > 0 && t->subs[i - 1].level >= level; i--)
        t->subs[i - 1].level = level - 1;
    t->level_count = level - 1;
}

void
txn_rollback_to(Ctx *cx, int level)
{
    Txn *t = cx->txn;
    TxnShared *s;
    const Level *l;

    ASSERT(t != NULL);
    ASSERT(level >= 1);
    ASSERT(level <= t->level_count);
    ASSERT(!proc_in_critical(cx->proc));
    s = txn_shared(cx->proc);
    l = &t->levels[level];
    while (t->sub_count > 0 && t->subs[t->sub_count - 1].level >= level)
        id_set(page_cache(cx->proc), &s->ids, t->subs[--t->sub_count].xid, ID_ABORTED);
    t->level_count = level - 1;
    row_count_roll_back(cx, t, l->row_count_count);
    txn_run_ends(cx, t, l->ends, false);
    t->invalidations.count = l->invalidation_count;
    t->gone_count = l->gone_count;
    /* Who waits for a row of the savepoint waits for the whole transaction's lock: let them look. */
    if (t->xid != 0)
        lock_transaction_ended(cx, cx->proc, t->xid);
    lock_release_since(cx, l->lock_mark);
}

int
txn_level_of(Ctx *cx, Xid xid)
{
    const Txn *t = cx->txn;
    uint32_t begin = 0, end = t->sub_count;

    if (xid == t->xid)
        return 0;
    /* In the order of their ids: they were given in it, and who is rolled back was the last. */
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;

        if (t->subs[middle].xid < xid)
            begin = middle + 1;
        else
            end = middle;
    }
    ASSERT(begin < t->sub_count && t->subs[begin].xid == xid);
    return t->subs[begin].level;
}

uint64_t
txn_level_lock_seq(Ctx *cx, int level)
{
    const Txn *t = cx->txn;

    ASSERT(level < t->level_count);
    return t->levels[level + 1].lock_mark; /* rolling back level + 1 gives up what came after it */
}
