/* numeric_pack.c - the forms of numeric and the ways between them; order, hash, key. */
#include "backend/type/numeric_int.h"
#include "backend/type/type_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/pow10.h"
#include "base/hash.h"

enum {
    HEADER_NEGATIVE = 1 << 14,
    HEADER_SPECIAL = 1 << 15,
    HEADER_BYTES = 2,
    SPECIAL_NAN = 0,
    SPECIAL_PLUS = 1,
    SPECIAL_MINUS = 2
};

/* --- packed ------------------------------------------------------------------------------------------- */
static Value
pack_magnitude(Arena *a, unsigned header, const void *magnitude, size_t bytes)
{
    char *p = arena_alloc(a, HEADER_BYTES + bytes);

    put_u16(p, (uint16_t)header);
    memcpy(p + HEADER_BYTES, magnitude, bytes);
    return value_var(p, HEADER_BYTES + bytes);
}

static Value
pack_i128(Arena *a, __int128 coefficient, int scale)
{
    unsigned __int128 m = coefficient < 0 ? -(unsigned __int128)coefficient : (unsigned __int128)coefficient;
    size_t bytes = sizeof(m);

    ASSERT(scale >= 0 && scale <= NUMERIC_SCALE_MOST);
    while (bytes > 0 && ((const unsigned char *)&m)[bytes - 1] == 0)
        bytes--;
    return pack_magnitude(a, (unsigned)scale | (coefficient < 0 ? HEADER_NEGATIVE : 0), &m, bytes);
}

static Value
special(unsigned which)
{
    static const char forms[3][HEADER_BYTES] = {{SPECIAL_NAN, (char)0x80},
                                                {SPECIAL_PLUS, (char)0x80},
                                                {SPECIAL_MINUS, (char)0x80}};

    return value_var(forms[which], HEADER_BYTES);
}

Value
numeric_nan(void)
{
    return special(SPECIAL_NAN);
}

static unsigned
header_of(const Value *v)
{
    ASSERT(v->var.bytes >= HEADER_BYTES);
    return get_u16(v->var.data);
}

Value
numeric_pack(Arena *a, const Value *v)
{
    if (v->is_null || v->phys == PHYS_VAR)
        return *v;
    ASSERT(v->phys == PHYS_DEC64);
    return v->i64 == INT64_MIN ? numeric_nan() : pack_i128(a, v->i64, v->scale);
}

Value
numeric_from_i64(Arena *a, int64_t coefficient, int scale)
{
    return numeric_from_i128(a, coefficient, scale);
}

Value
numeric_from_i128(Arena *a, __int128 coefficient, int scale)
{
    if (coefficient > INT64_MIN && coefficient <= INT64_MAX && scale <= NUMERIC_DEC64_SCALE_MOST)
        return (Value){.i64 = (int64_t)coefficient, .phys = PHYS_DEC64, .scale = (int16_t)scale};
    return pack_i128(a, coefficient, scale);
}

bool
numeric_is_special(const Value *v)
{
    return v->phys == PHYS_DEC64 ? v->i64 == INT64_MIN : (header_of(v) & HEADER_SPECIAL) != 0;
}

bool
numeric_is_nan(const Value *v)
{
    return v->phys == PHYS_DEC64 ? v->i64 == INT64_MIN : header_of(v) == (HEADER_SPECIAL | SPECIAL_NAN);
}

int
numeric_sign(const Value *v)
{
    unsigned header;

    if (v->phys == PHYS_DEC64)
        return v->i64 == INT64_MIN ? 1 : (v->i64 > 0) - (v->i64 < 0);
    header = header_of(v);
    if (header & HEADER_SPECIAL)
        return (header & 3) == SPECIAL_MINUS ? -1 : 1;
    return v->var.bytes == HEADER_BYTES ? 0 : header & HEADER_NEGATIVE ? -1 : 1;
}

int
numeric_scale(const Value *v)
{
    if (numeric_is_special(v))
        return 0;
    return v->phys == PHYS_DEC64 ? v->scale : (int)(header_of(v) & (HEADER_NEGATIVE - 1));
}

/* --- GMP --------------------------------------------------------------------------------------------------- */
void
num_init(Num *n)
{
    mpz_init(n->m);
    n->scale = 0;
    n->kind = NUM_FINITE;
}

void
num_clear(Num *n)
{
    mpz_clear(n->m);
}

void
num_load(Num *out, const Value *v)
{
    unsigned header;

    num_init(out);
    if (v->phys == PHYS_DEC64) {
        if (v->i64 == INT64_MIN) {
            out->kind = NUM_NAN;
            return;
        }
        static_assert(sizeof(long) == 8, "GMP's long is 64 bits");
        mpz_set_si(out->m, v->i64);
        out->scale = v->scale;
        return;
    }
    header = header_of(v);
    if (header & HEADER_SPECIAL) {
        out->kind = (header & 3) == SPECIAL_NAN    ? NUM_NAN
                    : (header & 3) == SPECIAL_PLUS ? NUM_PLUS_INF
                                                   : NUM_MINUS_INF;
        return;
    }
    mpz_import(out->m, v->var.bytes - HEADER_BYTES, -1, 1, -1, 0, v->var.data + HEADER_BYTES);
    if (header & HEADER_NEGATIVE)
        mpz_neg(out->m, out->m);
    out->scale = (int)(header & (HEADER_NEGATIVE - 1));
}

Value
num_store_in(Arena *a, const Num *n)
{
    size_t bytes = 0;
    char *p;

    if (n->kind != NUM_FINITE)
        return special(n->kind == NUM_NAN        ? SPECIAL_NAN
                       : n->kind == NUM_PLUS_INF ? SPECIAL_PLUS
                                                 : SPECIAL_MINUS);
    ASSERT(n->scale >= 0 && n->scale <= NUMERIC_SCALE_MOST);
    if (mpz_fits_slong_p(n->m))
        return numeric_from_i64(a, mpz_get_si(n->m), n->scale);
    p = arena_alloc(a, HEADER_BYTES + (mpz_sizeinbase(n->m, 2) + 7) / 8);
    put_u16(p, (uint16_t)((unsigned)n->scale | (mpz_sgn(n->m) < 0 ? HEADER_NEGATIVE : 0)));
    mpz_export(p + HEADER_BYTES, &bytes, -1, 1, -1, 0, n->m);
    return value_var(p, HEADER_BYTES + bytes);
}

Status
num_store(Ctx *cx, const Num *n, Value *out)
{
    if (n->kind == NUM_FINITE &&
        (n->scale > NUMERIC_SCALE_MOST ||
         (mpz_sizeinbase(n->m, 2) > 400000 && num_weight(n) >= NUMERIC_INTEGER_DIGITS_MOST)))
        return fail(cx, ST_ERROR, "22003", "value overflows numeric format");
    *out = num_store_in(cx->arena, n);
    return ST_OK;
}

void
num_pow10(mpz_t out, unsigned long exponent)
{
    mpz_ui_pow_ui(out, 10, exponent);
}

int
num_digit_count(const mpz_t m)
{
    size_t guess;
    mpz_t power;
    int digits;

    if (mpz_sgn(m) == 0)
        return 1;
    if (mpz_size(m) == 1) {
        uint64_t v = mpz_getlimbn(m, 0);

        for (digits = 1; digits <= POW10_I64_MOST && v >= (uint64_t)pow10_i64(digits); digits++)
            continue;
        return digits + (digits > POW10_I64_MOST && v >= UINT64_C(10000000000000000000));
    }
    /* right or one too many */
    guess = mpz_sizeinbase(m, 10);
    mpz_init(power);
    num_pow10(power, guess - 1);
    digits = (int)guess - (mpz_cmpabs(m, power) < 0);
    mpz_clear(power);
    return digits;
}

int
num_weight(const Num *n)
{
    return mpz_sgn(n->m) == 0 ? 0 : num_digit_count(n->m) - n->scale - 1;
}

void
num_weight_10000(const Num *n, int *weight, int *first_digit)
{
    int decimal = num_weight(n), w, shift;
    mpz_t power, quotient;

    *weight = *first_digit = 0;
    if (mpz_sgn(n->m) == 0)
        return;
    w = decimal >= 0 ? decimal / 4 : -((3 - decimal) / 4);
    mpz_init(power);
    mpz_init(quotient);
    shift = n->scale + 4 * w;
    num_pow10(power, (unsigned long)abs(shift));
    if (shift >= 0)
        mpz_tdiv_q(quotient, n->m, power);
    else
        mpz_mul(quotient, n->m, power);
    *weight = w;
    *first_digit = (int)mpz_get_ui(quotient);
    mpz_clear(power);
    mpz_clear(quotient);
}

void
num_cut(Num *n, int scale)
{
    mpz_t power;

    if (scale == n->scale)
        return;
    mpz_init(power);
    num_pow10(power, (unsigned long)abs(n->scale - scale));
    if (scale > n->scale)
        mpz_mul(n->m, n->m, power);
    else
        mpz_tdiv_q(n->m, n->m, power);
    n->scale = scale;
    mpz_clear(power);
}

void
num_rescale(Num *n, int scale)
{
    mpz_t power, half;

    if (scale >= n->scale) {
        num_cut(n, scale);
        return;
    }
    mpz_init(power);
    mpz_init(half);
    num_pow10(power, (unsigned long)(n->scale - scale));
    mpz_tdiv_q_2exp(half, power, 1);
    if (mpz_sgn(n->m) >= 0)
        mpz_add(n->m, n->m, half);
    else
        mpz_sub(n->m, n->m, half);
    mpz_tdiv_q(n->m, n->m, power);
    n->scale = scale;
    mpz_clear(power);
    mpz_clear(half);
}

/* --- to and from machine numbers ------------------------------------------------------------------------ */
Status
numeric_to_i64(Ctx *cx, const Value *v, const char *type_name, int64_t low, int64_t high, int64_t *out)
{
    Num n;
    int64_t result = 0;
    bool fits;

    if (numeric_is_special(v))
        return fail(cx, ST_ERROR, "0A000", "cannot convert %s to %s", numeric_is_nan(v) ? "NaN" : "infinity",
                    type_name);
    if (v->phys == PHYS_DEC64) {
        int64_t unit = pow10_i64(v->scale), rest;

        result = v->i64 / unit;
        rest = v->i64 % unit;
        if (rest < 0)
            rest = -rest;
        if (rest >= unit - rest && unit > 1)
            result += v->i64 < 0 ? -1 : 1;
        fits = true;
    } else {
        num_load(&n, v);
        num_rescale(&n, 0);
        fits = mpz_fits_slong_p(n.m);
        if (fits)
            result = mpz_get_si(n.m);
        num_clear(&n);
    }
    if (!fits || result < low || result > high)
        return fail_int_range(cx, type_name);
    *out = result;
    return ST_OK;
}

double
numeric_to_double(const Value *v)
{
    Arena a;
    double d;

    if (numeric_is_special(v))
        return numeric_is_nan(v) ? (double)NAN : numeric_sign(v) * (double)INFINITY;
    if (v->phys == PHYS_DEC64 && v->i64 > -(INT64_C(1) << 53) && v->i64 < INT64_C(1) << 53)
        return (double)v->i64 / (double)pow10_i64(v->scale); /* both exact, so the quotient is rounded once */
    arena_init(&a, "numeric_to_double", NULL);
    d = strtod(numeric_text(&a, v), NULL);
    arena_free(&a);
    return d;
}

Status
numeric_from_double(Ctx *cx, double d, int digits, Value *out)
{
    char text[64];

    if (isnan(d)) {
        *out = numeric_nan();
        return ST_OK;
    }
    if (isinf(d)) {
        *out = special(d > 0 ? SPECIAL_PLUS : SPECIAL_MINUS);
        return ST_OK;
    }
    snprintf(text, sizeof(text), "%.*g", digits, d);
    return numeric_parse(cx, text, strlen(text), out);
}

/* --- order ---------------------------------------------------------------------------------------------- */
/* -Infinity < finite < +Infinity < NaN */
static int
rank_of(const Value *v)
{
    return !numeric_is_special(v) ? 1 : numeric_is_nan(v) ? 3 : numeric_sign(v) < 0 ? 0 : 2;
}

static int
compare_big(const Value *a, const Value *b)
{
    Num x, y;
    int order;

    num_load(&x, a);
    num_load(&y, b);
    if (x.scale < y.scale)
        num_cut(&x, y.scale);
    else
        num_cut(&y, x.scale);
    order = mpz_cmp(x.m, y.m);
    num_clear(&x);
    num_clear(&y);
    return (order > 0) - (order < 0);
}

TYPE_COMPARE(numeric)
{
    int ra = rank_of(a), rb = rank_of(b), sa, sb;

    if (ra != rb || ra != 1)
        return (ra > rb) - (ra < rb);
    if (a->phys == PHYS_DEC64 && b->phys == PHYS_DEC64) {
        int d = a->scale - b->scale;
        __int128 x = a->i64, y = b->i64;

        if (d < 0)
            x *= pow10_i64(-d);
        else
            y *= pow10_i64(d);
        return (x > y) - (x < y);
    }
    sa = numeric_sign(a);
    sb = numeric_sign(b);
    return sa != sb ? (sa > sb) - (sa < sb) : compare_big(a, b);
}

/* Coefficient without trailing zeros, and the power of ten it stands for. */
static void
strip(Num *n, long *exponent)
{
    mpz_t ten;

    mpz_init_set_ui(ten, 10);
    *exponent = mpz_sgn(n->m) == 0 ? 0 : (long)mpz_remove(n->m, n->m, ten) - n->scale;
    mpz_clear(ten);
}

TYPE_HASH(numeric)
{
    Num n;
    long exponent;
    uint64_t h;

    if (numeric_is_special(v))
        return hash_u64((uint64_t)rank_of(v));
    if (v->phys == PHYS_DEC64) {
        int64_t m = v->i64;

        if (m == 0)
            return hash_combine(0, hash_u64(0));
        for (exponent = -v->scale; m % 10 == 0; exponent++)
            m /= 10;
        return hash_combine((uint64_t)exponent, hash_u64((uint64_t)m));
    }
    num_load(&n, v);
    strip(&n, &exponent);
    if (mpz_fits_slong_p(n.m) && mpz_get_si(n.m) != INT64_MIN)
        h = hash_u64((uint64_t)mpz_get_si(n.m));
    else
        h = hash_bytes_seeded(mpz_limbs_read(n.m), mpz_size(n.m) * sizeof(mp_limb_t), mpz_sgn(n.m) < 0);
    num_clear(&n);
    return hash_combine((uint64_t)exponent, h);
}

/* The digits of the short form without trailing zeros; *exponent: the power of ten of what they stand for. */
static int
short_digits(const Value *v, char *digits, long *exponent)
{
    uint64_t m = v->i64 < 0 ? 0 - (uint64_t)v->i64 : (uint64_t)v->i64;
    int count = 0;

    *exponent = -v->scale;
    for (; m % 10 == 0; m /= 10)
        ++*exponent;
    for (uint64_t rest = m; rest != 0; rest /= 10)
        count++;
    for (int i = count; i > 0; m /= 10)
        digits[--i] = (char)('0' + m % 10);
    digits[count] = '\0';
    return count;
}

/* A class byte; then, for finite numbers but zero, the weight of the leading digit and the digits two by
 * two plus one, ended by 0. All turned around for negative numbers. */
enum { MINUS_INF = 1, NEGATIVE, ZERO, POSITIVE, PLUS_INF, NOT_A_NUMBER };

static void
add_digits(Buf *to, int sign, long weight, const char *digits)
{
    unsigned char flip = sign < 0 ? 0xff : 0;

    buf_add_char(to, sign < 0 ? NEGATIVE : POSITIVE);
    buf_add_u32(to, ((uint32_t)weight ^ UINT32_C(1) << 31) ^ (sign < 0 ? UINT32_MAX : 0));
    for (const char *p = digits; *p != '\0'; p += p[1] != '\0' ? 2 : 1) {
        int pair = (p[0] - '0') * 10 + (p[1] != '\0' ? p[1] - '0' : 0);

        buf_add_char(to, (char)((pair + 1) ^ flip));
    }
    buf_add_char(to, (char)flip);
}

TYPE_KEY(numeric)
{
    static const char of_rank[] = {MINUS_INF, ZERO, PLUS_INF, NOT_A_NUMBER};
    int rank = rank_of(v), sign = numeric_sign(v);
    long exponent;
    char *digits;
    Num n;

    if (rank != 1 || sign == 0) {
        buf_add_char(to, of_rank[rank]);
        return;
    }
    if (v->phys == PHYS_DEC64) {
        char room[24];
        int count = short_digits(v, room, &exponent);

        add_digits(to, sign, exponent + count, room);
        return;
    }
    num_load(&n, v);
    strip(&n, &exponent);
    mpz_abs(n.m, n.m);
    digits = malloc(mpz_sizeinbase(n.m, 10) + 3);
    if (digits == NULL) {
        to->failed = true;
        num_clear(&n);
        return;
    }
    mpz_get_str(digits, 10, n.m);
    add_digits(to, sign, exponent + (long)strlen(digits), digits);
    free(digits);
    num_clear(&n);
}
