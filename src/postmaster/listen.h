/* src/postmaster/listen.h - the sockets a server waits on.
 *
 * Several TCP addresses (IPv4, IPv6, host names) and one Unix socket. The sockets do not block: several
 * processes wait on the same ones, and of those that wake up, one gets the connection. */
#ifndef POSTMASTER_LISTEN_H
#define POSTMASTER_LISTEN_H
#include "base/ctx.h"

enum { LISTEN_MOST = 16 };

typedef struct ListenOptions {
    const char *addresses; /* separated by commas; "*" = all; "" = no TCP */
    int port;
    const char *unix_dir; /* NULL = no Unix socket */
    bool unix_wanted; /* asked for by name: then a failure is an error, else a warning */
} ListenOptions;

typedef struct Listener {
    int fd;
    char text[128]; /* "0.0.0.0:5432", "[::1]:5432", "/tmp/.s.PGSQL.5432" */
    char path[108]; /* of a Unix socket, else "" */
    int lock_fd; /* of a Unix socket, else -1 */
} Listener;

typedef struct ListenSet {
    Listener items[LISTEN_MOST];
    int count;
} ListenSet;

/* Opens all or, on failure, none: 55006 with the address and a hint when a port is taken. */
MUST_CHECK Status listen_open(Ctx *cx, const ListenOptions *options, ListenSet *out);
/* Somebody has connected whom no process has accepted yet. */
bool listen_has_waiting(const ListenSet *set);
/* From now on nobody can connect, though other processes still hold the sockets. */
void listen_stop(const ListenSet *set);
/* Closes them; the owner also removes the Unix socket from the file system. */
void listen_close(ListenSet *set, bool owner);

/* "127.0.0.1", "::1", "localhost" and the like: reachable from this machine only. */
bool listen_is_loopback(const char *address);

#endif
