/* xid_status.c - asking the id table about other transactions, and waiting for them. */
#include <sched.h>

#include "shmem/lock/lock_table.h"
#include "storage/txn/txn_int.h"
#include "storage/wal/wal.h"

XidStatus
xid_status(Ctx *cx, Xid xid, Csn *csn)
{
    TxnShared *s = txn_shared(cx->proc);
    const PageCache *cache = page_cache(cx->proc);

    DEBUG_ASSERT(xid >= XID_FIRST);
    for (;;) {
        uint64_t state = id_state(cache, &s->ids, xid);

        if (state == ID_RUNNING)
            return cx->txn != NULL && cx->txn->xid == xid ? XID_OWN : XID_RUNNING;
        if (state == ID_ABORTED)
            return XID_ABORTED;
        if (!(state & ID_SUB)) {
            /* T4: it has its number, but nobody's next snapshot would have it yet: who builds on it has to wait. */
            if (UNLIKELY(state > atomic_load_explicit(&s->visible_csn, memory_order_acquire)))
                return XID_RUNNING;
            if (csn != NULL)
                *csn = state;
            return XID_COMMITTED;
        }
        ASSERT((state & ~ID_SUB) < xid);
        xid = state & ~ID_SUB;
    }
}

Csn
xid_commit_number(Ctx *cx, Xid xid)
{
    TxnShared *s = txn_shared(cx->proc);
    uint64_t state = id_state(page_cache(cx->proc), &s->ids, xid);

    while (state != ID_ABORTED && (state & ID_SUB))
        state = id_state(page_cache(cx->proc), &s->ids, state & ~ID_SUB);
    return state == ID_ABORTED ? 0 : state;
}

Xid
xid_top(Ctx *cx, Xid xid)
{
    TxnShared *s = txn_shared(cx->proc);
    const PageCache *cache = page_cache(cx->proc);

    for (;;) {
        uint64_t state = id_state(cache, &s->ids, xid);

        if (state == ID_ABORTED || !(state & ID_SUB))
            return xid;
        xid = state & ~ID_SUB;
    }
}

/* Called by the lock table: only a top transaction's id comes here. */
static bool
top_is_running(Ctx *cx, uint64_t xid)
{
    return id_state(page_cache(cx->proc), &txn_shared(cx->proc)->ids, xid) == ID_RUNNING;
}

static bool
find_owner(Ctx *cx, Xid top, uint32_t *slot_no)
{
    ProcTable *procs = proc_table_of(cx->proc);
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        if (atomic_load(&proc_slot(procs, no)->xid) == top) {
            *slot_no = no;
            return true;
        }
    }
    return false;
}

/* Like xid_status, for an id that we have not just read from a page below its latch: the transaction
 * may be long over, its id forgotten and the frame of its state used for something else. The state
 * counts only if the id is not forgotten after it was read. */
static XidStatus
status_if_known(Ctx *cx, Xid xid, Csn *csn, Xid *top)
{
    IdTable *t = &txn_shared(cx->proc)->ids;
    const PageCache *cache = page_cache(cx->proc);

    for (*top = xid;;) {
        uint32_t frame = atomic_load(&t->directory[*top / ID_PER_FRAME % ID_DIRECTORY]);
        uint64_t state = ID_ABORTED;

        if (frame != 0)
            state = atomic_load((_Atomic uint64_t *)cache_frame_bytes(cache, frame) + *top % ID_PER_FRAME);
        if (*top < atomic_load(&t->trimmed))
            return XID_ABORTED; /* over, whichever way */
        if (state == ID_RUNNING)
            return cx->txn != NULL && cx->txn->xid == *top ? XID_OWN : XID_RUNNING;
        if (state == ID_ABORTED)
            return XID_ABORTED;
        if (!(state & ID_SUB)) {
            *csn = state;
            return XID_COMMITTED;
        }
        *top = state & ~ID_SUB;
    }
}

Status
xid_wait(Ctx *cx, Xid xid)
{
    TxnShared *s = txn_shared(cx->proc);
    Csn csn;

    for (;;) {
        Xid top;
        XidStatus status = status_if_known(cx, xid, &csn, &top);
        uint32_t owner;

        ASSERT(status != XID_OWN);
        if (status == XID_ABORTED)
            return ST_OK;
        if (status == XID_COMMITTED)
            break;
        if (find_owner(cx, top, &owner))
            TRY(lock_wait_transaction(cx, top, owner, top_is_running));
        TRY(ctx_poll(cx));
    }
    /* Its word is set before visible_csn passes it: an instant in memory mode, with a log as long as a flush takes. */
    while (atomic_load(&s->visible_csn) < csn) {
        if (wal_is_on(cx->proc))
            wal_wait_bell(cx->proc);
        else
            sched_yield();
    }
    return ST_OK;
}
