/* agg_float.c - sum, avg, variance, correlation and regression of floating point numbers.
 *
 * The second moments follow Youngs and Cramer (1971): sum of squared deviations updated from the running
 * sum, which keeps its digits where the textbook formula cancels. */
#include <math.h>

#include "backend/type/agg_int.h"
#include "backend/type/float.h"

/* --- sum --------------------------------------------------------------------------------------------------- */
typedef struct FloatSum {
    double sum;
    int64_t any;
} FloatSum;

/* float4 sums are rounded to float4 after each step, as the type's own addition does. */
#define FLOAT_SUM(name, ctype)                                                                                 \
    static inline Status name##_add(AggCall *call, FloatSum *s, Vector *const *args, uint32_t row)             \
    {                                                                                                          \
        const ctype v = AGG_ARG(args[0], ctype, row), old = (ctype)s->sum, sum = s->any ? old + v : v;         \
                                                                                                               \
        if (UNLIKELY(isinf(sum)) && !isinf(v) && !isinf(old))                                                  \
            return fail_float_overflow(call->cx);                                                              \
        s->sum = sum;                                                                                          \
        s->any = 1;                                                                                            \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    AGG_LOOPS(name, FloatSum, name##_add)
FLOAT_SUM(float4_sum, float)
FLOAT_SUM(float8_sum, double)

static Status
float4_sum_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    const FloatSum *s = state;

    *out = s->any ? (Value){.f32 = (float)s->sum, .phys = PHYS_F32} : value_null();
    return ST_OK;
}

static Value
value_f64(double d)
{
    return (Value){.f64 = d, .phys = PHYS_F64};
}

static Status
float8_sum_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    const FloatSum *s = state;

    *out = s->any ? value_f64(s->sum) : value_null();
    return ST_OK;
}

AGG_INFO(float4_sum, FloatSum, float4_sum, float4_sum_finish, true)
AGG_INFO(float8_sum, FloatSum, float8_sum, float8_sum_finish, true)

/* --- one variable -------------------------------------------------------------------------------------------- */
typedef struct Spread {
    double n, sx, sxx;
} Spread;

static inline Status
spread_add(AggCall *call, Spread *s, double x)
{
    double old_sx = s->sx, d;

    s->n += 1;
    s->sx += x;
    if (s->n > 1) {
        d = x * s->n - s->sx;
        s->sxx += d * d / (s->n * (s->n - 1));
        if (isinf(s->sx) || isinf(s->sxx)) {
            if (!isinf(old_sx) && !isinf(x))
                return fail_float_overflow(call->cx);
            s->sxx = NAN;
        }
    } else if (isnan(x) || isinf(x)) {
        s->sxx = NAN;
    }
    return ST_OK;
}

#define SPREAD(name, ctype)                                                                                    \
    static inline Status name##_add(AggCall *call, Spread *s, Vector *const *args, uint32_t row)               \
    {                                                                                                          \
        return spread_add(call, s, AGG_ARG(args[0], ctype, row));                                              \
    }                                                                                                          \
    AGG_LOOPS(name, Spread, name##_add)
SPREAD(float4_spread, float)
SPREAD(float8_spread, double)

#define SPREAD_FINISH(name, least, EXPR)                                                                       \
    static Status name##_finish(AggCall *call FN_UNUSED_, void *state, Value *out)                             \
    {                                                                                                          \
        const Spread *s = state;                                                                               \
                                                                                                               \
        *out = s->n < (least) ? value_null() : value_f64(EXPR);                                                \
        return ST_OK;                                                                                          \
    }
SPREAD_FINISH(avg, 1, s->sx / s->n)
SPREAD_FINISH(var_pop, 1, s->sxx / s->n)
SPREAD_FINISH(var_samp, 2, s->sxx / (s->n - 1))
SPREAD_FINISH(stddev_pop, 1, sqrt(s->sxx / s->n))
SPREAD_FINISH(stddev_samp, 2, sqrt(s->sxx / (s->n - 1)))

#define SPREADS(type)                                                                                          \
    AGG_INFO(type##_avg, Spread, type##_spread, avg_finish, true)                                              \
    AGG_INFO(type##_var_pop, Spread, type##_spread, var_pop_finish, true)                                      \
    AGG_INFO(type##_var_samp, Spread, type##_spread, var_samp_finish, true)                                    \
    AGG_INFO(type##_stddev_pop, Spread, type##_spread, stddev_pop_finish, true)                                \
    AGG_INFO(type##_stddev_samp, Spread, type##_spread, stddev_samp_finish, true)
SPREADS(float4)
SPREADS(float8)

/* --- two variables: f(Y, X) -------------------------------------------------------------------------------------- */
typedef struct Pairs {
    double n, sx, sxx, sy, syy, sxy;
} Pairs;

static inline Status
pairs_add(AggCall *call, Pairs *s, Vector *const *args, uint32_t row)
{
    double y = AGG_ARG(args[0], double, row), x = AGG_ARG(args[1], double, row), dx, dy, scale;
    double old_sx = s->sx, old_sy = s->sy;

    s->n += 1;
    s->sx += x;
    s->sy += y;
    if (s->n > 1) {
        dx = x * s->n - s->sx;
        dy = y * s->n - s->sy;
        scale = 1.0 / (s->n * (s->n - 1));
        s->sxx += dx * dx * scale;
        s->syy += dy * dy * scale;
        s->sxy += dx * dy * scale;
        if (isinf(s->sx) || isinf(s->sxx) || isinf(s->sy) || isinf(s->syy) || isinf(s->sxy)) {
            if (((isinf(s->sx) || isinf(s->sxx)) && !isinf(old_sx) && !isinf(x)) ||
                ((isinf(s->sy) || isinf(s->syy)) && !isinf(old_sy) && !isinf(y)) ||
                (isinf(s->sxy) && !isinf(old_sx) && !isinf(x) && !isinf(old_sy) && !isinf(y)))
                return fail_float_overflow(call->cx);
            if (isinf(s->sxx))
                s->sxx = NAN;
            if (isinf(s->syy))
                s->syy = NAN;
            if (isinf(s->sxy))
                s->sxy = NAN;
        }
    } else {
        if (isnan(x) || isinf(x))
            s->sxx = s->sxy = NAN;
        if (isnan(y) || isinf(y))
            s->syy = s->sxy = NAN;
    }
    return ST_OK;
}
AGG_LOOPS(pairs, Pairs, pairs_add)

#define PAIRS(name, missing, EXPR)                                                                             \
    static Status name##_finish(AggCall *call FN_UNUSED_, void *state, Value *out)                             \
    {                                                                                                          \
        const Pairs *s = state;                                                                                \
                                                                                                               \
        *out = (missing) ? value_null() : value_f64(EXPR);                                                     \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    AGG_INFO(name, Pairs, pairs, name##_finish, true)

PAIRS(regr_sxx, s->n < 1, s->sxx)
PAIRS(regr_syy, s->n < 1, s->syy)
PAIRS(regr_sxy, s->n < 1, s->sxy)
PAIRS(regr_avgx, s->n < 1, s->sx / s->n)
PAIRS(regr_avgy, s->n < 1, s->sy / s->n)
PAIRS(covar_pop, s->n < 1, s->sxy / s->n)
PAIRS(covar_samp, s->n < 2, s->sxy / (s->n - 1))
PAIRS(corr, s->n < 1 || s->sxx == 0 || s->syy == 0, s->sxy / sqrt(s->sxx * s->syy))
PAIRS(regr_r2, s->n < 1 || s->sxx == 0, s->syy == 0 ? 1.0 : s->sxy * s->sxy / (s->sxx * s->syy))
PAIRS(regr_slope, s->n < 1 || s->sxx == 0, s->sxy / s->sxx)
PAIRS(regr_intercept, s->n < 1 || s->sxx == 0, (s->sy - s->sx * s->sxy / s->sxx) / s->n)

static Status
regr_count_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    *out = value_i64((int64_t)((const Pairs *)state)->n);
    return ST_OK;
}
AGG_INFO(regr_count, Pairs, pairs, regr_count_finish, true)
