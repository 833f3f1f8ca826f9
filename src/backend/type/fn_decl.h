/* src/backend/type/fn_decl.h - how the implementation of a row of funcs*.def is written and declared.
 *
 *   KERNEL(x) in a row is  KERNEL_FN(x) { ... call, args, out ... }   a whole batch, see FnKernel
 *   SCALAR(x)              SCALAR_FN(x) { ... }                       one row, see FnScalar
 *   SERIES(x)              SERIES_FN(x) { ... call, args, out, done } see FnSeries
 *   AGG(x)                 const AggInfo agg_x = { ... };
 *
 * Including this header declares everything the rows name, so a function without a row is a warning. */
#ifndef TYPE_FN_DECL_H
#define TYPE_FN_DECL_H
#include "backend/type/func.h"

#define FN_UNUSED_ __attribute__((unused))
#define KERNEL_FN(x)                                                                                           \
    Status k_##x(FnCall *call FN_UNUSED_, Vector *const *args FN_UNUSED_, Vector *out FN_UNUSED_)
#define SCALAR_FN(x) Status fn_##x(FnCall *call FN_UNUSED_, const Value *args FN_UNUSED_, Value *out FN_UNUSED_)
#define SERIES_FN(x)                                                                                           \
    Status set_##x(FnCall *call FN_UNUSED_, const Value *args FN_UNUSED_, Value *out FN_UNUSED_,               \
                   bool *done FN_UNUSED_)

#define FN(oid, name, result, args, volatility, strict, raise, impl, source) impl
#define KERNEL(x)                                                            KERNEL_FN(x);
#define SCALAR(x)                                                            SCALAR_FN(x);
#define SERIES(x)                                                            SERIES_FN(x);
#define AGG(x)                                                               extern const AggInfo agg_##x;
#define VARIADIC(elem)
#define DEFAULTS(count)
#define NAMES(list)
#define DEFAULT_TEXTS(list)
#define PARALLEL(letter)
#include "backend/type/all_funcs.def"
#undef FN
#undef KERNEL
#undef SCALAR
#undef SERIES
#undef AGG
#undef VARIADIC
#undef DEFAULTS
#undef NAMES
#undef DEFAULT_TEXTS
#undef PARALLEL

#endif
