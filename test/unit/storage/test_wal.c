#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim_log.h"
#include "storage/engine/engine_log.h"
#include "storage/heap/heap_resolve.h"
#include "storage/wal/wal_end.h"
#include "storage/wal/wal_reader.h"
#include "storage/wal/wal_shared.h"

TEST(wal, who_waits_is_woken_by_the_flush_that_serves_it)
{
    uint64_t turn_5 = 100 * WAL_TURNS + 5, turn_31 = 100 * WAL_TURNS + 31;

    EXPECT_EQ(wal_turn_bit(turn_5, 99), UINT32_C(1) << 5);
    EXPECT_EQ(wal_turn_bit(turn_5, 100), UINT32_C(1) << 5);
    EXPECT_EQ(wal_turn_bit(turn_5, 101), UINT32_C(1) << 6);
    EXPECT_EQ(wal_turn_bit(turn_31, 101), UINT32_C(1));
}

TEST(wal, a_committed_row_is_there_after_a_crash_and_an_open_one_is_not)
{
    Log *log = sim_log_new();
    pid_t pids[2];
    Ctx *cx;
    Snapshot s;
    SimRow row;
    Tid tid;

    (void)sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){1, 10, "one", 0});
    sim_commit(cx);
    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){2, 20, "two", 0});
    wal_wait_flushed(cx, wal_copied(cx->proc)); /* its row is in the log, its commit is not */
    sim_crash(pids, 2);

    (void)sim_log_open(log, &cx, pids);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT(sim_get(cx, &log->table, &s, 1, &row, &tid));
    EXPECT_EQ(row.n, 10);
    EXPECT(!sim_get(cx, &log->table, &s, 2, &row, &tid));
    sim_commit(cx);
    sim_check(cx, &log->table);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* T6: or the id table would grow as long as nobody logs anything. */
TEST(wal, commits_that_log_nothing_let_ids_be_forgotten)
{
    Log *log = sim_log_new();
    Xid oldest, xid;
    pid_t pids[2];
    RowChange change;
    Snapshot s;
    Ctx *cx;
    Tid tid;
    Lsn end;

    (void)sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    sim_begin(cx);
    tid = sim_insert(cx, &log->table, (SimRow){1, 10, "one", 0});
    sim_commit(cx);
    end = wal_position(cx->proc);
    sim_begin(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_lock(cx, &log->table.heap, tid, &s, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &change));
    EXPECT_EQ(change.outcome, ROW_DONE);
    xid = atomic_load(&cx->proc->xid);
    SIM_OK(cx, page_raw_visit(cx, heap_resolve, &oldest));
    EXPECT_EQ(oldest, xid);
    sim_commit(cx);
    EXPECT_EQ(wal_position(cx->proc), end);
    SIM_OK(cx, page_raw_visit(cx, heap_resolve, &oldest));
    EXPECT_EQ(oldest, UINT64_MAX);
    sim_check(cx, &log->table);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* ---- torture ------------------------------------------------------------------------------------------------------ */

/* In a command of its own: it sees what the earlier ones did. */
static Status
change(Ctx *cx, Log *log, int id, int64_t add, uint64_t x)
{
    Snapshot s;
    bool done;

    TRY(txn_snapshot(cx, &s));
    TRY(sim_add(cx, &log->table, &s, id, add, x, &done));
    SIM_EXPECT(done);
    txn_next_command(cx);
    txn_snapshot_release(cx);
    return ST_OK;
}

static Status
one_transfer(Ctx *cx, Log *log, int no, uint64_t x)
{
    TRY(change(cx, log, (int)(x % ACCOUNTS), -(int64_t)(x % 97), x >> 8));
    if (x % 5 == 0) { /* and once more, in a savepoint that may be rolled back */
        TRY(txn_savepoint(cx));
        TRY(change(cx, log, (int)(x / 7 % ACCOUNTS), 1, x >> 9));
        if (x % 10 == 0) {
            txn_rollback_to(cx, 1);
            txn_next_command(cx);
        } else {
            txn_release(cx, 1);
            TRY(change(cx, log, (int)(x / 11 % ACCOUNTS), -1, x >> 9));
        }
    }
    TRY(change(cx, log, (int)(x / 13 % ACCOUNTS), (int64_t)(x % 97), x >> 10));
    return change(cx, log, COUNTERS + no, 1, x >> 11);
}

static bool
transfer_for_ever(Ctx *cx, int no, void *arg)
{
    Log *log = arg;
    uint64_t x = hash_u64(log->seed + (uint64_t)no * 1000003);

    cx->proc->log_asynchronous = false;
    for (; atomic_load(&log->stop) == 0; x = hash_u64(x + 1)) {
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
    return true;
}

static bool
vacuum_for_ever(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    (void)no;
    while (atomic_load(&log->stop) == 0) {
        HeapStats stats;

        SIM_OK(cx, heap_vacuum(cx, &log->table.heap, &log->table.index, 1, &stats));
        usleep(3000);
        arena_reset(cx->arena);
    }
    return true;
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
        ck_assert_msg(row.n == told || row.n == told + 1, "writer %d was told of %lld commits, there are %lld",
                      i, (long long)told, (long long)row.n);
        atomic_store(&log->acknowledged[i], row.n);
        counted += row.n;
    }
    EXPECT_EQ(sim_sum(cx, &log->table, &s) - counted, (int64_t)ACCOUNTS * START_N);
    EXPECT_EQ(sim_count(cx, &log->table, &s), ACCOUNTS + WRITERS);
    sim_commit(cx);
    sim_check(cx, &log->table);
}

/* ---- branches ----------------------------------------------------------------------------------------------------- */

static SimTable
table_of(const Log *log, BranchId branch)
{
    SimTable t = log->table;

    t.heap.branch = t.index.branch = branch;
    t.heap.layout.columns = log->table.columns;
    return t;
}

/* In any branch, whatever it has done since, the accounts and what the counters have counted hold the same sum. */
static void
check_branch(Ctx *cx, Log *log, BranchId branch)
{
    SimTable t = table_of(log, branch);
    int64_t counted = 0;
    Snapshot s;

    sim_begin(cx);
    s = sim_snapshot(cx);
    for (int i = 0; i < WRITERS; i++) {
        SimRow row;
        Tid tid;

        SIM_EXPECT(sim_get(cx, &t, &s, COUNTERS + i, &row, &tid));
        counted += row.n;
    }
    ck_assert_msg(sim_sum(cx, &t, &s) - counted == (int64_t)ACCOUNTS * START_N, "branch %u: %lld", branch,
                  (long long)(sim_sum(cx, &t, &s) - counted));
    ck_assert_int_eq(sim_count(cx, &t, &s), ACCOUNTS + WRITERS);
    sim_commit(cx);
    sim_check(cx, &t);
}

static void
change_branch(Ctx *cx, Log *log, BranchId branch, uint64_t x)
{
    SimTable t = table_of(log, branch);
    bool done;

    for (int i = 0; i < 5; i++, x = hash_u64(x)) {
        Snapshot s;

        sim_begin(cx);
        s = sim_snapshot(cx);
        SIM_OK(cx, sim_add(cx, &t, &s, (int)(x % ACCOUNTS), -7, x >> 8, &done));
        txn_next_command(cx);
        s = sim_snapshot(cx);
        SIM_OK(cx, sim_add(cx, &t, &s, (int)(x / 3 % ACCOUNTS), 7, x >> 9, &done));
        if (x % 5 == 0)
            txn_abort(cx);
        else
            sim_commit(cx);
    }
}

static void
drop_branch(Ctx *cx, BranchId branch)
{
    sim_begin(cx);
    SIM_OK(cx, engine_branch_drop(cx, branch));
    sim_commit(cx);
}

/* Forks the bank, or one of its copies, while others work on it. */
static bool
fork_for_ever(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    for (uint64_t x = hash_u64(log->seed + 77 + (uint64_t)no); atomic_load(&log->stop) == 0; x = hash_u64(x)) {
        _Atomic uint32_t *place = &log->kept[x % KEPT_MOST];
        BranchId parent = x % 3 == 0 ? atomic_load(&log->kept[x / 7 % KEPT_MOST]) : 1, old = atomic_load(place),
                 child;

        sim_begin(cx);
        SIM_OK(cx, engine_branch_fork(cx, parent != 0 ? parent : 1, &child));
        sim_commit(cx);
        check_branch(cx, log, child);
        change_branch(cx, log, child, x);
        check_branch(cx, log, child);
        atomic_store(place, child);
        if (old != 0)
            drop_branch(cx, old);
        arena_reset(cx->arena);
    }
    return true;
}

static void
check_kept(Ctx *cx, Log *log)
{
    for (int i = 0; i < KEPT_MOST; i++) {
        if (atomic_load(&log->kept[i]) != 0)
            check_branch(cx, log, atomic_load(&log->kept[i]));
    }
}

static Engine *
open_bank(Log *log, Ctx **cx, pid_t pids[2])
{
    Engine *e = sim_log_open(log, cx, pids);
    BranchId branch;

    sim_begin(*cx);
    SIM_OK(*cx, engine_branch_create(*cx, &branch));
    sim_commit(*cx);
    EXPECT_EQ(branch, 1); /* where sim_table makes its relations */
    sim_table(*cx, &log->table);
    sim_begin(*cx);
    for (int i = 0; i < ACCOUNTS; i++)
        sim_insert(*cx, &log->table, (SimRow){i, START_N, "an account", 0});
    for (int i = 0; i < WRITERS; i++)
        sim_insert(*cx, &log->table, (SimRow){COUNTERS + i, 0, "a counter", 0});
    sim_commit(*cx);
    return e;
}

static void
fork_workers(Engine *e, Log *log, pid_t pids[WRITERS + 2])
{
    log->seed = hash_u64(log->seed);
    for (int i = 0; i < WRITERS; i++)
        pids[i] = sim_fork(e, transfer_for_ever, i, log);
    pids[WRITERS] = sim_fork(e, vacuum_for_ever, 0, log);
    pids[WRITERS + 1] = sim_fork(e, fork_for_ever, 0, log);
}

/* Everybody is killed at a random instant, many times; what was acknowledged is there, and nothing is half there. */
static void
kill_all_again_and_again(Log *log, int rounds)
{
    pid_t pids[WRITERS + 4];
    Engine *e;
    Ctx *cx;

    e = open_bank(log, &cx, pids);
    for (int round = 0; round < rounds; round++) {
        fork_workers(e, log, pids + 2);
        usleep((useconds_t)(20000 + log->seed % 80000));
        sim_crash(pids, WRITERS + 4);
        /* We do not detach: what the dead have held in a critical section stays held, and nobody cleans up this memory. */
        e = sim_log_open(log, &cx, pids);
        check_bank(cx, log);
        check_kept(cx, log);
    }
    sim_crash(pids, 2);
    printf("%lld commits\n", (long long)atomic_load(&log->acknowledged[0]));
    sim_log_remove(log);
}

TEST(wal, killed_at_any_instant_nothing_acknowledged_is_lost)
{
    kill_all_again_and_again(sim_log_new(), sim_world() ? 60 : 12);
}

TEST(wal, killed_at_any_instant_an_encrypted_log_loses_nothing)
{
    kill_all_again_and_again(sim_log_new_encrypted(), sim_world() ? 60 : 12);
}

TEST(store, pages_come_and_go_while_they_change)
{
    int rounds = sim_world() ? 100 : 5;
    Log *log = sim_log_new_stored(24, 15000);
    pid_t pids[2], workers[WRITERS + 2];
    Ctx *cx;
    Engine *e = open_bank(log, &cx, pids);

    for (int round = 0; round < rounds; round++) {
        atomic_store(&log->stop, 0);
        fork_workers(e, log, workers);
        usleep(150000);
        atomic_store(&log->stop, 1);
        EXPECT(sim_join_all(workers, WRITERS + 2));
        check_bank(cx, log);
        check_kept(cx, log);
    }
    printf("%llu loads, %llu evictions\n", (unsigned long long)atomic_load(&page_cache(cx->proc)->loads),
           (unsigned long long)atomic_load(&page_cache(cx->proc)->evictions));
    EXPECT(atomic_load(&page_cache(cx->proc)->evictions) > 0);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* The same with a store, so small a cache that pages come and go, and a checkpoint every few milliseconds. */
TEST(store, what_was_acknowledged_survives_with_pages_that_come_and_go)
{
    Log *log = sim_log_new_stored(24, 15000);

    kill_all_again_and_again(log, sim_world() ? 300 : 12);
}

TEST(store, what_was_acknowledged_survives_encrypted)
{
    Log *log = sim_log_new_stored(24, 15000);

    EXPECT(env_system()->random(env_system(), &log->key, sizeof(log->key)));
    log->dir.data_key = log->store.data_key = &log->key;
    kill_all_again_and_again(log, sim_world() ? 300 : 12);
}

/* ---- where the log ends --------------------------------------------------------------------------------------------- */

enum { TREE_ROWS = 6000, CUTS_MOST = 4000, CUTS_TRIED = 60 };

typedef struct Cuts {
    Lsn at[CUTS_MOST];
    uint32_t count, merges;
} Cuts;

/* A tree that grows by splits and shrinks by merges, all of it in the log; returns where the changes begin. */
static Lsn
grow_and_shrink(Log *log)
{
    pid_t pids[2];
    HeapStats stats;
    Snapshot s;
    Lsn start;
    Ctx *cx;

    (void)sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){0, 0, "the first", 0});
    sim_commit(cx);
    start = wal_position(cx->proc);
    sim_begin(cx);
    for (int i = 1; i < TREE_ROWS; i++)
        sim_insert(cx, &log->table, (SimRow){i * 7919 % TREE_ROWS, i, NULL, 0});
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    for (int i = 0; i < TREE_ROWS; i++) {
        RowChange change;
        SimRow row;
        Tid tid;

        if (i % 16 == 0)
            continue;
        SIM_EXPECT(sim_get(cx, &log->table, &s, i, &row, &tid));
        SIM_OK(cx, heap_delete(cx, &log->table.heap, tid, &s, &change));
    }
    sim_commit(cx);
    SIM_OK(cx, heap_vacuum(cx, &log->table.heap, &log->table.index, 1, &stats));
    wal_wait_flushed(cx, wal_copied(cx->proc));
    sim_crash(pids, 2);
    engine_detach(cx);
    return start;
}

static bool
is_step_of_many(uint8_t kind)
{
    return kind == RECORD_BTREE_IMAGE || kind == RECORD_BTREE_LINK || kind == RECORD_BTREE_FLAGS ||
           kind == RECORD_BTREE_REMOVE_SLOT || kind == RECORD_BTREE_RETIRE;
}

static void
collect_cuts(Ctx *cx, const Log *log, Lsn start, Cuts *cuts)
{
    WalReader *reader;
    WalEntry e;
    bool found;

    SIM_OK(cx, wal_reader_open(cx, &log->dir, start, &reader));
    for (;;) {
        SIM_OK(cx, wal_reader_next(cx, reader, &e, &found));
        if (!found)
            break;
        cuts->merges += e.record.kind == RECORD_BTREE_REMOVE_SLOT;
        if (is_step_of_many(e.record.kind) && cuts->count < CUTS_MOST)
            cuts->at[cuts->count++] = e.end;
    }
    wal_reader_close(cx, reader);
}

/* A child, because an engine is made for each. */
static void
use_what_is_left(Log *log, int no)
{
    pid_t pid = fork();

    if (pid == 0) {
        Engine *e = sim_engine_logged(0, NULL);
        Ctx *cx = sim_session(e);
        RecoverResult result;

        SIM_OK(cx, engine_start_log(cx, &log->dir, WAL_FIRST_LSN, 0, &result));
        sim_check(cx, &log->table);
        cx->proc->log_asynchronous = true; /* nobody writes this log */
        sim_begin(cx);
        for (int i = 0; i < 400; i++)
            sim_insert(cx, &log->table, (SimRow){TREE_ROWS + i * 97 % 400, no, NULL, 0});
        for (int i = 1; i < TREE_ROWS; i += 16)
            SIM_OK(cx, btree_remove(cx, &log->table.index, sim_key(i, (uint8_t[5]){0}), 1));
        sim_commit(cx);
        sim_check(cx, &log->table);
        _exit(0);
    }
    EXPECT(sim_join(pid));
}

TEST(wal, a_tree_can_be_used_wherever_the_log_ends)
{
    Log *log = sim_log_new();
    Cuts *cuts = sim_shared(sizeof(*cuts));
    Lsn start = grow_and_shrink(log);
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    uint32_t step;

    collect_cuts(cx, log, start, cuts);
    EXPECT(cuts->merges > 3);
    /* The last ones, which are merges, each by itself; those before in steps. */
    step = sim_world() ? 1 : MAX_OF(cuts->count / CUTS_TRIED, 1u);
    for (uint32_t i = cuts->count; i > 0; i -= cuts->count - i < CUTS_TRIED ? 1 : MIN_OF(step, i)) {
        SIM_OK(cx, wal_segments_cut(cx, &log->dir, start, cuts->at[i - 1]));
        use_what_is_left(log, (int)i);
    }
    sim_log_remove(log);
}

/* An environment that notes what is written where. */
typedef struct NotingEnv {
    Env env;
    off_t first, last; /* of the bytes written */
    bool synced; /* after the last write */
} NotingEnv;

static ssize_t
noting_pwrite(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    NotingEnv *n = (NotingEnv *)env;

    n->first = MIN_OF(n->first, at);
    n->last = MAX_OF(n->last, at + (off_t)bytes);
    n->synced = false;
    return env_system()->pwrite(env_system(), fd, data, bytes, at);
}

static int
noting_sync(Env *env, int fd)
{
    ((NotingEnv *)env)->synced = true;
    return env_system()->sync(env_system(), fd);
}

TEST(wal, recovery_writes_again_what_it_has_read)
{
    Log *log = sim_log_new();
    Lsn start = grow_and_shrink(log), end = start;
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    NotingEnv noting = {.env = *env_system(), .first = INT64_MAX};
    WalReader *reader;
    WalEntry entry;
    bool found = true;

    SIM_OK(cx, wal_reader_open(cx, &log->dir, start, &reader));
    while (found) {
        SIM_OK(cx, wal_reader_next(cx, reader, &entry, &found));
        end = entry.end;
    }
    wal_reader_close(cx, reader);
    noting.env.pwrite = noting_pwrite;
    noting.env.sync = noting_sync;
    cx->env = &noting.env;
    SIM_OK(cx, wal_segments_cut(cx, &log->dir, start, end));
    EXPECT_EQ(wal_segment_first(start), wal_segment_first(end));
    EXPECT_EQ(noting.first, wal_file_offset(start));
    EXPECT_EQ(noting.last, WAL_SEGMENT_HEADER_BYTES + WAL_SEGMENT_BYTES);
    EXPECT(noting.synced);
    cx->env = env_system();
    SIM_OK(cx, wal_reader_open(cx, &log->dir, start, &reader)); /* the same as before */
    for (found = true; found;)
        SIM_OK(cx, wal_reader_next(cx, reader, &entry, &found));
    EXPECT_EQ(entry.end, end);
    wal_reader_close(cx, reader);
    sim_log_remove(log);
}

/* An environment in which the log writer makes a file while another one is about to get its name. */
typedef struct MeantimeEnv {
    Env env;
    const WalDir *dir;
    Lsn first;
} MeantimeEnv;

static int
meantime_sync(Env *env, int fd)
{
    const MeantimeEnv *m = (const MeantimeEnv *)env;
    char path[WAL_PATH_MOST];
    int made;

    wal_segment_path(m->dir, m->first, path);
    made = open(path, O_CREAT | O_WRONLY, 0600);
    EXPECT(made >= 0);
    EXPECT_EQ(write(made, "in use", 6), 6);
    close(made);
    return env_system()->sync(env_system(), fd);
}

TEST(wal, a_file_that_is_used_again_does_not_replace_one_that_has_come_meanwhile)
{
    Log *log = sim_log_new();
    Lsn start = grow_and_shrink(log), current = start + WAL_SEGMENT_BYTES,
        target = current + 2 * WAL_SEGMENT_BYTES;
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    MeantimeEnv meantime = {.env = *env_system(), .dir = &log->dir, .first = wal_segment_first(target)};
    char path[WAL_PATH_MOST], text[7] = "";
    int fd;

    meantime.env.sync = meantime_sync;
    cx->env = &meantime.env;
    SIM_OK(cx, wal_segments_recycle(cx, &log->dir, wal_segment_first(current), current, 8));
    cx->env = env_system();
    wal_segment_path(&log->dir, target, path);
    fd = open(path, O_RDONLY);
    EXPECT_EQ(read(fd, text, 6), 6);
    EXPECT_STR(text, "in use");
    close(fd);
    wal_segment_path(&log->dir, start, path);
    EXPECT(access(path, F_OK) != 0);
    sim_log_remove(log);
}

TEST(wal, a_log_that_was_durable_may_not_end_before)
{
    Log *log = sim_log_new();
    Lsn start = grow_and_shrink(log);
    Ctx *cx = sim_session(sim_engine_logged(0, NULL));
    WalSegment segment;
    bool exists;

    SIM_OK(cx, wal_verify_end(cx, &log->dir, start + 64 * 1024, 0) == ST_CORRUPT ? ST_OK : ST_ERROR);
    EXPECT(strstr(cx->error.message, "is damaged at byte") != NULL);
    /* Without what follows nothing tells of it, but the store may. */
    SIM_OK(cx, wal_segments_cut(cx, &log->dir, start, start));
    SIM_OK(cx, wal_verify_end(cx, &log->dir, start, start));
    EXPECT_EQ(wal_verify_end(cx, &log->dir, start, start + 8), ST_CORRUPT);
    /* A file is as long as it was made. */
    {
        char path[WAL_PATH_MOST];

        wal_segment_path(&log->dir, start, path);
        EXPECT_EQ(truncate(path, 1 << 20), 0);
    }
    EXPECT_EQ(wal_segment_open(cx, &log->dir, start, false, &segment, &exists), ST_CORRUPT);
    EXPECT(strstr(cx->error.message, "has 1048576 bytes instead of") != NULL);
    sim_log_remove(log);
}
