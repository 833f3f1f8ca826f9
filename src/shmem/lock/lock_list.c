/* lock_list.c - looking at the table from outside: pg_locks, pg_blocking_pids, and the checker. */
#include "shmem/lock/lock_int.h"

typedef struct Listing {
    LockRow *out;
    uint32_t most, count;
} Listing;

static void
add_row(Listing *l, const LockKey *key, LockMode mode, bool granted, bool fast, const Proc *p)
{
    if (l->count < l->most)
        l->out[l->count] = (LockRow){.key = *key,
                                     .mode = mode,
                                     .granted = granted,
                                     .fast_path = fast,
                                     .pid = proc_pid(p),
                                     .wait_start_us = granted ? 0 : p->wait_start_us};
    l->count++;
}

static void
list_slot(Ctx *cx, Listing *l, Proc *p)
{
    uint64_t xid = atomic_load(&p->xid);

    latch_take(cx->proc, &p->fast_latch);
    for (int i = 0; i < PROC_FAST_LOCKS; i++) {
        const FastLock *f = &p->fast_locks[i];
        LockKey key = {.branch = f->branch, .a = f->relation, .kind = LOCK_KIND_RELATION};

        for (int m = 0; f->relation != 0 && m < FAST_MODES; m++) {
            if (f->count[m] > 0)
                add_row(l, &key, (LockMode)(m + LOCK_ACCESS_SHARE), true, true, p);
        }
    }
    latch_drop(cx->proc, &p->fast_latch);
    if (xid != 0) {
        LockKey key = {.b = xid, .kind = LOCK_KIND_TRANSACTION};

        add_row(l, &key, LOCK_EXCLUSIVE, true, false, p);
    }
}

static void
list_object(Proc *proc, Listing *l, const LockObject *o)
{
    ProcTable *procs = proc_table_of(proc);

    for (LockHolder *h = lock_ptr(proc, o->holders); h != NULL; h = lock_ptr(proc, h->object_next)) {
        for (int m = 1; m < LOCK_MODE_COUNT; m++) {
            if ((h->mask >> m & 1) && !h->on_behalf)
                add_row(l, &o->key, (LockMode)m, true, false, proc_slot(procs, h->proc_no));
        }
    }
    for (Proc *w = lock_ptr(proc, o->queue_first); w != NULL; w = lock_ptr(proc, w->wait_next))
        add_row(l, &o->key, (LockMode)w->wait_mode, false, false, w);
}

uint32_t
lock_list(Ctx *cx, LockRow *out, uint32_t most)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);
    ProcTable *procs = proc_table_of(proc);
    Listing l = {.out = out, .most = most};
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(procs, no);

        if (proc_state(p) != PROC_FREE)
            list_slot(cx, &l, p);
    }
    for (int i = 0; i < LOCK_PARTITIONS; i++) {
        LockPartition *part = &t->part[i];

        latch_take(proc, &part->latch);
        for (int b = 0; b < LOCK_BUCKETS; b++) {
            for (LockObject *o = lock_ptr(proc, part->bucket[b]); o != NULL; o = lock_ptr(proc, o->next))
                list_object(proc, &l, o);
        }
        latch_drop(proc, &part->latch);
    }
    return l.count;
}

static uint32_t
add_pid(int *out, uint32_t most, uint32_t count, int pid)
{
    for (uint32_t i = 0; i < count && i < most; i++) {
        if (out[i] == pid)
            return count;
    }
    if (count < most)
        out[count] = pid;
    return count + 1;
}

uint32_t
lock_blockers(Ctx *cx, int pid, int *out, uint32_t most)
{
    Proc *proc = cx->proc, *w = NULL;
    LockTable *t = lock_table(proc);
    ProcTable *procs = proc_table_of(proc);
    uint32_t high = atomic_load(&procs->high), count = 0;

    for (uint32_t no = 0; no < high && w == NULL; no++) {
        Proc *p = proc_slot(procs, no);

        if (proc_state(p) == PROC_ACTIVE && proc_pid(p) == pid)
            w = p;
    }
    if (w == NULL)
        return 0;
    for (int i = 0; i < LOCK_PARTITIONS; i++)
        latch_take(proc, &t->part[i].latch);
    if (w->wait_lock != SHM_REF_NONE) {
        const LockObject *o = lock_ptr(proc, w->wait_lock);

        for (LockHolder *h = lock_ptr(proc, o->holders); h != NULL; h = lock_ptr(proc, h->object_next)) {
            if (h->proc_no != w->no && (lock_conflicts[w->wait_mode] & h->mask))
                count = add_pid(out, most, count, proc_pid(proc_slot(procs, h->proc_no)));
        }
        for (Proc *q = lock_ptr(proc, o->queue_first); q != NULL && q != w; q = lock_ptr(proc, q->wait_next)) {
            if (lock_conflicts[w->wait_mode] >> q->wait_mode & 1)
                count = add_pid(out, most, count, proc_pid(q));
        }
    }
    for (int i = LOCK_PARTITIONS - 1; i >= 0; i--)
        latch_drop(proc, &t->part[i].latch);
    return count;
}

/* ---- checking --------------------------------------------------------------------------------------------------- */

static void
check_object(Proc *proc, const LockObject *o)
{
    uint32_t granted[LOCK_MODE_COUNT] = {0}, waiting[LOCK_MODE_COUNT] = {0};
    ShmRef self = lock_ref(proc, o), before = SHM_REF_NONE;

    ASSERT(o->holders != SHM_REF_NONE || o->queue_first != SHM_REF_NONE);
    for (LockHolder *h = lock_ptr(proc, o->holders); h != NULL; h = lock_ptr(proc, h->object_next)) {
        ASSERT(h->object == self);
        for (int m = 1; m < LOCK_MODE_COUNT; m++) {
            bool counted = (h->count[m][0] | h->count[m][1] | h->count[m][2]) != 0;

            ASSERT(counted == ((h->mask >> m & 1) != 0));
            granted[m] += counted;
            for (LockHolder *g = lock_ptr(proc, h->object_next); g != NULL;
                 g = lock_ptr(proc, g->object_next)) {
                ASSERT(g->proc_no != h->proc_no);
                ASSERT(!counted || (lock_conflicts[m] & g->mask) == 0);
            }
        }
    }
    for (Proc *w = lock_ptr(proc, o->queue_first); w != NULL; w = lock_ptr(proc, w->wait_next)) {
        ASSERT(w->wait_lock == self);
        ASSERT(w->wait_prev == before);
        ASSERT(lock_holder_find(proc, o, w->no) != NULL);
        waiting[w->wait_mode]++;
        before = w->self;
    }
    ASSERT(o->queue_last == before);
    for (int m = 1; m < LOCK_MODE_COUNT; m++) {
        ASSERT(o->granted[m] == granted[m]);
        ASSERT(o->waiting[m] == waiting[m]);
        ASSERT((o->granted_mask >> m & 1) == (granted[m] != 0));
        ASSERT((o->waiting_mask >> m & 1) == (waiting[m] != 0));
    }
}

void
lock_table_check(Ctx *cx)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);

    for (int i = 0; i < LOCK_PARTITIONS; i++) {
        LockPartition *part = &t->part[i];

        latch_take(proc, &part->latch);
        for (int b = 0; b < LOCK_BUCKETS; b++) {
            for (LockObject *o = lock_ptr(proc, part->bucket[b]); o != NULL; o = lock_ptr(proc, o->next)) {
                ASSERT(lock_partition_no(&o->key) == (uint32_t)i);
                check_object(proc, o);
            }
        }
        latch_drop(proc, &part->latch);
    }
}
