/* src/backend/type/array.h - arrays of any element type and up to six dimensions.
 *
 * An array value is PHYS_VAR:
 *   u32 element type, u8 Phys of the elements, u8 dimensions, u8 has nulls, u8 0,
 *   then for each dimension i32 length, then for each i32 lower bound,
 *   a bit per element for nulls if there are any,
 *   the elements: of fixed width one behind the other; else u32 end offsets, then the bytes.
 * Nothing in it is aligned. numeric elements are always in the packed form, DEC64 never occurs. */
#ifndef TYPE_ARRAY_H
#define TYPE_ARRAY_H
#include "backend/type/type.h"

enum { ARRAY_DIMENSIONS_MOST = 6, ARRAY_ELEMENTS_MOST = 134217727 };

typedef struct ArrayView {
    Oid elem;
    Phys phys;
    int dimensions; /* 0 = empty */
    int32_t lengths[ARRAY_DIMENSIONS_MOST], lower[ARRAY_DIMENSIONS_MOST];
    uint32_t count; /* of elements, all dimensions together, last dimension fastest */
    const uint8_t *nulls; /* or NULL */
    const char *elements, *bytes; /* offsets and bytes if variable */
} ArrayView;

/* The view points into the value. */
ArrayView array_open(VarRef v);
/* Element by position, 0 to count - 1. Points into the array. */
Value array_at(const ArrayView *a, uint32_t i);

/* 54000 when it would be too large. The values are copied. `phys` of the elements when not built in. */
MUST_CHECK Status array_build(Ctx *cx, Oid elem, int dimensions, const int32_t *lengths, const int32_t *lower,
                              const Value *values, Value *out);
/* One dimension from 1; no elements make the empty array. */
MUST_CHECK Status array_from_values(Ctx *cx, Oid elem, const Value *values, uint32_t count, Value *out);
MUST_CHECK Status array_empty(Ctx *cx, Oid elem, Value *out);
/* All elements, in `cx->arena`. */
Value *array_values(Ctx *cx, const ArrayView *a);

/* a[i][j]: null when there is no such element. */
Value array_get_element(const ArrayView *a, const int32_t *subscripts, int count);
/* a[l:u]: a bound that is not given (given[i] false) is that of the array. */
MUST_CHECK Status array_get_slice(Ctx *cx, const ArrayView *a, const int32_t *lower, const bool *lower_given,
                                  const int32_t *upper, const bool *upper_given, int count, Value *out);
/* UPDATE ... SET a[i] = v: may extend a one-dimensional array, filling with nulls. A null array counts
 * as empty. */
MUST_CHECK Status array_set_element(Ctx *cx, Oid elem, const Value *array, const int32_t *subscripts, int count,
                                    const Value *v, Value *out);

#endif
