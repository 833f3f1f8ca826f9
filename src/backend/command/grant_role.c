/* grant_role.c - GRANT and REVOKE of roles to roles: rows of pg_auth_members. */
#include "backend/catalog/acl.h"
#include "backend/command/ddl.h"
#include "backend/command/grant.h"
#include "backend/command/object_lock.h"

Status
grant_find_role(Ctx *cx, const char *name, Oid *out)
{
    *out = catalog_role(cx);
    if (strcmp(name, "current_user") == 0)
        return ST_OK;
    TRY(catalog_find_role(cx, name, out));
    return *out != OID_NONE ? ST_OK : fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", name);
}

static Status
find_member(Ctx *cx, Oid role, Oid member, CatalogRow **row)
{
    CatalogRow *rows;
    int count;

    *row = NULL;
    TRY(catalog_find(cx, CAT_PG_AUTH_MEMBERS, COL_PG_AUTH_MEMBERS_roleid, value_oid(role),
                     COL_PG_AUTH_MEMBERS_member, value_oid(member), &rows, &count));
    if (count > 0)
        *row = &rows[0];
    return ST_OK;
}

/* Superusers give any role, CREATEROLE any but superusers', others those they have with ADMIN OPTION. */
static Status
check_admin(Ctx *cx, Oid role, const char *name)
{
    CatalogRow *rows;
    int count;
    bool may;
    Oid *roles;
    int role_count;

    if (catalog_is_superuser(cx))
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(role), 0, value_null(), &rows, &count));
    if (count > 0 && rows[0].values[COL_PG_AUTHID_rolsuper].b)
        return fail(cx, ST_ERROR, "42501", "must be superuser to alter superusers");
    TRY(acl_may_create_roles(cx, &may));
    if (may)
        return ST_OK;
    TRY(acl_roles_of(cx, catalog_role(cx), false, &roles, &role_count));
    for (int i = 0; i < role_count; i++) {
        CatalogRow *row;

        TRY(find_member(cx, role, roles[i], &row));
        if (row != NULL && row->values[COL_PG_AUTH_MEMBERS_admin_option].b)
            return ST_OK;
    }
    return fail(cx, ST_ERROR, "42501", "must have admin option on role \"%s\"", name);
}

static Status
add_member(Ctx *cx, Oid role, const char *role_name, Oid member, const char *member_name, bool admin)
{
    CatalogRow *row;
    Value *v = catalog_blank(cx, COL_PG_AUTH_MEMBERS_COUNT_);
    bool loop = false;
    Oid *roles;
    int count;

    if (role == ROLE_DATABASE_OWNER)
        return fail(cx, ST_ERROR, "XX000", "role \"%s\" cannot have explicit members", role_name);
    TRY(object_hold_role(cx, role)); /* PostgreSQL 15 does not wait, and keeps a member that is gone */
    TRY(object_hold_role(cx, member));
    TRY(acl_roles_of(cx, role, false, &roles, &count));
    for (int i = 0; i < count; i++)
        loop |= roles[i] == member;
    if (loop)
        return fail(cx, ST_ERROR, "0LP01", "role \"%s\" is a member of role \"%s\"", role_name, member_name);
    TRY(find_member(cx, role, member, &row));
    if (row != NULL && (!admin || row->values[COL_PG_AUTH_MEMBERS_admin_option].b)) {
        ctx_notice(cx, SEV_NOTICE, "00000", "role \"%s\" is already a member of role \"%s\"", member_name,
                   role_name);
        return ST_OK;
    }
    v[COL_PG_AUTH_MEMBERS_roleid] = value_oid(role);
    v[COL_PG_AUTH_MEMBERS_member] = value_oid(member);
    v[COL_PG_AUTH_MEMBERS_grantor] = value_oid(catalog_role(cx));
    v[COL_PG_AUTH_MEMBERS_admin_option] = value_bool(admin);
    return row != NULL ? catalog_update(cx, CAT_PG_AUTH_MEMBERS, row->tid, v)
                       : catalog_insert(cx, CAT_PG_AUTH_MEMBERS, v);
}

static Status
remove_member(Ctx *cx, Oid role, const char *role_name, Oid member, const char *member_name, bool admin)
{
    CatalogRow *row;
    Value *v;

    TRY(find_member(cx, role, member, &row));
    if (row == NULL) {
        ctx_notice(cx, SEV_WARNING, "01000", "role \"%s\" is not a member of role \"%s\"", member_name,
                   role_name);
        return ST_OK;
    }
    if (!admin)
        return catalog_delete(cx, CAT_PG_AUTH_MEMBERS, row->tid);
    v = arena_memdup(cx->arena, row->values, sizeof(Value) * COL_PG_AUTH_MEMBERS_COUNT_);
    v[COL_PG_AUTH_MEMBERS_admin_option] = value_bool(false);
    return catalog_update(cx, CAT_PG_AUTH_MEMBERS, row->tid, v);
}

Status
command_grant_role(Session *s, const AstGrantRole *a)
{
    Ctx *cx = s->cx;

    for (int i = 0; i < a->roles.count; i++) {
        const char *role_name = ((const AstString *)a->roles.items[i])->text;
        Oid role;

        TRY(grant_find_role(cx, role_name, &role));
        TRY(check_admin(cx, role, role_name));
        for (int k = 0; k < a->grantees.count; k++) {
            const char *member_name = ((const AstString *)a->grantees.items[k])->text;
            Oid member;

            if (strcmp(member_name, "public") == 0)
                return fail(cx, ST_ERROR, "42704", "role \"public\" does not exist");
            TRY(grant_find_role(cx, member_name, &member));
            TRY(a->is_grant ? add_member(cx, role, role_name, member, member_name, a->admin_option)
                            : remove_member(cx, role, role_name, member, member_name, a->admin_option));
            txn_next_command(cx);
        }
    }
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

Status
grant_drop_memberships(Ctx *cx, Oid role)
{
    TRY(ddl_delete_where(cx, CAT_PG_AUTH_MEMBERS, COL_PG_AUTH_MEMBERS_roleid, value_oid(role), 0,
                         value_null()));
    return ddl_delete_where(cx, CAT_PG_AUTH_MEMBERS, COL_PG_AUTH_MEMBERS_member, value_oid(role), 0,
                            value_null());
}
