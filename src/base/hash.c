/* hash.c - the one place that includes xxhash. */
#include "base/hash.h"

#include <xxhash.h>

uint64_t
hash_bytes(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}

uint64_t
hash_bytes_seeded(const void *data, size_t bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, bytes, seed);
}
