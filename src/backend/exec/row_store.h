/* src/backend/exec/row_store.h - rows kept by sorts, hashes, joins and cursors. */
#ifndef EXEC_ROW_STORE_H
#define EXEC_ROW_STORE_H
#include "backend/exec/exec.h"

typedef struct RowStore {
    Ctx *cx;
    Arena arena; /* chunks and bytes */
    int column_count;
    Expr *const *types; /* column i has types[i]->type */
    Vector **chunks; /* each: column_count vectors of BATCH_ROWS */
    uint32_t chunk_capacity;
    uint64_t row_count;
} RowStore;
void row_store_init(RowStore *s, Ctx *cx, const char *name, Expr *const *types, int column_count);
Status row_store_append(RowStore *s, const Batch *in);
/* columns[c].data etc. of row `row`. */
Value row_store_get(const RowStore *s, uint64_t row, int column);
/* Gathers rows by number into `out` (columns from arena a, bytes not copied). rows[i] == UINT64_MAX: a row of
 * nulls. */
Status row_store_gather(const RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, Vector *columns);
void row_store_clear(RowStore *s);
void row_store_free(RowStore *s);

#endif
