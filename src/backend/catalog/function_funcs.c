/* function_funcs.c - functions that describe functions. Those of the program are all there are. */
#include "backend/catalog/catalog.h"

#include "backend/bind/bind.h"
#include "backend/type/fn_decl.h"

#include <string.h>

/* The part of a list "a,b,c" with this number, from 0; *bytes 0: there is none. */
static const char *
list_part(const char *list, int no, int *bytes)
{
    *bytes = 0;
    while (list != NULL) {
        const char *comma = strchr(list, ',');

        if (no-- == 0) {
            *bytes = (int)(comma != NULL ? (size_t)(comma - list) : strlen(list));
            return list;
        }
        list = comma != NULL ? comma + 1 : NULL;
    }
    return "";
}

/* What an argument (from 0) is when it is left out. */
static const char *
default_of(const FnInfo *f, int arg, int *bytes)
{
    *bytes = 0;
    return arg < f->arg_count - f->default_count
               ? ""
               : list_part(f->default_texts, arg - (f->arg_count - f->default_count), bytes);
}

static void
add_arguments(const FnInfo *f, bool with_defaults, Buf *b)
{
    for (int i = 0; i < f->arg_count; i++) {
        int bytes;
        const char *part;

        buf_add_text(b, i > 0 ? ", " : "");
        if (f->variadic != OID_NONE && i == f->arg_count - 1)
            buf_add_text(b, "VARIADIC ");
        part = list_part(f->arg_names, i, &bytes);
        if (bytes > 0)
            buf_printf(b, "%.*s ", bytes, part);
        type_format(f->args[i], -1, b);
        part = default_of(f, i, &bytes);
        if (with_defaults && bytes > 0)
            buf_printf(b, " DEFAULT %.*s", bytes, part);
    }
}

static void
add_result(const FnInfo *f, Buf *b)
{
    buf_add_text(b, f->returns_set ? "SETOF " : "");
    type_format(f->result, -1, b);
}

static Value
take_text(Ctx *cx, Buf *b)
{
    Value v = value_var(arena_memdup(cx->arena, b->data, b->bytes), b->bytes);

    buf_free(b);
    return v;
}

SCALAR_FN(pg_get_function_arguments)
{
    const FnInfo *f = fn_by_oid(args[0].u32);
    Buf b = {0};

    *out = value_null();
    if (f == NULL)
        return ST_OK;
    buf_add_text(&b, "");
    add_arguments(f, true, &b);
    *out = take_text(call->cx, &b);
    return ST_OK;
}

SCALAR_FN(pg_get_function_identity_arguments)
{
    const FnInfo *f = fn_by_oid(args[0].u32);
    Buf b = {0};

    *out = value_null();
    if (f == NULL)
        return ST_OK;
    add_arguments(f, false, &b);
    *out = take_text(call->cx, &b);
    return ST_OK;
}

SCALAR_FN(pg_get_function_result)
{
    const FnInfo *f = fn_by_oid(args[0].u32);
    Buf b = {0};

    *out = value_null();
    if (f == NULL)
        return ST_OK;
    add_result(f, &b);
    *out = take_text(call->cx, &b);
    return ST_OK;
}

SCALAR_FN(pg_get_function_arg_default)
{
    const FnInfo *f = fn_by_oid(args[0].u32);
    const char *text;
    int bytes;

    *out = value_null();
    if (f == NULL || args[1].i32 < 1 || args[1].i32 > f->arg_count)
        return ST_OK;
    text = default_of(f, args[1].i32 - 1, &bytes);
    if (bytes > 0)
        *out = value_var(text, (size_t)bytes);
    return ST_OK;
}

SCALAR_FN(pg_get_functiondef)
{
    const FnInfo *f = fn_by_oid(args[0].u32);
    Buf b = {0};

    *out = value_null();
    if (f == NULL)
        return ST_OK;
    if (f->kind == 'a')
        return fail(call->cx, ST_ERROR, "42809", "\"%s\" is an aggregate function", f->name);
    buf_add_text(&b, "CREATE OR REPLACE FUNCTION pg_catalog.");
    deparse_identifier(f->name, &b);
    buf_add_char(&b, '(');
    add_arguments(f, true, &b);
    buf_add_text(&b, ")\n RETURNS ");
    add_result(f, &b);
    buf_add_text(&b, "\n LANGUAGE internal\n");
    if (f->volatility != 'v')
        buf_add_text(&b, f->volatility == 'i' ? " IMMUTABLE" : " STABLE");
    if (fn_parallel(f) != 'u')
        buf_add_text(&b, fn_parallel(f) == 's' ? " PARALLEL SAFE" : " PARALLEL RESTRICTED");
    buf_add_text(&b, f->strict ? " STRICT\n" : "\n");
    buf_printf(&b, "AS $function$%s$function$\n", f->source);
    *out = take_text(call->cx, &b);
    return ST_OK;
}
