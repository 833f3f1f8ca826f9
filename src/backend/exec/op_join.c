/* op_join.c - nested loop and hash join, inner, left and full. */
#include "backend/exec/exec_int.h"

#include "backend/exec/key.h"
#include "base/hash.h"

/* Puts together an output batch from a left row (repeated) and right rows. */

/* ---- nested loop -------------------------------------------------------------------------------------------- */

typedef struct LoopOp {
    Op op;
    Batch *left_batch;
    uint32_t left_at;
    bool row_open, matched;
    bool keep_right; /* the right side does not depend on the left: its rows are kept */
    RowStore right;
    bool right_filled;
    uint64_t right_at;
    bool *right_matched; /* FULL: per row of the store */
    uint64_t unmatched_at; /* FULL: those without a match are given out in the end */
    Batch right_batch;
    Arena gather;
} LoopOp;

static Status
fill_right(LoopOp *l)
{
    for (;;) {
        Batch *in;

        TRY(op_next(l->op.right, UINT64_MAX, &in));
        if (in == NULL)
            break;
        TRY(row_store_append(&l->right, in));
    }
    l->right_filled = true;
    if (l->op.plan->join.kind != JOIN_FULL)
        return ST_OK;
    l->unmatched_at = 0;
    l->right_matched = arena_try_alloc(&l->right.arena, l->right.row_count + 1);
    if (l->right_matched == NULL)
        return fail_memory(l->op.e->cx, l->right.row_count);
    memset(l->right_matched, 0, l->right.row_count + 1);
    return ST_OK;
}

/* The next rows of the right side for the current left row. */
static Status
next_right(LoopOp *l, Batch **out)
{
    uint32_t n;
    uint64_t *rows;

    if (!l->keep_right)
        return op_next(l->op.right, BATCH_ROWS, out);
    if (!l->right_filled)
        TRY(fill_right(l));
    n = (uint32_t)MIN_OF(l->right.row_count - l->right_at, (uint64_t)BATCH_ROWS);
    *out = NULL;
    if (n == 0)
        return ST_OK;
    arena_reset(&l->gather);
    rows = arena_alloc(&l->gather, sizeof(*rows) * n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = l->right_at + i;
    l->right_at += n;
    l->right_batch.columns = arena_array(&l->gather, Vector, MAX_OF(l->right.column_count, 1));
    l->right_batch.column_count = l->right.column_count;
    l->right_batch.rows = (Rows){NULL, n};
    l->right_batch.capacity = n;
    TRY(row_store_gather(&l->right, &l->gather, rows, n, l->right_batch.columns));
    *out = &l->right_batch;
    return ST_OK;
}

/* left row `row` beside the rows of `right` (NULL: one row of nulls). */
static Status
combine(LoopOp *l, uint32_t row, const Batch *right, Batch *out)
{
    Op *op = &l->op;
    Arena *a = &op->scratch;
    int left_count = op->plan->left->output_count, right_count = op->plan->right->output_count;
    uint16_t at = (uint16_t)row;

    out->columns = arena_array(a, Vector, MAX_OF(left_count + right_count, 1));
    out->column_count = left_count + right_count;
    out->capacity = right != NULL ? right->capacity : 1;
    out->rows = right != NULL ? right->rows : (Rows){NULL, 1};
    for (int i = 0; i < left_count; i++) {
        const Vector *v = &l->left_batch->columns[i];
        Value value = vector_is_null(v, at) ? value_null() : vector_get(v, at);

        vector_of(&out->columns[i], a, &value, (Phys)v->phys);
    }
    for (int i = 0; i < right_count; i++) {
        if (right != NULL) {
            out->columns[left_count + i] = right->columns[i];
        } else {
            Value null = value_null();

            vector_of(&out->columns[left_count + i], a, &null,
                      type_by_oid(op->plan->right->outputs[i]->type)->phys);
        }
    }
    return ST_OK;
}

static Status
open_left_row(LoopOp *l)
{
    const Plan *plan = l->op.plan;

    l->row_open = true;
    l->matched = false;
    l->right_at = 0;
    if (l->keep_right)
        return ST_OK;
    TRY(set_outer(l->op.e, plan->join.args, plan->join.arg_count, l->left_batch,
                  rows_at(l->left_batch->rows, l->left_at)));
    return op_rewind(l->op.right);
}

/* FULL: rows of the store that nobody found, beside nulls. */
static Status
unmatched_right(Op *op, const RowStore *store, const bool *matched, uint64_t *at, Batch *out)
{
    Arena *a = &op->scratch;
    int left_count = op->plan->left->output_count, right_count = op->plan->right->output_count;
    uint64_t *rows = arena_alloc(a, sizeof(uint64_t) * BATCH_ROWS);
    Value null = value_null();
    uint32_t n = 0;

    for (; *at < store->row_count && n < BATCH_ROWS; (*at)++) {
        if (!matched[*at])
            rows[n++] = *at;
    }
    *out = (Batch){arena_array(a, Vector, MAX_OF(left_count + right_count, 1)),
                   left_count + right_count,
                   {NULL, n},
                   MAX_OF(n, 1)};
    for (int i = 0; i < left_count; i++)
        vector_of(&out->columns[i], a, &null, type_by_oid(op->plan->left->outputs[i]->type)->phys);
    return row_store_gather(store, a, rows, n, out->columns + left_count);
}

static Status
loop_next(Op *op, uint64_t budget, Batch **out)
{
    LoopOp *l = (LoopOp *)op;

    for (;;) {
        Batch *right;
        uint32_t row;

        arena_reset(&op->scratch);
        *out = NULL;
        if (l->left_batch == NULL || l->left_at >= l->left_batch->rows.count) {
            TRY(op_next(op->left, budget < BATCH_ROWS ? budget : BATCH_ROWS, &l->left_batch));
            l->left_at = 0;
            if (l->left_batch == NULL && op->plan->join.kind == JOIN_FULL) {
                if (!l->right_filled)
                    TRY(fill_right(l));
                TRY(unmatched_right(op, &l->right, l->right_matched, &l->unmatched_at, &op->out));
                *out = op->out.rows.count > 0 ? &op->out : NULL;
            }
            if (l->left_batch == NULL)
                return ST_OK;
        }
        if (!l->row_open)
            TRY(open_left_row(l));
        row = rows_at(l->left_batch->rows, l->left_at);
        TRY(next_right(l, &right));
        if (right == NULL) {
            l->row_open = false;
            l->left_at++;
            if ((op->plan->join.kind != JOIN_LEFT && op->plan->join.kind != JOIN_FULL) || l->matched)
                continue;
            TRY(combine(l, row, NULL, &op->out));
            *out = &op->out;
            return ST_OK;
        }
        TRY(combine(l, row, right, &op->out));
        if (op->plan->filter != NULL)
            TRY(eval_filter(op->e, op->plan->filter, &op->out, op->out.rows, &op->out.rows));
        if (op->out.rows.count > 0) {
            l->matched = true;
            for (uint32_t k = 0; l->right_matched != NULL && k < op->out.rows.count; k++)
                l->right_matched[l->right_at - right->rows.count + rows_at(op->out.rows, k)] = true;
            *out = &op->out;
            return ST_OK;
        }
    }
}

static Status
loop_rewind(Op *op)
{
    LoopOp *l = (LoopOp *)op;

    l->left_batch = NULL;
    l->row_open = false;
    if (l->keep_right) { /* the right side may depend on values from further out */
        row_store_clear(&l->right);
        l->right_matched = NULL;
        l->right_filled = false;
        TRY(op_rewind(op->right));
    }
    return op_rewind(op->left);
}

static void
loop_close(Op *op)
{
    LoopOp *l = (LoopOp *)op;

    row_store_free(&l->right);
    arena_free(&l->gather);
}

Status
nested_loop_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = loop_next, .rewind = loop_rewind, .close = loop_close};
    LoopOp *l = OP_NEW(e, plan, LoopOp, &class);

    l->keep_right = plan->join.arg_count == 0;
    row_store_init(&l->right, e->cx, "nested loop", plan->right->outputs, plan->right->output_count);
    arena_init(&l->gather, "nested loop rows", e->cx->arena->budget);
    *out = &l->op;
    return op_children(*out);
}

/* ---- hash join ------------------------------------------------------------------------------------------------ */

/* Chains of right rows by hash: heads[hash & mask] is a row number + 1, next[row] the one after it. */
typedef struct HashJoinOp {
    Op op;
    RowStore right;
    Arena table_arena;
    uint32_t *heads, *nexts;
    uint64_t *hashes;
    uint32_t mask;
    bool built;
    Batch *left_batch;
    uint32_t left_at;
    uint64_t *left_hashes; /* of the left batch's rows; UINT64_MAX with a null key */
    Arena left_arena;
    uint32_t chain; /* where to go on in the current left row's chain */
    bool row_open;
    bool *matched; /* LEFT, FULL: per row of the left batch */
    bool *right_matched; /* FULL: per row of the store */
    uint64_t right_at; /* FULL: rows without a match are given out in the end */
    Buf key;
} HashJoinOp;

enum { NO_KEY = 1 }; /* reserved hash of a row that can match nothing */

/* Hashes of the key expressions for each row of the batch. */
static Status
hash_keys(HashJoinOp *h, Expr *const *keys, const Batch *in, uint64_t *hashes)
{
    int count = h->op.plan->join.key_count;
    Vector **vectors = arena_alloc(h->op.e->cx->arena, sizeof(Vector *) * (size_t)count);

    for (int i = 0; i < count; i++)
        TRY(eval(h->op.e, keys[i], in, in->rows, &vectors[i]));
    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);
        bool has_null = false;

        buf_clear(&h->key);
        for (int i = 0; i < count; i++) {
            Value v = vector_is_null(vectors[i], row) ? value_null() : vector_get(vectors[i], row);

            has_null |= v.is_null;
            key_append_hash(type_by_oid(keys[i]->type), &v, &h->key);
        }
        if (h->key.failed)
            return fail_memory(h->op.e->cx, h->key.bytes);
        hashes[k] = has_null ? NO_KEY : hash_bytes(h->key.data, h->key.bytes) | 2;
    }
    return ST_OK;
}

static Status
build_table(HashJoinOp *h)
{
    Op *op = &h->op;
    Ctx *cx = op->e->cx;
    uint64_t capacity = 0, buckets = 16, rows;

    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->right, UINT64_MAX, &in));
        if (in == NULL)
            break;
        if (h->right.row_count + in->rows.count > capacity) {
            uint64_t more = MAX_OF(capacity * 2, (uint64_t)BATCH_ROWS * 2);
            uint64_t *bigger = arena_try_alloc(&h->table_arena, sizeof(uint64_t) * more);

            if (bigger == NULL)
                return fail_memory(cx, sizeof(uint64_t) * more);
            if (h->right.row_count > 0)
                memcpy(bigger, h->hashes, sizeof(uint64_t) * h->right.row_count);
            h->hashes = bigger;
            capacity = more;
        }
        TRY(hash_keys(h, op->plan->join.right_keys, in, h->hashes + h->right.row_count));
        TRY(row_store_append(&h->right, in));
    }
    rows = h->right.row_count;
    while (buckets < rows * 2)
        buckets *= 2;
    h->heads = arena_try_alloc(&h->table_arena, sizeof(uint32_t) * buckets);
    h->nexts = arena_try_alloc(&h->table_arena, sizeof(uint32_t) * (rows + 1));
    if (h->heads == NULL || h->nexts == NULL || rows >= UINT32_MAX)
        return fail_memory(cx, sizeof(uint32_t) * buckets);
    memset(h->heads, 0, sizeof(uint32_t) * buckets);
    h->mask = (uint32_t)(buckets - 1);
    for (uint64_t r = rows; r-- > 0;) { /* backwards, so that chains keep the rows' order */
        uint32_t b = (uint32_t)(h->hashes[r] >> 8) & h->mask;

        if (h->hashes[r] == NO_KEY)
            continue;
        h->nexts[r] = h->heads[b];
        h->heads[b] = (uint32_t)r + 1;
    }
    if (op->plan->join.kind == JOIN_FULL) {
        h->right_matched = arena_try_alloc(&h->table_arena, rows + 1);
        if (h->right_matched == NULL)
            return fail_memory(cx, rows);
        memset(h->right_matched, 0, rows + 1);
    }
    h->right_at = 0;
    h->built = true;
    return ST_OK;
}

/* Pairs of left and right rows that have the same hash, at most BATCH_ROWS; a left row's chain may go on
 * in the next call. Rows of a left join without any candidate are paired with nothing. */
static Status
candidate_pairs(HashJoinOp *h, uint16_t *left_rows, uint64_t *right_rows, uint32_t *count)
{
    uint32_t n = 0;

    while (n < BATCH_ROWS && h->left_at < h->left_batch->rows.count) {
        uint64_t hash = h->left_hashes[h->left_at];

        if (!h->row_open) {
            h->chain = hash == NO_KEY ? 0 : h->heads[(uint32_t)(hash >> 8) & h->mask];
            h->row_open = true;
        }
        for (; h->chain != 0 && n < BATCH_ROWS; h->chain = h->nexts[h->chain - 1]) {
            if (h->hashes[h->chain - 1] != hash)
                continue;
            left_rows[n] = (uint16_t)h->left_at;
            right_rows[n++] = h->chain - 1;
        }
        if (h->chain != 0)
            break;
        h->row_open = false;
        h->left_at++;
    }
    *count = n;
    return ST_OK;
}

static Status
join_batch(HashJoinOp *h, const uint16_t *left_no, const uint64_t *right_rows, uint32_t n, Batch *out)
{
    Op *op = &h->op;
    Arena *a = &op->scratch;
    int left_count = op->plan->left->output_count, right_count = op->plan->right->output_count;
    uint16_t *sel = arena_alloc(a, sizeof(uint16_t) * MAX_OF(n, 1));

    for (uint32_t i = 0; i < n; i++)
        sel[i] = (uint16_t)rows_at(h->left_batch->rows, left_no[i]);
    out->columns = arena_array(a, Vector, MAX_OF(left_count + right_count, 1));
    out->column_count = left_count + right_count;
    out->capacity = MAX_OF(n, 1);
    out->rows = (Rows){NULL, n};
    for (int i = 0; i < left_count; i++) {
        vector_init(&out->columns[i], a, (Phys)h->left_batch->columns[i].phys, MAX_OF(n, 1));
        out->columns[i].scale = h->left_batch->columns[i].scale;
        TRY(vector_append(op->e->cx, a, NULL, &out->columns[i], 0, n, &h->left_batch->columns[i],
                          (Rows){sel, n}));
    }
    return row_store_gather(&h->right, a, right_rows, n, out->columns + left_count);
}

/* Keys of different types are integers of different widths. */
static int64_t
widened(const Value *v)
{
    return v->phys == PHYS_I16 ? v->i16 : v->phys == PHYS_I32 ? v->i32 : v->i64;
}

/* Equal hashes are not equal keys yet. */
static Status
check_keys(HashJoinOp *h, const Batch *pairs, Rows *rows)
{
    Op *op = &h->op;
    int left_count = op->plan->left->output_count;
    Batch left = *pairs, right = *pairs;

    left.column_count = left_count;
    right.columns = pairs->columns + left_count;
    right.column_count = pairs->column_count - left_count;
    for (int i = 0; i < op->plan->join.key_count; i++) {
        Vector *l, *r;
        const TypeInfo *type = type_by_oid(op->plan->join.left_keys[i]->type);
        bool same_type = op->plan->join.left_keys[i]->type == op->plan->join.right_keys[i]->type;
        uint16_t *sel = arena_alloc(&op->scratch, sizeof(uint16_t) * MAX_OF(rows->count, 1));
        uint32_t n = 0;

        TRY(eval(op->e, op->plan->join.left_keys[i], &left, *rows, &l));
        TRY(eval(op->e, op->plan->join.right_keys[i], &right, *rows, &r));
        for (uint32_t k = 0; k < rows->count; k++) {
            uint32_t row = rows_at(*rows, k);
            Value x = vector_get(l, row), y = vector_get(r, row);

            if (same_type ? type->compare(&x, &y) == 0 : widened(&x) == widened(&y))
                sel[n++] = (uint16_t)row;
        }
        *rows = (Rows){sel, n};
    }
    return ST_OK;
}

static Status
next_left_batch(HashJoinOp *h)
{
    Op *op = &h->op;

    TRY(op_next(op->left, BATCH_ROWS, &h->left_batch));
    h->left_at = 0;
    h->row_open = false;
    arena_reset(&h->left_arena);
    if (h->left_batch == NULL)
        return ST_OK;
    h->left_hashes = arena_alloc(&h->left_arena, sizeof(uint64_t) * h->left_batch->rows.count);
    h->matched = arena_array(&h->left_arena, bool, h->left_batch->rows.count);
    return hash_keys(h, op->plan->join.left_keys, h->left_batch, h->left_hashes);
}

/* LEFT: the rows of the batch that found nobody, beside nulls. */
static Status
unmatched_rows(HashJoinOp *h, Batch *out)
{
    uint32_t count = h->left_batch->rows.count, n = 0;
    uint16_t *left_no = arena_alloc(&h->op.scratch, sizeof(uint16_t) * count);
    uint64_t *right_rows = arena_alloc(&h->op.scratch, sizeof(uint64_t) * count);

    for (uint32_t k = 0; k < count; k++) {
        if (h->matched[k])
            continue;
        left_no[n] = (uint16_t)k;
        right_rows[n++] = UINT64_MAX;
        h->matched[k] = true; /* once */
    }
    return join_batch(h, left_no, right_rows, n, out);
}

static Status
hash_join_next(Op *op, uint64_t budget, Batch **out)
{
    HashJoinOp *h = (HashJoinOp *)op;

    (void)budget;
    if (!h->built)
        TRY(build_table(h));
    for (;;) {
        uint16_t *left_no;
        uint64_t *right_rows;
        uint32_t n;

        arena_reset(&op->scratch);
        *out = NULL;
        if (h->left_batch == NULL) {
            TRY(next_left_batch(h));
            if (h->left_batch == NULL) {
                if (op->plan->join.kind != JOIN_FULL || h->right_at >= h->right.row_count)
                    return ST_OK;
                TRY(unmatched_right(op, &h->right, h->right_matched, &h->right_at, &op->out));
                if (op->out.rows.count == 0)
                    return ST_OK;
                *out = &op->out;
                return ST_OK;
            }
        }
        if (h->left_at >= h->left_batch->rows.count) {
            if (op->plan->join.kind == JOIN_LEFT || op->plan->join.kind == JOIN_FULL) {
                TRY(unmatched_rows(h, &op->out));
                if (op->out.rows.count > 0) {
                    *out = &op->out;
                    return ST_OK;
                }
            }
            h->left_batch = NULL;
            continue;
        }
        left_no = arena_alloc(&op->scratch, sizeof(uint16_t) * BATCH_ROWS);
        right_rows = arena_alloc(&op->scratch, sizeof(uint64_t) * BATCH_ROWS);
        TRY(candidate_pairs(h, left_no, right_rows, &n));
        if (n == 0)
            continue;
        TRY(join_batch(h, left_no, right_rows, n, &op->out));
        TRY(check_keys(h, &op->out, &op->out.rows));
        if (op->plan->filter != NULL && op->out.rows.count > 0)
            TRY(eval_filter(op->e, op->plan->filter, &op->out, op->out.rows, &op->out.rows));
        for (uint32_t k = 0; k < op->out.rows.count; k++) {
            uint32_t pair = rows_at(op->out.rows, k);

            h->matched[left_no[pair]] = true;
            if (h->right_matched != NULL)
                h->right_matched[right_rows[pair]] = true;
        }
        if (op->out.rows.count > 0) {
            *out = &op->out;
            return ST_OK;
        }
    }
}

static Status
hash_join_rewind(Op *op)
{
    HashJoinOp *h = (HashJoinOp *)op;

    row_store_clear(&h->right);
    arena_reset(&h->table_arena);
    h->hashes = NULL;
    h->right_matched = NULL;
    h->built = false;
    h->left_batch = NULL;
    TRY(op_rewind(op->right));
    return op_rewind(op->left);
}

static void
hash_join_close(Op *op)
{
    HashJoinOp *h = (HashJoinOp *)op;

    row_store_free(&h->right);
    arena_free(&h->table_arena);
    arena_free(&h->left_arena);
    buf_free(&h->key);
}

Status
hash_join_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = hash_join_next, .rewind = hash_join_rewind, .close = hash_join_close};
    HashJoinOp *h = OP_NEW(e, plan, HashJoinOp, &class);

    row_store_init(&h->right, e->cx, "hash join", plan->right->outputs, plan->right->output_count);
    arena_init(&h->table_arena, "hash table", e->cx->arena->budget);
    arena_init(&h->left_arena, "hash join left", e->cx->arena->budget);
    *out = &h->op;
    return op_children(*out);
}
