/* range_mask.c - see range_mask.h. One unsigned comparison per element: x - low <= width. */
#include "backend/type/range_mask.h"

#include <immintrin.h>

/* Elements [from, count). */
#define PLAIN(name, T, U)                                                                                      \
    static void name##_from(const T *x, uint32_t from, uint32_t count, T low, U width, uint64_t *mask)         \
    {                                                                                                          \
        while (from < count) {                                                                                 \
            uint32_t end = MIN_OF(count, (from / 64 + 1) * 64);                                                \
            uint64_t out = 0;                                                                                  \
            uint64_t *word = &mask[from / 64];                                                                 \
                                                                                                               \
            for (; from < end; from++)                                                                         \
                out |= (uint64_t)((U)((U)x[from] - (U)low) > width) << (from % 64);                            \
            *word &= ~out;                                                                                     \
        }                                                                                                      \
    }                                                                                                          \
    static void name(const T *x, uint32_t count, T low, U width, uint64_t *mask)                               \
    {                                                                                                          \
        name##_from(x, 0, count, low, width, mask);                                                            \
    }
PLAIN(plain_16, int16_t, uint16_t)
PLAIN(plain_32, int32_t, uint32_t)
PLAIN(plain_64, int64_t, uint64_t)

/* The instructions compare signed numbers: both sides are moved by half of all values. */
__attribute__((target("avx2"))) static void
avx2_32(const int32_t *x, uint32_t count, int32_t low, uint32_t width, uint64_t *mask)
{
    const __m256i move = _mm256_set1_epi32((int32_t)(UINT32_C(0x80000000) - (uint32_t)low));
    const __m256i limit = _mm256_set1_epi32((int32_t)(width ^ UINT32_C(0x80000000)));
    uint32_t i = 0;

    for (; i + 8 <= count; i += 8) {
        __m256i v = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(x + i)), move);
        uint32_t out = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(v, limit)));

        mask[i / 64] &= ~((uint64_t)out << (i % 64));
    }
    plain_32_from(x, i, count, low, width, mask);
}

__attribute__((target("avx2"))) static void
avx2_64(const int64_t *x, uint32_t count, int64_t low, uint64_t width, uint64_t *mask)
{
    const __m256i move = _mm256_set1_epi64x((int64_t)((UINT64_C(1) << 63) - (uint64_t)low));
    const __m256i limit = _mm256_set1_epi64x((int64_t)(width ^ UINT64_C(1) << 63));
    uint32_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m256i v = _mm256_add_epi64(_mm256_loadu_si256((const __m256i *)(const void *)(x + i)), move);
        uint32_t out = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(v, limit)));

        mask[i / 64] &= ~((uint64_t)out << (i % 64));
    }
    plain_64_from(x, i, count, low, width, mask);
}

static const RangeMask plain = {plain_16, plain_32, plain_64}, avx2 = {plain_16, avx2_32, avx2_64};
static const RangeMask *chosen = &plain;

void
range_mask_choose(bool use_avx2)
{
    chosen = use_avx2 ? &avx2 : &plain;
}

const RangeMask *
range_mask(void)
{
    return chosen;
}
