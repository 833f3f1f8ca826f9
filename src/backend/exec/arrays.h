/* src/backend/exec/arrays.h - what expressions do with arrays. Results lie in cx->arena. */
#ifndef EXEC_ARRAYS_H
#define EXEC_ARRAYS_H
#include "backend/type/type.h"

/* All elements, whatever the dimensions. */
MUST_CHECK Status array_elements(Ctx *cx, Oid elem, const Value *array, Value **items, int *count);
/* One dimension, lower bound 1. */
MUST_CHECK Status array_make(Ctx *cx, Oid elem, const Value *items, int count, Value *out);
/* From arrays of equal shape, one of one dimension more. */
MUST_CHECK Status array_make_nested(Ctx *cx, Oid elem, const Value *arrays, int count, Value *out);
/* The shape of `like` with other elements. */
MUST_CHECK Status array_with_elements(Ctx *cx, const Value *like, Oid like_elem, Oid elem, const Value *items,
                                      int count, Value *out);
/* Null when out of bounds. */
MUST_CHECK Status array_element(Ctx *cx, Oid elem, const Value *array, int32_t index, Value *out);
MUST_CHECK Status array_slice(Ctx *cx, Oid elem, const Value *array, int32_t lower, int32_t upper, Value *out);

#endif
