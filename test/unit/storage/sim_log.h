/* sim_log.h - engines with a log, for tests that crash them. */
#ifndef SIM_LOG_H
#define SIM_LOG_H
#include <sys/types.h>

#include "sim.h"
#include "storage/store/store_process.h"
#include "storage/wal/wal_segment.h"

enum { KEPT_MOST = 6, WRITERS = 3, ACCOUNTS = 600, COUNTERS = 100000, START_N = 1000, ADD_MOST = 64 * 1024 };

/* A log in a folder of its own; shared with children. */
typedef struct Log {
    char path[64], wal_path[80];
    WalDir dir;
    SealKey key; /* dir.data_key points here if the log is encrypted */
    bool solo; /* sessions that are alone flush by themselves */
    uint64_t cache_bytes; /* 0 = no store: everything is recovered from the log alone */
    StoreSettings store;
    SimTable table;
    uint64_t seed;
    _Atomic uint32_t kept[KEPT_MOST]; /* branches that somebody was told are there; 0 = none */
    _Atomic int stop; /* children that would go on for ever end */
    _Atomic int64_t acknowledged[WRITERS]; /* commits a writer was told of */
} Log;

/* `seed` is the test's. */
Log *sim_log_new(void);
Log *sim_log_new_encrypted(void);
/* With a store, and a cache of so many pages. */
Log *sim_log_new_stored(uint64_t cache_pages, uint64_t checkpoint_timeout_us);
void sim_log_remove(Log *log);
/* For sim_fork: a log writer, until it is killed. no: for how many ms it sleeps when nobody calls; 0 = 100. */
bool sim_log_write(Ctx *cx, int no, void *arg);
/* An engine on what is there, recovered, with a log writer and, if there is a cache, a store. pids: theirs, 0 = none. */
Engine *sim_log_open(Log *log, Ctx **cx, pid_t pids[2]);
/* A record of so many bytes, ADD_MOST at most, that changes nothing. */
void sim_log_add(Ctx *cx, uint32_t bytes);
/* Kills them, which have not ended by themselves. 0 = none. */
void sim_crash(pid_t *pids, int count);

#endif
