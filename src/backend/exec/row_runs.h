/* src/backend/exec/row_runs.h - sorted runs of rows in a temporary file, and merging them.
 *
 * Used by row_sort.h and by index builds. Rows with equal keys come out in the order of the runs, and within a run in
 * its own. Call begin, append and add for each run; then merge; then next until there are no more. */
#ifndef EXEC_ROW_RUNS_H
#define EXEC_ROW_RUNS_H
#include "backend/exec/key_sort.h"
#include "backend/exec/row_list.h"
#include "backend/exec/row_store.h"

typedef struct RowRun RowRun; /* a run that is being read */

typedef struct RowRuns {
    Ctx *cx;
    Budget *budget;
    const char *name;
    Expr *const *types; /* of the rows' columns */
    int column_count;
    uint64_t memory_bytes; /* for blocks of runs */
    TempFile *file;
    Buf packed;
    RowList *runs; /* malloc; each with the key in front of the columns */
    int count, capacity;
    RowRun *readers; /* of the runs being merged, in their order */
    int reader_count;
    RowStore view; /* the blocks they stand in: row no * BATCH_ROWS + i of it is row i of reader no's block */
    int *losers; /* tournament: winner at [0] */
    int stuck; /* reader whose block has been read to its end; -1 = none */
    Arena merge;
} RowRuns;

/* Takes its memory from the budget of cx->arena. `types` must live as long. */
void row_runs_init(RowRuns *s, Ctx *cx, const char *name, Expr *const *types, int column_count,
                   uint64_t memory_bytes);
MUST_CHECK Status row_runs_begin(RowRuns *s, RowList *run);
/* keys[k] is that of row k; rows->rows has no selection. Memory for the moment from `a`. */
MUST_CHECK Status row_runs_append(RowList *run, Arena *a, const Batch *rows, const KeyItem *keys);
/* After its last row; the run belongs to `s` then. A failure leaves nothing of it. */
MUST_CHECK Status row_runs_add(RowRuns *s, RowList *run);
MUST_CHECK Status row_runs_merge(RowRuns *s);
/* As row_sort_next. */
MUST_CHECK Status row_runs_next(RowRuns *s, Arena *a, uint32_t most, Batch *out, KeyItem *keys);
uint64_t row_runs_bytes(const RowRuns *s); /* what the file has taken so far */
/* Forgets the runs and may be used again. */
void row_runs_clear(RowRuns *s);
void row_runs_free(RowRuns *s);

#endif
