/* plan_order.c - indexes as orders: ORDER BY without sorting, MIN and MAX without reading it all.
 *
 * Only queries on one table are looked at. A column that is fixed by an equality is in any order; a unique
 * index without nulls orders whatever stands behind its columns. */
#include "backend/plan/plan_int.h"

/* What a LIMIT that is not known when planning is taken for. */
static const double LIMIT_GUESS = 100;

static const Expr *
strip(const Expr *e)
{
    while (e->kind == EXPR_RELABEL)
        e = e->unary.arg;
    return e;
}

/* The query's only relation, if that is a table; -1. */
static int
only_table(const Query *q)
{
    int rel;

    if (q->from_count != 1 || q->from[0]->is_join)
        return -1;
    rel = q->from[0]->rel;
    return q->range[rel]->kind == RANGE_TABLE && q->range[rel]->table->kind == TABLE_HEAP &&
                   q->range[rel]->table->index_count > 0
               ? rel
               : -1;
}

static bool
is_column(const Expr *e, int rel, int *column)
{
    e = strip(e);
    if (e->kind != EXPR_COLUMN || e->column.levels_up != 0 || e->column.rel != rel || e->column.column <= 0)
        return false;
    *column = e->column.column;
    return true;
}

static double
known_count(const Expr *e)
{
    if (e->kind == EXPR_CONST && !e->constant.is_null && e->constant.phys == PHYS_I64)
        return MAX_OF((double)e->constant.i64, 1);
    return LIMIT_GUESS;
}

bool
wanted_by_sort(Planner *p, WantedOrder *out)
{
    const Query *q = p->query;

    *out = (WantedOrder){.rel = only_table(q)};
    if (out->rel < 0 || q->sort_count == 0 || q->sort_count > ORDER_KEYS_MOST || q->has_aggregates ||
        q->group_count > 0 || q->distinct || q->distinct_on_count > 0 || q->has_series)
        return false;
    for (int i = 0; i < q->sort_count; i++) {
        int column;

        if (!is_column(q->targets[q->sort[i].target].expr, out->rel, &column))
            return false;
        out->keys[out->count].column = column;
        out->keys[out->count].descending = q->sort[i].descending;
        out->keys[out->count++].nulls_first = q->sort[i].nulls_first;
    }
    if (q->limit != NULL)
        out->limit_rows = known_count(q->limit) + (q->offset != NULL ? known_count(q->offset) : 0);
    return true;
}

static bool
is_fixed(const IndexInfo *x, int fixed, int column)
{
    for (int i = 0; i < fixed; i++) {
        if (x->keys[i].column == column)
            return true;
    }
    return false;
}

/* All columns of a unique index, none of which can be null: no two rows are alike in them. */
static bool
tells_rows_apart(const TableInfo *t, const IndexInfo *x)
{
    for (int k = 0; k < x->key_count; k++) {
        if (x->keys[k].column <= 0 || !t->columns[x->keys[k].column - 1].not_null)
            return false;
    }
    return x->unique;
}

bool
index_gives_order(const TableInfo *t, const IndexInfo *x, int fixed, const WantedOrder *wanted, bool *backward)
{
    int k = fixed, turned = -1;

    for (int i = 0; i < wanted->count; i++) {
        int column = wanted->keys[i].column;
        bool other_way, nulls_other_way, has_nulls;

        if (is_fixed(x, fixed, column))
            continue;
        if (k == x->key_count && tells_rows_apart(t, x))
            break;
        if (k == x->key_count || x->keys[k].column != column)
            return false;
        other_way = x->keys[k].descending != wanted->keys[i].descending;
        nulls_other_way = x->keys[k].nulls_first != wanted->keys[i].nulls_first;
        has_nulls = !t->columns[column - 1].not_null && !(wanted->not_null && i == 0);
        if ((has_nulls && nulls_other_way != other_way) || (turned >= 0 && turned != other_way))
            return false;
        turned = other_way;
        k++;
    }
    *backward = turned == 1;
    return true;
}

/* ---- MIN and MAX ---------------------------------------------------------------------------------------------------- */

typedef struct Extremes {
    int rel, column;
    bool least, greatest, other;
} Extremes;

static bool
note_extreme(Expr **child, void *arg)
{
    Extremes *x = arg;
    const Expr *e = *child;
    int column;

    if (e->kind != EXPR_AGG || e->agg.levels_up != 0) {
        x->other |= e->kind == EXPR_SUBQUERY;
        return expr_children(*child, note_extreme, arg);
    }
    if (e->agg.arg_count != 1 || e->agg.filter != NULL || e->agg.order_count > 0 ||
        !is_column(e->agg.args[0], x->rel, &column) || (x->column != 0 && x->column != column) ||
        (strcmp(e->agg.fn->name, "min") != 0 && strcmp(e->agg.fn->name, "max") != 0)) {
        x->other = true;
        return false;
    }
    x->column = column;
    if (strcmp(e->agg.fn->name, "min") == 0)
        x->least = true;
    else
        x->greatest = true;
    return true;
}

static Plan *
first_row(Planner *p, Plan *input)
{
    Plan *limit = plan_new(p, PLAN_LIMIT, input->output_count);

    limit->outputs = input->outputs;
    limit->left = input;
    limit->rows = 1;
    limit->cost = input->cost;
    limit->limit.limit = expr_const(p->arena, TYPE_INT8, -1, value_i64(1), -1);
    return limit;
}

static Status
plan_extreme(Planner *p, const Extremes *x, bool greatest, const ConjunctList *conjuncts, ConjunctList *copy,
             Plan **out)
{
    WantedOrder wanted = {.rel = x->rel, .count = 1, .limit_rows = 1, .not_null = true};
    Plan *plan;

    wanted.keys[0].column = x->column;
    wanted.keys[0].descending = greatest;
    *copy = *conjuncts;
    copy->items = arena_memdup(p->arena, conjuncts->items, sizeof(*copy->items) * (size_t)conjuncts->count);
    p->wanted = &wanted;
    TRY(plan_from(p, copy, &plan));
    p->wanted = NULL;
    *out = wanted.granted ? first_row(p, plan) : NULL;
    return ST_OK;
}

Status
plan_extremes(Planner *p, ConjunctList *conjuncts, Plan **out)
{
    const Query *q = p->query;
    Extremes x = {.rel = only_table(q)};
    Plan *sides[2] = {NULL, NULL};
    ConjunctList copy;

    *out = NULL;
    if (x.rel < 0 || q->group_count > 0 || q->has_series)
        return ST_OK;
    for (int i = 0; i < conjuncts->count; i++) {
        if (conjuncts->items[i].is_volatile || conjuncts->items[i].has_subquery)
            return ST_OK;
    }
    for (int i = 0; i < q->target_count && !x.other; i++)
        (void)note_extreme(&q->targets[i].expr, &x);
    if (q->having != NULL)
        (void)note_extreme(&(Expr *){q->having}, &x);
    if (x.other || x.column == 0)
        return ST_OK;
    if (x.least) {
        TRY(plan_extreme(p, &x, false, conjuncts, &copy, &sides[0]));
        if (sides[0] == NULL)
            return ST_OK;
    }
    if (x.greatest) {
        TRY(plan_extreme(p, &x, true, conjuncts, &copy, &sides[1]));
        if (sides[1] == NULL)
            return ST_OK;
    }
    if (x.least && x.greatest) { /* both ends: the aggregates find in two rows what is least and greatest */
        Plan *both = plan_new(p, PLAN_APPEND, sides[0]->output_count);

        both->outputs = sides[0]->outputs;
        both->append.count = 2;
        both->append.inputs = arena_memdup(p->arena, sides, sizeof(sides));
        both->rows = 2;
        both->cost = sides[0]->cost + sides[1]->cost;
        *out = both;
    } else {
        *out = x.least ? sides[0] : sides[1];
    }
    *conjuncts = copy;
    return ST_OK;
}
