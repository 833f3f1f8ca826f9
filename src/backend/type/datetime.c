/* datetime.c - date, time, timetz, timestamp, timestamptz and interval: forms, order, precision. */
#include "backend/type/datetime_int.h"

#include "base/env.h"
#include "base/hash.h"

/* --- taking apart, putting together ----------------------------------------------------------------------------- */
static void
set_clock(Fields *f, int64_t micros)
{
    f->hour = (int)(micros / MICROS_PER_HOUR);
    f->minute = (int)(micros / MICROS_PER_MINUTE % 60);
    f->second = (int)(micros / MICROS_PER_SECOND % 60);
    f->micros = (int)(micros % MICROS_PER_SECOND);
}

Fields
fields_of_timestamp(int64_t t)
{
    int64_t micros, day = timestamp_split(t, &micros);
    Civil c = civil_from_days(day);
    Fields f = {.year = c.year, .month = c.month, .day = c.day};

    set_clock(&f, micros);
    return f;
}

Fields
fields_of_timestamptz(int64_t t, const TimeZone *zone, ZoneOffset *offset)
{
    ZoneOffset o = timezone_at_utc(zone, t);

    if (offset != NULL)
        *offset = o;
    return fields_of_timestamp(t + o.seconds * MICROS_PER_SECOND);
}

bool
fields_to_timestamp(const Fields *f, int64_t *out)
{
    int64_t day = days_from_civil(f->year, f->month, f->day), t;

    if (__builtin_mul_overflow(day, MICROS_PER_DAY, &t) || __builtin_add_overflow(t, fields_time(f), &t) ||
        !timestamp_in_range(t))
        return false;
    *out = t;
    return true;
}

const TimeZone *
session_zone(const Ctx *cx)
{
    return format_of(cx)->time_zone;
}

bool
timestamp_to_utc(int64_t local, const TimeZone *zone, int64_t *out)
{
    int64_t t = local - timezone_at_local(zone, local).seconds * MICROS_PER_SECOND;

    if (!timestamp_in_range(t))
        return false;
    *out = t;
    return true;
}

bool
utc_to_timestamp(int64_t utc, const TimeZone *zone, int64_t *out)
{
    int64_t t = utc + timezone_at_utc(zone, utc).seconds * MICROS_PER_SECOND;

    if (!timestamp_in_range(t))
        return false;
    *out = t;
    return true;
}

int64_t
clock_now(Ctx *cx)
{
    Env *env = cx->env != NULL ? cx->env : env_system();

    return env_wall_us(env) - UNIX_DAYS_OF_2000 * MICROS_PER_DAY;
}

/* --- errors --------------------------------------------------------------------------------------------------------- */
Status
fail_timestamp_range(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22008", "timestamp out of range");
}

Status
fail_date_range(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22008", "date out of range");
}

Status
fail_interval_range(Ctx *cx)
{
    return fail(cx, ST_ERROR, "22008", "interval out of range");
}

/* --- precision -------------------------------------------------------------------------------------------------------- */
int64_t
micros_round(int64_t micros, int digits)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    int64_t unit;

    if (digits < 0 || digits >= 6)
        return micros;
    unit = units[digits];
    return micros >= 0 ? (micros + unit / 2) / unit * unit : -((-micros + unit / 2) / unit * unit);
}

Status
timestamp_round(Ctx *cx, int64_t *t, int32_t typmod)
{
    if (typmod < 0 || typmod >= 6 || !timestamp_is_finite(*t))
        return ST_OK;
    *t = micros_round(*t, typmod);
    return timestamp_in_range(*t) ? ST_OK : fail_timestamp_range(cx);
}

static Status
precision_typmod(Ctx *cx, const char *name, const char *suffix, const int64_t *args, int arg_count,
                 int32_t *typmod)
{
    int64_t digits;

    if (arg_count != 1)
        return fail(cx, ST_ERROR, "22023", "invalid type modifier");
    digits = args[0];
    if (digits < 0)
        return fail(cx, ST_ERROR, "22023", "%s(%d)%s precision must not be negative", name, (int)digits,
                    suffix);
    if (digits > 6) {
        ctx_notice(cx, SEV_WARNING, "22023", "%s(%d)%s precision reduced to maximum allowed, %d", name,
                   (int)digits, suffix, 6);
        digits = 6;
    }
    *typmod = (int32_t)digits;
    return ST_OK;
}

#define PRECISION(type, name, suffix)                                                                          \
    TYPE_TYPMOD_IN(type)                                                                                       \
    {                                                                                                          \
        return precision_typmod(cx, name, suffix, args, arg_count, typmod);                                    \
    }                                                                                                          \
    TYPE_TYPMOD_OUT(type)                                                                                      \
    {                                                                                                          \
        if (typmod >= 0)                                                                                       \
            buf_printf(to, "(%d)", typmod);                                                                    \
    }
PRECISION(time, "TIME", "")
PRECISION(timetz, "TIME", " WITH TIME ZONE")
PRECISION(timestamp, "TIMESTAMP", "")
PRECISION(timestamptz, "TIMESTAMP", " WITH TIME ZONE")

/* --- date ----------------------------------------------------------------------------------------------------------------- */
TYPE_IN(date)
{
    ParsedDate p;
    int64_t day = 0;

    TRY(datetime_parse(cx, "date", text, bytes, &p));
    switch (p.kind) {
    case DATE_EPOCH: day = -UNIX_DAYS_OF_2000; break;
    case DATE_PLUS_INFINITY: *out = value_i32(DATE_PLUS_INF); return ST_OK;
    case DATE_MINUS_INFINITY: *out = value_i32(DATE_MINUS_INF); return ST_OK;
    case DATE_FIELDS: day = days_from_civil(p.f.year, p.f.month, p.f.day); break;
    }
    if (!date_in_range(day))
        return fail(cx, ST_ERROR, "22008", "date out of range: \"%.*s\"", (int)bytes, text);
    *out = value_i32((int32_t)day);
    return ST_OK;
}

TYPE_OUT(date)
{
    show_date(format_of(cx), v->i32, to);
    return ST_OK;
}

TYPE_RECV(date)
{
    int32_t day;

    if (bytes != 4)
        return fail_binary(cx, type);
    day = (int32_t)get_be32(data);
    if (date_is_finite(day) && !date_in_range(day))
        return fail_date_range(cx);
    *out = value_i32(day);
    return ST_OK;
}

TYPE_SEND(date)
{
    buf_add_u32(to, (uint32_t)v->i32);
    return ST_OK;
}

/* --- time ------------------------------------------------------------------------------------------------------------------- */
TYPE_IN(time)
{
    ParsedDate p;

    TRY(timeonly_parse(cx, "time", text, bytes, &p));
    *out = value_i64(micros_round(fields_time(&p.f), typmod));
    return ST_OK;
}

TYPE_OUT(time)
{
    show_time(v->i64, to);
    return ST_OK;
}

TYPE_RECV(time)
{
    int64_t t;

    if (bytes != 8)
        return fail_binary(cx, type);
    t = (int64_t)get_be64(data);
    if (t < 0 || t > MICROS_PER_DAY)
        return fail(cx, ST_ERROR, "22008", "time out of range");
    *out = value_i64(micros_round(t, typmod));
    return ST_OK;
}

TYPE_SEND(time)
{
    buf_add_u64(to, (uint64_t)v->i64);
    return ST_OK;
}

/* --- timetz ------------------------------------------------------------------------------------------------------------------ */
TYPE_IN(timetz)
{
    ParsedDate p;

    TRY(timeonly_parse(cx, "time with time zone", text, bytes, &p));
    *out = value_timetz(micros_round(fields_time(&p.f), typmod), -p.zone_seconds);
    return ST_OK;
}

TYPE_OUT(timetz)
{
    show_time(v->interval.micros, to);
    show_zone(format_of(cx), -v->interval.days, to);
    return ST_OK;
}

TYPE_RECV(timetz)
{
    int64_t t;
    int32_t west;

    if (bytes != 12)
        return fail_binary(cx, type);
    t = (int64_t)get_be64(data);
    west = (int32_t)get_be32((const char *)data + 8);
    if (t < 0 || t > MICROS_PER_DAY)
        return fail(cx, ST_ERROR, "22008", "time out of range");
    if (west <= -16 * 3600 || west >= 16 * 3600)
        return fail(cx, ST_ERROR, "22009", "time zone displacement out of range");
    *out = value_timetz(micros_round(t, typmod), west);
    return ST_OK;
}

TYPE_SEND(timetz)
{
    buf_add_u64(to, (uint64_t)v->interval.micros);
    buf_add_u32(to, (uint32_t)v->interval.days);
    return ST_OK;
}

static int64_t
timetz_utc(const Value *v)
{
    return v->interval.micros + v->interval.days * MICROS_PER_SECOND;
}

/* By the moment in UTC; two at the same moment are equal only in the same zone. */
TYPE_COMPARE(timetz)
{
    int order = cmp_i64(timetz_utc(a), timetz_utc(b));

    return order != 0 ? order : cmp_i64(a->interval.days, b->interval.days);
}

TYPE_HASH(timetz)
{
    return hash_combine((uint64_t)v->interval.micros, (uint64_t)(int64_t)v->interval.days);
}

TYPE_KEY(timetz)
{
    key_add_i64(to, timetz_utc(v));
    buf_add_u32(to, (uint32_t)v->interval.days ^ UINT32_C(1) << 31);
}

/* --- timestamp, timestamptz --------------------------------------------------------------------------------------------------- */
static Status
parse_timestamp(Ctx *cx, const char *type_name, const char *text, size_t bytes, int32_t typmod, bool zoned,
                Value *out)
{
    ParsedDate p;
    int64_t t = 0;
    bool fits = true;

    TRY(datetime_parse(cx, type_name, text, bytes, &p));
    switch (p.kind) {
    case DATE_EPOCH: t = -UNIX_DAYS_OF_2000 * MICROS_PER_DAY; break;
    case DATE_PLUS_INFINITY: t = TIMESTAMP_PLUS_INF; break;
    case DATE_MINUS_INFINITY: t = TIMESTAMP_MINUS_INF; break;
    case DATE_FIELDS: {
        int64_t day = days_from_civil(p.f.year, p.f.month, p.f.day);

        fits = !__builtin_mul_overflow(day, MICROS_PER_DAY, &t) &&
               !__builtin_add_overflow(t, fields_time(&p.f), &t);
        if (fits && zoned)
            fits = !__builtin_sub_overflow(t, p.zone_seconds * MICROS_PER_SECOND, &t);
        fits = fits && timestamp_in_range(t);
        break;
    }
    }
    if (!fits)
        return fail(cx, ST_ERROR, "22008", "timestamp out of range: \"%.*s\"", (int)bytes, text);
    TRY(timestamp_round(cx, &t, typmod));
    *out = value_i64(t);
    return ST_OK;
}

TYPE_IN(timestamp)
{
    return parse_timestamp(cx, "timestamp", text, bytes, typmod, false, out);
}

TYPE_IN(timestamptz)
{
    return parse_timestamp(cx, "timestamp with time zone", text, bytes, typmod, true, out);
}

TYPE_OUT(timestamp)
{
    show_timestamp(format_of(cx), v->i64, to);
    return ST_OK;
}

TYPE_OUT(timestamptz)
{
    show_timestamptz(format_of(cx), v->i64, to);
    return ST_OK;
}

TYPE_RECV(timestamp)
{
    int64_t t;

    if (bytes != 8)
        return fail_binary(cx, type);
    t = (int64_t)get_be64(data);
    if (timestamp_is_finite(t) && !timestamp_in_range(t))
        return fail_timestamp_range(cx);
    TRY(timestamp_round(cx, &t, typmod));
    *out = value_i64(t);
    return ST_OK;
}

TYPE_SEND(timestamp)
{
    buf_add_u64(to, (uint64_t)v->i64);
    return ST_OK;
}

TYPE_RECV(timestamptz)
{
    return timestamp_recv(cx, type, data, bytes, typmod, out);
}

TYPE_SEND(timestamptz)
{
    return timestamp_send(cx, type, v, to);
}

/* --- interval ------------------------------------------------------------------------------------------------------------------- */
TYPE_IN(interval)
{
    Interval i;

    TRY(interval_parse(cx, text, bytes, typmod, &i));
    *out = value_interval(i);
    return ST_OK;
}

TYPE_OUT(interval)
{
    show_interval(format_of(cx), &v->interval, to);
    return ST_OK;
}

TYPE_RECV(interval)
{
    const char *p = data;
    Interval i;

    if (bytes != 16)
        return fail_binary(cx, type);
    i = (Interval){(int64_t)get_be64(p), (int32_t)get_be32(p + 8), (int32_t)get_be32(p + 12)};
    TRY(interval_adjust(cx, &i, typmod));
    *out = value_interval(i);
    return ST_OK;
}

TYPE_SEND(interval)
{
    buf_add_u64(to, (uint64_t)v->interval.micros);
    buf_add_u32(to, (uint32_t)v->interval.days);
    buf_add_u32(to, (uint32_t)v->interval.months);
    return ST_OK;
}

__int128
interval_span(const Interval *i)
{
    __int128 days = (__int128)i->months * DAYS_PER_MONTH + i->days;

    return days * MICROS_PER_DAY + i->micros;
}

TYPE_COMPARE(interval)
{
    __int128 x = interval_span(&a->interval), y = interval_span(&b->interval);

    return (x > y) - (x < y);
}

TYPE_HASH(interval)
{
    unsigned __int128 span = (unsigned __int128)interval_span(&v->interval);

    return hash_combine((uint64_t)(span >> 64), (uint64_t)span);
}

TYPE_KEY(interval)
{
    unsigned __int128 span = (unsigned __int128)interval_span(&v->interval);

    key_add_i64(to, (int64_t)(span >> 64));
    buf_add_u64(to, (uint64_t)span);
}
