/* pidfile.c - see pidfile.h. */
#include "postmaster/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static void
facts_path(const char *path, char out[600])
{
    snprintf(out, 600, "%s.status", path);
}

Status
pidfile_create(Ctx *cx, const char *path, int pid, PidFile *out)
{
    PidFile file = {.fd = -1};
    char text[32], facts[600];
    int n;

    if (strlen(path) >= sizeof(file.path) - 16)
        return fail(cx, ST_ERROR, "22023", "the path of the pid file is too long: \"%s\"", path);
    file.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file.fd < 0)
        return fail(cx, ST_IO, "58030", "could not create pid file \"%s\": %s", path, strerror(errno));
    if (flock(file.fd, LOCK_EX | LOCK_NB) != 0) {
        int code = errno;

        close(file.fd);
        if (code != EWOULDBLOCK)
            return fail(cx, ST_IO, "58030", "could not lock pid file \"%s\": %s", path, strerror(code));
        fail(cx, ST_ERROR, "55006", "another server is running: pid file \"%s\" is locked", path);
        fail_hint(cx, "Stop it, or choose another pid file (--pid-file, server.pid_file).");
        return ST_ERROR;
    }
    snprintf(file.path, sizeof(file.path), "%s", path);
    facts_path(path, facts);
    unlink(facts); /* of a server that was killed */
    n = snprintf(text, sizeof(text), "%d\n", pid);
    if (ftruncate(file.fd, 0) != 0 || write(file.fd, text, (size_t)n) != n) {
        int code = errno;

        pidfile_remove(&file);
        return fail(cx, ST_IO, "58030", "could not write pid file \"%s\": %s", path, strerror(code));
    }
    *out = file;
    return ST_OK;
}

void
pidfile_remove(PidFile *file)
{
    char facts[600];

    if (file->fd < 0)
        return;
    facts_path(file->path, facts);
    unlink(facts);
    unlink(file->path);
    close(file->fd);
    file->fd = -1;
}

Status
pidfile_write_facts(Ctx *cx, const PidFile *file, const Buf *lines)
{
    char facts[600], fresh[620];
    int fd;
    ssize_t n;

    ASSERT(file->fd >= 0);
    facts_path(file->path, facts);
    snprintf(fresh, sizeof(fresh), "%s.new", facts);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(cx, ST_IO, "58030", "could not write \"%s\": %s", fresh, strerror(errno));
    n = write(fd, lines->data, lines->bytes);
    close(fd);
    if (n != (ssize_t)lines->bytes || rename(fresh, facts) != 0)
        return fail(cx, ST_IO, "58030", "could not write \"%s\": %s", facts, strerror(errno));
    return ST_OK;
}

int
pidfile_running(const char *path, const char **why)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC), pid = 0;
    ssize_t n;

    if (fd < 0) {
        *why = errno == ENOENT ? "there is no pid file" : "the pid file can not be read";
        return 0;
    }
    n = read(fd, text, sizeof(text) - 1);
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        *why = "the pid file is left over from a server that was killed";
    } else {
        pid = n > 0 ? atoi(text) : 0;
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) {
            *why = "the server was killed and its last sessions are ending";
            pid = 0;
        } else if (pid <= 0) {
            *why = "the pid file holds no process id";
            pid = 0;
        }
    }
    close(fd);
    return pid;
}

const char *
pidfile_fact(Arena *a, const char *path, const char *key)
{
    char facts[600], line[2048];
    size_t bytes = strlen(key);
    const char *value = NULL;
    FILE *f;

    facts_path(path, facts);
    f = fopen(facts, "re");
    if (f == NULL)
        return NULL;
    while (value == NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, key, bytes) == 0 && line[bytes] == '=')
            value = arena_strndup(a, line + bytes + 1, strcspn(line + bytes + 1, "\n"));
    }
    fclose(f);
    return value;
}
