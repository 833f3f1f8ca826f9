/* Vectors: constants, nulls, forms; and that a call over a batch computes what it should and no more. */
#include <string.h>

#include "backend/type/func.h"
#include "backend/type/numeric.h"
#include "harness.h"

TEST(value, const_vector_answers_its_value_for_every_row)
{
    Ctx *cx = test_ctx();
    Value v = value_i32(7);
    Vector c;

    vector_init_const(&c, cx->arena, &v, PHYS_I32);
    EXPECT_EQ(vector_get(&c, 0).i32, 7);
    EXPECT_EQ(vector_get(&c, 900).i32, 7);
}

TEST(value, const_null_is_null_for_every_row)
{
    Value v = value_null();
    Vector c;

    vector_init_const(&c, test_ctx()->arena, &v, PHYS_VAR);
    EXPECT(vector_get(&c, 5).is_null);
}

TEST(value, setting_a_value_clears_the_null_that_was_there)
{
    Arena *a = test_ctx()->arena;
    Vector v;

    vector_init(&v, a, PHYS_I64, 100);
    vector_set(&v, a, 70, 100, value_null());
    EXPECT(vector_get(&v, 70).is_null);
    vector_set(&v, a, 70, 100, value_i64(1));
    EXPECT(!vector_get(&v, 70).is_null);
}

TEST(value, no_rows_means_no_error_from_constants)
{
    Ctx *cx = test_ctx();
    const FnInfo *divide = fn_by_oid(154); /* int4div */
    Oid types[] = {TYPE_INT4, TYPE_INT4};
    Value one = value_i32(1), zero = value_i32(0);
    Vector a, b, *args[] = {&a, &b}, out;
    FnCall call = {.cx = cx,
                   .rows = {NULL, 0},
                   .capacity_rows = 8,
                   .arg_count = 2,
                   .arg_types = types,
                   .result_type = TYPE_INT4};

    vector_init_const(&a, cx->arena, &one, PHYS_I32);
    vector_init_const(&b, cx->arena, &zero, PHYS_I32);
    EXPECT_OK(fn_call_vector(&call, divide, args, &out));
    call.rows.count = 1;
    EXPECT_FAIL(fn_call_vector(&call, divide, args, &out), "22012");
}

TEST(value, division_by_zero_in_an_unselected_row_is_not_seen)
{
    Ctx *cx = test_ctx();
    const FnInfo *divide = fn_by_oid(154);
    Oid types[] = {TYPE_INT4, TYPE_INT4};
    static const uint16_t sel[] = {0, 2};
    Vector a, b, *args[] = {&a, &b}, out;
    FnCall call = {.cx = cx,
                   .rows = {sel, 2},
                   .capacity_rows = 3,
                   .arg_count = 2,
                   .arg_types = types,
                   .result_type = TYPE_INT4};

    vector_init(&a, cx->arena, PHYS_I32, 3);
    vector_init(&b, cx->arena, PHYS_I32, 3);
    for (uint32_t i = 0; i < 3; i++) {
        vector_set(&a, cx->arena, i, 3, value_i32(10));
        vector_set(&b, cx->arena, i, 3, value_i32(i == 1 ? 0 : 5));
    }
    EXPECT_OK(fn_call_vector(&call, divide, args, &out));
    EXPECT_EQ(vector_get(&out, 2).i32, 2);
}

/* The product of two short decimals that does not fit falls back to the packed form for the batch. */
TEST(value, decimal_overflow_falls_back_to_the_packed_form)
{
    Ctx *cx = test_ctx();
    const FnInfo *multiply = fn_by_oid(1726); /* numeric_mul */
    Oid types[] = {TYPE_NUMERIC, TYPE_NUMERIC};
    Vector a, *args[] = {&a, &a}, out;
    FnCall call = {.cx = cx,
                   .rows = {NULL, 2},
                   .capacity_rows = 2,
                   .arg_count = 2,
                   .arg_types = types,
                   .result_type = TYPE_NUMERIC};
    Value v;

    vector_init(&a, cx->arena, PHYS_DEC64, 2);
    a.scale = 2;
    ((int64_t *)a.data)[0] = 150;
    ((int64_t *)a.data)[1] = INT64_C(5000000000000);
    EXPECT_OK(fn_call_vector(&call, multiply, args, &out));
    EXPECT_EQ(out.phys, PHYS_VAR);
    v = vector_get(&out, 0);
    EXPECT_STR(numeric_text(cx->arena, &v), "2.2500");
    v = vector_get(&out, 1);
    EXPECT_STR(numeric_text(cx->arena, &v), "2500000000000000000000.0000");
    ((int64_t *)a.data)[1] = 25;
    EXPECT_OK(fn_call_vector(&call, multiply, args, &out));
    EXPECT_EQ(out.phys, PHYS_DEC64);
    EXPECT_EQ(out.scale, 4);
    EXPECT_EQ(((int64_t *)out.data)[1], 625);
}
