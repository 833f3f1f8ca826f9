/* fuzz_wire.c - whatever a stranger sends: start-up, authentication, messages.
 *
 * The input is what the client sends, all at once, and then it hangs up. The first byte chooses the method of
 * authentication. Nothing may crash, hang or read outside of its buffers. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/auth/login.h"
#include "base/log.h"
#include "fuzz_client.h"

static bool
fuzz_random(Env *env, void *out, size_t bytes)
{
    (void)env;
    memset(out, 7, bytes);
    return true;
}

static const char *verifier;

static Status
find_role(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out)
{
    (void)cx;
    (void)self;
    *found = name[0] != 'x';
    *out = (RoleRecord){.can_login = name[0] != 'y',
                        .connection_limit = -1,
                        .valid_until_us = INT64_MAX,
                        .verifier = verifier};
    return ST_OK;
}

static Status
find_database(Ctx *cx, AuthDirectory *self, const char *name, bool *found, DatabaseRecord *out)
{
    (void)cx;
    (void)self;
    *found = name[0] != 'x';
    *out = (DatabaseRecord){.allow_connections = true, .connection_limit = -1};
    return ST_OK;
}

/* Reads every message as the session would: all kinds of fields until the body is used up. */
static void
read_messages(Ctx *cx, Conn *conn)
{
    for (;;) {
        int type;
        Decoder d;
        const char *data;
        size_t bytes;

        if (conn_read_message(cx, conn, &type, &d) != ST_OK || type <= 0)
            return;
        while (!decode_failed(&d) && decode_left(&d) > 0) {
            const char *text = decode_cstring(&d);

            if (decode_text(cx, text, strlen(text)) != ST_OK)
                ctx_error_clear(cx);
            decode_counted(&d, &data, &bytes);
            if (data != NULL && bytes > 0 && data[bytes - 1] == data[0])
                decode_i16(&d);
        }
        if (decode_finish(cx, &d) != ST_OK)
            ctx_error_clear(cx);
    }
}

int
fuzz_wire(const uint8_t *data, size_t bytes)
{
    static const char md5[] = "md50123456789abcdef0123456789abcdef";
    static const char scram[] = "SCRAM-SHA-256$1:AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    FuzzClient client;
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = &client.env};
    AuthDirectory directory = {.find_role = find_role, .find_database = find_database};
    LoginOptions options = {.auth.method = AUTH_TRUST};
    SettingSet server, session;
    StartupRequest request;
    AuthIdentity who;
    Conn conn;

    if (bytes == 0)
        return 0;
    options.auth.method = (AuthMethod)(*data & 3);
    verifier = (*data & 4) != 0 ? md5 : (*data & 8) != 0 ? NULL : scram;
    fuzz_client_init(&client, data + 1, bytes - 1, true);
    log_configure(&(LogOptions){.fd = -1, .level = LOG_FATAL});
    client.env.random = fuzz_random;
    arena_init(&arena, "fuzz", NULL);
    arena_init(&errors, "fuzz errors", NULL);
    settings_init_defaults(&server);
    settings_init_session(&session, &server);
    conn_init(&conn, &client.env, 0);
    if (login_read(&cx, &conn, &options, &request) == ST_OK && request.kind == STARTUP_SESSION) {
        Status rc = login_prove(&cx, &conn, &options, &directory, &request, &session, &who);

        if (rc == ST_OK)
            login_welcome(&conn, &session, 1, 2);
        else
            login_refuse(&cx, &conn, rc, NULL);
        read_messages(&cx, &conn);
    }
    conn_close(&conn);
    settings_free(&session);
    settings_free(&server);
    arena_free(&errors);
    arena_free(&arena);
    return 0;
}
