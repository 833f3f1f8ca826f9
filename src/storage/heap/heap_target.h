/* heap_target.h - the version an UPDATE, DELETE or row lock is about, and who is in its way.
 * For the sources of this folder. */
#ifndef HEAP_TARGET_H
#define HEAP_TARGET_H
#include "shmem/lock/lock_table.h"
#include "storage/heap/heap_int.h"

typedef enum TargetState {
    TARGET_FOUND, /* newest version, free to mark (or marked by us as locked only) */
    TARGET_GONE, /* nothing there, or deleted: no newer version */
    TARGET_MOVED, /* replaced by a committed version with another root: `moved_to` */
    TARGET_SELF, /* we have changed it already */
    TARGET_WAIT, /* `wait_for` has marked it and is running */
} TargetState;

typedef struct Target {
    TargetState state;
    uint16_t position;
    bool newer; /* FOUND: not visible to the snapshot; GONE, MOVED: happened after it */
    bool own_lock; /* FOUND: carries our row lock */
    Tid moved_to;
    Xid wait_for;
    Xid own_mark; /* FOUND, own_lock: the id that marked it */
    bool running_mark; /* FOUND: another's compatible mark stays there (shared locks only) */
} Target;

/* Exclusive or share latch held. `strength`: what the caller wants, for compatibility of marks. */
void heap_target(Ctx *cx, const HeapPage *p, uint16_t root, const Snapshot *snapshot, RowLock strength,
                 Target *out);

/* Latch held. A replacement by a running transaction, which `strength` gets along with, has this root: is there anything
 * from the root on that it does not get along with? FOUND: no (moved_to: it goes on there), WAIT: yes, GONE: what was
 * running has ended, look again. */
void heap_target_ahead(Ctx *cx, const HeapPage *p, uint16_t root, RowLock strength, Target *out);

/* What a caller holds besides pins while it tries to get at a row; given up by row_wait_end. */
typedef struct RowWait {
    const HeapRel *rel;
    Tid root;
    const char *doing; /* "updating", ... */
    LockMode queue_mode, shared_mode, wide_mode; /* held locks; LOCK_NONE = not held */
} RowWait;

extern const LockMode row_lock_modes[4];
LockKey row_queue_key(const HeapRel *rel, Tid root);
LockKey row_shared_key(const HeapRel *rel, Tid root); /* TID_NONE: the relation-wide entry (R1) */

/* No latch held. Waits for the transaction (R3, T4). *blocked: LOCK_WAIT_SKIP and would have waited. */
MUST_CHECK Status row_wait(Ctx *cx, RowWait *w, Xid xid, RowLock strength, LockWait wait, bool *blocked);
/* Exclusive latch held: does a shared lock of somebody else stand against `strength`? */
bool row_has_lockers(Ctx *cx, const HeapRel *rel, const HeapPage *p, Tid root, RowLock strength);
/* No latch held: waits until there is none. */
MUST_CHECK Status row_wait_lockers(Ctx *cx, RowWait *w, RowLock strength, LockWait wait, bool *blocked);
void row_wait_end(Ctx *cx, RowWait *w);

/* Exclusive latch held, within a change. Writes our mark; the mark before it was none, or our own lock. */
void heap_mark(Ctx *cx, PageRef *ref, uint16_t position, Xid xid, uint32_t command_id, RowLock strength,
               bool lock_only);
/* R2: is the mark an own lock of an outer level, which must be entered in the lock table first? */
bool heap_mark_is_outer(Ctx *cx, const Target *t);
/* No latch held; the mark keeps others away meanwhile. Sets maybe_locked. */
MUST_CHECK Status heap_keep_outer_lock(Ctx *cx, const HeapRel *rel, PageRef *ref, Tid root, const Target *t);

/* The row got another root: whoever shares it holds the new one, too (heap_lock.c). */
MUST_CHECK Status heap_carry_shared_locks(Ctx *cx, const HeapRel *rel, Tid from, Tid to);

/* 40001 with the text for what happened, from REPEATABLE READ up (R4); ST_OK below. */
MUST_CHECK Status heap_conflict(Ctx *cx, const Target *t);

#endif
