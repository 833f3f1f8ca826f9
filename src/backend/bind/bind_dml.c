/* bind_dml.c - INSERT, UPDATE, DELETE, and expressions that belong to a table (defaults, checks). */
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
    (void)fail_at(b->cx, e->location, "42804", "column \"%s\" is of type %s but expression is of type %s",
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

static Status bind_assignments(Binder *b, const AstList *targets, const TableInfo *t);

/* ---- ON CONFLICT ----------------------------------------------------------------------------------- */

/* The expression of ON CONFLICT (...) in the form in which indexes keep theirs. */
static Status
canonical_text(Binder *b, const TableInfo *t, const Ast *ast, Oid type, const char **out)
{
    Buf text = {0};
    Expr *e;
    Status rc;

    TRY(bind_table_expression(b->cx, b->arena, t, ast, "index expressions", type, -1, NULL, &e));
    rc = expr_deparse(b->cx, e, t, false, &text);
    if (rc == ST_OK)
        *out = arena_strdup(b->arena, buf_cstr(&text));
    buf_free(&text);
    return rc;
}

typedef struct WantedKey {
    int column; /* 0: an expression */
    const char *text;
} WantedKey;

static Status
wanted_keys(Binder *b, const AstInsert *s, const TableInfo *t, WantedKey *keys)
{
    for (int i = 0; i < s->conflict_keys.count; i++) {
        const AstIndexElem *e = (const AstIndexElem *)s->conflict_keys.items[i];

        if (e->opclass != NULL || e->collation != NULL)
            return fail_unsupported(b->cx, s->conflict_location,
                                    "ON CONFLICT with a collation or operator class");
        if (e->column == NULL) {
            TRY(canonical_text(b, t, e->expr, OID_NONE, &keys[i].text));
            continue;
        }
        keys[i].column = table_find_column(t, e->column);
        if (keys[i].column == 0)
            return fail_at(b->cx, s->conflict_keys_location, "42703", "column \"%s\" does not exist",
                           e->column);
    }
    return ST_OK;
}

static bool
key_is_wanted(const IndexKey *key, const WantedKey *wanted)
{
    if (key->column > 0)
        return wanted->column == key->column;
    return wanted->column == 0 && strcmp(key->expression, wanted->text) == 0;
}

/* Every key of the index is asked for, and nothing else is. */
static bool
index_is_meant(const IndexInfo *x, const WantedKey *wanted, int count, const char *predicate)
{
    if (!x->unique || (x->predicate != NULL && (predicate == NULL || strcmp(predicate, x->predicate) != 0)))
        return false;
    for (int k = 0; k < x->key_count; k++) {
        bool found = false;

        for (int i = 0; i < count && !found; i++)
            found = key_is_wanted(&x->keys[k], &wanted[i]);
        if (!found)
            return false;
    }
    for (int i = 0; i < count; i++) {
        bool found = false;

        for (int k = 0; k < x->key_count && !found; k++)
            found = key_is_wanted(&x->keys[k], &wanted[i]);
        if (!found)
            return false;
    }
    return true;
}

static Status
find_arbiters(Binder *b, const AstInsert *s, const TableInfo *t)
{
    Query *q = b->query;
    WantedKey *wanted = arena_array(b->arena, WantedKey, MAX_OF(s->conflict_keys.count, 1));
    const char *predicate = NULL;
    bool any = s->conflict_keys.count == 0 && s->conflict_constraint == NULL;

    if (any && s->on_conflict == ON_CONFLICT_DO_UPDATE) {
        (void)fail_at(b->cx, s->conflict_location, "42601",
                      "ON CONFLICT DO UPDATE requires inference specification or constraint name");
        fail_hint(b->cx, "For example, ON CONFLICT (column_name).");
        return ST_ERROR;
    }
    TRY(wanted_keys(b, s, t, wanted));
    if (s->conflict_predicate != NULL)
        TRY(canonical_text(b, t, s->conflict_predicate, TYPE_BOOL, &predicate));
    q->arbiters = arena_array(b->arena, int, MAX_OF(t->index_count, 1));
    for (int i = 0; i < t->index_count; i++) {
        const IndexInfo *x = &t->indexes[i];
        bool meant = any ? x->unique
                     : s->conflict_constraint != NULL
                         ? x->is_constraint && strcmp(x->name, s->conflict_constraint) == 0
                         : index_is_meant(x, wanted, s->conflict_keys.count, predicate);

        if (meant)
            q->arbiters[q->arbiter_count++] = i;
    }
    q->arbiters_named = !any;
    if (q->arbiter_count > 0 || any)
        return ST_OK;
    if (s->conflict_constraint != NULL)
        return fail(b->cx, ST_ERROR, "42704", "constraint \"%s\" for table \"%s\" does not exist",
                    s->conflict_constraint, t->name);
    return fail(b->cx, ST_ERROR, "42P10",
                "there is no unique or exclusion constraint matching the ON CONFLICT specification");
}

/* The target table is in scope. */
static Status
bind_on_conflict(Binder *b, const AstInsert *s, const TableInfo *t)
{
    Query *q = b->query;
    AstRangeVar excluded = {.ast = {AST_RANGE_VAR, -1},
                            .schema = t->schema_name,
                            .name = t->name,
                            .alias = "excluded"};
    Query insert = *q;
    bool as_owner = b->as_owner;
    Status rc;

    q->on_conflict = s->on_conflict;
    TRY(find_arbiters(b, s, t));
    if (s->on_conflict != ON_CONFLICT_DO_UPDATE)
        return ST_OK;
    b->as_owner = true; /* it is no table that could be forbidden */
    rc = add_table(b, &excluded, LOCK_ACCESS_SHARE, &q->excluded_rel);
    b->as_owner = as_owner;
    TRY(rc);
    scope_add(b, q->excluded_rel, true, true);
    q->targets = NULL;
    q->target_count = q->target_capacity = q->assign_count = 0;
    rc = bind_assignments(b, &s->conflict_targets, t);
    if (rc == ST_OK)
        rc = bind_condition(b, s->conflict_where, CLAUSE_WHERE, "WHERE", &q->conflict_where);
    b->scope_count--;
    q->conflict_count = q->assign_count;
    q->conflict_columns = q->assign_columns;
    q->conflict_targets = q->targets;
    q->targets = insert.targets;
    q->target_count = insert.target_count;
    q->target_capacity = insert.target_capacity;
    q->assign_count = insert.assign_count;
    q->assign_columns = insert.assign_columns;
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
                    (const AstSelect *)s->query, &q->source));
    for (int i = 0; i < q->source->target_count; i++) {
        TargetEntry *e = &q->source->targets[i];

        if (e->junk)
            continue;
        TRY(insert_arity(b, width + 1, count, e->expr->location));
        TRY(check_identity(b, s, &t->columns[columns[width] - 1], false));
        if (q->source->set_op == SETOP_NONE && !q->source->distinct && !expr_has_series(e->expr))
            TRY(assign(b, t, columns[width], e->expr, &e->expr));
        width++;
    }
    if (width < count && s->columns.count > 0)
        return fail_at(b->cx, ((const AstTarget *)s->columns.items[width])->ast.location, "42601",
                       "INSERT has more target columns than expressions");
    q->assign_count = width;
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
    /* targets: one expression for every column of the table, over the source's output (rel -1) */
    for (int c = 1, given = 0; c <= t->column_count; c++) {
        TargetEntry e = {.name = t->columns[c - 1].name};
        int from = -1;

        for (given = 0; given < q->assign_count; given++) {
            if (columns[given] == c)
                from = given;
        }
        if (from >= 0) {
            int seen = 0;

            for (int i = 0; i < q->source->target_count; i++) {
                const TargetEntry *src = &q->source->targets[i];

                if (src->junk || seen++ != from)
                    continue;
                e.expr = expr_new(arena, EXPR_COLUMN, src->expr->type, src->expr->typmod, -1);
                e.expr->column.rel = -1;
                e.expr->column.column = from + 1;
            }
            TRY(assign(&b, t, c, e.expr, &e.expr));
        } else if (t->columns[c - 1].dropped) {
            e.expr = expr_const(arena, t->columns[c - 1].type, -1, value_null(), -1);
        } else {
            TRY(column_default(&b, t, c, &e.expr));
        }
        query_add_target(&b, q, e);
    }
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

static Status
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
    case AST_SELECT: return bind_select(cx, arena, params, NULL, (const AstSelect *)ast, out);
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
