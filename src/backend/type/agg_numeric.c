/* agg_numeric.c - sum, avg, variance and standard deviation of integers and numeric, exactly.
 *
 * Sums are kept as one 128-bit integer at the largest scale seen. It takes 2^64 additions of the short
 * form to overflow it, so the spill into a packed numeric is there for wide values only. */
#include "backend/type/agg_int.h"
#include "backend/type/numeric_int.h"

#include <string.h>

#include "backend/type/pow10.h"

/* --- NumSum -------------------------------------------------------------------------------------------------- */
static Status
spill(AggCall *call, NumSum *s, const Value *v)
{
    Value sum = s->big != NULL ? value_var(s->big, s->big_bytes) : numeric_from_i64(call->cx->arena, 0, 0);

    TRY(numeric_add_values(call->cx, &sum, v, &sum));
    sum = numeric_pack(call->cx->arena, &sum);
    if (sum.var.bytes > s->big_capacity) {
        s->big_capacity = 2 * sum.var.bytes;
        s->big = arena_alloc(call->arena, s->big_capacity);
    }
    memcpy(s->big, sum.var.data, sum.var.bytes);
    s->big_bytes = sum.var.bytes;
    return ST_OK;
}

static Status
spill_sum(AggCall *call, NumSum *s)
{
    Value v = numeric_from_i128(call->cx->arena, s->sum, s->scale);

    s->sum = 0;
    return spill(call, s, &v);
}

/* A coefficient at the scale of the sum. */
static inline Status
add_wide(AggCall *call, NumSum *s, __int128 m)
{
    __int128 sum;

    if (UNLIKELY(__builtin_add_overflow((__int128)s->sum, m, &sum))) {
        TRY(spill_sum(call, s));
        sum = m;
    }
    s->sum = sum;
    return ST_OK;
}

/* Makes the scale of the sum at least `scale`, which is one of the short form. */
static Status
raise_scale(AggCall *call, NumSum *s, int scale)
{
    __int128 sum;

    if (scale <= s->scale)
        return ST_OK;
    if (__builtin_mul_overflow((__int128)s->sum, (__int128)pow10_i64(scale - s->scale), &sum)) {
        TRY(spill_sum(call, s));
        sum = 0;
    }
    s->sum = sum;
    s->scale = scale;
    s->shown_scale = MAX_OF(s->shown_scale, scale);
    return ST_OK;
}

Status
numsum_add(AggCall *call, NumSum *s, const Value *v)
{
    if (LIKELY(v->phys == PHYS_DEC64 && v->i64 != INT64_MIN)) {
        if (UNLIKELY(v->scale > s->scale))
            TRY(raise_scale(call, s, v->scale));
        return add_wide(call, s,
                        v->scale == s->scale ? v->i64 : (__int128)v->i64 * pow10_i64(s->scale - v->scale));
    }
    if (numeric_is_special(v)) {
        if (numeric_is_nan(v))
            s->nan_count++;
        else if (numeric_sign(v) > 0)
            s->plus_inf_count++;
        else
            s->minus_inf_count++;
        return ST_OK;
    }
    s->shown_scale = MAX_OF(s->shown_scale, numeric_scale(v));
    return spill(call, s, v);
}

Status
numsum_value(Ctx *cx, const NumSum *s, Value *out)
{
    Value big, zero;

    if (s->nan_count > 0 || (s->plus_inf_count > 0 && s->minus_inf_count > 0)) {
        *out = numeric_nan();
        return ST_OK;
    }
    if (s->plus_inf_count + s->minus_inf_count > 0) {
        Num n;

        num_init(&n);
        n.kind = s->plus_inf_count > 0 ? NUM_PLUS_INF : NUM_MINUS_INF;
        *out = num_store_in(cx->arena, &n);
        num_clear(&n);
        return ST_OK;
    }
    *out = numeric_from_i128(cx->arena, s->sum, s->scale);
    if (s->big != NULL) {
        big = value_var(s->big, s->big_bytes);
        TRY(numeric_add_values(cx, out, &big, out));
    }
    if (numeric_scale(out) < s->shown_scale) { /* zeros that were added count for the display */
        zero = numeric_from_i64(cx->arena, 0, s->shown_scale);
        TRY(numeric_add_values(cx, out, &zero, out));
    }
    return ST_OK;
}

/* --- integers --------------------------------------------------------------------------------------------------- */
typedef struct IntSum {
    Wide sum;
    int64_t count;
} IntSum;

#define INT_SUM(name, ctype)                                                                                   \
    static Status name##_step(AggCall *call, void *const *states, Vector *const *args)                         \
    {                                                                                                          \
        for (uint32_t k = 0; k < call->rows.count; k++) {                                                      \
            uint32_t row = rows_at(call->rows, k);                                                             \
            IntSum *s = states[row];                                                                           \
                                                                                                               \
            s->sum += AGG_ARG(args[0], ctype, row);                                                            \
            s->count++;                                                                                        \
        }                                                                                                      \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    static Status name##_step_one(AggCall *call, void *state, Vector *const *args)                             \
    {                                                                                                          \
        IntSum *s = state;                                                                                     \
        const ctype *data = args[0]->data;                                                                     \
        uint32_t n = call->rows.count;                                                                         \
                                                                                                               \
        s->count += n;                                                                                         \
        if (args[0]->is_const) {                                                                               \
            s->sum += (__int128)data[0] * n;                                                                   \
        } else if (call->rows.sel == NULL && sizeof(ctype) < 8) {                                              \
            int64_t part = 0; /* a batch of narrow numbers cannot overflow 64 bits */                          \
                                                                                                               \
            for (uint32_t i = 0; i < n; i++)                                                                   \
                part += data[i];                                                                               \
            s->sum += part;                                                                                    \
        } else {                                                                                               \
            for (uint32_t k = 0; k < n; k++)                                                                   \
                s->sum += data[rows_at(call->rows, k)];                                                        \
        }                                                                                                      \
        return ST_OK;                                                                                          \
    }
INT_SUM(int2_sum, int16_t)
INT_SUM(int4_sum, int32_t)
INT_SUM(int8_sum, int64_t)

static Status
int_sum_finish(AggCall *call, void *state, Value *out)
{
    const IntSum *s = state;

    if (s->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    if (s->sum < INT64_MIN || s->sum > INT64_MAX)
        return fail_int_range(call->cx, "bigint");
    *out = value_i64((int64_t)s->sum);
    return ST_OK;
}

static Status
wide_sum_finish(AggCall *call, void *state, Value *out)
{
    const IntSum *s = state;

    *out = s->count == 0 ? value_null() : numeric_from_i128(call->cx->arena, s->sum, 0);
    return ST_OK;
}

static Status
average(Ctx *cx, const Value *sum, int64_t count, Value *out)
{
    Value n = numeric_from_i64(cx->arena, count, 0);

    return numeric_div_values(cx, sum, &n, out);
}

static Status
int_avg_finish(AggCall *call, void *state, Value *out)
{
    const IntSum *s = state;
    Value sum;

    if (s->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    sum = numeric_from_i128(call->cx->arena, s->sum, 0);
    return average(call->cx, &sum, s->count, out);
}

AGG_INFO(int2_sum, IntSum, int2_sum, int_sum_finish, true)
AGG_INFO(int4_sum, IntSum, int4_sum, int_sum_finish, true)
AGG_INFO(int8_sum, IntSum, int8_sum, wide_sum_finish, true)
AGG_INFO(int2_avg, IntSum, int2_sum, int_avg_finish, true)
AGG_INFO(int4_avg, IntSum, int4_sum, int_avg_finish, true)
AGG_INFO(int8_avg, IntSum, int8_sum, int_avg_finish, true)

/* --- numeric -------------------------------------------------------------------------------------------------------- */
typedef struct CountedSum {
    NumSum sum;
    int64_t count;
} CountedSum;

static inline Status
counted_add(AggCall *call, CountedSum *s, Vector *const *args, uint32_t row)
{
    Value v = vector_get(args[0], row);

    s->count++;
    return numsum_add(call, &s->sum, &v);
}
AGG_LOOPS(numeric_rows, CountedSum, counted_add)

static Status
numeric_sum_step(AggCall *call, void *const *states, Vector *const *args)
{
    const int64_t *data = args[0]->data;
    uint32_t step = !args[0]->is_const;

    if (args[0]->phys != PHYS_DEC64)
        return numeric_rows_step(call, states, args);
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        CountedSum *s = states[row];
        int64_t m = data[row * step];

        s->count++;
        if (LIKELY(s->sum.scale == args[0]->scale && m != INT64_MIN)) {
            TRY(add_wide(call, &s->sum, m));
        } else {
            Value v = {.i64 = m, .phys = PHYS_DEC64, .scale = args[0]->scale};

            TRY(numsum_add(call, &s->sum, &v));
        }
    }
    return ST_OK;
}

/* One state: the batch is summed in 128 bits without looking at anything, then checked for NaN once. */
static Status
numeric_sum_step_one(AggCall *call, void *state, Vector *const *args)
{
    CountedSum *s = state;
    const int64_t *data = args[0]->data;
    uint32_t n = call->rows.count;
    __int128 part = 0;
    bool nan = false;

    if (args[0]->phys != PHYS_DEC64 || args[0]->is_const)
        return numeric_rows_step_one(call, state, args);
    if (call->rows.sel == NULL) {
        for (uint32_t i = 0; i < n; i++) {
            part += data[i];
            nan |= data[i] == INT64_MIN;
        }
    } else {
        for (uint32_t k = 0; k < n; k++) {
            part += data[call->rows.sel[k]];
            nan |= data[call->rows.sel[k]] == INT64_MIN;
        }
    }
    if (nan)
        return numeric_rows_step_one(call, state, args);
    s->count += n;
    TRY(raise_scale(call, &s->sum, args[0]->scale));
    return add_wide(call, &s->sum, part * pow10_i64(s->sum.scale - args[0]->scale));
}

static Status
numeric_sum_finish(AggCall *call, void *state, Value *out)
{
    const CountedSum *s = state;

    if (s->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    return numsum_value(call->cx, &s->sum, out);
}

static Status
numeric_avg_finish(AggCall *call, void *state, Value *out)
{
    const CountedSum *s = state;
    Value sum;

    if (s->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    TRY(numsum_value(call->cx, &s->sum, &sum));
    return average(call->cx, &sum, s->count, out);
}

AGG_INFO(numeric_sum, CountedSum, numeric_sum, numeric_sum_finish, true)
AGG_INFO(numeric_avg, CountedSum, numeric_sum, numeric_avg_finish, true)

/* --- variance ---------------------------------------------------------------------------------------------------------- */
typedef struct Moments {
    NumSum x, xx;
    int64_t count;
} Moments;

static Status
moments_add(AggCall *call, Moments *s, const Value *v)
{
    Value square;

    s->count++;
    TRY(numsum_add(call, &s->x, v));
    if (numeric_is_special(v)) {
        s->xx.nan_count++;
        return ST_OK;
    }
    TRY(numeric_mul_values(call->cx, v, v, &square));
    return numsum_add(call, &s->xx, &square);
}

static inline Status
moments_numeric(AggCall *call, Moments *s, Vector *const *args, uint32_t row)
{
    Value v = vector_get(args[0], row);

    return moments_add(call, s, &v);
}

#define MOMENTS_INT(name, ctype)                                                                               \
    static inline Status name(AggCall *call, Moments *s, Vector *const *args, uint32_t row)                    \
    {                                                                                                          \
        const __int128 m = AGG_ARG(args[0], ctype, row);                                                       \
                                                                                                               \
        s->count++;                                                                                            \
        TRY(add_wide(call, &s->x, m));                                                                         \
        return add_wide(call, &s->xx, m * m);                                                                  \
    }
MOMENTS_INT(moments_int2, int16_t)
MOMENTS_INT(moments_int4, int32_t)
MOMENTS_INT(moments_int8, int64_t)
AGG_LOOPS(numeric_moments, Moments, moments_numeric)
AGG_LOOPS(int2_moments, Moments, moments_int2)
AGG_LOOPS(int4_moments, Moments, moments_int4)
AGG_LOOPS(int8_moments, Moments, moments_int8)

/* (n * sum(x^2) - sum(x)^2) / (n * (n - 1)), or / n^2 */
static Status
spread(AggCall *call, void *state, bool sample, bool root, Value *out)
{
    const Moments *s = state;
    Ctx *cx = call->cx;
    Value x, xx, n, divisor;
    Num numerator, denominator, result;
    int scale;
    Status rc;

    if (s->count <= (sample ? 1 : 0)) {
        *out = value_null();
        return ST_OK;
    }
    if (s->x.nan_count + s->x.plus_inf_count + s->x.minus_inf_count > 0) {
        *out = numeric_nan();
        return ST_OK;
    }
    n = numeric_from_i64(cx->arena, s->count, 0);
    divisor = numeric_from_i64(cx->arena, s->count - (sample ? 1 : 0), 0);
    TRY(numeric_mul_values(cx, &n, &divisor, &divisor));
    TRY(numsum_value(cx, &s->x, &x));
    TRY(numsum_value(cx, &s->xx, &xx));
    TRY(numeric_mul_values(cx, &x, &x, &x));
    TRY(numeric_mul_values(cx, &n, &xx, &xx));
    TRY(numeric_sub_values(cx, &xx, &x, &xx));
    if (numeric_sign(&xx) <= 0) {
        *out = numeric_from_i64(cx->arena, 0, 0);
        return ST_OK;
    }
    num_load(&numerator, &xx);
    num_load(&denominator, &divisor);
    num_init(&result);
    scale = num_div_scale(&numerator, &denominator);
    num_div(&result, &numerator, &denominator, scale);
    if (root)
        num_sqrt_to(&result, scale, &result);
    rc = num_store(cx, &result, out);
    num_clear(&numerator);
    num_clear(&denominator);
    num_clear(&result);
    return rc;
}

static Status
var_pop_finish(AggCall *call, void *state, Value *out)
{
    return spread(call, state, false, false, out);
}

static Status
var_samp_finish(AggCall *call, void *state, Value *out)
{
    return spread(call, state, true, false, out);
}

static Status
stddev_pop_finish(AggCall *call, void *state, Value *out)
{
    return spread(call, state, false, true, out);
}

static Status
stddev_samp_finish(AggCall *call, void *state, Value *out)
{
    return spread(call, state, true, true, out);
}

#define SPREADS(type)                                                                                          \
    AGG_INFO(type##_var_pop, Moments, type##_moments, var_pop_finish, true)                                    \
    AGG_INFO(type##_var_samp, Moments, type##_moments, var_samp_finish, true)                                  \
    AGG_INFO(type##_stddev_pop, Moments, type##_moments, stddev_pop_finish, true)                              \
    AGG_INFO(type##_stddev_samp, Moments, type##_moments, stddev_samp_finish, true)
SPREADS(int2)
SPREADS(int4)
SPREADS(int8)
SPREADS(numeric)
