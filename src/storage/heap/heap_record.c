/* heap_record.c - gathers records from pages that have just been changed. */
#include "storage/heap/heap_record.h"

#include "base/bytes.h"

static void
add_bit(uint8_t *bits, uint32_t n)
{
    bits[n / 8] |= (uint8_t)(1u << (n % 8));
}

static bool
array_null(const HeapPage *p, uint32_t d, uint32_t position)
{
    return desc_bitmap(d) != DESC_NO_BITMAP &&
           (heap_bitmap(p, desc_bitmap(d))[position / 64] >> (position % 64) & 1);
}

static const char *
array_value(const HeapPage *p, uint32_t d, uint32_t position)
{
    return (const char *)p + desc_place(d) + (size_t)desc_width(d) * position;
}

/* Columns whose value or null bit differs between two slots. */
static bool
array_differs(const HeapPage *p, uint32_t d, uint32_t a, uint32_t b)
{
    return array_null(p, d, a) != array_null(p, d, b) ||
           memcmp(array_value(p, d, a), array_value(p, d, b), desc_width(d)) != 0;
}

/* Which columns, null bits, values. `base` is a position, or -1. */
static uint8_t *
put_arrays(const HeapPage *p, uint32_t position, int base, uint8_t *out)
{
    uint8_t *mask = out, *nulls;
    uint32_t bit = 0;

    if (base >= 0) {
        memset(mask, 0, (p->described + 7u) / 8);
        for (uint32_t c = 0; c < p->described; c++) {
            if (!(p->desc[c] & DESC_VAR) && array_differs(p, p->desc[c], position, (uint32_t)base))
                add_bit(mask, c);
        }
        out += (p->described + 7u) / 8;
    }
    nulls = out;
    memset(nulls, 0, (p->described + 7u) / 8);
    for (uint32_t c = 0; c < p->described; c++) {
        if ((p->desc[c] & DESC_VAR) || desc_bitmap(p->desc[c]) == DESC_NO_BITMAP)
            continue;
        if (array_null(p, p->desc[c], position))
            add_bit(nulls, bit);
        bit++;
    }
    out += (bit + 7) / 8;
    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c];

        if ((d & DESC_VAR) || array_null(p, d, position) || (base >= 0 && !(mask[c / 8] >> (c % 8) & 1)))
            continue;
        memcpy(out, array_value(p, d, position), desc_width(d));
        out += desc_width(d);
    }
    return out;
}

static uint32_t
common_start(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t n = 0;

    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static uint32_t
common_end(const uint8_t *a, uint32_t a_bytes, const uint8_t *b, uint32_t b_bytes, uint32_t most)
{
    uint32_t n = 0;

    while (n < most && a[a_bytes - 1 - n] == b[b_bytes - 1 - n])
        n++;
    return n;
}

/* The variable part: its lengths go to `out`, its bytes are named by *tail. */
static uint8_t *
put_variable(const HeapPage *p, uint32_t position, int base, uint8_t *out, RecordPart *tail)
{
    const uint8_t *part = (const uint8_t *)p + heap_var_offsets(p)[position];
    uint32_t bytes = heap_slot_var_bytes(p, (uint16_t)position), start = 0, end = 0;

    put_u16(out, (uint16_t)bytes);
    out += 2;
    if (base >= 0) {
        const uint8_t *old = (const uint8_t *)p + heap_var_offsets(p)[base];
        uint32_t old_bytes = heap_slot_var_bytes(p, (uint16_t)base), most = MIN_OF(bytes, old_bytes);

        start = common_start(part, old, most);
        end = common_end(part, bytes, old, old_bytes, most - start);
        put_u16(out, (uint16_t)start);
        put_u16(out + 2, (uint16_t)end);
        out += 4;
    }
    *tail = (RecordPart){part + start, bytes - start - end};
    return out;
}

/* The version at `position`, made from that at `base` (-1: from nothing). Returns the bytes in `out`. */
static uint32_t
put_row(const HeapPage *p, uint32_t position, int base, uint8_t *out, RecordPart *tail)
{
    HeapRowRecord row = {.creator = heap_creators(p)[position],
                         .companion = heap_creator_companions(p)[position],
                         .slot = (uint8_t)(position + 1),
                         .root = heap_root(p)[position],
                         .flags = heap_flags(p)[position],
                         .base = (uint8_t)(base + 1)};
    uint8_t *at = out + sizeof(row);

    memcpy(out, &row, sizeof(row));
    at = put_arrays(p, position, base, at);
    *tail = (RecordPart){0};
    if (p->var_columns > 0)
        at = put_variable(p, position, base, at, tail);
    return (uint32_t)(at - out);
}

/* `count` bits from bit `from` on. */
static uint8_t *
put_bits(const uint64_t *words, uint32_t from, uint32_t count, uint8_t *out)
{
    memset(out, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++) {
        if (words[(from + i) / 64] >> ((from + i) % 64) & 1)
            add_bit(out, i);
    }
    return out + (count + 7) / 8;
}

/* All but the variable parts. Returns the bytes in `out`: fewer than the page's arrays have. */
static uint32_t
put_run(const HeapPage *p, uint32_t position, uint32_t count, uint8_t *out)
{
    HeapRunRecord run = {.creator = heap_creators(p)[position],
                         .companion = heap_creator_companions(p)[position],
                         .slot = (uint8_t)(position + 1),
                         .count = (uint8_t)count};
    uint8_t *at = out + sizeof(run);

    memcpy(out, &run, sizeof(run));
    memcpy(at, heap_flags(p) + position, count);
    at += count;
    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c];

        if (d & DESC_VAR)
            continue;
        if (desc_bitmap(d) != DESC_NO_BITMAP)
            at = put_bits(heap_bitmap(p, desc_bitmap(d)), position, count, at);
        memcpy(at, array_value(p, d, position), (size_t)desc_width(d) * count);
        at += (size_t)desc_width(d) * count;
    }
    for (uint32_t i = position; p->var_columns > 0 && i < position + count; i++) {
        put_u16(at, (uint16_t)heap_slot_var_bytes(p, (uint16_t)i));
        at += 2;
    }
    return (uint32_t)(at - out);
}

static HeapMarkRecord
mark_of(const HeapPage *p, uint32_t position)
{
    return (HeapMarkRecord){.deleter = heap_deleters(p)[position],
                            .companion = heap_deleter_companions(p)[position],
                            .slot = (uint8_t)(position + 1),
                            .flags = heap_flags(p)[position],
                            .next = heap_next(p)[position]};
}

static const HeapPage *
heap_page_of(const PageRef *ref)
{
    return (const HeapPage *)(const void *)ref->page;
}

void
heap_end_init(Ctx *cx, PageRef *ref, const HeapShape *shape)
{
    page_change_end(cx, ref, RECORD_HEAP_INIT,
                    (const RecordPart[]){{shape, offsetof(HeapShape, desc)},
                                         {shape->desc, 4u * shape->described}},
                    2);
}

void
heap_end_insert(Ctx *cx, PageRef *ref, uint16_t slot)
{
    uint8_t row[PAGE_BYTES];
    RecordPart parts[2] = {{row, 0}, {0}};

    if (page_change_is_logged(cx))
        parts[0].bytes = put_row(heap_page_of(ref), slot - 1u, -1, row, &parts[1]);
    page_change_end(cx, ref, RECORD_HEAP_INSERT, parts, 2);
}

void
heap_end_insert_run(Ctx *cx, PageRef *ref, uint16_t slot, uint32_t count, uint16_t var_low)
{
    const HeapPage *p = heap_page_of(ref);
    uint8_t rows[PAGE_BYTES];
    RecordPart parts[2] = {{rows, 0}, {0}};

    if (count == 1) {
        heap_end_insert(cx, ref, slot);
        return;
    }
    if (page_change_is_logged(cx)) {
        parts[0].bytes = put_run(p, slot - 1u, count, rows);
        if (p->var_columns > 0)
            parts[1] = (RecordPart){ref->page + p->var_low, (uint32_t)(var_low - p->var_low)};
    }
    page_change_end(cx, ref, RECORD_HEAP_INSERT_RUN, parts, 2);
}

void
heap_end_mark(Ctx *cx, PageRef *ref, uint16_t position)
{
    HeapMarkRecord mark = mark_of(heap_page_of(ref), position);

    page_change_end(cx, ref, RECORD_HEAP_MARK, (const RecordPart[]){{&mark, sizeof(mark)}}, 1);
}

void
heap_end_update(Ctx *cx, PageRef *ref, uint16_t position, uint16_t slot)
{
    HeapMarkRecord mark;
    uint8_t row[PAGE_BYTES];
    RecordPart parts[3] = {{&mark, sizeof(mark)}, {row, 0}, {0}};

    if (page_change_is_logged(cx)) {
        mark = mark_of(heap_page_of(ref), position);
        parts[1].bytes = put_row(heap_page_of(ref), slot - 1u, position, row, &parts[2]);
    }
    page_change_end(cx, ref, RECORD_HEAP_UPDATE, parts, 3);
}

void
heap_end_undo(Ctx *cx, PageRef *ref, uint16_t position)
{
    uint8_t slot = (uint8_t)(position + 1);

    page_change_end(cx, ref, RECORD_HEAP_UNDO, (const RecordPart[]){{&slot, 1}}, 1);
}

void
heap_end_steps(Ctx *cx, PageRef *ref, const HeapSteps *steps, bool compact)
{
    uint8_t flag = compact;

    page_change_end(cx, ref, RECORD_HEAP_PRUNE,
                    (const RecordPart[]){{&flag, 1}, {steps->step, (uint32_t)sizeof(HeapStep) * steps->count}},
                    2);
}

void
heap_end_image(Ctx *cx, PageRef *ref)
{
    const HeapPage *p = heap_page_of(ref);

    page_change_end(cx, ref, RECORD_HEAP_IMAGE,
                    (const RecordPart[]){{p, p->fixed_end},
                                         {ref->page + p->var_low, PAGE_BYTES - (uint32_t)p->var_low}},
                    2);
}
