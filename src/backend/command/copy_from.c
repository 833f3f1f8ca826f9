/* copy_from.c - COPY ... FROM: fields become values, values become rows, a batch at a time.
 *
 * Per row: fields to values, defaults for columns that are not copied, WHERE, then NOT NULL and CHECK. Rows
 * that passed wait in a batch; when it is full, or the reader must let go of the bytes that the values
 * point to, they go into the heap page by page; their index entries are collected until there are enough to be
 * put in in the order of the keys. So a unique violation may be reported
 * after a later line's bad number, as PostgreSQL does for the same reason. */
#include "backend/command/copy_int.h"

#include "backend/command/copy_convert.h"
#include "backend/exec/row_write.h"
#include "backend/type/aclitem.h"
#include "backend/session/session.h"
#include "base/log.h"
#include "base/utf8.h"

enum { BATCH_CELLS_MOST = 64 * 1024, SHOWN_BYTES_MOST = 100 };

typedef struct CopyIn {
    Ctx *cx;
    const TableInfo *table;
    const CopyOptions *options;
    CopyReader reader;
    int column_count; /* that are copied */
    int *columns; /* their numbers, 1-based */
    CopyConverter *converters; /* one each */
    bool *force_not_null, *force_null; /* by column of the table */
    Expr **defaults; /* by column of the table; NULL: none to compute */
    Value *constants; /* ... the value then, if it is always the same */
    Expr *where;
    Expr **checks;
    int check_count, state_count;
    RowEval *eval;
    RowWriter *writer;
    Arena batch_arena;
    Value *values; /* batch_most rows of table->column_count */
    Buf lines; /* uint64_t: where each came from, the rows whose index entries wait before those of the batch */
    uint32_t rows, batch_most;
    uint64_t done;
    /* for the context of errors */
    const char *column_name;
    const CopyField *field;
    bool waiting; /* for input: the line is the next one */
} CopyIn;

/* ---- where an error happened --------------------------------------------------------------------------------------- */

static const char *
shown_text(CopyIn *in, const char *text, size_t bytes)
{
    size_t keep = bytes;

    if (bytes <= SHOWN_BYTES_MOST)
        return arena_strndup(in->cx->error_arena, text, bytes);
    for (keep = 0; keep + (size_t)utf8_char_bytes(text[keep]) <= SHOWN_BYTES_MOST;)
        keep += (size_t)utf8_char_bytes(text[keep]);
    return arena_printf(in->cx->error_arena, "%.*s...", (int)keep, text);
}

static void
add_context(CopyIn *in)
{
    Ctx *cx = in->cx;
    const CopyReader *r = &in->reader;
    const char *table = in->table->name;
    unsigned long long line = r->line_no + (in->waiting ? 1 : 0);

    if (in->options->shape.format == COPY_BINARY) {
        if (in->column_name != NULL)
            fail_where(cx, "COPY %s, line %llu, column %s", table, line, in->column_name);
        else
            fail_where(cx, "COPY %s, line %llu", table, line);
    } else if (in->column_name != NULL && in->field != NULL && !in->field->is_null) {
        fail_where(cx, "COPY %s, line %llu, column %s: \"%s\"", table, line, in->column_name,
                   shown_text(in, in->field->text, in->field->bytes));
    } else if (in->column_name != NULL) {
        fail_where(cx, "COPY %s, line %llu, column %s: null input", table, line, in->column_name);
    } else if (r->line_known && !in->waiting) {
        fail_where(cx, "COPY %s, line %llu: \"%s\"", table, line, shown_text(in, r->line, r->line_bytes));
    } else {
        fail_where(cx, "COPY %s, line %llu", table, line);
    }
}

/* ---- one row ------------------------------------------------------------------------------------------------------- */

static Status
convert_text(CopyIn *in, int i, CopyField *f, Value *out)
{
    int no = in->columns[i] - 1;
    const CopyShape *shape = &in->options->shape;

    if (shape->format == COPY_CSV) {
        if (f->is_null && in->force_not_null[no]) {
            f->is_null = false;
        } else if (!f->is_null && in->force_null[no] && f->bytes == shape->null_bytes &&
                   memcmp(f->text, shape->null_text, f->bytes) == 0) {
            f->is_null = true;
        }
    }
    if (f->is_null) {
        *out = value_null();
        return ST_OK;
    }
    in->column_name = in->table->columns[no].name;
    in->field = f;
    TRY(copy_convert(in->cx, &in->converters[i], f->text, f->bytes, out));
    in->column_name = NULL;
    return ST_OK;
}

static Status
convert_binary(CopyIn *in, int i, const CopyField *f, Value *out)
{
    const CopyConverter *c = &in->converters[i];

    if (f->is_null) {
        *out = value_null();
        return ST_OK;
    }
    in->column_name = in->table->columns[in->columns[i] - 1].name;
    if (c->type->recv == NULL)
        return fail(in->cx, ST_ERROR, "42883", "no binary input function available for type %s",
                    c->type->sql_name);
    TRY(c->type->recv(in->cx, c->type, f->text, f->bytes, c->typmod, out));
    in->column_name = NULL;
    return ST_OK;
}

static Status
compute_defaults(CopyIn *in, Value *values)
{
    int n = in->table->column_count;

    for (int c = 0; c < n; c++) {
        if (in->defaults[c] != NULL)
            TRY(row_eval(in->eval, in->defaults[c], NULL, 0, &values[c]));
    }
    return ST_OK;
}

static Status
convert_fields(CopyIn *in, Value *values)
{
    const CopyReader *r = &in->reader;

    if (in->options->shape.format == COPY_BINARY) {
        for (int i = 0; i < in->column_count; i++)
            TRY(convert_binary(in, i, &r->fields[i], &values[in->columns[i] - 1]));
        return ST_OK;
    }
    if (r->field_count > in->column_count && (in->column_count > 0 || r->line_bytes > 0))
        return fail(in->cx, ST_ERROR, "22P04", "extra data after last expected column");
    for (int i = 0; i < in->column_count; i++) {
        int no = in->columns[i] - 1;

        if (i >= r->field_count)
            return fail(in->cx, ST_ERROR, "22P04", "missing data for column \"%s\"",
                        in->table->columns[no].name);
        TRY(convert_text(in, i, &r->fields[i], &values[no]));
    }
    return ST_OK;
}

/* The row just read, into the next place of the batch. */
static Status
take_row(CopyIn *in)
{
    CopyReader *r = &in->reader;
    int n = in->table->column_count;
    Value *values = in->values + (size_t)in->rows * (size_t)n;

    memcpy(values, in->constants, sizeof(*values) * (size_t)n);
    TRY(convert_fields(in, values));
    TRY(compute_defaults(in, values));
    if (in->where != NULL) {
        Value keep;

        TRY(row_eval(in->eval, in->where, values, n, &keep));
        if (keep.is_null || !keep.b)
            return ST_OK;
    }
    TRY(row_writer_check(in->writer, values));
    in->rows++;
    buf_add(&in->lines, &r->line_no, sizeof(r->line_no));
    return ST_OK;
}

/* An error about a row that was read a while ago. */
static Status
failed_row(CopyIn *in, uint32_t failed, Status rc)
{
    in->reader.line_known = false;
    in->column_name = NULL;
    in->waiting = false;
    if (!in->lines.failed)
        memcpy(&in->reader.line_no, in->lines.data + sizeof(uint64_t) * failed, sizeof(uint64_t));
    return rc;
}

static Status
flush(CopyIn *in)
{
    uint32_t failed = 0;
    Status rc;

    if (in->rows == 0)
        return ST_OK;
    rc = row_writer_insert_many(in->writer, in->values, in->rows, &failed);
    if (rc != ST_OK)
        return failed_row(in, failed, rc);
    in->done += in->rows;
    in->rows = 0;
    if (row_writer_queued(in->writer) == 0)
        buf_clear(&in->lines);
    arena_reset(&in->batch_arena);
    return ctx_poll(in->cx);
}

/* The index entries that still wait. */
static Status
flush_indexes(CopyIn *in)
{
    uint32_t failed = 0;
    Status rc = row_writer_flush(in->writer, &failed);

    return rc == ST_OK ? ST_OK : failed_row(in, failed, rc);
}

/* HEADER MATCH: the names must be those of the columns, in order. */
static Status
match_header(CopyIn *in)
{
    const CopyReader *r = &in->reader;
    Ctx *cx = in->cx;

    if (r->field_count != in->column_count)
        return fail(cx, ST_ERROR, "22P04", "wrong number of fields in header line: got %d, expected %d",
                    r->field_count, in->column_count);
    for (int i = 0; i < in->column_count; i++) {
        const CopyField *f = &r->fields[i];
        const char *name = in->table->columns[in->columns[i] - 1].name;

        if (f->is_null)
            return fail(
                cx, ST_ERROR, "22P04",
                "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i + 1,
                in->options->shape.null_text, name);
        if (f->bytes != strlen(name) || memcmp(f->text, name, f->bytes) != 0)
            return fail(cx, ST_ERROR, "22P04",
                        "column name mismatch in header line field %d: got \"%.*s\", expected \"%s\"", i + 1,
                        (int)f->bytes, f->text, name);
    }
    return ST_OK;
}

static Status
read_all(CopyIn *in)
{
    CopyReader *r = &in->reader;
    bool header = in->options->shape.header != COPY_HEADER_NONE;

    for (;;) {
        CopyStep step;

        TRY(copy_reader_step(in->cx, r, &step));
        if (step == COPY_STEP_END)
            break;
        if (step == COPY_STEP_NEED_INPUT) {
            TRY(flush(in));
            in->waiting = true;
            TRY(copy_reader_fill(in->cx, r));
            in->waiting = false;
        } else if (header) {
            header = false;
            if (in->options->shape.header == COPY_HEADER_MATCH)
                TRY(match_header(in));
        } else {
            TRY(take_row(in));
            if (in->rows == in->batch_most)
                TRY(flush(in));
        }
    }
    TRY(flush(in));
    TRY(flush_indexes(in));
    in->waiting = true;
    return copy_reader_drain(in->cx, r);
}

/* Of two rows that are both wrong the first is reported, also where its index entries still waited. */
static Status
read_rows(CopyIn *in)
{
    Status rc = read_all(in), earlier = ST_OK;

    if (rc != ST_OK)
        add_context(in);
    if (rc != ST_ERROR || in->rows >= in->lines.bytes / sizeof(uint64_t))
        return rc;
    in->rows = 0;
    earlier = flush_indexes(in);
    if (earlier != ST_OK)
        add_context(in);
    return earlier != ST_OK ? earlier : rc;
}

/* ---- getting ready ------------------------------------------------------------------------------------------------- */

static Status
prepare_default(CopyIn *in, Arena *a, int column)
{
    const ColumnInfo *c = &in->table->columns[column];
    Ast *ast;
    Expr *e;

    in->constants[column] = value_null();
    if (c->default_text == NULL || c->dropped)
        return ST_OK;
    TRY(parse_expression(in->cx, a, c->default_text, &ast));
    TRY(bind_table_expression(in->cx, a, NULL, ast, "DEFAULT expressions", c->type, c->typmod, c->name, &e));
    TRY(plan_row_expression(in->cx, a, &in->state_count, e, &e));
    if (e->kind == EXPR_CONST)
        in->constants[column] = e->constant;
    else
        in->defaults[column] = e;
    return ST_OK;
}

static Status
prepare_expressions(CopyIn *in, Arena *a, const AstCopy *ast)
{
    const TableInfo *t = in->table;
    bool *copied = arena_array(a, bool, t->column_count + 1);
    Expr *e;

    for (int i = 0; i < in->column_count; i++)
        copied[in->columns[i] - 1] = true;
    in->defaults = arena_array(a, Expr *, t->column_count + 1);
    in->constants = arena_array(a, Value, t->column_count + 1);
    for (int c = 0; c < t->column_count; c++) {
        if (!copied[c])
            TRY(prepare_default(in, a, c));
    }
    if (ast->where != NULL) {
        TRY(bind_table_expression(in->cx, a, t, ast->where, "COPY FROM WHERE conditions", OID_NONE, -1, NULL,
                                  &e));
        if (e->type != TYPE_BOOL)
            return fail_at(in->cx, e->location, "42804", "argument of WHERE must be type boolean, not type %s",
                           type_by_oid(e->type)->sql_name);
        TRY(plan_row_expression(in->cx, a, &in->state_count, e, &in->where));
    }
    in->checks = arena_array(a, Expr *, MAX_OF(t->check_count, 1));
    for (; in->check_count < t->check_count; in->check_count++) {
        Ast *check;

        TRY(parse_expression(in->cx, a, t->checks[in->check_count].text, &check));
        TRY(bind_table_expression(in->cx, a, t, check, "check constraints", TYPE_BOOL, -1, NULL, &e));
        TRY(plan_row_expression(in->cx, a, &in->state_count, e, &in->checks[in->check_count]));
    }
    return ST_OK;
}

static Status
prepare_columns(CopyIn *in, Arena *a, const AstCopy *ast)
{
    const TableInfo *t = in->table;
    const CopyOptions *o = in->options;
    int n = MAX_OF(t->column_count, 1);
    bool *copied;

    in->columns = arena_array(a, int, n);
    TRY(copy_columns(in->cx, t, &ast->columns, in->columns, &in->column_count));
    copied = arena_array(a, bool, n);
    for (int i = 0; i < in->column_count; i++)
        copied[in->columns[i] - 1] = true;
    TRY(catalog_check_columns(in->cx, t, ACL_INSERT, copied));
    in->force_not_null = arena_array(a, bool, n);
    in->force_null = arena_array(a, bool, n);
    TRY(copy_column_flags(in->cx, t, o->force_not_null, in->columns, in->column_count, "FORCE_NOT_NULL",
                          in->force_not_null));
    TRY(copy_column_flags(in->cx, t, o->force_null, in->columns, in->column_count, "FORCE_NULL",
                          in->force_null));
    in->converters = arena_array(a, CopyConverter, MAX_OF(in->column_count, 1));
    for (int i = 0; i < in->column_count; i++) {
        copy_converter_init(&in->converters[i], &t->columns[in->columns[i] - 1]);
        if (in->converters[i].type->in == NULL)
            return fail_unsupported(in->cx, -1, "reading values of this type");
    }
    in->batch_most = (uint32_t)MAX_OF(1, MIN_OF(BATCH_ROWS, BATCH_CELLS_MOST / n));
    in->values = arena_alloc(a, sizeof(Value) * (size_t)in->batch_most * (size_t)n);
    return ST_OK;
}

static Status
find_target(Session *s, const AstCopy *a, const TableInfo **out)
{
    Ctx *cx = s->cx;
    const AstRangeVar *v = a->relation;
    const TableInfo *t;

    TRY(catalog_need_table(cx, v->schema, v->name, LOCK_ROW_EXCLUSIVE, &t));
    *out = t;
    if (t->kind == TABLE_CATALOG)
        return fail(cx, ST_ERROR, "42501", "permission denied: \"%s\" is a system catalog", t->name);
    if (t->kind == TABLE_INDEX)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is an index", t->name);
    if (settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return fail(cx, ST_ERROR, "25006", "cannot execute COPY FROM in a read-only transaction");
    return ST_OK;
}

/* What PostgreSQL refuses when the client has been told to send already. Rows are never frozen here; whether
 * one may ask is PostgreSQL's rule. */
static Status
check_late(Ctx *cx, const TableInfo *t, const CopyOptions *o)
{
    CatalogRow *rows;
    int count;

    if (t->kind == TABLE_VIEW || t->kind == TABLE_VIRTUAL) {
        Status rc = fail(cx, ST_ERROR, "42809", "cannot copy to view \"%s\"", t->name);

        fail_hint(cx, "To enable copying to a view, provide an INSTEAD OF INSERT trigger.");
        return rc;
    }
    if (t->kind == TABLE_SEQUENCE)
        return fail(cx, ST_ERROR, "42809", "cannot copy to sequence \"%s\"", t->name);
    if (!o->freeze)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(t->oid), 0, value_null(), &rows, &count));
    if (count > 0 && catalog_row_is_own(cx, CAT_PG_CLASS, rows[0].tid))
        return ST_OK;
    return fail(cx, ST_ERROR, "55000",
                "cannot perform COPY FREEZE because the table was not created or truncated in the current "
                "subtransaction");
}

/* ---- the statement --------------------------------------------------------------------------------------------------- */

typedef struct SinkSource {
    CopySource base;
    Sink *sink;
} SinkSource;

static Status
read_sink(CopySource *self, Ctx *cx, const char **data, size_t *bytes)
{
    Sink *sink = ((SinkSource *)self)->sink;

    return sink->copy_in(sink, cx, data, bytes);
}

static Status
run(CopyIn *in, Arena *a, CopySource *source)
{
    Ctx *cx = in->cx;
    Status rc;

    arena_init(&in->batch_arena, "COPY batch", a->budget);
    copy_reader_init(&in->reader, &in->options->shape, source, in->column_count, a->budget);
    TRY_TO(out, rc, row_eval_open(cx, a, in->state_count, &in->eval));
    TRY_TO(out, rc,
           row_writer_open(cx, a, in->table, in->checks, in->check_count, in->state_count, &in->writer));
    cx->arena = &in->batch_arena;
    rc = read_rows(in);
    cx->arena = a;
out:
    row_writer_close(in->writer);
    buf_free(&in->lines);
    copy_reader_close(&in->reader);
    arena_free(&in->batch_arena);
    return rc;
}

Status
copy_from(Session *s, const AstCopy *a, const CopyOptions *o, Sink *sink, uint64_t *rows)
{
    Ctx *cx = s->cx;
    CopyIn in = {.cx = cx, .options = o};
    SinkSource from_sink = {{read_sink}, sink};
    CopyFile file = {.fd = -1};
    CopySource *source = &from_sink.base;
    Status rc;

    TRY(find_target(s, a, &in.table));
    TRY(prepare_columns(&in, cx->arena, a));
    TRY(prepare_expressions(&in, cx->arena, a));
    if (a->file != NULL) {
        TRY(copy_file_open(cx, &file, a->file, true));
        source = &file.source;
    } else {
        if (sink->copy_in_begin == NULL)
            return fail_unsupported(cx, -1, "COPY FROM STDIN here");
        TRY(sink->copy_in_begin(sink, cx, o->shape.format == COPY_BINARY, in.column_count));
    }
    rc = check_late(cx, in.table, o);
    if (rc == ST_OK)
        rc = run(&in, cx->arena, source);
    copy_file_close(&file);
    *rows = in.done;
    return rc;
}
