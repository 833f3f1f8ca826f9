#include "backend/wire/startup.h"

#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "wire_pair.h"

enum {
    V3 = 3 << 16,
    SSL_REQUEST = 1234 << 16 | 5679,
    GSS_REQUEST = 1234 << 16 | 5680,
    CANCEL = 1234 << 16 | 5678
};

static StartupRequest request;

static Status
negotiate(WirePair *p)
{
    StartupOptions options = {.timeout_ms = 60000};

    return startup_negotiate(test_ctx(), &p->conn, &options, &request);
}
#define SEND(p, code, body) wire_send_startup((p), (code), (body), sizeof(body) - 1)

TEST(startup, user_database_and_settings_are_read)
{
    WirePair *p = wire_pair();

    SEND(p, V3, "user\0me\0database\0db\0application_name\0psql\0\0");
    EXPECT_OK(negotiate(p));
    EXPECT_EQ(request.kind, STARTUP_SESSION);
    EXPECT_STR(request.user, "me");
    EXPECT_STR(request.database, "db");
    EXPECT_EQ(request.setting_count, 1);
    EXPECT_STR(request.settings[0].name, "application_name");
    EXPECT_STR(request.settings[0].value, "psql");
}

TEST(startup, the_database_is_the_user_when_not_given)
{
    WirePair *p = wire_pair();

    SEND(p, V3, "user\0me\0\0");
    EXPECT_OK(negotiate(p));
    EXPECT_STR(request.database, "me");
}

TEST(startup, options_are_split_and_come_first)
{
    WirePair *p = wire_pair();

    SEND(p, V3, "user\0me\0work_mem\0001MB\0options\0-c a.b=x\\ y --search-path=s -cq=\0\0");
    EXPECT_OK(negotiate(p));
    EXPECT_EQ(request.setting_count, 4);
    EXPECT_STR(request.settings[0].value, "x y");
    EXPECT_STR(request.settings[1].name, "search_path");
    EXPECT_STR(request.settings[2].value, "");
    EXPECT_STR(request.settings[3].name, "work_mem");
}

TEST(startup, bad_options_are_refused)
{
    WirePair *p = wire_pair();

    SEND(p, V3, "user\0me\0options\0-z\0\0");
    EXPECT_FAIL(negotiate(p), "42601");
    p = wire_pair();
    SEND(p, V3, "user\0me\0options\0-c a\0\0");
    EXPECT_FAIL(negotiate(p), "42601");
    p = wire_pair();
    SEND(p, V3, "user\0me\0options\0-c\0\0");
    EXPECT_FAIL(negotiate(p), "42601");
}

TEST(startup, encryption_we_do_not_have_is_declined)
{
    WirePair *p = wire_pair();

    SEND(p, GSS_REQUEST, "");
    SEND(p, SSL_REQUEST, "");
    SEND(p, V3, "user\0me\0\0");
    EXPECT_OK(negotiate(p));
    EXPECT_STR(buf_cstr(wire_receive(p)), "NN");
}

TEST(startup, a_second_request_of_the_same_kind_is_an_unknown_version)
{
    WirePair *p = wire_pair();

    SEND(p, SSL_REQUEST, "");
    SEND(p, SSL_REQUEST, "");
    EXPECT_FAIL(negotiate(p), "0A000");
    EXPECT_STR(test_ctx()->error.message,
               "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.0");
}

TEST(startup, cancel_requests_carry_pid_and_secret)
{
    WirePair *p = wire_pair();

    SEND(p, CANCEL, "\0\0\1\0\xff\0\0\1");
    EXPECT_OK(negotiate(p));
    EXPECT_EQ(request.kind, STARTUP_CANCEL);
    EXPECT_EQ(request.cancel_pid, 256);
    EXPECT(request.cancel_secret == 0xff000001);
    p = wire_pair();
    SEND(p, CANCEL, "\0\0\1");
    EXPECT_FAIL(negotiate(p), "08P01");
}

TEST(startup, newer_minor_versions_and_protocol_options_are_negotiated)
{
    WirePair *p = wire_pair();
    const char *body;
    size_t bytes;

    SEND(p, V3 | 2, "user\0me\0_pq_.wide\0001\0\0");
    EXPECT_OK(negotiate(p));
    body = wire_expect(p, 'v', &bytes);
    EXPECT(body != NULL);
    EXPECT_EQ(get_be32(body), 0);
    EXPECT_EQ(get_be32(body + 4), 1);
    EXPECT_STR(body + 8, "_pq_.wide");
}

TEST(startup, what_is_wrong_is_said_as_postgresql_says_it)
{
    WirePair *p = wire_pair();

    SEND(p, 2 << 16, "user\0me\0\0");
    EXPECT_FAIL(negotiate(p), "0A000");
    EXPECT_STR(test_ctx()->error.message, "unsupported frontend protocol 2.0: server supports 3.0 to 3.0");
    p = wire_pair();
    SEND(p, V3, "database\0x\0\0");
    EXPECT_FAIL(negotiate(p), "28000");
    p = wire_pair();
    SEND(p, V3, "user\0me\0");
    EXPECT_FAIL(negotiate(p), "08P01");
    p = wire_pair();
    SEND(p, V3, "user\0me\0\0x");
    EXPECT_FAIL(negotiate(p), "08P01");
    p = wire_pair();
    SEND(p, V3, "user\0me\0replication\0database\0\0");
    EXPECT_FAIL(negotiate(p), "0A000");
    p = wire_pair();
    SEND(p, V3, "user\0m\xff\0\0");
    EXPECT_FAIL(negotiate(p), "22021");
    EXPECT_EQ(test_ctx()->error.severity, SEV_FATAL);
    p = wire_pair();
    SEND(p, V3, "user\0me\0n\xff\0x\0\0");
    EXPECT_FAIL(negotiate(p), "22021");
    EXPECT_EQ(test_ctx()->error.severity, SEV_FATAL);
}

TEST(startup, garbage_and_bad_lengths_are_corrupt)
{
    WirePair *p = wire_pair();

    wire_send(p, "GET / HTTP/1.1\r\n\r\n", 18);
    EXPECT(negotiate(p) == ST_CORRUPT);
    p = wire_pair();
    wire_send(p, "\0\0\0\7", 4);
    EXPECT(negotiate(p) == ST_CORRUPT);
}

TEST(startup, leaving_at_once_is_no_error_and_leaving_midway_is)
{
    WirePair *p = wire_pair();

    close(p->client);
    EXPECT_OK(negotiate(p));
    EXPECT_EQ(request.kind, STARTUP_GONE);
    p = wire_pair();
    wire_send(p, "\0\0\0\x20\0\3\0\0us", 10);
    close(p->client);
    EXPECT(negotiate(p) == ST_CLOSED);
}

TEST(startup, whoever_says_nothing_is_put_out)
{
    WirePair *p = wire_pair();
    StartupOptions options = {.timeout_ms = 20};

    EXPECT(startup_negotiate(test_ctx(), &p->conn, &options, &request) == ST_CANCELED);
    EXPECT_STR(test_ctx()->error.message, "canceling authentication due to timeout");
}

TEST(startup, long_names_are_cut_at_whole_characters)
{
    WirePair *p = wire_pair();
    char body[128] = "user";
    size_t n = 5;

    memset(body + n, 'a', 62);
    memcpy(body + n + 62, "\303\274x", 4);
    n += 62 + 4;
    body[n++] = '\0';
    wire_send_startup(p, V3, body, n);
    EXPECT_OK(negotiate(p));
    EXPECT_EQ(strlen(request.user), 62);
}
