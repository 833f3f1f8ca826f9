/* heap_read.c - scanning pages and fetching single rows.
 *
 * Both look under the share latch and read values under the pin alone (H1). On the way they do what
 * they can for those who come after: prune a full page that nobody else uses, and resolve a page on
 * which some transaction's fate is known but not yet written down (T6: one try, no waiting). */
#include "shmem/pagecache/page_walk.h"
#include "storage/heap/heap_int.h"
#include "storage/txn/ssi.h"
#include "storage/wal/wal.h"

struct HeapScan {
    const HeapRel *rel;
    CacheRel *cr;
    PageWalk walk;
    Snapshot snapshot;
    BlockNo block, end; /* next one to look at; one past the last */
    PageRef ref;
    HeapSelection sel;
    bool counted; /* for pg_stat_all_tables */
    bool hinted;
    uint16_t hint_count;
    uint16_t hints[HEAP_SCAN_COLUMNS_MOST];
};

enum { PAGES_AHEAD = 2 };

static inline const HeapPage *
page_of(const void *page)
{
    return page;
}

/* The share latch, or the exclusive one, is held; afterwards none is. */
void
heap_resolve_if_worth(Ctx *cx, PageRef *ref, bool resolvable)
{
    /* With a full disk a page that is clean stays so: it is the one that can make room for another. */
    if (UNLIKELY(resolvable) && !wal_disk_is_full(cx->proc) && page_try_upgrade(cx, ref))
        (void)heap_resolve(cx, ref);
    page_unlatch(cx, ref);
}

/* For a page that is pinned and share-latched: prunes it if that is useful. */
static inline void
prune_for_reading(Ctx *cx, CacheRel *cr, PageRef *ref)
{
    if (ref->page != NULL &&
        UNLIKELY(page_of(ref->page)->prune_at != 0 && page_is(ref->page, PAGE_KIND_HEAP))) {
        page_unlatch(cx, ref);
        heap_prune_if_useful(cx, cr, ref);
        page_latch_shared(cx, ref);
    }
}

/* ---- scanning ---------------------------------------------------------------------------------------------------- */

Status
heap_scan_open(Ctx *cx, Arena *arena, const HeapRel *rel, const Snapshot *snapshot, BlockNo first_block,
               BlockNo end_block, HeapScan **out)
{
    HeapScan *s;
    CacheRel *cr;

    TRY(heap_open(cx, rel, &cr));
    s = arena_alloc(arena, sizeof(*s));
    s->rel = rel;
    s->cr = cr;
    s->snapshot = *snapshot;
    s->ref = PAGE_REF_NONE;
    s->hinted = false;
    s->hint_count = 0;
    s->block = first_block;
    s->counted = false;
    /* Rows on pages added later are too new for any snapshot that exists now. */
    s->end = MIN_OF(end_block, cache_rel_length(cr, FORK_MAIN));
    page_walk_begin(cx, &s->walk, cr, first_block, s->end);
    *out = s;
    return ST_OK;
}

void
heap_scan_count(Ctx *cx, HeapScan *scan)
{
    scan->counted = true;
    rel_count(cx->proc, scan->cr, REL_SCANS, 1);
}

void
heap_scan_hint(HeapScan *scan, const uint16_t *columns, uint32_t count)
{
    scan->hinted = count <= HEAP_SCAN_COLUMNS_MOST;
    scan->hint_count = (uint16_t)(scan->hinted ? count : 0);
    for (uint32_t i = 0; i < scan->hint_count; i++)
        scan->hints[i] = columns[i];
}

static inline void
fetch_bytes(const char *page, uint32_t from, uint32_t bytes)
{
    for (uint32_t at = from & ~63u; at < from + bytes; at += 64)
        __builtin_prefetch(page + at, 0);
}

/* Pages of a table mostly look alike: where the columns are on this one they are on the next. */
static void
prefetch_like(Ctx *cx, const HeapScan *s, const HeapPage *p)
{
    BlockNo block = s->block + PAGES_AHEAD - 1;
    bool var = false;
    const char *page;

    if (block >= s->end)
        return;
    page = page_prefetch_start(page_cache(cx->proc), s->cr, FORK_MAIN, block);
    if (page == NULL)
        return;
    if (!s->hinted) {
        fetch_bytes(page, 0, p->fixed_end);
        return;
    }
    fetch_bytes(page, 0, (uint32_t)(sizeof(HeapPage) + sizeof(p->desc[0]) * p->described));
    if (p->h.all_before == 0)
        fetch_bytes(page, p->creator_at, 16u * p->used);
    for (uint32_t i = 0; i < s->hint_count; i++) {
        uint32_t d = s->hints[i] < p->described ? p->desc[s->hints[i]] : DESC_VAR;

        if (d & DESC_VAR)
            var = true;
        else
            fetch_bytes(page, desc_place(d), desc_width(d) * p->used);
    }
    if (var && p->var_columns > 0) {
        fetch_bytes(page, p->var_at, 2u * p->used);
        fetch_bytes(page, p->flags_at, p->used);
        fetch_bytes(page, p->var_low, PAGE_BYTES - p->var_low);
    }
}

/* Pin held in s->ref; fills s->sel. */
static Status
select_rows(Ctx *cx, HeapScan *s)
{
    const HeapPage *p = page_of(s->ref.page);

    if (!page_is(p, PAGE_KIND_HEAP)) {
        s->sel.count = 0;
        page_unlatch(cx, &s->ref);
        return ST_OK;
    }
    ssi_read(cx, s->rel->branch, s->rel->relation, s->ref.frame->block, TID_NONE);
    heap_page_visible(cx, p, &s->snapshot, s->ref.csn_cap, &s->sel);
    heap_resolve_if_worth(cx, &s->ref, s->sel.resolvable);
    if (UNLIKELY(s->sel.moved_count > 0))
        return heap_settle_moved(cx, s->cr, &s->snapshot, &s->sel);
    return ST_OK;
}

Status
heap_scan_next(Ctx *cx, HeapScan *s, HeapPageView *view, bool *done)
{
    page_unpin(cx, &s->ref);
    while (s->block < s->end) {
        BlockNo block = s->block++;

        TRY(ctx_poll(cx));
        TRY(page_walk_pin(cx, &s->walk, block, true, &s->ref));
        if (s->ref.page == NULL)
            continue;
        prune_for_reading(cx, s->cr, &s->ref);
        TRY(select_rows(cx, s));
        if (page_is(s->ref.page, PAGE_KIND_HEAP))
            prefetch_like(cx, s, page_of(s->ref.page));
        if (s->sel.count > 0) {
            if (s->counted) {
                rel_count(cx->proc, s->cr, REL_ROWS_READ, s->sel.count);
                proc_count(cx->proc, COUNT_ROWS_READ, s->sel.count);
            }
            *view = (HeapPageView){.visible_count = s->sel.count,
                                   .visible = s->sel.visible,
                                   .slot_count = page_of(s->ref.page)->used,
                                   .block = block,
                                   .page = s->ref.page};
            *done = false;
            return ST_OK;
        }
        page_unpin(cx, &s->ref);
    }
    page_walk_end(cx, &s->walk);
    *done = true;
    return ST_OK;
}

void
heap_scan_close(Ctx *cx, HeapScan *s)
{
    if (s != NULL)
        page_unpin(cx, &s->ref);
}

const void *
heap_view_fixed(const HeapScan *scan, const HeapPageView *view, uint16_t column, const uint64_t **nulls)
{
    const HeapPage *p = page_of(view->page);
    uint32_t d, bitmap;

    (void)scan;
    *nulls = NULL;
    if (column >= p->described || (p->desc[column] & DESC_VAR))
        return NULL;
    d = p->desc[column];
    bitmap = desc_bitmap(d);
    if (bitmap != DESC_NO_BITMAP) {
        const uint64_t *bits = heap_bitmap(p, bitmap);

        for (uint32_t w = 0; w < p->null_words; w++) {
            if (bits[w] != 0) {
                *nulls = bits;
                break;
            }
        }
    }
    return (const char *)p + desc_place(d);
}

/* Gives a text back the blanks that the page has not kept. */
static Status
pad_cell(Ctx *cx, uint32_t chars, Cell *cell)
{
    const char *text = cell->data;
    uint32_t have = 0;
    char *padded;
    size_t bytes;

    if (text == NULL)
        return ST_OK;
    for (uint32_t i = 0; i < cell->bytes; i++)
        have += ((uint8_t)text[i] & 0xc0) != 0x80;
    if (have >= chars)
        return ST_OK;
    bytes = cell->bytes + (chars - have);
    padded = arena_try_alloc(cx->arena, bytes);
    if (padded == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    memcpy(padded, text, cell->bytes);
    memset(padded + cell->bytes, ' ', chars - have);
    *cell = (Cell){padded, (uint32_t)bytes};
    return ST_OK;
}

static inline Status
pad_if_needed(Ctx *cx, const HeapRel *rel, uint16_t column, Cell *cell)
{
    uint32_t chars = rel->layout.columns[column].padded_chars;

    return LIKELY(chars == 0) ? ST_OK : pad_cell(cx, chars, cell);
}

/* Any column of a version on a pinned page. */
static Status
read_cell(Ctx *cx, const HeapRel *rel, const HeapPage *p, uint16_t column, uint16_t position, Cell *out)
{
    Cell cell;

    ASSERT(column < rel->layout.column_count);
    if (UNLIKELY(column >= p->h.layout_version)) {
        *out = rel->layout.columns[column].missing;
        return pad_if_needed(cx, rel, column, out);
    }
    heap_page_cell(p, position, column, &cell);
    if (UNLIKELY(cell_mark(&cell) != MARK_PLAIN))
        TRY(heap_toast_fetch(cx, rel, &cell));
    *out = cell;
    return pad_if_needed(cx, rel, column, out);
}

Status
heap_view_cell(Ctx *cx, const HeapScan *scan, const HeapPageView *view, uint16_t column, uint16_t slot,
               Cell *out)
{
    return read_cell(cx, scan->rel, page_of(view->page), column, slot, out);
}

Status
heap_view_cells(Ctx *cx, const HeapScan *scan, const HeapPageView *view, uint16_t column, const uint16_t *slots,
                uint32_t count, Cell *out)
{
    const HeapPage *p = page_of(view->page);

    ASSERT(column < scan->rel->layout.column_count);
    if (UNLIKELY(column >= p->h.layout_version)) {
        for (uint32_t k = 0; k < count; k++)
            out[k] = scan->rel->layout.columns[column].missing;
    } else {
        heap_page_cells(p, slots, count, column, out);
    }
    for (uint32_t k = 0; k < count; k++) {
        if (UNLIKELY(cell_mark(&out[k]) != MARK_PLAIN))
            TRY(heap_toast_fetch(cx, scan->rel, &out[k]));
        TRY(pad_if_needed(cx, scan->rel, column, &out[k]));
    }
    return ST_OK;
}

Tid
heap_view_tid(const HeapPageView *view, uint16_t slot)
{
    return tid_make(view->block, heap_root(page_of(view->page))[slot]);
}

/* T1 */
static RowHeader
row_header(const HeapPage *p, uint16_t i)
{
    uint64_t c = heap_creators(p)[i], d = heap_deleters(p)[i];
    RowHeader h = {.xmin = (uint32_t)c};

    if (word_is_raw(c))
        h.cmin = heap_creator_companions(p)[i];
    else if (c != WORD_NONE)
        h.xmin = heap_creator_companions(p)[i];
    if (d == WORD_NONE)
        return h;
    h.xmax = (uint32_t)d;
    if (heap_flags(p)[i] & SLOT_MOVED)
        return h; /* the companion is the block it moved to */
    if (word_is_raw(d))
        h.cmax = heap_deleter_companions(p)[i];
    else
        h.xmax = heap_deleter_companions(p)[i];
    return h;
}

RowHeader
heap_view_header(const HeapPageView *view, uint16_t slot)
{
    return row_header(page_of(view->page), slot);
}

/* ---- one row -------------------------------------------------------------------------------------------------------- */

/* A HeapRow carries its pin as one word. */
static uint64_t
pin_word(const PageRef *ref)
{
    return (uint64_t)ref->frame_no << 16 | ref->note;
}

static void
row_found(HeapRow *out, Tid root, uint16_t position, const PageRef *ref)
{
    *out = (HeapRow){.found = true, .slot = position, .page = ref->page, .pin = pin_word(ref), .tid = root};
}

static bool
is_root(const HeapPage *p, uint16_t slot)
{
    return page_is(p, PAGE_KIND_HEAP) && slot >= 1 && slot <= p->used && heap_root(p)[slot - 1] == slot &&
           !(heap_flags(p)[slot - 1] & SLOT_STUB);
}

Status
heap_fetch(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, HeapRow *out)
{
    bool resolvable = false;
    VersionSight sight = SIGHT_NO;
    const HeapPage *p;
    uint32_t slot;
    CacheRel *cr;
    PageRef ref;

    TRY(heap_open(cx, rel, &cr));
    *out = HEAP_ROW_NONE;
    TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(root), &ref));
    if (ref.page == NULL)
        return ST_OK;
    prune_for_reading(cx, cr, &ref);
    ssi_read(cx, rel->branch, rel->relation, tid_block(root), root);
    p = page_of(ref.page);
    slot = is_root(p, tid_slot(root)) ? tid_slot(root) : 0;
    while (slot != 0) {
        uint16_t i = (uint16_t)(slot - 1);

        sight = heap_version_sight(cx, p, i, snapshot, ref.csn_cap, &resolvable);
        if (sight != SIGHT_NO)
            break;
        slot = heap_flags(p)[i] & SLOT_MOVED ? 0 : heap_next(p)[i];
    }
    if (sight == SIGHT_MOVED_BY_US) {
        Tid to = heap_moved_to(p, (uint16_t)(slot - 1));
        uint32_t command_id;
        Status rc;

        page_unlatch(cx, &ref);
        rc = heap_moved_command(cx, cr, to, &command_id);
        if (rc == ST_OK && command_id >= snapshot->command_id)
            row_found(out, root, (uint16_t)(slot - 1), &ref);
        else
            page_unpin(cx, &ref);
        return rc;
    }
    heap_resolve_if_worth(cx, &ref, resolvable);
    if (sight == SIGHT_YES)
        row_found(out, root, (uint16_t)(slot - 1), &ref);
    else
        page_unpin(cx, &ref);
    return ST_OK;
}

Status
heap_is_visible(Ctx *cx, const HeapRel *rel, Tid root, const Snapshot *snapshot, bool *visible)
{
    const HeapPage *p;
    CacheRel *cr;
    PageRef ref;
    HeapRow row;

    TRY(heap_open(cx, rel, &cr));
    TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(root), &ref));
    p = page_of(ref.page);
    if (p != NULL && p->h.all_before != 0 && p->h.all_before <= MIN_OF(snapshot->csn, ref.csn_cap)) {
        /* The entry we come from may be of a row that vacuum has just taken away. */
        *visible = is_root(p, tid_slot(root));
        page_unpin(cx, &ref);
        return ST_OK;
    }
    page_unpin(cx, &ref);
    TRY(heap_fetch(cx, rel, root, snapshot, &row));
    *visible = row.found;
    heap_row_release(cx, &row);
    return ST_OK;
}

/* The newest version of one chain that is committed or ours. 0 = none. */
static uint16_t
newest_slot(Ctx *cx, const HeapPage *p, uint16_t root)
{
    uint16_t slot = root, newest = 0;

    while (slot != 0) {
        uint64_t c = heap_creators(p)[slot - 1];
        XidStatus status = XID_COMMITTED;

        if (c == WORD_NONE)
            status = XID_ABORTED;
        else if (word_is_raw(c))
            status = xid_status(cx, word_xid(c), NULL);
        if (status == XID_COMMITTED || status == XID_OWN)
            newest = slot;
        slot = heap_flags(p)[slot - 1] & SLOT_MOVED ? 0 : heap_next(p)[slot - 1];
    }
    return newest;
}

Status
heap_fetch_newest(Ctx *cx, const HeapRel *rel, Tid root, HeapRow *out)
{
    CacheRel *cr;

    TRY(heap_open(cx, rel, &cr));
    *out = HEAP_ROW_NONE;
    for (;;) {
        const HeapPage *p;
        uint16_t slot;
        bool overtaken;
        MarkState mark;
        PageRef ref;
        Tid to;
        Xid xid;
        Csn csn;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(root), &ref));
        if (ref.page == NULL)
            return ST_OK;
        p = page_of(ref.page);
        slot = is_root(p, tid_slot(root)) ? newest_slot(cx, p, tid_slot(root)) : 0;
        if (slot == 0) {
            page_unpin(cx, &ref);
            return ST_OK;
        }
        mark = heap_mark_state(cx, p, (uint16_t)(slot - 1), &xid, &csn);
        to = heap_flags(p)[slot - 1] & SLOT_MOVED ? heap_moved_to(p, (uint16_t)(slot - 1)) : TID_NONE;
        if (mark == MARK_STATE_NONE || mark == MARK_STATE_RUNNING ||
            (mark == MARK_STATE_OWN && (heap_flags(p)[slot - 1] & SLOT_LOCK_ONLY))) {
            page_unlatch(cx, &ref);
            row_found(out, root, (uint16_t)(slot - 1), &ref);
            return ST_OK;
        }
        /* Its successor may have been committed between our look at the one and at the other. */
        overtaken = to == TID_NONE && newest_slot(cx, p, tid_slot(root)) != slot;
        page_unpin(cx, &ref);
        if (overtaken)
            continue;
        if (to == TID_NONE)
            return ST_OK; /* deleted */
        root = to;
    }
}

Status
heap_row_cell(Ctx *cx, const HeapRel *rel, const HeapRow *row, uint16_t column, Cell *out)
{
    ASSERT(row->found);
    return read_cell(cx, rel, page_of(row->page), column, row->slot, out);
}

RowHeader
heap_row_header(const HeapRow *row)
{
    ASSERT(row->found);
    return row_header(page_of(row->page), row->slot);
}

void
heap_row_release(Ctx *cx, HeapRow *row)
{
    uint32_t frame_no = (uint32_t)(row->pin >> 16);
    PageRef ref = {.frame_no = frame_no, .note = (uint16_t)row->pin};

    if (row->page == NULL)
        return;
    ref.frame = cache_frame(page_cache(cx->proc), frame_no);
    ref.page = (char *)(uintptr_t)row->page;
    page_unpin(cx, &ref);
    *row = HEAP_ROW_NONE;
}
