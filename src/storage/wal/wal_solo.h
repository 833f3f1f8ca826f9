/* src/storage/wal/wal_solo.h - a session that is alone flushes its commit by itself.
 *
 * Calling the log writer and being woken by it takes two changes of process, which pays when several commits come in one
 * flush. So a session does without it while no other has a transaction that changes something (doc/decision/0028). It writes within
 * the segment that the log writer has open: all that has been copied, or of an encrypted log the portions that it needs (0031). Whatever else
 * there is (the next segment, a full disk, a large portion) stays with the log writer. */
#ifndef WAL_SOLO_H
#define WAL_SOLO_H
#include "storage/wal/wal.h"
#include "storage/wal/wal_sealing.h"

typedef struct WalSolo WalSolo;

/* `folder`: of the log. `sealing`: the process's, NULL if the log is not encrypted, or is the log writer's alone. Both must stay. NULL: no
 * memory, so the log writer will be asked. */
WalSolo *wal_solo_open(const char *folder, WalSealing *sealing);
void wal_solo_close(Ctx *cx, WalSolo *solo); /* NULL is fine */
/* False: the log writer has to be asked. Through cx->wal_solo; a log that can not be written or flushed ends the process (S1). */
MUST_CHECK bool wal_solo_flush(Ctx *cx, Lsn lsn);
/* Closes the file, which keeps its room on the disk if it has been deleted; counted in Proc.files_open. */
void wal_solo_rest(Ctx *cx);

#endif
