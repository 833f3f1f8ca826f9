/* btree_redo.c - records of B+tree pages done again (storage/recover/redo.h): with the same functions, on the
 * same bytes, so what had room then has room now. */
#include "storage/btree/btree_int.h"
#include "storage/recover/redo.h"

static BtreePage *
page_of(char *page)
{
    return (BtreePage *)(void *)page;
}

static bool
is_level(const char *page, bool leaf)
{
    return page_is(page, PAGE_KIND_BTREE) && (((const BtreePage *)(const void *)page)->level == 0) == leaf;
}

bool
btree_redo_init(char *page, const uint8_t *data, uint32_t bytes)
{
    (void)data;
    memset(page, 0, PAGE_BYTES);
    btree_image_begin(page_of(page), 0, 0, (Bytes){0}, (Bytes){0}, 0);
    return bytes == 0;
}

/* An entry: the TID, then the key. */
static bool
entry_of(const uint8_t *data, uint32_t bytes, Tid *tid, BtreeKey *key)
{
    if (bytes < sizeof(*tid) || bytes > sizeof(*tid) + BTREE_KEY_MOST_BYTES)
        return false;
    memcpy(tid, data, sizeof(*tid));
    *key = (BtreeKey){data + sizeof(*tid), bytes - (uint32_t)sizeof(*tid)};
    return true;
}

bool
btree_redo_insert(char *page, const uint8_t *data, uint32_t bytes)
{
    BtreeKey key;
    Tid tid;

    return entry_of(data, bytes, &tid, &key) && is_level(page, true) &&
           btree_leaf_insert(page_of(page), key, tid);
}

bool
btree_redo_remove(char *page, const uint8_t *data, uint32_t bytes)
{
    BtreeKey key;
    Tid tid;

    return entry_of(data, bytes, &tid, &key) && is_level(page, true) &&
           btree_leaf_remove(page_of(page), key, tid);
}

bool
btree_redo_link(char *page, const uint8_t *data, uint32_t bytes)
{
    BlockNo child;

    if (bytes < sizeof(child) || bytes > sizeof(child) + BTREE_FULL_MOST || !is_level(page, false))
        return false;
    memcpy(&child, data, sizeof(child));
    return btree_inner_insert(page_of(page), (Bytes){data + sizeof(child), bytes - (uint32_t)sizeof(child)},
                              child);
}

typedef struct Gone {
    const uint8_t *tids;
    uint32_t count;
} Gone;

static bool
is_other(void *arg, Tid tid)
{
    const Gone *gone = arg;

    for (uint32_t i = 0; i < gone->count; i++) {
        if (memcmp(gone->tids + i * sizeof(tid), &tid, sizeof(tid)) == 0)
            return false;
    }
    return true;
}

bool
btree_redo_remove_many(char *page, const uint8_t *data, uint32_t bytes)
{
    Gone gone = {data, bytes / (uint32_t)sizeof(Tid)};
    BtreePage *p = page_of(page);

    if (bytes % sizeof(Tid) != 0 || !is_level(page, true))
        return false;
    for (uint32_t i = p->count; i > 0; i--)
        (void)btree_slot_filter(p, i - 1, is_other, &gone);
    return true;
}

bool
btree_redo_remove_slot(char *page, const uint8_t *data, uint32_t bytes)
{
    uint32_t no;

    if (bytes != sizeof(no) || !is_level(page, false))
        return false;
    memcpy(&no, data, sizeof(no));
    if (no >= page_of(page)->count)
        return false;
    btree_slot_remove(page_of(page), no);
    return true;
}

bool
btree_redo_compact(char *page, const uint8_t *data, uint32_t bytes)
{
    (void)data;
    if (bytes != 0 || !page_is(page, PAGE_KIND_BTREE))
        return false;
    btree_page_compact(page_of(page));
    return true;
}

bool
btree_redo_flags(char *page, const uint8_t *data, uint32_t bytes)
{
    if (bytes != 1 || !page_is(page, PAGE_KIND_BTREE))
        return false;
    page_of(page)->h.flags = data[0];
    return true;
}

bool
btree_redo_retire(char *page, const uint8_t *data, uint32_t bytes)
{
    BtreePage *p = page_of(page);
    BtreeRetired retired;

    if (bytes != sizeof(retired))
        return false;
    memcpy(&retired, data, sizeof(retired));
    p->h.magic = PAGE_MAGIC;
    p->h.kind = PAGE_KIND_BTREE;
    p->h.flags = BTREE_DELETED;
    p->redirect = retired.redirect;
    p->deleted_csn = retired.deleted_csn;
    p->next_free = retired.next_free;
    return true;
}

bool
btree_redo_image(char *page, const uint8_t *data, uint32_t bytes)
{
    BtreePage head;
    uint32_t slots_end;

    if (bytes < sizeof(head))
        return false;
    memcpy(&head, data, sizeof(head));
    slots_end = btree_slots_end(&head);
    if (!page_is(&head, PAGE_KIND_BTREE) || head.data_low > PAGE_BYTES || slots_end > head.data_low ||
        bytes != slots_end + PAGE_BYTES - head.data_low)
        return false;
    memset(page + slots_end, 0, head.data_low - slots_end);
    memcpy(page, data, slots_end);
    memcpy(page + head.data_low, data + slots_end, PAGE_BYTES - (size_t)head.data_low);
    return true;
}

bool
btree_record_moves_page(RecordKind kind)
{
    return kind == RECORD_BTREE_IMAGE || kind == RECORD_BTREE_INIT || kind == RECORD_BTREE_RETIRE;
}

void
btree_redo_before(CacheRel *rel, const char *page, RecordKind kind)
{
    const BtreePage *p = (const BtreePage *)(const void *)page;

    if (kind != RECORD_BTREE_RETIRE && btree_record_moves_page(kind) && page_is(page, PAGE_KIND_BTREE) &&
        (p->h.flags & BTREE_DELETED))
        atomic_store(&rel->free_pages, p->next_free);
}

void
btree_redo_after(CacheRel *rel, const char *page, BlockNo block, RecordKind kind, const uint8_t *data,
                 uint32_t bytes)
{
    const BtreePage *p = (const BtreePage *)(const void *)page;
    BtreeRetired retired;

    if (kind != RECORD_BTREE_RETIRE || bytes != sizeof(retired) || !page_is(page, PAGE_KIND_BTREE))
        return;
    memcpy(&retired, data, sizeof(retired));
    if ((p->h.flags & BTREE_DELETED) && p->deleted_csn == retired.deleted_csn &&
        p->next_free == retired.next_free)
        atomic_store(&rel->free_pages, block + 1);
}

Status
btree_settle_unused(Ctx *cx, CacheRel *rel)
{
    uint32_t next = atomic_load(&rel->free_pages), most = cache_rel_length(rel, FORK_MAIN);

    while (next != 0 && most-- > 0) {
        PageRef ref;
        bool listed;
        Status rc = page_pin_shared(cx, rel, FORK_MAIN, next - 1, &ref);

        if (rc == ST_CORRUPT || (rc == ST_OK && ref.page == NULL)) {
            ctx_error_clear(cx); /* whoever needs the page is told */
            break;
        }
        TRY(rc);
        listed = page_is(ref.page, PAGE_KIND_BTREE) && (btree_page(&ref)->h.flags & BTREE_DELETED);
        if (listed)
            next = btree_page(&ref)->next_free;
        page_unpin(cx, &ref);
        if (!listed)
            break;
    }
    if (next != 0)
        atomic_store(&rel->free_pages, 0);
    return ST_OK;
}
