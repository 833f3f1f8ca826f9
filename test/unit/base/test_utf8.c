#include "base/utf8.h"

#include "harness.h"

TEST(utf8, rejects_overlong_surrogate_and_truncated_forms)
{
    EXPECT_EQ(utf8_valid_prefix("abcdefgh\xc0\x80", 10), 8);
    EXPECT_EQ(utf8_valid_prefix("\xed\xa0\x80", 3), 0);
    EXPECT_EQ(utf8_valid_prefix("a\xe2\x82", 3), 1);
    EXPECT_EQ(utf8_valid_prefix("\xf4\x90\x80\x80", 4), 0);
    EXPECT_EQ(utf8_valid_prefix("a\0b", 3), 1);
    EXPECT_EQ(utf8_valid_prefix("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x98\x80!", 16), 16);
}

static const char *
repaired(char *text)
{
    utf8_repair(text, strlen(text));
    return text;
}

TEST(utf8, each_byte_of_no_character_becomes_a_question_mark)
{
    EXPECT_STR(repaired((char[]){"gr\xc3\xbc\xc3\x9f dich"}), "gr\xc3\xbc\xc3\x9f dich");
    EXPECT_STR(repaired((char[]){"\xff\x85"
                                 "a\xc0\x80\xc3\xbc\xe2\x82"}),
               "??a??\xc3\xbc??");
    EXPECT_STR(repaired((char[]){""}), "");
}

TEST(utf8, encode_and_decode_are_inverse_for_all_characters)
{
    char bytes[4];
    int n;

    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        int want = utf8_encode(c, bytes);

        if (c >= 0xd800 && c <= 0xdfff) {
            EXPECT_EQ(want, 0);
            continue;
        }
        if (utf8_decode(bytes, &n) != c || n != want || utf8_valid_prefix(bytes, (size_t)n) != (size_t)n)
            ck_abort_msg("U+%04X", c);
    }
}
