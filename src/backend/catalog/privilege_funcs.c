/* privilege_funcs.c - has_..._privilege: superusers and owners may everything, others what is open to all
 * (there is no GRANT yet). The first argument may name another role. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"
#include "backend/type/regnames.h"

#include <strings.h>

/* The role asked about, and how many arguments it took. */
static Status
asked_role(FnCall *call, const Value *args, int object_args, Oid *role, bool *superuser, int *used)
{
    Ctx *cx = call->cx;
    CatalogRow *rows;
    int count;

    *used = call->arg_count - object_args;
    *role = catalog_role(cx);
    *superuser = catalog_is_superuser(cx);
    if (*used == 0)
        return ST_OK;
    if (call->arg_types[0] == TYPE_OID)
        TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, args[0], 0, value_null(), &rows, &count));
    else
        TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, args[0], 0, value_null(), &rows, &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist",
                    call->arg_types[0] == TYPE_OID ? "?" : value_cstring(cx, args[0]));
    *role = rows[0].values[COL_PG_AUTHID_oid].u32;
    *superuser = rows[0].values[COL_PG_AUTHID_rolsuper].b;
    return ST_OK;
}

static Status
relation_privilege(FnCall *call, const Value *args, int object_args, Value *out)
{
    Ctx *cx = call->cx;
    const struct RegNames *names = cx->format->reg_names;
    Oid role, oid;
    bool superuser;
    int at;
    const TableInfo *t;

    TRY(asked_role(call, args, object_args, &role, &superuser, &at));
    oid = args[at].u32;
    if (call->arg_types[at] == TYPE_TEXT)
        TRY(names->find(cx, TYPE_REGCLASS, args[at].var.data, args[at].var.bytes, false, &oid));
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    *out = value_null();
    if (t != NULL)
        *out = value_bool(superuser || t->owner == role || t->schema == SCHEMA_PG_CATALOG ||
                          t->schema == SCHEMA_INFORMATION_SCHEMA);
    return ST_OK;
}

SCALAR_FN(has_table_privilege)
{
    return relation_privilege(call, args, 2, out);
}

SCALAR_FN(has_column_privilege)
{
    return relation_privilege(call, args, 3, out);
}

SCALAR_FN(has_schema_privilege)
{
    Ctx *cx = call->cx;
    Oid role, oid;
    bool superuser, create;
    int at;
    CatalogRow *rows;
    int count;

    TRY(asked_role(call, args, 2, &role, &superuser, &at));
    oid = args[at].u32;
    if (call->arg_types[at] == TYPE_TEXT) {
        const char *name = value_cstring(cx, args[at]);

        TRY(catalog_find_schema(cx, name, &oid));
        if (oid == OID_NONE)
            return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", name);
    }
    create = args[at + 1].var.bytes >= 6 && strncasecmp(args[at + 1].var.data, "create", 6) == 0;
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    *out = value_bool(
        superuser || (count > 0 && rows[0].values[COL_PG_NAMESPACE_nspowner].u32 == role) ||
        (!create && (oid == SCHEMA_PUBLIC || oid == SCHEMA_PG_CATALOG || oid == SCHEMA_INFORMATION_SCHEMA)));
    return ST_OK;
}

SCALAR_FN(has_database_privilege)
{
    Oid role;
    bool superuser, create;
    int at;

    TRY(asked_role(call, args, 2, &role, &superuser, &at));
    create = args[at + 1].var.bytes >= 6 && strncasecmp(args[at + 1].var.data, "create", 6) == 0;
    *out = value_bool(superuser || !create); /* CONNECT and TEMPORARY are open to all */
    return ST_OK;
}

SCALAR_FN(pg_has_role)
{
    Oid role;
    bool superuser;
    int at;
    Oid other;

    TRY(asked_role(call, args, 2, &role, &superuser, &at));
    other = args[at].u32;
    if (call->arg_types[at] == TYPE_NAME)
        TRY(catalog_find_role(call->cx, value_cstring(call->cx, args[at]), &other));
    *out = value_bool(superuser || other == role);
    return ST_OK;
}
