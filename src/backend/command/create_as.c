/* create_as.c - CREATE TABLE AS and SELECT INTO: a table made from what a query gives.
 *
 * The query is planned first, so that its errors come before any about the table; its snapshot is taken before
 * the table is there. */
#include "backend/command/ddl.h"

#include "backend/exec/row_write.h"
#include "storage/engine/engine.h"

typedef struct Source {
    const PlannedQuery *plan;
    Prepared *prepared; /* EXECUTE: its plan is in use */
    Value *params;
    int param_count;
} Source;

static Status
plan_source(Session *s, const Ast *query, Source *out)
{
    Ctx *cx = s->cx;
    const AstExecute *a = (const AstExecute *)query;
    PlannedQuery *plan;
    Status rc;

    *out = (Source){0};
    if (query->kind != AST_EXECUTE) {
        TRY(session_make_plan(s, &s->message, NULL, query, &plan));
        out->plan = plan;
        return ST_OK;
    }
    TRY(session_find_prepared(s, a->name, &out->prepared));
    if (out->prepared->params.count > 0 && a->args.count != out->prepared->params.count) {
        rc = fail(cx, ST_ERROR, "42601", "wrong number of parameters for prepared statement \"%s\"", a->name);
        fail_detail(cx, "Expected %d parameters but got %d.", out->prepared->params.count, a->args.count);
        return rc;
    }
    TRY(session_plan(s, out->prepared));
    out->plan = out->prepared->plan;
    if (!out->plan->has_result || out->plan->writes)
        return fail(cx, ST_ERROR, "42809", "prepared statement is not a SELECT");
    out->param_count = out->prepared->params.count;
    out->params = arena_array(cx->arena, Value, MAX_OF(out->param_count, 1));
    for (int i = 0; i < out->param_count; i++) {
        Expr *e;

        TRY(bind_value_expression(cx, cx->arena, a->args.items[i], "EXECUTE parameters",
                                  out->prepared->params.types[i], &e));
        TRY(exec_constant(cx, cx->arena, e, &out->params[i]));
    }
    return ST_OK;
}

static Status
plan_columns(Ctx *cx, const AstCreateTableAs *a, const PlannedQuery *plan, NewColumn *columns)
{
    if (a->column_names.count > plan->column_count)
        return fail(cx, ST_ERROR, "42601", "too many column names were specified");
    for (int i = 0; i < plan->column_count; i++) {
        const ResultColumn *r = &plan->columns[i];
        const char *name =
            i < a->column_names.count ? ((const AstString *)a->column_names.items[i])->text : r->name;
        const TypeInfo *type = type_by_oid(r->type);

        columns[i] = (NewColumn){.name = ddl_name(cx, name), .type = r->type, .typmod = r->typmod};
        if (type->typtype == 'p')
            return fail(cx, ST_ERROR, "42P16", "column \"%s\" has pseudo-type %s", name, type->sql_name);
        for (int k = 0; k < i; k++) {
            if (strcmp(columns[k].name, columns[i].name) == 0)
                return fail(cx, ST_ERROR, "42701", "column \"%s\" specified more than once", columns[i].name);
        }
    }
    return ST_OK;
}

static Status
write_batch(Ctx *cx, RowWriter *w, const Batch *batch, int columns)
{
    size_t bytes = sizeof(Value) * batch->rows.count * (size_t)MAX_OF(columns, 1);
    Value *values = arena_try_alloc(cx->arena, bytes);
    uint32_t failed;

    if (values == NULL)
        return fail_memory(cx, bytes);
    for (uint32_t k = 0; k < batch->rows.count; k++) {
        uint32_t row = rows_at(batch->rows, k);

        for (int c = 0; c < columns; c++)
            values[k * (uint32_t)columns + (uint32_t)c] =
                vector_is_null(&batch->columns[c], row) ? value_null() : vector_get(&batch->columns[c], row);
    }
    return row_writer_insert_many(w, values, batch->rows.count, &failed);
}

static Status
fill(Session *s, Execution *e, const TableInfo *t, uint64_t *rows)
{
    Ctx *cx = s->cx;
    RowWriter *w = NULL;
    Arena scratch, *saved = cx->arena;
    Status rc;

    *rows = 0;
    arena_init(&scratch, "create table as", &s->budget);
    TRY_TO(out, rc, row_writer_open(cx, &s->message, t, NULL, 0, 0, &w));
    for (;;) {
        Batch *batch;

        TRY_TO(out, rc, exec_next(e, UINT64_MAX, &batch));
        if (batch == NULL)
            break;
        cx->arena = &scratch;
        rc = write_batch(cx, w, batch, t->column_count);
        cx->arena = saved;
        arena_reset(&scratch);
        if (rc != ST_OK)
            break;
        *rows += batch->rows.count;
    }
out:
    row_writer_close(w);
    arena_free(&scratch);
    return rc;
}

static Status
make_table(Session *s, const AstCreateTableAs *a, NewClass *class, const NewColumn *columns, int count)
{
    Ctx *cx = s->cx;

    class->relkind = 'r';
    TRY(ddl_class_options(cx, &a->options, class));
    class->oid = engine_next_oid(cx->engine);
    class->column_count = count;
    for (int i = 0; i < count; i++)
        class->wants_toast |= type_by_oid(columns[i].type)->phys == PHYS_VAR;
    TRY(ddl_insert_class(cx, class));
    for (int i = 0; i < count; i++)
        TRY(ddl_insert_column(cx, class->oid, i + 1, &columns[i]));
    catalog_changed(cx, catalog_branch(cx), class->oid);
    TRY(ddl_note_on_commit(s, class->oid, a->on_commit, class->persistence));
    return lock_acquire(cx,
                        (LockKey){.branch = catalog_branch(cx), .a = class->oid, .kind = LOCK_KIND_RELATION},
                        LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false);
}

static Status
create_from(Session *s, const AstCreateTableAs *a, const Source *source, const char **tag)
{
    Ctx *cx = s->cx;
    const PlannedQuery *plan = source->plan;
    NewClass class = {.persistence = a->unlogged ? 'u' : 'p'};
    NewColumn *columns = arena_array(cx->arena, NewColumn, MAX_OF(plan->column_count, 1));
    const TableInfo *t;
    Execution *e = NULL;
    uint64_t rows = 0;
    bool exists = false;
    Status rc = ST_OK;

    *tag = "CREATE TABLE AS";
    TRY(ddl_target_schema(s, a->relation, &class.schema, &class.persistence));
    class.name = ddl_name(cx, a->relation->name);
    TRY(ddl_check_free(cx, class.schema, class.name, a->if_not_exists ? &exists : NULL));
    if (exists) {
        ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", class.name);
        return ST_OK;
    }
    TRY(plan_columns(cx, a, plan, columns));
    s->snapshot_taken = true;
    if (!a->with_no_data) {
        TRY_TO(out, rc, exec_open(cx, &s->message, plan, source->params, source->param_count, &e));
        TRY_TO(out, rc, exec_start(e));
    }
    TRY_TO(out, rc, make_table(s, a, &class, columns, plan->column_count));
    if (e != NULL) {
        TRY_TO(out, rc, catalog_table_by_oid(cx, class.oid, LOCK_NONE, &t));
        TRY_TO(out, rc, fill(s, e, t, &rows));
        *tag = arena_printf(&s->message, "SELECT %llu", (unsigned long long)rows);
    }
out:
    exec_close(e);
    return rc;
}

Status
ddl_create_table_as(Session *s, const AstCreateTableAs *a, const char **tag)
{
    Source source;
    Status rc;

    if (a->materialized)
        return fail_unsupported(s->cx, -1, "CREATE MATERIALIZED VIEW");
    if (a->unsupported != NULL)
        return fail_unsupported(s->cx, -1, a->unsupported);
    if (!a->relation->temporary && settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return fail(s->cx, ST_ERROR, "25006", "cannot execute %s in a read-only transaction",
                    a->is_select_into ? "SELECT INTO" : "CREATE TABLE AS");
    TRY(plan_source(s, a->query, &source));
    if (source.prepared != NULL)
        source.prepared->uses++; /* nobody may replace the plan meanwhile */
    rc = create_from(s, a, &source, tag);
    if (source.prepared != NULL)
        source.prepared->uses--;
    return rc;
}
