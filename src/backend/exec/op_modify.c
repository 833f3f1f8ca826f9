/* op_modify.c - INSERT, UPDATE, DELETE.
 *
 * The rows to change come from below in batches; each is changed on its own. A row that somebody else
 * has changed since our snapshot is locked at its newest version and checked again: a second instance
 * of the plan below runs with every base relation fixed to one row (rule R4): the locked one as it is now, the others as
 * the statement's snapshot sees them. Subqueries run as ever. From REPEATABLE READ up that is 40001 instead. */
#include "backend/exec/exec_int.h"

#include "backend/exec/heap_read.h"
#include "backend/exec/key.h"
#include "backend/exec/row_write.h"
#include "storage/wal/wal.h"

typedef struct ModifyOp {
    Op op;
    RowWriter *writer;
    RowStore returned; /* RETURNING's rows of the current batch */
    uint64_t returned_at;
    bool done;
    Execution *recheck;
    FixedRow *fixed;
} ModifyOp;

static Status
fail_conflict(Ctx *cx, RowOutcome outcome)
{
    return fail(cx, ST_CONFLICT, "40001",
                outcome == ROW_DELETED ? "could not serialize access due to concurrent delete"
                                       : "could not serialize access due to concurrent update");
}

/* The statement's tag tells of its own changes, not of those of its WITH queries. */
static void
note_changed(const ModifyOp *m)
{
    if (m->op.plan == m->op.e->query->plan)
        m->op.e->changed++;
}

static Value
value_at(const Batch *in, int slot, uint32_t row)
{
    return vector_is_null(&in->columns[slot], row) ? value_null() : vector_get(&in->columns[slot], row);
}

/* The new row: for INSERT the input, for UPDATE the old row with the assigned columns, for DELETE the
 * old row (if it was read at all). */
static void
row_values(const ModifyOp *m, const Batch *in, uint32_t row, Value *values)
{
    const Plan *plan = m->op.plan;
    int first = plan->modify.command == COMMAND_INSERT ? 0 : plan->modify.first_column_slot;

    for (int c = 0; c < plan->modify.table->column_count; c++)
        values[c] = first < 0 ? value_null() : value_at(in, first + c, row);
    for (int i = 0; i < plan->modify.assign_count && plan->modify.command == COMMAND_UPDATE; i++)
        values[plan->modify.assign_columns[i] - 1] = value_at(in, plan->modify.first_value_slot + i, row);
}

static Status
keep_returning(ModifyOp *m, const Batch *in, uint32_t row, const Value *values, Tid tid)
{
    const Plan *plan = m->op.plan;
    Execution *e = m->op.e;
    Arena *a = e->cx->arena;
    int n = plan->modify.table->column_count, total = n + 2 + in->column_count;
    Vector *columns, *results;
    Batch one, result;

    if (plan->modify.returning_count == 0)
        return ST_OK;
    columns = arena_array(a, Vector, total);
    results = arena_array(a, Vector, plan->modify.returning_count);
    for (int c = 0; c < total; c++) {
        Value v = c < n        ? values[c]
                  : c == n     ? value_i64((int64_t)tid)
                  : c == n + 1 ? value_oid(plan->modify.table->oid)
                               : value_at(in, c - n - 2, row);

        vector_of(&columns[c], a, &v, v.is_null ? PHYS_VAR : (Phys)v.phys);
    }
    one = (Batch){columns, total, {NULL, 1}, 1};
    for (int i = 0; i < plan->modify.returning_count; i++) {
        Vector *v;

        TRY(eval(e, plan->modify.returning[i], &one, one.rows, &v));
        results[i] = *v;
        if (vector_is_null(v, 0)) { /* a null of unknown form takes that of the column */
            Value null = value_null();

            vector_of(&results[i], a, &null, type_by_oid(plan->outputs[i]->type)->phys);
        }
    }
    result = (Batch){results, plan->modify.returning_count, {NULL, 1}, 1};
    return row_store_append(&m->returned, &result);
}

/* ---- the re-check ------------------------------------------------------------------------------------------------ */

static FixedRow
fixed_at(Value ctid, FixedKind kind)
{
    return (FixedRow){.kind = ctid.is_null ? FIXED_NO_ROW : kind,
                      .tid = ctid.is_null ? TID_NONE : (Tid)ctid.i64};
}

/* What the other parts of FROM have given to this row. */
static void
fix_seen(Arena *a, const SeenMark *marks, int count, const Batch *in, uint32_t row, FixedRow *fixed)
{
    for (int i = 0; i < count; i++) {
        const SeenMark *m = &marks[i];
        Value *values = arena_array(a, Value, MAX_OF(m->column_count, 1));

        for (int c = 0; c < m->column_count; c++)
            values[c] = m->slots[c] >= 0 ? value_at(in, m->slots[c], row) : value_null();
        fixed[m->rel_no] = (FixedRow){.kind = FIXED_COPY, .values = values};
    }
}

/* Runs the plan below for the newest version of one row; *in NULL when it no longer qualifies. */
static Status
recheck_row(ModifyOp *m, const Batch *old, uint32_t row, Tid newest, Batch **in)
{
    Execution *e = m->op.e;
    const Plan *plan = m->op.plan;

    if (m->recheck == NULL) {
        PlannedQuery *below = arena_memdup(e->arena, e->query, sizeof(*e->query));

        below->plan = plan->left;
        TRY(exec_open(e->cx, e->arena, below, e->params, e->param_count, &m->recheck));
        m->recheck->ctes = e->ctes;
        m->recheck->ctes_borrowed = true;
        m->fixed = arena_array(e->arena, FixedRow, MAX_OF(e->query->rel_count, 1));
        m->recheck->fixed = m->fixed;
    } else {
        TRY(op_rewind(m->recheck->root));
    }
    m->recheck->snapshot = e->snapshot;
    m->recheck->has_snapshot = true;
    memset(m->fixed, 0, sizeof(*m->fixed) * (size_t)e->query->rel_count);
    m->fixed[plan->modify.rel_no] = (FixedRow){.kind = FIXED_NEWEST, .tid = newest};
    for (int i = 0; i < plan->modify.mark_count; i++) {
        Value v = value_at(old, plan->modify.mark_slots[i], row);

        m->fixed[plan->modify.mark_rels[i]] = fixed_at(v, FIXED_SEEN);
    }
    fix_seen(e->cx->arena, plan->modify.seen, plan->modify.seen_count, old, row, m->fixed);
    return op_next(m->recheck->root, 1, in);
}

/* One row of UPDATE or DELETE, again from the start as long as others are faster. */
static Status
change_row(ModifyOp *m, const Batch *in, uint32_t row)
{
    Execution *e = m->op.e;
    Ctx *cx = e->cx;
    const Plan *plan = m->op.plan;
    const TableInfo *t = plan->modify.table;
    Tid tid = (Tid)value_at(in, plan->modify.ctid_slot, row).i64;
    Value *values = arena_array(cx->arena, Value, MAX_OF(t->column_count, 1));
    Snapshot snapshot = e->snapshot;
    const Batch *original = in;
    uint32_t original_row = row;

    for (;;) {
        RowChange change;
        Batch *again;

        TRY(ctx_poll(cx));
        row_values(m, in, row, values);
        if (plan->modify.command == COMMAND_UPDATE)
            TRY(row_writer_update(m->writer, tid, &snapshot, values, plan->modify.index_touched,
                                  plan->modify.keys_changed, &change));
        else
            TRY(heap_delete(cx, &t->heap, tid, &snapshot, &change));
        switch (change.outcome) {
        case ROW_DONE:
            note_changed(m);
            return keep_returning(m, in, row, values,
                                  plan->modify.command == COMMAND_UPDATE ? change.tid : tid);
        case ROW_SELF_UPDATED: return ST_OK;
        case ROW_DELETED:
            if (txn_isolation(cx) != ISOLATION_READ_COMMITTED)
                return fail_conflict(cx, change.outcome);
            return ST_OK;
        case ROW_UPDATED: break;
        case ROW_WOULD_BLOCK: ASSERT(!"we asked to wait");
        }
        if (txn_isolation(cx) != ISOLATION_READ_COMMITTED)
            return fail_conflict(cx, change.outcome);
        TRY(heap_lock(cx, &t->heap, change.tid, &snapshot,
                      plan->modify.command == COMMAND_UPDATE && !plan->modify.keys_changed
                          ? ROW_LOCK_NO_KEY_UPDATE
                          : ROW_LOCK_UPDATE,
                      LOCK_WAIT_BLOCK, &change));
        if (change.outcome == ROW_DELETED)
            return ST_OK;
        tid = change.tid;
        TRY(recheck_row(m, original, original_row, tid, &again));
        if (again == NULL)
            return ST_OK;
        in = again;
        row = rows_at(again->rows, 0);
        TRY(txn_catalog_snapshot(cx, &snapshot)); /* the row is ours: its newest version is what we see */
    }
}

/* Several rows, and nobody wants to see them: the heap takes them at once, and index entries wait for more.
 * A row that is refused has to wait until those before it have been found good. */
static Status
insert_many(ModifyOp *m, const Batch *in)
{
    Ctx *cx = m->op.e->cx;
    size_t n = (size_t)MAX_OF(m->op.plan->modify.table->column_count, 1);
    Value *values = arena_try_alloc(cx->arena, sizeof(Value) * n * in->rows.count);
    uint32_t good = 0, failed;
    Status rc = ST_OK;

    if (values == NULL)
        return fail_memory(cx, sizeof(Value) * n * in->rows.count);
    for (uint32_t k = 0; k < in->rows.count && rc == ST_OK; k++) {
        row_values(m, in, rows_at(in->rows, k), values + n * k);
        rc = row_writer_check(m->writer, values + n * k);
        good += rc == ST_OK;
    }
    TRY(row_writer_insert_many(m->writer, values, good, &failed));
    m->op.e->changed += good;
    if (rc != ST_OK)
        TRY(row_writer_flush(m->writer, &failed));
    return rc;
}

/* ---- ON CONFLICT -------------------------------------------------------------------------------------------------- */

/* From REPEATABLE READ up, a row that the snapshot does not see may not decide what happens, unless it is ours. */
static Status
check_seen(ModifyOp *m, Tid tid)
{
    Ctx *cx = m->op.e->cx;
    Snapshot own = m->op.e->snapshot;
    bool visible;

    if (txn_isolation(cx) == ISOLATION_READ_COMMITTED)
        return ST_OK;
    own.command_id = UINT32_MAX; /* what this statement has inserted, too */
    TRY(heap_is_visible(cx, &m->op.plan->modify.table->heap, tid, &own, &visible));
    return visible ? ST_OK : fail_conflict(cx, ROW_UPDATED);
}

static Status
read_row(ModifyOp *m, Tid tid, Value *values, bool *found)
{
    const TableInfo *t = m->op.plan->modify.table;
    Ctx *cx = m->op.e->cx;
    HeapRow row;
    Status rc = ST_OK;

    TRY(heap_fetch_newest(cx, &t->heap, tid, &row));
    *found = row.found;
    for (int c = 0; c < t->column_count && row.found && rc == ST_OK; c++) {
        rc = heap_read_value(cx, cx->arena, t, &row, c + 1, &values[c]);
        if (rc == ST_OK && !values[c].is_null)
            values[c] = value_copy(cx->arena, values[c]);
    }
    heap_row_release(cx, &row);
    return rc;
}

/* What SET and WHERE are computed over. */
static Batch
conflict_batch(ModifyOp *m, Tid tid, const Value *there, const Value *excluded)
{
    const TableInfo *t = m->op.plan->modify.table;
    Arena *a = m->op.e->cx->arena;
    int n = t->column_count, total = 2 * n + 2;
    Vector *columns = arena_array(a, Vector, total);

    for (int c = 0; c < total; c++) {
        int column = c < n ? c : c - n - 2;
        Value v = c < n        ? there[c]
                  : c == n     ? value_i64((int64_t)tid)
                  : c == n + 1 ? value_oid(t->oid)
                               : excluded[column];

        vector_of(&columns[c], a, &v,
                  c == n       ? PHYS_I64
                  : c == n + 1 ? PHYS_U32
                               : type_by_oid(t->columns[column].type)->phys);
    }
    return (Batch){columns, total, {NULL, 1}, 1};
}

static Status
fail_second_time(Ctx *cx)
{
    (void)fail(cx, ST_ERROR, "21000", "ON CONFLICT DO UPDATE command cannot affect row a second time");
    fail_hint(cx,
              "Ensure that no rows proposed for insertion within the same command have duplicate constrained "
              "values.");
    return ST_ERROR;
}

/* DO UPDATE of the row in the way. *again: it has gone meanwhile. */
static Status
update_conflicting(ModifyOp *m, const Batch *in, uint32_t in_row, Tid tid, const Value *excluded, bool *again)
{
    Execution *e = m->op.e;
    Ctx *cx = e->cx;
    const Plan *plan = m->op.plan;
    const TableInfo *t = plan->modify.table;
    Value *values = arena_array(cx->arena, Value, MAX_OF(t->column_count, 1));
    RowChange change;
    Snapshot newest;
    Batch both;
    Rows kept;
    bool found;

    *again = false;
    TRY(heap_lock(cx, &t->heap, tid, &e->snapshot,
                  plan->modify.keys_changed ? ROW_LOCK_UPDATE : ROW_LOCK_NO_KEY_UPDATE, LOCK_WAIT_BLOCK,
                  &change));
    if (change.outcome == ROW_SELF_UPDATED)
        return fail_second_time(cx);
    if (change.outcome == ROW_DELETED || change.outcome == ROW_UPDATED) {
        if (txn_isolation(cx) != ISOLATION_READ_COMMITTED)
            return fail_conflict(cx, change.outcome);
        /* a row with another root may have another key (H2): look for a conflict once more */
        *again = change.outcome == ROW_DELETED || change.tid != tid;
        if (*again)
            return ST_OK;
    }
    TRY(check_seen(m, tid));
    TRY(read_row(m, tid, values, &found));
    if (!found) {
        *again = true;
        return ST_OK;
    }
    both = conflict_batch(m, tid, values, excluded);
    if (plan->modify.conflict_where != NULL) {
        TRY(eval_filter(e, plan->modify.conflict_where, &both, both.rows, &kept));
        if (kept.count == 0)
            return ST_OK;
    }
    for (int i = 0; i < plan->modify.conflict_count; i++) {
        Vector *v;

        TRY(eval(e, plan->modify.conflict_values[i], &both, both.rows, &v));
        values[plan->modify.conflict_columns[i] - 1] = vector_is_null(v, 0) ? value_null() : vector_get(v, 0);
    }
    TRY(txn_catalog_snapshot(cx, &newest)); /* the row is ours: its newest version is what we see */
    TRY(row_writer_update(m->writer, tid, &newest, values, plan->modify.index_touched,
                          plan->modify.keys_changed, &change));
    if (change.outcome == ROW_SELF_UPDATED)
        return fail_second_time(cx);
    ASSERT(change.outcome == ROW_DONE);
    note_changed(m);
    return keep_returning(m, in, in_row, values, change.tid);
}

static Status
insert_or_update(ModifyOp *m, const Batch *in, uint32_t row, const Value *values)
{
    const Plan *plan = m->op.plan;
    Ctx *cx = m->op.e->cx;
    bool again = true;

    TRY(row_writer_check(m->writer, values));
    while (again) {
        Tid tid, conflict;

        TRY(ctx_poll(cx));
        TRY(row_writer_find_conflict(m->writer, values, plan->modify.arbiters, plan->modify.arbiter_count,
                                     &conflict));
        if (conflict == TID_NONE)
            TRY(row_writer_insert_unless(m->writer, values, plan->modify.arbiters, plan->modify.arbiter_count,
                                         &tid, &conflict));
        if (conflict == TID_NONE) {
            note_changed(m);
            return keep_returning(m, in, row, values, tid);
        }
        if (plan->modify.on_conflict == ON_CONFLICT_DO_NOTHING)
            return check_seen(m, conflict);
        TRY(update_conflicting(m, in, row, conflict, values, &again));
    }
    return ST_OK;
}

static Status
insert_rows(ModifyOp *m, const Batch *in)
{
    const TableInfo *t = m->op.plan->modify.table;
    Ctx *cx = m->op.e->cx;
    Value *values = arena_array(cx->arena, Value, (size_t)MAX_OF(t->column_count, 1));

    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);
        Tid tid;

        row_values(m, in, row, values);
        if (m->op.plan->modify.on_conflict != ON_CONFLICT_FAIL) {
            TRY(insert_or_update(m, in, row, values));
            continue;
        }
        TRY(row_writer_insert(m->writer, values, &tid));
        note_changed(m);
        TRY(keep_returning(m, in, row, values, tid));
    }
    return ST_OK;
}

static Status
modify_batch(ModifyOp *m, const Batch *in)
{
    const Plan *plan = m->op.plan;

    if (plan->modify.command == COMMAND_INSERT)
        return plan->modify.returning_count == 0 && plan->modify.on_conflict == ON_CONFLICT_FAIL &&
                       in->rows.count > 1
                   ? insert_many(m, in)
                   : insert_rows(m, in);
    for (uint32_t k = 0; k < in->rows.count; k++) {
        ArenaMark mark = arena_mark(&m->op.scratch);

        TRY(change_row(m, in, rows_at(in->rows, k)));
        if (mark.chunk != NULL)
            arena_rewind(&m->op.scratch, mark);
    }
    return ST_OK;
}

static Status
modify_next(Op *op, uint64_t budget, Batch **out)
{
    ModifyOp *m = (ModifyOp *)op;
    uint32_t n;
    uint64_t *rows;

    *out = NULL;
    while (!m->done) { /* all changes are made before the first row is given out */
        Batch *in;

        arena_reset(&op->scratch);
        TRY(wal_check_disk(op->e->cx)); /* before all the reading */
        TRY(op_next(op->left, UINT64_MAX, &in));
        if (in != NULL) {
            TRY(modify_batch(m, in));
        } else {
            uint32_t failed;

            m->done = true;
            TRY(row_writer_flush(m->writer, &failed));
        }
    }
    arena_reset(&op->scratch);
    n = (uint32_t)MIN_OF(MIN_OF(m->returned.row_count - m->returned_at, budget), (uint64_t)BATCH_ROWS);
    if (n == 0)
        return ST_OK;
    rows = arena_alloc(&op->scratch, sizeof(*rows) * n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = m->returned_at + i;
    m->returned_at += n;
    op->out.columns = arena_array(&op->scratch, Vector, MAX_OF(op->plan->output_count, 1));
    op->out.column_count = op->plan->output_count;
    op->out.capacity = n;
    op->out.rows = (Rows){NULL, n};
    TRY(row_store_gather(&m->returned, &op->scratch, rows, n, op->out.columns));
    *out = &op->out;
    return ST_OK;
}

static Status
modify_rewind(Op *op)
{
    (void)op;
    ASSERT(!"a change is made once");
    return ST_ERROR;
}

static void
modify_close(Op *op)
{
    ModifyOp *m = (ModifyOp *)op;

    if (m->recheck != NULL) {
        m->recheck->has_snapshot = false; /* it borrowed ours */
        exec_close(m->recheck);
    }
    row_store_free(&m->returned);
    row_writer_close(m->writer);
}

static bool
modify_park(Op *op)
{
    ModifyOp *m = (ModifyOp *)op;

    if (m->recheck != NULL)
        return false;
    row_store_clear(&m->returned);
    m->returned_at = 0;
    m->done = false;
    return true;
}

Status
modify_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = modify_next,
                                  .rewind = modify_rewind,
                                  .close = modify_close,
                                  .park = modify_park};
    ModifyOp *m = OP_NEW(e, plan, ModifyOp, &class);

    row_store_init(&m->returned, e->cx, "returning", plan->outputs, plan->output_count);
    row_store_limit(&m->returned);
    TRY(row_writer_open(e->cx, e->arena, plan->modify.table, plan->modify.checks, plan->modify.check_count,
                        e->query->state_count, &m->writer));
    *out = &m->op;
    return op_children(*out);
}

/* ---- FOR UPDATE and its kin ------------------------------------------------------------------------------------ */

typedef struct LockRowsOp {
    Op op;
    Execution *recheck;
    FixedRow *fixed;
    Batch *in; /* the rows below: some give more than they are asked for */
    uint32_t in_at; /* of them, the next one */
    uint16_t row; /* the one that is passed on */
} LockRowsOp;

/* Locks what one row is made of. *keep: it stays; *changed: it must be checked again with what is in fixed[]. */
static Status
lock_row(LockRowsOp *l, const Batch *in, uint32_t row, bool *keep, bool *changed)
{
    Execution *e = l->op.e;
    const Plan *plan = l->op.plan;
    static const RowLock modes[] = {
        [LOCKING_KEY_SHARE] = ROW_LOCK_KEY_SHARE,
        [LOCKING_SHARE] = ROW_LOCK_SHARE,
        [LOCKING_NO_KEY_UPDATE] = ROW_LOCK_NO_KEY_UPDATE,
        [LOCKING_UPDATE] = ROW_LOCK_UPDATE,
    };

    *keep = true;
    *changed = false;
    memset(l->fixed, 0, sizeof(*l->fixed) * (size_t)MAX_OF(e->query->rel_count, 1));
    for (int i = 0; i < plan->lock.count; i++) {
        Value v = value_at(in, plan->lock.marks[i].slot, row);
        LockWait wait = plan->lock.marks[i].wait == 1   ? LOCK_WAIT_SKIP
                        : plan->lock.marks[i].wait == 2 ? LOCK_WAIT_ERROR
                                                        : LOCK_WAIT_BLOCK;
        RowChange change;
        Status rc;

        l->fixed[plan->lock.marks[i].rel_no] =
            fixed_at(v, plan->lock.marks[i].strength == LOCKING_NONE ? FIXED_SEEN : FIXED_NEWEST);
        if (v.is_null || plan->lock.marks[i].strength == LOCKING_NONE)
            continue;
        rc = heap_lock(e->cx, &plan->lock.marks[i].table->heap, (Tid)v.i64, &e->snapshot,
                       modes[plan->lock.marks[i].strength], wait, &change);
        if (rc != ST_OK && wait == LOCK_WAIT_ERROR && strcmp(e->cx->error.sqlstate, "55P03") == 0)
            return fail(e->cx, rc, "55P03", "could not obtain lock on row in relation \"%s\"",
                        plan->lock.marks[i].table->name);
        TRY(rc);
        if (change.outcome == ROW_DONE)
            continue;
        if (change.outcome == ROW_WOULD_BLOCK || change.outcome == ROW_SELF_UPDATED) {
            *keep = false;
            return ST_OK;
        }
        if (txn_isolation(e->cx) != ISOLATION_READ_COMMITTED)
            return fail_conflict(e->cx, change.outcome);
        if (change.outcome == ROW_DELETED) {
            *keep = false;
            return ST_OK;
        }
        l->fixed[plan->lock.marks[i].rel_no].tid = change.tid;
        *changed = true;
    }
    if (*changed)
        fix_seen(e->cx->arena, plan->lock.seen, plan->lock.seen_count, in, row, l->fixed);
    return ST_OK;
}

static Status
check_again(LockRowsOp *l, Batch **out)
{
    Execution *e = l->op.e;

    if (l->recheck == NULL) {
        PlannedQuery *below = arena_memdup(e->arena, e->query, sizeof(*e->query));

        below->plan = l->op.plan->left;
        TRY(exec_open(e->cx, e->arena, below, e->params, e->param_count, &l->recheck));
        l->recheck->fixed = l->fixed;
        l->recheck->ctes = e->ctes;
        l->recheck->ctes_borrowed = true;
    } else {
        TRY(op_rewind(l->recheck->root));
    }
    l->recheck->snapshot = e->snapshot;
    l->recheck->has_snapshot = true;
    return op_next(l->recheck->root, 1, out);
}

/* One row from below; *found false at the end. */
static Status
next_to_lock(LockRowsOp *l, bool *found)
{
    if (l->in != NULL && l->in_at == l->in->rows.count)
        l->in = NULL;
    if (l->in == NULL) {
        TRY(op_next(l->op.left, 1, &l->in)); /* no row is locked that nobody asks for */
        l->in_at = 0;
    }
    *found = l->in != NULL;
    if (*found)
        l->row = (uint16_t)rows_at(l->in->rows, l->in_at++);
    return ST_OK;
}

static Status
lock_rows_next(Op *op, uint64_t budget, Batch **out)
{
    LockRowsOp *l = (LockRowsOp *)op;

    *out = NULL;
    while (budget > 0) {
        Batch *again;
        bool found, keep, changed;

        arena_reset(&op->scratch);
        TRY(next_to_lock(l, &found));
        if (!found)
            return ST_OK;
        TRY(lock_row(l, l->in, l->row, &keep, &changed));
        if (!keep)
            continue;
        op->out = *l->in;
        op->out.rows = (Rows){&l->row, 1};
        if (changed) {
            TRY(check_again(l, &again));
            if (again == NULL)
                continue;
            op->out = *again;
            l->row = (uint16_t)rows_at(again->rows, 0);
            op->out.rows = (Rows){&l->row, 1};
        }
        *out = &op->out;
        return ST_OK;
    }
    return ST_OK;
}

static Status
lock_rows_rewind(Op *op)
{
    ((LockRowsOp *)op)->in = NULL;
    return op_rewind(op->left);
}

static void
lock_rows_close(Op *op)
{
    LockRowsOp *l = (LockRowsOp *)op;

    if (l->recheck != NULL) {
        l->recheck->has_snapshot = false;
        exec_close(l->recheck);
    }
}

static bool
lock_rows_park(Op *op)
{
    LockRowsOp *l = (LockRowsOp *)op;

    l->in = NULL;
    return l->recheck == NULL;
}

Status
lock_rows_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = lock_rows_next,
                                  .rewind = lock_rows_rewind,
                                  .close = lock_rows_close,
                                  .park = lock_rows_park};
    LockRowsOp *l = OP_NEW(e, plan, LockRowsOp, &class);

    l->fixed = arena_array(e->arena, FixedRow, MAX_OF(e->query->rel_count, 1));
    *out = &l->op;
    return op_children(*out);
}
