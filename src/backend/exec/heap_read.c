/* heap_read.c - see heap_read.h. */
#include "backend/exec/heap_read.h"

#include "backend/type/numeric.h"

static void
fixed_value(Value *v, Phys phys, const void *data)
{
    memcpy(&v->i64, data, MIN_OF(phys_bytes(phys), sizeof(Interval)));
    v->phys = (uint8_t)phys;
}

Value
heap_cell_value(const ColumnInfo *c, const Cell *cell)
{
    Value v = {.scale = c->scale};

    if (cell->data == NULL)
        return value_null();
    if (c->phys == PHYS_VAR)
        return value_var(cell->data, cell->bytes);
    fixed_value(&v, c->phys, cell->data);
    return v;
}

static Value
system_value(const TableInfo *table, int column, Tid tid, RowHeader header)
{
    switch (column) {
    case COLUMN_CTID: return value_i64((int64_t)tid);
    case COLUMN_XMIN: return value_oid(header.xmin);
    case COLUMN_XMAX: return value_oid(header.xmax);
    case COLUMN_CMIN: return value_oid(header.cmin);
    case COLUMN_CMAX: return value_oid(header.cmax);
    default: ASSERT(column == COLUMN_TABLEOID); return value_oid(table->oid);
    }
}

static Status
page_system_column(Arena *a, const TableInfo *table, const HeapPageView *view, int column, Vector *out)
{
    vector_init(out, a, column == COLUMN_CTID ? PHYS_I64 : PHYS_U32, view->slot_count);
    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        Value v = system_value(table, column, heap_view_tid(view, slot), heap_view_header(view, slot));

        vector_set(out, a, slot, view->slot_count, v);
    }
    return ST_OK;
}

Status
heap_read_page_column(Ctx *cx, Arena *a, const TableInfo *table, const HeapScan *scan, const HeapPageView *view,
                      int column, Vector *out)
{
    const ColumnInfo *c;
    const void *data;
    const uint64_t *nulls;

    if (column <= 0)
        return page_system_column(a, table, view, column, out);
    c = &table->columns[column - 1];
    if (c->phys != PHYS_VAR) {
        data = heap_view_fixed(scan, view, (uint16_t)(column - 1), &nulls);
        if (data != NULL) {
            *out = (Vector){.data = (void *)(uintptr_t)data,
                            .nulls = (uint64_t *)(uintptr_t)nulls,
                            .phys = (uint8_t)c->phys,
                            .scale = c->scale};
            return ST_OK;
        }
    }
    vector_init(out, a, c->phys, view->slot_count);
    out->scale = c->scale;
    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        Cell cell;

        TRY(heap_view_cell(cx, scan, view, (uint16_t)(column - 1), slot, &cell));
        if (cell.data == NULL) {
            vector_need_nulls(out, a, view->slot_count);
            bit_set(out->nulls, slot);
            if (c->phys == PHYS_VAR)
                ((VarRef *)out->data)[slot] = (VarRef){"", 0};
        } else if (c->phys == PHYS_VAR) {
            ((VarRef *)out->data)[slot] = (VarRef){cell.data, cell.bytes};
        } else {
            memcpy((char *)out->data + (size_t)slot * phys_bytes(c->phys), cell.data, phys_bytes(c->phys));
        }
    }
    return ST_OK;
}

Status
heap_read_value(Ctx *cx, Arena *a, const TableInfo *table, const HeapRow *row, int column, Value *out)
{
    Cell cell;

    if (column <= 0) {
        *out = system_value(table, column, row->tid, heap_row_header(row));
        return ST_OK;
    }
    TRY(heap_row_cell(cx, &table->heap, row, (uint16_t)(column - 1), &cell));
    *out = value_copy(a, heap_cell_value(&table->columns[column - 1], &cell));
    return ST_OK;
}

Status
heap_read_row_column(Ctx *cx, Arena *a, const TableInfo *table, const HeapRow *row, int column, Vector *out)
{
    Value v;
    Phys phys = column > 0 ? table->columns[column - 1].phys : column == COLUMN_CTID ? PHYS_I64 : PHYS_U32;

    TRY(heap_read_value(cx, a, table, row, column, &v));
    vector_init_const(out, a, &v, phys);
    return ST_OK;
}

Cell
heap_var_cell(const ColumnInfo *c, VarRef v)
{
    if (column_padded_chars(c) > 0) { /* the page does not keep blanks that can be put back */
        while (v.bytes > 0 && v.data[v.bytes - 1] == ' ')
            v.bytes--;
    }
    return (Cell){v.bytes > 0 ? v.data : "", v.bytes};
}

Status
heap_cell(Ctx *cx, Arena *a, const ColumnInfo *c, const Value *v, void *space, Cell *out)
{
    Value own = *v;

    if (v->is_null) {
        *out = (Cell){NULL, 0};
        return ST_OK;
    }
    if (c->phys == PHYS_VAR) {
        if (v->phys == PHYS_DEC64)
            own = numeric_pack(a, v);
        *out = heap_var_cell(c, own.var);
        return ST_OK;
    }
    if (c->phys == PHYS_DEC64 && (v->phys != PHYS_DEC64 || v->scale != c->scale))
        TRY(numeric_coerce(cx, v, c->typmod, &own));
    ASSERT(own.phys == c->phys && (c->phys != PHYS_DEC64 || own.scale == c->scale));
    memcpy(space, &own.i64, phys_bytes(c->phys));
    *out = (Cell){space, phys_bytes(c->phys)};
    return ST_OK;
}
