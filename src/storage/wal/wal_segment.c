/* wal_segment.c - see wal_segment.h. */
#include "storage/wal/wal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/env.h"

enum { PATH_MOST = WAL_PATH_MOST, ZERO_BYTES = 64 * 1024 };

static const char making_name[] = "next";

static void
path_of(const WalDir *dir, Lsn first, char *out)
{
    snprintf(out, PATH_MOST, "%s/%016llx", dir->path, (unsigned long long)first);
}

void
wal_segment_path(const WalDir *dir, Lsn lsn, char out[WAL_PATH_MOST])
{
    path_of(dir, wal_segment_first(lsn), out);
}

/* The LSN a file name stands for; 0 = it is no segment's. */
static Lsn
lsn_of_name(const char *name)
{
    unsigned long long lsn = 0;
    char *end = NULL;

    if (strlen(name) != 16 || strspn(name, "0123456789abcdef") != 16)
        return 0;
    lsn = strtoull(name, &end, 16);
    return lsn % WAL_SEGMENT_BYTES == 0 ? (Lsn)lsn : 0;
}

static Status
fail_io(Ctx *cx, const char *what, const char *path)
{
    return fail(cx, ST_IO, env_is_full(errno) ? "53100" : "58030", "could not %s log file \"%s\": %s", what,
                path, strerror(errno));
}

Status
wal_write_at(Ctx *cx, int fd, const void *data, uint64_t bytes, uint64_t at, const char *path)
{
    const char *p = data;

    while (bytes > 0) {
        ssize_t n = cx->env->pwrite(cx->env, fd, p, bytes, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_io(cx, "write", path);
        p += n;
        at += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return ST_OK;
}

Status
wal_folder_sync(Ctx *cx, const WalDir *dir)
{
    return env_sync_folder(cx->env, dir->path) == 0 ? ST_OK : fail_io(cx, "flush folder of", dir->path);
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

static uint32_t
header_crc(const WalSegmentHeader *h)
{
    return crc32c(0, h, offsetof(WalSegmentHeader, crc));
}

static uint32_t
version_of(const WalDir *dir)
{
    return dir->data_key != NULL || dir->is_sealed ? WAL_FORMAT_SEALED : WAL_FORMAT_VERSION;
}

static Status
write_header(Ctx *cx, const WalDir *dir, int fd, Lsn first, const char *path)
{
    char block[WAL_SEGMENT_HEADER_BYTES] = {0};
    WalSegmentHeader h = {.magic = WAL_SEGMENT_MAGIC,
                          .version = version_of(dir),
                          .incarnation = dir->incarnation,
                          .system_id = dir->system_id,
                          .first = first};

    h.crc = header_crc(&h);
    memcpy(block, &h, sizeof(h));
    return wal_write_at(cx, fd, block, sizeof(block), 0, path);
}

/* A file gets its name when it is whole. */
static Status
check_length(Ctx *cx, int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail_io(cx, "examine", path);
    if ((uint64_t)st.st_size == WAL_SEGMENT_HEADER_BYTES + WAL_SEGMENT_BYTES)
        return ST_OK;
    return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" has %lld bytes instead of %llu", path,
                (long long)st.st_size, (unsigned long long)(WAL_SEGMENT_HEADER_BYTES + WAL_SEGMENT_BYTES));
}

static Status
check_header(Ctx *cx, const WalDir *dir, int fd, Lsn first, const char *path)
{
    WalSegmentHeader h;
    ssize_t n = cx->env->pread(cx->env, fd, &h, sizeof(h), 0);

    if (n < 0)
        return fail_io(cx, "read", path);
    if (n != (ssize_t)sizeof(h) || h.magic != WAL_SEGMENT_MAGIC || h.crc != header_crc(&h))
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" has a damaged header", path);
    if (h.version != version_of(dir) && (h.version == WAL_FORMAT_VERSION || h.version == WAL_FORMAT_SEALED))
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" is %s, unlike its data directory", path,
                    h.version == WAL_FORMAT_SEALED ? "encrypted" : "not encrypted");
    if (h.version != version_of(dir))
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" has format version %u, this server knows %d",
                    path, h.version, (int)version_of(dir));
    if (dir->system_id != 0 && h.system_id != dir->system_id)
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" is of another database system", path);
    if (h.first != first)
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" says that it begins at %llx", path,
                    (unsigned long long)h.first);
    return check_length(cx, fd, path);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

Status
wal_segment_open(Ctx *cx, const WalDir *dir, Lsn lsn, bool for_writing, WalSegment *out, bool *exists)
{
    Lsn first = wal_segment_first(lsn);
    char path[PATH_MOST];
    Status rc;

    path_of(dir, first, path);
    *out = (WalSegment){.fd = cx->env->open(cx->env, path, for_writing ? O_RDWR : O_RDONLY, 0), .first = first};
    *exists = out->fd >= 0;
    if (out->fd < 0)
        return errno == ENOENT ? ST_OK : fail_io(cx, "open", path);
    rc = check_header(cx, dir, out->fd, first, path);
    if (rc != ST_OK)
        wal_segment_close(cx, out);
    return rc;
}

void
wal_segment_close(Ctx *cx, WalSegment *segment)
{
    if (segment->fd >= 0)
        cx->env->close(cx->env, segment->fd);
    *segment = WAL_SEGMENT_NONE;
}

/* ---- making ----------------------------------------------------------------------------------------------------- */

Status
wal_making_begin(Ctx *cx, const WalDir *dir, Lsn first, WalMaking *m)
{
    char path[PATH_MOST];

    snprintf(path, sizeof(path), "%s/%s", dir->path, making_name);
    *m = (WalMaking){.fd = cx->env->open(cx->env, path, O_RDWR | O_CREAT | O_TRUNC, 0600), .first = first};
    return m->fd >= 0 ? ST_OK : fail_io(cx, "create", path);
}

static Status
finish_making(Ctx *cx, const WalDir *dir, WalMaking *m, const char *from)
{
    char to[PATH_MOST];
    Status rc = write_header(cx, dir, m->fd, m->first, from);

    path_of(dir, m->first, to);
    if (rc == ST_OK && cx->env->sync(cx->env, m->fd) != 0)
        rc = fail_io(cx, "flush", from);
    if (rc == ST_OK && cx->env->rename(cx->env, from, to) != 0)
        rc = fail_io(cx, "rename", from);
    if (rc == ST_OK)
        rc = wal_folder_sync(cx, dir);
    if (rc == ST_OK) {
        cx->env->close(cx->env, m->fd);
        *m = WAL_MAKING_NONE;
    }
    return rc;
}

Status
wal_making_step(Ctx *cx, const WalDir *dir, WalMaking *m, uint64_t bytes, bool *done)
{
    static const char zeros[ZERO_BYTES];
    uint64_t total = WAL_SEGMENT_HEADER_BYTES + WAL_SEGMENT_BYTES;
    char path[PATH_MOST];

    ASSERT(m->fd >= 0);
    *done = false;
    snprintf(path, sizeof(path), "%s/%s", dir->path, making_name);
    while (bytes > 0 && m->done_bytes < total) {
        uint64_t n = MIN_OF(MIN_OF(bytes, total - m->done_bytes), (uint64_t)ZERO_BYTES);

        TRY(wal_write_at(cx, m->fd, zeros, n, m->done_bytes, path));
        m->done_bytes += n;
        bytes -= n;
    }
    if (m->done_bytes < total)
        return ST_OK;
    TRY(finish_making(cx, dir, m, path));
    *done = true;
    return ST_OK;
}

void
wal_making_abandon(Ctx *cx, const WalDir *dir, WalMaking *m)
{
    char path[PATH_MOST];

    if (m->fd < 0)
        return;
    cx->env->close(cx->env, m->fd);
    *m = WAL_MAKING_NONE;
    snprintf(path, sizeof(path), "%s/%s", dir->path, making_name);
    (void)cx->env->unlink(cx->env, path);
}

/* ---- the folder ------------------------------------------------------------------------------------------------- */

typedef struct SegmentList {
    Lsn *firsts; /* ascending */
    uint32_t count, capacity;
} SegmentList;

static int
compare_lsn(const void *a, const void *b)
{
    Lsn x = *(const Lsn *)a, y = *(const Lsn *)b;

    return (x > y) - (x < y);
}

/* In cx->arena. */
static Status
list_segments(Ctx *cx, const WalDir *dir, SegmentList *list)
{
    DIR *d = opendir(dir->path);
    const struct dirent *e;

    *list = (SegmentList){0};
    if (d == NULL)
        return fail_io(cx, "list folder of", dir->path);
    while ((e = readdir(d)) != NULL) {
        Lsn first = lsn_of_name(e->d_name);

        if (first == 0)
            continue;
        if (list->count == list->capacity) {
            Lsn *more = arena_array(cx->arena, Lsn, MAX_OF(64, list->capacity * 2));

            if (list->count > 0)
                memcpy(more, list->firsts, list->count * sizeof(Lsn));
            list->firsts = more;
            list->capacity = MAX_OF(64, list->capacity * 2);
        }
        list->firsts[list->count++] = first;
    }
    closedir(d);
    if (list->count > 0)
        qsort(list->firsts, list->count, sizeof(Lsn), compare_lsn);
    return ST_OK;
}

Status
wal_segments_range(Ctx *cx, const WalDir *dir, Lsn *first, Lsn *last)
{
    SegmentList list;

    TRY(list_segments(cx, dir, &list));
    *first = list.count > 0 ? list.firsts[0] : 0;
    *last = list.count > 0 ? list.firsts[list.count - 1] : 0;
    return ST_OK;
}

static Status
delete_segment(Ctx *cx, const WalDir *dir, Lsn first)
{
    char path[PATH_MOST];

    path_of(dir, first, path);
    return cx->env->unlink(cx->env, path) == 0 ? ST_OK : fail_io(cx, "delete", path);
}

/* The file gets a new header before its new name: whoever finds it under the name finds it whole. If the log has come so far
 * meanwhile that there is such a file, it may be in use: then this one goes. */
static Status
reuse(Ctx *cx, const WalDir *dir, Lsn from, Lsn to)
{
    char old_path[PATH_MOST], new_path[PATH_MOST];
    Status rc;
    int fd;

    path_of(dir, from, old_path);
    path_of(dir, to, new_path);
    fd = cx->env->open(cx->env, old_path, O_RDWR, 0);
    if (fd < 0)
        return fail_io(cx, "open", old_path);
    rc = write_header(cx, dir, fd, to, old_path);
    if (rc == ST_OK && cx->env->sync(cx->env, fd) != 0)
        rc = fail_io(cx, "flush", old_path);
    cx->env->close(cx->env, fd);
    if (rc == ST_OK && cx->env->rename_new(cx->env, old_path, new_path) != 0)
        rc = errno == EEXIST ? delete_segment(cx, dir, from) : fail_io(cx, "rename", old_path);
    return rc;
}

Status
wal_segments_recycle(Ctx *cx, const WalDir *dir, Lsn before, Lsn current, uint32_t keep)
{
    SegmentList list;
    bool changed = false;
    Lsn next;

    TRY(list_segments(cx, dir, &list));
    if (list.count == 0)
        return ST_OK;
    /* Not the one that is being made: its name is taken last, so leave a gap for it. */
    next =
        MAX_OF(list.firsts[list.count - 1], wal_segment_first(current) + WAL_SEGMENT_BYTES) + WAL_SEGMENT_BYTES;
    for (uint32_t i = 0; i < list.count && list.firsts[i] + WAL_SEGMENT_BYTES <= before; i++) {
        if (next <= current + (uint64_t)keep * WAL_SEGMENT_BYTES) {
            TRY(reuse(cx, dir, list.firsts[i], next));
            next += WAL_SEGMENT_BYTES;
        } else {
            TRY(delete_segment(cx, dir, list.firsts[i]));
        }
        changed = true;
    }
    return changed ? wal_folder_sync(cx, dir) : ST_OK;
}

Status
wal_segments_shorten(Ctx *cx, const WalDir *dir, Lsn current)
{
    SegmentList list;
    bool changed = false;

    TRY(list_segments(cx, dir, &list));
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.firsts[i] <= wal_segment_first(current) + WAL_SEGMENT_BYTES)
            continue;
        TRY(delete_segment(cx, dir, list.firsts[i]));
        changed = true;
    }
    return changed ? wal_folder_sync(cx, dir) : ST_OK;
}

Status
wal_segments_remove(Ctx *cx, const WalDir *dir)
{
    SegmentList list;

    TRY(list_segments(cx, dir, &list));
    for (uint32_t i = 0; i < list.count; i++)
        TRY(delete_segment(cx, dir, list.firsts[i]));
    return list.count > 0 ? wal_folder_sync(cx, dir) : ST_OK;
}

/* Writes again what can be read between the two places of the segment. */
static Status
write_again(Ctx *cx, const WalDir *dir, const WalSegment *s, Lsn from, Lsn to)
{
    char piece[ZERO_BYTES];

    for (Lsn at = from; at < to;) {
        uint64_t n = MIN_OF(to - at, (uint64_t)sizeof(piece));
        ssize_t got = cx->env->pread(cx->env, s->fd, piece, n, (off_t)wal_file_offset(at));

        if (got <= 0) {
            if (got == 0)
                errno = EIO; /* it was there a moment ago */
            return fail_io(cx, "read", dir->path);
        }
        TRY(wal_write_at(cx, s->fd, piece, (uint64_t)got, wal_file_offset(at), dir->path));
        at += (uint64_t)got;
    }
    return ST_OK;
}

/* The segment's part [from, end) is written again, what is behind it is zeroed, and all of it flushed. */
static Status
settle_segment(Ctx *cx, const WalDir *dir, Lsn first, Lsn from, Lsn end)
{
    static const char zeros[ZERO_BYTES];
    WalSegment s;
    bool exists;
    Status rc;

    TRY(wal_segment_open(cx, dir, first, true, &s, &exists));
    if (!exists)
        return ST_OK;
    rc = write_again(cx, dir, &s, MAX_OF(from, first), end);
    for (Lsn at = end; rc == ST_OK && at < first + WAL_SEGMENT_BYTES;) {
        uint64_t n = MIN_OF(first + WAL_SEGMENT_BYTES - at, (uint64_t)ZERO_BYTES);

        rc = wal_write_at(cx, s.fd, zeros, n, wal_file_offset(at), dir->path);
        at += n;
    }
    if (rc == ST_OK && cx->env->sync(cx->env, s.fd) != 0)
        rc = fail_io(cx, "flush", dir->path);
    wal_segment_close(cx, &s);
    return rc;
}

Status
wal_segments_cut(Ctx *cx, const WalDir *dir, Lsn from, Lsn end)
{
    SegmentList list;

    TRY(list_segments(cx, dir, &list));
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.firsts[i] > end)
            TRY(delete_segment(cx, dir, list.firsts[i]));
    }
    TRY(wal_folder_sync(cx, dir));
    /* Earlier segments were flushed before anything was written to the next. */
    if (from < end && end == wal_segment_first(end))
        TRY(settle_segment(cx, dir, end - WAL_SEGMENT_BYTES, from, end));
    return settle_segment(cx, dir, wal_segment_first(end), MIN_OF(from, end), end);
}
