/* numeric_math.c - roots, exponentials, logarithms and powers of numeric.
 *
 * These results are not finite decimals, so two decisions are taken for each: how many digits are shown,
 * which follows PostgreSQL's rules (at least 16 significant ones, no fewer behind the point than the
 * argument has), and how precisely we calculate, which is that plus guard digits. The series run on
 * GMP's binary floating point (mpf) with the precision each call asks for. */
#include "backend/type/numeric_int.h"
#include "backend/type/type_int.h"

#include <math.h>
#include <stdlib.h>

enum {
    SIGNIFICANT_DIGITS_LEAST = 16,
    RESULT_DIGITS_MOST = 2000, /* limit of estimated weights */
    GUARD_BITS = 96
};

static const double log10_e = 0.434294481903252;

static unsigned long
bits_of_digits(double digits)
{
    return (unsigned long)(MAX_OF(digits, 1.0) * 3.3219280948873626) + GUARD_BITS;
}

static int
clamp_scale(int scale)
{
    return MIN_OF(MAX_OF(scale, 0), NUMERIC_PRECISION_MOST);
}

/* --- between Num and mpf ---------------------------------------------------------------------------------- */
static void
to_float(mpf_t out, const Num *n)
{
    mpz_t power;
    mpf_t divisor;

    mpf_set_z(out, n->m);
    if (n->scale == 0)
        return;
    mpz_init(power);
    num_pow10(power, (unsigned long)n->scale);
    mpf_init2(divisor, MAX_OF(mpf_get_prec(out), mpz_sizeinbase(power, 2)));
    mpf_set_z(divisor, power);
    mpf_div(out, out, divisor);
    mpf_clear(divisor);
    mpz_clear(power);
}

/* Rounds half away from zero to `scale` digits. */
static void
from_float(Num *out, const mpf_t f, int scale)
{
    mpz_t power;
    mpf_t scaled, half;
    unsigned long bits;

    mpz_init(power);
    num_pow10(power, (unsigned long)scale);
    bits = mpf_get_prec(f) + mpz_sizeinbase(power, 2);
    mpf_init2(scaled, bits);
    mpf_init2(half, 64);
    mpf_set_z(scaled, power);
    mpf_mul(scaled, scaled, f);
    mpf_set_d(half, mpf_sgn(f) < 0 ? -0.5 : 0.5);
    mpf_add(scaled, scaled, half);
    mpz_set_f(out->m, scaled);
    out->scale = scale;
    out->kind = NUM_FINITE;
    mpf_clear(scaled);
    mpf_clear(half);
    mpz_clear(power);
}

static double
to_double(const Num *n)
{
    mpf_t f;
    double d;

    mpf_init2(f, 128);
    to_float(f, n);
    d = mpf_get_d(f);
    mpf_clear(f);
    return d;
}

/* --- series -------------------------------------------------------------------------------------------------- */
/* True when the term no longer matters for the sum. */
static bool
negligible(const mpf_t term, const mpf_t sum, unsigned long bits)
{
    long term_exponent, sum_exponent;

    if (mpf_sgn(term) == 0)
        return true;
    mpf_get_d_2exp(&term_exponent, term);
    mpf_get_d_2exp(&sum_exponent, sum);
    return term_exponent < sum_exponent - (long)bits - 8;
}

/* e^x: halved until small, Taylor, squared back. */
static void
float_exp(mpf_t out, const mpf_t x, unsigned long bits)
{
    long exponent;
    unsigned long halvings;
    mpf_t r, term, sum;

    mpf_get_d_2exp(&exponent, x);
    halvings = (unsigned long)MAX_OF(exponent + 8, 0);
    bits += 2 * halvings; /* each squaring doubles the error */
    mpf_init2(r, bits);
    mpf_init2(term, bits);
    mpf_init2(sum, bits);
    mpf_set(r, x);
    mpf_div_2exp(r, r, halvings);
    mpf_set_ui(term, 1);
    mpf_set_ui(sum, 1);
    for (unsigned long i = 1;; i++) {
        mpf_mul(term, term, r);
        mpf_div_ui(term, term, i);
        if (negligible(term, sum, bits))
            break;
        mpf_add(sum, sum, term);
    }
    while (halvings-- > 0)
        mpf_mul(sum, sum, sum);
    mpf_set(out, sum);
    mpf_clear(r);
    mpf_clear(term);
    mpf_clear(sum);
}

/* ln((1 + z) / (1 - z)) = 2 (z + z^3/3 + z^5/5 + ...) */
static void
float_atanh_series(mpf_t out, const mpf_t z, unsigned long bits)
{
    mpf_t square, power, term;

    mpf_init2(square, bits);
    mpf_init2(power, bits);
    mpf_init2(term, bits);
    mpf_mul(square, z, z);
    mpf_set(power, z);
    mpf_set(out, z);
    for (unsigned long i = 3; mpf_sgn(z) != 0; i += 2) {
        mpf_mul(power, power, square);
        mpf_div_ui(term, power, i);
        if (negligible(term, out, bits))
            break;
        mpf_add(out, out, term);
    }
    mpf_mul_2exp(out, out, 1);
    mpf_clear(square);
    mpf_clear(power);
    mpf_clear(term);
}

/* ln x = k ln 2 + 2^j ln(m^(2^-j)), x = m * 2^k; the roots bring m close to 1, where the series is short.
 * Near 1 itself nothing may be taken away, or the leading digits would cancel. */
static void
float_ln(mpf_t out, const mpf_t x, unsigned long bits)
{
    enum { ROOTS = 12 };
    long k = 0;
    double lead = mpf_get_d_2exp(&k, x);
    mpf_t m, z, divisor;
    bool near_one = (k == 0 && lead > 0.9) || (k == 1 && lead < 0.56);

    bits += 4 * ROOTS;
    mpf_init2(m, bits);
    mpf_init2(z, bits);
    mpf_init2(divisor, bits);
    mpf_set(m, x);
    if (near_one)
        k = 0;
    else if (k > 0)
        mpf_div_2exp(m, m, (unsigned long)k);
    else
        mpf_mul_2exp(m, m, (unsigned long)-k);
    if (!near_one)
        for (int i = 0; i < ROOTS; i++)
            mpf_sqrt(m, m);
    mpf_set(z, m);
    mpf_sub_ui(z, z, 1);
    mpf_add_ui(divisor, m, 1);
    mpf_div(z, z, divisor);
    float_atanh_series(m, z, bits);
    if (!near_one) {
        mpf_mul_2exp(m, m, ROOTS);
        if (k != 0) {
            mpf_set_ui(z, 1);
            mpf_div_ui(z, z, 3); /* (1 + 1/3) / (1 - 1/3) = 2 */
            float_atanh_series(divisor, z, bits);
            if (k > 0)
                mpf_mul_ui(divisor, divisor, (unsigned long)k);
            else
                mpf_mul_ui(divisor, divisor, (unsigned long)-k);
            if (k > 0)
                mpf_add(m, m, divisor);
            else
                mpf_sub(m, m, divisor);
        }
    }
    mpf_set(out, m);
    mpf_clear(m);
    mpf_clear(z);
    mpf_clear(divisor);
}

/* --- estimates ------------------------------------------------------------------------------------------------ */
/* The leading digits as a number below 10^8 and the power of ten that goes with it. */
static double
leading(const Num *n, int *exponent)
{
    int weight, first;
    Num copy;
    double d;

    num_weight_10000(n, &weight, &first);
    num_init(&copy);
    mpz_set(copy.m, n->m);
    mpz_abs(copy.m, copy.m);
    copy.scale = n->scale;
    num_cut(&copy, -4 * (weight - 1)); /* two groups of four */
    d = mpz_get_d(copy.m);
    num_clear(&copy);
    *exponent = 4 * (weight - 1);
    return d;
}

/* Compares with k / 10. */
static int
tenths(const Num *n, unsigned long k)
{
    mpz_t ten_n, limit;
    int order;

    mpz_init(ten_n);
    mpz_init(limit);
    mpz_mul_ui(ten_n, n->m, 10);
    num_pow10(limit, (unsigned long)n->scale);
    mpz_mul_ui(limit, limit, k);
    order = mpz_cmp(ten_n, limit);
    mpz_clear(ten_n);
    mpz_clear(limit);
    return order;
}

/* About log10 |ln x|: where the first digit of the logarithm stands. */
static int
ln_weight(const Num *n)
{
    double d;
    int exponent;

    if (mpz_sgn(n->m) <= 0)
        return 0;
    if (tenths(n, 9) >= 0 && tenths(n, 11) <= 0) {
        Num rest;
        int weight, first;

        /* ln(1 + e) is about e */
        num_init(&rest);
        num_pow10(rest.m, (unsigned long)n->scale);
        mpz_sub(rest.m, n->m, rest.m);
        rest.scale = n->scale;
        mpz_abs(rest.m, rest.m);
        num_weight_10000(&rest, &weight, &first);
        num_clear(&rest);
        return first == 0 ? 0 : weight * 4 + (int)log10(first);
    }
    d = leading(n, &exponent);
    return (int)log10(fabs(log(d) + exponent * 2.302585092994046));
}

/* --- square root ------------------------------------------------------------------------------------------------- */
void
num_sqrt_to(const Num *n, int scale, Num *out)
{
    int shift = 2 * scale - n->scale;
    mpz_t power;

    mpz_init(power);
    num_pow10(power, (unsigned long)abs(shift));
    mpz_mul_2exp(out->m, n->m, 2);
    if (shift >= 0)
        mpz_mul(out->m, out->m, power);
    else
        mpz_tdiv_q(out->m, out->m, power);
    /* (floor(sqrt(4n)) + 1) / 2 is sqrt(n), rounded */
    mpz_sqrt(out->m, out->m);
    mpz_add_ui(out->m, out->m, 1);
    mpz_tdiv_q_2exp(out->m, out->m, 1);
    out->scale = scale;
    out->kind = NUM_FINITE;
    mpz_clear(power);
}

Status
num_sqrt(Ctx *cx, const Num *n, Num *out)
{
    int weight, first;

    if (mpz_sgn(n->m) < 0)
        return fail(cx, ST_ERROR, "2201F", "cannot take square root of a negative number");
    num_weight_10000(n, &weight, &first);
    num_sqrt_to(n, clamp_scale(MAX_OF(SIGNIFICANT_DIGITS_LEAST - ((weight + 1) * 2 - 1), n->scale)), out);
    return ST_OK;
}

/* --- exponential and logarithm ------------------------------------------------------------------------------------- */
static Status
fail_overflow(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22003", "value overflows numeric format");
}

Status
num_exp(Ctx *cx, const Num *n, Num *out)
{
    double x = to_double(n), weight;
    int scale;
    unsigned long bits;
    mpf_t f;

    if (x >= RESULT_DIGITS_MOST * 3)
        return fail_overflow(cx);
    weight = MIN_OF(MAX_OF(x * log10_e, -(double)RESULT_DIGITS_MOST), (double)RESULT_DIGITS_MOST);
    scale = clamp_scale(MAX_OF(SIGNIFICANT_DIGITS_LEAST - (int)weight, n->scale));
    if (x <= -RESULT_DIGITS_MOST * 3) {
        mpz_set_ui(out->m, 0);
        out->scale = NUMERIC_PRECISION_MOST;
        out->kind = NUM_FINITE;
        return ST_OK;
    }
    bits = bits_of_digits(scale + MAX_OF(x * log10_e, 0) + 10);
    mpf_init2(f, bits + mpz_sizeinbase(n->m, 2));
    to_float(f, n);
    float_exp(f, f, bits);
    from_float(out, f, scale);
    mpf_clear(f);
    return ST_OK;
}

static Status
check_log(Ctx *cx, const Num *n)
{
    if (mpz_sgn(n->m) == 0)
        return fail(cx, ST_ERROR, "2201E", "cannot take logarithm of zero");
    if (mpz_sgn(n->m) < 0)
        return fail(cx, ST_ERROR, "2201E", "cannot take logarithm of a negative number");
    return ST_OK;
}

Status
num_ln(Ctx *cx, const Num *n, Num *out)
{
    int scale;
    unsigned long bits;
    mpf_t f;

    TRY(check_log(cx, n));
    scale = clamp_scale(MAX_OF(SIGNIFICANT_DIGITS_LEAST - ln_weight(n), n->scale));
    bits = bits_of_digits(scale + 10) + mpz_sizeinbase(n->m, 2);
    mpf_init2(f, bits);
    to_float(f, n);
    float_ln(f, f, bits);
    from_float(out, f, scale);
    mpf_clear(f);
    return ST_OK;
}

/* log(base, n) = ln n / ln base */
static Status
num_log(Ctx *cx, const Num *base, const Num *n, Num *out)
{
    int scale;
    unsigned long bits;
    mpf_t a, b;

    TRY(check_log(cx, base));
    TRY(check_log(cx, n));
    if (mpz_sgn(base->m) > 0 && to_double(base) == 1.0) {
        Num one;
        bool is_one;

        num_init(&one);
        mpz_set(one.m, base->m);
        one.scale = base->scale;
        num_cut(&one, 0);
        is_one = mpz_cmp_ui(one.m, 1) == 0;
        num_cut(&one, base->scale);
        is_one = is_one && mpz_cmp(one.m, base->m) == 0;
        num_clear(&one);
        if (is_one)
            return fail(cx, ST_ERROR, "22012", "division by zero");
    }
    scale = SIGNIFICANT_DIGITS_LEAST - (ln_weight(n) - ln_weight(base));
    scale = clamp_scale(MAX_OF(scale, MAX_OF(base->scale, n->scale)));
    bits = bits_of_digits(2.0 * scale + 20) + mpz_sizeinbase(n->m, 2) + mpz_sizeinbase(base->m, 2);
    mpf_init2(a, bits);
    mpf_init2(b, bits);
    to_float(a, n);
    to_float(b, base);
    float_ln(a, a, bits);
    float_ln(b, b, bits);
    mpf_div(a, a, b);
    from_float(out, a, scale);
    mpf_clear(a);
    mpf_clear(b);
    return ST_OK;
}

/* --- power ------------------------------------------------------------------------------------------------------------- */
/* An exponent that is a whole number of 32 bits. */
static bool
whole_exponent(const Num *n, long *out)
{
    Num copy;
    bool is_whole;

    num_init(&copy);
    mpz_set(copy.m, n->m);
    copy.scale = n->scale;
    num_cut(&copy, 0);
    *out = mpz_fits_slong_p(copy.m) ? mpz_get_si(copy.m) : 0;
    is_whole = mpz_fits_sint_p(copy.m);
    num_cut(&copy, n->scale);
    is_whole = is_whole && mpz_cmp(copy.m, n->m) == 0;
    num_clear(&copy);
    return is_whole;
}

static void
set_zero(Num *out, int scale)
{
    mpz_set_ui(out->m, 0);
    out->scale = scale;
    out->kind = NUM_FINITE;
}

static Status
power_whole(Ctx *cx, const Num *base, long exponent, Num *out)
{
    unsigned long n = (unsigned long)labs(exponent), bits;
    double weight = 0;
    int scale;
    mpf_t f, one;

    if (mpz_sgn(base->m) != 0) {
        int tens;
        double d = leading(base, &tens);

        weight = (double)exponent * (log10(d) + tens);
    }
    if (weight > (double)NUMERIC_INTEGER_DIGITS_MOST)
        return fail_overflow(cx);
    scale = clamp_scale(MAX_OF(SIGNIFICANT_DIGITS_LEAST, base->scale));
    if (weight + 1 < -(double)scale) {
        set_zero(out, scale);
        return ST_OK;
    }
    if (mpz_sgn(base->m) == 0 && exponent < 0)
        return fail(cx, ST_ERROR, "22012", "division by zero");
    bits = bits_of_digits(scale + MAX_OF(weight, 0) + 20) + 2 * mpz_sizeinbase(base->m, 2) + 64;
    mpf_init2(f, bits);
    to_float(f, base);
    mpf_pow_ui(f, f, n);
    if (exponent < 0) {
        mpf_init2(one, bits);
        mpf_set_ui(one, 1);
        mpf_div(f, one, f);
        mpf_clear(one);
    }
    from_float(out, f, scale);
    mpf_clear(f);
    return ST_OK;
}

/* base^exponent = e^(exponent * ln base) for positive base */
static Status
power_real(Ctx *cx, const Num *base, const Num *exponent, Num *out)
{
    double estimate, weight;
    int scale, sign = 1;
    unsigned long bits;
    mpf_t f, e;
    Num copy;

    num_init(&copy);
    mpz_abs(copy.m, base->m);
    copy.scale = base->scale;
    if (mpz_sgn(base->m) < 0) { /* the exponent is a whole number too large for 32 bits */
        Num whole;

        num_init(&whole);
        mpz_set(whole.m, exponent->m);
        whole.scale = exponent->scale;
        num_cut(&whole, 0);
        sign = mpz_odd_p(whole.m) ? -1 : 1;
        num_clear(&whole);
    }
    bits = 256 + mpz_sizeinbase(copy.m, 2) + mpz_sizeinbase(exponent->m, 2);
    mpf_init2(f, bits);
    mpf_init2(e, bits);
    to_float(f, &copy);
    float_ln(f, f, bits);
    to_float(e, exponent);
    mpf_mul(f, f, e);
    estimate = mpf_get_d(f);
    if (fabs(estimate) > RESULT_DIGITS_MOST * 3.01 || !isfinite(estimate)) {
        mpf_clear(f);
        mpf_clear(e);
        num_clear(&copy);
        if (estimate > 0)
            return fail_overflow(cx);
        set_zero(out, NUMERIC_PRECISION_MOST);
        return ST_OK;
    }
    weight = estimate * log10_e;
    scale = clamp_scale(MAX_OF(SIGNIFICANT_DIGITS_LEAST - (int)weight, MAX_OF(base->scale, exponent->scale)));
    bits += bits_of_digits(scale + fabs(weight) + 30);
    mpf_set_prec(f, bits);
    mpf_set_prec(e, bits);
    to_float(f, &copy);
    float_ln(f, f, bits);
    to_float(e, exponent);
    mpf_mul(f, f, e);
    float_exp(f, f, bits);
    if (sign < 0)
        mpf_neg(f, f);
    from_float(out, f, scale);
    mpf_clear(f);
    mpf_clear(e);
    num_clear(&copy);
    return ST_OK;
}

static Status
num_power(Ctx *cx, const Num *base, const Num *exponent, Num *out)
{
    long n;
    Num whole;
    bool is_whole;

    if (mpz_sgn(base->m) == 0 && mpz_sgn(exponent->m) < 0)
        return fail(cx, ST_ERROR, "2201F", "zero raised to a negative power is undefined");
    num_init(&whole);
    mpz_set(whole.m, exponent->m);
    whole.scale = exponent->scale;
    num_cut(&whole, 0);
    num_cut(&whole, exponent->scale);
    is_whole = mpz_cmp(whole.m, exponent->m) == 0;
    num_clear(&whole);
    if (mpz_sgn(base->m) < 0 && !is_whole)
        return fail(cx, ST_ERROR, "2201F",
                    "a negative number raised to a non-integer power yields a complex result");
    if (whole_exponent(exponent, &n))
        return power_whole(cx, base, n, out);
    if (mpz_sgn(base->m) == 0) {
        set_zero(out, SIGNIFICANT_DIGITS_LEAST);
        return ST_OK;
    }
    return power_real(cx, base, exponent, out);
}

/* --- functions ------------------------------------------------------------------------------------------------------------- */
static Value
special_value(Ctx *cx, NumKind kind)
{
    Num n;
    Value v;

    num_init(&n);
    n.kind = kind;
    v = num_store_in(cx->arena, &n);
    num_clear(&n);
    return v;
}

typedef Status (*NumOp)(Ctx *cx, const Num *n, Num *out);

static Status
of_one(FnCall *call, const Value *v, NumOp op, Value *out)
{
    Num n, result;
    Status rc;

    num_load(&n, v);
    num_init(&result);
    rc = op(call->cx, &n, &result);
    if (rc == ST_OK)
        rc = num_store(call->cx, &result, out);
    num_clear(&n);
    num_clear(&result);
    return rc;
}

SCALAR_FN(numeric_sqrt)
{
    if (numeric_is_special(&args[0])) {
        if (numeric_sign(&args[0]) < 0)
            return fail(call->cx, ST_ERROR, "2201F", "cannot take square root of a negative number");
        *out = args[0];
        return ST_OK;
    }
    return of_one(call, &args[0], num_sqrt, out);
}

SCALAR_FN(numeric_exp)
{
    if (numeric_is_special(&args[0])) {
        *out = numeric_sign(&args[0]) < 0 ? numeric_from_i64(call->cx->arena, 0, 0) : args[0];
        return ST_OK;
    }
    return of_one(call, &args[0], num_exp, out);
}

static Status
log_special(FnCall *call, const Value *v, Value *out)
{
    if (numeric_sign(v) < 0)
        return fail(call->cx, ST_ERROR, "2201E", "cannot take logarithm of a negative number");
    *out = *v;
    return ST_OK;
}

SCALAR_FN(numeric_ln)
{
    if (numeric_is_special(&args[0]))
        return log_special(call, &args[0], out);
    return of_one(call, &args[0], num_ln, out);
}

static Status
log_of(FnCall *call, const Value *base, const Value *v, Value *out)
{
    Num b, n, result;
    Status rc;

    if (numeric_is_special(base) || numeric_is_special(v)) {
        if (numeric_is_nan(base) || numeric_is_nan(v)) {
            *out = numeric_nan();
            return ST_OK;
        }
        for (int i = 0; i < 2; i++) {
            const Value *x = i == 0 ? base : v;

            if (numeric_sign(x) < 0)
                return fail(call->cx, ST_ERROR, "2201E", "cannot take logarithm of a negative number");
            if (numeric_sign(x) == 0)
                return fail(call->cx, ST_ERROR, "2201E", "cannot take logarithm of zero");
        }
        if (numeric_is_special(base))
            *out = numeric_is_special(v) ? numeric_nan() : numeric_from_i64(call->cx->arena, 0, 0);
        else
            *out = *v;
        return ST_OK;
    }
    num_load(&b, base);
    num_load(&n, v);
    num_init(&result);
    rc = num_log(call->cx, &b, &n, &result);
    if (rc == ST_OK)
        rc = num_store(call->cx, &result, out);
    num_clear(&b);
    num_clear(&n);
    num_clear(&result);
    return rc;
}

SCALAR_FN(numeric_log)
{
    return log_of(call, &args[0], &args[1], out);
}

SCALAR_FN(numeric_log10)
{
    Value ten = numeric_from_i64(call->cx->arena, 10, 0);

    return log_of(call, &ten, &args[0], out);
}

/* What IEEE says about powers with infinities and NaN. */
static Status
power_special(FnCall *call, const Value *base, const Value *exponent, Value *out)
{
    Ctx *cx = call->cx;
    Value one = numeric_from_i64(cx->arena, 1, 0), minus_one = numeric_from_i64(cx->arena, -1, 0), size;
    int order;

    if (numeric_is_nan(base) || numeric_is_nan(exponent)) {
        bool is_one = (!numeric_is_special(exponent) && numeric_sign(exponent) == 0) ||
                      (!numeric_is_special(base) && numeric_compare(base, &one) == 0);

        *out = is_one ? one : numeric_nan();
        return ST_OK;
    }
    if (numeric_sign(base) == 0 && numeric_sign(exponent) < 0)
        return fail(cx, ST_ERROR, "2201F", "zero raised to a negative power is undefined");
    if (numeric_sign(exponent) == 0 || numeric_compare(base, &one) == 0) {
        *out = one;
        return ST_OK;
    }
    if (numeric_is_special(exponent)) {
        if (numeric_compare(base, &minus_one) == 0) {
            *out = one;
            return ST_OK;
        }
        size = *base;
        if (numeric_sign(base) < 0)
            TRY(fn_numeric_uminus(call, base, &size));
        order = numeric_compare(&size, &one);
        *out = (order > 0) == (numeric_sign(exponent) > 0) ? special_value(cx, NUM_PLUS_INF)
                                                           : numeric_from_i64(cx->arena, 0, 0);
        return ST_OK;
    }
    /* an infinite base, a finite exponent that is not zero */
    if (numeric_sign(exponent) < 0) {
        *out = numeric_from_i64(cx->arena, 0, 0);
        return ST_OK;
    }
    if (numeric_sign(base) < 0) {
        Num n;
        bool odd, whole;
        int scale;

        num_load(&n, exponent);
        scale = n.scale;
        num_cut(&n, 0);
        odd = mpz_odd_p(n.m);
        num_cut(&n, scale);
        {
            Num original;

            num_load(&original, exponent);
            whole = mpz_cmp(n.m, original.m) == 0;
            num_clear(&original);
        }
        num_clear(&n);
        if (!whole)
            return fail(cx, ST_ERROR, "2201F",
                        "a negative number raised to a non-integer power yields a complex result");
        *out = special_value(cx, odd ? NUM_MINUS_INF : NUM_PLUS_INF);
        return ST_OK;
    }
    *out = *base;
    return ST_OK;
}

SCALAR_FN(numeric_power)
{
    Num base, exponent, result;
    Status rc;

    if (numeric_is_special(&args[0]) || numeric_is_special(&args[1]))
        return power_special(call, &args[0], &args[1], out);
    num_load(&base, &args[0]);
    num_load(&exponent, &args[1]);
    num_init(&result);
    rc = num_power(call->cx, &base, &exponent, &result);
    if (rc == ST_OK)
        rc = num_store(call->cx, &result, out);
    num_clear(&base);
    num_clear(&exponent);
    num_clear(&result);
    return rc;
}
