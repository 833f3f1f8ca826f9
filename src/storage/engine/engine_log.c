/* engine_log.c - see engine_log.h. */
#include "storage/engine/engine_log.h"

#include "base/env.h"
#include "base/log.h"
#include "storage/engine/engine_shared.h"
#include "storage/wal/wal.h"

Status
engine_start_log(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *result)
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
    TRY(wal_segments_cut(cx, dir, from, result->end));
    wal_start(cx->engine->region, result->end, dir->data_key != NULL);
    return ST_OK;
}
