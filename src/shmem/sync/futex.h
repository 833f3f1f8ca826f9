/* src/shmem/sync/futex.h - sleeping on a word of shared memory. */
#ifndef FUTEX_H
#define FUTEX_H
#include <stdatomic.h>

#include "base/attr.h"

/* Sleeps while *word == expected, for at most timeout_us (UINT64_MAX = for ever). May return early
 * for no reason: the caller looks again. */
void futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_us);
void futex_wake(_Atomic uint32_t *word, int count);

#endif
