/* src/backend/auth/auth.h - is the client who it says it is, and may it come in?
 *
 * Roles and databases are looked up through an AuthDirectory that the SQL side provides. */
#ifndef AUTH_H
#define AUTH_H
#include "backend/wire/conn.h"
#include "backend/wire/startup.h"

typedef enum AuthMethod { AUTH_TRUST, AUTH_PASSWORD, AUTH_MD5, AUTH_SCRAM } AuthMethod;

typedef struct RoleRecord {
    uint32_t oid;
    bool can_login, superuser;
    int connection_limit; /* -1 = none */
    int64_t valid_until_us; /* wall clock since 1970; INT64_MAX = for ever */
    const char *verifier; /* NULL = no password; lives in cx->arena or longer */
} RoleRecord;

typedef struct DatabaseRecord {
    uint32_t oid;
    uint32_t branch;
    bool allow_connections;
    int connection_limit; /* -1 = none */
} DatabaseRecord;

typedef struct AuthDirectory AuthDirectory;
struct AuthDirectory {
    /* *found false when there is none of that name. */
    Status (*find_role)(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out);
    Status (*find_database)(Ctx *cx, AuthDirectory *self, const char *name, bool *found, DatabaseRecord *out);
    /* May a session of that role use that database (CONNECT)? NULL = everybody may. */
    Status (*may_connect)(Ctx *cx, AuthDirectory *self, const RoleRecord *role, const DatabaseRecord *database,
                          bool *may);
    /* Sessions there are of it now, this one not counted; NULL = limits are not looked at. */
    int (*count_role)(AuthDirectory *self, uint32_t role_oid);
    int (*count_database)(AuthDirectory *self, uint32_t database_oid);
};

typedef struct AuthOptions {
    AuthMethod method;
    uint8_t mock_secret[32]; /* random, the same in all processes of a server */
} AuthOptions;

typedef struct AuthIdentity {
    RoleRecord role;
    DatabaseRecord database;
    const char *user_name, *database_name;
} AuthIdentity;

/* The dialogue up to and including AuthenticationOk (in conn's output, not flushed). Failures are fatal
 * and recorded: 28P01, 28000, 3D000, 53300, 42501, 08P01. */
MUST_CHECK Status auth_login(Ctx *cx, Conn *conn, const AuthOptions *options, AuthDirectory *directory,
                             const StartupRequest *request, AuthIdentity *out);

#endif
