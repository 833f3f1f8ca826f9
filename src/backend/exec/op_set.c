/* op_set.c - INTERSECT and EXCEPT, with ALL by counting. */
#include "backend/exec/exec_int.h"

#include "backend/exec/key.h"
#include "base/hash.h"

typedef struct SetEntry {
    uint64_t hash, row;
    uint32_t key_bytes;
    uint32_t next;
    const char *key;
    uint64_t left, right; /* how often on each side */
} SetEntry;

typedef struct SetOp {
    Op op;
    RowStore store; /* one row for each different row of the left side */
    Arena arena;
    SetEntry *entries;
    uint32_t count, capacity;
    uint32_t *heads;
    uint32_t mask;
    bool filled;
    uint32_t at;
    uint64_t repeated; /* times the current entry was given out */
    Buf key;
} SetOp;

static Status
rehash(SetOp *s)
{
    uint32_t buckets = s->mask == 0 ? 64 : (s->mask + 1) * 2;

    if (s->heads != NULL && s->count < s->mask)
        return ST_OK;
    s->heads = arena_try_alloc(&s->arena, sizeof(uint32_t) * buckets);
    if (s->heads == NULL)
        return fail_memory(s->op.e->cx, sizeof(uint32_t) * buckets);
    memset(s->heads, 0, sizeof(uint32_t) * buckets);
    s->mask = buckets - 1;
    for (uint32_t i = 0; i < s->count; i++) {
        s->entries[i].next = s->heads[s->entries[i].hash & s->mask];
        s->heads[s->entries[i].hash & s->mask] = i + 1;
    }
    return ST_OK;
}

static Status
find_entry(SetOp *s, const Batch *in, uint32_t row, SetEntry **out)
{
    uint64_t hash;

    buf_clear(&s->key);
    for (int c = 0; c < s->op.plan->output_count; c++) {
        Value v = vector_is_null(&in->columns[c], row) ? value_null() : vector_get(&in->columns[c], row);

        key_append_hash(type_by_oid(s->op.plan->outputs[c]->type), &v, &s->key);
    }
    if (s->key.failed)
        return fail_memory(s->op.e->cx, s->key.bytes);
    hash = hash_bytes(s->key.data, s->key.bytes);
    *out = NULL;
    for (uint32_t i = s->heads == NULL ? 0 : s->heads[hash & s->mask]; i != 0; i = s->entries[i - 1].next) {
        SetEntry *e = &s->entries[i - 1];

        if (e->hash == hash && e->key_bytes == s->key.bytes && memcmp(e->key, s->key.data, s->key.bytes) == 0) {
            *out = e;
            return ST_OK;
        }
    }
    return ST_OK;
}

static Status
add_entry(SetOp *s, const Batch *in, uint32_t row, SetEntry **out)
{
    uint16_t at = (uint16_t)row;
    Batch one = *in;
    SetEntry *e;

    if (s->count == s->capacity) {
        uint32_t capacity = MAX_OF(64, s->capacity * 2);
        SetEntry *bigger = arena_try_alloc(&s->arena, sizeof(*bigger) * capacity);

        if (bigger == NULL)
            return fail_memory(s->op.e->cx, sizeof(*bigger) * capacity);
        if (s->count > 0)
            memcpy(bigger, s->entries, sizeof(*bigger) * s->count);
        s->entries = bigger;
        s->capacity = capacity;
    }
    TRY(rehash(s));
    e = &s->entries[s->count];
    *e = (SetEntry){.hash = hash_bytes(s->key.data, s->key.bytes),
                    .row = s->store.row_count,
                    .key_bytes = (uint32_t)s->key.bytes,
                    .key = arena_memdup(&s->arena, s->key.data, s->key.bytes)};
    e->next = s->heads[e->hash & s->mask];
    s->heads[e->hash & s->mask] = ++s->count;
    one.rows = (Rows){&at, 1};
    *out = e;
    return row_store_append(&s->store, &one);
}

static Status
set_fill(SetOp *s)
{
    for (int side = 0; side < 2; side++) {
        for (;;) {
            Batch *in;

            TRY(op_next(side == 0 ? s->op.left : s->op.right, UINT64_MAX, &in));
            if (in == NULL)
                break;
            for (uint32_t k = 0; k < in->rows.count; k++) {
                uint32_t row = rows_at(in->rows, k);
                SetEntry *e = NULL;

                TRY(find_entry(s, in, row, &e));
                if (e == NULL && side == 0)
                    TRY(add_entry(s, in, row, &e));
                if (e != NULL)
                    *(side == 0 ? &e->left : &e->right) += 1;
            }
        }
    }
    s->filled = true;
    return ST_OK;
}

static uint64_t
wanted(const SetOp *s, const SetEntry *e)
{
    bool all = s->op.plan->set_op.all;

    if (s->op.plan->set_op.op == SETOP_INTERSECT)
        return all ? MIN_OF(e->left, e->right) : (e->right > 0);
    return all ? (e->left > e->right ? e->left - e->right : 0) : (e->right == 0);
}

static Status
set_next(Op *op, uint64_t budget, Batch **out)
{
    SetOp *s = (SetOp *)op;
    uint64_t *rows;
    uint32_t most = (uint32_t)MIN_OF(budget, (uint64_t)BATCH_ROWS), n = 0;

    *out = NULL;
    if (!s->filled)
        TRY(set_fill(s));
    arena_reset(&op->scratch);
    rows = arena_alloc(&op->scratch, sizeof(*rows) * MAX_OF(most, 1));
    while (n < most && s->at < s->count) {
        const SetEntry *e = &s->entries[s->at];

        if (s->repeated >= wanted(s, e)) {
            s->at++;
            s->repeated = 0;
            continue;
        }
        rows[n++] = e->row;
        s->repeated++;
    }
    if (n == 0)
        return ST_OK;
    op->out.columns = arena_array(&op->scratch, Vector, MAX_OF(op->plan->output_count, 1));
    op->out.column_count = op->plan->output_count;
    op->out.capacity = n;
    op->out.rows = (Rows){NULL, n};
    TRY(row_store_gather(&s->store, &op->scratch, rows, n, op->out.columns));
    *out = &op->out;
    return ST_OK;
}

static Status
set_rewind(Op *op)
{
    SetOp *s = (SetOp *)op;

    row_store_clear(&s->store);
    arena_reset(&s->arena);
    s->entries = NULL;
    s->heads = NULL;
    s->count = s->capacity = s->mask = s->at = 0;
    s->repeated = 0;
    s->filled = false;
    TRY(op_rewind(op->left));
    return op_rewind(op->right);
}

static void
set_close(Op *op)
{
    SetOp *s = (SetOp *)op;

    row_store_free(&s->store);
    arena_free(&s->arena);
    buf_free(&s->key);
}

Status
set_operation_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = set_next, .rewind = set_rewind, .close = set_close};
    SetOp *s = OP_NEW(e, plan, SetOp, &class);

    row_store_init(&s->store, e->cx, "set operation", plan->outputs, plan->output_count);
    arena_init(&s->arena, "set operation", e->cx->arena->budget);
    *out = &s->op;
    return op_children(*out);
}
