/* src/backend/bind/query.h - a statement whose names and types are resolved. */
#ifndef BIND_QUERY_H
#define BIND_QUERY_H
#include "backend/bind/expr.h"
#include "backend/catalog/table.h"

typedef enum CommandKind { COMMAND_SELECT, COMMAND_INSERT, COMMAND_UPDATE, COMMAND_DELETE } CommandKind;

typedef enum RangeKind { RANGE_TABLE, RANGE_SUBQUERY, RANGE_FUNCTION, RANGE_VALUES, RANGE_JOIN } RangeKind;

typedef struct RangeColumn {
    const char *name;
    Oid type;
    int32_t typmod;
    Expr *alias_of; /* RANGE_JOIN: what the column stands for */
    bool hidden; /* dropped */
} RangeColumn;

/* One entry of FROM: a thing with columns. */
typedef struct RangeEntry {
    RangeKind kind;
    const char *alias; /* name by which columns are qualified; NULL = none (unnamed join) */
    bool alias_given;
    int column_count;
    RangeColumn *columns;
    const TableInfo *table; /* TABLE */
    LockMode lock; /* TABLE: what an execution must hold */
    struct Query *query; /* SUBQUERY */
    struct CteInfo *cte; /* SUBQUERY: whose query that is, or NULL */
    bool lateral; /* SUBQUERY, FUNCTION: may refer to entries to its left */
    Expr *function; /* FUNCTION */
    bool ordinality;
    int value_row_count; /* VALUES: rows of column_count expressions */
    Expr ***value_rows;
    bool *used; /* per column: some expression needs it */
    bool unchecked; /* no privileges are asked for: excluded, what views read */
    bool used_ctid;
    bool used_system; /* another system column */
} RangeEntry;

/* The tree of FROM. */
typedef struct FromNode {
    bool is_join;
    int rel; /* leaf: index in range; join with RANGE_JOIN entry: that entry */
    JoinKind join_kind;
    struct FromNode *left, *right;
    Expr *on; /* NULL = true */
} FromNode;

typedef struct TargetEntry {
    Expr *expr;
    const char *name;
    bool junk; /* only for ORDER BY, GROUP BY or DISTINCT ON */
    Oid table; /* for RowDescription: where a plain column comes from, else 0 */
    int16_t column;
} TargetEntry;

/* Refers to a target entry: ORDER BY, DISTINCT, GROUP BY. */
typedef struct SortClause {
    int target;
    bool descending, nulls_first;
} SortClause;

typedef struct RowMark {
    int rel;
    LockStrength strength;
    int wait; /* as in AstLocking */
} RowMark;

typedef struct Query {
    CommandKind command;
    struct Query *parent;
    int range_count, range_capacity;
    RangeEntry **range;
    int from_count;
    FromNode **from; /* comma list */
    Expr *where;
    int target_count, target_capacity;
    TargetEntry *targets;
    int group_count;
    int *group; /* target indexes */
    bool has_aggregates;
    Expr *having;
    bool distinct;
    int distinct_on_count;
    int *distinct_on;
    int sort_count;
    SortClause *sort;
    Expr *limit, *offset; /* int8; NULL = none */
    bool with_ties;
    int mark_count;
    RowMark *marks;
    bool has_series; /* set-returning functions in the target list */
    int cte_count;
    struct CteInfo *ctes;

    /* UNION and friends: targets describe the result, range is empty */
    SetOpKind set_op;
    bool set_all;
    struct Query *left, *right;

    /* INSERT, UPDATE, DELETE: range[result_rel] is the table. INSERT: targets (of this Query, one for
     * each assigned column) are evaluated over source. UPDATE: targets are evaluated over FROM. */
    int result_rel;
    struct Query *source; /* INSERT ... SELECT or VALUES; NULL = DEFAULT VALUES */
    int assign_count;
    int *assign_columns; /* 1-based column for targets[i] */
    int returning_count;
    TargetEntry *returning;
    /* ON CONFLICT. DO UPDATE: targets and where are computed over the row that is there (result_rel) and
     * the one that was to be inserted (excluded_rel). */
    OnConflict on_conflict;
    bool arbiters_named; /* else every unique index is one */
    int arbiter_count; /* the unique indexes whose conflicts count */
    int *arbiters; /* numbers in table->indexes */
    int excluded_rel;
    int conflict_count;
    int *conflict_columns;
    TargetEntry *conflict_targets;
    Expr *conflict_where;
    int check_count;
    Expr **checks; /* over range[result_rel], in the order of table->checks */
} Query;

typedef struct CteInfo {
    const char *name;
    Query *query;
    int materialized; /* as in AstCte */
    bool is_volatile;
    bool recursive; /* query is a UNION whose right side reads what has been found so far */
    bool open; /* while the right side is bound */
    int uses; /* in FROM */
    int column_count;
    RangeColumn *columns;
} CteInfo;

#endif
