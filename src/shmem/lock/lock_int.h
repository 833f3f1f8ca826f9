/* lock_int.h - the shape of the lock table, for the sources of this folder.
 *
 *   LockObject (one per key that somebody holds or waits for)
 *     ├─ holders: LockHolder, one per (object, session)
 *     └─ queue: process slots that wait, first come first
 *
 * Both kinds of entry are LockItems of one size from one pool. All fields are protected by the latch
 * of the partition the key falls into. */
#ifndef LOCK_INT_H
#define LOCK_INT_H
#include "shmem/lock/lock_table.h"
#include "shmem/proc/slot.h"
#include "shmem/sync/latch.h"

enum { LOCK_BUCKETS = 512 /* per partition */, FAST_COUNTERS = 1024, SPANS = 3 };

typedef enum LockWaitState { LOCK_NOT_WAITING, LOCK_WAITING, LOCK_GRANTED } LockWaitState;

typedef struct LockObject {
    LockKey key;
    ShmRef next; /* in the hash chain */
    ShmRef holders;
    ShmRef queue_first, queue_last; /* slots */
    uint32_t granted[LOCK_MODE_COUNT]; /* sessions that hold the mode */
    uint32_t waiting[LOCK_MODE_COUNT]; /* sessions that wait for it */
    uint16_t granted_mask, waiting_mask; /* bit per mode */
} LockObject;

typedef struct LockHolder {
    ShmRef object;
    ShmRef object_next; /* other holders of the object */
    ShmRef proc_next, proc_prev; /* other holds of the session in this partition */
    uint32_t proc_no;
    uint16_t mask; /* modes held */
    bool on_behalf; /* a transaction's own lock: in no list of its session */
    uint32_t count[LOCK_MODE_COUNT][SPANS];
    uint32_t seq[LOCK_MODE_COUNT]; /* lock_seq of the session at the first transaction-span grant */
} LockHolder;

typedef union LockItem {
    LockObject object;
    LockHolder holder;
    ShmRef next_free;
    char size[256];
} LockItem;

static_assert(sizeof(LockItem) == 256, "items fill frames without a rest");

typedef struct LockPartition {
    Latch latch;
    ShmRef bucket[LOCK_BUCKETS];
} LockPartition;

typedef struct LockTable {
    uint64_t deadlock_timeout_us; /* of sessions that say nothing; set once at start */
    Latch pool_latch;
    ShmRef pool; /* pool_latch: free items */
    uint32_t pool_items; /* pool_latch: items there are */
    _Atomic uint32_t strong[FAST_COUNTERS]; /* atomic: strong relation locks held or wanted (R6) */
    LockPartition part[LOCK_PARTITIONS];
} LockTable;

static inline LockTable *
lock_table(const Proc *proc)
{
    return region_part(proc_region(proc), PART_LOCK);
}
static inline void *
lock_ptr(const Proc *proc, ShmRef ref)
{
    return region_ptr(proc_region(proc), ref);
}
static inline ShmRef
lock_ref(const Proc *proc, const void *p)
{
    return region_ref(proc_region(proc), p);
}
uint64_t lock_key_hash(const LockKey *key);
static inline uint32_t
lock_partition_no(const LockKey *key)
{
    return (uint32_t)(lock_key_hash(key) % LOCK_PARTITIONS);
}

/* Modes that conflict with `mode`, a bit each. */
extern const uint16_t lock_conflicts[LOCK_MODE_COUNT];

/* ---- lock_pool.c ---------------------------------------------------------------------------------------- */
/* At least `count` items (at most PROC_LOCK_ITEMS) in the session's stash. */
MUST_CHECK Status lock_items_reserve(Ctx *cx, uint32_t count);
LockItem *lock_item_take(Proc *proc); /* zeroed */
void lock_item_release(Proc *proc, void *item);

/* ---- lock_table.c; partition latch held -------------------------------------------------------------------- */
LockObject *lock_object_find(const Proc *proc, LockPartition *part, const LockKey *key);
LockObject *lock_object_make(Proc *proc, LockPartition *part, const LockKey *key);
/* Frees it if nobody holds or wants it. */
void lock_object_forget(Proc *proc, LockPartition *part, LockObject *o);
LockHolder *lock_holder_find(const Proc *proc, const LockObject *o, uint32_t proc_no);
LockHolder *lock_holder_make(Proc *proc, LockObject *o, Proc *owner, bool on_behalf);
void lock_holder_forget(Proc *proc, LockObject *o, LockHolder *h);
void lock_grant(LockObject *o, LockHolder *h, LockMode mode, LockSpan span, uint32_t times, uint32_t seq);
/* The mode is no longer held by h at all. */
void lock_ungrant(Proc *proc, LockObject *o, LockHolder *h, LockMode mode);
/* Grants what can be granted, front to back, and wakes those sessions. */
void lock_queue_wake(Proc *proc, LockObject *o);
void lock_queue_remove(Proc *proc, LockObject *o, Proc *waiter);
/* It does not want the lock any more. */
void lock_queue_give_up(Proc *proc, LockObject *o, Proc *waiter);
void lock_queue_insert(Proc *proc, LockObject *o, Proc *waiter, Proc *before, LockMode mode);

/* ---- lock_fast.c ---------------------------------------------------------------------------------------------- */
bool lock_is_weak(const LockKey *key, LockMode mode, LockSpan span);
bool lock_is_strong(const LockKey *key, LockMode mode);
MUST_CHECK bool lock_fast_acquire(Proc *proc, const LockKey *key, LockMode mode);
MUST_CHECK bool lock_fast_release(Proc *proc, const LockKey *key, LockMode mode);
void lock_fast_release_since(Proc *proc, uint64_t mark);
/* The strong counter goes up when a lock is wanted, and down when it is given up. An announcement is noted in the slot until,
 * under the partition latch, it has become a held or awaited lock (settled), or is taken back: by its owner, or for a dead one. */
void lock_strong_announce(Proc *proc, const LockKey *key);
void lock_strong_settled(Proc *proc);
void lock_strong_take_back(Proc *proc, Proc *owner);
/* A held or awaited lock goes; partition latch held. */
void lock_strong_withdraw(Proc *proc, const LockKey *key);
/* Before a strong lock: moves everybody's weak locks on the key into the table. */
MUST_CHECK Status lock_fast_transfer(Ctx *cx, const LockKey *key);

/* ---- lock_wait.c, lock_deadlock.c --------------------------------------------------------------------------------- */
/* The session is in the queue of `key`, the partition latch has been dropped. */
MUST_CHECK Status lock_wait(Ctx *cx, const LockKey *key, LockMode mode);
/* True and an error in cx: we are part of a cycle that nothing else can break. */
bool lock_deadlock_check(Ctx *cx);

#endif
