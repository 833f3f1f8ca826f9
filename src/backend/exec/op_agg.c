/* op_agg.c - GROUP BY and aggregates.
 *
 * Groups with short keys are found by group_cache.h; the others live in a hash table keyed by the bytes of
 * their group values (key.h). Each group has its aggregates' states in one block. The accumulating step works
 * on whole batches: first every row finds its group, then each aggregate adds its column; where the groups are
 * few, the rows of each are listed first, so that an aggregate runs over one state at a time. DISTINCT and
 * ORDER BY inside an aggregate sort the argument's values (row_sort.h) and hand them on in the end.
 *
 * When the groups have come to too many bytes, no new ones are made: rows of groups that are not there go to a
 * temporary file, divided by hash (row_parts.h), and when the groups in memory have been given out, each part is
 * aggregated as if it were an input of its own. States never leave memory, so they need no form outside it. */
#include "backend/exec/exec_int.h"

#include <stdlib.h>

#include "backend/exec/group_cache.h"
#include "backend/exec/key.h"
#include "backend/exec/row_parts.h"
#include "backend/exec/row_sort.h"
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

enum { NO_GROUP = UINT32_MAX }; /* of a row that waits for later */

/* An aggregate with DISTINCT or ORDER BY: rows of arguments, what orders them, and the group, sorted by the group,
 * then by what orders them, then by the arguments if equal ones count once. */
typedef struct Kept {
    RowSort sort;
    bool used;
} Kept;

/* Rows that wait, and at which level they are divided if they are too many again. */
typedef struct AggPart {
    RowList rows;
    int level;
} AggPart;

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

    /* when rows have left memory */
    TempFile *file;
    Buf packed;
    RowParts parts; /* of the rows read now; .count 0: there is still room */
    bool from_part; /* `now` is being read, not the operator below */
    AggPart now;
    AggPart *pending; /* malloc; worked on from the end */
    int pending_count, pending_capacity;
    uint64_t part_count; /* read so far, for EXPLAIN */
    int made_key_count; /* group keys that are no plain columns: rows that wait carry them behind their own columns */
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

/* The group of one row, made if it is new and there is room (else NO_GROUP); the caller keeps the new group's
 * values. */
static Status
find_group(AggOp *g, Vector *const *keys, uint32_t row, uint32_t *no, uint64_t *key_hash)
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
    *key_hash = hash;
    for (b = (uint32_t)hash & g->mask; g->table[b] != 0; b = (b + 1) & g->mask) {
        const Group *group = &g->groups[g->table[b] - 1];

        if (group->hash == hash && group->key_bytes == g->key.bytes &&
            memcmp(group->key, g->key.data, g->key.bytes) == 0) {
            *no = g->table[b] - 1;
            return ST_OK;
        }
    }
    *no = NO_GROUP;
    if (g->parts.count > 0)
        return ST_OK;
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
    Arena *arena = g->op.e->cx->arena;
    int columns = x->agg.arg_count + x->agg.order_count;
    Vector *values = arena_alloc(arena, sizeof(Vector) * (size_t)(columns + 1));
    Batch batch = {values, columns + 1, rows, in->capacity};
    int64_t *group_of;

    for (int i = 0; i < x->agg.arg_count; i++)
        values[i] = *args[i];
    for (int i = 0; i < x->agg.order_count; i++) {
        Vector *v;

        TRY(eval(g->op.e, x->agg.order[i].expr, in, rows, &v));
        values[x->agg.arg_count + i] = *v;
    }
    vector_init(&values[columns], arena, PHYS_I64, in->capacity);
    group_of = values[columns].data;
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        group_of[row] = groups != NULL ? groups[row] : 0;
    }
    return row_sort_add(&g->kept[a].sort, &batch);
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

/* The group keys of a batch. Of rows that have waited, what is no plain column has been computed. */
static Status
eval_keys(AggOp *g, const Batch *in, Vector **keys)
{
    const Plan *plan = g->op.plan;
    int made = in->column_count;

    for (int i = 0; i < plan->agg.group_count; i++) {
        if (g->from_part && plan->agg.groups[i]->kind != EXPR_SLOT)
            keys[i] = &in->columns[made++];
        else
            TRY(eval(g->op.e, plan->agg.groups[i], in, in->rows, &keys[i]));
    }
    return ST_OK;
}

/* Rows that have found no group wait. in->rows: only the others. */
static Status
put_away(AggOp *g, Batch *in, Vector *const *keys, const uint32_t *groups, uint64_t *hashes)
{
    Arena *a = g->op.e->cx->arena;
    Vector *columns = arena_alloc(a, sizeof(*columns) * (size_t)(in->column_count + g->made_key_count + 1));
    int column_count = in->column_count;
    uint16_t *here = arena_alloc(a, sizeof(*here) * MAX_OF(in->rows.count, UINT32_C(1)));
    uint16_t *away = arena_alloc(a, sizeof(*away) * MAX_OF(in->rows.count, UINT32_C(1)));
    uint32_t here_count = 0, away_count = 0;

    for (uint32_t k = 0; k < in->rows.count; k++) {
        uint32_t row = rows_at(in->rows, k);

        if (groups[row] == NO_GROUP)
            away[away_count++] = (uint16_t)row;
        else
            here[here_count++] = (uint16_t)row;
    }
    if (away_count == 0)
        return ST_OK;
    in->rows = (Rows){here, here_count};
    if (column_count > 0)
        memcpy(columns, in->columns, sizeof(*columns) * (size_t)column_count);
    for (int i = 0; i < g->op.plan->agg.group_count; i++) {
        if (g->op.plan->agg.groups[i]->kind != EXPR_SLOT)
            columns[column_count++] = *keys[i];
    }
    return row_parts_add(&g->parts, a, columns, (Rows){away, away_count}, hashes);
}

static Status
find_groups(AggOp *g, Vector *const *keys, const Batch *in, uint32_t *groups, uint64_t *hashes)
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
        if (slot != NULL && g->cache.exact) {
            if (UNLIKELY(hashes != NULL)) {
                groups[row] = NO_GROUP;
                hashes[row] = words.hashes[row];
            } else {
                TRY(add_group(g, 0, NULL, 0, &groups[row]));
            }
        } else {
            uint64_t hash = 0;

            TRY(find_group(g, keys, row, &groups[row], &hash));
            if (UNLIKELY(hashes != NULL))
                hashes[row] = hash;
        }
        if (slot != NULL && groups[row] != NO_GROUP)
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

/* Of groups, their values and their states; what is kept to be sorted has a limit of its own. */
static uint64_t
group_bytes(const AggOp *g)
{
    return g->arena.total_bytes + row_store_bytes(&g->values);
}

/* No group is added from now on. */
static Status
begin_parts(AggOp *g, const Batch *in)
{
    Ctx *cx = g->op.e->cx;
    uint64_t memory = work_memory(cx)->hash_bytes;

    if (g->file == NULL)
        TRY(temp_file_create(cx, g->arena.budget, &g->file));
    return row_parts_init(&g->parts, cx, g->arena.budget, g->file, &g->packed,
                          in->column_count + g->made_key_count, row_parts_count(memory),
                          g->from_part ? g->now.level : 0, memory);
}

static Status
take_batch(AggOp *g, Batch *in)
{
    const Plan *plan = g->op.plan;
    Targets targets = {0};
    uint64_t *hashes = NULL;
    Vector **keys;

    if (plan->agg.group_count == 0)
        return accumulate(g, in, &targets);
    keys = arena_alloc(g->op.e->cx->arena, sizeof(Vector *) * (size_t)plan->agg.group_count);
    targets.groups = arena_alloc(g->op.e->cx->arena, sizeof(uint32_t) * in->capacity);
    TRY(eval_keys(g, in, keys));
    if (UNLIKELY(g->parts.count == 0 && group_bytes(g) > work_memory(g->op.e->cx)->hash_bytes &&
                 !(g->from_part && g->now.level >= PART_LEVELS_MOST)))
        TRY(begin_parts(g, in));
    if (UNLIKELY(g->parts.count > 0))
        hashes = arena_alloc(g->op.e->cx->arena, sizeof(*hashes) * in->capacity);
    TRY(find_groups(g, keys, in, targets.groups, hashes));
    if (UNLIKELY(hashes != NULL)) {
        TRY(put_away(g, in, keys, targets.groups, hashes));
        if (in->rows.count == 0)
            return ST_OK;
    }
    list_groups(g, in->rows, &targets);
    return accumulate(g, in, &targets);
}

/* ---- DISTINCT and ORDER BY inside an aggregate ------------------------------------------------------------- */

/* Rows [from, end) of a batch belong to one group. */
static Status
step_kept(AggOp *g, int a, const Expr *x, const Batch *in, const uint16_t *sel, uint32_t count, uint32_t group)
{
    Vector *args[FN_ARGS_MOST];
    AggCall call;

    if (count == 0)
        return ST_OK;
    for (int i = 0; i < x->agg.arg_count; i++)
        args[i] = &in->columns[i];
    call = agg_call(g, x, args, (Rows){sel, count});
    return x->agg.fn->agg->step_one(&call, g->groups[group].states + g->state_at[a], args);
}

static Status
finish_kept(AggOp *g, int a, const Expr *x)
{
    RowSort *sort = &g->kept[a].sort;
    int group_column = x->agg.arg_count + x->agg.order_count;
    KeyItem *keys = arena_alloc(&g->arena, sizeof(*keys) * BATCH_ROWS);
    Arena rows, *saved = g->op.e->cx->arena;
    Buf last = {0}; /* key of the row before */
    Status rc;

    arena_init(&rows, "aggregate input", g->arena.budget);
    TRY_TO(out, rc, row_sort_finish(sort));
    g->op.e->cx->arena = &rows;
    for (;;) {
        uint16_t sel[BATCH_ROWS];
        uint32_t n = 0, group = 0;
        const int64_t *group_of;
        Batch in;

        arena_reset(&rows);
        TRY_TO(out, rc, ctx_poll(g->op.e->cx));
        TRY_TO(out, rc, row_sort_next(sort, &rows, BATCH_ROWS, &in, keys));
        if (in.rows.count == 0)
            break;
        group_of = in.columns[group_column].data;
        for (uint32_t k = 0; k < in.rows.count; k++) {
            bool same = x->agg.distinct && last.bytes == keys[k].bytes &&
                        memcmp(last.data, keys[k].key, last.bytes) == 0;

            if (same)
                continue;
            if (x->agg.distinct) {
                buf_clear(&last);
                buf_add(&last, keys[k].key, keys[k].bytes);
            }
            if (n > 0 && group != (uint32_t)group_of[k]) {
                TRY_TO(out, rc, step_kept(g, a, x, &in, sel, n, group));
                n = 0;
            }
            group = (uint32_t)group_of[k];
            sel[n++] = (uint16_t)k;
        }
        TRY_TO(out, rc, step_kept(g, a, x, &in, sel, n, group));
    }
    rc = last.failed ? fail_memory(g->op.e->cx, last.bytes) : ST_OK;
out:
    g->op.e->cx->arena = saved;
    arena_free(&rows);
    buf_free(&last);
    row_sort_clear(sort);
    return rc;
}

/* ---- the operator --------------------------------------------------------------------------------------------- */

static void
forget_groups(AggOp *g)
{
    row_store_clear(&g->values);
    arena_reset(&g->arena);
    g->groups = NULL;
    g->table = NULL;
    g->group_count = g->group_capacity = g->mask = g->in_table = 0;
    g->filled = false;
    g->at = 0;
    group_cache_clear(&g->cache);
}

/* The next rows to aggregate; *in NULL: there are no more. */
static Status
next_batch(AggOp *g, Batch *own, uint32_t *block, Batch **in)
{
    Op *op = &g->op;
    int count;
    uint32_t rows;

    arena_reset(&op->scratch);
    *in = NULL;
    if (!g->from_part) {
        Batch *given;

        TRY(op_next(op->left, UINT64_MAX, &given));
        if (given == NULL)
            return ST_OK;
        *own = *given; /* the rows that count may be changed */
        *in = own;
        return ST_OK;
    }
    if (*block >= g->now.rows.block_count)
        return ST_OK;
    count = g->now.rows.column_count - 1 - g->made_key_count;
    *own = (Batch){arena_array(&op->scratch, Vector, g->now.rows.column_count), count, {NULL, 0}, BATCH_ROWS};
    TRY(row_list_read(&g->now.rows, *block, &op->scratch, own->columns, &rows));
    row_list_drop(&g->now.rows, (*block)++);
    own->rows.count = rows;
    *in = own;
    return ctx_poll(op->e->cx);
}

static void
count_memory(AggOp *g)
{
    ExecCount *c = g->op.count;

    if (c == NULL)
        return;
    c->memory_bytes = MAX_OF(c->memory_bytes, group_bytes(g));
    c->batches = MAX_OF(c->batches, g->part_count + 1);
    c->disk_bytes = g->file != NULL ? temp_file_bytes(g->file) : 0;
}

static Status
fill(AggOp *g)
{
    Op *op = &g->op;
    uint32_t no, block = 0;

    if (op->plan->agg.group_count == 0)
        TRY(add_group(g, 0, NULL, 0, &no));
    for (;;) {
        Batch *in, own;

        TRY(next_batch(g, &own, &block, &in));
        if (in == NULL)
            break;
        TRY(take_batch(g, in));
    }
    TRY(row_parts_finish(&g->parts));
    for (int a = 0; a < op->plan->agg.agg_count; a++) {
        if (is_kept(op->plan->agg.aggs[a]))
            TRY(finish_kept(g, a, op->plan->agg.aggs[a]));
    }
    g->filled = true;
    count_memory(g);
    return ST_OK;
}

static Status
push_part(AggOp *g, int i)
{
    if (g->parts.lists[i].row_count == 0)
        return ST_OK;
    if (g->pending_count == g->pending_capacity) {
        int capacity = MAX_OF(PARTS_MOST, g->pending_capacity * 2);
        AggPart *bigger = realloc(g->pending, sizeof(*bigger) * (size_t)capacity);

        if (bigger == NULL)
            return fail_memory(g->op.e->cx, sizeof(*bigger) * (size_t)capacity);
        g->pending = bigger;
        g->pending_capacity = capacity;
    }
    g->pending[g->pending_count++] = (AggPart){row_parts_take(&g->parts, i), g->parts.level + 1};
    return ST_OK;
}

/* The groups in memory have been given out: is there more? Then the next part is aggregated. */
static Status
next_part(AggOp *g, bool *more)
{
    for (int i = g->parts.count; i-- > 0;)
        TRY(push_part(g, i));
    row_parts_free(&g->parts);
    row_list_free(&g->now.rows);
    *more = g->pending_count > 0;
    if (!*more)
        return ST_OK;
    forget_groups(g);
    g->now = g->pending[--g->pending_count];
    g->from_part = true;
    g->part_count++;
    return fill(g);
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
    while (g->at == g->group_count && (g->parts.count > 0 || g->pending_count > 0)) {
        bool more;

        TRY(next_part(g, &more));
        if (!more)
            break;
        arena_reset(&op->scratch);
    }
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
    forget_groups(g);
    for (int a = 0; a < g->op.plan->agg.agg_count; a++) {
        if (g->kept[a].used)
            row_sort_clear(&g->kept[a].sort);
    }
    row_parts_free(&g->parts);
    row_list_free(&g->now.rows);
    while (g->pending_count > 0)
        row_list_free(&g->pending[--g->pending_count].rows);
    temp_file_close(g->op.e->cx, g->file);
    g->file = NULL;
    g->from_part = false;
    g->part_count = 0;
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

    forget(g);
    row_store_free(&g->values);
    for (int a = 0; a < op->plan->agg.agg_count; a++)
        row_sort_free(&g->kept[a].sort);
    arena_free(&g->arena);
    free(g->pending);
    buf_free(&g->key);
    buf_free(&g->packed);
}

static void
prepare_kept(Execution *e, Kept *kept, const Expr *x, bool grouped)
{
    int args = x->agg.arg_count, orders = x->agg.order_count, part_count = 0;
    Expr **types = arena_array(e->arena, Expr *, args + orders + 1);
    KeyPart *parts = arena_array(e->arena, KeyPart, 1 + orders + args);
    int *slots = arena_array(e->arena, int, 1 + orders + args);
    Expr *group = arena_new(e->arena, Expr);

    group->type = TYPE_INT8;
    for (int i = 0; i < args + orders; i++)
        types[i] = i < args ? x->agg.args[i] : x->agg.order[i - args].expr;
    types[args + orders] = group;
    if (grouped) {
        parts[part_count] = (KeyPart){type_by_oid(TYPE_INT8), false, false};
        slots[part_count++] = args + orders;
    }
    for (int i = 0; i < orders; i++) {
        parts[part_count] = (KeyPart){type_by_oid(types[args + i]->type), x->agg.order[i].descending,
                                      x->agg.order[i].nulls_first};
        slots[part_count++] = args + i;
    }
    for (int i = 0; x->agg.distinct && i < args; i++) {
        parts[part_count] = (KeyPart){type_by_oid(types[i]->type), false, false};
        slots[part_count++] = i;
    }
    row_sort_init(&kept->sort, e->cx, "aggregate input", types, args + orders + 1, parts, slots, part_count);
    kept->used = true;
}

Status
aggregate_op(Execution *e, const Plan *plan, Op **out)
{
    static const OpClass class = {.next = agg_next, .rewind = agg_rewind, .close = agg_close};
    AggOp *g = OP_NEW(e, plan, AggOp, &class);

    buf_count_in(&g->packed, e->cx->arena->budget);
    arena_init(&g->arena, "aggregate", e->cx->arena->budget);
    row_store_init(&g->values, e->cx, "groups", plan->agg.groups, plan->agg.group_count);
    g->state_at = arena_array(e->arena, uint32_t, plan->agg.agg_count + 1);
    g->kept = arena_array(e->arena, Kept, plan->agg.agg_count + 1);
    for (int i = 0; i < plan->agg.group_count; i++)
        g->made_key_count += plan->agg.groups[i]->kind != EXPR_SLOT;
    group_cache_init(&g->cache, &g->arena, plan->agg.groups, plan->agg.group_count);
    for (int a = 0; a < plan->agg.agg_count; a++) {
        const Expr *x = plan->agg.aggs[a];

        if (plan->agg.same_state != NULL && plan->agg.same_state[a] != a) {
            g->state_at[a] = g->state_at[plan->agg.same_state[a]];
        } else {
            g->state_at[a] = g->state_bytes;
            g->state_bytes += (uint32_t)ALIGN_UP(x->agg.fn->agg->state_bytes, 16);
        }
        if (is_kept(x))
            prepare_kept(e, &g->kept[a], x, plan->agg.group_count > 0);
    }
    *out = &g->op;
    return op_children(*out);
}
