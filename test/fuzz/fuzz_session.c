/* fuzz_session.c - see fuzz_session.h. Time-outs are short, files are out of reach, signals are ignored. */
#include "fuzz_session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "backend/config/settings.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "bin/body.h"
#include "fuzz_client.h"
#include "storage/engine/engine.h"

enum { INPUTS_PER_ENGINE = 500 };

static int
no_files(Env *env, const char *path, int flags, mode_t mode)
{
    (void)env;
    (void)path;
    (void)flags;
    (void)mode;
    errno = EACCES;
    return -1;
}

/* ---- the client's messages --------------------------------------------------------------------------- */

static void
message(Buf *b, char kind, Buf *body)
{
    buf_add(b, &kind, 1);
    buf_add_u32(b, (uint32_t)body->bytes + 4);
    buf_add(b, body->data, body->bytes);
    buf_free(body);
}

void
say_query(Buf *b, const char *sql, size_t bytes)
{
    Buf body = {0};

    buf_add(&body, sql, strnlen(sql, bytes));
    buf_add(&body, "", 1);
    message(b, 'Q', &body);
}

void
say_parse(Buf *b, const char *sql, size_t bytes)
{
    Buf body = {0}, describe = {0};

    buf_add(&body, "", 1);
    buf_add(&body, sql, strnlen(sql, bytes));
    buf_add(&body, "", 1);
    buf_add_u16(&body, 0);
    message(b, 'P', &body);
    buf_add(&describe, "S", 2);
    message(b, 'D', &describe);
}

void
say_execute(Buf *b, const SayParam *params, int count, int format, int result_format)
{
    Buf bind = {0}, execute = {0}, sync = {0};

    buf_add(&bind, "\0", 2);
    buf_add_u16(&bind, 1);
    buf_add_u16(&bind, (uint16_t)format);
    buf_add_u16(&bind, (uint16_t)count);
    for (int i = 0; i < count; i++) {
        buf_add_u32(&bind, (uint32_t)params[i].bytes);
        buf_add(&bind, params[i].data, params[i].bytes);
    }
    buf_add_u16(&bind, 1);
    buf_add_u16(&bind, (uint16_t)result_format);
    message(b, 'B', &bind);
    buf_add(&execute, "\0\0\0\0\0", 5);
    message(b, 'E', &execute);
    message(b, 'S', &sync);
}

/* ---- the server --------------------------------------------------------------------------------------- */

static SettingSet server_settings;
static Door door = {.settings = &server_settings, .login.auth.method = AUTH_TRUST};
static int inputs;

static void
make_server(void)
{
    static const FirstRole roles[] = {{"postgres", NULL}};
    static const char *const tables[] = {
        "CREATE TABLE t (id serial PRIMARY KEY, n int, x numeric(10,2), s text UNIQUE, d date, ts timestamptz "
        "DEFAULT now(), "
        "f float8, b bool, a int[], CHECK (n < 1000))",
        "INSERT INTO t (n, x, s, d, f, b, a) SELECT g, g / 3.0, 'row ' || g, date '2020-02-27' + g, g * 0.1, g "
        "% 2 = 0, "
        "ARRAY[g, g + 1] FROM generate_series(1, 20) g",
        "CREATE TABLE u (k int REFERENCES t, v varchar(20) NOT NULL DEFAULT 'v', i interval, c char(3), y "
        "bytea)",
        "CREATE TABLE u (k int, v varchar(20) NOT NULL DEFAULT 'v', i interval, c char(3), y bytea)",
        "INSERT INTO u SELECT g % 5, repeat('v', g), g * interval '1 day 1 hour', 'c', '\\xdeadbeef' FROM "
        "generate_series(1, 10) g",
        "CREATE INDEX ON t (n DESC, s) WHERE n > 3",
        "CREATE INDEX ON u ((lower(v)))",
        "ANALYZE",
    };
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    Buf setup = {0};
    Status rc;

    inputs = 0;
    if (door.engine != NULL) {
        engine_destroy(door.engine);
    } else {
        signal(SIGTERM, SIG_IGN); /* pg_terminate_backend means us */
        log_configure(&(LogOptions){.fd = -1, .level = LOG_FATAL});
        settings_init_defaults(&server_settings);
    }
    arena_init(&arena, "fuzz", NULL);
    arena_init(&errors, "fuzz errors", NULL);
    settings_assign_number(&server_settings, SETTING_MAX_MEMORY, (SettingNumber){.i = 96 << 20});
    rc = server_body.create(&cx,
                            &(BodyOptions){.settings = &server_settings,
                                           .max_slots = 4,
                                           .roles = roles,
                                           .role_count = (int)COUNT_OF(roles)},
                            &door);
    ASSERT(rc == ST_OK);
    arena_free(&errors);
    arena_free(&arena);
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        say_query(&setup, tables[i], strlen(tables[i]));
    fuzz_session(&setup);
}

static void
serve(Ctx *cx, Conn *conn, SettingSet *settings)
{
    DoorSession session = {.cx = cx, .conn = conn, .settings = settings, .client_addr = "", .client_port = -1};
    StartupRequest request;
    AuthIdentity who = {0};
    Status rc;

    rc = login_read(cx, conn, &door.login, &request);
    ASSERT(rc == ST_OK);
    rc = engine_attach(cx, door.engine);
    ASSERT(rc == ST_OK);
    interrupt_watch(-1, cx->interrupt, proc_sem(cx->proc));
    rc = door.begin(&door, &session);
    ASSERT(rc == ST_OK);
    rc = login_prove(cx, conn, &door.login, door.directory(&door, &session), &request, settings, &who);
    ASSERT(rc == ST_OK);
    session.who = &who;
    login_welcome(conn, settings, 1, 2);
    door.run(&door, &session);
    door.end(&door, &session);
    interrupt_unwatch();
    engine_detach(cx);
}

void
fuzz_session(Buf *conversation)
{
    static const char startup[] = "\0\3\0\0user\0postgres\0database\0postgres\0options\0"
                                  "-c statement_timeout=500 -c lock_timeout=100\0";
    Buf all = {0};
    FuzzClient client;
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = &client.env};
    SettingSet settings;
    Conn conn;

    if (door.engine == NULL || ++inputs > INPUTS_PER_ENGINE)
        make_server();
    buf_add_u32(&all, sizeof(startup) + 4);
    buf_add(&all, startup, sizeof(startup));
    buf_add(&all, conversation->data, conversation->bytes);
    buf_free(conversation);
    fuzz_client_init(&client, all.data, all.bytes, false);
    client.env.open = no_files;
    arena_init(&arena, "fuzz", NULL);
    arena_init(&errors, "fuzz errors", NULL);
    settings_init_session(&settings, &server_settings);
    conn_init(&conn, &client.env, 0);
    serve(&cx, &conn, &settings);
    settings_free(&settings);
    conn_close(&conn);
    arena_free(&errors);
    arena_free(&arena);
    buf_free(&all);
}
