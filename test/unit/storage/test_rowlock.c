#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "shmem/lock/lock_table.h"
#include "sim.h"

/* Two or three sessions on one row. Children wait where they have to; `step` orders them. */
typedef struct Scene {
    SimTable table;
    Tid tid;
    _Atomic int step;
    RowChange change[8];
    int64_t seen[8];
    int outcome[8];
    char sqlstate[8][6];
    char detail[8][400];
    _Atomic int order; /* counts who came through */
    int place[8];
    RowLock mode;
    Isolation isolation;
} Scene;

static void
wait_for_step(Scene *s, int step)
{
    for (int i = 0; atomic_load(&s->step) < step; i++) {
        ck_assert_int_lt(i, 50000);
        usleep(200);
    }
}

/* Until somebody else waits in the lock table. */
static void
wait_for_waiters(Ctx *cx, uint32_t waiters)
{
    LockRow rows[200];

    for (int i = 0; i < 50000; i++) {
        uint32_t n = lock_list(cx, rows, 200), waiting = 0;

        for (uint32_t k = 0; k < n && k < 200; k++)
            waiting += !rows[k].granted;
        if (waiting >= waiters)
            return;
        usleep(200);
    }
    ck_abort_msg("nobody waits");
}

static Scene *
scene(Engine *e, Ctx **cx)
{
    Scene *s = sim_shared(sizeof(*s));

    *cx = sim_session(e);
    sim_table(*cx, &s->table);
    sim_begin(*cx);
    s->tid = sim_insert(*cx, &s->table, (SimRow){1, 100, "one", 0});
    sim_commit(*cx);
    return s;
}

static Status
set_n(Ctx *cx, Scene *s, Tid tid, const Snapshot *snapshot, int64_t n, bool keys, RowChange *out)
{
    SimRow row = {1, n, "one", 0};
    Cell cells[3];

    sim_cells(&row, cells);
    return heap_update(cx, &s->table.heap, tid, snapshot, cells, keys,
                       keys ? ROW_LOCK_UPDATE : ROW_LOCK_NO_KEY_UPDATE, out);
}

/* ---- update against update --------------------------------------------------------------------------------- */

static bool
second_writer(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;
    HeapRow row;
    Cell c;

    SIM_OK(cx, txn_begin(cx, s->isolation));
    snap = sim_snapshot(cx);
    atomic_store(&s->step, 1);
    s->outcome[no] = (int)set_n(cx, s, s->tid, &snap, 102, false, &s->change[no]);
    if (s->outcome[no] != ST_OK) {
        memcpy(s->sqlstate[no], cx->error.sqlstate, 6);
        txn_abort(cx);
        return true;
    }
    if (s->change[no].outcome == ROW_UPDATED) { /* R4: lock the newest, look again, update it */
        RowChange locked;

        SIM_OK(cx, heap_lock(cx, &s->table.heap, s->change[no].tid, &snap, ROW_LOCK_NO_KEY_UPDATE,
                             LOCK_WAIT_BLOCK, &locked));
        EXPECT_EQ(locked.outcome, ROW_UPDATED);
        SIM_OK(cx, heap_fetch_newest(cx, &s->table.heap, locked.tid, &row));
        EXPECT(row.found);
        SIM_OK(cx, heap_row_cell(cx, &s->table.heap, &row, 1, &c));
        memcpy(&s->seen[no], c.data, 8);
        heap_row_release(cx, &row);
        SIM_OK(cx, set_n(cx, s, locked.tid, &snap, s->seen[no] + 1, false, &locked));
        EXPECT_EQ(locked.outcome, ROW_DONE);
    }
    sim_commit(cx);
    return true;
}

static void
first_writer(Engine *e, Ctx *cx, Scene *s, bool keys, bool commit)
{
    Snapshot snap;
    pid_t pid;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, set_n(cx, s, s->tid, &snap, 101, keys, &s->change[0]));
    EXPECT_EQ(s->change[0].outcome, ROW_DONE);
    pid = sim_fork(e, second_writer, 1, s);
    wait_for_waiters(cx, 1);
    if (commit)
        sim_commit(cx);
    else
        txn_abort(cx);
    EXPECT(sim_join(pid));
    lock_table_check(cx);
}

static int64_t
final_n(Ctx *cx, Scene *s, Tid tid)
{
    Snapshot snap;
    int64_t n = -1;
    HeapRow row;
    Cell c;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &s->table.heap, tid, &snap, &row));
    if (row.found) {
        SIM_OK(cx, heap_row_cell(cx, &s->table.heap, &row, 1, &c));
        memcpy(&n, c.data, 8);
    }
    heap_row_release(cx, &row);
    sim_commit(cx);
    sim_check(cx, &s->table);
    return n;
}

TEST(rowlock, second_writer_goes_on_from_what_the_first_committed)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);

    first_writer(e, cx, s, false, true);
    EXPECT_EQ(s->change[1].outcome, ROW_UPDATED);
    EXPECT_EQ(s->seen[1], 101);
    EXPECT_EQ(final_n(cx, s, s->tid), 102);
}

TEST(rowlock, second_writer_follows_a_row_that_got_another_root)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);

    first_writer(e, cx, s, true, true);
    EXPECT_EQ(s->change[1].outcome, ROW_UPDATED);
    EXPECT_EQ(s->change[1].tid, s->change[0].tid);
    EXPECT_EQ(s->seen[1], 101);
    EXPECT_EQ(final_n(cx, s, s->change[0].tid), 102);
}

TEST(rowlock, second_writer_takes_the_row_when_the_first_rolls_back)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);

    first_writer(e, cx, s, false, false);
    EXPECT_EQ(s->change[1].outcome, ROW_DONE);
    EXPECT_EQ(final_n(cx, s, s->tid), 102);
}

TEST(rowlock, repeatable_read_does_not_update_what_it_did_not_see)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);

    s->isolation = ISOLATION_REPEATABLE_READ;
    first_writer(e, cx, s, false, true);
    EXPECT_EQ(s->outcome[1], ST_CONFLICT);
    EXPECT_STR(s->sqlstate[1], "40001");
    EXPECT_EQ(final_n(cx, s, s->tid), 101);
}

static bool
delete_it(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_delete(cx, &s->table.heap, s->tid, &snap, &s->change[no]));
    sim_commit(cx);
    return true;
}

TEST(rowlock, a_row_deleted_meanwhile_is_reported_as_deleted)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);
    Snapshot snap;
    pid_t pid;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_delete(cx, &s->table.heap, s->tid, &snap, &s->change[0]));
    pid = sim_fork(e, delete_it, 1, s);
    wait_for_waiters(cx, 1);
    sim_commit(cx);
    EXPECT(sim_join(pid));
    EXPECT_EQ(s->change[1].outcome, ROW_DELETED);
    EXPECT_EQ(final_n(cx, s, s->tid), -1);
}

/* ---- the matrix ---------------------------------------------------------------------------------------------- */

static bool
try_lock(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, s->mode, LOCK_WAIT_SKIP, &s->change[no]));
    txn_abort(cx);
    return true;
}

TEST(rowlock, the_four_strengths_conflict_as_they_should)
{
    static const bool conflict[4][4] = {
        [ROW_LOCK_KEY_SHARE] = {0, 0, 0, 1},
        [ROW_LOCK_SHARE] = {0, 0, 1, 1},
        [ROW_LOCK_NO_KEY_UPDATE] = {0, 1, 1, 1},
        [ROW_LOCK_UPDATE] = {1, 1, 1, 1},
    };
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);

    for (int held = 0; held < 4; held++) {
        for (int wanted = 0; wanted < 4; wanted++) {
            RowChange ch;
            Snapshot snap;

            sim_begin(cx);
            snap = sim_snapshot(cx);
            SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, (RowLock)held, LOCK_WAIT_BLOCK, &ch));
            EXPECT_EQ(ch.outcome, ROW_DONE);
            s->mode = (RowLock)wanted;
            EXPECT(sim_run(e, 1, try_lock, s));
            ck_assert_msg(s->change[0].outcome == (conflict[held][wanted] ? ROW_WOULD_BLOCK : ROW_DONE),
                          "held %d wanted %d: %d", held, wanted, s->change[0].outcome);
            sim_commit(cx);
        }
    }
    lock_table_check(cx);
    sim_check(cx, &s->table);
}

/* R2 */
TEST(rowlock, a_lock_survives_rolling_back_a_later_savepoint)
{
    for (int strength = ROW_LOCK_KEY_SHARE; strength <= ROW_LOCK_UPDATE; strength++) {
        Engine *e = sim_engine();
        Ctx *cx;
        Scene *s = scene(e, &cx);
        RowChange ch;
        Snapshot snap;

        sim_begin(cx);
        snap = sim_snapshot(cx);
        SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, (RowLock)strength, LOCK_WAIT_BLOCK, &ch));
        SIM_OK(cx, txn_savepoint(cx));
        SIM_OK(cx, set_n(cx, s, s->tid, &snap, 7, false, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
        txn_rollback_to(cx, 1);
        s->mode = ROW_LOCK_UPDATE;
        EXPECT(sim_run(e, 1, try_lock, s));
        EXPECT_EQ(s->change[0].outcome, ROW_WOULD_BLOCK);
        sim_commit(cx);
        EXPECT(sim_run(e, 1, try_lock, s));
        EXPECT_EQ(s->change[0].outcome, ROW_DONE);
        lock_table_check(cx);
        sim_check(cx, &s->table);
        sim_end(cx);
        engine_destroy(e);
    }
}

TEST(rowlock, a_lock_taken_in_a_savepoint_goes_with_it)
{
    for (int strength = ROW_LOCK_KEY_SHARE; strength <= ROW_LOCK_UPDATE; strength++) {
        Engine *e = sim_engine();
        Ctx *cx;
        Scene *s = scene(e, &cx);
        RowChange ch;
        Snapshot snap;

        sim_begin(cx);
        snap = sim_snapshot(cx);
        SIM_OK(cx, txn_savepoint(cx));
        SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, (RowLock)strength, LOCK_WAIT_BLOCK, &ch));
        s->mode = ROW_LOCK_UPDATE;
        EXPECT(sim_run(e, 1, try_lock, s));
        EXPECT_EQ(s->change[0].outcome, ROW_WOULD_BLOCK);
        txn_rollback_to(cx, 1);
        EXPECT(sim_run(e, 1, try_lock, s));
        EXPECT_EQ(s->change[0].outcome, ROW_DONE);
        sim_commit(cx);
        sim_end(cx);
        engine_destroy(e);
    }
}

static bool
take_lock(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &s->change[no]));
    s->place[no] = atomic_fetch_add(&s->order, 1);
    sim_commit(cx);
    return true;
}

static bool
share_it(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, ROW_LOCK_SHARE, LOCK_WAIT_BLOCK, &s->change[no]));
    sim_commit(cx);
    return true;
}

TEST(rowlock, a_waiter_for_a_savepoint_goes_on_when_that_is_rolled_back)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);
    RowChange ch;
    Snapshot snap;
    pid_t pid;
    Xid xid;

    sim_begin(cx);
    SIM_OK(cx, txn_assign_id(cx, &xid));
    snap = sim_snapshot(cx);
    SIM_OK(cx, txn_savepoint(cx));
    SIM_OK(cx, set_n(cx, s, s->tid, &snap, 7, false, &ch));
    pid = sim_fork(e, take_lock, 1, s);
    wait_for_waiters(cx, 1);
    txn_rollback_to(cx, 1);
    EXPECT(sim_join(pid)); /* while our transaction goes on */
    EXPECT_EQ(s->change[1].outcome, ROW_DONE);
    sim_commit(cx);
    lock_table_check(cx);
}

/* T5, T6: what a waiter holds in its hand may have been forgotten meanwhile. */
TEST(rowlock, a_waiter_may_be_slower_than_the_id_table_is_cut)
{
    Engine *e;
    Ctx *cx, *janitor;
    Scene *s;
    RowChange ch;
    Snapshot snap;
    uint32_t idle;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    s = scene(e, &cx);
    janitor = sim_session(e);
    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, set_n(cx, s, s->tid, &snap, 7, false, &ch));
    stop_point_arm("heap.row_wait.queued", 0);
    pid = sim_fork(e, share_it, 1, s); /* has no id of its own that would keep the table */
    EXPECT(stop_point_wait("heap.row_wait.queued", 5000, NULL));
    sim_commit(cx);
    for (int i = 0; i < 40000; i++) {
        Xid xid;

        sim_begin(cx);
        SIM_OK(cx, txn_assign_id(cx, &xid));
        sim_commit(cx);
        if (i % 5000 == 0)
            SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    }
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    stop_point_release("heap.row_wait.queued");
    EXPECT(sim_join(pid));
    EXPECT_EQ(s->change[1].outcome, ROW_UPDATED);
    lock_table_check(cx);
}

/* R3 */
TEST(rowlock, waiters_get_the_row_in_the_order_they_came)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);
    RowChange ch;
    Snapshot snap;
    pid_t pids[4];

    sim_begin(cx);
    snap = sim_snapshot(cx);
    SIM_OK(cx, heap_lock(cx, &s->table.heap, s->tid, &snap, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &ch));
    for (int i = 0; i < 4; i++) {
        pids[i] = sim_fork(e, take_lock, i, s);
        wait_for_waiters(cx, (uint32_t)i + 1);
    }
    sim_commit(cx);
    for (int i = 0; i < 4; i++)
        EXPECT(sim_join(pids[i]));
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(s->place[i], i);
    lock_table_check(cx);
}

/* R1 */
static bool
share_all(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;
    SimRow r;
    Tid tid;

    (void)no;
    sim_begin(cx);
    snap = sim_snapshot(cx);
    for (int i = 2; i < 6000; i++) {
        RowChange ch;

        EXPECT(sim_get(cx, &s->table, &snap, i, &r, &tid));
        SIM_OK(cx, heap_lock(cx, &s->table.heap, tid, &snap, ROW_LOCK_KEY_SHARE, LOCK_WAIT_BLOCK, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
    }
    atomic_store(&s->step, 1);
    wait_for_step(s, 2);
    sim_commit(cx);
    return true;
}

TEST(rowlock, very_many_shared_locks_become_one_for_the_relation)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);
    LockRow rows[10];
    Snapshot snap;
    RowChange ch;
    SimRow r;
    Tid tid;
    pid_t pid;

    sim_begin(cx);
    for (int i = 2; i < 6000; i++)
        sim_insert(cx, &s->table, (SimRow){i, i, "x", 0});
    sim_commit(cx);
    pid = sim_fork(e, share_all, 1, s);
    wait_for_step(s, 1);
    EXPECT(lock_list(cx, rows, 10) < 4200);
    sim_begin(cx);
    snap = sim_snapshot(cx);
    for (int i = 0; i < 3; i++) { /* an early one, a late one; and the one never locked is free */
        EXPECT(sim_get(cx, &s->table, &snap, i == 0 ? 2 : i == 1 ? 5999 : 1, &r, &tid));
        SIM_OK(cx, heap_lock(cx, &s->table.heap, tid, &snap, ROW_LOCK_UPDATE, LOCK_WAIT_SKIP, &ch));
        EXPECT_EQ(ch.outcome, i < 2 ? ROW_WOULD_BLOCK : ROW_DONE);
        SIM_OK(cx, heap_lock(cx, &s->table.heap, tid, &snap, ROW_LOCK_NO_KEY_UPDATE, LOCK_WAIT_SKIP, &ch));
        EXPECT_EQ(ch.outcome, ROW_DONE);
    }
    sim_commit(cx);
    atomic_store(&s->step, 2);
    EXPECT(sim_join(pid));
    lock_table_check(cx);
    sim_begin(cx);
    snap = sim_snapshot(cx);
    EXPECT(sim_get(cx, &s->table, &snap, 5999, &r, &tid));
    SIM_OK(cx, heap_lock(cx, &s->table.heap, tid, &snap, ROW_LOCK_UPDATE, LOCK_WAIT_SKIP, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    sim_commit(cx);
    EXPECT_EQ(lock_list(cx, rows, 10), 0);
}

TEST(rowlock, a_shared_lock_follows_a_row_to_another_root)
{
    Engine *e = sim_engine();
    Ctx *a, *b;
    Scene *s = scene(e, &a);
    Snapshot snap, later;
    RowChange ch;
    Tid moved;
    SimRow row = {1, 5, NULL, 0};
    static char text[7000];
    Cell cells[3];

    b = sim_session(e);
    memset(text, 'x', sizeof(text));
    s->table.columns[2].out_of_line = false;
    for (int i = 10; i < 80; i++) {
        sim_begin(a);
        sim_insert(a, &s->table, (SimRow){i, i, "fill the page of row one with others of its kind, please", 0});
        sim_commit(a);
    }
    sim_begin(b);
    snap = sim_snapshot(b);
    SIM_OK(b, heap_lock(b, &s->table.heap, s->tid, &snap, ROW_LOCK_KEY_SHARE, LOCK_WAIT_BLOCK, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    sim_begin(a);
    later = sim_snapshot(a);
    row.text = text;
    row.bytes = 6000;
    sim_cells(&row, cells);
    /* It no longer fits its page; its key stays. */
    SIM_OK(a, heap_update(a, &s->table.heap, s->tid, &later, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    EXPECT(!ch.same_root);
    moved = ch.tid;
    sim_commit(a);
    sim_begin(a);
    later = sim_snapshot(a);
    SIM_OK(a, heap_lock(a, &s->table.heap, moved, &later, ROW_LOCK_UPDATE, LOCK_WAIT_SKIP, &ch));
    EXPECT_EQ(ch.outcome, ROW_WOULD_BLOCK);
    sim_commit(b);
    SIM_OK(a, heap_lock(a, &s->table.heap, moved, &later, ROW_LOCK_UPDATE, LOCK_WAIT_SKIP, &ch));
    EXPECT_EQ(ch.outcome, ROW_DONE);
    sim_commit(a);
    sim_check(a, &s->table);
    lock_table_check(a);
}

/* ---- deadlock ---------------------------------------------------------------------------------------------------- */

static bool
lock_two(Ctx *cx, int no, void *arg)
{
    Scene *s = arg;
    Snapshot snap;
    RowChange ch;
    SimRow r;
    Tid tid[2];

    sim_begin(cx);
    snap = sim_snapshot(cx);
    EXPECT(sim_get(cx, &s->table, &snap, no == 0 ? 1 : 2, &r, &tid[0]));
    EXPECT(sim_get(cx, &s->table, &snap, no == 0 ? 2 : 1, &r, &tid[1]));
    SIM_OK(cx, heap_lock(cx, &s->table.heap, tid[0], &snap, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &ch));
    atomic_fetch_add(&s->step, 1);
    wait_for_step(s, 2);
    s->outcome[no] = (int)heap_lock(cx, &s->table.heap, tid[1], &snap, ROW_LOCK_UPDATE, LOCK_WAIT_BLOCK, &ch);
    if (s->outcome[no] != ST_OK) {
        memcpy(s->sqlstate[no], cx->error.sqlstate, 6);
        snprintf(s->detail[no], sizeof(s->detail[no]), "%s", cx->error.detail);
        txn_abort(cx);
    } else {
        sim_commit(cx);
    }
    return true;
}

TEST(rowlock, of_two_that_wait_for_each_other_one_is_told_so)
{
    Engine *e = sim_engine();
    Ctx *cx;
    Scene *s = scene(e, &cx);
    int victim;

    sim_begin(cx);
    sim_insert(cx, &s->table, (SimRow){2, 2, "two", 0});
    sim_commit(cx);
    EXPECT(sim_run(e, 2, lock_two, s));
    EXPECT_EQ((s->outcome[0] == ST_OK) + (s->outcome[1] == ST_OK), 1);
    victim = s->outcome[0] == ST_OK;
    EXPECT_EQ(s->outcome[victim], ST_DEADLOCK);
    EXPECT_STR(s->sqlstate[victim], "40P01");
    EXPECT(strstr(s->detail[victim], "waits for ShareLock on transaction") != NULL);
    EXPECT(strstr(s->detail[victim], "; blocked by process ") != NULL);
    lock_table_check(cx);
}

/* ---- unique races -------------------------------------------------------------------------------------------------- */

typedef struct Race {
    SimTable table;
    _Atomic int winners, conflicts;
} Race;

static bool
insert_race(Ctx *cx, int no, void *arg)
{
    Race *r = arg;

    for (int id = 0; id < 300; id++) {
        SimRow row = {id, no, "race", 0};
        Tid tid, conflict;
        Cell cells[3];
        uint8_t key[5];
        Status rc;

        sim_begin(cx);
        sim_cells(&row, cells);
        SIM_OK(cx, heap_insert(cx, &r->table.heap, cells, &tid));
        rc = btree_insert(cx, &r->table.index, sim_key(id, key), tid, BTREE_UNIQUE_CHECK, &r->table.heap,
                          &conflict);
        SIM_OK(cx, rc);
        if (conflict != TID_NONE) {
            atomic_fetch_add(&r->conflicts, 1);
            txn_abort(cx);
        } else if ((id + no) % 3 == 0) {
            txn_abort(cx); /* makes room for whoever waits */
        } else {
            atomic_fetch_add(&r->winners, 1);
            sim_commit(cx);
        }
        arena_reset(cx->arena);
    }
    return true;
}

TEST(rowlock, a_unique_key_is_won_by_one_of_many)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Race *r = sim_shared(sizeof(*r));
    Snapshot s;
    SimRow row;

    sim_table(cx, &r->table);
    EXPECT(sim_run(e, 6, insert_race, r));
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT_EQ(sim_count(cx, &r->table, &s), atomic_load(&r->winners));
    for (int id = 0; id < 300; id++)
        EXPECT(sim_get(cx, &r->table, &s, id, &row, NULL)); /* sim_get asserts that there is one only */
    EXPECT_EQ(atomic_load(&r->winners), 300);
    sim_commit(cx);
    sim_check(cx, &r->table);
    lock_table_check(cx);
}
