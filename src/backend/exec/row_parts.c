/* row_parts.c - see row_parts.h. */
#include "backend/exec/row_parts.h"

#include <stdlib.h>

#include "backend/exec/exec_int.h"

enum { PART_BYTES = 64 * 1024, PART_BLOCK_LEAST = 2048, PART_BLOCK_MOST = 32 * 1024 };

int
row_parts_count(uint64_t memory_bytes)
{
    int count = PARTS_LEAST;

    while (count < PARTS_MOST && (uint64_t)count * 2 * PART_BYTES <= memory_bytes)
        count *= 2;
    return count;
}

Status
row_parts_init(RowParts *p, Ctx *cx, Budget *budget, TempFile *file, Buf *packed, int column_count, int count,
               int level, uint64_t memory_bytes)
{
    uint64_t block = memory_bytes / 8 / (uint64_t)count;

    block = MAX_OF(MIN_OF(block, (uint64_t)PART_BLOCK_MOST), (uint64_t)PART_BLOCK_LEAST);
    *p = (RowParts){.cx = cx, .level = level, .column_count = column_count};
    p->lists = calloc((size_t)count, sizeof(*p->lists));
    if (p->lists == NULL)
        return fail_memory(cx, (size_t)count * sizeof(*p->lists));
    p->count = count;
    for (int i = 0; i < count; i++)
        row_list_init(&p->lists[i], cx, budget, file, packed, column_count + 1, BATCH_ROWS, (uint32_t)block);
    return ST_OK;
}

Status
row_parts_add(RowParts *p, Arena *a, const Vector *columns, Rows rows, uint64_t *hashes)
{
    uint32_t ends[PARTS_MOST + 1] = {0}, at[PARTS_MOST];
    Vector *all = arena_alloc(a, sizeof(*all) * (size_t)(p->column_count + 1));
    uint16_t *sorted = arena_alloc(a, sizeof(*sorted) * MAX_OF(rows.count, UINT32_C(1)));

    if (p->column_count > 0)
        memcpy(all, columns, sizeof(*all) * (size_t)p->column_count);
    all[p->column_count] = (Vector){.data = hashes, .phys = PHYS_I64};
    for (uint32_t k = 0; k < rows.count; k++)
        ends[row_part_of(p, hashes[rows_at(rows, k)]) + 1]++;
    for (int i = 0; i < p->count; i++) {
        at[i] = ends[i];
        ends[i + 1] += ends[i];
    }
    for (uint32_t k = 0; k < rows.count; k++) {
        uint32_t row = rows_at(rows, k);

        sorted[at[row_part_of(p, hashes[row])]++] = (uint16_t)row;
    }
    for (int i = 0; i < p->count; i++) {
        if (ends[i + 1] > ends[i])
            TRY(row_list_append(&p->lists[i], all, (Rows){sorted + ends[i], ends[i + 1] - ends[i]}));
    }
    return ST_OK;
}

Status
row_parts_finish(RowParts *p)
{
    for (int i = 0; i < p->count; i++)
        TRY(row_list_finish(&p->lists[i]));
    return ST_OK;
}

RowList
row_parts_take(RowParts *p, int i)
{
    RowList taken = p->lists[i];

    p->lists[i] = (RowList){0};
    return taken;
}

void
row_parts_free(RowParts *p)
{
    for (int i = 0; i < p->count; i++)
        row_list_free(&p->lists[i]);
    free(p->lists);
    *p = (RowParts){0};
}
