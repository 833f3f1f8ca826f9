/* Sets of keys: what is put in is there, once, and nothing else, in memory and out of it. */
#include <stdlib.h>
#include <string.h>

#include "backend/exec/exec_int.h"
#include "backend/exec/key_set.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "harness.h"

enum { NUMBERS = 60000 };
static const WorkMemory little = {64 * 1024, 128 * 1024, 1024 * 1024}, much = {64 << 20, 128 << 20, 1 << 20};
static bool known[NUMBERS], found[BATCH_ROWS], fresh[BATCH_ROWS];

/* Short, and some longer than a block is. */
static KeyItem
make_key(KeySet *s, Arena *a, uint32_t number, uint32_t row)
{
    Buf *key = key_set_begin(s);
    KeyItem item;
    char bytes[4];

    put_be32(bytes, number);
    buf_add(key, bytes, sizeof(bytes));
    if (number % 5000 == 0)
        memset(buf_extend(key, 50000), 'l', 50000);
    EXPECT_OK(key_set_end(s, a, row, &item));
    return item;
}

static void
expect_all(KeySet *s, Arena *a)
{
    for (uint32_t from = 0; from < NUMBERS; from += BATCH_ROWS) {
        uint32_t count = MIN_OF((uint32_t)NUMBERS - from, (uint32_t)BATCH_ROWS);
        KeyItem items[BATCH_ROWS];

        arena_reset(a);
        for (uint32_t k = 0; k < count; k++)
            items[k] = make_key(s, a, from + k, k);
        EXPECT_OK(key_set_find(s, a, items, count, found));
        for (uint32_t k = 0; k < count; k++)
            EXPECT_EQ(found[k], known[from + k]);
    }
}

/* Batches of every size with few or many that are there already, and some that are in them twice. */
static void
fill(KeySet *s, Arena *a, uint64_t *state, bool tells)
{
    for (int batch = 0; batch < 300; batch++) {
        uint32_t count = (uint32_t)(hash_u64((*state)++) % (batch % 3 == 0 ? 8 : BATCH_ROWS + 1));
        uint32_t numbers[BATCH_ROWS];
        KeyItem items[BATCH_ROWS];

        arena_reset(a);
        for (uint32_t k = 0; k < count; k++) {
            numbers[k] = k % 9 == 8 ? numbers[k - 3] : (uint32_t)(hash_u64((*state)++) % (NUMBERS * 3 / 4));
            items[k] = make_key(s, a, numbers[k], k);
        }
        EXPECT_OK(key_set_add(s, a, items, count, tells ? fresh : NULL));
        for (uint32_t k = 0; k < count; k++) {
            if (tells)
                EXPECT_EQ(fresh[k], !known[numbers[k]]);
            known[numbers[k]] = true;
        }
    }
}

static void
run_with(const WorkMemory *memory, bool leaves)
{
    Ctx *cx = test_ctx();
    const WorkMemory *before = cx->work_memory;
    Arena *arena_before = cx->arena;
    uint64_t state = test_seed();
    Budget budget = {0};
    Arena a, arena;
    KeySet s;

    arena_init(&arena, "test", &budget);
    cx->arena = &arena;
    cx->work_memory = memory;
    arena_init(&a, "batch", NULL);
    key_set_init(&s, cx, "set");
    for (int round = 0; round < 3; round++) {
        EXPECT(key_set_is_empty(&s));
        memset(known, 0, sizeof(known));
        expect_all(&s, &a);
        fill(&s, &a, &state, round != 1);
        EXPECT(!key_set_is_empty(&s));
        EXPECT_EQ(s.run_count > 0, leaves);
        expect_all(&s, &a);
        key_set_clear(&s);
    }
    EXPECT(budget.used_bytes > 0);
    key_set_free(&s);
    arena_free(&a);
    arena_free(&arena);
    EXPECT_EQ(budget.used_bytes, 0);
    cx->arena = arena_before;
    cx->work_memory = before;
}

TEST(key_set, in_memory_it_knows_what_was_put_in)
{
    run_with(&much, false);
}

TEST(key_set, keys_that_have_left_memory_are_found)
{
    run_with(&little, true);
}

TEST(key_set, few_runs_are_left_of_many)
{
    Ctx *cx = test_ctx();
    const WorkMemory *before = cx->work_memory;
    KeySet s;
    Arena a;

    cx->work_memory = &little;
    arena_init(&a, "batch", NULL);
    key_set_init(&s, cx, "set");
    for (uint32_t from = 0; from < 200 * BATCH_ROWS; from += BATCH_ROWS) {
        KeyItem items[BATCH_ROWS];

        arena_reset(&a);
        for (uint32_t k = 0; k < BATCH_ROWS; k++)
            items[k] = make_key(&s, &a, from + k, k);
        EXPECT_OK(key_set_add(&s, &a, items, BATCH_ROWS, NULL));
        EXPECT(s.run_count <= 3 * 4); /* three of each level, and 4^4 are more than there are */
        EXPECT(s.keys.total_bytes <= 4 * little.hash_bytes);
    }
    EXPECT(s.run_count > 0);
    key_set_free(&s);
    arena_free(&a);
    cx->work_memory = before;
}
