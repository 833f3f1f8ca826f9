/* heap_redo.c - heap records done again (storage/recover/redo.h).
 *
 * A record has a checksum, so it is what somebody once wrote; that it fits the page it is used on is
 * verified all the same: a page that was restored from elsewhere must not make us write past its end. */
#include "base/bytes.h"
#include "storage/heap/heap_record.h"
#include "storage/recover/redo.h"

/* What is left of a record. */
typedef struct Rest {
    const uint8_t *at;
    uint32_t bytes;
} Rest;

static bool
take(Rest *r, void *out, uint32_t bytes)
{
    if (r->bytes < bytes)
        return false;
    memcpy(out, r->at, bytes);
    r->at += bytes;
    r->bytes -= bytes;
    return true;
}

static const uint8_t *
take_in_place(Rest *r, uint32_t bytes)
{
    const uint8_t *at = r->at;

    if (r->bytes < bytes)
        return NULL;
    r->at += bytes;
    r->bytes -= bytes;
    return at;
}

/* Something on the page has changed: hints start anew. */
static void
forget_hints(HeapPage *p)
{
    p->h.all_before = 0;
    if (p->prune_at == 0)
        p->prune_at = 1;
}

bool
heap_redo_init(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapShape shape = {0};
    Rest r = {data, bytes};

    if (!take(&r, &shape, offsetof(HeapShape, desc)) || shape.described > HEAP_DESCRIBED_MOST ||
        !take(&r, shape.desc, 4u * shape.described) || r.bytes != 0)
        return false;
    if (shape.capacity == 0 || shape.capacity > HEAP_SLOTS_MOST ||
        heap_shape_fixed_end(&shape, shape.capacity) > PAGE_BYTES)
        return false;
    heap_page_init((HeapPage *)(void *)page, &shape, 0);
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static bool
bit_of(const uint8_t *bits, uint32_t n)
{
    return (bits[n / 8] >> (n % 8) & 1) != 0;
}

static void
copy_array(HeapPage *p, uint32_t d, uint32_t to, uint32_t from)
{
    char *array = (char *)p + desc_place(d);

    memcpy(array + (size_t)to * desc_width(d), array + (size_t)from * desc_width(d), desc_width(d));
}

static bool
redo_arrays(HeapPage *p, uint32_t position, int base, Rest *r)
{
    const uint8_t *mask = NULL, *nulls;
    uint32_t bitmaps = 0, bit = 0;

    if (base >= 0) {
        mask = take_in_place(r, (p->described + 7u) / 8);
        if (mask == NULL)
            return false;
    }
    for (uint32_t c = 0; c < p->described; c++)
        bitmaps += !(p->desc[c] & DESC_VAR) && desc_bitmap(p->desc[c]) != DESC_NO_BITMAP;
    nulls = take_in_place(r, (bitmaps + 7) / 8);
    if (nulls == NULL)
        return false;
    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c];
        char *to = (char *)p + desc_place(d) + (size_t)desc_width(d) * position;
        bool null = false;

        if (d & DESC_VAR)
            continue;
        if (desc_bitmap(d) != DESC_NO_BITMAP) {
            uint64_t *word = &heap_bitmap(p, desc_bitmap(d))[position / 64], one = UINT64_C(1)
                                                                                   << (position % 64);

            null = bit_of(nulls, bit++);
            *word = null ? *word | one : *word & ~one;
        }
        if (null)
            memset(to, 0, desc_width(d));
        else if (mask != NULL && !bit_of(mask, c))
            copy_array(p, d, position, (uint32_t)base);
        else if (!take(r, to, desc_width(d)))
            return false;
    }
    return true;
}

static bool
redo_variable(HeapPage *p, uint32_t position, int base, Rest *r)
{
    uint8_t head[6] = {0};
    uint32_t bytes, start, end;
    uint8_t *part;

    if (!take(r, head, base >= 0 ? 6 : 2))
        return false;
    bytes = get_u16(head);
    start = get_u16(head + 2);
    end = get_u16(head + 4);
    if (start + end > bytes || r->bytes != bytes - start - end || heap_free_bytes(p) < bytes)
        return false;
    p->var_low = (uint16_t)(p->var_low - bytes);
    heap_var_offsets(p)[position] = p->var_low;
    part = (uint8_t *)p + p->var_low;
    if (base >= 0) {
        uint32_t old_bytes = heap_slot_var_bytes(p, (uint16_t)base);
        const uint8_t *old = (const uint8_t *)p + heap_var_offsets(p)[base];

        if (start + end > old_bytes)
            return false;
        memcpy(part, old, start);
        memcpy(part + bytes - end, old + old_bytes - end, end);
    }
    return take(r, part + start, bytes - start - end);
}

/* The rest of the record is a row. */
static bool
redo_row(HeapPage *p, Rest *r)
{
    HeapRowRecord row;
    uint32_t position;

    if (!take(r, &row, sizeof(row)) || !page_is(p, PAGE_KIND_HEAP) || row.slot == 0 || row.slot > p->capacity ||
        row.slot > p->used + 1 || row.root == 0 || row.root > p->capacity || row.base > p->used)
        return false;
    if (row.slot <= p->used && heap_root(p)[row.slot - 1] != 0)
        return false;
    position = row.slot - 1u;
    heap_page_take_slot(p, row.slot);
    heap_flags(p)[position] = row.flags;
    heap_next(p)[position] = 0;
    heap_root(p)[position] = row.root;
    heap_deleters(p)[position] = WORD_NONE;
    heap_deleter_companions(p)[position] = 0;
    heap_creators(p)[position] = row.creator;
    heap_creator_companions(p)[position] = row.companion;
    if (!redo_arrays(p, position, (int)row.base - 1, r))
        return false;
    if (p->var_columns > 0 && !redo_variable(p, position, (int)row.base - 1, r))
        return false;
    return r->bytes == 0;
}

bool
heap_redo_insert(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapPage *p = (HeapPage *)(void *)page;
    Rest r = {data, bytes};

    p->h.all_before = 0;
    return redo_row(p, &r);
}

/* ---- runs of rows ----------------------------------------------------------------------------------------------- */

/* Are the slots free, in a page like this? */
static bool
run_fits(const HeapPage *p, const HeapRunRecord *run)
{
    uint32_t again = 0;

    if (!page_is(p, PAGE_KIND_HEAP) || run->count == 0 || run->slot == 0 || run->slot > p->used + 1 ||
        run->slot + run->count - 1u > p->capacity)
        return false;
    for (uint32_t slot = run->slot; slot < (uint32_t)run->slot + run->count && slot <= p->used; slot++) {
        if (heap_root(p)[slot - 1] != 0)
            return false;
        again++;
    }
    return again <= p->free_slots;
}

static bool
redo_run_arrays(HeapPage *p, const HeapRunRecord *run, Rest *r)
{
    uint32_t position = run->slot - 1u, count = run->count;

    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c];
        const uint8_t *nulls;

        if (d & DESC_VAR)
            continue;
        if (desc_bitmap(d) != DESC_NO_BITMAP) {
            uint64_t *words = heap_bitmap(p, desc_bitmap(d));

            nulls = take_in_place(r, (count + 7) / 8);
            if (nulls == NULL)
                return false;
            for (uint32_t i = 0; i < count; i++) {
                uint64_t *word = &words[(position + i) / 64], one = UINT64_C(1) << ((position + i) % 64);

                *word = bit_of(nulls, i) ? *word | one : *word & ~one;
            }
        }
        if (!take(r, (char *)p + desc_place(d) + (size_t)desc_width(d) * position, desc_width(d) * count))
            return false;
    }
    return true;
}

static bool
redo_run_variable(HeapPage *p, const HeapRunRecord *run, Rest *r)
{
    const uint8_t *lengths = take_in_place(r, 2u * run->count);
    uint32_t total = 0;

    for (uint32_t i = 0; lengths != NULL && i < run->count; i++)
        total += get_u16(lengths + 2 * i);
    if (lengths == NULL || r->bytes != total || heap_free_bytes(p) < total)
        return false;
    for (uint32_t i = 0; i < run->count; i++) {
        p->var_low = (uint16_t)(p->var_low - get_u16(lengths + 2 * i));
        heap_var_offsets(p)[run->slot - 1 + i] = p->var_low;
    }
    return take(r, (char *)p + p->var_low, total);
}

bool
heap_redo_insert_run(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapPage *p = (HeapPage *)(void *)page;
    Rest r = {data, bytes};
    const uint8_t *flags;
    HeapRunRecord run;

    if (!take(&r, &run, sizeof(run)) || !run_fits(p, &run))
        return false;
    flags = take_in_place(&r, run.count);
    if (flags == NULL)
        return false;
    p->h.all_before = 0;
    for (uint32_t i = 0; i < run.count; i++) {
        uint32_t position = run.slot - 1u + i;

        heap_page_take_slot(p, (uint16_t)(position + 1));
        heap_flags(p)[position] = flags[i];
        heap_next(p)[position] = 0;
        heap_root(p)[position] = (uint8_t)(position + 1);
        heap_deleters(p)[position] = WORD_NONE;
        heap_deleter_companions(p)[position] = 0;
        heap_creators(p)[position] = run.creator;
        heap_creator_companions(p)[position] = run.companion;
    }
    if (!redo_run_arrays(p, &run, &r) || (p->var_columns > 0 && !redo_run_variable(p, &run, &r)))
        return false;
    return r.bytes == 0;
}

/* ---- marks ------------------------------------------------------------------------------------------------------ */

static bool
redo_mark(HeapPage *p, Rest *r)
{
    HeapMarkRecord mark;

    if (!take(r, &mark, sizeof(mark)) || !page_is(p, PAGE_KIND_HEAP) || mark.slot == 0 || mark.slot > p->used)
        return false;
    heap_deleters(p)[mark.slot - 1] = mark.deleter;
    heap_deleter_companions(p)[mark.slot - 1] = mark.companion;
    heap_flags(p)[mark.slot - 1] = mark.flags;
    heap_next(p)[mark.slot - 1] = mark.next;
    forget_hints(p);
    return true;
}

bool
heap_redo_mark(char *page, const uint8_t *data, uint32_t bytes)
{
    Rest r = {data, bytes};

    return redo_mark((HeapPage *)(void *)page, &r) && r.bytes == 0;
}

bool
heap_redo_update(char *page, const uint8_t *data, uint32_t bytes)
{
    Rest r = {data, bytes};

    return redo_mark((HeapPage *)(void *)page, &r) && redo_row((HeapPage *)(void *)page, &r);
}

bool
heap_redo_undo(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapPage *p = (HeapPage *)(void *)page;

    if (bytes != 1 || !page_is(p, PAGE_KIND_HEAP) || data[0] == 0 || data[0] > p->used)
        return false;
    heap_creators(p)[data[0] - 1] = WORD_NONE;
    forget_hints(p);
    return true;
}

/* ---- the page as a whole ---------------------------------------------------------------------------------------- */

static bool
step_fits(const HeapPage *p, const HeapStep *s)
{
    if (s->kind > HEAP_STEP_FREE || s->a == 0 || s->a > p->used || s->b > p->used)
        return false;
    return s->kind == HEAP_STEP_NEXT || s->kind == HEAP_STEP_MOVE ? s->b != 0 || s->kind == HEAP_STEP_NEXT
                                                                  : true;
}

bool
heap_redo_prune(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapPage *p = (HeapPage *)(void *)page;
    uint32_t count = bytes > 0 ? (bytes - 1) / (uint32_t)sizeof(HeapStep) : 0;
    HeapStep steps[HEAP_STEPS_MOST];

    if (!page_is(p, PAGE_KIND_HEAP) || bytes != 1 + count * sizeof(HeapStep) || count > HEAP_STEPS_MOST)
        return false;
    memcpy(steps, data + 1, count * sizeof(HeapStep));
    for (uint32_t i = 0; i < count; i++) {
        if (!step_fits(p, &steps[i]))
            return false;
    }
    heap_page_apply_steps(p, steps, count, data[0] != 0);
    forget_hints(p);
    return true;
}

bool
heap_redo_image(char *page, const uint8_t *data, uint32_t bytes)
{
    HeapPage head;

    if (bytes < sizeof(head))
        return false;
    memcpy(&head, data, sizeof(head));
    if (!page_is(&head, PAGE_KIND_HEAP) || head.fixed_end > head.var_low || head.var_low > PAGE_BYTES ||
        head.fixed_end < sizeof(head) || bytes != (uint32_t)head.fixed_end + PAGE_BYTES - head.var_low)
        return false;
    memset(page + head.fixed_end, 0, (size_t)head.var_low - head.fixed_end);
    memcpy(page, data, head.fixed_end);
    memcpy(page + head.var_low, data + head.fixed_end, PAGE_BYTES - (size_t)head.var_low);
    return true;
}
