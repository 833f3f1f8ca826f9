/* ddl_index.c - CREATE INDEX, PRIMARY KEY, UNIQUE: catalog rows, then index_build.c. */
#include "backend/command/ddl.h"

#include "storage/engine/engine.h"

/* ---- catalog rows -------------------------------------------------------------------------------------------------- */

static Oid
operator_class(Oid type)
{
    switch (type) { /* PostgreSQL's default B+tree classes */
    case TYPE_INT2: return 1979;
    case TYPE_INT4: return 1978;
    case TYPE_INT8: return 3124;
    case TYPE_FLOAT4: return 1970;
    case TYPE_FLOAT8: return 3123;
    case TYPE_NUMERIC: return 3125;
    case TYPE_TEXT:
    case TYPE_VARCHAR: return 3126;
    case TYPE_BPCHAR: return 426;
    case TYPE_BYTEA: return 428;
    case TYPE_CHAR: return 429;
    case TYPE_NAME: return 10028;
    case TYPE_BOOL: return 424;
    case TYPE_DATE: return 3122;
    case TYPE_TIME: return 436;
    case TYPE_TIMETZ: return 2000;
    case TYPE_TIMESTAMP: return 3128;
    case TYPE_TIMESTAMPTZ: return 3127;
    case TYPE_INTERVAL: return 433;
    case TYPE_OID: return 1981;
    case TYPE_TID: return 2789;
    default: return 397; /* array_ops */
    }
}

static Status
insert_index_row(Ctx *cx, const NewIndex *x, Oid oid)
{
    Value *v = catalog_blank(cx, COL_PG_INDEX_COUNT_);
    int16_t columns[INDEX_KEYS_MOST], options[INDEX_KEYS_MOST];
    Oid classes[INDEX_KEYS_MOST], collations[INDEX_KEYS_MOST];
    Buf exprs = {0};

    for (int k = 0; k < x->key_count; k++) {
        const IndexKey *key = &x->keys[k];

        columns[k] = key->column;
        options[k] = (int16_t)((key->descending ? 1 : 0) | (key->nulls_first ? 2 : 0));
        classes[k] = operator_class(key->type);
        collations[k] = type_by_oid(key->type)->collation;
        if (key->column == 0)
            buf_printf(&exprs, "%zu:%s", strlen(key->expression), key->expression);
    }
    v[COL_PG_INDEX_indexrelid] = value_oid(oid);
    v[COL_PG_INDEX_indrelid] = value_oid(x->table->oid);
    v[COL_PG_INDEX_indnatts] = v[COL_PG_INDEX_indnkeyatts] =
        (Value){.i16 = (int16_t)x->key_count, .phys = PHYS_I16};
    v[COL_PG_INDEX_indisunique] = value_bool(x->unique);
    v[COL_PG_INDEX_indnullsnotdistinct] = value_bool(x->nulls_not_distinct);
    v[COL_PG_INDEX_indisprimary] = value_bool(x->primary);
    v[COL_PG_INDEX_indisexclusion] = value_bool(false);
    v[COL_PG_INDEX_indimmediate] = v[COL_PG_INDEX_indisvalid] = value_bool(true);
    v[COL_PG_INDEX_indisclustered] = v[COL_PG_INDEX_indcheckxmin] = v[COL_PG_INDEX_indisreplident] =
        value_bool(false);
    v[COL_PG_INDEX_indisready] = v[COL_PG_INDEX_indislive] = value_bool(true);
    TRY(vector_int2_make(cx, columns, x->key_count, &v[COL_PG_INDEX_indkey]));
    TRY(vector_int2_make(cx, options, x->key_count, &v[COL_PG_INDEX_indoption]));
    TRY(vector_oid_make(cx, collations, x->key_count, &v[COL_PG_INDEX_indcollation]));
    TRY(vector_oid_make(cx, classes, x->key_count, &v[COL_PG_INDEX_indclass]));
    if (exprs.bytes > 0)
        v[COL_PG_INDEX_indexprs] = value_text(cx, buf_cstr(&exprs));
    v[COL_PG_INDEX_indpred] = value_text(cx, x->predicate);
    buf_free(&exprs);
    return catalog_insert(cx, CAT_PG_INDEX, v);
}

/* Another index may be made beside this one. */
static Status
mark_has_index(Ctx *cx, Oid table)
{
    bool again;

    do {
        Value *v;
        Tid tid;

        TRY(ddl_class_row(cx, table, &v, &tid));
        if (v[COL_PG_CLASS_relhasindex].b)
            return ST_OK;
        v[COL_PG_CLASS_relhasindex] = value_bool(true);
        TRY(catalog_try_update(cx, CAT_PG_CLASS, tid, v, &again));
    } while (again);
    return ST_OK;
}

Status
ddl_make_index(Session *s, const NewIndex *x, Oid *out)
{
    Ctx *cx = s->cx;
    NewClass class = {.oid = engine_next_oid(cx),
                      .schema = x->schema,
                      .name = x->name,
                      .relkind = 'i',
                      .persistence = x->table->heap.persistence == PERSIST_UNLOGGED ? 'u' : 'p',
                      .column_count = x->key_count};
    const TableInfo *t;

    TRY(ddl_class_options(cx, x->options, &class));
    TRY(ddl_insert_class(cx, &class));
    for (int k = 0; k < x->key_count; k++) {
        const IndexKey *key = &x->keys[k];
        NewColumn column = {
            .name = key->column > 0 ? x->table->columns[key->column - 1].name : "expr",
            .type = key->type,
            .typmod = key->column > 0 ? x->table->columns[key->column - 1].typmod : -1,
        };

        TRY(ddl_insert_column(cx, class.oid, k + 1, &column));
    }
    TRY(insert_index_row(cx, x, class.oid));
    if (x->is_constraint)
        TRY(ddl_insert_key_constraint(cx, x, class.oid));
    catalog_changed(cx, catalog_branch(cx), x->table->oid);
    TRY(catalog_table_by_oid(cx, x->table->oid, LOCK_NONE, &t));
    for (int i = 0; i < t->index_count; i++) {
        if (t->indexes[i].oid == class.oid)
            TRY(ddl_build_index(cx, t, i));
    }
    *out = class.oid;
    return mark_has_index(cx,
                          x->table->oid); /* at the end: who makes the other one may have to be waited for */
}

/* ---- the statements ------------------------------------------------------------------------------------------------- */

Status
ddl_add_key(Session *s, const TableInfo *t, const AstConstraint *k)
{
    Ctx *cx = s->cx;
    NewIndex x = {.table = t,
                  .schema = t->schema,
                  .unique = true,
                  .primary = k->constraint_kind == CONSTRAINT_PRIMARY,
                  .is_constraint = true,
                  .options = &k->options,
                  .nulls_not_distinct = k->nulls_not_distinct};
    Buf columns = {0};
    Oid oid;
    Status rc;

    if (k->deferrable || k->initially_deferred)
        return fail_unsupported(cx, k->ast.location, "a deferrable constraint");
    if (k->using_index != NULL)
        return fail_unsupported(cx, k->ast.location, "USING INDEX");
    if (k->including.count > 0)
        return fail_unsupported(cx, k->ast.location, "INCLUDE");
    if (k->keys.count > INDEX_KEYS_MOST)
        return fail(cx, ST_ERROR, "54011", "cannot use more than %d columns in an index", INDEX_KEYS_MOST);
    for (int i = 0; x.primary && i < t->index_count; i++) {
        if (t->indexes[i].primary)
            return fail_at(cx, k->ast.location, "42P16",
                           "multiple primary keys for table \"%s\" are not allowed", t->name);
    }
    for (int i = 0; i < k->keys.count; i++) {
        const char *name = ((const AstString *)k->keys.items[i])->text;
        int column = table_find_column(t, name);

        if (column <= 0)
            return fail_at(cx, k->ast.location, "42703", "column \"%s\" named in key does not exist", name);
        for (int j = 0; j < i; j++) {
            if (x.keys[j].column == column)
                return fail_at(cx, k->ast.location, "42701", "column \"%s\" appears twice in %s constraint",
                               name, x.primary ? "primary key" : "unique");
        }
        if (type_by_oid(t->columns[column - 1].type)->key_encode == NULL)
            return fail(cx, ST_ERROR, "42704",
                        "data type %s has no default operator class for access method \"btree\"",
                        type_by_oid(t->columns[column - 1].type)->sql_name);
        x.keys[x.key_count++] = (IndexKey){.column = (int16_t)column, .type = t->columns[column - 1].type};
        buf_add_text(&columns, i > 0 ? "_" : "");
        buf_add_text(&columns, name);
    }
    if (k->name != NULL) {
        x.name = ddl_name(cx, k->name);
        rc = ddl_check_free(cx, x.schema, x.name, NULL);
    } else {
        rc = ddl_free_name(cx, x.schema, t->name, x.primary ? NULL : buf_cstr(&columns),
                           x.primary ? "pkey" : "key", &x.name);
    }
    buf_free(&columns);
    TRY(rc);
    return ddl_make_index(s, &x, &oid);
}

static Status
index_key(Session *s, const TableInfo *t, const AstIndexElem *e, IndexKey *key)
{
    Ctx *cx = s->cx;
    Buf text = {0};
    Expr *x;

    key->descending = e->descending;
    key->nulls_first = e->nulls_given ? e->nulls_first : e->descending;
    if (e->opclass != NULL && strstr(e->opclass, "_ops") == NULL)
        return fail(cx, ST_ERROR, "42704", "operator class \"%s\" does not exist for access method \"btree\"",
                    e->opclass);
    if (e->column != NULL) {
        int column = table_find_column(t, e->column);

        if (column == 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" does not exist", e->column);
        if (column < 0)
            return fail_unsupported(cx, -1, "an index on a system column");
        key->column = (int16_t)column;
        key->type = t->columns[column - 1].type;
    } else {
        Status rc;

        TRY(bind_table_expression(cx, cx->arena, t, e->expr, "index expressions", OID_NONE, -1, NULL, &x));
        if (expr_is_volatile(x))
            return fail(cx, ST_ERROR, "42P17", "functions in index expression must be marked IMMUTABLE");
        key->type = x->type;
        rc = expr_deparse(cx, x, t, false, &text);
        key->expression = rc == ST_OK ? arena_strdup(cx->arena, buf_cstr(&text)) : NULL;
        buf_free(&text);
        TRY(rc);
    }
    if (type_by_oid(key->type)->key_encode == NULL) {
        Status rc = fail(cx, ST_ERROR, "42704",
                         "data type %s has no default operator class for access method \"btree\"",
                         type_by_oid(key->type)->sql_name);

        fail_hint(cx,
                  "You must specify an operator class for the index or define a default operator class for the "
                  "data type.");
        return rc;
    }
    return ST_OK;
}

static const char *
index_columns_label(Ctx *cx, const AstCreateIndex *a)
{
    Buf b = {0};
    const char *out;

    for (int i = 0; i < a->columns.count; i++) {
        const AstIndexElem *e = (const AstIndexElem *)a->columns.items[i];
        const char *name = e->column != NULL ? e->column : "expr";

        if (e->column == NULL && e->expr->kind == AST_FUNC)
            name = ((const AstFunc *)e->expr)->name;
        buf_add_text(&b, i > 0 ? "_" : "");
        buf_add_text(&b, name);
    }
    out = arena_strdup(cx->arena, buf_cstr(&b));
    buf_free(&b);
    return out;
}

Status
ddl_create_index(Session *s, const AstCreateIndex *a)
{
    Ctx *cx = s->cx;
    const TableInfo *t;
    NewIndex x = {.unique = a->unique, .nulls_not_distinct = a->nulls_not_distinct, .options = &a->options};
    bool exists = false;
    Oid oid;

    if (a->concurrent)
        return fail_unsupported(cx, -1, "CREATE INDEX CONCURRENTLY");
    if (a->method != NULL && strcmp(a->method, "btree") != 0)
        return fail_unsupported(cx, -1, arena_printf(cx->arena, "access method \"%s\"", a->method));
    if (a->including.count > 0)
        return fail_unsupported(cx, -1, "INCLUDE");
    TRY(catalog_need_table(cx, a->relation->schema, a->relation->name, LOCK_SHARE, &t));
    if (t->kind != TABLE_HEAP)
        return fail(cx, ST_ERROR, "42809", "cannot create index on relation \"%s\"", t->name);
    TRY(ddl_check_owner(cx, t));
    if (a->columns.count > INDEX_KEYS_MOST)
        return fail(cx, ST_ERROR, "54011", "cannot use more than %d columns in an index", INDEX_KEYS_MOST);
    x.table = t;
    x.schema = t->schema;
    if (a->name != NULL) {
        x.name = ddl_name(cx, a->name);
        TRY(ddl_check_free(cx, x.schema, x.name, a->if_not_exists ? &exists : NULL));
        if (exists) {
            ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", x.name);
            return ST_OK;
        }
    } else {
        TRY(ddl_free_name(cx, x.schema, t->name, index_columns_label(cx, a), "idx", &x.name));
    }
    for (int i = 0; i < a->columns.count; i++)
        TRY(index_key(s, t, (const AstIndexElem *)a->columns.items[i], &x.keys[x.key_count++]));
    if (a->where != NULL) {
        Expr *where;
        Buf text = {0};
        Status rc;

        TRY(bind_table_expression(cx, cx->arena, t, a->where, "index predicates", TYPE_BOOL, -1, NULL, &where));
        rc = expr_deparse(cx, where, t, false, &text);
        x.predicate = rc == ST_OK ? arena_strdup(cx->arena, buf_cstr(&text)) : NULL;
        buf_free(&text);
        TRY(rc);
    }
    return ddl_make_index(s, &x, &oid);
}
