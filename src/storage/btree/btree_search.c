/* btree_search.c - from the root to a page.
 *
 * No latch is held while going from a page to its child, so a page may have been split in between: then
 * its right neighbour has what we look for, and the high fence says so. A page may also have been
 * deleted: it then names the page that took its contents, and is not used again while anybody who may
 * come here still has an older snapshot in force (H6). */
#include "storage/branch/page_own.h"
#include "storage/btree/btree_int.h"

Status
btree_open(Ctx *cx, const BtreeRel *index, bool protect, CacheRel **out)
{
    CacheRel *cr = cache_rel(cx, index->branch, index->relation);

    if (UNLIKELY(cr == NULL))
        return fail(cx, ST_CORRUPT, "XX001", "relation %u of branch %u has no storage", index->relation,
                    index->branch);
    *out = cr;
    return protect ? txn_protect(cx) : ST_OK;
}

bool
btree_is_right_of(const BtreePage *p, const BtreeTarget *t, bool strict)
{
    int c;

    if (p->right == 0)
        return false;
    c = target_compare(btree_high(p), t);
    return strict ? c < 0 : c <= 0;
}

static Status
fail_damaged(Ctx *cx, const CacheRel *cr, BlockNo block)
{
    return fail(cx, ST_CORRUPT, "XX002", "block %u of index relation %u is not a B+tree page", block,
                cr->relation);
}

Status
btree_descend(Ctx *cx, CacheRel *cr, const BtreeTarget *t, bool strict, uint32_t level, PageRef *ref,
              Bytes *low, uint8_t *low_bytes)
{
    BlockNo block = BTREE_ROOT;

    if (low != NULL)
        *low = (Bytes){low_bytes, 0};
    *ref = PAGE_REF_NONE;
    if (cache_rel_length(cr, FORK_MAIN) == 0)
        return ST_OK;
    for (;;) {
        const BtreePage *p;
        uint32_t i;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, block, ref));
        p = btree_page(ref);
        if (UNLIKELY(p == NULL || !page_is(p, PAGE_KIND_BTREE))) {
            page_unpin(cx, ref);
            return fail_damaged(cx, cr, block);
        }
        if (UNLIKELY(p->h.flags & BTREE_DELETED)) {
            block = p->redirect;
        } else if (UNLIKELY(btree_is_right_of(p, t, strict))) {
            if (low != NULL) {
                memcpy(low_bytes, btree_high(p).data, p->high_bytes);
                low->bytes = p->high_bytes;
            }
            block = p->right;
        } else if (p->level <= level) {
            ASSERT(p->level == level);
            return ST_OK;
        } else {
            i = btree_child_no(p, t, strict);
            if (low != NULL && i > 0)
                *low = btree_slot_key(p, i, low_bytes);
            block = btree_child(p, i);
        }
        page_unpin(cx, ref);
    }
}

Status
btree_latch_target(Ctx *cx, CacheRel *cr, const BtreeTarget *t, PageRef *ref)
{
    for (;;) {
        const BtreePage *p;
        BlockNo next;

        TRY(page_own(cx, cr, ref));
        p = btree_page(ref);
        page_latch_exclusive(cx, ref);
        if (p->h.flags & BTREE_DELETED)
            next = p->redirect;
        else if (btree_is_right_of(p, t, false))
            next = p->right;
        else
            return ST_OK;
        page_unpin(cx, ref);
        TRY(page_pin(cx, cr, FORK_MAIN, next, ref));
        ASSERT(ref->page != NULL);
    }
}
