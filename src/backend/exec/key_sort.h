/* src/backend/exec/key_sort.h - sorting by keys made with key.h: bytes in memcmp order, none a prefix of
 * another. Used by ORDER BY and by index builds. */
#ifndef EXEC_KEY_SORT_H
#define EXEC_KEY_SORT_H
#include "base/ctx.h"

typedef struct KeyItem {
    uint64_t head; /* eight bytes of the key, big-endian, zeros behind its end */
    const char *key;
    uint32_t bytes;
    uint32_t row; /* the caller's */
} KeyItem;

/* A key lies in memory of the caller. */
KeyItem key_item(const char *key, uint32_t bytes, uint32_t row);
/* Ascending; equal keys stay in the order in which they came. `spare` has room for `count` too. */
MUST_CHECK Status key_sort(Ctx *cx, KeyItem *keys, KeyItem *spare, uint64_t count);
bool key_items_equal(const KeyItem *a, const KeyItem *b);

#endif
