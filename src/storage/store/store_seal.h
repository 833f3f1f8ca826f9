/* src/storage/store/store_seal.h - values of an encrypted page store, as RocksDB gets them (doc/format/store.md).
 *
 * Compressed by us, since what is encrypted does not compress; then encrypted, bound to their key: so a page can not be put in
 * another's place. Any number of threads. */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H
#include "storage/seal/seal.h"
#include "storage/store/page_store.h"

typedef struct StoreSeal StoreSeal;

MUST_CHECK Status store_seal_open(Ctx *cx, const SealKey *data_key, StoreCompression compression,
                                  StoreSeal **out);
void store_seal_close(StoreSeal *s); /* NULL is fine */

/* Sealing is for one thread at a time: between these two. */
void store_seal_begin(StoreSeal *s);
void store_seal_end(StoreSeal *s);
/* *sealed: until the next call. */
MUST_CHECK Status store_seal_value(Ctx *cx, StoreSeal *s, const char *key, size_t key_bytes, const char *value,
                                   size_t value_bytes, const char **sealed, size_t *sealed_bytes);
/* The value is appended. *whole false: it is not what was stored below that key; nothing is appended. */
MUST_CHECK Status store_unseal_value(Ctx *cx, StoreSeal *s, const char *key, size_t key_bytes,
                                     const char *sealed, size_t sealed_bytes, Buf *value, bool *whole);

#endif
