/* btree_vacuum.c - removing the entries of dead rows, and merging pages that have become nearly empty.
 *
 * Removing walks the leaves from left to right. A split meanwhile moves entries to the right only, so
 * none is passed over; merging, which moves them to the left, is done by this same walk.
 *
 * Merging puts the contents of a page into its left neighbour below the same parent and takes its
 * separator out of the parent, with all three latched (left, right, parent: C1's order). The page then
 * names the neighbour in `redirect`, for whoever was on the way to it, and is used again only when
 * nobody can be on the way any more (H6). */
#include "storage/branch/page_own.h"
#include "storage/btree/btree_int.h"

enum { MERGE_BELOW_BYTES = PAGE_BYTES / 4, MERGED_MOST_BYTES = PAGE_BYTES * 3 / 4 };

typedef struct DeadTids {
    const Tid *tids; /* ascending */
    uint32_t count;
} DeadTids;

/* What is removed from one page. */
typedef struct Removed {
    DeadTids dead;
    uint32_t count;
    Tid tids[BTREE_TIDS_MOST];
} Removed;

static bool
is_alive(const DeadTids *d, Tid tid)
{
    uint32_t low = 0, high = d->count;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (d->tids[mid] < tid)
            low = mid + 1;
        else
            high = mid;
    }
    return low == d->count || d->tids[low] != tid;
}

static bool
keep_alive(void *arg, Tid tid)
{
    Removed *r = arg;

    if (is_alive(&r->dead, tid))
        return true;
    ASSERT(r->count < BTREE_TIDS_MOST);
    r->tids[r->count++] = tid;
    return false;
}

static uint32_t
used_bytes(const BtreePage *p)
{
    return (uint32_t)PAGE_BYTES - (uint32_t)sizeof(BtreePage) - btree_free_bytes(p) - p->dead_bytes;
}

/* ---- merging -------------------------------------------------------------------------------------------------------- */

typedef struct Merge {
    PageRef left, right, parent;
    uint32_t level; /* of the two */
    uint32_t no; /* of the right one in the parent */
} Merge;

/* With all three latched: are they still neighbours, and is there nothing unfinished? */
static bool
may_merge(const Merge *m)
{
    const BtreePage *l = btree_page(&m->left), *r = btree_page(&m->right), *p = btree_page(&m->parent);

    if ((l->h.flags | r->h.flags | p->h.flags) & (BTREE_DELETED | BTREE_SPLIT_OPEN))
        return false;
    if (l->level != m->level || r->level != m->level || p->level != m->level + 1 ||
        l->right != m->right.frame->block)
        return false;
    return m->no >= 1 && m->no < p->count && btree_child(p, m->no) == m->right.frame->block &&
           btree_child(p, m->no - 1) == m->left.frame->block;
}

/* The two as one page; false if that would be too full. */
static bool
build_merged(const Merge *m, BtreePage *image)
{
    const BtreePage *l = btree_page(&m->left), *r = btree_page(&m->right), *p = btree_page(&m->parent);
    uint32_t least = MIN_OF(btree_least_key(l, 0, l->count), btree_least_key(r, 0, r->count));
    uint8_t separator[BTREE_FULL_MOST];
    BtreeEntry first = {.key = btree_slot_key(p, m->no, separator), .payload_bytes = 4};

    least = MIN_OF(least, MIN_OF((uint32_t)l->prefix_bytes, (uint32_t)r->prefix_bytes));
    memset(image, 0, PAGE_BYTES);
    btree_image_begin(image, m->level, r->right, btree_low(l), btree_high(r), least);
    image->h.epoch = l->h.epoch;
    if (!btree_image_copy(image, l, 0, l->count))
        return false;
    if (m->level > 0) { /* its first entry begins at the separator */
        first.payload = slot_payload(r, &r->slots[0]);
        if (!btree_image_add(image, &first) || !btree_image_copy(image, r, 1, r->count))
            return false;
    } else if (!btree_image_copy(image, r, 0, r->count)) {
        return false;
    }
    return used_bytes(image) <= MERGED_MOST_BYTES;
}

static bool
merge_latched(Ctx *cx, CacheRel *cr, Merge *m)
{
    _Alignas(16) char image[PAGE_BYTES];

    if (!may_merge(m) || !build_merged(m, (BtreePage *)(void *)image))
        return false;
    /* In this order, because the log may end between any two (C4): a page without a separator is found from its left
     * neighbour; a page that nobody leads to is only lost. */
    page_change_begin(cx, &m->parent);
    btree_slot_remove(btree_page_mut(&m->parent), m->no);
    page_change_end(cx, &m->parent, RECORD_BTREE_REMOVE_SLOT, (const RecordPart[]){{&m->no, sizeof(m->no)}}, 1);
    btree_write_image(cx, &m->left, (BtreePage *)(void *)image);
    btree_retire_page(cx, cr, &m->right, m->left.frame->block);
    return true;
}

/* Merges the page of `level` that has the target with a neighbour below the same parent, if it fits. *next (may be NULL) is a
 * page of the level that the caller wants to go to: if it goes, the one that took it is named. */
static Status
try_merge(Ctx *cx, CacheRel *cr, uint32_t level, const BtreeTarget *t, BlockNo *next)
{
    Merge m = {.level = level};
    bool merged = false, parent_small = false;
    const BtreePage *p;
    Status rc;

    TRY(btree_descend(cx, cr, t, true, level + 1, &m.parent, NULL, NULL));
    p = btree_page(&m.parent);
    m.no = MAX_OF(btree_child_no(p, t, true), 1);
    if (m.no < p->count) {
        BlockNo left = btree_child(p, m.no - 1), right = btree_child(p, m.no);

        page_unlatch(cx, &m.parent);
        TRY_TO(out, rc, page_own(cx, cr, &m.parent));
        TRY_TO(out, rc, page_pin_own(cx, cr, FORK_MAIN, left, &m.left));
        TRY_TO(out, rc, page_pin_own(cx, cr, FORK_MAIN, right, &m.right));
        p = btree_page(&m.parent);
        page_latch_exclusive(cx, &m.left);
        page_latch_exclusive(cx, &m.right);
        page_latch_exclusive(cx, &m.parent);
        merged = merge_latched(cx, cr, &m);
        if (merged && next != NULL && *next == right)
            *next = left;
        parent_small = merged && used_bytes(p) < MERGE_BELOW_BYTES && m.parent.frame->block != BTREE_ROOT;
    }
    rc = ST_OK;
out:
    page_unpin(cx, &m.parent);
    page_unpin(cx, &m.right);
    page_unpin(cx, &m.left);
    if (rc == ST_OK && parent_small)
        rc = try_merge(cx, cr, level + 1, t, NULL);
    return rc;
}

/* ---- the walk --------------------------------------------------------------------------------------------------------- */

/* Removes from one leaf. *right: where to go on; 0 = the end. *small: worth merging; `high` then names it. */
static void
clean_leaf(Ctx *cx, PageRef *ref, const DeadTids *dead, BlockNo *right, bool *small, BtreeTarget *high,
           uint8_t *bytes)
{
    BtreePage *p = btree_page_mut(ref);
    Removed removed;

    removed.dead = *dead;
    removed.count = 0;
    page_change_begin(cx, ref);
    for (uint32_t i = p->count; i > 0; i--)
        (void)btree_slot_filter(p, i - 1, keep_alive, &removed);
    if (removed.count > 0)
        page_change_end(cx, ref, RECORD_BTREE_REMOVE_MANY,
                        (const RecordPart[]){{removed.tids, removed.count * (uint32_t)sizeof(Tid)}}, 1);
    else
        page_change_cancel(cx, ref);
    *right = p->right;
    *small = removed.count > 0 && used_bytes(p) < MERGE_BELOW_BYTES && ref->frame->block != BTREE_ROOT;
    *high = (BtreeTarget){{bytes, p->right != 0 ? p->high_bytes : 0}, p->right == 0};
    memcpy(bytes, btree_high(p).data, p->high_bytes);
}

/* A leaf that is still the origin's, which never changes for us: is nothing of it dead? Then where to go on. */
static bool
may_pass(const PageRef *ref, const DeadTids *dead, BlockNo *right)
{
    const BtreePage *p = btree_page(ref);

    if (p->level > 0 || (p->h.flags & BTREE_DELETED))
        return false;
    for (uint32_t i = 0; i < p->count; i++) {
        for (uint32_t k = 0; k < btree_tid_count(p, i); k++) {
            if (!is_alive(dead, btree_tid(p, i, k)))
                return false;
        }
    }
    *right = p->right;
    return true;
}

Status
btree_remove_many(Ctx *cx, const BtreeRel *index, const Tid *tids, uint32_t count)
{
    BtreeTarget start = {0};
    DeadTids dead = {tids, count};
    BlockNo block, right;
    CacheRel *cr;
    PageRef ref;

    TRY(btree_open(cx, index, false, &cr));
    TRY(btree_descend(cx, cr, &start, false, 0, &ref, NULL, NULL));
    if (ref.page == NULL)
        return ST_OK;
    block = ref.frame->block;
    page_unpin(cx, &ref);
    do {
        uint8_t bytes[BTREE_FULL_MOST];
        BtreeTarget high;
        bool small, passed;

        TRY(ctx_poll(cx));
        TRY(page_pin_shared(cx, cr, FORK_MAIN, block, &ref));
        ASSERT(ref.page != NULL);
        passed = page_is_linked(&ref) && may_pass(&ref, &dead, &right);
        page_unlatch(cx, &ref);
        if (passed) {
            page_unpin(cx, &ref);
            block = right;
            continue;
        }
        TRY(page_own(cx, cr, &ref));
        page_latch_exclusive(cx, &ref);
        if (btree_page(&ref)->level > 0) { /* the root has been split since: begin again */
            page_unpin(cx, &ref);
            return btree_remove_many(cx, index, tids, count);
        }
        if (btree_page(&ref)->h.flags & BTREE_DELETED) {
            /* We have just merged it into the page before it: look at that one once more. */
            block = btree_page(&ref)->redirect;
            page_unpin(cx, &ref);
            continue;
        }
        clean_leaf(cx, &ref, &dead, &right, &small, &high, bytes);
        page_unpin(cx, &ref);
        /* We may have no snapshot: from the moment it is retired a page may be anything again (H6). */
        if (small)
            TRY(try_merge(cx, cr, 0, &high, &right));
        block = right;
    } while (block != 0);
    return ST_OK;
}
