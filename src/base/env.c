/* env.c - the real world: clock_gettime, getrandom, files and sockets. */
#include "base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t
clock_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t
system_mono_us(Env *env)
{
    (void)env;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t
system_wall_us(Env *env)
{
    (void)env;
    return (int64_t)clock_us(CLOCK_REALTIME);
}

static bool
system_random(Env *env, void *out, size_t bytes)
{
    char *p = out;

    (void)env;
    while (bytes > 0) {
        ssize_t n = getrandom(p, bytes, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

static int
system_open(Env *env, const char *path, int flags, mode_t mode)
{
    (void)env;
    return open(path, flags | O_CLOEXEC, mode);
}

static ssize_t
system_read(Env *env, int fd, void *out, size_t bytes)
{
    (void)env;
    return read(fd, out, bytes);
}

static ssize_t
system_write(Env *env, int fd, const void *data, size_t bytes)
{
    (void)env;
    return write(fd, data, bytes);
}

static ssize_t
system_pread(Env *env, int fd, void *out, size_t bytes, off_t at)
{
    (void)env;
    return pread(fd, out, bytes, at);
}

static ssize_t
system_pwrite(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    (void)env;
    return pwrite(fd, data, bytes, at);
}

static int
system_rename(Env *env, const char *from, const char *to)
{
    (void)env;
    return rename(from, to);
}

static int
system_rename_new(Env *env, const char *from, const char *to)
{
    (void)env;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) /* else: the file system has no such thing */
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

static int
system_unlink(Env *env, const char *path)
{
    (void)env;
    return unlink(path);
}

static int
system_sync(Env *env, int fd)
{
    (void)env;
    return fdatasync(fd);
}

static int
system_close(Env *env, int fd)
{
    (void)env;
    return close(fd);
}

static ssize_t
system_recv(Env *env, int fd, void *out, size_t bytes, int flags)
{
    (void)env;
    return recv(fd, out, bytes, flags);
}

static ssize_t
system_send(Env *env, int fd, const void *data, size_t bytes, int flags)
{
    (void)env;
    return send(fd, data, bytes, flags | MSG_NOSIGNAL);
}

static Env system_env = {
    .mono_us = system_mono_us,
    .wall_us = system_wall_us,
    .random = system_random,
    .open = system_open,
    .read = system_read,
    .write = system_write,
    .pread = system_pread,
    .pwrite = system_pwrite,
    .sync = system_sync,
    .rename_new = system_rename_new,
    .rename = system_rename,
    .unlink = system_unlink,
    .close = system_close,
    .recv = system_recv,
    .send = system_send,
};

Env *
env_system(void)
{
    return &system_env;
}

int
env_sync_folder(Env *env, const char *path)
{
    int fd = env->open(env, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), rc, error;

    if (fd < 0)
        return -1;
    rc = env->sync(env, fd);
    error = errno;
    env->close(env, fd);
    errno = error;
    return rc;
}

Status
fail_path(Ctx *cx, const char *what, const char *path)
{
    return fail(cx, ST_IO, env_is_full(errno) ? "53100" : "58030", "could not %s \"%s\": %s", what, path,
                strerror(errno));
}
