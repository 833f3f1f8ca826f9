/* child.c - a backend process between and during sessions.
 *
 * Signals are blocked but for two times: while it waits for a connection (epoll_pwait lets them in and
 * nothing else, so none can be missed) and while a session runs, where handlers act on the
 * session through base/interrupt.h. Several children wait on the same sockets; EPOLLEXCLUSIVE wakes
 * one of them.
 *
 * A child ends when: it was told to (SIGTERM), its session says the process should not be used again, it
 * drew a ticket from the pipe, the sockets were shut, or the postmaster is gone (the pipe's other end). */
#include "postmaster/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"

enum {
    TICKET = LISTEN_MOST,
    ORPHAN_PATIENCE_S = 3, /* shorter than a start waits for a data directory to be let go */
};

/* What handlers tell the loop; process-wide because handlers have no arguments. */
static volatile sig_atomic_t end_wanted, orphaned, reload_wanted, serving;
/* Set once. */
static int postmaster_pid;
/* Of child_serve, set once. */
static const PoolShared *quit_shared;
static bool (*quit_last_words)(int signo, bool crash);

/* The system sends it, too, when the postmaster dies. Then all end in no order, and who waits for one that has gone waits in vain: the
 * clock (SIGALRM) ends it. */
static void
on_terminate(int signo)
{
    (void)signo;
    end_wanted = 1;
    orphaned |= getppid() != postmaster_pid;
    if (orphaned)
        alarm(ORPHAN_PATIENCE_S);
    interrupt_raise(orphaned ? INTERRUPT_TERMINATE | INTERRUPT_ORPHANED : INTERRUPT_TERMINATE, true);
}

static void
on_session_signal(int signo)
{
    if (signo == SIGHUP)
        reload_wanted = 1;
    if (serving)
        interrupt_raise(signo == SIGHUP   ? INTERRUPT_RELOAD
                        : signo == SIGINT ? INTERRUPT_CANCEL
                                          : INTERRUPT_WAKE,
                        false);
}

static void
on_quit(int signo)
{
    if (serving && quit_last_words != NULL && !quit_last_words(signo, atomic_load(&quit_shared->crashed)))
        return; /* it comes again */
    _exit(2);
}

static void
handle(int signo, void (*handler)(int))
{
    struct sigaction sa = {.sa_handler = handler};

    sigaction(signo, &sa, NULL);
}

/* The first victims of the out-of-memory killer are backends (C5), never the postmaster. */
static void
set_oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "300", 3) != 3)
        log_line(LOG_DEBUG, "oom_score_adj can not be set");
    close(fd);
}

static void
set_up(const Pool *pool, const char *name)
{
    postmaster_pid = pool->postmaster_pid;
    handle(SIGTERM, on_terminate);
    handle(SIGINT, on_session_signal);
    handle(SIGHUP, on_session_signal);
    handle(SIGUSR1, on_session_signal);
    handle(SIGUSR2, SIG_IGN);
    handle(SIGQUIT, on_quit);
    handle(SIGCHLD, SIG_DFL);
    handle(SIGALRM, SIG_DFL);
    handle(SIGPIPE, SIG_IGN);
    setsid(); /* Ctrl-C in the postmaster's terminal is not for us */
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((int)getppid() != pool->postmaster_pid)
        exit(1); /* it died before the line above */
}

/* The first who has time for it says why all end. */
NORETURN static void
leave(const Pool *pool, int status)
{
    if (orphaned && !atomic_exchange(&pool->shared->orphaned, true))
        log_line(LOG_FATAL, "the postmaster (process %d) is gone: all processes of the server end",
                 postmaster_pid);
    exit(status);
}

static int
make_epoll(const Pool *pool, const ListenSet *listeners)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = TICKET};

    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, pool->ticket_read, &e) != 0)
        goto failed;
    for (int i = 0; i < listeners->count; i++) {
        e = (struct epoll_event){.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u32 = (uint32_t)i};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, listeners->items[i].fd, &e) != 0)
            goto failed;
    }
    return ep;
failed:
    log_line(LOG_ERROR, "could not wait for connections: %s", strerror(errno));
    exit(1);
}

static bool
drew_ticket(const Pool *pool)
{
    char byte;
    ssize_t n = read(pool->ticket_read, &byte, 1);

    return n >= 0 || (errno != EAGAIN && errno != EINTR); /* 0: the postmaster is gone */
}

/* Now one idle child less: does the postmaster have to make another? */
static void
tell_postmaster(const Pool *pool)
{
    uint32_t idle = (uint32_t)pool_count(pool, CHILD_IDLE);
    uint32_t least = atomic_load(&pool->shared->idle_least);

    while (idle < least && !atomic_compare_exchange_weak(&pool->shared->idle_least, &least, idle))
        ;
    if (idle < (uint32_t)pool->spare_least)
        kill(pool->postmaster_pid, SIGUSR2);
}

/* Waits until there is a connection; -1 = this process should end. */
static int
wait_for_connection(const Pool *pool, int ep, const ListenSet *listeners, const sigset_t *open_mask,
                    const PostmasterParts *parts)
{
    for (;;) {
        struct epoll_event e;
        int n, fd;

        if (end_wanted || atomic_load(&pool->shared->draining))
            return -1;
        if (reload_wanted) {
            reload_wanted = 0;
            parts->reload(parts->arg, false);
        }
        n = epoll_pwait(ep, &e, 1, -1, open_mask);
        if (n <= 0)
            continue; /* a signal */
        if (e.data.u32 == TICKET) {
            if (drew_ticket(pool))
                return -1;
            continue;
        }
        if ((e.events & (EPOLLHUP | EPOLLERR)) != 0)
            return -1; /* listen_stop */
        fd = accept4(listeners->items[e.data.u32].fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            return fd;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_line(LOG_WARNING, "could not accept a connection: %s", strerror(errno));
            usleep(100 * 1000); /* it is still there: do not spin */
        }
    }
}

void
child_serve(const Pool *pool, int slot, const ListenSet *listeners, const PostmasterParts *parts)
{
    PoolShared *shared = pool->shared;
    sigset_t blocked, open_mask;
    int ep;

    quit_shared = shared;
    quit_last_words = parts->last_words;
    set_up(pool, "helios-backend");
    close(pool->ticket_write);
    set_oom_score();
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigemptyset(&open_mask);
    ep = make_epoll(pool, listeners);
    for (;;) {
        bool again, too_many;
        int fd = wait_for_connection(pool, ep, listeners, &open_mask, parts);

        if (fd < 0)
            leave(pool, 0);
        atomic_store(&shared->states[slot], CHILD_BUSY);
        too_many = pool_count(pool, CHILD_BUSY) > pool->session_limit;
        if (too_many)
            atomic_store(&shared->states[slot], CHILD_REFUSING);
        tell_postmaster(pool);
        serving = 1;
        pthread_sigmask(SIG_SETMASK, &open_mask, NULL);
        again = parts->backend(parts->arg, fd, too_many ? REFUSE_TOO_MANY : RECEIVE);
        pthread_sigmask(SIG_SETMASK, &blocked, NULL);
        serving = 0;
        atomic_store(&shared->states[slot], CHILD_IDLE);
        if (!again)
            leave(pool, 0);
    }
}

void
child_refuse(const Pool *pool, const ListenSet *listeners, const PostmasterParts *parts, Reception reception,
             int patience_ms)
{
    struct pollfd fds[LISTEN_MOST];
    sigset_t open_mask;

    set_up(pool, "helios-doorman");
    close(pool->ticket_write);
    close(pool->ticket_read);
    sigemptyset(&open_mask);
    pthread_sigmask(SIG_SETMASK, &open_mask, NULL);
    for (int i = 0; i < listeners->count; i++)
        fds[i] = (struct pollfd){.fd = listeners->items[i].fd, .events = POLLIN};
    (void)poll(NULL, 0, patience_ms);
    while (!end_wanted) {
        if (poll(fds, (nfds_t)listeners->count, -1) <= 0)
            continue; /* a signal */
        for (int i = 0; i < listeners->count; i++) {
            int fd = fds[i].revents != 0 ? accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

            if (fd >= 0)
                (void)parts->backend(parts->arg, fd, reception);
        }
    }
    exit(0);
}

static void
set_up_worker(const Pool *pool, ListenSet *listeners, const char *name)
{
    sigset_t open_mask;

    set_up(pool, name);
    close(pool->ticket_write);
    close(pool->ticket_read);
    listen_close(listeners, false);
    serving = 1;
    sigemptyset(&open_mask);
    pthread_sigmask(SIG_SETMASK, &open_mask, NULL);
}

void
child_prepare(const Pool *pool, ListenSet *listeners, const PostmasterWorker *worker)
{
    set_up_worker(pool, listeners, "helios-prepare");
    leave(pool, worker->prepare(worker->arg) ? 0 : 1);
}

void
child_work(const Pool *pool, ListenSet *listeners, const PostmasterWorker *worker)
{
    char name[16];

    snprintf(name, sizeof(name), "helios-%s", worker->name);
    set_up_worker(pool, listeners, name);
    worker->run(worker->arg);
    leave(pool, end_wanted ? 0 : 1);
}
