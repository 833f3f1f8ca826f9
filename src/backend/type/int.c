/* int.c - int2, int4, int8: forms, and the functions that have no kernel (kernels_body.h has the hot
 * ones). */
#include "backend/type/type_int.h"

#include "base/hash.h"

/* --- forms ---------------------------------------------------------------------------------------- */
static Status
parse_int(Ctx *cx, const char *type_name, const char *text, size_t bytes, int64_t low, int64_t high,
          int64_t *out)
{
    int64_t v = 0;
    int rc = parse_i64(text, bytes, &v);

    if (rc < 0)
        return fail_syntax(cx, type_name, text, bytes);
    if (rc > 0 || v < low || v > high)
        return fail_range(cx, type_name, text, bytes);
    *out = v;
    return ST_OK;
}

TYPE_IN(int2)
{
    int64_t v = 0;

    TRY(parse_int(cx, "smallint", text, bytes, INT16_MIN, INT16_MAX, &v));
    *out = (Value){.i16 = (int16_t)v, .phys = PHYS_I16};
    return ST_OK;
}

TYPE_IN(int4)
{
    int64_t v = 0;

    TRY(parse_int(cx, "integer", text, bytes, INT32_MIN, INT32_MAX, &v));
    *out = value_i32((int32_t)v);
    return ST_OK;
}

TYPE_IN(int8)
{
    int64_t v = 0;

    TRY(parse_int(cx, "bigint", text, bytes, INT64_MIN, INT64_MAX, &v));
    *out = value_i64(v);
    return ST_OK;
}

TYPE_OUT(int2)
{
    buf_add_int(to, v->i16);
    return ST_OK;
}

TYPE_OUT(int4)
{
    buf_add_int(to, v->i32);
    return ST_OK;
}

TYPE_OUT(int8)
{
    buf_add_int(to, v->i64);
    return ST_OK;
}

TYPE_RECV(int2)
{
    if (bytes != 2)
        return fail_binary(cx, type);
    *out = (Value){.i16 = (int16_t)get_be16(data), .phys = PHYS_I16};
    return ST_OK;
}

TYPE_RECV(int4)
{
    if (bytes != 4)
        return fail_binary(cx, type);
    *out = value_i32((int32_t)get_be32(data));
    return ST_OK;
}

TYPE_RECV(int8)
{
    if (bytes != 8)
        return fail_binary(cx, type);
    *out = value_i64((int64_t)get_be64(data));
    return ST_OK;
}

TYPE_SEND(int2)
{
    buf_add_u16(to, (uint16_t)v->i16);
    return ST_OK;
}

TYPE_SEND(int4)
{
    buf_add_u32(to, (uint32_t)v->i32);
    return ST_OK;
}

TYPE_SEND(int8)
{
    buf_add_u64(to, (uint64_t)v->i64);
    return ST_OK;
}

TYPE_COMPARE(int2)
{
    return cmp_i64(a->i16, b->i16);
}

TYPE_COMPARE(int4)
{
    return cmp_i64(a->i32, b->i32);
}

TYPE_COMPARE(int8)
{
    return cmp_i64(a->i64, b->i64);
}

/* The three hash alike, so that a hash join of int4 with int8 needs no cast. */
TYPE_HASH(int2)
{
    return hash_u64((uint64_t)(int64_t)v->i16);
}

TYPE_HASH(int4)
{
    return hash_u64((uint64_t)(int64_t)v->i32);
}

TYPE_HASH(int8)
{
    return hash_u64((uint64_t)v->i64);
}

TYPE_KEY(int2)
{
    buf_add_u16(to, (uint16_t)(v->i16 ^ INT16_MIN));
}

TYPE_KEY(int4)
{
    buf_add_u32(to, (uint32_t)v->i32 ^ UINT32_C(1) << 31);
}

TYPE_KEY(int8)
{
    key_add_i64(to, v->i64);
}

/* --- bits ----------------------------------------------------------------------------------------- */
#define BIT_FUNCTIONS(type, member, ctype, utype, mask)                                                        \
    SCALAR_FN(type##and)                                                                                       \
    {                                                                                                          \
        out->member = (ctype)(args[0].member & args[1].member);                                                \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    SCALAR_FN(type## or)                                                                                       \
    {                                                                                                          \
        out->member = (ctype)(args[0].member | args[1].member);                                                \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    SCALAR_FN(type## xor)                                                                                      \
    {                                                                                                          \
        out->member = (ctype)(args[0].member ^ args[1].member);                                                \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    SCALAR_FN(type##not )                                                                                      \
    {                                                                                                          \
        out->member = (ctype)~args[0].member;                                                                  \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    /* the processor takes the distance modulo the width, and so does PostgreSQL */                            \
    SCALAR_FN(type##shl)                                                                                       \
    {                                                                                                          \
        out->member = (ctype)((utype)args[0].member << (args[1].i32 & (mask)));                                \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    SCALAR_FN(type##shr)                                                                                       \
    {                                                                                                          \
        out->member = (ctype)(args[0].member >> (args[1].i32 & (mask)));                                       \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    SCALAR_FN(type##up)                                                                                        \
    {                                                                                                          \
        out->member = args[0].member;                                                                          \
        return ST_OK;                                                                                          \
    }

BIT_FUNCTIONS(int2, i16, int16_t, uint32_t, 31)
BIT_FUNCTIONS(int4, i32, int32_t, uint32_t, 31)
BIT_FUNCTIONS(int8, i64, int64_t, uint64_t, 63)

/* --- absolute value, gcd, lcm, ... ---------------------------------------------------------------- */
SCALAR_FN(int2abs)
{
    if (args[0].i16 == INT16_MIN)
        return fail_int_range(call->cx, "smallint");
    out->i16 = (int16_t)(args[0].i16 < 0 ? -args[0].i16 : args[0].i16);
    return ST_OK;
}

SCALAR_FN(int4abs)
{
    if (args[0].i32 == INT32_MIN)
        return fail_int_range(call->cx, "integer");
    out->i32 = args[0].i32 < 0 ? -args[0].i32 : args[0].i32;
    return ST_OK;
}

SCALAR_FN(int8abs)
{
    if (args[0].i64 == INT64_MIN)
        return fail_int_range(call->cx, "bigint");
    out->i64 = args[0].i64 < 0 ? -args[0].i64 : args[0].i64;
    return ST_OK;
}

static uint64_t
gcd_u64(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static uint64_t
magnitude(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

SCALAR_FN(int4gcd)
{
    uint64_t g = gcd_u64(magnitude(args[0].i32), magnitude(args[1].i32));

    if (g > INT32_MAX)
        return fail_int_range(call->cx, "integer");
    out->i32 = (int32_t)g;
    return ST_OK;
}

SCALAR_FN(int8gcd)
{
    uint64_t g = gcd_u64(magnitude(args[0].i64), magnitude(args[1].i64));

    if (g > INT64_MAX)
        return fail_int_range(call->cx, "bigint");
    out->i64 = (int64_t)g;
    return ST_OK;
}

SCALAR_FN(int4lcm)
{
    uint64_t a = magnitude(args[0].i32), b = magnitude(args[1].i32), m;

    m = a == 0 || b == 0 ? 0 : a / gcd_u64(a, b) * b;
    if (m > INT32_MAX)
        return fail_int_range(call->cx, "integer");
    out->i32 = (int32_t)m;
    return ST_OK;
}

SCALAR_FN(int8lcm)
{
    uint64_t a = magnitude(args[0].i64), b = magnitude(args[1].i64), m = 0;

    if (a != 0 && b != 0 && (__builtin_mul_overflow(a / gcd_u64(a, b), b, &m) || m > INT64_MAX))
        return fail_int_range(call->cx, "bigint");
    out->i64 = (int64_t)m;
    return ST_OK;
}

SCALAR_FN(int4inc)
{
    if (__builtin_add_overflow(args[0].i32, 1, &out->i32))
        return fail_int_range(call->cx, "integer");
    return ST_OK;
}

SCALAR_FN(int8inc)
{
    if (__builtin_add_overflow(args[0].i64, 1, &out->i64))
        return fail_int_range(call->cx, "bigint");
    return ST_OK;
}

SCALAR_FN(int8dec)
{
    if (__builtin_sub_overflow(args[0].i64, 1, &out->i64))
        return fail_int_range(call->cx, "bigint");
    return ST_OK;
}

/* --- text ----------------------------------------------------------------------------------------- */
static Status
to_hex(Ctx *cx, uint64_t v, Value *out)
{
    char *text = arena_printf(cx->arena, "%llx", (unsigned long long)v);

    *out = value_var(text, strlen(text));
    return ST_OK;
}

SCALAR_FN(to_hex32)
{
    return to_hex(call->cx, (uint32_t)args[0].i32, out);
}

SCALAR_FN(to_hex64)
{
    return to_hex(call->cx, (uint64_t)args[0].i64, out);
}

/* --- window frames -------------------------------------------------------------------------------- */
/* in_range(value, base, offset, sub, less): is value on the right side of base -/+ offset? */
static Status
in_range(FnCall *call, int64_t value, int64_t base, int64_t offset, bool sub, bool less, Value *out)
{
    int64_t edge;

    if (offset < 0)
        return fail(call->cx, ST_ERROR, "22013", "invalid preceding or following size in window function");
    /* an edge beyond the numbers is beyond every value */
    if (sub ? __builtin_sub_overflow(base, offset, &edge) : __builtin_add_overflow(base, offset, &edge))
        out->b = sub ? !less : less;
    else
        out->b = less ? value <= edge : value >= edge;
    return ST_OK;
}

static int64_t
as_i64(const Value *v)
{
    return v->phys == PHYS_I16 ? v->i16 : v->phys == PHYS_I32 ? v->i32 : v->i64;
}

SCALAR_FN(in_range_int)
{
    return in_range(call, as_i64(&args[0]), as_i64(&args[1]), as_i64(&args[2]), args[3].b, args[4].b, out);
}
