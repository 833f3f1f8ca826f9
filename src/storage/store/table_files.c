/* table_files.c - see table_files.h. Files are kept in the order in which RocksDB would ask them: level 0, newest first, then
 * the levels below. The first that has the key decides: if that is not the version we look for, it is in no file (but still in
 * memory, or in a file that we have not been told of yet). */
#include "storage/store/table_files.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/env.h"
#include "storage/store/page_store.h"
#include "storage/store/table_format.h"

enum { LOOK_MOST = 6 /* files for one key */, IDLE_USES = 20000 /* until an index may give way */ };

typedef struct TableFile {
    uint32_t no;
    int level;
    uint64_t bytes;
    uint8_t smallest_bytes, largest_bytes;
    char smallest[STORE_KEY_MOST], largest[STORE_KEY_MOST];
    bool is_strange; /* not understood, or not readable: not tried again */
    int fd; /* with an index */
    char *index; /* NULL = not in memory */
    size_t index_bytes;
    TableIndexForm form;
    uint64_t used; /* TableFiles.uses when it last was */
} TableFile;

struct TableFiles {
    pthread_mutex_t lock; /* of all that follows */
    TableFile *files;
    uint32_t count;
    TableFile *next; /* being told */
    uint32_t next_count, next_room;
    bool next_failed;
    uint64_t uses;
    uint64_t index_bytes, index_most;
    char folder[4096 - 32];
    char packed[TABLE_BLOCK_MOST + 1], plain[TABLE_BLOCK_MOST];
};

TableFiles *
table_files_new(const char *folder, uint64_t index_bytes)
{
    TableFiles *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    snprintf(t->folder, sizeof(t->folder), "%s", folder);
    t->index_most = index_bytes;
    return t;
}

static void
drop_index(Ctx *cx, TableFiles *t, TableFile *f)
{
    if (f->index == NULL)
        return;
    free(f->index);
    f->index = NULL;
    t->index_bytes -= f->index_bytes;
    (void)cx->env->close(cx->env, f->fd);
}

void
table_files_free(Ctx *cx, TableFiles *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        drop_index(cx, t, &t->files[i]);
    free(t->files);
    free(t->next);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- which files there are ------------------------------------------------------------------------------------------ */

void
table_files_begin(TableFiles *t)
{
    t->next_count = 0;
    t->next_failed = false;
}

void
table_files_add(TableFiles *t, uint64_t no, int level, uint64_t bytes, const char *smallest,
                size_t smallest_bytes, const char *largest, size_t largest_bytes)
{
    TableFile *f;

    if (no == 0 || no > UINT32_MAX || smallest_bytes > STORE_KEY_MOST || largest_bytes > STORE_KEY_MOST)
        return;
    if (t->next_count == t->next_room) {
        uint32_t room = t->next_room * 2 + 16;
        TableFile *more = realloc(t->next, room * sizeof(*more));

        if (more == NULL) {
            t->next_failed = true;
            return;
        }
        t->next = more;
        t->next_room = room;
    }
    f = &t->next[t->next_count++];
    *f = (TableFile){.no = (uint32_t)no,
                     .level = level,
                     .bytes = bytes,
                     .smallest_bytes = (uint8_t)smallest_bytes,
                     .largest_bytes = (uint8_t)largest_bytes};
    memcpy(f->smallest, smallest, smallest_bytes);
    memcpy(f->largest, largest, largest_bytes);
}

static int
compare_files(const void *a, const void *b)
{
    const TableFile *x = a, *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return x->no > y->no ? -1 : x->no < y->no;
}

static TableFile *
file_no(TableFile *files, uint32_t count, uint32_t no)
{
    for (uint32_t i = 0; i < count; i++) {
        if (files[i].no == no)
            return &files[i];
    }
    return NULL;
}

bool
table_files_end(Ctx *cx, TableFiles *t)
{
    TableFile *before = t->files;
    bool gone = false;

    if (t->next_failed || t->next_count == 0)
        return false;
    qsort(t->next, t->next_count, sizeof(*t->next), compare_files);
    pthread_mutex_lock(&t->lock);
    for (uint32_t i = 0; i < t->count; i++) {
        TableFile *old = &t->files[i], *f = file_no(t->next, t->next_count, old->no);

        if (f == NULL) {
            drop_index(cx, t, old);
            gone = true;
            continue;
        }
        f->is_strange = old->is_strange;
        f->fd = old->fd;
        f->index = old->index;
        f->index_bytes = old->index_bytes;
        f->form = old->form;
        f->used = old->used;
    }
    t->files = t->next;
    t->count = t->next_count;
    pthread_mutex_unlock(&t->lock);
    free(before);
    t->next = NULL;
    t->next_room = t->next_count = 0;
    return gone;
}

uint32_t
table_files_count(TableFiles *t)
{
    uint32_t count;

    pthread_mutex_lock(&t->lock);
    count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}

/* ---- their indexes -------------------------------------------------------------------------------------------------- */

/* A block, unpacked; the caller frees it. NULL: there is none that we understand. */
static char *
read_block(Ctx *cx, int fd, uint64_t file_bytes, TableHandle h, size_t most, size_t *bytes)
{
    char *packed, *plain = NULL;

    if (h.bytes > most || h.offset > file_bytes || h.bytes + TABLE_TAIL_BYTES > file_bytes - h.offset)
        return NULL;
    packed = malloc(h.bytes + 1);
    if (packed != NULL &&
        cx->env->pread(cx->env, fd, packed, h.bytes + 1, (off_t)h.offset) == (ssize_t)h.bytes + 1) {
        *bytes = table_plain_bytes(packed, h.bytes + 1);
        if (*bytes > 0 && *bytes <= most && (plain = malloc(*bytes)) != NULL &&
            !table_unpack(packed, h.bytes + 1, plain, *bytes)) {
            free(plain);
            plain = NULL;
        }
    }
    free(packed);
    return plain;
}

static char *
read_index(Ctx *cx, int fd, uint64_t file_bytes, TableIndexForm *form, size_t *bytes)
{
    char footer[TABLE_FOOTER_BYTES], *meta, *properties = NULL;
    TableHandle meta_index, index, h;
    size_t meta_bytes = 0, properties_bytes = 0;
    bool understood;

    if (file_bytes < sizeof(footer) ||
        cx->env->pread(cx->env, fd, footer, sizeof(footer), (off_t)(file_bytes - sizeof(footer))) !=
            (ssize_t)sizeof(footer) ||
        !table_footer(footer, &meta_index, &index))
        return NULL;
    meta = read_block(cx, fd, file_bytes, meta_index, TABLE_META_MOST, &meta_bytes);
    if (meta != NULL && table_meta_find(meta, meta_bytes, "rocksdb.properties", &h))
        properties = read_block(cx, fd, file_bytes, h, TABLE_META_MOST, &properties_bytes);
    understood = properties != NULL && table_index_form(properties, properties_bytes, form);
    free(properties);
    free(meta);
    return understood ? read_block(cx, fd, file_bytes, index, TABLE_INDEX_MOST, bytes) : NULL;
}

/* Makes room as long as there are indexes that have not been used for long; to read one after the other again and again would
 * be dearer than what it saves. */
static bool
make_room(Ctx *cx, TableFiles *t, size_t bytes)
{
    while (t->index_bytes + bytes > t->index_most) {
        TableFile *oldest = NULL;

        for (uint32_t i = 0; i < t->count; i++) {
            TableFile *f = &t->files[i];

            if (f->index != NULL && (oldest == NULL || f->used < oldest->used))
                oldest = f;
        }
        if (oldest == NULL || t->uses - oldest->used < IDLE_USES)
            return false;
        drop_index(cx, t, oldest);
    }
    return true;
}

static bool
load_index(Ctx *cx, TableFiles *t, TableFile *f)
{
    char path[4096];
    size_t bytes = 0;

    if (f->is_strange || !make_room(cx, t, f->index_bytes > 0 ? f->index_bytes : 1))
        return false;
    snprintf(path, sizeof(path), "%s/%06u.sst", t->folder, f->no);
    f->fd = cx->env->open(cx->env, path, O_RDONLY | O_CLOEXEC, 0);
    if (f->fd >= 0)
        f->index = read_index(cx, f->fd, f->bytes, &f->form, &bytes);
    if (f->index == NULL) {
        f->is_strange = true;
        if (f->fd >= 0)
            (void)cx->env->close(cx->env, f->fd);
        return false;
    }
    f->index_bytes = bytes;
    f->used = t->uses; /* now, so that it is not the one that gives way */
    t->index_bytes += bytes;
    if (t->index_bytes <= t->index_most || make_room(cx, t, 0))
        return true;
    drop_index(cx, t, f); /* its size is known now */
    return false;
}

/* ---- finding -------------------------------------------------------------------------------------------------------- */

static bool
may_have(const TableFile *f, const void *key, size_t key_bytes)
{
    int low = memcmp(f->smallest, key, MIN_OF(f->smallest_bytes, key_bytes));
    int high = memcmp(f->largest, key, MIN_OF(f->largest_bytes, key_bytes));

    return (low < 0 || (low == 0 && f->smallest_bytes <= key_bytes)) &&
           (high > 0 || (high == 0 && f->largest_bytes >= key_bytes));
}

/* TABLE_OTHER: not the value, or nothing that we understand. */
static TableFound
look_into(Ctx *cx, TableFiles *t, const TableFile *f, TableHandle h, const void *key, size_t key_bytes,
          const char *page)
{
    size_t packed_bytes = h.bytes + 1, plain_bytes, found_bytes;
    const char *found_value;
    TableFound found;

    if (cx->env->pread(cx->env, f->fd, t->packed, packed_bytes, (off_t)h.offset) != (ssize_t)packed_bytes)
        return TABLE_OTHER;
    plain_bytes = table_plain_bytes(t->packed, packed_bytes);
    if (plain_bytes == 0 || plain_bytes > sizeof(t->plain) ||
        !table_unpack(t->packed, packed_bytes, t->plain, plain_bytes))
        return TABLE_OTHER;
    found = table_find(t->plain, plain_bytes, key, key_bytes, &found_value, &found_bytes);
    if (found == TABLE_FOUND &&
        (found_bytes != STORE_PAGE_VALUE_BYTES || memcmp(found_value, page, PAGE_BYTES) != 0))
        return TABLE_OTHER;
    return found;
}

static bool
find(Ctx *cx, TableFiles *t, const void *key, size_t key_bytes, const char *page, PageSpot *out)
{
    int looked = 0;

    t->uses++;
    for (uint32_t i = 0; i < t->count && looked < LOOK_MOST; i++) {
        TableFile *f = &t->files[i];
        TableFound found;
        TableHandle h;

        if (!may_have(f, key, key_bytes))
            continue;
        looked++;
        if (f->index == NULL && !load_index(cx, t, f))
            return false;
        f->used = t->uses;
        if (!table_index_find(f->index, f->index_bytes, f->form, key, key_bytes, &h))
            continue;
        if (h.bytes > (uint64_t)MIN_OF((int)PAGE_SPOT_BYTES_MOST, (int)TABLE_BLOCK_MOST) ||
            h.offset > UINT32_MAX)
            return false;
        found = look_into(cx, t, f, h, key, key_bytes, page);
        if (found == TABLE_NOT_THERE)
            continue;
        if (found == TABLE_FOUND)
            *out = (PageSpot){.file = f->no, .offset = (uint32_t)h.offset, .bytes = (uint32_t)h.bytes};
        return found == TABLE_FOUND;
    }
    return false;
}

bool
table_files_find(Ctx *cx, TableFiles *t, const void *key, size_t key_bytes, const char *page, PageSpot *out)
{
    bool found;

    pthread_mutex_lock(&t->lock);
    found = find(cx, t, key, key_bytes, page, out);
    pthread_mutex_unlock(&t->lock);
    return found;
}
