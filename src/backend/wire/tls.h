/* src/backend/wire/tls.h - the server's certificate and what may be negotiated with it.
 *
 * A TlsContext is made once, at start or reload, and used by many connections. OpenSSL is not touched
 * before the first one is made. TLS 1.2 and 1.3. */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H
#include "base/ctx.h"

typedef struct Tls Tls;
typedef struct TlsContext TlsContext;

typedef struct TlsFiles {
    const char *cert_path, *key_path;
    const char *ca_path; /* NULL: client certificates are not asked for */
} TlsFiles;

/* F0000 naming the file when one can not be read, does not parse, does not fit the other, or is a
 * private key that others may read. */
MUST_CHECK Status tls_context_create(Ctx *cx, const TlsFiles *files, TlsContext **out);
void tls_context_free(TlsContext *context);

enum { TLS_ENDPOINT_MOST_BYTES = 64 };
/* The binding data of tls-server-end-point (RFC 5929): a hash of our certificate. Returns its size,
 * 0 when the certificate's signature has no usable hash. */
size_t tls_server_end_point(const Tls *tls, uint8_t out[TLS_ENDPOINT_MOST_BYTES]);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384", for logs and pg_stat_ssl. */
const char *tls_protocol(const Tls *tls);
const char *tls_cipher(const Tls *tls);
int tls_bits(const Tls *tls); /* of the cipher's key */

#endif
