/* src/backend/catalog/acl.h - access control lists: what they say about a role.
 *
 * A list that was never changed is NULL in the catalog and stands for the default of its kind of object. */
#ifndef CATALOG_ACL_H
#define CATALOG_ACL_H
#include "backend/catalog/catalog.h"
#include "backend/type/aclitem.h"

enum {
    ROLE_READ_ALL_SETTINGS = 3374,
    ROLE_DATABASE_OWNER = 6171,
    ROLE_READ_ALL_DATA = 6181,
    ROLE_WRITE_ALL_DATA = 6182
};

typedef struct Acl {
    AclItem *items;
    int count;
} Acl;

/* kind: 'r' table, 'S' sequence, 'c' column, 'n' schema, 'd' database, 'f' function, 'l' language, 'T' type, 'L' large object,
 * 't' tablespace, 'p' parameter, 'F' foreign data wrapper, 's' foreign server. 0 for any other. */
uint32_t acl_all_bits(char kind);
Acl acl_default(Arena *a, char kind, Oid owner);
/* The stored array, or the default when it is null. */
Acl acl_of_value(Arena *a, Value v, char kind, Oid owner);
MUST_CHECK Status acl_to_value(Ctx *cx, const Acl *acl, Value *out);

/* The role and all roles it is a member of; `inherited`: only those whose privileges it has without SET ROLE. */
MUST_CHECK Status acl_roles_of(Ctx *cx, Oid role, bool inherited, Oid **roles, int *count);
/* Superusers are members of all. */
MUST_CHECK Status acl_is_member(Ctx *cx, Oid role, Oid of, bool inherited, bool *yes);
/* The current role has what belongs to `owner`. */
MUST_CHECK Status acl_has_owner(Ctx *cx, Oid owner, bool *yes);
/* The current role has CREATEROLE: may make and change roles, but not superusers. */
MUST_CHECK Status acl_may_create_roles(Ctx *cx, bool *yes);
/* Which of `want` the role has (`grantable`: may grant). The owner may always grant. */
MUST_CHECK Status acl_mask(Ctx *cx, const Acl *acl, Oid role, Oid owner, uint32_t want, bool grantable,
                           uint32_t *have);
/* The same for one role alone. */
uint32_t acl_mask_direct(const Acl *acl, Oid role, Oid owner, uint32_t want, bool grantable);

/* Of the current role, superusers included. */
MUST_CHECK Status acl_schema_has(Ctx *cx, Oid schema, uint32_t want, bool *yes);
MUST_CHECK Status acl_database_has(Ctx *cx, Oid database, uint32_t want, bool *yes);
/* Of any role: those of `want` that it has. What it has on the table it has on every column (1-based). */
MUST_CHECK Status acl_table_has(Ctx *cx, const TableInfo *t, Oid role, bool superuser, uint32_t want,
                                bool grantable, uint32_t *have);
MUST_CHECK Status acl_column_has(Ctx *cx, const TableInfo *t, int column, Oid role, bool superuser,
                                 uint32_t want, bool grantable, uint32_t *have);

#endif
