/* src/backend/type/calendar.h - days, months and microseconds of the proleptic Gregorian calendar.
 *
 * Days count from 2000-01-01, timestamps are microseconds from its midnight. Years are astronomical:
 * year 0 is 1 BC. The day arithmetic counts years from March, so that the leap day comes last
 * (after H. Hinnant, "chrono-compatible low-level date algorithms"). */
#ifndef TYPE_CALENDAR_H
#define TYPE_CALENDAR_H
#include "backend/type/value.h"

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_MINUTE (60 * MICROS_PER_SECOND)
#define MICROS_PER_HOUR   (3600 * MICROS_PER_SECOND)
#define MICROS_PER_DAY    (86400 * MICROS_PER_SECOND)

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_MONTH = 30, /* where months have to be days */
    MONTHS_PER_YEAR = 12,
    JULIAN_OF_2000 = 2451545, /* Julian day number of 2000-01-01 */
    UNIX_DAYS_OF_2000 = 10957,
    DATE_MINUS_INF = INT32_MIN,
    DATE_PLUS_INF = INT32_MAX,
    DATE_LEAST_DAY = -JULIAN_OF_2000, /* 4714-11-24 BC */
    DATE_END_DAY = 2147483494 - JULIAN_OF_2000 /* 5874898-01-01 */
};
#define TIMESTAMP_MINUS_INF INT64_MIN
#define TIMESTAMP_PLUS_INF  INT64_MAX
#define TIMESTAMP_LEAST     INT64_C(-211813488000000000) /* 4714-11-24 BC */
#define TIMESTAMP_END       INT64_C(9223371331200000000) /* 294277-01-01 */

typedef struct Civil {
    int64_t year; /* 0 = 1 BC */
    int month, day;
} Civil;

static inline bool
timestamp_is_finite(int64_t t)
{
    return t != TIMESTAMP_MINUS_INF && t != TIMESTAMP_PLUS_INF;
}
static inline bool
timestamp_in_range(int64_t t)
{
    return t >= TIMESTAMP_LEAST && t < TIMESTAMP_END;
}
static inline bool
date_is_finite(int32_t d)
{
    return d != DATE_MINUS_INF && d != DATE_PLUS_INF;
}
static inline bool
date_in_range(int64_t d)
{
    return d >= DATE_LEAST_DAY && d < DATE_END_DAY;
}
static inline int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
static inline bool
is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
static inline int
days_of_month(int64_t year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap_year(year));
}
static inline int64_t
days_from_civil(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2), era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730425;
}
static inline Civil
civil_from_days(int64_t days)
{
    int64_t z = days + 730425, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);

    return (Civil){year + era * 400 + (month <= 2), month, (int)(of_year - (153 * m + 2) / 5) + 1};
}
/* 0 = Sunday. 2000-01-01 was a Saturday. */
static inline int
weekday(int64_t days)
{
    return (int)(days - floor_div(days + 6, 7) * 7 + 6);
}
/* The day that begins ISO week 1 of a year: the Monday on or before January 4. */
static inline int64_t
iso_year_start(int64_t year)
{
    int64_t fourth = days_from_civil(year, 1, 4);

    return fourth - (weekday(fourth) + 6) % 7;
}
static inline int64_t
iso_year(int64_t days)
{
    int64_t year = civil_from_days(days).year;

    return days >= iso_year_start(year + 1) ? year + 1 : days < iso_year_start(year) ? year - 1 : year;
}
static inline int
iso_week(int64_t days)
{
    return (int)((days - iso_year_start(iso_year(days))) / 7) + 1;
}
/* Splits a timestamp into its day and the microseconds of the day. */
static inline int64_t
timestamp_split(int64_t t, int64_t *micros)
{
    int64_t day = floor_div(t, MICROS_PER_DAY);

    *micros = t - day * MICROS_PER_DAY;
    return day;
}

#endif
