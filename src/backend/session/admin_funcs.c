/* admin_funcs.c - other sessions, advisory locks, waiting, transaction ids. */
#include "backend/session/session_int.h"

#include "backend/type/array.h"
#include "backend/type/fn_decl.h"
#include "base/env.h"
#include "storage/engine/engine.h"
#include "storage/engine/engine_stats.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define UNIX_TO_2000_US (INT64_C(946684800) * 1000000)

static Status
sleep_seconds(Ctx *cx, double seconds)
{
    uint64_t until;

    if (!(seconds > 0))
        return ST_OK;
    until = env_mono_us(cx->env) + (uint64_t)(seconds > 1e9 ? 1e15 : seconds * 1e6);
    for (;;) {
        uint64_t now = env_mono_us(cx->env);

        TRY(ctx_poll(cx));
        if (now >= until)
            return ST_OK;
        proc_set_wait(cx->proc, WAIT_TIMEOUT_SLEEP);
        proc_sleep(cx, cx->proc, cx->deadline_us != 0 ? MIN_OF(until, cx->deadline_us) : until);
        proc_set_wait(cx->proc, WAIT_NONE);
    }
}

SCALAR_FN(pg_sleep)
{
    *out = value_var("", 0);
    return sleep_seconds(call->cx, args[0].f64);
}

/* A month is 30 days, as everywhere when an interval becomes a span of time. */
SCALAR_FN(pg_sleep_for)
{
    Interval i = args[0].interval;

    *out = value_var("", 0);
    return sleep_seconds(call->cx, (double)i.micros / 1e6 + ((double)i.days + (double)i.months * 30) * 86400);
}

SCALAR_FN(pg_sleep_until)
{
    int64_t now = engine_wall_us(call->cx->engine) - UNIX_TO_2000_US;

    *out = value_var("", 0);
    return sleep_seconds(call->cx, ((double)args[0].i64 - (double)now) / 1e6);
}

/* As `heliosdb-nano reload` does: the postmaster tells everybody. */
SCALAR_FN(pg_reload_conf)
{
    Ctx *cx = call->cx;

    if (!catalog_is_superuser(cx))
        return fail(cx, ST_ERROR, "42501", "permission denied for function pg_reload_conf");
    if (cx->session->door == NULL)
        return fail_unsupported(cx, -1, "pg_reload_conf without a server");
    *out = value_bool(kill(getppid(), SIGHUP) == 0);
    if (!out->b)
        ctx_notice(cx, SEV_WARNING, "01000", "failed to send signal to postmaster: %s", strerror(errno));
    return ST_OK;
}

SCALAR_FN(pg_postmaster_start_time)
{
    *out = value_i64(engine_start_us(call->cx->engine) - UNIX_TO_2000_US);
    return ST_OK;
}

SCALAR_FN(pg_conf_load_time)
{
    *out = value_i64(call->cx->session->settings->loaded_us - UNIX_TO_2000_US);
    return ST_OK;
}

SCALAR_FN(txid_current_if_assigned)
{
    Xid xid = txn_id(call->cx);

    *out = xid != 0 ? value_i64((int64_t)xid) : value_null();
    return ST_OK;
}

SCALAR_FN(txid_current)
{
    Xid xid;

    TRY(txn_assign_id(call->cx, &xid));
    *out = value_i64((int64_t)xid);
    return ST_OK;
}

static Status
signal_session(FnCall *call, const Value *args, uint32_t bit, Value *out)
{
    Ctx *cx = call->cx;

    if (!catalog_is_superuser(cx))
        return fail(cx, ST_ERROR, "42501", "must be a superuser to %s another session's %s",
                    bit == INTERRUPT_CANCEL ? "cancel" : "terminate",
                    bit == INTERRUPT_CANCEL ? "query" : "process");
    *out = value_bool(proc_interrupt_pid(proc_table(cx->engine), args[0].i32, bit));
    if (out->b && bit == INTERRUPT_TERMINATE && args[0].i32 != (int32_t)getpid())
        (void)kill(args[0].i32, SIGTERM); /* it may be asleep on its socket, which no futex reaches */
    if (!out->b)
        ctx_notice(cx, SEV_WARNING, "01000", "PID %d is not a PostgreSQL backend process", args[0].i32);
    return ctx_poll(cx); /* it may have been ourselves */
}

SCALAR_FN(pg_cancel_backend)
{
    return signal_session(call, args, INTERRUPT_CANCEL, out);
}

SCALAR_FN(pg_terminate_backend)
{
    return signal_session(call, args, INTERRUPT_TERMINATE, out);
}

SCALAR_FN(pg_blocking_pids)
{
    int pids[256];
    uint32_t count = lock_blockers(call->cx, args[0].i32, pids, COUNT_OF(pids));
    Value *values = arena_array(call->cx->arena, Value, COUNT_OF(pids));

    count = MIN_OF(count, (uint32_t)COUNT_OF(pids));
    for (uint32_t i = 0; i < count; i++)
        values[i] = value_i32(pids[i]);
    return array_from_values(call->cx, TYPE_INT4, values, count, out);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static Status
log_place(FnCall *call, LogPlace which, Value *out)
{
    uint64_t lsn;

    if (!engine_log_place(call->cx, which, &lsn)) {
        (void)fail(call->cx, ST_ERROR, "55000", "there is no write-ahead log");
        fail_hint(call->cx, "The server runs in memory, or with wal_enabled = false.");
        return ST_ERROR;
    }
    *out = value_i64((int64_t)lsn);
    return ST_OK;
}

SCALAR_FN(pg_current_wal_lsn)
{
    (void)args;
    return log_place(call, LOG_PLACE_WRITTEN, out);
}

SCALAR_FN(pg_current_wal_insert_lsn)
{
    (void)args;
    return log_place(call, LOG_PLACE_INSERTED, out);
}

SCALAR_FN(pg_current_wal_flush_lsn)
{
    (void)args;
    return log_place(call, LOG_PLACE_FLUSHED, out);
}

/* The file that has the byte before the place, as `wal` below the data directory names it. */
SCALAR_FN(pg_walfile_name)
{
    const char *name =
        arena_printf(call->cx->arena, "%016llx", (unsigned long long)engine_log_file((uint64_t)args[0].i64));

    *out = value_var(name, strlen(name));
    return ST_OK;
}

/* ---- advisory locks -------------------------------------------------------------------------------------------- */

static LockKey
advisory_key(FnCall *call, const Value *args)
{
    LockKey key = {.branch = catalog_branch(call->cx), .kind = LOCK_KIND_ADVISORY};

    if (call->arg_types[0] == TYPE_INT8) {
        key.b = (uint64_t)args[0].i64;
        key.sub = 1;
    } else {
        key.b = (uint64_t)(uint32_t)args[0].i32 << 32 | (uint32_t)args[1].i32;
        key.sub = 2;
    }
    return key;
}

static Status
advisory(FnCall *call, const Value *args, LockMode mode, LockSpan span, Value *out)
{
    *out = value_var("", 0);
    return lock_acquire(call->cx, advisory_key(call, args), mode, span, false);
}

static Status
try_advisory(FnCall *call, const Value *args, LockMode mode, LockSpan span, Value *out)
{
    bool granted;

    TRY(lock_try(call->cx, advisory_key(call, args), mode, span, &granted));
    *out = value_bool(granted);
    return ST_OK;
}

static Status
unlock_advisory(FnCall *call, const Value *args, LockMode mode, Value *out)
{
    *out = value_bool(lock_release(call->cx, advisory_key(call, args), mode, LOCK_SPAN_SESSION));
    if (!out->b)
        ctx_notice(call->cx, SEV_WARNING, "01000", "you don't own a lock of type %s",
                   mode == LOCK_EXCLUSIVE ? "ExclusiveLock" : "ShareLock");
    return ST_OK;
}

SCALAR_FN(advisory_lock)
{
    return advisory(call, args, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION, out);
}
SCALAR_FN(advisory_lock_shared)
{
    return advisory(call, args, LOCK_SHARE, LOCK_SPAN_SESSION, out);
}
SCALAR_FN(advisory_xact_lock)
{
    return advisory(call, args, LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, out);
}
SCALAR_FN(advisory_xact_lock_shared)
{
    return advisory(call, args, LOCK_SHARE, LOCK_SPAN_TRANSACTION, out);
}
SCALAR_FN(try_advisory_lock)
{
    return try_advisory(call, args, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION, out);
}
SCALAR_FN(try_advisory_lock_shared)
{
    return try_advisory(call, args, LOCK_SHARE, LOCK_SPAN_SESSION, out);
}
SCALAR_FN(try_advisory_xact_lock)
{
    return try_advisory(call, args, LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, out);
}
SCALAR_FN(try_advisory_xact_lock_shared)
{
    return try_advisory(call, args, LOCK_SHARE, LOCK_SPAN_TRANSACTION, out);
}
SCALAR_FN(advisory_unlock)
{
    return unlock_advisory(call, args, LOCK_EXCLUSIVE, out);
}
SCALAR_FN(advisory_unlock_shared)
{
    return unlock_advisory(call, args, LOCK_SHARE, out);
}
SCALAR_FN(advisory_unlock_all)
{
    lock_release_all(call->cx, LOCK_SPAN_SESSION);
    *out = value_var("", 0);
    return ST_OK;
}
