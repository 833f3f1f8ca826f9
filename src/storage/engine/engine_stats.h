/* src/storage/engine/engine_stats.h - counters of the whole server, and of a database.
 *
 * Nothing is counted twice: sessions count in their slots, the log writer and the store in theirs; these calls add up. */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"

typedef enum StatsGroup { STATS_GAUGE, STATS_CACHE, STATS_BGWRITER, STATS_WAL, STATS_GROUPS } StatsGroup;
typedef enum EngineStat {
#define STAT(symbol, name, group, doc) STAT_##symbol,
#include "storage/engine/engine_stats.def"
#undef STAT
    ENGINE_STATS
} EngineStat;

/* The server's, since its start or the last reset of their group. */
void engine_stats(Ctx *cx, uint64_t out[ENGINE_STATS]);
void engine_stats_reset(Ctx *cx, StatsGroup group);
int64_t engine_stats_since_us(Ctx *cx, StatsGroup group); /* wall clock */

/* Places in the log. False: there is none. */
typedef enum LogPlace { LOG_PLACE_INSERTED, LOG_PLACE_WRITTEN, LOG_PLACE_FLUSHED } LogPlace;
bool engine_log_place(Ctx *cx, LogPlace which, uint64_t *lsn);
/* The file that ends at or behind this place begins there, which is its name. */
uint64_t engine_log_file(uint64_t lsn);

/* What all sessions of a database have done since it was made or reset, those that run included. */
void engine_counters(Ctx *cx, BranchId branch, uint64_t out[SESSION_COUNTERS]);
/* Begins anew, with the counters of its tables. */
void engine_counters_reset(Ctx *cx, BranchId branch);
int64_t engine_counters_reset_us(Ctx *cx, BranchId branch); /* 0 = never reset */
/* What this process counts belongs to that database from here on: of one that works in several. */
void engine_count_for(Ctx *cx, BranchId branch);

#endif
