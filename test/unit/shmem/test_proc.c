#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "shmem/proc/follow.h"
#include "shmem/proc/slot.h"
#include "shmem/proc/wait_event.h"
#include "sim.h"

TEST(proc, slots_run_out_with_53300)
{
    Engine *e = sim_engine(); /* 64 slots */
    Ctx cx = *test_ctx();

    for (int i = 0; i < 64; i++)
        (void)sim_session(e);
    EXPECT_EQ(engine_attach(&cx, e), ST_ERROR);
    EXPECT_STR(cx.error.sqlstate, "53300");
    EXPECT_STR(cx.error.message, "sorry, too many clients already");
    EXPECT(cx.proc == NULL);
}

TEST(proc, a_slot_is_used_again_after_detaching)
{
    Engine *e = sim_engine();

    for (int i = 0; i < 1000; i++) {
        Ctx *cx = sim_session(e);

        EXPECT_EQ(proc_no(cx->proc), 0);
        sim_end(cx);
    }
    EXPECT_EQ(proc_mark_dead(proc_table(e), (int)getpid(), false), PROC_DEATH_CLEAN);
    EXPECT_EQ(proc_mark_dead(proc_table(e), 1, false), PROC_DEATH_UNKNOWN_PID);
}

TEST(proc, a_cancel_needs_pid_and_secret)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    int pid = (int)getpid();

    EXPECT(!proc_cancel(proc_table(e), pid, proc_cancel_secret(cx->proc) + 1));
    EXPECT(!proc_cancel(proc_table(e), pid + 1, proc_cancel_secret(cx->proc)));
    EXPECT_EQ(atomic_load(cx->interrupt), 0);
    EXPECT(proc_cancel(proc_table(e), pid, proc_cancel_secret(cx->proc)));
    EXPECT_EQ(atomic_load(cx->interrupt), INTERRUPT_CANCEL);
}

TEST(proc, activity_is_read_whole)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Activity seen, *a = proc_activity_begin(cx->proc);

    snprintf(a->application, sizeof(a->application), "psql");
    a->state = ACTIVITY_ACTIVE;
    proc_activity_end(cx->proc);
    EXPECT(proc_activity_read(proc_table(e), proc_no(cx->proc), &seen));
    EXPECT_STR(seen.application, "psql");
    EXPECT_EQ(seen.state, ACTIVITY_ACTIVE);
    EXPECT_EQ(seen.pid, (int)getpid());
    EXPECT(!proc_activity_read(proc_table(e), 5, &seen));
}

TEST(proc, a_fatal_signal_counts_as_inside)
{
    Engine *e = sim_engine();

    (void)sim_session(e);
    EXPECT_EQ(proc_mark_dead(proc_table(e), (int)getpid(), true), PROC_DEATH_INSIDE);
}

TEST(proc, wait_events_have_names)
{
    EXPECT(wait_event_name(WAIT_NONE) == NULL);
    EXPECT_STR(wait_event_type(WAIT_LOCK_TRANSACTION), "Lock");
    EXPECT_STR(wait_event_name(WAIT_LOCK_TRANSACTION), "transactionid");
    EXPECT(wait_event_name(WAIT_EVENT_COUNT) == NULL);
}

TEST(proc, the_default_ceiling_is_a_part_of_the_machine)
{
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    EXPECT(region_default_limit(test_ctx()) <= ram / 10 * 8);
    EXPECT(region_default_limit(test_ctx()) > 0);
}

TEST(proc, who_is_told_to_stop_while_an_error_is_passed_over_is_told_again)
{
    _Atomic uint32_t word = 0;
    Ctx cx = *test_ctx();

    cx.interrupt = &word;
    cx.deadline_us = 7;
    proc_pass_over(&cx, ST_IO, 7);
    EXPECT_EQ(atomic_load(&word), 0);
    proc_pass_over(&cx, ST_CANCELED, 7); /* by a request, whose bit the poll has cleared */
    EXPECT_EQ(atomic_load(&word), INTERRUPT_CANCEL);
    atomic_store(&word, 0);
    cx.deadline_us = 0; /* by the deadline, which the poll has cleared */
    proc_pass_over(&cx, ST_CANCELED, 7);
    EXPECT_EQ(cx.deadline_us, 7);
    EXPECT_EQ(atomic_load(&word), 0);
}

/* ---- sessions near their clients (follow.h) ------------------------------------------------------------------------------- */

/* The cores that this program may use, and whether there are two. */
static bool
two_cores(cpu_set_t *all, int *a, int *b)
{
    int found[2] = {0}, count = 0;

    CPU_ZERO(all);
    if (sched_getaffinity(0, sizeof(*all), all) != 0)
        return false; /* more cores than there is room for: nobody is followed */
    for (int i = 0; i < CPU_SETSIZE && count < 2; i++) {
        if (CPU_ISSET((size_t)i, all))
            found[count++] = i;
    }
    *a = found[0];
    *b = count == 2 ? found[1] : found[0];
    return count == 2;
}

/* On that core alone; -1: wherever it may. */
static bool
works_on(int core, const cpu_set_t *all)
{
    cpu_set_t now;

    if (sched_getaffinity(0, sizeof(now), &now) != 0)
        return core < 0;
    return core < 0 ? CPU_EQUAL(&now, all) != 0 : CPU_COUNT(&now) == 1 && CPU_ISSET((size_t)core, &now);
}

TEST(proc, a_core_gets_no_more_followers_than_others)
{
    cpu_set_t all;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Engine *e = sim_engine();
    Proc *p = sim_session(e)->proc, *q = sim_session(e)->proc;
    Ctx *last = sim_session(e);

    EXPECT_EQ(proc_follow(p, a), two);
    EXPECT(works_on(two ? a : -1, &all));
    EXPECT(!proc_follow(q, a));
    EXPECT(!proc_follow(q, -1));
    EXPECT(!proc_follow(q, CPU_SETSIZE));
    if (!two)
        return;
    EXPECT(proc_follow(q, b));
    EXPECT(works_on(b, &all));
    /* With three or more cores there is one that nobody keeps to. */
    EXPECT_EQ(proc_follow(last->proc, a), CPU_COUNT(&all) == 2);
    proc_unfollow(last->proc);
    EXPECT(!proc_follow(p, b));
    EXPECT(proc_follow(p, a));
    EXPECT(works_on(a, &all));
}

TEST(proc, a_released_slot_leaves_all_cores)
{
    cpu_set_t all;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Ctx *cx = sim_session(sim_engine());

    EXPECT_EQ(proc_follow(cx->proc, a), two);
    sim_end(cx);
    EXPECT(works_on(-1, &all));
}

/* The janitor between a session's note and its call, and a call of the janitor that comes late. */
TEST(proc, note_and_system_agree_again)
{
    cpu_set_t all, only;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Engine *e = sim_engine();
    Proc *p = sim_session(e)->proc;

    EXPECT_EQ(proc_follow(p, a), two);
    proc_follow_expire(proc_table(e));
    proc_follow_expire(proc_table(e)); /* its note is gone */
    CPU_ZERO(&only);
    CPU_SET((size_t)a, &only);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(only), &only), 0); /* and then the session's own call comes */
    proc_unfollow(p);
    EXPECT(works_on(two ? -1 : a, &all));

    EXPECT_EQ(proc_follow(p, b), two);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(only), &only), 0); /* somebody moves it, its note stays */
    EXPECT_EQ(proc_follow(p, b), two);
    EXPECT(works_on(two ? b : a, &all));
}

TEST(proc, who_may_not_follow_works_on_all_cores)
{
    cpu_set_t all;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Proc *p = sim_session(sim_engine())->proc;

    EXPECT_EQ(proc_follow(p, a), two);
    proc_set_may_follow(p, false);
    EXPECT(works_on(-1, &all));
    EXPECT(!proc_follow(p, a));
    proc_set_may_follow(p, true);
    EXPECT_EQ(proc_follow(p, b), two);
}

TEST(proc, who_begins_no_statement_follows_nobody)
{
    cpu_set_t all;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Engine *e = sim_engine();
    Proc *p = sim_session(e)->proc;

    EXPECT_EQ(proc_follow(p, a), two);
    proc_follow_expire(proc_table(e)); /* sees it for the first time */
    EXPECT(works_on(two ? a : -1, &all));
    (void)proc_activity_begin(p);
    proc_activity_end(p);
    proc_follow_expire(proc_table(e));
    EXPECT(works_on(two ? a : -1, &all));
    proc_follow_expire(proc_table(e));
    EXPECT(works_on(-1, &all));
    EXPECT_EQ(proc_follow(p, a), two); /* it has begun another */
}

TEST(proc, a_dead_session_keeps_to_no_core)
{
    cpu_set_t all;
    int a, b;
    bool two = two_cores(&all, &a, &b);
    Engine *e = sim_engine();
    Proc *dead = sim_session(e)->proc;

    EXPECT_EQ(proc_follow(dead, a), two);
    EXPECT_EQ(proc_mark_dead(proc_table(e), (int)getpid(), false), PROC_DEATH_OUTSIDE);
    proc_free_dead(dead);
    (void)sim_session(e); /* takes the slot */
    EXPECT_EQ(proc_follow(sim_session(e)->proc, a), two);
}
