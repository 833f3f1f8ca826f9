/* alter_rename.c - ALTER ... RENAME.
 *
 * Expressions are kept as text, in which a column or a sequence stands by its name. So before a name
 * changes, every text that may hold it is bound (names become numbers), and written anew afterwards. */
#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/ddl.h"

typedef struct StoredText {
    CatalogNo catalog;
    Tid tid;
    Value *values;
    int column; /* of the catalog: where the text is */
    int count; /* expressions in it: pg_index.indexprs has several */
    Expr **exprs;
    Oid table; /* whose columns it speaks of */
} StoredText;

typedef struct StoredTexts {
    StoredText *items;
    int count, capacity;
} StoredTexts;

static StoredText *
push_text(Ctx *cx, StoredTexts *list, CatalogNo no, const CatalogRow *row, int columns, int column, Oid table)
{
    StoredText *t;

    if (list->count == list->capacity) {
        int capacity = MAX_OF(8, list->capacity * 2);
        StoredText *items = arena_array(cx->arena, StoredText, capacity);

        if (list->count > 0)
            memcpy(items, list->items, sizeof(*items) * (size_t)list->count);
        list->items = items;
        list->capacity = capacity;
    }
    t = &list->items[list->count++];
    *t = (StoredText){.catalog = no, .tid = row->tid, .column = column, .table = table};
    t->values = arena_memdup(cx->arena, row->values, sizeof(Value) * (size_t)columns);
    t->exprs = arena_array(cx->arena, Expr *, INDEX_KEYS_MOST);
    return t;
}

static Status
bind_one(Ctx *cx, const TableInfo *t, StoredTexts *list, CatalogNo no, const CatalogRow *row, int columns,
         int column)
{
    StoredText *text;

    if (row->values[column].is_null)
        return ST_OK;
    text = push_text(cx, list, no, row, columns, column, t->oid);
    text->count = 1;
    return ddl_bind_text(cx, t, value_cstring(cx, row->values[column]), &text->exprs[0]);
}

/* Checks, index expressions and predicates of a table. */
static Status
collect_of_table(Ctx *cx, const TableInfo *t, StoredTexts *list)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid), 0, value_null(),
                     &rows, &count));
    for (int i = 0; i < count; i++)
        TRY(bind_one(cx, t, list, CAT_PG_CONSTRAINT, &rows[i], COL_PG_CONSTRAINT_COUNT_,
                     COL_PG_CONSTRAINT_conbin));
    TRY(catalog_find(cx, CAT_PG_INDEX, COL_PG_INDEX_indrelid, value_oid(t->oid), 0, value_null(), &rows,
                     &count));
    for (int i = 0; i < count; i++) {
        Oid oid = rows[i].values[COL_PG_INDEX_indexrelid].u32;
        const IndexInfo *x = NULL;
        StoredText *text;

        for (int k = 0; k < t->index_count; k++) {
            if (t->indexes[k].oid == oid)
                x = &t->indexes[k];
        }
        if (x == NULL || (x->predicate == NULL && rows[i].values[COL_PG_INDEX_indexprs].is_null))
            continue;
        /* both texts are in one row, which is written once: the predicate comes behind the keys */
        text = push_text(cx, list, CAT_PG_INDEX, &rows[i], COL_PG_INDEX_COUNT_, COL_PG_INDEX_indexprs, t->oid);
        for (int k = 0; k < x->key_count; k++) {
            if (x->keys[k].column == 0)
                TRY(ddl_bind_text(cx, t, x->keys[k].expression, &text->exprs[text->count++]));
        }
        if (x->predicate != NULL) {
            Expr **last = arena_array(cx->arena, Expr *, text->count + 1);

            memcpy(last, text->exprs, sizeof(Expr *) * (size_t)text->count);
            text->exprs = last;
            TRY(ddl_bind_text(cx, t, x->predicate, &text->exprs[text->count]));
        }
    }
    return ST_OK;
}

/* Defaults in which a relation is named. */
static Status
collect_defaults(Ctx *cx, StoredTexts *list)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_ATTRDEF, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const char *text = value_cstring(cx, rows[i].values[COL_PG_ATTRDEF_adbin]);
        StoredText *stored;

        if (text == NULL || strstr(text, "::regclass") == NULL)
            continue;
        stored = push_text(cx, list, CAT_PG_ATTRDEF, &rows[i], COL_PG_ATTRDEF_COUNT_, COL_PG_ATTRDEF_adbin,
                           rows[i].values[COL_PG_ATTRDEF_adrelid].u32);
        stored->count = 1;
        TRY(ddl_bind_text(cx, NULL, text, &stored->exprs[0]));
    }
    return ST_OK;
}

static Status
deparse_text(Ctx *cx, const Expr *e, const TableInfo *t, const char **out)
{
    Buf b = {0};
    Status rc = expr_deparse(cx, e, t, false, &b);

    if (rc == ST_OK)
        *out = arena_strdup(cx->arena, buf_cstr(&b));
    buf_free(&b);
    return rc;
}

/* indexprs: each expression behind its length; the predicate in its own column. */
static Status
write_index_texts(Ctx *cx, StoredText *s, const TableInfo *t)
{
    Buf all = {0};
    const char *text;
    Status rc = ST_OK;

    for (int i = 0; i < s->count && rc == ST_OK; i++) {
        rc = deparse_text(cx, s->exprs[i], t, &text);
        if (rc == ST_OK)
            buf_printf(&all, "%zu:%s", strlen(text), text);
    }
    if (rc == ST_OK && s->count > 0)
        s->values[COL_PG_INDEX_indexprs] = value_text(cx, buf_cstr(&all));
    buf_free(&all);
    TRY(rc);
    if (!s->values[COL_PG_INDEX_indpred].is_null) {
        TRY(deparse_text(cx, s->exprs[s->count], t, &text));
        s->values[COL_PG_INDEX_indpred] = value_text(cx, text);
    }
    return ST_OK;
}

/* The names have changed: writes every text as it must be now. */
static Status
write_texts(Ctx *cx, const StoredTexts *list)
{
    for (int i = 0; i < list->count; i++) {
        StoredText *s = &list->items[i];
        const TableInfo *t;
        const char *text;

        TRY(catalog_table_by_oid(cx, s->table, LOCK_NONE, &t));
        if (t == NULL)
            continue;
        if (s->catalog == CAT_PG_INDEX) {
            TRY(write_index_texts(cx, s, t));
        } else {
            TRY(deparse_text(cx, s->exprs[0], t, &text));
            s->values[s->column] = value_text(cx, text);
        }
        TRY(catalog_update(cx, s->catalog, s->tid, s->values));
    }
    for (int i = 0; i < list->count; i++)
        catalog_changed(cx, catalog_branch(cx), list->items[i].table);
    return ST_OK;
}

/* ---- relations ------------------------------------------------------------------------------------------------------- */

static Status
set_relation_name(Ctx *cx, Oid oid, const char *name)
{
    Value *v;
    Tid tid;

    TRY(ddl_class_row(cx, oid, &v, &tid));
    TRY(ddl_check_free(cx, v[COL_PG_CLASS_relnamespace].u32, name, NULL));
    v[COL_PG_CLASS_relname] = value_name(cx, name);
    TRY(catalog_update(cx, CAT_PG_CLASS, tid, v));
    catalog_changed(cx, catalog_branch(cx), oid);
    return ST_OK;
}

/* An index and the constraint it serves have one name. */
static Status
rename_constraint_of_index(Ctx *cx, Oid index, const char *name)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_INDEX, COL_PG_INDEX_indexrelid, value_oid(index), 0, value_null(), &rows,
                     &count));
    if (count == 0)
        return ST_OK;
    catalog_changed(cx, catalog_branch(cx), rows[0].values[COL_PG_INDEX_indrelid].u32);
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, rows[0].values[COL_PG_INDEX_indrelid],
                     COL_PG_CONSTRAINT_conindid, value_oid(index), &rows, &count));
    for (int i = 0; i < count; i++) {
        Value *v = arena_memdup(cx->arena, rows[i].values, sizeof(Value) * COL_PG_CONSTRAINT_COUNT_);

        v[COL_PG_CONSTRAINT_conname] = value_name(cx, name);
        TRY(catalog_update(cx, CAT_PG_CONSTRAINT, rows[i].tid, v));
    }
    return ST_OK;
}

static Status
rename_relation(Ctx *cx, const TableInfo *t, char object, const char *name)
{
    StoredTexts texts = {0};
    Oid oid = t->oid;
    TableKind kind = t->kind;

    if ((object == 'i' && kind != TABLE_INDEX) || (object == 'S' && kind != TABLE_SEQUENCE) || object == 'v')
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not %s", t->name,
                    object == 'i'   ? "an index"
                    : object == 'S' ? "a sequence"
                                    : "a view");
    if (kind == TABLE_SEQUENCE)
        TRY(collect_defaults(cx, &texts));
    TRY(set_relation_name(cx, oid, name));
    if (kind == TABLE_INDEX)
        TRY(rename_constraint_of_index(cx, oid, name));
    return write_texts(cx, &texts);
}

/* ---- columns and constraints ------------------------------------------------------------------------------------------- */

static Status
set_column_name(Ctx *cx, Oid relation, int column, const char *name)
{
    Value *v;
    Tid tid;

    TRY(ddl_attribute_row(cx, relation, column, &v, &tid));
    v[COL_PG_ATTRIBUTE_attname] = value_name(cx, name);
    return catalog_update(cx, CAT_PG_ATTRIBUTE, tid, v);
}

static Status
rename_column(Ctx *cx, const TableInfo *t, const char *old_name, const char *name)
{
    StoredTexts texts = {0};
    int column = table_find_column(t, old_name), other = table_find_column(t, name);

    if (t->kind != TABLE_HEAP)
        return fail(cx, ST_ERROR, "42809", "cannot rename columns of relation \"%s\"", t->name);
    if (column == 0)
        return fail(cx, ST_ERROR, "42703", "column \"%s\" does not exist", old_name);
    if (column < 0)
        return fail(cx, ST_ERROR, "0A000", "cannot rename system column \"%s\"", old_name);
    if (other < 0)
        return fail(cx, ST_ERROR, "42701", "column name \"%s\" conflicts with a system column name", name);
    if (other > 0)
        return fail(cx, ST_ERROR, "42701", "column \"%s\" of relation \"%s\" already exists", name, t->name);
    TRY(collect_of_table(cx, t, &texts));
    TRY(set_column_name(cx, t->oid, column, name));
    for (int i = 0; i < t->index_count; i++) {
        for (int k = 0; k < t->indexes[i].key_count; k++) {
            if (t->indexes[i].keys[k].column == column)
                TRY(set_column_name(cx, t->indexes[i].oid, k + 1, name));
        }
    }
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return write_texts(cx, &texts);
}

static Status
rename_constraint(Ctx *cx, const TableInfo *t, const char *old_name, const char *name)
{
    CatalogRow *rows, *others;
    int count, other_count;
    Value *v;

    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid),
                     COL_PG_CONSTRAINT_conname, value_name(cx, ddl_name(cx, old_name)), &rows, &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "42704", "constraint \"%s\" for table \"%s\" does not exist", old_name,
                    t->name);
    v = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_CONSTRAINT_COUNT_);
    if (v[COL_PG_CONSTRAINT_conindid].u32 != OID_NONE) {
        TRY(set_relation_name(cx, v[COL_PG_CONSTRAINT_conindid].u32, name));
        return rename_constraint_of_index(cx, v[COL_PG_CONSTRAINT_conindid].u32, name);
    }
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid),
                     COL_PG_CONSTRAINT_conname, value_name(cx, name), &others, &other_count));
    if (other_count > 0)
        return fail(cx, ST_ERROR, "42710", "constraint \"%s\" for relation \"%s\" already exists", name,
                    t->name);
    v[COL_PG_CONSTRAINT_conname] = value_name(cx, name);
    TRY(catalog_update(cx, CAT_PG_CONSTRAINT, rows[0].tid, v));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

/* ---- schemas ----------------------------------------------------------------------------------------------------------- */

static Status
rename_schema(Ctx *cx, const char *old_name, const char *name)
{
    StoredTexts texts = {0};
    CatalogRow *rows;
    int count;
    Oid oid, other;
    Value *v;
    bool may;

    TRY(catalog_find_schema(cx, old_name, &oid));
    if (oid == OID_NONE)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", old_name);
    TRY(ddl_lock_name(cx, OID_NONE, name));
    TRY(catalog_find_schema(cx, name, &other));
    if (other != OID_NONE)
        return fail(cx, ST_ERROR, "42P06", "schema \"%s\" already exists", name);
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "42501", "permission denied: \"%s\" is a system schema", old_name);
    TRY(acl_has_owner(cx, rows[0].values[COL_PG_NAMESPACE_nspowner].u32, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "must be owner of schema %s", old_name);
    TRY(acl_database_has(cx, catalog_database(cx), ACL_CREATE, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "permission denied for database %s", catalog_database_name(cx));
    if (strncmp(name, "pg_", 3) == 0) {
        Status rc = fail(cx, ST_ERROR, "42939", "unacceptable schema name \"%s\"", name);

        fail_detail(cx, "The prefix \"pg_\" is reserved for system schemas.");
        return rc;
    }
    TRY(collect_defaults(cx, &texts));
    v = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_NAMESPACE_COUNT_);
    v[COL_PG_NAMESPACE_nspname] = value_name(cx, name);
    TRY(catalog_update(cx, CAT_PG_NAMESPACE, rows[0].tid, v));
    catalog_changed(cx, catalog_branch(cx), OID_NONE);
    return write_texts(cx, &texts);
}

/* ---- the statement ------------------------------------------------------------------------------------------------------- */

Status
ddl_rename(Session *s, const AstRename *a, const char **tag)
{
    Ctx *cx = s->cx;
    const char *name = ddl_name(cx, a->new_name);
    const AstRangeVar *v = a->relation;
    const TableInfo *t;

    *tag = a->object == 'i'   ? "ALTER INDEX"
           : a->object == 'S' ? "ALTER SEQUENCE"
           : a->object == 'n' ? "ALTER SCHEMA"
           : a->object == 'R' ? "ALTER ROLE"
           : a->object == 'd' ? "ALTER DATABASE"
           : a->object == 'v' ? "ALTER VIEW"
                              : "ALTER TABLE";
    if (a->object == 'n')
        return rename_schema(cx, a->old_name, name);
    if (a->object == 'R')
        return command_rename_role(s, a->old_name, name);
    if (a->object == 'd')
        return command_rename_database(s, a->old_name, name);
    if (v == NULL)
        return fail_unsupported(cx, -1, "RENAME of this kind of object");
    TRY(catalog_find_table(cx, v->schema, v->name, LOCK_ACCESS_EXCLUSIVE, &t));
    if (t == NULL && a->missing_ok) {
        ctx_notice(cx, SEV_NOTICE, "00000", "relation \"%s\" does not exist, skipping", v->name);
        return ST_OK;
    }
    if (t == NULL)
        return catalog_fail_no_table(cx, v->schema, v->name);
    TRY(ddl_check_owner(cx, t));
    switch (a->object) {
    case 'c': return rename_column(cx, t, a->old_name, name);
    case 'k': return rename_constraint(cx, t, a->old_name, name);
    default: return rename_relation(cx, t, a->object, name);
    }
}
