/* postmaster.c - one loop around sigtimedwait.
 *
 * Everything the postmaster reacts to is a signal: children that end (SIGCHLD), children that say that
 * spares run short (SIGUSR2), orders from outside. All are blocked and taken one by one, so there are
 * no handlers and nothing to be interrupted.
 *
 *   RUNNING --smart--> DRAINING --fast--> ENDING --immediate--> KILLING
 *   all sessions gone --> workers told to end, in their order --> all children gone --> exit
 *
 * A backend that was killed outside a critical section is the janitor's business (C3). One that died
 * inside, or of a fault of its own (C2), leaves shared memory in doubt: with a data directory all children end at once and
 * memory is made anew from it; in memory mode there is nothing to rebuild it from, so the server says so and stops. */
#include "postmaster/postmaster.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "base/log.h"
#include "postmaster/child.h"
#include "postmaster/notify.h"

enum {
    TICK_MS = 1000,
    WORKER_RESTART_MS = 1000, /* at most one restart of a worker in this time */
    ENDING_PATIENCE_MS = 30000, /* then backends that do not listen are killed */
    KILLING_PATIENCE_MS = 5000,
    FORK_PAUSE_MS = 500, /* after a backend that failed at once, or could not be made */
    START_PATIENCE_MS = 2000, /* connections wait so long for a start, then they are refused */
    PREPARE_NAP_US = 500,
    RECOVERIES_MOST = 5, /* that were killed from outside, one after the other */
};

typedef enum Phase { RUNNING, DRAINING, ENDING, KILLING } Phase;

typedef struct Worker {
    int pid; /* 0 = not running */
    bool told; /* to end */
    uint64_t start_us;
} Worker;

typedef struct Postmaster {
    Ctx *cx;
    const PostmasterOptions *options;
    const PostmasterParts *parts;
    Pool pool;
    Phase phase;
    Worker workers[POSTMASTER_WORKERS_MOST];
    ProcTable *procs;
    bool crashed; /* all children are on their way out; then memory is made anew */
    int doorman_pid; /* who refuses connections; 0 = nobody */
    int killed_recoveries; /* since the last that ended well */
    uint64_t ending_since_us; /* of ENDING or KILLING, or a crash's */
    uint64_t shrink_due_us, refill_after_us;
    bool one_less; /* a backend ended, and refill() has not looked yet */
    uint64_t watchdog_us, watchdog_due_us;
    int exit_status;
} Postmaster;

static uint64_t
now_us(const Postmaster *pm)
{
    return env_mono_us(pm->cx->env);
}

/* ---- children ------------------------------------------------------------------------------------- */

static void
pause_refilling(Postmaster *pm)
{
    pm->refill_after_us = now_us(pm) + FORK_PAUSE_MS * UINT64_C(1000);
}

/* True if there is one more. */
static bool
fork_backend(Postmaster *pm)
{
    int slot = pool_free_slot(&pm->pool), pid;

    if (slot < 0)
        return false; /* all that max_connections can need are there */
    atomic_store(&pm->pool.shared->states[slot], CHILD_IDLE);
    pid = fork();
    if (pid == 0)
        child_serve(&pm->pool, slot, pm->options->listeners, pm->parts);
    if (pid < 0) {
        atomic_store(&pm->pool.shared->states[slot], CHILD_FREE);
        log_line(LOG_WARNING, "could not fork a backend: %s", strerror(errno));
        pause_refilling(pm);
        return false;
    }
    pm->pool.pids[slot] = pid;
    return true;
}

/* Whoever comes is told why nobody serves him. */
static void
post_doorman(Postmaster *pm, Reception reception, int patience_ms)
{
    ASSERT(pm->doorman_pid == 0);
    pm->doorman_pid = fork();
    if (pm->doorman_pid == 0)
        child_refuse(&pm->pool, pm->options->listeners, pm->parts, reception, patience_ms);
    if (pm->doorman_pid > 0)
        return;
    log_line(LOG_WARNING, "could not fork who refuses connections: %s", strerror(errno));
    pm->doorman_pid = 0;
}

static void
dismiss_doorman(Postmaster *pm)
{
    if (pm->doorman_pid == 0)
        return;
    kill(pm->doorman_pid, SIGKILL);
    (void)waitpid(pm->doorman_pid, NULL, 0);
    pm->doorman_pid = 0;
}

static void
fork_worker(Postmaster *pm, int no)
{
    Worker *w = &pm->workers[no];
    int pid = fork();

    if (pid == 0)
        child_work(&pm->pool, pm->options->listeners, &pm->parts->workers[no]);
    if (pid < 0)
        log_line(LOG_WARNING, "could not fork the %s: %s", pm->parts->workers[no].name, strerror(errno));
    *w = (Worker){.pid = pid > 0 ? pid : 0, .start_us = now_us(pm)};
}

bool
postmaster_told_to_end(void)
{
    sigset_t waiting;

    sigpending(&waiting);
    return sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGQUIT);
}

/* The name of a worker that has ended, looked at and not reaped; NULL = none has. */
static const char *
ended_worker(const Postmaster *pm)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        siginfo_t info = {0};

        if (pm->workers[i].pid != 0 &&
            waitid(P_PID, (id_t)pm->workers[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0)
            return pm->parts->workers[i].name;
    }
    return NULL;
}

static void
say_alive(Postmaster *pm)
{
    if (pm->watchdog_us == 0 || now_us(pm) < pm->watchdog_due_us)
        return;
    notify_send("WATCHDOG=1\n");
    pm->watchdog_due_us = now_us(pm) + pm->watchdog_us;
}

/* Until the child has ended; false: there is no use in it any more, because the server ends or a worker has gone that the child
 * may wait for. */
static bool
wait_prepared(Postmaster *pm, int pid, int *status)
{
    while (waitpid(pid, status, WNOHANG) == 0) {
        const char *gone = ended_worker(pm);

        if (gone != NULL || postmaster_told_to_end()) {
            kill(pid, SIGKILL);
            (void)waitpid(pid, status, 0);
            if (gone != NULL)
                log_line(LOG_FATAL, "the %s ended before the server was ready", gone);
            else
                log_line(LOG_FATAL, "the server was told to end before it was ready");
            return false;
        }
        say_alive(pm);
        usleep(PREPARE_NAP_US);
    }
    return true;
}

static bool
prepare(Postmaster *pm, const PostmasterWorker *worker)
{
    int status, pid = fork();

    if (pid == 0)
        child_prepare(&pm->pool, pm->options->listeners, worker);
    if (pid < 0) {
        log_line(LOG_FATAL, "could not fork who prepares the %s: %s", worker->name, strerror(errno));
        return false;
    }
    if (!wait_prepared(pm, pid, &status))
        return false;
    if (WIFSIGNALED(status))
        log_line(LOG_FATAL, "who prepares the %s was ended by signal %d (%s)", worker->name, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In order, each when the one before is ready for it. */
static bool
start_in_order(Postmaster *pm)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        const PostmasterWorker *w = &pm->parts->workers[i];

        if (w->needs != NULL && w->needs(w->arg) && !prepare(pm, w))
            return false;
        fork_worker(pm, i);
        if (pm->workers[i].pid == 0 && w->vital)
            return false;
        if (w->started != NULL && !w->started(w->arg, pm->workers[i].pid))
            return false;
    }
    return true;
}

static bool
start_workers(Postmaster *pm)
{
    bool ok;

    post_doorman(pm, REFUSE_STARTING, START_PATIENCE_MS);
    ok = start_in_order(pm);
    dismiss_doorman(pm);
    return ok;
}

static void
signal_workers(const Postmaster *pm, int signo)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        if (pm->workers[i].pid != 0)
            kill(pm->workers[i].pid, signo);
    }
}

static int
worker_count(const Postmaster *pm)
{
    int count = 0;

    for (int i = 0; i < pm->parts->worker_count; i++)
        count += pm->workers[i].pid != 0;
    return count;
}

/* Enough spares while we run; one more than the least, so that not every connection asks for one. The kernel
 * wakes one spare for a connection; should just that one end before it takes it, killed or sent home, the
 * others would sleep on, but a new one finds the connection. */
static void
refill(Postmaster *pm)
{
    int idle, want;

    if (pm->phase != RUNNING || pm->crashed || now_us(pm) < pm->refill_after_us)
        return;
    idle = pool_count(&pm->pool, CHILD_IDLE);
    want = idle < pm->pool.spare_least ? pm->pool.spare_least + 1 - idle : 0;
    if (want == 0 && pm->one_less && listen_has_waiting(pm->options->listeners))
        want = 1;
    while (want > 0 && fork_backend(pm))
        want--;
    pm->one_less = want > 0;
}

/* Sends home what was not needed for a while. */
static void
shrink(Postmaster *pm)
{
    PoolShared *shared = pm->pool.shared;
    int idle = pool_count(&pm->pool, CHILD_IDLE), surplus;
    uint32_t least;

    if (pm->phase != RUNNING || now_us(pm) < pm->shrink_due_us)
        return;
    pm->shrink_due_us = now_us(pm) + TICK_MS * UINT64_C(1000);
    least = atomic_exchange(&shared->idle_least, (uint32_t)idle);
    surplus = (int)MIN_OF(least, (uint32_t)idle) - pm->pool.spare_least - 1;
    for (; surplus > 0; surplus--) {
        if (write(pm->pool.ticket_write, "x", 1) != 1)
            return; /* full: they are on their way */
    }
}

static void
signal_children(Postmaster *pm, int signo)
{
    for (uint32_t i = 0; i < pm->pool.shared->capacity; i++) {
        if (pm->pool.pids[i] != 0)
            kill(pm->pool.pids[i], signo);
    }
}

/* Who serves nobody ends. */
static void
send_idle_home(const Postmaster *pm)
{
    atomic_store(&pm->pool.shared->draining, true);
    for (uint32_t i = 0; i < pm->pool.shared->capacity; i++) {
        if (pm->pool.pids[i] != 0 && atomic_load(&pm->pool.shared->states[i]) == CHILD_IDLE)
            kill(pm->pool.pids[i], SIGUSR1);
    }
}

static int
children_count(const Postmaster *pm)
{
    int count = 0;

    for (uint32_t i = 0; i < pm->pool.shared->capacity; i++)
        count += pm->pool.pids[i] != 0;
    return count;
}

/* ---- shutting down -------------------------------------------------------------------------------- */

static void
enter_phase(Postmaster *pm, Phase phase, const char *message)
{
    if (pm->phase >= phase)
        return;
    if (pm->phase == RUNNING) {
        notify_stopping();
        send_idle_home(pm);
    }
    dismiss_doorman(pm);
    if (phase == DRAINING)
        post_doorman(pm, REFUSE_STOPPING, 0);
    else
        listen_stop(pm->options->listeners);
    log_line(LOG_INFO, "%s", message);
    pm->phase = phase;
    pm->ending_since_us = now_us(pm);
    if (phase == ENDING) {
        signal_children(pm, SIGTERM);
    }
    if (phase == KILLING) {
        signal_children(pm, SIGQUIT);
        signal_workers(pm, SIGQUIT);
    }
}

/* C2: with a data directory everybody ends, and memory is made anew from it; without one that is the end. */
static void
crash(Postmaster *pm, const char *who, int pid, const char *how)
{
    if (pm->crashed || pm->exit_status != 0)
        return;
    if (pm->parts->rebuild == NULL) {
        log_line(LOG_FATAL,
                 "%s %d %s while it was changing shared memory: what is in memory can not be trusted any more, "
                 "and a "
                 "memory server has nothing to recover from. All sessions end and the server stops",
                 who, pid, how);
        pm->exit_status = 1;
        atomic_store(&pm->pool.shared->crashed, true);
        enter_phase(pm, KILLING, "stopping at once");
        return;
    }
    log_line(
        LOG_ERROR,
        "%s %d %s, and shared memory can not be trusted any more: all sessions end, and the server recovers",
        who, pid, how);
    pm->crashed = true;
    pm->ending_since_us = now_us(pm);
    pm->parts->accepting(pm->parts->arg, false);
    atomic_store(&pm->pool.shared->crashed, true);
    signal_children(pm, SIGQUIT); /* they tell their clients */
    signal_workers(pm, SIGKILL);
}

/* ---- reaping -------------------------------------------------------------------------------------- */

static bool
is_fatal_signal(int signo)
{
    return signo == SIGSEGV || signo == SIGBUS || signo == SIGABRT || signo == SIGILL || signo == SIGFPE;
}

static void
describe(int status, char *out, size_t bytes)
{
    if (WIFSIGNALED(status))
        snprintf(out, bytes, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(out, bytes, "ended with status %d", WEXITSTATUS(status));
}

/* What became of the child's slot in shared memory, and what follows from it. */
static void
bury(Postmaster *pm, const char *who, int pid, int status)
{
    char how[128];
    ProcDeath death;

    describe(status, how, sizeof(how));
    if (pm->phase == KILLING || pm->crashed)
        return; /* nothing is going to be used again */
    death = proc_mark_dead(pm->procs, pid, WIFSIGNALED(status) && is_fatal_signal(WTERMSIG(status)));
    switch (death) {
    case PROC_DEATH_INSIDE: crash(pm, who, pid, how); return;
    case PROC_DEATH_OUTSIDE:
        log_line(LOG_WARNING, "%s %d %s; what it held is released and its transaction rolled back", who, pid,
                 how);
        return;
    case PROC_DEATH_UNKNOWN_PID:
    case PROC_DEATH_CLEAN: break;
    }
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
        log_line(WIFSIGNALED(status) ? LOG_WARNING : LOG_DEBUG, "%s %d %s", who, pid, how);
}

/* False: it was none. */
static bool
bury_worker(Postmaster *pm, int pid, int status)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        const PostmasterWorker *w = &pm->parts->workers[i];
        char how[128];

        if (pm->workers[i].pid != pid)
            continue;
        pm->workers[i].pid = 0;
        describe(status, how, sizeof(how));
        if (w->vital && pm->phase < KILLING &&
            !(pm->workers[i].told && WIFEXITED(status) && WEXITSTATUS(status) == 0))
            crash(pm, w->name, pid, how);
        else
            bury(pm, w->name, pid, status);
        return true;
    }
    return false;
}

static void
reap(Postmaster *pm)
{
    int status, pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (bury_worker(pm, pid, status))
            continue;
        if (pid == pm->doorman_pid)
            pm->doorman_pid = 0;
        for (uint32_t i = 0; i < pm->pool.shared->capacity; i++) {
            if (pm->pool.pids[i] != pid)
                continue;
            pm->pool.pids[i] = 0;
            atomic_store(&pm->pool.shared->states[i], CHILD_FREE);
            pm->one_less = true;
            if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && !pm->crashed) /* it was not told to */
                pause_refilling(pm);
            bury(pm, "backend", pid, status);
        }
    }
}

/* Are all gone that have to be before this one is told? */
static bool
may_end(const Postmaster *pm, int no)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        if (pm->workers[i].pid != 0 && pm->parts->workers[i].stop_order < pm->parts->workers[no].stop_order)
            return false;
    }
    return true;
}

/* Workers have to be there while anybody works; they are the last to go. */
static void
look_after_workers(Postmaster *pm)
{
    bool at_work = pm->phase == RUNNING || (pm->phase < KILLING && children_count(pm) > 0);

    for (int i = 0; i < pm->parts->worker_count && !pm->crashed; i++) {
        Worker *w = &pm->workers[i];

        if (at_work) {
            if (w->pid == 0 && now_us(pm) - w->start_us >= WORKER_RESTART_MS * UINT64_C(1000))
                fork_worker(pm, i);
        } else if (pm->phase < KILLING && w->pid != 0 && !w->told && may_end(pm, i)) {
            w->told = true;
            kill(w->pid, SIGTERM);
        }
    }
}

/* Has somebody killed a worker, who has not been reaped yet? */
static bool
worker_was_killed(const Postmaster *pm)
{
    for (int i = 0; i < pm->parts->worker_count; i++) {
        siginfo_t info = {0};

        if (pm->workers[i].pid != 0 &&
            waitid(P_PID, (id_t)pm->workers[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_code == CLD_KILLED && info.si_status == SIGKILL)
            return true;
    }
    return false;
}

/* Everybody is gone after a crash: from the beginning. Recovery may be killed, too; what fails for another reason would fail
 * again. */
static void
come_back(Postmaster *pm)
{
    if (!pm->crashed || children_count(pm) > 0 || worker_count(pm) > 0)
        return;
    pm->crashed = false;
    atomic_store(&pm->pool.shared->crashed, false);
    if (pm->phase != RUNNING) { /* told to end: the next start recovers */
        pm->exit_status = 1;
        return;
    }
    if (pm->parts->rebuild(pm->parts->arg, &pm->procs) && start_workers(pm)) {
        log_line(LOG_INFO, "the server has recovered and accepts connections again");
        pm->parts->accepting(pm->parts->arg, true);
        pm->killed_recoveries = 0;
        return;
    }
    if (worker_was_killed(pm) && ++pm->killed_recoveries < RECOVERIES_MOST) {
        log_line(LOG_WARNING, "a process was killed while the server recovered: recovery begins again");
        pm->crashed = true;
        pm->ending_since_us = now_us(pm);
        signal_workers(pm, SIGKILL);
        return;
    }
    log_line(LOG_FATAL, "the server could not recover and stops");
    pm->exit_status = 1;
    enter_phase(pm, KILLING, "stopping at once");
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static void
reload(Postmaster *pm)
{
    if (pm->phase != RUNNING)
        return;
    notify_reloading();
    pm->parts->reload(pm->parts->arg, true);
    signal_children(pm, SIGHUP);
    signal_workers(pm, SIGHUP);
    notify_ready("running");
}

static void
obey(Postmaster *pm, int signo)
{
    switch (signo) {
    case SIGTERM:
    case SIGINT: enter_phase(pm, ENDING, "fast shutdown: sessions are ended"); break;
    case SIGUSR1: enter_phase(pm, DRAINING, "smart shutdown: waiting for clients to leave"); break;
    case SIGQUIT: enter_phase(pm, KILLING, "immediate shutdown"); break;
    case SIGHUP: reload(pm); break;
    default: break; /* SIGCHLD, SIGUSR2: looked after in any case */
    }
}

/* Milliseconds until something is due; -1 = nothing is. */
static int64_t
next_due_ms(const Postmaster *pm)
{
    int64_t due = -1;

    if (pm->watchdog_us != 0) {
        uint64_t now = now_us(pm);

        due = pm->watchdog_due_us > now ? (int64_t)((pm->watchdog_due_us - now) / 1000) + 1 : 0;
    }
    if (pm->phase >= ENDING || pm->crashed || worker_count(pm) < pm->parts->worker_count ||
        now_us(pm) < pm->refill_after_us ||
        children_count(pm) > pm->pool.spare_least + 1) /* busy ones may become idle, and will not say so */
        due = due < 0 || due > TICK_MS ? TICK_MS : due;
    return due;
}

static void
do_what_is_due(Postmaster *pm)
{
    uint32_t patience_ms;

    say_alive(pm);
    shrink(pm);
    patience_ms = pm->phase == ENDING && !pm->crashed ? ENDING_PATIENCE_MS : KILLING_PATIENCE_MS;
    if ((pm->phase >= ENDING || pm->crashed) &&
        now_us(pm) - pm->ending_since_us > patience_ms * UINT64_C(1000)) {
        log_line(LOG_WARNING, "%d processes did not end within %u seconds and are killed",
                 children_count(pm) + worker_count(pm), patience_ms / 1000);
        pm->ending_since_us = now_us(pm);
        signal_children(pm, SIGKILL);
        if (pm->phase == KILLING || pm->crashed)
            signal_workers(pm, SIGKILL);
    }
}

static void
run_loop(Postmaster *pm, const sigset_t *mine)
{
    while (pm->phase == RUNNING || children_count(pm) > 0 || worker_count(pm) > 0) {
        int64_t due_ms = next_due_ms(pm);
        struct timespec wait = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
        int signo = due_ms < 0 ? sigwaitinfo(mine, NULL) : sigtimedwait(mine, NULL, &wait);

        if (signo > 0)
            obey(pm, signo);
        do_what_is_due(pm);
        reap(pm);
        come_back(pm);
        refill(pm);
        look_after_workers(pm);
    }
}

/* The start has failed. */
static void
kill_all(Postmaster *pm)
{
    signal_workers(pm, SIGKILL);
    for (int i = 0; i < pm->parts->worker_count; i++) {
        if (pm->workers[i].pid != 0)
            (void)waitpid(pm->workers[i].pid, NULL, 0);
    }
}

/* What was sent to us until now has been obeyed: it must not end the program before its files are gone. */
static void
let_signals_through(const sigset_t *mine, const sigset_t *old)
{
    const struct timespec at_once = {0};

    while (sigtimedwait(mine, NULL, &at_once) > 0)
        ;
    sigprocmask(SIG_SETMASK, old, NULL);
}

int
postmaster_run(Ctx *cx, const PostmasterOptions *options, const PostmasterParts *parts)
{
    Postmaster pm = {.cx = cx, .options = options, .parts = parts, .procs = options->procs};
    sigset_t mine, old;

    ASSERT(parts->backend != NULL);
    ASSERT(options->listeners->count > 0);
    sigemptyset(&mine);
    sigaddset(&mine, SIGCHLD);
    sigaddset(&mine, SIGTERM);
    sigaddset(&mine, SIGINT);
    sigaddset(&mine, SIGQUIT);
    sigaddset(&mine, SIGHUP);
    sigaddset(&mine, SIGUSR1);
    sigaddset(&mine, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mine, &old);
    if (pool_create(cx, options->max_connections, options->spare_backends, &pm.pool) != ST_OK) {
        log_report(LOG_FATAL, NULL, &cx->error, NULL);
        let_signals_through(&mine, &old);
        return 1;
    }
    pm.watchdog_us = notify_watchdog_us();
    if (parts->rebuild != NULL && !start_workers(&pm)) { /* what they do comes before the first connection */
        kill_all(&pm);
        let_signals_through(&mine, &old);
        return 1;
    }
    (void)fork_backend(&pm); /* the first client is served while the others are made */
    for (int i = 0; i < options->listeners->count; i++)
        log_line(LOG_INFO, "Server listening on %s", options->listeners->items[i].text);
    parts->accepting(parts->arg, true);
    notify_ready("running");
    if (parts->rebuild == NULL)
        (void)start_in_order(&pm);
    refill(&pm);
    run_loop(&pm, &mine);
    dismiss_doorman(&pm);
    listen_close(options->listeners, true);
    if (pm.exit_status == 0)
        log_line(LOG_INFO, "the server has stopped");
    let_signals_through(&mine, &old);
    return pm.exit_status;
}
