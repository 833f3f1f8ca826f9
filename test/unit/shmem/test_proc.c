#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
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
