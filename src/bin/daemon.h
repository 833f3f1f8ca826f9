/* src/bin/daemon.h - going into the background without lying about it. */
#ifndef BIN_DAEMON_H
#define BIN_DAEMON_H
#include "base/ctx.h"

/* Forks. In the parent: waits until the child is ready or has failed, and does not return: it exits 0 or 1;
 * the child has said on our standard error what is wrong. In the child: *ready_fd gets one byte when
 * connections are accepted (server_run does that). */
MUST_CHECK Status daemon_fork(Ctx *cx, int *ready_fd);
/* In the child, when it is ready: lets go of the terminal. */
void daemon_detach(void);

#endif
