/* daemon.c - the parent's exit status is the truth: it waits on a pipe, which brings one byte when the server
 * accepts connections, or its end when the child has died before. */
#include "bin/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

NORETURN static void
wait_for_child(int pid, int fd)
{
    char byte;
    ssize_t n;
    int status = 0;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
    _exit(1);
}

Status
daemon_fork(Ctx *cx, int *ready_fd)
{
    int ends[2], pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(cx, ST_IO, "58030", "could not create a pipe: %s", strerror(errno));
    pid = fork();
    if (pid < 0)
        return fail(cx, ST_IO, "58030", "could not fork: %s", strerror(errno));
    if (pid > 0) {
        close(ends[1]);
        wait_for_child(pid, ends[0]);
    }
    close(ends[0]);
    setsid();
    *ready_fd = ends[1];
    return ST_OK;
}

void
daemon_detach(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    for (int i = 0; i <= 2; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
}
