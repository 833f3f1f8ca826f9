#include "backend/wire/conn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backend/wire/encode.h"
#include "base/interrupt.h"
#include "harness.h"
#include "shmem/proc/proc.h"
#include "wire_pair.h"

TEST(conn, messages_arrive_whole_whatever_the_pieces)
{
    WirePair *p = wire_pair();
    static const char bytes[] = "Q\0\0\0\6a\0S\0\0\0\4";
    int type;
    Decoder d;

    wire_send(p, bytes, sizeof(bytes) - 1);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, 'Q');
    EXPECT_STR(decode_cstring(&d), "a");
    EXPECT(conn_has_input(&p->conn));
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, 'S');
    EXPECT_EQ(decode_left(&d), 0);
}

static void *
send_slowly(void *arg)
{
    WirePair *p = arg;
    char *body = calloc(1, 300000);

    for (int i = 0; i < 5; i++) {
        wire_send(p, "Q\0\0\0\6a\0" + i, 1);
        usleep(2000);
    }
    wire_send(p, "a\0", 2);
    wire_send_message(p, 'Q', body, 300000);
    free(body);
    return NULL;
}

TEST(conn, split_headers_and_large_bodies_are_put_together)
{
    WirePair *p = wire_pair();
    pthread_t client;
    int type;
    Decoder d;

    pthread_create(&client, NULL, send_slowly, p);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(decode_left(&d), 2);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(decode_left(&d), 300000);
    pthread_join(client, NULL);
    wire_send_message(p, 'S', "", 0);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT(p->conn.in_capacity < 300000); /* the large buffer was given back */
}

TEST(conn, a_length_field_alone_takes_no_memory)
{
    WirePair *p = wire_pair();
    int type;
    Decoder d;

    wire_send(p,
              "Q\x3f\xff\xff\xff"
              "abc",
              8);
    shutdown(p->client, SHUT_WR);
    EXPECT(conn_read_message(test_ctx(), &p->conn, &type, &d) == ST_CLOSED);
    EXPECT_EQ(p->conn.in_capacity, CONN_INPUT_BYTES);
}

TEST(conn, unknown_types_and_bad_lengths_are_fatal)
{
    WirePair *p = wire_pair();
    int type;
    Decoder d;

    wire_send(p, "y", 1);
    EXPECT_FAIL(conn_read_message(test_ctx(), &p->conn, &type, &d), "08P01");
    EXPECT_STR(test_ctx()->error.message, "invalid frontend message type 121");
    EXPECT_EQ(test_ctx()->error.severity, SEV_FATAL);
    p = wire_pair();
    wire_send(p, "Q\0\0\0\3", 5);
    EXPECT_FAIL(conn_read_message(test_ctx(), &p->conn, &type, &d), "08P01");
    p = wire_pair();
    wire_send(p, "Q\x40\0\0\4", 5);
    EXPECT_FAIL(conn_read_message(test_ctx(), &p->conn, &type, &d), "08P01");
    p = wire_pair();
    wire_send(p, "S\0\1\0\0", 5);
    EXPECT_FAIL(conn_read_message(test_ctx(), &p->conn, &type, &d), "08P01");
    EXPECT_STR(test_ctx()->error.message, "invalid message length");
}

TEST(conn, the_end_between_messages_is_not_an_error)
{
    WirePair *p = wire_pair();
    int type;
    Decoder d;

    close(p->client);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, MESSAGE_END);
}

TEST(conn, idle_timeout_is_told_between_messages)
{
    WirePair *p = wire_pair();
    int type;
    Decoder d;

    conn_set_idle_timeout(&p->conn, 20);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, MESSAGE_IDLE);
    wire_send_message(p, 'S', "", 0);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, 'S');
}

static _Atomic uint32_t word;

static void
on_term(int signo)
{
    (void)signo;
    interrupt_raise(INTERRUPT_TERMINATE, true);
}

static void
on_wake(int signo)
{
    (void)signo;
    interrupt_raise(INTERRUPT_WAKE, false);
}

static void
handle(int signo, void (*handler)(int))
{
    struct sigaction sa = {.sa_handler = handler};

    sigaction(signo, &sa, NULL);
}

static WirePair *
watched_pair(void)
{
    WirePair *p = wire_pair();

    handle(SIGTERM, on_term);
    handle(SIGUSR1, on_wake);
    test_ctx()->interrupt = &word;
    interrupt_watch(p->conn.fd, &word, NULL);
    return p;
}

TEST(conn, told_to_end_before_reading_does_not_sleep)
{
    WirePair *p = watched_pair();
    int type;
    Decoder d;

    kill(getpid(), SIGTERM);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, MESSAGE_INTERRUPT);
    EXPECT(atomic_load(&word) == INTERRUPT_TERMINATE);
}

TEST(conn, told_to_end_while_reading_wakes_up)
{
    WirePair *p = watched_pair();
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    int type;
    Decoder d;

    handle(SIGALRM, on_term);
    setitimer(ITIMER_REAL, &soon, NULL);
    wire_send(p, "Q\0\0", 3);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, MESSAGE_INTERRUPT);
}

TEST(conn, an_interrupt_does_not_lose_half_a_message)
{
    WirePair *p = watched_pair();
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    int type;
    Decoder d;

    p->conn.wakeable = true;
    handle(SIGALRM, on_wake);
    setitimer(ITIMER_REAL, &soon, NULL);
    wire_send(p, "Q\0\0", 3);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, MESSAGE_INTERRUPT);
    atomic_store(&word, 0);
    wire_send(p, "\0\6a\0", 4);
    EXPECT_OK(conn_read_message(test_ctx(), &p->conn, &type, &d));
    EXPECT_EQ(type, 'Q');
    EXPECT_STR(decode_cstring(&d), "a");
}

TEST(conn, told_to_end_while_the_client_does_not_read_gives_up)
{
    WirePair *p = watched_pair();
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};

    handle(SIGALRM, on_term);
    setitimer(ITIMER_REAL, &soon, NULL);
    (void)buf_extend(&p->conn.out, 8 << 20);
    EXPECT(conn_flush(test_ctx(), &p->conn) == ST_CLOSED);
    EXPECT(p->conn.broken);
}

static int ended; /* how often the handler would have ended the process */

static void
on_quit(int signo)
{
    ended += interrupt_last_words(signo, "bye", 3);
}

static size_t first_send_bytes;

/* Sends a part of what it is given; the signal comes behind the system call. The next call fails. */
static ssize_t
send_signaled(Env *env, int fd, const void *data, size_t bytes, int flags)
{
    ssize_t n;

    (void)env;
    if (first_send_bytes == 0) {
        errno = EPIPE;
        return -1;
    }
    n = send(fd, data, MIN_OF(bytes, first_send_bytes), flags);
    first_send_bytes = 0;
    raise(SIGUSR2);
    EXPECT_EQ(ended, 0);
    return n;
}

static WirePair *
signaled_pair(size_t bytes)
{
    WirePair *p = watched_pair();
    static Env env;

    env = *env_system();
    env.send = send_signaled;
    p->conn.env = &env;
    first_send_bytes = bytes;
    handle(SIGUSR2, on_quit);
    interrupt_allow_last_words(&p->conn.outgoing);
    encode_ready(&p->conn, 'I');
    return p;
}

TEST(conn, last_words_follow_an_answer_whose_send_has_just_ended)
{
    WirePair *p = signaled_pair(SIZE_MAX);
    Buf *got;

    EXPECT_OK(conn_flush(test_ctx(), &p->conn));
    EXPECT_EQ(ended, 1);
    got = wire_receive(p);
    EXPECT_EQ(got->bytes, 9);
    EXPECT(memcmp(got->data, "Z\0\0\0\5Ibye", 9) == 0);
}

TEST(conn, there_are_no_last_words_in_the_middle_of_a_message)
{
    WirePair *p = signaled_pair(2);

    EXPECT_FAIL(conn_flush(test_ctx(), &p->conn), "08006");
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(wire_receive(p)->bytes, 2);
}

TEST(conn, a_raise_without_a_session_waits_for_the_next_one)
{
    WirePair *p = watched_pair();

    interrupt_unwatch();
    interrupt_raise(INTERRUPT_TERMINATE, true);
    EXPECT(atomic_load(&word) == 0);
    interrupt_watch(p->conn.fd, &word, NULL);
    EXPECT(atomic_load(&word) == INTERRUPT_TERMINATE);
    EXPECT_EQ(conn_peek(&p->conn), CONN_PEER_GONE); /* shut for reading */
}

TEST(conn, peek_sees_what_the_peer_does)
{
    WirePair *p = wire_pair();

    EXPECT_EQ(conn_peek(&p->conn), CONN_PEER_QUIET);
    wire_send(p, "x", 1);
    EXPECT_EQ(conn_peek(&p->conn), CONN_PEER_SENT);
    p = wire_pair();
    close(p->client);
    EXPECT_EQ(conn_peek(&p->conn), CONN_PEER_GONE);
}

TEST(conn, sending_to_a_closed_peer_fails_once_and_for_all)
{
    WirePair *p = wire_pair();

    close(p->client);
    encode_ready(&p->conn, 'I');
    EXPECT_FAIL(conn_flush(test_ctx(), &p->conn), "08006");
    encode_ready(&p->conn, 'I');
    EXPECT_FAIL(conn_flush(test_ctx(), &p->conn), "08006");
}
