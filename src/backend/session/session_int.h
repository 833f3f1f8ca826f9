/* src/backend/session/session_int.h - what the session's files share. */
#ifndef SESSION_INT_H
#define SESSION_INT_H
#include "backend/session/session.h"
#include "backend/type/regnames.h"
#include "shmem/proc/proc.h"

/* The server's log gets the report, with the text of the statement (may be NULL), if the settings say so. */
void session_log(Session *s, const ErrorInfo *info, const char *statement);
int64_t session_now(Session *s); /* timestamptz */
void session_activity(Session *s, ActivityState state, const char *query);
/* Active with this statement; cheap when it is the one shown already. */
void session_activity_prepared(Session *s, const Prepared *p);
const RegNames *session_reg_names(void);
/* Statement-level clock and time-outs start here. */
void session_start_clock(Session *s);

/* An error of a page gets the name of whose page it is, as long as the catalogs can be asked. */
void session_name_damage(Session *s);

#endif
