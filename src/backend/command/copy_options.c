/* copy_options.c - COPY's options and column lists, with PostgreSQL's opinion on what goes together. */
#include "backend/command/copy_int.h"

#include <strings.h>

typedef struct Given {
    const char *delimiter, *null_text, *quote, *escape;
    bool format, header, freeze, encoding;
} Given;

static Status
fail_twice(Ctx *cx, const AstDefElem *d)
{
    return fail_at(cx, d->ast.location, "42601", "conflicting or redundant options");
}

static Status
option_text(Ctx *cx, const AstDefElem *d, const char **out)
{
    const Ast *v = d->value;

    *out = NULL;
    if (v == NULL)
        return fail(cx, ST_ERROR, "42601", "%s requires a parameter", d->name);
    if (v->kind == AST_STRING)
        *out = ((const AstString *)v)->text;
    else if (v->kind == AST_TYPE_NAME)
        *out = ((const AstTypeName *)v)->name;
    else if (v->kind == AST_CONST && ((const AstConst *)v)->const_kind == CONST_INT)
        *out = arena_printf(cx->arena, "%d", ((const AstConst *)v)->integer);
    else if (v->kind == AST_CONST && ((const AstConst *)v)->const_kind == CONST_BOOL)
        *out = ((const AstConst *)v)->integer ? "true" : "false";
    else if (v->kind == AST_CONST)
        *out = ((const AstConst *)v)->text;
    if (*out == NULL)
        return fail_at(cx, d->ast.location, "22023", "argument to option \"%s\" must be a string", d->name);
    return ST_OK;
}

/* true, false, on, off, 1, 0, and nothing at all for true; -1: none of them. */
static int
option_bool(Ctx *cx, const AstDefElem *d)
{
    static const char *const words[2][3] = {{"false", "off", "0"}, {"true", "on", "1"}};
    const char *text;

    if (d->value == NULL)
        return 1;
    if (option_text(cx, d, &text) != ST_OK) {
        ctx_error_clear(cx);
        return -1;
    }
    for (int b = 0; b < 2; b++) {
        for (int i = 0; i < 3; i++) {
            if (strcasecmp(text, words[b][i]) == 0)
                return b;
        }
    }
    return -1;
}

static Status
take_format(Ctx *cx, const AstDefElem *d, CopyShape *shape)
{
    const char *text;

    TRY(option_text(cx, d, &text));
    if (strcmp(text, "text") == 0)
        shape->format = COPY_TEXT;
    else if (strcmp(text, "csv") == 0)
        shape->format = COPY_CSV;
    else if (strcmp(text, "binary") == 0)
        shape->format = COPY_BINARY;
    else
        return fail_at(cx, d->ast.location, "22023", "COPY format \"%s\" not recognized", text);
    return ST_OK;
}

static Status
take_header(Ctx *cx, const AstDefElem *d, bool is_from, CopyShape *shape)
{
    const char *text;
    int b = option_bool(cx, d);

    if (b >= 0) {
        shape->header = b ? COPY_HEADER_LINE : COPY_HEADER_NONE;
        return ST_OK;
    }
    if (option_text(cx, d, &text) == ST_OK && strcasecmp(text, "match") == 0) {
        if (!is_from)
            return fail(cx, ST_ERROR, "0A000", "cannot use \"match\" with HEADER in COPY TO");
        shape->header = COPY_HEADER_MATCH;
        return ST_OK;
    }
    return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value or \"match\"", d->name);
}

static Status
take_list(Ctx *cx, const AstDefElem *d, bool star_allowed, bool *all, const AstList **out)
{
    if (*out != NULL || (all != NULL && *all))
        return fail_twice(cx, d);
    if (star_allowed && d->value != NULL && d->value->kind == AST_STAR)
        *all = true;
    else if (d->value != NULL && d->value->kind == AST_LIST)
        *out = &((const AstListNode *)d->value)->items;
    else
        return fail_at(cx, d->ast.location, "22023", "argument to option \"%s\" must be a list of column names",
                       d->name);
    return ST_OK;
}

/* Everything is UTF-8 here. Other encodings that PostgreSQL knows are refused as such. */
static Status
take_encoding(Ctx *cx, const AstDefElem *d)
{
    static const char *const known[] = {"latin1",  "latin9",  "sql_ascii", "win1252", "win1251",
                                        "euc_jp",  "euc_kr",  "euc_cn",    "sjis",    "big5",
                                        "gbk",     "gb18030", "latin2",    "latin5",  "koi8r",
                                        "win1250", "win1253", "win1254",   "win1256", "iso_8859_5"};
    const char *text;

    TRY(option_text(cx, d, &text));
    if (strcasecmp(text, "utf8") == 0 || strcasecmp(text, "utf-8") == 0 || strcasecmp(text, "unicode") == 0)
        return ST_OK;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcasecmp(text, known[i]) == 0)
            return fail_unsupported(cx, d->ast.location, arena_printf(cx->arena, "encoding \"%s\"", text));
    }
    return fail_at(cx, d->ast.location, "22023", "argument to option \"%s\" must be a valid encoding name",
                   d->name);
}

static Status
take_text(Ctx *cx, const AstDefElem *d, const char **out)
{
    if (*out != NULL)
        return fail_twice(cx, d);
    return option_text(cx, d, out);
}

static Status
take_once(Ctx *cx, const AstDefElem *d, bool *given)
{
    if (*given)
        return fail_twice(cx, d);
    *given = true;
    return ST_OK;
}

static Status
take_option(Ctx *cx, const AstDefElem *d, bool is_from, Given *g, CopyOptions *out)
{
    int b;

    if (strcmp(d->name, "format") == 0) {
        TRY(take_once(cx, d, &g->format));
        return take_format(cx, d, &out->shape);
    }
    if (strcmp(d->name, "freeze") == 0) {
        TRY(take_once(cx, d, &g->freeze));
        b = option_bool(cx, d);
        if (b < 0)
            return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value", d->name);
        out->freeze = b;
        return ST_OK;
    }
    if (strcmp(d->name, "header") == 0) {
        TRY(take_once(cx, d, &g->header));
        return take_header(cx, d, is_from, &out->shape);
    }
    if (strcmp(d->name, "encoding") == 0) {
        TRY(take_once(cx, d, &g->encoding));
        return take_encoding(cx, d);
    }
    if (strcmp(d->name, "delimiter") == 0)
        return take_text(cx, d, &g->delimiter);
    if (strcmp(d->name, "null") == 0)
        return take_text(cx, d, &g->null_text);
    if (strcmp(d->name, "quote") == 0)
        return take_text(cx, d, &g->quote);
    if (strcmp(d->name, "escape") == 0)
        return take_text(cx, d, &g->escape);
    if (strcmp(d->name, "force_quote") == 0)
        return take_list(cx, d, true, &out->force_quote_all, &out->force_quote);
    if (strcmp(d->name, "force_not_null") == 0)
        return take_list(cx, d, false, NULL, &out->force_not_null);
    if (strcmp(d->name, "force_null") == 0)
        return take_list(cx, d, false, NULL, &out->force_null);
    return fail_at(cx, d->ast.location, "42601", "option \"%s\" not recognized", d->name);
}

static Status
refuse(Ctx *cx, const char *sqlstate, const char *message)
{
    return fail(cx, ST_ERROR, sqlstate, "%s", message);
}

static bool
has_line_end(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

static Status
check_delimiter(Ctx *cx, const CopyShape *shape, const char *delimiter, const char *null_text)
{
    if (strlen(delimiter) != 1)
        return refuse(cx, "0A000", "COPY delimiter must be a single one-byte character");
    if (has_line_end(delimiter))
        return refuse(cx, "22023", "COPY delimiter cannot be newline or carriage return");
    if (has_line_end(null_text))
        return refuse(cx, "22023", "COPY null representation cannot use newline or carriage return");
    if (shape->format != COPY_CSV && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", delimiter[0]) != NULL)
        return fail(cx, ST_ERROR, "22023", "COPY delimiter cannot be \"%s\"", delimiter);
    if (shape->header != COPY_HEADER_NONE && shape->format == COPY_BINARY)
        return refuse(cx, "0A000", "cannot specify HEADER in BINARY mode");
    return ST_OK;
}

static Status
check_quotes(Ctx *cx, bool is_csv, const Given *g, const char *delimiter, const char *quote, const char *escape)
{
    if (!is_csv && g->quote != NULL)
        return refuse(cx, "0A000", "COPY quote available only in CSV mode");
    if (is_csv && strlen(quote) != 1)
        return refuse(cx, "0A000", "COPY quote must be a single one-byte character");
    if (is_csv && delimiter[0] == quote[0])
        return refuse(cx, "22023", "COPY delimiter and quote must be different");
    if (!is_csv && g->escape != NULL)
        return refuse(cx, "0A000", "COPY escape available only in CSV mode");
    if (is_csv && strlen(escape) != 1)
        return refuse(cx, "0A000", "COPY escape must be a single one-byte character");
    return ST_OK;
}

static Status
check_forces(Ctx *cx, bool is_csv, bool is_from, const CopyOptions *o)
{
    bool force_quote = o->force_quote != NULL || o->force_quote_all;

    if (!is_csv && force_quote)
        return refuse(cx, "0A000", "COPY force quote available only in CSV mode");
    if (force_quote && is_from)
        return refuse(cx, "0A000", "COPY force quote only available using COPY TO");
    if (!is_csv && o->force_not_null != NULL)
        return refuse(cx, "0A000", "COPY force not null available only in CSV mode");
    if (o->force_not_null != NULL && !is_from)
        return refuse(cx, "0A000", "COPY force not null only available using COPY FROM");
    if (!is_csv && o->force_null != NULL)
        return refuse(cx, "0A000", "COPY force null available only in CSV mode");
    if (o->force_null != NULL && !is_from)
        return refuse(cx, "0A000", "COPY force null only available using COPY FROM");
    return ST_OK;
}

Status
copy_read_options(Ctx *cx, const AstList *options, bool is_from, CopyOptions *out)
{
    Given g = {0};
    CopyOptions o = {0};
    const char *delimiter, *null_text, *quote, *escape;
    bool is_csv;

    for (int i = 0; i < options->count; i++)
        TRY(take_option(cx, (const AstDefElem *)options->items[i], is_from, &g, &o));
    is_csv = o.shape.format == COPY_CSV;
    if (o.shape.format == COPY_BINARY && g.delimiter != NULL)
        return refuse(cx, "42601", "cannot specify DELIMITER in BINARY mode");
    if (o.shape.format == COPY_BINARY && g.null_text != NULL)
        return refuse(cx, "42601", "cannot specify NULL in BINARY mode");
    delimiter = g.delimiter != NULL ? g.delimiter : is_csv ? "," : "\t";
    null_text = g.null_text != NULL ? g.null_text : is_csv ? "" : "\\N";
    quote = g.quote != NULL ? g.quote : "\"";
    escape = g.escape != NULL ? g.escape : quote;
    TRY(check_delimiter(cx, &o.shape, delimiter, null_text));
    TRY(check_quotes(cx, is_csv, &g, delimiter, quote, escape));
    TRY(check_forces(cx, is_csv, is_from, &o));
    if (strchr(null_text, delimiter[0]) != NULL)
        return refuse(cx, "0A000", "COPY delimiter must not appear in the NULL specification");
    if (is_csv && strchr(null_text, quote[0]) != NULL)
        return refuse(cx, "0A000", "CSV quote character must not appear in the NULL specification");
    o.shape.delimiter = delimiter[0];
    o.shape.quote = quote[0];
    o.shape.escape = escape[0];
    o.shape.null_text = null_text;
    o.shape.null_bytes = strlen(null_text);
    *out = o;
    return ST_OK;
}

/* ---- columns ------------------------------------------------------------------------------------------------------ */

Status
copy_columns(Ctx *cx, const TableInfo *t, const AstList *names, int *columns, int *count)
{
    *count = 0;
    for (int c = 1; names->count == 0 && c <= t->column_count; c++) {
        if (!t->columns[c - 1].dropped)
            columns[(*count)++] = c;
    }
    for (int i = 0; i < names->count; i++) {
        const char *name = ((const AstString *)names->items[i])->text;
        int column = table_find_column(t, name);

        if (column <= 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                        t->name);
        for (int k = 0; k < *count; k++) {
            if (columns[k] == column)
                return fail(cx, ST_ERROR, "42701", "column \"%s\" specified more than once", name);
        }
        columns[(*count)++] = column;
    }
    return ST_OK;
}

Status
copy_column_flags(Ctx *cx, const TableInfo *t, const AstList *names, const int *columns, int column_count,
                  const char *what, bool *flags)
{
    AstList list = names != NULL ? *names : (AstList){0};
    int *found = arena_array(cx->arena, int, MAX_OF(MAX_OF(t->column_count, list.count), 1)), count;

    if (list.count == 0)
        return ST_OK;
    TRY(copy_columns(cx, t, &list, found, &count));
    for (int i = 0; i < count; i++) {
        bool copied = false;

        for (int k = 0; k < column_count; k++)
            copied |= columns[k] == found[i];
        if (!copied)
            return fail(cx, ST_ERROR, "42P10", "%s column \"%s\" not referenced by COPY", what,
                        t->columns[found[i] - 1].name);
        flags[found[i] - 1] = true;
    }
    return ST_OK;
}
