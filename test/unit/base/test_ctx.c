#include "base/ctx.h"

#include "harness.h"

TEST(ctx, an_error_keeps_every_field_through_copy_and_restore)
{
    Ctx *cx = test_ctx();
    ErrorInfo *saved;

    EXPECT_EQ(fail_at(cx, 4, "22012", "division by %s", "zero"), ST_ERROR);
    fail_detail(cx, "Detail.");
    fail_hint(cx, "Hint.");
    fail_object(cx, "s", "t", "c", "k");
    saved = ctx_error_copy(cx, cx->arena);
    ctx_error_clear(cx);
    EXPECT(cx->error.message == NULL);
    ctx_error_restore(cx, saved);
    EXPECT_STR(cx->error.message, "division by zero");
    EXPECT_STR(cx->error.sqlstate, "22012");
    EXPECT_STR(cx->error.detail, "Detail.");
    EXPECT_STR(cx->error.hint, "Hint.");
    EXPECT_STR(cx->error.constraint_name, "k");
    EXPECT_EQ(cx->error.position, 5);
}

TEST(ctx, the_first_position_wins)
{
    Ctx *cx = test_ctx();

    (void)fail_at(cx, 4, "42601", "x");
    fail_locate(cx, 9);
    EXPECT_EQ(cx->error.position, 5);
}
