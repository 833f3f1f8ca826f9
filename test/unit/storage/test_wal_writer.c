#include <unistd.h>

#include "base/stop_point.h"
#include "sim_log.h"
#include "storage/wal/wal_shared.h"
#include "storage/wal/wal_writer.h"

static bool
commit_some(Ctx *cx, int no, void *arg)
{
    Log *log = arg;

    for (int i = 0; i < 20; i++) {
        sim_begin(cx);
        sim_insert(cx, &log->table, (SimRow){1000 * (no + 1) + i, i, "a row", 0});
        sim_commit(cx);
        atomic_fetch_add(&log->acknowledged[0], 1);
    }
    return true;
}

static uint64_t
late_waits(const Ctx *cx)
{
    WalCounts counts;

    wal_counts(cx->proc, &counts);
    return counts.late;
}

TEST(wal_writer, who_waits_for_a_flush_does_not_wait_longer)
{
    Log *log = sim_log_new();
    pid_t pids[2], workers[WRITERS];
    Engine *e;
    Ctx *cx;

    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    for (int i = 0; i < WRITERS; i++)
        workers[i] = sim_fork(e, commit_some, i, log);
    for (int i = 0; i < WRITERS; i++)
        EXPECT(sim_join(workers[i]));
    EXPECT_EQ(late_waits(cx), 0);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* Rows of a thousand bytes, until the log is in its next segment. */
static bool
fill_segment(Ctx *cx, int no, void *arg)
{
    Log *log = arg;
    char text[1001];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    sim_begin(cx);
    for (int i = 0; i < (int)(WAL_SEGMENT_BYTES / 1000); i++) {
        sim_insert(cx, &log->table, (SimRow){i, no, text, 0});
        arena_reset(cx->arena);
    }
    sim_commit(cx);
    return true;
}

TEST(wal_writer, a_full_segment_is_flushed_by_another_writer_when_one_was_killed)
{
    Log *log = sim_log_new();
    WalCounts before, after;
    pid_t pids[2], worker;
    WalWriter w;
    Engine *e;
    Ctx *cx;

    EXPECT(stop_board_create());
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    stop_point_arm("wal.segment_full", pids[0]);
    worker = sim_fork(e, fill_segment, 0, log);
    EXPECT(stop_point_wait("wal.segment_full", 20000, NULL));
    sim_kill_outside(e, pids[0]);
    stop_point_release("wal.segment_full");
    wal_counts(cx->proc, &before);
    SIM_OK(cx, wal_writer_open(cx, &w, &log->dir));
    wal_counts(cx->proc, &after);
    EXPECT(w.current.first > wal_segment_first(wal_flushed(cx->proc)));
    EXPECT_EQ(after.syncs, before.syncs + 1);
    wal_writer_close(cx, &w);
    pids[0] = sim_fork(e, sim_log_write, 0, log);
    EXPECT(sim_join(worker));
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* The writer dies with a portion half done, and another one goes on; then everybody dies. */
static void
kill_writers(Log *log, const char *const *points, int count)
{
    pid_t pids[3];
    Engine *e;
    Snapshot s;
    Ctx *cx;

    EXPECT(stop_board_create());
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    for (int i = 0; i < count; i++) {
        pid_t worker;

        stop_point_arm(points[i], pids[0]);
        worker = sim_fork(e, commit_some, i, log);
        EXPECT(stop_point_wait(points[i], 10000, NULL));
        sim_kill_outside(e, pids[0]);
        stop_point_release(points[i]);
        pids[0] = sim_fork(e, sim_log_write, 0, log);
        EXPECT(sim_join(worker));
    }
    EXPECT_EQ(late_waits(cx), 0);
    sim_crash(pids, 2);
    engine_detach(cx);
    (void)sim_log_open(log, &cx, pids);
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &log->table, &s), 20 * count);
    EXPECT_EQ(atomic_load(&log->acknowledged[0]), 20 * count);
    sim_commit(cx);
    sim_check(cx, &log->table);
    sim_crash(pids, 2);
    sim_log_remove(log);
}

/* All that there is has been written when it dies: the next one has nothing to write that would say so. */
TEST(wal_writer, a_writer_that_is_killed_before_it_gives_room_leaves_nobody_waiting)
{
    Log *log = sim_log_new();
    pid_t pids[2], workers[2];
    ChangeGate *gate;
    Engine *e;
    Ctx *cx;

    EXPECT(stop_board_create());
    e = sim_log_open(log, &cx, pids);
    sim_table(cx, &log->table);
    gate = &page_cache(cx->proc)->gate;
    stop_point_arm("wal.before_sync", pids[0]);
    workers[0] = sim_fork(e, commit_some, 100, log);
    EXPECT(stop_point_wait("wal.before_sync", 10000, NULL));
    workers[1] = sim_fork(e, fill_segment, 0, log);
    for (int i = 0; i < 10000 && change_gate_open(gate); i++)
        usleep(1000);
    EXPECT(!change_gate_open(gate));
    stop_point_arm("wal.written_noted", pids[0]);
    stop_point_release("wal.before_sync");
    EXPECT(stop_point_wait("wal.written_noted", 10000, NULL));
    EXPECT_EQ(wal_shared(cx->proc)->written, gate->taken);
    sim_kill_outside(e, pids[0]);
    stop_point_release("wal.written_noted");
    pids[0] = sim_fork(e, sim_log_write, 0, log);
    EXPECT(sim_join_all(workers, 2));
    sim_crash(pids, 2);
    sim_log_remove(log);
}

TEST(wal_writer, another_writer_goes_on_where_one_was_killed)
{
    static const char *const points[] = {"wal.before_sync", "wal.flushed"};

    kill_writers(sim_log_new(), points, COUNT_OF(points));
}

TEST(wal_writer, another_writer_goes_on_where_one_was_killed_in_an_encrypted_log)
{
    static const char *const points[] = {"wal.portion_settled", "wal.portion_written", "wal.portion_noted",
                                         "wal.before_sync", "wal.flushed"};

    kill_writers(sim_log_new_encrypted(), points, COUNT_OF(points));
}
