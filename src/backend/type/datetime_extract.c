/* datetime_extract.c - extract and date_part, date_trunc, date_bin.
 *
 * One function finds the field as an exact decimal (coefficient and scale); extract shows it as numeric,
 * date_part as float8. */
#include <math.h>
#include <string.h>

#include "backend/type/datetime_int.h"
#include "backend/type/numeric.h"

/* --- units ------------------------------------------------------------------------------------------------------- */
static char *
lower_copy(Ctx *cx, VarRef text)
{
    char *copy = arena_strndup(cx->arena, text.data, text.bytes);

    for (char *p = copy; *p != '\0'; p++)
        *p = to_lower(*p);
    return copy;
}

/* Units that a value can be cut at or that are at least units of time; the rest is for extract alone. */
static DateUnit
trunc_unit(const char *name)
{
    DateUnit unit = date_unit(name);

    switch (unit) {
    case UNIT_JULIAN:
    case UNIT_DOW:
    case UNIT_DOY:
    case UNIT_ISODOW:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH: return UNIT_NONE;
    default: return unit;
    }
}

static Status
fail_unit(Ctx *cx, DateUnit unit, const char *name, Oid type)
{
    const char *type_name = type_by_oid(type)->sql_name;

    if (unit == UNIT_NONE)
        return fail(cx, ST_ERROR, "22023", "unit \"%s\" not recognized for type %s", name, type_name);
    return fail(cx, ST_ERROR, "0A000", "unit \"%s\" not supported for type %s", name, type_name);
}

/* A field: an exact decimal, or for the float functions `real` where that is how PostgreSQL computes it. */
typedef struct Field {
    bool found, infinite, none;
    int sign; /* of infinity */
    __int128 coefficient;
    int scale;
    bool is_julian, is_epoch;
    int64_t julian_micros; /* time of day, to be divided */
} Field;

static Field
whole(int64_t v)
{
    return (Field){.found = true, .coefficient = v};
}

static Field
scaled(__int128 v, int scale)
{
    return (Field){.found = true, .coefficient = v, .scale = scale};
}

static int64_t
century(int64_t year, int64_t years)
{
    return year > 0 ? (year + years - 1) / years : -((years - year) / years);
}

/* Of the calendar; years BC count from -1 downwards. */
static Field
date_field(DateUnit unit, const Fields *f)
{
    int64_t day = days_from_civil(f->year, f->month, f->day), iso;

    switch (unit) {
    case UNIT_DAY: return whole(f->day);
    case UNIT_MONTH: return whole(f->month);
    case UNIT_QUARTER: return whole((f->month - 1) / 3 + 1);
    case UNIT_WEEK: return whole(iso_week(day));
    case UNIT_YEAR: return whole(f->year > 0 ? f->year : f->year - 1);
    case UNIT_DECADE: return whole(f->year >= 0 ? f->year / 10 : -((8 - (f->year - 1)) / 10));
    case UNIT_CENTURY: return whole(century(f->year, 100));
    case UNIT_MILLENNIUM: return whole(century(f->year, 1000));
    case UNIT_ISOYEAR: iso = iso_year(day); return whole(iso > 0 ? iso : iso - 1);
    case UNIT_DOW: return whole(weekday(day));
    case UNIT_ISODOW: return whole((weekday(day) + 6) % 7 + 1);
    case UNIT_DOY: return whole(day - days_from_civil(f->year, 1, 1) + 1);
    case UNIT_JULIAN:
        return (Field){.found = true,
                       .coefficient = day + JULIAN_OF_2000,
                       .is_julian = true,
                       .julian_micros = fields_time(f)};
    default: return (Field){0};
    }
}

static Field
clock_field(DateUnit unit, const Fields *f)
{
    int64_t micros = f->second * MICROS_PER_SECOND + f->micros;

    switch (unit) {
    case UNIT_MICROSECOND: return whole(micros);
    case UNIT_MILLISECOND: return scaled(micros, 3);
    case UNIT_SECOND: return scaled(micros, 6);
    case UNIT_MINUTE: return whole(f->minute);
    case UNIT_HOUR: return whole(f->hour);
    default: return (Field){0};
    }
}

static Field
zone_field(DateUnit unit, int32_t east)
{
    switch (unit) {
    case UNIT_TIMEZONE: return whole(east);
    case UNIT_TIMEZONE_HOUR: return whole(east / 3600);
    case UNIT_TIMEZONE_MINUTE: return whole(east / 60 % 60);
    default: return (Field){0};
    }
}

/* Of infinity, what only grows is infinite, and what comes around is nothing. */
static Field
infinite_field(DateUnit unit, bool positive)
{
    switch (unit) {
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM:
    case UNIT_JULIAN:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH: return (Field){.found = true, .infinite = true, .sign = positive ? 1 : -1};
    case UNIT_TIMEZONE:
    case UNIT_TIMEZONE_HOUR:
    case UNIT_TIMEZONE_MINUTE: return (Field){.found = true, .none = true};
    case UNIT_NONE:
    case UNIT_TIME: return (Field){0};
    default: return (Field){.found = true, .none = true};
    }
}

static Field
timestamp_field(DateUnit unit, int64_t t, bool zoned, const TimeZone *zone)
{
    ZoneOffset offset = {0};
    Fields f;
    Field field;

    if (!timestamp_is_finite(t))
        return infinite_field(unit, t > 0);
    if (unit == UNIT_EPOCH)
        return scaled((__int128)t + UNIX_DAYS_OF_2000 * (__int128)MICROS_PER_DAY, 6);
    f = zoned ? fields_of_timestamptz(t, zone, &offset) : fields_of_timestamp(t);
    field = clock_field(unit, &f);
    if (!field.found)
        field = date_field(unit, &f);
    if (!field.found && zoned)
        field = zone_field(unit, offset.seconds);
    return field;
}

static Field
date_only_field(DateUnit unit, int32_t d)
{
    Civil c;
    Fields f;
    Field field;

    if (!date_is_finite(d)) {
        switch (unit) {
        case UNIT_DAY:
        case UNIT_MONTH:
        case UNIT_QUARTER:
        case UNIT_WEEK:
        case UNIT_DOW:
        case UNIT_ISODOW:
        case UNIT_DOY: return (Field){.found = true, .none = true};
        case UNIT_YEAR:
        case UNIT_DECADE:
        case UNIT_CENTURY:
        case UNIT_MILLENNIUM:
        case UNIT_JULIAN:
        case UNIT_ISOYEAR:
        case UNIT_EPOCH: return infinite_field(unit, d > 0);
        default: return (Field){0};
        }
    }
    if (unit == UNIT_EPOCH)
        return whole(((int64_t)d + UNIX_DAYS_OF_2000) * SECONDS_PER_DAY);
    c = civil_from_days(d);
    f = (Fields){.year = c.year, .month = c.month, .day = c.day};
    field = date_field(unit, &f);
    field.is_julian = false;
    return field;
}

static Field
time_field(DateUnit unit, int64_t micros)
{
    Fields f = fields_of_timestamp(micros % MICROS_PER_DAY);

    if (unit == UNIT_EPOCH)
        return scaled(micros, 6);
    if (micros == MICROS_PER_DAY)
        f.hour = 24;
    return clock_field(unit, &f);
}

static Field
interval_field(DateUnit unit, const Interval *i)
{
    int years = i->months / MONTHS_PER_YEAR, months = i->months % MONTHS_PER_YEAR;
    int64_t micros = i->micros % MICROS_PER_MINUTE;

    switch (unit) {
    case UNIT_MICROSECOND: return whole(micros);
    case UNIT_MILLISECOND: return scaled(micros, 3);
    case UNIT_SECOND: return scaled(micros, 6);
    case UNIT_MINUTE: return whole(i->micros / MICROS_PER_MINUTE % 60);
    case UNIT_HOUR: return whole(i->micros / MICROS_PER_HOUR);
    case UNIT_DAY: return whole(i->days);
    case UNIT_MONTH: return whole(months);
    case UNIT_QUARTER: return whole(months / 3 + 1);
    case UNIT_YEAR: return whole(years);
    case UNIT_DECADE: return whole(years / 10);
    case UNIT_CENTURY: return whole(years / 100);
    case UNIT_MILLENNIUM: return whole(years / 1000);
    case UNIT_EPOCH: { /* a year is 365.25 days, a month 30 */
        __int128 quarter_days = (__int128)1461 * years + (__int128)120 * months + (__int128)4 * i->days;

        return scaled(quarter_days * (SECONDS_PER_DAY / 4) * MICROS_PER_SECOND + i->micros, 6);
    }
    default: return (Field){0};
    }
}

/* The field the call asks for; fails if the type has none of that name. */
static Status
find_field(FnCall *call, const Value *args, Field *field)
{
    Ctx *cx = call->cx;
    char *name = lower_copy(cx, args[0].var);
    DateUnit unit = date_unit(name);
    Oid type = call->fn->args[1];
    const Value *v = &args[1];

    switch (type) {
    case TYPE_DATE: *field = date_only_field(unit, v->i32); break;
    case TYPE_TIME: *field = time_field(unit, v->i64); break;
    case TYPE_TIMETZ:
        if (unit == UNIT_EPOCH)
            *field = scaled(v->interval.micros + v->interval.days * MICROS_PER_SECOND, 6);
        else
            *field = time_field(unit, v->interval.micros);
        if (!field->found)
            *field = zone_field(unit, -v->interval.days);
        break;
    case TYPE_INTERVAL: *field = interval_field(unit, &v->interval); break;
    default: *field = timestamp_field(unit, v->i64, type == TYPE_TIMESTAMPTZ, session_zone(cx)); break;
    }
    if (!field->found)
        return fail_unit(cx, unit, name, type);
    return ST_OK;
}

SCALAR_FN(extract)
{
    Field f;
    Arena *a = call->cx->arena;

    TRY(find_field(call, args, &f));
    if (f.none) {
        *out = value_null();
        return ST_OK;
    }
    if (f.infinite)
        return numeric_parse(call->cx, f.sign > 0 ? "Infinity" : "-Infinity", f.sign > 0 ? 8 : 9, out);
    *out = numeric_from_i128(a, f.coefficient, f.scale);
    if (f.is_julian) { /* and the part of the day that has passed */
        Value part = numeric_from_i64(a, f.julian_micros, 0), day = numeric_from_i64(a, MICROS_PER_DAY, 0);

        TRY(numeric_div_values(call->cx, &part, &day, &part));
        TRY(numeric_add_values(call->cx, out, &part, out));
    }
    return ST_OK;
}

/* Added up in floating point, in PostgreSQL's order, so that the last digits agree. */
static double
interval_epoch(const Interval *i)
{
    double seconds = (double)i->micros / 1e6;

    seconds += 365.25 * SECONDS_PER_DAY * (i->months / MONTHS_PER_YEAR);
    seconds += (double)DAYS_PER_MONTH * SECONDS_PER_DAY * (i->months % MONTHS_PER_YEAR);
    return seconds + (double)SECONDS_PER_DAY * i->days;
}

/* date_part(text, date) goes through timestamp, and so knows the time of day, too. */
SCALAR_FN(date_part)
{
    Field f;
    Value as_timestamp[2] = {args[0], args[1]};
    char *name;

    if (call->fn->args[1] == TYPE_DATE) {
        DateUnit unit;

        name = lower_copy(call->cx, args[0].var);
        unit = date_unit(name);
        as_timestamp[1] = value_i64(0);
        TRY(date_to_timestamp(call->cx, args[1].i32, &as_timestamp[1].i64));
        f = timestamp_field(unit, as_timestamp[1].i64, false, NULL);
        if (!f.found)
            return fail_unit(call->cx, unit, name, TYPE_TIMESTAMP);
    } else {
        TRY(find_field(call, args, &f));
        f.is_epoch = date_unit(lower_copy(call->cx, args[0].var)) == UNIT_EPOCH;
    }
    if (f.none) {
        *out = value_null();
        return ST_OK;
    }
    if (f.infinite) {
        out->f64 = f.sign * (double)INFINITY;
        return ST_OK;
    }
    if (f.is_epoch && call->fn->args[1] == TYPE_INTERVAL) {
        out->f64 = interval_epoch(&args[1].interval);
        return ST_OK;
    }
    if (f.is_epoch && call->fn->args[1] == TYPE_TIMETZ) {
        out->f64 = (double)args[1].interval.micros / 1e6 + args[1].interval.days;
        return ST_OK;
    }
    out->f64 = (double)f.coefficient / (f.scale == 6 ? 1e6 : f.scale == 3 ? 1e3 : 1.0);
    if (f.is_julian)
        out->f64 += (double)f.julian_micros / 1e6 / 86400.0;
    return ST_OK;
}

/* --- date_trunc ------------------------------------------------------------------------------------------------------ */
static int64_t
first_year(int64_t year, int64_t years)
{
    if (years == 10)
        return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
    return year > 0 ? (year + years - 1) / years * years - (years - 1)
                    : -((years - 1 - (year - 1)) / years) * years + 1;
}

/* False when the unit is none to cut at. */
static bool
cut_fields(DateUnit unit, Fields *f)
{
    int64_t day;
    Civil c;

    switch (unit) {
    case UNIT_MICROSECOND: return true;
    case UNIT_MILLISECOND: f->micros = f->micros / 1000 * 1000; return true;
    case UNIT_WEEK:
        day = days_from_civil(f->year, f->month, f->day);
        c = civil_from_days(day - (weekday(day) + 6) % 7);
        f->year = c.year;
        f->month = c.month;
        f->day = c.day;
        break;
    case UNIT_MILLENNIUM: f->year = first_year(f->year, 1000); break;
    case UNIT_CENTURY: f->year = first_year(f->year, 100); break;
    case UNIT_DECADE: f->year = first_year(f->year, 10); break;
    case UNIT_YEAR:
    case UNIT_QUARTER:
    case UNIT_MONTH:
    case UNIT_DAY:
    case UNIT_HOUR:
    case UNIT_MINUTE:
    case UNIT_SECOND: break;
    default: return false;
    }
    f->micros = 0;
    if (unit == UNIT_SECOND)
        return true;
    f->second = 0;
    if (unit == UNIT_MINUTE)
        return true;
    f->minute = 0;
    if (unit == UNIT_HOUR)
        return true;
    f->hour = 0;
    if (unit == UNIT_DAY || unit == UNIT_WEEK)
        return true;
    f->day = 1;
    if (unit == UNIT_MONTH)
        return true;
    f->month = unit == UNIT_QUARTER ? (f->month - 1) / 3 * 3 + 1 : 1;
    return true;
}

SCALAR_FN(timestamp_trunc)
{
    char *name = lower_copy(call->cx, args[0].var);
    DateUnit unit = trunc_unit(name);
    Fields f = fields_of_timestamp(0);

    if (!timestamp_is_finite(args[1].i64)) {
        out->i64 = args[1].i64;
        return ST_OK;
    }
    f = fields_of_timestamp(args[1].i64);
    if (!cut_fields(unit, &f))
        return fail_unit(call->cx, unit, name, TYPE_TIMESTAMP);
    return fields_to_timestamp(&f, &out->i64) ? ST_OK : fail_timestamp_range(call->cx);
}

static Status
trunc_in_zone(FnCall *call, VarRef unit_text, int64_t t, const TimeZone *zone, Value *out)
{
    char *name = lower_copy(call->cx, unit_text);
    DateUnit unit = trunc_unit(name);
    ZoneOffset offset;
    Fields f;
    int64_t local;

    if (!timestamp_is_finite(t)) {
        out->i64 = t;
        return ST_OK;
    }
    f = fields_of_timestamptz(t, zone, &offset);
    if (!cut_fields(unit, &f))
        return fail_unit(call->cx, unit, name, TYPE_TIMESTAMPTZ);
    if (!fields_to_timestamp(&f, &local))
        return fail_timestamp_range(call->cx);
    /* within a day the offset stays what it was, so that an hour that comes twice keeps its place */
    if (unit >= UNIT_DAY) {
        if (!timestamp_to_utc(local, zone, &out->i64))
            return fail_timestamp_range(call->cx);
    } else {
        out->i64 = local - offset.seconds * MICROS_PER_SECOND;
    }
    return ST_OK;
}

SCALAR_FN(timestamptz_trunc)
{
    return trunc_in_zone(call, args[0].var, args[1].i64, session_zone(call->cx), out);
}

static Status zone_argument(Ctx *cx, VarRef text, int64_t local, const TimeZone **zone, ZoneOffset *fixed,
                            bool *is_fixed);

SCALAR_FN(timestamptz_trunc_zone)
{
    const TimeZone *zone;
    ZoneOffset fixed;
    bool is_fixed;

    TRY(zone_argument(call->cx, args[2].var, args[1].i64, &zone, &fixed, &is_fixed));
    if (is_fixed)
        zone = timezone_fixed(fixed.seconds);
    return trunc_in_zone(call, args[0].var, args[1].i64, zone, out);
}

SCALAR_FN(interval_trunc)
{
    char *name = lower_copy(call->cx, args[0].var);
    DateUnit unit = trunc_unit(name);
    Interval i = args[1].interval;
    static const int months_of[] = {[UNIT_MONTH] = 1,    [UNIT_QUARTER] = 3,    [UNIT_YEAR] = 12,
                                    [UNIT_DECADE] = 120, [UNIT_CENTURY] = 1200, [UNIT_MILLENNIUM] = 12000};
    static const int64_t micros_of[] = {[UNIT_MICROSECOND] = 1,
                                        [UNIT_MILLISECOND] = 1000,
                                        [UNIT_SECOND] = 1000000,
                                        [UNIT_MINUTE] = 60 * INT64_C(1000000),
                                        [UNIT_HOUR] = 3600 * INT64_C(1000000)};

    if (unit == UNIT_WEEK) {
        fail_unit(call->cx, unit, name, TYPE_INTERVAL);
        fail_detail(call->cx, "Months usually have fractional weeks.");
        return ST_ERROR;
    }
    if (unit < UNIT_MICROSECOND || unit > UNIT_MILLENNIUM)
        return fail_unit(call->cx, unit, name, TYPE_INTERVAL);
    if (unit >= UNIT_MONTH) {
        i = (Interval){0, 0, i.months / months_of[unit] * months_of[unit]};
    } else if (unit == UNIT_DAY) {
        i.micros = 0;
    } else {
        i.micros = i.micros / micros_of[unit] * micros_of[unit];
    }
    out->interval = i;
    return ST_OK;
}

/* date_bin(stride, source, origin) */
SCALAR_FN(date_bin)
{
    Interval stride = args[0].interval;
    int64_t source = args[1].i64, origin = args[2].i64, width, distance;
    Ctx *cx = call->cx;

    if (!timestamp_is_finite(source)) {
        out->i64 = source;
        return ST_OK;
    }
    if (!timestamp_is_finite(origin))
        return fail(cx, ST_ERROR, "22008", "origin out of range");
    if (stride.months != 0)
        return fail(cx, ST_ERROR, "0A000",
                    "timestamps cannot be binned into intervals containing months or years");
    if (__builtin_mul_overflow((int64_t)stride.days, MICROS_PER_DAY, &width) ||
        __builtin_add_overflow(width, stride.micros, &width))
        return fail_interval_range(cx);
    if (width <= 0)
        return fail(cx, ST_ERROR, "22008", "stride must be greater than zero");
    if (__builtin_sub_overflow(source, origin, &distance))
        return fail_interval_range(cx);
    out->i64 = origin + floor_div(distance, width) * width;
    return timestamp_in_range(out->i64) ? ST_OK : fail_timestamp_range(cx);
}

/* --- AT TIME ZONE ------------------------------------------------------------------------------------------------------ */
/* An abbreviation means one offset (at that local time), a name a zone. */
static Status
zone_argument(Ctx *cx, VarRef text, int64_t local, const TimeZone **zone, ZoneOffset *fixed, bool *is_fixed)
{
    *zone = NULL;
    *is_fixed = timezone_abbrev(text.data, text.bytes, local, fixed);
    return *is_fixed ? ST_OK : timezone_find(cx, text.data, text.bytes, zone);
}

static Status
moved(Ctx *cx, int64_t t, int64_t seconds, Value *out)
{
    if (__builtin_add_overflow(t, seconds * MICROS_PER_SECOND, &t) || !timestamp_in_range(t))
        return fail_timestamp_range(cx);
    out->i64 = t;
    return ST_OK;
}

SCALAR_FN(timestamp_zone)
{
    const TimeZone *zone;
    ZoneOffset fixed;
    bool is_fixed;
    int64_t t = args[1].i64;

    if (!timestamp_is_finite(t)) {
        out->i64 = t;
        return ST_OK;
    }
    TRY(zone_argument(call->cx, args[0].var, t, &zone, &fixed, &is_fixed));
    if (is_fixed)
        return moved(call->cx, t, -(int64_t)fixed.seconds, out);
    return timestamp_to_utc(t, zone, &out->i64) ? ST_OK : fail_timestamp_range(call->cx);
}

SCALAR_FN(timestamptz_zone)
{
    const TimeZone *zone;
    ZoneOffset fixed;
    bool is_fixed;
    int64_t t = args[1].i64;

    if (!timestamp_is_finite(t)) {
        out->i64 = t;
        return ST_OK;
    }
    TRY(zone_argument(call->cx, args[0].var, t, &zone, &fixed, &is_fixed));
    if (is_fixed)
        return moved(call->cx, t, fixed.seconds, out);
    return utc_to_timestamp(t, zone, &out->i64) ? ST_OK : fail_timestamp_range(call->cx);
}

static Status
interval_zone(Ctx *cx, const Value *zone, int64_t *east)
{
    Value text;

    if (zone->interval.months != 0 || zone->interval.days != 0) {
        TRY(value_to_text(cx, TYPE_INTERVAL, zone, &text));
        return fail(cx, ST_ERROR, "22023", "interval time zone \"%.*s\" must not include months or days",
                    (int)text.var.bytes, text.var.data);
    }
    *east = zone->interval.micros / MICROS_PER_SECOND;
    return ST_OK;
}

SCALAR_FN(timestamp_izone)
{
    int64_t east = 0;

    if (!timestamp_is_finite(args[1].i64)) {
        out->i64 = args[1].i64;
        return ST_OK;
    }
    TRY(interval_zone(call->cx, &args[0], &east));
    return moved(call->cx, args[1].i64, -east, out);
}

SCALAR_FN(timestamptz_izone)
{
    int64_t east = 0;

    if (!timestamp_is_finite(args[1].i64)) {
        out->i64 = args[1].i64;
        return ST_OK;
    }
    TRY(interval_zone(call->cx, &args[0], &east));
    return moved(call->cx, args[1].i64, east, out);
}

static Value
timetz_in_zone(const Value *v, int64_t east)
{
    int64_t utc = v->interval.micros + v->interval.days * MICROS_PER_SECOND + east * MICROS_PER_SECOND;

    return value_timetz(utc - floor_div(utc, MICROS_PER_DAY) * MICROS_PER_DAY, (int32_t)-east);
}

SCALAR_FN(timetz_zone)
{
    int64_t now = format_of(call->cx)->transaction_now;
    const TimeZone *zone;
    ZoneOffset offset;
    bool is_fixed;

    TRY(zone_argument(call->cx, args[0].var, now, &zone, &offset, &is_fixed));
    if (!is_fixed)
        offset = timezone_at_utc(zone, now);
    *out = timetz_in_zone(&args[1], offset.seconds);
    return ST_OK;
}

SCALAR_FN(timetz_izone)
{
    int64_t east = 0;

    TRY(interval_zone(call->cx, &args[0], &east));
    *out = timetz_in_zone(&args[1], east);
    return ST_OK;
}
