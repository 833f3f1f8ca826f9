/* text_fn.c - functions that measure, cut, pad, change and search text. Positions count characters from 1. */
#include "backend/type/type_int.h"

#include <limits.h>
#include <string.h>

#include "backend/type/array.h"
#include "backend/type/text_int.h"
#include "backend/type/unicode.h"
#include "base/utf8.h"

int64_t
text_length(VarRef v)
{
    return (int64_t)utf8_length(v.data, v.bytes);
}

/* Byte offset of the character number `chars` (from 0). */
size_t
text_offset(VarRef v, int64_t chars)
{
    if (chars <= 0)
        return 0;
    return utf8_prefix_bytes(v.data, v.bytes, (size_t)chars);
}

VarRef
text_trim_blanks(VarRef v)
{
    while (v.bytes > 0 && v.data[v.bytes - 1] == ' ')
        v.bytes--;
    return v;
}

Status
fail_too_large(Ctx *cx)
{
    return fail(cx, ST_ERROR, "54000", "requested length too large");
}

/* --- lengths ----------------------------------------------------------------------------------------------------------- */
SCALAR_FN(textlen)
{
    out->i32 = (int32_t)text_length(args[0].var);
    return ST_OK;
}

SCALAR_FN(bpcharlen)
{
    out->i32 = (int32_t)text_length(text_trim_blanks(args[0].var));
    return ST_OK;
}

SCALAR_FN(textoctetlen)
{
    out->i32 = (int32_t)args[0].var.bytes;
    return ST_OK;
}

SCALAR_FN(bit_length)
{
    out->i32 = (int32_t)(args[0].var.bytes * 8);
    return ST_OK;
}

/* --- case ------------------------------------------------------------------------------------------------------------------- */
static Status
map_case(Ctx *cx, VarRef v, uint32_t (*map)(uint32_t), Value *out)
{
    char *to = arena_alloc(cx->arena, (size_t)v.bytes * 2 + 4), *p = to;

    for (size_t i = 0; i < v.bytes;) {
        int n = 1;
        uint32_t c = (unsigned char)v.data[i] < 0x80 ? (uint32_t)v.data[i] : utf8_decode(v.data + i, &n);

        p += utf8_encode(map(c), p);
        i += (size_t)n;
    }
    *out = value_var(to, (size_t)(p - to));
    return ST_OK;
}

SCALAR_FN(lower)
{
    return map_case(call->cx, args[0].var, unicode_lower, out);
}

SCALAR_FN(upper)
{
    return map_case(call->cx, args[0].var, unicode_upper, out);
}

Status
text_lower(Ctx *cx, VarRef v, VarRef *out)
{
    Value lowered;

    TRY(map_case(cx, v, unicode_lower, &lowered));
    *out = lowered.var;
    return ST_OK;
}

SCALAR_FN(initcap)
{
    VarRef v = args[0].var;
    char *to = arena_alloc(call->cx->arena, (size_t)v.bytes * 2 + 4), *p = to;
    bool in_word = false;

    for (size_t i = 0; i < v.bytes;) {
        int n;
        uint32_t c = utf8_decode(v.data + i, &n);

        p += utf8_encode(in_word ? unicode_lower(c) : unicode_upper(c), p);
        in_word = unicode_is_alnum(c);
        i += (size_t)n;
    }
    *out = value_var(to, (size_t)(p - to));
    return ST_OK;
}

/* --- substrings ------------------------------------------------------------------------------------------------------------------ */
/* SQL's substring: from may be before the beginning, and the length counts from there. */
static Status
substring(FnCall *call, VarRef v, int32_t from, bool has_length, int32_t length, Value *out)
{
    int64_t start = from, end = INT64_MAX;
    size_t a, b;

    if (has_length) {
        if (length < 0)
            return fail(call->cx, ST_ERROR, "22011", "negative substring length not allowed");
        end = start + length;
    }
    start = MAX_OF(start, 1);
    if (end <= start) {
        *out = value_var("", 0);
        return ST_OK;
    }
    a = text_offset(v, start - 1);
    if (!has_length || end - start >= (int64_t)v.bytes)
        b = v.bytes;
    else
        b = a + text_offset((VarRef){v.data + a, (uint32_t)(v.bytes - a)}, end - start);
    *out = value_var(v.data + a, b - a);
    return ST_OK;
}

SCALAR_FN(text_substr)
{
    return substring(call, args[0].var, args[1].i32, true, args[2].i32, out);
}

SCALAR_FN(text_substr_no_len)
{
    return substring(call, args[0].var, args[1].i32, false, 0, out);
}

SCALAR_FN(text_left)
{
    VarRef v = args[0].var;
    int64_t n = args[1].i32;

    if (n < 0)
        n = MAX_OF(text_length(v) + n, 0);
    *out = value_var(v.data, text_offset(v, n));
    return ST_OK;
}

SCALAR_FN(text_right)
{
    VarRef v = args[0].var;
    int64_t n = args[1].i32, skip;
    size_t at;

    skip = n < 0 ? -n : MAX_OF(text_length(v) - n, 0);
    at = text_offset(v, skip);
    *out = value_var(v.data + at, v.bytes - at);
    return ST_OK;
}

static Status
overlay(FnCall *call, VarRef v, VarRef with, int32_t from, int64_t length, Value *out)
{
    Buf b = BUF_OF(call->cx);
    size_t start, rest;
    int64_t after;

    if (from <= 0)
        return fail(call->cx, ST_ERROR, "22011", "negative substring length not allowed");
    after = (int64_t)from + length;
    if (after > INT32_MAX || after < INT32_MIN)
        return fail_int_range(call->cx, "integer");
    start = text_offset(v, from - 1);
    rest = text_offset(v, MAX_OF(after - 1, 0));
    buf_add(&b, v.data, start);
    buf_add(&b, with.data, with.bytes);
    buf_add(&b, v.data + rest, v.bytes - rest);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(textoverlay)
{
    return overlay(call, args[0].var, args[1].var, args[2].i32, args[3].i32, out);
}

SCALAR_FN(textoverlay_no_len)
{
    return overlay(call, args[0].var, args[1].var, args[2].i32, text_length(args[1].var), out);
}

/* --- searching -------------------------------------------------------------------------------------------------------------------- */
/* Byte offset of the first occurrence from `start` on, or -1. */
int64_t
text_find(VarRef v, VarRef needle, size_t start)
{
    const char *p;

    if (start > v.bytes)
        return -1;
    if (needle.bytes == 0)
        return (int64_t)start;
    p = memmem(v.data + start, v.bytes - start, needle.data, needle.bytes);
    return p != NULL ? p - v.data : -1;
}

SCALAR_FN(textpos)
{
    int64_t at = text_find(args[0].var, args[1].var, 0);

    out->i32 = at < 0 ? 0 : (int32_t)utf8_length(args[0].var.data, (size_t)at) + 1;
    return ST_OK;
}

SCALAR_FN(text_starts_with)
{
    VarRef v = args[0].var, prefix = args[1].var;

    out->b = prefix.bytes <= v.bytes && memcmp(v.data, prefix.data, prefix.bytes) == 0;
    return ST_OK;
}

SCALAR_FN(replace_text)
{
    VarRef v = args[0].var, from = args[1].var, to = args[2].var;
    Buf b = BUF_OF(call->cx);
    size_t at = 0;
    int64_t next;

    if (from.bytes == 0 || (next = text_find(v, from, 0)) < 0) {
        *out = args[0];
        return ST_OK;
    }
    for (; next >= 0; next = text_find(v, from, at)) {
        buf_add(&b, v.data + at, (size_t)next - at);
        buf_add(&b, to.data, to.bytes);
        at = (size_t)next + from.bytes;
    }
    buf_add(&b, v.data + at, v.bytes - at);
    return value_from_buf(call->cx, &b, out);
}

/* split_part(text, separator, n): the n-th field, from the end if negative */
SCALAR_FN(split_part)
{
    VarRef v = args[0].var, separator = args[1].var;
    int64_t n = args[2].i32, fields = 1, next;
    size_t at = 0;

    *out = value_var("", 0);
    if (n == 0)
        return fail(call->cx, ST_ERROR, "22023", "field position must not be zero");
    if (separator.bytes == 0 || v.bytes == 0) {
        if ((n == 1 || n == -1) && v.bytes > 0)
            *out = args[0];
        return ST_OK;
    }
    if (n < 0) {
        for (size_t p = 0; (next = text_find(v, separator, p)) >= 0; p = (size_t)next + separator.bytes)
            fields++;
        n += fields + 1;
        if (n <= 0)
            return ST_OK;
    }
    while ((next = text_find(v, separator, at)) >= 0 && n > 1) {
        at = (size_t)next + separator.bytes;
        n--;
    }
    if (n == 1)
        *out = value_var(v.data + at, (next >= 0 ? (size_t)next : v.bytes) - at);
    return ST_OK;
}

/* --- padding, repeating ------------------------------------------------------------------------------------------------------------- */
static Status
pad(FnCall *call, VarRef v, int32_t length, VarRef fill, bool left, Value *out)
{
    int64_t have = text_length(v), missing;
    Buf b = BUF_OF(call->cx);
    size_t at = 0;

    if (length < 0)
        length = 0;
    if (have >= length || fill.bytes == 0) {
        *out = value_var(v.data, text_offset(v, MIN_OF(have, (int64_t)length)));
        return ST_OK;
    }
    if ((int64_t)length * 4 > BUF_MOST_BYTES)
        return fail_too_large(call->cx);
    missing = length - have;
    if (!left)
        buf_add(&b, v.data, v.bytes);
    for (; missing > 0; missing--) {
        int n = utf8_char_bytes(fill.data[at]);

        buf_add(&b, fill.data + at, (size_t)n);
        at += (size_t)n;
        if (at >= fill.bytes)
            at = 0;
    }
    if (left)
        buf_add(&b, v.data, v.bytes);
    return value_from_buf(call->cx, &b, out);
}

SCALAR_FN(lpad)
{
    return pad(call, args[0].var, args[1].i32, call->arg_count > 2 ? args[2].var : (VarRef){" ", 1}, true, out);
}

SCALAR_FN(rpad)
{
    return pad(call, args[0].var, args[1].i32, call->arg_count > 2 ? args[2].var : (VarRef){" ", 1}, false,
               out);
}

SCALAR_FN(repeat)
{
    VarRef v = args[0].var;
    int64_t n = MAX_OF(args[1].i32, 0);
    char *p;

    if (n * v.bytes > BUF_MOST_BYTES)
        return fail_too_large(call->cx);
    p = arena_try_alloc(call->cx->arena, (size_t)n * v.bytes);
    if (p == NULL)
        return fail(call->cx, ST_NO_MEMORY, "53200", "out of memory");
    for (int64_t i = 0; i < n; i++)
        memcpy(p + i * v.bytes, v.data, v.bytes);
    *out = value_var(p, (size_t)n * v.bytes);
    return ST_OK;
}

SCALAR_FN(text_reverse)
{
    VarRef v = args[0].var;
    char *to = arena_alloc(call->cx->arena, v.bytes), *p = to + v.bytes;

    for (size_t i = 0; i < v.bytes;) {
        size_t n = (size_t)utf8_char_bytes(v.data[i]);

        p -= n;
        memcpy(p, v.data + i, n);
        i += n;
    }
    *out = value_var(to, v.bytes);
    return ST_OK;
}

/* --- trimming --------------------------------------------------------------------------------------------------------------------------- */
static bool
in_set(const char *c, int bytes, VarRef set)
{
    for (size_t i = 0; i < set.bytes; i += (size_t)utf8_char_bytes(set.data[i]))
        if (utf8_char_bytes(set.data[i]) == bytes && memcmp(c, set.data + i, (size_t)bytes) == 0)
            return true;
    return false;
}

static Status
trim(VarRef v, VarRef set, bool left, bool right, Value *out)
{
    while (left && v.bytes > 0) {
        int n = utf8_char_bytes(v.data[0]);

        if (!in_set(v.data, n, set))
            break;
        v.data += n;
        v.bytes -= (uint32_t)n;
    }
    while (right && v.bytes > 0) {
        uint32_t at = v.bytes - 1;

        while (((unsigned char)v.data[at] & 0xc0) == 0x80)
            at--;
        if (!in_set(v.data + at, (int)(v.bytes - at), set))
            break;
        v.bytes = at;
    }
    *out = value_var(v.data, v.bytes);
    return ST_OK;
}

static const VarRef blank = {" ", 1};

#define TRIM(name, left, right)                                                                                \
    SCALAR_FN(name)                                                                                            \
    {                                                                                                          \
        return trim(args[0].var, args[1].var, left, right, out);                                               \
    }                                                                                                          \
    SCALAR_FN(name##1)                                                                                         \
    {                                                                                                          \
        return trim(args[0].var, blank, left, right, out);                                                     \
    }
TRIM(btrim, true, true)
TRIM(ltrim, true, false)
TRIM(rtrim, false, true)

/* translate(text, from, to): character by character; those without a counterpart go */
SCALAR_FN(translate)
{
    VarRef v = args[0].var, from = args[1].var, to = args[2].var;
    Buf b = BUF_OF(call->cx);

    for (size_t i = 0; i < v.bytes;) {
        int n = utf8_char_bytes(v.data[i]);
        int64_t index = 0;
        bool found = false;

        for (size_t k = 0; k < from.bytes && !found; k += (size_t)utf8_char_bytes(from.data[k])) {
            found = utf8_char_bytes(from.data[k]) == n && memcmp(from.data + k, v.data + i, (size_t)n) == 0;
            index += !found;
        }
        if (!found) {
            buf_add(&b, v.data + i, (size_t)n);
        } else {
            size_t at = text_offset(to, index);

            if (at < to.bytes)
                buf_add(&b, to.data + at, (size_t)utf8_char_bytes(to.data[at]));
        }
        i += (size_t)n;
    }
    return value_from_buf(call->cx, &b, out);
}

/* --- characters and numbers -------------------------------------------------------------------------------------------------------------- */
SCALAR_FN(ascii)
{
    int n;

    out->i32 = args[0].var.bytes == 0 ? 0 : (int32_t)utf8_decode(args[0].var.data, &n);
    return ST_OK;
}

SCALAR_FN(chr)
{
    char *p = arena_alloc(call->cx->arena, 4);
    int32_t c = args[0].i32;
    int n;

    if (c < 0)
        return fail(call->cx, ST_ERROR, "22023", "character number must be positive");
    if (c == 0)
        return fail(call->cx, ST_ERROR, "54000", "null character not permitted");
    if (c > 0x10ffff)
        return fail(call->cx, ST_ERROR, "54000", "requested character too large for encoding: %u", (unsigned)c);
    n = utf8_encode((uint32_t)c, p);
    if (n == 0)
        return fail(call->cx, ST_ERROR, "54000", "requested character not valid for encoding: %u", (unsigned)c);
    *out = value_var(p, (size_t)n);
    return ST_OK;
}

static bool
hex_digits(const char *p, size_t count, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        char c = to_lower(p[i]);

        if (!is_digit(c) && (c < 'a' || c > 'f'))
            return false;
        *out = *out * 16 + (uint32_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX, \\ */
SCALAR_FN(unistr)
{
    static const struct {
        const char *prefix;
        uint8_t prefix_bytes, digits;
    } forms[] = {{"u", 1, 4}, {"U", 1, 8}, {"+", 1, 6}, {"", 0, 4}};
    VarRef v = args[0].var;
    Buf b = BUF_OF(call->cx);
    uint32_t high = 0;

    for (size_t i = 0; i < v.bytes;) {
        uint32_t code = 0;
        bool found = false;
        char utf8[4];

        if (v.data[i] != '\\' || (i + 1 < v.bytes && v.data[i + 1] == '\\')) {
            if (high != 0)
                break;
            buf_add_char(&b, v.data[i]);
            i += v.data[i] == '\\' ? 2 : 1;
            continue;
        }
        for (size_t k = 0; k < COUNT_OF(forms) && !found; k++) {
            size_t digits_at = i + 1 + forms[k].prefix_bytes;

            if (digits_at + forms[k].digits <= v.bytes &&
                memcmp(v.data + i + 1, forms[k].prefix, forms[k].prefix_bytes) == 0 &&
                hex_digits(v.data + digits_at, forms[k].digits, &code)) {
                found = true;
                i = digits_at + forms[k].digits;
            }
        }
        if (!found) {
            buf_free(&b);
            fail(call->cx, ST_ERROR, "42601", "invalid Unicode escape");
            fail_hint(call->cx, "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
            return ST_ERROR;
        }
        if (code == 0 || code > 0x10ffff) {
            buf_free(&b);
            return fail(call->cx, ST_ERROR, "22023", "invalid Unicode code point: %04X", code);
        }
        if (high != 0) {
            if (code < 0xdc00 || code > 0xdfff)
                break;
            code = 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff);
            high = 0;
        } else if (code >= 0xd800 && code <= 0xdbff) {
            high = code;
            continue;
        } else if (code >= 0xdc00 && code <= 0xdfff) {
            high = code;
            break;
        }
        buf_add(&b, utf8, (size_t)utf8_encode(code, utf8));
    }
    if (high != 0) {
        buf_free(&b);
        return fail(call->cx, ST_ERROR, "42601", "invalid Unicode surrogate pair");
    }
    return value_from_buf(call->cx, &b, out);
}

/* --- text to array -------------------------------------------------------------------------------------------------------------------------- */
/* Calls for each field; a null separator means single characters, an empty one the whole text. */
typedef struct Splitter {
    VarRef text, separator;
    bool by_character, done;
    size_t at;
} Splitter;

static bool
next_field(Splitter *s, VarRef *field)
{
    int64_t next;
    size_t n;

    if (s->done)
        return false;
    if (s->by_character) {
        n = (size_t)utf8_char_bytes(s->text.data[s->at]);
        *field = (VarRef){s->text.data + s->at, (uint32_t)n};
        s->at += n;
        s->done = s->at >= s->text.bytes;
        return true;
    }
    next = s->separator.bytes == 0 ? -1 : text_find(s->text, s->separator, s->at);
    n = (next < 0 ? s->text.bytes : (size_t)next) - s->at;
    *field = (VarRef){s->text.data + s->at, (uint32_t)n};
    s->at += n + s->separator.bytes;
    s->done = next < 0;
    return true;
}

static Value
field_value(const Value *args, int arg_count, VarRef field)
{
    if (arg_count > 2 && !args[2].is_null && cmp_bytes(args[2].var, field) == 0)
        return value_null();
    return value_var(field.data, field.bytes);
}

static Splitter
split(const Value *args)
{
    return (Splitter){.text = args[0].var,
                      .separator = args[1].is_null ? (VarRef){"", 0} : args[1].var,
                      .by_character = args[1].is_null,
                      .done = args[0].var.bytes == 0};
}

SCALAR_FN(text_to_array)
{
    Splitter s;
    Value *values;
    uint32_t count = 0, capacity = 16;
    VarRef field;

    if (args[0].is_null) {
        *out = value_null();
        return ST_OK;
    }
    s = split(args);
    values = arena_alloc(call->cx->arena, sizeof(Value) * capacity);
    while (next_field(&s, &field)) {
        if (count == capacity) {
            Value *bigger = arena_alloc(call->cx->arena, sizeof(Value) * 2 * capacity);

            memcpy(bigger, values, sizeof(Value) * count);
            values = bigger;
            capacity *= 2;
        }
        values[count++] = field_value(args, call->arg_count, field);
    }
    return array_from_values(call->cx, TYPE_TEXT, values, count, out);
}

/* The state is the byte to go on at, plus one; the last field leaves a mark past the end. */
SERIES_FN(text_to_table)
{
    uintptr_t at = (uintptr_t)*call->state;
    Splitter s;
    VarRef field;

    *done = true;
    if (args[0].is_null)
        return ST_OK;
    s = split(args);
    if (at > 0) {
        s.at = at - 1;
        s.done = s.at > s.text.bytes || (s.by_character && s.at >= s.text.bytes);
    }
    if (!next_field(&s, &field))
        return ST_OK;
    *call->state = (void *)((s.done ? (uintptr_t)s.text.bytes + 1 : s.at) + 1);
    *out = field_value(args, call->arg_count, field);
    *done = false;
    return ST_OK;
}
