/* engine.c - making the engine, and a session's coming and going.
 *
 * Creating maps the region and carves the parts; nothing of what is reserved is touched before it is
 * used, which is why a server in memory mode is ready in well under a millisecond. */
#include "storage/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "shmem/lock/lock_table.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "storage/engine/engine_shared.h"
#include "storage/store/page_direct.h"
#include "storage/store/store_process.h"
#include "storage/temp/temp_file.h"
#include "storage/txn/txn_log.h"
#include "storage/wal/page_check.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_solo.h"

enum { OID_FIRST = 16384, BRANCH_FIRST = 1, CARVE_SLACK_BYTES = 64 * 1024, SHARED_LEAST_BYTES = 64 << 20 };

static void
carve_engine(Region *region)
{
    EngineShared *s = region_carve(region, sizeof(EngineShared), 64);

    region->part[PART_ENGINE] = region_ref(region, s);
    atomic_init(&s->next_oid, OID_FIRST);
    latch_init(&s->branch_latch, LATCH_BRANCH);
    s->next_branch = BRANCH_FIRST; /* 0 is the shared one, which has no entry: it cannot be dropped */
}

/* False: no memory. */
static bool
keep_name(const char *name, char **out)
{
    *out = name != NULL ? strdup(name) : NULL;
    return name == NULL || *out != NULL;
}

Status
engine_create(Ctx *cx, const EngineOptions *options, Engine **out)
{
    RegionOptions want = {.limit_bytes = options->max_memory_bytes,
                          .frame_descriptor_bytes = sizeof(Frame) + sizeof(PageSpot),
                          .max_slots = options->max_slots};
    uint32_t page_frames = (uint32_t)(options->cache_bytes / PAGE_BYTES);
    Engine *engine = calloc(1, sizeof(*engine));
    Status rc;

    ASSERT(options->max_slots > 0);
    if (engine == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    want.part_bytes = proc_table_bytes(options->max_slots) + page_cache_bytes() + lock_table_bytes() +
                      txn_shared_bytes() + sizeof(EngineShared) + CARVE_SLACK_BYTES +
                      (options->log ? wal_shared_bytes(options->max_slots) : 0) + store_shared_bytes() +
                      (options->table_folder != NULL ? page_spots_bytes(page_frames) : 0);
    if (options->cache_bytes > 0 && want.limit_bytes == 0)
        want.limit_bytes = region_default_limit(cx);
    if (options->cache_bytes > 0)
        want.limit_bytes =
            MAX_OF(want.limit_bytes, options->cache_bytes + options->cache_bytes / 4 + SHARED_LEAST_BYTES);
    if (region_create(cx, &want, &engine->region) != ST_OK) {
        free(engine);
        return ST_NO_MEMORY;
    }
    engine->env = cx->env;
    engine->seal_temp = options->seal_temp;
    if (options->temp_folder != NULL) {
        engine->temp_folder = strdup(options->temp_folder);
        rc = engine->temp_folder == NULL ? fail(cx, ST_NO_MEMORY, "53200", "out of memory")
                                         : temp_folder_prepare(cx, options->temp_folder);
        if (rc != ST_OK) {
            engine_destroy(engine);
            return rc;
        }
    }
    if (!keep_name(options->table_folder, &engine->table_folder) ||
        !keep_name(options->log_folder, &engine->log_folder)) {
        engine_destroy(engine);
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    }
    proc_table_carve(engine->region, options->max_slots);
    engine->procs = region_part(engine->region, PART_PROC);
    page_cache_carve(engine->region);
    ((PageCache *)region_part(engine->region, PART_CACHE))->log_mode = options->check_redo ? PAGE_LOG_CHECK : 0;
    lock_table_carve(engine->region, options->deadlock_timeout_us);
    txn_shared_carve(engine->region, cx->env);
    carve_engine(engine->region);
    if (options->log)
        wal_shared_carve(engine->region, options->max_slots);
    store_shared_carve(engine->region);
    ((PageCache *)region_part(engine->region, PART_CACHE))->page_frames = page_frames;
    if (options->table_folder != NULL)
        page_spots_carve(engine->region, page_frames);
    engine->start_us = engine_wall_us(engine);
    *out = engine;
    return ST_OK;
}

void
engine_destroy(Engine *engine)
{
    if (engine == NULL)
        return;
    region_destroy(engine->region);
    free(engine->temp_folder);
    free(engine->table_folder);
    free(engine->log_folder);
    if (engine->log_sealing != NULL)
        wal_sealing_close(engine->log_sealing);
    free(engine->log_sealing);
    free(engine);
}

Status
engine_seal_log(Ctx *cx, Engine *engine, const SealKey *data_key)
{
    WalSealing *sealing = malloc(sizeof(*sealing));
    Status rc;

    ASSERT(engine->log_sealing == NULL);
    rc = sealing == NULL ? fail(cx, ST_NO_MEMORY, "53200", "out of memory")
                         : wal_sealing_open(cx, data_key, sealing);
    if (rc != ST_OK) {
        free(sealing);
        return rc;
    }
    engine->log_sealing = sealing;
    return ST_OK;
}

const char *
engine_temp_folder(const Engine *engine)
{
    return engine->temp_folder;
}

bool
engine_seals_temp(const Engine *engine)
{
    return engine->seal_temp;
}

Status
engine_attach_as(Ctx *cx, Engine *engine, ProcKind kind)
{
    Proc *proc;

    ASSERT(cx->proc == NULL);
    TRY(proc_claim(cx, engine->procs, kind, &proc));
    cx->engine = engine;
    cx->proc = proc;
    cx->interrupt = &proc->interrupt;
    if (cx->arena->budget != NULL) { /* C5; whatever it has used so far is counted from now on */
        Budget *b = cx->arena->budget;

        b->shared_used_bytes = &engine->region->used_bytes;
        b->shared_limit_bytes = &engine->region->limit_bytes;
        b->slot_used_bytes = &proc->private_bytes;
        b->slot_critical = &proc->critical;
        proc_instant_enter(proc); /* C1: counted and noted, or neither */
        atomic_fetch_add(b->shared_used_bytes, b->used_bytes);
        atomic_fetch_add(b->slot_used_bytes, b->used_bytes);
        proc_instant_leave(proc);
    }
    invalidation_start(proc);
    if (cache_log_mode(page_cache(proc)) & PAGE_LOG_CHECK)
        cx->page_check = page_check_open();
    if (engine->table_folder != NULL && (kind == PROC_BACKEND || kind == PROC_JANITOR))
        cx->page_reader = page_direct_open(engine->table_folder);
    if (engine->log_folder != NULL && kind == PROC_BACKEND)
        cx->wal_solo = wal_solo_open(engine->log_folder, engine->log_sealing);
    if (txn_session_open(cx) != ST_OK) {
        engine_detach(cx);
        return ST_NO_MEMORY;
    }
    return ST_OK;
}

void
engine_rest(Ctx *cx)
{
    page_direct_rest(cx);
    wal_solo_rest(cx);
}

bool
engine_has_files(const Ctx *cx)
{
    return cx->proc != NULL && atomic_load_explicit(&cx->proc->files_open, memory_order_relaxed) != 0;
}

Status
engine_attach(Ctx *cx, Engine *engine)
{
    return engine_attach_as(cx, engine, PROC_BACKEND);
}

void
engine_detach(Ctx *cx)
{
    Proc *proc = cx->proc;

    if (proc == NULL)
        return;
    if (cx->txn != NULL)
        txn_abort(cx);
    txn_session_close(cx);
    page_check_close(cx->page_check);
    cx->page_check = NULL;
    page_direct_close(cx, cx->page_reader);
    cx->page_reader = NULL;
    wal_solo_close(cx, cx->wal_solo);
    cx->wal_solo = NULL;
    atomic_store(&proc->snapshot_csn, 0);
    lock_release_all(cx, LOCK_SPAN_BRIEF);
    lock_release_all(cx, LOCK_SPAN_SESSION);
    lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    lock_stash_release(cx);
    frame_stash_release(proc);
    memset(proc->rel_cache, 0, sizeof(proc->rel_cache));
    rel_counts_flush(proc);
    branch_add_counters(cx, proc);
    proc->lock_timeout_us = proc->deadlock_timeout_us = 0;
    if (cx->arena->budget != NULL) {
        Budget *b = cx->arena->budget;

        proc_instant_enter(proc); /* C1: the janitor would take off again what is still noted */
        atomic_fetch_sub(&cx->engine->region->used_bytes, b->used_bytes);
        atomic_store(&proc->private_bytes, 0);
        proc_instant_leave(proc);
        b->shared_used_bytes = NULL;
        b->shared_limit_bytes = NULL;
        b->slot_used_bytes = NULL;
        b->slot_critical = NULL;
    }
    proc->log_asynchronous = false;
    atomic_store(&proc->private_bytes, 0);
    cx->interrupt = NULL;
    cx->proc = NULL;
    cx->engine = NULL;
    proc_release(proc);
}

int64_t
engine_wall_us(Engine *engine)
{
    return (int64_t)txn_clock_us(&((TxnShared *)region_part(engine->region, PART_TXN))->clock, engine->env);
}

int64_t
engine_start_us(Engine *engine)
{
    return engine->start_us;
}

Status
engine_checkpoint(Ctx *cx)
{
    return cache_has_store(page_cache(cx->proc)) ? store_checkpoint(cx) : ST_OK;
}

ProcTable *
proc_table(struct Engine *engine)
{
    return engine->procs;
}

_Atomic uint64_t *
engine_used_bytes(Engine *engine)
{
    return &engine->region->used_bytes;
}

static bool
reclaim(void *arg, uint64_t bytes)
{
    Ctx *cx = arg;

    if (frame_give_back(cx, bytes))
        return true;
    frame_report_shortage(cx->proc);
    return false;
}

void
engine_budget_init(Ctx *cx, Budget *budget)
{
    *budget = (Budget){.shared_used_bytes = &cx->engine->region->used_bytes,
                       .shared_limit_bytes = &cx->engine->region->limit_bytes,
                       .slot_used_bytes = &cx->proc->private_bytes,
                       .slot_critical = &cx->proc->critical,
                       .reclaim = reclaim,
                       .reclaim_arg = cx};
}

void
engine_use_spare(Ctx *cx, bool yes)
{
    cx->proc->uses_spare = yes;
}

void
engine_report_shortage(Ctx *cx)
{
    frame_report_shortage(cx->proc);
}

bool
engine_was_short(Ctx *cx)
{
    _Atomic uint32_t *was_short = &cx->engine->region->was_short;

    return atomic_load_explicit(was_short, memory_order_relaxed) != 0 && atomic_exchange(was_short, 0) != 0;
}

uint32_t
engine_next_oid(Ctx *cx)
{
    uint32_t oid = atomic_fetch_add(&engine_shared(cx->engine)->next_oid, 1);

    txn_log_oid(cx, oid);
    return oid;
}
