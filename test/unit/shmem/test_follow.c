/* Sessions near their clients: they keep to one core, and the place is given back. */
#include <sched.h>
#include <unistd.h>

#include "harness.h"
#include "shmem/proc/follow.h"
#include "shmem/proc/slot.h"
#include "sim.h"

/* A session that was asked to keep to core a. It does if this program may use two; else nobody follows. */
typedef struct Followed {
    Engine *engine;
    Ctx *cx;
    Proc *proc;
    cpu_set_t all; /* the cores that this program may use */
    int a, b; /* two of them; the same twice if there is one */
    bool two;
} Followed;

static void
find_cores(Followed *f)
{
    int found[2] = {0}, count = 0;

    CPU_ZERO(&f->all);
    if (sched_getaffinity(0, sizeof(f->all), &f->all) != 0)
        return; /* more cores than there is room for: nobody is followed */
    for (int i = 0; i < CPU_SETSIZE && count < 2; i++) {
        if (CPU_ISSET((size_t)i, &f->all))
            found[count++] = i;
    }
    f->two = count == 2;
    f->a = found[0];
    f->b = found[f->two];
}

static Followed
follow(void)
{
    Followed f = {.engine = sim_engine()};

    find_cores(&f);
    f.cx = sim_session(f.engine);
    f.proc = f.cx->proc;
    EXPECT_EQ(proc_follow(f.proc, f.a), f.two);
    return f;
}

static bool
works_on_all(const Followed *f)
{
    cpu_set_t now;

    return sched_getaffinity(0, sizeof(now), &now) != 0 || CPU_EQUAL(&now, &f->all) != 0;
}

/* On that core alone, if there are two. */
static bool
works_on(const Followed *f, int core)
{
    cpu_set_t now;

    if (!f->two)
        return works_on_all(f);
    return sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_COUNT(&now) == 1 &&
           CPU_ISSET((size_t)core, &now);
}

/* Not by the session. */
static void
move_to(int core)
{
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET((size_t)core, &only);
    EXPECT_EQ(sched_setaffinity(0, sizeof(only), &only), 0);
}

TEST(follow, a_core_gets_no_more_followers_than_others)
{
    Followed f = follow();
    Proc *p = f.proc, *q = sim_session(f.engine)->proc, *last = sim_session(f.engine)->proc;

    EXPECT(works_on(&f, f.a));
    EXPECT(!proc_follow(q, f.a));
    EXPECT(!proc_follow(q, -1));
    EXPECT(!proc_follow(q, CPU_SETSIZE));
    if (!f.two)
        return;
    EXPECT(proc_follow(q, f.b));
    EXPECT(works_on(&f, f.b));
    /* With three or more cores there is one that nobody keeps to. */
    EXPECT_EQ(proc_follow(last, f.a), CPU_COUNT(&f.all) == 2);
    proc_unfollow(last);
    EXPECT(!proc_follow(p, f.b));
    EXPECT(proc_follow(p, f.a));
    EXPECT(works_on(&f, f.a));
}

TEST(follow, a_released_slot_leaves_all_cores)
{
    Followed f = follow();

    sim_end(f.cx);
    EXPECT(works_on_all(&f));
}

/* The janitor between a session's note and its call, and a call of the janitor that comes late. */
TEST(follow, note_and_system_agree_again)
{
    Followed f = follow();

    proc_follow_expire(proc_table(f.engine));
    proc_follow_expire(proc_table(f.engine)); /* its note is gone */
    move_to(f.a); /* and then the session's own call comes */
    proc_unfollow(f.proc);
    EXPECT(works_on_all(&f));

    EXPECT_EQ(proc_follow(f.proc, f.b), f.two);
    move_to(f.a); /* somebody moves it, its note stays */
    EXPECT_EQ(proc_follow(f.proc, f.b), f.two);
    EXPECT(works_on(&f, f.b));
}

TEST(follow, who_may_not_follow_works_on_all_cores)
{
    Followed f = follow();

    proc_set_may_follow(f.proc, false);
    EXPECT(works_on_all(&f));
    EXPECT(!proc_follow(f.proc, f.a));
    proc_set_may_follow(f.proc, true);
    EXPECT_EQ(proc_follow(f.proc, f.b), f.two);
}

TEST(follow, who_begins_no_statement_follows_nobody)
{
    Followed f = follow();

    proc_follow_expire(proc_table(f.engine)); /* sees it for the first time */
    EXPECT(works_on(&f, f.a));
    (void)proc_activity_begin(f.proc);
    proc_activity_end(f.proc);
    proc_follow_expire(proc_table(f.engine));
    EXPECT(works_on(&f, f.a));
    proc_follow_expire(proc_table(f.engine));
    EXPECT(works_on_all(&f));
    EXPECT_EQ(proc_follow(f.proc, f.a), f.two); /* it has begun another */
}

TEST(follow, a_dead_session_keeps_to_no_core)
{
    Followed f = follow();

    EXPECT_EQ(proc_mark_dead(proc_table(f.engine), (int)getpid(), false), PROC_DEATH_OUTSIDE);
    proc_free_dead(f.proc);
    (void)sim_session(f.engine); /* takes the slot */
    EXPECT_EQ(proc_follow(sim_session(f.engine)->proc, f.a), f.two);
}
