/* datetime_arith.c - sums and differences of dates, times and intervals; age; justify; overlaps. */
#include <math.h>

#include "backend/type/datetime_int.h"

/* --- intervals ----------------------------------------------------------------------------------------------------- */
bool
interval_negate(const Interval *i, Interval *out)
{
    return !__builtin_sub_overflow(0, i->micros, &out->micros) &&
           !__builtin_sub_overflow(0, i->days, &out->days) &&
           !__builtin_sub_overflow(0, i->months, &out->months);
}

Status
interval_add(Ctx *cx, const Interval *a, const Interval *b, Interval *out)
{
    Interval sum;

    if (__builtin_add_overflow(a->micros, b->micros, &sum.micros) ||
        __builtin_add_overflow(a->days, b->days, &sum.days) ||
        __builtin_add_overflow(a->months, b->months, &sum.months))
        return fail_interval_range(cx);
    *out = sum;
    return ST_OK;
}

SCALAR_FN(interval_um)
{
    return interval_negate(&args[0].interval, &out->interval) ? ST_OK : fail_interval_range(call->cx);
}

SCALAR_FN(interval_pl)
{
    return interval_add(call->cx, &args[0].interval, &args[1].interval, &out->interval);
}

SCALAR_FN(interval_mi)
{
    Interval minus;

    if (!interval_negate(&args[1].interval, &minus)) {
        const Interval *a = &args[0].interval, *b = &args[1].interval;

        if (__builtin_sub_overflow(a->micros, b->micros, &minus.micros) ||
            __builtin_sub_overflow(a->days, b->days, &minus.days) ||
            __builtin_sub_overflow(a->months, b->months, &minus.months))
            return fail_interval_range(call->cx);
        out->interval = minus;
        return ST_OK;
    }
    return interval_add(call->cx, &args[0].interval, &minus, &out->interval);
}

/* To a microsecond, so that binary fractions do not show. */
static double
to_micro(double seconds)
{
    return rint(seconds * 1e6) / 1e6;
}

static bool
fits_i32(double d)
{
    return d >= INT32_MIN && d <= INT32_MAX;
}

/* Each field scaled, and the fractions passed down: of months to days of a thirtieth, of days to time. */
static Status
scale(Ctx *cx, double months, double days, double micros, Interval *out)
{
    double whole_months, whole_days, rest_days, rest_seconds, time;
    int64_t day_count;

    if (!fits_i32(months) || !fits_i32(days))
        return fail_interval_range(cx);
    whole_months = trunc(months);
    whole_days = trunc(days);
    rest_days = to_micro((months - whole_months) * DAYS_PER_MONTH);
    rest_seconds = to_micro((days - whole_days + rest_days - trunc(rest_days)) * SECONDS_PER_DAY);
    day_count = (int64_t)whole_days;
    if (fabs(rest_seconds) >= SECONDS_PER_DAY) {
        int64_t more = (int64_t)(rest_seconds / SECONDS_PER_DAY);

        day_count += more;
        rest_seconds -= (double)more * SECONDS_PER_DAY;
    }
    day_count += (int64_t)rest_days;
    time = rint(micros + rest_seconds * 1e6);
    if (isnan(time) || time < -9223372036854775808.0 || time >= 9223372036854775808.0 ||
        day_count < INT32_MIN || day_count > INT32_MAX)
        return fail_interval_range(cx);
    *out = (Interval){(int64_t)time, (int32_t)day_count, (int32_t)whole_months};
    return ST_OK;
}

Status
interval_times(Ctx *cx, const Interval *i, double factor, Interval *out)
{
    return scale(cx, i->months * factor, i->days * factor, (double)i->micros * factor, out);
}

Status
interval_divide(Ctx *cx, const Interval *i, double divisor, Interval *out)
{
    if (divisor == 0)
        return fail(cx, ST_ERROR, "22012", "division by zero");
    return scale(cx, i->months / divisor, i->days / divisor, (double)i->micros / divisor, out);
}

SCALAR_FN(interval_mul)
{
    return interval_times(call->cx, &args[0].interval, args[1].f64, &out->interval);
}

SCALAR_FN(mul_d_interval)
{
    return interval_times(call->cx, &args[1].interval, args[0].f64, &out->interval);
}

SCALAR_FN(interval_div)
{
    return interval_divide(call->cx, &args[0].interval, args[1].f64, &out->interval);
}

/* --- justify --------------------------------------------------------------------------------------------------------- */
static bool
carry_hours(Interval *i)
{
    int64_t whole = i->micros / MICROS_PER_DAY;

    i->micros -= whole * MICROS_PER_DAY;
    if (__builtin_add_overflow(i->days, whole, &i->days))
        return false;
    if (i->days > 0 && i->micros < 0) {
        i->micros += MICROS_PER_DAY;
        i->days--;
    } else if (i->days < 0 && i->micros > 0) {
        i->micros -= MICROS_PER_DAY;
        i->days++;
    }
    return true;
}

SCALAR_FN(interval_justify_hours)
{
    Interval i = args[0].interval;

    if (!carry_hours(&i))
        return fail_interval_range(call->cx);
    out->interval = i;
    return ST_OK;
}

SCALAR_FN(interval_justify_days)
{
    Interval i = args[0].interval;
    int32_t whole = i.days / DAYS_PER_MONTH;

    i.days -= whole * DAYS_PER_MONTH;
    if (__builtin_add_overflow(i.months, whole, &i.months))
        return fail_interval_range(call->cx);
    if (i.months > 0 && i.days < 0) {
        i.days += DAYS_PER_MONTH;
        i.months--;
    } else if (i.months < 0 && i.days > 0) {
        i.days -= DAYS_PER_MONTH;
        i.months++;
    }
    out->interval = i;
    return ST_OK;
}

SCALAR_FN(interval_justify_interval)
{
    Interval i = args[0].interval;
    int64_t days = i.days + i.micros / MICROS_PER_DAY, months;

    i.micros %= MICROS_PER_DAY;
    months = i.months + days / DAYS_PER_MONTH;
    days %= DAYS_PER_MONTH;
    if (months > 0 && (days < 0 || (days == 0 && i.micros < 0))) {
        days += DAYS_PER_MONTH;
        months--;
    } else if (months < 0 && (days > 0 || (days == 0 && i.micros > 0))) {
        days -= DAYS_PER_MONTH;
        months++;
    }
    if (days > 0 && i.micros < 0) {
        i.micros += MICROS_PER_DAY;
        days--;
    } else if (days < 0 && i.micros > 0) {
        i.micros -= MICROS_PER_DAY;
        days++;
    }
    if (months < INT32_MIN || months > INT32_MAX)
        return fail_interval_range(call->cx);
    out->interval = (Interval){i.micros, (int32_t)days, (int32_t)months};
    return ST_OK;
}

/* --- timestamp and interval --------------------------------------------------------------------------------------------- */
/* Months and days on the calendar: the day stays, or becomes the last of a shorter month. */
static bool
shift_calendar(int64_t t, const Interval *i, int64_t *out)
{
    if (i->months != 0) {
        Fields f = fields_of_timestamp(t);
        int64_t month = f.year * MONTHS_PER_YEAR + (f.month - 1) + i->months;

        f.year = floor_div(month, MONTHS_PER_YEAR);
        f.month = (int)(month - f.year * MONTHS_PER_YEAR) + 1;
        f.day = MIN_OF(f.day, days_of_month(f.year, f.month));
        if (!fields_to_timestamp(&f, &t))
            return false;
    }
    if (__builtin_add_overflow(t, i->days * MICROS_PER_DAY, &t) || !timestamp_in_range(t))
        return false;
    *out = t;
    return true;
}

Status
timestamp_add_interval(Ctx *cx, int64_t t, const Interval *i, int64_t *out)
{
    if (timestamp_is_finite(t)) {
        if (!shift_calendar(t, i, &t) || __builtin_add_overflow(t, i->micros, &t) || !timestamp_in_range(t))
            return fail_timestamp_range(cx);
    }
    *out = t;
    return ST_OK;
}

/* Days and months are those of the session's zone, so a day may have 23 hours. */
Status
timestamptz_add_interval(Ctx *cx, int64_t t, const Interval *i, int64_t *out)
{
    const TimeZone *zone = session_zone(cx);

    if (timestamp_is_finite(t)) {
        if (i->months != 0 || i->days != 0) {
            if (!utc_to_timestamp(t, zone, &t) || !shift_calendar(t, i, &t) || !timestamp_to_utc(t, zone, &t))
                return fail_timestamp_range(cx);
        }
        if (__builtin_add_overflow(t, i->micros, &t) || !timestamp_in_range(t))
            return fail_timestamp_range(cx);
    }
    *out = t;
    return ST_OK;
}

SCALAR_FN(timestamp_pl_interval)
{
    return timestamp_add_interval(call->cx, args[0].i64, &args[1].interval, &out->i64);
}

SCALAR_FN(timestamptz_pl_interval)
{
    return timestamptz_add_interval(call->cx, args[0].i64, &args[1].interval, &out->i64);
}

SCALAR_FN(interval_pl_timestamp)
{
    return timestamp_add_interval(call->cx, args[1].i64, &args[0].interval, &out->i64);
}

SCALAR_FN(interval_pl_timestamptz)
{
    return timestamptz_add_interval(call->cx, args[1].i64, &args[0].interval, &out->i64);
}

SCALAR_FN(timestamp_mi_interval)
{
    Interval minus;

    if (!interval_negate(&args[1].interval, &minus))
        return fail_interval_range(call->cx);
    return timestamp_add_interval(call->cx, args[0].i64, &minus, &out->i64);
}

SCALAR_FN(timestamptz_mi_interval)
{
    Interval minus;

    if (!interval_negate(&args[1].interval, &minus))
        return fail_interval_range(call->cx);
    return timestamptz_add_interval(call->cx, args[0].i64, &minus, &out->i64);
}

SCALAR_FN(timestamp_mi)
{
    Interval i = {0};

    if (!timestamp_is_finite(args[0].i64) || !timestamp_is_finite(args[1].i64))
        return fail(call->cx, ST_ERROR, "22008", "cannot subtract infinite timestamps");
    if (__builtin_sub_overflow(args[0].i64, args[1].i64, &i.micros))
        return fail_interval_range(call->cx);
    carry_hours(&i);
    out->interval = i;
    return ST_OK;
}

/* --- dates ----------------------------------------------------------------------------------------------------------------- */
Status
date_to_timestamp(Ctx *cx, int32_t d, int64_t *out)
{
    int64_t t = 0;

    if (!date_is_finite(d)) {
        *out = d == DATE_PLUS_INF ? TIMESTAMP_PLUS_INF : TIMESTAMP_MINUS_INF;
        return ST_OK;
    }
    if (__builtin_mul_overflow((int64_t)d, MICROS_PER_DAY, &t) || !timestamp_in_range(t))
        return fail(cx, ST_ERROR, "22008", "date out of range for timestamp");
    *out = t;
    return ST_OK;
}

Status
date_to_timestamptz(Ctx *cx, int32_t d, int64_t *out)
{
    int64_t t = 0;

    TRY(date_to_timestamp(cx, d, &t));
    if (timestamp_is_finite(t) && !timestamp_to_utc(t, session_zone(cx), &t))
        return fail(cx, ST_ERROR, "22008", "date out of range for timestamp");
    *out = t;
    return ST_OK;
}

static Status
date_plus(Ctx *cx, int32_t d, const Interval *i, int64_t *out)
{
    int64_t t = 0;

    TRY(date_to_timestamp(cx, d, &t));
    return timestamp_add_interval(cx, t, i, out);
}

SCALAR_FN(date_pl_interval)
{
    return date_plus(call->cx, args[0].i32, &args[1].interval, &out->i64);
}

SCALAR_FN(interval_pl_date)
{
    return date_plus(call->cx, args[1].i32, &args[0].interval, &out->i64);
}

SCALAR_FN(date_mi_interval)
{
    Interval minus;

    if (!interval_negate(&args[1].interval, &minus))
        return fail_interval_range(call->cx);
    return date_plus(call->cx, args[0].i32, &minus, &out->i64);
}

SCALAR_FN(integer_pl_date)
{
    const Value swapped[] = {args[1], args[0]};
    Value v;
    const Oid types[] = {TYPE_DATE, TYPE_INT4};

    TRY(fn_call_value(call->cx, fn_by_oid(1141), types, swapped, 2, TYPE_DATE, &v)); /* date_pli */
    out->i32 = v.i32;
    return ST_OK;
}

static Status
date_at_time(Ctx *cx, int32_t d, int64_t micros, int64_t *out)
{
    int64_t t = 0;

    TRY(date_to_timestamp(cx, d, &t));
    if (timestamp_is_finite(t)) {
        t += micros;
        if (!timestamp_in_range(t))
            return fail_timestamp_range(cx);
    }
    *out = t;
    return ST_OK;
}

SCALAR_FN(datetime_timestamp)
{
    return date_at_time(call->cx, args[0].i32, args[1].i64, &out->i64);
}

/* timestamptz(date, time): in the session's zone */
SCALAR_FN(date_time_timestamptz)
{
    int64_t local = 0;

    TRY(date_at_time(call->cx, args[0].i32, args[1].i64, &local));
    out->i64 = local;
    if (timestamp_is_finite(local) && !timestamp_to_utc(local, session_zone(call->cx), &out->i64))
        return fail_timestamp_range(call->cx);
    return ST_OK;
}

SCALAR_FN(timedate_pl)
{
    return date_at_time(call->cx, args[1].i32, args[0].i64, &out->i64);
}

static Status
date_at_timetz(Ctx *cx, int32_t d, const Value *timetz, int64_t *out)
{
    return date_at_time(cx, d, timetz->interval.micros + timetz->interval.days * MICROS_PER_SECOND, out);
}

SCALAR_FN(datetimetz_timestamptz)
{
    return date_at_timetz(call->cx, args[0].i32, &args[1], &out->i64);
}

SCALAR_FN(timetzdate_pl)
{
    return date_at_timetz(call->cx, args[1].i32, &args[0], &out->i64);
}

/* --- times -------------------------------------------------------------------------------------------------------------------- */
static int64_t
wrap_day(int64_t micros)
{
    return micros - floor_div(micros, MICROS_PER_DAY) * MICROS_PER_DAY;
}

static int64_t
time_plus(int64_t t, const Interval *i, int sign)
{
    return wrap_day(t + sign * (i->micros % MICROS_PER_DAY));
}

SCALAR_FN(time_pl_interval)
{
    out->i64 = time_plus(args[0].i64, &args[1].interval, 1);
    return ST_OK;
}

SCALAR_FN(interval_pl_time)
{
    out->i64 = time_plus(args[1].i64, &args[0].interval, 1);
    return ST_OK;
}

SCALAR_FN(time_mi_interval)
{
    out->i64 = time_plus(args[0].i64, &args[1].interval, -1);
    return ST_OK;
}

SCALAR_FN(timetz_pl_interval)
{
    *out = value_timetz(time_plus(args[0].interval.micros, &args[1].interval, 1), args[0].interval.days);
    return ST_OK;
}

SCALAR_FN(interval_pl_timetz)
{
    *out = value_timetz(time_plus(args[1].interval.micros, &args[0].interval, 1), args[1].interval.days);
    return ST_OK;
}

SCALAR_FN(timetz_mi_interval)
{
    *out = value_timetz(time_plus(args[0].interval.micros, &args[1].interval, -1), args[0].interval.days);
    return ST_OK;
}

SCALAR_FN(time_mi_time)
{
    out->interval = (Interval){args[0].i64 - args[1].i64, 0, 0};
    return ST_OK;
}

/* --- age ------------------------------------------------------------------------------------------------------------------------ */
/* The difference in years, months and days as people count them. */
static Interval
age_between(const Fields *later, const Fields *earlier)
{
    int64_t micros = fields_time(later) - fields_time(earlier), days = later->day - earlier->day;
    int64_t months = (later->year - earlier->year) * MONTHS_PER_YEAR + later->month - earlier->month;

    if (micros < 0) {
        micros += MICROS_PER_DAY;
        days--;
    }
    if (days < 0) { /* borrowed from the month the earlier one is in */
        days += days_of_month(earlier->year, earlier->month);
        months--;
    }
    return (Interval){micros, (int32_t)days, (int32_t)months};
}

static Status
age(Ctx *cx, int64_t a, int64_t b, bool zoned, Interval *out)
{
    const TimeZone *zone = zoned ? session_zone(cx) : NULL;
    Fields fa, fb;
    Interval i;

    if (!timestamp_is_finite(a) || !timestamp_is_finite(b))
        return fail_timestamp_range(cx);
    fa = fields_of_timestamptz(a, zone, NULL);
    fb = fields_of_timestamptz(b, zone, NULL);
    if (a >= b) {
        *out = age_between(&fa, &fb);
        return ST_OK;
    }
    i = age_between(&fb, &fa);
    return interval_negate(&i, out) ? ST_OK : fail_interval_range(cx);
}

SCALAR_FN(timestamp_age)
{
    return age(call->cx, args[0].i64, args[1].i64, false, &out->interval);
}

SCALAR_FN(timestamptz_age)
{
    return age(call->cx, args[0].i64, args[1].i64, true, &out->interval);
}

static int64_t
local_midnight(Ctx *cx)
{
    int64_t local, micros;

    local = format_of(cx)->transaction_now;
    local += timezone_at_utc(session_zone(cx), local).seconds * MICROS_PER_SECOND;
    return timestamp_split(local, &micros) * MICROS_PER_DAY;
}

SCALAR_FN(timestamp_age_now)
{
    return age(call->cx, local_midnight(call->cx), args[0].i64, false, &out->interval);
}

SCALAR_FN(timestamptz_age_now)
{
    int64_t midnight;

    if (!timestamp_to_utc(local_midnight(call->cx), session_zone(call->cx), &midnight))
        return fail_timestamp_range(call->cx);
    return age(call->cx, midnight, args[0].i64, true, &out->interval);
}

/* --- overlaps --------------------------------------------------------------------------------------------------------------------- */
/* The end of a period given as an end or as a length. */
static Status
period_end(FnCall *call, const Value *start, const Value *end, int arg_no, Value *out)
{
    Oid start_type = call->fn->args[arg_no - 1], type = call->fn->args[arg_no];
    Ctx *cx = call->cx;

    if (type == start_type || start->is_null || end->is_null) {
        *out = type != start_type ? value_null() : *end;
        return ST_OK;
    }
    *out = value_i64(0);
    if (start_type == TYPE_TIME)
        out->i64 = time_plus(start->i64, &end->interval, 1);
    else if (start_type == TYPE_TIMESTAMP)
        TRY(timestamp_add_interval(cx, start->i64, &end->interval, &out->i64));
    else
        TRY(timestamptz_add_interval(cx, start->i64, &end->interval, &out->i64));
    return ST_OK;
}

/* Puts a period in order; one known end alone is the start. False when nothing is known. */
static bool
order_period(const TypeInfo *type, Value *start, Value *end)
{
    Value v;

    if (start->is_null && end->is_null)
        return false;
    if (start->is_null || (!end->is_null && type->compare(start, end) > 0)) {
        v = *start;
        *start = *end;
        *end = v;
    }
    return true;
}

/* SQL's OVERLAPS: half-open periods; null when a missing end leaves it open. */
SCALAR_FN(overlaps)
{
    const TypeInfo *type = type_by_oid(call->fn->args[0]);
    Value a = args[0], a_end, b = args[2], b_end;
    int order;

    TRY(period_end(call, &args[0], &args[1], 1, &a_end));
    TRY(period_end(call, &args[2], &args[3], 3, &b_end));
    if (!order_period(type, &a, &a_end) || !order_period(type, &b, &b_end)) {
        *out = value_null();
        return ST_OK;
    }
    order = type->compare(&a, &b);
    if (order == 0) {
        *out = a_end.is_null || b_end.is_null ? value_null() : value_bool(true);
        return ST_OK;
    }
    {
        const Value *later = order > 0 ? &a : &b, *end = order > 0 ? &b_end : &a_end,
                    *other = order > 0 ? &a_end : &b_end;

        if (end->is_null)
            *out = value_null();
        else if (type->compare(later, end) < 0)
            *out = value_bool(true);
        else
            *out = other->is_null ? value_null() : value_bool(false);
    }
    return ST_OK;
}

/* --- window frames ------------------------------------------------------------------------------------------------------------------ */
/* in_range(value, base, interval offset, sub, less) */
SCALAR_FN(in_range_moment)
{
    Ctx *cx = call->cx;
    Oid type_oid = call->fn->args[0];
    const TypeInfo *type = type_by_oid(type_oid);
    Interval i = args[2].interval;
    Value value = args[0], base = args[1];
    int order;

    if (interval_span(&i) < 0)
        return fail(cx, ST_ERROR, "22013", "invalid preceding or following size in window function");
    if (args[3].b && !interval_negate(&i, &i))
        return fail_interval_range(cx);
    switch (type_oid) {
    case TYPE_DATE:
        type = type_by_oid(TYPE_TIMESTAMP);
        value = base = value_i64(0);
        TRY(date_to_timestamp(cx, args[0].i32, &value.i64));
        TRY(date_plus(cx, args[1].i32, &i, &base.i64));
        break;
    case TYPE_TIMESTAMP: TRY(timestamp_add_interval(cx, base.i64, &i, &base.i64)); break;
    case TYPE_TIMESTAMPTZ: TRY(timestamptz_add_interval(cx, base.i64, &i, &base.i64)); break;
    case TYPE_INTERVAL: TRY(interval_add(cx, &base.interval, &i, &base.interval)); break;
    case TYPE_TIME: /* without wrapping around */
        if (__builtin_add_overflow(base.i64, i.micros, &base.i64))
            base.i64 = i.micros < 0 ? INT64_MIN : INT64_MAX;
        break;
    default:
        if (__builtin_add_overflow(base.interval.micros, i.micros, &base.interval.micros))
            base.interval.micros = i.micros < 0 ? INT64_MIN / 2 : INT64_MAX / 2;
        break;
    }
    order = type->compare(&value, &base);
    out->b = args[4].b ? order <= 0 : order >= 0;
    return ST_OK;
}
