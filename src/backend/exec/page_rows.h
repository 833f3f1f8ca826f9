/* src/backend/exec/page_rows.h - rows of a pinned page, copied into a batch. */
#ifndef EXEC_PAGE_ROWS_H
#define EXEC_PAGE_ROWS_H
#include "backend/exec/exec_int.h"

/* Vectors of `capacity` rows in the forms the scan's columns have on pages. */
Vector *page_vectors_new(Arena *a, const Plan *scan, uint32_t capacity);
/* Appends the slots' values to row `at` and after of every column, with their bytes. */
MUST_CHECK Status page_rows_append(Ctx *cx, Arena *a, const Plan *plan, const HeapScan *scan,
                                   const HeapPageView *view, const uint16_t *slots, uint32_t count,
                                   Vector *columns, uint32_t at, uint32_t capacity);

#endif
