/* fn_call.c - running a function over a batch: nulls, constants, scalars.
 *
 * Kernels are written for the plain case: rows that are all there. This file brings every call down to
 * it. A strict function does not see rows in which an argument is null; a function that cannot raise
 * and reads only fixed-width values may as well compute garbage there, which is cheaper than selecting.
 * What has only constant arguments is computed once. */
#include "backend/type/fn_decl.h"

#include <string.h>

#include "backend/type/numeric.h"

/* The form of a result vector. Types that are not built in (enums, composites) share the form of the
 * polymorphic argument they come from. */
static Phys
result_phys(const FnCall *call, Vector *const *args)
{
    const TypeInfo *type = type_find(call->cx, call->result_type);

    if (type != NULL)
        return type->phys;
    for (int i = 0; i < call->arg_count; i++)
        if (call->arg_types[i] == call->result_type)
            return (Phys)args[i]->phys;
    return PHYS_VAR;
}

static Status
run_scalar(FnCall *call, Vector *const *args, Vector *out)
{
    uint32_t capacity = call->capacity_rows;
    Value *values = arena_alloc(call->cx->arena, sizeof(Value) * (size_t)MAX_OF(call->arg_count, 1));
    bool is_numeric = call->result_type == TYPE_NUMERIC;

    for (int i = 0; i < call->arg_count; i++)
        if (args[i]->is_const)
            values[i] = vector_get(args[i], 0);
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        Value result = {.phys = out->phys};

        for (int i = 0; i < call->arg_count; i++)
            if (!args[i]->is_const)
                values[i] = vector_get(args[i], row);
        TRY(call->fn->scalar(call, values, &result));
        if (is_numeric && !result.is_null && result.phys != out->phys) {
            if (capacity == 1) { /* a single value may keep its short form */
                out->phys = result.phys;
                out->scale = result.scale;
            } else {
                result = numeric_pack(call->cx->arena, &result);
            }
        }
        vector_set(out, call->cx->arena, row, capacity, result);
    }
    return ST_OK;
}

static Status
run(FnCall *call, Vector *const *args, Vector *out)
{
    if (call->fn->kernel != NULL)
        return call->fn->kernel(call, args, out);
    ASSERT(call->fn->scalar != NULL);
    return run_scalar(call, args, out);
}

static bool
reads_fixed_width(const FnCall *call, Vector *const *args)
{
    for (int i = 0; i < call->arg_count; i++)
        if (args[i]->phys == PHYS_VAR)
            return false;
    return true;
}

/* The rows of call->rows that have no bit set. */
static Rows
rows_without(Arena *a, Rows rows, const uint64_t *nulls)
{
    uint16_t *sel = arena_alloc(a, sizeof(uint16_t) * rows.count);
    uint32_t count = 0;

    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        sel[count] = (uint16_t)row;
        count += !bit_get(nulls, row);
    }
    return (Rows){sel, count};
}

static Status
run_strict(FnCall *call, Vector *const *args, Vector *out)
{
    Arena *a = call->cx->arena;
    uint32_t words = bit_words(call->capacity_rows);
    uint64_t *nulls = NULL;
    Rows all = call->rows;
    Status rc;

    for (int i = 0; i < call->arg_count; i++) {
        if (args[i]->nulls == NULL)
            continue;
        if (args[i]->is_const) {
            if (!bit_get(args[i]->nulls, 0))
                continue;
            vector_need_nulls(out, a, call->capacity_rows);
            memset(out->nulls, 0xff, words * sizeof(uint64_t));
            return ST_OK;
        }
        if (nulls == NULL)
            nulls = arena_zalloc(a, words * sizeof(uint64_t));
        for (uint32_t w = 0; w < words; w++)
            nulls[w] |= args[i]->nulls[w];
    }
    if (nulls == NULL)
        return run(call, args, out);
    if (call->fn->can_raise || call->fn->kernel == NULL || !reads_fixed_width(call, args))
        call->rows = rows_without(a, all, nulls);
    rc = call->rows.count > 0 ? run(call, args, out) : ST_OK;
    call->rows = all;
    if (rc != ST_OK)
        return rc;
    vector_need_nulls(out, a, call->capacity_rows);
    for (uint32_t w = 0; w < words; w++)
        out->nulls[w] |= nulls[w];
    return ST_OK;
}

Status
fn_call_vector(FnCall *call, const FnInfo *fn, Vector *const *args, Vector *out)
{
    bool all_const = fn->volatility != 'v';
    Rows rows = call->rows;
    uint32_t capacity = call->capacity_rows;
    Status rc;

    ASSERT(fn->kernel != NULL || fn->scalar != NULL);
    ASSERT(capacity > 0);
    call->fn = fn;
    for (int i = 0; i < call->arg_count; i++)
        all_const = all_const && args[i]->is_const;
    vector_init(out, call->cx->arena, result_phys(call, args), all_const ? 1 : capacity);
    if (rows.count == 0) { /* nothing is computed, so nothing can raise */
        out->is_const = all_const;
        return ST_OK;
    }
    if (all_const) {
        call->rows = (Rows){NULL, 1};
        call->capacity_rows = 1;
    }
    rc = fn->strict ? run_strict(call, args, out) : run(call, args, out);
    call->rows = rows;
    call->capacity_rows = capacity;
    out->is_const = all_const;
    return rc;
}

Status
fn_call_value(Ctx *cx, const FnInfo *fn, const Oid *arg_types, const Value *args, int arg_count,
              Oid result_type, Value *out)
{
    void *state = NULL;
    FnCall call = {.cx = cx,
                   .fn = fn,
                   .rows = {NULL, 1},
                   .capacity_rows = 1,
                   .arg_count = arg_count,
                   .arg_types = arg_types,
                   .result_type = result_type,
                   .location = -1,
                   .state = &state};
    Vector *vectors, **pointers, result;

    if (fn->strict) {
        for (int i = 0; i < arg_count; i++) {
            if (args[i].is_null) {
                *out = value_null();
                return ST_OK;
            }
        }
    }
    if (fn->scalar != NULL) {
        const TypeInfo *type = type_find(cx, result_type);
        Value v = {.phys = (uint8_t)(type != NULL ? type->phys : PHYS_VAR)};

        TRY(fn->scalar(&call, args, &v));
        *out = v;
        return ST_OK;
    }
    ASSERT(fn->kernel != NULL);
    vectors = arena_array(cx->arena, Vector, MAX_OF(arg_count, 1));
    pointers = arena_array(cx->arena, Vector *, MAX_OF(arg_count, 1));
    for (int i = 0; i < arg_count; i++) {
        const TypeInfo *type = type_find(cx, arg_types[i]);
        Phys phys = args[i].is_null ? (type != NULL ? type->phys : PHYS_VAR) : (Phys)args[i].phys;

        vector_init_const(&vectors[i], cx->arena, &args[i], phys);
        pointers[i] = &vectors[i];
    }
    TRY(fn_call_vector(&call, fn, pointers, &result));
    *out = vector_get(&result, 0);
    return ST_OK;
}
