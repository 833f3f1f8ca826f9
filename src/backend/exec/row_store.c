/* row_store.c - rows in chunks of BATCH_ROWS, each column a vector, bytes in one arena.
 *
 * With a limit: when the arena has grown beyond it, all rows in it are written to a list of blocks and the arena is
 * emptied. Of the blocks a few are kept as they were read last, enough for some readers at different places. */
#include "backend/exec/exec_int.h"
#include "backend/exec/row_list.h"
#include "backend/type/numeric.h"

#include <stdlib.h>

enum { BLOCKS_KEPT = 4, STORE_BLOCK_LEAST = 4096, STORE_BLOCK_MOST = 64 * 1024 };

typedef struct KeptBlock {
    Arena arena;
    Vector *columns; /* NULL: none */
    uint32_t no, rows;
    uint64_t used_at;
} KeptBlock;

struct StoreFile {
    TempFile *file;
    RowList list;
    Buf packed;
    KeptBlock kept[BLOCKS_KEPT];
    uint64_t clock;
};

void
row_store_init(RowStore *s, Ctx *cx, const char *name, Expr *const *types, int column_count)
{
    *s = (RowStore){.cx = cx, .types = types, .column_count = column_count};
    arena_init(&s->arena, name, cx->arena->budget);
}

void
row_store_limit(RowStore *s)
{
    s->memory_bytes = work_memory(s->cx)->sort_bytes;
}

/* ---- in memory -------------------------------------------------------------------------------------------------- */

static Status
add_chunk(RowStore *s)
{
    uint32_t no = (uint32_t)((s->row_count - s->file_rows) / BATCH_ROWS);
    size_t need;

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
    s->row_bytes = 0;
    for (int c = 0; c < s->column_count; c++)
        s->row_bytes += phys_bytes(type_by_oid(s->types[c]->type)->phys);
    need = (size_t)s->row_bytes * BATCH_ROWS;
    if (s->arena.budget != NULL) { /* ask for the room first: the vectors below may not fail */
        if (!budget_take(s->arena.budget, need))
            return fail_memory(s->cx, need);
        budget_give(s->arena.budget, need);
    }
    s->chunks[no] = vectors_new(&s->arena, s->types, s->column_count, BATCH_ROWS);
    return ST_OK;
}

/* ---- in a file --------------------------------------------------------------------------------------------------- */

static Status
make_file(RowStore *s)
{
    StoreFile *f = calloc(1, sizeof(*f));
    uint64_t block =
        MAX_OF(MIN_OF(s->memory_bytes / 16, (uint64_t)STORE_BLOCK_MOST), (uint64_t)STORE_BLOCK_LEAST);

    if (f == NULL)
        return fail_memory(s->cx, sizeof(*f));
    if (temp_file_create(s->cx, s->arena.budget, &f->file) != ST_OK) {
        free(f);
        return ST_IO;
    }
    buf_count_in(&f->packed, s->arena.budget);
    row_list_init(&f->list, s->cx, s->arena.budget, f->file, &f->packed, s->column_count, BATCH_ROWS,
                  (uint32_t)block);
    for (int i = 0; i < BLOCKS_KEPT; i++)
        arena_init(&f->kept[i].arena, s->arena.name, s->arena.budget);
    s->file = f;
    return ST_OK;
}

static void
drop_file(RowStore *s)
{
    StoreFile *f = s->file;

    if (f == NULL)
        return;
    for (int i = 0; i < BLOCKS_KEPT; i++)
        arena_free(&f->kept[i].arena);
    row_list_free(&f->list);
    temp_file_close(s->cx, f->file);
    buf_free(&f->packed);
    free(f);
    s->file = NULL;
    s->file_rows = 0;
}

/* The rows in memory go to the file. */
static Status
leave_memory(RowStore *s)
{
    uint64_t count = s->row_count - s->file_rows;

    if (s->file == NULL)
        TRY(make_file(s));
    for (uint64_t at = 0; at < count; at += BATCH_ROWS) {
        uint32_t n = (uint32_t)MIN_OF(count - at, (uint64_t)BATCH_ROWS);

        TRY(ctx_poll(s->cx));
        TRY(row_list_append(&s->file->list, s->chunks[at / BATCH_ROWS], (Rows){NULL, n}));
    }
    TRY(row_list_finish(&s->file->list));
    s->file_rows = s->row_count;
    arena_reset(&s->arena);
    s->chunks = NULL;
    s->chunk_capacity = 0;
    return ST_OK;
}

/* The block with a row, read if it is none of those kept. */
static Status
find_block(RowStore *s, uint64_t row, KeptBlock **out)
{
    StoreFile *f = s->file;
    KeptBlock *oldest = &f->kept[0];
    Vector *columns;
    uint32_t no;

    for (int i = 0; i < BLOCKS_KEPT; i++) {
        KeptBlock *k = &f->kept[i];

        if (k->columns != NULL && row - f->list.blocks[k->no].first_row < k->rows) {
            k->used_at = ++f->clock;
            *out = k;
            return ST_OK;
        }
        if (k->used_at < oldest->used_at)
            oldest = k;
    }
    no = row_list_find(&f->list, row);
    oldest->columns = NULL;
    arena_reset(&oldest->arena);
    columns = arena_array(&oldest->arena, Vector, MAX_OF(s->column_count, 1));
    TRY(row_list_read(&f->list, no, &oldest->arena, columns, &oldest->rows));
    oldest->columns = columns;
    oldest->no = no;
    *out = oldest;
    oldest->used_at = ++f->clock;
    if (row - f->list.blocks[no].first_row >= oldest->rows)
        return fail(s->cx, ST_CORRUPT, "XX001", "a block of temporary rows has been damaged");
    return ST_OK;
}

/* ---- appending and reading ---------------------------------------------------------------------------------------- */

Status
row_store_append(RowStore *s, const Batch *in)
{
    uint32_t done = 0;

    ASSERT(in->column_count >= s->column_count);
    while (done < in->rows.count) {
        uint32_t at = (uint32_t)((s->row_count - s->file_rows) % BATCH_ROWS);
        uint32_t n = MIN_OF(in->rows.count - done, BATCH_ROWS - at);
        uint16_t sel[BATCH_ROWS];
        Rows part = {sel, n};
        Vector *chunk;

        if (at == 0)
            TRY(add_chunk(s));
        chunk = s->chunks[(s->row_count - s->file_rows) / BATCH_ROWS];
        for (uint32_t k = 0; k < n; k++)
            sel[k] = (uint16_t)rows_at(in->rows, done + k);
        for (int c = 0; c < s->column_count; c++)
            TRY(vector_append(s->cx, &s->arena, &s->arena, &chunk[c], at, BATCH_ROWS, &in->columns[c], part));
        s->row_count += n;
        done += n;
    }
    if (UNLIKELY(s->memory_bytes != 0 && row_store_bytes(s) > s->memory_bytes))
        return leave_memory(s);
    return ST_OK;
}

Status
row_store_get(RowStore *s, Arena *a, uint64_t row, int column, Value *out)
{
    const Vector *v;
    uint32_t at;

    ASSERT(row < s->row_count);
    if (row < s->file_rows) {
        KeptBlock *k;

        TRY(find_block(s, row, &k));
        v = &k->columns[column];
        at = (uint32_t)(row - s->file->list.blocks[k->no].first_row);
        *out = vector_is_null(v, at) ? value_null() : value_copy(a, vector_get(v, at));
        return ST_OK;
    }
    v = &s->chunks[(row - s->file_rows) / BATCH_ROWS][column];
    at = (uint32_t)((row - s->file_rows) % BATCH_ROWS);
    *out = vector_is_null(v, at) ? value_null() : vector_get(v, at);
    return ST_OK;
}

#define GATHER(T)                                                                                              \
    for (uint32_t k = 0; k < count; k++)                                                                       \
    ((T *)out->data)[k] = ((const T *)from[k]->data)[rows[k] % BATCH_ROWS]

/* The plain case: all values have the column's own form. False: some have not (numeric has two). */
static bool
gather_plain(const RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, int c, Vector *out)
{
    const Vector **from = arena_alloc(a, sizeof(*from) * count); /* each row's chunk */
    Phys phys = type_by_oid(s->types[c]->type)->phys;
    int16_t scale = 0;
    bool has_nulls = false;

    for (uint32_t k = 0; k < count; k++) {
        const Vector *v;

        if (rows[k] == UINT64_MAX)
            return false;
        from[k] = v = &s->chunks[rows[k] / BATCH_ROWS][c];
        has_nulls |= v->nulls != NULL;
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
    for (uint32_t k = 0; k < count && has_nulls; k++) {
        if (from[k]->nulls != NULL && bit_get(from[k]->nulls, rows[k] % BATCH_ROWS)) {
            vector_need_nulls(out, a, count);
            bit_set(out->nulls, k);
        }
    }
    return true;
}
static_assert(sizeof(VarRef) == sizeof(Interval), "gathered alike");

static Status
append_null(RowStore *s, Arena *a, Vector *out, uint32_t k, uint32_t count)
{
    Vector null_row = *out;
    uint64_t bit = 1;

    null_row.nulls = &bit;
    null_row.is_const = true;
    return vector_append(s->cx, a, NULL, out, k, count, &null_row, (Rows){NULL, 1});
}

/* Some of the rows have left memory: stretches of them that lie in one block or chunk are copied, texts too. */
static Status
gather_left(RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, Vector *columns)
{
    uint16_t *sel = arena_alloc(a, sizeof(*sel) * MAX_OF(count, UINT32_C(1)));

    for (int c = 0; c < s->column_count; c++)
        vector_init(&columns[c], a, type_by_oid(s->types[c]->type)->phys, MAX_OF(count, UINT32_C(1)));
    for (uint32_t k = 0, n; k < count; k += n) {
        const Vector *from;
        Arena *texts = NULL;
        uint64_t first, end;

        n = 1;
        if (rows[k] == UINT64_MAX) {
            for (int c = 0; c < s->column_count; c++)
                TRY(append_null(s, a, &columns[c], k, count));
            continue;
        }
        if (rows[k] < s->file_rows) {
            KeptBlock *b;

            TRY(find_block(s, rows[k], &b));
            first = s->file->list.blocks[b->no].first_row;
            end = first + b->rows;
            from = b->columns;
            texts = a;
        } else {
            uint64_t chunk = (rows[k] - s->file_rows) / BATCH_ROWS;

            first = s->file_rows + chunk * BATCH_ROWS;
            end = first + BATCH_ROWS;
            from = s->chunks[chunk];
        }
        sel[0] = (uint16_t)(rows[k] - first);
        for (; k + n < count && rows[k + n] >= first && rows[k + n] < end; n++)
            sel[n] = (uint16_t)(rows[k + n] - first);
        for (int c = 0; c < s->column_count; c++)
            TRY(vector_append(s->cx, a, texts, &columns[c], k, count, &from[c], (Rows){sel, n}));
    }
    return ST_OK;
}

Status
row_store_gather(RowStore *s, Arena *a, const uint64_t *rows, uint32_t count, Vector *columns)
{
    if (UNLIKELY(s->file != NULL))
        return gather_left(s, a, rows, count, columns);
    for (int c = 0; c < s->column_count; c++) {
        Vector *out = &columns[c];

        if (count > 0 && gather_plain(s, a, rows, count, c, out))
            continue;
        vector_init(out, a, type_by_oid(s->types[c]->type)->phys, count);
        for (uint32_t k = 0; k < count; k++) {
            if (rows[k] == UINT64_MAX) {
                TRY(append_null(s, a, out, k, count));
            } else {
                uint16_t at = (uint16_t)(rows[k] % BATCH_ROWS);

                TRY(vector_append(s->cx, a, NULL, out, k, count, &s->chunks[rows[k] / BATCH_ROWS][c],
                                  (Rows){&at, 1}));
            }
        }
    }
    return ST_OK;
}

uint64_t
row_store_bytes(const RowStore *s)
{
    uint64_t in_last = (s->row_count - s->file_rows) % BATCH_ROWS;

    return s->arena.total_bytes -
           MIN_OF(in_last == 0 ? 0 : (BATCH_ROWS - in_last) * s->row_bytes, (uint64_t)s->arena.total_bytes);
}

uint64_t
row_store_disk_bytes(const RowStore *s)
{
    return s->file != NULL ? temp_file_bytes(s->file->file) : 0;
}

void
row_store_clear(RowStore *s)
{
    drop_file(s);
    arena_reset(&s->arena);
    s->chunks = NULL;
    s->chunk_capacity = 0;
    s->row_count = 0;
}

void
row_store_free(RowStore *s)
{
    if (s->cx == NULL)
        return;
    drop_file(s);
    arena_free(&s->arena);
    s->chunks = NULL;
    s->chunk_capacity = 0;
    s->row_count = 0;
}
