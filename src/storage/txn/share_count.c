/* share_count.c - a short list per transaction: few relations are parents of what one writes. */
#include "storage/txn/share_count.h"

#include "storage/txn/txn_int.h"

uint32_t
share_count_add(Ctx *cx, BranchId branch, RelationId relation)
{
    Txn *t = cx->txn;

    ASSERT(t != NULL);
    for (uint32_t i = 0; i < t->share_count; i++) {
        if (t->shares[i].relation == relation && t->shares[i].branch == branch)
            return ++t->shares[i].rows;
    }
    if (t->share_count == t->share_capacity) {
        uint32_t capacity = MAX_OF(8, t->share_capacity * 2);
        ShareCount *shares = arena_alloc(&t->arena, sizeof(ShareCount) * capacity);

        if (t->share_count > 0)
            memcpy(shares, t->shares, sizeof(ShareCount) * t->share_count);
        t->shares = shares;
        t->share_capacity = capacity;
    }
    t->shares[t->share_count++] = (ShareCount){branch, relation, 1};
    return 1;
}
