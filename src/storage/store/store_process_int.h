/* store_process_int.h - what the threads of the store's process share. For the sources of this folder. */
#ifndef STORE_PROCESS_INT_H
#define STORE_PROCESS_INT_H
#include "storage/store/store_meta.h"
#include "storage/store/store_process.h"

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
        first_checkpoint; /* atomic: 1 = the cleaner is to make one, and says then that the store is ready */
} StoreProcess;

void store_set_state(StoreProcess *p, StoreState state);

/* A thread that frees frames and makes checkpoints until `stop_cleaner`; the argument is the StoreProcess. */
void *store_cleaner(void *arg);

#endif
