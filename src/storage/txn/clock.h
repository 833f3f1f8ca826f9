/* src/storage/txn/clock.h - the time that commit numbers are made of (T9).
 *
 * Monotonic clock plus an offset fixed at start. The wall clock is followed slowly (at most 5 % faster
 * or slower) where it drifts; where it jumps, it is not followed, and the jump is logged. */
#ifndef TXN_CLOCK_H
#define TXN_CLOCK_H
#include <stdatomic.h>

#include "base/env.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"

typedef struct TxnClock {
    _Atomic uint32_t version; /* seqlock over the next three: odd while they change */
    _Atomic uint64_t base_mono_us; /* seqlock */
    _Atomic uint64_t base_us; /* seqlock: clock at base_mono_us */
    _Atomic int64_t slew_ppm; /* seqlock: -50000 .. 50000 */
    int64_t ignored_us; /* janitor: sum of the jumps not followed */
    int64_t last_error_us; /* janitor: wall - clock when last looked */
} TxnClock;

/* Starts at max(wall clock, at_least). */
void txn_clock_start(TxnClock *c, Env *env, uint64_t at_least_us);
/* Microseconds since 1970. */
uint64_t txn_clock_us(TxnClock *c, Env *env);
/* One look at the wall clock; by the janitor, every second or so. */
void txn_clock_adjust(TxnClock *c, Env *env, Proc *proc);

#endif
