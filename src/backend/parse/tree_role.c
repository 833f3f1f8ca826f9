/* tree_role.c - roles and what they may do, copied from the raw tree into ours. */
#include "backend/parse/parse_int.h"

const char *
tree_role_name(TreeCopy *c, const RoleSpec *r)
{
    if (r == NULL)
        return NULL;
    switch (r->roletype) {
    case ROLESPEC_CSTRING: return tree_copy_text(c, r->rolename);
    case ROLESPEC_PUBLIC: return "public";
    default: return "current_user";
    }
}

static AstList
copy_roles(TreeCopy *c, const List *roles)
{
    AstList out = {.items = arena_array(c->arena, Ast *, list_length(roles))};
    const ListCell *cell;

    foreach (cell, roles)
        out.items[out.count++] = tree_copy_string(c, tree_role_name(c, lfirst_node(RoleSpec, cell)));
    return out;
}

static Ast *
copy_role(TreeCopy *c, const Node *n)
{
    AstRole *a;
    const ListCell *cell;

    if (IsA(n, CreateRoleStmt)) {
        const CreateRoleStmt *s = (const CreateRoleStmt *)n;

        a = MAKE(AstRole, AST_CREATE_ROLE, -1);
        a->name = tree_copy_text(c, s->role);
        a->is_user = s->stmt_type == ROLESTMT_USER;
        a->is_group = s->stmt_type == ROLESTMT_GROUP;
        a->options = tree_copy_list(c, s->options);
        return &a->ast;
    }
    if (IsA(n, AlterRoleStmt)) {
        const AlterRoleStmt *s = (const AlterRoleStmt *)n;

        a = MAKE(AstRole, AST_ALTER_ROLE, -1);
        a->name = tree_role_name(c, s->role);
        a->options = tree_copy_list(c, s->options);
        return &a->ast;
    }
    a = MAKE(AstRole, AST_DROP_ROLE, -1);
    a->names.items = arena_array(c->arena, Ast *, list_length(((const DropRoleStmt *)n)->roles));
    foreach (cell, ((const DropRoleStmt *)n)->roles)
        a->names.items[a->names.count++] = tree_copy_string(c, tree_role_name(c, lfirst_node(RoleSpec, cell)));
    a->missing_ok = ((const DropRoleStmt *)n)->missing_ok;
    return &a->ast;
}

static AstList
copy_privileges(TreeCopy *c, const List *privileges)
{
    AstList out = {.items = arena_array(c->arena, Ast *, list_length(privileges))};
    const ListCell *cell;

    foreach (cell, privileges) {
        const AccessPriv *p = lfirst_node(AccessPriv, cell);
        AstPrivilege *a = MAKE(AstPrivilege, AST_PRIVILEGE, -1);

        a->name = tree_copy_text(c, p->priv_name);
        a->columns = tree_copy_list(c, p->cols);
        out.items[out.count++] = &a->ast;
    }
    return out;
}

static Ast *
copy_grant(TreeCopy *c, const GrantStmt *s)
{
    AstGrant *a = MAKE(AstGrant, AST_GRANT, -1);

    a->is_grant = s->is_grant;
    a->grant_option = s->grant_option;
    a->cascade = s->behavior == DROP_CASCADE;
    a->all_in_schema = s->targtype == ACL_TARGET_ALL_IN_SCHEMA;
    a->object = tree_object_letter(s->objtype);
    if (s->targtype == ACL_TARGET_DEFAULTS || a->object == 0 || strchr("rSnd", a->object) == NULL)
        return tree_refuse(c, -1, "GRANT and REVOKE on this kind of object");
    a->objects = tree_copy_list(c, s->objects);
    a->privileges = copy_privileges(c, s->privileges);
    a->grantees = copy_roles(c, s->grantees);
    a->grantor = tree_role_name(c, s->grantor);
    return &a->ast;
}

static Ast *
copy_grant_role(TreeCopy *c, const GrantRoleStmt *s)
{
    AstGrantRole *a = MAKE(AstGrantRole, AST_GRANT_ROLE, -1);
    const ListCell *cell;

    a->is_grant = s->is_grant;
    a->admin_option = s->admin_opt;
    a->cascade = s->behavior == DROP_CASCADE;
    a->roles.items = arena_array(c->arena, Ast *, list_length(s->granted_roles));
    foreach (cell, s->granted_roles)
        a->roles.items[a->roles.count++] = tree_copy_string(c, lfirst_node(AccessPriv, cell)->priv_name);
    a->grantees = copy_roles(c, s->grantee_roles);
    return &a->ast;
}

Ast *
tree_copy_role(TreeCopy *c, const Node *n)
{
    switch (nodeTag(n)) {
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_DropRoleStmt: return copy_role(c, n);
    case T_GrantStmt: return copy_grant(c, (const GrantStmt *)n);
    case T_GrantRoleStmt: return copy_grant_role(c, (const GrantRoleStmt *)n);
    default: return NULL;
    }
}
