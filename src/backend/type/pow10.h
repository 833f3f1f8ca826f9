/* src/backend/type/pow10.h - powers of ten that fit in 64 bits. */
#ifndef TYPE_POW10_H
#define TYPE_POW10_H
#include "base/attr.h"

enum { POW10_I64_MOST = 18 };

static inline int64_t
pow10_i64(int exponent)
{
    static const int64_t powers[POW10_I64_MOST + 1] = {1,
                                                       10,
                                                       100,
                                                       1000,
                                                       10000,
                                                       100000,
                                                       1000000,
                                                       10000000,
                                                       100000000,
                                                       1000000000,
                                                       INT64_C(10000000000),
                                                       INT64_C(100000000000),
                                                       INT64_C(1000000000000),
                                                       INT64_C(10000000000000),
                                                       INT64_C(100000000000000),
                                                       INT64_C(1000000000000000),
                                                       INT64_C(10000000000000000),
                                                       INT64_C(100000000000000000),
                                                       INT64_C(1000000000000000000)};

    ASSERT(exponent >= 0 && exponent <= POW10_I64_MOST);
    return powers[exponent];
}

#endif
