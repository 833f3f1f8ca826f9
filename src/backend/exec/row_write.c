/* row_write.c - see row_write.h. */
#include "backend/exec/row_write.h"

#include "backend/bind/bind.h"
#include "backend/exec/exec_int.h"
#include "backend/exec/heap_read.h"
#include "backend/exec/index_queue.h"
#include "backend/exec/key.h"
#include "backend/parse/parse.h"

/* What an index computes that is no plain column. */
typedef struct IndexExprs {
    Expr *predicate;
    Expr *keys[INDEX_KEYS_MOST];
    bool any;
} IndexExprs;

struct RowWriter {
    Ctx *cx;
    const TableInfo *table;
    Expr *const *checks;
    int check_count;
    RowEval *eval;
    IndexExprs *indexes;
    Cell *cells;
    char (*spaces)[16];
    Buf key;
    IndexQueue *queue; /* of row_writer_insert_many; made when first needed */
    Arena *arena;
};

static Status
index_expression(RowWriter *w, Arena *arena, int *states, const char *text, Oid type, Expr **out)
{
    Ast *ast;
    Expr *bound;

    TRY(parse_expression(w->cx, arena, text, &ast));
    TRY(bind_table_expression(w->cx, arena, w->table, ast, "index expressions", type, -1, NULL, &bound));
    return plan_row_expression(w->cx, arena, states, bound, out);
}

Status
row_writer_open(Ctx *cx, Arena *arena, const TableInfo *table, Expr *const *checks, int check_count,
                int state_count, RowWriter **out)
{
    RowWriter *w = arena_new(arena, RowWriter);
    int states = state_count;

    w->cx = cx;
    w->arena = arena;
    w->table = table;
    w->checks = checks;
    w->check_count = check_count;
    w->indexes = arena_array(arena, IndexExprs, MAX_OF(table->index_count, 1));
    for (int i = 0; i < table->index_count; i++) {
        const IndexInfo *x = &table->indexes[i];

        if (x->predicate != NULL)
            TRY(index_expression(w, arena, &states, x->predicate, TYPE_BOOL, &w->indexes[i].predicate));
        for (int k = 0; k < x->key_count; k++) {
            if (x->keys[k].column > 0)
                continue;
            TRY(index_expression(w, arena, &states, x->keys[k].expression, x->keys[k].type,
                                 &w->indexes[i].keys[k]));
            w->indexes[i].any = true;
        }
    }
    w->cells = arena_array(arena, Cell, MAX_OF(table->column_count, 1));
    w->spaces = arena_zalloc(arena, sizeof(*w->spaces) * (size_t)MAX_OF(table->column_count, 1));
    TRY(row_eval_open(cx, arena, states, &w->eval));
    *out = w;
    return ST_OK;
}

void
row_writer_close(RowWriter *w)
{
    if (w == NULL)
        return;
    buf_free(&w->key);
    index_queue_close(w->queue);
    row_eval_close(w->eval);
}

/* "(1, abc, null)" of the whole row, for error details; long values are cut like PostgreSQL's. */
static const char *
row_text(RowWriter *w, const Value *values)
{
    Buf b = {0};
    const char *text;
    bool first = true;

    buf_add_char(&b, '(');
    for (int c = 0; c < w->table->column_count; c++) {
        const ColumnInfo *column = &w->table->columns[c];
        size_t start;

        if (column->dropped)
            continue;
        if (!first)
            buf_add_text(&b, ", ");
        first = false;
        start = b.bytes;
        if (values[c].is_null)
            buf_add_text(&b, "null");
        else if (type_by_oid(column->type)->out(w->cx, type_by_oid(column->type), &values[c], &b) != ST_OK)
            break;
        if (b.bytes - start > 64) {
            b.bytes = start + 64;
            buf_add_text(&b, "...");
        }
    }
    buf_add_char(&b, ')');
    text = arena_strdup(w->cx->error_arena, buf_cstr(&b));
    buf_free(&b);
    return text;
}

Status
row_writer_check(RowWriter *w, const Value *values)
{
    const TableInfo *t = w->table;

    for (int c = 0; c < t->column_count; c++) {
        if (!t->columns[c].not_null || t->columns[c].dropped || !values[c].is_null)
            continue;
        (void)fail(w->cx, ST_ERROR, "23502",
                   "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
                   t->columns[c].name, t->name);
        fail_detail(w->cx, "Failing row contains %s.", row_text(w, values));
        fail_object(w->cx, t->schema_name, t->name, t->columns[c].name, NULL);
        return ST_ERROR;
    }
    for (int i = 0; i < w->check_count; i++) {
        Value ok;

        TRY(row_eval(w->eval, w->checks[i], values, t->column_count, &ok));
        if (ok.is_null || ok.b)
            continue;
        (void)fail(w->cx, ST_ERROR, "23514", "new row for relation \"%s\" violates check constraint \"%s\"",
                   t->name, t->checks[i].name);
        fail_detail(w->cx, "Failing row contains %s.", row_text(w, values));
        fail_object(w->cx, t->schema_name, t->name, NULL, t->checks[i].name);
        return ST_ERROR;
    }
    return ST_OK;
}

Status
row_writer_key(RowWriter *w, int index_no, const Value *values, Buf *key, bool *has_null, bool *skip)
{
    const IndexInfo *x = &w->table->indexes[index_no];
    const IndexExprs *exprs = &w->indexes[index_no];
    Value computed[INDEX_KEYS_MOST];

    *skip = false;
    if (exprs->predicate != NULL) {
        Value in;

        TRY(row_eval(w->eval, exprs->predicate, values, w->table->column_count, &in));
        if (in.is_null || !in.b) {
            *skip = true;
            return ST_OK;
        }
    }
    for (int k = 0; k < x->key_count && exprs->any; k++) {
        if (exprs->keys[k] != NULL)
            TRY(row_eval(w->eval, exprs->keys[k], values, w->table->column_count, &computed[k]));
    }
    key_of_row(x, values, computed, key, has_null);
    return ST_OK;
}

static Status
fail_duplicate(RowWriter *w, int index_no, const Value *values)
{
    const IndexInfo *x = &w->table->indexes[index_no];
    const IndexExprs *exprs = &w->indexes[index_no];
    Buf names = {0}, texts = {0};

    for (int k = 0; k < x->key_count; k++) {
        int c = x->keys[k].column;
        const TypeInfo *type = type_by_oid(x->keys[k].type);
        Value v = value_null();
        Status rc = ST_OK;

        if (k > 0) {
            buf_add_text(&names, ", ");
            buf_add_text(&texts, ", ");
        }
        buf_add_text(&names, c > 0 ? w->table->columns[c - 1].name : x->keys[k].expression);
        if (c > 0)
            v = values[c - 1];
        else
            rc = row_eval(w->eval, exprs->keys[k], values, w->table->column_count, &v);
        if (rc == ST_OK && v.is_null)
            buf_add_text(&texts, "null");
        else if (rc != ST_OK || type->out(w->cx, type, &v, &texts) != ST_OK)
            buf_add_text(&texts, "?");
    }
    (void)fail(w->cx, ST_ERROR, "23505", "duplicate key value violates unique constraint \"%s\"", x->name);
    fail_detail(w->cx, "Key (%s)=(%s) already exists.", buf_cstr(&names), buf_cstr(&texts));
    fail_object(w->cx, w->table->schema_name, w->table->name, NULL, x->name);
    buf_free(&names);
    buf_free(&texts);
    return ST_ERROR;
}

static Status
add_to_index(RowWriter *w, int index_no, const Value *values, Tid tid, Tid *conflict)
{
    const IndexInfo *x = &w->table->indexes[index_no];
    bool has_null, skip;

    *conflict = TID_NONE;
    buf_clear(&w->key);
    TRY(row_writer_key(w, index_no, values, &w->key, &has_null, &skip));
    if (skip)
        return ST_OK;
    if (w->key.failed)
        return fail_memory(w->cx, w->key.bytes);
    return btree_insert(w->cx, &x->btree, (BtreeKey){w->key.data, (uint32_t)w->key.bytes}, tid,
                        x->unique && (!has_null || x->nulls_not_distinct) ? BTREE_UNIQUE_CHECK
                                                                          : BTREE_UNIQUE_NO,
                        &w->table->heap, conflict);
}

Status
row_writer_index(RowWriter *w, int index_no, const Value *values, Tid tid)
{
    Tid conflict;

    TRY(add_to_index(w, index_no, values, tid, &conflict));
    return conflict == TID_NONE ? ST_OK : fail_duplicate(w, index_no, values);
}

Status
row_writer_find_conflict(RowWriter *w, const Value *values, const int *arbiters, int count, Tid *conflict)
{
    *conflict = TID_NONE;
    for (int i = 0; i < count && *conflict == TID_NONE; i++) {
        const IndexInfo *x = &w->table->indexes[arbiters[i]];
        bool has_null, skip;

        buf_clear(&w->key);
        TRY(row_writer_key(w, arbiters[i], values, &w->key, &has_null, &skip));
        if (skip || (has_null && !x->nulls_not_distinct))
            continue;
        if (w->key.failed)
            return fail_memory(w->cx, w->key.bytes);
        TRY(btree_find_equal(w->cx, &x->btree, (BtreeKey){w->key.data, (uint32_t)w->key.bytes}, &w->table->heap,
                             conflict));
    }
    return ST_OK;
}

static Status
make_cells(RowWriter *w, const Value *values)
{
    for (int c = 0; c < w->table->column_count; c++)
        TRY(heap_cell(w->cx, w->cx->arena, &w->table->columns[c], &values[c], w->spaces[c], &w->cells[c]));
    return ST_OK;
}

Status
row_writer_insert(RowWriter *w, const Value *values, Tid *tid)
{
    TRY(row_writer_check(w, values));
    TRY(make_cells(w, values));
    TRY(heap_insert(w->cx, &w->table->heap, w->cells, tid));
    for (int i = 0; i < w->table->index_count; i++)
        TRY(row_writer_index(w, i, values, *tid));
    return ST_OK;
}

static bool
is_arbiter(const int *arbiters, int count, int index_no)
{
    for (int i = 0; i < count; i++) {
        if (arbiters[i] == index_no)
            return true;
    }
    return false;
}

/* Until all arbiters have taken it, the row may be taken back (R5). Nobody needs to see that: to others it is a row
 * of a running transaction, and whoever wants its key waits for that transaction, finds the row dead or alive and
 * goes on. A speculative mark would only let them wait shorter, for the statement: it matters when two inserts meet
 * at several arbiters between looking (row_writer_find_conflict) and inserting. */
Status
row_writer_insert_unless(RowWriter *w, const Value *values, const int *arbiters, int count, Tid *tid,
                         Tid *conflict)
{
    TRY(make_cells(w, values));
    TRY(heap_insert(w->cx, &w->table->heap, w->cells, tid));
    for (int i = 0; i < count; i++) {
        TRY(add_to_index(w, arbiters[i], values, *tid, conflict));
        if (*conflict != TID_NONE)
            return heap_undo_insert(w->cx, &w->table->heap, *tid);
    }
    for (int i = 0; i < w->table->index_count; i++) {
        if (!is_arbiter(arbiters, count, i))
            TRY(row_writer_index(w, i, values, *tid));
    }
    *conflict = TID_NONE;
    return ST_OK;
}

/* A value that has its column's form already lies where the cell can point to; the others take the long
 * way, and a place of their own. */
static Status
make_many_cells(RowWriter *w, const Value *values, uint32_t rows, Cell *cells)
{
    const TableInfo *t = w->table;

    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < t->column_count; c++, values++, cells++) {
            const ColumnInfo *column = &t->columns[c];

            if (values->is_null) {
                *cells = (Cell){NULL, 0};
            } else if (values->phys == PHYS_VAR && column->phys == PHYS_VAR) {
                *cells = heap_var_cell(column, values->var);
            } else if (values->phys == column->phys &&
                       (column->phys != PHYS_DEC64 || values->scale == column->scale)) {
                *cells = (Cell){&values->i64, phys_bytes(column->phys)};
            } else {
                void *space = arena_alloc(w->cx->arena, 16);

                TRY(heap_cell(w->cx, w->cx->arena, column, values, space, cells));
            }
        }
    }
    return ST_OK;
}

static Status
queue_row(RowWriter *w, const Value *values, Tid tid)
{
    for (int i = 0; i < w->table->index_count; i++) {
        const IndexInfo *x = &w->table->indexes[i];
        bool has_null, skip;

        buf_clear(&w->key);
        TRY(row_writer_key(w, i, values, &w->key, &has_null, &skip));
        if (!skip)
            TRY(index_queue_add(w->queue, i, &w->key, x->unique && (!has_null || x->nulls_not_distinct), tid));
    }
    index_queue_next_row(w->queue);
    return ST_OK;
}

/* The row lies in the heap only by now. */
static Status
fail_queued_duplicate(RowWriter *w, const IndexConflict *c)
{
    const TableInfo *t = w->table;
    Value *values = arena_alloc(w->cx->arena, sizeof(Value) * (size_t)MAX_OF(t->column_count, 1));
    HeapRow row;
    Status rc;

    TRY(heap_fetch_newest(w->cx, &t->heap, c->tid, &row));
    for (int i = 0; i < t->column_count; i++)
        values[i] = value_null();
    for (int i = 0; i < t->column_count && row.found; i++) {
        rc = heap_read_value(w->cx, w->cx->arena, t, &row, i + 1, &values[i]);
        if (rc != ST_OK) {
            heap_row_release(w->cx, &row);
            return rc;
        }
    }
    heap_row_release(w->cx, &row);
    return fail_duplicate(w, c->index_no, values);
}

uint32_t
row_writer_queued(const RowWriter *w)
{
    return w->queue != NULL ? index_queue_rows(w->queue) : 0;
}

Status
row_writer_flush(RowWriter *w, uint32_t *failed)
{
    IndexConflict conflict;

    if (row_writer_queued(w) == 0)
        return ST_OK;
    *failed = row_writer_queued(w) - 1;
    TRY(index_queue_flush(w->queue, &conflict));
    if (conflict.index_no < 0)
        return ST_OK;
    *failed = conflict.row;
    return fail_queued_duplicate(w, &conflict);
}

Status
row_writer_insert_many(RowWriter *w, const Value *values, uint32_t rows, uint32_t *failed)
{
    Arena *a = w->cx->arena;
    int n = w->table->column_count;
    size_t cell_bytes = sizeof(Cell) * (size_t)rows * (size_t)MAX_OF(n, 1);
    Cell *cells = arena_try_alloc(a, cell_bytes);
    Tid *tids = arena_try_alloc(a, sizeof(Tid) * (size_t)rows);

    *failed = row_writer_queued(w);
    if (cells == NULL || tids == NULL)
        return fail_memory(w->cx, cell_bytes);
    TRY(make_many_cells(w, values, rows, cells));
    TRY(heap_insert_many(w->cx, &w->table->heap, cells, rows, tids));
    if (w->table->index_count == 0)
        return ST_OK;
    if (w->queue == NULL)
        w->queue = index_queue_new(w->cx, w->arena, w->table);
    for (uint32_t r = 0; r < rows; r++) {
        ArenaMark mark = arena_mark(a);

        *failed = row_writer_queued(w);
        TRY(queue_row(w, values + (size_t)r * (size_t)n, tids[r]));
        arena_rewind(a, mark);
    }
    return index_queue_is_full(w->queue) ? row_writer_flush(w, failed) : ST_OK;
}

Status
row_writer_update(RowWriter *w, Tid tid, const Snapshot *snapshot, const Value *values, const bool *touched,
                  bool keys_changed, RowChange *change)
{
    TRY(row_writer_check(w, values));
    TRY(make_cells(w, values));
    TRY(heap_update(w->cx, &w->table->heap, tid, snapshot, w->cells, keys_changed,
                    keys_changed ? ROW_LOCK_UPDATE : ROW_LOCK_NO_KEY_UPDATE, change));
    (void)touched;
    if (change->outcome != ROW_DONE || change->same_root)
        return ST_OK;
    for (int i = 0; i < w->table->index_count; i++)
        TRY(row_writer_index(w, i, values, change->tid));
    return ST_OK;
}
