/* src/bin/key_command.h - what a shell command prints, the encryption key, within a time.
 *
 * The command has a session of its own and no standard input: it can ask nobody at a terminal, and whatever it has started
 * can be ended together with it. */
#ifndef BIN_KEY_COMMAND_H
#define BIN_KEY_COMMAND_H
#include "base/ctx.h"

enum { KEY_COMMAND_MS = 30000 }; /* doc/user/encryption.md */

/* Reads at most `most` bytes of its standard output into `to`. F0000, naming `where` it comes from, when it can not be run, ends
 * otherwise than with status 0, or has not ended and closed its output after KEY_COMMAND_MS: then it has been killed. What was
 * read lies in `to` in any case: the caller wipes it. */
MUST_CHECK Status key_command_read(Ctx *cx, const char *command, const char *where, char *to, size_t most,
                                   size_t *bytes);

#endif
