/* Rows that leave memory: their form as bytes, lists of them, and sorting in runs, compared with what was put in. */
#include <stdlib.h>
#include <string.h>

#include "backend/exec/exec_int.h"
#include "backend/exec/row_block.h"
#include "backend/exec/row_sort.h"
#include "base/hash.h"
#include "harness.h"

enum { COLUMNS = 4, COLUMN_INT = 0, COLUMN_TEXT, COLUMN_NO, COLUMN_INTERVAL };
static const Oid column_types[COLUMNS] = {TYPE_INT4, TYPE_TEXT, TYPE_INT8, TYPE_INTERVAL};
static const WorkMemory little = {64 * 1024, 128 * 1024, 1024 * 1024};

static Expr *const *
types_of(Ctx *cx)
{
    Expr **types = arena_array(cx->arena, Expr *, COLUMNS);

    for (int c = 0; c < COLUMNS; c++) {
        types[c] = arena_new(cx->arena, Expr);
        types[c]->type = column_types[c];
    }
    return types;
}

/* Row `no`: few different keys, some of them null, texts of any length. */
static void
make_row(uint64_t seed, uint64_t no, Arena *a, Value values[COLUMNS])
{
    uint64_t h = hash_u64(seed + no);
    uint32_t bytes = (uint32_t)(h >> 20 & 63) + (h % 500 == 0 ? 9000 : 0);
    char *text = arena_alloc(a, bytes);

    for (uint32_t i = 0; i < bytes; i++)
        text[i] = (char)('a' + hash_u64(h + i) % 3);
    values[COLUMN_INT] = h % 7 == 0 ? value_null() : value_i32((int32_t)(h >> 8 & 127) - 64);
    values[COLUMN_TEXT] = h % 5 == 0 ? value_null() : value_var(text, bytes);
    values[COLUMN_NO] = value_i64((int64_t)no);
    values[COLUMN_INTERVAL] = (Value){.interval = {(int64_t)no, (int32_t)no, 7}, .phys = PHYS_INTERVAL};
}

static void
make_batch(Ctx *cx, uint64_t seed, uint64_t first, uint32_t count, Expr *const *types, Batch *out)
{
    Vector *columns = vectors_new(cx->arena, types, COLUMNS, MAX_OF(count, UINT32_C(1)));

    for (uint32_t i = 0; i < count; i++) {
        Value values[COLUMNS];

        make_row(seed, first + i, cx->arena, values);
        for (int c = 0; c < COLUMNS; c++)
            vector_set(&columns[c], cx->arena, i, count, values[c]);
    }
    *out = (Batch){columns, COLUMNS, {NULL, count}, MAX_OF(count, UINT32_C(1))};
}

static void
expect_row(uint64_t seed, const Vector *columns, uint32_t row, uint64_t no)
{
    Arena a;
    Value expected[COLUMNS];

    arena_init(&a, "row", NULL);
    make_row(seed, no, &a, expected);
    for (int c = 0; c < COLUMNS; c++) {
        Value v = value_null();

        EXPECT_EQ(vector_is_null(&columns[c], row), expected[c].is_null);
        if (expected[c].is_null)
            continue;
        v = vector_get(&columns[c], row);
        EXPECT_EQ(v.phys, expected[c].phys);
        EXPECT_EQ(type_by_oid(column_types[c])->compare(&v, &expected[c]), 0);
    }
    arena_free(&a);
}

TEST(row_block, rows_come_back_whatever_is_selected)
{
    Ctx *cx = test_ctx();
    uint64_t seed = test_seed();
    Expr *const *types = types_of(cx);

    for (uint32_t count = 0; count <= BATCH_ROWS; count = count * 2 + 1) {
        for (uint32_t step = 1; step < 4; step++) {
            uint16_t sel[BATCH_ROWS];
            Rows rows = {step > 1 ? sel : NULL, 0};
            Vector out[COLUMNS];
            Buf bytes = {0};
            uint32_t n;
            Batch b;

            make_batch(cx, seed, 0, count, types, &b);
            for (uint32_t i = 0; i < count; i += step)
                sel[rows.count++] = (uint16_t)i;
            EXPECT_OK(row_block_encode(cx, b.columns, COLUMNS, rows, &bytes));
            EXPECT_OK(row_block_decode(cx, bytes.data, bytes.bytes, cx->arena, out, COLUMNS, &n));
            EXPECT_EQ(n, rows.count);
            for (uint32_t k = 0; k < n; k++)
                expect_row(seed, out, k, (uint64_t)k * step);
            buf_free(&bytes);
        }
    }
}

TEST(row_block, every_physical_form_and_constants_come_back)
{
    Ctx *cx = test_ctx();
    const Value values[] = {value_bool(true),
                            {.i16 = -5, .phys = PHYS_I16},
                            value_i32(-70000),
                            value_oid(4000000000u),
                            value_i64(INT64_MIN),
                            {.f32 = 1.5F, .phys = PHYS_F32},
                            {.f64 = -2.25, .phys = PHYS_F64},
                            {.interval = {1, 2, 3}, .phys = PHYS_INTERVAL},
                            {.i64 = 12345, .phys = PHYS_DEC64, .scale = 3},
                            value_var("some\0bytes", 10)};
    Vector in[COUNT_OF(values) + 1], out[COUNT_OF(values) + 1];
    int count = (int)COUNT_OF(values) + 1;
    Value null = value_null();
    Buf bytes = {0};
    uint32_t n;

    for (size_t i = 0; i < COUNT_OF(values); i++)
        vector_init_const(&in[i], cx->arena, &values[i], (Phys)values[i].phys);
    vector_init_const(&in[count - 1], cx->arena, &null, PHYS_VAR);
    EXPECT_OK(row_block_encode(cx, in, count, (Rows){NULL, 70}, &bytes));
    EXPECT_OK(row_block_decode(cx, bytes.data, bytes.bytes, cx->arena, out, count, &n));
    EXPECT_EQ(n, 70);
    for (uint32_t row = 0; row < n; row++) {
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            Value v = vector_get(&out[i], row);

            EXPECT(!vector_is_null(&out[i], row));
            EXPECT(v.phys == values[i].phys && v.scale == values[i].scale);
            EXPECT(v.phys == PHYS_VAR
                       ? v.var.bytes == 10 && memcmp(v.var.data, "some\0bytes", 10) == 0
                       : memcmp(&v.interval, &values[i].interval, phys_bytes((Phys)v.phys)) == 0);
        }
        EXPECT(vector_is_null(&out[count - 1], row));
    }
    buf_free(&bytes);
}

TEST(row_block, bytes_cut_off_or_changed_are_never_read_beyond)
{
    Ctx *cx = test_ctx();
    uint64_t seed = test_seed();
    Buf bytes = {0};
    Vector out[COLUMNS];
    uint32_t n;
    Batch b;

    make_batch(cx, seed, 0, 100, types_of(cx), &b);
    EXPECT_OK(row_block_encode(cx, b.columns, COLUMNS, b.rows, &bytes));
    for (size_t cut = 0; cut < bytes.bytes; cut += 1 + hash_u64(seed + cut) % 50) {
        char *copy = malloc(cut + 1); /* so that a sanitizer sees it */

        memcpy(copy, bytes.data, cut);
        EXPECT(row_block_decode(cx, copy, cut, cx->arena, out, COLUMNS, &n) == ST_CORRUPT);
        free(copy);
    }
    for (size_t at = 0; at < 200;
         at++) { /* header and nulls: anything may come of it, but no read beyond the end */
        char *copy = malloc(bytes.bytes);

        memcpy(copy, bytes.data, bytes.bytes);
        copy[at] = (char)(copy[at] ^ (char)(hash_u64(seed + at) | 1));
        (void)!row_block_decode(cx, copy, bytes.bytes, cx->arena, out, COLUMNS, &n);
        free(copy);
    }
    buf_free(&bytes);
}

/* Sorts `count` rows by int (descending), then text; returns whether they left memory. */
static bool
sort_and_expect_order(uint64_t seed, uint64_t count, uint32_t most_in_batch, uint64_t bound,
                      const WorkMemory *memory)
{
    Ctx *cx = test_ctx();
    Budget budget = {0};
    Arena arena, rows, *saved = cx->arena;
    Expr *const *types = types_of(cx);
    const KeyPart parts[] = {{type_by_oid(TYPE_INT4), true, true}, {type_by_oid(TYPE_TEXT), false, false}};
    const int slots[] = {COLUMN_INT, COLUMN_TEXT};
    bool *seen = calloc(count + 1, 1), external;
    uint64_t got = 0, last_no = 0;
    Buf last = {0}, key = {0};
    RowSort s;

    cx->work_memory = memory;
    arena_init(&arena, "test", &budget);
    arena_init(&rows, "test rows", NULL);
    cx->arena = &arena;
    row_sort_init(&s, cx, "test", types, COLUMNS, parts, slots, 2);
    s.bound = bound;
    for (uint64_t at = 0; at < count;) {
        uint32_t n = (uint32_t)MIN_OF(count - at, hash_u64(seed + at) % most_in_batch + 1);
        Batch in;

        arena_reset(&arena);
        make_batch(cx, seed, at, n, types, &in);
        EXPECT_OK(row_sort_add(&s, &in));
        at += n;
    }
    EXPECT_OK(row_sort_finish(&s));
    external = row_sort_is_external(&s);
    while (got < bound) {
        Batch out;

        arena_reset(&rows);
        EXPECT_OK(row_sort_next(&s, &rows, BATCH_ROWS, &out, NULL));
        if (out.rows.count == 0)
            break;
        for (uint32_t k = 0; k < out.rows.count && got < bound; k++, got++) {
            uint64_t no = (uint64_t)vector_get(&out.columns[COLUMN_NO], k).i64;
            int order;

            EXPECT(no < count && !seen[no]);
            seen[no] = true;
            expect_row(seed, out.columns, k, no);
            buf_clear(&key);
            for (int i = 0; i < 2; i++)
                key_append_row(&parts[i], &out.columns[slots[i]], k, &key);
            order = memcmp(last.data != NULL ? last.data : "", key.data, MIN_OF(last.bytes, key.bytes));
            EXPECT(order <= 0);
            if (got > 0 && order == 0) /* equal keys stay in order */
                EXPECT(last_no < no);
            last_no = no;
            buf_clear(&last);
            buf_add(&last, key.data, key.bytes);
        }
    }
    EXPECT_EQ(got, MIN_OF(count, bound));
    row_sort_free(&s);
    cx->arena = saved;
    arena_free(&arena);
    EXPECT_EQ(budget.used_bytes, 0);
    arena_free(&rows);
    buf_free(&last);
    buf_free(&key);
    free(seen);
    return external;
}

TEST(row_sort, few_rows_stay_in_memory)
{
    EXPECT(!sort_and_expect_order(test_seed(), 0, 1024, UINT64_MAX, &little));
    EXPECT(!sort_and_expect_order(test_seed(), 1, 1024, UINT64_MAX, &little));
    EXPECT(!sort_and_expect_order(test_seed(), 60, 1, UINT64_MAX, &little));
    EXPECT(!sort_and_expect_order(test_seed(), 10000, 1024, UINT64_MAX, NULL));
}

TEST(row_sort, many_rows_are_merged_from_runs_in_the_same_order)
{
    EXPECT(sort_and_expect_order(test_seed(), 3000, 1024, UINT64_MAX, &little));
    EXPECT(sort_and_expect_order(test_seed(), 5000, 7, UINT64_MAX, &little));
}

TEST(row_sort, more_runs_than_have_room_are_merged_in_several_rounds)
{
    EXPECT(sort_and_expect_order(test_seed(), 60000, 1024, UINT64_MAX, &little));
}

TEST(row_sort, with_a_bound_the_first_rows_are_the_same)
{
    EXPECT(!sort_and_expect_order(test_seed(), 20000, 1024, 10, &little));
    EXPECT(sort_and_expect_order(test_seed(), 20000, 1024, 5000, &little));
}

TEST(row_store, rows_that_left_memory_are_read_by_number)
{
    Ctx *cx = test_ctx();
    uint64_t seed = test_seed(), rows[300];
    Expr *const *types = types_of(cx);
    Budget budget = {0};
    enum { COUNT = 20000 };
    Arena arena;
    RowStore s;

    cx->work_memory = &little;
    arena_init(&arena, "test", &budget);
    cx->arena = &arena;
    row_store_init(&s, cx, "test", types, COLUMNS);
    row_store_limit(&s);
    for (uint64_t at = 0; at < COUNT; at += 1000) {
        Batch in;

        arena_reset(&arena);
        make_batch(cx, seed, at, 1000, types, &in);
        EXPECT_OK(row_store_append(&s, &in));
    }
    EXPECT(s.file_rows > COUNT / 2 && row_store_disk_bytes(&s) > 0);
    EXPECT(row_store_bytes(&s) <= little.sort_bytes + 1000 * 100);
    for (uint64_t round = 0; round < 100; round++) {
        uint64_t at = hash_u64(seed + round) % COUNT;
        Vector out[COLUMNS];
        Value no;

        for (uint32_t i = 0; i < COUNT_OF(rows);
             i++) { /* forwards, backwards, all over; sometimes a row of nulls */
            rows[i] = round % 3 == 0   ? (at + i) % COUNT
                      : round % 3 == 1 ? (at + COUNT - i) % COUNT
                                       : hash_u64(seed + round * 1000 + i) % COUNT;
            if (i % 50 == 49)
                rows[i] = UINT64_MAX;
        }
        arena_reset(&arena);
        EXPECT_OK(row_store_gather(&s, &arena, rows, COUNT_OF(rows), out));
        for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
            if (rows[i] == UINT64_MAX)
                EXPECT(vector_is_null(&out[COLUMN_NO], i));
            else
                expect_row(seed, out, i, rows[i]);
        }
        EXPECT_OK(row_store_get(&s, &arena, at, COLUMN_NO, &no));
        EXPECT_EQ(no.i64, at);
    }
    row_store_free(&s);
    arena_free(&arena);
    EXPECT_EQ(budget.used_bytes, 0);
}
