/* Stored images that nobody reads any more (store_thin.h): which go, when, and what happens if that fails. The relations and forks are those
 * of an engine in memory; the store is RocksDB, with images that are put there by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmem/pagecache/cache_rel.h"
#include "shmem/pagecache/page.h"
#include "shmem/pagecache/pagecache.h"
#include "sim.h"
#include "storage/store/store_thin.h"

enum { FORKS = 3, MANY_PAGES = 700 };

typedef struct Place {
    char folder[64];
    PageStore base; /* passes on to the other, or fails */
    PageStore *store;
    bool scan_fails, flush_fails;
    uint32_t full_after; /* so many batches: then the disk is full */
    Ctx *cx;
    SimTable table;
    CacheRel *rel;
    BranchId child[FORKS];
    uint64_t fork[FORKS];
    uint32_t flushes;
    StoreThin thin;
} Place;

static Place *
place_of(PageStore *store)
{
    return (Place *)((char *)store - offsetof(Place, base));
}

static Status
scan_old(Ctx *cx, PageStore *store, PageId from, bool (*each)(void *arg, PageId id, uint64_t epoch), void *arg)
{
    Place *p = place_of(store);

    TRY(p->store->methods->scan_old(cx, p->store, from, each, arg));
    return p->scan_fails ? fail(cx, ST_CORRUPT, "XX001", "a block is damaged") : ST_OK;
}

static Status
apply(Ctx *cx, PageStore *store, StoreBatch *batch)
{
    Place *p = place_of(store);

    if (p->full_after == 0)
        return fail(cx, ST_IO, "53100", "no space left on device");
    p->full_after--;
    return p->store->methods->apply(cx, p->store, batch);
}

static Status
flush(Ctx *cx, PageStore *store)
{
    Place *p = place_of(store);

    if (p->flush_fails)
        return fail(cx, ST_IO, "53100", "no space left on device");
    p->flushes++;
    return p->store->methods->flush(cx, p->store);
}

static const PageStoreMethods methods = {.scan_old = scan_old, .apply = apply, .flush = flush};

/* Forked at three moments; a fork ends the epoch that it is named by. */
static void
make_place(Place *p)
{
    StoreOptions o = {.compression = STORE_COMPRESS_LZ4, .background_threads = 2};
    BranchId root;

    *p = (Place){.folder = "/tmp/helios-thin-XXXXXX",
                 .base.methods = &methods,
                 .full_after = UINT32_MAX,
                 .cx = sim_session(sim_engine())};
    EXPECT(mkdtemp(p->folder) != NULL);
    o.path = p->folder;
    SIM_OK(p->cx, store_rocks_open(p->cx, &o, &p->store));
    sim_begin(p->cx);
    SIM_OK(p->cx, engine_branch_create(p->cx, &root));
    sim_commit(p->cx);
    sim_table(p->cx, &p->table);
    p->rel = cache_rel(p->cx, root, p->table.heap.relation);
    for (int i = 0; i < FORKS; i++) {
        sim_begin(p->cx);
        SIM_OK(p->cx, engine_branch_fork(p->cx, root, &p->child[i]));
        sim_commit(p->cx);
        p->fork[i] = cache_rel(p->cx, p->child[i], p->table.heap.relation)->fork_epoch;
    }
    p->rel->old_stored = 1;
}

static void
remove_place(Place *p)
{
    char command[128];

    store_thin_end(&p->thin);
    p->store->methods->close(p->cx, p->store);
    snprintf(command, sizeof(command), "rm -r %s", p->folder);
    EXPECT_EQ(system(command), 0);
    sim_end(p->cx);
}

static void
drop_child(Place *p, int no)
{
    sim_begin(p->cx);
    SIM_OK(p->cx, engine_branch_drop(p->cx, p->child[no]));
    sim_commit(p->cx);
}

/* An image as of the fork `no` of each page. */
static void
put_images(Place *p, int no, uint32_t pages)
{
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES] = {0};

    page_header(page)->epoch = p->fork[no];
    for (uint32_t i = 0; i < pages; i++)
        store_batch_put_old(batch, (PageId){.branch = p->rel->branch, .relation = p->rel->relation, .block = i},
                            page);
    SIM_OK(p->cx, p->store->methods->apply(p->cx, p->store, batch));
    store_batch_free(batch);
}

/* Each fork has an image of each of many pages. */
static void
make_large_place(Place *p)
{
    make_place(p);
    for (int i = 0; i < FORKS; i++)
        put_images(p, i, MANY_PAGES);
}

typedef struct Count {
    uint64_t epoch;
    uint32_t count;
} Count;

static bool
count_one(void *arg, PageId id, uint64_t epoch)
{
    Count *c = arg;

    (void)id;
    c->count += epoch == c->epoch;
    return true;
}

static uint32_t
count_images(Place *p, int no)
{
    Count c = {.epoch = p->fork[no]};

    SIM_OK(p->cx, p->store->methods->scan_old(p->cx, p->store,
                                              (PageId){.branch = p->rel->branch, .relation = p->rel->relation},
                                              count_one, &c));
    return c.count;
}

/* How many steps it took. */
static uint32_t
thin(Place *p)
{
    uint32_t steps = 0;

    store_thin_begin(p->cx, &p->thin);
    for (; !store_thin_is_done(&p->thin); steps++) {
        EXPECT(steps < 100);
        SIM_OK(p->cx, store_thin_step(p->cx, &p->thin, &p->base));
    }
    return steps;
}

static void
expect_images(Place *p, uint32_t first, uint32_t second, uint32_t third)
{
    EXPECT_EQ(count_images(p, 0), first);
    EXPECT_EQ(count_images(p, 1), second);
    EXPECT_EQ(count_images(p, 2), third);
}

TEST(thin, what_the_child_that_went_has_read_goes_and_no_more)
{
    Place p;

    make_place(&p);
    put_images(&p, 0, 10);
    put_images(&p, 1, 20);
    put_images(&p, 2, 5);
    EXPECT_EQ(thin(&p), 0);
    drop_child(&p, 1);
    EXPECT_EQ(thin(&p), 1);
    expect_images(&p, 10, 15, 5); /* of the other fifteen pages the third child reads it */
    EXPECT_EQ(thin(&p), 0);
    remove_place(&p);
}

TEST(thin, an_image_that_a_later_fork_reads_as_well_stays)
{
    Place p;

    make_place(&p);
    put_images(&p, 0, 10);
    drop_child(&p, 0);
    (void)thin(&p);
    expect_images(&p, 10, 0, 0);
    drop_child(&p, 1);
    (void)thin(&p);
    expect_images(&p, 10, 0, 0);
    remove_place(&p);
}

TEST(thin, who_goes_while_the_images_are_looked_through_is_not_forgotten)
{
    Place p;

    make_large_place(&p);
    drop_child(&p, 0);
    store_thin_begin(p.cx, &p.thin);
    SIM_OK(p.cx, store_thin_step(p.cx, &p.thin, &p.base));
    EXPECT(p.thin.under_way);
    drop_child(&p, 1);
    EXPECT(thin(&p) > 2); /* of the second child, too, from where it was, and then from the beginning */
    expect_images(&p, 0, 0, MANY_PAGES);
    EXPECT_EQ(thin(&p), 0);
    remove_place(&p);
}

TEST(thin, another_checkpoint_does_not_begin_again)
{
    uint32_t steps = 0, alone;
    Place p;

    for (int with_checkpoints = 0; with_checkpoints < 2; with_checkpoints++) {
        make_large_place(&p);
        drop_child(&p, 0);
        alone = steps;
        steps = 0;
        store_thin_begin(p.cx, &p.thin);
        for (; !store_thin_is_done(&p.thin) && steps < 100; steps++) {
            SIM_OK(p.cx, store_thin_step(p.cx, &p.thin, &p.base));
            if (with_checkpoints)
                store_thin_begin(p.cx, &p.thin);
        }
        expect_images(&p, 0, MANY_PAGES, MANY_PAGES);
        remove_place(&p);
    }
    EXPECT(alone > 2);
    EXPECT(steps <= alone + 1); /* one to see that there is no more to do */
}

/* A few of many are not worth to write the files anew: nothing is made durable for them. */
TEST(thin, room_is_given_back_for_many_images_only)
{
    Place p;

    make_place(&p);
    put_images(&p, 0, 100);
    for (int i = 1; i < FORKS; i++)
        put_images(&p, i, MANY_PAGES);
    drop_child(&p, 0);
    (void)thin(&p);
    expect_images(&p, 0, MANY_PAGES, MANY_PAGES);
    EXPECT_EQ(p.flushes, 0);
    drop_child(&p, 1);
    (void)thin(&p);
    expect_images(&p, 0, 0, MANY_PAGES);
    EXPECT_EQ(p.flushes, 1);
    remove_place(&p);
}

/* More than are looked at (CACHE_FORKS_MOST): nothing goes. */
TEST(thin, with_too_many_forks_all_images_stay)
{
    BranchId more[CACHE_FORKS_MOST];
    Place p;

    make_place(&p);
    put_images(&p, 0, 10);
    put_images(&p, 1, 10);
    for (int i = 0; i < CACHE_FORKS_MOST; i++) {
        sim_begin(p.cx);
        SIM_OK(p.cx, engine_branch_fork(p.cx, p.rel->branch, &more[i]));
        sim_commit(p.cx);
    }
    drop_child(&p, 0);
    EXPECT_EQ(thin(&p), 1);
    expect_images(&p, 10, 10, 0);
    for (int i = 0; i < 2; i++) {
        sim_begin(p.cx);
        SIM_OK(p.cx, engine_branch_drop(p.cx, more[i]));
        sim_commit(p.cx);
    }
    EXPECT_EQ(thin(&p), 1);
    expect_images(&p, 0, 10, 0);
    remove_place(&p);
}

TEST(thin, many_images_go_in_portions)
{
    Place p;

    make_large_place(&p);
    drop_child(&p, 0);
    drop_child(&p, 1);
    EXPECT(thin(&p) > 2);
    expect_images(&p, 0, 0, MANY_PAGES);
    remove_place(&p);
}

TEST(thin, what_can_not_be_read_stays_until_another_checkpoint)
{
    Place p;

    make_place(&p);
    put_images(&p, 0, 10);
    put_images(&p, 1, 10);
    drop_child(&p, 0);
    p.scan_fails = true;
    EXPECT_EQ(thin(&p), 1);
    expect_images(&p, 10, 10, 0);
    p.scan_fails = false;
    EXPECT_EQ(thin(&p), 1);
    expect_images(&p, 0, 10, 0);
    remove_place(&p);
}

static void
expect_full(Place *p)
{
    EXPECT_EQ(store_thin_step(p->cx, &p->thin, &p->base), ST_IO);
    EXPECT_STR(p->cx->error.sqlstate, "53100");
    ctx_error_clear(p->cx);
    EXPECT(!store_thin_is_done(&p->thin));
}

/* Wherever the disk is full, the next step does it again. */
TEST(thin, what_can_not_be_written_is_done_again)
{
    uint32_t steps = 0;
    Place p;

    make_large_place(&p);
    drop_child(&p, 0);
    store_thin_begin(p.cx, &p.thin);
    for (; !store_thin_is_done(&p.thin); steps++) {
        EXPECT(steps < 100);
        if (p.thin.rels.bytes > 0) {
            p.full_after = 0; /* what a portion deletes */
            expect_full(&p);
            p.full_after = 1; /* that files are to be written anew, with the last portion */
            if (store_thin_step(p.cx, &p.thin, &p.base) == ST_OK)
                continue;
            EXPECT_STR(p.cx->error.sqlstate, "53100");
            ctx_error_clear(p.cx);
        } else {
            p.flush_fails = true;
            expect_full(&p);
            p.flush_fails = false;
        }
        p.full_after = UINT32_MAX;
        SIM_OK(p.cx, store_thin_step(p.cx, &p.thin, &p.base));
    }
    expect_images(&p, 0, MANY_PAGES, MANY_PAGES);
    EXPECT_EQ(p.flushes, 1);
    EXPECT_EQ(thin(&p), 0);
    remove_place(&p);
}
