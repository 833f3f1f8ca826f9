/* xid_status.c - asking the id table about other transactions, and waiting for them. */
#include <sched.h>

#include "shmem/lock/lock_table.h"
#include "storage/txn/txn_int.h"

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
            if (csn != NULL)
                *csn = state;
            return XID_COMMITTED;
        }
        ASSERT((state & ~ID_SUB) < xid);
        xid = state & ~ID_SUB;
    }
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

Status
xid_wait(Ctx *cx, Xid xid)
{
    TxnShared *s = txn_shared(cx->proc);
    Csn csn;

    for (;;) {
        XidStatus status = xid_status(cx, xid, &csn);
        uint32_t owner;

        ASSERT(status != XID_OWN);
        if (status == XID_ABORTED)
            return ST_OK;
        if (status == XID_COMMITTED)
            break;
        if (find_owner(cx, xid_top(cx, xid), &owner))
            TRY(lock_wait_transaction(cx, xid_top(cx, xid), owner, top_is_running));
        TRY(ctx_poll(cx));
    }
    /* Its word is set an instant before visible_csn passes it. */
    while (atomic_load(&s->visible_csn) < csn)
        sched_yield();
    return ST_OK;
}
