/* Range masks: both builds agree with the plain definition, also where a range wraps around. */
#include <string.h>

#include "backend/type/range_mask.h"
#include "base/hash.h"
#include "harness.h"

enum { MOST = 255 };

static uint64_t state;

static uint64_t
next(void)
{
    return hash_u64(state++);
}

#define CHECK_WIDTH(T, U, of)                                                                                  \
    do {                                                                                                       \
        T x[MOST];                                                                                             \
        uint32_t count = (uint32_t)(next() % (MOST + 1));                                                      \
        T low = (T)(next() % 200);                                                                             \
        U width = (U)(next() % 3 == 0 ? next() : next() % 100);                                                \
        uint64_t before[4], mask[4];                                                                           \
                                                                                                               \
        for (uint32_t i = 0; i < MOST; i++)                                                                    \
            x[i] = (T)(next() % 2 == 0 ? next() : next() % 300);                                               \
        for (int w = 0; w < 4; w++)                                                                            \
            before[w] = mask[w] = next();                                                                      \
        range_mask()->of(x, count, low, width, mask);                                                          \
        for (uint32_t i = 0; i < 4 * 64; i++) {                                                                \
            bool was = before[i / 64] >> (i % 64) & 1, is = mask[i / 64] >> (i % 64) & 1;                      \
                                                                                                               \
            EXPECT_EQ(is, i < count ? was && (U)((U)x[i] - (U)low) <= width : was);                            \
        }                                                                                                      \
    } while (0)

TEST(range_mask, both_builds_clear_exactly_what_is_outside)
{
    state = test_seed();
    for (int build = 0; build < 2; build++) {
        if (build == 1 && !__builtin_cpu_supports("avx2"))
            break;
        range_mask_choose(build == 1);
        for (int round = 0; round < 300; round++) {
            CHECK_WIDTH(int16_t, uint16_t, of_16);
            CHECK_WIDTH(int32_t, uint32_t, of_32);
            CHECK_WIDTH(int64_t, uint64_t, of_64);
        }
    }
}
