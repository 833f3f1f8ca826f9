/* src/storage/rel/rel_upkeep.h - relations of dead sessions and dropped branches. For storage only. */
#ifndef REL_UPKEEP_H
#define REL_UPKEEP_H
#include "storage/rel/rel.h"

struct CacheRel;

/* It is there for nobody else until that transaction has committed; 0 = it is there for good. */
void rel_set_maker(struct CacheRel *rel, Xid maker);
/* Its pages go now, what is stored of it when that is safe. Nobody uses it any more. The record that says so ends at `lsn`, for
 * recovery: a checkpoint from there on does not store it as living. */
void rel_gone_at(Ctx *cx, struct CacheRel *rel, uint64_t lsn);

/* What was made has to go, and not because a transaction committed: logs that (relation or, with RELATION_NONE, branch), and
 * calls `gone`. The log has room made for it here, so no critical section. */
typedef void (*RelGone)(Ctx *cx, void *arg, uint64_t lsn);
void rel_log_gone(Ctx *cx, BranchId branch, RelationId relation, RelGone gone, void *arg);

/* It was made, and has never been there for others. Recovery need not wonder where it is. */
void rel_take_back(Ctx *cx, struct CacheRel *rel);

/* Nobody reads it any more through a link: its pages go if it was dropped (at `gone`), else (0) only their older images. The entry stays.
 * May be called again after a call that was not finished. */
void rel_last_child_goes(Ctx *cx, struct CacheRel *rel, uint64_t gone);

/* What the transaction, of a session that was killed, has made or dropped: finishes it (C3). Its fate
 * is decided already. */
void rel_finish_dead(Ctx *cx, const Proc *dead, Xid xid);
/* Frees every relation of the branch, as rel_gone_at. */
void rel_drop_branch(Ctx *cx, BranchId branch, uint64_t lsn);

/* After a crash: what the transactions that had not committed have made goes. */
void rel_finish_crashed(Ctx *cx);
/* After a crash: what is not logged is empty again (H8). */
void rel_empty_unlogged(Ctx *cx);
/* The fork has been cut: for the log, in which there is room (wal_secure). Nobody can have made it longer since. */
void rel_log_length(Ctx *cx, const struct CacheRel *rel, Fork fork);

#endif
