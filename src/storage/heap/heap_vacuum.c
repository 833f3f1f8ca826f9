/* heap_vacuum.c - taking dead rows out of a table and its indexes, beside readers and writers.
 *
 * 1. Each page is resolved and pruned; roots without a row become stubs, which are collected.
 * 2. When the list is full, or at the end, the stubs' TIDs are removed from all indexes.
 * 3. Only then are the stubs' slots free for new rows: until then an index may name them (H2).
 * 4. Empty pages at the end are cut off.
 *
 * A page that somebody has pinned is pruned as far as that allows, which is not at all; it is looked at
 * a few times and then left for the next run. */
#include <stdlib.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "shmem/pagecache/page_walk.h"
#include "storage/btree/btree.h"
#include "storage/heap/heap_record.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    DEAD_LEAST = 16 * 1024,
    DEAD_MOST = 1024 * 1024,
    PIN_TRIES = 3,
    PIN_NAP_US = 500,
    SPACE_WORTH = PAGE_BYTES / 16
};

typedef struct Vacuum {
    const HeapRel *rel;
    const BtreeRel *indexes;
    int index_count;
    CacheRel *cr;
    PageWalk walk;
    Csn horizon;
    Tid *dead; /* ascending */
    uint32_t dead_count, dead_capacity;
    HeapStats stats;
} Vacuum;

/* What inserts could use: 0 if it is only the slots kept for updates. */
static uint32_t
usable_bytes(const HeapRel *rel, const HeapPage *p)
{
    uint32_t left = (uint32_t)(p->free_slots + p->capacity - p->used);
    uint32_t kept = heap_fill_reserve(rel, (uint32_t)(PAGE_BYTES - p->fixed_end));
    uint32_t free_bytes = heap_free_bytes(p);

    if (left <= MAX_OF(1u + p->capacity / 128u, heap_fill_reserve(rel, p->capacity)))
        return 0;
    return p->var_columns == 0 ? PAGE_BYTES / 2 : free_bytes > kept ? free_bytes - kept : 0;
}

static void
count_rows(Vacuum *v, const HeapPage *p)
{
    for (uint32_t i = 0; i < p->used; i++) {
        bool dead = heap_creators(p)[i] == WORD_NONE ||
                    (heap_deleters(p)[i] != WORD_NONE && !(heap_flags(p)[i] & SLOT_LOCK_ONLY));

        if (heap_root(p)[i] == 0 || (heap_flags(p)[i] & SLOT_STUB))
            continue;
        v->stats.live_rows += !dead;
        v->stats.dead_rows += dead;
    }
}

/* 1. */
static Status
vacuum_page(Ctx *cx, Vacuum *v, BlockNo block)
{
    const HeapPage *p;
    uint32_t usable;
    PageRef ref;

    TRY(page_walk_pin(cx, &v->walk, block, false, &ref));
    if (ref.page != NULL && page_is_linked(&ref)) { /* not changed since the fork: there it is looked after */
        count_rows(v, (const HeapPage *)(void *)ref.page);
        page_unpin(cx, &ref);
    }
    p = (const HeapPage *)(void *)ref.page;
    if (p == NULL)
        return ST_OK;
    for (int i = 0; i < PIN_TRIES && !page_is_sole_pin(&ref); i++)
        usleep(PIN_NAP_US);
    page_latch_exclusive(cx, &ref);
    if (!page_is(p, PAGE_KIND_HEAP)) {
        page_unpin(cx, &ref);
        return ST_OK;
    }
    heap_prune(cx, &ref, v->horizon, v->index_count == 0);
    for (uint32_t i = 0; i < p->used; i++) {
        if (heap_flags(p)[i] & SLOT_STUB)
            v->dead[v->dead_count++] = tid_make(block, (uint16_t)(i + 1));
    }
    count_rows(v, p);
    usable = usable_bytes(v->rel, p);
    page_unpin(cx, &ref);
    if (usable >= SPACE_WORTH)
        heap_space_record(cx, v->cr, block, usable);
    return ST_OK;
}

/* 3. All dead slots of one page; `count` of them. */
static Status
free_stubs(Ctx *cx, Vacuum *v, const Tid *tids, uint32_t count)
{
    uint32_t usable;
    HeapSteps steps;
    PageRef ref;
    HeapPage *p;

    TRY(page_pin(cx, v->cr, FORK_MAIN, tid_block(tids[0]), &ref));
    p = (HeapPage *)(void *)ref.page;
    if (p == NULL)
        return ST_OK;
    page_latch_exclusive(cx, &ref);
    steps.count = 0;
    for (uint32_t i = count; i > 0; i--) {
        uint16_t slot = tid_slot(tids[i - 1]);

        ASSERT(slot <= p->used);
        ASSERT(heap_flags(p)[slot - 1] & SLOT_STUB);
        heap_step_add(&steps, HEAP_STEP_FREE, slot, 0);
    }
    page_change_begin(cx, &ref);
    heap_page_apply_steps(p, steps.step, steps.count, false);
    heap_page_set_all_before(p);
    heap_end_steps(cx, &ref, &steps, false);
    usable = usable_bytes(v->rel, p);
    page_unpin(cx, &ref);
    if (usable >= SPACE_WORTH)
        heap_space_record(cx, v->cr, tid_block(tids[0]), usable);
    return ST_OK;
}

/* 2. and 3. */
static Status
remove_dead(Ctx *cx, Vacuum *v)
{
    if (v->dead_count == 0)
        return ST_OK;
    stop_point("vacuum.gathered");
    for (int i = 0; i < v->index_count; i++)
        TRY(btree_remove_many(cx, &v->indexes[i], v->dead, v->dead_count));
    for (uint32_t i = 0; i < v->dead_count;) {
        uint32_t count = 1;

        TRY(ctx_poll(cx));
        while (i + count < v->dead_count && tid_block(v->dead[i + count]) == tid_block(v->dead[i]))
            count++;
        TRY(free_stubs(cx, v, v->dead + i, count));
        i += count;
    }
    v->dead_count = 0;
    return ST_OK;
}

/* 4. A page is first marked, so that nobody inserts into it, and then taken if nobody looks at it. */
static Status
cut_last(Ctx *cx, Vacuum *v, bool *cut)
{
    BlockNo length = cache_rel_length(v->cr, FORK_MAIN);
    HeapPage *p;
    PageRef ref;
    bool empty;

    *cut = false;
    if (length == 0 || length <= v->cr->linked || atomic_load(&v->cr->children) > 0) /* B5 */
        return ST_OK;
    TRY(page_pin(cx, v->cr, FORK_MAIN, length - 1, &ref));
    p = (HeapPage *)(void *)ref.page;
    if (p == NULL)
        return ST_OK;
    page_latch_exclusive(cx, &ref);
    empty = page_is(p, PAGE_KIND_HEAP) && p->used == 0;
    if (empty)
        p->h.flags |= HEAP_PAGE_RETIRED;
    page_unpin(cx, &ref);
    if (!empty)
        return ST_OK;
    wal_secure(cx);
    *cut = cache_rel_cut_last(cx, v->cr, FORK_MAIN, length - 1, rel_log_length);
    if (*cut)
        return ST_OK;
    TRY(page_pin(cx, v->cr, FORK_MAIN, length - 1, &ref));
    p = (HeapPage *)(void *)ref.page;
    if (p == NULL)
        return ST_OK;
    page_latch_exclusive(cx, &ref);
    p->h.flags &= (uint8_t)~HEAP_PAGE_RETIRED;
    page_unpin(cx, &ref);
    return ST_OK;
}

static Status
vacuum_pages(Ctx *cx, Vacuum *v)
{
    BlockNo length = cache_rel_length(v->cr, FORK_MAIN);
    bool cut = true;

    page_walk_begin(cx, &v->walk, v->cr, 0, length);
    for (BlockNo block = 0; block < length; block++) {
        TRY(ctx_poll(cx));
        TRY(wal_check_disk(cx));
        TRY(vacuum_page(cx, v, block));
        if (v->dead_count + HEAP_SLOTS_MOST > v->dead_capacity)
            TRY(remove_dead(cx, v));
    }
    page_walk_end(cx, &v->walk);
    TRY(remove_dead(cx, v));
    while (cut) {
        TRY(ctx_poll(cx));
        TRY(cut_last(cx, v, &cut));
    }
    v->stats.pages = cache_rel_length(v->cr, FORK_MAIN);
    /* Every page has been here and is resolved: only those that left meanwhile can have raw ids where they are stored. */
    latch_take(cx->proc, &v->cr->extend);
    v->cr->evicted_raw = v->cr->evicted_since;
    latch_drop(cx->proc, &v->cr->extend);
    atomic_store(&v->cr->live_rows, (int64_t)v->stats.live_rows);
    atomic_store(&v->cr->dead_rows, (int64_t)v->stats.dead_rows);
    return ST_OK;
}

Status
heap_vacuum(Ctx *cx, const HeapRel *rel, const struct BtreeRel *indexes, int index_count, HeapStats *out)
{
    Vacuum v = {.rel = rel, .indexes = indexes, .index_count = index_count, .dead_capacity = DEAD_MOST};
    ArenaMark mark = arena_mark(cx->arena);
    Status rc;

    TRY(heap_open(cx, rel, &v.cr));
    v.cr->evicted_since = 0;
    v.horizon = txn_horizon(cx, UINT64_MAX >> 1);
    v.dead_capacity = MIN_OF(DEAD_MOST, MAX_OF(DEAD_LEAST, (uint64_t)cache_rel_length(v.cr, FORK_MAIN) * 64));
    v.dead = arena_try_alloc(cx->arena, sizeof(Tid) * v.dead_capacity);
    if (v.dead == NULL) { /* at the ceiling one can still vacuum (C5) */
        v.dead_capacity = DEAD_LEAST;
        v.dead = arena_alloc(cx->arena, sizeof(Tid) * v.dead_capacity);
    }
    rc = vacuum_pages(cx, &v);
    arena_rewind(cx->arena, mark);
    TRY(rc);
    if (rel->toast_relation != RELATION_NONE) {
        HeapRel toast = heap_toast_rel(rel);
        HeapStats chunks;

        TRY(heap_vacuum(cx, &toast, NULL, 0, &chunks));
    }
    *out = v.stats;
    return ST_OK;
}

/* How far back the oldest id goes that pages of the relation outside of memory may name; 0 = there is none. */
static uint64_t
ids_held(Ctx *cx, BranchId branch, RelationId relation)
{
    CacheRel *cr = cache_rel(cx, branch, relation);
    Xid oldest;

    if (cr == NULL || !cache_has_store(page_cache(cx->proc)))
        return 0;
    latch_take(cx->proc, &cr->extend);
    oldest = cr->evicted_raw;
    latch_drop(cx->proc, &cr->extend);
    return oldest == 0 ? 0 : atomic_load(&txn_shared(cx->proc)->ids.next) - oldest;
}

void
heap_stats(Ctx *cx, const HeapRel *rel, HeapStats *out)
{
    const CacheRel *cr = cache_rel(cx, rel->branch, rel->relation);

    *out = (HeapStats){0};
    if (cr == NULL)
        return;
    out->live_rows = (uint64_t)MAX_OF(atomic_load(&cr->live_rows), 0);
    out->dead_rows = (uint64_t)MAX_OF(atomic_load(&cr->dead_rows), 0);
    out->pages = cache_rel_length(cr, FORK_MAIN);
    out->ids_held = ids_held(cx, rel->branch, rel->relation);
    if (rel->toast_relation != RELATION_NONE)
        out->ids_held = MAX_OF(out->ids_held, ids_held(cx, rel->branch, rel->toast_relation));
    heap_read_counters(cr, out);
}
