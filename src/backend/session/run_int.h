/* src/backend/session/run_int.h - what the files that run statements share. */
#ifndef RUN_INT_H
#define RUN_INT_H
#include "backend/session/session_int.h"

/* ---- run.c ------------------------------------------------------------------------------------------------- */
bool statement_is_query(const Ast *ast);
bool statement_is_kept(const Ast *ast); /* the statement cache may have it */
/* "UPDATE 3"; lies in the message arena. */
const char *session_command_tag(Session *s, CommandKind command, uint64_t rows);
/* Takes the relation locks of a plan that was made earlier; *valid false when something has changed since. */
MUST_CHECK Status session_lock_relations(Session *s, const PlannedQuery *plan, bool *valid);
/* Up to `most` rows of an execution to the sink; `announce`: their columns before the first. */
MUST_CHECK Status execution_drain(Session *s, Execution *e, const PlannedQuery *plan, Sink *sink, bool announce,
                                  uint64_t most, uint64_t *rows, bool *done);
/* Everything of a plan, with its tag. `p`: the statement it belongs to, NULL for one that nobody keeps. */
MUST_CHECK Status session_run_plan(Session *s, Prepared *p, const PlannedQuery *plan, const Value *params,
                                   int param_count, Sink *sink);

/* ---- run_kept.c -------------------------------------------------------------------------------------------- */
/* A simple query, if the cache has its plan or can take it. *done false: the full way is still to be gone,
 * nothing has been executed. */
MUST_CHECK Status session_run_kept(Session *s, const char *sql, Sink *sink, bool *done);

/* ---- prepared.c -------------------------------------------------------------------------------------------- */
/* What a plan depends on besides the catalog: settings, and who may read what. */
uint64_t session_plan_key(Session *s);
/* Takes the description of the result over from the plan, which may be made again. */
void prepared_take_columns(Prepared *p);
/* The statement's own execution, as it was left the last time (*borrowed); a new one in `arena` when that is
 * busy. */
MUST_CHECK Status prepared_take_execution(Session *s, Prepared *p, Arena *arena, const Value *params,
                                          int param_count, bool *borrowed, Execution **out);
/* `failed`: it can not be used again. NULL is fine. */
void prepared_give_execution(Prepared *p, Execution *e, bool borrowed, bool failed);

#endif
