/* door_session.c - roles and databases for the log-in, then the session itself. */
#include "backend/session/door_session.h"

#include "backend/command/command.h"

#include "backend/session/protocol.h"
#include "backend/session/session_int.h"
#include "backend/wire/encode.h"
#include "backend/wire/tls.h"
#include "base/log.h"
#include "storage/engine/engine.h"

#include <stdio.h>
#include <unistd.h>

enum { EPOCH_2000_US_SECONDS = 946684800 };

typedef struct DoorState {
    AuthDirectory directory; /* first */
    Session *session;
    struct Door *door;
} DoorState;

/* Look-ups of the log-in run in a transaction of their own. */
static Status
find_role(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out)
{
    CatalogRow *rows;
    int count;
    Status rc;

    (void)self;
    *found = false;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_rolname, value_name(cx, name), 0, value_null(), &rows,
                      &count);
    if (rc == ST_OK && count > 0) {
        const Value *v = rows[0].values;

        *found = true;
        *out = (RoleRecord){
            .oid = v[COL_PG_AUTHID_oid].u32,
            .can_login = v[COL_PG_AUTHID_rolcanlogin].b,
            .superuser = v[COL_PG_AUTHID_rolsuper].b,
            .connection_limit = v[COL_PG_AUTHID_rolconnlimit].i32,
            .valid_until_us =
                v[COL_PG_AUTHID_rolvaliduntil].is_null || v[COL_PG_AUTHID_rolvaliduntil].i64 == INT64_MAX
                    ? INT64_MAX
                    : v[COL_PG_AUTHID_rolvaliduntil].i64 + (int64_t)EPOCH_2000_US_SECONDS * 1000000,
            .verifier = value_cstring(cx, v[COL_PG_AUTHID_rolpassword]),
        };
    }
    txn_abort(cx);
    return rc;
}

static Status
find_database(Ctx *cx, AuthDirectory *self, const char *name, bool *found, DatabaseRecord *out)
{
    CatalogRow *rows;
    int count;
    Status rc;

    (void)self;
    *found = false;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_datname, value_name(cx, name), 0, value_null(),
                      &rows, &count);
    if (rc == ST_OK && count > 0) {
        const Value *v = rows[0].values;

        *found = true;
        *out = (DatabaseRecord){
            .oid = v[COL_PG_DATABASE_oid].u32,
            .branch = v[COL_PG_DATABASE_datfrozenxid].u32,
            .allow_connections = v[COL_PG_DATABASE_datallowconn].b,
            .connection_limit = v[COL_PG_DATABASE_datconnlimit].i32,
        };
    }
    txn_abort(cx);
    return rc;
}

/* Sessions of a role or in a database; they say so in their slots. */
static int
count_sessions(AuthDirectory *self, uint32_t role, uint32_t database)
{
    const ProcTable *procs = proc_table(((DoorState *)self)->door->engine);
    int count = 0;

    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;

        if (proc_activity_read(procs, i, &a) && a.kind == PROC_BACKEND)
            count += role != 0 ? a.role_oid == role : a.database_oid == database;
    }
    return count;
}

static int
count_role(AuthDirectory *self, uint32_t role_oid)
{
    return count_sessions(self, role_oid, 0);
}

static int
count_database(AuthDirectory *self, uint32_t database_oid)
{
    return count_sessions(self, 0, database_oid);
}

Status
door_session_begin(Door *door, DoorSession *s)
{
    Ctx *cx = s->cx;
    DoorState *state = arena_new(cx->arena, DoorState);

    state->door = door;
    state->directory = (AuthDirectory){.find_role = find_role,
                                       .find_database = find_database,
                                       .count_role = count_role,
                                       .count_database = count_database};
    s->state = state;
    TRY(catalog_open(cx, cx->arena));
    return session_open(cx, cx->arena, s->settings, &state->session);
}

AuthDirectory *
door_session_directory(Door *door, DoorSession *s)
{
    (void)door;
    return &((DoorState *)s->state)->directory;
}

static void
note_activity(DoorSession *s)
{
    Activity *a = proc_activity_begin(s->cx->proc);

    a->pid = (int)getpid();
    a->kind = PROC_BACKEND;
    a->backend_start_us = engine_wall_us(s->cx->engine);
    snprintf(a->client_addr, sizeof(a->client_addr), "%s", s->client_addr);
    a->client_port = s->client_port;
    if (s->conn->tls != NULL) {
        snprintf(a->tls_version, sizeof(a->tls_version), "%s", tls_protocol(s->conn->tls));
        snprintf(a->tls_cipher, sizeof(a->tls_cipher), "%s", tls_cipher(s->conn->tls));
        a->tls_bits = tls_bits(s->conn->tls);
    }
    proc_activity_end(s->cx->proc);
}

/* Between finding the database and saying in our slot that we are there, it may have been dropped. */
static Status
enter_database(DoorSession *s, const AuthIdentity *who, Session *session)
{
    Ctx *cx = s->cx;
    CatalogRow *rows;
    int count = 0;
    Status rc;

    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = database_lock(cx, who->database.oid, LOCK_ACCESS_SHARE);
    if (rc == ST_OK)
        rc = catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_oid, value_oid(who->database.oid), 0,
                          value_null(), &rows, &count);
    if (rc == ST_OK && count == 0) {
        rc = fail(cx, ST_CLOSED, "3D000", "database \"%s\" does not exist", who->database_name);
        fail_detail(cx, "It seems to have just been dropped or renamed.");
    }
    if (rc == ST_OK)
        session_login(session, who->role.oid, who->user_name, who->role.superuser, who->database.oid,
                      who->database.branch, who->database_name);
    txn_abort(cx);
    return rc;
}

void
door_session_run(Door *door, DoorSession *s)
{
    DoorState *state = s->state;
    const AuthIdentity *who = s->who;

    (void)door;
    note_activity(s);
    if (enter_database(s, who, state->session) != ST_OK) {
        (void)fail_fatal(s->cx, ST_CLOSED);
        encode_report(s->conn, &s->cx->error);
        (void)!conn_flush(s->cx, s->conn);
        return;
    }
    proc_count_session(s->cx->proc);
    state->session->door = door;
    buf_count_in(&s->conn->out, &state->session->budget);
    protocol_run(state->session, s->conn);
}

void
door_session_end(Door *door, DoorSession *s)
{
    DoorState *state = s->state;

    (void)door;
    buf_count_in(&s->conn->out, NULL);
    session_close(state->session);
    catalog_close(s->cx);
}
