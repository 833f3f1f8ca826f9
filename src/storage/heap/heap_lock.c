/* heap_lock.c - row locks: SELECT ... FOR UPDATE and friends, and those of foreign keys.
 *
 * The two exclusive strengths are marks on the row, like a deletion that deletes nothing. The two
 * shared ones live in the lock table only, so that a parent row is not written for each child (R1):
 *
 *   locker: enters the table, then, below the page's latch, sets `maybe_locked` on the root and looks
 *           for a mark in its way; if there is one it withdraws, waits, and begins again
 *   writer: below the latch, sees `maybe_locked`, and looks into the table
 *
 * Whoever comes second sees the other. KEY SHARE passes the mark of an UPDATE that keeps the key; it then
 * looks at the new versions too, which their owner may have deleted or locked by now, and enters each root
 * they have (R2). A transaction that shares more than 4096 rows of a relation enters one lock for all of it. */
#include "storage/branch/page_own.h"
#include "storage/heap/heap_target.h"
#include "storage/txn/share_count.h"
#include "storage/wal/page_change.h"

enum { SHARED_ROWS_MOST = 4096 };

static void
flag_root(Ctx *cx, PageRef *ref, uint16_t root)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;

    page_change_unlogged(cx, ref);
    heap_flags(p)[root - 1] |= SLOT_MAYBE_LOCKED;
}

Status
heap_carry_shared_locks(Ctx *cx, const HeapRel *rel, Tid from, Tid to)
{
    CacheRel *cr;
    PageRef ref;

    TRY(lock_copy_others(cx, row_shared_key(rel, from), row_shared_key(rel, to)));
    TRY(heap_open(cx, rel, &cr));
    TRY(page_pin_own(cx, cr, FORK_MAIN, tid_block(to), &ref));
    ASSERT(ref.page != NULL);
    page_latch_exclusive(cx, &ref);
    flag_root(cx, &ref, tid_slot(to));
    page_unpin(cx, &ref);
    return ST_OK;
}

/* ---- shared ----------------------------------------------------------------------------------------------------- */

/* The key that a shared lock on this row goes under. Counts the row. */
static LockKey
shared_key(Ctx *cx, const HeapRel *rel, Tid root)
{
    bool many = share_count_add(cx, rel->branch, rel->relation) > SHARED_ROWS_MOST;

    return row_shared_key(rel, many ? TID_NONE : root);
}

/* One entry in the table. *blocked: LOCK_WAIT_SKIP. */
static Status
enter_shared(Ctx *cx, LockKey key, LockMode mode, LockWait wait, bool *blocked)
{
    bool granted = true;

    *blocked = false;
    if (wait == LOCK_WAIT_BLOCK)
        return lock_acquire(cx, key, mode, LOCK_SPAN_TRANSACTION, false);
    TRY(lock_try(cx, key, mode, LOCK_SPAN_TRANSACTION, &granted));
    if (granted)
        return ST_OK;
    *blocked = wait == LOCK_WAIT_SKIP;
    return *blocked ? ST_OK : fail(cx, ST_ERROR, "55P03", "could not obtain lock on row");
}

typedef struct Locking {
    const HeapRel *rel;
    CacheRel *cr;
    const Snapshot *snapshot;
    RowLock mode;
    LockWait wait;
    Tid root;
    PageRef ref;
    RowWait queue;
    bool newer; /* we have followed a change newer than the snapshot */
} Locking;

/* After a target that cannot be locked as it is. *follow: go on with another root. No latch held. */
static Status
not_found(Ctx *cx, Locking *l, const Target *t, RowChange *out, bool *again)
{
    bool blocked = false;

    *again = true;
    switch (t->state) {
    case TARGET_WAIT:
        TRY(row_wait(cx, &l->queue, t->wait_for, l->mode, l->wait, &blocked));
        if (!blocked)
            return ST_OK;
        out->outcome = ROW_WOULD_BLOCK;
        break;
    case TARGET_MOVED:
        TRY(heap_conflict(cx, t));
        l->newer |= t->newer;
        l->root = t->moved_to;
        page_unpin(cx, &l->ref);
        row_wait_end(cx, &l->queue);
        l->queue.root = l->root;
        return page_pin_own(cx, l->cr, FORK_MAIN, tid_block(l->root), &l->ref);
    case TARGET_SELF: out->outcome = ROW_SELF_UPDATED; break;
    default: TRY(heap_conflict(cx, t)); out->outcome = ROW_DELETED;
    }
    *again = false;
    return ST_OK;
}

/* The row is on its way to another root, and we may pass: hold that one, too. *t then says what is there; unless it is FOUND
 * we hold nothing more than before. Who has come earlier is there already: by himself, or carried by who moved the row. */
static Status
lock_moved(Ctx *cx, Locking *l, Target *t)
{
    LockKey key = row_shared_key(l->rel, t->moved_to);
    LockMode mode = row_lock_modes[l->mode];
    Tid to = t->moved_to;
    PageRef ref;
    bool blocked;

    TRY(ctx_check_stack(cx));
    TRY(enter_shared(cx, key, mode, l->wait, &blocked));
    if (blocked) {
        t->state = TARGET_WAIT;
        return ST_OK;
    }
    t->state = TARGET_GONE;
    TRY(page_pin_own(cx, l->cr, FORK_MAIN, tid_block(to), &ref));
    if (ref.page != NULL) { /* else it was rolled back, and a vacuum has cut it off */
        page_latch_exclusive(cx, &ref);
        heap_target_ahead(cx, (HeapPage *)(void *)ref.page, tid_slot(to), l->mode, t);
        if (t->state == TARGET_FOUND)
            flag_root(cx, &ref, tid_slot(to));
        page_unpin(cx, &ref);
    }
    if (t->state == TARGET_FOUND && t->moved_to != TID_NONE)
        TRY(lock_moved(cx, l, t));
    if (t->state != TARGET_FOUND)
        (void)lock_release(cx, key, mode, LOCK_SPAN_TRANSACTION);
    return ST_OK;
}

static Status
lock_shared(Ctx *cx, Locking *l, RowChange *out)
{
    LockMode mode = row_lock_modes[l->mode];
    bool again = true, blocked;

    while (again) {
        LockKey key;
        Target t = {.state = TARGET_GONE}, moved = {.state = TARGET_FOUND};

        key = shared_key(cx, l->rel, l->root);
        TRY(enter_shared(cx, key, mode, l->wait, &blocked));
        if (blocked) {
            out->outcome = ROW_WOULD_BLOCK;
            return ST_OK;
        }
        if (l->ref.page != NULL) {
            page_latch_exclusive(cx, &l->ref);
            heap_target(cx, (HeapPage *)(void *)l->ref.page, tid_slot(l->root), l->snapshot, l->mode, &t);
            if (t.state == TARGET_FOUND)
                flag_root(cx, &l->ref, tid_slot(l->root));
            page_unlatch(cx, &l->ref);
        }
        if (t.state == TARGET_FOUND) {
            TRY(heap_conflict(cx, &t));
            if (t.running_mark && t.moved_to != TID_NONE) {
                moved = t;
                TRY(lock_moved(cx, l, &moved));
            }
            if (moved.state == TARGET_FOUND) {
                out->outcome = l->newer || t.newer ? ROW_UPDATED : ROW_DONE;
                out->tid = l->root;
                return ST_OK;
            }
        }
        (void)lock_release(cx, key, mode, LOCK_SPAN_TRANSACTION);
        if (moved.state != TARGET_GONE)
            TRY(not_found(cx, l, moved.state == TARGET_WAIT ? &moved : &t, out, &again));
    }
    return ST_OK;
}

/* ---- exclusive --------------------------------------------------------------------------------------------------- */

/* Latch held, the target is found and nobody is in the way. Latch dropped afterwards. */
static Status
mark_locked(Ctx *cx, Locking *l, const Target *t, Xid xid, uint32_t command_id)
{
    HeapPage *p = (HeapPage *)(void *)l->ref.page;

    if (t->own_lock && (RowLock)(heap_flags(p)[t->position] & SLOT_STRENGTH) >= l->mode) {
        page_unlatch(cx, &l->ref); /* we have it already */
        return ST_OK;
    }
    if (heap_mark_is_outer(cx, t)) { /* R2 */
        page_unlatch(cx, &l->ref);
        TRY(heap_keep_outer_lock(cx, l->rel, &l->ref, l->root, t));
        page_latch_exclusive(cx, &l->ref);
    }
    page_change_unlogged(cx, &l->ref); /* a lock means nothing after a crash */
    heap_mark(cx, &l->ref, t->position, xid, command_id, l->mode, true);
    page_unlatch(cx, &l->ref);
    return ST_OK;
}

static Status
lock_exclusive(Ctx *cx, Locking *l, RowChange *out)
{
    uint32_t command_id;
    bool again = true;
    Xid xid;

    TRY(txn_write_id(cx, &xid, &command_id));
    while (again) {
        Target t = {.state = TARGET_GONE};
        bool blocked;

        if (l->ref.page != NULL) {
            page_latch_exclusive(cx, &l->ref);
            heap_target(cx, (HeapPage *)(void *)l->ref.page, tid_slot(l->root), l->snapshot, l->mode, &t);
            if (t.state == TARGET_FOUND && (!t.newer || txn_isolation(cx) == ISOLATION_READ_COMMITTED)) {
                if (!row_has_lockers(cx, l->rel, (HeapPage *)(void *)l->ref.page, l->root, l->mode)) {
                    out->outcome = l->newer || t.newer ? ROW_UPDATED : ROW_DONE;
                    out->tid = l->root;
                    return mark_locked(cx, l, &t, xid, command_id);
                }
                page_unlatch(cx, &l->ref);
                TRY(row_wait_lockers(cx, &l->queue, l->mode, l->wait, &blocked));
                if (blocked) {
                    out->outcome = ROW_WOULD_BLOCK;
                    return ST_OK;
                }
                continue;
            }
            page_unlatch(cx, &l->ref);
        }
        if (t.state == TARGET_FOUND)
            return heap_conflict(cx, &t);
        TRY(not_found(cx, l, &t, out, &again));
    }
    return ST_OK;
}

Status
heap_lock(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, RowLock mode, LockWait wait,
          RowChange *out)
{
    Locking l = {.rel = rel,
                 .snapshot = snapshot,
                 .mode = mode,
                 .wait = wait,
                 .root = root,
                 .queue = {.rel = rel, .root = root, .doing = "locking"}};
    Status rc;

    *out = (RowChange){.tid = root};
    TRY(heap_open(cx, rel, &l.cr));
    TRY(page_pin_own(cx, l.cr, FORK_MAIN, tid_block(root), &l.ref));
    if (mode <= ROW_LOCK_SHARE)
        rc = lock_shared(cx, &l, out);
    else
        rc = lock_exclusive(cx, &l, out);
    page_unpin(cx, &l.ref);
    row_wait_end(cx, &l.queue);
    return rc;
}
