/* page_io.c - see page_io.h. */
#include "shmem/pagecache/page_io.h"

#include <sched.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/pagecache/rel_counts.h"
#include "shmem/sync/futex.h"

enum {
    LOAD_NAP_US = 100 * 1000,
    FREE_LEAST = 64,
    LOOK_READER_US = 100, /* for work, after some was done */
    LOOK_ASKER_MOST_US = 100, /* for a page, if reading is quick */
    LOOK_READS = 4, /* it takes as long as this many: others may be before us */
};

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* From now on the frame is the store's. */
static void
queue_frame(Proc *proc, uint32_t no)
{
    PageCache *cache = page_cache(proc);

    atomic_fetch_add(&cache->io_pending, 1);
    latch_take(proc, &cache->io_latch);
    cache_frame(cache, no)->next_free = 0;
    if (cache->io_last != 0)
        cache_frame(cache, cache->io_last)->next_free = no;
    else
        atomic_store(&cache->io_first, no);
    cache->io_last = no;
    latch_drop(proc, &cache->io_latch);
}

/* The extend latch is held, the page is not in memory, the stash has what it takes. Who wants to read it by himself, and can,
 * finds the frame in proc->reading afterwards. */
static uint32_t
start_load(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const PageOldImage *image, bool read_self)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint32_t no = cache_take_frame(proc, rel, fork, block);
    Frame *f = cache_frame(cache, no);
    bool spotted;

    frame_set_dirty(f, false);
    spotted = page_spots_take(proc, frame_page_id(f), cache_frame_spot(cache, no)) && image == NULL;
    atomic_store(&f->spotted, spotted);
    if (image != NULL)
        memcpy(cache_frame_bytes(cache, no), image, sizeof(*image));
    atomic_store(&f->io, image != NULL ? IO_LOADING_OLD : IO_LOADING);
    atomic_store(&f->use, FRAME_LOADING);
    cache_map_set(proc, &rel->forks[fork], block, no);
    ASSERT(proc->reading == 0);
    if (spotted && read_self && cx->page_reader != NULL)
        proc->reading = no;
    else
        queue_frame(proc, no);
    return no;
}

static void
wake_reader(PageCache *cache)
{
    if (atomic_load(&cache->io_sleepers) != 0)
        futex_wake(&cache->io_bell, 1);
}

/* Who is about to sleep has noted the bell, then looked at the queue, then said that he does not look any more. */
static void
wake_store(PageCache *cache)
{
    atomic_fetch_add(&cache->io_bell, 1);
    if (atomic_load(&cache->io_looking) == 0 && atomic_load(&cache->io_busy) == 0)
        wake_reader(cache);
}

static void
count_loads(Proc *proc, const CacheRel *rel, uint32_t count)
{
    proc_count(proc, COUNT_PAGES_LOADED, count);
    rel_count(proc, rel, REL_LOADS, count);
}

static void wake_waiters(Frame *f, bool are_there);

/* The frame that is noted in proc->reading. False: it was not what it should be, and is the store's now. */
static bool
read_self(Ctx *cx)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint32_t no = proc->reading;
    Frame *f = cache_frame(cache, no);
    bool ok, waited;

    ASSERT(!proc_in_critical(proc));
    stop_point("page.read_self");
    ok = cx->page_reader->read(cx, cx->page_reader, frame_page_id(f), cache_frame_spot(cache, no),
                               cache_frame_bytes(cache, no));
    proc_instant_enter(proc);
    proc->reading = 0;
    if (!ok) {
        atomic_store(&f->spotted, 0);
        queue_frame(proc, no);
        proc_instant_leave(proc);
        wake_store(cache);
        return false;
    }
    atomic_fetch_add(&cache->pages_live, 1);
    waited = (atomic_exchange(&f->io, IO_IDLE) & IO_WAITED) != 0;
    atomic_store(&f->use, FRAME_PAGE);
    proc_instant_leave(proc);
    wake_waiters(f, waited);
    atomic_fetch_add(&cache->loads, 1);
    proc_count(proc, COUNT_PAGES_READ, 1);
    return true;
}

void
page_read_forsaken(Ctx *cx, Proc *dead)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);

    if (dead->reading == 0)
        return;
    proc_instant_enter(proc);
    atomic_store(&cache_frame(cache, dead->reading)->spotted, 0);
    queue_frame(proc, dead->reading);
    dead->reading = 0;
    proc_instant_leave(proc);
    wake_store(cache);
}

static Status
load(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, uint32_t instead_of, const PageOldImage *image)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint32_t no = 0;

    TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, true));
    latch_take(proc, &rel->extend);
    if (block < cache_rel_length(rel, fork) && cache_map_lookup(cache, &rel->forks[fork], block) == instead_of)
        no = start_load(cx, rel, fork, block, image, true);
    latch_drop(proc, &rel->extend);
    if (no == 0)
        return ST_OK; /* somebody was faster, or the page is gone */
    count_loads(proc, rel, 1);
    if (proc->reading == 0)
        wake_store(cache);
    else if (read_self(cx))
        return ST_OK;
    return page_load_wait(cx, no, rel, fork, block);
}

Status
page_load(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block)
{
    return load(cx, rel, fork, block, 0, NULL);
}

Status
page_load_old(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const PageOldImage *image)
{
    return load(cx, rel, fork, block, CACHE_MAP_LINKED, image);
}

/* How many frames should be free before anybody has to wait. */
static uint32_t
free_wanted(const PageCache *cache)
{
    return MIN_OF(MAX_OF(cache->page_frames / 64, (uint32_t)FREE_LEAST), cache->page_frames / 4 + 8);
}

void
page_load_ahead(Ctx *cx, CacheRel *rel, Fork fork, BlockNo first, uint32_t count)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint64_t deadline_us = cx->deadline_us;
    uint32_t asked = 0;
    Status rc = ST_OK;

    for (BlockNo block = first; block < first + count && block < cache_rel_length(rel, fork); block++) {
        if (cache_map_lookup(cache, &rel->forks[fork], block) != 0 || cache_is_linked(rel, fork, block))
            continue;
        if (proc->stash_count < CACHE_EXTEND_FRAMES) { /* a hint: hardly ever waited for */
            if (page_free_missing(cache) > free_wanted(cache) / 2)
                break;
            rc = frame_reserve(cx, CACHE_EXTEND_FRAMES, false);
            if (rc != ST_OK)
                break;
        }
        latch_take(proc, &rel->extend);
        if (block < cache_rel_length(rel, fork) && cache_map_lookup(cache, &rel->forks[fork], block) == 0) {
            (void)start_load(cx, rel, fork, block, NULL, false);
            asked++;
        }
        latch_drop(proc, &rel->extend);
    }
    if (asked > 0) {
        wake_store(cache);
        count_loads(proc, rel, asked);
    }
    if (rc != ST_OK)
        proc_pass_over(cx, rc, deadline_us);
    else
        ctx_error_clear(cx);
}

static Status
fail_load(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, uint32_t outcome)
{
    bool damaged = outcome == IO_DAMAGED;

    if (damaged) {
        proc_count(cx->proc, COUNT_PAGES_DAMAGED, 1);
        proc_set_count(cx->proc, COUNT_DAMAGED_US, (uint64_t)env_wall_us(cx->env));
    }
    (void)fail(cx, damaged ? ST_CORRUPT : ST_IO, damaged ? "XX001" : "58030",
               "block %u of relation %u %s (branch %u, fork %d)", block, rel->relation,
               damaged ? "is damaged" : "could not be read", rel->branch, (int)fork);
    fail_page(
        cx, (PageId){.branch = rel->branch, .relation = rel->relation, .fork = (uint8_t)fork, .block = block});
    return damaged ? ST_CORRUPT : ST_IO;
}

/* Until it is there, or has taken too long to stay awake for. */
static void
look_for_page(Ctx *cx, const PageCache *cache, const Frame *f)
{
    uint64_t most = (uint64_t)atomic_load_explicit(&cache->io_read_8us, memory_order_relaxed) / 8 * LOOK_READS,
             end;

    if (most > LOOK_ASKER_MOST_US)
        return;
    end = env_mono_us(cx->env) + most;
    do {
        sched_yield();
        if (atomic_load_explicit(&f->use, memory_order_acquire) != FRAME_LOADING)
            return;
    } while (env_mono_us(cx->env) < end);
}

Status
page_load_wait(Ctx *cx, uint32_t frame_no, CacheRel *rel, Fork fork, BlockNo block)
{
    PageCache *cache = page_cache(cx->proc);
    Frame *f = cache_frame(cache, frame_no);

    if (atomic_load(&cache->io_pending) <= 1) /* nobody before us */
        look_for_page(cx, cache, f);
    for (;;) {
        uint8_t use = atomic_load_explicit(&f->use, memory_order_acquire);
        uint32_t io = atomic_load(&f->io), plain = io & ~(uint32_t)IO_WAITED;

        if (!cache_tag_is(f, rel, fork, block) || (use != FRAME_LOADING && use != FRAME_FAILED))
            return ST_OK;
        if (use == FRAME_FAILED) {
            /* The frame goes, so that the next one who asks makes a new attempt. */
            latch_take(cx->proc, &rel->extend);
            /* It may have gone already, and come again as a page. */
            if (cache_map_lookup(cache, &rel->forks[fork], block) == frame_no &&
                atomic_load(&f->use) == FRAME_FAILED)
                (void)cache_free_page(cx, rel, fork, block, false);
            latch_drop(cx->proc, &rel->extend);
            return fail_load(cx, rel, fork, block, plain);
        }
        if (plain != IO_LOADING && plain != IO_LOADING_OLD) {
            __builtin_ia32_pause(); /* its use changes just now */
            continue;
        }
        TRY(ctx_poll(cx));
        if (io == plain && !atomic_compare_exchange_strong(&f->io, &io, plain | IO_WAITED))
            continue;
        if (atomic_load(&cache->io_first) != 0) /* those that are awake have enough to do */
            wake_reader(cache);
        proc_set_wait(cx->proc, WAIT_FILE_READ);
        futex_wait(&f->io, plain | IO_WAITED, LOAD_NAP_US);
        proc_set_wait(cx->proc, WAIT_NONE);
    }
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static uint32_t
take_first(Proc *proc, PageCache *cache)
{
    uint32_t no;
    bool more;

    if (atomic_load(&cache->io_first) == 0)
        return 0;
    latch_take(proc, &cache->io_latch);
    no = atomic_load(&cache->io_first);
    if (no != 0) {
        ASSERT(atomic_load(&cache_frame(cache, no)->use) == FRAME_LOADING);
        atomic_fetch_add(&cache->io_busy, 1);
        atomic_store(&cache->io_first, cache_frame(cache, no)->next_free);
        if (no == cache->io_last)
            cache->io_last = 0;
    }
    more = cache->io_last != 0 && atomic_load(&cache->io_first) != cache->io_last;
    latch_drop(proc, &cache->io_latch);
    if (more) /* two at least: another reader may help */
        wake_reader(cache);
    return no;
}

/* It was a session that took the frame off the free list. ThreadSanitizer sees this process alone, and would take for a race
 * what another thread of it did with the frame before that. */
static void
look_at_latches(const PageCache *cache, uint32_t no)
{
#ifdef __SANITIZE_THREAD__
    (void)atomic_load(&cache->free_latch.word);
    (void)atomic_load(&cache_frame(cache, no)->latch);
#else
    (void)cache;
    (void)no;
#endif
}

uint32_t
page_io_take(Ctx *cx, bool warm, uint64_t timeout_us)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint64_t end = warm ? env_mono_us(cx->env) + LOOK_READER_US : 0;
    uint32_t no, bell;
    bool alone = atomic_fetch_add(&cache->io_looking, 1) == 0 && atomic_load(&cache->io_pending) == 0;

    do {
        bell = atomic_load(&cache->io_bell);
        no = take_first(proc, cache);
        if (no == 0 && warm && alone)
            sched_yield();
    } while (no == 0 && warm && alone && env_mono_us(cx->env) < end);
    if (no == 0) {
        atomic_fetch_add(&cache->io_sleepers, 1);
        atomic_fetch_sub(&cache->io_looking, 1);
        futex_wait(&cache->io_bell, bell, timeout_us);
        atomic_fetch_sub(&cache->io_sleepers, 1);
    } else {
        atomic_fetch_sub(&cache->io_looking, 1);
        look_at_latches(cache, no);
    }
    return no;
}

void
page_io_took(PageCache *cache, uint64_t us)
{
    uint32_t before = atomic_load_explicit(&cache->io_read_8us, memory_order_relaxed);

    atomic_store_explicit(&cache->io_read_8us, before - before / 8 + (uint32_t)MIN_OF(us, 1u << 20),
                          memory_order_relaxed);
}

/* What has become of the frame is said before it gets its new use: from then on it may be anybody's. */
static bool
note_outcome(PageCache *cache, Frame *f, uint32_t outcome)
{
    atomic_fetch_sub(&cache->io_busy, 1);
    atomic_fetch_sub(&cache->io_pending, 1);
    return (atomic_exchange(&f->io, outcome) & IO_WAITED) != 0;
}

static void
wake_waiters(Frame *f, bool are_there)
{
    if (are_there)
        futex_wake(&f->io, INT32_MAX);
}

void
page_io_linked(Ctx *cx, uint32_t frame_no)
{
    Proc *proc = cx->proc;
    Frame *f = cache_frame(page_cache(proc), frame_no);
    CacheRel *rel = cache_rel(cx, f->branch, f->relation);
    Fork fork = (Fork)f->fork;
    BlockNo block = f->block;
    bool waited;

    ASSERT(atomic_load(&f->use) == FRAME_LOADING); /* nobody has more than a passing pin */
    ASSERT(rel != NULL);
    latch_take(proc, &rel->extend);
    cache_map_set(proc, &rel->forks[fork], block, block < cache_rel_length(rel, fork) ? CACHE_MAP_LINKED : 0);
    waited = note_outcome(page_cache(proc), f, IO_IDLE);
    frame_release(proc, frame_no);
    latch_drop(proc, &rel->extend);
    wake_waiters(f, waited);
}

void
page_io_done(Proc *proc, uint32_t frame_no, uint32_t outcome)
{
    PageCache *cache = page_cache(proc);
    Frame *f = cache_frame(cache, frame_no);
    bool waited;

    ASSERT(atomic_load(&f->use) == FRAME_LOADING);
    if (outcome == IO_IDLE)
        atomic_fetch_add(&cache->pages_live, 1);
    atomic_fetch_add(&cache->loads, 1);
    waited = note_outcome(cache, f, outcome);
    atomic_store(&f->use, outcome == IO_IDLE ? FRAME_PAGE : FRAME_FAILED);
    wake_waiters(f, waited);
}

void
page_forget(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block)
{
    PageId id = {.branch = rel->branch, .relation = rel->relation, .fork = (uint8_t)fork, .block = block};
    PageSpot spot;
    bool done;

    do {
        latch_take(cx->proc, &rel->extend);
        done = cache_free_page(cx, rel, fork, block, false);
        (void)page_spots_take(cx->proc, id, &spot);
        latch_drop(cx->proc, &rel->extend);
        if (!done)
            sched_yield();
    } while (!done);
}

/* ---- the cleaner ------------------------------------------------------------------------------------------------- */

static void
note_evicted(Xid *least, Xid raw)
{
    if (raw != 0 && (*least == 0 || raw < *least))
        *least = raw;
}

Evict
page_evict(Ctx *cx, uint32_t frame_no)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    Frame *f = cache_frame(cache, frame_no);
    Evict result = EVICT_BUSY;
    RelationId relation;
    BranchId branch;
    CacheRel *rel;
    uint8_t used;
    Xid raw;

    if (atomic_load(&f->use) != FRAME_PAGE)
        return EVICT_BUSY;
    branch = f->branch; /* of a page, not of one that is only about to come */
    relation = f->relation;
    if (atomic_load(&f->latch) & (FRAME_PINS | FRAME_EXCLUSIVE | FRAME_SHARES))
        return EVICT_USED;
    used = atomic_load_explicit(&f->used, memory_order_relaxed);
    if (used != 0) {
        atomic_store_explicit(&f->used, used - 1, memory_order_relaxed);
        return EVICT_USED;
    }
    if (frame_is_dirty(f))
        return EVICT_DIRTY;
    rel = cache_rel(cx, branch, relation);
    if (rel == NULL)
        return EVICT_BUSY;
    latch_take(proc, &rel->extend);
    raw = frame_stored_raw(f);
    /* Everything may have changed since we looked; below the latch the tag is stable. */
    if (atomic_load(&f->use) == FRAME_PAGE && cache_tag_is(f, rel, (Fork)f->fork, f->block) &&
        cache_map_lookup(cache, &rel->forks[f->fork], f->block) == frame_no &&
        cache_free_page(cx, rel, (Fork)f->fork, f->block, true)) {
        note_evicted(&rel->evicted_raw, raw);
        note_evicted(&rel->evicted_since, raw);
        atomic_fetch_add(&cache->evictions, 1);
        result = EVICT_DONE;
    }
    latch_drop(proc, &rel->extend);
    return result;
}

uint32_t
page_free_missing(const PageCache *cache)
{
    uint64_t live = atomic_load_explicit(&cache->pages_live, memory_order_relaxed);
    uint32_t free_now = cache->free_count, wanted = free_wanted(cache);

    /* As long as memory may grow nobody waits. */
    if (live + wanted < cache->page_frames || free_now >= wanted)
        return 0;
    return wanted - free_now;
}

void
page_leave(PageCache *cache, uint32_t frame_no)
{
    uint32_t i = atomic_fetch_add_explicit(&cache->left_next, 1, memory_order_relaxed) % CACHE_LEFT_MOST;

    atomic_store_explicit(&cache->left[i], frame_no, memory_order_relaxed);
}

uint32_t
page_left_take(PageCache *cache, uint32_t place)
{
    if (atomic_load_explicit(&cache->left[place], memory_order_relaxed) == 0)
        return 0;
    return atomic_exchange_explicit(&cache->left[place], 0, memory_order_relaxed);
}

void
page_cleaner_nudge(PageCache *cache)
{
    if (atomic_load_explicit(&cache->cleaner_sleeps, memory_order_relaxed) != 0 &&
        page_free_missing(cache) > free_wanted(cache) / 2)
        page_cleaner_wake(cache);
}

void
page_cleaner_wake(PageCache *cache)
{
    atomic_fetch_add(&cache->cleaner_bell, 1);
    if (atomic_load(&cache->cleaner_sleeps) != 0)
        futex_wake(&cache->cleaner_bell, 1);
}

void
page_cleaner_sleep(Proc *proc, uint64_t timeout_us)
{
    PageCache *cache = page_cache(proc);
    uint32_t bell = atomic_load(&cache->cleaner_bell);

    atomic_store(&cache->cleaner_sleeps, 1);
    if (atomic_load(&cache->free_sleepers) == 0)
        futex_wait(&cache->cleaner_bell, bell, timeout_us);
    atomic_store(&cache->cleaner_sleeps, 0);
}

void
page_cleaner_announce(PageCache *cache)
{
    if (atomic_load(&cache->free_sleepers) == 0)
        return;
    atomic_fetch_add(&cache->free_bell, 1);
    futex_wake(&cache->free_bell, INT32_MAX);
}
