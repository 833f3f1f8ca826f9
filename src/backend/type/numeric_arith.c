/* numeric_arith.c - numeric: + - * / % and what follows from them.
 *
 * Three speeds. Vectors of the short form go through the kernels; single values whose coefficients fit in
 * 128 bits are calculated there; everything else is GMP. All three give the same digits, because each
 * computes the exact result, or the exact quotient rounded once to the scale PostgreSQL's rules ask for. */
#include "backend/type/kernels_int.h"
#include "backend/type/numeric_int.h"
#include "backend/type/type_int.h"

#include <string.h>

#include "backend/type/pow10.h"

enum { SIGNIFICANT_DIGITS_LEAST = 16, RESULT_SCALE_MOST = 2000 };

/* --- 128 bits ------------------------------------------------------------------------------------------------ */
typedef struct Small {
    __int128 m;
    int scale;
} Small;

static bool
small_load(const Value *v, Small *out)
{
    unsigned header;
    unsigned __int128 m = 0;
    size_t bytes;

    if (v->phys == PHYS_DEC64) {
        *out = (Small){v->i64, v->scale};
        return v->i64 != INT64_MIN;
    }
    header = get_u16(v->var.data);
    bytes = v->var.bytes - 2;
    if (bytes > 15 || (header & 0x8000) != 0)
        return false;
    memcpy(&m, v->var.data + 2, bytes);
    out->m = header & 0x4000 ? -(__int128)m : (__int128)m;
    out->scale = (int)(header & 0x3fff);
    return true;
}

static bool
small_shift(__int128 *m, int power)
{
    for (; power > 0; power -= POW10_I64_MOST)
        if (__builtin_mul_overflow(*m, (__int128)pow10_i64(MIN_OF(power, POW10_I64_MOST)), m))
            return false;
    return true;
}

static bool
small_align(Small *a, Small *b)
{
    if (a->scale < b->scale) {
        if (b->scale - a->scale > 38 || !small_shift(&a->m, b->scale - a->scale))
            return false;
        a->scale = b->scale;
    } else if (a->scale > b->scale) {
        if (a->scale - b->scale > 38 || !small_shift(&b->m, a->scale - b->scale))
            return false;
        b->scale = a->scale;
    }
    return true;
}

static int
small_digits(unsigned __int128 m)
{
    int digits = 1;

    for (; m >= (unsigned __int128)UINT64_C(1000000000000000000); digits += 18)
        m /= UINT64_C(1000000000000000000);
    for (uint64_t low = (uint64_t)m; low >= 10; low /= 10)
        digits++;
    return digits;
}

static int
quotient_scale(int weight1, int first1, int weight2, int first2, int scale1, int scale2)
{
    int weight = weight1 - weight2, scale;

    if (first1 <= first2)
        weight--;
    scale = SIGNIFICANT_DIGITS_LEAST - weight * 4;
    scale = MAX_OF(scale, MAX_OF(scale1, scale2));
    return MIN_OF(MAX_OF(scale, 0), NUMERIC_PRECISION_MOST);
}

int
num_div_scale(const Num *a, const Num *b)
{
    int wa, fa, wb, fb;

    num_weight_10000(a, &wa, &fa);
    num_weight_10000(b, &wb, &fb);
    return quotient_scale(wa, fa, wb, fb, a->scale, b->scale);
}

static bool
small_weight(const Small *s, int *weight, int *first)
{
    unsigned __int128 m = s->m < 0 ? -(unsigned __int128)s->m : (unsigned __int128)s->m;
    int decimal, shift;

    *weight = *first = 0;
    if (m == 0)
        return true;
    decimal = small_digits(m) - s->scale - 1;
    *weight = decimal >= 0 ? decimal / 4 : -((3 - decimal) / 4);
    for (shift = s->scale + 4 * *weight; shift > 0; shift -= MIN_OF(shift, POW10_I64_MOST))
        m /= (uint64_t)pow10_i64(MIN_OF(shift, POW10_I64_MOST));
    if (shift < 0)
        m *= (uint64_t)pow10_i64(-shift); /* at most three zeros: the first group is filled up */
    *first = (int)m;
    return true;
}

static bool
small_div(const Small *a, const Small *b, __int128 *quotient, int *scale)
{
    int wa, fa, wb, fb;
    __int128 m = a->m, rest;

    small_weight(a, &wa, &fa);
    small_weight(b, &wb, &fb);
    *scale = quotient_scale(wa, fa, wb, fb, a->scale, b->scale);
    if (*scale + b->scale - a->scale > 38 || !small_shift(&m, *scale + b->scale - a->scale))
        return false;
    *quotient = m / b->m;
    rest = m % b->m;
    if (rest < 0)
        rest = -rest;
    {
        __int128 divisor = b->m < 0 ? -b->m : b->m;

        if (rest >= divisor - rest)
            *quotient += (m < 0) != (b->m < 0) ? -1 : 1;
    }
    return true;
}

/* --- special values -------------------------------------------------------------------------------------------- */
static bool
either_special(const Value *a, const Value *b)
{
    return numeric_is_special(a) || numeric_is_special(b);
}

static Value
infinity(Ctx *cx, int sign)
{
    Num n;
    Value v;

    num_init(&n);
    n.kind = sign > 0 ? NUM_PLUS_INF : NUM_MINUS_INF;
    v = num_store_in(cx->arena, &n);
    num_clear(&n);
    return v;
}

static Value
add_special(Ctx *cx, const Value *a, const Value *b, int sign_of_b)
{
    int sa = numeric_is_special(a) ? numeric_sign(a) : 0;
    int sb = numeric_is_special(b) ? numeric_sign(b) * sign_of_b : 0;

    if (numeric_is_nan(a) || numeric_is_nan(b) || sa * sb < 0)
        return numeric_nan();
    return infinity(cx, sa != 0 ? sa : sb);
}

static Status
fail_zero(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22012", "division by zero");
}

/* --- GMP --------------------------------------------------------------------------------------------------------- */
typedef void (*MpzOp)(mpz_ptr, mpz_srcptr, mpz_srcptr);

/* Both brought to one scale, then `op`. */
static Status
aligned(Ctx *cx, const Value *a, const Value *b, MpzOp op, Value *out)
{
    Num x, y;
    Status rc;

    num_load(&x, a);
    num_load(&y, b);
    if (x.scale < y.scale)
        num_cut(&x, y.scale);
    else
        num_cut(&y, x.scale);
    op(x.m, x.m, y.m);
    rc = num_store(cx, &x, out);
    num_clear(&x);
    num_clear(&y);
    return rc;
}

void
num_div(Num *out, const Num *a, const Num *b, int scale)
{
    int shift = scale + b->scale - a->scale;
    mpz_t numerator, divisor, rest;
    int sign = mpz_sgn(a->m) * mpz_sgn(b->m);

    ASSERT(mpz_sgn(b->m) != 0);
    mpz_init(numerator);
    mpz_init(divisor);
    mpz_init(rest);
    num_pow10(rest, (unsigned long)(shift < 0 ? -shift : shift));
    if (shift >= 0) {
        mpz_mul(numerator, a->m, rest);
        mpz_set(divisor, b->m);
    } else {
        mpz_set(numerator, a->m);
        mpz_mul(divisor, b->m, rest);
    }
    mpz_tdiv_qr(out->m, rest, numerator, divisor);
    mpz_mul_2exp(rest, rest, 1);
    if (mpz_cmpabs(rest, divisor) >= 0) {
        if (sign < 0)
            mpz_sub_ui(out->m, out->m, 1);
        else
            mpz_add_ui(out->m, out->m, 1);
    }
    out->scale = scale;
    out->kind = NUM_FINITE;
    mpz_clear(numerator);
    mpz_clear(divisor);
    mpz_clear(rest);
}

/* --- values ------------------------------------------------------------------------------------------------------ */
Status
numeric_add_values(Ctx *cx, const Value *a, const Value *b, Value *out)
{
    Small x, y;
    __int128 sum;

    if (small_load(a, &x) && small_load(b, &y) && small_align(&x, &y) &&
        !__builtin_add_overflow(x.m, y.m, &sum)) {
        *out = numeric_from_i128(cx->arena, sum, x.scale);
        return ST_OK;
    }
    if (either_special(a, b)) {
        *out = add_special(cx, a, b, 1);
        return ST_OK;
    }
    return aligned(cx, a, b, mpz_add, out);
}

Status
numeric_sub_values(Ctx *cx, const Value *a, const Value *b, Value *out)
{
    Small x, y;
    __int128 difference;

    if (small_load(a, &x) && small_load(b, &y) && small_align(&x, &y) &&
        !__builtin_sub_overflow(x.m, y.m, &difference)) {
        *out = numeric_from_i128(cx->arena, difference, x.scale);
        return ST_OK;
    }
    if (either_special(a, b)) {
        *out = add_special(cx, a, b, -1);
        return ST_OK;
    }
    return aligned(cx, a, b, mpz_sub, out);
}

Status
numeric_mul_values(Ctx *cx, const Value *a, const Value *b, Value *out)
{
    Small x, y;
    __int128 product;
    Num nx, ny;
    Status rc;

    if (small_load(a, &x) && small_load(b, &y) && x.scale + y.scale <= NUMERIC_SCALE_MOST &&
        !__builtin_mul_overflow(x.m, y.m, &product)) {
        *out = numeric_from_i128(cx->arena, product, x.scale + y.scale);
        return ST_OK;
    }
    if (either_special(a, b)) {
        int sign = numeric_sign(a) * numeric_sign(b);

        if (numeric_is_nan(a) || numeric_is_nan(b) || sign == 0)
            *out = numeric_nan();
        else
            *out = infinity(cx, sign);
        return ST_OK;
    }
    num_load(&nx, a);
    num_load(&ny, b);
    mpz_mul(nx.m, nx.m, ny.m);
    nx.scale += ny.scale;
    if (nx.scale > NUMERIC_SCALE_MOST)
        num_rescale(&nx, NUMERIC_SCALE_MOST);
    rc = num_store(cx, &nx, out);
    num_clear(&nx);
    num_clear(&ny);
    return rc;
}

/* What is left when an operand of a division is special; true when that settled it. */
static bool
div_special(Ctx *cx, const Value *a, const Value *b, Value *out, Status *rc)
{
    *rc = ST_OK;
    if (!either_special(a, b))
        return false;
    if (numeric_is_nan(a) || numeric_is_nan(b) || (numeric_is_special(a) && numeric_is_special(b)))
        *out = numeric_nan();
    else if (numeric_is_special(b))
        *out = numeric_from_i64(cx->arena, 0, 0);
    else if (numeric_sign(b) == 0)
        *rc = fail_zero(cx);
    else
        *out = infinity(cx, numeric_sign(a) * numeric_sign(b));
    return true;
}

Status
numeric_div_values(Ctx *cx, const Value *a, const Value *b, Value *out)
{
    Small x, y;
    __int128 quotient;
    int scale;
    Num nx, ny;
    Status rc;

    if (div_special(cx, a, b, out, &rc))
        return rc;
    if (numeric_sign(b) == 0)
        return fail_zero(cx);
    if (small_load(a, &x) && small_load(b, &y) && small_div(&x, &y, &quotient, &scale)) {
        *out = numeric_from_i128(cx->arena, quotient, scale);
        return ST_OK;
    }
    num_load(&nx, a);
    num_load(&ny, b);
    num_div(&nx, &nx, &ny, num_div_scale(&nx, &ny));
    rc = num_store(cx, &nx, out);
    num_clear(&nx);
    num_clear(&ny);
    return rc;
}

Status
numeric_round_to(Ctx *cx, const Value *v, int scale, Value *out)
{
    Num n;
    Status rc;

    if (numeric_is_special(v)) {
        *out = *v;
        return ST_OK;
    }
    num_load(&n, v);
    num_rescale(&n, scale);
    if (n.scale < 0)
        num_cut(&n, 0);
    rc = num_store(cx, &n, out);
    num_clear(&n);
    return rc;
}

/* --- vectors ------------------------------------------------------------------------------------------------------ */
typedef Status (*ValueOp)(Ctx *cx, const Value *a, const Value *b, Value *out);

/* Row by row into the packed form: the short one was not there or did not suffice. */
static Status
packed(FnCall *call, Vector *const *args, ValueOp op, Vector *out)
{
    Arena *a = call->cx->arena;

    if (out->phys != PHYS_VAR)
        vector_init(out, a, PHYS_VAR, call->capacity_rows);
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        Value x = vector_get(args[0], row), y = vector_get(args[1], row), v;

        TRY(op(call->cx, &x, &y, &v));
        if (call->capacity_rows == 1 && v.phys == PHYS_DEC64) {
            out->phys = PHYS_DEC64;
            out->scale = v.scale;
        } else {
            v = numeric_pack(a, &v);
        }
        vector_set(out, a, row, call->capacity_rows, v);
    }
    return ST_OK;
}

static bool
both_short(Vector *const *args)
{
    return args[0]->phys == PHYS_DEC64 && args[1]->phys == PHYS_DEC64;
}

/* A VarRef is wider than 64 bits, so the memory that came with `out` serves either form. */
static Status
arithmetic(FnCall *call, Vector *const *args, DecimalKernel kernel, ValueOp op, Vector *out)
{
    if (both_short(args)) {
        out->phys = PHYS_DEC64;
        if (kernel(call, args, out) && out->scale <= NUMERIC_DEC64_SCALE_MOST)
            return ST_OK;
        out->phys = PHYS_VAR;
        out->scale = 0;
    }
    return packed(call, args, op, out);
}

KERNEL_FN(numeric_add)
{
    return arithmetic(call, args, k_dec64_add, numeric_add_values, out);
}

KERNEL_FN(numeric_sub)
{
    return arithmetic(call, args, k_dec64_sub, numeric_sub_values, out);
}

KERNEL_FN(numeric_mul)
{
    return arithmetic(call, args, k_dec64_mul, numeric_mul_values, out);
}

KERNEL_FN(numeric_div)
{
    return packed(call, args, numeric_div_values, out);
}

#define COMPARE_KERNEL(name, test)                                                                             \
    KERNEL_FN(numeric_##name)                                                                                  \
    {                                                                                                          \
        uint8_t *result = out->data;                                                                           \
                                                                                                               \
        if (both_short(args) && k_dec64_##name(call, args, out))                                               \
            return ST_OK;                                                                                      \
        for (uint32_t k = 0; k < call->rows.count; k++) {                                                      \
            uint32_t row = rows_at(call->rows, k);                                                             \
            Value x = vector_get(args[0], row), y = vector_get(args[1], row);                                  \
                                                                                                               \
            result[row] = numeric_compare(&x, &y) test 0;                                                      \
        }                                                                                                      \
        return ST_OK;                                                                                          \
    }
COMPARE_KERNEL(eq, ==)
COMPARE_KERNEL(ne, !=)
COMPARE_KERNEL(lt, <)
COMPARE_KERNEL(le, <=)
COMPARE_KERNEL(gt, >)
COMPARE_KERNEL(ge, >=)

/* --- remainder, whole quotient ------------------------------------------------------------------------------------ */
SCALAR_FN(numeric_mod)
{
    const Value *a = &args[0], *b = &args[1];

    if (either_special(a, b)) {
        if (numeric_is_nan(a) || numeric_is_nan(b)) {
            *out = numeric_nan();
        } else if (numeric_is_special(a)) {
            if (numeric_sign(b) == 0)
                return fail_zero(call->cx);
            *out = numeric_nan();
        } else {
            *out = *a;
        }
        return ST_OK;
    }
    if (numeric_sign(b) == 0)
        return fail_zero(call->cx);
    return aligned(call->cx, a, b, mpz_tdiv_r, out);
}

SCALAR_FN(numeric_div_trunc)
{
    Num x, y;
    Status rc;

    if (div_special(call->cx, &args[0], &args[1], out, &rc))
        return rc;
    if (numeric_sign(&args[1]) == 0)
        return fail_zero(call->cx);
    num_load(&x, &args[0]);
    num_load(&y, &args[1]);
    if (x.scale < y.scale)
        num_cut(&x, y.scale);
    else
        num_cut(&y, x.scale);
    mpz_tdiv_q(x.m, x.m, y.m);
    x.scale = 0;
    rc = num_store(call->cx, &x, out);
    num_clear(&x);
    num_clear(&y);
    return rc;
}

/* --- one argument --------------------------------------------------------------------------------------------------- */
SCALAR_FN(numeric_uminus)
{
    Value zero = numeric_from_i64(call->cx->arena, 0, 0);

    if (numeric_is_special(&args[0])) {
        *out = numeric_is_nan(&args[0]) ? args[0] : infinity(call->cx, -numeric_sign(&args[0]));
        return ST_OK;
    }
    return numeric_sub_values(call->cx, &zero, &args[0], out);
}

SCALAR_FN(numeric_uplus)
{
    *out = args[0];
    return ST_OK;
}

SCALAR_FN(numeric_abs)
{
    if (numeric_sign(&args[0]) < 0)
        return fn_numeric_uminus(call, args, out);
    *out = args[0];
    return ST_OK;
}

SCALAR_FN(numeric_sign)
{
    *out = numeric_is_nan(&args[0]) ? args[0] : numeric_from_i64(call->cx->arena, numeric_sign(&args[0]), 0);
    return ST_OK;
}

SCALAR_FN(numeric_inc)
{
    Value one = numeric_from_i64(call->cx->arena, 1, 0);

    return numeric_add_values(call->cx, &args[0], &one, out);
}

SCALAR_FN(numeric_round)
{
    int scale = MIN_OF(MAX_OF(args[1].i32, -RESULT_SCALE_MOST), RESULT_SCALE_MOST);

    return numeric_round_to(call->cx, &args[0], scale, out);
}

SCALAR_FN(numeric_round0)
{
    return numeric_round_to(call->cx, &args[0], 0, out);
}

static Status
truncate_to(Ctx *cx, const Value *v, int scale, Value *out)
{
    Num n;
    Status rc;

    if (numeric_is_special(v)) {
        *out = *v;
        return ST_OK;
    }
    num_load(&n, v);
    num_cut(&n, scale);
    if (n.scale < 0)
        num_cut(&n, 0);
    rc = num_store(cx, &n, out);
    num_clear(&n);
    return rc;
}

SCALAR_FN(numeric_trunc)
{
    return truncate_to(call->cx, &args[0], MIN_OF(MAX_OF(args[1].i32, -RESULT_SCALE_MOST), RESULT_SCALE_MOST),
                       out);
}

SCALAR_FN(numeric_trunc0)
{
    return truncate_to(call->cx, &args[0], 0, out);
}

static Status
toward(FnCall *call, const Value *v, bool up, Value *out)
{
    Num n;
    mpz_t unit;
    Status rc;

    if (numeric_is_special(v)) {
        *out = *v;
        return ST_OK;
    }
    num_load(&n, v);
    mpz_init(unit);
    num_pow10(unit, (unsigned long)n.scale);
    if (up)
        mpz_cdiv_q(n.m, n.m, unit);
    else
        mpz_fdiv_q(n.m, n.m, unit);
    n.scale = 0;
    rc = num_store(call->cx, &n, out);
    mpz_clear(unit);
    num_clear(&n);
    return rc;
}

SCALAR_FN(numeric_ceil)
{
    return toward(call, &args[0], true, out);
}

SCALAR_FN(numeric_floor)
{
    return toward(call, &args[0], false, out);
}

/* --- scale ------------------------------------------------------------------------------------------------------------ */
SCALAR_FN(numeric_scale)
{
    if (numeric_is_special(&args[0]))
        *out = value_null();
    else
        out->i32 = numeric_scale(&args[0]);
    return ST_OK;
}

/* Scale without the trailing zeros behind the point. */
static void
trim(Num *n)
{
    while (n->scale > 0 && mpz_divisible_ui_p(n->m, 10)) {
        mpz_divexact_ui(n->m, n->m, 10);
        n->scale--;
    }
}

SCALAR_FN(numeric_min_scale)
{
    Num n;

    if (numeric_is_special(&args[0])) {
        *out = value_null();
        return ST_OK;
    }
    num_load(&n, &args[0]);
    trim(&n);
    out->i32 = n.scale;
    num_clear(&n);
    return ST_OK;
}

SCALAR_FN(numeric_trim_scale)
{
    Num n;

    if (numeric_is_special(&args[0])) {
        *out = args[0];
        return ST_OK;
    }
    num_load(&n, &args[0]);
    trim(&n);
    *out = num_store_in(call->cx->arena, &n);
    num_clear(&n);
    return ST_OK;
}

/* --- divisors, factorial ------------------------------------------------------------------------------------------------ */
SCALAR_FN(numeric_gcd)
{
    if (either_special(&args[0], &args[1])) {
        *out = numeric_nan();
        return ST_OK;
    }
    return aligned(call->cx, &args[0], &args[1], mpz_gcd, out);
}

SCALAR_FN(numeric_lcm)
{
    if (either_special(&args[0], &args[1])) {
        *out = numeric_nan();
        return ST_OK;
    }
    return aligned(call->cx, &args[0], &args[1], mpz_lcm, out);
}

SCALAR_FN(numeric_fac)
{
    Num n;
    Status rc;

    if (args[0].i64 < 0)
        return fail(call->cx, ST_ERROR, "22003", "factorial of a negative number is undefined");
    if (args[0].i64 > 32177)
        return fail(call->cx, ST_ERROR, "22003", "value overflows numeric format");
    num_init(&n);
    mpz_fac_ui(n.m, (unsigned long)args[0].i64);
    rc = num_store(call->cx, &n, out);
    num_clear(&n);
    return rc;
}

/* --- histogram buckets ---------------------------------------------------------------------------------------------------- */
SCALAR_FN(width_bucket_numeric)
{
    Ctx *cx = call->cx;
    const Value *x = &args[0], *low = &args[1], *high = &args[2];
    int32_t count = args[3].i32;
    bool rising;
    Num a, b, c;
    int64_t bucket;

    if (count <= 0)
        return fail(cx, ST_ERROR, "2201G", "count must be greater than zero");
    if (numeric_is_nan(x) || numeric_is_nan(low) || numeric_is_nan(high))
        return fail(cx, ST_ERROR, "2201G", "operand, lower bound, and upper bound cannot be NaN");
    if (numeric_is_special(low) || numeric_is_special(high))
        return fail(cx, ST_ERROR, "2201G", "lower and upper bounds must be finite");
    if (numeric_compare(low, high) == 0)
        return fail(cx, ST_ERROR, "2201G", "lower bound cannot equal upper bound");
    rising = numeric_compare(low, high) < 0;
    if (rising ? numeric_compare(x, low) < 0 : numeric_compare(x, low) > 0) {
        out->i32 = 0;
        return ST_OK;
    }
    if (rising ? numeric_compare(x, high) >= 0 : numeric_compare(x, high) <= 0) {
        if (__builtin_add_overflow(count, 1, &out->i32))
            return fail_int_range(cx, "integer");
        return ST_OK;
    }
    /* floor(|x - low| * count / |high - low|) + 1 */
    num_load(&a, x);
    num_load(&b, low);
    num_load(&c, high);
    {
        int scale = MAX_OF(a.scale, MAX_OF(b.scale, c.scale));

        num_cut(&a, scale);
        num_cut(&b, scale);
        num_cut(&c, scale);
    }
    mpz_sub(a.m, a.m, b.m);
    mpz_sub(c.m, c.m, b.m);
    mpz_mul_si(a.m, a.m, count);
    mpz_tdiv_q(a.m, a.m, c.m);
    bucket = mpz_get_si(a.m) + 1;
    num_clear(&a);
    num_clear(&b);
    num_clear(&c);
    out->i32 = (int32_t)bucket;
    return ST_OK;
}

SCALAR_FN(in_range_numeric)
{
    bool sub = args[3].b, less = args[4].b;
    Value edge;
    int order;

    if (numeric_is_nan(&args[2]) || numeric_sign(&args[2]) < 0)
        return fail(call->cx, ST_ERROR, "22013", "invalid preceding or following size in window function");
    if (numeric_is_nan(&args[0]) || numeric_is_nan(&args[1])) {
        order = numeric_compare(&args[0], &args[1]);
        out->b = order == 0 || (less ? order < 0 : order > 0);
        return ST_OK;
    }
    if (numeric_is_special(&args[2]) && numeric_is_special(&args[1]) &&
        (sub ? numeric_sign(&args[1]) > 0 : numeric_sign(&args[1]) < 0)) {
        out->b = true;
        return ST_OK;
    }
    TRY((sub ? numeric_sub_values : numeric_add_values)(call->cx, &args[1], &args[2], &edge));
    order = numeric_compare(&args[0], &edge);
    out->b = less ? order <= 0 : order >= 0;
    return ST_OK;
}
