/* body.c - what the server is made of: the engine, its catalogs, sessions and workers. */
#include "bin/body.h"

#include <stdlib.h>

#include "backend/catalog/catalog.h"
#include "backend/command/upkeep.h"
#include "backend/session/door_session.h"
#include "backend/type/func.h"
#include "base/env.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "shmem/proc/proc.h"
#include "bin/storage_workers.h"
#include "shmem/lock/lock_table.h"
#include "storage/engine/engine.h"

/* What was asked for; in the postmaster and inherited. */
typedef struct Body {
    Door *door;
    Ctx *cx; /* the postmaster's */
    bool store_is_new; /* of the postmaster, from when the store is there until the janitor is */
    BodyOptions options;
    EngineOptions engine;
    StoreSettings store; /* with a data directory */
} Body;

static Status
fill(Ctx *cx, Engine *engine, const BodyOptions *options)
{
    FirstRoleRow roles[8];
    Status rc;

    ASSERT(options->role_count <= (int)COUNT_OF(roles));
    for (int i = 0; i < options->role_count; i++)
        roles[i] = (FirstRoleRow){options->roles[i].name, options->roles[i].verifier};
    TRY(engine_attach(cx, engine));
    rc = catalog_bootstrap(cx, roles, options->role_count, options->database);
    engine_detach(cx);
    return rc;
}

static Status
create(Ctx *cx, const BodyOptions *options, Door *door)
{
    Body *body = arena_new(cx->arena, Body);

    body->options = *options;
    body->engine = (EngineOptions){
        .max_memory_bytes = (uint64_t)settings_int(options->settings, SETTING_MAX_MEMORY),
        .max_slots = options->max_slots,
        .temp_folder = getenv("HELIOS_TEMP_FOLDER"), /* tests */
        .deadlock_timeout_us = (uint64_t)settings_int(options->settings, SETTING_DEADLOCK_TIMEOUT) * 1000,
        .check_redo = getenv("HELIOS_CHECK_REDO") != NULL, /* tests */
    };
    fn_choose_kernels(settings_bool(options->settings, SETTING_SIMD_ENABLED));
    if (options->data_dir != NULL) {
        body->engine.temp_folder = arena_printf(cx->arena, "%s/temp", options->data_dir);
        body->engine.cache_bytes =
            (uint64_t)settings_int(options->settings, SETTING_SHARED_BUFFERS) * PAGE_BYTES;
        body->engine.seal_temp = options->data_key != NULL;
        if (options->data_key == NULL) /* sessions have no key for pages */
            body->engine.table_folder = arena_printf(cx->arena, "%s/pages", options->data_dir);
        storage_settings(options->settings, options->data_dir, &body->store);
        body->engine.log = !body->store.unlogged;
        body->engine.log_folder = arena_printf(cx->arena, "%s/wal", options->data_dir);
        body->store.data_key = options->data_key;
    }
    TRY(engine_create(cx, &body->engine, &door->engine));
    if (options->data_dir == NULL)
        TRY(fill(cx, door->engine, &body->options));
    body->options.settings = NULL; /* they live until the next reload */
    door->body = body;
    door->begin = door_session_begin;
    door->directory = door_session_directory;
    door->run = door_session_run;
    door->end = door_session_end;
    return ST_OK;
}

static void
use_key(Ctx *cx, Door *door, const SealKey *data_key)
{
    const Body *body = door->body;

    if (!body->engine.log || engine_seal_log(cx, door->engine, data_key) == ST_OK)
        return;
    log_report(LOG_WARNING, NULL, &cx->error, NULL);
    ctx_error_clear(cx);
}

/* ---- the processes of a data directory ----------------------------------------------------------------------------- */

static bool
rebuild(Ctx *cx, Door *door)
{
    const Body *body = door->body;

    engine_destroy(door->engine);
    door->engine = NULL;
    if (engine_create(cx, &body->engine, &door->engine) == ST_OK)
        return true;
    log_report(LOG_FATAL, NULL, &cx->error, NULL);
    return false;
}

static void
run_store(void *arg)
{
    const Body *body = arg;

    storage_run_store(body->door, &body->store);
}

static bool
store_started(void *arg, int pid)
{
    Body *body = arg;
    Status rc = storage_wait_store(body->cx, body->door, pid, &body->store_is_new);

    if (rc == ST_OK)
        return true;
    log_report(LOG_FATAL, NULL, &body->cx->error, NULL);
    return false;
}

static void
run_wal_writer(void *arg)
{
    const Body *body = arg;

    storage_run_wal_writer(body->door, &body->store);
}

static bool
is_new(void *arg)
{
    return ((const Body *)arg)->store_is_new;
}

/* A new directory gets its catalogs, now that commits come through. Without a log they last from the first checkpoint on. */
static Status
fill_store(Ctx *cx, Engine *engine, const Body *body)
{
    Status rc;

    TRY(fill(cx, engine, &body->options));
    if (!body->store.unlogged)
        return ST_OK;
    TRY(engine_attach(cx, engine));
    rc = engine_checkpoint(cx);
    engine_detach(cx);
    return rc;
}

static bool
make_catalogs(void *arg)
{
    const Body *body = arg;

    if (fill_store(body->cx, body->door->engine, body) == ST_OK)
        return true;
    if (strcmp(body->cx->error.sqlstate, "53100") == 0)
        fail_hint(body->cx, "Free some space and start the server again.");
    log_report(LOG_FATAL, NULL, &body->cx->error, NULL);
    return false;
}

enum { UPKEEP_FIRST_US = 2000000, URGENT_EVERY_US = 500000, LOCK_PATIENCE_US = 1000000 };

/* Upkeep may take minutes, and comes by here every now and then. */
static void
janitor_set_deadline(Ctx *cx)
{
    cx->deadline_us = env_mono_us(cx->env) + ENGINE_EXPIRE_MS * 1000;
}

/* Upkeep (which has a transaction) may be waiting for what a killed session holds: it ends, and goes on another time. */
static Status
janitor_poll(Ctx *cx)
{
    if ((atomic_load(cx->interrupt) & INTERRUPT_DEATH) && cx->txn != NULL)
        return fail(cx, ST_CANCELED, "57014", "a session was killed");
    if (atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)
        return fail(cx, ST_CLOSED, "57P01", "terminating the janitor");
    if (cx->deadline_us != 0 && env_mono_us(cx->env) >= cx->deadline_us) {
        engine_expire_follows(cx);
        janitor_set_deadline(cx);
    }
    return ST_OK;
}

static const CtxHooks janitor_hooks = {.poll = janitor_poll};

/* Not when upkeep has made way for somebody. */
static bool
is_worth_saying(const Ctx *cx)
{
    return strcmp(cx->error.sqlstate, "57014") != 0 && strcmp(cx->error.sqlstate, "57P01") != 0 &&
           strcmp(cx->error.sqlstate, "55P03") != 0;
}

/* Cleans up after dead sessions, keeps the id table short, vacuums and analyzes, until told to end. */
static void
run_janitor(void *arg)
{
    Body *body = arg;
    const Door *door = body->door;
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    UpkeepRound round = {0};
    uint64_t upkeep_us = env_mono_us(cx.env) + UPKEEP_FIRST_US, urgent_us = 0;
    bool is_short = false;

    arena_init(&arena, "janitor", NULL);
    arena_init(&errors, "janitor errors", NULL);
    seal_key_forget(body->options.data_key); /* pages and log are other processes' business */
    body->options.data_key = NULL;
    body->store.data_key = NULL;
    if (engine_attach_as(&cx, door->engine, PROC_JANITOR) != ST_OK) {
        log_report(LOG_ERROR, NULL, &cx.error, NULL);
        return;
    }
    cx.hooks = &janitor_hooks;
    engine_use_spare(&cx, true);
    lock_set_timeout(&cx, LOCK_PATIENCE_US);
    interrupt_watch(-1, cx.interrupt, proc_sem(cx.proc));
    while (!(atomic_load(cx.interrupt) & INTERRUPT_TERMINATE)) {
        uint32_t idle_ms = 1000, pause_ms = 0;

        atomic_fetch_and(cx.interrupt, ~(uint32_t)(INTERRUPT_WAKE | INTERRUPT_RELOAD | INTERRUPT_CANCEL));
        if (engine_janitor_step(&cx, &idle_ms) != ST_OK) {
            log_report(LOG_WARNING, "janitor", &cx.error, NULL);
            ctx_error_clear(&cx);
        }
        is_short |= engine_was_short(&cx);
        if (is_short && !round.urgent && env_mono_us(cx.env) >= urgent_us) {
            is_short = false;
            round.urgent = true;
            round.database = 0; /* from the beginning */
            upkeep_us = 0;
            urgent_us = env_mono_us(cx.env) + URGENT_EVERY_US;
        }
        if (env_mono_us(cx.env) >= upkeep_us) {
            janitor_set_deadline(&cx);
            if (janitor_upkeep_step(&cx, &round, &pause_ms) != ST_OK) {
                if (is_worth_saying(&cx))
                    log_report(LOG_WARNING, "janitor", &cx.error, NULL);
                ctx_error_clear(&cx);
            }
            cx.deadline_us = 0;
            upkeep_us = env_mono_us(cx.env) + (uint64_t)pause_ms * 1000;
            idle_ms = MIN_OF(idle_ms, pause_ms);
        }
        if (is_short && !round.urgent)
            idle_ms = MIN_OF(idle_ms, URGENT_EVERY_US / 1000);
        arena_reset(&arena);
        proc_set_wait(cx.proc, WAIT_JANITOR_MAIN);
        proc_sleep(&cx, cx.proc, env_mono_us(cx.env) + (uint64_t)idle_ms * 1000);
        proc_set_wait(cx.proc, WAIT_NONE);
    }
    interrupt_unwatch();
    janitor_upkeep_end(&cx, &round);
    engine_detach(&cx);
    arena_free(&arena);
    arena_free(&errors);
}

static int
workers(Ctx *cx, Door *door, PostmasterWorker out[POSTMASTER_WORKERS_MOST])
{
    Body *body = door->body;
    int count = 0;

    body->door = door;
    body->cx = cx;
    if (body->options.data_dir != NULL) {
        out[count++] = (PostmasterWorker){.name = "store",
                                          .arg = body,
                                          .run = run_store,
                                          .started = store_started,
                                          .vital = true,
                                          .stop_order = 2};
    }
    if (body->options.data_dir != NULL && !body->store.unlogged)
        out[count++] =
            (PostmasterWorker){.name = "walwriter", .arg = body, .run = run_wal_writer, .stop_order = 3};
    out[count++] = (PostmasterWorker){.name = "janitor",
                                      .arg = body,
                                      .needs = body->options.data_dir != NULL ? is_new : NULL,
                                      .prepare = make_catalogs,
                                      .run = run_janitor,
                                      .stop_order = 1};
    return count;
}

/* A store that is started later takes them as well. */
static void
reload(Door *door)
{
    Body *body = door->body;

    if (body->options.data_dir == NULL)
        return;
    storage_limits(door->settings, &body->store.limits);
    store_set_limits(door->engine, &body->store.limits);
}

const ServerBody server_body = {
    .create = create, .workers = workers, .rebuild = rebuild, .use_key = use_key, .reload = reload};
