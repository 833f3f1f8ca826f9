/* src/bin/server.h - a server from its options to its end. */
#ifndef BIN_SERVER_H
#define BIN_SERVER_H
#include "bin/options.h"

/* Runs the server in this process. `ready_fd`: gets one byte when connections are accepted, -1 = nobody
 * waits. Returns the exit status; what went wrong before that was recorded and is returned. */
MUST_CHECK Status server_run(Ctx *cx, StartOptions *options, int ready_fd, int *exit_status);

/* Says what server_run would say of files that the options name; makes nothing. */
MUST_CHECK Status server_check(Ctx *cx, const StartOptions *options);

#endif
