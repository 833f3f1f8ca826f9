/* follow.c - see follow.h.
 *
 * One number for each slot says which core its session keeps to, so that the rule costs a look at a few cache lines. It is a hint: two sessions
 * that ask at the same moment may both get the place. What counts is that it is given back: by its owner, by the janitor, or with the
 * slot. */
#include "shmem/proc/follow.h"

#include <sched.h>

#include "shmem/proc/slot.h"

/* The core + 1, 0 = none; by slot. */
static _Atomic uint16_t *
followed(const ProcTable *table)
{
    return (_Atomic uint16_t *)((const char *)table + table->followed);
}

/* Is `core` one that the server may use, and has none of them fewer sessions that keep to it? `own_no` does not count. */
static bool
has_place(const ProcTable *table, uint32_t own_no, int core)
{
    const _Atomic uint16_t *cores = followed(table);
    uint32_t high = atomic_load_explicit(&table->high, memory_order_relaxed);
    uint16_t count[CPU_SETSIZE] = {0};

    if (core < 0 || core >= table->core_end || !CPU_ISSET((size_t)core, &table->cores))
        return false;
    for (uint32_t no = 0; no < high; no++) {
        uint16_t at = atomic_load_explicit(&cores[no], memory_order_relaxed);

        if (at != 0 && no != own_no)
            count[at - 1]++;
    }
    for (int i = 0; i < table->core_end; i++) {
        if (CPU_ISSET((size_t)i, &table->cores) && count[i] < count[core])
            return false;
    }
    return true;
}

bool
proc_follow(Proc *proc, int core)
{
    const ProcTable *table = proc_table_of(proc);
    _Atomic uint16_t *mine = &followed(table)[proc->no];
    cpu_set_t only;

    if (core >= 0 && atomic_load_explicit(mine, memory_order_relaxed) == core + 1)
        return true;
    if (!proc->may_follow || !has_place(table, proc->no, core)) {
        proc_unfollow(proc);
        return false;
    }
    CPU_ZERO(&only);
    CPU_SET((size_t)core, &only);
    atomic_store(mine, (uint16_t)(core + 1)); /* before: the janitor gives back what is noted */
    if (sched_setaffinity(0, sizeof(only), &only) != 0) {
        proc_unfollow(proc);
        return false;
    }
    return true;
}

/* Whose number it was may use all cores again; `pid` 0 = the caller. */
static void
give_back(const ProcTable *table, uint32_t no, int pid)
{
    if (atomic_exchange(&followed(table)[no], 0) != 0)
        (void)!sched_setaffinity(pid, sizeof(table->cores), &table->cores);
}

void
proc_unfollow(Proc *proc)
{
    const ProcTable *table = proc_table_of(proc);

    if (atomic_load_explicit(&followed(table)[proc->no], memory_order_relaxed) != 0)
        give_back(table, proc->no, 0);
}

void
proc_may_follow(Proc *proc, bool may)
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
        if (version == p->follow_seen && proc_state(p) == PROC_ACTIVE)
            give_back(table, no, proc_pid(p));
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
