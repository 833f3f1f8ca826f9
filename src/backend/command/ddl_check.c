/* ddl_check.c - CHECK constraints. */
#include "backend/command/ddl.h"

#include "backend/exec/heap_read.h"

typedef struct ColumnsUsed {
    int16_t numbers[COLUMNS_MOST];
    int count;
} ColumnsUsed;

static bool
note_column(Expr **child, void *arg)
{
    ColumnsUsed *u = arg;
    const Expr *e = *child;

    if (e->kind == EXPR_COLUMN) {
        for (int i = 0; i < u->count; i++) {
            if (u->numbers[i] == e->column.column)
                return true;
        }
        u->numbers[u->count++] = (int16_t)e->column.column;
    }
    return expr_children(*child, note_column, arg);
}

/* Every row that is there must pass. */
static Status
verify_rows(Ctx *cx, const TableInfo *t, const Expr *check, const char *name)
{
    Arena *saved = cx->arena, page;
    HeapScan *scan = NULL;
    RowEval *eval;
    Expr *planned;
    Snapshot snapshot;
    int states = 0;
    Status rc;

    arena_init(&page, "check page", saved->budget);
    TRY(plan_row_expression(cx, saved, &states, check, &planned));
    TRY(row_eval_open(cx, saved, states, &eval));
    TRY_TO(out, rc, txn_catalog_snapshot(cx, &snapshot));
    TRY_TO(out, rc, heap_scan_open(cx, saved, &t->heap, &snapshot, 0, UINT32_MAX, &scan));
    for (;;) {
        HeapPageView view;
        bool done;

        arena_reset(&page);
        cx->arena = &page;
        TRY_TO(out, rc, ctx_poll(cx));
        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        for (uint32_t k = 0; k < view.visible_count; k++) {
            Value *values = arena_array(&page, Value, MAX_OF(t->column_count, 1)), ok;

            for (int c = 0; c < t->column_count; c++) {
                Cell cell;

                TRY_TO(out, rc, heap_view_cell(cx, scan, &view, (uint16_t)c, view.visible[k], &cell));
                values[c] = heap_cell_value(&t->columns[c], &cell);
            }
            TRY_TO(out, rc, row_eval(eval, planned, values, t->column_count, &ok));
            if (!ok.is_null && !ok.b) {
                rc = fail(cx, ST_ERROR, "23514",
                          "check constraint \"%s\" of relation \"%s\" is violated by some row", name, t->name);
                fail_object(cx, t->schema_name, t->name, NULL, name);
                goto out;
            }
        }
    }
out:
    cx->arena = saved;
    if (scan != NULL)
        heap_scan_close(cx, scan);
    row_eval_close(eval);
    arena_free(&page);
    return rc;
}

static Status
check_name_free(Ctx *cx, const TableInfo *t, const char *name, bool *exists)
{
    CatalogRow *rows;
    int count;

    *exists = false;
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid),
                     COL_PG_CONSTRAINT_conname, value_name(cx, name), &rows, &count));
    *exists = count > 0;
    return ST_OK;
}

static Status
choose_name(Ctx *cx, const TableInfo *t, const ColumnsUsed *used, const char *column, const char **out)
{
    const char *label = column;

    if (label == NULL && used->count == 1)
        label = t->columns[used->numbers[0] - 1].name;
    for (int no = 0;; no++) {
        const char *suffix = no == 0 ? "check" : arena_printf(cx->arena, "check%d", no);
        const char *name = label != NULL ? arena_printf(cx->arena, "%.28s_%.27s_%s", t->name, label, suffix)
                                         : arena_printf(cx->arena, "%.55s_%s", t->name, suffix);
        bool exists;

        TRY(check_name_free(cx, t, name, &exists));
        if (!exists) {
            *out = name;
            return ST_OK;
        }
    }
}

Status
ddl_add_check(Session *s, const TableInfo *t, const AstConstraint *k, const char *column, bool verify)
{
    Ctx *cx = s->cx;
    ColumnsUsed *used = arena_new(cx->arena, ColumnsUsed);
    CatalogRow *rows;
    const char *name = k->name;
    Buf text = {0};
    Expr *e;
    bool exists;
    Value *v;
    int count;
    Status rc;

    if (k->not_valid)
        return fail_unsupported(cx, k->ast.location, "NOT VALID");
    TRY(bind_table_expression(cx, cx->arena, t, k->expr, "check constraints", TYPE_BOOL, -1, NULL, &e));
    note_column(&e, used);
    if (name != NULL) {
        name = ddl_name(cx, name);
        TRY(check_name_free(cx, t, name, &exists));
        if (exists)
            return fail(cx, ST_ERROR, "42710", "constraint \"%s\" for relation \"%s\" already exists", name,
                        t->name);
    } else {
        TRY(choose_name(cx, t, used, column, &name));
    }
    if (verify)
        TRY(verify_rows(cx, t, e, name));
    rc = expr_deparse(cx, e, t, false, &text);
    if (rc == ST_OK)
        rc = ddl_insert_check(cx, t->oid, t->schema, name, buf_cstr(&text), used->numbers, used->count);
    buf_free(&text);
    TRY(rc);
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(t->oid), 0, value_null(), &rows, &count));
    if (count > 0) {
        v = arena_memdup(cx->arena, rows[0].values, sizeof(*v) * COL_PG_CLASS_COUNT_);
        v[COL_PG_CLASS_relchecks].i16++;
        TRY(catalog_update(cx, CAT_PG_CLASS, rows[0].tid, v));
    }
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}
