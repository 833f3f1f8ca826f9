/* btree_build.c - a tree from sorted entries: full pages, left to right, all levels at once.
 *
 * Each level has one page in the making. Its entries are kept as bytes until it is known where the page
 * ends, because only then is its high fence known, and with it the prefix. The block of the right
 * neighbour is taken when a page is closed, so that the link can be written at once. */
#include "storage/btree/btree_int.h"

enum {
    LEVELS_MOST = 16,
    LEAF_FILL = PAGE_BYTES * 92 / 100,
    INNER_FILL = PAGE_BYTES * 92 / 100,
    ENTRIES_MOST = 1024
};

typedef struct BuildLevel {
    uint8_t *bytes; /* keys and payloads of the entries, one behind the other */
    uint32_t used, room;
    BtreeEntry entries[ENTRIES_MOST];
    uint32_t key_at[ENTRIES_MOST], payload_at[ENTRIES_MOST];
    uint32_t count;
    uint32_t common; /* bytes that all keys and the low fence share */
    uint32_t entry_bytes; /* what the entries take on the page, with that prefix */
    uint8_t low[BTREE_FULL_MOST];
    uint32_t low_bytes;
    BlockNo block; /* of this page; 0 until the level has closed one */
} BuildLevel;

struct BtreeBuild {
    Arena *arena;
    CacheRel *cr;
    uint32_t leaf_fill; /* bytes */
    BuildLevel *levels[LEVELS_MOST];
    int level_count;
    /* The key being collected: its TIDs become one posting list. */
    uint8_t key[BTREE_FULL_MOST];
    uint32_t key_bytes, tid_count, tids_most;
    Tid tids[POSTING_MOST];
    bool has_key;
};

static BuildLevel *
need_level(BtreeBuild *b, int level)
{
    BuildLevel *l;

    ASSERT(level < LEVELS_MOST);
    if (level < b->level_count)
        return b->levels[level];
    ASSERT(level == b->level_count);
    l = arena_new(b->arena, BuildLevel);
    l->room = 8 * PAGE_BYTES;
    l->bytes = arena_alloc(b->arena, l->room);
    b->levels[b->level_count++] = l;
    return l;
}

Status
btree_build_begin(Ctx *cx, Arena *arena, const BtreeRel *index, BtreeBuild **out)
{
    BtreeBuild *b;
    CacheRel *cr;

    TRY(btree_open(cx, index, true, &cr));
    TRY(btree_make_root(cx, cr));
    b = arena_new(arena, BtreeBuild);
    b->arena = arena;
    b->cr = cr;
    b->leaf_fill = index->fill_percent != 0 ? PAGE_BYTES * (uint32_t)index->fill_percent / 100 : LEAF_FILL;
    (void)need_level(b, 0);
    *out = b;
    return ST_OK;
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

static void
encode(const BuildLevel *l, int level, uint32_t count, BlockNo right, Bytes high, BtreePage *image)
{
    uint32_t least = BTREE_FULL_MOST;

    for (uint32_t i = 0; i < count && level == 0; i++)
        least = MIN_OF(least, l->entries[i].key.bytes);
    memset(image, 0, PAGE_BYTES);
    btree_image_begin(image, (uint32_t)level, right, (Bytes){l->low, l->low_bytes}, high, least);
    for (uint32_t i = 0; i < count; i++) {
        BtreeEntry e = l->entries[i];

        e.key.data = l->bytes + l->key_at[i];
        e.payload = l->bytes + l->payload_at[i];
        if (level > 0 && i == 0)
            e.key.bytes = 0;
        if (!btree_image_add(image, &e))
            ASSERT(!"a page is closed before it overflows");
    }
}

static Status
take_block(Ctx *cx, CacheRel *cr, BlockNo *out)
{
    PageRef ref;

    TRY(btree_new_page(cx, cr, &ref));
    *out = ref.frame->block;
    /* Until its image comes it is a page that was never used. */
    page_unpin(cx, &ref);
    return ST_OK;
}

static Status
write_page(Ctx *cx, CacheRel *cr, BlockNo block, const BtreePage *image)
{
    PageRef ref;

    TRY(page_pin(cx, cr, FORK_MAIN, block, &ref));
    ASSERT(ref.page != NULL);
    page_latch_exclusive(cx, &ref);
    btree_write_image(cx, &ref, image);
    page_unpin(cx, &ref);
    return ST_OK;
}

static Status add_entry(Ctx *cx, BtreeBuild *b, int level, Bytes key, Bytes order, const uint8_t *payload,
                        uint32_t payload_bytes, bool posting);

static uint32_t
entry_need(uint32_t common, uint32_t key_bytes, uint32_t payload_bytes)
{
    uint32_t n;

    common = MIN_OF(common, (uint32_t)BTREE_LOW_MOST);
    n = key_bytes > common ? key_bytes - common : 0;
    return 8 + (n > 4 ? n - 4 : 0) + payload_bytes;
}

/* What the entries take if `common` bytes are not stored. Counted anew only when that changes. */
static uint32_t
entries_need(const BuildLevel *l, uint32_t common)
{
    uint32_t total = 0;

    if (common == l->common)
        return l->entry_bytes;
    for (uint32_t i = 0; i < l->count; i++)
        total += entry_need(common, l->entries[i].key.bytes, l->entries[i].payload_bytes);
    return total;
}

static Bytes
key_at(const BuildLevel *l, uint32_t i)
{
    return (Bytes){l->bytes + l->key_at[i], l->entries[i].key.bytes};
}

/* The full key of a leaf's entry with its first TID, or its last. */
static Bytes
full_key_at(const BuildLevel *l, uint32_t i, bool last, uint8_t *out)
{
    const BtreeEntry *e = &l->entries[i];
    const uint8_t *tid = l->bytes + l->payload_at[i];
    Bytes key = key_at(l, i);

    if (e->posting)
        tid += last ? (uint32_t)e->payload_bytes - TID_BYTES : (uint32_t)POSTING_HEAD_BYTES;
    return btree_full_key((BtreeKey){key.data, key.bytes}, tid_read(tid), out);
}

/* Do the first `count` entries fit on a page that ends at `separator`? What is left out of the keys is
 * what both fences share, and that may be less than what the keys share. */
static bool
fits(const BuildLevel *l, int level, uint32_t count, Bytes separator)
{
    uint32_t low = MIN_OF(l->low_bytes, (uint32_t)BTREE_LOW_MOST);
    uint32_t prefix = bytes_common((Bytes){l->low, low}, separator);
    uint32_t total = (uint32_t)sizeof(BtreePage) + low + separator.bytes;

    for (uint32_t i = 0; i < count && level == 0; i++)
        prefix = MIN_OF(prefix, l->entries[i].key.bytes);
    for (uint32_t i = 0; i < count; i++)
        total += entry_need(prefix, l->entries[i].key.bytes, l->entries[i].payload_bytes);
    return total <= PAGE_BYTES;
}

/* Forgets the first `gone` entries: they are on a page. */
static void
drop_entries(BuildLevel *l, uint32_t gone)
{
    uint32_t from = gone < l->count ? l->key_at[gone] : l->used;
    uint32_t left = l->count - gone;

    memmove(l->bytes, l->bytes + from, l->used - from);
    l->used -= from;
    memmove(l->entries, l->entries + gone, sizeof(l->entries[0]) * left);
    for (uint32_t i = 0; i < left; i++) {
        l->key_at[i] = l->key_at[i + gone] - from;
        l->payload_at[i] = l->payload_at[i + gone] - from;
    }
    l->count = left;
    l->common = l->low_bytes;
    for (uint32_t i = 0; i < left; i++)
        l->common = MIN_OF(l->common, bytes_common((Bytes){l->low, l->low_bytes}, key_at(l, i)));
    l->entry_bytes = 0;
    for (uint32_t i = 0; i < left; i++)
        l->entry_bytes += entry_need(l->common, l->entries[i].key.bytes, l->entries[i].payload_bytes);
}

/* Ends the level's page before entry `most` (which begins at `order`, if that is not here yet), or as far
 * before it as the page has room for: the entries behind the cut begin the next page. */
static Status
close_page(Ctx *cx, BtreeBuild *b, int level, uint32_t most, Bytes order)
{
    BuildLevel *l = b->levels[level];
    bool first = l->block == 0;
    _Alignas(16) char image[PAGE_BYTES];
    uint8_t before[BTREE_FULL_MOST], behind[BTREE_FULL_MOST];
    uint32_t count = most;
    Bytes separator = order;
    BlockNo next;

    for (;; count--) {
        ASSERT(count > 0);
        if (count < l->count)
            separator = level == 0 ? full_key_at(l, count, false, behind) : key_at(l, count);
        if (level == 0)
            separator = btree_separator(full_key_at(l, count - 1, true, before), separator);
        if (fits(l, level, count, separator))
            break;
    }
    if (first)
        TRY(take_block(cx, b->cr, &l->block));
    TRY(take_block(cx, b->cr, &next));
    encode(l, level, count, next, separator, (BtreePage *)(void *)image);
    TRY(write_page(cx, b->cr, l->block, (BtreePage *)(void *)image));
    if (first) {
        Bytes none = {l->low, 0};

        (void)need_level(b, level + 1);
        TRY(add_entry(cx, b, level + 1, none, none, (const uint8_t *)&l->block, 4, false));
    }
    TRY(add_entry(cx, b, level + 1, separator, separator, (const uint8_t *)&next, 4, false));
    memmove(l->low, separator.data, separator.bytes);
    l->low_bytes = separator.bytes;
    l->block = next;
    drop_entries(l, count);
    return ST_OK;
}

/* `order` is the full key by which the entry is told from the one before (leaf: with its first TID). */
static Status
add_entry(Ctx *cx, BtreeBuild *b, int level, Bytes key, Bytes order, const uint8_t *payload,
          uint32_t payload_bytes, bool posting)
{
    BuildLevel *l = b->levels[level];
    uint32_t fill = level == 0 ? b->leaf_fill : INNER_FILL, common, before_bytes, need;
    BtreeEntry *e;

    for (;;) {
        uint32_t head =
            (uint32_t)sizeof(BtreePage) + MIN_OF(l->low_bytes, (uint32_t)BTREE_LOW_MOST) + order.bytes + 8;

        common = MIN_OF(bytes_common((Bytes){l->low, l->low_bytes}, key), l->common);
        before_bytes = entries_need(l, common);
        need = entry_need(common, key.bytes, payload_bytes);
        if (l->count < 2 || (l->count < ENTRIES_MOST && head + before_bytes + need <= fill))
            break;
        TRY(close_page(cx, b, level, l->count, order));
    }
    ASSERT(l->used + key.bytes + payload_bytes <= l->room);
    e = &l->entries[l->count];
    e->key = (Bytes){NULL, key.bytes};
    e->payload_bytes = (uint16_t)payload_bytes;
    e->posting = posting;
    l->key_at[l->count] = l->used;
    memcpy(l->bytes + l->used, key.data, key.bytes);
    l->used += key.bytes;
    l->payload_at[l->count] = l->used;
    memcpy(l->bytes + l->used, payload, payload_bytes);
    l->used += payload_bytes;
    l->count++;
    l->common = common;
    l->entry_bytes = before_bytes + need;
    return ST_OK;
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

/* The collected key goes into the leaf. */
static Status
flush_key(Ctx *cx, BtreeBuild *b)
{
    uint8_t payload[POSTING_HEAD_BYTES + TID_BYTES * POSTING_MOST], full[BTREE_FULL_MOST];
    uint32_t bytes = TID_BYTES;
    Bytes order;

    if (!b->has_key)
        return ST_OK;
    order = btree_full_key((BtreeKey){b->key, b->key_bytes}, b->tids[0], full);
    if (b->tid_count == 1) {
        tid_write(payload, b->tids[0]);
    } else {
        uint16_t n = (uint16_t)b->tid_count;

        memcpy(payload, &n, 2);
        memcpy(payload + 2, &n, 2);
        for (uint32_t k = 0; k < n; k++)
            tid_write(payload + POSTING_HEAD_BYTES + TID_BYTES * k, b->tids[k]);
        bytes = POSTING_HEAD_BYTES + TID_BYTES * n;
    }
    b->has_key = false;
    return add_entry(cx, b, 0, (Bytes){b->key, b->key_bytes}, order, payload, bytes, b->tid_count > 1);
}

Status
btree_build_add(Ctx *cx, BtreeBuild *b, BtreeKey key, Tid tid)
{
    if (UNLIKELY(key.bytes > BTREE_KEY_MOST_BYTES))
        return btree_fail_too_long(cx, key.bytes);
    if (b->has_key && b->key_bytes == key.bytes && memcmp(b->key, key.data, key.bytes) == 0 &&
        b->tid_count < b->tids_most) {
        ASSERT(tid > b->tids[b->tid_count - 1]);
        b->tids[b->tid_count++] = tid;
        return ST_OK;
    }
    TRY(flush_key(cx, b));
    memcpy(b->key, key.data, key.bytes);
    b->key_bytes = key.bytes;
    b->tids_most = posting_most(key.bytes);
    b->tids[0] = tid;
    b->tid_count = 1;
    b->has_key = true;
    return ST_OK;
}

Status
btree_build_finish(Ctx *cx, BtreeBuild *b)
{
    _Alignas(16) char image[PAGE_BYTES];

    TRY(flush_key(cx, b));
    for (int level = 0; level < b->level_count; level++) {
        const BuildLevel *l = b->levels[level];
        bool top;

        /* Without a right fence the last page has no prefix to leave out. */
        while (!fits(l, level, l->count, (Bytes){l->low, 0}))
            TRY(close_page(cx, b, level, l->count - 1, (Bytes){l->low, 0}));
        top = level == b->level_count - 1;
        encode(l, level, l->count, 0, (Bytes){0}, (BtreePage *)(void *)image);
        /* The top level has never closed a page: it is the root. */
        ASSERT(top == (l->block == 0));
        TRY(write_page(cx, b->cr, top ? (BlockNo)BTREE_ROOT : l->block, (BtreePage *)(void *)image));
    }
    return ST_OK;
}
