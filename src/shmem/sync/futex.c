/* futex.c - the system call; not the private kind, because the word is shared between processes. */
#include "shmem/sync/futex.h"

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
