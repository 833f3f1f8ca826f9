/* src/backend/command/command.h - statements that are neither queries nor definitions. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H
#include "backend/session/session.h"

MUST_CHECK Status command_copy(Session *s, const AstCopy *a, Sink *sink, const char **tag);
MUST_CHECK Status command_reindex(Session *s, const AstReindex *a);
MUST_CHECK Status command_vacuum(Session *s, const AstVacuum *a, const char **tag);
MUST_CHECK Status command_role(Session *s, const AstRole *a, const char **tag);
MUST_CHECK Status command_rename_role(Session *s, const char *old_name, const char *name);
MUST_CHECK Status command_database(Session *s, const AstDatabase *a, const char **tag);
MUST_CHECK Status command_rename_database(Session *s, const char *old_name, const char *name);
/* Who logs in holds ACCESS SHARE until his slot says where he is; DROP and RENAME hold ACCESS EXCLUSIVE and look
 * at the slots then; the janitor holds ACCESS SHARE while it looks after a table. Until the transaction ends. The
 * second form does not wait. */
MUST_CHECK Status database_lock(Ctx *cx, Oid database, LockMode mode);
MUST_CHECK Status database_try_lock(Ctx *cx, Oid database, LockMode mode, bool *granted);

/* EXPLAIN: the plan as rows of one column. */
MUST_CHECK Status command_explain(Session *s, const AstExplain *a, Sink *sink);
MUST_CHECK Status command_explain_column(Ctx *cx, const AstExplain *a, ResultColumn *out);

/* Temporary tables: ON COMMIT before each commit; DISCARD TEMP; the end of the session, outside a transaction. */
MUST_CHECK Status temp_before_commit(Session *s);
MUST_CHECK Status temp_drop_all(Session *s);
void temp_close(Session *s);
/* For the janitor: a temporary table, sequence or view of the current database goes if its session has gone, or was one of another
 * database, from which this one was copied; unless somebody has a lock on it. */
MUST_CHECK Status temp_drop_left(Ctx *cx, Oid oid, bool *dropped);

#endif
