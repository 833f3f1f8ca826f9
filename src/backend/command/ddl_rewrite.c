/* ddl_rewrite.c - definitions that have to look at, or move, every row that is there. */
#include "backend/command/ddl.h"

#include "backend/exec/heap_read.h"
#include "backend/exec/row_write.h"

/* A scan of all rows as they are now, page by page, with an arena that is emptied for each. */
typedef struct RowWalk {
    Ctx *cx;
    Arena *saved, page;
    HeapScan *scan;
    HeapPageView view;
} RowWalk;

static Status
walk_begin(Ctx *cx, const TableInfo *t, RowWalk *w)
{
    Snapshot snapshot;

    *w = (RowWalk){.cx = cx, .saved = cx->arena};
    arena_init(&w->page, "table page", cx->arena->budget);
    TRY(txn_catalog_snapshot(cx, &snapshot)); /* everything committed, and what we did ourselves */
    return heap_scan_open(cx, cx->arena, &t->heap, &snapshot, 0, UINT32_MAX, &w->scan);
}

static Status
walk_next(RowWalk *w, bool *done)
{
    arena_reset(&w->page);
    w->cx->arena = &w->page;
    TRY(ctx_poll(w->cx));
    return heap_scan_next(w->cx, w->scan, &w->view, done);
}

static void
walk_end(RowWalk *w)
{
    w->cx->arena = w->saved;
    if (w->scan != NULL)
        heap_scan_close(w->cx, w->scan);
    arena_free(&w->page);
}

static Status
fail_null(Ctx *cx, const TableInfo *t, const char *column)
{
    (void)fail(cx, ST_ERROR, "23502", "column \"%s\" of relation \"%s\" contains null values", column, t->name);
    fail_object(cx, t->schema_name, t->name, column, NULL);
    return ST_ERROR;
}

Status
ddl_verify_not_null(Ctx *cx, const TableInfo *t, int column)
{
    RowWalk w;
    bool done = false;
    Status rc;

    ASSERT(column >= 1 && column <= t->column_count);
    TRY_TO(out, rc, walk_begin(cx, t, &w));
    for (;;) {
        TRY_TO(out, rc, walk_next(&w, &done));
        if (done)
            break;
        for (uint32_t k = 0; k < w.view.visible_count; k++) {
            Cell cell;

            TRY_TO(out, rc,
                   heap_view_cell(cx, w.scan, &w.view, (uint16_t)(column - 1), w.view.visible[k], &cell));
            if (cell.data == NULL) {
                rc = fail_null(cx, t, t->columns[column - 1].name);
                goto out;
            }
        }
    }
out:
    walk_end(&w);
    return rc;
}

Status
ddl_set_not_null(Ctx *cx, Oid table, int column)
{
    const TableInfo *t;
    Value *v;
    Tid tid;

    TRY(catalog_table_by_oid(cx, table, LOCK_NONE, &t));
    if (t->columns[column - 1].not_null)
        return ST_OK;
    TRY(ddl_verify_not_null(cx, t, column));
    TRY(ddl_attribute_row(cx, table, column, &v, &tid));
    v[COL_PG_ATTRIBUTE_attnotnull] = value_bool(true);
    TRY(catalog_update(cx, CAT_PG_ATTRIBUTE, tid, v));
    catalog_changed(cx, catalog_branch(cx), table);
    return ST_OK;
}

/* One page's rows, with the value of the new column if there is one, into the new storage. */
static Status
move_page(Ctx *cx, RowWalk *w, const TableInfo *old, const TableInfo *t, RowEval *eval, const Expr *value,
          RowWriter *writer)
{
    int n = t->column_count;
    Value *values = arena_alloc(cx->arena, sizeof(*values) * (size_t)MAX_OF(n, 1) * w->view.visible_count);
    uint32_t failed;

    for (uint32_t k = 0; k < w->view.visible_count; k++) {
        Value *row = values + (size_t)k * (size_t)n;

        for (int c = 0; c < old->column_count; c++) {
            Cell cell;

            TRY(heap_view_cell(cx, w->scan, &w->view, (uint16_t)c, w->view.visible[k], &cell));
            row[c] = heap_cell_value(&old->columns[c], &cell);
        }
        if (value == NULL)
            continue;
        TRY(row_eval(eval, value, NULL, 0, &row[n - 1]));
        if (row[n - 1].is_null && t->columns[n - 1].not_null)
            return fail_null(cx, t, t->columns[n - 1].name);
    }
    return row_writer_insert_many(writer, values, w->view.visible_count, &failed);
}

static Status
move_rows(Ctx *cx, const TableInfo *old, const TableInfo *t, const Expr *value)
{
    TableInfo bare = *t; /* its indexes are built when all rows are there */
    RowWriter *writer = NULL;
    RowEval *eval = NULL;
    Expr *planned = NULL;
    int states = 0;
    RowWalk w = {.cx = cx, .saved = cx->arena};
    bool done = false;
    Status rc;

    bare.index_count = 0;
    if (value != NULL)
        TRY(plan_row_expression(cx, cx->arena, &states, value, &planned));
    TRY(row_eval_open(cx, cx->arena, states, &eval));
    TRY(row_writer_open(cx, cx->arena, &bare, NULL, 0, 0, &writer));
    TRY_TO(out, rc, walk_begin(cx, old, &w));
    for (;;) {
        TRY_TO(out, rc, walk_next(&w, &done));
        if (done)
            break;
        TRY_TO(out, rc, move_page(cx, &w, old, t, eval, planned, writer));
    }
out:
    walk_end(&w);
    row_writer_close(writer);
    row_eval_close(eval);
    return rc;
}

Status
ddl_rewrite(Session *s, const TableInfo *old, const Expr *value)
{
    Ctx *cx = s->cx;
    const TableInfo *t;

    TRY(ddl_fresh_storage(cx, old->oid));
    for (int i = 0; i < old->index_count; i++)
        TRY(ddl_fresh_storage(cx, old->indexes[i].oid));
    catalog_changed(cx, catalog_branch(cx), old->oid);
    TRY(catalog_table_by_oid(cx, old->oid, LOCK_NONE, &t));
    ASSERT(t->column_count == old->column_count + (value != NULL));
    TRY(move_rows(cx, old, t, value));
    txn_next_command(cx); /* the indexes are to see them */
    for (int i = 0; i < t->index_count; i++)
        TRY(ddl_build_index(cx, t, i));
    return ST_OK;
}
