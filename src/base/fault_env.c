/* fault_env.c - the environment with faults in it.
 *
 * What a file is for is seen by its folder when it is opened, and kept for its number; so callers know nothing of it. */
#include <errno.h>
#include <string.h>

#include "base/fault.h"

enum { FDS_MOST = 4096 };

typedef enum FileUse { FILE_OTHER, FILE_LOG, FILE_TEMP } FileUse;

/* Of this process; what is open at a fork stays so in the child. */
static Env real;
static uint8_t use_of_fd[FDS_MOST];

/* Is the file in a folder of this name, or that folder itself? */
static bool
is_in(const char *path, const char *folder)
{
    const char *last = strrchr(path, '/'), *before = last;
    size_t bytes = strlen(folder);

    if (last == NULL)
        return false;
    if (strcmp(last + 1, folder) == 0)
        return true;
    while (before > path && before[-1] != '/')
        before--;
    return (size_t)(last - before) == bytes && memcmp(before, folder, bytes) == 0;
}

static int
fault_open(Env *env, const char *path, int flags, mode_t mode)
{
    int fd = real.open(env, path, flags, mode);

    if (fd >= 0 && fd < FDS_MOST)
        use_of_fd[fd] = is_in(path, "wal") ? FILE_LOG : is_in(path, "temp") ? FILE_TEMP : FILE_OTHER;
    return fd;
}

static ssize_t
fault_pwrite(Env *env, int fd, const void *data, size_t bytes, off_t at)
{
    FileUse use = fd >= 0 && fd < FDS_MOST ? (FileUse)use_of_fd[fd] : FILE_OTHER;
    char piece[256];
    size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);
    Fault fault;

    if (use == FILE_OTHER || !fault_meets(use == FILE_LOG ? FAULT_LOG_WRITE : FAULT_TEMP_WRITE, &fault))
        return real.pwrite(env, fd, data, bytes, at);
    if (fault.action == FAULT_CORRUPT && n > 0) {
        memcpy(piece, data, n);
        piece[n / 2] ^= 0x10;
        return real.pwrite(env, fd, piece, n, at); /* the rest comes with the next call */
    }
    if (fault.action == FAULT_TEAR)
        (void)real.pwrite(env, fd, data, bytes / 2, at);
    errno = fault.error;
    return -1;
}

static int
fault_sync(Env *env, int fd)
{
    Fault fault;

    if (fd < 0 || fd >= FDS_MOST || use_of_fd[fd] != FILE_LOG || !fault_meets(FAULT_LOG_SYNC, &fault))
        return real.sync(env, fd);
    errno = fault.error;
    return -1;
}

void
fault_env_install(Env *env)
{
    real = *env;
    env->open = fault_open;
    env->pwrite = fault_pwrite;
    env->sync = fault_sync;
}
