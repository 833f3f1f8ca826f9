/* catalog_vectors.c - int2vector, oidvector and int2[] values of catalog rows. */
#include "backend/catalog/catalog.h"

#include "backend/type/array.h"

static Status
make(Ctx *cx, Oid elem, const Value *values, int count, int32_t lower, Value *out)
{
    int32_t length = count;

    if (count == 0)
        return array_empty(cx, elem, out);
    return array_build(cx, elem, 1, &length, &lower, values, out);
}

static Value *
int2_values(Ctx *cx, const int16_t *items, int count)
{
    Value *v = arena_array(cx->arena, Value, MAX_OF(count, 1));

    for (int i = 0; i < count; i++)
        v[i] = (Value){.i16 = items[i], .phys = PHYS_I16};
    return v;
}

Status
vector_int2_make(Ctx *cx, const int16_t *items, int count, Value *out)
{
    return make(cx, TYPE_INT2, int2_values(cx, items, count), count, 0, out);
}

Status
array_int2_make(Ctx *cx, const int16_t *items, int count, Value *out)
{
    return make(cx, TYPE_INT2, int2_values(cx, items, count), count, 1, out);
}

Status
vector_oid_make(Ctx *cx, const Oid *items, int count, Value *out)
{
    Value *v = arena_array(cx->arena, Value, MAX_OF(count, 1));

    for (int i = 0; i < count; i++)
        v[i] = value_oid(items[i]);
    return make(cx, TYPE_OID, v, count, 0, out);
}

Status
vector_int2_read(Ctx *cx, Value v, int16_t *out, int count)
{
    ArrayView view;

    if (v.is_null)
        return fail(cx, ST_CORRUPT, "XX001", "a catalog row lacks its column numbers");
    view = array_open(v.var);
    if ((int)view.count < count)
        return fail(cx, ST_CORRUPT, "XX001", "a catalog row has %u column numbers instead of %d", view.count,
                    count);
    for (int i = 0; i < count; i++)
        out[i] = array_at(&view, (uint32_t)i).i16;
    return ST_OK;
}
