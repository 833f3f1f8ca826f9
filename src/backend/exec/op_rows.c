/* op_rows.c - rows that a function makes: system catalogs, virtual tables, functions in FROM and
 * set-returning functions in the target list. */
#include "backend/exec/exec_int.h"

#include "backend/exec/heap_read.h"
#include "storage/seq/seq.h"

/* Emits rows [at, at + n) of a store. */
static Status
emit_store(Op *op, RowStore *store, uint64_t *at, uint64_t budget, Batch **out)
{
    uint32_t n = (uint32_t)MIN_OF(MIN_OF(store->row_count - *at, budget), (uint64_t)BATCH_ROWS);
    uint64_t *rows;

    *out = NULL;
    if (n == 0)
        return ST_OK;
    rows = arena_alloc(&op->scratch, sizeof(*rows) * n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = *at + i;
    *at += n;
    op->out.columns = arena_array(&op->scratch, Vector, MAX_OF(store->column_count, 1));
    op->out.column_count = store->column_count;
    op->out.capacity = n;
    op->out.rows = (Rows){NULL, n};
    TRY(row_store_gather(store, &op->scratch, rows, n, op->out.columns));
    *out = &op->out;
    return ST_OK;
}

/* ---- catalogs and virtual tables ------------------------------------------------------------------------- */

typedef struct RowsScan {
    Op op;
    RowStore store;
    bool filled;
    uint64_t at;
    struct Receiver {
        RowReceiver base;
        struct RowsScan *scan;
    } receiver;
} RowsScan;

static Status
receive_row(Ctx *cx, RowReceiver *self, const Value *values)
{
    RowsScan *s = ((struct Receiver *)self)->scan;
    const Plan *plan = s->op.plan;
    ArenaMark mark = arena_mark(&s->op.scratch); /* whoever makes the rows keeps his own things below it */
    Vector *columns = arena_alloc(&s->op.scratch, sizeof(Vector) * (size_t)MAX_OF(plan->output_count, 1));
    Batch row = {.columns = columns, .column_count = plan->output_count, .rows = {NULL, 1}, .capacity = 1};
    Status rc = ST_OK;

    for (int i = 0; i < plan->output_count; i++) {
        int column = plan->scan.columns[i];
        Value v = column > 0                  ? values[column - 1]
                  : column == COLUMN_CTID     ? value_i64(0)
                  : column == COLUMN_TABLEOID ? value_oid(plan->scan.table->oid)
                                              : value_oid(0);

        vector_of(&columns[i], &s->op.scratch, &v, type_by_oid(plan->outputs[i]->type)->phys);
    }
    if (plan->filter != NULL) {
        Rows kept;

        rc = eval_filter(s->op.e, plan->filter, &row, row.rows, &kept);
        if (rc == ST_OK && kept.count == 0) {
            if (s->op.count != NULL)
                s->op.count->removed++;
            goto out;
        }
    }
    if (rc == ST_OK)
        rc = row_store_append(&s->store, &row);
out:
    if (mark.chunk != NULL)
        arena_rewind(&s->op.scratch, mark);
    (void)cx;
    return rc;
}

/* Rows that users made lie in a heap; static ones come from the program (K3). */
static Status
receive_heap(RowsScan *s)
{
    const TableInfo *t = s->op.plan->scan.table;
    Ctx *cx = s->op.e->cx;
    HeapScan *scan = NULL;
    Arena scan_arena;
    Value *values = arena_array(s->op.e->arena, Value, MAX_OF(t->column_count, 1));
    bool done = false;
    Status rc;

    arena_init(&scan_arena, "catalog scan", NULL);
    TRY_TO(out, rc, heap_scan_open(cx, &scan_arena, &t->heap, &s->op.e->snapshot, 0, UINT32_MAX, &scan));
    for (;;) {
        HeapPageView view;

        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        for (uint32_t k = 0; k < view.visible_count; k++) {
            for (int c = 0; c < t->column_count; c++) {
                Cell cell;

                TRY_TO(out, rc, heap_view_cell(cx, scan, &view, (uint16_t)c, view.visible[k], &cell));
                values[c] = heap_cell_value(&t->columns[c], &cell);
            }
            TRY_TO(out, rc, receive_row(cx, &s->receiver.base, values));
        }
    }
out:
    if (scan != NULL)
        heap_scan_close(cx, scan);
    arena_free(&scan_arena);
    return rc;
}

/* A sequence is a relation of one row. */
static Status
receive_sequence(RowsScan *s)
{
    const TableInfo *t = s->op.plan->scan.table;
    SeqState state;
    Value values[3];

    TRY(seq_read(s->op.e->cx, t->heap.branch, t->heap.relation, &state));
    values[0] = value_i64(state.last_value);
    values[1] = value_i64(state.log_count);
    values[2] = value_bool(state.is_called);
    return receive_row(s->op.e->cx, &s->receiver.base, values);
}

static Status
rows_scan_next(Op *op, uint64_t budget, Batch **out)
{
    RowsScan *s = (RowsScan *)op;
    const TableInfo *t = op->plan->scan.table;

    arena_reset(&op->scratch);
    if (!s->filled) {
        s->filled = true;
        if (t->make_rows != NULL)
            TRY(t->make_rows(op->e->cx, t, &s->receiver.base));
        if (t->kind == TABLE_SEQUENCE)
            TRY(receive_sequence(s));
        else if (t->kind != TABLE_VIRTUAL && t->heap.relation != RELATION_NONE)
            TRY(receive_heap(s));
        arena_reset(&op->scratch);
    }
    return emit_store(op, &s->store, &s->at, budget, out);
}

static Status
rows_scan_rewind(Op *op)
{
    RowsScan *s = (RowsScan *)op;

    if (op->plan->filter != NULL) { /* its values may have changed */
        row_store_clear(&s->store);
        s->filled = false;
    }
    s->at = 0;
    return ST_OK;
}

static void
rows_scan_close(Op *op)
{
    row_store_free(&((RowsScan *)op)->store);
}

Status
rows_scan_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = rows_scan_next, .rewind = rows_scan_rewind, .close = rows_scan_close};
    RowsScan *s = OP_NEW(e, plan, RowsScan, &class);

    row_store_init(&s->store, e->cx, "rows scan", plan->outputs, plan->output_count);
    row_store_limit(&s->store);
    s->receiver.base.row = receive_row;
    s->receiver.scan = s;
    *out = &s->op;
    return ST_OK;
}

/* ---- series -------------------------------------------------------------------------------------------------- */

/* One set-returning call in progress. */
typedef struct Series {
    const Expr *call;
    Value args[FN_ARGS_MOST * 2];
    Oid types[FN_ARGS_MOST * 2];
    void *state;
    bool running, null_input;
    Arena arena; /* arguments and state */
} Series;

static Status
series_start(Execution *e, Series *s, const Batch *in, uint32_t row)
{
    uint16_t at = (uint16_t)row;

    arena_reset(&s->arena);
    s->state = NULL;
    s->running = true;
    s->null_input = false;
    for (int i = 0; i < s->call->call.arg_count; i++) {
        Vector *v;

        TRY(eval(e, s->call->call.args[i], in, (Rows){&at, 1}, &v));
        s->args[i] = vector_is_null(v, row) ? value_null() : value_copy(&s->arena, vector_get(v, row));
        s->types[i] = s->call->call.args[i]->type;
        s->null_input |= s->args[i].is_null;
    }
    if (s->null_input && s->call->call.fn->strict)
        s->running = false;
    return ST_OK;
}

/* The next value; s->running turns false at the end. The value lies in cx->arena. */
static Status
series_next(Execution *e, Series *s, Value *out)
{
    bool done = false;
    Arena *saved = e->cx->arena;
    FnCall call = {
        .cx = e->cx,
        .fn = s->call->call.fn,
        .rows = {NULL, 1},
        .capacity_rows = 1,
        .arg_count = s->call->call.arg_count,
        .arg_types = s->types,
        .result_type = s->call->type,
        .location = s->call->location,
        .state = &s->state,
    };
    Status rc;

    *out = value_null();
    if (!s->running)
        return ST_OK;
    e->cx->arena = &s->arena;
    *out = (Value){.phys = (uint8_t)type_by_oid(s->call->type)->phys};
    rc = call.fn->series(&call, s->args, out, &done);
    e->cx->arena = saved;
    if (rc == ST_OK && done)
        s->running = false;
    return rc;
}

/* ---- a function in FROM -------------------------------------------------------------------------------------- */

typedef struct FunctionOp {
    Op op;
    Series series;
    bool started, done;
    int64_t ordinal;
} FunctionOp;

static Status
function_rows(FunctionOp *f, uint32_t most, uint32_t *count)
{
    Op *op = &f->op;
    const Expr *call = op->plan->function.call;
    uint32_t n = 0;

    while (n < most && !f->done) {
        Value v, ordinal;
        Vector one;

        if (call->kind == EXPR_CALL && call->call.fn->returns_set) {
            TRY(series_next(op->e, &f->series, &v));
            if (!f->series.running) {
                f->done = true;
                break;
            }
        } else { /* an ordinary function is a row of one */
            TRY(eval_one(op->e, call, &v));
            f->done = true;
        }
        vector_of(&one, &op->scratch, &v, type_by_oid(call->type)->phys);
        TRY(vector_append(op->e->cx, &op->scratch, &op->scratch, &op->out.columns[0], n, most, &one,
                          (Rows){NULL, 1}));
        if (op->plan->function.ordinality) {
            ordinal = value_i64(++f->ordinal);
            vector_set(&op->out.columns[1], &op->scratch, n, most, ordinal);
        }
        n++;
    }
    *count = n;
    return ST_OK;
}

static Status
function_next(Op *op, uint64_t budget, Batch **out)
{
    FunctionOp *f = (FunctionOp *)op;
    uint32_t most = (uint32_t)MIN_OF(budget, (uint64_t)BATCH_ROWS), n = 0;
    const Expr *call = op->plan->function.call;

    *out = NULL;
    arena_reset(&op->scratch);
    if (!f->started) {
        Batch none = {.capacity = 1, .rows = {NULL, 1}};

        if (call->kind == EXPR_CALL && call->call.fn->returns_set) {
            TRY(series_start(op->e, &f->series, &none, 0));
            f->done = !f->series.running;
        }
        f->started = true;
    }
    op->out.columns = vectors_new(&op->scratch, op->plan->outputs, op->plan->output_count, MAX_OF(most, 1));
    op->out.column_count = op->plan->output_count;
    op->out.capacity = MAX_OF(most, 1);
    TRY(function_rows(f, most, &n));
    if (n == 0)
        return ST_OK;
    op->out.rows = (Rows){NULL, n};
    *out = &op->out;
    return ST_OK;
}

static Status
function_rewind(Op *op)
{
    FunctionOp *f = (FunctionOp *)op;

    f->started = f->done = false;
    f->ordinal = 0;
    return ST_OK;
}

static void
function_close(Op *op)
{
    arena_free(&((FunctionOp *)op)->series.arena);
}

Status
function_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = function_next, .rewind = function_rewind, .close = function_close};
    FunctionOp *f = OP_NEW(e, plan, FunctionOp, &class);

    f->series.call = plan->function.call;
    arena_init(&f->series.arena, "series", e->cx->arena->budget);
    *out = &f->op;
    return ST_OK;
}

/* ---- in the target list: all series of a row run in step, shorter ones give nulls ---------------------------- */

typedef struct ProjectSetOp {
    Op op;
    Series *series; /* per target that is one */
    Batch *in;
    uint32_t in_at;
    bool row_open;
} ProjectSetOp;

static bool
is_series(const Expr *x)
{
    return x->kind == EXPR_CALL && x->call.fn->returns_set;
}

/* One output row of the current input row; *more false when its series have all ended. */
static Status
project_set_row(ProjectSetOp *p, uint32_t row, uint32_t n, uint32_t most, bool *more)
{
    Op *op = &p->op;
    Execution *e = op->e;
    int count = op->plan->output_count;
    Value *values = arena_array(&op->scratch, Value, MAX_OF(count, 1));
    bool any = false;
    uint16_t at = (uint16_t)row;

    for (int i = 0; i < count; i++) {
        if (!is_series(op->plan->project.exprs[i]))
            continue;
        TRY(series_next(e, &p->series[i], &values[i]));
        if (!p->series[i].running)
            values[i] = value_null();
        any |= p->series[i].running;
    }
    *more = any;
    if (!any)
        return ST_OK;
    for (int i = 0; i < count; i++) {
        const Expr *x = op->plan->project.exprs[i];
        Vector one, *v = &one;

        if (is_series(x)) {
            vector_of(&one, &op->scratch, &values[i], type_by_oid(x->type)->phys);
            TRY(vector_append(e->cx, &op->scratch, &op->scratch, &op->out.columns[i], n, most, v,
                              (Rows){NULL, 1}));
        } else {
            TRY(eval(e, x, p->in, (Rows){&at, 1}, &v));
            TRY(vector_append(e->cx, &op->scratch, NULL, &op->out.columns[i], n, most, v, (Rows){&at, 1}));
        }
    }
    return ST_OK;
}

static Status
project_set_next(Op *op, uint64_t budget, Batch **out)
{
    ProjectSetOp *p = (ProjectSetOp *)op;
    uint32_t most = (uint32_t)MIN_OF(budget, (uint64_t)BATCH_ROWS), n = 0;

    *out = NULL;
    arena_reset(&op->scratch);
    op->out.columns = vectors_new(&op->scratch, op->plan->outputs, op->plan->output_count, MAX_OF(most, 1));
    op->out.column_count = op->plan->output_count;
    op->out.capacity = MAX_OF(most, 1);
    while (n < most) {
        uint32_t row;
        bool more;

        if (p->in == NULL || p->in_at >= p->in->rows.count) {
            if (n > 0) /* what was copied without its bytes lies in the input */
                break;
            TRY(op_next(op->left, BATCH_ROWS, &p->in));
            p->in_at = 0;
            if (p->in == NULL)
                return ST_OK;
        }
        row = rows_at(p->in->rows, p->in_at);
        if (!p->row_open) {
            for (int i = 0; i < op->plan->output_count; i++) {
                if (is_series(op->plan->project.exprs[i]))
                    TRY(series_start(op->e, &p->series[i], p->in, row));
            }
            p->row_open = true;
        }
        TRY(project_set_row(p, row, n, most, &more));
        if (more) {
            n++;
        } else {
            p->row_open = false;
            p->in_at++;
        }
    }
    if (n == 0)
        return ST_OK;
    op->out.rows = (Rows){NULL, n};
    *out = &op->out;
    return ST_OK;
}

static Status
project_set_rewind(Op *op)
{
    ProjectSetOp *p = (ProjectSetOp *)op;

    p->in = NULL;
    p->row_open = false;
    return op_rewind(op->left);
}

static void
project_set_close(Op *op)
{
    for (int i = 0; i < op->plan->output_count; i++)
        arena_free(&((ProjectSetOp *)op)->series[i].arena);
}

Status
project_set_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = project_set_next,
                                  .rewind = project_set_rewind,
                                  .close = project_set_close};
    ProjectSetOp *p = OP_NEW(e, plan, ProjectSetOp, &class);

    p->series = arena_array(e->arena, Series, plan->output_count);
    for (int i = 0; i < plan->output_count; i++) {
        p->series[i].call = plan->project.exprs[i];
        arena_init(&p->series[i].arena, "series", e->cx->arena->budget);
        if (!is_series(plan->project.exprs[i]) && expr_has_series(plan->project.exprs[i]))
            return fail_unsupported(e->cx, plan->project.exprs[i]->location,
                                    "a set-returning function inside an expression");
    }
    *out = &p->op;
    return op_children(*out);
}
