/* src/storage/engine/engine_shared.h - the engine and its part of the region, for storage only. */
#ifndef ENGINE_SHARED_H
#define ENGINE_SHARED_H
#include "shmem/proc/slot.h"
#include "shmem/region/region.h"
#include "storage/engine/engine.h"
#include "storage/engine/engine_stats.h"
#include "storage/engine/invalidation.h"
#include "storage/wal/wal_sealing.h"

/* Private to a process (children inherit a copy): nothing of it lies in shared memory. */
struct Engine {
    Region *region;
    ProcTable *procs;
    struct Env *env;
    char *temp_folder; /* NULL in memory mode */
    bool seal_temp;
    char *table_folder; /* NULL = pages come from the store's process only */
    char *log_folder; /* NULL = the log is the log writer's only */
    WalSealing *log_sealing; /* malloc; of this process; NULL = an encrypted log is the log writer's only */
    int64_t start_us;
};

/* B6. In memory mode the registry lies in shared memory. States of an entry:
 *   FREE --create--> LIVE --drop, at commit--> FREE */
enum { BRANCHES_MOST = 16384 };
typedef enum BranchState { BRANCH_FREE, BRANCH_LIVE } BranchState;
typedef struct BranchEntry {
    BranchId id; /* latch branch */
    uint32_t state; /* latch branch */
    BranchId parent; /* it was forked from; 0 = it is a root */
    uint32_t reserved;
    uint64_t fork_epoch; /* B1 */
    Csn fork_csn; /* B1 */
    _Atomic Xid creator_xid, dropper_xid; /* atomic; 0 = none: for the janitor, as in CacheRel */
    uint64_t counters[SESSION_COUNTERS]; /* latch branch: of sessions that have ended */
    uint64_t reset[SESSION_COUNTERS]; /* latch branch: what they all were at the last pg_stat_reset */
    int64_t reset_us; /* latch branch: when that was; 0 = never */
} BranchEntry;

/* Part PART_ENGINE. */
typedef struct EngineShared {
    _Atomic uint32_t next_oid; /* atomic */
    Xid logged_xid; /* latch id_assign: ids below may be handed out without a word in the log */
    _Atomic uint32_t logged_oid; /* atomic; changes under latch id_assign */
    Latch branch_latch;
    BranchId next_branch; /* latch branch */
    uint32_t branch_high; /* latch branch: entries ever used */
    _Atomic uint64_t
        expired_us; /* atomic: monotonic time somebody last looked who keeps to a core (follow.h) */
    _Atomic uint64_t adjusted_us; /* atomic: monotonic time the clock was last compared */
    _Atomic Xid visited_xid; /* atomic: next id when pages with raw ids were last visited */
    InvalidationRing invalidations;
    uint64_t shared_counters[SESSION_COUNTERS]; /* latch branch: of those that were in no database */
    uint64_t ended_counters[SESSION_COUNTERS]; /* latch branch: of all that have ended */
    uint64_t shared_reset[SESSION_COUNTERS]; /* latch branch: as BranchEntry.reset */
    int64_t shared_reset_us; /* latch branch */
    uint64_t stats_reset[ENGINE_STATS]; /* latch branch: what counters were at the last pg_stat_reset_shared */
    int64_t stats_reset_us[STATS_GROUPS]; /* latch branch: when; 0 = never */
    BranchEntry branches[BRANCHES_MOST];
} EngineShared;

static inline EngineShared *
engine_shared(const Engine *engine)
{
    return region_part(engine->region, PART_ENGINE);
}

/* Recovery: the branch as its creation logged it; one whose end the record that ends at `lsn` tells of; those whose creator had not
 * committed. */
MUST_CHECK Status branch_restore(Ctx *cx, BranchId id, Xid creator, BranchEntry **out);
void branch_forget(Ctx *cx, BranchId id, uint64_t lsn);
/* What a fork has found out. */
void branch_set_fork(Ctx *cx, BranchId id, BranchId parent, uint64_t epoch, Csn csn);
void branch_finish_crashed(Ctx *cx);

/* Latch branch held: what sessions of it that have ended counted, and what is not shown of it any more. NULL: the branch has
 * gone meanwhile. */
uint64_t *branch_counters(EngineShared *s, BranchId branch);
uint64_t *branch_reset_counters(EngineShared *s, BranchId branch, int64_t **when_us);
/* The session ends: what it has counted becomes its database's (engine_stats.c). */
void branch_add_counters(Ctx *cx, Proc *ended);
/* The transaction of a dead session made or dropped branches: finishes it (C3). */
void branch_finish_dead(Ctx *cx, const Proc *dead, Xid xid);

#endif
