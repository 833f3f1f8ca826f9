/* storage_workers.c - see storage_workers.h. */
#include "bin/storage_workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/env.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "postmaster/notify.h"
#include "postmaster/postmaster.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_writer.h"

void
storage_settings(const SettingSet *settings, const char *path, StoreSettings *out)
{
    /* In the order of words_compression. */
    static const StoreCompression compressions[] = {STORE_COMPRESS_LZ4, STORE_COMPRESS_ZSTD,
                                                    STORE_COMPRESS_NONE};

    *out = (StoreSettings){
        .data_dir = path,
        .compression = compressions[settings_int(settings, SETTING_STORAGE_COMPRESSION)],
        .unlogged = !settings_bool(settings, SETTING_WAL_ENABLED),
    };
    storage_limits(settings, &out->limits);
}

void
storage_limits(const SettingSet *settings, StoreLimits *out)
{
    *out = (StoreLimits){
        .checkpoint_timeout_us = (uint64_t)settings_int(settings, SETTING_CHECKPOINT_TIMEOUT) * 1000000,
        .max_wal_bytes = (uint64_t)settings_int(settings, SETTING_MAX_WAL_SIZE) << 20,
        .min_wal_bytes = (uint64_t)settings_int(settings, SETTING_MIN_WAL_SIZE) << 20,
        .spread_percent = (uint64_t)(settings_real(settings, SETTING_CHECKPOINT_COMPLETION_TARGET) * 100),
        .log_writer_delay_us = (uint64_t)settings_int(settings, SETTING_WAL_WRITER_DELAY) * 1000,
        .log_checkpoints = settings_bool(settings, SETTING_LOG_CHECKPOINTS),
    };
}

void
storage_run_store(Door *door, const StoreSettings *settings)
{
    store_process_run(door->engine, settings);
}

static Status
write_log(Ctx *cx, Door *door, WalWriter *w, const char *path, const SealKey *data_key)
{
    WalDir dir = {.path = path, .data_key = data_key};

    store_wal_identity(door->engine, &dir);
    TRY(wal_writer_open(cx, w, &dir));
    while (!(atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)) {
        StoreLimits limits;

        store_get_limits(door->engine, &limits);
        TRY(wal_writer_step(cx, w, (uint32_t)(limits.log_writer_delay_us / 1000)));
    }
    return wal_writer_drain(cx, w);
}

void
storage_run_wal_writer(Door *door, const StoreSettings *settings)
{
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    const char *path;
    WalWriter w;
    Status rc;

    arena_init(&arena, "log writer", NULL);
    arena_init(&errors, "log writer errors", NULL);
    path = arena_printf(&arena, "%s/wal", settings->data_dir);
    rc = engine_attach_as(&cx, door->engine, PROC_WAL_WRITER);
    if (rc == ST_OK) {
        interrupt_watch(-1, cx.interrupt, proc_sem(cx.proc));
        rc = write_log(&cx, door, &w, path, settings->data_key);
    }
    if (rc != ST_OK && strcmp(cx.error.sqlstate, "53100") == 0 &&
        (atomic_load(cx.interrupt) & INTERRUPT_TERMINATE)) {
        log_line(LOG_WARNING, "%s: what was not told to anybody is not written", cx.error.message);
        rc = ST_OK;
    }
    if (rc != ST_OK) {
        /* What is on disk is not known any more: never go on as if it were (S1). */
        log_report(LOG_FATAL, "log writer", &cx.error, NULL);
        abort();
    }
    wal_writer_close(&cx, &w);
    interrupt_unwatch();
    engine_detach(&cx);
}

typedef struct Watch {
    int pid;
    uint64_t alive_every_us, alive_due_us; /* the service manager wants to know; 0 = it does not */
} Watch;

/* Recovery may take longer than its patience. */
static void
say_alive(Ctx *cx, Watch *w)
{
    if (w->alive_every_us == 0 || env_mono_us(cx->env) < w->alive_due_us)
        return;
    notify_send("WATCHDOG=1\n");
    w->alive_due_us = env_mono_us(cx->env) + w->alive_every_us;
}

static Status
watch_store(Ctx *cx)
{
    Watch *w = (Watch *)(void *)cx->session;
    siginfo_t info = {0};

    say_alive(cx, w);
    if (postmaster_told_to_end())
        return fail(cx, ST_CLOSED, "57P03", "the server was told to end before it had recovered");
    /* Looked at, not reaped: that is the postmaster's. */
    if (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == w->pid)
        return fail(cx, ST_IO, "58030", "the store's process ended before it was ready");
    return ST_OK;
}

Status
storage_wait_store(Ctx *cx, Door *door, int pid, bool *is_new)
{
    static const CtxHooks hooks = {.poll = watch_store};
    const CtxHooks *before = cx->hooks;
    _Atomic uint32_t always = 1, *interrupt = cx->interrupt;
    Watch watch = {.pid = pid, .alive_every_us = notify_watchdog_us()};
    Status rc;

    cx->hooks = &hooks;
    cx->interrupt = &always;
    cx->session = (struct Session *)(void *)&watch;
    rc = store_wait_ready(cx, door->engine, is_new);
    cx->hooks = before;
    cx->interrupt = interrupt;
    cx->session = NULL;
    return rc;
}
