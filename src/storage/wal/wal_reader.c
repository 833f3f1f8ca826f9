/* wal_reader.c - see wal_reader.h. Reads ahead in pieces; a record that crosses a segment is put together.
 *
 * Of an encrypted log the window is what one portion holds. A record never crosses the end of a portion. */
#include "storage/wal/wal_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/env.h"
#include "storage/wal/wal.h"
#include "storage/wal/wal_portion.h"

enum { READ_BYTES = 1 << 20 };

struct WalReader {
    WalDir dir;
    WalSegment segment;
    Lsn at; /* of the next record */
    Lsn window; /* LSN of buffer[0] */
    uint32_t window_bytes;
    uint32_t capacity; /* of the buffer */
    uint8_t *buffer;
    SealRing *ring; /* of an encrypted log; else NULL */
    uint8_t seal[WAL_SEAL_BYTES]; /* of the portion in the window */
};

static Status
need_capacity(Ctx *cx, WalReader *r, uint32_t bytes)
{
    uint8_t *more;

    if (bytes <= r->capacity)
        return ST_OK;
    more = realloc(r->buffer, bytes);
    if (more == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    r->buffer = more;
    r->capacity = bytes;
    return ST_OK;
}

void
wal_reader_close(Ctx *cx, WalReader *r)
{
    if (r == NULL)
        return;
    wal_segment_close(cx, &r->segment);
    seal_ring_close(r->ring);
    free(r->buffer);
    free(r);
}

/* What the file of `at` has from there on, at most `most`. *got 0: there is no more. */
static Status
read_file(Ctx *cx, WalReader *r, Lsn at, void *out, uint32_t most, uint32_t *got)
{
    ssize_t n;

    *got = 0;
    if (r->segment.fd < 0 || r->segment.first != wal_segment_first(at)) {
        bool exists;

        wal_segment_close(cx, &r->segment);
        TRY(wal_segment_open(cx, &r->dir, at, false, &r->segment, &exists));
        if (!exists)
            return ST_OK;
    }
    most = (uint32_t)MIN_OF((uint64_t)most, r->segment.first + WAL_SEGMENT_BYTES - at);
    do
        n = cx->env->pread(cx->env, r->segment.fd, out, most, (off_t)wal_file_offset(at));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(cx, ST_IO, "58030", "could not read the log at %llx: %s", (unsigned long long)at,
                    strerror(errno));
    *got = (uint32_t)n;
    return ST_OK;
}

/* Appends to the window. */
static Status
read_more(Ctx *cx, WalReader *r, uint32_t most, uint32_t *got)
{
    TRY(read_file(cx, r, r->window + r->window_bytes, r->buffer + r->window_bytes, most, got));
    r->window_bytes += *got;
    return ST_OK;
}

/* ---- portions of an encrypted log -------------------------------------------------------------------------------- */

static Status
read_whole(Ctx *cx, WalReader *r, Lsn at, uint8_t *out, uint32_t bytes, bool *there)
{
    *there = true;
    for (uint32_t done = 0, got; done < bytes && *there; done += got) {
        TRY(read_file(cx, r, at + done, out + done, bytes - done, &got));
        *there = got > 0;
    }
    return ST_OK;
}

/* The portion that begins at `at` becomes the window; *found false: none does, or not all of it is there. */
static Status
open_portion(Ctx *cx, WalReader *r, Lsn at, bool *found)
{
    uint32_t bytes = 0;

    TRY(read_whole(cx, r, at, r->seal, sizeof(r->seal), found));
    *found = *found && wal_portion_begins(r->seal, at, &bytes);
    if (!*found)
        return ST_OK;
    TRY(need_capacity(cx, r, bytes));
    TRY(read_whole(cx, r, at + WAL_SEAL_BYTES, r->buffer, bytes, found));
    if (*found)
        TRY(wal_portion_open(cx, r->ring, at, r->seal, r->buffer, found));
    r->window = at + WAL_SEAL_BYTES;
    r->window_bytes = *found ? bytes : 0;
    return ST_OK;
}

/* Puts what lies at `place` into the buffer, as much as there is at once; a seal may go on in the next file. */
static Status
read_for_seal(Ctx *cx, WalReader *r, Lsn place, uint32_t *got)
{
    bool whole;

    TRY(read_file(cx, r, place, r->buffer, READ_BYTES + WAL_SEAL_BYTES, got));
    if (*got >= WAL_SEAL_BYTES)
        return ST_OK;
    TRY(read_whole(cx, r, place, r->buffer, WAL_SEAL_BYTES, &whole));
    *got = whole ? WAL_SEAL_BYTES : 0;
    return ST_OK;
}

/* The portion that `at` lies in, if it begins in that segment; 0 = it does not. Looks wherever one may begin, until there is
 * one: from there on each says where the next is. *any: there was one, so that no earlier one gets as far as this. */
static Status
seek_in_segment(Ctx *cx, WalReader *r, Lsn segment, Lsn at, Lsn *out, bool *any)
{
    Lsn end = MIN_OF(at, segment + WAL_SEGMENT_BYTES), place = segment, read_at = 0;
    uint32_t bytes, got = 0;

    *out = 0;
    *any = false;
    TRY(need_capacity(cx, r, READ_BYTES + WAL_SEAL_BYTES));
    while (place < end) {
        if (place + WAL_SEAL_BYTES > read_at + got) {
            read_at = place;
            TRY(read_for_seal(cx, r, place, &got));
            if (got == 0)
                return ST_OK;
        }
        if (!wal_portion_begins(r->buffer + (place - read_at), place, &bytes)) {
            place += WAL_ALIGN;
            continue;
        }
        *any = true;
        if (place + WAL_SEAL_BYTES + bytes > at) {
            *out = place;
            return ST_OK;
        }
        place += WAL_SEAL_BYTES + bytes;
    }
    return ST_OK;
}

/* So that the next record is the one at `at`: in the middle of a portion, say. */
static Status
seek(Ctx *cx, WalReader *r, Lsn at)
{
    Lsn first, last, portion = 0;
    bool found, any = false;

    TRY(wal_segments_range(cx, &r->dir, &first, &last));
    TRY(open_portion(cx, r, at, &found));
    if (found || first == 0) {
        r->window = at; /* the seal is the next record */
        r->window_bytes = 0;
        return ST_OK;
    }
    for (Lsn segment = wal_segment_first(at); segment >= first && !any; segment -= WAL_SEGMENT_BYTES)
        TRY(seek_in_segment(cx, r, segment, at, &portion, &any));
    found = false;
    if (portion != 0)
        TRY(open_portion(cx, r, portion, &found));
    if (!found) { /* then nothing can be read from here on */
        r->window = at;
        r->window_bytes = 0;
    }
    return ST_OK;
}

/* The next record is a seal. */
static Status
next_portion(Ctx *cx, WalReader *r, WalEntry *out, bool *found)
{
    TRY(open_portion(cx, r, r->at, found));
    if (!*found) {
        r->window = r->at;
        r->window_bytes = 0;
        return ST_OK;
    }
    memcpy(&out->record, r->seal, sizeof(out->record));
    out->data = r->seal + sizeof(out->record);
    out->bytes = sizeof(WalSeal);
    r->at += WAL_SEAL_BYTES;
    out->end = r->at;
    return ST_OK;
}

Status
wal_reader_open(Ctx *cx, const WalDir *dir, Lsn at, WalReader **out)
{
    WalReader *r = calloc(1, sizeof(*r));
    Status rc;

    ASSERT(at % WAL_ALIGN == 0);
    if (r == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    r->dir = *dir;
    r->segment = WAL_SEGMENT_NONE;
    r->at = r->window = at;
    rc = need_capacity(cx, r, READ_BYTES + WAL_BURST_BYTES);
    if (rc == ST_OK && dir->data_key != NULL)
        rc = seal_ring_open(cx, dir->data_key, wal_key_purpose, &r->ring);
    if (rc == ST_OK && dir->data_key != NULL)
        rc = seek(cx, r, at);
    if (rc != ST_OK) {
        wal_reader_close(cx, r);
        return rc;
    }
    *out = r;
    return ST_OK;
}

/* Makes sure that `bytes` from r->at on are in the window. */
static Status
need(Ctx *cx, WalReader *r, uint32_t bytes, bool *there)
{
    uint32_t skip = (uint32_t)(r->at - r->window), got;

    *there = r->window_bytes >= skip + bytes;
    if (*there || r->ring != NULL)
        return ST_OK;
    *there = true;
    if (skip > 0) {
        memmove(r->buffer, r->buffer + skip, r->window_bytes - skip);
        r->window_bytes -= skip;
        r->window = r->at;
    }
    while (r->window_bytes < bytes) {
        TRY(read_more(cx, r, r->capacity - r->window_bytes, &got));
        if (got == 0) {
            *there = false;
            return ST_OK;
        }
    }
    return ST_OK;
}

static bool
is_whole(const WalReader *r, const WalRecord *head, const uint8_t *bytes)
{
    uint32_t crc = crc32c(0, &r->at, sizeof(r->at));

    return crc32c(crc, bytes + sizeof(head->crc), head->bytes - sizeof(head->crc)) == head->crc;
}

static Status
next_record(Ctx *cx, WalReader *r, WalEntry *out, bool *found)
{
    const uint8_t *bytes;

    TRY(need(cx, r, sizeof(WalRecord), found));
    if (!*found)
        return ST_OK;
    memcpy(&out->record, r->buffer + (r->at - r->window), sizeof(WalRecord));
    if (out->record.bytes < sizeof(WalRecord) || out->record.bytes > WAL_BURST_BYTES) {
        *found = false;
        return ST_OK;
    }
    TRY(need(cx, r, out->record.bytes, found));
    if (!*found)
        return ST_OK;
    bytes = r->buffer + (r->at - r->window);
    *found = is_whole(r, &out->record, bytes);
    if (!*found)
        return ST_OK;
    out->data = bytes + sizeof(WalRecord);
    out->bytes = out->record.bytes - (uint32_t)sizeof(WalRecord);
    r->at += ALIGN_UP(out->record.bytes, (uint32_t)WAL_ALIGN);
    out->end = r->at;
    return ST_OK;
}

Status
wal_reader_next(Ctx *cx, WalReader *r, WalEntry *out, bool *found)
{
    *found = false;
    *out = (WalEntry){.lsn = r->at, .end = r->at};
    if (r->ring != NULL && r->at == r->window + r->window_bytes)
        return next_portion(cx, r, out, found);
    TRY(next_record(cx, r, out, found));
    /* What a seal vouches for was never torn. */
    if (r->ring != NULL && !*found)
        return fail(cx, ST_CORRUPT, "XX001",
                    "no record can be read at %llx, though the portion it lies in is whole",
                    (unsigned long long)r->at);
    return ST_OK;
}
