/* src/backend/command/copy_int.h - COPY: what its files share. */
#ifndef COPY_INT_H
#define COPY_INT_H
#include "backend/command/copy_reader.h"
#include "backend/session/session.h"

/* What COPY's WITH (...) says, checked. Column lists are names still; NULL = not given. */
typedef struct CopyOptions {
    CopyShape shape;
    bool freeze;
    bool force_quote_all;
    const AstList *force_quote, *force_not_null, *force_null;
} CopyOptions;

MUST_CHECK Status copy_read_options(Ctx *cx, const AstList *options, bool is_from, CopyOptions *out);
/* The columns that are copied, 1-based; all that are there when none are named. */
MUST_CHECK Status copy_columns(Ctx *cx, const TableInfo *t, const AstList *names, int *columns, int *count);
/* flags[i]: column i + 1 of the table is in the list, and is copied. `what` for the error. */
MUST_CHECK Status copy_column_flags(Ctx *cx, const TableInfo *t, const AstList *names, const int *columns,
                                    int column_count, const char *what, bool *flags);

MUST_CHECK Status copy_from(Session *s, const AstCopy *a, const CopyOptions *o, Sink *sink, uint64_t *rows);
MUST_CHECK Status copy_to(Session *s, const AstCopy *a, const CopyOptions *o, Sink *sink, uint64_t *rows);

/* Files on the server's machine. The source closes itself at the end of the file; copy_file_close is for
 * failures, and a no-op afterwards. */
typedef struct CopyFile {
    CopySource source;
    const char *name;
    int fd; /* -1: closed */
    char *space;
} CopyFile;
MUST_CHECK Status copy_file_open(Ctx *cx, CopyFile *f, const char *name, bool for_reading);
MUST_CHECK Status copy_file_write(Ctx *cx, CopyFile *f, const void *data, size_t bytes);
void copy_file_close(CopyFile *f);

#endif
