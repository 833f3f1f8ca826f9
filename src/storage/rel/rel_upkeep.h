/* src/storage/rel/rel_upkeep.h - relations of dead sessions and dropped branches. For storage only. */
#ifndef REL_UPKEEP_H
#define REL_UPKEEP_H
#include "storage/rel/rel.h"

struct CacheRel;

/* Its pages go now, what is stored of it when that is safe. Nobody uses it any more. */
void rel_gone(Ctx *cx, struct CacheRel *rel);
/* Recovery: it was dropped at that place of the log. */
void rel_gone_at(Ctx *cx, struct CacheRel *rel, uint64_t lsn);

/* No branch reads it any more through a link. */
void rel_last_child_gone(Ctx *cx, struct CacheRel *rel);

/* What the transaction, of a session that was killed, has made or dropped: finishes it (C3). Its fate
 * is decided already. */
void rel_finish_dead(Ctx *cx, Xid xid);
/* Frees every relation of the branch. Nobody uses it any more. */
void rel_drop_branch(Ctx *cx, BranchId branch);

/* After a crash: what the transactions that had not committed have made goes. */
void rel_finish_crashed(Ctx *cx);
/* After a crash: what is not logged is empty again (H8). */
void rel_empty_unlogged(Ctx *cx);
/* The fork has been cut: for the log, in which there is room (wal_secure). Nobody can have made it longer since. */
void rel_log_length(Ctx *cx, const struct CacheRel *rel, Fork fork);

#endif
