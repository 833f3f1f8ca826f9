/* plan_expr.c - from names of the query to slots of a node's input.
 *
 * A node says with its `outputs` what its columns mean; resolving an expression over it replaces every
 * part that is one of those by a slot. What is left are columns of enclosing queries (or of the left
 * side of a LATERAL): they become values handed down from outside, noted in the planner's needs. */
#include "backend/plan/plan_int.h"

#include "backend/exec/arrays.h"

/* Known before the first row: it needs no row to be computed. */
static bool
is_fixed(const Expr *e)
{
    return e->kind == EXPR_CONST || e->kind == EXPR_PARAM || e->kind == EXPR_ONCE;
}

/* ARRAY[1, 2, 3] of constants is one. */
static Expr *
fold_array(Ctx *cx, Arena *arena, Expr *e)
{
    const TypeInfo *type = type_by_oid(e->type);
    Value *items, result;
    Arena *saved = cx->arena;
    Status rc;

    for (int i = 0; i < e->list.count; i++) {
        if (e->list.items[i]->kind != EXPR_CONST || e->list.items[i]->type != type->elem)
            return e;
    }
    cx->arena = arena;
    items = arena_array(arena, Value, MAX_OF(e->list.count, 1));
    for (int i = 0; i < e->list.count; i++)
        items[i] = e->list.items[i]->constant;
    rc = array_make(cx, type->elem, items, e->list.count, &result);
    cx->arena = saved;
    if (rc != ST_OK) {
        ctx_error_clear(cx);
        return e;
    }
    return expr_const(arena, e->type, e->typmod, result, e->location);
}

/* NOT (a = b) is a <> b: an operator that knows its negator takes the NOT in. */
static Expr *
fold_not(Arena *arena, Expr *e)
{
    const Expr *arg = e->unary.arg;
    const OperInfo *negator;
    Expr *turned;

    if (arg->kind != EXPR_CALL || arg->call.oper == NULL || arg->call.oper->negator == OID_NONE)
        return e;
    negator = oper_by_oid(arg->call.oper->negator);
    if (negator == NULL || fn_by_oid(negator->fn) == NULL)
        return e;
    turned = arena_memdup(arena, arg, sizeof(*arg));
    turned->call.oper = negator;
    turned->call.fn = fn_by_oid(negator->fn);
    return turned;
}

Expr *
plan_fold(Ctx *cx, Arena *arena, Expr *e, bool *raises)
{
    Value values[FN_ARGS_MOST * 2];
    Oid types[FN_ARGS_MOST * 2];
    Arena *saved = cx->arena;
    Value result;
    Status rc;

    if (e->kind == EXPR_ARRAY)
        return fold_array(cx, arena, e);
    if (e->kind == EXPR_NOT)
        return fold_not(arena, e);
    if (e->kind != EXPR_CALL || e->call.fn->volatility != 'i' || e->call.fn->returns_set ||
        (e->call.fn->scalar == NULL && e->call.fn->kernel == NULL) || e->call.variadic_array)
        return e;
    for (int i = 0; i < e->call.arg_count; i++) {
        if (e->call.args[i]->kind != EXPR_CONST) {
            for (; i < e->call.arg_count && is_fixed(e->call.args[i]); i++)
                continue;
            if (i == e->call.arg_count && e->call.fn->can_raise)
                *raises = true; /* it depends on the parameters */
            return e;
        }
        values[i] = e->call.args[i]->constant;
        types[i] = e->call.args[i]->type;
    }
    cx->arena = arena;
    rc = fn_call_value(cx, e->call.fn, types, values, e->call.arg_count, e->type, &result);
    cx->arena = saved;
    if (rc != ST_OK) { /* X1: raise it where, and if, the execution gets there */
        ctx_error_clear(cx);
        *raises = true;
        return e;
    }
    return expr_const(arena, e->type, e->typmod, result, e->location);
}

static void
append_need(Arena *a, OuterNeed **needs, int *count, int *capacity, OuterNeed need)
{
    if (*count == *capacity) {
        int more = MAX_OF(4, *capacity * 2);
        OuterNeed *list = arena_array(a, OuterNeed, more);

        if (*count > 0)
            memcpy(list, *needs, sizeof(*list) * (size_t)*count);
        *needs = list;
        *capacity = more;
    }
    (*needs)[(*count)++] = need;
}

static int
add_need(PlanStatement *s, OuterNeed **needs, int *count, int *capacity, Expr *e)
{
    for (int i = 0; i < *count; i++) {
        if (expr_equal((*needs)[i].expr, e))
            return (*needs)[i].index;
    }
    append_need(s->arena, needs, count, capacity, (OuterNeed){s->outer_count++, e});
    return s->outer_count - 1;
}

void
planner_pass_need(Planner *p, OuterNeed need)
{
    Expr *up = arena_memdup(p->arena, need.expr, sizeof(*up));

    ASSERT(up->column.levels_up > 0);
    up->column.levels_up--;
    append_need(p->arena, &p->needs, &p->need_count, &p->need_capacity, (OuterNeed){need.index, up});
}

int
planner_need(Planner *p, Expr *e)
{
    return add_need(p->statement, &p->needs, &p->need_count, &p->need_capacity, e);
}

void
planner_lateral_begin(Planner *p)
{
    ASSERT(!p->lateral);
    p->lateral = true;
    p->lateral_needs = NULL;
    p->lateral_count = p->lateral_capacity = 0;
}

void
planner_lateral_end(Planner *p, OuterNeed **needs, int *count)
{
    ASSERT(p->lateral);
    p->lateral = false;
    *needs = p->lateral_needs;
    *count = p->lateral_count;
}

static Expr *
make_outer(Planner *p, const Expr *e, int index)
{
    Expr *o = expr_new(p->arena, EXPR_OUTER, e->type, e->typmod, e->location);

    o->slot.index = index;
    return o;
}

/* A query inside the expression gets its plan; what it needs of our rows is resolved over them. */
static Status
resolve_subquery(Planner *p, Expr *e, Expr *const *inputs, int input_count)
{
    PlanStatement *s = p->statement;
    Subplan *sub = arena_new(p->arena, Subplan);
    Planner inner;

    TRY(plan_level(s, e->subquery.query, &inner, &sub->plan));
    sub->kind = e->subquery.kind;
    sub->oper = e->subquery.oper;
    sub->type = e->subquery.kind == SUBLINK_EXISTS ? TYPE_BOOL : sub->plan->outputs[0]->type;
    sub->args = arena_array(p->arena, OuterArg, MAX_OF(inner.need_count, 1));
    for (int i = 0; i < inner.need_count; i++) {
        sub->args[i].index = inner.needs[i].index;
        TRY(resolve_expr(p, inner.needs[i].expr, inputs, input_count, &sub->args[i].expr));
    }
    sub->arg_count = inner.need_count;
    sub->hashable =
        sub->kind == SUBLINK_ANY && sub->arg_count == 0 && sub->oper->strategy == 3 && sub->oper->can_hash;
    if (s->subplan_count == s->subplan_capacity) {
        int capacity = MAX_OF(4, s->subplan_capacity * 2);
        Subplan **subplans = arena_array(s->arena, Subplan *, capacity);

        if (s->subplan_count > 0)
            memcpy(subplans, s->subplans, sizeof(*subplans) * (size_t)s->subplan_count);
        s->subplans = subplans;
        s->subplan_capacity = capacity;
    }
    e->subquery.plan_no = s->subplan_count;
    s->subplans[s->subplan_count++] = sub;
    return ST_OK;
}

typedef struct Resolve {
    Planner *p;
    Expr *const *inputs;
    int input_count;
    Status rc;
} Resolve;

static bool
resolve_child(Expr **child, void *arg)
{
    Resolve *r = arg;

    r->rc = resolve_expr(r->p, *child, r->inputs, r->input_count, child);
    return r->rc == ST_OK;
}

static Expr *
shallow_copy(Arena *a, const Expr *e)
{
    Expr *c = arena_memdup(a, e, sizeof(*e));

    switch (c->kind) {
    case EXPR_CALL:
        c->call.args = arena_memdup(a, c->call.args, sizeof(Expr *) * (size_t)c->call.arg_count);
        break;
    case EXPR_AGG:
        c->agg.args = arena_memdup(a, c->agg.args, sizeof(Expr *) * (size_t)c->agg.arg_count);
        c->agg.order = arena_memdup(a, c->agg.order, sizeof(SortKey) * (size_t)c->agg.order_count);
        break;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW:
        c->list.items = arena_memdup(a, c->list.items, sizeof(Expr *) * (size_t)c->list.count);
        break;
    case EXPR_CASE:
        c->cases.whens = arena_memdup(a, c->cases.whens, sizeof(Expr *) * (size_t)c->cases.when_count);
        c->cases.thens = arena_memdup(a, c->cases.thens, sizeof(Expr *) * (size_t)c->cases.when_count);
        break;
    default: break;
    }
    return c;
}

static bool
unwrap_once(Expr **child, void *arg)
{
    (void)arg;
    if ((*child)->kind == EXPR_ONCE)
        *child = (*child)->once.arg;
    return true;
}

static bool
child_is_fixed(Expr **child, void *arg)
{
    (void)arg;
    return is_fixed(*child);
}

/* What does not depend on rows is computed once for an execution. */
static Expr *
make_once(Planner *p, Expr *e)
{
    Expr *once;

    switch (e->kind) {
    case EXPR_CALL:
        if (e->call.fn->volatility == 'v' || e->call.fn->returns_set)
            return e;
        break;
    case EXPR_IO_CAST:
    case EXPR_ARRAY_CAST:
    case EXPR_ARRAY: break;
    default: return e;
    }
    if (p->statement->for_rows || !expr_children(e, child_is_fixed, NULL))
        return e;
    expr_children(e, unwrap_once, NULL);
    once = expr_new(p->arena, EXPR_ONCE, e->type, e->typmod, e->location);
    once->once.arg = e;
    once->once.once_no = p->statement->once_count++;
    return once;
}

Status
resolve_expr(Planner *p, Expr *e, Expr *const *inputs, int input_count, Expr **out)
{
    Resolve r = {p, inputs, input_count, ST_OK};
    Expr *c;

    TRY(ctx_check_stack(p->cx));
    for (int i = 0; i < input_count; i++) {
        if (inputs[i]->kind == e->kind && expr_equal(inputs[i], e)) {
            c = expr_new(p->arena, EXPR_SLOT, e->type, e->typmod, e->location);
            c->slot.index = i;
            *out = c;
            return ST_OK;
        }
    }
    if (e->kind == EXPR_CONST || e->kind == EXPR_PARAM || e->kind == EXPR_OUTER || e->kind == EXPR_SLOT ||
        e->kind == EXPR_CASE_VALUE) {
        *out = e;
        return ST_OK;
    }
    if (e->kind == EXPR_COLUMN) {
        Expr *up = arena_memdup(p->arena, e, sizeof(*e));

        if (e->column.levels_up == 0) {
            ASSERT(p->lateral); /* else a column of this level must be in the inputs */
            *out = make_outer(p, e,
                              add_need(p->statement, &p->lateral_needs, &p->lateral_count, &p->lateral_capacity,
                                       e));
            return ST_OK;
        }
        up->column.levels_up--;
        *out = make_outer(p, e, planner_need(p, up));
        return ST_OK;
    }
    c = shallow_copy(p->arena, e);
    if (c->kind == EXPR_CALL)
        c->call.state_no = p->statement->state_count++;
    else if (c->kind == EXPR_SCALAR_ARRAY || c->kind == EXPR_DISTINCT || c->kind == EXPR_NULLIF)
        c->binary.state_no = p->statement->state_count++;
    if (c->kind == EXPR_SUBQUERY)
        TRY(resolve_subquery(p, c, inputs, input_count));
    if (!expr_children(c, resolve_child, &r))
        return r.rc;
    *out = make_once(p, plan_fold(p->cx, p->arena, c, &p->statement->constant_raises));
    return ST_OK;
}

Status
resolve_over(Planner *p, Expr *e, const Plan *input, Expr **out)
{
    return resolve_expr(p, e, input->outputs, input->output_count, out);
}

/* Slot i of the row is column i + 1. */
static bool
column_to_slot(Expr **child, void *arg)
{
    Expr *e = *child;

    if (e->kind == EXPR_COLUMN) {
        ASSERT(e->column.column > 0);
        e->kind = EXPR_SLOT;
        e->slot.index = e->column.column - 1;
        return true;
    }
    return expr_children(e, column_to_slot, arg);
}

Status
plan_row_expression(Ctx *cx, Arena *arena, int *state_count, const Expr *e, Expr **out)
{
    PlanStatement s = {.cx = cx, .arena = arena, .state_count = *state_count, .for_rows = true};
    Planner p = {.statement = &s, .cx = cx, .arena = arena};
    Expr *copy = expr_copy(arena, e);

    column_to_slot(&copy, NULL);
    TRY(resolve_expr(&p, copy, NULL, 0, out));
    *state_count = s.state_count;
    return ST_OK;
}

/* ---- conjuncts --------------------------------------------------------------------------------------- */

static void add_query_rels(const Query *q, int depth, uint64_t *rels);

typedef struct RelCollect {
    uint64_t rels;
    int depth;
} RelCollect;

static bool
collect_rels(Expr **child, void *arg)
{
    RelCollect *c = arg;
    const Expr *e = *child;

    if (e->kind == EXPR_COLUMN && e->column.levels_up == c->depth && e->column.rel >= 0)
        c->rels |= UINT64_C(1) << e->column.rel;
    if (e->kind == EXPR_SUBQUERY)
        add_query_rels(e->subquery.query, c->depth + 1, &c->rels);
    return expr_children(*child, collect_rels, arg);
}

static void
add_expr_rels(Expr *e, int depth, uint64_t *rels)
{
    RelCollect c = {0, depth};

    if (e == NULL)
        return;
    collect_rels(&e, &c);
    *rels |= c.rels;
}

static void
add_from_rels(const FromNode *f, int depth, uint64_t *rels)
{
    if (f == NULL || !f->is_join)
        return;
    add_expr_rels(f->on, depth, rels);
    add_from_rels(f->left, depth, rels);
    add_from_rels(f->right, depth, rels);
}

/* Rels of the query `depth` levels above q that q looks at. */
static void
add_query_rels(const Query *q, int depth, uint64_t *rels)
{
    if (q == NULL)
        return;
    for (int i = 0; i < q->target_count; i++)
        add_expr_rels(q->targets[i].expr, depth, rels);
    add_expr_rels(q->where, depth, rels);
    add_expr_rels(q->having, depth, rels);
    add_expr_rels(q->limit, depth, rels);
    add_expr_rels(q->offset, depth, rels);
    for (int i = 0; i < q->from_count; i++)
        add_from_rels(q->from[i], depth, rels);
    for (int i = 0; i < q->range_count; i++) {
        const RangeEntry *r = q->range[i];

        add_expr_rels(r->function, depth, rels);
        add_query_rels(r->query, depth + 1, rels);
        for (int row = 0; row < r->value_row_count; row++) {
            for (int c = 0; c < r->column_count; c++)
                add_expr_rels(r->value_rows[row][c], depth, rels);
        }
    }
    add_query_rels(q->left, depth + 1, rels);
    add_query_rels(q->right, depth + 1, rels);
}

uint64_t
expr_rels(const Expr *e)
{
    uint64_t rels = 0;

    add_expr_rels((Expr *)(uintptr_t)e, 0, &rels);
    return rels;
}

uint64_t
query_outer_rels(const Query *q)
{
    uint64_t rels = 0;

    add_query_rels(q, 1, &rels);
    return rels;
}

Status
collect_conjuncts(Planner *p, Expr *e, ConjunctList *list)
{
    if (e == NULL)
        return ST_OK;
    if (e->kind == EXPR_AND) {
        for (int i = 0; i < e->list.count; i++)
            TRY(collect_conjuncts(p, e->list.items[i], list));
        return ST_OK;
    }
    if (list->count == list->capacity) {
        int capacity = MAX_OF(8, list->capacity * 2);
        Conjunct *items = arena_array(p->arena, Conjunct, capacity);

        if (list->count > 0)
            memcpy(items, list->items, sizeof(*items) * (size_t)list->count);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (Conjunct){.expr = e,
                                            .rels = expr_rels(e),
                                            .has_subquery = expr_has_subquery(e),
                                            .is_volatile = expr_is_volatile(e)};
    return ST_OK;
}

Expr *
and_together(Planner *p, Expr *const *exprs, int count)
{
    Expr *e;

    if (count == 0)
        return NULL;
    if (count == 1)
        return exprs[0];
    e = expr_new(p->arena, EXPR_AND, TYPE_BOOL, -1, -1);
    e->list.items = arena_memdup(p->arena, exprs, sizeof(*exprs) * (size_t)count);
    e->list.count = count;
    return e;
}
