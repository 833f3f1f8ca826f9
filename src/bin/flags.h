/* src/bin/flags.h - reading a command line by a table, which is also what --help prints. */
#ifndef BIN_FLAGS_H
#define BIN_FLAGS_H
#include "base/ctx.h"

typedef struct Flag {
    const char *names[3]; /* without dashes; the first is shown in messages */
    char letter; /* 0 = none */
    int id;
    const char *value; /* how the value is called in --help; NULL = a switch */
    const char *doc; /* NULL = not listed in --help: it does not exist yet */
} Flag;

enum { FLAGS_MOST = 64, WORDS_MOST = 8, FLAG_HELP = -1 };

typedef struct FlagGiven {
    const Flag *flag;
    const char *value; /* NULL for a switch */
} FlagGiven;

typedef struct FlagSet {
    FlagGiven given[FLAGS_MOST]; /* in the order of the command line */
    int given_count;
    const char *words[WORDS_MOST]; /* what is not a flag */
    int word_count;
} FlagSet;

/* Reads argv[0..count). "--x=v", "--x v", "-x v", "-xv", "--" ends flags. Mistakes fail with one line that
 * names the nearest known flag (42601). --help is always known, with FLAG_HELP. The table ends with
 * names[0] == NULL. */
MUST_CHECK Status flags_parse(Ctx *cx, const Flag *table, int words_most, char **argv, int count, FlagSet *out);
/* The value of the last one given; NULL when there is none (a switch: "" when given). */
const char *flags_value(const FlagSet *set, int id);
/* Prints the listed ones. */
void flags_print(const Flag *table);

#endif
