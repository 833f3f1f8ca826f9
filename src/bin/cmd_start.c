/* cmd_start.c - heliosdb-nano start. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/stop_point.h"
#include "bin/commands.h"
#include "bin/daemon.h"
#include "bin/data_dir.h"
#include "bin/key_source.h"
#include "bin/options.h"
#include "bin/server.h"

int
command_start(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    StartOptions *options = arena_new(cx->arena, StartOptions);
    int status = EXIT_FAILED, ready_fd = -1;

    if (!command_read_flags(cx, command, 0, argv, argc, &flags, &status))
        return status;
    if (!stop_board_from_env() || !fault_board_from_env()) { /* tests */
        (void)fail(cx, ST_ERROR, "58030", "HELIOS_STOP_BOARD or HELIOS_STORE_FAULT names no board");
        return command_complain(cx, command, EXIT_FAILED);
    }
    if (options_load(cx, &flags, options) != ST_OK)
        return command_complain(cx, command, options->usage_error ? EXIT_USAGE : EXIT_FAILED);
    signal(SIGPIPE, SIG_IGN); /* whoever waited for a daemon to be ready may be gone */
    if (options->daemon)
        options_warn(options); /* its log is a file */
    if (options->daemon && daemon_fork(cx, options->log_file, &ready_fd) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    if (server_run(cx, options, ready_fd, &status) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    return status;
}

static Status
init(Ctx *cx, const FlagSet *flags, const char *path, bool *made, bool *encrypted)
{
    SettingSet *settings = arena_new(cx->arena, SettingSet);
    bool usage_error = false;
    const char *file;
    SealKey *data_key;
    DirFormat format;
    Status rc = options_load_settings(cx, NULL, flags_value(flags, OPT_CONFIG), settings, &file, &usage_error);

    if (rc == ST_OK)
        rc = key_source_open(cx, path, settings, &format, &data_key);
    settings_free(settings);
    TRY(rc);
    seal_key_forget(data_key);
    *encrypted = format.number == DIR_FORMAT_ENCRYPTED;
    return data_dir_make(cx, path, &format, made);
}

int
command_init(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    const char *path, *config;
    bool made, encrypted;
    int status;

    if (!command_read_flags(cx, command, 1, argv, argc, &flags, &status))
        return status;
    path = flags.word_count > 0 ? flags.words[0] : "./heliosdb-data";
    config = flags_value(&flags, OPT_CONFIG);
    if (init(cx, &flags, path, &made, &encrypted) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    printf(made ? "Made %sdata directory \"%s\".\n" : "\"%s%s\" is a data directory already.\n",
           made && encrypted ? "encrypted " : "", path);
    if (made && encrypted)
        printf("Whoever loses its key loses the data: keep a copy of the key elsewhere.\n");
    printf("Start the server with:\n  heliosdb-nano start --data-dir %s%s%s\n", path,
           config != NULL ? " --config " : "", config != NULL ? config : "");
    return 0;
}
