/* follow.c - see follow.h.
 *
 * One number for each slot says which core its session keeps to, so that the rule costs a look at a few cache lines. It is a hint: two sessions
 * that ask at the same moment may both get the place. */
#include "shmem/proc/follow.h"

#include <sched.h>

#include "shmem/proc/slot.h"

/* The core + 1, 0 = none; by slot. */
static _Atomic uint16_t *
followed(const ProcTable *table)
{
    return (_Atomic uint16_t *)((const char *)table + table->followed);
}

/* Is it one that the server may use, and has none of them fewer sessions that keep to it? `own_no` does not count. */
static bool
has_place(const ProcTable *table, uint32_t own_no, int core_no)
{
    const _Atomic uint16_t *cores = followed(table);
    uint32_t high = atomic_load_explicit(&table->high, memory_order_relaxed);
    uint16_t count[CPU_SETSIZE] = {0};

    if (core_no < 0 || core_no >= table->core_end || !CPU_ISSET((size_t)core_no, &table->cores))
        return false;
    for (uint32_t no = 0; no < high; no++) {
        uint16_t at = atomic_load_explicit(&cores[no], memory_order_relaxed);

        if (at != 0 && no != own_no)
            count[at - 1]++;
    }
    for (int i = 0; i < table->core_end; i++) {
        if (CPU_ISSET((size_t)i, &table->cores) && count[i] < count[core_no])
            return false;
    }
    return true;
}

bool
proc_follow(Proc *proc, int core_no)
{
    const ProcTable *table = proc_table_of(proc);
    _Atomic uint16_t *mine = &followed(table)[proc->no];
    cpu_set_t only;

    ASSERT(proc_state(proc) == PROC_ACTIVE);
    /* The second: the janitor may have been late with what it did about an earlier note. */
    if (core_no >= 0 && atomic_load_explicit(mine, memory_order_relaxed) == core_no + 1 &&
        sched_getcpu() == core_no)
        return true;
    if (!proc->may_follow || !has_place(table, proc->no, core_no)) {
        proc_unfollow(proc);
        return false;
    }
    CPU_ZERO(&only);
    CPU_SET((size_t)core_no, &only);
    atomic_store(mine, (uint16_t)(core_no + 1)); /* before: the janitor gives back what is noted */
    proc->narrowed = true;
    if (sched_setaffinity(0, sizeof(only), &only) != 0) {
        proc_unfollow(proc);
        return false;
    }
    return true;
}

void
proc_unfollow(Proc *proc)
{
    const ProcTable *table = proc_table_of(proc);

    if (!proc->narrowed)
        return;
    atomic_store(&followed(table)[proc->no], 0);
    (void)!sched_setaffinity(0, sizeof(table->cores), &table->cores);
    proc->narrowed = false;
}

void
proc_set_may_follow(Proc *proc, bool may)
{
    proc->may_follow = may;
    if (!may)
        proc_unfollow(proc);
}

void
proc_follow_expire(ProcTable *table)
{
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(table, no);
        uint32_t version;

        if (atomic_load_explicit(&followed(table)[no], memory_order_relaxed) == 0)
            continue;
        version = atomic_load_explicit(&p->activity_version, memory_order_relaxed);
        if (version == p->follow_seen && proc_state(p) == PROC_ACTIVE &&
            atomic_exchange(&followed(table)[no], 0) != 0)
            (void)!sched_setaffinity(proc_pid(p), sizeof(table->cores), &table->cores);
        p->follow_seen = version;
    }
}

void
proc_follow_carve(Region *region, ProcTable *table)
{
    char *cores = region_carve(region, sizeof(uint16_t) * table->slot_count, 64);

    table->followed = (ShmRef)(cores - (char *)table);
    if (sched_getaffinity(0, sizeof(table->cores), &table->cores) != 0 || CPU_COUNT(&table->cores) < 2)
        CPU_ZERO(&table->cores); /* nothing to choose from */
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET((size_t)i, &table->cores))
            table->core_end = i + 1;
    }
}

void
proc_follow_forget(Proc *dead)
{
    atomic_store(&followed(proc_table_of(dead))[dead->no], 0);
}
