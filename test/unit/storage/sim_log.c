/* sim_log.c - see sim_log.h. */
#include "sim_log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/engine/engine_log.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_writer.h"

Log *
sim_log_new(void)
{
    Log *log = sim_shared(sizeof(*log));

    strcpy(log->path, "/tmp/helios-wal-XXXXXX");
    EXPECT(mkdtemp(log->path) != NULL);
    snprintf(log->wal_path, sizeof(log->wal_path), "%s/wal", log->path);
    EXPECT_EQ(mkdir(log->wal_path, 0700), 0);
    log->dir = (WalDir){.path = log->wal_path, .incarnation = 1};
    log->seed = test_seed();
    return log;
}

Log *
sim_log_new_encrypted(void)
{
    Log *log = sim_log_new();

    EXPECT(env_system()->random(env_system(), &log->key, sizeof(log->key)));
    log->dir.data_key = &log->key;
    return log;
}

Log *
sim_log_new_stored(uint64_t cache_pages, uint64_t checkpoint_timeout_us)
{
    Log *log = sim_log_new();

    log->cache_bytes = cache_pages * PAGE_BYTES;
    log->store = (StoreSettings){.data_dir = log->path,
                                 .compression = STORE_COMPRESS_LZ4,
                                 .limits = {.checkpoint_timeout_us = checkpoint_timeout_us,
                                            .max_wal_bytes = 64 << 20,
                                            .min_wal_bytes = 64 << 20,
                                            .spread_percent = 70}};
    return log;
}

void
sim_log_remove(Log *log)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", log->path);
    EXPECT_EQ(system(command), 0);
}

bool
sim_log_write(Ctx *cx, int no, void *arg)
{
    const Log *log = arg;
    WalWriter w;

    if (wal_writer_open(cx, &w, &log->dir) != ST_OK)
        return false;
    for (;;) {
        if (wal_writer_step(cx, &w, no != 0 ? (uint32_t)no : 100) != ST_OK)
            return false;
    }
}

static pid_t
sim_log_fork_store(Engine *e, Log *log)
{
    pid_t pid = fork();

    if (pid == 0) {
        store_process_run(e, &log->store);
        _exit(0);
    }
    return pid;
}

Engine *
sim_log_open(Log *log, Ctx **cx, pid_t pids[2])
{
    Engine *e = sim_engine_logged(log->cache_bytes, log->solo ? log->wal_path : NULL);
    RecoverResult result;
    bool is_new;

    sim_log_key = log->solo ? log->dir.data_key : NULL;
    pids[1] = 0;
    if (log->cache_bytes == 0) {
        *cx = sim_session(e);
        SIM_OK(*cx, engine_start_log(*cx, &log->dir, WAL_FIRST_LSN, 0, &result));
    } else {
        pids[1] = sim_log_fork_store(e, log);
        *cx = sim_session(e);
        SIM_OK(*cx, store_wait_ready(*cx, e, &is_new));
    }
    if (log->cache_bytes != 0)
        store_wal_identity(e, &log->dir);
    pids[0] = sim_fork(e, sim_log_write, 0, log);
    return e;
}

void
sim_log_add(Ctx *cx, uint32_t bytes)
{
    static const char payload[ADD_MOST];
    const RecordPart part = {payload, bytes - (uint32_t)sizeof(WalRecord)};

    wal_secure(cx);
    proc_critical_enter(cx->proc);
    (void)wal_insert(cx, RECORD_DURABLE, (WalTarget){0}, &part, 1);
    proc_critical_leave(cx->proc);
}

void
sim_crash(pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        if (pids[i] != 0)
            kill(pids[i], SIGKILL);
    }
    for (int i = 0; i < count; i++) {
        int status;

        if (pids[i] == 0)
            continue;
        EXPECT_EQ(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "child %d had ended before: %x", i,
                      status);
    }
}
