/* Pages that recovery has passed over. */
#include "harness.h"
#include "storage/recover/lost_pages.h"

static PageId
id_of(uint32_t relation, uint8_t fork, uint32_t block)
{
    return (PageId){.branch = 3, .relation = relation, .fork = fork, .block = block};
}

static bool
has(const LostPages *lost, PageId id)
{
    bool found;

    (void)lost_pages_find(lost, id, &found);
    return found;
}

TEST(recover, lost_pages_are_found_again)
{
    enum { PAGES = 500 };
    LostPages lost = {0};

    EXPECT(!has(&lost, id_of(1, 0, 0)));
    for (uint32_t i = 0; i < PAGES; i++) /* in no order */
        lost_pages_add(&lost, test_ctx()->arena, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES), i);
    EXPECT_EQ(lost.count, PAGES);
    for (uint32_t i = 0; i < PAGES; i++) {
        EXPECT(has(&lost, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES)));
        EXPECT(!has(&lost, id_of(i % 7, (uint8_t)(i % 3), i * 271 % PAGES + PAGES)));
    }
}

TEST(recover, pages_that_are_cut_off_are_not_lost_any_more)
{
    LostPages lost = {0};

    for (uint32_t block = 0; block < 10; block++) {
        lost_pages_add(&lost, test_ctx()->arena, id_of(5, FORK_MAIN, block), 8);
        lost_pages_add(&lost, test_ctx()->arena, id_of(5, FORK_VISIBILITY, block), 8);
        lost_pages_add(&lost, test_ctx()->arena, id_of(6, FORK_MAIN, block), 8);
    }
    lost_pages_cut(&lost, id_of(5, FORK_MAIN, 4));
    EXPECT_EQ(lost.count, 24);
    for (uint32_t block = 0; block < 10; block++) {
        EXPECT_EQ(has(&lost, id_of(5, FORK_MAIN, block)), block < 4);
        EXPECT(has(&lost, id_of(5, FORK_VISIBILITY, block)));
        EXPECT(has(&lost, id_of(6, FORK_MAIN, block)));
    }
    lost_pages_cut(&lost, id_of(7, FORK_MAIN, 0));
    EXPECT_EQ(lost.count, 24);
}
