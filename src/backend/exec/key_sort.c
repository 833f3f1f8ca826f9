/* key_sort.c - radix sort of byte strings, eight bytes at a time.
 *
 * A key's first bytes lie in the sort's own array (`head`), so that most of the work never touches the
 * keys. One round sorts a run of keys by their heads: few by insertion, many by counting, one byte after
 * the other from the last to the first (each pass is stable, and bytes that all keys share need no
 * pass). Then every run of equal heads whose keys go on is given the next eight bytes as heads, and
 * sorted by those.
 *
 * Since no key is a prefix of another, the zeros behind the end of a key decide nothing wrongly: two
 * heads that are equal with the end of a key in them belong to equal keys. */
#include "backend/exec/key_sort.h"

#include <string.h>

#include "base/bytes.h"

enum { HEAD_BYTES = 8, FEW = 48, BUCKETS = 256 };

/* The head that begins at byte `depth`. */
static inline uint64_t
head_at(const char *key, uint32_t bytes, uint32_t depth)
{
    unsigned char part[HEAD_BYTES] = {0};

    if (LIKELY(bytes >= depth + HEAD_BYTES))
        return get_be64(key + depth);
    if (bytes > depth)
        memcpy(part, key + depth, bytes - depth);
    return get_be64(part);
}

KeyItem
key_item(const char *key, uint32_t bytes, uint32_t row)
{
    return (KeyItem){head_at(key, bytes, 0), key, bytes, row};
}

bool
key_items_equal(const KeyItem *a, const KeyItem *b)
{
    return a->bytes == b->bytes && memcmp(a->key, b->key, a->bytes) == 0;
}

/* a < b; the heads begin at `depth`. */
static inline bool
is_less(const KeyItem *a, const KeyItem *b, uint32_t depth)
{
    uint32_t from = depth + HEAD_BYTES, n = MIN_OF(a->bytes, b->bytes);

    if (a->head != b->head)
        return a->head < b->head;
    return n > from && memcmp(a->key + from, b->key + from, n - from) < 0;
}

static void
insertion_sort(KeyItem *keys, uint64_t count, uint32_t depth)
{
    for (uint64_t i = 1; i < count; i++) {
        KeyItem k = keys[i];
        uint64_t j = i;

        for (; j > 0 && is_less(&k, &keys[j - 1], depth); j--)
            keys[j] = keys[j - 1];
        keys[j] = k;
    }
}

/* Sorts by head. The result is in one of the two arrays. (Its counts are no part of the recursion's frames.) */
__attribute__((noinline)) static KeyItem *
radix_sort(KeyItem *keys, KeyItem *spare, uint64_t count)
{
    uint64_t counts[HEAD_BYTES][BUCKETS] = {0}, first = keys[0].head, differ = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t head = keys[i].head;

        differ |= head ^ first;
        for (int b = 0; b < HEAD_BYTES; b++)
            counts[b][head >> (8 * b) & 0xff]++;
    }
    for (int b = 0; b < HEAD_BYTES; b++) {
        uint64_t at[BUCKETS], total = 0;
        KeyItem *other = spare;

        if ((differ >> (8 * b) & 0xff) == 0)
            continue;
        for (int v = 0; v < BUCKETS; v++) {
            at[v] = total;
            total += counts[b][v];
        }
        for (uint64_t i = 0; i < count; i++)
            spare[at[keys[i].head >> (8 * b) & 0xff]++] = keys[i];
        spare = keys;
        keys = other;
    }
    return keys;
}

static bool
goes_on(const KeyItem *k, uint32_t depth)
{
    return k->bytes > depth + HEAD_BYTES;
}

static bool
is_sorted(const KeyItem *keys, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        if (is_less(&keys[i], &keys[i - 1], 0))
            return false;
    }
    return true;
}

/* Sorts `keys` in place; all have the first `depth` bytes in common, and heads that begin there. */
static Status
sort_from(Ctx *cx, KeyItem *keys, KeyItem *spare, uint64_t count, uint32_t depth)
{
    while (count > FEW) {
        KeyItem *sorted = radix_sort(keys, spare, count);
        uint64_t start = 0;

        TRY(ctx_poll(cx));
        if (sorted != keys)
            memcpy(keys, sorted, sizeof(*keys) * count);
        if (keys[0].head == keys[count - 1].head) { /* one run */
            if (!goes_on(&keys[0], depth))
                return ST_OK;
            depth += HEAD_BYTES;
            for (uint64_t i = 0; i < count; i++)
                keys[i].head = head_at(keys[i].key, keys[i].bytes, depth);
            continue;
        }
        for (uint64_t i = 1; i <= count; i++) {
            if (i < count && keys[i].head == keys[start].head)
                continue;
            if (i - start > 1 && goes_on(&keys[start], depth)) {
                for (uint64_t k = start; k < i; k++)
                    keys[k].head = head_at(keys[k].key, keys[k].bytes, depth + HEAD_BYTES);
                TRY(sort_from(cx, keys + start, spare, i - start, depth + HEAD_BYTES));
            }
            start = i;
        }
        return ST_OK;
    }
    insertion_sort(keys, count, depth);
    return ST_OK;
}

Status
key_sort(Ctx *cx, KeyItem *keys, KeyItem *spare, uint64_t count)
{
    return is_sorted(keys, count) ? ST_OK : sort_from(cx, keys, spare, count, 0);
}
