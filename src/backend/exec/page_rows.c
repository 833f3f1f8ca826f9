/* page_rows.c - see page_rows.h.
 *
 * A page holds some dozens of rows, a batch a thousand: what a batch costs per column and expression is
 * worth more than the copy from the page's arrays, most of which are short runs already in the cache. */
#include "backend/exec/page_rows.h"

#include "backend/exec/heap_read.h"

static const ColumnInfo *
column_info(const Plan *scan, int i)
{
    int column = scan->scan.columns[i];

    return column > 0 ? &scan->scan.table->columns[column - 1] : NULL;
}

Vector *
page_vectors_new(Arena *a, const Plan *scan, uint32_t capacity)
{
    Vector *v = arena_alloc(a, sizeof(Vector) * (size_t)MAX_OF(scan->output_count, 1));

    for (int i = 0; i < scan->output_count; i++) {
        const ColumnInfo *c = column_info(scan, i);

        vector_init(&v[i], a, c != NULL ? c->phys : type_by_oid(scan->outputs[i]->type)->phys, capacity);
        v[i].scale = c != NULL ? c->scale : 0;
    }
    return v;
}

#define GATHER(T)                                                                                              \
    do {                                                                                                       \
        const T *from = data;                                                                                  \
        T *to = (T *)dst->data + at;                                                                           \
                                                                                                               \
        for (uint32_t k = 0; k < count; k++)                                                                   \
            to[k] = from[slots[k]];                                                                            \
    } while (0)

static void
append_fixed(Arena *a, const void *data, const uint64_t *nulls, const uint16_t *slots, uint32_t count,
             Vector *dst, uint32_t at, uint32_t capacity)
{
    uint32_t width = phys_bytes((Phys)dst->phys);

    if ((uint32_t)(slots[count - 1] - slots[0]) == count - 1) { /* one after the other */
        memcpy((char *)dst->data + (size_t)at * width, (const char *)data + (size_t)slots[0] * width,
               (size_t)count * width);
    } else {
        switch (width) {
        case 1: GATHER(uint8_t); break;
        case 2: GATHER(uint16_t); break;
        case 4: GATHER(uint32_t); break;
        case 8: GATHER(uint64_t); break;
        default: GATHER(Interval); break;
        }
    }
    for (uint32_t k = 0; k < count && nulls != NULL; k++) {
        if (bit_get(nulls, slots[k])) {
            vector_need_nulls(dst, a, capacity);
            bit_set(dst->nulls, at + k);
        }
    }
}

/* memcpy for what is mostly a few bytes. */
static inline void
copy_bytes(char *to, const char *from, uint32_t n)
{
    if (n == 1)
        *to = *from;
    else if (n >= 8 && n <= 16) {
        uint64_t first, last;

        memcpy(&first, from, 8);
        memcpy(&last, from + n - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + n - 8, &last, 8);
    } else {
        memcpy(to, from, n);
    }
}

static Status
append_var(Ctx *cx, Arena *a, const Cell *cells, uint32_t count, Vector *dst, uint32_t at, uint32_t capacity)
{
    VarRef *to = (VarRef *)dst->data + at;
    size_t total = 0;
    char *bytes;

    for (uint32_t k = 0; k < count; k++)
        total += cells[k].bytes;
    bytes = arena_try_alloc(a, total);
    if (bytes == NULL)
        return fail_memory(cx, total);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t n = cells[k].bytes;

        if (UNLIKELY(cells[k].data == NULL)) {
            vector_need_nulls(dst, a, capacity);
            bit_set(dst->nulls, at + k);
            to[k] = (VarRef){"", 0};
            continue;
        }
        copy_bytes(bytes, cells[k].data, n);
        to[k] = (VarRef){bytes, n};
        bytes += n;
    }
    return ST_OK;
}

static Status
append_cells(Ctx *cx, Arena *a, const HeapScan *scan, const HeapPageView *view, uint16_t column,
             const uint16_t *slots, uint32_t count, Vector *dst, uint32_t at, uint32_t capacity)
{
    Cell cells[HEAP_SLOTS_MOST];
    uint32_t width = phys_bytes((Phys)dst->phys);

    ASSERT(count <= HEAP_SLOTS_MOST);
    TRY(heap_view_cells(cx, scan, view, column, slots, count, cells));
    if (dst->phys == PHYS_VAR)
        return append_var(cx, a, cells, count, dst, at, capacity);
    for (uint32_t k = 0; k < count; k++) {
        if (cells[k].data != NULL) {
            memcpy((char *)dst->data + (size_t)(at + k) * width, cells[k].data, width);
        } else {
            vector_need_nulls(dst, a, capacity);
            bit_set(dst->nulls, at + k);
        }
    }
    return ST_OK;
}

Status
page_rows_append(Ctx *cx, Arena *a, const Plan *plan, const HeapScan *scan, const HeapPageView *view,
                 const uint16_t *slots, uint32_t count, Vector *columns, uint32_t at, uint32_t capacity)
{
    const uint64_t *nulls;
    const void *data;

    if (count == 0)
        return ST_OK;
    for (int i = 0; i < plan->output_count; i++) {
        int column = plan->scan.columns[i];
        Vector *dst = &columns[i];
        Vector v;

        if (column == COLUMN_CTID) {
            for (uint32_t k = 0; k < count; k++)
                ((int64_t *)dst->data)[at + k] = (int64_t)heap_view_tid(view, slots[k]);
            continue;
        }
        if (UNLIKELY(column <= 0)) {
            TRY(heap_read_page_column(cx, a, plan->scan.table, scan, view, column, &v));
            TRY(vector_append(cx, a, a, dst, at, capacity, &v, (Rows){slots, count}));
            continue;
        }
        data = dst->phys != PHYS_VAR ? heap_view_fixed(scan, view, (uint16_t)(column - 1), &nulls) : NULL;
        if (data != NULL)
            append_fixed(a, data, nulls, slots, count, dst, at, capacity);
        else
            TRY(append_cells(cx, a, scan, view, (uint16_t)(column - 1), slots, count, dst, at, capacity));
    }
    return ST_OK;
}
