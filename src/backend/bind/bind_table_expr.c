/* bind_table_expr.c - expressions that belong to a table (defaults, checks, index keys), and single values. */
#include "backend/bind/bind_int.h"
#include "backend/parse/parse.h"

static bool
find_subquery(Expr **child, void *arg)
{
    if ((*child)->kind == EXPR_SUBQUERY) {
        *(int *)arg = (*child)->location;
        return false;
    }
    return expr_children(*child, find_subquery, arg);
}

static int
subquery_location(Expr *e)
{
    int location = e->location;

    find_subquery(&e, &location);
    return location;
}

Status
bind_table_expression(Ctx *cx, Arena *arena, const TableInfo *table, const Ast *ast, const char *clause,
                      Oid type, int32_t typmod, const char *column_name, Expr **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;
    Expr *e, *coerced;

    binder_init(&b, cx, arena, NULL, NULL, q);
    b.clause = CLAUSE_OTHER;
    b.clause_text = clause;
    if (table != NULL) {
        RangeEntry *r = arena_new(arena, RangeEntry);

        r->kind = RANGE_TABLE;
        r->alias = table->name;
        r->table = table;
        r->column_count = table->column_count;
        r->columns = arena_array(arena, RangeColumn, MAX_OF(table->column_count, 1));
        for (int i = 0; i < table->column_count; i++)
            r->columns[i] = (RangeColumn){.name = table->columns[i].name,
                                          .type = table->columns[i].type,
                                          .typmod = table->columns[i].typmod,
                                          .hidden = table->columns[i].dropped};
        scope_add(&b, add_range(&b, r), true, true);
    }
    if (bind_expr(&b, ast, &e) != ST_OK) {
        if (table == NULL && strcmp(cx->error.sqlstate, "42703") == 0 && ast->location >= 0)
            return fail_at(cx, cx->error.position - 1, "0A000", "cannot use column reference in %s",
                           strcmp(clause, "DEFAULT expressions") == 0 ? "DEFAULT expression" : clause);
        return ST_ERROR;
    }
    if (expr_has_subquery(e))
        return fail_at(cx, subquery_location(e), "0A000", "cannot use subquery in %s",
                       strcmp(clause, "check constraints") == 0     ? "check constraint"
                       : strcmp(clause, "DEFAULT expressions") == 0 ? "DEFAULT expression"
                                                                    : clause);
    if (type == OID_NONE) {
        TRY(resolve_unknown(&b, &e));
        *out = e;
        return ST_OK;
    }
    TRY(coerce_expr(cx, arena, NULL, e, type, typmod, COERCE_ASSIGNMENT, &coerced));
    if (coerced == NULL) {
        if (column_name == NULL)
            return coerce_to_boolean(&b, e, "CHECK", out);
        (void)fail_at(cx, e->location, "42804",
                      "column \"%s\" is of type %s but default expression is of type %s", column_name,
                      type_by_oid(type)->sql_name, type_by_oid(e->type)->sql_name);
        fail_hint(cx, "You will need to rewrite or cast the expression.");
        return ST_ERROR;
    }
    *out = coerced;
    return ST_OK;
}

Status
bind_value_expression(Ctx *cx, Arena *arena, const Ast *ast, const char *clause, Oid type, Expr **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;
    Expr *e;

    binder_init(&b, cx, arena, NULL, NULL, q);
    b.clause = CLAUSE_OTHER;
    b.clause_text = clause;
    TRY(bind_expr(&b, ast, &e));
    if (expr_has_subquery(e)) { /* "EXECUTE parameters": of one of them */
        size_t bytes = strlen(clause);

        return fail_at(cx, subquery_location(e), "0A000", "cannot use subquery in %.*s",
                       (int)(bytes - (bytes > 0 && clause[bytes - 1] == 's')), clause);
    }
    if (type == OID_NONE) {
        TRY(resolve_unknown(&b, &e));
        *out = e;
        return ST_OK;
    }
    return coerce_or_fail(&b, e, type, -1, COERCE_ASSIGNMENT, e->location, out);
}
