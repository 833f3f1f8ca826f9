/* src/base/utf8.h - the one text encoding inside: UTF-8, without surrogates and overlong forms. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include "base/attr.h"

/* Byte offset of the first invalid sequence, or `bytes` when all is well. NUL counts as invalid. */
size_t utf8_valid_prefix(const char *text, size_t bytes);
/* Puts a question mark in place of each byte that is part of no character, NUL included. */
void utf8_repair(char *text, size_t bytes);
/* Bytes of the character that starts with `lead`, which must be valid: 1 to 4. */
static inline int
utf8_char_bytes(char lead)
{
    unsigned char c = (unsigned char)lead;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}
/* Characters in valid text. */
size_t utf8_length(const char *text, size_t bytes);
/* Bytes that the first `chars` characters of valid text take; `bytes` if it has fewer. */
size_t utf8_prefix_bytes(const char *text, size_t bytes, size_t chars);
/* Decodes one character of valid text. */
uint32_t utf8_decode(const char *text, int *char_bytes);
/* Writes 1 to 4 bytes; 0 when the code point is not a character. */
int utf8_encode(uint32_t code_point, char out[4]);

#endif
