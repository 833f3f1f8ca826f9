/* src/bin/commands.h - the commands of the program. Each gets the arguments behind its name and returns the
 * exit status. */
#ifndef BIN_COMMANDS_H
#define BIN_COMMANDS_H
#include "base/ctx.h"
#include "bin/flags.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_RUNNING = 3 };

typedef struct Command {
    const char *name;
    const char *usage; /* what follows the name, for --help */
    const char *doc; /* one line; NULL = not listed: not there yet */
    const Flag *flags;
    int (*run)(Ctx *cx, const struct Command *command, char **argv, int argc); /* NULL = not there yet */
} Command;

int command_start(Ctx *cx, const Command *command, char **argv, int argc);
int command_stop(Ctx *cx, const Command *command, char **argv, int argc);
int command_status(Ctx *cx, const Command *command, char **argv, int argc);
int command_reload(Ctx *cx, const Command *command, char **argv, int argc);
int command_config(Ctx *cx, const Command *command, char **argv, int argc);
int command_check(Ctx *cx, const Command *command, char **argv, int argc);
int command_wal_inspect(Ctx *cx, const Command *command, char **argv, int argc);
int command_page_inspect(Ctx *cx, const Command *command, char **argv, int argc);
int command_rekey(Ctx *cx, const Command *command, char **argv, int argc);
int command_init(Ctx *cx, const Command *command, char **argv, int argc);

extern const Flag check_flags[], wal_inspect_flags[], page_inspect_flags[], rekey_flags[];
extern const Flag stop_flags[], status_flags[], reload_flags[], no_flags[];

/* One line on standard error: "heliosdb-nano start: MESSAGE. HINT". Returns `status`. */
int command_complain(Ctx *cx, const Command *command, int status);
/* The same for words and flags that make no command; returns EXIT_USAGE. */
int command_misused(Ctx *cx, const Command *command, const char *what);
/* Reads the flags. True = go on; else *status is how to exit (help was printed, or usage was wrong). */
MUST_CHECK bool command_read_flags(Ctx *cx, const Command *command, int words_most, char **argv, int argc,
                                   FlagSet *out, int *status);

#endif
