/* datetime_cast.c - casts among dates and times, comparison across them, make_*, now and its kin. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/type/datetime_int.h"

/* --- casts --------------------------------------------------------------------------------------------------------- */
SCALAR_FN(date_timestamp)
{
    return date_to_timestamp(call->cx, args[0].i32, &out->i64);
}

SCALAR_FN(date_timestamptz)
{
    return date_to_timestamptz(call->cx, args[0].i32, &out->i64);
}

static int32_t
date_of(int64_t local)
{
    int64_t micros;

    if (!timestamp_is_finite(local))
        return local > 0 ? DATE_PLUS_INF : DATE_MINUS_INF;
    return (int32_t)timestamp_split(local, &micros);
}

/* Local time in the session's zone; infinity stays. */
static int64_t
local_of(const Ctx *cx, int64_t utc)
{
    return timestamp_is_finite(utc) ? utc + timezone_at_utc(session_zone(cx), utc).seconds * MICROS_PER_SECOND
                                    : utc;
}

SCALAR_FN(timestamp_date)
{
    out->i32 = date_of(args[0].i64);
    return ST_OK;
}

SCALAR_FN(timestamptz_date)
{
    out->i32 = date_of(local_of(call->cx, args[0].i64));
    return ST_OK;
}

static void
time_of(int64_t local, Value *out)
{
    if (!timestamp_is_finite(local)) {
        *out = value_null();
        return;
    }
    timestamp_split(local, &out->i64);
}

SCALAR_FN(timestamp_time)
{
    time_of(args[0].i64, out);
    return ST_OK;
}

SCALAR_FN(timestamptz_time)
{
    time_of(local_of(call->cx, args[0].i64), out);
    return ST_OK;
}

SCALAR_FN(timestamptz_timetz)
{
    int64_t t = args[0].i64, micros;
    int32_t east;

    if (!timestamp_is_finite(t)) {
        *out = value_null();
        return ST_OK;
    }
    east = timezone_at_utc(session_zone(call->cx), t).seconds;
    timestamp_split(t + east * MICROS_PER_SECOND, &micros);
    *out = value_timetz(micros, -east);
    return ST_OK;
}

SCALAR_FN(timestamp_timestamptz)
{
    out->i64 = args[0].i64;
    if (timestamp_is_finite(out->i64) && !timestamp_to_utc(args[0].i64, session_zone(call->cx), &out->i64))
        return fail_timestamp_range(call->cx);
    return ST_OK;
}

SCALAR_FN(timestamptz_timestamp)
{
    out->i64 = local_of(call->cx, args[0].i64);
    return timestamp_is_finite(out->i64) && !timestamp_in_range(out->i64) ? fail_timestamp_range(call->cx)
                                                                          : ST_OK;
}

SCALAR_FN(time_interval)
{
    out->interval = (Interval){args[0].i64, 0, 0};
    return ST_OK;
}

SCALAR_FN(interval_time)
{
    int64_t t = args[0].interval.micros;

    out->i64 = t - floor_div(t, MICROS_PER_DAY) * MICROS_PER_DAY;
    return ST_OK;
}

SCALAR_FN(timetz_time)
{
    out->i64 = args[0].interval.micros;
    return ST_OK;
}

/* With the offset the session's zone has today. */
SCALAR_FN(time_timetz)
{
    int64_t now = format_of(call->cx)->transaction_now;

    *out = value_timetz(args[0].i64, -timezone_at_utc(session_zone(call->cx), now).seconds);
    return ST_OK;
}

/* --- precision ------------------------------------------------------------------------------------------------------- */
SCALAR_FN(time_scale)
{
    out->i64 = micros_round(args[0].i64, args[1].i32);
    return ST_OK;
}

SCALAR_FN(timetz_scale)
{
    *out = value_timetz(micros_round(args[0].interval.micros, args[1].i32), args[0].interval.days);
    return ST_OK;
}

SCALAR_FN(timestamp_scale)
{
    out->i64 = args[0].i64;
    return timestamp_round(call->cx, &out->i64, args[1].i32);
}

SCALAR_FN(interval_scale)
{
    out->interval = args[0].interval;
    return interval_adjust(call->cx, &out->interval, args[1].i32);
}

/* --- comparison across types -------------------------------------------------------------------------------------------- */
/* As timestamps, or as timestamptz if either is; dates too large for that lie beyond them all. */
static int64_t
as_moment(const Ctx *cx, Oid type, const Value *v, bool zoned)
{
    int64_t t;

    if (type == TYPE_TIMESTAMPTZ)
        return v->i64;
    if (type == TYPE_DATE) {
        if (!date_is_finite(v->i32))
            return v->i32 > 0 ? TIMESTAMP_PLUS_INF : TIMESTAMP_MINUS_INF;
        if (__builtin_mul_overflow((int64_t)v->i32, MICROS_PER_DAY, &t) || !timestamp_in_range(t))
            return TIMESTAMP_PLUS_INF - 1;
    } else {
        t = v->i64;
    }
    if (zoned && timestamp_is_finite(t))
        t -= timezone_at_local(session_zone(cx), t).seconds * MICROS_PER_SECOND;
    return t;
}

static int
compare_moments(const FnCall *call, const Value *args)
{
    Oid a = call->fn->args[0], b = call->fn->args[1];
    bool zoned = a == TYPE_TIMESTAMPTZ || b == TYPE_TIMESTAMPTZ;

    return cmp_i64(as_moment(call->cx, a, &args[0], zoned), as_moment(call->cx, b, &args[1], zoned));
}

#define MOMENT(name, test)                                                                                     \
    SCALAR_FN(moment_##name)                                                                                   \
    {                                                                                                          \
        out->b = compare_moments(call, args) test 0;                                                           \
        return ST_OK;                                                                                          \
    }
MOMENT(eq, ==)
MOMENT(ne, !=)
MOMENT(lt, <)
MOMENT(le, <=)
MOMENT(gt, >)
MOMENT(ge, >=)

SCALAR_FN(moment_cmp)
{
    out->i32 = compare_moments(call, args);
    return ST_OK;
}

/* --- finite? --------------------------------------------------------------------------------------------------------------- */
SCALAR_FN(date_finite)
{
    out->b = date_is_finite(args[0].i32);
    return ST_OK;
}

SCALAR_FN(timestamp_finite)
{
    out->b = timestamp_is_finite(args[0].i64);
    return ST_OK;
}

SCALAR_FN(interval_finite)
{
    out->b = true;
    return ST_OK;
}

/* --- make_* ------------------------------------------------------------------------------------------------------------------- */
static bool
make_day(int year, int month, int day, int64_t *out)
{
    int64_t y = year < 0 ? (int64_t)year + 1 : year; /* -1 is 1 BC */

    if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_of_month(y, month))
        return false;
    *out = days_from_civil(y, month, day);
    return true;
}

static bool
make_clock(int hour, int minute, double second, int64_t *out)
{
    int64_t micros;

    if (isnan(second) || second < 0 || second > 60 || hour < 0 || hour > 24 || minute < 0 || minute > 59)
        return false;
    micros = (int64_t)rint(second * 1e6);
    *out = (hour * 60 + minute) * MICROS_PER_MINUTE + micros;
    return *out <= MICROS_PER_DAY;
}

static Status
fail_clock(Ctx *cx, int hour, int minute, double second)
{
    char shown[40];

    snprintf(shown, sizeof(shown), "%02g", second);
    if (isnan(second))
        snprintf(shown, sizeof(shown), "NaN");
    return fail(cx, ST_ERROR, "22008", "time field value out of range: %d:%02d:%s", hour, minute, shown);
}

static Status
fail_day(Ctx *cx, const Value *args)
{
    return fail(cx, ST_ERROR, "22008", "date field value out of range: %d-%02d-%02d", args[0].i32, args[1].i32,
                args[2].i32);
}

SCALAR_FN(make_date)
{
    int64_t day;

    if (!make_day(args[0].i32, args[1].i32, args[2].i32, &day))
        return fail_day(call->cx, args);
    if (!date_in_range(day))
        return fail(call->cx, ST_ERROR, "22008", "date out of range: %d-%02d-%02d", args[0].i32, args[1].i32,
                    args[2].i32);
    out->i32 = (int32_t)day;
    return ST_OK;
}

SCALAR_FN(make_time)
{
    if (!make_clock(args[0].i32, args[1].i32, args[2].f64, &out->i64))
        return fail_clock(call->cx, args[0].i32, args[1].i32, args[2].f64);
    return ST_OK;
}

static Status
make_local(Ctx *cx, const Value *args, int64_t *out)
{
    int64_t day, clock, t;
    char shown[40];

    if (!make_day(args[0].i32, args[1].i32, args[2].i32, &day))
        return fail_day(cx, args);
    if (!make_clock(args[3].i32, args[4].i32, args[5].f64, &clock))
        return fail_clock(cx, args[3].i32, args[4].i32, args[5].f64);
    if (__builtin_mul_overflow(day, MICROS_PER_DAY, &t) || __builtin_add_overflow(t, clock, &t) ||
        !timestamp_in_range(t)) {
        snprintf(shown, sizeof(shown), "%02g", args[5].f64);
        return fail(cx, ST_ERROR, "22008", "timestamp out of range: %d-%02d-%02d %d:%02d:%s", args[0].i32,
                    args[1].i32, args[2].i32, args[3].i32, args[4].i32, shown);
    }
    *out = t;
    return ST_OK;
}

SCALAR_FN(make_timestamp)
{
    return make_local(call->cx, args, &out->i64);
}

SCALAR_FN(make_timestamptz)
{
    int64_t local;

    TRY(make_local(call->cx, args, &local));
    return timestamp_to_utc(local, session_zone(call->cx), &out->i64) ? ST_OK : fail_timestamp_range(call->cx);
}

SCALAR_FN(make_timestamptz_at_timezone)
{
    Ctx *cx = call->cx;
    VarRef name = args[6].var;
    const TimeZone *zone;
    ZoneOffset offset;
    int64_t local;
    int32_t east;

    TRY(make_local(cx, args, &local));
    if (name.bytes > 0 && is_digit(name.data[0])) {
        fail(cx, ST_ERROR, "22023", "invalid input syntax for type %s: \"%.*s\"", "numeric time zone",
             (int)name.bytes, name.data);
        fail_hint(cx, "Numeric time zones must have \"-\" or \"+\" as first character.");
        return ST_ERROR;
    }
    switch (zone_offset_parse(value_cstr(cx, name), &east)) {
    case DATE_OK: offset = (ZoneOffset){east, false, ""}; break;
    case DATE_ZONE_OVERFLOW:
        return fail(cx, ST_ERROR, "22023", "numeric time zone \"%.*s\" out of range", (int)name.bytes,
                    name.data);
    default:
        if (timezone_abbrev(name.data, name.bytes, local, &offset))
            break;
        TRY(timezone_find(cx, name.data, name.bytes, &zone));
        offset = timezone_at_local(zone, local);
        break;
    }
    out->i64 = local - offset.seconds * MICROS_PER_SECOND;
    return timestamp_in_range(out->i64) ? ST_OK : fail_timestamp_range(cx);
}

/* make_interval(years, months, weeks, days, hours, mins, secs), each 0 if left out */
SCALAR_FN(make_interval)
{
    int64_t part[6] = {0}, months, days, micros, hours;
    double secs = call->arg_count > 6 ? args[6].f64 : 0;

    for (int i = 0; i < 6 && i < call->arg_count; i++)
        part[i] = args[i].i32;
    if (isinf(secs) || isnan(secs))
        return fail_interval_range(call->cx);
    months = part[0] * MONTHS_PER_YEAR + part[1];
    days = part[2] * 7 + part[3];
    secs = rint(secs * 1e6);
    hours = part[4] * MICROS_PER_HOUR + part[5] * MICROS_PER_MINUTE;
    if (months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX || secs >= 9.2e18 ||
        secs <= -9.2e18 || __builtin_add_overflow(hours, (int64_t)secs, &micros))
        return fail_interval_range(call->cx);
    out->interval = (Interval){micros, (int32_t)days, (int32_t)months};
    return ST_OK;
}

/* to_timestamp(float8): seconds since 1970 */
SCALAR_FN(float8_timestamptz)
{
    double seconds = args[0].f64;

    if (isnan(seconds))
        return fail(call->cx, ST_ERROR, "22008", "timestamp cannot be NaN");
    if (isinf(seconds)) {
        out->i64 = seconds > 0 ? TIMESTAMP_PLUS_INF : TIMESTAMP_MINUS_INF;
        return ST_OK;
    }
    if (seconds < (double)SECONDS_PER_DAY * (DATE_LEAST_DAY + UNIX_DAYS_OF_2000) ||
        seconds >= 9224318016000.0) {
        char shown[40];

        snprintf(shown, sizeof(shown), "%g", seconds);
        return fail(call->cx, ST_ERROR, "22008", "timestamp out of range: \"%s\"", shown);
    }
    seconds = rint((seconds - (double)UNIX_DAYS_OF_2000 * SECONDS_PER_DAY) * 1e6);
    out->i64 = (int64_t)seconds;
    return timestamp_in_range(out->i64) ? ST_OK : fail_timestamp_range(call->cx);
}

/* --- now -------------------------------------------------------------------------------------------------------------------------- */
SCALAR_FN(now)
{
    out->i64 = format_of(call->cx)->transaction_now;
    return ST_OK;
}

SCALAR_FN(statement_timestamp)
{
    out->i64 = format_of(call->cx)->statement_now;
    return ST_OK;
}

SCALAR_FN(clock_timestamp)
{
    out->i64 = clock_now(call->cx);
    return ST_OK;
}

SCALAR_FN(timeofday)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    ZoneOffset offset;
    Fields f = fields_of_timestamptz(clock_now(call->cx), session_zone(call->cx), &offset);

    *out = value_from_cstr(call->cx, arena_printf(call->cx->arena, "%s %s %02d %02d:%02d:%02d.%06d %04lld %s",
                                                  days[weekday(days_from_civil(f.year, f.month, f.day))],
                                                  months[f.month - 1], f.day, f.hour, f.minute, f.second,
                                                  f.micros, (long long)f.year, offset.abbrev));
    return ST_OK;
}
