/* setting_table.c - settings.def as tables, and the words of the enumerations. */
#include "backend/config/setting.h"

#include <float.h>
#include <strings.h>

#include "backend/config/config_int.h"
#include "config.h"

#ifdef HELIOS_DEBUG
#define HELIOS_DEBUG_DEFAULT true
#else
#define HELIOS_DEBUG_DEFAULT false
#endif

#define WORDS(name) static const SettingWord name[]
#define END_WORDS                                                                                              \
    {                                                                                                          \
        NULL, 0, true                                                                                          \
    }
/* Enumerations that also take every word for true and false. */
#define HIDDEN_SWITCH(on_value, off_value)                                                                     \
    {"true", on_value, true}, {"yes", on_value, true}, {"1", on_value, true}, {"false", off_value, true},      \
        {"no", off_value, true},                                                                               \
    {                                                                                                          \
        "0", off_value, true                                                                                   \
    }

WORDS(words_compression) = {{"lz4", 0, 0}, {"zstd", 1, 0}, {"none", 2, 0}, END_WORDS};
WORDS(words_auth_method) = {{"trust", 0, 0},         {"password", 1, 0}, {"md5", 2, 0},
                            {"scram-sha-256", 3, 0}, {"scram", 3, 1},    END_WORDS};
WORDS(words_encryption) = {{"Aes256Gcm", 0, 0}, END_WORDS};
WORDS(words_log_level) = {{"debug", 0, 0}, {"info", 1, 0},  {"warning", 2, 0},
                          {"warn", 2, 1},  {"error", 3, 0}, END_WORDS};
WORDS(words_log_format) = {{"text", 0, 0}, {"json", 1, 0}, END_WORDS};
WORDS(words_log_statement) = {{"none", 0, 0}, {"ddl", 1, 0}, {"mod", 2, 0}, {"all", 3, 0}, END_WORDS};
WORDS(words_client_min_messages) = {{"debug5", 0, 0},  {"debug4", 1, 0}, {"debug3", 2, 0}, {"debug2", 3, 0},
                                    {"debug1", 4, 0},  {"log", 5, 0},    {"notice", 6, 0}, {"info", 6, 1},
                                    {"warning", 7, 0}, {"error", 8, 0},  {"debug", 3, 1},  END_WORDS};
WORDS(words_log_min_messages) = {{"debug5", 0, 0}, {"debug4", 1, 0}, {"debug3", 2, 0}, {"debug2", 3, 0},
                                 {"debug1", 4, 0}, {"info", 5, 0},   {"notice", 6, 0}, {"warning", 7, 0},
                                 {"error", 8, 0},  {"log", 9, 0},    {"fatal", 10, 0}, {"panic", 11, 0},
                                 {"debug", 3, 1},  END_WORDS};
WORDS(words_intervalstyle) = {
    {"postgres", 0, 0}, {"postgres_verbose", 1, 0}, {"sql_standard", 2, 0}, {"iso_8601", 3, 0}, END_WORDS};
WORDS(words_bytea_output) = {{"escape", 0, 0}, {"hex", 1, 0}, END_WORDS};
WORDS(words_isolation) = {{"serializable", 0, 0},
                          {"repeatable read", 1, 0},
                          {"read committed", 2, 0},
                          {"read uncommitted", 3, 0},
                          END_WORDS};
WORDS(words_synchronous_commit) = {{"local", 2, 0}, {"remote_write", 3, 0}, {"remote_apply", 4, 0},
                                   {"on", 1, 0},    {"off", 0, 0},          HIDDEN_SWITCH(1, 0),
                                   END_WORDS};
WORDS(words_wal_sync_method) = {{"fdatasync", 0, 0}, END_WORDS};
WORDS(words_password_encryption) = {{"md5", 0, 0}, {"scram-sha-256", 1, 0}, END_WORDS};
WORDS(words_toast_compression) = {{"pglz", 0, 0}, {"lz4", 1, 0}, END_WORDS};
WORDS(words_replication_role) = {{"origin", 0, 0}, {"replica", 1, 0}, {"local", 2, 0}, END_WORDS};
WORDS(words_backslash_quote) = {
    {"safe_encoding", 0, 0}, {"on", 1, 0}, {"off", 2, 0}, HIDDEN_SWITCH(1, 2), END_WORDS};
WORDS(words_xmloption) = {{"content", 0, 0}, {"document", 1, 0}, END_WORDS};
WORDS(words_xmlbinary) = {{"base64", 0, 0}, {"hex", 1, 0}, END_WORDS};
WORDS(words_plan_cache_mode) = {{"auto", 0, 0},
                                {"force_generic_plan", 1, 0},
                                {"force_custom_plan", 2, 0},
                                END_WORDS};
WORDS(words_constraint_exclusion) = {
    {"partition", 0, 0}, {"on", 1, 0}, {"off", 2, 0}, HIDDEN_SWITCH(1, 2), END_WORDS};
WORDS(words_force_parallel) = {{"off", 0, 0}, {"on", 1, 0}, {"regress", 2, 0}, HIDDEN_SWITCH(1, 0), END_WORDS};

#define ROW(symbol, setting_name, setting_kind, setting_context, setting_flags, setting_doc)                   \
    .name = (setting_name), .name_bytes = sizeof(setting_name) - 1, .kind = (setting_kind),                    \
    .context = CONTEXT_##setting_context, .flags = (setting_flags), .doc = (setting_doc)
enum {
    PLAN = SETTING_IS_PLAN,
    REPORT = SETTING_IS_REPORT,
    LATER = SETTING_IS_LATER,
    NO_RESET = SETTING_IS_NO_RESET,
    LIST = SETTING_IS_LIST,
    HIDDEN = SETTING_IS_HIDDEN,
};

/* clang-format off */
const SettingInfo setting_infos[SETTING_COUNT] = {
#define SETTING_BOOL(symbol, name, initial_, context, flags, doc) \
    [SETTING_##symbol] = {ROW(symbol, name, KIND_BOOL, context, flags, doc), .initial = (initial_)},
#define SETTING_INT(symbol, name, unit_, min_, max_, initial_, context, flags, doc) \
    [SETTING_##symbol] = {ROW(symbol, name, KIND_INT, context, flags, doc), .unit = UNIT_##unit_, .min = (min_), .max = (max_), .initial = (initial_)},
#define SETTING_REAL(symbol, name, min_, max_, initial_, context, flags, doc) \
    [SETTING_##symbol] = {ROW(symbol, name, KIND_REAL, context, flags, doc), .real_min = (min_), .real_max = (max_), .real_initial = (initial_)},
#define SETTING_ENUM(symbol, name, words_, initial_, context, flags, doc) \
    [SETTING_##symbol] = {ROW(symbol, name, KIND_ENUM, context, flags, doc), .words = (words_), .initial = (initial_)},
#define SETTING_TEXT(symbol, name, check_, initial_, context, flags, doc) \
    [SETTING_##symbol] = {ROW(symbol, name, KIND_TEXT, context, flags, doc), .check = (check_), .text_initial = (initial_)},
#define KEY(...)
#include "backend/config/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_REAL
#undef SETTING_ENUM
#undef SETTING_TEXT
#undef KEY
};

static const SettingKey keys[] = {
#define SETTING_BOOL(...)
#define SETTING_INT(...)
#define SETTING_REAL(...)
#define SETTING_ENUM(...)
#define SETTING_TEXT(...)
#define KEY(section, key, symbol, form) {section, key, SETTING_##symbol, KEY_##form},
#include "backend/config/settings.def"
};
/* clang-format on */

const SettingKey *
setting_keys(int *count)
{
    *count = (int)COUNT_OF(keys);
    return keys;
}

bool
setting_find(const char *name, SettingNo *out)
{
    size_t bytes = strlen(name);

    for (int i = 0; i < SETTING_COUNT; i++) {
        const SettingInfo *s = &setting_infos[i];

        if (s->name_bytes == bytes && ((s->name[0] ^ name[0]) & ~0x20) == 0 && strcasecmp(s->name, name) == 0) {
            *out = (SettingNo)i;
            return true;
        }
    }
    return false;
}
