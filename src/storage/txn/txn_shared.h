/* src/storage/txn/txn_shared.h - the part of transactions that all sessions share, and questions about
 * other transactions. For storage only. */
#ifndef TXN_SHARED_H
#define TXN_SHARED_H
#include "storage/txn/clock.h"
#include "storage/txn/id_table.h"
#include "storage/txn/txn.h"

typedef struct TxnShared {
    Latch commit_latch __attribute__((aligned(64))); /* T2 */
    Csn last_csn; /* commit_latch */
    _Atomic uint64_t structure_commits; /* commit_latch changes it: commits that made or dropped relations */
    uint64_t redo_positions; /* commit_latch: how many checkpoints have taken theirs */
    _Atomic Csn visible_csn __attribute__((aligned(64))); /* atomic, monotone (T3) */
    _Atomic Csn durable_csn; /* atomic: equal to visible_csn in memory mode */
    _Atomic Csn prune_horizon __attribute__((aligned(64))); /* atomic, monotone (T8) */
    _Atomic Csn horizon; /* atomic, monotone: last horizon found */
    _Atomic uint64_t retention_us; /* atomic: how long dead rows are kept for AS OF */
    TxnClock clock;
    _Atomic Xid
        recover_floor; /* atomic: while the log is done again, the least id without an outcome; else 0 */
    IdTable ids;
} TxnShared;

uint64_t txn_shared_bytes(void);
void txn_shared_carve(Region *region, Env *env);

static inline TxnShared *
txn_shared(const Proc *proc)
{
    return region_part(proc_region(proc), PART_TXN);
}

/* For the log: the relation (RELATION_NONE: the branch) goes if the current (sub)transaction commits. */
void txn_note_gone(Ctx *cx, BranchId branch, RelationId relation);
/* A relation was made, or will be dropped: whoever forks has to know when this commits. */
void txn_note_structure(Ctx *cx);

/* ---- words of a row (T1) ------------------------------------------------------------------------------- */
#define WORD_RAW  (UINT64_C(1) << 63)
#define WORD_NONE UINT64_MAX /* creator: aborted; deleter: none */

static inline bool
word_is_raw(uint64_t word)
{
    return (word & WORD_RAW) != 0 && word != WORD_NONE;
}
static inline Xid
word_xid(uint64_t word)
{
    return word & ~WORD_RAW;
}

typedef enum XidStatus {
    XID_RUNNING, /* somebody else's */
    XID_OWN, /* of this session's transaction, not rolled back */
    XID_COMMITTED, /* *csn says when */
    XID_ABORTED,
} XidStatus;

/* csn may be NULL. */
XidStatus xid_status(Ctx *cx, Xid xid, Csn *csn);
/* Its commit number, even if nobody's snapshot can have it yet; 0 = it has not committed. */
Csn xid_commit_number(Ctx *cx, Xid xid);
/* The transaction a subtransaction's id belongs to. */
Xid xid_top(Ctx *cx, Xid xid);
/* T4: until that transaction, or the savepoint the id belongs to, has ended and its result is visible
 * to new snapshots. */
MUST_CHECK Status xid_wait(Ctx *cx, Xid xid);

/* The id to mark rows with, of the innermost open savepoint. */
MUST_CHECK Status txn_write_id(Ctx *cx, Xid *xid, uint32_t *command_id);
/* The same when one has been assigned before; never fails. */
Xid txn_current_id(const Ctx *cx);

/* ---- horizon (T8) ------------------------------------------------------------------------------------------ */
/* Rows deleted at or before it are seen by nobody. Looks again if the last answer is below `want`. */
Csn txn_horizon(Ctx *cx, Csn want);
/* Makes sure that the session has a snapshot in force while it works on B+tree pages (H6). */
MUST_CHECK Status txn_protect(Ctx *cx);
/* AS OF: a snapshot of the past. 72000 when rows of that time may be gone. */
Csn csn_of_time(Ctx *cx, uint64_t time_us);
MUST_CHECK Status txn_snapshot_at(Ctx *cx, Csn csn, Snapshot *out);

/* ---- the session ------------------------------------------------------------------------------------------- */
/* engine_attach and engine_detach call these. */
MUST_CHECK Status txn_session_open(Ctx *cx);
void txn_session_close(Ctx *cx);
/* For a session that was killed (C3): decides its transaction, unless it had committed; and wakes who
 * waits for it and forgets its id and snapshot. False: it has committed, and its record can not be written while the disk
 * is full. */
MUST_CHECK bool txn_decide_dead(Ctx *cx, Proc *dead);
void txn_forget_dead(Ctx *cx, Proc *dead);
/* Where the record of a commit ends whose session, a dead one or our own, is doing what follows from it: it has logged nothing
 * since. Without a log, where we are. */
uint64_t txn_committed_at(Ctx *cx, const Proc *proc);

#endif
