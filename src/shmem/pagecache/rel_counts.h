/* src/shmem/pagecache/rel_counts.h - how often relations are read.
 *
 * A session counts in its own slot, for the relations it has met last; what has no room there any more is added to the
 * relation's own entry. So counting is a compare and an addition on a line that is nobody else's, and whoever reads adds up
 * the entry and all slots: nothing is held back. Numbers may be off by what happens meanwhile. */
#ifndef REL_COUNTS_H
#define REL_COUNTS_H
#include "shmem/pagecache/cache_rel.h"
#include "shmem/proc/slot.h"

/* Out of line: the place belongs to another relation so far. */
void rel_counts_take(Proc *proc, RelCountSet *set, const CacheRel *rel);

/* By the session itself. Never waits, may be called anywhere. */
static inline void
rel_count(Proc *proc, const CacheRel *rel, RelCount what, uint64_t n)
{
    RelCountSet *set = &proc->rel_counts[(rel->relation ^ rel->branch * 31) % PROC_REL_COUNTS];
    _Atomic uint64_t *c = &set->n[what];

    if (UNLIKELY(set->relation != rel->relation || set->branch != rel->branch))
        rel_counts_take(proc, set, rel);
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* What the slot holds goes to the relations: by its owner at its end, or by the janitor. */
void rel_counts_flush(Proc *proc);
/* What all sessions have counted since the relation was made, or since the last reset. */
void rel_counts_read(Ctx *cx, const CacheRel *rel, uint64_t out[REL_COUNTS]);
/* Counting begins anew; or goes on, for a relation that takes another's place. */
void rel_counts_reset(Ctx *cx, CacheRel *rel);
void rel_counts_carry(Ctx *cx, const CacheRel *from, CacheRel *to);

#endif
