/* btree_insert.c - new entries, and unique checks that respect MVCC.
 *
 * Unique: two transactions that insert the same key must notice each other. Both begin at the same
 * leaf, the first that can hold the key ("guard"), whose version rises whenever somebody latches it
 * exclusively (H6). So:
 *   1. note the guard's version, collect the TIDs of equal keys (on the guard and to its right)
 *   2. without any latch, ask the heap about each: alive is a conflict, undecided is waited for
 *   3. latch the guard exclusively; if its version is still the same nobody inserted this key since,
 *      and we insert; else begin again. The same if the branch has made the page its own meanwhile: the
 *      version of another frame says nothing.
 * Mostly there are no equal keys and 1 to 3 are one latch. */
#include "base/stop_point.h"
#include "storage/branch/page_own.h"
#include "storage/btree/btree_int.h"
#include "storage/heap/heap_unique.h"
#include "storage/txn/ssi.h"

Status
btree_fail_too_long(Ctx *cx, uint32_t bytes)
{
    (void)fail(cx, ST_ERROR, "54000", "index row size %u exceeds maximum %d", bytes, BTREE_KEY_MOST_BYTES);
    fail_hint(
        cx, "Values larger than 1/3 of a page cannot be indexed.\nConsider a function index of an MD5 hash of "
            "the value, or use full text indexing.");
    return ST_ERROR;
}

bool
btree_put_entry(Ctx *cx, PageRef *ref, BtreeKey key, Tid tid)
{
    BtreePage *p = btree_page_mut(ref);
    bool done;

    ssi_write(cx, ref->frame->branch, ref->frame->relation, ref->frame->block, tid);
    page_change_begin(cx, ref);
    done = btree_leaf_insert(p, key, tid);
    if (!done && p->dead_bytes > PAGE_BYTES / 16) {
        page_change_cancel(cx, ref);
        btree_compact(cx, ref);
        page_change_begin(cx, ref);
        done = btree_leaf_insert(p, key, tid);
    }
    if (done)
        page_change_end(cx, ref, RECORD_BTREE_INSERT,
                        (const RecordPart[]){{&tid, sizeof(tid)}, {key.data, key.bytes}}, 2);
    else
        page_change_cancel(cx, ref);
    return done;
}

/* ---- without a check ---------------------------------------------------------------------------------------------- */

static Status
insert_plain(Ctx *cx, CacheRel *cr, BtreeKey key, Tid tid)
{
    uint8_t full[BTREE_FULL_MOST];
    BtreeTarget t = {btree_full_key(key, tid, full), false};

    for (;;) {
        bool open, done = false;
        PageRef ref;
        Status rc = ST_OK;

        TRY(btree_descend(cx, cr, &t, false, 0, &ref, NULL, NULL));
        if (!page_try_upgrade(cx, &ref)) {
            page_unlatch(cx, &ref);
            TRY(btree_latch_target(cx, cr, &t, &ref));
        }
        if (btree_page(&ref)->level > 0) { /* the root was a leaf when we came */
            page_unpin(cx, &ref);
            continue;
        }
        open = (btree_page(&ref)->h.flags & BTREE_SPLIT_OPEN) != 0;
        if (!open)
            done = btree_put_entry(cx, &ref, key, tid);
        page_unlatch(cx, &ref);
        if (open)
            rc = btree_finish_split(cx, cr, &ref);
        else if (!done)
            rc = btree_split(cx, cr, &ref, &t);
        page_unpin(cx, &ref);
        if (done || rc != ST_OK)
            return rc;
    }
}

/* ---- unique --------------------------------------------------------------------------------------------------------- */

typedef struct EqualTids {
    Tid *tids;
    uint32_t count, capacity;
} EqualTids;

static void
add_equal(Ctx *cx, EqualTids *e, Tid tid)
{
    if (e->count == e->capacity) {
        uint32_t capacity = MAX_OF(64, e->capacity * 2);
        Tid *tids = arena_alloc(cx->arena, sizeof(Tid) * capacity);

        if (e->count > 0)
            memcpy(tids, e->tids, sizeof(Tid) * e->count);
        e->tids = tids;
        e->capacity = capacity;
    }
    e->tids[e->count++] = tid;
}

static bool
starts_with(Bytes key, BtreeKey with)
{
    return key.bytes >= with.bytes && memcmp(key.data, with.data, with.bytes) == 0;
}

/* Share latch held. *more: equal keys may go on to the right. */
static void
collect_equal(Ctx *cx, const BtreePage *p, BtreeKey key, Tid own, EqualTids *out, bool *more)
{
    BtreeTarget t = {{key.data, key.bytes}, false};
    uint8_t bytes[BTREE_FULL_MOST];

    for (uint32_t i = btree_lower(p, &t); i < p->count; i++) {
        Bytes k = btree_slot_key(p, i, bytes);

        if (k.bytes != key.bytes || memcmp(k.data, key.data, key.bytes) != 0) {
            *more = false;
            return;
        }
        for (uint32_t j = 0; j < btree_tid_count(p, i); j++) {
            if (btree_tid(p, i, j) != own)
                add_equal(cx, out, btree_tid(p, i, j));
        }
    }
    *more = p->right != 0 && starts_with(btree_high(p), key);
}

/* The pages right of the guard. */
static Status
collect_right(Ctx *cx, CacheRel *cr, BlockNo right, BtreeKey key, Tid own, EqualTids *out)
{
    bool more = true;

    while (more) {
        PageRef ref;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, right, &ref));
        ASSERT(ref.page != NULL);
        if (btree_page(&ref)->h.flags & BTREE_DELETED) {
            right = btree_page(&ref)->redirect; /* seen twice at worst */
        } else {
            collect_equal(cx, btree_page(&ref), key, own, out, &more);
            right = btree_page(&ref)->right;
        }
        page_unpin(cx, &ref);
        TRY(ctx_poll(cx));
    }
    return ST_OK;
}

/* Step 2. *wait: somebody to wait for. */
static Status
judge_equal(Ctx *cx, const HeapRel *heap, const EqualTids *e, Tid *conflict, Xid *wait)
{
    *conflict = TID_NONE;
    *wait = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        RowLife life;
        Xid xid;

        TRY(ctx_poll(cx));
        TRY(heap_row_life(cx, heap, e->tids[i], &life, &xid));
        if (life == ROW_LIFE_LIVE) {
            *conflict = e->tids[i];
            return ST_OK;
        }
        if (life == ROW_LIFE_UNDECIDED) {
            *conflict = e->tids[i];
            *wait = xid;
            return ST_OK;
        }
    }
    return ST_OK;
}

typedef enum Step { STEP_DONE, STEP_AGAIN, STEP_SPLIT, STEP_FINISH } Step;

/* Step 3: the guard is latched and unchanged; the entry goes there or, behind equal keys, further right. */
static Step
insert_guarded(Ctx *cx, PageRef *guard, PageRef *leaf, BtreeKey key, Tid tid, const BtreeTarget *t)
{
    PageRef *to = guard;
    Step step;

    if (btree_is_right_of(btree_page(guard), t, false)) {
        if (leaf->page == NULL || leaf->frame == guard->frame)
            return STEP_AGAIN;
        page_latch_exclusive(cx, leaf);
        to = leaf;
        if ((btree_page(leaf)->h.flags & BTREE_DELETED) || btree_is_right_of(btree_page(leaf), t, false)) {
            page_unlatch(cx, leaf);
            return STEP_AGAIN;
        }
    }
    if (btree_page(to)->h.flags & BTREE_SPLIT_OPEN)
        step = STEP_FINISH;
    else
        step = btree_put_entry(cx, to, key, tid) ? STEP_DONE : STEP_SPLIT;
    if (to == leaf)
        page_unlatch(cx, leaf);
    return step;
}

/* T4. An error of the wait says which row wanted into what. */
static Status
wait_for_maker(Ctx *cx, Xid xid, Tid tid, const char *name)
{
    Status rc = xid_wait(cx, xid);

    if (rc != ST_OK && name != NULL)
        fail_where(cx, "while inserting index tuple (%u,%u) in relation \"%s\"", tid_block(tid), tid_slot(tid),
                   name);
    return rc;
}

/* One round of steps 1 to 3. */
static Status
unique_round(Ctx *cx, const BtreeRel *index, CacheRel *cr, const HeapRel *heap, BtreeKey key, Tid tid,
             const BtreeTarget *t, Tid *conflict, bool *again)
{
    BtreeTarget at_guard = {{key.data, key.bytes}, false};
    PageRef guard = PAGE_REF_NONE, leaf = PAGE_REF_NONE, *to;
    EqualTids equal = {0};
    uint32_t version, frame_no;
    bool more, latched = false;
    Step step = STEP_AGAIN;
    Xid wait = 0;
    Status rc;

    TRY_TO(out, rc, btree_descend(cx, cr, &at_guard, false, 0, &guard, NULL, NULL));
    version = page_version(&guard);
    frame_no = guard.frame_no;
    collect_equal(cx, btree_page(&guard), key, tid, &equal, &more);
    if (LIKELY(equal.count == 0 && !more)) {
        latched = page_try_upgrade(cx, &guard);
        if (!latched)
            page_unlatch(cx, &guard);
    } else {
        BlockNo right = btree_page(&guard)->right;

        page_unlatch(cx, &guard);
        if (more)
            TRY_TO(out, rc, collect_right(cx, cr, right, key, tid, &equal));
        stop_point("btree.unique.collected");
        TRY_TO(out, rc, judge_equal(cx, heap, &equal, conflict, &wait));
        if (more && *conflict == TID_NONE && wait == 0) {
            TRY_TO(out, rc, btree_descend(cx, cr, t, false, 0, &leaf, NULL, NULL));
            page_unlatch(cx, &leaf);
            TRY_TO(out, rc, page_own(cx, cr, &leaf));
        }
    }
    if (wait != 0) {
        page_unpin(cx, &guard);
        rc = wait_for_maker(cx, wait, tid, index->name);
        *conflict = TID_NONE;
        goto out;
    }
    if (!latched) {
        TRY_TO(out, rc, page_own(cx, cr, &guard));
        page_latch_exclusive(cx, &guard);
    }
    if (latched || (guard.frame_no == frame_no && page_version(&guard) == version)) {
        if (*conflict != TID_NONE) {
            *again = false;
            page_unlatch(cx, &guard);
            goto out;
        }
        step = insert_guarded(cx, &guard, &leaf, key, tid, t);
    }
    page_unlatch(cx, &guard);
    to = leaf.page != NULL ? &leaf : &guard;
    if (step == STEP_SPLIT)
        rc = btree_split(cx, cr, to, t);
    else if (step == STEP_FINISH)
        rc = btree_finish_split(cx, cr, to);
    *again = step != STEP_DONE;
out:
    page_unpin(cx, &leaf);
    page_unpin(cx, &guard);
    return rc;
}

Status
btree_insert(Ctx *cx, const BtreeRel *index, BtreeKey key, Tid tid, BtreeUnique unique, const HeapRel *heap,
             Tid *conflict)
{
    uint8_t full[BTREE_FULL_MOST];
    BtreeTarget t;
    ArenaMark mark;
    bool again = true;
    CacheRel *cr;
    Status rc = ST_OK;

    *conflict = TID_NONE;
    if (UNLIKELY(key.bytes > BTREE_KEY_MOST_BYTES))
        return btree_fail_too_long(cx, key.bytes);
    TRY(btree_open(cx, index, true, &cr));
    if (UNLIKELY(cache_rel_length(cr, FORK_MAIN) == 0))
        TRY(btree_make_root(cx, cr));
    if (unique == BTREE_UNIQUE_NO)
        return insert_plain(cx, cr, key, tid);
    t = (BtreeTarget){btree_full_key(key, tid, full), false};
    mark = arena_mark(cx->arena);
    while (again && rc == ST_OK) {
        *conflict = TID_NONE;
        rc = unique_round(cx, index, cr, heap, key, tid, &t, conflict, &again);
    }
    arena_rewind(cx->arena, mark);
    return rc;
}

/* Steps 1 and 2 alone. */
static Status
find_round(Ctx *cx, CacheRel *cr, const HeapRel *heap, BtreeKey key, Tid *conflict, Xid *wait)
{
    BtreeTarget at_guard = {{key.data, key.bytes}, false};
    PageRef guard = PAGE_REF_NONE;
    EqualTids equal = {0};
    BlockNo right;
    bool more;

    *wait = 0;
    TRY(btree_descend(cx, cr, &at_guard, false, 0, &guard, NULL, NULL));
    collect_equal(cx, btree_page(&guard), key, TID_NONE, &equal, &more);
    right = btree_page(&guard)->right;
    page_unlatch(cx, &guard);
    page_unpin(cx, &guard);
    if (more)
        TRY(collect_right(cx, cr, right, key, TID_NONE, &equal));
    return judge_equal(cx, heap, &equal, conflict, wait);
}

Status
btree_find_equal(Ctx *cx, const BtreeRel *index, BtreeKey key, const HeapRel *heap, Tid *conflict)
{
    ArenaMark mark = arena_mark(cx->arena);
    Xid wait = 0;
    CacheRel *cr;
    Status rc;

    *conflict = TID_NONE;
    if (key.bytes > BTREE_KEY_MOST_BYTES)
        return ST_OK; /* the insertion will say so */
    TRY(btree_open(cx, index, true, &cr));
    if (cache_rel_length(cr, FORK_MAIN) == 0)
        return ST_OK;
    do {
        rc = find_round(cx, cr, heap, key, conflict, &wait);
        if (rc == ST_OK && wait != 0)
            rc = wait_for_maker(cx, wait, *conflict, heap->name);
    } while (rc == ST_OK && wait != 0);
    if (mark.chunk != NULL)
        arena_rewind(cx->arena, mark);
    return rc;
}

Status
btree_remove(Ctx *cx, const BtreeRel *index, BtreeKey key, Tid tid)
{
    uint8_t full[BTREE_FULL_MOST];
    BtreeTarget t;
    CacheRel *cr;
    PageRef ref;

    TRY(btree_open(cx, index, true, &cr));
    if (key.bytes > BTREE_KEY_MOST_BYTES)
        return ST_OK;
    t = (BtreeTarget){btree_full_key(key, tid, full), false};
    for (;;) {
        TRY(btree_descend(cx, cr, &t, false, 0, &ref, NULL, NULL));
        if (ref.page == NULL)
            return ST_OK;
        page_unlatch(cx, &ref);
        TRY(btree_latch_target(cx, cr, &t, &ref));
        if (btree_page(&ref)->level == 0)
            break;
        page_unpin(cx, &ref);
    }
    page_change_begin(cx, &ref);
    if (btree_leaf_remove(btree_page_mut(&ref), key, tid))
        page_change_end(cx, &ref, RECORD_BTREE_REMOVE,
                        (const RecordPart[]){{&tid, sizeof(tid)}, {key.data, key.bytes}}, 2);
    else
        page_change_cancel(cx, &ref);
    page_unpin(cx, &ref);
    return ST_OK;
}
