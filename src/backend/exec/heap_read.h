/* src/backend/exec/heap_read.h - columns of a table's rows as vectors. */
#ifndef EXEC_HEAP_READ_H
#define EXEC_HEAP_READ_H
#include "backend/catalog/table.h"

/* Column (1-based, or a system column) of the visible rows of a page. Points into the page where it
 * can: valid while the view is. */
MUST_CHECK Status heap_read_page_column(Ctx *cx, Arena *a, const TableInfo *table, const HeapScan *scan,
                                        const HeapPageView *view, int column, Vector *out);
/* Column of one row, as a vector of one element with its bytes copied to `a`. */
MUST_CHECK Status heap_read_row_column(Ctx *cx, Arena *a, const TableInfo *table, const HeapRow *row,
                                       int column, Vector *out);
/* The same as a Value. */
MUST_CHECK Status heap_read_value(Ctx *cx, Arena *a, const TableInfo *table, const HeapRow *row, int column,
                                  Value *out);
/* A cell's bytes as a value; variable ones are not copied. */
Value heap_cell_value(const ColumnInfo *column, const Cell *cell);
/* The same for the bytes of a variable column. */
Cell heap_var_cell(const ColumnInfo *column, VarRef v);
/* What the page keeps for a value of this column; `a` holds it where it is not the value's own bytes.
 * numeric is brought to the column's form. *space: 16 bytes that live as long as the cell. */
MUST_CHECK Status heap_cell(Ctx *cx, Arena *a, const ColumnInfo *column, const Value *v, void *space,
                            Cell *out);

#endif
