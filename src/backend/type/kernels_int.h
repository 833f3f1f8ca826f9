/* kernels_int.h - the kernels as a table of functions, one table per instruction set. */
#ifndef TYPE_KERNELS_INT_H
#define TYPE_KERNELS_INT_H
#include "backend/type/func.h"

typedef bool (*DecimalKernel)(const FnCall *call, Vector *const *args, Vector *out);

typedef struct KernelSet {
#define VECTOR_KERNEL(x)  FnKernel x;
#define DECIMAL_KERNEL(x) DecimalKernel x;
#include "backend/type/kernels.def"
#undef VECTOR_KERNEL
#undef DECIMAL_KERNEL
} KernelSet;

extern const KernelSet kernels_base, kernels_avx2;

/* Two vectors of PHYS_DEC64; `out` is made DEC64 with its scale set, or holds booleans. False: at least
 * one result (or a NaN) does not fit; what was written is to be thrown away. */
#define VECTOR_KERNEL(x)
#define DECIMAL_KERNEL(x) bool k_##x(const FnCall *call, Vector *const *args, Vector *out);
#include "backend/type/kernels.def"
#undef VECTOR_KERNEL
#undef DECIMAL_KERNEL

#endif
