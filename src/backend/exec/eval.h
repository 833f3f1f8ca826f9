/* src/backend/exec/eval.h - the kinds of expression behind eval(), shared by the sources that compute them.
 *
 * All take the expression, the rows and the batch they are in; results lie in cx->arena. */
#ifndef EXEC_EVAL_H
#define EXEC_EVAL_H
#include "backend/exec/exec_int.h"

Vector *new_vector(Execution *e, Phys phys, uint32_t capacity);
Vector *const_vector(Execution *e, const Value *v, Oid type);
static inline bool
truth(const Vector *v, uint32_t row)
{
    return !vector_is_null(v, row) && ((const uint8_t *)v->data)[v->is_const ? 0 : row] != 0;
}

/* One call of a function for all rows. */
MUST_CHECK Status call_vector(Execution *e, const FnInfo *fn, const Oid *types, Vector *const *args, int count,
                              Oid result, int location, int state_no, const Batch *in, Rows rows, Vector **out);

/* eval_array.c: a row at a time. */
MUST_CHECK Status eval_io_cast(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
MUST_CHECK Status eval_array_cast(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
MUST_CHECK Status eval_array(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
MUST_CHECK Status eval_row(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
MUST_CHECK Status eval_subscript(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);
MUST_CHECK Status eval_scalar_array(Execution *e, const Expr *x, const Batch *in, Rows rows, Vector **out);

#endif
