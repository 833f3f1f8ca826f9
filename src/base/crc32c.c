/* crc32c.c - by the processor's instruction where there is one (SSE 4.2, that is nearly everywhere), else by a table
 * of 256 words. */
#include "base/crc32c.h"

#include <string.h>

enum { POLYNOMIAL_REVERSED = (int)0x82f63b78 };

__attribute__((target("sse4.2"))) static uint32_t
crc_instruction(uint32_t crc, const uint8_t *p, size_t bytes)
{
    uint64_t state = crc;

    for (; bytes >= 8; p += 8, bytes -= 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    crc = (uint32_t)state;
    for (; bytes > 0; p++, bytes--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static uint32_t
table_entry(uint32_t byte)
{
    for (int bit = 0; bit < 8; bit++)
        byte = byte & 1 ? byte >> 1 ^ (uint32_t)POLYNOMIAL_REVERSED : byte >> 1;
    return byte;
}

static uint32_t
crc_plain(uint32_t crc, const uint8_t *p, size_t bytes)
{
    for (; bytes > 0; p++, bytes--)
        crc = crc >> 8 ^ table_entry((crc ^ *p) & 0xff);
    return crc;
}

uint32_t
crc32c(uint32_t crc, const void *data, size_t bytes)
{
    crc = ~crc;
    crc = __builtin_cpu_supports("sse4.2") ? crc_instruction(crc, data, bytes) : crc_plain(crc, data, bytes);
    return ~crc;
}
