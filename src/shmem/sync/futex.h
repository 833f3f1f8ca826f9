/* src/shmem/sync/futex.h - sleeping on a word of shared memory. */
#ifndef FUTEX_H
#define FUTEX_H
#include <stdatomic.h>

#include "base/attr.h"

/* Sleeps while *word == expected, for at most timeout_us (UINT64_MAX = for ever). May return early
 * for no reason: the caller looks again. */
void futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_us);
void futex_wake(_Atomic uint32_t *word, int count);
/* The same for some of those who wait for the word: who waits says which bits mean it, and a wake reaches all whose bits
 * have one in common with its own. (futex_wait has them all.) */
/* False: time is up. */
bool futex_wait_bits(_Atomic uint32_t *word, uint32_t expected, uint32_t bits, uint64_t timeout_us);
int futex_wake_bits(_Atomic uint32_t *word, uint32_t bits); /* how many */

#endif
