#include "postmaster/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

static int
free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    EXPECT(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    EXPECT(getsockname(fd, (struct sockaddr *)&a, &bytes) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

TEST(listen, loopback_addresses_are_known)
{
    EXPECT(listen_is_loopback("127.0.0.1"));
    EXPECT(listen_is_loopback("127.8.9.1"));
    EXPECT(listen_is_loopback("::1"));
    EXPECT(listen_is_loopback("[::1]"));
    EXPECT(listen_is_loopback("localhost"));
    EXPECT(!listen_is_loopback("0.0.0.0"));
    EXPECT(!listen_is_loopback("::"));
    EXPECT(!listen_is_loopback("*"));
    EXPECT(!listen_is_loopback("10.0.0.1"));
    EXPECT(!listen_is_loopback("128.0.0.1"));
    EXPECT(!listen_is_loopback("db.example.com"));
}

TEST(listen, sockets_do_not_block_and_send_at_once)
{
    int port = free_port(), on = 0;
    ListenOptions options = {.addresses = "127.0.0.1, 127.0.0.2", .port = port};
    socklen_t bytes = sizeof(on);
    ListenSet set;
    char text[64];

    EXPECT_OK(listen_open(test_ctx(), &options, &set));
    EXPECT_EQ(set.count, 2);
    snprintf(text, sizeof(text), "127.0.0.2:%d", port);
    EXPECT_STR(set.items[1].text, text);
    EXPECT(accept(set.items[0].fd, NULL, NULL) < 0 && errno == EAGAIN);
    EXPECT(getsockopt(set.items[0].fd, IPPROTO_TCP, TCP_NODELAY, &on, &bytes) == 0);
    EXPECT(on != 0);
    listen_close(&set, true);
}

TEST(listen, a_busy_port_fails_and_leaves_nothing_open)
{
    int port = free_port(), probe;
    ListenOptions options = {.addresses = "127.0.0.1", .port = port, .unix_dir = "/tmp", .unix_wanted = true};
    ListenOptions both = {.addresses = "127.0.0.2,127.0.0.1", .port = port};
    ListenSet set, second;

    EXPECT_OK(listen_open(test_ctx(), &options, &set));
    probe = dup(0);
    close(probe);
    EXPECT_FAIL(listen_open(test_ctx(), &both, &second), "55006");
    EXPECT(strstr(test_ctx()->error.message, "Address already in use") != NULL);
    EXPECT(test_ctx()->error.hint != NULL);
    EXPECT_EQ(dup(0), probe); /* the first socket of the second attempt was closed again */
    EXPECT(access(set.items[1].path, F_OK) == 0);
    listen_close(&set, true);
    EXPECT(access(set.items[1].path, F_OK) != 0);
}

TEST(listen, a_busy_unix_socket_is_an_error_only_when_asked_for)
{
    int port = free_port();
    ListenOptions options = {.addresses = "127.0.0.1", .port = port, .unix_dir = "/tmp", .unix_wanted = true};
    ListenOptions other = {.addresses = "127.0.0.2", .port = port, .unix_dir = "/tmp"};
    ListenSet set, second;

    EXPECT_OK(listen_open(test_ctx(), &options, &set));
    EXPECT_OK(listen_open(test_ctx(), &other, &second));
    EXPECT_EQ(second.count, 1);
    listen_close(&second, true);
    other.unix_wanted = true;
    EXPECT_FAIL(listen_open(test_ctx(), &other, &second), "55006");
    listen_close(&set, true);
}

TEST(listen, nothing_to_listen_on_is_an_error)
{
    ListenOptions options = {.addresses = "", .port = 1};
    ListenSet set;

    EXPECT_FAIL(listen_open(test_ctx(), &options, &set), "22023");
}

TEST(listen, a_connection_that_nobody_has_accepted_is_seen)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/helios-listen-XXXXXX";
    ListenOptions options = {.addresses = "", .port = 5432, .unix_wanted = true};
    ListenSet set;
    int client, accepted;

    EXPECT(mkdtemp(dir) != NULL);
    options.unix_dir = dir;
    EXPECT_OK(listen_open(test_ctx(), &options, &set));
    EXPECT(!listen_has_waiting(&set));
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", set.items[0].path);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect(client, (struct sockaddr *)&a, sizeof(a)) == 0);
    EXPECT(listen_has_waiting(&set));
    accepted = accept(set.items[0].fd, NULL, NULL);
    EXPECT(accepted >= 0);
    EXPECT(!listen_has_waiting(&set));
    close(accepted);
    close(client);
    listen_close(&set, true);
    rmdir(dir);
}
