/* vectors.c - moving values between vectors.
 *
 * numeric is the one type whose vectors come in two forms. Where values of different forms (or scales)
 * meet in one vector, that vector is turned to the packed form, which holds everything. */
#include "backend/exec/exec_int.h"
#include "backend/type/numeric.h"

Vector *
vectors_new(Arena *a, Expr *const *types, int count, uint32_t capacity)
{
    Vector *v = arena_array(a, Vector, MAX_OF(count, 1));

    for (int i = 0; i < count; i++)
        vector_init(&v[i], a, type_by_oid(types[i]->type)->phys, capacity);
    return v;
}

/* Every row of v in the packed form; rows beyond `used` are not looked at. */
static void
pack_vector(Arena *a, Vector *v, uint32_t used, uint32_t capacity)
{
    VarRef *packed = arena_alloc(a, sizeof(VarRef) * MAX_OF(capacity, 1));

    for (uint32_t i = 0; i < used; i++) {
        if (vector_is_null(v, i)) {
            packed[i] = (VarRef){"", 0};
        } else {
            Value value = vector_get(v, i);

            packed[i] = numeric_pack(a, &value).var;
        }
    }
    v->data = packed;
    v->phys = PHYS_VAR;
    v->scale = 0;
}

/* Makes it possible to put src's values into dst, of which `used` rows are set. */
static void
agree_on_form(Arena *a, Vector *dst, uint32_t used, uint32_t capacity, const Vector *src)
{
    if (dst->phys == src->phys && (dst->phys != PHYS_DEC64 || dst->scale == src->scale))
        return;
    if (used == 0) { /* nothing there yet: take the source's form */
        uint64_t *nulls = dst->nulls;

        vector_init(dst, a, (Phys)src->phys, capacity);
        dst->nulls = nulls;
        dst->scale = src->scale;
        return;
    }
    if (dst->phys == PHYS_DEC64)
        pack_vector(a, dst, used, capacity);
}

static bool
is_numeric_pair(const Vector *a, const Vector *b)
{
    return a->phys == PHYS_DEC64 || b->phys == PHYS_DEC64;
}

#define COPY_ROWS(T)                                                                                           \
    for (uint32_t k = 0; k < rows.count; k++)                                                                  \
    ((T *)dst->data)[dst_row + k] = ((const T *)src->data)[src->is_const ? 0 : rows_at(rows, k)]

static void
append_nulls(Arena *a, Vector *dst, uint32_t dst_row, uint32_t capacity, const Vector *src, Rows rows)
{
    if (src->nulls == NULL)
        return;
    for (uint32_t k = 0; k < rows.count; k++) {
        if (vector_is_null(src, rows_at(rows, k))) {
            vector_need_nulls(dst, a, capacity);
            bit_set(dst->nulls, dst_row + k);
        }
    }
}

static Status
append_var(Ctx *cx, Arena *a, Arena *bytes, Vector *dst, uint32_t dst_row, const Vector *src, Rows rows)
{
    VarRef *to = (VarRef *)dst->data + dst_row;
    size_t total = 0;
    char *at = NULL;

    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        if (vector_is_null(src, row)) {
            to[k] = (VarRef){"", 0};
        } else if (src->phys == PHYS_VAR) {
            to[k] = ((const VarRef *)src->data)[src->is_const ? 0 : row];
        } else {
            Value v = vector_get(src, row);

            to[k] = numeric_pack(a, &v).var;
        }
        total += to[k].bytes;
    }
    if (bytes == NULL || total == 0)
        return ST_OK;
    at = arena_try_alloc(bytes, total);
    if (at == NULL)
        return fail_memory(cx, total);
    for (uint32_t k = 0; k < rows.count; k++) {
        memcpy(at, to[k].data, to[k].bytes);
        to[k].data = at;
        at += to[k].bytes;
    }
    return ST_OK;
}

Status
vector_append(Ctx *cx, Arena *a, Arena *bytes, Vector *dst, uint32_t dst_row, uint32_t capacity,
              const Vector *src, Rows rows)
{
    if (is_numeric_pair(dst, src))
        agree_on_form(a, dst, dst_row, capacity, src);
    append_nulls(a, dst, dst_row, capacity, src, rows);
    switch ((Phys)dst->phys) {
    case PHYS_BOOL: COPY_ROWS(uint8_t); break;
    case PHYS_I16: COPY_ROWS(uint16_t); break;
    case PHYS_I32:
    case PHYS_U32:
    case PHYS_F32: COPY_ROWS(uint32_t); break;
    case PHYS_I64:
    case PHYS_F64:
    case PHYS_DEC64: COPY_ROWS(uint64_t); break;
    case PHYS_INTERVAL: COPY_ROWS(Interval); break;
    case PHYS_VAR: return append_var(cx, a, bytes, dst, dst_row, src, rows);
    default: ASSERT(false);
    }
    return ST_OK;
}

Status
vector_scatter(Ctx *cx, Vector *dst, uint32_t capacity, const Vector *src, Rows rows)
{
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        if (vector_is_null(src, row)) {
            vector_need_nulls(dst, cx->arena, capacity);
            bit_set(dst->nulls, row);
            if (dst->phys == PHYS_VAR)
                ((VarRef *)dst->data)[row] = (VarRef){"", 0};
        } else {
            Value v = vector_get(src, row);

            if (dst->nulls != NULL)
                dst->nulls[row / 64] &= ~(UINT64_C(1) << (row % 64));
            if (dst->phys == PHYS_VAR && v.phys == PHYS_DEC64)
                v = numeric_pack(cx->arena, &v);
            vector_set(dst, cx->arena, row, capacity, v);
        }
    }
    return ST_OK;
}

Status
vector_put(Ctx *cx, Vector *dst, uint32_t capacity, const Vector *src, uint32_t row)
{
    uint16_t at = (uint16_t)row;

    ASSERT(src->is_const);
    return vector_scatter(cx, dst, capacity, src, (Rows){&at, 1});
}
