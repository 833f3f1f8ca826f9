/* src/base/buf.h - a growing row of bytes.
 *
 * Memory comes from malloc and belongs to the Buf until buf_free; a Buf is reused for many messages.
 * Growth past 1 GB (PostgreSQL's limit for one value or message) sets `failed` instead of growing;
 * whoever fills a Buf with data from outside checks it once at the end. Up to 256 kB it does not fail: names, keys and
 * messages need no check (with no memory left at all the process ends, as with an arena).
 *
 * A Buf of BUF_OF(cx) counts in the budget of the context's arena once it is large, and fails when that has no
 * room; such a Buf may not outlive the session. */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <string.h>

#include "base/attr.h"

enum { BUF_MOST_BYTES = 0x3fffffff };

typedef struct Buf {
    char *data;
    size_t bytes, capacity_bytes;
    struct Budget *budget; /* NULL: not counted */
    bool failed; /* too large or no memory: later appends are dropped */
    bool no_memory; /* failed, and not because it grew too large */
} Buf;

#define BUF_OF(cx) ((Buf){.budget = (cx)->arena->budget})

/* Counts in this budget from now on; NULL: in none. */
void buf_count_in(Buf *b, struct Budget *budget);
/* The Buf can be used again. */
void buf_free(Buf *b);
static inline void
buf_clear(Buf *b)
{
    b->bytes = 0;
    b->failed = b->no_memory = false;
}
/* False (and `failed`) when there is no room to be had. */
bool buf_grow(Buf *b, size_t more_bytes);
/* Room for `bytes` at the end, already counted; NULL when failed. */
static inline char *
buf_extend(Buf *b, size_t bytes)
{
    char *at;

    if (UNLIKELY(b->capacity_bytes - b->bytes <= bytes) &&
        !buf_grow(b, bytes)) /* an empty Buf has no data yet */
        return NULL;
    at = b->data + b->bytes;
    b->bytes += bytes;
    return at;
}
static inline void
buf_add(Buf *b, const void *data, size_t bytes)
{
    char *at = buf_extend(b, bytes);

    if (at != NULL && bytes > 0)
        memcpy(at, data, bytes);
}
static inline void
buf_add_char(Buf *b, char c)
{
    char *at = buf_extend(b, 1);

    if (at != NULL)
        *at = c;
}
void buf_add_text(Buf *b, const char *text);
void buf_printf(Buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Network byte order. */
void buf_add_u16(Buf *b, uint16_t v);
void buf_add_u32(Buf *b, uint32_t v);
void buf_add_u64(Buf *b, uint64_t v);
/* Decimal digits, without going through printf. */
void buf_add_int(Buf *b, int64_t v);
/* Ends the text with a NUL that is not counted, and returns it; "" when failed. */
const char *buf_cstr(Buf *b);

#endif
