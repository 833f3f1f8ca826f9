/* store_batch.c - see page_store.h. */
#include "storage/store/store_batch.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "shmem/pagecache/page.h"

uint32_t
store_page_key(PageId id, uint64_t epoch, uint8_t out[STORE_PAGE_KEY_MOST])
{
    out[0] = epoch != 0 ? 'O' : 'P';
    put_be32(out + 1, id.branch);
    put_be32(out + 5, id.relation);
    out[9] = id.fork;
    put_be32(out + 10, id.block);
    if (epoch == 0)
        return STORE_PAGE_KEY_BYTES;
    put_be32(out + 14, (uint32_t)(epoch >> 32));
    put_be32(out + 18, (uint32_t)epoch);
    return STORE_OLD_KEY_BYTES;
}

bool
store_old_key(const char *key, size_t key_bytes, PageId *id, uint64_t *epoch)
{
    const uint8_t *k = (const uint8_t *)key;

    if (key_bytes != STORE_OLD_KEY_BYTES || k[0] != 'O')
        return false;
    *id = (PageId){.branch = get_be32(k + 1),
                   .relation = get_be32(k + 5),
                   .fork = k[9],
                   .block = get_be32(k + 10)};
    *epoch = (uint64_t)get_be32(k + 14) << 32 | get_be32(k + 18);
    return true;
}

uint64_t
store_checksum(PageId id, const char *page)
{
    uint64_t name[2] = {(uint64_t)id.branch << 32 | id.relation, (uint64_t)id.fork << 32 | id.block};

    return hash_bytes(page, PAGE_BYTES) ^ hash_bytes(name, sizeof(name));
}

StoreBatch *
store_batch_new(void)
{
    return calloc(1, sizeof(StoreBatch));
}

void
store_batch_free(StoreBatch *batch)
{
    if (batch == NULL)
        return;
    buf_free(&batch->bytes);
    free(batch);
}

void
store_batch_clear(StoreBatch *batch)
{
    buf_clear(&batch->bytes);
    batch->count = 0;
}

uint32_t
store_batch_count(const StoreBatch *batch)
{
    return batch->count;
}

static void
add(StoreBatch *batch, StoreChange change, const void *key, size_t key_bytes, const void *value,
    size_t value_bytes)
{
    StoreItem item = {.key_bytes = (uint32_t)key_bytes,
                      .value_bytes = (uint32_t)value_bytes,
                      .change = (uint8_t)change};

    buf_add(&batch->bytes, &item, sizeof(item));
    buf_add(&batch->bytes, key, key_bytes);
    if (value_bytes > 0)
        buf_add(&batch->bytes, value, value_bytes);
    batch->count++;
}

void
store_batch_put(StoreBatch *batch, const char *key, size_t key_bytes, const void *value, size_t value_bytes)
{
    ASSERT(key_bytes <= STORE_KEY_MOST);
    add(batch, STORE_PUT, key, key_bytes, value, value_bytes);
}

void
store_batch_delete(StoreBatch *batch, const char *key, size_t key_bytes)
{
    add(batch, STORE_DELETE, key, key_bytes, NULL, 0);
}

void
store_batch_delete_range(StoreBatch *batch, const char *from, size_t from_bytes, const char *to,
                         size_t to_bytes)
{
    add(batch, STORE_DELETE_RANGE, from, from_bytes, to, to_bytes);
}

static void
put_image(StoreBatch *batch, PageId id, uint64_t epoch, const char *page)
{
    uint8_t key[STORE_PAGE_KEY_MOST];
    StoreItem item = {.key_bytes = store_page_key(id, epoch, key),
                      .value_bytes = STORE_PAGE_VALUE_BYTES,
                      .change = STORE_PUT};
    uint64_t checksum = store_checksum(id, page);

    buf_add(&batch->bytes, &item, sizeof(item));
    buf_add(&batch->bytes, key, item.key_bytes);
    buf_add(&batch->bytes, page, PAGE_BYTES);
    buf_add(&batch->bytes, &checksum, sizeof(checksum));
    batch->count++;
}

void
store_batch_put_page(StoreBatch *batch, PageId id, const char *page)
{
    put_image(batch, id, 0, page);
}

void
store_batch_put_old(StoreBatch *batch, PageId id, const char *page)
{
    put_image(batch, id, page_header_const(page)->epoch, page);
}

void
store_batch_put_lost(StoreBatch *batch, PageId id, uint64_t lsn)
{
    uint8_t key[STORE_PAGE_KEY_MOST], value[STORE_LOST_VALUE_BYTES];
    uint32_t key_bytes = store_page_key(id, 0, key);

    put_u64(value, lsn);
    add(batch, STORE_PUT, key, key_bytes, value, sizeof(value));
}

static void
add_old(StoreBatch *batch, StoreChange change, BranchId branch, RelationId relation)
{
    uint8_t from[9] = {'O'}, to[9] = {'O'};

    put_be32(from + 1, branch);
    put_be32(from + 5, relation);
    put_be32(to + 1, branch);
    put_be32(to + 5, relation + 1);
    add(batch, change, from, sizeof(from), to, sizeof(to));
}

void
store_batch_delete_old(StoreBatch *batch, BranchId branch, RelationId relation)
{
    add_old(batch, STORE_DELETE_RANGE, branch, relation);
}

void
store_batch_thinned(StoreBatch *batch, BranchId branch, RelationId relation)
{
    add_old(batch, STORE_THINNED, branch, relation);
}

void
store_batch_delete_image(StoreBatch *batch, PageId id, uint64_t epoch)
{
    uint8_t key[STORE_PAGE_KEY_MOST];
    uint32_t key_bytes = store_page_key(id, epoch, key);

    ASSERT(epoch != 0);
    add(batch, STORE_DELETE, key, key_bytes, NULL, 0);
}

void
store_batch_delete_beyond(StoreBatch *batch, PageId from)
{
    uint8_t first[STORE_PAGE_KEY_MOST], last[STORE_PAGE_KEY_MOST];
    PageId end = from;

    end.fork++;
    end.block = 0;
    add(batch, STORE_DELETE_RANGE, first, store_page_key(from, 0, first), last, store_page_key(end, 0, last));
}

void
store_batch_delete_pages(StoreBatch *batch, BranchId branch, RelationId relation)
{
    uint8_t from[9], to[9];

    for (int i = 0; i < 2; i++) {
        from[0] = to[0] = i == 0 ? 'P' : 'O';
        put_be32(from + 1, branch);
        put_be32(from + 5, relation);
        put_be32(to + 1, branch);
        put_be32(to + 5, relation + 1);
        add(batch, STORE_DELETE_ENDED, from, sizeof(from), to, sizeof(to)); /* B5: the id does not come again */
    }
}

void
store_batch_each(const StoreBatch *batch,
                 void (*each)(void *arg, StoreChange change, const char *key, size_t key_bytes,
                              const char *value, size_t value_bytes),
                 void *arg)
{
    const char *at = batch->bytes.data;

    for (uint32_t i = 0; i < batch->count; i++) {
        StoreItem item;
        const char *key = at + sizeof(item);

        memcpy(&item, at, sizeof(item));
        each(arg, (StoreChange)item.change, key, item.key_bytes, key + item.key_bytes, item.value_bytes);
        at = key + item.key_bytes + item.value_bytes;
    }
}
