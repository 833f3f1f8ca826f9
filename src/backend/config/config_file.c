/* config_file.c - from TOML leaves to settings.
 *
 * A leaf is looked up by section and key; [postgresql] takes every PostgreSQL name. An array of
 * strings (listen_addr) becomes one text with commas. An inline table (key_source) becomes a text
 * too, because nothing else has that form. All mistakes are reported in one way: file, line, key, what
 * was found, what was expected. */
#include "backend/config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "backend/config/config_int.h"
#include "backend/config/nearest.h"
#include "backend/config/toml_shim.h"
#include "base/env.h"

enum { FILE_MOST_BYTES = 1 << 20 };

static const char *const reserved_sections[] = {"dump", "api", "vector", "materialized_views", "replication"};

typedef struct Given {
    unsigned line; /* 0 = not given */
    const char *key; /* "section.key" */
    SettingValue value;
} Given;

typedef struct Reader {
    Ctx *cx;
    SettingSet *set;
    const char *path;
    Status rc; /* of the first mistake: later leaves are skipped */
    Given given[SETTING_COUNT];
    /* The array being put together. */
    const char *list_key;
    SettingNo list_setting;
    unsigned list_line;
    Buf list;
} Reader;

static Status
complain(Reader *r, unsigned line, const char *format, ...)
{
    char what[600];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (line > 0)
        return fail(r->cx, ST_ERROR, "F0000", "%s:%u: %s", r->path, line, what);
    return fail(r->cx, ST_ERROR, "F0000", "%s: %s", r->path, what);
}

/* ---- names ---------------------------------------------------------------------------------------- */

static bool
is_section(const char *name)
{
    int count;
    const SettingKey *keys = setting_keys(&count);

    for (int i = 0; i < count; i++) {
        if (strcmp(keys[i].section, name) == 0)
            return true;
    }
    return strcmp(name, "postgresql") == 0;
}

static bool
is_reserved(const char *section)
{
    for (size_t i = 0; i < COUNT_OF(reserved_sections); i++) {
        if (strcmp(reserved_sections[i], section) == 0)
            return true;
    }
    return false;
}

static Status
complain_unknown_section(Reader *r, unsigned line, const char *section)
{
    int count;
    const SettingKey *keys = setting_keys(&count);
    Nearest near = nearest_begin(section);

    for (int i = 0; i < count; i++)
        nearest_offer(&near, keys[i].section);
    nearest_offer(&near, "postgresql");
    return complain(r, line, "unknown section [%s]%s%s%s", section, near.best != NULL ? "; did you mean [" : "",
                    near.best != NULL ? near.best : "", near.best != NULL ? "]?" : "");
}

static Status
complain_unknown_key(Reader *r, unsigned line, const char *section, const char *key)
{
    int count;
    const SettingKey *keys = setting_keys(&count);
    Nearest near = nearest_begin(key);
    const char *elsewhere = NULL;

    for (int i = 0; i < count; i++) {
        if (strcmp(keys[i].section, section) == 0)
            nearest_offer(&near, keys[i].key);
        else if (strcmp(keys[i].key, key) == 0)
            elsewhere = keys[i].section;
    }
    for (int i = 0; i < SETTING_COUNT && strcmp(section, "postgresql") == 0; i++) {
        if (strchr(setting_infos[i].name, '.') == NULL)
            nearest_offer(&near, setting_infos[i].name);
    }
    if (near.best != NULL)
        return complain(r, line, "unknown key %s.%s; did you mean %s?", section, key, near.best);
    if (elsewhere != NULL)
        return complain(r, line, "unknown key %s.%s; there is %s in section [%s]", section, key, key,
                        elsewhere);
    return complain(r, line, "unknown key %s.%s", section, key);
}

/* An inline table: "key_source.Environment" belongs to the key before the dot. */
static bool
key_matches(const SettingKey *k, const char *section, const char *key)
{
    size_t bytes = strlen(k->key);

    return strcmp(k->section, section) == 0 && strncmp(k->key, key, bytes) == 0 &&
           (key[bytes] == '\0' || (key[bytes] == '.' && k->setting == SETTING_ENCRYPTION_KEY_SOURCE));
}

static bool
find_key(const char *section, const char *key, SettingNo *no, KeyForm *form)
{
    int count;
    const SettingKey *keys = setting_keys(&count);

    *form = KEY_PLAIN;
    if (strcmp(section, "postgresql") == 0)
        return strchr(key, '.') == NULL && setting_find(key, no);
    for (int i = 0; i < count; i++) {
        if (key_matches(&keys[i], section, key)) {
            *no = keys[i].setting;
            *form = keys[i].form;
            return true;
        }
    }
    return false;
}

const char *
config_key_name(Arena *a, SettingNo no)
{
    int count;
    const SettingKey *keys = setting_keys(&count);

    for (int i = 0; i < count; i++) {
        if (keys[i].setting == no)
            return arena_printf(a, "%s.%s", keys[i].section, keys[i].key);
    }
    return arena_printf(a, "postgresql.%s", setting_infos[no].name);
}

/* ---- values --------------------------------------------------------------------------------------- */

/* An inline table with one entry: its key is part of the value. */
static const char key_source_name[] = "encryption.key_source.";

/* The words of wal_sync_mode, as synchronous_commit has them. */
static const char *
sync_word(const char *text)
{
    if (strcasecmp(text, "sync") == 0 || strcasecmp(text, "group_commit") == 0 ||
        strcasecmp(text, "groupcommit") == 0)
        return "on";
    return strcasecmp(text, "async") == 0 ? "off" : NULL;
}

static SettingUnit
bare_unit(const SettingInfo *info, KeyForm form)
{
    switch (form) {
    case KEY_BYTES: return UNIT_BYTES;
    case KEY_MSECS: return UNIT_MSECS;
    case KEY_SECS: return UNIT_SECS;
    default: return info->unit;
    }
}

/* A number where a word is wanted, a text where a truth value is wanted, and so on. */
static bool
kind_fits(const SettingInfo *info, enum TomlKind kind)
{
    switch (info->kind) {
    case KIND_BOOL: return kind == TOML_BOOL;
    case KIND_INT: return kind == TOML_INTEGER || (kind == TOML_STRING && info->unit != UNIT_NONE);
    case KIND_REAL: return kind == TOML_INTEGER || kind == TOML_FLOAT;
    case KIND_ENUM: return kind == TOML_STRING || kind == TOML_BOOL;
    case KIND_TEXT: return kind == TOML_STRING;
    }
    return false;
}

static bool
same_value(const SettingInfo *info, SettingValue a, SettingValue b)
{
    return info->kind == KIND_TEXT ? strcmp(a.text, b.text) == 0
                                   : memcmp(&a.number, &b.number, sizeof(a.number)) == 0;
}

static Status
apply(Reader *r, const char *key, SettingNo no, KeyForm form, enum TomlKind kind, const char *text,
      unsigned line)
{
    const SettingInfo *info = &setting_infos[no];
    Given *given = &r->given[no];
    const char *quote = kind == TOML_STRING ? "\"" : "", *value = text;
    Buf expected = {0};
    Status rc;

    if (info->context == CONTEXT_INTERNAL)
        return complain(r, line, "%s can not be set", key);
    if (form == KEY_SYNC)
        value = sync_word(text);
    if (no == SETTING_ENCRYPTION_KEY_SOURCE && strncmp(key, key_source_name, sizeof(key_source_name) - 1) == 0)
        value = arena_printf(r->cx->arena, "%s:%s", key + sizeof(key_source_name) - 1, text);
    /* [postgresql] copies postgresql.conf, where everything may be written as a text. */
    if (kind == TOML_STRING && strncmp(key, "postgresql.", 11) == 0 && info->kind != KIND_TEXT)
        kind = info->kind == KIND_BOOL ? TOML_BOOL : info->kind == KIND_ENUM ? TOML_STRING : TOML_INTEGER;
    if (value == NULL || !kind_fits(info, kind)) {
        rc = ST_ERROR;
    } else {
        rc = settings_set_server(r->cx, r->set, no, bare_unit(info, form), value, SOURCE_FILE, line);
        if (rc != ST_OK && strcmp(r->cx->error.sqlstate, "22023") != 0)
            return complain(r, line, "%s = %s%s%s: %s", key, quote, text, quote,
                            arena_strdup(r->cx->arena, r->cx->error.message));
    }
    if (rc != ST_OK) {
        if (form == KEY_SYNC)
            buf_add_text(&expected, "one of sync, group_commit, async");
        else if (info->kind == KIND_TEXT && kind_fits(info, kind) && r->cx->error.detail != NULL)
            return complain(r, line, "%s = \"%s\": %s", key, text,
                            arena_strdup(r->cx->arena, r->cx->error.detail));
        else
            setting_expectation(info, &expected);
        rc = complain(r, line, "%s = %s%s%s: expected %s", key, quote, text, quote, buf_cstr(&expected));
        buf_free(&expected);
        return rc;
    }
    if (given->line != 0 && r->set->sources[no] == SOURCE_FILE &&
        !same_value(info, given->value, r->set->values[no]))
        return complain(r, line, "%s and %s (line %u) set the same thing to different values", key, given->key,
                        given->line);
    *given = (Given){.line = line, .key = key, .value = r->set->values[no]};
    if (info->kind == KIND_TEXT)
        given->value = (SettingValue){.text = arena_strdup(r->cx->arena, r->set->values[no].text)};
    return ST_OK;
}

static Status
finish_list(Reader *r)
{
    Status rc = ST_OK;

    if (r->list_key != NULL)
        rc = apply(r, r->list_key, r->list_setting, KEY_PLAIN, TOML_STRING, buf_cstr(&r->list), r->list_line);
    r->list_key = NULL;
    buf_clear(&r->list);
    return rc;
}

static Status
take_leaf(Reader *r, const char *section, const char *key, enum TomlKind kind, const char *text, int element,
          unsigned line)
{
    SettingNo no;
    KeyForm form;
    const char *full;

    if (section[0] == '\0')
        return is_section(key) ? complain(r, line, "%s is a section: write [%s]", key, key)
                               : complain(r, line, "key %s stands outside of any section", key);
    if (is_reserved(section))
        return complain(r, line, "%s%s%s: section [%s] is reserved for features that do not exist yet", section,
                        key[0] != '\0' ? "." : "", key, section);
    if (!is_section(section))
        return complain_unknown_section(r, line, section);
    if (kind == TOML_EMPTY_SECTION)
        return ST_OK;
    if (!find_key(section, key, &no, &form))
        return complain_unknown_key(r, line, section, key);
    full = arena_printf(r->cx->arena, "%s.%s", section, key);
    if (element == 0) {
        TRY(finish_list(r));
        if (no == SETTING_LISTEN_ADDRESSES && kind == TOML_EMPTY_LIST)
            return apply(r, full, no, form, TOML_STRING, "", line);
        if (no != SETTING_LISTEN_ADDRESSES || kind != TOML_STRING)
            return apply(r, full, no, form, kind, text, line);
        r->list_key = full; /* more elements may follow */
        r->list_setting = no;
        r->list_line = line;
        buf_add_text(&r->list, text);
        return ST_OK;
    }
    if (r->list_key == NULL || kind != TOML_STRING)
        return complain(r, line, "%s: expected one value, not a list", full);
    buf_printf(&r->list, ",%s", text);
    return ST_OK;
}

static void
on_leaf(void *arg, const char *section, const char *key, enum TomlKind kind, const char *text, int element,
        unsigned line)
{
    Reader *r = arg;

    if (r->rc == ST_OK)
        r->rc = take_leaf(r, section, key, kind, text, element, line);
}

Status
config_text_apply(Ctx *cx, SettingSet *set, const char *path, const char *text, size_t bytes)
{
    Reader *r = arena_new(cx->arena, Reader);
    char message[256] = "";
    unsigned line = 0;
    int parsed;

    r->cx = cx;
    r->set = set;
    r->path = path;
    set->file = path;
    parsed = toml_shim_parse(text, bytes, on_leaf, r, message, sizeof(message), &line);
    if (parsed < 0)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    if (parsed == 0)
        return complain(r, line, "%s", message);
    if (r->rc == ST_OK)
        r->rc = finish_list(r);
    buf_free(&r->list);
    return r->rc;
}

static Status
fail_read(Ctx *cx, const char *path)
{
    return fail(cx, ST_IO, "F0000", "could not read configuration file \"%s\": %s", path, strerror(errno));
}

Status
config_file_apply(Ctx *cx, SettingSet *set, const char *path)
{
    Buf text = {0};
    Status rc = ST_OK;
    int fd = cx->env->open(cx->env, path, O_RDONLY, 0);

    if (fd < 0)
        return fail_read(cx, path);
    for (;;) {
        char *to = buf_extend(&text, 16384);
        ssize_t n = to != NULL ? cx->env->read(cx->env, fd, to, 16384) : -1;

        text.bytes -= 16384 - (size_t)(n > 0 ? n : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = fail_read(cx, path);
            goto out;
        }
        if (n == 0)
            break;
        if (text.bytes > FILE_MOST_BYTES) {
            rc = fail(cx, ST_ERROR, "F0000", "configuration file \"%s\" is larger than 1 MB", path);
            goto out;
        }
    }
    rc = config_text_apply(cx, set, path, text.data, text.bytes);
out:
    cx->env->close(cx->env, fd);
    buf_free(&text);
    return rc;
}
