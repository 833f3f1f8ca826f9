/* daemon.c - the parent's exit status is the truth: it waits on a pipe, which brings one byte when the server
 * accepts connections, a line for the user when it can not and has let go of the terminal already, or its end when the
 * child has died before. While nothing comes, it shows what the log says: a server may wait for space on the disk, or
 * have a long recovery before it. */
#include "bin/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum {
    LINE_MOST = PIPE_BUF, /* so much goes into a pipe as a whole */
    QUIET_MS = 3000
};

static off_t
size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Shows the whole lines of the log behind `from`; returns where they end. */
static off_t
show_lines(const char *log_file, off_t from)
{
    FILE *log = fopen(log_file, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    if (log == NULL)
        return from;
    if (size_of(log_file) < from)
        from = 0; /* somebody has put it away */
    if (fseeko(log, from, SEEK_SET) == 0) {
        while ((n = getline(&line, &room, log)) > 0 && line[n - 1] == '\n') {
            fprintf(stderr, "heliosdb-nano start: the server is not ready yet; \"%s\" says: %s", log_file,
                    line);
            from += n;
        }
    }
    free(line);
    (void)fclose(log);
    return from;
}

static void
wait_for_word(int fd, const char *log_file, off_t from)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int rc;

    while ((rc = poll(&one, 1, QUIET_MS)) == 0 || (rc < 0 && errno == EINTR)) {
        if (rc == 0)
            from = show_lines(log_file, from);
    }
}

NORETURN static void
wait_for_child(int pid, int fd, const char *log_file, off_t from)
{
    char text[LINE_MOST];
    ssize_t n;
    int status = 0;

    wait_for_word(fd, log_file, from);
    do
        n = read(fd, text, sizeof(text));
    while (n < 0 && errno == EINTR);
    if (n > 0 && text[0] == 'R')
        _exit(0);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) != n)
        _exit(1); /* nobody reads */
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
    _exit(1);
}

Status
daemon_fork(Ctx *cx, const char *log_file, int *ready_fd)
{
    off_t from = size_of(log_file); /* what an earlier server has said is of no interest */
    int ends[2], pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(cx, ST_IO, "58030", "could not create a pipe: %s", strerror(errno));
    pid = fork();
    if (pid < 0)
        return fail(cx, ST_IO, "58030", "could not fork: %s", strerror(errno));
    if (pid > 0) {
        close(ends[1]);
        wait_for_child(pid, ends[0], log_file, from);
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

void
daemon_refuse(Ctx *cx, int ready_fd, const char *log_file)
{
    char text[LINE_MOST];
    const ErrorInfo *e = &cx->error;
    int n = snprintf(text, sizeof(text), "heliosdb-nano start: %s. %s%sMore may be in \"%s\".\n",
                     e->message != NULL ? e->message : "the server could not start",
                     e->hint != NULL ? e->hint : "", e->hint != NULL ? " " : "", log_file);

    if (write(ready_fd, text, MIN_OF((size_t)n, sizeof(text) - 1)) < 0)
        log_line(LOG_DEBUG, "nobody waits for us to be ready");
}
