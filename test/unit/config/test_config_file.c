#include "backend/config/config_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "backend/config/nearest.h"
#include "harness.h"

static SettingSet set;

static Status
read_text(const char *text)
{
    settings_init_defaults(&set);
    return config_text_apply(test_ctx(), &set, "h.toml", text, strlen(text));
}

static const char *
refusal(const char *text)
{
    EXPECT_FAIL(read_text(text), "F0000");
    return test_ctx()->error.message;
}

TEST(config_file, values_arrive_with_their_lines)
{
    EXPECT_OK(
        read_text("[server]\nport = 6000\nlisten_addr = [\"127.0.0.1\", \"::1\"]\n\n"
                  "[storage]\ncache_size = \"256MB\"\nquery_timeout_ms = 1500\nwal_sync_mode = \"Async\"\n"
                  "transaction_isolation = \"SERIALIZABLE\"\n"
                  "[performance]\nwork_mem = \"8MB\"\nsimd_enabled = false\n"
                  "[postgresql]\ndeadlock_timeout = \"2s\"\nenable_sort = \"off\"\n"
                  "[authentication]\nmethod = \"scram\"\n"));
    EXPECT_EQ(settings_int(&set, SETTING_PORT), 6000);
    EXPECT_EQ(set.lines[SETTING_PORT], 2);
    EXPECT_EQ(set.sources[SETTING_PORT], SOURCE_FILE);
    EXPECT_STR(settings_text(&set, SETTING_LISTEN_ADDRESSES), "127.0.0.1,::1");
    EXPECT_EQ(settings_int(&set, SETTING_SHARED_BUFFERS), 32768);
    EXPECT_EQ(settings_int(&set, SETTING_STATEMENT_TIMEOUT), 1500);
    EXPECT_EQ(settings_int(&set, SETTING_SYNCHRONOUS_COMMIT), 0);
    EXPECT_EQ(settings_int(&set, SETTING_DEFAULT_TRANSACTION_ISOLATION), 0);
    EXPECT_EQ(settings_int(&set, SETTING_WORK_MEM), 8192);
    EXPECT(!settings_bool(&set, SETTING_SIMD_ENABLED));
    EXPECT_EQ(settings_int(&set, SETTING_DEADLOCK_TIMEOUT), 2000);
    EXPECT(!settings_bool(&set, SETTING_ENABLE_SORT));
    EXPECT_EQ(settings_int(&set, SETTING_AUTH_METHOD), 3);
}

TEST(config_file, bare_cache_sizes_are_bytes_and_query_timeouts_seconds)
{
    EXPECT_OK(read_text("[storage]\ncache_size = 536870912\n[performance]\nquery_timeout_secs = 30\n"));
    EXPECT_EQ(settings_int(&set, SETTING_SHARED_BUFFERS), 65536);
    EXPECT_EQ(settings_int(&set, SETTING_STATEMENT_TIMEOUT), 30000);
}

TEST(config_file, unknown_names_come_with_the_nearest_known)
{
    EXPECT_STR(refusal("[server]\n\nprot = 1\n"), "h.toml:3: unknown key server.prot; did you mean port?");
    EXPECT_STR(refusal("[sever]\nport = 1\n"), "h.toml:2: unknown section [sever]; did you mean [server]?");
    EXPECT_STR(refusal("[postgresql]\nwork_men = 1\n"),
               "h.toml:2: unknown key postgresql.work_men; did you mean work_mem?");
    EXPECT_STR(refusal("[storage]\nport = 1\n"),
               "h.toml:2: unknown key storage.port; there is port in section [server]");
    EXPECT_STR(refusal("[log]\nzzzzzzzzzzzz = 1\n"), "h.toml:2: unknown key log.zzzzzzzzzzzz");
    EXPECT_STR(refusal("[server]\n[servers]\n"), "h.toml:2: unknown section [servers]; did you mean [server]?");
    EXPECT_STR(refusal("port = 1\n"), "h.toml:1: key port stands outside of any section");
}

TEST(config_file, wrong_values_come_with_what_was_expected)
{
    EXPECT_STR(refusal("[server]\nport = \"abc\"\n"),
               "h.toml:2: server.port = \"abc\": expected an integer between 1 and 65535");
    EXPECT_STR(refusal("[server]\nport = 70000\n"),
               "h.toml:2: server.port = 70000: expected an integer between 1 and 65535");
    EXPECT_STR(refusal("[server]\ntls_enabled = 1\n"),
               "h.toml:2: server.tls_enabled = 1: expected true or false");
    EXPECT_STR(refusal("[log]\nlevel = \"loud\"\n"),
               "h.toml:2: log.level = \"loud\": expected one of debug, info, warning, error");
    EXPECT_STR(refusal("[storage]\nwal_sync_mode = \"never\"\n"),
               "h.toml:2: storage.wal_sync_mode = \"never\": expected one of sync, group_commit, async");
    EXPECT_STR(refusal("[storage]\ncache_size = \"much\"\n"),
               "h.toml:2: storage.cache_size = \"much\": expected a size like \"64MB\" of at least 128kB and "
               "less than 8TB");
    EXPECT_STR(refusal("[server]\nport = [1, 2]\n"), "h.toml:2: server.port: expected one value, not a list");
    EXPECT_STR(refusal("[server]\nport = []\n"),
               "h.toml:2: server.port = []: expected an integer between 1 and 65535");
    EXPECT_STR(refusal("[server]\nport = {}\n"),
               "h.toml:2: server.port = {}: expected an integer between 1 and 65535");
    EXPECT_STR(refusal("[server]\nlisten_addr = 1\n"), "h.toml:2: server.listen_addr = 1: expected a text");
}

TEST(config_file, what_is_not_there_yet_is_refused_unless_off)
{
    EXPECT_OK(read_text("[audit]\nenabled = false\n[encryption]\nenabled = false\n[server]\nhttp_port = 0\n"));
    EXPECT_STR(refusal("[audit]\nenabled = true\n"),
               "h.toml:2: audit.enabled = true: setting \"audit.enabled\" to \"true\" is not supported yet");
    EXPECT_STR(refusal("[vector]\nx = 1\n"),
               "h.toml:2: vector.x: section [vector] is reserved for features that do not exist yet");
    EXPECT_STR(refusal("[vector]\n"),
               "h.toml:1: vector: section [vector] is reserved for features that do not exist yet");
}

static const char *
key_source_of(const char *text)
{
    static SettingSet mine;

    settings_init_defaults(&mine);
    EXPECT_OK(config_text_apply(test_ctx(), &mine, "h.toml", text, strlen(text)));
    return settings_text(&mine, SETTING_ENCRYPTION_KEY_SOURCE);
}

TEST(config_file, the_source_of_a_key_is_a_table_with_one_entry)
{
    EXPECT_STR(key_source_of("[encryption]\nkey_source = { Environment = \"K\" }\n"), "Environment:K");
    EXPECT_STR(key_source_of("[encryption]\nkey_source = { file = \"/k:1\" }\n"), "File:/k:1");
    EXPECT_STR(key_source_of("[encryption.key_source]\nCommand = \"pass db\"\n"), "Command:pass db");
    EXPECT_STR(key_source_of("[encryption]\nkey_source.Credential = \"k\"\n"), "Credential:k");
    EXPECT_STR(refusal("[encryption]\nkey_source = { Vault = \"k\" }\n"),
               "h.toml:2: encryption.key_source.Vault = \"k\": expected { Environment = \"NAME\" }, { File = "
               "\"...\" }, "
               "{ Command = \"...\" } or { Credential = \"NAME\" }");
    EXPECT_STR(
        refusal("[encryption]\nkey_source = \"k\"\n"),
        "h.toml:2: encryption.key_source = \"k\": expected { Environment = \"NAME\" }, { File = \"...\" }, "
        "{ Command = \"...\" } or { Credential = \"NAME\" }");
    EXPECT_STR(
        refusal("[encryption]\nkey_source = { File = \"\" }\n"),
        "h.toml:2: encryption.key_source.File = \"\": expected { Environment = \"NAME\" }, { File = \"...\" }, "
        "{ Command = \"...\" } or { Credential = \"NAME\" }");
    EXPECT_STR(
        refusal("[encryption]\nkey_source = { File = \"a\", Command = \"b\" }\n"),
        "h.toml:2: encryption.key_source.File and encryption.key_source.Command (line 2) set the same thing to "
        "different values");
}

TEST(config_file, keys_for_one_thing_must_agree)
{
    EXPECT_OK(read_text("[storage]\nquery_timeout_ms = 30000\n[performance]\nquery_timeout_secs = 30\n"));
    EXPECT_STR(
        refusal("[storage]\nquery_timeout_ms = 1\n[performance]\nquery_timeout_secs = 1\n"),
        "h.toml:4: performance.query_timeout_secs and storage.query_timeout_ms (line 2) set the same thing "
        "to different values");
}

TEST(config_file, what_is_not_toml_is_located)
{
    const char *message = refusal("[server]\nport = = 1\n");

    EXPECT(strncmp(message, "h.toml:2: ", 10) == 0);
    EXPECT(strlen(message) > 15);
    EXPECT(strncmp(refusal("[server]\nport = 1\nport = 2\n"), "h.toml:3: ", 10) == 0);
    refusal("\xff\xfe");
}

TEST(config_file, facts_can_not_be_set)
{
    EXPECT_STR(refusal("[postgresql]\nblock_size = 4096\n"), "h.toml:2: postgresql.block_size can not be set");
}

TEST(config_file, a_file_that_can_not_be_read_is_named)
{
    settings_init_defaults(&set);
    EXPECT_FAIL(config_file_apply(test_ctx(), &set, "/nonexistent/x.toml"), "F0000");
    EXPECT_STR(test_ctx()->error.message,
               "could not read configuration file \"/nonexistent/x.toml\": No such file or directory");
}

TEST(nearest, typing_mistakes_are_recognized)
{
    Nearest n = nearest_begin("prot");

    nearest_offer(&n, "path");
    nearest_offer(&n, "port");
    EXPECT_STR(n.best, "port");
    n = nearest_begin("xyz");
    nearest_offer(&n, "port");
    EXPECT(n.best == NULL);
}
