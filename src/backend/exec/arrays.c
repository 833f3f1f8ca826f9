/* arrays.c - see arrays.h: thin shapes over type/array.h. */
#include "backend/exec/arrays.h"

#include "backend/type/array.h"
#include "backend/type/numeric.h"

Status
array_elements(Ctx *cx, Oid elem, const Value *array, Value **items, int *count)
{
    ArrayView view = array_open(array->var);

    ASSERT(view.count == 0 || view.elem == elem || type_by_oid(view.elem)->phys == type_by_oid(elem)->phys);
    *items = array_values(cx, &view);
    *count = (int)view.count;
    return ST_OK;
}

Status
array_make(Ctx *cx, Oid elem, const Value *items, int count, Value *out)
{
    return array_from_values(cx, elem, items, (uint32_t)count, out);
}

Status
array_make_nested(Ctx *cx, Oid elem, const Value *arrays, int count, Value *out)
{
    ArrayView first = {0};
    int32_t lengths[ARRAY_DIMENSIONS_MOST], lower[ARRAY_DIMENSIONS_MOST];
    Value *all;
    uint32_t total = 0;

    for (int i = 0; i < count; i++) {
        ArrayView v;

        if (arrays[i].is_null)
            return fail_unsupported(cx, -1, "a null among nested arrays");
        v = array_open(arrays[i].var);
        if (i == 0)
            first = v;
        if (v.dimensions != first.dimensions ||
            memcmp(v.lengths, first.lengths, sizeof(int32_t) * (size_t)v.dimensions) != 0)
            return fail(cx, ST_ERROR, "2202E",
                        "multidimensional arrays must have array expressions with matching dimensions");
    }
    if (first.dimensions == 0)
        return array_empty(cx, elem, out);
    if (first.dimensions == ARRAY_DIMENSIONS_MOST)
        return fail(cx, ST_ERROR, "54000", "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                    first.dimensions + 1, ARRAY_DIMENSIONS_MOST);
    all = arena_alloc(cx->arena, sizeof(Value) * first.count * (size_t)count);
    for (int i = 0; i < count; i++) {
        ArrayView v = array_open(arrays[i].var);

        memcpy(all + total, array_values(cx, &v), sizeof(Value) * v.count);
        total += v.count;
    }
    lengths[0] = count;
    lower[0] = 1;
    for (int d = 0; d < first.dimensions; d++) {
        lengths[d + 1] = first.lengths[d];
        lower[d + 1] = 1;
    }
    return array_build(cx, elem, first.dimensions + 1, lengths, lower, all, out);
}

Status
array_with_elements(Ctx *cx, const Value *like, Oid like_elem, Oid elem, const Value *items, int count,
                    Value *out)
{
    ArrayView v = array_open(like->var);

    (void)like_elem;
    (void)count;
    return array_build(cx, elem, v.dimensions, v.lengths, v.lower, items, out);
}

Status
array_element(Ctx *cx, Oid elem, const Value *array, int32_t index, Value *out)
{
    ArrayView v = array_open(array->var);

    (void)cx;
    (void)elem;
    *out = array_get_element(&v, &index, 1);
    return ST_OK;
}

Status
array_slice(Ctx *cx, Oid elem, const Value *array, int32_t lower, int32_t upper, Value *out)
{
    ArrayView v = array_open(array->var);
    bool lower_given = lower != INT32_MIN, upper_given = upper != INT32_MAX;

    (void)elem;
    return array_get_slice(cx, &v, &lower, &lower_given, &upper, &upper_given, 1, out);
}
