#include "backend/auth/auth.h"

#include <pthread.h>

#include "backend/auth/login.h"
#include "backend/auth/scram.h"
#include "harness.h"
#include "wire_pair.h"

/* ---- RFC 7677, section 3 ---------------------------------------------------------------------------- */

static ScramExchange
rfc_exchange(const char *password)
{
    ScramExchange x = {0};
    uint8_t salt[16];

    EXPECT_EQ(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==", 24, salt, sizeof(salt)), 16);
    verifier_compute_scram(password, salt, 16, 4096, &x.verifier);
    return x;
}

static const char rfc_client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char rfc_server_nonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char rfc_client_final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
                                       "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

TEST(scram, the_example_of_rfc_7677_holds)
{
    ScramExchange x = rfc_exchange("pencil");
    const char *answer;
    bool fits;

    EXPECT_OK(
        scram_first(test_ctx(), &x, rfc_client_first, strlen(rfc_client_first), rfc_server_nonce, &answer));
    EXPECT_STR(answer,
               "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    EXPECT_OK(scram_final(test_ctx(), &x, rfc_client_final, strlen(rfc_client_final), &fits, &answer));
    EXPECT(fits);
    EXPECT_STR(answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(scram, a_wrong_password_or_a_doomed_user_does_not_fit)
{
    ScramExchange x = rfc_exchange("pencils");
    const char *answer;
    bool fits = true;

    EXPECT_OK(
        scram_first(test_ctx(), &x, rfc_client_first, strlen(rfc_client_first), rfc_server_nonce, &answer));
    EXPECT_OK(scram_final(test_ctx(), &x, rfc_client_final, strlen(rfc_client_final), &fits, &answer));
    EXPECT(!fits);
    x = rfc_exchange("pencil");
    x.doomed = true;
    EXPECT_OK(
        scram_first(test_ctx(), &x, rfc_client_first, strlen(rfc_client_first), rfc_server_nonce, &answer));
    EXPECT_OK(scram_final(test_ctx(), &x, rfc_client_final, strlen(rfc_client_final), &fits, &answer));
    EXPECT(!fits);
}

static void
expect_refused_first(const char *message, bool plus, bool offered, const char *state)
{
    ScramExchange x = {.plus = plus, .plus_offered = offered};
    const char *answer;

    EXPECT_FAIL(scram_first(test_ctx(), &x, message, strlen(message), "s", &answer), state);
}

TEST(scram, malformed_first_messages_are_refused)
{
    expect_refused_first("", false, false, "08P01");
    expect_refused_first("x", false, false, "08P01");
    expect_refused_first("n", false, false, "08P01");
    expect_refused_first("n,,", false, false, "08P01");
    expect_refused_first("n,,n=u", false, false, "08P01");
    expect_refused_first("n,a=me,n=u,r=x", false, false, "0A000");
    expect_refused_first("n,,m=x,n=u,r=x", false, false, "0A000");
    expect_refused_first("n,,n=u,r=\x01", false, false, "08P01");
    expect_refused_first("p=tls-server-end-point,,n=u,r=x", false, false, "08P01");
    expect_refused_first("p=tls-unique,,n=u,r=x", true, true, "08P01");
    expect_refused_first("n,,n=u,r=x", true, true, "08P01");
    expect_refused_first("y,,n=u,r=x", false, true, "28000");
}

TEST(scram, malformed_final_messages_are_refused)
{
    static const struct {
        const char *message, *state;
    } cases[] = {
        {"", "08P01"},
        {"x=1", "08P01"},
        {"c=AAAA,r=ab,p=AAAA", "28000"},
        {"c=biws,r=other,p=AAAA", "08P01"},
        {"c=biws,r=ab", "08P01"},
        {"c=biws,r=ab,p=AAAA", "08P01"},
        {"c=biws,r=ab,p=****", "08P01"},
        {"c=biws,r=ab,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=1", "08P01"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ScramExchange x = rfc_exchange("p");
        const char *answer;
        bool fits;

        EXPECT_OK(scram_first(test_ctx(), &x, "n,,n=,r=a", 9, "b", &answer));
        EXPECT_FAIL(scram_final(test_ctx(), &x, cases[i].message, strlen(cases[i].message), &fits, &answer),
                    cases[i].state);
    }
}

TEST(scram, the_mock_of_a_name_is_always_the_same)
{
    uint8_t secret[32] = {1};
    ScramVerifier a, b, c;

    scram_mock("joe", secret, &a);
    scram_mock("joe", secret, &b);
    scram_mock("jim", secret, &c);
    EXPECT(memcmp(a.salt, b.salt, 16) == 0);
    EXPECT(memcmp(a.salt, c.salt, 16) != 0);
}

/* ---- verifiers -------------------------------------------------------------------------------------- */

TEST(verifier, made_ones_fit_their_password_only)
{
    Ctx *cx = test_ctx();
    const char *scram, *md5;
    bool fits;

    EXPECT_OK(verifier_make_scram(cx, cx->arena, "secret", &scram));
    EXPECT_EQ(verifier_kind(scram), VERIFIER_SCRAM);
    EXPECT_OK(verifier_check_plain(cx, scram, "u", "secret", &fits));
    EXPECT(fits);
    EXPECT_OK(verifier_check_plain(cx, scram, "u", "Secret", &fits));
    EXPECT(!fits);
    EXPECT_OK(verifier_make_md5(cx, cx->arena, "u", "secret", &md5));
    EXPECT_EQ(verifier_kind(md5), VERIFIER_MD5);
    EXPECT_OK(verifier_check_plain(cx, md5, "u", "secret", &fits));
    EXPECT(fits);
    EXPECT_OK(verifier_check_plain(cx, md5, "v", "secret", &fits));
    EXPECT(!fits);
    EXPECT_OK(verifier_check_plain(cx, "secret", "u", "secret", &fits));
    EXPECT(!fits); /* a plain text is never a verifier */
}

TEST(verifier, md5_is_postgresqls)
{
    const char *md5;

    EXPECT_OK(verifier_make_md5(test_ctx(), test_ctx()->arena, "postgres", "secret", &md5));
    EXPECT_STR(md5, "md553f48b7c4b76a86ce72276c5755f217d"); /* md5(password || user) */
}

TEST(verifier, damaged_texts_are_not_verifiers)
{
    ScramVerifier v;

    EXPECT(!verifier_parse_scram("SCRAM-SHA-256$4096", &v));
    EXPECT(!verifier_parse_scram("SCRAM-SHA-256$0:AAAA$AAAA:AAAA", &v));
    EXPECT(!verifier_parse_scram("SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", &v));
    EXPECT_EQ(verifier_kind("md5xyz"), VERIFIER_PLAIN);
}

TEST(verifier, base64_round_trips)
{
    uint8_t bytes[64], back[64];

    for (size_t n = 0; n < sizeof(bytes); n++) {
        const char *text;

        bytes[n] = (uint8_t)(n * 37);
        text = base64_encode(test_ctx()->arena, bytes, n);
        EXPECT_EQ(base64_decode(text, strlen(text), back, sizeof(back)), n);
        EXPECT(memcmp(bytes, back, n) == 0);
    }
    EXPECT_EQ(base64_decode("A=AA", 4, back, sizeof(back)), -1);
    EXPECT_EQ(base64_decode("AAA", 3, back, sizeof(back)), -1);
    EXPECT_EQ(base64_decode("AAAA", 4, back, 2), -1);
}

/* ---- the dialogue ----------------------------------------------------------------------------------- */

static RoleRecord role;

static Status
find_role(Ctx *cx, AuthDirectory *self, const char *name, bool *found, RoleRecord *out)
{
    (void)cx;
    (void)self;
    *found = strcmp(name, "joe") == 0;
    if (*found)
        *out = role;
    return ST_OK;
}

static Status
find_database(Ctx *cx, AuthDirectory *self, const char *name, bool *found, DatabaseRecord *out)
{
    (void)cx;
    (void)self;
    *found = strcmp(name, "db") == 0 || strcmp(name, "closed") == 0;
    if (*found)
        *out = (DatabaseRecord){.oid = 5, .allow_connections = strcmp(name, "db") == 0, .connection_limit = -1};
    return ST_OK;
}

static int
seven(AuthDirectory *self, uint32_t oid)
{
    (void)self;
    (void)oid;
    return 7;
}

static AuthDirectory directory = {.find_role = find_role, .find_database = find_database, .count_role = seven};

static Status
login(WirePair *p, AuthMethod method, const char *user, const char *database)
{
    AuthOptions options = {.method = method};
    StartupRequest request = {.kind = STARTUP_SESSION, .user = user, .database = database};
    AuthIdentity who;

    return auth_login(test_ctx(), &p->conn, &options, &directory, &request, &who);
}

static void
make_role(const char *verifier)
{
    role = (RoleRecord){.oid = 10,
                        .can_login = true,
                        .connection_limit = -1,
                        .valid_until_us = INT64_MAX,
                        .verifier = verifier};
}

TEST(auth, trust_lets_in_who_exists)
{
    make_role(NULL);
    EXPECT_OK(login(wire_pair(), AUTH_TRUST, "joe", "db"));
    EXPECT_FAIL(login(wire_pair(), AUTH_TRUST, "jim", "db"), "28000");
    EXPECT_STR(test_ctx()->error.message, "role \"jim\" does not exist");
    EXPECT_FAIL(login(wire_pair(), AUTH_TRUST, "joe", "nodb"), "3D000");
    EXPECT_STR(test_ctx()->error.message, "database \"nodb\" does not exist");
    EXPECT_FAIL(login(wire_pair(), AUTH_TRUST, "joe", "closed"), "55000");
    EXPECT_EQ(test_ctx()->error.severity, SEV_FATAL);
}

TEST(auth, roles_have_limits)
{
    make_role(NULL);
    role.connection_limit = 7;
    EXPECT_FAIL(login(wire_pair(), AUTH_TRUST, "joe", "db"), "53300");
    role.connection_limit = 8;
    EXPECT_OK(login(wire_pair(), AUTH_TRUST, "joe", "db"));
    role.can_login = false;
    EXPECT_FAIL(login(wire_pair(), AUTH_TRUST, "joe", "db"), "28000");
    EXPECT_STR(test_ctx()->error.message, "role \"joe\" is not permitted to log in");
}

TEST(auth, passwords_are_compared_with_the_verifier)
{
    Ctx *cx = test_ctx();
    const char *verifier;
    WirePair *p = wire_pair();

    EXPECT_OK(verifier_make_scram(cx, cx->arena, "secret", &verifier));
    make_role(verifier);
    wire_send_message(p, 'p', "secret\0", 7);
    EXPECT_OK(login(p, AUTH_PASSWORD, "joe", "db"));
    p = wire_pair();
    wire_send_message(p, 'p', "wrong\0", 6);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "joe", "db"), "28P01");
    p = wire_pair();
    wire_send_message(p, 'p', "secret\0", 7);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "jim", "db"), "28P01");
    EXPECT_STR(cx->error.message, "password authentication failed for user \"jim\"");
    p = wire_pair();
    wire_send_message(p, 'p', "\0", 1);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "joe", "db"), "28P01");
    p = wire_pair();
    wire_send_message(p, 'p', "x\0y", 3);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "joe", "db"), "08P01");
    p = wire_pair();
    wire_send_message(p, 'Q', "x\0", 2);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "joe", "db"), "08P01");
    role.valid_until_us = 1;
    p = wire_pair();
    wire_send_message(p, 'p', "secret\0", 7);
    EXPECT_FAIL(login(p, AUTH_PASSWORD, "joe", "db"), "28P01");
}

typedef struct Md5Client {
    WirePair *pair;
    const char *stored;
} Md5Client;

/* Waits for the salt and answers as libpq does. */
static void *
answer_md5(void *arg)
{
    Md5Client *client = arg;
    char message[13], salted[36], answer[36] = "md5";
    size_t got = 0;

    while (got < sizeof(message)) {
        ssize_t n =
            env_system()->recv(env_system(), client->pair->client, message + got, sizeof(message) - got, 0);

        if (n <= 0)
            abort();
        got += (size_t)n;
    }
    memcpy(salted, client->stored + 3, 32);
    memcpy(salted + 32, message + 9, 4);
    md5_hex(salted, 36, answer + 3);
    wire_send_message(client->pair, 'p', answer, 36);
    return NULL;
}

static Status
login_md5(const char *password_of_client)
{
    Ctx *cx = test_ctx();
    Md5Client client = {.pair = wire_pair()};
    pthread_t thread;
    Status rc;

    EXPECT_OK(verifier_make_md5(cx, cx->arena, "joe", password_of_client, &client.stored));
    pthread_create(&thread, NULL, answer_md5, &client);
    rc = login(client.pair, AUTH_MD5, "joe", "db");
    pthread_join(thread, NULL);
    return rc;
}

TEST(auth, md5_answers_are_salted)
{
    const char *verifier;

    EXPECT_OK(verifier_make_md5(test_ctx(), test_ctx()->arena, "joe", "secret", &verifier));
    make_role(verifier);
    EXPECT_OK(login_md5("secret"));
    EXPECT_FAIL(login_md5("wrong"), "28P01");
}

TEST(auth, who_has_no_scram_verifier_still_sees_the_whole_exchange)
{
    WirePair *p = wire_pair();
    static const char first[] = "SCRAM-SHA-256\0\0\0\0\11n,,n=,r=a";

    make_role(NULL);
    wire_send_message(p, 'p', first, sizeof(first) - 1);
    wire_send_message(p, 'p', "c=biws,r=a", 10);
    EXPECT_FAIL(login(p, AUTH_SCRAM, "jim", "db"), "08P01"); /* it got as far as the nonce */
    EXPECT_STR(test_ctx()->error.detail, "Nonce does not match.");
}

TEST(login, welcome_tells_settings_and_key)
{
    WirePair *p = wire_pair();
    SettingSet server, session;
    StartupSetting wanted = {"application_name", "psql"};
    StartupRequest request = {
        .kind = STARTUP_SESSION, .user = "joe", .database = "db", .settings = &wanted, .setting_count = 1};
    LoginOptions options = {.auth.method = AUTH_TRUST};
    AuthIdentity who;
    const char *body;
    size_t bytes;

    make_role(NULL);
    settings_init_defaults(&server);
    settings_init_session(&session, &server);
    EXPECT_OK(login_prove(test_ctx(), &p->conn, &options, &directory, &request, &session, &who));
    login_welcome(&p->conn, &session, 7, 8);
    EXPECT_STR(settings_text(&session, SETTING_APPLICATION_NAME), "psql");
    EXPECT_STR(settings_text(&session, SETTING_SESSION_AUTHORIZATION), "joe");
    body = wire_expect(p, 'K', &bytes);
    EXPECT(body != NULL);
    EXPECT_EQ(get_be32(body), 7);
}
