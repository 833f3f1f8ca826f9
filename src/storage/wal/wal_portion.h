/* src/storage/wal/wal_portion.h - a portion of an encrypted log (wal_format.h): a seal, and what it vouches for. */
#ifndef WAL_PORTION_H
#define WAL_PORTION_H
#include "storage/seal/seal_ring.h"
#include "storage/wal/wal_format.h"

/* What one portion can not be larger than: the ring of a server with very many slots. */
#define WAL_PORTION_MOST (UINT32_C(1) << 30)
/* Of keys made for the log. */
extern const char wal_key_purpose[];

/* `portion` has room for the seal, then `bytes` of records; it becomes what is written at `at`. The log is durable up to
 * `flushed`. */
MUST_CHECK Status wal_portion_seal(Ctx *cx, SealWriter *writer, Lsn at, Lsn flushed, uint8_t *portion,
                                   uint32_t bytes);
/* Is this a seal? *bytes: of what follows it. It may lie: that is seen when the portion is opened. */
MUST_CHECK bool wal_portion_begins(const uint8_t seal[WAL_SEAL_BYTES], Lsn at, uint32_t *bytes);
/* Decrypts what follows a seal, in place. *whole false: it is not what was written. */
MUST_CHECK Status wal_portion_open(Ctx *cx, SealRing *ring, Lsn at, const uint8_t seal[WAL_SEAL_BYTES],
                                   uint8_t *data, bool *whole);

#endif
