/* page_tests.c - see page_tests.h.
 *
 * All tests on one column become one range of 64-bit integers. A NaN of the short numeric is the smallest
 * integer but the greatest number; one step further round the circle it is in its place, and since ranges
 * are judged on the circle, `x - 1` never has to be computed. */
#include "backend/exec/page_tests.h"

#include "backend/type/numeric.h"
#include "backend/type/pow10.h"
#include "backend/type/range_mask.h"

/* A closed range in the order of the values. */
typedef struct Range {
    int slot;
    int64_t low, high;
    bool empty;
} Range;

/* Where a value stands in the column's order; between two places, `floor` is the one below. */
typedef struct Place {
    int64_t floor;
    bool exact, below_all, above_all;
} Place;

static bool
place_of_integer(const Value *v, Place *out)
{
    switch ((Phys)v->phys) {
    case PHYS_I16: *out = (Place){.floor = v->i16, .exact = true}; return true;
    case PHYS_I32: *out = (Place){.floor = v->i32, .exact = true}; return true;
    case PHYS_I64: *out = (Place){.floor = v->i64, .exact = true}; return true;
    default: return false;
    }
}

/* NaN is the top of the circle: every other number moves one down. */
static bool
place_of_decimal(const Value *v, int scale, Place *out)
{
    int64_t at;
    int more;

    if (v->phys != PHYS_DEC64 || v->i64 == INT64_MIN)
        return false;
    more = scale - v->scale;
    if (more > POW10_I64_MOST || more < -POW10_I64_MOST)
        return false;
    if (more >= 0) {
        if (__builtin_mul_overflow(v->i64, pow10_i64(more), &at)) {
            *out = (Place){.below_all = v->i64<0, .above_all = v->i64> 0};
            return true;
        }
        *out = (Place){.floor = at, .exact = true};
    } else {
        int64_t unit = pow10_i64(-more);

        at = v->i64 / unit;
        *out = (Place){.floor = v->i64 % unit < 0 ? at - 1 : at, .exact = v->i64 % unit == 0};
    }
    if (out->floor == INT64_MIN)
        return false;
    out->floor--;
    return true;
}

static void
at_least(Range *r, int64_t v)
{
    r->low = MAX_OF(r->low, v);
}

static void
at_most(Range *r, int64_t v)
{
    r->high = MIN_OF(r->high, v);
}

static void
narrow(Range *r, char strategy, const Place *at, int64_t top)
{
    /* Beyond all numbers, but below NaN. */
    if (at->above_all || at->below_all) {
        if (strategy == 3)
            r->empty = true;
        else if (strategy <= 2 && at->above_all)
            at_most(r, top - 1);
        else if (strategy <= 2)
            r->empty = true;
        else if (at->above_all)
            at_least(r, top);
        return;
    }
    switch (strategy) {
    case 1:
        if (at->exact && at->floor == INT64_MIN)
            r->empty = true;
        else
            at_most(r, at->exact ? at->floor - 1 : at->floor);
        break;
    case 2: at_most(r, at->floor); break;
    case 3:
        r->empty |= !at->exact;
        at_least(r, at->floor);
        at_most(r, at->floor);
        break;
    case 4: at_least(r, at->exact ? at->floor : at->floor + 1); break;
    default:
        ASSERT(strategy == 5);
        if (at->floor == INT64_MAX)
            r->empty = true;
        else
            at_least(r, at->floor + 1);
        break;
    }
    r->empty |= r->low > r->high;
}

/* From a range in the order of values to one on the circle of what the page keeps. */
static bool
test_of_range(const ColumnInfo *c, int column, const Range *r, PageTest *out)
{
    int64_t low = r->low, high = r->high;

    *out = (PageTest){.column = column, .phys = c->phys};
    switch (c->phys) {
    case PHYS_I16:
        low = MAX_OF(low, (int64_t)INT16_MIN);
        high = MIN_OF(high, (int64_t)INT16_MAX);
        break;
    case PHYS_I32:
        low = MAX_OF(low, (int64_t)INT32_MIN);
        high = MIN_OF(high, (int64_t)INT32_MAX);
        break;
    default: break;
    }
    if (low > high)
        return false;
    out->width = (uint64_t)high - (uint64_t)low;
    out->low = c->phys == PHYS_DEC64 ? (int64_t)((uint64_t)low + 1) : low;
    return true;
}

Status
page_tests_open(Execution *e, const Plan *scan, Arena *a, PageTests *out)
{
    const TableInfo *t = scan->scan.table;
    int count = scan->scan.test_count, range_count = 0;
    Range *ranges = arena_array(a, Range, count + 1);

    *out = (PageTests){.tests = arena_array(a, PageTest, count + 1)};
    for (int i = 0; i < count; i++) {
        const ScanTest *test = &scan->scan.tests[i];
        const ColumnInfo *c = &t->columns[scan->scan.columns[test->slot] - 1];
        Range *r = NULL;
        Value v;
        Place at;

        TRY(eval_one(e, test->value, &v));
        if (v.is_null) {
            out->usable = out->never = true;
            return ST_OK;
        }
        if (c->phys == PHYS_DEC64 ? !place_of_decimal(&v, c->scale, &at) : !place_of_integer(&v, &at))
            return ST_OK;
        for (int k = 0; k < range_count; k++) {
            if (ranges[k].slot == test->slot)
                r = &ranges[k];
        }
        if (r == NULL) {
            r = &ranges[range_count++];
            *r = (Range){test->slot, INT64_MIN, INT64_MAX, false};
        }
        narrow(r, test->strategy, &at, INT64_MAX);
    }
    for (int k = 0; k < range_count; k++) {
        int column = scan->scan.columns[ranges[k].slot] - 1;

        if (ranges[k].empty || !test_of_range(&t->columns[column], column, &ranges[k], &out->tests[out->count]))
            out->never = true;
        out->count++;
    }
    out->usable = true;
    return ST_OK;
}

/* ---- a page -------------------------------------------------------------------------------------------------------- */

static bool
holds(const PageTest *t, const void *data)
{
    switch (t->phys) {
    case PHYS_I16: {
        int16_t x;

        memcpy(&x, data, sizeof(x));
        return (uint64_t)((int64_t)x - t->low) <= t->width;
    }
    case PHYS_I32: {
        int32_t x;

        memcpy(&x, data, sizeof(x));
        return (uint64_t)((int64_t)x - t->low) <= t->width;
    }
    default: {
        uint64_t x;

        memcpy(&x, data, sizeof(x));
        return x - (uint64_t)t->low <= t->width;
    }
    }
}

/* A column that this page does not have in an array. */
static Status
judge_cells(Ctx *cx, const PageTest *t, const HeapScan *scan, const HeapPageView *view, uint64_t *mask)
{
    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        Cell cell;

        TRY(heap_view_cell(cx, scan, view, (uint16_t)t->column, slot, &cell));
        if (cell.data == NULL || !holds(t, cell.data))
            mask[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    }
    return ST_OK;
}

static Status
judge(Ctx *cx, const PageTest *t, const HeapScan *scan, const HeapPageView *view, uint64_t *mask)
{
    const RangeMask *ranges = range_mask();
    const uint64_t *nulls;
    const void *data = heap_view_fixed(scan, view, (uint16_t)t->column, &nulls);

    if (UNLIKELY(data == NULL))
        return judge_cells(cx, t, scan, view, mask);
    switch (t->phys) {
    case PHYS_I16: ranges->of_16(data, view->slot_count, (int16_t)t->low, (uint16_t)t->width, mask); break;
    case PHYS_I32: ranges->of_32(data, view->slot_count, (int32_t)t->low, (uint32_t)t->width, mask); break;
    default: ranges->of_64(data, view->slot_count, t->low, t->width, mask); break;
    }
    if (nulls != NULL) {
        for (uint32_t w = 0; w < bit_words(view->slot_count); w++)
            mask[w] &= ~nulls[w];
    }
    return ST_OK;
}

Status
page_tests_judge(Ctx *cx, const PageTests *t, const HeapScan *scan, const HeapPageView *view, uint16_t *sel,
                 uint32_t *count)
{
    uint64_t mask[(HEAP_SLOTS_MOST + 63) / 64] = {0};
    uint32_t n = 0;

    ASSERT(view->slot_count <= HEAP_SLOTS_MOST);
    if (view->visible_count == view->slot_count) {
        for (uint32_t w = 0; w * 64 < view->slot_count; w++)
            mask[w] =
                view->slot_count - w * 64 >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << view->slot_count % 64) - 1;
    } else {
        for (uint32_t k = 0; k < view->visible_count; k++)
            mask[view->visible[k] / 64] |= UINT64_C(1) << (view->visible[k] % 64);
    }
    for (int i = 0; i < t->count; i++)
        TRY(judge(cx, &t->tests[i], scan, view, mask));
    for (uint32_t w = 0; w < bit_words(view->slot_count); w++) {
        for (uint64_t rest = mask[w]; rest != 0; rest &= rest - 1)
            sel[n++] = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(rest));
    }
    *count = n;
    return ST_OK;
}
