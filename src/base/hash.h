/* src/base/hash.h - XXH3 under our own name. Not stable across releases: never stored. */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t bytes);
uint64_t hash_bytes_seeded(const void *data, size_t bytes, uint64_t seed);
/* Finalizer of a good 64-bit mixer; for keys that are already one word. */
static inline uint64_t
hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xe9846af9b1a615d);
    x ^= x >> 32;
    x *= UINT64_C(0xe9846af9b1a615d);
    x ^= x >> 28;
    return x;
}
static inline uint64_t
hash_combine(uint64_t a, uint64_t b)
{
    return hash_u64(a * UINT64_C(0x9e3779b97f4a7c15) + b);
}

#endif
