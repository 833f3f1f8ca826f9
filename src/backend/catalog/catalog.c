/* catalog.c - a session's view of the catalogs: who, where, search path; schemas and roles; the first
 * rows of a new engine. */
#include "backend/catalog/catalog_int.h"

#include "backend/catalog/acl.h"

#include "storage/engine/engine.h"
#include "storage/rel/rel.h"

#include <stdio.h>

Status
catalog_open(Ctx *cx, Arena *arena)
{
    Catalog *c = arena_new(arena, Catalog);

    c->arena = arena;
    buf_add_text(&c->search_path, "\"$user\", public");
    c->database_name = "";
    arena_init(&c->cache, "relation cache", NULL);
    arena_init(&c->old_cache, "relation cache", NULL);
    arena_init(&c->names, "names", NULL);
    cx->catalog = c;
    return ST_OK;
}

void
catalog_close(Ctx *cx)
{
    if (cx->catalog == NULL)
        return;
    arena_free(&cx->catalog->cache);
    arena_free(&cx->catalog->old_cache);
    arena_free(&cx->catalog->names);
    buf_free(&cx->catalog->search_path);
    cx->catalog = NULL;
}

void
catalog_set_database(Ctx *cx, Oid oid, BranchId branch, const char *name)
{
    Catalog *c = cx->catalog;

    c->database = oid;
    c->branch = branch;
    c->database_name = arena_strdup(c->arena, name);
    for (int i = 0; i < CAT_COUNT; i++) {
        if (!catalog_is_shared((CatalogNo)i))
            c->relations[i] = NULL; /* they name the branch */
    }
}

void
catalog_set_role(Ctx *cx, Oid oid, const char *name, bool superuser)
{
    Catalog *c = cx->catalog;

    c->role = oid;
    snprintf(c->role_name, sizeof(c->role_name), "%s", name);
    c->superuser = superuser;
    catalog_forget_names(c); /* $user */
}

BranchId
catalog_branch(Ctx *cx)
{
    return cx->catalog->branch;
}
Oid
catalog_database(Ctx *cx)
{
    return cx->catalog->database;
}
const char *
catalog_database_name(Ctx *cx)
{
    return cx->catalog->database_name;
}
Oid
catalog_role(Ctx *cx)
{
    return cx->catalog->role;
}
const char *
catalog_role_name(Ctx *cx)
{
    return cx->catalog->role_name;
}
bool
catalog_is_superuser(Ctx *cx)
{
    return cx->catalog->superuser;
}

/* ---- schemas ------------------------------------------------------------------------------------------------ */

void
catalog_set_search_path(Ctx *cx, const char *path)
{
    buf_clear(&cx->catalog->search_path);
    buf_add_text(&cx->catalog->search_path, path);
    catalog_forget_names(cx->catalog);
}

Oid
catalog_temp_schema(Ctx *cx)
{
    return cx->catalog->temp_schema;
}

void
catalog_set_temp_schema(Ctx *cx, Oid schema)
{
    cx->catalog->temp_schema = schema;
    catalog_forget(cx->catalog);
}

Status
catalog_find_schema(Ctx *cx, const char *name, Oid *out)
{
    CatalogRow *rows;
    int count;

    *out = OID_NONE;
    if (strcmp(name, "pg_catalog") == 0)
        *out = SCHEMA_PG_CATALOG;
    else if (strcmp(name, "information_schema") == 0)
        *out = SCHEMA_INFORMATION_SCHEMA;
    else if (strcmp(name, "pg_temp") == 0)
        *out = cx->catalog->temp_schema;
    if (*out != OID_NONE || strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_nspname, value_name(cx, name), 0, value_null(),
                     &rows, &count));
    if (count > 0)
        *out = rows[0].values[COL_PG_NAMESPACE_oid].u32;
    return ST_OK;
}

Status
catalog_schema_name(Ctx *cx, Oid oid, const char **out)
{
    CatalogRow *rows;
    int count;

    *out = oid == SCHEMA_PG_CATALOG           ? "pg_catalog"
           : oid == SCHEMA_INFORMATION_SCHEMA ? "information_schema"
                                              : NULL;
    if (*out != NULL)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count > 0)
        *out = value_cstring(cx, rows[0].values[COL_PG_NAMESPACE_nspname]);
    return ST_OK;
}

/* The next name of a list like "$user", public; NULL at the end. Quoted names keep their case. */
static const char *
next_name(Ctx *cx, const char **at)
{
    const char *p = *at;
    Buf name = {0};
    const char *out;

    while (*p == ' ' || *p == ',')
        p++;
    if (*p == '\0')
        return NULL;
    if (*p == '"') {
        for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
            p += *p == '"';
            buf_add_char(&name, *p);
        }
        p += *p == '"';
    } else {
        for (; *p != '\0' && *p != ',' && *p != ' '; p++)
            buf_add_char(&name, (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
    }
    *at = p;
    out = arena_strdup(cx->arena, buf_cstr(&name));
    buf_free(&name);
    return out;
}

Status
catalog_search_path(Ctx *cx, bool implicit, Oid *schemas, int most, int *count)
{
    Catalog *c = cx->catalog;
    const char *at = buf_cstr(&c->search_path), *name;
    bool named = false, temp_named = c->temp_schema == OID_NONE;

    *count = 0;
    while ((name = next_name(cx, &at)) != NULL && *count < most - 2) {
        Oid oid;
        bool seen = false, usable;

        if (strcmp(name, "$user") == 0)
            name = c->role_name;
        TRY(catalog_find_schema(cx, name, &oid));
        for (int i = 0; i < *count; i++)
            seen |= schemas[i] == oid;
        if (oid == OID_NONE || seen)
            continue;
        TRY(acl_schema_has(cx, oid, ACL_USAGE, &usable));
        if (!usable)
            continue;
        named |= oid == SCHEMA_PG_CATALOG;
        temp_named |= oid == c->temp_schema;
        schemas[(*count)++] = oid;
    }
    if (implicit && !named) {
        memmove(schemas + 1, schemas, sizeof(*schemas) * (size_t)*count);
        schemas[0] = SCHEMA_PG_CATALOG;
        (*count)++;
    }
    if (implicit && !temp_named) {
        memmove(schemas + 1, schemas, sizeof(*schemas) * (size_t)*count);
        schemas[0] = c->temp_schema;
        (*count)++;
    }
    return ST_OK;
}

Status
catalog_creation_schema(Ctx *cx, const char *schema, Oid *out)
{
    Oid schemas[64];
    const char *name;
    int count;
    bool may;

    if (schema != NULL) {
        TRY(catalog_find_schema(cx, schema, out));
        if (*out == OID_NONE)
            return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", schema);
    } else {
        TRY(catalog_search_path(cx, false, schemas, COUNT_OF(schemas), &count));
        if (count == 0)
            return fail(cx, ST_ERROR, "3F000", "no schema has been selected to create in");
        *out = schemas[0];
    }
    if (*out == SCHEMA_PG_CATALOG || *out == SCHEMA_INFORMATION_SCHEMA)
        return fail(cx, ST_ERROR, "42501", "permission denied for schema %s",
                    *out == SCHEMA_PG_CATALOG ? "pg_catalog" : "information_schema");
    TRY(acl_schema_has(cx, *out, ACL_CREATE, &may));
    if (!may) {
        TRY(catalog_schema_name(cx, *out, &name));
        return fail(cx, ST_ERROR, "42501", "permission denied for schema %s", name);
    }
    return ST_OK;
}

/* ---- roles ---------------------------------------------------------------------------------------------------- */

Status
catalog_find_role(Ctx *cx, const char *name, Oid *out)
{
    CatalogRow *rows;
    int count;

    *out = OID_NONE;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, value_name(cx, name), 0, value_null(), &rows,
                     &count));
    if (count > 0)
        *out = rows[0].values[COL_PG_AUTHID_oid].u32;
    return ST_OK;
}

Status
catalog_role_by_oid(Ctx *cx, Oid oid, const char **name)
{
    CatalogRow *rows;
    int count;

    *name = NULL;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(oid), 0, value_null(), &rows, &count));
    if (count > 0)
        *name = value_cstring(cx, rows[0].values[COL_PG_AUTHID_rolname]);
    return ST_OK;
}

/* ---- the first rows --------------------------------------------------------------------------------------------- */

/* The roles that PostgreSQL brings along: nobody logs in as one of them, others are members. */
static Status
insert_predefined_roles(Ctx *cx)
{
    static const struct {
        Oid oid;
        const char *name;
    } roles[] = {{3373, "pg_monitor"},
                 {ROLE_READ_ALL_SETTINGS, "pg_read_all_settings"},
                 {3375, "pg_read_all_stats"},
                 {3377, "pg_stat_scan_tables"},
                 {4200, "pg_signal_backend"},
                 {4544, "pg_checkpoint"},
                 {4569, "pg_read_server_files"},
                 {4570, "pg_write_server_files"},
                 {4571, "pg_execute_server_program"},
                 {ROLE_DATABASE_OWNER, "pg_database_owner"},
                 {ROLE_READ_ALL_DATA, "pg_read_all_data"},
                 {ROLE_WRITE_ALL_DATA, "pg_write_all_data"}};

    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        Value *v = catalog_blank(cx, COL_PG_AUTHID_COUNT_);

        v[COL_PG_AUTHID_oid] = value_oid(roles[i].oid);
        v[COL_PG_AUTHID_rolname] = value_name(cx, roles[i].name);
        v[COL_PG_AUTHID_rolinherit] = value_bool(true);
        v[COL_PG_AUTHID_rolsuper] = v[COL_PG_AUTHID_rolcreaterole] = v[COL_PG_AUTHID_rolcreatedb] =
            v[COL_PG_AUTHID_rolcanlogin] = v[COL_PG_AUTHID_rolreplication] = v[COL_PG_AUTHID_rolbypassrls] =
                value_bool(false);
        v[COL_PG_AUTHID_rolconnlimit] = value_i32(-1);
        TRY(catalog_insert(cx, CAT_PG_AUTHID, v));
    }
    return ST_OK;
}

static Status
insert_role(Ctx *cx, Oid oid, const FirstRoleRow *role)
{
    Value *v = catalog_blank(cx, COL_PG_AUTHID_COUNT_);

    v[COL_PG_AUTHID_oid] = value_oid(oid);
    v[COL_PG_AUTHID_rolname] = value_name(cx, role->name);
    v[COL_PG_AUTHID_rolsuper] = v[COL_PG_AUTHID_rolinherit] = v[COL_PG_AUTHID_rolcreaterole] = value_bool(true);
    v[COL_PG_AUTHID_rolcreatedb] = v[COL_PG_AUTHID_rolcanlogin] = v[COL_PG_AUTHID_rolreplication] =
        value_bool(true);
    v[COL_PG_AUTHID_rolbypassrls] = value_bool(true);
    v[COL_PG_AUTHID_rolconnlimit] = value_i32(-1);
    v[COL_PG_AUTHID_rolpassword] = value_text(cx, role->verifier);
    return catalog_insert(cx, CAT_PG_AUTHID, v);
}

Status
catalog_insert_database(Ctx *cx, Oid oid, const char *name, Oid owner, BranchId branch, bool is_template,
                        bool allow)
{
    Value *v = catalog_blank(cx, COL_PG_DATABASE_COUNT_);

    v[COL_PG_DATABASE_oid] = value_oid(oid);
    v[COL_PG_DATABASE_datname] = value_name(cx, name);
    v[COL_PG_DATABASE_datdba] = value_oid(owner);
    v[COL_PG_DATABASE_encoding] = value_i32(6);
    v[COL_PG_DATABASE_datlocprovider] = value_char(cx, 'c');
    v[COL_PG_DATABASE_datistemplate] = value_bool(is_template);
    v[COL_PG_DATABASE_datallowconn] = value_bool(allow);
    v[COL_PG_DATABASE_datconnlimit] = value_i32(-1);
    v[COL_PG_DATABASE_datfrozenxid] = value_oid(branch); /* there is no freezing; it holds the branch */
    v[COL_PG_DATABASE_datminmxid] = value_oid(1);
    v[COL_PG_DATABASE_dattablespace] = value_oid(1663);
    v[COL_PG_DATABASE_datcollate] = v[COL_PG_DATABASE_datctype] = value_text(cx, "C.UTF-8");
    return catalog_insert(cx, CAT_PG_DATABASE, v);
}

static Status
schema_public(Ctx *cx, Value **out)
{
    AclItem items[] = {{ROLE_DATABASE_OWNER, ROLE_DATABASE_OWNER, ACL_USAGE | ACL_CREATE, 0},
                       {ACL_PUBLIC, ROLE_DATABASE_OWNER, ACL_USAGE, 0}};
    Acl acl = {items, COUNT_OF(items)};
    Value *v = catalog_blank(cx, COL_PG_NAMESPACE_COUNT_);

    v[COL_PG_NAMESPACE_oid] = value_oid(SCHEMA_PUBLIC);
    v[COL_PG_NAMESPACE_nspname] = value_name(cx, "public");
    v[COL_PG_NAMESPACE_nspowner] = value_oid(ROLE_DATABASE_OWNER);
    *out = v;
    return acl_to_value(cx, &acl, &v[COL_PG_NAMESPACE_nspacl]);
}

static Status
fill_database(Ctx *cx, void *arg)
{
    BranchId branch = *(const BranchId *)arg;
    Value *v;

    for (int i = 0; i < CAT_COUNT; i++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)i);

        if (catalog_is_shared((CatalogNo)i))
            continue;
        TRY(rel_create_fixed(cx, branch, t->heap.relation));
        for (int k = 0; k < t->index_count; k++)
            TRY(rel_create_fixed(cx, branch, t->indexes[k].btree.relation));
    }
    TRY(schema_public(cx, &v));
    return catalog_insert(cx, CAT_PG_NAMESPACE, v);
}

/* Has nobody changed any of its catalogs? */
static Status
is_as_filled(Ctx *cx, void *arg)
{
    bool *yes = arg;
    Value *public;

    TRY(schema_public(cx, &public));
    *yes = true;
    for (int i = 0; i < CAT_COUNT && *yes; i++) {
        CatalogRow *rows;
        int count;

        if (catalog_is_shared((CatalogNo)i))
            continue;
        TRY(catalog_find(cx, (CatalogNo)i, 0, value_null(), 0, value_null(), &rows, &count));
        *yes = count == (i == CAT_PG_NAMESPACE);
        for (int c = 0; count > 0 && *yes && c < COL_PG_NAMESPACE_COUNT_; c++)
            *yes = value_same(&rows[0].values[c], &public[c]);
    }
    return ST_OK;
}

/* As if it were the session's database. */
static Status
work_in(Ctx *cx, BranchId branch, Status (*work)(Ctx *cx, void *arg), void *arg)
{
    const Catalog *c = cx->catalog;
    BranchId saved = c->branch;
    const char *name = arena_strdup(cx->arena, c->database_name);
    Oid database = c->database;
    Status rc;

    catalog_set_database(cx, database, branch, name);
    rc = work(cx, arg);
    catalog_set_database(cx, database, saved, name);
    return rc;
}

/* The relations of a database's own catalogs, and schema public. */
Status
catalog_fill_database(Ctx *cx, BranchId branch)
{
    return work_in(cx, branch, fill_database, &branch);
}

Status
catalog_is_as_filled(Ctx *cx, BranchId branch, bool *yes)
{
    return work_in(cx, branch, is_as_filled, yes);
}

static Status
first_database(Ctx *cx, Oid oid, const char *name, bool is_template, bool allow)
{
    BranchId branch;

    TRY(engine_branch_create(cx, &branch));
    TRY(catalog_fill_database(cx, branch));
    return catalog_insert_database(cx, oid, name, ROLE_BOOTSTRAP, branch, is_template, allow);
}

static Status
first_databases(Ctx *cx, const char *another)
{
    static const struct {
        Oid oid;
        const char *name;
        bool is_template, allow;
    } rows[] = {{1, "template1", true, true},
                {4, "template0", true, false},
                {5, "postgres", false, true},
                {6, "heliosdb", false, true}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TRY(first_database(cx, rows[i].oid, rows[i].name, rows[i].is_template, rows[i].allow));
        if (another != NULL && strcmp(another, rows[i].name) == 0)
            another = NULL;
    }
    return another != NULL ? first_database(cx, engine_next_oid(cx), another, false, true) : ST_OK;
}

Status
catalog_bootstrap(Ctx *cx, const FirstRoleRow *roles, int role_count, const char *database)
{
    Status rc;

    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = catalog_open(cx, cx->arena);
    for (int i = 0; i < CAT_COUNT && rc == ST_OK; i++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)i);

        if (!catalog_is_shared((CatalogNo)i))
            continue;
        rc = rel_create_fixed(cx, BRANCH_SHARED, t->heap.relation);
        for (int k = 0; k < t->index_count && rc == ST_OK; k++)
            rc = rel_create_fixed(cx, BRANCH_SHARED, t->indexes[k].btree.relation);
    }
    for (int i = 0; i < role_count && rc == ST_OK; i++)
        rc = insert_role(cx, i == 0 ? ROLE_BOOTSTRAP : engine_next_oid(cx), &roles[i]);
    if (rc == ST_OK)
        rc = insert_predefined_roles(cx);
    if (rc == ST_OK)
        rc = first_databases(cx, database);
    if (rc == ST_OK)
        rc = txn_commit(cx);
    else
        txn_abort(cx);
    catalog_close(cx);
    return rc;
}
