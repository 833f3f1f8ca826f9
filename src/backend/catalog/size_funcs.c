/* size_funcs.c - how much room relations take. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"
#include "backend/type/numeric.h"
#include "shmem/pagecache/cache_rel.h"
#include "storage/rel/rel.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

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

static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};

typedef struct Tally {
    bool (*counts)(BranchId branch, BranchId which);
    BranchId which;
    int64_t bytes;
} Tally;

static void
add_relation(Ctx *cx, void *arg, CacheRel *rel)
{
    Tally *t = arg;

    (void)cx;
    for (int fork = 0; t->counts(rel->branch, t->which) && fork < FORK_COUNT; fork++)
        t->bytes += (int64_t)cache_rel_length(rel, (Fork)fork) * PAGE_BYTES;
}

static bool
is_branch(BranchId branch, BranchId which)
{
    return branch == which;
}

static bool
is_other_branch(BranchId branch, BranchId which)
{
    return branch != which;
}

/* All relations of a database: what it would take by itself, if it shares pages with the one it was copied from. */
SCALAR_FN(pg_database_size)
{
    Ctx *cx = call->cx;
    bool by_name = call->arg_types[0] == TYPE_NAME;
    CatalogRow *rows;
    int count;
    Tally t = {.counts = is_branch};

    *out = value_null();
    TRY(catalog_find(cx, CAT_PG_DATABASE, by_name ? COL_PG_DATABASE_datname : COL_PG_DATABASE_oid, args[0], 0,
                     value_null(), &rows, &count));
    if (count == 0)
        return by_name
                   ? fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", value_cstring(cx, args[0]))
                   : ST_OK;
    t.which = rows[0].values[COL_PG_DATABASE_datfrozenxid].u32;
    cache_rel_each(cx, add_relation, &t);
    *out = value_i64(t.bytes);
    return ST_OK;
}

/* pg_global has what all databases share, pg_default all else. */
SCALAR_FN(pg_tablespace_size)
{
    Ctx *cx = call->cx;
    bool by_name = call->arg_types[0] == TYPE_NAME;
    const char *name = by_name ? value_cstring(cx, args[0]) : "";
    bool shared = by_name ? strcmp(name, "pg_global") == 0 : args[0].u32 == TABLESPACE_GLOBAL;
    Tally t = {.counts = shared ? is_branch : is_other_branch, .which = BRANCH_SHARED};

    *out = value_null();
    if (by_name && !shared && strcmp(name, "pg_default") != 0)
        return fail(cx, ST_ERROR, "42704", "tablespace \"%s\" does not exist", name);
    if (!by_name && !shared && args[0].u32 != TABLESPACE_DEFAULT)
        return ST_OK;
    cache_rel_each(cx, add_relation, &t);
    *out = value_i64(t.bytes);
    return ST_OK;
}

SCALAR_FN(pg_size_pretty)
{
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

enum { FN_NUMERIC_DIV_TRUNC = 1973 };

static Status
divide(Ctx *cx, const Value *v, int64_t by, Value *out)
{
    const Oid types[2] = {TYPE_NUMERIC, TYPE_NUMERIC};
    Value both[2] = {*v, numeric_from_i64(cx->arena, by, 0)};

    return fn_call_value(cx, fn_by_oid(FN_NUMERIC_DIV_TRUNC), types, both, 2, TYPE_NUMERIC, out);
}

/* The same with numbers of any size: halves of the next unit, then rounded away from zero. */
SCALAR_FN(pg_size_pretty_numeric)
{
    Ctx *cx = call->cx;
    Value size = args[0], one;
    size_t unit = 0;
    const char *text;

    while (unit + 1 < COUNT_OF(units) &&
           (numeric_is_special(&size) || fabs(numeric_to_double(&size)) >= (unit == 0 ? 10240 : 20480 - 1))) {
        TRY(divide(cx, &size, unit == 0 ? 512 : 1024, &size));
        unit++;
    }
    if (unit > 0) {
        one = numeric_from_i64(cx->arena, numeric_sign(&size) >= 0 ? 1 : -1, 0);
        TRY(numeric_add_values(cx, &size, &one, &size));
        TRY(divide(cx, &size, 2, &size));
    }
    text = arena_printf(cx->arena, "%s %s", numeric_text(cx->arena, &size), units[unit]);
    *out = value_var(text, strlen(text));
    return ST_OK;
}

/* Digits with a point and an exponent; the end of them. An "e" without digits belongs to the unit. */
static const char *
number_end(const char *p)
{
    const char *digits;
    bool any = false;

    if (*p == '-' || *p == '+')
        p++;
    for (; isdigit((unsigned char)*p); p++)
        any = true;
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++)
            any = true;
    }
    if (!any)
        return NULL;
    if (*p == 'e' || *p == 'E') {
        digits = p + 1 + (p[1] == '-' || p[1] == '+');
        if (isdigit((unsigned char)*digits)) {
            for (p = digits; isdigit((unsigned char)*p); p++)
                continue;
        }
    }
    return p;
}

SCALAR_FN(pg_size_bytes)
{
    Ctx *cx = call->cx;
    const char *all = arena_strndup(cx->arena, args[0].var.data, args[0].var.bytes), *p = all, *end;
    size_t unit = 0, bytes;
    Value number, factor;
    int64_t size;

    while (isspace((unsigned char)*p))
        p++;
    end = number_end(p);
    if (end == NULL)
        return fail(cx, ST_ERROR, "22023", "invalid size: \"%s\"", all);
    TRY(numeric_parse(cx, p, (size_t)(end - p), &number));
    while (isspace((unsigned char)*end))
        end++;
    bytes = strlen(end);
    while (bytes > 0 && isspace((unsigned char)end[bytes - 1]))
        bytes--;
    if (bytes > 0) {
        while (unit < COUNT_OF(units) &&
               !(strlen(units[unit]) == bytes && strncasecmp(units[unit], end, bytes) == 0))
            unit++;
        if (unit == COUNT_OF(units)) {
            (void)fail(cx, ST_ERROR, "22023", "invalid size: \"%s\"", all);
            fail_detail(cx, "Invalid size unit: \"%.*s\".", (int)bytes, end);
            fail_hint(cx, "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".");
            return ST_ERROR;
        }
        factor = numeric_from_i64(cx->arena, INT64_C(1) << (10 * unit), 0);
        TRY(numeric_mul_values(cx, &number, &factor, &number));
    }
    TRY(numeric_to_i64(cx, &number, "bigint", INT64_MIN, INT64_MAX, &size));
    *out = value_i64(size);
    return ST_OK;
}
