/* heap_target.c - finding the version to change, and waiting for others' marks.
 *
 * The version is always the newest one of the chain: committed, or ours. Others' uncommitted versions
 * do not count; the mark they left on the version before says who must be waited for.
 *
 * Waiting (R3): first the row's place in the queue (LOCK_KIND_TUPLE), then the transaction. The place
 * is kept until the row has been marked, so that of several waiters the first comes first. */
#include "storage/heap/heap_target.h"

#include "base/stop_point.h"
#include "storage/txn/savepoint.h"
#include "storage/wal/page_change.h"

const LockMode row_lock_modes[4] = {
    [ROW_LOCK_KEY_SHARE] = LOCK_ACCESS_SHARE,
    [ROW_LOCK_SHARE] = LOCK_ROW_SHARE,
    [ROW_LOCK_NO_KEY_UPDATE] = LOCK_EXCLUSIVE,
    [ROW_LOCK_UPDATE] = LOCK_ACCESS_EXCLUSIVE,
};

LockKey
row_queue_key(const HeapRel *rel, Tid root)
{
    return (LockKey){.branch = rel->branch, .a = rel->relation, .b = root, .kind = LOCK_KIND_TUPLE};
}

LockKey
row_shared_key(const HeapRel *rel, Tid root)
{
    return (LockKey){.branch = rel->branch, .a = rel->relation, .b = root, .kind = LOCK_KIND_TUPLE_SHARED};
}

/* ---- the version ------------------------------------------------------------------------------------------------ */

static XidStatus
creator_status(Ctx *cx, const HeapPage *p, uint16_t i, Csn *csn)
{
    uint64_t c = heap_creators(p)[i];

    if (c == WORD_NONE)
        return XID_ABORTED;
    if (word_is_raw(c))
        return xid_status(cx, word_xid(c), csn);
    *csn = c;
    return XID_COMMITTED;
}

/* KEY SHARE gets along with a mark that does not change the key; marks are never weaker than that. */
static bool
is_compatible(uint8_t mark_strength, RowLock wanted)
{
    return wanted == ROW_LOCK_KEY_SHARE && mark_strength == ROW_LOCK_NO_KEY_UPDATE;
}

static void
judge_mark(Ctx *cx, const HeapPage *p, const Snapshot *snapshot, RowLock strength, Target *out)
{
    uint8_t flags = heap_flags(p)[out->position];
    Xid xid = 0;
    Csn csn = 0;

    switch (heap_mark_state(cx, p, out->position, &xid, &csn)) {
    case MARK_STATE_NONE: out->state = TARGET_FOUND; return;
    case MARK_STATE_OWN:
        out->state = flags & SLOT_LOCK_ONLY ? TARGET_FOUND : TARGET_SELF;
        out->own_lock = true;
        out->own_mark = xid;
        return;
    case MARK_STATE_RUNNING:
        out->wait_for = xid;
        out->running_mark = is_compatible(flags & SLOT_STRENGTH, strength);
        out->state = out->running_mark ? TARGET_FOUND : TARGET_WAIT;
        if (flags & SLOT_MOVED)
            out->moved_to = heap_moved_to(p, out->position);
        return;
    case MARK_STATE_COMMITTED:
        out->newer = csn > snapshot->csn;
        out->state = flags & SLOT_MOVED ? TARGET_MOVED : TARGET_GONE;
        if (flags & SLOT_MOVED)
            out->moved_to = heap_moved_to(p, out->position);
        return;
    }
}

/* A mark we get along with is that of a running transaction's replacement. It may have changed or locked the new version
 * again, more strongly: the versions after it, from `slot` on, carry those marks. */
static void
judge_ahead(Ctx *cx, const HeapPage *p, uint8_t slot, RowLock strength, Target *out)
{
    while (slot != 0) {
        uint16_t i = (uint16_t)(slot - 1);
        Xid xid = 0;
        Csn csn = 0;

        switch (heap_mark_state(cx, p, i, &xid, &csn)) {
        case MARK_STATE_NONE:
        case MARK_STATE_OWN: return; /* the newest */
        case MARK_STATE_COMMITTED: out->state = TARGET_GONE; return; /* was_overtaken */
        case MARK_STATE_RUNNING: break;
        }
        if (!is_compatible(heap_flags(p)[i] & SLOT_STRENGTH, strength)) {
            out->state = TARGET_WAIT;
            out->wait_for = xid;
            return;
        }
        if (heap_flags(p)[i] & SLOT_MOVED) {
            out->moved_to = heap_moved_to(p, i);
            return;
        }
        slot = heap_flags(p)[i] & SLOT_LOCK_ONLY ? 0 : heap_next(p)[i];
    }
}

/* A transaction that was running when we came to its version may have committed before we looked at
 * the mark it left on the one before: then that mark leads to a version we have passed over. */
static bool
was_overtaken(Ctx *cx, const HeapPage *p, const Target *t)
{
    uint8_t next = heap_next(p)[t->position];
    XidStatus status;
    Csn csn;

    if (t->state != TARGET_GONE || next == 0)
        return false;
    status = creator_status(cx, p, (uint16_t)(next - 1), &csn);
    return status == XID_COMMITTED || status == XID_OWN;
}

static void
judge_chain(Ctx *cx, const HeapPage *p, uint16_t root, const Snapshot *snapshot, RowLock strength, Target *out)
{
    XidStatus newest_status = XID_ABORTED;
    uint16_t slot = root, newest = 0;
    Csn csn = 0, newest_csn = 0;

    *out = (Target){.state = TARGET_GONE};
    while (slot != 0) {
        XidStatus status = creator_status(cx, p, (uint16_t)(slot - 1), &csn);

        if (status == XID_COMMITTED || status == XID_OWN) {
            newest = slot;
            newest_status = status;
            newest_csn = csn;
        }
        slot = heap_flags(p)[slot - 1] & SLOT_MOVED ? 0 : heap_next(p)[slot - 1];
    }
    if (newest == 0) {
        out->position = (uint16_t)(root - 1);
        return;
    }
    out->position = (uint16_t)(newest - 1);
    if (newest_status == XID_OWN && heap_creator_companions(p)[newest - 1] >= snapshot->command_id) {
        out->state = TARGET_SELF;
        return;
    }
    judge_mark(cx, p, snapshot, strength, out);
    if (UNLIKELY(out->running_mark) && out->moved_to == TID_NONE &&
        !(heap_flags(p)[out->position] & SLOT_LOCK_ONLY))
        judge_ahead(cx, p, heap_next(p)[out->position], strength, out);
    if (out->state == TARGET_FOUND)
        out->newer = newest_status == XID_COMMITTED && newest_csn > snapshot->csn;
}

static bool
is_root(const HeapPage *p, uint16_t slot)
{
    return page_is(p, PAGE_KIND_HEAP) && slot != 0 && slot <= p->used && heap_root(p)[slot - 1] == slot &&
           !(heap_flags(p)[slot - 1] & SLOT_STUB);
}

void
heap_target_ahead(Ctx *cx, const HeapPage *p, uint16_t root, RowLock strength, Target *out)
{
    Csn csn;

    *out = (Target){.state = TARGET_GONE};
    if (!is_root(p, root) || creator_status(cx, p, (uint16_t)(root - 1), &csn) != XID_RUNNING)
        return;
    out->state = TARGET_FOUND;
    judge_ahead(cx, p, (uint8_t)root, strength, out);
}

void
heap_target(Ctx *cx, const HeapPage *p, uint16_t root, const Snapshot *snapshot, RowLock strength, Target *out)
{
    *out = (Target){.state = TARGET_GONE};
    if (!is_root(p, root))
        return;
    do
        judge_chain(cx, p, root, snapshot, strength, out);
    while (UNLIKELY(was_overtaken(cx, p, out)));
}

Status
heap_conflict(Ctx *cx, const Target *t)
{
    if (!t->newer || txn_isolation(cx) == ISOLATION_READ_COMMITTED)
        return ST_OK;
    return fail(cx, ST_CONFLICT, "40001", "could not serialize access due to concurrent %s",
                t->state == TARGET_GONE ? "delete" : "update");
}

/* ---- waiting ------------------------------------------------------------------------------------------------------- */

static Status
fail_locked(Ctx *cx)
{
    return fail(cx, ST_ERROR, "55P03", "could not obtain lock on row");
}

static bool
would_block(LockWait wait, bool *blocked)
{
    *blocked = wait == LOCK_WAIT_SKIP;
    return wait != LOCK_WAIT_BLOCK;
}

/* What was taken to wait for those who share the row. */
static void
give_up_shared(Ctx *cx, RowWait *w)
{
    if (w->shared_mode != LOCK_NONE)
        (void)lock_release(cx, row_shared_key(w->rel, w->root), w->shared_mode, LOCK_SPAN_BRIEF);
    if (w->wide_mode != LOCK_NONE)
        (void)lock_release(cx, row_shared_key(w->rel, TID_NONE), w->wide_mode, LOCK_SPAN_BRIEF);
    w->shared_mode = w->wide_mode = LOCK_NONE;
}

Status
row_wait(Ctx *cx, RowWait *w, Xid xid, RowLock strength, LockWait wait, bool *blocked)
{
    Status rc;

    if (would_block(wait, blocked))
        return *blocked ? ST_OK : fail_locked(cx);
    give_up_shared(cx, w); /* whom we wait for may want a stronger lock and would wait for this */
    if (w->queue_mode == LOCK_NONE) {
        TRY(lock_acquire(cx, row_queue_key(w->rel, w->root), row_lock_modes[strength], LOCK_SPAN_BRIEF, false));
        w->queue_mode = row_lock_modes[strength];
    }
    stop_point("heap.row_wait.queued");
    rc = xid_wait(cx, xid);
    if (rc != ST_OK && w->rel->name != NULL)
        fail_where(cx, "while %s tuple (%u,%u) in relation \"%s\"", w->doing, tid_block(w->root),
                   tid_slot(w->root), w->rel->name);
    return rc;
}

bool
row_has_lockers(Ctx *cx, const HeapRel *rel, const HeapPage *p, Tid root, RowLock strength)
{
    LockMode mode = row_lock_modes[strength];

    if (LIKELY(!(heap_flags(p)[tid_slot(root) - 1] & SLOT_MAYBE_LOCKED)))
        return false;
    return lock_conflict_exists(cx, row_shared_key(rel, root), mode) ||
           lock_conflict_exists(cx, row_shared_key(rel, TID_NONE), mode);
}

Status
row_wait_lockers(Ctx *cx, RowWait *w, RowLock strength, LockWait wait, bool *blocked)
{
    LockMode mode = row_lock_modes[strength];

    if (would_block(wait, blocked))
        return *blocked ? ST_OK : fail_locked(cx);
    if (w->shared_mode == LOCK_NONE) {
        TRY(lock_acquire(cx, row_shared_key(w->rel, w->root), mode, LOCK_SPAN_BRIEF, false));
        w->shared_mode = mode;
    }
    /* The relation-wide entry is asked for only while it stands in the way. */
    if (w->wide_mode == LOCK_NONE && lock_conflict_exists(cx, row_shared_key(w->rel, TID_NONE), mode)) {
        TRY(lock_acquire(cx, row_shared_key(w->rel, TID_NONE), mode, LOCK_SPAN_BRIEF, false));
        w->wide_mode = mode;
    }
    return ST_OK;
}

void
row_wait_end(Ctx *cx, RowWait *w)
{
    if (w->queue_mode != LOCK_NONE)
        (void)lock_release(cx, row_queue_key(w->rel, w->root), w->queue_mode, LOCK_SPAN_BRIEF);
    w->queue_mode = LOCK_NONE;
    give_up_shared(cx, w);
}

/* ---- marking ------------------------------------------------------------------------------------------------------- */

void
heap_mark(Ctx *cx, PageRef *ref, uint16_t i, Xid xid, uint32_t command_id, RowLock strength, bool lock_only)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    uint8_t flags = heap_flags(p)[i] & (uint8_t) ~(SLOT_STRENGTH | SLOT_LOCK_ONLY | SLOT_MOVED);

    ASSERT(ref->exclusive);
    if (heap_flags(p)[i] & SLOT_MOVED) /* by a transaction that was rolled back: `next` is on another page */
        heap_next(p)[i] = 0;
    heap_flags(p)[i] = (uint8_t)(flags | (uint8_t)strength | (lock_only ? SLOT_LOCK_ONLY : 0));
    heap_deleters(p)[i] = WORD_RAW | xid;
    heap_deleter_companions(p)[i] = command_id;
    p->h.all_before = 0;
    if (!lock_only && p->prune_at == 0)
        p->prune_at = atomic_load_explicit(&txn_shared(cx->proc)->visible_csn, memory_order_relaxed) + 1;
    page_mark_raw(cx, ref, txn_id(cx));
}

bool
heap_mark_is_outer(Ctx *cx, const Target *t)
{
    return t->own_lock && t->own_mark != txn_current_id(cx) && txn_level_of(cx, t->own_mark) < txn_level(cx);
}

Status
heap_keep_outer_lock(Ctx *cx, const HeapRel *rel, PageRef *ref, Tid root, const Target *t)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    RowLock strength = (RowLock)(heap_flags(p)[t->position] & SLOT_STRENGTH);
    uint64_t since = txn_level_lock_seq(cx, txn_level_of(cx, t->own_mark));

    TRY(lock_enter_since(cx, row_shared_key(rel, root), row_lock_modes[strength], since));
    page_latch_exclusive(cx, ref);
    page_change_unlogged(cx, ref);
    heap_flags(p)[tid_slot(root) - 1] |= SLOT_MAYBE_LOCKED;
    page_unlatch(cx, ref);
    return ST_OK;
}
