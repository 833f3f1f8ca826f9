/* bind_from.c - FROM: entries of the range, and joins. */
#include "backend/bind/bind_int.h"

#include "backend/parse/parse.h"
#include "backend/type/aclitem.h"

void
binder_init(Binder *b, Ctx *cx, Arena *arena, ParamTypes *params, Binder *parent, Query *query)
{
    *b = (Binder){.cx = cx, .arena = arena, .params = params, .parent = parent, .query = query};
    query->parent = parent != NULL ? parent->query : NULL;
    query->result_rel = -1;
    b->as_owner = parent != NULL && parent->as_owner;
}

int
add_range(Binder *b, RangeEntry *entry)
{
    Query *q = b->query;

    if (q->range_count == q->range_capacity) {
        int capacity = MAX_OF(4, q->range_capacity * 2);
        RangeEntry **range = arena_array(b->arena, RangeEntry *, capacity);

        if (q->range_count > 0)
            memcpy(range, q->range, sizeof(*range) * (size_t)q->range_count);
        q->range = range;
        q->range_capacity = capacity;
    }
    entry->used = arena_array(b->arena, bool, entry->column_count + 1);
    q->range[q->range_count] = entry;
    return q->range_count++;
}

void
scope_add(Binder *b, int rel, bool columns_visible, bool name_visible)
{
    if (b->scope_count == b->scope_capacity) {
        int capacity = MAX_OF(8, b->scope_capacity * 2);
        ScopeItem *scope = arena_array(b->arena, ScopeItem, capacity);

        if (b->scope_count > 0)
            memcpy(scope, b->scope, sizeof(*scope) * (size_t)b->scope_count);
        b->scope = scope;
        b->scope_capacity = capacity;
    }
    b->scope[b->scope_count++] =
        (ScopeItem){.rel = rel, .columns_visible = columns_visible, .name_visible = name_visible};
}

/* FROM a, b AS a: the same name twice. */
static Status
check_alias(Binder *b, const char *alias)
{
    if (alias == NULL)
        return ST_OK;
    for (int i = 0; i < b->scope_count; i++) {
        const RangeEntry *r = b->query->range[b->scope[i].rel];

        if (b->scope[i].name_visible && r->alias != NULL && strcmp(r->alias, alias) == 0)
            return fail(b->cx, ST_ERROR, "42712", "table name \"%s\" specified more than once", alias);
    }
    return ST_OK;
}

static Status
apply_column_aliases(Binder *b, RangeEntry *r, const AstList *aliases, int location)
{
    int k = 0;

    for (int i = 0; i < r->column_count && k < aliases->count; i++) {
        if (r->columns[i].hidden)
            continue;
        r->columns[i].name = ((const AstString *)aliases->items[k++])->text;
    }
    if (k < aliases->count)
        return fail_at(b->cx, location, "42P10",
                       "table \"%s\" has %d columns available but %d columns specified", r->alias, k,
                       aliases->count);
    return ST_OK;
}

static RangeEntry *
table_entry(Binder *b, const TableInfo *t, const char *alias)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);

    r->kind = RANGE_TABLE;
    r->alias = alias != NULL ? alias : t->name;
    r->alias_given = alias != NULL;
    r->table = t;
    r->column_count = t->column_count;
    r->columns = arena_array(b->arena, RangeColumn, MAX_OF(t->column_count, 1));
    for (int i = 0; i < t->column_count; i++) {
        r->columns[i].name = t->columns[i].name;
        r->columns[i].type = t->columns[i].type;
        r->columns[i].typmod = t->columns[i].typmod;
        r->columns[i].hidden = t->columns[i].dropped;
    }
    return r;
}

static Status
fail_no_table(Binder *b, const AstRangeVar *v)
{
    if (v->schema != NULL)
        return fail_at(b->cx, v->ast.location, "42P01", "relation \"%s.%s\" does not exist", v->schema,
                       v->name);
    return fail_at(b->cx, v->ast.location, "42P01", "relation \"%s\" does not exist", v->name);
}

static Status
find_table(Binder *b, const AstRangeVar *v, LockMode lock, const TableInfo **out)
{
    Status rc = catalog_find_table(b->cx, v->schema, v->name, lock, out);

    if (rc != ST_OK) {
        fail_locate(b->cx, v->ast.location);
        return rc;
    }
    return *out != NULL ? ST_OK : fail_no_table(b, v);
}

Status
add_table(Binder *b, const AstRangeVar *v, LockMode lock, int *rel)
{
    const TableInfo *t;
    RangeEntry *r;

    TRY(find_table(b, v, lock, &t));
    if (t->kind == TABLE_INDEX)
        return fail_at(b->cx, v->ast.location, "42809", "\"%s\" is an index", t->name);
    r = table_entry(b, t, v->alias);
    r->lock = lock;
    r->unchecked = b->as_owner;
    TRY(apply_column_aliases(b, r, &v->column_aliases, v->ast.location));
    *rel = add_range(b, r);
    return ST_OK;
}

/* ---- FROM items ------------------------------------------------------------------------------------ */

static Status bind_from_item(Binder *b, const Ast *ast, FromNode **out);

static FromNode *
leaf(Binder *b, int rel)
{
    FromNode *f = arena_new(b->arena, FromNode);

    f->rel = rel;
    return f;
}

static void
columns_of_query(Binder *b, RangeEntry *r, const Query *q)
{
    int count = q->command == COMMAND_SELECT ? q->target_count : q->returning_count;
    const TargetEntry *targets = q->command == COMMAND_SELECT ? q->targets : q->returning;

    r->columns = arena_array(b->arena, RangeColumn, MAX_OF(count, 1));
    for (int i = 0; i < count; i++) {
        RangeColumn *c = &r->columns[r->column_count];

        if (targets[i].junk)
            continue;
        c->name = targets[i].name;
        c->type = targets[i].expr->type;
        c->typmod = targets[i].expr->typmod;
        r->column_count++;
    }
}

static Status
add_query_entry(Binder *b, Query *q, const char *alias, const AstList *aliases, bool lateral, int location,
                int *rel)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);

    r->kind = RANGE_SUBQUERY;
    r->alias = alias;
    r->alias_given = true;
    r->query = q;
    r->lateral = lateral;
    columns_of_query(b, r, q);
    if (aliases != NULL)
        TRY(apply_column_aliases(b, r, aliases, location));
    *rel = add_range(b, r);
    return ST_OK;
}

static Status
bind_view(Ctx *cx, Arena *arena, const TableInfo *t, Query **out)
{
    AstStatement *statements;
    Binder view;
    int count;

    binder_init(&view, cx, arena, NULL, NULL, arena_new(arena, Query));
    view.as_owner = true;
    TRY(parse_sql(cx, arena, t->view_sql, &statements, &count));
    ASSERT(count == 1);
    return bind_select(cx, arena, NULL, &view, (const AstSelect *)statements[0].ast, UNTYPED_TO_TEXT, out);
}

Status
bind_view_columns(Ctx *cx, Arena *arena, const TableInfo *view, ColumnInfo **columns, int *count)
{
    RangeEntry r = {0};
    Binder b;
    Query *q;

    TRY(bind_view(cx, arena, view, &q));
    binder_init(&b, cx, arena, NULL, NULL, q);
    columns_of_query(&b, &r, q);
    *count = r.column_count;
    *columns = arena_array(arena, ColumnInfo, MAX_OF(r.column_count, 1));
    for (int i = 0; i < r.column_count; i++)
        (*columns)[i] =
            (ColumnInfo){.name = r.columns[i].name, .type = r.columns[i].type, .typmod = r.columns[i].typmod};
    return ST_OK;
}

static Status
bind_range_var(Binder *b, const AstRangeVar *v, FromNode **out)
{
    const char *alias = v->alias != NULL ? v->alias : v->name;
    CteInfo *cte = NULL;
    int levels_up, rel;

    TRY(check_alias(b, alias));
    if (v->schema == NULL)
        cte = find_cte(b, v->name, &levels_up);
    if (cte != NULL) {
        if (cte->query->command != COMMAND_SELECT && cte->column_count == 0)
            return fail_at(b->cx, v->ast.location, "0A000",
                           "WITH query \"%s\" does not have a RETURNING clause", cte->name);
        cte->uses++;
        TRY(add_query_entry(b, cte->open ? cte->query->left : cte->query, alias, NULL, false, v->ast.location,
                            &rel));
        b->query->range[rel]->cte = cte;
        if (cte->open) { /* what the rounds before have found: no query of its own */
            cte->recursive = true;
            b->query->range[rel]->query = NULL;
        }
        for (int i = 0; i < cte->column_count; i++)
            b->query->range[rel]->columns[i].name = cte->columns[i].name;
        TRY(apply_column_aliases(b, b->query->range[rel], &v->column_aliases, v->ast.location));
    } else {
        const TableInfo *t;

        TRY(find_table(b, v, LOCK_ACCESS_SHARE, &t));
        if (t->kind == TABLE_VIEW) {
            Query *q;

            if (!b->as_owner)
                TRY(catalog_check_privilege(b->cx, t, ACL_SELECT));
            TRY(bind_view(b->cx, b->arena, t, &q));
            TRY(add_query_entry(b, q, alias, &v->column_aliases, false, v->ast.location, &rel));
        } else {
            TRY(add_table(b, v, LOCK_ACCESS_SHARE, &rel));
        }
    }
    scope_add(b, rel, true, true);
    *out = leaf(b, rel);
    return ST_OK;
}

static Status
bind_range_subselect(Binder *b, const AstRangeSubselect *s, FromNode **out)
{
    Query *q;
    int rel;
    bool saved = b->lateral_active;
    Status rc;

    if (s->alias == NULL) {
        bool values = s->query->kind == AST_SELECT && ((const AstSelect *)s->query)->values.count > 0;

        (void)fail_at(b->cx, s->ast.location, "42601",
                      values ? "VALUES in FROM must have an alias" : "subquery in FROM must have an alias");
        fail_hint(b->cx, values ? "For example, FROM (VALUES ...) [AS] foo."
                                : "For example, FROM (SELECT ...) [AS] foo.");
        return ST_ERROR;
    }
    TRY(check_alias(b, s->alias));
    b->lateral_active = s->lateral;
    if (s->lateral) {
        rc = bind_subquery(b, s->query, UNTYPED_TO_TEXT, &q);
    } else { /* a plain subquery in FROM sees the enclosing queries, but not its neighbours */
        ScopeItem *scope = b->scope;
        int count = b->scope_count, capacity = b->scope_capacity;

        b->scope = NULL;
        b->scope_count = b->scope_capacity = 0;
        rc = bind_subquery(b, s->query, UNTYPED_TO_TEXT, &q);
        b->scope = scope;
        b->scope_count = count;
        b->scope_capacity = capacity;
    }
    b->lateral_active = saved;
    TRY(rc);
    TRY(add_query_entry(b, q, s->alias, &s->column_aliases, s->lateral, s->ast.location, &rel));
    scope_add(b, rel, true, true);
    *out = leaf(b, rel);
    return ST_OK;
}

static Status
bind_range_function(Binder *b, const AstRangeFunction *f, FromNode **out)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);
    const char *name;
    Expr *e;
    int rel;

    if (f->rows_from || f->functions.count != 1)
        return fail_unsupported(b->cx, f->ast.location, "ROWS FROM");
    if (f->column_defs.count > 0)
        return fail_unsupported(b->cx, f->ast.location, "a column definition list");
    name = target_default_name(f->functions.items[0]);
    TRY(check_alias(b, f->alias != NULL ? f->alias : name));
    TRY(bind_expr_clause(b, f->functions.items[0], CLAUSE_FROM_FUNCTION, &e));
    r->kind = RANGE_FUNCTION;
    r->alias = f->alias != NULL ? f->alias : name;
    r->alias_given = f->alias != NULL;
    r->lateral = true; /* functions see their neighbours without the word */
    r->function = e;
    r->ordinality = f->ordinality;
    r->column_count = f->ordinality ? 2 : 1;
    r->columns = arena_array(b->arena, RangeColumn, 2);
    r->columns[0] =
        (RangeColumn){.name = f->alias != NULL ? f->alias : name, .type = e->type, .typmod = e->typmod};
    r->columns[1] = (RangeColumn){.name = "ordinality", .type = TYPE_INT8, .typmod = -1};
    TRY(apply_column_aliases(b, r, &f->column_aliases, f->ast.location));
    rel = add_range(b, r);
    scope_add(b, rel, true, true);
    *out = leaf(b, rel);
    return ST_OK;
}

/* The column of that name among those visible in scope[first, end); NULL when there is none. */
static Status
column_of_side(Binder *b, int first, int end, const char *name, const char *side, Expr **out)
{
    *out = NULL;
    for (int i = first; i < end; i++) {
        const ScopeItem *s = &b->scope[i];
        const RangeEntry *r = b->query->range[s->rel];

        if (!s->columns_visible)
            continue;
        for (int c = 0; c < r->column_count; c++) {
            if (r->columns[c].hidden || strcmp(r->columns[c].name, name) != 0)
                continue;
            if (*out != NULL)
                return fail_at(b->cx, -1, "42702",
                               "common column name \"%s\" appears more than once in %s table", name, side);
            *out = make_column(b, s->rel, c + 1, 0, -1);
        }
    }
    return ST_OK;
}

static Status
natural_columns(Binder *b, int left_first, int right_first, AstList *names)
{
    int capacity = 0;

    for (int i = left_first; i < right_first; i++)
        capacity += b->query->range[b->scope[i].rel]->column_count;
    names->items = arena_array(b->arena, Ast *, MAX_OF(capacity, 1));
    names->count = 0;
    for (int i = left_first; i < right_first; i++) {
        const RangeEntry *r = b->query->range[b->scope[i].rel];

        for (int c = 0; b->scope[i].columns_visible && c < r->column_count; c++) {
            Expr *other;

            if (r->columns[c].hidden)
                continue;
            TRY(column_of_side(b, right_first, b->scope_count, r->columns[c].name, "right", &other));
            if (other != NULL) {
                AstString *s = arena_new(b->arena, AstString);

                s->ast.kind = AST_STRING;
                s->text = r->columns[c].name;
                names->items[names->count++] = &s->ast;
            }
        }
    }
    return ST_OK;
}

/* The merged column of two of one name, and the condition that they are equal. */
static Status
merge_using_column(Binder *b, const AstJoin *j, const char *name, Expr *left, Expr *right, RangeColumn *column,
                   Expr **condition)
{
    Expr *merged = j->join_kind == JOIN_RIGHT ? right : left;

    if (left->type != right->type || j->join_kind == JOIN_FULL) {
        Expr *both[2] = {left, right};
        Oid type;

        TRY(common_type(b, both, 2, "JOIN/USING", &type));
        TRY(coerce_or_fail(b, both[0], type, -1, COERCE_IMPLICIT, -1, &both[0]));
        TRY(coerce_or_fail(b, both[1], type, -1, COERCE_IMPLICIT, -1, &both[1]));
        merged = j->join_kind == JOIN_RIGHT ? both[1] : both[0];
        if (j->join_kind == JOIN_FULL) {
            merged = expr_new(b->arena, EXPR_COALESCE, type, -1, -1);
            merged->list.items = arena_memdup(b->arena, both, sizeof(both));
            merged->list.count = 2;
        }
    }
    *column = (RangeColumn){.name = name, .type = merged->type, .typmod = merged->typmod, .alias_of = merged};
    return bind_operator(b, NULL, "=", left, right, -1, condition);
}

static bool
is_named(const AstList *names, const char *name)
{
    for (int k = 0; k < names->count; k++) {
        if (strcmp(name, ((const AstString *)names->items[k])->text) == 0)
            return true;
    }
    return false;
}

/* The columns of the sides that were not merged come after those that were. */
static void
add_unmerged_columns(Binder *b, const AstList *names, int first, int end, RangeEntry *r)
{
    for (int i = first; i < end; i++) {
        const RangeEntry *side = b->query->range[b->scope[i].rel];

        for (int c = 0; b->scope[i].columns_visible && c < side->column_count; c++) {
            const RangeColumn *from = &side->columns[c];
            RangeColumn *to = &r->columns[r->column_count];

            if (from->hidden || is_named(names, from->name))
                continue;
            *to = *from;
            if (from->alias_of == NULL)
                to->alias_of = make_column(b, b->scope[i].rel, c + 1, 0, -1);
            r->column_count++;
        }
        b->scope[i].columns_visible = false;
    }
}

/* USING and NATURAL: the merged columns become an entry of their own, which hides the sides' bare
 * names; the sides stay visible qualified. */
static Status
bind_using(Binder *b, const AstJoin *j, const AstList *names, int left_first, int right_first, FromNode *f)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);
    int end = b->scope_count, total = names->count;
    Expr **conditions = arena_array(b->arena, Expr *, MAX_OF(names->count, 1));

    for (int i = left_first; i < end; i++)
        total += b->query->range[b->scope[i].rel]->column_count;
    r->kind = RANGE_JOIN;
    r->columns = arena_array(b->arena, RangeColumn, MAX_OF(total, 1));
    for (int k = 0; k < names->count; k++) {
        const char *name = ((const AstString *)names->items[k])->text;
        Expr *left, *right;

        TRY(column_of_side(b, left_first, right_first, name, "left", &left));
        if (left == NULL)
            return fail_at(b->cx, -1, "42703",
                           "column \"%s\" specified in USING clause does not exist in left table", name);
        TRY(column_of_side(b, right_first, end, name, "right", &right));
        if (right == NULL)
            return fail_at(b->cx, -1, "42703",
                           "column \"%s\" specified in USING clause does not exist in right table", name);
        TRY(merge_using_column(b, j, name, left, right, &r->columns[r->column_count++], &conditions[k]));
    }
    add_unmerged_columns(b, names, left_first, end, r);
    f->rel = add_range(b, r);
    if (names->count == 1) {
        f->on = conditions[0];
    } else if (names->count > 1) {
        f->on = expr_new(b->arena, EXPR_AND, TYPE_BOOL, -1, -1);
        f->on->list.items = conditions;
        f->on->list.count = names->count;
    }
    scope_add(b, f->rel, true, false);
    return ST_OK;
}

/* JOIN ... AS alias: the alias hides everything inside. */
static Status
alias_join(Binder *b, const AstJoin *j, int first)
{
    RangeEntry *r = arena_new(b->arena, RangeEntry);
    int total = 0, end = b->scope_count;

    for (int i = first; i < end; i++)
        total += b->query->range[b->scope[i].rel]->column_count;
    r->kind = RANGE_JOIN;
    r->alias = j->alias;
    r->alias_given = true;
    r->columns = arena_array(b->arena, RangeColumn, MAX_OF(total, 1));
    for (int i = first; i < end; i++) {
        const RangeEntry *side = b->query->range[b->scope[i].rel];

        for (int c = 0; b->scope[i].columns_visible && c < side->column_count; c++) {
            if (side->columns[c].hidden)
                continue;
            r->columns[r->column_count] = side->columns[c];
            if (side->columns[c].alias_of == NULL)
                r->columns[r->column_count].alias_of = make_column(b, b->scope[i].rel, c + 1, 0, -1);
            r->column_count++;
        }
    }
    TRY(apply_column_aliases(b, r, &j->column_aliases, -1));
    b->scope_count = first;
    scope_add(b, add_range(b, r), true, true);
    return ST_OK;
}

static void
mark_other_side(Binder *b, int first, int end, bool other)
{
    for (int i = first; i < end; i++)
        b->scope[i].is_other_side = other;
}

static Status
bind_join(Binder *b, const AstJoin *j, FromNode **out)
{
    FromNode *f = arena_new(b->arena, FromNode);
    int left_first = b->scope_count, right_first;

    f->is_join = true;
    f->rel = -1;
    f->join_kind = j->join_kind;
    TRY(bind_from_item(b, j->left, &f->left));
    right_first = b->scope_count;
    mark_other_side(b, left_first, right_first, j->join_kind == JOIN_RIGHT || j->join_kind == JOIN_FULL);
    TRY(bind_from_item(b, j->right, &f->right));
    mark_other_side(b, left_first, right_first, false);
    if (j->natural || j->using_columns.count > 0) {
        AstList names = j->using_columns;

        if (j->natural)
            TRY(natural_columns(b, left_first, right_first, &names));
        TRY(bind_using(b, j, &names, left_first, right_first, f));
    } else if (j->on != NULL) {
        /* ON sees only the two sides */
        ScopeItem *scope = b->scope;
        int count = b->scope_count;
        Status rc;

        b->scope = scope + left_first;
        b->scope_count = count - left_first;
        b->scope_capacity -= left_first;
        rc = bind_condition(b, j->on, CLAUSE_JOIN_ON, "JOIN/ON", &f->on);
        b->scope = scope;
        b->scope_count = count;
        b->scope_capacity += left_first;
        TRY(rc);
    }
    if (j->alias != NULL)
        TRY(alias_join(b, j, left_first));
    *out = f;
    return ST_OK;
}

static Status
bind_from_item(Binder *b, const Ast *ast, FromNode **out)
{
    TRY(ctx_check_stack(b->cx));
    switch (ast->kind) {
    case AST_RANGE_VAR: return bind_range_var(b, (const AstRangeVar *)ast, out);
    case AST_RANGE_SUBSELECT: return bind_range_subselect(b, (const AstRangeSubselect *)ast, out);
    case AST_RANGE_FUNCTION: return bind_range_function(b, (const AstRangeFunction *)ast, out);
    case AST_JOIN: return bind_join(b, (const AstJoin *)ast, out);
    default: return fail_unsupported(b->cx, ast->location, "this item of FROM");
    }
}

Status
bind_from(Binder *b, const AstList *items)
{
    Query *q = b->query;
    FromNode **from = arena_array(b->arena, FromNode *, q->from_count + items->count + 1);

    if (q->from_count > 0)
        memcpy(from, q->from, sizeof(*from) * (size_t)q->from_count);
    q->from = from;
    for (int i = 0; i < items->count; i++) {
        FromNode *node;

        TRY(bind_from_item(b, items->items[i], &node));
        q->from[q->from_count++] = node;
    }
    return ST_OK;
}

CteInfo *
find_cte(Binder *b, const char *name, int *levels_up)
{
    *levels_up = 0;
    for (Binder *at = b; at != NULL; at = at->parent, (*levels_up)++) {
        for (int i = at->query->cte_count - 1; i >= 0; i--) {
            if (strcmp(at->query->ctes[i].name, name) == 0)
                return &at->query->ctes[i];
        }
    }
    return NULL;
}
