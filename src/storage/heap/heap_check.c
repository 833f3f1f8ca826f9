/* heap_check.c - what can be said of a heap page by itself, and of a relation's pages one by one.
 *
 * Nothing on the page is believed before it has been looked at: the places of its arrays first, then its slots, then the
 * variable parts. */
#include "base/bytes.h"
#include "base/log.h"
#include "storage/check/damage.h"
#include "storage/heap/heap_int.h"

enum { END_MASK = 0x3fff, NARROW_NULL = 255 };

#define FAULT_IF(condition, text)                                                                              \
    do {                                                                                                       \
        if (condition)                                                                                         \
            return text;                                                                                       \
    } while (0)

/* ---- the arrays ------------------------------------------------------------------------------------------------- */

static bool
is_inside(const HeapPage *p, uint32_t at, uint32_t bytes, uint32_t align)
{
    uint32_t least = (uint32_t)offsetof(HeapPage, desc) + 4u * p->described;

    return at >= least && at % align == 0 && at + bytes <= p->fixed_end;
}

static const char *
column_fault(const HeapPage *p, uint32_t bitmaps)
{
    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c];

        if (d & DESC_VAR) {
            FAULT_IF(desc_place(d) >= p->var_columns, "a column's number in the variable part is too large");
            continue;
        }
        FAULT_IF(desc_width(d) > 16, "a column has an impossible width");
        FAULT_IF(!is_inside(p, desc_place(d), p->capacity * desc_width(d), desc_width(d)),
                 "a column's array is not among the arrays");
        FAULT_IF(desc_bitmap(d) != DESC_NO_BITMAP && desc_bitmap(d) >= bitmaps,
                 "a column's null bits are not there");
    }
    return NULL;
}

static const char *
header_fault(const HeapPage *p)
{
    uint32_t cap = p->capacity;

    FAULT_IF(!page_is(p, PAGE_KIND_HEAP), "it is not a heap page");
    FAULT_IF(cap == 0 || cap > HEAP_SLOTS_MOST, "the number of slots is impossible");
    FAULT_IF(p->used > cap, "more slots are used than there are");
    FAULT_IF(p->described > HEAP_DESCRIBED_MOST || p->h.layout_version > HEAP_COLUMNS_MOST ||
                 p->described > p->h.layout_version || p->var_columns > p->h.layout_version,
             "the number of columns is impossible");
    FAULT_IF(p->h.layout_version - p->described > p->var_columns, "columns have no place");
    FAULT_IF(p->var_low > PAGE_BYTES || p->fixed_end > p->var_low, "arrays and variable parts overlap");
    FAULT_IF(p->null_words != (cap + 63) / 64, "the null bits have a wrong length");
    FAULT_IF(!is_inside(p, p->creator_at, 16 * cap, 8), "the words are not among the arrays");
    FAULT_IF(!is_inside(p, p->companion_at, 8 * cap, 4), "the companions are not among the arrays");
    FAULT_IF(!is_inside(p, p->flags_at, 3 * cap, 1), "the flags are not among the arrays");
    FAULT_IF(p->var_columns > 0 && !is_inside(p, p->var_at, 2 * cap, 2),
             "the offsets are not among the arrays");
    FAULT_IF(p->nulls_at > p->companion_at || p->nulls_at % 8 != 0, "the null bits are not among the arrays");
    return column_fault(p, (p->companion_at - (uint32_t)p->nulls_at) / (8u * p->null_words));
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

static const char *
free_fault(const HeapPage *p, uint32_t i)
{
    FAULT_IF(heap_creators(p)[i] != WORD_NONE || heap_deleters(p)[i] != WORD_NONE,
             "a free slot has a creator or deleter");
    FAULT_IF(heap_flags(p)[i] != 0 || heap_next(p)[i] != 0, "a free slot has flags or a next version");
    return NULL;
}

static const char *
chain_fault(const HeapPage *p, uint32_t i)
{
    uint8_t root = heap_root(p)[i], flags = heap_flags(p)[i], next = heap_next(p)[i];

    FAULT_IF(root > p->used || heap_root(p)[root - 1] != root, "the root of a version is none");
    if (flags & SLOT_STUB) {
        FAULT_IF(root != i + 1 || next != 0, "a stub is part of a chain");
        FAULT_IF(heap_creators(p)[i] != WORD_NONE, "a stub has a creator");
        return NULL;
    }
    if (flags & SLOT_MOVED) {
        FAULT_IF(next == 0 || (flags & SLOT_LOCK_ONLY), "a version has moved, but nowhere");
        return NULL;
    }
    if (next != 0) {
        FAULT_IF(next > p->used || next == i + 1 || heap_root(p)[next - 1] != root,
                 "the next version is of another row");
        FAULT_IF(heap_flags(p)[next - 1] & SLOT_STUB, "the next version is a stub");
    }
    return NULL;
}

/* The ends of a variable part: ascending, and inside the page. */
static const char *
variable_fault(const HeapPage *p, uint32_t i, uint32_t *bytes)
{
    uint32_t at = heap_var_offsets(p)[i], n = p->var_columns, last = 0;
    bool wide = (heap_flags(p)[i] & SLOT_WIDE) != 0;
    uint32_t head = wide ? 2 * n : n;
    const uint8_t *part = (const uint8_t *)p + at;

    *bytes = 0;
    if (at == 0) {
        FAULT_IF(!(heap_flags(p)[i] & SLOT_STUB), "a version has no variable part");
        return NULL;
    }
    FAULT_IF(at < p->var_low || at + head > PAGE_BYTES, "a variable part is not among the variable parts");
    for (uint32_t c = 0; c < n; c++) {
        uint32_t end = wide ? get_u16(part + 2 * c) & (uint32_t)END_MASK : part[c];

        if (!wide && end == NARROW_NULL)
            continue;
        FAULT_IF(end < last || at + head + end > PAGE_BYTES, "a value in a variable part has no right end");
        last = end;
    }
    *bytes = head + last;
    return NULL;
}

static const char *
words_fault(const HeapPage *p, uint32_t i)
{
    uint64_t creator = heap_creators(p)[i], deleter = heap_deleters(p)[i];

    FAULT_IF((heap_flags(p)[i] & SLOT_LOCK_ONLY) && !word_is_raw(deleter), "a row lock has no owner");
    if (p->h.all_before == 0)
        return NULL;
    FAULT_IF(creator > p->h.all_before || deleter != WORD_NONE,
             "a version is not seen by all, as the page says"); /* T7 */
    return NULL;
}

static const char *
slots_fault(const HeapPage *p, uint32_t *slot)
{
    uint32_t free_slots = 0, var_bytes = 0;
    const char *fault = NULL;

    for (uint32_t i = 0; i < p->capacity && fault == NULL; i++) {
        uint32_t bytes = 0;

        *slot = i + 1;
        if (i >= p->used) {
            FAULT_IF(heap_creators(p)[i] != WORD_NONE, "a slot that was never used has a creator");
            continue;
        }
        free_slots += heap_root(p)[i] == 0;
        fault = heap_root(p)[i] == 0 ? free_fault(p, i) : chain_fault(p, i);
        if (fault == NULL && heap_root(p)[i] != 0)
            fault = words_fault(p, i);
        if (fault == NULL && heap_root(p)[i] != 0 && p->var_columns > 0)
            fault = variable_fault(p, i, &bytes);
        var_bytes += bytes;
    }
    if (fault != NULL)
        return fault;
    *slot = 0;
    FAULT_IF(p->used > 0 && heap_root(p)[p->used - 1] == 0, "the last used slot is free");
    FAULT_IF(free_slots != p->free_slots, "the number of free slots is wrong");
    FAULT_IF(var_bytes + p->var_dead != (uint32_t)PAGE_BYTES - p->var_low, "the number of dead bytes is wrong");
    return NULL;
}

const char *
heap_page_fault(const HeapPage *p, uint32_t *slot)
{
    const char *fault = header_fault(p);

    *slot = 0;
    return fault != NULL ? fault : slots_fault(p, slot);
}

void
heap_page_check(const HeapPage *p)
{
    uint32_t slot;
    const char *fault = heap_page_fault(p, &slot);

    if (fault == NULL)
        return;
    log_line(LOG_ERROR, "heap page, slot %u: %s", slot, fault);
    ASSERT(!"a heap page is as it should be");
}

/* ---- the relation ----------------------------------------------------------------------------------------------- */

static void
check_page(const CacheRel *cr, BlockNo block, const char *page, DamageReport *report)
{
    PageId id = {.branch = cr->branch, .relation = cr->relation, .block = block};
    const HeapPage *p = (const HeapPage *)(const void *)page;
    const char *fault;
    uint32_t slot;

    if (p->h.magic == 0) /* added, and not used since */
        return;
    fault = heap_page_fault(p, &slot);
    if (fault != NULL && slot != 0)
        damage_found(report, id, "slot %u: %s", slot, fault);
    else if (fault != NULL)
        damage_found(report, id, "%s", fault);
}

Status
heap_verify(Ctx *cx, const HeapRel *rel, DamageReport *report, HeapVerified *out)
{
    BlockNo length;
    CacheRel *cr;

    *out = (HeapVerified){0};
    TRY(heap_open(cx, rel, &cr));
    length = cache_rel_length(cr, FORK_MAIN);
    for (BlockNo block = 0; block < length; block++) {
        PageId id = {.branch = rel->branch, .relation = rel->relation, .block = block};
        PageRef ref;
        Status rc;

        TRY(ctx_poll(cx));
        rc = page_pin_shared(cx, cr, FORK_MAIN, block, &ref);
        if (rc == ST_CORRUPT || (rc == ST_IO && cx->error.has_page)) {
            damage_found(report, id,
                         rc == ST_IO ? "it can not be read"
                                     : "the checksum is wrong, or recovery has passed it over");
            ctx_error_clear(cx);
            out->unreadable++;
            continue;
        }
        TRY(rc);
        out->pages++;
        if (ref.page != NULL)
            check_page(cr, block, ref.page, report);
        page_unpin(cx, &ref);
    }
    return ST_OK;
}

Status
heap_has_root(Ctx *cx, const HeapRel *rel, Tid root, bool *has)
{
    uint16_t slot = tid_slot(root);
    const HeapPage *p;
    CacheRel *cr;
    PageRef ref;

    *has = false;
    TRY(heap_open(cx, rel, &cr));
    TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(root), &ref));
    p = (const HeapPage *)(void *)ref.page;
    if (p != NULL && page_is(p, PAGE_KIND_HEAP))
        *has = slot != 0 && slot <= p->used && heap_root(p)[slot - 1] == slot;
    page_unpin(cx, &ref);
    return ST_OK;
}

Status
heap_check(Ctx *cx, const HeapRel *rel)
{
    CacheRel *cr;
    BlockNo length;

    TRY(heap_open(cx, rel, &cr));
    length = cache_rel_length(cr, FORK_MAIN);
    for (BlockNo block = 0; block < length; block++) {
        PageRef ref;

        TRY(page_pin_shared(cx, cr, FORK_MAIN, block, &ref));
        if (ref.page != NULL && page_is(ref.page, PAGE_KIND_HEAP))
            heap_page_check((const HeapPage *)(void *)ref.page);
        page_unpin(cx, &ref);
    }
    return ST_OK;
}
