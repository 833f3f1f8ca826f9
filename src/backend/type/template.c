/* template.c - taking date templates apart, and to_char() of dates and intervals. */
#include "backend/type/template_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

const char *const month_names_full[12] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
const char *const day_names_full[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
const char *const roman_months[12] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

/* --- taking apart ------------------------------------------------------------------------------------------------- */
typedef struct Keyword {
    const char *word;
    uint8_t bytes, field, calendar;
    bool is_digit;
} Keyword;

/* The longest keyword that the text begins with. */
static const Keyword *
find_keyword(const char *p, const char *end)
{
#define TEMPLATE(symbol, word, is_digit, calendar)                                                             \
    {word, sizeof(word) - 1, FIELD_##symbol, CALENDAR_##calendar, is_digit},
#define TEMPLATE_ALIAS(symbol, word, is_digit, calendar)                                                       \
    {word, sizeof(word) - 1, FIELD_##symbol, CALENDAR_##calendar, is_digit},
    static const Keyword keywords[] = {
#include "backend/type/date_templates.def"
    };
#undef TEMPLATE
#undef TEMPLATE_ALIAS
    const Keyword *best = NULL;

    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (keywords[i].word[0] == *p && keywords[i].bytes <= end - p &&
            memcmp(keywords[i].word, p, keywords[i].bytes) == 0 &&
            (best == NULL || keywords[i].bytes > best->bytes))
            best = &keywords[i];
    return best;
}

static bool
starts_with(const char *p, const char *end, const char *upper, const char *lower)
{
    return end - p >= 2 && (memcmp(p, upper, 2) == 0 || memcmp(p, lower, 2) == 0);
}

static TemplateNode
text_node(const char *p, int bytes)
{
    TemplateNode n = {.kind = TEMPLATE_TEXT};

    memcpy(n.text, p, (size_t)bytes);
    if (bytes == 1 && *p > 0x20 && *p < 0x7f && !isalnum((unsigned char)*p))
        n.kind = TEMPLATE_SEPARATOR;
    else if (bytes == 1 && isspace((unsigned char)*p))
        n.kind = TEMPLATE_SPACE;
    return n;
}

TemplateNode *
template_parse(Ctx *cx, VarRef text, int *count)
{
    TemplateNode *nodes = arena_array(cx->arena, TemplateNode, text.bytes + 1);
    const char *p = text.data, *end = p + text.bytes;
    int n = 0;

    while (p < end) {
        uint8_t suffix = 0;
        const Keyword *k;
        int bytes;

        while (starts_with(p, end, "FM", "fm") || starts_with(p, end, "TM", "tm")) {
            suffix |= *p == 'F' || *p == 'f' ? SUFFIX_FM : SUFFIX_TM;
            p += 2;
        }
        if (p == end)
            break;
        k = find_keyword(p, end);
        if (k != NULL) {
            p += k->bytes;
            if (starts_with(p, end, "TH", "th") && (memcmp(p, "TH", 2) == 0 || memcmp(p, "th", 2) == 0)) {
                suffix |= *p == 'T' ? SUFFIX_TH : SUFFIX_th;
                p += 2;
            } else if (starts_with(p, end, "SP", "SP")) {
                p += 2;
            }
            nodes[n++] = (TemplateNode){.kind = TEMPLATE_FIELD,
                                        .field = (TemplateField)k->field,
                                        .word = k->word,
                                        .word_bytes = k->bytes,
                                        .suffix = suffix,
                                        .is_digit = k->is_digit,
                                        .calendar = (TemplateCalendar)k->calendar};
            continue;
        }
        if (*p == '"') { /* quoted: every character is text */
            for (p++; p < end && *p != '"'; p += bytes) {
                if (*p == '\\' && p + 1 < end)
                    p++;
                bytes = utf8_char_bytes(*p);
                nodes[n] = text_node(p, bytes);
                nodes[n++].kind = TEMPLATE_TEXT;
            }
            p += p < end;
            continue;
        }
        if (*p == '\\' && p + 1 < end && p[1] == '"')
            p++;
        bytes = utf8_char_bytes(*p);
        nodes[n++] = text_node(p, bytes);
        p += bytes;
    }
    *count = n;
    return nodes;
}

/* --- to_char ---------------------------------------------------------------------------------------------------------- */
typedef struct Shown {
    Fields f; /* of an interval: years, months, days, ... */
    bool is_interval, zoned;
    ZoneOffset zone;
    int64_t hours; /* of an interval these may be many */
    int64_t day_of_year;
    int weekday;
} Shown;

static const char *
ordinal(int64_t v, bool upper)
{
    static const char *const lower_case[] = {"th", "st", "nd", "rd"}, *const upper_case[] = {"TH", "ST", "ND",
                                                                                             "RD"};
    int64_t last = llabs(v) % 10, two = llabs(v) % 100;
    int i = (two >= 11 && two <= 13) || last > 3 ? 0 : (int)last;

    return (upper ? upper_case : lower_case)[i];
}

/* A number of at least `width` digits, without filling if FM; with its ordinal ending if asked for. */
static void
put_number(const TemplateNode *n, int64_t v, int width, Buf *to)
{
    if ((n->suffix & SUFFIX_FM) != 0)
        width = 0;
    if (v < 0 && width > 0)
        width++;
    buf_printf(to, "%0*lld", width, (long long)v);
    if ((n->suffix & (SUFFIX_TH | SUFFIX_th)) != 0)
        buf_add_text(to, ordinal(v, (n->suffix & SUFFIX_TH) != 0));
}

/* Numbers that are never filled. */
static void
put_plain(const TemplateNode *n, int64_t v, Buf *to)
{
    TemplateNode copy = *n;

    copy.suffix |= SUFFIX_FM;
    put_number(&copy, v, 0, to);
}

typedef enum NameCase { NAME_UPPER, NAME_CAPITAL, NAME_LOWER } NameCase;

static void
put_name(const TemplateNode *n, const char *name, NameCase style, int most, int width, Buf *to)
{
    int bytes = MIN_OF((int)strlen(name), most);

    for (int i = 0; i < bytes; i++)
        buf_add_char(to, style == NAME_UPPER   ? to_upper(name[i])
                         : style == NAME_LOWER ? to_lower(name[i])
                                               : name[i]);
    if ((n->suffix & (SUFFIX_FM | SUFFIX_TM)) == 0)
        for (int i = bytes; i < width; i++)
            buf_add_char(to, ' ');
}

static int64_t
shown_year(const Shown *s, int64_t year)
{
    return s->is_interval || year > 0 ? year : 1 - year;
}

static void
put_roman(const TemplateNode *n, const Shown *s, bool upper, Buf *to)
{
    int month = s->f.month;

    if (month == 0 && (!s->is_interval || s->f.year == 0))
        return;
    /* an interval's months count downwards from XII when they are negative, and none is a full year */
    if (month == 0)
        month = s->f.year >= 0 ? 12 : 1;
    else if (month < 0)
        month = 13 + month;
    put_name(n, roman_months[month - 1], upper ? NAME_UPPER : NAME_LOWER, 4, 4, to);
}

static void
put_offset(const TemplateNode *n, const Shown *s, Buf *to)
{
    int seconds = abs(s->zone.seconds);

    buf_add_char(to, s->zone.seconds < 0 ? '-' : '+');
    buf_printf(to, "%0*d", n->suffix & SUFFIX_FM ? 0 : 2, seconds / 3600);
    if (seconds % 3600 != 0)
        buf_printf(to, ":%02d", seconds / 60 % 60);
}

static void
put_century(const TemplateNode *n, const Shown *s, Buf *to)
{
    int64_t year = s->f.year, century;

    if (s->is_interval)
        century = year / 100;
    else
        century = year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
    if (century >= -99 && century <= 99)
        put_number(n, century, 2, to);
    else
        put_plain(n, century, to);
}

/* The Julian day of an interval's fields, taken for a date although months and days may be 0 or negative:
 * the usual integer formula, with its divisions towards zero. */
static int64_t
interval_julian(const Fields *f)
{
    int64_t year = f->year + (f->month > 2 ? 4800 : 4799), month = f->month + (f->month > 2 ? 1 : 13);

    return year * 365 - 32167 + year / 4 - year / 100 + year / 400 + 7834 * month / 256 + f->day;
}

/* Fields of the calendar. */
static void
put_date_field(const TemplateNode *n, const Shown *s, Buf *to)
{
    static const struct {
        uint8_t field;
        int8_t digits;
        bool iso;
    } years[] = {{FIELD_YYYY, 4, false}, {FIELD_YYY, 3, false}, {FIELD_YY, 2, false}, {FIELD_Y, 1, false},
                 {FIELD_IYYY, 4, true},  {FIELD_IYY, 3, true},  {FIELD_IY, 2, true},  {FIELD_I, 1, true}};
    static const int64_t modulus[] = {1, 10, 100, 1000, INT64_MAX};
    const Fields *f = &s->f;
    int64_t day = s->is_interval ? 0 : days_from_civil(f->year, f->month, f->day), year;

    for (size_t i = 0; i < COUNT_OF(years); i++) {
        if (years[i].field == n->field) {
            year = shown_year(s, years[i].iso && !s->is_interval ? iso_year(day) : f->year);
            put_number(n, year % modulus[years[i].digits], years[i].digits, to);
            return;
        }
    }
    switch (n->field) {
    case FIELD_MM: put_number(n, f->month, 2, to); break;
    case FIELD_DDD: put_number(n, s->day_of_year, 3, to); break;
    case FIELD_IDDD: put_number(n, s->is_interval ? 0 : day - iso_year_start(iso_year(day)) + 1, 3, to); break;
    case FIELD_DD: put_number(n, f->day, f->day < 0 ? 1 : 2, to); break; /* no room for a minus */
    case FIELD_D: put_plain(n, s->weekday + 1, to); break;
    case FIELD_ID: put_plain(n, s->weekday == 0 ? 7 : s->weekday, to); break;
    case FIELD_WW: put_number(n, (s->day_of_year - 1) / 7 + 1, 2, to); break;
    case FIELD_IW: put_number(n, s->is_interval ? 0 : iso_week(day), 2, to); break;
    case FIELD_W: put_plain(n, (f->day - 1) / 7 + 1, to); break;
    case FIELD_Q:
        if (f->month != 0)
            put_plain(n, (f->month - 1) / 3 + 1, to);
        break;
    case FIELD_CC: put_century(n, s, to); break;
    case FIELD_J: put_plain(n, s->is_interval ? interval_julian(f) : day + JULIAN_OF_2000, to); break;
    case FIELD_Y_YYY:
        year = shown_year(s, f->year);
        buf_printf(to, "%lld,%03lld", (long long)(year / 1000), (long long)(year % 1000));
        if ((n->suffix & (SUFFIX_TH | SUFFIX_th)) != 0)
            buf_add_text(to, ordinal(year, (n->suffix & SUFFIX_TH) != 0));
        break;
    case FIELD_RM:
    case FIELD_rm: put_roman(n, s, n->field == FIELD_RM, to); break;
    default: break;
    }
}

static void
put_name_field(const TemplateNode *n, const Shown *s, Buf *to)
{
    const char *month = s->f.month >= 1 && s->f.month <= 12 ? month_names_full[s->f.month - 1] : NULL;
    const char *day = day_names_full[s->weekday];

    switch (n->field) {
    case FIELD_DAY: put_name(n, day, NAME_UPPER, 9, 9, to); return;
    case FIELD_Day: put_name(n, day, NAME_CAPITAL, 9, 9, to); return;
    case FIELD_day: put_name(n, day, NAME_LOWER, 9, 9, to); return;
    case FIELD_DY: put_name(n, day, NAME_UPPER, 3, 0, to); return;
    case FIELD_Dy: put_name(n, day, NAME_CAPITAL, 3, 0, to); return;
    case FIELD_dy: put_name(n, day, NAME_LOWER, 3, 0, to); return;
    default: break;
    }
    if (month == NULL)
        return;
    switch (n->field) {
    case FIELD_MONTH: put_name(n, month, NAME_UPPER, 9, 9, to); break;
    case FIELD_Month: put_name(n, month, NAME_CAPITAL, 9, 9, to); break;
    case FIELD_month: put_name(n, month, NAME_LOWER, 9, 9, to); break;
    case FIELD_MON: put_name(n, month, NAME_UPPER, 3, 0, to); break;
    case FIELD_Mon: put_name(n, month, NAME_CAPITAL, 3, 0, to); break;
    case FIELD_mon: put_name(n, month, NAME_LOWER, 3, 0, to); break;
    default: break;
    }
}

static void
put_fraction(const TemplateNode *n, const Shown *s, Buf *to)
{
    static const int units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    int digits = n->field == FIELD_MS ? 3 : n->field == FIELD_US ? 6 : (int)n->field - FIELD_FF1 + 1;

    buf_printf(to, "%0*d", digits, s->f.micros / units[digits]);
    if ((n->suffix & (SUFFIX_TH | SUFFIX_th)) != 0)
        buf_add_text(to, ordinal(s->f.micros / units[digits], (n->suffix & SUFFIX_TH) != 0));
}

/* True when the field was one of the clock or a word. */
static bool
put_clock_field(const TemplateNode *n, const Shown *s, Buf *to)
{
    bool pm = (s->hours % 24 + 24) % 24 >= 12, bc = s->f.year <= 0;
    int64_t hour12 = s->hours % 12 == 0 ? 12 : s->hours % 12;

    if (s->is_interval)
        pm = s->hours % 24 >= 12;
    switch (n->field) {
    case FIELD_A_M:
    case FIELD_P_M: buf_add_text(to, pm ? "P.M." : "A.M."); return true;
    case FIELD_AM:
    case FIELD_PM: buf_add_text(to, pm ? "PM" : "AM"); return true;
    case FIELD_a_m:
    case FIELD_p_m: buf_add_text(to, pm ? "p.m." : "a.m."); return true;
    case FIELD_am:
    case FIELD_pm: buf_add_text(to, pm ? "pm" : "am"); return true;
    case FIELD_A_D:
    case FIELD_B_C: buf_add_text(to, bc ? "B.C." : "A.D."); return true;
    case FIELD_AD:
    case FIELD_BC: buf_add_text(to, bc ? "BC" : "AD"); return true;
    case FIELD_a_d:
    case FIELD_b_c: buf_add_text(to, bc ? "b.c." : "a.d."); return true;
    case FIELD_ad:
    case FIELD_bc: buf_add_text(to, bc ? "bc" : "ad"); return true;
    case FIELD_HH:
    case FIELD_HH12:
        /* the sign of the hours counts for the width, even where the remainder has lost it */
        put_number(n, hour12, s->hours < 0 && hour12 > 0 ? 3 : 2, to);
        return true;
    case FIELD_HH24: put_number(n, s->hours, 2, to); return true;
    case FIELD_MI: put_number(n, s->f.minute, 2, to); return true;
    case FIELD_SS: put_number(n, s->f.second, 2, to); return true;
    case FIELD_SSSS:
    case FIELD_SSSSS: put_plain(n, s->hours * 3600 + s->f.minute * 60 + s->f.second, to); return true;
    case FIELD_TZ:
    case FIELD_tz:
        for (const char *p = s->zoned ? s->zone.abbrev : ""; *p != '\0'; p++)
            buf_add_char(to, n->field == FIELD_tz ? to_lower(*p) : *p);
        return true;
    case FIELD_TZH:
        buf_printf(to, "%c%02d", s->zone.seconds < 0 ? '-' : '+', abs(s->zone.seconds) / 3600);
        return true;
    case FIELD_TZM: buf_printf(to, "%02d", abs(s->zone.seconds) / 60 % 60); return true;
    case FIELD_OF: put_offset(n, s, to); return true;
    case FIELD_MS:
    case FIELD_US:
    case FIELD_FF1:
    case FIELD_FF2:
    case FIELD_FF3:
    case FIELD_FF4:
    case FIELD_FF5:
    case FIELD_FF6: put_fraction(n, s, to); return true;
    case FIELD_FX: return true;
    default: return false;
    }
}

/* Fields that make sense for a moment only. */
static bool
needs_calendar(TemplateField field)
{
    switch (field) {
    case FIELD_A_D:
    case FIELD_B_C:
    case FIELD_AD:
    case FIELD_BC:
    case FIELD_a_d:
    case FIELD_b_c:
    case FIELD_ad:
    case FIELD_bc:
    case FIELD_TZ:
    case FIELD_tz:
    case FIELD_TZH:
    case FIELD_TZM:
    case FIELD_OF:
    case FIELD_DAY:
    case FIELD_Day:
    case FIELD_day:
    case FIELD_DY:
    case FIELD_Dy:
    case FIELD_dy:
    case FIELD_D:
    case FIELD_ID: return true;
    default: return false;
    }
}

static Status
show(FnCall *call, VarRef text, const Shown *s, Value *out)
{
    int count;
    const TemplateNode *nodes = template_parse(call->cx, text, &count);
    Buf b = BUF_OF(call->cx);

    for (int i = 0; i < count; i++) {
        const TemplateNode *n = &nodes[i];

        if (n->kind != TEMPLATE_FIELD) {
            buf_add_text(&b, n->text);
            continue;
        }
        if (s->is_interval && needs_calendar(n->field)) {
            buf_free(&b);
            fail(call->cx, ST_ERROR, "22007", "invalid format specification for an interval value");
            fail_hint(call->cx, "Intervals are not tied to specific calendar dates.");
            return ST_ERROR;
        }
        if (!put_clock_field(n, s, &b)) {
            put_date_field(n, s, &b);
            put_name_field(n, s, &b);
        }
    }
    return value_from_buf(call->cx, &b, out);
}

static Status
show_moment(FnCall *call, const Value *args, bool zoned, Value *out)
{
    Shown s = {.zoned = zoned};
    int64_t day;

    if (!timestamp_is_finite(args[0].i64) || args[1].var.bytes == 0) {
        *out = value_null();
        return ST_OK;
    }
    if (zoned)
        s.f = fields_of_timestamptz(args[0].i64, session_zone(call->cx), &s.zone);
    else
        s.f = fields_of_timestamp(args[0].i64);
    day = days_from_civil(s.f.year, s.f.month, s.f.day);
    s.hours = s.f.hour;
    s.weekday = weekday(day);
    s.day_of_year = day - days_from_civil(s.f.year, 1, 1) + 1;
    return show(call, args[1].var, &s, out);
}

SCALAR_FN(timestamp_to_char)
{
    return show_moment(call, args, false, out);
}

SCALAR_FN(timestamptz_to_char)
{
    return show_moment(call, args, true, out);
}

SCALAR_FN(interval_to_char)
{
    const Interval *i = &args[0].interval;
    Shown s = {.is_interval = true, .hours = i->micros / MICROS_PER_HOUR};

    if (args[1].var.bytes == 0) {
        *out = value_null();
        return ST_OK;
    }
    s.f = (Fields){.year = i->months / MONTHS_PER_YEAR,
                   .month = i->months % MONTHS_PER_YEAR,
                   .day = i->days,
                   .minute = (int)(i->micros / MICROS_PER_MINUTE % 60),
                   .second = (int)(i->micros / MICROS_PER_SECOND % 60),
                   .micros = (int)(i->micros % MICROS_PER_SECOND)};
    s.day_of_year = (s.f.year * MONTHS_PER_YEAR + s.f.month) * DAYS_PER_MONTH + s.f.day;
    return show(call, args[1].var, &s, out);
}
