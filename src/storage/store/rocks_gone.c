/* rocks_gone.c - see rocks_gone.h.
 *
 * RocksDB is told which files it should merge next: those that overlap with a range, on every level that has another below.
 * So the note of the deletion moves down a level each time, and takes along what it covers. What lies in young files alone
 * has no level below it; they are merged when there are so many of them, so meanwhile one is enough. */
#include "storage/store/rocks_gone.h"

#include "base/log.h"

enum {
    KEPT_SHARE = 8, /* an eighth of the files may be of what is gone: less is not worth the work */
    LEAST_BYTES = 8 * 1024, /* of a range: a block of a file */
    TRIES_MOST = 8, /* more than there are levels */
};
#define YOUNG_FILES_KEY "level0_file_num_compaction_trigger"
#define YOUNG_FILES     "4" /* RocksDB's own choice */

typedef struct GoneRange {
    char from[GONE_KEY_BYTES], to[GONE_KEY_BYTES];
    bool ended;
} GoneRange;

static uint32_t
range_count(const RocksGone *g)
{
    return (uint32_t)(g->ranges.bytes / sizeof(GoneRange));
}

static GoneRange *
range_at(const RocksGone *g, uint32_t no)
{
    return (GoneRange *)g->ranges.data + no;
}

void
rocks_gone_note(RocksGone *g, const char *from, const char *to, bool ended)
{
    GoneRange r = {.ended = ended};

    memcpy(r.from, from, GONE_KEY_BYTES);
    memcpy(r.to, to, GONE_KEY_BYTES);
    buf_add(&g->ranges, &r, sizeof(r)); /* without memory its room comes back later */
}

void
rocks_gone_unnote(RocksGone *g, uint32_t count)
{
    g->ranges.bytes -= MIN_OF(count, range_count(g) - g->durable) * sizeof(GoneRange);
}

/* What RocksDB refuses to do for us it is asked again another time, or it does it by itself some day. */
static void
drop_error(const RocksApi *api, char *error)
{
    if (error == NULL)
        return;
    log_line(LOG_DEBUG, "the page store gives no room back: %s", error);
    api->rocksdb_free(error);
}

/* Those that lie in the range as a whole, and are not being merged. */
static void
delete_files(const RocksApi *api, rocksdb_t *db, const GoneRange *r)
{
    char *error = NULL;

    if (r->ended)
        api->rocksdb_delete_file_in_range(db, r->from, GONE_KEY_BYTES, r->to, GONE_KEY_BYTES, &error);
    drop_error(api, error);
}

void
rocks_gone_flushed(RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    for (; g->durable < range_count(g); g->durable++) {
        delete_files(api, db, range_at(g, g->durable));
        g->tries = 0;
        g->to_do = true;
    }
}

static uint64_t
number_of(const RocksApi *api, rocksdb_t *db, const char *property)
{
    uint64_t number;

    return api->rocksdb_property_int(db, property, &number) == 0 ? number : 0;
}

/* What files have in the range, about. */
static uint64_t
range_bytes(const RocksApi *api, rocksdb_t *db, const GoneRange *r)
{
    const char *from = r->from, *to = r->to;
    size_t key_bytes = GONE_KEY_BYTES;
    uint64_t bytes = 0;
    char *error = NULL;

    api->rocksdb_approximate_sizes(db, 1, &from, &key_bytes, &to, &key_bytes, &bytes, &error);
    drop_error(api, error);
    return bytes;
}

/* Of all ranges; those with nothing left are forgotten. */
static uint64_t
gone_bytes(RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    uint32_t count = range_count(g), kept = 0, durable = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t bytes = i < g->durable ? range_bytes(api, db, range_at(g, i)) : UINT64_MAX;

        if (bytes < LEAST_BYTES)
            continue;
        *range_at(g, kept++) = *range_at(g, i);
        if (i >= g->durable)
            continue;
        sum += bytes;
        durable++;
    }
    g->ranges.bytes = kept * sizeof(GoneRange);
    g->durable = durable;
    return sum;
}

static void
hurry(RocksGone *g, const RocksApi *api, rocksdb_t *db, bool on)
{
    const char *key = YOUNG_FILES_KEY, *value = on ? "1" : YOUNG_FILES;
    char *error = NULL;

    if (g->hurries == on)
        return;
    api->rocksdb_set_options(db, 1, &key, &value, &error);
    if (error == NULL)
        g->hurries = on;
    drop_error(api, error);
}

void
rocks_gone_merge(RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    uint64_t bytes;

    if (!g->to_do || number_of(api, db, "rocksdb.compaction-pending") != 0 ||
        number_of(api, db, "rocksdb.num-running-compactions") != 0)
        return;
    for (uint32_t i = 0; i < g->durable; i++)
        delete_files(api, db, range_at(g, i));
    bytes = gone_bytes(g, api, db);
    if (bytes == 0 || bytes < number_of(api, db, "rocksdb.live-sst-files-size") / KEPT_SHARE ||
        g->tries == TRIES_MOST) {
        hurry(g, api, db, false);
        g->to_do = g->hurries;
        return;
    }
    g->tries++;
    hurry(g, api, db, true);
    for (uint32_t i = 0; i < g->durable; i++) {
        const GoneRange *r = range_at(g, i);
        char *error = NULL;

        api->rocksdb_suggest_compact_range(db, r->from, GONE_KEY_BYTES, r->to, GONE_KEY_BYTES, &error);
        drop_error(api, error);
    }
}

void
rocks_gone_end(RocksGone *g)
{
    buf_free(&g->ranges);
}
