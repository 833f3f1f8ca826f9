/* src/base/bytes.h - integers in and out of unaligned bytes, network order and native order. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H
#include <stdint.h>
#include <string.h>

#define BYTES_ACCESS_(bits)                                                                                    \
    static inline uint##bits##_t get_be##bits(const void *p)                                                   \
    {                                                                                                          \
        uint##bits##_t v;                                                                                      \
        memcpy(&v, p, sizeof(v));                                                                              \
        return __builtin_bswap##bits(v);                                                                       \
    }                                                                                                          \
    static inline void put_be##bits(void *p, uint##bits##_t v)                                                 \
    {                                                                                                          \
        v = __builtin_bswap##bits(v);                                                                          \
        memcpy(p, &v, sizeof(v));                                                                              \
    }                                                                                                          \
    static inline uint##bits##_t get_u##bits(const void *p)                                                    \
    {                                                                                                          \
        uint##bits##_t v;                                                                                      \
        memcpy(&v, p, sizeof(v));                                                                              \
        return v;                                                                                              \
    }                                                                                                          \
    static inline void put_u##bits(void *p, uint##bits##_t v)                                                  \
    {                                                                                                          \
        memcpy(p, &v, sizeof(v));                                                                              \
    }

BYTES_ACCESS_(16)
BYTES_ACCESS_(32)
BYTES_ACCESS_(64)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pages and vectors are little-endian"
#endif

#endif
