/* src/storage/store/store_worker.h - a thread with a process slot of its own: of the store's process, or of whoever looks at a
 * directory without a server. */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H
#include "storage/engine/engine.h"
#include "storage/store/page_store.h"

typedef struct StoreWorker {
    Arena arena, errors;
    Ctx cx;
} StoreWorker;

/* 53300 when no slot is free. To be ended also after a failure has been reported. */
MUST_CHECK Status store_worker_begin(StoreWorker *w, Engine *engine);
void store_worker_end(StoreWorker *w);
/* Reads the pages others ask for, until `*stop` (atomic) is not 0: what a reader thread does. Aborts without a slot. */
void store_worker_read(Engine *engine, PageStore *store, const _Atomic uint32_t *stop);

#endif
