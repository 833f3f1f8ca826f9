/* numeric_int.h - numeric as a GMP number, for the sources that calculate. */
#ifndef TYPE_NUMERIC_INT_H
#define TYPE_NUMERIC_INT_H
#include <gmp.h>

#include "backend/type/numeric.h"

typedef enum NumKind { NUM_FINITE, NUM_NAN, NUM_PLUS_INF, NUM_MINUS_INF } NumKind;

typedef struct Num {
    mpz_t m; /* coefficient; memory of GMP's own, so every num_load is paired with a num_clear */
    int scale;
    NumKind kind;
} Num;

void num_init(Num *n);
void num_clear(Num *n);
/* Initializes, too. */
void num_load(Num *out, const Value *v);
/* 22003 "value overflows numeric format" when it has too many digits. */
MUST_CHECK Status num_store(Ctx *cx, const Num *n, Value *out);
/* The same without a Ctx, for what is known to fit. */
Value num_store_in(Arena *a, const Num *n);
/* Rounds half away from zero, or fills up with zeros. Finite only. */
void num_rescale(Num *n, int scale);
/* The same, cutting off. */
void num_cut(Num *n, int scale);
void num_pow10(mpz_t out, unsigned long exponent);
/* How many decimal digits |m| has; 0 has 1. */
int num_digit_count(const mpz_t m);
/* Power of ten of the leading digit; 0 for zero. */
int num_weight(const Num *n);
/* Weight and leading digit in base 10000, which PostgreSQL's rules for result scales speak of. */
void num_weight_10000(const Num *n, int *weight, int *first_digit);
/* Quotient rounded half away from zero to `scale`. b is not zero. */
void num_div(Num *out, const Num *a, const Num *b, int scale);
/* PostgreSQL's scale of a quotient: at least 16 significant digits, no less than either operand's. */
int num_div_scale(const Num *a, const Num *b);
/* Of a number that is not negative, rounded to `scale`. */
void num_sqrt_to(const Num *n, int scale, Num *out);
MUST_CHECK Status num_sqrt(Ctx *cx, const Num *n, Num *out);
MUST_CHECK Status num_exp(Ctx *cx, const Num *n, Num *out);
MUST_CHECK Status num_ln(Ctx *cx, const Num *n, Num *out);

#endif
