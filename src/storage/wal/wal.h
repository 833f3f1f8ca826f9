/* src/storage/wal/wal.h - the log in shared memory: reserving, copying, waiting.
 *
 * A record's place is reserved by one addition; then its bytes are copied into the ring; then it is published as
 * copied. The log writer (wal_writer.h) takes what is published up to the first gap. Reserving and copying is a
 * critical section (C1 b) and never waits: that the ring has room is secured before, when a change begins
 * (shmem/pagecache/change_gate.h), or by wal_secure. */
#ifndef WAL_H
#define WAL_H
#include "shmem/proc/slot.h"
#include "storage/wal/record.h"
#include "storage/wal/wal_format.h"

/* What one critical section may write at most. */
enum { WAL_BURST_BYTES = 128 * 1024 };

typedef struct WalTarget { /* what the record is about; zeros for none */
    BranchId branch;
    RelationId relation;
    BlockNo block;
    uint8_t fork;
} WalTarget;

uint64_t wal_shared_bytes(uint32_t max_slots);
/* Part PART_WAL. Until wal_start nothing is logged. */
void wal_shared_carve(Region *region, uint32_t max_slots);
bool wal_is_on(const Proc *proc);
/* From `at` on. Nobody else uses the region yet. `sealed`: the writer will encrypt it. */
void wal_start(Region *region, Lsn at, bool sealed);

/* Reserves, copies, publishes. Returns the LSN behind the record. In a critical section. */
Lsn wal_insert(Ctx *cx, RecordKind kind, WalTarget target, const RecordPart *parts, int part_count);
/* The same in two steps, for who has to do something in between (T2). */
typedef struct WalPlace {
    Lsn start, end;
    uint32_t bytes;
} WalPlace;
WalPlace wal_reserve(Ctx *cx, const RecordPart *parts, int part_count);
void wal_fill(Ctx *cx, WalPlace place, RecordKind kind, WalTarget target, const RecordPart *parts,
              int part_count);

/* Outside of critical sections: waits until the ring has room for a burst. */
void wal_secure(Ctx *cx);
/* Who finds no room on the disk. */
typedef enum WalFull { WAL_FULL_LOG = 1, WAL_FULL_STORE = 2 } WalFull;
/* True if that is news. */
bool wal_note_full(Proc *proc, WalFull who, bool full);
bool wal_disk_is_full(const Proc *proc);
/* 53100 while the disk has no room for more log or more pages: called before each change of a row. What is under way can
 * end: the current segment has room for that. */
MUST_CHECK Status wal_check_disk(Ctx *cx);

/* Up to here everything is copied. Behind it may be records whose effects are seen already (a commit's word in the id table, a
 * fork's new length): who makes such effects durable has the log flushed to wal_position. */
Lsn wal_copied(const Proc *proc);
Lsn wal_position(const Proc *proc); /* where the next record goes */
Lsn wal_written(const Proc *proc); /* given to the system */
Lsn wal_flushed(const Proc *proc);
/* A place at or before the position where reading can begin: of a sealed log the begin of a portion. Taken before it. */
Lsn wal_readable(const Proc *proc);
/* Sleeps until the log is flushed up to `lsn`, or flushes it (wal_solo.h). Not interrupted: the transaction has committed. */
void wal_wait_flushed(Ctx *cx, Lsn lsn);
/* The same for who can do without: 53100 as soon as the log has no room on the disk. */
MUST_CHECK Status wal_try_flushed(Ctx *cx, Lsn lsn);
/* Sleeps until something has been flushed, or a moment. */
void wal_wait_bell(const Proc *proc);
/* For the janitor: what a dead process was writing (C3) is left to the log writer. */
void wal_forget_dead(Proc *proc, const Proc *dead);

/* What has been done to the log since it was started. */
typedef struct WalCounts {
    uint64_t bytes, writes, syncs, write_us, sync_us;
    uint64_t late; /* waits for a flush that nobody ended when it was done: a mistake of ours */
} WalCounts;
void wal_counts(const Proc *proc, WalCounts *out);

/* ---- commits (T2, T3) --------------------------------------------------------------------------------------- */
/* Before the commit latch: waits until the ring of commits has room. */
void wal_secure_commit(Ctx *cx);
/* Below the commit latch: this commit's record ends at `end`. */
void wal_note_commit(Proc *proc, Lsn end, Csn csn);
/* Below the commit latch: does none wait for its flush? */
bool wal_commits_are_durable(const Proc *proc);
/* The CSN of the last commit whose record ends at or before `upto`, of those not forgotten; 0 = there is none. By who has the
 * pen (wal_pen.h), as the next. */
Csn wal_peek_commits(Proc *proc, Lsn upto);
void wal_forget_commits(Proc *proc, Lsn upto);

#endif
