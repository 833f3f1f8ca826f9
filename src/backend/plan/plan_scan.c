/* plan_scan.c - how one relation is read: page by page, or through an index.
 *
 * An index serves when its leading keys are compared with values known before the scan starts:
 * constants, parameters, or values handed down from the left side of a join. */
#include "backend/plan/plan_int.h"

/* Costs in units of one page read in sequence. */
static const double COST_ROW = 0.005, COST_DESCENT = 0.05, COST_FETCH = 0.02, COST_SORT = 0.01,
                    COST_TOP = 0.003;
static const double DEFAULT_ROWS = 1000, DEFAULT_EQUAL = 0.005, DEFAULT_RANGE = 0.33, DEFAULT_OTHER = 0.5;

static const Expr *
strip(const Expr *e)
{
    while (e->kind == EXPR_RELABEL)
        e = e->unary.arg;
    return e;
}

static bool
is_column_of(const Expr *e, int rel, int *column)
{
    e = strip(e);
    if (e->kind != EXPR_COLUMN || e->column.levels_up != 0 || e->column.rel != rel)
        return false;
    *column = e->column.column;
    return true;
}

static double
table_rows(Planner *p, const TableInfo *t)
{
    HeapStats stats;

    if (t->kind != TABLE_HEAP)
        return t->row_estimate > 0 ? t->row_estimate : DEFAULT_ROWS;
    heap_stats(p->cx, &t->heap, &stats);
    return MAX_OF((double)stats.live_rows, 1);
}

static double
equal_selectivity(const RangeEntry *r, int column, double rows)
{
    double distinct;

    if (column <= 0 || r->kind != RANGE_TABLE)
        return DEFAULT_EQUAL;
    for (int i = 0; i < r->table->index_count; i++) {
        const IndexInfo *x = &r->table->indexes[i];

        if (x->unique && x->key_count == 1 && x->keys[0].column == column)
            return 1 / MAX_OF(rows, 1);
    }
    distinct = r->table->columns[column - 1].distinct;
    if (distinct == 0)
        return DEFAULT_EQUAL;
    if (distinct < 0)
        distinct = -distinct * rows;
    return 1 / MAX_OF(distinct, 1);
}

double
filter_selectivity(const RangeEntry *r, const Expr *e)
{
    double rows = r->kind == RANGE_TABLE && r->table->row_estimate > 0 ? r->table->row_estimate : DEFAULT_ROWS;

    switch (e->kind) {
    case EXPR_AND: {
        double s = 1;

        for (int i = 0; i < e->list.count; i++)
            s *= filter_selectivity(r, e->list.items[i]);
        return s;
    }
    case EXPR_OR: {
        double miss = 1;

        for (int i = 0; i < e->list.count; i++)
            miss *= 1 - filter_selectivity(r, e->list.items[i]);
        return 1 - miss;
    }
    case EXPR_NOT: return 1 - filter_selectivity(r, e->unary.arg);
    case EXPR_NULL_TEST: return e->unary.is_not ? 0.99 : 0.01;
    case EXPR_SCALAR_ARRAY: return MIN_OF(1, 10 * DEFAULT_EQUAL);
    case EXPR_CALL:
        if (e->call.oper == NULL)
            return DEFAULT_OTHER;
        if (e->call.oper->strategy == 3) {
            for (int i = 0; i < e->call.arg_count; i++) {
                const Expr *a = strip(e->call.args[i]);

                if (a->kind == EXPR_COLUMN && a->column.levels_up == 0)
                    return equal_selectivity(r, a->column.column, rows);
            }
            return DEFAULT_EQUAL;
        }
        return e->call.oper->strategy != 0 ? DEFAULT_RANGE : DEFAULT_OTHER;
    default: return DEFAULT_OTHER;
    }
}

/* ---- matching conditions with index keys ------------------------------------------------------------- */

/* A value of type `given` can be turned into a key of type `key` (see exec/key.h). */
static bool
key_compatible(Oid key, Oid given)
{
    const TypeInfo *k = type_by_oid(key), *g = type_by_oid(given);
    bool key_int = key == TYPE_INT2 || key == TYPE_INT4 || key == TYPE_INT8;
    bool given_int = given == TYPE_INT2 || given == TYPE_INT4 || given == TYPE_INT8;

    if (key == given || (key_int && given_int))
        return true;
    return k->category == 'S' && g->category == 'S' && key != TYPE_BPCHAR && given != TYPE_BPCHAR;
}

/* Turned around: 5 < x is x > 5. */
static char
mirrored(char strategy)
{
    return (char)(6 - strategy);
}

typedef struct Match {
    char strategy; /* 1..5; 'n' IS NULL; 'a' = ANY */
    Expr *value;
} Match;

static bool
match_condition(const Conjunct *c, int rel, uint64_t known, int column, Oid key_type, Match *out)
{
    Expr *e = c->expr;
    int found;

    if (c->used || c->is_volatile || c->has_subquery)
        return false;
    if (e->kind == EXPR_NULL_TEST && !e->unary.is_not && is_column_of(e->unary.arg, rel, &found) &&
        found == column) {
        *out = (Match){'n', NULL};
        return true;
    }
    if (e->kind == EXPR_SCALAR_ARRAY && !e->binary.use_all && e->binary.oper->strategy == 3 &&
        is_column_of(e->binary.left, rel, &found) && found == column &&
        (expr_rels(e->binary.right) & ~known) == 0 &&
        key_compatible(key_type, type_by_oid(e->binary.right->type)->elem)) {
        *out = (Match){'a', e->binary.right};
        return true;
    }
    if (e->kind != EXPR_CALL || e->call.oper == NULL || e->call.oper->strategy == 0 || e->call.arg_count != 2)
        return false;
    for (int side = 0; side < 2; side++) {
        Expr *other = e->call.args[1 - side];

        if (!is_column_of(e->call.args[side], rel, &found) || found != column)
            continue;
        if ((expr_rels(other) & ~known) != 0 || !key_compatible(key_type, other->type) ||
            expr_is_volatile(other))
            continue;
        out->strategy = side == 0 ? e->call.oper->strategy : mirrored(e->call.oper->strategy);
        out->value = other;
        return true;
    }
    return false;
}

typedef struct IndexChoice {
    const IndexInfo *index;
    IndexBoundPlan bound; /* not resolved yet */
    bool one_row;
    double selectivity;
    int matched; /* conjuncts: bits of the list */
    uint64_t taken[4];
} IndexChoice;

static void
take(IndexChoice *choice, int conjunct)
{
    if (conjunct < 256)
        choice->taken[conjunct / 64] |= UINT64_C(1) << (conjunct % 64);
    choice->matched++;
}

/* Fits one index to the conditions. known: relations whose values are there before the scan. */
static bool
fit_index(const RangeEntry *r, int rel, const IndexInfo *x, const ConjunctList *list, uint64_t known,
          double rows, IndexChoice *choice)
{
    *choice = (IndexChoice){.index = x, .selectivity = 1};
    if (x->predicate != NULL)
        return false;
    for (int k = 0; k < x->key_count; k++) {
        bool equal = false, ranged = false;

        if (x->keys[k].column <= 0)
            break;
        for (int i = 0; i < list->count && !equal; i++) {
            Match m;

            if (!match_condition(&list->items[i], rel, known, x->keys[k].column, x->keys[k].type, &m))
                continue;
            if (m.strategy == 3 || m.strategy == 'n') {
                choice->bound.equal[choice->bound.equal_count++] = m.value;
                choice->selectivity *= equal_selectivity(r, x->keys[k].column, rows);
                take(choice, i);
                equal = true;
            }
        }
        for (int i = 0; i < list->count && !equal; i++) {
            Match m;
            IndexBoundPlan *b = &choice->bound;

            if (!match_condition(&list->items[i], rel, known, x->keys[k].column, x->keys[k].type, &m))
                continue;
            if (m.strategy == 'a' && !ranged && b->in_array == NULL) {
                b->in_array = m.value;
                choice->selectivity *= MIN_OF(1, 10 * equal_selectivity(r, x->keys[k].column, rows));
            } else if ((m.strategy == 1 || m.strategy == 2) && b->high == NULL && b->in_array == NULL) {
                b->high = m.value;
                b->high_inclusive = m.strategy == 2;
                choice->selectivity *= DEFAULT_RANGE;
            } else if ((m.strategy == 4 || m.strategy == 5) && b->low == NULL && b->in_array == NULL) {
                b->low = m.value;
                b->low_inclusive = m.strategy == 4;
                choice->selectivity *= DEFAULT_RANGE;
            } else {
                continue;
            }
            take(choice, i);
            ranged = true;
        }
        if (!equal)
            break;
    }
    choice->one_row = x->unique && choice->bound.equal_count == x->key_count;
    for (int k = 0; k < choice->bound.equal_count; k++)
        choice->one_row &= choice->bound.equal[k] != NULL;
    if (choice->one_row)
        choice->selectivity = 1 / MAX_OF(rows, 1);
    return choice->matched > 0;
}

static Status
resolve_bound(Planner *p, IndexBoundPlan *b)
{
    for (int i = 0; i < b->equal_count; i++) {
        if (b->equal[i] != NULL)
            TRY(resolve_expr(p, b->equal[i], NULL, 0, &b->equal[i]));
    }
    if (b->low != NULL)
        TRY(resolve_expr(p, b->low, NULL, 0, &b->low));
    if (b->high != NULL)
        TRY(resolve_expr(p, b->high, NULL, 0, &b->high));
    if (b->in_array != NULL)
        TRY(resolve_expr(p, b->in_array, NULL, 0, &b->in_array));
    return ST_OK;
}

/* The scan's output: every column that something uses. */
static Plan *
scan_plan(Planner *p, int rel, PlanKind kind)
{
    const RangeEntry *r = p->query->range[rel];
    const Query *q = p->query;
    bool whole = rel == q->result_rel &&
                 (q->command == COMMAND_UPDATE || (q->command == COMMAND_DELETE && q->returning_count > 0));
    static const int16_t system[] = {COLUMN_CTID, COLUMN_XMIN, COLUMN_CMIN,
                                     COLUMN_XMAX, COLUMN_CMAX, COLUMN_TABLEOID};
    int16_t *columns = arena_array(p->arena, int16_t, r->column_count + 7);
    int count = 0;
    Plan *plan;

    for (int c = 0; c < r->column_count; c++) {
        if (r->used[c] || whole)
            columns[count++] = (int16_t)(c + 1);
    }
    if (r->used_system) {
        for (size_t i = 0; i < COUNT_OF(system); i++)
            columns[count++] = system[i];
    } else if (r->used_ctid || (q->command != COMMAND_SELECT && r->table->kind == TABLE_HEAP)) {
        columns[count++] = COLUMN_CTID; /* the row's name */
    }
    plan = plan_new(p, kind, count);
    for (int i = 0; i < count; i++) {
        Oid type = columns[i] > 0                                           ? r->columns[columns[i] - 1].type
                   : columns[i] == COLUMN_CTID                              ? TYPE_TID
                   : columns[i] == COLUMN_TABLEOID                          ? TYPE_OID
                   : columns[i] == COLUMN_XMIN || columns[i] == COLUMN_XMAX ? TYPE_XID
                                                                            : TYPE_CID;

        plan->outputs[i] =
            expr_new(p->arena, EXPR_COLUMN, type, columns[i] > 0 ? r->columns[columns[i] - 1].typmod : -1, -1);
        plan->outputs[i]->column.rel = rel;
        plan->outputs[i]->column.column = columns[i];
    }
    plan->rel = rel;
    plan->entry = r;
    plan->scan.table = r->table;
    plan->scan.alias = r->alias;
    plan->scan.columns = columns;
    plan->scan.rel_no = p->rel_numbers[rel];
    if (kind == PLAN_ROWS_SCAN)
        planner_note_seen(p, rel, plan);
    return plan;
}

/* Conditions on this relation alone (and values known from outside), as filter and recheck. */
static Status
add_filters(Planner *p, Plan *plan, int rel, uint64_t known, ConjunctList *list, const IndexChoice *choice)
{
    Expr **filter = arena_array(p->arena, Expr *, list->count + 1);
    Expr **all = arena_array(p->arena, Expr *, list->count + 1);
    Expr **by = arena_array(p->arena, Expr *, list->count + 1);
    int filter_count = 0, all_count = 0, by_count = 0;
    uint64_t mine = UINT64_C(1) << rel;

    for (int i = 0; i < list->count; i++) {
        Conjunct *c = &list->items[i];
        bool by_index = choice != NULL && i < 256 && (choice->taken[i / 64] >> (i % 64) & 1);
        Expr *e;

        if (c->used || (c->rels & ~(mine | known)) != 0 || (c->rels & mine) == 0)
            continue;
        TRY(resolve_over(p, c->expr, plan, &e));
        all[all_count++] = e;
        c->used = true;
        if (by_index) {
            by[by_count++] = e;
            continue;
        }
        filter[filter_count++] = e;
        plan->rows *= filter_selectivity(p->query->range[rel], c->expr);
    }
    plan->filter = and_together(p, filter, filter_count);
    if (plan->kind == PLAN_SCAN)
        plan_scan_tests(p, plan, filter, filter_count);
    plan->scan.recheck = and_together(p, all, all_count);
    plan->scan.index_condition = and_together(p, by, by_count);
    plan->rows = MAX_OF(plan->rows, 1);
    return ST_OK;
}

static const IndexInfo *
best_index(Planner *p, int rel, const ConjunctList *list, uint64_t known, double rows, IndexChoice *best)
{
    const RangeEntry *r = p->query->range[rel];
    const IndexInfo *found = NULL;

    for (int i = 0; i < r->table->index_count; i++) {
        IndexChoice choice;

        if (!fit_index(r, rel, &r->table->indexes[i], list, known, rows, &choice))
            continue;
        if (found == NULL || choice.selectivity < best->selectivity ||
            (choice.selectivity == best->selectivity && choice.one_row && !best->one_row)) {
            *best = choice;
            found = choice.index;
        }
    }
    return found;
}

static Status
index_plan(Planner *p, int rel, uint64_t known, ConjunctList *list, IndexChoice *choice, double rows,
           Plan **out)
{
    Plan *plan = scan_plan(p, rel, PLAN_INDEX_SCAN);

    plan->scan.index = choice->index;
    plan->scan.bound = choice->bound;
    plan->scan.one_row = choice->one_row;
    TRY(resolve_bound(p, &plan->scan.bound));
    plan->rows = MAX_OF(rows * choice->selectivity, 1);
    plan->cost = COST_DESCENT + plan->rows * COST_FETCH;
    TRY(add_filters(p, plan, rel, known, list, choice));
    *out = plan;
    return ST_OK;
}

/* How much of the relation passes its own conditions. */
static double
conditions_selectivity(const RangeEntry *r, int rel, const ConjunctList *list)
{
    double s = 1;

    for (int i = 0; i < list->count; i++) {
        if (!list->items[i].used && list->items[i].rels == UINT64_C(1) << rel)
            s *= filter_selectivity(r, list->items[i].expr);
    }
    return s;
}

/* An index that gives the wanted order, if that is cheaper than `cost` and a sort. */
static bool
ordered_index(Planner *p, int rel, const ConjunctList *list, double rows, double cost, IndexChoice *best,
              bool *best_backward)
{
    const RangeEntry *r = p->query->range[rel];
    const WantedOrder *w = p->wanted;
    double result = rows * conditions_selectivity(r, rel, list), best_cost;
    bool found = false;

    if (w == NULL || w->rel != rel)
        return false;
    best_cost = cost + result * (w->limit_rows > 0 ? COST_TOP : COST_SORT);
    for (int i = 0; i < r->table->index_count; i++) {
        const IndexInfo *x = &r->table->indexes[i];
        IndexChoice choice;
        double visited, index_cost;
        bool backward;

        (void)fit_index(r, rel, x, list, 0, rows, &choice);
        if (x->predicate != NULL || choice.bound.in_array != NULL ||
            !index_gives_order(r->table, x, choice.bound.equal_count, w, &backward))
            continue;
        visited = rows * choice.selectivity;
        if (w->limit_rows > 0 && result > w->limit_rows)
            visited *= w->limit_rows / result;
        index_cost = COST_DESCENT + visited * COST_FETCH;
        if (index_cost >= best_cost)
            continue;
        /* nulls of the first wanted key, which may be the next one of the index */
        choice.bound.not_null = w->not_null && choice.bound.equal_count < x->key_count &&
                                x->keys[choice.bound.equal_count].column == w->keys[0].column;
        *best = choice;
        *best_backward = backward;
        best_cost = index_cost;
        found = true;
    }
    return found;
}

Status
plan_base_table(Planner *p, int rel, ConjunctList *list, Plan **out)
{
    const RangeEntry *r = p->query->range[rel];
    double rows = table_rows(p, r->table), cost = rows * COST_ROW + 0.02;
    IndexChoice choice, ordered;
    bool backward;
    Plan *plan;

    if (r->table->kind == TABLE_HEAP && p->wanted != NULL) {
        bool by_index = best_index(p, rel, list, 0, rows, &choice) != NULL;

        if (by_index)
            cost = MIN_OF(cost, COST_DESCENT + rows * choice.selectivity * COST_FETCH);
        if (!(by_index && choice.one_row) && ordered_index(p, rel, list, rows, cost, &ordered, &backward)) {
            TRY(index_plan(p, rel, 0, list, &ordered, rows, out));
            (*out)->scan.backward = backward;
            p->wanted->granted = true;
            return ST_OK;
        }
    }
    if (r->table->kind == TABLE_HEAP && best_index(p, rel, list, 0, rows, &choice) != NULL) {
        double index_cost = COST_DESCENT + rows * choice.selectivity * COST_FETCH;

        if (choice.one_row || index_cost < rows * COST_ROW + 0.02)
            return index_plan(p, rel, 0, list, &choice, rows, out);
    }
    plan = scan_plan(p, rel, r->table->kind == TABLE_HEAP ? PLAN_SCAN : PLAN_ROWS_SCAN);
    plan->rows = rows;
    plan->cost = rows * COST_ROW;
    TRY(add_filters(p, plan, rel, 0, list, NULL));
    *out = plan;
    return ST_OK;
}

Status
plan_inner_index(Planner *p, JoinUnit *unit, uint64_t left_rels, ConjunctList *list, Plan **out)
{
    double rows = table_rows(p, unit->table->table);
    IndexChoice choice;

    *out = NULL;
    if (unit->table->table->kind != TABLE_HEAP ||
        best_index(p, unit->rel, list, left_rels, rows, &choice) == NULL)
        return ST_OK;
    for (int i = 0; i < list->count && i < 256; i++) {
        if (!(choice.taken[i / 64] >> (i % 64) & 1) || (list->items[i].rels & left_rels) == 0)
            continue;
        planner_lateral_begin(p);
        TRY(index_plan(p, unit->rel, left_rels, list, &choice, rows, out));
        planner_lateral_end(p, &unit->needs, &unit->need_count);
        return ST_OK;
    }
    return ST_OK; /* the join adds nothing to what the relation's own conditions give */
}
