#include "backend/config/setting.h"

#include "harness.h"

static const SettingInfo *
info(const char *name)
{
    SettingNo no;

    EXPECT(setting_find(name, &no));
    return &setting_infos[no];
}

/* What SHOW shows after `text` was read. */
static const char *
shown(const char *name, const char *text)
{
    static Buf to;
    SettingNumber n;

    buf_clear(&to);
    EXPECT_OK(setting_parse(test_ctx(), info(name), info(name)->unit, text, &n));
    setting_format(info(name), n, false, &to);
    return buf_cstr(&to);
}

static const char *
message(const char *name, const char *text)
{
    SettingNumber n;

    EXPECT_FAIL(setting_parse(test_ctx(), info(name), info(name)->unit, text, &n), "22023");
    return test_ctx()->error.message;
}

TEST(setting, names_are_found_in_any_case)
{
    EXPECT_STR(info("datestyle")->name, "DateStyle");
    EXPECT_STR(info("STATEMENT_TIMEOUT")->name, "statement_timeout");
}

TEST(setting, every_row_is_sound)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *s = &setting_infos[i];
        SettingNo found;
        Buf to = {0};

        EXPECT(setting_find(s->name, &found));
        EXPECT_EQ(found, i);
        EXPECT(s->doc[strlen(s->doc) - 1] == '.');
        if (s->kind == KIND_INT)
            EXPECT(s->min <= s->initial && s->initial <= s->max);
        if (s->kind == KIND_ENUM)
            setting_format(s, (SettingNumber){.i = s->initial}, false, &to);
        setting_expectation(s, &to);
        EXPECT(to.bytes > 0);
        buf_free(&to);
    }
}

TEST(setting, sizes_are_shown_in_the_largest_whole_unit)
{
    EXPECT_STR(shown("work_mem", "65536"), "64MB");
    EXPECT_STR(shown("work_mem", "1.5GB"), "1536MB");
    EXPECT_STR(shown("work_mem", "64.4"), "64kB");
    EXPECT_STR(shown("work_mem", " 0x100 "), "256kB");
    EXPECT_STR(shown("effective_cache_size", "9kB"), "8kB");
    EXPECT_STR(shown("shared_buffers", "128MB"), "128MB");
    EXPECT_STR(shown("storage.max_memory", "8TB"), "8TB");
}

TEST(setting, times_are_shown_in_the_largest_whole_unit)
{
    EXPECT_STR(shown("statement_timeout", "90000"), "90s");
    EXPECT_STR(shown("statement_timeout", "1.5s"), "1500ms");
    EXPECT_STR(shown("statement_timeout", "60 s"), "1min");
    EXPECT_STR(shown("statement_timeout", "0"), "0");
    EXPECT_STR(shown("authentication_timeout", "1min"), "1min");
}

TEST(setting, bare_numbers_count_in_the_unit_of_the_key)
{
    SettingNumber n;

    EXPECT_OK(setting_parse(test_ctx(), info("shared_buffers"), UNIT_BYTES, "536870912", &n));
    EXPECT_EQ(n.i, 65536);
    EXPECT_OK(setting_parse(test_ctx(), info("statement_timeout"), UNIT_SECS, "30", &n));
    EXPECT_EQ(n.i, 30000);
}

TEST(setting, words_have_hidden_spellings)
{
    EXPECT_STR(shown("client_min_messages", "debug"), "debug2");
    EXPECT_STR(shown("synchronous_commit", "TRUE"), "on");
    EXPECT_STR(shown("default_transaction_isolation", "ReadCommitted"), "read committed");
    EXPECT_STR(shown("authentication.method", "scram"), "scram-sha-256");
}

TEST(setting, booleans_may_be_abbreviated_but_not_ambiguous)
{
    EXPECT_STR(shown("enable_sort", "of"), "off");
    EXPECT_STR(shown("enable_sort", "T"), "on");
    EXPECT_STR(message("enable_sort", "o"), "parameter \"enable_sort\" requires a Boolean value");
}

TEST(setting, refusals_have_the_texts_of_postgresql)
{
    EXPECT_STR(message("statement_timeout", "-1"),
               "-1 ms is outside the valid range for parameter \"statement_timeout\" (0 .. 2147483647)");
    EXPECT_STR(message("seq_page_cost", "-1"),
               "-1 is outside the valid range for parameter \"seq_page_cost\" (0 .. 1.79769e+308)");
    EXPECT_STR(message("work_mem", "1XB"), "invalid value for parameter \"work_mem\": \"1XB\"");
    EXPECT_STR(test_ctx()->error.hint,
               "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
    message("statement_timeout", "999999999999");
    EXPECT_STR(test_ctx()->error.hint, "Value exceeds integer range.");
    message("bytea_output", "5");
    EXPECT_STR(test_ctx()->error.hint, "Available values: escape, hex.");
    message("seq_page_cost", "inf");
    message("work_mem", "");
    message("port", "1kB");
}

TEST(setting, what_is_not_there_yet_takes_only_its_default_or_off)
{
    EXPECT_OK(setting_check_later(test_ctx(), info("jit"), (SettingNumber){.b = false}, "off"));
    EXPECT_FAIL(setting_check_later(test_ctx(), info("jit"), (SettingNumber){.b = true}, "on"), "0A000");
    EXPECT_OK(setting_check_later(test_ctx(), info("server.http_port"), (SettingNumber){.i = 0}, "0"));
    EXPECT_FAIL(setting_check_later(test_ctx(), info("server.http_port"), (SettingNumber){.i = 81}, "81"),
                "0A000");
}

TEST(setting, expectations_read_well)
{
    Buf to = {0};

    setting_expectation(info("port"), &to);
    EXPECT_STR(buf_cstr(&to), "an integer between 1 and 65535");
    buf_clear(&to);
    setting_expectation(info("storage.compression"), &to);
    EXPECT_STR(buf_cstr(&to), "one of lz4, zstd, none");
    buf_free(&to);
}
