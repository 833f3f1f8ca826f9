/* btree_insert_many.c - sorted entries, leaf by leaf.
 *
 * One descent and one latch serve all entries that belong to the same leaf. Whatever is not plain goes the
 * way of a single entry: keys that are there already and must be unique, a leaf whose split is not finished,
 * equal keys that may lie on several leaves.
 *
 * Why one leaf is enough to know that a key is new: entries come in ascending order, so when the entry
 * before belongs to this leaf, or we came here looking for the key without a TID, the first place where the
 * key could be is not left of the leaf; and it is not right of it when the high fence does not begin with
 * the key. */
#include "storage/btree/btree_int.h"

/* Latched exclusively: the leaf where the entry belongs. ref->page NULL: it has to go its own way. */
static Status
find_leaf(Ctx *cx, CacheRel *cr, const BtreeNew *n, PageRef *ref)
{
    uint8_t full[BTREE_FULL_MOST];
    bool unique = n->unique == BTREE_UNIQUE_CHECK;
    BtreeTarget t = {unique ? (Bytes){n->key.data, n->key.bytes} : btree_full_key(n->key, n->tid, full), false};

    TRY(btree_descend(cx, cr, &t, false, 0, ref, NULL, NULL));
    if (ref->page == NULL)
        return ST_OK;
    if (!page_try_upgrade(cx, ref)) {
        page_unlatch(cx, ref);
        TRY(btree_latch_target(cx, cr, &t, ref));
    }
    if (btree_page(ref)->level > 0) /* the root was a leaf when we came */
        page_unpin(cx, ref);
    return ST_OK;
}

static bool
may_be_elsewhere(const BtreePage *p, BtreeKey key)
{
    Bytes high = btree_high(p);

    return p->right != 0 && high.bytes >= key.bytes && memcmp(high.data, key.data, key.bytes) == 0;
}

/* Puts entries into the latched leaf until one does not belong there, is not plain, or finds no room. */
static uint32_t
fill_leaf(Ctx *cx, PageRef *ref, const BtreeNew *entries, uint32_t count, bool *full)
{
    const BtreePage *p = btree_page(ref);
    uint32_t done = 0;

    *full = false;
    for (; done < count; done++) {
        const BtreeNew *n = &entries[done];
        uint8_t bytes[BTREE_FULL_MOST];
        BtreeTarget t = {btree_full_key(n->key, n->tid, bytes), false};

        if (btree_is_right_of(p, &t, false))
            break;
        if (n->unique == BTREE_UNIQUE_CHECK && (may_be_elsewhere(p, n->key) || btree_leaf_has(p, n->key)))
            break;
        *full = !btree_put_entry(cx, ref, n->key, n->tid);
        if (*full)
            break;
    }
    return done;
}

Status
btree_insert_many(Ctx *cx, const BtreeRel *index, const BtreeNew *entries, uint32_t count, const HeapRel *heap,
                  uint32_t *done, Tid *conflict)
{
    CacheRel *cr;

    *done = 0;
    *conflict = TID_NONE;
    TRY(btree_open(cx, index, true, &cr));
    while (*done < count) {
        const BtreeNew *n = &entries[*done];
        PageRef ref = PAGE_REF_NONE;
        uint32_t filled = 0;
        bool full = false;

        TRY(ctx_poll(cx));
        if (n->key.bytes <= BTREE_KEY_MOST_BYTES)
            TRY(find_leaf(cx, cr, n, &ref));
        if (ref.page != NULL && !(btree_page(&ref)->h.flags & BTREE_SPLIT_OPEN))
            filled = fill_leaf(cx, &ref, n, count - *done, &full);
        if (full) {
            uint8_t bytes[BTREE_FULL_MOST];
            BtreeTarget t = {btree_full_key(n[filled].key, n[filled].tid, bytes), false};
            Status rc;

            page_unlatch(cx, &ref);
            rc = btree_split(cx, cr, &ref, &t);
            page_unpin(cx, &ref);
            *done += filled;
            TRY(rc);
            continue;
        }
        page_unpin(cx, &ref);
        if (filled == 0) {
            TRY(btree_insert(cx, index, n->key, n->tid, n->unique, heap, conflict));
            if (*conflict != TID_NONE)
                return ST_OK;
            filled = 1;
        }
        *done += filled;
    }
    return ST_OK;
}
