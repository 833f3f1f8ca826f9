/* wal_pen.h - the right to bring the log to disk, and what its holder does. For the sources of this folder.
 *
 * One process has the pen at a time: the log writer, or a session that is alone (wal_solo.h). Its holder waits for the disk, so
 * this is no critical section, and it may be killed at any instant. What it knows lies in shared memory: the log writer takes
 * the pen from a dead holder, says again what may not have been said, and goes on; writing to the same place
 * again does no harm: the same bytes, or in an encrypted log the same records with another key, and nobody was promised either. Who fails to flush keeps it until it ends: the system says so once, and the next flush would succeed (S1). */
#ifndef WAL_PEN_H
#define WAL_PEN_H
#include "storage/wal/wal_segment.h"
#include "storage/wal/wal_shared.h"

/* False: somebody has it. */
MUST_CHECK bool wal_pen_try(Proc *proc);
/* The same for the log writer, which takes it from a dead one, too. */
MUST_CHECK bool wal_pen_take(Proc *proc);
void wal_pen_give(Proc *proc); /* by who has it */
void wal_pen_leave(Proc *proc); /* by who may have it, and ends without a failure */

/* ---- with the pen ------------------------------------------------------------------------------------------------ */
/* Inside one segment. 53100: the disk is full, and it may be tried again. */
MUST_CHECK Status wal_pen_write(Ctx *cx, const WalSegment *segment, const char *path, Lsn at, const void *data,
                                uint64_t bytes);
/* Everything before `at` is with the system: the ring has room again. */
void wal_pen_note_written(Proc *proc, Lsn at);
/* The flush that begins now goes up to here. */
void wal_pen_begin_turn(WalShared *shared, Lsn upto);
/* If that fails the log's end is not known, and the server must crash (S1). */
MUST_CHECK Status wal_pen_sync(Ctx *cx, const WalSegment *segment);
/* T3: raises what others see, then wakes the committers. */
void wal_pen_announce(Proc *proc, Lsn flushed);

#endif
