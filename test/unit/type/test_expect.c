/* Every file of data/ whose results came from PostgreSQL 15. */
#include "harness.h"
#include "type/expect.h"

#define EXPECT_DATA(name)                                                                                      \
    TEST(expect, name)                                                                                         \
    {                                                                                                          \
        ExpectSum sum = expect_file(TYPE_TEST_DATA "/" #name ".txt");                                          \
                                                                                                               \
        ck_assert_msg(sum.passed > 0, "no cases");                                                             \
        ck_assert_msg(sum.failed == 0, "%d of %d cases differ", sum.failed, sum.failed + sum.passed);          \
    }

EXPECT_DATA(number)
EXPECT_DATA(numeric)
EXPECT_DATA(datetime)
EXPECT_DATA(text)
EXPECT_DATA(array)
EXPECT_DATA(template)
EXPECT_DATA(sampled)
