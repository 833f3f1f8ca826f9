/* kernels_avx2.c - the same kernels, for processors with AVX2. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#if defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif
#endif
#endif
#define KERNEL_SET kernels_avx2
#include "backend/type/kernels_body.h"
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#endif
