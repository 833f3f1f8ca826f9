/* store_fault.c - see store_fault.h.
 *
 * Damage is done where a disk would do it: below the checksum. What is written is changed in the batch, which has the
 * checksum already; what was read is compared once more after it was changed. */
#include "storage/store/store_fault.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fault.h"
#include "storage/store/store_batch.h"

typedef struct FaultStore {
    PageStore base;
    PageStore *inner;
} FaultStore;

static PageStore *
inner_of(PageStore *store)
{
    return ((FaultStore *)store)->inner;
}

static void
damage(char *page, FaultAction action)
{
    if (action == FAULT_TEAR)
        memset(page + PAGE_BYTES / 2, 0, PAGE_BYTES / 2);
    else
        page[PAGE_BYTES / 2] ^= 0x10;
}

static Status
fail_like(Ctx *cx, const char *what, int error)
{
    return fail(cx, ST_IO, env_is_full(error) ? "53100" : "58030", "could not %s the page store: %s", what,
                strerror(error));
}

/* What has been read. */
static Status
meet(Ctx *cx, StoreRead *r)
{
    uint64_t checksum;
    Fault fault;

    if (r->found != STORE_FOUND || !fault_meets(FAULT_PAGE_READ, &fault))
        return ST_OK;
    if (fault.action == FAULT_FAIL)
        return fail_like(cx, "read", fault.error);
    checksum = store_checksum(r->id, r->page);
    damage(r->page, fault.action);
    if (store_checksum(r->id, r->page) != checksum)
        r->found = STORE_DAMAGED;
    return ST_OK;
}

static Status
fault_read(Ctx *cx, PageStore *store, StoreRead *reads, uint32_t count)
{
    PageStore *inner = inner_of(store);

    TRY(inner->methods->read(cx, inner, reads, count));
    for (uint32_t i = 0; i < count; i++)
        TRY(meet(cx, &reads[i]));
    return ST_OK;
}

static Status
fault_read_old(Ctx *cx, PageStore *store, StoreRead *read)
{
    PageStore *inner = inner_of(store);

    TRY(inner->methods->read_old(cx, inner, read));
    return meet(cx, read);
}

static Status
fault_scan_old(Ctx *cx, PageStore *store, PageId from, bool (*each)(void *arg, PageId id, uint64_t epoch),
               void *arg)
{
    PageStore *inner = inner_of(store);

    return inner->methods->scan_old(cx, inner, from, each, arg);
}

/* Every page of the batch. */
static void
damage_pages(StoreBatch *batch, FaultAction action)
{
    char *at = batch->bytes.data;

    for (uint32_t i = 0; i < batch->count; i++) {
        StoreItem item;

        memcpy(&item, at, sizeof(item));
        at += sizeof(item) + item.key_bytes;
        if (item.change == STORE_PUT && item.value_bytes == STORE_PAGE_VALUE_BYTES)
            damage(at, action);
        at += item.value_bytes;
    }
}

static Status
fault_apply(Ctx *cx, PageStore *store, StoreBatch *batch)
{
    PageStore *inner = inner_of(store);
    Fault fault;

    if (fault_meets(FAULT_PAGE_WRITE, &fault)) {
        if (fault.action == FAULT_FAIL)
            return fail_like(cx, "write to", fault.error);
        damage_pages(batch, fault.action);
    }
    return inner->methods->apply(cx, inner, batch);
}

static Status
fault_flush(Ctx *cx, PageStore *store)
{
    PageStore *inner = inner_of(store);
    Fault fault;

    if (fault_meets(FAULT_STORE_FLUSH, &fault))
        return fail_like(cx, "flush", fault.error);
    return inner->methods->flush(cx, inner);
}

static Status
fault_get(Ctx *cx, PageStore *store, const char *key, size_t key_bytes, Buf *value, bool *found)
{
    PageStore *inner = inner_of(store);

    return inner->methods->get(cx, inner, key, key_bytes, value, found);
}

static Status
fault_scan(Ctx *cx, PageStore *store, const char *prefix, size_t prefix_bytes,
           Status (*each)(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value,
                          size_t value_bytes),
           void *arg)
{
    PageStore *inner = inner_of(store);

    return inner->methods->scan(cx, inner, prefix, prefix_bytes, each, arg);
}

static Status
fault_copy(Ctx *cx, PageStore *store, const char *path)
{
    PageStore *inner = inner_of(store);

    return inner->methods->copy(cx, inner, path);
}

static bool
fault_locate(Ctx *cx, PageStore *store, PageId id, const char *page, PageSpot *out)
{
    PageStore *inner = inner_of(store);

    return inner->methods->locate(cx, inner, id, page, out);
}

static void
fault_merge(Ctx *cx, PageStore *store)
{
    PageStore *inner = inner_of(store);

    inner->methods->merge(cx, inner);
}

static void
fault_stats(Ctx *cx, PageStore *store, StoreStats *out)
{
    PageStore *inner = inner_of(store);

    inner->methods->stats(cx, inner, out);
}

static void
fault_close(Ctx *cx, PageStore *store)
{
    PageStore *inner = inner_of(store);

    inner->methods->close(cx, inner);
    free(store);
}

static const PageStoreMethods fault_methods = {.read = fault_read,
                                               .read_old = fault_read_old,
                                               .scan_old = fault_scan_old,
                                               .apply = fault_apply,
                                               .flush = fault_flush,
                                               .get = fault_get,
                                               .scan = fault_scan,
                                               .copy = fault_copy,
                                               .locate = fault_locate,
                                               .merge = fault_merge,
                                               .stats = fault_stats,
                                               .close = fault_close};

PageStore *
store_fault_wrap(PageStore *inner)
{
    FaultStore *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->base.methods = &fault_methods;
    s->inner = inner;
    return &s->base;
}
