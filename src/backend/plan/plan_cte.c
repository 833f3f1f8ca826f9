/* plan_cte.c - WITH: queries that are run once and read by whoever names them.
 *
 * One that is used once and has no effects is merged into its user, like any subquery of FROM. The others get a
 * plan of their own, to which a number refers. */
#include "backend/plan/plan_int.h"

bool
cte_is_kept(const CteInfo *c)
{
    if (c->query->command != COMMAND_SELECT || c->recursive || c->is_volatile)
        return true;
    return c->materialized == 1 || (c->materialized == 0 && c->uses > 1);
}

static PlannedCte *
find(PlanStatement *s, const CteInfo *info)
{
    for (int i = 0; i < s->cte_count; i++) {
        if (s->ctes[i].info == info)
            return &s->ctes[i];
    }
    return NULL;
}

static int
add(PlanStatement *s, const CteInfo *info)
{
    if (s->cte_count == s->cte_capacity) {
        int capacity = MAX_OF(4, s->cte_capacity * 2);
        PlannedCte *ctes = arena_array(s->arena, PlannedCte, capacity);

        if (s->cte_count > 0)
            memcpy(ctes, s->ctes, sizeof(*ctes) * (size_t)s->cte_count);
        s->ctes = ctes;
        s->cte_capacity = capacity;
    }
    s->ctes[s->cte_count] = (PlannedCte){.info = info, .work_no = -1};
    return s->cte_count++;
}

/* *correlated: it needs values from outside. */
static Status
plan_recursive(PlanStatement *s, const CteInfo *info, int no, Plan **out, bool *correlated)
{
    const Query *u = info->query;
    Planner left, right;
    Plan *sides[2], *plan;

    s->ctes[no].work_no = s->work_count++;
    TRY(plan_level(s, u->left, &left, &sides[0]));
    TRY(plan_level(s, u->right, &right, &sides[1]));
    *correlated = left.need_count > 0 || right.need_count > 0;
    plan = arena_new(s->arena, Plan);
    plan->kind = PLAN_RECURSIVE;
    plan->rel = -1;
    plan->output_count = u->target_count;
    plan->outputs = arena_array(s->arena, Expr *, MAX_OF(u->target_count, 1));
    for (int i = 0; i < u->target_count; i++)
        plan->outputs[i] = u->targets[i].expr;
    plan->left = sides[0];
    plan->right = sides[1];
    plan->rows = sides[0]->rows + sides[1]->rows * 10;
    plan->cost = sides[0]->cost + sides[1]->cost * 10;
    plan->cte.no = s->ctes[no].work_no;
    plan->cte.name = info->name;
    plan->cte.all = u->set_all;
    *out = plan;
    return ST_OK;
}

static Status
plan_kept(PlanStatement *s, const CteInfo *info, int *no, bool *correlated)
{
    PlannedCte *known = find(s, info);
    Planner inner;
    Plan *plan;

    *correlated = false;
    if (known != NULL) {
        *no = (int)(known - s->ctes);
        return ST_OK;
    }
    *no = add(s, info);
    if (info->query->command != COMMAND_SELECT) {
        TRY(plan_modify(s, info->query, NULL, &plan));
    } else if (info->recursive) {
        TRY(plan_recursive(s, info, *no, &plan, correlated));
    } else {
        TRY(plan_level(s, info->query, &inner, &plan));
        *correlated = inner.need_count > 0;
    }
    s->ctes[*no].plan = plan;
    return ST_OK;
}

Status
plan_cte_scan(Planner *p, int rel, Plan **out)
{
    const RangeEntry *r = p->query->range[rel];
    PlannedCte *open = find(p->statement, r->cte);
    bool correlated;
    Plan *plan;
    int no;

    *out = NULL;
    plan = plan_new(p, PLAN_CTE_SCAN, r->column_count);
    for (int i = 0; i < r->column_count; i++) {
        plan->outputs[i] = expr_new(p->arena, EXPR_COLUMN, r->columns[i].type, r->columns[i].typmod, -1);
        plan->outputs[i]->column.rel = rel;
        plan->outputs[i]->column.column = i + 1;
    }
    plan->rel = rel;
    plan->entry = r;
    plan->cte.name = r->cte->name;
    if (r->query == NULL) {
        ASSERT(open != NULL && open->work_no >= 0);
        plan->kind = PLAN_WORK_SCAN;
        plan->cte.no = open->work_no;
        plan->rows = 100;
        plan->cost = 1;
        *out = plan;
        return ST_OK;
    }
    TRY(plan_kept(p->statement, r->cte, &no, &correlated));
    if (correlated) {
        if (r->cte->recursive || r->cte->is_volatile)
            return fail_unsupported(p->cx, -1, "a WITH query of this kind that refers to an enclosing query");
        p->statement->cte_count = no; /* merged instead; those that only it has read go with it */
        return ST_OK;
    }
    plan->cte.no = no;
    plan->rows = p->statement->ctes[no].plan->rows;
    plan->cost = p->statement->ctes[no].plan->cost + plan->rows * 0.002;
    *out = plan;
    return ST_OK;
}

Status
plan_changing_ctes(PlanStatement *s, const Query *q)
{
    for (int i = 0; i < q->cte_count; i++) {
        bool correlated;
        int no;

        if (q->ctes[i].query->command != COMMAND_SELECT)
            TRY(plan_kept(s, &q->ctes[i], &no, &correlated));
    }
    return ST_OK;
}
