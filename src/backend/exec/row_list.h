/* src/backend/exec/row_list.h - rows in a temporary file, in the order in which they came.
 *
 * Many lists may share one file. A list has a little memory for the rows of its unfinished block; its number of
 * columns is fixed, their forms are what the vectors have. */
#ifndef EXEC_ROW_LIST_H
#define EXEC_ROW_LIST_H
#include "backend/exec/exec.h"
#include "storage/temp/temp_file.h"

/* When rows leave memory (cx->work_memory). */
typedef struct WorkMemory {
    uint64_t sort_bytes, hash_bytes, build_bytes;
} WorkMemory;
const WorkMemory *work_memory(const Ctx *cx);

typedef struct RowListBlock {
    TempBlock block;
    uint64_t first_row;
} RowListBlock;

typedef struct RowList {
    Ctx *cx;
    TempFile *file;
    int column_count;
    uint32_t block_rows; /* most rows of a block */
    uint32_t block_bytes; /* about as large as blocks get */
    RowListBlock *blocks; /* malloc */
    uint32_t block_count, block_capacity;
    uint64_t row_count; /* those that wait included */
    Arena arena; /* rows that wait for their block to be full */
    Vector *waiting;
    uint32_t waiting_count;
    Buf *packed; /* somewhere to make a block; the caller's */
} RowList;

/* `packed` can be shared by all lists of an operator. */
void row_list_init(RowList *l, Ctx *cx, Budget *budget, TempFile *file, Buf *packed, int column_count,
                   uint32_t block_rows, uint32_t block_bytes);
MUST_CHECK Status row_list_append(RowList *l, const Vector *columns, Rows rows);
/* After the last row. */
MUST_CHECK Status row_list_finish(RowList *l);
/* Block no. `no` into vectors made in `a`. */
MUST_CHECK Status row_list_read(RowList *l, uint32_t no, Arena *a, Vector *columns, uint32_t *rows);
/* That block will not be read again. */
void row_list_drop(RowList *l, uint32_t no);
/* The block with that row. */
uint32_t row_list_find(const RowList *l, uint64_t row);
/* Its memory; the blocks are the file's. */
void row_list_free(RowList *l);

#endif
