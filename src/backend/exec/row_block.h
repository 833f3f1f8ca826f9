/* src/backend/exec/row_block.h - rows as one piece of bytes, a column at a time: what temporary files hold.
 *
 * All types there are have this form, because a type is one of the physical forms of value.h and its bytes are
 * copied as they lie in a vector:
 *
 *   row count u32, column count u32
 *   for each column: phys u8, flags u8 (1: has nulls), scale i16, bytes u32 of all its texts
 *   for each column: null bits (u64 for each 64 rows) if it has nulls; then its elements, or for PHYS_VAR the
 *   length of each (u32) and all bytes one behind the other. Each part begins at a multiple of 8.
 *
 * Numbers are in the machine's order: a block is read by the program that wrote it. */
#ifndef EXEC_ROW_BLOCK_H
#define EXEC_ROW_BLOCK_H
#include "backend/exec/exec.h"

/* How many of the first rows come to about `bytes`; at least one. */
uint32_t row_block_fit(const Vector *columns, int count, Rows rows, size_t bytes);
/* Replaces what is in `out`. 53200 when there is no room for it. */
MUST_CHECK Status row_block_encode(Ctx *cx, const Vector *columns, int count, Rows rows, Buf *out);
/* The vectors point into `block`, which is aligned to 8; texts get their VarRefs from `a`. XX001 when the bytes are no
 * block of so many columns. */
MUST_CHECK Status row_block_decode(Ctx *cx, const char *block, size_t bytes, Arena *a, Vector *columns,
                                   int count, uint32_t *rows);

#endif
