/* src/storage/txn/id_table.h - what became of each transaction id (T5).
 *
 *   0 RUNNING --commit--> CSN
 *   0 RUNNING --abort---> ABORTED
 *   SUB_OF(parent), from birth --rollback to savepoint--> ABORTED
 *
 * One 8-byte word per id in frames of 1024, found through a directory ring. A frame is there and zero
 * before its first id is handed out. Ids below `trimmed` are forgotten: no page holds them raw. */
#ifndef ID_TABLE_H
#define ID_TABLE_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/sync/latch.h"

enum { ID_PER_FRAME = PAGE_BYTES / 8, ID_DIRECTORY = 1 << 17 };

/* PostgreSQL's first ordinary id; clients know 0 to 2 as special. */
#define XID_FIRST ((Xid)3)

#define ID_RUNNING  UINT64_C(0)
#define ID_ABORTED  UINT64_MAX
#define ID_SUB      (UINT64_C(1) << 63) /* | parent */
#define ID_PREPARED (UINT64_C(3) << 62) /* reserve */

typedef struct IdTable {
    Latch latch; /* LATCH_ID_ASSIGN */
    _Atomic Xid next; /* atomic; changes under the latch */
    _Atomic Xid trimmed; /* atomic; changes under the latch, by the janitor */
    ShmRef self; /* set once: where this is in the region */
    bool held; /* latch: nothing is trimmed */
    _Atomic uint32_t filling; /* atomic: recovery: outcomes, parents and the latest ids may not have come yet */
    _Atomic uint32_t directory[ID_DIRECTORY]; /* atomic: frame of ids [1024 i, 1024 i + 1024) */
} IdTable;

void id_table_init(IdTable *t, ShmRef self);

/* Hands out an id to the session and, for a top transaction (parent 0), notes it in its slot. 53200
 * when there is no room; nothing happened then. */
MUST_CHECK Status id_assign(Ctx *cx, IdTable *t, Xid parent, Xid *out);

/* Somebody asks for an id that is forgotten, or was never handed out: says which, and ends the process. */
NORETURN void id_not_known(const IdTable *t, Xid xid);

static inline _Atomic uint64_t *
id_slot(const PageCache *cache, IdTable *t, Xid xid)
{
    uint32_t frame =
        atomic_load_explicit(&t->directory[xid / ID_PER_FRAME % ID_DIRECTORY], memory_order_acquire);

    if (UNLIKELY(frame == 0))
        id_not_known(t, xid);
    return (_Atomic uint64_t *)cache_frame_bytes(cache, frame) + xid % ID_PER_FRAME;
}
/* Recovery meets pages that were stored later than where it is in the log: their ids have not been given out yet. */
static inline uint64_t
id_state(const PageCache *cache, IdTable *t, Xid xid)
{
    if (UNLIKELY(xid >= atomic_load_explicit(&t->next, memory_order_acquire)))
        return ID_RUNNING;
    return atomic_load_explicit(id_slot(cache, t, xid), memory_order_acquire);
}
static inline void
id_set(const PageCache *cache, IdTable *t, Xid xid, uint64_t state)
{
    atomic_store_explicit(id_slot(cache, t, xid), state, memory_order_release);
}

/* Recovery begins and ends. In between a stored page may be ahead of the table: nothing on it can be settled then. */
void id_table_fill(IdTable *t, bool filling);
static inline bool
id_table_is_filling(const IdTable *t)
{
    return atomic_load(&t->filling) != 0;
}
/* Recovery: ids below `next` have perhaps been handed out. */
MUST_CHECK Status id_restore(Ctx *cx, IdTable *t, Xid next);
/* What is known of savepoints whose transaction was running is forgotten: they may have been rolled back since. Those
 * that were kept are named by the commit's record. */
void id_forget_open_subs(Ctx *cx, IdTable *t);
/* The least id that has no outcome. */
Xid id_least_open(Ctx *cx, IdTable *t);
/* ... and those without an outcome have none any more. */
void id_abort_running(Ctx *cx, IdTable *t);

/* The smallest id that a running transaction has, or the next one. */
Xid id_oldest_running(Ctx *cx, IdTable *t);
/* Frees the frames of ids below `below`, unless it is held. */
void id_trim(Ctx *cx, IdTable *t, Xid below);
/* By the one who makes checkpoints. Returns what is trimmed, and will be until id_let_go. */
Xid id_hold(Proc *proc, IdTable *t);
void id_let_go(Proc *proc, IdTable *t);

#endif
