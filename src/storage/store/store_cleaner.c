/* store_cleaner.c - the thread of the store's process that frees frames and makes checkpoints.
 *
 * What is changed in memory needs room in the store sooner or later, or there is no checkpoint and no end of the log. So
 * changes are refused while there is not room for what is changed already; and when a write has failed all the same,
 * because somebody else took the space. Pages that are dirty then stay in memory, others come and go. */
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/env.h"
#include "base/log.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"
#include "storage/store/checkpoint.h"
#include "storage/store/store_process_int.h"
#include "storage/store/store_safe.h"
#include "storage/store/store_thin.h"
#include "storage/store/store_worker.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    NAP_US = 200 * 1000,
    PUBLISH_US = 1000 * 1000,
    COPY_TRIES_AT_STOP = 5,
    FULL_LOG_BYTES = 1 << 20, /* a checkpoint is worth it */
    MERGE_US = 500 * 1000,
    THIN_NAP_US = 1000, /* between two portions of images */
    LOOK_US = 250 * 1000, /* at the space that is left */
    RETRY_US = 1000 * 1000, /* after the disk was full */
    RESERVE_BYTES = 2 << 20, /* for what the store writes besides pages */
    LATE_READS_LEAST = 2000,
    LATE_READS_US = 5 * 1000 * 1000, /* at least between two checkpoints for them */
};

static StoreLimits
limits_of(const StoreProcess *p)
{
    StoreLimits limits;

    store_get_limits(p->engine, &limits);
    return limits;
}

/* Why there is a checkpoint. */
typedef enum CheckpointCause {
    CAUSE_TIME,
    CAUSE_LOG_SIZE,
    CAUSE_ASKED,
    CAUSE_READS, /* sessions find pages in files, and many of those that are read again are in none */
    CAUSE_SPACE, /* one has failed, or the disk is full: the log that it frees may be what is missing */
    CAUSE_RECOVERY,
    CAUSE_END,
} CheckpointCause;
static const char *const cause_texts[] = {
    [CAUSE_TIME] = "it was time",
    [CAUSE_LOG_SIZE] = "for the size of the log",
    [CAUSE_ASKED] = "asked for",
    [CAUSE_SPACE] = "for want of space",
    [CAUSE_RECOVERY] = "after recovery",
    [CAUSE_END] = "at the end of the server",
    [CAUSE_READS] = "for changed pages that are read again",
};

/* One that is due. */
typedef struct Due {
    CheckpointCause cause;
    uint64_t spread_us; /* the time it has */
    uint32_t asked; /* by then */
} Due;

typedef struct Cleaner {
    StoreProcess *process;
    Checkpointer checkpointer;
    PageWriter writer;
    StoreThin thin;
    uint32_t hand; /* of the clock */
    uint64_t look_us; /* when to look at the space that is left */
    uint64_t retry_us; /* the disk was full: when to write again; 0 = it is not */
    uint64_t cycle_bytes; /* of log between two checkpoints, as lately */
    uint64_t late_reads; /* at the last checkpoint */
    uint64_t late_due_us; /* when to look at them again */
    bool failed; /* the last checkpoint, or a write since; then the next is tried soon */
    uint64_t published_us, merged_us;
} Cleaner;

/* ---- a full disk -------------------------------------------------------------------------------------------------- */

static void
say_full(Ctx *cx, const char *why)
{
    bool before = atomic_exchange(&page_cache(cx->proc)->store_full, 1) != 0;

    if (!wal_is_on(cx->proc) && !before) /* then nobody is refused before memory is full */
        log_line(LOG_ERROR, "%s", why);
    else if (wal_is_on(cx->proc) && wal_note_full(cx->proc, WAL_FULL_STORE, true))
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

static uint64_t
dirty_pages(Ctx *cx)
{
    const PageCache *cache = page_cache(cx->proc);
    uint64_t pages = 0;

    for (uint32_t no = 1; no < cache->high; no++) {
        const Frame *f = cache_frame(cache, no);

        pages += atomic_load_explicit(&f->use, memory_order_relaxed) == FRAME_PAGE && f->dirty;
    }
    return pages;
}

/* What would have to be written if there was a checkpoint now, at most. */
static uint64_t
bytes_to_write(Ctx *cx, const Cleaner *c)
{
    PageStore *store = c->process->store;
    StoreStats stats;

    store->methods->stats(cx, store, &stats);
    return dirty_pages(cx) * STORE_PAGE_VALUE_BYTES + stats.memory_bytes;
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
    if (!wal_is_on(cx->proc) && !c->failed && atomic_exchange(&page_cache(cx->proc)->store_full, 0) != 0)
        log_line(LOG_INFO, "there is space for pages again");
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

static void
merge_if_due(Ctx *cx, Cleaner *c)
{
    PageStore *store = c->process->store;

    if (atomic_load(&store_shared(c->process->engine)->state) != STORE_STATE_READY ||
        wal_disk_is_full(cx->proc) || (c->merged_us != 0 && env_mono_us(cx->env) - c->merged_us < MERGE_US))
        return;
    store->methods->merge(cx, store);
    c->merged_us = env_mono_us(cx->env);
}

static Status
clean_between(Ctx *cx, void *arg)
{
    look_at_space(cx, arg);
    merge_if_due(cx, arg);
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

/* How much log comes between two checkpoints: a larger cycle counts at once, smaller ones little by little. */
static void
note_cycle(Cleaner *c, uint64_t bytes)
{
    c->cycle_bytes = MAX_OF(bytes, c->cycle_bytes - c->cycle_bytes / 8 + bytes / 8);
}

/* Log that is not needed any more is made ready for what comes: for as much as lately came. */
static Status
recycle_log(Ctx *cx, const Cleaner *c, bool clean_stop)
{
    const StoreProcess *p = c->process;
    StoreLimits limits = limits_of(p);
    uint64_t bytes = MIN_OF(MAX_OF(c->cycle_bytes, limits.min_wal_bytes), limits.max_wal_bytes);
    Lsn now = wal_position(cx->proc);

    if (clean_stop || wal_disk_is_full(cx->proc))
        bytes = WAL_SEGMENT_BYTES;
    TRY(wal_segments_recycle(cx, &p->wal, c->checkpointer.readable, now,
                             (uint32_t)(bytes / WAL_SEGMENT_BYTES)));
    proc_tell_files_gone(proc_table_of(cx->proc));
    return clean_stop ? wal_segments_shorten(cx, &p->wal, now) : ST_OK;
}

static Status
checkpoint(Ctx *cx, Cleaner *c, uint64_t spread_us, CheckpointCause cause)
{
    StoreProcess *p = c->process;
    bool clean_stop = cause == CAUSE_END && !proc_anybody_works(proc_table(p->engine));
    StoreShared *shared = store_shared(p->engine);
    uint64_t start_us = env_mono_us(cx->env);
    Lsn redo_before = c->checkpointer.super.redo;

    TRY(checkpoint_run(cx, &c->checkpointer, spread_us, clean_stop));
    atomic_store(&shared->redo, c->checkpointer.super.redo);
    c->late_reads = atomic_load(&shared->late_reads);
    if (p->settings->unlogged) {
        TRY(make_copy(cx, p));
        TRY(wal_segments_remove(cx, &p->wal)); /* of a run with a log */
    } else {
        note_cycle(c, c->checkpointer.super.redo - redo_before);
        TRY(recycle_log(cx, c, clean_stop));
    }
    atomic_fetch_add(&shared->write_us, c->checkpointer.write_us);
    atomic_fetch_add(&shared->sync_us, c->checkpointer.sync_us);
    atomic_store(&shared->last_us, env_mono_us(cx->env) - start_us);
    store_thin_begin(cx, &c->thin);
    publish(cx, c);
    log_line(
        limits_of(p).log_checkpoints != 0 ? LOG_INFO : LOG_DEBUG,
        "checkpoint complete (%s): %llu pages in %llu ms, %llu ms of them to make them durable; log from %llx "
        "on",
        cause_texts[cause], (unsigned long long)c->checkpointer.page_count,
        (unsigned long long)((c->checkpointer.write_us + c->checkpointer.sync_us) / 1000),
        (unsigned long long)(c->checkpointer.sync_us / 1000), (unsigned long long)c->checkpointer.super.redo);
    return ST_OK;
}

/* Have sessions read as many pages through this process as a checkpoint would write? After it they read them by themselves. */
static bool
are_reads_late(Ctx *cx, Cleaner *c, uint64_t last_us)
{
    const StoreSettings *settings = c->process->settings;
    uint64_t late = atomic_load(&store_shared(c->process->engine)->late_reads) - c->late_reads;
    uint64_t now_us = env_mono_us(cx->env);

    if (late < LATE_READS_LEAST || now_us - last_us < LATE_READS_US || now_us < c->late_due_us ||
        settings->unlogged || settings->data_key != NULL)
        return false;
    c->late_due_us = now_us + LATE_READS_US / 5;
    return late >= dirty_pages(cx);
}

/* Is a checkpoint due? */
static bool
is_due(Ctx *cx, Cleaner *c, uint64_t last_us, Due *due)
{
    const StoreProcess *p = c->process;
    StoreShared *shared = store_shared(p->engine);
    Lsn redo = c->checkpointer.super.redo, now = wal_position(cx->proc);

    *due = (Due){.cause = CAUSE_ASKED, .asked = atomic_load(&shared->checkpoint_wanted)};
    if (due->asked != atomic_load(&shared->checkpoint_done))
        return true;
    if (!p->settings->unlogged && now - redo > limits_of(p).max_wal_bytes / 2) {
        due->cause = CAUSE_LOG_SIZE;
        due->spread_us = MIN_OF(limits_of(p).checkpoint_timeout_us / 4, UINT64_C(30000000));
        return true;
    }
    if (c->failed || wal_disk_is_full(cx->proc)) {
        due->cause = CAUSE_SPACE;
        return (c->failed || now - redo >= FULL_LOG_BYTES) && env_mono_us(cx->env) - last_us >= RETRY_US;
    }
    if (are_reads_late(cx, c, last_us)) {
        due->cause = CAUSE_READS;
        due->spread_us = LATE_READS_US / 5;
        return true;
    }
    due->cause = CAUSE_TIME;
    due->spread_us = limits_of(p).checkpoint_timeout_us / 100 * limits_of(p).spread_percent;
    if (p->settings->unlogged) /* places do not move by themselves */
        now =
            atomic_load(&txn_shared(cx->proc)->visible_csn) != c->checkpointer.super.last_csn ? redo + 1 : redo;
    return now != redo && env_mono_us(cx->env) - last_us >= limits_of(p).checkpoint_timeout_us;
}

/* Those who wait for one learn how it went. What is not due by time counts as asked for, as in PostgreSQL. */
static void
tell_waiters(StoreShared *shared, const Due *due, bool failed)
{
    atomic_fetch_add(due->cause == CAUSE_TIME ? &shared->checkpoints_timed : &shared->checkpoints_asked, 1);
    if (failed)
        atomic_store(&shared->checkpoint_failed, due->asked + 1);
    atomic_store(&shared->checkpoint_done, due->asked);
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

/* Who waits for the store to be ready waits for it. Without a log that is what S4 wants. With one, a full disk does not keep the
 * server from starting: the checkpoint comes when there is space. */
static Status
make_first_checkpoint(Ctx *cx, Cleaner *c)
{
    StoreProcess *p = c->process;
    Status rc;

    follow_recovery(c);
    rc = checkpoint(cx, c, 0, CAUSE_RECOVERY);
    TRY(p->settings->unlogged ? rc : pass_full(cx, c, rc));
    store_set_state(p, STORE_STATE_READY);
    return ST_OK;
}

static Status
checkpoint_if_due(Ctx *cx, Cleaner *c, uint64_t *last_us)
{
    StoreShared *shared = store_shared(c->process->engine);
    bool failed;
    Status rc;
    Due due;

    if (c->checkpointer.super.version == 0 || !is_due(cx, c, *last_us, &due))
        return ST_OK;
    rc = is_stalled(cx, c) ? fail(cx, ST_IO, "53100", "no space left on device")
                           : checkpoint(cx, c, due.spread_us, due.cause);
    failed = rc != ST_OK;
    if (failed && (!is_stalled(cx, c) || due.asked != atomic_load(&shared->checkpoint_done)))
        log_line(LOG_WARNING, "checkpoint failed, and will be tried again: %s", cx->error.message);
    TRY(pass_full(cx, c, rc));
    c->failed = failed;
    *last_us = env_mono_us(cx->env);
    tell_waiters(shared, &due, failed);
    return ST_OK;
}

static bool
can_thin(Ctx *cx, const Cleaner *c)
{
    return !store_thin_is_done(&c->thin) && !is_stalled(cx, c) && !c->failed &&
           page_free_missing(page_cache(cx->proc)) == 0;
}

static Status
clean_and_checkpoint(Ctx *cx, Cleaner *c)
{
    StoreProcess *p = c->process;
    const StoreShared *shared = store_shared(p->engine);
    uint64_t last_us = env_mono_us(cx->env);

    while (atomic_load(&p->stop_cleaner) == 0) {
        look_at_space(cx, c);
        if (!is_stalled(cx, c))
            c->retry_us = 0;
        TRY(pass_full(cx, c, clean(cx, c)));
        if (atomic_load(&shared->state) == STORE_STATE_READY)
            follow_recovery(c);
        if (atomic_exchange(&p->first_checkpoint, 0) != 0)
            TRY(make_first_checkpoint(cx, c));
        TRY(checkpoint_if_due(cx, c, &last_us));
        if (can_thin(cx, c))
            TRY(pass_full(cx, c, store_thin_step(cx, &c->thin, p->store)));
        merge_if_due(cx, c);
        if (env_mono_us(cx->env) - c->published_us >= PUBLISH_US)
            publish(cx, c);
        arena_reset(cx->arena);
        if (page_free_missing(page_cache(cx->proc)) == 0 ||
            atomic_load(&page_cache(cx->proc)->free_sleepers) == 0)
            page_cleaner_sleep(cx->proc, can_thin(cx, c)
                                             ? THIN_NAP_US
                                             : MIN_OF((uint64_t)NAP_US, limits_of(p).checkpoint_timeout_us));
    }
    follow_recovery(c);
    c->retry_us = 0;
    TRY(pass_full(cx, c, checkpoint(cx, c, 0, CAUSE_END)));
    if (c->retry_us != 0) {
        log_line(LOG_WARNING, "there was no space for the last checkpoint: the next start does the log again");
        return ST_OK;
    }
    return p->settings->unlogged ? store_safe_forget(cx, p->settings->data_dir) : ST_OK;
}

void *
store_cleaner(void *arg)
{
    StoreProcess *p = arg;
    Cleaner c = {.process = p};
    StoreWorker w;
    Status rc = store_worker_begin(&w, p->engine);

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
    store_thin_end(&c.thin);
    page_writer_close(&w.cx, &c.writer);
    page_writer_close(&w.cx, &c.checkpointer.writer);
    store_worker_end(&w);
    return NULL;
}
