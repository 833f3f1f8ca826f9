/* Sorting by keys: every size, lengths of shared beginnings, and equal keys in the order they came in. */
#include <stdlib.h>
#include <string.h>

#include "backend/exec/key_sort.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "harness.h"

enum { MOST = 5000, KEY_MOST = 64 };
static KeyItem items[2 * MOST];
static char keys[MOST][KEY_MOST];

/* Letters only, ended by 0: no key is a prefix of another. */
static uint32_t
make_key(uint64_t *state, char *key, uint32_t shared, uint32_t letters)
{
    uint32_t bytes = shared, more = (uint32_t)(hash_u64((*state)++) % 20);

    memset(key, 'k', shared);
    for (uint32_t i = 0; i < more; i++)
        key[bytes++] = (char)('a' + hash_u64((*state)++) % letters);
    key[bytes++] = '\0';
    return bytes;
}

static void
expect_sorted(uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const KeyItem *a = &items[i - 1], *b = &items[i];
        int c = memcmp(a->key, b->key, MIN_OF(a->bytes, b->bytes));

        EXPECT(c <= 0);
        if (c == 0) {
            EXPECT(key_items_equal(a, b));
            EXPECT(a->row < b->row);
        }
    }
}

TEST(key_sort, keys_of_any_form_come_in_memcmp_order_and_equal_ones_stay_in_order)
{
    static const uint32_t counts[] = {0, 1, 2, 47, 48, 49, 50, 300, MOST}, shared[] = {0, 1, 7, 8, 9, 40};
    uint64_t state = test_seed();

    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        for (size_t s = 0; s < COUNT_OF(shared); s++) {
            for (uint32_t letters = 1; letters <= 26; letters += 5) {
                bool seen[MOST] = {false};

                for (uint32_t i = 0; i < counts[c]; i++)
                    items[i] = key_item(keys[i], make_key(&state, keys[i], shared[s], letters), i);
                EXPECT_OK(key_sort(test_ctx(), items, items + MOST, counts[c]));
                expect_sorted(counts[c]);
                for (uint32_t i = 0; i < counts[c]; i++)
                    seen[items[i].row] = true;
                for (uint32_t i = 0; i < counts[c]; i++)
                    EXPECT(seen[i]);
            }
        }
    }
}

TEST(key_sort, fixed_numbers_ascending_descending_and_all_alike)
{
    for (int order = 0; order < 3; order++) {
        for (uint32_t i = 0; i < MOST; i++) {
            put_be64(keys[i], order == 0 ? i : order == 1 ? MOST - i : 7);
            items[i] = key_item(keys[i], 8, i);
        }
        EXPECT_OK(key_sort(test_ctx(), items, items + MOST, MOST));
        expect_sorted(MOST);
        EXPECT_EQ(items[0].row, order == 1 ? MOST - 1 : 0);
    }
}
