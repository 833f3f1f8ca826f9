/* main.c - heliosdb-nano: one program, many commands. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>

#include "backend/config/nearest.h"
#include "base/env.h"
#include "base/stop_point.h"
#include "bin/commands.h"
#include "bin/options.h"
#include "config.h"

#define PROGRAM "heliosdb-nano"

/* clang-format off */
static const Command commands[] = {
    {"start", "--memory | --data-dir DIR [flags]", "run a server in the foreground, or with --daemon in the background", start_flags, command_start},
    {"stop", "[flags]", "end a server and wait until it is gone", stop_flags, command_stop},
    {"status", "[flags]", "say whether a server runs: exit status 0, or 3 when none does", status_flags, command_status},
    {"reload", "[flags]", "make a server read its configuration again", reload_flags, command_reload},
    {"config", "validate [FILE] | show [flags]", "check a configuration file; show every value and where it comes from", config_flags, command_config},
    {"init", "[DIR] [flags]", "make a data directory (./heliosdb-data)", config_flags, command_init},
    {"rekey", "DIR --new-config FILE [flags]", "change the key of an encrypted data directory", rekey_flags, command_rekey},
    {"check", "DIR [flags]", "verify a data directory: every page, index and log record", check_flags, command_check},
    {"wal-inspect", "DIR [flags]", "print the records of a data directory's log", wal_inspect_flags, command_wal_inspect},
    {"page-inspect", "DIR BRANCH/RELATION/FORK/BLOCK [flags]", "print a page of a data directory", page_inspect_flags, command_page_inspect},
    {"repl", "", NULL, no_flags, NULL},
    {"dump", "", NULL, no_flags, NULL},
    {"restore", "", NULL, no_flags, NULL},
    {"backup", "", NULL, no_flags, NULL},
    {"import", "", NULL, no_flags, NULL},
    {"export", "", NULL, no_flags, NULL},
    {"user", "", NULL, no_flags, NULL},
    {"promote", "", NULL, no_flags, NULL},
};
/* clang-format on */

const Flag no_flags[] = {{{NULL}, 0, 0, NULL, NULL}};

int
command_complain(Ctx *cx, const Command *command, int status)
{
    ASSERT(cx->error.message != NULL);
    fprintf(stderr, PROGRAM " %s: %s", command->name, cx->error.message);
    if (cx->error.hint != NULL)
        fprintf(stderr, ". %s", cx->error.hint);
    fputc('\n', stderr);
    return status;
}

int
command_misused(Ctx *cx, const Command *command, const char *what)
{
    fail(cx, ST_ERROR, "42601", "%s", what);
    return command_complain(cx, command, EXIT_USAGE);
}

bool
command_read_flags(Ctx *cx, const Command *command, int words_most, char **argv, int argc, FlagSet *out,
                   int *status)
{
    if (flags_parse(cx, command->flags, words_most, argv, argc, out) != ST_OK) {
        *status = command_complain(cx, command, EXIT_USAGE);
        return false;
    }
    if (flags_value(out, FLAG_HELP) != NULL) {
        const char *doc = command->doc != NULL ? command->doc : "not supported yet";

        printf("usage: " PROGRAM " %s %s\n\n%c%s.\n\n", command->name, command->usage, toupper(doc[0]),
               doc + 1);
        flags_print(command->flags);
        *status = EXIT_DONE;
        return false;
    }
    return true;
}

static void
print_help(void)
{
    printf("HeliosDB Nano " PACKAGE_VERSION ", a PostgreSQL-compatible database server\n\n"
           "usage: " PROGRAM " COMMAND [flags]\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (commands[i].doc != NULL)
            printf("  %-14s%s\n", commands[i].name, commands[i].doc);
    }
    printf("\n  --help      show this help; " PROGRAM " COMMAND --help shows that command's flags\n"
           "  --version   show the version\n");
}

static int
unknown_command(const char *name)
{
    Nearest near = nearest_begin(name);

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (commands[i].doc != NULL)
            nearest_offer(&near, commands[i].name);
    }
    if (near.best != NULL)
        fprintf(stderr, PROGRAM ": unknown command \"%s\"; did you mean %s?\n", name, near.best);
    else
        fprintf(stderr, PROGRAM ": unknown command \"%s\"; see " PROGRAM " --help\n", name);
    return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    Arena arena, errors;
    Ctx cx = {.arena = &arena, .error_arena = &errors, .env = env_system()};
    const char *name = argc > 1 ? argv[1] : NULL;
    int status;

    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    arena_init(&arena, "command", NULL);
    arena_init(&errors, "errors", NULL);
    if (name == NULL) {
        fprintf(stderr, PROGRAM ": which command? See " PROGRAM " --help\n");
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf(PROGRAM " " PACKAGE_VERSION "\n");
        return EXIT_DONE;
    }
    if (!stop_board_from_env()) { /* tests */
        fprintf(stderr, PROGRAM ": could not open the file that HELIOS_STOP_BOARD names\n");
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (commands[i].run == NULL) {
            fprintf(stderr, PROGRAM " %s: not supported yet\n", name);
            return EXIT_FAILED;
        }
        status = commands[i].run(&cx, &commands[i], argv + 2, argc - 2);
        arena_free(&arena);
        arena_free(&errors);
        return status;
    }
    return unknown_command(name);
}
