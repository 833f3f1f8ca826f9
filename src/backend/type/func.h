/* src/backend/type/func.h - functions, operators, casts and aggregates as tables.
 *
 * One FnInfo per row of the funcs*.def files, one OperInfo per row of opers.def, one CastInfo per row
 * of casts.def: the binder resolves names against them, the executor calls their kernels, and they
 * are the static part of pg_proc, pg_operator, pg_cast and pg_aggregate. Read-only, shared. */
#ifndef TYPE_FUNC_H
#define TYPE_FUNC_H
#include "backend/type/type.h"

typedef struct FnInfo FnInfo;

/* One call of one function over the selected rows of a batch. */
typedef struct FnCall {
    Ctx *cx; /* cx->arena is for scratch that dies with the batch, results included */
    const FnInfo *fn;
    Rows rows; /* the rows to compute */
    uint32_t capacity_rows; /* of every vector */
    int arg_count;
    const Oid *arg_types; /* actual types (polymorphic and variadic functions need them) */
    Oid result_type;
    int location; /* of the call in the query text, or -1 */
    void **state; /* private to this place in the plan for the statement's life; starts NULL. A series
                   * starts anew whenever its arguments change: set it back to NULL then. */
    Arena *state_arena; /* what *state points to; lives as long as it. NULL: cx->arena does. */
} FnCall;

/* Computes out[row] for each row of call->rows. `out` comes with phys set by the result type and data
 * allocated; a kernel for numeric may choose the form: it then sets phys, scale and data itself.
 * A strict function's kernel never sees a null in a selected row and sets none unless the function
 * can itself return null. A kernel that cannot raise may be given rows whose values are garbage, if
 * all its arguments are of fixed width (a VarRef has to point somewhere). */
typedef Status (*FnKernel)(FnCall *call, Vector *const *args, Vector *out);
/* The same for one row. *out starts as null-free zero of the result's form. The adapter calls it for
 * every selected row. A variable-length result lies in cx->arena or is part of an argument. */
typedef Status (*FnScalar)(FnCall *call, const Value *args, Value *out);
/* A set-returning function: called again and again with the same *state until it says done. */
typedef Status (*FnSeries)(FnCall *call, const Value *args, Value *out, bool *done);

typedef struct AggCall {
    Ctx *cx; /* cx->arena: scratch of this batch */
    Arena *arena; /* what states point to; lives as long as the states */
    Rows rows;
    Oid arg_type;
    int16_t scale; /* in: scale of a DEC64 argument */
} AggCall;

typedef struct AggInfo {
    uint32_t state_bytes; /* zeroed by the caller; zero must be a valid empty state */
    /* Adds args[0..] of every selected row to states[row]. Rows with a null argument have been taken
     * out before, unless the aggregate is not strict. count(*) has no argument. */
    Status (*step)(AggCall *call, void *const *states, Vector *const *args);
    /* The same with one state for all rows. */
    Status (*step_one)(AggCall *call, void *state, Vector *const *args);
    /* The result; of an empty state what PostgreSQL gives for no rows. */
    Status (*finish)(AggCall *call, void *state, Value *out);
    bool strict; /* skip rows in which any argument is null */
} AggInfo;

enum { FN_ARGS_MOST = 8 };

struct FnInfo {
    Oid oid;
    const char *name;
    Oid result;
    uint8_t arg_count;
    Oid args[FN_ARGS_MOST];
    Oid variadic; /* element type of a VARIADIC last argument (TYPE_ANY for "any"), else 0 */
    uint8_t default_count; /* trailing arguments that may be left out; the function is then called
                            * with fewer (call->arg_count) */
    const char *arg_names, *default_texts; /* "a,b": of all arguments, of those that may be left out; or NULL */
    char parallel; /* pg_proc.proparallel; 0: what most of its volatility have */
    char kind; /* 'f' function, 'a' aggregate, 'w' window */
    char volatility; /* 'i' immutable, 's' stable, 'v' volatile */
    bool strict, returns_set, can_raise;
    FnKernel kernel; /* exactly one of the four, by kind */
    FnScalar scalar;
    FnSeries series;
    const AggInfo *agg;
    const char *source; /* pg_proc.prosrc */
};

static inline char
fn_parallel(const FnInfo *f)
{
    return f->parallel != 0 ? f->parallel : f->volatility == 'v' ? 'r' : 's';
}

typedef struct OperInfo {
    Oid oid;
    const char *name;
    Oid left, right, result; /* left 0 = prefix operator */
    Oid fn;
    Oid commutator, negator;
    char strategy; /* B+tree: 1 <, 2 <=, 3 =, 4 >=, 5 >; 0 = none */
    bool can_hash;
    const char *restrict_fn, *join_fn; /* pg_operator.oprrest, oprjoin: "eqsel", ...; may be NULL */
} OperInfo;

typedef struct CastInfo {
    Oid oid;
    Oid source, target;
    Oid fn; /* 0: binary coercible or through text */
    char context; /* 'i' implicit, 'a' assignment, 'e' explicit */
    char method; /* 'f' function, 'b' binary, 'i' through text */
} CastInfo;

const FnInfo *fn_by_oid(Oid oid);
/* All functions of that name, ending with NULL; NULL when there is none. */
const FnInfo *const *fn_by_name(const char *name);
const FnInfo *fn_table(int *count);

const OperInfo *oper_by_oid(Oid oid);
const OperInfo *const *oper_by_name(const char *name);
const OperInfo *oper_table(int *count);

/* source = target gives the length coercion: fn(value, int4 typmod, bool explicit). */
const CastInfo *cast_find(Oid source, Oid target);
const CastInfo *cast_table(int *count);

/* Runs fn over call->rows: takes care of strictness (null rows, selection), allocates `out` from
 * cx->arena and adapts scalars. Sets call->fn and call->capacity_rows users must have set. */
MUST_CHECK Status fn_call_vector(FnCall *call, const FnInfo *fn, Vector *const *args, Vector *out);
/* One row, for constant folding and for code that is not an expression. */
MUST_CHECK Status fn_call_value(Ctx *cx, const FnInfo *fn, const Oid *arg_types, const Value *args,
                                int arg_count, Oid result_type, Value *out);

/* Chooses between the baseline and the AVX2 build of the kernels; simd_enabled = false forces the
 * former. Called once per process. */
void fn_choose_kernels(bool simd_enabled);

#endif
