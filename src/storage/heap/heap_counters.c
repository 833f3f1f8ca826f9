/* heap_counters.c - what has been done to a table, for those who look after it.
 *
 * The counters lie in the relation's entry of the page cache, beside the numbers of its rows, whose cache line
 * every change touches anyway. They say nothing about visibility: work that was rolled back is in them. */
#include "storage/heap/heap_int.h"

static uint64_t
get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t
changes(const RelCounters *c)
{
    return get(&c->inserted) + get(&c->updated) + get(&c->deleted);
}

void
heap_read_counters(const CacheRel *cr, HeapStats *out)
{
    const RelCounters *c = &cr->done;
    uint64_t changed = changes(c), before = get(&c->changed_before_analyze);

    out->inserted = get(&c->inserted);
    out->updated = get(&c->updated);
    out->updated_in_place = get(&c->updated_in_place);
    out->deleted = get(&c->deleted);
    out->changed_since_analyze = changed - MIN_OF(before, changed);
    before = get(&c->inserted_before_vacuum);
    out->inserted_since_vacuum = out->inserted - MIN_OF(before, out->inserted);
    for (int i = 0; i < 2; i++) {
        out->vacuumed_us[i] = atomic_load(&c->vacuumed_us[i]);
        out->analyzed_us[i] = atomic_load(&c->analyzed_us[i]);
        out->vacuums[i] = atomic_load(&c->vacuums[i]);
        out->analyzes[i] = atomic_load(&c->analyzes[i]);
    }
}

void
heap_note_upkeep(Ctx *cx, const HeapRel *rel, HeapUpkeep what, bool by_janitor, int64_t now_us)
{
    CacheRel *cr = cache_rel(cx, rel->branch, rel->relation);
    RelCounters *c;

    if (cr == NULL)
        return;
    c = &cr->done;
    if (what == HEAP_UPKEEP_VACUUM) {
        atomic_store(&c->inserted_before_vacuum, get(&c->inserted));
        atomic_store(&c->vacuumed_us[by_janitor], now_us);
        atomic_fetch_add(&c->vacuums[by_janitor], 1);
    } else {
        atomic_store(&c->changed_before_analyze, changes(c));
        atomic_store(&c->analyzed_us[by_janitor], now_us);
        atomic_fetch_add(&c->analyzes[by_janitor], 1);
    }
}

void
heap_carry_counters(Ctx *cx, BranchId branch, RelationId from, RelationId to)
{
    const CacheRel *old = cache_rel(cx, branch, from);
    CacheRel *fresh = cache_rel(cx, branch, to);

    /* Both are locked against everybody else: nobody counts meanwhile. */
    if (old == NULL || fresh == NULL)
        return;
    memcpy(&fresh->done, &old->done, sizeof(fresh->done));
    memset(&fresh->done.reads, 0, sizeof(fresh->done.reads));
    memset(&fresh->done.reads_before, 0, sizeof(fresh->done.reads_before));
    rel_counts_carry(cx, old, fresh);
}
