/* cache_rel.c - the table of relations: a hash of chains, one latch per partition.
 *
 * Sessions come here once per relation and remember the place in their slot; after that a look-up is
 * one compare. A remembered place may have been given to another relation since: the compare of
 * branch and id finds out, because the memory is never used for anything but a CacheRel, and ids are
 * never used twice (B5). */
#include "shmem/pagecache/cache_rel.h"

#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"

enum { PER_FRAME = PAGE_BYTES / (int)sizeof(CacheRel) };

static_assert(REL_BUCKETS % REL_PARTITIONS == 0, "a bucket belongs to one partition");

static RelTable *
table_of(Ctx *cx)
{
    return &page_cache(cx->proc)->rels;
}

static CacheRel *
find_in_chain(Region *region, ShmRef at, BranchId branch, RelationId relation)
{
    while (at != SHM_REF_NONE) {
        CacheRel *rel = region_ptr(region, at);

        if (rel->relation == relation && rel->branch == branch)
            return rel;
        at = rel->next;
    }
    return NULL;
}

CacheRel *
cache_rel_slow(Ctx *cx, BranchId branch, RelationId relation)
{
    RelTable *t = table_of(cx);
    uint32_t bucket = cache_rel_hash(branch, relation) % REL_BUCKETS;
    Latch *latch = &t->latch[bucket % REL_PARTITIONS];
    CacheRel *rel;

    latch_take(cx->proc, latch);
    rel = find_in_chain(proc_region(cx->proc), t->bucket[bucket], branch, relation);
    latch_drop(cx->proc, latch);
    return rel;
}

CacheRel *
cache_rel(Ctx *cx, BranchId branch, RelationId relation)
{
    Proc *proc = cx->proc;
    ShmRef *slot = &proc->rel_cache[cache_rel_hash(branch, relation) % PROC_REL_CACHE];
    CacheRel *rel = region_ptr(proc_region(proc), *slot);

    if (LIKELY(rel != NULL && rel->relation == relation && rel->branch == branch))
        return rel;
    rel = cache_rel_slow(cx, branch, relation);
    if (rel != NULL)
        *slot = rel->self;
    return rel;
}

RelationId
cache_rel_next_id(Ctx *cx)
{
    return atomic_fetch_add(&table_of(cx)->next_relation, 1);
}

/* A free entry of the partition; its latch is held. Cuts a new frame into entries if there is none. */
static CacheRel *
take_entry(Ctx *cx, RelTable *t, uint32_t partition)
{
    Proc *proc = cx->proc;
    Region *region = proc_region(proc);
    CacheRel *rel;

    if (t->free[partition] == SHM_REF_NONE) {
        char *slab = cache_frame_bytes(page_cache(proc), frame_take(proc, FRAME_SHARED));

        for (int i = PER_FRAME - 1; i >= 0; i--) {
            rel = (CacheRel *)(void *)(slab + (size_t)i * sizeof(CacheRel));
            rel->self = region_ref(region, rel);
            latch_init(&rel->extend, LATCH_REL_EXTEND);
            rel->next = t->free[partition];
            t->free[partition] = rel->self;
        }
    }
    rel = region_ptr(region, t->free[partition]);
    t->free[partition] = rel->next;
    return rel;
}

Status
cache_rel_make_by(Ctx *cx, BranchId branch, RelationId relation, Persistence persistence, Xid maker,
                  CacheRel **out)
{
    RelTable *t = table_of(cx);
    uint32_t bucket = cache_rel_hash(branch, relation) % REL_BUCKETS;
    uint32_t partition = bucket % REL_PARTITIONS;
    CacheRel *rel;

    ASSERT(relation != RELATION_NONE);
    TRY(frame_reserve(cx, 1, false));
    latch_take(cx->proc, &t->latch[partition]);
    rel = find_in_chain(proc_region(cx->proc), t->bucket[bucket], branch, relation);
    if (rel == NULL) {
        rel = take_entry(cx, t, partition);
        rel->branch = branch;
        rel->persistence = (uint8_t)persistence;
        atomic_store(&rel->made_xid, maker);
        atomic_store(&rel->creator_xid, maker);
        rel->next = t->bucket[bucket];
        atomic_thread_fence(memory_order_release);
        rel->relation = relation;
        t->bucket[bucket] = rel->self;
        atomic_fetch_add(&t->count, 1);
    }
    latch_drop(cx->proc, &t->latch[partition]);
    *out = rel;
    return ST_OK;
}

Status
cache_rel_make(Ctx *cx, BranchId branch, RelationId relation, Persistence persistence, CacheRel **out)
{
    return cache_rel_make_by(cx, branch, relation, persistence, 0, out);
}

static void
free_map_node(Proc *proc, uint32_t no, uint32_t height)
{
    _Atomic uint32_t *node = cache_frame_bytes(page_cache(proc), no);

    for (int i = 0; height > 1 && i < CACHE_NODE_ENTRIES; i++) {
        if (atomic_load(&node[i]) != 0)
            free_map_node(proc, atomic_load(&node[i]), height - 1);
    }
    frame_release(proc, no);
}

static void
free_pages(Ctx *cx, CacheRel *rel)
{
    ASSERT(rel->relation != RELATION_NONE);
    for (int fork = 0; fork < FORK_COUNT; fork++) {
        uint64_t map;

        (void)cache_rel_truncate(cx, rel, (Fork)fork, 0, true);
        proc_instant_enter(cx->proc); /* who is killed must not lose frames that nothing leads to any more */
        map = atomic_exchange(&rel->forks[fork].map, 0);
        if (map != 0)
            free_map_node(cx->proc, (uint32_t)map, (uint32_t)(map >> 32));
        proc_instant_leave(cx->proc);
    }
}

void
cache_rel_mark_gone(Ctx *cx, CacheRel *rel, uint64_t lsn)
{
    ASSERT(lsn != 0);
    free_pages(cx, rel);
    atomic_store(&rel->gone_lsn, lsn); /* first: who looks must not find that nobody drops it and it lives */
    atomic_store(&rel->creator_xid, 0);
    atomic_store(&rel->dropper_xid, 0);
}

/* As entries of a new frame are, but for what stays for ever: its own place, and the latch. */
static void
clear_entry(CacheRel *rel)
{
    ASSERT(rel->origin == SHM_REF_NONE && rel->first_child == SHM_REF_NONE);
    rel->relation = RELATION_NONE;
    atomic_store(&rel->gone_lsn, 0);
    rel->unlinked_lsn = rel->children_gone = rel->thinned_for = 0;
    rel->origin = rel->first_child = rel->next_child = rel->prev_child = SHM_REF_NONE;
    rel->unlinks = 0;
    rel->fork_epoch = rel->fork_csn = 0;
    rel->linked = 0;
    rel->old_stored = rel->gone_stored = rel->leaving = rel->doomed = rel->reused = 0;
    memset(rel->missing, 0, sizeof(rel->missing));
    atomic_store(&rel->children, 0);
    atomic_store(&rel->kept_epoch, 0);
    rel->evicted_raw = rel->evicted_since = rel->cached_raw = rel->stored_hash = 0;
    rel->cut = rel->cut_taken = 0;
    atomic_store(&rel->creator_xid, 0);
    atomic_store(&rel->dropper_xid, 0);
    atomic_store(&rel->made_xid, 0);
    atomic_store(&rel->made_lsn, 0);
    atomic_store(&rel->live_rows, 0);
    atomic_store(&rel->dead_rows, 0);
    memset(&rel->done, 0, sizeof(rel->done));
    atomic_store(&rel->row_var_bytes, 0);
    atomic_store(&rel->nulls_seen, 0);
    atomic_store(&rel->space_hint, 0);
    atomic_store(&rel->free_pages, 0);
    atomic_store(&rel->counter, 0);
    for (int i = 0; i < CACHE_INSERT_HINTS; i++)
        atomic_store(&rel->insert_block[i], 0);
    for (int fork = 0; fork < FORK_COUNT; fork++)
        memset(&rel->forks[fork], 0, sizeof(rel->forks[fork]));
    rel->kind = 0;
}

void
cache_rel_forget(Ctx *cx, CacheRel *rel)
{
    Proc *proc = cx->proc;
    RelTable *t = table_of(cx);
    Region *region = proc_region(proc);
    uint32_t bucket = cache_rel_hash(rel->branch, rel->relation) % REL_BUCKETS;
    uint32_t partition = bucket % REL_PARTITIONS;
    ShmRef *link, next;

    latch_take(proc, &t->latch[partition]);
    link = &t->bucket[bucket];
    while (*link != rel->self) {
        ASSERT(*link != SHM_REF_NONE);
        link = &((CacheRel *)region_ptr(region, *link))->next;
    }
    next = rel->next;
    *link = next;
    clear_entry(rel);
    rel->next = t->free[partition];
    t->free[partition] = rel->self;
    atomic_fetch_sub(&t->count, 1);
    latch_drop(proc, &t->latch[partition]);
}

void
cache_rel_drop(Ctx *cx, CacheRel *rel)
{
    free_pages(cx, rel);
    cache_rel_forget(cx, rel);
}

/* Calls `each` with the frame of every page that has older images in memory, latched exclusively. */
static void
each_with_images(Ctx *cx, const CacheRel *rel, void (*each)(Ctx *cx, void *arg, uint32_t frame_no), void *arg)
{
    BlockNo length = cache_rel_length(rel, FORK_MAIN);

    for (BlockNo block = 0; block < length; block++) {
        uint32_t no = cache_map_lookup(page_cache(cx->proc), &rel->forks[FORK_MAIN], block);
        PageRef ref;

        if (no == 0 || no == CACHE_MAP_LINKED || cache_frame(page_cache(cx->proc), no)->older == 0 ||
            !page_pin_frame(cx, no, &ref))
            continue;
        page_latch_aside(cx, &ref); /* a drop may be what makes room */
        if (cache_tag_is(ref.frame, rel, FORK_MAIN, block))
            each(cx, arg, no);
        page_unpin(cx, &ref);
    }
}

/* Nobody forks while we are here (B1): if it was forked again since, that child needs them. */
static void
drop_images(Ctx *cx, void *arg, uint32_t frame_no)
{
    const CacheRel *rel = arg;

    if (atomic_load(&rel->kept_epoch) == 0)
        (void)page_drop_old(cx->proc, cache_frame(page_cache(cx->proc), frame_no));
}

void
cache_rel_drop_old(Ctx *cx, CacheRel *rel)
{
    each_with_images(cx, rel, drop_images, rel);
}

bool
cache_rel_has_unread(Ctx *cx, CacheRel *rel)
{
    bool unread;

    latch_take(cx->proc, &rel->extend);
    unread = rel->children_gone != rel->thinned_for;
    latch_drop(cx->proc, &rel->extend);
    return unread;
}

void
cache_rel_forks(Ctx *cx, CacheRel *rel, CacheForks *out)
{
    Region *region = proc_region(cx->proc);

    out->count = 0;
    page_enter_between_forks(cx);
    latch_take(cx->proc, &rel->extend);
    out->now = atomic_load(&page_cache(cx->proc)->epoch);
    out->gone = rel->children_gone;
    out->unlinked_lsn = rel->unlinked_lsn;
    for (const CacheRel *c = region_ptr(region, rel->first_child); c != NULL && out->count <= CACHE_FORKS_MOST;
         c = region_ptr(region, c->next_child)) {
        if (c->unlinks)
            continue;
        if (out->count < CACHE_FORKS_MOST)
            out->epochs[out->count] = c->fork_epoch;
        out->count++;
    }
    latch_drop(cx->proc, &rel->extend);
    proc_critical_leave(cx->proc);
}

bool
cache_fork_reads(const CacheForks *forks, uint32_t *at, uint64_t from, uint64_t to)
{
    while (*at < forks->count && forks->epochs[*at] >= to)
        ++*at;
    return *at < forks->count && forks->epochs[*at] >= from;
}

static void
thin_images(Ctx *cx, void *arg, uint32_t frame_no)
{
    page_thin_old(cx->proc, frame_no, arg);
}

void
cache_rel_thin(Ctx *cx, CacheRel *rel)
{
    CacheForks forks;

    cache_rel_forks(cx, rel, &forks);
    if (forks.count <= CACHE_FORKS_MOST)
        each_with_images(cx, rel, thin_images, &forks);
}

enum { PORTION = 64 };

/* The first of a chain behind `after`, by address: whatever comes and goes between two portions, none that stays is left out. */
static uint32_t
next_portion(Region *region, ShmRef chain, ShmRef after, CacheRel *out[PORTION])
{
    uint32_t count = 0;

    for (CacheRel *rel = region_ptr(region, chain); rel != NULL; rel = region_ptr(region, rel->next)) {
        uint32_t i = count;

        if (rel->self <= after || (count == PORTION && rel->self > out[PORTION - 1]->self))
            continue;
        if (count < PORTION)
            count++;
        else
            i--;
        for (; i > 0 && out[i - 1]->self > rel->self; i--)
            out[i] = out[i - 1];
        out[i] = rel;
    }
    return count;
}

void
cache_rel_each(Ctx *cx, void (*each)(Ctx *cx, void *arg, CacheRel *rel), void *arg)
{
    RelTable *t = table_of(cx);

    for (uint32_t bucket = 0; bucket < REL_BUCKETS; bucket++) {
        CacheRel *found[PORTION];
        ShmRef after = SHM_REF_NONE;
        uint32_t count = 0;

        do { /* in portions: `each` may sleep and must not run under the latch */
            if (t->bucket[bucket] == SHM_REF_NONE)
                break;
            latch_take(cx->proc, &t->latch[bucket % REL_PARTITIONS]);
            count = next_portion(proc_region(cx->proc), t->bucket[bucket], after, found);
            latch_drop(cx->proc, &t->latch[bucket % REL_PARTITIONS]);
            for (uint32_t i = 0; i < count; i++)
                each(cx, arg, found[i]);
            if (count > 0)
                after = found[count - 1]->self;
        } while (count == PORTION);
    }
}
