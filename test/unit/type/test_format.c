/* What has no SQL function to test it through: names of types, column forms, records, zones, caches. */
#include <string.h>

#include "backend/type/array.h"
#include "backend/type/func.h"
#include "backend/type/numeric.h"
#include "backend/type/record.h"
#include "backend/type/regex.h"
#include "backend/type/regnames.h"
#include "backend/type/timezone.h"
#include "harness.h"

static const char *
formatted(Oid type, int32_t typmod)
{
    static Buf b;

    buf_clear(&b);
    type_format(type, typmod, &b);
    return buf_cstr(&b);
}

static int32_t
typmod_of(Oid type, int64_t a, int64_t b, int count)
{
    int64_t args[] = {a, b};
    int32_t typmod = -2;

    EXPECT_OK(type_by_oid(type)->typmod_in(test_ctx(), args, count, &typmod));
    return typmod;
}

TEST(format, type_names_carry_their_modifier_where_sql_wants_it)
{
    EXPECT_STR(formatted(TYPE_INT4, -1), "integer");
    EXPECT_STR(formatted(TYPE_NUMERIC, typmod_of(TYPE_NUMERIC, 10, 2, 2)), "numeric(10,2)");
    EXPECT_STR(formatted(TYPE_NUMERIC, typmod_of(TYPE_NUMERIC, 3, -5, 2)), "numeric(3,-5)");
    EXPECT_STR(formatted(TYPE_VARCHAR, typmod_of(TYPE_VARCHAR, 20, 0, 1)), "character varying(20)");
    EXPECT_STR(formatted(TYPE_BPCHAR, typmod_of(TYPE_BPCHAR, 3, 0, 1)), "character(3)");
    EXPECT_STR(formatted(TYPE_TIMESTAMPTZ, 3), "timestamp(3) with time zone");
    EXPECT_STR(formatted(TYPE_TIMESTAMP, 0), "timestamp(0) without time zone");
    EXPECT_STR(formatted(TYPE_TEXT_ARRAY, -1), "text[]");
    EXPECT_STR(formatted(1015, typmod_of(TYPE_VARCHAR, 20, 0, 1)), "character varying(20)[]");
    EXPECT_STR(formatted(TYPE_INTERVAL, typmod_of(TYPE_INTERVAL, 0x1c08, 2, 2)), "interval day to second(2)");
}

TEST(format, modifiers_out_of_range_are_refused)
{
    int64_t zero[] = {0, 0}, large[] = {1001, 0}, length[] = {10485761};
    int32_t typmod;

    EXPECT_FAIL(type_by_oid(TYPE_NUMERIC)->typmod_in(test_ctx(), zero, 2, &typmod), "22023");
    EXPECT_FAIL(type_by_oid(TYPE_NUMERIC)->typmod_in(test_ctx(), large, 2, &typmod), "22023");
    EXPECT_FAIL(type_by_oid(TYPE_VARCHAR)->typmod_in(test_ctx(), zero, 1, &typmod), "22023");
    EXPECT_FAIL(type_by_oid(TYPE_VARCHAR)->typmod_in(test_ctx(), length, 1, &typmod), "22023");
}

TEST(format, short_decimal_columns_are_64_bit)
{
    const TypeInfo *numeric = type_by_oid(TYPE_NUMERIC);
    int16_t scale;

    EXPECT_EQ(type_column_phys(numeric, typmod_of(TYPE_NUMERIC, 18, 6, 2), &scale), PHYS_DEC64);
    EXPECT_EQ(scale, 6);
    EXPECT_EQ(type_column_phys(numeric, typmod_of(TYPE_NUMERIC, 19, 6, 2), &scale), PHYS_VAR);
    EXPECT_EQ(type_column_phys(numeric, typmod_of(TYPE_NUMERIC, 5, -2, 2), &scale), PHYS_VAR);
    EXPECT_EQ(type_column_phys(numeric, -1, &scale), PHYS_VAR);
    EXPECT_EQ(type_column_phys(type_by_oid(TYPE_INT4), -1, &scale), PHYS_I32);
}

static const char *
shown(Oid type_oid, const Value *v)
{
    static Buf b;
    const TypeInfo *type = type_by_oid(type_oid);

    buf_clear(&b);
    EXPECT_OK(type->out(test_ctx(), type, v, &b));
    return buf_cstr(&b);
}

TEST(format, record_shows_its_columns_and_quotes_what_needs_it)
{
    Ctx *cx = test_ctx();
    Oid types[] = {TYPE_INT4, TYPE_TEXT, TYPE_TEXT, TYPE_NUMERIC, TYPE_TEXT};
    Value values[] = {value_i32(1), value_var("a b", 3), value_null(), numeric_from_i64(cx->arena, 150, 2),
                      value_var("", 0)};
    Value r, again;

    EXPECT_OK(record_build(cx, types, values, 5, &r));
    EXPECT_STR(shown(TYPE_RECORD, &r), "(1,\"a b\",,1.50,\"\")");
    EXPECT_EQ(record_count(r.var), 5);
    EXPECT_OK(record_build(cx, types, values, 5, &again));
    EXPECT_EQ(type_by_oid(TYPE_RECORD)->compare(&r, &again), 0);
    values[1] = value_var("a c", 3);
    EXPECT_OK(record_build(cx, types, values, 5, &again));
    EXPECT(type_by_oid(TYPE_RECORD)->compare(&r, &again) < 0);
    values[1] = value_null();
    EXPECT_OK(record_build(cx, types, values, 5, &again));
    EXPECT(type_by_oid(TYPE_RECORD)->compare(&r, &again) < 0);
}

static int polls;

static Status
cancel_at_the_fourth(Ctx *cx)
{
    return ++polls < 4 ? ST_OK : fail(cx, ST_CANCELED, "57014", "canceling statement due to user request");
}

TEST(format, a_long_text_of_a_record_can_be_cancelled_on_the_way)
{
    static const CtxHooks hooks = {.poll = cancel_at_the_fourth};
    Ctx *cx = test_ctx();
    _Atomic uint32_t interrupt = 1;
    Oid type = TYPE_TEXT;
    char *quotes = memset(arena_alloc(cx->arena, 1 << 20), '"', 1 << 20);
    Value text = value_var(quotes, 1 << 20), r;
    Buf b = {0};

    EXPECT_OK(record_build(cx, &type, &text, 1, &r));
    EXPECT_OK(type_by_oid(TYPE_RECORD)->out(cx, type_by_oid(TYPE_RECORD), &r, &b));
    EXPECT_EQ(b.bytes, (2 << 20) + 4); /* all of them, doubled, in quotes and parentheses */
    cx->interrupt = &interrupt;
    cx->hooks = &hooks;
    EXPECT_FAIL(type_by_oid(TYPE_RECORD)->out(cx, type_by_oid(TYPE_RECORD), &r, &b), "57014");
    buf_free(&b);
}

TEST(format, array_elements_are_read_and_written_by_subscript)
{
    Ctx *cx = test_ctx();
    Value empty = value_null(), one = value_i32(1), five = value_i32(5), a, b;
    int32_t at = 3, low = 2, high = 9;
    bool yes = true, no = false;
    ArrayView v;

    EXPECT_OK(array_set_element(cx, TYPE_INT4, &empty, &at, 1, &one, &a));
    EXPECT_STR(shown(TYPE_INT4_ARRAY, &a), "[3:3]={1}");
    at = 5;
    EXPECT_OK(array_set_element(cx, TYPE_INT4, &a, &at, 1, &five, &b));
    EXPECT_STR(shown(TYPE_INT4_ARRAY, &b), "[3:5]={1,NULL,5}");
    at = 2;
    EXPECT_OK(array_set_element(cx, TYPE_INT4, &b, &at, 1, &five, &b));
    EXPECT_STR(shown(TYPE_INT4_ARRAY, &b), "[2:5]={5,1,NULL,5}");
    v = array_open(b.var);
    EXPECT_EQ(array_get_element(&v, &at, 1).i32, 5);
    at = 9;
    EXPECT(array_get_element(&v, &at, 1).is_null);
    low = 3;
    EXPECT_OK(array_get_slice(cx, &v, &low, &yes, &high, &no, 1, &a));
    EXPECT_STR(shown(TYPE_INT4_ARRAY, &a), "{1,NULL,5}");
    low = 7;
    EXPECT_OK(array_get_slice(cx, &v, &low, &yes, &high, &yes, 1, &a));
    EXPECT_STR(shown(TYPE_INT4_ARRAY, &a), "{}");
}

TEST(format, zones_are_found_in_any_case_and_under_one_name)
{
    const TimeZone *a, *b;

    EXPECT_OK(timezone_find(test_ctx(), "america/new_york", 16, &a));
    EXPECT_STR(timezone_name(a), "America/New_York");
    b = timezone_lookup("America/New_York", 16);
    EXPECT(a == b);
    EXPECT(timezone_lookup("America/Nowhere", 15) == NULL);
    EXPECT(timezone_lookup("../../etc/passwd", 16) == NULL);
    EXPECT(timezone_lookup("/etc/localtime", 14) == NULL);
    EXPECT_FAIL(timezone_find(test_ctx(), "", 0, &a), "22023");
    EXPECT_STR(timezone_name(timezone_fixed(5 * 3600 + 1800)), "<+05:30>-05:30");
    EXPECT_EQ(timezone_at_utc(timezone_fixed(-3600), 0).seconds, -3600);
}

TEST(format, regex_cache_answers_the_same_program_and_survives_many)
{
    Ctx *cx = test_ctx();
    RegexCache *cache = regex_cache_create();
    FormatSettings format = {.extra_float_digits = 1, .regex_cache = cache};
    Regex *first, *second;
    bool found;

    cx->format = &format;
    EXPECT_OK(regex_acquire(cx, (VarRef){"a+b", 3}, 0, &first));
    regex_release(cx, first);
    EXPECT_OK(regex_acquire(cx, (VarRef){"a+b", 3}, 0, &second));
    EXPECT(first == second);
    for (int i = 0; i < 500; i++) {
        char *pattern = arena_printf(cx->arena, "x%d$", i);

        EXPECT_OK(regex_acquire(cx, (VarRef){pattern, (uint32_t)strlen(pattern)}, 0, &second));
        EXPECT_OK(regex_match(cx, second, (VarRef){"x499", 4}, 0, NULL, &found));
        EXPECT_EQ(found, i == 499);
        regex_release(cx, second);
    }
    EXPECT_FAIL(regex_acquire(cx, (VarRef){"(", 1}, 0, &second), "2201B");
    cx->format = NULL;
    regex_cache_free(cache);
}

TEST(format, setseed_makes_random_repeat)
{
    Ctx *cx = test_ctx();
    RandomState state = {{0}};
    FormatSettings format = {.extra_float_digits = 1, .random_state = &state};
    const FnInfo *setseed = fn_by_oid(1599), *random = fn_by_oid(1598);
    Oid types[] = {TYPE_FLOAT8};
    Value half = {.f64 = 0.5, .phys = PHYS_F64}, unused, a, b;

    cx->format = &format;
    EXPECT_OK(fn_call_value(cx, setseed, types, &half, 1, TYPE_VOID, &unused));
    EXPECT_OK(fn_call_value(cx, random, NULL, NULL, 0, TYPE_FLOAT8, &a));
    EXPECT_STR(shown(TYPE_FLOAT8, &a), "0.9851677175347999"); /* as PostgreSQL 15 */
    EXPECT_OK(fn_call_value(cx, setseed, types, &half, 1, TYPE_VOID, &unused));
    EXPECT_OK(fn_call_value(cx, random, NULL, NULL, 0, TYPE_FLOAT8, &b));
    EXPECT(a.f64 == b.f64);
    cx->format = NULL;
}

static Status
find_seven(Ctx *cx, Oid reg_type, const char *text, size_t bytes, bool missing_ok, Oid *oid)
{
    EXPECT_EQ(reg_type, TYPE_REGCLASS);
    if (bytes == 5 && memcmp(text, "seven", 5) == 0) {
        *oid = 7;
        return ST_OK;
    }
    *oid = OID_NONE;
    return missing_ok ? ST_OK
                      : fail(cx, ST_ERROR, "42P01", "relation \"%.*s\" does not exist", (int)bytes, text);
}

static Status
name_seven(Ctx *cx, Oid reg_type, Oid oid, Buf *to, bool *found)
{
    (void)cx;
    (void)reg_type;
    *found = oid == 7;
    if (*found)
        buf_add_text(to, "seven");
    return ST_OK;
}

TEST(format, reg_types_ask_the_catalog_for_names_and_know_numbers_themselves)
{
    static const RegNames names = {find_seven, name_seven};
    FormatSettings format = {.reg_names = &names};
    Ctx *cx = test_ctx();
    const TypeInfo *regclass = type_by_oid(TYPE_REGCLASS);
    const FnInfo *to_regclass = fn_by_oid(3495);
    Oid types[] = {TYPE_TEXT};
    Value v, none = value_var("eight", 5);

    EXPECT_OK(regclass->in(cx, regclass, "42", 2, -1, &v));
    EXPECT_EQ(v.u32, 42);
    EXPECT_FAIL(regclass->in(cx, regclass, "seven", 5, -1, &v), "0A000");
    cx->format = &format;
    EXPECT_OK(regclass->in(cx, regclass, "seven", 5, -1, &v));
    EXPECT_STR(shown(TYPE_REGCLASS, &v), "seven");
    EXPECT_FAIL(regclass->in(cx, regclass, "eight", 5, -1, &v), "42P01");
    EXPECT_OK(fn_call_value(cx, to_regclass, types, &none, 1, TYPE_REGCLASS, &v));
    EXPECT(v.is_null);
    v = value_oid(0);
    EXPECT_STR(shown(TYPE_REGCLASS, &v), "-");
    v = value_oid(8);
    EXPECT_STR(shown(TYPE_REGCLASS, &v), "8");
    v = value_oid(TYPE_INT4);
    cx->format = NULL;
    EXPECT_STR(shown(TYPE_REGTYPE, &v), "integer");
}
