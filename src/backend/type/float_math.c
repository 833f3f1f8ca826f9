/* float_math.c - functions of real numbers.
 *
 * The C library computes; what is ours is the border: PostgreSQL raises an error where C would answer
 * infinity, zero or NaN for finite arguments, and gives the trigonometric functions of degrees the
 * exact values one expects at the well-known angles. */
#include <math.h>
#include <stdio.h>

#include "backend/type/float.h"
#include "backend/type/type_int.h"
#include "base/env.h"

static Status
fail_domain(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22003", "input is out of range");
}

/* A finite argument must give a finite result, and zero only where zero is right. */
static Status
checked(Ctx *cx, double v, bool inf_is_right, bool zero_is_right, Value *out)
{
    if (UNLIKELY(isinf(v)) && !inf_is_right)
        return fail_float_overflow(cx);
    if (UNLIKELY(v == 0) && !zero_is_right)
        return fail_float_underflow(cx);
    out->f64 = v;
    return ST_OK;
}

/* --- rounding, roots, powers ------------------------------------------------------------------------ */
SCALAR_FN(dround)
{
    out->f64 = rint(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dtrunc)
{
    out->f64 = trunc(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dceil)
{
    out->f64 = ceil(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dfloor)
{
    out->f64 = floor(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dsign)
{
    out->f64 = args[0].f64 > 0 ? 1 : args[0].f64 < 0 ? -1 : 0;
    return ST_OK;
}

SCALAR_FN(dsqrt)
{
    double x = args[0].f64;

    if (x < 0)
        return fail(call->cx, ST_ERROR, "2201F", "cannot take square root of a negative number");
    return checked(call->cx, sqrt(x), isinf(x), x == 0, out);
}

SCALAR_FN(dcbrt)
{
    return checked(call->cx, cbrt(args[0].f64), isinf(args[0].f64), args[0].f64 == 0, out);
}

SCALAR_FN(dexp)
{
    double x = args[0].f64;

    if (isnan(x)) {
        out->f64 = x;
        return ST_OK;
    }
    return checked(call->cx, exp(x), isinf(x), isinf(x), out);
}

static Status
check_log(Ctx *cx, double x)
{
    if (x == 0)
        return fail(cx, ST_ERROR, "2201E", "cannot take logarithm of zero");
    if (x < 0)
        return fail(cx, ST_ERROR, "2201E", "cannot take logarithm of a negative number");
    return ST_OK;
}

SCALAR_FN(dlog1)
{
    TRY(check_log(call->cx, args[0].f64));
    return checked(call->cx, log(args[0].f64), isinf(args[0].f64), args[0].f64 == 1, out);
}

SCALAR_FN(dlog10)
{
    TRY(check_log(call->cx, args[0].f64));
    return checked(call->cx, log10(args[0].f64), isinf(args[0].f64), args[0].f64 == 1, out);
}

SCALAR_FN(dpow)
{
    double x = args[0].f64, y = args[1].f64, v;

    /* as IEEE: anything to the power of 0 is 1, 1 to any power is 1; otherwise NaN stays NaN */
    if (isnan(x) || isnan(y)) {
        out->f64 = y == 0 || x == 1 ? 1.0 : (double)NAN;
        return ST_OK;
    }
    if (x == 0 && y < 0)
        return fail(call->cx, ST_ERROR, "2201F", "zero raised to a negative power is undefined");
    if (x < 0 && floor(y) != y)
        return fail(call->cx, ST_ERROR, "2201F",
                    "a negative number raised to a non-integer power yields a complex result");
    v = pow(x, y);
    return checked(call->cx, v, isinf(x) || isinf(y), x == 0 || isinf(x) || isinf(y), out);
}

/* --- radians ------------------------------------------------------------------------------------------ */
static Status
of_finite(FnCall *call, double x, double (*f)(double), Value *out)
{
    double v;

    if (isnan(x)) {
        out->f64 = x;
        return ST_OK;
    }
    if (isinf(x))
        return fail_domain(call->cx);
    v = f(x);
    if (isinf(v))
        return fail_float_overflow(call->cx);
    out->f64 = v;
    return ST_OK;
}

SCALAR_FN(dsin)
{
    return of_finite(call, args[0].f64, sin, out);
}

SCALAR_FN(dcos)
{
    return of_finite(call, args[0].f64, cos, out);
}

static Status
of_finite_inf(FnCall *call, double x, double v, Value *out)
{
    if (isinf(x))
        return fail_domain(call->cx);
    out->f64 = v;
    return ST_OK;
}

SCALAR_FN(dtan)
{
    return of_finite_inf(call, args[0].f64, tan(args[0].f64), out);
}

SCALAR_FN(dcot)
{
    return of_finite_inf(call, args[0].f64, 1.0 / tan(args[0].f64), out);
}

static Status
of_unit(FnCall *call, double x, double (*f)(double), Value *out)
{
    if (x < -1 || x > 1)
        return fail_domain(call->cx);
    out->f64 = f(x);
    return ST_OK;
}

SCALAR_FN(dasin)
{
    return of_unit(call, args[0].f64, asin, out);
}

SCALAR_FN(dacos)
{
    return of_unit(call, args[0].f64, acos, out);
}

SCALAR_FN(datan)
{
    out->f64 = atan(args[0].f64);
    return ST_OK;
}

SCALAR_FN(datan2)
{
    out->f64 = atan2(args[0].f64, args[1].f64);
    return ST_OK;
}

SCALAR_FN(dsinh)
{
    out->f64 = sinh(args[0].f64); /* infinity is a fine answer here, in PostgreSQL too */
    return ST_OK;
}

SCALAR_FN(dcosh)
{
    out->f64 = cosh(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dtanh)
{
    out->f64 = tanh(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dasinh)
{
    out->f64 = asinh(args[0].f64);
    return ST_OK;
}

SCALAR_FN(dacosh)
{
    if (args[0].f64 < 1)
        return fail_domain(call->cx);
    out->f64 = acosh(args[0].f64);
    return ST_OK;
}

SCALAR_FN(datanh)
{
    double x = args[0].f64;

    if (x < -1 || x > 1)
        return fail_domain(call->cx);
    out->f64 = x == 1 ? (double)INFINITY : x == -1 ? -(double)INFINITY : atanh(x);
    return ST_OK;
}

/* --- degrees ------------------------------------------------------------------------------------------ */
static const double radians_per_degree = 0.0174532925199432957692;

/* Dividing by the library's own value at the well-known angle makes that angle exact, whatever the
 * library's last bit says. The volatile keeps the compiler from computing it with another library. */
static double
sin_upto_30(double degrees)
{
    volatile double thirty = 30.0;

    return sin(degrees * radians_per_degree) / sin(thirty * radians_per_degree) / 2.0;
}

static double
cos_upto_60(double degrees)
{
    volatile double sixty = 60.0;

    return 1.0 - (1.0 - cos(degrees * radians_per_degree)) / (1.0 - cos(sixty * radians_per_degree)) / 2.0;
}

static double
sin_quadrant(double degrees)
{
    return degrees <= 30 ? sin_upto_30(degrees) : cos_upto_60(90 - degrees);
}

static double
cos_quadrant(double degrees)
{
    return degrees <= 60 ? cos_upto_60(degrees) : sin_upto_30(90 - degrees);
}

/* Brings the angle into 0..90 and tells how the signs of sine and cosine turn. */
static double
fold_angle(double degrees, double *sin_sign, double *cos_sign)
{
    *sin_sign = *cos_sign = 1;
    degrees = fmod(degrees, 360.0);
    if (degrees < 0) {
        degrees = -degrees;
        *sin_sign = -1;
    }
    if (degrees > 180) {
        degrees = 360 - degrees;
        *sin_sign = -*sin_sign;
    }
    if (degrees > 90) {
        degrees = 180 - degrees;
        *cos_sign = -1;
    }
    return degrees;
}

static bool
degrees_special(FnCall *call, double x, Value *out, Status *rc)
{
    *rc = ST_OK;
    if (isnan(x)) {
        out->f64 = x;
        return true;
    }
    if (isinf(x)) {
        *rc = fail_domain(call->cx);
        return true;
    }
    return false;
}

SCALAR_FN(dsind)
{
    double s, c, x = fold_angle(args[0].f64, &s, &c);
    Status rc;

    if (!degrees_special(call, args[0].f64, out, &rc))
        out->f64 = s * sin_quadrant(x);
    return rc;
}

SCALAR_FN(dcosd)
{
    double s, c, x = fold_angle(args[0].f64, &s, &c);
    Status rc;

    if (!degrees_special(call, args[0].f64, out, &rc))
        out->f64 = c * cos_quadrant(x);
    return rc;
}

SCALAR_FN(dtand)
{
    double s, c, x = fold_angle(args[0].f64, &s, &c), v;
    Status rc;

    if (degrees_special(call, args[0].f64, out, &rc))
        return rc;
    v = s * c * (sin_quadrant(x) / cos_quadrant(x)) / (sin_quadrant(45) / cos_quadrant(45));
    out->f64 = v == 0 ? 0 : v; /* no minus zero */
    return ST_OK;
}

SCALAR_FN(dcotd)
{
    double s, c, x = fold_angle(args[0].f64, &s, &c), v;
    Status rc;

    if (degrees_special(call, args[0].f64, out, &rc))
        return rc;
    v = s * c * (cos_quadrant(x) / sin_quadrant(x)) / (cos_quadrant(45) / sin_quadrant(45));
    out->f64 = v == 0 ? 0 : v;
    return ST_OK;
}

static double
asin_quadrant(double x)
{
    volatile double half = 0.5;

    return x <= 0.5 ? asin(x) / asin(half) * 30.0 : 90.0 - acos(x) / acos(half) * 60.0;
}

static double
acos_quadrant(double x)
{
    volatile double half = 0.5;

    return x <= 0.5 ? 90.0 - asin(x) / asin(half) * 30.0 : acos(x) / acos(half) * 60.0;
}

SCALAR_FN(dasind)
{
    double x = args[0].f64;

    if (x < -1 || x > 1)
        return fail_domain(call->cx);
    out->f64 = isnan(x) ? x : x >= 0 ? asin_quadrant(x) : -asin_quadrant(-x);
    return ST_OK;
}

SCALAR_FN(dacosd)
{
    double x = args[0].f64;

    if (x < -1 || x > 1)
        return fail_domain(call->cx);
    out->f64 = isnan(x) ? x : x >= 0 ? acos_quadrant(x) : 90.0 + asin_quadrant(-x);
    return ST_OK;
}

SCALAR_FN(datand)
{
    volatile double one = 1.0;

    out->f64 = atan(args[0].f64) / atan(one) * 45.0;
    return ST_OK;
}

SCALAR_FN(datan2d)
{
    volatile double one = 1.0;

    out->f64 = atan2(args[0].f64, args[1].f64) / atan(one) * 45.0;
    return ST_OK;
}

SCALAR_FN(degrees)
{
    return checked(call->cx, args[0].f64 / radians_per_degree, isinf(args[0].f64), args[0].f64 == 0, out);
}

SCALAR_FN(radians)
{
    return checked(call->cx, args[0].f64 * radians_per_degree, isinf(args[0].f64), args[0].f64 == 0, out);
}

SCALAR_FN(dpi)
{
    out->f64 = M_PI;
    return ST_OK;
}

/* --- random numbers: xoroshiro128** (Blackman, Vigna), seeded by splitmix64, as PostgreSQL 15 -------- */
static uint64_t
rotate_left(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t
random_next(RandomState *r)
{
    uint64_t a = r->words[0], b = r->words[1], result = rotate_left(a * 5, 7) * 9;

    b ^= a;
    r->words[0] = rotate_left(a, 24) ^ b ^ b << 16;
    r->words[1] = rotate_left(b, 37);
    return result;
}

static uint64_t
splitmix(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

SCALAR_FN(drandom)
{
    RandomState own = {{0}}, *r = format_of(call->cx)->random_state;

    if (r == NULL)
        r = &own;
    if (r->words[0] == 0 && r->words[1] == 0) {
        Env *env = call->cx->env != NULL ? call->cx->env : env_system();

        if (!env->random(env, r->words, sizeof(r->words)))
            return fail(call->cx, ST_IO, "58000", "the system gives no random numbers");
        r->words[0] |= 1;
    }
    out->f64 = ldexp((double)(random_next(r) >> 12), -52);
    return ST_OK;
}

SCALAR_FN(setseed)
{
    RandomState *r = format_of(call->cx)->random_state;
    double seed = args[0].f64;
    uint64_t state;

    if (isnan(seed) || seed < -1 || seed > 1) {
        char shown[40];

        snprintf(shown, sizeof(shown), "%g", seed);
        return fail(call->cx, ST_ERROR, "22023", "setseed parameter %s is out of allowed range [-1,1]", shown);
    }
    if (r == NULL)
        return fail_unsupported(call->cx, call->location, "setseed outside a session");
    state = (uint64_t)(int64_t)((double)((UINT64_C(1) << 52) - 1) * seed);
    r->words[0] = splitmix(&state);
    r->words[1] = splitmix(&state);
    *out = value_var("", 0);
    return ST_OK;
}

/* --- histogram buckets --------------------------------------------------------------------------------- */
SCALAR_FN(width_bucket_float8)
{
    double x = args[0].f64, low = args[1].f64, high = args[2].f64;
    int32_t count = args[3].i32;
    Ctx *cx = call->cx;
    double position;
    bool rising = low < high;

    if (count <= 0)
        return fail(cx, ST_ERROR, "2201G", "count must be greater than zero");
    if (isnan(x) || isnan(low) || isnan(high))
        return fail(cx, ST_ERROR, "2201G", "operand, lower bound, and upper bound cannot be NaN");
    if (isinf(low) || isinf(high))
        return fail(cx, ST_ERROR, "2201G", "lower and upper bounds must be finite");
    if (low == high)
        return fail(cx, ST_ERROR, "2201G", "lower bound cannot equal upper bound");
    if (rising ? x < low : x > low) {
        out->i32 = 0;
        return ST_OK;
    }
    if (rising ? x >= high : x <= high) {
        if (__builtin_add_overflow(count, 1, &out->i32))
            return fail_int_range(cx, "integer");
        return ST_OK;
    }
    /* halved, where the plain difference would overflow */
    position = isinf(high - low) ? (x / 2 - low / 2) / (high / 2 - low / 2) : (x - low) / (high - low);
    out->i32 = (int32_t)MIN_OF((double)count * position, (double)count - 1) + 1;
    return ST_OK;
}
