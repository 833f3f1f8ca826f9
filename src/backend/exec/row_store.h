/* src/backend/exec/row_store.h - rows kept by sorts, hashes, joins and cursors.
 *
 * What it keeps it copies, into an arena of its own; refusal of memory is 53200. Rows are numbered from 0 in
 * the order in which they came, and what was read of them stays valid until row_store_clear. */
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

/* Takes its memory from the budget of cx->arena. `types` must live as long as the store. */
void row_store_init(RowStore *s, Ctx *cx, const char *name, Expr *const *types, int column_count);
MUST_CHECK Status row_store_append(RowStore *s, const Batch *in);
/* Its bytes are not copied. */
Value row_store_get(const RowStore *s, uint64_t row, int column);
/* Rows by number, into vectors made in arena `a` (bytes are not copied). rows[i] == UINT64_MAX: a row of nulls. */
MUST_CHECK Status row_store_gather(const RowStore *s, Arena *a, const uint64_t *rows, uint32_t count,
                                   Vector *columns);
/* Forgets the rows and may be filled again. */
void row_store_clear(RowStore *s);
void row_store_free(RowStore *s);

#endif
