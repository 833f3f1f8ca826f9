/* op_sort.c - ORDER BY: rows are kept, their keys become bytes in memcmp order, and row numbers are
 * sorted by the keys' first eight bytes, then by the rest. With a row budget from a LIMIT above, only
 * that many rows are kept: when twice as many have come, the worse half is thrown away. */
#include "backend/exec/exec_int.h"

#include "backend/exec/key.h"
#include "base/bytes.h"

#include <stdlib.h>

typedef struct SortRow {
    uint64_t head; /* the key's first bytes, big-endian */
    const char *key;
    uint32_t key_bytes;
    uint32_t row;
} SortRow;

typedef struct SortOp {
    Op op;
    RowStore store;
    Arena keys;
    SortRow *rows;
    uint64_t row_capacity;
    bool sorted;
    uint64_t bound; /* a LIMIT right above wants no more than these */
    uint64_t at;
    Buf key;
} SortOp;

static int
compare_rows(const void *a, const void *b)
{
    const SortRow *x = a, *y = b;
    int c;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    c = memcmp(x->key, y->key, MIN_OF(x->key_bytes, y->key_bytes));
    if (c != 0)
        return c;
    if (x->key_bytes != y->key_bytes)
        return x->key_bytes < y->key_bytes ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row; /* stable */
}

static Status
add_key(SortOp *s, const Batch *in, uint32_t row, SortRow *out)
{
    const Plan *plan = s->op.plan;
    char head[8] = {0};
    char *copy;

    buf_clear(&s->key);
    for (int i = 0; i < plan->sort.key_count; i++) {
        const SortSlot *k = &plan->sort.keys[i];
        KeyPart part = {type_by_oid(plan->outputs[k->slot]->type), k->descending, k->nulls_first};
        const Vector *v = &in->columns[k->slot];
        Value value = vector_is_null(v, row) ? value_null() : vector_get(v, row);

        key_append(&part, &value, &s->key);
    }
    copy = s->key.failed ? NULL : arena_try_alloc(&s->keys, s->key.bytes);
    if (copy == NULL)
        return fail_memory(s->op.e->cx, s->key.bytes);
    memcpy(copy, s->key.data, s->key.bytes);
    memcpy(head, copy, MIN_OF(s->key.bytes, sizeof(head)));
    *out = (SortRow){get_be64(head), copy, (uint32_t)s->key.bytes, 0};
    return ST_OK;
}

static Status
make_room(SortOp *s, uint64_t count)
{
    uint64_t capacity = MAX_OF(s->row_capacity * 2, (uint64_t)BATCH_ROWS * 2);
    SortRow *rows;

    if (count <= s->row_capacity)
        return ST_OK;
    while (capacity < count)
        capacity *= 2;
    rows = capacity > UINT32_MAX ? NULL : arena_try_alloc(&s->keys, sizeof(*rows) * capacity);
    if (rows == NULL)
        return fail_memory(s->op.e->cx, sizeof(*rows) * capacity);
    if (s->store.row_count > 0)
        memcpy(rows, s->rows, sizeof(*rows) * s->store.row_count);
    s->rows = rows;
    s->row_capacity = capacity;
    return ST_OK;
}

/* Keeps the best `budget` rows, in order, in a fresh store. */
static Status
shrink(SortOp *s, uint64_t budget)
{
    RowStore old = s->store;
    Arena old_keys = s->keys;
    SortRow *old_rows = s->rows;
    uint64_t n = MIN_OF(budget, old.row_count);
    Status rc = ST_OK;

    qsort(old_rows, old.row_count, sizeof(*old_rows), compare_rows);
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
            rc = add_key(s, &batch, k, &s->rows[i + k]);
            s->rows[i + k].row = (uint32_t)(i + k);
        }
        if (rc == ST_OK)
            rc = row_store_append(&s->store, &batch);
    }
    arena_free(&old_keys);
    row_store_free(&old);
    return rc;
}

static Status
sort_fill(SortOp *s, uint64_t budget)
{
    Op *op = &s->op;
    bool bounded = budget < 100000;

    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, UINT64_MAX, &in));
        if (in == NULL)
            break;
        TRY(make_room(s, s->store.row_count + in->rows.count));
        for (uint32_t k = 0; k < in->rows.count; k++) {
            SortRow *r = &s->rows[s->store.row_count + k];

            TRY(add_key(s, in, rows_at(in->rows, k), r));
            r->row = (uint32_t)(s->store.row_count + k);
        }
        TRY(row_store_append(&s->store, in));
        if (bounded && s->store.row_count > budget * 2 + BATCH_ROWS * 4)
            TRY(shrink(s, budget));
    }
    if (s->store.row_count > 1)
        qsort(s->rows, s->store.row_count, sizeof(*s->rows), compare_rows);
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
    row_store_init(&s->store, e->cx, "sort", plan->outputs, plan->output_count);
    arena_init(&s->keys, "sort keys", e->cx->arena->budget);
    *out = &s->op;
    return op_children(*out);
}
