#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "harness.h"
#include "shmem/lock/lock_table.h"
#include "sim.h"

static LockKey
table_key(uint32_t relation)
{
    return (LockKey){.branch = 1, .a = relation, .kind = LOCK_KIND_RELATION};
}

static LockKey
advisory_key(uint64_t n)
{
    return (LockKey){.branch = 1, .b = n, .kind = LOCK_KIND_ADVISORY, .sub = 1};
}

static bool
can_lock(Ctx *cx, LockKey key, LockMode mode)
{
    bool granted;

    SIM_OK(cx, lock_try(cx, key, mode, LOCK_SPAN_BRIEF, &granted));
    if (granted)
        EXPECT(lock_release(cx, key, mode, LOCK_SPAN_BRIEF));
    return granted;
}

/* Is nobody counted who wants a strong lock on it? */
static bool
weak_ones_are_fast(Ctx *cx, LockKey key)
{
    LockRow rows[2];

    SIM_OK(cx, lock_acquire(cx, key, LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    EXPECT_EQ(lock_list(cx, rows, 2), 1);
    lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    return rows[0].fast_path;
}

TEST(lock, the_eight_modes_conflict_as_in_postgresql)
{
    static const char *const matrix[LOCK_MODE_COUNT] = {
        /* wanted: AS RS RE SUE S SRE E AE */
        [LOCK_ACCESS_SHARE] = ".......x",  [LOCK_ROW_SHARE] = "......xx",
        [LOCK_ROW_EXCLUSIVE] = "....xxxx", [LOCK_SHARE_UPDATE_EXCLUSIVE] = "...xxxxx",
        [LOCK_SHARE] = "..xx.xxx",         [LOCK_SHARE_ROW_EXCLUSIVE] = "..xxxxxx",
        [LOCK_EXCLUSIVE] = ".xxxxxxx",     [LOCK_ACCESS_EXCLUSIVE] = "xxxxxxxx",
    };
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);

    for (int held = 1; held < LOCK_MODE_COUNT; held++) {
        for (int wanted = 1; wanted < LOCK_MODE_COUNT; wanted++) {
            for (int kind = 0; kind < 2; kind++) {
                LockKey key = kind == 0 ? table_key(77) : advisory_key(77);

                SIM_OK(a, lock_acquire(a, key, (LockMode)held, LOCK_SPAN_TRANSACTION, false));
                ck_assert_msg(can_lock(b, key, (LockMode)wanted) == (matrix[held][wanted - 1] == '.'),
                              "held %s, wanted %s", lock_mode_name((LockMode)held),
                              lock_mode_name((LockMode)wanted));
                EXPECT(can_lock(a, key, (LockMode)wanted)); /* never against oneself */
                EXPECT(lock_held(a, key, (LockMode)held));
                EXPECT(!lock_held(b, key, LOCK_ACCESS_SHARE));
                lock_release_all(a, LOCK_SPAN_TRANSACTION);
                EXPECT(!lock_held(a, key, LOCK_ACCESS_SHARE));
                lock_table_check(a);
            }
        }
    }
}

TEST(lock, a_strong_lock_finds_weak_ones_on_the_fast_path)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    LockRow rows[8];

    SIM_OK(a, lock_acquire(a, table_key(5), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    EXPECT_EQ(lock_list(a, rows, 8), 1);
    EXPECT(rows[0].fast_path);
    EXPECT(!can_lock(b, table_key(5), LOCK_ACCESS_EXCLUSIVE));
    EXPECT_EQ(lock_list(a, rows, 8), 1);
    EXPECT(!rows[0].fast_path); /* moved into the table */
    EXPECT(lock_release(a, table_key(5), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION));
    EXPECT(can_lock(b, table_key(5), LOCK_ACCESS_EXCLUSIVE));
    EXPECT_EQ(lock_list(a, rows, 8), 0);
    SIM_OK(b, lock_acquire(b, table_key(5), LOCK_SHARE, LOCK_SPAN_TRANSACTION, false));
    EXPECT(!can_lock(a, table_key(5), LOCK_ROW_EXCLUSIVE));
    EXPECT(can_lock(a, table_key(5), LOCK_ROW_SHARE));
    lock_release_all(b, LOCK_SPAN_TRANSACTION);
    SIM_OK(a, lock_acquire(a, table_key(5), LOCK_ROW_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    EXPECT_EQ(lock_list(a, rows, 8), 1);
    EXPECT(rows[0].fast_path); /* the counter is back at zero */
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    lock_table_check(a);
}

TEST(lock, more_weak_locks_than_the_fast_path_holds)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    static LockRow rows[200];

    for (uint32_t i = 1; i <= 100; i++)
        SIM_OK(a, lock_acquire(a, table_key(i), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    EXPECT_EQ(lock_list(a, rows, 200), 100);
    for (uint32_t i = 1; i <= 100; i++)
        EXPECT(!can_lock(b, table_key(i), LOCK_ACCESS_EXCLUSIVE));
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    EXPECT_EQ(lock_list(a, rows, 200), 0);
    lock_table_check(a);
}

TEST(lock, grants_are_counted_by_span)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    LockKey key = advisory_key(1);

    SIM_OK(a, lock_acquire(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION, false));
    SIM_OK(a, lock_acquire(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION, false));
    SIM_OK(a, lock_acquire(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    EXPECT(lock_release(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION));
    EXPECT(!can_lock(b, key, LOCK_EXCLUSIVE));
    EXPECT(lock_release(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION));
    EXPECT(!lock_release(a, key, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION));
    EXPECT(!can_lock(b, key, LOCK_EXCLUSIVE));
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    EXPECT(can_lock(b, key, LOCK_EXCLUSIVE));
    lock_table_check(a);
}

TEST(lock, a_mark_separates_what_a_savepoint_took)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    uint64_t mark;

    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    SIM_OK(a, lock_acquire(a, table_key(2), LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    mark = lock_mark(a);
    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false)); /* once more */
    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ROW_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    SIM_OK(a, lock_acquire(a, table_key(2), LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    SIM_OK(a, lock_acquire(a, table_key(3), LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    lock_release_since(a, mark);
    EXPECT(lock_held(a, table_key(1), LOCK_ACCESS_SHARE));
    EXPECT(!lock_held(a, table_key(1), LOCK_ROW_EXCLUSIVE));
    EXPECT(can_lock(b, table_key(2), LOCK_ACCESS_SHARE));
    EXPECT(!can_lock(b, table_key(2), LOCK_ROW_SHARE));
    EXPECT(can_lock(b, table_key(3), LOCK_ACCESS_EXCLUSIVE));
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    EXPECT(can_lock(b, table_key(1), LOCK_ACCESS_EXCLUSIVE));
    EXPECT(can_lock(b, table_key(2), LOCK_ACCESS_EXCLUSIVE));
    lock_table_check(a);
}

TEST(lock, nowait_says_so)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);

    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    EXPECT_EQ(lock_acquire(b, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, true), ST_ERROR);
    EXPECT_STR(b->error.sqlstate, "55P03");
}

/* ---- waiting ----------------------------------------------------------------------------------------------- */

typedef struct Waits {
    LockMode mode;
    uint64_t timeout_us;
    int status;
    char sqlstate[6];
    int pid;
    _Atomic int order;
    int place[8];
    bool hangs; /* with the lock */
} Waits;

static bool
wait_for_table(Ctx *cx, int no, void *arg)
{
    Waits *w = arg;

    w->pid = (int)getpid();
    lock_set_timeout(cx, w->timeout_us);
    w->status = (int)lock_acquire(cx, table_key(1), no >= 4 ? LOCK_ACCESS_SHARE : w->mode,
                                  LOCK_SPAN_TRANSACTION, false);
    w->place[no] = atomic_fetch_add(&w->order, 1);
    if (w->status != ST_OK)
        memcpy(w->sqlstate, cx->error.sqlstate, 6);
    if (w->hangs)
        stop_point("test.hang");
    usleep(2000);
    lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    return true;
}

static void
until_waiting(Ctx *cx, uint32_t want)
{
    LockRow rows[64];

    for (int i = 0; i < 20000; i++) {
        uint32_t n = lock_list(cx, rows, 64), waiting = 0;

        for (uint32_t k = 0; k < n; k++)
            waiting += !rows[k].granted;
        if (waiting == want)
            return;
        usleep(200);
    }
    ck_abort_msg("they do not wait");
}

TEST(lock, lock_timeout_breaks_a_wait)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e);
    Waits *w = sim_shared(sizeof(*w));

    *w = (Waits){.mode = LOCK_ACCESS_EXCLUSIVE, .timeout_us = 20000};
    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    EXPECT(sim_run(e, 1, wait_for_table, w));
    EXPECT_EQ(w->status, ST_CANCELED);
    EXPECT_STR(w->sqlstate, "55P03");
    lock_table_check(a);
    EXPECT(can_lock(a, table_key(1), LOCK_ACCESS_EXCLUSIVE));
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    EXPECT(weak_ones_are_fast(a, table_key(1)));
}

/* At each moment it is known whose count it is. */
TEST(lock, a_killed_session_does_not_want_its_strong_lock_any_more)
{
    enum { ANNOUNCED, WAITING, HELD, HOW };
    Waits *w = sim_shared(sizeof(*w));
    Engine *e;
    Ctx *a, *janitor;

    EXPECT(stop_board_create());
    e = sim_engine();
    a = sim_session(e);
    janitor = sim_session(e);
    for (int how = 0; how < HOW; how++) {
        const char *point = how == ANNOUNCED ? "lock.strong_announced" : "test.hang";
        uint32_t idle;
        pid_t pid;

        *w = (Waits){.mode = LOCK_ACCESS_EXCLUSIVE, .hangs = how == HELD};
        if (how == WAITING)
            SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
        else
            stop_point_arm(point, 0);
        pid = sim_fork(e, wait_for_table, 0, w);
        if (how == WAITING)
            until_waiting(a, 1);
        else
            EXPECT(stop_point_wait(point, 5000, NULL));
        kill(pid, SIGKILL);
        EXPECT(!sim_join(pid));
        EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_OUTSIDE);
        SIM_OK(janitor, engine_janitor_step(janitor, &idle));
        lock_release_all(a, LOCK_SPAN_TRANSACTION);
        EXPECT(weak_ones_are_fast(a, table_key(1)));
        lock_table_check(a);
    }
}

TEST(lock, a_cancel_request_breaks_a_wait)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e);
    Waits *w = sim_shared(sizeof(*w));
    int blockers[4];
    pid_t pid;

    *w = (Waits){.mode = LOCK_ACCESS_EXCLUSIVE};
    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, false));
    pid = sim_fork(e, wait_for_table, 0, w);
    until_waiting(a, 1);
    EXPECT_EQ(lock_blockers(a, w->pid, blockers, 4), 1);
    EXPECT_EQ(blockers[0], (int)getpid());
    EXPECT(proc_interrupt_pid(proc_table(e), w->pid, INTERRUPT_CANCEL));
    EXPECT(sim_join(pid));
    EXPECT_EQ(w->status, ST_CANCELED);
    EXPECT_STR(w->sqlstate, "57014");
    lock_table_check(a);
}

TEST(lock, who_waits_longer_comes_first)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e);
    Waits *w = sim_shared(sizeof(*w));
    pid_t pids[6];

    *w = (Waits){.mode = LOCK_ACCESS_EXCLUSIVE};
    SIM_OK(a, lock_acquire(a, table_key(1), LOCK_ROW_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    pids[0] = sim_fork(e, wait_for_table, 0, w);
    until_waiting(a, 1);
    pids[1] = sim_fork(e, wait_for_table, 1, w);
    until_waiting(a, 2);
    /* A reader would not conflict with us, but must not pass those who wait. */
    pids[2] = sim_fork(e, wait_for_table, 4, w);
    until_waiting(a, 3);
    lock_release_all(a, LOCK_SPAN_TRANSACTION);
    EXPECT(sim_join_all(pids, 3));
    EXPECT_EQ(w->place[0], 0);
    EXPECT_EQ(w->place[1], 1);
    EXPECT_EQ(w->place[4], 2);
    lock_table_check(a);
}

/* ---- deadlocks ------------------------------------------------------------------------------------------------ */

typedef struct Circle {
    int members;
    _Atomic int ready, victims, through;
    bool upgrade;
    bool tables;
} Circle;

static LockKey
circle_key(const Circle *c, int no)
{
    return c->tables ? table_key((uint32_t)no + 1) : advisory_key((uint64_t)no);
}

static bool
go_round(Ctx *cx, int no, void *arg)
{
    Circle *c = arg;
    LockKey mine = circle_key(c, c->upgrade ? 0 : no),
            next = circle_key(c, c->upgrade ? 0 : (no + 1) % c->members);
    Status rc;

    SIM_OK(cx, lock_acquire(cx, mine, c->upgrade ? LOCK_SHARE : LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    atomic_fetch_add(&c->ready, 1);
    while (atomic_load(&c->ready) < c->members)
        usleep(100);
    rc = lock_acquire(cx, next, LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false);
    if (rc == ST_DEADLOCK) {
        EXPECT_STR(cx->error.sqlstate, "40P01");
        EXPECT_STR(cx->error.message, "deadlock detected");
        EXPECT(cx->error.detail != NULL);
        atomic_fetch_add(&c->victims, 1);
    } else {
        SIM_OK(cx, rc);
        atomic_fetch_add(&c->through, 1);
    }
    lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    return true;
}

TEST(lock, a_circle_of_waiters_has_victims_and_survivors)
{
    for (int members = 2; members <= 6; members++) {
        for (int kind = 0; kind < 4; kind++) {
            Engine *e = sim_engine();
            Ctx *cx = sim_session(e);
            Circle *c = sim_shared(sizeof(*c));

            *c = (Circle){.members = members, .upgrade = (kind & 1) != 0, .tables = (kind & 2) != 0};
            EXPECT(sim_run(e, members, go_round, c));
            EXPECT(c->victims >= 1);
            EXPECT(c->through >= 1);
            EXPECT_EQ(c->victims + c->through, members);
            lock_table_check(cx);
            for (int i = 0; i < members && c->tables; i++)
                EXPECT(weak_ones_are_fast(cx, circle_key(c, i)));
            sim_end(cx);
            engine_destroy(e);
        }
    }
}

/* ---- torture ---------------------------------------------------------------------------------------------------- */

typedef struct Lottery {
    _Atomic int inside[16]; /* > 0: readers, -1: a writer */
    _Atomic uint64_t taken;
} Lottery;

static bool
draw(Ctx *cx, int no, void *arg)
{
    Lottery *l = arg;
    uint64_t x = (uint64_t)no * 77 + 5;

    for (int i = 0; i < 3000; i++) {
        uint32_t k;
        bool write, granted = true;
        LockMode mode;
        int before;

        x = x * 6364136223846793005u + 1442695040888963407u;
        k = (uint32_t)(x >> 33) % 4;
        write = (x >> 60) % 4 == 0;
        mode = write ? LOCK_ACCESS_EXCLUSIVE : (x >> 50) % 2 == 0 ? LOCK_ACCESS_SHARE : LOCK_ROW_EXCLUSIVE;
        if ((x >> 40) % 3 == 0)
            SIM_OK(cx, lock_try(cx, table_key(k + 1), mode, LOCK_SPAN_TRANSACTION, &granted));
        else
            SIM_OK(cx, lock_acquire(cx, table_key(k + 1), mode, LOCK_SPAN_TRANSACTION, false));
        if (!granted)
            continue;
        if (write) {
            before = atomic_exchange(&l->inside[k], -1);
            EXPECT_EQ(before, 0);
            atomic_store(&l->inside[k], 0);
        } else {
            before = atomic_fetch_add(&l->inside[k], 1);
            EXPECT(before >= 0);
            atomic_fetch_sub(&l->inside[k], 1);
        }
        atomic_fetch_add(&l->taken, 1);
        if ((x >> 20) % 2 == 0)
            EXPECT(lock_release(cx, table_key(k + 1), mode, LOCK_SPAN_TRANSACTION));
        else
            lock_release_all(cx, LOCK_SPAN_TRANSACTION);
    }
    return true;
}

TEST(lock, nobody_is_inside_with_a_writer)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Lottery *l = sim_shared(sizeof(*l));
    LockRow rows[4];

    EXPECT(sim_run(e, 6, draw, l));
    EXPECT(l->taken > 6000);
    lock_table_check(cx);
    EXPECT_EQ(lock_list(cx, rows, 4), 0);
}
