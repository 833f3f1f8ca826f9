/* verifier.c - making and checking what is stored instead of a password.
 *
 * SCRAM (RFC 5802): SaltedPassword = PBKDF2(password, salt, rounds); ClientKey and ServerKey are HMACs
 * of it; stored are H(ClientKey) and ServerKey, from which neither the password nor ClientKey
 * can be had. OpenSSL does the arithmetic; it is first touched here. */
#include "backend/auth/verifier.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRAM_PREFIX "SCRAM-SHA-256$"

/* ---- arithmetic ----------------------------------------------------------------------------------- */

void
scram_hmac(const uint8_t key[SCRAM_KEY_BYTES], const void *data, size_t bytes, uint8_t out[SCRAM_KEY_BYTES])
{
    unsigned int n = 0;
    const unsigned char *mac = HMAC(EVP_sha256(), key, SCRAM_KEY_BYTES, data, bytes, out, &n);

    ASSERT(mac != NULL);
    ASSERT(n == SCRAM_KEY_BYTES);
}

void
scram_hash(const void *data, size_t bytes, uint8_t out[SCRAM_KEY_BYTES])
{
    unsigned int n = 0;
    int ok = EVP_Digest(data, bytes, out, &n, EVP_sha256(), NULL);

    ASSERT(ok == 1);
    ASSERT(n == SCRAM_KEY_BYTES);
}

void
md5_hex(const void *data, size_t bytes, char out[33])
{
    uint8_t sum[16];
    int ok = EVP_Digest(data, bytes, sum, NULL, EVP_md5(), NULL);

    ASSERT(ok == 1);
    for (int i = 0; i < 16; i++)
        sprintf(out + 2 * i, "%02x", sum[i]);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *
base64_encode(Arena *a, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    char *text = arena_alloc(a, (bytes + 2) / 3 * 4 + 1), *to = text;

    for (size_t i = 0; i < bytes; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;

        v |= i + 1 < bytes ? (uint32_t)p[i + 1] << 8 : 0;
        v |= i + 2 < bytes ? p[i + 2] : 0;
        *to++ = base64_digits[v >> 18];
        *to++ = base64_digits[v >> 12 & 63];
        *to++ = i + 1 < bytes ? base64_digits[v >> 6 & 63] : '=';
        *to++ = i + 2 < bytes ? base64_digits[v & 63] : '=';
    }
    *to = '\0';
    return text;
}

int
base64_decode(const char *text, size_t text_bytes, uint8_t *out, size_t out_bytes)
{
    size_t n = 0;

    if (text_bytes % 4 != 0)
        return -1;
    for (size_t i = 0; i < text_bytes; i += 4) {
        uint32_t v = 0;
        int pad = 0;

        for (size_t k = 0; k < 4; k++) {
            char c = text[i + k];
            const char *digit = c != '\0' ? strchr(base64_digits, c) : NULL;

            if (c == '=' && i + 4 == text_bytes && k >= 2) {
                pad++;
                v <<= 6;
            } else if (digit != NULL && pad == 0) {
                v = v << 6 | (uint32_t)(digit - base64_digits);
            } else {
                return -1;
            }
        }
        if (n + (size_t)(3 - pad) > out_bytes)
            return -1;
        for (int k = 0; k < 3 - pad; k++)
            out[n++] = (uint8_t)(v >> (16 - 8 * k));
    }
    return (int)n;
}

const char *
verifier_prepare(Arena *a, const char *password)
{
    /* Text that SASLprep would change (compatibility forms, exotic spaces) is hashed as it is: the
     * client prepares it likewise, or the password was typed in its normal form already. */
    return arena_strdup(a, password);
}

/* ---- verifiers ------------------------------------------------------------------------------------ */

VerifierKind
verifier_kind(const char *text)
{
    ScramVerifier v;

    if (strncmp(text, "md5", 3) == 0 && strlen(text) == 35 && strspn(text + 3, "0123456789abcdef") == 32)
        return VERIFIER_MD5;
    return verifier_parse_scram(text, &v) ? VERIFIER_SCRAM : VERIFIER_PLAIN;
}

void
verifier_compute_scram(const char *password, const uint8_t *salt, size_t salt_bytes, uint32_t rounds,
                       ScramVerifier *out)
{
    uint8_t salted[SCRAM_KEY_BYTES], client_key[SCRAM_KEY_BYTES];
    int ok;

    ASSERT(salt_bytes <= SCRAM_SALT_MOST_BYTES);
    ASSERT(rounds > 0);
    ok = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, (int)salt_bytes, (int)rounds, EVP_sha256(),
                           SCRAM_KEY_BYTES, salted);
    ASSERT(ok == 1);
    out->rounds = rounds;
    memcpy(out->salt, salt, salt_bytes);
    out->salt_bytes = salt_bytes;
    scram_hmac(salted, "Client Key", 10, client_key);
    scram_hash(client_key, SCRAM_KEY_BYTES, out->stored_key);
    scram_hmac(salted, "Server Key", 10, out->server_key);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client_key, sizeof(client_key));
}

Status
verifier_make_scram(Ctx *cx, Arena *a, const char *password, const char **out)
{
    uint8_t salt[SCRAM_SALT_BYTES];
    ScramVerifier v;

    if (!cx->env->random(cx->env, salt, sizeof(salt)))
        return fail(cx, ST_ERROR, "XX000", "could not generate random salt");
    verifier_compute_scram(verifier_prepare(a, password), salt, sizeof(salt), SCRAM_ROUNDS, &v);
    *out = arena_printf(a, SCRAM_PREFIX "%u:%s$%s:%s", v.rounds, base64_encode(a, v.salt, v.salt_bytes),
                        base64_encode(a, v.stored_key, SCRAM_KEY_BYTES),
                        base64_encode(a, v.server_key, SCRAM_KEY_BYTES));
    return ST_OK;
}

Status
verifier_make_md5(Ctx *cx, Arena *a, const char *user, const char *password, const char **out)
{
    const char *both = arena_printf(a, "%s%s", password, user);
    char hex[33];

    (void)cx;
    md5_hex(both, strlen(both), hex);
    *out = arena_printf(a, "md5%s", hex);
    return ST_OK;
}

bool
verifier_parse_scram(const char *text, ScramVerifier *out)
{
    const char *p = text, *dollar, *colon;
    char *end;
    long rounds;
    int n;

    if (strncmp(p, SCRAM_PREFIX, strlen(SCRAM_PREFIX)) != 0)
        return false;
    p += strlen(SCRAM_PREFIX);
    rounds = strtol(p, &end, 10);
    if (end == p || *end != ':' || rounds < 1 || rounds > 100000000)
        return false;
    p = end + 1;
    dollar = strchr(p, '$');
    if (dollar == NULL)
        return false;
    n = base64_decode(p, (size_t)(dollar - p), out->salt, sizeof(out->salt));
    if (n < 1)
        return false;
    out->salt_bytes = (size_t)n;
    out->rounds = (uint32_t)rounds;
    p = dollar + 1;
    colon = strchr(p, ':');
    return colon != NULL &&
           base64_decode(p, (size_t)(colon - p), out->stored_key, SCRAM_KEY_BYTES) == SCRAM_KEY_BYTES &&
           base64_decode(colon + 1, strlen(colon + 1), out->server_key, SCRAM_KEY_BYTES) == SCRAM_KEY_BYTES;
}

Status
verifier_check_plain(Ctx *cx, const char *verifier, const char *user, const char *password, bool *fits)
{
    ScramVerifier stored, given;
    const char *md5 = "";

    switch (verifier_kind(verifier)) {
    case VERIFIER_SCRAM:
        if (!verifier_parse_scram(verifier, &stored)) {
            *fits = false;
            return ST_OK;
        }
        verifier_compute_scram(verifier_prepare(cx->arena, password), stored.salt, stored.salt_bytes,
                               stored.rounds, &given);
        *fits = CRYPTO_memcmp(stored.server_key, given.server_key, SCRAM_KEY_BYTES) == 0;
        return ST_OK;
    case VERIFIER_MD5:
        TRY(verifier_make_md5(cx, cx->arena, user, password, &md5));
        *fits = CRYPTO_memcmp(verifier, md5, 35) == 0;
        return ST_OK;
    case VERIFIER_PLAIN: break;
    }
    *fits = false;
    return ST_OK;
}
