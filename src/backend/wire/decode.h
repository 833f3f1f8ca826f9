/* src/backend/wire/decode.h - a cursor over the body of one received message.
 *
 * Reads never leave the body. The first read that would marks the cursor as failed, and from then on
 * every read answers 0, NULL or empty; so a parser reads what the message should hold and asks once,
 * with decode_finish, whether it was there. Loops over a count check decode_failed. */
#ifndef WIRE_DECODE_H
#define WIRE_DECODE_H
#include "base/bytes.h"
#include "base/ctx.h"

typedef struct Decoder {
    const char *at, *end;
    bool failed;
} Decoder;

static inline Decoder
decode_begin(const void *body, size_t bytes)
{
    return (Decoder){.at = body, .end = (const char *)body + bytes};
}
static inline bool
decode_failed(const Decoder *d)
{
    return d->failed;
}
static inline size_t
decode_left(const Decoder *d)
{
    return (size_t)(d->end - d->at);
}
/* The next `bytes` bytes, in place; NULL (and failed) when there are fewer. */
static inline const char *
decode_bytes(Decoder *d, size_t bytes)
{
    const char *at = d->at;

    if (UNLIKELY(d->failed || decode_left(d) < bytes)) {
        d->failed = true;
        return NULL;
    }
    d->at += bytes;
    return at;
}
static inline uint8_t
decode_u8(Decoder *d)
{
    const char *p = decode_bytes(d, 1);

    return p != NULL ? (uint8_t)*p : 0;
}
static inline int16_t
decode_i16(Decoder *d)
{
    const char *p = decode_bytes(d, 2);

    return p != NULL ? (int16_t)get_be16(p) : 0;
}
static inline int32_t
decode_i32(Decoder *d)
{
    const char *p = decode_bytes(d, 4);

    return p != NULL ? (int32_t)get_be32(p) : 0;
}
static inline uint32_t
decode_u32(Decoder *d)
{
    return (uint32_t)decode_i32(d);
}
static inline int64_t
decode_i64(Decoder *d)
{
    const char *p = decode_bytes(d, 8);

    return p != NULL ? (int64_t)get_be64(p) : 0;
}
/* Text that ends with a NUL inside the body, in place; "" when failed. Any bytes: for passwords, and for what
 * is only compared. */
const char *decode_cstring(Decoder *d);
/* The same, but it must be valid UTF-8 (22021). */
MUST_CHECK Status decode_string(Ctx *cx, Decoder *d, const char **text);
/* Counted text that must be valid UTF-8 (22021). NULL only when it fails. */
MUST_CHECK Status decode_text(Ctx *cx, const char *text, size_t bytes);
/* An int32 length and that many bytes; length -1 = null: *data NULL, *bytes 0. */
void decode_counted(Decoder *d, const char **data, size_t *bytes);
/* Everything was there and nothing is left over; else 08P01 (which ends the statement, not the session). */
MUST_CHECK Status decode_finish(Ctx *cx, const Decoder *d);

#endif
