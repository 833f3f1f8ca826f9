/* catalog_rows.c - reading and writing rows of heap catalogs. */
#include "backend/catalog/catalog_int.h"

#include "backend/exec/heap_read.h"
#include "backend/exec/key.h"
#include "storage/rel/rel.h"

Value *
catalog_blank(Ctx *cx, int count)
{
    Value *v = arena_array(cx->arena, Value, count);

    for (int i = 0; i < count; i++)
        v[i] = value_null();
    return v;
}

Value
value_text(Ctx *cx, const char *text)
{
    return text == NULL ? value_null() : value_var(arena_strdup(cx->arena, text), strlen(text));
}

Value
value_name(Ctx *cx, const char *name)
{
    ASSERT(name == NULL || strlen(name) <= NAME_MOST_BYTES);
    return value_text(cx, name);
}

Value
value_char(Ctx *cx, char c)
{
    return value_var(arena_memdup(cx->arena, &c, 1), c != '\0');
}

const char *
value_cstring(Ctx *cx, Value v)
{
    return v.is_null ? NULL : arena_strndup(cx->arena, v.var.data, v.var.bytes);
}

static Status
read_row(Ctx *cx, const TableInfo *t, const HeapRow *row, Value **out)
{
    Value *values = catalog_blank(cx, t->column_count + 1);

    for (int c = 1; c <= t->column_count; c++)
        TRY(heap_read_value(cx, cx->arena, t, row, c, &values[c]));
    *out = values;
    return ST_OK;
}

static bool
matches(const TableInfo *t, const Value *values, int column, const Value *wanted)
{
    if (column == 0)
        return true;
    if (values[column].is_null || wanted->is_null)
        return false;
    return type_by_oid(t->columns[column - 1].type)->compare(&values[column], wanted) == 0;
}

typedef struct Found {
    CatalogRow *rows;
    int count, capacity;
} Found;

static void
push_row(Ctx *cx, Found *f, Tid tid, const Value *values)
{
    if (f->count == f->capacity) {
        int capacity = MAX_OF(8, f->capacity * 2);
        CatalogRow *rows = arena_array(cx->arena, CatalogRow, capacity);

        if (f->count > 0)
            memcpy(rows, f->rows, sizeof(*rows) * (size_t)f->count);
        f->rows = rows;
        f->capacity = capacity;
    }
    f->rows[f->count++] = (CatalogRow){tid, values};
}

static const IndexInfo *
index_for(const TableInfo *t, int column_a)
{
    for (int i = 0; column_a != 0 && i < t->index_count; i++) {
        if (t->indexes[i].keys[0].column == column_a)
            return &t->indexes[i];
    }
    return NULL;
}

static Status
find_by_index(Ctx *cx, const TableInfo *t, const IndexInfo *x, int a, Value va, int b, Value vb,
              const Snapshot *snapshot, Found *found)
{
    Buf key = {0};
    KeyPart part = key_part_of_index(&x->keys[0]);
    BtreeScan *scan = NULL;
    BtreeBound bound;
    Status rc;

    key_append(&part, &va, &key);
    if (x->key_count > 1 && b == x->keys[1].column) {
        part = key_part_of_index(&x->keys[1]);
        key_append(&part, &vb, &key);
    }
    bound = (BtreeBound){{key.data, (uint32_t)key.bytes}, true};
    TRY_TO(out, rc, btree_scan_open(cx, cx->arena, &x->btree, bound, bound, false, &scan));
    for (;;) {
        Tid tids[64];
        uint32_t count;

        TRY_TO(out, rc, btree_scan_next(cx, scan, COUNT_OF(tids), tids, NULL, &count));
        if (count == 0)
            break;
        for (uint32_t i = 0; i < count; i++) {
            HeapRow row;
            Value *values = NULL;

            TRY_TO(out, rc, heap_fetch(cx, &t->heap, tids[i], snapshot, &row));
            if (row.found)
                rc = read_row(cx, t, &row, &values);
            heap_row_release(cx, &row);
            if (rc != ST_OK)
                goto out;
            if (values != NULL && matches(t, values, a, &va) && matches(t, values, b, &vb))
                push_row(cx, found, tids[i], values);
        }
    }
out:
    if (scan != NULL)
        btree_scan_close(cx, scan);
    buf_free(&key);
    return rc;
}

static Status
find_by_scan(Ctx *cx, const TableInfo *t, int a, Value va, int b, Value vb, const Snapshot *snapshot,
             Found *found)
{
    HeapScan *scan = NULL;
    Status rc;
    bool done;

    TRY_TO(out, rc, heap_scan_open(cx, cx->arena, &t->heap, snapshot, 0, UINT32_MAX, &scan));
    for (;;) {
        HeapPageView view;

        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        for (uint32_t k = 0; k < view.visible_count; k++) {
            Value *values = catalog_blank(cx, t->column_count + 1);

            for (int c = 1; c <= t->column_count; c++) {
                Cell cell;

                TRY_TO(out, rc, heap_view_cell(cx, scan, &view, (uint16_t)(c - 1), view.visible[k], &cell));
                values[c] = heap_cell_value(&t->columns[c - 1], &cell);
            }
            if (!matches(t, values, a, &va) || !matches(t, values, b, &vb))
                continue;
            for (int c = 1; c <= t->column_count; c++)
                values[c] = values[c].is_null ? values[c] : value_copy(cx->arena, values[c]);
            push_row(cx, found, heap_view_tid(&view, view.visible[k]), values);
        }
    }
out:
    if (scan != NULL)
        heap_scan_close(cx, scan);
    return rc;
}

Status
catalog_find(Ctx *cx, CatalogNo no, int column_a, Value a, int column_b, Value b, CatalogRow **rows, int *count)
{
    const TableInfo *t = catalog_relation(cx, no);
    const IndexInfo *x = index_for(t, column_a);
    Found found = {0};
    Snapshot snapshot;

    TRY(txn_catalog_snapshot(cx, &snapshot)); /* K2 */
    if (x != NULL)
        TRY(find_by_index(cx, t, x, column_a, a, column_b, b, &snapshot, &found));
    else
        TRY(find_by_scan(cx, t, column_a, a, column_b, b, &snapshot, &found));
    *rows = found.rows;
    *count = found.count;
    return ST_OK;
}

static Status
make_cells(Ctx *cx, const TableInfo *t, const Value *values, Cell **out)
{
    Cell *cells = arena_array(cx->arena, Cell, t->column_count);
    char(*spaces)[16] = arena_zalloc(cx->arena, sizeof(*spaces) * (size_t)t->column_count);

    for (int c = 0; c < t->column_count; c++)
        TRY(heap_cell(cx, cx->arena, &t->columns[c], &values[c + 1], spaces[c], &cells[c]));
    *out = cells;
    return ST_OK;
}

static Status
insert_keys(Ctx *cx, const TableInfo *t, const Value *values, Tid tid)
{
    Buf key = {0};
    Status rc = ST_OK;

    for (int i = 0; i < t->index_count && rc == ST_OK; i++) {
        const IndexInfo *x = &t->indexes[i];
        bool has_null;
        Tid conflict;

        buf_clear(&key);
        key_of_row(x, values + 1, NULL, &key, &has_null);
        rc = btree_insert(cx, &x->btree, (BtreeKey){key.data, (uint32_t)key.bytes}, tid,
                          x->unique ? BTREE_UNIQUE_CHECK : BTREE_UNIQUE_NO, &t->heap, &conflict);
        if (rc == ST_OK && conflict != TID_NONE)
            rc = fail(cx, ST_ERROR, "23505", "duplicate key value violates unique constraint \"%s\"", x->name);
    }
    buf_free(&key);
    return rc;
}

Status
catalog_insert(Ctx *cx, CatalogNo no, const Value *values)
{
    const TableInfo *t = catalog_relation(cx, no);
    Cell *cells;
    Tid tid;

    TRY(make_cells(cx, t, values, &cells));
    TRY(heap_insert(cx, &t->heap, cells, &tid));
    TRY(insert_keys(cx, t, values, tid));
    txn_next_command(cx); /* later look-ups of this statement see it */
    return ST_OK;
}

/* Two sessions changing one catalog row: DDL takes object locks first, so this is rare. */
static Status
check_outcome(Ctx *cx, const RowChange *change)
{
    if (change->outcome == ROW_DONE)
        return ST_OK;
    return fail(cx, ST_ERROR, "XX000", "tuple concurrently %s",
                change->outcome == ROW_DELETED ? "deleted" : "updated");
}

Status
catalog_update(Ctx *cx, CatalogNo no, Tid tid, const Value *values)
{
    bool again;

    TRY(catalog_try_update(cx, no, tid, values, &again));
    return again ? check_outcome(cx, &(RowChange){.outcome = ROW_UPDATED}) : ST_OK;
}

Status
catalog_try_update(Ctx *cx, CatalogNo no, Tid tid, const Value *values, bool *again)
{
    const TableInfo *t = catalog_relation(cx, no);
    Snapshot snapshot;
    RowChange change;
    Cell *cells;

    TRY(txn_catalog_snapshot(cx, &snapshot));
    TRY(make_cells(cx, t, values, &cells));
    TRY(heap_update(cx, &t->heap, tid, &snapshot, cells, true, ROW_LOCK_UPDATE, &change));
    *again = change.outcome == ROW_UPDATED;
    if (*again)
        return ST_OK;
    TRY(check_outcome(cx, &change));
    if (!change.same_root)
        TRY(insert_keys(cx, t, values, change.tid));
    txn_next_command(cx);
    return ST_OK;
}

Status
catalog_delete(Ctx *cx, CatalogNo no, Tid tid)
{
    const TableInfo *t = catalog_relation(cx, no);
    Snapshot snapshot;
    RowChange change;

    TRY(txn_catalog_snapshot(cx, &snapshot));
    TRY(heap_delete(cx, &t->heap, tid, &snapshot, &change));
    TRY(check_outcome(cx, &change));
    txn_next_command(cx);
    return ST_OK;
}

bool
catalog_row_is_own(Ctx *cx, CatalogNo no, Tid tid)
{
    Snapshot snapshot;
    HeapRow row;
    bool own;

    if (txn_id(cx) == 0 || txn_catalog_snapshot(cx, &snapshot) != ST_OK ||
        heap_fetch(cx, &catalog_relation(cx, no)->heap, tid, &snapshot, &row) != ST_OK) {
        ctx_error_clear(cx);
        return false;
    }
    own = row.found && heap_row_header(&row).xmin == (uint32_t)txn_id(cx);
    heap_row_release(cx, &row);
    return own;
}
