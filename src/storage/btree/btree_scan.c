/* btree_scan.c - range scans in both directions, one leaf at a time.
 *
 * Under a leaf's share latch the scan takes what it needs and lets go; between calls it holds nothing.
 * Few matching entries (a point query) are taken out one by one; of many the whole leaf is copied, and
 * entries are read from the copy when asked for.
 *
 * The scan's place is a full key, `edge`: forward, everything below it has been returned; backward,
 * everything from it on. So it does not matter when a leaf it has copied is split or merged away: the
 * next step goes to the leaf that has the edge now, through the right link as a shortcut, and takes
 * only what lies beyond the edge. */
#include "storage/btree/btree_int.h"
#include "storage/txn/ssi.h"

enum { FEW_TIDS = 16, FEW_KEY_BYTES = 1024, KEY_ROOM = 64 * 1024 };

struct BtreeScan {
    CacheRel *cr;
    Arena *arena;
    BtreeBound low, high; /* copies of the keys in `bounds` */
    uint8_t *bounds;
    uint32_t bounds_room;
    bool backward;
    bool at_edge; /* `edge` counts; before the first leaf the bounds do */
    bool last; /* no further leaf */
    Bytes edge;
    uint8_t edge_bytes[BTREE_FULL_MOST];
    BlockNo hint; /* forward: where the edge probably is; 0 = descend */

    /* What has been taken: few entries ... */
    bool few;
    uint32_t few_count, few_at;
    Tid few_tids[FEW_TIDS];
    uint16_t few_key_at[FEW_TIDS], few_key_len[FEW_TIDS];
    uint8_t few_keys[FEW_KEY_BYTES];
    /* ... or slots [slot, slot_end) of a copied leaf; `tid_at` TIDs of the current one are returned. */
    char *image; /* made when first needed */
    uint32_t slot, slot_end, tid_at;
    uint8_t *keys; /* of the last call */
    uint32_t keys_used;
};

/* ---- opening ------------------------------------------------------------------------------------------------------- */

Status
btree_scan_open(Ctx *cx, Arena *arena, const BtreeRel *index, BtreeBound low, BtreeBound high, bool backward,
                BtreeScan **out)
{
    BtreeScan *s;
    CacheRel *cr;

    TRY(btree_open(cx, index, true, &cr));
    s = arena_alloc(arena, sizeof(*s));
    s->cr = cr;
    s->arena = arena;
    s->backward = backward;
    s->bounds = NULL;
    s->bounds_room = 0;
    s->image = NULL;
    s->keys = NULL;
    *out = s;
    return btree_scan_reset(cx, s, low, high);
}

Status
btree_scan_reset(Ctx *cx, BtreeScan *s, BtreeBound low, BtreeBound high)
{
    uint32_t need = (low.key.data != NULL ? low.key.bytes : 0) + (high.key.data != NULL ? high.key.bytes : 0);

    rel_count(cx->proc, s->cr, REL_SCANS, 1);
    if (need > s->bounds_room || s->bounds == NULL) {
        s->bounds_room = MAX_OF(need, 64);
        s->bounds = arena_alloc(s->arena, s->bounds_room);
    }
    s->low = low;
    s->high = high;
    if (low.key.data != NULL) {
        memcpy(s->bounds, low.key.data, low.key.bytes);
        s->low.key.data = s->bounds;
    }
    if (high.key.data != NULL) {
        uint8_t *to = s->bounds + (low.key.data != NULL ? low.key.bytes : 0);

        memcpy(to, high.key.data, high.key.bytes);
        s->high.key.data = to;
    }
    s->at_edge = s->last = false;
    s->hint = 0;
    s->few = true;
    s->few_count = s->few_at = 0;
    s->slot = s->slot_end = s->tid_at = 0;
    return ST_OK;
}

void
btree_scan_close(Ctx *cx, BtreeScan *scan)
{
    (void)cx;
    (void)scan; /* memory is the arena's, nothing else is held */
}

/* ---- bounds as targets ------------------------------------------------------------------------------------------------ */

/* Where the range begins: the first key not before it. */
static BtreeTarget
low_target(const BtreeBound *b)
{
    if (b->key.data == NULL)
        return (BtreeTarget){0};
    return (BtreeTarget){{b->key.data, b->key.bytes}, !b->inclusive};
}

/* Where it ends: the first key not before it is outside. */
static BtreeTarget
high_target(const BtreeBound *b)
{
    if (b->key.data == NULL)
        return (BtreeTarget){.after = true};
    return (BtreeTarget){{b->key.data, b->key.bytes}, b->inclusive};
}

/* ---- taking entries out of a leaf --------------------------------------------------------------------------------------- */

/* Entries of slot i whose full keys are below the edge (a full key, perhaps cut). */
static uint32_t
tids_below(const BtreePage *p, uint32_t i, Bytes edge)
{
    uint8_t bytes[BTREE_FULL_MOST];
    Bytes key = btree_slot_key(p, i, bytes);
    uint32_t count = btree_tid_count(p, i), below = 0;

    while (below < count) {
        uint8_t full[BTREE_FULL_MOST];

        if (bytes_compare(btree_full_key((BtreeKey){key.data, key.bytes}, btree_tid(p, i, below), full),
                          edge) >= 0)
            break;
        below++;
    }
    return below;
}

/* The slots of the leaf that are in range and beyond the edge: [*from, *to); of the first (last, when
 * backward) slot only the TIDs from *first on (before *end). */
static void
slots_in_range(const BtreeScan *s, const BtreePage *p, uint32_t *from, uint32_t *to, uint32_t *skip,
               uint32_t *keep)
{
    BtreeTarget low = low_target(&s->low), high = high_target(&s->high);
    BtreeTarget edge = {s->edge, false};

    *from = btree_lower(p, &low);
    *to = btree_lower_from(p, &high, *from);
    *skip = 0;
    *keep = UINT32_MAX;
    if (!s->at_edge)
        return;
    /* Leaf keys lack the TID: several slots of the edge's key may lie on either side of it. */
    if (s->backward) {
        uint32_t end = MIN_OF(*to, btree_lower(p, &edge)), below = 0;

        while (end > *from && (below = tids_below(p, end - 1, s->edge)) == 0)
            end--;
        *to = MAX_OF(*from, end);
        if (*to > *from && below < btree_tid_count(p, *to - 1))
            *keep = below;
    } else {
        uint32_t start = btree_lower(p, &edge), below;

        while (start > *from && (below = tids_below(p, start - 1, s->edge)) < btree_tid_count(p, start - 1)) {
            start--;
            *skip = below;
        }
        *from = MIN_OF(MAX_OF(*from, start), *to);
    }
}

/* Takes single entries; false when they are too many or too long. */
static bool
take_few(BtreeScan *s, const BtreePage *p, uint32_t from, uint32_t to, uint32_t skip, uint32_t keep)
{
    uint32_t used = 0, n = 0;

    if (to - from > FEW_TIDS)
        return false;
    for (uint32_t i = from; i < to; i++) {
        uint32_t tids = btree_tid_count(p, i), key_bytes = p->prefix_bytes + slot_key_bytes(&p->slots[i]);
        uint32_t first = i == from ? skip : 0;

        if (i == to - 1)
            tids = MIN_OF(tids, keep);
        if (tids - first > FEW_TIDS - n || used + key_bytes > FEW_KEY_BYTES)
            return false;
        (void)btree_slot_key(p, i, s->few_keys + used);
        for (uint32_t k = first; k < tids; k++) {
            s->few_tids[n] = btree_tid(p, i, k);
            s->few_key_at[n] = (uint16_t)used;
            s->few_key_len[n] = (uint16_t)key_bytes;
            n++;
        }
        used += key_bytes;
    }
    s->few = true;
    s->few_count = n;
    s->few_at = 0;
    return true;
}

/* Copies the leaf; entries are read from the copy. */
static void
take_page(BtreeScan *s, const BtreePage *p, uint32_t from, uint32_t to, uint32_t skip, uint32_t keep)
{
    BtreePage *copy;

    memcpy(s->image, p, PAGE_BYTES);
    copy = (BtreePage *)(void *)s->image;
    s->few = false;
    s->slot = from;
    s->slot_end = to;
    s->tid_at = skip;
    if (s->backward) {
        s->tid_at = to > from ? MIN_OF(keep, btree_tid_count(copy, to - 1)) : 0;
        if (to > from && s->tid_at == 0) {
            s->slot_end--;
            s->tid_at = to - 1 > from ? btree_tid_count(copy, to - 2) : 0;
        }
    }
}

/* ---- the next leaf ---------------------------------------------------------------------------------------------------------- */

/* Forward: the leaf with the edge, or with the low bound. */
static Status
reach_forward(Ctx *cx, BtreeScan *s, PageRef *ref)
{
    BtreeTarget t = s->at_edge ? (BtreeTarget){s->edge, false} : low_target(&s->low);

    if (s->at_edge && s->hint != 0) {
        TRY(page_pin_shared(cx, s->cr, FORK_MAIN, s->hint, ref));
        /* Still a leaf that begins at the edge: its left neighbour's high fence was the edge, and pages
         * only ever lose what is on their right, or go away. */
        if (ref->page != NULL && !(btree_page(ref)->h.flags & BTREE_DELETED) && btree_page(ref)->level == 0)
            return ST_OK;
        page_unpin(cx, ref);
    }
    return btree_descend(cx, s->cr, &t, false, 0, ref, NULL, NULL);
}

static void
set_edge(BtreeScan *s, Bytes edge)
{
    memcpy(s->edge_bytes, edge.data, edge.bytes);
    s->edge = (Bytes){s->edge_bytes, edge.bytes};
    s->at_edge = true;
}

/* Takes from the latched leaf. Needs the image only when the entries are many. */
static bool
take_leaf(BtreeScan *s, const BtreePage *p)
{
    uint32_t from, to, skip, keep;

    slots_in_range(s, p, &from, &to, &skip, &keep);
    if (take_few(s, p, from, to, skip, keep))
        return true;
    if (s->image == NULL)
        return false;
    take_page(s, p, from, to, skip, keep);
    return true;
}

/* After the leaf has been taken: is there another one, and where does it begin? */
static void
step_on(BtreeScan *s, const BtreePage *p, Bytes low)
{
    if (s->backward) {
        BtreeTarget bound = low_target(&s->low);

        /* What is left of this leaf is below its low fence. */
        s->last = low.bytes == 0 || (s->low.key.data != NULL && target_compare(low, &bound) < 0);
        if (!s->last)
            set_edge(s, low);
    } else {
        BtreeTarget bound = high_target(&s->high);

        s->last = p->right == 0 || (s->high.key.data != NULL && target_compare(btree_high(p), &bound) >= 0);
        if (!s->last) {
            set_edge(s, btree_high(p));
            s->hint = p->right;
        }
    }
}

static Status
load_leaf(Ctx *cx, BtreeScan *s)
{
    uint8_t low_bytes[BTREE_FULL_MOST];
    Bytes low = {low_bytes, 0};
    PageRef ref;

    for (;;) {
        bool taken;

        if (s->backward) {
            BtreeTarget t = s->at_edge ? (BtreeTarget){s->edge, false} : high_target(&s->high);

            TRY(btree_descend(cx, s->cr, &t, true, 0, &ref, &low, low_bytes));
        } else {
            TRY(reach_forward(cx, s, &ref));
        }
        if (ref.page == NULL) {
            s->last = true;
            return ST_OK;
        }
        ssi_read(cx, s->cr->branch, s->cr->relation, ref.frame->block, TID_NONE);
        taken = take_leaf(s, btree_page(&ref));
        if (taken)
            step_on(s, btree_page(&ref), low);
        page_unpin(cx, &ref);
        if (taken)
            return ST_OK;
        s->image = arena_alloc(s->arena, PAGE_BYTES); /* and once more */
    }
}

/* ---- giving them out ------------------------------------------------------------------------------------------------------------ */

static bool
is_exhausted(const BtreeScan *s)
{
    if (s->few)
        return s->few_at == s->few_count;
    return s->slot == s->slot_end;
}

static uint32_t
give_few(BtreeScan *s, uint32_t most, Tid *tids, BtreeKey *keys)
{
    uint32_t n = MIN_OF(most, s->few_count - s->few_at);

    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = s->few_at + k;

        if (s->backward)
            i = s->few_count - 1 - i;
        tids[k] = s->few_tids[i];
        if (keys != NULL)
            keys[k] = (BtreeKey){s->few_keys + s->few_key_at[i], s->few_key_len[i]};
    }
    s->few_at += n;
    return n;
}

/* Forward from the copied leaf. */
static uint32_t
give_forward(BtreeScan *s, uint32_t most, Tid *tids, BtreeKey *keys)
{
    const BtreePage *p = (const BtreePage *)(const void *)s->image;
    uint32_t n = 0;

    while (n < most && s->slot < s->slot_end) {
        uint32_t count = btree_tid_count(p, s->slot), take = MIN_OF(count - s->tid_at, most - n);

        if (keys != NULL) {
            Bytes key;

            if (s->keys_used + BTREE_FULL_MOST > KEY_ROOM)
                break;
            key = btree_slot_key(p, s->slot, s->keys + s->keys_used);
            s->keys_used += key.bytes;
            for (uint32_t k = 0; k < take; k++)
                keys[n + k] = (BtreeKey){key.data, key.bytes};
        }
        for (uint32_t k = 0; k < take; k++)
            tids[n + k] = btree_tid(p, s->slot, s->tid_at + k);
        n += take;
        s->tid_at += take;
        if (s->tid_at == count) {
            s->slot++;
            s->tid_at = 0;
        }
    }
    return n;
}

/* Backward: tid_at TIDs of the last slot are still to come. */
static uint32_t
give_backward(BtreeScan *s, uint32_t most, Tid *tids, BtreeKey *keys)
{
    const BtreePage *p = (const BtreePage *)(const void *)s->image;
    uint32_t n = 0;

    while (n < most && s->slot < s->slot_end) {
        uint32_t i = s->slot_end - 1, take = MIN_OF(s->tid_at, most - n);

        if (keys != NULL) {
            Bytes key;

            if (s->keys_used + BTREE_FULL_MOST > KEY_ROOM)
                break;
            key = btree_slot_key(p, i, s->keys + s->keys_used);
            s->keys_used += key.bytes;
            for (uint32_t k = 0; k < take; k++)
                keys[n + k] = (BtreeKey){key.data, key.bytes};
        }
        for (uint32_t k = 0; k < take; k++)
            tids[n + k] = btree_tid(p, i, s->tid_at - 1 - k);
        n += take;
        s->tid_at -= take;
        if (s->tid_at == 0) {
            s->slot_end--;
            s->tid_at = s->slot < s->slot_end ? btree_tid_count(p, s->slot_end - 1) : 0;
        }
    }
    /* The first slot of a forward range may begin in its middle; backward ranges begin at a slot. */
    return n;
}

Status
btree_scan_next(Ctx *cx, BtreeScan *s, uint32_t most, Tid *tids, BtreeKey *keys, uint32_t *count)
{
    *count = 0;
    ASSERT(most > 0);
    while (is_exhausted(s)) {
        if (s->last)
            return ST_OK;
        TRY(ctx_poll(cx));
        TRY(load_leaf(cx, s));
    }
    if (s->few) {
        *count = give_few(s, most, tids, keys);
    } else {
        if (keys != NULL && s->keys == NULL)
            s->keys = arena_alloc(s->arena, KEY_ROOM);
        s->keys_used = 0;
        *count = s->backward ? give_backward(s, most, tids, keys) : give_forward(s, most, tids, keys);
    }
    rel_count(cx->proc, s->cr, REL_ROWS_READ, *count);
    proc_count(cx->proc, COUNT_ROWS_READ, *count);
    return ST_OK;
}

void
btree_scan_count_found(Ctx *cx, const BtreeScan *s, uint32_t row_count)
{
    rel_count(cx->proc, s->cr, REL_ROWS_FOUND, row_count);
    proc_count(cx->proc, COUNT_ROWS_FOUND, row_count);
}

/* ---- estimating ---------------------------------------------------------------------------------------------------------------------- */

/* The share of all entries that lie before the target, as far as inner pages tell. */
static Status
position_of(Ctx *cx, CacheRel *cr, const BtreeTarget *t, double *out)
{
    BlockNo block = BTREE_ROOT;
    double start = 0, share = 1;

    for (;;) {
        const BtreePage *p;
        PageRef ref;
        uint32_t i;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, block, &ref));
        p = btree_page(&ref);
        ASSERT(p != NULL);
        if (p->h.flags & BTREE_DELETED) {
            block = p->redirect;
        } else if (p->level > 0) {
            i = btree_child_no(p, t, false);
            start += share * i / p->count;
            share /= p->count;
            block = btree_child(p, i);
        } else {
            if (p->count > 0)
                start += share * btree_lower(p, t) / p->count;
            page_unpin(cx, &ref);
            *out = start;
            return ST_OK;
        }
        page_unpin(cx, &ref);
    }
}

Status
btree_estimate(Ctx *cx, const BtreeRel *index, BtreeBound low, BtreeBound high, double *fraction)
{
    BtreeTarget from = low_target(&low), to = high_target(&high);
    double a = 0, b = 1;
    CacheRel *cr;

    TRY(btree_open(cx, index, true, &cr));
    if (cache_rel_length(cr, FORK_MAIN) == 0) {
        *fraction = 0;
        return ST_OK;
    }
    if (low.key.data != NULL)
        TRY(position_of(cx, cr, &from, &a));
    if (high.key.data != NULL)
        TRY(position_of(cx, cr, &to, &b));
    *fraction = MAX_OF(b - a, 0);
    return ST_OK;
}
