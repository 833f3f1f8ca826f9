/* heap_int.h - the inside of a heap page (PAX), for the sources of this folder.
 *
 *   | HeapPage header | column descriptors |            16-byte columns
 *   | creators u64[cap] | deleters u64[cap] | 8-byte columns | null bitmaps
 *   | creator companions u32[cap] | deleter companions u32[cap] | 4-byte columns
 *   | offsets of variable parts u16[cap] | 2-byte columns
 *   | flags u8[cap] | next u8[cap] | root u8[cap] | 1-byte columns
 *   | free ............................................. variable parts, growing downwards |
 *
 * Slots count from 1 in TIDs, `next` and `root`; arrays are indexed from 0 ("position"). A row is a
 * chain of versions in one page: the root slot holds the oldest that is left, `next` leads to newer
 * ones, `root` leads back. A slot is in one of these states:
 *
 *   free     root == 0, creator == WORD_NONE
 *   stub     root == itself, SLOT_STUB: dead, indexes may still point to it (H2)
 *   version  everything else
 *
 * A version that was replaced by one with another root has SLOT_MOVED; then `next` is the slot and the
 * deleter's companion the block of the new root. The command id that this takes the place of is the
 * command id of the new version's creator: both were written by the same command. */
#ifndef HEAP_INT_H
#define HEAP_INT_H
#include "shmem/pagecache/pagecache.h"
#include "shmem/pagecache/rel_counts.h"
#include "storage/heap/heap.h"
#include "storage/heap/heap_resolve.h"
#include "storage/txn/txn_shared.h"

enum {
    HEAP_DESCRIBED_MOST = 400,
    HEAP_COLUMNS_MOST = 1600,
    HEAP_FIXED_SLOTS_LEAST = 16, /* columns are arrays as long as so many slots fit (H3) */
};

/* Slot flags. The lower two bits are the RowLock strength of the deleter's mark. */
enum {
    SLOT_STRENGTH = 3,
    SLOT_LOCK_ONLY = 4, /* the deleter's word is a row lock, not a deletion */
    SLOT_MOVED = 8,
    SLOT_MAYBE_LOCKED = 16, /* on the root: look into the lock table (R1) */
    SLOT_SPECULATIVE = 32, /* reserve (R5): not set today, see row_writer_insert_unless */
    SLOT_STUB = 64,
    SLOT_WIDE = 128, /* the variable part has 16-bit ends */
};

/* Page flags (PageHeader.flags). */
enum { HEAP_PAGE_RETIRED = 1 /* about to be cut off the end: no inserts */ };

typedef struct HeapPage {
    PageHeader h; /* h.layout_version = number of columns */
    uint16_t capacity; /* slots */
    uint16_t used; /* slots 1 .. used have been handed out */
    uint16_t free_slots; /* of those, free again */
    uint16_t fixed_end; /* where the arrays end */
    uint16_t var_low; /* where the variable parts begin */
    uint16_t var_dead; /* bytes between var_low and the end that nobody refers to */
    uint16_t described; /* columns in desc[]; all later ones are variable */
    uint16_t var_columns; /* columns in the variable part */
    uint16_t creator_at, nulls_at, companion_at, var_at, flags_at; /* var_at 0: no variable part */
    uint16_t null_words; /* 64-bit words per bitmap */
    Csn prune_at; /* hint: nothing to prune for horizons below; 0 = nothing at all */
    uint32_t spare;
    uint32_t desc[];
} HeapPage;

static_assert(offsetof(HeapPage, capacity) == 48, "part of the disk format");
static_assert(offsetof(HeapPage, prune_at) == 80, "part of the disk format");
static_assert(offsetof(HeapPage, desc) == 92, "part of the disk format");

/* desc[column]: bits 0-12 offset of the array, or number within the variable part; 13-15 width code;
 * 16 variable; 20-30 bitmap number, 0x7ff = none. */
#define DESC_VAR       (1u << 16)
#define DESC_NO_BITMAP 0x7ffu
static inline uint32_t
desc_place(uint32_t d)
{
    return d & 0x1fff;
}
static inline uint32_t
desc_width(uint32_t d)
{
    return 1u << (d >> 13 & 7);
}
static inline uint32_t
desc_bitmap(uint32_t d)
{
    return d >> 20 & 0x7ff;
}

/* Cells inside the heap say in the top two bits of `bytes` in which form a value is. */
enum { MARK_PLAIN, MARK_COMPRESSED, MARK_EXTERNAL, MARK_NULL };
#define CELL_BYTES_MASK 0x3fffffffu
static inline uint32_t
cell_bytes(const Cell *c)
{
    return c->bytes & CELL_BYTES_MASK;
}
static inline uint32_t
cell_mark(const Cell *c)
{
    return c->bytes >> 30;
}
/* Of a row as it came: `bytes` says nothing about a fixed column. */
static inline uint32_t
row_cell_bytes(const HeapLayout *layout, uint32_t column, const Cell *c)
{
    uint32_t width = layout->columns[column].width;

    return width != 0 ? width : cell_bytes(c);
}
static inline uint32_t
row_cell_mark(const HeapLayout *layout, uint32_t column, const Cell *c)
{
    return layout->columns[column].width != 0 ? MARK_PLAIN : cell_mark(c);
}

/* ---- arrays ------------------------------------------------------------------------------------------------ */
static inline uint64_t *
heap_creators(const HeapPage *p)
{
    return (uint64_t *)(void *)((char *)(uintptr_t)p + p->creator_at);
}
static inline uint64_t *
heap_deleters(const HeapPage *p)
{
    return heap_creators(p) + p->capacity;
}
static inline uint32_t *
heap_creator_companions(const HeapPage *p)
{
    return (uint32_t *)(void *)((char *)(uintptr_t)p + p->companion_at);
}
static inline uint32_t *
heap_deleter_companions(const HeapPage *p)
{
    return heap_creator_companions(p) + p->capacity;
}
static inline uint16_t *
heap_var_offsets(const HeapPage *p)
{
    return (uint16_t *)(void *)((char *)(uintptr_t)p + p->var_at);
}
static inline uint8_t *
heap_flags(const HeapPage *p)
{
    return (uint8_t *)(uintptr_t)p + p->flags_at;
}
static inline uint8_t *
heap_next(const HeapPage *p)
{
    return heap_flags(p) + p->capacity;
}
static inline uint8_t *
heap_root(const HeapPage *p)
{
    return heap_flags(p) + 2 * p->capacity;
}
static inline uint64_t *
heap_bitmap(const HeapPage *p, uint32_t bitmap)
{
    return (uint64_t *)(void *)((char *)(uintptr_t)p + p->nulls_at) + (size_t)bitmap * p->null_words;
}
static inline uint32_t
heap_free_bytes(const HeapPage *p)
{
    return (uint32_t)(p->var_low - p->fixed_end);
}

/* ---- heap_page.c: functions of (page, record) ------------------------------------------------------------------ */
/* How a page is to be laid out; made from the relation's columns and what is known of its rows. */
typedef struct HeapShape {
    uint16_t columns, described, var_columns, bitmaps, capacity, fixed_bytes;
    bool has_wide; /* a 16-byte column */
    uint32_t desc[HEAP_DESCRIBED_MOST];
} HeapShape;
/* capacity 0: as many slots as rows of `var_bytes` variable bytes fill the page. */
void heap_shape(const HeapLayout *layout, bool all_bitmaps, uint32_t var_bytes, uint32_t capacity,
                HeapShape *out);
/* Bytes of a page's arrays with so many slots. */
uint32_t heap_shape_fixed_end(const HeapShape *shape, uint32_t capacity);
void heap_page_init(HeapPage *p, const HeapShape *shape, uint64_t epoch);

/* Size of the row's variable part on this page. *fits false: a null has no bitmap here. */
uint32_t heap_row_var_bytes(const HeapPage *p, const HeapLayout *layout, const Cell *cells, bool *wide,
                            bool *fits);
/* The slot the next row gets; 0 = none is left. */
uint16_t heap_free_slot(const HeapPage *p);
/* Counts it as used. */
void heap_page_take_slot(HeapPage *p, uint16_t slot);
/* Writes columns, nulls and variable part; there must be room. Takes the slot. */
void heap_page_put(HeapPage *p, const HeapLayout *layout, uint16_t slot, uint16_t root, const Cell *cells,
                   uint32_t var_bytes, bool wide);
void heap_page_set_creator(HeapPage *p, uint16_t slot, uint64_t word, uint32_t companion);
/* The slot's variable part is no longer needed. Rows of one size are common: then the lowest part takes
 * its place and nothing is left to compact. Cleanup latch, unless the slot has no such part. */
void heap_page_drop_var(HeapPage *p, uint16_t position);
/* Gives the slot back. Cleanup latch as above. */
void heap_page_free_slot(HeapPage *p, uint16_t slot);
/* Moves the variable parts together. Cleanup latch. */
void heap_page_compact(HeapPage *p);
/* The same rows in another shape, if they fit; slot numbers stay. Cleanup latch. `missing` answers for
 * columns the page did not have. */
MUST_CHECK bool heap_page_rewrite(HeapPage *p, const HeapLayout *layout, bool all_bitmaps, uint32_t capacity);
uint32_t heap_slot_var_bytes(const HeapPage *p, uint16_t position);
/* Stored form, with mark; data NULL = null. Column < layout_version. */
void heap_page_cell(const HeapPage *p, uint16_t position, uint16_t column, Cell *out);
void heap_page_cells(const HeapPage *p, const uint16_t *positions, uint32_t count, uint16_t column, Cell *out);
/* heap_check.c: all that can be said of a page by itself. NULL, or what is wrong; *slot: where (0 = no slot). Reads
 * nothing outside the page, whatever is on it. */
const char *heap_page_fault(const HeapPage *p, uint32_t *slot);
void heap_page_check(const HeapPage *p); /* asserts that there is no fault */

/* T7: looks whether the page has become all-visible. Every raw id must have been looked at. */
void heap_page_set_all_before(HeapPage *p);

/* ---- heap_visible.c -------------------------------------------------------------------------------------------------- */
/* A version replaced by this transaction, with another root: its command id is there. */
typedef struct HeapMoved {
    uint16_t position;
    Tid to;
} HeapMoved;
typedef struct HeapSelection {
    uint16_t count;
    bool resolvable; /* some raw id has an outcome: worth resolving the page */
    uint16_t moved_count; /* judge these after letting go of the latch */
    const uint16_t *visible; /* `list`, or a shared table of 0, 1, 2, ... */
    uint16_t list[HEAP_SLOTS_MOST + 1];
    HeapMoved moved[HEAP_SLOTS_MOST + 1];
} HeapSelection;
/* Share latch held. `cap`: B2. */
void heap_page_visible(Ctx *cx, const HeapPage *p, const Snapshot *snapshot, Csn cap, HeapSelection *out);
/* Latch dropped, pin held: settles `moved`. */
MUST_CHECK Status heap_settle_moved(Ctx *cx, const CacheRel *rel, const Snapshot *snapshot, HeapSelection *sel);
typedef enum VersionSight { SIGHT_NO, SIGHT_YES, SIGHT_MOVED_BY_US } VersionSight;
VersionSight heap_version_sight(Ctx *cx, const HeapPage *p, uint16_t position, const Snapshot *snapshot,
                                Csn cap, bool *resolvable);
MUST_CHECK Status heap_moved_command(Ctx *cx, const CacheRel *rel, Tid to, uint32_t *command_id);
static inline Tid
heap_moved_to(const HeapPage *p, uint16_t position)
{
    return tid_make(heap_deleter_companions(p)[position], heap_next(p)[position]);
}

/* What the deleter's word of a version means now. */
typedef enum MarkState {
    MARK_STATE_NONE, /* nothing, or of a transaction that is gone */
    MARK_STATE_OWN,
    MARK_STATE_RUNNING, /* *xid says who */
    MARK_STATE_COMMITTED, /* a deletion or replacement; *csn says when */
} MarkState;
/* Positions below `used` with a raw word; a bit each. */
void heap_page_raw_bits(const HeapPage *p, uint64_t raw[4]);
/* A bit for each slot below `used` whose creator is not a commit number or that has a deleter; free slots and stubs are among
 * them. All others hold a version that stays. */
void heap_page_odd_bits(const HeapPage *p, uint64_t odd[4]);
MarkState heap_mark_state(Ctx *cx, const HeapPage *p, uint16_t position, Xid *xid, Csn *csn);

/* ---- heap_prune.c -------------------------------------------------------------------------------------------------------- */
/* Exclusive latch held. Resolves first. Does nothing without the sole pin. *freed: bytes or slots won. */
void heap_prune(Ctx *cx, PageRef *ref, Csn horizon, bool no_indexes);
/* Pin held, no latch: prunes if the page is short of room, there may be something to win and nobody is
 * in the way. */
void heap_prune_if_useful(Ctx *cx, CacheRel *rel, PageRef *ref);

/* ---- heap_insert.c, heap_space.c -------------------------------------------------------------------------------------------- */
typedef struct HeapPlace {
    PageRef ref; /* exclusively latched */
    uint16_t slot;
    uint32_t var_bytes;
    bool wide;
} HeapPlace;
/* A page with room for the row, not `avoid`. Stored cells. */
MUST_CHECK Status heap_place_find(Ctx *cx, const HeapRel *rel, CacheRel *cr, const Cell *cells, BlockNo avoid,
                                  HeapPlace *out);
/* Writes the row as the creator's; the latch is held. */
void heap_place_fill(Ctx *cx, HeapPlace *place, const HeapRel *rel, const Cell *cells, Xid xid,
                     uint32_t command_id);
/* The share of `whole` that inserts leave free. */
static inline uint32_t
heap_fill_reserve(const HeapRel *rel, uint32_t whole)
{
    ASSERT(rel->fill_percent <= 100);
    return rel->fill_percent == 0 ? 0 : whole * (100u - rel->fill_percent) / 100;
}
/* Would the row fit on this page? */
bool heap_page_has_room(const HeapPage *p, const HeapRel *rel, const Cell *cells, bool leave_reserve,
                        uint16_t *slot, uint32_t *var_bytes, bool *wide);
void heap_space_record(Ctx *cx, CacheRel *rel, BlockNo block, uint32_t free_bytes);
/* BLOCK_NONE when the map knows of none. */
#define BLOCK_NONE UINT32_MAX
MUST_CHECK Status heap_space_find(Ctx *cx, CacheRel *rel, uint32_t bytes, BlockNo *out);

MUST_CHECK Status heap_open(Ctx *cx, const HeapRel *rel, CacheRel **out);
/* Settles what the selection could not; part of reading a page. */
void heap_resolve_if_worth(Ctx *cx, PageRef *ref, bool resolvable);

/* heap_counters.c */
void heap_read_counters(const CacheRel *cr, HeapStats *out);

/* ---- heap_toast.c ---------------------------------------------------------------------------------------------------------------- */
/* The stored form of a row: compresses and moves out what is too long. `old` (may be NULL) is the row
 * it replaces: values that did not change keep their place out of line. The result lies in cx->arena;
 * it is `cells` itself when there was nothing to do. */
/* Is the row too long as it is? */
bool heap_row_needs_toast(const HeapRel *rel, const Cell *cells);
MUST_CHECK Status heap_toast_row(Ctx *cx, const HeapRel *rel, const Cell *cells, const Cell *old,
                                 const Cell **out);
/* Marks as deleted what `old` has out of line and `kept` (may be NULL) has not. */
MUST_CHECK Status heap_toast_drop(Ctx *cx, const HeapRel *rel, const Cell *old, const Cell *kept);
/* The plain value of a stored cell, in cx->arena where it was not plain before. */
MUST_CHECK Status heap_toast_fetch(Ctx *cx, const HeapRel *rel, Cell *cell);
bool heap_row_has_external(const HeapPage *p, uint16_t position);
HeapRel heap_toast_rel(const HeapRel *rel);

/* Row locks are not logged. So after a crash a stored page may hold one that recovery has no record of, and that nobody knew
 * of when the id table was cut: its transaction is long over. (Any other raw id is kept until it is gone, T6.) */
static inline bool
heap_lock_is_forgotten(Ctx *cx, uint8_t flags, Xid xid)
{
    return UNLIKELY(flags & SLOT_LOCK_ONLY) &&
           xid < atomic_load_explicit(&txn_shared(cx->proc)->ids.trimmed, memory_order_acquire);
}

#endif
