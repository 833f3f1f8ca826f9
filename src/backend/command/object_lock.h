/* src/backend/command/object_lock.h - locks on what is no relation: schemas, roles, databases, names (K4).
 *
 * All are held until the transaction ends, or is rolled back to before they were taken. */
#ifndef COMMAND_OBJECT_LOCK_H
#define COMMAND_OBJECT_LOCK_H
#include "backend/catalog/catalog.h"
#include "shmem/lock/lock_table.h"

LockKey object_lock_key(BranchId branch, Oid class_id, Oid object);
/* Waits; knows afterwards what others have changed meanwhile. Look again. */
MUST_CHECK Status object_lock(Ctx *cx, LockKey key, LockMode mode);
/* Holds others off from making, renaming or dropping something of that name. */
MUST_CHECK Status object_lock_name(Ctx *cx, BranchId branch, Oid class_id, Oid schema, const char *name);

/* The schema that has the name once it is locked; OID_NONE: there is none. */
MUST_CHECK Status object_lock_schema(Ctx *cx, const char *name, LockMode mode, Oid *out);
/* Something is about to refer to the role: nobody drops it meanwhile. 42704 if somebody has. */
MUST_CHECK Status object_hold_role(Ctx *cx, Oid role);

#endif
