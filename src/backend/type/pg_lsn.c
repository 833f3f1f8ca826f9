/* pg_lsn.c - a place in the log: two hexadecimal numbers of 32 bits. Distances are numeric. */
#include "backend/type/type_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/numeric.h"
#include "base/hash.h"

/* 1 to 8 digits; their number, 0 = there are none or too many. */
static size_t
hex_digits(const char *p)
{
    size_t n = strspn(p, "0123456789abcdefABCDEF");

    return n <= 8 ? n : 0;
}

TYPE_IN(pg_lsn)
{
    char copy[20];
    size_t first, second;

    if (bytes >= sizeof(copy))
        return fail_syntax(cx, "pg_lsn", text, bytes);
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    first = hex_digits(copy);
    if (first == 0 || copy[first] != '/')
        return fail_syntax(cx, "pg_lsn", text, bytes);
    second = hex_digits(copy + first + 1);
    if (second == 0 || first + 1 + second != bytes)
        return fail_syntax(cx, "pg_lsn", text, bytes);
    *out = value_i64((int64_t)(strtoull(copy, NULL, 16) << 32 | strtoull(copy + first + 1, NULL, 16)));
    return ST_OK;
}

TYPE_OUT(pg_lsn)
{
    buf_printf(to, "%X/%X", (uint32_t)((uint64_t)v->i64 >> 32), (uint32_t)v->i64);
    return ST_OK;
}

TYPE_RECV(pg_lsn)
{
    return int8_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(pg_lsn)
{
    return int8_send(cx, type, v, to);
}

TYPE_COMPARE(pg_lsn)
{
    uint64_t x = (uint64_t)a->i64, y = (uint64_t)b->i64;

    return (x > y) - (x < y);
}

TYPE_HASH(pg_lsn)
{
    return hash_u64((uint64_t)v->i64);
}

TYPE_KEY(pg_lsn)
{
    buf_add_u64(to, (uint64_t)v->i64);
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------- */

static Status
to_numeric(Ctx *cx, uint64_t n, Value *out)
{
    const char *text = arena_printf(cx->arena, "%llu", (unsigned long long)n);

    return numeric_parse(cx, text, strlen(text), out);
}

static Status
from_numeric(Ctx *cx, const Value *v, Value *out)
{
    Value rounded;
    char *text, *end;
    uint64_t lsn;

    if (numeric_is_nan(v))
        return fail(cx, ST_ERROR, "0A000", "cannot convert NaN to pg_lsn");
    if (numeric_is_special(v))
        return fail(cx, ST_ERROR, "0A000", "cannot convert infinity to pg_lsn");
    TRY(numeric_round_to(cx, v, 0, &rounded));
    text = numeric_text(cx->arena, &rounded);
    errno = 0;
    lsn = strtoull(text, &end, 10);
    if (text[0] == '-' || errno == ERANGE)
        return fail(cx, ST_ERROR, "22023", "pg_lsn out of range");
    *out = value_i64((int64_t)lsn);
    return ST_OK;
}

SCALAR_FN(pg_lsn_mi)
{
    Value a, b;

    TRY(to_numeric(call->cx, (uint64_t)args[0].i64, &a));
    TRY(to_numeric(call->cx, (uint64_t)args[1].i64, &b));
    return numeric_sub_values(call->cx, &a, &b, out);
}

static Status
move(Ctx *cx, const Value *lsn, const Value *by, bool back, Value *out)
{
    Value at;

    if (numeric_is_nan(by))
        return fail(cx, ST_ERROR, "0A000",
                    back ? "cannot subtract NaN from pg_lsn" : "cannot add NaN to pg_lsn");
    TRY(to_numeric(cx, (uint64_t)lsn->i64, &at));
    TRY(back ? numeric_sub_values(cx, &at, by, &at) : numeric_add_values(cx, &at, by, &at));
    return from_numeric(cx, &at, out);
}

SCALAR_FN(pg_lsn_pli)
{
    return move(call->cx, &args[0], &args[1], false, out);
}

SCALAR_FN(numeric_pl_pg_lsn)
{
    return move(call->cx, &args[1], &args[0], false, out);
}

SCALAR_FN(pg_lsn_mii)
{
    return move(call->cx, &args[0], &args[1], true, out);
}

SCALAR_FN(numeric_pg_lsn)
{
    return from_numeric(call->cx, &args[0], out);
}
