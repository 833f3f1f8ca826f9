/* store_worker.c - see store_worker.h. */
#include "storage/store/store_worker.h"

#include <stdlib.h>

#include "base/log.h"
#include "storage/engine/engine_shared.h"
#include "storage/store/store_reader.h"

Status
store_worker_begin(StoreWorker *w, Engine *engine)
{
    arena_init(&w->arena, "store", NULL);
    arena_init(&w->errors, "store errors", NULL);
    w->cx = (Ctx){.arena = &w->arena, .error_arena = &w->errors, .env = engine->env};
    return engine_attach_as(&w->cx, engine, PROC_STORE);
}

void
store_worker_end(StoreWorker *w)
{
    engine_detach(&w->cx);
    arena_free(&w->arena);
    arena_free(&w->errors);
}

void
store_worker_read(Engine *engine, PageStore *store, const _Atomic uint32_t *stop)
{
    StoreWorker w;
    bool warm = false;

    if (store_worker_begin(&w, engine) != ST_OK) {
        log_report(LOG_FATAL, "store", &w.cx.error, NULL);
        abort();
    }
    while (atomic_load(stop) == 0)
        warm = store_serve_read(&w.cx, store, warm);
    store_worker_end(&w);
}
