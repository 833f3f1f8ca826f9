/* series.c - generate_series. Where a value follows from its number, the state pointer is that number;
 * the others keep the next value in call->state_arena. */
#include "backend/type/datetime_int.h"
#include "backend/type/numeric.h"
#include "backend/type/type_int.h"

static Status
fail_step(Ctx *cx, const char *what)
{
    return fail(cx, ST_ERROR, "22023", "step size cannot %s", what);
}

static bool
any_null(const FnCall *call, const Value *args)
{
    for (int i = 0; i < call->arg_count; i++)
        if (args[i].is_null)
            return true;
    return false;
}

/* How many values have been answered, kept in the state pointer itself. */
static uint64_t
take_count(FnCall *call)
{
    uintptr_t n = (uintptr_t)*call->state;

    *call->state = (void *)(n + 1);
    return n;
}

/* start + n * step, exactly; done when it is past the end. */
static Status
int_series(FnCall *call, const Value *args, bool narrow, Value *out, bool *done)
{
    uint64_t n = take_count(call);
    int64_t start, stop, step;
    __int128 v;

    *done = any_null(call, args);
    if (*done)
        return ST_OK;
    start = narrow ? args[0].i32 : args[0].i64;
    stop = narrow ? args[1].i32 : args[1].i64;
    step = call->arg_count > 2 ? (narrow ? args[2].i32 : args[2].i64) : 1;
    if (step == 0)
        return fail_step(call->cx, "equal zero");
    v = (__int128)start + (__int128)n * step;
    *done = step > 0 ? v > stop : v < stop;
    if (narrow)
        out->i32 = (int32_t)v;
    else
        out->i64 = (int64_t)v;
    return ST_OK;
}

SERIES_FN(generate_series_int4)
{
    return int_series(call, args, true, out, done);
}

SERIES_FN(generate_series_int8)
{
    return int_series(call, args, false, out, done);
}

static Status
check_bound(Ctx *cx, const Value *v, const char *what)
{
    if (numeric_is_nan(v))
        return fail(cx, ST_ERROR, "22023", "%s cannot be NaN", what);
    if (numeric_is_special(v))
        return fail(cx, ST_ERROR, "22023", "%s cannot be infinity", what);
    return ST_OK;
}

SERIES_FN(generate_series_numeric)
{
    Ctx *cx = call->cx;
    uint64_t n = take_count(call);
    Value step = numeric_from_i64(cx->arena, 1, 0), times, v;
    int order;

    *done = any_null(call, args);
    if (*done)
        return ST_OK;
    TRY(check_bound(cx, &args[0], "start value"));
    TRY(check_bound(cx, &args[1], "stop value"));
    if (call->arg_count > 2) {
        step = args[2];
        TRY(check_bound(cx, &step, "step size"));
        if (numeric_sign(&step) == 0)
            return fail_step(cx, "equal zero");
    }
    times = numeric_from_i64(cx->arena, (int64_t)n, 0);
    TRY(numeric_mul_values(cx, &step, &times, &v));
    if (n == 0)
        v = args[0];
    else
        TRY(numeric_add_values(cx, &args[0], &v, &v));
    order = numeric_compare(&v, &args[1]);
    *done = numeric_sign(&step) > 0 ? order > 0 : order < 0;
    *out = v;
    return ST_OK;
}

/* Months have no fixed length, so the next moment comes from the last one: it is kept in the state. */
typedef struct MomentSeries {
    int64_t next;
} MomentSeries;

static Status
moment_series(FnCall *call, const Value *args, bool zoned, Value *out, bool *done)
{
    Ctx *cx = call->cx;
    MomentSeries *s = *call->state;
    const Interval *step;
    __int128 span;

    *done = any_null(call, args);
    if (*done)
        return ST_OK;
    step = &args[2].interval;
    span = interval_span(step);
    if (span == 0)
        return fail_step(cx, "equal zero");
    if (s == NULL) {
        s = arena_new(call->state_arena != NULL ? call->state_arena : cx->arena, MomentSeries);
        s->next = args[0].i64;
        *call->state = s;
    }
    *done = span > 0 ? s->next > args[1].i64 : s->next < args[1].i64;
    if (*done)
        return ST_OK;
    out->i64 = s->next;
    if (zoned)
        return timestamptz_add_interval(cx, s->next, step, &s->next);
    return timestamp_add_interval(cx, s->next, step, &s->next);
}

SERIES_FN(generate_series_timestamp)
{
    return moment_series(call, args, false, out, done);
}

SERIES_FN(generate_series_timestamptz)
{
    return moment_series(call, args, true, out, done);
}
