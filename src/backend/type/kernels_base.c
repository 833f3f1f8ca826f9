/* kernels_base.c - the kernels for every processor of the architecture. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3") /* -O2 vectorizes only what costs nothing in size */
#endif
#define KERNEL_SET kernels_base
#include "backend/type/kernels_body.h"
