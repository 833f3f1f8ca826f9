/* float.c - float4 and float8: forms, order, casts. Arithmetic is in kernels_body.h, mathematics in
 * float_math.c.
 *
 * The text form is the shortest one that reads back as the same number. Nearly every number people
 * store has few digits, and for those it is enough to scale by a power of ten and check: with at most
 * 15 digits the decimal number is unique. The rest goes through printf with rising precision. */
#include "backend/type/type_int.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/float.h"
#include "base/hash.h"

/* --- reading --------------------------------------------------------------------------------------- */
Status
float_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes, bool single, double *out)
{
    size_t from = 0, upto = bytes;
    char small[64], *copy = small, *end;
    double v;
    float narrow = 0;

    while (from < upto && is_space(text[from]))
        from++;
    while (upto > from && is_space(text[upto - 1]))
        upto--;
    if (upto - from >= sizeof(small))
        copy = arena_alloc(cx->arena, upto - from + 1);
    memcpy(copy, text + from, upto - from);
    copy[upto - from] = '\0';
    errno = 0;
    if (single)
        v = narrow = strtof(copy, &end);
    else
        v = strtod(copy, &end);
    if (end == copy || *end != '\0')
        return fail_syntax(cx, type_name, text, bytes);
    /* a number may be denormal, but not vanish */
    if (errno == ERANGE && (v == 0 || isinf(v)))
        return fail(cx, ST_ERROR, "22003", "\"%s\" is out of range for type %s", copy, type_name);
    *out = v;
    return ST_OK;
}

TYPE_IN(float4)
{
    double v;

    TRY(float_parse(cx, "real", text, bytes, true, &v));
    *out = (Value){.f32 = (float)v, .phys = PHYS_F32};
    return ST_OK;
}

TYPE_IN(float8)
{
    double v;

    TRY(float_parse(cx, "double precision", text, bytes, false, &v));
    *out = (Value){.f64 = v, .phys = PHYS_F64};
    return ST_OK;
}

/* --- showing --------------------------------------------------------------------------------------- */
/* A decimal number 0.d1d2d3... * 10^point */
typedef struct Decimal {
    char digits[32];
    int count, point;
} Decimal;

static void
decimal_from_printf(Decimal *d, double v, int precision, bool trim)
{
    char text[48];
    char *p = text;

    snprintf(text, sizeof(text), "%.*e", precision - 1, v);
    d->count = 0;
    for (; *p != 'e'; p++)
        if (is_digit(*p))
            d->digits[d->count++] = *p;
    d->point = atoi(p + 1) + 1;
    while (trim && d->count > 1 && d->digits[d->count - 1] == '0')
        d->count--;
}

/* True when v is n / 10^k with few enough digits to be sure that none shorter exists. */
static bool
decimal_by_scaling(Decimal *d, double v)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    char text[24];

    if (v >= 1e15 || v < 1e-4)
        return false;
    for (size_t k = 0; k < COUNT_OF(tens); k++) {
        double scaled = v * tens[k];
        uint64_t n;

        if (scaled >= 1e15)
            return false;
        n = (uint64_t)(scaled + 0.5);
        if ((double)n / tens[k] == v) {
            d->count = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
            memcpy(d->digits, text, (size_t)d->count);
            d->point = d->count - (int)k;
            while (d->count > 1 && d->digits[d->count - 1] == '0')
                d->count--;
            return true;
        }
    }
    return false;
}

/* A decimal number in the middle between v and its neighbour reads back as v by the rule of ties alone;
 * PostgreSQL wants better than that. In the middle means: a binary fraction of one bit more than v has,
 * which a decimal number of up to 17 digits can only be for small powers of ten. */
static bool
decimal_is_tie(const Decimal *d, double v, bool single)
{
    uint64_t digits = 0, five = 1;
    int exponent = d->point - d->count, bits = 0;
    long double exact, between_up, between_down;
    char text[64];

    if (exponent < -24 || exponent > 23)
        return false;
    for (int i = 0; i < d->count; i++)
        digits = digits * 10 + (uint64_t)(d->digits[i] - '0');
    for (int i = 0; i < abs(exponent); i++)
        five *= 5;
    if (exponent < 0 && digits % five != 0)
        return false;
    for (uint64_t odd = digits >> __builtin_ctzll(digits); odd > 0; odd >>= 1)
        bits++;
    if (exponent >= 0)
        for (uint64_t f = five; f > 0; f >>= 1)
            bits++;
    if (bits > 64)
        return false;
    snprintf(text, sizeof(text), "0.%.*se%d", d->count, d->digits, d->point);
    exact = strtold(text, NULL);
    between_up = single ? nextafterf((float)v, INFINITY) : nextafter(v, INFINITY);
    between_up = (v + between_up) / 2;
    between_down = single ? nextafterf((float)v, 0) : nextafter(v, 0);
    between_down = (v + between_down) / 2;
    return exact == between_up || exact == between_down;
}

static bool
decimal_reads_back(const Decimal *d, double v, bool single)
{
    char text[64];

    snprintf(text, sizeof(text), "0.%.*se%d", d->count, d->digits, d->point);
    if (single)
        return strtof(text, NULL) == (float)v && !decimal_is_tie(d, v, true);
    return strtod(text, NULL) == v && !decimal_is_tie(d, v, false);
}

/* One more in the last digit. */
static void
decimal_step_up(Decimal *d)
{
    int i = d->count - 1;

    while (i >= 0 && d->digits[i] == '9')
        i--;
    if (i < 0) {
        d->digits[0] = '1';
        d->count = 1;
        d->point++;
        return;
    }
    d->digits[i]++;
    d->count = i + 1;
}

/* Rising precision; numbers with few bits (denormal ones) may have few digits, the others have 15 for sure. */
static void
decimal_shortest(Decimal *d, double v, bool single)
{
    int most = single ? 9 : 17, least = single ? 6 : 15, exponent;
    bool power_of_two = frexp(v, &exponent) == 0.5;

    if (!single && decimal_by_scaling(d, v))
        return;
    if (v < (single ? (double)FLT_MIN : DBL_MIN))
        least = 1;
    for (int precision = least; precision <= most; precision++) {
        decimal_from_printf(d, v, precision, true);
        if (precision == most || decimal_reads_back(d, v, single))
            return;
        /* below a power of two the neighbour is closer than above: the nearest may fail, the next not */
        if (power_of_two) {
            decimal_from_printf(d, v, precision, false);
            decimal_step_up(d);
            if (decimal_reads_back(d, v, single))
                return;
        }
    }
}

static void
decimal_show(const Decimal *d, int most_fixed, Buf *to)
{
    int exponent = d->point - 1;

    if (exponent < -4 || exponent >= most_fixed) {
        buf_add_char(to, d->digits[0]);
        if (d->count > 1) {
            buf_add_char(to, '.');
            buf_add(to, d->digits + 1, (size_t)d->count - 1);
        }
        buf_printf(to, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (d->point <= 0) {
        buf_add_text(to, "0.");
        for (int i = d->point; i < 0; i++)
            buf_add_char(to, '0');
        buf_add(to, d->digits, (size_t)d->count);
        return;
    }
    for (int i = 0; i < MAX_OF(d->point, d->count); i++) {
        if (i == d->point)
            buf_add_char(to, '.');
        buf_add_char(to, i < d->count ? d->digits[i] : '0');
    }
}

void
float_show(double v, bool single, int extra_digits, Buf *to)
{
    Decimal d = {0};

    if (isnan(v)) {
        buf_add_text(to, "NaN");
        return;
    }
    if (isinf(v)) {
        buf_add_text(to, v > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (extra_digits <= 0) {
        int digits = (single ? FLT_DIG : DBL_DIG) + extra_digits;

        buf_printf(to, "%.*g", MAX_OF(digits, 1), v);
        return;
    }
    if (signbit(v))
        buf_add_char(to, '-');
    if (v == 0) {
        buf_add_char(to, '0');
        return;
    }
    decimal_shortest(&d, fabs(v), single);
    decimal_show(&d, single ? 6 : 15, to);
}

TYPE_OUT(float4)
{
    float_show(v->f32, true, format_of(cx)->extra_float_digits, to);
    return ST_OK;
}

TYPE_OUT(float8)
{
    float_show(v->f64, false, format_of(cx)->extra_float_digits, to);
    return ST_OK;
}

/* --- binary form, order, hash ---------------------------------------------------------------------- */
static uint32_t
float_bits(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    return bits;
}

static uint64_t
double_bits(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

TYPE_RECV(float4)
{
    uint32_t bits;

    if (bytes != 4)
        return fail_binary(cx, type);
    bits = get_be32(data);
    out->phys = PHYS_F32;
    out->is_null = false;
    memcpy(&out->f32, &bits, sizeof(bits));
    return ST_OK;
}

TYPE_RECV(float8)
{
    uint64_t bits;

    if (bytes != 8)
        return fail_binary(cx, type);
    bits = get_be64(data);
    out->phys = PHYS_F64;
    out->is_null = false;
    memcpy(&out->f64, &bits, sizeof(bits));
    return ST_OK;
}

TYPE_SEND(float4)
{
    buf_add_u32(to, float_bits(v->f32));
    return ST_OK;
}

TYPE_SEND(float8)
{
    buf_add_u64(to, double_bits(v->f64));
    return ST_OK;
}

/* NaN is equal to itself and above everything else. */
int
float_compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (int)isnan(a) - (int)isnan(b) != 0 ? (isnan(a) ? 1 : -1) : 0;
    return (a > b) - (a < b);
}

TYPE_COMPARE(float4)
{
    return float_compare(a->f32, b->f32);
}

TYPE_COMPARE(float8)
{
    return float_compare(a->f64, b->f64);
}

static double
canonical(double d)
{
    return isnan(d) ? (double)NAN : d == 0 ? 0.0 : d;
}

/* float4 hashes as the float8 it equals. */
TYPE_HASH(float4)
{
    return hash_u64(isnan(v->f32) ? 1 : double_bits(canonical(v->f32)));
}

TYPE_HASH(float8)
{
    return hash_u64(isnan(v->f64) ? 1 : double_bits(canonical(v->f64)));
}

/* With the sign bit turned (positive) or all bits turned (negative), IEEE order is the order of the bits. */
TYPE_KEY(float4)
{
    uint32_t bits = isnan(v->f32) ? UINT32_C(0x7fc00000) : float_bits(v->f32 == 0 ? 0.0f : v->f32);

    buf_add_u32(to, bits >> 31 ? ~bits : bits ^ UINT32_C(1) << 31);
}

TYPE_KEY(float8)
{
    uint64_t bits = isnan(v->f64) ? UINT64_C(0x7ff8000000000000) : double_bits(canonical(v->f64));

    buf_add_u64(to, bits >> 63 ? ~bits : bits ^ UINT64_C(1) << 63);
}

/* --- casts to integers ------------------------------------------------------------------------------- */
static Status
to_int(Ctx *cx, double v, double low, double end, const char *type_name, int64_t *out)
{
    v = rint(v);
    if (isnan(v) || v < low || v >= end)
        return fail_int_range(cx, type_name);
    *out = (int64_t)v;
    return ST_OK;
}

#define FLOAT_TO_INT(name, from, member, ctype, low, end, type_name)                                           \
    SCALAR_FN(name)                                                                                            \
    {                                                                                                          \
        int64_t v = 0;                                                                                         \
                                                                                                               \
        TRY(to_int(call->cx, args[0].from, low, end, type_name, &v));                                          \
        out->member = (ctype)v;                                                                                \
        return ST_OK;                                                                                          \
    }

FLOAT_TO_INT(dtoi2, f64, i16, int16_t, -32768.0, 32768.0, "smallint")
FLOAT_TO_INT(dtoi4, f64, i32, int32_t, -2147483648.0, 2147483648.0, "integer")
FLOAT_TO_INT(dtoi8, f64, i64, int64_t, -9223372036854775808.0, 9223372036854775808.0, "bigint")
FLOAT_TO_INT(ftoi2, f32, i16, int16_t, -32768.0, 32768.0, "smallint")
FLOAT_TO_INT(ftoi4, f32, i32, int32_t, -2147483648.0, 2147483648.0, "integer")
FLOAT_TO_INT(ftoi8, f32, i64, int64_t, -9223372036854775808.0, 9223372036854775808.0, "bigint")

Status
fail_float_overflow(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22003", "value out of range: overflow");
}

Status
fail_float_underflow(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22003", "value out of range: underflow");
}

SCALAR_FN(dtof)
{
    float f = (float)args[0].f64;

    if (isinf(f) && !isinf(args[0].f64))
        return fail_float_overflow(call->cx);
    if (f == 0 && args[0].f64 != 0)
        return fail_float_underflow(call->cx);
    out->f32 = f;
    return ST_OK;
}

/* --- one at a time ----------------------------------------------------------------------------------- */
SCALAR_FN(float4abs)
{
    out->f32 = fabsf(args[0].f32);
    return ST_OK;
}

SCALAR_FN(float8abs)
{
    out->f64 = fabs(args[0].f64);
    return ST_OK;
}

SCALAR_FN(float4up)
{
    out->f32 = args[0].f32;
    return ST_OK;
}

SCALAR_FN(float8up)
{
    out->f64 = args[0].f64;
    return ST_OK;
}

SCALAR_FN(float4um)
{
    out->f32 = -args[0].f32;
    return ST_OK;
}

SCALAR_FN(float8um)
{
    out->f64 = -args[0].f64;
    return ST_OK;
}

static double
as_double(const Value *v)
{
    return v->phys == PHYS_F32 ? v->f32 : v->f64;
}

SCALAR_FN(in_range_float)
{
    double value = as_double(&args[0]), base = as_double(&args[1]), offset = args[2].f64, edge;
    bool sub = args[3].b, less = args[4].b;

    if (isnan(offset) || offset < 0)
        return fail(call->cx, ST_ERROR, "22013", "invalid preceding or following size in window function");
    if (isnan(value) || isnan(base)) {
        out->b = isnan(value) && isnan(base) ? true : isnan(value) ? !less : less;
        return ST_OK;
    }
    /* the edge of an infinite base an infinite distance away is nowhere: everything is inside */
    if (isinf(offset) && isinf(base) && (sub ? base > 0 : base < 0)) {
        out->b = true;
        return ST_OK;
    }
    edge = sub ? base - offset : base + offset;
    out->b = less ? value <= edge : value >= edge;
    return ST_OK;
}
