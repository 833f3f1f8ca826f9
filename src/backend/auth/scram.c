/* scram.c - parsing the client's two messages and judging the proof.
 *
 *   client first  n,,n=user,r=CNONCE
 *   server first  r=CNONCE SNONCE,s=SALT,i=ROUNDS
 *   client final  c=BINDING,r=CNONCE SNONCE,p=PROOF
 *   server final  v=SIGNATURE
 *
 * PROOF = ClientKey xor HMAC(StoredKey, all of the above without p). Whoever knows StoredKey can check
 * it, but only who knows the password can make it. */
#include "backend/auth/scram.h"

#include <openssl/crypto.h>

static Status
malformed(Ctx *cx, const char *detail)
{
    fail(cx, ST_ERROR, "08P01", "malformed SCRAM message");
    fail_detail(cx, "%s", detail);
    return fail_fatal(cx, ST_ERROR);
}

/* The value of attribute `name` at *at, up to a comma or the end; moves past the comma. NULL: not there. */
static const char *
read_attribute(Arena *a, const char **at, char name)
{
    const char *p = *at;
    size_t bytes;

    if (p[0] != name || p[1] != '=')
        return NULL;
    p += 2;
    bytes = strcspn(p, ",");
    *at = p[bytes] == ',' ? p + bytes + 1 : p + bytes;
    return arena_strndup(a, p, bytes);
}

static bool
is_printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < 0x21 || *p > 0x7e)
            return false;
    }
    return *text != '\0';
}

/* The flag that says what the client thinks of channel binding. */
static Status
read_gs2_header(Ctx *cx, ScramExchange *x, const char **at)
{
    const char *start = *at, *p = start;

    x->client_flag = *p;
    switch (*p) {
    case 'n':
    case 'y':
        if (x->plus)
            return malformed(cx, "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not "
                                 "include channel binding data.");
        if (*p == 'y' && x->plus_offered) {
            fail(cx, ST_ERROR, "28000", "SCRAM channel binding negotiation error");
            fail_detail(cx, "The client supports SCRAM channel binding but thinks the server does not. "
                            "However, this server does support channel binding.");
            return fail_fatal(cx, ST_ERROR);
        }
        p++;
        break;
    case 'p': {
        const char *type;

        if (!x->plus)
            return malformed(cx, "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM "
                                 "message includes channel binding data.");
        type = read_attribute(cx->arena, &p, 'p');
        if (type == NULL || strcmp(type, "tls-server-end-point") != 0)
            return fail_fatal(cx, fail(cx, ST_ERROR, "08P01", "unsupported SCRAM channel-binding type \"%s\"",
                                       type != NULL && is_printable(type) ? type : "?"));
        p--; /* back onto the comma */
        break;
    }
    default: return malformed(cx, "Unexpected channel-binding flag.");
    }
    if (*p != ',')
        return malformed(cx, "Comma expected.");
    p++;
    if (*p == 'a')
        return fail_fatal(cx, fail(cx, ST_ERROR, "0A000",
                                   "client uses authorization identity, but it is not supported"));
    if (*p != ',')
        return malformed(cx, "Unexpected attribute in client-first-message.");
    p++;
    x->gs2_header = arena_strndup(cx->arena, start, (size_t)(p - start));
    *at = p;
    return ST_OK;
}

Status
scram_first(Ctx *cx, ScramExchange *x, const char *message, size_t bytes, const char *server_nonce,
            const char **out)
{
    const char *text = arena_strndup(cx->arena, message, bytes), *p = text, *user, *nonce;

    if (strlen(text) != bytes || bytes == 0)
        return malformed(cx, "Message length does not match input length.");
    TRY(read_gs2_header(cx, x, &p));
    x->client_first_bare = p;
    if (p[0] == 'm')
        return fail_fatal(cx, fail(cx, ST_ERROR, "0A000", "client requires an unsupported SCRAM extension"));
    user = read_attribute(cx->arena, &p, 'n'); /* ignored: the start-up packet has it */
    nonce = user != NULL ? read_attribute(cx->arena, &p, 'r') : NULL;
    if (nonce == NULL)
        return malformed(cx, "Expected the attributes n and r.");
    if (!is_printable(nonce))
        return fail_fatal(cx, fail(cx, ST_ERROR, "08P01", "non-printable characters in SCRAM nonce"));
    x->nonce = arena_printf(cx->arena, "%s%s", nonce, server_nonce);
    x->server_first =
        arena_printf(cx->arena, "r=%s,s=%s,i=%u", x->nonce,
                     base64_encode(cx->arena, x->verifier.salt, x->verifier.salt_bytes), x->verifier.rounds);
    *out = x->server_first;
    return ST_OK;
}

/* What the attribute c must be: the header of the first message, and the binding data behind it. */
static const char *
expected_binding(Ctx *cx, const ScramExchange *x)
{
    size_t header_bytes = strlen(x->gs2_header), data_bytes = x->plus ? x->binding_bytes : 0;
    char *both = arena_alloc(cx->arena, header_bytes + data_bytes);

    memcpy(both, x->gs2_header, header_bytes);
    if (data_bytes > 0)
        memcpy(both + header_bytes, x->binding, data_bytes);
    return base64_encode(cx->arena, both, header_bytes + data_bytes);
}

Status
scram_final(Ctx *cx, ScramExchange *x, const char *message, size_t bytes, bool *fits, const char **out)
{
    const char *text = arena_strndup(cx->arena, message, bytes), *p = text, *binding, *nonce, *proof = NULL;
    const char *all;
    size_t without_proof = 0;
    uint8_t given[SCRAM_KEY_BYTES], signature[SCRAM_KEY_BYTES], client_key[SCRAM_KEY_BYTES];
    uint8_t hash[SCRAM_KEY_BYTES];
    bool right;

    if (strlen(text) != bytes || bytes == 0)
        return malformed(cx, "Message length does not match input length.");
    binding = read_attribute(cx->arena, &p, 'c');
    if (binding == NULL)
        return malformed(cx, "Expected the attribute c.");
    if (strcmp(binding, expected_binding(cx, x)) != 0)
        return fail_fatal(cx, fail(cx, ST_ERROR, "28000", "SCRAM channel binding check failed"));
    nonce = read_attribute(cx->arena, &p, 'r');
    if (nonce == NULL || strcmp(nonce, x->nonce) != 0) {
        fail(cx, ST_ERROR, "08P01", "invalid SCRAM response");
        fail_detail(cx, "Nonce does not match.");
        return fail_fatal(cx, ST_ERROR);
    }
    while (*p != '\0' && proof == NULL) { /* extensions may come before the proof, which is last */
        without_proof = (size_t)(p - text) - 1;
        if (*p == 'p')
            proof = read_attribute(cx->arena, &p, 'p');
        else if (p[1] != '=' || read_attribute(cx->arena, &p, *p) == NULL)
            break;
    }
    if (proof == NULL || *p != '\0' || strchr(proof, ',') != NULL)
        return malformed(cx, "Expected the proof at the end of client-final-message.");
    if (base64_decode(proof, strlen(proof), given, sizeof(given)) != SCRAM_KEY_BYTES)
        return malformed(cx, "Malformed proof in client-final-message.");
    all =
        arena_printf(cx->arena, "%s,%s,%.*s", x->client_first_bare, x->server_first, (int)without_proof, text);
    scram_hmac(x->verifier.stored_key, all, strlen(all), signature);
    for (int i = 0; i < SCRAM_KEY_BYTES; i++)
        client_key[i] = given[i] ^ signature[i];
    scram_hash(client_key, SCRAM_KEY_BYTES, hash);
    right = CRYPTO_memcmp(hash, x->verifier.stored_key, SCRAM_KEY_BYTES) == 0;
    *fits = right && !x->doomed;
    if (!*fits)
        return ST_OK;
    scram_hmac(x->verifier.server_key, all, strlen(all), signature);
    *out = arena_printf(cx->arena, "v=%s", base64_encode(cx->arena, signature, SCRAM_KEY_BYTES));
    return ST_OK;
}

void
scram_mock(const char *user, const uint8_t secret[SCRAM_KEY_BYTES], ScramVerifier *out)
{
    uint8_t salt[SCRAM_KEY_BYTES];

    scram_hmac(secret, user, strlen(user), salt);
    out->rounds = SCRAM_ROUNDS;
    out->salt_bytes = SCRAM_SALT_BYTES;
    memcpy(out->salt, salt, SCRAM_SALT_BYTES);
    scram_hmac(secret, salt, sizeof(salt), out->stored_key);
    scram_hmac(secret, out->stored_key, SCRAM_KEY_BYTES, out->server_key);
}
