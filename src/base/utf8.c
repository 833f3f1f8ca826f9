/* utf8.c - validation after RFC 3629, table 3-7 of the Unicode standard. */
#include "base/utf8.h"

#include "base/bytes.h"

static int
sequence_bytes(const unsigned char *p, size_t left)
{
    unsigned char lo = 0x80, hi = 0xbf;
    int n;

    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if ((size_t)n > left)
        return 0;
    switch (p[0]) {
    case 0xe0: lo = 0xa0; break;
    case 0xed: hi = 0x9f; break; /* no surrogates */
    case 0xf0: lo = 0x90; break;
    case 0xf4: hi = 0x8f; break; /* not above U+10FFFF */
    default: break;
    }
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (int i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

size_t
utf8_valid_prefix(const char *text, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;

    while (i < bytes) {
        int n;

        if (bytes - i >= 8) { /* eight ASCII characters, none of them NUL, at a time */
            uint64_t w = get_u64(p + i);

            if ((w & UINT64_C(0x8080808080808080)) == 0 &&
                ((w - UINT64_C(0x0101010101010101)) & ~w & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        if (p[i] < 0x80) {
            if (p[i] == 0)
                return i;
            i++;
            continue;
        }
        n = sequence_bytes(p + i, bytes - i);
        if (n == 0)
            return i;
        i += (size_t)n;
    }
    return bytes;
}

void
utf8_repair(char *text, size_t bytes)
{
    for (size_t i = utf8_valid_prefix(text, bytes); i < bytes; i += utf8_valid_prefix(text + i, bytes - i))
        text[i++] = '?';
}

size_t
utf8_length(const char *text, size_t bytes)
{
    size_t chars = 0;

    for (size_t i = 0; i < bytes; i++)
        chars += ((unsigned char)text[i] & 0xc0) != 0x80;
    return chars;
}

size_t
utf8_prefix_bytes(const char *text, size_t bytes, size_t chars)
{
    size_t i = 0;

    while (chars > 0 && i < bytes) {
        i += (size_t)utf8_char_bytes(text[i]);
        chars--;
    }
    return MIN_OF(i, bytes);
}

uint32_t
utf8_decode(const char *text, int *char_bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    int n = utf8_char_bytes(text[0]);

    *char_bytes = n;
    switch (n) {
    case 1: return p[0];
    case 2: return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3: return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    default:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
               (p[3] & 0x3f);
    }
}

int
utf8_encode(uint32_t c, char out[4])
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}
