/* wal_end.c - see wal_end.h. Looks for a record at every place where one may begin, to the end of the last file. The kinds
 * and lengths there are sort out nearly everything before a checksum has to be computed. */
#include "storage/wal/wal_end.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/env.h"
#include "storage/wal/record.h"
#include "storage/wal/wal.h"

enum { PORTION_BYTES = 1 << 20 };

typedef struct Search {
    const WalDir *dir;
    Lsn end; /* the supposed end */
    WalSegment segment;
    Lsn at; /* LSN of buffer[0] */
    uint32_t bytes;
    uint8_t buffer[PORTION_BYTES + WAL_BURST_BYTES];
} Search;

static Status
fail_damaged(Ctx *cx, const WalDir *dir, Lsn at, const char *why, Lsn witness)
{
    char path[WAL_PATH_MOST];

    wal_segment_path(dir, at, path);
    (void)fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" is damaged at byte %llu (%llx): %s %llx", path,
               (unsigned long long)wal_file_offset(at), (unsigned long long)at, why,
               (unsigned long long)witness);
    fail_hint(
        cx, "What was committed from there on would be lost: restore the file, or the directory, from a copy.");
    return ST_CORRUPT;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Fills the buffer from s->at on, as far as there are files. */
static Status
fill(Ctx *cx, Search *s)
{
    s->bytes = 0;
    while (s->bytes < sizeof(s->buffer)) {
        Lsn at = s->at + s->bytes;
        uint64_t most;
        ssize_t n;

        if (s->segment.fd < 0 || s->segment.first != wal_segment_first(at)) {
            bool exists;

            wal_segment_close(cx, &s->segment);
            TRY(wal_segment_open(cx, s->dir, at, false, &s->segment, &exists));
            if (!exists)
                return ST_OK;
        }
        most = MIN_OF(sizeof(s->buffer) - s->bytes, s->segment.first + WAL_SEGMENT_BYTES - at);
        n = cx->env->pread(cx->env, s->segment.fd, s->buffer + s->bytes, most, (off_t)wal_file_offset(at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(cx, ST_IO, "58030", "could not read the log at %llx: %s", (unsigned long long)at,
                        strerror(errno));
        if (n == 0)
            return ST_OK;
        s->bytes += (uint32_t)n;
    }
    return ST_OK;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

static bool
is_known_kind(uint8_t kind)
{
    return (kind > RECORD_NONE && kind < RECORD_PAGE_KINDS) ||
           (kind >= RECORD_COMMIT && kind < RECORD_KIND_COUNT);
}

/* Recycled files are full of what looks like a record at first: without this, checksums of long pieces are all the search does. */
static bool
may_be_one(const WalRecord *r)
{
    return r->bytes >= sizeof(*r) && r->fork < FORK_COUNT &&
           r->bytes <= (r->kind < RECORD_PAGE_KINDS ? sizeof(*r) + RECORD_PAGE_MOST : (size_t)WAL_BURST_BYTES);
}

/* A whole record that tells of durable log behind the supposed end. */
static bool
is_witness(const Search *s, uint32_t offset)
{
    Lsn lsn = s->at + offset;
    uint32_t crc;
    WalRecord r;

    memcpy(&r, s->buffer + offset, sizeof(r));
    if (!may_be_one(&r) || (s->dir->data_key != NULL ? r.kind != RECORD_SEAL : !is_known_kind(r.kind)) ||
        r.bytes > s->bytes - offset || r.behind == WAL_BEHIND_MOST ||
        lsn - (uint64_t)r.behind * WAL_BEHIND_BYTES <= s->end || lsn <= s->end)
        return false;
    crc = crc32c(0, &lsn, sizeof(lsn));
    return crc32c(crc, s->buffer + offset + sizeof(r.crc), r.bytes - sizeof(r.crc)) == r.crc;
}

static Status
search_portion(Ctx *cx, const Search *s)
{
    uint32_t upto = MIN_OF(s->bytes, (uint32_t)PORTION_BYTES);

    for (uint32_t offset = 0; offset + sizeof(WalRecord) <= s->bytes && offset < upto; offset += WAL_ALIGN) {
        if (is_witness(s, offset))
            return fail_damaged(cx, s->dir, s->end, "no record can be read there, but one follows at",
                                s->at + offset);
    }
    return ST_OK;
}

static Status
search(Ctx *cx, Search *s, Lsn last)
{
    while (s->at < last + WAL_SEGMENT_BYTES) {
        TRY(fill(cx, s));
        if (s->bytes == 0) { /* a file is missing: go on with the next */
            s->at = wal_segment_first(s->at) + WAL_SEGMENT_BYTES;
            continue;
        }
        TRY(search_portion(cx, s));
        s->at += PORTION_BYTES;
    }
    return ST_OK;
}

Status
wal_verify_end(Ctx *cx, const WalDir *dir, Lsn end, Lsn needed)
{
    WalSegment segment;
    Lsn first, last;
    bool exists;
    Search *s;
    Status rc;

    if (end < needed)
        return fail_damaged(cx, dir, end, "no record can be read there, but the page store needs the log up to",
                            needed);
    TRY(wal_segments_range(cx, dir, &first, &last));
    TRY(wal_segment_open(cx, dir, end, false, &segment, &exists));
    wal_segment_close(cx, &segment);
    /* The next file is made when it is needed, so one may be missing where it would begin, and nowhere else. */
    if (!exists && end != wal_segment_first(end)) {
        char path[WAL_PATH_MOST];

        wal_segment_path(dir, end, path);
        return fail(cx, ST_CORRUPT, "XX001", "log file \"%s\" is missing: the log goes on in it from %llx",
                    path, (unsigned long long)end);
    }
    s = malloc(sizeof(*s));
    if (s == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    s->dir = dir;
    s->end = end;
    s->segment = WAL_SEGMENT_NONE;
    s->at = end;
    rc = search(cx, s, last);
    wal_segment_close(cx, &s->segment);
    free(s);
    return rc;
}
