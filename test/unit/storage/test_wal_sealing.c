/* Portions of an encrypted log, sealed by processes that have the pen in turn. That sessions and the log writer go by these rules is
 * said in test_wal_solo.c and test_wal_sealed.c. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/stop_point.h"
#include "shmem/proc/slot.h"
#include "sim_log.h"
#include "storage/engine/engine_log.h"
#include "storage/wal/wal_pen.h"
#include "storage/wal/wal_portion.h"
#include "storage/wal/wal_sealing.h"

enum { PATIENCE_MS = 10000, PORTION_MOST = 4096 };

/* What a child tells before it is killed. */
typedef struct Told {
    const SealKey *key;
    Lsn at, end;
    uint8_t portion[PORTION_MOST];
} Told;

/* A log that has no writer: who takes the pen seals. */
typedef struct Sealed {
    Log *log;
    Engine *engine;
    Ctx *cx;
    WalSealing sealing; /* this process's */
    Told *told;
} Sealed;

static void
sealed_open(Sealed *s)
{
    RecoverResult result;

    EXPECT(stop_board_create());
    s->log = sim_log_new_encrypted();
    s->engine = sim_engine_logged(0, NULL);
    s->cx = sim_session(s->engine);
    SIM_OK(s->cx, engine_start_log(s->cx, &s->log->dir, WAL_FIRST_LSN, 0, &result));
    SIM_OK(s->cx, wal_sealing_open(s->cx, &s->log->key, &s->sealing));
    s->told = sim_shared(sizeof(*s->told));
    s->told->key = &s->log->key;
}

static void
sealed_close(Sealed *s)
{
    wal_sealing_close(&s->sealing);
    engine_detach(s->cx);
    sim_log_remove(s->log);
}

static Lsn
next_portion(const Ctx *cx)
{
    return atomic_load(&wal_shared(cx->proc)->portion);
}

/* Takes the pen and seals the next portion, `times` times. */
static bool
seal(Ctx *cx, int times, void *arg)
{
    Told *told = arg;
    WalSealing sealing;

    if (!wal_pen_try(cx->proc) || wal_sealing_open(cx, told->key, &sealing) != ST_OK)
        return false;
    told->at = next_portion(cx);
    told->end = wal_sealing_settle(cx->proc);
    for (int i = 0; i < times; i++) {
        SIM_OK(cx, wal_sealing_make(cx, &sealing, told->at, told->end));
        SIM_EXPECT(told->end - told->at <= PORTION_MOST);
        memcpy(told->portion, sealing.portion, told->end - told->at);
    }
    stop_point("test.sealed");
    return true;
}

/* What it says when it is stopped is said nowhere. */
static bool
seal_twice(Ctx *cx, int no, void *arg)
{
    (void)no;
    signal(SIGABRT, SIG_DFL); /* a sanitizer would tell of it */
    return freopen("/dev/null", "w", stderr) != NULL && seal(cx, 2, arg);
}

/* A child has the pen, and is killed at `point`. */
static void
kill_sealing_at(Sealed *s, const char *point)
{
    pid_t child;

    stop_point_arm(point, 0);
    child = sim_fork(s->engine, seal, 1, s->told);
    EXPECT(stop_point_wait(point, PATIENCE_MS, NULL));
    sim_kill_outside(s->engine, child);
    stop_point_release(point);
}

/* In place. False: it is not what somebody with a key for this log has sealed there. */
static bool
unseal(Ctx *cx, const Told *told, uint8_t *portion)
{
    SealRing *ring;
    uint32_t bytes;
    bool whole;

    if (!wal_portion_begins(portion, told->at, &bytes) || bytes != told->end - told->at - WAL_SEAL_BYTES)
        return false;
    SIM_OK(cx, seal_ring_open(cx, told->key, wal_key_purpose, &ring));
    SIM_OK(cx, wal_portion_open(cx, ring, told->at, portion, portion + WAL_SEAL_BYTES, &whole));
    seal_ring_close(ring);
    return whole;
}

TEST(wal_sealing, a_portion_is_settled_once_also_if_the_writer_is_killed)
{
    Lsn added;
    Sealed s;

    sealed_open(&s);
    sim_log_add(s.cx, 100);
    kill_sealing_at(&s, "wal.portion_settled");
    added = wal_position(s.cx->proc);
    sim_log_add(s.cx, 100); /* for the portion after it */
    EXPECT(wal_pen_take(s.cx->proc));
    EXPECT_EQ(wal_sealing_settle(s.cx->proc), s.told->end);
    EXPECT_EQ(wal_sealing_settle(s.cx->proc), s.told->end);
    wal_sealing_note_written(s.cx->proc, &s.sealing, s.told->end);
    EXPECT_EQ(next_portion(s.cx), s.told->end);
    EXPECT(wal_sealing_settle(s.cx->proc) > added);
    sealed_close(&s);
}

TEST(wal_sealing, what_a_killed_process_has_sealed_another_seals_with_its_own_key)
{
    uint8_t *theirs, *ours;
    uint32_t bytes;
    Sealed s;

    sealed_open(&s);
    sim_log_add(s.cx, 1000);
    kill_sealing_at(&s, "test.sealed");
    EXPECT(wal_pen_take(s.cx->proc));
    SIM_OK(s.cx, wal_sealing_make(s.cx, &s.sealing, s.told->at, wal_sealing_settle(s.cx->proc)));
    theirs = s.told->portion + WAL_SEAL_BYTES;
    ours = s.sealing.portion + WAL_SEAL_BYTES;
    bytes = (uint32_t)(s.told->end - s.told->at - WAL_SEAL_BYTES);
    EXPECT(bytes >= 1000);
    EXPECT(memcmp(theirs, ours, bytes) != 0);
    EXPECT(unseal(s.cx, s.told, s.told->portion));
    EXPECT(unseal(s.cx, s.told, s.sealing.portion));
    EXPECT(memcmp(theirs, ours, bytes) == 0);
    sealed_close(&s);
}

/* S3 */
TEST(wal_sealing, who_would_seal_a_place_twice_is_stopped)
{
    pid_t child;
    int status;
    Sealed s;

    sealed_open(&s);
    sim_log_add(s.cx, 100);
    child = sim_fork(s.engine, seal_twice, 0, s.told);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT(unseal(s.cx, s.told, s.told->portion)); /* the first time it did */
    sealed_close(&s);
}

TEST(wal_sealing, what_a_large_portion_took_is_given_back)
{
    Lsn end;
    Sealed s;

    sealed_open(&s);
    EXPECT(wal_pen_take(s.cx->proc));
    for (int i = 0; i < 32; i++)
        sim_log_add(s.cx, ADD_MOST);
    for (int i = 0; i < 2; i++) {
        end = wal_sealing_settle(s.cx->proc);
        SIM_OK(s.cx, wal_sealing_make(s.cx, &s.sealing, next_portion(s.cx), end));
        EXPECT_EQ(s.sealing.sealed_to, end);
        wal_sealing_note_written(s.cx->proc, &s.sealing, end);
        EXPECT_EQ(s.sealing.portion == NULL, i == 0); /* a small one is kept */
        EXPECT_EQ(s.sealing.portion_bytes, i == 0 ? 0 : WAL_SEALING_BYTES);
        sim_log_add(s.cx, 100);
    }
    sealed_close(&s);
}
