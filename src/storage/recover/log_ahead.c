/* log_ahead.c - see log_ahead.h.
 *
 * Why a page may be read early: its own record pins it, or the record that takes it away frees it. A copy that has not got its
 * link yet is asked for as an empty page, and its first record there is an image. */
#include "storage/recover/log_ahead.h"

#include <stdlib.h>

#include "shmem/pagecache/page_io.h"
#include "storage/recover/redo.h"
#include "storage/wal/wal.h"

enum { BATCH_RECORDS = 1024, BATCH_RECORDS_LEAST = 16, BATCH_BYTES = 128 * 1024, CACHE_SHARE = 16 };

typedef struct Batch {
    WalEntry entries[BATCH_RECORDS + 1]; /* one may be the end of the log */
    uint8_t data[BATCH_BYTES + WAL_BURST_BYTES];
    uint32_t count, next, bytes;
    bool ends; /* the last entry is the end of the log */
} Batch;

struct LogAhead {
    WalReader *reader;
    const LostPages *lost;
    uint32_t batch_records; /* at most; a small cache would have no room for the pages of more */
    uint32_t current; /* the other one comes after it */
    Batch batches[2];
};

static uint32_t
batch_records(const PageCache *cache)
{
    uint32_t share = cache->page_frames / CACHE_SHARE;

    return cache_has_store(cache) ? MIN_OF(MAX_OF(share, BATCH_RECORDS_LEAST), BATCH_RECORDS) : BATCH_RECORDS;
}

/* An image replaces the page, so it may be all that there is of it. */
static void
ask_for_page(Ctx *cx, const LogAhead *l, const WalRecord *r)
{
    PageId id = {.branch = r->branch, .relation = r->relation, .fork = r->fork, .block = r->block};
    CacheRel *rel;
    bool is_lost;

    if (redo_page_of(r->kind) == NULL || r->kind == RECORD_PAGE_IMAGE || r->fork >= FORK_COUNT)
        return;
    rel = cache_rel(cx, r->branch, r->relation);
    if (rel == NULL || rel->doomed || r->block >= cache_rel_length(rel, (Fork)r->fork))
        return;
    (void)lost_pages_find(l->lost, id, &is_lost);
    if (!is_lost)
        page_load_ahead(cx, rel, (Fork)r->fork, r->block, 1);
}

/* Nothing, if the end of the log was in the batch before. What can not be read is tried again when its turn comes: the records
 * before it are good. */
static void
fill(Ctx *cx, LogAhead *l, Batch *b, bool ended)
{
    bool found = true;

    b->count = b->next = b->bytes = 0;
    while (!ended && found && b->count < l->batch_records && b->bytes < BATCH_BYTES) {
        WalEntry *e = &b->entries[b->count];

        if (wal_reader_next(cx, l->reader, e, &found) != ST_OK) {
            ctx_error_clear(cx);
            found = true;
            break;
        }
        b->count++;
        if (!found)
            break;
        if (e->bytes > 0)
            memcpy(b->data + b->bytes, e->data, e->bytes);
        e->data = b->data + b->bytes;
        b->bytes += e->bytes;
        ask_for_page(cx, l, &e->record);
    }
    b->ends = !found;
}

Status
log_ahead_open(Ctx *cx, const WalDir *dir, Lsn at, const LostPages *lost, LogAhead **out)
{
    LogAhead *l = malloc(sizeof(*l));
    Status rc;

    if (l == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    l->reader = NULL;
    l->lost = lost;
    l->current = 0;
    l->batch_records = batch_records(page_cache(cx->proc));
    rc = wal_reader_open(cx, dir, at, &l->reader);
    if (rc != ST_OK) {
        log_ahead_close(cx, l);
        return rc;
    }
    fill(cx, l, &l->batches[0], false);
    fill(cx, l, &l->batches[1], l->batches[0].ends);
    *out = l;
    return ST_OK;
}

Status
log_ahead_next(Ctx *cx, LogAhead *l, WalEntry *out, bool *found)
{
    Batch *b = &l->batches[l->current];

    if (b->next == b->count) {
        Batch *coming = &l->batches[l->current ^ 1];

        fill(cx, l, b, coming->ends);
        if (coming->count > 0) {
            l->current ^= 1;
            b = coming;
        } else if (b->count == 0) {
            return wal_reader_next(cx, l->reader, out, found);
        }
    }
    *out = b->entries[b->next++];
    *found = !b->ends || b->next < b->count;
    return ST_OK;
}

void
log_ahead_close(Ctx *cx, LogAhead *l)
{
    if (l == NULL)
        return;
    wal_reader_close(cx, l->reader);
    free(l);
}
