/* src/backend/exec/index_queue.h - entries on their way into the indexes of one table.
 *
 * Who writes many rows puts them into the heap at once and their index entries here; flushed they go into
 * each index in the order of its keys, so that neighbours share the way down and the page. Rows are counted
 * from the last flush. */
#ifndef EXEC_INDEX_QUEUE_H
#define EXEC_INDEX_QUEUE_H
#include "backend/exec/exec_int.h"

typedef struct IndexQueue IndexQueue;

/* The struct itself lies in `arena`; what grows, in arenas of its own. */
IndexQueue *index_queue_new(Ctx *cx, Arena *arena, const TableInfo *table);
void index_queue_close(IndexQueue *q);
/* `check`: the key must be the only one (BTREE_UNIQUE_CHECK). */
MUST_CHECK Status index_queue_add(IndexQueue *q, int index_no, const Buf *key, bool check, Tid tid);
/* The row of the entries just added is complete. */
void index_queue_next_row(IndexQueue *q);
uint32_t index_queue_rows(const IndexQueue *q);
bool index_queue_is_full(const IndexQueue *q);

typedef struct IndexConflict {
    int index_no; /* -1: none */
    uint32_t row;
    Tid tid; /* of that row */
} IndexConflict;
/* Empties the queue. All entries are tried; *conflict is the first row that was refused, at its first index.
 * On any other failure conflict->row is unknown. */
MUST_CHECK Status index_queue_flush(IndexQueue *q, IndexConflict *conflict);

#endif
