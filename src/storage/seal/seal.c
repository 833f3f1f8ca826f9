/* seal.c - see seal.h. OpenSSL expands a key once for each direction; both contexts live as long as the Sealer, and a piece
 * costs setting the nonce, the bytes and the tag. */
#include "storage/seal/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/bytes.h"

enum { NONCE_BYTES = 12, PURPOSE_MOST = 32 };

struct Sealer {
    EVP_CIPHER_CTX *seal, *unseal;
};

void
seal_wipe(void *data, size_t bytes)
{
    OPENSSL_cleanse(data, bytes);
}

static Status
fail_library(Ctx *cx)
{
    return fail(cx, ST_ERROR, "XX000", "the encryption library refuses to work");
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

SealKey *
seal_key_keep(const SealKey *key)
{
    SealKey *kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (kept == MAP_FAILED)
        return NULL;
    (void)madvise(kept, sizeof(*kept), MADV_DONTDUMP);
    (void)mlock(kept, sizeof(*kept));
    *kept = *key;
    return kept;
}

void
seal_key_forget(SealKey *kept)
{
    if (kept == NULL)
        return;
    seal_wipe(kept, sizeof(*kept));
    (void)munmap(kept, sizeof(*kept));
}

/* RFC 5869; one block of output is all we need. */
Status
seal_key_derive(Ctx *cx, const SealKey *key, const char *purpose, const uint8_t salt[SEAL_SALT_BYTES],
                SealKey *out)
{
    uint8_t extracted[SEAL_KEY_BYTES], info[PURPOSE_MOST + 1];
    size_t n = strlen(purpose);
    bool ok;

    ASSERT(n <= PURPOSE_MOST);
    memcpy(info, purpose, n);
    info[n] = 1;
    ok = HMAC(EVP_sha256(), salt, SEAL_SALT_BYTES, key->bytes, sizeof(key->bytes), extracted, NULL) != NULL &&
         HMAC(EVP_sha256(), extracted, sizeof(extracted), info, n + 1, out->bytes, NULL) != NULL;
    seal_wipe(extracted, sizeof(extracted));
    return ok ? ST_OK : fail_library(cx);
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

Status
sealer_open(Ctx *cx, const SealKey *key, Sealer **out)
{
    Sealer *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    s->seal = EVP_CIPHER_CTX_new();
    s->unseal = EVP_CIPHER_CTX_new();
    if (s->seal == NULL || s->unseal == NULL ||
        EVP_EncryptInit_ex(s->seal, EVP_aes_256_gcm(), NULL, key->bytes, NULL) != 1 ||
        EVP_DecryptInit_ex(s->unseal, EVP_aes_256_gcm(), NULL, key->bytes, NULL) != 1) {
        sealer_close(s);
        return fail_library(cx);
    }
    *out = s;
    return ST_OK;
}

void
sealer_close(Sealer *s)
{
    if (s == NULL)
        return;
    EVP_CIPHER_CTX_free(s->seal); /* overwrites the key */
    EVP_CIPHER_CTX_free(s->unseal);
    free(s);
}

static void
make_nonce(uint64_t number, uint8_t nonce[NONCE_BYTES])
{
    memset(nonce, 0, NONCE_BYTES - sizeof(number));
    put_be64(nonce + NONCE_BYTES - sizeof(number), number);
}

Status
sealer_seal(Ctx *cx, Sealer *s, uint64_t number, SealBound bound, const void *in, uint32_t bytes, void *out,
            uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t nonce[NONCE_BYTES];
    int n;

    make_nonce(number, nonce);
    if (EVP_EncryptInit_ex(s->seal, NULL, NULL, NULL, nonce) != 1 ||
        (bound.bytes > 0 && EVP_EncryptUpdate(s->seal, NULL, &n, bound.data, (int)bound.bytes) != 1) ||
        (bytes > 0 && EVP_EncryptUpdate(s->seal, out, &n, in, (int)bytes) != 1) ||
        EVP_EncryptFinal_ex(s->seal, (uint8_t *)out + bytes, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->seal, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) != 1)
        return fail_library(cx);
    return ST_OK;
}

bool
sealer_unseal(Sealer *s, uint64_t number, SealBound bound, const void *in, uint32_t bytes, void *out,
              const uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t nonce[NONCE_BYTES], expected[SEAL_TAG_BYTES];
    int n;

    make_nonce(number, nonce);
    memcpy(expected, tag, sizeof(expected)); /* OpenSSL wants to be able to write there */
    return EVP_DecryptInit_ex(s->unseal, NULL, NULL, NULL, nonce) == 1 &&
           (bound.bytes == 0 || EVP_DecryptUpdate(s->unseal, NULL, &n, bound.data, (int)bound.bytes) == 1) &&
           (bytes == 0 || EVP_DecryptUpdate(s->unseal, out, &n, in, (int)bytes) == 1) &&
           EVP_CIPHER_CTX_ctrl(s->unseal, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, expected) == 1 &&
           EVP_DecryptFinal_ex(s->unseal, (uint8_t *)out + bytes, &n) == 1;
}
