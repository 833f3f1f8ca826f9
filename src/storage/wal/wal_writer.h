/* src/storage/wal/wal_writer.h - the process that brings the log to disk. One of them at a time; a session that is alone does
 * without it (wal_solo.h).
 *
 * What it knows lies in shared memory, so another may go on where a killed one stopped (wal_pen.h). */
#ifndef WAL_WRITER_H
#define WAL_WRITER_H
#include "storage/wal/wal_sealing.h"
#include "storage/wal/wal_segment.h"

typedef struct WalWriter {
    WalDir dir;
    WalSegment current;
    WalMaking making; /* of the segment after the current one */
    WalSealing
        sealing; /* of an encrypted log; its own key, so what another writer had begun is never written with the same */
    bool next_ready;
    Lsn flushed_seen; /* at the last step */
    Lsn noted; /* the last RECORD_DURABLE ends here */
    uint64_t unflushed_since_us; /* since when there is more than flushed_seen; 0 = there is not */
    uint64_t retry_us; /* disk full: when to try again */
} WalWriter;

/* Opens the segment of the present position, making it if need be. wal_start has been called. */
MUST_CHECK Status wal_writer_open(Ctx *cx, WalWriter *w, const WalDir *dir);
/* Writes what is copied, flushes it if somebody waits or it has waited long enough, tells who waits. Sleeps for
 * at most `idle_ms` if there is nothing to do. A failure to write or flush means that the log's end is not known: the
 * caller must let the server crash (S1). A full disk is no failure. */
MUST_CHECK Status wal_writer_step(Ctx *cx, WalWriter *w, uint32_t idle_ms);
/* Everything that is copied, and flushes. */
MUST_CHECK Status wal_writer_drain(Ctx *cx, WalWriter *w);
void wal_writer_close(Ctx *cx, WalWriter *w); /* of one that has not failed; 53100 is no failure */

#endif
