#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/interrupt.h"
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
quiet_open_log(Quiet *q, Log *log)
{
    pid_t pids[2];

    q->log = log;
    q->log->solo = true;
    q->engine = sim_log_open(q->log, &q->cx, pids);
    sim_table(q->cx, &q->log->table);
    sim_kill_outside(q->engine, pids[0]);
    SIM_OK(q->cx, wal_writer_open(q->cx, &q->w, &q->log->dir));
    SIM_OK(q->cx, wal_writer_drain(q->cx, &q->w));
}

static void
quiet_open(Quiet *q)
{
    quiet_open_log(q, sim_log_new());
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

static void
commit_alone(Log *log)
{
    uint64_t before;
    Quiet q;

    quiet_open_log(&q, log);
    before = syncs(q.cx);
    EXPECT(sim_join(sim_fork(q.engine, commit_ten, 0, q.log)));
    EXPECT_EQ(syncs(q.cx), before + 10);
    EXPECT_EQ(wal_flushed(q.cx->proc), wal_position(q.cx->proc));
    quiet_close(&q, 10);
}

TEST(wal_solo, a_session_that_is_alone_needs_no_log_writer)
{
    commit_alone(sim_log_new());
}

TEST(wal_solo, a_session_that_is_alone_encrypts_what_it_flushes)
{
    commit_alone(sim_log_new_encrypted());
}

/* A child that commits, and has asked the log writer for it. */
static pid_t
fork_asking(Engine *e, Log *log)
{
    pid_t child;

    stop_point_arm("wal.wanted", 0);
    child = sim_fork(e, commit_one, 0, log);
    EXPECT(stop_point_wait("wal.wanted", PATIENCE_MS, NULL));
    stop_point_release("wal.wanted");
    return child;
}

TEST(wal_solo, a_session_that_is_not_alone_asks_the_log_writer)
{
    uint64_t before;
    pid_t child;
    Quiet q;
    Xid xid;

    EXPECT(stop_board_create());
    quiet_open(&q);
    sim_begin(q.cx);
    SIM_OK(q.cx, txn_assign_id(q.cx, &xid));
    before = syncs(q.cx);
    child = fork_asking(q.engine, q.log);
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

    while (!atomic_load(&log->stop))
        (void)commit_one(cx, no, arg);
    return true;
}

/* A child that has come to `point` while it flushes by itself: one where nobody else comes. */
static pid_t
fork_stopped_at(Engine *e, Log *log, const char *point)
{
    pid_t child;

    atomic_store(&log->stop, 0);
    child = sim_fork(e, commit_many, 0, log);
    stop_point_arm(point, child);
    EXPECT(stop_point_wait(point, PATIENCE_MS, NULL));
    return child;
}

/* *writer: a log writer that sleeps for long. Whoever it is not called for is not served. */
static Engine *
open_called(Log *log, Ctx **cx, pid_t *writer)
{
    pid_t pids[2];
    Engine *e;

    EXPECT(stop_board_create());
    log->solo = true;
    e = sim_log_open(log, cx, pids);
    sim_table(*cx, &log->table);
    sim_kill_outside(e, pids[0]);
    *writer = sim_fork(e, sim_log_write, 10 * PATIENCE_MS, log);
    return e;
}

TEST(wal_solo, who_comes_meanwhile_is_served_by_the_log_writer)
{
    uint64_t start_us = env_mono_us(env_system());
    pid_t writer, first, second;
    Log *log = sim_log_new();
    WalCounts counts;
    Engine *e;
    Ctx *cx;

    e = open_called(log, &cx, &writer);
    for (int i = 0; i < 20; i++) {
        first = fork_stopped_at(e, log, "wal.solo_written");
        second = fork_asking(e, log);
        atomic_store(&log->stop, 1);
        stop_point_release("wal.solo_written");
        EXPECT(sim_join(first));
        EXPECT(sim_join(second));
    }
    EXPECT(env_mono_us(env_system()) - start_us < PATIENCE_MS * UINT64_C(1000));
    wal_counts(cx->proc, &counts);
    EXPECT_EQ(counts.late, 0);
    sim_crash(&writer, 1);
    engine_detach(cx);
    expect_recovered(log, atomic_load(&log->acknowledged[0]));
}

/* The log writer sleeps when it can not have the pen: it is called again by who gives it. */
TEST(wal_solo, who_was_called_for_meanwhile_is_called_again)
{
    ChangeGate *gate;
    uint32_t bell;
    pid_t child;
    Quiet q;

    EXPECT(stop_board_create());
    quiet_open(&q);
    gate = &page_cache(q.cx->proc)->gate;
    bell = atomic_load(&gate->maker_bell);
    EXPECT(sim_join(sim_fork(q.engine, commit_one, 0, q.log)));
    EXPECT_EQ(atomic_load(&gate->maker_bell), bell);
    stop_point_arm("wal.solo_written", 0);
    child = sim_fork(q.engine, commit_one, 0, q.log);
    EXPECT(stop_point_wait("wal.solo_written", PATIENCE_MS, NULL));
    change_gate_call(gate);
    EXPECT(!wal_pen_take(q.cx->proc));
    stop_point_release("wal.solo_written");
    EXPECT(sim_join(child));
    EXPECT_EQ(atomic_load(&gate->maker_bell), bell + 2);
    quiet_close(&q, 2);
}

/* Killed anywhere, it leaves the pen to the log writer, whether the janitor comes first or not. */
static void
kill_at(Log *log, const char *const *points, int point_count)
{
    uint64_t start_us = env_mono_us(env_system());
    uint32_t idle_ms;
    pid_t writer;
    Engine *e;
    Ctx *cx;

    e = open_called(log, &cx, &writer);
    for (int i = 0; i < 2 * point_count; i++) {
        const char *point = points[i / 2];
        bool is_early =
            strncmp(point, "wal.portion_", 12) == 0; /* others come there, but not for this session */
        pid_t first = fork_stopped_at(e, log, is_early ? point : "wal.solo_written"), second;

        if (!is_early && strcmp(point, "wal.solo_written") != 0) {
            stop_point_arm(point, first);
            stop_point_release("wal.solo_written");
            EXPECT(stop_point_wait(point, PATIENCE_MS, NULL));
        }
        second = fork_asking(e, log);
        sim_kill_outside(e, first);
        stop_point_release(point);
        if (i % 2 == 0)
            SIM_OK(cx, engine_janitor_step(cx, &idle_ms));
        EXPECT(sim_join(second));
        EXPECT_EQ(wal_flushed(cx->proc), wal_position(cx->proc));
        SIM_OK(cx, engine_janitor_step(cx, &idle_ms));
    }
    EXPECT(env_mono_us(env_system()) - start_us < PATIENCE_MS * UINT64_C(1000));
    sim_crash(&writer, 1);
    engine_detach(cx);
    expect_recovered(log, atomic_load(&log->acknowledged[0]) + 2 * point_count); /* the killed had committed */
}

TEST(wal_solo, a_session_that_is_killed_while_it_flushes_leaves_nobody_waiting)
{
    static const char *const points[] = {"wal.solo_written", "wal.before_sync", "wal.flushed",
                                         "wal.solo_given"};

    kill_at(sim_log_new(), points, COUNT_OF(points));
}

TEST(wal_solo, a_session_that_is_killed_while_it_encrypts_leaves_nobody_waiting)
{
    static const char *const points[] = {"wal.portion_settled", "wal.portion_written", "wal.portion_noted",
                                         "wal.solo_written",    "wal.before_sync",     "wal.flushed",
                                         "wal.solo_given"};

    kill_at(sim_log_new_encrypted(), points, COUNT_OF(points));
}

/* It was killed when it had written, before it said that the ring has room again. */
TEST(wal_solo, room_in_the_ring_is_given_for_a_session_that_was_killed)
{
    ChangeGate *gate;
    uint32_t idle_ms;
    uint64_t room;
    pid_t child;
    Quiet q;

    EXPECT(stop_board_create());
    quiet_open(&q);
    gate = &page_cache(q.cx->proc)->gate;
    child = fork_stopped_at(q.engine, q.log, "wal.written_noted");
    sim_kill_outside(q.engine, child);
    stop_point_release("wal.written_noted");
    room = atomic_load(&gate->room);
    EXPECT(wal_pen_take(q.cx->proc));
    EXPECT(atomic_load(&gate->room) > room);
    wal_pen_give(q.cx->proc);
    SIM_OK(q.cx, wal_writer_drain(q.cx, &q.w));
    SIM_OK(q.cx, engine_janitor_step(q.cx, &idle_ms));
    quiet_close(&q, atomic_load(&q.log->acknowledged[0]) + 1);
}

/* Another process in the slot of a dead one is not taken for it. */
TEST(wal_solo, the_pen_names_its_process_and_not_its_slot)
{
    uint64_t marks[2];
    uint32_t idle_ms;
    Quiet q;

    EXPECT(stop_board_create());
    quiet_open(&q);
    SIM_OK(q.cx, engine_janitor_step(q.cx, &idle_ms)); /* the first log writer's slot is free */
    for (int i = 0; i < 2; i++) {
        pid_t child = fork_stopped_at(q.engine, q.log, "wal.solo_written");

        marks[i] = atomic_load(&wal_shared(q.cx->proc)->pen);
        sim_kill_outside(q.engine, child);
        stop_point_release("wal.solo_written");
        SIM_OK(q.cx, wal_writer_drain(q.cx, &q.w));
        SIM_OK(q.cx, engine_janitor_step(q.cx, &idle_ms));
    }
    EXPECT_EQ(marks[0] >> 32, marks[1] >> 32);
    EXPECT(marks[0] != marks[1]);
    quiet_close(&q, atomic_load(&q.log->acknowledged[0]) + 2);
}

enum {
    ROWS = 100,
    LARGE = 4
}; /* rows of a transaction; of each seventh so many times more: above WAL_SEALING_BYTES */

static int
rows_of(int i)
{
    return i % 7 == 3 ? LARGE * ROWS : ROWS;
}

static bool
commit_segments(Ctx *cx, int no, void *arg)
{
    char text[1001];
    int id = 0;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < no; i++) {
        sim_begin(cx);
        for (int k = 0; k < rows_of(i); k++) {
            sim_insert(cx, &((Log *)arg)->table, (SimRow){id++, no, text, 0});
            arena_reset(cx->arena);
        }
        sim_commit(cx);
    }
    return true;
}

static void
fill_segments(Log *log)
{
    int transactions = (int)(2 * WAL_SEGMENT_BYTES / 140000), rows = 0;
    pid_t pids[2];
    uint64_t segment;
    Engine *e;
    Ctx *cx;

    for (int i = 0; i < transactions; i++)
        rows += rows_of(i);
    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    segment = atomic_load(&wal_shared(cx->proc)->segment);
    EXPECT(sim_join(sim_fork(e, commit_segments, transactions, log)));
    EXPECT(atomic_load(&wal_shared(cx->proc)->segment) >= segment + WAL_SEGMENT_BYTES);
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, rows);
}

TEST(wal_solo, it_goes_on_in_the_next_segment)
{
    fill_segments(sim_log_new());
}

TEST(wal_solo, it_goes_on_in_the_next_segment_of_an_encrypted_log)
{
    fill_segments(sim_log_new_encrypted());
}

/* ---- trouble ---------------------------------------------------------------------------------------------------- */

static int refused; /* how often */

static ssize_t
write_no_space(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    (void)env, (void)fd, (void)data, (void)bytes, (void)at;
    refused++;
    errno = ENOSPC;
    return -1;
}

static int
open_too_many(Env *env, const char *path, int flags, mode_t mode)
{
    (void)env, (void)path, (void)flags, (void)mode;
    refused++;
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

typedef enum Trouble { NO_SPACE, NO_FILES, NO_FLUSH } Trouble;

static Env
world_with(const Env *real, Trouble trouble)
{
    Env env = *real;

    switch (trouble) {
    case NO_SPACE: env.pwrite = write_no_space; break;
    case NO_FILES: env.open = open_too_many; break;
    case NO_FLUSH: env.sync = sync_fails; break;
    }
    return env;
}

/* Commits until something was refused. */
static bool
commit_in(Ctx *cx, int trouble, void *arg)
{
    Env *real = cx->env, env = world_with(real, (Trouble)trouble);
    bool ok = true;

    signal(SIGABRT, SIG_DFL); /* a sanitizer would tell of it */
    cx->env = &env;
    while (ok && refused == 0)
        ok = commit_one(cx, 0, arg) && cx->error.message == NULL;
    cx->env = real;
    return ok;
}

static void
commit_in_trouble(Log *log)
{
    pid_t pids[2];
    Engine *e;
    Ctx *cx;

    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    EXPECT(sim_join(sim_fork(e, commit_in, NO_SPACE, log)));
    EXPECT(sim_join(sim_fork(e, commit_in, NO_FILES, log)));
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, atomic_load(&log->acknowledged[0]));
}

TEST(wal_solo, what_it_can_not_do_the_log_writer_does)
{
    commit_in_trouble(sim_log_new());
}

TEST(wal_solo, what_it_can_not_do_in_an_encrypted_log_the_log_writer_does)
{
    commit_in_trouble(sim_log_new_encrypted());
}

/* S3: with a full disk; what it has encrypted may be part of what is there. */
static bool
flush_twice(Ctx *cx, int no, void *arg)
{
    Env *real = cx->env, env = world_with(real, NO_SPACE);
    Log *log = arg;
    Lsn end;

    sim_begin(cx);
    sim_insert(cx, &log->table, (SimRow){0, no, "a row", 0});
    end = wal_copied(cx->proc);
    cx->env = &env;
    for (int i = 0; i < 2; i++) {
        if (wal_solo_flush(cx, end) || refused != 1)
            return false;
    }
    cx->env = real;
    sim_commit(cx);
    return true;
}

TEST(wal_solo, no_place_is_encrypted_twice_by_one_process)
{
    Log *log = sim_log_new_encrypted();
    pid_t pids[2];
    Engine *e;
    Ctx *cx;

    log->solo = true;
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    EXPECT(sim_join(sim_fork(e, flush_twice, 0, log)));
    sim_crash(pids, 2);
    engine_detach(cx);
    expect_recovered(log, 1);
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
    child = sim_fork(q.engine, commit_in, NO_FLUSH, q.log);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_EQ(atomic_load(&txn_shared(q.cx->proc)->visible_csn), visible);
    EXPECT(!wal_pen_take(q.cx->proc)); /* nobody flushes behind it */
    wal_writer_close(q.cx, &q.w);
    engine_detach(q.cx);
    sim_log_remove(q.log);
}

/* The system says once that a flush failed: the next would succeed. */
TEST(wal_solo, behind_a_log_writer_whose_flush_has_failed_nobody_flushes)
{
    Env *real, env;
    pid_t child;
    Quiet q;

    EXPECT(stop_board_create());
    quiet_open(&q);
    real = q.cx->env;
    env = world_with(real, NO_FLUSH);
    sim_begin(q.cx);
    sim_insert(q.cx, &q.log->table, (SimRow){1000, 0, "a row", 0});
    txn_abort(q.cx);
    q.cx->env = &env;
    EXPECT_EQ(wal_writer_drain(q.cx, &q.w), ST_IO);
    EXPECT_STR(q.cx->error.sqlstate, "58030");
    ctx_error_clear(q.cx);
    q.cx->env = real;
    child = fork_asking(q.engine, q.log);
    sim_kill_outside(q.engine, child);
    EXPECT_EQ(atomic_load(&q.log->acknowledged[0]), 0);
    EXPECT(!wal_pen_take(q.cx->proc));
    wal_writer_close(q.cx, &q.w);
    engine_detach(q.cx);
    sim_log_remove(q.log);
}

TEST(wal_solo, a_log_writer_that_is_told_to_end_while_the_disk_is_full_leaves_the_pen)
{
    Env *real, full;
    Quiet q;

    quiet_open(&q);
    real = q.cx->env;
    full = world_with(real, NO_SPACE);
    sim_begin(q.cx);
    sim_insert(q.cx, &q.log->table, (SimRow){1000, 0, "a row", 0});
    q.cx->env = &full;
    atomic_fetch_or(q.cx->interrupt, INTERRUPT_TERMINATE);
    EXPECT_EQ(wal_writer_drain(q.cx, &q.w), ST_IO);
    EXPECT_STR(q.cx->error.sqlstate, "53100");
    ctx_error_clear(q.cx);
    atomic_store(q.cx->interrupt, 0);
    q.cx->env = real;
    wal_writer_close(q.cx, &q.w);
    EXPECT(wal_pen_take(q.cx->proc));
    wal_pen_give(q.cx->proc);
    SIM_OK(q.cx, wal_writer_open(q.cx, &q.w, &q.log->dir)); /* another one */
    sim_commit(q.cx);
    quiet_close(&q, 1);
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
