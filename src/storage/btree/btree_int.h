/* btree_int.h - the inside of a B+tree page, for the sources of this folder.
 *
 *   | BtreePage header | slots, 8 bytes each, in key order | free | bodies, growing downwards | fences |
 *
 * The tree orders "full keys": the caller's key followed by the TID as six big-endian bytes. Since no
 * key is a prefix of another, memcmp of full keys orders by (key, TID). A page holds the full keys in
 * [low, high); both fences are separators, cut to what is needed. What low and high have in common is
 * the page's prefix and is not stored with the entries. A slot keeps the next four bytes of the key,
 * so a binary search seldom leaves the slots.
 *
 *   leaf entry   key (without TID) -> one TID, or a posting list of ascending TIDs
 *   inner entry  separator -> child page that begins there; the first has no key: it begins at low
 *
 * Of the low fence only the first 255 bytes are kept (`low`): it is used for prefixes alone.
 *
 * Pages of a level are linked to the right (Lehman and Yao). The root is always block 0: when it
 * splits, its contents move to two new pages. Where a page was split but its parent does not know yet,
 * it has BTREE_SPLIT_OPEN; whoever wants to insert there finishes the split first. */
#ifndef BTREE_INT_H
#define BTREE_INT_H
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "storage/btree/btree.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/page_change.h"

enum {
    BTREE_ROOT = 0,
    BTREE_LOW_MOST = 255,
    TID_BYTES = 6,
    BTREE_FULL_MOST = BTREE_KEY_MOST_BYTES + TID_BYTES
};

/* PageHeader.flags */
enum {
    BTREE_SPLIT_OPEN = 1,
    BTREE_DELETED = 2, /* contents are in `redirect` */
};

typedef struct BtreeSlot {
    uint32_t head; /* first four bytes after the prefix, big-endian, zero-padded */
    uint16_t at; /* of the body: key bytes after the head, then the payload */
    uint16_t bytes; /* of the key after the prefix; BTREE_POSTING */
} BtreeSlot;
enum { BTREE_POSTING = 0x8000, BTREE_BYTES = 0x0fff };

typedef struct BtreePage {
    PageHeader h;
    BlockNo right; /* 0 = rightmost */
    uint16_t level; /* 0 = leaf */
    uint16_t count;
    uint16_t data_low; /* where bodies begin */
    uint16_t dead_bytes; /* of bodies nobody refers to */
    uint16_t prefix_bytes; /* the first bytes of low and high */
    uint16_t low_bytes, high_bytes; /* stored bytes of the fences */
    uint16_t low_at, high_at;
    uint16_t spare16;
    BlockNo redirect; /* deleted: where the contents went */
    BlockNo next_free; /* deleted: extend latch of the relation */
    uint32_t spare32;
    Csn deleted_csn; /* deleted */
    BtreeSlot slots[];
} BtreePage;

static_assert(offsetof(BtreePage, deleted_csn) == 88, "part of the disk format");
static_assert(offsetof(BtreePage, slots) == 96, "part of the disk format");

/* No leaf has more TIDs. */
enum { BTREE_TIDS_MOST = PAGE_BYTES / TID_BYTES };
/* Posting list, unaligned: count, capacity, TIDs. */
enum { POSTING_HEAD_BYTES = 4, POSTING_MOST = 160 };
/* No entry is larger than one with the longest key: so a page has room for two, and can be split. */
static inline uint32_t
posting_most(uint32_t rest_bytes)
{
    uint32_t room = BTREE_KEY_MOST_BYTES + 2 * TID_BYTES + POSTING_HEAD_BYTES - rest_bytes - POSTING_HEAD_BYTES;

    return MIN_OF((uint32_t)POSTING_MOST, room / TID_BYTES);
}
enum { BTREE_ENTRY_MOST = sizeof(BtreeSlot) + BTREE_KEY_MOST_BYTES + 2 * TID_BYTES + POSTING_HEAD_BYTES };
static_assert(offsetof(BtreePage, slots) + 2 * BTREE_ENTRY_MOST + BTREE_FULL_MOST + BTREE_LOW_MOST <=
                  PAGE_BYTES,
              "two entries fit between any fences");

typedef struct Bytes {
    const uint8_t *data;
    uint32_t bytes;
} Bytes;

/* A place in the order of full keys. `after`: behind everything that starts with these bytes. */
typedef struct BtreeTarget {
    Bytes key;
    bool after;
} BtreeTarget;

static inline const BtreePage *
btree_page(const PageRef *ref)
{
    return (const BtreePage *)(const void *)ref->page;
}
static inline BtreePage *
btree_page_mut(const PageRef *ref)
{
    return (BtreePage *)(void *)ref->page;
}
static inline Bytes
btree_low(const BtreePage *p)
{
    return (Bytes){(const uint8_t *)p + p->low_at, p->low_bytes};
}
static inline Bytes
btree_high(const BtreePage *p)
{
    return (Bytes){(const uint8_t *)p + p->high_at, p->high_bytes};
}
/* Both fences start with it; the leftmost and rightmost pages have none. */
static inline const uint8_t *
btree_prefix(const BtreePage *p)
{
    return (const uint8_t *)p + p->high_at;
}
static inline uint32_t
btree_free_bytes(const BtreePage *p)
{
    return p->data_low - (uint32_t)offsetof(BtreePage, slots) - 8u * p->count;
}
static inline uint32_t
slot_key_bytes(const BtreeSlot *s)
{
    return s->bytes & BTREE_BYTES;
}
static inline uint32_t
slot_rest_bytes(const BtreeSlot *s) /* key bytes in the body */
{
    uint32_t n = slot_key_bytes(s);

    return n > 4 ? n - 4 : 0;
}
static inline const uint8_t *
slot_payload(const BtreePage *p, const BtreeSlot *s)
{
    return (const uint8_t *)p + s->at + slot_rest_bytes(s);
}
static inline Tid
tid_read(const uint8_t *b) /* in payloads: little-endian */
{
    uint64_t v = 0;

    memcpy(&v, b, TID_BYTES);
    return v;
}
static inline void
tid_write(uint8_t *b, Tid tid)
{
    memcpy(b, &tid, TID_BYTES);
}

static inline uint32_t
btree_slots_end(const BtreePage *p)
{
    return (uint32_t)offsetof(BtreePage, slots) + 8u * p->count;
}

/* Log record of a page that is no longer linked. */
typedef struct BtreeRetired {
    Csn deleted_csn;
    BlockNo redirect, next_free;
} BtreeRetired;

/* ---- btree_page.c ------------------------------------------------------------------------------------------------ */
int bytes_compare(Bytes a, Bytes b);
/* Negative, 0, positive; 0 only for equal bytes. */
int target_compare(Bytes key, const BtreeTarget *t);
uint32_t bytes_common(Bytes a, Bytes b);
/* Key || TID. `out` has room for BTREE_FULL_MOST bytes. */
Bytes btree_full_key(BtreeKey key, Tid tid, uint8_t *out);

/* An entry as the page functions take and give it. */
typedef struct BtreeEntry {
    Bytes key;
    const uint8_t *payload;
    uint16_t payload_bytes;
    bool posting;
} BtreeEntry;
/* Copies the whole key, prefix included, to `out`. */
Bytes btree_slot_key(const BtreePage *p, uint32_t i, uint8_t *out);
/* First slot whose key is not before the target. In inner pages slot 0 is before everything. */
uint32_t btree_lower(const BtreePage *p, const BtreeTarget *t);
/* The same, when it is not before `from`. */
uint32_t btree_lower_from(const BtreePage *p, const BtreeTarget *t, uint32_t from);
/* Inner: the child where the target belongs; `strict`: where the greatest key before it is. */
uint32_t btree_child_no(const BtreePage *p, const BtreeTarget *t, bool strict);
BlockNo btree_child(const BtreePage *p, uint32_t i);
uint32_t btree_tid_count(const BtreePage *p, uint32_t i);
Tid btree_tid(const BtreePage *p, uint32_t i, uint32_t k);
uint32_t btree_body_bytes(const BtreePage *p, uint32_t i);

/* Building an image entry by entry, in order. right 0: no high fence. The prefix may not be longer than
 * any key of a leaf: `prefix_most` is at most btree_least_key of what goes there or, if that is nothing
 * yet, of what will. (Only where all entries have one key can the fences agree on more than that: their TIDs.) */
void btree_image_begin(BtreePage *p, uint32_t level, BlockNo right, Bytes low, Bytes high,
                       uint32_t prefix_most);
uint32_t btree_least_key(const BtreePage *p, uint32_t from, uint32_t to);
MUST_CHECK bool btree_image_add(BtreePage *p, const BtreeEntry *e); /* false: full */
/* Copies entries [from, to) of another page. */
MUST_CHECK bool btree_image_copy(BtreePage *p, const BtreePage *from_page, uint32_t from, uint32_t to);
/* Writes a page without the holes that removals left. */
void btree_page_compact(BtreePage *p);

/* Changes. False: no room (compacting first may help). */
MUST_CHECK bool btree_leaf_insert(BtreePage *p, BtreeKey key, Tid tid);
bool btree_leaf_has(const BtreePage *p, BtreeKey key);
bool btree_leaf_remove(BtreePage *p, BtreeKey key, Tid tid);
MUST_CHECK bool btree_inner_insert(BtreePage *p, Bytes separator, BlockNo child);
void btree_slot_remove(BtreePage *p, uint32_t i);
/* Keeps the TIDs for which keep() is true; removes the slot if none is left. Returns how many went. */
uint32_t btree_slot_filter(BtreePage *p, uint32_t i, bool (*keep)(void *arg, Tid tid), void *arg);
/* Shortest bytes that are > a and <= b. Full keys. */
Bytes btree_separator(Bytes a, Bytes b);

/* btree_check.c: as heap_page_fault; slots count from 1. */
const char *btree_page_fault(const BtreePage *p, uint32_t *slot);

/* ---- btree_search.c ------------------------------------------------------------------------------------------------ */
/* `protect`: puts a snapshot in force if there is none, so that no page on our way is used again. Only
 * who deletes pages itself can do without. */
MUST_CHECK Status btree_open(Ctx *cx, const BtreeRel *index, bool protect, CacheRel **out);
/* The page of `level` where the target belongs, pinned and share-latched. ref.page NULL: the tree is
 * empty. `low` (may be NULL) gets the page's exact low fence, bytes in low_bytes[BTREE_FULL_MOST]. */
MUST_CHECK Status btree_descend(Ctx *cx, CacheRel *cr, const BtreeTarget *t, bool strict, uint32_t level,
                                PageRef *ref, Bytes *low, uint8_t *low_bytes);
/* Does the target lie to the right of this page? */
bool btree_is_right_of(const BtreePage *p, const BtreeTarget *t, bool strict);
/* From a pinned, unlatched page to the one that has the target, latched exclusively. */
MUST_CHECK Status btree_latch_target(Ctx *cx, CacheRel *cr, const BtreeTarget *t, PageRef *ref);

/* btree_insert.c: exclusive latch on the right leaf. False: split it first. */
MUST_CHECK bool btree_put_entry(Ctx *cx, PageRef *ref, BtreeKey key, Tid tid);
MUST_CHECK Status btree_fail_too_long(Ctx *cx, uint32_t bytes); /* 54000 */

/* ---- btree_split.c --------------------------------------------------------------------------------------------------- */
MUST_CHECK Status btree_make_root(Ctx *cx, CacheRel *cr);
/* Splits a pinned page that is full; no latch held before and after. `next`: the full key that is to
 * be inserted. Does nothing if the page has changed and there is room now. */
MUST_CHECK Status btree_split(Ctx *cx, CacheRel *cr, PageRef *ref, const BtreeTarget *next);
/* Tells the parent of a split. Pinned, no latch held. */
MUST_CHECK Status btree_finish_split(Ctx *cx, CacheRel *cr, PageRef *ref);
/* A page to build on: an unused one, or a new one. Pinned, latched exclusively, contents undefined. */
MUST_CHECK Status btree_new_page(Ctx *cx, CacheRel *cr, PageRef *ref);
/* The page is latched exclusively and no longer linked; may be reused when nobody can come here (H6). */
void btree_retire_page(Ctx *cx, CacheRel *cr, PageRef *ref, BlockNo redirect);
/* btree_page_compact as a change. Exclusive latch held. */
void btree_compact(Ctx *cx, PageRef *ref);
/* Logs a page's new contents. Exclusive latch held. */
void btree_write_image(Ctx *cx, PageRef *ref, const BtreePage *image);

#endif
