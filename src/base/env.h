/* src/base/env.h - the outside world behind one table, so that a test can own it.
 *
 * Everybody reaches time and randomness through cx->env. env_system() is the real one; a test makes
 * its own table and puts it into its Ctx. Functions return -1 with errno where the system does. */
#ifndef BASE_ENV_H
#define BASE_ENV_H
#include <errno.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/ctx.h"

typedef struct Env Env;
struct Env {
    uint64_t (*mono_us)(Env *env); /* never goes back; counts since some fixed moment */
    int64_t (*wall_us)(Env *env); /* since 1970-01-01 UTC; may jump */
    /* Fills with bytes fit for keys and nonces. False when the system has none to give. */
    bool (*random)(Env *env, void *out, size_t bytes);
    int (*open)(Env *env, const char *path, int flags, mode_t mode);
    ssize_t (*read)(Env *env, int fd, void *out, size_t bytes);
    ssize_t (*write)(Env *env, int fd, const void *data, size_t bytes);
    ssize_t (*pread)(Env *env, int fd, void *out, size_t bytes, off_t at);
    ssize_t (*pwrite)(Env *env, int fd, const void *data, size_t bytes, off_t at);
    int (*sync)(Env *env, int fd); /* the data, and what is needed to find it again */
    int (*rename)(Env *env, const char *from, const char *to);
    int (*rename_new)(Env *env, const char *from, const char *to); /* EEXIST if there is `to` */
    int (*unlink)(Env *env, const char *path);
    int (*close)(Env *env, int fd);
    ssize_t (*recv)(Env *env, int fd, void *out, size_t bytes, int flags);
    ssize_t (*send)(Env *env, int fd, const void *data, size_t bytes, int flags);
};

Env *env_system(void);

static inline uint64_t
env_mono_us(Env *env)
{
    return env->mono_us(env);
}
static inline int64_t
env_wall_us(Env *env)
{
    return env->wall_us(env);
}
/* Flushes a folder: the names in it last. -1 with errno where the system fails. */
int env_sync_folder(Env *env, const char *path);
/* Does the error mean that there is no space (53100), be it on the disk or in somebody's share of it? */
static inline bool
env_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}
/* By errno: 53100 or 58030, `could not WHAT "PATH": ...`. */
MUST_CHECK Status fail_path(Ctx *cx, const char *what, const char *path);

#endif
