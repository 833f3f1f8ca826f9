/* agg_basic.c - count, min, max, and, or, string_agg, and what is left: intervals. */
#include "backend/type/agg_int.h"
#include "backend/type/datetime_int.h"

#include <string.h>

/* --- count ------------------------------------------------------------------------------------------------ */
static Status
count_step(AggCall *call, void *const *states, Vector *const *args FN_UNUSED_)
{
    for (uint32_t k = 0; k < call->rows.count; k++)
        ++*(int64_t *)states[rows_at(call->rows, k)];
    return ST_OK;
}

static Status
count_step_one(AggCall *call, void *state, Vector *const *args FN_UNUSED_)
{
    *(int64_t *)state += call->rows.count;
    return ST_OK;
}

static Status
count_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    *out = value_i64(*(int64_t *)state);
    return ST_OK;
}

AGG_INFO(count_star, int64_t, count, count_finish, true)
AGG_INFO(count_any, int64_t, count, count_finish, true)

/* --- min, max ----------------------------------------------------------------------------------------------- */
typedef struct Extreme {
    Value best; /* a variable-length one lies in `bytes` */
    char *bytes;
    uint32_t capacity;
    bool any;
} Extreme;

static void
extreme_take(AggCall *call, Extreme *e, Value v)
{
    if (v.phys == PHYS_VAR) {
        if (v.var.bytes > e->capacity || e->bytes == NULL) {
            e->capacity = MAX_OF(v.var.bytes, 2 * e->capacity);
            e->bytes = arena_alloc(call->arena, e->capacity);
        }
        memmove(e->bytes, v.var.data, v.var.bytes);
        v.var.data = e->bytes;
    }
    e->best = v;
    e->any = true;
}

static inline Status
extreme_add(AggCall *call, Extreme *e, const Vector *arg, uint32_t row, int sign)
{
    Value v = vector_get(arg, row);
    const TypeInfo *type;

    if (e->any) {
        type = type_find(call->cx, call->arg_type);
        if (type == NULL || type->compare == NULL)
            return fail(call->cx, ST_ERROR, "42883", "could not identify a comparison function");
        if (type->compare(&v, &e->best) * sign <= 0)
            return ST_OK;
    }
    extreme_take(call, e, v);
    return ST_OK;
}

/* The whole batch first, by itself, for the forms whose order is that of the machine. */
#define EXTREME_LOOP(ctype, member, op)                                                                        \
    do {                                                                                                       \
        const ctype *data = arg->data;                                                                         \
        ctype best = data[arg->is_const ? 0 : rows_at(call->rows, 0)];                                         \
                                                                                                               \
        if (!arg->is_const && call->rows.sel == NULL)                                                          \
            for (uint32_t i = 1; i < call->rows.count; i++)                                                    \
                best = data[i] op best ? data[i] : best;                                                       \
        else if (!arg->is_const)                                                                               \
            for (uint32_t k = 1; k < call->rows.count; k++)                                                    \
                best = data[call->rows.sel[k]] op best ? data[call->rows.sel[k]] : best;                       \
        v.member = best;                                                                                       \
    } while (0)

#define EXTREME(name, sign, op)                                                                                \
    static inline Status name##_add(AggCall *call, Extreme *e, Vector *const *args, uint32_t row)              \
    {                                                                                                          \
        return extreme_add(call, e, args[0], row, sign);                                                       \
    }                                                                                                          \
    AGG_LOOPS(name##_any, Extreme, name##_add)                                                                 \
    static Status name##_step_one(AggCall *call, void *state, Vector *const *args)                             \
    {                                                                                                          \
        const Vector *arg = args[0];                                                                           \
        Value v = {.phys = arg->phys};                                                                         \
        Vector one = {.data = &v, .phys = arg->phys, .is_const = true};                                        \
                                                                                                               \
        if (call->rows.count == 0)                                                                             \
            return ST_OK;                                                                                      \
        if (arg->phys == PHYS_I32)                                                                             \
            EXTREME_LOOP(int32_t, i32, op);                                                                    \
        else if (arg->phys == PHYS_I64 && call->arg_type != TYPE_XID8 && call->arg_type != TYPE_TID)           \
            EXTREME_LOOP(int64_t, i64, op);                                                                    \
        else                                                                                                   \
            return name##_any_step_one(call, state, args);                                                     \
        static_assert(offsetof(Value, i64) == 0, "a value starts with its bytes");                             \
        return extreme_add(call, state, &one, 0, sign);                                                        \
    }                                                                                                          \
    static Status name##_step(AggCall *call, void *const *states, Vector *const *args)                         \
    {                                                                                                          \
        return name##_any_step(call, states, args);                                                            \
    }
EXTREME(max, 1, >)
EXTREME(min, -1, <)

static Status
extreme_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    const Extreme *e = state;

    *out = e->any ? e->best : value_null();
    return ST_OK;
}

AGG_INFO(max, Extreme, max, extreme_finish, true)
AGG_INFO(min, Extreme, min, extreme_finish, true)

/* --- bool_and, bool_or, bit_and, bit_or, bit_xor -------------------------------------------------------------- */
typedef struct Bits {
    int64_t bits;
    int64_t any;
} Bits;

#define BIT_AGG(name, ctype, make, EXPR)                                                                       \
    static inline Status name##_add(AggCall *call FN_UNUSED_, Bits *s, Vector *const *args, uint32_t row)      \
    {                                                                                                          \
        const int64_t old = s->bits, v = AGG_ARG(args[0], ctype, row);                                         \
                                                                                                               \
        s->bits = s->any ? (EXPR) : v;                                                                         \
        s->any = 1;                                                                                            \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    AGG_LOOPS(name, Bits, name##_add)                                                                          \
    static Status name##_finish(AggCall *call FN_UNUSED_, void *state, Value *out)                             \
    {                                                                                                          \
        const Bits *s = state;                                                                                 \
                                                                                                               \
        *out = s->any ? make : value_null();                                                                   \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    AGG_INFO(name, Bits, name, name##_finish, true)

#define AS_I16 ((Value){.i16 = (int16_t)s->bits, .phys = PHYS_I16})
#define AS_I32 value_i32((int32_t)s->bits)
#define AS_I64 value_i64(s->bits)

BIT_AGG(bool_and, uint8_t, value_bool(s->bits != 0), old &v)
BIT_AGG(bool_or, uint8_t, value_bool(s->bits != 0), old | v)
BIT_AGG(int2_bit_and, int16_t, AS_I16, old &v)
BIT_AGG(int2_bit_or, int16_t, AS_I16, old | v)
BIT_AGG(int2_bit_xor, int16_t, AS_I16, old ^ v)
BIT_AGG(int4_bit_and, int32_t, AS_I32, old &v)
BIT_AGG(int4_bit_or, int32_t, AS_I32, old | v)
BIT_AGG(int4_bit_xor, int32_t, AS_I32, old ^ v)
BIT_AGG(int8_bit_and, int64_t, AS_I64, old &v)
BIT_AGG(int8_bit_or, int64_t, AS_I64, old | v)
BIT_AGG(int8_bit_xor, int64_t, AS_I64, old ^ v)

/* --- string_agg --------------------------------------------------------------------------------------------------- */
typedef struct Joined {
    char *data;
    size_t bytes, capacity;
    bool any;
} Joined;

static Status
joined_append(AggCall *call, Joined *j, VarRef v)
{
    if (j->bytes + v.bytes > BUF_MOST_BYTES)
        return fail(call->cx, ST_ERROR, "54000",
                    "string_agg result is larger than the allowed maximum of 1 GB");
    if (j->bytes + v.bytes > j->capacity) {
        size_t capacity = MAX_OF(2 * j->capacity, MAX_OF(j->bytes + v.bytes, (size_t)64));
        char *data = arena_try_alloc(call->arena, capacity);

        if (data == NULL)
            return fail(call->cx, ST_NO_MEMORY, "53200", "out of memory");
        if (j->bytes > 0)
            memcpy(data, j->data, j->bytes);
        j->data = data;
        j->capacity = capacity;
    }
    if (v.bytes > 0)
        memcpy(j->data + j->bytes, v.data, v.bytes);
    j->bytes += v.bytes;
    return ST_OK;
}

/* A null value is left out; the delimiter stands before every value but the first. */
static inline Status
joined_add(AggCall *call, Joined *j, Vector *const *args, uint32_t row)
{
    Value v = vector_get(args[0], row), delimiter;

    if (v.is_null)
        return ST_OK;
    if (j->any) {
        delimiter = vector_get(args[1], row);
        if (!delimiter.is_null)
            TRY(joined_append(call, j, delimiter.var));
    }
    j->any = true;
    return joined_append(call, j, v.var);
}
AGG_LOOPS(string_agg, Joined, joined_add)

static Status
joined_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    const Joined *j = state;

    *out = j->any ? value_var(j->data != NULL ? j->data : "", j->bytes) : value_null();
    return ST_OK;
}
AGG_INFO(string_agg, Joined, string_agg, joined_finish, false)

/* --- sum and avg of intervals ------------------------------------------------------------------------------------ */
typedef struct IntervalSum {
    Interval sum;
    int64_t count;
} IntervalSum;

static inline Status
interval_sum_add(AggCall *call, IntervalSum *s, Vector *const *args, uint32_t row)
{
    s->count++;
    return interval_add(call->cx, &s->sum, &AGG_ARG(args[0], Interval, row), &s->sum);
}
AGG_LOOPS(interval_sum, IntervalSum, interval_sum_add)

static Status
interval_sum_finish(AggCall *call FN_UNUSED_, void *state, Value *out)
{
    const IntervalSum *s = state;

    *out = s->count > 0 ? value_interval(s->sum) : value_null();
    return ST_OK;
}

static Status
interval_avg_finish(AggCall *call, void *state, Value *out)
{
    const IntervalSum *s = state;
    Interval average;

    if (s->count == 0) {
        *out = value_null();
        return ST_OK;
    }
    TRY(interval_divide(call->cx, &s->sum, (double)s->count, &average));
    *out = value_interval(average);
    return ST_OK;
}
AGG_INFO(interval_sum, IntervalSum, interval_sum, interval_sum_finish, true)
AGG_INFO(interval_avg, IntervalSum, interval_sum, interval_avg_finish, true)
