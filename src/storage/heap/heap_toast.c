/* heap_toast.c - values too long for their row: compressed, then moved out of line.
 *
 * A row should not take more than a quarter of a page. The longest values of columns that allow it are
 * compressed (lz4) first, then, still longest first, moved to the toast relation: a heap of its own,
 * whose rows are chunks, each naming the next. The row keeps a pointer with the first chunk's TID.
 *
 * Chunks are not read by snapshot: who sees the pointer may follow it. They are marked deleted by the
 * transaction that deletes or replaces the row, so pruning takes a chunk when nobody can see a row
 * with its pointer any more; a transaction that is rolled back leaves dead chunks like any others. */
#include <lz4.h>

#include "base/bytes.h"
#include "storage/heap/heap_int.h"

enum {
    ROW_TARGET_BYTES = 2000,
    COMPRESS_LEAST_BYTES = 64,
    CHUNK_BYTES = 1960, /* four to a page */
    POINTER_BYTES = 17,
    COMPRESSED_HEAD_BYTES = 4,
};

typedef struct ToastPointer {
    Tid first;
    uint32_t raw_bytes, stored_bytes;
    bool compressed;
} ToastPointer;

enum { CHUNK_NEXT, CHUNK_DATA, CHUNK_COLUMNS };
static const HeapColumn chunk_columns[CHUNK_COLUMNS] = {
    [CHUNK_NEXT] = {.width = 8, .not_null_hint = true},
    [CHUNK_DATA] = {.width = 0},
};

HeapRel
heap_toast_rel(const HeapRel *rel)
{
    return (HeapRel){.branch = rel->branch,
                     .relation = rel->toast_relation,
                     .persistence = rel->persistence,
                     .layout = {CHUNK_COLUMNS, chunk_columns}};
}

static void
pointer_read(const Cell *cell, ToastPointer *out)
{
    const char *b = cell->data;

    ASSERT(cell_mark(cell) == MARK_EXTERNAL);
    ASSERT(cell_bytes(cell) == POINTER_BYTES);
    *out = (ToastPointer){get_u64(b), get_u32(b + 8), get_u32(b + 12), b[16] != 0};
}

static void
pointer_write(char *b, const ToastPointer *p)
{
    put_u64(b, p->first);
    put_u32(b + 8, p->raw_bytes);
    put_u32(b + 12, p->stored_bytes);
    b[16] = p->compressed;
}

/* ---- out of line ------------------------------------------------------------------------------------------------ */

/* From the last chunk to the first, because each names the next. */
static Status
store_chunks(Ctx *cx, const HeapRel *toast, const char *data, uint32_t bytes, Tid *first)
{
    uint32_t chunks = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    Tid next = TID_NONE;

    for (uint32_t i = chunks; i > 0; i--) {
        uint32_t at = (i - 1) * CHUNK_BYTES;
        Cell cells[CHUNK_COLUMNS] = {{&next, 8}, {data + at, MIN_OF(bytes - at, (uint32_t)CHUNK_BYTES)}};
        Tid tid;

        TRY(ctx_poll(cx));
        TRY(heap_insert(cx, toast, cells, &tid));
        next = tid;
    }
    *first = next;
    return ST_OK;
}

/* One chunk by its TID. The pin keeps its bytes in place. */
static Status
pin_chunk(Ctx *cx, const HeapRel *toast, CacheRel *cr, Tid tid, PageRef *ref, Tid *next, Cell *data)
{
    const HeapPage *p;
    Cell link;

    TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(tid), ref));
    p = (const HeapPage *)(void *)ref->page;
    if (p == NULL || !page_is(p, PAGE_KIND_HEAP) || tid_slot(tid) == 0 || tid_slot(tid) > p->used ||
        heap_root(p)[tid_slot(tid) - 1] == 0 || (heap_flags(p)[tid_slot(tid) - 1] & SLOT_STUB)) {
        page_unpin(cx, ref);
        return fail(cx, ST_CORRUPT, "XX001", "chunk (%u,%u) of a long value is missing in relation %u",
                    tid_block(tid), tid_slot(tid), toast->relation);
    }
    heap_page_cell(p, (uint16_t)(tid_slot(tid) - 1), CHUNK_NEXT, &link);
    heap_page_cell(p, (uint16_t)(tid_slot(tid) - 1), CHUNK_DATA, data);
    memcpy(next, link.data, 8);
    page_unlatch(cx, ref);
    return ST_OK;
}

static Status
load_chunks(Ctx *cx, const HeapRel *toast, const ToastPointer *ptr, char *to)
{
    uint32_t at = 0;
    Tid tid = ptr->first;
    CacheRel *cr;

    TRY(heap_open(cx, toast, &cr));
    while (tid != TID_NONE) {
        PageRef ref;
        Cell data;
        Tid next;

        TRY(pin_chunk(cx, toast, cr, tid, &ref, &next, &data));
        if (at + cell_bytes(&data) > ptr->stored_bytes) {
            page_unpin(cx, &ref);
            break;
        }
        memcpy(to + at, data.data, cell_bytes(&data));
        at += cell_bytes(&data);
        page_unpin(cx, &ref);
        tid = next;
        TRY(ctx_poll(cx));
    }
    if (tid != TID_NONE || at != ptr->stored_bytes)
        return fail(cx, ST_CORRUPT, "XX001", "a long value in relation %u has the wrong length",
                    toast->relation);
    return ST_OK;
}

static Status
fail_no_room(Ctx *cx, uint32_t bytes)
{
    (void)fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    fail_detail(cx, "Failed on request of size %u.", bytes);
    return ST_NO_MEMORY;
}

static Status
decompress(Ctx *cx, const char *from, uint32_t bytes, uint32_t raw_bytes, Cell *out)
{
    char *raw = arena_try_alloc(cx->arena, MAX_OF(raw_bytes, 1));

    if (raw == NULL)
        return fail_no_room(cx, raw_bytes);
    if (LZ4_decompress_safe(from, raw, (int)bytes, (int)raw_bytes) != (int)raw_bytes)
        return fail(cx, ST_CORRUPT, "XX001", "compressed data is corrupt");
    *out = (Cell){raw, raw_bytes};
    return ST_OK;
}

Status
heap_toast_fetch(Ctx *cx, const HeapRel *rel, Cell *cell)
{
    HeapRel toast;
    ToastPointer ptr;
    char *stored;

    if (cell->data == NULL || cell_mark(cell) == MARK_PLAIN)
        return ST_OK;
    if (cell_mark(cell) == MARK_COMPRESSED)
        return decompress(cx, (const char *)cell->data + COMPRESSED_HEAD_BYTES,
                          cell_bytes(cell) - COMPRESSED_HEAD_BYTES, get_u32(cell->data), cell);
    pointer_read(cell, &ptr);
    toast = heap_toast_rel(rel);
    stored = arena_try_alloc(cx->arena, MAX_OF(ptr.stored_bytes, 1));
    if (stored == NULL)
        return fail_no_room(cx, ptr.stored_bytes);
    TRY(load_chunks(cx, &toast, &ptr, stored));
    if (ptr.compressed)
        return decompress(cx, stored, ptr.stored_bytes, ptr.raw_bytes, cell);
    *cell = (Cell){stored, ptr.stored_bytes};
    return ST_OK;
}

/* ---- making a row shorter ------------------------------------------------------------------------------------------ */

static uint32_t
row_bytes(const HeapRel *rel, const Cell *cells)
{
    uint32_t total = 0;

    for (uint32_t c = 0; c < rel->layout.column_count; c++) {
        if (cells[c].data != NULL && rel->layout.columns[c].width == 0)
            total += MIN_OF(cell_bytes(&cells[c]), 1u << 20) + 2;
    }
    return total;
}

bool
heap_row_needs_toast(const HeapRel *rel, const Cell *cells)
{
    uint32_t total = 0;

    for (uint32_t c = 0; c < rel->layout.column_count; c++) {
        if (rel->layout.columns[c].width == 0 && cells[c].data != NULL) {
            total += cell_bytes(&cells[c]) + 2;
            if (total > ROW_TARGET_BYTES)
                return true;
        }
    }
    return false;
}

/* The longest cell that can still be made shorter by the given step; -1 = none. */
static int
longest(const HeapRel *rel, const Cell *cells, const uint8_t *tried, uint8_t step)
{
    uint32_t least = step == 1 ? COMPRESS_LEAST_BYTES : POINTER_BYTES;
    int best = -1;

    for (int c = 0; c < rel->layout.column_count; c++) {
        const HeapColumn *col = &rel->layout.columns[c];

        if (col->width != 0 || !col->out_of_line || cells[c].data == NULL || tried[c] >= step ||
            cell_mark(&cells[c]) == MARK_EXTERNAL || cell_bytes(&cells[c]) <= least)
            continue;
        if (best < 0 || cell_bytes(&cells[c]) > cell_bytes(&cells[best]))
            best = c;
    }
    return best;
}

/* Leaves the cell as it is when that does not help, or there is no memory to try. */
static void
compress_cell(Ctx *cx, Cell *cell)
{
    uint32_t raw = cell_bytes(cell), most = raw - raw / 4;
    char *to;
    int n;

    ASSERT(cell_mark(cell) == MARK_PLAIN);
    to = arena_try_alloc(cx->arena, most + COMPRESSED_HEAD_BYTES);
    if (to == NULL)
        return;
    n = LZ4_compress_default(cell->data, to + COMPRESSED_HEAD_BYTES, (int)raw, (int)most);
    if (n <= 0)
        return;
    put_u32(to, raw);
    *cell = (Cell){to, ((uint32_t)n + COMPRESSED_HEAD_BYTES) | (uint32_t)MARK_COMPRESSED << 30};
}

/* Did the column keep its value, which is out of line? */
static Status
keep_external(Ctx *cx, const HeapRel *rel, const Cell *old, Cell *cell, bool *kept)
{
    ArenaMark mark = arena_mark(cx->arena);
    ToastPointer ptr;
    Cell plain = *old;

    *kept = false;
    if (old->data == NULL || cell_mark(old) != MARK_EXTERNAL)
        return ST_OK;
    pointer_read(old, &ptr);
    if (ptr.raw_bytes != cell_bytes(cell))
        return ST_OK;
    TRY(heap_toast_fetch(cx, rel, &plain));
    *kept = memcmp(plain.data, cell->data, ptr.raw_bytes) == 0;
    arena_rewind(cx->arena, mark);
    if (*kept)
        *cell = (Cell){arena_memdup(cx->arena, old->data, POINTER_BYTES), old->bytes};
    return ST_OK;
}

static Status
move_out(Ctx *cx, const HeapRel *rel, Cell *cell)
{
    HeapRel toast = heap_toast_rel(rel);
    bool compressed = cell_mark(cell) == MARK_COMPRESSED;
    const char *data = cell->data;
    ToastPointer ptr = {.raw_bytes = cell_bytes(cell),
                        .stored_bytes = cell_bytes(cell),
                        .compressed = compressed};
    char *to;

    if (compressed) {
        ptr.raw_bytes = get_u32(data);
        ptr.stored_bytes -= COMPRESSED_HEAD_BYTES;
        data += COMPRESSED_HEAD_BYTES;
    }
    TRY(store_chunks(cx, &toast, data, ptr.stored_bytes, &ptr.first));
    to = arena_alloc(cx->arena, POINTER_BYTES);
    pointer_write(to, &ptr);
    *cell = (Cell){to, POINTER_BYTES | (uint32_t)MARK_EXTERNAL << 30};
    return ST_OK;
}

Status
heap_toast_row(Ctx *cx, const HeapRel *rel, const Cell *cells, const Cell *old, const Cell **out)
{
    uint32_t columns = rel->layout.column_count;
    uint8_t *tried;
    Cell *copy;
    int c;

    *out = cells;
    if (LIKELY(!heap_row_needs_toast(rel, cells)))
        return ST_OK;
    copy = arena_memdup(cx->arena, cells, sizeof(Cell) * columns);
    tried = arena_zalloc(cx->arena, columns);
    for (uint32_t i = 0; old != NULL && i < columns; i++) {
        bool kept;

        if (copy[i].data != NULL && rel->layout.columns[i].width == 0)
            TRY(keep_external(cx, rel, &old[i], &copy[i], &kept));
    }
    while (row_bytes(rel, copy) > ROW_TARGET_BYTES && (c = longest(rel, copy, tried, 1)) >= 0) {
        tried[c] = 1;
        compress_cell(cx, &copy[c]);
    }
    while (rel->toast_relation != RELATION_NONE && row_bytes(rel, copy) > ROW_TARGET_BYTES &&
           (c = longest(rel, copy, tried, 2)) >= 0) {
        tried[c] = 2;
        TRY(move_out(cx, rel, &copy[c]));
    }
    *out = copy;
    return ST_OK;
}

/* ---- giving up ------------------------------------------------------------------------------------------------------- */

bool
heap_row_has_external(const HeapPage *p, uint16_t position)
{
    if (p->var_columns == 0 || !(heap_flags(p)[position] & SLOT_WIDE))
        return false; /* marks make a part wide */
    for (uint16_t c = 0; c < p->h.layout_version; c++) {
        Cell cell;

        heap_page_cell(p, position, c, &cell);
        if (cell.data != NULL && cell_mark(&cell) == MARK_EXTERNAL)
            return true;
    }
    return false;
}

static Status
delete_chunks(Ctx *cx, const HeapRel *toast, const ToastPointer *ptr)
{
    Snapshot all = {.csn = UINT64_MAX >> 1, .command_id = UINT32_MAX};
    Tid tid = ptr->first;
    CacheRel *cr;

    TRY(heap_open(cx, toast, &cr));
    while (tid != TID_NONE) {
        RowChange change;
        PageRef ref;
        Cell data;
        Tid next;

        TRY(ctx_poll(cx));
        TRY(pin_chunk(cx, toast, cr, tid, &ref, &next, &data));
        page_unpin(cx, &ref);
        TRY(heap_delete(cx, toast, tid, &all, &change));
        tid = next;
    }
    return ST_OK;
}

Status
heap_toast_drop(Ctx *cx, const HeapRel *rel, const Cell *old, const Cell *kept)
{
    HeapRel toast = heap_toast_rel(rel);

    if (rel->toast_relation == RELATION_NONE)
        return ST_OK;
    for (uint32_t c = 0; c < rel->layout.column_count; c++) {
        ToastPointer ptr;

        if (old[c].data == NULL || rel->layout.columns[c].width != 0 || cell_mark(&old[c]) != MARK_EXTERNAL)
            continue;
        if (kept != NULL && kept[c].data != NULL && cell_mark(&kept[c]) == MARK_EXTERNAL &&
            memcmp(kept[c].data, old[c].data, POINTER_BYTES) == 0)
            continue;
        pointer_read(&old[c], &ptr);
        TRY(delete_chunks(cx, &toast, &ptr));
    }
    return ST_OK;
}
