#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "shmem/lock/lock_table.h"
#include "shmem/proc/slot.h"
#include "shmem/pagecache/pagecache.h"
#include "sim.h"
#include "storage/heap/heap_resolve.h"
#include "storage/txn/clock.h"
#include "storage/txn/txn_shared.h"

static Csn
commit_something(Ctx *cx)
{
    Snapshot s;
    Xid xid;

    sim_begin(cx);
    SIM_OK(cx, txn_assign_id(cx, &xid));
    sim_commit(cx);
    sim_begin(cx);
    s = sim_snapshot(cx);
    sim_commit(cx);
    return s.csn;
}

TEST(txn, commit_numbers_rise_and_are_near_the_clock)
{
    Ctx *cx = sim_session(sim_engine());
    Csn last = 0;

    for (int i = 0; i < 1000; i++) {
        Csn csn = commit_something(cx);

        EXPECT(csn > last);
        last = csn;
    }
    EXPECT(llabs((long long)last - (long long)env_wall_us(cx->env)) < 1000000);
    EXPECT(llabs((long long)engine_wall_us(cx->engine) - (long long)env_wall_us(cx->env)) < 1000000);
}

TEST(txn, a_reader_has_no_id_and_a_writer_has_one)
{
    Ctx *cx = sim_session(sim_engine());
    Xid xid = 0;

    sim_begin(cx);
    EXPECT_EQ(txn_id(cx), 0);
    (void)sim_snapshot(cx);
    EXPECT(!txn_has_written(cx));
    SIM_OK(cx, txn_assign_id(cx, &xid));
    EXPECT(xid >= 3);
    EXPECT_EQ(txn_id(cx), xid);
    EXPECT(txn_has_written(cx));
    sim_commit(cx);
}

/* T2, T3: around the instant between the id's state and visible_csn. */
static bool
insert_one(Ctx *cx, int no, void *arg)
{
    sim_begin(cx);
    sim_insert(cx, arg, (SimRow){no, no, "x", 0});
    sim_commit(cx);
    return true;
}

TEST(txn, a_snapshot_sees_the_same_before_and_after_a_commit_becomes_visible)
{
    Engine *e;
    Ctx *cx;
    SimTable t;
    Snapshot s, newer;
    SimRow r;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    sim_table(cx, &t);
    stop_point_arm("txn.commit.before_visible", 0);
    pid = sim_fork(e, insert_one, 7, &t);
    EXPECT(stop_point_wait("txn.commit.before_visible", 5000, NULL));
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT(!sim_get(cx, &t, &s, 7, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &s), 0);
    stop_point_release("txn.commit.before_visible");
    EXPECT(sim_join(pid));
    EXPECT(!sim_get(cx, &t, &s, 7, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &s), 0);
    newer = sim_snapshot(cx);
    EXPECT(sim_get(cx, &t, &newer, 7, &r, NULL));
    EXPECT_EQ(sim_count(cx, &t, &newer), 1);
    EXPECT_EQ(sim_count(cx, &t, &s), 0);
    sim_commit(cx);
    sim_check(cx, &t);
}

static char end_log[64];

static void
note_end(Ctx *cx, void *arg, bool committed)
{
    (void)cx;
    strcat(end_log, arg);
    strcat(end_log, committed ? "+" : "-");
}

TEST(txn, end_calls_come_last_added_first_and_know_the_outcome)
{
    Ctx *cx = sim_session(sim_engine());

    sim_begin(cx);
    txn_at_end(cx, note_end, "a");
    SIM_OK(cx, txn_savepoint(cx));
    txn_at_end(cx, note_end, "b");
    SIM_OK(cx, txn_savepoint(cx));
    txn_at_end(cx, note_end, "c");
    txn_rollback_to(cx, 2);
    SIM_OK(cx, txn_savepoint(cx));
    txn_at_end(cx, note_end, "d");
    txn_release(cx, 2);
    sim_commit(cx);
    EXPECT_STR(end_log, "c-d+b+a+");
}

TEST(txn, a_relation_made_by_a_rolled_back_transaction_is_gone)
{
    Ctx *cx = sim_session(sim_engine());
    RelationId a, b;

    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &a));
    SIM_OK(cx, txn_savepoint(cx));
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &b));
    EXPECT(b > a);
    EXPECT(cache_rel(cx, 1, b) != NULL);
    txn_rollback_to(cx, 1);
    EXPECT(cache_rel(cx, 1, b) == NULL);
    EXPECT(cache_rel(cx, 1, a) != NULL);
    txn_abort(cx);
    EXPECT(cache_rel(cx, 1, a) == NULL);
}

TEST(txn, a_dropped_relation_gives_its_pages_back_at_commit_only)
{
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    uint64_t before, full;

    sim_table(cx, &t);
    before = atomic_load(&page_cache(cx->proc)->pages_live);
    sim_begin(cx);
    for (int i = 0; i < 20000; i++)
        sim_insert(cx, &t, (SimRow){i, i, "some text to fill pages with, some text to fill pages with", 0});
    sim_commit(cx);
    full = atomic_load(&page_cache(cx->proc)->pages_live);
    EXPECT(full > before + 200);
    sim_begin(cx);
    SIM_OK(cx, rel_drop_at_commit(cx, 1, t.heap.relation));
    txn_abort(cx);
    EXPECT_EQ(atomic_load(&page_cache(cx->proc)->pages_live), full);
    sim_begin(cx);
    SIM_OK(cx, rel_drop_at_commit(cx, 1, t.heap.relation));
    SIM_OK(cx, rel_drop_at_commit(cx, 1, t.index.relation));
    sim_commit(cx);
    EXPECT_EQ(atomic_load(&page_cache(cx->proc)->pages_live), before);
    EXPECT(cache_rel(cx, 1, t.heap.relation) == NULL);
}

TEST(txn, a_dropped_branch_takes_its_relations_along)
{
    Ctx *cx = sim_session(sim_engine());
    BranchId b, gone;
    RelationId r;

    sim_begin(cx);
    SIM_OK(cx, engine_branch_create(cx, &b));
    SIM_OK(cx, rel_create(cx, b, PERSIST_PERMANENT, &r));
    SIM_OK(cx, rel_create_fixed(cx, b, 100));
    sim_commit(cx);
    EXPECT(cache_rel(cx, b, 100) != NULL);
    sim_begin(cx);
    SIM_OK(cx, engine_branch_create(cx, &gone));
    SIM_OK(cx, rel_create_fixed(cx, gone, 100));
    EXPECT(gone != b);
    txn_abort(cx);
    EXPECT(cache_rel(cx, gone, 100) == NULL);
    sim_begin(cx);
    SIM_OK(cx, engine_branch_drop(cx, b));
    sim_commit(cx);
    EXPECT(cache_rel(cx, b, 100) == NULL);
    EXPECT(cache_rel(cx, b, r) == NULL);
    sim_begin(cx);
    EXPECT_EQ(engine_branch_drop(cx, b), ST_ERROR);
    txn_abort(cx);
}

typedef struct Heard {
    int count;
    uint32_t last_key;
} Heard;

static void
hear(void *arg, const Invalidation *m)
{
    Heard *h = arg;

    h->count++;
    h->last_key = m->key;
}

TEST(txn, invalidations_arrive_at_commit_and_not_after_rollback)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    Heard h = {0};
    bool overflow;

    sim_begin(a);
    engine_invalidate_at_commit(a, (Invalidation){1, 2, 3, 4});
    SIM_OK(a, txn_savepoint(a));
    engine_invalidate_at_commit(a, (Invalidation){1, 2, 99, 4});
    txn_rollback_to(a, 1);
    engine_absorb(b, hear, &h, &overflow);
    EXPECT_EQ(h.count, 0);
    sim_commit(a);
    engine_absorb(b, hear, &h, &overflow);
    EXPECT_EQ(h.count, 1);
    EXPECT_EQ(h.last_key, 3);
    EXPECT(!overflow);
    engine_absorb(a, hear, &h, &overflow);
    EXPECT_EQ(h.count, 2);
    sim_begin(a);
    engine_invalidate_at_commit(a, (Invalidation){1, 2, 5, 4});
    txn_abort(a);
    engine_absorb(b, hear, &h, &overflow);
    EXPECT_EQ(h.count, 2);
    for (uint32_t i = 0; i < 6000; i++) {
        sim_begin(a);
        engine_invalidate_at_commit(a, (Invalidation){1, 2, i, 4});
        sim_commit(a);
    }
    engine_absorb(b, hear, &h, &overflow);
    EXPECT(overflow);
    sim_begin(a);
    for (uint32_t i = 0; i < 5000; i++)
        engine_invalidate_at_commit(a, (Invalidation){1, 2, i, 4});
    sim_commit(a);
    engine_absorb(b, hear, &h, &overflow);
    EXPECT(overflow);
    engine_absorb(b, hear, &h, &overflow);
    EXPECT(!overflow);
}

/* ---- the clock (T9) ------------------------------------------------------------------------------------------- */

typedef struct FakeEnv {
    Env env;
    uint64_t mono;
    int64_t wall;
} FakeEnv;

static uint64_t
fake_mono(Env *env)
{
    return ((FakeEnv *)env)->mono;
}

static int64_t
fake_wall(Env *env)
{
    return ((FakeEnv *)env)->wall;
}

static void
pass(FakeEnv *f, int64_t us)
{
    f->mono += (uint64_t)us;
    f->wall += us;
}

TEST(txn, the_clock_does_not_follow_jumps_but_drifts_along)
{
    FakeEnv f = {.env = *env_system(), .mono = 1000, .wall = INT64_C(1700000000000000)};
    const Ctx *cx = sim_session(sim_engine());
    TxnClock c = {0};
    uint64_t before;

    f.env.mono_us = fake_mono;
    f.env.wall_us = fake_wall;
    txn_clock_start(&c, &f.env, 0);
    EXPECT_EQ(txn_clock_us(&c, &f.env), 1700000000000000);
    pass(&f, 1000000);
    txn_clock_adjust(&c, &f.env, cx->proc);
    before = txn_clock_us(&c, &f.env);
    f.wall += INT64_C(3600000000);
    txn_clock_adjust(&c, &f.env, cx->proc);
    EXPECT_EQ(txn_clock_us(&c, &f.env), before);
    pass(&f, 1000000);
    txn_clock_adjust(&c, &f.env, cx->proc);
    EXPECT_EQ(txn_clock_us(&c, &f.env), before + 1000000);
    f.wall -= INT64_C(3600000000);
    txn_clock_adjust(&c, &f.env, cx->proc);
    EXPECT_EQ(txn_clock_us(&c, &f.env), before + 1000000);
    /* The wall clock runs 0.1 % faster: we follow, in small steps, never back. */
    for (int i = 0; i < 600; i++) {
        uint64_t now, last = txn_clock_us(&c, &f.env);

        pass(&f, 1000000);
        f.wall += 1000;
        txn_clock_adjust(&c, &f.env, cx->proc);
        now = txn_clock_us(&c, &f.env);
        EXPECT(now > last);
        EXPECT(now - last <= 1050001);
    }
    EXPECT(llabs(f.wall - (long long)txn_clock_us(&c, &f.env)) < 100000);
}

typedef struct SharedClock {
    FakeEnv f;
    TxnClock clock;
} SharedClock;

static bool
adjust_clock(Ctx *cx, int no, void *arg)
{
    SharedClock *s = arg;

    (void)no;
    txn_clock_adjust(&s->clock, &s->f.env, cx->proc);
    return true;
}

/* Who reads it would go on looking for ever. */
TEST(txn, a_death_while_the_clock_is_changed_is_noticed)
{
    SharedClock *s = sim_shared(sizeof(*s));
    Engine *e;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    s->f = (FakeEnv){.env = *env_system(), .mono = 1000, .wall = INT64_C(1700000000000000)};
    s->f.env.mono_us = fake_mono;
    s->f.env.wall_us = fake_wall;
    txn_clock_start(&s->clock, &s->f.env, 0);
    pass(&s->f, 1000000);
    s->f.wall += 10000;
    stop_point_arm("txn.clock_changes", 0);
    pid = sim_fork(e, adjust_clock, 0, s);
    EXPECT(stop_point_wait("txn.clock_changes", 5000, NULL));
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_INSIDE);
}

/* T9 for those who commit: the wall clock jumps an hour forward and back between two commits. */
TEST(txn, commits_keep_their_order_while_the_clock_jumps)
{
    static const int64_t jumps[] = {INT64_C(3600000000), INT64_C(-3600000000), INT64_C(-3600000000),
                                    INT64_C(3600000000)};
    FakeEnv f = {.env = *env_system()};
    Ctx *cx = sim_session(sim_engine());
    SimTable t;
    Snapshot old, s;
    Csn last;
    uint32_t idle;

    f.env.mono_us = fake_mono;
    f.env.wall_us = fake_wall;
    f.mono = env_mono_us(cx->env);
    f.wall = env_wall_us(cx->env);
    cx->env = &f.env;
    sim_table(cx, &t);
    insert_one(cx, 0, &t);
    sim_begin(cx);
    old = sim_snapshot(cx);
    last = old.csn;
    for (int i = 0; i < (int)COUNT_OF(jumps); i++) {
        f.wall += jumps[i];
        pass(&f, 2000000); /* the janitor compares the clocks once a second */
        sim_commit(cx);
        SIM_OK(cx, engine_janitor_step(cx, &idle));
        insert_one(cx, i + 1, &t);
        sim_begin(cx);
        s = sim_snapshot(cx);
        EXPECT(s.csn > last);
        EXPECT(s.csn - last < 3000000);
        EXPECT_EQ(sim_count(cx, &t, &s), i + 2);
        EXPECT_EQ(sim_count(cx, &t, &old), 1);
        last = s.csn;
    }
    sim_commit(cx);
}

/* ---- the id table ---------------------------------------------------------------------------------------------- */

TEST(txn, many_tiny_transactions_leave_memory_as_it_was)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *janitor = sim_session(e);
    uint32_t rounds = sim_world() ? 10 * 1000 * 1000 : 200 * 1000, idle;
    uint64_t early = 0;
    SimTable t;
    Tid tid;

    sim_table(cx, &t);
    sim_begin(cx);
    tid = sim_insert(cx, &t, (SimRow){1, 0, "x", 0});
    sim_commit(cx);
    for (uint32_t i = 0; i < rounds; i++) {
        SimRow row = {1, i, "x", 0};
        RowChange ch;
        Cell cells[3];
        Snapshot s;

        sim_begin(cx);
        s = sim_snapshot(cx);
        sim_cells(&row, cells);
        SIM_OK(cx, heap_update(cx, &t.heap, tid, &s, cells, false, ROW_LOCK_NO_KEY_UPDATE, &ch));
        SIM_EXPECT(ch.outcome == ROW_DONE);
        SIM_EXPECT(ch.same_root);
        sim_commit(cx);
        if (i % 5000 == 0)
            SIM_OK(janitor, engine_janitor_step(janitor, &idle));
        if (i == rounds / 4)
            early = atomic_load(engine_used_bytes(e));
    }
    EXPECT(atomic_load(engine_used_bytes(e)) <= early + 256 * 1024);
    sim_check(cx, &t);
}

/* ---- deaths (C3) ------------------------------------------------------------------------------------------------- */

typedef struct DeathPlan {
    SimTable table;
    RelationId made;
} DeathPlan;

static bool
work_and_hang(Ctx *cx, int no, void *arg)
{
    DeathPlan *plan = arg;
    LockKey key = {.branch = 1, .a = plan->table.heap.relation, .kind = LOCK_KIND_RELATION};
    LockKey advisory = {.branch = 1, .b = 5, .kind = LOCK_KIND_ADVISORY, .sub = 1};
    HeapRow row;
    Snapshot s;
    Tid tid;

    (void)no;
    sim_begin(cx);
    SIM_OK(cx, lock_acquire(cx, key, LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    SIM_OK(cx, lock_acquire(cx, advisory, LOCK_EXCLUSIVE, LOCK_SPAN_SESSION, false));
    tid = sim_insert(cx, &plan->table, (SimRow){50, 50, "dying", 0});
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &plan->made));
    txn_next_command(cx);
    s = sim_snapshot(cx);
    SIM_OK(cx, heap_fetch(cx, &plan->table.heap, tid, &s, &row));
    EXPECT(row.found); /* its pin is held */
    stop_point("test.hang");
    return true;
}

TEST(txn, what_a_killed_session_held_is_given_up)
{
    Engine *e;
    Ctx *cx, *janitor;
    DeathPlan *plan = sim_shared(sizeof(*plan));
    LockKey key, advisory = {.branch = 1, .b = 5, .kind = LOCK_KIND_ADVISORY, .sub = 1};
    uint32_t idle;
    bool granted;
    Snapshot s;
    SimRow r;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    janitor = sim_session(e);
    sim_table(cx, &plan->table);
    sim_begin(cx);
    sim_insert(cx, &plan->table, (SimRow){1, 1, "x", 0});
    sim_commit(cx);
    stop_point_arm("test.hang", 0);
    pid = sim_fork(e, work_and_hang, 0, plan);
    EXPECT(stop_point_wait("test.hang", 5000, NULL));
    sim_kill_outside(e, pid);
    key = (LockKey){.branch = 1, .a = plan->table.heap.relation, .kind = LOCK_KIND_RELATION};
    sim_begin(cx);
    SIM_OK(cx, lock_try(cx, key, LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION, &granted));
    EXPECT(!granted);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    SIM_OK(cx, lock_try(cx, key, LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, &granted));
    EXPECT(granted);
    SIM_OK(cx, lock_try(cx, advisory, LOCK_EXCLUSIVE, LOCK_SPAN_TRANSACTION, &granted));
    EXPECT(granted);
    EXPECT(cache_rel(cx, 1, plan->made) == NULL);
    s = sim_snapshot(cx);
    EXPECT(!sim_get(cx, &plan->table, &s, 50, &r, NULL));
    sim_insert(cx, &plan->table, (SimRow){50, 51, "again", 0}); /* the unique key is free */
    sim_commit(cx);
    sim_check(cx, &plan->table);
    lock_table_check(cx);
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_UNKNOWN_PID);
    {
        HeapStats stats; /* nobody's pin is left in the way */

        SIM_OK(cx, heap_vacuum(cx, &plan->table.heap, &plan->table.index, 1, &stats));
        EXPECT_EQ(stats.live_rows, 2);
        EXPECT_EQ(stats.dead_rows, 0);
    }
}

TEST(txn, a_death_inside_a_critical_section_is_noticed)
{
    Engine *e;
    Ctx *cx;
    SimTable t;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    sim_table(cx, &t);
    stop_point_arm("txn.commit.before_visible", 0);
    pid = sim_fork(e, insert_one, 7, &t);
    EXPECT(stop_point_wait("txn.commit.before_visible", 5000, NULL));
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_INSIDE);
}

TEST(txn, a_session_killed_after_its_commit_stays_committed)
{
    Engine *e;
    Ctx *cx, *janitor;
    SimTable t;
    Snapshot s;
    SimRow r;
    uint32_t idle;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    janitor = sim_session(e);
    sim_table(cx, &t);
    stop_point_arm("txn.commit.before_locks_go", 0);
    pid = sim_fork(e, insert_one, 7, &t);
    EXPECT(stop_point_wait("txn.commit.before_locks_go", 5000, NULL));
    sim_kill_outside(e, pid);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    sim_begin(cx);
    s = sim_snapshot(cx);
    EXPECT(sim_get(cx, &t, &s, 7, &r, NULL));
    sim_commit(cx);
}

static bool
make_table(Ctx *cx, int no, void *arg)
{
    DeathPlan *plan = arg;
    PageRef ref;

    (void)no;
    sim_begin(cx);
    SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &plan->made));
    SIM_OK(cx, frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
    page_add(cx, cache_rel(cx, 1, plan->made), FORK_MAIN, &ref);
    page_unpin(cx, &ref);
    stop_point("test.hang");
    return true;
}

static bool
pin_table(Ctx *cx, int no, void *arg)
{
    const DeathPlan *plan = arg;
    PageRef ref;

    (void)no;
    SIM_OK(cx, page_pin(cx, cache_rel(cx, 1, plan->made), FORK_MAIN, 0, &ref));
    stop_point("test.hang_pinned");
    return true;
}

/* As a janitor does that is killed while it frees them. */
TEST(txn, pages_of_a_killed_session_are_freed_when_another_killed_one_has_them_pinned)
{
    DeathPlan *plan = sim_shared(sizeof(*plan));
    pid_t maker, pinner;
    Ctx *janitor;
    uint32_t idle;
    Engine *e;

    EXPECT(stop_board_create());
    e = sim_engine();
    stop_point_arm("test.hang", 0);
    stop_point_arm("test.hang_pinned", 0);
    maker = sim_fork(e, make_table, 0, plan);
    EXPECT(stop_point_wait("test.hang", 5000, NULL));
    pinner = sim_fork(e, pin_table, 0, plan);
    EXPECT(stop_point_wait("test.hang_pinned", 5000, NULL));
    kill(maker, SIGKILL);
    kill(pinner, SIGKILL);
    EXPECT(!sim_join(maker));
    EXPECT(!sim_join(pinner));
    EXPECT_EQ(proc_mark_dead(proc_table(e), maker, false), PROC_DEATH_OUTSIDE);
    EXPECT_EQ(proc_mark_dead(proc_table(e), pinner, false), PROC_DEATH_OUTSIDE);
    janitor = sim_session(e);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    EXPECT(cache_rel(janitor, 1, plan->made) == NULL);
}

TEST(txn, a_relation_goes_when_its_maker_is_killed_right_after_making_it)
{
    DeathPlan *plan = sim_shared(sizeof(*plan));
    Ctx *janitor;
    uint32_t idle, count;
    Engine *e;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    janitor = sim_session(e);
    count = atomic_load(&page_cache(janitor->proc)->rels.count);
    stop_point_arm("rel.made", 0);
    pid = sim_fork(e, make_table, 0, plan);
    EXPECT(stop_point_wait("rel.made", 5000, NULL));
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(atomic_load(&page_cache(janitor->proc)->rels.count), count + 1);
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_OUTSIDE);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    EXPECT_EQ(atomic_load(&page_cache(janitor->proc)->rels.count), count);
}

static bool
visit_raw_pages(Ctx *cx, int no, void *arg)
{
    Xid oldest;

    (void)no;
    (void)arg;
    SIM_OK(cx, page_raw_visit(cx, heap_resolve, &oldest));
    return true;
}

/* Otherwise the id table forgets ids that are on them. */
TEST(txn, pages_with_raw_ids_stay_known_when_their_visitor_is_killed)
{
    static const char *const points[] = {"page.raw_taken", "page.raw_settled"};
    Engine *e;
    Ctx *cx[3], *janitor;
    SimTable t[3];
    Xid oldest, first = 0;

    EXPECT(stop_board_create());
    e = sim_engine();
    janitor = sim_session(e);
    for (int i = 0; i < 3; i++) {
        cx[i] = sim_session(e);
        sim_table(cx[i], &t[i]);
        sim_begin(cx[i]);
        sim_insert(cx[i], &t[i], (SimRow){i, i, "x", 0});
        first = i == 0 ? atomic_load(&cx[0]->proc->xid) : first;
    }
    for (int i = 0; i < (int)COUNT_OF(points); i++) {
        pid_t pid;

        stop_point_arm(points[i], 0);
        pid = sim_fork(e, visit_raw_pages, 0, NULL);
        EXPECT(stop_point_wait(points[i], 5000, NULL));
        sim_kill_outside(e, pid);
        SIM_OK(janitor, page_raw_visit(janitor, heap_resolve, &oldest));
        EXPECT_EQ(oldest, first);
    }
    for (int i = 0; i < 3; i++)
        sim_commit(cx[i]);
    SIM_OK(janitor, page_raw_visit(janitor, heap_resolve, &oldest));
    EXPECT_EQ(oldest, UINT64_MAX);
    for (int i = 0; i < 3; i++)
        sim_check(cx[i], &t[i]);
}

static bool
commit_a_message(Ctx *cx, int no, void *arg)
{
    (void)arg;
    sim_begin(cx);
    engine_invalidate_at_commit(cx, (Invalidation){1, 2, (uint32_t)no, 4});
    sim_commit(cx);
    return true;
}

/* What it said before its commit could be seen may have been heard, and forgotten in vain, by then. */
TEST(txn, everybody_forgets_what_a_session_killed_in_its_commit_may_have_changed)
{
    Engine *e;
    Ctx *cx, *janitor;
    Heard h = {0};
    uint32_t idle;
    bool overflow;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    janitor = sim_session(e);
    stop_point_arm("txn.commit.before_locks_go", 0);
    pid = sim_fork(e, commit_a_message, 3, NULL);
    EXPECT(stop_point_wait("txn.commit.before_locks_go", 5000, NULL));
    engine_absorb(cx, hear, &h, &overflow);
    EXPECT_EQ(h.count, 1);
    sim_kill_outside(e, pid);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    engine_absorb(cx, hear, &h, &overflow);
    EXPECT(overflow);
}

static bool
share_and_hang(Ctx *cx, int no, void *arg)
{
    SimTable *t = arg;
    PageRef ref;

    (void)no;
    SIM_OK(cx, page_pin(cx, cache_rel(cx, t->heap.branch, t->heap.relation), FORK_MAIN, 0, &ref));
    page_latch_shared(cx, &ref);
    stop_point("test.hang");
    return true;
}

static bool
latch_as_janitor(Ctx *cx, int no, void *arg)
{
    SimTable *t = arg;
    PageRef ref;

    (void)no;
    cx->proc->kind = PROC_JANITOR;
    SIM_OK(cx, page_pin(cx, cache_rel(cx, t->heap.branch, t->heap.relation), FORK_MAIN, 0, &ref));
    page_latch_exclusive(cx, &ref);
    page_unpin(cx, &ref);
    return true;
}

TEST(txn, the_janitor_does_not_wait_for_the_latch_of_a_killed_session)
{
    Engine *e;
    Ctx *cx;
    SimTable t;
    pid_t dead, janitor;
    PageRef ref;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){1, 1, "x", 0});
    sim_commit(cx);
    stop_point_arm("test.hang", 0);
    dead = sim_fork(e, share_and_hang, 0, &t);
    EXPECT(stop_point_wait("test.hang", 5000, NULL));
    janitor = sim_fork(e, latch_as_janitor, 0, &t);
    SIM_OK(cx, page_pin(cx, cache_rel(cx, t.heap.branch, t.heap.relation), FORK_MAIN, 0, &ref));
    while (!(atomic_load(&ref.frame->latch) & FRAME_WAITERS)) /* until it waits */
        usleep(1000);
    page_unpin(cx, &ref);
    sim_kill_outside(e, dead);
    EXPECT(sim_join(janitor));
}

static bool
allocate_and_hang(Ctx *cx, int no, void *arg)
{
    Budget budget;
    Arena a;

    (void)no;
    (void)arg;
    engine_budget_init(cx, &budget);
    arena_init(&a, "much", &budget);
    EXPECT(arena_try_alloc(&a, 50 << 20) != NULL);
    stop_point("test.hang");
    return true;
}

TEST(txn, private_memory_of_a_killed_session_no_longer_counts)
{
    Engine *e;
    Ctx *janitor;
    uint64_t before;
    uint32_t idle;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    janitor = sim_session(e);
    before = atomic_load(engine_used_bytes(e));
    stop_point_arm("test.hang", 0);
    pid = sim_fork(e, allocate_and_hang, 0, NULL);
    EXPECT(stop_point_wait("test.hang", 5000, NULL));
    EXPECT(atomic_load(engine_used_bytes(e)) >= before + (50u << 20));
    sim_kill_outside(e, pid);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    EXPECT_EQ(atomic_load(engine_used_bytes(e)), before);
}

TEST(txn, vacuum_does_not_hold_the_horizon_back)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *cleaner = sim_session(e);
    HeapStats stats;
    SimTable t;
    Csn before;

    sim_table(cx, &t);
    SIM_OK(cleaner, heap_vacuum(cleaner, &t.heap, &t.index, 1, &stats));
    before = commit_something(cx);
    EXPECT(txn_horizon(cx, UINT64_MAX >> 1) >= before);
}

static bool
look_and_commit(Ctx *cx, int no, void *arg)
{
    (void)no;
    (void)arg;
    sim_begin(cx);
    (void)sim_snapshot(cx);
    sim_commit(cx);
    return true;
}

TEST(txn, whoever_gets_a_lock_finds_its_last_holders_snapshot_gone)
{
    Engine *e;
    Ctx *cx;
    Csn later;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    cx = sim_session(e);
    stop_point_arm("txn.locks_are_gone", 0);
    pid = sim_fork(e, look_and_commit, 0, NULL);
    EXPECT(stop_point_wait("txn.locks_are_gone", 5000, NULL));
    later = commit_something(cx);
    EXPECT(txn_horizon(cx, UINT64_MAX >> 1) >= later);
    stop_point_release("txn.locks_are_gone");
    EXPECT(sim_join(pid));
}

TEST(txn, a_snapshot_of_the_past_is_refused_when_rows_of_then_may_be_gone)
{
    Ctx *cx = sim_session(sim_engine());
    Csn early = commit_something(cx), late = commit_something(cx);
    Snapshot s;

    sim_begin(cx);
    SIM_OK(cx, txn_snapshot_at(cx, early, &s));
    EXPECT_EQ(s.csn, early);
    EXPECT(txn_horizon(cx, late) <= early); /* it is held */
    sim_commit(cx);
    EXPECT(txn_horizon(cx, late) >= late);
    sim_begin(cx);
    EXPECT_EQ(txn_snapshot_at(cx, early, &s), ST_ERROR);
    EXPECT_STR(cx->error.sqlstate, "72000");
    EXPECT_EQ(csn_of_time(cx, UINT64_MAX), atomic_load(&txn_shared(cx->proc)->visible_csn));
    sim_commit(cx);
}

TEST(txn, at_the_memory_ceiling_one_can_still_delete)
{
    Engine *e = sim_engine_of(16u << 20);
    Ctx *cx = sim_session(e);
    HeapStats stats;
    SimTable t;
    int rows = 0;
    Status rc = ST_OK;

    sim_table(cx, &t);
    while (rc == ST_OK) {
        SimRow row = {rows, rows, "some text, so that it does not take for ever to fill the memory we have", 0};
        Tid tid, conflict;
        Cell cells[3];
        uint8_t key[5];

        sim_begin(cx);
        sim_cells(&row, cells);
        rc = heap_insert(cx, &t.heap, cells, &tid);
        if (rc == ST_OK)
            rc = btree_insert(cx, &t.index, sim_key(rows, key), tid, BTREE_UNIQUE_CHECK, &t.heap, &conflict);
        if (rc == ST_OK) {
            sim_commit(cx);
            rows++;
        }
    }
    EXPECT_EQ(rc, ST_NO_MEMORY);
    EXPECT_STR(cx->error.sqlstate, "53200");
    txn_abort(cx);
    EXPECT(rows > 10000);
    for (int i = 0; i < rows; i++) {
        Snapshot s;
        RowChange ch;
        SimRow r;
        Tid tid;

        sim_begin(cx);
        s = sim_snapshot(cx);
        EXPECT(sim_get(cx, &t, &s, i, &r, &tid));
        SIM_OK(cx, heap_delete(cx, &t.heap, tid, &s, &ch));
        sim_commit(cx);
    }
    SIM_OK(cx, heap_vacuum(cx, &t.heap, &t.index, 1, &stats));
    EXPECT_EQ(stats.live_rows, 0);
    sim_begin(cx);
    for (int i = 0; i < rows / 2; i++)
        sim_insert(cx, &t,
                   (SimRow){i, i, "some text, so that it does not take for ever to fill the memory we have",
                            0});
    sim_commit(cx);
    sim_check(cx, &t);
}

/* Nothing was set aside for its old image then; who changes it needs a frame for that. */
TEST(txn, a_page_pinned_before_the_first_fork_can_be_changed_after_it)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *forker = sim_session(e);
    PageRef tried = PAGE_REF_NONE, waited = PAGE_REF_NONE;
    BranchId root, child;
    const CacheRel *rel;
    SimTable t;

    sim_begin(cx);
    SIM_OK(cx, engine_branch_create(cx, &root));
    sim_commit(cx);
    EXPECT_EQ(root, 1); /* where sim_table makes its relations */
    sim_table(cx, &t);
    sim_begin(cx);
    sim_insert(cx, &t, (SimRow){1, 1, "a row", 0});
    sim_commit(cx);
    rel = cache_rel(cx, 1, t.heap.relation);
    frame_stash_release(cx->proc);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &waited));
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &tried));
    EXPECT_EQ(cx->proc->stash_count, 0);
    sim_begin(forker);
    SIM_OK(forker, engine_branch_fork(forker, 1, &child));
    sim_commit(forker);
    EXPECT(!page_try_exclusive(cx, &tried));
    page_latch_exclusive(cx, &waited);
    EXPECT(cx->proc->stash_count > 0);
    page_unlatch(cx, &waited);
    EXPECT(page_try_exclusive(cx, &tried));
    page_unlatch(cx, &tried);
    page_unpin(cx, &tried);
    page_unpin(cx, &waited);
    sim_end(forker);
}
