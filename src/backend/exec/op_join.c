/* op_join.c - nested loop and hash join, inner, left and full. */
#include "backend/exec/exec_int.h"

#include <stdlib.h>

#include "backend/exec/key.h"
#include "backend/exec/row_parts.h"
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
unmatched_right(Op *op, RowStore *store, const bool *matched, uint64_t *at, Batch *out)
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
    row_store_limit(&l->right);
    arena_init(&l->gather, "nested loop rows", e->cx->arena->budget);
    *out = &l->op;
    return op_children(*out);
}

/* ---- hash join ------------------------------------------------------------------------------------------------ */

/* Chains of right rows by hash: heads[hash & mask] is a row number + 1, next[row] the one after it.
 *
 * When the right side has no room in memory, its rows are divided by hash (row_parts.h). Parts [0, resident) stay in
 * the table and are joined as the left side comes by; rows of both sides that belong to other parts wait in lists,
 * and each pair of lists is joined later in the same way, divided once more if need be. `resident` is halved each
 * time memory runs out again, so that of a right side that is only a little too large most is never written.
 *
 * Rows of one key cannot be divided: a part that consists of little else is joined piece by piece, each time with all
 * of its left rows. */
typedef struct JoinPart {
    RowList right, left;
    int level; /* at which its rows will be divided, if they are */
} JoinPart;

typedef struct HashJoinOp {
    Op op;
    RowStore right;
    Arena table_arena;
    uint32_t *heads, *nexts;
    uint64_t *hashes; /* malloc */
    uint64_t hash_capacity;
    uint32_t mask;
    bool built, done;
    Batch *left_batch;
    uint32_t left_at;
    uint64_t *left_hashes; /* of the left batch's rows; NO_KEY with a null key */
    Arena left_arena;
    uint32_t chain; /* where to go on in the current left row's chain */
    bool row_open;
    bool *matched; /* LEFT, FULL: per row of the left batch */
    bool *right_matched; /* FULL: per row of the store */
    uint64_t right_at; /* FULL: rows without a match are given out in the end */
    Buf key;

    /* when rows have left memory */
    TempFile *file;
    Buf packed;
    RowParts rights, lefts; /* of the rows read now; .count 0: all are in memory */
    int resident;
    bool from_part; /* `now` is being read, not the operators below */
    JoinPart now;
    uint32_t right_block, left_block; /* of `now`, to be read next */
    Batch part_batch; /* of the left side */
    Arena right_arena; /* a block of the right side */
    bool in_pieces, last_piece;
    bool *left_seen; /* in pieces; LEFT, FULL: per left row of the part */
    uint64_t left_first; /* of those, the left batch's first */
    JoinPart *pending; /* malloc; worked on from the end */
    int pending_count, pending_capacity;
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
need_hashes(HashJoinOp *h, uint64_t count)
{
    uint64_t capacity = MAX_OF(h->hash_capacity * 2, (uint64_t)BATCH_ROWS * 2), *bigger;
    Budget *budget = h->table_arena.budget;
    size_t more;

    if (count <= h->hash_capacity)
        return ST_OK;
    capacity = MAX_OF(capacity, count);
    more = sizeof(uint64_t) * (capacity - h->hash_capacity);
    if (!budget_take(budget, more))
        return fail_memory(h->op.e->cx, more);
    bigger = realloc(h->hashes, sizeof(uint64_t) * capacity);
    if (bigger == NULL) {
        budget_give(budget, more);
        return fail_memory(h->op.e->cx, more);
    }
    h->hashes = bigger;
    h->hash_capacity = capacity;
    return ST_OK;
}

static void
free_hashes(HashJoinOp *h)
{
    budget_give(h->table_arena.budget, sizeof(uint64_t) * h->hash_capacity);
    free(h->hashes);
    h->hashes = NULL;
    h->hash_capacity = 0;
}

static bool
keeps_left(const HashJoinOp *h)
{
    return h->op.plan->join.kind == JOIN_LEFT || h->op.plan->join.kind == JOIN_FULL;
}

/* What the table will take with these rows. */
static uint64_t
table_bytes(const HashJoinOp *h)
{
    return row_store_bytes(&h->right) +
           h->right.row_count * (sizeof(uint64_t) + sizeof(uint32_t) + 2 * sizeof(uint32_t));
}

/* Puts the rows of resident parts into the store and the others into their lists. hashes[k]: of row k of `rows`. */
static Status
divide_right(HashJoinOp *h, Arena *a, const Vector *columns, Rows rows, const uint64_t *hashes)
{
    int column_count = h->right.column_count;
    uint16_t *here = arena_alloc(a, sizeof(*here) * MAX_OF(rows.count, UINT32_C(1)));
    uint16_t *away = arena_alloc(a, sizeof(*away) * MAX_OF(rows.count, UINT32_C(1)));
    uint64_t *by_row = arena_alloc(a, sizeof(*by_row) * BATCH_ROWS);
    uint32_t here_count = 0, away_count = 0;
    Batch stay = {(Vector *)(uintptr_t)columns, column_count, {here, 0}, BATCH_ROWS};

    TRY(need_hashes(h, h->right.row_count + rows.count));
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        if (row_part_of(&h->rights, hashes[k]) < h->resident) {
            h->hashes[h->right.row_count + here_count] = hashes[k];
            here[here_count++] = (uint16_t)row;
        } else {
            by_row[row] = hashes[k];
            away[away_count++] = (uint16_t)row;
        }
    }
    stay.rows.count = here_count;
    TRY(row_store_append(&h->right, &stay));
    return row_parts_add(&h->rights, a, columns, (Rows){away, away_count}, by_row);
}

static Status
begin_parts(HashJoinOp *h)
{
    Ctx *cx = h->op.e->cx;
    Budget *budget = h->table_arena.budget;
    uint64_t memory = work_memory(cx)->hash_bytes;
    int count = row_parts_count(memory), level = h->from_part ? h->now.level : 0;

    if (h->file == NULL)
        TRY(temp_file_create(cx, budget, &h->file));
    TRY(row_parts_init(&h->rights, cx, budget, h->file, &h->packed, h->op.plan->right->output_count, count,
                       level, memory));
    TRY(row_parts_init(&h->lefts, cx, budget, h->file, &h->packed, h->op.plan->left->output_count, count, level,
                       memory));
    h->resident = count;
    if (h->op.count != NULL && level == 0)
        h->op.count->batches = MAX_OF(h->op.count->batches, (uint64_t)count);
    return ST_OK;
}

/* Halves what is resident: the rows of the others leave the store. */
static Status
evict(HashJoinOp *h)
{
    RowStore old = h->right;
    uint64_t *old_hashes = h->hashes, old_capacity = h->hash_capacity;
    Arena scratch;
    Status rc = ST_OK;

    row_store_init(&h->right, old.cx, "hash join", old.types, old.column_count);
    h->hashes = NULL;
    h->hash_capacity = 0;
    h->resident /= 2;
    arena_init(&scratch, "hash join", old.arena.budget);
    for (uint64_t at = 0; at < old.row_count && rc == ST_OK; at += BATCH_ROWS) {
        Rows rows = {NULL, (uint32_t)MIN_OF(old.row_count - at, (uint64_t)BATCH_ROWS)};

        arena_reset(&scratch);
        rc = ctx_poll(old.cx);
        if (rc == ST_OK)
            rc = divide_right(h, &scratch, old.chunks[at / BATCH_ROWS], rows, old_hashes + at);
    }
    arena_free(&scratch);
    row_store_free(&old);
    budget_give(h->table_arena.budget, sizeof(uint64_t) * old_capacity);
    free(old_hashes);
    return rc;
}

static bool
has_one_hash(const HashJoinOp *h)
{
    for (uint64_t r = 1; r < h->right.row_count; r++) {
        if (h->hashes[r] != h->hashes[0])
            return false;
    }
    return true;
}

/* Memory has run out. *stop: join what is there first. */
static Status
make_space(HashJoinOp *h, bool *stop)
{
    uint64_t most = work_memory(h->op.e->cx)->hash_bytes;

    if (h->op.count != NULL)
        h->op.count->memory_bytes = MAX_OF(h->op.count->memory_bytes, table_bytes(h));
    if (h->rights.count == 0) {
        if (h->from_part && (h->in_pieces || h->now.level >= PART_LEVELS_MOST || has_one_hash(h))) {
            *stop = h->in_pieces = true;
            return ST_OK;
        }
        TRY(begin_parts(h));
    }
    while (h->resident > 0 && table_bytes(h) > most)
        TRY(evict(h));
    return ST_OK;
}

/* The next rows of the right side and their hashes; *in NULL: there are no more. */
static Status
next_right_batch(HashJoinOp *h, Batch *part, Batch **in, uint64_t **hashes)
{
    Op *op = &h->op;
    int count = h->right.column_count;
    uint32_t rows;

    arena_reset(&op->scratch);
    *in = NULL;
    if (!h->from_part) {
        TRY(op_next(op->right, UINT64_MAX, in));
        if (*in == NULL)
            return ST_OK;
        *hashes = arena_alloc(&op->scratch, sizeof(uint64_t) * MAX_OF((*in)->rows.count, UINT32_C(1)));
        return hash_keys(h, op->plan->join.right_keys, *in, *hashes);
    }
    if (h->right_block >= h->now.right.block_count)
        return ST_OK;
    arena_reset(&h->right_arena);
    part->columns = arena_array(&h->right_arena, Vector, count + 1);
    TRY(row_list_read(&h->now.right, h->right_block, &h->right_arena, part->columns, &rows));
    row_list_drop(&h->now.right, h->right_block++);
    part->column_count = count;
    part->rows = (Rows){NULL, rows};
    part->capacity = BATCH_ROWS;
    *hashes = part->columns[count].data;
    *in = part;
    return ctx_poll(op->e->cx);
}

static Status
link_rows(HashJoinOp *h)
{
    Ctx *cx = h->op.e->cx;
    uint64_t buckets = 16, rows = h->right.row_count;

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
    h->right_matched = NULL;
    if (h->op.plan->join.kind == JOIN_FULL) {
        h->right_matched = arena_try_alloc(&h->table_arena, rows + 1);
        if (h->right_matched == NULL)
            return fail_memory(cx, rows);
        memset(h->right_matched, 0, rows + 1);
    }
    if (h->op.count != NULL) {
        ExecCount *c = h->op.count;

        c->buckets = MAX_OF(c->buckets, buckets);
        c->batches = MAX_OF(c->batches, (uint64_t)1);
        c->memory_bytes = MAX_OF(c->memory_bytes, table_bytes(h));
    }
    return ST_OK;
}

static void
clear_table(HashJoinOp *h)
{
    row_store_clear(&h->right);
    arena_reset(&h->table_arena);
    h->right_matched = NULL;
}

static Status
build_table(HashJoinOp *h)
{
    uint64_t most = work_memory(h->op.e->cx)->hash_bytes;
    bool stop = false;

    clear_table(h);
    for (;;) {
        Batch *in, part;
        uint64_t *hashes = NULL;

        if (stop)
            break;
        TRY(next_right_batch(h, &part, &in, &hashes));
        if (in == NULL)
            break;
        if (h->rights.count > 0) {
            TRY(divide_right(h, &h->op.scratch, in->columns, in->rows, hashes));
        } else {
            TRY(need_hashes(h, h->right.row_count + in->rows.count));
            memcpy(h->hashes + h->right.row_count, hashes, sizeof(*hashes) * in->rows.count);
            TRY(row_store_append(&h->right, in));
        }
        if (table_bytes(h) > most)
            TRY(make_space(h, &stop));
    }
    TRY(row_parts_finish(&h->rights));
    TRY(link_rows(h));
    h->last_piece = !h->from_part || h->right_block >= h->now.right.block_count;
    h->left_block = 0;
    h->left_first = 0;
    if (h->in_pieces && h->left_seen == NULL && keeps_left(h)) {
        Budget *budget = h->table_arena.budget;
        size_t bytes = h->now.left.row_count + 1;

        if (!budget_take(budget, bytes))
            return fail_memory(h->op.e->cx, bytes);
        h->left_seen = calloc(bytes, 1);
        if (h->left_seen == NULL) {
            budget_give(budget, bytes);
            return fail_memory(h->op.e->cx, bytes);
        }
    }
    h->right_at = 0;
    h->built = true;
    return ST_OK;
}

/* ---- parts ------------------------------------------------------------------------------------------------------ */

static void
leave_part(HashJoinOp *h)
{
    if (h->left_seen != NULL) {
        budget_give(h->table_arena.budget, h->now.left.row_count + 1);
        free(h->left_seen);
        h->left_seen = NULL;
    }
    row_list_free(&h->now.right);
    row_list_free(&h->now.left);
    h->in_pieces = false;
}

static Status
push_part(HashJoinOp *h, int i)
{
    uint64_t left = h->lefts.lists[i].row_count, right = h->rights.lists[i].row_count;
    JoinKind kind = h->op.plan->join.kind;

    if (left == 0 && (right == 0 || kind != JOIN_FULL))
        return ST_OK;
    if (right == 0 && kind == JOIN_INNER)
        return ST_OK;
    if (h->pending_count == h->pending_capacity) {
        int capacity = MAX_OF(PARTS_MOST, h->pending_capacity * 2);
        JoinPart *bigger = realloc(h->pending, sizeof(*bigger) * (size_t)capacity);

        if (bigger == NULL)
            return fail_memory(h->op.e->cx, sizeof(*bigger) * (size_t)capacity);
        h->pending = bigger;
        h->pending_capacity = capacity;
    }
    h->pending[h->pending_count++] =
        (JoinPart){row_parts_take(&h->rights, i), row_parts_take(&h->lefts, i), h->rights.level + 1};
    return ST_OK;
}

/* The left side has come by: what is next? *more false: nothing. */
static Status
next_part(HashJoinOp *h, bool *more)
{
    *more = true;
    h->built = false;
    if (!h->last_piece)
        return ST_OK; /* the same left rows beside other right ones */
    if (h->rights.count > 0) {
        TRY(row_parts_finish(&h->lefts));
        for (int i = h->rights.count; i-- > h->resident;)
            TRY(push_part(h, i));
    }
    row_parts_free(&h->rights);
    row_parts_free(&h->lefts);
    leave_part(h);
    if (h->op.count != NULL && h->file != NULL)
        h->op.count->disk_bytes = temp_file_bytes(h->file);
    *more = h->pending_count > 0;
    if (!*more)
        return ST_OK;
    h->now = h->pending[--h->pending_count];
    h->from_part = true;
    h->right_block = 0;
    return ST_OK;
}

/* Takes the rows of `in` whose part waits into their lists. hashes[k] belongs to row k of what is left in the end. */
static Status
divide_left(HashJoinOp *h, Batch *in, uint64_t *hashes)
{
    Arena *a = &h->left_arena;
    uint16_t *here = arena_alloc(a, sizeof(*here) * MAX_OF(in->rows.count, UINT32_C(1)));
    uint16_t *away = arena_alloc(a, sizeof(*away) * MAX_OF(in->rows.count, UINT32_C(1)));
    uint64_t *by_row = arena_alloc(a, sizeof(*by_row) * BATCH_ROWS);
    uint32_t here_count = 0, away_count = 0;
    bool keeps = keeps_left(h);

    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);
        int part = row_part_of(&h->rights, hashes[k]);
        bool nobody = h->rights.lists[part].row_count == 0 || hashes[k] == NO_KEY;

        if (part < h->resident || (nobody && keeps)) {
            hashes[here_count] = hashes[k];
            here[here_count++] = (uint16_t)row;
        } else if (!nobody) {
            by_row[row] = hashes[k];
            away[away_count++] = (uint16_t)row;
        }
    }
    TRY(row_parts_add(&h->lefts, a, in->columns, (Rows){away, away_count}, by_row));
    in->rows = (Rows){here, here_count};
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

/* The next rows of the left side and their hashes, from `now`. */
static Status
read_left_block(HashJoinOp *h)
{
    int count = h->op.plan->left->output_count;
    Batch *b = &h->part_batch;
    uint32_t rows;

    h->left_batch = NULL;
    if (h->left_block >= h->now.left.block_count)
        return ST_OK;
    *b = (Batch){arena_array(&h->left_arena, Vector, count + 1), count, {NULL, 0}, BATCH_ROWS};
    TRY(row_list_read(&h->now.left, h->left_block, &h->left_arena, b->columns, &rows));
    h->left_first = h->now.left.blocks[h->left_block].first_row;
    if (!h->in_pieces)
        row_list_drop(&h->now.left, h->left_block);
    h->left_block++;
    b->rows.count = rows;
    h->left_hashes = b->columns[count].data;
    h->left_batch = b;
    return ctx_poll(h->op.e->cx);
}

static Status
next_left_batch(HashJoinOp *h)
{
    Op *op = &h->op;

    do {
        arena_reset(&h->left_arena);
        h->left_at = 0;
        h->row_open = false;
        if (h->from_part) {
            TRY(read_left_block(h));
        } else {
            TRY(op_next(op->left, BATCH_ROWS, &h->left_batch));
            if (h->left_batch != NULL) {
                h->left_hashes = arena_alloc(&h->left_arena, sizeof(uint64_t) * h->left_batch->rows.count);
                TRY(hash_keys(h, op->plan->join.left_keys, h->left_batch, h->left_hashes));
            }
        }
        if (h->left_batch == NULL)
            return ST_OK;
        if (h->rights.count > 0) {
            if (h->left_batch != &h->part_batch)
                h->part_batch = *h->left_batch; /* the rows that count are changed in our own */
            h->left_batch = &h->part_batch;
            TRY(divide_left(h, h->left_batch, h->left_hashes));
        }
    } while (h->left_batch->rows.count == 0);
    h->matched = arena_array(&h->left_arena, bool, h->left_batch->rows.count);
    return ST_OK;
}

/* LEFT: the rows of the batch that found nobody, beside nulls. */
static Status
unmatched_rows(HashJoinOp *h, Batch *out)
{
    uint32_t count = h->left_batch->rows.count, n = 0;
    uint16_t *left_no = arena_alloc(&h->op.scratch, sizeof(uint16_t) * count);
    uint64_t *right_rows = arena_alloc(&h->op.scratch, sizeof(uint64_t) * count);

    for (uint32_t k = 0; k < count; k++) {
        if (h->left_seen != NULL) { /* in pieces: all rows of a block, in order */
            h->left_seen[h->left_first + k] |= h->matched[k];
            h->matched[k] = h->left_seen[h->left_first + k] || !h->last_piece;
        }
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
    *out = NULL;
    while (!h->done) {
        uint16_t *left_no;
        uint64_t *right_rows;
        uint32_t n;

        if (!h->built)
            TRY(build_table(h));
        arena_reset(&op->scratch);
        if (h->left_batch == NULL) {
            TRY(next_left_batch(h));
            if (h->left_batch == NULL) {
                bool more;

                if (op->plan->join.kind == JOIN_FULL && h->right_at < h->right.row_count) {
                    TRY(unmatched_right(op, &h->right, h->right_matched, &h->right_at, &op->out));
                    if (op->out.rows.count > 0) {
                        *out = &op->out;
                        return ST_OK;
                    }
                }
                TRY(next_part(h, &more));
                h->done = !more;
                continue;
            }
        }
        if (h->left_at >= h->left_batch->rows.count) {
            if (keeps_left(h)) {
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
    return ST_OK;
}

/* As if nothing had been read. */
static void
forget(HashJoinOp *h)
{
    clear_table(h);
    free_hashes(h);
    row_parts_free(&h->rights);
    row_parts_free(&h->lefts);
    leave_part(h);
    while (h->pending_count > 0) {
        JoinPart *p = &h->pending[--h->pending_count];

        row_list_free(&p->right);
        row_list_free(&p->left);
    }
    temp_file_close(h->op.e->cx, h->file);
    h->file = NULL;
    h->from_part = h->built = h->done = false;
    h->left_batch = NULL;
}

static Status
hash_join_rewind(Op *op)
{
    forget((HashJoinOp *)op);
    TRY(op_rewind(op->right));
    return op_rewind(op->left);
}

static void
hash_join_close(Op *op)
{
    HashJoinOp *h = (HashJoinOp *)op;

    forget(h);
    row_store_free(&h->right);
    arena_free(&h->table_arena);
    arena_free(&h->left_arena);
    arena_free(&h->right_arena);
    free(h->pending);
    buf_free(&h->key);
    buf_free(&h->packed);
}

Status
hash_join_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = hash_join_next, .rewind = hash_join_rewind, .close = hash_join_close};
    HashJoinOp *h = OP_NEW(e, plan, HashJoinOp, &class);

    row_store_init(&h->right, e->cx, "hash join", plan->right->outputs, plan->right->output_count);
    arena_init(&h->table_arena, "hash table", e->cx->arena->budget);
    arena_init(&h->left_arena, "hash join left", e->cx->arena->budget);
    buf_count_in(&h->packed, e->cx->arena->budget);
    arena_init(&h->right_arena, "hash join right", e->cx->arena->budget);
    *out = &h->op;
    return op_children(*out);
}
