#include "base/arena.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/poison.h"
#include "harness.h"

TEST(arena, rewind_gives_back_what_came_after_the_mark)
{
    Arena a;
    ArenaMark mark;
    size_t before;

    arena_init(&a, "t", NULL);
    arena_alloc(&a, 100);
    mark = arena_mark(&a);
    before = a.total_bytes;
    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 10000);
    arena_rewind(&a, mark);
    EXPECT_EQ(a.total_bytes, before);
    arena_free(&a);
    EXPECT_EQ(a.total_bytes, 0);
}

TEST(arena, budget_refuses_what_does_not_fit_and_counts_back)
{
    Budget budget = {.limit_bytes = 1 << 20};
    Arena a;

    arena_init(&a, "t", &budget);
    EXPECT(arena_try_alloc(&a, 2 << 20) == NULL);
    EXPECT_EQ(budget.used_bytes, 0);
    EXPECT(arena_try_alloc(&a, 1 << 19) != NULL);
    EXPECT(arena_try_alloc(&a, 1 << 19) == NULL);
    arena_free(&a);
    EXPECT_EQ(budget.used_bytes, 0);
}

TEST(arena, shared_ceiling_stops_every_budget)
{
    _Atomic uint64_t used = 0, limit = 1 << 20;
    Budget budget = {.shared_used_bytes = &used, .shared_limit_bytes = &limit};

    EXPECT(budget_take(&budget, 1 << 20));
    EXPECT(!budget_take(&budget, 1));
    budget_give(&budget, 1 << 20);
    EXPECT_EQ(used, 0);
}

TEST(arena, a_session_gets_a_little_in_spite_of_the_ceiling)
{
    _Atomic uint64_t used = 2 << 20, limit = 1 << 20;
    Budget budget = {.shared_used_bytes = &used, .shared_limit_bytes = &limit};

    EXPECT(budget_take(&budget, BUDGET_FLOOR_BYTES));
    EXPECT(!budget_take(&budget, 1));
    EXPECT_EQ(used, (2 << 20) + BUDGET_FLOOR_BYTES);
    budget_give(&budget, BUDGET_FLOOR_BYTES);
    EXPECT_EQ(used, 2 << 20);
}

static _Atomic uint64_t reclaim_used, reclaim_limit = 8 << 20;
static _Atomic uint32_t reclaim_critical;

static bool
give_back(void *arg, uint64_t bytes)
{
    uint64_t *unused = arg;

    EXPECT_EQ(reclaim_critical, 0); /* it may take long */
    if (*unused < bytes)
        return false;
    *unused -= bytes;
    reclaim_used -= bytes;
    return true;
}

TEST(arena, at_the_ceiling_what_nobody_uses_gives_way)
{
    uint64_t unused = 3 << 20;
    Budget budget = {.shared_used_bytes = &reclaim_used,
                     .shared_limit_bytes = &reclaim_limit,
                     .slot_critical = &reclaim_critical,
                     .reclaim = give_back,
                     .reclaim_arg = &unused};

    reclaim_used = 8 << 20;
    EXPECT(budget_take(&budget, 2 << 20));
    EXPECT_EQ(unused, 1 << 20);
    EXPECT_EQ(reclaim_used, 8 << 20);
    EXPECT(!budget_take(&budget, 2 << 20));
    EXPECT_EQ(budget.used_bytes, 2 << 20);
    budget_give(&budget, 2 << 20);
    EXPECT_EQ(reclaim_critical, 0);
}

TEST(arena, nothing_from_a_new_arena_is_a_valid_pointer)
{
    Arena a;

    arena_init(&a, "t", NULL);
    EXPECT(arena_alloc(&a, 0) != NULL);
    arena_free(&a);
    EXPECT(arena_alloc(&a, 0) != NULL);
    arena_free(&a);
}

TEST(arena, results_are_aligned_and_strings_end)
{
    Arena a;

    arena_init(&a, "t", NULL);
    for (size_t i = 0; i < 50; i++)
        EXPECT_EQ((uintptr_t)arena_alloc(&a, i) % 16, 0);
    EXPECT_STR(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    EXPECT_STR(arena_strndup(&a, "hello", 2), "he");
    arena_free(&a);
}

#ifdef POISON_IS_ON
TEST(arena, only_what_was_given_out_may_be_touched)
{
    Arena a;
    ArenaMark mark;
    char *kept, *later;

    arena_init(&a, "t", NULL);
    kept = arena_alloc(&a, 13);
    mark = arena_mark(&a);
    later = arena_try_alloc(&a, 32);
    EXPECT(!__asan_address_is_poisoned(kept + 12) && __asan_address_is_poisoned(kept + 13));
    EXPECT(!__asan_address_is_poisoned(later + 31) && __asan_address_is_poisoned(later + 32));
    EXPECT_EQ(arena_alloc(&a, 1) == later + 32, false); /* a gap follows a piece that is full to its end */
    arena_rewind(&a, mark);
    EXPECT(__asan_address_is_poisoned(later) && !__asan_address_is_poisoned(kept));
    arena_reset(&a);
    EXPECT(__asan_address_is_poisoned(kept));
    arena_free(&a);
}
#endif

#ifndef POISON_IS_ON /* AddressSanitizer ends the process itself */
TEST(arena, with_no_memory_left_the_process_ends_but_not_by_a_fatal_signal)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        LogOptions quiet = {.fd = open("/dev/null", O_WRONLY), .level = LOG_INFO};
        struct rlimit least = {.rlim_cur = 0, .rlim_max = 0};
        Arena a;

        log_configure(&quiet);
        arena_init(&a, "t", NULL);
        setrlimit(RLIMIT_AS, &least);
        for (;;)
            arena_alloc(&a, 1024 * 1024);
    }
    EXPECT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1);
}
#endif
