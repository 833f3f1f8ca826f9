/* catalog_funcs.c - functions that tell about catalog objects: names, visibility, comments. */
#include "backend/catalog/catalog.h"

#include "backend/bind/bind.h"
#include "backend/parse/parse.h"
#include "backend/type/array.h"
#include "backend/type/fn_decl.h"
#include "backend/type/regnames.h"

#include <strings.h>

static Value
text_of(Ctx *cx, const char *text)
{
    return text == NULL ? value_null() : value_var(arena_strdup(cx->arena, text), strlen(text));
}

static Value
buf_text(Ctx *cx, Buf *b)
{
    Value v = value_var(arena_memdup(cx->arena, b->data, b->bytes), b->bytes);

    buf_free(b);
    return v;
}

/* The same when what made the text may have failed. */
static Status
finish_text(Ctx *cx, Status rc, Buf *b, Value *out)
{
    if (rc == ST_OK)
        *out = buf_text(cx, b);
    buf_free(b);
    return rc;
}

SCALAR_FN(format_type)
{
    Buf b = {0};

    *out = value_null();
    if (args[0].is_null)
        return ST_OK;
    if (args[0].u32 == OID_NONE)
        buf_add_text(&b, "-");
    else if (type_by_oid(args[0].u32) == NULL)
        buf_add_text(&b, "???");
    else
        type_format(args[0].u32, args[1].is_null ? -1 : args[1].i32 < 0 ? -2 : args[1].i32, &b);
    *out = buf_text(call->cx, &b);
    return ST_OK;
}

/* Expressions are stored in the form in which they are shown. */
SCALAR_FN(pg_get_expr)
{
    Ctx *cx = call->cx;
    const TableInfo *t = NULL;
    Buf b = {0};

    *out = args[0];
    if (call->arg_count < 3 || !args[2].b)
        return ST_OK;
    if (args[1].u32 != OID_NONE)
        TRY(catalog_table_by_oid(cx, args[1].u32, LOCK_NONE, &t));
    return finish_text(cx, expr_prettify(cx, value_cstring(cx, args[0]), t, &b), &b, out);
}

SCALAR_FN(pg_get_userbyid)
{
    const char *name;

    TRY(catalog_role_by_oid(call->cx, args[0].u32, &name));
    *out =
        text_of(call->cx, name != NULL ? name : arena_printf(call->cx->arena, "unknown (OID=%u)", args[0].u32));
    return ST_OK;
}

SCALAR_FN(pg_table_is_visible)
{
    const TableInfo *t, *found = NULL;

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    *out = value_null();
    if (t == NULL)
        return ST_OK;
    TRY(catalog_find_table(call->cx, NULL, t->name, LOCK_NONE, &found));
    *out = value_bool(found != NULL && found->oid == t->oid);
    return ST_OK;
}

/* Types, functions and operators are all in pg_catalog, which is always on the path. */
SCALAR_FN(builtin_is_visible)
{
    *out = value_bool(true);
    return ST_OK;
}

static Status
description(Ctx *cx, Oid object, Oid class_id, int sub, Value *out)
{
    CatalogRow *rows;
    int count;

    *out = value_null();
    TRY(catalog_find(cx, CAT_PG_DESCRIPTION, COL_PG_DESCRIPTION_objoid, value_oid(object),
                     COL_PG_DESCRIPTION_classoid, value_oid(class_id), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (rows[i].values[COL_PG_DESCRIPTION_objsubid].i32 == sub)
            *out = rows[i].values[COL_PG_DESCRIPTION_description];
    }
    return ST_OK;
}

SCALAR_FN(obj_description)
{
    Oid schema = SCHEMA_PG_CATALOG, class_id = CATALOG_OID_PG_CLASS;
    char kind;

    if (call->arg_count > 1) {
        TRY(catalog_find_relation(call->cx, schema,
                                  arena_strndup(call->cx->arena, args[1].var.data, args[1].var.bytes),
                                  &class_id, &kind));
    }
    return description(call->cx, args[0].u32, class_id, 0, out);
}

SCALAR_FN(col_description)
{
    return description(call->cx, args[0].u32, CATALOG_OID_PG_CLASS, args[1].i32, out);
}

SCALAR_FN(shobj_description)
{
    CatalogRow *rows;
    int count;

    *out = value_null();
    TRY(catalog_find(call->cx, CAT_PG_SHDESCRIPTION, COL_PG_SHDESCRIPTION_objoid, args[0], 0, value_null(),
                     &rows, &count));
    if (count > 0)
        *out = rows[0].values[COL_PG_SHDESCRIPTION_description];
    return ST_OK;
}

SCALAR_FN(pg_encoding_to_char)
{
    *out = text_of(call->cx, args[0].i32 == 6 ? "UTF8" : args[0].i32 == 0 ? "SQL_ASCII" : "");
    return ST_OK;
}

SCALAR_FN(pg_char_to_encoding)
{
    bool utf8 = (args[0].var.bytes == 4 && strncasecmp(args[0].var.data, "UTF8", 4) == 0) ||
                (args[0].var.bytes == 5 && strncasecmp(args[0].var.data, "UTF-8", 5) == 0);

    *out = value_i32(utf8 ? 6 : -1);
    return ST_OK;
}

SCALAR_FN(database_encoding)
{
    *out = text_of(call->cx, "UTF8");
    return ST_OK;
}

SCALAR_FN(current_schemas)
{
    Oid schemas[64];
    Value names[64];
    int count;

    TRY(catalog_search_path(call->cx, args[0].b, schemas, COUNT_OF(schemas), &count));
    for (int i = 0; i < count; i++) {
        const char *name;

        TRY(catalog_schema_name(call->cx, schemas[i], &name));
        names[i] = text_of(call->cx, name);
    }
    return array_from_values(call->cx, TYPE_NAME, names, (uint32_t)count, out);
}

SCALAR_FN(pg_typeof)
{
    *out = value_oid(call->arg_types[0]);
    return ST_OK;
}

SCALAR_FN(version)
{
    *out = text_of(call->cx, "PostgreSQL 15.18 (HeliosDB Nano 0.1.0), 64-bit");
    return ST_OK;
}

/* What cannot be true, or be there, in this server: recovery, partitions, text search, row security. */
SCALAR_FN(always_false)
{
    *out = value_bool(false);
    return ST_OK;
}

SCALAR_FN(always_null)
{
    *out = value_null();
    return ST_OK;
}

/* As its query is written here; what the text is asked for, be it pretty, makes no difference. */
SCALAR_FN(pg_get_viewdef)
{
    Ctx *cx = call->cx;
    const TableInfo *t;
    Oid oid = args[0].u32;

    if (call->arg_types[0] == TYPE_TEXT)
        TRY(cx->format->reg_names->find(cx, TYPE_REGCLASS, args[0].var.data, args[0].var.bytes, false, &oid));
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    *out = t != NULL && t->view_sql != NULL ? text_of(cx, arena_printf(cx->arena, " %s;", t->view_sql))
                                            : value_null();
    return ST_OK;
}

SCALAR_FN(pg_relation_filenode)
{
    const TableInfo *t;

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    *out = t == NULL || t->heap.relation == RELATION_NONE ? value_null() : value_oid(t->heap.relation);
    return ST_OK;
}

/* What page-inspect wants: BRANCH/RELATION. */
SCALAR_FN(pg_relation_filepath)
{
    const TableInfo *t;

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    *out = t == NULL || t->heap.relation == RELATION_NONE
               ? value_null()
               : text_of(call->cx, arena_printf(call->cx->arena, "%u/%u", t->heap.branch, t->heap.relation));
    return ST_OK;
}

/* ---- definitions ------------------------------------------------------------------------------------------------- */

static void
add_qualified(const TableInfo *t, Buf *b)
{
    deparse_identifier(t->schema_name, b);
    buf_add_char(b, '.');
    deparse_identifier(t->name, b);
}

static Status
add_expression(Ctx *cx, const TableInfo *t, const char *text, bool pretty, Buf *b)
{
    if (pretty)
        return expr_prettify(cx, text, t, b);
    buf_add_text(b, text);
    return ST_OK;
}

static Status
add_key(Ctx *cx, const TableInfo *t, const IndexKey *key, bool order, bool pretty, Buf *b)
{
    if (key->column > 0) {
        deparse_identifier(t->columns[key->column - 1].name, b);
    } else {
        const char *paren = strchr(key->expression, '(');
        bool call = paren != NULL && paren != key->expression && paren[strlen(paren) - 1] == ')' &&
                    paren[-1] != ' ' && paren[-1] != ':';

        buf_add_text(b, call ? "" : "(");
        TRY(add_expression(cx, t, key->expression, pretty, b));
        buf_add_text(b, call ? "" : ")");
    }
    if (!order)
        return ST_OK;
    if (key->descending)
        buf_add_text(b, " DESC");
    if (key->nulls_first != key->descending)
        buf_add_text(b, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return ST_OK;
}

static Status
find_index(Ctx *cx, Oid oid, const TableInfo **table, const IndexInfo **index)
{
    CatalogRow *rows;
    int count;

    *index = NULL;
    TRY(catalog_find(cx, CAT_PG_INDEX, COL_PG_INDEX_indexrelid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count == 0)
        return ST_OK;
    TRY(catalog_table_by_oid(cx, rows[0].values[COL_PG_INDEX_indrelid].u32, LOCK_NONE, table));
    for (int i = 0; *table != NULL && i < (*table)->index_count; i++) {
        if ((*table)->indexes[i].oid == oid)
            *index = &(*table)->indexes[i];
    }
    return ST_OK;
}

static Status
define_index(Ctx *cx, const TableInfo *t, const IndexInfo *x, bool pretty, Buf *b)
{
    const TableInfo *visible;

    buf_add_text(b, x->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    deparse_identifier(x->name, b);
    buf_add_text(b, " ON ");
    TRY(catalog_find_table(cx, NULL, t->name, LOCK_NONE, &visible));
    if (pretty && visible != NULL && visible->oid == t->oid)
        deparse_identifier(t->name, b);
    else
        add_qualified(t, b);
    buf_add_text(b, " USING btree (");
    for (int k = 0; k < x->key_count; k++) {
        buf_add_text(b, k > 0 ? ", " : "");
        TRY(add_key(cx, t, &x->keys[k], true, pretty, b));
    }
    buf_add_char(b, ')');
    if (x->nulls_not_distinct)
        buf_add_text(b, " NULLS NOT DISTINCT");
    if (x->predicate != NULL) {
        buf_add_text(b, " WHERE ");
        TRY(add_expression(cx, t, x->predicate, pretty, b));
    }
    return ST_OK;
}

SCALAR_FN(pg_get_indexdef)
{
    Ctx *cx = call->cx;
    const TableInfo *t = NULL;
    const IndexInfo *x;
    int column = call->arg_count > 1 ? args[1].i32 : 0;
    bool pretty = call->arg_count > 2 && args[2].b;
    Buf b = {0};

    *out = value_null();
    TRY(find_index(cx, args[0].u32, &t, &x));
    if (x == NULL || column > x->key_count)
        return ST_OK;
    return finish_text(cx,
                       column > 0 ? add_key(cx, t, &x->keys[column - 1], false, pretty, &b)
                                  : define_index(cx, t, x, pretty, &b),
                       &b, out);
}

SCALAR_FN(pg_get_constraintdef)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;
    const Value *v;
    const TableInfo *t;
    ArrayView keys;
    char type;
    Buf b = {0};
    Status rc;

    *out = value_null();
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_oid, args[0], 0, value_null(), &rows, &count));
    if (count == 0)
        return ST_OK;
    v = rows[0].values;
    type = v[COL_PG_CONSTRAINT_contype].var.data[0];
    if (type == 'c') {
        const char *text = value_cstring(cx, v[COL_PG_CONSTRAINT_conbin]);

        if (call->arg_count > 1 && args[1].b) {
            TRY(catalog_table_by_oid(cx, v[COL_PG_CONSTRAINT_conrelid].u32, LOCK_NONE, &t));
            buf_add_text(&b, "CHECK (");
            rc = expr_prettify(cx, text, t, &b);
            buf_add_char(&b, ')');
            return finish_text(cx, rc, &b, out);
        }
        buf_printf(&b, text[0] == '(' ? "CHECK (%s)" : "CHECK ((%s))", text);
        *out = buf_text(cx, &b);
        return ST_OK;
    }
    TRY(catalog_table_by_oid(cx, v[COL_PG_CONSTRAINT_conrelid].u32, LOCK_NONE, &t));
    if (t == NULL || v[COL_PG_CONSTRAINT_conkey].is_null)
        return ST_OK;
    buf_add_text(&b, type == 'p' ? "PRIMARY KEY (" : "UNIQUE (");
    keys = array_open(v[COL_PG_CONSTRAINT_conkey].var);
    for (uint32_t i = 0; i < keys.count; i++) {
        buf_add_text(&b, i > 0 ? ", " : "");
        deparse_identifier(t->columns[array_at(&keys, i).i16 - 1].name, &b);
    }
    buf_add_char(&b, ')');
    *out = buf_text(cx, &b);
    return ST_OK;
}

SCALAR_FN(pg_get_serial_sequence)
{
    Ctx *cx = call->cx;
    const struct RegNames *names = cx->format->reg_names;
    const char *column = arena_strndup(cx->arena, args[1].var.data, args[1].var.bytes);
    const TableInfo *t, *sequence;
    CatalogRow *rows;
    int count, number;
    Oid oid;
    Buf b = {0};

    *out = value_null();
    TRY(names->find(cx, TYPE_REGCLASS, args[0].var.data, args[0].var.bytes, false, &oid));
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    number = table_find_column(t, column);
    if (number == 0)
        return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", column, t->name);
    TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_refclassid, value_oid(CATALOG_OID_PG_CLASS),
                     COL_PG_DEPEND_refobjid, value_oid(oid), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (rows[i].values[COL_PG_DEPEND_refobjsubid].i32 != number)
            continue;
        TRY(catalog_table_by_oid(cx, rows[i].values[COL_PG_DEPEND_objid].u32, LOCK_NONE, &sequence));
        if (sequence == NULL || sequence->kind != TABLE_SEQUENCE)
            continue;
        add_qualified(sequence, &b);
        *out = buf_text(cx, &b);
        return ST_OK;
    }
    return ST_OK;
}
