/* src/backend/wire/startup.h - from an accepted socket to "who is it and what does he want".
 *
 * Answers SSLRequest and GSSENCRequest, reads the start-up packet or a cancel request. Nothing is
 * decided here about users and databases. */
#ifndef WIRE_STARTUP_H
#define WIRE_STARTUP_H
#include "backend/wire/conn.h"

typedef struct StartupOptions {
    const TlsContext *tls; /* NULL = not offered */
    uint32_t timeout_ms; /* for the whole log-in: conn->deadline_us is set, and stays set */
} StartupOptions;

typedef enum StartupKind {
    STARTUP_SESSION,
    STARTUP_CANCEL, /* no answer is expected: act and close */
    STARTUP_GONE, /* connected and left, as port scanners and health checks do */
} StartupKind;

typedef struct StartupSetting {
    const char *name, *value;
} StartupSetting;

/* Texts are in cx->arena. */
typedef struct StartupRequest {
    StartupKind kind;
    const char *user, *database;
    StartupSetting *settings; /* in the order in which they apply */
    int setting_count;
    int32_t cancel_pid;
    uint32_t cancel_secret;
} StartupRequest;

/* On failure an error is recorded; the caller reports it to the client, except that nobody is there to
 * understand it when the status is ST_CORRUPT (garbage: close silently) or ST_CLOSED. */
MUST_CHECK Status startup_negotiate(Ctx *cx, Conn *conn, const StartupOptions *options, StartupRequest *out);

#endif
