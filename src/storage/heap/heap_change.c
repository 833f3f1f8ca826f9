/* heap_change.c - UPDATE and DELETE.
 *
 * A new version goes into the same page under the same root if no indexed column changed and there is
 * room: then no index needs to know. Otherwise it gets a root of its own, and the old version points
 * to it (SLOT_MOVED). A move to another page is a chain of steps that each leave a sound state (C4):
 *
 *   1. the old version is locked by us (SLOT_LOCK_ONLY), so nobody else can change it
 *   2. the new row is put on another page; nobody can find it but a scan, to which it is uncommitted
 *   3. the old version's mark becomes a replacement, with the new root's TID
 *
 * Our pin on the old page stays throughout, so pruning cannot move the version in between. */
#include "base/stop_point.h"
#include "storage/branch/page_own.h"
#include "storage/heap/heap_record.h"
#include "storage/heap/heap_target.h"
#include "storage/txn/ssi.h"

typedef struct Change {
    const HeapRel *rel;
    CacheRel *cr;
    Tid root;
    const Snapshot *snapshot;
    RowLock strength;
    PageRef ref;
    RowWait wait;
    Target target;
    bool outer_kept;
    Xid xid;
    uint32_t command_id;
} Change;

static HeapPage *
change_page(const Change *c)
{
    return (HeapPage *)(void *)c->ref.page;
}

static Status
change_begin(Ctx *cx, Change *c, const HeapRel *rel, Tid root, const Snapshot *snapshot, RowLock strength,
             const char *doing)
{
    *c = (Change){.rel = rel,
                  .root = root,
                  .snapshot = snapshot,
                  .strength = strength,
                  .wait = {.rel = rel, .root = root, .doing = doing}};
    TRY(heap_open(cx, rel, &c->cr));
    TRY(txn_write_id(cx, &c->xid, &c->command_id));
    return page_pin_own(cx, c->cr, FORK_MAIN, tid_block(root), &c->ref);
}

static void
change_end(Ctx *cx, Change *c)
{
    page_unpin(cx, &c->ref);
    row_wait_end(cx, &c->wait);
}

/* Comes back with the exclusive latch and TARGET_FOUND, or without a latch and the outcome in *out. */
static Status
reach_target(Ctx *cx, Change *c, RowChange *out)
{
    Target *t = &c->target;

    for (;;) {
        bool blocked;

        if (c->ref.page == NULL) {
            *t = (Target){.state = TARGET_GONE};
        } else {
            page_latch_exclusive(cx, &c->ref);
            heap_target(cx, change_page(c), tid_slot(c->root), c->snapshot, c->strength, t);
            if (t->state == TARGET_FOUND && (!t->newer || t->own_lock)) {
                if (!row_has_lockers(cx, c->rel, change_page(c), c->root, c->strength)) {
                    if (c->outer_kept || !heap_mark_is_outer(cx, t))
                        return ST_OK;
                    page_unlatch(cx, &c->ref);
                    TRY(heap_keep_outer_lock(cx, c->rel, &c->ref, c->root, t)); /* R2 */
                    c->outer_kept = true;
                    continue;
                }
                page_unlatch(cx, &c->ref);
                TRY(row_wait_lockers(cx, &c->wait, c->strength, LOCK_WAIT_BLOCK, &blocked));
                continue;
            }
            page_unlatch(cx, &c->ref);
        }
        if (t->state == TARGET_WAIT) {
            TRY(row_wait(cx, &c->wait, t->wait_for, c->strength, LOCK_WAIT_BLOCK, &blocked));
            continue;
        }
        TRY(heap_conflict(cx, t)); /* R4 */
        *out = (RowChange){.tid = c->root};
        switch (t->state) {
        case TARGET_SELF: out->outcome = ROW_SELF_UPDATED; break;
        case TARGET_GONE: out->outcome = ROW_DELETED; break;
        case TARGET_MOVED:
            out->tid = t->moved_to;
            out->outcome = ROW_UPDATED;
            break;
        default: out->outcome = ROW_UPDATED;
        }
        return ST_OK;
    }
}

/* The target is reached and latched. The mark takes the place of our own lock and must not be weaker (R2). */
static RowLock
mark_strength(const Change *c)
{
    RowLock own = (RowLock)(heap_flags(change_page(c))[c->target.position] & SLOT_STRENGTH);

    return c->target.own_lock ? MAX_OF(c->strength, own) : c->strength;
}

/* Stored cells of a version, copied so that they outlive the pin. */
static Cell *
copy_row(Ctx *cx, const HeapRel *rel, const HeapPage *p, uint16_t position)
{
    Cell *cells = arena_array(cx->arena, Cell, MAX_OF(rel->layout.column_count, 1));

    for (uint16_t i = 0; i < rel->layout.column_count && i < p->h.layout_version; i++) {
        heap_page_cell(p, position, i, &cells[i]);
        if (cells[i].data != NULL)
            cells[i].data = arena_memdup(cx->arena, cells[i].data, cell_bytes(&cells[i]));
    }
    return cells;
}

/* ---- delete ----------------------------------------------------------------------------------------------------- */

static Status
delete_row(Ctx *cx, Change *c, RowChange *out)
{
    Cell *old = NULL;

    c->target.state = TARGET_GONE;
    TRY(reach_target(cx, c, out));
    if (c->target.state != TARGET_FOUND || !c->ref.exclusive)
        return ST_OK;
    if (UNLIKELY(heap_row_has_external(change_page(c), c->target.position))) {
        page_unlatch(cx, &c->ref); /* nothing is allocated below a latch (C1); the pin keeps the version */
        old = copy_row(cx, c->rel, change_page(c), c->target.position);
        TRY(reach_target(cx, c, out));
        if (c->target.state != TARGET_FOUND || !c->ref.exclusive)
            return ST_OK;
    }
    page_change_begin(cx, &c->ref);
    heap_mark(cx, &c->ref, c->target.position, c->xid, c->command_id, ROW_LOCK_UPDATE, false);
    heap_end_mark(cx, &c->ref, c->target.position);
    page_unlatch(cx, &c->ref);
    *out = (RowChange){.outcome = ROW_DONE, .tid = c->root};
    ssi_write(cx, c->rel->branch, c->rel->relation, tid_block(c->root), c->root);
    atomic_fetch_add_explicit(&c->cr->dead_rows, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->cr->live_rows, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->cr->done.deleted, 1, memory_order_relaxed);
    proc_count(cx->proc, COUNT_DELETED, 1);
    if (old != NULL)
        TRY(heap_toast_drop(cx, c->rel, old, NULL));
    return ST_OK;
}

Status
heap_delete(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, RowChange *out)
{
    ArenaMark mark = arena_mark(cx->arena);
    Change c;
    Status rc = change_begin(cx, &c, rel, root, snapshot, ROW_LOCK_UPDATE, "deleting");

    if (rc == ST_OK)
        rc = delete_row(cx, &c, out);
    change_end(cx, &c);
    arena_rewind(cx->arena, mark);
    return rc;
}

/* ---- taking back ------------------------------------------------------------------------------------------------ */

Status
heap_undo_insert(Ctx *cx, const HeapRel *rel, Tid tid)
{
    ArenaMark mark = arena_mark(cx->arena);
    uint16_t i = (uint16_t)(tid_slot(tid) - 1);
    Cell *old = NULL;
    HeapPage *p;
    CacheRel *cr;
    PageRef ref;
    Status rc = ST_OK;

    TRY(heap_open(cx, rel, &cr));
    TRY(page_pin(cx, cr, FORK_MAIN, tid_block(tid), &ref));
    ASSERT(ref.page != NULL);
    p = (HeapPage *)(void *)ref.page;
    if (heap_row_has_external(p, i)) /* nobody else has a right to change our row: no latch needed */
        old = copy_row(cx, rel, p, i);
    page_latch_exclusive(cx, &ref);
    ASSERT(heap_root(p)[i] == tid_slot(tid));
    ASSERT(word_is_raw(heap_creators(p)[i]));
    ASSERT(xid_status(cx, word_xid(heap_creators(p)[i]), NULL) == XID_OWN);
    page_change_begin(cx, &ref);
    heap_creators(p)[i] = WORD_NONE;
    p->prune_at = 1;
    heap_end_undo(cx, &ref, i);
    page_unpin(cx, &ref);
    atomic_fetch_sub_explicit(&cr->live_rows, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cr->dead_rows, 1, memory_order_relaxed);
    if (old != NULL)
        rc = heap_toast_drop(cx, rel, old, NULL);
    arena_rewind(cx->arena, mark);
    return rc;
}

/* ---- update ----------------------------------------------------------------------------------------------------- */

/* The new version in the same page. Exclusive latch held, there is room. */
static void
put_here(Ctx *cx, Change *c, const Cell *cells, uint16_t slot, uint32_t var_bytes, bool wide, bool own_root)
{
    HeapPage *p = change_page(c);
    uint16_t i = c->target.position;

    page_change_begin(cx, &c->ref);
    heap_mark(cx, &c->ref, i, c->xid, c->command_id, mark_strength(c), false);
    heap_page_put(p, &c->rel->layout, slot, own_root ? slot : tid_slot(c->root), cells, var_bytes, wide);
    heap_page_set_creator(p, slot, WORD_RAW | c->xid, c->command_id);
    heap_next(p)[i] = (uint8_t)slot;
    if (own_root) {
        heap_flags(p)[i] |= SLOT_MOVED;
        heap_deleter_companions(p)[i] = tid_block(c->root);
        heap_flags(p)[slot - 1] |= heap_flags(p)[tid_slot(c->root) - 1] & SLOT_MAYBE_LOCKED;
    }
    heap_end_update(cx, &c->ref, i, slot);
}

/* Tries to make the page fit for the new version: prunes it, or gives it the table's present layout.
 * Positions may change; the caller looks for its target again. */
static bool
make_room(Ctx *cx, Change *c)
{
    HeapPage *p = change_page(c);
    bool done = false;

    if (!page_is_sole_pin(&c->ref))
        return false;
    if (p->prune_at != 0) {
        /* The horizon is only looked up, not waited for: fine below a latch. */
        heap_prune(cx, &c->ref, txn_horizon(cx, p->prune_at), false);
        done = true;
    }
    if (p->h.layout_version != c->rel->layout.column_count) { /* H4 */
        bool all_bitmaps = atomic_load_explicit(&c->cr->nulls_seen, memory_order_relaxed) != 0;

        page_change_begin(cx, &c->ref);
        if (heap_page_rewrite(p, &c->rel->layout, all_bitmaps, p->capacity) ||
            heap_page_rewrite(p, &c->rel->layout, all_bitmaps, p->used + 1u) ||
            heap_page_rewrite(p, &c->rel->layout, all_bitmaps, p->used)) {
            heap_end_image(cx, &c->ref);
            done = true;
        } else {
            page_change_cancel(cx, &c->ref);
        }
    }
    return done;
}

/* Steps 1 to 3 of the top. Exclusive latch held; none afterwards. */
static Status
move_elsewhere(Ctx *cx, Change *c, const Cell *cells, RowChange *out)
{
    uint16_t i = c->target.position, slot;
    RowLock strength = mark_strength(c);
    bool maybe_locked;
    HeapPlace place;
    BlockNo block;

    page_change_unlogged(cx, &c->ref); /* a lock means nothing after a crash */
    heap_mark(cx, &c->ref, i, c->xid, c->command_id, strength, true);
    page_unlatch(cx, &c->ref);
    stop_point("heap.update.locked");
    TRY(heap_place_find(cx, c->rel, c->cr, cells, tid_block(c->root), &place));
    heap_place_fill(cx, &place, c->rel, cells, c->xid, c->command_id);
    block = place.ref.frame->block;
    slot = place.slot;
    page_unpin(cx, &place.ref);
    stop_point("heap.update.placed");
    page_latch_exclusive(cx, &c->ref);
    page_change_begin(cx, &c->ref);
    heap_mark(cx, &c->ref, i, c->xid, c->command_id, strength, false);
    heap_flags(change_page(c))[i] |= SLOT_MOVED;
    heap_next(change_page(c))[i] = (uint8_t)slot;
    heap_deleter_companions(change_page(c))[i] = block;
    maybe_locked = (heap_flags(change_page(c))[tid_slot(c->root) - 1] & SLOT_MAYBE_LOCKED) != 0;
    heap_end_mark(cx, &c->ref, i);
    page_unlatch(cx, &c->ref);
    *out = (RowChange){.outcome = ROW_DONE, .tid = tid_make(block, slot)};
    /* Shared lockers of the old root hold the new one, too (heap_lock.c sees to those still to come). */
    if (maybe_locked)
        TRY(heap_carry_shared_locks(cx, c->rel, c->root, out->tid));
    return ST_OK;
}

/* The target is reached and latched. *again: things moved, reach it again. */
static Status
place_version(Ctx *cx, Change *c, const Cell *cells, bool keys_changed, bool *tried, RowChange *out,
              bool *again)
{
    uint32_t var_bytes;
    uint16_t slot;
    bool wide;

    *again = false;
    if (heap_page_has_room(change_page(c), c->rel, cells, false, &slot, &var_bytes, &wide)) {
        bool locked = (heap_flags(change_page(c))[tid_slot(c->root) - 1] & SLOT_MAYBE_LOCKED) != 0;
        Tid tid = tid_make(tid_block(c->root), slot);

        put_here(cx, c, cells, slot, var_bytes, wide, keys_changed);
        page_unlatch(cx, &c->ref);
        *out =
            (RowChange){.outcome = ROW_DONE, .tid = keys_changed ? tid : c->root, .same_root = !keys_changed};
        return keys_changed && locked ? heap_carry_shared_locks(cx, c->rel, c->root, tid) : ST_OK;
    }
    if (!*tried) {
        *tried = true;
        *again = make_room(cx, c);
        if (*again) {
            page_unlatch(cx, &c->ref);
            return ST_OK;
        }
    }
    return move_elsewhere(cx, c, cells, out);
}

static Status
update_row(Ctx *cx, Change *c, const Cell *cells, bool keys_changed, RowChange *out)
{
    bool long_row = heap_row_needs_toast(c->rel, cells), tried = false, again = true, prepared = false;
    uint16_t prepared_for = 0;
    const Cell *stored = cells;
    Cell *old = NULL;

    while (again) {
        uint16_t i;

        TRY(reach_target(cx, c, out));
        if (!c->ref.exclusive) /* not to be: what was put out of line for it goes again */
            return prepared ? heap_toast_drop(cx, c->rel, stored, old) : ST_OK;
        i = c->target.position;
        if ((long_row && (!prepared || prepared_for != i)) ||
            (old == NULL && UNLIKELY(heap_row_has_external(change_page(c), i)))) {
            /* Long values are dealt with outside the latch (C1); the pin keeps the version in place. */
            page_unlatch(cx, &c->ref);
            if (!prepared) {
                old = copy_row(cx, c->rel, change_page(c), i);
                TRY(heap_toast_row(cx, c->rel, cells, old, &stored));
            }
            prepared = true;
            prepared_for = i;
            continue;
        }
        TRY(place_version(cx, c, stored, keys_changed, &tried, out, &again));
    }
    ssi_write(cx, c->rel->branch, c->rel->relation, tid_block(c->root), c->root);
    atomic_fetch_add_explicit(&c->cr->dead_rows, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->cr->done.updated, 1, memory_order_relaxed);
    if (out->same_root)
        atomic_fetch_add_explicit(&c->cr->done.updated_in_place, 1, memory_order_relaxed);
    proc_count(cx->proc, COUNT_UPDATED, 1);
    if (old != NULL)
        TRY(heap_toast_drop(cx, c->rel, old, stored));
    return ST_OK;
}

Status
heap_update(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, const Cell *cells,
            bool keys_changed, RowLock strength, RowChange *out)
{
    ArenaMark mark = arena_mark(cx->arena);
    Change c;
    Status rc = change_begin(cx, &c, rel, root, snapshot, strength, "updating");

    ASSERT(strength >= ROW_LOCK_NO_KEY_UPDATE);
    if (rc == ST_OK)
        rc = update_row(cx, &c, cells, keys_changed, out);
    change_end(cx, &c);
    arena_rewind(cx->arena, mark);
    return rc;
}
