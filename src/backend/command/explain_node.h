/* src/backend/command/explain_node.h - one node as it is shown: a chain of ours. Of explain_node.c and explain_property.c
 * alone. */
#ifndef COMMAND_EXPLAIN_NODE_H
#define COMMAND_EXPLAIN_NODE_H
#include "backend/command/explain.h"

enum { FILTERS_MOST = 8 };

typedef struct ExplainNode {
    Ctx *cx;
    const Plan *top, *plan; /* of the chain; what it is */
    const Plan *project; /* topmost that computes columns, or NULL */
    const Plan *filters[FILTERS_MOST]; /* PLAN_FILTER nodes */
    int filter_count;
    int subplans[64]; /* numbers, in order of appearance */
    int subplan_count;
    Status rc;
} ExplainNode;

/* NULL without ANALYZE, and for what was never run. */
const ExecCount *explain_count(const Explain *x, const Plan *p);
static inline int64_t
explain_kbytes(uint64_t bytes)
{
    return (int64_t)((bytes + 1023) / 1024);
}
void explain_buffers(Explain *x, const ExecCount *c);
/* Conditions, keys, output columns. */
MUST_CHECK Status explain_properties(Explain *x, const ExplainNode *n);

#endif
