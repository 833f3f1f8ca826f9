/* fuzz_client.c - see fuzz_client.h. */
#include "fuzz_client.h"

#include <string.h>

#include "base/attr.h"

enum { PIECE_LEAST_BYTES = 7 };

static ssize_t
client_recv(Env *env, int fd, void *out, size_t bytes, int flags)
{
    FuzzClient *client = (FuzzClient *)env;
    size_t n = MIN_OF((size_t)(client->end - client->at), bytes);

    (void)fd;
    (void)flags;
    if (client->in_pieces && n > PIECE_LEAST_BYTES)
        n = 1 + n / 2;
    memcpy(out, client->at, n);
    client->at += n;
    return (ssize_t)n;
}

static ssize_t
client_send(Env *env, int fd, const void *data, size_t bytes, int flags)
{
    (void)env;
    (void)fd;
    (void)data;
    (void)flags;
    return (ssize_t)bytes;
}

static int
client_close(Env *env, int fd)
{
    (void)env;
    (void)fd;
    return 0;
}

void
fuzz_client_init(FuzzClient *client, const void *data, size_t bytes, bool in_pieces)
{
    *client = (FuzzClient){.env = *env_system(),
                           .at = data,
                           .end = (const char *)data + bytes,
                           .in_pieces = in_pieces};
    client->env.recv = client_recv;
    client->env.send = client_send;
    client->env.close = client_close;
}
