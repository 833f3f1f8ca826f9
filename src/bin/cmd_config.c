/* cmd_config.c - heliosdb-nano config validate|show. */
#include <stdio.h>

#include "backend/config/config_file.h"
#include "bin/commands.h"
#include "bin/options.h"
#include "bin/server.h"

static bool
is_secret(const char *key)
{
    return strcmp(key, "encryption.key_source") == 0;
}

/* As a TOML string. */
static void
print_quoted(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            printf("\\u%04x", *p);
        else
            putchar(*p);
    }
    putchar('"');
}

/* wal_sync_mode has words of its own, and not for every value. */
static const char *
sync_word(const char *synchronous_commit)
{
    return strcmp(synchronous_commit, "on") == 0    ? "sync"
           : strcmp(synchronous_commit, "off") == 0 ? "async"
                                                    : NULL;
}

static void
print_value(Ctx *cx, const SettingSet *set, SettingNo no)
{
    const SettingInfo *info = &setting_infos[no];
    const char *key = config_key_name(cx->arena, no), *text;
    bool quote = info->kind == KIND_TEXT || info->kind == KIND_ENUM ||
                 (info->kind == KIND_INT && info->unit != UNIT_NONE);
    Buf shown = {0};

    settings_show(set, no, false, &shown);
    text = buf_cstr(&shown);
    if (no == SETTING_SYNCHRONOUS_COMMIT) {
        if (sync_word(text) != NULL)
            text = sync_word(text);
        else
            key = "postgresql.synchronous_commit";
    }
    printf("%s = ", key);
    if (info->kind == KIND_BOOL)
        printf("%s", settings_bool(set, no) ? "true" : "false");
    else if (is_secret(key) && shown.bytes > 0)
        printf("\"...\"");
    else if (quote)
        print_quoted(text);
    else
        printf("%s", text);
    printf("  # %s", settings_source_name(settings_source(set, no)));
    if (settings_source(set, no) == SOURCE_FILE)
        printf(", %s:%u", set->file, set->lines[no]);
    printf("\n");
    buf_free(&shown);
}

static bool
differs_from_server(const SettingInfo *info)
{
    /* Facts, and what only a session can have. */
    return info->context == CONTEXT_INTERNAL || (info->flags & (SETTING_IS_HIDDEN | SETTING_IS_NO_RESET)) != 0;
}

static int
show(Ctx *cx, const Command *command, const FlagSet *flags)
{
    SettingSet *set = arena_new(cx->arena, SettingSet);
    const char *file;
    bool usage_error = false;

    if (options_load_settings(cx, NULL, flags_value(flags, OPT_CONFIG), set, &file, &usage_error) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!differs_from_server(&setting_infos[i]))
            print_value(cx, set, (SettingNo)i);
    }
    settings_free(set);
    return EXIT_DONE;
}

static int
validate(Ctx *cx, const Command *command, const FlagSet *flags)
{
    StartOptions *options = arena_new(cx->arena, StartOptions);
    const char *file = flags->word_count > 1 ? flags->words[1] : flags_value(flags, OPT_CONFIG);

    if (options_load_file(cx, flags, file, options) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    if (options->config_file == NULL) {
        fail(cx, ST_ERROR, "F0000", "there is no configuration file to check: name one");
        return command_complain(cx, command, EXIT_FAILED);
    }
    if (server_check(cx, options) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    printf("%s is valid\n", options->config_file);
    settings_free(&options->settings);
    return EXIT_DONE;
}

int
command_config(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    int status;

    if (!command_read_flags(cx, command, 2, argv, argc, &flags, &status))
        return status;
    if (flags.word_count == 1 && strcmp(flags.words[0], "show") == 0)
        return show(cx, command, &flags);
    if (flags.word_count >= 1 && strcmp(flags.words[0], "validate") == 0)
        return validate(cx, command, &flags);
    return command_misused(cx, command, "expected validate [FILE] or show");
}
