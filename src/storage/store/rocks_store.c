/* rocks_store.c - pages in RocksDB: one column family, its log off, one flush per checkpoint step (S1).
 *
 * A damaged table file costs the pages in it. But compaction reads files as a whole, and RocksDB takes no more writes once
 * that has failed: so as soon as damage is noticed there is no more compaction, in this run and, by a mark beside the store
 * ("pages.damaged"), in those that follow. Reading then gets slower over time, which is better than not going on. One that is
 * running by then goes on, and may still come to the damage.
 *
 * When the disk is full a flush or a merge fails, and RocksDB writes no more; what it was given it keeps in memory and goes
 * on reading. The next attempt to write makes it go on (rocks_resume). Not so when it was a quota that was used up: then there is
 * no way back for RocksDB but to be opened again, so as soon as there is space writing fails, and recovery opens it (S2).
 *
 * Of an encrypted store RocksDB sees our keys, which are numbers, and values that have been through store_seal.h.
 *
 * Our page cache is in front, so its block cache is small, and pages do not go into it. A block of a table file holds one
 * page, so that reading one does not unpack its neighbours; with zstd, which is chosen for the room, it holds two. Files are
 * written whole, so there are no torn pages; each page has its own checksum besides. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/env.h"
#include "base/log.h"
#include "base/stop_point.h"
#include "storage/store/rocks_api.h"
#include "storage/store/rocks_gone.h"
#include "storage/store/rocks_resume.h"
#include "storage/store/store_batch.h"
#include "storage/store/store_seal.h"
#include "storage/store/table_files.h"

enum {
    BLOCK_CACHE_BYTES = 32 << 20,
    BLOCK_BYTES = 8 * 1024,
    ZSTD_BLOCK_BYTES = 16 * 1024,
    MEMTABLE_BYTES = 64 << 20,
    BLOOM_BITS = 10,
    MANIFEST_AHEAD_BYTES = 64 * 1024,
    LIST_US = 500 * 1000, /* between two looks at what files there are; and for each file: */
    LIST_FILE_US = 500,
    FLUSH_NAP_US = 500,
    FLUSH_ASK_NAPS = 100,
};
#define MEMTABLE_BLOOM_SHARE 0.02

typedef struct RocksStore {
    PageStore base;
    RocksApi api;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *read_options, *page_read_options;
    rocksdb_writeoptions_t *write_options;
    rocksdb_flushoptions_t *flush_options;
    rocksdb_cache_t *cache;
    TableFiles *tables; /* NULL = nothing is located */
    _Atomic uint64_t list_us; /* atomic: when to look next at what files there are */
    StoreSeal *seal; /* NULL = values are as they are */
    RocksGone gone;
    bool merges; /* since merge() was called */
    bool read_only;
    _Atomic bool damaged; /* atomic: no compaction any more */
    _Atomic bool stalled; /* atomic: there was no space, and RocksDB has stopped writing */
    char path[4096 - 16], mark_path[4096];
} RocksStore;

/* ---- damage ----------------------------------------------------------------------------------------------------- */

static bool
is_corruption(const char *text)
{
    return strncmp(text, "Corruption", 10) == 0;
}

/* As env_is_full, from RocksDB's text, which ends with the system's. */
static bool
is_full(const char *text)
{
    return strstr(text, "No space left on device") != NULL || strstr(text, "Disk quota exceeded") != NULL;
}

static bool
is_marked(Env *env, const RocksStore *s)
{
    int fd = env->open(env, s->mark_path, O_RDONLY, 0);

    if (fd >= 0)
        env->close(env, fd);
    return fd >= 0;
}

/* The one that the store's folder and its mark lie in. */
static bool
sync_folder(Env *env, const RocksStore *s)
{
    char path[sizeof(s->path)];
    char *last;

    snprintf(path, sizeof(path), "%s", s->path);
    last = strrchr(path, '/');
    if (last != NULL)
        last[last == path] = '\0'; /* of the root something is left */
    return env_sync_folder(env, last != NULL ? path : ".") == 0;
}

static void
write_mark(Env *env, const RocksStore *s, const char *text)
{
    int fd = env->open(env, s->mark_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool ok = fd >= 0 && env->write(env, fd, text, strlen(text)) == (ssize_t)strlen(text) &&
              env->write(env, fd, "\n", 1) == 1 && env->sync(env, fd) == 0;

    if (fd >= 0)
        env->close(env, fd);
    if (!ok || !sync_folder(env, s))
        log_line(LOG_ERROR, "could not write \"%s\"", s->mark_path);
}

/* RocksDB's text, which is the caller's; NULL: done. */
static char *
switch_merging(const RocksStore *s, bool on)
{
    const char *key = "disable_auto_compactions", *value = on ? "false" : "true";
    char *error = NULL;

    s->api.rocksdb_set_options(s->db, 1, &key, &value, &error);
    return error;
}

/* RocksDB breaks a compaction off only when it is closed. */
static bool
is_merging(const RocksStore *s)
{
    uint64_t running;

    return s->api.rocksdb_property_int(s->db, "rocksdb.num-running-compactions", &running) == 0 && running > 0;
}

static void
note_damage(Env *env, RocksStore *s, const char *text)
{
    char *error;

    if (s->read_only || !is_corruption(text) || atomic_exchange(&s->damaged, true))
        return;
    write_mark(env, s, text);
    error = switch_merging(s, false);
    log_line(LOG_ERROR, "a file of the page store is damaged, so its files are not merged any more: %s", text);
    if (is_merging(s))
        log_line(LOG_WARNING,
                 "merging that is under way goes on: if it comes to the damage, the server recovers once");
    if (error != NULL)
        s->api.rocksdb_free(error);
}

/* RocksDB's text, which it allocated. */
static Status
fail_rocks(Ctx *cx, RocksStore *s, const char *what, char *text)
{
    bool full = is_full(text);
    Status rc;

    if (s->db != NULL)
        note_damage(cx->env, s, text);
    if (full)
        s->stalled = true;
    rc = fail(cx, ST_IO,
              full                  ? "53100"
              : is_corruption(text) ? "XX001"
                                    : "58030",
              "could not %s the page store \"%s\": %s", what, s->path, text);
    s->api.rocksdb_free(text);
    return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void
take_page(StoreRead *r, const char *value, size_t bytes)
{
    uint64_t checksum;

    if (bytes != STORE_PAGE_VALUE_BYTES) {
        r->found = STORE_DAMAGED;
        return;
    }
    memcpy(&checksum, value + PAGE_BYTES, sizeof(checksum));
    memcpy(r->page, value, PAGE_BYTES);
    r->found = checksum == store_checksum(r->id, r->page) ? STORE_FOUND : STORE_DAMAGED;
}

/* What is stored below a key as it was given to us; *bytes 0: it is damaged. `room` is cleared and may be used. */
static Status
value_of(Ctx *cx, const RocksStore *s, const char *key, size_t key_bytes, Buf *room, const char **value,
         size_t *bytes)
{
    bool whole;

    if (s->seal == NULL)
        return ST_OK;
    buf_clear(room);
    TRY(store_unseal_value(cx, s->seal, key, key_bytes, *value, *bytes, room, &whole));
    *value = room->data;
    *bytes = room->bytes;
    return ST_OK;
}

/* RocksDB's text, which it allocated. Only if it says so the page is damaged: a disk that does not answer, or a want of memory
 * or of file numbers, passes. */
static Status
fail_page_read(Ctx *cx, RocksStore *s, StoreRead *r, char *text)
{
    char what[64];

    if (!is_corruption(text)) {
        snprintf(what, sizeof(what), "read block %u of relation %u from", r->id.block, r->id.relation);
        return fail_rocks(cx, s, what, text);
    }
    log_line(LOG_ERROR, "page store: relation %u, block %u can not be read: %s", r->id.relation, r->id.block,
             text);
    note_damage(cx->env, s, text);
    s->api.rocksdb_free(text);
    r->found = STORE_DAMAGED;
    return ST_OK;
}

static Status
rocks_read(Ctx *cx, PageStore *store, StoreRead *reads, uint32_t count)
{
    RocksStore *s = (RocksStore *)store;
    Buf room = {0};
    Status rc = ST_OK;

    for (uint32_t i = 0; i < count && rc == ST_OK; i++) {
        uint8_t key[STORE_PAGE_KEY_MOST];
        uint32_t key_bytes = store_page_key(reads[i].id, reads[i].epoch, key);
        char *error = NULL;
        rocksdb_pinnableslice_t *slice;
        const char *value;
        size_t bytes = 0;

        slice = s->api.rocksdb_get_pinned(s->db, s->page_read_options, (const char *)key, key_bytes, &error);
        if (error != NULL) {
            rc = fail_page_read(cx, s, &reads[i], error);
        } else if (slice == NULL) {
            reads[i].found = STORE_MISSING;
        } else {
            value = s->api.rocksdb_pinnableslice_value(slice, &bytes);
            rc = value_of(cx, s, (const char *)key, key_bytes, &room, &value, &bytes);
            if (rc == ST_OK)
                take_page(&reads[i], value, bytes);
        }
        if (slice != NULL)
            s->api.rocksdb_pinnableslice_destroy(slice);
    }
    buf_free(&room);
    return rc;
}

/* ---- older images -------------------------------------------------------------------------------------------------- */

/* Over keys from `from` to before `to`, both kept by the caller as long as it is used. */
typedef struct OldWalk {
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *it;
} OldWalk;

static OldWalk
begin_walk(const RocksStore *s, const char *from, size_t from_bytes, const char *to, size_t to_bytes)
{
    const RocksApi *api = &s->api;
    OldWalk w = {.options = api->rocksdb_readoptions_create()};

    api->rocksdb_readoptions_set_verify_checksums(w.options, 1);
    api->rocksdb_readoptions_set_fill_cache(w.options, 0);
    api->rocksdb_readoptions_set_iterate_lower_bound(w.options, from, from_bytes);
    api->rocksdb_readoptions_set_iterate_upper_bound(w.options, to, to_bytes);
    w.it = api->rocksdb_create_iterator(s->db, w.options);
    return w;
}

/* Returns RocksDB's text, which is the caller's; NULL: all was well. */
static char *
end_walk(const RocksStore *s, OldWalk *w)
{
    char *error = NULL;

    s->api.rocksdb_iter_get_error(w->it, &error);
    s->api.rocksdb_iter_destroy(w->it);
    s->api.rocksdb_readoptions_destroy(w->options);
    return error;
}

static Status
take_old(Ctx *cx, RocksStore *s, const OldWalk *w, StoreRead *r)
{
    size_t key_bytes, bytes;
    const char *key = s->api.rocksdb_iter_key(w->it, &key_bytes);
    const char *value = s->api.rocksdb_iter_value(w->it, &bytes);
    Buf room = {0};
    Status rc = value_of(cx, s, key, key_bytes, &room, &value, &bytes);

    if (rc == ST_OK && store_old_key(key, key_bytes, &r->id, &r->epoch))
        take_page(r, value, bytes);
    buf_free(&room);
    return rc;
}

static Status
rocks_read_old(Ctx *cx, PageStore *store, StoreRead *r)
{
    RocksStore *s = (RocksStore *)store;
    uint8_t from[STORE_PAGE_KEY_MOST], to[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(r->id, 1, from);
    Status rc = ST_OK;
    char *error;
    OldWalk w;

    (void)store_page_key(r->id, r->epoch + 1, to);
    w = begin_walk(s, (char *)from, key_bytes, (char *)to, key_bytes);
    s->api.rocksdb_iter_seek_for_prev(w.it, (char *)to, key_bytes);
    r->found = STORE_MISSING;
    if (s->api.rocksdb_iter_valid(w.it)) {
        r->found = STORE_DAMAGED;
        rc = take_old(cx, s, &w, r);
    }
    error = end_walk(s, &w);
    if (rc != ST_OK && error != NULL)
        s->api.rocksdb_free(error);
    TRY(rc);
    return error == NULL ? ST_OK : fail_page_read(cx, s, r, error);
}

static Status
rocks_scan_old(Ctx *cx, PageStore *store, PageId from, bool (*each)(void *arg, PageId id, uint64_t epoch),
               void *arg)
{
    RocksStore *s = (RocksStore *)store;
    uint8_t first[STORE_PAGE_KEY_MOST], last[STORE_PAGE_KEY_MOST];
    PageId end = {.branch = from.branch, .relation = from.relation + 1};
    uint32_t key_bytes = store_page_key(from, 1, first);
    OldWalk w;
    char *error;

    (void)store_page_key(end, 1, last);
    w = begin_walk(s, (char *)first, key_bytes, (char *)last, key_bytes);
    for (s->api.rocksdb_iter_seek(w.it, (char *)first, key_bytes); s->api.rocksdb_iter_valid(w.it);
         s->api.rocksdb_iter_next(w.it)) {
        size_t bytes;
        const char *key = s->api.rocksdb_iter_key(w.it, &bytes);
        uint64_t epoch;
        PageId id;

        if (store_old_key(key, bytes, &id, &epoch) && !each(arg, id, epoch))
            break;
    }
    error = end_walk(s, &w);
    return error == NULL ? ST_OK : fail_rocks(cx, s, "read", error);
}

static Status
rocks_get(Ctx *cx, PageStore *store, const char *key, size_t key_bytes, Buf *value, bool *found)
{
    RocksStore *s = (RocksStore *)store;
    char *error = NULL, *data;
    const char *plain;
    Buf room = {0};
    Status rc = ST_OK;
    size_t bytes = 0;

    data = s->api.rocksdb_get(s->db, s->read_options, key, key_bytes, &bytes, &error);
    if (error != NULL)
        return fail_rocks(cx, s, "read", error);
    *found = data != NULL;
    if (data != NULL) {
        plain = data;
        rc = value_of(cx, s, key, key_bytes, &room, &plain, &bytes);
        if (rc == ST_OK && bytes > 0)
            buf_add(value, plain, bytes);
        s->api.rocksdb_free(data);
    }
    buf_free(&room);
    return rc;
}

static Status
rocks_scan(Ctx *cx, PageStore *store, const char *prefix, size_t prefix_bytes,
           Status (*each)(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value,
                          size_t value_bytes),
           void *arg)
{
    RocksStore *s = (RocksStore *)store;
    rocksdb_iterator_t *it = s->api.rocksdb_create_iterator(s->db, s->read_options);
    char *error = NULL;
    Buf room = {0};
    Status rc = ST_OK;

    for (s->api.rocksdb_iter_seek(it, prefix, prefix_bytes); rc == ST_OK && s->api.rocksdb_iter_valid(it);
         s->api.rocksdb_iter_next(it)) {
        size_t key_bytes, value_bytes;
        const char *key = s->api.rocksdb_iter_key(it, &key_bytes);
        const char *value = s->api.rocksdb_iter_value(it, &value_bytes);

        if (key_bytes < prefix_bytes || memcmp(key, prefix, prefix_bytes) != 0)
            break;
        rc = value_of(cx, s, key, key_bytes, &room, &value, &value_bytes);
        if (rc == ST_OK)
            rc = each(cx, arg, key, key_bytes, value, value_bytes);
    }
    buf_free(&room);
    s->api.rocksdb_iter_get_error(it, &error);
    s->api.rocksdb_iter_destroy(it);
    if (error == NULL)
        return rc;
    if (rc == ST_OK)
        return fail_rocks(cx, s, "read", error);
    s->api.rocksdb_free(error);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

typedef struct Fill {
    Ctx *cx;
    RocksStore *store;
    rocksdb_writebatch_t *batch;
    uint32_t gone; /* ranges */
    Status rc;
} Fill;

static void
fill_one(void *arg, StoreChange change, const char *key, size_t key_bytes, const char *value,
         size_t value_bytes)
{
    Fill *f = arg;
    const RocksApi *api = &f->store->api;

    if (change == STORE_PUT && f->store->seal != NULL && f->rc == ST_OK)
        f->rc =
            store_seal_value(f->cx, f->store->seal, key, key_bytes, value, value_bytes, &value, &value_bytes);
    if (f->rc != ST_OK)
        return;
    switch (change) {
    case STORE_PUT: api->rocksdb_writebatch_put(f->batch, key, key_bytes, value, value_bytes); break;
    case STORE_DELETE: api->rocksdb_writebatch_delete(f->batch, key, key_bytes); break;
    case STORE_DELETE_RANGE:
    case STORE_DELETE_ENDED:
        api->rocksdb_writebatch_delete_range(f->batch, key, key_bytes, value, value_bytes);
        ASSERT(change != STORE_DELETE_ENDED || (key_bytes == GONE_KEY_BYTES && value_bytes == GONE_KEY_BYTES));
        if (key_bytes == GONE_KEY_BYTES &&
            rocks_gone_note(&f->store->gone, key, value, change == STORE_DELETE_ENDED))
            f->gone++;
        break;
    case STORE_THINNED: f->gone += rocks_gone_note(&f->store->gone, key, value, false); break;
    }
}

/* Tries it out: what a quota leaves nobody tells. */
static bool
is_there_space(Env *env, const RocksStore *s)
{
    enum { ROOM_BYTES = 4 << 20, PIECE_BYTES = 1 << 16 };
    static const char zeros[PIECE_BYTES];
    char path[sizeof(s->mark_path)];
    bool there;
    int fd;

    snprintf(path, sizeof(path), "%s.space", s->path);
    fd = env->open(env, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    there = fd >= 0;
    for (int at = 0; there && at < ROOM_BYTES; at += PIECE_BYTES)
        there = env->write(env, fd, zeros, PIECE_BYTES) == PIECE_BYTES;
    there = there && env->sync(env, fd) == 0;
    if (fd >= 0) {
        env->close(env, fd);
        (void)env->unlink(env, path);
    }
    return there;
}

static Status
go_on(Ctx *cx, RocksStore *s)
{
    RocksResumed resumed;

    if (!s->stalled)
        return ST_OK;
    resumed = rocks_resume(s->db);
    if (resumed == ROCKS_STOPPED && is_there_space(cx->env, s))
        return fail(cx, ST_IO, "58030", "there is space again, but the page store \"%s\" has to be opened anew",
                    s->path);
    if (resumed != ROCKS_GOES_ON)
        return fail(cx, ST_IO, "53100", "could not write to the page store \"%s\": no space left on device",
                    s->path);
    s->stalled = false;
    return ST_OK;
}

static Status
rocks_apply(Ctx *cx, PageStore *store, StoreBatch *batch)
{
    RocksStore *s = (RocksStore *)store;
    Fill fill = {.cx = cx, .store = s};
    char *error = NULL;

    if (batch->bytes.failed)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    TRY(go_on(cx, s));
    fill.batch = s->api.rocksdb_writebatch_create();
    if (s->seal != NULL)
        store_seal_begin(s->seal);
    store_batch_each(batch, fill_one, &fill);
    if (s->seal != NULL)
        store_seal_end(s->seal);
    if (fill.rc == ST_OK)
        s->api.rocksdb_write(s->db, s->write_options, fill.batch, &error);
    s->api.rocksdb_writebatch_destroy(fill.batch);
    if (fill.gone > 0 && (fill.rc != ST_OK || error != NULL))
        rocks_gone_unnote(&s->gone, fill.gone);
    TRY(fill.rc);
    return error == NULL ? ST_OK : fail_rocks(cx, s, "write to", error);
}

static Status
flush_once(Ctx *cx, RocksStore *s)
{
    char *error = NULL;

    s->api.rocksdb_flush(s->db, s->flush_options, &error);
    return error == NULL ? ST_OK : fail_rocks(cx, s, "flush", error);
}

/* RocksDB says when a flush is done; but once it has been without space it never waits again for one that it begins (of 7.8:
 * that it was stopped is not forgotten when it goes on). So it is asked what is left in memory. Whether it has failed in the
 * background another flush tells. */
static Status
rocks_flush(Ctx *cx, PageStore *store)
{
    RocksStore *s = (RocksStore *)store;
    uint64_t unflushed;

    TRY(go_on(cx, s));
    TRY(flush_once(cx, s));
    for (uint32_t naps = 1;; naps++) {
        struct timespec nap = {.tv_nsec = FLUSH_NAP_US * 1000};

        if (s->api.rocksdb_property_int(s->db, "rocksdb.num-immutable-mem-table", &unflushed) != 0)
            return fail(cx, ST_IO, "58030", "the page store \"%s\" does not say whether it is flushed",
                        s->path);
        if (unflushed == 0)
            break;
        nanosleep(&nap, NULL);
        if (naps % FLUSH_ASK_NAPS == 0)
            TRY(flush_once(cx, s));
    }
    rocks_gone_flushed(&s->gone);
    return ST_OK;
}

/* Hard links to table files, which never change; the rest is small. */
static Status
rocks_copy(Ctx *cx, PageStore *store, const char *path)
{
    RocksStore *s = (RocksStore *)store;
    char *error = NULL;
    rocksdb_checkpoint_t *maker = s->api.rocksdb_checkpoint_object_create(s->db, &error);

    if (error != NULL)
        return fail_rocks(cx, s, "copy", error);
    s->api.rocksdb_checkpoint_create(maker, path, 0, &error);
    s->api.rocksdb_checkpoint_object_destroy(maker);
    return error == NULL ? ST_OK : fail_rocks(cx, s, "copy", error);
}

/* ---- where pages lie ---------------------------------------------------------------------------------------------- */

/* Once in a while, one thread at a time. */
static void
list_files(Ctx *cx, RocksStore *s)
{
    uint64_t due = atomic_load(&s->list_us);
    const rocksdb_livefiles_t *list;

    if (env_mono_us(cx->env) < due || !atomic_compare_exchange_strong(&s->list_us, &due, UINT64_MAX))
        return;
    list = s->api.rocksdb_livefiles(s->db);
    table_files_begin(s->tables);
    for (int i = 0; i < s->api.rocksdb_livefiles_count(list); i++) {
        size_t smallest_bytes, largest_bytes;
        const char *smallest = s->api.rocksdb_livefiles_smallestkey(list, i, &smallest_bytes);
        const char *largest = s->api.rocksdb_livefiles_largestkey(list, i, &largest_bytes);

        table_files_add(s->tables, strtoull(s->api.rocksdb_livefiles_name(list, i) + 1, NULL, 10),
                        s->api.rocksdb_livefiles_level(list, i), s->api.rocksdb_livefiles_size(list, i),
                        smallest, smallest_bytes, largest, largest_bytes);
    }
    s->api.rocksdb_livefiles_destroy(list);
    if (table_files_end(cx, s->tables))
        page_spots_files_gone(cx->proc);
    atomic_store(&s->list_us,
                 env_mono_us(cx->env) + LIST_US + (uint64_t)table_files_count(s->tables) * LIST_FILE_US);
}

static bool
rocks_locate(Ctx *cx, PageStore *store, PageId id, const char *page, PageSpot *out)
{
    RocksStore *s = (RocksStore *)store;
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, 0, key);

    if (s->tables == NULL)
        return false;
    list_files(cx, s);
    return table_files_find(cx, s->tables, key, key_bytes, page, out);
}

static void
rocks_stats(Ctx *cx, PageStore *store, StoreStats *out)
{
    RocksStore *s = (RocksStore *)store;
    char *young;

    if (s->tables != NULL)
        list_files(cx, s);
    *out = (StoreStats){0};
    (void)s->api.rocksdb_property_int(s->db, "rocksdb.total-sst-files-size", &out->file_bytes);
    (void)s->api.rocksdb_property_int(s->db, "rocksdb.cur-size-all-mem-tables", &out->memory_bytes);
    (void)s->api.rocksdb_property_int(s->db, "rocksdb.estimate-pending-compaction-bytes", &out->debt_bytes);
    young = s->api.rocksdb_property_value(s->db, "rocksdb.num-files-at-level0"); /* a number of no other kind */
    if (young != NULL) {
        out->level0_files = strtoull(young, NULL, 10);
        s->api.rocksdb_free(young);
    }
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static void
rocks_close(Ctx *cx, PageStore *store)
{
    RocksStore *s = (RocksStore *)store;

    table_files_free(cx, s->tables);
    if (s->db != NULL) {
        rocks_gone_end(&s->gone, &s->api, s->db);
        s->api.rocksdb_close(s->db);
    }
    if (s->options != NULL) {
        s->api.rocksdb_flushoptions_destroy(s->flush_options);
        s->api.rocksdb_writeoptions_destroy(s->write_options);
        s->api.rocksdb_readoptions_destroy(s->read_options);
        s->api.rocksdb_readoptions_destroy(s->page_read_options);
        s->api.rocksdb_cache_destroy(s->cache);
        s->api.rocksdb_options_destroy(s->options);
    }
    store_seal_close(s->seal);
    free(s);
}

static void
begin_merging(RocksStore *s)
{
    char *error;

    stop_point("store.before_merging");
    error = switch_merging(s, true);
    if (error == NULL && s->damaged) /* a reader has noticed it meanwhile, and its word came before ours */
        error = switch_merging(s, false);
    if (error == NULL)
        return;
    log_line(LOG_WARNING, "the files of the page store are not merged: %s", error);
    s->api.rocksdb_free(error);
}

static void
rocks_merge(Ctx *cx, PageStore *store)
{
    RocksStore *s = (RocksStore *)store;

    (void)cx;
    if (s->damaged || s->stalled)
        return;
    if (!s->merges)
        begin_merging(s);
    s->merges = true;
    rocks_gone_merge(&s->gone, &s->api, s->db);
}

static const PageStoreMethods rocks_methods = {.read = rocks_read,
                                               .read_old = rocks_read_old,
                                               .scan_old = rocks_scan_old,
                                               .apply = rocks_apply,
                                               .flush = rocks_flush,
                                               .get = rocks_get,
                                               .scan = rocks_scan,
                                               .copy = rocks_copy,
                                               .locate = rocks_locate,
                                               .merge = rocks_merge,
                                               .stats = rocks_stats,
                                               .close = rocks_close};

/* Of single calls. */
static void
set_call_options(RocksStore *s)
{
    const RocksApi *api = &s->api;

    s->read_options = api->rocksdb_readoptions_create();
    api->rocksdb_readoptions_set_verify_checksums(s->read_options, 1);
    s->page_read_options = api->rocksdb_readoptions_create();
    api->rocksdb_readoptions_set_verify_checksums(s->page_read_options, 1);
    api->rocksdb_readoptions_set_fill_cache(s->page_read_options, 0);
    s->write_options = api->rocksdb_writeoptions_create();
    api->rocksdb_writeoptions_disable_WAL(s->write_options, 1);
    s->flush_options = api->rocksdb_flushoptions_create();
    api->rocksdb_flushoptions_set_wait(s->flush_options, 1);
}

static void
set_options(RocksStore *s, const StoreOptions *o)
{
    const RocksApi *api = &s->api;
    rocksdb_block_based_table_options_t *table = api->rocksdb_block_based_options_create();
    /* With encryption values come compressed and sealed: no compression here (S3). */
    int above = o->compression == STORE_COMPRESS_NONE || o->data_key != NULL ? rocksdb_no_compression
                                                                             : rocksdb_lz4_compression;
    int levels[] = {above, o->compression == STORE_COMPRESS_ZSTD && o->data_key == NULL
                               ? rocksdb_zstd_compression
                               : above};

    s->cache = api->rocksdb_cache_create_lru(BLOCK_CACHE_BYTES);
    api->rocksdb_block_based_options_set_block_cache(table, s->cache);
    api->rocksdb_block_based_options_set_block_size(table, o->compression == STORE_COMPRESS_ZSTD
                                                               ? ZSTD_BLOCK_BYTES
                                                               : BLOCK_BYTES);
    api->rocksdb_block_based_options_set_filter_policy(table,
                                                       api->rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    api->rocksdb_block_based_options_set_format_version(table, 5);
    s->options = api->rocksdb_options_create();
    api->rocksdb_options_set_block_based_table_factory(s->options, table);
    api->rocksdb_block_based_options_destroy(table);
    api->rocksdb_options_set_create_if_missing(s->options, !o->read_only);
    api->rocksdb_options_set_compression(s->options, above);
    /* Young files, and all below. A compression of the bottommost level alone would not do: files that overlap with no others,
     * as after a load, are moved down as they are, and RocksDB takes a first level that is the only one for the last. */
    api->rocksdb_options_set_compression_per_level(s->options, levels, COUNT_OF(levels));
    api->rocksdb_options_set_write_buffer_size(s->options, MEMTABLE_BYTES);
    api->rocksdb_options_set_max_write_buffer_number(s->options, 4);
    api->rocksdb_options_set_memtable_prefix_bloom_size_ratio(s->options, MEMTABLE_BLOOM_SHARE);
    api->rocksdb_options_set_memtable_whole_key_filtering(s->options, 1);
    api->rocksdb_options_set_max_background_jobs(s->options, MAX_OF(o->background_threads, 2));
    api->rocksdb_options_set_max_open_files(s->options, 512);
    api->rocksdb_options_set_bytes_per_sync(s->options, 1 << 20);
    api->rocksdb_options_set_target_file_size_base(s->options, 64 << 20);
    api->rocksdb_options_set_max_bytes_for_level_base(s->options, 256 << 20);
    api->rocksdb_options_set_level_compaction_dynamic_level_bytes(s->options, 1);
    api->rocksdb_options_set_level0_slowdown_writes_trigger(s->options, 32);
    api->rocksdb_options_set_level0_stop_writes_trigger(s->options, 64);
    api->rocksdb_options_set_paranoid_checks(s->options, 1);
    api->rocksdb_options_set_disable_auto_compactions(s->options, 1); /* until begin_merging */
    /* By itself it takes 4 MB ahead, on a nearly full disk all there is: for the next file, without which the store does not
     * open, nothing would be left. */
    api->rocksdb_options_set_manifest_preallocation_size(s->options, MANIFEST_AHEAD_BYTES);
    api->rocksdb_options_set_stats_dump_period_sec(s->options, 0);
    /* It has a log of its own on the same disk, and builds with assertions do not survive that writing to it fails: so
     * nothing is written but its head, and when it is opened there is room for that. What goes wrong we are told anyway. */
    api->rocksdb_options_set_info_log_level(s->options, 4);
    api->rocksdb_options_set_keep_log_file_num(s->options, 2);
    if (o->read_only) /* it would begin one there */
        api->rocksdb_options_set_db_log_dir(s->options, o->scratch);
}

Status
store_rocks_open(Ctx *cx, const StoreOptions *options, PageStore **out)
{
    RocksStore *s = calloc(1, sizeof(*s));
    char *error = NULL;
    Status rc;

    if (s == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    s->base.methods = &rocks_methods;
    s->read_only = options->read_only;
    snprintf(s->path, sizeof(s->path), "%s", options->path);
    snprintf(s->mark_path, sizeof(s->mark_path), "%s.damaged", s->path);
    rc = rocks_api_load(cx, &s->api);
    if (rc == ST_OK && options->data_key != NULL)
        rc = store_seal_open(cx, options->data_key, options->compression, &s->seal);
    if (rc != ST_OK) {
        free(s);
        return rc;
    }
    set_options(s, options);
    set_call_options(s);
    if (options->index_bytes > 0 && options->data_key == NULL)
        s->tables = table_files_new(options->path, options->index_bytes); /* without: nothing is located */
    if (!s->read_only && is_marked(cx->env, s)) {
        s->damaged = true;
        log_line(LOG_WARNING, "a file of the page store is damaged (see \"%s\"): its files are not merged",
                 s->mark_path);
    }
    s->db = options->read_only ? s->api.rocksdb_open_for_read_only(s->options, options->path, 0, &error)
                               : s->api.rocksdb_open(s->options, options->path, &error);
    if (error != NULL) {
        rc = fail_rocks(cx, s, "open", error);
        rocks_close(cx, &s->base);
        return rc;
    }
    *out = &s->base;
    return ST_OK;
}
