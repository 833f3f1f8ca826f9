/* heap_insert.c - new rows: finding a page, and filling it.
 *
 * A session inserts where its hint says (one of eight per relation, so that a few sessions do not
 * queue for one page), then where the free-space map knows room, then on a new page. Inserts leave a
 * little room on each page, one row's, for the first update of a row to stay on its page: that is
 * cheaper than moving the row and telling every index. A table's fill factor makes it a share of the page.
 *
 * How many slots a page gets follows from the average width of the variable parts seen so far; a page
 * whose slots run out long before its bytes is laid out anew if nobody has it pinned. */
#include "storage/branch/page_own.h"
#include "storage/heap/heap_record.h"
#include "storage/txn/row_count.h"
#include "storage/txn/ssi.h"

enum { SPACE_TRIES = 4, RESLOT_FREE_BYTES = PAGE_BYTES / 4 };

Status
heap_open(Ctx *cx, const HeapRel *rel, CacheRel **out)
{
    CacheRel *cr = cache_rel(cx, rel->branch, rel->relation);

    if (UNLIKELY(cr == NULL))
        return fail(cx, ST_CORRUPT, "XX001", "relation %u of branch %u has no storage", rel->relation,
                    rel->branch);
    *out = cr;
    return ST_OK;
}

static uint32_t
reserve_slots(const HeapPage *p)
{
    return p->capacity >= 20 ? 1u + p->capacity / 128u : 0;
}

/* May a new row of so many bytes go onto the page, and leave `reserve` rows like it and the share of the fill
 * factor? A page without rows takes one in any case. */
static bool
leaves_enough(const HeapPage *p, const HeapRel *rel, uint32_t left, uint32_t var_bytes)
{
    uint32_t reserve = reserve_slots(p);

    if (left == p->capacity)
        return true;
    if (left <= MAX_OF(reserve, heap_fill_reserve(rel, p->capacity)))
        return false;
    return p->var_columns == 0 ||
           heap_free_bytes(p) >=
               MAX_OF(var_bytes * (1 + reserve),
                      var_bytes + heap_fill_reserve(rel, (uint32_t)(PAGE_BYTES - p->fixed_end)));
}

bool
heap_page_has_room(const HeapPage *p, const HeapRel *rel, const Cell *cells, bool leave_reserve, uint16_t *slot,
                   uint32_t *var_bytes, bool *wide)
{
    uint32_t left = (uint32_t)(p->free_slots + p->capacity - p->used);
    bool fits;

    if (p->h.layout_version != rel->layout.column_count || (p->h.flags & HEAP_PAGE_RETIRED))
        return false;
    if (left == 0)
        return false;
    *var_bytes = heap_row_var_bytes(p, &rel->layout, cells, wide, &fits);
    if (!fits || (p->var_columns > 0 && heap_free_bytes(p) < *var_bytes))
        return false;
    if (leave_reserve && !leaves_enough(p, rel, left, *var_bytes))
        return false;
    *slot = heap_free_slot(p);
    return true;
}

/* ---- learning widths -------------------------------------------------------------------------------------------- */

static void
learn_width(CacheRel *cr, const HeapPage *p)
{
    uint32_t rows = (uint32_t)(p->used - p->free_slots);
    uint32_t before = atomic_load_explicit(&cr->row_var_bytes, memory_order_relaxed), now;

    if (p->var_columns == 0 || rows == 0)
        return;
    now = (uint32_t)(PAGE_BYTES - p->var_low - p->var_dead) * 16 / rows;
    atomic_store_explicit(&cr->row_var_bytes, before == 0 ? now : (before * 3 + now) / 4, memory_order_relaxed);
}

/* More slots for a page that has bytes left. Exclusive latch. */
static bool
add_slots(Ctx *cx, PageRef *ref, const HeapRel *rel, CacheRel *cr)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    uint32_t rows = (uint32_t)(p->used - p->free_slots);
    bool all_bitmaps = atomic_load_explicit(&cr->nulls_seen, memory_order_relaxed) != 0;
    HeapShape shape;
    bool done = false;

    if (p->capacity == HEAP_SLOTS_MOST || heap_free_bytes(p) + p->var_dead < RESLOT_FREE_BYTES || rows == 0 ||
        p->h.layout_version != rel->layout.column_count || !page_is_sole_pin(ref))
        return false;
    heap_shape(&rel->layout, all_bitmaps, (uint32_t)(PAGE_BYTES - p->var_low - p->var_dead) / rows, 0, &shape);
    if (shape.capacity < p->capacity + 2 + p->capacity / 16)
        return false;
    page_change_begin(cx, ref);
    done = heap_page_rewrite(p, &rel->layout, all_bitmaps, shape.capacity);
    if (done)
        heap_end_image(cx, ref);
    else
        page_change_cancel(cx, ref);
    return done;
}

/* ---- finding a page ------------------------------------------------------------------------------------------------ */

/* out->ref.page NULL if the row does not fit there. */
static Status
try_block(Ctx *cx, const HeapRel *rel, CacheRel *cr, BlockNo block, const Cell *cells, HeapPlace *out)
{
    HeapPage *p;
    bool room;

    TRY(page_pin_own(cx, cr, FORK_MAIN, block, &out->ref));
    if (out->ref.page == NULL)
        return ST_OK;
    page_latch_exclusive(cx, &out->ref);
    p = (HeapPage *)(void *)out->ref.page;
    room = page_is(p, PAGE_KIND_HEAP) &&
           heap_page_has_room(p, rel, cells, true, &out->slot, &out->var_bytes, &out->wide);
    if (!room && page_is(p, PAGE_KIND_HEAP) && add_slots(cx, &out->ref, rel, cr))
        room = heap_page_has_room(p, rel, cells, true, &out->slot, &out->var_bytes, &out->wide);
    if (!room) {
        if (page_is(p, PAGE_KIND_HEAP))
            learn_width(cr, p);
        page_unpin(cx, &out->ref);
    }
    return ST_OK;
}

/* Does a null stand in a column that was promised to have none? */
static bool
has_hinted_null(const HeapRel *rel, const Cell *cells)
{
    for (uint32_t c = 0; c < rel->layout.column_count; c++) {
        if (cells[c].data == NULL && rel->layout.columns[c].not_null_hint)
            return true;
    }
    return false;
}

/* Size of the row's variable part on a page of this shape. */
static uint32_t
shape_row_bytes(const HeapShape *s, const HeapLayout *layout, const Cell *cells)
{
    uint32_t total = 0;

    for (uint32_t c = 0; c < s->columns; c++) {
        if ((c >= s->described || (s->desc[c] & DESC_VAR)) && cells[c].data != NULL)
            total += row_cell_bytes(layout, c, &cells[c]);
    }
    return total + 2u * s->var_columns;
}

static Status
shape_for_row(Ctx *cx, const HeapRel *rel, CacheRel *cr, const Cell *cells, HeapShape *s)
{
    uint32_t average = atomic_load_explicit(&cr->row_var_bytes, memory_order_relaxed) / 16, row, room;
    bool all_bitmaps = atomic_load_explicit(&cr->nulls_seen, memory_order_relaxed) != 0;

    if (!all_bitmaps && has_hinted_null(rel, cells)) {
        atomic_store(&cr->nulls_seen, 1);
        all_bitmaps = true;
    }
    heap_shape(&rel->layout, all_bitmaps, 0, 1, s);
    row = shape_row_bytes(s, &rel->layout, cells);
    room = PAGE_BYTES - heap_shape_fixed_end(s, 1);
    if (s->var_columns > 0 && row > room) {
        uint32_t fixed = heap_shape_fixed_end(s, 1);

        return fail(cx, ST_ERROR, "54000", "row is too big: size %u, maximum size %u", row + fixed,
                    (uint32_t)PAGE_BYTES);
    }
    heap_shape(&rel->layout, all_bitmaps, average != 0 ? average : row, 0, s);
    while (s->var_columns > 0 && s->capacity > 1 && heap_shape_fixed_end(s, s->capacity) + row > PAGE_BYTES)
        s->capacity--;
    return ST_OK;
}

static Status
new_page(Ctx *cx, const HeapRel *rel, CacheRel *cr, const Cell *cells, HeapPlace *out)
{
    HeapShape shape;
    HeapPage *p;
    bool fits;

    TRY(shape_for_row(cx, rel, cr, cells, &shape));
    TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
    page_add(cx, cr, FORK_MAIN, &out->ref);
    p = (HeapPage *)(void *)out->ref.page;
    page_change_begin(cx, &out->ref);
    heap_page_init(p, &shape, atomic_load_explicit(&page_cache(cx->proc)->epoch, memory_order_relaxed));
    heap_end_init(cx, &out->ref, &shape);
    out->slot = 1;
    out->var_bytes = heap_row_var_bytes(p, &rel->layout, cells, &out->wide, &fits);
    ASSERT(fits);
    ASSERT(p->var_columns == 0 || out->var_bytes <= heap_free_bytes(p));
    return ST_OK;
}

Status
heap_place_find(Ctx *cx, const HeapRel *rel, CacheRel *cr, const Cell *cells, BlockNo avoid, HeapPlace *out)
{
    _Atomic uint32_t *hint = &cr->insert_block[cx->proc->no % CACHE_INSERT_HINTS];
    uint32_t block = atomic_load_explicit(hint, memory_order_relaxed);
    uint32_t row = 0;

    *out = (HeapPlace){0};
    if (block != 0 && block - 1 != avoid) {
        TRY(try_block(cx, rel, cr, block - 1, cells, out));
        if (out->ref.page != NULL)
            return ST_OK;
    }
    for (uint32_t c = 0; c < rel->layout.column_count; c++)
        row += cells[c].data != NULL ? row_cell_bytes(&rel->layout, c, &cells[c]) : 0;
    for (int i = 0; i < SPACE_TRIES; i++) {
        BlockNo found;

        TRY(heap_space_find(cx, cr, row, &found));
        if (found == BLOCK_NONE)
            break;
        /* It is somebody's insert page now, or full. Said before the page is latched, because the map may have to be read (C1). */
        heap_space_record(cx, cr, found, 0);
        if (found != avoid)
            TRY(try_block(cx, rel, cr, found, cells, out));
        if (out->ref.page != NULL) {
            atomic_store_explicit(hint, found + 1, memory_order_relaxed);
            return ST_OK;
        }
    }
    TRY(new_page(cx, rel, cr, cells, out));
    atomic_store_explicit(hint, out->ref.frame->block + 1, memory_order_relaxed);
    return ST_OK;
}

void
heap_place_fill(Ctx *cx, HeapPlace *place, const HeapRel *rel, const Cell *cells, Xid xid, uint32_t command_id)
{
    HeapPage *p = (HeapPage *)(void *)place->ref.page;

    page_change_begin(cx, &place->ref);
    heap_page_put(p, &rel->layout, place->slot, place->slot, cells, place->var_bytes, place->wide);
    heap_page_set_creator(p, place->slot, WORD_RAW | xid, command_id);
    page_mark_raw(cx, &place->ref, txn_id(cx));
    heap_end_insert(cx, &place->ref, place->slot);
}

typedef struct Writer {
    Xid xid;
    uint32_t command_id;
} Writer;

/* As many of the rows as the page takes in slots one after the other, as one change; the first one as it is stored, `place` is its
 * own. Afterwards `place` is the next one's, if *room. */
static uint32_t
fill_run(Ctx *cx, HeapPlace *place, const HeapRel *rel, const Cell *stored, const Cell *cells, uint32_t rows,
         const Writer *writer, bool *room)
{
    HeapPage *p = (HeapPage *)(void *)place->ref.page;
    uint32_t count = 0, columns = rel->layout.column_count;
    uint16_t first = place->slot, var_low = p->var_low;

    page_change_begin(cx, &place->ref);
    do {
        heap_page_put(p, &rel->layout, place->slot, place->slot, stored, place->var_bytes, place->wide);
        heap_page_set_creator(p, place->slot, WORD_RAW | writer->xid, writer->command_id);
        stored = cells + (size_t)++count * columns;
        *room = count < rows && !heap_row_needs_toast(rel, stored) &&
                heap_page_has_room(p, rel, stored, true, &place->slot, &place->var_bytes, &place->wide);
    } while (*room && place->slot == first + count);
    page_mark_raw(cx, &place->ref, txn_id(cx));
    heap_end_insert_run(cx, &place->ref, first, count, var_low);
    return count;
}

/* ---- inserting ------------------------------------------------------------------------------------------------------- */

static Status
insert_rows(Ctx *cx, const HeapRel *rel, CacheRel *cr, const Cell *cells, uint32_t rows, Tid *out)
{
    uint32_t done = 0, columns = rel->layout.column_count;
    Writer writer;

    TRY(txn_write_id(cx, &writer.xid, &writer.command_id));
    while (done < rows) {
        const Cell *stored;
        HeapPlace place;
        BlockNo block;
        uint32_t before = done;
        bool room;

        TRY(heap_toast_row(cx, rel, cells + (size_t)done * columns, NULL, &stored));
        TRY(heap_place_find(cx, rel, cr, stored, BLOCK_NONE, &place));
        block = place.ref.frame->block;
        do { /* as many rows as the page takes, under one latch */
            uint16_t slot = place.slot;
            uint32_t end = done + fill_run(cx, &place, rel, stored, cells + (size_t)done * columns, rows - done,
                                           &writer, &room);

            for (; done < end; done++, slot++) {
                out[done] = tid_make(block, slot);
                ssi_write(cx, rel->branch, rel->relation, block, out[done]);
            }
            stored = cells + (size_t)done * columns;
        } while (room);
        page_unpin(cx, &place.ref);
        row_count_add(cx, rel->branch, rel->relation, writer.xid, done - before);
        atomic_fetch_add_explicit(&cr->done.inserted, done - before, memory_order_relaxed);
        proc_count(cx->proc, COUNT_INSERTED, done - before);
        TRY(ctx_poll(cx));
    }
    return ST_OK;
}

Status
heap_insert_many(Ctx *cx, const HeapRel *rel, const Cell *cells, uint32_t rows, Tid *out)
{
    ArenaMark mark = arena_mark(cx->arena);
    CacheRel *cr = NULL;
    Status rc;

    TRY(heap_open(cx, rel, &cr));
    rc = insert_rows(cx, rel, cr, cells, rows, out);
    arena_rewind(cx->arena, mark);
    return rc;
}

Status
heap_insert(Ctx *cx, const HeapRel *rel, const Cell *cells, Tid *out)
{
    return heap_insert_many(cx, rel, cells, 1, out);
}
