/* op_set.c - INTERSECT and EXCEPT, with ALL by counting.
 *
 * When the different rows of the left side have come to too many bytes, no more are kept: those that are not there
 * go to a temporary file, divided by hash (row_parts.h), and rows of the right side that could meet them too. When
 * what is in memory has been given out, each pair of parts is worked on in the same way. */
#include "backend/exec/exec_int.h"

#include <stdlib.h>

#include "backend/exec/key.h"
#include "backend/exec/row_parts.h"
#include "base/hash.h"

/* Rows of both sides that wait, and at which level they are divided if they are too many again. */
typedef struct SetPart {
    RowList sides[2];
    int level;
} SetPart;

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
    uint64_t key_hash;

    /* when rows have left memory */
    TempFile *file;
    Buf packed;
    RowParts parts[2]; /* of the rows read now, by side; .count 0: there is still room */
    bool from_part; /* `now` is being read, not the operators below */
    SetPart now;
    SetPart *pending; /* malloc; worked on from the end */
    int pending_count, pending_capacity;
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
    s->key_hash = hash = hash_bytes(s->key.data, s->key.bytes);
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
    char *key;

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
    key = arena_try_alloc(&s->arena, s->key.bytes);
    if (key == NULL)
        return fail_memory(s->op.e->cx, s->key.bytes);
    if (s->key.bytes > 0)
        memcpy(key, s->key.data, s->key.bytes);
    *e = (SetEntry){.hash = s->key_hash,
                    .row = s->store.row_count,
                    .key_bytes = (uint32_t)s->key.bytes,
                    .key = key};
    e->next = s->heads[e->hash & s->mask];
    s->heads[e->hash & s->mask] = ++s->count;
    one.rows = (Rows){&at, 1};
    *out = e;
    return row_store_append(&s->store, &one);
}

static Status
begin_parts(SetOp *s)
{
    Ctx *cx = s->op.e->cx;
    uint64_t memory = work_memory(cx)->hash_bytes;

    if (s->file == NULL)
        TRY(temp_file_create(cx, s->arena.budget, &s->file));
    for (int side = 0; side < 2; side++)
        TRY(row_parts_init(&s->parts[side], cx, s->arena.budget, s->file, &s->packed, s->op.plan->output_count,
                           row_parts_count(memory), s->from_part ? s->now.level : 0, memory));
    return ST_OK;
}

/* The next rows of a side; *in NULL: there are no more. */
static Status
next_batch(SetOp *s, int side, uint32_t *block, Batch *part, Batch **in)
{
    Arena *a = &s->op.scratch;
    RowList *list = &s->now.sides[side];
    int count = s->op.plan->output_count;
    uint32_t rows;

    arena_reset(a);
    if (!s->from_part)
        return op_next(side == 0 ? s->op.left : s->op.right, UINT64_MAX, in);
    *in = NULL;
    if (*block >= list->block_count)
        return ST_OK;
    *part = (Batch){arena_array(a, Vector, count + 1), count, {NULL, 0}, BATCH_ROWS};
    TRY(row_list_read(list, *block, a, part->columns, &rows));
    row_list_drop(list, (*block)++);
    part->rows.count = rows;
    *in = part;
    return ctx_poll(s->op.e->cx);
}

static Status
take_batch(SetOp *s, int side, const Batch *in)
{
    Arena *a = &s->op.scratch;
    uint16_t *away = NULL;
    uint64_t *hashes = NULL;
    uint32_t away_count = 0;

    if (side == 0 && s->parts[0].count == 0 &&
        s->arena.total_bytes + row_store_bytes(&s->store) > work_memory(s->op.e->cx)->hash_bytes &&
        !(s->from_part && s->now.level >= PART_LEVELS_MOST))
        TRY(begin_parts(s));
    if (s->parts[0].count > 0) {
        away = arena_alloc(a, sizeof(*away) * MAX_OF(in->rows.count, UINT32_C(1)));
        hashes = arena_alloc(a, sizeof(*hashes) * in->capacity);
    }
    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);
        SetEntry *e = NULL;

        TRY(find_entry(s, in, row, &e));
        if (e == NULL && away != NULL) {
            if (side == 1 && s->parts[0].lists[row_part_of(&s->parts[0], s->key_hash)].row_count == 0)
                continue; /* there is nothing on the left that it could meet */
            hashes[row] = s->key_hash;
            away[away_count++] = (uint16_t)row;
            continue;
        }
        if (e == NULL && side == 0)
            TRY(add_entry(s, in, row, &e));
        if (e != NULL)
            *(side == 0 ? &e->left : &e->right) += 1;
    }
    return away_count > 0 ? row_parts_add(&s->parts[side], a, in->columns, (Rows){away, away_count}, hashes)
                          : ST_OK;
}

static Status
set_fill(SetOp *s)
{
    for (int side = 0; side < 2; side++) {
        uint32_t block = 0;

        for (;;) {
            Batch *in, part;

            TRY(next_batch(s, side, &block, &part, &in));
            if (in == NULL)
                break;
            TRY(take_batch(s, side, in));
        }
        TRY(row_parts_finish(&s->parts[side]));
    }
    s->filled = true;
    return ST_OK;
}

static Status
push_part(SetOp *s, int i)
{
    if (s->parts[0].lists[i].row_count == 0)
        return ST_OK;
    if (s->pending_count == s->pending_capacity) {
        int capacity = MAX_OF(PARTS_MOST, s->pending_capacity * 2);
        SetPart *bigger = realloc(s->pending, sizeof(*bigger) * (size_t)capacity);

        if (bigger == NULL)
            return fail_memory(s->op.e->cx, sizeof(*bigger) * (size_t)capacity);
        s->pending = bigger;
        s->pending_capacity = capacity;
    }
    s->pending[s->pending_count++] =
        (SetPart){{row_parts_take(&s->parts[0], i), row_parts_take(&s->parts[1], i)}, s->parts[0].level + 1};
    return ST_OK;
}

static void
forget_entries(SetOp *s)
{
    row_store_clear(&s->store);
    arena_reset(&s->arena);
    s->entries = NULL;
    s->heads = NULL;
    s->count = s->capacity = s->mask = s->at = 0;
    s->repeated = 0;
    s->filled = false;
}

/* What is in memory has been given out: then the next parts, until one has something to give. */
static Status
next_part(SetOp *s)
{
    for (int i = s->parts[0].count; i-- > 0;)
        TRY(push_part(s, i));
    for (int side = 0; side < 2; side++) {
        row_parts_free(&s->parts[side]);
        row_list_free(&s->now.sides[side]);
    }
    if (s->pending_count == 0)
        return ST_OK;
    forget_entries(s);
    s->now = s->pending[--s->pending_count];
    s->from_part = true;
    return set_fill(s);
}

static void
forget(SetOp *s)
{
    forget_entries(s);
    for (int side = 0; side < 2; side++) {
        row_parts_free(&s->parts[side]);
        row_list_free(&s->now.sides[side]);
    }
    while (s->pending_count > 0) {
        SetPart *p = &s->pending[--s->pending_count];

        row_list_free(&p->sides[0]);
        row_list_free(&p->sides[1]);
    }
    temp_file_close(s->op.e->cx, s->file);
    s->file = NULL;
    s->from_part = false;
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
    for (;;) {
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
        if (n > 0 || most == 0)
            break;
        if (s->parts[0].count == 0 && s->pending_count == 0)
            return ST_OK;
        TRY(next_part(s));
        arena_reset(&op->scratch);
        rows = arena_alloc(&op->scratch, sizeof(*rows) * MAX_OF(most, 1));
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

    forget(s);
    TRY(op_rewind(op->left));
    return op_rewind(op->right);
}

static void
set_close(Op *op)
{
    SetOp *s = (SetOp *)op;

    forget(s);
    row_store_free(&s->store);
    arena_free(&s->arena);
    free(s->pending);
    buf_free(&s->key);
    buf_free(&s->packed);
}

Status
set_operation_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = set_next, .rewind = set_rewind, .close = set_close};
    SetOp *s = OP_NEW(e, plan, SetOp, &class);

    row_store_init(&s->store, e->cx, "set operation", plan->outputs, plan->output_count);
    buf_count_in(&s->packed, e->cx->arena->budget);
    arena_init(&s->arena, "set operation", e->cx->arena->budget);
    *out = &s->op;
    return op_children(*out);
}
