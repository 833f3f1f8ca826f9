/* The tables are complete and agree with each other. */
#include <string.h>

#include "backend/type/func.h"
#include "harness.h"

TEST(tables, types_are_found_by_oid_and_name_and_stand_in_order)
{
    int count;
    const TypeInfo *types = type_table(&count);

    for (int i = 0; i < count; i++) {
        EXPECT(type_by_oid(types[i].oid) == &types[i]);
        EXPECT(type_by_name(types[i].name) == &types[i]);
        EXPECT(i == 0 || types[i - 1].oid < types[i].oid);
        EXPECT(types[i].in != NULL && types[i].out != NULL && types[i].recv != NULL && types[i].send != NULL);
    }
    EXPECT(type_by_oid(1) == NULL);
    EXPECT(type_by_name("nonsense") == NULL);
}

TEST(tables, array_types_and_elements_point_at_each_other)
{
    int count;
    const TypeInfo *types = type_table(&count);

    for (int i = 0; i < count; i++) {
        if (types[i].array != 0) {
            EXPECT(type_by_oid(types[i].array) != NULL);
            EXPECT_EQ(type_by_oid(types[i].array)->elem, types[i].oid);
        }
    }
}

TEST(tables, functions_are_found_by_oid_and_name)
{
    int count;
    const FnInfo *fns = fn_table(&count);

    for (int i = 0; i < count; i++) {
        const FnInfo *const *group = fn_by_name(fns[i].name);
        bool found = false;

        EXPECT(fn_by_oid(fns[i].oid) == &fns[i]);
        EXPECT(group != NULL);
        for (; *group != NULL; group++) {
            EXPECT_STR((*group)->name, fns[i].name);
            found |= *group == &fns[i];
        }
        EXPECT(found);
    }
    EXPECT(fn_by_oid(4000000000u) == NULL);
    EXPECT(fn_by_name("") == NULL);
}

TEST(tables, every_function_has_exactly_one_implementation)
{
    int count;
    const FnInfo *fns = fn_table(&count);

    for (int i = 0; i < count; i++) {
        const FnInfo *f = &fns[i];

        EXPECT_EQ((f->kernel != NULL) + (f->scalar != NULL) + (f->series != NULL) + (f->agg != NULL), 1);
        EXPECT_EQ(f->kind == 'a', f->agg != NULL);
        EXPECT_EQ(f->returns_set, f->series != NULL);
        EXPECT(f->arg_count <= FN_ARGS_MOST);
        EXPECT(type_by_oid(f->result) != NULL);
        for (int a = 0; a < f->arg_count; a++)
            EXPECT(type_by_oid(f->args[a]) != NULL);
    }
}

TEST(tables, operators_name_functions_that_take_their_operands)
{
    int count;
    const OperInfo *opers = oper_table(&count);

    for (int i = 0; i < count; i++) {
        const FnInfo *f = fn_by_oid(opers[i].fn);
        const OperInfo *negator = oper_by_oid(opers[i].negator), *commutator = oper_by_oid(opers[i].commutator);

        EXPECT(oper_by_oid(opers[i].oid) == &opers[i]);
        EXPECT(oper_by_name(opers[i].name) != NULL);
        EXPECT(f != NULL);
        EXPECT_EQ(f->arg_count, opers[i].left == 0 ? 1 : 2);
        EXPECT_EQ(f->result, opers[i].result);
        EXPECT(opers[i].negator == 0 || negator != NULL);
        EXPECT(opers[i].commutator == 0 || commutator != NULL);
        if (negator != NULL)
            EXPECT_EQ(negator->negator, opers[i].oid);
    }
}

TEST(tables, casts_are_found_and_their_functions_take_the_source)
{
    int count;
    const CastInfo *casts = cast_table(&count);

    for (int i = 0; i < count; i++) {
        EXPECT(cast_find(casts[i].source, casts[i].target) == &casts[i]);
        EXPECT_EQ(casts[i].fn != 0, casts[i].method == 'f');
        if (casts[i].fn != 0)
            EXPECT(fn_by_oid(casts[i].fn) != NULL);
    }
    EXPECT(cast_find(TYPE_INT4, TYPE_BYTEA) == NULL);
}

/* Equal values hash alike and have equal keys; the order of keys is the order of compare. */
TEST(tables, keys_sort_as_values_compare)
{
    static const struct {
        Oid type;
        const char *ascending[9];
    } rows[] = {
        {TYPE_INT2, {"-32768", "-1", "0", "1", "32767"}},
        {TYPE_INT4, {"-2147483648", "-1", "0", "1", "2147483647"}},
        {TYPE_INT8, {"-9223372036854775808", "-1", "0", "1", "9223372036854775807"}},
        {TYPE_FLOAT8, {"-Infinity", "-1e300", "-1", "-1e-300", "0", "1e-300", "1", "Infinity", "NaN"}},
        {TYPE_FLOAT4, {"-Infinity", "-1e30", "-1", "0", "1e-30", "1", "2", "Infinity", "NaN"}},
        {TYPE_NUMERIC, {"-Infinity", "-1e40", "-12.5", "-12.49", "0", "0.001", "12.3", "1e40", "NaN"}},
        {TYPE_NUMERIC, {"-100", "-99.9", "-0.1", "0.00", "0.1", "9", "10", "100.0001", "Infinity"}},
        {TYPE_TEXT, {"", "A", "AB", "B", "a", "aa", "ab", "b"}},
        {TYPE_BPCHAR, {"", "a", "a b", "ab", "b"}},
        {TYPE_BOOL, {"f", "t"}},
        {TYPE_OID, {"0", "1", "2147483648", "4294967295"}},
        {TYPE_DATE, {"-infinity", "0044-03-15 BC", "1999-12-31", "2000-01-01", "infinity"}},
        {TYPE_TIMESTAMP, {"-infinity", "1999-12-31 23:59", "2000-01-01", "infinity"}},
        {TYPE_INTERVAL, {"-1 month", "-29 days", "0", "23:59", "1 day", "25:00", "1 month", "31 days"}},
        {TYPE_TIMETZ, {"00:00+05", "00:00+00", "12:00+01", "12:00-01"}},
        {TYPE_BYTEA, {"", "\\x00", "\\x0000", "\\x01", "\\xff"}},
        {TYPE_INT4_ARRAY, {"{}", "{1}", "{1,2}", "{1,NULL}", "{2}"}},
        {TYPE_TEXT_ARRAY, {"{}", "{a}", "{a,a}", "{aa}", "{b,NULL}"}},
    };
    Ctx *cx = test_ctx();

    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        const TypeInfo *type = type_by_oid(rows[r].type);
        Value previous = {0};
        Buf previous_key = {0};

        for (int i = 0; i < 9 && rows[r].ascending[i] != NULL; i++) {
            const char *text = rows[r].ascending[i];
            Value v;
            Buf key = {0};

            ck_assert_msg(type->in(cx, type, text, strlen(text), -1, &v) == ST_OK, "%s %s", type->name, text);
            type->key_encode(&v, &key);
            EXPECT_EQ(type->compare(&v, &v), 0);
            if (i > 0) {
                size_t n = MIN_OF(key.bytes, previous_key.bytes);

                ck_assert_msg(type->compare(&previous, &v) < 0 && type->compare(&v, &previous) > 0, "%s %s",
                              type->name, text);
                ck_assert_msg(memcmp(previous_key.data, key.data, n) < 0, "key of %s %s", type->name, text);
            }
            previous = v;
            buf_free(&previous_key);
            previous_key = key;
        }
        buf_free(&previous_key);
    }
}

TEST(tables, equal_values_hash_alike_whatever_their_form)
{
    static const struct {
        Oid type_a, type_b;
        const char *a, *b;
    } rows[] = {
        {TYPE_NUMERIC, TYPE_NUMERIC, "1", "1.000"},
        {TYPE_NUMERIC, TYPE_NUMERIC, "100", "1e2"},
        {TYPE_NUMERIC, TYPE_NUMERIC, "0", "0.00000000000000000000000"},
        {TYPE_NUMERIC, TYPE_NUMERIC, "1200000000000000000000000", "1200000000000000000000000.0"},
        {TYPE_NUMERIC, TYPE_NUMERIC, "1.50", "1.5000000000000000000000000"},
        {TYPE_INT4, TYPE_INT8, "-5", "-5"},
        {TYPE_INT2, TYPE_INT4, "300", "300"},
        {TYPE_FLOAT4, TYPE_FLOAT8, "1.5", "1.5"},
        {TYPE_FLOAT8, TYPE_FLOAT8, "0", "-0"},
        {TYPE_BPCHAR, TYPE_BPCHAR, "ab", "ab   "},
        {TYPE_INTERVAL, TYPE_INTERVAL, "1 month", "30 days"},
        {TYPE_INTERVAL, TYPE_INTERVAL, "1 day", "24:00"},
    };
    Ctx *cx = test_ctx();

    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        const TypeInfo *ta = type_by_oid(rows[r].type_a), *tb = type_by_oid(rows[r].type_b);
        Value a, b;

        EXPECT_OK(ta->in(cx, ta, rows[r].a, strlen(rows[r].a), -1, &a));
        EXPECT_OK(tb->in(cx, tb, rows[r].b, strlen(rows[r].b), -1, &b));
        ck_assert_msg(ta->hash(&a) == tb->hash(&b), "%s %s and %s", ta->name, rows[r].a, rows[r].b);
    }
}
