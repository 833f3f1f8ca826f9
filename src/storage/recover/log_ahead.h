/* src/storage/recover/log_ahead.h - the log's records one after the other, and their pages on the way before they are needed.
 *
 * Records are read in batches. When one is about to be done again, the pages of the next one have been asked for: the store's
 * threads read them meanwhile. That is a hint; a page that has not come, or that a record in between has taken away, is no
 * matter (but the server's log may say of one that nobody needed any more that it is damaged). */
#ifndef LOG_AHEAD_H
#define LOG_AHEAD_H
#include "storage/recover/lost_pages.h"
#include "storage/wal/wal_reader.h"

typedef struct LogAhead LogAhead;

/* From `at`, where a record begins. Pages that are `lost` by then are not asked for; it stays where it is. */
MUST_CHECK Status log_ahead_open(Ctx *cx, const WalDir *dir, Lsn at, const LostPages *lost, LogAhead **out);
/* As wal_reader_next; not to be called again behind the end. */
MUST_CHECK Status log_ahead_next(Ctx *cx, LogAhead *l, WalEntry *out, bool *found);
void log_ahead_close(Ctx *cx, LogAhead *l); /* NULL is fine */

#endif
