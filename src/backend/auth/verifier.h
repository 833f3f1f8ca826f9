/* src/backend/auth/verifier.h - what is stored instead of a password.
 *
 * PostgreSQL's own forms: SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey> (base64) and
 * md5<32 hexadecimal digits>. A plain password is never stored. */
#ifndef AUTH_VERIFIER_H
#define AUTH_VERIFIER_H
#include "base/ctx.h"
#include "base/env.h"

enum { SCRAM_KEY_BYTES = 32, SCRAM_SALT_BYTES = 16, SCRAM_ROUNDS = 4096, SCRAM_SALT_MOST_BYTES = 64 };

typedef struct ScramVerifier {
    uint32_t rounds;
    uint8_t salt[SCRAM_SALT_MOST_BYTES];
    size_t salt_bytes;
    uint8_t stored_key[SCRAM_KEY_BYTES], server_key[SCRAM_KEY_BYTES];
} ScramVerifier;

typedef enum VerifierKind { VERIFIER_PLAIN, VERIFIER_MD5, VERIFIER_SCRAM } VerifierKind;
/* VERIFIER_PLAIN: not a verifier (a client's PASSWORD '...' that must be hashed first). */
VerifierKind verifier_kind(const char *text);

/* A verifier for a plain password, in `a`. Costs about 5 ms. */
MUST_CHECK Status verifier_make_scram(Ctx *cx, Arena *a, const char *password, const char **out);
MUST_CHECK Status verifier_make_md5(Ctx *cx, Arena *a, const char *user, const char *password,
                                    const char **out);

/* False when it is not well-formed. */
MUST_CHECK bool verifier_parse_scram(const char *text, ScramVerifier *out);
void verifier_compute_scram(const char *password, const uint8_t *salt, size_t salt_bytes, uint32_t rounds,
                            ScramVerifier *out);
/* Does the plain password fit the verifier? Takes the same time whether it does or not. */
MUST_CHECK Status verifier_check_plain(Ctx *cx, const char *verifier, const char *user, const char *password,
                                       bool *fits);

/* SASLprep (RFC 4013): the form in which passwords are hashed. ASCII and other text that needs no change
 * comes back as it is; so does what is not valid UTF-8 or holds prohibited characters, as PostgreSQL does. */
const char *verifier_prepare(Arena *a, const char *password);

/* Building blocks, used by scram.c and its tests. */
void scram_hmac(const uint8_t key[SCRAM_KEY_BYTES], const void *data, size_t bytes,
                uint8_t out[SCRAM_KEY_BYTES]);
void scram_hash(const void *data, size_t bytes, uint8_t out[SCRAM_KEY_BYTES]);
void md5_hex(const void *data, size_t bytes, char out[33]);
/* Base64 with padding, as RFC 4648. */
const char *base64_encode(Arena *a, const void *data, size_t bytes);
/* Bytes written, -1 when it is not base64 or does not fit. */
int base64_decode(const char *text, size_t text_bytes, uint8_t *out, size_t out_bytes);

#endif
