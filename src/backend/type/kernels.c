/* kernels.c - which build of the kernels this process uses.
 *
 * The choice is the one mutable thing of this folder: set once per process before any statement runs,
 * and harmless whatever it is, since both sets compute the same. */
#include "backend/type/kernels_int.h"
#include "backend/type/fn_decl.h"
#include "backend/type/range_mask.h"

static const KernelSet *kernels = &kernels_base;

void
fn_choose_kernels(bool simd_enabled)
{
    kernels = &kernels_base;
    range_mask_choose(simd_enabled && __builtin_cpu_supports("avx2"));
#if defined(__x86_64__)
    if (simd_enabled && __builtin_cpu_supports("avx2"))
        kernels = &kernels_avx2;
#else
    (void)simd_enabled;
#endif
}

/* clang-format off */
#define VECTOR_KERNEL(x)                                                                                       \
    Status k_##x(FnCall *call, Vector *const *args, Vector *out) { return kernels->x(call, args, out); }
#define DECIMAL_KERNEL(x)                                                                                      \
    bool k_##x(const FnCall *call, Vector *const *args, Vector *out) { return kernels->x(call, args, out); }
#include "backend/type/kernels.def"
