/* buf.c - see buf.h. Capacity doubles, so that appending n bytes costs O(n) in all.
 *
 * The many small ones are not worth counting: what a session has of them at a time is next to nothing. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/bytes.h"

enum { BUF_FIRST_BYTES = 256, BUF_COUNTED_BYTES = 256 * 1024 };

/* What a Buf of this capacity takes of its budget. */
static size_t
counted_bytes(size_t capacity_bytes)
{
    return capacity_bytes > BUF_COUNTED_BYTES ? capacity_bytes : 0;
}

void
buf_free(Buf *b)
{
    free(b->data);
    if (counted_bytes(b->capacity_bytes) > 0)
        budget_give(b->budget, counted_bytes(b->capacity_bytes));
    *b = (Buf){.budget = b->budget};
}

void
buf_count_in(Buf *b, Budget *budget)
{
    size_t bytes = counted_bytes(b->capacity_bytes);

    if (bytes > 0)
        budget_give(b->budget, bytes);
    b->budget = bytes == 0 || budget_take(budget, bytes) ? budget : NULL;
}

static bool
set_capacity(Buf *b, size_t want_bytes)
{
    size_t more_bytes = counted_bytes(want_bytes) - counted_bytes(b->capacity_bytes);
    char *data;

    if (more_bytes > 0 && !budget_take(b->budget, more_bytes))
        return false;
    data = realloc(b->data, want_bytes);
    if (data == NULL) {
        if (want_bytes <= BUF_COUNTED_BYTES)
            memory_is_gone("Buf");
        if (more_bytes > 0)
            budget_give(b->budget, more_bytes);
        return false;
    }
    b->data = data;
    b->capacity_bytes = want_bytes;
    return true;
}

bool
buf_grow(Buf *b, size_t more_bytes)
{
    size_t want = MAX_OF(b->capacity_bytes, (size_t)BUF_FIRST_BYTES);

    if (b->failed || more_bytes > BUF_MOST_BYTES || b->bytes + more_bytes > BUF_MOST_BYTES) {
        b->failed = true;
        return false;
    }
    while (want < b->bytes + more_bytes)
        want *= 2;
    b->failed = b->no_memory = !set_capacity(b, want);
    return !b->failed;
}

void
buf_add_text(Buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void
buf_printf(Buf *b, const char *format, ...)
{
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(bytes >= 0);
    if (b->capacity_bytes - b->bytes < (size_t)bytes + 1 && !buf_grow(b, (size_t)bytes + 1))
        return;
    va_start(args, format);
    vsnprintf(b->data + b->bytes, (size_t)bytes + 1, format, args);
    va_end(args);
    b->bytes += (size_t)bytes;
}

void
buf_add_u16(Buf *b, uint16_t v)
{
    char *at = buf_extend(b, 2);

    if (at != NULL)
        put_be16(at, v);
}

void
buf_add_u32(Buf *b, uint32_t v)
{
    char *at = buf_extend(b, 4);

    if (at != NULL)
        put_be32(at, v);
}

void
buf_add_u64(Buf *b, uint64_t v)
{
    char *at = buf_extend(b, 8);

    if (at != NULL)
        put_be64(at, v);
}

void
buf_add_int(Buf *b, int64_t v)
{
    char digits[24];
    char *p = digits + sizeof(digits);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u != 0);
    if (v < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

const char *
buf_cstr(Buf *b)
{
    if (b->failed || (b->capacity_bytes == b->bytes && !buf_grow(b, 1)))
        return "";
    b->data[b->bytes] = '\0';
    return b->data;
}
