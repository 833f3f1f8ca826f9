/* row_count.c - one entry for each relation and each id of the transaction that writes, in the order of their coming: a
 * savepoint remembers how many there were, and rolling back takes those behind off again. */
#include "storage/txn/row_count.h"

#include "shmem/pagecache/cache_rel.h"
#include "storage/txn/txn_int.h"

static RowCount *
make_entry(Txn *t)
{
    if (t->row_count_count == t->row_count_capacity) {
        uint32_t capacity = MAX_OF(4, t->row_count_capacity * 2);
        RowCount *larger = arena_alloc(&t->arena, sizeof(RowCount) * capacity);

        if (t->row_count_count > 0)
            memcpy(larger, t->row_counts, sizeof(RowCount) * t->row_count_count);
        t->row_counts = larger;
        t->row_count_capacity = capacity;
    }
    return &t->row_counts[t->row_count_count++];
}

void
row_count_add(Ctx *cx, BranchId branch, RelationId relation, Xid xid, uint32_t rows)
{
    Txn *t = cx->txn;
    CacheRel *rel = cache_rel(cx, branch, relation);

    ASSERT(t != NULL);
    ASSERT(rel != NULL);
    atomic_fetch_add_explicit(&rel->live_rows, rows, memory_order_relaxed);
    for (uint32_t i = t->row_count_count; i > 0 && t->row_counts[i - 1].xid == xid; i--) {
        RowCount *c = &t->row_counts[i - 1];

        if (c->relation == relation && c->branch == branch) {
            c->rows += rows;
            return;
        }
    }
    *make_entry(t) = (RowCount){.xid = xid, .rows = rows, .branch = branch, .relation = relation};
}

void
row_count_roll_back(Ctx *cx, Txn *t, uint32_t keep)
{
    while (t->row_count_count > keep) {
        const RowCount *c = &t->row_counts[--t->row_count_count];
        CacheRel *rel = cache_rel(cx, c->branch, c->relation);

        if (rel == NULL)
            continue;
        atomic_fetch_sub_explicit(&rel->live_rows, (int64_t)c->rows, memory_order_relaxed);
        atomic_fetch_add_explicit(&rel->dead_rows, (int64_t)c->rows, memory_order_relaxed);
    }
}
