/* plan_agg.c - what aggregates of one node have in common: sum(a * b), avg(a * b) and sum(a * b * c) compute
 * a * b once, and the first two collect the same sum.
 *
 * Shared are calls of functions without side effects that every aggregate without FILTER computes for every
 * row anyway: what stands inside CASE, AND, COALESCE and the like is left alone (rule X1). */
#include "backend/plan/plan_int.h"

enum { CALLS_MOST = 64 };

typedef struct Calls {
    Ctx *cx;
    Arena *arena;
    Expr *found[CALLS_MOST]; /* different calls, each after those inside it */
    int times[CALLS_MOST];
    int count;
    int input_columns;
    int slots[CALLS_MOST]; /* of the shared ones; 0 = not shared */
} Calls;

static bool
is_shareable(const Expr *e)
{
    return e->kind == EXPR_CALL && !expr_is_volatile(e) && !expr_has_subquery(e);
}

static int
find_call(const Calls *c, const Expr *e)
{
    for (int i = 0; i < c->count; i++) {
        if (expr_equal(c->found[i], e))
            return i;
    }
    return -1;
}

/* The calls that are computed whenever `e` is. What stands inside one seen before is not counted again. */
static Status
collect_calls(Calls *c, Expr *e)
{
    int at;

    TRY(ctx_check_stack(c->cx));
    if (e->kind == EXPR_RELABEL)
        return collect_calls(c, e->unary.arg);
    if (!is_shareable(e))
        return ST_OK;
    at = find_call(c, e);
    if (at >= 0) {
        c->times[at]++;
        return ST_OK;
    }
    for (int i = 0; i < e->call.arg_count; i++)
        TRY(collect_calls(c, e->call.args[i]));
    if (c->count < CALLS_MOST) {
        c->found[c->count] = e;
        c->times[c->count++] = 1;
    }
    return ST_OK;
}

/* Puts slots in the place of shared calls. */
static Status
replace_calls(const Calls *c, Expr **e)
{
    int at;

    TRY(ctx_check_stack(c->cx));
    if ((*e)->kind == EXPR_RELABEL)
        return replace_calls(c, &(*e)->unary.arg);
    if (!is_shareable(*e))
        return ST_OK;
    at = find_call(c, *e);
    if (at >= 0 && c->slots[at] != 0) {
        Expr *slot = expr_new(c->arena, EXPR_SLOT, (*e)->type, (*e)->typmod, (*e)->location);

        slot->slot.index = c->slots[at];
        *e = slot;
        return ST_OK;
    }
    for (int i = 0; i < (*e)->call.arg_count; i++)
        TRY(replace_calls(c, &(*e)->call.args[i]));
    return ST_OK;
}

static Status
share_arguments(Planner *p, Plan *agg, int input_columns)
{
    Calls c = {.cx = p->cx, .arena = p->arena, .input_columns = input_columns};
    Expr **commons = arena_array(p->arena, Expr *, CALLS_MOST);

    for (int a = 0; a < agg->agg.agg_count; a++) {
        const Expr *x = agg->agg.aggs[a];

        for (int i = 0; i < x->agg.arg_count && x->agg.filter == NULL; i++)
            TRY(collect_calls(&c, x->agg.args[i]));
    }
    for (int i = 0; i < c.count; i++) {
        Expr *copy;

        if (c.times[i] < 2)
            continue;
        copy = expr_copy(p->arena, c.found[i]);
        for (int k = 0; k < copy->call.arg_count; k++) /* those inside it come before it */
            TRY(replace_calls(&c, &copy->call.args[k]));
        commons[agg->agg.common_count] = copy;
        c.slots[i] = input_columns + agg->agg.common_count++;
    }
    if (agg->agg.common_count == 0)
        return ST_OK;
    agg->agg.commons = commons;
    for (int a = 0; a < agg->agg.agg_count; a++) {
        Expr *x = agg->agg.aggs[a];

        for (int i = 0; i < x->agg.arg_count && x->agg.filter == NULL; i++)
            TRY(replace_calls(&c, &x->agg.args[i]));
    }
    return ST_OK;
}

static bool
collects_same(const Expr *x, const Expr *y)
{
    const AggInfo *a = x->agg.fn->agg, *b = y->agg.fn->agg;

    if (a->step != b->step || a->step_one != b->step_one || a->state_bytes != b->state_bytes ||
        a->strict != b->strict || x->agg.arg_count != y->agg.arg_count)
        return false;
    if (x->agg.filter != NULL || y->agg.filter != NULL || x->agg.distinct || y->agg.distinct ||
        x->agg.order_count > 0 || y->agg.order_count > 0)
        return false;
    for (int i = 0; i < x->agg.arg_count; i++) {
        if (!expr_equal(x->agg.args[i], y->agg.args[i]) || expr_is_volatile(x->agg.args[i]))
            return false;
    }
    return true;
}

Status
plan_share_aggregates(Planner *p, Plan *agg, int input_columns)
{
    int count = agg->agg.agg_count;
    bool any = false;
    int *same;

    if (count < 2)
        return ST_OK;
    TRY(share_arguments(p, agg, input_columns));
    same = arena_array(p->arena, int, count);
    for (int a = 0; a < count; a++) {
        same[a] = a;
        for (int b = 0; b < a && same[a] == a; b++) {
            if (same[b] == b && collects_same(agg->agg.aggs[a], agg->agg.aggs[b]))
                same[a] = b;
        }
        any |= same[a] != a;
    }
    agg->agg.same_state = any ? same : NULL;
    return ST_OK;
}
