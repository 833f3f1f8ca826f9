/* src/backend/command/explain.h - what EXPLAIN's files share. */
#ifndef COMMAND_EXPLAIN_H
#define COMMAND_EXPLAIN_H
#include "backend/command/explain_format.h"
#include "backend/session/session.h"

typedef struct Explain {
    Ctx *cx;
    const PlannedQuery *query;
    const Execution *execution; /* ANALYZE, else NULL */
    bool analyze, verbose, costs, buffers, settings, timing, summary;
    ExplainOut out;

    /* explain_names.c */
    bool many; /* things with columns are more than one */
    bool prefix; /* columns are shown with their table's name */
    bool at_aggregate; /* a condition on an aggregation's own results */
    bool in_conflict; /* ON CONFLICT: the second row is the excluded one */
    const Value *params; /* of EXECUTE */
    const Plan **shown_subqueries; /* PLAN_SUBQUERY nodes that stand for themselves */
    int shown_count, shown_capacity;
    const Expr **outer; /* per value handed down: what it is */
    const Plan **outer_input, **outer_right; /* over these outputs */
    const Plan *input, *right; /* of the expression being shown; right: joins */
} Explain;

/* Looks the whole plan over: what is handed down to where, which names need a prefix. */
MUST_CHECK Status explain_names(Explain *x);
bool explain_subquery_is_shown(const Explain *x, const Plan *plan);
/* An expression over the outputs of `input` (and `right` behind them); lies in cx->arena. */
MUST_CHECK Status explain_expr(Explain *x, const Expr *e, const Plan *input, const Plan *right,
                               const char **out);
/* Output column `slot` of a node. */
MUST_CHECK Status explain_column(Explain *x, const Plan *plan, int slot, bool inside, Buf *out);

/* The tree; opens and closes the group "Plan". */
MUST_CHECK Status explain_plan(Explain *x);

#endif
