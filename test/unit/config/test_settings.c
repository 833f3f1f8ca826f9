#include "backend/config/settings.h"

#include <stdio.h>

#include "harness.h"

static SettingSet server, session;

static void
start(void)
{
    settings_init_defaults(&server);
    settings_init_session(&session, &server);
}

static const char *
value(const char *name)
{
    static Buf to;
    SettingNo no;

    buf_clear(&to);
    EXPECT_OK(settings_find(test_ctx(), &session, name, &no));
    settings_show(&session, no, false, &to);
    return buf_cstr(&to);
}

static void
set(const char *name, const char *text)
{
    EXPECT_OK(settings_set(test_ctx(), &session, name, text, SCOPE_SESSION, true));
}

static void
set_local(const char *name, const char *text)
{
    EXPECT_OK(settings_set(test_ctx(), &session, name, text, SCOPE_LOCAL, true));
}

TEST(settings, set_stays_after_commit_and_goes_with_rollback)
{
    start();
    settings_push(&session);
    set("work_mem", "1MB");
    settings_pop(&session, true);
    EXPECT_STR(value("work_mem"), "1MB");
    settings_push(&session);
    set("work_mem", "2MB");
    set("work_mem", "3MB");
    settings_pop(&session, false);
    EXPECT_STR(value("work_mem"), "1MB");
}

TEST(settings, set_local_ends_with_the_transaction)
{
    start();
    settings_push(&session);
    set_local("application_name", "x");
    EXPECT_STR(value("application_name"), "x");
    settings_pop(&session, true);
    EXPECT_STR(value("application_name"), "");
}

TEST(settings, set_then_set_local_leaves_the_value_of_set)
{
    start();
    settings_push(&session);
    set("application_name", "kept");
    set_local("application_name", "covered");
    EXPECT_STR(value("application_name"), "covered");
    settings_pop(&session, true);
    EXPECT_STR(value("application_name"), "kept");
}

TEST(settings, set_local_in_a_released_savepoint_lasts_until_commit)
{
    start();
    settings_push(&session);
    set("work_mem", "1MB");
    settings_push(&session);
    set_local("work_mem", "2MB");
    settings_pop(&session, true);
    EXPECT_STR(value("work_mem"), "2MB");
    settings_pop(&session, true);
    EXPECT_STR(value("work_mem"), "1MB");
}

TEST(settings, rollback_to_a_savepoint_undoes_only_its_changes)
{
    start();
    settings_push(&session);
    set("work_mem", "1MB");
    settings_push(&session);
    set("work_mem", "2MB");
    set("application_name", "inner");
    settings_pop(&session, false);
    EXPECT_STR(value("work_mem"), "1MB");
    EXPECT_STR(value("application_name"), "");
    settings_push(&session);
    set("application_name", "released");
    settings_pop(&session, true);
    settings_pop(&session, false);
    EXPECT_STR(value("work_mem"), "4MB");
    EXPECT_STR(value("application_name"), "");
}

TEST(settings, random_histories_match_a_model)
{
    enum { NAMES = 3, DEPTH = 6 };
    static const char *const names[NAMES] = {"work_mem", "application_name", "my.own"};
    /* Model, per level: the values now, and those the commit of everything would leave. */
    char now[DEPTH + 1][NAMES][16], after[DEPTH + 1][NAMES][16];
    int level = 0;
    uint64_t seed = test_seed();

    start();
    set("my.own", "0");
    for (int i = 0; i < NAMES; i++) {
        strcpy(now[0][i], i == 0 ? "4MB" : i == 1 ? "" : "0");
        strcpy(after[0][i], now[0][i]);
    }
    for (int step = 0; step < 20000; step++) {
        int what, i;
        char text[16];

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        what = (int)(seed >> 40) % 8;
        i = (int)(seed >> 33) % NAMES;
        if (i < 0)
            i = -i;
        snprintf(text, sizeof(text), i == 0 ? "%dMB" : "%d", (int)((seed >> 50) % 900) + 1);
        if (what < 2 && level < DEPTH) {
            settings_push(&session);
            level++;
            memcpy(now[level], now[level - 1], sizeof(now[0]));
            memcpy(after[level], after[level - 1], sizeof(now[0]));
        } else if (what < 4 && level > 0) {
            bool commit = what == 2;

            settings_pop(&session, commit);
            level--;
            if (commit && level > 0) { /* the savepoint's values go on; so does what the end will leave */
                memcpy(now[level], now[level + 1], sizeof(now[0]));
                memcpy(after[level], after[level + 1], sizeof(now[0]));
            } else if (commit) {
                memcpy(now[0], after[1], sizeof(now[0]));
                memcpy(after[0], after[1], sizeof(now[0]));
            }
        } else if (level > 0) {
            bool local = what >= 6;

            EXPECT_OK(
                settings_set(test_ctx(), &session, names[i], text, local ? SCOPE_LOCAL : SCOPE_SESSION, true));
            strcpy(now[level][i], text);
            if (!local)
                strcpy(after[level][i], text);
        }
        for (int k = 0; k < NAMES; k++)
            EXPECT_STR(value(names[k]), now[level][k]);
    }
    while (level-- > 0)
        settings_pop(&session, false);
    EXPECT_STR(value("my.own"), now[0][2]);
    settings_free(&session);
    settings_free(&server);
}

TEST(settings, reset_goes_back_to_what_the_client_asked_for)
{
    start();
    EXPECT_OK(settings_set_initial(test_ctx(), &session, "application_name", "psql", SOURCE_CLIENT, false));
    settings_seal(&session);
    set("application_name", "other");
    EXPECT_EQ(settings_source(&session, SETTING_APPLICATION_NAME), SOURCE_SESSION);
    set("application_name", NULL);
    EXPECT_STR(value("application_name"), "psql");
    EXPECT_EQ(settings_source(&session, SETTING_APPLICATION_NAME), SOURCE_CLIENT);
    set("work_mem", "1MB");
    set("datestyle", "german");
    EXPECT_OK(settings_reset_all(test_ctx(), &session));
    EXPECT_STR(value("work_mem"), "4MB");
    EXPECT_STR(value("datestyle"), "ISO, MDY");
}

TEST(settings, a_weaker_source_does_not_replace_a_stronger_one)
{
    start();
    EXPECT_OK(settings_set_server(test_ctx(), &server, SETTING_PORT, UNIT_NONE, "7000", SOURCE_FLAG, 0));
    EXPECT_OK(settings_set_server(test_ctx(), &server, SETTING_PORT, UNIT_NONE, "8000", SOURCE_FILE, 3));
    EXPECT_EQ(settings_int(&server, SETTING_PORT), 7000);
}

TEST(settings, contexts_are_guarded_as_in_postgresql)
{
    Ctx *cx = test_ctx();

    start();
    EXPECT_FAIL(settings_set(cx, &session, "port", "1", SCOPE_SESSION, true), "55P02");
    EXPECT_STR(cx->error.message, "parameter \"port\" cannot be changed without restarting the server");
    EXPECT_FAIL(settings_set(cx, &session, "block_size", "1", SCOPE_SESSION, true), "55P02");
    EXPECT_STR(cx->error.message, "parameter \"block_size\" cannot be changed");
    EXPECT_FAIL(settings_set(cx, &session, "ssl", "on", SCOPE_SESSION, true), "55P02");
    EXPECT_STR(cx->error.message, "parameter \"ssl\" cannot be changed now");
    EXPECT_FAIL(settings_set(cx, &session, "deadlock_timeout", "2s", SCOPE_SESSION, false), "42501");
    EXPECT_FAIL(settings_set(cx, &session, "foo", "1", SCOPE_SESSION, true), "42704");
    EXPECT_FAIL(settings_set(cx, &session, "a.1b", "1", SCOPE_SESSION, true), "42602");
    EXPECT_FAIL(settings_set(cx, &session, "no.such", NULL, SCOPE_SESSION, true), "42704");
}

TEST(settings, custom_names_live_with_the_session)
{
    start();
    settings_push(&session);
    set("my.Name", "1");
    EXPECT_STR(value("MY.name"), "1");
    settings_pop(&session, false);
    EXPECT_STR(value("my.name"), "");
}

TEST(settings, datestyle_is_completed_and_checked)
{
    Ctx *cx = test_ctx();

    start();
    set("datestyle", "German");
    EXPECT_STR(value("datestyle"), "German, DMY");
    set("datestyle", "mdy");
    EXPECT_STR(value("datestyle"), "German, MDY");
    set("datestyle", "postgres, euro");
    EXPECT_STR(value("datestyle"), "Postgres, DMY");
    EXPECT_EQ(setting_datestyle_parts(value("datestyle")).style, 2);
    set("datestyle", "default");
    EXPECT_STR(value("datestyle"), "ISO, MDY");
    EXPECT_FAIL(settings_set(cx, &session, "datestyle", "sql, ymd, dmy", SCOPE_SESSION, false), "22023");
    EXPECT_STR(cx->error.detail, "Conflicting \"datestyle\" specifications.");
    EXPECT_FAIL(settings_set(cx, &session, "datestyle", "foo", SCOPE_SESSION, false), "22023");
    EXPECT_STR(cx->error.detail, "Unrecognized key word: \"foo\".");
}

TEST(settings, only_utf8_is_spoken)
{
    start();
    set("client_encoding", "unicode");
    EXPECT_STR(value("client_encoding"), "UTF8");
    set("client_encoding", "'UTF-8'");
    EXPECT_FAIL(settings_set(test_ctx(), &session, "client_encoding", "latin1", SCOPE_SESSION, false), "0A000");
    EXPECT_FAIL(settings_set(test_ctx(), &session, "client_encoding", "foo", SCOPE_SESSION, false), "22023");
}

TEST(settings, application_names_are_printable)
{
    start();
    set("application_name", "a\303\251\n");
    EXPECT_STR(value("application_name"), "a???");
}

static int changes;

static void
count_change(void *arg, SettingNo no)
{
    (void)arg;
    (void)no;
    changes++;
}

TEST(settings, hooks_hear_of_every_real_change)
{
    start();
    session.hooks.changed = count_change;
    settings_push(&session);
    set("work_mem", "1MB");
    set("work_mem", "1MB");
    EXPECT_EQ(changes, 1);
    settings_pop(&session, false);
    EXPECT_EQ(changes, 2);
}

TEST(settings, plan_key_comes_back_with_the_values)
{
    uint64_t key;

    start();
    key = settings_plan_key(&session);
    set("enable_sort", "off");
    EXPECT(settings_plan_key(&session) != key);
    set("application_name", "x");
    set("enable_sort", "on");
    EXPECT(settings_plan_key(&session) == key);
}

TEST(settings, reload_reaches_what_the_session_did_not_set)
{
    SettingSet fresh;

    start();
    set("work_mem", "1MB");
    settings_init_defaults(&fresh);
    EXPECT_OK(settings_set_server(test_ctx(), &fresh, SETTING_WORK_MEM, UNIT_KBYTES, "9MB", SOURCE_FILE, 1));
    EXPECT_OK(settings_set_server(test_ctx(), &fresh, SETTING_LOCK_TIMEOUT, UNIT_MSECS, "5s", SOURCE_FILE, 2));
    EXPECT_OK(settings_set_server(test_ctx(), &fresh, SETTING_PORT, UNIT_NONE, "99", SOURCE_FILE, 3));
    settings_rebase(&session, &fresh);
    settings_free(&fresh);
    EXPECT_STR(value("work_mem"), "1MB");
    EXPECT_STR(value("lock_timeout"), "5s");
    EXPECT_STR(value("port"), "5432");
    set("work_mem", NULL);
    EXPECT_STR(value("work_mem"), "9MB");
}
