/* lock_wait.c - sleeping in a queue, and the ends of transactions.
 *
 * A sleeper wakes for three reasons: it was granted the lock (by whoever gave it up, under the
 * partition latch), somebody wants its attention (ctx_poll says what), or a deadline came: the
 * deadlock check's, lock_timeout's or the statement's. Deadlines are futex time-outs (E1).
 *
 * Leaving the queue races with being granted: the partition latch decides, and a lock that was granted
 * at the last moment is given back. */
#include "base/env.h"
#include "shmem/lock/lock_int.h"

static WaitEvent
event_of(const LockKey *key)
{
    switch (key->kind) {
    case LOCK_KIND_RELATION: return WAIT_LOCK_RELATION;
    case LOCK_KIND_TRANSACTION: return WAIT_LOCK_TRANSACTION;
    case LOCK_KIND_TUPLE:
    case LOCK_KIND_TUPLE_SHARED: return WAIT_LOCK_TUPLE;
    case LOCK_KIND_ADVISORY: return WAIT_LOCK_ADVISORY;
    default: return WAIT_LOCK_OBJECT;
    }
}

/* Takes us out of the queue; whatever was granted in the meantime is given back. */
static void
leave_queue(Proc *proc, const LockKey *key, LockMode mode)
{
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(key)];
    LockObject *o;
    LockHolder *h;

    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, key);
    ASSERT(o != NULL);
    h = lock_holder_find(proc, o, proc->no);
    ASSERT(h != NULL);
    if (atomic_load(&proc->wait_state) == LOCK_GRANTED) {
        h->count[mode][LOCK_SPAN_BRIEF]--;
        if ((h->count[mode][0] | h->count[mode][1] | h->count[mode][2]) == 0)
            lock_ungrant(proc, o, h, mode);
    } else if (proc->wait_lock != SHM_REF_NONE) { /* the deadlock check may have taken us out */
        lock_queue_give_up(proc, o, proc);
    }
    atomic_store(&proc->wait_state, LOCK_NOT_WAITING);
    if (h->mask == 0)
        lock_holder_forget(proc, o, h);
    lock_queue_wake(proc, o);
    lock_object_forget(proc, part, o);
    latch_drop(proc, &part->latch);
}

static Status
sleep_until_granted(Ctx *cx)
{
    Proc *proc = cx->proc;
    uint64_t start = env_mono_us(cx->env);
    uint64_t check_us =
        proc->deadlock_timeout_us != 0 ? proc->deadlock_timeout_us : lock_table(proc)->deadlock_timeout_us;
    uint64_t check_at = start + check_us;
    uint64_t give_up_at = proc->lock_timeout_us != 0 ? start + proc->lock_timeout_us : UINT64_MAX;

    for (;;) {
        uint64_t until = MIN_OF(check_at, give_up_at), now;

        if (cx->deadline_us != 0)
            until = MIN_OF(until, cx->deadline_us);
        if (atomic_load(&proc->wait_state) != LOCK_GRANTED)
            proc_sleep(cx, proc, until);
        if (atomic_load(&proc->wait_state) == LOCK_GRANTED)
            return ST_OK;
        TRY(ctx_poll(cx));
        now = env_mono_us(cx->env);
        if (now >= give_up_at)
            return fail(cx, ST_CANCELED, "55P03", "canceling statement due to lock timeout");
        if (now >= check_at) {
            check_at = UINT64_MAX; /* whoever completes a cycle later will look for it itself */
            if (lock_deadlock_check(cx))
                return ST_DEADLOCK;
        }
    }
}

Status
lock_wait(Ctx *cx, const LockKey *key, LockMode mode)
{
    Proc *proc = cx->proc;
    Status rc;

    proc->wait_start_us = env_wall_us(cx->env);
    proc_set_wait(proc, event_of(key));
    rc = sleep_until_granted(cx);
    proc_set_wait(proc, WAIT_NONE);
    proc->wait_start_us = 0;
    if (rc != ST_OK)
        leave_queue(proc, key, mode);
    return rc;
}

/* ---- transactions (T4) ---------------------------------------------------------------------------------- */

static LockKey
transaction_key(uint64_t xid)
{
    return (LockKey){.b = xid, .kind = LOCK_KIND_TRANSACTION};
}

Status
lock_wait_transaction(Ctx *cx, uint64_t xid, uint32_t owner_slot, bool (*running)(Ctx *cx, uint64_t xid))
{
    Proc *proc = cx->proc, *owner = proc_slot(proc_table_of(proc), owner_slot);
    LockKey key = transaction_key(xid);
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    LockObject *o;
    LockHolder *h;

    ASSERT(owner != proc);
    ASSERT(!proc_in_critical(proc));
    TRY(lock_items_reserve(cx, 3));
    latch_take(proc, &part->latch);
    atomic_store(&owner->xid_waited, 1);
    atomic_thread_fence(memory_order_seq_cst);
    /* Either the owner, who stores its state first, sees the flag, or we see the state. */
    if (atomic_load(&owner->xid) != xid || !running(cx, xid)) {
        latch_drop(proc, &part->latch);
        return ST_OK;
    }
    o = lock_object_find(proc, part, &key);
    if (o == NULL)
        o = lock_object_make(proc, part, &key);
    h = lock_holder_find(proc, o, owner_slot);
    if (h == NULL) {
        h = lock_holder_make(proc, o, owner, true);
        lock_grant(o, h, LOCK_EXCLUSIVE, LOCK_SPAN_BRIEF, 1, 0);
    }
    if (lock_holder_find(proc, o, proc->no) == NULL)
        (void)lock_holder_make(proc, o, proc, false);
    lock_queue_insert(proc, o, proc, NULL, LOCK_SHARE);
    latch_drop(proc, &part->latch);
    TRY(lock_wait(cx, &key, LOCK_SHARE));
    atomic_store(&proc->wait_state, LOCK_NOT_WAITING);
    (void)lock_release(cx, key, LOCK_SHARE, LOCK_SPAN_BRIEF);
    return ST_OK;
}

void
lock_transaction_ended(Ctx *cx, Proc *owner, uint64_t xid)
{
    Proc *proc = cx->proc;
    LockKey key = transaction_key(xid);
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    LockObject *o;
    LockHolder *h;

    atomic_thread_fence(memory_order_seq_cst);
    if (LIKELY(atomic_load(&owner->xid_waited) == 0))
        return;
    latch_take(proc, &part->latch);
    atomic_store(&owner->xid_waited, 0);
    o = lock_object_find(proc, part, &key);
    h = o != NULL ? lock_holder_find(proc, o, owner->no) : NULL;
    if (h != NULL) {
        lock_ungrant(proc, o, h, LOCK_EXCLUSIVE);
        lock_holder_forget(proc, o, h);
        lock_queue_wake(proc, o);
        lock_object_forget(proc, part, o);
    }
    latch_drop(proc, &part->latch);
}
