/* store_process.c - see store_process.h. */
#include "storage/store/store_process.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fault.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/stop_point.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"
#include "storage/branch/page_own.h"
#include "storage/engine/engine_shared.h"
#include "storage/engine/engine_log.h"
#include "storage/heap/heap_resolve.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/store/checkpoint.h"
#include "storage/store/store_fault.h"
#include "storage/store/store_safe.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    READERS = 3,
    READ_PAGES = 8, /* that one reader takes at a time: the others may help */
    NAP_US = 200 * 1000,
    WAIT_NAP_US = 100 * 1000,
    PUBLISH_US = 1000 * 1000,
    COPY_TRIES_AT_STOP = 5,
    FULL_LOG_BYTES = 1 << 20, /* a checkpoint is worth it */
    LOOK_US = 250 * 1000, /* at the space that is left */
    RETRY_US = 1000 * 1000, /* after the disk was full */
    OPEN_BYTES = 2 << 20, /* without so much free space the store is not opened */
    RESERVE_BYTES = 2 << 20, /* for what the store writes besides pages */
};

uint64_t
store_shared_bytes(void)
{
    return sizeof(StoreShared) + 64;
}

void
store_shared_carve(Region *region)
{
    region->part[PART_STORE] = region_ref(region, region_carve(region, sizeof(StoreShared), 64));
}

StoreShared *
store_shared(const Engine *engine)
{
    return region_part(engine->region, PART_STORE);
}

/* One process; its threads share it. */
typedef struct StoreProcess {
    Engine *engine;
    const StoreSettings *settings;
    PageStore *store;
    StoreSuper super;
    char wal_path[4096];
    WalDir wal;
    _Atomic uint32_t stop_readers; /* atomic */
    _Atomic uint32_t stop_cleaner; /* atomic */
    _Atomic uint32_t
        first_checkpoint; /* atomic: 1 = the cleaner is to make one, and says that the store is ready */
    _Atomic bool failed; /* atomic */
} StoreProcess;

void
store_set_limits(const Engine *engine, const StoreLimits *limits)
{
    StoreShared *shared = store_shared(engine);
    uint64_t words[COUNT_OF(shared->limits)];

    memcpy(words, limits, sizeof(words));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        atomic_store(&shared->limits[i], words[i]);
}

void
store_get_limits(const Engine *engine, StoreLimits *out)
{
    const StoreShared *shared = store_shared(engine);
    uint64_t words[COUNT_OF(shared->limits)];

    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = atomic_load(&shared->limits[i]);
    memcpy(out, words, sizeof(words));
}

static StoreLimits
limits_of(const StoreProcess *p)
{
    StoreLimits limits;

    store_get_limits(p->engine, &limits);
    return limits;
}

/* A context for one thread. */
typedef struct Worker {
    StoreProcess *process;
    Arena arena, errors;
    Ctx cx;
} Worker;

static Status
worker_begin(Worker *w, StoreProcess *process)
{
    w->process = process;
    arena_init(&w->arena, "store", NULL);
    arena_init(&w->errors, "store errors", NULL);
    w->cx = (Ctx){.arena = &w->arena, .error_arena = &w->errors, .env = process->engine->env};
    return engine_attach_as(&w->cx, process->engine, PROC_OTHER);
}

static void
worker_end(Worker *w)
{
    engine_detach(&w->cx);
    arena_free(&w->arena);
    arena_free(&w->errors);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Would the page be the origin's if the branch has none of its own? */
static bool
is_linked(Ctx *cx, const Frame *f)
{
    const CacheRel *rel = cache_rel(cx, f->branch, f->relation);

    return rel != NULL && rel->origin != SHM_REF_NONE && f->fork == FORK_MAIN && f->block < rel->linked;
}

/* B3: an older image, from the newest that was stored back to the one that counts, by exact keys. */
static void
read_old(Ctx *cx, PageStore *store, uint32_t frame_no)
{
    PageCache *cache = page_cache(cx->proc);
    const Frame *f = cache_frame(cache, frame_no);
    char *page = cache_frame_bytes(cache, frame_no);
    PageOldImage image;
    StoreRead read = {.page = page};
    Status rc;

    memcpy(&image, page, sizeof(image));
    read.id = (PageId){.branch = image.branch, .relation = f->relation, .block = f->block, .fork = f->fork};
    read.epoch = image.at;
    do {
        rc = store->methods->read(cx, store, &read, 1);
        if (rc != ST_OK || read.found != STORE_FOUND || page_header_const(page)->epoch <= image.epoch)
            break;
        if (page_header_const(page)->prev_epoch >= read.epoch) {
            read.found = STORE_DAMAGED; /* the way back leads nowhere */
            break;
        }
        read.epoch = page_header_const(page)->prev_epoch;
    } while (read.epoch != 0);
    if (rc == ST_OK &&
        read.epoch == 0) { /* there was no such page then: like one that was added and never used */
        memset(page, 0, PAGE_BYTES);
        read.found = STORE_FOUND;
    }
    if (rc == ST_OK)
        rc = frame_reserve(cx, 1, true); /* page_adopt may keep one */
    if (rc != ST_OK || read.found != STORE_FOUND) {
        if (rc != ST_OK)
            log_report(LOG_ERROR, "store", &cx->error, NULL);
        log_line(LOG_ERROR,
                 "an older image of page %u of relation %u is not in the store (branch %u, epoch %llu)",
                 f->block, f->relation, image.branch, (unsigned long long)read.epoch);
        ctx_error_clear(cx);
        page_io_done(cx->proc, frame_no, rc != ST_OK ? IO_ERROR : IO_DAMAGED);
        return;
    }
    page_adopt(cx, frame_no, image.cap);
    page_io_done(cx->proc, frame_no, IO_IDLE);
}

static void
finish_read(Ctx *cx, const StoreRead *read, uint32_t frame_no)
{
    PageCache *cache = page_cache(cx->proc);
    Frame *f = cache_frame(cache, frame_no);
    Xid raw;

    switch (read->found) {
    case STORE_FOUND: f->stored_raw = heap_least_raw(cx, read->page); break;
    case STORE_MISSING:
        if (is_linked(cx, f)) {
            page_io_linked(cx, frame_no);
            return;
        }
        memset(read->page, 0, PAGE_BYTES);
        break; /* added, and never written since */
    case STORE_DAMAGED:
        if (read->id.fork == FORK_FREESPACE) { /* hints, which heal (B7) */
            memset(read->page, 0, PAGE_BYTES);
            break;
        }
        log_line(LOG_ERROR, "page %u of relation %u is damaged (branch %u, fork %u)", read->id.block,
                 read->id.relation, read->id.branch, read->id.fork);
        page_io_done(cx->proc, frame_no, IO_DAMAGED);
        return;
    }
    raw = f->stored_raw;
    page_io_done(cx->proc, frame_no, IO_IDLE); /* from here on the frame may be anybody's */
    if (raw != 0)
        page_list_raw(cx, frame_no, read->id, raw);
}

void
store_serve_reads(Ctx *cx, PageStore *store)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t frames[READ_PAGES];
    uint32_t count = page_io_take(cx->proc, frames, READ_PAGES, NAP_US);

    for (uint32_t i = 0; i < count; i++) { /* one by one: whoever waits for the first goes on */
        const Frame *f = cache_frame(cache, frames[i]);
        StoreRead read = {
            .id = {.branch = f->branch, .relation = f->relation, .block = f->block, .fork = f->fork},
            .page = cache_frame_bytes(cache, frames[i])};

        if ((atomic_load(&f->io) & ~(uint32_t)IO_WAITED) == IO_LOADING_OLD) {
            read_old(cx, store, frames[i]);
        } else if (store->methods->read(cx, store, &read, 1) == ST_OK) {
            finish_read(cx, &read, frames[i]);
        } else {
            log_report(LOG_ERROR, "store", &cx->error, NULL);
            page_io_done(cx->proc, frames[i], IO_ERROR);
        }
        ctx_error_clear(cx);
    }
}

static void *
reader(void *arg)
{
    Worker w;

    if (worker_begin(&w, arg) != ST_OK) {
        log_report(LOG_FATAL, "store", &w.cx.error, NULL);
        abort();
    }
    while (atomic_load(&w.process->stop_readers) == 0)
        store_serve_reads(&w.cx, w.process->store);
    worker_end(&w);
    return NULL;
}

static void
set_state(StoreProcess *p, StoreState state)
{
    StoreShared *shared = store_shared(p->engine);

    atomic_store(&shared->state, state);
    futex_wake(&shared->state, INT32_MAX);
}

/* ---- cleaning ---------------------------------------------------------------------------------------------------- */

typedef struct Cleaner {
    StoreProcess *process;
    Checkpointer checkpointer;
    PageWriter writer;
    uint32_t hand; /* of the clock */
    uint64_t look_us; /* when to look at the space that is left */
    uint64_t retry_us; /* the disk was full: when to write again; 0 = it is not */
    bool failed; /* the last checkpoint, or a write since; then the next is tried soon */
    uint64_t published_us;
} Cleaner;

/* ---- a full disk -------------------------------------------------------------------------------------------------
 *
 * What is changed in memory needs room in the store sooner or later, or there is no checkpoint and no end of the log. So
 * changes are refused while there is not room for what is changed already; and when a write has failed all the same,
 * because somebody else took the space. Pages that are dirty then stay in memory, others come and go. */

static void
say_full(Ctx *cx, const char *why)
{
    atomic_store(&page_cache(cx->proc)->store_full, 1);
    if (!wal_is_on(cx->proc)) /* then nobody is refused before memory is full */
        log_line(LOG_ERROR, "%s", why);
    else if (wal_note_full(cx->proc, WAL_FULL_STORE, true))
        log_line(LOG_ERROR, "%s; statements that change something are refused until there is space", why);
}

/* After a failure. ST_OK: it was lack of space, and passes. */
static Status
pass_full(Ctx *cx, Cleaner *c, Status rc)
{
    if (rc == ST_OK || strcmp(cx->error.sqlstate, "53100") != 0)
        return rc;
    say_full(cx, cx->error.message);
    ctx_error_clear(cx);
    c->retry_us = env_mono_us(cx->env) + RETRY_US;
    c->failed = true;
    return ST_OK;
}

static bool
is_stalled(Ctx *cx, const Cleaner *c)
{
    return c->retry_us != 0 && env_mono_us(cx->env) < c->retry_us;
}

/* What would have to be written if there was a checkpoint now, at most. */
static uint64_t
bytes_to_write(Ctx *cx, const Cleaner *c)
{
    const PageCache *cache = page_cache(cx->proc);
    PageStore *store = c->process->store;
    uint64_t pages = 0;
    StoreStats stats;

    for (uint32_t no = 1; no < cache->high; no++) {
        const Frame *f = cache_frame(cache, no);

        pages += atomic_load_explicit(&f->use, memory_order_relaxed) == FRAME_PAGE && f->dirty;
    }
    store->methods->stats(cx, store, &stats);
    return pages * STORE_PAGE_VALUE_BYTES + stats.memory_bytes;
}

static void
look_at_space(Ctx *cx, Cleaner *c)
{
    const PageCache *cache = page_cache(cx->proc);
    struct statvfs disk;
    uint64_t available, need;

    if (env_mono_us(cx->env) < c->look_us)
        return;
    c->look_us = env_mono_us(cx->env) + LOOK_US;
    if (!wal_is_on(cx->proc) && !c->failed)
        atomic_store(&page_cache(cx->proc)->store_full, 0);
    if (!wal_is_on(cx->proc) || statvfs(c->process->wal_path, &disk) != 0)
        return;
    available = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (available > (uint64_t)cache->high * PAGE_BYTES * 2 + (UINT64_C(1) << 30)) /* however much is dirty */
        need = 0;
    else
        need =
            bytes_to_write(cx, c) + WAL_SEGMENT_BYTES + RESERVE_BYTES; /* the log takes a segment at a time */
    if (available < need) {
        say_full(cx, "there is hardly room for the pages that have been changed: no space left on device");
    } else if (available >= need + need / 4 && !c->failed) {
        atomic_store(&page_cache(cx->proc)->store_full, 0);
        if (wal_note_full(cx->proc, WAL_FULL_STORE, false))
            log_line(LOG_INFO, "there is space for pages again");
    }
}

/* The next frame to look at: what scans have left, then where the hand points. */
static uint32_t
next_candidate(Cleaner *c, PageCache *cache, uint32_t *place)
{
    while (*place < CACHE_LEFT_MOST) {
        uint32_t no = page_left_take(cache, (*place)++);

        if (no != 0 && atomic_load_explicit(&cache_frame(cache, no)->used, memory_order_relaxed) == 0)
            return no;
    }
    c->hand = c->hand + 1 < cache->high ? c->hand + 1 : 1;
    return c->hand;
}

/* Frees frames until there are enough, or as many rounds as a page can stay have found none. Dirty ones are written on the
 * way. */
static Status
clean(Ctx *cx, Cleaner *c)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t missing = page_free_missing(cache), freed = 0, waiting[PAGE_WRITER_PAGES], waiting_count = 0,
             place = 0;
    uint64_t steps = (uint64_t)cache->high * (FRAME_USED_MOST + 2);

    while (missing > 0 && freed < missing && steps-- > 0) {
        uint32_t no = next_candidate(c, cache, &place);

        switch (page_evict(cx, no)) {
        case EVICT_DONE: freed++; break;
        case EVICT_DIRTY:
            if (is_stalled(cx, c))
                break;
            TRY(page_writer_add(cx, &c->writer, no));
            if (c->writer.count > 0)
                waiting[waiting_count++] = no;
            break;
        case EVICT_BUSY:
        case EVICT_USED: break;
        }
        if (waiting_count == PAGE_WRITER_PAGES || (waiting_count > 0 && c->writer.count == 0)) {
            TRY(page_writer_apply(cx, &c->writer));
            while (waiting_count > 0)
                freed += page_evict(cx, waiting[--waiting_count]) == EVICT_DONE;
            page_cleaner_announce(cache);
        }
    }
    TRY(page_writer_apply(cx, &c->writer));
    while (waiting_count > 0)
        freed += page_evict(cx, waiting[--waiting_count]) == EVICT_DONE;
    if (freed > 0)
        page_cleaner_announce(cache);
    return ST_OK;
}

static Status
clean_between(Ctx *cx, void *arg)
{
    look_at_space(cx, arg);
    return clean(cx, arg);
}

/* For system_stats. */
static void
publish(Ctx *cx, Cleaner *c)
{
    StoreShared *shared = store_shared(c->process->engine);
    StoreStats stats;

    c->process->store->methods->stats(cx, c->process->store, &stats);
    atomic_store(&shared->pages_cleaned, c->writer.pages_written);
    atomic_store(&shared->pages_written, c->checkpointer.writer.pages_written);
    atomic_store(&shared->file_bytes, stats.file_bytes);
    atomic_store(&shared->memory_bytes, stats.memory_bytes);
    atomic_store(&shared->level0_files, stats.level0_files);
    atomic_store(&shared->debt_bytes, stats.debt_bytes);
    c->published_us = env_mono_us(cx->env);
}

/* Somebody waits for the next checkpoint, or for the end; or the log has become as large as it may. */
static bool
is_urgent(Ctx *cx, void *arg)
{
    const Cleaner *c = arg;
    const StoreProcess *p = c->process;
    StoreShared *shared = store_shared(p->engine);

    return atomic_load(&p->stop_cleaner) != 0 ||
           atomic_load(&shared->checkpoint_wanted) != atomic_load(&shared->checkpoint_done) ||
           (!p->settings->unlogged &&
            wal_position(cx->proc) - c->checkpointer.super.redo > limits_of(p).max_wal_bytes);
}

/* S4. What is in the store is this checkpoint until it has been copied: so nothing else is done before that has worked. */
static Status
make_copy(Ctx *cx, const StoreProcess *p)
{
    for (uint32_t tries = 1;; tries++) {
        Status rc = store_safe_make(cx, p->store, p->settings->data_dir);

        if (rc != ST_IO || (atomic_load(&p->stop_cleaner) != 0 && tries >= COPY_TRIES_AT_STOP))
            return rc;
        log_report(LOG_ERROR, "checkpoint", &cx->error, NULL);
        ctx_error_clear(cx);
        page_cleaner_sleep(cx->proc, PUBLISH_US);
    }
}

static Status
checkpoint(Ctx *cx, Cleaner *c, uint64_t spread_us, bool clean_stop)
{
    StoreProcess *p = c->process;
    StoreShared *shared = store_shared(p->engine);
    uint64_t start_us = env_mono_us(cx->env);

    TRY(checkpoint_run(cx, &c->checkpointer, spread_us, clean_stop));
    atomic_store(&shared->redo, c->checkpointer.super.redo);
    if (p->settings->unlogged) {
        TRY(make_copy(cx, p));
        TRY(wal_segments_remove(cx, &p->wal)); /* of a run with a log */
    } else {
        TRY(wal_segments_recycle(cx, &p->wal, c->checkpointer.readable, wal_position(cx->proc),
                                 clean_stop || wal_disk_is_full(cx->proc)
                                     ? 1
                                     : (uint32_t)(limits_of(p).min_wal_bytes / WAL_SEGMENT_BYTES)));
    }
    atomic_fetch_add(&shared->write_us, c->checkpointer.write_us);
    atomic_fetch_add(&shared->sync_us, c->checkpointer.sync_us);
    atomic_store(&shared->last_us, env_mono_us(cx->env) - start_us);
    publish(cx, c);
    log_line(
        limits_of(p).log_checkpoints != 0 ? LOG_INFO : LOG_DEBUG,
        "checkpoint complete: %llu pages in %llu ms, %llu ms of them to make them durable; log from %llx on",
        (unsigned long long)c->checkpointer.page_count,
        (unsigned long long)((c->checkpointer.write_us + c->checkpointer.sync_us) / 1000),
        (unsigned long long)(c->checkpointer.sync_us / 1000), (unsigned long long)c->checkpointer.super.redo);
    return ST_OK;
}

/* Is a checkpoint due, and how much time has it? */
static bool
is_due(Ctx *cx, const Cleaner *c, uint64_t last_us, uint64_t *spread_us, uint32_t *asked)
{
    const StoreProcess *p = c->process;
    StoreShared *shared = store_shared(p->engine);
    Lsn redo = c->checkpointer.super.redo, now = wal_position(cx->proc);

    *asked = atomic_load(&shared->checkpoint_wanted);
    *spread_us = 0;
    if (*asked != atomic_load(&shared->checkpoint_done))
        return true;
    if (!p->settings->unlogged && now - redo > limits_of(p).max_wal_bytes / 2) {
        *spread_us = MIN_OF(limits_of(p).checkpoint_timeout_us / 4, UINT64_C(30000000));
        return true;
    }
    *spread_us = limits_of(p).checkpoint_timeout_us / 100 * limits_of(p).spread_percent;
    if (wal_disk_is_full(cx->proc)) { /* the log it frees may be what is missing */
        *spread_us = 0;
        return (c->failed || now - redo >= FULL_LOG_BYTES) && env_mono_us(cx->env) - last_us >= RETRY_US;
    }
    if (p->settings->unlogged) /* places do not move by themselves */
        now =
            atomic_load(&txn_shared(cx->proc)->visible_csn) != c->checkpointer.super.last_csn ? redo + 1 : redo;
    return now != redo && env_mono_us(cx->env) - last_us >= limits_of(p).checkpoint_timeout_us;
}

/* Those who wait for one learn how it went. */
static void
tell_waiters(StoreShared *shared, uint32_t asked, bool failed)
{
    bool wanted = asked != atomic_load(&shared->checkpoint_done);

    atomic_fetch_add(wanted ? &shared->checkpoints_asked : &shared->checkpoints_timed, 1);
    if (failed)
        atomic_store(&shared->checkpoint_failed, asked + 1);
    atomic_store(&shared->checkpoint_done, asked);
    atomic_fetch_add(&shared->checkpoint_bell, 1);
    futex_wake(&shared->checkpoint_bell, INT32_MAX);
}

/* What recovery has found is where the first checkpoint begins. */
static void
follow_recovery(Cleaner *c)
{
    if (c->checkpointer.super.version != 0)
        return;
    c->checkpointer.super = c->process->super;
    c->checkpointer.id_from = c->process->super.trimmed;
}

static Status
clean_and_checkpoint(Ctx *cx, Cleaner *c)
{
    StoreProcess *p = c->process;
    StoreShared *shared = store_shared(p->engine);
    uint64_t last_us = env_mono_us(cx->env);

    while (atomic_load(&p->stop_cleaner) == 0) {
        uint64_t spread_us;
        uint32_t asked;

        look_at_space(cx, c);
        if (!is_stalled(cx, c))
            c->retry_us = 0;
        TRY(pass_full(cx, c, clean(cx, c)));
        if (atomic_load(&shared->state) == STORE_STATE_READY)
            follow_recovery(c);
        if (atomic_exchange(&p->first_checkpoint, 0) != 0) { /* S4: before anybody changes anything */
            c->checkpointer.super = p->super;
            c->checkpointer.id_from = p->super.trimmed;
            TRY(checkpoint(cx, c, 0, false));
            set_state(p, STORE_STATE_READY);
        }
        if (c->checkpointer.super.version != 0 && is_due(cx, c, last_us, &spread_us, &asked)) {
            Status rc = is_stalled(cx, c) ? fail(cx, ST_IO, "53100", "no space left on device")
                                          : checkpoint(cx, c, spread_us, false);
            bool failed = rc != ST_OK;

            if (failed && (!is_stalled(cx, c) || asked != atomic_load(&shared->checkpoint_done)))
                log_line(LOG_WARNING, "checkpoint failed, and will be tried again: %s", cx->error.message);
            TRY(pass_full(cx, c, rc));
            c->failed = failed;
            last_us = env_mono_us(cx->env);
            tell_waiters(shared, asked, failed);
        }
        if (env_mono_us(cx->env) - c->published_us >= PUBLISH_US)
            publish(cx, c);
        arena_reset(cx->arena);
        if (page_free_missing(page_cache(cx->proc)) == 0 ||
            atomic_load(&page_cache(cx->proc)->free_sleepers) == 0)
            page_cleaner_sleep(cx->proc, MIN_OF((uint64_t)NAP_US, limits_of(p).checkpoint_timeout_us));
    }
    follow_recovery(c);
    c->retry_us = 0;
    TRY(pass_full(cx, c, checkpoint(cx, c, 0, true)));
    if (c->retry_us != 0) {
        log_line(LOG_WARNING, "there was no space for the last checkpoint: the next start does the log again");
        return ST_OK;
    }
    return p->settings->unlogged ? store_safe_forget(cx, p->settings->data_dir) : ST_OK;
}

static void *
cleaner(void *arg)
{
    StoreProcess *p = arg;
    Cleaner c = {.process = p};
    Worker w;
    Status rc = worker_begin(&w, p);

    if (rc == ST_OK)
        rc = page_writer_open(&w.cx, p->store, &c.writer);
    c.checkpointer =
        (Checkpointer){.store = p->store, .between = clean_between, .is_urgent = is_urgent, .arg = &c};
    if (rc == ST_OK)
        rc = page_writer_open(&w.cx, p->store, &c.checkpointer.writer);
    if (rc == ST_OK)
        rc = clean_and_checkpoint(&w.cx, &c);
    if (rc != ST_OK) {
        /* What is in memory can not be brought to the store: the log has it, so the way back is recovery. */
        log_report(LOG_FATAL, "store", &w.cx.error, NULL);
        abort();
    }
    page_writer_close(&w.cx, &c.writer);
    page_writer_close(&w.cx, &c.checkpointer.writer);
    worker_end(&w);
    return NULL;
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

static Status
write_super(Ctx *cx, StoreProcess *p, bool flush)
{
    StoreBatch *batch = store_batch_new();
    Status rc;

    if (batch == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    store_super_put(batch, &p->super);
    rc = p->store->methods->apply(cx, p->store, batch);
    if (rc == ST_OK && flush)
        rc = p->store->methods->flush(cx, p->store);
    store_batch_free(batch);
    return rc;
}

/* The superblock is written before the first word of the log: a log without one means that the store is not what it was. It is
 * asked before RocksDB makes a new store, and takes the old one's files for rubbish. */
static Status
expect_store(Ctx *cx, const StoreProcess *p, bool is_there)
{
    WalDir dir = {.path = p->wal_path};
    Lsn first, last;

    TRY(wal_segments_range(cx, &dir, &first, &last));
    if (is_there || first == 0)
        return ST_OK;
    (void)fail(cx, ST_CORRUPT, "XX001", "there is no page store in \"%s/pages\", but there is a log in \"%s\"",
               p->settings->data_dir, p->wal_path);
    fail_hint(cx, "Restore the directory from a copy.");
    return ST_CORRUPT;
}

static Status
open_store(Ctx *cx, StoreProcess *p)
{
    StoreOptions options = {.path = arena_printf(cx->arena, "%s/pages", p->settings->data_dir),
                            .compression = p->settings->compression,
                            .data_key = p->settings->data_key,
                            .background_threads = 2};
    bool found, restored;

    TRY(store_safe_restore(cx, p->settings->data_dir, &restored));
    if (restored)
        log_line(LOG_WARNING, "the server wrote no log and was not stopped in good order: everything is as of "
                              "its last checkpoint");
    snprintf(p->wal_path, sizeof(p->wal_path), "%s/wal", p->settings->data_dir);
    if (mkdir(p->wal_path, 0700) != 0 && errno != EEXIST)
        return fail(cx, ST_IO, "58030", "could not create folder \"%s\": %s", p->wal_path, strerror(errno));
    TRY(expect_store(cx, p, access(arena_printf(cx->arena, "%s/CURRENT", options.path), F_OK) == 0));
    TRY(store_rocks_open(cx, &options, &p->store));
    if (fault_board != NULL && (p->store = store_fault_wrap(p->store)) == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    TRY(store_super_read(cx, p->store, &p->super, &found));
    if (found)
        return store_meta_load(cx, p->store, &p->super);
    TRY(expect_store(cx, p, false));
    p->super = (StoreSuper){.version = STORE_FORMAT_VERSION,
                            .incarnation = 1,
                            .redo = WAL_FIRST_LSN,
                            .trimmed = XID_FIRST,
                            .next_xid = XID_FIRST,
                            .next_oid = atomic_load(&engine_shared(cx->engine)->next_oid),
                            .next_relation = atomic_load(&page_cache(cx->proc)->rels.next_relation),
                            .next_branch = engine_shared(cx->engine)->next_branch,
                            .epoch = atomic_load(&page_cache(cx->proc)->epoch)};
    if (!cx->env->random(cx->env, &p->super.system_id, sizeof(p->super.system_id)))
        return fail(cx, ST_IO, "58030", "the system gives no random numbers");
    return write_super(cx, p, true); /* before the first word of the log: it says whose it is */
}

/* Opening the store and doing the log again need some room. Without it the server would have to refuse, and after a crash
 * nobody would start it again when there is space. */
static Status
wait_for_space(Ctx *cx, const StoreProcess *p)
{
    bool told = false;
    struct statvfs disk;

    while (statvfs(p->settings->data_dir, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < OPEN_BYTES) {
        if (!told)
            log_line(LOG_ERROR, "there is no space left in \"%s\": the server waits until there is",
                     p->settings->data_dir);
        told = true;
        if (atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)
            return fail(cx, ST_IO, "53100", "there is no space left in \"%s\"", p->settings->data_dir);
        proc_sleep(cx, cx->proc, env_mono_us(cx->env) + RETRY_US);
    }
    return ST_OK;
}

static void
refuse(StoreProcess *p, const ErrorInfo *error)
{
    StoreShared *shared = store_shared(p->engine);

    snprintf(shared->reason, sizeof(shared->reason), "%s", error->message);
    memcpy(shared->sqlstate, error->sqlstate, sizeof(shared->sqlstate));
    set_state(p, STORE_STATE_REFUSED);
}

static Status
recover(Ctx *cx, StoreProcess *p)
{
    RecoverResult result;

    p->wal = (WalDir){.path = p->wal_path,
                      .system_id = p->super.system_id,
                      .incarnation = p->super.incarnation,
                      .data_key = p->settings->data_key};
    TRY((p->settings->unlogged ? engine_start_unlogged : engine_start_log)(cx, &p->wal, p->super.redo,
                                                                           p->super.durable, &result));
    if (!p->super.clean || result.changes > 0)
        rel_empty_unlogged(cx);
    if (p->super.clean) { /* from now on it is not; durable no later than the first page of this run */
        p->super.clean = 0;
        TRY(write_super(cx, p, false));
    }
    atomic_store(&store_shared(p->engine)->redo, p->super.redo);
    /* Also when the first transaction, which makes the catalogs, never came to its end. */
    atomic_store(&store_shared(p->engine)->is_new, atomic_load(&page_cache(cx->proc)->rels.count) == 0);
    return ST_OK;
}

static Status
run(Ctx *cx, StoreProcess *p)
{
    StoreShared *shared = store_shared(p->engine);
    pthread_t readers[READERS], cleaning;

    set_state(p, STORE_STATE_RECOVERING);
    TRY(wait_for_space(cx, p));
    TRY(open_store(cx, p));
    shared->system_id = p->super.system_id;
    shared->incarnation = p->super.incarnation;
    atomic_store(&shared->redo, p->super.redo);
    for (int i = 0; i < READERS; i++) {
        if (pthread_create(&readers[i], NULL, reader, p) != 0)
            return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread of the store");
    }
    if (pthread_create(&cleaning, NULL, cleaner, p) != 0)
        return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread of the store");
    TRY(recover(cx, p));
    atomic_store(&p->stop_readers, 0); /* orders: frames that recovery had looked into may get pages now */
    if (p->settings->unlogged) {
        atomic_store(&p->first_checkpoint, 1);
        page_cleaner_wake(page_cache(cx->proc));
    } else {
        set_state(p, STORE_STATE_READY);
    }
    while (!(atomic_load(cx->interrupt) & INTERRUPT_TERMINATE))
        proc_sleep(cx, cx->proc, env_mono_us(cx->env) + WAIT_NAP_US);
    atomic_store(&p->stop_cleaner, 1);
    page_cleaner_wake(page_cache(cx->proc));
    pthread_join(cleaning, NULL);
    atomic_store(&p->stop_readers, 1);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    p->store->methods->close(cx, p->store);
    return ST_OK;
}

bool
store_process_run(Engine *engine, const StoreSettings *settings)
{
    StoreProcess p = {.engine = engine, .settings = settings};
    Worker w;
    Status rc;

    store_set_limits(engine, &settings->limits);
    rc = worker_begin(&w, &p);
    if (rc == ST_OK) {
        interrupt_watch(-1, w.cx.interrupt);
        rc = run(&w.cx, &p);
        interrupt_unwatch();
    }
    if (rc != ST_OK) {
        log_report(LOG_FATAL, "store", &w.cx.error, NULL);
        refuse(&p, &w.cx.error);
        return false;
    }
    worker_end(&w);
    return true;
}

/* ---- for others -------------------------------------------------------------------------------------------------- */

Status
store_wait_ready(Ctx *cx, Engine *engine, bool *is_new)
{
    StoreShared *shared = store_shared(engine);

    for (;;) {
        uint32_t state = atomic_load(&shared->state);

        if (state == STORE_STATE_READY) {
            *is_new = atomic_load(&shared->is_new) != 0;
            return ST_OK;
        }
        if (state == STORE_STATE_REFUSED)
            return fail(cx, ST_IO, shared->sqlstate, "%s", shared->reason);
        TRY(ctx_poll(cx));
        futex_wait(&shared->state, state, WAIT_NAP_US);
    }
}

void
store_wal_identity(const Engine *engine, WalDir *out)
{
    const StoreShared *shared = store_shared(engine);

    out->system_id = shared->system_id;
    out->incarnation = shared->incarnation;
}

Status
store_checkpoint(Ctx *cx)
{
    StoreShared *shared = store_shared(cx->engine);
    uint32_t mine = atomic_fetch_add(&shared->checkpoint_wanted, 1) + 1;

    page_cleaner_wake(page_cache(cx->proc));
    for (;;) {
        uint32_t bell = atomic_load(&shared->checkpoint_bell);

        if ((int32_t)(atomic_load(&shared->checkpoint_done) - mine) >= 0) {
            uint32_t failed = atomic_load(&shared->checkpoint_failed);

            if (failed == 0 || (int32_t)(failed - 1 - mine) < 0)
                return ST_OK;
            (void)fail(cx, ST_IO, "53100", "could not write a checkpoint: no space left on device");
            fail_hint(cx, "Free some space; the server tries again by itself.");
            return ST_IO;
        }
        TRY(ctx_poll(cx));
        futex_wait(&shared->checkpoint_bell, bell, WAIT_NAP_US);
    }
}
