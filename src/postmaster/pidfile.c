/* pidfile.c - see pidfile.h. */
#include "postmaster/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/env.h"

static void
facts_path(const char *path, char out[600])
{
    snprintf(out, 600, "%s.status", path);
}

/* Of a disk that is full some bytes may still be taken. */
static bool
write_whole(int fd, const void *data, size_t bytes)
{
    ssize_t n = write(fd, data, bytes);

    if (n >= 0 && (size_t)n < bytes)
        errno = ENOSPC;
    return n == (ssize_t)bytes;
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
        return fail_path(cx, "create pid file", path);
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
    if (ftruncate(file.fd, 0) != 0 || !write_whole(file.fd, text, (size_t)n)) {
        int code = errno;

        pidfile_remove(&file);
        errno = code;
        return fail_path(cx, "write pid file", path);
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

/* 0 or errno; then what was there is there still. */
static int
replace(const char *path, const Buf *lines)
{
    char fresh[620];
    int fd, error = 0;

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    if (!write_whole(fd, lines->data, lines->bytes))
        error = errno;
    close(fd);
    if (error == 0 && rename(fresh, path) != 0)
        error = errno;
    if (error != 0)
        unlink(fresh);
    return error;
}

Status
pidfile_write_facts(Ctx *cx, const PidFile *file, const Buf *lines)
{
    char facts[600];
    int error;

    ASSERT(file->fd >= 0);
    facts_path(file->path, facts);
    error = replace(facts, lines);
    if (error != 0) { /* what stands there is true no more, and may take the very room that is missing */
        unlink(facts);
        error = replace(facts, lines);
    }
    errno = error;
    return error == 0 ? ST_OK : fail_path(cx, "write", facts);
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
