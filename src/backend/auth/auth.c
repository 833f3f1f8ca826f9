/* auth.c - the log-in dialogue of each method, and who may come in at all.
 *
 * A user that does not exist goes through the same messages as a wrong password: the dialogue must not
 * tell which names exist. Everything else (no such database, not permitted to log in, too many sessions)
 * is said only to who has proved to be that user. */
#include "backend/auth/auth.h"

#include <openssl/crypto.h>

#include "backend/auth/scram.h"
#include "backend/wire/encode.h"
#include "backend/wire/tls.h"

enum { NONCE_BYTES = 18 };

static Status
fail_password(Ctx *cx, const char *user)
{
    return fail_fatal(cx, fail(cx, ST_ERROR, "28P01", "password authentication failed for user \"%s\"", user));
}

/* The client's next 'p' message. */
static Status
read_response(Ctx *cx, Conn *conn, const char *what, Decoder *body)
{
    int type;

    TRY(conn_flush(cx, conn));
    TRY(conn_read_message(cx, conn, &type, body));
    if (type == 'p')
        return ST_OK;
    if (type == MESSAGE_INTERRUPT)
        return fail_fatal(cx,
                          fail(cx, ST_CLOSED, "57P01", "terminating connection due to administrator command"));
    if (type <= 0)
        return fail_fatal(cx, fail(cx, ST_CLOSED, "08006", "the client left during authentication"));
    return fail_fatal(cx, fail(cx, ST_ERROR, "08P01", "expected %s response, got message type %d", what, type));
}

static Status
read_password(Ctx *cx, Conn *conn, const char **out)
{
    Decoder d;
    const char *password;

    TRY(read_response(cx, conn, "password", &d));
    password = decode_cstring(&d);
    if (decode_failed(&d) || decode_left(&d) != 0)
        return fail_fatal(cx, fail(cx, ST_ERROR, "08P01", "invalid password packet size"));
    if (*password == '\0')
        return fail_fatal(cx, fail(cx, ST_ERROR, "28P01", "empty password returned by client"));
    *out = arena_strdup(cx->arena, password);
    return ST_OK;
}

static Status
random_bytes(Ctx *cx, void *out, size_t bytes)
{
    if (!cx->env->random(cx->env, out, bytes))
        return fail_fatal(cx, fail(cx, ST_ERROR, "XX000", "could not generate random bytes"));
    return ST_OK;
}

static Status
by_password(Ctx *cx, Conn *conn, const AuthOptions *options, const char *user, const char *verifier, bool *fits)
{
    const char *password = "";
    ScramVerifier mock, given;

    encode_auth_request(conn, AUTH_REQUEST_PASSWORD, NULL, 0);
    TRY(read_password(cx, conn, &password));
    if (verifier != NULL)
        return verifier_check_plain(cx, verifier, user, password, fits);
    scram_mock(user, options->mock_secret, &mock); /* take as long as for a user that exists */
    verifier_compute_scram(password, mock.salt, mock.salt_bytes, mock.rounds, &given);
    *fits = false;
    return ST_OK;
}

/* The answer is "md5" + md5(stored hash + salt). */
static Status
by_md5(Ctx *cx, Conn *conn, const char *verifier, bool *fits)
{
    uint8_t salt[4];
    char salted[32 + 4], expected[4 + 33] = "md5";
    const char *answer = "";

    ASSERT(verifier_kind(verifier) == VERIFIER_MD5);
    TRY(random_bytes(cx, salt, sizeof(salt)));
    encode_auth_request(conn, AUTH_REQUEST_MD5, salt, sizeof(salt));
    TRY(read_password(cx, conn, &answer));
    memcpy(salted, verifier + 3, 32);
    memcpy(salted + 32, salt, 4);
    md5_hex(salted, sizeof(salted), expected + 3);
    *fits = strlen(answer) == 35 && CRYPTO_memcmp(answer, expected, 35) == 0;
    return ST_OK;
}

/* Reads which mechanism was chosen and hands over the first SCRAM message. */
static Status
scram_begin(Ctx *cx, Conn *conn, ScramExchange *x, const char **message, size_t *bytes)
{
    Decoder d;
    const char *mechanism;

    TRY(read_response(cx, conn, "SASL", &d));
    mechanism = decode_cstring(&d);
    decode_counted(&d, message, bytes);
    TRY(decode_finish(cx, &d) == ST_OK ? ST_OK : fail_fatal(cx, ST_CORRUPT));
    if (strcmp(mechanism, "SCRAM-SHA-256") == 0)
        x->plus = false;
    else if (strcmp(mechanism, "SCRAM-SHA-256-PLUS") == 0 && x->plus_offered)
        x->plus = true;
    else
        return fail_fatal(cx, fail(cx, ST_ERROR, "08P01",
                                   "client selected an invalid SASL authentication mechanism"));
    if (*message == NULL) { /* allowed: the client wants to be asked */
        encode_auth_request(conn, AUTH_REQUEST_SASL_CONTINUE, NULL, 0);
        TRY(read_response(cx, conn, "SASL", &d));
        *bytes = decode_left(&d);
        *message = decode_bytes(&d, *bytes);
    }
    return ST_OK;
}

static Status
by_scram(Ctx *cx, Conn *conn, const AuthOptions *options, const char *user, const char *verifier, bool *fits)
{
    static const char plain[] = "SCRAM-SHA-256\0"; /* two NULs: the list's end is one of them */
    static const char both[] = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0";
    ScramExchange x = {0};
    uint8_t nonce[NONCE_BYTES], binding[TLS_ENDPOINT_MOST_BYTES];
    const char *message, *answer = NULL;
    size_t bytes;
    Decoder d;

    if (verifier == NULL || !verifier_parse_scram(verifier, &x.verifier)) {
        scram_mock(user, options->mock_secret, &x.verifier);
        x.doomed = true;
    }
    if (conn->tls != NULL) {
        x.binding = binding;
        x.binding_bytes = tls_server_end_point(conn->tls, binding);
        x.plus_offered = x.binding_bytes > 0;
    }
    TRY(random_bytes(cx, nonce, sizeof(nonce)));
    encode_auth_request(conn, AUTH_REQUEST_SASL, x.plus_offered ? both : plain,
                        x.plus_offered ? sizeof(both) : sizeof(plain));
    TRY(scram_begin(cx, conn, &x, &message, &bytes));
    TRY(scram_first(cx, &x, message, bytes, base64_encode(cx->arena, nonce, sizeof(nonce)), &answer));
    encode_auth_request(conn, AUTH_REQUEST_SASL_CONTINUE, answer, strlen(answer));
    TRY(read_response(cx, conn, "SASL", &d));
    bytes = decode_left(&d);
    TRY(scram_final(cx, &x, decode_bytes(&d, bytes), bytes, fits, &answer));
    if (*fits)
        encode_auth_request(conn, AUTH_REQUEST_SASL_FINAL, answer, strlen(answer));
    return ST_OK;
}

static Status
prove(Ctx *cx, Conn *conn, const AuthOptions *options, const char *user, bool found, const RoleRecord *role)
{
    const char *verifier = found ? role->verifier : NULL;
    bool fits = false;

    switch (options->method) {
    case AUTH_TRUST: return ST_OK;
    case AUTH_PASSWORD: TRY(by_password(cx, conn, options, user, verifier, &fits)); break;
    case AUTH_MD5:
        if (verifier != NULL && verifier_kind(verifier) == VERIFIER_MD5) {
            TRY(by_md5(cx, conn, verifier, &fits));
            break;
        }
        /* A SCRAM verifier can not answer md5, and who has none gets what new passwords would get. */
        TRY(by_scram(cx, conn, options, user, verifier, &fits));
        break;
    case AUTH_SCRAM: TRY(by_scram(cx, conn, options, user, verifier, &fits)); break;
    }
    if (!fits || (role->valid_until_us != INT64_MAX && env_wall_us(cx->env) >= role->valid_until_us))
        return fail_password(cx, user);
    return ST_OK;
}

/* Who has proved who it is: may it come in? */
static Status
admit(Ctx *cx, AuthDirectory *directory, const StartupRequest *request, AuthIdentity *who)
{
    const RoleRecord *role = &who->role;
    const DatabaseRecord *database = &who->database;
    bool found = false, may = true;

    if (!role->can_login)
        return fail_fatal(cx,
                          fail(cx, ST_ERROR, "28000", "role \"%s\" is not permitted to log in", request->user));
    if (role->connection_limit >= 0 && !role->superuser && directory->count_role != NULL &&
        directory->count_role(directory, role->oid) >= role->connection_limit)
        return fail_fatal(cx,
                          fail(cx, ST_ERROR, "53300", "too many connections for role \"%s\"", request->user));
    TRY(directory->find_database(cx, directory, request->database, &found, &who->database));
    if (!found)
        return fail_fatal(cx, fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", request->database));
    if (!database->allow_connections)
        return fail_fatal(cx,
                          fail(cx, ST_ERROR, "55000", "database \"%s\" is not currently accepting connections",
                               request->database));
    if (directory->may_connect != NULL)
        TRY(directory->may_connect(cx, directory, role, database, &may));
    if (!may) {
        fail(cx, ST_ERROR, "42501", "permission denied for database \"%s\"", request->database);
        fail_detail(cx, "User does not have CONNECT privilege.");
        return fail_fatal(cx, ST_ERROR);
    }
    if (database->connection_limit >= 0 && !role->superuser && directory->count_database != NULL &&
        directory->count_database(directory, database->oid) >= database->connection_limit)
        return fail_fatal(cx, fail(cx, ST_ERROR, "53300", "too many connections for database \"%s\"",
                                   request->database));
    return ST_OK;
}

Status
auth_login(Ctx *cx, Conn *conn, const AuthOptions *options, AuthDirectory *directory,
           const StartupRequest *request, AuthIdentity *out)
{
    AuthIdentity who = {.user_name = request->user, .database_name = request->database};
    bool found = false;

    ASSERT(request->kind == STARTUP_SESSION);
    TRY(directory->find_role(cx, directory, request->user, &found, &who.role));
    TRY(prove(cx, conn, options, request->user, found, &who.role));
    if (!found)
        return fail_fatal(cx, fail(cx, ST_ERROR, "28000", "role \"%s\" does not exist", request->user));
    encode_auth_request(conn, AUTH_REQUEST_OK, NULL, 0);
    TRY(admit(cx, directory, request, &who));
    *out = who;
    return ST_OK;
}
