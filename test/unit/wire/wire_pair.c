#include "wire_pair.h"

#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

WirePair *
wire_pair(void)
{
    WirePair *p = calloc(1, sizeof(*p));
    int fds[2];

    if (p == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    conn_init(&p->conn, env_system(), fds[0]);
    p->client = fds[1];
    return p;
}

void
wire_send(WirePair *p, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t n = send(p->client, at, bytes, 0);

        if (n <= 0)
            abort();
        at += n;
        bytes -= (size_t)n;
    }
}

void
wire_send_message(WirePair *p, char type, const void *body, size_t bytes)
{
    char head[5] = {type};

    put_be32(head + 1, (uint32_t)bytes + 4);
    wire_send(p, head, 5);
    wire_send(p, body, bytes);
}

void
wire_send_startup(WirePair *p, uint32_t code, const void *body, size_t bytes)
{
    char head[8];

    put_be32(head, (uint32_t)bytes + 8);
    put_be32(head + 4, code);
    wire_send(p, head, 8);
    wire_send(p, body, bytes);
}

Buf *
wire_receive(WirePair *p)
{
    static Buf got;
    ssize_t n;

    buf_clear(&got);
    do {
        char *to = buf_extend(&got, 65536);

        n = recv(p->client, to, 65536, MSG_DONTWAIT);
        got.bytes -= 65536 - (size_t)(n > 0 ? n : 0);
    } while (n > 0);
    return &got;
}

const char *
wire_expect(WirePair *p, char type, size_t *bytes)
{
    Buf *got;

    EXPECT_OK(conn_flush(test_ctx(), &p->conn));
    got = wire_receive(p);
    for (size_t at = 0; at + 5 <= got->bytes;) {
        uint32_t length = get_be32(got->data + at + 1);

        EXPECT(at + 1 + length <= got->bytes);
        if (got->data[at] == type) {
            *bytes = length - 4;
            return got->data + at + 5;
        }
        at += 1 + length;
    }
    return NULL;
}
