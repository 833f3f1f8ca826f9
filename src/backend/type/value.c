/* value.c - moving single values in and out of vectors.
 *
 * A vector is plain memory: elements of one width, a null bitmap that is only there when it is needed.
 * A constant is a vector of one element, so that kernels can tell "the same for every row" without a
 * second code path in the plan. */
#include "backend/type/value.h"

#include <string.h>

void
vector_init(Vector *v, Arena *a, Phys phys, uint32_t capacity_rows)
{
    ASSERT(phys > PHYS_NONE && phys < PHYS_COUNT);
    *v = (Vector){.phys = (uint8_t)phys};
    v->data = arena_alloc(a, (size_t)phys_bytes(phys) * capacity_rows);
}

void
vector_need_nulls(Vector *v, Arena *a, uint32_t capacity_rows)
{
    uint32_t words = bit_words(v->is_const ? 1 : capacity_rows);

    if (v->nulls == NULL)
        v->nulls = arena_zalloc(a, words * sizeof(uint64_t));
}

void
vector_init_const(Vector *out, Arena *a, const Value *v, Phys phys)
{
    vector_init(out, a, phys, 1);
    out->is_const = true;
    if (v->is_null) {
        memset(out->data, 0, phys_bytes(phys));
        vector_need_nulls(out, a, 1);
        bit_set(out->nulls, 0);
        return;
    }
    ASSERT(v->phys == phys);
    out->scale = v->scale;
    vector_set(out, a, 0, 1, *v);
}

Value
vector_get(const Vector *v, uint32_t row)
{
    Value out = {.phys = v->phys};

    if (v->is_const)
        row = 0;
    if (v->nulls != NULL && bit_get(v->nulls, row))
        return value_null();
    switch ((Phys)v->phys) {
    case PHYS_BOOL: out.b = ((const uint8_t *)v->data)[row] != 0; break;
    case PHYS_I16: out.i16 = ((const int16_t *)v->data)[row]; break;
    case PHYS_I32: out.i32 = ((const int32_t *)v->data)[row]; break;
    case PHYS_U32: out.u32 = ((const uint32_t *)v->data)[row]; break;
    case PHYS_F32: out.f32 = ((const float *)v->data)[row]; break;
    case PHYS_F64: out.f64 = ((const double *)v->data)[row]; break;
    case PHYS_I64: out.i64 = ((const int64_t *)v->data)[row]; break;
    case PHYS_DEC64:
        out.i64 = ((const int64_t *)v->data)[row];
        out.scale = v->scale;
        break;
    case PHYS_INTERVAL: out.interval = ((const Interval *)v->data)[row]; break;
    case PHYS_VAR: out.var = ((const VarRef *)v->data)[row]; break;
    case PHYS_NONE:
    case PHYS_COUNT: ASSERT(!"a vector has a form"); break;
    }
    return out;
}

void
vector_set(Vector *v, Arena *a, uint32_t row, uint32_t capacity_rows, Value value)
{
    ASSERT(row < capacity_rows);
    if (value.is_null) {
        vector_need_nulls(v, a, capacity_rows);
        bit_set(v->nulls, row);
        return;
    }
    ASSERT(value.phys == v->phys);
    if (v->nulls != NULL)
        v->nulls[row / 64] &= ~(UINT64_C(1) << (row % 64));
    switch ((Phys)v->phys) {
    case PHYS_BOOL: ((uint8_t *)v->data)[row] = value.b; break;
    case PHYS_I16: ((int16_t *)v->data)[row] = value.i16; break;
    case PHYS_I32: ((int32_t *)v->data)[row] = value.i32; break;
    case PHYS_U32: ((uint32_t *)v->data)[row] = value.u32; break;
    case PHYS_F32: ((float *)v->data)[row] = value.f32; break;
    case PHYS_F64: ((double *)v->data)[row] = value.f64; break;
    case PHYS_I64: ((int64_t *)v->data)[row] = value.i64; break;
    case PHYS_DEC64:
        ASSERT(value.scale == v->scale);
        ((int64_t *)v->data)[row] = value.i64;
        break;
    case PHYS_INTERVAL: ((Interval *)v->data)[row] = value.interval; break;
    case PHYS_VAR: ((VarRef *)v->data)[row] = value.var; break;
    case PHYS_NONE:
    case PHYS_COUNT: ASSERT(!"a vector has a form"); break;
    }
}

Value
value_copy(Arena *a, Value v)
{
    if (!v.is_null && v.phys == PHYS_VAR)
        v.var.data = arena_memdup(a, v.var.data, v.var.bytes);
    return v;
}
