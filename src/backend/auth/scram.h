/* src/backend/auth/scram.h - the server's half of SCRAM-SHA-256 (RFC 5802, 7677), without the wire.
 *
 * Two messages in, two out. With channel binding (-PLUS) the client signs a hash of our certificate,
 * so that nobody can sit in between with another one. */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H
#include "backend/auth/verifier.h"

typedef struct ScramExchange {
    ScramVerifier verifier;
    bool doomed; /* the verifier is made up: ends as a wrong password whatever the proof */
    bool plus; /* the mechanism chosen by the client */
    bool plus_offered;
    const uint8_t *binding; /* tls-server-end-point */
    size_t binding_bytes;
    char client_flag; /* 'n', 'y' or 'p' */
    const char *client_first_bare, *server_first, *nonce;
    const char *gs2_header;
} ScramExchange;

/* The client's first message. *out = ours, in cx->arena. `server_nonce` is text without commas. */
MUST_CHECK Status scram_first(Ctx *cx, ScramExchange *x, const char *message, size_t bytes,
                              const char *server_nonce, const char **out);
/* The client's final message with the proof. *fits = the password was right (and then *out is our last
 * word). A malformed message is 08P01. */
MUST_CHECK Status scram_final(Ctx *cx, ScramExchange *x, const char *message, size_t bytes, bool *fits,
                              const char **out);

/* A verifier for a user who has none: the same for the same name during the life of `secret`, so that
 * asking twice does not give away that there is no such user. */
void scram_mock(const char *user, const uint8_t secret[SCRAM_KEY_BYTES], ScramVerifier *out);

#endif
