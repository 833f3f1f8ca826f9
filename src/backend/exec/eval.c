/* eval.c - expressions over a batch: one call computes a whole column.
 *
 * Results lie in cx->arena, which the operator has set to its scratch. CASE, AND, OR and COALESCE
 * narrow the rows as they go (rule X1), so that what must not be computed is not. */
#include "backend/exec/eval.h"

#include "backend/exec/arrays.h"
#include "backend/exec/subplan.h"

Vector *
new_vector(Execution *e, Phys phys, uint32_t capacity)
{
    Vector *v = arena_new(e->cx->arena, Vector);

    vector_init(v, e->cx->arena, phys, capacity);
    return v;
}

Vector *
const_vector(Execution *e, const Value *v, Oid type)
{
    Vector *out = arena_new(e->cx->arena, Vector);

    vector_of(out, e->cx->arena, v, type_by_oid(type)->phys);
    return out;
}

/* The rows of `rows` for which keep(v) holds. */
typedef enum Keep { KEEP_TRUE, KEEP_NOT_TRUE, KEEP_NOT_FALSE, KEEP_NULL, KEEP_FALSE_OR_NULL } Keep;

static Rows
narrow(Execution *e, const Vector *v, Rows rows, Keep keep)
{
    uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * MAX_OF(rows.count, 1));
    uint32_t n = 0;

    if (v->nulls == NULL && !v->is_const && keep == KEEP_TRUE) { /* the common case without branches */
        const uint8_t *b = v->data;

        for (uint32_t k = 0; k < rows.count; k++) {
            uint32_t row = rows_at(rows, k);

            sel[n] = (uint16_t)row;
            n += b[row];
        }
        return (Rows){sel, n};
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        bool is_null = vector_is_null(v, row), t = !is_null && truth(v, row), take = false;

        switch (keep) {
        case KEEP_TRUE: take = t; break;
        case KEEP_NOT_TRUE:
        case KEEP_FALSE_OR_NULL: take = !t; break;
        case KEEP_NOT_FALSE: take = is_null || t; break;
        case KEEP_NULL: take = is_null; break;
        }
        sel[n] = (uint16_t)row;
        n += take;
    }
    return (Rows){sel, n};
}

static Rows
narrow_null(Execution *e, const Vector *v, Rows rows)
{
    uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * MAX_OF(rows.count, 1));
    uint32_t n = 0;

    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        if (vector_is_null(v, row))
            sel[n++] = (uint16_t)row;
    }
    return (Rows){sel, n};
}

/* The rows of `all` that are not in `taken` (both ascending). */
static Rows
without(Execution *e, Rows all, Rows taken)
{
    uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * MAX_OF(all.count, 1));
    uint32_t n = 0, t = 0;

    for (uint32_t k = 0; k < all.count; k++) {
        uint32_t row = rows_at(all, k);

        if (t < taken.count && rows_at(taken, t) == row)
            t++;
        else
            sel[n++] = (uint16_t)row;
    }
    return (Rows){sel, n};
}

/* ---- calls ----------------------------------------------------------------------------------------------- */

Status
call_vector(Execution *e, const FnInfo *fn, const Oid *types, Vector *const *args, int count, Oid result,
            int location, int state_no, const Batch *in, Rows rows, Vector **out)
{
    FnCall call = {
        .cx = e->cx,
        .fn = fn,
        .rows = rows,
        .capacity_rows = in->capacity,
        .arg_count = count,
        .arg_types = types,
        .result_type = result,
        .location = location,
        .state = &e->states[state_no],
    };

    *out = arena_new(e->cx->arena, Vector);
    return fn_call_vector(&call, fn, args, *out);
}

/* f(a, VARIADIC array) of a function that takes anything: called row by row with the array's elements. */
static Status
call_with_elements(Execution *e, const Expr *x, Vector *const *args, const Oid *types, const Batch *in,
                   Rows rows, Vector **out)
{
    Ctx *cx = e->cx;
    int fixed = x->call.arg_count - 1;
    Oid elem = type_by_oid(types[fixed])->elem;
    Vector *result = new_vector(e, type_by_oid(x->type)->phys, in->capacity);

    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value array, *items = NULL, *values, v = value_null();
        Oid *value_types;
        Vector one;
        uint16_t at = (uint16_t)row;
        int count = 0;
        bool missing = vector_is_null(args[fixed], row);

        if (!missing) {
            array = vector_get(args[fixed], row);
            TRY(array_elements(cx, elem, &array, &items, &count));
        }
        values = arena_alloc(cx->arena, sizeof(Value) * (size_t)(fixed + count + 1));
        value_types = arena_alloc(cx->arena, sizeof(Oid) * (size_t)(fixed + count + 1));
        for (int i = 0; i < fixed + count; i++) {
            values[i] = i >= fixed                     ? items[i - fixed]
                        : vector_is_null(args[i], row) ? value_null()
                                                       : vector_get(args[i], row);
            value_types[i] = i >= fixed ? elem : types[i];
        }
        if (!missing)
            TRY(fn_call_value(cx, x->call.fn, value_types, values, fixed + count, x->type, &v));
        vector_of(&one, cx->arena, &v, type_by_oid(x->type)->phys);
        TRY(vector_scatter(cx, result, in->capacity, &one, (Rows){&at, 1}));
    }
    *out = result;
    return ST_OK;
}

static Status
eval_call(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *args[FN_ARGS_MOST * 2];
    Oid types[FN_ARGS_MOST * 2];

    for (int i = 0; i < x->call.arg_count; i++) {
        TRY(eval(e, x->call.args[i], in, rows, &args[i]));
        types[i] = x->call.args[i]->type;
    }
    if (x->call.variadic_array && x->call.fn->variadic == TYPE_ANY)
        return call_with_elements(e, x, args, types, in, rows, out);
    return call_vector(e, x->call.fn, types, args, x->call.arg_count, x->type, x->location, x->call.state_no,
                       in, rows, out);
}

/* ---- AND, OR, NOT ------------------------------------------------------------------------------------------ */

/* decided: the value that settles it (false for AND, true for OR). */
static Status
eval_and_or(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    bool decided = x->kind == EXPR_OR;
    Vector *result = new_vector(e, PHYS_BOOL, in->capacity);
    uint8_t *b = result->data;
    Rows open = rows;

    for (uint32_t k = 0; k < rows.count; k++)
        b[rows_at(rows, k)] = !decided;
    for (int i = 0; i < x->list.count && open.count > 0; i++) {
        Vector *v;
        uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * open.count);
        uint32_t n = 0;

        TRY(eval(e, x->list.items[i], in, open, &v));
        for (uint32_t k = 0; k < open.count; k++) {
            uint32_t row = rows_at(open, k);

            if (vector_is_null(v, row)) {
                vector_need_nulls(result, e->cx->arena, in->capacity);
                bit_set(result->nulls, row);
                sel[n++] = (uint16_t)row;
            } else if (truth(v, row) == decided) {
                b[row] = decided;
                if (result->nulls != NULL)
                    result->nulls[row / 64] &= ~(UINT64_C(1) << (row % 64));
            } else {
                sel[n++] = (uint16_t)row;
            }
        }
        open = (Rows){sel, n};
    }
    *out = result;
    return ST_OK;
}

static Status
eval_not(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *v, *result;

    TRY(eval(e, x->unary.arg, in, rows, &v));
    result = new_vector(e, PHYS_BOOL, in->capacity);
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        ((uint8_t *)result->data)[row] = !((const uint8_t *)v->data)[v->is_const ? 0 : row];
        if (vector_is_null(v, row)) {
            vector_need_nulls(result, e->cx->arena, in->capacity);
            bit_set(result->nulls, row);
        }
    }
    *out = result;
    return ST_OK;
}

static Status
eval_test(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *v, *result;

    TRY(eval(e, x->unary.arg, in, rows, &v));
    result = new_vector(e, PHYS_BOOL, in->capacity);
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        bool is_null = vector_is_null(v, row), yes;

        if (x->kind == EXPR_NULL_TEST) {
            yes = is_null != x->unary.is_not;
        } else {
            bool t = !is_null && truth(v, row), f = !is_null && !t;

            switch (x->unary.test) {
            case IS_TRUE: yes = t; break;
            case IS_NOT_TRUE: yes = !t; break;
            case IS_FALSE: yes = f; break;
            case IS_NOT_FALSE: yes = !f; break;
            case IS_UNKNOWN: yes = is_null; break;
            default: yes = !is_null; break;
            }
        }
        ((uint8_t *)result->data)[row] = yes;
    }
    *out = result;
    return ST_OK;
}

/* ---- results put together from several vectors --------------------------------------------------------------- */

/* Collects pieces, each for some rows, into one vector. */
typedef struct Pieces {
    Vector **vectors;
    Rows *rows;
    int count;
} Pieces;

static void
pieces_init(Execution *e, Pieces *p, int most)
{
    p->vectors = arena_alloc(e->cx->arena, sizeof(Vector *) * (size_t)most);
    p->rows = arena_alloc(e->cx->arena, sizeof(Rows) * (size_t)most);
    p->count = 0;
}

static void
pieces_add(Pieces *p, Vector *v, Rows rows)
{
    if (rows.count == 0)
        return;
    p->vectors[p->count] = v;
    p->rows[p->count++] = rows;
}

static bool
all_null(const Vector *v)
{
    return v->is_const && v->nulls != NULL && bit_get(v->nulls, 0);
}

static Status
pieces_join(Execution *e, const Pieces *p, Oid type, uint32_t capacity, Vector **out)
{
    Vector *result = arena_new(e->cx->arena, Vector);
    const Vector *model = NULL;
    bool mixed = false;

    if (p->count == 1 && !p->vectors[0]->is_const) {
        *out = p->vectors[0];
        return ST_OK;
    }
    for (int i = 0; i < p->count; i++) {
        const Vector *v = p->vectors[i];

        if (all_null(v))
            continue;
        if (model == NULL)
            model = v;
        mixed |= v->phys != model->phys || v->scale != model->scale;
    }
    vector_init(result, e->cx->arena,
                model == NULL ? type_by_oid(type)->phys
                : mixed       ? PHYS_VAR
                              : (Phys)model->phys,
                capacity);
    result->scale = model != NULL && !mixed ? model->scale : 0;
    for (int i = 0; i < p->count; i++)
        TRY(vector_scatter(e->cx, result, capacity, p->vectors[i], p->rows[i]));
    *out = result;
    return ST_OK;
}

static Status
eval_case(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    const Vector *saved = e->case_value;
    Rows open = rows;
    Pieces pieces;
    Vector *v;
    Status rc = ST_OK;

    pieces_init(e, &pieces, x->cases.when_count + 1);
    if (x->cases.arg != NULL) {
        TRY(eval(e, x->cases.arg, in, rows, &v));
        e->case_value = v;
    }
    for (int i = 0; i < x->cases.when_count && open.count > 0; i++) {
        const Vector *mine = e->case_value;
        Rows hit;

        TRY_TO(out, rc, eval(e, x->cases.whens[i], in, open, &v));
        hit = narrow(e, v, open, KEEP_TRUE);
        if (hit.count == 0)
            continue;
        open = without(e, open, hit);
        e->case_value = saved;
        TRY_TO(out, rc, eval(e, x->cases.thens[i], in, hit, &v));
        e->case_value = mine;
        pieces_add(&pieces, v, hit);
    }
    e->case_value = saved;
    if (open.count > 0) {
        TRY_TO(out, rc, eval(e, x->cases.otherwise, in, open, &v));
        pieces_add(&pieces, v, open);
    }
    rc = pieces_join(e, &pieces, x->type, in->capacity, out);
out:
    e->case_value = saved;
    return rc;
}

static Status
eval_coalesce(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Rows open = rows;
    Pieces pieces;

    pieces_init(e, &pieces, x->list.count + 1);
    for (int i = 0; i < x->list.count && open.count > 0; i++) {
        Vector *v;
        Rows nulls;

        TRY(eval(e, x->list.items[i], in, open, &v));
        if (i == x->list.count - 1) {
            pieces_add(&pieces, v, open);
            break;
        }
        nulls = narrow_null(e, v, open);
        if (nulls.count == 0) {
            pieces_add(&pieces, v, open);
            break;
        }
        pieces_add(&pieces, v, without(e, open, nulls));
        open = nulls;
    }
    return pieces_join(e, &pieces, x->type, in->capacity, out);
}

static Status
eval_minmax(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    const TypeInfo *type = type_by_oid(x->type);
    Vector **args = arena_alloc(e->cx->arena, sizeof(Vector *) * (size_t)x->list.count);
    uint16_t *choice = arena_zalloc(e->cx->arena, sizeof(uint16_t) * in->capacity);
    Pieces pieces;

    for (int i = 0; i < x->list.count; i++)
        TRY(eval(e, x->list.items[i], in, rows, &args[i]));
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        for (int i = 1; i < x->list.count; i++) {
            Value best, other;

            if (vector_is_null(args[i], row))
                continue;
            if (vector_is_null(args[choice[row]], row)) {
                choice[row] = (uint16_t)i;
                continue;
            }
            best = vector_get(args[choice[row]], row);
            other = vector_get(args[i], row);
            if (x->list.greatest ? type->compare(&other, &best) > 0 : type->compare(&other, &best) < 0)
                choice[row] = (uint16_t)i;
        }
    }
    pieces_init(e, &pieces, x->list.count);
    for (int i = 0; i < x->list.count; i++) {
        uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * MAX_OF(rows.count, 1));
        uint32_t n = 0;

        for (uint32_t k = 0; k < rows.count; k++) {
            uint32_t row = rows_at(rows, k);

            if (choice[row] == i)
                sel[n++] = (uint16_t)row;
        }
        pieces_add(&pieces, args[i], (Rows){sel, n});
    }
    return pieces_join(e, &pieces, x->type, in->capacity, out);
}

/* IS DISTINCT FROM, NULLIF: = where neither side is null. */
static Status
eval_binary(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *args[2], *equal, *result;
    Oid types[2] = {x->binary.left->type, x->binary.right->type};
    Rows both;

    TRY(eval(e, x->binary.left, in, rows, &args[0]));
    TRY(eval(e, x->binary.right, in, rows, &args[1]));
    both = without(e, rows, narrow_null(e, args[0], rows));
    both = without(e, both, narrow_null(e, args[1], both));
    TRY(call_vector(e, fn_by_oid(x->binary.oper->fn), types, args, 2, TYPE_BOOL, x->location,
                    x->binary.state_no, in, both, &equal));
    if (x->kind == EXPR_NULLIF) {
        Rows same = narrow(e, equal, both, KEEP_TRUE);
        Value null = value_null();
        Pieces pieces;

        pieces_init(e, &pieces, 2);
        pieces_add(&pieces, args[0], without(e, rows, same));
        pieces_add(&pieces, const_vector(e, &null, x->type), same);
        return pieces_join(e, &pieces, x->type, in->capacity, out);
    }
    result = new_vector(e, PHYS_BOOL, in->capacity);
    for (uint32_t k = 0, b = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        bool distinct;

        if (b < both.count && rows_at(both, b) == row) {
            distinct = !truth(equal, row);
            b++;
        } else {
            distinct = vector_is_null(args[0], row) != vector_is_null(args[1], row);
        }
        ((uint8_t *)result->data)[row] = distinct != x->binary.is_not;
    }
    *out = result;
    return ST_OK;
}

static Status
eval_once(Execution *e, const Expr *x, Vector **out)
{
    OnceValue *o = &e->once[x->once.once_no];

    if (!o->known) {
        TRY(eval_one(e, x->once.arg, &o->value));
        if (!o->value.is_null)
            o->value = value_copy(&e->once_arena, o->value);
        o->known = true;
    }
    *out = const_vector(e, &o->value, x->type);
    return ST_OK;
}

/* ---- the switch --------------------------------------------------------------------------------------------------- */

Status
eval(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    switch (x->kind) {
    case EXPR_SLOT:
        ASSERT(x->slot.index < in->column_count);
        *out = &in->columns[x->slot.index];
        return ST_OK;
    case EXPR_CONST: *out = const_vector(e, &x->constant, x->type); return ST_OK;
    case EXPR_PARAM:
        ASSERT(x->param.number < e->param_count);
        *out = const_vector(e, &e->params[x->param.number], x->type);
        return ST_OK;
    case EXPR_ONCE: return eval_once(e, x, out);
    case EXPR_OUTER: *out = const_vector(e, &e->outer[x->slot.index], x->type); return ST_OK;
    case EXPR_CASE_VALUE:
        ASSERT(e->case_value != NULL);
        *out = (Vector *)(uintptr_t)e->case_value;
        return ST_OK;
    case EXPR_CALL: return eval_call(e, x, in, rows, out);
    case EXPR_AND:
    case EXPR_OR: return eval_and_or(e, x, in, rows, out);
    case EXPR_NOT: return eval_not(e, x, in, rows, out);
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST: return eval_test(e, x, in, rows, out);
    case EXPR_CASE: return eval_case(e, x, in, rows, out);
    case EXPR_COALESCE: return eval_coalesce(e, x, in, rows, out);
    case EXPR_MINMAX: return eval_minmax(e, x, in, rows, out);
    case EXPR_DISTINCT:
    case EXPR_NULLIF: return eval_binary(e, x, in, rows, out);
    case EXPR_RELABEL: return eval(e, x->unary.arg, in, rows, out);
    case EXPR_IO_CAST: return eval_io_cast(e, x, in, rows, out);
    case EXPR_ARRAY_CAST: return eval_array_cast(e, x, in, rows, out);
    case EXPR_SCALAR_ARRAY: return eval_scalar_array(e, x, in, rows, out);
    case EXPR_ARRAY: return eval_array(e, x, in, rows, out);
    case EXPR_SUBSCRIPT: return eval_subscript(e, x, in, rows, out);
    case EXPR_SUBQUERY: return subplan_eval(e, x, in, rows, out);
    case EXPR_ROW: return eval_row(e, x, in, rows, out);
    case EXPR_COLUMN:
    case EXPR_AGG:
    case EXPR_DEFAULT: break;
    }
    ASSERT(!"an expression the planner should have replaced");
    return ST_ERROR;
}

Status
eval_filter(Execution *e, const Expr *x, const Batch *in, Rows rows, Rows *out)
{
    Vector *v;

    if (x->kind == EXPR_AND) {
        for (int i = 0; i < x->list.count && rows.count > 0; i++)
            TRY(eval_filter(e, x->list.items[i], in, rows, &rows));
        *out = rows;
        return ST_OK;
    }
    TRY(eval(e, x, in, rows, &v));
    if (v->is_const && v->nulls == NULL && ((const uint8_t *)v->data)[0]) {
        *out = rows;
        return ST_OK;
    }
    *out = narrow(e, v, rows, KEEP_TRUE);
    return ST_OK;
}

Status
eval_one(Execution *e, const Expr *x, Value *out)
{
    Batch none = {.capacity = 1, .rows = {NULL, 1}};
    Vector *v;

    TRY(eval(e, x, &none, none.rows, &v));
    *out = vector_is_null(v, 0) ? value_null() : vector_get(v, 0);
    return ST_OK;
}

Status
set_outer(Execution *e, const OuterArg *args, int count, const Batch *in, uint32_t row)
{
    uint16_t at = (uint16_t)row;

    for (int i = 0; i < count; i++) {
        Vector *v;
        int index = args[i].index;

        TRY(eval(e, args[i].expr, in, (Rows){&at, 1}, &v));
        arena_reset(&e->outer_arena[index]);
        e->outer[index] =
            vector_is_null(v, row) ? value_null() : value_copy(&e->outer_arena[index], vector_get(v, row));
    }
    return ST_OK;
}
