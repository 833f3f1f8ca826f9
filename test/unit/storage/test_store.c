/* A page store in RocksDB, plain and encrypted: what is applied comes back, and nothing else is taken for it. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/stop_point.h"
#include "harness.h"
#include "shmem/pagecache/page.h"
#include "storage/store/page_store.h"
#include "storage/store/store_check.h"
#include "storage/store/store_meta.h"
#include "storage/store/store_seal.h"
#include "storage/txn/id_table.h"

enum { PAGES = 200 };

typedef struct Place {
    char folder[64];
    SealKey key;
    PageStore *store;
} Place;

static void
open_place(Place *p, const SealKey *key, StoreCompression compression)
{
    StoreOptions o = {.path = p->folder, .compression = compression, .data_key = key, .background_threads = 2};

    EXPECT_OK(store_rocks_open(test_ctx(), &o, &p->store));
}

static void
make_place(Place *p)
{
    *p = (Place){.folder = "/tmp/helios-store-XXXXXX"};
    EXPECT(mkdtemp(p->folder) != NULL);
    EXPECT(env_system()->random(env_system(), &p->key, sizeof(p->key)));
}

static void
close_place(Place *p)
{
    p->store->methods->close(test_ctx(), p->store);
    p->store = NULL;
}

static void
remove_place(Place *p)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", p->folder);
    EXPECT_EQ(system(command), 0);
}

static bool
files_show(const Place *p, const char *text)
{
    char command[256];

    snprintf(command, sizeof(command), "grep -rqa '%s' %s", text, p->folder);
    return system(command) == 0;
}

/* Some compress well, some do not at all. */
static void
make_page(uint32_t block, char page[PAGE_BYTES])
{
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        page[i] = block % 3 == 0 ? (char)hash_u64((uint64_t)block << 32 | i) : (char)(i / 64);
    memcpy(page + 100, "what only its owner may read", 28);
    memcpy(page, &block, sizeof(block));
}

static PageId
id_of(uint32_t block)
{
    return (PageId){.branch = 3, .relation = 17, .fork = 0, .block = block};
}

static void
write_pages(Place *p)
{
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES];

    for (uint32_t i = 0; i < PAGES; i++) {
        make_page(i, page);
        store_batch_put_page(batch, id_of(i), page);
    }
    store_batch_put(batch, "Mtest", 5, "its owner", 9);
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    EXPECT_OK(p->store->methods->flush(test_ctx(), p->store));
    store_batch_free(batch);
}

static StoreFound
read_page(Place *p, uint32_t block, char page[PAGE_BYTES])
{
    StoreRead r = {.id = id_of(block), .page = page};

    EXPECT_OK(p->store->methods->read(test_ctx(), p->store, &r, 1));
    return r.found;
}

static void
expect_pages(Place *p)
{
    char page[PAGE_BYTES], expected[PAGE_BYTES];
    Buf value = {0};
    bool found;

    for (uint32_t i = 0; i < PAGES; i++) {
        make_page(i, expected);
        EXPECT_EQ(read_page(p, i, page), STORE_FOUND);
        EXPECT(memcmp(page, expected, PAGE_BYTES) == 0);
    }
    EXPECT_EQ(read_page(p, PAGES, page), STORE_MISSING);
    EXPECT_OK(p->store->methods->get(test_ctx(), p->store, "Mtest", 5, &value, &found));
    EXPECT(found && value.bytes == 9 && memcmp(value.data, "its owner", 9) == 0);
    buf_free(&value);
}

static void
write_and_read(StoreCompression compression, bool encrypted)
{
    Place p;

    make_place(&p);
    open_place(&p, encrypted ? &p.key : NULL, compression);
    write_pages(&p);
    expect_pages(&p);
    close_place(&p);
    EXPECT(compression == STORE_COMPRESS_NONE || files_show(&p, "its owner") == !encrypted);
    /* Whoever reads it need not know how it was compressed. */
    open_place(&p, encrypted ? &p.key : NULL, STORE_COMPRESS_NONE);
    expect_pages(&p);
    write_pages(&p); /* by another writer, among those of the first */
    expect_pages(&p);
    close_place(&p);
    EXPECT_EQ(files_show(&p, "its owner"), !encrypted);
    remove_place(&p);
}

TEST(page_store, pages_come_back)
{
    write_and_read(STORE_COMPRESS_LZ4, false);
}

TEST(page_store, pages_come_back_encrypted_and_compressed_in_every_way)
{
    write_and_read(STORE_COMPRESS_NONE, true);
    write_and_read(STORE_COMPRESS_LZ4, true);
    write_and_read(STORE_COMPRESS_ZSTD, true);
}

TEST(page_store, stats_say_what_is_in_files)
{
    StoreStats before, after;
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    p.store->methods->stats(test_ctx(), p.store, &before);
    EXPECT_EQ(before.level0_files, 0);
    EXPECT_EQ(before.file_bytes, 0);
    write_pages(&p);
    write_pages(&p);
    p.store->methods->stats(test_ctx(), p.store, &after);
    EXPECT_EQ(after.level0_files, 2);
    EXPECT(after.file_bytes > (uint64_t)PAGES * 2 / 3 * PAGE_BYTES); /* a third of them does not get smaller */
    close_place(&p);
    remove_place(&p);
}

/* ---- older images -------------------------------------------------------------------------------------------------- */

static void
put_images(Place *p, uint32_t block, const uint64_t *epochs, uint32_t count)
{
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        make_page(block, page);
        page_header(page)->epoch = epochs[i];
        store_batch_put_old(batch, id_of(block), page);
    }
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    store_batch_free(batch);
}

/* 0: there is none. */
static uint64_t
old_at(Place *p, uint32_t block, uint64_t epoch)
{
    char page[PAGE_BYTES];
    StoreRead r = {.id = id_of(block), .epoch = epoch, .page = page};

    EXPECT_OK(p->store->methods->read_old(test_ctx(), p->store, &r));
    if (r.found == STORE_MISSING)
        return 0;
    EXPECT_EQ(r.found, STORE_FOUND);
    EXPECT_EQ(page_header(page)->epoch, r.epoch);
    return r.epoch;
}

typedef struct Seen {
    uint32_t count, most;
    uint64_t last;
} Seen;

static bool
see(void *arg, PageId id, uint64_t epoch)
{
    Seen *s = arg;
    uint64_t place = (uint64_t)id.block << 32 | epoch;

    EXPECT(id.branch == 3 && id.relation == 17 && id.fork == 0);
    EXPECT(place > s->last);
    s->last = place;
    return ++s->count < s->most;
}

static uint32_t
count_old(Place *p, uint32_t from, uint32_t most)
{
    Seen s = {.most = most};

    EXPECT_OK(p->store->methods->scan_old(test_ctx(), p->store, id_of(from), see, &s));
    return s.count;
}

static void
find_images(bool encrypted)
{
    static const uint64_t epochs[] = {5, 9, UINT64_C(0x100000007)};
    Place p;

    make_place(&p);
    open_place(&p, encrypted ? &p.key : NULL, STORE_COMPRESS_LZ4);
    write_pages(&p);
    put_images(&p, 1, &epochs[1], 1);
    EXPECT_OK(p.store->methods->flush(test_ctx(), p.store));
    put_images(&p, 2, epochs, 3);
    put_images(&p, 4, epochs, 1);
    for (int i = 0; i < 2; i++) { /* from memory, and from files */
        EXPECT_EQ(old_at(&p, 2, 4), 0);
        EXPECT_EQ(old_at(&p, 2, 5), 5);
        EXPECT_EQ(old_at(&p, 2, 8), 5);
        EXPECT_EQ(old_at(&p, 2, 9), 9);
        EXPECT_EQ(old_at(&p, 2, UINT64_C(0x100000006)), 9);
        EXPECT_EQ(old_at(&p, 2, UINT64_C(1) << 60), UINT64_C(0x100000007));
        EXPECT_EQ(old_at(&p, 1, 8), 0);
        EXPECT_EQ(old_at(&p, 3, 100), 0);
        EXPECT_EQ(count_old(&p, 0, 100), 5);
        EXPECT_EQ(count_old(&p, 2, 100), 4);
        EXPECT_EQ(count_old(&p, 0, 2), 2);
        EXPECT_EQ(count_old(&p, 5, 100), 0);
        EXPECT_OK(p.store->methods->flush(test_ctx(), p.store));
    }
    close_place(&p);
    remove_place(&p);
}

TEST(page_store, of_older_images_the_one_of_a_moment_is_found)
{
    find_images(false);
    find_images(true);
}

static void
get_stored(Place *p, PageId id, Buf *out)
{
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, 0, key);
    bool found;

    EXPECT_OK(p->store->methods->get(test_ctx(), p->store, (char *)key, key_bytes, out, &found));
    EXPECT(found && out->bytes > 0);
}

static void
put_stored(Place *p, PageId id, const char *value, size_t bytes)
{
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, 0, key);
    StoreBatch *batch = store_batch_new();

    store_batch_put(batch, (char *)key, key_bytes, value, bytes);
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    EXPECT_OK(p->store->methods->flush(test_ctx(), p->store));
    store_batch_free(batch);
}

/* RocksDB opened without the key shows what lies there; so an enemy can put it elsewhere, or change it. */
TEST(page_store, an_encrypted_page_counts_in_its_place_only_and_unchanged)
{
    char page[PAGE_BYTES];
    Buf first = {0}, second = {0};
    Place p;

    make_place(&p);
    open_place(&p, &p.key, STORE_COMPRESS_LZ4);
    write_pages(&p);
    close_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    get_stored(&p, id_of(1), &first);
    get_stored(&p, id_of(2), &second);
    EXPECT(memmem(first.data, first.bytes, "its owner", 9) == NULL);
    put_stored(&p, id_of(1), second.data, second.bytes);
    put_stored(&p, id_of(2), first.data, first.bytes);
    second.data[second.bytes / 2] ^= 1;
    put_stored(&p, id_of(3), second.data, second.bytes);
    put_stored(&p, id_of(4), "short", 5);
    put_stored(&p, (PageId){.branch = 4, .relation = 17, .fork = 0, .block = 1}, first.data, first.bytes);
    close_place(&p);
    open_place(&p, &p.key, STORE_COMPRESS_LZ4);
    for (uint32_t i = 1; i <= 4; i++)
        EXPECT_EQ(read_page(&p, i, page), STORE_DAMAGED);
    EXPECT_EQ(read_page(&p, 5, page), STORE_FOUND);
    {
        StoreRead r = {.id = {.branch = 4, .relation = 17, .fork = 0, .block = 1}, .page = page};

        EXPECT_OK(p.store->methods->read(test_ctx(), p.store, &r, 1));
        EXPECT_EQ(r.found, STORE_DAMAGED);
    }
    close_place(&p);
    buf_free(&first);
    buf_free(&second);
    remove_place(&p);
}

TEST(page_store, with_another_key_nothing_can_be_read)
{
    SealKey other = {{1, 2, 3}};
    char page[PAGE_BYTES];
    Place p;

    make_place(&p);
    open_place(&p, &p.key, STORE_COMPRESS_LZ4);
    write_pages(&p);
    close_place(&p);
    open_place(&p, &other, STORE_COMPRESS_LZ4);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(read_page(&p, i, page), STORE_DAMAGED);
    close_place(&p);
    remove_place(&p);
}

/* ---- the superblock ------------------------------------------------------------------------------------------------ */

static const StoreSuper good_super = {.version = STORE_FORMAT_VERSION,
                                      .redo = WAL_FIRST_LSN + 800,
                                      .durable = WAL_FIRST_LSN + 816,
                                      .trimmed = 1024,
                                      .next_xid = 5000,
                                      .last_csn = 77};

static Status
write_and_read_super(Place *p, const StoreSuper *super)
{
    StoreBatch *batch = store_batch_new();
    bool found = false;
    StoreSuper read;
    Status rc;

    store_super_put(batch, super);
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    store_batch_free(batch);
    rc = store_super_read(test_ctx(), p->store, &read, &found);
    EXPECT(found);
    EXPECT(rc != ST_OK || memcmp(&read, super, sizeof(read)) == 0);
    return rc;
}

TEST(page_store, a_superblock_that_makes_no_sense_is_refused)
{
    Place p;
#define BAD_SUPER(field, value)                                                                                \
    do {                                                                                                       \
        StoreSuper bad = good_super;                                                                           \
                                                                                                               \
        bad.field = (value);                                                                                   \
        EXPECT_EQ(write_and_read_super(&p, &bad), ST_CORRUPT);                                                 \
        EXPECT_STR(test_ctx()->error.sqlstate, "XX001");                                                       \
    } while (0)

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    EXPECT_OK(write_and_read_super(&p, &good_super));
    BAD_SUPER(version, 7);
    BAD_SUPER(features, 1);
    BAD_SUPER(redo, good_super.redo + 4);
    BAD_SUPER(redo, WAL_FIRST_LSN - 8);
    BAD_SUPER(redo, 0);
    BAD_SUPER(redo, good_super.durable + 8);
    BAD_SUPER(durable, 0);
    BAD_SUPER(trimmed, good_super.next_xid + 1);
    BAD_SUPER(trimmed, 0);
    BAD_SUPER(next_xid, UINT64_C(1) << 62);
    BAD_SUPER(last_csn, UINT64_MAX);
    {
        StoreSuper first = good_super; /* of a new store */

        first.redo = WAL_FIRST_LSN;
        first.durable = 0;
        first.trimmed = first.next_xid = XID_FIRST;
        EXPECT_OK(write_and_read_super(&p, &first));
    }
    close_place(&p);
    remove_place(&p);
#undef BAD_SUPER
}

/* ---- damaged files -------------------------------------------------------------------------------------------------- */

static void
damage_file(const Place *p)
{
    char command[256];

    snprintf(command, sizeof(command),
             "for f in %s/*.sst; do printf xxxx | dd of=$f bs=1 seek=2000 conv=notrunc status=none; done",
             p->folder);
    EXPECT_EQ(system(command), 0);
}

static bool
meets_damage(Place *p)
{
    char page[PAGE_BYTES];
    uint32_t damaged = 0;

    for (uint32_t i = 0; i < PAGES; i++)
        damaged += read_page(p, i, page) == STORE_DAMAGED;
    return damaged > 0;
}

/* As RocksDB has written it down last. */
static bool
is_merging(const Place *p)
{
    char command[256];

    snprintf(command, sizeof(command), "grep -q disable_auto_compactions=false $(ls %s/OPTIONS-* | tail -1)",
             p->folder);
    return system(command) == 0;
}

static void *
begin_merging(void *arg)
{
    Place *p = arg;

    p->store->methods->merge(test_ctx(), p->store);
    return NULL;
}

static void
remove_damaged_place(Place *p)
{
    char path[128];

    snprintf(path, sizeof(path), "%s.damaged", p->folder);
    EXPECT_EQ(unlink(path), 0);
    remove_place(p);
}

TEST(page_store, damage_that_is_noticed_while_merging_begins_ends_it)
{
    pthread_t thread;
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    write_pages(&p);
    begin_merging(&p);
    EXPECT(is_merging(&p));
    close_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    EXPECT(stop_board_create());
    stop_point_arm("store.before_merging", 0);
    EXPECT_EQ(pthread_create(&thread, NULL, begin_merging, &p), 0);
    EXPECT(stop_point_wait("store.before_merging", 10000, NULL));
    damage_file(&p);
    EXPECT(meets_damage(&p));
    stop_point_release("store.before_merging");
    pthread_join(thread, NULL);
    EXPECT(!is_merging(&p));
    close_place(&p);
    remove_damaged_place(&p);
}

/* An environment that notes which folder was made durable. */
static int folder_fd, folder_syncs;

static int
note_open(Env *env, const char *path, int flags, mode_t mode)
{
    int fd = env_system()->open(env_system(), path, flags, mode);

    (void)env;
    if (strcmp(path, "/tmp") == 0)
        folder_fd = fd;
    return fd;
}

static int
note_sync(Env *env, int fd)
{
    (void)env;
    folder_syncs += fd == folder_fd;
    return env_system()->sync(env_system(), fd);
}

TEST(page_store, the_mark_of_damage_is_made_durable_with_its_folder)
{
    Env *before = test_ctx()->env, noting = *before;
    char page[PAGE_BYTES];
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    write_pages(&p);
    damage_file(&p);
    folder_fd = -1;
    noting.open = note_open;
    noting.sync = note_sync;
    test_ctx()->env = &noting;
    for (uint32_t i = 0; i < PAGES; i++)
        (void)read_page(&p, i, page);
    test_ctx()->env = before;
    EXPECT_EQ(folder_syncs, 1);
    close_place(&p);
    remove_damaged_place(&p);
}

/* ---- a full disk --------------------------------------------------------------------------------------------------- */

static _Atomic int write_error;

/* In place of the library's, also for RocksDB. */
ssize_t
write(int fd, const void *data, size_t bytes)
{
    if (write_error != 0) {
        errno = write_error;
        return -1;
    }
    return syscall(SYS_write, fd, data, bytes);
}

static Status
write_a_page(Place *p, uint32_t block)
{
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES];
    Status rc;

    make_page(block, page);
    store_batch_put_page(batch, id_of(block), page);
    rc = p->store->methods->apply(test_ctx(), p->store, batch);
    store_batch_free(batch);
    return rc == ST_OK ? p->store->methods->flush(test_ctx(), p->store) : rc;
}

static void
expect_full(Place *p)
{
    char page[PAGE_BYTES];

    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(write_a_page(p, PAGES + 1), ST_IO);
        EXPECT_STR(test_ctx()->error.sqlstate, "53100");
        EXPECT_EQ(read_page(p, 1, page), STORE_FOUND);
        EXPECT_EQ(read_page(p, PAGES + 1, page), STORE_FOUND); /* in memory */
    }
}

static void
await_space(Place *p)
{
    enum { TRIES = 300, NAP_US = 100 * 1000 };

    for (int tries = 0; write_a_page(p, PAGES + 2) != ST_OK; tries++) {
        EXPECT_STR(test_ctx()->error.sqlstate, "53100");
        EXPECT(tries < TRIES);
        usleep(NAP_US);
    }
}

/* Is what was written in a file when the call that flushes it returns? */
static void
expect_flushes(Place *p)
{
    for (uint32_t i = 3; i < 13; i++) {
        StoreStats before, after;

        p->store->methods->stats(test_ctx(), p->store, &before);
        EXPECT_OK(write_a_page(p, PAGES + i));
        p->store->methods->stats(test_ctx(), p->store, &after);
        EXPECT(after.file_bytes > before.file_bytes);
    }
}

/* Twice: what RocksDB does not forget of the first time must not hide the second. */
TEST(page_store, a_full_disk_passes_and_then_a_flush_is_one)
{
    char page[PAGE_BYTES];
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    write_pages(&p);
    expect_flushes(&p);
    for (int times = 0; times < 2; times++) {
        write_error = ENOSPC;
        expect_full(&p);
        write_error = 0;
        await_space(&p);
        expect_flushes(&p);
    }
    close_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    for (uint32_t i = 0; i < PAGES + 13; i++)
        EXPECT_EQ(read_page(&p, i, page), i == PAGES ? STORE_MISSING : STORE_FOUND);
    close_place(&p);
    remove_place(&p);
}

/* RocksDB does not forgive it: when there is space again it is no lack of space any more that keeps it from writing. */
TEST(page_store, a_quota_that_is_used_up_is_a_full_disk_until_there_is_space)
{
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    write_pages(&p);
    write_error = EDQUOT;
    expect_full(&p);
    write_error = 0;
    EXPECT_EQ(write_a_page(&p, PAGES + 2), ST_IO);
    EXPECT_STR(test_ctx()->error.sqlstate, "58030");
    close_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    expect_pages(&p);
    EXPECT_OK(write_a_page(&p, PAGES + 1));
    close_place(&p);
    remove_place(&p);
}

/* ---- pages that can not be read ------------------------------------------------------------------------------------ */

static void
rename_files(const Place *p, const char *from, const char *to)
{
    char command[256];

    snprintf(command, sizeof(command), "cd %s && for f in *.%s; do mv $f ${f%%.*}.%s; done", p->folder, from,
             to);
    EXPECT_EQ(system(command), 0);
}

/* So many files that RocksDB does not open all of them at once; then they are out of reach for a while. */
TEST(page_store, what_can_not_be_read_now_is_not_damaged)
{
    enum { FILES = 180 };
    uint32_t failed = 0;
    char page[PAGE_BYTES];
    Place p;

    make_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    for (uint32_t i = 0; i < FILES; i++) {
        StoreBatch *batch = store_batch_new();

        make_page(i, page);
        store_batch_put_page(batch, id_of(i), page);
        EXPECT_OK(p.store->methods->apply(test_ctx(), p.store, batch));
        EXPECT_OK(p.store->methods->flush(test_ctx(), p.store));
        store_batch_free(batch);
    }
    close_place(&p);
    open_place(&p, NULL, STORE_COMPRESS_LZ4);
    rename_files(&p, "sst", "away");
    for (uint32_t i = 0; i < FILES; i++) {
        StoreRead r = {.id = id_of(i), .page = page};
        Status rc = p.store->methods->read(test_ctx(), p.store, &r, 1);

        if (rc == ST_OK) {
            EXPECT_EQ(r.found, STORE_FOUND);
            continue;
        }
        EXPECT_EQ(rc, ST_IO);
        EXPECT_STR(test_ctx()->error.sqlstate, "58030");
        EXPECT(strstr(test_ctx()->error.message, "of relation 17 from the page store") != NULL);
        failed++;
    }
    EXPECT(failed > 0);
    rename_files(&p, "away", "sst");
    for (uint32_t i = 0; i < FILES; i++)
        EXPECT_EQ(read_page(&p, i, page), STORE_FOUND);
    close_place(&p);
    remove_place(&p);
}

static void
note_found(void *arg, PageId where, const char *what)
{
    EXPECT_EQ(where.block, 5);
    EXPECT(strstr(what, "had to be done again") != NULL);
    ++*(uint32_t *)arg;
}

static void
lose_a_page(const SealKey *key, Place *p)
{
    uint32_t seen = 0;
    DamageReport report = {.found = note_found, .arg = &seen};
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES];
    uint64_t pages = 0;

    open_place(p, key, STORE_COMPRESS_LZ4);
    write_pages(p);
    store_batch_put_lost(batch, id_of(5), 0x1234560);
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    EXPECT_EQ(read_page(p, 5, page), STORE_DAMAGED);
    EXPECT_OK(p->store->methods->flush(test_ctx(), p->store));
    close_place(p);
    open_place(p, key, STORE_COMPRESS_LZ4);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(read_page(p, i, page), i == 5 ? STORE_DAMAGED : STORE_FOUND);
    EXPECT_OK(store_check_pages(test_ctx(), p->store, &report, &pages));
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(pages, PAGES);
    store_batch_clear(batch);
    store_batch_delete_pages(batch, 3, 17);
    EXPECT_OK(p->store->methods->apply(test_ctx(), p->store, batch));
    EXPECT_EQ(read_page(p, 5, page), STORE_MISSING);
    store_batch_free(batch);
    close_place(p);
}

TEST(page_store, a_lost_page_stays_damaged_until_it_is_deleted)
{
    Place p;

    make_place(&p);
    lose_a_page(NULL, &p);
    remove_place(&p);
    make_place(&p);
    lose_a_page(&p.key, &p);
    remove_place(&p);
}
