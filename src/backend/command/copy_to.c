/* copy_to.c - COPY ... TO: the rows of a query, or of a table by way of one, as text, CSV or binary. */
#include "backend/command/copy_int.h"

#include "backend/session/session.h"
#include "base/bytes.h"

typedef struct CopyOut {
    Ctx *cx;
    const CopyShape *shape;
    Sink *sink; /* or */
    CopyFile *file;
    const PlannedQuery *plan;
    const TypeInfo **types; /* of the columns */
    bool *force_quote;
    Buf row, scratch;
    bool special[256]; /* bytes that a plain field must not have */
    uint64_t rows;
} CopyOut;

/* ---- fields -------------------------------------------------------------------------------------------------------- */

static void
find_special(CopyOut *out)
{
    const CopyShape *s = out->shape;

    if (s->format == COPY_CSV) {
        out->special[(unsigned char)s->quote] = true;
        out->special['\n'] = out->special['\r'] = true;
    } else {
        for (const char *p = "\b\f\n\r\t\v\\"; *p != '\0'; p++)
            out->special[(unsigned char)*p] = true;
    }
    out->special[(unsigned char)s->delimiter] = true;
}

static bool
is_plain(const CopyOut *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (out->special[(unsigned char)text[i]])
            return false;
    }
    return true;
}

static void
add_escaped(CopyOut *out, const char *text, size_t bytes)
{
    static const char from[] = "\b\f\n\r\t\v", to[] = "bfnrtv";

    for (size_t i = 0; i < bytes; i++) {
        const char *known = memchr(from, text[i], sizeof(from) - 1);

        if (out->special[(unsigned char)text[i]])
            buf_add_char(&out->row, '\\');
        buf_add_char(&out->row, known != NULL ? to[known - from] : text[i]);
    }
}

static void
add_quoted(CopyOut *out, const char *text, size_t bytes)
{
    const CopyShape *s = out->shape;

    buf_add_char(&out->row, s->quote);
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == s->quote || text[i] == s->escape)
            buf_add_char(&out->row, s->escape);
        buf_add_char(&out->row, text[i]);
    }
    buf_add_char(&out->row, s->quote);
}

/* A field's text, which is not in out->row. `alone`: the only field of its line. */
static void
add_field(CopyOut *out, const char *text, size_t bytes, bool force_quote, bool alone)
{
    const CopyShape *s = out->shape;
    bool plain = is_plain(out, text, bytes);

    if (s->format == COPY_CSV) {
        /* what would be read as null, or as the end of the data, is put in quotes too */
        if (force_quote || !plain || (bytes == s->null_bytes && memcmp(text, s->null_text, bytes) == 0) ||
            (alone && bytes == 2 && memcmp(text, "\\.", 2) == 0))
            add_quoted(out, text, bytes);
        else
            buf_add(&out->row, text, bytes);
    } else if (plain) {
        buf_add(&out->row, text, bytes);
    } else {
        add_escaped(out, text, bytes);
    }
}

static Status
add_value(CopyOut *out, int column, const Value *v)
{
    const TypeInfo *type = out->types[column];

    if (type->phys == PHYS_VAR && type->category == 'S') {
        add_field(out, v->var.data, v->var.bytes, out->force_quote[column], out->plan->column_count == 1);
        return ST_OK;
    }
    buf_clear(&out->scratch);
    TRY(type->out(out->cx, type, v, &out->scratch));
    add_field(out, out->scratch.data, out->scratch.bytes, out->force_quote[column],
              out->plan->column_count == 1);
    return ST_OK;
}

static Status
add_binary(CopyOut *out, int column, const Value *v)
{
    const TypeInfo *type = out->types[column];
    size_t mark = out->row.bytes;

    buf_add_u32(&out->row, 0);
    TRY(type->send(out->cx, type, v, &out->row));
    if (!out->row.failed)
        put_be32(out->row.data + mark, (uint32_t)(out->row.bytes - mark - 4));
    return ST_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static Status
send_row(CopyOut *out)
{
    Status rc;

    if (out->row.failed) {
        rc = fail(out->cx, ST_ERROR, "54000", "out of memory");
        fail_detail(out->cx, "A row of more than %d bytes cannot be sent.", BUF_MOST_BYTES);
        return rc;
    }
    rc = out->file != NULL ? copy_file_write(out->cx, out->file, out->row.data, out->row.bytes)
                           : out->sink->copy_out(out->sink, out->cx, out->row.data, out->row.bytes);
    buf_clear(&out->row);
    return rc;
}

static Status
send_batch(CopyOut *out, const Batch *batch)
{
    int n = out->plan->column_count;
    bool binary = out->shape->format == COPY_BINARY;

    for (uint32_t k = 0; k < batch->rows.count; k++) {
        uint32_t row = rows_at(batch->rows, k);

        if (binary)
            buf_add_u16(&out->row, (uint16_t)n);
        for (int c = 0; c < n; c++) {
            const Vector *vector = &batch->columns[c];
            bool is_null = vector_is_null(vector, row);
            Value v = is_null ? value_null() : vector_get(vector, row);

            if (binary && is_null) {
                buf_add_u32(&out->row, UINT32_MAX);
            } else if (binary) {
                TRY(add_binary(out, c, &v));
            } else {
                if (c > 0)
                    buf_add_char(&out->row, out->shape->delimiter);
                if (is_null)
                    buf_add(&out->row, out->shape->null_text, out->shape->null_bytes);
                else
                    TRY(add_value(out, c, &v));
            }
        }
        if (!binary)
            buf_add_char(&out->row, '\n');
        TRY(send_row(out));
    }
    out->rows += batch->rows.count;
    return ST_OK;
}

static Status
send_header(CopyOut *out)
{
    if (out->shape->format == COPY_BINARY) {
        buf_add(&out->row, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0", 19);
        return ST_OK; /* goes with the first row */
    }
    if (out->shape->header == COPY_HEADER_NONE)
        return ST_OK;
    for (int c = 0; c < out->plan->column_count; c++) {
        const char *name = out->plan->columns[c].name;

        if (c > 0)
            buf_add_char(&out->row, out->shape->delimiter);
        add_field(out, name, strlen(name), false, out->plan->column_count == 1);
    }
    buf_add_char(&out->row, '\n');
    return send_row(out);
}

static Status
send_all(CopyOut *out, Execution *e)
{
    TRY(send_header(out));
    for (;;) {
        Batch *batch;

        TRY(exec_next(e, UINT64_MAX, &batch));
        if (batch == NULL)
            break;
        TRY(send_batch(out, batch));
    }
    if (out->shape->format != COPY_BINARY)
        return ST_OK;
    buf_add_u16(&out->row, UINT16_MAX);
    return send_row(out);
}

/* ---- what is copied ------------------------------------------------------------------------------------------------ */

static Status
check_table(Session *s, const AstCopy *a, const TableInfo **out)
{
    Ctx *cx = s->cx;
    const AstRangeVar *v = a->relation;
    const TableInfo *t;
    Status rc;

    TRY(catalog_need_table(cx, v->schema, v->name, LOCK_ACCESS_SHARE, &t));
    *out = t;
    if (t->kind == TABLE_HEAP || t->kind == TABLE_CATALOG)
        return ST_OK;
    if (t->kind == TABLE_INDEX)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is an index", t->name);
    if (t->kind == TABLE_SEQUENCE)
        return fail(cx, ST_ERROR, "42809", "cannot copy from sequence \"%s\"", t->name);
    rc = fail(cx, ST_ERROR, "42809", "cannot copy from view \"%s\"", t->name);
    fail_hint(cx, "Try the COPY (SELECT ...) TO variant.");
    return rc;
}

/* SELECT of the named columns. */
static Ast *
table_query(Arena *a, const AstCopy *copy, const TableInfo *t, const int *columns, int count)
{
    AstSelect *s = arena_new(a, AstSelect);
    AstRangeVar *from = arena_memdup(a, copy->relation, sizeof(*from));

    from->schema = t->schema_name;
    from->only = true;
    s->ast = (Ast){AST_SELECT, -1};
    s->from.items = arena_array(a, Ast *, 1);
    s->from.items[s->from.count++] = &from->ast;
    s->targets.items = arena_array(a, Ast *, MAX_OF(count, 1));
    for (int i = 0; i < count; i++) {
        AstTarget *target = arena_new(a, AstTarget);
        AstColumnRef *ref = arena_new(a, AstColumnRef);

        ref->ast = (Ast){AST_COLUMN_REF, -1};
        ref->part_count = 1;
        ref->parts = arena_array(a, const char *, 1);
        ref->parts[0] = t->columns[columns[i] - 1].name;
        target->ast = (Ast){AST_TARGET, -1};
        target->value = &ref->ast;
        s->targets.items[s->targets.count++] = &target->ast;
    }
    return &s->ast;
}

static Status
check_query(Ctx *cx, const Ast *q)
{
    const char *what = NULL;

    if (q->kind == AST_SELECT && ((const AstSelect *)q)->into != NULL)
        return fail(cx, ST_ERROR, "0A000", "COPY (SELECT INTO) is not supported");
    if (q->kind == AST_INSERT && ((const AstInsert *)q)->returning.count == 0)
        what = "INSERT";
    if (q->kind == AST_UPDATE && ((const AstUpdate *)q)->returning.count == 0)
        what = "UPDATE";
    if (q->kind == AST_DELETE && ((const AstDelete *)q)->returning.count == 0)
        what = "DELETE";
    return what != NULL ? fail(cx, ST_ERROR, "0A000", "COPY query must have a RETURNING clause") : ST_OK;
}

static Status
plan_copy(Session *s, const AstCopy *a, const CopyOptions *o, CopyOut *out)
{
    Ctx *cx = s->cx;
    const Ast *query = a->query;
    const TableInfo *t = NULL;
    PlannedQuery *plan;
    int *columns = NULL, count = 0;

    if (query == NULL) {
        TRY(check_table(s, a, &t));
        columns = arena_array(cx->arena, int, MAX_OF(t->column_count, 1));
        TRY(copy_columns(cx, t, &a->columns, columns, &count));
        query = table_query(cx->arena, a, t, columns, count);
    } else {
        TRY(check_query(cx, query));
    }
    TRY(session_make_plan(s, cx->arena, NULL, query, &plan));
    TRY(session_check_read_only(s, plan));
    out->plan = plan;
    out->types = arena_array(cx->arena, const TypeInfo *, MAX_OF(plan->column_count, 1));
    out->force_quote = arena_array(cx->arena, bool, MAX_OF(plan->column_count, 1));
    for (int c = 0; c < plan->column_count; c++) {
        out->types[c] = type_by_oid(plan->columns[c].type);
        out->force_quote[c] = o->force_quote_all;
        if (o->shape.format == COPY_BINARY && out->types[c]->send == NULL)
            return fail(cx, ST_ERROR, "42883", "no binary output function available for type %s",
                        out->types[c]->sql_name);
    }
    for (int i = 0; o->force_quote != NULL && i < o->force_quote->count; i++) {
        const char *name = ((const AstString *)o->force_quote->items[i])->text;
        int c = 0;

        while (c < plan->column_count && strcmp(plan->columns[c].name, name) != 0)
            c++;
        if (c == plan->column_count && t != NULL && table_find_column(t, name) > 0)
            return fail(cx, ST_ERROR, "42P10", "FORCE_QUOTE column \"%s\" not referenced by COPY", name);
        if (c == plan->column_count && t != NULL)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                        t->name);
        if (c == plan->column_count)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" does not exist", name);
        out->force_quote[c] = true;
    }
    return ST_OK;
}

static Status
run(CopyOut *out, Session *s)
{
    Ctx *cx = s->cx;
    Execution *e = NULL;
    Sink *sink = out->sink;
    Status rc;

    s->snapshot_taken = true;
    TRY_TO(done, rc, exec_open(cx, cx->arena, out->plan, NULL, 0, &e));
    if (out->file == NULL)
        TRY_TO(done, rc,
               sink->copy_out_begin(sink, cx, out->shape->format == COPY_BINARY, out->plan->column_count));
    TRY_TO(done, rc, send_all(out, e));
    if (out->file == NULL)
        rc = sink->copy_out_end(sink, cx);
done:
    exec_close(e);
    buf_free(&out->row);
    buf_free(&out->scratch);
    return rc;
}

Status
copy_to(Session *s, const AstCopy *a, const CopyOptions *o, Sink *sink, uint64_t *rows)
{
    CopyOut out = {.cx = s->cx, .shape = &o->shape, .sink = sink};
    CopyFile file = {.fd = -1};
    Status rc;

    TRY(plan_copy(s, a, o, &out));
    if (a->file != NULL) {
        TRY(copy_file_open(s->cx, &file, a->file, false));
        out.file = &file;
    } else if (sink->copy_out_begin == NULL) {
        return fail_unsupported(s->cx, -1, "COPY TO STDOUT here");
    }
    find_special(&out);
    rc = run(&out, s);
    copy_file_close(&file);
    *rows = out.rows;
    return rc;
}
