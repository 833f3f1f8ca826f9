#include "base/buf.h"

#include "base/arena.h"

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

TEST(buf, a_large_one_counts_in_its_budget_until_it_is_freed)
{
    Budget budget = {.limit_bytes = 4 << 20};
    Buf b = {.budget = &budget};

    EXPECT(buf_extend(&b, 1000) != NULL);
    EXPECT(budget.used_bytes == 0);
    EXPECT(buf_extend(&b, 1 << 20) != NULL);
    EXPECT(budget.used_bytes == b.capacity_bytes);
    buf_free(&b);
    EXPECT(budget.used_bytes == 0);
    EXPECT(buf_extend(&b, 1 << 20) != NULL);
    EXPECT(budget.used_bytes == b.capacity_bytes);
    buf_free(&b);
}

TEST(buf, what_its_budget_has_no_room_for_fails)
{
    Budget budget = {.limit_bytes = 4 << 20};
    Buf b = {.budget = &budget};
    size_t before;

    EXPECT(buf_extend(&b, 1 << 20) != NULL);
    before = budget.used_bytes;
    EXPECT(buf_extend(&b, 8 << 20) == NULL);
    EXPECT(b.failed && b.no_memory);
    EXPECT(budget.used_bytes == before);
    buf_free(&b);
    EXPECT(budget.used_bytes == 0);
}

TEST(buf, moves_to_another_budget_with_what_it_has)
{
    Budget one = {0}, other = {0};
    Buf b = {.budget = &one};

    EXPECT(buf_extend(&b, 1 << 20) != NULL);
    buf_count_in(&b, &other);
    EXPECT(one.used_bytes == 0);
    EXPECT(other.used_bytes == b.capacity_bytes);
    buf_count_in(&b, NULL);
    EXPECT(other.used_bytes == 0);
    buf_free(&b);
}
