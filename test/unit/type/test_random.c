/* Random input: nothing of it may crash, and what is accepted has to survive every way out and in again.
 * The texts are those of data/, changed at random; the seed is printed. */
#include <stdio.h>
#include <string.h>

#include "backend/type/type.h"
#include "base/env.h"
#include "harness.h"

enum { TEXTS_MOST = 4096, ROUNDS = 20000 };

typedef struct Sample {
    const TypeInfo *type;
    char *text;
} Sample;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int
read_samples(Arena *a, Sample *samples)
{
    static const char *const files[] = {"number", "numeric", "datetime", "text", "array"};
    int count = 0;

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[512], line[4096];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s.txt", TYPE_TEST_DATA, files[i]);
        f = fopen(path, "r");
        ck_assert(f != NULL);
        while (count < TEXTS_MOST && fgets(line, sizeof(line), f) != NULL) {
            char *save = NULL, *kind = strtok_r(line, "\t", &save), *type = strtok_r(NULL, "\t", &save);
            char *text;

            if (strcmp(kind, "IN") != 0 || strtok_r(NULL, "\t", &save) == NULL)
                continue;
            text = strtok_r(NULL, "\t", &save);
            if (text == NULL || type_by_name(type) == NULL)
                continue;
            samples[count++] = (Sample){type_by_name(type), arena_strdup(a, text)};
        }
        fclose(f);
    }
    return count;
}

/* A few characters changed, left out, doubled or taken from another text; ASCII only, so it stays UTF-8. */
static void
mutate(char *text, const char *other, uint64_t *seed)
{
    size_t n = strlen(text);

    for (uint64_t edits = next_random(seed) % 4; edits > 0; edits--) {
        size_t at = n > 0 ? next_random(seed) % n : 0,
               from = strlen(other) > 0 ? next_random(seed) % strlen(other) : 0;

        switch (next_random(seed) % 4) {
        case 0:
            if (n > 0 && (text[at] & 0x80) == 0)
                text[at] = (char)(' ' + next_random(seed) % 95);
            break;
        case 1:
            if (n > 0 && (text[at] & 0x80) == 0) {
                memmove(text + at, text + at + 1, n - at);
                n--;
            }
            break;
        case 2:
            if (n < 200 && (other[from] & 0x80) == 0 && other[from] != '\0' &&
                (n == 0 || (text[at] & 0x80) == 0)) {
                memmove(text + at + 1, text + at, n - at + 1);
                text[at] = other[from];
                n++;
            }
            break;
        default: break;
        }
    }
}

static void
check_ways_back(Ctx *cx, const TypeInfo *type, const Value *v)
{
    Buf text = {0}, binary = {0};
    Value from_text, from_binary;

    /* a POSIX zone may be further away ("UTC+53") than an offset may say; PostgreSQL has it so, too */
    if (type->oid == TYPE_TIMETZ && (v->interval.days >= 16 * 3600 || v->interval.days <= -16 * 3600))
        return;
    ck_assert_msg(type->out(cx, type, v, &text) == ST_OK, "out of %s: %s", type->name, cx->error.message);
    ck_assert_msg(type->in(cx, type, text.data != NULL ? text.data : "", text.bytes, -1, &from_text) == ST_OK,
                  "%s does not read what it shows: %.*s", type->name, (int)text.bytes, text.data);
    ck_assert(type->send(cx, type, v, &binary) == ST_OK);
    ck_assert_msg(type->recv(cx, type, binary.data != NULL ? binary.data : "", binary.bytes, -1,
                             &from_binary) == ST_OK,
                  "%s does not receive what it sends: %.*s", type->name, (int)text.bytes, text.data);
    if (type->compare != NULL) {
        ck_assert_msg(type->compare(v, &from_text) == 0, "text of %s: %.*s", type->name, (int)text.bytes,
                      text.data);
        ck_assert_msg(type->compare(v, &from_binary) == 0, "binary of %s: %.*s", type->name, (int)text.bytes,
                      text.data);
        EXPECT(type->hash(v) == type->hash(&from_binary));
    }
    buf_free(&text);
    buf_free(&binary);
}

/* compare is antisymmetric, and keys agree with it. */
static void
check_order(const TypeInfo *type, const Value *a, const Value *b)
{
    Buf ka = {0}, kb = {0};
    int order = type->compare(a, b), keys;

    type->key_encode(a, &ka);
    type->key_encode(b, &kb);
    keys = memcmp(ka.data, kb.data, MIN_OF(ka.bytes, kb.bytes));
    ck_assert_msg((order > 0) == (type->compare(b, a) < 0), "order of %s", type->name);
    ck_assert_msg((order > 0) - (order < 0) == (keys > 0) - (keys < 0), "keys of %s: %d %d", type->name, order,
                  keys);
    if (order == 0) {
        EXPECT_EQ(ka.bytes, kb.bytes);
        EXPECT(type->hash(a) == type->hash(b));
    }
    buf_free(&ka);
    buf_free(&kb);
}

TEST(random, accepted_texts_come_back_and_sort_by_their_keys)
{
    static Sample samples[TEXTS_MOST];
    Ctx *cx = test_ctx();
    FormatSettings format = {.extra_float_digits = 1, .bytea_hex = true};
    Arena keep;
    int count;
    uint64_t seed = test_seed() | 1;

    arena_init(&keep, "samples", NULL);
    count = read_samples(&keep, samples);
    ck_assert_int_gt(count, 500);
    cx->format = &format;
    for (int round = 0; round < ROUNDS; round++) {
        const Sample *s = &samples[next_random(&seed) % (uint64_t)count],
                     *t = &samples[next_random(&seed) % (uint64_t)count];
        char text[512];
        Value a, b;

        if (strlen(s->text) > 200)
            continue;
        strcpy(text, s->text);
        mutate(text, t->text, &seed);
        if (s->type->in(cx, s->type, text, strlen(text), -1, &a) == ST_OK) {
            check_ways_back(cx, s->type, &a);
            if (s->type->compare != NULL && s->type->in(cx, s->type, s->text, strlen(s->text), -1, &b) == ST_OK)
                check_order(s->type, &a, &b);
        }
        arena_reset(cx->arena);
        ctx_error_clear(cx);
    }
    cx->format = NULL;
    arena_free(&keep);
}

/* Random bytes and cut or changed messages: refused, or a value that can be shown. */
TEST(random, received_bytes_are_refused_or_understood)
{
    Ctx *cx = test_ctx();
    int count;
    const TypeInfo *types = type_table(&count);
    uint64_t seed = test_seed() | 1;

    for (int round = 0; round < ROUNDS; round++) {
        const TypeInfo *type = &types[next_random(&seed) % (uint64_t)count];
        unsigned char bytes[64];
        size_t n = next_random(&seed) % sizeof(bytes);
        Value v;
        Buf shown = {0};

        for (size_t i = 0; i < n; i++) /* small numbers make more of it valid */
            bytes[i] =
                (unsigned char)(next_random(&seed) % 4 == 0 ? next_random(&seed) : next_random(&seed) % 3);
        if (type->category == 'A' && type->typlen == -1 && n >= 12) {
            bytes[0] = bytes[1] = bytes[2] = 0;
            for (int i = 0; i < 4; i++)
                bytes[8 + i] = (unsigned char)(type->elem >> (24 - 8 * i));
        }
        if (type->recv(cx, type, bytes, n, -1, &v) == ST_OK && type->typtype != 'p')
            EXPECT_OK(type->out(cx, type, &v, &shown));
        buf_free(&shown);
        arena_reset(cx->arena);
        ctx_error_clear(cx);
    }
}
