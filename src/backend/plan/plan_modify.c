/* plan_modify.c - INSERT, UPDATE and DELETE: a plan that finds the rows, and one node that changes
 * them. What that node's input columns are, is written at each of the three. */
#include "backend/plan/plan_int.h"

static Plan *
modify_node(Planner *p, const Query *q, Plan *input)
{
    Plan *m = plan_new(p, PLAN_MODIFY, q->returning_count);

    m->left = input;
    m->entry = q->range[q->result_rel];
    m->rows = input->rows;
    m->cost = input->cost + input->rows * 0.05;
    m->modify.command = q->command;
    m->modify.table = q->range[q->result_rel]->table;
    m->modify.rel_no = p->rel_numbers[q->result_rel];
    m->modify.ctid_slot = -1;
    for (int i = 0; i < q->returning_count; i++)
        m->outputs[i] = q->returning[i].expr;
    return m;
}

static Status
plan_checks(Planner *p, const Query *q, Plan *m)
{
    m->modify.check_count = q->check_count;
    m->modify.checks = arena_array(p->arena, Expr *, MAX_OF(q->check_count, 1));
    for (int i = 0; i < q->check_count; i++)
        TRY(plan_row_expression(p->cx, p->arena, &p->statement->state_count, q->checks[i],
                                &m->modify.checks[i]));
    return ST_OK;
}

/* RETURNING is computed over the changed row's columns (and ctid, tableoid) followed by the input's. */
static Status
plan_returning(Planner *p, const Query *q, Plan *m)
{
    const TableInfo *t = m->modify.table;
    int n = t->column_count, total = n + 2 + m->left->output_count;
    Expr **inputs = arena_array(p->arena, Expr *, total);

    for (int c = 0; c < n + 2; c++) {
        int column = c < n ? c + 1 : c == n ? COLUMN_CTID : COLUMN_TABLEOID;

        inputs[c] = expr_new(p->arena, EXPR_COLUMN,
                             c < n    ? t->columns[c].type
                             : c == n ? TYPE_TID
                                      : TYPE_OID,
                             -1, -1);
        inputs[c]->column.rel = q->result_rel;
        inputs[c]->column.column = column;
    }
    memcpy(inputs + n + 2, m->left->outputs, sizeof(Expr *) * (size_t)m->left->output_count);
    m->modify.returning_count = q->returning_count;
    m->modify.returning = arena_array(p->arena, Expr *, MAX_OF(q->returning_count, 1));
    for (int i = 0; i < q->returning_count; i++)
        TRY(resolve_expr(p, q->returning[i].expr, inputs, total, &m->modify.returning[i]));
    return ST_OK;
}

static bool
assigns_column(const int *columns, int count, int column)
{
    for (int i = 0; i < count; i++) {
        if (columns[i] == column)
            return true;
    }
    return false;
}

static void
note_touched_indexes(Planner *p, const int *columns, int count, Plan *m)
{
    const TableInfo *t = m->modify.table;

    m->modify.index_touched = arena_array(p->arena, bool, MAX_OF(t->index_count, 1));
    for (int i = 0; i < t->index_count; i++) {
        const IndexInfo *x = &t->indexes[i];
        bool touched = x->predicate != NULL;

        for (int k = 0; k < x->key_count; k++)
            touched |= x->keys[k].column <= 0 || assigns_column(columns, count, x->keys[k].column);
        m->modify.index_touched[i] = touched;
        m->modify.keys_changed |= touched;
    }
}

static Status
plan_on_conflict(Planner *p, const Query *q, Plan *m)
{
    const TableInfo *t = m->modify.table;
    int n = t->column_count, total = 2 * n + 2;
    Expr **inputs = arena_array(p->arena, Expr *, total);

    m->modify.on_conflict = q->on_conflict;
    m->modify.arbiters_named = q->arbiters_named;
    m->modify.arbiter_count = q->arbiter_count;
    m->modify.arbiters = q->arbiters;
    if (q->on_conflict != ON_CONFLICT_DO_UPDATE)
        return ST_OK;
    for (int i = 0; i < total; i++) {
        int column = i < n ? i + 1 : i == n ? COLUMN_CTID : i == n + 1 ? COLUMN_TABLEOID : i - n - 1;
        Oid type = column > 0 ? t->columns[column - 1].type : column == COLUMN_CTID ? TYPE_TID : TYPE_OID;

        inputs[i] = expr_new(p->arena, EXPR_COLUMN, type, -1, -1);
        inputs[i]->column.rel = i < n + 2 ? q->result_rel : q->excluded_rel;
        inputs[i]->column.column = column;
    }
    m->modify.conflict_count = q->conflict_count;
    m->modify.conflict_columns = q->conflict_columns;
    m->modify.conflict_values = arena_array(p->arena, Expr *, MAX_OF(q->conflict_count, 1));
    for (int i = 0; i < q->conflict_count; i++)
        TRY(resolve_expr(p, q->conflict_targets[i].expr, inputs, total, &m->modify.conflict_values[i]));
    if (q->conflict_where != NULL)
        TRY(resolve_expr(p, q->conflict_where, inputs, total, &m->modify.conflict_where));
    note_touched_indexes(p, q->conflict_columns, q->conflict_count, m);
    return ST_OK;
}

/* Input: one column for each column of the table. */
static Status
plan_insert(PlanStatement *s, Planner *p, const Query *q, Plan **out)
{
    Plan *source, *project;
    Expr **inputs;
    int width = 0;

    if (q->source != NULL) {
        Planner inner;

        TRY(plan_level(s, q->source, &inner, &source));
        for (int i = 0; i < q->source->target_count; i++)
            width += !q->source->targets[i].junk;
    } else {
        source = plan_new(p, PLAN_RESULT, 0);
        source->rows = 1;
    }
    inputs = arena_array(p->arena, Expr *, MAX_OF(width, 1));
    for (int i = 0; i < width; i++) { /* the binder calls the source's output rel -1 */
        inputs[i] = expr_new(p->arena, EXPR_COLUMN, source->outputs[i]->type, source->outputs[i]->typmod, -1);
        inputs[i]->column.rel = -1;
        inputs[i]->column.column = i + 1;
    }
    project = plan_new(p, PLAN_PROJECT, q->target_count);
    project->left = source;
    project->rows = source->rows;
    project->cost = source->cost;
    project->project.exprs = arena_array(p->arena, Expr *, MAX_OF(q->target_count, 1));
    for (int i = 0; i < q->target_count; i++) {
        TRY(resolve_expr(p, q->targets[i].expr, inputs, width, &project->project.exprs[i]));
        project->outputs[i] = q->targets[i].expr;
    }
    *out = modify_node(p, q, project);
    TRY(plan_checks(p, q, *out));
    if (q->on_conflict != ON_CONFLICT_FAIL)
        TRY(plan_on_conflict(p, q, *out));
    return plan_returning(p, q, *out);
}

/* Every other base table's ctid travels along, and the rows of what is none, so that the re-check can hold them fixed (R4). */
static void
note_marks(Planner *p, const Query *q, Plan *m, const Plan *rows)
{
    m->modify.mark_slots = arena_array(p->arena, int, q->range_count + 1);
    m->modify.mark_rels = arena_array(p->arena, int, q->range_count + 1);
    for (int i = 0; i < q->range_count; i++) {
        int slot;

        if (i == q->result_rel || q->range[i]->kind != RANGE_TABLE || q->range[i]->table->kind != TABLE_HEAP)
            continue;
        slot = find_output(rows, i, COLUMN_CTID);
        if (slot < 0)
            continue;
        m->modify.mark_slots[m->modify.mark_count] = slot;
        m->modify.mark_rels[m->modify.mark_count++] = p->rel_numbers[i];
    }
    m->modify.seen = seen_marks(p, rows, &m->modify.seen_count);
}

/* Input: all columns of FROM, then (UPDATE) the new values in the order of assign_columns. */
static Status
plan_change(Planner *p, const Query *q, Plan **out)
{
    ConjunctList conjuncts = {0};
    Plan *rows, *project, *m;
    int n;

    TRY(collect_conjuncts(p, q->where, &conjuncts));
    TRY(plan_from(p, &conjuncts, &rows));
    n = rows->output_count;
    project = rows;
    if (q->command == COMMAND_UPDATE) {
        project = plan_new(p, PLAN_PROJECT, n + q->target_count);
        project->left = rows;
        project->rows = rows->rows;
        project->cost = rows->cost;
        project->project.exprs = arena_array(p->arena, Expr *, n + q->target_count);
        for (int i = 0; i < n + q->target_count; i++) {
            Expr *e = i < n ? rows->outputs[i] : q->targets[i - n].expr;

            project->outputs[i] = e;
            TRY(resolve_over(p, e, rows, &project->project.exprs[i]));
        }
    }
    m = modify_node(p, q, project);
    m->modify.ctid_slot = find_output(rows, q->result_rel, COLUMN_CTID);
    ASSERT(m->modify.ctid_slot >= 0);
    note_marks(p, q, m, rows);
    m->modify.first_column_slot = -1; /* or all columns follow it: the scan gives all if they are wanted */
    if (q->command == COMMAND_UPDATE || q->returning_count > 0)
        m->modify.first_column_slot = find_output(rows, q->result_rel, 1);
    if (q->command == COMMAND_UPDATE) {
        m->modify.assign_count = q->assign_count;
        m->modify.assign_columns = q->assign_columns;
        m->modify.first_value_slot = n;
        note_touched_indexes(p, q->assign_columns, q->assign_count, m);
        TRY(plan_checks(p, q, m));
    }
    *out = m;
    return plan_returning(p, q, m);
}

Status
plan_modify(PlanStatement *s, const Query *q, PlannedQuery *result, Plan **out)
{
    Planner p = {.statement = s, .cx = s->cx, .arena = s->arena, .query = q};

    (void)result;
    planner_number_range(&p);
    return q->command == COMMAND_INSERT ? plan_insert(s, &p, q, out) : plan_change(&p, q, out);
}
