/* proc.c - claiming, releasing and burying process slots.
 *
 * State and pid share one word, so that a slot is claimed by one compare-and-swap: there is no moment
 * in which a slot is taken and nobody knows by whom. A released slot keeps its last pid; that is how
 * the postmaster tells a session that said goodbye from a process that never had a slot.
 *
 * A FREE slot holds nothing: no pins, no locks, no snapshot. Who releases asserts it. */
#include "shmem/proc/proc.h"

#include <unistd.h>

#include "base/env.h"
#include "shmem/proc/follow.h"
#include "shmem/proc/slot.h"
#include "shmem/sync/futex.h"

static uint64_t
owner_word(ProcState state, int pid)
{
    return (uint64_t)state << 32 | (uint32_t)pid;
}

uint64_t
proc_table_bytes(uint32_t slot_count)
{
    return sizeof(ProcTable) + 64 + ALIGN_UP(sizeof(Proc), 64) * slot_count + 64 +
           sizeof(uint16_t) * slot_count + 64;
}

void
proc_table_carve(Region *region, uint32_t slot_count)
{
    ProcTable *table = region_carve(region, sizeof(ProcTable), 64);
    Proc *slots = region_carve(region, sizeof(Proc) * slot_count, 64);

    ASSERT(slot_count > 0);
    ASSERT(slot_count < UINT16_MAX);
    table->self = region_ref(region, table);
    table->slot_count = slot_count;
    table->slots = (ShmRef)((char *)slots - (char *)table);
    proc_follow_carve(region, table);
    region->part[PART_PROC] = table->self;
    /* Slots are made when first claimed: an idle server touches none of this memory. */
}

uint32_t
proc_slot_count(const ProcTable *table)
{
    return table->slot_count;
}

static void
slot_set_up(Ctx *cx, ProcTable *table, uint32_t no, ProcKind kind)
{
    Proc *p = proc_slot(table, no);
    uint32_t secret = 0;

    p->no = no;
    p->kind = (uint32_t)kind;
    p->uses_spare = false;
    p->may_follow = true;
    p->narrowed = false;
    p->page_count = 0;
    /* What the one before was doing when it was killed. */
    atomic_store(&p->wait_event, WAIT_NONE);
    p->wait_start_us = 0;
    p->lock_timeout_us = p->deadlock_timeout_us = 0;
    p->log_asynchronous = p->scanning = false;
    for (int i = 0; i < SESSION_COUNTERS; i++)
        atomic_store(&p->counters[i], 0);
    atomic_store(&p->interrupt, 0);
    atomic_store(&p->sem, 0);
    if (!cx->env->random(cx->env, &secret, sizeof(secret)))
        secret = (uint32_t)env_mono_us(cx->env) * 2654435761u + no;
    p->cancel_secret = secret;
}

static void
activity_start(Ctx *cx, Proc *p, ProcKind kind)
{
    Activity *a = proc_activity_begin(p);

    *a = (Activity){.pid = proc_pid(p), .kind = kind, .client_port = -1};
    a->backend_start_us = a->state_change_us = env_wall_us(cx->env);
    proc_activity_end(p);
}

Status
proc_claim(Ctx *cx, ProcTable *table, ProcKind kind, Proc **out)
{
    uint32_t high = atomic_load(&table->high);
    int pid = (int)getpid();

    for (uint32_t no = 0; no < table->slot_count; no++) {
        Proc *p = proc_slot(table, no);
        uint64_t seen = atomic_load(&p->owner);

        if ((ProcState)(seen >> 32) != PROC_FREE)
            continue;
        /* Where the slot lies relative to its region, and its latch, which nobody has (who reads the slots may take it as
         * soon as the slot has an owner): the same values whoever writes them. */
        p->self = (ShmRef)((char *)p - ((char *)table - table->self));
        p->fast_latch.rank = LATCH_FAST_LOCKS;
        while (high < no + 1 && !atomic_compare_exchange_weak(&table->high, &high, no + 1))
            ; /* first: whoever looks for the owner of a slot looks below this */
        if (!atomic_compare_exchange_strong(&p->owner, &seen, owner_word(PROC_ACTIVE, pid)))
            continue;
        slot_set_up(cx, table, no, kind);
        activity_start(cx, p, kind);
        *out = p;
        return ST_OK;
    }
    return fail(cx, ST_ERROR, "53300", "sorry, too many clients already");
}

static void
assert_empty(const Proc *p)
{
    ASSERT(!proc_in_critical(p));
    ASSERT(p->latch_depth == 0);
    ASSERT(p->pin_count == 0);
    ASSERT(p->stash_count == 0);
    ASSERT(p->lock_item_count == 0);
    ASSERT(p->strong_announced == 0);
    for (int i = 0; i < LOCK_PARTITIONS; i++)
        ASSERT(p->lock_holders[i] == SHM_REF_NONE);
    ASSERT(p->wait_lock == SHM_REF_NONE);
    ASSERT(atomic_load(&p->snapshot_csn) == 0);
    ASSERT(atomic_load(&p->xid) == 0);
}

void
proc_release(Proc *proc)
{
    int pid = proc_pid(proc);

    ASSERT(proc_state(proc) == PROC_ACTIVE);
    assert_empty(proc);
    proc_unfollow(proc);
    atomic_store(&proc->owner, owner_word(PROC_FREE, pid));
}

void
proc_free_dead(Proc *proc)
{
    ASSERT(proc_state(proc) == PROC_DEAD);
    assert_empty(proc);
    proc_follow_forget(proc);
    atomic_store(&proc->ending, 0);
    atomic_store(&proc->owner, owner_word(PROC_FREE, 0));
}

uint32_t
proc_no(const Proc *proc)
{
    return proc->no;
}

uint32_t
proc_cancel_secret(const Proc *proc)
{
    return proc->cancel_secret;
}

_Atomic uint32_t *
proc_sem(Proc *proc)
{
    return &proc->sem;
}

void
proc_count_session(Proc *proc)
{
    atomic_store(&proc->counters[COUNT_COMMITS], 0);
    atomic_store(&proc->counters[COUNT_ROLLBACKS], 0);
    proc_count(proc, COUNT_SESSIONS, 1);
}

void
proc_count_more(Proc *proc, SessionCounter counter, uint64_t n)
{
    proc_count(proc, counter, n);
}

void
proc_read_counters(const ProcTable *table, uint32_t slot_no, BranchId *branch, uint64_t out[SESSION_COUNTERS])
{
    const Proc *p = proc_slot(table, slot_no);

    *branch = p->activity.branch;
    for (int i = 0; i < SESSION_COUNTERS; i++)
        out[i] = atomic_load_explicit(&p->counters[i], memory_order_relaxed);
    out[COUNT_PAGES] = p->page_count;
}

uint64_t
proc_page_count(const Proc *proc)
{
    return proc->page_count;
}

void
proc_pass_over(Ctx *cx, Status rc, uint64_t deadline_us)
{
    ctx_error_clear(cx);
    if (rc != ST_CANCELED)
        return;
    if (cx->deadline_us != deadline_us)
        cx->deadline_us = deadline_us;
    else if (cx->interrupt != NULL)
        atomic_fetch_or(cx->interrupt, INTERRUPT_CANCEL);
}

void
proc_critical_enter(Proc *proc)
{
    proc_instant_enter(proc);
    arena_forbid();
}

void
proc_critical_leave(Proc *proc)
{
    arena_permit();
    ASSERT(proc_in_critical(proc));
    proc_instant_leave(proc);
}

void
proc_sleep(Ctx *cx, Proc *proc, uint64_t deadline_us)
{
    while (atomic_exchange(&proc->sem, 0) == 0) {
        uint64_t now = env_mono_us(cx->env);

        if (deadline_us != UINT64_MAX && now >= deadline_us)
            return;
        futex_wait(&proc->sem, 0, deadline_us == UINT64_MAX ? UINT64_MAX : deadline_us - now);
    }
}

void
proc_wake(Proc *proc)
{
    if (atomic_exchange(&proc->sem, 1) == 0)
        futex_wake(&proc->sem, 1);
}

void
proc_interrupt(ProcTable *table, uint32_t slot_no, uint32_t bits)
{
    Proc *p;

    ASSERT(slot_no < table->slot_count);
    p = proc_slot(table, slot_no);
    if (proc_state(p) != PROC_ACTIVE)
        return;
    atomic_fetch_or(&p->interrupt, bits);
    proc_wake(p);
}

static Proc *
find_pid(const ProcTable *table, int pid, ProcState state)
{
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(table, no);

        if (atomic_load(&p->owner) == owner_word(state, pid))
            return p;
    }
    return NULL;
}

void
proc_tell_files_gone(ProcTable *table)
{
    for (uint32_t no = 0; no < atomic_load(&table->high); no++) {
        if (atomic_load_explicit(&proc_slot(table, no)->files_open, memory_order_relaxed) != 0)
            proc_interrupt(table, no, INTERRUPT_WAKE);
    }
}

bool
proc_interrupt_pid(ProcTable *table, int pid, uint32_t bits)
{
    Proc *p = find_pid(table, pid, PROC_ACTIVE);

    if (p == NULL || p->kind != PROC_BACKEND)
        return false;
    proc_interrupt(table, p->no, bits);
    return true;
}

bool
proc_anybody_works(const ProcTable *table)
{
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(table, no);

        if (proc_state(p) == PROC_ACTIVE && (p->kind == PROC_BACKEND || p->kind == PROC_JANITOR))
            return true;
    }
    return false;
}

bool
proc_cancel(ProcTable *table, int pid, uint32_t secret)
{
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(table, no);

        if (atomic_load(&p->owner) == owner_word(PROC_ACTIVE, pid) && p->cancel_secret == secret) {
            proc_interrupt(table, no, INTERRUPT_CANCEL);
            return true;
        }
    }
    return false;
}

static void
tell_janitor(ProcTable *table, uint32_t bits)
{
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(table, no);

        if (proc_state(p) == PROC_ACTIVE && p->kind == PROC_JANITOR)
            proc_interrupt(table, no, bits);
    }
}

void
proc_wake_janitor(ProcTable *table)
{
    tell_janitor(table, INTERRUPT_WAKE);
}

ProcDeath
proc_mark_dead(ProcTable *table, int pid, bool fatal_signal)
{
    Proc *p = find_pid(table, pid, PROC_ACTIVE);

    if (p == NULL) {
        if (fatal_signal)
            return PROC_DEATH_INSIDE; /* C2: whatever it did before */
        return find_pid(table, pid, PROC_FREE) != NULL ? PROC_DEATH_CLEAN : PROC_DEATH_UNKNOWN_PID;
    }
    if (fatal_signal || proc_in_critical(p))
        return PROC_DEATH_INSIDE;
    atomic_store(&p->owner, owner_word(PROC_DEAD, pid));
    tell_janitor(table, INTERRUPT_DEATH);
    return PROC_DEATH_OUTSIDE;
}
