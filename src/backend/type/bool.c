/* bool.c - boolean. */
#include "backend/type/type_int.h"

#include <string.h>

#include "base/hash.h"

/* Any unambiguous beginning of true, false, yes, no, on, off; 1 and 0. */
static int
parse_bool(const char *text, size_t bytes)
{
    static const struct {
        const char *word;
        size_t least;
        int value;
    } words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0},
                 {"on", 2, 1},   {"off", 2, 0},   {"1", 1, 1},   {"0", 1, 0}};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = 0;

        while (n < bytes && words[i].word[n] != '\0' && to_lower(text[n]) == words[i].word[n])
            n++;
        if (n == bytes && n >= words[i].least)
            return words[i].value;
    }
    return -1;
}

TYPE_IN(boolean)
{
    size_t from = 0, upto = bytes;
    int b;

    while (from < upto && is_space(text[from]))
        from++;
    while (upto > from && is_space(text[upto - 1]))
        upto--;
    b = parse_bool(text + from, upto - from);
    if (b < 0)
        return fail_syntax(cx, "boolean", text, bytes);
    *out = value_bool(b != 0);
    return ST_OK;
}

TYPE_OUT(boolean)
{
    buf_add_char(to, v->b ? 't' : 'f');
    return ST_OK;
}

TYPE_RECV(boolean)
{
    if (bytes != 1)
        return fail_binary(cx, type);
    *out = value_bool(*(const char *)data != 0);
    return ST_OK;
}

TYPE_SEND(boolean)
{
    buf_add_char(to, v->b ? 1 : 0);
    return ST_OK;
}

TYPE_COMPARE(boolean)
{
    return (int)a->b - (int)b->b;
}

TYPE_HASH(boolean)
{
    return hash_u64(v->b);
}

TYPE_KEY(boolean)
{
    buf_add_char(to, v->b ? 1 : 0);
}

SCALAR_FN(int4_bool)
{
    out->b = args[0].i32 != 0;
    return ST_OK;
}

SCALAR_FN(bool_int4)
{
    out->i32 = args[0].b;
    return ST_OK;
}

SCALAR_FN(booltext)
{
    *out = args[0].b ? value_var("true", 4) : value_var("false", 5);
    return ST_OK;
}

SCALAR_FN(booland_statefunc)
{
    out->b = args[0].b && args[1].b;
    return ST_OK;
}

SCALAR_FN(boolor_statefunc)
{
    out->b = args[0].b || args[1].b;
    return ST_OK;
}
