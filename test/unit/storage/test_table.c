/* Pages read from RocksDB's table files without RocksDB: the spots that the store finds, and files that are not what they
 * should be. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "shmem/pagecache/page_spots.h"
#include "sim.h"
#include "storage/store/page_direct.h"
#include "storage/store/page_store.h"
#include "storage/store/table_files.h"
#include "storage/store/table_format.h"

enum { PAGES = 120 };

typedef struct Place {
    char folder[64];
    Engine *engine;
    Ctx *cx;
    PageStore *store;
} Place;

/* Some compress well, some do not at all. */
static void
make_page(uint32_t block, uint32_t version, char page[PAGE_BYTES])
{
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        page[i] = block % 3 == 0 ? (char)hash_u64((uint64_t)block << 32 | i) : (char)(i / 64 + block);
    memcpy(page, &block, sizeof(block));
    memcpy(page + 4, &version, sizeof(version));
}

static PageId
id_of(uint32_t block)
{
    return (PageId){.branch = 3, .relation = 17, .fork = 0, .block = block};
}

static void
open_place(Place *p, StoreCompression compression)
{
    StoreOptions o = {.compression = compression, .background_threads = 2, .index_bytes = 1 << 20};

    EngineOptions e = {.max_memory_bytes = 64 << 20,
                       .max_slots = 4,
                       .deadlock_timeout_us = 100000,
                       .cache_bytes = 8 << 20};

    *p = (Place){.folder = "/tmp/helios-table-XXXXXX"};
    SIM_EXPECT(mkdtemp(p->folder) != NULL);
    e.table_folder = o.path = p->folder;
    EXPECT_OK(engine_create(test_ctx(), &e, &p->engine));
    p->cx = sim_session(p->engine);
    SIM_EXPECT(p->cx->page_reader != NULL);
    SIM_OK(p->cx, store_rocks_open(p->cx, &o, &p->store));
}

static void
close_place(Place *p)
{
    char command[128];

    if (p->store != NULL)
        p->store->methods->close(p->cx, p->store);
    sim_end(p->cx);
    engine_destroy(p->engine);
    snprintf(command, sizeof(command), "rm -r %s", p->folder);
    EXPECT_EQ(system(command), 0);
}

/* Other things lie between the pages, as in a real store. */
static void
write_pages(Place *p, uint32_t version, uint32_t step, bool flush)
{
    StoreBatch *batch = store_batch_new();
    char page[PAGE_BYTES], key[16];

    for (uint32_t i = 0; i < PAGES; i += step) {
        make_page(i, version, page);
        store_batch_put_page(batch, id_of(i), page);
        if (version == 1 && i % 10 == 0)
            store_batch_put_old(batch, id_of(i), page);
        store_batch_put(batch, key, (size_t)snprintf(key, sizeof(key), "M%u", i), "small", 5);
    }
    SIM_OK(p->cx, p->store->methods->apply(p->cx, p->store, batch));
    if (flush)
        SIM_OK(p->cx, p->store->methods->flush(p->cx, p->store));
    store_batch_free(batch);
}

/* Has the list of files been read since they were written? It is done twice a second. */
static void
await_list(Place *p)
{
    StoreStats stats;

    usleep(700 * 1000);
    p->store->methods->stats(p->cx, p->store, &stats);
}

static bool
locate(Place *p, uint32_t block, char page[PAGE_BYTES], PageSpot *spot)
{
    StoreRead r = {.id = id_of(block), .page = page};

    SIM_OK(p->cx, p->store->methods->read(p->cx, p->store, &r, 1));
    SIM_EXPECT(r.found == STORE_FOUND);
    return p->store->methods->locate(p->cx, p->store, id_of(block), page, spot);
}

static bool
read_spot(Place *p, uint32_t block, const PageSpot *spot, char page[PAGE_BYTES])
{
    return p->cx->page_reader->read(p->cx, p->cx->page_reader, id_of(block), spot, page);
}

static void
expect_direct(Place *p, uint32_t block, uint32_t version)
{
    char stored[PAGE_BYTES], page[PAGE_BYTES], expected[PAGE_BYTES];
    PageSpot spot;

    make_page(block, version, expected);
    SIM_EXPECT(locate(p, block, stored, &spot));
    SIM_EXPECT(read_spot(p, block, &spot, page));
    SIM_EXPECT(memcmp(page, expected, PAGE_BYTES) == 0);
    SIM_EXPECT(memcmp(stored, expected, PAGE_BYTES) == 0);
}

static void
pages_are_found(StoreCompression compression)
{
    char page[PAGE_BYTES];
    PageSpot spot;
    Place p;

    open_place(&p, compression);
    write_pages(&p, 1, 1, true);
    for (uint32_t i = 0; i < PAGES; i++)
        expect_direct(&p, i, 1);
    SIM_EXPECT(locate(&p, 7, page, &spot));
    SIM_EXPECT(!read_spot(&p, 70, &spot, page)); /* it is another's */
    /* A newer version: nowhere, as long as it is in no file; then in the newer of two files. */
    write_pages(&p, 2, 2, false);
    SIM_EXPECT(!locate(&p, 8, page, &spot));
    expect_direct(&p, 7, 1);
    SIM_OK(p.cx, p.store->methods->flush(p.cx, p.store));
    await_list(&p);
    for (uint32_t i = 0; i < PAGES; i++)
        expect_direct(&p, i, i % 2 == 0 ? 2 : 1);
    close_place(&p);
}

TEST(table, pages_are_found_that_are_not_compressed)
{
    pages_are_found(STORE_COMPRESS_NONE);
}

TEST(table, pages_are_found_that_lz4_has_compressed)
{
    pages_are_found(STORE_COMPRESS_LZ4);
}

static char
packed_how(const Place *p, const PageSpot *spot)
{
    char path[128], how = -1;
    int fd;

    snprintf(path, sizeof(path), "%s/%06u.sst", p->folder, spot->file);
    fd = open(path, O_RDONLY);
    SIM_EXPECT(fd >= 0 && pread(fd, &how, 1, (off_t)spot->offset + spot->bytes) == 1);
    close(fd);
    return how;
}

/* Young files are lz4's: so it goes on until they are merged. */
TEST(table, pages_are_found_where_files_are_merged_and_zstd_compresses)
{
    enum { VERSIONS_MOST = 20, ZSTD = 7 };
    uint32_t version = 1;
    char page[PAGE_BYTES];
    PageSpot first, spot;
    Place p;

    open_place(&p, STORE_COMPRESS_ZSTD);
    p.store->methods->merge(p.cx, p.store);
    write_pages(&p, 1, 1, true);
    SIM_EXPECT(locate(&p, 1, page, &first));
    do {
        SIM_EXPECT(version < VERSIONS_MOST);
        write_pages(&p, ++version, 1, true);
        await_list(&p);
        SIM_EXPECT(locate(&p, 1, page, &spot));
    } while (packed_how(&p, &spot) != ZSTD);
    SIM_EXPECT(page_spots_gone_count(p.cx->proc) > 0);
    for (uint32_t i = 0; i < PAGES; i++)
        expect_direct(&p, i, version);
    SIM_EXPECT(!read_spot(&p, 1, &first, page)); /* that file is gone */
    close_place(&p);
}

TEST(table, an_encrypted_store_tells_no_spots)
{
    StoreOptions o = {.compression = STORE_COMPRESS_LZ4, .background_threads = 2, .index_bytes = 1 << 20};
    char page[PAGE_BYTES];
    SealKey key = {{1}};
    PageSpot spot;
    Place p;

    open_place(&p, STORE_COMPRESS_LZ4);
    p.store->methods->close(p.cx, p.store);
    o.path = p.folder;
    o.data_key = &key;
    SIM_OK(p.cx, store_rocks_open(p.cx, &o, &p.store));
    write_pages(&p, 1, 1, true);
    SIM_EXPECT(!locate(&p, 0, page, &spot));
    close_place(&p);
}

TEST(table, files_are_closed_again)
{
    char page[PAGE_BYTES];
    PageSpot spot;
    Place p;

    open_place(&p, STORE_COMPRESS_LZ4);
    write_pages(&p, 1, 1, true);
    SIM_EXPECT(locate(&p, 0, page, &spot));
    SIM_EXPECT(!engine_has_files(p.cx));
    SIM_EXPECT(read_spot(&p, 0, &spot, page));
    SIM_EXPECT(engine_has_files(p.cx));
    page_direct_rest(p.cx);
    SIM_EXPECT(!engine_has_files(p.cx));
    SIM_EXPECT(read_spot(&p, 0, &spot, page));
    close_place(&p);
}

/* ---- room for indexes --------------------------------------------------------------------------------------------- */

enum { FILES = 4, FILE_PAGES = PAGES / FILES, USES = 20001 /* until an index that is not used may give way */ };

static void
write_files(Place *p)
{
    for (uint32_t file = 0; file < FILES; file++) {
        StoreBatch *batch = store_batch_new();

        for (uint32_t i = file * FILE_PAGES; i < (file + 1) * FILE_PAGES; i++) {
            char page[PAGE_BYTES];

            make_page(i, 1, page);
            store_batch_put_page(batch, id_of(i), page);
        }
        SIM_OK(p->cx, p->store->methods->apply(p->cx, p->store, batch));
        SIM_OK(p->cx, p->store->methods->flush(p->cx, p->store));
        store_batch_free(batch);
    }
}

/* What the store has just written, in the order of its numbers. */
static TableFiles *
list_files(Place *p, uint64_t index_bytes)
{
    TableFiles *t = table_files_new(p->folder, index_bytes);
    uint32_t file = 0;

    SIM_EXPECT(t != NULL);
    table_files_begin(t);
    for (uint32_t no = 1; file < FILES; no++) {
        uint8_t smallest[STORE_PAGE_KEY_MOST], largest[STORE_PAGE_KEY_MOST];
        struct stat st;
        char path[128];

        SIM_EXPECT(no < 1000);
        snprintf(path, sizeof(path), "%s/%06u.sst", p->folder, no);
        if (stat(path, &st) != 0)
            continue;
        (void)store_page_key(id_of(file * FILE_PAGES), 0, smallest);
        (void)store_page_key(id_of((file + 1) * FILE_PAGES - 1), 0, largest);
        table_files_add(t, no, 1, (uint64_t)st.st_size, (char *)smallest, STORE_PAGE_KEY_BYTES, (char *)largest,
                        STORE_PAGE_KEY_BYTES);
        file++;
    }
    SIM_EXPECT(!table_files_end(p->cx, t));
    return t;
}

static bool
find_page(Place *p, TableFiles *t, uint32_t block)
{
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id_of(block), 0, key);
    char page[PAGE_BYTES];
    PageSpot spot;

    make_page(block, 1, page);
    return table_files_find(p->cx, t, key, key_bytes, page, &spot);
}

static void
let_uses_pass(Place *p, TableFiles *t)
{
    for (int i = 0; i < USES; i++)
        SIM_EXPECT(!find_page(p, t, PAGES)); /* in no file */
}

/* An index that turns out too large when it has been read is not taken; those that are in use stay. */
TEST(table, there_is_no_more_room_for_indexes_than_was_said)
{
    uint32_t found = 0;
    Place p;

    open_place(&p, STORE_COMPRESS_LZ4);
    write_files(&p);
    for (uint64_t room = 1; found < FILES; room *= 2) {
        TableFiles *t = list_files(&p, room);
        bool is_found[FILES];

        SIM_EXPECT(room < 1 << 20);
        found = 0;
        let_uses_pass(&p, t);
        for (uint32_t file = 0; file < FILES; file++) {
            is_found[file] = find_page(&p, t, file * FILE_PAGES + 3);
            found += is_found[file];
        }
        for (uint32_t file = 0; file < FILES; file++)
            SIM_EXPECT(find_page(&p, t, file * FILE_PAGES + 7) == is_found[file]);
        let_uses_pass(&p, t); /* others may have the room now */
        SIM_EXPECT(find_page(&p, t, PAGES - 1) == (found > 0));
        table_files_free(p.cx, t);
    }
    close_place(&p);
}

/* ---- damage ------------------------------------------------------------------------------------------------------- */

/* The only table file of the store, which is closed. */
static void
find_file(const Place *p, char path[512], uint32_t *no, uint64_t *bytes)
{
    DIR *d = opendir(p->folder);
    int count = 0;

    SIM_EXPECT(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strstr(e->d_name, ".sst") == NULL)
            continue;
        snprintf(path, 512, "%s/%s", p->folder, e->d_name);
        *no = (uint32_t)strtoul(e->d_name, NULL, 10);
        count++;
    }
    closedir(d);
    EXPECT_EQ(count, 1);
    {
        FILE *f = fopen(path, "r");

        SIM_EXPECT(f != NULL && fseek(f, 0, SEEK_END) == 0);
        *bytes = (uint64_t)ftell(f);
        fclose(f);
    }
}

static TableFiles *
list_one(Place *p, uint32_t no, uint64_t bytes)
{
    TableFiles *t = table_files_new(p->folder, 1 << 20);

    SIM_EXPECT(t != NULL);
    table_files_begin(t);
    table_files_add(t, no, 1, bytes, "A", 1, "Z", 1);
    SIM_EXPECT(!table_files_end(p->cx, t));
    return t;
}

/* Looks for some pages in the file as it now is. Whatever is in it, what is found is right. */
static uint32_t
look_around(Place *p, uint32_t no, uint64_t bytes, const PageSpot *spots)
{
    TableFiles *t = list_one(p, no, bytes);
    uint32_t found = 0;

    page_direct_rest(p->cx); /* it may have the file open as it was */
    for (uint32_t i = 0; i < PAGES; i += 7) {
        char page[PAGE_BYTES], expected[PAGE_BYTES];
        uint8_t key[STORE_PAGE_KEY_MOST];
        uint32_t key_bytes = store_page_key(id_of(i), 0, key);
        PageSpot spot;

        make_page(i, 1, expected);
        if (table_files_find(p->cx, t, key, key_bytes, expected, &spot)) {
            found++;
            SIM_EXPECT(memcmp(&spot, &spots[i], sizeof(spot)) == 0);
        }
        if (p->cx->page_reader->read(p->cx, p->cx->page_reader, id_of(i), &spots[i], page))
            SIM_EXPECT(memcmp(page, expected, PAGE_BYTES) == 0);
    }
    table_files_free(p->cx, t);
    return found;
}

/* Bits anywhere in the file, most of all in its index and what tells where that is; and its end cut off. */
static void
damage(StoreCompression compression)
{
    PageSpot spots[PAGES];
    char path[512], page[PAGE_BYTES], *whole, *now;
    uint64_t bytes, seed = test_seed();
    uint32_t no = 0, all;
    FILE *f;
    Place p;

    open_place(&p, compression);
    write_pages(&p, 1, 1, true);
    for (uint32_t i = 0; i < PAGES; i++)
        SIM_EXPECT(locate(&p, i, page, &spots[i]));
    p.store->methods->close(p.cx, p.store);
    p.store = NULL;
    find_file(&p, path, &no, &bytes);
    whole = malloc(bytes);
    now = malloc(bytes);
    f = fopen(path, "r");
    SIM_EXPECT(f != NULL && fread(whole, 1, bytes, f) == bytes);
    fclose(f);
    all = look_around(&p, no, bytes, spots);
    EXPECT_EQ(all, (PAGES + 6) / 7);
    for (uint32_t i = 0; i < 1500; i++) {
        uint64_t length = bytes, at = hash_u64(seed + i) % bytes, tail = MIN_OF(bytes, (uint64_t)8000);

        memcpy(now, whole, bytes);
        if (i % 3 != 0)
            at = bytes - 1 - hash_u64(seed + i) % (i % 3 == 1 ? tail : TABLE_FOOTER_BYTES);
        if (i % 50 == 49)
            length = at;
        else if (i % 10 == 9)
            memset(now + at, (int)hash_u64(seed + i + 7), MIN_OF(bytes - at, (uint64_t)16));
        else
            now[at] = (char)(now[at] ^ (1 << (hash_u64(seed + i + 3) % 8)));
        f = fopen(path, "w");
        SIM_EXPECT(f != NULL && fwrite(now, 1, length, f) == length);
        fclose(f);
        (void)look_around(&p, no, length, spots);
    }
    free(whole);
    free(now);
    close_place(&p);
}

TEST(table, damage_gives_no_answer_or_the_right_one)
{
    damage(STORE_COMPRESS_LZ4);
}

TEST(table, damage_to_what_is_not_compressed)
{
    damage(STORE_COMPRESS_NONE);
}

/* Bytes that nobody has written as a block. */
TEST(table, any_bytes_are_a_block_without_the_key)
{
    enum { ROUNDS = 20000, MOST = 300 };
    uint64_t seed = test_seed();

    for (uint32_t i = 0; i < ROUNDS; i++) {
        size_t bytes = hash_u64(seed + i) % MOST, value_bytes;
        char *block = malloc(bytes + 1); /* just as large: a sanitizer sees every step beyond */
        TableIndexForm form = {.user_keys = i % 2 == 0};
        const char *value;
        TableHandle h;
        size_t plain;

        for (size_t k = 0; k < bytes; k++)
            block[k] = (char)(hash_u64(seed ^ (i * UINT64_C(1000) + k)) % (i % 3 == 0 ? 256 : 12));
        if (bytes >= 4 && i % 4 != 0)
            memcpy(block + bytes - 4, &(uint32_t){1 + i % 5}, 4);
        if (bytes >= 8 && i % 4 == 1)
            memset(block + bytes - 8, 0, 4);
        SIM_EXPECT(table_find(block, bytes, "Pabcdefghijklm", 14, &value, &value_bytes) != TABLE_FOUND);
        (void)!table_index_find(block, bytes, form, "Pabcdefghijklm", 14, &h);
        (void)!table_meta_find(block, bytes, "rocksdb.properties", &h);
        (void)!table_index_form(block, bytes, &form);
        plain = table_plain_bytes(block, bytes);
        if (plain > 0 && plain < TABLE_META_MOST) {
            char *out = malloc(plain);

            (void)!table_unpack(block, bytes, out, plain);
            free(out);
        }
        free(block);
    }
}
