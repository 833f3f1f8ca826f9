/* Pages that recovery has passed over, and the log as it reads it. */
#include <errno.h>

#include "base/hash.h"
#include "shmem/pagecache/page_io.h"
#include "shmem/pagecache/pagecache_int.h"
#include "shmem/pagecache/rel_counts.h"
#include "sim_log.h"
#include "storage/recover/log_ahead.h"
#include "storage/recover/lost_pages.h"
#include "storage/wal/wal.h"

static PageId
id_of(uint32_t relation, uint8_t fork, uint32_t block)
{
    return (PageId){.branch = 3, .relation = relation, .fork = fork, .block = block};
}

static bool
has(const LostPages *lost, PageId id)
{
    bool found;

    (void)lost_pages_find(lost, id, &found);
    return found;
}

TEST(recover, lost_pages_are_found_again)
{
    enum { PAGES = 500 };
    LostPages lost = {0};

    EXPECT(!has(&lost, id_of(1, 0, 0)));
    for (uint32_t i = 0; i < PAGES; i++) /* in no order */
        lost_pages_add(&lost, test_ctx()->arena, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES), i);
    EXPECT_EQ(lost.count, PAGES);
    for (uint32_t i = 0; i < PAGES; i++) {
        EXPECT(has(&lost, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES)));
        EXPECT(!has(&lost, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES + PAGES)));
    }
}

TEST(recover, pages_that_are_cut_off_are_not_lost_any_more)
{
    LostPages lost = {0};

    for (uint32_t block = 0; block < 10; block++) {
        lost_pages_add(&lost, test_ctx()->arena, id_of(5, FORK_MAIN, block), 8);
        lost_pages_add(&lost, test_ctx()->arena, id_of(5, FORK_VISIBILITY, block), 8);
        lost_pages_add(&lost, test_ctx()->arena, id_of(6, FORK_MAIN, block), 8);
    }
    lost_pages_cut(&lost, id_of(5, FORK_MAIN, 4));
    EXPECT_EQ(lost.count, 24);
    for (uint32_t block = 0; block < 10; block++) {
        EXPECT_EQ(has(&lost, id_of(5, FORK_MAIN, block)), block < 4);
        EXPECT(has(&lost, id_of(5, FORK_VISIBILITY, block)));
        EXPECT(has(&lost, id_of(6, FORK_MAIN, block)));
    }
    lost_pages_cut(&lost, id_of(7, FORK_MAIN, 0));
    EXPECT_EQ(lost.count, 24);
}

/* ---- records in batches ------------------------------------------------------------------------------------------- */

/* Records of pages that there are not, of all sizes. */
static void
write_records(Ctx *cx, uint32_t count, uint64_t seed)
{
    static uint8_t data[WAL_BURST_BYTES / 2];

    for (uint32_t i = 0; i < count; i++) {
        uint64_t x = hash_u64(seed + i);
        WalTarget target = {.branch = 1, .relation = 1000000 + i, .block = i};
        uint32_t bytes =
            x % 100 == 0 ? (uint32_t)(x >> 32) % (uint32_t)sizeof(data) : (uint32_t)(x >> 32) % 200;

        memset(data, (int)x, bytes);
        wal_secure(cx);
        (void)wal_insert(cx, RECORD_HEAP_INSERT, target, &(RecordPart){data, bytes}, 1);
    }
    wal_wait_flushed(cx, wal_copied(cx->proc));
}

/* From `at`, one by one and in batches; how many there are until the end, or until both fail. */
static uint32_t
compare_readings(Ctx *cx, const WalDir *dir, Lsn at, Status *out)
{
    const LostPages none = {0};
    WalEntry plain, ahead;
    bool found, found_ahead;
    uint32_t count = 0;
    WalReader *reader;
    LogAhead *log;

    SIM_OK(cx, wal_reader_open(cx, dir, at, &reader));
    SIM_OK(cx, log_ahead_open(cx, dir, at, &none, &log));
    for (;; count++) {
        *out = wal_reader_next(cx, reader, &plain, &found);
        SIM_EXPECT(log_ahead_next(cx, log, &ahead, &found_ahead) == *out);
        if (*out != ST_OK)
            break;
        SIM_EXPECT(found == found_ahead && plain.lsn == ahead.lsn && plain.end == ahead.end);
        if (!found)
            break;
        SIM_EXPECT(plain.bytes == ahead.bytes &&
                   memcmp(&plain.record, &ahead.record, sizeof(plain.record)) == 0 &&
                   memcmp(plain.data, ahead.data, plain.bytes) == 0);
    }
    wal_reader_close(cx, reader);
    log_ahead_close(cx, log);
    return count;
}

/* Where each record begins; the last one is the end. */
static Lsn *
places_of(Ctx *cx, const WalDir *dir, uint32_t count)
{
    Lsn *places = arena_array(cx->arena, Lsn, count + 1);
    WalReader *reader;
    bool found = true;
    WalEntry e;

    SIM_OK(cx, wal_reader_open(cx, dir, WAL_FIRST_LSN, &reader));
    for (uint32_t i = 0; i <= count; i++) {
        SIM_EXPECT(found);
        SIM_OK(cx, wal_reader_next(cx, reader, &e, &found));
        places[i] = e.lsn;
    }
    SIM_EXPECT(!found);
    wal_reader_close(cx, reader);
    return places;
}

/* 5000 of them, and some of the engine's own; the session's engine is dead, but for its memory. */
static Ctx *
log_of_records(Log *log)
{
    pid_t pids[2];
    Ctx *cx;

    (void)sim_log_open(log, &cx, pids);
    write_records(cx, 5000, log->seed);
    sim_crash(pids, 2);
    return cx;
}

TEST(recover, records_in_batches_are_the_log)
{
    static const uint32_t tails[] = {0, 1, 2, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073};
    Log *log = sim_log_new();
    Ctx *cx = log_of_records(log);
    uint32_t count;
    Lsn *places;
    Status rc;

    count = compare_readings(cx, &log->dir, WAL_FIRST_LSN, &rc);
    EXPECT_EQ(rc, ST_OK);
    EXPECT(count >= 5000);
    places = places_of(cx, &log->dir, count);
    for (size_t i = 0; i < COUNT_OF(tails); i++) {
        EXPECT_EQ(compare_readings(cx, &log->dir, places[count - tails[i]], &rc), tails[i]);
        EXPECT_EQ(rc, ST_OK);
    }
    sim_log_remove(log);
}

/* A disk that does not give what lies behind a place, so many times; first of all an Env. */
typedef struct BadDisk {
    Env env, *real;
    off_t behind;
    int times;
} BadDisk;

static ssize_t
bad_pread(Env *env, int fd, void *out, size_t bytes, off_t at)
{
    BadDisk *disk = (BadDisk *)env;

    if (at + (off_t)bytes > disk->behind && disk->times > 0) {
        disk->times--;
        errno = EIO;
        return -1;
    }
    return disk->real->pread(disk->real, fd, out, bytes, at);
}

/* The records up to the one that can not be read; *out: how that went. All must be where they should. */
static uint32_t
read_from_bad_disk(Ctx *cx, const WalDir *dir, const Lsn *places, int times, Status *out)
{
    BadDisk disk = {.env = *cx->env,
                    .real = cx->env,
                    .behind = wal_file_offset(places[0]) + 1200000,
                    .times = times};
    const LostPages none = {0};
    uint32_t count = 0;
    LogAhead *log;
    bool found;
    WalEntry e;

    disk.env.pread = bad_pread;
    cx->env = &disk.env;
    SIM_OK(cx, log_ahead_open(cx, dir, places[0], &none, &log));
    for (;; count++) {
        *out = log_ahead_next(cx, log, &e, &found);
        if (*out != ST_OK)
            break;
        SIM_EXPECT(e.lsn == places[count]);
        if (!found)
            break;
    }
    log_ahead_close(cx, log);
    cx->env = disk.real;
    return count;
}

TEST(recover, records_before_one_that_can_not_be_read_are_read)
{
    Log *log = sim_log_new();
    Ctx *cx = log_of_records(log);
    uint32_t count, until;
    Lsn *places;
    Status rc;

    count = compare_readings(cx, &log->dir, WAL_FIRST_LSN, &rc);
    places = places_of(cx, &log->dir, count);
    until = read_from_bad_disk(cx, &log->dir, places, INT32_MAX, &rc);
    EXPECT_EQ(rc, ST_IO);
    EXPECT(until > 100);
    EXPECT(until < count - 100);
    EXPECT(places[until + 1] > places[0] + 1000000); /* it is the first that can not */
    for (int times = 1; times <= 4; times++) { /* a disk that gives it then: none is passed over */
        uint32_t read = read_from_bad_disk(cx, &log->dir, places, times, &rc);

        if (rc == ST_OK)
            EXPECT_EQ(read, count);
        else
            EXPECT_EQ(read, until);
    }
    EXPECT_EQ(read_from_bad_disk(cx, &log->dir, places, 1, &rc), count);
    EXPECT_EQ(rc, ST_OK);
    sim_log_remove(log);
}

TEST(recover, records_in_batches_are_the_encrypted_log)
{
    Log *log = sim_log_new_encrypted();
    Status rc;

    EXPECT(compare_readings(log_of_records(log), &log->dir, WAL_FIRST_LSN, &rc) >= 5000);
    EXPECT_EQ(rc, ST_OK);
    sim_log_remove(log);
}

/* ---- pages before they are needed ---------------------------------------------------------------------------------- */

/* A table whose pages are in the store and not in memory, and the log of it. */
static CacheRel *
pages_in_the_store(Ctx *cx, Log *log)
{
    static char text[1000];
    CacheRel *rel;

    memset(text, 'x', sizeof(text));
    sim_table(cx, &log->table);
    sim_begin(cx);
    for (int i = 0; i < 500; i++)
        sim_insert(cx, &log->table, (SimRow){i, i, text, sizeof(text)});
    sim_commit(cx);
    SIM_OK(cx, engine_checkpoint(cx));
    rel = cache_rel(cx, log->table.heap.branch, log->table.heap.relation);
    for (BlockNo block = 0; block < cache_rel_length(rel, FORK_MAIN); block++)
        page_forget(cx, rel, FORK_MAIN, block);
    return rel;
}

/* How many of its pages were asked for, by whomever. */
static uint64_t
loads_of(Ctx *cx, const CacheRel *rel)
{
    uint64_t counts[REL_COUNTS];

    rel_counts_read(cx, rel, counts);
    return counts[REL_LOADS];
}

TEST(recover, pages_are_asked_for_when_their_records_are_read)
{
    enum { LOST = 3 };
    Log *log = sim_log_new_stored(2048, 60000000);
    LostPages lost = {0};
    uint64_t loads;
    BlockNo length;
    LogAhead *ahead;
    bool found = true;
    pid_t pids[2];
    CacheRel *rel;
    PageRef page;
    WalEntry e;
    Ctx *cx;

    (void)sim_log_open(log, &cx, pids);
    rel = pages_in_the_store(cx, log);
    length = cache_rel_length(rel, FORK_MAIN);
    EXPECT(length > 50);
    for (BlockNo block = 0; block < length; block++)
        EXPECT_EQ(cache_map_lookup(page_cache(cx->proc), &rel->forks[FORK_MAIN], block), 0);
    lost_pages_add(&lost, cx->arena, (PageId){.branch = rel->branch, .relation = rel->relation, .block = LOST},
                   1);
    loads = loads_of(cx, rel);
    SIM_OK(cx, log_ahead_open(cx, &log->dir, WAL_FIRST_LSN, &lost, &ahead));
    while (found)
        SIM_OK(cx, log_ahead_next(cx, ahead, &e, &found));
    log_ahead_close(cx, ahead);
    for (BlockNo block = 0; block < length; block++)
        EXPECT_EQ(cache_map_lookup(page_cache(cx->proc), &rel->forks[FORK_MAIN], block) != 0, block != LOST);
    EXPECT_EQ(loads_of(cx, rel), loads + length - 1);
    for (BlockNo block = 0; block < length; block++) {
        if (block == LOST)
            continue;
        SIM_OK(cx, page_pin(cx, rel, FORK_MAIN, block, &page)); /* waits until it is there */
        EXPECT(page.page != NULL);
        page_unpin(cx, &page);
    }
    EXPECT_EQ(loads_of(cx, rel), loads + length - 1); /* they have come by themselves */
    sim_crash(pids, 2);
    sim_log_remove(log);
}
