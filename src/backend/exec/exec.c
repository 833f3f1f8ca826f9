/* exec.c - making operators, handing on calls, closing everything whatever happened. */
#include "backend/exec/exec_int.h"

#include "backend/exec/subplan.h"
#include "base/env.h"
#include "shmem/proc/proc.h"

static Status (*const makers[PLAN_KIND_COUNT])(Execution *e, const Plan *plan, Op **out) = {
    [PLAN_RESULT] = result_op,           [PLAN_SCAN] = scan_op,
    [PLAN_INDEX_SCAN] = index_scan_op,   [PLAN_ROWS_SCAN] = rows_scan_op,
    [PLAN_VALUES] = values_op,           [PLAN_FUNCTION] = function_op,
    [PLAN_SUBQUERY] = subquery_op,       [PLAN_FILTER] = filter_op,
    [PLAN_PROJECT] = project_op,         [PLAN_PROJECT_SET] = project_set_op,
    [PLAN_NESTED_LOOP] = nested_loop_op, [PLAN_HASH_JOIN] = hash_join_op,
    [PLAN_AGGREGATE] = aggregate_op,     [PLAN_SORT] = sort_op,
    [PLAN_UNIQUE] = unique_op,           [PLAN_LIMIT] = limit_op,
    [PLAN_APPEND] = append_op,           [PLAN_SET_OP] = set_operation_op,
    [PLAN_LOCK_ROWS] = lock_rows_op,     [PLAN_MODIFY] = modify_op,
    [PLAN_CTE_SCAN] = cte_scan_op,       [PLAN_RECURSIVE] = recursive_op,
    [PLAN_WORK_SCAN] = work_scan_op,
};

Status
op_new(Execution *e, const Plan *plan, Op **out)
{
    ASSERT(makers[plan->kind] != NULL);
    TRY(ctx_check_stack(e->cx));
    return makers[plan->kind](e, plan, out);
}

void *
op_alloc(Execution *e, const Plan *plan, size_t bytes, const OpClass *class)
{
    Op *op = arena_zalloc(e->arena, bytes);

    op->class = class;
    op->plan = plan;
    op->e = e;
    arena_init(&op->scratch, "operator", e->cx->arena->budget);
    if (e->op_count == e->op_capacity) {
        int capacity = MAX_OF(8, e->op_capacity * 2);
        Op **ops = arena_array(e->arena, Op *, capacity);

        if (e->op_count > 0)
            memcpy(ops, e->ops, sizeof(*ops) * (size_t)e->op_count);
        e->ops = ops;
        e->op_capacity = capacity;
    }
    e->ops[e->op_count++] = op;
    if (e->instrumented) /* of a subquery, made when it is first run */
        op->count = arena_new(e->arena, ExecCount);
    return op;
}

Status
op_children(Op *op)
{
    if (op->plan->left != NULL)
        TRY(op_new(op->e, op->plan->left, &op->left));
    if (op->plan->right != NULL)
        TRY(op_new(op->e, op->plan->right, &op->right));
    return ST_OK;
}

bool
op_park_stateless(Op *op)
{
    (void)op;
    return true;
}

static Status
counted_next(Op *op, uint64_t budget, Batch **out)
{
    Ctx *cx = op->e->cx;
    ExecCount *c = op->count;
    bool timed = op->e->timed;
    uint64_t start = timed ? env_mono_us(cx->env) : 0, pages = proc_page_count(cx->proc);
    Status rc;

    if (c->loops == 0) {
        c->loops = 1;
        c->waiting = true;
    }
    rc = op->class->next(op, budget, out);
    if (timed)
        c->time_us += env_mono_us(cx->env) - start;
    c->pages += proc_page_count(cx->proc) - pages;
    if (c->waiting)
        c->first_us = c->time_us;
    c->waiting &= rc == ST_OK && *out == NULL;
    if (rc == ST_OK && *out != NULL)
        c->rows += (*out)->rows.count;
    return rc;
}

/* The row of a part of FROM that is no heap table, while another that it was joined to is checked again (R4). */
static void
give_copy(Op *op, const FixedRow *fixed, Batch **out)
{
    const Plan *plan = op->plan;

    *out = NULL;
    if (op->is_given)
        return;
    op->is_given = true;
    arena_reset(&op->scratch);
    op->out = (Batch){.columns = arena_array(&op->scratch, Vector, MAX_OF(plan->output_count, 1)),
                      .column_count = plan->output_count,
                      .capacity = 1,
                      .rows = {NULL, 1}};
    for (int i = 0; i < plan->output_count; i++)
        vector_of(&op->out.columns[i], &op->scratch, &fixed->values[i],
                  type_by_oid(plan->outputs[i]->type)->phys);
    *out = &op->out;
}

static const FixedRow *
fixed_copy(const Op *op)
{
    const FixedRow *fixed = op->plan->seen_no != 0 ? &op->e->fixed[op->plan->seen_no - 1] : NULL;

    return fixed != NULL && fixed->kind == FIXED_COPY ? fixed : NULL;
}

Status
op_next(Op *op, uint64_t budget, Batch **out)
{
    Ctx *cx = op->e->cx;
    Arena *saved = cx->arena;
    Status rc;

    TRY(ctx_poll(cx));
    TRY(ctx_check_stack(cx)); /* operators take more of it than the planner did for them */
    if (UNLIKELY(op->e->fixed != NULL) && fixed_copy(op) != NULL) {
        give_copy(op, fixed_copy(op), out);
        return ST_OK;
    }
    cx->arena = &op->scratch;
    rc = UNLIKELY(op->count != NULL) ? counted_next(op, budget, out) : op->class->next(op, budget, out);
    cx->arena = saved;
    return rc;
}

Status
op_rewind(Op *op)
{
    Ctx *cx = op->e->cx;
    Arena *saved = cx->arena;
    Status rc;

    if (op->count != NULL && op->count->loops > 0) {
        op->count->loops++;
        op->count->waiting = true;
    }
    op->is_given = false;
    cx->arena = &op->scratch;
    rc = op->class->rewind(op);
    cx->arena = saved;
    return rc;
}

static void
allocate_values(Execution *e)
{
    int n = e->query->outer_count;

    e->outer = arena_array(e->arena, Value, MAX_OF(n, 1));
    e->outer_arena = arena_array(e->arena, Arena, MAX_OF(n, 1));
    for (int i = 0; i < n; i++) {
        e->outer[i].is_null = true;
        arena_init(&e->outer_arena[i], "outer value", NULL);
    }
    e->states = arena_array(e->arena, void *, e->query->state_count + 1);
    e->once = arena_array(e->arena, OnceValue, e->query->once_count + 1);
    arena_init(&e->once_arena, "constants", e->cx->arena->budget);
    e->subplans = arena_array(e->arena, SubplanState *, e->query->subplan_count + 1);
    e->ctes = arena_array(e->arena, struct CteState *, e->query->cte_count + 1);
    e->work = arena_array(e->arena, struct RowStore *, e->query->work_count + 1);
}

Status
exec_open(Ctx *cx, Arena *arena, const PlannedQuery *plan, const Value *params, int param_count,
          Execution **out)
{
    Execution *e = arena_new(arena, Execution);
    Status rc;

    e->cx = cx;
    e->arena = arena;
    e->query = plan;
    e->params = params;
    e->param_count = param_count;
    allocate_values(e);
    rc = op_new(e, plan->plan, &e->root);
    if (rc != ST_OK) {
        exec_close(e);
        return rc;
    }
    *out = e;
    return ST_OK;
}

Status
exec_start(Execution *e)
{
    if (e->has_snapshot)
        return ST_OK;
    TRY(txn_snapshot(e->cx, &e->snapshot));
    e->has_snapshot = true;
    return ST_OK;
}

Status
exec_next(Execution *e, uint64_t budget, Batch **batch)
{
    TRY(exec_start(e));
    if (UNLIKELY(e->query->cte_count > 0))
        TRY(ctes_run_changes(e));
    return op_next(e->root, budget, batch);
}

uint64_t
exec_changed(const Execution *e)
{
    return e->changed;
}

static void
release_snapshot(Execution *e)
{
    if (e->has_snapshot)
        txn_snapshot_release(e->cx);
    e->has_snapshot = false;
}

void
exec_close(Execution *e)
{
    if (e == NULL)
        return;
    for (int i = e->op_count - 1; i >= 0; i--) {
        Op *op = e->ops[i];

        if (op->class->close != NULL)
            op->class->close(op);
        arena_free(&op->scratch);
    }
    e->op_count = 0;
    for (int i = 0; i < e->query->subplan_count; i++)
        subplan_close(e->subplans[i]);
    ctes_close(e);
    for (int i = 0; i < e->query->outer_count; i++)
        arena_free(&e->outer_arena[i]);
    arena_free(&e->once_arena);
    release_snapshot(e);
}

bool
exec_park(Execution *e)
{
    const PlannedQuery *q = e->query;

    if (e->instrumented || q->subplan_count > 0 || q->outer_count > 0 || q->cte_count > 0)
        return false;
    for (int i = 0; i < e->op_count; i++) {
        Op *op = e->ops[i];

        if (op->class->park == NULL || !op->class->park(op))
            return false;
        arena_reset(&op->scratch);
    }
    memset(e->states, 0, sizeof(*e->states) * (size_t)q->state_count);
    memset(e->once, 0, sizeof(*e->once) * (size_t)q->once_count);
    arena_reset(&e->once_arena);
    e->changed = 0;
    e->params = NULL;
    release_snapshot(e);
    return true;
}

void
exec_resume(Execution *e, const Value *params, int param_count)
{
    ASSERT(!e->has_snapshot);
    e->params = params;
    e->param_count = param_count;
}

void
exec_instrument(Execution *e, bool timing)
{
    e->instrumented = true;
    e->timed = timing;
    for (int i = 0; i < e->op_count; i++)
        e->ops[i]->count = arena_new(e->arena, ExecCount);
}

const ExecCount *
exec_count(const Execution *e, const Plan *plan)
{
    for (int i = 0; i < e->op_count; i++) {
        if (e->ops[i]->plan == plan && e->ops[i]->count != NULL && e->ops[i]->count->loops > 0)
            return e->ops[i]->count;
    }
    return NULL;
}

/* ---- single expressions ------------------------------------------------------------------------------------ */

struct RowEval {
    Execution e;
    PlannedQuery none;
};

Status
row_eval_open(Ctx *cx, Arena *arena, int state_count, RowEval **out)
{
    RowEval *r = arena_new(arena, RowEval);

    r->none.state_count = state_count;
    r->e.cx = cx;
    r->e.arena = arena;
    r->e.query = &r->none;
    allocate_values(&r->e);
    *out = r;
    return ST_OK;
}

void
row_eval_close(RowEval *r)
{
    (void)r; /* everything lies in the arena it was opened with */
}

Status
row_eval(RowEval *r, const Expr *x, const Value *values, int value_count, Value *out)
{
    Arena *a = r->e.cx->arena;
    Vector *columns = arena_array(a, Vector, MAX_OF(value_count, 1));
    Batch row = {.columns = columns, .column_count = value_count, .rows = {NULL, 1}, .capacity = 1};
    Vector *v;

    for (int i = 0; i < value_count; i++)
        vector_of(&columns[i], a, &values[i], values[i].is_null ? PHYS_VAR : (Phys)values[i].phys);
    TRY(eval(&r->e, x, &row, row.rows, &v));
    *out = vector_is_null(v, 0) ? value_null() : vector_get(v, 0);
    return ST_OK;
}

Status
exec_constant(Ctx *cx, Arena *arena, const Expr *x, Value *out)
{
    RowEval *r;
    Expr *resolved;
    int states = 0;
    Arena *saved = cx->arena;
    Status rc;

    TRY(plan_row_expression(cx, arena, &states, x, &resolved));
    TRY(row_eval_open(cx, arena, states, &r));
    cx->arena = arena;
    rc = row_eval(r, resolved, NULL, 0, out);
    cx->arena = saved;
    return rc;
}
