#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/stop_point.h"
#include "harness.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/sync/futex.h"
#include "sim.h"

static CacheRel *
make_rel(Ctx *cx, RelationId id)
{
    CacheRel *rel;

    SIM_OK(cx, cache_rel_make(cx, 1, id, PERSIST_PERMANENT, &rel));
    return rel;
}

static void
add_page(Ctx *cx, CacheRel *rel, uint64_t stamp)
{
    PageRef ref;

    SIM_OK(cx, frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
    page_add(cx, rel, FORK_MAIN, &ref);
    memcpy(ref.page + 64, &stamp, 8);
    page_unpin(cx, &ref);
}

static uint64_t
stamp_of(Ctx *cx, CacheRel *rel, BlockNo block)
{
    uint64_t stamp = 0;
    PageRef ref;

    SIM_OK(cx, page_pin_shared(cx, rel, FORK_MAIN, block, &ref));
    ck_assert(ref.page != NULL);
    memcpy(&stamp, ref.page + 64, 8);
    page_unpin(cx, &ref);
    return stamp;
}

static void
no_log(Ctx *cx, const CacheRel *rel, Fork fork)
{
    (void)cx;
    (void)rel;
    (void)fork;
}

typedef struct Visit {
    uint32_t bucket, count;
} Visit;

static void
drop_visited(Ctx *cx, void *arg, CacheRel *rel)
{
    Visit *visit = arg;

    if (cache_rel_hash(rel->branch, rel->relation) % REL_BUCKETS != visit->bucket ||
        rel->relation < RELATION_FIRST)
        return;
    visit->count++;
    cache_rel_drop(cx, rel);
}

TEST(pagecache, every_relation_of_a_long_chain_is_visited_though_each_goes)
{
    Ctx *cx = sim_session(sim_engine());
    Visit visit = {.bucket = cache_rel_hash(1, RELATION_FIRST) % REL_BUCKETS};
    uint32_t made = 0;

    for (RelationId id = RELATION_FIRST; made < 300; id++) {
        if (cache_rel_hash(1, id) % REL_BUCKETS != visit.bucket)
            continue;
        (void)make_rel(cx, id);
        made++;
    }
    cache_rel_each(cx, drop_visited, &visit);
    EXPECT_EQ(visit.count, made);
    visit.count = 0;
    cache_rel_each(cx, drop_visited, &visit);
    EXPECT_EQ(visit.count, 0);
}

TEST(pagecache, every_block_of_a_growing_relation_is_found)
{
    Ctx *cx = sim_session(sim_engine());
    CacheRel *rel = make_rel(cx, 5), *other = make_rel(cx, 6);
    PageRef ref;

    for (uint64_t i = 0; i < 9000; i++) { /* three shapes of the block map */
        add_page(cx, rel, i * 3 + 1);
        if (i % 10 == 0)
            add_page(cx, other, i);
    }
    EXPECT_EQ(cache_rel_length(rel, FORK_MAIN), 9000);
    for (uint32_t i = 0; i < 9000; i++)
        EXPECT_EQ(stamp_of(cx, rel, i), i * 3 + 1);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 9000, &ref));
    EXPECT(ref.page == NULL);
    SIM_OK(cx, page_pin(cx, rel, FORK_VISIBILITY, 0, &ref));
    EXPECT(ref.page == NULL);
    EXPECT(cache_rel(cx, 1, 5) == rel);
    EXPECT(cache_rel(cx, 2, 5) == NULL);
}

TEST(pagecache, frames_of_a_dropped_relation_are_used_again)
{
    Ctx *cx = sim_session(sim_engine_of(64u << 20));
    PageCache *cache = page_cache(cx->proc);

    for (RelationId id = 100; id < 140; id++) { /* together far more than there is room for */
        CacheRel *rel = make_rel(cx, id);

        for (uint64_t i = 0; i < 3000; i++)
            add_page(cx, rel, i);
        cache_rel_drop(cx, rel);
        EXPECT_EQ(atomic_load(&cache->pages_live), 0);
        EXPECT(cache_rel(cx, 1, id) == NULL);
    }
    EXPECT(frame_used_bytes(cache) < (40u << 20));
}

static bool
reserve_frame(Ctx *cx, int no, void *arg)
{
    (void)no;
    (void)arg;
    return frame_reserve(cx, 1, false) == ST_OK;
}

TEST(pagecache, frames_that_a_killed_session_was_touching_are_free_and_counted_once)
{
    const PageCache *cache;
    Ctx *janitor;
    uint32_t idle;
    Engine *e;
    pid_t pid;

    EXPECT(stop_board_create());
    e = sim_engine();
    janitor = sim_session(e);
    cache = page_cache(janitor->proc);
    stop_point_arm("page.range_noted", 0);
    pid = sim_fork(e, reserve_frame, 0, NULL);
    EXPECT(stop_point_wait("page.range_noted", 5000, NULL));
    kill(pid, SIGKILL);
    EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(e), pid, false), PROC_DEATH_OUTSIDE);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    EXPECT(cache->high > 1);
    EXPECT_EQ(cache->free_count, cache->high - 1);
    EXPECT_EQ(atomic_load(engine_used_bytes(e)), frame_used_bytes(cache));
}

TEST(pagecache, memory_of_free_frames_goes_back_to_the_system)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    uint64_t full;

    for (uint64_t i = 0; i < 20000; i++)
        add_page(cx, rel, i);
    full = atomic_load(engine_used_bytes(e));
    cache_rel_drop(cx, rel);
    frame_trim(cx);
    EXPECT(atomic_load(engine_used_bytes(e)) < full / 2);
    rel = make_rel(cx, 6);
    for (uint64_t i = 0; i < 20000; i++)
        add_page(cx, rel, i + 7);
    EXPECT(atomic_load(engine_used_bytes(e)) <= full + (1u << 20));
    for (uint32_t i = 0; i < 20000; i += 97)
        EXPECT_EQ(stamp_of(cx, rel, i), i + 7);
}

/* After a start that is the first page which comes to memory: there is nothing of the map yet. */
TEST(pagecache, any_block_can_be_the_first_of_a_map)
{
    static const BlockNo blocks[] = {0,           CACHE_INLINE_BLOCKS, CACHE_NODE_ENTRIES,
                                     1u << 22,    (1u << 22) - 1,      (1u << 22) + CACHE_NODE_ENTRIES,
                                     3000000000u, UINT32_MAX - 2};
    Ctx *cx = sim_session(sim_engine());
    PageRef ref;

    for (uint32_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        CacheRel *rel = make_rel(cx, 5 + i);

        SIM_OK(cx, frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
        while (cx->proc->stash_count > CACHE_EXTEND_FRAMES)
            frame_release(cx->proc, cx->proc->stash[--cx->proc->stash_count]);
        atomic_store(&rel->forks[FORK_MAIN].length, blocks[i]);
        page_add(cx, rel, FORK_MAIN, &ref);
        EXPECT_EQ(ref.frame->block, blocks[i]);
        memcpy(ref.page + 64, &(uint64_t){i}, 8);
        page_unpin(cx, &ref);
        EXPECT_EQ(stamp_of(cx, rel, blocks[i]), i);
    }
}

TEST(pagecache, the_ceiling_is_kept_and_the_session_lives)
{
    Engine *e = sim_engine_of(32u << 20);
    Ctx *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    Status rc = ST_OK;
    uint32_t pages = 0;

    while (rc == ST_OK) {
        rc = frame_reserve(cx, CACHE_EXTEND_FRAMES, false);
        if (rc == ST_OK) {
            add_page(cx, rel, pages);
            pages++;
        }
    }
    EXPECT_EQ(rc, ST_NO_MEMORY);
    EXPECT_STR(cx->error.sqlstate, "53200");
    EXPECT(pages > 3500);
    EXPECT(atomic_load(engine_used_bytes(e)) <= 32u << 20);
    SIM_OK(cx, frame_reserve(cx, 8, true)); /* the reserve of C5 */
    cache_rel_drop(cx, rel);
    SIM_OK(cx, frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
}

TEST(pagecache, latches_exclude_each_other)
{
    Engine *e = sim_engine();
    Ctx *a = sim_session(e), *b = sim_session(e);
    CacheRel *rel = make_rel(a, 5);
    PageRef p, q;
    uint32_t version;

    add_page(a, rel, 1);
    SIM_OK(a, page_pin(a, rel, FORK_MAIN, 0, &p));
    SIM_OK(b, page_pin(b, rel, FORK_MAIN, 0, &q));
    version = page_version(&p);
    page_latch_shared(a, &p);
    page_latch_shared(b, &q);
    EXPECT(!page_try_upgrade(a, &p));
    page_unlatch(b, &q);
    EXPECT(page_try_upgrade(a, &p));
    EXPECT(!page_is_sole_pin(&p));
    EXPECT(!page_try_exclusive(b, &q));
    EXPECT_EQ(page_version(&p), version);
    page_unlatch(a, &p);
    EXPECT_EQ(page_version(&p), version + 1);
    EXPECT(page_try_exclusive(b, &q));
    page_unlatch(b, &q);
    page_unpin(b, &q);
    page_latch_exclusive(a, &p);
    EXPECT(page_is_sole_pin(&p));
    page_unpin(a, &p);
}

/* ---- several processes ------------------------------------------------------------------------------------------ */

static bool
count_up(Ctx *cx, int no, void *arg)
{
    CacheRel *rel = cache_rel(cx, 1, 5);

    (void)no;
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        uint64_t a, b;
        PageRef ref;

        SIM_OK(cx, page_pin_shared(cx, rel, FORK_MAIN, (BlockNo)(i % 3), &ref));
        memcpy(&a, ref.page + 64, 8);
        memcpy(&b, ref.page + 4096, 8);
        EXPECT_EQ(a, b);
        page_unlatch(cx, &ref);
        page_latch_exclusive(cx, &ref);
        memcpy(&a, ref.page + 64, 8);
        memcpy(&b, ref.page + 4096, 8);
        EXPECT_EQ(a, b);
        a++;
        memcpy(ref.page + 64, &a, 8);
        memcpy(ref.page + 4096, &a, 8);
        page_unpin(cx, &ref);
    }
    return true;
}

TEST(pagecache, no_increment_is_lost)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    uint64_t sum = 0;

    for (int i = 0; i < 3; i++) {
        add_page(cx, rel, 0);
    }
    EXPECT(sim_run(e, 4, count_up, NULL));
    for (BlockNo i = 0; i < 3; i++)
        sum += stamp_of(cx, rel, i);
    EXPECT_EQ(sum, 4 * 20000);
}

/* Pages come and go at the end while others look for them. */
static bool
grow_and_cut(Ctx *cx, int no, void *arg)
{
    _Atomic int *stop = arg;
    CacheRel *rel = cache_rel(cx, 1, 5);
    uint64_t x = (uint64_t)no;

    for (int i = 0; i < 10000 && !atomic_load(stop); i++) {
        if (no == 0) {
            for (int k = 0; k < 5; k++)
                add_page(cx, rel, 1000 + cache_rel_length(rel, FORK_MAIN));
            for (int k = 0; k < 5; k++) {
                BlockNo length = cache_rel_length(rel, FORK_MAIN);

                (void)!cache_rel_cut_last(cx, rel, FORK_MAIN, length - 1, no_log);
            }
        } else {
            uint64_t stamp;
            BlockNo block;
            PageRef ref;

            x = hash_u64(x + 1);
            block = (BlockNo)(x % 12);
            SIM_OK(cx, page_pin_shared(cx, rel, FORK_MAIN, block, &ref));
            if (ref.page == NULL)
                continue;
            memcpy(&stamp, ref.page + 64, 8);
            EXPECT_EQ(stamp, 1000 + block);
            EXPECT_EQ(ref.frame->block, block);
            page_unpin(cx, &ref);
        }
    }
    if (no == 0)
        atomic_store(stop, 1);
    return true;
}

TEST(pagecache, a_pin_gets_the_page_it_asked_for_or_none)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    _Atomic int *stop = sim_shared(sizeof(*stop));

    for (uint64_t i = 0; i < 5; i++)
        add_page(cx, rel, 1000 + i);
    EXPECT(sim_run(e, 4, grow_and_cut, (void *)stop));
}

static void *
wait_at_gate(void *arg)
{
    change_gate_wait(arg);
    return NULL;
}

TEST(pagecache, who_only_handles_a_frame_does_not_wait_for_the_log)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    ChangeGate *gate = &page_cache(cx->proc)->gate;
    uint64_t room = atomic_load(&gate->room);
    PageRef ref;

    add_page(cx, rel, 1);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &ref));
    atomic_store(&gate->room, 0);
    atomic_store(&gate->taken, 1);
    EXPECT(!change_gate_open(gate));
    page_latch_aside(cx, &ref); /* would be for ever */
    page_unlatch(cx, &ref);
    atomic_store(&gate->taken, 0);
    atomic_store(&gate->room, room);
    page_unpin(cx, &ref);
}

TEST(pagecache, a_killed_session_does_not_wait_for_a_frame_any_more)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e), *dead = sim_session(e);
    _Atomic uint32_t *sleepers = &page_cache(cx->proc)->free_sleepers;

    dead->proc->waits_for_frame = true;
    atomic_store(sleepers, 1);
    page_forget_dead(cx, dead->proc);
    EXPECT_EQ(atomic_load(sleepers), 0);
    page_forget_dead(cx, dead->proc);
    EXPECT_EQ(atomic_load(sleepers), 0);
}

TEST(pagecache, who_waits_at_the_gate_calls_who_makes_room)
{
    ChangeGate gate = {.taken = 2, .room = 1, .maker_sleeps = 1};
    pthread_t thread;

    EXPECT_EQ(pthread_create(&thread, NULL, wait_at_gate, &gate), 0);
    futex_wait(&gate.maker_bell, 0, 20 * 1000 * 1000);
    EXPECT(atomic_load(&gate.maker_bell) != 0);
    change_gate_set_room(&gate, 2);
    pthread_join(thread, NULL);
}

static void *
wait_for_second_bit(void *arg)
{
    futex_wait_bits(arg, 0, 2, UINT64_MAX);
    return NULL;
}

TEST(pagecache, a_wake_reaches_only_those_it_is_for)
{
    _Atomic uint32_t word = 0;
    pthread_t thread;
    int woken;

    EXPECT_EQ(pthread_create(&thread, NULL, wait_for_second_bit, &word), 0);
    do {
        EXPECT_EQ(futex_wake_bits(&word, 1 | 4), 0);
        woken = futex_wake_bits(&word, 2);
    } while (woken == 0); /* it is on its way to sleep */
    EXPECT_EQ(woken, 1);
    pthread_join(thread, NULL);
}

/* ---- forks -------------------------------------------------------------------------------------------------------- */

TEST(pagecache, nobody_begins_a_change_while_a_branch_is_forked)
{
    Engine *e = sim_engine();
    Ctx *forker = sim_session(e), *cx = sim_session(e);
    CacheRel *rel = make_rel(cx, 5);
    PageRef ref;

    add_page(cx, rel, 1);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &ref));
    page_fork_begin(forker);
    EXPECT(page_fork_is_on(cx));
    EXPECT(!page_try_exclusive(cx, &ref));
    page_latch_shared(cx, &ref); /* reading goes on */
    EXPECT(!page_try_upgrade(cx, &ref));
    page_unlatch(cx, &ref);
    page_fork_end(forker);
    EXPECT(!page_fork_is_on(cx));
    EXPECT(page_try_exclusive(cx, &ref));
    page_unpin(cx, &ref);
}

typedef struct Forking {
    Ctx *cx;
    void (*begin)(Ctx *cx);
    void (*end)(Ctx *cx);
    _Atomic bool others_done;
    bool waited;
} Forking;

static void *
fork_beside(void *arg)
{
    Forking *f = arg;

    f->begin(f->cx);
    f->waited = atomic_load(&f->others_done);
    f->end(f->cx);
    return NULL;
}

static void
await_forker(Ctx *cx)
{
    while (!page_fork_is_on(cx))
        sched_yield();
}

TEST(pagecache, a_fork_waits_for_changes_under_way)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Forking f = {.cx = sim_session(e), .begin = page_fork_begin, .end = page_fork_end};
    CacheRel *rel = make_rel(cx, 5);
    pthread_t thread;
    PageRef ref;

    add_page(cx, rel, 1);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &ref));
    page_latch_exclusive(cx, &ref);
    EXPECT_EQ(pthread_create(&thread, NULL, fork_beside, &f), 0);
    await_forker(cx);
    atomic_store(&f.others_done, true);
    page_unpin(cx, &ref);
    pthread_join(thread, NULL);
    EXPECT(f.waited);
}

TEST(pagecache, who_holds_everything_waits_for_the_end_of_transactions)
{
    Engine *e = sim_engine();
    Ctx *cx = sim_session(e);
    Forking f = {.cx = sim_session(e), .begin = page_hold_begin, .end = page_hold_end};
    CacheRel *rel = make_rel(cx, 5);
    pthread_t thread;
    PageRef ref;

    add_page(cx, rel, 1);
    SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, 0, &ref));
    SIM_OK(cx, page_ending_begin(cx));
    EXPECT_EQ(pthread_create(&thread, NULL, fork_beside, &f), 0);
    while (atomic_load(&page_cache(cx->proc)->hold_flag) == 0)
        sched_yield();
    usleep(1000);
    EXPECT(page_try_exclusive(cx, &ref)); /* what has to be done at the end changes pages */
    page_unpin(cx, &ref);
    atomic_store(&f.others_done, true);
    atomic_store(&cx->proc->ending, 0);
    pthread_join(thread, NULL);
    EXPECT(f.waited);
    EXPECT(!page_fork_is_on(cx));
    SIM_OK(cx, page_ending_begin(cx));
    EXPECT_EQ(atomic_load(&cx->proc->ending), 1);
    atomic_store(&cx->proc->ending, 0);
}

TEST(pagecache, the_janitor_does_not_wait_for_who_may_wait_for_it)
{
    Ctx *cx = sim_session(sim_engine());
    PageCache *cache = page_cache(cx->proc);

    cx->proc->kind = PROC_JANITOR;
    atomic_store(&cache->hold_flag, 1);
    EXPECT_EQ(page_ending_begin(cx), ST_CANCELED);
    EXPECT_EQ(atomic_load(&cx->proc->ending), 0);
    atomic_store(&cache->hold_flag, 0);
    SIM_OK(cx, page_ending_begin(cx));
    EXPECT_EQ(atomic_load(&cx->proc->ending), 1);
    atomic_store(&cx->proc->ending, 0);
}
