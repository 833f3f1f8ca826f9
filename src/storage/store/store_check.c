/* store_check.c - see store_check.h. */
#include "storage/store/store_check.h"

#include "base/bytes.h"
#include "storage/txn/txn_shared.h"

typedef struct PageScan {
    DamageReport *report;
    uint64_t *pages;
} PageScan;

static Status
check_page(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    const uint8_t *k = (const uint8_t *)key;
    const PageScan *s = arg;
    uint64_t checksum;
    PageId id;

    if (key_bytes != (size_t)(k[0] == 'O' ? STORE_OLD_KEY_BYTES : STORE_PAGE_KEY_BYTES)) {
        damage_found(s->report, (PageId){.block = DAMAGE_NO_BLOCK}, "a page's key has %zu bytes", key_bytes);
        return ST_OK;
    }
    id = (PageId){.branch = get_be32(k + 1),
                  .relation = get_be32(k + 5),
                  .fork = k[9],
                  .block = get_be32(k + 10)};
    ++*s->pages;
    if (value_bytes == 0) {
        damage_found(s->report, id, "it is not what was encrypted");
        return ST_OK;
    }
    if (value_bytes == STORE_LOST_VALUE_BYTES) {
        damage_found(s->report, id, "it was damaged when the log's record at %llx had to be done again",
                     (unsigned long long)get_u64(value));
        return ST_OK;
    }
    if (value_bytes != STORE_PAGE_VALUE_BYTES) {
        damage_found(s->report, id, "the stored page has %zu bytes", value_bytes);
        return ST_OK;
    }
    memcpy(&checksum, value + PAGE_BYTES, sizeof(checksum));
    if (checksum != store_checksum(id, value))
        damage_found(s->report, id, "the checksum is wrong");
    return ctx_poll(cx);
}

Status
store_check_pages(Ctx *cx, PageStore *store, DamageReport *report, uint64_t *pages)
{
    PageScan s = {report, pages};
    Status rc = store->methods->scan(cx, store, "P", 1, check_page, &s);

    if (rc == ST_OK)
        rc = store->methods->scan(cx, store, "O", 1, check_page, &s); /* older images (B3) */

    if (rc != ST_IO && rc != ST_CORRUPT)
        return rc;
    damage_found(report, (PageId){.block = DAMAGE_NO_BLOCK}, "%s", cx->error.message);
    ctx_error_clear(cx);
    return ST_OK;
}

void
store_check_ids(Ctx *cx, DamageReport *report, uint64_t *ids)
{
    TxnShared *s = txn_shared(cx->proc);
    Xid next = atomic_load(&s->ids.next);

    for (Xid xid = atomic_load(&s->ids.trimmed); xid < next; xid++, ++*ids) {
        uint64_t state = id_state(page_cache(cx->proc), &s->ids, xid);
        PageId nowhere = {.block = DAMAGE_NO_BLOCK};

        if (state == ID_ABORTED)
            continue;
        if (state == ID_RUNNING)
            damage_found(report, nowhere, "transaction %llu has no outcome", (unsigned long long)xid);
        else if ((state & ID_SUB) && (state & ~ID_SUB) >= xid)
            damage_found(report, nowhere, "savepoint %llu belongs to a later transaction",
                         (unsigned long long)xid);
        else if (!(state & ID_SUB) && state > s->last_csn)
            damage_found(report, nowhere, "transaction %llu has a commit number of the future",
                         (unsigned long long)xid);
    }
}
