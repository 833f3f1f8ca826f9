/* op_scan.c - reading a heap: page by page, or row by row as an index names them.
 *
 * The condition is judged on the pinned page, by pointers into it (H5); the rows that pass are copied
 * into a batch of our own, so that no pin is held while anybody else works with them. */
#include "backend/exec/exec_int.h"

#include "backend/exec/arrays.h"
#include "backend/exec/heap_read.h"
#include "backend/exec/key.h"
#include "backend/exec/page_rows.h"
#include "backend/exec/page_tests.h"

typedef struct ScanOp {
    Op op;
    HeapScan *scan;
    bool done;
    bool fixed_done;
    bool page_judged; /* page.rows have passed the filter */
    bool harmless; /* judging more rows than are wanted does not matter */
    bool *judged; /* by output column: the filter looks at it */
    Arena page_arena; /* vectors over the current page */
    Arena scan_arena; /* the scan's own memory */
    PageTests tests;
    bool tests_known;
    HeapPageView view; /* the current page */
    Batch page; /* ... as vectors, if the filter needs them; rows not taken yet */
    uint32_t page_at; /* of page.rows */
    uint16_t sel[HEAP_SLOTS_MOST]; /* rows that passed the tests */
} ScanOp;

static bool
note_slot(Expr **child, void *arg)
{
    if ((*child)->kind == EXPR_SLOT)
        ((bool *)arg)[(*child)->slot.index] = true;
    return expr_children(*child, note_slot, arg);
}

/* Pointers into the page for every column that the filter looks at. */
static Status
page_batch(ScanOp *s, const HeapPageView *view, Batch *out)
{
    const Plan *plan = s->op.plan;
    Execution *e = s->op.e;

    arena_reset(&s->page_arena);
    out->columns = arena_alloc(&s->page_arena, sizeof(Vector) * (size_t)MAX_OF(plan->output_count, 1));
    out->column_count = plan->output_count;
    out->capacity = view->slot_count;
    out->rows = (Rows){view->visible, view->visible_count};
    for (int i = 0; i < plan->output_count; i++) {
        if (s->judged[i])
            TRY(heap_read_page_column(e->cx, &s->page_arena, plan->scan.table, s->scan, view,
                                      plan->scan.columns[i], &out->columns[i]));
    }
    return ST_OK;
}

static bool
is_fixed(const Op *op)
{
    return UNLIKELY(op->e->fixed != NULL) && op->e->fixed[op->plan->scan.rel_no].kind != FIXED_NOT;
}

static Status
fetch_fixed(Op *op, const FixedRow *fixed, HeapRow *row)
{
    Execution *e = op->e;
    const HeapRel *heap = &op->plan->scan.table->heap;

    return fixed->kind == FIXED_NEWEST ? heap_fetch_newest(e->cx, heap, fixed->tid, row)
                                       : heap_fetch(e->cx, heap, fixed->tid, &e->snapshot, row);
}

/* R4: while a changed row is checked again, this relation is the one row. */
static Status
fixed_row(Op *op, bool *done, Batch **out)
{
    Execution *e = op->e;
    const Plan *plan = op->plan;
    const FixedRow *fixed = &e->fixed[plan->scan.rel_no];
    HeapRow row;
    Rows kept;
    Status rc = ST_OK;

    *out = NULL;
    if (*done || fixed->kind == FIXED_NO_ROW)
        return ST_OK;
    *done = true;
    arena_reset(&op->scratch);
    TRY(fetch_fixed(op, fixed, &row));
    if (!row.found)
        return ST_OK;
    op->out.columns = arena_array(&op->scratch, Vector, MAX_OF(plan->output_count, 1));
    op->out.column_count = plan->output_count;
    op->out.capacity = 1;
    op->out.rows = (Rows){NULL, 1};
    for (int i = 0; i < plan->output_count && rc == ST_OK; i++)
        rc = heap_read_row_column(e->cx, &op->scratch, plan->scan.table, &row, plan->scan.columns[i],
                                  &op->out.columns[i]);
    heap_row_release(e->cx, &row);
    TRY(rc);
    if (plan->scan.recheck != NULL) {
        TRY(eval_filter(e, plan->scan.recheck, &op->out, op->out.rows, &kept));
        if (kept.count == 0)
            return ST_OK;
    }
    *out = &op->out;
    return ST_OK;
}

/* All rows of the page at once. */
static Status
judge_page(ScanOp *s)
{
    const Plan *plan = s->op.plan;
    Ctx *cx = s->op.e->cx;
    const Expr *filter = plan->filter;
    Rows rows = {s->view.visible, s->view.visible_count};

    s->page_judged = true;
    if (s->tests.usable) {
        TRY(page_tests_judge(cx, &s->tests, s->scan, &s->view, s->sel, &rows.count));
        rows.sel = s->sel;
        filter = plan->scan.rest;
    }
    s->page.rows = rows;
    if (filter != NULL && rows.count > 0) {
        TRY(page_batch(s, &s->view, &s->page));
        TRY(eval_filter(s->op.e, filter, &s->page, rows, &s->page.rows));
    }
    if (UNLIKELY(s->op.count != NULL))
        s->op.count->removed += s->view.visible_count - s->page.rows.count;
    return ST_OK;
}

/* One row after the other, so that nothing beyond the last row wanted is computed (X1). */
static Status
judge_rows(ScanOp *s, uint32_t most, uint16_t *sel, uint32_t *n)
{
    *n = 0;
    while (*n < most && s->page_at < s->page.rows.count) {
        Rows kept;

        TRY(eval_filter(s->op.e, s->op.plan->filter, &s->page, (Rows){s->page.rows.sel + s->page_at, 1},
                        &kept));
        if (kept.count > 0)
            sel[(*n)++] = s->page.rows.sel[s->page_at];
        else if (UNLIKELY(s->op.count != NULL))
            s->op.count->removed++;
        s->page_at++;
    }
    return ST_OK;
}

/* Rows of the current page that pass, at most `most`, go to the batch. */
static Status
take_rows(ScanOp *s, uint32_t most, uint32_t capacity, uint32_t *n)
{
    Op *op = &s->op;
    Ctx *cx = op->e->cx;
    uint16_t one_by_one[COUNT_OF(s->sel)];
    const uint16_t *slots = s->page.rows.sel + s->page_at;
    uint32_t count = MIN_OF(s->page.rows.count - s->page_at, most);
    Status rc = ST_OK;

    if (s->page_judged) {
        s->page_at += count;
    } else {
        cx->arena = &s->page_arena; /* what judging needs goes with the page */
        rc = judge_rows(s, MIN_OF(most, (uint32_t)COUNT_OF(one_by_one)), one_by_one, &count);
        cx->arena = &op->scratch;
        TRY(rc);
        slots = one_by_one;
    }
    TRY(page_rows_append(cx, &op->scratch, op->plan, s->scan, &s->view, slots, count, op->out.columns, *n,
                         capacity));
    *n += count;
    return ST_OK;
}

/* The next page with rows, judged if that may be done for all of them at once. */
static Status
next_page(ScanOp *s, bool whole)
{
    Ctx *cx = s->op.e->cx;
    Status rc;

    s->page_at = s->page.rows.count = 0;
    TRY(heap_scan_next(cx, s->scan, &s->view, &s->done));
    if (s->done)
        return ST_OK;
    if (!s->tests_known) { /* only now: without a row nothing is computed (X1) */
        TRY(page_tests_open(s->op.e, s->op.plan, &s->scan_arena, &s->tests));
        s->tests_known = true;
        s->done = s->tests.usable && s->tests.never;
        if (s->done)
            return ST_OK;
    }
    cx->arena = &s->page_arena;
    if (whole || s->harmless) {
        rc = judge_page(s);
    } else {
        rc = page_batch(s, &s->view, &s->page);
        s->page_judged = s->op.plan->filter == NULL;
    }
    cx->arena = &s->op.scratch;
    return rc;
}

static Status
open_scan(ScanOp *s)
{
    Execution *e = s->op.e;
    const Plan *plan = s->op.plan;
    uint16_t columns[HEAP_SCAN_COLUMNS_MOST];
    uint32_t count = 0;

    TRY(heap_scan_open(e->cx, &s->scan_arena, &plan->scan.table->heap, &e->snapshot, 0, UINT32_MAX, &s->scan));
    heap_scan_count(e->cx, s->scan);
    if (plan->output_count <= HEAP_SCAN_COLUMNS_MOST) {
        for (int i = 0; i < plan->output_count; i++) {
            if (plan->scan.columns[i] > 0)
                columns[count++] = (uint16_t)(plan->scan.columns[i] - 1);
        }
        heap_scan_hint(s->scan, columns, count);
    }
    s->tests.usable = false;
    s->tests_known = plan->scan.test_count == 0;
    return ST_OK;
}

static Status
scan_next(Op *op, uint64_t budget, Batch **out)
{
    ScanOp *s = (ScanOp *)op;
    const Plan *plan = op->plan;
    uint32_t most = (uint32_t)MIN_OF(budget, (uint64_t)BATCH_ROWS), n = 0;

    *out = NULL;
    if (is_fixed(op))
        return fixed_row(op, &s->fixed_done, out);
    if ((s->done && s->page_at >= s->page.rows.count) || budget == 0)
        return ST_OK;
    arena_reset(&op->scratch);
    if (s->scan == NULL)
        TRY(open_scan(s));
    op->out.columns = page_vectors_new(&op->scratch, plan, most);
    op->out.column_count = plan->output_count;
    op->out.capacity = most;
    while (n < most) {
        if (s->page_at >= s->page.rows.count) {
            if (s->done)
                break;
            TRY(next_page(s, budget == UINT64_MAX));
            if (s->page.rows.count == 0)
                continue;
        }
        TRY(take_rows(s, most - n, most, &n));
    }
    if (n == 0)
        return ST_OK;
    op->out.rows = (Rows){NULL, n};
    *out = &op->out;
    return ST_OK;
}

static Status
scan_rewind(Op *op)
{
    ScanOp *s = (ScanOp *)op;

    if (s->scan != NULL)
        heap_scan_close(op->e->cx, s->scan);
    s->scan = NULL;
    s->done = s->fixed_done = false;
    s->page_at = s->page.rows.count = 0;
    arena_reset(&s->scan_arena);
    return ST_OK;
}

static void
scan_close(Op *op)
{
    ScanOp *s = (ScanOp *)op;

    if (s->scan != NULL)
        heap_scan_close(op->e->cx, s->scan);
    s->scan = NULL;
    arena_free(&s->scan_arena);
    arena_free(&s->page_arena);
}

static bool
scan_park(Op *op)
{
    arena_reset(&((ScanOp *)op)->page_arena);
    return scan_rewind(op) == ST_OK;
}

Status
scan_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = scan_next,
                                  .rewind = scan_rewind,
                                  .close = scan_close,
                                  .park = scan_park};
    ScanOp *s = OP_NEW(e, plan, ScanOp, &class);

    arena_init(&s->scan_arena, "heap scan", e->cx->arena->budget);
    arena_init(&s->page_arena, "heap page", e->cx->arena->budget);
    s->harmless = plan->filter == NULL || (!expr_can_raise(plan->filter) && !expr_is_volatile(plan->filter) &&
                                           !expr_has_subquery(plan->filter));
    s->judged = arena_array(e->arena, bool, plan->output_count + 1);
    if (plan->filter != NULL) {
        Expr *filter = plan->filter;

        if (expr_has_subquery(filter)) /* its arguments may be any */
            memset(s->judged, true, (size_t)plan->output_count);
        else
            note_slot(&filter, s->judged);
    }
    *out = &s->op;
    return ST_OK;
}

/* ---- by an index ------------------------------------------------------------------------------------------ */

enum { TIDS_AT_ONCE = 128 };

typedef struct IndexScanOp {
    Op op;
    BtreeScan *scan;
    Arena scan_arena;
    bool open, done, fixed_done;
    Value *elements; /* of col = ANY (array): one range each */
    int element_count, element_at;
    Tid tids[TIDS_AT_ONCE];
    uint32_t tid_count, tid_at;
    Buf low, high;
} IndexScanOp;

/* Appends one key column; *empty when no key can be equal to it. */
static Status
append_key(IndexScanOp *s, int k, const Expr *x, const Value *given, Buf *to, bool *empty)
{
    const IndexKey *key = &s->op.plan->scan.index->keys[k];
    KeyPart part = key_part_of_index(key);
    Oid type = x != NULL ? x->type : key->type;
    Value v = value_null();
    int fits = 0;

    if (given != NULL) {
        v = *given;
        type = type_by_oid(x->type)->elem;
        *empty |= v.is_null;
    } else if (x != NULL) {
        TRY(eval_one(s->op.e, x, &v));
        *empty |= v.is_null; /* = NULL is never true */
    }
    v = key_value(key, type, &v, &fits);
    *empty |= fits != 0;
    key_append(&part, &v, to);
    return ST_OK;
}

/* A bound of the range column: *open when the value lies beyond all keys on that side, *empty when it
 * lies beyond on the other. */
static Status
append_bound(IndexScanOp *s, int k, const Expr *x, bool is_low, Buf *to, bool *open, bool *empty)
{
    const IndexKey *key = &s->op.plan->scan.index->keys[k];
    KeyPart part = key_part_of_index(key);
    Value v;
    int fits;

    TRY(eval_one(s->op.e, x, &v));
    *empty |= v.is_null;
    v = key_value(key, x->type, &v, &fits);
    *open = is_low ? fits < 0 : fits > 0;
    *empty |= is_low ? fits > 0 : fits < 0;
    if (!*open && !*empty)
        key_append(&part, &v, to);
    return ST_OK;
}

/* The range for the present values (and, with an array, its present element). */
static Status
make_range(IndexScanOp *s, BtreeBound *low, BtreeBound *high, bool *empty)
{
    const IndexBoundPlan *b = &s->op.plan->scan.bound;
    const IndexInfo *index = s->op.plan->scan.index;
    int k = b->equal_count;
    bool low_inclusive = true, high_inclusive = true;
    size_t prefix;

    *empty = false;
    buf_clear(&s->low);
    buf_clear(&s->high);
    for (int i = 0; i < k; i++)
        TRY(append_key(s, i, b->equal[i], NULL, &s->low, empty));
    if (b->in_array != NULL)
        TRY(append_key(s, k, b->in_array, &s->elements[s->element_at], &s->low, empty));
    prefix = s->low.bytes;
    buf_add(&s->high, s->low.data, prefix);
    if (*empty)
        return ST_OK;
    if (k < index->key_count && (b->low != NULL || b->high != NULL || b->not_null)) {
        bool turned = index->keys[k].descending;
        const Expr *first = turned ? b->high : b->low, *last = turned ? b->low : b->high;
        bool first_open = first == NULL, last_open = last == NULL;

        low_inclusive = turned ? b->high_inclusive : b->low_inclusive;
        high_inclusive = turned ? b->low_inclusive : b->high_inclusive;
        if (first != NULL)
            TRY(append_bound(s, k, first, !turned, &s->low, &first_open, empty));
        if (last != NULL)
            TRY(append_bound(s, k, last, turned, &s->high, &last_open, empty));
        /* an open end stops before the nulls, which never match a comparison */
        if (first_open) {
            buf_add_char(&s->low, 1);
            low_inclusive = true;
        }
        if (last_open) {
            buf_add_char(&s->high, 1);
            high_inclusive = true;
        }
    }
    if (s->low.failed || s->high.failed)
        return fail_memory(s->op.e->cx, s->low.bytes);
    *low = (BtreeBound){{s->low.bytes > 0 ? s->low.data : NULL, (uint32_t)s->low.bytes}, low_inclusive};
    *high = (BtreeBound){{s->high.bytes > 0 ? s->high.data : NULL, (uint32_t)s->high.bytes}, high_inclusive};
    return ST_OK;
}

static Status
load_elements(IndexScanOp *s)
{
    const Expr *x = s->op.plan->scan.bound.in_array;
    Ctx *cx = s->op.e->cx;
    Value array, *items;
    int count, kept = 0;
    Oid elem;

    s->element_at = s->element_count = 0;
    if (x == NULL)
        return ST_OK;
    elem = type_by_oid(x->type)->elem;
    cx->arena = &s->scan_arena;
    TRY(eval_one(s->op.e, x, &array));
    if (array.is_null)
        return ST_OK;
    TRY(array_elements(cx, elem, &array, &items, &count));
    for (int i = 0; i < count; i++) { /* each value once, or its rows would come twice */
        bool seen = items[i].is_null;

        for (int j = 0; j < kept && !seen; j++)
            seen = type_by_oid(elem)->compare(&items[i], &items[j]) == 0;
        if (!seen)
            items[kept++] = items[i];
    }
    s->elements = items;
    s->element_count = kept;
    return ST_OK;
}

static Status
open_range(IndexScanOp *s)
{
    const Plan *plan = s->op.plan;
    Ctx *cx = s->op.e->cx;
    BtreeBound low, high;
    bool empty;

    TRY(make_range(s, &low, &high, &empty));
    s->done = empty;
    if (empty)
        return ST_OK;
    if (s->scan == NULL)
        return btree_scan_open(cx, &s->scan_arena, &plan->scan.index->btree, low, high, plan->scan.backward,
                               &s->scan);
    return btree_scan_reset(cx, s->scan, low, high);
}

/* The next row named by the index; *tid TID_NONE at the end. */
static Status
next_tid(IndexScanOp *s, uint32_t want, Tid *tid)
{
    const IndexBoundPlan *b = &s->op.plan->scan.bound;

    *tid = TID_NONE;
    for (;;) {
        if (s->tid_at < s->tid_count) {
            *tid = s->tids[s->tid_at++];
            return ST_OK;
        }
        if (!s->open || s->done) {
            if (!s->open)
                TRY(load_elements(s));
            else
                s->element_at++;
            if (s->open && b->in_array == NULL)
                return ST_OK;
            if (b->in_array != NULL && s->element_at >= s->element_count)
                return ST_OK;
            s->open = true;
            s->op.e->cx->arena = &s->op.scratch;
            TRY(open_range(s));
            if (s->done)
                continue;
        }
        s->tid_at = 0;
        TRY(btree_scan_next(s->op.e->cx, s->scan, MIN_OF(want, (uint32_t)TIDS_AT_ONCE), s->tids, NULL,
                            &s->tid_count));
        if (s->tid_count == 0)
            s->done = true;
    }
}

/* Reads the row's columns into row n of the batch, if the snapshot sees it. */
static Status
fetch_into(IndexScanOp *s, Tid tid, uint32_t n, uint32_t capacity, bool *found)
{
    Op *op = &s->op;
    Execution *e = op->e;
    const Plan *plan = op->plan;
    HeapRow row;
    Status rc = ST_OK;

    TRY(heap_fetch(e->cx, &plan->scan.table->heap, tid, &e->snapshot, &row));
    *found = row.found;
    for (int i = 0; row.found && i < plan->output_count && rc == ST_OK; i++) {
        Vector one;

        rc = heap_read_row_column(e->cx, &op->scratch, plan->scan.table, &row, plan->scan.columns[i], &one);
        if (rc == ST_OK)
            rc = vector_append(e->cx, &op->scratch, NULL, &op->out.columns[i], n, capacity, &one,
                               (Rows){NULL, 1});
    }
    heap_row_release(e->cx, &row);
    return rc;
}

static Status
index_scan_next(Op *op, uint64_t budget, Batch **out)
{
    IndexScanOp *s = (IndexScanOp *)op;
    Execution *e = op->e;
    const Plan *plan = op->plan;
    uint32_t most = (uint32_t)MIN_OF(budget, plan->scan.one_row ? 1 : (uint64_t)BATCH_ROWS);

    *out = NULL;
    if (is_fixed(op))
        return fixed_row(op, &s->fixed_done, out);
    while (most > 0) {
        uint32_t n = 0;
        Tid tid = TID_NONE;
        Rows kept;

        arena_reset(&op->scratch);
        op->out.columns = vectors_new(&op->scratch, plan->outputs, plan->output_count, most);
        op->out.column_count = plan->output_count;
        op->out.capacity = most;
        while (n < most) {
            bool found;

            TRY(next_tid(s, plan->scan.one_row ? 4 : most - n, &tid));
            if (tid == TID_NONE)
                break;
            TRY(fetch_into(s, tid, n, most, &found));
            n += found;
        }
        if (n == 0)
            return ST_OK;
        btree_scan_count_found(e->cx, s->scan, n);
        kept = (Rows){NULL, n};
        if (plan->filter != NULL)
            TRY(eval_filter(e, plan->filter, &op->out, kept, &kept));
        if (UNLIKELY(op->count != NULL))
            op->count->removed += n - kept.count;
        if (kept.count > 0) {
            op->out.rows = kept;
            *out = &op->out;
            return ST_OK;
        }
    }
    return ST_OK;
}

static Status
index_scan_rewind(Op *op)
{
    IndexScanOp *s = (IndexScanOp *)op;

    s->open = s->done = s->fixed_done = false;
    s->tid_at = s->tid_count = 0;
    return ST_OK;
}

static void
index_scan_close(Op *op)
{
    IndexScanOp *s = (IndexScanOp *)op;

    if (s->scan != NULL)
        btree_scan_close(op->e->cx, s->scan);
    s->scan = NULL;
    arena_free(&s->scan_arena);
    buf_free(&s->low);
    buf_free(&s->high);
}

static bool
index_scan_park(Op *op)
{
    IndexScanOp *s = (IndexScanOp *)op;

    if (s->scan != NULL)
        btree_scan_close(op->e->cx, s->scan);
    s->scan = NULL;
    arena_reset(&s->scan_arena);
    return index_scan_rewind(op) == ST_OK;
}

Status
index_scan_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = index_scan_next,
                                  .rewind = index_scan_rewind,
                                  .close = index_scan_close,
                                  .park = index_scan_park};
    IndexScanOp *s = OP_NEW(e, plan, IndexScanOp, &class);

    arena_init(&s->scan_arena, "index scan", e->cx->arena->budget);
    *out = &s->op;
    return ST_OK;
}
