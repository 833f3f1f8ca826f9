/* Sequences: what one call takes, and what is left for the next. */
#include "sim.h"
#include "storage/seq/seq.h"

static Ctx *cx;
static RelationId sequence;

static void
begin_at(int64_t value, bool is_called)
{
    if (cx == NULL) {
        cx = sim_session(sim_engine());
        sim_begin(cx);
        SIM_OK(cx, rel_create(cx, 1, PERSIST_PERMANENT, &sequence));
        SIM_OK(cx, seq_init(cx, 1, sequence, (SeqState){.last_value = value, .is_called = is_called}));
        return;
    }
    SIM_OK(cx, seq_set(cx, 1, sequence, (SeqState){.last_value = value, .is_called = is_called}));
}

static void
expect_range(const SeqParams *p, int64_t first, int64_t last)
{
    int64_t a = 0, b = 0;

    SIM_OK(cx, seq_next(cx, 1, sequence, p, "s", &a, &b));
    EXPECT_EQ(a, first);
    EXPECT_EQ(b, last);
}

static void
expect_end(const SeqParams *p)
{
    int64_t a, b;

    EXPECT_EQ(seq_next(cx, 1, sequence, p, "s", &a, &b), ST_ERROR);
    EXPECT_STR(cx->error.sqlstate, "2200H");
    ctx_error_clear(cx);
}

TEST(seq, a_huge_cache_is_taken_at_once)
{
    const int64_t cache = INT64_C(1000000000000000000);
    SeqParams p = {.increment = 1, .min = 1, .max = INT64_MAX, .cache = cache};

    begin_at(1, false);
    for (int64_t i = 0; i < 9; i++)
        expect_range(&p, i * cache + 1, (i + 1) * cache);
    expect_range(&p, 9 * cache + 1, INT64_MAX); /* what is left */
    expect_end(&p);
    p.cycle = true;
    expect_range(&p, 1, cache);
}

TEST(seq, a_huge_cache_goes_downwards_and_over_zero)
{
    SeqParams down = {.increment = -3, .min = INT64_MIN, .max = -1, .cache = INT64_MAX};
    SeqParams all = {.increment = 1, .min = INT64_MIN, .max = INT64_MAX, .cache = INT64_MAX};
    SeqParams leaps = {.increment = INT64_MIN, .min = INT64_MIN, .max = INT64_MAX, .cache = 10};

    begin_at(-1, false);
    expect_range(&down, -1, INT64_MIN + 1); /* 2^63 - 2 is a multiple of three */
    expect_end(&down);
    begin_at(INT64_MIN, false);
    expect_range(&all, INT64_MIN, -2);
    expect_range(&all, -1, INT64_MAX - 2);
    expect_range(&all, INT64_MAX - 1, INT64_MAX);
    expect_end(&all);
    begin_at(INT64_MAX, false);
    expect_range(&leaps, INT64_MAX, -1);
    expect_end(&leaps);
}

/* Against counting one by one. */
TEST(seq, a_range_is_what_as_many_single_values_are)
{
    for (int64_t increment = -4; increment <= 4; increment++) {
        for (int64_t cache = 1; increment != 0 && cache <= 6; cache++) {
            SeqParams p = {.increment = increment, .min = -5, .max = 6, .cache = cache, .cycle = true};
            int64_t value = 2;

            begin_at(value, false);
            for (int i = 0; i < 20; i++) {
                int64_t first = value, last = value;

                for (int64_t k = 1; k < cache && last + increment >= p.min && last + increment <= p.max; k++)
                    last += increment;
                expect_range(&p, first, last);
                value = last + increment;
                if (value < p.min || value > p.max)
                    value = increment > 0 ? p.min : p.max;
            }
        }
    }
}
