/* src/base/crc32c.h - CRC-32C (Castagnoli), what the log's records and segment headers are checked by. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H
#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 at first) over the bytes. */
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);

#endif
