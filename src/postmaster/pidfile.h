/* src/postmaster/pidfile.h - who runs here: the pid file, and the facts beside it.
 *
 * The pid file holds one line, the process id, so that `kill $(cat heliosdb.pid)` works. It stays locked
 * as long as the server or one of its children lives; the lock, not the file, says that a server
 * runs. Facts for `status` and `reload` are in a second file, PIDFILE.status, one "key=value" a line,
 * replaced as a whole. */
#ifndef POSTMASTER_PIDFILE_H
#define POSTMASTER_PIDFILE_H
#include "base/buf.h"
#include "base/ctx.h"

typedef struct PidFile {
    int fd; /* -1 = none */
    char path[512];
} PidFile;

/* 55006 when another server holds it, 53100 when there is no space; after a failure the file is as it was, or not there. */
MUST_CHECK Status pidfile_create(Ctx *cx, const char *path, int pid, PidFile *out);
/* Removes both files. The lock goes with the last process. */
void pidfile_remove(PidFile *file);
/* Writes the facts; `lines` ends each with a newline. After a failure there are none: the old ones would be wrong. */
MUST_CHECK Status pidfile_write_facts(Ctx *cx, const PidFile *file, const Buf *lines);

/* Who runs: 0 = nobody (*why says how we know), else the process id. */
int pidfile_running(const char *path, const char **why);
/* The value of one fact, in `a`; NULL when there is none. */
const char *pidfile_fact(Arena *a, const char *path, const char *key);

#endif
