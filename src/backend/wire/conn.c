/* conn.c - reading whole messages, and sending what has collected.
 *
 * Reading: the input buffer grows with what really arrives, not with what a length field promises, so
 * a stranger can not make us allocate a gigabyte with five bytes. A message that is not complete yet
 * stays where it is when an interrupt or a time-out breaks the wait; reading again goes on from there.
 *
 * Sending: first without waiting. Only when the peer's window is full do we wait, and then in ppoll
 * with the signals blocked outside of it: being told to end can not slip in between the check and
 * the sleep. (Reading needs no such care: the signal handler shuts the socket for reading.) */
#include "backend/wire/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backend/wire/wire_int.h"
#include "shmem/proc/follow.h"

enum {
    LARGE_MESSAGE = 0x3fffffff,
    SMALL_MESSAGE = 10000,
    AUTH_MESSAGE = 65535,
    BODY_AT = 5, /* type and length */
    FAR_TURNS = 16,
};

/* Both ends of a TCP connection have the same address. */
static bool
is_same_host(int fd)
{
    struct sockaddr_storage own, peer;
    socklen_t own_bytes = sizeof(own), peer_bytes = sizeof(peer);

    if (getsockname(fd, (struct sockaddr *)&own, &own_bytes) != 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) != 0 || own.ss_family != peer.ss_family)
        return false;
    if (own.ss_family == AF_INET)
        return ((struct sockaddr_in *)&own)->sin_addr.s_addr == ((struct sockaddr_in *)&peer)->sin_addr.s_addr;
    return own.ss_family == AF_INET6 &&
           memcmp(&((struct sockaddr_in6 *)&own)->sin6_addr, &((struct sockaddr_in6 *)&peer)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

void
conn_init(Conn *conn, Env *env, int fd)
{
    ASSERT(fd >= 0);
    *conn = (Conn){.env = env, .fd = fd, .client_core_no = -1, .same_host = is_same_host(fd)};
}

void
conn_close(Conn *conn)
{
    if (conn->tls != NULL)
        tls_close(conn->tls);
    if (conn->fd >= 0)
        conn->env->close(conn->env, conn->fd);
    free(conn->in);
    buf_free(&conn->out);
    *conn = (Conn){.env = conn->env, .fd = -1};
}

/* ---- the socket ----------------------------------------------------------------------------------- */

static bool
told_to(const Conn *conn, uint32_t bits)
{
    return conn->interrupt != NULL && (atomic_load(conn->interrupt) & bits) != 0;
}

bool
conn_interrupted(const Conn *conn)
{
    return told_to(conn, conn->deadline_us != 0 ? INTERRUPT_TERMINATE : UINT32_MAX);
}

/* 1 ready, 0 time-out, -1 with errno EINTR when one of `bits` is raised. */
static int
wait_ready(Conn *conn, short events, uint32_t bits)
{
    struct pollfd p = {.fd = conn->fd, .events = events};
    struct timespec timeout, *wait = NULL;
    sigset_t block, old;
    int rc;

    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGHUP);
    sigaddset(&block, SIGUSR1);
    sigaddset(&block, SIGUSR2);
    if ((events & POLLIN) != 0 && (conn->deadline_us != 0 || conn->idle_ms != 0)) {
        uint64_t now = env_mono_us(conn->env), us = (uint64_t)conn->idle_ms * 1000;

        if (conn->deadline_us != 0)
            us = conn->deadline_us > now ? conn->deadline_us - now : 0;
        timeout = (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
        wait = &timeout;
    }
    pthread_sigmask(SIG_BLOCK, &block, &old);
    if (told_to(conn, bits)) {
        rc = -1;
        errno = EINTR;
    } else {
        rc = ppoll(&p, 1, wait, &old);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

ssize_t
conn_raw_recv(Conn *conn, void *out, size_t bytes)
{
    if (conn->wakeable || conn->deadline_us != 0) {
        ssize_t n = conn->env->recv(conn->env, conn->fd, out, bytes, MSG_DONTWAIT);
        int rc;

        if (n >= 0 || errno != EAGAIN)
            return n; /* it was there already */
        rc = wait_ready(conn, POLLIN, conn->wakeable ? UINT32_MAX : INTERRUPT_TERMINATE);

        if (rc < 0)
            return -1;
        if (rc == 0) {
            errno = EAGAIN;
            return -1;
        }
    }
    return conn->env->recv(conn->env, conn->fd, out, bytes, 0);
}

/* Right after a message: what comes next may be no more than word that our answer has arrived, and that is said on our own core. */
static void
note_client_core(Conn *conn)
{
    socklen_t bytes = sizeof(conn->client_core_no);

    if (!conn->same_host || conn->proc == NULL || conn->far_turns > 0)
        return;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_INCOMING_CPU, &conn->client_core_no, &bytes) != 0)
        conn->client_core_no = -1;
}

void
conn_stay_near(Conn *conn)
{
    if (!conn->same_host || conn->proc == NULL || conn_has_input(conn))
        return;
    if (conn->far_turns > 0) {
        conn->far_turns--;
        return;
    }
    if (conn->client_core_no < 0)
        return; /* nothing has come since: who was made free for that stays it */
    if (!proc_follow(conn->proc, conn->client_core_no))
        conn->far_turns = FAR_TURNS;
    conn->client_core_no = -1;
}

/* False: we are told to end. */
static bool
wait_writable(Conn *conn)
{
    int rc;

    if (conn->proc != NULL)
        proc_set_wait(conn->proc, WAIT_CLIENT_WRITE);
    rc = wait_ready(conn, POLLOUT, INTERRUPT_TERMINATE);
    if (conn->proc != NULL)
        proc_set_wait(conn->proc, WAIT_NONE);
    return rc >= 0 || !told_to(conn, INTERRUPT_TERMINATE);
}

/* False: not all of it has left. */
static bool
send_all(Conn *conn, const char *p, size_t left)
{
    while (left > 0) {
        ssize_t n = conn->env->send(conn->env, conn->fd, p, left, MSG_DONTWAIT);

        if (n > 0) {
            p += n;
            left -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_writable(conn))
                return false;
        } else if (n < 0 && errno != EINTR) {
            return false;
        }
    }
    return true;
}

ssize_t
conn_raw_send(Conn *conn, const void *data, size_t bytes)
{
    ssize_t n;

    interrupt_outgoing(&conn->outgoing, OUTGOING_UNKNOWN);
    n = conn->env->send(conn->env, conn->fd, data, bytes, MSG_DONTWAIT);
    if (n != (ssize_t)bytes) {
        size_t sent = n > 0 ? (size_t)n : 0;

        interrupt_outgoing(&conn->outgoing, OUTGOING_PART);
        if (!send_all(conn, (const char *)data + sent, bytes - sent))
            return -1;
    }
    interrupt_outgoing(&conn->outgoing, OUTGOING_WHOLE);
    return (ssize_t)bytes;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* How long the body of a message may be; 0 = no such message. Only what carries a client's data is
 * ever long. */
static uint32_t
message_limit(int type)
{
    switch (type) {
    case 'Q':
    case 'P':
    case 'B':
    case 'd':
    case 'F': return LARGE_MESSAGE;
    case 'C':
    case 'D':
    case 'E':
    case 'H':
    case 'S':
    case 'X':
    case 'c':
    case 'f': return SMALL_MESSAGE;
    case 'p': return AUTH_MESSAGE;
    default: return 0;
    }
}

/* Room for at least one more byte of a message of `total_bytes`. */
static Status
make_room(Ctx *cx, Conn *conn, size_t total_bytes)
{
    size_t have = conn->in_end - conn->in_start;

    if (conn->in_start > 0 && conn->in_start + total_bytes > conn->in_capacity) {
        memmove(conn->in, conn->in + conn->in_start, have);
        conn->in_start = 0;
        conn->in_end = have;
    }
    if (conn->in_end == conn->in_capacity) {
        size_t bytes = MAX_OF((size_t)CONN_INPUT_BYTES, MIN_OF(conn->in_capacity * 2, total_bytes));
        char *in;

        ASSERT(bytes > conn->in_capacity);
        in = realloc(conn->in, bytes);
        if (in == NULL)
            return fail_fatal(cx, fail(cx, ST_NO_MEMORY, "53200", "out of memory"));
        conn->in = in;
        conn->in_capacity = bytes;
    }
    return ST_OK;
}

/* Receives more. *event stays as it is when there was input, else it is MESSAGE_xxx. */
static Status
fill(Ctx *cx, Conn *conn, int *event)
{
    size_t room = conn->in_capacity - conn->in_end;
    bool boundary = conn->in_end == conn->in_start;

    for (;;) {
        char *to = conn->in + conn->in_end;
        ssize_t n = conn->tls != NULL ? tls_recv(conn->tls, to, room) : conn_raw_recv(conn, to, room);

        if (n > 0) {
            conn->in_end += (size_t)n;
            if (boundary)
                note_client_core(conn);
            return ST_OK;
        }
        if (n < 0 && errno == EINTR) {
            if (conn_interrupted(conn)) {
                *event = MESSAGE_INTERRUPT;
                return ST_OK;
            }
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            if (conn->deadline_us != 0 && env_mono_us(conn->env) >= conn->deadline_us)
                return fail_fatal(cx,
                                  fail(cx, ST_CANCELED, "57014", "canceling authentication due to timeout"));
            if (!boundary)
                continue; /* idle time-outs run between messages only */
            *event = MESSAGE_IDLE;
            return ST_OK;
        }
        if (told_to(conn, INTERRUPT_TERMINATE)) { /* the end was our own doing */
            *event = MESSAGE_INTERRUPT;
            return ST_OK;
        }
        if (boundary) {
            *event = MESSAGE_END;
            return ST_OK;
        }
        return fail_fatal(cx, fail(cx, ST_CLOSED, "08006", "unexpected EOF on client connection"));
    }
}

/* Before a new message: forget the one that was read. */
static void
recycle_input(Conn *conn)
{
    if (conn->in_start < conn->in_end)
        return;
    conn->in_start = conn->in_end = 0;
    if (conn->in_capacity > CONN_KEEP_BYTES) {
        free(conn->in);
        conn->in = NULL;
        conn->in_capacity = 0;
    }
}

Status
conn_read_message(Ctx *cx, Conn *conn, int *type, Decoder *body)
{
    conn->interrupt = cx->interrupt;
    recycle_input(conn);
    for (;;) {
        size_t have = conn->in_end - conn->in_start, need = BODY_AT;
        const char *p = conn->in + conn->in_start;
        int event = 1;

        if (have > 0 && message_limit((unsigned char)*p) == 0)
            return fail_fatal(cx, fail(cx, ST_CORRUPT, "08P01", "invalid frontend message type %d",
                                       (unsigned char)*p));
        if (have >= BODY_AT) {
            uint32_t length = get_be32(p + 1); /* counts itself, not the type */

            if (length < 4 || length - 4 > message_limit((unsigned char)*p))
                return fail_fatal(cx, fail(cx, ST_CORRUPT, "08P01", "invalid message length"));
            need = (size_t)length + 1;
            if (have >= need) {
                *type = (unsigned char)*p;
                *body = decode_begin(p + BODY_AT, need - BODY_AT);
                conn->in_start += need;
                return ST_OK;
            }
        }
        TRY(make_room(cx, conn, need));
        TRY(fill(cx, conn, &event));
        if (event <= 0) {
            *type = event;
            return ST_OK;
        }
    }
}

Status
conn_read_startup(Ctx *cx, Conn *conn, uint32_t limit_bytes, bool *found, Decoder *body)
{
    conn->interrupt = cx->interrupt;
    recycle_input(conn);
    for (;;) {
        size_t have = conn->in_end - conn->in_start, need = 4;
        int event = 1;

        if (have >= 4) {
            const char *p = conn->in + conn->in_start;

            need = get_be32(p);
            if (need < 8 || need > limit_bytes)
                return fail_fatal(cx, fail(cx, ST_CORRUPT, "08P01", "invalid length of startup packet"));
            if (have >= need) {
                *found = true;
                *body = decode_begin(p + 4, need - 4);
                conn->in_start += need;
                return ST_OK;
            }
        }
        TRY(make_room(cx, conn, need));
        TRY(fill(cx, conn, &event));
        if (event == MESSAGE_INTERRUPT)
            return fail_fatal(cx, fail(cx, ST_CLOSED, "57P01",
                                       "terminating connection due to administrator command"));
        if (event <= 0) {
            *found = false;
            return ST_OK;
        }
    }
}

bool
conn_has_input(const Conn *conn)
{
    return conn->in_start < conn->in_end;
}

ConnPeer
conn_peek(Conn *conn)
{
    char byte;
    ssize_t n;

    if (conn_has_input(conn))
        return CONN_PEER_SENT;
    n = conn->env->recv(conn->env, conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        return CONN_PEER_SENT;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? CONN_PEER_QUIET : CONN_PEER_GONE;
}

void
conn_set_idle_timeout(Conn *conn, uint32_t idle_ms)
{
    struct timeval t = {.tv_sec = idle_ms / 1000, .tv_usec = (idle_ms % 1000) * 1000};

    if (conn->idle_ms == idle_ms)
        return;
    conn->idle_ms = idle_ms;
    setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

/* ---- sending -------------------------------------------------------------------------------------- */

void
conn_add_raw(Conn *conn, const void *data, size_t bytes)
{
    buf_add(&conn->out, data, bytes);
}

Status
conn_flush(Ctx *cx, Conn *conn)
{
    Buf *out = &conn->out;
    ssize_t n = 0;

    conn->interrupt = cx->interrupt;
    conn->proc = cx->proc;
    if (out->bytes > 0 && !conn->broken) {
        n = conn->tls != NULL ? tls_send(conn->tls, out->data, out->bytes)
                              : conn_raw_send(conn, out->data, out->bytes);
        conn->broken = n < 0;
    }
    if (out->capacity_bytes > CONN_KEEP_BYTES)
        buf_free(out);
    buf_clear(out);
    conn->message_start = 0;
    if (conn->broken)
        return fail_fatal(cx, fail(cx, ST_CLOSED, "08006", "could not send data to client: %s",
                                   n < 0 ? strerror(errno) : "connection lost"));
    return ST_OK;
}

Status
conn_start_tls(Ctx *cx, Conn *conn, const TlsContext *tls)
{
    ASSERT(conn->tls == NULL);
    ASSERT(conn->out.bytes == 0);
    conn->interrupt = cx->interrupt;
    if (conn_has_input(conn)) {
        fail(cx, ST_CORRUPT, "08P01", "received unencrypted data after SSL request");
        fail_detail(cx, "This could be either a client-software bug or evidence of an attempted "
                        "man-in-the-middle attack.");
        return fail_fatal(cx, ST_CORRUPT);
    }
    return tls_accept(cx, tls, conn, &conn->tls);
}
