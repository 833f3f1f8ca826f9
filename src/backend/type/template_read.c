/* template_read.c - to_date() and to_timestamp(text, text): reading by a template.
 *
 * Template and text are walked together. White space is skipped before and after fields, and a separator
 * of the template may meet one of the text or nothing, unless FX asks for the exact number of characters.
 * What was read is put together afterwards: years and centuries, weeks, days of the year. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/type/template_int.h"
#include "base/utf8.h"

typedef struct Reading {
    Ctx *cx;
    const char *text, *p; /* NUL-terminated */
    const TemplateNode *nodes;
    int count, at;
    TemplateCalendar calendar;
    bool fixed; /* FX */
    int extra; /* characters skipped beyond what the template says */
    /* what was read; 0 = nothing */
    bool twelve_hours, pm, bc;
    int hour, minute, second, day_seconds, weekday, day, day_of_year, month, millis, year, year_digits, week,
        month_week, century, julian, micros, fraction_digits, zone_sign, zone_hours, zone_minutes;
} Reading;

/* --- pieces ----------------------------------------------------------------------------------------------------------- */
static Status
fail_value(Reading *r, const char *value, const TemplateNode *n, const char *detail)
{
    fail(r->cx, ST_ERROR, "22007", "invalid value \"%s\" for \"%s\"", value, n->word);
    fail_detail(r->cx, "%s", detail);
    return ST_ERROR;
}

/* Will what follows this field end its digits by itself? */
static bool
next_is_separator(const Reading *r)
{
    const TemplateNode *n = &r->nodes[r->at];

    if ((n->suffix & (SUFFIX_TH | SUFFIX_th)) != 0 || r->at + 1 == r->count)
        return true;
    n++;
    if (n->kind == TEMPLATE_FIELD)
        return !n->is_digit;
    return !(n->text[1] == '\0' && is_digit(n->text[0]));
}

static Status
fail_width(Reading *r, const TemplateNode *n, const char *value, int width, int have, bool too_short)
{
    if (too_short) {
        fail(r->cx, ST_ERROR, "22007", "source string too short for \"%s\" formatting field", n->word);
        fail_detail(r->cx, "Field requires %d characters, but only %d remain.", width, have);
    } else {
        fail(r->cx, ST_ERROR, "22007", "invalid value \"%s\" for \"%s\"", value, n->word);
        fail_detail(r->cx, "Field requires %d characters, but only %d could be parsed.", width, have);
    }
    fail_hint(r->cx, "If your source string is not fixed-width, try using the \"FM\" modifier.");
    return ST_ERROR;
}

static Status
store(Reading *r, const TemplateNode *n, int *to, int value)
{
    if (to == NULL)
        return ST_OK;
    if (*to != 0 && *to != value) {
        fail(r->cx, ST_ERROR, "22007", "conflicting values for \"%s\" field in formatting string", n->word);
        fail_detail(r->cx, "This value contradicts a previous setting for the same field type.");
        return ST_ERROR;
    }
    *to = value;
    return ST_OK;
}

/* An integer of at most `width` characters, exactly that many if digits follow. `to` may be NULL. */
static Status
read_int(Reading *r, int width, int *to, int *digits)
{
    const TemplateNode *n = &r->nodes[r->at];
    char copy[16], *end;
    const char *start;
    int have;
    long v;

    while (isspace((unsigned char)*r->p))
        r->p++;
    start = r->p;
    have = (int)strnlen(r->p, (size_t)width);
    memcpy(copy, r->p, (size_t)have);
    copy[have] = '\0';
    errno = 0;
    if ((n->suffix & SUFFIX_FM) != 0 || next_is_separator(r)) {
        v = strtol(r->p, &end, 10);
        r->p = end;
    } else {
        if (have < width)
            return fail_width(r, n, copy, width, have, true);
        v = strtol(copy, &end, 10);
        have = (int)(end - copy);
        if (have > 0 && have < width)
            return fail_width(r, n, copy, width, have, false);
        r->p += have;
    }
    if (r->p == start)
        return fail_value(r, copy, n, "Value must be an integer.");
    if (errno == ERANGE || v < INT32_MIN || v > INT32_MAX) {
        fail(r->cx, ST_ERROR, "22008", "value for \"%s\" in source string is out of range", n->word);
        fail_detail(r->cx, "Value must be in the range %d to %d.", INT32_MIN, INT32_MAX);
        return ST_ERROR;
    }
    if (digits != NULL)
        *digits = (int)(r->p - start);
    return store(r, n, to, (int)v);
}

/* The first of the names the text begins with, whatever its case. */
static Status
read_name(Reading *r, const char *const *names, int count, int most, int *index)
{
    for (int i = 0; i < count; i++) {
        size_t bytes = strnlen(names[i], (size_t)most);

        if (strncasecmp(r->p, names[i], bytes) == 0) {
            r->p += bytes;
            *index = i;
            return ST_OK;
        }
    }
    {
        char *shown = arena_strdup(r->cx->arena, r->p);

        for (char *c = shown; *c != '\0'; c++) {
            if (isspace((unsigned char)*c)) {
                *c = '\0';
                break;
            }
        }
        return fail_value(r, shown, &r->nodes[r->at],
                          "The given value did not match any of the allowed values for this field.");
    }
}

/* --- fields ------------------------------------------------------------------------------------------------------------- */
/* A year of few digits is the one nearest to 2020. */
static int
near_2020(int year)
{
    if (year < 70)
        return year + 2000;
    if (year < 100)
        return year + 1900;
    if (year < 520)
        return year + 2000;
    if (year < 1000)
        return year + 1000;
    return year;
}

static Status
read_year(Reading *r, int width)
{
    int digits, year = 0;

    TRY(read_int(r, width, &year, &digits));
    if (width < 4 && digits < 4)
        year = near_2020(year);
    r->year_digits = width;
    return store(r, &r->nodes[r->at], &r->year, year);
}

static Status
read_year_with_comma(Reading *r)
{
    int thousands, rest, used;

    if (sscanf(r->p, "%d,%03d%n", &thousands, &rest, &used) < 2)
        return fail(r->cx, ST_ERROR, "22007", "invalid input string for \"Y,YYY\"");
    r->p += used;
    r->year_digits = 4;
    return store(r, &r->nodes[r->at], &r->year, rest + thousands * 1000);
}

static Status
read_fraction(Reading *r, int width)
{
    static const int units[] = {1, 100000, 10000, 1000, 100, 10, 1};
    int digits;

    TRY(read_int(r, width, &r->micros, &digits));
    if (digits >= 1 && digits <= 6)
        r->micros *= units[digits];
    return ST_OK;
}

static Status
read_zone_hours(Reading *r)
{
    /* the minus may have been taken for a separator */
    if (*r->p == '+' || *r->p == '-' || *r->p == ' ') {
        r->zone_sign = *r->p == '-' ? -1 : 1;
        r->p++;
    } else {
        r->zone_sign = r->extra > 0 && r->p > r->text && r->p[-1] == '-' ? -1 : 1;
    }
    return read_int(r, 2, &r->zone_hours, NULL);
}

static Status
read_day_name(Reading *r, int most)
{
    int index = 0;

    TRY(read_name(r, day_names_full, 7, most, &index));
    return store(r, &r->nodes[r->at], &r->weekday, index + 1);
}

static Status
read_month_name(Reading *r, int most)
{
    int index = 0;

    TRY(read_name(r, month_names_full, 12, most, &index));
    return store(r, &r->nodes[r->at], &r->month, index + 1);
}

static Status
read_roman(Reading *r)
{
    /* longest first, so that I does not hide II */
    static const char *const names[] = {"XII", "XI", "X",  "IX",  "VIII", "VII",
                                        "VI",  "V",  "IV", "III", "II",   "I"};
    int index = 0;

    TRY(read_name(r, names, 12, 4, &index));
    return store(r, &r->nodes[r->at], &r->month, 12 - index);
}

static Status
read_half(Reading *r, const char *const *names, bool *second)
{
    int index = 0;

    TRY(read_name(r, names, 4, 4, &index));
    *second = index % 2 == 1;
    return ST_OK;
}

/* The clock, and words. */
static Status
read_clock_field(Reading *r, TemplateField field, bool *known)
{
    static const char *const halves[] = {"a.m.", "p.m.", "am", "pm"}, *const halves_short[] = {"am", "pm", "am",
                                                                                               "pm"};
    static const char *const eras[] = {"a.d.", "b.c.", "ad", "bc"}, *const eras_short[] = {"ad", "bc", "ad",
                                                                                           "bc"};
    static const int units[] = {1, 100, 10};
    int digits;

    *known = true;
    switch (field) {
    case FIELD_A_M:
    case FIELD_P_M:
    case FIELD_a_m:
    case FIELD_p_m: r->twelve_hours = true; return read_half(r, halves, &r->pm);
    case FIELD_AM:
    case FIELD_PM:
    case FIELD_am:
    case FIELD_pm: r->twelve_hours = true; return read_half(r, halves_short, &r->pm);
    case FIELD_A_D:
    case FIELD_B_C:
    case FIELD_a_d:
    case FIELD_b_c: return read_half(r, eras, &r->bc);
    case FIELD_AD:
    case FIELD_BC:
    case FIELD_ad:
    case FIELD_bc: return read_half(r, eras_short, &r->bc);
    case FIELD_HH:
    case FIELD_HH12: r->twelve_hours = true; return read_int(r, 2, &r->hour, NULL);
    case FIELD_HH24: return read_int(r, 2, &r->hour, NULL);
    case FIELD_MI: return read_int(r, 2, &r->minute, NULL);
    case FIELD_SS: return read_int(r, 2, &r->second, NULL);
    case FIELD_MS:
        TRY(read_int(r, 3, &r->millis, &digits));
        if (digits < 3)
            r->millis *= units[digits];
        return ST_OK;
    case FIELD_US: return read_fraction(r, 6);
    case FIELD_FF1:
    case FIELD_FF2:
    case FIELD_FF3:
    case FIELD_FF4:
    case FIELD_FF5:
    case FIELD_FF6: return read_fraction(r, (int)field - FIELD_FF1 + 1);
    case FIELD_SSSS: return read_int(r, 4, &r->day_seconds, NULL);
    case FIELD_SSSSS: return read_int(r, 5, &r->day_seconds, NULL);
    case FIELD_TZ:
    case FIELD_tz:
    case FIELD_OF:
        return fail(r->cx, ST_ERROR, "0A000", "formatting field \"%s\" is only supported in to_char",
                    r->nodes[r->at].word);
    case FIELD_TZH: return read_zone_hours(r);
    case FIELD_TZM:
        if (r->zone_sign == 0)
            r->zone_sign = 1;
        return read_int(r, 2, &r->zone_minutes, NULL);
    case FIELD_FX: r->fixed = true; return ST_OK;
    default: *known = false; return ST_OK;
    }
}

static Status
read_date_field(Reading *r, TemplateField field)
{
    switch (field) {
    case FIELD_DAY:
    case FIELD_Day:
    case FIELD_day: return read_day_name(r, 9);
    case FIELD_DY:
    case FIELD_Dy:
    case FIELD_dy: return read_day_name(r, 3);
    case FIELD_MONTH:
    case FIELD_Month:
    case FIELD_month: return read_month_name(r, 9);
    case FIELD_MON:
    case FIELD_Mon:
    case FIELD_mon: return read_month_name(r, 3);
    case FIELD_RM:
    case FIELD_rm: return read_roman(r);
    case FIELD_MM: return read_int(r, 2, &r->month, NULL);
    case FIELD_DDD: return read_int(r, 3, &r->day_of_year, NULL);
    case FIELD_IDDD: return read_int(r, 3, &r->day_of_year, NULL);
    case FIELD_DD: return read_int(r, 2, &r->day, NULL);
    case FIELD_D: return read_int(r, 1, &r->weekday, NULL);
    case FIELD_ID: /* 1 is Monday; inside, 1 is Sunday */
        TRY(read_int(r, 1, &r->weekday, NULL));
        if (++r->weekday > 7)
            r->weekday = 1;
        return ST_OK;
    case FIELD_WW:
    case FIELD_IW: return read_int(r, 2, &r->week, NULL);
    case FIELD_W: return read_int(r, 1, &r->month_week, NULL);
    case FIELD_Q: return read_int(r, 1, NULL, NULL); /* says nothing that could be used */
    case FIELD_CC: return read_int(r, 2, &r->century, NULL);
    case FIELD_J: return read_int(r, 1, &r->julian, NULL);
    case FIELD_Y_YYY: return read_year_with_comma(r);
    case FIELD_YYYY:
    case FIELD_IYYY: return read_year(r, 4);
    case FIELD_YYY:
    case FIELD_IYY: return read_year(r, 3);
    case FIELD_YY:
    case FIELD_IY: return read_year(r, 2);
    case FIELD_Y:
    case FIELD_I: return read_year(r, 1);
    default: return ST_OK;
    }
}

static Status
read_field(Reading *r)
{
    const TemplateNode *n = &r->nodes[r->at];
    bool known;

    if (n->calendar != CALENDAR_ANY) {
        if (r->calendar == CALENDAR_ANY) {
            r->calendar = n->calendar;
        } else if (r->calendar != n->calendar) {
            fail(r->cx, ST_ERROR, "22007", "invalid combination of date conventions");
            fail_hint(r->cx, "Do not mix Gregorian and ISO week date conventions in a formatting template.");
            return ST_ERROR;
        }
    }
    TRY(read_clock_field(r, n->field, &known));
    if (!known)
        TRY(read_date_field(r, n->field));
    if ((n->suffix & (SUFFIX_TH | SUFFIX_th)) != 0) /* "st", "nd", ... whatever it says */
        for (int i = 0; i < 2 && *r->p != '\0'; i++)
            r->p += utf8_char_bytes(*r->p);
    return ST_OK;
}

/* --- the walk ------------------------------------------------------------------------------------------------------------- */
static bool
is_separator(char c)
{
    return c > 0x20 && c < 0x7f && !isalnum((unsigned char)c);
}

static Status
read_all(Reading *r)
{
    for (r->at = 0; r->at < r->count && *r->p != '\0'; r->at++) {
        const TemplateNode *n = &r->nodes[r->at];
        bool is_field = n->kind == TEMPLATE_FIELD;

        if (!r->fixed && !(is_field && n->field == FIELD_FX) && (is_field || r->at == 0)) {
            while (isspace((unsigned char)*r->p)) {
                r->p++;
                r->extra++;
            }
        }
        if (n->kind == TEMPLATE_SPACE || n->kind == TEMPLATE_SEPARATOR) {
            if (r->fixed) {
                r->p += utf8_char_bytes(*r->p);
            } else {
                r->extra--;
                if (isspace((unsigned char)*r->p) || is_separator(*r->p)) {
                    r->p++;
                    r->extra++;
                }
            }
            continue;
        }
        if (!is_field) { /* some character for some character */
            if (!r->fixed && r->extra > 0)
                r->extra--;
            else if (*r->p != '\0')
                r->p += utf8_char_bytes(*r->p);
            continue;
        }
        TRY(read_field(r));
        if (!r->fixed) {
            r->extra = 0;
            while (isspace((unsigned char)*r->p)) {
                r->p++;
                r->extra++;
            }
        }
    }
    return ST_OK;
}

/* --- putting together ---------------------------------------------------------------------------------------------------------- */
enum { SET_YEAR = 1, SET_MONTH = 2, SET_DAY = 4 };

static void
set_day(Fields *f, int64_t days)
{
    Civil c = civil_from_days(days);

    f->year = c.year;
    f->month = c.month;
    f->day = c.day;
}

static void
assemble_year(Reading *r, Fields *f, unsigned *set)
{
    if (r->year != 0) {
        if (r->century != 0 && r->year_digits <= 2) { /* two digits within a century that was given */
            int century = r->bc ? -r->century : r->century;

            f->year = r->year % 100;
            if (f->year != 0)
                f->year = century >= 0 ? f->year + (century - 1) * 100 : (century + 1) * 100 - f->year + 1;
            else
                f->year = century * 100 + (century >= 0 ? 0 : 1);
        } else {
            f->year = r->bc ? -r->year : r->year;
            if (f->year < 0)
                f->year++;
        }
        *set |= SET_YEAR;
    } else if (r->century != 0) {
        int century = r->bc ? -r->century : r->century;

        f->year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
        *set |= SET_YEAR;
    }
}

static Status
assemble_day_of_year(Reading *r, Fields *f, unsigned *set)
{
    if (f->year == 0 && !r->bc)
        return fail(r->cx, ST_ERROR, "22007", "cannot calculate day of year without year information");
    if (r->calendar == CALENDAR_ISO) {
        set_day(f, iso_year_start(f->year) + r->day_of_year - 1);
    } else {
        int left = r->day_of_year, month = 1;

        while (month < 12 && left > days_of_month(f->year, month))
            left -= days_of_month(f->year, month++);
        if (f->month <= 1)
            f->month = month;
        if (f->day <= 1)
            f->day = left;
    }
    *set |= SET_MONTH | SET_DAY;
    return ST_OK;
}

static Status
fail_field(Reading *r)
{
    return fail_date(r->cx, DATE_FIELD_OVERFLOW, "timestamp", r->text, strlen(r->text));
}

static Status
assemble_clock(Reading *r, Fields *f)
{
    if (r->day_seconds != 0) {
        f->hour = r->day_seconds / 3600;
        f->minute = r->day_seconds / 60 % 60;
        f->second = r->day_seconds % 60;
    }
    if (r->second != 0)
        f->second = r->second;
    if (r->minute != 0)
        f->minute = r->minute;
    if (r->hour != 0)
        f->hour = r->hour;
    if (r->twelve_hours) {
        if (f->hour < 1 || f->hour > 12) {
            fail(r->cx, ST_ERROR, "22007", "hour \"%d\" is invalid for the 12-hour clock", f->hour);
            fail_hint(r->cx, "Use the 24-hour clock, or give an hour between 1 and 12.");
            return ST_ERROR;
        }
        if (r->pm && f->hour < 12)
            f->hour += 12;
        else if (!r->pm && f->hour == 12)
            f->hour = 0;
    }
    return ST_OK;
}

static Status
assemble(Reading *r, Fields *f)
{
    unsigned set = 0;
    int64_t micros;

    *f = (Fields){.month = 1, .day = 1};
    TRY(assemble_clock(r, f));
    assemble_year(r, f, &set);
    if (r->julian != 0) {
        set_day(f, (int64_t)r->julian - JULIAN_OF_2000);
        set |= SET_YEAR | SET_MONTH | SET_DAY;
    }
    if (r->week != 0) {
        if (r->calendar == CALENDAR_ISO) {
            int day = r->weekday > 1 ? r->weekday - 2 : r->weekday == 1 ? 6 : 0; /* from Monday */

            set_day(f, iso_year_start(f->year) + (int64_t)(r->week - 1) * 7 + day);
            set |= SET_YEAR | SET_MONTH | SET_DAY;
        } else {
            r->day_of_year = (r->week - 1) * 7 + 1;
        }
    }
    if (r->month_week != 0)
        r->day = (r->month_week - 1) * 7 + 1;
    if (r->day != 0) {
        f->day = r->day;
        set |= SET_DAY;
    }
    if (r->month != 0) {
        f->month = r->month;
        set |= SET_MONTH;
    }
    if (r->day_of_year != 0 && (f->month <= 1 || f->day <= 1))
        TRY(assemble_day_of_year(r, f, &set));
    micros = (int64_t)r->millis * 1000 + r->micros;
    if (((set & SET_MONTH) != 0 && (f->month < 1 || f->month > 12)) ||
        ((set & SET_DAY) != 0 && (f->day < 1 || f->day > 31)))
        return fail_field(r);
    if (set == (SET_YEAR | SET_MONTH | SET_DAY) && f->day > days_of_month(f->year, f->month))
        return fail_field(r);
    if (f->hour < 0 || f->hour >= 24 || f->minute < 0 || f->minute >= 60 || f->second < 0 || f->second >= 60 ||
        micros < 0 || micros >= MICROS_PER_SECOND)
        return fail_field(r);
    f->micros = (int)micros;
    if (r->zone_sign != 0 &&
        (r->zone_hours < 0 || r->zone_hours > 15 || r->zone_minutes < 0 || r->zone_minutes >= 60))
        return fail_field(r);
    return ST_OK;
}

static Status
read_by_template(FnCall *call, const Value *args, Reading *r, Fields *f)
{
    r->cx = call->cx;
    r->text = r->p = value_cstr(call->cx, args[0].var);
    r->nodes = template_parse(call->cx, args[1].var, &r->count);
    TRY(read_all(r));
    return assemble(r, f);
}

SCALAR_FN(to_timestamp)
{
    Reading r = {0};
    Fields f;
    int64_t t = 0, zone_micros;
    Ctx *cx = call->cx;

    TRY(read_by_template(call, args, &r, &f));
    if (f.month < 1 || f.month > 12 || f.year > 300000 || f.year < -5000 || !fields_to_timestamp(&f, &t))
        return fail_timestamp_range(cx);
    if (r.zone_sign != 0) {
        zone_micros = r.zone_sign * (r.zone_hours * MICROS_PER_HOUR + r.zone_minutes * MICROS_PER_MINUTE);
        t -= zone_micros;
        if (!timestamp_in_range(t))
            return fail_timestamp_range(cx);
        out->i64 = t;
        return ST_OK;
    }
    return timestamp_to_utc(t, session_zone(cx), &out->i64) ? ST_OK : fail_timestamp_range(cx);
}

SCALAR_FN(to_date)
{
    Reading r = {0};
    Fields f;
    int64_t day;

    TRY(read_by_template(call, args, &r, &f));
    day = days_from_civil(f.year, f.month, f.day);
    if (!date_in_range(day))
        return fail(call->cx, ST_ERROR, "22008", "date out of range: \"%s\"", r.text);
    out->i32 = (int32_t)day;
    return ST_OK;
}
