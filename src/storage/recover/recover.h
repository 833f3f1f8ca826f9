/* src/storage/recover/recover.h - after a crash: the log done again, from the last checkpoint's redo position.
 *
 * One process with a slot of its own; nobody else uses the engine yet, and the log is not written meanwhile. Doing it
 * twice does no harm: a page says by its LSN what it has seen, ids are set unconditionally. So a crash during recovery
 * only means another one. */
#ifndef RECOVER_H
#define RECOVER_H
#include "storage/recover/lost_pages.h"
#include "storage/wal/wal_segment.h"

typedef struct RecoverResult {
    Lsn end; /* where the log ends, and goes on */
    uint64_t records, commits;
    LostPages lost; /* in cx->arena */
    struct GoneAhead *ahead; /* in cx->arena, a list: what goes if a commit comes that may */
    uint64_t changes; /* records that change something: behind a clean end there are none */
} RecoverResult;

/* Reads from `from` on; XX001 when a record does not fit its page. Says in the server's log how far it is.
 * `needed`: it was durable up to here at some time (0 = not known); XX001 when it can be told that its end is not its end
 * (wal_end.h). A page that the store has damaged is passed over, and lost from then on: the caller sees to it that nobody is
 * given what a later read might find. If a page can not be read for another reason, recovery fails with 58030. */
MUST_CHECK Status recover_log(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *out);
/* Who had not committed has not: ids without an outcome are aborted, relations and branches that were being made go. */
MUST_CHECK Status recover_finish(Ctx *cx);

#endif
