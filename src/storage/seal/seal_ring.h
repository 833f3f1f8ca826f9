/* src/storage/seal/seal_ring.h - what earlier writers have sealed: their keys, found by the salts that lie beside it.
 *
 * For one purpose of one data key. Any number of threads; each is given a key for itself while it works. */
#ifndef SEAL_RING_H
#define SEAL_RING_H
#include "storage/seal/seal.h"

typedef struct SealRing SealRing;

/* `purpose` has to live as long as the ring; the key is copied. */
MUST_CHECK Status seal_ring_open(Ctx *cx, const SealKey *data_key, const char *purpose, SealRing **out);
void seal_ring_close(SealRing *ring); /* NULL is fine */
/* Unseals with the key of that salt; *whole as sealer_unseal has it. Fails for want of memory alone. */
MUST_CHECK Status seal_ring_unseal(Ctx *cx, SealRing *ring, const uint8_t salt[SEAL_SALT_BYTES],
                                   uint64_t number, SealBound bound, const void *in, uint32_t bytes, void *out,
                                   const uint8_t tag[SEAL_TAG_BYTES], bool *whole);

/* One that seals now: with a salt of its own, and numbers that count. By one thread at a time. */
typedef struct SealWriter {
    Sealer *sealer; /* NULL = none */
    uint8_t salt[SEAL_SALT_BYTES];
    uint64_t next; /* number of the next piece */
} SealWriter;
MUST_CHECK Status seal_writer_open(Ctx *cx, const SealKey *data_key, const char *purpose, SealWriter *out);
void seal_writer_close(SealWriter *w);

#endif
