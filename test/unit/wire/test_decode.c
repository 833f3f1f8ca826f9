#include "backend/wire/decode.h"

#include "harness.h"

TEST(decode, numbers_are_in_network_order)
{
    Decoder d = decode_begin("\x01\xff\xfe\x00\x00\x00\x2a\x80\0\0\0\0\0\0\0", 15);

    EXPECT_EQ(decode_u8(&d), 1);
    EXPECT_EQ(decode_i16(&d), -2);
    EXPECT_EQ(decode_i32(&d), 42);
    EXPECT(decode_i64(&d) == INT64_MIN);
    EXPECT_OK(decode_finish(test_ctx(), &d));
}

TEST(decode, a_read_past_the_end_fails_and_stays_failed)
{
    Decoder d = decode_begin("\0\0\0", 3);

    EXPECT_EQ(decode_i32(&d), 0);
    EXPECT(decode_failed(&d));
    EXPECT_EQ(decode_u8(&d), 0);
    EXPECT_STR(decode_cstring(&d), "");
    EXPECT_FAIL(decode_finish(test_ctx(), &d), "08P01");
    EXPECT_STR(test_ctx()->error.message, "insufficient data left in message");
}

TEST(decode, texts_must_end_inside)
{
    Decoder d = decode_begin("abc\0def", 7);

    EXPECT_STR(decode_cstring(&d), "abc");
    EXPECT_STR(decode_cstring(&d), "");
    EXPECT(decode_failed(&d));
}

TEST(decode, counted_bytes_know_null_and_reject_other_negatives)
{
    const char *data;
    size_t bytes;
    Decoder d = decode_begin("\xff\xff\xff\xff\0\0\0\2ab\xff\xff\xff\xfe", 14);

    decode_counted(&d, &data, &bytes);
    EXPECT(data == NULL);
    decode_counted(&d, &data, &bytes);
    EXPECT_EQ(bytes, 2);
    EXPECT(memcmp(data, "ab", 2) == 0);
    decode_counted(&d, &data, &bytes);
    EXPECT(decode_failed(&d));
}

TEST(decode, a_count_larger_than_the_message_fails)
{
    const char *data;
    size_t bytes;
    Decoder d = decode_begin("\x7f\xff\xff\xff"
                             "ab",
                             6);

    decode_counted(&d, &data, &bytes);
    EXPECT(decode_failed(&d));
    EXPECT(data == NULL);
}

TEST(decode, what_is_left_over_is_an_error)
{
    Decoder d = decode_begin("ab", 2);

    decode_u8(&d);
    EXPECT_FAIL(decode_finish(test_ctx(), &d), "08P01");
    EXPECT_STR(test_ctx()->error.message, "invalid message format");
}

TEST(decode, invalid_utf8_is_shown_in_hexadecimal)
{
    EXPECT_OK(decode_text(test_ctx(), "gr\303\274n", 5));
    EXPECT_FAIL(decode_text(test_ctx(), "a\342\050\241", 4), "22021");
    EXPECT_STR(test_ctx()->error.message, "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1");
}

TEST(decode, a_string_is_valid_utf8)
{
    Decoder d = decode_begin("gr\303\274n\0a\205\0no end", 14);
    const char *text;

    EXPECT_OK(decode_string(test_ctx(), &d, &text));
    EXPECT_STR(text, "gr\303\274n");
    EXPECT_FAIL(decode_string(test_ctx(), &d, &text), "22021");
    EXPECT_OK(decode_string(test_ctx(), &d, &text));
    EXPECT_STR(text, "");
    EXPECT(decode_failed(&d));
}
