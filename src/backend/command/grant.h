/* src/backend/command/grant.h - GRANT and REVOKE. */
#ifndef COMMAND_GRANT_H
#define COMMAND_GRANT_H
#include "backend/session/session.h"

MUST_CHECK Status command_grant(Session *s, const AstGrant *a);
MUST_CHECK Status command_grant_role(Session *s, const AstGrantRole *a);

/* "current_user" is the current role; 42704 when there is none of that name. */
MUST_CHECK Status grant_find_role(Ctx *cx, const char *name, Oid *out);
/* An owner changes: what was his in a stored list becomes the new one's. */
MUST_CHECK Status grant_change_owner(Ctx *cx, Value *stored, char kind, Oid from, Oid to);
/* "privileges for table t" and so on, a line each, in this database. */
MUST_CHECK Status grant_list_of_role(Ctx *cx, Oid role, Buf *out);
/* A role goes: its memberships, too. */
MUST_CHECK Status grant_drop_memberships(Ctx *cx, Oid role);

#endif
