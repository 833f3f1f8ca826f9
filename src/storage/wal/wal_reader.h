/* src/storage/wal/wal_reader.h - records of the log, one after the other, as they lie on disk. */
#ifndef WAL_READER_H
#define WAL_READER_H
#include "storage/wal/record.h"
#include "storage/wal/wal_segment.h"

typedef struct WalReader WalReader;

typedef struct WalEntry {
    Lsn lsn, end; /* where it begins, and where the next one does */
    WalRecord record;
    const uint8_t *data; /* payload; until the next call */
    uint32_t bytes;
} WalEntry;

/* From `at`, where a record begins. */
MUST_CHECK Status wal_reader_open(Ctx *cx, const WalDir *dir, Lsn at, WalReader **out);
/* *found false: what follows is no record, so the log ends here (out->lsn). Only a failure to read is a failure. */
MUST_CHECK Status wal_reader_next(Ctx *cx, WalReader *r, WalEntry *out, bool *found);
void wal_reader_close(Ctx *cx, WalReader *r); /* NULL is fine */

#endif
