/* rel_counts.c - see rel_counts.h.
 *
 * A place is given up without a latch: whose it is is found by the place of the entry, whose memory is never anything but a
 * CacheRel, and if that has another name by now its relation is gone and so is what was counted. */
#include "shmem/pagecache/rel_counts.h"

static void
give_up(Proc *proc, RelCountSet *set)
{
    CacheRel *rel = region_ptr(proc_region(proc), set->rel);

    if (set->relation == RELATION_NONE)
        return;
    for (int i = 0; i < REL_COUNTS; i++) {
        uint64_t n = atomic_exchange(&set->n[i], 0);

        if (n > 0 && rel->relation == set->relation && rel->branch == set->branch)
            atomic_fetch_add(&rel->done.reads[i], n);
    }
    set->relation = RELATION_NONE;
}

void
rel_counts_take(Proc *proc, RelCountSet *set, const CacheRel *rel)
{
    give_up(proc, set);
    set->rel = rel->self;
    set->branch = rel->branch;
    set->relation = rel->relation;
}

void
rel_counts_flush(Proc *proc)
{
    for (int i = 0; i < PROC_REL_COUNTS; i++)
        give_up(proc, &proc->rel_counts[i]);
}

static void
total(Ctx *cx, const CacheRel *rel, uint64_t out[REL_COUNTS])
{
    const ProcTable *table = proc_table_of(cx->proc);
    uint32_t high = atomic_load(&table->high);

    for (int i = 0; i < REL_COUNTS; i++)
        out[i] = atomic_load(&rel->done.reads[i]);
    for (uint32_t no = 0; no < high; no++) {
        const RelCountSet *set =
            &proc_slot(table, no)->rel_counts[(rel->relation ^ rel->branch * 31) % PROC_REL_COUNTS];

        if (set->relation != rel->relation || set->branch != rel->branch)
            continue;
        for (int i = 0; i < REL_COUNTS; i++)
            out[i] += atomic_load_explicit(&set->n[i], memory_order_relaxed);
    }
}

void
rel_counts_read(Ctx *cx, const CacheRel *rel, uint64_t out[REL_COUNTS])
{
    total(cx, rel, out);
    for (int i = 0; i < REL_COUNTS; i++)
        out[i] -= MIN_OF(out[i], atomic_load(&rel->done.reads_before[i]));
}

void
rel_counts_reset(Ctx *cx, CacheRel *rel)
{
    uint64_t now[REL_COUNTS];

    total(cx, rel, now);
    for (int i = 0; i < REL_COUNTS; i++)
        atomic_store(&rel->done.reads_before[i], now[i]);
}

void
rel_counts_carry(Ctx *cx, const CacheRel *from, CacheRel *to)
{
    uint64_t so_far[REL_COUNTS];

    rel_counts_read(cx, from, so_far);
    for (int i = 0; i < REL_COUNTS; i++)
        atomic_fetch_add(&to->done.reads[i], so_far[i]);
}
