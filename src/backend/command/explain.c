/* explain.c - EXPLAIN: its options, running the statement if ANALYZE says so, and the lines that come out. */
#include "backend/command/explain.h"

#include "backend/command/command.h"
#include "base/env.h"

#include <strings.h>

static Status
option_flag(Ctx *cx, const AstDefElem *d, bool *out)
{
    const char *word;
    const AstConst *k = (const AstConst *)d->value;

    if (d->value == NULL) {
        *out = true;
        return ST_OK;
    }
    if (d->value->kind == AST_CONST && k->const_kind == CONST_INT) {
        if (k->integer == 0 || k->integer == 1) {
            *out = k->integer == 1;
            return ST_OK;
        }
        word = "";
    } else if (d->value->kind == AST_CONST && k->const_kind == CONST_BOOL) {
        *out = k->integer != 0;
        return ST_OK;
    } else {
        word = d->value->kind == AST_CONST ? k->text : ((const AstString *)d->value)->text;
    }
    if (strcasecmp(word, "true") == 0 || strcasecmp(word, "on") == 0) {
        *out = true;
        return ST_OK;
    }
    if (strcasecmp(word, "false") == 0 || strcasecmp(word, "off") == 0) {
        *out = false;
        return ST_OK;
    }
    return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value", d->name);
}

static Status
option_format(Ctx *cx, const AstDefElem *d, ExplainFormat *out)
{
    static const char *const names[] = {
        [EXPLAIN_TEXT] = "text", [EXPLAIN_XML] = "xml", [EXPLAIN_JSON] = "json", [EXPLAIN_YAML] = "yaml"};
    const char *word = d->value == NULL               ? ""
                       : d->value->kind == AST_STRING ? ((const AstString *)d->value)->text
                                                      : ((const AstConst *)d->value)->text;

    if (d->value == NULL)
        return fail(cx, ST_ERROR, "42601", "%s requires a parameter", d->name);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (word != NULL && strcmp(names[i], word) == 0) {
            *out = (ExplainFormat)i;
            return ST_OK;
        }
    }
    return fail_at(cx, d->ast.location, "22023", "unrecognized value for EXPLAIN option \"%s\": \"%s\"",
                   d->name, word != NULL ? word : "");
}

static Status
read_options(Explain *x, const AstList *options)
{
    bool timing_set = false, summary_set = false, wal = false;

    x->costs = true;
    for (int i = 0; i < options->count; i++) {
        const AstDefElem *d = (const AstDefElem *)options->items[i];
        const struct {
            const char *name;
            bool *flag, *set;
        } flags[] = {{"analyze", &x->analyze, NULL},
                     {"verbose", &x->verbose, NULL},
                     {"costs", &x->costs, NULL},
                     {"buffers", &x->buffers, NULL},
                     {"wal", &wal, NULL},
                     {"settings", &x->settings, NULL},
                     {"timing", &x->timing, &timing_set},
                     {"summary", &x->summary, &summary_set}};
        bool found = false;

        for (size_t k = 0; k < COUNT_OF(flags) && !found; k++) {
            if (strcmp(flags[k].name, d->name) != 0)
                continue;
            found = true;
            if (flags[k].set != NULL)
                *flags[k].set = true;
            TRY(option_flag(x->cx, d, flags[k].flag));
        }
        if (!found && strcmp(d->name, "format") == 0) {
            found = true;
            TRY(option_format(x->cx, d, &x->out.format));
        }
        if (!found)
            return fail_at(x->cx, d->ast.location, "42601", "unrecognized EXPLAIN option \"%s\"", d->name);
    }
    if (wal && !x->analyze)
        return fail(x->cx, ST_ERROR, "22023", "EXPLAIN option WAL requires ANALYZE");
    if (wal)
        return fail_unsupported(x->cx, -1, "EXPLAIN (WAL)");
    if (!timing_set)
        x->timing = x->analyze;
    if (x->timing && !x->analyze)
        return fail(x->cx, ST_ERROR, "22023", "EXPLAIN option TIMING requires ANALYZE");
    if (!summary_set)
        x->summary = x->analyze;
    return ST_OK;
}

/* Settings that plans depend on and that are not what they come with. */
static void
show_settings(Explain *x, const Session *s)
{
    bool any = false;

    if (!x->settings)
        return;
    for (int i = 0; i < SETTING_COUNT; i++) {
        SettingSource source = settings_source(s->settings, (SettingNo)i);
        Buf shown = {0};

        if (!(setting_infos[i].flags & SETTING_IS_PLAN) || source == SOURCE_DEFAULT ||
            source == SOURCE_OVERRIDE)
            continue;
        settings_show(s->settings, (SettingNo)i, false, &shown);
        if (x->out.format != EXPLAIN_TEXT) {
            if (!any)
                (void)explain_open(&x->out, "Settings", "Settings", true);
            explain_text(&x->out, setting_infos[i].name, buf_cstr(&shown));
        } else {
            if (!any)
                explain_indent(&x->out);
            buf_printf(&x->out.buf, "%s%s = '%s'", any ? ", " : "Settings: ", setting_infos[i].name,
                       buf_cstr(&shown));
        }
        any = true;
        buf_free(&shown);
    }
    if (any && x->out.format != EXPLAIN_TEXT)
        explain_close(&x->out, "Settings", true);
    else if (any)
        buf_add_char(&x->out.buf, '\n');
}

static Status
run_all(Execution *e)
{
    Batch *batch;

    do
        TRY(exec_next(e, UINT64_MAX, &batch));
    while (batch != NULL);
    return ST_OK;
}

static Status
show_query(Explain *x, Session *s, double plan_ms, double run_ms)
{
    if (!explain_open(&x->out, "Query", NULL, true))
        return ST_OK;
    TRY(explain_names(x));
    TRY(explain_plan(x));
    show_settings(x, s);
    if (x->summary)
        explain_float(&x->out, "Planning Time", "ms", plan_ms, 3);
    if (x->analyze && x->out.format != EXPLAIN_TEXT) {
        (void)explain_open(&x->out, "Triggers", "Triggers", false);
        explain_close(&x->out, "Triggers", false);
    }
    if (x->summary && x->analyze)
        explain_float(&x->out, "Execution Time", "ms", run_ms, 3);
    explain_close(&x->out, "Query", true);
    return ST_OK;
}

/* One planned query: run if that is asked for, and shown. */
static Status
explain_planned(Explain *x, Session *s, const PlannedQuery *plan, const Value *params, int param_count,
                double plan_ms)
{
    Execution *e = NULL;
    uint64_t start = env_mono_us(x->cx->env);
    Status rc = ST_OK;

    x->query = plan;
    x->params = params;
    if (x->analyze) {
        TRY(session_check_read_only(s, plan));
        s->snapshot_taken = true;
        TRY_TO(out, rc, exec_open(x->cx, &s->message, plan, params, param_count, &e));
        exec_instrument(e, x->timing);
        x->execution = e;
        TRY_TO(out, rc, run_all(e));
    }
    rc = show_query(x, s, plan_ms, (double)(env_mono_us(x->cx->env) - start) / 1000);
out:
    exec_close(e);
    return rc;
}

static Status
explain_execute(Explain *x, Session *s, const AstExecute *a)
{
    Ctx *cx = s->cx;
    uint64_t start = env_mono_us(cx->env);
    Prepared *p;
    Value *params;
    Status rc;

    TRY(session_find_prepared(s, a->name, &p));
    if (a->args.count != p->params.count) {
        rc = fail(cx, ST_ERROR, "42601", "wrong number of parameters for prepared statement \"%s\"", a->name);
        fail_detail(cx, "Expected %d parameters but got %d.", p->params.count, a->args.count);
        return rc;
    }
    TRY(session_plan(s, p));
    params = arena_array(cx->arena, Value, MAX_OF(a->args.count, 1));
    for (int i = 0; i < a->args.count; i++) {
        Expr *e;

        TRY(bind_value_expression(cx, cx->arena, a->args.items[i], "EXECUTE parameters", p->params.types[i],
                                  &e));
        TRY(exec_constant(cx, cx->arena, e, &params[i]));
    }
    p->uses++; /* nobody may replace the plan meanwhile */
    rc = explain_planned(x, s, p->plan, params, a->args.count, (double)(env_mono_us(cx->env) - start) / 1000);
    p->uses--;
    return rc;
}

static Status
explain_statement(Explain *x, Session *s, const Ast *ast)
{
    uint64_t start = env_mono_us(s->cx->env);
    PlannedQuery *plan;

    switch (ast->kind) {
    case AST_SELECT:
    case AST_INSERT:
    case AST_UPDATE:
    case AST_DELETE: break;
    case AST_EXECUTE: return explain_execute(x, s, (const AstExecute *)ast);
    case AST_DECLARE_CURSOR:
        if (x->analyze)
            return fail(s->cx, ST_ERROR, "0A000", "EXPLAIN ANALYZE of DECLARE CURSOR is not supported");
        ast = ((const AstCursor *)ast)->query;
        break;
    case AST_CREATE_TABLE_AS:
        if (x->analyze)
            return fail_unsupported(s->cx, -1, "EXPLAIN ANALYZE of CREATE TABLE AS");
        ast = ((const AstCreateTableAs *)ast)->query;
        if (ast->kind == AST_EXECUTE)
            return explain_execute(x, s, (const AstExecute *)ast);
        break;
    default: return fail_unsupported(s->cx, -1, "EXPLAIN of this statement");
    }
    TRY(session_make_plan(s, &s->message, NULL, ast, &plan));
    return explain_planned(x, s, plan, NULL, 0, (double)(env_mono_us(s->cx->env) - start) / 1000);
}

Status
command_explain_column(Ctx *cx, const AstExplain *a, ResultColumn *out)
{
    Explain *x = arena_new(cx->arena, Explain);

    x->cx = cx;
    TRY(read_options(x, &a->options));
    *out = (ResultColumn){.name = "QUERY PLAN",
                          .type = x->out.format == EXPLAIN_JSON  ? TYPE_JSON
                                  : x->out.format == EXPLAIN_XML ? TYPE_XML
                                                                 : TYPE_TEXT,
                          .typmod = -1};
    return ST_OK;
}

/* Text goes out line by line, the others as one value. */
static Status
send(Session *s, Explain *x, const ResultColumn *column, Sink *sink)
{
    char *text = arena_strdup(&s->message, buf_cstr(&x->out.buf));
    const char **lines;
    int count = 0, capacity = 1;

    if (x->out.buf.failed)
        return fail(s->cx, ST_ERROR, "54000", "the plan is too long to be shown");
    if (x->out.format != EXPLAIN_TEXT)
        return session_send_texts(s, sink, column, 1, (const char *const *)&text, 1);
    for (const char *p = text; *p != '\0'; p++)
        capacity += *p == '\n';
    lines = arena_array(&s->message, const char *, capacity);
    for (char *p = text, *end; *p != '\0'; p = end) {
        end = strchrnul(p, '\n');
        if (*end == '\n')
            *end++ = '\0';
        lines[count++] = p;
    }
    return session_send_texts(s, sink, column, 1, lines, count);
}

Status
command_explain(Session *s, const AstExplain *a, Sink *sink)
{
    Explain *x = arena_new(s->cx->arena, Explain);
    ResultColumn column;
    Status rc;

    x->cx = s->cx;
    TRY(read_options(x, &a->options));
    TRY(command_explain_column(s->cx, a, &column));
    explain_begin(&x->out);
    rc = explain_statement(x, s, a->query);
    explain_end(&x->out);
    if (rc == ST_OK)
        rc = send(s, x, &column, sink);
    buf_free(&x->out.buf);
    return rc;
}
