/* count_nulls.c - num_nulls and num_nonnulls. */
#include "backend/type/fn_decl.h"

static int32_t
count_nulls(const FnCall *call, const Value *args)
{
    int32_t n = 0;

    for (int i = 0; i < call->arg_count; i++)
        n += args[i].is_null;
    return n;
}

SCALAR_FN(num_nulls)
{
    *out = value_i32(count_nulls(call, args));
    return ST_OK;
}

SCALAR_FN(num_nonnulls)
{
    *out = value_i32(call->arg_count - count_nulls(call, args));
    return ST_OK;
}
