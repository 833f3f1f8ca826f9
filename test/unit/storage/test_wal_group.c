/* test_wal_group.c - whom a flush of the log waits for; by a clock of our own. */
#include "sim.h"
#include "storage/wal/wal_group.h"
#include "storage/wal/wal_shared.h"

enum { FLUSH_US = 8000, MOMENT_US = 500 };

/* Each look at it takes a moment, in which one more session asks, as long as some are to come. */
typedef struct Clock {
    Env env; /* first */
    WalShared *shared;
    uint64_t now_us;
    int to_come;
} Clock;

static uint64_t
look(Env *env)
{
    Clock *c = (Clock *)env;

    c->now_us += MOMENT_US;
    if (c->to_come > 0) {
        c->to_come--;
        atomic_fetch_add(&c->shared->asked, 1);
        atomic_fetch_add(&c->shared->writer_bell, 1);
    }
    return c->now_us;
}

static Ctx *
open_clock(Clock *c)
{
    Ctx *cx = sim_session(sim_engine_logged(0));

    *c = (Clock){.env = *env_system(), .shared = wal_shared(cx->proc), .now_us = 1};
    c->env.mono_us = look;
    cx->env = &c->env;
    return cx;
}

/* `asking` sessions are there, and `to_come` more come one after the other. Returns how long they were waited for. */
static uint64_t
gather(Ctx *cx, Clock *c, WalGroup *g, int asking, int to_come)
{
    uint64_t start = c->now_us;

    atomic_fetch_add(&c->shared->asked, (uint64_t)asking);
    c->to_come = to_come;
    wal_group_gather(cx, g);
    return c->now_us - start;
}

/* `during` sessions ask while it runs. */
static void
flush(Ctx *cx, Clock *c, WalGroup *g, int during)
{
    c->to_come = 0;
    wal_group_begin(cx, g);
    atomic_fetch_add(&c->shared->asked, (uint64_t)during);
    wal_group_end(cx, g, FLUSH_US);
}

TEST(wal_group, one_session_alone_waits_for_nobody)
{
    WalGroup g = {0};
    Clock c;
    Ctx *cx = open_clock(&c);

    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(gather(cx, &c, &g, 1, 0), 0);
        flush(cx, &c, &g, 0);
    }
    sim_end(cx);
}

TEST(wal_group, two_groups_become_one)
{
    WalGroup g = {0};
    Clock c;
    Ctx *cx = open_clock(&c);

    EXPECT_EQ(gather(cx, &c, &g, 2, 0), 0);
    flush(cx, &c, &g, 2);
    EXPECT_EQ(g.together, 4);
    EXPECT_BETWEEN(gather(cx, &c, &g, 0, 2), MOMENT_US, FLUSH_US / 2);
    flush(cx, &c, &g, 0);
    EXPECT_EQ(g.size, 4);
    /* All were let go at once; the first is back. */
    EXPECT_BETWEEN(gather(cx, &c, &g, 1, 3), MOMENT_US, FLUSH_US / 2);
    flush(cx, &c, &g, 0);
    EXPECT_EQ(g.size, 4);
    EXPECT_EQ(g.together, 4);
    sim_end(cx);
}

TEST(wal_group, when_nobody_comes_it_does_not_go_on_trying)
{
    WalGroup g = {0};
    Clock c;
    Ctx *cx = open_clock(&c);
    int waited = 0;

    flush(cx, &c, &g, 2);
    for (int i = 0; i < 200; i++) {
        uint64_t us = gather(cx, &c, &g, 0, 0);

        EXPECT(us <= FLUSH_US / 2 + 3 * MOMENT_US);
        waited += us > 0;
        g.served = atomic_load(&c.shared->asked);
        g.size = 2;
        flush(cx, &c, &g, 2);
    }
    EXPECT_BETWEEN(waited, 2, 10);
    /* As soon as it pays it is done each time. */
    for (int i = 0, paid = 0; paid < 3; i++) {
        uint64_t us = gather(cx, &c, &g, 0, 2);

        EXPECT(i < 300);
        paid = us > 0 ? paid + 1 : 0;
        c.to_come = 0;
        g.served = atomic_load(&c.shared->asked);
        g.size = 2;
        flush(cx, &c, &g, 2);
    }
    sim_end(cx);
}
