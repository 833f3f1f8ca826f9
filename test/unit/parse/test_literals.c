#include "backend/parse/literals.h"

#include <string.h>

#include "harness.h"

static LiteralText text;

/* The shape with its class bytes as letters: i, l, n, s. */
static const char *
shape_of(const char *sql)
{
    static char shown[1024];
    static const char letters[] = "?ilns";

    if (!literals_take(test_ctx()->arena, sql, &text))
        return "refused";
    EXPECT(text.shape_bytes < sizeof(shown));
    for (size_t i = 0; i < text.shape_bytes; i++)
        shown[i] = text.shape[i] < 5 ? letters[(int)text.shape[i]] : text.shape[i];
    shown[text.shape_bytes] = '\0';
    return shown;
}

static Value
value_of(const char *sql, int i, bool negative, Oid type)
{
    Value v = {0};

    EXPECT(literals_take(test_ctx()->arena, sql, &text));
    EXPECT(i < text.count);
    EXPECT_OK(literal_value(test_ctx(), &text, i, negative, type_by_oid(type), &v));
    return v;
}

TEST(literals, numbers_and_strings_give_way_to_their_class)
{
    EXPECT_STR(shape_of("SELECT 1, 2147483648, 1.5, .5, 7., 'a', ''"), "SELECT i, l, n, n, n, s, s");
    EXPECT_EQ(text.count, 7);
    EXPECT_EQ(text.items[0].at, 7);
    EXPECT_EQ(text.items[5].bytes, 3);
}

TEST(literals, texts_that_differ_in_literals_have_one_shape)
{
    char first[64];

    strcpy(first, shape_of("update t set a = a + -12 where k = 'x'"));
    EXPECT_STR(shape_of("update t set a = a + -3999 where k = 'it''s'"), first);
    EXPECT(strcmp(shape_of("update t set a = a + 3999 where k = 'x'"), first) != 0);
    EXPECT(strcmp(shape_of("update t set a = a + -1.5 where k = 'x'"), first) != 0);
}

TEST(literals, what_belongs_to_a_name_or_another_kind_of_constant_stays)
{
    EXPECT_STR(shape_of("select t1.c2, $1, 1e5, 0x1f, 1..2, \"a 1 'b'\""),
               "select t1.c2, $1, 1e5, 0x1f, 1..2, \"a 1 'b'\"");
    EXPECT_EQ(text.count, 0);
    EXPECT_STR(shape_of("select 12345678901234567890"), "select 12345678901234567890");
}

TEST(literals, what_the_scan_is_not_sure_of_is_refused)
{
    EXPECT_STR(shape_of("select E'a\\'b', 1"), "refused");
    EXPECT_STR(shape_of("select U&'a'"), "refused");
    EXPECT_STR(shape_of("select x'1f'"), "refused");
    EXPECT_STR(shape_of("select $$1$$"), "refused");
    EXPECT_STR(shape_of("select $a$1$a$"), "refused");
    EXPECT_STR(shape_of("select 'a'\n  'b'"), "refused");
    EXPECT_STR(shape_of("select 'a' --x\n 'b'"), "select s  \n s"); /* the grammar will say what is wrong */
    EXPECT_STR(shape_of("select 1; select 2"), "refused");
    EXPECT_STR(shape_of("select 'open"), "refused");
    EXPECT_STR(shape_of("select \"open"), "refused");
    EXPECT_STR(shape_of("select /* open"), "refused");
    EXPECT_STR(shape_of("select \1"), "refused");
}

TEST(literals, comments_are_blanks)
{
    EXPECT_STR(shape_of("select /* 1 /* 'x' */ 2 */ 3 -- 4\n, 5;  "), "select   i  \n, i");
    EXPECT_EQ(text.count, 2);
}

TEST(literals, a_minus_sign_is_known_where_the_grammar_reports_it)
{
    EXPECT(literals_take(test_ctx()->arena, "select - 5, 7 - 6", &text));
    EXPECT(literals_find(&text, 7) == &text.items[0]);
    EXPECT(literals_find(&text, 9) == &text.items[0]);
    EXPECT(literals_find(&text, 12) == &text.items[1]);
    EXPECT(literals_find(&text, 16) == &text.items[2]);
    EXPECT(literals_find(&text, 8) == NULL);
    EXPECT(literals_find(&text, -1) == NULL);
    EXPECT(literals_find(&text, 99) == NULL);
}

TEST(literals, values_are_those_the_grammar_would_give)
{
    Value v;

    EXPECT_EQ(value_of("select 2147483647", 0, false, TYPE_INT4).i32, INT32_MAX);
    EXPECT_EQ(value_of("select -2147483647", 0, true, TYPE_INT4).i32, -INT32_MAX);
    EXPECT_EQ(value_of("select 999999999999999999", 0, false, TYPE_INT8).i64, INT64_C(999999999999999999));
    v = value_of("select 'it''s''', 1", 0, false, TYPE_TEXT);
    EXPECT_EQ(v.var.bytes, 5);
    EXPECT(memcmp(v.var.data, "it's'", 5) == 0);
    EXPECT_EQ(value_of("select '42'", 0, false, TYPE_INT4).i32, 42);
}

TEST(literals, a_string_that_is_no_value_of_the_type_is_refused_by_its_input_function)
{
    Value v;

    EXPECT(literals_take(test_ctx()->arena, "select 'x'", &text));
    EXPECT_FAIL(literal_value(test_ctx(), &text, 0, false, type_by_oid(TYPE_INT4), &v), "22P02");
}

TEST(literals, sameness_is_of_the_text_and_the_sign)
{
    LiteralText other;

    EXPECT(literals_take(test_ctx()->arena, "select 1, -2, 'a'", &text));
    EXPECT(literals_take(test_ctx()->arena, "select 1, 2, 'a'", &other));
    EXPECT(literal_same(&text, &other, 0));
    EXPECT(!literal_same(&text, &other, 1));
    EXPECT(literal_same(&text, &other, 2));
    EXPECT(literals_take(test_ctx()->arena, "select 3, 2, 'b'", &other));
    EXPECT(!literal_same(&text, &other, 0));
    EXPECT(!literal_same(&text, &other, 2));
}
