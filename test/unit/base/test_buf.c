#include "base/buf.h"

#include "harness.h"

TEST(buf, integers_are_written_as_decimal_digits)
{
    Buf b = {0};

    buf_add_int(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_int(&b, 0);
    EXPECT_STR(buf_cstr(&b), "-9223372036854775808 0");
    buf_free(&b);
}

TEST(buf, more_than_a_gigabyte_fails_and_stays_failed)
{
    Buf b = {0};

    EXPECT(!buf_grow(&b, (size_t)1 << 30));
    buf_add_text(&b, "x");
    EXPECT(b.failed);
    buf_clear(&b);
    buf_add_text(&b, "x");
    EXPECT_STR(buf_cstr(&b), "x");
    buf_free(&b);
}
