/* row_sort.c - see row_sort.h.
 *
 * Rows are kept in a store, their keys become bytes in memcmp order, and small records of the keys' first bytes are
 * sorted. With a bound, only so many rows are kept: when a good deal more have come, the worse ones are thrown
 * away, and from then on rows behind the worst one kept are not even taken in.
 *
 * Beyond the memory that was given, what is there is sorted and written as a run; in the end the runs are merged
 * (row_runs.h). */
#include "backend/exec/row_sort.h"

#include <stdlib.h>

#include "backend/exec/exec_int.h"

enum { BOUND_MOST = 100000 };

void
row_sort_init(RowSort *s, Ctx *cx, const char *name, Expr *const *types, int column_count, const KeyPart *parts,
              const int *slots, int part_count)
{
    *s = (RowSort){.cx = cx,
                   .budget = cx->arena->budget,
                   .name = name,
                   .types = types,
                   .column_count = column_count,
                   .parts = parts,
                   .slots = slots,
                   .part_count = part_count,
                   .memory_bytes = work_memory(cx)->sort_bytes,
                   .bound = UINT64_MAX};
    row_store_init(&s->store, cx, name, types, column_count);
    arena_init(&s->keys, name, s->budget);
    row_runs_init(&s->runs, cx, name, types, column_count, s->memory_bytes);
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static void
make_key(RowSort *s, const Batch *in, uint32_t row)
{
    buf_clear(&s->key);
    for (int i = 0; i < s->part_count; i++)
        key_append_row(&s->parts[i], &in->columns[s->slots[i]], row, &s->key);
}

/* The key in s->key, for row `row` of the store. */
static Status
keep_key(RowSort *s, uint64_t row)
{
    char *copy = s->key.failed ? NULL : arena_try_alloc(&s->keys, s->key.bytes);

    if (copy == NULL)
        return fail_memory(s->cx, s->key.bytes);
    memcpy(copy, s->key.data, s->key.bytes);
    s->rows[row] = key_item(copy, (uint32_t)s->key.bytes, (uint32_t)row);
    return ST_OK;
}

static Status
make_room(RowSort *s, uint64_t count)
{
    uint64_t capacity = MAX_OF(s->row_capacity * 2, (uint64_t)BATCH_ROWS);
    size_t more;
    KeyItem *rows;

    if (count <= s->row_capacity)
        return ST_OK;
    while (capacity < count)
        capacity *= 2;
    more = 2 * sizeof(*rows) * (capacity - s->row_capacity);
    if (capacity > UINT32_MAX || !budget_take(s->budget, more))
        return fail_memory(s->cx, more);
    rows = realloc(s->rows, 2 * sizeof(*rows) * capacity);
    if (rows == NULL) {
        budget_give(s->budget, more);
        return fail_memory(s->cx, more);
    }
    s->rows = rows;
    s->row_capacity = capacity;
    return ST_OK;
}

static void
free_room(RowSort *s)
{
    budget_give(s->budget, 2 * sizeof(*s->rows) * s->row_capacity);
    free(s->rows);
    s->rows = NULL;
    s->row_capacity = 0;
}

static Status
sort_rows(RowSort *s)
{
    if (s->store.row_count == 0) /* there are no keys at all */
        return ST_OK;
    return key_sort(s->cx, s->rows, s->rows + s->row_capacity, s->store.row_count);
}

/* Rows [from, from + count) of the order. */
static Status
gather(RowSort *s, Arena *a, uint64_t from, uint32_t count, Batch *out)
{
    uint64_t *numbers = arena_alloc(a, sizeof(*numbers) * MAX_OF(count, UINT32_C(1)));

    for (uint32_t i = 0; i < count; i++)
        numbers[i] = s->rows[from + i].row;
    *out = (Batch){arena_array(a, Vector, MAX_OF(s->column_count, 1)),
                   s->column_count,
                   {NULL, count},
                   MAX_OF(count, UINT32_C(1))};
    return row_store_gather(&s->store, a, numbers, count, out->columns);
}

/* ---- a bound ---------------------------------------------------------------------------------------------------- */

/* Keeps the best rows, in order, in a fresh store. */
static Status
shrink(RowSort *s)
{
    RowSort old;
    uint64_t n = MIN_OF(s->bound, s->store.row_count);
    Status rc = ST_OK;

    TRY(sort_rows(s));
    old = *s;
    row_store_init(&s->store, s->cx, s->name, s->types, s->column_count);
    arena_init(&s->keys, s->name, s->budget);
    s->rows = NULL;
    s->row_capacity = 0;
    rc = make_room(s, n * 2 + BATCH_ROWS);
    for (uint64_t i = 0; i < n && rc == ST_OK; i += BATCH_ROWS) {
        uint32_t count = (uint32_t)MIN_OF(n - i, (uint64_t)BATCH_ROWS);
        Batch batch;

        rc = gather(&old, s->cx->arena, i, count, &batch);
        for (uint32_t k = 0; k < count && rc == ST_OK; k++) {
            make_key(s, &batch, k);
            rc = keep_key(s, i + k);
        }
        if (rc == ST_OK)
            rc = row_store_append(&s->store, &batch);
    }
    if (rc == ST_OK && n == s->bound && n > 0)
        s->worst = s->rows[n - 1];
    free_room(&old);
    arena_free(&old.keys);
    row_store_free(&old.store);
    return rc;
}

/* Of two rows with equal keys the one that came first is before the other. */
static bool
is_too_late(const RowSort *s)
{
    KeyItem k;

    if (s->worst.key == NULL || s->key.failed)
        return false;
    k = key_item(s->key.data, (uint32_t)s->key.bytes, 0);
    if (k.head != s->worst.head)
        return k.head > s->worst.head;
    return memcmp(k.key, s->worst.key, MIN_OF(k.bytes, s->worst.bytes)) >= 0;
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

/* Everything in memory becomes a run. */
static Status
write_run(RowSort *s)
{
    RowList run;
    Arena scratch;
    Status rc = ST_OK;

    if (s->store.row_count == 0)
        return ST_OK;
    s->most_bytes = MAX_OF(s->most_bytes, row_sort_memory(s));
    TRY(sort_rows(s));
    TRY(row_runs_begin(&s->runs, &run));
    arena_init(&scratch, s->name, s->budget);
    for (uint64_t i = 0; i < s->store.row_count; i += BATCH_ROWS) {
        uint32_t n = (uint32_t)MIN_OF(s->store.row_count - i, (uint64_t)BATCH_ROWS);
        Batch batch;

        arena_reset(&scratch);
        TRY_TO(out, rc, ctx_poll(s->cx));
        TRY_TO(out, rc, gather(s, &scratch, i, n, &batch));
        TRY_TO(out, rc, row_runs_append(&run, &scratch, &batch, s->rows + i));
    }
out:
    arena_free(&scratch);
    if (rc != ST_OK) {
        row_list_free(&run);
        return rc;
    }
    row_store_clear(&s->store);
    arena_reset(&s->keys);
    s->worst = (KeyItem){0}; /* its key has gone */
    return row_runs_add(&s->runs, &run);
}

bool
row_sort_is_bounded(const RowSort *s)
{
    return s->bound < BOUND_MOST;
}

Status
row_sort_add(RowSort *s, const Batch *in)
{
    uint16_t sel[BATCH_ROWS];
    Batch taken = *in;
    uint32_t n = 0;
    bool bounded = row_sort_is_bounded(s);

    ASSERT(in->rows.count <= BATCH_ROWS);
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
    TRY(row_store_append(&s->store, &taken));
    if (bounded && s->store.row_count > s->bound * 2 + BATCH_ROWS)
        TRY(shrink(s));
    if (row_sort_memory(s) <= s->memory_bytes)
        return ST_OK;
    if (bounded && s->store.row_count > s->bound) {
        TRY(shrink(s));
        if (row_sort_memory(s) <= s->memory_bytes / 2)
            return ST_OK;
    }
    return write_run(s);
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

Status
row_sort_finish(RowSort *s)
{
    s->at = 0;
    if (s->runs.count == 0) {
        s->most_bytes = MAX_OF(s->most_bytes, row_sort_memory(s));
        return sort_rows(s);
    }
    TRY(write_run(s));
    row_store_free(&s->store);
    arena_free(&s->keys);
    free_room(s);
    return row_runs_merge(&s->runs);
}

Status
row_sort_next(RowSort *s, Arena *a, uint32_t most, Batch *out, KeyItem *keys)
{
    uint32_t n;

    if (s->runs.count > 0)
        return row_runs_next(&s->runs, a, MIN_OF(most, (uint32_t)BATCH_ROWS), out, keys);
    n = (uint32_t)MIN_OF(MIN_OF(s->store.row_count - s->at, (uint64_t)most), (uint64_t)BATCH_ROWS);
    *out = (Batch){.rows = {NULL, 0}};
    if (n == 0)
        return ST_OK;
    if (keys != NULL)
        memcpy(keys, s->rows + s->at, sizeof(*keys) * n);
    s->at += n;
    return gather(s, a, s->at - n, n, out);
}

void
row_sort_clear(RowSort *s)
{
    row_runs_clear(&s->runs);
    row_store_clear(&s->store);
    arena_reset(&s->keys);
    free_room(s);
    s->worst = (KeyItem){0};
    s->at = 0;
}

void
row_sort_free(RowSort *s)
{
    if (s->cx == NULL)
        return;
    row_runs_free(&s->runs);
    row_store_free(&s->store);
    arena_free(&s->keys);
    free_room(s);
    buf_free(&s->key);
}
