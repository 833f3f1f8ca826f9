/* Room of what was dropped (rocks_gone.h): it comes back, of that alone, and not before the deletion is durable. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "harness.h"
#include "shmem/pagecache/page.h"
#include "storage/store/page_store.h"

enum { PAGES = 400, KEPT = 17, DROPPED = 18, SMALL = 19, OTHER = 30, SMALL_PAGES = 20, OLD_EPOCH = 5 };

typedef struct Place {
    char folder[64];
    PageStore *store;
    StoreBatch *batch;
} Place;

static void
open_place(Place *p)
{
    StoreOptions o = {.path = p->folder, .compression = STORE_COMPRESS_LZ4, .background_threads = 2};

    EXPECT_OK(store_rocks_open(test_ctx(), &o, &p->store));
}

static void
make_folder(Place *p)
{
    *p = (Place){.folder = "/tmp/helios-gone-XXXXXX", .batch = store_batch_new()};
    EXPECT(mkdtemp(p->folder) != NULL);
}

static void
make_place(Place *p)
{
    make_folder(p);
    open_place(p);
}

static void
close_place(Place *p)
{
    p->store->methods->close(test_ctx(), p->store);
}

static void
remove_place(Place *p)
{
    char command[128];

    close_place(p);
    store_batch_free(p->batch);
    snprintf(command, sizeof(command), "rm -r %s", p->folder);
    EXPECT_EQ(system(command), 0);
}

static void
apply(Place *p)
{
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, p->batch));
    store_batch_clear(p->batch);
}

static void
flush(Place *p)
{
    EXPECT_OK(p->store->methods->flush(test_ctx(), p->store));
}

static PageId
id_of(RelationId relation, uint32_t block)
{
    return (PageId){.branch = 3, .relation = relation, .block = block};
}

/* Nothing makes it smaller. */
static void
make_page(PageId id, char page[PAGE_BYTES])
{
    for (uint32_t i = 0; i < PAGE_BYTES; i += sizeof(uint64_t)) {
        uint64_t word = hash_u64((uint64_t)id.relation << 40 | (uint64_t)id.block << 16 | i);

        memcpy(page + i, &word, sizeof(word));
    }
}

static void
write_pages(Place *p, RelationId relation, uint32_t count, uint64_t epoch)
{
    char page[PAGE_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        make_page(id_of(relation, i), page);
        page_header(page)->epoch = epoch;
        if (epoch != 0)
            store_batch_put_old(p->batch, id_of(relation, i), page);
        else
            store_batch_put_page(p->batch, id_of(relation, i), page);
    }
    apply(p);
}

static void
expect_pages(Place *p, RelationId relation, uint32_t count, uint64_t epoch, StoreFound found)
{
    char page[PAGE_BYTES], expected[PAGE_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        StoreRead r = {.id = id_of(relation, i), .epoch = epoch, .page = page};

        EXPECT_OK(p->store->methods->read(test_ctx(), p->store, &r, 1));
        EXPECT_EQ(r.found, found);
        make_page(r.id, expected);
        page_header(expected)->epoch = epoch;
        EXPECT(found != STORE_FOUND || memcmp(page, expected, PAGE_BYTES) == 0);
    }
}

static uint64_t
file_bytes(Place *p)
{
    StoreStats stats;

    p->store->methods->stats(test_ctx(), p->store, &stats);
    return stats.file_bytes;
}

static void
merge(Place *p)
{
    p->store->methods->merge(test_ctx(), p->store);
}

static void
nap(uint32_t *naps)
{
    const useconds_t nap_us = 1000;

    EXPECT(++*naps < 60000);
    usleep(nap_us);
}

/* As the cleaner does, until no more than `pages` are left in files. */
static void
expect_shrinks_to(Place *p, uint32_t pages)
{
    for (uint32_t naps = 0; file_bytes(p) > (uint64_t)pages * PAGE_BYTES * 5 / 4;) {
        merge(p);
        nap(&naps);
    }
}

/* As RocksDB has written them down last. */
static bool
options_say(const Place *p, const char *text)
{
    char command[256];

    snprintf(command, sizeof(command), "grep -q '%s$' $(ls %s/OPTIONS-* | tail -1)", text, p->folder);
    return system(command) == 0;
}

static void
expect_no_hurry(Place *p)
{
    merge(p);
    EXPECT(options_say(p, "level0_file_num_compaction_trigger=4"));
}

/* Nothing is asked of RocksDB, so there is nothing to wait for: no young file is to be merged at once. */
static void
expect_nothing_merged(Place *p)
{
    uint64_t before = file_bytes(p);

    merge(p);
    EXPECT(options_say(p, "level0_file_num_compaction_trigger=4"));
    expect_no_hurry(p);
    EXPECT_EQ(file_bytes(p), before);
}

static void
drop(Place *p, RelationId relation)
{
    store_batch_delete_pages(p->batch, 3, relation);
    apply(p);
}

/* Lets RocksDB merge everything into files of the last level; of another relation most was dropped. */
static void
merge_all(Place *p, uint32_t pages)
{
    write_pages(p, OTHER, PAGES * 2, 0);
    flush(p);
    drop(p, OTHER);
    flush(p);
    expect_shrinks_to(p, pages);
}

/* Two relations. */
static void
fill(Place *p)
{
    make_place(p);
    write_pages(p, KEPT, PAGES, 0);
    write_pages(p, DROPPED, PAGES, 0);
    write_pages(p, DROPPED, PAGES, OLD_EPOCH);
    flush(p);
    merge(p);
}

/* What was not flushed when it is killed is not there. Only in a process that has not opened a store: RocksDB's threads are not copied. */
static void
in_killed_process(Place *p, void (*work)(Place *p))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        open_place(p);
        work(p);
        raise(SIGKILL);
    }
    EXPECT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(gone, a_dropped_relation_leaves_no_room_taken)
{
    Place p;

    fill(&p);
    drop(&p, DROPPED);
    flush(&p);
    expect_shrinks_to(&p, PAGES);
    expect_no_hurry(&p);
    expect_pages(&p, KEPT, PAGES, 0, STORE_FOUND);
    expect_pages(&p, DROPPED, PAGES, 0, STORE_MISSING);
    expect_pages(&p, DROPPED, PAGES, OLD_EPOCH, STORE_MISSING);
    /* now most lies on the last level, and again */
    write_pages(&p, DROPPED + 1, PAGES, 0);
    flush(&p);
    drop(&p, KEPT);
    flush(&p);
    expect_shrinks_to(&p, PAGES);
    expect_pages(&p, DROPPED + 1, PAGES, 0, STORE_FOUND);
    expect_pages(&p, KEPT, PAGES, 0, STORE_MISSING);
    remove_place(&p);
}

static void
write_and_merge(Place *p)
{
    write_pages(p, KEPT, PAGES, 0);
    flush(p);
    merge_all(p, PAGES);
}

static void
drop_and_merge(Place *p)
{
    drop(p, KEPT);
    merge(p);
    merge(p);
}

/* KEPT alone makes up whole files, which would be deleted at once. */
TEST(gone, a_deletion_that_is_not_durable_frees_nothing)
{
    Place p;

    make_folder(&p);
    in_killed_process(&p, write_and_merge);
    in_killed_process(&p, drop_and_merge);
    open_place(&p);
    expect_pages(&p, KEPT, PAGES, 0, STORE_FOUND);
    drop(&p, KEPT);
    expect_nothing_merged(&p);
    flush(&p);
    expect_shrinks_to(&p, 1);
    remove_place(&p);
}

/* The relation lives: what is written there afterwards stays, also if it makes up whole files. */
TEST(gone, older_images_go_and_new_ones_come)
{
    Place p;

    make_place(&p);
    write_pages(&p, KEPT, PAGES, OLD_EPOCH);
    flush(&p);
    merge(&p);
    store_batch_delete_old(p.batch, 3, KEPT);
    apply(&p);
    flush(&p);
    write_pages(&p, KEPT, PAGES, OLD_EPOCH + 1);
    flush(&p);
    expect_shrinks_to(&p, PAGES);
    merge_all(&p, PAGES);
    expect_pages(&p, KEPT, PAGES, OLD_EPOCH, STORE_MISSING);
    expect_pages(&p, KEPT, PAGES, OLD_EPOCH + 1, STORE_FOUND);
    remove_place(&p);
}

TEST(gone, a_little_waits_for_more)
{
    Place p;

    fill(&p);
    write_pages(&p, SMALL, SMALL_PAGES, 0);
    drop(&p, SMALL); /* RocksDB finds out */
    write_pages(&p, SMALL + 1, SMALL_PAGES, 0);
    flush(&p);
    drop(&p, SMALL + 1);
    flush(&p);
    expect_nothing_merged(&p);
    drop(&p, DROPPED);
    flush(&p);
    expect_shrinks_to(&p, PAGES);
    expect_pages(&p, SMALL, SMALL_PAGES, 0, STORE_MISSING);
    expect_pages(&p, SMALL + 1, SMALL_PAGES, 0, STORE_MISSING);
    remove_place(&p);
}

/* More than a round takes, some of them neighbours. */
TEST(gone, many_relations_are_dropped_at_once)
{
    enum { RELATIONS = 1500, FIRST = 100 };
    Place p;

    fill(&p);
    for (RelationId r = FIRST; r < FIRST + RELATIONS; r++)
        write_pages(&p, r, 2, 0);
    flush(&p);
    for (RelationId r = FIRST; r < FIRST + RELATIONS; r += 1 + r % 3 / 2)
        store_batch_delete_pages(p.batch, 3, r);
    apply(&p);
    flush(&p);
    expect_shrinks_to(&p, 3 * PAGES + RELATIONS); /* two thirds are gone */
    for (RelationId r = FIRST; r < FIRST + RELATIONS; r += 1 + r % 3 / 2) {
        expect_pages(&p, r, 2, 0, STORE_MISSING);
        if (r % 3 == 2)
            expect_pages(&p, r + 1, 2, 0, r + 1 < FIRST + RELATIONS ? STORE_FOUND : STORE_MISSING);
    }
    remove_place(&p);
}
