/* src/bin/daemon.h - going into the background without lying about it. */
#ifndef BIN_DAEMON_H
#define BIN_DAEMON_H
#include "base/ctx.h"

/* Forks. In the parent: waits until the child is ready or has failed, and does not return: it exits 0 or 1;
 * what is wrong is on its standard error, from the child or through *ready_fd; so is the last line of the log, if the child
 * is not ready for some seconds. In the child: *ready_fd gets "R" when
 * connections are accepted (server_run does that). */
MUST_CHECK Status daemon_fork(Ctx *cx, const char *log_file, int *ready_fd);
/* In the child, before it makes processes: lets go of the terminal. */
void daemon_detach(void);
/* In the child, which has done that and never became ready: the parent tells the user what the context says, and where
 * the log is. */
void daemon_refuse(Ctx *cx, int ready_fd, const char *log_file);

#endif
