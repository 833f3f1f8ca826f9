/* heap_page.c - the layout of a page and changes to it, each a function of (page, record) alone (H3).
 *
 * Which columns become arrays: the fixed-width ones, in order, as long as 16 slots of them would still
 * fit; the others join the variable-width ones in the variable part. A variable part begins with one
 * end offset per column in it, then come the bytes. Ends have 8 bits (255 = null) when everything is
 * plain and short; else 16 bits, the upper two of which say in which form the value is. */
#include "base/bytes.h"
#include "storage/heap/heap_int.h"

enum {
    SLOT_HEADER_BYTES = 8 + 8 + 4 + 4 + 3, /* two words, two companions, flags, next, root */
    NARROW_NULL = 255,
    END_MASK = 0x3fff,
};

/* ---- shape -------------------------------------------------------------------------------------------------- */

static uint32_t
width_code(uint32_t width)
{
    ASSERT(width != 0);
    ASSERT((width & (width - 1)) == 0);
    return (uint32_t)__builtin_ctz(width);
}

static uint32_t
bytes_before_arrays(const HeapShape *s)
{
    uint32_t head = (uint32_t)offsetof(HeapPage, desc) + 4u * s->described;

    return (uint32_t)ALIGN_UP(head, s->has_wide ? 16 : 8);
}

uint32_t
heap_shape_fixed_end(const HeapShape *s, uint32_t capacity)
{
    uint32_t words = (capacity + 63) / 64;

    return bytes_before_arrays(s) + 8u * words * s->bitmaps +
           capacity * (SLOT_HEADER_BYTES + s->fixed_bytes + (s->var_columns > 0 ? 2u : 0u));
}

/* Decides for each column whether it is an array, and counts. */
static void
classify(const HeapLayout *layout, bool all_bitmaps, HeapShape *s)
{
    uint32_t budget =
        PAGE_BYTES - (uint32_t)offsetof(HeapPage, desc) - HEAP_FIXED_SLOTS_LEAST * (SLOT_HEADER_BYTES + 2);
    uint32_t used = 0, last_array = 0;

    *s = (HeapShape){.columns = layout->column_count};
    for (uint32_t c = 0; c < layout->column_count; c++) {
        const HeapColumn *col = &layout->columns[c];
        uint32_t cost = HEAP_FIXED_SLOTS_LEAST * col->width + 8 + 4;
        bool array = col->width != 0 && c < HEAP_DESCRIBED_MOST && used + cost <= budget;

        used += 4;
        if (array) {
            uint32_t bitmap = col->not_null_hint && !all_bitmaps ? DESC_NO_BITMAP : s->bitmaps++;

            used += cost;
            s->desc[c] = width_code(col->width) << 13 | bitmap << 20;
            s->fixed_bytes = (uint16_t)(s->fixed_bytes + col->width);
            s->has_wide |= col->width == 16;
            last_array = c + 1;
        } else {
            if (c < HEAP_DESCRIBED_MOST)
                s->desc[c] = DESC_VAR | s->var_columns;
            s->var_columns++;
        }
    }
    s->described = (uint16_t)last_array;
}

void
heap_shape(const HeapLayout *layout, bool all_bitmaps, uint32_t var_bytes, uint32_t capacity, HeapShape *s)
{
    ASSERT(layout->column_count <= HEAP_COLUMNS_MOST);
    classify(layout, all_bitmaps, s);
    if (capacity == 0) {
        uint32_t per_slot = SLOT_HEADER_BYTES + s->fixed_bytes;

        if (s->var_columns > 0)
            per_slot += 2 + var_bytes;
        capacity = (PAGE_BYTES - bytes_before_arrays(s)) / per_slot;
        capacity = MAX_OF(MIN_OF(capacity, HEAP_SLOTS_MOST), 1);
        while (capacity > 1 &&
               heap_shape_fixed_end(s, capacity) + (s->var_columns > 0 ? capacity * var_bytes : 0) > PAGE_BYTES)
            capacity--;
    }
    s->capacity = (uint16_t)capacity;
}

void
heap_page_init(HeapPage *p, const HeapShape *s, uint64_t epoch)
{
    uint32_t cap = s->capacity, at = bytes_before_arrays(s), at_width[5];

    ASSERT(cap > 0);
    ASSERT(cap <= HEAP_SLOTS_MOST);
    ASSERT(heap_shape_fixed_end(s, cap) <= PAGE_BYTES);
    memset(p, 0, PAGE_BYTES);
    p->h =
        (PageHeader){.magic = PAGE_MAGIC, .kind = PAGE_KIND_HEAP, .layout_version = s->columns, .epoch = epoch};
    p->capacity = (uint16_t)cap;
    p->described = s->described;
    p->var_columns = s->var_columns;
    p->null_words = (uint16_t)((cap + 63) / 64);
    p->var_low = PAGE_BYTES;
    /* The widest arrays first, so that each is aligned without gaps. */
    for (int code = 4; code >= 0; code--) {
        if (code == 3) {
            p->creator_at = (uint16_t)at;
            at += 16 * cap;
        } else if (code == 2) {
            p->nulls_at = (uint16_t)at;
            at += 8u * p->null_words * s->bitmaps;
            p->companion_at = (uint16_t)at;
            at += 8 * cap;
        } else if (code == 1) {
            p->var_at = s->var_columns > 0 ? (uint16_t)at : 0;
            at += s->var_columns > 0 ? 2 * cap : 0;
        } else if (code == 0) {
            p->flags_at = (uint16_t)at;
            at += 3 * cap;
        }
        at_width[code] = at;
        for (uint32_t c = 0; c < s->described; c++) {
            if (!(s->desc[c] & DESC_VAR) && (s->desc[c] >> 13 & 7) == (uint32_t)code)
                at += cap << code;
        }
    }
    p->fixed_end = (uint16_t)at;
    ASSERT(at == heap_shape_fixed_end(s, cap));
    for (uint32_t c = 0; c < s->described; c++) {
        uint32_t code = s->desc[c] >> 13 & 7;

        p->desc[c] = s->desc[c];
        if (s->desc[c] & DESC_VAR)
            continue;
        p->desc[c] |= at_width[code];
        at_width[code] += cap << code;
    }
    for (uint32_t i = 0; i < cap; i++)
        heap_creators(p)[i] = heap_deleters(p)[i] = WORD_NONE;
}

/* ---- reading a cell --------------------------------------------------------------------------------------------- */

static inline uint32_t
var_number(const HeapPage *p, uint32_t column)
{
    if (column < p->described)
        return desc_place(p->desc[column]);
    return p->var_columns - (p->h.layout_version - column);
}

static inline void
var_cell(const HeapPage *p, uint16_t position, uint32_t no, Cell *out)
{
    const uint8_t *part = (const uint8_t *)p + heap_var_offsets(p)[position];
    uint32_t start = 0, end, mark = MARK_PLAIN;

    ASSERT(no < p->var_columns);
    if (heap_flags(p)[position] & SLOT_WIDE) {
        end = get_u16(part + 2 * no);
        mark = end >> 14;
        end &= END_MASK;
        if (no > 0)
            start = get_u16(part + 2 * (no - 1)) & END_MASK;
        part += 2 * p->var_columns;
    } else {
        end = part[no];
        if (end == NARROW_NULL)
            mark = MARK_NULL;
        for (uint32_t i = no; i > 0; i--) {
            if (part[i - 1] != NARROW_NULL) {
                start = part[i - 1];
                break;
            }
        }
        part += p->var_columns;
    }
    if (mark == MARK_NULL) {
        *out = (Cell){0};
        return;
    }
    out->data = part + start;
    out->bytes = (end - start) | mark << 30;
}

void
heap_page_cell(const HeapPage *p, uint16_t position, uint16_t column, Cell *out)
{
    uint32_t d;

    ASSERT(column < p->h.layout_version);
    if (column >= p->described || (p->desc[column] & DESC_VAR)) {
        var_cell(p, position, var_number(p, column), out);
        return;
    }
    d = p->desc[column];
    if (desc_bitmap(d) != DESC_NO_BITMAP &&
        (heap_bitmap(p, desc_bitmap(d))[position / 64] >> (position % 64) & 1)) {
        *out = (Cell){0};
        return;
    }
    out->data = (const char *)p + desc_place(d) + desc_width(d) * position;
    out->bytes = desc_width(d);
}

void
heap_page_cells(const HeapPage *p, const uint16_t *positions, uint32_t count, uint16_t column, Cell *out)
{
    uint32_t no;

    if (column < p->described && !(p->desc[column] & DESC_VAR)) {
        for (uint32_t k = 0; k < count; k++)
            heap_page_cell(p, positions[k], column, &out[k]);
        return;
    }
    no = var_number(p, column);
    for (uint32_t k = 0; k < count; k++)
        var_cell(p, positions[k], no, &out[k]);
}

/* Bytes of the whole variable part of a slot. */
uint32_t
heap_slot_var_bytes(const HeapPage *p, uint16_t position)
{
    const uint8_t *part;
    uint32_t n = p->var_columns;

    if (n == 0 || heap_var_offsets(p)[position] == 0)
        return 0;
    part = (const uint8_t *)p + heap_var_offsets(p)[position];
    if (heap_flags(p)[position] & SLOT_WIDE)
        return 2 * n + (get_u16(part + 2 * (n - 1)) & END_MASK);
    for (uint32_t i = n; i > 0; i--) {
        if (part[i - 1] != NARROW_NULL)
            return n + part[i - 1];
    }
    return n;
}

/* ---- writing a row ------------------------------------------------------------------------------------------------- */

static inline bool
is_in_array(const HeapPage *p, uint32_t column)
{
    return column < p->described && !(p->desc[column] & DESC_VAR);
}

uint32_t
heap_row_var_bytes(const HeapPage *p, const HeapLayout *layout, const Cell *cells, bool *wide, bool *fits)
{
    uint32_t total = 0;
    bool marked = false;

    *fits = true;
    for (uint32_t c = 0; c < p->h.layout_version; c++) {
        if (is_in_array(p, c)) {
            if (cells[c].data == NULL && desc_bitmap(p->desc[c]) == DESC_NO_BITMAP)
                *fits = false;
        } else if (cells[c].data != NULL) {
            total += row_cell_bytes(layout, c, &cells[c]);
            marked |= row_cell_mark(layout, c, &cells[c]) != MARK_PLAIN;
        }
    }
    *wide = marked || total >= NARROW_NULL;
    return total + p->var_columns * (*wide ? 2u : 1u);
}

uint16_t
heap_free_slot(const HeapPage *p)
{
    const uint8_t *root = heap_root(p);

    if (p->free_slots > 0) {
        const uint8_t *found = memchr(root, 0, p->used);

        ASSERT(found != NULL);
        return (uint16_t)(found - root + 1);
    }
    return p->used < p->capacity ? (uint16_t)(p->used + 1) : 0;
}

static void
put_fixed(HeapPage *p, uint32_t position, uint32_t column, const Cell *cell)
{
    uint32_t d = p->desc[column];
    char *to = (char *)p + desc_place(d) + (size_t)desc_width(d) * position;
    bool null = cell->data == NULL;

    if (desc_bitmap(d) != DESC_NO_BITMAP) {
        uint64_t *word = &heap_bitmap(p, desc_bitmap(d))[position / 64];
        uint64_t bit = UINT64_C(1) << (position % 64);

        *word = null ? *word | bit : *word & ~bit;
    } else {
        ASSERT(!null);
    }
    if (null) {
        memset(to, 0, desc_width(d));
        return;
    }
    switch (desc_width(d)) {
    case 4: memcpy(to, cell->data, 4); break;
    case 8: memcpy(to, cell->data, 8); break;
    default: memcpy(to, cell->data, desc_width(d));
    }
}

void
heap_page_take_slot(HeapPage *p, uint16_t slot)
{
    ASSERT(slot >= 1);
    ASSERT(slot <= p->capacity);
    if (slot > p->used) {
        ASSERT(slot == p->used + 1);
        p->used = slot;
    } else {
        ASSERT(heap_root(p)[slot - 1] == 0);
        ASSERT(p->free_slots > 0);
        p->free_slots--;
    }
}

void
heap_page_put(HeapPage *p, const HeapLayout *layout, uint16_t slot, uint16_t root, const Cell *cells,
              uint32_t var_bytes, bool wide)
{
    uint32_t position = slot - 1u, no = 0, at = 0;
    uint8_t *part = NULL, *bytes = NULL;

    heap_page_take_slot(p, slot);
    heap_flags(p)[position] = wide ? SLOT_WIDE : 0;
    heap_next(p)[position] = 0;
    heap_root(p)[position] = (uint8_t)root;
    heap_deleters(p)[position] = WORD_NONE;
    heap_deleter_companions(p)[position] = 0;
    if (p->var_columns > 0) {
        ASSERT(heap_free_bytes(p) >= var_bytes);
        p->var_low = (uint16_t)(p->var_low - var_bytes);
        heap_var_offsets(p)[position] = p->var_low;
        part = (uint8_t *)p + p->var_low;
        bytes = part + p->var_columns * (wide ? 2u : 1u);
    }
    for (uint32_t c = 0; c < p->h.layout_version; c++) {
        const Cell *cell = &cells[c];

        if (is_in_array(p, c)) {
            put_fixed(p, position, c, cell);
            continue;
        }
        if (cell->data != NULL) {
            memcpy(bytes + at, cell->data, row_cell_bytes(layout, c, cell));
            at += row_cell_bytes(layout, c, cell);
        }
        if (wide)
            put_u16(part + 2 * no,
                    (uint16_t)(at | (cell->data == NULL ? MARK_NULL : row_cell_mark(layout, c, cell)) << 14));
        else
            part[no] = cell->data == NULL ? NARROW_NULL : (uint8_t)at;
        no++;
    }
    ASSERT(no == p->var_columns);
}

void
heap_page_set_creator(HeapPage *p, uint16_t slot, uint64_t word, uint32_t companion)
{
    heap_creators(p)[slot - 1] = word;
    heap_creator_companions(p)[slot - 1] = companion;
    p->h.all_before = 0;
}

/* Which position's variable part begins at var_low; `used` if none does. */
static uint32_t
lowest_part(const HeapPage *p)
{
    const uint16_t *offsets = heap_var_offsets(p);
    uint32_t i = 0;

    while (i < p->used && offsets[i] != p->var_low)
        i++;
    return i;
}

void
heap_page_drop_var(HeapPage *p, uint16_t position)
{
    uint32_t at, bytes, other;

    if (p->var_columns == 0 || heap_var_offsets(p)[position] == 0)
        return;
    at = heap_var_offsets(p)[position];
    bytes = heap_slot_var_bytes(p, position);
    heap_var_offsets(p)[position] = 0;
    if (at != p->var_low) {
        other = lowest_part(p);
        if (other == p->used || heap_slot_var_bytes(p, (uint16_t)other) != bytes) {
            p->var_dead = (uint16_t)(p->var_dead + bytes);
            return;
        }
        memcpy((char *)p + at, (char *)p + p->var_low, bytes);
        heap_var_offsets(p)[other] = (uint16_t)at;
    }
    p->var_low = (uint16_t)(p->var_low + bytes);
}

void
heap_page_free_slot(HeapPage *p, uint16_t slot)
{
    uint32_t position = slot - 1u;

    ASSERT(heap_root(p)[position] != 0);
    heap_page_drop_var(p, (uint16_t)position);
    heap_root(p)[position] = heap_next(p)[position] = 0;
    heap_flags(p)[position] = 0;
    heap_creators(p)[position] = heap_deleters(p)[position] = WORD_NONE;
    heap_creator_companions(p)[position] = heap_deleter_companions(p)[position] = 0;
    p->free_slots++;
    while (p->used > 0 && heap_root(p)[p->used - 1] == 0) {
        p->used--;
        p->free_slots--;
    }
}

void
heap_page_compact(HeapPage *p)
{
    char old[PAGE_BYTES];
    uint16_t bytes[HEAP_SLOTS_MOST];
    uint32_t low = PAGE_BYTES;

    if (p->var_columns == 0 || p->var_dead == 0)
        return;
    for (uint32_t i = 0; i < p->used; i++)
        bytes[i] = (uint16_t)heap_slot_var_bytes(p, (uint16_t)i);
    memcpy(old + p->var_low, (char *)p + p->var_low, PAGE_BYTES - (size_t)p->var_low);
    for (uint32_t i = 0; i < p->used; i++) {
        if (bytes[i] == 0)
            continue;
        low -= bytes[i];
        memcpy((char *)p + low, old + heap_var_offsets(p)[i], bytes[i]);
        heap_var_offsets(p)[i] = (uint16_t)low;
    }
    ASSERT(low == (uint32_t)p->var_low + p->var_dead);
    p->var_low = (uint16_t)low;
    p->var_dead = 0;
}

/* ---- another shape ------------------------------------------------------------------------------------------------- */

/* One slot into the new image, which has all slots before it. */
static bool
rewrite_slot(const HeapPage *p, HeapPage *q, const HeapLayout *layout, uint16_t i)
{
    Cell cells[HEAP_COLUMNS_MOST];
    uint32_t var_bytes = 0;
    bool wide = false, fits = true;

    if (heap_root(p)[i] == 0 || (heap_flags(p)[i] & SLOT_STUB)) {
        q->used++;
        q->free_slots = (uint16_t)(q->free_slots + (heap_root(p)[i] == 0));
        heap_root(q)[i] = heap_root(p)[i];
        heap_flags(q)[i] = heap_flags(p)[i];
        return true;
    }
    for (uint16_t c = 0; c < q->h.layout_version; c++) {
        if (c < p->h.layout_version)
            heap_page_cell(p, i, c, &cells[c]);
        else
            cells[c] = layout->columns[c].missing;
    }
    var_bytes = heap_row_var_bytes(q, layout, cells, &wide, &fits);
    if (!fits || var_bytes > heap_free_bytes(q))
        return false;
    heap_page_put(q, layout, (uint16_t)(i + 1), heap_root(p)[i], cells, var_bytes, wide);
    heap_flags(q)[i] = (uint8_t)((heap_flags(p)[i] & ~SLOT_WIDE) | (wide ? SLOT_WIDE : 0));
    heap_next(q)[i] = heap_next(p)[i];
    heap_creators(q)[i] = heap_creators(p)[i];
    heap_deleters(q)[i] = heap_deleters(p)[i];
    heap_creator_companions(q)[i] = heap_creator_companions(p)[i];
    heap_deleter_companions(q)[i] = heap_deleter_companions(p)[i];
    return true;
}

bool
heap_page_rewrite(HeapPage *p, const HeapLayout *layout, bool all_bitmaps, uint32_t capacity)
{
    _Alignas(16) char image[PAGE_BYTES];
    HeapPage *q = (HeapPage *)(void *)image;
    HeapShape shape;

    ASSERT(capacity <= HEAP_SLOTS_MOST);
    heap_shape(layout, all_bitmaps, 0, MAX_OF(capacity, 1), &shape);
    if (capacity < p->used || heap_shape_fixed_end(&shape, shape.capacity) > PAGE_BYTES)
        return false;
    heap_page_init(q, &shape, p->h.epoch);
    q->h.lsn = p->h.lsn;
    q->h.prev_epoch = p->h.prev_epoch;
    q->h.all_before = p->h.all_before;
    q->prune_at = p->prune_at;
    for (uint16_t i = 0; i < p->used; i++) {
        if (!rewrite_slot(p, q, layout, i))
            return false;
    }
    memcpy(p, q, PAGE_BYTES);
    return true;
}
