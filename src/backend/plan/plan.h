/* src/backend/plan/plan.h - how a query will be executed.
 *
 * Plans are read-only (rule X3) and lie in the arena given to plan_query. Expressions in a node refer
 * to the output columns of its input by EXPR_SLOT; `outputs` says what each output column means in
 * terms of the query, which is how the nodes above find it. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H
#include "backend/bind/query.h"

typedef enum PlanKind {
    PLAN_RESULT, /* one row without columns */
    PLAN_SCAN, /* a heap, page by page */
    PLAN_INDEX_SCAN, /* a heap by way of an index */
    PLAN_ROWS_SCAN, /* a catalog or virtual table */
    PLAN_VALUES,
    PLAN_FUNCTION, /* a function in FROM */
    PLAN_SUBQUERY, /* renames the columns of its input */
    PLAN_FILTER,
    PLAN_PROJECT,
    PLAN_PROJECT_SET, /* with set-returning functions */
    PLAN_NESTED_LOOP,
    PLAN_HASH_JOIN,
    PLAN_AGGREGATE,
    PLAN_SORT,
    PLAN_UNIQUE, /* DISTINCT ON: the first row of each run of equal keys */
    PLAN_LIMIT,
    PLAN_APPEND,
    PLAN_SET_OP, /* UNION, INTERSECT, EXCEPT with their counts */
    PLAN_LOCK_ROWS,
    PLAN_MODIFY,
    PLAN_CTE_SCAN, /* rows of a WITH query, which is run once */
    PLAN_RECURSIVE, /* left, then right again and again over what was found last */
    PLAN_WORK_SCAN, /* what was found last */
    PLAN_KIND_COUNT
} PlanKind;

/* A value handed down to a plan that runs once for each row of another: set values[index] = expr. */
typedef struct OuterArg {
    int index;
    Expr *expr;
} OuterArg;

typedef struct IndexBoundPlan {
    int equal_count; /* leading keys fixed by equal[] */
    Expr *equal[INDEX_KEYS_MOST]; /* NULL entry: IS NULL */
    Expr *low, *high; /* bounds of the next key; NULL = open */
    bool low_inclusive, high_inclusive;
    Expr *in_array; /* next key = ANY (array): one descent for each element */
    bool not_null; /* without bounds of the next key: leave its nulls out all the same */
} IndexBoundPlan;

/* slot <op> value, with a value that is there before the scan starts: the page's arrays are tested against
 * a range before any expression is computed. */
typedef struct ScanTest {
    int slot; /* an integer, date, timestamp or short numeric */
    char strategy; /* 1 <, 2 <=, 3 =, 4 >=, 5 > */
    Expr *value; /* CONST, PARAM, OUTER or ONCE */
} ScanTest;

typedef struct SortSlot {
    int slot;
    bool descending, nulls_first;
} SortSlot;

/* A part of FROM that is no heap table: what it has given to a row travels along, and is all that it gives when the row is checked
 * again (R4). */
typedef struct SeenMark {
    int rel_no; /* number in the statement */
    int column_count; /* of its plan's outputs */
    int *slots; /* where they are; -1: nobody needs it */
} SeenMark;

typedef struct Plan {
    PlanKind kind;
    double rows; /* estimate */
    double cost;
    int output_count;
    Expr **outputs;
    struct Plan *left, *right;
    Expr *filter; /* scans: over the scanned columns; joins: over left ++ right; others: over the input */
    int rel; /* scans: index in the query's range; used with row marks */
    int seen_no; /* 1 + rel_no of the SeenMark that there may be for it; 0 = none */
    const RangeEntry *entry; /* what FROM calls it: scans, VALUES, functions, subqueries; for EXPLAIN */
    union {
        struct {
            const TableInfo *table;
            const char *alias;
            const int16_t *columns; /* output column i is this column (negative: system) */
            const IndexInfo *index; /* INDEX_SCAN */
            IndexBoundPlan bound;
            bool backward;
            bool one_row; /* a unique index with all keys fixed */
            Expr *recheck; /* every condition on this relation, for rows that others have changed (R4) */
            Expr *index_condition; /* those that the bound stands for; for EXPLAIN */
            int rel_no; /* number of this part of FROM in the whole statement */
            int test_count; /* SCAN: the filter is `tests` and `rest` */
            ScanTest *tests;
            Expr *rest; /* may be NULL */
        } scan;
        struct {
            int row_count;
            Expr ***rows;
        } values;
        struct {
            Expr *call; /* its arguments may be EXPR_OUTER */
            bool ordinality;
            const char *alias;
        } function;
        struct {
            Expr **exprs; /* output_count of them */
        } project;
        struct {
            JoinKind kind;
            int arg_count; /* NESTED_LOOP: set before each run of the right side */
            OuterArg *args;
            int key_count; /* HASH_JOIN: left_keys over left's slots, right_keys over right's */
            Expr **left_keys, **right_keys;
            const OperInfo **key_opers;
        } join;
        struct {
            int group_count;
            Expr **groups;
            int agg_count;
            Expr **aggs; /* EXPR_AGG with arguments over the input and the commons behind it */
            int common_count; /* expressions that several arguments share, each over the ones before it too */
            Expr **commons;
            int *same_state; /* per aggregate: the first that collects the same; NULL = none does */
        } agg;
        struct {
            int key_count;
            SortSlot *keys;
        } sort; /* also UNIQUE: the keys that make rows equal */
        struct {
            Expr *limit, *offset;
        } limit;
        struct {
            int count;
            struct Plan **inputs;
        } append;
        struct {
            SetOpKind op;
            bool all;
        } set_op;
        struct {
            int no; /* CTE_SCAN: in the statement's ctes; RECURSIVE, WORK_SCAN: of the working tables */
            const char *name;
            bool all; /* RECURSIVE: duplicates stay */
        } cte;
        struct {
            int count;
            struct {
                int slot; /* of the row's ctid */
                const TableInfo *table;
                LockStrength strength;
                int wait;
                int rel_no;
            } * marks;
            int seen_count;
            SeenMark *seen;
        } lock;
        struct {
            CommandKind command;
            const TableInfo *table;
            int ctid_slot; /* UPDATE, DELETE */
            int rel_no;
            int mark_count; /* other base relations of the plan, for the re-check (R4) */
            int *mark_slots, *mark_rels;
            int seen_count;
            SeenMark *seen;
            int first_column_slot; /* UPDATE: slot of the old row's column 1; others follow */
            int assign_count; /* UPDATE: new values are slots first_value_slot.. */
            int first_value_slot;
            const int *assign_columns;
            bool *index_touched; /* UPDATE: per index, whether a key column may change */
            bool keys_changed;
            int check_count; /* over the new row: slot i = column i + 1 */
            Expr **checks;
            /* INSERT ... ON CONFLICT: values and where over the row that is there, its ctid and tableoid, and
             * the row that was to be inserted */
            OnConflict on_conflict;
            bool arbiters_named;
            int arbiter_count;
            const int *arbiters; /* numbers in table->indexes */
            int conflict_count;
            const int *conflict_columns;
            Expr **conflict_values;
            Expr *conflict_where;
            int returning_count; /* over new (or deleted) row ++ input slots */
            Expr **returning;
        } modify;
    };
} Plan;

/* A query inside an expression. */
typedef struct Subplan {
    Plan *plan;
    SublinkKind kind;
    int arg_count; /* 0: the answer is the same for all rows of one execution */
    OuterArg *args; /* over the slots of the node the expression is in */
    const OperInfo *oper;
    Oid type; /* of its output column */
    bool hashable; /* ANY with = and no arguments */
} Subplan;

typedef struct ResultColumn {
    const char *name;
    Oid type;
    int32_t typmod;
    Oid table;
    int16_t column;
} ResultColumn;

typedef struct PlannedQuery {
    Plan *plan;
    CommandKind command;
    int outer_count; /* values handed down */
    int state_count; /* places in expressions that keep a state */
    int once_count; /* values computed once for an execution */
    int subplan_count;
    Subplan **subplans;
    int cte_count; /* WITH queries that are run once, in this order if they change something */
    struct {
        Plan *plan;
        const char *name;
    } * ctes;
    int work_count; /* working tables of recursive ones */
    int rel_count; /* parts of FROM, numbered for row marks */
    int column_count; /* result columns; the plan's outputs [0, column_count) */
    ResultColumn *columns;
    bool has_result; /* SELECT or RETURNING */
    bool writes, locks_rows;
    bool constant_raises; /* a constant expression fails: nothing is announced before it has been reached */
    uint64_t catalog_version;
    int lock_count; /* relation locks an execution takes first */
    struct {
        Oid table;
        LockMode mode;
    } * locks;
} PlannedQuery;

MUST_CHECK Status plan_query(Ctx *cx, Arena *arena, const Query *query, PlannedQuery **out);
/* An expression over the columns of one row (slot i = column i + 1), or over nothing. */
/* *state_count: number of places that keep a state, raised by those of `e`. */
MUST_CHECK Status plan_row_expression(Ctx *cx, Arena *arena, int *state_count, const Expr *e, Expr **out);
/* Constants computed once; TRUE and FALSE taken out of AND and OR. An error in a constant is left for
 * the execution, which may never come to it (rule X1); *raises says so. */
Expr *plan_fold(Ctx *cx, Arena *arena, Expr *e, bool *raises);

#endif
