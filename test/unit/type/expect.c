/* expect.c - see expect.h. A function is called twice: for one row, and for a batch in which the row
 * stands several times between nulls, selected and not, with the last argument constant; both have to
 * give the same. */
#include "type/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/type_int.h"
#include "backend/type/numeric.h"
#include "backend/type/timezone.h"
#include "harness.h"

enum { FIELDS_MOST = 256, ARGS_MOST = 16, BATCH = 7 };

typedef struct Line {
    char *fields[FIELDS_MOST];
    int count, at;
    const char *path;
    int number;
} Line;

static FormatSettings format;
static RandomState random_state;

/* --- lines ------------------------------------------------------------------------------------------------ */
static void
unescape(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        if (*s == '\\' && s[1] != 'N') {
            s++;
            *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

static void
split(Line *line, char *text)
{
    line->count = line->at = 0;
    for (char *p = text; p != NULL && line->count < FIELDS_MOST;) {
        char *tab = strchr(p, '\t');

        if (tab != NULL)
            *tab = '\0';
        unescape(p);
        line->fields[line->count++] = p;
        p = tab != NULL ? tab + 1 : NULL;
    }
}

static const char *
next(Line *line)
{
    ck_assert_msg(line->at < line->count, "%s:%d: too few fields", line->path, line->number);
    return line->fields[line->at++];
}

static Oid
next_type(Line *line)
{
    const char *name = next(line);
    const TypeInfo *type = type_by_name(name);

    ck_assert_msg(type != NULL, "%s:%d: no type %s", line->path, line->number, name);
    return type->oid;
}

static bool
differs(const Line *line, const char *what, const char *want, const char *got)
{
    if (strcmp(want, got) == 0)
        return false;
    fprintf(stderr, "%s:%d: %s", line->path, line->number, what);
    for (int i = 0; i < line->count - 1; i++)
        fprintf(stderr, " %s", line->fields[i]);
    fprintf(stderr, "\n   want %s\n   got  %s\n", want, got);
    return true;
}

/* --- values ------------------------------------------------------------------------------------------------ */
static const char *
error_text(Ctx *cx)
{
    return arena_printf(cx->arena, "!%s %s", cx->error.sqlstate, cx->error.message);
}

static const char *
show(Ctx *cx, Oid type, Status rc, const Value *v)
{
    Value text;

    if (rc != ST_OK)
        return error_text(cx);
    if (v->is_null)
        return "\\N";
    if (value_to_text(cx, type, v, &text) != ST_OK)
        return error_text(cx);
    return arena_strndup(cx->arena, text.var.data, text.var.bytes);
}

static Status
parse(Ctx *cx, Oid type_oid, int32_t typmod, const char *text, Value *out)
{
    const TypeInfo *type = type_by_oid(type_oid);

    if (strcmp(text, "\\N") == 0) {
        *out = value_null();
        return ST_OK;
    }
    return type->in(cx, type, text, strlen(text), typmod, out);
}

/* --- the kinds of lines -------------------------------------------------------------------------------------- */
static bool
run_set(Ctx *cx, Line *line)
{
    const char *name = next(line), *value = next(line);

    if (strcmp(name, "datestyle") == 0) {
        static const char *const styles[] = {"ISO", "SQL", "Postgres", "German"}, *const orders[] = {"MDY",
                                                                                                     "DMY",
                                                                                                     "YMD"};

        for (int i = 0; i < 4; i++)
            if (strncmp(value, styles[i], strlen(styles[i])) == 0)
                format.date_style = (DateStyle)i;
        for (int i = 0; i < 3; i++)
            if (strstr(value, orders[i]) != NULL)
                format.date_order = (DateOrder)i;
    } else if (strcmp(name, "intervalstyle") == 0) {
        static const char *const styles[] = {"postgres", "postgres_verbose", "sql_standard", "iso_8601"};

        for (int i = 0; i < 4; i++)
            if (strcmp(value, styles[i]) == 0)
                format.interval_style = (IntervalStyle)i;
    } else if (strcmp(name, "timezone") == 0) {
        if (timezone_find(cx, value, strlen(value), &format.time_zone) != ST_OK)
            return false;
    } else if (strcmp(name, "extra_float_digits") == 0) {
        format.extra_float_digits = atoi(value);
    } else if (strcmp(name, "bytea_output") == 0) {
        format.bytea_hex = strcmp(value, "hex") == 0;
    } else if (strcmp(name, "now") == 0) {
        format.transaction_now = format.statement_now = atoll(value);
    } else {
        return false;
    }
    return true;
}

static bool
run_in(Ctx *cx, Line *line)
{
    Oid type = next_type(line);
    int32_t typmod = atoi(next(line));
    const char *text = next(line), *want = next(line);
    Value v = {0};
    Status rc = parse(cx, type, typmod, text, &v);

    return !differs(line, "", want, show(cx, type, rc, &v));
}

static bool
run_binary(Ctx *cx, Line *line)
{
    Oid type_oid = next_type(line);
    const TypeInfo *type = type_by_oid(type_oid);
    const char *text = next(line), *want = next(line);
    Value v, back;
    Buf b = {0}, hex = {0};
    bool ok;

    if (parse(cx, type_oid, -1, text, &v) != ST_OK || type->send(cx, type, &v, &b) != ST_OK)
        return !differs(line, "binary", want, error_text(cx));
    for (size_t i = 0; i < b.bytes; i++)
        buf_printf(&hex, "%02x", (unsigned char)b.data[i]);
    ok = !differs(line, "binary", want, buf_cstr(&hex));
    if (type->recv(cx, type, b.data != NULL ? b.data : "", b.bytes, -1, &back) != ST_OK)
        ok = !differs(line, "binary back", "success", error_text(cx)) && ok;
    else if (strcmp(show(cx, type_oid, ST_OK, &v), show(cx, type_oid, ST_OK, &back)) != 0)
        ok = !differs(line, "binary back", show(cx, type_oid, ST_OK, &v), show(cx, type_oid, ST_OK, &back)) &&
             ok;
    buf_free(&b);
    buf_free(&hex);
    return ok;
}

typedef struct Call {
    const FnInfo *fn;
    Oid result, types[ARGS_MOST];
    Value values[ARGS_MOST];
    int count;
} Call;

/* False with `*text` set when an argument cannot be read: that is the result then. */
static bool
read_call(Ctx *cx, Line *line, Call *call, const char **text)
{
    *text = NULL;
    call->fn = fn_by_oid((Oid)atoi(next(line)));
    call->result = next_type(line);
    call->count = atoi(next(line));
    for (int i = 0; i < call->count; i++) {
        call->types[i] = next_type(line);
        if (parse(cx, call->types[i], -1, next(line), &call->values[i]) != ST_OK && *text == NULL)
            *text = error_text(cx);
    }
    return *text == NULL;
}

/* Rows 1, 3, 5 of seven are selected; 3 has null arguments (and is left out if the function wants to see
 * nulls); the last argument is constant if asked. */
static const char *
run_batch(Ctx *cx, const Call *c, bool last_const, const char *want_null)
{
    static const uint16_t strict_sel[] = {1, 3, 5}, sel[] = {1, 5};
    Vector vectors[ARGS_MOST], *args[ARGS_MOST], out;
    void *state = NULL;
    FnCall call = {.cx = cx,
                   .rows = {c->fn->strict ? strict_sel : sel, c->fn->strict ? 3 : 2},
                   .capacity_rows = BATCH,
                   .arg_count = c->count,
                   .arg_types = c->types,
                   .result_type = c->result,
                   .location = -1,
                   .state = &state};
    Status rc;
    Value v;
    const char *first;

    for (int i = 0; i < c->count; i++) {
        Value arg = c->values[i];
        Phys phys = arg.is_null ? type_by_oid(c->types[i])->phys : (Phys)arg.phys;

        args[i] = &vectors[i];
        if (last_const && i == c->count - 1) {
            vector_init_const(&vectors[i], cx->arena, &arg, phys);
            continue;
        }
        vector_init(&vectors[i], cx->arena, phys, BATCH);
        vectors[i].scale = arg.scale;
        memset(vectors[i].data, 0x5a, phys_bytes(phys) * BATCH);
        for (uint32_t row = 1; row < BATCH; row += 2)
            vector_set(&vectors[i], cx->arena, row, BATCH, row == 3 ? value_null() : arg);
    }
    rc = fn_call_vector(&call, c->fn, args, &out);
    if (rc != ST_OK)
        return error_text(cx);
    v = vector_get(&out, 5);
    first = show(cx, c->result, ST_OK, &v);
    v = vector_get(&out, 1);
    if (!out.is_const && strcmp(first, show(cx, c->result, ST_OK, &v)) != 0)
        return "rows of one batch differ";
    v = vector_get(&out, 3);
    if (want_null != NULL && !out.is_const && strcmp(want_null, show(cx, c->result, ST_OK, &v)) != 0)
        return "the row of nulls is not null";
    return first;
}

static bool
run_fn(Ctx *cx, Line *line)
{
    Call c;
    const char *got, *want;
    Value v = value_null();
    bool readable = read_call(cx, line, &c, &got), ok;

    want = next(line);
    if (c.fn == NULL)
        return !differs(line, "no such function:", want, "");
    if (!readable)
        return !differs(line, "", want, got);
    ok = !differs(line, "", want,
                  show(cx, c.result, fn_call_value(cx, c.fn, c.types, c.values, c.count, c.result, &v), &v));
    if (!ok || c.fn->volatility == 'v' || c.count == 0)
        return ok;
    ok = !differs(line, "batch", want, run_batch(cx, &c, false, c.fn->strict ? "\\N" : NULL));
    ok = !differs(line, "batch, last constant", want, run_batch(cx, &c, true, NULL)) && ok;
    fn_choose_kernels(false);
    ok = !differs(line, "batch, baseline", want, run_batch(cx, &c, true, NULL)) && ok;
    fn_choose_kernels(true);
    return ok;
}

static bool
run_series(Ctx *cx, Line *line)
{
    Call c;
    const char *got;
    bool readable = read_call(cx, line, &c, &got), ok = true, done = false;
    void *state = NULL;
    FnCall call = {.cx = cx,
                   .fn = c.fn,
                   .rows = {NULL, 1},
                   .capacity_rows = 1,
                   .arg_count = c.count,
                   .arg_types = c.types,
                   .result_type = c.result,
                   .location = -1,
                   .state = &state};
    int count = atoi(next(line));

    if (c.fn == NULL || c.fn->series == NULL)
        return !differs(line, "no such series", "", "none");
    for (int i = 0; i <= count && ok; i++) {
        Value v = {.phys = (uint8_t)type_by_oid(c.result)->phys};
        Status rc = readable ? c.fn->series(&call, c.values, &v, &done) : ST_ERROR;
        const char *shown = !readable ? got : rc == ST_OK && done ? "(end)" : show(cx, c.result, rc, &v);
        const char *want = i < count ? next(line) : line->at < line->count ? next(line) : "(end)";

        ok = !differs(line, "series", want, shown);
        if (rc != ST_OK || done)
            break;
    }
    return ok;
}

static bool
run_agg(Ctx *cx, Line *line)
{
    Oid oid = (Oid)atoi(next(line)), result = next_type(line), types[ARGS_MOST] = {0};
    const FnInfo *fn = fn_by_oid(oid);
    int count = atoi(next(line)), rows;
    Vector vectors[ARGS_MOST], *args[ARGS_MOST];
    uint16_t *sel;
    AggCall call = {.cx = cx, .arena = cx->arena};
    void **states, *one, *other;
    Value v;
    Status rc = ST_OK;
    bool ok;
    const char *want;

    if (fn == NULL || fn->agg == NULL)
        return !differs(line, "no such aggregate", "", "none");
    for (int i = 0; i < count; i++)
        types[i] = next_type(line);
    rows = atoi(next(line));
    for (int i = 0; i < count; i++) {
        vector_init(&vectors[i], cx->arena, type_by_oid(types[i])->phys, BATCH_ROWS);
        memset(vectors[i].data, 0, phys_bytes((Phys)vectors[i].phys) * BATCH_ROWS);
        args[i] = &vectors[i];
    }
    sel = arena_array(cx->arena, uint16_t, rows + 1);
    for (int row = 0; row < rows; row++) {
        bool any_null = false;

        for (int i = 0; i < count; i++) {
            ck_assert(parse(cx, types[i], -1, next(line), &v) == ST_OK);
            any_null |= v.is_null;
            if (types[i] == TYPE_NUMERIC)
                v = numeric_pack(cx->arena, &v);
            vector_set(&vectors[i], cx->arena, (uint32_t)row, BATCH_ROWS, v);
        }
        if (!any_null || !fn->agg->strict)
            sel[call.rows.count++] = (uint16_t)row;
    }
    want = next(line);
    call.rows.sel = sel;
    call.arg_type = types[0];
    one = arena_zalloc(cx->arena, fn->agg->state_bytes);
    other = arena_zalloc(cx->arena, fn->agg->state_bytes);
    states = arena_array(cx->arena, void *, BATCH_ROWS);
    for (int row = 0; row < rows; row++)
        states[row] = other;
    rc = fn->agg->step_one(&call, one, args);
    v = value_null();
    if (rc == ST_OK)
        rc = fn->agg->finish(&call, one, &v);
    ok = !differs(line, "one state", want, show(cx, result, rc, &v));
    rc = fn->agg->step(&call, states, args);
    if (rc == ST_OK)
        rc = fn->agg->finish(&call, other, &v);
    return !differs(line, "many states", want, show(cx, result, rc, &v)) && ok;
}

static bool
run_line(Ctx *cx, Line *line)
{
    static const struct {
        const char *kind;
        bool (*run)(Ctx *cx, Line *line);
    } kinds[] = {{"SET", run_set}, {"IN", run_in},   {"BIN", run_binary},
                 {"FN", run_fn},   {"AGG", run_agg}, {"SRF", run_series}};
    const char *kind = next(line);

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].run(cx, line);
    return !differs(line, "no such kind", "", kind);
}

ExpectSum
expect_file(const char *path)
{
    FILE *file = fopen(path, "r");
    Ctx *cx = test_ctx();
    char *text = NULL;
    size_t capacity = 0;
    ExpectSum sum = {0};
    Line line = {.path = strrchr(path, '/') + 1};

    ck_assert_msg(file != NULL, "cannot open %s", path);
    format = (FormatSettings){.extra_float_digits = 1, .bytea_hex = true, .random_state = &random_state};
    cx->format = &format;
    fn_choose_kernels(true);
    while (getline(&text, &capacity, file) > 0) {
        ArenaMark mark = arena_mark(cx->arena);

        line.number++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '#' || text[0] == '\0')
            continue;
        split(&line, text);
        if (run_line(cx, &line))
            sum.passed++;
        else
            sum.failed++;
        arena_rewind(cx->arena, mark);
        ctx_error_clear(cx);
    }
    free(text);
    fclose(file);
    return sum;
}
