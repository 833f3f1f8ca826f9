/* store_process.c - see store_process.h. */
#include "storage/store/store_process.h"

#include <errno.h>
#include <fcntl.h>
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
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"
#include "storage/engine/engine_log.h"
#include "storage/engine/engine_shared.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/store/store_fault.h"
#include "storage/store/store_process_int.h"
#include "storage/store/store_safe.h"
#include "storage/store/store_worker.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    READERS = 3,
    WAIT_NAP_US = 100 * 1000,
    INDEX_SHARE = 16, /* of the cache's size that indexes of table files may take (table_files.h) */
    RETRY_US = 1000 * 1000, /* after the disk was full */
    OPEN_BYTES = 2 << 20, /* without so much free space the store is not opened */
    FIRST_BYTES = OPEN_BYTES +
                  3 * WAL_SEGMENT_BYTES, /* nor a new one, which has two log files and its catalogs to write */
};

static void *
reader(void *arg)
{
    const StoreProcess *p = arg;

    store_worker_read(p->engine, p->store, &p->stop_readers);
    return NULL;
}

void
store_set_state(StoreProcess *p, StoreState state)
{
    StoreShared *shared = store_shared(p->engine);

    atomic_store(&shared->state, state);
    futex_wake(&shared->state, INT32_MAX);
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
                            .background_threads = 2,
                            .index_bytes =
                                p->engine->table_folder == NULL
                                    ? 0
                                    : (uint64_t)page_cache(cx->proc)->page_frames * PAGE_BYTES / INDEX_SHARE};
    bool found, restored;

    TRY(store_safe_restore(cx, p->settings->data_dir, &restored));
    if (restored)
        log_line(LOG_WARNING, "the server wrote no log and was not stopped in good order: everything is as of "
                              "its last checkpoint");
    snprintf(p->wal_path, sizeof(p->wal_path), "%s/wal", p->settings->data_dir);
    if (mkdir(p->wal_path, 0700) != 0 && errno != EEXIST)
        return fail_path(cx, "create folder", p->wal_path);
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

static bool
is_there_room(const StoreProcess *p, uint64_t need)
{
    struct statvfs disk;

    return statvfs(p->settings->data_dir, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= need;
}

/* A quota does not show in what the file system says: so a file that large is made, without a name. */
static bool
is_room_given(Ctx *cx, const StoreProcess *p, uint64_t need)
{
    const char *path = arena_printf(cx->arena, "%s/pages.space", p->settings->data_dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool given;

    if (fd < 0)
        return !env_is_full(errno);
    (void)unlink(path);
    given = fallocate(fd, 0, 0, (off_t)need) == 0 || !env_is_full(errno); /* not every file system can */
    close(fd);
    return given;
}

static void
close_store(Ctx *cx, StoreProcess *p)
{
    if (p->store != NULL)
        p->store->methods->close(cx, p->store);
    p->store = NULL;
}

static Status
open_if_there_is_room(Ctx *cx, StoreProcess *p, uint64_t need, bool again)
{
    if (!is_there_room(p, need) || (again && !is_room_given(cx, p, need)))
        return fail(cx, ST_IO, "53100", "there is no space left in \"%s\"", p->settings->data_dir);
    return open_store(cx, p);
}

/* Opening the store and doing the log again need some room. Without it the server would have to refuse, and after a crash
 * nobody would start it again when there is space. That there was room is no promise: others take it, and how much RocksDB
 * needs nobody knows exactly, so it may still find none. From then on it is looked closer: each attempt that fails leaves some small
 * files, which only one that succeeds removes. */
static Status
open_when_there_is_space(Ctx *cx, StoreProcess *p)
{
    const char *current = arena_printf(cx->arena, "%s/pages/CURRENT", p->settings->data_dir);
    uint64_t need = access(current, F_OK) == 0 ? OPEN_BYTES : FIRST_BYTES;
    bool told = false;

    for (;;) {
        ArenaMark mark = arena_mark(cx->arena);
        Status rc = open_if_there_is_room(cx, p, need, told);

        if (rc == ST_OK || strcmp(cx->error.sqlstate, "53100") != 0)
            return rc;
        close_store(cx, p);
        arena_rewind(cx->arena, mark);
        if (!told)
            log_line(LOG_ERROR, "there is no space left in \"%s\": the server waits until there is (%u MB)",
                     p->settings->data_dir, (unsigned)(need >> 20));
        told = true;
        if (atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)
            return rc;
        ctx_error_clear(cx);
        proc_sleep(cx, cx->proc, env_mono_us(cx->env) + RETRY_US);
    }
}

static void
refuse(StoreProcess *p, const ErrorInfo *error)
{
    StoreShared *shared = store_shared(p->engine);

    snprintf(shared->reason, sizeof(shared->reason), "%s", error->message);
    snprintf(shared->hint, sizeof(shared->hint), "%s", error->hint != NULL ? error->hint : "");
    memcpy(shared->sqlstate, error->sqlstate, sizeof(shared->sqlstate));
    store_set_state(p, STORE_STATE_REFUSED);
}

static bool
is_there(Ctx *cx, PageId id)
{
    CacheRel *rel = cache_rel(cx, id.branch, id.relation);

    return rel != NULL && id.block < cache_rel_length(rel, (Fork)id.fork);
}

/* Before anybody can read them, and no later in the store than a redo position beyond the records that were not done: as long as
 * that is not moved, another recovery comes by them again. What is gone, or has become shorter, needs no word. */
static Status
put_lost_pages(Ctx *cx, const StoreProcess *p, const LostPages *lost)
{
    StoreBatch *batch;
    Status rc;

    if (lost->count == 0)
        return ST_OK;
    batch = store_batch_new();
    if (batch == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    for (uint32_t i = 0; i < lost->count; i++) {
        if (is_there(cx, lost->pages[i].id))
            store_batch_put_lost(batch, lost->pages[i].id, lost->pages[i].lsn);
    }
    rc = p->store->methods->apply(cx, p->store, batch);
    store_batch_free(batch);
    TRY(rc);
    /* A record of a branch may have needed it from its origin later, and found that it can be read. */
    for (uint32_t i = 0; i < lost->count; i++) {
        PageId id = lost->pages[i].id;

        if (is_there(cx, id))
            page_forget(cx, cache_rel(cx, id.branch, id.relation), (Fork)id.fork, id.block);
    }
    log_line(LOG_ERROR, "recovery: pages that were passed over, and stay damaged: %u", lost->count);
    return ST_OK;
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
    TRY(put_lost_pages(cx, p, &result.lost));
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

/* After much of the log was done again there is a checkpoint, beside sessions. They wait for it if there is more log than there
 * should ever be: a server that is killed again and again before its checkpoint is complete would have more to do each time. */
static void
start_work(Ctx *cx, StoreProcess *p)
{
    uint64_t bytes = wal_position(cx->proc) - p->super.redo;
    StoreLimits limits;

    store_get_limits(p->engine, &limits);
    if (p->settings->unlogged || bytes > WAL_SEGMENT_BYTES) { /* first, or the cleaner may find another cause */
        atomic_store(&p->first_checkpoint, 1);
        page_cleaner_wake(page_cache(cx->proc));
    }
    if (!p->settings->unlogged && bytes <= limits.max_wal_bytes)
        store_set_state(p, STORE_STATE_READY);
}

static Status
run(Ctx *cx, StoreProcess *p)
{
    StoreShared *shared = store_shared(p->engine);
    pthread_t readers[READERS], cleaning;

    store_set_state(p, STORE_STATE_RECOVERING);
    TRY(open_when_there_is_space(cx, p));
    shared->system_id = p->super.system_id;
    shared->incarnation = p->super.incarnation;
    atomic_store(&shared->redo, p->super.redo);
    for (int i = 0; i < READERS; i++) {
        if (pthread_create(&readers[i], NULL, reader, p) != 0)
            return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread of the store");
    }
    if (pthread_create(&cleaning, NULL, store_cleaner, p) != 0)
        return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread of the store");
    TRY(recover(cx, p));
    atomic_store(&p->stop_readers, 0); /* orders: frames that recovery had looked into may get pages now */
    start_work(cx, p);
    while (!(atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)) {
        proc_set_wait(cx->proc, WAIT_STORE_MAIN);
        proc_sleep(cx, cx->proc, env_mono_us(cx->env) + WAIT_NAP_US);
    }
    if (atomic_load(cx->interrupt) & INTERRUPT_ORPHANED) /* others are still at work, and the log has it all */
        return fail(cx, ST_CLOSED, "57P01", "the postmaster is gone: there is no last checkpoint");
    atomic_store(&p->stop_cleaner, 1);
    page_cleaner_wake(page_cache(cx->proc));
    pthread_join(cleaning, NULL);
    atomic_store(&p->stop_readers, 1);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    p->store->methods->close(cx, p->store);
    return ST_OK;
}

void
store_process_run(Engine *engine, const StoreSettings *settings)
{
    StoreProcess p = {.engine = engine, .settings = settings};
    StoreWorker w;
    Status rc;

    store_set_limits(engine, &settings->limits);
    rc = store_worker_begin(&w, engine);
    if (rc == ST_OK) {
        interrupt_watch(-1, w.cx.interrupt, proc_sem(w.cx.proc));
        rc = run(&w.cx, &p);
        interrupt_unwatch();
    }
    if (rc != ST_OK) {
        log_report(LOG_FATAL, "store", &w.cx.error, NULL);
        refuse(&p, &w.cx.error);
        _exit(1); /* its threads may be at work, on what is in this frame */
    }
    store_worker_end(&w);
}
