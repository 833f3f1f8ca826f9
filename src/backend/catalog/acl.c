/* acl.c - see acl.h. */
#include "backend/catalog/acl.h"

#include "backend/type/array.h"

uint32_t
acl_all_bits(char kind)
{
    switch (kind) {
    case 'r':
        return ACL_INSERT | ACL_SELECT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE | ACL_REFERENCES | ACL_TRIGGER;
    case 'S': return ACL_USAGE | ACL_SELECT | ACL_UPDATE;
    case 'c': return ACL_INSERT | ACL_SELECT | ACL_UPDATE | ACL_REFERENCES;
    case 'n': return ACL_USAGE | ACL_CREATE;
    case 'd': return ACL_CREATE | ACL_TEMPORARY | ACL_CONNECT;
    case 'f': return ACL_EXECUTE;
    case 'l':
    case 'T':
    case 'F':
    case 's': return ACL_USAGE;
    case 'L': return ACL_SELECT | ACL_UPDATE;
    case 't': return ACL_CREATE;
    case 'p': return ACL_SET | ACL_ALTER_SYSTEM;
    default: return 0;
    }
}

/* What everybody may do with an object whose list was never changed. */
static uint32_t
public_bits(char kind)
{
    switch (kind) {
    case 'd': return ACL_TEMPORARY | ACL_CONNECT;
    case 'f': return ACL_EXECUTE;
    case 'l':
    case 'T': return ACL_USAGE;
    default: return 0;
    }
}

Acl
acl_default(Arena *a, char kind, Oid owner)
{
    Acl acl = {arena_array(a, AclItem, 2), 0};

    if (public_bits(kind) != 0)
        acl.items[acl.count++] = (AclItem){ACL_PUBLIC, owner, public_bits(kind), 0};
    if (kind != 'c')
        acl.items[acl.count++] = (AclItem){owner, owner, acl_all_bits(kind), 0};
    return acl;
}

Acl
acl_of_value(Arena *a, Value v, char kind, Oid owner)
{
    ArrayView view;
    Acl acl;

    if (v.is_null)
        return acl_default(a, kind, owner);
    view = array_open(v.var);
    acl = (Acl){arena_array(a, AclItem, MAX_OF(view.count, 1)), (int)view.count};
    for (uint32_t i = 0; i < view.count; i++) {
        Value item = array_at(&view, i);

        acl.items[i] = aclitem_of(&item);
    }
    return acl;
}

Status
acl_to_value(Ctx *cx, const Acl *acl, Value *out)
{
    Value *values = arena_array(cx->arena, Value, MAX_OF(acl->count, 1));

    for (int i = 0; i < acl->count; i++)
        values[i] = aclitem_value(cx->arena, &acl->items[i]);
    return array_from_values(cx, TYPE_ACLITEM, values, (uint32_t)acl->count, out);
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

static Status
database_owner(Ctx *cx, Oid *out)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_oid, value_oid(catalog_database(cx)), 0, value_null(),
                     &rows, &count));
    *out = count > 0 ? rows[0].values[COL_PG_DATABASE_datdba].u32 : OID_NONE;
    return ST_OK;
}

typedef struct RoleList {
    Oid *oids;
    int count, capacity;
} RoleList;

static void
add_role(Arena *a, RoleList *list, Oid role)
{
    for (int i = 0; i < list->count; i++) {
        if (list->oids[i] == role)
            return;
    }
    if (list->count == list->capacity) {
        int capacity = MAX_OF(8, list->capacity * 2);
        Oid *oids = arena_array(a, Oid, capacity);

        if (list->count > 0)
            memcpy(oids, list->oids, sizeof(*oids) * (size_t)list->count);
        list->oids = oids;
        list->capacity = capacity;
    }
    list->oids[list->count++] = role;
}

static Status
role_inherits(Ctx *cx, Oid role, bool *yes)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(role), 0, value_null(), &rows, &count));
    *yes = count > 0 && rows[0].values[COL_PG_AUTHID_rolinherit].b;
    return ST_OK;
}

Status
acl_roles_of(Ctx *cx, Oid role, bool inherited, Oid **roles, int *count)
{
    RoleList list = {0};
    CatalogRow *rows;
    int row_count;
    Oid owner;

    TRY(catalog_find(cx, CAT_PG_AUTH_MEMBERS, 0, value_null(), 0, value_null(), &rows, &row_count));
    TRY(database_owner(cx, &owner));
    add_role(cx->arena, &list, role);
    for (int at = 0; at < list.count; at++) {
        bool goes_on = true;

        if (inherited)
            TRY(role_inherits(cx, list.oids[at], &goes_on));
        if (list.oids[at] == owner)
            add_role(cx->arena, &list, ROLE_DATABASE_OWNER);
        for (int i = 0; i < row_count && goes_on; i++) {
            if (rows[i].values[COL_PG_AUTH_MEMBERS_member].u32 == list.oids[at])
                add_role(cx->arena, &list, rows[i].values[COL_PG_AUTH_MEMBERS_roleid].u32);
        }
    }
    *roles = list.oids;
    *count = list.count;
    return ST_OK;
}

static Status
is_superuser(Ctx *cx, Oid role, bool *yes)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(role), 0, value_null(), &rows, &count));
    *yes = count > 0 && rows[0].values[COL_PG_AUTHID_rolsuper].b;
    return ST_OK;
}

Status
acl_is_member(Ctx *cx, Oid role, Oid of, bool inherited, bool *yes)
{
    Oid *roles;
    int count;

    *yes = role == of;
    if (!*yes)
        TRY(is_superuser(cx, role, yes));
    if (*yes)
        return ST_OK;
    TRY(acl_roles_of(cx, role, inherited, &roles, &count));
    for (int i = 0; i < count; i++)
        *yes |= roles[i] == of;
    return ST_OK;
}

Status
acl_has_owner(Ctx *cx, Oid owner, bool *yes)
{
    *yes = catalog_is_superuser(cx) || catalog_role(cx) == owner;
    return *yes ? ST_OK : acl_is_member(cx, catalog_role(cx), owner, true, yes);
}

Status
acl_may_create_roles(Ctx *cx, bool *yes)
{
    CatalogRow *rows;
    int count;

    *yes = catalog_is_superuser(cx);
    if (*yes)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(catalog_role(cx)), 0, value_null(), &rows,
                     &count));
    *yes = count > 0 && rows[0].values[COL_PG_AUTHID_rolcreaterole].b;
    return ST_OK;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static uint32_t
mask_of(const Acl *acl, Oid grantee, uint32_t want, bool grantable)
{
    uint32_t have = 0;

    for (int i = 0; i < acl->count; i++) {
        if (acl->items[i].grantee == grantee)
            have |= grantable ? acl->items[i].grantable : acl->items[i].held;
    }
    return have & want;
}

uint32_t
acl_mask_direct(const Acl *acl, Oid role, Oid owner, uint32_t want, bool grantable)
{
    if (grantable && role == owner)
        return want;
    return mask_of(acl, role, want, grantable);
}

Status
acl_mask(Ctx *cx, const Acl *acl, Oid role, Oid owner, uint32_t want, bool grantable, uint32_t *have)
{
    Oid *roles;
    int count;

    *have = mask_of(acl, ACL_PUBLIC, want, grantable) | acl_mask_direct(acl, role, owner, want, grantable);
    if ((*have & want) == want)
        return ST_OK;
    TRY(acl_roles_of(cx, role, true, &roles, &count));
    for (int i = 0; i < count; i++)
        *have |= acl_mask_direct(acl, roles[i], owner, want, grantable);
    return ST_OK;
}

/* ---- objects ------------------------------------------------------------------------------------------------------- */

/* Where a kind of object that no TableInfo describes keeps its owner and its list. */
typedef struct AclPlace {
    char kind;
    CatalogNo catalog;
    int oid_column, owner_column, acl_column;
} AclPlace;

static Status
object_has(Ctx *cx, const AclPlace *place, Oid object, uint32_t want, bool *yes)
{
    CatalogRow *rows;
    int count;
    uint32_t have;
    Oid owner;
    Acl acl;

    *yes = catalog_is_superuser(cx);
    if (*yes)
        return ST_OK;
    TRY(catalog_find(cx, place->catalog, place->oid_column, value_oid(object), 0, value_null(), &rows, &count));
    if (count == 0)
        return ST_OK;
    owner = rows[0].values[place->owner_column].u32;
    acl = acl_of_value(cx->arena, rows[0].values[place->acl_column], place->kind, owner);
    TRY(acl_mask(cx, &acl, catalog_role(cx), owner, want, false, &have));
    *yes = have == want;
    return ST_OK;
}

Status
acl_schema_has(Ctx *cx, Oid schema, uint32_t want, bool *yes)
{
    static const AclPlace place = {'n', CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, COL_PG_NAMESPACE_nspowner,
                                   COL_PG_NAMESPACE_nspacl};

    *yes = schema == catalog_temp_schema(cx) ||
           ((schema == SCHEMA_PG_CATALOG || schema == SCHEMA_INFORMATION_SCHEMA) && want == ACL_USAGE);
    return *yes ? ST_OK : object_has(cx, &place, schema, want, yes);
}

Status
acl_database_has(Ctx *cx, Oid database, uint32_t want, bool *yes)
{
    static const AclPlace place = {'d', CAT_PG_DATABASE, COL_PG_DATABASE_oid, COL_PG_DATABASE_datdba,
                                   COL_PG_DATABASE_datacl};

    return object_has(cx, &place, database, want, yes);
}

/* Everybody reads the catalogs, but not where passwords lie. */
static uint32_t
open_to_all(const TableInfo *t)
{
    switch (t->kind) {
    case TABLE_CATALOG: return t->oid != CATALOG_OID_PG_AUTHID ? ACL_SELECT : 0;
    case TABLE_VIEW: return strcmp(t->name, "pg_shadow") != 0 ? ACL_SELECT : 0;
    case TABLE_VIRTUAL: return ACL_SELECT;
    default: return 0;
    }
}

static Status
all_data_bits(Ctx *cx, Oid role, uint32_t want, uint32_t *have)
{
    bool member;

    if (want & ~*have & ACL_SELECT) {
        TRY(acl_is_member(cx, role, ROLE_READ_ALL_DATA, true, &member));
        *have |= member ? (uint32_t)ACL_SELECT : 0;
    }
    if (want & ~*have & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) {
        TRY(acl_is_member(cx, role, ROLE_WRITE_ALL_DATA, true, &member));
        *have |= member ? want & (uint32_t)(ACL_INSERT | ACL_UPDATE | ACL_DELETE) : 0;
    }
    return ST_OK;
}

Status
acl_table_has(Ctx *cx, const TableInfo *t, Oid role, bool superuser, uint32_t want, bool grantable,
              uint32_t *have)
{
    Acl acl = {(AclItem *)(uintptr_t)t->acl, t->acl_count};

    *have = want;
    if (superuser)
        return ST_OK;
    *have = grantable ? 0 : open_to_all(t) & want;
    if (t->kind != TABLE_HEAP && t->kind != TABLE_SEQUENCE)
        return ST_OK;
    if (acl.items == NULL)
        acl = acl_default(cx->arena, t->kind == TABLE_SEQUENCE ? 'S' : 'r', t->owner);
    TRY(acl_mask(cx, &acl, role, t->owner, want, grantable, have));
    return grantable ? ST_OK : all_data_bits(cx, role, want, have);
}

Status
acl_column_has(Ctx *cx, const TableInfo *t, int column, Oid role, bool superuser, uint32_t want, bool grantable,
               uint32_t *have)
{
    const ColumnInfo *c = &t->columns[column - 1];
    Acl acl = {(AclItem *)(uintptr_t)c->acl, c->acl_count};
    uint32_t more = 0;

    TRY(acl_table_has(cx, t, role, superuser, want, grantable, have));
    if (*have == want || acl.items == NULL)
        return ST_OK;
    TRY(acl_mask(cx, &acl, role, t->owner, want, grantable, &more));
    *have |= more;
    return ST_OK;
}
