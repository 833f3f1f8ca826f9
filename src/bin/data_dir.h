/* src/bin/data_dir.h - a data directory from outside: making it, knowing it, having it for oneself.
 *
 *   DIR/format        its format, and the key of an encrypted one: looked at before anything else is
 *   DIR/lock          locked by whoever has it open; holds the process id, and whether that is a server
 *   DIR/pages         the page store
 *   DIR/wal           the log
 *   DIR/temp          temporary files; emptied at start
 *
 * All of it is in doc/format/data-directory.md. */
#ifndef BIN_DATA_DIR_H
#define BIN_DATA_DIR_H
#include "base/ctx.h"
#include "bin/dir_format.h"

typedef struct DataDir {
    int lock_fd; /* -1 = not locked */
} DataDir;

/* Makes the directory and what belongs into it; idempotent. A directory that holds other things, or has another format, is
 * refused. `fresh`: the format of a new one, or the one that it had when the caller looked: 55006 if it has another. *made: it was not one
 * before. */
MUST_CHECK Status data_dir_make(Ctx *cx, const char *path, const DirFormat *fresh, bool *made);
/* The name of the database that comes with the directory: its own name, cut as PostgreSQL cuts names. NULL when that is
 * no name for a database: not UTF-8, or the root directory. The directory exists. */
const char *data_dir_database(Ctx *cx, const char *path);
/* A directory that has to be there already: with a format that we know, and the lock. */
MUST_CHECK Status data_dir_open(Ctx *cx, const char *path, DataDir *out);
/* The same for somebody who only reads: nothing is written, so it may lie on a read-only file system and belong to others. */
MUST_CHECK Status data_dir_look(Ctx *cx, const char *path, DataDir *out);
/* The lock for a server, kept until the process ends and inherited by none that it starts. 55006 with the holder's process id; 55000 when the
 * directory belongs to another user. */
MUST_CHECK Status data_dir_lock(Ctx *cx, const char *path, DataDir *out);
/* The process id of the server that has the directory open, 0 = none has. */
int data_dir_server(Ctx *cx, const char *path);
void data_dir_unlock(DataDir *dir);

#endif
