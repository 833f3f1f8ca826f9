/* bind_conflict.c - ON CONFLICT: which indexes are meant, and what is done. */
#include "backend/bind/bind_int.h"

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
Status
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
