/* futex.c - the system call; not the private kind, because the word is shared between processes. */
#include "shmem/sync/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_us)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_us / 1000000),
                         .tv_nsec = (long)(timeout_us % 1000000) * 1000};

    syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_us == UINT64_MAX ? NULL : &t, NULL, 0);
}

void
futex_wake(_Atomic uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

bool
futex_wait_bits(_Atomic uint32_t *word, uint32_t expected, uint32_t bits, uint64_t timeout_us)
{
    struct timespec t; /* of this operation it is a point in time */

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(timeout_us % 1000000) * 1000;
    t.tv_sec += (time_t)(timeout_us / 1000000) + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, timeout_us == UINT64_MAX ? NULL : &t, NULL,
                   bits) == 0 ||
           errno != ETIMEDOUT;
}

int
futex_wake_bits(_Atomic uint32_t *word, uint32_t bits)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, bits);
}
