/* setting.c - values of settings as text, in and out, the way PostgreSQL reads and shows them.
 *
 * A number with a unit is converted to the setting's own unit and rounded; shown is the largest unit
 * that divides the value. A fraction is read in the unit given ('1.5GB' = 1536MB). */
#include "backend/config/setting.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "backend/config/config_int.h"

typedef struct UnitName {
    const char *name;
    bool memory;
    double size; /* in bytes or microseconds */
} UnitName;

/* Ascending within each kind. */
static const UnitName unit_names[] = {
    {"B", true, 1},
    {"kB", true, 1024},
    {"MB", true, 1024.0 * 1024},
    {"GB", true, 1024.0 * 1024 * 1024},
    {"TB", true, 1024.0 * 1024 * 1024 * 1024},
    {"us", false, 1},
    {"ms", false, 1000},
    {"s", false, 1e6},
    {"min", false, 60e6},
    {"h", false, 3600e6},
    {"d", false, 86400e6},
};

static const struct {
    const char *name;
    bool memory;
    double size;
} units[] = {
    [UNIT_NONE] = {NULL, false, 1},      [UNIT_BYTES] = {"B", true, 1},
    [UNIT_KBYTES] = {"kB", true, 1024},  [UNIT_MBYTES] = {"MB", true, 1024.0 * 1024},
    [UNIT_BLOCKS] = {"8kB", true, 8192}, [UNIT_MSECS] = {"ms", false, 1000},
    [UNIT_SECS] = {"s", false, 1e6},
};

const char *
setting_unit_name(SettingUnit unit)
{
    return units[unit].name;
}

Status
fail_value(Ctx *cx, const SettingInfo *info, const char *text)
{
    return fail(cx, ST_ERROR, "22023", "invalid value for parameter \"%s\": \"%s\"", info->name, text);
}

/* ---- in ------------------------------------------------------------------------------------------- */

bool
setting_parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        size_t least; /* characters that tell it from the others */
        bool value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    size_t bytes = strlen(text);

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (bytes >= words[i].least && bytes <= strlen(words[i].word) &&
            strncasecmp(text, words[i].word, bytes) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* Does `text` name the word, where case does not matter and '_', '-' and ' ' are alike or left out? */
static bool
word_matches(const char *text, const char *word)
{
    for (;;) {
        while (*text == '_' || *text == '-' || *text == ' ')
            text++;
        while (*word == '_' || *word == '-' || *word == ' ')
            word++;
        if (tolower((unsigned char)*text) != tolower((unsigned char)*word))
            return false;
        if (*text == '\0')
            return true;
        text++;
        word++;
    }
}

static Status
parse_enum(Ctx *cx, const SettingInfo *info, const char *text, SettingNumber *out)
{
    Buf offered = {0};

    for (const SettingWord *w = info->words; w->name != NULL; w++) {
        if (strcasecmp(text, w->name) == 0) {
            out->i = w->value;
            return ST_OK;
        }
    }
    /* Settings that are ours alone take ReadCommitted or read_committed as well; where PostgreSQL has
     * the word, so does the file, and there being lenient harms nobody. */
    for (const SettingWord *w = info->words; w->name != NULL && info->context != CONTEXT_INTERNAL; w++) {
        if (word_matches(text, w->name)) {
            out->i = w->value;
            return ST_OK;
        }
    }
    for (const SettingWord *w = info->words; w->name != NULL; w++) {
        if (!w->hidden)
            buf_printf(&offered, "%s%s", offered.bytes > 0 ? ", " : "", w->name);
    }
    fail_value(cx, info, text);
    fail_hint(cx, "Available values: %s.", buf_cstr(&offered));
    buf_free(&offered);
    return ST_ERROR;
}

static const char *
skip_space(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* Reads a number and the unit behind it. *factor = size of the unit relative to the setting's. */
static Status
parse_number(Ctx *cx, const SettingInfo *info, SettingUnit bare, const char *text, long double *number,
             double *factor)
{
    const char *p = skip_space(text);
    const char *digits = *p == '-' || *p == '+' ? p + 1 : p;
    char *end;
    bool memory = units[info->unit].memory;

    if (!isdigit((unsigned char)*digits) && *digits != '.')
        return fail_value(cx, info, text); /* strtold also takes "inf" and "nan" */
    errno = 0;
    if (info->kind == KIND_INT && digits[0] == '0' && (isdigit((unsigned char)digits[1])))
        *number = strtoll(p, &end, 8);
    else
        *number = strtold(p, &end);
    if (end == p || errno == ERANGE)
        return fail_value(cx, info, text);
    *factor = units[bare].size / units[info->unit].size;
    p = skip_space(end);
    if (*p == '\0')
        return ST_OK;
    if (info->unit == UNIT_NONE)
        return fail_value(cx, info, text);
    for (size_t i = 0; i < COUNT_OF(unit_names); i++) {
        const UnitName *u = &unit_names[i];
        size_t bytes = strlen(u->name);

        if (u->memory == memory && strncmp(p, u->name, bytes) == 0 && *skip_space(p + bytes) == '\0') {
            *factor = u->size / units[info->unit].size;
            return ST_OK;
        }
    }
    fail_value(cx, info, text);
    fail_hint(cx, memory
                      ? "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\"."
                      : "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".");
    return ST_ERROR;
}

static Status
parse_int(Ctx *cx, const SettingInfo *info, SettingUnit bare, const char *text, SettingNumber *out)
{
    const char *unit = setting_unit_name(info->unit);
    long double number = 0, most = info->max > INT32_MAX ? (long double)INT64_MAX : (long double)INT32_MAX;
    double factor = 1;
    int64_t value;

    TRY(parse_number(cx, info, bare, text, &number, &factor));
    number = rintl(number * factor);
    if (number > most || number < -most - 1) {
        fail_value(cx, info, text);
        fail_hint(cx, "Value exceeds integer range.");
        return ST_ERROR;
    }
    value = (int64_t)number;
    if (value < info->min || value > info->max)
        return fail(cx, ST_ERROR, "22023",
                    "%lld%s%s is outside the valid range for parameter \"%s\" (%lld .. %lld)", (long long)value,
                    unit != NULL ? " " : "", unit != NULL ? unit : "", info->name, (long long)info->min,
                    (long long)info->max);
    out->i = value;
    return ST_OK;
}

static Status
parse_real(Ctx *cx, const SettingInfo *info, const char *text, SettingNumber *out)
{
    long double number = 0;
    double factor = 1;

    TRY(parse_number(cx, info, UNIT_NONE, text, &number, &factor));
    if (number < info->real_min || number > info->real_max)
        return fail(cx, ST_ERROR, "22023", "%g is outside the valid range for parameter \"%s\" (%g .. %g)",
                    (double)number, info->name, info->real_min, info->real_max);
    out->r = (double)number;
    return ST_OK;
}

Status
setting_parse(Ctx *cx, const SettingInfo *info, SettingUnit bare, const char *text, SettingNumber *out)
{
    ASSERT(info->kind != KIND_TEXT);
    *out = (SettingNumber){0};
    switch (info->kind) {
    case KIND_BOOL:
        if (setting_parse_bool(text, &out->b))
            return ST_OK;
        return fail(cx, ST_ERROR, "22023", "parameter \"%s\" requires a Boolean value", info->name);
    case KIND_INT: return parse_int(cx, info, bare, text, out);
    case KIND_REAL: return parse_real(cx, info, text, out);
    default: return parse_enum(cx, info, text, out);
    }
}

Status
setting_check_later(Ctx *cx, const SettingInfo *info, SettingNumber value, const char *text)
{
    bool fine = false;

    if ((info->flags & SETTING_IS_LATER) == 0)
        return ST_OK;
    switch (info->kind) {
    case KIND_BOOL: fine = value.b == (info->initial != 0); break;
    case KIND_INT: fine = value.i == info->initial || (value.i == 0 && info->initial > 0); break;
    case KIND_ENUM: fine = value.i == info->initial; break;
    case KIND_REAL: fine = value.r == info->real_initial; break;
    case KIND_TEXT: fine = strcasecmp(text, info->text_initial) == 0; break;
    }
    if (!fine)
        return fail(cx, ST_ERROR, "0A000", "setting \"%s\" to \"%s\" is not supported yet", info->name, text);
    return ST_OK;
}

/* ---- out ------------------------------------------------------------------------------------------ */

/* In the largest unit of which the value is a whole number. */
static void
format_int(const SettingInfo *info, int64_t value, bool plain, Buf *to)
{
    const char *name = "";
    int64_t shown = value;

    if (!plain && value > 0 && info->unit != UNIT_NONE) {
        int64_t size = (int64_t)units[info->unit].size;

        for (size_t i = 0; i < COUNT_OF(unit_names); i++) {
            const UnitName *u = &unit_names[i];
            int64_t unit_size = (int64_t)u->size;

            if (u->memory != units[info->unit].memory)
                continue;
            if (unit_size <= size && size % unit_size == 0 && value <= INT64_MAX / (size / unit_size)) {
                shown = value * (size / unit_size);
                name = u->name;
            } else if (unit_size > size && value % (unit_size / size) == 0) {
                shown = value / (unit_size / size);
                name = u->name;
            }
        }
    }
    buf_add_int(to, shown);
    buf_add_text(to, name);
}

void
setting_format(const SettingInfo *info, SettingNumber value, bool plain, Buf *to)
{
    ASSERT(info->kind != KIND_TEXT);
    switch (info->kind) {
    case KIND_BOOL: buf_add_text(to, value.b ? "on" : "off"); return;
    case KIND_INT: format_int(info, value.i, plain, to); return;
    case KIND_REAL: buf_printf(to, "%g", value.r); return;
    default: break;
    }
    for (const SettingWord *w = info->words; w->name != NULL; w++) {
        if (w->value == value.i) {
            buf_add_text(to, w->name);
            return;
        }
    }
    ASSERT(!"a value that no word stands for");
}

void
setting_expectation(const SettingInfo *info, Buf *to)
{
    SettingNumber least = {.i = info->min}, most = {.i = info->max};
    bool first = true;

    switch (info->kind) {
    case KIND_BOOL: buf_add_text(to, "true or false"); return;
    case KIND_REAL: buf_printf(to, "a number between %g and %g", info->real_min, info->real_max); return;
    case KIND_TEXT: buf_add_text(to, "a text"); return;
    case KIND_ENUM:
        buf_add_text(to, "one of ");
        for (const SettingWord *w = info->words; w->name != NULL; w++) {
            if (w->hidden)
                continue;
            buf_printf(to, "%s%s", first ? "" : ", ", w->name);
            first = false;
        }
        return;
    case KIND_INT: break;
    }
    if (info->unit == UNIT_NONE)
        buf_add_text(to, "an integer");
    else
        buf_add_text(to, units[info->unit].memory ? "a size like \"64MB\"" : "a time like \"30s\"");
    if (info->max >= 1 << 29) {
        buf_add_text(to, " of at least ");
        setting_format(info, least, false, to);
        if (info->max <=
            INT32_MAX / 2) { /* else as good as no limit; the first that is too much is the rounder one */
            buf_add_text(to, " and less than ");
            setting_format(info, (SettingNumber){.i = info->max + 1}, false, to);
        }
    } else {
        buf_add_text(to, " between ");
        setting_format(info, least, false, to);
        buf_add_text(to, " and ");
        setting_format(info, most, false, to);
    }
}
