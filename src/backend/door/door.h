/* src/backend/door/door.h - one PostgreSQL connection from accept to end, around the session.
 *
 * The door knows the wire and the log-in; what a session is comes as functions. The same process serves
 * many connections, one after the other: everything that belongs to one of them is made here and freed
 * here. */
#ifndef DOOR_H
#define DOOR_H
#include "backend/auth/login.h"

struct Engine;

/* What a session is given. All of it ends with the connection. */
typedef struct DoorSession {
    Ctx *cx; /* arena: the session's; engine, proc and interrupt are set */
    Conn *conn;
    SettingSet *settings;
    const AuthIdentity *who; /* set from `run` on */
    const char *client_addr; /* "" = Unix socket */
    int client_port; /* -1 = Unix socket */
    void *state; /* the session's own */
    bool retire; /* set by the session: this process should not be used again */
} DoorSession;

typedef struct Door {
    struct Engine *engine;
    const SettingSet *settings; /* the server's */
    LoginOptions login;
    void *arg;
    void *body; /* of who has made the engine */
    /* After a slot was taken, before the log-in: makes what `directory` and the settings' hooks need. */
    Status (*begin)(struct Door *door, DoorSession *session);
    /* Where the log-in looks up roles and databases. */
    AuthDirectory *(*directory)(struct Door *door, DoorSession *session);
    /* The log-in has succeeded; AuthenticationOk to BackendKeyData are in the output, not yet sent.
     * Sends ReadyForQuery, runs the session until it ends, says good-bye where that is due. */
    void (*run)(struct Door *door, DoorSession *session);
    /* Always after a `begin` that succeeded. */
    void (*end)(struct Door *door, DoorSession *session);
    /* INTERRUPT_RELOAD: reads the configuration again, replacing `settings`. A session then calls
     * settings_rebase. */
    void (*reload)(struct Door *door);
} Door;

/* Why nobody is let in. */
typedef struct DoorRefusal {
    const char *sqlstate, *message;
    bool cancels; /* cancel requests are answered nevertheless */
} DoorRefusal;

/* Owns fd. `refusal` NULL = there is none. True = the process is fit for another connection. */
bool door_serve(Door *door, int fd, const DoorRefusal *refusal);
/* From the handler of `signo`, after which the process ends at once: tells the client why its session ends. `crash`: what is in
 * memory can not be trusted any more; else the server is stopped. Nothing reaches who logs in, reads slowly or has TLS. False: how much of
 * an answer has left is not known; `signo` comes again in a moment. */
bool door_last_words(int signo, bool crash);

#endif
