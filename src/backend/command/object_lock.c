/* object_lock.c - locks on what is no relation.
 *
 * Who makes something that refers to a schema or a role takes ACCESS SHARE on that first, and then looks whether it
 * is still there. Who drops one takes ACCESS EXCLUSIVE, and then looks for what refers to it. So the later of the two
 * sees what the earlier has done, in either order: catalogs are read as they are now (K2), never as of a snapshot
 * from before the lock.
 *
 * What is built in is never dropped, so nobody locks it. */
#include "backend/command/object_lock.h"

#include "base/hash.h"

enum { FIRST_DROPPABLE_ROLE = 12000 }; /* K3 */

LockKey
object_lock_key(BranchId branch, Oid class_id, Oid object)
{
    return (LockKey){.branch = branch, .a = class_id, .b = object, .kind = LOCK_KIND_OBJECT};
}

Status
object_lock(Ctx *cx, LockKey key, LockMode mode)
{
    TRY(lock_acquire(cx, key, mode, LOCK_SPAN_TRANSACTION, false));
    catalog_absorb(cx); /* K1 */
    return ST_OK;
}

Status
object_lock_name(Ctx *cx, BranchId branch, Oid class_id, Oid schema, const char *name)
{
    LockKey key = {.branch = branch,
                   .a = class_id,
                   .b = hash_bytes_seeded(name, strlen(name), schema),
                   .kind = LOCK_KIND_OBJECT,
                   .sub = LOCK_OBJECT_NAME};

    return object_lock(cx, key, LOCK_EXCLUSIVE);
}

Status
object_lock_schema(Ctx *cx, const char *name, LockMode mode, Oid *out)
{
    BranchId branch = catalog_branch(cx);

    for (Oid locked = OID_NONE;; locked = *out) {
        TRY(catalog_find_schema(cx, name, out));
        if (*out == locked)
            return ST_OK;
        if (locked != OID_NONE) /* the name means another one by now */
            (void)lock_release(cx, object_lock_key(branch, CATALOG_OID_PG_NAMESPACE, locked), mode,
                               LOCK_SPAN_TRANSACTION);
        if (*out == OID_NONE)
            return ST_OK;
        TRY(object_lock(cx, object_lock_key(branch, CATALOG_OID_PG_NAMESPACE, *out), mode));
    }
}

Status
object_hold_role(Ctx *cx, Oid role)
{
    const char *name;

    if (role < FIRST_DROPPABLE_ROLE)
        return ST_OK;
    TRY(object_lock(cx, object_lock_key(BRANCH_SHARED, CATALOG_OID_PG_AUTHID, role), LOCK_ACCESS_SHARE));
    TRY(catalog_role_by_oid(cx, role, &name));
    return name != NULL ? ST_OK : fail(cx, ST_ERROR, "42704", "role %u was concurrently dropped", role);
}
