/* src/storage/heap/heap.h - tables: PAX pages, versions, row locks.
 *
 * Storage knows the width of a column, not its type. A row travels as an array of cells, one per
 * column of the layout. Outside a pin a row is named by its root TID (H2). */
#ifndef HEAP_H
#define HEAP_H
#include "base/ctx.h"
#include "base/ids.h"
#include "storage/txn/txn.h"

struct DamageReport;

enum { HEAP_SLOTS_MOST = 255 }; /* of one page */

/* data == NULL: null. For a fixed column `data` points to its `width` bytes (any alignment). */
typedef struct Cell {
    const void *data;
    uint32_t bytes; /* variable columns; up to 1 GB - 1 */
} Cell;

/* How rows lie on pages. Columns are only ever appended (a dropped column keeps its place), so a
 * layout's version is its number of columns, and pages of an older one answer `missing` (H4). */
typedef struct HeapColumn {
    uint8_t width; /* 1, 2, 4, 8, 16; 0 = variable */
    bool not_null_hint; /* declared NOT NULL at creation: only a hint for the page's space */
    bool out_of_line; /* variable: long values may be compressed and moved out of line */
    /* Not 0: values are texts of so many characters. Those given may lack blanks at the end, which are not
     * kept on pages; those read have them. */
    uint32_t padded_chars;
    Cell missing; /* value for rows older than the column */
} HeapColumn;

typedef struct HeapLayout {
    uint16_t column_count;
    const HeapColumn *columns;
} HeapLayout;

/* A table as its user opened it; the caller holds a lock on it (storage/../lock). Long-lived, cached
 * by the catalog, read-only. */
typedef struct HeapRel {
    BranchId branch;
    RelationId relation;
    RelationId toast_relation; /* RELATION_NONE: values beyond the page are refused with 54000 */
    Persistence persistence;
    HeapLayout layout;
    uint8_t fill_percent; /* new rows leave the rest of a page, slots and bytes, to updates; 0 = 100 */
    const char *name; /* for the context of errors while waiting; NULL: not said */
} HeapRel;

MUST_CHECK Status heap_insert(Ctx *cx, const HeapRel *rel, const Cell *cells, Tid *out);
/* `rows` rows of layout.column_count cells each, row after row; fills pages one latch at a time. */
MUST_CHECK Status heap_insert_many(Ctx *cx, const HeapRel *rel, const Cell *cells, uint32_t rows, Tid *out);

/* Takes back a row that this command has just inserted, as if it had been rolled back (ON CONFLICT: an
 * index has refused it). Entries that other indexes already have for it are harmless. */
MUST_CHECK Status heap_undo_insert(Ctx *cx, const HeapRel *rel, Tid tid);

/* ---- reading ------------------------------------------------------------------------------------- */

/* One page of a scan (H5): pointers into the pinned page. Column arrays are indexed by slot. */
typedef struct HeapPageView {
    uint32_t visible_count;
    const uint16_t *visible; /* slots (0-based array positions), ascending */
    uint32_t slot_count; /* array length: slots in use */
    BlockNo block;
    const void *page; /* opaque */
} HeapPageView;

typedef struct HeapScan HeapScan;
/* Sequential scan of [first_block, end_block) (0, UINT32_MAX = all). Memory from `arena`. */
MUST_CHECK Status heap_scan_open(Ctx *cx, Arena *arena, const HeapRel *rel, const Snapshot *snapshot,
                                 BlockNo first_block, BlockNo end_block, HeapScan **out);
/* It is a scan of the table as pg_stat_all_tables counts them, and so are its rows. */
void heap_scan_count(Ctx *cx, HeapScan *scan);
/* A hint: these columns (0-based) will be read, and no others. Memory is fetched ahead accordingly. */
enum { HEAP_SCAN_COLUMNS_MOST = 32 };
void heap_scan_hint(HeapScan *scan, const uint16_t *columns, uint32_t count);
/* The next page with a visible row; the previous page's view ends. *done when there is none. */
MUST_CHECK Status heap_scan_next(Ctx *cx, HeapScan *scan, HeapPageView *view, bool *done);
void heap_scan_close(Ctx *cx, HeapScan *scan); /* NULL is fine */

/* Of a page view: the array of a fixed-width column, aligned to its width, or NULL when this page has
 * it in the variable part or not at all (then use heap_view_cell). *nulls: bit per slot, NULL = none
 * (64-bit aligned). */
const void *heap_view_fixed(const HeapScan *scan, const HeapPageView *view, uint16_t column,
                            const uint64_t **nulls);
/* Any column of any slot. Out-of-line values are fetched into cx->arena. */
MUST_CHECK Status heap_view_cell(Ctx *cx, const HeapScan *scan, const HeapPageView *view, uint16_t column,
                                 uint16_t slot, Cell *out);
/* The same for many slots at once. */
MUST_CHECK Status heap_view_cells(Ctx *cx, const HeapScan *scan, const HeapPageView *view, uint16_t column,
                                  const uint16_t *slots, uint32_t count, Cell *out);
/* Root TID of a slot. */
Tid heap_view_tid(const HeapPageView *view, uint16_t slot);
/* 32-bit xmin/xmax of T1, and the raw words for who asks. */
typedef struct RowHeader {
    uint32_t xmin, xmax, cmin, cmax;
} RowHeader;
RowHeader heap_view_header(const HeapPageView *view, uint16_t slot);

/* One row by its root TID. The view holds a pin until heap_row_release. */
typedef struct HeapRow {
    bool found; /* a version is visible to the snapshot */
    uint16_t slot; /* of that version */
    const void *page;
    uint64_t pin; /* opaque */
    Tid tid;
} HeapRow;
#define HEAP_ROW_NONE ((HeapRow){0})
MUST_CHECK Status heap_fetch(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, HeapRow *out);
/* Is a version visible? For index-only scans: on an all-visible page (T7) no row is looked at. */
MUST_CHECK Status heap_is_visible(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot,
                                  bool *visible);
MUST_CHECK Status heap_row_cell(Ctx *cx, const HeapRel *rel, const HeapRow *row, uint16_t column, Cell *out);
RowHeader heap_row_header(const HeapRow *row);
void heap_row_release(Ctx *cx, HeapRow *row); /* a no-op on HEAP_ROW_NONE */

/* ---- changing ------------------------------------------------------------------------------------ */

typedef enum RowLock { ROW_LOCK_KEY_SHARE, ROW_LOCK_SHARE, ROW_LOCK_NO_KEY_UPDATE, ROW_LOCK_UPDATE } RowLock;
typedef enum LockWait { LOCK_WAIT_BLOCK, LOCK_WAIT_ERROR, LOCK_WAIT_SKIP } LockWait;

/* What became of an attempt on a row seen under a snapshot. Waiting for another transaction's mark
 * has been done inside (R3, T4). */
typedef enum RowOutcome {
    ROW_DONE,
    ROW_UPDATED, /* a committed transaction newer than the snapshot changed it: re-check (R4) */
    ROW_DELETED, /* ... deleted it */
    ROW_SELF_UPDATED, /* this transaction has already changed it in this or a later command: skip it */
    ROW_WOULD_BLOCK, /* LOCK_WAIT_SKIP only */
} RowOutcome;

typedef struct RowChange {
    RowOutcome outcome;
    Tid tid; /* UPDATE done: root TID of the new version. ROW_UPDATED: root TID of the newest */
    bool same_root; /* UPDATE done: indexes whose keys did not change need no new entry */
} RowChange;

/* `keys_changed`: a column of some index changed, so the new version needs a root of its own.
 * `changed` (bit per column, may be NULL) lets the record carry changed columns only. */
MUST_CHECK Status heap_update(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot,
                              const Cell *cells, bool keys_changed, RowLock strength, RowChange *out);
MUST_CHECK Status heap_delete(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, RowChange *out);
/* Locks the newest version, following moves. ROW_UPDATED: it is locked now, but is newer than the
 * snapshot; fetch it with heap_fetch_newest and re-check. */
MUST_CHECK Status heap_lock(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, RowLock mode,
                            LockWait wait, RowChange *out);
/* The newest committed or own version (after heap_lock: the locked one). */
MUST_CHECK Status heap_fetch_newest(Ctx *cx, const HeapRel *rel, Tid root, HeapRow *out);

/* ---- upkeep -------------------------------------------------------------------------------------- */

typedef struct HeapStats {
    uint64_t live_rows, dead_rows, pages;
    /* With a store: as many of the latest ids the id table has to keep because stored pages name the first of them (T6).
     * Ended by a vacuum. Not filled in by heap_vacuum. */
    uint64_t ids_held;
    /* Since the table was made; what was rolled back counts, too. Not filled in by heap_vacuum. */
    uint64_t inserted, updated, updated_in_place, deleted, changed_since_analyze, inserted_since_vacuum;
    int64_t vacuumed_us[2], analyzed_us[2]; /* wall clock, 0 = never; [0] by hand, [1] by the janitor */
    uint32_t vacuums[2], analyzes[2];
} HeapStats;
/* Cheap counters kept while rows change; good enough to decide when vacuum is due. */
void heap_stats(Ctx *cx, const HeapRel *rel, HeapStats *out);
/* Counts an upkeep of the table. */
typedef enum HeapUpkeep { HEAP_UPKEEP_VACUUM, HEAP_UPKEEP_ANALYZE } HeapUpkeep;
void heap_note_upkeep(Ctx *cx, const HeapRel *rel, HeapUpkeep what, bool by_janitor, int64_t now_us);
/* New storage of the same table (TRUNCATE, a rewrite) goes on counting where the old one was. */
void heap_carry_counters(Ctx *cx, BranchId branch, RelationId from, RelationId to);
/* Prunes every page, collects dead roots, removes them from `indexes`, frees stubs, cuts empty pages
 * off the end. Runs beside readers and writers; one vacuum of a table at a time. Takes no snapshot. */
struct BtreeRel;
MUST_CHECK Status heap_vacuum(Ctx *cx, const HeapRel *rel, const struct BtreeRel *indexes, int index_count,
                              HeapStats *out);
/* Walks all pages and asserts every invariant; for tests. */
MUST_CHECK Status heap_check(Ctx *cx, const HeapRel *rel);
/* The same, reporting, and going on behind pages that cannot be read. */
typedef struct HeapVerified {
    uint64_t pages, unreadable;
} HeapVerified;
MUST_CHECK Status heap_verify(Ctx *cx, const HeapRel *rel, struct DamageReport *report, HeapVerified *out);
/* Is there a row, alive or dead, with this root? For entries of indexes. */
MUST_CHECK Status heap_has_root(Ctx *cx, const HeapRel *rel, Tid root, bool *has);

#endif
