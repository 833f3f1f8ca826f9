/* src/shmem/lock/lock_table.h - who may touch which object, and who waits for whom.
 *
 * One table in shared memory for the life of the server. Every call may sleep, so none may be made
 * while holding a page latch. Owners are process slots; a session's locks are listed in its slot, so
 * that the janitor can release them (C3). Modes and conflicts are PostgreSQL's eight table modes;
 * other kinds of object use a subset. Deadlocks are searched after `deadlock_timeout`. */
#ifndef LOCK_TABLE_H
#define LOCK_TABLE_H
#include "base/ctx.h"
#include "base/ids.h"

typedef enum LockMode {
    LOCK_NONE,
    LOCK_ACCESS_SHARE,
    LOCK_ROW_SHARE,
    LOCK_ROW_EXCLUSIVE,
    LOCK_SHARE_UPDATE_EXCLUSIVE,
    LOCK_SHARE,
    LOCK_SHARE_ROW_EXCLUSIVE,
    LOCK_EXCLUSIVE,
    LOCK_ACCESS_EXCLUSIVE,
    LOCK_MODE_COUNT
} LockMode;

typedef enum LockKind {
    LOCK_KIND_RELATION = 1, /* a = relation */
    LOCK_KIND_TRANSACTION, /* branch 0, a, b = xid: waited for by those who meet its marks (T4) */
    LOCK_KIND_TUPLE, /* a = relation, b = root TID: the queue of R3 and shared row locks of R1 */
    LOCK_KIND_OBJECT, /* a = catalog, b = oid of a schema, role, database; LOCK_OBJECT_NAME: b = a name's hash */
    LOCK_KIND_ADVISORY, /* a, b = the user's key; sub = 1 for one bigint, 2 for two ints */
    LOCK_KIND_TUPLE_SHARED, /* R1's shared row locks, apart from the queue */
} LockKind;
enum { LOCK_OBJECT_NAME = 1 }; /* `sub` of LOCK_KIND_OBJECT */

typedef struct LockKey {
    BranchId branch;
    uint32_t a;
    uint64_t b;
    uint8_t kind, sub;
} LockKey;

typedef enum LockSpan {
    LOCK_SPAN_TRANSACTION, /* given up at commit, abort or ROLLBACK TO before it was taken */
    LOCK_SPAN_SESSION, /* advisory locks: until released or the session ends */
    LOCK_SPAN_BRIEF, /* the taker calls lock_release itself */
} LockSpan;

/* Waits until granted; weak relation locks take the fast path of R6. With nowait: ST_ERROR 55P03 at
 * once. ST_DEADLOCK 40P01: we were picked; ST_CANCELED: cancel, lock_timeout (55P03), statement_timeout.
 * After any failure the caller holds nothing new. Re-entrant. */
MUST_CHECK Status lock_acquire(Ctx *cx, LockKey key, LockMode mode, LockSpan span, bool nowait);
/* Takes it only if nobody is in the way. */
MUST_CHECK Status lock_try(Ctx *cx, LockKey key, LockMode mode, LockSpan span, bool *granted);
/* One grant of that mode and span; false when it was not held. */
bool lock_release(Ctx *cx, LockKey key, LockMode mode, LockSpan span);
void lock_release_all(Ctx *cx, LockSpan span);
/* A mark for savepoints, and giving back the transaction-span locks taken since. */
uint64_t lock_mark(Ctx *cx);
void lock_release_since(Ctx *cx, uint64_t mark);
bool lock_held(Ctx *cx, LockKey key, LockMode at_least);

/* For pg_locks. Copies at most `most` entries; returns how many there are. */
typedef struct LockRow {
    LockKey key;
    LockMode mode;
    bool granted, fast_path;
    int pid;
    int64_t wait_start_us; /* wall clock; 0 = not waiting */
} LockRow;
uint32_t lock_list(Ctx *cx, LockRow *out, uint32_t most);
/* Pids that block this pid; for pg_blocking_pids. */
uint32_t lock_blockers(Ctx *cx, int pid, int *out, uint32_t most);

/* ---- the ends of transactions (T4) ------------------------------------------------------------------- */
/* A transaction does not enter its own lock: whoever wants to wait enters it on the owner's behalf and
 * raises xid_waited in the owner's slot. `running` is asked with the partition latch held, after that
 * flag can be seen: if it says no, nobody waits. ST_OK may come early: the caller looks again. */
MUST_CHECK Status lock_wait_transaction(Ctx *cx, uint64_t xid, uint32_t owner_slot,
                                        bool (*running)(Ctx *cx, uint64_t xid));
/* By the owner after its state is final (or part of it was rolled back): wakes who waits. */
void lock_transaction_ended(Ctx *cx, struct Proc *owner, uint64_t xid);

/* ---- row locks (R1, R2) -------------------------------------------------------------------------------- */
/* Does anybody but us hold this key in a conflicting mode? Does not sleep: may be asked with a page
 * latch held. */
bool lock_conflict_exists(Ctx *cx, LockKey key, LockMode mode);

/* Enters a lock we have in another form, as of an earlier moment (R2): granted without a queue, given
 * up by lock_release_since(mark) for marks below `since`. */
MUST_CHECK Status lock_enter_since(Ctx *cx, LockKey key, LockMode mode, uint64_t since);
/* Whoever else holds `from` gets the same locks on `to` (a row that moves keeps its shared locks). */
MUST_CHECK Status lock_copy_others(Ctx *cx, LockKey from, LockKey to);

/* ---- setting up and cleaning ------------------------------------------------------------------------------ */
struct Region;
uint64_t lock_table_bytes(void);
void lock_table_carve(struct Region *region, uint64_t deadlock_timeout_us);
/* Takes a dead session out of every queue and gives up all its locks (C3). */
void lock_forget_dead(Ctx *cx, struct Proc *dead);
/* Gives up what the session has set aside; part of detaching. */
void lock_stash_release(Ctx *cx);
const char *lock_mode_name(LockMode mode); /* "AccessShareLock" */
/* Walks the whole table and asserts its invariants. */
void lock_table_check(Ctx *cx);

/* lock_timeout of the session in microseconds, 0 = none: read at each wait. */
void lock_set_timeout(Ctx *cx, uint64_t timeout_us);
/* How long this session waits before it looks for a deadlock. */
void lock_set_deadlock_timeout(Ctx *cx, uint64_t timeout_us);

#endif
