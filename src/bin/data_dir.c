/* data_dir.c - see data_dir.h. */
#include "bin/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/catalog/catalog.h"
#include "base/env.h"
#include "base/utf8.h"

enum { LOCK_NAP_MS = 20, LOCK_PATIENCE_MS = 10000, LOCK_PATIENCE_LIVING_MS = 500 };

static const char server_word[] = " server"; /* in the lock file; other commands write none */
static const char *const folders[] = {"pages", "wal", "temp"};

static Status
is_empty(Ctx *cx, const char *path, bool *empty)
{
    DIR *d = opendir(path);
    const struct dirent *e;

    *empty = true;
    if (d == NULL)
        return fail_path(cx, "open directory", path);
    while ((e = readdir(d)) != NULL) {
        /* What a daemon puts there before the directory is made. */
        static const char *const ours[] = {
            ".",         "..", "lost+found", "heliosdb.pid", "heliosdb.pid.status", "heliosdb.log",
            "format.new" /* whoever made it was killed */};
        bool known = false;

        for (size_t i = 0; i < COUNT_OF(ours); i++)
            known |= strcmp(e->d_name, ours[i]) == 0;
        *empty &= known;
    }
    closedir(d);
    return ST_OK;
}

static Status
make_folder(Ctx *cx, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail_path(cx, "create directory", path);
    return ST_OK;
}

/* The names in it last. */
static Status
flush_folder(Ctx *cx, const char *path)
{
    return env_sync_folder(cx->env, path) == 0 ? ST_OK : fail_path(cx, "flush directory", path);
}

static Status
make_parents(Ctx *cx, const char *path)
{
    char *part = arena_strdup(cx->arena, path);

    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0755) == 0) {
            TRY(flush_folder(cx, arena_printf(cx->arena, "%s/..", part)));
        } else if (errno != EEXIST) {
            return fail_path(cx, "create directory", part);
        }
        *p = '/';
    }
    return ST_OK;
}

/* The directory with its format, written before anything else: with it the rest is known to be ours, if we are killed here.
 * Below a lock on the directory itself: of two who make it, one does. *made false: somebody else has. */
static Status
make_format(Ctx *cx, const char *path, const DirFormat *fresh, bool *made)
{
    DirFormat format;
    bool empty;

    TRY(dir_format_read(cx, path, &format));
    *made = format.number == DIR_FORMAT_NONE;
    if (!*made)
        return ST_OK;
    TRY(is_empty(cx, path, &empty));
    if (!empty) {
        (void)fail(cx, ST_ERROR, "55000",
                   "directory \"%s\" is not empty, and is no data directory of HeliosDB Nano", path);
        fail_hint(cx, "Choose another directory, or one that does not exist yet.");
        return ST_ERROR;
    }
    if (chmod(path, 0700) != 0) /* somebody may have made it, for everybody to read */
        return fail_path(cx, "change the permissions of", path);
    TRY(flush_folder(cx, arena_printf(cx->arena, "%s/..", path)));
    return dir_format_write(cx, path, fresh);
}

static Status
make_locked(Ctx *cx, const char *path, const DirFormat *fresh, bool *made)
{
    Status rc;
    int fd;

    TRY(make_parents(cx, path));
    TRY(make_folder(cx, path));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_path(cx, "open directory", path);
    (void)flock(fd, LOCK_EX); /* some file systems have none for directories */
    rc = make_format(cx, path, fresh, made);
    close(fd);
    return rc;
}

Status
data_dir_make(Ctx *cx, const char *path, const DirFormat *fresh, bool *made)
{
    DirFormat format;

    *made = false;
    TRY(dir_format_read(cx, path, &format));
    if (format.number == DIR_FORMAT_NONE) {
        TRY(make_locked(cx, path, fresh, made));
        TRY(dir_format_read(cx, path, &format));
    }
    if (!dir_format_equal(&format, fresh)) { /* the key that the caller has would be of no use */
        (void)fail(cx, ST_ERROR, "55006", "data directory \"%s\" was just made or changed by another process",
                   path);
        fail_hint(cx, "Try again.");
        return ST_ERROR;
    }
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        TRY(make_folder(cx, arena_printf(cx->arena, "%s/%s", path, folders[i])));
    return flush_folder(cx, path);
}

const char *
data_dir_database(Ctx *cx, const char *path)
{
    char whole[PATH_MAX]; /* "." and "x/.." have names, too */
    const char *name;
    size_t bytes, keep = 0;

    if (realpath(path, whole) == NULL)
        return NULL;
    name = strrchr(whole, '/') + 1;
    bytes = strlen(name);
    if (bytes == 0 || utf8_valid_prefix(name, bytes) < bytes)
        return NULL;
    while (keep < bytes && keep + (size_t)utf8_char_bytes(name[keep]) <= NAME_MOST_BYTES)
        keep += (size_t)utf8_char_bytes(name[keep]);
    return arena_strndup(cx->arena, name, keep);
}

/* Not: dead, and its parent has not asked yet how it ended. */
static bool
lives(Ctx *cx, int pid)
{
    char text[256] = "";
    const char *name_end;
    int fd = open(arena_printf(cx->arena, "/proc/%d/stat", pid), O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return kill(pid, 0) == 0 || errno != ESRCH;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    name_end = strrchr(text, ')');
    return name_end == NULL || (strncmp(name_end, ") Z", 3) != 0 && strncmp(name_end, ") X", 3) != 0);
}

/* The processes of a server that was killed end by themselves, and hold the lock until then: they get a moment. A
 * postmaster that lives gets a short one: it may have been killed just now. */
static bool
take_lock(Ctx *cx, int fd)
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_NAP_MS) {
        char text[32] = "";
        int pid = pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;

        if (waited_ms >= (pid <= 0 || lives(cx, pid) ? LOCK_PATIENCE_LIVING_MS : LOCK_PATIENCE_MS))
            return false;
        usleep(LOCK_NAP_MS * 1000);
    }
    return true;
}

/* `fd` is the lock file, and is closed. */
static Status
fail_locked(Ctx *cx, const char *path, int fd)
{
    char text[32] = "";
    int pid = pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;

    close(fd);
    if (pid > 0 && lives(cx, pid))
        return fail(cx, ST_ERROR, "55006", "data directory \"%s\" is in use by process %d", path, pid);
    (void)fail(cx, ST_ERROR, "55006", "data directory \"%s\" is in use by another process", path);
    if (pid > 0)
        fail_hint(cx, "The server with process id %d has ended; one of its processes may not have.", pid);
    return ST_ERROR;
}

/* A server of somebody else would make files that this one's can not open; and nobody else may read what is in there. */
static Status
check_access(Ctx *cx, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fail_path(cx, "examine", path);
    if (st.st_uid != geteuid()) {
        (void)fail(cx, ST_ERROR, "55000", "data directory \"%s\" has wrong ownership", path);
        fail_hint(cx, "The server must be started by the user that owns the data directory.");
        return ST_ERROR;
    }
    if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
        (void)fail(cx, ST_ERROR, "55000", "data directory \"%s\" has invalid permissions", path);
        fail_hint(cx, "Permissions should be u=rwx (0700) or u=rwx,g=rx (0750).");
        return ST_ERROR;
    }
    return ST_OK;
}

/* Over what stands there, and cut off then: on a full disk there would be no room to begin anew. 0 or errno. */
static int
write_holder(int fd, const char *text, size_t bytes)
{
    ssize_t n = pwrite(fd, text, bytes, 0);

    if (n < 0)
        return errno;
    if ((size_t)n < bytes)
        return ENOSPC;
    return ftruncate(fd, (off_t)bytes) == 0 ? 0 : errno;
}

/* `word` is behind the process id: who that is. */
static Status
lock(Ctx *cx, const char *path, const char *word, DataDir *out)
{
    const char *file = arena_printf(cx->arena, "%s/lock", path);
    char text[32];
    int fd, n, error;

    *out = (DataDir){.lock_fd = -1};
    TRY(check_access(cx, path));
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_path(cx, "open", file);
    if (!take_lock(cx, fd))
        return fail_locked(cx, path, fd);
    n = snprintf(text, sizeof(text), "%d%s\n", (int)getpid(), word);
    error = write_holder(fd, text, (size_t)n);
    if (error != 0) {
        close(fd);
        errno = error;
        return fail_path(cx, "write", file);
    }
    out->lock_fd = fd;
    return ST_OK;
}

Status
data_dir_lock(Ctx *cx, const char *path, DataDir *out)
{
    return lock(cx, path, server_word, out);
}

/* Has this process the file open? */
static bool
has_open(Ctx *cx, int pid, const struct stat *file)
{
    DIR *d = opendir(arena_printf(cx->arena, "/proc/%d/fd", pid));
    const struct dirent *e;
    bool found = false;
    struct stat st;

    if (d == NULL)
        return false;
    while (!found && (e = readdir(d)) != NULL)
        found =
            fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
    closedir(d);
    return found;
}

int
data_dir_server(Ctx *cx, const char *path)
{
    int fd = open(arena_printf(cx->arena, "%s/lock", path), O_RDONLY | O_CLOEXEC), pid = 0;
    char text[32] = "";
    struct stat file;

    if (fd < 0)
        return 0;
    /* What only reads locks it, too, and leaves in it what the last server wrote: whose number may be another process's by now. */
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK && fstat(fd, &file) == 0 &&
        pread(fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, server_word) != NULL)
        pid = atoi(text);
    if (pid > 0 && !has_open(cx, pid, &file))
        pid = 0;
    close(fd);
    return pid;
}

static Status
expect_data_dir(Ctx *cx, const char *path)
{
    DirFormat format;

    TRY(dir_format_read(cx, path, &format));
    return format.number != DIR_FORMAT_NONE
               ? ST_OK
               : fail(cx, ST_ERROR, "58P01", "\"%s\" is no data directory of HeliosDB Nano", path);
}

Status
data_dir_open(Ctx *cx, const char *path, DataDir *out)
{
    TRY(expect_data_dir(cx, path));
    return lock(cx, path, "", out);
}

Status
data_dir_look(Ctx *cx, const char *path, DataDir *out)
{
    const char *file = arena_printf(cx->arena, "%s/lock", path);

    TRY(expect_data_dir(cx, path));
    out->lock_fd = open(file, O_RDONLY | O_CLOEXEC);
    if (out->lock_fd < 0)
        return errno == ENOENT ? ST_OK : fail_path(cx, "open", file); /* no server has been there yet */
    if (take_lock(cx, out->lock_fd))
        return ST_OK;
    return fail_locked(cx, path, out->lock_fd);
}

void
data_dir_unlock(DataDir *dir)
{
    if (dir->lock_fd >= 0)
        close(dir->lock_fd);
    dir->lock_fd = -1;
}
