/* The life of a spot: who reads a page by itself, and that a spot never outlives the version of the page that it is of. The
 * test is the store, and a reader that knows pages by heart. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/stop_point.h"
#include "harness.h"
#include "shmem/pagecache/page_io.h"
#include "sim.h"
#include "storage/store/page_direct.h"

enum { LEAVE_TRIES = FRAME_USED_MOST + 2 };

typedef struct Reader {
    PageReader base;
    int calls;
    enum { READ_WELL, READ_NOTHING, READ_DIE } how;
} Reader;

static const PageSpot spot_of_all = {.file = 12, .offset = 3456, .bytes = 789};

static bool
read_by_heart(Ctx *cx, PageReader *reader, PageId id, const PageSpot *spot, char *page)
{
    Reader *r = (Reader *)reader;

    SIM_EXPECT(!proc_in_critical(cx->proc));
    SIM_EXPECT(memcmp(spot, &spot_of_all, sizeof(*spot)) == 0);
    r->calls++;
    if (r->how == READ_DIE)
        raise(SIGKILL);
    if (r->how == READ_NOTHING)
        return false;
    memset(page, 0, PAGE_BYTES);
    page_header(page)->magic = PAGE_MAGIC;
    page_header(page)->kind = id.block == 0 ? PAGE_KIND_BTREE : PAGE_KIND_HEAP;
    memcpy(page + 64, &id.block, sizeof(id.block));
    return true;
}

typedef struct Place {
    Engine *engine;
    Ctx *cx;
    CacheRel *rel;
    Reader reader;
} Place;

static void
open_place(Place *p, BlockNo pages)
{
    EngineOptions o = {.max_memory_bytes = 64 << 20,
                       .max_slots = 8,
                       .deadlock_timeout_us = 100000,
                       .cache_bytes = 8 << 20,
                       .table_folder = "/nowhere"};

    *p = (Place){.reader = {.base.read = read_by_heart}};
    EXPECT_OK(engine_create(test_ctx(), &o, &p->engine));
    p->cx = sim_session(p->engine);
    page_direct_close(p->cx, p->cx->page_reader);
    p->cx->page_reader = &p->reader.base;
    SIM_OK(p->cx, cache_rel_make(p->cx, 1, 5, PERSIST_PERMANENT, &p->rel));
    for (BlockNo i = 0; i < pages; i++) {
        PageRef ref;

        SIM_OK(p->cx, frame_reserve(p->cx, CACHE_EXTEND_FRAMES, false));
        page_add(p->cx, p->rel, FORK_MAIN, &ref);
        memcpy(ref.page + 64, &i, sizeof(i));
        page_unpin(p->cx, &ref);
    }
}

static Frame *
frame_of(const Place *p, BlockNo block, uint32_t *no)
{
    *no = atomic_load(&p->rel->forks[FORK_MAIN].inline_frames[block]);
    return cache_frame(page_cache(p->cx->proc), *no);
}

/* As the store leaves a page that it has read. */
static void
know_spot(const Place *p, BlockNo block)
{
    uint32_t no;
    Frame *f = frame_of(p, block, &no);

    frame_set_dirty(f, false);
    *cache_frame_spot(page_cache(p->cx->proc), no) = spot_of_all;
    atomic_store(&f->spotted, 1);
}

static void
evict(const Place *p, BlockNo block)
{
    Evict done = EVICT_USED;
    uint32_t no;

    (void)frame_of(p, block, &no);
    for (int i = 0; i < LEAVE_TRIES && done == EVICT_USED; i++)
        done = page_evict(p->cx, no);
    SIM_EXPECT(done == EVICT_DONE);
}

static PageId
id_of(BlockNo block)
{
    return (PageId){.branch = 1, .relation = 5, .fork = FORK_MAIN, .block = block};
}

static bool
is_known(const Place *p, BlockNo block)
{
    PageSpot spot;
    bool found = page_spots_take(p->cx->proc, id_of(block), &spot);

    if (found)
        page_spots_put(p->cx->proc, id_of(block), &spot);
    return found;
}

static BlockNo
stamp_of(const Place *p, BlockNo block)
{
    BlockNo stamp;
    PageRef ref;

    SIM_OK(p->cx, page_pin_shared(p->cx, p->rel, FORK_MAIN, block, &ref));
    SIM_EXPECT(ref.page != NULL);
    memcpy(&stamp, ref.page + 64, sizeof(stamp));
    page_unpin(p->cx, &ref);
    return stamp;
}

TEST(spots, a_page_that_left_unchanged_is_read_by_who_needs_it)
{
    Place p;

    open_place(&p, 3);
    know_spot(&p, 1);
    for (int round = 1; round < 5; round++) {
        SIM_EXPECT(!is_known(&p, 1)); /* as long as it is in memory */
        evict(&p, 1);
        SIM_EXPECT(is_known(&p, 1));
        SIM_EXPECT(stamp_of(&p, 1) == 1);
        EXPECT_EQ(p.reader.calls, round);
    }
}

/* How many visits of the hand the page, which is clean, stays for. */
static int
visits_of(const Place *p, BlockNo block)
{
    int visits = 0;
    uint32_t no;

    (void)frame_of(p, block, &no);
    while (page_evict(p->cx, no) == EVICT_USED)
        visits++;
    return visits;
}

TEST(spots, an_index_page_stays_for_more_visits_than_a_row_page_and_a_scanned_one_for_none)
{
    Place p;

    open_place(&p, 3);
    for (BlockNo i = 0; i < 3; i++) {
        know_spot(&p, i);
        evict(&p, i);
        SIM_EXPECT(stamp_of(&p, i) == i);
    }
    EXPECT_EQ(visits_of(&p, 0), FRAME_USED_INDEX);
    EXPECT_EQ(visits_of(&p, 1), 1);
    for (BlockNo i = 0; i < 3; i++) /* in memory or not: as often as they are used, but not for ever */
        for (int use = 0; use < 20; use++)
            SIM_EXPECT(stamp_of(&p, i) == i);
    EXPECT_EQ(visits_of(&p, 0), FRAME_USED_MOST);
    EXPECT_EQ(visits_of(&p, 2), FRAME_USED_MOST);
    p.cx->proc->scanning = true;
    for (BlockNo i = 0; i < 3; i++) {
        SIM_EXPECT(stamp_of(&p, i) == i);
        EXPECT_EQ(visits_of(&p, i), i == 1 ? FRAME_USED_MOST : 0); /* that one had been used by others */
    }
}

TEST(spots, a_page_that_was_changed_has_none)
{
    PageRef ref;
    uint32_t no;
    Place p;

    open_place(&p, 3);
    know_spot(&p, 1);
    SIM_OK(p.cx, page_pin(p.cx, p.rel, FORK_MAIN, 1, &ref));
    page_latch_exclusive(p.cx, &ref);
    frame_set_dirty(ref.frame, true);
    page_unpin(p.cx, &ref);
    frame_set_dirty(frame_of(&p, 1, &no), false); /* written */
    evict(&p, 1);
    SIM_EXPECT(!is_known(&p, 1));
}

TEST(spots, a_new_page_of_the_same_name_has_none)
{
    PageRef ref;
    Place p;

    open_place(&p, 3);
    know_spot(&p, 2);
    evict(&p, 2);
    EXPECT_EQ(cache_rel_truncate(p.cx, p.rel, FORK_MAIN, 2, true), 2);
    SIM_EXPECT(is_known(&p, 2)); /* nobody has looked */
    SIM_OK(p.cx, frame_reserve(p.cx, CACHE_EXTEND_FRAMES, false));
    page_add(p.cx, p.rel, FORK_MAIN, &ref);
    page_unpin(p.cx, &ref);
    SIM_EXPECT(!is_known(&p, 2));
    EXPECT_EQ(p.reader.calls, 0);
}

TEST(spots, an_own_copy_of_a_linked_page_has_none)
{
    char image[PAGE_BYTES] = {0};
    CacheRel *child;
    uint32_t no;
    Place p;

    open_place(&p, 3);
    SIM_OK(p.cx, cache_rel_make(p.cx, 2, 5, PERSIST_PERMANENT, &child));
    child->origin = p.rel->self;
    child->linked = 3;
    atomic_store(&child->forks[FORK_MAIN].length, 3);
    page_spots_put(p.cx->proc, (PageId){.branch = 2, .relation = 5, .block = 1}, &spot_of_all);
    SIM_OK(p.cx, frame_reserve(p.cx, CACHE_EXTEND_FRAMES, false));
    no = page_place_begin(p.cx, child, FORK_MAIN, 1, image);
    page_place_end(p.cx, child, no);
    SIM_EXPECT(no != 0);
    SIM_EXPECT(!page_spots_take(p.cx->proc, (PageId){.branch = 2, .relation = 5, .block = 1}, &(PageSpot){0}));
}

/* The store, for one page. */
typedef struct Server {
    Place *place;
    pthread_t thread;
} Server;

static void *
serve(void *arg)
{
    Ctx *cx = sim_session(((Server *)arg)->place->engine);
    uint32_t no = 0;

    while (no == 0)
        no = page_io_take(cx, false, 10000);
    memset(cache_frame_bytes(page_cache(cx->proc), no), 0, PAGE_BYTES);
    memset((char *)cache_frame_bytes(page_cache(cx->proc), no) + 64, 0xee, 4);
    SIM_EXPECT(atomic_load(&cache_frame(page_cache(cx->proc), no)->spotted) == 0);
    page_io_done(cx->proc, no, IO_IDLE);
    sim_end(cx);
    return NULL;
}

TEST(spots, what_can_not_be_read_is_asked_for)
{
    Server server;
    Place p;

    open_place(&p, 3);
    know_spot(&p, 1);
    evict(&p, 1);
    p.reader.how = READ_NOTHING;
    server.place = &p;
    EXPECT_EQ(pthread_create(&server.thread, NULL, serve, &server), 0);
    SIM_EXPECT(stamp_of(&p, 1) == 0xeeeeeeee);
    pthread_join(server.thread, NULL);
    EXPECT_EQ(p.reader.calls, 1);
    evict(&p, 1);
    SIM_EXPECT(!is_known(&p, 1));
}

static bool
die_reading(Ctx *cx, int no, void *arg)
{
    Place *p = arg;
    PageRef ref;

    (void)no;
    p->reader.how = READ_DIE;
    cx->page_reader = &p->reader.base;
    return page_pin(cx, p->rel, FORK_MAIN, 1, &ref) == ST_OK;
}

TEST(spots, what_a_dead_process_was_reading_is_the_stores)
{
    uint32_t idle;
    Server server;
    Ctx *janitor;
    pid_t pid;
    Place p;

    open_place(&p, 3);
    know_spot(&p, 1);
    evict(&p, 1);
    pid = sim_fork(p.engine, die_reading, 0, &p);
    SIM_EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(p.engine), pid, false), PROC_DEATH_OUTSIDE);
    EXPECT_EQ(page_io_take(p.cx, false, 1000), 0);
    janitor = sim_session(p.engine);
    SIM_OK(janitor, engine_janitor_step(janitor, &idle));
    server.place = &p;
    EXPECT_EQ(pthread_create(&server.thread, NULL, serve, &server), 0);
    SIM_EXPECT(stamp_of(&p, 1) == 0xeeeeeeee);
    pthread_join(server.thread, NULL);
}

static bool
clean_up(Ctx *cx, int no, void *arg)
{
    uint32_t idle;

    (void)no;
    (void)arg;
    return engine_janitor_step(cx, &idle) == ST_OK;
}

TEST(spots, what_a_process_was_reading_that_dies_while_another_is_buried_is_the_stores)
{
    pid_t pid, janitor;
    Server server;
    Place p;

    EXPECT(stop_board_create());
    open_place(&p, 3);
    know_spot(&p, 1);
    evict(&p, 1);
    stop_point_arm("janitor.pages_forgotten", 0);
    janitor = sim_fork(p.engine, clean_up, 0, NULL);
    EXPECT(stop_point_wait("janitor.pages_forgotten", 5000, NULL));
    pid = sim_fork(p.engine, die_reading, 0, &p);
    SIM_EXPECT(!sim_join(pid));
    EXPECT_EQ(proc_mark_dead(proc_table(p.engine), pid, false), PROC_DEATH_OUTSIDE);
    stop_point_release("janitor.pages_forgotten");
    EXPECT(sim_join(janitor));
    for (uint32_t no = 0; no < proc_slot_count(proc_table(p.engine)); no++)
        EXPECT_EQ(proc_slot(proc_table(p.engine), no)->reading, 0);
    server.place = &p;
    EXPECT_EQ(pthread_create(&server.thread, NULL, serve, &server), 0);
    SIM_EXPECT(stamp_of(&p, 1) == 0xeeeeeeee);
    pthread_join(server.thread, NULL);
}

TEST(spots, the_table_forgets_and_does_not_mix_up)
{
    enum { MANY = 100000 };
    uint32_t found = 0;
    Place p;

    open_place(&p, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        PageSpot spot = {.file = i + 1, .offset = i * 3, .bytes = i % PAGE_SPOT_BYTES_MOST};
        PageId id = {.branch = 1 + i % 7, .relation = 9 + i % 11, .block = i, .fork = (uint8_t)(i % 2)};

        page_spots_put(p.cx->proc, id, &spot);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        PageId id = {.branch = 1 + i % 7, .relation = 9 + i % 11, .block = i, .fork = (uint8_t)(i % 2)};
        PageSpot spot;

        if (!page_spots_take(p.cx->proc, id, &spot))
            continue;
        found++;
        SIM_EXPECT(spot.file == i + 1 && spot.offset == i * 3 && spot.bytes == i % PAGE_SPOT_BYTES_MOST);
        SIM_EXPECT(!page_spots_take(p.cx->proc, id, &spot));
    }
    SIM_EXPECT(found > 1024 * 13); /* of the 15 places for each of 1024 frames */
}
