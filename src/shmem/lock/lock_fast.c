/* lock_fast.c - weak relation locks in the session's own slot (R6).
 *
 * The three weakest modes do not conflict with each other, so as long as nobody wants a stronger lock
 * on a relation there is nothing to compare. A weak locker notes its lock in its own slot under its
 * own latch, if the relation's strong counter is zero; a strong locker first raises the counter and
 * then moves everybody's notes on that relation into the table. The slot's latch orders the two:
 * either the weak locker sees the counter, or the strong locker sees the note. */
#include "shmem/lock/lock_int.h"

bool
lock_is_weak(const LockKey *key, LockMode mode, LockSpan span)
{
    return key->kind == LOCK_KIND_RELATION && mode <= LOCK_ROW_EXCLUSIVE && span == LOCK_SPAN_TRANSACTION;
}

bool
lock_is_strong(const LockKey *key, LockMode mode)
{
    return key->kind == LOCK_KIND_RELATION && mode > LOCK_SHARE_UPDATE_EXCLUSIVE;
}

static _Atomic uint32_t *
strong_counter(const Proc *proc, const LockKey *key)
{
    return &lock_table(proc)->strong[lock_key_hash(key) / LOCK_PARTITIONS % FAST_COUNTERS];
}

static FastLock *
find(Proc *owner, const LockKey *key, bool or_free)
{
    FastLock *free_one = NULL;

    for (int i = 0; i < PROC_FAST_LOCKS; i++) {
        FastLock *f = &owner->fast_locks[i];

        if (f->relation == key->a && f->branch == key->branch && f->relation != 0)
            return f;
        if (free_one == NULL && f->relation == 0)
            free_one = f;
    }
    return or_free ? free_one : NULL;
}

static bool
is_unused(const FastLock *f)
{
    return (f->count[0] | f->count[1] | f->count[2]) == 0;
}

bool
lock_fast_acquire(Proc *proc, const LockKey *key, LockMode mode)
{
    int m = (int)mode - LOCK_ACCESS_SHARE;
    bool done = false;
    FastLock *f;

    if (key->a == 0)
        return false;
    latch_take(proc, &proc->fast_latch);
    f = find(proc, key, true);
    if (f != NULL && f->relation != 0 && f->count[m] > 0) {
        f->count[m]++;
        done = true;
    } else if (f != NULL && atomic_load(strong_counter(proc, key)) == 0) {
        f->branch = key->branch;
        f->relation = key->a;
        f->count[m] = 1;
        f->seq[m] = ++proc->lock_seq;
        proc->fast_used |= 1u << (f - proc->fast_locks);
        done = true;
    }
    latch_drop(proc, &proc->fast_latch);
    return done;
}

bool
lock_fast_release(Proc *proc, const LockKey *key, LockMode mode)
{
    int m = (int)mode - LOCK_ACCESS_SHARE;
    bool done = false;
    FastLock *f;

    latch_take(proc, &proc->fast_latch);
    f = find(proc, key, false);
    if (f != NULL && f->count[m] > 0) {
        done = true;
        if (--f->count[m] == 0 && is_unused(f))
            f->relation = 0;
    }
    latch_drop(proc, &proc->fast_latch);
    return done;
}

void
lock_fast_release_since(Proc *proc, uint64_t mark)
{
    if (proc->fast_used == 0)
        return;
    latch_take(proc, &proc->fast_latch);
    for (uint32_t rest = proc->fast_used; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        FastLock *f = &proc->fast_locks[i];

        for (int m = 0; m < FAST_MODES; m++) {
            if (f->seq[m] > mark)
                f->count[m] = 0;
        }
        if (is_unused(f)) {
            f->relation = 0;
            proc->fast_used &= ~(1u << i);
        }
    }
    latch_drop(proc, &proc->fast_latch);
}

void
lock_strong_announce(Proc *proc, const LockKey *key)
{
    _Atomic uint32_t *counter = strong_counter(proc, key);

    ASSERT(proc->strong_announced == 0);
    proc_instant_enter(proc);
    atomic_fetch_add(counter, 1);
    proc->strong_announced = (uint32_t)(counter - lock_table(proc)->strong) + 1;
    proc_instant_leave(proc);
}

void
lock_strong_settled(Proc *proc)
{
    ASSERT(proc_in_critical(proc));
    ASSERT(proc->strong_announced != 0);
    proc->strong_announced = 0;
}

void
lock_strong_take_back(Proc *proc, Proc *owner)
{
    uint32_t old;

    if (owner->strong_announced == 0)
        return;
    proc_instant_enter(proc);
    old = atomic_fetch_sub(&lock_table(proc)->strong[owner->strong_announced - 1], 1);
    owner->strong_announced = 0;
    proc_instant_leave(proc);
    ASSERT(old > 0);
    (void)old;
}

void
lock_strong_withdraw(Proc *proc, const LockKey *key)
{
    uint32_t old = atomic_fetch_sub(strong_counter(proc, key), 1);

    ASSERT(old > 0);
    (void)old;
}

/* Moves one session's note; its fast latch and the partition latch are held, two items are there. */
static void
move_note(Proc *proc, LockPartition *part, const LockKey *key, Proc *owner, FastLock *f)
{
    LockObject *o = lock_object_find(proc, part, key);
    LockHolder *h;

    if (o == NULL)
        o = lock_object_make(proc, part, key);
    h = lock_holder_find(proc, o, owner->no);
    if (h == NULL)
        h = lock_holder_make(proc, o, owner, false);
    for (int m = 0; m < FAST_MODES; m++) {
        if (f->count[m] > 0)
            lock_grant(o, h, (LockMode)(m + LOCK_ACCESS_SHARE), LOCK_SPAN_TRANSACTION, f->count[m],
                       (uint32_t)f->seq[m]);
    }
    *f = (FastLock){0};
}

Status
lock_fast_transfer(Ctx *cx, const LockKey *key)
{
    Proc *proc = cx->proc;
    ProcTable *procs = proc_table_of(proc);
    LockPartition *part = &lock_table(proc)->part[lock_partition_no(key)];
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *owner = proc_slot(procs, no);
        FastLock *f;

        if (proc_state(owner) == PROC_FREE)
            continue;
        TRY(lock_items_reserve(cx, 2));
        latch_take(proc, &owner->fast_latch);
        f = find(owner, key, false);
        if (f != NULL) {
            latch_take(proc, &part->latch);
            move_note(proc, part, key, owner, f);
            latch_drop(proc, &part->latch);
        }
        latch_drop(proc, &owner->fast_latch);
    }
    return ST_OK;
}
