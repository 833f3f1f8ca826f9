#include "postmaster/pool.h"

#include "harness.h"

TEST(pool, has_room_for_all_sessions_and_some_spares)
{
    Pool pool;

    EXPECT_OK(pool_create(test_ctx(), 10, 0, &pool));
    EXPECT(pool.shared->capacity >= 10 + (uint32_t)pool.spare_least);
    EXPECT_EQ(pool_count(&pool, CHILD_FREE), pool.shared->capacity);
}

TEST(pool, counts_states_and_finds_free_slots)
{
    Pool pool;

    EXPECT_OK(pool_create(test_ctx(), 3, 1, &pool));
    for (uint32_t i = 0; i < pool.shared->capacity; i++) {
        EXPECT_EQ(pool_free_slot(&pool), i);
        pool.pids[i] = 1;
        atomic_store(&pool.shared->states[i], i % 2 == 0 ? CHILD_BUSY : CHILD_IDLE);
    }
    EXPECT_EQ(pool_free_slot(&pool), -1);
    EXPECT_EQ(pool_count(&pool, CHILD_BUSY), (pool.shared->capacity + 1) / 2);
    EXPECT_EQ(pool_count(&pool, CHILD_IDLE), pool.shared->capacity / 2);
}
