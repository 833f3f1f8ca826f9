/* op_sort.c - ORDER BY: rows are kept, their keys become bytes in memcmp order, and row numbers are
 * sorted by them. With a row budget from a LIMIT above, only that many rows are kept: when a good deal more
 * have come, the worse ones are thrown away, and from then on rows behind the worst one kept are not even
 * taken in. */
#include "backend/exec/exec_int.h"

#include "backend/exec/key.h"
#include "backend/exec/key_sort.h"

enum { BOUND_MOST = 100000 };

typedef struct SortOp {
    Op op;
    RowStore store;
    Arena keys;
    KeyItem *rows; /* and as much room again behind them, for sorting */
    uint64_t row_capacity;
    bool sorted;
    uint64_t bound; /* a LIMIT right above wants no more than these */
    uint64_t at;
    Buf key;
    KeyPart *parts;
    KeyItem worst; /* of the rows kept, once there are enough; key NULL before */
} SortOp;

static void
make_key(SortOp *s, const Batch *in, uint32_t row)
{
    const Plan *plan = s->op.plan;

    buf_clear(&s->key);
    for (int i = 0; i < plan->sort.key_count; i++)
        key_append_row(&s->parts[i], &in->columns[plan->sort.keys[i].slot], row, &s->key);
}

/* The key in s->key, for row `row` of the store. */
static Status
keep_key(SortOp *s, uint64_t row)
{
    char *copy = s->key.failed ? NULL : arena_try_alloc(&s->keys, s->key.bytes);

    if (copy == NULL)
        return fail_memory(s->op.e->cx, s->key.bytes);
    memcpy(copy, s->key.data, s->key.bytes);
    s->rows[row] = key_item(copy, (uint32_t)s->key.bytes, (uint32_t)row);
    return ST_OK;
}

static Status
make_room(SortOp *s, uint64_t count)
{
    uint64_t capacity = MAX_OF(s->row_capacity * 2, (uint64_t)BATCH_ROWS * 2);
    KeyItem *rows;

    if (count <= s->row_capacity)
        return ST_OK;
    while (capacity < count)
        capacity *= 2;
    rows = capacity > UINT32_MAX ? NULL : arena_try_alloc(&s->keys, 2 * sizeof(*rows) * capacity);
    if (rows == NULL)
        return fail_memory(s->op.e->cx, 2 * sizeof(*rows) * capacity);
    if (s->store.row_count > 0)
        memcpy(rows, s->rows, sizeof(*rows) * s->store.row_count);
    s->rows = rows;
    s->row_capacity = capacity;
    return ST_OK;
}

static Status
sort_rows(SortOp *s)
{
    if (s->store.row_count == 0) /* there are no keys at all */
        return ST_OK;
    return key_sort(s->op.e->cx, s->rows, s->rows + s->row_capacity, s->store.row_count);
}

/* Keeps the best `budget` rows, in order, in a fresh store. */
static Status
shrink(SortOp *s, uint64_t budget)
{
    RowStore old;
    Arena old_keys;
    KeyItem *old_rows;
    uint64_t n = MIN_OF(budget, s->store.row_count);
    Status rc = ST_OK;

    TRY(sort_rows(s));
    old = s->store;
    old_keys = s->keys;
    old_rows = s->rows;
    row_store_init(&s->store, s->op.e->cx, "sort", s->op.plan->outputs, s->op.plan->output_count);
    arena_init(&s->keys, "sort keys", old_keys.budget);
    s->rows = NULL;
    s->row_capacity = 0;
    rc = make_room(s, n * 2 + BATCH_ROWS);
    for (uint64_t i = 0; i < n && rc == ST_OK; i += BATCH_ROWS) {
        uint32_t count = (uint32_t)MIN_OF(n - i, (uint64_t)BATCH_ROWS);
        uint64_t numbers[BATCH_ROWS];
        Vector *columns = arena_array(&s->op.scratch, Vector, MAX_OF(old.column_count, 1));
        Batch batch = {columns, old.column_count, {NULL, count}, count};

        for (uint32_t k = 0; k < count; k++)
            numbers[k] = old_rows[i + k].row;
        rc = row_store_gather(&old, &s->op.scratch, numbers, count, columns);
        for (uint32_t k = 0; k < count && rc == ST_OK; k++) {
            make_key(s, &batch, k);
            rc = keep_key(s, i + k);
        }
        if (rc == ST_OK)
            rc = row_store_append(&s->store, &batch);
    }
    if (rc == ST_OK && n == budget && n > 0)
        s->worst = s->rows[n - 1];
    arena_free(&old_keys);
    row_store_free(&old);
    return rc;
}

/* Of two rows with equal keys the one that came first is before the other. */
static bool
is_too_late(const SortOp *s)
{
    KeyItem k;

    if (s->worst.key == NULL || s->key.failed)
        return false;
    k = key_item(s->key.data, (uint32_t)s->key.bytes, 0);
    if (k.head != s->worst.head)
        return k.head > s->worst.head;
    return memcmp(k.key, s->worst.key, MIN_OF(k.bytes, s->worst.bytes)) >= 0;
}

static Status
take_batch(SortOp *s, const Batch *in)
{
    uint16_t *sel = arena_alloc(&s->op.scratch, sizeof(*sel) * MAX_OF(in->rows.count, 1));
    Batch taken = *in;
    uint32_t n = 0;

    TRY(make_room(s, s->store.row_count + in->rows.count));
    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);

        make_key(s, in, row);
        if (is_too_late(s))
            continue;
        TRY(keep_key(s, s->store.row_count + n));
        sel[n++] = (uint16_t)row;
    }
    taken.rows = (Rows){sel, n};
    return row_store_append(&s->store, &taken);
}

static Status
sort_fill(SortOp *s, uint64_t budget)
{
    Op *op = &s->op;
    bool bounded = budget < BOUND_MOST;

    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, UINT64_MAX, &in));
        if (in == NULL)
            break;
        TRY(take_batch(s, in));
        if (bounded && s->store.row_count > budget * 2 + BATCH_ROWS)
            TRY(shrink(s, budget));
    }
    TRY(sort_rows(s));
    s->sorted = true;
    if (UNLIKELY(op->count != NULL)) {
        op->count->method = bounded ? "top-N heapsort" : "quicksort";
        op->count->memory_bytes = s->store.arena.total_bytes + s->keys.total_bytes;
    }
    return ST_OK;
}

static Status
sort_next(Op *op, uint64_t budget, Batch **out)
{
    SortOp *s = (SortOp *)op;
    uint32_t n;
    uint64_t *rows;

    *out = NULL;
    if (!s->sorted)
        TRY(sort_fill(s, s->bound));
    arena_reset(&op->scratch);
    n = (uint32_t)MIN_OF(MIN_OF(s->store.row_count - s->at, budget), (uint64_t)BATCH_ROWS);
    if (n == 0)
        return ST_OK;
    rows = arena_alloc(&op->scratch, sizeof(*rows) * n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = s->rows[s->at + i].row;
    s->at += n;
    op->out.columns = arena_array(&op->scratch, Vector, MAX_OF(op->plan->output_count, 1));
    op->out.column_count = op->plan->output_count;
    op->out.capacity = n;
    op->out.rows = (Rows){NULL, n};
    TRY(row_store_gather(&s->store, &op->scratch, rows, n, op->out.columns));
    *out = &op->out;
    return ST_OK;
}

static Status
sort_rewind(Op *op)
{
    SortOp *s = (SortOp *)op;

    row_store_clear(&s->store);
    arena_reset(&s->keys);
    s->rows = NULL;
    s->row_capacity = 0;
    s->worst = (KeyItem){0};
    s->sorted = false;
    s->at = 0;
    return op_rewind(op->left);
}

static void
sort_close(Op *op)
{
    SortOp *s = (SortOp *)op;

    row_store_free(&s->store);
    arena_free(&s->keys);
    buf_free(&s->key);
}

static const OpClass sort_class = {.next = sort_next, .rewind = sort_rewind, .close = sort_close};

void
sort_set_bound(Op *op, uint64_t rows)
{
    if (op->class == &sort_class)
        ((SortOp *)op)->bound = rows;
}

Status
sort_op(Execution *e, const Plan *plan, Op **out)
{
    SortOp *s = OP_NEW(e, plan, SortOp, &sort_class);

    s->bound = UINT64_MAX;
    s->parts = arena_array(e->arena, KeyPart, plan->sort.key_count + 1);
    for (int i = 0; i < plan->sort.key_count; i++) {
        const SortSlot *k = &plan->sort.keys[i];

        s->parts[i] = (KeyPart){type_by_oid(plan->outputs[k->slot]->type), k->descending, k->nulls_first};
    }
    row_store_init(&s->store, e->cx, "sort", plan->outputs, plan->output_count);
    arena_init(&s->keys, "sort keys", e->cx->arena->budget);
    *out = &s->op;
    return op_children(*out);
}
