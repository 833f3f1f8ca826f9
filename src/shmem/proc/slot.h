/* src/shmem/proc/slot.h - the inside of a process slot, for shmem and storage only.
 *
 * Everything a session holds in shared memory is listed here, so that the janitor can undo it when the
 * session was killed (C1, C3): pins and share latches in `pins`, locks through `lock_holders` and
 * `fast_locks`, a lock it waits for in `wait_*`, frames set aside in `stash`, its snapshot, its
 * transaction by `xid`. */
#ifndef PROC_SLOT_H
#define PROC_SLOT_H
#include <sched.h>

#include "shmem/proc/proc.h"
#include "shmem/region/region.h"
#include "shmem/sync/latch.h"

enum {
    PROC_PINS_MOST = 1024,
    PROC_STASH_MOST = 32,
    PROC_FAST_LOCKS = 16,
    PROC_REL_CACHE = 256,
    PROC_RANKS_MOST = 24,
    FAST_MODES = 3, /* ACCESS_SHARE, ROW_SHARE, ROW_EXCLUSIVE */
    LOCK_PARTITIONS = 16,
    PROC_LOCK_ITEMS = 4,
    PROC_REL_COUNTS = 32,
};

/* One pin of a page frame. */
typedef struct PinNote {
    uint32_t frame_no; /* 0 = not in use */
    uint16_t next_free; /* index + 1 of the next free note */
    bool shared; /* its share latch is held, too */
} PinNote;

/* How a relation was read; shmem/pagecache/rel_counts.h. */
typedef struct RelCountSet {
    BranchId branch; /* owner */
    RelationId relation; /* owner; 0 = not in use */
    ShmRef rel; /* owner: its entry in the page cache */
    _Atomic uint64_t n[REL_COUNTS]; /* atomic: owner adds; whoever cleans up after it takes */
} RelCountSet;

/* R6: one relation's weak locks. seq[m] = when mode m was first taken, for lock_release_since. */
typedef struct FastLock {
    BranchId branch;
    uint32_t relation; /* 0 = not in use */
    uint32_t count[FAST_MODES];
    uint64_t seq[FAST_MODES];
} FastLock;

struct Proc {
    /* --- the owner's own line --------------------------------------------------------------------- */
    ShmRef self; /* set once at start: offset of this slot */
    uint32_t no; /* set once at start */
    _Atomic uint32_t critical; /* owner writes: depth of critical sections */
    _Atomic uint32_t wait_event; /* owner writes: WaitEvent; for Activity */
    uint32_t latch_depth; /* owner */
    uint16_t latch_rank[PROC_RANKS_MOST]; /* owner */

    /* --- written by others ------------------------------------------------------------------------ */
    _Atomic uint64_t owner __attribute__((aligned(64))); /* atomic: ProcState << 32 | pid */
    _Atomic uint32_t interrupt; /* atomic */
    _Atomic uint32_t sem; /* atomic: 1 = wake up */
    uint32_t cancel_secret; /* owner */
    uint32_t kind; /* owner */
    uint64_t fork_generation; /* owner: E1, which process the slot was claimed in */

    /* --- what others read often -------------------------------------------------------------------- */
    _Atomic uint64_t snapshot_csn __attribute__((aligned(64))); /* owner writes (T8); 0 = none */
    _Atomic uint64_t xid; /* latch id_assign: top transaction id, 0 = none */
    _Atomic uint32_t xid_waited; /* atomic: somebody waits for our transaction's end (T4) */
    BranchId branch; /* owner */
    _Atomic uint32_t
        ending; /* owner writes: its transaction has committed, and is not finished; with a log: something is dropped, and its record is out */
    bool log_asynchronous; /* owner: its commits do not wait for the disk */
    uint64_t log_last; /* owner: where its last log record ended */
    _Atomic uint64_t log_inserting; /* owner writes: log records from here on may not be copied yet; 0 = none */
    _Atomic uint64_t private_bytes; /* owner writes: its budget's part of region->used_bytes (C5) */

    /* --- pins -------------------------------------------------------------------------------------- */
    uint16_t pin_free __attribute__((aligned(64))); /* owner: first free note + 1 */
    uint16_t pin_high; /* owner: notes ever used */
    uint32_t pin_count; /* owner */
    uint64_t page_count; /* owner: pins ever taken */
    _Atomic uint64_t counters[SESSION_COUNTERS]; /* owner writes; COUNT_PAGES stays 0, page_count is it */
    uint32_t stash_count; /* owner */
    uint32_t stash[PROC_STASH_MOST]; /* owner: frames taken from the free list, not yet used */
    uint32_t range_first, range_count; /* owner: new frames being touched (frame.c) */
    uint32_t reading; /* owner: a frame that it reads by itself: nobody else will (page_io.h); 0 = none */
    _Atomic uint32_t
        files_open; /* owner writes: files of the store and of the log that it has open for its next page or commit */
    bool scanning; /* owner: pages it brings in now will not be needed again soon */
    bool waits_for_frame; /* owner: counted in PageCache.free_sleepers */
    bool uses_spare; /* owner: what it does frees memory, it may go into the reserve (C5) */
    bool may_follow; /* owner: may keep to the core of its client (follow.h) */
    bool narrowed; /* owner: it has asked the system for one core, and not for all since */
    uint32_t follow_seen; /* janitor: activity_version when it last looked who keeps to a core */

    /* --- locks -------------------------------------------------------------------------------------- */
    Latch fast_latch __attribute__((aligned(64)));
    uint64_t lock_seq; /* owner: counts grants */
    uint32_t fast_used; /* owner: bits of fast_locks that may be in use */
    FastLock fast_locks[PROC_FAST_LOCKS]; /* fast_latch */
    ShmRef lock_holders[LOCK_PARTITIONS]; /* partition latch: what we hold in each partition */
    _Atomic uint32_t lock_partitions; /* atomic; bit set under the partition latch: list may not be empty */
    uint32_t
        strong_announced; /* owner: counted in LockTable.strong at this place - 1 for no lock as yet; 0 = nothing is */
    uint32_t lock_item_count; /* owner */
    ShmRef lock_items[PROC_LOCK_ITEMS]; /* owner: entries taken from the pool, not yet used */
    ShmRef wait_lock; /* partition latch of that lock */
    ShmRef wait_next, wait_prev; /* partition latch of wait_lock */
    uint32_t wait_mode; /* partition latch of wait_lock */
    _Atomic uint32_t wait_state; /* atomic: LockWaitState; changes below the partition latch */
    int64_t wait_start_us; /* owner */
    uint64_t lock_timeout_us; /* owner */
    uint64_t deadlock_timeout_us; /* owner; 0: the lock table's */

    /* --- caches of the owner ------------------------------------------------------------------------ */
    ShmRef rel_cache[PROC_REL_CACHE]; /* owner */
    uint64_t absorbed; /* owner: position in the invalidation ring */
    RelCountSet rel_counts[PROC_REL_COUNTS]; /* see there */

    PinNote pins[PROC_PINS_MOST]; /* owner */

    _Atomic uint32_t activity_version; /* seqlock: odd while being written */
    Activity activity; /* seqlock */
};

struct ProcTable {
    ShmRef self; /* set once at start: offset of this table */
    uint32_t slot_count; /* set once at start */
    _Atomic uint32_t high; /* atomic: slots ever used; the others are untouched memory */
    ShmRef slots; /* set once at start: distance from this table */
    ShmRef followed; /* set once at start: distance from this table; follow.h */
    cpu_set_t cores; /* set once at start: those that the server may use; none: there are not two */
    int core_end; /* set once at start: the last of them + 1 */
};

/* Carves the table; part PART_PROC. */
void proc_table_carve(Region *region, uint32_t slot_count);
uint64_t proc_table_bytes(uint32_t slot_count);
/* Its part for follow.h. */
void proc_follow_carve(Region *region, ProcTable *table);
/* The janitor: the process is gone. */
void proc_follow_forget(Proc *dead);

/* By the owner: nobody else writes, so no locked instruction is needed. */
static inline void
proc_count(Proc *proc, SessionCounter counter, uint64_t n)
{
    _Atomic uint64_t *c = &proc->counters[counter];

    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void
proc_set_count(Proc *proc, SessionCounter counter, uint64_t n)
{
    atomic_store_explicit(&proc->counters[counter], n, memory_order_relaxed);
}

static inline Region *
proc_region(const Proc *proc)
{
    return (Region *)((char *)proc - proc->self);
}
static inline Proc *
proc_slot(const ProcTable *table, uint32_t no)
{
    return (Proc *)((char *)table + table->slots) + no;
}
static inline ProcTable *
proc_table_of(const Proc *proc)
{
    return region_part(proc_region(proc), PART_PROC);
}
static inline ProcState
proc_state(const Proc *proc)
{
    return (ProcState)(atomic_load(&proc->owner) >> 32);
}
static inline int
proc_pid(const Proc *proc)
{
    return (int)(uint32_t)atomic_load_explicit(&proc->owner, memory_order_relaxed);
}

/* The instants of (C1 c): taking or giving up something together with its note. No allocation check,
 * because nothing is called in between. */
static inline void
proc_instant_enter(Proc *proc)
{
    uint32_t depth = atomic_load_explicit(&proc->critical, memory_order_relaxed);

    atomic_store_explicit(&proc->critical, depth + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}
static inline void
proc_instant_leave(Proc *proc)
{
    uint32_t depth = atomic_load_explicit(&proc->critical, memory_order_relaxed);

    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&proc->critical, depth - 1, memory_order_relaxed);
}
static inline bool
proc_in_critical(const Proc *proc)
{
    return atomic_load_explicit(&proc->critical, memory_order_relaxed) != 0;
}

/* Sleeps until proc_wake or the monotonic deadline (UINT64_MAX = none); clears the wake-up. */
void proc_wake(Proc *proc);
/* Wakes every janitor. */
void proc_wake_janitor(ProcTable *table);
/* The janitor: the slot of a dead process is clean again. */
void proc_free_dead(Proc *proc);

#endif
