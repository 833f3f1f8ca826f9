/* bind_column.c - finding a column by its name among the entries of the range, and expanding stars. */
#include "backend/bind/bind_int.h"

Expr *
make_column(Binder *b, int rel, int column, int levels_up, int location)
{
    Binder *at = b;
    RangeEntry *r;
    Expr *e;

    for (int i = 0; i < levels_up; i++)
        at = at->parent;
    r = at->query->range[rel];
    if (r->kind == RANGE_JOIN) {
        Expr *alias = expr_copy(b->arena, r->columns[column - 1].alias_of);

        if (levels_up > 0) /* the alias was made inside its own level */
            alias->column.levels_up = levels_up;
        alias->location = location;
        return alias;
    }
    if (column > 0) {
        e = expr_new(b->arena, EXPR_COLUMN, r->columns[column - 1].type, r->columns[column - 1].typmod,
                     location);
        r->used[column - 1] = true;
    } else {
        Oid type = column == COLUMN_CTID                            ? TYPE_TID
                   : column == COLUMN_TABLEOID                      ? TYPE_OID
                   : column == COLUMN_XMIN || column == COLUMN_XMAX ? TYPE_XID
                                                                    : TYPE_CID;

        e = expr_new(b->arena, EXPR_COLUMN, type, -1, location);
        r->used_ctid |= column == COLUMN_CTID;
        r->used_system |= column != COLUMN_CTID;
    }
    e->column.rel = rel;
    e->column.column = column;
    e->column.levels_up = levels_up;
    return e;
}

static int
system_column(const char *name)
{
    static const struct {
        const char *name;
        int column;
    } rows[] = {{"ctid", COLUMN_CTID}, {"xmin", COLUMN_XMIN}, {"cmin", COLUMN_CMIN},
                {"xmax", COLUMN_XMAX}, {"cmax", COLUMN_CMAX}, {"tableoid", COLUMN_TABLEOID}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].column;
    }
    return 0;
}

/* 0: not there; ambiguous names inside one entry are an error. */
static Status
column_of_entry(Binder *b, const RangeEntry *r, const char *name, int location, int *column)
{
    *column = 0;
    for (int i = 0; i < r->column_count; i++) {
        if (r->columns[i].hidden || strcmp(r->columns[i].name, name) != 0)
            continue;
        if (*column != 0)
            return fail_at(b->cx, location, "42702", "column reference \"%s\" is ambiguous", name);
        *column = i + 1;
    }
    if (*column == 0 && r->kind == RANGE_TABLE &&
        (r->table->kind == TABLE_HEAP || r->table->kind == TABLE_CATALOG))
        *column = system_column(name);
    return ST_OK;
}

static const ScopeItem *
find_entry(Binder *b, const char *schema, const char *name, int *levels_up)
{
    *levels_up = 0;
    for (Binder *at = b; at != NULL; at = at->parent, (*levels_up)++) {
        for (int i = 0; i < at->scope_count; i++) {
            const RangeEntry *r = at->query->range[at->scope[i].rel];

            if (!at->scope[i].name_visible || r->alias == NULL || strcmp(r->alias, name) != 0)
                continue;
            if (schema != NULL &&
                (r->alias_given || r->kind != RANGE_TABLE || strcmp(r->table->schema_name, schema) != 0))
                continue;
            return &at->scope[i];
        }
    }
    return NULL;
}

/* The name of a table alone: its row as one value, null where an outer join has no row. */
static void
whole_row(Binder *b, const ScopeItem *item, int levels_up, int location, Expr **out)
{
    const Binder *at = b;
    const RangeEntry *r;
    Expr *row = expr_new(b->arena, EXPR_ROW, TYPE_RECORD, -1, location), *cases, *test;

    for (int i = 0; i < levels_up; i++)
        at = at->parent;
    r = at->query->range[item->rel];
    row->list.items = arena_array(b->arena, Expr *, MAX_OF(r->column_count, 1));
    for (int c = 0; c < r->column_count; c++) {
        if (!r->columns[c].hidden)
            row->list.items[row->list.count++] = make_column(b, item->rel, c + 1, levels_up, location);
    }
    *out = row;
    if (r->kind != RANGE_TABLE || r->table->kind != TABLE_HEAP)
        return;
    test = expr_new(b->arena, EXPR_NULL_TEST, TYPE_BOOL, -1, location);
    test->unary.arg = make_column(b, item->rel, COLUMN_CTID, levels_up, location);
    cases = expr_new(b->arena, EXPR_CASE, TYPE_RECORD, -1, location);
    cases->cases.when_count = 1;
    cases->cases.whens = arena_array(b->arena, Expr *, 1);
    cases->cases.thens = arena_array(b->arena, Expr *, 1);
    cases->cases.whens[0] = test;
    cases->cases.thens[0] = expr_const(b->arena, TYPE_RECORD, -1, value_null(), location);
    cases->cases.otherwise = row;
    *out = cases;
}

/* RIGHT JOIN LATERAL cannot look at its left side. */
static Status
check_lateral(Binder *b, const Binder *at, const ScopeItem *item, int location)
{
    if (!item->is_other_side)
        return ST_OK;
    (void)fail_at(b->cx, location, "42P10", "invalid reference to FROM-clause entry for table \"%s\"",
                  at->query->range[item->rel]->alias);
    fail_detail(b->cx, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
    return ST_ERROR;
}

static Status
bind_bare_column(Binder *b, const AstColumnRef *ref, Expr **out)
{
    const char *name = ref->parts[0];
    const ScopeItem *item;
    int levels_up = 0;

    for (Binder *at = b; at != NULL; at = at->parent, levels_up++) {
        int found_rel = -1, found_column = 0;

        for (int i = 0; i < at->scope_count; i++) {
            int column;

            if (!at->scope[i].columns_visible)
                continue;
            TRY(column_of_entry(b, at->query->range[at->scope[i].rel], name, ref->ast.location, &column));
            if (column == 0)
                continue;
            if (found_rel >= 0) {
                if (column < 0)
                    continue;
                if (found_column > 0)
                    return fail_at(b->cx, ref->ast.location, "42702", "column reference \"%s\" is ambiguous",
                                   name);
            }
            TRY(check_lateral(b, at, &at->scope[i], ref->ast.location));
            found_rel = at->scope[i].rel;
            found_column = column;
        }
        if (found_rel >= 0) {
            *out = make_column(b, found_rel, found_column, levels_up, ref->ast.location);
            return ST_OK;
        }
    }
    item = find_entry(b, NULL, name, &levels_up);
    if (item != NULL) {
        whole_row(b, item, levels_up, ref->ast.location, out);
        return ST_OK;
    }
    return fail_at(b->cx, ref->ast.location, "42703", "column \"%s\" does not exist", name);
}

static Status
fail_missing_from(Binder *b, const AstColumnRef *ref, const char *name)
{
    /* the name may belong to an entry that this place must not see, or to a table that has an alias */
    for (Binder *at = b; at != NULL; at = at->parent) {
        for (int i = 0; i < at->query->range_count; i++) {
            const RangeEntry *r = at->query->range[i];
            bool by_alias = r->alias != NULL && strcmp(r->alias, name) == 0;

            if (!by_alias && (r->kind != RANGE_TABLE || !r->alias_given || strcmp(r->table->name, name) != 0))
                continue;
            (void)fail_at(b->cx, ref->ast.location, "42P01",
                          "invalid reference to FROM-clause entry for table \"%s\"", name);
            if (by_alias)
                fail_hint(
                    b->cx,
                    "There is an entry for table \"%s\", but it cannot be referenced from this part of the "
                    "query.",
                    name);
            else
                fail_hint(b->cx, "Perhaps you meant to reference the table alias \"%s\".", r->alias);
            return ST_ERROR;
        }
    }
    return fail_at(b->cx, ref->ast.location, "42P01", "missing FROM-clause entry for table \"%s\"", name);
}

Status
bind_column_ref(Binder *b, const AstColumnRef *ref, Expr **out)
{
    const char *table, *name, *schema = NULL;
    const ScopeItem *item;
    int levels_up, column;
    Binder *at = b;

    if (ref->star && ref->part_count > 0) { /* count(t.*) is count(t) */
        item = find_entry(b, ref->part_count > 1 ? ref->parts[ref->part_count - 2] : NULL,
                          ref->parts[ref->part_count - 1], &levels_up);
        if (item == NULL)
            return fail_missing_from(b, ref, ref->parts[ref->part_count - 1]);
        whole_row(b, item, levels_up, ref->ast.location, out);
        return ST_OK;
    }
    if (ref->star)
        return fail_at(b->cx, ref->ast.location, "42601", "row expansion via \"*\" is not supported here");
    if (ref->part_count == 1)
        return bind_bare_column(b, ref, out);
    if (ref->part_count > 4)
        return fail_at(b->cx, ref->ast.location, "42601", "improper qualified name (too many dotted names)");
    name = ref->parts[ref->part_count - 1];
    table = ref->parts[ref->part_count - 2];
    if (ref->part_count > 2)
        schema = ref->parts[ref->part_count - 3];
    item = find_entry(b, schema, table, &levels_up);
    if (item == NULL)
        return fail_missing_from(b, ref, table);
    for (int i = 0; i < levels_up; i++)
        at = at->parent;
    TRY(check_lateral(b, at, item, ref->ast.location));
    TRY(column_of_entry(b, at->query->range[item->rel], name, ref->ast.location, &column));
    if (column == 0)
        return fail_at(b->cx, ref->ast.location, "42703", "column %s.%s does not exist", table, name);
    *out = make_column(b, item->rel, column, levels_up, ref->ast.location);
    return ST_OK;
}

static void
expand_entry(Binder *b, int rel, int location)
{
    RangeEntry *r = b->query->range[rel];

    for (int c = 0; c < r->column_count; c++) {
        TargetEntry t = {.name = r->columns[c].name};

        if (r->columns[c].hidden)
            continue;
        t.expr = make_column(b, rel, c + 1, 0, location);
        if (t.expr->kind == EXPR_COLUMN && b->query->range[t.expr->column.rel]->kind == RANGE_TABLE) {
            t.table = b->query->range[t.expr->column.rel]->table->oid;
            t.column = (int16_t)t.expr->column.column;
        }
        query_add_target(b, b->query, t);
    }
}

Status
expand_star(Binder *b, const AstColumnRef *ref)
{
    int levels_up;
    const ScopeItem *item;

    if (ref->part_count == 0) {
        bool any = false;

        for (int i = 0; i < b->scope_count; i++) {
            if (b->scope[i].columns_visible) {
                expand_entry(b, b->scope[i].rel, ref->ast.location);
                any = true;
            }
        }
        if (!any)
            return fail_at(b->cx, ref->ast.location, "42601", "SELECT * with no tables specified is not valid");
        return ST_OK;
    }
    item = find_entry(b, ref->part_count > 1 ? ref->parts[ref->part_count - 2] : NULL,
                      ref->parts[ref->part_count - 1], &levels_up);
    if (item == NULL)
        return fail_missing_from(b, ref, ref->parts[ref->part_count - 1]);
    if (levels_up > 0)
        return fail_unsupported(b->cx, ref->ast.location, "expanding a row of an outer query");
    expand_entry(b, item->rel, ref->ast.location);
    return ST_OK;
}
