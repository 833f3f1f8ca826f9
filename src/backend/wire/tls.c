/* tls.c - OpenSSL on top of conn_raw_recv and conn_raw_send.
 *
 * A small BIO of our own carries the records, so that interrupts, time-outs and the environment of a
 * test work as they do without TLS. Reading ahead is on: a whole record costs one recv(2). */
#include "backend/wire/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/wire/wire_int.h"

struct TlsContext {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    uint8_t end_point[TLS_ENDPOINT_MOST_BYTES];
    size_t end_point_bytes;
};

struct Tls {
    SSL *ssl;
    const TlsContext *context;
    int read_errno; /* of the last raw read; 0 = it saw the end */
    bool closing; /* nothing may block any more */
};

/* ---- the transport -------------------------------------------------------------------------------- */

typedef struct BioPeer {
    Conn *conn;
    Tls *tls;
} BioPeer;

static int
bio_read(BIO *bio, char *out, int bytes)
{
    BioPeer *peer = BIO_get_data(bio);
    ssize_t n = conn_raw_recv(peer->conn, out, (size_t)bytes);

    peer->tls->read_errno = n < 0 ? errno : 0;
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        BIO_set_retry_read(bio);
    return (int)n;
}

static int
bio_write(BIO *bio, const char *data, int bytes)
{
    BioPeer *peer = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (peer->tls->closing)
        return (int)peer->conn->env->send(peer->conn->env, peer->conn->fd, data, (size_t)bytes, MSG_DONTWAIT);
    return (int)conn_raw_send(peer->conn, data, (size_t)bytes);
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int
bio_destroy(BIO *bio)
{
    free(BIO_get_data(bio));
    return 1;
}

static BIO_METHOD *
make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");

    if (m == NULL)
        return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_destroy(m, bio_destroy);
    return m;
}

/* ---- the context ---------------------------------------------------------------------------------- */

static const char *
ssl_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason != NULL ? reason : "unknown TLS error";
}

static Status
fail_file(Ctx *cx, const char *what, const char *path, const char *why)
{
    return fail(cx, ST_ERROR, "F0000", "could not load %s \"%s\": %s", what, path, why);
}

static Status
check_key_file(Ctx *cx, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fail_file(cx, "private key file", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(cx, ST_ERROR, "F0000", "private key file \"%s\" is not a regular file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return fail(cx, ST_ERROR, "F0000", "private key file \"%s\" must be owned by the server's user or root",
                    path);
    if ((st.st_mode & (st.st_uid == 0 && geteuid() != 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO)) !=
        0) {
        fail(cx, ST_ERROR, "F0000", "private key file \"%s\" has group or world access", path);
        fail_detail(cx, "File must have permissions u=rw (0600) or less if owned by the server's user, or "
                        "permissions u=rw,g=r (0640) or less if owned by root.");
        return ST_ERROR;
    }
    return ST_OK;
}

/* RFC 5929: the hash of the certificate's signature algorithm, but SHA-256 instead of MD5 and SHA-1. */
static void
compute_end_point(TlsContext *context)
{
    X509 *cert = SSL_CTX_get0_certificate(context->ssl);
    const EVP_MD *md = NULL;
    unsigned int bytes = 0;
    int digest_nid = 0;

    if (cert == NULL || !X509_get_signature_info(cert, &digest_nid, NULL, NULL, NULL) ||
        digest_nid == NID_undef)
        return;
    md = digest_nid == NID_md5 || digest_nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest_nid);
    if (md != NULL && X509_digest(cert, md, context->end_point, &bytes))
        context->end_point_bytes = bytes;
}

static Status
load_files(Ctx *cx, const TlsFiles *files, SSL_CTX *ssl)
{
    if (access(files->cert_path, R_OK) != 0)
        return fail_file(cx, "server certificate file", files->cert_path, strerror(errno));
    if (SSL_CTX_use_certificate_chain_file(ssl, files->cert_path) != 1)
        return fail_file(cx, "server certificate file", files->cert_path, ssl_reason());
    TRY(check_key_file(cx, files->key_path));
    if (SSL_CTX_use_PrivateKey_file(ssl, files->key_path, SSL_FILETYPE_PEM) != 1)
        return fail_file(cx, "private key file", files->key_path, ssl_reason());
    if (SSL_CTX_check_private_key(ssl) != 1)
        return fail(cx, ST_ERROR, "F0000", "private key file \"%s\" does not fit certificate file \"%s\"",
                    files->key_path, files->cert_path);
    if (files->ca_path == NULL)
        return ST_OK;
    if (access(files->ca_path, R_OK) != 0)
        return fail_file(cx, "root certificate file", files->ca_path, strerror(errno));
    if (SSL_CTX_load_verify_locations(ssl, files->ca_path, NULL) != 1)
        return fail_file(cx, "root certificate file", files->ca_path, ssl_reason());
    SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(files->ca_path));
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
    return ST_OK;
}

/* Keys with a pass phrase: nobody is there to type it. */
static int
no_pass_phrase(char *out, int bytes, int writing, void *arg)
{
    (void)out;
    (void)bytes;
    (void)writing;
    (void)arg;
    return -1;
}

Status
tls_context_create(Ctx *cx, const TlsFiles *files, TlsContext **out)
{
    TlsContext *context = calloc(1, sizeof(*context));
    Status rc = ST_OK;

    ASSERT(files->cert_path != NULL);
    ASSERT(files->key_path != NULL);
    if (context != NULL) {
        context->ssl = SSL_CTX_new(TLS_server_method());
        context->bio = make_bio_method();
    }
    if (context == NULL || context->ssl == NULL || context->bio == NULL) {
        rc = fail(cx, ST_NO_MEMORY, "53200", "could not create TLS context: %s", ssl_reason());
        goto failed;
    }
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                          SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_ECDH_USE);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context->ssl, 0);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context->ssl, 1);
    SSL_CTX_set_cipher_list(context->ssl, "HIGH:!aNULL:!MD5:!3DES");
    SSL_CTX_set_default_passwd_cb(context->ssl, no_pass_phrase);
    TRY_TO(failed, rc, load_files(cx, files, context->ssl));
    compute_end_point(context);
    *out = context;
    return ST_OK;
failed:
    tls_context_free(context);
    return rc;
}

void
tls_context_free(TlsContext *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->bio);
    free(context);
}

/* ---- one connection ------------------------------------------------------------------------------- */

Status
tls_accept(Ctx *cx, const TlsContext *context, Conn *conn, Tls **out)
{
    Tls *tls = calloc(1, sizeof(*tls));
    BioPeer *peer = calloc(1, sizeof(*peer));
    BIO *bio = BIO_new(context->bio);
    Status rc = ST_OK;

    if (tls != NULL)
        tls->ssl = SSL_new(context->ssl);
    if (tls == NULL || peer == NULL || bio == NULL || tls->ssl == NULL) {
        rc = fail(cx, ST_NO_MEMORY, "53200", "could not initialize TLS connection: %s", ssl_reason());
        BIO_free(bio);
        free(peer);
        goto failed;
    }
    tls->context = context;
    *peer = (BioPeer){.conn = conn, .tls = tls};
    BIO_set_data(bio, peer);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    for (;;) {
        int n = SSL_accept(tls->ssl);

        if (n == 1)
            break;
        if (SSL_get_error(tls->ssl, n) == SSL_ERROR_WANT_READ && tls->read_errno == EINTR &&
            !conn_interrupted(conn))
            continue;
        if (tls->read_errno == EAGAIN)
            rc = fail(cx, ST_CANCELED, "57014", "canceling authentication due to timeout");
        else
            rc = fail(cx, ST_CLOSED, "08P01", "could not accept TLS connection: %s", ssl_reason());
        fail_fatal(cx, rc);
        goto failed;
    }
    *out = tls;
    return ST_OK;
failed:
    if (tls != NULL)
        SSL_free(tls->ssl);
    free(tls);
    return rc;
}

ssize_t
tls_recv(Tls *tls, void *out, size_t bytes)
{
    int n = SSL_read(tls->ssl, out, (int)MIN_OF(bytes, (size_t)INT_MAX));

    if (n > 0)
        return n;
    switch (SSL_get_error(tls->ssl, n)) {
    case SSL_ERROR_WANT_READ: errno = tls->read_errno != 0 ? tls->read_errno : EINTR; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: ERR_clear_error(); return 0; /* cut off: the end, as a reset is without TLS */
    }
}

ssize_t
tls_send(Tls *tls, const void *data, size_t bytes)
{
    size_t sent = 0;

    while (sent < bytes) {
        int n = SSL_write(tls->ssl, (const char *)data + sent, (int)MIN_OF(bytes - sent, (size_t)INT_MAX));

        if (n <= 0) {
            ERR_clear_error();
            errno = EPIPE;
            return -1;
        }
        sent += (size_t)n;
    }
    return (ssize_t)bytes;
}

void
tls_close(Tls *tls)
{
    tls->closing = true;
    SSL_shutdown(tls->ssl); /* says goodbye, does not wait for the answer */
    SSL_free(tls->ssl);
    free(tls);
}

size_t
tls_server_end_point(const Tls *tls, uint8_t out[TLS_ENDPOINT_MOST_BYTES])
{
    memcpy(out, tls->context->end_point, tls->context->end_point_bytes);
    return tls->context->end_point_bytes;
}

const char *
tls_protocol(const Tls *tls)
{
    return SSL_get_version(tls->ssl);
}

const char *
tls_cipher(const Tls *tls)
{
    return SSL_get_cipher_name(tls->ssl);
}

int
tls_bits(const Tls *tls)
{
    return SSL_get_cipher_bits(tls->ssl, NULL);
}
