/* agg_int.h - how the aggregates are put together.
 *
 * An aggregate is one inline function that adds one row to one state; AGG_LOOPS makes the two step
 * functions of AggInfo of it. A state is zeroed memory, aligned to 8 bytes, and its size a multiple of 8. */
#ifndef TYPE_AGG_INT_H
#define TYPE_AGG_INT_H
#include "backend/type/fn_decl.h"
#include "backend/type/type_int.h"

typedef __int128 Wide __attribute__((aligned(8)));

/* Sums exactly: 128 bits at one scale; what does not fit goes to `big`, a packed numeric. */
typedef struct NumSum {
    Wide sum;
    int64_t nan_count, plus_inf_count, minus_inf_count;
    char *big; /* packed, or NULL */
    uint32_t big_bytes, big_capacity;
    int32_t scale; /* of sum */
    int32_t shown_scale; /* largest seen */
} NumSum;
MUST_CHECK Status numsum_add(AggCall *call, NumSum *s, const Value *v);
/* The sum as a numeric, special values included. */
MUST_CHECK Status numsum_value(Ctx *cx, const NumSum *s, Value *out);

#define AGG_LOOPS(name, State, add)                                                                            \
    static Status name##_step(AggCall *call, void *const *states, Vector *const *args)                         \
    {                                                                                                          \
        for (uint32_t k = 0; k < call->rows.count; k++) {                                                      \
            uint32_t row = rows_at(call->rows, k);                                                             \
                                                                                                               \
            TRY(add(call, (State *)states[row], args, row));                                                   \
        }                                                                                                      \
        return ST_OK;                                                                                          \
    }                                                                                                          \
    static Status name##_step_one(AggCall *call, void *state, Vector *const *args)                             \
    {                                                                                                          \
        for (uint32_t k = 0; k < call->rows.count; k++)                                                        \
            TRY(add(call, (State *)state, args, rows_at(call->rows, k)));                                      \
        return ST_OK;                                                                                          \
    }

/* The AggInfo; shared steps are named apart from the aggregate. */
#define AGG_INFO(name, State, steps, finish_fn, is_strict)                                                     \
    const AggInfo agg_##name = {.state_bytes = (sizeof(State) + 7) / 8 * 8,                                    \
                                .step = steps##_step,                                                          \
                                .step_one = steps##_step_one,                                                  \
                                .finish = finish_fn,                                                           \
                                .strict = is_strict};

/* Element of a fixed-width argument. */
#define AGG_ARG(v, ctype, row) (((const ctype *)(v)->data)[(v)->is_const ? 0 : (row)])

#endif
