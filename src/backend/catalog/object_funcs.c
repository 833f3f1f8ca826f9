/* object_funcs.c - small questions about relations, schemas and tablespaces. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"

enum { ENCODING_SQL_ASCII = 0, ENCODING_UTF8 = 6 };

SCALAR_FN(pg_my_temp_schema)
{
    *out = value_oid(catalog_temp_schema(call->cx));
    return ST_OK;
}

SCALAR_FN(pg_is_other_temp_schema)
{
    const char *name;
    Oid schema = args[0].u32;

    TRY(catalog_schema_name(call->cx, schema, &name));
    *out = value_bool(name != NULL && strncmp(name, "pg_temp_", 8) == 0 &&
                      schema != catalog_temp_schema(call->cx));
    return ST_OK;
}

SCALAR_FN(pg_filenode_relation)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;

    *out = value_null();
    if (args[0].u32 != 0 && args[0].u32 != TABLESPACE_DEFAULT)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relfilenode, args[1], 0, value_null(), &rows, &count));
    if (count > 0)
        *out = rows[0].values[COL_PG_CLASS_oid];
    return ST_OK;
}

static bool
is_updatable(const TableInfo *t)
{
    return t != NULL && (t->kind == TABLE_HEAP || t->kind == TABLE_CATALOG);
}

/* Bits of INSERT, UPDATE and DELETE as PostgreSQL numbers its commands. */
SCALAR_FN(pg_relation_is_updatable)
{
    const TableInfo *t;

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    *out = value_i32(is_updatable(t) ? 1 << 2 | 1 << 3 | 1 << 4 : 0);
    return ST_OK;
}

SCALAR_FN(pg_column_is_updatable)
{
    const TableInfo *t;

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    *out = value_bool(args[1].i16 > 0 && is_updatable(t));
    return ST_OK;
}

/* Both lie wherever the server keeps its data: no other place. */
SCALAR_FN(pg_tablespace_location)
{
    Oid oid = args[0].u32;

    if (oid != 0 && oid != TABLESPACE_DEFAULT && oid != TABLESPACE_GLOBAL)
        return fail(call->cx, ST_ERROR, "42704", "tablespace with OID %u does not exist", oid);
    *out = value_var("", 0);
    return ST_OK;
}

SCALAR_FN(pg_encoding_max_length)
{
    int encoding = args[0].i32;

    *out = encoding == ENCODING_UTF8        ? value_i32(4)
           : encoding == ENCODING_SQL_ASCII ? value_i32(1)
                                            : value_null();
    return ST_OK;
}
