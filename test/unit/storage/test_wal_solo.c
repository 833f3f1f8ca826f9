#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "shmem/proc/slot.h"
#include "sim_log.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal_pen.h"
#include "storage/wal/wal_solo.h"
#include "storage/wal/wal_writer.h"

enum { PATIENCE_MS = 10000 };

/* An engine whose sessions may flush by themselves, and a log writer that does nothing unless it is told to: *w, of this process. */
typedef struct Quiet {
    Log *log;
    Engine *engine;
    Ctx *cx;
    WalWriter w;
} Quiet;

static void
quiet_open(Quiet *q)
{
    pid_t pids[2];

    q->log = sim_log_new();
    q->log->solo = true;
    q->engine = sim_log_open(q->log, &q->cx, pids);
    sim_table(q->cx, &q->log->table);
    sim_kill_outside(q->engine, pids[0]);
    SIM_OK(q->cx, wal_writer_open(q->cx, &q->w, &q->log->dir));
    SIM_OK(q->cx, wal_writer_drain(q->cx, &q->w));
}

static uint64_t
syncs(const Ctx *cx)
{
    WalCounts counts;

    wal_counts(cx->proc, &counts);
    return counts.syncs;
}

/* Everybody is gone; `rows` are found in what is on disk. */
static void
expect_recovered(Log *log, int64_t rows)
{
    pid_t pids[2];
    Snapshot s;
    Ctx *cx;

    log->solo = false;
    (void)sim_log_open(log, &cx, pids);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &log->table, &s), rows);
    sim_commit(cx);
    sim_check(cx, &log->table);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

static void
quiet_close(Quiet *q, int64_t rows)
{
    wal_writer_close(q->cx, &q->w);
    engine_detach(q->cx);
    expect_recovered(q->log, rows);
}

/* Each row gets a key of its own: log->acknowledged[1] is the next. */
static bool
commit_one(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){(int32_t)atomic_fetch_add(&log->acknowledged[1], 1), no, "a row", 0});
    sim_commit(cx);
    atomic_fetch_add(&log->acknowledged[0], 1);
    return true;
}

static bool
commit_ten(Ctx *cx, int no, void *arg)
{
    for (int i = 0; i < 10; i++)
        (void)commit_one(cx, no, arg);
    return true;
}

TEST(wal_solo, a_session_that_is_alone_needs_no_log_writer)
{
    uint64_t before;
    Quiet q;

    quiet_open(&q);
    before = syncs(q.cx);
    EXPECT(sim_join(sim_fork(q.engine, commit_ten, 0, q.log)));
    EXPECT_EQ(syncs(q.cx), before + 10);
    EXPECT_EQ(wal_flushed(q.cx->proc), wal_position(q.cx->proc));
    quiet_close(&q, 10);
}

TEST(wal_solo, a_session_that_is_not_alone_asks_the_log_writer)
{
    WalShared *shared;
    uint64_t before;
    pid_t child;
    Quiet q;
    Xid xid;

    quiet_open(&q);
    shared = wal_shared(q.cx->proc);
    sim_begin(q.cx);
    SIM_OK(q.cx, txn_assign_id(q.cx, &xid));
    before = syncs(q.cx);
    child = sim_fork(q.engine, commit_one, 0, q.log);
    for (int i = 0; i < PATIENCE_MS && atomic_load(&shared->wanted) <= wal_flushed(q.cx->proc); i++)
        usleep(1000);
    EXPECT(atomic_load(&shared->wanted) > wal_flushed(q.cx->proc));
    EXPECT_EQ(syncs(q.cx), before);
    SIM_OK(q.cx, wal_writer_step(q.cx, &q.w, 1));
    EXPECT(sim_join(child));
    EXPECT_EQ(syncs(q.cx), before + 1);
    sim_commit(q.cx);
    quiet_close(&q, 1);
}

/* Again and again until log->stop: now and then the log writer has the pen when it comes. */
static bool
commit_many(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    while (!atomic_load(&log->stop)) {
        (void)commit_one(cx, no, arg);
        usleep(1000);
    }
    return true;
}

/* A child that flushes by itself, and has come to `point` with that. */
static pid_t
fork_stopped_at(Engine *e, Log *log, const char *point)
{
    pid_t child;
    int stopped;

    atomic_store(&log->stop, 0);
    child = sim_fork(e, commit_many, 0, log);
    stop_point_arm("wal.solo_written", child); /* where no one else comes */
    EXPECT(stop_point_wait("wal.solo_written", PATIENCE_MS, &stopped));
    EXPECT_EQ(stopped, child);
    if (strcmp(point, "wal.solo_written") == 0)
        return child;
    stop_point_arm(point, child);
    stop_point_release("wal.solo_written");
    EXPECT(stop_point_wait(point, PATIENCE_MS, NULL));
    return child;
}

/* It does not know who waits: whoever comes while a session flushes has to be served, too. */
TEST(wal_solo, who_comes_meanwhile_is_served_by_the_log_writer)
{
    pid_t pids[2], first, second;
    Log *log = sim_log_new();
    WalCounts counts;
    int64_t rows;
    Engine *e;
    Ctx *cx;

    EXPECT(stop_board_create());
    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    for (int i = 0; i < 20; i++) {
        first = fork_stopped_at(e, log, "wal.solo_written");
        second = sim_fork(e, commit_one, 0, log);
        usleep((useconds_t)(i * 1000));
        atomic_store(&log->stop, 1);
        stop_point_release("wal.solo_written");
        EXPECT(sim_join(first));
        EXPECT(sim_join(second));
    }
    wal_counts(cx->proc, &counts);
    EXPECT_EQ(counts.late, 0);
    rows = atomic_load(&log->acknowledged[0]);
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, rows);
}

/* Killed anywhere, it leaves the pen to the log writer, whether the janitor comes first or somebody who commits. */
TEST(wal_solo, a_session_that_is_killed_while_it_flushes_leaves_nobody_waiting)
{
    static const char *const points[] = {"wal.solo_written", "wal.before_sync", "wal.flushed"};
    Log *log = sim_log_new();
    WalCounts counts;
    uint32_t idle_ms;
    pid_t pids[2];
    int64_t rows;
    Engine *e;
    Ctx *cx;

    EXPECT(stop_board_create());
    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    for (int i = 0; i < (int)(2 * COUNT_OF(points)); i++) {
        sim_kill_outside(e, fork_stopped_at(e, log, points[i / 2]));
        stop_point_release(points[i / 2]);
        if (i % 2 == 0)
            SIM_OK(cx, engine_janitor_step(cx, &idle_ms));
        EXPECT(sim_join(sim_fork(e, commit_one, 0, log)));
        SIM_OK(cx, engine_janitor_step(cx, &idle_ms));
    }
    wal_counts(cx->proc, &counts);
    EXPECT_EQ(counts.late, 0);
    rows = atomic_load(&log->acknowledged[0]) + 2 * (int64_t)COUNT_OF(points); /* the killed had committed */
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, rows);
}

static bool
commit_segments(Ctx *cx, int no, void *arg)
{
    char text[1001];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < no; i++) {
        sim_begin(cx);
        for (int k = 0; k < 100; k++) {
            sim_insert(cx, &((Log *)arg)->table, (SimRow){100 * i + k, no, text, 0});
            arena_reset(cx->arena);
        }
        sim_commit(cx);
    }
    return true;
}

TEST(wal_solo, it_goes_on_in_the_next_segment)
{
    int transactions = (int)(2 * WAL_SEGMENT_BYTES / 100000);
    Log *log = sim_log_new();
    pid_t pids[2];
    uint64_t segment;
    Engine *e;
    Ctx *cx;

    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    segment = atomic_load(&wal_shared(cx->proc)->segment);
    EXPECT(sim_join(sim_fork(e, commit_segments, transactions, log)));
    EXPECT(atomic_load(&wal_shared(cx->proc)->segment) >= segment + WAL_SEGMENT_BYTES);
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, 100 * transactions);
}

/* ---- trouble ---------------------------------------------------------------------------------------------------- */

static ssize_t
write_no_space(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    (void)env, (void)fd, (void)data, (void)bytes, (void)at;
    errno = ENOSPC;
    return -1;
}

static int
open_too_many(Env *env, const char *path, int flags, mode_t mode)
{
    (void)env, (void)path, (void)flags, (void)mode;
    errno = EMFILE;
    return -1;
}

static int
sync_fails(Env *env, int fd)
{
    (void)env, (void)fd;
    errno = EIO;
    return -1;
}

/* In a world where `change` has been made. */
static bool
commit_where(Ctx *cx, int no, void *arg, void (*change)(Env *env))
{
    Env env = *cx->env, *real = cx->env;
    bool ok;

    change(&env);
    cx->env = &env;
    ok = commit_one(cx, no, arg) && cx->error.message == NULL;
    cx->env = real;
    return ok;
}

static void
take_space(Env *env)
{
    env->pwrite = write_no_space;
}
static bool
commit_without_space(Ctx *cx, int no, void *arg)
{
    return commit_where(cx, no, arg, take_space);
}

static void
take_files(Env *env)
{
    env->open = open_too_many;
}
static bool
commit_without_files(Ctx *cx, int no, void *arg)
{
    return commit_where(cx, no, arg, take_files);
}

static void
take_flush(Env *env)
{
    env->sync = sync_fails;
}
static bool
commit_without_flush(Ctx *cx, int no, void *arg)
{
    return commit_where(cx, no, arg, take_flush);
}

TEST(wal_solo, what_it_can_not_do_the_log_writer_does)
{
    Log *log = sim_log_new();
    pid_t pids[2];
    Engine *e;
    Ctx *cx;

    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    EXPECT(sim_join(sim_fork(e, commit_without_space, 0, log)));
    EXPECT(sim_join(sim_fork(e, commit_without_files, 1, log)));
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, 2);
}

/* S1: what is on disk is not known any more. */
TEST(wal_solo, a_flush_that_fails_ends_the_process)
{
    Csn visible;
    int status;
    pid_t child;
    Quiet q;

    quiet_open(&q);
    visible = atomic_load(&txn_shared(q.cx->proc)->visible_csn);
    child = sim_fork(q.engine, commit_without_flush, 0, q.log);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_EQ(atomic_load(&txn_shared(q.cx->proc)->visible_csn), visible);
    wal_writer_close(q.cx, &q.w);
    engine_detach(q.cx);
    sim_log_remove(q.log);
}

TEST(wal_solo, a_session_that_rests_has_no_file_open)
{
    Quiet q;

    quiet_open(&q);
    (void)commit_one(q.cx, 0, q.log);
    EXPECT(engine_has_files(q.cx));
    engine_rest(q.cx);
    EXPECT(!engine_has_files(q.cx));
    (void)commit_one(q.cx, 1, q.log);
    EXPECT(engine_has_files(q.cx));
    quiet_close(&q, 2);
}
