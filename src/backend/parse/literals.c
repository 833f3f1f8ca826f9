/* literals.c - see literals.h.
 *
 * Strings are as with standard_conforming_strings = on, which is all there is: a backslash is a character.
 *
 * What is taken: integers, decimals without exponent, and strings in single quotes without any prefix.
 * Left in the shape: everything within double quotes and dollar quotes, strings with a prefix (E, B, X, N,
 * U&), numbers that touch a letter. Given up: control characters (they would be mistaken for a class),
 * strings that are continued on another line, a second statement. */
#include "backend/parse/literals.h"

#include <string.h>

enum { SHAPE_INT4 = 1, SHAPE_INT8, SHAPE_NUMERIC, SHAPE_STRING };

typedef struct Scan {
    const char *sql, *at;
    char *to; /* end of the shape */
    LiteralText *out;
    int capacity;
    const char *minus; /* a '-' with nothing but blanks behind it so far */
    Arena *arena;
} Scan;

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Part of a name or number: what must not stand right before or behind a literal. */
static bool
is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool
add_literal(Scan *s, const char *end, Oid type, int class, bool doubled)
{
    LiteralText *out = s->out;

    if (out->count == LITERALS_MOST)
        return false;
    if (out->count == s->capacity) {
        int capacity = MAX_OF(8, s->capacity * 2);
        Literal *items = arena_alloc(s->arena, sizeof(*items) * (size_t)capacity);

        if (out->count > 0)
            memcpy(items, out->items, sizeof(*items) * (size_t)out->count);
        out->items = items;
        s->capacity = capacity;
    }
    out->items[out->count++] = (Literal){
        .at = (int)(s->at - s->sql),
        .bytes = (int)(end - s->at),
        .minus_at = s->minus != NULL ? (int)(s->minus - s->sql) : -1,
        .type = type,
        .doubled = doubled,
    };
    *s->to++ = (char)class;
    s->minus = NULL;
    s->at = end;
    return true;
}

static void
copy_until(Scan *s, const char *end)
{
    memcpy(s->to, s->at, (size_t)(end - s->at));
    s->to += end - s->at;
    s->at = end;
    s->minus = NULL;
}

/* 12, 12.5, .5, 12. and nothing else that begins like one. */
static bool
scan_number(Scan *s)
{
    const char *p = s->at;
    size_t digits;
    bool whole = true;

    while (is_digit(*p))
        p++;
    digits = (size_t)(p - s->at);
    if (*p == '.' && p[1] != '.') {
        whole = false;
        for (p++; is_digit(*p); p++)
            continue;
    }
    if (is_word(*p) || *p == '.') { /* 1e5, 1x, 1..2, 1.2.3: not ours to judge */
        while (is_word(*p) || *p == '.')
            p++;
        copy_until(s, p);
        return true;
    }
    if (whole && digits <= 18) {
        int64_t v = 0;

        for (size_t i = 0; i < digits; i++)
            v = v * 10 + (s->at[i] - '0');
        return v <= INT32_MAX ? add_literal(s, p, TYPE_INT4, SHAPE_INT4, false)
                              : add_literal(s, p, TYPE_INT8, SHAPE_INT8, false);
    }
    if (whole) { /* perhaps int8, perhaps numeric */
        copy_until(s, p);
        return true;
    }
    return add_literal(s, p, TYPE_NUMERIC, SHAPE_NUMERIC, false);
}

/* The end of a quoted thing in which the quote is doubled to stand for itself; NULL: it has none. */
static const char *
quoted_end(const char *p, char quote, bool *doubled)
{
    *doubled = false;
    for (;;) {
        p = strchr(p, quote);
        if (p == NULL)
            return NULL;
        if (p[1] != quote)
            return p + 1;
        *doubled = true;
        p += 2;
    }
}

static bool
scan_string(Scan *s)
{
    bool doubled, new_line = false;
    const char *end = quoted_end(s->at + 1, '\'', &doubled), *p;

    if (end == NULL)
        return false;
    for (p = end; is_blank(*p); p++)
        new_line |= *p == '\n' || *p == '\r';
    if (new_line && (*p == '\'' || *p == '-')) /* the grammar joins strings across lines */
        return false;
    return add_literal(s, end, TYPE_UNKNOWN, SHAPE_STRING, doubled);
}

/* A name, keyword or parameter, with the string it may be the prefix of. */
static bool
scan_word(Scan *s)
{
    const char *p = s->at;
    bool doubled;

    while (is_word(*p))
        p++;
    if (*p == '\'' || (*p == '&' && p[1] == '\'')) /* E'..' and its kin; backslashes may hide a quote */
        return false;
    if (*p == '&' && p[1] == '"') {
        p = quoted_end(p + 2, '"', &doubled);
        if (p == NULL)
            return false;
    }
    copy_until(s, p);
    return true;
}

/* Comments do not count: each is a blank. */
static bool
scan_comment(Scan *s)
{
    const char *p = s->at + 2;
    int depth = 1;

    *s->to++ = ' ';
    if (*s->at == '-') {
        p += strcspn(p, "\r\n");
    } else {
        for (; depth > 0; p++) {
            if (*p == '\0')
                return false;
            if (p[0] == '/' && p[1] == '*') {
                depth++;
                p++;
            } else if (p[0] == '*' && p[1] == '/') {
                depth--;
                p++;
            }
        }
    }
    s->at = p;
    s->minus = NULL; /* the grammar would still see "- 1"; we need not */
    return true;
}

static bool
scan_one(Scan *s)
{
    char c = *s->at;

    if (is_blank(c)) {
        *s->to++ = *s->at++;
        return true;
    }
    if ((unsigned char)c < ' ' || c == 0x7f)
        return false;
    if (is_digit(c) || (c == '.' && is_digit(s->at[1])))
        return scan_number(s);
    if (is_word(c))
        return c != '$' || is_digit(s->at[1]) ? scan_word(s) : false;
    if (c == '\'')
        return scan_string(s);
    if (c == '"') {
        bool doubled;
        const char *end = quoted_end(s->at + 1, '"', &doubled);

        if (end == NULL)
            return false;
        copy_until(s, end);
        return true;
    }
    if ((c == '-' && s->at[1] == '-') || (c == '/' && s->at[1] == '*'))
        return scan_comment(s);
    if (c == ';') {
        s->at++;
        while (is_blank(*s->at))
            s->at++;
        return *s->at == '\0';
    }
    s->minus = c == '-' ? s->at : NULL;
    *s->to++ = *s->at++;
    return true;
}

bool
literals_take(Arena *arena, const char *sql, LiteralText *out)
{
    size_t bytes = strlen(sql);
    char *shape = arena_alloc(arena, bytes + 1);
    Scan s = {.sql = sql, .at = sql, .to = shape, .out = out, .arena = arena};

    *out = (LiteralText){.sql = sql, .shape = shape};
    while (*s.at != '\0') {
        if (!scan_one(&s))
            return false;
    }
    out->shape_bytes = (size_t)(s.to - shape);
    return true;
}

Literal *
literals_find(const LiteralText *text, int location)
{
    int low = 0, high = text->count;

    if (location < 0)
        return NULL;
    while (low < high) { /* the first one that does not end before the place */
        int mid = (low + high) / 2;

        if (text->items[mid].at < location)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == text->count)
        return NULL;
    if (text->items[low].at == location || text->items[low].minus_at == location)
        return &text->items[low];
    return NULL;
}

bool
literal_same(const LiteralText *a, const LiteralText *b, int i)
{
    const Literal *x = &a->items[i], *y = &b->items[i];

    return x->bytes == y->bytes && (x->minus_at < 0) == (y->minus_at < 0) &&
           memcmp(a->sql + x->at, b->sql + y->at, (size_t)x->bytes) == 0;
}

static VarRef
string_of(Arena *arena, const char *text, const Literal *l)
{
    const char *p = text + l->at + 1;
    uint32_t bytes = (uint32_t)l->bytes - 2, n = 0;
    char *copy;

    if (!l->doubled)
        return (VarRef){p, bytes};
    copy = arena_alloc(arena, bytes + 1);
    for (uint32_t i = 0; i < bytes; i++) {
        copy[n++] = p[i];
        i += p[i] == '\'';
    }
    return (VarRef){copy, n};
}

Status
literal_value(Ctx *cx, const LiteralText *text, int i, bool negative, const TypeInfo *type, Value *out)
{
    const Literal *l = &text->items[i];
    const char *p = text->sql + l->at;

    if (l->type == TYPE_UNKNOWN) {
        VarRef v = string_of(cx->arena, text->sql, l);

        if (type->oid == TYPE_TEXT) {
            *out = value_var(v.data, v.bytes);
            return ST_OK;
        }
        return type->in(cx, type, v.data, v.bytes, -1, out);
    }
    if (l->type == TYPE_NUMERIC) {
        if (negative)
            p = arena_printf(cx->arena, "-%.*s", l->bytes, p);
        return type->in(cx, type, p, (size_t)l->bytes + negative, -1, out);
    }
    {
        int64_t v = 0;

        for (int k = 0; k < l->bytes; k++)
            v = v * 10 + (p[k] - '0');
        v = negative ? -v : v;
        *out = l->type == TYPE_INT4 ? value_i32((int32_t)v) : value_i64(v);
    }
    return ST_OK;
}
