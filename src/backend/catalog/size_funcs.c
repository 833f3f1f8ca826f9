/* size_funcs.c - how much room relations take. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"
#include "storage/rel/rel.h"

#include <stdlib.h>

static int64_t
relation_bytes(Ctx *cx, BranchId branch, RelationId relation)
{
    return relation == RELATION_NONE ? 0 : (int64_t)rel_length(cx, branch, relation, FORK_MAIN) * PAGE_BYTES;
}

static int64_t
index_bytes(Ctx *cx, const TableInfo *t)
{
    int64_t bytes = 0;

    for (int i = 0; i < t->index_count; i++)
        bytes += relation_bytes(cx, t->indexes[i].btree.branch, t->indexes[i].btree.relation);
    return bytes;
}

static int64_t
table_bytes(Ctx *cx, const TableInfo *t)
{
    return relation_bytes(cx, t->heap.branch, t->heap.relation) +
           relation_bytes(cx, t->heap.branch, t->heap.toast_relation);
}

/* Null when there is no such relation (it may have gone meanwhile). */
static Status
find(FnCall *call, const Value *args, const TableInfo **t, Value *out)
{
    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, t));
    *out = value_null();
    return ST_OK;
}

SCALAR_FN(pg_relation_size)
{
    const TableInfo *t;

    TRY(find(call, args, &t, out));
    if (t != NULL)
        *out = value_i64(relation_bytes(call->cx, t->heap.branch, t->heap.relation));
    return ST_OK;
}

SCALAR_FN(pg_table_size)
{
    const TableInfo *t;

    TRY(find(call, args, &t, out));
    if (t != NULL)
        *out = value_i64(table_bytes(call->cx, t));
    return ST_OK;
}

SCALAR_FN(pg_indexes_size)
{
    const TableInfo *t;

    TRY(find(call, args, &t, out));
    if (t != NULL)
        *out = value_i64(index_bytes(call->cx, t));
    return ST_OK;
}

SCALAR_FN(pg_total_relation_size)
{
    const TableInfo *t;

    TRY(find(call, args, &t, out));
    if (t != NULL)
        *out = value_i64(table_bytes(call->cx, t) + index_bytes(call->cx, t));
    return ST_OK;
}

/* All relations of this database; another one's catalogs are not ours to read. */
SCALAR_FN(pg_database_size)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;
    int64_t bytes = 0;

    *out = value_null();
    if (call->arg_types[0] == TYPE_OID ? args[0].u32 != catalog_database(cx)
                                       : strcmp(value_cstring(cx, args[0]), catalog_database_name(cx)) != 0)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++)
        bytes += relation_bytes(cx, catalog_branch(cx), rows[i].values[COL_PG_CLASS_relfilenode].u32);
    for (int i = 0; i < CAT_COUNT; i++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)i);

        bytes += table_bytes(cx, t) + index_bytes(cx, t);
    }
    *out = value_i64(bytes);
    return ST_OK;
}

SCALAR_FN(pg_size_pretty)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    int64_t size = args[0].i64;
    size_t unit = 0;
    const char *text;

    while (unit + 1 < COUNT_OF(units) && llabs(size) >= (unit == 0 ? 10240 : 20480 - 1)) {
        size = unit == 0 ? size / 512 : size / 1024; /* halves of the next unit, for rounding */
        unit++;
    }
    if (unit > 0)
        size = size >= 0 ? (size + 1) / 2 : (size - 1) / 2;
    text = arena_printf(call->cx->arena, "%lld %s", (long long)size, units[unit]);
    *out = value_var(text, strlen(text));
    return ST_OK;
}
