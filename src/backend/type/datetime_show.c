/* datetime_show.c - dates, times and intervals as text, in every DateStyle and IntervalStyle. */
#include "backend/type/datetime_int.h"

#include <stdlib.h>
#include <string.h>

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* --- pieces ------------------------------------------------------------------------------------------------------ */
/* Zero-padded to a width; years may be wider. */
static void
put_number(Buf *to, int64_t v, int width)
{
    char digits[24];
    int n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (int i = n; i < width; i++)
        buf_add_char(to, '0');
    while (n > 0)
        buf_add_char(to, digits[--n]);
}

/* A year without its era: 1 BC is shown as 0001. */
static int64_t
shown_year(int64_t year)
{
    return year > 0 ? year : 1 - year;
}

static void
put_era(Buf *to, int64_t year)
{
    if (year <= 0)
        buf_add_text(to, " BC");
}

/* "." and the microseconds without trailing zeros; nothing when there are none. */
static void
put_fraction(Buf *to, int micros)
{
    char digits[8];
    int n = 6;

    if (micros == 0)
        return;
    for (int i = 5; i >= 0; i--) {
        digits[i] = (char)('0' + micros % 10);
        micros /= 10;
    }
    while (digits[n - 1] == '0')
        n--;
    buf_add_char(to, '.');
    buf_add(to, digits, (size_t)n);
}

static void
put_clock(Buf *to, const Fields *f)
{
    put_number(to, f->hour, 2);
    buf_add_char(to, ':');
    put_number(to, f->minute, 2);
    buf_add_char(to, ':');
    put_number(to, f->second, 2);
    put_fraction(to, f->micros);
}

void
show_zone(const FormatSettings *format, int32_t east, Buf *to)
{
    int32_t s = abs(east);

    (void)format;
    buf_add_char(to, east < 0 ? '-' : '+');
    put_number(to, s / 3600, 2);
    if (s % 3600 != 0) {
        buf_add_char(to, ':');
        put_number(to, s / 60 % 60, 2);
    }
    if (s % 60 != 0) {
        buf_add_char(to, ':');
        put_number(to, s % 60, 2);
    }
}

static void
put_date(const FormatSettings *format, const Fields *f, Buf *to)
{
    bool day_first = format->date_order == DATEORDER_DMY;
    char between = '-';

    switch (format->date_style) {
    case DATESTYLE_ISO:
        put_number(to, shown_year(f->year), 4);
        buf_add_char(to, '-');
        put_number(to, f->month, 2);
        buf_add_char(to, '-');
        put_number(to, f->day, 2);
        return;
    case DATESTYLE_SQL: between = '/'; break;
    case DATESTYLE_GERMAN:
        between = '.';
        day_first = true;
        break;
    case DATESTYLE_POSTGRES: break;
    }
    put_number(to, day_first ? f->day : f->month, 2);
    buf_add_char(to, between);
    put_number(to, day_first ? f->month : f->day, 2);
    buf_add_char(to, between);
    put_number(to, shown_year(f->year), 4);
}

/* --- date, time ------------------------------------------------------------------------------------------------------ */
void
show_date(const FormatSettings *format, int32_t date, Buf *to)
{
    Civil c;
    Fields f;

    if (!date_is_finite(date)) {
        buf_add_text(to, date == DATE_PLUS_INF ? "infinity" : "-infinity");
        return;
    }
    c = civil_from_days(date);
    f = (Fields){.year = c.year, .month = c.month, .day = c.day};
    put_date(format, &f, to);
    put_era(to, f.year);
}

static Fields
clock_of(int64_t micros)
{
    return (Fields){.hour = (int)(micros / MICROS_PER_HOUR),
                    .minute = (int)(micros / MICROS_PER_MINUTE % 60),
                    .second = (int)(micros / MICROS_PER_SECOND % 60),
                    .micros = (int)(micros % MICROS_PER_SECOND)};
}

void
show_time(int64_t micros, Buf *to)
{
    Fields f = clock_of(micros);

    put_clock(to, &f);
}

/* --- timestamps -------------------------------------------------------------------------------------------------------- */
/* `offset` is NULL for a timestamp without time zone. The styles but ISO show the zone's abbreviation. */
static void
put_timestamp(const FormatSettings *format, const Fields *f, const ZoneOffset *offset, Buf *to)
{
    bool day_first = format->date_order == DATEORDER_DMY;

    if (format->date_style == DATESTYLE_POSTGRES) {
        buf_add_text(to, day_names[weekday(days_from_civil(f->year, f->month, f->day))]);
        buf_add_char(to, ' ');
        if (day_first)
            put_number(to, f->day, 2);
        else
            buf_add_text(to, month_names[f->month - 1]);
        buf_add_char(to, ' ');
        if (day_first)
            buf_add_text(to, month_names[f->month - 1]);
        else
            put_number(to, f->day, 2);
        buf_add_char(to, ' ');
        put_clock(to, f);
        buf_add_char(to, ' ');
        put_number(to, shown_year(f->year), 4);
        if (offset != NULL) {
            buf_add_char(to, ' ');
            buf_add_text(to, offset->abbrev);
        }
        put_era(to, f->year);
        return;
    }
    put_date(format, f, to);
    buf_add_char(to, ' ');
    put_clock(to, f);
    if (offset != NULL) {
        if (format->date_style != DATESTYLE_ISO) {
            buf_add_char(to, ' ');
            buf_add_text(to, offset->abbrev);
        } else {
            show_zone(format, offset->seconds, to);
        }
    }
    put_era(to, f->year);
}

static bool
put_infinity(int64_t t, Buf *to)
{
    if (timestamp_is_finite(t))
        return false;
    buf_add_text(to, t == TIMESTAMP_PLUS_INF ? "infinity" : "-infinity");
    return true;
}

void
show_timestamp(const FormatSettings *format, int64_t t, Buf *to)
{
    Fields f;

    if (put_infinity(t, to))
        return;
    f = fields_of_timestamp(t);
    put_timestamp(format, &f, NULL, to);
}

void
show_timestamptz(const FormatSettings *format, int64_t t, Buf *to)
{
    Fields f;
    ZoneOffset offset;

    if (put_infinity(t, to))
        return;
    f = fields_of_timestamptz(t, format->time_zone, &offset);
    put_timestamp(format, &f, &offset, to);
}

/* --- intervals ------------------------------------------------------------------------------------------------------------ */
typedef struct IntervalParts {
    int years, months, days, minutes, seconds, micros;
    int64_t hours;
} IntervalParts;

static IntervalParts
interval_parts(const Interval *i)
{
    return (IntervalParts){.years = i->months / MONTHS_PER_YEAR,
                           .months = i->months % MONTHS_PER_YEAR,
                           .days = i->days,
                           .hours = i->micros / MICROS_PER_HOUR,
                           .minutes = (int)(i->micros / MICROS_PER_MINUTE % 60),
                           .seconds = (int)(i->micros / MICROS_PER_SECOND % 60),
                           .micros = (int)(i->micros % MICROS_PER_SECOND)};
}

static uint64_t
magnitude(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

/* hh:mm:ss.ffffff without sign; the parts all have the same sign. */
static void
put_interval_clock(const IntervalParts *p, int hour_width, Buf *to)
{
    put_number(to, (int64_t)magnitude(p->hours), hour_width);
    buf_add_char(to, ':');
    put_number(to, abs(p->minutes), 2);
    buf_add_char(to, ':');
    put_number(to, abs(p->seconds), 2);
    put_fraction(to, abs(p->micros));
}

static bool
clock_is_negative(const IntervalParts *p)
{
    return p->hours < 0 || p->minutes < 0 || p->seconds < 0 || p->micros < 0;
}

static bool
has_clock(const IntervalParts *p)
{
    return p->hours != 0 || p->minutes != 0 || p->seconds != 0 || p->micros != 0;
}

/* "1 year 2 mons -3 days": a plus is shown behind something negative. */
static void
put_unit(int value, const char *unit, bool *first, bool *after_minus, Buf *to)
{
    if (value == 0)
        return;
    buf_printf(to, "%s%s%d %s%s", *first ? "" : " ", *after_minus && value > 0 ? "+" : "", value, unit,
               value != 1 ? "s" : "");
    *after_minus = value < 0;
    *first = false;
}

static void
show_postgres(const IntervalParts *p, Buf *to)
{
    bool first = true, after_minus = false;

    put_unit(p->years, "year", &first, &after_minus, to);
    put_unit(p->months, "mon", &first, &after_minus, to);
    put_unit(p->days, "day", &first, &after_minus, to);
    if (first || has_clock(p)) {
        buf_printf(to, "%s%s", first ? "" : " ", clock_is_negative(p) ? "-" : after_minus ? "+" : "");
        put_interval_clock(p, 2, to);
    }
}

/* "@ 1 year 2 mons ago": everything relative to the first sign. */
static void
put_verbose(int64_t value, const char *unit, bool *first, bool *ago, Buf *to)
{
    if (value == 0)
        return;
    if (*first) {
        *ago = value < 0;
        *first = false;
    }
    buf_printf(to, " %lld %s%s", (long long)(*ago ? -value : value), unit,
               value != 1 && value != -1 ? "s" : "");
    if (value == -1 && !*ago)
        buf_add_text(to, "s");
}

static void
show_verbose(const IntervalParts *p, Buf *to)
{
    bool first = true, ago = false;

    buf_add_char(to, '@');
    put_verbose(p->years, "year", &first, &ago, to);
    put_verbose(p->months, "mon", &first, &ago, to);
    put_verbose(p->days, "day", &first, &ago, to);
    put_verbose(p->hours, "hour", &first, &ago, to);
    put_verbose(p->minutes, "min", &first, &ago, to);
    if (p->seconds != 0 || p->micros != 0) {
        bool negative = p->seconds < 0 || p->micros < 0;

        if (first) {
            ago = negative;
            first = false;
            negative = false;
        } else if (ago) {
            negative = !negative;
        }
        buf_printf(to, " %s%d", negative ? "-" : "", abs(p->seconds));
        put_fraction(to, abs(p->micros));
        buf_printf(to, " sec%s", abs(p->seconds) != 1 || p->micros != 0 ? "s" : "");
    }
    if (first)
        buf_add_text(to, " 0");
    if (ago)
        buf_add_text(to, " ago");
}

static void
show_sql(const IntervalParts *p, Buf *to)
{
    bool negative = p->years < 0 || p->months < 0 || p->days < 0 || clock_is_negative(p);
    bool positive = p->years > 0 || p->months > 0 || p->days > 0 || (has_clock(p) && !clock_is_negative(p));
    bool year_month = p->years != 0 || p->months != 0, day_time = p->days != 0 || has_clock(p);

    if (!negative && !positive) {
        buf_add_char(to, '0');
        return;
    }
    if ((negative && positive) || (year_month && day_time)) { /* not SQL's any more: each part with its sign */
        buf_printf(to, "%c%d-%d %c%d %c", p->years < 0 || p->months < 0 ? '-' : '+', abs(p->years),
                   abs(p->months), p->days < 0 ? '-' : '+', abs(p->days), clock_is_negative(p) ? '-' : '+');
        put_interval_clock(p, 1, to);
        return;
    }
    if (negative)
        buf_add_char(to, '-');
    if (year_month) {
        buf_printf(to, "%d-%d", abs(p->years), abs(p->months));
        return;
    }
    if (p->days != 0)
        buf_printf(to, "%d ", abs(p->days));
    put_interval_clock(p, 1, to);
}

static void
put_iso(int64_t value, char unit, Buf *to)
{
    if (value != 0)
        buf_printf(to, "%lld%c", (long long)value, unit);
}

static void
show_iso(const IntervalParts *p, Buf *to)
{
    if (p->years == 0 && p->months == 0 && p->days == 0 && !has_clock(p)) {
        buf_add_text(to, "PT0S");
        return;
    }
    buf_add_char(to, 'P');
    put_iso(p->years, 'Y', to);
    put_iso(p->months, 'M', to);
    put_iso(p->days, 'D', to);
    if (!has_clock(p))
        return;
    buf_add_char(to, 'T');
    put_iso(p->hours, 'H', to);
    put_iso(p->minutes, 'M', to);
    if (p->seconds != 0 || p->micros != 0) {
        if (p->seconds < 0 || p->micros < 0)
            buf_add_char(to, '-');
        buf_printf(to, "%d", abs(p->seconds));
        put_fraction(to, abs(p->micros));
        buf_add_char(to, 'S');
    }
}

void
show_interval(const FormatSettings *format, const Interval *i, Buf *to)
{
    IntervalParts p = interval_parts(i);

    switch (format->interval_style) {
    case INTERVALSTYLE_POSTGRES: show_postgres(&p, to); break;
    case INTERVALSTYLE_POSTGRES_VERBOSE: show_verbose(&p, to); break;
    case INTERVALSTYLE_SQL_STANDARD: show_sql(&p, to); break;
    case INTERVALSTYLE_ISO_8601: show_iso(&p, to); break;
    }
}
