/* kernels_body.h - the hot functions as loops over vectors; compiled by kernels_base.c and kernels_avx2.c.
 *
 * Every loop comes in four shapes, so that the common ones have nothing in their body that keeps the
 * compiler from vectorizing: all rows with both arguments varying, with the left or the right constant,
 * and, for a selection, gathered row by row. What can go wrong is collected in a flag and reported after
 * the loop, for the same reason. */
#include <math.h>
#include <string.h>

#include "backend/type/float.h"
#include "backend/type/func.h"
#include "backend/type/kernels_int.h"
#include "backend/type/pow10.h"
#include "backend/type/type_int.h"

/* Evaluates EXPR into r[i] for every row, with x and y bound to the arguments. */
#define EACH2(A, B, R, EXPR)                                                                                   \
    do {                                                                                                       \
        const A *restrict a_ = args[0]->data;                                                                  \
        const B *restrict b_ = args[1]->data;                                                                  \
        R *restrict r_ = out->data;                                                                            \
        const uint16_t *sel_ = call->rows.sel;                                                                 \
        const uint32_t n_ = call->rows.count;                                                                  \
        if (sel_ != NULL) {                                                                                    \
            const uint32_t sa_ = !args[0]->is_const, sb_ = !args[1]->is_const;                                 \
            for (uint32_t k_ = 0; k_ < n_; k_++) {                                                             \
                const uint32_t i_ = sel_[k_];                                                                  \
                const A x = a_[i_ * sa_];                                                                      \
                const B y = b_[i_ * sb_];                                                                      \
                r_[i_] = (R)(EXPR);                                                                            \
            }                                                                                                  \
        } else if (args[1]->is_const) {                                                                        \
            const B y = b_[0];                                                                                 \
            const uint32_t sa_ = !args[0]->is_const;                                                           \
            if (sa_) {                                                                                         \
                for (uint32_t i_ = 0; i_ < n_; i_++) {                                                         \
                    const A x = a_[i_];                                                                        \
                    r_[i_] = (R)(EXPR);                                                                        \
                }                                                                                              \
            } else {                                                                                           \
                const A x = a_[0];                                                                             \
                for (uint32_t i_ = 0; i_ < n_; i_++)                                                           \
                    r_[i_] = (R)(EXPR);                                                                        \
            }                                                                                                  \
        } else if (args[0]->is_const) {                                                                        \
            const A x = a_[0];                                                                                 \
            for (uint32_t i_ = 0; i_ < n_; i_++) {                                                             \
                const B y = b_[i_];                                                                            \
                r_[i_] = (R)(EXPR);                                                                            \
            }                                                                                                  \
        } else {                                                                                               \
            for (uint32_t i_ = 0; i_ < n_; i_++) {                                                             \
                const A x = a_[i_];                                                                            \
                const B y = b_[i_];                                                                            \
                r_[i_] = (R)(EXPR);                                                                            \
            }                                                                                                  \
        }                                                                                                      \
    } while (0)

#define EACH1(A, R, EXPR)                                                                                      \
    do {                                                                                                       \
        const A *restrict a_ = args[0]->data;                                                                  \
        R *restrict r_ = out->data;                                                                            \
        const uint32_t n_ = call->rows.count, sa_ = !args[0]->is_const;                                        \
        if (call->rows.sel != NULL || !sa_) {                                                                  \
            for (uint32_t k_ = 0; k_ < n_; k_++) {                                                             \
                const uint32_t i_ = rows_at(call->rows, k_);                                                   \
                const A x = a_[i_ * sa_];                                                                      \
                r_[i_] = (R)(EXPR);                                                                            \
            }                                                                                                  \
        } else {                                                                                               \
            for (uint32_t i_ = 0; i_ < n_; i_++) {                                                             \
                const A x = a_[i_];                                                                            \
                r_[i_] = (R)(EXPR);                                                                            \
            }                                                                                                  \
        }                                                                                                      \
    } while (0)

#define KERNEL(x) static Status x(FnCall *call, Vector *const *args, Vector *out)

#define KERNEL2(name, A, B, R, EXPR)                                                                           \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        EACH2(A, B, R, EXPR);                                                                                  \
        return ST_OK;                                                                                          \
    }

/* --- comparisons ---------------------------------------------------------------------------------------- */
#define COMPARE6(prefix, A, B)                                                                                 \
    KERNEL2(prefix##eq, A, B, uint8_t, x == y)                                                                 \
    KERNEL2(prefix##ne, A, B, uint8_t, x != y)                                                                 \
    KERNEL2(prefix##lt, A, B, uint8_t, x < y)                                                                  \
    KERNEL2(prefix##le, A, B, uint8_t, x <= y)                                                                 \
    KERNEL2(prefix##gt, A, B, uint8_t, x > y)                                                                  \
    KERNEL2(prefix##ge, A, B, uint8_t, x >= y)

COMPARE6(bool, uint8_t, uint8_t)
COMPARE6(int2, int16_t, int16_t)
COMPARE6(int4, int32_t, int32_t)
COMPARE6(int8, int64_t, int64_t)
COMPARE6(int24, int16_t, int32_t)
COMPARE6(int42, int32_t, int16_t)
COMPARE6(int28, int16_t, int64_t)
COMPARE6(int82, int64_t, int16_t)
COMPARE6(int48, int32_t, int64_t)
COMPARE6(int84, int64_t, int32_t)
COMPARE6(oid, uint32_t, uint32_t)
COMPARE6(date_, int32_t, int32_t)
COMPARE6(time_, int64_t, int64_t)
COMPARE6(timestamp_, int64_t, int64_t)

/* NaN equals NaN and is above everything; & and | because a branch would keep the loop scalar */
#define FLOAT_EQ(x, y) (((x) == (y)) | (((x) != (x)) & ((y) != (y))))
#define FLOAT_LT(x, y) (((x) < (y)) | (((y) != (y)) & ((x) == (x))))
#define COMPARE6_FLOAT(prefix, A, B)                                                                           \
    KERNEL2(prefix##eq, A, B, uint8_t, FLOAT_EQ(x, y))                                                         \
    KERNEL2(prefix##ne, A, B, uint8_t, !FLOAT_EQ(x, y))                                                        \
    KERNEL2(prefix##lt, A, B, uint8_t, FLOAT_LT(x, y))                                                         \
    KERNEL2(prefix##le, A, B, uint8_t, !FLOAT_LT(y, x))                                                        \
    KERNEL2(prefix##gt, A, B, uint8_t, FLOAT_LT(y, x))                                                         \
    KERNEL2(prefix##ge, A, B, uint8_t, !FLOAT_LT(x, y))

COMPARE6_FLOAT(float4, float, float)
COMPARE6_FLOAT(float8, double, double)
COMPARE6_FLOAT(float48, float, double)
COMPARE6_FLOAT(float84, double, float)

static inline bool
same_bytes(VarRef x, VarRef y)
{
    return x.bytes == y.bytes && memcmp(x.data, y.data, x.bytes) == 0;
}

static inline int
order_bytes(VarRef x, VarRef y)
{
    int order = memcmp(x.data, y.data, MIN_OF(x.bytes, y.bytes));

    return order != 0 ? order : (x.bytes > y.bytes) - (x.bytes < y.bytes);
}

static inline VarRef
no_blanks(VarRef v)
{
    while (v.bytes > 0 && v.data[v.bytes - 1] == ' ')
        v.bytes--;
    return v;
}

KERNEL2(texteq, VarRef, VarRef, uint8_t, same_bytes(x, y))
KERNEL2(textne, VarRef, VarRef, uint8_t, !same_bytes(x, y))
KERNEL2(text_lt, VarRef, VarRef, uint8_t, order_bytes(x, y) < 0)
KERNEL2(text_le, VarRef, VarRef, uint8_t, order_bytes(x, y) <= 0)
KERNEL2(text_gt, VarRef, VarRef, uint8_t, order_bytes(x, y) > 0)
KERNEL2(text_ge, VarRef, VarRef, uint8_t, order_bytes(x, y) >= 0)
KERNEL2(bpchareq, VarRef, VarRef, uint8_t, same_bytes(no_blanks(x), no_blanks(y)))
KERNEL2(bpcharne, VarRef, VarRef, uint8_t, !same_bytes(no_blanks(x), no_blanks(y)))
KERNEL2(bpcharlt, VarRef, VarRef, uint8_t, order_bytes(no_blanks(x), no_blanks(y)) < 0)
KERNEL2(bpcharle, VarRef, VarRef, uint8_t, order_bytes(no_blanks(x), no_blanks(y)) <= 0)
KERNEL2(bpchargt, VarRef, VarRef, uint8_t, order_bytes(no_blanks(x), no_blanks(y)) > 0)
KERNEL2(bpcharge, VarRef, VarRef, uint8_t, order_bytes(no_blanks(x), no_blanks(y)) >= 0)

/* --- integer arithmetic --------------------------------------------------------------------------------- */
#define NAME_int16_t "smallint"
#define NAME_int32_t "integer"
#define NAME_int64_t "bigint"

/* Results narrower than 64 bits: computed exactly, then looked at. */
#define NARROW(name, A, B, R, OP)                                                                              \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t bad = 0;                                                                                      \
                                                                                                               \
        EACH2(A, B, R, ({                                                                                      \
                  const int64_t wide_ = (int64_t)x OP(int64_t) y;                                              \
                  bad |= wide_ != (R)wide_;                                                                    \
                  wide_;                                                                                       \
              }));                                                                                             \
        return UNLIKELY(bad) ? fail_int_range(call->cx, NAME_##R) : ST_OK;                                     \
    }

/* 64 bits: the sum has overflowed when its sign differs from that of both operands. */
#define WIDE_ADD(name, A, B)                                                                                   \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint64_t bad = 0;                                                                                      \
                                                                                                               \
        EACH2(A, B, int64_t, ({                                                                                \
                  const uint64_t x_ = (uint64_t)(int64_t)x, y_ = (uint64_t)(int64_t)y, s_ = x_ + y_;           \
                  bad |= (x_ ^ s_) & (y_ ^ s_);                                                                \
                  s_;                                                                                          \
              }));                                                                                             \
        return UNLIKELY(bad >> 63) ? fail_int_range(call->cx, "bigint") : ST_OK;                               \
    }
#define WIDE_SUB(name, A, B)                                                                                   \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint64_t bad = 0;                                                                                      \
                                                                                                               \
        EACH2(A, B, int64_t, ({                                                                                \
                  const uint64_t x_ = (uint64_t)(int64_t)x, y_ = (uint64_t)(int64_t)y, s_ = x_ - y_;           \
                  bad |= (x_ ^ y_) & (x_ ^ s_);                                                                \
                  s_;                                                                                          \
              }));                                                                                             \
        return UNLIKELY(bad >> 63) ? fail_int_range(call->cx, "bigint") : ST_OK;                               \
    }
#define WIDE_MUL(name, A, B)                                                                                   \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        bool bad = false;                                                                                      \
                                                                                                               \
        EACH2(A, B, int64_t, ({                                                                                \
                  int64_t p_;                                                                                  \
                  bad |= __builtin_mul_overflow((int64_t)x, (int64_t)y, &p_);                                  \
                  p_;                                                                                          \
              }));                                                                                             \
        return UNLIKELY(bad) ? fail_int_range(call->cx, "bigint") : ST_OK;                                     \
    }

/* The divisor is checked and made harmless; the smallest number by -1 is the only overflow. */
#define DIVIDE(name, A, B, R, OP, BY_MINUS_ONE)                                                                \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        bool zero = false, bad = false;                                                                        \
                                                                                                               \
        EACH2(A, B, R, ({                                                                                      \
                  int64_t q_;                                                                                  \
                  zero |= y == 0;                                                                              \
                  if (y == 0 || y == -1)                                                                       \
                      q_ = BY_MINUS_ONE;                                                                       \
                  else                                                                                         \
                      q_ = (int64_t)x OP(int64_t) y;                                                           \
                  q_;                                                                                          \
              }));                                                                                             \
        if (UNLIKELY(zero))                                                                                    \
            return fail(call->cx, ST_ERROR, "22012", "division by zero");                                      \
        return UNLIKELY(bad) ? fail_int_range(call->cx, NAME_##R) : ST_OK;                                     \
    }
#define NEGATED(R)                                                                                             \
    (bad |= y == -1 && __builtin_sub_overflow(0, (int64_t)x, &q_), bad |= y == -1 && q_ != (R)q_,              \
     (int64_t)(0 - (uint64_t)(int64_t)x))

#define NARROW3(prefix, A, B, R)                                                                               \
    NARROW(prefix##pl, A, B, R, +) NARROW(prefix##mi, A, B, R, -) NARROW(prefix##mul, A, B, R, *)
#define WIDE3(prefix, A, B) WIDE_ADD(prefix##pl, A, B) WIDE_SUB(prefix##mi, A, B) WIDE_MUL(prefix##mul, A, B)

NARROW3(int2, int16_t, int16_t, int16_t)
NARROW3(int4, int32_t, int32_t, int32_t)
NARROW3(int24, int16_t, int32_t, int32_t)
NARROW3(int42, int32_t, int16_t, int32_t)
WIDE3(int8, int64_t, int64_t)
WIDE3(int28, int16_t, int64_t)
WIDE3(int82, int64_t, int16_t)
WIDE3(int48, int32_t, int64_t)
WIDE3(int84, int64_t, int32_t)
DIVIDE(int2div, int16_t, int16_t, int16_t, /, NEGATED(int16_t))
DIVIDE(int4div, int32_t, int32_t, int32_t, /, NEGATED(int32_t))
DIVIDE(int24div, int16_t, int32_t, int32_t, /, NEGATED(int32_t))
DIVIDE(int42div, int32_t, int16_t, int32_t, /, NEGATED(int32_t))
DIVIDE(int8div, int64_t, int64_t, int64_t, /, NEGATED(int64_t))
DIVIDE(int28div, int16_t, int64_t, int64_t, /, NEGATED(int64_t))
DIVIDE(int82div, int64_t, int16_t, int64_t, /, NEGATED(int64_t))
DIVIDE(int48div, int32_t, int64_t, int64_t, /, NEGATED(int64_t))
DIVIDE(int84div, int64_t, int32_t, int64_t, /, NEGATED(int64_t))
DIVIDE(int2mod, int16_t, int16_t, int16_t, %, 0)
DIVIDE(int4mod, int32_t, int32_t, int32_t, %, 0)
DIVIDE(int8mod, int64_t, int64_t, int64_t, %, 0)

#define NEGATE(name, A, MIN)                                                                                   \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t bad = 0;                                                                                      \
                                                                                                               \
        EACH1(A, A, ({                                                                                         \
                  bad |= x == MIN;                                                                             \
                  0 - (uint64_t)x;                                                                             \
              }));                                                                                             \
        return UNLIKELY(bad) ? fail_int_range(call->cx, NAME_##A) : ST_OK;                                     \
    }
NEGATE(int2um, int16_t, INT16_MIN)
NEGATE(int4um, int32_t, INT32_MIN)
NEGATE(int8um, int64_t, INT64_MIN)

/* --- floating point -------------------------------------------------------------------------------------- */
/* 1: infinite although no operand is; 2: zero although it should not be */
#define FLOAT_ARITH(name, A, B, R, OP, ZERO_WRONG)                                                             \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t over = 0, under = 0;                                                                          \
                                                                                                               \
        EACH2(A, B, R, ({                                                                                      \
                  const R v_ = (R)x OP(R) y;                                                                   \
                  over |= (fabs((double)v_) == INFINITY) & (fabs((double)x) != INFINITY) &                     \
                          (fabs((double)y) != INFINITY);                                                       \
                  under |= (v_ == 0) & (ZERO_WRONG);                                                           \
                  v_;                                                                                          \
              }));                                                                                             \
        if (UNLIKELY(over))                                                                                    \
            return fail_float_overflow(call->cx);                                                              \
        return UNLIKELY(under) ? fail_float_underflow(call->cx) : ST_OK;                                       \
    }
#define FLOAT_DIVIDE(name, A, B, R)                                                                            \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t zero = 0, over = 0, under = 0;                                                                \
                                                                                                               \
        EACH2(A, B, R, ({                                                                                      \
                  const R v_ = (R)x / (R)(y);                                                                  \
                  zero |= (y == 0) & (x == x);                                                                 \
                  over |= (fabs((double)v_) == INFINITY) & (fabs((double)x) != INFINITY);                      \
                  under |= (v_ == 0) & (x != 0) & (fabs((double)y) != INFINITY);                               \
                  v_;                                                                                          \
              }));                                                                                             \
        if (UNLIKELY(zero))                                                                                    \
            return fail(call->cx, ST_ERROR, "22012", "division by zero");                                      \
        if (UNLIKELY(over))                                                                                    \
            return fail_float_overflow(call->cx);                                                              \
        return UNLIKELY(under) ? fail_float_underflow(call->cx) : ST_OK;                                       \
    }
#define FLOAT4_OF(prefix, A, B, R)                                                                             \
    FLOAT_ARITH(prefix##pl, A, B, R, +, 0)                                                                     \
    FLOAT_ARITH(prefix##mi, A, B, R, -, 0)                                                                     \
    FLOAT_ARITH(prefix##mul, A, B, R, *, (x != 0) & (y != 0))                                                  \
    FLOAT_DIVIDE(prefix##div, A, B, R)

FLOAT4_OF(float4, float, float, float)
FLOAT4_OF(float8, double, double, double)
FLOAT4_OF(float48, float, double, double)
FLOAT4_OF(float84, double, float, double)

/* --- dates ------------------------------------------------------------------------------------------------ */
enum { DATE_LEAST = -2451545, DATE_END = 2147483494 - 2451545 };

static inline Status
date_shifted(FnCall *call, bool bad)
{
    return UNLIKELY(bad) ? fail(call->cx, ST_ERROR, "22008", "date out of range") : ST_OK;
}

#define DATE_SHIFT(name, OP)                                                                                   \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t bad = 0;                                                                                      \
                                                                                                               \
        EACH2(int32_t, int32_t, int32_t, ({                                                                    \
                  const int64_t d_ = (int64_t)x OP(int64_t) y;                                                 \
                  const bool fixed_ = (x == INT32_MIN) | (x == INT32_MAX);                                     \
                  bad |= (!fixed_) & ((d_ < DATE_LEAST) | (d_ >= DATE_END));                                   \
                  fixed_ ? x : d_;                                                                             \
              }));                                                                                             \
        return date_shifted(call, bad != 0);                                                                   \
    }
DATE_SHIFT(date_pli, +)
DATE_SHIFT(date_mii, -)

KERNEL(date_mi)
{
    uint32_t bad = 0;

    EACH2(int32_t, int32_t, int32_t, ({
              bad |= (x == INT32_MIN) | (x == INT32_MAX) | (y == INT32_MIN) | (y == INT32_MAX);
              (uint32_t) x - (uint32_t)y;
          }));
    return UNLIKELY(bad) ? fail(call->cx, ST_ERROR, "22008", "cannot subtract infinite dates") : ST_OK;
}

/* --- casts between numbers --------------------------------------------------------------------------------- */
#define WIDEN(name, A, R)                                                                                      \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        EACH1(A, R, x);                                                                                        \
        return ST_OK;                                                                                          \
    }
#define SHRINK(name, A, R)                                                                                     \
    KERNEL(name)                                                                                               \
    {                                                                                                          \
        uint32_t bad = 0;                                                                                      \
                                                                                                               \
        EACH1(A, R, ({                                                                                         \
                  bad |= x != (R)x;                                                                            \
                  x;                                                                                           \
              }));                                                                                             \
        return UNLIKELY(bad) ? fail_int_range(call->cx, NAME_##R) : ST_OK;                                     \
    }
WIDEN(i2toi4, int16_t, int32_t)
WIDEN(int28, int16_t, int64_t)
WIDEN(int48, int32_t, int64_t)
SHRINK(i4toi2, int32_t, int16_t)
SHRINK(int82, int64_t, int16_t)
SHRINK(int84, int64_t, int32_t)
WIDEN(i2tod, int16_t, double)
WIDEN(i4tod, int32_t, double)
WIDEN(i8tod, int64_t, double)
WIDEN(i2tof, int16_t, float)
WIDEN(i4tof, int32_t, float)
WIDEN(i8tof, int64_t, float)
WIDEN(ftod, float, double)

/* --- decimals: PHYS_DEC64, value * 10^-scale, INT64_MIN = NaN (H4) ------------------------------------------ */
/* Brings both to the larger scale: exactly one factor differs from 1. */
static inline bool
decimal_factors(Vector *const *args, int64_t *fx, int64_t *fy, int16_t *scale)
{
    int d = args[0]->scale - args[1]->scale;

    *fx = *fy = 1;
    *scale = MAX_OF(args[0]->scale, args[1]->scale);
    if (d < -POW10_I64_MOST || d > POW10_I64_MOST)
        return false;
    if (d < 0)
        *fx = pow10_i64(-d);
    else
        *fy = pow10_i64(d);
    return true;
}

/* A constant side with the smaller scale is brought to the other's once, and not for every row. */
static inline bool
decimal_scale_constant(Vector **pair, int64_t *fx, int64_t *fy, Vector *scaled, int64_t *constant)
{
    int side = *fx != 1 ? 0 : 1;
    int64_t *factor = side == 0 ? fx : fy, v;

    if (*factor == 1 || !pair[side]->is_const)
        return false;
    v = ((const int64_t *)pair[side]->data)[0];
    if (v == INT64_MIN || __builtin_mul_overflow(v, *factor, constant) || *constant == INT64_MIN)
        return false;
    *scaled = *pair[side];
    scaled->data = constant;
    pair[side] = scaled;
    *factor = 1;
    return true;
}

#define DECIMAL(x) static bool x(const FnCall *call, Vector *const *args, Vector *out)

#define DECIMAL_ADD(name, SUM, OVERFLOW, CHECKED)                                                              \
    DECIMAL(name)                                                                                              \
    {                                                                                                          \
        int64_t fx, fy;                                                                                        \
        uint64_t bad = 0, nan = 0;                                                                             \
        bool lost = false;                                                                                     \
                                                                                                               \
        Vector scaled;                                                                                         \
        Vector *pair[2] = {args[0], args[1]};                                                                  \
        int64_t constant;                                                                                      \
                                                                                                               \
        if (!decimal_factors(args, &fx, &fy, &out->scale))                                                     \
            return false;                                                                                      \
        if (decimal_scale_constant(pair, &fx, &fy, &scaled, &constant))                                        \
            args = pair;                                                                                       \
        if (fx == 1 && fy == 1) {                                                                              \
            EACH2(int64_t, int64_t, int64_t, ({                                                                \
                      const uint64_t x_ = (uint64_t)x, y_ = (uint64_t)y, s_ = x_ SUM y_;                       \
                      bad |= OVERFLOW;                                                                         \
                      nan |= (x == INT64_MIN ? 1ull : 0) | (y == INT64_MIN ? 1ull : 0) |                       \
                             ((int64_t)s_ == INT64_MIN ? 1ull : 0);                                            \
                      s_;                                                                                      \
                  }));                                                                                         \
            return !(bad >> 63) && nan == 0;                                                                   \
        }                                                                                                      \
        EACH2(int64_t, int64_t, int64_t, ({                                                                    \
                  int64_t x_, y_, s_;                                                                          \
                  lost |= __builtin_mul_overflow(x, fx, &x_);                                                  \
                  lost |= __builtin_mul_overflow(y, fy, &y_);                                                  \
                  lost |= CHECKED(x_, y_, &s_);                                                                \
                  lost |= (x == INT64_MIN) | (y == INT64_MIN) | (s_ == INT64_MIN);                             \
                  s_;                                                                                          \
              }));                                                                                             \
        return !lost;                                                                                          \
    }
DECIMAL_ADD(dec64_add, +, (x_ ^ s_) & (y_ ^ s_), __builtin_add_overflow)
DECIMAL_ADD(dec64_sub, -, (x_ ^ y_) & (x_ ^ s_), __builtin_sub_overflow)

DECIMAL(dec64_mul)
{
    bool lost = false;

    EACH2(int64_t, int64_t, int64_t, ({
              int64_t p_;
              lost |=
                  (x == INT64_MIN) | (y == INT64_MIN) | __builtin_mul_overflow(x, y, &p_) | (p_ == INT64_MIN);
              p_;
          }));
    out->scale = (int16_t)(args[0]->scale + args[1]->scale);
    return !lost;
}

/* NaN is above everything: one less, it wraps around to the top, and nothing else changes its place. */
#define NAN_LAST(x) ((int64_t)((uint64_t)(x)-1))
static inline __int128
decimal_wide(int64_t x, int64_t factor)
{
    return x == INT64_MIN ? (__int128)1 << 126 : (__int128)x * factor;
}

#define DECIMAL_COMPARE(name, OP)                                                                              \
    DECIMAL(name)                                                                                              \
    {                                                                                                          \
        int64_t fx, fy;                                                                                        \
        int16_t scale;                                                                                         \
                                                                                                               \
        if (!decimal_factors(args, &fx, &fy, &scale))                                                          \
            return false;                                                                                      \
        if (fx == 1 && fy == 1)                                                                                \
            EACH2(int64_t, int64_t, uint8_t, NAN_LAST(x) OP NAN_LAST(y));                                      \
        else                                                                                                   \
            EACH2(int64_t, int64_t, uint8_t, decimal_wide(x, fx) OP decimal_wide(y, fy));                      \
        return true;                                                                                           \
    }
DECIMAL_COMPARE(dec64_eq, ==)
DECIMAL_COMPARE(dec64_ne, !=)
DECIMAL_COMPARE(dec64_lt, <)
DECIMAL_COMPARE(dec64_le, <=)
DECIMAL_COMPARE(dec64_gt, >)
DECIMAL_COMPARE(dec64_ge, >=)

const KernelSet KERNEL_SET = {
#define VECTOR_KERNEL(x)  .x = x,
#define DECIMAL_KERNEL(x) .x = x,
#include "backend/type/kernels.def"
#undef VECTOR_KERNEL
#undef DECIMAL_KERNEL
};
