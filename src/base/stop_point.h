/* src/base/stop_point.h - places where a test can hold a process still.
 *
 *   stop_point("txn.commit.after_csn");
 *
 * costs one predictable load while no test has armed anything. A test makes a board (a small shared
 * mapping) before it forks; children that come to an armed point sleep there until it is released.
 * A server started with HELIOS_STOP_BOARD=FILE maps that file as its board. */
#ifndef STOP_POINT_H
#define STOP_POINT_H
#include "base/attr.h"

typedef struct StopBoard StopBoard;

/* Process-wide, set before threads or children start (base/README.md). NULL = no board. */
extern StopBoard *stop_board;

void stop_point_slow(const char *name);
#define stop_point(name)                                                                                       \
    do {                                                                                                       \
        if (UNLIKELY(stop_board != NULL))                                                                      \
            stop_point_slow(name);                                                                             \
    } while (0)

/* ---- tests ---------------------------------------------------------------------------------------- */
/* An anonymous board for this process and its later children. */
MUST_CHECK bool stop_board_create(void);
/* A board in a file, made if missing; several processes may open it. */
MUST_CHECK bool stop_board_open(const char *path);
/* Opens what HELIOS_STOP_BOARD names; true when it names nothing. */
MUST_CHECK bool stop_board_from_env(void);
/* From now on the process `pid` (0 = whoever comes first) stops at `name`, once. */
void stop_point_arm(const char *name, int pid);
/* Waits until a process has stopped there; false after timeout_ms. *pid (may be NULL) = which. */
MUST_CHECK bool stop_point_wait(const char *name, int timeout_ms, int *pid);
/* Lets it go on, and disarms. */
void stop_point_release(const char *name);

#endif
