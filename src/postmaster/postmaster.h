/* src/postmaster/postmaster.h - the process that listens, forks, reaps and restarts.
 *
 * It touches no page and runs no SQL, so nothing a session does can bring it down. What its children do
 * comes as functions: who starts the server (src/bin) introduces the parts to each other. */
#ifndef POSTMASTER_H
#define POSTMASTER_H
#include "postmaster/listen.h"
#include "shmem/proc/proc.h"

typedef struct PostmasterParts {
    void *arg;
    /* In a child: one connection from accept to end; owns fd. `too_many`: refuse it (53300), but answer
     * cancel requests. True = this process may serve another one. */
    bool (*backend)(void *arg, int fd, bool too_many);
    /* In a child: background work until interrupt_raise(INTERRUPT_TERMINATE). */
    void (*janitor)(void *arg);
    /* SIGHUP, in the postmaster (`first`) and in children between two connections. */
    void (*reload)(void *arg, bool first);
    /* In the postmaster: connections are accepted from now on. */
    void (*ready)(void *arg);
} PostmasterParts;

typedef struct PostmasterOptions {
    ListenSet *listeners; /* open; closed by the postmaster */
    ProcTable *procs;
    int max_connections;
    int spare_backends; /* children kept waiting; 0 = default */
} PostmasterOptions;

/* Signals: SIGTERM, SIGINT fast; SIGUSR1 smart; SIGQUIT immediate; SIGHUP reload. Returns the exit status of
 * the program: 0, or 1 when the shared memory can not be trusted any more (C2). */
int postmaster_run(Ctx *cx, const PostmasterOptions *options, const PostmasterParts *parts);

#endif
