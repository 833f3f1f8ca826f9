/* btree_check.c - walks every level from left to right and asserts what the tree promises.
 *
 * For a tree at rest: nobody may change it meanwhile. */
#include "storage/btree/btree_int.h"

typedef struct Expect {
    uint8_t low_bytes[BTREE_FULL_MOST];
    Bytes low; /* exact low fence of the next page of the level */
    BlockNo first_child; /* of the leftmost page */
} Expect;

static void
check_slots(const BtreePage *p, Bytes low)
{
    uint8_t a[BTREE_FULL_MOST], b[BTREE_FULL_MOST];
    uint32_t body = 0;
    Bytes before = low;

    for (uint32_t i = 0; i < p->count; i++) {
        Bytes key;

        body += btree_body_bytes(p, i);
        ASSERT(p->slots[i].at >= p->data_low);
        if (p->level > 0 && i == 0) {
            ASSERT(slot_key_bytes(&p->slots[0]) == 0);
            continue;
        }
        key = btree_slot_key(p, i, a);
        if (p->level == 0) {
            for (uint32_t k = 0; k < btree_tid_count(p, i); k++) {
                Bytes full = btree_full_key((BtreeKey){key.data, key.bytes}, btree_tid(p, i, k), a);

                ASSERT(bytes_compare(before, full) < 0 ||
                       (i == 0 && k == 0 && bytes_compare(before, full) == 0));
                memcpy(b, full.data, full.bytes);
                before = (Bytes){b, full.bytes};
            }
        } else {
            ASSERT(bytes_compare(before, key) < 0);
            memcpy(b, key.data, key.bytes);
            before = (Bytes){b, key.bytes};
        }
        ASSERT(p->right == 0 || bytes_compare(before, btree_high(p)) < 0);
    }
    ASSERT(body + p->dead_bytes + p->low_bytes + p->high_bytes == (uint32_t)PAGE_BYTES - p->data_low);
}

/* Each child begins where its separator says, and children are linked in order. */
static Status
check_children(Ctx *cx, CacheRel *cr, const BtreePage *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const BtreePage *child;
        PageRef ref;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, btree_child(p, i), &ref));
        child = btree_page(&ref);
        ASSERT(child != NULL);
        ASSERT(page_is(child, PAGE_KIND_BTREE));
        ASSERT(!(child->h.flags & BTREE_DELETED));
        while (child->h.flags &
               BTREE_SPLIT_OPEN) { /* its right part is not known here yet: a fork or a crash came first */
            BlockNo right = child->right;

            page_unpin(cx, &ref);
            TRY(page_pin_shared(cx, cr, FORK_MAIN, right, &ref));
            child = btree_page(&ref);
            ASSERT(child != NULL);
        }
        ASSERT(child->level + 1 == p->level);
        if (i + 1 < p->count) {
            uint8_t key[BTREE_FULL_MOST];

            ASSERT(child->right == btree_child(p, i + 1));
            ASSERT(bytes_compare(btree_high(child), btree_slot_key(p, i + 1, key)) == 0);
        } else if (p->right != 0) {
            ASSERT(bytes_compare(btree_high(child), btree_high(p)) == 0);
        } else {
            ASSERT(child->right == 0);
        }
        page_unpin(cx, &ref);
    }
    return ST_OK;
}

static Status
check_page(Ctx *cx, CacheRel *cr, const BtreePage *p, uint32_t level, Expect *e)
{
    ASSERT(page_is(p, PAGE_KIND_BTREE));
    ASSERT(p->level == level);
    ASSERT(p->low_bytes == MIN_OF(e->low.bytes, (uint32_t)BTREE_LOW_MOST));
    ASSERT(p->low_bytes == 0 || memcmp(btree_low(p).data, e->low.data, p->low_bytes) == 0);
    ASSERT(level == 0 || p->count > 0);
    check_slots(p, e->low);
    if (level > 0)
        TRY(check_children(cx, cr, p));
    memcpy(e->low_bytes, btree_high(p).data, p->high_bytes);
    e->low = (Bytes){e->low_bytes, p->high_bytes};
    return ST_OK;
}

Status
btree_check(Ctx *cx, const BtreeRel *index)
{
    BlockNo first = BTREE_ROOT;
    uint32_t level;
    CacheRel *cr;
    PageRef ref;

    TRY(btree_open(cx, index, false, &cr));
    if (cache_rel_length(cr, FORK_MAIN) == 0)
        return ST_OK;
    TRY(page_pin_shared(cx, cr, FORK_MAIN, BTREE_ROOT, &ref));
    level = btree_page(&ref)->level;
    page_unpin(cx, &ref);
    for (;;) {
        Expect e = {.low = {e.low_bytes, 0}};
        BlockNo block = first, next = 0;

        do {
            const BtreePage *p;
            Status rc;

            TRY(page_pin_shared(cx, cr, FORK_MAIN, block, &ref));
            p = btree_page(&ref);
            ASSERT(p != NULL);
            rc = check_page(cx, cr, p, level, &e);
            if (block == first && level > 0)
                next = btree_child(p, 0);
            block = p->right;
            page_unpin(cx, &ref);
            TRY(rc);
        } while (block != 0);
        if (level == 0)
            return ST_OK;
        first = next;
        level--;
    }
}
