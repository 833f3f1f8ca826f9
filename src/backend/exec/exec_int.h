/* src/backend/exec/exec_int.h - what the operators share.
 *
 * An operator's output is valid until its next call: it lies in the operator's own scratch arena,
 * which is reset when the call begins. While an operator computes, cx->arena is its scratch. */
#ifndef EXEC_INT_H
#define EXEC_INT_H
#include "backend/exec/exec.h"
#include "backend/exec/row_store.h"

typedef struct Op Op;

typedef struct OpClass {
    /* At most `budget` rows; *out NULL = no more. */
    Status (*next)(Op *op, uint64_t budget, Batch **out);
    /* Starts again from the beginning; values handed down may have changed. */
    Status (*rewind)(Op *op);
    void (*close)(Op *op); /* gives up pins and arenas of its own; may be NULL */
    /* After it the operator is as if new, for another execution; false: it can not. NULL: it never can.
     * Its input is parked by itself. */
    bool (*park)(Op *op);
} OpClass;

struct Op {
    const OpClass *class;
    const Plan *plan;
    Execution *e;
    Op *left, *right;
    Arena scratch;
    Batch out;
    bool is_given; /* FIXED_COPY: since the last rewind */
    ExecCount *count; /* EXPLAIN ANALYZE, else NULL */
};

typedef struct SubplanState SubplanState;

typedef struct OnceValue {
    Value value;
    bool known;
} OnceValue;

/* R4: what a part of FROM gives while a changed row is checked again. */
typedef enum FixedKind {
    FIXED_NOT, /* all rows, as ever: in subqueries */
    FIXED_NO_ROW, /* the padded side of an outer join */
    FIXED_SEEN, /* the row in the version that the snapshot sees: it is not locked */
    FIXED_NEWEST, /* the row in its newest version: it is locked */
    FIXED_COPY, /* what is no heap table: one row of what it has given, NULLs for the padded side of an outer join */
} FixedKind;
typedef struct FixedRow {
    FixedKind kind;
    Tid tid;
    const Value *values; /* COPY: per output; they stay until the check is done */
} FixedRow;

struct Execution {
    Ctx *cx;
    Arena *arena;
    const PlannedQuery *query;
    const Value *params;
    int param_count;
    Value *outer; /* values handed down */
    Arena *outer_arena; /* their bytes, per value */
    void **states; /* FnCall.state of each place */
    OnceValue *once;
    Arena once_arena; /* their bytes */
    SubplanState **subplans;
    struct CteState **ctes; /* WITH queries; a re-check shares those of its execution */
    bool ctes_borrowed;
    struct RowStore **work; /* working tables of recursive ones */
    Op *root;
    Snapshot snapshot;
    bool has_snapshot;
    uint64_t changed;
    const Vector *case_value;
    const FixedRow *fixed; /* R4: while a row is checked again; by its number. NULL outside */
    Op **ops; /* all, for closing */
    int op_count, op_capacity;
    bool instrumented, timed;
};

/* ---- operators ------------------------------------------------------------------------------------------ */
MUST_CHECK Status op_new(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status op_next(Op *op, uint64_t budget, Batch **out);
MUST_CHECK Status op_rewind(Op *op);
/* Allocates an operator of its own struct type, which starts with Op. */
void *op_alloc(Execution *e, const Plan *plan, size_t bytes, const OpClass *class);
#define OP_NEW(e, plan, Type, class) ((Type *)op_alloc((e), (plan), sizeof(Type), (class)))
MUST_CHECK Status op_children(Op *op);
MUST_CHECK bool op_park_stateless(Op *op); /* for operators that remember nothing from call to call */

MUST_CHECK Status scan_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status index_scan_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status rows_scan_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status result_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status values_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status function_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status subquery_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status filter_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status project_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status project_set_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status nested_loop_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status hash_join_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status aggregate_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status sort_op(Execution *e, const Plan *plan, Op **out);
/* Tells a sort (others do not mind) that no more than `rows` will be asked for. */
void sort_set_bound(Op *op, uint64_t rows);
MUST_CHECK Status unique_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status limit_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status append_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status set_operation_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status lock_rows_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status modify_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status cte_scan_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status recursive_op(Execution *e, const Plan *plan, Op **out);
MUST_CHECK Status work_scan_op(Execution *e, const Plan *plan, Op **out);
/* Runs the WITH queries that change something to their end. */
MUST_CHECK Status ctes_run_changes(Execution *e);
void ctes_close(Execution *e);

/* ---- expressions ---------------------------------------------------------------------------------------- */
/* The result may be a column of `in`. Results lie in cx->arena. */
MUST_CHECK Status eval(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
/* Rows for which the condition is true: *sel from cx->arena (or rows.sel when all are). */
MUST_CHECK Status eval_filter(Execution *e, const Expr *x, const Batch *in, Rows rows, Rows *out);
/* Sets the values handed down from row `row` of the batch. */
MUST_CHECK Status set_outer(Execution *e, const OuterArg *args, int count, const Batch *in, uint32_t row);
MUST_CHECK Status eval_one(Execution *e, const Expr *x, Value *out); /* no columns */

/* ---- vectors -------------------------------------------------------------------------------------------- */
/* dst[dst_row + k] = src[row k of rows]; bytes of PHYS_VAR are copied into `bytes` when given. Forms of
 * numeric that do not agree become packed. ST_NO_MEMORY (53200) when the arena's budget is used up. */
MUST_CHECK Status vector_append(Ctx *cx, Arena *a, Arena *bytes, Vector *dst, uint32_t dst_row,
                                uint32_t dst_capacity, const Vector *src, Rows rows);
/* dst[row] = src[row] for each of rows. */
MUST_CHECK Status vector_scatter(Ctx *cx, Vector *dst, uint32_t capacity, const Vector *src, Rows rows);
/* dst[row] = the const src; a numeric dst is in the packed form. */
MUST_CHECK Status vector_put(Ctx *cx, Vector *dst, uint32_t capacity, const Vector *src, uint32_t row);
/* A const vector of a value in the form the value has (numeric has two), or a null of the given form. */
static inline void
vector_of(Vector *out, Arena *a, const Value *v, Phys null_phys)
{
    vector_init_const(out, a, v, v->is_null ? null_phys : (Phys)v->phys);
}

/* A new batch of own vectors in `a` (data of each type's form). */
Vector *vectors_new(Arena *a, Expr *const *types, int count, uint32_t capacity);

#endif
