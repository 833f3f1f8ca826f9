/* src/backend/session/cursor.h - SQL cursors: DECLARE, FETCH, MOVE, CLOSE, WHERE CURRENT OF.
 *
 * A cursor lives until CLOSE, the end of its transaction or the rollback of the savepoint it was declared
 * after; WITH HOLD until the session ends, once its transaction has committed. */
#ifndef SESSION_CURSOR_H
#define SESSION_CURSOR_H
#include "backend/session/session.h"

typedef struct Cursor {
    struct Cursor *next;
    const char *name, *sql;
    Arena arena;
    PlannedQuery *plan;
    Execution *execution; /* NULL: all rows are in the store, or the cursor has failed */
    struct RowStore *store; /* rows first + 1 ... read */
    uint64_t first, read;
    uint64_t position; /* 0 before the first row, read + 1 behind the last */
    bool scroll, hold, binary, complete, failed;
    bool held; /* its transaction has committed */
    int level; /* savepoints open when it was declared */
    int64_t declared_at;
} Cursor;

MUST_CHECK Status cursor_declare(Session *s, const AstCursor *a, const char *sql);
/* FETCH and MOVE. */
MUST_CHECK Status cursor_fetch(Session *s, const AstCursor *a, Sink *sink, const char **tag);
MUST_CHECK Status cursor_close(Session *s, const AstCursor *a, const char **tag);
/* What FETCH gives back. */
MUST_CHECK Status cursor_columns(Session *s, const AstCursor *a, ResultColumn **columns, int *count);

/* Before a commit: WITH HOLD cursors read what is left, others go. */
MUST_CHECK Status cursors_before_commit(Session *s);
/* After a failure or rollback: those of this transaction that were declared with at least `level`
 * savepoints open. */
void cursors_roll_back(Session *s, int level);
void cursors_close_all(Session *s);
/* Some plan of this session is between two of its rows. */
bool cursors_running(const Session *s);

#endif
