/* clock.c - a clock that never jumps.
 *
 * The janitor compares it with the wall clock. A difference that grew slowly is drift: the slew is set
 * so that it would be gone in a minute. A difference that appeared between two looks is a jump:
 * somebody set the time, and rows must not become older than what was committed before them.
 *
 * It changes the clock in one instant (C1): killed in the middle it would leave readers looking for ever, or count a jump twice. */
#include "storage/txn/clock.h"

#include "base/log.h"
#include "base/stop_point.h"
#include "shmem/proc/slot.h"

enum { JUMP_US = 500 * 1000, SLEW_MOST_PPM = 50000, DRIFT_GONE_AFTER_US = 60 * 1000 * 1000 };

void
txn_clock_start(TxnClock *c, Env *env, uint64_t at_least_us)
{
    int64_t wall = env_wall_us(env);
    uint64_t start = wall > 0 ? (uint64_t)wall : 0;

    atomic_store(&c->base_mono_us, env_mono_us(env));
    atomic_store(&c->base_us, MAX_OF(start, at_least_us));
    atomic_store(&c->slew_ppm, 0);
    c->ignored_us = wall - (int64_t)atomic_load(&c->base_us);
    c->last_error_us = c->ignored_us;
}

uint64_t
txn_clock_us(TxnClock *c, Env *env)
{
    uint64_t mono = env_mono_us(env);

    for (;;) {
        uint32_t before = atomic_load_explicit(&c->version, memory_order_acquire);
        uint64_t base_mono = atomic_load_explicit(&c->base_mono_us, memory_order_relaxed);
        uint64_t base = atomic_load_explicit(&c->base_us, memory_order_relaxed);
        int64_t ppm = atomic_load_explicit(&c->slew_ppm, memory_order_relaxed);
        int64_t passed;

        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) != 0 || before != atomic_load_explicit(&c->version, memory_order_relaxed))
            continue;
        /* Before a new base was set, perhaps: then a little negative. */
        passed = (int64_t)(mono - base_mono);
        return base + (uint64_t)(passed + passed / 1000000 * ppm + passed % 1000000 * ppm / 1000000);
    }
}

/* The clock goes on from `now` with another slew. */
static void
set_base(TxnClock *c, uint64_t mono, uint64_t now, int64_t ppm)
{
    uint32_t version = atomic_load(&c->version);

    atomic_store(&c->version, version + 1);
    stop_point("txn.clock_changes");
    atomic_store(&c->base_mono_us, mono);
    atomic_store(&c->base_us, now);
    atomic_store(&c->slew_ppm, ppm);
    atomic_store(&c->version, version + 2);
}

void
txn_clock_adjust(TxnClock *c, Env *env, Proc *proc)
{
    uint64_t now = txn_clock_us(c, env), mono = env_mono_us(env);
    int64_t error = env_wall_us(env) - (int64_t)now;
    int64_t step = error - c->last_error_us, drift, ppm;
    bool jumped = step > JUMP_US || step < -JUMP_US;

    if (jumped)
        log_line(LOG_WARNING, "the system's clock jumped by %lld ms; commit times do not follow it",
                 (long long)(step / 1000));
    proc_instant_enter(proc);
    c->ignored_us += jumped ? step : 0;
    c->last_error_us = error;
    drift = error - c->ignored_us;
    ppm = drift * 1000000 / DRIFT_GONE_AFTER_US;
    ppm = MAX_OF(MIN_OF(ppm, SLEW_MOST_PPM), -SLEW_MOST_PPM);
    if (ppm > -10 && ppm < 10)
        ppm = 0;
    if (ppm != atomic_load(&c->slew_ppm) || ppm != 0)
        set_base(c, mono, now, ppm);
    proc_instant_leave(proc);
}
