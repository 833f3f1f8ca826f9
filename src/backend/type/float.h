/* src/backend/type/float.h - floating point for other types of this folder. */
#ifndef TYPE_FLOAT_H
#define TYPE_FLOAT_H
#include "base/buf.h"
#include "base/ctx.h"

/* Reads the text form of float8 (or float4, if `single`), words included. */
MUST_CHECK Status float_parse(Ctx *cx, const char *type_name, const char *text, size_t bytes, bool single,
                              double *out);
/* Appends the text form. */
void float_show(double v, bool single, int extra_digits, Buf *to);
/* Total order: NaN equals NaN and is above all others. */
int float_compare(double a, double b);
Status fail_float_overflow(Ctx *cx);
Status fail_float_underflow(Ctx *cx);

#endif
