/* index_queue.c - see index_queue.h.
 *
 * An entry lies in an arena as | check 1 | key | TID, 6 bytes, big-endian |: sorted with its TID, equal keys
 * come in the order the tree wants. */
#include "backend/exec/index_queue.h"

#include "backend/exec/key_sort.h"
#include "base/bytes.h"

enum { ROWS_MOST = 32 * 1024, BYTES_MOST = 8 * 1024 * 1024, KEY_TID_BYTES = 6, AT_ONCE = 512 };

typedef struct IndexEntries {
    KeyItem *items;
    uint32_t count, capacity;
} IndexEntries;

struct IndexQueue {
    Ctx *cx;
    const TableInfo *table;
    Arena keys; /* of all indexes */
    Arena arrays;
    IndexEntries *entries; /* by index */
    uint32_t rows;
};

IndexQueue *
index_queue_new(Ctx *cx, Arena *arena, const TableInfo *table)
{
    IndexQueue *q = arena_new(arena, IndexQueue);

    q->cx = cx;
    q->table = table;
    q->entries = arena_array(arena, IndexEntries, MAX_OF(table->index_count, 1));
    arena_init(&q->keys, "index keys", arena->budget);
    arena_init(&q->arrays, "index entries", arena->budget);
    return q;
}

void
index_queue_close(IndexQueue *q)
{
    if (q == NULL)
        return;
    arena_free(&q->keys);
    arena_free(&q->arrays);
}

/* With as much again for sorting. */
static Status
need_item(IndexQueue *q, IndexEntries *e)
{
    uint32_t capacity = MAX_OF(1024, e->capacity * 2);
    size_t bytes = 2 * sizeof(KeyItem) * (size_t)capacity;
    KeyItem *items;

    if (e->count < e->capacity)
        return ST_OK;
    items = arena_try_alloc(&q->arrays, bytes);
    if (items == NULL)
        return fail_memory(q->cx, bytes);
    if (e->count > 0)
        memcpy(items, e->items, sizeof(*items) * e->count);
    e->items = items;
    e->capacity = capacity;
    return ST_OK;
}

Status
index_queue_add(IndexQueue *q, int index_no, const Buf *key, bool check, Tid tid)
{
    IndexEntries *e = &q->entries[index_no];
    size_t bytes = key->bytes + KEY_TID_BYTES;
    char *at;

    TRY(need_item(q, e));
    at = key->failed ? NULL : arena_try_alloc(&q->keys, 1 + bytes);
    if (at == NULL)
        return fail_memory(q->cx, bytes);
    *at++ = check;
    memcpy(at, key->data, key->bytes);
    put_be16(at + key->bytes, (uint16_t)(tid >> 32));
    put_be32(at + key->bytes + 2, (uint32_t)tid);
    e->items[e->count++] = key_item(at, (uint32_t)bytes, q->rows);
    return ST_OK;
}

void
index_queue_next_row(IndexQueue *q)
{
    q->rows++;
}

uint32_t
index_queue_rows(const IndexQueue *q)
{
    return q->rows;
}

bool
index_queue_is_full(const IndexQueue *q)
{
    return q->rows >= ROWS_MOST || q->keys.total_bytes >= BYTES_MOST;
}

static BtreeNew
entry_of(const KeyItem *k)
{
    uint32_t bytes = k->bytes - KEY_TID_BYTES;
    Tid tid = (Tid)get_be16(k->key + bytes) << 32 | get_be32(k->key + bytes + 2);

    return (BtreeNew){{k->key, bytes}, tid, k->key[-1] ? BTREE_UNIQUE_CHECK : BTREE_UNIQUE_NO};
}

static Status
flush_index(IndexQueue *q, int index_no, IndexConflict *conflict)
{
    IndexEntries *e = &q->entries[index_no];
    uint32_t at = 0;

    TRY(key_sort(q->cx, e->items, e->items + e->capacity, e->count));
    while (at < e->count) {
        BtreeNew entries[AT_ONCE];
        uint32_t n = MIN_OF(e->count - at, (uint32_t)AT_ONCE), done;
        Tid other;

        for (uint32_t i = 0; i < n; i++)
            entries[i] = entry_of(&e->items[at + i]);
        TRY(btree_insert_many(q->cx, &q->table->indexes[index_no].btree, entries, n, &q->table->heap, &done,
                              &other));
        if (other != TID_NONE) {
            if (conflict->index_no < 0 || e->items[at + done].row < conflict->row)
                *conflict = (IndexConflict){index_no, e->items[at + done].row, entries[done].tid};
            done++;
        }
        at += done;
    }
    return ST_OK;
}

Status
index_queue_flush(IndexQueue *q, IndexConflict *conflict)
{
    Status rc = ST_OK;

    *conflict = (IndexConflict){.index_no = -1};
    for (int i = 0; i < q->table->index_count && rc == ST_OK; i++)
        rc = flush_index(q, i, conflict);
    for (int i = 0; i < q->table->index_count; i++)
        q->entries[i] = (IndexEntries){0};
    arena_reset(&q->keys);
    arena_reset(&q->arrays);
    q->rows = 0;
    return rc;
}
