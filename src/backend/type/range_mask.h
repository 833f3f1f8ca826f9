/* src/backend/type/range_mask.h - which elements of an array lie in a range, as bits. */
#ifndef TYPE_RANGE_MASK_H
#define TYPE_RANGE_MASK_H
#include "base/attr.h"

/* Clears bit i of the mask unless low <= x[i] <= low + width, counted on the circle of all values: a range
 * may wrap around. The mask has (count + 63) / 64 words. */
typedef struct RangeMask {
    void (*of_16)(const int16_t *x, uint32_t count, int16_t low, uint16_t width, uint64_t *mask);
    void (*of_32)(const int32_t *x, uint32_t count, int32_t low, uint32_t width, uint64_t *mask);
    void (*of_64)(const int64_t *x, uint32_t count, int64_t low, uint64_t width, uint64_t *mask);
} RangeMask;

/* The build for this process (see fn_choose_kernels). */
const RangeMask *range_mask(void);
void range_mask_choose(bool avx2);

#endif
