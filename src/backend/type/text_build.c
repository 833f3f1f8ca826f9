/* text_build.c - putting text together: ||, concat, format, quoting. */
#include "backend/type/type_int.h"

#include <stdlib.h>
#include <string.h>

#include "backend/type/text_int.h"

/* --- || ------------------------------------------------------------------------------------------------------------ */
static Status
join(Ctx *cx, VarRef a, VarRef b, Value *out)
{
    size_t bytes = (size_t)a.bytes + b.bytes;
    char *p;

    if (bytes > BUF_MOST_BYTES)
        return fail_too_large(cx);
    p = arena_alloc(cx->arena, bytes);
    memcpy(p, a.data, a.bytes);
    memcpy(p + a.bytes, b.data, b.bytes);
    *out = value_var(p, bytes);
    return ST_OK;
}

SCALAR_FN(textcat)
{
    return join(call->cx, args[0].var, args[1].var, out);
}

/* A value of any type as a cast to text shows it: true and false in full, char(n) without its blanks. */
static Status
as_text(Ctx *cx, Oid type, const Value *v, Value *out)
{
    if (type == TYPE_BOOL) {
        *out = v->b ? value_var("true", 4) : value_var("false", 5);
        return ST_OK;
    }
    TRY(value_to_text(cx, type, v, out));
    if (type == TYPE_BPCHAR)
        out->var = text_trim_blanks(out->var);
    return ST_OK;
}

SCALAR_FN(textanycat)
{
    Value text;

    TRY(as_text(call->cx, call->arg_types[1], &args[1], &text));
    return join(call->cx, args[0].var, text.var, out);
}

SCALAR_FN(anytextcat)
{
    Value text;

    TRY(as_text(call->cx, call->arg_types[0], &args[0], &text));
    return join(call->cx, text.var, args[1].var, out);
}

/* --- concat ------------------------------------------------------------------------------------------------------------ */
static Status
concat(FnCall *call, const Value *args, int first, const VarRef *separator, Value *out)
{
    Buf b = BUF_OF(call->cx);
    bool any = false;

    for (int i = first; i < call->arg_count; i++) {
        const TypeInfo *type = type_find(call->cx, call->arg_types[i]);

        if (args[i].is_null)
            continue;
        if (any && separator != NULL)
            buf_add(&b, separator->data, separator->bytes);
        any = true;
        if (type == NULL || type->out(call->cx, type, &args[i], &b) != ST_OK) {
            buf_free(&b);
            if (type == NULL)
                return fail(call->cx, ST_ERROR, "42804", "could not determine data type for argument %d",
                            i + 1);
            return ST_ERROR;
        }
    }
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(text_concat)
{
    return concat(call, args, 0, NULL, out);
}

SCALAR_FN(text_concat_ws)
{
    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    return concat(call, args, 1, &args[0].var, out);
}

/* --- quoting -------------------------------------------------------------------------------------------------------------- */
/* Words that cannot stand unquoted as a name; PostgreSQL 15's reserved, type-or-function and column-name words. */
static bool
is_keyword(VarRef v)
{
    static const char *const words[] = {
#define QUOTED_WORD(word) word,
#include "backend/type/quoted_words.def"
#undef QUOTED_WORD
    };
    size_t low = 0, high = COUNT_OF(words);

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strncmp(words[mid], v.data, v.bytes);

        if (order == 0)
            order = words[mid][v.bytes] != '\0';
        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static bool
is_plain_identifier(VarRef v)
{
    if (v.bytes == 0 || !((v.data[0] >= 'a' && v.data[0] <= 'z') || v.data[0] == '_'))
        return false;
    for (uint32_t i = 1; i < v.bytes; i++)
        if (!(v.data[i] >= 'a' && v.data[i] <= 'z') && !is_digit(v.data[i]) && v.data[i] != '_')
            return false;
    return !is_keyword(v);
}

void
quote_identifier(VarRef v, Buf *to)
{
    if (is_plain_identifier(v)) {
        buf_add(to, v.data, v.bytes);
        return;
    }
    buf_add_char(to, '"');
    for (uint32_t i = 0; i < v.bytes; i++) {
        if (v.data[i] == '"')
            buf_add_char(to, '"');
        buf_add_char(to, v.data[i]);
    }
    buf_add_char(to, '"');
}

void
quote_literal(VarRef v, Buf *to)
{
    if (memchr(v.data, '\\', v.bytes) != NULL)
        buf_add_char(to, 'E');
    buf_add_char(to, '\'');
    for (uint32_t i = 0; i < v.bytes; i++) {
        if (v.data[i] == '\'' || v.data[i] == '\\')
            buf_add_char(to, v.data[i]);
        buf_add_char(to, v.data[i]);
    }
    buf_add_char(to, '\'');
}

SCALAR_FN(quote_ident)
{
    Buf b = BUF_OF(call->cx);

    quote_identifier(args[0].var, &b);
    return value_from_buf(call->cx, &b, out);
}

/* Of text, and of anything through its text. */
SCALAR_FN(quote_literal)
{
    Buf b = BUF_OF(call->cx);
    Value text = args[0];

    if (call->fn->args[0] != TYPE_TEXT)
        TRY(as_text(call->cx, call->arg_types[0], &args[0], &text));
    quote_literal(text.var, &b);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(quote_nullable)
{
    if (args[0].is_null) {
        *out = value_var("NULL", 4);
        return ST_OK;
    }
    return fn_quote_literal(call, args, out);
}

/* --- format ------------------------------------------------------------------------------------------------------------------ */
typedef struct Format {
    FnCall *call;
    const Value *args;
    const char *p, *end;
    int next_arg; /* number of the last argument used */
    Buf out;
} Format;

/* Digits at p; false when there are none. */
static Status
format_number(Format *f, int *out, bool *found)
{
    int n = 0;

    *found = false;
    while (f->p < f->end && is_digit(*f->p)) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *f->p - '0', &n))
            return fail(f->call->cx, ST_ERROR, "22003", "number is out of range");
        *found = true;
        f->p++;
    }
    *out = n;
    return ST_OK;
}

static Status
format_unterminated(Format *f)
{
    fail(f->call->cx, ST_ERROR, "22023", "unterminated format() type specifier");
    fail_hint(f->call->cx, "For a single \"%%\" use \"%%%%\".");
    return ST_ERROR;
}

static Status
format_argument(Format *f, int number)
{
    if (number >= f->call->arg_count)
        return fail(f->call->cx, ST_ERROR, "22023", "too few arguments for format()");
    return ST_OK;
}

/* A width that is an argument, which has to be a number. */
static Status
format_width_argument(Format *f, int number, int *width)
{
    const Value *v;
    Value text;
    int64_t n;

    TRY(format_argument(f, number));
    v = &f->args[number];
    *width = 0;
    if (v->is_null)
        return ST_OK;
    if (f->call->arg_types[number] == TYPE_INT4) {
        *width = v->i32;
        return ST_OK;
    }
    TRY(value_to_text(f->call->cx, f->call->arg_types[number], v, &text));
    if (parse_i64(text.var.data, text.var.bytes, &n) != 0)
        return fail_syntax(f->call->cx, "integer", text.var.data, text.var.bytes);
    if (n < INT32_MIN || n > INT32_MAX)
        return fail_range(f->call->cx, "integer", text.var.data, text.var.bytes);
    *width = (int)n;
    return ST_OK;
}

static Status
format_put(Format *f, VarRef text, int width, bool left)
{
    int64_t missing = 0;

    if (width < 0) {
        left = true;
        if (width == INT32_MIN)
            return fail(f->call->cx, ST_ERROR, "22003", "number is out of range");
        width = -width;
    }
    if (width > 0)
        missing = MAX_OF(width - text_length(text), 0);
    if (missing > BUF_MOST_BYTES)
        return fail_too_large(f->call->cx);
    if (left)
        buf_add(&f->out, text.data, text.bytes);
    for (; missing > 0; missing--)
        buf_add_char(&f->out, ' ');
    if (!left)
        buf_add(&f->out, text.data, text.bytes);
    return ST_OK;
}

static Status
format_convert(Format *f, char conversion, int number, int width, bool left)
{
    Ctx *cx = f->call->cx;
    const Value *v = &f->args[number];
    Value text = value_var("", 0);
    Buf quoted = BUF_OF(cx);

    if (v->is_null) {
        if (conversion == 'I')
            return fail(cx, ST_ERROR, "22004", "null values cannot be formatted as an SQL identifier");
        return format_put(f, conversion == 'L' ? (VarRef){"NULL", 4} : (VarRef){"", 0}, width, left);
    }
    TRY(value_to_text(cx, f->call->arg_types[number], v, &text));
    if (conversion == 's')
        return format_put(f, text.var, width, left);
    if (conversion == 'I')
        quote_identifier(text.var, &quoted);
    else
        quote_literal(text.var, &quoted);
    TRY(value_from_buf(cx, &quoted, &text));
    return format_put(f, text.var, width, left);
}

/* %[n$][-][width|*|*n$]type, behind the percent sign */
static Status
format_specifier(Format *f)
{
    int number = -1, width = 0, n;
    bool found, left = false;

    TRY(format_number(f, &n, &found));
    if (found) {
        if (f->p == f->end)
            return format_unterminated(f);
        if (*f->p == '$') {
            if (n == 0)
                return fail(f->call->cx, ST_ERROR, "22023",
                            "format specifies argument 0, but arguments are numbered from 1");
            number = n;
            f->p++;
        } else {
            width = n;
        }
    }
    if (width == 0) {
        while (f->p < f->end && *f->p == '-') {
            left = true;
            f->p++;
        }
        if (f->p < f->end && *f->p == '*') {
            f->p++;
            TRY(format_number(f, &n, &found));
            if (found) {
                if (f->p == f->end)
                    return format_unterminated(f);
                if (*f->p != '$')
                    return fail(f->call->cx, ST_ERROR, "22023",
                                "width argument position must be ended by \"$\"");
                if (n == 0)
                    return fail(f->call->cx, ST_ERROR, "22023",
                                "format specifies argument 0, but arguments are numbered from 1");
                f->p++;
                f->next_arg = n;
            } else {
                f->next_arg++;
            }
            TRY(format_width_argument(f, f->next_arg, &width));
        } else {
            TRY(format_number(f, &width, &found));
        }
    }
    if (f->p == f->end)
        return format_unterminated(f);
    if (*f->p != 's' && *f->p != 'I' && *f->p != 'L') {
        fail(f->call->cx, ST_ERROR, "22023", "unrecognized format() type specifier \"%c\"", *f->p);
        fail_hint(f->call->cx, "For a single \"%%\" use \"%%%%\".");
        return ST_ERROR;
    }
    f->next_arg = number > 0 ? number : f->next_arg + 1;
    TRY(format_argument(f, f->next_arg));
    return format_convert(f, *f->p++, f->next_arg, width, left);
}

static Status
format_all(Format *f)
{
    while (f->p < f->end) {
        const char *percent = memchr(f->p, '%', (size_t)(f->end - f->p));

        if (percent == NULL) {
            buf_add(&f->out, f->p, (size_t)(f->end - f->p));
            break;
        }
        buf_add(&f->out, f->p, (size_t)(percent - f->p));
        f->p = percent + 1;
        if (f->p == f->end)
            return format_unterminated(f);
        if (*f->p == '%') {
            buf_add_char(&f->out, '%');
            f->p++;
            continue;
        }
        TRY(format_specifier(f));
    }
    return ST_OK;
}

SCALAR_FN(text_format)
{
    Format f = {.call = call, .args = args};
    Status rc;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    f.p = args[0].var.data;
    f.end = f.p + args[0].var.bytes;
    rc = format_all(&f);
    if (rc != ST_OK) {
        buf_free(&f.out);
        return rc;
    }
    return value_from_buf(call->cx, &f.out, out);
}
