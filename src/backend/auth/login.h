/* src/backend/auth/login.h - a whole log-in: start-up packet, authentication, the client's settings, and
 * what PostgreSQL tells a client before its first query.
 *
 *   login_read      who is it, what does he want     (no shared state needed)
 *   login_prove     is he that, may he come in       (needs the directory)
 *   login_welcome   AuthenticationOk .. BackendKeyData; the session then sends ReadyForQuery
 *   login_refuse    instead, after any failure */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H
#include "backend/auth/auth.h"
#include "backend/config/settings.h"

typedef struct LoginOptions {
    StartupOptions startup;
    AuthOptions auth;
} LoginOptions;

MUST_CHECK Status login_read(Ctx *cx, Conn *conn, const LoginOptions *options, StartupRequest *out);
/* `settings` is the session's, fresh: gets what the packet asks for, session_authorization and
 * is_superuser, and is sealed by login_welcome. Settings of database and role may be added in between,
 * in any order: sources have ranks. */
MUST_CHECK Status login_prove(Ctx *cx, Conn *conn, const LoginOptions *options, AuthDirectory *directory,
                              const StartupRequest *request, SettingSet *settings, AuthIdentity *out);
/* Not flushed. Ends the log-in's deadline. */
void login_welcome(Conn *conn, SettingSet *settings, int32_t pid, uint32_t secret);
/* Reports the recorded error, as fatal, to client and log. `who` for the log, may be NULL. */
void login_refuse(Ctx *cx, Conn *conn, Status rc, const char *who);

#endif
