/* eval_array.c - expressions that are computed a row at a time: casts through text, arrays, rows.
 *
 * Their results lie in cx->arena, as those of eval.c do. */
#include "backend/exec/eval.h"

#include "backend/exec/arrays.h"
#include "backend/type/numeric.h"
#include "backend/type/record.h"

static Status
cast_through_text(Ctx *cx, const TypeInfo *from, const TypeInfo *to, int32_t typmod, const Value *v, Value *out)
{
    Buf text = BUF_OF(cx);
    Status rc;

    if (from->phys == PHYS_VAR && (from->category == 'S' || from->oid == TYPE_UNKNOWN) && v->phys == PHYS_VAR)
        return to->in(cx, to, v->var.data, v->var.bytes, typmod, out);
    rc = from->out(cx, from, v, &text);
    if (rc == ST_OK && text.failed)
        rc = fail_memory(cx, text.bytes);
    if (rc == ST_OK) {
        const char *copy = arena_memdup(cx->arena, text.data, text.bytes);

        rc = to->in(cx, to, copy, text.bytes, typmod, out);
    }
    buf_free(&text);
    return rc;
}

/* Runs `each` for every row that is not null and collects the results. */
typedef Status (*RowFn)(Execution *e, const Expr *x, const Value *v, Value *out);

static Status
each_row(Execution *e, const Expr *x, const Vector *v, const Batch *in, Rows rows, RowFn each, Vector **out)
{
    Vector *result = new_vector(e, type_by_oid(x->type)->phys, in->capacity);
    Vector one;

    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value value = vector_is_null(v, row) ? value_null() : vector_get(v, row), done = value_null();
        uint16_t at = (uint16_t)row;

        if (!value.is_null)
            TRY(each(e, x, &value, &done));
        if (!done.is_null && done.phys != PHYS_VAR && result->phys == PHYS_VAR)
            done = numeric_pack(e->cx->arena, &done);
        vector_of(&one, e->cx->arena, &done, (Phys)result->phys);
        TRY(vector_scatter(e->cx, result, in->capacity, &one, (Rows){&at, 1}));
    }
    *out = result;
    return ST_OK;
}

static Status
io_cast_row(Execution *e, const Expr *x, const Value *v, Value *out)
{
    return cast_through_text(e->cx, type_by_oid(x->unary.arg->type), type_by_oid(x->type), -1, v, out);
}

static Status
array_cast_row(Execution *e, const Expr *x, const Value *v, Value *out)
{
    const TypeInfo *from = type_by_oid(x->unary.arg->type), *to = type_by_oid(x->type);
    Value *items;
    int count;

    TRY(array_elements(e->cx, from->elem, v, &items, &count));
    for (int i = 0; i < count; i++) {
        if (items[i].is_null)
            continue;
        if (x->unary.element_fn == NULL) {
            TRY(cast_through_text(e->cx, type_by_oid(from->elem), type_by_oid(to->elem), x->typmod, &items[i],
                                  &items[i]));
        } else {
            Value args[3] = {items[i], value_i32(x->typmod), value_bool(x->unary.explicit_cast)};
            Oid types[3] = {from->elem, TYPE_INT4, TYPE_BOOL};

            TRY(fn_call_value(e->cx, x->unary.element_fn, types, args, x->unary.element_fn->arg_count, to->elem,
                              &items[i]));
        }
    }
    return array_with_elements(e->cx, v, from->elem, to->elem, items, count, out);
}

Status
eval_io_cast(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *v;

    TRY(eval(e, x->unary.arg, in, rows, &v));
    return each_row(e, x, v, in, rows, io_cast_row, out);
}

Status
eval_array_cast(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *v;

    TRY(eval(e, x->unary.arg, in, rows, &v));
    return each_row(e, x, v, in, rows, array_cast_row, out);
}

Status
eval_array(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector **args = arena_alloc(e->cx->arena, sizeof(Vector *) * (size_t)MAX_OF(x->list.count, 1));
    Value *items = arena_alloc(e->cx->arena, sizeof(Value) * (size_t)MAX_OF(x->list.count, 1));
    Vector *result = new_vector(e, PHYS_VAR, in->capacity);
    bool nested = x->list.count > 0 && x->list.items[0]->type == x->type;

    for (int i = 0; i < x->list.count; i++)
        TRY(eval(e, x->list.items[i], in, rows, &args[i]));
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value v;

        for (int i = 0; i < x->list.count; i++)
            items[i] = vector_is_null(args[i], row) ? value_null() : vector_get(args[i], row);
        if (nested)
            TRY(array_make_nested(e->cx, type_by_oid(x->type)->elem, items, x->list.count, &v));
        else
            TRY(array_make(e->cx, type_by_oid(x->type)->elem, items, x->list.count, &v));
        vector_set(result, e->cx->arena, row, in->capacity, v);
    }
    *out = result;
    return ST_OK;
}

Status
eval_row(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Arena *a = e->cx->arena;
    size_t count = (size_t)MAX_OF(x->list.count, 1);
    Vector **args = arena_alloc(a, sizeof(Vector *) * count);
    Value *items = arena_alloc(a, sizeof(Value) * count);
    Oid *types = arena_alloc(a, sizeof(Oid) * count);
    Vector *result = new_vector(e, PHYS_VAR, in->capacity);

    for (int i = 0; i < x->list.count; i++) {
        TRY(eval(e, x->list.items[i], in, rows, &args[i]));
        types[i] = x->list.items[i]->type;
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value v;

        for (int i = 0; i < x->list.count; i++)
            items[i] = vector_is_null(args[i], row) ? value_null() : vector_get(args[i], row);
        TRY(record_build(e->cx, types, items, x->list.count, &v));
        vector_set(result, a, row, in->capacity, v);
    }
    *out = result;
    return ST_OK;
}

/* A name's places are counted from 0; behind its end they are empty. */
static Value
name_character(const TypeInfo *type, const Value *name, int32_t place)
{
    if (place < 0 || place >= type->typlen)
        return value_null();
    return (uint32_t)place < name->var.bytes ? value_var(name->var.data + place, 1) : value_var("", 0);
}

static Status
element_or_slice(Ctx *cx, const TypeInfo *type, const Value *a, bool is_slice, const Vector *lower,
                 const Vector *upper, uint32_t row, Value *out)
{
    if (is_slice)
        return array_slice(cx, type->elem, a, lower != NULL ? vector_get(lower, row).i32 : INT32_MIN,
                           upper != NULL ? vector_get(upper, row).i32 : INT32_MAX, out);
    if (type_is_array(type))
        return array_element(cx, type->elem, a, vector_get(upper, row).i32, out);
    *out = name_character(type, a, vector_get(upper, row).i32);
    return ST_OK;
}

Status
eval_subscript(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *array, *lower = NULL, *upper = NULL;
    Vector *result = new_vector(e, type_by_oid(x->type)->phys, in->capacity);
    const TypeInfo *type = type_by_oid(x->subscript.arg->type);

    TRY(eval(e, x->subscript.arg, in, rows, &array));
    if (x->subscript.lower != NULL)
        TRY(eval(e, x->subscript.lower, in, rows, &lower));
    if (x->subscript.upper != NULL)
        TRY(eval(e, x->subscript.upper, in, rows, &upper));
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);
        Value a, v = value_null();
        bool missing = vector_is_null(array, row) || (lower != NULL && vector_is_null(lower, row)) ||
                       (upper != NULL && vector_is_null(upper, row));
        Vector one;
        uint16_t at = (uint16_t)row;

        if (!missing) {
            a = vector_get(array, row);
            TRY(element_or_slice(e->cx, type, &a, x->subscript.is_slice, lower, upper, row, &v));
        }
        if (!v.is_null && v.phys != PHYS_VAR && result->phys == PHYS_VAR)
            v = numeric_pack(e->cx->arena, &v);
        vector_of(&one, e->cx->arena, &v, (Phys)result->phys);
        TRY(vector_scatter(e->cx, result, in->capacity, &one, (Rows){&at, 1}));
    }
    *out = result;
    return ST_OK;
}

/* x op ANY/ALL (array): one pass of the operator for each element over the rows still open; with an
 * array that differs from row to row, row by row. */
static Status
scalar_array_rows(Execution *e, const Expr *x, const Vector *left, const Value *array, const Batch *in,
                  Rows rows, Vector *result)
{
    const TypeInfo *t = type_by_oid(x->binary.right->type);
    const FnInfo *fn = fn_by_oid(x->binary.oper->fn);
    Oid types[2] = {x->binary.left->type, t->elem};
    bool decided = !x->binary.use_all;
    Rows open = rows;
    Value *items;
    int count;

    for (uint32_t k = 0; k < rows.count; k++)
        ((uint8_t *)result->data)[rows_at(rows, k)] = !decided;
    if (array->is_null) {
        for (uint32_t k = 0; k < rows.count; k++) {
            vector_need_nulls(result, e->cx->arena, in->capacity);
            bit_set(result->nulls, rows_at(rows, k));
        }
        return ST_OK;
    }
    TRY(array_elements(e->cx, t->elem, array, &items, &count));
    for (int i = 0; i < count && open.count > 0; i++) {
        Vector *args[2] = {(Vector *)(uintptr_t)left, const_vector(e, &items[i], t->elem)}, *v;
        uint16_t *sel = arena_alloc(e->cx->arena, sizeof(uint16_t) * open.count);
        uint32_t n = 0;

        TRY(call_vector(e, fn, types, args, 2, TYPE_BOOL, x->location, x->binary.state_no, in, open, &v));
        for (uint32_t k = 0; k < open.count; k++) {
            uint32_t row = rows_at(open, k);

            if (vector_is_null(v, row)) {
                vector_need_nulls(result, e->cx->arena, in->capacity);
                bit_set(result->nulls, row);
                sel[n++] = (uint16_t)row;
            } else if (truth(v, row) == decided) {
                ((uint8_t *)result->data)[row] = decided;
                if (result->nulls != NULL)
                    result->nulls[row / 64] &= ~(UINT64_C(1) << (row % 64));
            } else {
                sel[n++] = (uint16_t)row;
            }
        }
        open = (Rows){sel, n};
    }
    return ST_OK;
}

Status
eval_scalar_array(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out)
{
    Vector *left, *right, *result = new_vector(e, PHYS_BOOL, in->capacity);

    TRY(eval(e, x->binary.left, in, rows, &left));
    TRY(eval(e, x->binary.right, in, rows, &right));
    *out = result;
    if (right->is_const) {
        Value array = vector_is_null(right, 0) ? value_null() : vector_get(right, 0);

        return scalar_array_rows(e, x, left, &array, in, rows, result);
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint16_t row = (uint16_t)rows_at(rows, k);
        Value array = vector_is_null(right, row) ? value_null() : vector_get(right, row);

        TRY(scalar_array_rows(e, x, left, &array, in, (Rows){&row, 1}, result));
    }
    return ST_OK;
}
