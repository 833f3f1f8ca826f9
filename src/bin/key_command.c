/* key_command.c - see key_command.h.
 *
 * Two things are waited for, below one deadline: the end of the output, which whoever inherited it can keep open, and the
 * shell's own end. */
#include "bin/key_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"

typedef struct Run {
    const char *where;
    uint64_t until_us;
    int limit_ms;
    int pid, out_fd;
} Run;

NORETURN static void
run_shell(const char *command, int out_fd, int parent)
{
    int null_fd = open("/dev/null", O_RDONLY);

    setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(127);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static Status
begin(Ctx *cx, const char *command, Run *run)
{
    int ends[2], parent = (int)getpid(), code;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(cx, ST_IO, "F0000", "could not run %s: %s", run->where, strerror(errno));
    run->pid = fork();
    if (run->pid == 0)
        run_shell(command, ends[1], parent);
    code = errno;
    close(ends[1]);
    run->out_fd = ends[0];
    if (run->pid > 0)
        return ST_OK;
    close(ends[0]);
    return fail(cx, ST_IO, "F0000", "could not run %s: %s", run->where, strerror(code));
}

/* Until there is something about `fd`, or too late. */
static Status
wait_for(Ctx *cx, const Run *run, int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int rc;

    do {
        uint64_t now_us = env_mono_us(cx->env);

        rc = now_us < run->until_us ? poll(&one, 1, (int)((run->until_us - now_us + 999) / 1000)) : 0;
    } while (rc < 0 && errno == EINTR);
    if (rc > 0)
        return ST_OK;
    if (rc < 0)
        return fail(cx, ST_IO, "F0000", "could not wait for %s: %s", run->where, strerror(errno));
    return fail(cx, ST_ERROR, "F0000",
                "%s, which was to print the encryption key, has not ended within %g seconds and was killed",
                run->where, run->limit_ms / 1000.0);
}

static Status
read_output(Ctx *cx, const Run *run, char *to, size_t most, size_t *bytes)
{
    ssize_t n = 1;

    while (n > 0 && *bytes < most) {
        TRY(wait_for(cx, run, run->out_fd));
        do
            n = read(run->out_fd, to + *bytes, most - *bytes);
        while (n < 0 && errno == EINTR);
        if (n > 0)
            *bytes += (size_t)n;
    }
    return n >= 0 ? ST_OK
                  : fail(cx, ST_IO, "F0000", "could not read the encryption key from %s: %s", run->where,
                         strerror(errno));
}

static Status
await_end(Ctx *cx, const Run *run)
{
    int fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    Status rc;

    if (fd < 0)
        return fail(cx, ST_IO, "F0000", "could not wait for %s: %s", run->where, strerror(errno));
    rc = wait_for(cx, run, fd);
    close(fd);
    return rc;
}

static Status
judge_end(Ctx *cx, const Run *run, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ST_OK;
    return fail(cx, ST_ERROR, "F0000", "%s, which was to print the encryption key, ended with %s %d",
                run->where, WIFEXITED(status) ? "status" : "signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

Status
key_command_read(Ctx *cx, const char *command, const char *where, char *to, size_t most, size_t *bytes)
{
    const char *test_ms = getenv("HELIOS_KEY_COMMAND_MS"); /* tests */
    Run run = {.where = where, .limit_ms = test_ms != NULL ? atoi(test_ms) : KEY_COMMAND_MS};
    int status = 0;
    Status rc;

    *bytes = 0;
    run.until_us = env_mono_us(cx->env) + (uint64_t)run.limit_ms * 1000;
    TRY(begin(cx, command, &run));
    rc = read_output(cx, &run, to, most, bytes);
    close(run.out_fd); /* who prints more than a key gets a signal */
    if (rc == ST_OK)
        rc = await_end(cx, &run);
    if (rc != ST_OK && kill(-run.pid, SIGKILL) != 0)
        (void)kill(run.pid, SIGKILL); /* it has no group yet */
    while (waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
        ;
    return rc == ST_OK ? judge_end(cx, &run, status) : rc;
}
