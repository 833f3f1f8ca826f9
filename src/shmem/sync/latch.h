/* src/shmem/sync/latch.h - short exclusive latches on shared structures.
 *
 * For microseconds only: no waiting, no allocation, no failure while one is held; that makes it a
 * critical section (C1), which taking and dropping announce. Ranks of latch_ranks.def are asserted.
 * Page latches are a different thing (shmem/pagecache). */
#ifndef LATCH_H
#define LATCH_H
#include "base/ctx.h"
#include "shmem/proc/proc.h"

typedef enum LatchRank {
    LATCH_RANK_NONE,
#define LATCH_RANK(symbol, name, doc) symbol,
#include "shmem/sync/latch_ranks.def"
#undef LATCH_RANK
    LATCH_RANK_COUNT
} LatchRank;

typedef struct Latch {
    _Atomic uint32_t word; /* atomic: 0 free, 1 held, 2 held and somebody may sleep */
    uint16_t rank; /* set once at start */
    uint16_t owner; /* slot number + 1 of the holder, for a reader of core files */
} Latch;

void latch_init(Latch *latch, LatchRank rank);
void latch_take(Proc *proc, Latch *latch);
void latch_drop(Proc *proc, Latch *latch);

#endif
