/* src/backend/session/session_int.h - what the session's files share. */
#ifndef SESSION_INT_H
#define SESSION_INT_H
#include "backend/session/session.h"
#include "backend/type/regnames.h"
#include "shmem/proc/proc.h"

int64_t session_now(Session *s); /* timestamptz */
const char *session_setting_text(Session *s, SettingNo no);
void session_activity(Session *s, ActivityState state, const char *query);
const RegNames *session_reg_names(void);
/* Statement-level clock and time-outs start here. */
void session_start_clock(Session *s);

Status session_make_plan(Session *s, Arena *arena, ParamTypes *params, const Ast *ast, PlannedQuery **out);
/* 25006 when the plan writes or locks rows and the transaction must not. */
Status session_check_read_only(Session *s, const PlannedQuery *plan);
Prepared *session_new_prepared(Session *s, const char *name, const char *sql);
void session_drop_unnamed(Session *s);
void session_forget_sequences(Session *s); /* currval and lastval */

#endif
