/* cmd_rekey.c - heliosdb-nano rekey: another key for an encrypted data directory.
 *
 * The data key stays; it is encrypted anew, for the new key. So only DIR/format is written, in one piece: whatever happens, it
 * is for the old key or for the new one. */
#include <stdio.h>

#include "bin/commands.h"
#include "bin/data_dir.h"
#include "bin/key_source.h"
#include "bin/options.h"

/* clang-format off */
const Flag rekey_flags[] = {
    {{"new-config"}, 0, OPT_NEW_CONFIG, "FILE", "configuration file whose encryption.key_source says where the new key is"},
    CONFIG_FLAG,
    {{NULL}, 0, 0, NULL, NULL},
};
/* clang-format on */

static Status
read_new_key(Ctx *cx, const char *file, SealKey *out)
{
    SettingSet *settings = arena_new(cx->arena, SettingSet);
    bool usage_error = false;
    const char *found;
    Status rc = options_load_settings(cx, NULL, file, settings, &found, &usage_error);

    if (rc == ST_OK)
        rc = key_source_read(cx, settings, out);
    settings_free(settings);
    return rc;
}

/* Below the lock. */
static Status
rekey(Ctx *cx, const FlagSet *flags, const char *path)
{
    DirFormat format;
    SealKey *data_key, new_key;
    Status rc;

    TRY(dir_format_read(cx, path, &format));
    if (format.number != DIR_FORMAT_ENCRYPTED)
        return fail(cx, ST_ERROR, "F0000", "data directory \"%s\" is not encrypted", path);
    TRY(key_source_for_command(cx, path, flags, &data_key));
    rc = read_new_key(cx, flags_value(flags, OPT_NEW_CONFIG), &new_key);
    if (rc == ST_OK)
        rc = dir_format_wrap(cx, &new_key, data_key, &format);
    if (rc == ST_OK)
        rc = dir_format_write(cx, path, &format);
    seal_wipe(&new_key, sizeof(new_key));
    seal_key_forget(data_key);
    return rc;
}

int
command_rekey(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    DataDir dir;
    Status rc;
    int status;

    if (!command_read_flags(cx, command, 1, argv, argc, &flags, &status))
        return status;
    if (flags.word_count == 0)
        return command_misused(cx, command, "which data directory?");
    if (flags_value(&flags, OPT_NEW_CONFIG) == NULL)
        return command_misused(cx, command,
                               "where is the new key? Name a configuration file with --new-config");
    if (data_dir_open(cx, flags.words[0], &dir) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    rc = rekey(cx, &flags, flags.words[0]);
    data_dir_unlock(&dir);
    if (rc != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    printf("From now on \"%s\" is opened with the new key.\n", flags.words[0]);
    return EXIT_DONE;
}
