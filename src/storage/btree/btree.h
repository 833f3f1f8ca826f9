/* src/storage/btree/btree.h - B+tree over byte strings.
 *
 * Keys are bytes in memcmp order: the layer above encodes types, DESC and NULLS FIRST into them, none
 * being a prefix of another. So storage needs no comparison functions, separators are cut anywhere
 * (suffix truncation), and redo needs no catalog. Equal keys are kept in TID order. */
#ifndef BTREE_H
#define BTREE_H
#include "base/ctx.h"
#include "base/ids.h"
#include "storage/heap/heap.h"

/* Two of these, a fence of the same size and the page's own bytes fit on a page. */
enum { BTREE_KEY_MOST_BYTES = 2580 };

typedef struct BtreeRel {
    BranchId branch;
    RelationId relation;
    Persistence persistence;
    bool unique;
    uint8_t fill_percent; /* of a leaf, by a build; 0 = what we think best */
    const char *name; /* as HeapRel's */
} BtreeRel;

typedef struct BtreeKey {
    const void *data;
    uint32_t bytes;
} BtreeKey;

typedef enum BtreeUnique {
    BTREE_UNIQUE_NO, /* not a unique index, or the key holds a null */
    BTREE_UNIQUE_CHECK, /* another live row with the same key is a conflict; waits for undecided ones */
} BtreeUnique;

/* *conflict: TID_NONE, or the row that already has the key (nothing was inserted then). The heap is
 * needed to judge rows with an equal key. 54000 when the key is too long (text says by how much). */
MUST_CHECK Status btree_insert(Ctx *cx, const BtreeRel *index, BtreeKey key, Tid tid, BtreeUnique unique,
                               const HeapRel *heap, Tid *conflict);
typedef struct BtreeNew {
    BtreeKey key;
    Tid tid;
    BtreeUnique unique;
} BtreeNew;
/* The same for many, ascending by (key, tid): *done of them are in the tree then. On a conflict that is the
 * number of the entry that was refused; the caller may go on behind it. */
MUST_CHECK Status btree_insert_many(Ctx *cx, const BtreeRel *index, const BtreeNew *entries, uint32_t count,
                                    const HeapRel *heap, uint32_t *done, Tid *conflict);
/* The live row that has this key, or TID_NONE; waits for undecided ones. Nothing is inserted, so it may be out of
 * date at once: ON CONFLICT asks first to save itself a useless row. */
MUST_CHECK Status btree_find_equal(Ctx *cx, const BtreeRel *index, BtreeKey key, const HeapRel *heap,
                                   Tid *conflict);
/* Removes one entry (index cleaning of rolled back work, vacuum). Missing is fine. */
MUST_CHECK Status btree_remove(Ctx *cx, const BtreeRel *index, BtreeKey key, Tid tid);

/* Removes all entries of these TIDs (ascending), and merges pages that have become nearly empty. One
 * caller per index at a time. */
MUST_CHECK Status btree_remove_many(Ctx *cx, const BtreeRel *index, const Tid *tids, uint32_t count);

/* ---- building: sorted input, full pages ----------------------------------------------------------- */
typedef struct BtreeBuild BtreeBuild;
MUST_CHECK Status btree_build_begin(Ctx *cx, Arena *arena, const BtreeRel *index, BtreeBuild **out);
/* Ascending by (key, tid). */
MUST_CHECK Status btree_build_add(Ctx *cx, BtreeBuild *build, BtreeKey key, Tid tid);
MUST_CHECK Status btree_build_finish(Ctx *cx, BtreeBuild *build);

/* ---- scanning ------------------------------------------------------------------------------------- */
typedef struct BtreeBound {
    BtreeKey key; /* data == NULL: no bound. A prefix of columns bounds all keys that start with it. */
    bool inclusive; /* keys that start with `key` count as inside */
} BtreeBound;

typedef struct BtreeScan BtreeScan;
/* Keeps a copied leaf at a time, no pins between calls. The snapshot's protection against reuse of
 * TIDs is the reader's registered snapshot (T8). */
MUST_CHECK Status btree_scan_open(Ctx *cx, Arena *arena, const BtreeRel *index, BtreeBound low, BtreeBound high,
                                  bool backward, BtreeScan **out);
/* Starts again with other bounds, reusing memory. */
MUST_CHECK Status btree_scan_reset(Ctx *cx, BtreeScan *scan, BtreeBound low, BtreeBound high);
/* Up to `most` entries. `keys` may be NULL; they stay valid until the next call. *count 0 = the end. */
MUST_CHECK Status btree_scan_next(Ctx *cx, BtreeScan *scan, uint32_t most, Tid *tids, BtreeKey *keys,
                                  uint32_t *count);
void btree_scan_close(Ctx *cx, BtreeScan *scan);
/* So many rows that the entries led to were visible: for pg_stat_all_indexes. */
void btree_scan_count_found(Ctx *cx, const BtreeScan *scan, uint32_t row_count);

/* Estimate for the planner: entries between the bounds as a fraction of all, from inner pages only. */
MUST_CHECK Status btree_estimate(Ctx *cx, const BtreeRel *index, BtreeBound low, BtreeBound high,
                                 double *fraction);
/* Of a tree at rest: structure, order, fences, the list of unused pages. `whole`: it could be walked to its end. */
typedef struct BtreeVerified {
    uint64_t pages, entries, unused;
    bool whole;
} BtreeVerified;
MUST_CHECK Status btree_verify(Ctx *cx, const BtreeRel *index, struct DamageReport *damage, BtreeVerified *out);
/* The same, asserting; for tests. */
MUST_CHECK Status btree_check(Ctx *cx, const BtreeRel *index);

#endif
