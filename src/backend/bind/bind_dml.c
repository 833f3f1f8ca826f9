/* bind_dml.c - INSERT, UPDATE, DELETE. */
#include "backend/bind/bind_int.h"
#include "backend/parse/parse.h"

/* The table a statement changes. */
static Status
add_target_table(Binder *b, const AstRangeVar *v, const char *verb)
{
    const TableInfo *t;
    int rel;

    TRY(add_table(b, v, LOCK_ROW_EXCLUSIVE, &rel));
    t = b->query->range[rel]->table;
    if (t->kind == TABLE_VIEW || t->kind == TABLE_VIRTUAL) {
        Status rc = fail(b->cx, ST_ERROR, "55000", "cannot %s view \"%s\"", verb, t->name);

        fail_detail(b->cx, "Views that are made by the system are not automatically updatable.");
        return rc;
    }
    if (t->kind == TABLE_SEQUENCE)
        return fail(b->cx, ST_ERROR, "42809", "cannot change sequence \"%s\"", t->name);
    if (t->kind == TABLE_CATALOG)
        return fail(b->cx, ST_ERROR, "42501", "permission denied: \"%s\" is a system catalog", t->name);
    b->query->result_rel = rel;
    return ST_OK;
}

static Status
find_target_column(Binder *b, const TableInfo *t, const char *name, int location, int *column)
{
    *column = table_find_column(t, name);
    if (*column > 0)
        return ST_OK;
    if (*column < 0)
        return fail_at(b->cx, location, "0A000", "cannot assign to system column \"%s\"", name);
    return fail_at(b->cx, location, "42703", "column \"%s\" of relation \"%s\" does not exist", name, t->name);
}

static Status
column_default(Binder *b, const TableInfo *t, int column, Expr **out)
{
    const ColumnInfo *c = &t->columns[column - 1];
    Ast *ast;

    if (c->default_text == NULL) {
        *out = expr_const(b->arena, c->type, -1, value_null(), -1);
        return ST_OK;
    }
    TRY(parse_expression(b->cx, b->arena, c->default_text, &ast));
    return bind_table_expression(b->cx, b->arena, NULL, ast, "DEFAULT expressions", c->type, c->typmod, c->name,
                                 out);
}

static Status
assign(Binder *b, const TableInfo *t, int column, Expr *e, Expr **out)
{
    const ColumnInfo *c = &t->columns[column - 1];
    Expr *coerced;
    Buf from = {0}, to = {0};

    TRY(coerce_expr(b->cx, b->arena, b->params, e, c->type, c->typmod, COERCE_ASSIGNMENT, &coerced));
    if (coerced != NULL) {
        *out = coerced;
        return ST_OK;
    }
    type_format(c->type, -1, &to);
    type_format(e->type, -1, &from);
    (void)fail_at(b->cx, expr_start(e), "42804", "column \"%s\" is of type %s but expression is of type %s",
                  c->name, buf_cstr(&to), buf_cstr(&from));
    fail_hint(b->cx, "You will need to rewrite or cast the expression.");
    buf_free(&from);
    buf_free(&to);
    return ST_ERROR;
}

static Status
bind_checks(Binder *b)
{
    Query *q = b->query;
    const TableInfo *t = q->range[q->result_rel]->table;

    q->checks = arena_array(b->arena, Expr *, MAX_OF(t->check_count, 1));
    for (int i = 0; i < t->check_count; i++) {
        Ast *ast;

        TRY(parse_expression(b->cx, b->arena, t->checks[i].text, &ast));
        TRY(bind_table_expression(b->cx, b->arena, t, ast, "check constraints", TYPE_BOOL, -1, NULL,
                                  &q->checks[i]));
        q->check_count++;
    }
    return ST_OK;
}

Status
bind_returning(Binder *b, const AstList *returning)
{
    Query *q = b->query;
    TargetEntry *targets = q->targets;
    int count = q->target_count, capacity = q->target_capacity;
    Status rc;

    if (returning->count == 0)
        return ST_OK;
    q->targets = NULL;
    q->target_count = q->target_capacity = 0;
    rc = bind_targets(b, returning, CLAUSE_RETURNING);
    for (int i = 0; rc == ST_OK && i < q->target_count; i++)
        rc = resolve_unknown(b, &q->targets[i].expr);
    q->returning = q->targets;
    q->returning_count = q->target_count;
    q->targets = targets;
    q->target_count = count;
    q->target_capacity = capacity;
    return rc;
}

/* ---- INSERT ---------------------------------------------------------------------------------------- */

static Status
insert_columns(Binder *b, const AstInsert *s, const TableInfo *t, int *columns, int *count)
{
    bool *seen = arena_array(b->arena, bool, t->column_count + 1);

    *count = 0;
    if (s->columns.count == 0) {
        for (int c = 1; c <= t->column_count; c++) {
            if (!t->columns[c - 1].dropped)
                columns[(*count)++] = c;
        }
        return ST_OK;
    }
    for (int i = 0; i < s->columns.count; i++) {
        const AstTarget *target = (const AstTarget *)s->columns.items[i];
        int column;

        if (target->has_indirection)
            return fail_unsupported(b->cx, target->ast.location, "INSERT into a part of a column");
        TRY(find_target_column(b, t, target->name, target->ast.location, &column));
        if (seen[column])
            return fail_at(b->cx, target->ast.location, "42701", "column \"%s\" specified more than once",
                           target->name);
        seen[column] = true;
        columns[(*count)++] = column;
    }
    return ST_OK;
}

/* An explicit value for GENERATED ALWAYS AS IDENTITY needs OVERRIDING SYSTEM VALUE. */
static Status
check_identity(Binder *b, const AstInsert *s, const ColumnInfo *c, bool is_default)
{
    Status rc;

    if (c->identity != 'a' || is_default || s->overriding == 2 || s->overriding == 1)
        return ST_OK;
    rc = fail(b->cx, ST_ERROR, "428C9", "cannot insert a non-DEFAULT value into column \"%s\"", c->name);
    fail_detail(b->cx, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c->name);
    fail_hint(b->cx, "Use OVERRIDING SYSTEM VALUE to override.");
    return rc;
}

static Status
insert_arity(Binder *b, int given, int expected, int location)
{
    if (given > expected)
        return fail_at(b->cx, location, "42601", "INSERT has more expressions than target columns");
    return ST_OK;
}

static bool
takes_default(const AstInsert *s, const ColumnInfo *c, const Ast *value)
{
    return value->kind == AST_DEFAULT || (s->overriding == 1 && c->identity != 0);
}

/* VALUES rows are coerced one by one, so that DEFAULT and untyped literals get each column's type. */
static Status
insert_values(Binder *b, const AstInsert *s, const AstSelect *v, const TableInfo *t, const int *columns,
              int count)
{
    Query *q = b->query, *source = arena_new(b->arena, Query);
    RangeEntry *r = arena_new(b->arena, RangeEntry);
    Binder inner;
    int width = ((const AstListNode *)v->values.items[0])->items.count;

    binder_init(&inner, b->cx, b->arena, b->params, NULL, source);
    if (b->query->cte_count > 0 || b->parent != NULL)
        inner.parent = b;
    if (width > count) {
        const AstList *row = &((const AstListNode *)v->values.items[0])->items;

        return insert_arity(b, width, count, row->items[count]->location);
    }
    if (width < count && s->columns.count > 0)
        return fail_at(b->cx, ((const AstTarget *)s->columns.items[width])->ast.location, "42601",
                       "INSERT has more target columns than expressions");
    r->kind = RANGE_VALUES;
    r->alias = "*VALUES*";
    r->column_count = width;
    r->columns = arena_array(b->arena, RangeColumn, width);
    r->value_row_count = v->values.count;
    r->value_rows = arena_array(b->arena, Expr **, v->values.count);
    for (int i = 0; i < v->values.count; i++) {
        const AstList *row = &((const AstListNode *)v->values.items[i])->items;

        if (row->count != width)
            return fail_at(b->cx, row->count > 0 ? row->items[0]->location : -1, "42601",
                           "VALUES lists must all be the same length");
        r->value_rows[i] = arena_array(b->arena, Expr *, width);
        for (int c = 0; c < width; c++) {
            const ColumnInfo *column = &t->columns[columns[c] - 1];
            bool is_default = takes_default(s, column, row->items[c]);
            Expr *e;

            TRY(check_identity(b, s, column, is_default));
            if (is_default) {
                TRY(column_default(b, t, columns[c], &r->value_rows[i][c]));
                continue;
            }
            TRY(bind_expr_clause(&inner, row->items[c], CLAUSE_VALUES, &e));
            TRY(assign(b, t, columns[c], e, &r->value_rows[i][c]));
        }
    }
    for (int c = 0; c < width; c++)
        r->columns[c] = (RangeColumn){.name = arena_printf(b->arena, "column%d", c + 1),
                                      .type = t->columns[columns[c] - 1].type,
                                      .typmod = t->columns[columns[c] - 1].typmod};
    scope_add(&inner, add_range(&inner, r), true, true);
    source->from = arena_array(b->arena, FromNode *, 1);
    source->from[0] = arena_new(b->arena, FromNode);
    source->from_count = 1;
    TRY(expand_star(&inner, &(AstColumnRef){.ast = {AST_COLUMN_REF, -1}, .star = true}));
    q->source = source;
    q->assign_count = width;
    return ST_OK;
}

static Status
insert_select(Binder *b, const AstInsert *s, const TableInfo *t, const int *columns, int count)
{
    Query *q = b->query;
    int width = 0;

    TRY(bind_select(b->cx, b->arena, b->params, b->query->cte_count > 0 || b->parent != NULL ? b : NULL,
                    (const AstSelect *)s->query, UNTYPED_KEPT, &q->source));
    for (int i = 0; i < q->source->target_count; i++) {
        if (!q->source->targets[i].junk)
            TRY(insert_arity(b, ++width, count, expr_start(q->source->targets[i].expr)));
    }
    if (width < count && s->columns.count > 0)
        return fail_at(b->cx, ((const AstTarget *)s->columns.items[width])->ast.location, "42601",
                       "INSERT has more target columns than expressions");
    for (int c = 0; c < width; c++)
        TRY(check_identity(b, s, &t->columns[columns[c] - 1], false));
    q->assign_count = width;
    return ST_OK;
}

/* What the source gives for each column of the table, numbered from 1; NULL where it gives nothing. What is
 * sorted, grouped or cut there is so before it takes the column's type; only what has no type takes it there. */
static Status
source_columns(Binder *b, const TableInfo *t, const int *columns, Expr **out)
{
    const Query *source = b->query->source;

    for (int i = 0, given = 0; given < b->query->assign_count; i++) {
        TargetEntry *from = &source->targets[i];
        Expr *e;

        if (from->junk)
            continue;
        if (from->expr->type == TYPE_UNKNOWN)
            TRY(assign(b, t, columns[given], from->expr, &from->expr));
        e = expr_new(b->arena, EXPR_COLUMN, from->expr->type, from->expr->typmod, expr_start(from->expr));
        e->column.rel = -1;
        e->column.column = given + 1;
        TRY(assign(b, t, columns[given], e, &out[columns[given]]));
        given++;
    }
    return ST_OK;
}

/* One expression for every column of the table, over the source's output (rel -1). */
static Status
insert_targets(Binder *b, const TableInfo *t, const int *columns)
{
    Query *q = b->query;
    Expr **given = arena_array(b->arena, Expr *, t->column_count + 1);

    TRY(source_columns(b, t, columns, given));
    for (int c = 1; c <= t->column_count; c++) {
        const ColumnInfo *column = &t->columns[c - 1];
        TargetEntry e = {.name = column->name, .expr = given[c]};

        if (e.expr != NULL) {
            query_add_target(b, q, e);
            continue;
        }
        if (column->dropped)
            e.expr = expr_const(b->arena, column->type, -1, value_null(), -1);
        else
            TRY(column_default(b, t, c, &e.expr));
        query_add_target(b, q, e);
    }
    return ST_OK;
}

static Status
bind_insert(Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, const AstInsert *s, Query **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;
    const TableInfo *t;
    int *columns, count, rel;

    binder_init(&b, cx, arena, params, parent, q);
    q->command = COMMAND_INSERT;
    TRY(bind_ctes(&b, &s->ctes, s->recursive));
    TRY(add_target_table(&b, s->relation, "insert into"));
    rel = q->result_rel;
    t = q->range[rel]->table;
    columns = arena_array(arena, int, t->column_count + 1);
    TRY(insert_columns(&b, s, t, columns, &count));
    if (s->query != NULL) {
        const AstSelect *v = (const AstSelect *)s->query;
        bool plain_values = v->ast.kind == AST_SELECT && v->values.count > 0 && v->order_by.count == 0 &&
                            v->limit == NULL && v->offset == NULL && v->set_op == SETOP_NONE &&
                            v->ctes.count == 0;

        TRY(plain_values ? insert_values(&b, s, v, t, columns, count)
                         : insert_select(&b, s, t, columns, count));
    }
    q->assign_columns = columns;
    TRY(insert_targets(&b, t, columns));
    scope_add(&b, rel, true, true);
    if (s->on_conflict != ON_CONFLICT_FAIL)
        TRY(bind_on_conflict(&b, s, t));
    TRY(bind_returning(&b, &s->returning));
    TRY(bind_checks(&b));
    TRY(check_privileges(&b));
    *out = q;
    return ST_OK;
}

/* ---- UPDATE, DELETE -------------------------------------------------------------------------------- */

/* SET (a, b) = (x, y): the row's item for this column. */
static const Ast *
assigned_value(const AstTarget *target)
{
    if (target->multi_count > 0 && target->value->kind == AST_ROW &&
        ((const AstRow *)target->value)->items.count == target->multi_count)
        return ((const AstRow *)target->value)->items.items[target->multi_column - 1];
    return target->value;
}

Status
bind_assignments(Binder *b, const AstList *targets, const TableInfo *t)
{
    Query *q = b->query;
    bool *seen = arena_array(b->arena, bool, t->column_count + 1);
    Expr **values = arena_array(b->arena, Expr *, targets->count);

    for (int i = 0; i < targets->count; i++) { /* what is wrong with a value is told before its column is */
        const AstTarget *target = (const AstTarget *)targets->items[i];
        const Ast *value = assigned_value(target);

        if (value->kind != AST_DEFAULT && (target->multi_count <= 1 || value != target->value))
            TRY(bind_expr_clause(b, value, CLAUSE_UPDATE_SET, &values[i]));
    }
    q->assign_columns = arena_array(b->arena, int, targets->count);
    for (int i = 0; i < targets->count; i++) {
        const AstTarget *target = (const AstTarget *)targets->items[i];
        const Ast *value = assigned_value(target);
        TargetEntry e = {.name = target->name};
        int column;

        TRY(find_target_column(b, t, target->name, target->ast.location, &column));
        if (target->has_indirection)
            return fail_unsupported(b->cx, target->ast.location, "UPDATE of a part of a column");
        if (seen[column])
            return fail(b->cx, ST_ERROR, "42601", "multiple assignments to same column \"%s\"", target->name);
        seen[column] = true;
        if (target->multi_count > 1 && value == target->value)
            return value->kind == AST_ROW ? fail_at(b->cx, target->ast.location, "42601",
                                                    "number of columns does not match number of values")
                   : value->kind == AST_SUBLINK
                       ? fail_unsupported(b->cx, target->ast.location, "assigning the row of a subquery")
                       : fail_at(b->cx, value->location, "0A000",
                                 "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() "
                                 "expression");
        if (t->columns[column - 1].identity == 'a' && value->kind != AST_DEFAULT) {
            Status rc =
                fail(b->cx, ST_ERROR, "428C9", "column \"%s\" can only be updated to DEFAULT", target->name);

            fail_detail(b->cx, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                        target->name);
            return rc;
        }
        if (value->kind == AST_DEFAULT) {
            TRY(column_default(b, t, column, &e.expr));
        } else {
            TRY(assign(b, t, column, values[i], &e.expr));
        }
        q->assign_columns[q->assign_count++] = column;
        query_add_target(b, q, e);
    }
    return ST_OK;
}

static Status
start_change(Binder *b, const AstRangeVar *relation, const AstList *from, const char *verb)
{
    Query *q = b->query;

    TRY(add_target_table(b, relation, verb));
    scope_add(b, q->result_rel, true, true);
    q->range[q->result_rel]->used_ctid = true;
    q->from = arena_array(b->arena, FromNode *, 1);
    q->from[0] = arena_new(b->arena, FromNode);
    q->from[0]->rel = q->result_rel;
    q->from_count = 1;
    return bind_from(b, from);
}

static Status
bind_update(Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, const AstUpdate *s, Query **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;

    binder_init(&b, cx, arena, params, parent, q);
    q->command = COMMAND_UPDATE;
    TRY(bind_ctes(&b, &s->ctes, s->recursive));
    TRY(start_change(&b, s->relation, &s->from, "update"));
    TRY(bind_condition(&b, s->where, CLAUSE_WHERE, "WHERE", &q->where));
    TRY(bind_assignments(&b, &s->targets, q->range[q->result_rel]->table));
    TRY(bind_returning(&b, &s->returning));
    TRY(bind_checks(&b));
    TRY(check_privileges(&b));
    *out = q;
    return ST_OK;
}

static Status
bind_delete(Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, const AstDelete *s, Query **out)
{
    Query *q = arena_new(arena, Query);
    Binder b;

    binder_init(&b, cx, arena, params, parent, q);
    q->command = COMMAND_DELETE;
    TRY(bind_ctes(&b, &s->ctes, s->recursive));
    TRY(start_change(&b, s->relation, &s->using_list, "delete from"));
    TRY(bind_condition(&b, s->where, CLAUSE_WHERE, "WHERE", &q->where));
    TRY(bind_returning(&b, &s->returning));
    TRY(check_privileges(&b));
    *out = q;
    return ST_OK;
}

Status
bind_change(Binder *parent, const Ast *ast, Query **out)
{
    switch (ast->kind) {
    case AST_INSERT:
        return bind_insert(parent->cx, parent->arena, parent->params, parent, (const AstInsert *)ast, out);
    case AST_UPDATE:
        return bind_update(parent->cx, parent->arena, parent->params, parent, (const AstUpdate *)ast, out);
    case AST_DELETE:
        return bind_delete(parent->cx, parent->arena, parent->params, parent, (const AstDelete *)ast, out);
    default: return fail_unsupported(parent->cx, ast->location, "this statement in WITH");
    }
}

/* ---- entry points ---------------------------------------------------------------------------------- */

Status
bind_statement(Ctx *cx, Arena *arena, ParamTypes *params, const Ast *ast, Query **out)
{
    switch (ast->kind) {
    case AST_SELECT: return bind_select(cx, arena, params, NULL, (const AstSelect *)ast, UNTYPED_TO_TEXT, out);
    case AST_INSERT: return bind_insert(cx, arena, params, NULL, (const AstInsert *)ast, out);
    case AST_UPDATE: return bind_update(cx, arena, params, NULL, (const AstUpdate *)ast, out);
    case AST_DELETE: return bind_delete(cx, arena, params, NULL, (const AstDelete *)ast, out);
    default: return fail_unsupported(cx, ast->location, "this statement here");
    }
}

Status
bind_finish_params(Ctx *cx, const ParamTypes *params)
{
    for (int i = 0; i < params->count; i++) {
        if (params->literals != NULL && !params->literals->items[i].taken)
            continue;
        if (params->types[i] == OID_NONE || params->types[i] == TYPE_UNKNOWN)
            return fail(cx, ST_ERROR, "42P18", "could not determine data type of parameter $%d", i + 1);
    }
    return ST_OK;
}
