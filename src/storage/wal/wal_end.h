/* src/storage/wal/wal_end.h - has the log really ended, or is it damaged?
 *
 * After a crash the last bytes of the log may be missing or torn, in any order of their blocks: they had been written, but
 * not flushed, and nobody was told of what they say. So the log ends where no record is. A damaged disk looks the same at
 * first. The difference: each record says up to where the log was durable when it was written (WalRecord.behind). If one
 * that lies behind the supposed end says so of bytes that are not there any more, then those bytes have been lost
 * since, and with them perhaps commits that somebody was told of. When the server has nothing to do it writes a record that
 * says nothing else (RECORD_DURABLE). */
#ifndef WAL_END_H
#define WAL_END_H
#include "storage/wal/wal_segment.h"

/* XX001, naming file and place, when the log did not end at `end`, where no record begins. `needed`: it was durable up
 * to here at some time (0 = not known). */
MUST_CHECK Status wal_verify_end(Ctx *cx, const WalDir *dir, Lsn end, Lsn needed);

#endif
