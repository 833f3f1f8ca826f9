/* datetime_parse.c - reading dates and times the way PostgreSQL does: nearly anything that a person would
 * write down.
 *
 * The text is cut into tokens (datetime_token.c). Each token claims some of the fields year, month, day,
 * hour, minute, second, zone; claiming one twice is an error, and so is a date that lacks one in the end.
 * What a lone number means depends on what has been claimed before it and on DateStyle's order. */
#include "backend/type/datetime_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HAS_YEAR = 1,
    HAS_MONTH = 2,
    HAS_DAY = 4,
    HAS_HOUR = 8,
    HAS_MINUTE = 16,
    HAS_SECOND = 32,
    HAS_ZONE = 64,
    HAS_DST = 128,
    HAS_DAY_OF_YEAR = 256,
    HAS_AM_PM = 512,
    HAS_ERA = 1024,
    HAS_WEEKDAY = 2048,
    HAS_DATE = HAS_YEAR | HAS_MONTH | HAS_DAY,
    HAS_TIME = HAS_HOUR | HAS_MINUTE | HAS_SECOND,
    ZONE_HOURS_MOST = 15
};

typedef struct Reader {
    Ctx *cx;
    DateOrder order;
    unsigned has; /* claimed so far */
    unsigned claims; /* of the current token */
    Fields f;
    int day_of_year;
    DateKind kind;
    bool two_digit_year, text_month, is_julian, before_christ, is_dst;
    int am_pm; /* 0, 1 am, 2 pm */
    DateUnit prefix; /* a label that waits for its number */
    int32_t zone_seconds; /* east */
    const TimeZone *zone; /* by name: asked once the date is known */
    const char *abbrev; /* likewise */
} Reader;

/* --- small pieces ---------------------------------------------------------------------------------------------- */
/* Digits into an int; the rest of the text in *end. */
static DateProblem
read_int(const char *text, const char **end, int *out)
{
    char *stop;
    long v;

    errno = 0;
    v = strtol(text, &stop, 10);
    *end = stop;
    if (errno == ERANGE || v < INT32_MIN || v > INT32_MAX)
        return DATE_FIELD_OVERFLOW;
    *out = (int)v;
    return DATE_OK;
}

/* ".5" and so on */
DateProblem
fraction_parse(const char *text, int *micros)
{
    char *end;
    double fraction;

    ASSERT(*text == '.');
    if (text[1] == '\0') {
        *micros = 0;
        return DATE_OK;
    }
    errno = 0;
    fraction = strtod(text, &end);
    if (*end != '\0' || errno != 0)
        return DATE_BAD_FORMAT;
    *micros = (int)rint(fraction * 1000000);
    return DATE_OK;
}

DateProblem
zone_offset_parse(const char *text, int32_t *seconds)
{
    int hours, minutes = 0, secs = 0;
    const char *p;
    bool negative = *text == '-';

    if (*text != '+' && *text != '-')
        return DATE_BAD_FORMAT;
    if (read_int(text + 1, &p, &hours) != DATE_OK)
        return DATE_ZONE_OVERFLOW;
    if (*p == ':') {
        if (read_int(p + 1, &p, &minutes) != DATE_OK)
            return DATE_ZONE_OVERFLOW;
        if (*p == ':' && read_int(p + 1, &p, &secs) != DATE_OK)
            return DATE_ZONE_OVERFLOW;
    } else if (*p == '\0' && strlen(text) > 3) { /* +0530 */
        minutes = hours % 100;
        hours /= 100;
    }
    if (hours < 0 || hours > ZONE_HOURS_MOST || minutes < 0 || minutes > 59 || secs < 0 || secs > 59)
        return DATE_ZONE_OVERFLOW;
    if (*p != '\0')
        return DATE_BAD_FORMAT;
    *seconds = (hours * 60 + minutes) * 60 + secs;
    if (negative)
        *seconds = -*seconds;
    return DATE_OK;
}

static int
two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static void
set_date(Reader *r, int64_t days)
{
    Civil c = civil_from_days(days);

    r->f.year = c.year;
    r->f.month = c.month;
    r->f.day = c.day;
}

/* --- numbers that run together: YYYYMMDD, YYMMDD, hhmmss, hhmm ---------------------------------------------------- */
static DateProblem
read_run(Reader *r, char *text, unsigned has)
{
    char *point = strchr(text, '.');
    size_t n;

    if (point != NULL) {
        char *end;
        double fraction;

        errno = 0;
        fraction = strtod(point, &end);
        if (point[1] != '\0' && (*end != '\0' || errno != 0))
            return DATE_BAD_FORMAT;
        r->f.micros = point[1] == '\0' ? 0 : (int)rint(fraction * 1000000);
        *point = '\0';
    }
    n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (!is_digit(text[i]))
            return DATE_BAD_FORMAT;
    if (point == NULL && (has & HAS_DATE) != HAS_DATE && n >= 6) {
        r->claims = HAS_DATE;
        r->f.day = two_digits(text + n - 2);
        r->f.month = two_digits(text + n - 4);
        text[n - 4] = '\0';
        r->f.year = atoi(text);
        if (n - 4 == 2)
            r->two_digit_year = true;
        return DATE_OK;
    }
    if ((has & HAS_TIME) == HAS_TIME || (n != 6 && n != 4))
        return DATE_BAD_FORMAT;
    r->claims = HAS_TIME;
    r->f.hour = two_digits(text);
    r->f.minute = two_digits(text + 2);
    r->f.second = n == 6 ? two_digits(text + 4) : 0;
    return DATE_OK;
}

/* --- one number ---------------------------------------------------------------------------------------------------- */
static void
claim(Reader *r, unsigned what, int value)
{
    r->claims = what;
    if (what == HAS_YEAR)
        r->f.year = value;
    else if (what == HAS_MONTH)
        r->f.month = value;
    else
        r->f.day = value;
}

static DateProblem
read_number(Reader *r, char *text, unsigned has, bool text_month)
{
    size_t n = strlen(text);
    const char *p;
    int value;

    if (read_int(text, &p, &value) != DATE_OK)
        return DATE_FIELD_OVERFLOW;
    if (p == text)
        return DATE_BAD_FORMAT;
    if (*p == '.') {
        if (p - text > 2) /* 040506.789 */
            return read_run(r, text, has | HAS_DATE);
        if (fraction_parse(p, &r->f.micros) != DATE_OK)
            return DATE_BAD_FORMAT;
    } else if (*p != '\0') {
        return DATE_BAD_FORMAT;
    }
    if (n == 3 && (has & HAS_DATE) == HAS_YEAR && value >= 1 && value <= 366) {
        r->claims = HAS_DAY_OF_YEAR | HAS_MONTH | HAS_DAY;
        r->day_of_year = value;
        return DATE_OK;
    }
    switch (has & HAS_DATE) {
    case 0: /* the first: a year if long enough, else what DateStyle says */
        claim(r,
              n >= 3 || r->order == DATEORDER_YMD ? HAS_YEAR
              : r->order == DATEORDER_DMY         ? HAS_DAY
                                                  : HAS_MONTH,
              value);
        break;
    case HAS_YEAR: claim(r, HAS_MONTH, value); break;
    case HAS_MONTH:
        claim(r, text_month && (n >= 3 || r->order == DATEORDER_YMD) ? HAS_YEAR : HAS_DAY, value);
        break;
    case HAS_YEAR | HAS_MONTH:
        if (text_month && n >= 3 && r->two_digit_year) { /* 08-Jan-1999 in YMD order: the first was the day */
            r->f.day = (int)r->f.year;
            r->f.year = value;
            r->two_digit_year = false;
            r->claims = HAS_DAY;
        } else {
            claim(r, HAS_DAY, value);
        }
        break;
    case HAS_DAY: claim(r, HAS_MONTH, value); break;
    case HAS_MONTH | HAS_DAY: claim(r, HAS_YEAR, value); break;
    case HAS_DATE: return read_run(r, text, has);
    default: return DATE_BAD_FORMAT;
    }
    if (r->claims == HAS_YEAR)
        r->two_digit_year = n <= 2;
    return DATE_OK;
}

/* --- a date with separators ------------------------------------------------------------------------------------------ */
static DateProblem
read_date(Reader *r, char *text)
{
    char *parts[TOKENS_MOST];
    int count = 0, unused;
    unsigned has = r->has, got = 0;
    bool text_month = false;

    for (char *p = text; *p != '\0' && count < TOKENS_MOST;) {
        while (*p != '\0' && !is_digit(*p) && !is_alpha(*p))
            p++;
        if (*p == '\0')
            return DATE_BAD_FORMAT;
        parts[count++] = p;
        if (is_digit(*p))
            while (is_digit(*p))
                p++;
        else
            while (is_alpha(*p))
                p++;
        if (*p != '\0')
            *p++ = '\0';
    }
    /* a month by name is unambiguous, so it is taken first */
    for (int i = 0; i < count; i++) {
        WordKind kind;

        if (!is_alpha(parts[i][0]))
            continue;
        kind = date_word(parts[i], &unused);
        if (kind != WORD_IGNORED) {
            if (kind != WORD_MONTH || (has & HAS_MONTH) != 0)
                return DATE_BAD_FORMAT;
            text_month = true;
            r->f.month = unused;
            has |= HAS_MONTH;
            got |= HAS_MONTH;
        }
        parts[i] = NULL;
    }
    for (int i = 0; i < count; i++) {
        DateProblem problem;

        if (parts[i] == NULL)
            continue;
        problem = read_number(r, parts[i], has, text_month);
        if (problem != DATE_OK)
            return problem;
        if ((has & r->claims) != 0)
            return DATE_BAD_FORMAT;
        has |= r->claims;
        got |= r->claims;
    }
    if ((has & ~(unsigned)(HAS_DAY_OF_YEAR | HAS_ZONE)) != HAS_DATE)
        return DATE_BAD_FORMAT;
    r->claims = got;
    return DATE_OK;
}

/* --- a time ------------------------------------------------------------------------------------------------------------ */
static DateProblem
read_time(Reader *r, const char *text)
{
    const char *p;
    int a, b, c = 0;

    r->claims = HAS_TIME;
    if (read_int(text, &p, &a) != DATE_OK)
        return DATE_FIELD_OVERFLOW;
    if (*p != ':')
        return DATE_BAD_FORMAT;
    if (read_int(p + 1, &p, &b) != DATE_OK)
        return DATE_FIELD_OVERFLOW;
    r->f.micros = 0;
    if (*p == '.') { /* 12:34.5 is minutes and seconds */
        if (fraction_parse(p, &r->f.micros) != DATE_OK)
            return DATE_BAD_FORMAT;
        c = b;
        b = a;
        a = 0;
    } else if (*p == ':') {
        if (read_int(p + 1, &p, &c) != DATE_OK)
            return DATE_FIELD_OVERFLOW;
        if (*p == '.') {
            if (fraction_parse(p, &r->f.micros) != DATE_OK)
                return DATE_BAD_FORMAT;
        } else if (*p != '\0') {
            return DATE_BAD_FORMAT;
        }
    } else if (*p != '\0') {
        return DATE_BAD_FORMAT;
    }
    if (a < 0 || b < 0 || b > 59 || c < 0 || c > 60)
        return DATE_FIELD_OVERFLOW;
    r->f.hour = a;
    r->f.minute = b;
    r->f.second = c;
    return DATE_OK;
}

static bool
time_overflows(const Fields *f)
{
    return f->hour < 0 || f->hour > 24 || f->minute < 0 || f->minute > 59 || f->second < 0 || f->second > 60 ||
           fields_time(f) > MICROS_PER_DAY;
}

/* --- zones ----------------------------------------------------------------------------------------------------------------- */
static DateProblem
read_zone(Reader *r, const char *text)
{
    r->claims = HAS_ZONE;
    return zone_offset_parse(text, &r->zone_seconds);
}

static DateProblem
read_zone_name(Reader *r, const char *text, bool must_exist)
{
    r->claims = HAS_ZONE;
    r->zone = timezone_lookup(text, strlen(text));
    if (r->zone != NULL)
        return DATE_OK;
    if (!must_exist)
        return DATE_BAD_FORMAT;
    fail(r->cx, ST_ERROR, "22023", "time zone \"%s\" not recognized", text);
    return DATE_FAILED;
}

/* hhmmss-zz, when the date has been read before */
static DateProblem
read_time_with_zone(Reader *r, char *text, unsigned has)
{
    char *minus = strchr(text, '-');
    DateProblem problem;

    if (minus == NULL)
        return DATE_BAD_FORMAT;
    problem = zone_offset_parse(minus, &r->zone_seconds);
    if (problem != DATE_OK)
        return problem;
    *minus = '\0';
    problem = read_run(r, text, has);
    r->claims |= HAS_ZONE;
    return problem;
}

/* --- labels: y2001m02d04, J2451187, T040506 ---------------------------------------------------------------------------------- */
static DateProblem
read_julian(Reader *r, const char *rest, int day)
{
    r->claims = HAS_DATE;
    set_date(r, (int64_t)day - JULIAN_OF_2000);
    r->is_julian = true;
    if (*rest == '.') {
        double fraction = strtod(rest, NULL);
        int64_t time = (int64_t)rint(fraction * 86400.0 * 1e6);

        r->claims |= HAS_TIME;
        r->f.hour = (int)(time / MICROS_PER_HOUR);
        r->f.minute = (int)(time / MICROS_PER_MINUTE % 60);
        r->f.second = (int)(time / MICROS_PER_SECOND % 60);
        r->f.micros = (int)(time % MICROS_PER_SECOND);
    }
    return DATE_OK;
}

static DateProblem
read_labelled(Reader *r, char *text)
{
    DateUnit unit = r->prefix;
    const char *p;
    int value;

    r->prefix = UNIT_NONE;
    if (read_int(text, &p, &value) != DATE_OK)
        return DATE_FIELD_OVERFLOW;
    if (*p != '.' && *p != '\0')
        return DATE_BAD_FORMAT;
    if (*p == '.' && unit != UNIT_JULIAN && unit != UNIT_TIME && unit != UNIT_SECOND)
        return DATE_BAD_FORMAT;
    switch (unit) {
    case UNIT_YEAR: claim(r, HAS_YEAR, value); return DATE_OK;
    case UNIT_MONTH:
        if ((r->has & HAS_MONTH) != 0 && (r->has & HAS_HOUR) != 0) {
            r->f.minute = value;
            r->claims = HAS_MINUTE;
        } else {
            claim(r, HAS_MONTH, value);
        }
        return DATE_OK;
    case UNIT_DAY: claim(r, HAS_DAY, value); return DATE_OK;
    case UNIT_HOUR:
        r->f.hour = value;
        r->claims = HAS_HOUR;
        return DATE_OK;
    case UNIT_MINUTE:
        r->f.minute = value;
        r->claims = HAS_MINUTE;
        return DATE_OK;
    case UNIT_SECOND:
        r->f.second = value;
        r->claims = HAS_SECOND;
        return *p == '.' ? fraction_parse(p, &r->f.micros) : DATE_OK;
    case UNIT_JULIAN: return value < 0 ? DATE_FIELD_OVERFLOW : read_julian(r, p, value);
    case UNIT_TIME: {
        DateProblem problem = read_run(r, text, r->has | HAS_DATE);

        return problem != DATE_OK ? problem : r->claims == HAS_TIME ? DATE_OK : DATE_BAD_FORMAT;
    }
    default: return DATE_BAD_FORMAT;
    }
}

/* --- words --------------------------------------------------------------------------------------------------------------------- */
static void
take_now(Reader *r, int day_shift)
{
    Ctx *cx = r->cx;
    int64_t now = format_of(cx)->transaction_now;
    Fields f = fields_of_timestamptz(now, session_zone(cx), NULL);

    r->f.year = f.year;
    r->f.month = f.month;
    r->f.day = f.day;
    if (day_shift != 0)
        set_date(r, days_from_civil(f.year, f.month, f.day) + day_shift);
}

static DateProblem
read_special(Reader *r, WordKind word, bool time_only)
{
    Fields f;
    ZoneOffset offset;

    switch (word) {
    case WORD_NOW:
        f = fields_of_timestamptz(format_of(r->cx)->transaction_now, session_zone(r->cx), &offset);
        if (time_only) {
            r->f.hour = f.hour;
            r->f.minute = f.minute;
            r->f.second = f.second;
            r->f.micros = f.micros;
            r->claims = HAS_TIME;
        } else {
            r->f = f;
            r->zone_seconds = offset.seconds;
            r->claims = HAS_DATE | HAS_TIME | HAS_ZONE;
        }
        return DATE_OK;
    case WORD_ALLBALLS:
        r->claims = HAS_TIME | HAS_ZONE;
        r->f.hour = r->f.minute = r->f.second = r->f.micros = 0;
        r->zone_seconds = 0;
        return DATE_OK;
    default: break;
    }
    if (time_only)
        return DATE_BAD_FORMAT;
    switch (word) {
    case WORD_TODAY:
    case WORD_YESTERDAY:
    case WORD_TOMORROW:
        take_now(r, word == WORD_TODAY ? 0 : word == WORD_TOMORROW ? 1 : -1);
        r->claims = HAS_DATE;
        return DATE_OK;
    case WORD_EPOCH: r->kind = DATE_EPOCH; break;
    case WORD_INFINITY: r->kind = DATE_PLUS_INFINITY; break;
    case WORD_MINUS_INFINITY: r->kind = DATE_MINUS_INFINITY; break;
    default: return DATE_BAD_FORMAT;
    }
    r->claims = HAS_DATE | HAS_TIME | HAS_ZONE;
    return DATE_OK;
}

static DateProblem
read_word(Reader *r, const Token *t, const Token *following, bool time_only)
{
    int value = 0;
    WordKind word;

    r->claims = 0;
    if (timezone_abbrev_exists(t->text, strlen(t->text))) { /* before anything else */
        r->claims = HAS_ZONE;
        r->abbrev = t->text;
        return DATE_OK;
    }
    word = date_word(t->text, &value);
    switch (word) {
    case WORD_IGNORED: return DATE_OK;
    case WORD_MONTH:
        if (time_only)
            return DATE_BAD_FORMAT;
        /* a number read as the month was the day then */
        if ((r->has & HAS_MONTH) != 0 && !r->text_month && (r->has & HAS_DAY) == 0 && r->f.month >= 1 &&
            r->f.month <= 31) {
            r->f.day = r->f.month;
            r->claims = HAS_DAY;
        } else {
            r->claims = HAS_MONTH;
        }
        r->text_month = true;
        r->f.month = value;
        return DATE_OK;
    case WORD_WEEKDAY:
        if (time_only)
            return DATE_BAD_FORMAT;
        r->claims = HAS_WEEKDAY;
        return DATE_OK;
    case WORD_AM_PM:
        r->am_pm = value;
        r->claims = HAS_AM_PM;
        return DATE_OK;
    case WORD_ERA:
        r->before_christ = value == 1;
        r->claims = HAS_ERA;
        return DATE_OK;
    case WORD_UNIT:
        if (r->prefix != UNIT_NONE)
            return DATE_BAD_FORMAT;
        r->prefix = (DateUnit)value;
        return DATE_OK;
    case WORD_ISO_TIME:
        if (!time_only && (r->has & HAS_DATE) != HAS_DATE)
            return DATE_BAD_FORMAT;
        if (following == NULL ||
            (following->kind != TOKEN_NUMBER && following->kind != TOKEN_TIME && following->kind != TOKEN_DATE))
            return DATE_BAD_FORMAT;
        r->prefix = UNIT_TIME;
        return DATE_OK;
    case WORD_DST: /* MET DST: one hour on top of the zone */
        r->is_dst = true;
        r->zone_seconds += 3600;
        r->claims = HAS_DST;
        return DATE_OK;
    case WORD_NONE: return read_zone_name(r, t->text, false);
    default: return read_special(r, word, time_only);
    }
}

/* --- tokens ------------------------------------------------------------------------------------------------------------------------ */
static DateProblem
read_date_token(Reader *r, char *text)
{
    if (r->prefix == UNIT_JULIAN) { /* J2451187-08: the rest is a zone */
        const char *p;
        int day;

        if (read_int(text, &p, &day) != DATE_OK || day < 0)
            return DATE_FIELD_OVERFLOW;
        r->prefix = UNIT_NONE;
        set_date(r, (int64_t)day - JULIAN_OF_2000);
        r->is_julian = true;
        r->claims = HAS_DATE | HAS_TIME | HAS_ZONE;
        return zone_offset_parse(p, &r->zone_seconds);
    }
    if (r->prefix != UNIT_NONE || (r->has & (HAS_MONTH | HAS_DAY)) == (HAS_MONTH | HAS_DAY)) {
        if (is_digit(text[0]) || r->prefix != UNIT_NONE) {
            if (r->prefix != UNIT_NONE && r->prefix != UNIT_TIME)
                return DATE_BAD_FORMAT;
            r->prefix = UNIT_NONE;
            if ((r->has & HAS_TIME) == HAS_TIME)
                return DATE_BAD_FORMAT;
            return read_time_with_zone(r, text, r->has);
        }
        return read_zone_name(r, text, true);
    }
    return read_date(r, text);
}

static DateProblem
read_number_token(Reader *r, char *text)
{
    size_t n = strlen(text);
    const char *point = strchr(text, '.');

    if (r->prefix != UNIT_NONE)
        return read_labelled(r, text);
    if (point != NULL && (r->has & HAS_DATE) == 0)
        return read_date(r, text);
    if (point != NULL && point - text > 2)
        return read_run(r, text, r->has);
    if (n >= 6 && ((r->has & HAS_DATE) == 0 || (r->has & HAS_TIME) == 0))
        return read_run(r, text, r->has);
    return read_number(r, text, r->has, r->text_month);
}

static DateProblem
read_time_token(Reader *r, const char *text)
{
    DateProblem problem;

    if (r->prefix != UNIT_NONE && r->prefix != UNIT_TIME)
        return DATE_BAD_FORMAT;
    r->prefix = UNIT_NONE;
    problem = read_time(r, text);
    return problem == DATE_OK && time_overflows(&r->f) ? DATE_FIELD_OVERFLOW : problem;
}

static DateProblem
read_token(Reader *r, Token *tokens, int count, int i)
{
    Token *t = &tokens[i];

    switch (t->kind) {
    case TOKEN_DATE: return read_date_token(r, t->text);
    case TOKEN_TIME: return read_time_token(r, t->text);
    case TOKEN_ZONE: return read_zone(r, t->text);
    case TOKEN_NUMBER: return read_number_token(r, t->text);
    case TOKEN_STRING:
    case TOKEN_SPECIAL: return read_word(r, t, i + 1 < count ? &tokens[i + 1] : NULL, false);
    }
    return DATE_BAD_FORMAT;
}

/* For a time alone: a date may come along to tell the zone's offset, but only at the beginning or end. */
static DateProblem
read_time_only_token(Reader *r, Token *tokens, int count, int i)
{
    Token *t = &tokens[i];
    unsigned has = r->has | HAS_DATE;
    bool date_allowed =
        i == 0 && count >= 2 && (tokens[count - 1].kind == TOKEN_DATE || tokens[1].kind == TOKEN_TIME);
    const char *point;
    size_t n = strlen(t->text);

    switch (t->kind) {
    case TOKEN_DATE:
        if (date_allowed)
            return read_date(r, t->text);
        if (is_digit(t->text[0]))
            return (r->has & HAS_TIME) == HAS_TIME ? DATE_BAD_FORMAT : read_time_with_zone(r, t->text, has);
        return read_zone_name(r, t->text, true);
    case TOKEN_TIME:
        if (r->prefix != UNIT_NONE && r->prefix != UNIT_TIME)
            return DATE_BAD_FORMAT;
        r->prefix = UNIT_NONE;
        return read_time(r, t->text);
    case TOKEN_ZONE: return read_zone(r, t->text);
    case TOKEN_NUMBER:
        if (r->prefix != UNIT_NONE)
            return read_labelled(r, t->text);
        point = strchr(t->text, '.');
        if (point != NULL) {
            if (i == 0 && count >= 2 && tokens[count - 1].kind == TOKEN_DATE)
                return read_date(r, t->text);
            return point - t->text > 2 ? read_run(r, t->text, has) : DATE_BAD_FORMAT;
        }
        return n > 4 ? read_run(r, t->text, has) : read_number(r, t->text, has, false);
    case TOKEN_STRING:
    case TOKEN_SPECIAL: return read_word(r, t, i + 1 < count ? &tokens[i + 1] : NULL, true);
    }
    return DATE_BAD_FORMAT;
}

/* --- what was read ------------------------------------------------------------------------------------------------------------------- */
static DateProblem
check_date(Reader *r)
{
    if ((r->has & HAS_YEAR) != 0 && !r->is_julian) {
        if (r->before_christ) {
            if (r->f.year <= 0)
                return DATE_FIELD_OVERFLOW;
            r->f.year = 1 - r->f.year;
        } else if (r->two_digit_year) {
            if (r->f.year < 0)
                return DATE_FIELD_OVERFLOW;
            r->f.year += r->f.year < 70 ? 2000 : r->f.year < 100 ? 1900 : 0;
        } else if (r->f.year <= 0) {
            return DATE_FIELD_OVERFLOW;
        }
    }
    if ((r->has & HAS_DAY_OF_YEAR) != 0)
        set_date(r, days_from_civil(r->f.year, 1, 1) + r->day_of_year - 1);
    if ((r->has & HAS_MONTH) != 0 && (r->f.month < 1 || r->f.month > 12))
        return DATE_MONTH_DAY_OVERFLOW;
    if ((r->has & HAS_DAY) != 0 && (r->f.day < 1 || r->f.day > 31))
        return DATE_MONTH_DAY_OVERFLOW;
    if ((r->has & HAS_DATE) == HAS_DATE && r->f.day > days_of_month(r->f.year, r->f.month))
        return DATE_FIELD_OVERFLOW;
    return DATE_OK;
}

static DateProblem
check_am_pm(Reader *r)
{
    if (r->am_pm != 0 && r->f.hour > 12)
        return DATE_FIELD_OVERFLOW;
    if (r->am_pm == 1 && r->f.hour == 12)
        r->f.hour = 0;
    else if (r->am_pm == 2 && r->f.hour != 12)
        r->f.hour += 12;
    return DATE_OK;
}

/* The offset from what was said about the zone, now that the date is known. */
static DateProblem
resolve_zone(Reader *r)
{
    int64_t local;
    ZoneOffset offset = {0};

    if ((r->has & HAS_ZONE) != 0 && r->zone == NULL && r->abbrev == NULL)
        return DATE_OK;
    if ((r->has & HAS_DST) != 0 && (r->zone != NULL || (r->has & HAS_ZONE) == 0))
        return DATE_BAD_FORMAT;
    if (r->f.year > 300000 || r->f.year < -5000 || !fields_to_timestamp(&r->f, &local)) {
        r->zone_seconds = 0; /* out of range as a timestamp; a date has no use for it */
        return DATE_OK;
    }
    if (r->abbrev != NULL) {
        if (!timezone_abbrev(r->abbrev, strlen(r->abbrev), local, &offset))
            return DATE_BAD_FORMAT;
        r->zone_seconds += offset.seconds;
        return DATE_OK;
    }
    offset = timezone_at_local(r->zone != NULL ? r->zone : session_zone(r->cx), local);
    r->zone_seconds = offset.seconds;
    return DATE_OK;
}

typedef DateProblem (*TokenReader)(Reader *r, Token *tokens, int count, int i);

static DateProblem
read_all(Reader *r, const char *text, size_t bytes, TokenReader read)
{
    Token tokens[TOKENS_MOST];
    int count;

    if (!date_tokens(r->cx, text, bytes, tokens, &count))
        return DATE_BAD_FORMAT;
    for (int i = 0; i < count; i++) {
        DateProblem problem;

        r->claims = 0;
        problem = read(r, tokens, count, i);
        if (problem != DATE_OK)
            return problem;
        if ((r->claims & r->has) != 0)
            return DATE_BAD_FORMAT;
        r->has |= r->claims;
    }
    return r->prefix != UNIT_NONE ? DATE_BAD_FORMAT : DATE_OK;
}

static DateProblem
parse_datetime(Reader *r, const char *text, size_t bytes)
{
    DateProblem problem = read_all(r, text, bytes, read_token);

    if (problem != DATE_OK)
        return problem;
    if (r->kind != DATE_FIELDS)
        return DATE_OK;
    if ((problem = check_date(r)) != DATE_OK || (problem = check_am_pm(r)) != DATE_OK)
        return problem;
    if ((r->has & HAS_DATE) != HAS_DATE)
        return DATE_BAD_FORMAT;
    return resolve_zone(r);
}

static DateProblem
parse_time_only(Reader *r, const char *text, size_t bytes)
{
    DateProblem problem = read_all(r, text, bytes, read_time_only_token);
    bool fixed;

    if (problem != DATE_OK)
        return problem;
    if ((problem = check_date(r)) != DATE_OK || (problem = check_am_pm(r)) != DATE_OK)
        return problem;
    if (time_overflows(&r->f))
        return DATE_FIELD_OVERFLOW;
    if ((r->has & HAS_TIME) != HAS_TIME)
        return DATE_BAD_FORMAT;
    if ((r->has & HAS_DATE) != HAS_DATE) {
        if (r->zone != NULL) { /* without a date, only a zone of one offset makes sense */
            ZoneOffset january = timezone_at_utc(r->zone, format_of(r->cx)->transaction_now),
                       july =
                           timezone_at_utc(r->zone, format_of(r->cx)->transaction_now + 182 * MICROS_PER_DAY);

            fixed = january.seconds == july.seconds;
            if (!fixed)
                return DATE_BAD_FORMAT;
        }
        take_now(r, 0);
    }
    return resolve_zone(r);
}

/* --- entry ------------------------------------------------------------------------------------------------------------------------------ */
Status
fail_date(Ctx *cx, DateProblem problem, const char *type_name, const char *text, size_t bytes)
{
    int n = (int)bytes;

    switch (problem) {
    case DATE_FIELD_OVERFLOW:
        return fail(cx, ST_ERROR, "22008", "date/time field value out of range: \"%.*s\"", n, text);
    case DATE_MONTH_DAY_OVERFLOW:
        fail(cx, ST_ERROR, "22008", "date/time field value out of range: \"%.*s\"", n, text);
        fail_hint(cx, "Perhaps you need a different \"datestyle\" setting.");
        return ST_ERROR;
    case DATE_INTERVAL_OVERFLOW:
        return fail(cx, ST_ERROR, "22015", "interval field value out of range: \"%.*s\"", n, text);
    case DATE_ZONE_OVERFLOW:
        return fail(cx, ST_ERROR, "22009", "time zone displacement out of range: \"%.*s\"", n, text);
    case DATE_FAILED: return ST_ERROR;
    default: break;
    }
    return fail(cx, ST_ERROR, "22007", "invalid input syntax for type %s: \"%.*s\"", type_name, n, text);
}

Status
datetime_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes, ParsedDate *out)
{
    Reader r = {.cx = cx, .order = format_of(cx)->date_order};
    DateProblem problem = parse_datetime(&r, text, bytes);

    if (problem != DATE_OK)
        return fail_date(cx, problem, type_name, text, bytes);
    *out = (ParsedDate){r.kind, r.f, r.zone_seconds};
    return ST_OK;
}

Status
timeonly_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes, ParsedDate *out)
{
    Reader r = {.cx = cx, .order = format_of(cx)->date_order};
    DateProblem problem = parse_time_only(&r, text, bytes);

    if (problem != DATE_OK)
        return fail_date(cx, problem, type_name, text, bytes);
    *out = (ParsedDate){r.kind, r.f, r.zone_seconds};
    return ST_OK;
}
