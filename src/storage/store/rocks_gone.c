/* rocks_gone.c - see rocks_gone.h.
 *
 * RocksDB is told which files it should merge next: those that overlap with a range, on every level that has another below.
 * So the note of the deletion moves down a level each time, and takes along what it covers. What lies in young files alone
 * has no level below it; they are merged when there are so many of them, so for a moment one is enough.
 *
 * Each range costs some calls, in which RocksDB may look at all of its files: neighbours are joined, those with little left are
 * forgotten, and files are asked for and suggested for some at a time. */
#include "storage/store/rocks_gone.h"

#include <stdlib.h>

#include "base/log.h"

enum {
    KEPT_SHARE = 8, /* an eighth of the files may be of what is gone: less is not worth the work */
    LEAST_BYTES =
        64 * 1024, /* of a range; an empty one may seem to have a block of each file that it falls into */
    NOTED_MOST = 100 * 1000,
    ROUND_RANGES = 200,
    IDLE_ROUNDS_MOST = 8, /* more than there are levels */
};
#define YOUNG_FILES_KEY "level0_file_num_compaction_trigger"
#define YOUNG_FILES     "4" /* RocksDB's own choice */

/* Its order is that of its bytes, up to `asked`. */
typedef struct GoneRange {
    char ended;
    char from[GONE_KEY_BYTES], to[GONE_KEY_BYTES];
    bool asked; /* for whole files */
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

bool
rocks_gone_note(RocksGone *g, const char *from, const char *to, bool ended)
{
    GoneRange r = {.ended = ended};

    g->refused |= range_count(g) >= NOTED_MOST;
    if (g->refused)
        return false;
    memcpy(r.from, from, GONE_KEY_BYTES);
    memcpy(r.to, to, GONE_KEY_BYTES);
    buf_add(&g->ranges, &r, sizeof(r));
    if (!g->ranges.failed)
        return true;
    g->ranges.failed = g->ranges.no_memory = false; /* what it has is as it was */
    g->refused = true;
    return false;
}

void
rocks_gone_unnote(RocksGone *g, uint32_t count)
{
    ASSERT(count <= range_count(g) - g->durable);
    g->ranges.bytes -= count * sizeof(GoneRange);
}

void
rocks_gone_flushed(RocksGone *g)
{
    g->to_do |= g->durable < range_count(g) || g->refused;
    g->durable = range_count(g);
    g->refused = false;
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static int
compare_ranges(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(GoneRange, asked));
}

/* Neighbours become one; between calls of this all of them are durable, because a flush follows what notes them. */
static void
put_in_order(RocksGone *g)
{
    uint32_t count = range_count(g), kept = 0;

    if (g->ordered == count)
        return;
    qsort(g->ranges.data, count, sizeof(GoneRange), compare_ranges);
    for (uint32_t i = 0; i < count; i++) {
        const GoneRange *r = range_at(g, i);
        GoneRange *last = kept > 0 ? range_at(g, kept - 1) : NULL;

        if (last == NULL || last->ended != r->ended || memcmp(r->from, last->to, GONE_KEY_BYTES) > 0) {
            *range_at(g, kept++) = *r;
            continue;
        }
        if (memcmp(last->to, r->to, GONE_KEY_BYTES) < 0)
            memcpy(last->to, r->to, GONE_KEY_BYTES);
        last->asked = false;
    }
    g->ranges.bytes = kept * sizeof(GoneRange);
    g->durable = g->ordered = kept;
    g->idle_rounds = 0;
    g->bytes = UINT64_MAX;
}

/* Those for which keep() says so stay. */
static void
filter(RocksGone *g, bool (*keep)(void *arg, const GoneRange *r), void *arg)
{
    uint32_t count = range_count(g), kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (keep(arg, range_at(g, i)))
            *range_at(g, kept++) = *range_at(g, i);
    }
    g->ranges.bytes = kept * sizeof(GoneRange);
    g->durable = g->ordered = kept;
}

/* ---- RocksDB --------------------------------------------------------------------------------------------------------- */

/* What RocksDB refuses to do for us it is asked again another time, or it does it by itself some day. */
static bool
is_done(const RocksApi *api, char *error)
{
    if (error == NULL)
        return true;
    log_line(LOG_DEBUG, "the page store gives no room back: %s", error);
    api->rocksdb_free(error);
    return false;
}

static uint64_t
number_of(const RocksApi *api, rocksdb_t *db, const char *property)
{
    uint64_t number;

    return api->rocksdb_property_int(db, property, &number) == 0 ? number : 0;
}

static bool
is_busy(const RocksApi *api, rocksdb_t *db)
{
    return number_of(api, db, "rocksdb.compaction-pending") != 0 ||
           number_of(api, db, "rocksdb.num-running-compactions") != 0;
}

/* Those that lie in the range as a whole, and are not being merged, nor young. */
static void
delete_files(const RocksApi *api, rocksdb_t *db, GoneRange *r)
{
    char *error = NULL;

    r->asked = true;
    if (r->ended == 0)
        return;
    api->rocksdb_delete_file_in_range(db, r->from, GONE_KEY_BYTES, r->to, GONE_KEY_BYTES, &error);
    (void)is_done(api, error);
}

static void
suggest(const RocksApi *api, rocksdb_t *db, const GoneRange *r)
{
    char *error = NULL;

    api->rocksdb_suggest_compact_range(db, r->from, GONE_KEY_BYTES, r->to, GONE_KEY_BYTES, &error);
    (void)is_done(api, error);
}

static void
hurry(RocksGone *g, const RocksApi *api, rocksdb_t *db, bool on)
{
    const char *key = YOUNG_FILES_KEY, *value = on ? "1" : YOUNG_FILES;
    char *error = NULL;

    if (g->hurries == on)
        return;
    api->rocksdb_set_options(db, 1, &key, &value, &error);
    if (is_done(api, error))
        g->hurries = on;
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------- */

typedef struct Measure {
    const RocksApi *api;
    rocksdb_t *db;
    uint64_t bytes; /* of all */
} Measure;

/* What files have in the range, about. */
static bool
measure(void *arg, const GoneRange *r)
{
    const char *from = r->from, *to = r->to;
    size_t key_bytes = GONE_KEY_BYTES;
    Measure *m = arg;
    uint64_t bytes = 0;
    char *error = NULL;

    m->api->rocksdb_approximate_sizes(m->db, 1, &from, &key_bytes, &to, &key_bytes, &bytes, &error);
    if (!is_done(m->api, error))
        return true;
    m->bytes += bytes;
    return bytes >= LEAST_BYTES;
}

/* Of others it is not known later whether what lies in them was written before or after. */
static bool
has_ended(void *arg, const GoneRange *r)
{
    (void)arg;
    return r->ended != 0;
}

/* False: there are more. */
static bool
ask_for_files(const RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    uint32_t asked = 0;

    for (uint32_t i = 0; i < g->durable; i++) {
        if (range_at(g, i)->asked)
            continue;
        if (asked++ == ROUND_RANGES)
            return false;
        delete_files(api, db, range_at(g, i));
    }
    return true;
}

/* It is not worth to merge for it, or does not get less. What is kept may be worth it with more. */
static bool
is_over(RocksGone *g, uint64_t bytes, uint64_t all_bytes)
{
    g->idle_rounds = bytes < g->bytes ? 0 : g->idle_rounds + 1;
    g->bytes = bytes;
    if (g->idle_rounds == IDLE_ROUNDS_MOST)
        g->ranges.bytes = g->durable = g->ordered = 0;
    else if (bytes > 0 && bytes >= all_bytes / KEPT_SHARE)
        return false;
    filter(g, has_ended, NULL);
    return true;
}

void
rocks_gone_merge(RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    Measure m = {.api = api, .db = db};

    hurry(g, api, db, false); /* what there was to merge has begun */
    if (!g->to_do || g->durable < range_count(g))
        return;
    put_in_order(g);
    if (!ask_for_files(g, api, db) || is_busy(api, db))
        return;
    filter(g, measure, &m);
    g->to_do = !is_over(g, m.bytes, number_of(api, db, "rocksdb.live-sst-files-size"));
    if (!g->to_do)
        return;
    for (uint32_t i = 0; i < g->durable && i < ROUND_RANGES; i++) {
        delete_files(api, db, range_at(g, i)); /* also those that were being merged */
        suggest(api, db, range_at(g, i));
    }
    hurry(g, api, db, true);
}

void
rocks_gone_end(RocksGone *g, const RocksApi *api, rocksdb_t *db)
{
    if (g->to_do && g->durable == range_count(g)) {
        put_in_order(g);
        (void)ask_for_files(g, api, db); /* a stop does not wait for all of very many */
    }
    buf_free(&g->ranges);
}
