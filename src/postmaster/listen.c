/* listen.c - opening sockets and saying clearly why one can not be had.
 *
 * An IP address is never given to the resolver, which would cost a few hundred microseconds of every
 * start. TCP_NODELAY and SO_KEEPALIVE are set on the listening socket, from which accepted ones inherit
 * them. TCP_DEFER_ACCEPT wakes a backend only when the client's first bytes are there (clients speak
 * first in this protocol): one sleep less for each connection.
 *
 * Of a Unix socket the file stays behind when a server is killed. Whether it is in use is decided by a
 * lock on a second file, and, for servers that do not know that lock, by trying to connect. */
#include "postmaster/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
} Address;

static socklen_t
address_bytes(const Address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static void
address_text(const Address *a, char *out, size_t bytes)
{
    char ip[INET6_ADDRSTRLEN] = "";

    if (a->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof(ip));
        snprintf(out, bytes, "[%s]:%d", ip, ntohs(a->v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof(ip));
        snprintf(out, bytes, "%s:%d", ip, ntohs(a->v4.sin_port));
    }
}

static bool
parse_ip(const char *text, int port, Address *out)
{
    char bare[INET6_ADDRSTRLEN + 2];
    size_t bytes = strlen(text);

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return true;
    }
    if (text[0] == '[' && bytes > 2 && text[bytes - 1] == ']') {
        text++;
        bytes -= 2;
    }
    if (bytes >= sizeof(bare))
        return false;
    memcpy(bare, text, bytes);
    bare[bytes] = '\0';
    if (inet_pton(AF_INET6, bare, &out->v6.sin6_addr) != 1)
        return false;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    return true;
}

bool
listen_is_loopback(const char *address)
{
    Address a;

    if (!parse_ip(address, 0, &a))
        return strcmp(address, "localhost") == 0;
    if (a.any.sa_family == AF_INET)
        return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

static Listener *
add_listener(ListenSet *set, int fd, const char *text)
{
    Listener *l;

    ASSERT(set->count < LISTEN_MOST);
    l = &set->items[set->count++];
    *l = (Listener){.fd = fd, .lock_fd = -1};
    snprintf(l->text, sizeof(l->text), "%s", text);
    return l;
}

/* ---- TCP ------------------------------------------------------------------------------------------ */

/* The status of the failed call; says which address and what to do. */
static Status
fail_listen(Ctx *cx, const char *text, int port, int code)
{
    fail(cx, ST_IO, "55006", "could not listen on %s: %s", text, strerror(code));
    if (code == EADDRINUSE)
        fail_hint(
            cx, "Is another server running on port %d? Stop it, or choose another port (--port, server.port).",
            port);
    else if (code == EADDRNOTAVAIL)
        fail_hint(cx, "This machine does not have that address.");
    else if (code == EACCES)
        fail_hint(cx, "Ports below 1024 need a privilege; choose another one (--port, server.port).");
    return ST_IO;
}

static Status
open_tcp(Ctx *cx, const Address *a, int port, ListenSet *set)
{
    char text[128];
    int yes = 1, fd;

    address_text(a, text, sizeof(text));
    if (set->count == LISTEN_MOST)
        return fail(cx, ST_ERROR, "54000", "more than %d addresses to listen on", LISTEN_MOST);
    fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_listen(cx, text, port, errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &yes, sizeof(yes)); /* seconds */
    if (a->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (bind(fd, &a->any, address_bytes(a)) != 0 || listen(fd, SOMAXCONN) != 0) {
        int code = errno;

        close(fd);
        return fail_listen(cx, text, port, code);
    }
    add_listener(set, fd, text);
    return ST_OK;
}

/* A machine may have no IPv6 at all; for "*" and names that is no error. */
static bool
is_no_such_family(int code)
{
    return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

static Status
open_name(Ctx *cx, const char *name, int port, ListenSet *set)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int before = set->count;
    int rc = getaddrinfo(name, NULL, &hints, &found);

    if (rc != 0) {
        fail(cx, ST_IO, "08000", "could not find the address of \"%s\": %s", name, gai_strerror(rc));
        fail_hint(cx, "Give an IP address or a host name with --listen or in server.listen_addr.");
        return ST_IO;
    }
    for (struct addrinfo *i = found; i != NULL; i = i->ai_next) {
        Address a;
        Status status;

        if (i->ai_family != AF_INET && i->ai_family != AF_INET6)
            continue;
        memcpy(&a, i->ai_addr, i->ai_addrlen);
        if (a.any.sa_family == AF_INET6)
            a.v6.sin6_port = htons((uint16_t)port);
        else
            a.v4.sin_port = htons((uint16_t)port);
        errno = 0;
        status = open_tcp(cx, &a, port, set);
        if (status != ST_OK && !is_no_such_family(errno)) {
            freeaddrinfo(found);
            return status;
        }
    }
    freeaddrinfo(found);
    if (set->count == before)
        return fail(cx, ST_IO, "08000", "no address of \"%s\" can be listened on", name);
    return ST_OK;
}

static Status
open_address(Ctx *cx, const char *text, int port, ListenSet *set)
{
    Address a;

    if (strcmp(text, "*") == 0) {
        parse_ip("0.0.0.0", port, &a);
        TRY(open_tcp(cx, &a, port, set));
        parse_ip("::", port, &a);
        if (open_tcp(cx, &a, port, set) != ST_OK)
            log_line(LOG_INFO, "no IPv6: %s", cx->error.message);
        return ST_OK;
    }
    if (parse_ip(text, port, &a))
        return open_tcp(cx, &a, port, set);
    return open_name(cx, text, port, set);
}

/* ---- the Unix socket ------------------------------------------------------------------------------ */

static bool
somebody_answers(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes;

    if (fd < 0)
        return false;
    yes = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
    close(fd);
    return yes;
}

static Status
fail_unix(Ctx *cx, const char *path, const char *why)
{
    fail(cx, ST_IO, "55006", "could not listen on Unix socket \"%s\": %s", path, why);
    fail_hint(cx, "Choose another directory, or none (--unix-socket-dir, server.unix_socket_dir).");
    return ST_IO;
}

static Status
open_unix(Ctx *cx, const char *dir, int port, ListenSet *set)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char lock_path[sizeof(a.sun_path) + 8];
    int fd = -1, lock_fd, n;
    Listener *l;

    n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%d", dir, port);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return fail_unix(cx, dir, "the path is too long");
    snprintf(lock_path, sizeof(lock_path), "%s.lock", a.sun_path);
    lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0)
        return fail_unix(cx, a.sun_path, strerror(errno));
    if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0 || somebody_answers(&a)) {
        close(lock_fd);
        return fail_unix(cx, a.sun_path, "another server is using it");
    }
    unlink(a.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || chmod(a.sun_path, 0777) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        int code = errno;

        if (fd >= 0)
            close(fd);
        close(lock_fd);
        return fail_unix(cx, a.sun_path, strerror(code));
    }
    l = add_listener(set, fd, a.sun_path);
    snprintf(l->path, sizeof(l->path), "%s", a.sun_path);
    l->lock_fd = lock_fd;
    return ST_OK;
}

/* ---- all of them ---------------------------------------------------------------------------------- */

Status
listen_open(Ctx *cx, const ListenOptions *options, ListenSet *out)
{
    ListenSet set = {.count = 0};
    const char *p = options->addresses;
    Status rc = ST_OK;

    while (*p != '\0') {
        char one[256];
        size_t bytes;

        p += strspn(p, ", ");
        bytes = strcspn(p, ", ");
        if (bytes == 0)
            break;
        if (bytes >= sizeof(one)) {
            rc = fail(cx, ST_ERROR, "22023", "\"%s\" is not an address", p);
            goto failed;
        }
        memcpy(one, p, bytes);
        one[bytes] = '\0';
        p += bytes;
        TRY_TO(failed, rc, open_address(cx, one, options->port, &set));
    }
    if (options->unix_dir != NULL && open_unix(cx, options->unix_dir, options->port, &set) != ST_OK) {
        if (options->unix_wanted || set.count == 0) {
            rc = ST_IO;
            goto failed;
        }
        log_line(LOG_WARNING, "%s", cx->error.message);
        ctx_error_clear(cx);
    }
    if (set.count == 0)
        return fail(cx, ST_ERROR, "22023", "no address and no Unix socket to listen on");
    *out = set;
    return ST_OK;
failed:
    listen_close(&set, true);
    return rc;
}

bool
listen_has_waiting(const ListenSet *set)
{
    struct pollfd fds[LISTEN_MOST];

    for (int i = 0; i < set->count; i++)
        fds[i] = (struct pollfd){.fd = set->items[i].fd, .events = POLLIN};
    return poll(fds, (nfds_t)set->count, 0) > 0;
}

void
listen_stop(const ListenSet *set)
{
    for (int i = 0; i < set->count; i++)
        shutdown(set->items[i].fd, SHUT_RDWR);
}

void
listen_close(ListenSet *set, bool owner)
{
    for (int i = 0; i < set->count; i++) {
        Listener *l = &set->items[i];

        close(l->fd);
        if (l->path[0] != '\0' && owner) {
            char lock_path[sizeof(l->path) + 8];

            unlink(l->path);
            snprintf(lock_path, sizeof(lock_path), "%s.lock", l->path);
            unlink(lock_path);
        }
        if (l->lock_fd >= 0)
            close(l->lock_fd);
    }
    set->count = 0;
}
