/* src/storage/engine/engine_log.h - an engine that survives: starting from a log, and going on with it. */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H
#include "storage/engine/engine.h"
#include "storage/recover/recover.h"

/* The engine was made with `log`, nobody else is attached, cx is. Does again what the log says from `from` on (a new
 * log: nothing; `needed` as in recover.h), decides what had no outcome, and from then on changes are logged. */
MUST_CHECK Status engine_start_log(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *result);
/* The same up to where changes would be logged, but they are not: places in the log only count checkpoints, in steps of a segment,
 * so that a log can begin at any of them (S4). */
MUST_CHECK Status engine_start_unlogged(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed,
                                        RecoverResult *result);
void engine_next_place(Ctx *cx);

#endif
