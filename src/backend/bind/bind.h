/* src/backend/bind/bind.h - from a parse tree to a Query: names, types, overloads, coercions.
 *
 * PostgreSQL's rules, SQLSTATEs and cursor positions. Everything made lies in `arena`. */
#ifndef BIND_BIND_H
#define BIND_BIND_H
#include "backend/bind/query.h"
#include "backend/parse/literals.h"

/* Types of $1.. : given ones are fixed, 0 and TYPE_UNKNOWN are inferred. */
typedef struct ParamTypes {
    Arena *arena; /* of `types`: they outlive the plan */
    Oid *types;
    int count, capacity;
    bool fixed; /* a parameter beyond `count` is 42P02 */
    /* X2: literals become parameters, number i + 1 for literal i, wherever nobody has to know their value now;
     * they are marked `taken`. There are no other parameters then. NULL: literals are constants. */
    LiteralText *literals;
} ParamTypes;

/* SELECT, VALUES, INSERT, UPDATE, DELETE. */
MUST_CHECK Status bind_statement(Ctx *cx, Arena *arena, ParamTypes *params, const Ast *ast, Query **out);
/* WHERE CURRENT OF: (cursor text, table oid) to the ctid of its row. Not in pg_proc; session/cursor.c. */
extern const FnInfo current_of_fn;
/* Every parameter must have got a type: 42P18. */
MUST_CHECK Status bind_finish_params(Ctx *cx, const ParamTypes *params);

/* An expression over the columns of one table (NULL: none), coerced as an assignment to the type
 * (OID_NONE: as it comes). `clause` names the place in errors: "DEFAULT expressions", "check
 * constraints", "index expressions". */
MUST_CHECK Status bind_table_expression(Ctx *cx, Arena *arena, const TableInfo *table, const Ast *ast,
                                        const char *clause, Oid type, int32_t typmod, const char *column_name,
                                        Expr **out);
/* EXECUTE's arguments, SET's ... : no columns, no parameters. */
MUST_CHECK Status bind_value_expression(Ctx *cx, Arena *arena, const Ast *ast, const char *clause, Oid type,
                                        Expr **out);
/* INTEGER, numeric(10,2)[], serial is the caller's business. 42704 when unknown. */
MUST_CHECK Status bind_type_name(Ctx *cx, const AstTypeName *name, Oid *type, int32_t *typmod);

/* ---- coercions, also used by COPY, EXECUTE, DDL ---------------------------------------------------- */
typedef enum CoerceContext { COERCE_IMPLICIT, COERCE_ASSIGNMENT, COERCE_EXPLICIT } CoerceContext;
/* *out NULL: there is no such coercion (no error recorded). A value that does not fit is an error. */
MUST_CHECK Status coerce_expr(Ctx *cx, Arena *arena, ParamTypes *params, Expr *e, Oid type, int32_t typmod,
                              CoerceContext context, Expr **out);
bool coerce_possible(Oid from, Oid to, CoerceContext context);
/* A name as it must be written to be read back: quoted where needed. */
void deparse_identifier(const char *name, Buf *out);
/* What a definition never has: columns of plan nodes, values handed down, subqueries. EXPLAIN knows. */
typedef struct DeparseHooks {
    Status (*slot)(void *arg, const Expr *e, Buf *out);
    Status (*outer)(void *arg, const Expr *e, Buf *out);
    Status (*subquery)(void *arg, const Expr *e, Buf *out);
    const Value *params; /* what $1.. are; NULL = not known */
    void *arg;
} DeparseHooks;
/* Text of a planned expression, in one line. */
MUST_CHECK Status expr_deparse_plan(Ctx *cx, const Expr *e, const DeparseHooks *hooks, Buf *out);
/* Canonical text of a bound expression, as pg_get_expr shows it. `table` names the columns. */
MUST_CHECK Status expr_deparse(Ctx *cx, const Expr *e, const TableInfo *table, bool pretty, Buf *out);
/* Stored text once more, pretty. */
MUST_CHECK Status expr_prettify(Ctx *cx, const char *text, const TableInfo *table, Buf *out);

/* Names and types of a view's columns. All in `arena`. */
MUST_CHECK Status bind_view_columns(Ctx *cx, Arena *arena, const TableInfo *view, ColumnInfo **columns,
                                    int *count);

#endif
