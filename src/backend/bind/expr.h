/* src/backend/bind/expr.h - expressions whose names and types are resolved.
 *
 * Made by the binder, rewritten by the planner (EXPR_COLUMN becomes EXPR_SLOT), evaluated by the
 * executor. Nodes are read-only once a plan is made. */
#ifndef BIND_EXPR_H
#define BIND_EXPR_H
#include "backend/parse/ast.h"
#include "backend/type/func.h"

typedef enum ExprKind {
    EXPR_CONST,
    EXPR_PARAM, /* $n of a prepared statement, or a literal taken out of the text (X2) */
    EXPR_COLUMN, /* before planning: column of a range entry, levels_up queries out */
    EXPR_SLOT, /* after planning: column of the input batch */
    EXPR_OUTER, /* after planning: value of an enclosing query's row, set before each run */
    EXPR_CALL, /* function or operator; series too, in target lists and FROM */
    EXPR_AGG,
    EXPR_AND,
    EXPR_OR,
    EXPR_NOT,
    EXPR_CASE,
    EXPR_CASE_VALUE, /* the CASE's argument inside its WHENs */
    EXPR_COALESCE,
    EXPR_MINMAX,
    EXPR_NULLIF,
    EXPR_NULL_TEST,
    EXPR_BOOL_TEST,
    EXPR_DISTINCT, /* IS [NOT] DISTINCT FROM */
    EXPR_IO_CAST, /* through text */
    EXPR_RELABEL, /* another type, same bytes */
    EXPR_ARRAY_CAST, /* each element through a cast */
    EXPR_SCALAR_ARRAY, /* x op ANY/ALL (array) */
    EXPR_ARRAY, /* ARRAY[...] */
    EXPR_SUBSCRIPT,
    EXPR_SUBQUERY,
    EXPR_ROW,
    EXPR_DEFAULT, /* DEFAULT in VALUES of an INSERT, until replaced */
    EXPR_ONCE, /* after planning: computed once for an execution, when first needed (X1) */
} ExprKind;

struct Query;
struct Plan;

typedef struct Expr {
    ExprKind kind;
    Oid type;
    int32_t typmod;
    int location;
    union {
        Value constant; /* CONST */
        struct {
            int number; /* 0-based index into the parameters of an execution */
        } param;
        struct {
            int rel; /* index in the query's range */
            int column; /* 1-based; negative: system column */
            int levels_up;
        } column;
        struct {
            int index;
        } slot; /* SLOT; OUTER: index into the plan's outer values */
        struct {
            const FnInfo *fn;
            const OperInfo *oper; /* when it was written as an operator */
            int arg_count;
            struct Expr **args;
            int state_no; /* after planning: where FnCall.state lives */
            bool variadic_array; /* VARIADIC array: the last argument is the array itself */
            bool implicit; /* a coercion nobody wrote: left out when deparsed */
        } call;
        struct {
            const FnInfo *fn;
            int arg_count;
            struct Expr **args;
            bool star, distinct;
            struct Expr *filter;
            int order_count;
            struct SortKey *order;
            int levels_up;
        } agg;
        struct {
            int count;
            struct Expr **items;
            bool greatest; /* MINMAX */
        } list; /* AND, OR, COALESCE, MINMAX, ARRAY, ROW */
        struct {
            struct Expr *arg; /* tested value, or NULL */
            int when_count;
            struct Expr **whens, **thens;
            struct Expr *otherwise; /* never NULL */
        } cases;
        struct {
            struct Expr *arg;
            int once_no; /* ONCE: index into the execution's values */
        } once;
        struct {
            struct Expr *arg;
            bool is_not;
            BoolTestKind test;
            const FnInfo *element_fn; /* ARRAY_CAST */
            bool explicit_cast, implicit;
        } unary; /* NOT, NULL_TEST, BOOL_TEST, IO_CAST, RELABEL, ARRAY_CAST */
        struct {
            const OperInfo *oper; /* DISTINCT, NULLIF: =; SCALAR_ARRAY: per element */
            struct Expr *left, *right;
            int state_no;
            bool is_not; /* DISTINCT */
            bool use_all; /* SCALAR_ARRAY */
        } binary;
        struct {
            struct Expr *arg, *lower, *upper;
            bool is_slice;
        } subscript;
        struct {
            SublinkKind kind;
            struct Query *query;
            struct Expr *test; /* ANY, ALL: left side */
            const OperInfo *oper; /* ANY, ALL: test op column 1 */
            int plan_no; /* after planning: index into the plan's subplans */
        } subquery;
    };
} Expr;

typedef struct SortKey {
    Expr *expr;
    bool descending, nulls_first;
} SortKey;

Expr *expr_new(Arena *a, ExprKind kind, Oid type, int32_t typmod, int location);
Expr *expr_const(Arena *a, Oid type, int32_t typmod, Value v, int location);
Expr *expr_const_int4(Arena *a, int32_t v);
Expr *expr_const_bool(Arena *a, bool v);
/* Same meaning, names of parameters and all. Locations are ignored. */
bool expr_equal(const Expr *a, const Expr *b);
/* Calls `visit` for every direct child (not into the query of a subquery); stops when it says false.
 * The child pointer may be replaced. */
bool expr_children(Expr *e, bool (*visit)(Expr **child, void *arg), void *arg);
/* Where its text begins: an operator is at its sign. -1: nowhere. */
int expr_start(Expr *e);
/* A copy down to the leaves (subqueries are shared). */
Expr *expr_copy(Arena *a, const Expr *e);
bool expr_is_volatile(const Expr *e);
bool expr_can_raise(const Expr *e);
bool expr_has_aggregate(const Expr *e); /* of this query level */
bool expr_has_series(const Expr *e);
bool expr_has_subquery(const Expr *e);
/* No columns, no parameters, no volatile or stable functions. */
bool expr_is_constant(const Expr *e);

#endif
