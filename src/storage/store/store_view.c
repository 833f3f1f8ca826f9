/* store_view.c - see store_view.h. The threads are those of the store's process, less the one that writes: pages that the
 * log has changed stay in memory, others leave it when there are too many. */
#include "storage/store/store_view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache.h"
#include "storage/engine/engine_shared.h"
#include "storage/store/store_process.h"
#include "storage/store/store_safe.h"
#include "storage/store/store_worker.h"

enum { READERS = 2, SLOTS = 16, NAP_US = 100 * 1000, CACHE_LEAST = 256 << 20 };

struct StoreView {
    Engine *engine;
    PageStore *store;
    StoreSuper super;
    pthread_t readers[READERS], evictor;
    int reader_count;
    bool evicting;
    _Atomic uint32_t stop; /* atomic */
};

static void *
reader(void *arg)
{
    const StoreView *v = arg;

    store_worker_read(v->engine, v->store, &v->stop);
    return NULL;
}

static void
evict_some(Ctx *cx, uint32_t *hand)
{
    PageCache *cache = page_cache(cx->proc);
    uint64_t steps = (uint64_t)cache->high * (FRAME_USED_MOST + 2);

    while (page_free_missing(cache) > 0 && steps-- > 0) {
        *hand = *hand + 1 < cache->high ? *hand + 1 : 1;
        (void)page_evict(cx, *hand);
    }
    page_cleaner_announce(cache);
}

static void *
evictor(void *arg)
{
    StoreView *v = arg;
    uint32_t hand = 0;
    StoreWorker w;

    if (store_worker_begin(&w, v->engine) != ST_OK) {
        log_report(LOG_FATAL, "view", &w.cx.error, NULL);
        abort();
    }
    while (atomic_load(&v->stop) == 0) {
        evict_some(&w.cx, &hand);
        page_cleaner_sleep(w.cx.proc, NAP_US);
    }
    store_worker_end(&w);
    return NULL;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

Status
store_view_open_store(Ctx *cx, const char *data_dir, const SealKey *data_key, PageStore **out,
                      StoreSuper *super, bool *found)
{
    char scratch[] = "/tmp/heliosdb-view-XXXXXX";
    StoreOptions options = {.data_key = data_key, .read_only = true, .scratch = scratch};
    char path[STORE_SAFE_PATH_MOST];
    bool is_copy;
    Status rc;

    TRY(store_safe_find(cx, data_dir, path, &is_copy));
    options.path = path;

    if (mkdtemp(scratch) == NULL)
        return fail(cx, ST_IO, "58030", "could not create folder \"%s\": %s", scratch, strerror(errno));
    rc = store_rocks_open(cx, &options, out);
    if (system(arena_printf(cx->arena, "rm -r %s", scratch)) != 0)
        log_line(LOG_WARNING, "could not remove \"%s\"", scratch);
    TRY(rc);
    rc = store_super_read(cx, *out, super, found);
    if (rc != ST_OK)
        (*out)->methods->close(cx, *out);
    return rc;
}

static Status
make_engine(Ctx *cx, StoreView *v)
{
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    EngineOptions options = {.max_slots = SLOTS,
                             .deadlock_timeout_us = 1000000,
                             .cache_bytes = MAX_OF(ram / 4, (uint64_t)CACHE_LEAST)};

    return engine_create(cx, &options, &v->engine);
}

static Status
start_threads(Ctx *cx, StoreView *v)
{
    for (; v->reader_count < READERS; v->reader_count++) {
        if (pthread_create(&v->readers[v->reader_count], NULL, reader, v) != 0)
            return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread");
    }
    if (pthread_create(&v->evictor, NULL, evictor, v) != 0)
        return fail(cx, ST_NO_MEMORY, "53000", "could not start a thread");
    v->evicting = true;
    return ST_OK;
}

static Status
replay(Ctx *cx, const StoreView *v, const char *data_dir, const SealKey *data_key, StoreViewLog *log)
{
    WalDir dir = {.path = arena_printf(cx->arena, "%s/wal", data_dir),
                  .system_id = v->super.system_id,
                  .incarnation = v->super.incarnation,
                  .data_key = data_key};
    Status rc = recover_log(cx, &dir, v->super.redo, v->super.durable, &log->result);

    log->whole = rc == ST_OK;
    if (rc == ST_CORRUPT || rc == ST_IO) {
        log->error = arena_strdup(cx->arena, cx->error.message);
        ctx_error_clear(cx);
        return ST_OK;
    }
    return rc;
}

/* In a slot. */
static Status
fill(Ctx *cx, StoreView *v, const char *data_dir, const SealKey *data_key, bool with_log, StoreViewLog *log)
{
    TRY(store_meta_load(cx, v->store, &v->super));
    TRY(start_threads(cx, v));
    if (with_log)
        TRY(replay(cx, v, data_dir, data_key, log));
    return recover_finish(cx);
}

Status
store_view_open(Ctx *cx, const char *data_dir, const SealKey *data_key, bool with_log, StoreView **out,
                StoreViewLog *log)
{
    StoreView *v = calloc(1, sizeof(*v));
    bool found = false;
    Status rc;

    *log = (StoreViewLog){.whole = true};
    if (v == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    rc = store_view_open_store(cx, data_dir, data_key, &v->store, &v->super, &found);
    if (rc != ST_OK) {
        free(v);
        return rc;
    }
    if (!found)
        rc = fail(cx, ST_CORRUPT, "XX001", "the page store in \"%s/pages\" has no superblock", data_dir);
    if (rc == ST_OK)
        rc = make_engine(cx, v);
    if (rc == ST_OK)
        rc = engine_attach_as(cx, v->engine, PROC_STORE);
    if (rc == ST_OK) {
        rc = fill(cx, v, data_dir, data_key, with_log, log);
        engine_detach(cx);
    }
    if (rc != ST_OK) {
        store_view_close(cx, v);
        return rc;
    }
    *out = v;
    return ST_OK;
}

void
store_view_close(Ctx *cx, StoreView *v)
{
    if (v == NULL)
        return;
    atomic_store(&v->stop, 1);
    for (int i = 0; i < v->reader_count; i++)
        pthread_join(v->readers[i], NULL);
    if (v->evicting)
        pthread_join(v->evictor, NULL);
    if (v->store != NULL)
        v->store->methods->close(cx, v->store);
    engine_destroy(v->engine);
    free(v);
}

Engine *
store_view_engine(const StoreView *v)
{
    return v->engine;
}

PageStore *
store_view_store(const StoreView *v)
{
    return v->store;
}
