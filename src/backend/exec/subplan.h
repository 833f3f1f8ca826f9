/* src/backend/exec/subplan.h - queries inside expressions. */
#ifndef EXEC_SUBPLAN_H
#define EXEC_SUBPLAN_H
#include "backend/exec/exec_int.h"

MUST_CHECK Status subplan_eval(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
void subplan_close(SubplanState *s);

#endif
