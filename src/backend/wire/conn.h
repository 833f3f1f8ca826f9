/* src/backend/wire/conn.h - one client connection: a socket, TLS on it or not, and two buffers.
 *
 * A simple query costs one recv(2) and one send(2): input is read as much as there is, output is
 * collected in `out` and leaves when somebody says conn_flush or when there is a lot of it. The
 * socket is blocking. Reading wakes up for: input, the peer's end, the idle time-out, and interrupts
 * (base/interrupt.h). Not thread-safe; belongs to one session.
 *
 * After any failure other than a refused message (54000 while building one) the connection is of no
 * more use than for a last attempt to send an error. */
#ifndef WIRE_CONN_H
#define WIRE_CONN_H
#include "backend/wire/decode.h"
#include "base/buf.h"
#include "base/ctx.h"
#include "base/env.h"
#include "base/interrupt.h"

typedef struct Tls Tls;
typedef struct TlsContext TlsContext;

enum {
    CONN_FLUSH_BYTES = 48 * 1024, /* output beyond this leaves at the end of a message */
    CONN_INPUT_BYTES = 8 * 1024, /* input buffer, grows with the message */
    CONN_KEEP_BYTES = 256 * 1024, /* larger buffers are given back when the message is done */
};

/* What conn_read_message found instead of a message. Real types are the protocol's letters. */
enum {
    MESSAGE_END = 0, /* the peer closed, at a message boundary */
    MESSAGE_IDLE = -1, /* the idle time-out has passed */
    MESSAGE_INTERRUPT = -2, /* cx->interrupt has bits: act on them, then read again */
};

typedef struct Conn {
    Env *env;
    int fd; /* -1 after conn_close */
    Tls *tls; /* NULL = plain */
    char *in; /* malloc */
    size_t in_start, in_end, in_capacity;
    Buf out;
    size_t message_start; /* in `out`, of the message being built */
    uint32_t idle_ms; /* what SO_RCVTIMEO is set to; 0 = none */
    uint64_t deadline_us; /* monotonic; 0 = none: reading fails past it with ST_CANCELED (start-up) */
    _Atomic uint32_t *interrupt; /* of the context working with us, may be NULL */
    struct Proc *proc; /* of the same; NULL = it has no slot as yet */
    bool wakeable; /* waits in ppoll before it reads, so that INTERRUPT_WAKE always wakes it */
    bool same_host; /* the client runs on this machine, and its messages say on which core */
    int client_core_no; /* of the core that sent the last message, until it has been followed; -1 = unknown */
    uint8_t far_turns; /* waits until it is asked again whether the session may be near its client */
    bool broken; /* sending failed: nothing more is tried */
    Outgoing outgoing; /* for a handler that has last words */
} Conn;

/* `fd` belongs to the connection from now on. */
void conn_init(Conn *conn, Env *env, int fd);
/* Sends nothing; what was not flushed is lost. */
void conn_close(Conn *conn);

/* The next whole message: its type (or MESSAGE_xxx) and a cursor over its body, valid until the next
 * read. A bad length or type: 08P01, fatal. The peer gone in the middle: ST_CLOSED. */
MUST_CHECK Status conn_read_message(Ctx *cx, Conn *conn, int *type, Decoder *body);
/* Start-up packets have no type: length first. *found false = the peer closed before the first byte.
 * Lengths outside 8..limit are 08P01. */
MUST_CHECK Status conn_read_startup(Ctx *cx, Conn *conn, uint32_t limit_bytes, bool *found, Decoder *body);
/* Input that was received but not read yet: the client pipelines. */
bool conn_has_input(const Conn *conn);

/* Before the next command is waited for: the session keeps to the core on which the client sent the last one, if it may (shmem/proc/follow.h).
 * Nothing is said of other machines and of Unix sockets, whose messages do not tell. */
void conn_stay_near(Conn *conn);

/* For long statements: what is going on at the other end, without waiting. */
typedef enum ConnPeer { CONN_PEER_QUIET, CONN_PEER_SENT, CONN_PEER_GONE } ConnPeer;
ConnPeer conn_peek(Conn *conn);

/* Sends all output. ST_CLOSED when the peer is gone, or does not read and we were told to end. */
MUST_CHECK Status conn_flush(Ctx *cx, Conn *conn);

/* 0 = wait for ever. Costs a system call only when it changes. */
void conn_set_idle_timeout(Conn *conn, uint32_t idle_ms);
/* Raw bytes of the negotiation ('S', 'N'); flushed by the next conn_flush. */
void conn_add_raw(Conn *conn, const void *data, size_t bytes);
/* TLS handshake as the server (the 'S' must have been flushed). Fails 08P01 when the client had already sent plain text behind its
 * request. */
MUST_CHECK Status conn_start_tls(Ctx *cx, Conn *conn, const TlsContext *tls);

#endif
