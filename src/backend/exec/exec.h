/* src/backend/exec/exec.h - running a plan: operators hand batches of rows upwards. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H
#include "backend/plan/plan.h"
#include "storage/txn/txn.h"

/* Rows on their way: columns of equal length, and which rows count. Valid until the operator that gave
 * it is called again. */
typedef struct Batch {
    Vector *columns;
    int column_count;
    Rows rows;
    uint32_t capacity; /* of every vector: row numbers are below it */
} Batch;

typedef struct Execution Execution;

/* Makes the operators of a plan. `params` (param_count values of the types the plan was bound with)
 * must live as long as the execution, which lies in `arena`. The caller has taken the plan's relation
 * locks. The plan's snapshot is taken by the first exec_next. */
MUST_CHECK Status exec_open(Ctx *cx, Arena *arena, const PlannedQuery *plan, const Value *params,
                            int param_count, Execution **out);
/* Takes the snapshot now. */
MUST_CHECK Status exec_start(Execution *e);
/* The next batch of at most `budget` rows (rule X1); *batch NULL at the end. */
MUST_CHECK Status exec_next(Execution *e, uint64_t budget, Batch **batch);
/* Between two uses of one plan: gives up everything that belongs to the old one (snapshot, pins, rows) and
 * keeps the operators. False: it holds what can not be used again, close it. */
MUST_CHECK bool exec_park(Execution *e);
/* A parked execution begins anew with other parameters (as for exec_open). */
void exec_resume(Execution *e, const Value *params, int param_count);
/* Rows changed by INSERT, UPDATE, DELETE so far. */
uint64_t exec_changed(const Execution *e);
/* Releases pins and memory; after failures too. NULL is fine. */
void exec_close(Execution *e);
/* EXPLAIN ANALYZE: what each node did, its inputs included. Times are totals over all loops. */
typedef struct ExecCount {
    uint64_t rows, loops, removed; /* removed: by the node's own condition */
    uint64_t first_us, time_us; /* until the first rows; until the last */
    uint64_t pages; /* looked at */
    const char *method; /* of a sort, else NULL */
    uint64_t memory_bytes; /* sorts, hashes; 0 = not known */
    uint64_t disk_bytes; /* of temporary files */
    uint64_t batches, buckets; /* hashes: partitions, the first included; hash table's size */
    bool waiting; /* for the first rows of this loop */
} ExecCount;
/* To be called before the first exec_next. `timing`: look at the clock. */
void exec_instrument(Execution *e, bool timing);
/* NULL: the node was never run. */
const ExecCount *exec_count(const Execution *e, const Plan *plan);

/* ---- single expressions -------------------------------------------------------------------------------- */
typedef struct RowEval RowEval;
/* For expressions made by plan_row_expression; `state_count` is theirs. Lies in `arena`. */
MUST_CHECK Status row_eval_open(Ctx *cx, Arena *arena, int state_count, RowEval **out);
void row_eval_close(RowEval *r);
/* Over one row of values (slot i = values[i]). The result lies in cx->arena. */
MUST_CHECK Status row_eval(RowEval *r, const Expr *e, const Value *values, int value_count, Value *out);
/* The value of an expression without columns. */
MUST_CHECK Status exec_constant(Ctx *cx, Arena *arena, const Expr *e, Value *out);

#endif
