/* row_list.c - see row_list.h. */
#include "backend/exec/row_list.h"

#include <stdlib.h>

#include "backend/exec/exec_int.h"
#include "backend/exec/row_block.h"

const WorkMemory *
work_memory(const Ctx *cx)
{
    static const WorkMemory standard = {4 << 20, 8 << 20, 64 << 20};

    return cx->work_memory != NULL ? cx->work_memory : &standard;
}

void
row_list_init(RowList *l, Ctx *cx, Budget *budget, TempFile *file, Buf *packed, int column_count,
              uint32_t block_rows, uint32_t block_bytes)
{
    ASSERT(block_rows > 0 && block_rows <= BATCH_ROWS);
    *l = (RowList){.cx = cx,
                   .file = file,
                   .packed = packed,
                   .column_count = column_count,
                   .block_rows = block_rows,
                   .block_bytes = block_bytes};
    arena_init(&l->arena, "row list", budget);
}

static Status
write_block(RowList *l, const Vector *columns, Rows rows, uint64_t first_row)
{
    RowListBlock *b;

    if (l->block_count == l->block_capacity) {
        uint32_t capacity = MAX_OF(16, l->block_capacity * 2);
        RowListBlock *bigger = realloc(l->blocks, sizeof(*bigger) * capacity);

        if (bigger == NULL)
            return fail_memory(l->cx, sizeof(*bigger) * capacity);
        l->blocks = bigger;
        l->block_capacity = capacity;
    }
    TRY(row_block_encode(l->cx, columns, l->column_count, rows, l->packed));
    b = &l->blocks[l->block_count];
    b->first_row = first_row;
    TRY(temp_file_write(l->cx, l->file, l->packed->data, (uint32_t)l->packed->bytes, &b->block));
    l->block_count++;
    return ST_OK;
}

static Status
write_waiting(RowList *l)
{
    uint32_t n = l->waiting_count;

    if (n == 0)
        return ST_OK;
    TRY(write_block(l, l->waiting, (Rows){NULL, n}, l->row_count - n));
    l->waiting_count = 0;
    l->waiting = NULL;
    arena_reset(&l->arena);
    return ST_OK;
}

static Status
wait_rows(RowList *l, const Vector *columns, Rows rows)
{
    if (l->waiting == NULL) {
        l->waiting = arena_array(&l->arena, Vector, MAX_OF(l->column_count, 1));
        for (int c = 0; c < l->column_count; c++) {
            vector_init(&l->waiting[c], &l->arena, (Phys)columns[c].phys, l->block_rows);
            l->waiting[c].scale = columns[c].scale;
        }
    }
    for (int c = 0; c < l->column_count; c++)
        TRY(vector_append(l->cx, &l->arena, &l->arena, &l->waiting[c], l->waiting_count, l->block_rows,
                          &columns[c], rows));
    l->waiting_count += rows.count;
    l->row_count += rows.count;
    return ST_OK;
}

/* Rows that wait lie in vectors of `block_rows`: these are not to be larger than a block. */
static void
choose_block_rows(RowList *l, const Vector *columns)
{
    uint32_t width = 1;

    for (int c = 0; c < l->column_count; c++)
        width += phys_bytes((Phys)columns[c].phys);
    l->block_rows = MIN_OF(l->block_rows, MAX_OF(l->block_bytes / width, UINT32_C(16)));
}

Status
row_list_append(RowList *l, const Vector *columns, Rows rows)
{
    if (l->row_count == 0 && rows.count > 0)
        choose_block_rows(l, columns);
    for (uint32_t done = 0; done < rows.count;) {
        uint32_t n = MIN_OF(rows.count - done, l->block_rows - l->waiting_count);
        uint16_t all[BATCH_ROWS];
        Rows part = {rows.sel != NULL ? rows.sel + done : all, n};

        ASSERT(rows.count <= BATCH_ROWS);
        for (uint32_t k = 0; rows.sel == NULL && k < n; k++)
            all[k] = (uint16_t)(done + k);
        part.count = n = row_block_fit(columns, l->column_count, part, l->block_bytes);
        if (rows.sel == NULL && done == 0)
            part.sel = NULL;
        if (l->waiting_count == 0 && (n >= l->block_rows / 2 || n < MIN_OF(rows.count - done, l->block_rows))) {
            l->row_count += n; /* a block of their own */
            TRY(write_block(l, columns, part, l->row_count - n));
        } else {
            TRY(wait_rows(l, columns, part));
            if (l->waiting_count == l->block_rows || l->arena.total_bytes > 2 * (size_t)l->block_bytes)
                TRY(write_waiting(l));
        }
        done += n;
    }
    return ST_OK;
}

Status
row_list_finish(RowList *l)
{
    TRY(write_waiting(l));
    arena_free(&l->arena);
    return ST_OK;
}

Status
row_list_read(RowList *l, uint32_t no, Arena *a, Vector *columns, uint32_t *rows)
{
    TempBlock b = l->blocks[no].block;
    char *bytes = arena_try_alloc(a, b.bytes);

    ASSERT(no < l->block_count);
    if (bytes == NULL)
        return fail_memory(l->cx, b.bytes);
    TRY(temp_file_read(l->cx, l->file, b, bytes));
    return row_block_decode(l->cx, bytes, b.bytes, a, columns, l->column_count, rows);
}

void
row_list_drop(RowList *l, uint32_t no)
{
    temp_file_drop(l->file, l->blocks[no].block);
}

uint32_t
row_list_find(const RowList *l, uint64_t row)
{
    uint32_t low = 0, high = l->block_count;

    ASSERT(row < l->row_count);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (l->blocks[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void
row_list_free(RowList *l)
{
    free(l->blocks);
    l->blocks = NULL;
    l->block_count = l->block_capacity = 0;
    if (l->cx != NULL)
        arena_free(&l->arena);
    l->waiting = NULL;
    l->waiting_count = 0;
}
