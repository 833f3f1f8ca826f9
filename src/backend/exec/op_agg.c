/* op_agg.c - GROUP BY and aggregates.
 *
 * Groups with short keys are found by group_cache.h; the others live in a hash table keyed by the bytes of
 * their group values (key.h). Each group has its aggregates' states in one block. The accumulating step works
 * on whole batches: first every row finds its group, then each aggregate adds its column; where the groups are
 * few, the rows of each are listed first, so that an aggregate runs over one state at a time. DISTINCT and
 * ORDER BY inside an aggregate keep the argument's values until the end. */
#include "backend/exec/exec_int.h"

#include "backend/exec/group_cache.h"
#include "backend/exec/key.h"
#include "backend/exec/key_sort.h"
#include "base/hash.h"

typedef struct Group {
    uint64_t hash;
    uint32_t key_bytes;
    const char *key;
    char *states;
} Group;

/* The rows of a batch that belong to one group. */
typedef struct GroupRows {
    uint32_t group;
    Rows rows;
} GroupRows;

enum { LISTED_GROUPS_MOST = 64, LISTED_ROWS_LEAST = 4 };

/* What a batch's rows are to be added to. */
typedef struct Targets {
    uint32_t *groups; /* by row; NULL: all to group 0 */
    GroupRows *lists; /* the same as lists of rows, or NULL */
    uint32_t list_count;
} Targets;

/* An aggregate with DISTINCT or ORDER BY: argument rows per group, kept in one store. */
typedef struct Kept {
    RowStore store;
    uint32_t *group_of; /* per kept row */
    uint64_t capacity;
} Kept;

typedef struct AggOp {
    Op op;
    Arena arena; /* groups, keys, states */
    RowStore values; /* the group columns, one row per group */
    Group *groups;
    uint32_t group_count, group_capacity;
    uint32_t *table; /* group number + 1 */
    uint32_t mask, in_table;
    uint32_t state_bytes;
    uint32_t *state_at; /* of each aggregate in a group's block */
    Kept *kept;
    bool filled;
    uint64_t at;
    Buf key;
    GroupCache cache;
} AggOp;

static bool
is_kept(const Expr *x)
{
    return x->agg.distinct || x->agg.order_count > 0;
}

static Status
grow_table(AggOp *g)
{
    uint32_t buckets = MAX_OF(64, (g->mask + 1) * 2);
    uint32_t *table;

    if (g->table != NULL && g->in_table * 2 <= g->mask)
        return ST_OK;
    if (g->table == NULL)
        buckets = 64;
    table = arena_try_alloc(&g->arena, sizeof(*table) * buckets);
    if (table == NULL)
        return fail_memory(g->op.e->cx, sizeof(*table) * buckets);
    memset(table, 0, sizeof(*table) * buckets);
    for (uint32_t i = 0; i < g->group_count; i++) {
        uint32_t b = (uint32_t)g->groups[i].hash & (buckets - 1);

        if (g->groups[i].key_bytes == 0) /* it is in the other table */
            continue;
        while (table[b] != 0)
            b = (b + 1) & (buckets - 1);
        table[b] = i + 1;
    }
    g->table = table;
    g->mask = buckets - 1;
    return ST_OK;
}

static Status
add_group(AggOp *g, uint64_t hash, const char *key, uint32_t key_bytes, uint32_t *no)
{
    Ctx *cx = g->op.e->cx;
    Group *group;
    char *block;

    if (g->group_count == g->group_capacity) {
        uint32_t capacity = MAX_OF(16, g->group_capacity * 2);
        Group *groups = arena_try_alloc(&g->arena, sizeof(*groups) * capacity);

        if (groups == NULL)
            return fail_memory(cx, sizeof(*groups) * capacity);
        if (g->group_count > 0)
            memcpy(groups, g->groups, sizeof(*groups) * g->group_count);
        g->groups = groups;
        g->group_capacity = capacity;
    }
    block = arena_try_alloc(&g->arena, g->state_bytes + key_bytes);
    if (block == NULL)
        return fail_memory(cx, g->state_bytes + key_bytes);
    memset(block, 0, g->state_bytes);
    if (key_bytes > 0)
        memcpy(block + g->state_bytes, key, key_bytes);
    group = &g->groups[g->group_count];
    *group = (Group){hash, key_bytes, block + g->state_bytes, block};
    *no = g->group_count++;
    return ST_OK;
}

/* The group of one row, made if it is new; the caller keeps the new group's values. */
static Status
find_group(AggOp *g, Vector *const *keys, uint32_t row, uint32_t *no)
{
    int count = g->op.plan->agg.group_count;
    uint64_t hash;
    uint32_t b;

    buf_clear(&g->key);
    for (int i = 0; i < count; i++) {
        Value v = vector_is_null(keys[i], row) ? value_null() : vector_get(keys[i], row);

        key_append_hash(type_by_oid(g->op.plan->agg.groups[i]->type), &v, &g->key);
    }
    if (g->key.failed)
        return fail_memory(g->op.e->cx, g->key.bytes);
    hash = hash_bytes(g->key.data, g->key.bytes);
    TRY(grow_table(g));
    for (b = (uint32_t)hash & g->mask; g->table[b] != 0; b = (b + 1) & g->mask) {
        const Group *group = &g->groups[g->table[b] - 1];

        if (group->hash == hash && group->key_bytes == g->key.bytes &&
            memcmp(group->key, g->key.data, g->key.bytes) == 0) {
            *no = g->table[b] - 1;
            return ST_OK;
        }
    }
    TRY(add_group(g, hash, g->key.data, (uint32_t)g->key.bytes, no));
    g->table[b] = *no + 1;
    g->in_table++;
    return ST_OK;
}

/* Leaves out rows in which an argument is null, if the aggregate does not look at those. */
static void
agg_rows(AggOp *g, const Expr *x, Vector *const *args, Rows *rows)
{
    if (!x->agg.fn->agg->strict)
        return;
    for (int i = 0; i < x->agg.arg_count; i++) {
        uint16_t *sel;
        uint32_t n = 0;

        if (args[i]->nulls == NULL)
            continue;
        sel = arena_alloc(g->op.e->cx->arena, sizeof(uint16_t) * MAX_OF(rows->count, 1));
        for (uint32_t k = 0; k < rows->count; k++) {
            uint32_t row = rows_at(*rows, k);

            if (!vector_is_null(args[i], row))
                sel[n++] = (uint16_t)row;
        }
        *rows = (Rows){sel, n};
    }
}

static Status
keep_rows(AggOp *g, int a, const Expr *x, const Batch *in, Vector *const *args, Rows rows,
          const uint32_t *groups)
{
    Kept *kept = &g->kept[a];
    int columns = x->agg.arg_count + x->agg.order_count;
    Vector *values = arena_alloc(g->op.e->cx->arena, sizeof(Vector) * (size_t)columns);
    Batch batch = {values, columns, rows, in->capacity};

    for (int i = 0; i < x->agg.arg_count; i++)
        values[i] = *args[i];
    for (int i = 0; i < x->agg.order_count; i++) {
        Vector *v;

        TRY(eval(g->op.e, x->agg.order[i].expr, in, rows, &v));
        values[x->agg.arg_count + i] = *v;
    }
    if (kept->store.row_count + rows.count > kept->capacity) {
        uint64_t capacity = MAX_OF(kept->capacity * 2, (uint64_t)BATCH_ROWS * 2);
        uint32_t *bigger = arena_try_alloc(&g->arena, sizeof(*bigger) * capacity);

        if (bigger == NULL)
            return fail_memory(g->op.e->cx, sizeof(*bigger) * capacity);
        if (kept->store.row_count > 0)
            memcpy(bigger, kept->group_of, sizeof(*bigger) * kept->store.row_count);
        kept->group_of = bigger;
        kept->capacity = capacity;
    }
    for (uint32_t k = 0; k < rows.count; k++)
        kept->group_of[kept->store.row_count + k] = groups != NULL ? groups[rows_at(rows, k)] : 0;
    return row_store_append(&kept->store, &batch);
}

static AggCall
agg_call(AggOp *g, const Expr *x, Vector *const *args, Rows rows)
{
    return (AggCall){
        .cx = g->op.e->cx,
        .arena = &g->arena,
        .rows = rows,
        .arg_type = x->agg.arg_count > 0 ? x->agg.args[0]->type : OID_NONE,
        .scale = x->agg.arg_count > 0 && args != NULL ? args[0]->scale : 0,
    };
}

/* Arguments of all aggregates: over the columns of the input, then the expressions that several share. */
static Status
input_with_commons(AggOp *g, const Batch *in, Batch *out)
{
    const Plan *plan = g->op.plan;
    int count = in->column_count + plan->agg.common_count;

    *out = *in;
    if (plan->agg.common_count == 0)
        return ST_OK;
    out->columns = arena_alloc(g->op.e->cx->arena, sizeof(Vector) * (size_t)count);
    memcpy(out->columns, in->columns, sizeof(Vector) * (size_t)in->column_count);
    for (int i = 0; i < plan->agg.common_count; i++) {
        Vector *v;

        TRY(eval(g->op.e, plan->agg.commons[i], out, in->rows, &v));
        out->columns[out->column_count++] = *v;
    }
    return ST_OK;
}

static Status
step(AggOp *g, int a, AggCall *call, Vector *const *args, const Targets *t, void **states)
{
    const AggInfo *info = g->op.plan->agg.aggs[a]->agg.fn->agg;
    Rows rows = call->rows;

    if (t->groups == NULL)
        return info->step_one(call, g->groups[0].states + g->state_at[a], args);
    if (t->lists != NULL) {
        for (uint32_t i = 0; i < t->list_count; i++) {
            call->rows = t->lists[i].rows;
            TRY(info->step_one(call, g->groups[t->lists[i].group].states + g->state_at[a], args));
        }
        return ST_OK;
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        states[row] = g->groups[t->groups[row]].states + g->state_at[a];
    }
    return info->step(call, states, args);
}

static Status
accumulate(AggOp *g, const Batch *in, const Targets *targets)
{
    const Plan *plan = g->op.plan;
    Targets each_row = {.groups = targets->groups};
    void **states = NULL;
    Batch input;

    if (targets->groups != NULL)
        states = arena_alloc(g->op.e->cx->arena, sizeof(void *) * in->capacity);
    TRY(input_with_commons(g, in, &input));
    for (int a = 0; a < plan->agg.agg_count; a++) {
        const Expr *x = plan->agg.aggs[a];
        Vector *args[FN_ARGS_MOST];
        Rows rows = in->rows;
        AggCall call;

        if (plan->agg.same_state != NULL && plan->agg.same_state[a] != a)
            continue;
        if (x->agg.filter != NULL)
            TRY(eval_filter(g->op.e, x->agg.filter, in, rows, &rows));
        if (rows.count == 0)
            continue;
        for (int i = 0; i < x->agg.arg_count; i++)
            TRY(eval(g->op.e, x->agg.args[i], &input, rows, &args[i]));
        agg_rows(g, x, args, &rows);
        if (rows.count == 0)
            continue;
        if (is_kept(x)) {
            TRY(keep_rows(g, a, x, &input, args, rows, targets->groups));
            continue;
        }
        call = agg_call(g, x, args, rows);
        /* the lists are of all rows */
        TRY(step(g, a, &call, args, rows.count == in->rows.count ? targets : &each_row, states));
    }
    return ST_OK;
}

/* Few groups: lists of their rows, in order. */
static void
list_groups(AggOp *g, Rows rows, Targets *t)
{
    Arena *arena = g->op.e->cx->arena;
    uint32_t counts[LISTED_GROUPS_MOST] = {0};
    uint16_t *at[LISTED_GROUPS_MOST], *sel;

    t->lists = NULL;
    if (g->group_count > LISTED_GROUPS_MOST || rows.count < g->group_count * LISTED_ROWS_LEAST)
        return;
    for (uint32_t k = 0; k < rows.count; k++)
        counts[t->groups[rows_at(rows, k)]]++;
    sel = arena_alloc(arena, sizeof(*sel) * rows.count);
    t->lists = arena_alloc(arena, sizeof(*t->lists) * g->group_count);
    t->list_count = 0;
    for (uint32_t i = 0; i < g->group_count; i++) {
        at[i] = sel;
        if (counts[i] > 0)
            t->lists[t->list_count++] = (GroupRows){i, {sel, counts[i]}};
        sel += counts[i];
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        *at[t->groups[row]]++ = (uint16_t)row;
    }
}

static Status
find_groups(AggOp *g, Vector *const *keys, const Batch *in, uint32_t *groups)
{
    Ctx *cx = g->op.e->cx;
    const Plan *plan = g->op.plan;
    int count = plan->agg.group_count;
    uint16_t *fresh = arena_alloc(cx->arena, sizeof(*fresh) * MAX_OF(in->rows.count, 1));
    uint32_t fresh_count = 0;
    Vector *values;
    Batch new_groups;
    GroupKeys words;
    bool by_words;

    TRY(group_keys_make(cx, &g->cache, plan->agg.groups, keys, count, in->rows, in->capacity, &words,
                        &by_words));
    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k), before = g->group_count;
        GroupSlot *slot = NULL;

        if (by_words && (words.unfit == NULL || !words.unfit[row])) {
            slot = group_cache_slot(&g->cache, &words, row);
            if (LIKELY(slot->group != 0 && group_slot_has(slot, &words, row))) {
                groups[row] = slot->group - 1;
                continue;
            }
        }
        if (slot != NULL && g->cache.exact)
            TRY(add_group(g, 0, NULL, 0, &groups[row]));
        else
            TRY(find_group(g, keys, row, &groups[row]));
        if (slot != NULL)
            group_slot_put(&g->cache, slot, &words, row, groups[row]);
        if (g->group_count != before)
            fresh[fresh_count++] = (uint16_t)row;
    }
    if (fresh_count == 0)
        return ST_OK;
    values = arena_alloc(cx->arena, sizeof(Vector) * (size_t)count); /* for the output */
    for (int i = 0; i < count; i++)
        values[i] = *keys[i];
    new_groups = (Batch){values, count, {fresh, fresh_count}, in->capacity};
    return row_store_append(&g->values, &new_groups);
}

static Status
take_batch(AggOp *g, const Batch *in)
{
    const Plan *plan = g->op.plan;
    Targets targets = {0};
    Vector **keys;

    if (plan->agg.group_count == 0)
        return accumulate(g, in, &targets);
    keys = arena_alloc(g->op.e->cx->arena, sizeof(Vector *) * (size_t)plan->agg.group_count);
    targets.groups = arena_alloc(g->op.e->cx->arena, sizeof(uint32_t) * in->capacity);
    for (int i = 0; i < plan->agg.group_count; i++)
        TRY(eval(g->op.e, plan->agg.groups[i], in, in->rows, &keys[i]));
    TRY(find_groups(g, keys, in, targets.groups));
    list_groups(g, in->rows, &targets);
    return accumulate(g, in, &targets);
}

/* ---- DISTINCT and ORDER BY inside an aggregate ------------------------------------------------------------- */

/* A key: the group, then what orders the rows, then the arguments if equal ones count once. */
static Status
kept_key(AggOp *g, const Kept *kept, const Expr *x, uint64_t row, KeyItem *out)
{
    char *key;

    buf_clear(&g->key);
    buf_add_u32(&g->key, kept->group_of[row]);
    for (int i = 0; i < x->agg.order_count; i++) {
        KeyPart part = {type_by_oid(x->agg.order[i].expr->type), x->agg.order[i].descending,
                        x->agg.order[i].nulls_first};
        Value v = row_store_get(&kept->store, row, x->agg.arg_count + i);

        key_append(&part, &v, &g->key);
    }
    for (int i = 0; x->agg.distinct && i < x->agg.arg_count; i++) {
        KeyPart part = {type_by_oid(x->agg.args[i]->type), false, false};
        Value v = row_store_get(&kept->store, row, i);

        key_append(&part, &v, &g->key);
    }
    key = g->key.failed ? NULL : arena_try_alloc(&g->arena, g->key.bytes);
    if (key == NULL)
        return fail_memory(g->op.e->cx, g->key.bytes);
    memcpy(key, g->key.data, g->key.bytes);
    *out = key_item(key, (uint32_t)g->key.bytes, (uint32_t)row);
    return ST_OK;
}

static Status
sort_kept(AggOp *g, int a, const Expr *x, KeyItem **out)
{
    Kept *kept = &g->kept[a];
    uint64_t count = kept->store.row_count;
    size_t bytes = 2 * sizeof(KeyItem) * MAX_OF(count, (uint64_t)1);
    KeyItem *rows = count > UINT32_MAX ? NULL : arena_try_alloc(&g->arena, bytes);

    if (rows == NULL)
        return fail_memory(g->op.e->cx, bytes);
    for (uint64_t r = 0; r < count; r++)
        TRY(kept_key(g, kept, x, r, &rows[r]));
    *out = rows;
    return key_sort(g->op.e->cx, rows, rows + count, count);
}

static Status
finish_kept(AggOp *g, int a, const Expr *x)
{
    Kept *kept = &g->kept[a];
    Arena *scratch = g->op.e->cx->arena;
    KeyItem *rows = NULL;

    TRY(sort_kept(g, a, x, &rows));
    for (uint64_t r = 0; r < kept->store.row_count; r++) {
        Vector *args[FN_ARGS_MOST], values[FN_ARGS_MOST];
        ArenaMark mark = arena_mark(scratch);
        AggCall call;

        if (x->agg.distinct && r > 0 && key_items_equal(&rows[r], &rows[r - 1]))
            continue;
        for (int i = 0; i < x->agg.arg_count; i++) {
            Value v = row_store_get(&kept->store, rows[r].row, i);

            vector_of(&values[i], scratch, &v, type_by_oid(x->agg.args[i]->type)->phys);
            args[i] = &values[i];
        }
        call = agg_call(g, x, args, (Rows){NULL, 1});
        TRY(x->agg.fn->agg->step_one(&call, g->groups[kept->group_of[rows[r].row]].states + g->state_at[a],
                                     args));
        if (mark.chunk != NULL)
            arena_rewind(scratch, mark);
    }
    return ST_OK;
}

/* ---- the operator --------------------------------------------------------------------------------------------- */

static Status
fill(AggOp *g)
{
    Op *op = &g->op;
    uint32_t no;

    if (op->plan->agg.group_count == 0)
        TRY(add_group(g, 0, NULL, 0, &no));
    for (;;) {
        Batch *in;

        arena_reset(&op->scratch);
        TRY(op_next(op->left, UINT64_MAX, &in));
        if (in == NULL)
            break;
        TRY(take_batch(g, in));
    }
    for (int a = 0; a < op->plan->agg.agg_count; a++) {
        if (is_kept(op->plan->agg.aggs[a]))
            TRY(finish_kept(g, a, op->plan->agg.aggs[a]));
    }
    g->filled = true;
    return ST_OK;
}

static Status
agg_next(Op *op, uint64_t budget, Batch **out)
{
    AggOp *g = (AggOp *)op;
    const Plan *plan = op->plan;
    uint32_t n;
    uint64_t *rows;

    *out = NULL;
    if (!g->filled)
        TRY(fill(g));
    arena_reset(&op->scratch);
    n = (uint32_t)MIN_OF(MIN_OF(g->group_count - g->at, budget), (uint64_t)BATCH_ROWS);
    if (n == 0)
        return ST_OK;
    op->out.columns = vectors_new(&op->scratch, plan->outputs, plan->output_count, n);
    op->out.column_count = plan->output_count;
    op->out.capacity = n;
    op->out.rows = (Rows){NULL, n};
    if (plan->agg.group_count > 0) {
        rows = arena_alloc(&op->scratch, sizeof(*rows) * n);
        for (uint32_t i = 0; i < n; i++)
            rows[i] = g->at + i;
        TRY(row_store_gather(&g->values, &op->scratch, rows, n, op->out.columns));
    }
    for (int a = 0; a < plan->agg.agg_count; a++) {
        const Expr *x = plan->agg.aggs[a];
        AggCall call = agg_call(g, x, NULL, (Rows){NULL, 1});
        Vector *column = &op->out.columns[plan->agg.group_count + a];

        for (uint32_t i = 0; i < n; i++) {
            Value v = value_null();
            Vector one;

            TRY(x->agg.fn->agg->finish(&call, g->groups[g->at + i].states + g->state_at[a], &v));
            if (!v.is_null && v.phys == column->phys && v.phys != PHYS_DEC64 && v.phys != PHYS_VAR) {
                vector_set(column, &op->scratch, i, n, v);
                continue;
            }
            vector_of(&one, &op->scratch, &v, v.is_null ? type_by_oid(x->type)->phys : (Phys)v.phys);
            TRY(vector_append(op->e->cx, &op->scratch, NULL, column, i, n, &one, (Rows){NULL, 1}));
        }
    }
    g->at += n;
    *out = &op->out;
    return ST_OK;
}

static void
forget(AggOp *g)
{
    row_store_clear(&g->values);
    for (int a = 0; a < g->op.plan->agg.agg_count; a++) {
        row_store_clear(&g->kept[a].store);
        g->kept[a].group_of = NULL;
        g->kept[a].capacity = 0;
    }
    arena_reset(&g->arena);
    g->groups = NULL;
    g->table = NULL;
    g->group_count = g->group_capacity = g->mask = g->in_table = 0;
    g->filled = false;
    g->at = 0;
    group_cache_clear(&g->cache);
}

static Status
agg_rewind(Op *op)
{
    forget((AggOp *)op);
    return op_rewind(op->left);
}

static void
agg_close(Op *op)
{
    AggOp *g = (AggOp *)op;

    row_store_free(&g->values);
    for (int a = 0; a < op->plan->agg.agg_count; a++)
        row_store_free(&g->kept[a].store);
    arena_free(&g->arena);
    buf_free(&g->key);
}

Status
aggregate_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = agg_next, .rewind = agg_rewind, .close = agg_close};
    AggOp *g = OP_NEW(e, plan, AggOp, &class);

    arena_init(&g->arena, "aggregate", e->cx->arena->budget);
    row_store_init(&g->values, e->cx, "groups", plan->agg.groups, plan->agg.group_count);
    g->state_at = arena_array(e->arena, uint32_t, plan->agg.agg_count + 1);
    g->kept = arena_array(e->arena, Kept, plan->agg.agg_count + 1);
    group_cache_init(&g->cache, &g->arena, plan->agg.groups, plan->agg.group_count);
    for (int a = 0; a < plan->agg.agg_count; a++) {
        const Expr *x = plan->agg.aggs[a];
        int columns = x->agg.arg_count + x->agg.order_count;
        Expr **types = arena_array(e->arena, Expr *, columns + 1);

        if (plan->agg.same_state != NULL && plan->agg.same_state[a] != a) {
            g->state_at[a] = g->state_at[plan->agg.same_state[a]];
        } else {
            g->state_at[a] = g->state_bytes;
            g->state_bytes += (uint32_t)ALIGN_UP(x->agg.fn->agg->state_bytes, 16);
        }
        for (int i = 0; i < columns; i++)
            types[i] = i < x->agg.arg_count ? x->agg.args[i] : x->agg.order[i - x->agg.arg_count].expr;
        row_store_init(&g->kept[a].store, e->cx, "aggregate input", types, columns);
    }
    *out = &g->op;
    return op_children(*out);
}
