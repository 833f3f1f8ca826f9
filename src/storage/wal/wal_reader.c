/* wal_reader.c - see wal_reader.h. Reads ahead in portions; a record that crosses a segment is put together. */
#include "storage/wal/wal_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/env.h"
#include "storage/wal/wal.h"

enum { READ_BYTES = 1 << 20 };

struct WalReader {
    WalDir dir;
    WalSegment segment;
    Lsn at; /* of the next record */
    Lsn window; /* LSN of buffer[0] */
    uint32_t window_bytes;
    uint8_t buffer[READ_BYTES + WAL_BURST_BYTES];
};

Status
wal_reader_open(Ctx *cx, const WalDir *dir, Lsn at, WalReader **out)
{
    WalReader *r = malloc(sizeof(*r));

    ASSERT(at % WAL_ALIGN == 0);
    if (r == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    r->dir = *dir;
    r->segment = WAL_SEGMENT_NONE;
    r->at = r->window = at;
    r->window_bytes = 0;
    *out = r;
    return ST_OK;
}

void
wal_reader_close(Ctx *cx, WalReader *r)
{
    if (r == NULL)
        return;
    wal_segment_close(cx, &r->segment);
    free(r);
}

/* Appends what the segment of the window's end has, at most `most`. *got 0: there is no more. */
static Status
read_more(Ctx *cx, WalReader *r, uint32_t most, uint32_t *got)
{
    Lsn at = r->window + r->window_bytes;
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
        n = cx->env->pread(cx->env, r->segment.fd, r->buffer + r->window_bytes, most,
                           (off_t)wal_file_offset(at));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(cx, ST_IO, "58030", "could not read the log at %llx: %s", (unsigned long long)at,
                    strerror(errno));
    r->window_bytes += (uint32_t)n;
    *got = (uint32_t)n;
    return ST_OK;
}

/* Makes sure that `bytes` from r->at on are in the window. */
static Status
need(Ctx *cx, WalReader *r, uint32_t bytes, bool *there)
{
    uint32_t skip = (uint32_t)(r->at - r->window), got;

    *there = true;
    if (r->window_bytes >= skip + bytes)
        return ST_OK;
    if (skip > 0) {
        memmove(r->buffer, r->buffer + skip, r->window_bytes - skip);
        r->window_bytes -= skip;
        r->window = r->at;
    }
    while (r->window_bytes < bytes) {
        TRY(read_more(cx, r, (uint32_t)sizeof(r->buffer) - r->window_bytes, &got));
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

Status
wal_reader_next(Ctx *cx, WalReader *r, WalEntry *out, bool *found)
{
    const uint8_t *bytes;

    *found = false;
    *out = (WalEntry){.lsn = r->at, .end = r->at};
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
