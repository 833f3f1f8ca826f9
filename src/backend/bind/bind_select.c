/* bind_select.c - SELECT, VALUES and set operations. */
#include "backend/bind/bind_int.h"

void
query_add_target(Binder *b, Query *q, TargetEntry t)
{
    if (q->target_count == q->target_capacity) {
        int capacity = MAX_OF(8, q->target_capacity * 2);
        TargetEntry *targets = arena_array(b->arena, TargetEntry, capacity);

        if (q->target_count > 0)
            memcpy(targets, q->targets, sizeof(*targets) * (size_t)q->target_count);
        q->targets = targets;
        q->target_capacity = capacity;
    }
    q->targets[q->target_count++] = t;
}

/* The name of an output column nobody named. *weak: only for want of a better one; a cast around it may give
 * its own. */
static const char *
default_name(const Ast *ast, bool *weak)
{
    const char *name;

    *weak = false;

    switch (ast->kind) {
    case AST_COLUMN_REF: {
        const AstColumnRef *r = (const AstColumnRef *)ast;

        return r->part_count > 0 ? r->parts[r->part_count - 1] : "?column?";
    }
    case AST_FUNC: return ((const AstFunc *)ast)->name;
    case AST_CAST:
        name = default_name(((const AstCast *)ast)->arg, weak);
        if (!*weak)
            return name;
        return ((const AstCast *)ast)->type->name;
    case AST_CASE:
        if (((const AstCase *)ast)->otherwise != NULL) {
            name = default_name(((const AstCase *)ast)->otherwise, weak);
            if (!*weak)
                return name;
        }
        *weak = true;
        return "case";
    case AST_COALESCE: return "coalesce";
    case AST_MINMAX: return ((const AstMinMax *)ast)->greatest ? "greatest" : "least";
    case AST_ARRAY: return "array";
    case AST_ROW: return "row";
    case AST_INDIRECTION:
        if (((const AstIndirection *)ast)->field != NULL)
            return ((const AstIndirection *)ast)->field;
        return default_name(((const AstIndirection *)ast)->arg, weak);
    case AST_COLLATE: return default_name(((const AstCollate *)ast)->arg, weak);
    case AST_OP: *weak = ((const AstOp *)ast)->op_kind != OP_NULLIF; return *weak ? "?column?" : "nullif";
    case AST_SUBLINK: {
        const AstSublink *s = (const AstSublink *)ast;

        if (s->sublink_kind == SUBLINK_EXISTS)
            return "exists";
        if (s->sublink_kind == SUBLINK_ARRAY)
            return "array";
        if (s->sublink_kind == SUBLINK_SCALAR && s->query->kind == AST_SELECT) {
            const AstSelect *q = (const AstSelect *)s->query;

            if (q->targets.count > 0) {
                const AstTarget *t = (const AstTarget *)q->targets.items[0];

                return t->name != NULL ? t->name : default_name(t->value, weak);
            }
        }
        *weak = true;
        return "?column?";
    }
    case AST_SQL_VALUE: {
        static const char *const names[] = {
            [SQLVALUE_CURRENT_DATE] = "current_date",
            [SQLVALUE_CURRENT_TIME] = "current_time",
            [SQLVALUE_CURRENT_TIMESTAMP] = "current_timestamp",
            [SQLVALUE_LOCALTIME] = "localtime",
            [SQLVALUE_LOCALTIMESTAMP] = "localtimestamp",
            [SQLVALUE_CURRENT_ROLE] = "current_role",
            [SQLVALUE_USER] = "user",
            [SQLVALUE_CURRENT_USER] = "current_user",
            [SQLVALUE_SESSION_USER] = "session_user",
            [SQLVALUE_CURRENT_CATALOG] = "current_catalog",
            [SQLVALUE_CURRENT_SCHEMA] = "current_schema",
        };

        return names[((const AstSqlValue *)ast)->value_kind];
    }
    default: *weak = true; return "?column?";
    }
}

const char *
target_default_name(const Ast *ast)
{
    bool weak;

    return default_name(ast, &weak);
}

Status
bind_targets(Binder *b, const AstList *targets, Clause clause)
{
    for (int i = 0; i < targets->count; i++) {
        const AstTarget *t = (const AstTarget *)targets->items[i];
        TargetEntry entry = {0};

        if (t->value->kind == AST_COLUMN_REF && ((const AstColumnRef *)t->value)->star) {
            TRY(expand_star(b, (const AstColumnRef *)t->value));
            continue;
        }
        TRY(bind_expr_clause(b, t->value, clause, &entry.expr));
        entry.name = t->name != NULL ? t->name : target_default_name(t->value);
        if (entry.expr->kind == EXPR_COLUMN && entry.expr->column.levels_up == 0) {
            const RangeEntry *r = b->query->range[entry.expr->column.rel];

            if (r->kind == RANGE_TABLE) {
                entry.table = r->table->oid;
                entry.column = (int16_t)entry.expr->column.column;
            }
        }
        if (clause == CLAUSE_SELECT && expr_has_series(entry.expr))
            b->query->has_series = true;
        query_add_target(b, b->query, entry);
    }
    return ST_OK;
}

/* ---- FOR UPDATE ------------------------------------------------------------------------------------ */

static const char *
strength_name(LockStrength s)
{
    static const char *const names[] = {"", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};

    return names[s];
}

static void
add_mark(Binder *b, int rel, const AstLocking *l)
{
    Query *q = b->query;

    for (int i = 0; i < q->mark_count; i++) {
        if (q->marks[i].rel == rel) {
            q->marks[i].strength = MAX_OF(q->marks[i].strength, l->strength);
            q->marks[i].wait = MAX_OF(q->marks[i].wait, l->wait);
            return;
        }
    }
    q->marks[q->mark_count++] = (RowMark){rel, l->strength, l->wait};
}

/* The other tables' rows travel along, for the re-check (R4). */
static void
add_unlocked(Query *q)
{
    int locked = q->mark_count;

    for (int rel = 0; rel < q->range_count; rel++) {
        RangeEntry *r = q->range[rel];
        bool is_locked = false;

        for (int i = 0; i < locked; i++)
            is_locked |= q->marks[i].rel == rel;
        if (is_locked || r->kind != RANGE_TABLE || r->table->kind != TABLE_HEAP)
            continue;
        r->used_ctid = true;
        q->marks[q->mark_count++] = (RowMark){.rel = rel, .strength = LOCKING_NONE};
    }
}

static Status
bind_locking(Binder *b, const AstSelect *s)
{
    Query *q = b->query;

    if (s->locking.count == 0)
        return ST_OK;
    q->marks = arena_array(b->arena, RowMark, q->range_count + 1);
    for (int i = 0; i < s->locking.count; i++) {
        const AstLocking *l = (const AstLocking *)s->locking.items[i];
        const char *name = strength_name(l->strength);
        const char *refused = q->set_op != SETOP_NONE ? "UNION/INTERSECT/EXCEPT"
                              : q->distinct           ? "DISTINCT clause"
                              : q->group_count > 0    ? "GROUP BY clause"
                              : q->having != NULL     ? "HAVING clause"
                              : q->has_aggregates     ? "aggregate functions"
                              : q->has_series         ? "set-returning functions in the target list"
                              : s->values.count > 0   ? "VALUES"
                                                      : NULL;

        if (refused != NULL)
            return fail(b->cx, ST_ERROR, "0A000", "%s %s %s", name,
                        s->values.count > 0 ? "cannot be applied to" : "is not allowed with", refused);
        if (l->of.count == 0) {
            for (int r = 0; r < q->range_count; r++) {
                if (q->range[r]->kind == RANGE_TABLE)
                    add_mark(b, r, l);
                else if (q->range[r]->kind == RANGE_SUBQUERY)
                    return fail_unsupported(b->cx, -1, "row locking in a subquery of FROM");
            }
        }
        for (int k = 0; k < l->of.count; k++) {
            const AstRangeVar *v = (const AstRangeVar *)l->of.items[k];
            int found = -1;

            for (int r = 0; r < q->range_count; r++) {
                if (q->range[r]->alias != NULL && strcmp(q->range[r]->alias, v->name) == 0)
                    found = r;
            }
            if (found < 0)
                return fail_at(b->cx, v->ast.location, "42P01",
                               "relation \"%s\" in %s clause not found in FROM clause", v->name, name);
            if (q->range[found]->kind != RANGE_TABLE)
                return fail_at(b->cx, v->ast.location, "0A000", "%s cannot be applied to this item of FROM",
                               name);
            add_mark(b, found, l);
        }
    }
    for (int i = 0; i < q->mark_count; i++) {
        RangeEntry *r = q->range[q->marks[i].rel];

        if (r->table->kind != TABLE_HEAP)
            return fail(b->cx, ST_ERROR, "42809", "cannot lock rows in relation \"%s\"", r->table->name);
        r->used_ctid = true;
        r->lock = MAX_OF(r->lock, LOCK_ROW_SHARE);
    }
    add_unlocked(q);
    return ST_OK;
}

/* ---- aggregates: every other column must be grouped ------------------------------------------------ */

typedef struct GroupCheck {
    Binder *b;
    Status rc;
} GroupCheck;

/* All columns of a table are determined by its grouped primary key. */
static bool
grouped_by_primary_key(const Query *q, int rel)
{
    const RangeEntry *r = q->range[rel];

    if (r->kind != RANGE_TABLE)
        return false;
    for (int i = 0; i < r->table->index_count; i++) {
        const IndexInfo *x = &r->table->indexes[i];
        bool all = x->primary;

        for (int k = 0; k < x->key_count && all; k++) {
            bool found = false;

            for (int g = 0; g < q->group_count; g++) {
                const Expr *e = q->targets[q->group[g]].expr;

                found |= e->kind == EXPR_COLUMN && e->column.levels_up == 0 && e->column.rel == rel &&
                         e->column.column == x->keys[k].column;
            }
            all = found;
        }
        if (all)
            return true;
    }
    return false;
}

static bool
check_grouped(Expr **child, void *arg)
{
    GroupCheck *g = arg;
    Expr *e = *child;
    const Query *q = g->b->query;

    if (e->kind == EXPR_AGG)
        return true;
    for (int i = 0; i < q->group_count; i++) {
        if (expr_equal(e, q->targets[q->group[i]].expr))
            return true;
    }
    if (e->kind == EXPR_COLUMN && e->column.levels_up == 0) {
        const RangeEntry *r = q->range[e->column.rel];
        const char *name;

        if (grouped_by_primary_key(q, e->column.rel))
            return true;
        name = e->column.column > 0 ? r->columns[e->column.column - 1].name : "ctid";
        g->rc =
            fail_at(g->b->cx, e->location, "42803",
                    "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function",
                    r->alias, name);
        return false;
    }
    return expr_children(e, check_grouped, arg);
}

Status
check_aggregates(Binder *b)
{
    Query *q = b->query;
    GroupCheck g = {b, ST_OK};

    if (!q->has_aggregates && q->group_count == 0 && q->having == NULL)
        return ST_OK;
    q->has_aggregates = true;
    for (int i = 0; i < q->target_count; i++) {
        if (!check_grouped(&q->targets[i].expr, &g))
            return g.rc;
    }
    if (q->having != NULL && !check_grouped(&q->having, &g))
        return g.rc;
    return ST_OK;
}

/* ---- the statement --------------------------------------------------------------------------------- */

/* VALUES (...), (...): one entry in FROM whose columns are the targets. */
static Status
bind_values(Binder *b, const AstSelect *s)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);
    int rows = s->values.count, columns = ((const AstListNode *)s->values.items[0])->items.count, rel;

    r->kind = RANGE_VALUES;
    r->alias = "*VALUES*";
    r->column_count = columns;
    r->columns = arena_array(b->arena, RangeColumn, columns);
    r->value_row_count = rows;
    r->value_rows = arena_array(b->arena, Expr **, rows);
    for (int i = 0; i < rows; i++) {
        const AstList *row = &((const AstListNode *)s->values.items[i])->items;

        if (row->count != columns)
            return fail_at(b->cx, row->count > 0 ? row->items[0]->location : -1, "42601",
                           "VALUES lists must all be the same length");
        r->value_rows[i] = arena_array(b->arena, Expr *, columns);
        for (int c = 0; c < columns; c++)
            TRY(bind_expr_clause(b, row->items[c], CLAUSE_VALUES, &r->value_rows[i][c]));
    }
    for (int c = 0; c < columns; c++) {
        Expr **column = arena_array(b->arena, Expr *, rows);

        for (int i = 0; i < rows; i++)
            column[i] = r->value_rows[i][c];
        TRY(common_type(b, column, rows, "VALUES", &r->columns[c].type));
        for (int i = 0; i < rows; i++) {
            TRY(coerce_or_fail(b, column[i], r->columns[c].type, -1, COERCE_IMPLICIT, column[i]->location,
                               &column[i]));
            r->value_rows[i][c] = column[i];
        }
        r->columns[c].typmod = common_typmod(column, rows, r->columns[c].type);
        r->columns[c].name = arena_printf(b->arena, "column%d", c + 1);
    }
    rel = add_range(b, r);
    scope_add(b, rel, true, true);
    b->query->from = arena_array(b->arena, FromNode *, 1);
    b->query->from[0] = arena_new(b->arena, FromNode);
    b->query->from[0]->rel = rel;
    b->query->from_count = 1;
    return expand_star(b, &(AstColumnRef){.ast = {AST_COLUMN_REF, -1}, .star = true});
}

/* Brings output column `column` of one side to the common type. A side that is a set operation itself
 * passes the wish on to its own sides. */
static Status
set_operation_coerce(Binder *b, Query *side, int column, Oid type)
{
    for (int i = 0, k = 0; i < side->target_count; i++) {
        TargetEntry *t = &side->targets[i];

        if (t->junk || k++ != column)
            continue;
        if (t->expr->type == type)
            return ST_OK;
        if (side->set_op == SETOP_NONE)
            return coerce_or_fail(b, t->expr, type, -1, COERCE_IMPLICIT, t->expr->location, &t->expr);
        TRY(set_operation_coerce(b, side->left, column, type));
        TRY(set_operation_coerce(b, side->right, column, type));
        t->expr->type = type;
        t->expr->typmod = -1;
        return ST_OK;
    }
    return ST_OK;
}

/* The result's columns, once both sides are bound. `fixed`: the left side's types may not change (the name of a
 * recursive query). */
Status
merge_sides(Binder *b, const char *what, const char *fixed)
{
    Query *q = b->query, *queries[2] = {q->left, q->right};
    Expr **sides[2];
    int columns[2] = {0, 0};

    for (int side = 0; side < 2; side++) {
        sides[side] = arena_array(b->arena, Expr *, MAX_OF(queries[side]->target_count, 1));
        for (int i = 0; i < queries[side]->target_count; i++) {
            if (!queries[side]->targets[i].junk)
                sides[side][columns[side]++] = queries[side]->targets[i].expr;
        }
    }
    if (columns[0] != columns[1])
        return fail_at(b->cx, columns[1] > 0 ? sides[1][0]->location : -1, "42601",
                       "each %s query must have the same number of columns", what);
    for (int c = 0; c < columns[0]; c++) {
        Expr *both[2] = {sides[0][c], sides[1][c]};
        TargetEntry t = {0};
        Oid type;

        TRY(common_type(b, both, 2, what, &type));
        if (fixed != NULL && type != both[0]->type) {
            (void)fail_at(
                b->cx, both[0]->location, "42804",
                "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall", fixed,
                c + 1, type_by_oid(both[0]->type)->sql_name, type_by_oid(type)->sql_name);
            fail_hint(b->cx, "Cast the output of the non-recursive term to the correct type.");
            return ST_ERROR;
        }
        for (int side = 0; side < 2; side++)
            TRY(set_operation_coerce(b, queries[side], c, type));
        t.expr = expr_new(b->arena, EXPR_COLUMN, type, common_typmod(both, 2, type), both[0]->location);
        t.expr->column.rel = 0;
        t.expr->column.column = c + 1;
        for (int i = 0, k = 0; i < q->left->target_count; i++) {
            if (!q->left->targets[i].junk && k++ == c)
                t.name = q->left->targets[i].name;
        }
        query_add_target(b, q, t);
    }
    return ST_OK;
}

static Status
bind_set_operation(Binder *b, const AstSelect *s)
{
    static const char *const names[] = {"", "UNION", "INTERSECT", "EXCEPT"};
    Query *q = b->query;

    q->set_op = s->set_op;
    q->set_all = s->set_all;
    TRY(bind_subquery(b, &s->left->ast, UNTYPED_KEPT, &q->left));
    TRY(bind_subquery(b, &s->right->ast, UNTYPED_KEPT, &q->right));
    return merge_sides(b, names[s->set_op], NULL);
}

Status
bind_subquery(Binder *b, const Ast *ast, Untyped untyped, Query **out)
{
    if (ast->kind != AST_SELECT)
        return fail_unsupported(b->cx, -1, "a data-modifying statement in WITH or FROM");
    return bind_select(b->cx, b->arena, b->params, b, (const AstSelect *)ast, untyped, out);
}

static Status
bind_plain_select(Binder *b, const AstSelect *s)
{
    Query *q = b->query;

    if (s->has_windows)
        return fail_unsupported(b->cx, -1, "WINDOW");
    TRY(bind_from(b, &s->from));
    TRY(bind_targets(b, &s->targets, CLAUSE_SELECT));
    TRY(bind_condition(b, s->where, CLAUSE_WHERE, "WHERE", &q->where));
    TRY(bind_condition(b, s->having, CLAUSE_HAVING, "HAVING", &q->having));
    return ST_OK;
}

Status
bind_select(Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, const AstSelect *s, Untyped untyped,
            Query **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;

    TRY(ctx_check_stack(cx));
    binder_init(&b, cx, arena, params, parent, q);
    if (s->into != NULL)
        return fail_at(cx, s->into->relation->ast.location, "42601", "SELECT ... INTO is not allowed here");
    TRY(bind_ctes(&b, &s->ctes, s->recursive));
    if (s->set_op != SETOP_NONE)
        TRY(bind_set_operation(&b, s));
    else if (s->values.count > 0)
        TRY(bind_values(&b, s));
    else
        TRY(bind_plain_select(&b, s));
    TRY(bind_order_by(&b, &s->order_by));
    if (s->set_op == SETOP_NONE && s->values.count == 0)
        TRY(bind_group_by(&b, &s->group_by));
    TRY(bind_distinct_clause(&b, s));
    TRY(bind_limit_value(&b, s->offset, CLAUSE_OFFSET, "OFFSET", &q->offset));
    TRY(bind_limit_value(&b, s->limit, CLAUSE_LIMIT, "LIMIT", &q->limit));
    q->with_ties = s->with_ties;
    if (q->with_ties)
        return fail_unsupported(cx, -1, "FETCH FIRST ... WITH TIES");
    for (int i = 0; i < q->target_count && untyped == UNTYPED_TO_TEXT; i++)
        TRY(resolve_unknown(&b, &q->targets[i].expr));
    TRY(check_aggregates(&b));
    TRY(bind_locking(&b, s));
    TRY(check_privileges(&b));
    *out = q;
    return ST_OK;
}
