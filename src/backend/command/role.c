/* role.c - CREATE, ALTER and DROP ROLE. Roles are shared by all databases. */
#include "backend/command/ddl.h"

#include "backend/auth/verifier.h"
#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/grant.h"
#include "backend/command/object_lock.h"
#include "storage/engine/engine.h"

/* ---- finding ------------------------------------------------------------------------------------------------------- */

/* *values NULL: there is none. The row is a copy. */
static Status
role_row(Ctx *cx, const char *name, Value **values, Tid *tid)
{
    CatalogRow *rows;
    int count;

    *values = NULL;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, value_name(cx, name), 0, value_null(), &rows,
                     &count));
    if (count > 0) {
        *values = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_AUTHID_COUNT_);
        *tid = rows[0].tid;
    }
    return ST_OK;
}

static Status
lock_role_name(Ctx *cx, const char *name)
{
    return object_lock_name(cx, BRANCH_SHARED, CATALOG_OID_PG_AUTHID, OID_NONE, name);
}

static Status
denied(Ctx *cx, const char *message)
{
    return fail(cx, ST_ERROR, "42501", "%s", message);
}

/* ---- options ------------------------------------------------------------------------------------------------------- */

static bool
option_is_true(const AstDefElem *d)
{
    return d->value != NULL && d->value->kind == AST_CONST && ((const AstConst *)d->value)->integer != 0;
}

static const char *
option_string(const AstDefElem *d)
{
    if (d->value == NULL)
        return NULL;
    if (d->value->kind == AST_STRING)
        return ((const AstString *)d->value)->text;
    return d->value->kind == AST_CONST ? ((const AstConst *)d->value)->text : NULL;
}

static Status
set_password(Session *s, Value *row, const char *name, const char *password)
{
    Ctx *cx = s->cx;
    const char *verifier = NULL;

    if (password != NULL && password[0] == '\0') {
        ctx_notice(cx, SEV_NOTICE, "00000", "empty string is not a valid password, clearing password");
        password = NULL;
    }
    if (password != NULL && verifier_kind(password) != VERIFIER_PLAIN)
        verifier = password; /* a dump brings verifiers */
    else if (password != NULL && strcmp(session_setting_text(s, SETTING_PASSWORD_ENCRYPTION), "md5") == 0)
        TRY(verifier_make_md5(cx, cx->arena, name, password, &verifier));
    else if (password != NULL)
        TRY(verifier_make_scram(cx, cx->arena, password, &verifier));
    row[COL_PG_AUTHID_rolpassword] = value_text(cx, verifier);
    return ST_OK;
}

static Status
set_flag(Ctx *cx, const AstDefElem *d, Value *row, bool *known)
{
    static const struct {
        const char *name;
        int column;
        const char *refusal; /* only superusers may touch it */
    } flags[] = {
        {"superuser", COL_PG_AUTHID_rolsuper, "must be superuser to create superusers"},
        {"inherit", COL_PG_AUTHID_rolinherit, NULL},
        {"createrole", COL_PG_AUTHID_rolcreaterole, NULL},
        {"createdb", COL_PG_AUTHID_rolcreatedb, NULL},
        {"canlogin", COL_PG_AUTHID_rolcanlogin, NULL},
        {"isreplication", COL_PG_AUTHID_rolreplication, "must be superuser to create replication users"},
        {"bypassrls", COL_PG_AUTHID_rolbypassrls, "must be superuser to create bypassrls users"},
    };

    *known = false;
    for (size_t i = 0; i < COUNT_OF(flags) && !*known; i++) {
        if (strcmp(d->name, flags[i].name) != 0)
            continue;
        *known = true;
        if (flags[i].refusal != NULL && option_is_true(d) && !catalog_is_superuser(cx))
            return denied(cx, flags[i].refusal);
        row[flags[i].column] = value_bool(option_is_true(d));
    }
    return ST_OK;
}

static Status
set_option(Session *s, const AstDefElem *d, const char *name, Value *row)
{
    Ctx *cx = s->cx;
    const TypeInfo *time = type_by_oid(TYPE_TIMESTAMPTZ);
    const char *text = option_string(d);
    bool known;

    TRY(set_flag(cx, d, row, &known));
    if (known)
        return ST_OK;
    if (strcmp(d->name, "password") == 0)
        return set_password(s, row, name, text);
    if (strcmp(d->name, "connectionlimit") == 0) {
        int limit = d->value != NULL ? ((const AstConst *)d->value)->integer : -1;

        if (limit < -1)
            return fail(cx, ST_ERROR, "22023", "invalid connection limit: %d", limit);
        row[COL_PG_AUTHID_rolconnlimit] = value_i32(limit);
        return ST_OK;
    }
    if (strcmp(d->name, "validUntil") == 0)
        return time->in(cx, time, text, strlen(text), -1, &row[COL_PG_AUTHID_rolvaliduntil]);
    if (strcmp(d->name, "sysid") == 0) {
        ctx_notice(cx, SEV_NOTICE, "00000", "SYSID can no longer be specified");
        return ST_OK;
    }
    return fail_unsupported(cx, d->ast.location, "membership in roles");
}

static Status
set_options(Session *s, const AstRole *a, const char *name, Value *row)
{
    for (int i = 0; i < a->options.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->options.items[i];

        for (int k = 0; k < i; k++) {
            if (strcmp(((const AstDefElem *)a->options.items[k])->name, d->name) == 0)
                return fail_at(s->cx, d->ast.location, "42601", "conflicting or redundant options");
        }
        TRY(set_option(s, d, name, row));
    }
    return ST_OK;
}

/* ---- CREATE, ALTER ----------------------------------------------------------------------------------------------------- */

static Status
check_name(Ctx *cx, const char *name)
{
    Status rc;

    if (strncmp(name, "pg_", 3) != 0)
        return ST_OK;
    rc = fail(cx, ST_ERROR, "42939", "role name \"%s\" is reserved", name);
    fail_detail(cx, "Role names starting with \"pg_\" are reserved.");
    return rc;
}

static Status
create_role(Session *s, const AstRole *a)
{
    Ctx *cx = s->cx;
    const char *name = ddl_name(cx, a->name);
    Value *v = catalog_blank(cx, COL_PG_AUTHID_COUNT_), *other;
    bool may;
    Tid tid;

    TRY(acl_may_create_roles(cx, &may));
    if (!may)
        return denied(cx, "permission denied to create role");
    TRY(check_name(cx, name));
    v[COL_PG_AUTHID_oid] = value_oid(engine_next_oid(cx));
    v[COL_PG_AUTHID_rolname] = value_name(cx, name);
    v[COL_PG_AUTHID_rolsuper] = v[COL_PG_AUTHID_rolcreaterole] = v[COL_PG_AUTHID_rolcreatedb] =
        value_bool(false);
    v[COL_PG_AUTHID_rolreplication] = v[COL_PG_AUTHID_rolbypassrls] = value_bool(false);
    v[COL_PG_AUTHID_rolinherit] = value_bool(true);
    v[COL_PG_AUTHID_rolcanlogin] = value_bool(a->is_user);
    v[COL_PG_AUTHID_rolconnlimit] = value_i32(-1);
    TRY(set_options(s, a, name, v));
    TRY(lock_role_name(cx, name));
    TRY(role_row(cx, name, &other, &tid));
    if (other != NULL)
        return fail(cx, ST_ERROR, "42710", "role \"%s\" already exists", name);
    TRY(catalog_insert(cx, CAT_PG_AUTHID, v));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

static const char *
named_role(Ctx *cx, const char *name)
{
    return strcmp(name, "current_user") == 0 ? catalog_role_name(cx) : name;
}

static Status
fail_no_role(Ctx *cx, const char *name)
{
    return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", name);
}

/* Who may change a role: superusers any, CREATEROLE those that are no superusers, everybody his own password. */
static Status
check_may_alter(Ctx *cx, const AstRole *a, const Value *row)
{
    bool may, own_password;

    own_password = row[COL_PG_AUTHID_oid].u32 == catalog_role(cx) && a->options.count == 1 &&
                   strcmp(((const AstDefElem *)a->options.items[0])->name, "password") == 0;
    TRY(acl_may_create_roles(cx, &may));
    if (row[COL_PG_AUTHID_rolsuper].b && !catalog_is_superuser(cx))
        return denied(cx, "must be superuser to alter superuser roles or change superuser attribute");
    if (row[COL_PG_AUTHID_rolreplication].b && !catalog_is_superuser(cx))
        return denied(cx, "must be superuser to alter replication roles or change replication attribute");
    return may || own_password ? ST_OK : denied(cx, "permission denied");
}

static Status
alter_role(Session *s, const AstRole *a)
{
    Ctx *cx = s->cx;
    const char *name = named_role(cx, a->name);
    Value *v;
    Tid tid;

    TRY(lock_role_name(cx, name));
    TRY(role_row(cx, name, &v, &tid));
    if (v == NULL)
        return fail_no_role(cx, name);
    TRY(check_may_alter(cx, a, v));
    TRY(set_options(s, a, name, v));
    TRY(catalog_update(cx, CAT_PG_AUTHID, tid, v));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

Status
command_rename_role(Session *s, const char *old_name, const char *name)
{
    Ctx *cx = s->cx;
    Value *v, *other;
    Tid tid, other_tid;
    bool may;

    TRY(lock_role_name(cx, old_name));
    TRY(lock_role_name(cx, name));
    TRY(role_row(cx, old_name, &v, &tid));
    if (v == NULL)
        return fail_no_role(cx, old_name);
    if (v[COL_PG_AUTHID_oid].u32 == s->session_user)
        return fail(cx, ST_ERROR, "0A000", "session user cannot be renamed");
    if (v[COL_PG_AUTHID_oid].u32 == catalog_role(cx))
        return fail(cx, ST_ERROR, "0A000", "current user cannot be renamed");
    TRY(check_name(cx, name));
    TRY(role_row(cx, name, &other, &other_tid));
    if (other != NULL)
        return fail(cx, ST_ERROR, "42710", "role \"%s\" already exists", name);
    TRY(acl_may_create_roles(cx, &may));
    if (v[COL_PG_AUTHID_rolsuper].b && !catalog_is_superuser(cx))
        return denied(cx, "must be superuser to rename superusers");
    if (!may)
        return denied(cx, "permission denied to rename role");
    v[COL_PG_AUTHID_rolname] = value_name(cx, name);
    if (!v[COL_PG_AUTHID_rolpassword].is_null &&
        verifier_kind(value_cstring(cx, v[COL_PG_AUTHID_rolpassword])) == VERIFIER_MD5) {
        v[COL_PG_AUTHID_rolpassword] = value_null(); /* the name is part of the hash */
        ctx_notice(cx, SEV_NOTICE, "00000", "MD5 password cleared because of role rename");
    }
    TRY(catalog_update(cx, CAT_PG_AUTHID, tid, v));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

/* ---- DROP ------------------------------------------------------------------------------------------------------------- */

static const char *
kind_word(char relkind)
{
    return relkind == 'S' ? "sequence" : relkind == 'i' ? "index" : "table";
}

/* What the role owns in this session's database, into the detail of an error. */
static Status
list_owned_here(Ctx *cx, Oid role, Buf *detail)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relowner, value_oid(role), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        char relkind = rows[i].values[COL_PG_CLASS_relkind].var.data[0];

        if (relkind == 'i')
            continue;
        buf_printf(detail, "%sowner of %s %s", detail->bytes > 0 ? "\n" : "", kind_word(relkind),
                   value_cstring(cx, rows[i].values[COL_PG_CLASS_relname]));
    }
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_nspowner, value_oid(role), 0, value_null(), &rows,
                     &count));
    for (int i = 0; i < count; i++)
        buf_printf(detail, "%sowner of schema %s", detail->bytes > 0 ? "\n" : "",
                   value_cstring(cx, rows[i].values[COL_PG_NAMESPACE_nspname]));
    TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_datdba, value_oid(role), 0, value_null(), &rows,
                     &count));
    for (int i = 0; i < count; i++)
        buf_printf(detail, "%sowner of database %s", detail->bytes > 0 ? "\n" : "",
                   value_cstring(cx, rows[i].values[COL_PG_DATABASE_datname]));
    return grant_list_of_role(cx, role, detail);
}

static Status
refuse_owner_here(Ctx *cx, Oid role, const char *name, bool *found)
{
    Buf detail = {0};
    Status rc = list_owned_here(cx, role, &detail);

    *found = rc == ST_OK && detail.bytes > 0;
    if (*found) {
        (void)fail(cx, ST_ERROR, "2BP01", "role \"%s\" cannot be dropped because some objects depend on it",
                   name);
        fail_detail(cx, "%s", buf_cstr(&detail));
    }
    buf_free(&detail);
    return rc;
}

/* The same in all other databases, by number. */
static Status
refuse_owner_elsewhere(Ctx *cx, Oid role, const char *name, bool *found)
{
    CatalogRow *rows, *owned;
    int count, owned_count;
    Oid database = catalog_database(cx);
    BranchId branch = catalog_branch(cx);
    const char *database_name = arena_strdup(cx->arena, catalog_database_name(cx));
    Buf detail = {0};
    Status rc = ST_OK;

    TRY(catalog_find(cx, CAT_PG_DATABASE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count && rc == ST_OK; i++) {
        const Value *v = rows[i].values;
        int objects = 0;

        if (v[COL_PG_DATABASE_oid].u32 == database)
            continue;
        catalog_set_database(cx, database, v[COL_PG_DATABASE_datfrozenxid].u32, database_name);
        rc = catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relowner, value_oid(role), 0, value_null(), &owned,
                          &owned_count);
        objects = rc == ST_OK ? owned_count : 0;
        if (rc == ST_OK)
            rc = catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_nspowner, value_oid(role), 0, value_null(),
                              &owned, &owned_count);
        objects += rc == ST_OK ? owned_count : 0;
        if (objects > 0)
            buf_printf(&detail, "%s%d object%s in database %s", detail.bytes > 0 ? "\n" : "", objects,
                       objects > 1 ? "s" : "", value_cstring(cx, v[COL_PG_DATABASE_datname]));
    }
    catalog_set_database(cx, database, branch, database_name);
    *found = detail.bytes > 0;
    if (rc == ST_OK && *found) {
        (void)fail(cx, ST_ERROR, "2BP01", "role \"%s\" cannot be dropped because some objects depend on it",
                   name);
        fail_detail(cx, "%s", buf_cstr(&detail));
    }
    buf_free(&detail);
    return rc;
}

static Status
check_may_drop(Session *s, const char *name, const Value *v)
{
    Ctx *cx = s->cx;

    if (v[COL_PG_AUTHID_oid].u32 == catalog_role(cx))
        return fail(cx, ST_ERROR, "55006", "current user cannot be dropped");
    if (v[COL_PG_AUTHID_oid].u32 == s->session_user)
        return fail(cx, ST_ERROR, "55006", "session user cannot be dropped");
    if (v[COL_PG_AUTHID_rolsuper].b && !catalog_is_superuser(cx))
        return denied(cx, "must be superuser to drop superusers");
    if (v[COL_PG_AUTHID_oid].u32 == ROLE_BOOTSTRAP)
        return fail(cx, ST_ERROR, "2BP01", "cannot drop role %s because it is required by the database system",
                    name);
    return ST_OK;
}

/* First the role and then its name, as others may hold it who change the role afterwards. */
static Status
lock_for_drop(Session *s, const char *name, Value **v, Tid *tid)
{
    Ctx *cx = s->cx;

    for (Oid locked = OID_NONE;;) {
        TRY(role_row(cx, name, v, tid));
        if (*v == NULL)
            return ST_OK;
        TRY(check_may_drop(s, name, *v));
        if ((*v)[COL_PG_AUTHID_oid].u32 == locked)
            return ST_OK;
        locked = (*v)[COL_PG_AUTHID_oid].u32;
        TRY(object_lock(cx, object_lock_key(BRANCH_SHARED, CATALOG_OID_PG_AUTHID, locked),
                        LOCK_ACCESS_EXCLUSIVE));
        TRY(lock_role_name(cx, name));
    }
}

static Status
drop_one(Session *s, const char *name, bool missing_ok)
{
    Ctx *cx = s->cx;
    Value *v;
    Tid tid;
    bool found;

    TRY(lock_for_drop(s, name, &v, &tid));
    if (v == NULL && missing_ok) {
        ctx_notice(cx, SEV_NOTICE, "00000", "role \"%s\" does not exist, skipping", name);
        return ST_OK;
    }
    if (v == NULL)
        return fail_no_role(cx, name);
    TRY(refuse_owner_here(cx, v[COL_PG_AUTHID_oid].u32, name, &found));
    if (!found)
        TRY(refuse_owner_elsewhere(cx, v[COL_PG_AUTHID_oid].u32, name, &found));
    if (found)
        return ST_ERROR;
    TRY(ddl_delete_where(cx, CAT_PG_SHDESCRIPTION, COL_PG_SHDESCRIPTION_objoid, v[COL_PG_AUTHID_oid],
                         COL_PG_SHDESCRIPTION_classoid, value_oid(CATALOG_OID_PG_AUTHID)));
    TRY(grant_drop_memberships(cx, v[COL_PG_AUTHID_oid].u32));
    TRY(catalog_delete(cx, CAT_PG_AUTHID, tid));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

static Status
drop_roles(Session *s, const AstRole *a)
{
    bool may;

    TRY(acl_may_create_roles(s->cx, &may));
    if (!may)
        return denied(s->cx, "permission denied to drop role");
    for (int i = 0; i < a->names.count; i++) {
        const char *name = ((const AstString *)a->names.items[i])->text;

        if (strcmp(name, "current_user") == 0)
            return fail(s->cx, ST_ERROR, "22023", "cannot use special role specifier in DROP ROLE");
        TRY(drop_one(s, name, a->missing_ok));
    }
    return ST_OK;
}

Status
command_role(Session *s, const AstRole *a, const char **tag)
{
    switch (a->ast.kind) {
    case AST_CREATE_ROLE: *tag = "CREATE ROLE"; return create_role(s, a);
    case AST_ALTER_ROLE: *tag = "ALTER ROLE"; return alter_role(s, a);
    default: *tag = "DROP ROLE"; return drop_roles(s, a);
    }
}
