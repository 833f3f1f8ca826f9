/* store_seal.c - see store_seal.h. What is encrypted begins with a head: how it is compressed, and how long it is then. */
#include "storage/store/store_seal.h"

#include <lz4.h>
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "storage/seal/seal_ring.h"

enum {
    NUMBER_AT = SEAL_SALT_BYTES,
    DATA_AT = SEAL_SALT_BYTES + 8,
    AROUND_BYTES = DATA_AT + SEAL_TAG_BYTES,
    HEAD_BYTES = 4,
    VALUE_MOST = 16 * 1024 - HEAD_BYTES, /* a page and its checksum are half of it */
    COMPRESS_LEAST = 64,
    ZSTD_LEVEL = 1,
    METHOD_SHIFT = 24,
};

static const char purpose[] = "pages";

struct StoreSeal {
    pthread_mutex_t lock; /* of what seals */
    SealWriter writer; /* lock */
    StoreCompression compression;
    ZSTD_CCtx *zstd; /* lock; NULL = not wanted */
    SealRing *ring;
    char plain[HEAD_BYTES + VALUE_MOST]; /* lock */
    char sealed[AROUND_BYTES + HEAD_BYTES + VALUE_MOST]; /* lock */
};

Status
store_seal_open(Ctx *cx, const SealKey *data_key, StoreCompression compression, StoreSeal **out)
{
    StoreSeal *s = calloc(1, sizeof(*s));
    Status rc;

    if (s == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->compression = compression;
    rc = seal_writer_open(cx, data_key, purpose, &s->writer);
    if (rc == ST_OK)
        rc = seal_ring_open(cx, data_key, purpose, &s->ring);
    if (rc == ST_OK && compression == STORE_COMPRESS_ZSTD) {
        s->zstd = ZSTD_createCCtx();
        if (s->zstd == NULL)
            rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    }
    if (rc != ST_OK) {
        store_seal_close(s);
        return rc;
    }
    *out = s;
    return ST_OK;
}

void
store_seal_close(StoreSeal *s)
{
    if (s == NULL)
        return;
    seal_writer_close(&s->writer);
    seal_ring_close(s->ring);
    ZSTD_freeCCtx(s->zstd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

void
store_seal_begin(StoreSeal *s)
{
    pthread_mutex_lock(&s->lock);
}

void
store_seal_end(StoreSeal *s)
{
    pthread_mutex_unlock(&s->lock);
}

/* Returns the bytes after compression, less than `bytes`; 0 = it does not pay. */
static uint32_t
compress(StoreSeal *s, StoreCompression method, const char *value, uint32_t bytes, char *out)
{
    size_t n = 0;

    if (bytes < COMPRESS_LEAST)
        return 0;
    switch (method) {
    case STORE_COMPRESS_NONE: return 0;
    case STORE_COMPRESS_LZ4: n = (size_t)LZ4_compress_default(value, out, (int)bytes, (int)bytes - 1); break;
    case STORE_COMPRESS_ZSTD:
        n = ZSTD_compressCCtx(s->zstd, out, bytes - 1, value, bytes, ZSTD_LEVEL);
        if (ZSTD_isError(n))
            n = 0;
        break;
    }
    return (uint32_t)n;
}

Status
store_seal_value(Ctx *cx, StoreSeal *s, const char *key, size_t key_bytes, const char *value,
                 size_t value_bytes, const char **sealed, size_t *sealed_bytes)
{
    uint64_t number = s->writer.next++;
    uint32_t bytes = (uint32_t)value_bytes, n;

    ASSERT(value_bytes <= VALUE_MOST);
    n = compress(s, s->compression, value, bytes, s->plain + HEAD_BYTES);
    put_u32(s->plain, bytes | (uint32_t)(n > 0 ? s->compression : STORE_COMPRESS_NONE) << METHOD_SHIFT);
    if (n == 0) {
        memcpy(s->plain + HEAD_BYTES, value, bytes);
        n = bytes;
    }
    memcpy(s->sealed, s->writer.salt, SEAL_SALT_BYTES);
    put_u64(s->sealed + NUMBER_AT, number);
    TRY(sealer_seal(cx, s->writer.sealer, number, (SealBound){.data = key, .bytes = (uint32_t)key_bytes},
                    s->plain, HEAD_BYTES + n, s->sealed + DATA_AT,
                    (uint8_t *)s->sealed + DATA_AT + HEAD_BYTES + n));
    *sealed = s->sealed;
    *sealed_bytes = AROUND_BYTES + HEAD_BYTES + n;
    return ST_OK;
}

/* ---- unsealing --------------------------------------------------------------------------------------------------- */

static bool
decompress(const char *plain, uint32_t n, Buf *value)
{
    uint32_t head = get_u32(plain), bytes = head & ((1u << METHOD_SHIFT) - 1);
    const char *data = plain + HEAD_BYTES;
    char *out;

    n -= HEAD_BYTES;
    if (bytes > VALUE_MOST)
        return false;
    out = buf_extend(value, bytes);
    if (out == NULL)
        return false;
    switch (head >> METHOD_SHIFT) {
    case STORE_COMPRESS_NONE:
        if (n != bytes)
            return false;
        memcpy(out, data, bytes);
        return true;
    case STORE_COMPRESS_LZ4: return LZ4_decompress_safe(data, out, (int)n, (int)bytes) == (int)bytes;
    case STORE_COMPRESS_ZSTD: return ZSTD_decompress(out, bytes, data, n) == bytes;
    default: return false;
    }
}

Status
store_unseal_value(Ctx *cx, StoreSeal *s, const char *key, size_t key_bytes, const char *sealed,
                   size_t sealed_bytes, Buf *value, bool *whole)
{
    char plain[HEAD_BYTES + VALUE_MOST];
    size_t before = value->bytes;
    uint32_t n;

    *whole = false;
    if (sealed_bytes < AROUND_BYTES + HEAD_BYTES || sealed_bytes > sizeof(s->sealed))
        return ST_OK;
    n = (uint32_t)(sealed_bytes - AROUND_BYTES);
    TRY(seal_ring_unseal(cx, s->ring, (const uint8_t *)sealed, get_u64(sealed + NUMBER_AT),
                         (SealBound){.data = key, .bytes = (uint32_t)key_bytes}, sealed + DATA_AT, n, plain,
                         (const uint8_t *)sealed + DATA_AT + n, whole));
    *whole = *whole && decompress(plain, n, value);
    if (!*whole)
        value->bytes = before;
    return value->no_memory ? fail(cx, ST_NO_MEMORY, "53200", "out of memory") : ST_OK;
}
