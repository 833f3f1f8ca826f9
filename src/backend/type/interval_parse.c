/* interval_parse.c - reading intervals: "1 year 2 days 03:04", SQL's "1-2 3 4:05:06", ISO's "P1Y2DT3H".
 *
 * The tokens are read from right to left, because a unit stands behind its number. A fraction of a unit
 * goes down to the smaller ones: of a month to days, of a day to microseconds, of a year to months. */
#include "backend/type/datetime_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bits of an interval's typmod: which fields are kept. */
enum {
    RANGE_MONTH = 1 << 1,
    RANGE_YEAR = 1 << 2,
    RANGE_DAY = 1 << 3,
    RANGE_HOUR = 1 << 10,
    RANGE_MINUTE = 1 << 11,
    RANGE_SECOND = 1 << 12,
    RANGE_FULL = 0x7fff,
    PRECISION_FULL = 0xffff
};

typedef struct Parts {
    int64_t micros;
    int32_t days, months, years;
} Parts;

/* --- adding up ---------------------------------------------------------------------------------------------------- */
static bool
add_i32(int32_t *to, int64_t v, int64_t factor)
{
    int64_t product, sum;

    if (__builtin_mul_overflow(v, factor, &product) || __builtin_add_overflow((int64_t)*to, product, &sum) ||
        sum < INT32_MIN || sum > INT32_MAX)
        return false;
    *to = (int32_t)sum;
    return true;
}

static bool
add_micros(Parts *p, int64_t v, double fraction, int64_t unit)
{
    int64_t product;
    double rest = fraction * (double)unit;
    int64_t whole = (int64_t)rest;

    rest -= (double)whole;
    if (rest > 0.5)
        whole++;
    else if (rest < -0.5)
        whole--;
    return !__builtin_mul_overflow(v, unit, &product) &&
           !__builtin_add_overflow(p->micros, product, &p->micros) &&
           !__builtin_add_overflow(p->micros, whole, &p->micros);
}

static bool
add_fraction_days(Parts *p, double fraction, int unit)
{
    double days = fraction * unit;
    int32_t whole = (int32_t)days;

    return add_i32(&p->days, whole, 1) && add_micros(p, 0, days - whole, MICROS_PER_DAY);
}

static bool
add_unit(Parts *p, DateUnit unit, int64_t v, double fraction)
{
    static const struct {
        uint8_t unit;
        int16_t years;
    } year_units[] = {{UNIT_YEAR, 1}, {UNIT_DECADE, 10}, {UNIT_CENTURY, 100}, {UNIT_MILLENNIUM, 1000}};

    switch (unit) {
    case UNIT_MICROSECOND: return add_micros(p, v, fraction, 1);
    case UNIT_MILLISECOND: return add_micros(p, v, fraction, 1000);
    case UNIT_SECOND: return add_micros(p, v, fraction, MICROS_PER_SECOND);
    case UNIT_MINUTE: return add_micros(p, v, fraction, MICROS_PER_MINUTE);
    case UNIT_HOUR: return add_micros(p, v, fraction, MICROS_PER_HOUR);
    case UNIT_DAY: return add_i32(&p->days, v, 1) && add_micros(p, 0, fraction, MICROS_PER_DAY);
    case UNIT_WEEK: return add_i32(&p->days, v, 7) && add_fraction_days(p, fraction, 7);
    case UNIT_MONTH: return add_i32(&p->months, v, 1) && add_fraction_days(p, fraction, DAYS_PER_MONTH);
    default: break;
    }
    for (size_t i = 0; i < COUNT_OF(year_units); i++)
        if (year_units[i].unit == unit)
            return add_i32(&p->years, v, year_units[i].years) &&
                   add_i32(&p->months, (int64_t)rint(fraction * year_units[i].years * MONTHS_PER_YEAR), 1);
    return false;
}

/* --- the usual form -------------------------------------------------------------------------------------------------- */
enum { GOT_TIME_FIELDS = 1 << UNIT_HOUR | 1 << UNIT_MINUTE | 1 << UNIT_SECOND };

/* What a number without a unit counts, by the fields the type was declared with. */
static DateUnit
default_unit(int range)
{
    if (range == RANGE_FULL)
        return UNIT_SECOND;
    return range & RANGE_SECOND   ? UNIT_SECOND
           : range & RANGE_MINUTE ? UNIT_MINUTE
           : range & RANGE_HOUR   ? UNIT_HOUR
           : range & RANGE_DAY    ? UNIT_DAY
           : range & RANGE_MONTH  ? UNIT_MONTH
           : range & RANGE_YEAR   ? UNIT_YEAR
                                  : UNIT_SECOND;
}

static DateProblem
read_clock(Parts *p, const char *text, int range, bool negative)
{
    char *end;
    int64_t a, b, c = 0, total, rest;
    int micros = 0;

    errno = 0;
    a = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return DATE_FIELD_OVERFLOW;
    if (*end != ':')
        return DATE_BAD_FORMAT;
    b = strtoll(end + 1, &end, 10);
    if (*end == '\0') {
        if (range == (RANGE_MINUTE | RANGE_SECOND)) {
            c = b;
            b = a;
            a = 0;
        }
    } else if (*end == '.') {
        if (fraction_parse(end, &micros) != DATE_OK)
            return DATE_BAD_FORMAT;
        c = b;
        b = a;
        a = 0;
    } else if (*end == ':') {
        c = strtoll(end + 1, &end, 10);
        if (*end == '.') {
            if (fraction_parse(end, &micros) != DATE_OK)
                return DATE_BAD_FORMAT;
        } else if (*end != '\0') {
            return DATE_BAD_FORMAT;
        }
    } else {
        return DATE_BAD_FORMAT;
    }
    if (a < 0 || b < 0 || b > 59 || c < 0 || c > 60)
        return DATE_FIELD_OVERFLOW;
    rest = b * MICROS_PER_MINUTE + c * MICROS_PER_SECOND + micros;
    if (__builtin_mul_overflow(negative ? -a : a, MICROS_PER_HOUR, &total) ||
        __builtin_add_overflow(total, negative ? -rest : rest, &total) ||
        __builtin_add_overflow(p->micros, total, &p->micros))
        return DATE_FIELD_OVERFLOW;
    return DATE_OK;
}

static DateProblem
read_amount(Parts *p, const char *text, DateUnit *unit, unsigned *got)
{
    char *end;
    int64_t v;
    double fraction = 0;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return DATE_FIELD_OVERFLOW;
    if (*end == '-') { /* SQL's years-months */
        int64_t months = strtoll(end + 1, &end, 10);

        if (errno == ERANGE || months < 0 || months >= MONTHS_PER_YEAR)
            return DATE_FIELD_OVERFLOW;
        if (*end != '\0')
            return DATE_BAD_FORMAT;
        *unit = UNIT_MONTH;
        if (__builtin_mul_overflow(v, MONTHS_PER_YEAR, &v) ||
            __builtin_add_overflow(v, *text == '-' ? -months : months, &v))
            return DATE_FIELD_OVERFLOW;
    } else if (*end == '.') {
        fraction = end[1] == '\0' ? 0 : strtod(end, &end);
        if ((*end != '\0' && end[1] != '\0') || errno != 0)
            return DATE_BAD_FORMAT;
        if (*text == '-')
            fraction = -fraction;
    } else if (*end != '\0') {
        return DATE_BAD_FORMAT;
    }
    if (*unit < UNIT_MICROSECOND || *unit > UNIT_MILLENNIUM || *unit == UNIT_QUARTER)
        return DATE_BAD_FORMAT;
    if (!add_unit(p, *unit, v, fraction))
        return DATE_FIELD_OVERFLOW;
    *got = 1u << *unit;
    if (*unit == UNIT_SECOND && fraction != 0)
        *got |= 1u << UNIT_MILLISECOND | 1u << UNIT_MICROSECOND;
    if (*unit == UNIT_HOUR) /* "2 3:00" and "2 3 hours": the next to the left are days */
        *unit = UNIT_DAY;
    return DATE_OK;
}

static void
force_negative(Parts *p)
{
    p->micros = p->micros > 0 ? -p->micros : p->micros;
    p->days = p->days > 0 ? -p->days : p->days;
    p->months = p->months > 0 ? -p->months : p->months;
    p->years = p->years > 0 ? -p->years : p->years;
}

static bool
negate(Parts *p)
{
    return !__builtin_sub_overflow(0, p->micros, &p->micros) && !__builtin_sub_overflow(0, p->days, &p->days) &&
           !__builtin_sub_overflow(0, p->months, &p->months) && !__builtin_sub_overflow(0, p->years, &p->years);
}

static DateProblem
parse_usual(Ctx *cx, const char *text, size_t bytes, int range, Parts *p)
{
    Token tokens[TOKENS_MOST];
    int count;
    unsigned has = 0;
    DateUnit unit = UNIT_NONE;
    bool ago = false;

    if (!date_tokens(cx, text, bytes, tokens, &count))
        return DATE_BAD_FORMAT;
    for (int i = count - 1; i >= 0; i--) {
        const char *t = tokens[i].text;
        unsigned got = 0;
        DateProblem problem = DATE_OK;

        if (tokens[i].kind == TOKEN_TIME ||
            (tokens[i].kind == TOKEN_ZONE && strchr(t, ':') != NULL)) { /* clock, or signed clock */
            bool is_signed = tokens[i].kind == TOKEN_ZONE;

            problem = read_clock(p, t + is_signed, range, *t == '-');
            got = GOT_TIME_FIELDS;
            unit = UNIT_DAY;
        } else if (tokens[i].kind == TOKEN_STRING || tokens[i].kind == TOKEN_SPECIAL) {
            if (strcmp(t, "ago") == 0) {
                ago = true;
            } else {
                unit = date_unit(t);
                if (unit == UNIT_NONE)
                    return DATE_BAD_FORMAT;
            }
        } else {
            if (unit == UNIT_NONE)
                unit = default_unit(range);
            problem = read_amount(p, t, &unit, &got);
        }
        if (problem != DATE_OK)
            return problem;
        if ((got & has) != 0)
            return DATE_BAD_FORMAT;
        has |= got;
    }
    if (has == 0)
        return DATE_BAD_FORMAT;
    /* SQL: one leading sign is that of all fields */
    if (format_of(cx)->interval_style == INTERVALSTYLE_SQL_STANDARD && tokens[0].text[0] == '-') {
        bool more = false;

        for (int i = 1; i < count; i++)
            more |= tokens[i].text[0] == '-' || tokens[i].text[0] == '+';
        if (!more)
            force_negative(p);
    }
    return ago && !negate(p) ? DATE_FIELD_OVERFLOW : DATE_OK;
}

/* --- ISO 8601 ------------------------------------------------------------------------------------------------------------ */
static DateProblem
iso_number(const char **text, int64_t *whole, double *fraction)
{
    char *end;
    double v;

    if (!is_digit(**text) && **text != '-' && **text != '.')
        return DATE_BAD_FORMAT;
    errno = 0;
    v = strtod(*text, &end);
    if (end == *text || errno != 0)
        return DATE_BAD_FORMAT;
    if (v < (double)INT64_MIN || v >= (double)INT64_MAX)
        return DATE_FIELD_OVERFLOW;
    *whole = (int64_t)(v >= 0 ? floor(v) : -floor(-v));
    *fraction = v - (double)*whole;
    *text = end;
    return DATE_OK;
}

/* P0001-02-03T04:05:06, the date half from after the first number on. */
static DateProblem
iso_alternative_date(Parts *p, const char **text, int64_t years)
{
    DateProblem problem;
    int64_t v;
    double fraction;

    if (!add_i32(&p->years, years, 1))
        return DATE_FIELD_OVERFLOW;
    for (int i = 0; i < 2 && **text == '-'; i++) {
        ++*text;
        if ((problem = iso_number(text, &v, &fraction)) != DATE_OK)
            return problem;
        if (!add_unit(p, i == 0 ? UNIT_MONTH : UNIT_DAY, v, fraction))
            return DATE_FIELD_OVERFLOW;
    }
    return **text == '\0' || **text == 'T' ? DATE_OK : DATE_BAD_FORMAT;
}

static DateProblem
iso_alternative_time(Parts *p, const char **text, int64_t hours, double hour_fraction)
{
    DateProblem problem;
    int64_t v;
    double fraction;

    if (!add_unit(p, UNIT_HOUR, hours, hour_fraction))
        return DATE_FIELD_OVERFLOW;
    for (int i = 0; i < 2 && **text == ':'; i++) {
        ++*text;
        if ((problem = iso_number(text, &v, &fraction)) != DATE_OK)
            return problem;
        if (!add_unit(p, i == 0 ? UNIT_MINUTE : UNIT_SECOND, v, fraction))
            return DATE_FIELD_OVERFLOW;
    }
    return **text == '\0' ? DATE_OK : DATE_BAD_FORMAT;
}

static DateProblem
parse_iso(Parts *p, const char *text)
{
    bool date = true, any = false;

    if (text[0] != 'P' || text[1] == '\0')
        return DATE_BAD_FORMAT;
    for (text++; *text != '\0';) {
        DateProblem problem;
        int64_t v;
        double fraction;
        DateUnit unit;
        const char *start = text;

        if (*text == 'T') {
            date = false;
            any = false;
            text++;
            continue;
        }
        if ((problem = iso_number(&text, &v, &fraction)) != DATE_OK)
            return problem;
        if (date) {
            if (*text == '-' && !any) {
                if ((problem = iso_alternative_date(p, &text, v)) != DATE_OK)
                    return problem;
                continue;
            }
            if ((*text == 'T' || *text == '\0') && text - start == 8 && !any) { /* PYYYYMMDD */
                if (!add_i32(&p->years, v / 10000, 1) || !add_i32(&p->months, v / 100 % 100, 1) ||
                    !add_i32(&p->days, v % 100, 1) || !add_micros(p, 0, fraction, MICROS_PER_DAY))
                    return DATE_FIELD_OVERFLOW;
                continue;
            }
            unit = *text == 'Y'   ? UNIT_YEAR
                   : *text == 'M' ? UNIT_MONTH
                   : *text == 'W' ? UNIT_WEEK
                   : *text == 'D' ? UNIT_DAY
                                  : UNIT_NONE;
        } else {
            if (*text == ':' && !any)
                return iso_alternative_time(p, &text, v, fraction);
            if (*text == '\0' && text - start == 6 && !any) { /* Thhmmss */
                if (!add_unit(p, UNIT_HOUR, v / 10000, 0) || !add_unit(p, UNIT_MINUTE, v / 100 % 100, 0) ||
                    !add_unit(p, UNIT_SECOND, v % 100, fraction))
                    return DATE_FIELD_OVERFLOW;
                return DATE_OK;
            }
            unit = *text == 'H'   ? UNIT_HOUR
                   : *text == 'M' ? UNIT_MINUTE
                   : *text == 'S' ? UNIT_SECOND
                                  : UNIT_NONE;
        }
        if (unit == UNIT_NONE)
            return DATE_BAD_FORMAT;
        if (!add_unit(p, unit, v, fraction))
            return DATE_FIELD_OVERFLOW;
        any = true;
        text++;
    }
    return DATE_OK;
}

/* --- entry -------------------------------------------------------------------------------------------------------------------- */
Status
interval_adjust(Ctx *cx, Interval *i, int32_t typmod)
{
    int range = typmod >> 16 & RANGE_FULL, precision = typmod & PRECISION_FULL;
    int64_t unit = 1;

    (void)cx;
    if (typmod < 0)
        return ST_OK;
    if (range != RANGE_FULL) {
        if ((range & ~RANGE_YEAR) == 0)
            i->months = i->months / MONTHS_PER_YEAR * MONTHS_PER_YEAR;
        if ((range & ~(RANGE_YEAR | RANGE_MONTH)) == 0)
            i->days = 0;
        if ((range & (RANGE_HOUR | RANGE_MINUTE | RANGE_SECOND)) == 0)
            i->micros = 0;
        else if ((range & RANGE_SECOND) == 0)
            unit = range & RANGE_MINUTE ? MICROS_PER_MINUTE : MICROS_PER_HOUR;
        i->micros = i->micros / unit * unit;
    }
    if (precision != PRECISION_FULL)
        i->micros = micros_round(i->micros, precision);
    return ST_OK;
}

Status
interval_parse(Ctx *cx, const char *text, size_t bytes, int32_t typmod, Interval *out)
{
    Parts p = {0};
    int range = typmod >= 0 ? typmod >> 16 & RANGE_FULL : RANGE_FULL;
    DateProblem problem = parse_usual(cx, text, bytes, range, &p);
    Interval i;
    int64_t months;

    if (problem == DATE_BAD_FORMAT) {
        p = (Parts){0};
        problem = parse_iso(&p, arena_strndup(cx->arena, text, bytes));
    }
    if (problem != DATE_OK)
        return fail_date(cx, problem == DATE_FIELD_OVERFLOW ? DATE_INTERVAL_OVERFLOW : problem, "interval",
                         text, bytes);
    months = (int64_t)p.years * MONTHS_PER_YEAR + p.months;
    if (months < INT32_MIN || months > INT32_MAX)
        return fail_interval_range(cx);
    i = (Interval){p.micros, p.days, (int32_t)months};
    TRY(interval_adjust(cx, &i, typmod));
    *out = i;
    return ST_OK;
}

/* --- modifier -------------------------------------------------------------------------------------------------------------------- */
TYPE_TYPMOD_IN(interval)
{
    int64_t range, precision = PRECISION_FULL;

    if (arg_count < 1 || arg_count > 2)
        return fail(cx, ST_ERROR, "22023", "invalid INTERVAL type modifier");
    range = args[0];
    if (arg_count == 2) {
        precision = args[1];
        if (precision < 0)
            return fail(cx, ST_ERROR, "22023", "INTERVAL(%d) precision must not be negative", (int)precision);
        if (precision > 6) {
            ctx_notice(cx, SEV_WARNING, "22023", "INTERVAL(%d) precision reduced to maximum allowed, %d",
                       (int)precision, 6);
            precision = 6;
        }
    }
    if (range == RANGE_FULL && precision == PRECISION_FULL) {
        *typmod = -1;
        return ST_OK;
    }
    *typmod = (int32_t)(range << 16 | precision);
    return ST_OK;
}

TYPE_TYPMOD_OUT(interval)
{
    static const struct {
        int range;
        const char *text;
    } names[] = {
        {RANGE_YEAR, " year"},
        {RANGE_MONTH, " month"},
        {RANGE_DAY, " day"},
        {RANGE_HOUR, " hour"},
        {RANGE_MINUTE, " minute"},
        {RANGE_SECOND, " second"},
        {RANGE_YEAR | RANGE_MONTH, " year to month"},
        {RANGE_DAY | RANGE_HOUR, " day to hour"},
        {RANGE_DAY | RANGE_HOUR | RANGE_MINUTE, " day to minute"},
        {RANGE_DAY | RANGE_HOUR | RANGE_MINUTE | RANGE_SECOND, " day to second"},
        {RANGE_HOUR | RANGE_MINUTE, " hour to minute"},
        {RANGE_HOUR | RANGE_MINUTE | RANGE_SECOND, " hour to second"},
        {RANGE_MINUTE | RANGE_SECOND, " minute to second"},
    };
    int range = typmod >> 16 & RANGE_FULL, precision = typmod & PRECISION_FULL;

    if (typmod < 0)
        return;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].range == range)
            buf_add_text(to, names[i].text);
    if (precision != PRECISION_FULL)
        buf_printf(to, "(%d)", precision);
}
