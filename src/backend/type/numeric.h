/* src/backend/type/numeric.h - exact decimal numbers of any size.
 *
 * A numeric is an integer coefficient and a display scale: coefficient * 10^-scale, or one of NaN,
 * +Infinity, -Infinity. There are two forms:
 *
 *   PHYS_DEC64  the coefficient in 64 bits, INT64_MIN = NaN, 0 <= scale <= 18 (H4)
 *   PHYS_VAR    packed: u16 header, then the magnitude of the coefficient, little-endian, without
 *               leading zero bytes (so zero has none). Header: bits 0-13 scale, bit 14 negative,
 *               bit 15 special (then bits 0-1: 0 NaN, 1 +Infinity, 2 -Infinity).
 *
 * One value has many encodings (1, 1.0, 1.00); the scale is what is shown, and equality, order, hash
 * and keys do not see it. */
#ifndef TYPE_NUMERIC_H
#define TYPE_NUMERIC_H
#include "backend/type/value.h"
#include "base/ctx.h"

enum {
    NUMERIC_DEC64_SCALE_MOST = 18,
    NUMERIC_SCALE_MOST = 16383, /* of a value */
    NUMERIC_INTEGER_DIGITS_MOST = 131072,
    NUMERIC_PRECISION_MOST = 1000, /* of a declared column; also the largest scale a result is given */
    NUMERIC_TYPMOD_BASE = 4
};

/* Any form to the packed one, in `a`. */
Value numeric_pack(Arena *a, const Value *v);
/* The short form if it fits, else the packed one. */
Value numeric_from_i64(Arena *a, int64_t coefficient, int scale);
Value numeric_from_i128(Arena *a, __int128 coefficient, int scale);
Value numeric_nan(void);
bool numeric_is_nan(const Value *v);
/* NaN and both infinities. */
bool numeric_is_special(const Value *v);
int numeric_sign(const Value *v); /* -1, 0, 1; NaN: 1 */
int numeric_scale(const Value *v);

/* Rounded half away from zero; fails with "x out of range" naming the type. */
MUST_CHECK Status numeric_to_i64(Ctx *cx, const Value *v, const char *type_name, int64_t low, int64_t high,
                                 int64_t *out);
double numeric_to_double(const Value *v);
/* The decimal digits a float shows: 15 for float8, 6 for float4. */
MUST_CHECK Status numeric_from_double(Ctx *cx, double d, int digits, Value *out);
/* NUL-terminated text in `a`, as it is shown. */
char *numeric_text(Arena *a, const Value *v);
MUST_CHECK Status numeric_parse(Ctx *cx, const char *text, size_t bytes, Value *out);
/* Rounds to the declared scale and checks the precision. A column form (type_column_phys) of DEC64 is
 * answered in that form. */
MUST_CHECK Status numeric_coerce(Ctx *cx, const Value *v, int32_t typmod, Value *out);
/* Rounds (half away from zero) to a scale, which may be negative. */
MUST_CHECK Status numeric_round_to(Ctx *cx, const Value *v, int scale, Value *out);

MUST_CHECK Status numeric_add_values(Ctx *cx, const Value *a, const Value *b, Value *out);
MUST_CHECK Status numeric_sub_values(Ctx *cx, const Value *a, const Value *b, Value *out);
MUST_CHECK Status numeric_mul_values(Ctx *cx, const Value *a, const Value *b, Value *out);
MUST_CHECK Status numeric_div_values(Ctx *cx, const Value *a, const Value *b, Value *out);

#endif
