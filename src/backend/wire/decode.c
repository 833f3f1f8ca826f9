/* decode.c - the parts of decode.h that are not worth inlining. */
#include "backend/wire/decode.h"

#include <stdio.h>

#include "base/utf8.h"

const char *
decode_cstring(Decoder *d)
{
    const char *text = d->at, *nul;

    nul = d->failed ? NULL : memchr(text, 0, decode_left(d));
    if (nul == NULL) {
        d->failed = true;
        return "";
    }
    d->at = nul + 1;
    return text;
}

/* How long a character would be that begins like this; bytes that begin none stand alone. */
static size_t
announced_bytes(char lead)
{
    unsigned char c = (unsigned char)lead;

    return (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 ? 4 : 1;
}

Status
decode_text(Ctx *cx, const char *text, size_t bytes)
{
    size_t good = utf8_valid_prefix(text, bytes);
    char shown[4 * 5 + 1] = "";
    size_t count;

    if (LIKELY(good == bytes))
        return ST_OK;
    count = MIN_OF(announced_bytes(text[good]), bytes - good);
    for (size_t i = 0; i < count; i++)
        sprintf(shown + strlen(shown), "%s0x%02x", i > 0 ? " " : "", (unsigned char)text[good + i]);
    return fail(cx, ST_ERROR, "22021", "invalid byte sequence for encoding \"UTF8\": %s", shown);
}

Status
decode_string(Ctx *cx, Decoder *d, const char **text)
{
    const char *read = decode_cstring(d);

    TRY(decode_text(cx, read, strlen(read)));
    *text = read;
    return ST_OK;
}

void
decode_counted(Decoder *d, const char **data, size_t *bytes)
{
    int32_t length = decode_i32(d);

    *data = NULL;
    *bytes = 0;
    if (d->failed || length == -1)
        return;
    if (length < -1) {
        d->failed = true;
        return;
    }
    *data = decode_bytes(d, (size_t)length);
    *bytes = *data != NULL ? (size_t)length : 0;
}

Status
decode_finish(Ctx *cx, const Decoder *d)
{
    if (d->failed)
        return fail(cx, ST_CORRUPT, "08P01", "insufficient data left in message");
    if (d->at != d->end)
        return fail(cx, ST_CORRUPT, "08P01", "invalid message format");
    return ST_OK;
}
