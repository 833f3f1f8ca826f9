#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "shmem/proc/slot.h"
#include "sim.h"
#include "storage/engine/engine_log.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_reader.h"
#include "storage/wal/wal_writer.h"

enum { WRITERS = 3, ACCOUNTS = 60, COUNTERS = 1000, START_N = 1000 };

/* A log in a folder of its own; shared with children. */
typedef struct Log {
    char path[64];
    WalDir dir;
    SimTable table;
    uint64_t seed;
    _Atomic int64_t acknowledged[WRITERS]; /* commits a writer was told of */
} Log;

static Log *
new_log(void)
{
    Log *log = sim_shared(sizeof(*log));

    strcpy(log->path, "/tmp/helios-wal-XXXXXX");
    EXPECT(mkdtemp(log->path) != NULL);
    log->dir = (WalDir){.path = log->path, .system_id = 4711, .incarnation = 1};
    log->seed = test_seed();
    return log;
}

static void
remove_log(Log *log)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", log->path);
    EXPECT_EQ(system(command), 0);
}

static bool
write_log(Ctx *cx, int no, void *arg)
{
    const Log *log = arg;
    WalWriter w;

    (void)no;
    if (wal_writer_open(cx, &w, &log->dir) != ST_OK)
        return false;
    for (;;) {
        if (wal_writer_step(cx, &w, 100) != ST_OK)
            return false;
    }
}

static Engine *
open_engine(Log *log, Ctx **cx, pid_t *writer)
{
    Engine *e = sim_engine_logged();
    RecoverResult result;

    *cx = sim_session(e);
    SIM_OK(*cx, engine_start_log(*cx, &log->dir, WAL_FIRST_LSN, &result));
    *writer = sim_fork(e, write_log, 0, log);
    return e;
}

static void
crash(pid_t *pids, int count)
{
    for (int i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < count; i++)
        EXPECT_EQ(waitpid(pids[i], NULL, 0), pids[i]);
}

TEST(wal, a_committed_row_is_there_after_a_crash_and_an_open_one_is_not)
{
    Log *log = new_log();
    pid_t writer;
    Ctx *cx;
    Snapshot s;
    SimRow row;
    Tid tid;

    (void)open_engine(log, &cx, &writer);
    sim_table(cx, &log->table);
    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){1, 10, "one", 0});
    sim_commit(cx);
    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){2, 20, "two", 0});
    wal_wait_flushed(cx, wal_copied(cx->proc)); /* its row is in the log, its commit is not */
    crash(&writer, 1);

    (void)open_engine(log, &cx, &writer);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT(sim_get(cx, &log->table, &s, 1, &row, &tid));
    EXPECT_EQ(row.n, 10);
    EXPECT(!sim_get(cx, &log->table, &s, 2, &row, &tid));
    sim_commit(cx);
    sim_check(cx, &log->table);
    crash(&writer, 1);
    remove_log(log);
}

/* ---- torture ------------------------------------------------------------------------------------------------------ */

static Status
one_transfer(Ctx *cx, Log *log, int no, uint64_t x)
{
    Snapshot s;
    bool done;

    TRY(txn_snapshot(cx, &s));
    TRY(sim_add(cx, &log->table, &s, (int)(x % ACCOUNTS), -(int64_t)(x % 97), x >> 8, &done));
    txn_next_command(cx);
    if (x % 5 == 0) { /* and once more, in a savepoint that may be rolled back */
        TRY(txn_savepoint(cx));
        TRY(sim_add(cx, &log->table, &s, (int)(x / 7 % ACCOUNTS), 1, x >> 9, &done));
        if (x % 10 == 0) {
            txn_rollback_to(cx, 1);
        } else {
            txn_release(cx, 1);
            txn_next_command(cx);
            TRY(sim_add(cx, &log->table, &s, (int)(x / 11 % ACCOUNTS), -1, x >> 9, &done));
        }
        txn_next_command(cx);
    }
    TRY(sim_add(cx, &log->table, &s, (int)(x / 13 % ACCOUNTS), (int64_t)(x % 97), x >> 10, &done));
    txn_next_command(cx);
    return sim_add(cx, &log->table, &s, COUNTERS + no, 1, x >> 11, &done);
}

static bool
transfer_for_ever(Ctx *cx, int no, void *arg)
{
    Log *log = arg;
    uint64_t x = hash_u64(log->seed + (uint64_t)no * 1000003);

    cx->proc->log_asynchronous = false;
    for (;; x = hash_u64(x + 1)) {
        Status rc;

        SIM_OK(cx, txn_begin(cx, ISOLATION_READ_COMMITTED));
        rc = one_transfer(cx, log, no, x);
        if (rc != ST_OK || x % 23 == 0) {
            txn_abort(cx);
            ctx_error_clear(cx);
        } else {
            SIM_OK(cx, txn_commit(cx));
            atomic_fetch_add(&log->acknowledged[no], 1);
        }
        arena_reset(cx->arena);
    }
}

static bool
vacuum_for_ever(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    (void)no;
    for (;;) {
        HeapStats stats;

        SIM_OK(cx, heap_vacuum(cx, &log->table.heap, &log->table.index, 1, &stats));
        usleep(3000);
        arena_reset(cx->arena);
    }
}

static void
check_bank(Ctx *cx, Log *log)
{
    int64_t counted = 0;
    Snapshot s;

    sim_begin(cx);
    s = sim_snapshot(cx);
    for (int i = 0; i < WRITERS; i++) {
        int64_t told = atomic_load(&log->acknowledged[i]);
        SimRow row;
        Tid tid;

        SIM_EXPECT(sim_get(cx, &log->table, &s, COUNTERS + i, &row, &tid));
        ck_assert_msg(row.n == told || row.n == told + 1, "writer %d was told of %lld commits, there are %lld", i,
                      (long long)told, (long long)row.n);
        atomic_store(&log->acknowledged[i], row.n);
        counted += row.n;
    }
    EXPECT_EQ(sim_sum(cx, &log->table, &s) - counted, (int64_t)ACCOUNTS * START_N);
    EXPECT_EQ(sim_count(cx, &log->table, &s), ACCOUNTS + WRITERS);
    sim_commit(cx);
    sim_check(cx, &log->table);
}

/* Everybody is killed at a random instant, many times; what was acknowledged is there, and nothing is half there. */
TEST(wal, killed_at_any_instant_nothing_acknowledged_is_lost)
{
    int rounds = sim_world() ? 300 : 12;
    Log *log = new_log();
    pid_t pids[WRITERS + 2];
    Engine *e;
    Ctx *cx;

    e = open_engine(log, &cx, &pids[0]);
    sim_table(cx, &log->table);
    sim_begin(cx);
    for (int i = 0; i < ACCOUNTS; i++)
        sim_insert(cx, &log->table, (SimRow){i, START_N, "an account", 0});
    for (int i = 0; i < WRITERS; i++)
        sim_insert(cx, &log->table, (SimRow){COUNTERS + i, 0, "a counter", 0});
    sim_commit(cx);
    for (int round = 0; round < rounds; round++) {
        log->seed = hash_u64(log->seed);
        for (int i = 0; i < WRITERS; i++)
            pids[1 + i] = sim_fork(e, transfer_for_ever, i, log);
        pids[WRITERS + 1] = sim_fork(e, vacuum_for_ever, 0, log);
        usleep((useconds_t)(20000 + log->seed % 80000));
        crash(pids, WRITERS + 2);
        engine_detach(cx);
        e = open_engine(log, &cx, &pids[0]);
        check_bank(cx, log);
    }
    crash(pids, 1);
    printf("%lld commits\n", (long long)atomic_load(&log->acknowledged[0]));
    remove_log(log);
}
