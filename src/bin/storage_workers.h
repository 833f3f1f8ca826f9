/* src/bin/storage_workers.h - the processes that a data directory needs: store and log writer. */
#ifndef BIN_STORAGE_WORKERS_H
#define BIN_STORAGE_WORKERS_H
#include "bin/body.h"
#include "storage/store/store_process.h"

/* In the postmaster, before the fork. `path` absolute. */
void storage_settings(const SettingSet *settings, const char *path, StoreSettings *out);

/* Those that a reload changes. */
void storage_limits(const SettingSet *settings, StoreLimits *out);
/* In their processes. */
void storage_run_store(Door *door, const StoreSettings *settings);
void storage_run_wal_writer(Door *door, const StoreSettings *settings);
/* In the postmaster: waits until the store has recovered; fails if it ended, or if the server is told to end. */
MUST_CHECK Status storage_wait_store(Ctx *cx, Door *door, int pid, bool *is_new);

#endif
