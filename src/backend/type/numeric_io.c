/* numeric_io.c - text and binary form of numeric, its modifier, casts. */
#include "backend/type/numeric_int.h"
#include "backend/type/type_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/type/pow10.h"

/* --- text ------------------------------------------------------------------------------------------------ */
/* The digits of |m|, somewhere in room[24]. */
static char *
short_digits(int64_t m, char *room)
{
    uint64_t rest = m < 0 ? 0 - (uint64_t)m : (uint64_t)m;
    char *p = room + 23;

    *p = '\0';
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    return p;
}

char *
numeric_text(Arena *a, const Value *v)
{
    Num n;
    char *digits, *text, room[24];
    size_t count, whole;
    bool negative;

    if (numeric_is_special(v))
        return arena_strdup(a, numeric_is_nan(v) ? "NaN" : numeric_sign(v) > 0 ? "Infinity" : "-Infinity");
    if (v->phys == PHYS_DEC64) {
        digits = short_digits(v->i64, room);
        negative = v->i64 < 0;
        n.scale = v->scale;
    } else {
        num_load(&n, v);
        negative = mpz_sgn(n.m) < 0;
        mpz_abs(n.m, n.m);
        digits = arena_alloc(a, mpz_sizeinbase(n.m, 10) + 2);
        mpz_get_str(digits, 10, n.m);
        num_clear(&n);
    }
    count = strlen(digits);
    whole = count > (size_t)n.scale ? count - (size_t)n.scale : 0;
    text = arena_alloc(a, (size_t)n.scale + count + 4);
    {
        char *p = text;

        if (negative)
            *p++ = '-';
        if (whole == 0)
            *p++ = '0';
        memcpy(p, digits, whole);
        p += whole;
        if (n.scale > 0) {
            *p++ = '.';
            for (size_t zeros = (size_t)n.scale - (count - whole); zeros > 0; zeros--)
                *p++ = '0';
            memcpy(p, digits + whole, count - whole);
            p += count - whole;
        }
        *p = '\0';
    }
    return text;
}

/* The shape of a number in text: [sign] digits [. digits] [e [sign] digits] */
typedef struct Shape {
    bool negative, valid;
    const char *whole, *fraction;
    size_t whole_count, fraction_count;
    long exponent;
} Shape;

static Shape
shape_of(const char *p, const char *end)
{
    Shape s = {0};
    bool minus = false;

    if (p < end && (*p == '+' || *p == '-'))
        s.negative = *p++ == '-';
    s.whole = p;
    while (p < end && is_digit(*p))
        p++;
    s.whole_count = (size_t)(p - s.whole);
    if (p < end && *p == '.') {
        s.fraction = ++p;
        while (p < end && is_digit(*p))
            p++;
        s.fraction_count = (size_t)(p - s.fraction);
    }
    if (s.whole_count + s.fraction_count == 0)
        return s;
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *digits;

        p++;
        if (p < end && (*p == '+' || *p == '-'))
            minus = *p++ == '-';
        for (digits = p; p < end && is_digit(*p); p++)
            if (s.exponent <= INT32_MAX)
                s.exponent = s.exponent * 10 + (*p - '0');
        if (p == digits || s.exponent >= INT32_MAX / 2)
            return s;
        if (minus)
            s.exponent = -s.exponent;
    }
    s.valid = p == end;
    return s;
}

static Status
from_shape(Ctx *cx, const Shape *s, Value *out)
{
    size_t count = s->whole_count + s->fraction_count;
    long scale = (long)s->fraction_count - s->exponent;
    char *digits;
    Num n;
    Status rc;

    if (count <= 18 && scale >= 0 && scale <= NUMERIC_DEC64_SCALE_MOST) {
        int64_t m = 0;

        for (size_t i = 0; i < s->whole_count; i++)
            m = m * 10 + (s->whole[i] - '0');
        for (size_t i = 0; i < s->fraction_count; i++)
            m = m * 10 + (s->fraction[i] - '0');
        *out = numeric_from_i64(cx->arena, s->negative ? -m : m, (int)scale);
        return ST_OK;
    }
    digits = arena_alloc(cx->arena, count + 1);
    memcpy(digits, s->whole, s->whole_count);
    if (s->fraction_count > 0)
        memcpy(digits + s->whole_count, s->fraction, s->fraction_count);
    digits[count] = '\0';
    num_init(&n);
    mpz_set_str(n.m, digits, 10);
    if (s->negative)
        mpz_neg(n.m, n.m);
    if (mpz_sgn(n.m) == 0 && scale < 0)
        scale = 0;
    if (scale > NUMERIC_SCALE_MOST || (scale < 0 && (long)count - scale > 2L * NUMERIC_INTEGER_DIGITS_MOST)) {
        num_clear(&n);
        return fail(cx, ST_ERROR, "22003", "value overflows numeric format");
    }
    n.scale = 0;
    if (scale < 0)
        num_cut(&n, (int)-scale); /* multiplies */
    n.scale = scale < 0 ? 0 : (int)scale;
    rc = num_store(cx, &n, out);
    num_clear(&n);
    return rc;
}

static bool
is_word(const char *p, const char *end, const char *word)
{
    return (size_t)(end - p) == strlen(word) && strncasecmp(p, word, strlen(word)) == 0;
}

Status
numeric_parse(Ctx *cx, const char *text, size_t bytes, Value *out)
{
    const char *p = text, *end = text + bytes, *unsigned_p;
    Shape s;

    while (p < end && is_space(*p))
        p++;
    while (end > p && is_space(end[-1]))
        end--;
    s = shape_of(p, end);
    if (s.valid)
        return from_shape(cx, &s, out);
    unsigned_p = p < end && (*p == '+' || *p == '-') ? p + 1 : p;
    if (is_word(p, end, "nan")) {
        *out = numeric_nan();
        return ST_OK;
    }
    if (is_word(unsigned_p, end, "inf") || is_word(unsigned_p, end, "infinity")) {
        Num n;

        num_init(&n);
        n.kind = *p == '-' ? NUM_MINUS_INF : NUM_PLUS_INF;
        *out = num_store_in(cx->arena, &n);
        num_clear(&n);
        return ST_OK;
    }
    return fail_syntax(cx, "numeric", text, bytes);
}

/* --- modifier ---------------------------------------------------------------------------------------------- */
static void
typmod_parts(int32_t typmod, int *precision, int *scale)
{
    uint32_t packed = (uint32_t)(typmod - NUMERIC_TYPMOD_BASE);

    *precision = (int)(packed >> 16 & 0xffff);
    *scale = (int)((packed & 0x7ff) ^ 1024) - 1024;
}

static Status
field_overflow(Ctx *cx, int precision, int scale, bool infinite)
{
    fail(cx, ST_ERROR, "22003", "numeric field overflow");
    if (infinite)
        fail_detail(cx, "A field with precision %d, scale %d cannot hold an infinite value.", precision, scale);
    else if (precision == scale)
        fail_detail(cx, "A field with precision %d, scale %d must round to an absolute value less than 1.",
                    precision, scale);
    else
        fail_detail(cx, "A field with precision %d, scale %d must round to an absolute value less than 10^%d.",
                    precision, scale, precision - scale);
    return ST_ERROR;
}

/* The hot case of numeric_coerce: 64 bits in, 64 bits out. */
static bool
coerce_short(const Value *v, int precision, int scale, Value *out)
{
    int64_t m = v->i64;

    if (v->phys != PHYS_DEC64 || m == INT64_MIN)
        return false;
    if (v->scale < scale) {
        if (__builtin_mul_overflow(m, pow10_i64(scale - v->scale), &m))
            return false;
    } else if (v->scale > scale) {
        int64_t unit = pow10_i64(v->scale - scale), rest = m % unit;

        m /= unit;
        if (rest >= unit / 2 || rest <= -(unit / 2))
            m += v->i64 < 0 ? -1 : 1;
    }
    if (m >= pow10_i64(precision) || m <= -pow10_i64(precision))
        return false;
    *out = (Value){.i64 = m, .phys = PHYS_DEC64, .scale = (int16_t)scale};
    return true;
}

Status
numeric_coerce(Ctx *cx, const Value *v, int32_t typmod, Value *out)
{
    int precision, scale;
    bool is_short;
    Num n;
    Status rc;

    if (typmod < NUMERIC_TYPMOD_BASE) {
        *out = *v;
        return ST_OK;
    }
    typmod_parts(typmod, &precision, &scale);
    is_short = precision <= NUMERIC_DEC64_SCALE_MOST && scale >= 0 && scale <= NUMERIC_DEC64_SCALE_MOST;
    if (is_short && coerce_short(v, precision, scale, out))
        return ST_OK;
    if (numeric_is_special(v)) {
        if (!numeric_is_nan(v))
            return field_overflow(cx, precision, scale, true);
        *out =
            is_short ? (Value){.i64 = INT64_MIN, .phys = PHYS_DEC64, .scale = (int16_t)scale} : numeric_nan();
        return ST_OK;
    }
    num_load(&n, v);
    num_rescale(&n, scale);
    if (mpz_sgn(n.m) != 0 && num_digit_count(n.m) > precision) {
        num_clear(&n);
        return field_overflow(cx, precision, scale, false);
    }
    if (scale < 0)
        num_rescale(&n, 0);
    rc = num_store(cx, &n, out);
    num_clear(&n);
    return rc;
}

TYPE_TYPMOD_IN(numeric)
{
    int64_t scale = arg_count == 2 ? args[1] : 0;

    if (arg_count < 1 || arg_count > 2)
        return fail(cx, ST_ERROR, "22023", "invalid NUMERIC type modifier");
    if (args[0] < 1 || args[0] > NUMERIC_PRECISION_MOST)
        return fail(cx, ST_ERROR, "22023", "NUMERIC precision %d must be between 1 and %d", (int)args[0],
                    NUMERIC_PRECISION_MOST);
    if (scale < -1000 || scale > 1000)
        return fail(cx, ST_ERROR, "22023", "NUMERIC scale %d must be between %d and %d", (int)scale, -1000,
                    1000);
    *typmod = (int32_t)((uint32_t)args[0] << 16 | ((uint32_t)scale & 0x7ff)) + NUMERIC_TYPMOD_BASE;
    return ST_OK;
}

TYPE_TYPMOD_OUT(numeric)
{
    int precision, scale;

    if (typmod < NUMERIC_TYPMOD_BASE)
        return;
    typmod_parts(typmod, &precision, &scale);
    buf_printf(to, "(%d,%d)", precision, scale);
}

/* --- forms --------------------------------------------------------------------------------------------------- */
TYPE_IN(numeric)
{
    Value v;

    TRY(numeric_parse(cx, text, bytes, &v));
    return numeric_coerce(cx, &v, typmod, out);
}

TYPE_OUT(numeric)
{
    ArenaMark mark = arena_mark(cx->arena);

    if (v->phys == PHYS_DEC64 && v->scale == 0 && v->i64 != INT64_MIN) {
        buf_add_int(to, v->i64);
        return ST_OK;
    }
    buf_add_text(to, numeric_text(cx->arena, v));
    arena_rewind(cx->arena, mark);
    return ST_OK;
}

enum {
    SIGN_POSITIVE = 0,
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xc000,
    SIGN_PLUS_INF = 0xd000,
    SIGN_MINUS_INF = 0xf000,
    INFINITE_SCALE = 0x20 /* what PostgreSQL sends along */
};

/* Count of base-10000 digits, weight of the first, sign, scale, digits; all 16 bits. */
TYPE_SEND(numeric)
{
    const char *text, *p, *point;
    int whole, scale = numeric_scale(v), first, last, digit_count;
    unsigned sign = numeric_sign(v) < 0 ? SIGN_NEGATIVE : SIGN_POSITIVE;

    if (numeric_is_special(v)) {
        buf_add_u16(to, 0);
        buf_add_u16(to, 0);
        buf_add_u16(to, numeric_is_nan(v) ? SIGN_NAN : numeric_sign(v) > 0 ? SIGN_PLUS_INF : SIGN_MINUS_INF);
        buf_add_u16(to, numeric_is_nan(v) ? 0 : INFINITE_SCALE);
        return ST_OK;
    }
    text = numeric_text(cx->arena, v);
    p = text[0] == '-' ? text + 1 : text;
    point = strchr(p, '.');
    whole = point != NULL ? (int)(point - p) : (int)strlen(p);
    /* digit group g stands for 10000^g; group 0 ends at the point */
    first = (whole + 3) / 4 - 1;
    last = -((scale + 3) / 4);
    {
        int16_t *groups = arena_alloc(cx->arena, sizeof(int16_t) * (size_t)(first - last + 1));
        int count = first - last + 1, skip = 0;

        for (int g = 0; g < count; g++) {
            int value = 0;

            for (int d = 0; d < 4; d++) {
                int at = whole - 4 * (first - g + 1) + d; /* digit number from the left */
                const char *c = p + at + (at >= whole ? 1 : 0);

                value = value * 10 + (at < 0 || at >= whole + scale ? 0 : *c - '0');
            }
            groups[g] = (int16_t)value;
        }
        while (skip < count && groups[skip] == 0)
            skip++;
        while (count > skip && groups[count - 1] == 0)
            count--;
        digit_count = count - skip;
        buf_add_u16(to, (uint16_t)digit_count);
        buf_add_u16(to, (uint16_t)(digit_count > 0 ? first - skip : 0));
        buf_add_u16(to, (uint16_t)(digit_count > 0 ? sign : SIGN_POSITIVE));
        buf_add_u16(to, (uint16_t)scale);
        for (int g = skip; g < count; g++)
            buf_add_u16(to, (uint16_t)groups[g]);
    }
    return ST_OK;
}

static Status
recv_special(Ctx *cx, unsigned sign, int32_t typmod, Value *out)
{
    Num n;
    Value v;

    num_init(&n);
    n.kind = sign == SIGN_NAN ? NUM_NAN : sign == SIGN_PLUS_INF ? NUM_PLUS_INF : NUM_MINUS_INF;
    v = num_store_in(cx->arena, &n);
    num_clear(&n);
    return numeric_coerce(cx, &v, typmod, out);
}

TYPE_RECV(numeric)
{
    const char *p = data;
    unsigned count, sign, scale;
    int weight;
    Num n;
    Value v;
    Status rc;

    if (bytes < 8 || bytes != 8 + 2 * (size_t)(count = get_be16(p)))
        return fail(cx, ST_ERROR, "22P03", "invalid length in external \"numeric\" value");
    weight = (int16_t)get_be16(p + 2);
    sign = get_be16(p + 4);
    scale = get_be16(p + 6);
    if (sign == SIGN_NAN || sign == SIGN_PLUS_INF || sign == SIGN_MINUS_INF)
        return recv_special(cx, sign, typmod, out);
    if (sign != SIGN_POSITIVE && sign != SIGN_NEGATIVE)
        return fail(cx, ST_ERROR, "22P03", "invalid sign in external \"numeric\" value");
    if (scale > NUMERIC_SCALE_MOST)
        return fail(cx, ST_ERROR, "22P03", "invalid scale in external \"numeric\" value");
    num_init(&n);
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = get_be16(p + 8 + 2 * i);

        if (digit > 9999) {
            num_clear(&n);
            return fail(cx, ST_ERROR, "22P03", "invalid digit in external \"numeric\" value");
        }
        mpz_mul_ui(n.m, n.m, 10000);
        mpz_add_ui(n.m, n.m, digit);
    }
    if (sign == SIGN_NEGATIVE)
        mpz_neg(n.m, n.m);
    n.scale = 4 * ((int)count - 1 - weight); /* of the last digit group; may be negative */
    num_cut(&n, (int)scale);
    rc = num_store(cx, &n, &v);
    num_clear(&n);
    return rc == ST_OK ? numeric_coerce(cx, &v, typmod, out) : rc;
}

/* --- casts ----------------------------------------------------------------------------------------------------- */
/* numeric(numeric, int4): a column of the short form gets vectors of the short form, so that an INSERT
 * into numeric(10,2) stores what it is given. */
KERNEL_FN(numeric)
{
    Ctx *cx = call->cx;
    bool same_typmod = args[1]->is_const && !vector_is_null(args[1], 0);
    int32_t typmod = same_typmod ? vector_get(args[1], 0).i32 : -1;
    int16_t scale;
    Phys phys = type_column_phys(type_by_oid(TYPE_NUMERIC), typmod, &scale);

    if (same_typmod && phys == PHYS_DEC64) {
        out->phys = PHYS_DEC64;
        out->scale = scale;
    }
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        Value v = vector_get(args[0], row), fit;

        TRY(numeric_coerce(cx, &v, same_typmod ? typmod : vector_get(args[1], row).i32, &fit));
        if (out->phys == PHYS_VAR)
            fit = numeric_pack(cx->arena, &fit);
        vector_set(out, cx->arena, row, call->capacity_rows, fit);
    }
    return ST_OK;
}

#define FROM_INT(name, ctype)                                                                                  \
    KERNEL_FN(name)                                                                                            \
    {                                                                                                          \
        const ctype *in = args[0]->data;                                                                       \
        int64_t *to = out->data = arena_alloc(call->cx->arena, sizeof(int64_t) * call->capacity_rows);         \
        uint32_t step = !args[0]->is_const;                                                                    \
                                                                                                               \
        out->phys = PHYS_DEC64;                                                                                \
        out->scale = 0;                                                                                        \
        for (uint32_t k = 0; k < call->rows.count; k++) {                                                      \
            uint32_t row = rows_at(call->rows, k);                                                             \
                                                                                                               \
            to[row] = in[row * step];                                                                          \
        }                                                                                                      \
        return ST_OK;                                                                                          \
    }

FROM_INT(int2_numeric, int16_t)
FROM_INT(int4_numeric, int32_t)

/* The smallest bigint is the one that the short form has no room for. */
KERNEL_FN(int8_numeric)
{
    const int64_t *in = args[0]->data;
    uint32_t step = !args[0]->is_const;
    bool all_short = true;

    for (uint32_t k = 0; k < call->rows.count; k++)
        all_short &= in[rows_at(call->rows, k) * step] != INT64_MIN;
    if (all_short) {
        out->phys = PHYS_DEC64;
        out->scale = 0;
    }
    for (uint32_t k = 0; k < call->rows.count; k++) {
        uint32_t row = rows_at(call->rows, k);
        Value v = numeric_from_i64(call->cx->arena, in[row * step], 0);

        if (!all_short)
            v = numeric_pack(call->cx->arena, &v);
        vector_set(out, call->cx->arena, row, call->capacity_rows, v);
    }
    return ST_OK;
}

SCALAR_FN(numeric_int2)
{
    int64_t v;

    TRY(numeric_to_i64(call->cx, &args[0], "smallint", INT16_MIN, INT16_MAX, &v));
    out->i16 = (int16_t)v;
    return ST_OK;
}

SCALAR_FN(numeric_int4)
{
    int64_t v;

    TRY(numeric_to_i64(call->cx, &args[0], "integer", INT32_MIN, INT32_MAX, &v));
    out->i32 = (int32_t)v;
    return ST_OK;
}

SCALAR_FN(numeric_int8)
{
    return numeric_to_i64(call->cx, &args[0], "bigint", INT64_MIN, INT64_MAX, &out->i64);
}

SCALAR_FN(float4_numeric)
{
    return numeric_from_double(call->cx, args[0].f32, 6, out);
}

SCALAR_FN(float8_numeric)
{
    return numeric_from_double(call->cx, args[0].f64, 15, out);
}

static Status
to_float(Ctx *cx, const Value *v, Oid type, Value *out)
{
    const char *text = numeric_text(cx->arena, v);

    return value_from_text(cx, type, (VarRef){text, (uint32_t)strlen(text)}, -1, out);
}

SCALAR_FN(numeric_float4)
{
    return to_float(call->cx, &args[0], TYPE_FLOAT4, out);
}

SCALAR_FN(numeric_float8)
{
    if (args[0].phys == PHYS_DEC64 || numeric_is_special(&args[0])) {
        out->f64 = numeric_to_double(&args[0]);
        return ST_OK;
    }
    return to_float(call->cx, &args[0], TYPE_FLOAT8, out);
}
