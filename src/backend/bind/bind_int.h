/* src/backend/bind/bind_int.h - what the binder's files share. */
#ifndef BIND_INT_H
#define BIND_INT_H
#include "backend/bind/bind.h"

/* One name in scope: an entry of the query's range, and how it may be used. */
typedef struct ScopeItem {
    int rel;
    bool columns_visible; /* by bare column name */
    bool name_visible; /* qualified and in * */
    bool
        is_other_side; /* left of a RIGHT or FULL JOIN whose right side is being bound: LATERAL must not look */
} ScopeItem;

typedef enum Clause {
    CLAUSE_NONE,
    CLAUSE_SELECT,
    CLAUSE_FROM_FUNCTION,
    CLAUSE_JOIN_ON,
    CLAUSE_WHERE,
    CLAUSE_GROUP_BY,
    CLAUSE_HAVING,
    CLAUSE_ORDER_BY,
    CLAUSE_LIMIT,
    CLAUSE_OFFSET,
    CLAUSE_VALUES,
    CLAUSE_RETURNING,
    CLAUSE_UPDATE_SET,
    CLAUSE_DISTINCT_ON,
    CLAUSE_AGG_ARGUMENT,
    CLAUSE_AGG_FILTER,
    CLAUSE_OTHER, /* clause_text says which */
} Clause;

typedef struct Binder {
    Ctx *cx;
    Arena *arena;
    ParamTypes *params;
    struct Binder *parent; /* of the enclosing query */
    Query *query;
    ScopeItem *scope;
    int scope_count, scope_capacity;
    Clause clause;
    const char *clause_text;
    bool lateral_active;
    bool as_owner; /* inside a view: what it reads is its owner's business */
    const struct Binder *cte_scope_parent;
    int aggregate_depth;
} Binder;

void binder_init(Binder *b, Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, Query *query);

/* expressions */
MUST_CHECK Status bind_expr(Binder *b, const Ast *ast, Expr **out);
MUST_CHECK Status bind_expr_clause(Binder *b, const Ast *ast, Clause clause, Expr **out);
/* ... that must be boolean; `what` as in "argument of WHERE". */
MUST_CHECK Status bind_condition(Binder *b, const Ast *ast, Clause clause, const char *what, Expr **out);
const char *clause_name(const Binder *b);
/* a op b, a op ANY (...), IN, BETWEEN, IS DISTINCT FROM, NULLIF, LIKE. */
MUST_CHECK Status bind_op(Binder *b, const AstOp *n, Expr **out);
MUST_CHECK Status make_array(Binder *b, Expr **items, int count, Oid element, int location, Expr **out);
MUST_CHECK Status make_list(Binder *b, ExprKind kind, Expr **items, int count, Oid type, int location,
                            Expr **out);

/* functions and operators */
MUST_CHECK Status bind_function(Binder *b, const AstFunc *f, Expr **out);
MUST_CHECK Status bind_operator(Binder *b, const char *schema, const char *name, Expr *left, Expr *right,
                                int location, Expr **out);
/* The operator for two types, without making a call; 42883 when there is none. */
MUST_CHECK Status find_operator(Binder *b, const char *schema, const char *name, Oid left, Oid right,
                                int location, const OperInfo **out);
MUST_CHECK Status make_call(Binder *b, const FnInfo *fn, const OperInfo *oper, Expr **args, int arg_count,
                            int location, Expr **out);
/* Replaces the polymorphic types in declared[] by what the actual ones make of them. */
MUST_CHECK Status resolve_polymorphic(Ctx *cx, const Oid *actual, Oid *declared, int count, Oid *result,
                                      int location);

/* coercions inside the binder */
MUST_CHECK Status coerce_or_fail(Binder *b, Expr *e, Oid type, int32_t typmod, CoerceContext context,
                                 int location, Expr **out);
MUST_CHECK Status coerce_to_boolean(Binder *b, Expr *e, const char *what, Expr **out);
/* The type that all can be brought to (UNION, CASE, VALUES, ...). `what` for the error. */
MUST_CHECK Status common_type(Binder *b, Expr *const *exprs, int count, const char *what, Oid *out);
int32_t common_typmod(Expr *const *exprs, int count, Oid type);
/* unknown literals that nothing gave a type become text. */
MUST_CHECK Status resolve_unknown(Binder *b, Expr **e);

/* FROM and names */
MUST_CHECK Status bind_from(Binder *b, const AstList *items);
MUST_CHECK Status bind_column_ref(Binder *b, const AstColumnRef *ref, Expr **out);
/* Adds an entry for a table, everything visible; also used for the target of INSERT/UPDATE/DELETE. */
MUST_CHECK Status add_table(Binder *b, const AstRangeVar *v, LockMode lock, int *rel);
int add_range(Binder *b, RangeEntry *entry);
void scope_add(Binder *b, int rel, bool columns_visible, bool name_visible);
Expr *make_column(Binder *b, int rel, int column, int levels_up, int location);
/* Expands * or t.* into targets. */
MUST_CHECK Status expand_star(Binder *b, const AstColumnRef *ref);
void query_add_target(Binder *b, Query *q, TargetEntry t);
CteInfo *find_cte(Binder *b, const char *name, int *levels_up);

/* Everything is bound: may the current role do all that to the tables? */
MUST_CHECK Status check_privileges(Binder *b);

/* queries */
/* What becomes of output columns that nothing in the query has given a type. */
typedef enum Untyped {
    UNTYPED_TO_TEXT,
    UNTYPED_KEPT, /* literals and parameters, for the caller to type: sides of UNION, the query of an INSERT */
} Untyped;
MUST_CHECK Status bind_select(Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, const AstSelect *s,
                              Untyped untyped, Query **out);
MUST_CHECK Status bind_subquery(Binder *b, const Ast *ast, Untyped untyped, Query **out);
/* INSERT, UPDATE, DELETE below WITH. */
MUST_CHECK Status bind_change(Binder *parent, const Ast *ast, Query **out);
MUST_CHECK Status bind_ctes(Binder *b, const AstList *ctes, bool recursive);
/* What hangs on the targets, which are bound. */
MUST_CHECK Status bind_order_by(Binder *b, const AstList *items);
MUST_CHECK Status bind_group_by(Binder *b, const AstList *items);
MUST_CHECK Status bind_distinct_clause(Binder *b, const AstSelect *s);
/* `what` as in "argument of LIMIT". */
MUST_CHECK Status bind_limit_value(Binder *b, const Ast *ast, Clause clause, const char *what, Expr **out);
/* The result's columns of a set operation, once both sides are bound. `fixed`: the left side's types may not
 * change (the name of a recursive query). */
MUST_CHECK Status merge_sides(Binder *b, const char *what, const char *fixed);
/* ON CONFLICT of an INSERT whose target table is in scope. */
MUST_CHECK Status bind_on_conflict(Binder *b, const AstInsert *s, const TableInfo *t);
/* The SET of UPDATE and DO UPDATE. */
MUST_CHECK Status bind_assignments(Binder *b, const AstList *targets, const TableInfo *t);
MUST_CHECK Status bind_targets(Binder *b, const AstList *targets, Clause clause);
const char *target_default_name(const Ast *ast);
MUST_CHECK Status bind_returning(Binder *b, const AstList *returning);
MUST_CHECK Status check_aggregates(Binder *b);

#endif
