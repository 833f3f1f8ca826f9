/* src/storage/store/store_process.h - the one process that has the page store open (design 2, S2).
 *
 * Threads: readers answer sessions that need pages; one thread cleans and checkpoints; the first one recovers and then
 * waits to be told to end. Each has a process slot of its own. The death of any of them is a crash. */
#ifndef STORE_PROCESS_H
#define STORE_PROCESS_H
#include "shmem/region/region.h"
#include "storage/engine/engine.h"
#include "storage/store/page_store.h"
#include "storage/wal/wal_segment.h"

/* What may change while the store runs. */
typedef struct StoreLimits {
    uint64_t checkpoint_timeout_us;
    uint64_t max_wal_bytes; /* a checkpoint begins when half of it has been written since the last one */
    uint64_t min_wal_bytes; /* so much of old log files is kept to be used again */
    uint64_t spread_percent; /* of the time between checkpoints that one may take */
    uint64_t log_writer_delay_us; /* commits that nobody waits for are flushed after that */
    uint64_t log_checkpoints; /* 0 = no */
} StoreLimits;

typedef struct StoreSettings {
    const char *data_dir;
    StoreCompression compression;
    const SealKey *data_key; /* NULL = neither pages nor log are encrypted */
    StoreLimits limits; /* at start */
    bool unlogged; /* S4: no log is written */
} StoreSettings;

typedef enum StoreState {
    STORE_STATE_NONE, /* not started */
    STORE_STATE_RECOVERING,
    STORE_STATE_READY,
    STORE_STATE_REFUSED, /* could not start; the reason is in the log and in `reason` */
} StoreState;

/* What the process and the others tell each other; part of the region (PART_STORE). */
typedef struct StoreShared {
    _Atomic uint32_t state; /* atomic: StoreState; futex */
    _Atomic uint32_t is_new; /* atomic: the store was empty: catalogs have to be made */
    _Atomic uint32_t checkpoint_wanted,
        checkpoint_bell; /* atomic: how many were asked for; raised when one is done */
    _Atomic uint32_t checkpoint_done; /* atomic: the last that was served */
    _Atomic uint32_t
        checkpoint_failed; /* atomic: the last that was served with "disk full", one more; 0 = none */
    uint64_t system_id; /* before state becomes READY */
    uint32_t incarnation; /* before state becomes READY */
    _Atomic uint64_t redo; /* atomic: of the last checkpoint */
    _Atomic uint64_t
        late_reads; /* atomic: of pages that sessions can not find by themselves before the next one */
    _Atomic uint64_t checkpoints_timed, checkpoints_asked, pages_written, pages_cleaned; /* atomic: counters */
    _Atomic uint64_t write_us, sync_us, last_us; /* atomic: of checkpoints: all, all, the last one */
    _Atomic uint64_t file_bytes, memory_bytes, level0_files,
        debt_bytes; /* atomic: StoreStats, when last looked */
    _Atomic uint64_t
        limits[sizeof(StoreLimits) / sizeof(uint64_t)]; /* atomic: a StoreLimits, each for itself */
    char reason[512], hint[160]; /* before state becomes REFUSED; no hint: "" */
    char sqlstate[6]; /* as these */
} StoreShared;

uint64_t store_shared_bytes(void);
void store_shared_carve(Region *region);

/* In the store's process: opens, recovers, serves until interrupt_raise(INTERRUPT_TERMINATE); then a last checkpoint, clean if
 * everybody else has gone but the log writer. If the postmaster is gone there is none. If it can not start it says why
 * (store_wait_ready), and the process ends with 1. */
void store_process_run(Engine *engine, const StoreSettings *settings);

/* Part PART_STORE. */
StoreShared *store_shared(const Engine *engine);

/* Takes effect within a second or so. */
void store_set_limits(const Engine *engine, const StoreLimits *limits);
void store_get_limits(const Engine *engine, StoreLimits *out);

/* ---- for others ------------------------------------------------------------------------------------------------- */
/* Waits until the store is ready or has refused (then the error is the store's). */
MUST_CHECK Status store_wait_ready(Ctx *cx, Engine *engine, bool *is_new);
/* Of a store that is ready: whose log it is. The path is the caller's. */
void store_wal_identity(const Engine *engine, WalDir *out);
/* CHECKPOINT: waits until one has ended that began after this call. 53100: there was no space; it will be tried again. */
MUST_CHECK Status store_checkpoint(Ctx *cx);

#endif
