/* engine_stats.c - see engine_stats.h. A counter is never set to zero by anybody but its owner: resetting notes what it was. */
#include "storage/engine/engine_stats.h"

#include <string.h>

#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "storage/engine/engine_shared.h"
#include "storage/store/store_process.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_segment.h"

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* A session that runs has been there for some time. */
static void
read_slot(Ctx *cx, uint32_t no, BranchId *branch, uint64_t out[SESSION_COUNTERS])
{
    const ProcTable *procs = cx->engine->procs;
    Activity a;

    proc_read_counters(procs, no, branch, out);
    if (out[COUNT_SESSIONS] > 0 && proc_activity_read(procs, no, &a))
        out[COUNT_SESSION_US] += (uint64_t)MAX_OF(engine_wall_us(cx->engine) - a.backend_start_us, 0);
}

/* All of them are counted, but for a time: of two the later one. */
static void
add_counters(uint64_t to[SESSION_COUNTERS], const uint64_t more[SESSION_COUNTERS])
{
    uint64_t last_us = MAX_OF(to[COUNT_DAMAGED_US], more[COUNT_DAMAGED_US]);

    for (int i = 0; i < SESSION_COUNTERS; i++)
        to[i] += more[i];
    to[COUNT_DAMAGED_US] = last_us;
}

void
branch_add_counters(Ctx *cx, Proc *ended)
{
    EngineShared *s = engine_shared(cx->engine);
    uint64_t done[SESSION_COUNTERS], *to;
    BranchId branch;

    read_slot(cx, ended->no, &branch, done);
    if (proc_state(ended) == PROC_DEAD && done[COUNT_SESSIONS] > 0)
        done[COUNT_KILLED] = 1; /* it could not say so itself */
    latch_take(cx->proc, &s->branch_latch);
    to = branch_counters(s, branch);
    if (to != NULL)
        add_counters(to, done);
    add_counters(s->ended_counters, done);
    for (int i = 0; i < SESSION_COUNTERS; i++)
        atomic_store(&ended->counters[i], 0); /* below the same latch: nobody sees them twice */
    ended->page_count = 0;
    latch_drop(cx->proc, &s->branch_latch);
}

void
engine_count_for(Ctx *cx, BranchId branch)
{
    branch_add_counters(cx,
                        cx->proc); /* from here to the next count there is nothing that could change sides */
    proc_activity_begin(cx->proc)->branch = branch;
    proc_activity_end(cx->proc);
}

/* Latch held. `all`: whatever their database is. */
static void
add_running(Ctx *cx, BranchId branch, bool all, uint64_t out[SESSION_COUNTERS])
{
    const ProcTable *procs = cx->engine->procs;
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        uint64_t running[SESSION_COUNTERS];
        BranchId of;

        if (proc_state(proc_slot(procs, no)) != PROC_ACTIVE)
            continue;
        read_slot(cx, no, &of, running);
        if (all || of == branch)
            add_counters(out, running);
    }
}

/* Latch held. */
static void
total(Ctx *cx, BranchId branch, uint64_t out[SESSION_COUNTERS])
{
    const uint64_t *ended = branch_counters(engine_shared(cx->engine), branch);

    for (int i = 0; i < SESSION_COUNTERS; i++)
        out[i] = ended != NULL ? ended[i] : 0;
    add_running(cx, branch, false, out);
}

void
engine_counters(Ctx *cx, BranchId branch, uint64_t out[SESSION_COUNTERS])
{
    EngineShared *s = engine_shared(cx->engine);
    const uint64_t *before;
    uint64_t damaged_us;

    latch_take(cx->proc, &s->branch_latch);
    total(cx, branch, out);
    before = branch_reset_counters(s, branch, NULL);
    damaged_us = out[COUNT_DAMAGED_US];
    for (int i = 0; before != NULL && i < SESSION_COUNTERS; i++)
        out[i] -= MIN_OF(out[i], before[i]);
    if (out[COUNT_PAGES_DAMAGED] > 0)
        out[COUNT_DAMAGED_US] = damaged_us;
    latch_drop(cx->proc, &s->branch_latch);
}

static void
reset_rel(Ctx *cx, void *arg, CacheRel *rel)
{
    RelCounters *c = &rel->done;

    if (rel->branch != *(BranchId *)arg || rel->relation == RELATION_NONE)
        return;
    rel_counts_reset(cx, rel);
    atomic_store(&c->inserted, 0);
    atomic_store(&c->updated, 0);
    atomic_store(&c->updated_in_place, 0);
    atomic_store(&c->deleted, 0);
    atomic_store(&c->changed_before_analyze, 0);
    atomic_store(&c->inserted_before_vacuum, 0);
    for (int i = 0; i < 2; i++) {
        atomic_store(&c->vacuumed_us[i], 0);
        atomic_store(&c->analyzed_us[i], 0);
        atomic_store(&c->vacuums[i], 0);
        atomic_store(&c->analyzes[i], 0);
    }
}

void
engine_counters_reset(Ctx *cx, BranchId branch)
{
    EngineShared *s = engine_shared(cx->engine);
    uint64_t now[SESSION_COUNTERS], *before;
    int64_t *when;

    latch_take(cx->proc, &s->branch_latch);
    total(cx, branch, now);
    before = branch_reset_counters(s, branch, &when);
    if (before != NULL) {
        memcpy(before, now, sizeof(now));
        *when = engine_wall_us(cx->engine);
    }
    latch_drop(cx->proc, &s->branch_latch);
    cache_rel_each(cx, reset_rel, &branch);
}

int64_t
engine_counters_reset_us(Ctx *cx, BranchId branch)
{
    EngineShared *s = engine_shared(cx->engine);
    int64_t *when, us = 0;

    latch_take(cx->proc, &s->branch_latch);
    if (branch_reset_counters(s, branch, &when) != NULL)
        us = *when;
    latch_drop(cx->proc, &s->branch_latch);
    return us;
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static const StatsGroup groups[ENGINE_STATS] = {
#define STAT(symbol, name, group, doc) [STAT_##symbol] = STATS_##group,
#include "storage/engine/engine_stats.def"
#undef STAT
};

static void
add_store(Ctx *cx, uint64_t out[ENGINE_STATS])
{
    const StoreShared *store = store_shared(cx->engine);

    out[STAT_CLEANED_PAGES] = atomic_load(&store->pages_cleaned);
    out[STAT_CHECKPOINT_PAGES] = atomic_load(&store->pages_written);
    out[STAT_CHECKPOINTS_TIMED] = atomic_load(&store->checkpoints_timed);
    out[STAT_CHECKPOINTS_ASKED] = atomic_load(&store->checkpoints_asked);
    out[STAT_CHECKPOINT_WRITE_US] = atomic_load(&store->write_us);
    out[STAT_CHECKPOINT_SYNC_US] = atomic_load(&store->sync_us);
    out[STAT_CHECKPOINT_LAST_US] = atomic_load(&store->last_us);
    out[STAT_STORE_BYTES] = atomic_load(&store->file_bytes);
    out[STAT_STORE_MEMORY] = atomic_load(&store->memory_bytes);
    out[STAT_STORE_LEVEL0] = atomic_load(&store->level0_files);
    out[STAT_STORE_DEBT] = atomic_load(&store->debt_bytes);
}

static void
add_log(Ctx *cx, uint64_t out[ENGINE_STATS])
{
    WalCounts c;

    wal_counts(cx->proc, &c);
    out[STAT_WAL_BYTES] = c.bytes;
    out[STAT_WAL_WRITES] = c.writes;
    out[STAT_WAL_FSYNCS] = c.syncs;
    out[STAT_WAL_WRITE_US] = c.write_us;
    out[STAT_WAL_FSYNC_US] = c.sync_us;
}

/* Latch held. */
static void
totals(Ctx *cx, uint64_t out[ENGINE_STATS])
{
    const PageCache *cache = page_cache(cx->proc);
    Region *region = cx->engine->region;
    uint64_t counted[SESSION_COUNTERS];

    memset(out, 0, sizeof(*out) * ENGINE_STATS);
    memcpy(counted, engine_shared(cx->engine)->ended_counters, sizeof(counted));
    add_running(cx, 0, true, counted);
    out[STAT_MEMORY_USED] = atomic_load(&region->used_bytes);
    out[STAT_MEMORY_LIMIT] = atomic_load(&region->limit_bytes);
    out[STAT_CACHE_BYTES] = atomic_load(&cache->pages_live) * PAGE_BYTES;
    out[STAT_CACHE_LIMIT] = (uint64_t)cache->page_frames * PAGE_BYTES;
    out[STAT_CACHE_READS] = counted[COUNT_PAGES_LOADED];
    out[STAT_CACHE_READS_DIRECT] = counted[COUNT_PAGES_READ];
    out[STAT_CACHE_HITS] = counted[COUNT_PAGES] - MIN_OF(counted[COUNT_PAGES], counted[COUNT_PAGES_LOADED]);
    out[STAT_CACHE_EVICTIONS] = atomic_load(&cache->evictions);
    out[STAT_WAL_RECORDS] = counted[COUNT_LOG_RECORDS];
    out[STAT_WAL_FULL] = counted[COUNT_LOG_FULL];
    out[STAT_TEMP_FILES] = counted[COUNT_TEMP_FILES];
    out[STAT_TEMP_BYTES] = counted[COUNT_TEMP_BYTES];
    if (cache_has_store(cache))
        add_store(cx, out);
    if (wal_is_on(cx->proc))
        add_log(cx, out);
}

void
engine_stats(Ctx *cx, uint64_t out[ENGINE_STATS])
{
    EngineShared *s = engine_shared(cx->engine);

    latch_take(cx->proc, &s->branch_latch);
    totals(cx, out);
    for (int i = 0; i < ENGINE_STATS; i++)
        out[i] -= MIN_OF(out[i], s->stats_reset[i]);
    latch_drop(cx->proc, &s->branch_latch);
}

void
engine_stats_reset(Ctx *cx, StatsGroup group)
{
    EngineShared *s = engine_shared(cx->engine);
    uint64_t now[ENGINE_STATS];

    ASSERT(group != STATS_GAUGE);
    latch_take(cx->proc, &s->branch_latch);
    totals(cx, now);
    for (int i = 0; i < ENGINE_STATS; i++) {
        if (groups[i] == group)
            s->stats_reset[i] = now[i];
    }
    s->stats_reset_us[group] = engine_wall_us(cx->engine);
    latch_drop(cx->proc, &s->branch_latch);
}

int64_t
engine_stats_since_us(Ctx *cx, StatsGroup group)
{
    int64_t reset = engine_shared(cx->engine)->stats_reset_us[group];

    return reset != 0 ? reset : engine_start_us(cx->engine);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

bool
engine_log_place(Ctx *cx, LogPlace which, uint64_t *lsn)
{
    if (!wal_is_on(cx->proc))
        return false;
    switch (which) {
    case LOG_PLACE_INSERTED: *lsn = wal_position(cx->proc); break;
    case LOG_PLACE_WRITTEN: *lsn = wal_written(cx->proc); break;
    case LOG_PLACE_FLUSHED: *lsn = wal_flushed(cx->proc); break;
    }
    return true;
}

uint64_t
engine_log_file(uint64_t lsn)
{
    return lsn == 0 ? 0 : wal_segment_first(lsn - 1);
}
