/* copy_convert.c - see copy_convert.h. */
#include "backend/command/copy_convert.h"

#include "backend/type/calendar.h"
#include "base/bytes.h"

enum { DIGITS_SAFE = 18 };

static const int64_t powers[DIGITS_SAFE + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

void
copy_converter_init(CopyConverter *c, const ColumnInfo *column)
{
    *c = (CopyConverter){.way = CONVERT_GENERAL,
                         .type = type_by_oid(column->type),
                         .typmod = column->typmod,
                         .scale = column->scale};
    switch (column->type) {
    case TYPE_INT2:
        c->way = CONVERT_INT;
        c->limit = INT16_MAX;
        break;
    case TYPE_INT4:
        c->way = CONVERT_INT;
        c->limit = INT32_MAX;
        break;
    case TYPE_INT8:
        c->way = CONVERT_INT;
        c->limit = powers[DIGITS_SAFE];
        break;
    case TYPE_NUMERIC:
        if (column->phys == PHYS_DEC64) {
            c->way = CONVERT_DEC64;
            c->limit = powers[(column->typmod - 4) >> 16 & 0xffff];
        }
        break;
    case TYPE_DATE: c->way = CONVERT_DATE; break;
    case TYPE_TIMESTAMP:
        if (column->typmod < 0 || column->typmod == 6)
            c->way = CONVERT_TIMESTAMP;
        break;
    case TYPE_TEXT: c->way = CONVERT_TEXT; break;
    case TYPE_VARCHAR:
        c->way = column->typmod < 4 ? CONVERT_TEXT : CONVERT_VARCHAR;
        c->limit = column->typmod - 4;
        break;
    case TYPE_BPCHAR:
        if (column->typmod >= 4)
            c->way = CONVERT_CHAR;
        c->limit = column->typmod - 4;
        break;
    default: break;
    }
}

static bool
convert_int(const CopyConverter *c, const char *p, size_t bytes, Value *out)
{
    const char *end = p + bytes;
    bool negative = bytes > 0 && *p == '-';
    int64_t v = 0;

    p += negative;
    if (p == end || end - p > DIGITS_SAFE)
        return false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    if (v > c->limit) /* the smallest value of all goes the long way too */
        return false;
    v = negative ? -v : v;
    switch (c->type->phys) {
    case PHYS_I16: *out = (Value){.i16 = (int16_t)v, .phys = PHYS_I16}; break;
    case PHYS_I32: *out = (Value){.i32 = (int32_t)v, .phys = PHYS_I32}; break;
    default: *out = (Value){.i64 = v, .phys = PHYS_I64}; break;
    }
    return true;
}

static bool
convert_dec64(const CopyConverter *c, const char *p, size_t bytes, Value *out)
{
    const char *end = p + bytes;
    bool negative = bytes > 0 && *p == '-';
    int scale = 0, digits = 0, step = 0;
    int64_t v = 0;

    p += negative;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (digit > 9) {
            if (*p != '.' || step == 1)
                return false;
            step = 1;
            continue;
        }
        v = v * 10 + digit;
        scale += step;
        digits++;
        if (digits > DIGITS_SAFE)
            return false;
    }
    if (digits == 0 || scale > c->scale || digits + c->scale - scale > DIGITS_SAFE)
        return false;
    v *= powers[c->scale - scale];
    if (v >= c->limit)
        return false;
    *out = (Value){.i64 = negative ? -v : v, .phys = PHYS_DEC64, .scale = c->scale};
    return true;
}

static int
two_digits(const char *p)
{
    unsigned a = (unsigned)(p[0] - '0'), b = (unsigned)(p[1] - '0');

    return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

/* 2001-02-03, the form that means the same in every DateStyle. */
static bool
read_day(const char *p, int64_t *day)
{
    int century = two_digits(p), year = two_digits(p + 2), month = two_digits(p + 5), d = two_digits(p + 8);

    if (p[4] != '-' || p[7] != '-' || century < 0 || year < 0 || month < 1 || month > 12 || d < 1)
        return false;
    year += century * 100;
    if (year == 0 || (d > 28 && d > days_of_month(year, month)))
        return false;
    *day = days_from_civil(year, month, d);
    return true;
}

static bool
convert_date(const char *p, size_t bytes, Value *out)
{
    int64_t day;

    if (bytes != 10 || !read_day(p, &day))
        return false;
    *out = value_i32((int32_t)day);
    return true;
}

/* 2001-02-03 04:05:06[.123456] */
static bool
convert_timestamp(const char *p, size_t bytes, Value *out)
{
    int64_t day, micros = 0;
    int hour, minute, second;

    if (bytes < 19 || bytes > 26 || bytes == 20 || p[10] != ' ' || p[13] != ':' || p[16] != ':' ||
        !read_day(p, &day))
        return false;
    hour = two_digits(p + 11);
    minute = two_digits(p + 14);
    second = two_digits(p + 17);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
        (bytes > 19 && p[19] != '.'))
        return false;
    for (size_t i = 20; i < 26; i++) {
        unsigned digit = i < bytes ? (unsigned)(p[i] - '0') : 0;

        if (digit > 9)
            return false;
        micros = micros * 10 + digit;
    }
    *out = value_i64(day * MICROS_PER_DAY + hour * MICROS_PER_HOUR + minute * MICROS_PER_MINUTE +
                     second * MICROS_PER_SECOND + micros);
    return true;
}

static bool
is_ascii(const char *p, size_t bytes)
{
    unsigned char all = 0;

    for (size_t i = 0; i < bytes; i++)
        all |= (unsigned char)p[i];
    return all < 0x80;
}

Status
copy_convert(Ctx *cx, const CopyConverter *c, const char *text, size_t bytes, Value *out)
{
    bool done = false;

    switch (c->way) {
    case CONVERT_INT: done = convert_int(c, text, bytes, out); break;
    case CONVERT_DEC64: done = convert_dec64(c, text, bytes, out); break;
    case CONVERT_DATE: done = convert_date(text, bytes, out); break;
    case CONVERT_TIMESTAMP: done = convert_timestamp(text, bytes, out); break;
    case CONVERT_TEXT: done = true; break;
    case CONVERT_VARCHAR: done = (int64_t)bytes <= c->limit; break;
    case CONVERT_CHAR: done = (int64_t)bytes == c->limit && is_ascii(text, bytes); break;
    case CONVERT_GENERAL: break;
    }
    if (!done)
        return c->type->in(cx, c->type, text, bytes, c->typmod, out);
    if (c->way >= CONVERT_TEXT)
        *out = value_var(text, bytes);
    return ST_OK;
}
