/* wire_int.h - what conn.c and tls.c share. */
#ifndef WIRE_INT_H
#define WIRE_INT_H
#include <sys/types.h>

#include "backend/wire/conn.h"
#include "backend/wire/tls.h"

/* The socket itself, below TLS. Received bytes, 0 at the end, -1 with errno: EINTR (an interrupt),
 * EAGAIN (a time-out). */
ssize_t conn_raw_recv(Conn *conn, void *out, size_t bytes);
/* All of it or -1 with errno. */
ssize_t conn_raw_send(Conn *conn, const void *data, size_t bytes);

/* A signal broke the wait for input: is there anything to act on? While somebody logs in (deadline_us), that is only the
 * end of the session; a reload, say, can wait until it has begun. */
bool conn_interrupted(const Conn *conn);

MUST_CHECK Status tls_accept(Ctx *cx, const TlsContext *context, Conn *conn, Tls **out);
ssize_t tls_recv(Tls *tls, void *out, size_t bytes);
ssize_t tls_send(Tls *tls, const void *data, size_t bytes);
void tls_close(Tls *tls);

#endif
