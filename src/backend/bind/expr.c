/* expr.c - making, comparing and walking expressions. */
#include "backend/bind/expr.h"

#include "backend/bind/query.h"

Expr *
expr_new(Arena *a, ExprKind kind, Oid type, int32_t typmod, int location)
{
    Expr *e = arena_new(a, Expr);

    e->kind = kind;
    e->type = type;
    e->typmod = typmod;
    e->location = location;
    return e;
}

Expr *
expr_const(Arena *a, Oid type, int32_t typmod, Value v, int location)
{
    Expr *e = expr_new(a, EXPR_CONST, type, typmod, location);

    e->constant = v;
    return e;
}

Expr *
expr_const_int4(Arena *a, int32_t v)
{
    return expr_const(a, TYPE_INT4, -1, value_i32(v), -1);
}

Expr *
expr_const_bool(Arena *a, bool v)
{
    return expr_const(a, TYPE_BOOL, -1, value_bool(v), -1);
}

static bool
visit_array(Expr **items, int count, bool (*visit)(Expr **child, void *arg), void *arg)
{
    for (int i = 0; i < count; i++) {
        if (items[i] != NULL && !visit(&items[i], arg))
            return false;
    }
    return true;
}

static bool
visit_one(Expr **child, bool (*visit)(Expr **child, void *arg), void *arg)
{
    return *child == NULL || visit(child, arg);
}

bool
expr_children(Expr *e, bool (*visit)(Expr **child, void *arg), void *arg)
{
    switch (e->kind) {
    case EXPR_CALL: return visit_array(e->call.args, e->call.arg_count, visit, arg);
    case EXPR_AGG:
        for (int i = 0; i < e->agg.order_count; i++) {
            if (!visit(&e->agg.order[i].expr, arg))
                return false;
        }
        return visit_array(e->agg.args, e->agg.arg_count, visit, arg) && visit_one(&e->agg.filter, visit, arg);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW: return visit_array(e->list.items, e->list.count, visit, arg);
    case EXPR_CASE:
        return visit_one(&e->cases.arg, visit, arg) &&
               visit_array(e->cases.whens, e->cases.when_count, visit, arg) &&
               visit_array(e->cases.thens, e->cases.when_count, visit, arg) &&
               visit_one(&e->cases.otherwise, visit, arg);
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
    case EXPR_IO_CAST:
    case EXPR_RELABEL:
    case EXPR_ARRAY_CAST: return visit_one(&e->unary.arg, visit, arg);
    case EXPR_ONCE: return visit_one(&e->once.arg, visit, arg);
    case EXPR_DISTINCT:
    case EXPR_NULLIF:
    case EXPR_SCALAR_ARRAY:
        return visit_one(&e->binary.left, visit, arg) && visit_one(&e->binary.right, visit, arg);
    case EXPR_SUBSCRIPT:
        return visit_one(&e->subscript.arg, visit, arg) && visit_one(&e->subscript.lower, visit, arg) &&
               visit_one(&e->subscript.upper, visit, arg);
    case EXPR_SUBQUERY: return visit_one(&e->subquery.test, visit, arg);
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_COLUMN:
    case EXPR_SLOT:
    case EXPR_OUTER:
    case EXPR_CASE_VALUE:
    case EXPR_DEFAULT: return true;
    }
    return true;
}

static bool
start_of_child(Expr **child, void *arg)
{
    int *start = arg, at = expr_start(*child);

    if (at >= 0 && (*start < 0 || at < *start))
        *start = at;
    return true;
}

int
expr_start(Expr *e)
{
    int start = e->location;

    (void)expr_children(e, start_of_child, &start);
    return start;
}

typedef struct Pairing {
    Expr *items[64];
    int count;
    bool overflow;
} Pairing;

static bool
collect_child(Expr **child, void *arg)
{
    Pairing *p = arg;

    if (p->count == (int)COUNT_OF(p->items)) {
        p->overflow = true;
        return false;
    }
    p->items[p->count++] = *child;
    return true;
}

static bool
same_node(const Expr *a, const Expr *b)
{
    if (a->kind != b->kind || a->type != b->type)
        return false;
    switch (a->kind) {
    case EXPR_CONST: return value_same(&a->constant, &b->constant);
    case EXPR_PARAM: return a->param.number == b->param.number;
    case EXPR_COLUMN:
        return a->column.rel == b->column.rel && a->column.column == b->column.column &&
               a->column.levels_up == b->column.levels_up;
    case EXPR_SLOT:
    case EXPR_OUTER: return a->slot.index == b->slot.index;
    case EXPR_CALL: return a->call.fn == b->call.fn && a->call.arg_count == b->call.arg_count;
    case EXPR_AGG:
        return a->agg.fn == b->agg.fn && a->agg.arg_count == b->agg.arg_count && a->agg.star == b->agg.star &&
               a->agg.distinct == b->agg.distinct && (a->agg.filter == NULL) == (b->agg.filter == NULL) &&
               a->agg.order_count == b->agg.order_count && a->agg.levels_up == b->agg.levels_up;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_ARRAY:
    case EXPR_ROW: return a->list.count == b->list.count;
    case EXPR_MINMAX: return a->list.count == b->list.count && a->list.greatest == b->list.greatest;
    case EXPR_CASE:
        return a->cases.when_count == b->cases.when_count && (a->cases.arg == NULL) == (b->cases.arg == NULL);
    case EXPR_NULL_TEST: return a->unary.is_not == b->unary.is_not;
    case EXPR_BOOL_TEST: return a->unary.test == b->unary.test;
    case EXPR_ARRAY_CAST: return a->unary.element_fn == b->unary.element_fn;
    case EXPR_DISTINCT: return a->binary.oper == b->binary.oper && a->binary.is_not == b->binary.is_not;
    case EXPR_NULLIF: return a->binary.oper == b->binary.oper;
    case EXPR_SCALAR_ARRAY: return a->binary.oper == b->binary.oper && a->binary.use_all == b->binary.use_all;
    case EXPR_SUBSCRIPT:
        return a->subscript.is_slice == b->subscript.is_slice &&
               (a->subscript.lower == NULL) == (b->subscript.lower == NULL);
    case EXPR_SUBQUERY: return a->subquery.query == b->subquery.query && a->subquery.kind == b->subquery.kind;
    case EXPR_NOT:
    case EXPR_IO_CAST:
    case EXPR_RELABEL:
    case EXPR_ONCE:
    case EXPR_CASE_VALUE: return true;
    case EXPR_DEFAULT: return false;
    }
    return false;
}

bool
expr_equal(const Expr *a, const Expr *b)
{
    Pairing left = {.count = 0}, right = {.count = 0};

    if (a == b)
        return true;
    if (!same_node(a, b))
        return false;
    expr_children((Expr *)(uintptr_t)a, collect_child, &left);
    expr_children((Expr *)(uintptr_t)b, collect_child, &right);
    if (left.overflow || right.overflow || left.count != right.count)
        return false;
    for (int i = 0; i < left.count; i++) {
        if (!expr_equal(left.items[i], right.items[i]))
            return false;
    }
    return true;
}

static Expr **
copy_array(Arena *a, Expr **items, int count)
{
    return items == NULL ? NULL : arena_memdup(a, items, sizeof(*items) * (size_t)count);
}

static bool
copy_child(Expr **child, void *arg)
{
    *child = expr_copy(arg, *child);
    return true;
}

Expr *
expr_copy(Arena *a, const Expr *e)
{
    Expr *c = arena_memdup(a, e, sizeof(*e));

    switch (c->kind) {
    case EXPR_CALL: c->call.args = copy_array(a, c->call.args, c->call.arg_count); break;
    case EXPR_AGG:
        c->agg.args = copy_array(a, c->agg.args, c->agg.arg_count);
        c->agg.order = arena_memdup(a, c->agg.order, sizeof(SortKey) * (size_t)c->agg.order_count);
        break;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_ROW: c->list.items = copy_array(a, c->list.items, c->list.count); break;
    case EXPR_CASE:
        c->cases.whens = copy_array(a, c->cases.whens, c->cases.when_count);
        c->cases.thens = copy_array(a, c->cases.thens, c->cases.when_count);
        break;
    default: break;
    }
    expr_children(c, copy_child, a);
    return c;
}

typedef bool (*ExprTest)(const Expr *e);

static bool
test_child(Expr **child, void *arg)
{
    ExprTest test = *(ExprTest *)arg;

    return !test(*child); /* stop as soon as one says yes */
}

static bool
any_child(const Expr *e, ExprTest test)
{
    return !expr_children((Expr *)(uintptr_t)e, test_child, &test);
}

bool
expr_is_volatile(const Expr *e)
{
    if (e->kind == EXPR_CALL && e->call.fn->volatility == 'v')
        return true;
    if (e->kind == EXPR_SUBQUERY) {
        const Query *q = e->subquery.query;

        for (int i = 0; i < q->target_count; i++) {
            if (expr_is_volatile(q->targets[i].expr))
                return true;
        }
    }
    return any_child(e, expr_is_volatile);
}

bool
expr_can_raise(const Expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
        if (e->call.fn->can_raise)
            return true;
        break;
    case EXPR_IO_CAST:
    case EXPR_ARRAY_CAST:
    case EXPR_SUBQUERY:
    case EXPR_SCALAR_ARRAY: return true;
    default: break;
    }
    return any_child(e, expr_can_raise);
}

bool
expr_has_aggregate(const Expr *e)
{
    return e->kind == EXPR_AGG || any_child(e, expr_has_aggregate);
}

bool
expr_has_series(const Expr *e)
{
    return (e->kind == EXPR_CALL && e->call.fn->returns_set) || any_child(e, expr_has_series);
}

bool
expr_has_subquery(const Expr *e)
{
    return e->kind == EXPR_SUBQUERY || any_child(e, expr_has_subquery);
}

static bool
is_not_constant(const Expr *e)
{
    switch (e->kind) {
    case EXPR_PARAM:
    case EXPR_COLUMN:
    case EXPR_SLOT:
    case EXPR_OUTER:
    case EXPR_AGG:
    case EXPR_SUBQUERY:
    case EXPR_CASE_VALUE:
    case EXPR_DEFAULT: return true;
    case EXPR_CALL:
        if (e->call.fn->volatility != 'i' || e->call.fn->returns_set)
            return true;
        break;
    case EXPR_IO_CAST: return true; /* some text forms depend on settings */
    default: break;
    }
    return any_child(e, is_not_constant);
}

bool
expr_is_constant(const Expr *e)
{
    return !is_not_constant(e);
}
