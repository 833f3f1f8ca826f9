/* cmd_control.c - stop, status, reload: talking to a server that runs. It is found by its pid file, asked by
 * signals, and its end is awaited on a pidfd: no polling, no fixed sleep. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "bin/commands.h"
#include "bin/data_dir.h"
#include "bin/options.h"
#include "postmaster/pidfile.h"

enum { RELOAD_WAIT_MS = 10000, RELOAD_LOOK_MS = 5 };

/* clang-format off */
#define WHERE_FLAGS \
    {{"pid-file"}, 0, OPT_PID_FILE, "FILE", "the server's pid file (heliosdb.pid, where the configuration file says or here)"}, \
    {{"data-dir", "data"}, 'd', OPT_DATA_DIR, "DIR", "the server's data directory"}, \
    CONFIG_FLAG

const Flag stop_flags[] = {
    WHERE_FLAGS,
    {{"mode"}, 'm', OPT_MODE, "MODE", "smart: wait for clients to leave; fast: end them; immediate: at once (fast)"},
    {{"timeout"}, 't', OPT_TIMEOUT, "SECONDS", "how long to wait for the exit (60)"},
    {{NULL}, 0, 0, NULL, NULL},
};
const Flag status_flags[] = {WHERE_FLAGS, {{NULL}, 0, 0, NULL, NULL}};
const Flag reload_flags[] = {WHERE_FLAGS, {{NULL}, 0, 0, NULL, NULL}};
/* clang-format on */

/* A server, and where its facts are. */
typedef struct Found {
    const char *pid_file;
    int pid; /* 0 = there is none, and: */
    const char *why;
} Found;

/* The pid file may have been moved or deleted, or be another one than the server was told: then the lock of its directory says who
 * it is. */
static Status
look_for_server(Ctx *cx, const FlagSet *flags, Found *out)
{
    const char *data_dir;

    *out = (Found){0};
    TRY(options_pid_file(cx, flags, &out->pid_file, &data_dir));
    out->pid = pidfile_running(out->pid_file, &out->why);
    if (out->pid == 0 && data_dir != NULL)
        out->pid = data_dir_server(cx, data_dir);
    return ST_OK;
}

static Status
find_server(Ctx *cx, const FlagSet *flags, Found *out)
{
    TRY(look_for_server(cx, flags, out));
    if (out->pid == 0)
        return fail(cx, ST_ERROR, "57P03", "no server is running: %s (%s)", out->why, out->pid_file);
    return ST_OK;
}

/* ---- stop ----------------------------------------------------------------------------------------- */

static Status
read_mode(Ctx *cx, const FlagSet *flags, int *signo)
{
    const char *mode = flags_value(flags, OPT_MODE);

    if (mode == NULL || strcmp(mode, "fast") == 0)
        *signo = SIGTERM;
    else if (strcmp(mode, "smart") == 0)
        *signo = SIGUSR1;
    else if (strcmp(mode, "immediate") == 0)
        *signo = SIGQUIT;
    else
        return fail(cx, ST_ERROR, "22023", "--mode %s: expected one of smart, fast, immediate", mode);
    return ST_OK;
}

static Status
read_timeout(Ctx *cx, const FlagSet *flags, int *seconds)
{
    const char *text = flags_value(flags, OPT_TIMEOUT);
    char *end;
    long n = 60;

    if (text != NULL) {
        n = strtol(text, &end, 10);
        if (*text == '\0' || *end != '\0' || n < 0 || n > 1000000)
            return fail(cx, ST_ERROR, "22023", "--timeout %s: expected a number of seconds", text);
    }
    *seconds = (int)n;
    return ST_OK;
}

static Status
end_server(Ctx *cx, int pid, int signo, int seconds)
{
    struct pollfd exited = {.events = POLLIN};
    int rc;

    exited.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (exited.fd < 0 && errno == ESRCH)
        return ST_OK;
    if (exited.fd < 0)
        return fail(cx, ST_IO, "58000", "could not watch process %d: %s", pid, strerror(errno));
    if (kill(pid, signo) != 0) {
        rc = errno;
        close(exited.fd);
        return rc == ESRCH ? ST_OK
                           : fail(cx, ST_ERROR, "42501", "could not signal process %d: %s", pid, strerror(rc));
    }
    do
        rc = poll(&exited, 1, seconds * 1000);
    while (rc < 0 && errno == EINTR);
    close(exited.fd);
    if (rc == 0) {
        fail(cx, ST_ERROR, "57014", "the server (pid %d) did not end within %d seconds", pid, seconds);
        fail_hint(cx, "It may be waiting for clients; stop --mode fast ends them.");
        return ST_ERROR;
    }
    return ST_OK;
}

int
command_stop(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    Found server;
    int status, signo = SIGTERM, seconds = 0;

    if (!command_read_flags(cx, command, 0, argv, argc, &flags, &status))
        return status;
    if (read_mode(cx, &flags, &signo) != ST_OK || read_timeout(cx, &flags, &seconds) != ST_OK)
        return command_complain(cx, command, EXIT_USAGE);
    if (find_server(cx, &flags, &server) != ST_OK || end_server(cx, server.pid, signo, seconds) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    printf("The server (pid %d) has stopped\n", server.pid);
    return EXIT_DONE;
}

/* ---- status --------------------------------------------------------------------------------------- */

static void
print_uptime(int64_t seconds)
{
    printf("Uptime: ");
    if (seconds >= 86400)
        printf("%lldd ", (long long)(seconds / 86400));
    if (seconds >= 3600)
        printf("%lldh ", (long long)(seconds / 3600 % 24));
    if (seconds >= 60)
        printf("%lldm ", (long long)(seconds / 60 % 60));
    printf("%llds\n", (long long)(seconds % 60));
}

/* They may be another server's, which was killed, when it is not the pid file that led us here. */
static bool
are_facts_of(Ctx *cx, const Found *server)
{
    const char *fact = pidfile_fact(cx->arena, server->pid_file, "pid");

    return fact != NULL && atoi(fact) == server->pid;
}

int
command_status(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    const char *fact;
    Found server;
    int status;

    if (!command_read_flags(cx, command, 0, argv, argc, &flags, &status))
        return status;
    if (look_for_server(cx, &flags, &server) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    if (server.pid == 0) {
        printf("Status: NOT RUNNING\nReason: %s (%s)\n", server.why, server.pid_file);
        return EXIT_NOT_RUNNING;
    }
    printf("Status: RUNNING\nPID: %d\n", server.pid);
    if (!are_facts_of(cx, &server))
        return EXIT_DONE;
    if ((fact = pidfile_fact(cx->arena, server.pid_file, "mode")) != NULL)
        printf("Mode: %s\n", fact);
    if ((fact = pidfile_fact(cx->arena, server.pid_file, "listen")) != NULL)
        printf("Listening: %s\n", fact);
    if ((fact = pidfile_fact(cx->arena, server.pid_file, "started")) != NULL)
        print_uptime((int64_t)time(NULL) - atoll(fact));
    return EXIT_DONE;
}

/* ---- reload --------------------------------------------------------------------------------------- */

static int
reload_count(Ctx *cx, const char *pid_file)
{
    const char *fact = pidfile_fact(cx->arena, pid_file, "reloads");

    return fact != NULL ? atoi(fact) : -1;
}

/* The server writes down how it went; we look until it has. */
static Status
await_reload(Ctx *cx, const char *pid_file, int before)
{
    uint64_t until = env_mono_us(cx->env) + RELOAD_WAIT_MS * UINT64_C(1000);
    int count;

    while ((count = reload_count(cx, pid_file)) < 0 || count == before) {
        if (env_mono_us(cx->env) > until)
            return fail(cx, ST_ERROR, "57014", "the server has not answered within %d seconds",
                        RELOAD_WAIT_MS / 1000);
        usleep(RELOAD_LOOK_MS * 1000);
    }
    return ST_OK;
}

int
command_reload(Ctx *cx, const Command *command, char **argv, int argc)
{
    FlagSet flags;
    const char *fact;
    Found server;
    int status, before;

    if (!command_read_flags(cx, command, 0, argv, argc, &flags, &status))
        return status;
    if (find_server(cx, &flags, &server) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    before = reload_count(cx, server.pid_file);
    if (kill(server.pid, SIGHUP) != 0) {
        fail(cx, ST_ERROR, "42501", "could not signal process %d: %s", server.pid, strerror(errno));
        return command_complain(cx, command, EXIT_FAILED);
    }
    if (await_reload(cx, server.pid_file, before) != ST_OK)
        return command_complain(cx, command, EXIT_FAILED);
    if ((fact = pidfile_fact(cx->arena, server.pid_file, "error")) != NULL) {
        fail(cx, ST_ERROR, "F0000", "the configuration was not taken over: %s", fact);
        return command_complain(cx, command, EXIT_FAILED);
    }
    printf("Configuration reloaded\n");
    if ((fact = pidfile_fact(cx->arena, server.pid_file, "restart")) != NULL)
        printf("Needs a restart: %s\n", fact);
    return EXIT_DONE;
}
