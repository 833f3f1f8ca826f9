/* plan.c - one query level: FROM, WHERE, GROUP BY, the target list, DISTINCT, ORDER BY, LIMIT, one
 * node on top of the other. */
#include "backend/plan/plan_int.h"

Plan *
plan_new(Planner *p, PlanKind kind, int output_count)
{
    Plan *plan = arena_new(p->arena, Plan);

    plan->kind = kind;
    plan->output_count = output_count;
    plan->outputs = arena_array(p->arena, Expr *, MAX_OF(output_count, 1));
    plan->rel = -1;
    return plan;
}

/* A node that passes its input's columns on. */
static Plan *
plan_over(Planner *p, PlanKind kind, Plan *input)
{
    Plan *plan = plan_new(p, kind, input->output_count);

    plan->outputs = input->outputs;
    plan->left = input;
    plan->rows = input->rows;
    plan->cost = input->cost;
    return plan;
}

static void
planner_init(PlanStatement *s, const Query *query, Planner *p)
{
    *p = (Planner){.statement = s, .cx = s->cx, .arena = s->arena, .query = query};
    planner_number_range(p);
}

/* ---- aggregation ------------------------------------------------------------------------------------- */

typedef struct AggCollect {
    Planner *p;
    Expr **groups;
    int group_count, group_capacity;
    Expr **aggs;
    int agg_count, agg_capacity;
} AggCollect;

static void
push_expr(Arena *a, Expr ***list, int *count, int *capacity, Expr *e)
{
    for (int i = 0; i < *count; i++) {
        if (expr_equal((*list)[i], e))
            return;
    }
    if (*count == *capacity) {
        int more = MAX_OF(8, *capacity * 2);
        Expr **bigger = arena_array(a, Expr *, more);

        if (*count > 0)
            memcpy(bigger, *list, sizeof(*bigger) * (size_t)*count);
        *list = bigger;
        *capacity = more;
    }
    (*list)[(*count)++] = e;
}

/* Finds the aggregates, and columns that stand alone because the primary key is grouped. */
static bool
collect_aggs(Expr **child, void *arg)
{
    AggCollect *c = arg;
    Expr *e = *child;

    for (int i = 0; i < c->group_count; i++) {
        if (expr_equal(c->groups[i], e))
            return true;
    }
    if (e->kind == EXPR_AGG) {
        push_expr(c->p->arena, &c->aggs, &c->agg_count, &c->agg_capacity, e);
        return true;
    }
    if (e->kind == EXPR_COLUMN && e->column.levels_up == 0)
        push_expr(c->p->arena, &c->groups, &c->group_count, &c->group_capacity, e);
    return expr_children(e, collect_aggs, arg);
}

static Status
resolve_agg(Planner *p, Expr *e, const Plan *input, Expr **out)
{
    Expr *c = expr_copy(p->arena, e);

    for (int i = 0; i < c->agg.arg_count; i++)
        TRY(resolve_over(p, c->agg.args[i], input, &c->agg.args[i]));
    for (int i = 0; i < c->agg.order_count; i++)
        TRY(resolve_over(p, c->agg.order[i].expr, input, &c->agg.order[i].expr));
    if (c->agg.filter != NULL)
        TRY(resolve_over(p, c->agg.filter, input, &c->agg.filter));
    *out = c;
    return ST_OK;
}

static Status
plan_aggregate(Planner *p, Plan **plan)
{
    const Query *q = p->query;
    AggCollect c = {.p = p};
    Plan *a;

    for (int i = 0; i < q->group_count; i++)
        push_expr(p->arena, &c.groups, &c.group_count, &c.group_capacity, q->targets[q->group[i]].expr);
    for (int i = 0; i < q->target_count; i++)
        collect_aggs(&q->targets[i].expr, &c);
    if (q->having != NULL) {
        Expr *having = q->having;

        collect_aggs(&having, &c);
    }
    a = plan_new(p, PLAN_AGGREGATE, c.group_count + c.agg_count);
    a->left = *plan;
    a->agg.group_count = c.group_count;
    a->agg.groups = arena_array(p->arena, Expr *, MAX_OF(c.group_count, 1));
    a->agg.agg_count = c.agg_count;
    a->agg.aggs = arena_array(p->arena, Expr *, MAX_OF(c.agg_count, 1));
    for (int i = 0; i < c.group_count; i++) {
        a->outputs[i] = c.groups[i];
        TRY(resolve_over(p, c.groups[i], *plan, &a->agg.groups[i]));
    }
    for (int i = 0; i < c.agg_count; i++) {
        a->outputs[c.group_count + i] = c.aggs[i];
        TRY(resolve_agg(p, c.aggs[i], *plan, &a->agg.aggs[i]));
    }
    TRY(plan_share_aggregates(p, a, (*plan)->output_count));
    a->rows = c.group_count == 0 ? 1 : MAX_OF(MIN_OF((*plan)->rows, 200), (*plan)->rows / 10);
    a->cost = (*plan)->cost + (*plan)->rows * 0.005;
    *plan = a;
    if (q->having != NULL) {
        Plan *f = plan_over(p, PLAN_FILTER, a);

        TRY(resolve_over(p, q->having, a, &f->filter));
        f->rows = MAX_OF(a->rows * 0.33, 1);
        *plan = f;
    }
    return ST_OK;
}

/* ---- target list, DISTINCT, ORDER BY, LIMIT ----------------------------------------------------------- */

/* Row marks need the ctid of their relations next to the targets, and the other parts of FROM their columns. */
static Expr *
ctid_column(Planner *p, int rel)
{
    Expr *e = expr_new(p->arena, EXPR_COLUMN, TYPE_TID, -1, -1);

    e->column.rel = rel;
    e->column.column = COLUMN_CTID;
    return e;
}

static Status
plan_project(Planner *p, Plan **plan)
{
    const Query *q = p->query;
    int count = q->target_count + q->mark_count, most = count + (q->mark_count > 0 ? count_seen(p) : 0);
    Plan *project = plan_new(p, q->has_series ? PLAN_PROJECT_SET : PLAN_PROJECT, most);

    project->left = *plan;
    project->output_count = count;
    project->project.exprs = arena_array(p->arena, Expr *, MAX_OF(most, 1));
    for (int i = 0; i < count; i++) {
        Expr *e = i < q->target_count ? q->targets[i].expr : ctid_column(p, q->marks[i - q->target_count].rel);

        project->outputs[i] = e;
        TRY(resolve_over(p, e, *plan, &project->project.exprs[i]));
    }
    if (q->mark_count > 0)
        TRY(project_seen(p, *plan, project));
    project->rows = (*plan)->rows * (q->has_series ? 10 : 1);
    project->cost = (*plan)->cost + (*plan)->rows * 0.001;
    *plan = project;
    return ST_OK;
}

static void
plan_sort(Planner *p, const SortSlot *keys, int count, Plan **plan)
{
    Plan *sort = plan_over(p, PLAN_SORT, *plan);

    sort->sort.keys = arena_memdup(p->arena, keys, sizeof(*keys) * (size_t)count);
    sort->sort.key_count = count;
    sort->cost = (*plan)->cost + (*plan)->rows * 0.02;
    *plan = sort;
}

/* All columns that are not junk make rows equal: an aggregation without aggregates. */
static void
plan_distinct(Planner *p, int column_count, Plan **plan)
{
    Plan *a = plan_new(p, PLAN_AGGREGATE, column_count);

    a->left = *plan;
    a->agg.group_count = column_count;
    a->agg.groups = arena_array(p->arena, Expr *, MAX_OF(column_count, 1));
    for (int i = 0; i < column_count; i++) {
        const Expr *o = (*plan)->outputs[i];

        a->outputs[i] = (*plan)->outputs[i];
        a->agg.groups[i] = expr_new(p->arena, EXPR_SLOT, o->type, o->typmod, -1);
        a->agg.groups[i]->slot.index = i;
    }
    a->rows = MAX_OF((*plan)->rows / 5, 1);
    a->cost = (*plan)->cost + (*plan)->rows * 0.005;
    *plan = a;
}

static void
plan_order(Planner *p, Plan **plan)
{
    const Query *q = p->query;
    int most = q->sort_count + q->distinct_on_count + 1, count = 0;
    SortSlot *keys = arena_array(p->arena, SortSlot, most);

    for (int i = 0; i < q->sort_count; i++)
        keys[count++] = (SortSlot){q->sort[i].target, q->sort[i].descending, q->sort[i].nulls_first};
    for (int i = 0; i < q->distinct_on_count; i++) {
        bool seen = false;

        for (int k = 0; k < count; k++)
            seen |= keys[k].slot == q->distinct_on[i];
        if (!seen)
            keys[count++] = (SortSlot){q->distinct_on[i], false, false};
    }
    if (count > 0)
        plan_sort(p, keys, count, plan);
    if (q->distinct_on_count > 0) {
        Plan *u = plan_over(p, PLAN_UNIQUE, *plan);

        u->sort.key_count = q->distinct_on_count;
        u->sort.keys = arena_array(p->arena, SortSlot, q->distinct_on_count);
        for (int i = 0; i < q->distinct_on_count; i++)
            u->sort.keys[i].slot = q->distinct_on[i];
        u->rows = MAX_OF(u->rows / 5, 1);
        *plan = u;
    }
}

static Status
plan_limit(Planner *p, Plan **plan)
{
    const Query *q = p->query;
    Plan *limit;

    if (q->limit == NULL && q->offset == NULL)
        return ST_OK;
    limit = plan_over(p, PLAN_LIMIT, *plan);
    if (q->limit != NULL) {
        TRY(resolve_expr(p, q->limit, NULL, 0, &limit->limit.limit));
        if (limit->limit.limit->kind == EXPR_CONST && !limit->limit.limit->constant.is_null)
            limit->rows = MIN_OF(limit->rows, (double)limit->limit.limit->constant.i64);
    }
    if (q->offset != NULL)
        TRY(resolve_expr(p, q->offset, NULL, 0, &limit->limit.offset));
    limit->rows = MAX_OF(limit->rows, 1);
    *plan = limit;
    return ST_OK;
}

static void
plan_lock_rows(Planner *p, Plan **plan)
{
    const Query *q = p->query;
    Plan *lock;

    if (q->mark_count == 0)
        return;
    lock = plan_over(p, PLAN_LOCK_ROWS, *plan);
    lock->lock.count = q->mark_count;
    lock->lock.marks = arena_zalloc(p->arena, sizeof(*lock->lock.marks) * (size_t)q->mark_count);
    for (int i = 0; i < q->mark_count; i++) {
        lock->lock.marks[i].slot = q->target_count + i;
        lock->lock.marks[i].table = q->range[q->marks[i].rel]->table;
        lock->lock.marks[i].strength = q->marks[i].strength;
        lock->lock.marks[i].wait = q->marks[i].wait;
        lock->lock.marks[i].rel_no = p->rel_numbers[q->marks[i].rel];
    }
    lock->lock.seen = seen_marks(p, *plan, &lock->lock.seen_count);
    *plan = lock;
}

static int
visible_targets(const Query *q)
{
    int count = 0;

    for (int i = 0; i < q->target_count; i++)
        count += !q->targets[i].junk;
    return count;
}

/* Both inputs, or those of a UNION ALL on the left and one more: a chain of a thousand is one node, not a thousand
 * levels. The left node's list grows at powers of two, and the node itself is not used any more. */
static void
append_inputs(Planner *p, Plan *const sides[2], Plan *append)
{
    int count = sides[0]->kind == PLAN_APPEND ? sides[0]->append.count : 1;
    Plan **inputs = sides[0]->kind == PLAN_APPEND ? sides[0]->append.inputs : (Plan **)sides;

    if ((count & (count - 1)) == 0) {
        Plan **bigger = arena_array(p->arena, Plan *, count * 2);

        memcpy(bigger, inputs, sizeof(*bigger) * (size_t)count);
        inputs = bigger;
    }
    inputs[count] = sides[1];
    append->append.count = count + 1;
    append->append.inputs = inputs;
}

static Status
plan_set_operation(Planner *p, Plan **out)
{
    const Query *q = p->query;
    Plan *sides[2], *plan;
    const Query *queries[2] = {q->left, q->right};

    for (int i = 0; i < 2; i++) {
        Planner inner;

        TRY(plan_level(p->statement, queries[i], &inner, &sides[i]));
        for (int k = 0; k < inner.need_count; k++)
            planner_pass_need(p, inner.needs[k]);
    }
    plan = plan_new(p, q->set_op == SETOP_UNION ? PLAN_APPEND : PLAN_SET_OP, q->target_count);
    for (int i = 0; i < q->target_count; i++)
        plan->outputs[i] = q->targets[i].expr;
    plan->rows = sides[0]->rows + (q->set_op == SETOP_UNION ? sides[1]->rows : 0);
    plan->cost = sides[0]->cost + sides[1]->cost;
    if (q->set_op == SETOP_UNION) {
        append_inputs(p, sides, plan);
        *out = plan;
        if (!q->set_all)
            plan_distinct(p, q->target_count, out);
        return ST_OK;
    }
    plan->left = sides[0];
    plan->right = sides[1];
    plan->set_op.op = q->set_op;
    plan->set_op.all = q->set_all;
    *out = plan;
    return ST_OK;
}

Status
plan_level(PlanStatement *s, const Query *q, Planner *p, Plan **out)
{
    Plan *plan;
    bool ordered = false; /* by an index already */

    TRY(ctx_check_stack(s->cx));
    planner_init(s, q, p);
    if (q->set_op != SETOP_NONE) {
        TRY(plan_set_operation(p, &plan));
    } else {
        ConjunctList conjuncts = {0};
        WantedOrder order;

        plan = NULL;
        TRY(collect_conjuncts(p, q->where, &conjuncts));
        if (q->has_aggregates)
            TRY(plan_extremes(p, &conjuncts, &plan));
        if (plan == NULL) {
            p->wanted = wanted_by_sort(p, &order) ? &order : NULL;
            TRY(plan_from(p, &conjuncts, &plan));
            ordered = p->wanted != NULL && p->wanted->granted;
            p->wanted = NULL;
        }
        if (q->has_aggregates || q->group_count > 0)
            TRY(plan_aggregate(p, &plan));
        TRY(plan_project(p, &plan));
        if (q->distinct && q->distinct_on_count == 0)
            plan_distinct(p, visible_targets(q), &plan);
    }
    if (!ordered)
        plan_order(p, &plan);
    plan_lock_rows(p, &plan);
    TRY(plan_limit(p, &plan));
    *out = plan;
    return ST_OK;
}

/* ---- the statement ------------------------------------------------------------------------------------- */

static void
describe(Arena *a, const TargetEntry *targets, int count, PlannedQuery *result)
{
    result->columns = arena_array(a, ResultColumn, MAX_OF(count, 1));
    result->column_count = 0;
    for (int i = 0; i < count; i++) {
        if (targets[i].junk)
            continue;
        result->columns[result->column_count++] = (ResultColumn){
            .name = targets[i].name,
            .type = targets[i].expr->type,
            .typmod = targets[i].expr->typmod,
            .table = targets[i].table,
            .column = targets[i].column,
        };
    }
}

typedef struct TableWalk {
    Arena *arena;
    PlannedQuery *result;
    int capacity;
} TableWalk;

static void
add_lock(TableWalk *w, Oid table, LockMode mode)
{
    PlannedQuery *r = w->result;

    for (int i = 0; i < r->lock_count; i++) {
        if (r->locks[i].table == table) {
            r->locks[i].mode = MAX_OF(r->locks[i].mode, mode);
            return;
        }
    }
    if (r->lock_count == w->capacity) {
        int capacity = MAX_OF(4, w->capacity * 2);
        void *bigger = arena_zalloc(w->arena, sizeof(*r->locks) * (size_t)capacity);

        if (r->lock_count > 0)
            memcpy(bigger, r->locks, sizeof(*r->locks) * (size_t)r->lock_count);
        r->locks = bigger;
        w->capacity = capacity;
    }
    r->locks[r->lock_count].table = table;
    r->locks[r->lock_count++].mode = mode;
}

static bool walk_expr_tables(Expr **child, void *arg);

static void
walk_tables(TableWalk *w, const Query *q)
{
    if (q == NULL)
        return;
    for (int i = 0; i < q->range_count; i++) {
        const RangeEntry *r = q->range[i];

        if (r->kind == RANGE_TABLE && r->table->kind == TABLE_HEAP)
            add_lock(w, r->table->oid, r->lock);
        walk_tables(w, r->query);
        for (int row = 0; row < r->value_row_count; row++) {
            for (int c = 0; c < r->column_count; c++)
                walk_expr_tables(&r->value_rows[row][c], w);
        }
    }
    for (int i = 0; i < q->target_count; i++)
        walk_expr_tables(&q->targets[i].expr, w);
    for (int i = 0; i < q->returning_count; i++)
        walk_expr_tables(&q->returning[i].expr, w);
    for (int i = 0; i < q->conflict_count; i++)
        walk_expr_tables(&q->conflict_targets[i].expr, w);
    if (q->conflict_where != NULL)
        walk_expr_tables(&(Expr *){q->conflict_where}, w);
    if (q->where != NULL)
        walk_expr_tables(&(Expr *){q->where}, w);
    if (q->having != NULL)
        walk_expr_tables(&(Expr *){q->having}, w);
    for (int i = 0; i < q->cte_count; i++)
        walk_tables(w, q->ctes[i].query);
    walk_tables(w, q->left);
    walk_tables(w, q->right);
    walk_tables(w, q->source);
    w->result->locks_rows |= q->mark_count > 0;
}

static bool
walk_expr_tables(Expr **child, void *arg)
{
    if ((*child)->kind == EXPR_SUBQUERY)
        walk_tables(arg, (*child)->subquery.query);
    return expr_children(*child, walk_expr_tables, arg);
}

Status
plan_query(Ctx *cx, Arena *arena, const Query *q, PlannedQuery **out)
{
    PlanStatement s = {.cx = cx, .arena = arena};
    PlannedQuery *result = arena_new(arena, PlannedQuery);
    TableWalk walk = {arena, result, 0};
    Planner p;

    result->command = q->command;
    result->writes = q->command != COMMAND_SELECT;
    if (q->command == COMMAND_SELECT) {
        TRY(plan_level(&s, q, &p, &result->plan));
        describe(arena, q->targets, q->target_count, result);
        result->has_result = true;
    } else {
        TRY(plan_modify(&s, q, result, &result->plan));
        describe(arena, q->returning, q->returning_count, result);
        result->has_result = q->returning_count > 0;
    }
    TRY(plan_changing_ctes(&s, q));
    for (int i = 0; i < q->cte_count; i++)
        result->writes |= q->ctes[i].query->command != COMMAND_SELECT;
    result->cte_count = s.cte_count;
    result->ctes = arena_zalloc(arena, sizeof(*result->ctes) * (size_t)MAX_OF(s.cte_count, 1));
    for (int i = 0; i < s.cte_count; i++) {
        result->ctes[i].plan = s.ctes[i].plan;
        result->ctes[i].name = s.ctes[i].info->name;
    }
    result->work_count = s.work_count;
    walk_tables(&walk, q);
    result->outer_count = s.outer_count;
    result->subplans = s.subplans;
    result->subplan_count = s.subplan_count;
    result->rel_count = s.rel_count;
    result->state_count = s.state_count;
    result->once_count = s.once_count;
    result->constant_raises = s.constant_raises;
    result->catalog_version = catalog_version(cx);
    *out = result;
    return ST_OK;
}
