/* src/backend/exec/row_store.h - rows kept by sorts, hashes, joins and cursors.
 *
 * What it keeps it copies, into an arena of its own; refusal of memory is 53200. Rows are numbered from 0 in
 * the order in which they came, and what was read of them stays valid until row_store_clear.
 *
 * A store with a limit puts its rows into a temporary file when they have come to so many bytes, and goes on from
 * there. They can be read as before, by number; rows that lie near to each other are best read together. */
#ifndef EXEC_ROW_STORE_H
#define EXEC_ROW_STORE_H
#include "backend/exec/exec.h"

typedef struct StoreFile StoreFile;

typedef struct RowStore {
    Ctx *cx;
    Arena arena; /* chunks and bytes */
    int column_count;
    Expr *const *types; /* column i has types[i]->type */
    Vector **chunks; /* each: column_count vectors of BATCH_ROWS; of the rows in memory */
    uint32_t chunk_capacity;
    uint64_t row_count;
    uint32_t row_bytes; /* of a row in its chunk */
    uint64_t memory_bytes; /* 0 = no limit */
    StoreFile *file; /* rows that have left memory: all before .file_rows; NULL = none has */
    uint64_t file_rows;
} RowStore;

/* Takes its memory from the budget of cx->arena. `types` must live as long as the store. */
void row_store_init(RowStore *s, Ctx *cx, const char *name, Expr *const *types, int column_count);
/* Lets rows leave memory beyond cx->work_memory's bytes for sorts. */
void row_store_limit(RowStore *s);
MUST_CHECK Status row_store_append(RowStore *s, const Batch *in);
/* One value of a row that is there: its bytes lie in `a` or in the store. */
MUST_CHECK Status row_store_get(RowStore *s, Arena *a, uint64_t row, int column, Value *out);
/* Rows by number, into vectors made in arena `a` (bytes in memory are not copied). rows[i] == UINT64_MAX: a row of
 * nulls. */
MUST_CHECK Status row_store_gather(RowStore *s, Arena *a, const uint64_t *rows, uint32_t count,
                                   Vector *columns);
/* What its file has taken so far, for EXPLAIN. */
uint64_t row_store_disk_bytes(const RowStore *s);
/* Of memory that its rows take; what is reserved for rows to come does not count. */
uint64_t row_store_bytes(const RowStore *s);
/* Forgets the rows and may be filled again. */
void row_store_clear(RowStore *s);
void row_store_free(RowStore *s);

#endif
