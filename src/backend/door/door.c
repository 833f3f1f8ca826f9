/* door.c - see door.h.
 *
 * The order matters in one place: who is refused because there are too many is refused before a slot
 * is taken, and a cancel request needs no slot at all. */
#include "backend/door/door.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "shmem/proc/proc.h"
#include "storage/engine/engine.h"

enum { ADDRESS_BYTES = INET6_ADDRSTRLEN };

static int
peer_address(int fd, char out[ADDRESS_BYTES])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } a;
    socklen_t bytes = sizeof(a);

    out[0] = '\0';
    if (getpeername(fd, &a.any, &bytes) != 0)
        return -1;
    if (a.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a.v4.sin_addr, out, ADDRESS_BYTES);
        return ntohs(a.v4.sin_port);
    }
    if (a.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a.v6.sin6_addr, out, ADDRESS_BYTES);
        return ntohs(a.v6.sin6_port);
    }
    return -1;
}

/* Log-in and session; the slot is taken and given back in here. */
static void
serve_session(Door *door, DoorSession *s, const StartupRequest *request, _Atomic uint32_t *early_word)
{
    Ctx *cx = s->cx;
    AuthIdentity who = {0};
    bool begun = false;
    Status rc;

    rc = engine_attach(cx, door->engine);
    if (rc == ST_OK) { /* interrupts arrive in the slot from now on */
        interrupt_watch(s->conn->fd, cx->interrupt, proc_sem(cx->proc));
        atomic_fetch_or(cx->interrupt, atomic_load(early_word));
        rc = door->begin != NULL ? door->begin(door, s) : ST_OK;
        begun = rc == ST_OK;
    }
    if (rc == ST_OK)
        rc = login_prove(cx, s->conn, &door->login, door->directory(door, s), request, s->settings, &who);
    if (rc != ST_OK) {
        login_refuse(cx, s->conn, rc, arena_printf(cx->arena, "%s@%s", request->user, request->database));
    } else {
        s->who = &who;
        if (s->conn->tls == NULL) /* what a handler may not interrupt */
            interrupt_allow_last_words(&s->conn->outgoing);
        login_welcome(s->conn, s->settings, (int32_t)getpid(), proc_cancel_secret(cx->proc));
        door->run(door, s);
    }
    interrupt_allow_last_words(NULL);
    if (begun && door->end != NULL)
        door->end(door, s);
    interrupt_watch(s->conn->fd, early_word, NULL); /* the slot is about to become somebody else's */
    engine_detach(cx);
    cx->interrupt = early_word;
}

bool
door_serve(Door *door, int fd, const DoorRefusal *refusal)
{
    char address[ADDRESS_BYTES];
    Arena arena, errors;
    _Atomic uint32_t early_word = 0;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system(), .interrupt = &early_word};
    SettingSet settings;
    Conn conn;
    DoorSession session = {.cx = &cx, .conn = &conn, .settings = &settings, .client_addr = address};
    StartupRequest request = {.kind = STARTUP_GONE};
    Status rc;

    arena_init(&arena, "session", NULL);
    arena_init(&errors, "errors", NULL);
    conn_init(&conn, cx.env, fd);
    interrupt_watch(fd, &early_word, NULL);
    session.client_port = peer_address(fd, address);
    settings_init_session(&settings, door->settings);
    rc = login_read(&cx, &conn, &door->login, &request);
    if (rc == ST_OK && request.kind == STARTUP_SESSION && refusal != NULL)
        rc = fail(&cx, ST_ERROR, refusal->sqlstate, "%s", refusal->message);
    if (rc != ST_OK)
        login_refuse(&cx, &conn, rc, address[0] != '\0' ? address : "local");
    else if (request.kind == STARTUP_CANCEL && (refusal == NULL || refusal->cancels))
        (void)proc_cancel(proc_table(door->engine), request.cancel_pid, request.cancel_secret);
    else if (request.kind == STARTUP_SESSION)
        serve_session(door, &session, &request, &early_word);
    interrupt_unwatch();
    settings_free(&settings);
    conn_close(&conn);
    arena_free(&errors);
    arena_free(&arena);
    return !session.retire;
}

/* The fields of an error response; the end of the string ends them, too. */
#define LAST_FIELDS(sqlstate, message) "SFATAL\0VFATAL\0C" sqlstate "\0M" message "\0"

bool
door_last_words(int signo, bool crash)
{
    static const char crashed[] =
        LAST_FIELDS("57P02", "terminating connection because of crash of another server process");
    static const char stopped[] =
        LAST_FIELDS("57P01", "terminating connection due to immediate shutdown command");
    const char *fields = crash ? crashed : stopped;
    uint32_t bytes = crash ? sizeof(crashed) : sizeof(stopped), length = htonl(bytes + sizeof(length));
    char message[1 + sizeof(length) + sizeof(crashed) + sizeof(stopped)] = "E";

    memcpy(message + 1, &length, sizeof(length));
    memcpy(message + 1 + sizeof(length), fields, bytes);
    return interrupt_last_words(signo, message, 1 + sizeof(length) + bytes);
}
