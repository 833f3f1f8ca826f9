/* reindex.c - REINDEX: an index is built again in new storage, which takes the old one's place at commit.
 *
 * So it is rolled back like everything else, and a crash leaves the old index or the new one. The table is locked against
 * everybody, because whoever reads it may be in the old storage. Of a schema or the database each table is done in a
 * transaction of its own. Catalogs are not done: their indexes have their place for good. */
#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/ddl.h"
#include "base/env.h"

#include <strings.h>

typedef struct ReindexOptions {
    bool verbose, concurrently;
} ReindexOptions;

/* ---- options ------------------------------------------------------------------------------------------------------- */

static const char *
word_of(const AstDefElem *d)
{
    const AstConst *c = (const AstConst *)d->value;

    if (d->value == NULL)
        return NULL;
    if (d->value->kind == AST_STRING)
        return ((const AstString *)d->value)->text;
    if (d->value->kind != AST_CONST)
        return "";
    return c->const_kind == CONST_STRING ? c->text : c->integer == 1 ? "on" : c->integer == 0 ? "off" : "";
}

static Status
option_bool(Ctx *cx, const AstDefElem *d, bool *out)
{
    const char *word = word_of(d);

    *out = word == NULL || strcasecmp(word, "on") == 0 || strcasecmp(word, "true") == 0;
    if (*out || strcasecmp(word, "off") == 0 || strcasecmp(word, "false") == 0)
        return ST_OK;
    return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value", d->name);
}

static Status
read_options(Ctx *cx, const AstReindex *a, ReindexOptions *o)
{
    for (int i = 0; i < a->options.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->options.items[i];

        if (strcmp(d->name, "verbose") == 0) {
            TRY(option_bool(cx, d, &o->verbose));
        } else if (strcmp(d->name, "concurrently") == 0) {
            TRY(option_bool(cx, d, &o->concurrently));
        } else if (strcmp(d->name, "tablespace") == 0) {
            const char *name = word_of(d);

            if (name == NULL)
                return fail(cx, ST_ERROR, "42601", "tablespace requires a parameter");
            if (strcmp(name, "pg_default") != 0)
                return fail(cx, ST_ERROR, "42704", "tablespace \"%s\" does not exist", name);
        } else {
            return fail_at(cx, d->ast.location, "42601", "unrecognized REINDEX option \"%s\"", d->name);
        }
    }
    return ST_OK;
}

/* ---- one table ----------------------------------------------------------------------------------------------------- */

static Status
rebuild(Ctx *cx, const ReindexOptions *o, Oid table, Oid index)
{
    uint64_t start_us = env_mono_us(cx->env);
    const TableInfo *t;

    TRY(ddl_fresh_storage(cx, index));
    catalog_changed(cx, catalog_branch(cx), table);
    TRY(catalog_table_by_oid(cx, table, LOCK_NONE, &t));
    for (int i = 0; i < t->index_count; i++) {
        if (t->indexes[i].oid != index)
            continue;
        TRY(ddl_build_index(cx, t, i));
        if (o->verbose)
            ctx_notice_detail(cx, SEV_INFO, "00000",
                              arena_printf(cx->arena, "elapsed: %.2f s",
                                           (double)(env_mono_us(cx->env) - start_us) / 1e6),
                              "index \"%s\" was reindexed", t->indexes[i].name);
    }
    return ST_OK;
}

/* All indexes of the table, or this one. *t is out of date afterwards. */
static Status
rebuild_all(Ctx *cx, const ReindexOptions *o, const TableInfo *t, Oid only)
{
    Oid table = t->oid, *indexes = arena_array(cx->arena, Oid, MAX_OF(t->index_count, 1));
    int count = 0;

    for (int i = 0; i < t->index_count; i++) {
        if (only == OID_NONE || t->indexes[i].oid == only)
            indexes[count++] = t->indexes[i].oid;
    }
    for (int i = 0; i < count; i++)
        TRY(rebuild(cx, o, table, indexes[i]));
    return ST_OK;
}

static Status
need_owner(Ctx *cx, const TableInfo *t)
{
    if (t->kind == TABLE_CATALOG && catalog_is_superuser(cx))
        return fail_unsupported(cx, -1, "REINDEX of a system catalog");
    if (t->kind == TABLE_CATALOG)
        return fail(cx, ST_ERROR, "42501", "must be owner of table %s", t->name);
    return ddl_check_owner(cx, t);
}

static Status
reindex_table(Session *s, const AstReindex *a, const ReindexOptions *o)
{
    Ctx *cx = s->cx;
    const TableInfo *t;

    TRY(catalog_need_table(cx, a->relation->schema, a->relation->name, LOCK_NONE, &t));
    if (t->kind != TABLE_HEAP && t->kind != TABLE_CATALOG)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a table or materialized view", t->name);
    TRY(need_owner(cx, t));
    TRY(catalog_need_table(cx, a->relation->schema, a->relation->name, LOCK_ACCESS_EXCLUSIVE, &t));
    if (t->index_count == 0) {
        ctx_notice(cx, SEV_NOTICE, "00000",
                   o->concurrently ? "table \"%s\" has no indexes that can be reindexed concurrently"
                                   : "table \"%s\" has no indexes to reindex",
                   t->name);
        return ST_OK;
    }
    return rebuild_all(cx, o, t, OID_NONE);
}

static Status
reindex_index(Session *s, const AstReindex *a, const ReindexOptions *o)
{
    Ctx *cx = s->cx;
    const AstRangeVar *v = a->relation;
    const TableInfo *x, *t;
    Oid table, index;

    TRY(ddl_lock_index(cx, v->schema, v->name, &x, &table));
    if (x == NULL)
        return catalog_fail_no_table(cx, v->schema, v->name);
    if (x->kind != TABLE_INDEX)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not an index", x->name);
    index = x->oid;
    TRY(catalog_table_by_oid(cx, table, LOCK_NONE, &t));
    return t == NULL ? catalog_fail_no_table(cx, v->schema, v->name) : rebuild_all(cx, o, t, index);
}

/* ---- many tables --------------------------------------------------------------------------------------------------- */

/* What was changed is kept, the locks go. */
static Status
next_transaction(Session *s)
{
    TRY(txn_commit(s->cx));
    TRY(txn_begin(s->cx, ISOLATION_READ_COMMITTED));
    catalog_absorb(s->cx);
    return ST_OK;
}

/* Tables that are gone by now are left out, and so are other sessions' temporary ones. */
static Status
reindex_each(Session *s, const ReindexOptions *o, Oid schema)
{
    Ctx *cx = s->cx;
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        const TableInfo *t;

        if (v[COL_PG_CLASS_relkind].var.data[0] != 'r' || v[COL_PG_CLASS_relpersistence].var.data[0] == 't' ||
            (schema != OID_NONE && v[COL_PG_CLASS_relnamespace].u32 != schema))
            continue;
        TRY(catalog_table_by_oid(cx, v[COL_PG_CLASS_oid].u32, LOCK_ACCESS_EXCLUSIVE, &t));
        if (t != NULL && t->kind == TABLE_HEAP && t->index_count > 0) {
            const char *name = arena_printf(cx->arena, "%s.%s", t->schema_name, t->name);

            TRY(rebuild_all(cx, o, t, OID_NONE));
            if (o->verbose)
                ctx_notice(cx, SEV_INFO, "00000", "table \"%s\" was reindexed", name);
        }
        TRY(next_transaction(s));
    }
    return ST_OK;
}

static Status
reindex_schema(Session *s, const AstReindex *a, const ReindexOptions *o)
{
    Ctx *cx = s->cx;
    CatalogRow *rows;
    int count;
    Oid schema;
    bool owner = catalog_is_superuser(cx);

    TRY(catalog_find_schema(cx, a->name, &schema));
    if (schema == OID_NONE)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", a->name);
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(schema), 0, value_null(), &rows,
                     &count));
    if (!owner && count > 0)
        TRY(acl_has_owner(cx, rows[0].values[COL_PG_NAMESPACE_nspowner].u32, &owner));
    if (!owner)
        return fail(cx, ST_ERROR, "42501", "must be owner of schema %s", a->name);
    return reindex_each(s, o, schema);
}

static Status
reindex_database(Session *s, const AstReindex *a, const ReindexOptions *o)
{
    Ctx *cx = s->cx;
    bool owner = catalog_is_superuser(cx);

    if (strcmp(a->name, catalog_database_name(cx)) != 0)
        return fail(cx, ST_ERROR, "0A000", "can only reindex the currently open database");
    if (!owner)
        TRY(acl_has_owner(cx, ROLE_DATABASE_OWNER, &owner));
    if (!owner)
        return fail(cx, ST_ERROR, "42501", "must be owner of database %s", a->name);
    if (a->object == REINDEX_SYSTEM)
        return fail_unsupported(cx, -1, "REINDEX of a system catalog");
    return reindex_each(s, o, OID_NONE);
}

/* ---- the statement ------------------------------------------------------------------------------------------------- */

Status
command_reindex(Session *s, const AstReindex *a)
{
    static const char *const names[] = {[REINDEX_SCHEMA] = "REINDEX SCHEMA",
                                        [REINDEX_SYSTEM] = "REINDEX SYSTEM",
                                        [REINDEX_DATABASE] = "REINDEX DATABASE"};
    Ctx *cx = s->cx;
    ReindexOptions o = {0};
    const char *alone = a->object >= REINDEX_SCHEMA ? names[a->object] : NULL;

    TRY(read_options(cx, a, &o));
    if (o.concurrently)
        alone = "REINDEX CONCURRENTLY";
    if (alone != NULL && s->state == TRANSACTION_BLOCK)
        return fail(cx, ST_ERROR, "25001", "%s cannot run inside a transaction block", alone);
    switch (a->object) {
    case REINDEX_INDEX: return reindex_index(s, a, &o);
    case REINDEX_TABLE: return reindex_table(s, a, &o);
    case REINDEX_SCHEMA: return reindex_schema(s, a, &o);
    case REINDEX_SYSTEM:
    case REINDEX_DATABASE: return reindex_database(s, a, &o);
    }
    return ST_OK;
}
