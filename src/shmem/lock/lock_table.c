/* lock_table.c - granting and giving up.
 *
 * Fairness: a request that conflicts with somebody already waiting waits, too, even if no holder is in
 * the way; otherwise a stream of readers would starve a writer. The exception is a session whose own
 * locks a waiter waits for: it goes in front of that waiter, because behind it both would wait for
 * each other for ever.
 *
 * The only conflicts are those of PostgreSQL's table of eight modes. */
#include "shmem/lock/lock_table.h"

#include "base/hash.h"
#include "base/stop_point.h"
#include "shmem/lock/lock_int.h"

#define BIT(mode) (1u << (mode))
#define STRONG_5                                                                                               \
    (BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE))

const uint16_t lock_conflicts[LOCK_MODE_COUNT] = {
    [LOCK_ACCESS_SHARE] = BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_ROW_SHARE] = BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_ROW_EXCLUSIVE] = STRONG_5,
    [LOCK_SHARE_UPDATE_EXCLUSIVE] = BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | STRONG_5,
    [LOCK_SHARE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
                   BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_SHARE_ROW_EXCLUSIVE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | STRONG_5,
    [LOCK_EXCLUSIVE] =
        BIT(LOCK_ROW_SHARE) | BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | STRONG_5,
    [LOCK_ACCESS_EXCLUSIVE] = BIT(LOCK_ACCESS_SHARE) | BIT(LOCK_ROW_SHARE) | BIT(LOCK_ROW_EXCLUSIVE) |
                              BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | STRONG_5,
};

const char *
lock_mode_name(LockMode mode)
{
    static const char *const names[LOCK_MODE_COUNT] = {
        "NoLock",
        "AccessShareLock",
        "RowShareLock",
        "RowExclusiveLock",
        "ShareUpdateExclusiveLock",
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    };

    ASSERT(mode < LOCK_MODE_COUNT);
    return names[mode];
}

uint64_t
lock_key_hash(const LockKey *key)
{
    return hash_combine(hash_combine((uint64_t)key->branch << 32 | key->a, key->b),
                        (uint64_t)key->kind << 8 | key->sub);
}

static bool
key_equal(const LockKey *a, const LockKey *b)
{
    return a->a == b->a && a->b == b->b && a->branch == b->branch && a->kind == b->kind && a->sub == b->sub;
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static ShmRef *
bucket_of(LockPartition *part, const LockKey *key)
{
    return &part->bucket[lock_key_hash(key) / LOCK_PARTITIONS % LOCK_BUCKETS];
}

LockObject *
lock_object_find(const Proc *proc, LockPartition *part, const LockKey *key)
{
    LockObject *o = lock_ptr(proc, *bucket_of(part, key));

    while (o != NULL && !key_equal(&o->key, key))
        o = lock_ptr(proc, o->next);
    return o;
}

LockObject *
lock_object_make(Proc *proc, LockPartition *part, const LockKey *key)
{
    LockObject *o = &lock_item_take(proc)->object;
    ShmRef *bucket = bucket_of(part, key);

    o->key = *key;
    o->next = *bucket;
    *bucket = lock_ref(proc, o);
    return o;
}

void
lock_object_forget(Proc *proc, LockPartition *part, LockObject *o)
{
    ShmRef *link = bucket_of(part, &o->key), self = lock_ref(proc, o);

    if (o->holders != SHM_REF_NONE || o->queue_first != SHM_REF_NONE)
        return;
    while (*link != self)
        link = &((LockObject *)lock_ptr(proc, *link))->next;
    *link = o->next;
    lock_item_release(proc, o);
}

LockHolder *
lock_holder_find(const Proc *proc, const LockObject *o, uint32_t proc_no)
{
    LockHolder *h = lock_ptr(proc, o->holders);

    while (h != NULL && h->proc_no != proc_no)
        h = lock_ptr(proc, h->object_next);
    return h;
}

LockHolder *
lock_holder_make(Proc *proc, LockObject *o, Proc *owner, bool on_behalf)
{
    LockHolder *h = &lock_item_take(proc)->holder;
    uint32_t no = lock_partition_no(&o->key);
    ShmRef self = lock_ref(proc, h);

    h->object = lock_ref(proc, o);
    h->proc_no = owner->no;
    h->on_behalf = on_behalf;
    h->object_next = o->holders;
    o->holders = self;
    if (!on_behalf) {
        h->proc_next = owner->lock_holders[no];
        if (h->proc_next != SHM_REF_NONE)
            ((LockHolder *)lock_ptr(proc, h->proc_next))->proc_prev = self;
        owner->lock_holders[no] = self;
        atomic_fetch_or(&owner->lock_partitions, 1u << no);
    }
    return h;
}

void
lock_holder_forget(Proc *proc, LockObject *o, LockHolder *h)
{
    Proc *owner = proc_slot(proc_table_of(proc), h->proc_no);
    uint32_t no = lock_partition_no(&o->key);
    ShmRef *link = &o->holders, self = lock_ref(proc, h);

    ASSERT(h->mask == 0);
    while (*link != self)
        link = &((LockHolder *)lock_ptr(proc, *link))->object_next;
    *link = h->object_next;
    if (!h->on_behalf) {
        if (h->proc_prev != SHM_REF_NONE)
            ((LockHolder *)lock_ptr(proc, h->proc_prev))->proc_next = h->proc_next;
        else
            owner->lock_holders[no] = h->proc_next;
        if (h->proc_next != SHM_REF_NONE)
            ((LockHolder *)lock_ptr(proc, h->proc_next))->proc_prev = h->proc_prev;
        if (owner->lock_holders[no] == SHM_REF_NONE)
            atomic_fetch_and(&owner->lock_partitions, ~(1u << no));
    }
    lock_item_release(proc, h);
}

void
lock_grant(LockObject *o, LockHolder *h, LockMode mode, LockSpan span, uint32_t times, uint32_t seq)
{
    if (!(h->mask & BIT(mode))) {
        h->mask |= (uint16_t)BIT(mode);
        o->granted[mode]++;
        o->granted_mask |= (uint16_t)BIT(mode);
    }
    if (span == LOCK_SPAN_TRANSACTION && h->count[mode][span] == 0)
        h->seq[mode] = seq;
    h->count[mode][span] += times;
}

void
lock_ungrant(Proc *proc, LockObject *o, LockHolder *h, LockMode mode)
{
    ASSERT(h->mask & BIT(mode));
    h->mask &= (uint16_t)~BIT(mode);
    if (--o->granted[mode] == 0)
        o->granted_mask &= (uint16_t)~BIT(mode);
    if (lock_is_strong(&o->key, mode))
        lock_strong_withdraw(proc, &o->key);
}

/* ---- the queue --------------------------------------------------------------------------------------------- */

/* Does `mode` conflict with what others than `h` (may be NULL) hold? */
static bool
blocked_by_holders(const LockObject *o, const LockHolder *h, LockMode mode)
{
    uint32_t against = lock_conflicts[mode] & o->granted_mask;

    while (against != 0) {
        int m = __builtin_ctz(against);

        if (o->granted[m] > (h != NULL && (h->mask & BIT(m)) ? 1u : 0u))
            return true;
        against &= against - 1;
    }
    return false;
}

void
lock_queue_insert(Proc *proc, LockObject *o, Proc *waiter, Proc *before, LockMode mode)
{
    ShmRef self = waiter->self;

    waiter->wait_lock = lock_ref(proc, o);
    waiter->wait_mode = (uint32_t)mode;
    waiter->wait_next = before != NULL ? before->self : SHM_REF_NONE;
    waiter->wait_prev = before != NULL ? before->wait_prev : o->queue_last;
    if (waiter->wait_prev != SHM_REF_NONE)
        ((Proc *)lock_ptr(proc, waiter->wait_prev))->wait_next = self;
    else
        o->queue_first = self;
    if (before != NULL)
        before->wait_prev = self;
    else
        o->queue_last = self;
    o->waiting[mode]++;
    o->waiting_mask |= (uint16_t)BIT(mode);
    atomic_store(&waiter->wait_state, LOCK_WAITING);
}

void
lock_queue_remove(Proc *proc, LockObject *o, Proc *waiter)
{
    uint32_t mode = waiter->wait_mode;

    ASSERT(waiter->wait_lock == lock_ref(proc, o));
    if (waiter->wait_prev != SHM_REF_NONE)
        ((Proc *)lock_ptr(proc, waiter->wait_prev))->wait_next = waiter->wait_next;
    else
        o->queue_first = waiter->wait_next;
    if (waiter->wait_next != SHM_REF_NONE)
        ((Proc *)lock_ptr(proc, waiter->wait_next))->wait_prev = waiter->wait_prev;
    else
        o->queue_last = waiter->wait_prev;
    waiter->wait_lock = waiter->wait_next = waiter->wait_prev = SHM_REF_NONE;
    if (--o->waiting[mode] == 0)
        o->waiting_mask &= (uint16_t)~BIT(mode);
    atomic_store(&waiter->wait_state, LOCK_NOT_WAITING);
}

void
lock_queue_give_up(Proc *proc, LockObject *o, Proc *waiter)
{
    if (lock_is_strong(&o->key, (LockMode)waiter->wait_mode))
        lock_strong_withdraw(proc, &o->key);
    lock_queue_remove(proc, o, waiter);
}

void
lock_queue_wake(Proc *proc, LockObject *o)
{
    uint32_t ahead = 0; /* modes that somebody further in front still waits for */
    Proc *w = lock_ptr(proc, o->queue_first);

    while (w != NULL) {
        Proc *next = lock_ptr(proc, w->wait_next);
        LockMode mode = (LockMode)w->wait_mode;
        LockHolder *h = lock_holder_find(proc, o, w->no);

        ASSERT(h != NULL);
        if (!(lock_conflicts[mode] & ahead) && !blocked_by_holders(o, h, mode)) {
            lock_queue_remove(proc, o, w);
            /* Counted by span when the sleeper is back: until then it holds the mode without a span. */
            lock_grant(o, h, mode, LOCK_SPAN_BRIEF, 1, 0);
            atomic_store(&w->wait_state, LOCK_GRANTED);
            proc_wake(w);
        } else {
            ahead |= BIT(mode);
        }
        w = next;
    }
}

/* ---- acquiring -------------------------------------------------------------------------------------------------- */

/* Where the request goes in the queue: in front of the first waiter that waits for us. *now: nothing
 * before that place is in the way, so it is granted at once. */
static Proc *
queue_place(Proc *proc, const LockObject *o, const LockHolder *h, LockMode mode, bool *now)
{
    uint32_t ahead = 0;

    *now = false;
    if (h == NULL || h->mask == 0)
        return NULL;
    for (Proc *w = lock_ptr(proc, o->queue_first); w != NULL; w = lock_ptr(proc, w->wait_next)) {
        if (lock_conflicts[w->wait_mode] & h->mask) {
            *now = !(lock_conflicts[mode] & ahead) && !blocked_by_holders(o, h, mode);
            return w;
        }
        ahead |= BIT(w->wait_mode);
    }
    return NULL;
}

typedef enum Attempt { ATTEMPT_GRANTED, ATTEMPT_REFUSED, ATTEMPT_QUEUED } Attempt;

/* One try under the partition latch; two items are in the stash. */
static Attempt
attempt(Proc *proc, const LockKey *key, LockMode mode, LockSpan span, bool may_wait)
{
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(key)];
    Attempt result = ATTEMPT_GRANTED;
    bool held;
    Proc *before = NULL;
    LockObject *o;
    LockHolder *h;

    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, key);
    if (o == NULL)
        o = lock_object_make(proc, part, key);
    h = lock_holder_find(proc, o, proc->no);
    if (h == NULL)
        h = lock_holder_make(proc, o, proc, false);
    held = (h->mask & BIT(mode)) != 0;
    if (!held) {
        bool now = !(lock_conflicts[mode] & o->waiting_mask) && !blocked_by_holders(o, h, mode);

        if (!now)
            before = queue_place(proc, o, h, mode, &now);
        if (!now)
            result = may_wait ? ATTEMPT_QUEUED : ATTEMPT_REFUSED;
    }
    if (held || result == ATTEMPT_REFUSED)
        lock_strong_take_back(proc, proc); /* counted once per holder, and it was already */
    else if (lock_is_strong(key, mode))
        lock_strong_settled(proc);
    if (result == ATTEMPT_GRANTED) {
        lock_grant(o, h, mode, span, 1, (uint32_t)++proc->lock_seq);
    } else if (result == ATTEMPT_QUEUED) {
        lock_queue_insert(proc, o, proc, before, mode);
    } else if (h->mask == 0) {
        lock_holder_forget(proc, o, h);
        lock_object_forget(proc, part, o);
    }
    latch_drop(proc, &part->latch);
    return result;
}

/* The sleeper is back and holds the mode with a provisional count: give it the right one. */
static void
settle(Proc *proc, const LockKey *key, LockMode mode, LockSpan span)
{
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(key)];
    LockObject *o;
    LockHolder *h;

    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, key);
    ASSERT(o != NULL);
    h = lock_holder_find(proc, o, proc->no);
    ASSERT(h != NULL);
    ASSERT(h->count[mode][LOCK_SPAN_BRIEF] > 0);
    h->count[mode][LOCK_SPAN_BRIEF]--;
    lock_grant(o, h, mode, span, 1, (uint32_t)++proc->lock_seq);
    atomic_store(&proc->wait_state, LOCK_NOT_WAITING);
    latch_drop(proc, &part->latch);
}

static Status
fail_not_available(Ctx *cx, const LockKey *key)
{
    switch (key->kind) {
    case LOCK_KIND_RELATION: return fail(cx, ST_ERROR, "55P03", "could not obtain lock on relation");
    case LOCK_KIND_TUPLE:
    case LOCK_KIND_TUPLE_SHARED: return fail(cx, ST_ERROR, "55P03", "could not obtain lock on row");
    default: return fail(cx, ST_ERROR, "55P03", "lock not available");
    }
}

static Status
acquire(Ctx *cx, const LockKey *key, LockMode mode, LockSpan span, bool may_wait, bool *granted)
{
    Proc *proc = cx->proc;
    Status rc;

    ASSERT(mode > LOCK_NONE);
    ASSERT(mode < LOCK_MODE_COUNT);
    ASSERT(!proc_in_critical(proc));
    *granted = true;
    if (lock_is_weak(key, mode, span) && lock_fast_acquire(proc, key, mode))
        return ST_OK;
    TRY(lock_items_reserve(cx, 2));
    if (lock_is_strong(key, mode)) {
        lock_strong_announce(proc, key);
        stop_point("lock.strong_announced");
        rc = lock_fast_transfer(cx, key);
        if (rc == ST_OK)
            rc = lock_items_reserve(cx, 2);
        if (rc != ST_OK) {
            lock_strong_take_back(proc, proc);
            return rc;
        }
    }
    switch (attempt(proc, key, mode, span, may_wait)) {
    case ATTEMPT_GRANTED: return ST_OK;
    case ATTEMPT_REFUSED: *granted = false; return ST_OK;
    case ATTEMPT_QUEUED: break;
    }
    rc = lock_wait(cx, key, mode);
    if (rc != ST_OK) {
        *granted = false;
        return rc;
    }
    settle(proc, key, mode, span);
    return ST_OK;
}

Status
lock_acquire(Ctx *cx, LockKey key, LockMode mode, LockSpan span, bool nowait)
{
    bool granted;

    TRY(acquire(cx, &key, mode, span, !nowait, &granted));
    return granted ? ST_OK : fail_not_available(cx, &key);
}

Status
lock_try(Ctx *cx, LockKey key, LockMode mode, LockSpan span, bool *granted)
{
    return acquire(cx, &key, mode, span, false, granted);
}

/* ---- giving up ------------------------------------------------------------------------------------------------------ */

static bool
mode_is_counted(const LockHolder *h, LockMode mode)
{
    return (h->count[mode][0] | h->count[mode][1] | h->count[mode][2]) != 0;
}

/* After counts went down: takes away modes that nobody counts any more. */
static void
drop_uncounted(Proc *proc, LockPartition *part, LockObject *o, LockHolder *h)
{
    bool dropped = false;

    for (int m = 1; m < LOCK_MODE_COUNT; m++) {
        if ((h->mask & BIT(m)) && !mode_is_counted(h, (LockMode)m)) {
            lock_ungrant(proc, o, h, (LockMode)m);
            dropped = true;
        }
    }
    if (dropped && o->queue_first != SHM_REF_NONE)
        lock_queue_wake(proc, o);
    /* A session that waits here keeps its holder entry, empty or not. */
    if (h->mask == 0 && proc_slot(proc_table_of(proc), h->proc_no)->wait_lock != lock_ref(proc, o))
        lock_holder_forget(proc, o, h);
    lock_object_forget(proc, part, o);
}

bool
lock_release(Ctx *cx, LockKey key, LockMode mode, LockSpan span)
{
    Proc *proc = cx->proc;
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    bool held = false;
    LockObject *o;
    LockHolder *h;

    ASSERT(mode > LOCK_NONE);
    ASSERT(mode < LOCK_MODE_COUNT);
    if (lock_is_weak(&key, mode, span) && lock_fast_release(proc, &key, mode))
        return true;
    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, &key);
    h = o != NULL ? lock_holder_find(proc, o, proc->no) : NULL;
    if (h != NULL && h->count[mode][span] > 0) {
        h->count[mode][span]--;
        drop_uncounted(proc, part, o, h);
        held = true;
    }
    latch_drop(proc, &part->latch);
    return held;
}

/* Takes away the grants of one span, of `owner`, that came after the mark. */
static void
release_since(Proc *proc, Proc *owner, LockSpan span, uint64_t mark)
{
    LockTable *t = lock_table(proc);
    uint32_t parts = atomic_load(&owner->lock_partitions);

    while (parts != 0) {
        int no = __builtin_ctz(parts);
        LockPartition *part = &t->part[no];
        LockHolder *h;

        parts &= parts - 1;
        latch_take(proc, &part->latch);
        h = lock_ptr(proc, owner->lock_holders[no]);
        while (h != NULL) {
            LockHolder *next = lock_ptr(proc, h->proc_next);

            for (int m = 1; m < LOCK_MODE_COUNT; m++) {
                if (span != LOCK_SPAN_TRANSACTION || mark == 0 || (int32_t)(h->seq[m] - (uint32_t)mark) > 0)
                    h->count[m][span] = 0;
            }
            drop_uncounted(proc, part, lock_ptr(proc, h->object), h);
            h = next;
        }
        latch_drop(proc, &part->latch);
    }
}

void
lock_release_all(Ctx *cx, LockSpan span)
{
    if (span == LOCK_SPAN_TRANSACTION)
        lock_fast_release_since(cx->proc, 0);
    release_since(cx->proc, cx->proc, span, 0);
}

uint64_t
lock_mark(Ctx *cx)
{
    return ++cx->proc->lock_seq;
}

void
lock_release_since(Ctx *cx, uint64_t mark)
{
    ASSERT(mark != 0);
    lock_fast_release_since(cx->proc, mark);
    release_since(cx->proc, cx->proc, LOCK_SPAN_TRANSACTION, mark);
}

bool
lock_held(Ctx *cx, LockKey key, LockMode at_least)
{
    Proc *proc = cx->proc;
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    uint32_t mask = 0;
    LockObject *o;
    LockHolder *h;

    for (int i = 0; key.kind == LOCK_KIND_RELATION && i < PROC_FAST_LOCKS; i++) {
        const FastLock *f = &proc->fast_locks[i];

        for (int m = 0; m < FAST_MODES; m++) {
            if (f->relation == key.a && f->branch == key.branch && f->relation != 0 && f->count[m] > 0)
                mask |= BIT(m + LOCK_ACCESS_SHARE);
        }
    }
    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, &key);
    h = o != NULL ? lock_holder_find(proc, o, proc->no) : NULL;
    if (h != NULL)
        mask |= h->mask;
    latch_drop(proc, &part->latch);
    return mask >> at_least != 0;
}

bool
lock_conflict_exists(Ctx *cx, LockKey key, LockMode mode)
{
    Proc *proc = cx->proc;
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    bool conflict = false;
    LockObject *o;

    latch_take(proc, &part->latch);
    o = lock_object_find(proc, part, &key);
    if (o != NULL)
        conflict = blocked_by_holders(o, lock_holder_find(proc, o, proc->no), mode);
    latch_drop(proc, &part->latch);
    return conflict;
}

/* ---- row locks in other forms ---------------------------------------------------------------------------------- */

/* The holder entry of `owner` for the key, made if missing; partition latch held, two items in the stash. */
static LockHolder *
need_holder(Proc *proc, LockPartition *part, const LockKey *key, Proc *owner)
{
    LockObject *o = lock_object_find(proc, part, key);
    LockHolder *h;

    if (o == NULL)
        o = lock_object_make(proc, part, key);
    h = lock_holder_find(proc, o, owner->no);
    return h != NULL ? h : lock_holder_make(proc, o, owner, false);
}

Status
lock_enter_since(Ctx *cx, LockKey key, LockMode mode, uint64_t since)
{
    Proc *proc = cx->proc;
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(&key)];
    LockHolder *h;

    ASSERT(!lock_is_strong(&key, mode));
    TRY(lock_items_reserve(cx, 2));
    latch_take(proc, &part->latch);
    h = need_holder(proc, part, &key, proc);
    lock_grant(lock_ptr(proc, h->object), h, mode, LOCK_SPAN_TRANSACTION, 1, (uint32_t)since);
    if ((int32_t)(h->seq[mode] - (uint32_t)since) > 0)
        h->seq[mode] = (uint32_t)since;
    latch_drop(proc, &part->latch);
    return ST_OK;
}

Status
lock_copy_others(Ctx *cx, LockKey from, LockKey to)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);
    ProcTable *procs = proc_table_of(proc);
    LockPartition *a = &t->part[lock_partition_no(&from)], *b = &t->part[lock_partition_no(&to)];
    LockPartition *first = MIN_OF(a, b), *second = MAX_OF(a, b);
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        LockHolder *h = NULL, *copy;
        LockObject *o;

        if (no == proc->no)
            continue;
        TRY(lock_items_reserve(cx, 2));
        latch_take(proc, &first->latch);
        if (second != first)
            latch_take(proc, &second->latch);
        o = lock_object_find(proc, a, &from);
        if (o != NULL &&
            proc_state(proc_slot(procs, no)) == PROC_ACTIVE) /* a dead one's locks are being given up */
            h = lock_holder_find(proc, o, no);
        for (int m = 1; h != NULL && m < LOCK_MODE_COUNT; m++) {
            if (h->count[m][LOCK_SPAN_TRANSACTION] == 0)
                continue;
            copy = need_holder(proc, b, &to, proc_slot(procs, no));
            lock_grant(lock_ptr(proc, copy->object), copy, (LockMode)m, LOCK_SPAN_TRANSACTION, 1, h->seq[m]);
        }
        if (second != first)
            latch_drop(proc, &second->latch);
        latch_drop(proc, &first->latch);
    }
    return ST_OK;
}

void
lock_set_timeout(Ctx *cx, uint64_t timeout_us)
{
    cx->proc->lock_timeout_us = timeout_us;
}

void
lock_set_deadlock_timeout(Ctx *cx, uint64_t timeout_us)
{
    cx->proc->deadlock_timeout_us = timeout_us;
}

/* ---- a dead session's locks ---------------------------------------------------------------------------------------- */

/* With all latches, as who looks for deadlocks has them: that one may have taken it out of its queue for a moment. */
static void
leave_queue_of_dead(Proc *proc, LockTable *t, Proc *dead)
{
    for (int i = 0; i < LOCK_PARTITIONS; i++)
        latch_take(proc, &t->part[i].latch);
    if (dead->wait_lock != SHM_REF_NONE) { /* it was not granted in the meantime */
        LockObject *o = lock_ptr(proc, dead->wait_lock);
        LockHolder *h = lock_holder_find(proc, o, dead->no);

        lock_queue_give_up(proc, o, dead);
        if (h->mask == 0)
            lock_holder_forget(proc, o, h);
        lock_queue_wake(proc, o);
        lock_object_forget(proc, &t->part[lock_partition_no(&o->key)], o);
    }
    for (int i = LOCK_PARTITIONS; i-- > 0;)
        latch_drop(proc, &t->part[i].latch);
}

void
lock_forget_dead(Ctx *cx, Proc *dead)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);

    lock_strong_take_back(proc, dead);
    leave_queue_of_dead(proc, t, dead);
    atomic_store(&dead->wait_state, LOCK_NOT_WAITING);
    latch_take(proc, &dead->fast_latch);
    memset(dead->fast_locks, 0, sizeof(dead->fast_locks));
    dead->fast_used = 0;
    latch_drop(proc, &dead->fast_latch);
    for (int span = 0; span < SPANS; span++)
        release_since(proc, dead, (LockSpan)span, 0);
    while (dead->lock_item_count > 0) {
        proc_critical_enter(proc);
        lock_item_release(proc, lock_ptr(proc, dead->lock_items[--dead->lock_item_count]));
        proc_critical_leave(proc);
    }
}
