/* op_simple.c - operators that need no state worth a file: result, values, filter, project, subquery,
 * limit, append, unique. */
#include "backend/exec/exec_int.h"

static Status
rewind_left(Op *op)
{
    return op->left != NULL ? op_rewind(op->left) : ST_OK;
}

/* ---- RESULT: one row without columns --------------------------------------------------------------------- */

typedef struct ResultOp {
    Op op;
    bool done;
} ResultOp;

static Status
result_next(Op *op, uint64_t budget, Batch **out)
{
    ResultOp *r = (ResultOp *)op;

    *out = NULL;
    if (r->done || budget == 0)
        return ST_OK;
    r->done = true;
    op->out = (Batch){.rows = {NULL, 1}, .capacity = 1};
    *out = &op->out;
    return ST_OK;
}

static Status
result_rewind(Op *op)
{
    ((ResultOp *)op)->done = false;
    return ST_OK;
}

static bool
result_park(Op *op)
{
    ((ResultOp *)op)->done = false;
    return true;
}

Status
result_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = result_next, .rewind = result_rewind, .park = result_park};

    *out = &OP_NEW(e, plan, ResultOp, &class)->op;
    return ST_OK;
}

/* ---- VALUES ------------------------------------------------------------------------------------------------ */

typedef struct ValuesOp {
    Op op;
    int row;
} ValuesOp;

static Status
values_next(Op *op, uint64_t budget, Batch **out)
{
    ValuesOp *v = (ValuesOp *)op;
    Arena *a = &op->scratch;
    uint32_t n = (uint32_t)MIN_OF((uint64_t)MIN_OF(op->plan->values.row_count - v->row, BATCH_ROWS), budget);

    *out = NULL;
    arena_reset(a);
    if (n == 0)
        return ST_OK;
    op->out.columns = vectors_new(a, op->plan->outputs, op->plan->output_count, n);
    op->out.column_count = op->plan->output_count;
    for (uint32_t i = 0; i < n; i++) {
        Expr **row = op->plan->values.rows[v->row + (int)i];

        for (int c = 0; c < op->plan->output_count; c++) {
            Batch none = {.capacity = 1, .rows = {NULL, 1}};
            Vector *one;

            TRY(eval(op->e, row[c], &none, none.rows, &one));
            TRY(vector_append(op->e->cx, a, NULL, &op->out.columns[c], i, n, one, none.rows));
        }
    }
    v->row += (int)n;
    op->out.rows = (Rows){NULL, n};
    op->out.capacity = n;
    *out = &op->out;
    return ST_OK;
}

static Status
values_rewind(Op *op)
{
    ((ValuesOp *)op)->row = 0;
    return ST_OK;
}

static bool
values_park(Op *op)
{
    ((ValuesOp *)op)->row = 0;
    return true;
}

Status
values_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = values_next, .rewind = values_rewind, .park = values_park};

    *out = &OP_NEW(e, plan, ValuesOp, &class)->op;
    return ST_OK;
}

/* ---- FILTER, PROJECT, SUBQUERY --------------------------------------------------------------------------- */

static Status
filter_next(Op *op, uint64_t budget, Batch **out)
{
    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, budget, &in));
        *out = in;
        if (in == NULL)
            return ST_OK;
        op->out = *in;
        TRY(eval_filter(op->e, op->plan->filter, in, in->rows, &op->out.rows));
        *out = &op->out;
        if (op->out.rows.count > 0)
            return ST_OK;
    }
}

Status
filter_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = filter_next, .rewind = rewind_left, .park = op_park_stateless};

    *out = OP_NEW(e, plan, Op, &class);
    return op_children(*out);
}

static Status
project_next(Op *op, uint64_t budget, Batch **out)
{
    Batch *in;
    Vector *columns;

    arena_reset(&op->scratch);
    TRY(op_next(op->left, budget, &in));
    *out = in;
    if (in == NULL)
        return ST_OK;
    columns = arena_alloc(&op->scratch, sizeof(Vector) * (size_t)MAX_OF(op->plan->output_count, 1));
    for (int i = 0; i < op->plan->output_count; i++) {
        Vector *v;

        TRY(eval(op->e, op->plan->project.exprs[i], in, in->rows, &v));
        columns[i] = *v;
    }
    op->out = (Batch){columns, op->plan->output_count, in->rows, in->capacity};
    *out = &op->out;
    return ST_OK;
}

Status
project_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = project_next, .rewind = rewind_left, .park = op_park_stateless};

    *out = OP_NEW(e, plan, Op, &class);
    return op_children(*out);
}

static Status
subquery_next(Op *op, uint64_t budget, Batch **out)
{
    Batch *in;

    TRY(op_next(op->left, budget, &in));
    *out = in;
    if (in != NULL) { /* what lies behind the columns is only for sorting */
        op->out = *in;
        op->out.column_count = op->plan->output_count;
        *out = &op->out;
    }
    return ST_OK;
}

Status
subquery_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = subquery_next, .rewind = rewind_left, .park = op_park_stateless};

    *out = OP_NEW(e, plan, Op, &class);
    return op_children(*out);
}

/* ---- LIMIT -------------------------------------------------------------------------------------------------- */

typedef struct LimitOp {
    Op op;
    bool started;
    uint64_t skip, left;
} LimitOp;

static Status
limit_value(LimitOp *l, const Expr *x, uint64_t none, const char *what, const char *sqlstate, uint64_t *out)
{
    Value v;

    *out = none;
    if (x == NULL)
        return ST_OK;
    TRY(eval_one(l->op.e, x, &v));
    if (v.is_null)
        return ST_OK;
    if (v.i64 < 0)
        return fail(l->op.e->cx, ST_ERROR, sqlstate, "%s must not be negative", what);
    *out = (uint64_t)v.i64;
    return ST_OK;
}

static Status
limit_next(Op *op, uint64_t budget, Batch **out)
{
    LimitOp *l = (LimitOp *)op;

    arena_reset(&op->scratch);
    *out = NULL;
    if (!l->started) {
        TRY(limit_value(l, op->plan->limit.offset, 0, "OFFSET", "2201X", &l->skip));
        TRY(limit_value(l, op->plan->limit.limit, UINT64_MAX, "LIMIT", "2201W", &l->left));
        l->started = true;
        if (l->left < UINT64_MAX - l->skip)
            sort_set_bound(op->left, l->left + l->skip);
    }
    budget = MIN_OF(budget, l->left);
    while (budget > 0) {
        uint64_t want = budget > UINT64_MAX - l->skip ? UINT64_MAX : budget + l->skip;
        Batch *in;
        uint32_t n, first;
        uint16_t *sel;

        TRY(op_next(op->left, want, &in));
        if (in == NULL) {
            l->left = 0;
            return ST_OK;
        }
        if (l->skip >= in->rows.count) {
            l->skip -= in->rows.count;
            continue;
        }
        first = (uint32_t)l->skip;
        l->skip = 0;
        n = (uint32_t)MIN_OF((uint64_t)(in->rows.count - first), budget);
        l->left -= n;
        op->out = *in;
        if (first == 0 && n == in->rows.count) {
            *out = &op->out;
            return ST_OK;
        }
        sel = arena_alloc(&op->scratch, sizeof(uint16_t) * n);
        for (uint32_t k = 0; k < n; k++)
            sel[k] = (uint16_t)rows_at(in->rows, first + k);
        op->out.rows = (Rows){sel, n};
        *out = &op->out;
        return ST_OK;
    }
    return ST_OK;
}

static Status
limit_rewind(Op *op)
{
    ((LimitOp *)op)->started = false;
    return op_rewind(op->left);
}

static bool
limit_park(Op *op)
{
    ((LimitOp *)op)->started = false;
    return true;
}

Status
limit_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = limit_next, .rewind = limit_rewind, .park = limit_park};

    *out = &OP_NEW(e, plan, LimitOp, &class)->op;
    return op_children(*out);
}

/* ---- APPEND -------------------------------------------------------------------------------------------------- */

typedef struct AppendOp {
    Op op;
    Op **inputs;
    int at;
} AppendOp;

static Status
append_next(Op *op, uint64_t budget, Batch **out)
{
    AppendOp *a = (AppendOp *)op;

    for (; a->at < op->plan->append.count; a->at++) {
        Batch *in;

        TRY(op_next(a->inputs[a->at], budget, &in));
        if (in != NULL) {
            op->out = *in;
            op->out.column_count = op->plan->output_count;
            *out = &op->out;
            return ST_OK;
        }
    }
    *out = NULL;
    return ST_OK;
}

static Status
append_rewind(Op *op)
{
    AppendOp *a = (AppendOp *)op;

    a->at = 0;
    for (int i = 0; i < op->plan->append.count; i++)
        TRY(op_rewind(a->inputs[i]));
    return ST_OK;
}

static bool
append_park(Op *op)
{
    ((AppendOp *)op)->at = 0;
    return true;
}

Status
append_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = append_next, .rewind = append_rewind, .park = append_park};
    AppendOp *a = OP_NEW(e, plan, AppendOp, &class);

    a->inputs = arena_array(e->arena, Op *, plan->append.count);
    for (int i = 0; i < plan->append.count; i++)
        TRY(op_new(e, plan->append.inputs[i], &a->inputs[i]));
    *out = &a->op;
    return ST_OK;
}

/* ---- UNIQUE: the first row of each run of equal keys ------------------------------------------------------- */

typedef struct UniqueOp {
    Op op;
    Arena last_arena;
    Value *last;
    bool has_last;
} UniqueOp;

static bool
same_key(const UniqueOp *u, const Batch *in, uint32_t row)
{
    for (int i = 0; i < u->op.plan->sort.key_count; i++) {
        int slot = u->op.plan->sort.keys[i].slot;
        const Vector *v = &in->columns[slot];
        bool is_null = vector_is_null(v, row);
        Value now;

        if (is_null != u->last[i].is_null)
            return false;
        if (is_null)
            continue;
        now = vector_get(v, row);
        if (type_by_oid(u->op.plan->outputs[slot]->type)->compare(&now, &u->last[i]) != 0)
            return false;
    }
    return true;
}

static Status
unique_next(Op *op, uint64_t budget, Batch **out)
{
    UniqueOp *u = (UniqueOp *)op;

    for (;;) {
        Batch *in;
        uint16_t *sel;
        uint32_t n = 0;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, budget, &in));
        *out = in;
        if (in == NULL)
            return ST_OK;
        sel = arena_alloc(&op->scratch, sizeof(uint16_t) * in->rows.count);
        for (uint32_t k = 0; k < in->rows.count; k++) {
            uint32_t row = rows_at(in->rows, k);

            if (u->has_last && same_key(u, in, row))
                continue;
            sel[n++] = (uint16_t)row;
            arena_reset(&u->last_arena);
            for (int i = 0; i < op->plan->sort.key_count; i++) {
                const Vector *v = &in->columns[op->plan->sort.keys[i].slot];

                u->last[i] =
                    vector_is_null(v, row) ? value_null() : value_copy(&u->last_arena, vector_get(v, row));
            }
            u->has_last = true;
        }
        if (n > 0) {
            op->out = *in;
            op->out.rows = (Rows){sel, n};
            *out = &op->out;
            return ST_OK;
        }
    }
}

static Status
unique_rewind(Op *op)
{
    ((UniqueOp *)op)->has_last = false;
    return op_rewind(op->left);
}

static void
unique_close(Op *op)
{
    arena_free(&((UniqueOp *)op)->last_arena);
}

Status
unique_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = unique_next, .rewind = unique_rewind, .close = unique_close};
    UniqueOp *u = OP_NEW(e, plan, UniqueOp, &class);

    u->last = arena_array(e->arena, Value, plan->sort.key_count);
    arena_init(&u->last_arena, "unique", NULL);
    *out = &u->op;
    return op_children(*out);
}
