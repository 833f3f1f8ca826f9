/* wal_shared.h - the log's part of the shared region, for the sources of this folder. */
#ifndef WAL_SHARED_H
#define WAL_SHARED_H
#include "shmem/pagecache/pagecache.h"
#include "storage/wal/wal.h"

typedef struct WalCommit {
    Lsn end;
    Csn csn;
} WalCommit;

enum {
    WAL_COMMITS = 8192,
    WAL_TURNS = 32, /* bits of a futex */
    WAL_RING_BYTES = 8 << 20,
    WAL_CALL_BYTES = 1 << 20, /* the writer is called each time so much has come */
};

typedef struct WalShared {
    uint64_t ring_bytes; /* set once at start */
    uint64_t reserve_bytes; /* set once at start: a burst for each slot */
    ShmRef ring; /* set once at start */
    uint32_t sealed; /* set once at start: the log is encrypted */
    Lsn started; /* set by wal_start: where this run's log begins */

    /* By who has the pen, unless it says otherwise. */
    _Atomic Lsn written __attribute__((aligned(64))); /* atomic, monotone */
    _Atomic Lsn flushed; /* atomic, monotone */
    /* Of a sealed log: where the portion begins that is written next, with room for its seal; and where it ends, which is
     * where the one after it begins. Not above `portion`: that is not settled yet. */
    _Atomic Lsn portion, portion_end; /* atomic */
    _Atomic uint32_t flushed_bell; /* atomic: raised with it */
    /* The flush under way, or the last one: how far it goes, times WAL_TURNS, plus its turn. Who waits for a place behind it is
     * served by the next turn at the earliest, and is woken by that. */
    _Atomic uint64_t flushing; /* atomic */
    _Atomic uint32_t disk_full; /* atomic: WalFull bits */
    _Atomic uint64_t pen; /* atomic: who writes and flushes (wal_pen.h) */
    _Atomic Lsn
        segment; /* atomic; by the log writer, with the pen: where the segment begins that it has open; 0 = none */
    _Atomic uint64_t writes, syncs, write_us, sync_us; /* atomic */
    _Atomic uint64_t late; /* atomic; by who has waited: see WalCounts */

    _Atomic Lsn wanted __attribute__((aligned(64))); /* atomic: somebody waits for this to be flushed */

    _Atomic uint64_t commit_head __attribute__((aligned(64))); /* atomic; changes under the commit latch */
    _Atomic uint64_t commit_tail; /* atomic; who has the pen raises it */
    WalCommit commits[WAL_COMMITS]; /* commit latch; read between tail and head */
} WalShared;

static inline WalShared *
wal_shared(const Proc *proc)
{
    return region_part(proc_region(proc), PART_WAL);
}
/* For futex_wait_bits: the turn that flushes `lsn`, as far as one can know. */
static inline uint32_t
wal_turn_bit(uint64_t flushing, Lsn lsn)
{
    return UINT32_C(1) << (lsn <= flushing / WAL_TURNS ? flushing : flushing + 1) % WAL_TURNS;
}
static inline char *
wal_ring(WalShared *w)
{
    return (char *)w + w->ring;
}

#endif
