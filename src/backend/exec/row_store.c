/* row_store.c - rows in chunks of BATCH_ROWS, each column a vector, bytes in one arena. */
#include "backend/exec/exec_int.h"
#include "backend/type/numeric.h"

void
row_store_init(RowStore *s, Ctx *cx, const char *name, Expr *const *types, int column_count)
{
    *s = (RowStore){.cx = cx, .types = types, .column_count = column_count};
    arena_init(&s->arena, name, cx->arena->budget);
}

static Status
add_chunk(RowStore *s)
{
    uint32_t no = (uint32_t)(s->row_count / BATCH_ROWS);
    size_t need = 0;

    if (no >= s->chunk_capacity) {
        uint32_t capacity = MAX_OF(16, s->chunk_capacity * 2);
        Vector **chunks = arena_try_alloc(&s->arena, sizeof(*chunks) * capacity);

        if (chunks == NULL)
            return fail_memory(s->cx, sizeof(*chunks) * capacity);
        if (no > 0)
            memcpy(chunks, s->chunks, sizeof(*chunks) * no);
        s->chunks = chunks;
        s->chunk_capacity = capacity;
    }
    for (int c = 0; c < s->column_count; c++)
        need += phys_bytes(type_by_oid(s->types[c]->type)->phys) * BATCH_ROWS;
    if (s->arena.budget != NULL) { /* ask for the room first: the vectors below may not fail */
        if (!budget_take(s->arena.budget, need))
            return fail_memory(s->cx, need);
        budget_give(s->arena.budget, need);
    }
    s->chunks[no] = vectors_new(&s->arena, s->types, s->column_count, BATCH_ROWS);
    return ST_OK;
}

Status
row_store_append(RowStore *s, const Batch *in)
{
    uint32_t done = 0;

    ASSERT(in->column_count >= s->column_count);
    while (done < in->rows.count) {
        uint32_t at = (uint32_t)(s->row_count % BATCH_ROWS), n = MIN_OF(in->rows.count - done, BATCH_ROWS - at);
        uint16_t sel[BATCH_ROWS];
        Rows part = {sel, n};
        Vector *chunk;

        if (at == 0)
            TRY(add_chunk(s));
        chunk = s->chunks[s->row_count / BATCH_ROWS];
        for (uint32_t k = 0; k < n; k++)
            sel[k] = (uint16_t)rows_at(in->rows, done + k);
        for (int c = 0; c < s->column_count; c++)
            TRY(vector_append(s->cx, &s->arena, &s->arena, &chunk[c], at, BATCH_ROWS, &in->columns[c], part));
        s->row_count += n;
        done += n;
    }
    return ST_OK;
}

Value
row_store_get(const RowStore *s, uint64_t row, int column)
{
    const Vector *v = &s->chunks[row / BATCH_ROWS][column];
    uint32_t at = (uint32_t)(row % BATCH_ROWS);

    return vector_is_null(v, at) ? value_null() : vector_get(v, at);
}

#define GATHER(T)                                                                                              \
    for (uint32_t k = 0; k < count; k++)                                                                       \
    ((T *)out->data)[k] = ((const T *)s->chunks[rows[k] / BATCH_ROWS][c].data)[rows[k] % BATCH_ROWS]

/* The plain case: all values have the column's own form. False: some have not (numeric has two). */
static bool
gather_plain(const RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, int c, Vector *out)
{
    Phys phys = type_by_oid(s->types[c]->type)->phys;
    int16_t scale = 0;

    for (uint32_t k = 0; k < count; k++) {
        const Vector *v;

        if (rows[k] == UINT64_MAX)
            return false;
        v = &s->chunks[rows[k] / BATCH_ROWS][c];
        if (k == 0) {
            phys = (Phys)v->phys;
            scale = v->scale;
        } else if (v->phys != phys || v->scale != scale) {
            return false;
        }
    }
    vector_init(out, a, phys, count);
    out->scale = scale;
    switch (phys_bytes(phys)) {
    case 1: GATHER(uint8_t); break;
    case 2: GATHER(uint16_t); break;
    case 4: GATHER(uint32_t); break;
    case 8: GATHER(uint64_t); break;
    default: GATHER(VarRef); break;
    }
    for (uint32_t k = 0; k < count; k++) {
        const Vector *v = &s->chunks[rows[k] / BATCH_ROWS][c];

        if (v->nulls != NULL && bit_get(v->nulls, rows[k] % BATCH_ROWS)) {
            vector_need_nulls(out, a, count);
            bit_set(out->nulls, k);
        }
    }
    return true;
}
static_assert(sizeof(VarRef) == sizeof(Interval), "gathered alike");

Status
row_store_gather(const RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, Vector *columns)
{
    for (int c = 0; c < s->column_count; c++) {
        Vector *out = &columns[c];

        if (count > 0 && gather_plain(s, a, rows, count, c, out))
            continue;
        vector_init(out, a, type_by_oid(s->types[c]->type)->phys, count);
        for (uint32_t k = 0; k < count; k++) {
            if (rows[k] == UINT64_MAX) {
                Vector null_row = *out;
                uint64_t bit = 1;

                null_row.nulls = &bit;
                null_row.is_const = true;
                TRY(vector_append(s->cx, a, NULL, out, k, count, &null_row, (Rows){NULL, 1}));
            } else {
                uint16_t at = (uint16_t)(rows[k] % BATCH_ROWS);

                TRY(vector_append(s->cx, a, NULL, out, k, count, &s->chunks[rows[k] / BATCH_ROWS][c],
                                  (Rows){&at, 1}));
            }
        }
    }
    return ST_OK;
}

void
row_store_clear(RowStore *s)
{
    arena_reset(&s->arena);
    s->chunks = NULL;
    s->chunk_capacity = 0;
    s->row_count = 0;
}

void
row_store_free(RowStore *s)
{
    if (s->cx != NULL)
        arena_free(&s->arena);
    s->chunks = NULL;
    s->chunk_capacity = 0;
    s->row_count = 0;
}
