/* names.c - names of catalog objects for the reg* types. */
#include "backend/session/session_int.h"

#include <ctype.h>

/* "a"."b" or a.b, folded as the scanner does. */
static Status
split(Ctx *cx, const char *text, size_t bytes, const char **schema, const char **name)
{
    const char *parts[5];
    int count = 0;
    size_t i = 0;

    while (count < 5) {
        Buf b = {0};
        bool quoted = i < bytes && text[i] == '"';

        if (quoted) {
            for (i++; i < bytes && (text[i] != '"' || (i + 1 < bytes && text[i + 1] == '"')); i++) {
                i += text[i] == '"';
                buf_add_char(&b, text[i]);
            }
            i++;
        } else {
            for (; i < bytes && text[i] != '.'; i++)
                buf_add_char(&b, (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]));
        }
        parts[count++] = arena_strdup(cx->arena, buf_cstr(&b));
        buf_free(&b);
        if (i >= bytes)
            break;
        if (text[i] != '.')
            return fail(cx, ST_ERROR, "42602", "invalid name syntax");
        i++;
    }
    if (count > 3)
        return fail(cx, ST_ERROR, "42601", "improper relation name (too many dotted names): %.*s", (int)bytes,
                    text);
    *name = parts[count - 1];
    *schema = count > 1 ? parts[count - 2] : NULL;
    if (**name == '\0')
        return fail(cx, ST_ERROR, "42602", "invalid name syntax");
    return ST_OK;
}

static Status
find_class(Ctx *cx, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    const char *schema, *name;
    const TableInfo *t = NULL;

    TRY(split(cx, text, bytes, &schema, &name));
    if (schema != NULL) {
        Oid s;
        char kind;

        TRY(catalog_find_schema(cx, schema, &s));
        if (s != OID_NONE)
            TRY(catalog_find_relation(cx, s, name, oid, &kind));
    } else {
        TRY(catalog_find_table(cx, NULL, name, LOCK_NONE, &t));
        *oid = t != NULL ? t->oid : OID_NONE;
    }
    if (*oid == OID_NONE && !missing_ok)
        return catalog_fail_no_table(cx, schema, name);
    return ST_OK;
}

static Status
find_type(Ctx *cx, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    AstTypeName *name;
    int32_t typmod;
    Status rc = parse_type_name(cx, cx->arena, arena_strndup(cx->arena, text, bytes), &name);

    if (rc == ST_OK)
        rc = bind_type_name(cx, name, oid, &typmod);
    if (rc != ST_OK && missing_ok) {
        ctx_error_clear(cx);
        return ST_OK;
    }
    cx->error.position = 0; /* it would point into the query */
    return rc;
}

static Status
find_proc(Ctx *cx, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    const char *schema, *name;
    const FnInfo *const *list;

    TRY(split(cx, text, bytes, &schema, &name));
    list = schema == NULL || strcmp(schema, "pg_catalog") == 0 ? fn_by_name(name) : NULL;
    if (list != NULL && *list != NULL && list[1] == NULL)
        *oid = list[0]->oid;
    else if (!missing_ok)
        return list == NULL || *list == NULL
                   ? fail(cx, ST_ERROR, "42883", "function \"%.*s\" does not exist", (int)bytes, text)
                   : fail(cx, ST_ERROR, "42725", "more than one function named \"%.*s\"", (int)bytes, text);
    return ST_OK;
}

/* The end of an item of a list: the next `stop` outside quotes and parentheses, or `end`. */
static const char *
item_end(const char *p, const char *end, char stop)
{
    bool quoted = false;
    int depth = 0;

    for (; p < end; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && depth == 0 && *p == stop)
            break;
        else if (!quoted && (*p == '(' || *p == '['))
            depth++;
        else if (!quoted && (*p == ')' || *p == ']'))
            depth--;
    }
    return p;
}

static void
trim(const char **p, const char **end)
{
    while (*p < *end && isspace((unsigned char)**p))
        (*p)++;
    while (*end > *p && isspace((unsigned char)(*end)[-1]))
        (*end)--;
}

/* "abs(int, text)": name and argument types. */
static Status
split_procedure(Ctx *cx, const char *text, const char *end, const char **name_end, Oid *types, int *count)
{
    const char *open = item_end(text, end, '('), *p = open + 1;

    *count = 0;
    *name_end = open;
    trim(&text, name_end);
    if (open == end)
        return fail(cx, ST_ERROR, "22P02", "expected a left parenthesis");
    trim(&p, &end);
    if (end[-1] != ')' || end <= p)
        return fail(cx, ST_ERROR, "22P02", "expected a right parenthesis");
    end--;
    trim(&p, &end);
    while (p < end || *count > 0) {
        const char *comma = item_end(p, end, ','), *stop = comma;

        trim(&p, &stop);
        if (p == stop)
            return fail(cx, ST_ERROR, "22P02", "expected a type name");
        if (*count == FN_ARGS_MOST)
            return fail(cx, ST_ERROR, "54023", "too many arguments");
        TRY(find_type(cx, p, (size_t)(stop - p), false, &types[(*count)++]));
        if (comma == end)
            break;
        p = comma + 1;
    }
    return ST_OK;
}

static Status
find_procedure(Ctx *cx, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    const char *schema, *name, *name_end;
    const FnInfo *const *list;
    Oid types[FN_ARGS_MOST], in_schema = SCHEMA_PG_CATALOG;
    int count;

    TRY(split_procedure(cx, text, text + bytes, &name_end, types, &count));
    TRY(split(cx, text, (size_t)(name_end - text), &schema, &name));
    if (schema != NULL)
        TRY(catalog_find_schema(cx, schema, &in_schema));
    if (in_schema == OID_NONE && !missing_ok)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", schema);
    list = in_schema == SCHEMA_PG_CATALOG ? fn_by_name(name) : NULL;
    for (; list != NULL && *list != NULL; list++) {
        if ((*list)->arg_count == count && memcmp((*list)->args, types, sizeof(Oid) * (size_t)count) == 0)
            *oid = (*list)->oid;
    }
    if (*oid == OID_NONE && !missing_ok)
        return fail(cx, ST_ERROR, "42883", "function \"%.*s\" does not exist", (int)bytes, text);
    return ST_OK;
}

static Status
find_name(Ctx *cx, Oid reg_type, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    const char *schema, *name;

    *oid = OID_NONE;
    switch (reg_type) {
    case TYPE_REGCLASS: return find_class(cx, text, bytes, missing_ok, oid);
    case TYPE_REGTYPE: return find_type(cx, text, bytes, missing_ok, oid);
    case TYPE_REGPROC: return find_proc(cx, text, bytes, missing_ok, oid);
    case TYPE_REGPROCEDURE: return find_procedure(cx, text, bytes, missing_ok, oid);
    case TYPE_REGNAMESPACE:
        TRY(split(cx, text, bytes, &schema, &name));
        TRY(catalog_find_schema(cx, name, oid));
        if (*oid == OID_NONE && !missing_ok)
            return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", name);
        return ST_OK;
    case TYPE_REGROLE:
        TRY(split(cx, text, bytes, &schema, &name));
        TRY(catalog_find_role(cx, name, oid));
        if (*oid == OID_NONE && !missing_ok)
            return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", name);
        return ST_OK;
    default: return fail_unsupported(cx, -1, "finding an object of this kind by its name");
    }
}

static Status
class_name(Ctx *cx, Oid oid, Buf *to, bool *found)
{
    const TableInfo *t, *visible;

    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    *found = t != NULL;
    if (t == NULL)
        return ST_OK;
    TRY(catalog_find_table(cx, NULL, t->name, LOCK_NONE, &visible));
    if (visible == NULL || visible->oid != oid) {
        deparse_identifier(t->schema_name, to);
        buf_add_char(to, '.');
    }
    deparse_identifier(t->name, to);
    return ST_OK;
}

static void
procedure_name(const FnInfo *f, Buf *to, bool *found)
{
    *found = f != NULL;
    if (f == NULL)
        return;
    deparse_identifier(f->name, to);
    buf_add_char(to, '(');
    for (int i = 0; i < f->arg_count; i++) {
        buf_add_text(to, i > 0 ? "," : "");
        type_format(f->args[i], -1, to);
    }
    buf_add_char(to, ')');
}

static Status
show_name(Ctx *cx, Oid reg_type, Oid oid, Buf *to, bool *found)
{
    const char *name = NULL;

    *found = false;
    switch (reg_type) {
    case TYPE_REGCLASS: return class_name(cx, oid, to, found);
    case TYPE_REGTYPE:
        *found = type_by_oid(oid) != NULL;
        if (*found)
            type_format(oid, -1, to);
        return ST_OK;
    case TYPE_REGPROC:
        *found = fn_by_oid(oid) != NULL;
        name = *found ? fn_by_oid(oid)->name : NULL;
        break;
    case TYPE_REGPROCEDURE: procedure_name(fn_by_oid(oid), to, found); return ST_OK;
    case TYPE_REGNAMESPACE: TRY(catalog_schema_name(cx, oid, &name)); break;
    case TYPE_REGROLE: TRY(catalog_role_by_oid(cx, oid, &name)); break;
    default: return ST_OK;
    }
    *found = name != NULL;
    if (name != NULL)
        deparse_identifier(name, to);
    return ST_OK;
}

const RegNames *
session_reg_names(void)
{
    static const RegNames names = {.find = find_name, .name = show_name};

    return &names;
}
