/* src/storage/seal/seal.h - AES-256-GCM for bytes on their way to a disk.
 *
 * A data directory has one data key. Whoever writes makes itself, at its start, a key of its own from that and from a random
 * salt, which lies beside what it writes; below its key the nonce is a number that only counts up. So a pair of key and
 * nonce does not come twice: not after a crash, and not when a copy of the directory goes on by itself (S3). */
#ifndef SEAL_H
#define SEAL_H
#include "base/ctx.h"

enum { SEAL_KEY_BYTES = 32, SEAL_SALT_BYTES = 16, SEAL_TAG_BYTES = 16 };

typedef struct SealKey {
    uint8_t bytes[SEAL_KEY_BYTES];
} SealKey;

/* A copy that is not in core dumps, nor swapped if the system allows so much locked memory; children inherit it. NULL: there
 * is no memory. */
SealKey *seal_key_keep(const SealKey *key);
void seal_key_forget(SealKey *kept); /* NULL is fine */
/* The bytes are overwritten, whatever the optimizer thinks of it. */
void seal_wipe(void *data, size_t bytes);

/* HKDF-SHA256 of the key; `purpose` keeps keys for different uses apart. */
MUST_CHECK Status seal_key_derive(Ctx *cx, const SealKey *key, const char *purpose,
                                  const uint8_t salt[SEAL_SALT_BYTES], SealKey *out);

/* A key that is ready for use, by one thread at a time. */
typedef struct Sealer Sealer;
MUST_CHECK Status sealer_open(Ctx *cx, const SealKey *key, Sealer **out);
void sealer_close(Sealer *s); /* NULL is fine */

/* What is only vouched for. */
typedef struct SealBound {
    const void *data;
    uint32_t bytes;
} SealBound;

/* `number` must never come twice below this key. `out` has room for `bytes` and may be `in`. */
MUST_CHECK Status sealer_seal(Ctx *cx, Sealer *s, uint64_t number, SealBound bound, const void *in,
                              uint32_t bytes, void *out, uint8_t tag[SEAL_TAG_BYTES]);
/* False: it is not what was sealed, or not with this key, number and bound; then `out` holds nothing to be used. */
MUST_CHECK bool sealer_unseal(Sealer *s, uint64_t number, SealBound bound, const void *in, uint32_t bytes,
                              void *out, const uint8_t tag[SEAL_TAG_BYTES]);

#endif
