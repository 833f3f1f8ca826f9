/* page_place.c - pages that come to a relation and leave it, and the block map between them; see the top of pagecache.c for how
 * freeing meets pinning. */
#include "shmem/pagecache/pagecache_int.h"

#include "shmem/pagecache/cache_rel.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"

/* Latches a frame that nobody can find: only the passing shares of late pinners are in the way. */
static void
latch_hidden(Frame *f)
{
    uint64_t word = atomic_load(&f->latch);

    for (;;) {
        if (word & (FRAME_SHARES | FRAME_EXCLUSIVE)) {
            __builtin_ia32_pause();
            word = atomic_load(&f->latch);
        } else if (atomic_compare_exchange_weak(&f->latch, &word, (word | FRAME_EXCLUSIVE) + FRAME_PIN)) {
            return;
        }
    }
}

/* A node of the block map, from the stash. */
static uint32_t
take_node(Proc *proc)
{
    return frame_take(proc, FRAME_SHARED);
}

static void
map_grow(Proc *proc, CacheFork *fork)
{
    PageCache *cache = page_cache(proc);
    uint64_t map = atomic_load(&fork->map);
    uint32_t no = take_node(proc);
    _Atomic uint32_t *node = cache_frame_bytes(cache, no);

    if (map == 0) {
        for (int i = 0; i < CACHE_INLINE_BLOCKS; i++)
            atomic_store(&node[i], atomic_load(&fork->inline_frames[i]));
    } else {
        atomic_store(&node[0], (uint32_t)map);
    }
    atomic_store(&fork->map, ((map >> 32) + 1) << 32 | no);
}

/* Under the extend latch. */
void
cache_map_set(Proc *proc, CacheFork *fork, BlockNo block, uint32_t frame_no)
{
    PageCache *cache = page_cache(proc);
    uint32_t height = (uint32_t)(atomic_load(&fork->map) >> 32);
    _Atomic uint32_t *entry;

    if (height == 0 && block >= CACHE_INLINE_BLOCKS) {
        map_grow(proc, fork);
        height = 1;
    }
    if (height == 0) {
        atomic_store(&fork->inline_frames[block], frame_no);
        return;
    }
    while (height < CACHE_MAP_LEVELS && block >> (11 * height) != 0) {
        map_grow(proc, fork);
        height++;
    }
    entry = cache_frame_bytes(cache, (uint32_t)atomic_load(&fork->map));
    for (;;) {
        height--;
        entry += block >> (11 * height) & (CACHE_NODE_ENTRIES - 1);
        if (height == 0)
            break;
        if (atomic_load(entry) == 0)
            atomic_store(entry, take_node(proc));
        entry = cache_frame_bytes(cache, atomic_load(entry));
    }
    atomic_store(entry, frame_no);
}

static void
set_tag(const Proc *proc, Frame *f, const CacheRel *rel, Fork fork, BlockNo block)
{
    f->branch = rel->branch;
    f->relation = rel->relation;
    f->fork = (uint8_t)fork;
    f->block = block;
    f->unlogged = rel->persistence != PERSIST_PERMANENT;
    frame_set_raw_min(f, 0);
    frame_set_stored_raw(f, 0);
    f->older = 0;
    atomic_store_explicit(&f->spotted, 0, memory_order_relaxed);
    atomic_store_explicit(&f->used, !proc->scanning, memory_order_relaxed);
}

/* A page that is not the stored one comes to be: what was known of that is no longer so. The extend latch is held. */
static void
forget_spot(Proc *proc, const Frame *f)
{
    PageSpot spot;

    (void)page_spots_take(proc, frame_page_id(f), &spot);
}

uint32_t
cache_take_frame(Proc *proc, const CacheRel *rel, Fork fork, BlockNo block)
{
    uint32_t no = proc->stash[--proc->stash_count];

    ASSERT(atomic_load(&cache_frame(page_cache(proc), no)->use) == FRAME_FREE);
    set_tag(proc, cache_frame(page_cache(proc), no), rel, fork, block);
    return no;
}

void
page_add(Ctx *cx, CacheRel *rel, Fork fork, PageRef *out)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    CacheFork *cf = &rel->forks[fork];
    uint32_t no;
    Frame *f;

    ASSERT(proc->stash_count >= CACHE_EXTEND_FRAMES);
    if (!proc_in_critical(proc))
        page_wait_for_room(proc);
    ASSERT(proc->pin_free != 0 || proc->pin_high < PROC_PINS_MOST);
    proc_critical_enter(proc); /* of the exclusive latch that we hand out */
    no = proc->stash[--proc->stash_count];
    f = cache_frame(cache, no);
    ASSERT(atomic_load(&f->use) == FRAME_FREE);
    latch_hidden(f);
    memset(cache_frame_bytes(cache, no), 0, PAGE_BYTES);
    latch_take(proc, &rel->extend);
    set_tag(proc, f, rel, fork, atomic_load(&cf->length));
    forget_spot(proc, f);
    frame_set_dirty(f, true);
    ASSERT(f->block < UINT32_MAX - 1);
    atomic_store_explicit(&f->use, FRAME_PAGE, memory_order_release);
    cache_map_set(proc, cf, f->block, no);
    atomic_store_explicit(&cf->length, f->block + 1, memory_order_release);
    latch_drop(proc, &rel->extend);
    atomic_fetch_add(&cache->pages_live, 1);
    *out = (PageRef){.page = cache_frame_bytes(cache, no),
                     .frame = f,
                     .frame_no = no,
                     .exclusive = true,
                     .csn_cap = UINT64_MAX};
    out->note = page_note_take(proc, no, false);
}

uint32_t
page_place_begin(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const char *image)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t no;

    latch_take(cx->proc, &rel->extend);
    no = cache_map_lookup(cache, &rel->forks[fork], block);
    if ((no != 0 && no != CACHE_MAP_LINKED) || !cache_is_linked(rel, fork, block))
        return 0;
    no = cache_take_frame(cx->proc, rel, fork, block);
    forget_spot(cx->proc, cache_frame(cache, no));
    memcpy(cache_frame_bytes(cache, no), image, PAGE_BYTES);
    frame_set_dirty(cache_frame(cache, no), true);
    return no;
}

void
page_place_end(Ctx *cx, CacheRel *rel, uint32_t frame_no)
{
    PageCache *cache = page_cache(cx->proc);

    if (frame_no != 0) {
        Frame *f = cache_frame(cache, frame_no);

        atomic_store(&f->use, FRAME_PAGE);
        cache_map_set(cx->proc, &rel->forks[f->fork], f->block, frame_no);
        atomic_fetch_add(&cache->pages_live, 1);
    }
    latch_drop(cx->proc, &rel->extend);
}

uint32_t
page_keep_image(Ctx *cx, Frame *f, const char *page)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    Frame *old;
    uint32_t no;

    ASSERT(proc->stash_count > 0);
    no = proc->stash[--proc->stash_count];
    old = cache_frame(cache, no);
    old->branch = f->branch;
    old->relation = f->relation;
    old->fork = f->fork;
    old->block = f->block;
    frame_set_dirty(old, false);
    atomic_store(&old->spotted, 0);
    frame_set_raw_min(old, 0);
    frame_set_stored_raw(old, 0);
    old->older = f->older;
    memcpy(cache_frame_bytes(cache, no), page, PAGE_BYTES);
    page_header(cache_frame_bytes(cache, no))->kept_at = atomic_load(&cache->epoch);
    atomic_store(&old->use, FRAME_OLD);
    f->older = no;
    return no;
}

bool
page_drop_old(Proc *proc, Frame *f)
{
    PageCache *cache = page_cache(proc);

    while (f->older != 0) {
        uint32_t no = f->older;
        Frame *old = cache_frame(cache, no);

        if (atomic_load(&old->latch) & (FRAME_PINS | FRAME_SHARES))
            return false;
        f->older = old->older;
        frame_release(proc, no);
    }
    return true;
}

void
page_thin_old(Proc *proc, uint32_t frame_no, const CacheForks *forks)
{
    PageCache *cache = page_cache(proc);
    uint32_t newer = frame_no, no, at = 0;

    while ((no = cache_frame(cache, newer)->older) != 0) {
        Frame *old = cache_frame(cache, no);
        PageHeader *h = page_header(cache_frame_bytes(cache, newer));
        const PageHeader *image = page_header_const(cache_frame_bytes(cache, no));

        /* What was replaced after that moment is read by who was forked in between. */
        if (h->epoch > forks->now || cache_fork_reads(forks, &at, image->epoch, h->epoch) ||
            (atomic_load(&old->latch) & (FRAME_PINS | FRAME_SHARES))) {
            newer = no;
            continue;
        }
        h->prev_epoch = image->prev_epoch;
        cache_frame(cache, newer)->older = old->older;
        frame_release(proc, no);
    }
}

/* Takes the page out of the relation (see the top of pagecache.c). False: somebody has it pinned. */
bool
cache_free_page(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, bool only_clean)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    CacheFork *cf = &rel->forks[fork];
    uint32_t no = cache_map_lookup(cache, cf, block);
    Frame *f = cache_frame(cache, no);
    uint8_t use;
    uint64_t word;

    if (no == 0 || no == CACHE_MAP_LINKED) { /* nothing of ours in memory */
        if (no != 0)
            cache_map_set(proc, cf, block, 0);
        return true;
    }
    if (atomic_load(&f->use) == FRAME_LOADING)
        return false;
    word = atomic_load(&f->latch) & ~(FRAME_PINS | FRAME_SHARES | FRAME_EXCLUSIVE | FRAME_WAITERS);
    proc_critical_enter(proc);
    use = atomic_exchange(&f->use, FRAME_FREE);
    if (!atomic_compare_exchange_strong(&f->latch, &word, word + FRAME_VERSION)) {
        atomic_store(&f->use, use);
        proc_critical_leave(proc);
        return false;
    }
    /* It was changed before we came, or somebody reads an older image. */
    if ((only_clean && frame_is_dirty(f)) || !page_drop_old(proc, f)) {
        atomic_store(&f->use, use);
        proc_critical_leave(proc);
        return false;
    }
    if (only_clean && use == FRAME_PAGE && atomic_load_explicit(&f->spotted, memory_order_relaxed) != 0)
        page_spots_put(proc, frame_page_id(f), cache_frame_spot(cache, no));
    atomic_store_explicit(&f->spotted, 0, memory_order_relaxed);
    frame_set_dirty(f, false);
    frame_set_raw_min(f, 0);
    cache_map_set(proc, cf, block, 0);
    if (use == FRAME_PAGE)
        atomic_fetch_sub(&cache->pages_live, 1);
    frame_release(proc, no);
    proc_critical_leave(proc);
    return true;
}

bool
cache_rel_cut_last(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, CacheRelCut cut)
{
    CacheFork *cf = &rel->forks[fork];
    bool freed = false;

    latch_take(cx->proc, &rel->extend);
    if (atomic_load(&cf->length) == block + 1 && cache_free_page(cx, rel, fork, block, false)) {
        atomic_store(&cf->length, block);
        rel->cut |= (uint8_t)(1u << fork);
        cut(cx, rel, fork);
        freed = true;
    }
    latch_drop(cx->proc, &rel->extend);
    return freed;
}

BlockNo
cache_rel_truncate(Ctx *cx, CacheRel *rel, Fork fork, BlockNo keep_blocks, bool wait)
{
    CacheFork *cf = &rel->forks[fork];
    Proc *proc = cx->proc;
    BlockNo length;

    for (int tries = 0;;) {
        bool freed;

        latch_take(proc, &rel->extend);
        length = atomic_load(&cf->length);
        if (length <= keep_blocks) {
            latch_drop(proc, &rel->extend);
            return length;
        }
        freed = cache_free_page(cx, rel, fork, length - 1, false);
        if (freed)
            atomic_store(&cf->length, length - 1);
        latch_drop(proc, &rel->extend);
        if (freed)
            continue;
        if (!wait)
            return length;
        if (++tries <= CACHE_SPIN_MOST)
            continue;
        futex_wait(&proc->sem, atomic_load(&proc->sem),
                   100); /* a passing visitor: the janitor, or a late pinner */
        if (proc->kind == PROC_JANITOR)
            page_forget_all_dead(cx);
    }
}
