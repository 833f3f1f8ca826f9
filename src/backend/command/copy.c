/* copy.c - COPY: which way it goes, and files on the server's machine. */
#include "backend/command/copy_int.h"

#include "backend/command/command.h"
#include "base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_READ_BYTES = 256 * 1024 };

/* ---- files --------------------------------------------------------------------------------------------------------- */

static Status
read_file(CopySource *self, Ctx *cx, const char **data, size_t *bytes)
{
    CopyFile *f = (CopyFile *)self;
    ssize_t n = 0;

    *bytes = 0;
    TRY(ctx_poll(cx));
    if (f->fd < 0)
        return ST_OK;
    do
        n = read(f->fd, f->space, FILE_READ_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(cx, ST_ERROR, "58030", "could not read from COPY file: %s", strerror(errno));
    *data = f->space;
    *bytes = (size_t)n;
    if (n == 0)
        copy_file_close(f);
    return ST_OK;
}

static const char *
errno_sqlstate(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
    case EROFS: return "42501";
    case ENOENT: return "58P01";
    case EEXIST: return "58P02";
    case ENOTDIR:
    case EISDIR: return "42809";
    default: return env_is_full(error) ? "53100" : "58030";
    }
}

Status
copy_file_open(Ctx *cx, CopyFile *f, const char *name, bool for_reading)
{
    Env *env = cx->env;
    struct stat st;
    int fd;

    if (!for_reading && name[0] != '/')
        return fail(cx, ST_ERROR, "42602", "relative path not allowed for COPY to file");
    fd = for_reading ? env->open(env, name, O_RDONLY | O_CLOEXEC, 0)
                     : env->open(env, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        Status rc = fail(cx, ST_ERROR, errno_sqlstate(errno), "could not open file \"%s\" for %s: %s", name,
                         for_reading ? "reading" : "writing", strerror(errno));

        if (errno == ENOENT || errno == EACCES)
            fail_hint(
                cx,
                "COPY %s instructs the PostgreSQL server process to %s a file. You may want a client-side "
                "facility such as psql's \\copy.",
                for_reading ? "FROM" : "TO", for_reading ? "read" : "write");
        return rc;
    }
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return fail(cx, ST_ERROR, "42809", "\"%s\" is a directory", name);
    }
    *f = (CopyFile){.source = {read_file}, .name = name, .fd = fd};
    f->space = arena_alloc(cx->arena, for_reading ? FILE_READ_BYTES : 1);
    return ST_OK;
}

Status
copy_file_write(Ctx *cx, CopyFile *f, const void *data, size_t bytes)
{
    const char *p = data;

    while (bytes > 0) {
        ssize_t n = write(f->fd, p, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(cx, ST_ERROR, errno_sqlstate(errno), "could not write to COPY file: %s",
                        strerror(errno));
        p += n;
        bytes -= (size_t)n;
    }
    return ctx_poll(cx);
}

void
copy_file_close(CopyFile *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/* ---- the statement ------------------------------------------------------------------------------------------------- */

static Status
check_place(Session *s, const AstCopy *a)
{
    Status rc;

    if (a->is_program)
        return fail_unsupported(s->cx, -1, a->is_from ? "COPY FROM PROGRAM" : "COPY TO PROGRAM");
    if (a->file == NULL || catalog_is_superuser(s->cx))
        return ST_OK;
    rc = fail(s->cx, ST_ERROR, "42501", "must be superuser or have privileges of the %s role to COPY %s a file",
              a->is_from ? "pg_read_server_files" : "pg_write_server_files", a->is_from ? "from" : "to");
    fail_hint(s->cx, "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.");
    return rc;
}

Status
command_copy(Session *s, const AstCopy *a, Sink *sink, const char **tag)
{
    CopyOptions options;
    uint64_t rows = 0;

    TRY(check_place(s, a));
    TRY(copy_read_options(s->cx, &a->options, a->is_from, &options));
    TRY(a->is_from ? copy_from(s, a, &options, sink, &rows) : copy_to(s, a, &options, sink, &rows));
    *tag = arena_printf(&s->message, "COPY %llu", (unsigned long long)rows);
    return ST_OK;
}
