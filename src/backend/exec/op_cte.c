/* op_cte.c - WITH: a query that is run once, its readers, and recursive ones.
 *
 * A kept query's rows lie in a store that belongs to the execution; it is read on only as far as somebody asks,
 * unless it changes something. A recursive one gives out what its left side finds, then runs its right side
 * again and again, each time over the rows of the round before; without ALL, a set of all rows given out tells what is
 * new (key_set.h). */
#include "backend/exec/exec_int.h"

#include "backend/exec/key.h"
#include "backend/exec/key_set.h"

typedef struct CteState {
    Op *op;
    RowStore store;
    bool done;
} CteState;

static Status
cte_state(Execution *e, int no, CteState **out)
{
    const Plan *plan = e->query->ctes[no].plan;

    if (e->ctes[no] == NULL) {
        CteState *c = arena_new(e->arena, CteState);

        row_store_init(&c->store, e->cx, "with query", plan->outputs, plan->output_count);
        row_store_limit(&c->store);
        e->ctes[no] = c;
        TRY(op_new(e, plan, &c->op));
    }
    *out = e->ctes[no];
    return ST_OK;
}

static Status
read_on(CteState *c)
{
    Batch *in;

    TRY(op_next(c->op, BATCH_ROWS, &in));
    if (in == NULL) {
        c->done = true;
        return ST_OK;
    }
    return row_store_append(&c->store, in);
}

Status
ctes_run_changes(Execution *e)
{
    if (e->ctes_borrowed)
        return ST_OK;
    for (int i = 0; i < e->query->cte_count; i++) {
        CteState *c;

        if (e->query->ctes[i].plan->kind != PLAN_MODIFY)
            continue;
        TRY(cte_state(e, i, &c));
        while (!c->done)
            TRY(read_on(c));
    }
    return ST_OK;
}

void
ctes_close(Execution *e)
{
    for (int i = 0; i < e->query->cte_count && !e->ctes_borrowed; i++) {
        if (e->ctes[i] != NULL)
            row_store_free(&e->ctes[i]->store);
    }
}

static Status
emit(Op *op, RowStore *store, uint64_t *at, uint64_t budget, Batch **out)
{
    uint32_t n = (uint32_t)MIN_OF(MIN_OF(store->row_count - *at, budget), (uint64_t)BATCH_ROWS);
    uint64_t *rows;

    *out = NULL;
    if (n == 0)
        return ST_OK;
    rows = arena_alloc(&op->scratch, sizeof(*rows) * n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = *at + i;
    *at += n;
    op->out = (Batch){arena_array(&op->scratch, Vector, MAX_OF(store->column_count, 1)),
                      store->column_count,
                      {NULL, n},
                      n};
    TRY(row_store_gather(store, &op->scratch, rows, n, op->out.columns));
    *out = &op->out;
    return ST_OK;
}

/* Rows of a store that is still being filled may leave memory while somebody looks at these. */
static Status
copy_texts(Op *op, Batch *b)
{
    for (int c = 0; c < b->column_count; c++) {
        Vector *v = &b->columns[c];
        VarRef *texts = v->data;

        for (uint32_t k = 0; v->phys == PHYS_VAR && k < b->rows.count; k++) {
            char *copy;

            if (vector_is_null(v, k) || texts[k].bytes == 0)
                continue;
            copy = arena_try_alloc(&op->scratch, texts[k].bytes);
            if (copy == NULL)
                return fail_memory(op->e->cx, texts[k].bytes);
            memcpy(copy, texts[k].data, texts[k].bytes);
            texts[k].data = copy;
        }
    }
    return ST_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

typedef struct ReadOp {
    Op op;
    uint64_t at;
} ReadOp;

static Status
cte_scan_next(Op *op, uint64_t budget, Batch **out)
{
    ReadOp *r = (ReadOp *)op;
    CteState *c;

    arena_reset(&op->scratch);
    TRY(cte_state(op->e, op->plan->cte.no, &c));
    while (!c->done && r->at >= c->store.row_count)
        TRY(read_on(c));
    op->e->cx->arena = &op->scratch;
    TRY(emit(op, &c->store, &r->at, budget, out));
    return *out != NULL && !c->done ? copy_texts(op, *out) : ST_OK;
}

static Status
read_rewind(Op *op)
{
    ((ReadOp *)op)->at = 0;
    return ST_OK;
}

Status
cte_scan_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = cte_scan_next, .rewind = read_rewind};

    *out = &OP_NEW(e, plan, ReadOp, &class)->op;
    return ST_OK;
}

static Status
work_scan_next(Op *op, uint64_t budget, Batch **out)
{
    RowStore *work = op->e->work[op->plan->cte.no];

    arena_reset(&op->scratch);
    *out = NULL;
    return work != NULL ? emit(op, work, &((ReadOp *)op)->at, budget, out) : ST_OK;
}

Status
work_scan_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = work_scan_next, .rewind = read_rewind};

    *out = &OP_NEW(e, plan, ReadOp, &class)->op;
    return ST_OK;
}

/* ---- recursive ------------------------------------------------------------------------------------------------ */

typedef struct RecursiveOp {
    Op op;
    bool left_done, right_started;
    RowStore stores[2]; /* the round that is read, the one being made */
    int reading;
    KeySet seen; /* rows that were given out (UNION without ALL) */
} RecursiveOp;

/* Takes out what was there before. */
static Status
only_new(RecursiveOp *r, Batch *in)
{
    Arena *a = &r->op.scratch;
    uint32_t count = in->rows.count, n = 0;
    KeyItem *keys;
    uint16_t *sel;
    bool *fresh;

    if (r->op.plan->cte.all || count == 0)
        return ST_OK;
    ASSERT(count <= BATCH_ROWS);
    keys = arena_alloc(a, sizeof(*keys) * count);
    sel = arena_alloc(a, sizeof(*sel) * count);
    fresh = arena_alloc(a, BATCH_ROWS);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t row = rows_at(in->rows, k);
        Buf *key = key_set_begin(&r->seen);

        for (int c = 0; c < r->op.plan->output_count; c++) {
            const Vector *v = &in->columns[c];
            Value value = vector_is_null(v, row) ? value_null() : vector_get(v, row);

            key_append_hash(type_by_oid(r->op.plan->outputs[c]->type), &value, key);
        }
        TRY(key_set_end(&r->seen, a, k, &keys[k]));
    }
    TRY(key_set_add(&r->seen, a, keys, count, fresh));
    for (uint32_t k = 0; k < count; k++) {
        if (fresh[k])
            sel[n++] = (uint16_t)rows_at(in->rows, k);
    }
    in->rows = (Rows){sel, n};
    return ST_OK;
}

/* The next batch of either side; *in NULL: nothing more will come. */
static Status
next_found(RecursiveOp *r, Batch **in)
{
    Op *op = &r->op;
    RowStore *making = &r->stores[1 - r->reading];

    if (!r->left_done) {
        TRY(op_next(op->left, BATCH_ROWS, in));
        if (*in != NULL)
            return ST_OK;
        r->left_done = true;
    } else {
        TRY(op_next(op->right, BATCH_ROWS, in));
        if (*in != NULL)
            return ST_OK;
    }
    /* a round has ended: what it found is what the next one reads */
    if (making->row_count == 0)
        return ST_OK;
    row_store_clear(&r->stores[r->reading]);
    r->reading = 1 - r->reading;
    op->e->work[op->plan->cte.no] = &r->stores[r->reading];
    if (r->right_started)
        TRY(op_rewind(op->right));
    r->right_started = true;
    return next_found(r, in);
}

static Status
recursive_next(Op *op, uint64_t budget, Batch **out)
{
    RecursiveOp *r = (RecursiveOp *)op;

    (void)budget; /* a row given out has to be kept for the next round, too */
    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        *out = NULL;
        TRY(ctx_poll(op->e->cx));
        TRY(next_found(r, &in));
        if (in == NULL)
            return ST_OK;
        op->out = *in;
        TRY(only_new(r, &op->out));
        if (op->out.rows.count == 0)
            continue;
        TRY(row_store_append(&r->stores[1 - r->reading], &op->out));
        *out = &op->out;
        return ST_OK;
    }
}

static Status
recursive_rewind(Op *op)
{
    RecursiveOp *r = (RecursiveOp *)op;

    r->left_done = false;
    row_store_clear(&r->stores[0]);
    row_store_clear(&r->stores[1]);
    key_set_clear(&r->seen);
    TRY(op_rewind(op->left));
    return r->right_started ? op_rewind(op->right) : ST_OK;
}

static void
recursive_close(Op *op)
{
    RecursiveOp *r = (RecursiveOp *)op;

    row_store_free(&r->stores[0]);
    row_store_free(&r->stores[1]);
    key_set_free(&r->seen);
}

Status
recursive_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = recursive_next, .rewind = recursive_rewind, .close = recursive_close};
    RecursiveOp *r = OP_NEW(e, plan, RecursiveOp, &class);

    for (int i = 0; i < 2; i++) {
        row_store_init(&r->stores[i], e->cx, "recursive query", plan->outputs, plan->output_count);
        row_store_limit(&r->stores[i]);
    }
    key_set_init(&r->seen, e->cx, "recursive query");
    *out = &r->op;
    return op_children(*out);
}
