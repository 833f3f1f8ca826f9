/* wal_sealing.h - how an encrypted log is written: in portions (wal_format.h), by who has the pen. For the sources of this folder, and for
 * who starts a process of sessions.
 *
 * Each process that writes has a key of its own, below which the number of a portion is its place in the log. One process therefore
 * encrypts no place twice (S3); what it could not write then is the log writer's, or another one's. */
#ifndef WAL_SEALING_H
#define WAL_SEALING_H
#include "shmem/proc/proc.h"
#include "storage/seal/seal_ring.h"
#include "storage/wal/wal_format.h"

enum { WAL_SEALING_BYTES = 256 * 1024 }; /* room for a portion that is kept in any case */

typedef struct WalSealing {
    SealWriter seal;
    Lsn sealed_to; /* no place before this may be encrypted with this key */
    uint8_t *portion; /* malloc: what was encrypted last */
    uint32_t portion_bytes; /* room in it */
} WalSealing;

MUST_CHECK Status wal_sealing_open(Ctx *cx, const SealKey *data_key, WalSealing *out);
void wal_sealing_close(WalSealing *s); /* of zeros is fine, too */

/* ---- with the pen ------------------------------------------------------------------------------------------------ */
/* Where the portion ends that begins at WalShared.portion: settled once, also if we are killed and another writer goes on. */
Lsn wal_sealing_settle(Proc *proc);
/* Encrypts it into s->portion; waits for the instant until all of it is copied. `at` is not below s->sealed_to. */
MUST_CHECK Status wal_sealing_make(Ctx *cx, WalSealing *s, Lsn at, Lsn end);
/* It is with the system. */
void wal_sealing_note_written(Proc *proc, WalSealing *s, Lsn end);

#endif
