/* datetime_int.h - what the date, time and interval sources share. */
#ifndef TYPE_DATETIME_INT_H
#define TYPE_DATETIME_INT_H
#include "backend/type/calendar.h"
#include "backend/type/timezone.h"
#include "backend/type/type_int.h"

/* --- fields ------------------------------------------------------------------------------------------------- */
/* A moment taken apart. `year` is astronomical (0 = 1 BC). */
typedef struct Fields {
    int64_t year;
    int month, day, hour, minute, second, micros;
} Fields;

Fields fields_of_timestamp(int64_t t);
/* Of a timestamptz, in a zone; the offset that held is stored if asked for. */
Fields fields_of_timestamptz(int64_t t, const TimeZone *zone, ZoneOffset *offset);
/* False when it is out of the range of a timestamp. */
MUST_CHECK bool fields_to_timestamp(const Fields *f, int64_t *out);
static inline int64_t
fields_time(const Fields *f)
{
    return ((f->hour * INT64_C(60) + f->minute) * 60 + f->second) * MICROS_PER_SECOND + f->micros;
}
/* Local time in a zone to UTC. False when out of range. */
MUST_CHECK bool timestamp_to_utc(int64_t local, const TimeZone *zone, int64_t *out);
MUST_CHECK bool utc_to_timestamp(int64_t utc, const TimeZone *zone, int64_t *out);
/* timetz: PHYS_INTERVAL with micros = local time and days = seconds WEST of UTC, as on the wire. */
static inline Value
value_timetz(int64_t micros, int32_t west)
{
    return (Value){.interval = {micros, west, 0}, .phys = PHYS_INTERVAL};
}
static inline Value
value_interval(Interval i)
{
    return (Value){.interval = i, .phys = PHYS_INTERVAL};
}

/* --- reading ------------------------------------------------------------------------------------------------- */
typedef enum DateProblem {
    DATE_OK,
    DATE_BAD_FORMAT,
    DATE_FIELD_OVERFLOW,
    DATE_MONTH_DAY_OVERFLOW, /* perhaps the fields are in another order */
    DATE_INTERVAL_OVERFLOW,
    DATE_ZONE_OVERFLOW,
    DATE_FAILED /* the error has been recorded */
} DateProblem;
Status fail_date(Ctx *cx, DateProblem problem, const char *type_name, const char *text, size_t bytes);

typedef enum DateKind { DATE_FIELDS, DATE_EPOCH, DATE_MINUS_INFINITY, DATE_PLUS_INFINITY } DateKind;
typedef struct ParsedDate {
    DateKind kind;
    Fields f;
    int32_t zone_seconds; /* east of UTC: what the text said, else the session's zone at that time */
} ParsedDate;

/* Words and fields of text; see datetime_token.c. */
typedef enum TokenKind {
    TOKEN_NUMBER, /* digits, perhaps with a decimal point */
    TOKEN_STRING, /* letters */
    TOKEN_DATE, /* with - / . between */
    TOKEN_TIME, /* with : */
    TOKEN_ZONE, /* sign and digits */
    TOKEN_SPECIAL /* sign and letters */
} TokenKind;
typedef struct Token {
    TokenKind kind;
    char *text; /* lower case, NUL-terminated */
} Token;
enum { TOKENS_MOST = 25 };
/* False when the text cannot be taken apart. */
MUST_CHECK bool date_tokens(Ctx *cx, const char *text, size_t bytes, Token *tokens, int *count);

typedef enum WordKind {
    WORD_NONE,
    WORD_IGNORED,
    WORD_MONTH,
    WORD_WEEKDAY,
    WORD_AM_PM,
    WORD_ERA,
    WORD_UNIT,
    WORD_ISO_TIME,
    WORD_DST,
    WORD_NOW,
    WORD_TODAY,
    WORD_YESTERDAY,
    WORD_TOMORROW,
    WORD_EPOCH,
    WORD_INFINITY,
    WORD_MINUS_INFINITY,
    WORD_ALLBALLS
} WordKind;
typedef enum DateUnit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_JULIAN,
    UNIT_TIME, /* what follows an ISO "t" */
    UNIT_DOW,
    UNIT_DOY,
    UNIT_ISODOW,
    UNIT_ISOYEAR,
    UNIT_EPOCH,
    UNIT_TIMEZONE,
    UNIT_TIMEZONE_HOUR,
    UNIT_TIMEZONE_MINUTE
} DateUnit;
WordKind date_word(const char *text, int *value);
/* Units as intervals, extract and date_trunc name them, plurals and abbreviations included. */
DateUnit date_unit(const char *text);

MUST_CHECK Status datetime_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes,
                                 ParsedDate *out);
MUST_CHECK Status timeonly_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes,
                                 ParsedDate *out);
/* "+05:30" and the like, east of UTC. */
DateProblem zone_offset_parse(const char *text, int32_t *seconds);
/* Rounds to `digits` behind the point, 0 to 6. */
int64_t micros_round(int64_t micros, int digits);
DateProblem fraction_parse(const char *text, int *micros);

MUST_CHECK Status interval_parse(Ctx *cx, const char *text, size_t bytes, int32_t typmod, Interval *out);
/* Cuts to the declared fields and precision. */
MUST_CHECK Status interval_adjust(Ctx *cx, Interval *i, int32_t typmod);

/* --- showing ---------------------------------------------------------------------------------------------------- */
void show_date(const FormatSettings *format, int32_t date, Buf *to);
void show_time(int64_t micros, Buf *to);
void show_zone(const FormatSettings *format, int32_t east, Buf *to);
void show_timestamp(const FormatSettings *format, int64_t t, Buf *to);
void show_timestamptz(const FormatSettings *format, int64_t t, Buf *to);
void show_interval(const FormatSettings *format, const Interval *i, Buf *to);

/* --- arithmetic --------------------------------------------------------------------------------------------------- */
Status fail_timestamp_range(Ctx *cx);
Status fail_date_range(Ctx *cx);
Status fail_interval_range(Ctx *cx);
MUST_CHECK Status timestamp_add_interval(Ctx *cx, int64_t t, const Interval *i, int64_t *out);
MUST_CHECK Status timestamptz_add_interval(Ctx *cx, int64_t t, const Interval *i, int64_t *out);
/* Microseconds, with 30-day months and 24-hour days: the order of intervals. */
__int128 interval_span(const Interval *i);
MUST_CHECK bool interval_negate(const Interval *i, Interval *out);
MUST_CHECK Status interval_add(Ctx *cx, const Interval *a, const Interval *b, Interval *out);
MUST_CHECK Status interval_times(Ctx *cx, const Interval *i, double factor, Interval *out);
MUST_CHECK Status interval_divide(Ctx *cx, const Interval *i, double divisor, Interval *out);
int64_t clock_now(Ctx *cx);
const TimeZone *session_zone(const Ctx *cx);
/* date to timestamp; infinity stays; fails when out of range. */
MUST_CHECK Status date_to_timestamp(Ctx *cx, int32_t d, int64_t *out);
MUST_CHECK Status date_to_timestamptz(Ctx *cx, int32_t d, int64_t *out);
MUST_CHECK Status timestamp_round(Ctx *cx, int64_t *t, int32_t typmod);

#endif
