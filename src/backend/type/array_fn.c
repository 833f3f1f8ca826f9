/* array_fn.c - functions and operators of arrays. */
#include "backend/type/array.h"
#include "backend/type/type_int.h"

#include <string.h>

/* The element type of an argument or result, whatever it is declared as. */
static Oid
element_of(Ctx *cx, Oid array_type)
{
    const TypeInfo *type = type_find(cx, array_type);

    return type != NULL ? type->elem : OID_NONE;
}

static Status
equality_of(Ctx *cx, Oid elem, const TypeInfo **out)
{
    *out = type_find(cx, elem);
    if (*out == NULL || (*out)->compare == NULL)
        return fail(cx, ST_ERROR, "42883", "could not identify an equality operator for type %s",
                    *out != NULL ? (*out)->sql_name : "unknown");
    return ST_OK;
}

static bool
same(const TypeInfo *type, const Value *a, const Value *b)
{
    if (a->is_null || b->is_null)
        return a->is_null && b->is_null;
    return type->compare(a, b) == 0;
}

/* --- shape ------------------------------------------------------------------------------------------------------ */
SCALAR_FN(array_ndims)
{
    ArrayView a = array_open(args[0].var);

    if (a.dimensions == 0)
        *out = value_null();
    else
        out->i32 = a.dimensions;
    return ST_OK;
}

SCALAR_FN(array_dims)
{
    ArrayView a = array_open(args[0].var);
    Buf b = BUF_OF(call->cx);

    if (a.dimensions == 0) {
        *out = value_null();
        return ST_OK;
    }
    for (int i = 0; i < a.dimensions; i++)
        buf_printf(&b, "[%d:%d]", a.lower[i], a.lower[i] + a.lengths[i] - 1);
    return value_from_buf(call->cx, &b, out);
}

static bool
dimension_given(const ArrayView *a, int32_t dimension, Value *out)
{
    if (dimension >= 1 && dimension <= a->dimensions)
        return true;
    *out = value_null();
    return false;
}

SCALAR_FN(array_lower)
{
    ArrayView a = array_open(args[0].var);

    if (dimension_given(&a, args[1].i32, out))
        out->i32 = a.lower[args[1].i32 - 1];
    return ST_OK;
}

SCALAR_FN(array_upper)
{
    ArrayView a = array_open(args[0].var);

    if (dimension_given(&a, args[1].i32, out))
        out->i32 = a.lower[args[1].i32 - 1] + a.lengths[args[1].i32 - 1] - 1;
    return ST_OK;
}

SCALAR_FN(array_length)
{
    ArrayView a = array_open(args[0].var);

    if (dimension_given(&a, args[1].i32, out))
        out->i32 = a.lengths[args[1].i32 - 1];
    return ST_OK;
}

SCALAR_FN(array_cardinality)
{
    out->i32 = (int32_t)array_open(args[0].var).count;
    return ST_OK;
}

/* --- joining ------------------------------------------------------------------------------------------------------- */
/* A null array counts as empty. */
static ArrayView
open_or_empty(const Value *v, Oid elem)
{
    return v->is_null ? (ArrayView){.elem = elem} : array_open(v->var);
}

static Status
add_element(FnCall *call, const Value *array, const Value *v, bool at_end, Value *out)
{
    Oid elem = element_of(call->cx, call->result_type);
    ArrayView a = open_or_empty(array, elem);
    int32_t length, lower = 1;
    Value *values;

    if (a.dimensions > 1)
        return fail(call->cx, ST_ERROR, "22000", "argument must be empty or one-dimensional array");
    if (elem == OID_NONE)
        elem = a.elem;
    values = arena_alloc(call->cx->arena, sizeof(Value) * ((size_t)a.count + 1));
    for (uint32_t i = 0; i < a.count; i++)
        values[i + !at_end] = array_at(&a, i);
    values[at_end ? a.count : 0] = *v;
    length = (int32_t)a.count + 1;
    if (a.dimensions == 1)
        lower = a.lower[0];
    if (at_end && a.dimensions == 1 && __builtin_add_overflow(lower, length - 1, &(int32_t){0}))
        return fail_int_range(call->cx, "integer");
    return array_build(call->cx, elem, 1, &length, &lower, values, out);
}

SCALAR_FN(array_append)
{
    return add_element(call, &args[0], &args[1], true, out);
}

SCALAR_FN(array_prepend)
{
    return add_element(call, &args[1], &args[0], false, out);
}

static Status
fail_concatenation(Ctx *cx, const char *detail)
{
    fail(cx, ST_ERROR, "2202E", "cannot concatenate incompatible arrays");
    fail_detail(cx, "%s", detail);
    return ST_ERROR;
}

SCALAR_FN(array_cat)
{
    Ctx *cx = call->cx;
    ArrayView a, b;
    const ArrayView *larger;
    int32_t lengths[ARRAY_DIMENSIONS_MOST];
    int shift;
    Value *values;

    if (args[0].is_null || args[1].is_null) {
        *out = args[0].is_null ? args[1] : args[0];
        return ST_OK;
    }
    a = array_open(args[0].var);
    b = array_open(args[1].var);
    if (a.dimensions == 0 || b.dimensions == 0) {
        *out = a.dimensions == 0 ? args[1] : args[0];
        return ST_OK;
    }
    shift = a.dimensions - b.dimensions;
    if (shift < -1 || shift > 1) {
        fail(cx, ST_ERROR, "2202E", "cannot concatenate incompatible arrays");
        fail_detail(cx, "Arrays of %d and %d dimensions are not compatible for concatenation.", a.dimensions,
                    b.dimensions);
        return ST_ERROR;
    }
    larger = shift >= 0 ? &a : &b;
    memcpy(lengths, larger->lengths, sizeof(lengths));
    if (shift == 0) {
        lengths[0] += b.lengths[0];
        for (int i = 1; i < a.dimensions; i++)
            if (a.lengths[i] != b.lengths[i] || a.lower[i] != b.lower[i])
                return fail_concatenation(
                    cx, "Arrays with differing element dimensions are not compatible for concatenation.");
    } else { /* one is an element of the other */
        const ArrayView *element = shift > 0 ? &b : &a;

        lengths[0]++;
        for (int i = 0; i < element->dimensions; i++)
            if (element->lengths[i] != larger->lengths[i + 1] || element->lower[i] != larger->lower[i + 1])
                return fail_concatenation(
                    cx, "Arrays with differing dimensions are not compatible for concatenation.");
    }
    values = arena_alloc(cx->arena, sizeof(Value) * ((size_t)a.count + b.count));
    for (uint32_t i = 0; i < a.count; i++)
        values[i] = array_at(&a, i);
    for (uint32_t i = 0; i < b.count; i++)
        values[a.count + i] = array_at(&b, i);
    return array_build(cx, a.elem, larger->dimensions, lengths, larger->lower, values, out);
}

/* --- searching --------------------------------------------------------------------------------------------------------- */
static bool
has_null(const ArrayView *a)
{
    for (uint32_t i = 0; i < a->count && a->nulls != NULL; i++)
        if (array_at(a, i).is_null)
            return true;
    return false;
}

/* Does every (or any) element of `needles` occur in `a`? Null equals nothing. */
static bool
contains(const TypeInfo *type, const ArrayView *a, const ArrayView *needles, bool all)
{
    for (uint32_t i = 0; i < needles->count; i++) {
        Value needle = array_at(needles, i);
        bool found = false;

        for (uint32_t k = 0; k < a->count && !found && !needle.is_null; k++) {
            Value v = array_at(a, k);

            found = !v.is_null && type->compare(&v, &needle) == 0;
        }
        if (found != all)
            return found;
    }
    return all;
}

static Status
compare_sets(FnCall *call, const Value *whole, const Value *part, bool all, Value *out)
{
    ArrayView a = array_open(whole->var), b = array_open(part->var);
    const TypeInfo *type;

    if (a.elem != b.elem)
        return fail(call->cx, ST_ERROR, "42804", "cannot compare arrays of different element types");
    TRY(equality_of(call->cx, a.elem, &type));
    out->b = contains(type, &a, &b, all);
    return ST_OK;
}

SCALAR_FN(arraycontains)
{
    return compare_sets(call, &args[0], &args[1], true, out);
}

SCALAR_FN(arraycontained)
{
    return compare_sets(call, &args[1], &args[0], true, out);
}

SCALAR_FN(arrayoverlap)
{
    return compare_sets(call, &args[0], &args[1], false, out);
}

static Status
position_from(FnCall *call, const Value *args, int32_t *start, ArrayView *a)
{
    *a = array_open(args[0].var);
    if (a->dimensions > 1)
        return fail(call->cx, ST_ERROR, "0A000",
                    "searching for elements in multidimensional arrays is not supported");
    *start = a->dimensions == 1 ? a->lower[0] : 1;
    if (call->arg_count > 2) {
        if (args[2].is_null)
            return fail(call->cx, ST_ERROR, "22004", "initial position must not be null");
        *start = args[2].i32;
    }
    return ST_OK;
}

SCALAR_FN(array_position)
{
    ArrayView a;
    const TypeInfo *type;
    int32_t start = 1;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    TRY(position_from(call, args, &start, &a));
    TRY(equality_of(call->cx, a.elem, &type));
    for (uint32_t i = 0; i < a.count; i++) {
        Value v = array_at(&a, i);

        if (a.lower[0] + (int32_t)i >= start && same(type, &v, &args[1])) {
            out->i32 = a.lower[0] + (int32_t)i;
            return ST_OK;
        }
    }
    *out = value_null();
    return ST_OK;
}

SCALAR_FN(array_positions)
{
    ArrayView a;
    const TypeInfo *type;
    Value *found;
    uint32_t count = 0;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    a = array_open(args[0].var);
    if (a.dimensions > 1)
        return fail(call->cx, ST_ERROR, "0A000",
                    "searching for elements in multidimensional arrays is not supported");
    TRY(equality_of(call->cx, a.elem, &type));
    found = arena_alloc(call->cx->arena, sizeof(Value) * MAX_OF(a.count, 1u));
    for (uint32_t i = 0; i < a.count; i++) {
        Value v = array_at(&a, i);

        if (same(type, &v, &args[1]))
            found[count++] = value_i32(a.lower[0] + (int32_t)i);
    }
    return array_from_values(call->cx, TYPE_INT4, found, count, out);
}

/* --- changing ------------------------------------------------------------------------------------------------------------- */
SCALAR_FN(array_remove)
{
    ArrayView a;
    const TypeInfo *type;
    Value *kept;
    int32_t count = 0;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    a = array_open(args[0].var);
    if (a.dimensions > 1)
        return fail(call->cx, ST_ERROR, "0A000",
                    "removing elements from multidimensional arrays is not supported");
    TRY(equality_of(call->cx, a.elem, &type));
    kept = arena_alloc(call->cx->arena, sizeof(Value) * MAX_OF(a.count, 1u));
    for (uint32_t i = 0; i < a.count; i++) {
        kept[count] = array_at(&a, i);
        count += !same(type, &kept[count], &args[1]);
    }
    if ((uint32_t)count == a.count) {
        *out = args[0];
        return ST_OK;
    }
    return array_build(call->cx, a.elem, count > 0, &count, a.lower, kept, out);
}

SCALAR_FN(array_replace)
{
    ArrayView a;
    const TypeInfo *type;
    Value *values;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    a = array_open(args[0].var);
    TRY(equality_of(call->cx, a.elem, &type));
    values = array_values(call->cx, &a);
    for (uint32_t i = 0; i < a.count; i++)
        if (same(type, &values[i], &args[1]))
            values[i] = args[2];
    return array_build(call->cx, a.elem, a.dimensions, a.lengths, a.lower, values, out);
}

/* array_fill(value, lengths [, lower bounds]) */
SCALAR_FN(array_fill)
{
    Ctx *cx = call->cx;
    ArrayView lengths, lower = {0};
    int32_t n[ARRAY_DIMENSIONS_MOST], low[ARRAY_DIMENSIONS_MOST];
    uint64_t total = 1;
    Value *values;
    bool has_lower = call->arg_count > 2;

    if (args[1].is_null || (has_lower && args[2].is_null))
        return fail(cx, ST_ERROR, "22004", "dimension array or low bound array cannot be null");
    lengths = array_open(args[1].var);
    if (has_lower)
        lower = array_open(args[2].var);
    if (lengths.dimensions > 1 || lower.dimensions > 1) {
        fail(cx, ST_ERROR, "2202E", "wrong number of array subscripts");
        fail_detail(cx, "Dimension array must be one dimensional.");
        return ST_ERROR;
    }
    if (has_null(&lengths) || has_null(&lower))
        return fail(cx, ST_ERROR, "22004", "dimension values cannot be null");
    if (lengths.count > ARRAY_DIMENSIONS_MOST)
        return fail(cx, ST_ERROR, "54000", "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                    (int)lengths.count, ARRAY_DIMENSIONS_MOST);
    if (has_lower && lower.count != lengths.count) {
        fail(cx, ST_ERROR, "2202E", "wrong number of array subscripts");
        fail_detail(cx, "Low bound array has different size than dimensions array.");
        return ST_ERROR;
    }
    for (uint32_t i = 0; i < lengths.count; i++) {
        n[i] = array_at(&lengths, i).i32;
        low[i] = has_lower ? array_at(&lower, i).i32 : 1;
        if (n[i] < 0)
            return fail(cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)",
                        ARRAY_ELEMENTS_MOST);
        total *= (uint64_t)n[i];
        if (total > ARRAY_ELEMENTS_MOST)
            return fail(cx, ST_ERROR, "54000", "array size exceeds the maximum allowed (%d)",
                        ARRAY_ELEMENTS_MOST);
    }
    if (lengths.count == 0 || total == 0)
        return array_empty(cx, element_of(call->cx, call->result_type), out);
    values = arena_try_alloc(cx->arena, sizeof(Value) * total);
    if (values == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    for (uint64_t i = 0; i < total; i++)
        values[i] = args[0];
    return array_build(cx, element_of(cx, call->result_type), (int)lengths.count, n, low, values, out);
}

SCALAR_FN(trim_array)
{
    ArrayView a = array_open(args[0].var);
    int32_t length = a.dimensions > 0 ? a.lengths[0] : 0, upper;
    bool yes = true, no = false;

    if (args[1].i32 < 0 || args[1].i32 > length)
        return fail(call->cx, ST_ERROR, "2202E", "number of elements to trim must be between 0 and %d", length);
    if (a.dimensions == 0) {
        *out = args[0];
        return ST_OK;
    }
    upper = a.lower[0] + length - args[1].i32 - 1;
    return array_get_slice(call->cx, &a, &upper, &no, &upper, &yes, 1, out);
}

/* width_bucket(operand, thresholds): how many thresholds are at or below it */
SCALAR_FN(width_bucket_array)
{
    ArrayView a = array_open(args[1].var);
    const TypeInfo *type;
    uint32_t low = 0, high = a.count;

    if (a.dimensions > 1)
        return fail(call->cx, ST_ERROR, "2202E", "thresholds must be one-dimensional array");
    if (has_null(&a))
        return fail(call->cx, ST_ERROR, "22004", "thresholds array must not contain NULLs");
    TRY(equality_of(call->cx, a.elem, &type));
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        Value v = array_at(&a, mid);

        if (type->compare(&args[0], &v) < 0)
            high = mid;
        else
            low = mid + 1;
    }
    out->i32 = (int32_t)low;
    return ST_OK;
}

/* --- text ------------------------------------------------------------------------------------------------------------------ */
/* array_to_string(array, separator [, text for null]) */
SCALAR_FN(array_to_text)
{
    ArrayView a;
    Buf b = BUF_OF(call->cx);
    bool first = true, show_null = call->arg_count > 2 && !args[2].is_null;

    if (args[0].is_null || args[1].is_null) {
        *out = value_null();
        return ST_OK;
    }
    a = array_open(args[0].var);
    for (uint32_t i = 0; i < a.count; i++) {
        Value v = array_at(&a, i);
        const TypeInfo *type = type_find(call->cx, a.elem);

        if (v.is_null && !show_null)
            continue;
        if (!first)
            buf_add(&b, args[1].var.data, args[1].var.bytes);
        first = false;
        if (v.is_null) {
            buf_add(&b, args[2].var.data, args[2].var.bytes);
        } else if (type == NULL || type->out(call->cx, type, &v, &b) != ST_OK) {
            buf_free(&b);
            return ST_ERROR;
        }
    }
    return value_from_buf(call->cx, &b, out);
}

/* --- aggregates --------------------------------------------------------------------------------------------------------------- */
typedef struct Collected {
    Value *values;
    uint32_t count, capacity;
    int32_t shape[ARRAY_DIMENSIONS_MOST + 1]; /* array_agg of arrays: of one of them */
    int32_t dimensions;
    uint32_t rows;
    Oid elem;
} Collected;

static Status
collect(AggCall *call, Collected *c, Value v)
{
    if (c->count == c->capacity) {
        uint32_t capacity = MAX_OF(2 * c->capacity, 8u);
        Value *bigger = arena_try_alloc(call->arena, sizeof(Value) * capacity);

        if (bigger == NULL)
            return fail(call->cx, ST_NO_MEMORY, "53200", "out of memory");
        if (c->count > 0)
            memcpy(bigger, c->values, sizeof(Value) * c->count);
        c->values = bigger;
        c->capacity = capacity;
    }
    c->values[c->count++] = value_copy(call->arena, v);
    return ST_OK;
}

static Status
collect_row(AggCall *call, Collected *c, const Vector *v, uint32_t row)
{
    c->elem = call->arg_type;
    return collect(call, c, vector_get(v, row));
}

static Status
array_agg_step(AggCall *call, void *const *states, Vector *const *args)
{
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);

        TRY(collect_row(call, states[row], args[0], row));
    }
    return ST_OK;
}

static Status
array_agg_step_one(AggCall *call, void *state, Vector *const *args)
{
    for (uint32_t k = 0; k < call->rows.count; k++)
        TRY(collect_row(call, state, args[0], rows_at(call->rows, k)));
    return ST_OK;
}

static Status
array_agg_finish(AggCall *call, void *state, Value *out)
{
    const Collected *c = state;

    if (c->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    return array_from_values(call->cx, c->elem, c->values, c->count, out);
}

const AggInfo agg_array_agg = {.state_bytes = sizeof(Collected),
                               .step = array_agg_step,
                               .step_one = array_agg_step_one,
                               .finish = array_agg_finish,
                               .strict = false};

/* Arrays of one shape become the rows of an array with one dimension more. */
static Status
collect_array(AggCall *call, Collected *c, const Vector *arg, uint32_t row)
{
    Value v = vector_get(arg, row);
    ArrayView a;

    if (v.is_null)
        return fail(call->cx, ST_ERROR, "22004", "cannot accumulate null arrays");
    a = array_open(v.var);
    if (a.count == 0)
        return fail(call->cx, ST_ERROR, "2202E", "cannot accumulate empty arrays");
    if (c->rows == 0) {
        if (a.dimensions >= ARRAY_DIMENSIONS_MOST)
            return fail(call->cx, ST_ERROR, "54000",
                        "number of array dimensions (%d) exceeds the maximum allowed (%d)", a.dimensions + 1,
                        ARRAY_DIMENSIONS_MOST);
        c->dimensions = a.dimensions;
        c->elem = a.elem;
        memcpy(c->shape, a.lengths, sizeof(a.lengths));
    } else if (a.dimensions != c->dimensions ||
               memcmp(c->shape, a.lengths, sizeof(int32_t) * (size_t)a.dimensions) != 0) {
        return fail(call->cx, ST_ERROR, "2202E", "cannot accumulate arrays of different dimensionality");
    }
    c->rows++;
    for (uint32_t i = 0; i < a.count; i++)
        TRY(collect(call, c, array_at(&a, i)));
    return ST_OK;
}

static Status
array_agg_array_step(AggCall *call, void *const *states, Vector *const *args)
{
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);

        TRY(collect_array(call, states[row], args[0], row));
    }
    return ST_OK;
}

static Status
array_agg_array_step_one(AggCall *call, void *state, Vector *const *args)
{
    for (uint32_t k = 0; k < call->rows.count; k++)
        TRY(collect_array(call, state, args[0], rows_at(call->rows, k)));
    return ST_OK;
}

static Status
array_agg_array_finish(AggCall *call, void *state, Value *out)
{
    const Collected *c = state;
    int32_t lengths[ARRAY_DIMENSIONS_MOST], ones[ARRAY_DIMENSIONS_MOST] = {1, 1, 1, 1, 1, 1};

    if (c->rows == 0) {
        *out = value_null();
        return ST_OK;
    }
    lengths[0] = (int32_t)c->rows;
    memcpy(lengths + 1, c->shape, sizeof(int32_t) * (size_t)c->dimensions);
    return array_build(call->cx, c->elem, c->dimensions + 1, lengths, ones, c->values, out);
}

const AggInfo agg_array_agg_array = {.state_bytes = sizeof(Collected),
                                     .step = array_agg_array_step,
                                     .step_one = array_agg_array_step_one,
                                     .finish = array_agg_array_finish,
                                     .strict = false};

/* --- sets ---------------------------------------------------------------------------------------------------------------------- */
/* How far a series has come: an index kept in the state pointer itself. */
static uint32_t
next_index(FnCall *call)
{
    uintptr_t at = (uintptr_t)*call->state;

    *call->state = (void *)(at + 1);
    return (uint32_t)at;
}

SERIES_FN(array_unnest)
{
    ArrayView a;
    uint32_t i = next_index(call);

    *done = args[0].is_null;
    if (*done)
        return ST_OK;
    a = array_open(args[0].var);
    *done = i >= a.count;
    if (!*done)
        *out = array_at(&a, i);
    return ST_OK;
}

/* generate_subscripts(array, dimension [, backwards]) */
SERIES_FN(generate_subscripts)
{
    ArrayView a;
    uint32_t i = next_index(call);
    int d;

    *done = true;
    for (int k = 0; k < call->arg_count; k++)
        if (args[k].is_null)
            return ST_OK;
    a = array_open(args[0].var);
    d = args[1].i32 - 1;
    if (d < 0 || d >= a.dimensions || i >= (uint32_t)a.lengths[d])
        return ST_OK;
    *done = false;
    out->i32 =
        call->arg_count > 2 && args[2].b ? a.lower[d] + a.lengths[d] - 1 - (int32_t)i : a.lower[d] + (int32_t)i;
    return ST_OK;
}
