/* bind_clause.c - ORDER BY, GROUP BY, DISTINCT and LIMIT: references to targets. */
#include "backend/bind/bind_int.h"

static Status
fail_set_order(Binder *b, const Ast *ast)
{
    while (ast->kind == AST_OP && ((const AstOp *)ast)->left != NULL) /* where the expression begins */
        ast = ((const AstOp *)ast)->left;
    (void)fail_at(b->cx, ast->location, "0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    fail_detail(b->cx, "Only result column names can be used, not expressions or functions.");
    fail_hint(b->cx, "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
    return ST_ERROR;
}

/* An output column by its name; -1 when there is none. */
static Status
find_target_named(Binder *b, const char *name, const char *what, int location, int *out)
{
    const Query *q = b->query;

    *out = -1;
    for (int i = 0; i < q->target_count; i++) {
        if (q->targets[i].junk || strcmp(q->targets[i].name, name) != 0)
            continue;
        if (*out >= 0 && !expr_equal(q->targets[*out].expr, q->targets[i].expr))
            return fail_at(b->cx, location, "42702", "%s \"%s\" is ambiguous", what, name);
        *out = *out < 0 ? i : *out;
    }
    return ST_OK;
}

/* ... by its position, from 1. */
static Status
find_target_numbered(Binder *b, const AstConst *k, const char *what, int *out)
{
    const Query *q = b->query;
    int position = 0;

    if (k->const_kind != CONST_INT)
        return fail_at(b->cx, k->ast.location, "42601", "non-integer constant in %s", what);
    for (int i = 0; i < q->target_count; i++) {
        if (!q->targets[i].junk && ++position == k->integer) {
            *out = i;
            return ST_OK;
        }
    }
    return fail_at(b->cx, k->ast.location, "42P10", "%s position %d is not in select list", what, k->integer);
}

/* A target that computes this; added where there is none. */
static Status
find_target_equal(Binder *b, const Ast *ast, Expr *e, int *out)
{
    Query *q = b->query;
    TargetEntry junk = {.junk = true, .name = "?column?"};

    for (int i = 0; i < q->target_count; i++) {
        if (expr_equal(q->targets[i].expr, e)) {
            *out = i;
            return ST_OK;
        }
    }
    if (q->set_op != SETOP_NONE)
        return fail_set_order(b, ast);
    TRY(resolve_unknown(b, &e));
    junk.expr = e;
    *out = q->target_count;
    query_add_target(b, q, junk);
    return ST_OK;
}

/* Finds or adds the target that a sort or group item means: an output name (SQL-92), a position, or
 * any expression. */
static Status
find_target(Binder *b, const Ast *ast, Clause clause, bool input_first, int *out)
{
    const char *what = clause == CLAUSE_ORDER_BY   ? "ORDER BY"
                       : clause == CLAUSE_GROUP_BY ? "GROUP BY"
                                                   : "DISTINCT ON";
    const AstColumnRef *ref = (const AstColumnRef *)ast;
    Expr *e;

    if (ast->kind == AST_COLUMN_REF && ref->part_count == 1 && !ref->star) {
        int found;

        if (input_first) { /* GROUP BY prefers an input column of that name */
            Status rc = bind_expr_clause(b, ast, clause, &e);

            if (rc == ST_OK && e->kind == EXPR_COLUMN && e->column.levels_up > 0)
                rc = ST_ERROR; /* an outer column does not hide an output name */
            if (rc == ST_OK)
                return find_target_equal(b, ast, e, out);
            if (strcmp(b->cx->error.sqlstate, "42702") == 0)
                return rc;
            ctx_error_clear(b->cx);
        }
        TRY(find_target_named(b, ref->parts[0], what, ast->location, &found));
        if (found >= 0) {
            *out = found;
            return ST_OK;
        }
    }
    if (ast->kind == AST_CONST)
        return find_target_numbered(b, (const AstConst *)ast, what, out);
    if (b->query->set_op != SETOP_NONE && ast->kind != AST_COLUMN_REF)
        return fail_set_order(b, ast);
    TRY(bind_expr_clause(b, ast, clause, &e));
    return find_target_equal(b, ast, e, out);
}

static Status
check_sortable(Binder *b, const Expr *e, int location)
{
    Status rc;

    if (type_by_oid(e->type)->compare != NULL)
        return ST_OK;
    rc = fail_at(b->cx, location >= 0 ? location : e->location, "42883",
                 "could not identify an ordering operator for type %s", type_by_oid(e->type)->sql_name);
    fail_hint(b->cx, "Use an explicit ordering operator or modify the query.");
    return rc;
}

Status
bind_order_by(Binder *b, const AstList *items)
{
    Query *q = b->query;

    q->sort = arena_array(b->arena, SortClause, MAX_OF(items->count, 1));
    for (int i = 0; i < items->count; i++) {
        const AstSortBy *s = (const AstSortBy *)items->items[i];
        SortClause c = {0};
        bool seen = false;

        TRY(find_target(b, s->expr, CLAUSE_ORDER_BY, false, &c.target));
        TRY(resolve_unknown(b, &q->targets[c.target].expr));
        TRY(check_sortable(b, q->targets[c.target].expr, s->expr->location));
        c.descending = s->descending;
        if (s->using_op != NULL) {
            if (strcmp(s->using_op, "<") != 0 && strcmp(s->using_op, ">") != 0)
                return fail_at(b->cx, s->ast.location, "42809", "operator %s is not a valid ordering operator",
                               s->using_op);
            c.descending = s->using_op[0] == '>';
        }
        c.nulls_first = s->nulls_given ? s->nulls_first : c.descending;
        for (int k = 0; k < q->sort_count; k++)
            seen |= q->sort[k].target == c.target;
        if (!seen)
            q->sort[q->sort_count++] = c;
    }
    return ST_OK;
}

Status
bind_group_by(Binder *b, const AstList *items)
{
    Query *q = b->query;

    q->group = arena_array(b->arena, int, MAX_OF(items->count, 1));
    for (int i = 0; i < items->count; i++) {
        int target;
        bool seen = false;

        TRY(find_target(b, items->items[i], CLAUSE_GROUP_BY, true, &target));
        TRY(resolve_unknown(b, &q->targets[target].expr));
        if (expr_has_aggregate(q->targets[target].expr))
            return fail_at(b->cx, items->items[i]->location, "42803",
                           "aggregate functions are not allowed in GROUP BY");
        TRY(check_sortable(b, q->targets[target].expr, items->items[i]->location));
        for (int k = 0; k < q->group_count; k++)
            seen |= q->group[k] == target;
        if (!seen)
            q->group[q->group_count++] = target;
    }
    return ST_OK;
}

Status
bind_distinct_clause(Binder *b, const AstSelect *s)
{
    Query *q = b->query;

    q->distinct = s->distinct;
    if (!s->distinct)
        return ST_OK;
    if (s->distinct_on.count == 0) {
        for (int i = 0; i < q->sort_count; i++) {
            if (q->targets[q->sort[i].target].junk)
                return fail_at(b->cx, q->targets[q->sort[i].target].expr->location, "42P10",
                               "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
        }
        for (int i = 0; i < q->target_count; i++) {
            TRY(resolve_unknown(b, &q->targets[i].expr));
            if (type_by_oid(q->targets[i].expr->type)->compare == NULL)
                return fail_at(b->cx, q->targets[i].expr->location, "42883",
                               "could not identify an equality operator for type %s",
                               type_by_oid(q->targets[i].expr->type)->sql_name);
        }
        return ST_OK;
    }
    q->distinct_on = arena_array(b->arena, int, s->distinct_on.count);
    for (int i = 0; i < s->distinct_on.count; i++) {
        TRY(find_target(b, s->distinct_on.items[i], CLAUSE_DISTINCT_ON, false, &q->distinct_on[i]));
        TRY(resolve_unknown(b, &q->targets[q->distinct_on[i]].expr));
        q->distinct_on_count++;
    }
    for (int i = 0; i < MIN_OF(q->sort_count, q->distinct_on_count); i++) {
        bool found = false;

        for (int k = 0; k < q->distinct_on_count; k++)
            found |= q->distinct_on[k] == q->sort[i].target;
        if (!found)
            return fail_at(b->cx, s->distinct_on.items[0]->location, "42P10",
                           "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    }
    return ST_OK;
}

Status
bind_limit_value(Binder *b, const Ast *ast, Clause clause, const char *what, Expr **out)
{
    Expr *e;
    Buf name = {0};

    *out = NULL;
    if (ast == NULL || (ast->kind == AST_CONST && ((const AstConst *)ast)->const_kind == CONST_NULL))
        return ST_OK;
    TRY(bind_expr_clause(b, ast, clause, &e));
    if (e->kind == EXPR_COLUMN && e->column.levels_up == 0)
        return fail_at(b->cx, e->location, "42P10", "argument of %s must not contain variables", what);
    TRY(coerce_expr(b->cx, b->arena, b->params, e, TYPE_INT8, -1, COERCE_ASSIGNMENT, out));
    if (*out != NULL)
        return ST_OK;
    type_format(e->type, -1, &name);
    (void)fail_at(b->cx, e->location, "42804", "argument of %s must be type bigint, not type %s", what,
                  buf_cstr(&name));
    buf_free(&name);
    return ST_ERROR;
}
