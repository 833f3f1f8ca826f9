/* explain_names.c - expressions of a plan as the user would have written them.
 *
 * A slot means an output column of the node below; we follow it down to the relation, the aggregate or the
 * expression it comes from. A value handed down is shown as what its giver computes. */
#include "backend/command/explain.h"

#include "backend/bind/bind.h"

/* ---- looking the plan over ------------------------------------------------------------------------------ */

typedef struct Walk {
    Explain *x;
    int named; /* things with columns */
    Status rc;
} Walk;

static void walk_plan(Walk *w, const Plan *p, const Plan *above);

static void
note_args(Explain *x, const OuterArg *args, int count, const Plan *input, const Plan *right)
{
    for (int i = 0; i < count; i++) {
        x->outer[args[i].index] = args[i].expr;
        x->outer_input[args[i].index] = input;
        x->outer_right[args[i].index] = right;
    }
}

typedef struct SubplanWalk {
    Walk *walk;
    const Plan *input, *right;
} SubplanWalk;

static bool
walk_expr(Expr **child, void *arg)
{
    SubplanWalk *s = arg;
    Explain *x = s->walk->x;

    if (s->walk->rc == ST_OK)
        s->walk->rc = ctx_check_stack(x->cx);
    if (s->walk->rc != ST_OK)
        return false;
    if ((*child)->kind == EXPR_SUBQUERY) {
        const Subplan *sub = x->query->subplans[(*child)->subquery.plan_no];

        note_args(x, sub->args, sub->arg_count, s->input, s->right);
        walk_plan(s->walk, sub->plan, NULL);
    }
    return expr_children(*child, walk_expr, arg);
}

static void
walk_exprs(Walk *w, Expr *const *exprs, int count, const Plan *input, const Plan *right)
{
    SubplanWalk s = {w, input, right};

    for (int i = 0; i < count; i++) {
        Expr *e = exprs[i];

        if (e != NULL)
            walk_expr(&e, &s);
    }
}

static void
show_subquery(Explain *x, const Plan *p)
{
    if (x->shown_count == x->shown_capacity) {
        int capacity = MAX_OF(8, x->shown_capacity * 2);
        const Plan **list = arena_array(x->cx->arena, const Plan *, capacity);

        if (x->shown_count > 0)
            memcpy(list, x->shown_subqueries, sizeof(*list) * (size_t)x->shown_count);
        x->shown_subqueries = list;
        x->shown_capacity = capacity;
    }
    x->shown_subqueries[x->shown_count++] = p;
}

static bool
is_scan(PlanKind kind)
{
    return kind == PLAN_SCAN || kind == PLAN_INDEX_SCAN || kind == PLAN_ROWS_SCAN;
}

static void
walk_plan(Walk *w, const Plan *p, const Plan *above)
{
    Explain *x = w->x;

    if (p == NULL || w->rc != ST_OK)
        return;
    w->rc = ctx_check_stack(x->cx);
    if (w->rc != ST_OK)
        return;
    w->named += is_scan(p->kind) || p->kind == PLAN_FUNCTION || p->kind == PLAN_SUBQUERY ||
                p->kind == PLAN_CTE_SCAN || p->kind == PLAN_WORK_SCAN ||
                (p->kind == PLAN_VALUES && p->values.row_count > 1);
    if (p->kind == PLAN_MODIFY && p->modify.command == COMMAND_INSERT)
        w->named += 1 + (p->modify.on_conflict == ON_CONFLICT_DO_UPDATE); /* excluded */
    if (p->kind == PLAN_SUBQUERY && above != NULL && above->kind == PLAN_FILTER)
        show_subquery(x, p);
    if (is_scan(p->kind)) {
        walk_exprs(w, &p->filter, 1, p, NULL);
    } else if (p->kind == PLAN_NESTED_LOOP || p->kind == PLAN_HASH_JOIN) {
        note_args(x, p->join.args, p->join.arg_count, p->left, NULL);
        walk_exprs(w, &p->filter, 1, p->left, p->right);
    } else {
        walk_exprs(w, &p->filter, 1, p->left, NULL);
    }
    switch (p->kind) {
    case PLAN_PROJECT:
    case PLAN_PROJECT_SET: walk_exprs(w, p->project.exprs, p->output_count, p->left, NULL); break;
    case PLAN_AGGREGATE:
        walk_exprs(w, p->agg.groups, p->agg.group_count, p->left, NULL);
        walk_exprs(w, p->agg.aggs, p->agg.agg_count, p->left, NULL);
        break;
    case PLAN_VALUES:
        for (int i = 0; i < p->values.row_count; i++)
            walk_exprs(w, p->values.rows[i], p->output_count, NULL, NULL);
        break;
    case PLAN_LIMIT:
        walk_exprs(w, &p->limit.limit, 1, NULL, NULL);
        walk_exprs(w, &p->limit.offset, 1, NULL, NULL);
        break;
    case PLAN_FUNCTION: walk_exprs(w, &(Expr *){p->function.call}, 1, NULL, NULL); break;
    case PLAN_APPEND:
        for (int i = 0; i < p->append.count; i++)
            walk_plan(w, p->append.inputs[i], p);
        break;
    default: break;
    }
    walk_plan(w, p->left, p);
    walk_plan(w, p->right, p);
}

Status
explain_names(Explain *x)
{
    Walk w = {.x = x};
    int n = x->query->outer_count + 1;

    x->outer = arena_array(x->cx->arena, const Expr *, n);
    x->outer_input = arena_array(x->cx->arena, const Plan *, n);
    x->outer_right = arena_array(x->cx->arena, const Plan *, n);
    walk_plan(&w, x->query->plan, NULL);
    for (int i = 0; i < x->query->cte_count; i++)
        walk_plan(&w, x->query->ctes[i].plan, NULL);
    x->many = w.named > 1;
    x->prefix = x->verbose || x->many;
    return w.rc;
}

bool
explain_subquery_is_shown(const Explain *x, const Plan *plan)
{
    for (int i = 0; i < x->shown_count; i++) {
        if (x->shown_subqueries[i] == plan)
            return true;
    }
    return false;
}

/* ---- expressions ------------------------------------------------------------------------------------------ */

static void
add_name(const Explain *x, const char *table, const char *column, Buf *out)
{
    if (x->prefix && table != NULL) {
        deparse_identifier(table, out);
        buf_add_char(out, '.');
    }
    deparse_identifier(column, out);
}

static const char *
system_column_name(int column)
{
    switch (column) {
    case COLUMN_CTID: return "ctid";
    case COLUMN_XMIN: return "xmin";
    case COLUMN_CMIN: return "cmin";
    case COLUMN_XMAX: return "xmax";
    case COLUMN_CMAX: return "cmax";
    default: return "tableoid";
    }
}

static bool
is_plain(const Expr *e)
{
    return e->kind == EXPR_SLOT || e->kind == EXPR_OUTER;
}

/* What a node above computes from `e`: in parentheses when it stands for a column (inside). */
static Status
add_computed(Explain *x, const Expr *e, const Plan *input, const Plan *right, bool inside, Buf *out)
{
    const char *text;
    bool protect = inside && !is_plain(e);

    TRY(explain_expr(x, e, input, right, &text));
    buf_printf(out, "%s%s%s", protect ? "(" : "", text, protect ? ")" : "");
    return ST_OK;
}

Status
explain_column(Explain *x, const Plan *p, int slot, bool inside, Buf *out)
{
    const RangeEntry *r = p->entry;
    int column;

    TRY(ctx_check_stack(x->cx));
    switch (p->kind) {
    case PLAN_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_ROWS_SCAN:
        column = p->scan.columns[slot];
        add_name(x, p->scan.alias, column > 0 ? r->columns[column - 1].name : system_column_name(column), out);
        return ST_OK;
    case PLAN_VALUES:
        if (p->values.row_count == 1)
            return add_computed(x, p->values.rows[0][slot], NULL, NULL, inside, out);
        add_name(x, r != NULL ? r->alias : NULL, r->columns[slot].name, out);
        return ST_OK;
    case PLAN_CTE_SCAN:
    case PLAN_WORK_SCAN:
    case PLAN_FUNCTION: add_name(x, r->alias, r->columns[slot].name, out); return ST_OK;
    case PLAN_SUBQUERY:
        if (!explain_subquery_is_shown(x, p))
            return explain_column(x, p->left, slot, inside, out);
        add_name(x, r->alias, r->columns[slot].name, out);
        return ST_OK;
    case PLAN_PROJECT:
    case PLAN_PROJECT_SET: return add_computed(x, p->project.exprs[slot], p->left, NULL, inside, out);
    case PLAN_NESTED_LOOP:
    case PLAN_HASH_JOIN:
        return slot < p->left->output_count
                   ? explain_column(x, p->left, slot, inside, out)
                   : explain_column(x, p->right, slot - p->left->output_count, inside, out);
    case PLAN_AGGREGATE:
        if (slot < p->agg.group_count)
            return add_computed(x, p->agg.groups[slot], p->left, NULL, inside, out);
        return add_computed(x, p->agg.aggs[slot - p->agg.group_count], p->left, NULL, inside, out);
    case PLAN_APPEND: return explain_column(x, p->append.inputs[0], slot, inside, out);
    case PLAN_MODIFY: return add_computed(x, p->modify.returning[slot], p, NULL, inside, out);
    default: ASSERT(p->left != NULL); return explain_column(x, p->left, slot, inside, out);
    }
}

/* RETURNING is computed over the changed row, its ctid and tableoid, and the columns from below. */
static Status
returning_column(Explain *x, const Plan *p, int slot, Buf *out)
{
    const TableInfo *t = p->modify.table;
    int n = t->column_count;

    if (slot >= n + 2 && x->in_conflict) {
        add_name(x, "excluded", t->columns[slot - n - 2].name, out);
        return ST_OK;
    }
    if (slot >= n + 2)
        return explain_column(x, p->left, slot - n - 2, true, out);
    add_name(x, t->name, slot < n ? t->columns[slot].name : slot == n ? "ctid" : "tableoid", out);
    return ST_OK;
}

static Status
show_slot(void *arg, const Expr *e, Buf *out)
{
    Explain *x = arg;
    int slot = e->slot.index;

    if (x->input == NULL) {
        buf_add_text(out, "?");
        return ST_OK;
    }
    if (x->input->kind == PLAN_MODIFY)
        return returning_column(x, x->input, slot, out);
    if (x->at_aggregate && x->input->kind == PLAN_AGGREGATE && slot >= x->input->agg.group_count)
        return explain_column(x, x->input, slot, false, out);
    if (slot < x->input->output_count)
        return explain_column(x, x->input, slot, true, out);
    if (x->right != NULL)
        return explain_column(x, x->right, slot - x->input->output_count, true, out);
    buf_add_text(out, "?");
    return ST_OK;
}

static Status
show_outer(void *arg, const Expr *e, Buf *out)
{
    Explain *x = arg;
    int no = e->slot.index;
    bool saved = x->prefix;
    const char *text;
    Status rc;

    if (x->outer[no] == NULL) {
        buf_printf(out, "$%d", no);
        return ST_OK;
    }
    x->prefix = true; /* it is another query's column */
    rc = explain_expr(x, x->outer[no], x->outer_input[no], x->outer_right[no], &text);
    x->prefix = saved;
    TRY(rc);
    buf_printf(out, is_plain(x->outer[no]) ? "%s" : "(%s)", text);
    return ST_OK;
}

static Status
show_subplan(void *arg, const Expr *e, Buf *out)
{
    Explain *x = arg;
    int no = e->subquery.plan_no;
    const Subplan *sub = x->query->subplans[no];

    if (sub->kind == SUBLINK_ANY || sub->kind == SUBLINK_ALL || sub->arg_count > 0)
        buf_printf(out, "(%sSubPlan %d)", sub->hashable ? "hashed " : "", no + 1);
    else
        buf_printf(out, "$%d", no);
    return ST_OK;
}

Status
explain_expr(Explain *x, const Expr *e, const Plan *input, const Plan *right, const char **out)
{
    DeparseHooks hooks = {
        .slot = show_slot, .outer = show_outer, .subquery = show_subplan, .params = x->params, .arg = x};
    const Plan *saved_input = x->input, *saved_right = x->right;
    Buf b = {0};
    Status rc;

    x->input = input;
    x->right = right;
    rc = expr_deparse_plan(x->cx, e, &hooks, &b);
    x->input = saved_input;
    x->right = saved_right;
    if (rc == ST_OK)
        *out = arena_strdup(x->cx->arena, buf_cstr(&b));
    buf_free(&b);
    return rc;
}
