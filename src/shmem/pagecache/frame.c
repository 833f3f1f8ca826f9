/* frame.c - frames of 8 KiB as memory: free list, growth by touching, the ceiling.
 *
 * A frame is in one of these places:
 *
 *   never touched --grow--> stash of a session --frame_take--> in use --frame_release--> free list
 *        free list --frame_reserve--> stash;  free list --frame_trim--> hole --frame_reserve--> stash
 *
 * A session's stash is noted in its slot, so that a kill loses no frame. Growing touches a run of new
 * frames with one madvise: that costs a quarter of faulting them in one by one, and tells us politely
 * when the system has no more. While that call runs the run is noted in the slot, too (`range`).
 *
 * Ceiling (C5): region->used_bytes counts every frame that is not a hole and not untouched, whether
 * somebody uses it or not, and the private budgets. Growth beyond the ceiling is refused with 53200;
 * ending and deleting may go a little further. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
    GROW_LEAST = 8,
    GROW_MOST = 64,
    TAKE_BATCH = 6,
    STASH_KEPT = 10,
    TRIM_BATCH = PROC_STASH_MOST,
    FREE_KEPT = 2048,
    FREE_PATIENCE_US = 30 * 1000 * 1000,
    FULL_PATIENCE_US = 1000 * 1000,
    FULL_MORE_FRAMES = 64,
    FREE_NAP_US = 20 * 1000
};

uint64_t
page_cache_bytes(void)
{
    return sizeof(PageCache) + 256;
}

void
page_cache_carve(Region *region)
{
    PageCache *cache = region_carve(region, sizeof(PageCache), 64);
    Frame *frames = region_carve(region, sizeof(Frame) * region->frame_count, 64);
    PageSpot *spots = region_carve(region, sizeof(PageSpot) * region->frame_count, 64);
    char *bytes = (char *)region + region->mapped_bytes - region->frame_count * PAGE_BYTES;

    ASSERT(region->frame_count < UINT32_MAX);
    cache->frames = (ShmRef)((char *)frames - (char *)cache);
    cache->spots = (ShmRef)((char *)spots - (char *)cache);
    cache->bytes = (ShmRef)(bytes - (char *)cache);
    cache->frame_count = (uint32_t)region->frame_count;
    cache->high = 1; /* frame 0 stands for "none" */
    atomic_init(&cache->epoch, 1);
    atomic_init(&cache->gate.room, UINT64_MAX);
    latch_init(&cache->io_latch, LATCH_IO_QUEUE);
    latch_init(&cache->free_latch, LATCH_FREE_FRAMES);
    for (int i = 0; i < REL_PARTITIONS; i++)
        latch_init(&cache->rels.latch[i], LATCH_REL_TABLE);
    atomic_init(&cache->rels.next_relation, RELATION_FIRST);
    region->part[PART_CACHE] = region_ref(region, cache);
}

uint64_t
frame_used_bytes(const PageCache *cache)
{
    return (uint64_t)(cache->high - 1 - cache->holes) * PAGE_BYTES;
}

static uint64_t
spare_bytes(uint64_t limit)
{
    return MIN_OF(MAX_OF(limit / 64, UINT64_C(1) << 20), UINT64_C(64) << 20);
}

/* What sessions have in any case, beyond the ceiling if need be: it takes nothing from the reserve. */
static uint64_t
floor_bytes(const Proc *proc)
{
    const ProcTable *procs = proc_table_of(proc);
    uint32_t high = atomic_load(&procs->high);
    uint64_t bytes = 0;

    for (uint32_t no = 0; no < high; no++) {
        uint64_t mine = atomic_load_explicit(&proc_slot(procs, no)->private_bytes, memory_order_relaxed);

        bytes += MIN_OF(mine, BUDGET_FLOOR_BYTES);
    }
    return bytes;
}

/* Counts `bytes` against the ceiling, or says no. Below the latch under which they become what is counted: who is killed
 * leaves nothing counted that is nowhere. */
static bool
count_bytes(const Proc *proc, uint64_t bytes, bool spare)
{
    Region *region = proc_region(proc);
    uint64_t limit = atomic_load_explicit(&region->limit_bytes, memory_order_relaxed);
    uint64_t now = atomic_fetch_add(&region->used_bytes, bytes) + bytes;

    ASSERT(proc_in_critical(proc));
    if (now <= limit || (spare && now <= limit + spare_bytes(limit) + floor_bytes(proc)))
        return true;
    atomic_fetch_sub(&region->used_bytes, bytes);
    return false;
}

/* Moves up to `count` frames from the list to the stash. */
static void
pop_free(PageCache *cache, Proc *proc, uint32_t count)
{
    latch_take(proc, &cache->free_latch);
    while (count-- > 0 && cache->free_head != 0) {
        uint32_t no = cache->free_head;

        cache->free_head = cache_frame(cache, no)->next_free;
        cache->free_count--;
        proc->stash[proc->stash_count++] = no;
    }
    latch_drop(proc, &cache->free_latch);
}

/* A hole has lost its memory: taking it counts again. */
static bool
pop_hole(PageCache *cache, Proc *proc, bool spare)
{
    bool got = false;

    latch_take(proc, &cache->free_latch);
    if (cache->hole_head != 0 && count_bytes(proc, PAGE_BYTES, spare)) {
        uint32_t no = cache->hole_head;

        cache->hole_head = cache_frame(cache, no)->next_free;
        cache->holes--;
        proc->stash[proc->stash_count++] = no;
        got = true;
    }
    latch_drop(proc, &cache->free_latch);
    return got;
}

/* The range is noted in the slot of `owner`: ours, or a dead one. */
static void
push_range(PageCache *cache, Proc *proc, Proc *owner)
{
    latch_take(proc, &cache->free_latch);
    while (owner->range_count > 0) {
        uint32_t no = owner->range_first + --owner->range_count;

        cache_frame(cache, no)->next_free = cache->free_head;
        cache->free_head = no;
        cache->free_count++;
    }
    latch_drop(proc, &cache->free_latch);
}

/* Notes new frames in the slot: as many as are wanted, or one, or none. */
static void
take_range(PageCache *cache, Proc *proc, bool spare)
{
    uint32_t want;

    latch_take(proc, &cache->free_latch);
    want = MIN_OF(MAX_OF(cache->high / 8, GROW_LEAST), GROW_MOST);
    want = MIN_OF(want, cache->frame_count - cache->high);
    if (!count_bytes(proc, (uint64_t)want * PAGE_BYTES, spare))
        want = want > 1 && count_bytes(proc, PAGE_BYTES, spare) ? 1 : 0;
    proc->range_first = cache->high;
    proc->range_count = want;
    cache->high += want;
    latch_drop(proc, &cache->free_latch);
}

/* Touches new frames and puts them on the free list. */
static bool
grow(Ctx *cx, PageCache *cache, bool spare)
{
    Proc *proc = cx->proc;

    take_range(cache, proc, spare);
    if (proc->range_count == 0)
        return false;
    stop_point("page.range_noted");
    /* An old kernel does not know the advice (EINVAL): the frames are then touched when used. */
    if (madvise(cache_frame_bytes(cache, proc->range_first), (size_t)proc->range_count * PAGE_BYTES,
                MADV_POPULATE_WRITE) != 0 &&
        (errno == ENOMEM || errno == EFAULT)) {
        push_range(cache, proc, proc);
        return false;
    }
    push_range(cache, proc, proc);
    return true;
}

/* Are there as many pages as may be? While the store takes none because the disk is full, who only reads may have some
 * more: else changed pages could fill all of memory, and reading would end, too. */
static bool
is_crowded(const PageCache *cache, const Proc *proc)
{
    uint64_t most = cache->page_frames;

    if (UNLIKELY(atomic_load_explicit(&cache->store_full, memory_order_relaxed) != 0) &&
        atomic_load_explicit(&proc->xid, memory_order_relaxed) == 0)
        most += most / 8 + FULL_MORE_FRAMES;
    return cache_has_store(cache) && atomic_load(&cache->pages_live) >= most;
}

/* Counted in an instant, and known of the session: a killed one is counted off by the janitor. */
static void
count_sleeper(Proc *proc, PageCache *cache, bool sleeps)
{
    proc_instant_enter(proc);
    proc->waits_for_frame = sleeps;
    if (sleeps)
        atomic_fetch_add(&cache->free_sleepers, 1);
    else
        atomic_fetch_sub(&cache->free_sleepers, 1);
    proc_instant_leave(proc);
}

/* The cleaner frees frames; when everything is pinned it can not. */
static Status
wait_for_free(Ctx *cx, PageCache *cache)
{
    uint64_t start_us = env_mono_us(cx->env), waited;

    while ((waited = env_mono_us(cx->env) - start_us) < FREE_PATIENCE_US) {
        uint32_t bell = atomic_load(&cache->free_bell);

        if (cache->free_count > 0 || !is_crowded(cache, cx->proc))
            return ST_OK;
        TRY(ctx_poll(cx));
        if (atomic_load(&cache->store_full) != 0 && waited >= FULL_PATIENCE_US) {
            (void)fail(cx, ST_IO, "53100", "no page of the cache is free, and there is no space to write one");
            fail_hint(cx, "Free some space; the server goes on by itself.");
            return ST_IO;
        }
        page_cleaner_wake(cache);
        count_sleeper(cx->proc, cache, true);
        proc_set_wait(cx->proc, WAIT_FREE_FRAME);
        futex_wait(&cache->free_bell, bell, FREE_NAP_US);
        proc_set_wait(cx->proc, WAIT_NONE);
        count_sleeper(cx->proc, cache, false);
    }
    (void)fail(cx, ST_NO_MEMORY, "53200", "no page of the cache is free");
    fail_hint(cx, "Statements in progress use all of it (a larger cache_size helps), or the disk has taken no "
                  "page for half a minute.");
    return ST_NO_MEMORY;
}

Status
frame_reserve(Ctx *cx, uint32_t count, bool spare)
{
    Proc *proc = cx->proc;
    PageCache *cache;

    ASSERT(count <= PROC_STASH_MOST);
    if (LIKELY(proc->stash_count >= count))
        return ST_OK;
    ASSERT(!proc_in_critical(proc));
    cache = page_cache(proc);
    spare |= proc->uses_spare;
    while (proc->stash_count < count) {
        uint32_t before = proc->stash_count;

        pop_free(cache, proc, MIN_OF(MAX_OF(count - before, TAKE_BATCH), PROC_STASH_MOST - before));
        if (cache_has_store(cache))
            page_cleaner_nudge(cache);
        if (proc->stash_count > before || pop_hole(cache, proc, spare))
            continue;
        if (is_crowded(cache, proc)) {
            TRY(wait_for_free(cx, cache));
            continue;
        }
        if (!grow(cx, cache, spare)) {
            (void)fail(cx, ST_NO_MEMORY, "53200", "out of memory");
            fail_detail(cx, "The server has reached its memory limit of %llu MB.",
                        (unsigned long long)(atomic_load(&proc_region(proc)->limit_bytes) >> 20));
            fail_hint(
                cx,
                "Delete data, or start the server with a larger ceiling (--max-memory, storage.max_memory).");
            return ST_NO_MEMORY;
        }
    }
    return ST_OK;
}

uint32_t
frame_take(Proc *proc, FrameUse use)
{
    PageCache *cache = page_cache(proc);
    uint32_t no;

    ASSERT(proc->stash_count > 0);
    ASSERT(use == FRAME_SHARED); /* pages take theirs in page_place.c, where the tag is set */
    proc_instant_enter(proc);
    no = proc->stash[--proc->stash_count];
    memset(cache_frame_bytes(cache, no), 0, PAGE_BYTES);
    atomic_store(&cache_frame(cache, no)->use, (uint8_t)use);
    proc_instant_leave(proc);
    return no;
}

void
frame_release(Proc *proc, uint32_t frame_no)
{
    PageCache *cache = page_cache(proc);
    Frame *f = cache_frame(cache, frame_no);

    ASSERT(frame_no > 0);
    ASSERT(frame_no < cache->high);
    latch_take(proc, &cache->free_latch);
    f->next_free = cache->free_head;
    atomic_store(&f->use, FRAME_FREE); /* after all else: whoever sees the next use sees that, too */
    cache->free_head = frame_no;
    cache->free_count++;
    latch_drop(proc, &cache->free_latch);
}

static void
release_stash(Proc *proc, uint32_t *stash, uint32_t *count, uint32_t keep)
{
    PageCache *cache = page_cache(proc);

    if (*count <= keep)
        return;
    latch_take(proc, &cache->free_latch);
    while (*count > keep) {
        uint32_t no = stash[--*count];

        cache_frame(cache, no)->next_free = cache->free_head;
        cache->free_head = no;
        cache->free_count++;
    }
    latch_drop(proc, &cache->free_latch);
}

void
frame_stash_release(Proc *proc)
{
    release_stash(proc, proc->stash, &proc->stash_count, 0);
}

void
frame_stash_shrink(Proc *proc)
{
    if (UNLIKELY(proc->stash_count > STASH_KEPT))
        release_stash(proc, proc->stash, &proc->stash_count, CACHE_EXTEND_FRAMES);
}

static int
compare_frame_no(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Turns the frames of the stash, but for the first `keep`, into holes: neighbours are given back with one call. */
static void
make_holes(Proc *proc, PageCache *cache, uint32_t keep)
{
    Region *region = proc_region(proc);
    uint32_t count = proc->stash_count - keep, sorted[PROC_STASH_MOST];

    /* A copy: the stash itself names each frame once at any moment. */
    memcpy(sorted, proc->stash + keep, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_frame_no);
    for (uint32_t i = 0; i < count;) {
        uint32_t run = 1;

        while (i + run < count && sorted[i + run] == sorted[i] + run)
            run++;
        region_give_back(region, cache_frame_bytes(cache, sorted[i]), (uint64_t)run * PAGE_BYTES);
        i += run;
    }
    latch_take(proc, &cache->free_latch);
    while (proc->stash_count > keep) {
        uint32_t no = proc->stash[--proc->stash_count];

        cache_frame(cache, no)->next_free = cache->hole_head;
        cache->hole_head = no;
        cache->holes++;
    }
    atomic_fetch_sub(&region->used_bytes, (uint64_t)count * PAGE_BYTES);
    latch_drop(proc, &cache->free_latch);
}

void
frame_trim(Ctx *cx)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);

    frame_stash_release(proc);
    while (cache->free_count > FREE_KEPT + cache->high / 8) {
        pop_free(cache, proc, TRIM_BATCH);
        make_holes(proc, cache, 0);
    }
}

bool
frame_give_back(Ctx *cx, uint64_t bytes)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);
    uint32_t keep = proc->stash_count; /* reserved for what the caller is about to do */
    uint64_t given = 0;

    ASSERT(!proc_in_critical(proc));
    while (given < bytes) {
        pop_free(cache, proc, PROC_STASH_MOST - keep);
        if (proc->stash_count == keep)
            break;
        given += (uint64_t)(proc->stash_count - keep) * PAGE_BYTES;
        make_holes(proc, cache, keep);
    }
    return given > 0;
}

void
frame_report_shortage(Proc *proc)
{
    Region *region = proc_region(proc);

    if (atomic_exchange(&region->was_short, 1) == 0)
        proc_wake_janitor(proc_table_of(proc));
}

void
page_forget_dead(Ctx *cx, Proc *dead)
{
    Proc *proc = cx->proc;
    PageCache *cache = page_cache(proc);

    page_read_forsaken(cx, dead);
    for (uint32_t i = 0; i < dead->pin_high; i++) {
        PinNote *note = &dead->pins[i];
        Frame *f;
        uint64_t old;

        if (note->frame_no == 0)
            continue;
        f = cache_frame(cache, note->frame_no);
        proc_instant_enter(proc);
        old = atomic_fetch_sub(&f->latch, FRAME_PIN + (note->shared ? FRAME_SHARE : 0));
        *note = (PinNote){0};
        proc_instant_leave(proc);
        if (old & FRAME_WAITERS)
            page_wake_waiters(f);
    }
    dead->pin_high = dead->pin_free = 0;
    dead->pin_count = 0;
    release_stash(proc, dead->stash, &dead->stash_count, 0);
    proc_instant_enter(proc);
    if (dead->waits_for_frame)
        atomic_fetch_sub(&cache->free_sleepers, 1);
    dead->waits_for_frame = false;
    proc_instant_leave(proc);
    push_range(cache, proc, dead);
}

void
page_forget_all_dead(Ctx *cx)
{
    ProcTable *procs = proc_table_of(cx->proc);
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        Proc *p = proc_slot(procs, no);

        if (proc_state(p) == PROC_DEAD)
            page_forget_dead(cx, p);
    }
}
