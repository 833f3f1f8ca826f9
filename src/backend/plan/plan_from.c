/* plan_from.c - joins: FROM is taken apart into units, and these are joined one by one.
 *
 * Inner joins and the comma put their parts into one list; an outer join is a unit of its own. Starting
 * with the unit of the fewest rows, the next one is always that which a condition ties to what is there
 * and which gives the fewest rows. Each step is an index lookup for each row, a hash join, or a nested
 * loop. */
#include "backend/plan/plan_int.h"

static const double COST_HASH_ROW = 0.01, COST_LOOP_ROW = 0.004;

typedef struct Units {
    JoinUnit items[64];
    int count;
} Units;

static Status plan_from_node(Planner *p, const FromNode *f, ConjunctList *conjuncts, Units *units);

static Status
apply_filter(Planner *p, Plan **plan, Expr *const *exprs, int count)
{
    Plan *f;
    Expr **resolved;

    if (count == 0)
        return ST_OK;
    resolved = arena_array(p->arena, Expr *, count);
    for (int i = 0; i < count; i++)
        TRY(resolve_over(p, exprs[i], *plan, &resolved[i]));
    f = plan_new(p, PLAN_FILTER, (*plan)->output_count);
    f->outputs = (*plan)->outputs;
    f->left = *plan;
    f->filter = and_together(p, resolved, count);
    f->rows = MAX_OF((*plan)->rows * 0.33, 1);
    f->cost = (*plan)->cost + (*plan)->rows * 0.001;
    *plan = f;
    return ST_OK;
}

/* Takes out of the list what can be judged over `rels`. */
static Status
take_conjuncts(Planner *p, ConjunctList *list, uint64_t rels, bool only_touching, Expr ***out, int *count)
{
    Expr **taken = arena_array(p->arena, Expr *, list->count + 1);

    *count = 0;
    for (int i = 0; i < list->count; i++) {
        Conjunct *c = &list->items[i];

        if (c->used || (c->rels & ~rels) != 0 || (only_touching && (c->rels & rels) == 0))
            continue;
        taken[(*count)++] = c->expr;
        c->used = true;
    }
    *out = taken;
    return ST_OK;
}

/* ---- leaves ---------------------------------------------------------------------------------------- */

static Status
subquery_unit(Planner *p, int rel, JoinUnit *unit)
{
    const RangeEntry *r = p->query->range[rel];
    Planner inner;
    Plan *below, *plan;

    TRY(plan_level(p->statement, r->query, &inner, &below));
    plan = plan_new(p, PLAN_SUBQUERY, r->column_count);
    for (int i = 0; i < r->column_count; i++) {
        plan->outputs[i] = expr_new(p->arena, EXPR_COLUMN, r->columns[i].type, r->columns[i].typmod, -1);
        plan->outputs[i]->column.rel = rel;
        plan->outputs[i]->column.column = i + 1;
    }
    plan->left = below;
    plan->rel = rel;
    plan->entry = r;
    plan->rows = below->rows;
    plan->cost = below->cost;
    plan->scan.alias = r->alias;
    unit->plan = plan;
    unit->needs = arena_array(p->arena, OuterNeed, inner.need_count + 1);
    for (int i = 0; i < inner.need_count; i++) {
        if (inner.needs[i].expr->column.levels_up == 0)
            unit->needs[unit->need_count++] = inner.needs[i];
        else
            planner_pass_need(p, inner.needs[i]);
    }
    return ST_OK;
}

static Status
function_unit(Planner *p, int rel, JoinUnit *unit)
{
    const RangeEntry *r = p->query->range[rel];
    Plan *plan = plan_new(p, PLAN_FUNCTION, r->column_count);

    for (int i = 0; i < r->column_count; i++) {
        plan->outputs[i] = expr_new(p->arena, EXPR_COLUMN, r->columns[i].type, r->columns[i].typmod, -1);
        plan->outputs[i]->column.rel = rel;
        plan->outputs[i]->column.column = i + 1;
    }
    planner_lateral_begin(p);
    TRY(resolve_expr(p, r->function, NULL, 0, &plan->function.call));
    planner_lateral_end(p, &unit->needs, &unit->need_count);
    plan->function.ordinality = r->ordinality;
    plan->function.alias = r->alias;
    plan->rel = rel;
    plan->entry = r;
    plan->rows = 100;
    plan->cost = 1;
    unit->plan = plan;
    unit->lateral = expr_rels(r->function);
    return ST_OK;
}

static Status
values_unit(Planner *p, int rel, JoinUnit *unit)
{
    const RangeEntry *r = p->query->range[rel];
    Plan *plan = plan_new(p, PLAN_VALUES, r->column_count);

    for (int i = 0; i < r->column_count; i++) {
        plan->outputs[i] = expr_new(p->arena, EXPR_COLUMN, r->columns[i].type, r->columns[i].typmod, -1);
        plan->outputs[i]->column.rel = rel;
        plan->outputs[i]->column.column = i + 1;
    }
    plan->entry = r;
    plan->values.row_count = r->value_row_count;
    plan->values.rows = arena_array(p->arena, Expr **, r->value_row_count);
    for (int row = 0; row < r->value_row_count; row++) {
        plan->values.rows[row] = arena_array(p->arena, Expr *, r->column_count);
        for (int c = 0; c < r->column_count; c++)
            TRY(resolve_expr(p, r->value_rows[row][c], NULL, 0, &plan->values.rows[row][c]));
    }
    plan->rows = r->value_row_count;
    plan->cost = plan->rows * 0.001;
    unit->plan = plan;
    return ST_OK;
}

static Status
plan_leaf(Planner *p, int rel, ConjunctList *conjuncts, JoinUnit *unit)
{
    const RangeEntry *r = p->query->range[rel];
    Expr **filter;
    int count;

    *unit = (JoinUnit){.rels = UINT64_C(1) << rel, .rel = rel};
    switch (r->kind) {
    case RANGE_TABLE: unit->table = r; return plan_base_table(p, rel, conjuncts, &unit->plan);
    case RANGE_SUBQUERY:
        if (r->cte != NULL && (r->query == NULL || cte_is_kept(r->cte)))
            TRY(plan_cte_scan(p, rel, &unit->plan));
        if (unit->plan != NULL)
            break;
        TRY(subquery_unit(p, rel, unit));
        unit->lateral = query_outer_rels(r->query);
        break;
    case RANGE_FUNCTION: TRY(function_unit(p, rel, unit)); break;
    case RANGE_VALUES: TRY(values_unit(p, rel, unit)); break;
    case RANGE_JOIN: return fail(p->cx, ST_ERROR, "XX000", "a join entry is no leaf");
    }
    planner_note_seen(p, rel, unit->plan);
    TRY(take_conjuncts(p, conjuncts, unit->rels, true, &filter, &count));
    return apply_filter(p, &unit->plan, filter, count);
}

/* ---- joining two ------------------------------------------------------------------------------------- */

static Plan *
join_plan(Planner *p, PlanKind kind, JoinKind join, Plan *left, Plan *right)
{
    bool left_only = join == JOIN_SEMI || join == JOIN_ANTI;
    Plan *j = plan_new(p, kind, left->output_count + (left_only ? 0 : right->output_count));

    memcpy(j->outputs, left->outputs, sizeof(Expr *) * (size_t)left->output_count);
    if (!left_only)
        memcpy(j->outputs + left->output_count, right->outputs, sizeof(Expr *) * (size_t)right->output_count);
    j->left = left;
    j->right = right;
    j->join.kind = join;
    return j;
}

/* Equal values of both types have the same key bytes (exec/key.h). */
static bool
same_hash_form(Oid a, Oid b)
{
    bool a_int = a == TYPE_INT2 || a == TYPE_INT4 || a == TYPE_INT8;
    bool b_int = b == TYPE_INT2 || b == TYPE_INT4 || b == TYPE_INT8;

    return a == b || (a_int && b_int);
}

/* left.x = right.y with one side each. */
static bool
hash_condition(const Expr *e, uint64_t left, uint64_t right, Expr **l, Expr **r)
{
    const OperInfo *o = e->kind == EXPR_CALL ? e->call.oper : NULL;

    if (o == NULL || o->strategy != 3 || !o->can_hash || e->call.arg_count != 2 || expr_has_subquery(e) ||
        expr_is_volatile(e))
        return false;
    for (int side = 0; side < 2; side++) {
        uint64_t a = expr_rels(e->call.args[side]), b = expr_rels(e->call.args[1 - side]);

        if (!same_hash_form(e->call.args[0]->type, e->call.args[1]->type))
            return false;
        if (a != 0 && b != 0 && (a & ~left) == 0 && (b & ~right) == 0) {
            *l = e->call.args[side];
            *r = e->call.args[1 - side];
            return true;
        }
    }
    return false;
}

/* Does the left side have what the right side needs there? Else it comes from further left, as when a
 * LATERAL item stands inside an outer join. */
static bool
is_need_of(const JoinUnit *left, const OuterNeed *need)
{
    return (expr_rels(need->expr) & ~left->rels) == 0;
}

static bool
needs_any(const JoinUnit *left, const JoinUnit *right)
{
    for (int i = 0; i < right->need_count; i++) {
        if (is_need_of(left, &right->needs[i]))
            return true;
    }
    return false;
}

static Status
set_args(Planner *p, Plan *j, const JoinUnit *left, const JoinUnit *right)
{
    j->join.args = arena_array(p->arena, OuterArg, MAX_OF(right->need_count, 1));
    for (int i = 0; i < right->need_count; i++) {
        OuterArg *a = &j->join.args[j->join.arg_count];

        if (!is_need_of(left, &right->needs[i]))
            continue;
        a->index = right->needs[i].index;
        TRY(resolve_over(p, right->needs[i].expr, j->left, &a->expr));
        j->join.arg_count++;
    }
    return ST_OK;
}

/* What the two sides, joined, need from further left. */
static void
join_needs(Planner *p, const JoinUnit *left, const JoinUnit *right, JoinUnit *out)
{
    out->lateral = (left->lateral | right->lateral) & ~out->rels;
    out->needs = arena_array(p->arena, OuterNeed, left->need_count + right->need_count + 1);
    for (int i = 0; i < left->need_count; i++)
        out->needs[out->need_count++] = left->needs[i];
    for (int i = 0; i < right->need_count; i++) {
        if (!is_need_of(left, &right->needs[i]))
            out->needs[out->need_count++] = right->needs[i];
    }
}

/* An outer join's inputs over both sides, whatever its own outputs are. */
static Status
resolve_both(Planner *p, Expr *e, const Plan *left, const Plan *right, Expr **out)
{
    int n = left->output_count + right->output_count;
    Expr **inputs = arena_array(p->arena, Expr *, MAX_OF(n, 1));

    memcpy(inputs, left->outputs, sizeof(Expr *) * (size_t)left->output_count);
    memcpy(inputs + left->output_count, right->outputs, sizeof(Expr *) * (size_t)right->output_count);
    return resolve_expr(p, e, inputs, n, out);
}

/* conditions: those over both sides that decide the match. */
static Status
join_units(Planner *p, JoinKind kind, const JoinUnit *left, const JoinUnit *right, Expr *const *conditions,
           int count, Plan **out)
{
    Expr **l = arena_array(p->arena, Expr *, count + 1), **r = arena_array(p->arena, Expr *, count + 1);
    const OperInfo **opers = arena_array(p->arena, const OperInfo *, count + 1);
    Expr **rest = arena_array(p->arena, Expr *, count + 1);
    int keys = 0, rest_count = 0;
    bool loop = needs_any(left, right);
    Plan *j;

    for (int i = 0; i < count; i++) {
        if (!loop && hash_condition(conditions[i], left->rels, right->rels, &l[keys], &r[keys]))
            opers[keys++] = conditions[i]->call.oper;
        else
            rest[rest_count++] = conditions[i];
    }
    j = join_plan(p, keys > 0 ? PLAN_HASH_JOIN : PLAN_NESTED_LOOP, kind, left->plan, right->plan);
    for (int i = 0; i < rest_count; i++)
        TRY(resolve_both(p, rest[i], left->plan, right->plan, &rest[i]));
    j->filter = and_together(p, rest, rest_count);
    if (keys > 0) {
        j->join.key_count = keys;
        j->join.left_keys = l;
        j->join.right_keys = r;
        j->join.key_opers = opers;
        for (int i = 0; i < keys; i++) {
            TRY(resolve_over(p, l[i], left->plan, &l[i]));
            TRY(resolve_over(p, r[i], right->plan, &r[i]));
        }
        j->rows = MAX_OF(left->plan->rows, right->plan->rows);
        j->cost = left->plan->cost + right->plan->cost + (left->plan->rows + right->plan->rows) * COST_HASH_ROW;
    } else {
        TRY(set_args(p, j, left, right));
        j->rows = left->plan->rows * right->plan->rows * (rest_count > 0 ? 0.1 : 1);
        j->cost = left->plan->cost + left->plan->rows * (right->plan->cost + right->plan->rows * COST_LOOP_ROW);
    }
    if (kind == JOIN_LEFT || kind == JOIN_FULL)
        j->rows = MAX_OF(j->rows, left->plan->rows);
    if (kind == JOIN_FULL)
        j->rows = MAX_OF(j->rows, right->plan->rows);
    j->rows = MAX_OF(j->rows, 1);
    *out = j;
    return ST_OK;
}

/* Tries to read the right side by an index for each row of the left. `own`: the conditions its present
 * plan has used; `cross`: those that tie both sides. What the index scan judges is marked used. */
static Status
try_index_loop(Planner *p, JoinKind kind, const JoinUnit *left, const JoinUnit *right, ConjunctList *own,
               ConjunctList *cross, Plan **out)
{
    ConjunctList all = {0};
    JoinUnit by_index = *right;
    Plan *inner;

    *out = NULL;
    if (right->table == NULL || right->need_count > 0 || left->plan->rows > 5000)
        return ST_OK;
    all.items = arena_array(p->arena, Conjunct, own->count + cross->count + 1);
    for (int i = 0; i < cross->count; i++) {
        if (!cross->items[i].used)
            all.items[all.count++] = cross->items[i];
    }
    for (int i = 0; i < own->count; i++) {
        if (own->items[i].rels == right->rels) {
            all.items[all.count] = own->items[i];
            all.items[all.count++].used = false;
        }
    }
    TRY(plan_inner_index(p, &by_index, left->rels, &all, &inner));
    if (inner == NULL || left->plan->rows * inner->cost > right->plan->cost + right->plan->rows * COST_HASH_ROW)
        return ST_OK;
    by_index.plan = inner;
    for (int i = 0, k = 0; i < cross->count; i++) {
        if (!cross->items[i].used)
            cross->items[i].used = all.items[k++].used;
    }
    TRY(join_units(p, kind, left, &by_index, NULL, 0, out));
    (*out)->rows = MAX_OF(left->plan->rows * inner->rows, 1);
    (*out)->cost = left->plan->cost + left->plan->rows * inner->cost;
    return ST_OK;
}

/* ---- outer joins ------------------------------------------------------------------------------------- */

static Status join_all(Planner *p, Units *units, ConjunctList *conjuncts, JoinUnit *out);

static uint64_t
from_rels(const FromNode *f)
{
    if (!f->is_join)
        return UINT64_C(1) << f->rel;
    return from_rels(f->left) | from_rels(f->right);
}

/* The conjuncts of `from` that only concern `rels`, moved into a list of their own. */
static Status
push_down(Planner *p, ConjunctList *from, uint64_t rels, ConjunctList *to)
{
    for (int i = 0; i < from->count; i++) {
        Conjunct *c = &from->items[i];

        if (c->used || c->rels == 0 || (c->rels & ~rels) != 0)
            continue;
        c->used = true;
        TRY(collect_conjuncts(p, c->expr, to));
    }
    return ST_OK;
}

static Status
plan_side(Planner *p, const FromNode *f, ConjunctList *conjuncts, JoinUnit *out)
{
    Units units = {.count = 0};

    TRY(plan_from_node(p, f, conjuncts, &units));
    return join_all(p, &units, conjuncts, out);
}

static Status
plan_outer_join(Planner *p, const FromNode *f, ConjunctList *above, JoinUnit *out)
{
    const FromNode *kept = f->join_kind == JOIN_RIGHT ? f->right : f->left;
    const FromNode *padded = f->join_kind == JOIN_RIGHT ? f->left : f->right;
    ConjunctList on = {0}, left_list = {0}, right_list = {0};
    bool full = f->join_kind == JOIN_FULL;
    JoinUnit left, right;
    Expr **conditions;
    int count;

    TRY(collect_conjuncts(p, f->on, &on));
    if (!full) { /* of a full join both sides are padded: nothing may be judged before it */
        TRY(push_down(p, above, from_rels(kept), &left_list));
        TRY(push_down(p, &on, from_rels(padded), &right_list));
    }
    TRY(plan_side(p, kept, &left_list, &left));
    TRY(plan_side(p, padded, &right_list, &right));
    *out = (JoinUnit){.rels = left.rels | right.rels, .rel = -1};
    join_needs(p, &left, &right, out);
    if (!full)
        TRY(try_index_loop(p, JOIN_LEFT, &left, &right, &right_list, &on, &out->plan));
    TRY(take_conjuncts(p, &on, ~UINT64_C(0), false, &conditions, &count));
    if (out->plan == NULL)
        return join_units(p, full ? JOIN_FULL : JOIN_LEFT, &left, &right, conditions, count, &out->plan);
    for (int i = 0; i < count; i++)
        TRY(resolve_both(p, conditions[i], left.plan, out->plan->right, &conditions[i]));
    out->plan->filter = and_together(p, conditions, count);
    return ST_OK;
}

static Status
plan_from_node(Planner *p, const FromNode *f, ConjunctList *conjuncts, Units *units)
{
    TRY(ctx_check_stack(p->cx));
    if (f->is_join && f->join_kind == JOIN_INNER) {
        TRY(collect_conjuncts(p, f->on, conjuncts));
        TRY(plan_from_node(p, f->left, conjuncts, units));
        return plan_from_node(p, f->right, conjuncts, units);
    }
    if (units->count == (int)COUNT_OF(units->items))
        return fail(p->cx, ST_ERROR, "54001", "too many items in FROM");
    if (f->is_join)
        return plan_outer_join(p, f, conjuncts, &units->items[units->count++]);
    return plan_leaf(p, f->rel, conjuncts, &units->items[units->count++]);
}

/* ---- order of joining -------------------------------------------------------------------------------- */

static bool
connected(const ConjunctList *list, uint64_t left, uint64_t right)
{
    for (int i = 0; i < list->count; i++) {
        const Conjunct *c = &list->items[i];

        if (!c->used && (c->rels & left) != 0 && (c->rels & right) != 0 && (c->rels & ~(left | right)) == 0)
            return true;
    }
    return false;
}

/* The unit to take next: possible (its lateral needs are there), connected if any is, fewest rows. */
static int
next_unit(const Units *units, const bool *done, uint64_t have, const ConjunctList *list)
{
    int best = -1;
    bool best_connected = false;
    uint64_t mine = 0; /* what is outside these units stands further left */

    for (int i = 0; i < units->count; i++)
        mine |= units->items[i].rels;

    for (int i = 0; i < units->count; i++) {
        const JoinUnit *u = &units->items[i];
        bool c;

        if (done[i] || (u->lateral & mine & ~have) != 0)
            continue;
        c = have != 0 && connected(list, have, u->rels);
        if (best < 0 || (c && !best_connected) ||
            (c == best_connected && u->plan->rows < units->items[best].plan->rows)) {
            best = i;
            best_connected = c;
        }
    }
    return best;
}

static Status
join_all(Planner *p, Units *units, ConjunctList *list, JoinUnit *out)
{
    bool done[64] = {false};
    int first = next_unit(units, done, 0, list);
    JoinUnit all;
    Expr **rest;
    int count;

    if (first < 0)
        return fail_unsupported(p->cx, -1, "this order of LATERAL references");
    all = units->items[first];
    done[first] = true;
    for (int step = 1; step < units->count; step++) {
        int at = next_unit(units, done, all.rels, list);
        JoinUnit *right = &units->items[at];
        JoinUnit joined = {.rel = -1, .rels = all.rels | right->rels};
        Plan *plan;

        if (at < 0)
            return fail_unsupported(p->cx, -1, "this order of LATERAL references");
        done[at] = true;
        TRY(try_index_loop(p, JOIN_INNER, &all, right, list, list, &plan));
        if (plan == NULL) {
            TRY(take_conjuncts(p, list, joined.rels, true, &rest, &count));
            TRY(join_units(p, JOIN_INNER, &all, right, rest, count, &plan));
        } else {
            TRY(take_conjuncts(p, list, joined.rels, true, &rest, &count));
            TRY(apply_filter(p, &plan, rest, count));
        }
        joined.plan = plan;
        join_needs(p, &all, right, &joined);
        all = joined;
    }
    /* conditions that look at no relation at all */
    TRY(take_conjuncts(p, list, all.rels, false, &rest, &count));
    TRY(apply_filter(p, &all.plan, rest, count));
    *out = all;
    return ST_OK;
}

Status
plan_from(Planner *p, ConjunctList *conjuncts, Plan **out)
{
    const Query *q = p->query;
    Units units = {.count = 0};
    JoinUnit all;
    Expr **rest;
    int count;

    if (q->range_count > 64)
        return fail(p->cx, ST_ERROR, "54001", "too many items in FROM");
    if (q->from_count == 0) {
        *out = plan_new(p, PLAN_RESULT, 0);
        (*out)->rows = 1;
        TRY(take_conjuncts(p, conjuncts, 0, false, &rest, &count));
        return apply_filter(p, out, rest, count);
    }
    for (int i = 0; i < q->from_count; i++)
        TRY(plan_from_node(p, q->from[i], conjuncts, &units));
    TRY(join_all(p, &units, conjuncts, &all));
    *out = all.plan;
    return ST_OK;
}
