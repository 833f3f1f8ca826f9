/* src/postmaster/postmaster.h - the process that listens, forks, reaps and restarts.
 *
 * It touches no page and runs no SQL, so nothing a session does can bring it down. What its children do
 * comes as functions: who starts the server (src/bin) introduces the parts to each other. */
#ifndef POSTMASTER_H
#define POSTMASTER_H
#include "postmaster/listen.h"
#include "shmem/proc/proc.h"

/* A process beside the sessions'. They are started in order, before connections are accepted, and looked after: who ends
 * is started again, but for a vital one, whose end is a crash (S2). */
typedef struct PostmasterWorker {
    const char *name;
    void *arg; /* of the functions */
    /* In the postmaster, at a start: must `prepare` be done before this worker is forked? NULL: no. */
    bool (*needs)(void *arg);
    /* In a child of its own that ends with it. False: the start has failed, and it has been said why. */
    bool (*prepare)(void *arg);
    /* In the child: background work until interrupt_raise(INTERRUPT_TERMINATE). */
    void (*run)(void *arg);
    /* In the postmaster, after the fork: waits until the next may follow. False: the start has failed, and it has been said
     * why. May be NULL. */
    bool (*started)(void *arg, int pid);
    bool vital;
    int stop_order; /* told to end when the sessions and all of a lower number are gone */
} PostmasterWorker;
enum { POSTMASTER_WORKERS_MOST = 4 };
/* In the postmaster, which has its signals blocked: does one wait there that ends the server? */
bool postmaster_told_to_end(void);

/* What becomes of a connection. Who is refused is told why; cancel requests are answered nevertheless, but for a server that starts. */
typedef enum Reception { RECEIVE, REFUSE_TOO_MANY, REFUSE_STARTING, REFUSE_STOPPING } Reception;

typedef struct PostmasterParts {
    void *arg;
    /* In a child: one connection from accept to end; owns fd. True = this process may serve another one. */
    bool (*backend)(void *arg, int fd, Reception reception);
    /* In a child that serves, from the handler of `signo`, before it ends at once: tells the client why. `crash`: see rebuild; else
     * because of an immediate shutdown. False: it can not be said yet; `signo` comes again in a moment. */
    bool (*last_words)(int signo, bool crash);
    const PostmasterWorker *workers;
    int worker_count;
    /* After a crash, when every child is gone: makes the shared memory anew, for the workers to fill. NULL: there is
     * nothing to make it from (memory mode), and the server ends. */
    bool (*rebuild)(void *arg, ProcTable **procs);
    /* SIGHUP, in the postmaster (`first`) and in children between two connections. */
    void (*reload)(void *arg, bool first);
    /* In the postmaster: connections are served from now on, or (`yes` false) not before a crash is recovered from. */
    void (*accepting)(void *arg, bool yes);
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
