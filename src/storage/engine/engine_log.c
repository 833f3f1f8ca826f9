/* engine_log.c - see engine_log.h. */
#include "storage/engine/engine_log.h"

#include "base/env.h"
#include "base/log.h"
#include "shmem/pagecache/pagecache.h"
#include "storage/engine/engine_shared.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_segment.h"

static Status
recover(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *result)
{
    uint64_t start_us = env_mono_us(cx->env);

    TRY(recover_log(cx, dir, from, needed, result));
    TRY(recover_finish(cx));
    if (result->changes > 0)
        log_line(LOG_INFO,
                 "recovery: %llu log records done again from %llx to %llx, %llu transactions, in %llu ms",
                 (unsigned long long)result->records, (unsigned long long)from, (unsigned long long)result->end,
                 (unsigned long long)result->commits,
                 (unsigned long long)((env_mono_us(cx->env) - start_us) / 1000));
    return ST_OK;
}

Status
engine_start_log(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *result)
{
    TRY(recover(cx, dir, from, needed, result));
    TRY(wal_segments_cut(cx, dir, from, result->end));
    wal_start(cx->engine->region, result->end, dir->data_key != NULL);
    return ST_OK;
}

Status
engine_start_unlogged(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *result)
{
    PageCache *cache = page_cache(cx->proc);

    TRY(recover(cx, dir, from, needed, result));
    atomic_store(&cache->gate.taken, wal_segment_first(result->end) + WAL_SEGMENT_BYTES);
    cache->unlogged_store = 1;
    return ST_OK;
}

void
engine_next_place(Ctx *cx)
{
    atomic_fetch_add(&page_cache(cx->proc)->gate.taken, WAL_SEGMENT_BYTES);
}
