/* test/unit/harness.h - libcheck with registration by name.
 *
 *   TEST(arena, rewind_frees_what_came_after) { ... EXPECT_EQ(a.total_bytes, 0); }
 *
 * Each TEST runs in a process of its own. test_ctx() gives a fresh Ctx with arenas; with HELIOS_SEED
 * in the environment test_seed() returns that number, else a random one, and prints it. */
#ifndef HARNESS_H
#define HARNESS_H
#include <check.h>
#undef fail /* an old macro of libcheck; ours is a function of base/ctx.h */
/* libcheck notes every check that holds in a file that a test shares with its children. One that is killed there leaves half a note. */
#define _mark_point(file, line) ((void)0)
#include <stdlib.h>

#include "base/ctx.h"
#include "base/env.h"

void harness_add(const char *suite, const char *name, const TTest *test);
Ctx *test_ctx(void);
uint64_t test_seed(void);

#define TEST(suite, name)                                                                                      \
    static void name##_fn(int _i CK_ATTRIBUTE_UNUSED);                                                         \
    static const TTest name##_ttest = {#suite "." #name, name##_fn, __FILE__, __LINE__};                       \
    __attribute__((constructor)) static void name##_add(void)                                                  \
    {                                                                                                          \
        harness_add(#suite, #name, &name##_ttest);                                                             \
    }                                                                                                          \
    static void name##_fn(int _i CK_ATTRIBUTE_UNUSED)

#define EXPECT(x)        ck_assert_msg((x), "%s", #x)
#define EXPECT_EQ(a, b)  ck_assert_int_eq((intmax_t)(a), (intmax_t)(b))
#define EXPECT_STR(a, b) ck_assert_str_eq((a), (b))
#define EXPECT_OK(call)  ck_assert_msg((call) == ST_OK, "%s: %s", #call, test_ctx()->error.message)
#define EXPECT_FAIL(call, state)                                                                               \
    do {                                                                                                       \
        ck_assert_msg((call) != ST_OK, "%s succeeded", #call);                                                 \
        ck_assert_str_eq(test_ctx()->error.sqlstate, (state));                                                 \
    } while (0)

#endif
