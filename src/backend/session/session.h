/* src/backend/session/session.h - one client's session: its settings, transaction, statements, portals.
 *
 * A session belongs to one Ctx (cx->session). It knows nothing of the wire: rows and tags go to a Sink. */
#ifndef SESSION_H
#define SESSION_H
#include "backend/bind/bind.h"
#include "backend/catalog/catalog.h"
#include "backend/config/settings.h"
#include "backend/exec/exec.h"
#include "backend/exec/row_list.h"
#include "backend/parse/parse.h"

typedef struct Session Session;

/* Where results go. */
typedef struct Sink Sink;
struct Sink {
    /* The columns of the rows to come; called once before the first row (simple protocol, EXPLAIN). */
    Status (*describe)(Sink *sink, Ctx *cx, const ResultColumn *columns, int count);
    Status (*rows)(Sink *sink, Ctx *cx, const Batch *batch, const ResultColumn *columns, int count);
    Status (*complete)(Sink *sink, Ctx *cx, const char *tag);
    /* COPY: bytes out, and in; *bytes 0 at the end. NULL: the door cannot do it. */
    Status (*copy_out_begin)(Sink *sink, Ctx *cx, bool binary, int columns);
    Status (*copy_out)(Sink *sink, Ctx *cx, const void *data, size_t bytes);
    Status (*copy_out_end)(Sink *sink, Ctx *cx);
    Status (*copy_in_begin)(Sink *sink, Ctx *cx, bool binary, int columns);
    Status (*copy_in)(Sink *sink, Ctx *cx, const char **data, size_t *bytes);
    bool binary; /* simple protocol: the rows to come are in binary form (FETCH from a binary cursor) */
};

typedef enum TransactionState {
    TRANSACTION_IDLE,
    TRANSACTION_IMPLICIT,
    TRANSACTION_BLOCK,
    TRANSACTION_FAILED
} TransactionState;

enum {
    SAVEPOINTS_MOST = 10000,
    PARKED_MOST = 24, /* statements that keep an execution: some ten KB each */
};

typedef struct Prepared {
    struct Prepared *next;
    Session *session;
    const char *name;
    Arena arena; /* name, text, tree */
    const char *sql;
    const Ast *ast; /* NULL: empty statement */
    ParamTypes params;
    bool is_query; /* SELECT, VALUES, INSERT, UPDATE, DELETE */
    Arena plan_arena;
    PlannedQuery *plan; /* NULL: not made yet, or out of date */
    uint64_t plan_key; /* settings the plan depends on */
    int column_count; /* of the result; -1: none */
    ResultColumn *columns;
    bool from_sql; /* made by PREPARE */
    uint64_t serial; /* of the session, from 1 */
    int64_t prepared_at;
    int uses; /* portals that run it */
    bool dropped; /* not in the session's list (any more) */
    bool cached; /* the statement cache holds it */
    LiteralText *literals; /* X2: of `sql`; those taken are parameters. NULL: there are none */
    /* One execution at a time keeps its operators for the next. */
    Arena exec_arena;
    Execution *parked;
    int parked_no; /* in the session's list of those that have one; -1: not there */
    bool exec_busy; /* a portal has the execution of exec_arena */
} Prepared;

typedef struct Portal {
    struct Portal *next;
    const char *name;
    Arena arena;
    Prepared *prepared;
    Prepared *own; /* DECLARE CURSOR: a statement of its own */
    Value *params;
    int param_count;
    int16_t *formats;
    int format_count;
    Execution *execution; /* NULL: not started, or done */
    bool borrowed; /* the execution is the statement's own */
    bool started, done, failed;
    bool announce; /* EXECUTE: the columns are told with the first rows, for errors come before them */
    uint64_t rows; /* given out */
} Portal;

struct Session {
    Ctx *cx;
    Arena *arena; /* of the session */
    Arena message; /* emptied for each message */
    SettingSet *settings;
    Oid session_user;
    const char *session_user_name;
    bool session_superuser;
    Oid login_user; /* who has logged in; SET SESSION AUTHORIZATION changes the session user */
    const char *login_user_name;
    bool login_superuser;
    struct KnownRole *known_roles; /* those SET ROLE was about: rollback must not fail to find them */
    bool settings_changed; /* since the client was told what they are */
    TransactionState state;
    const char **savepoints; /* names; level i + 1 */
    int savepoint_count, savepoint_capacity;
    bool read_only;
    bool snapshot_taken; /* the transaction has run a query: its isolation is fixed */
    FormatSettings format;
    TempSpace temp;
    WorkMemory work_memory;
    RandomState random_state;
    Prepared *prepared;
    struct StatementCache *cache;
    Prepared *parked[PARKED_MOST]; /* round robin */
    int parked_next;
    uint64_t last_serial; /* of statement objects */
    uint64_t shown_serial; /* whose text pg_stat_activity shows; 0: another text */
    Portal *portals;
    Arena spare_portal; /* memory of the portal that was dropped last */
    struct TempAction *temp_actions; /* command/temp.c: tables with ON COMMIT */
    struct Cursor *cursors; /* cursor.h */
    int statement_no, statement_count; /* of the text being run: which of its statements, of how many */
    const char *sql; /* text of the statement being run, for positions */
    int64_t statement_start_us;
    Budget budget; /* private memory of the session (C5) */
    void (*notice)(void *arg, Ctx *cx, const ErrorInfo *info);
    void *notice_arg;
    int64_t last_sequence_value;
    struct SessionSequence *sequences; /* currval */
    Oid last_sequence;
    struct Door *door; /* reload asks it; NULL when embedded */
};

/* The Ctx has a slot (engine_attach) and a catalog. `settings` is the session's. */
MUST_CHECK Status session_open(Ctx *cx, Arena *arena, SettingSet *settings, Session **out);
/* Hooks for the settings; to be set before the log-in applies the client's. */
SettingHooks session_setting_hooks(Session *s);
void session_login(Session *s, Oid role, const char *name, bool superuser, Oid database, BranchId branch,
                   const char *database_name);
void session_close(Session *s);

/* ---- transactions --------------------------------------------------------------------------------------- */
/* Makes sure a transaction runs, a failed one refuses (25P02) what is not its end. */
MUST_CHECK Status session_begin_statement(Session *s, const Ast *ast);
/* After each statement that succeeded; `last` = the end of a simple query or a Sync: an implicit
 * transaction commits. */
MUST_CHECK Status session_end_statement(Session *s, bool last);
/* After a failed one: rolls back what has to be. The recorded error stays. */
void session_fail_statement(Session *s);
/* Of interrupt bits with INTERRUPT_TERMINATE: what the client is told. */
const char *session_end_reason(uint32_t bits);
char session_status(const Session *s); /* 'I', 'T', 'E' */
/* transaction_isolation, transaction_read_only, transaction_deferrable of the running transaction. */
MUST_CHECK Status session_set_transaction_mode(Session *s, const char *name, const char *text);
MUST_CHECK Status session_transaction(Session *s, const AstTransaction *t, const char **tag);

/* ---- running ---------------------------------------------------------------------------------------------- */
/* A whole simple query. Reports each statement's result to the sink; stops at the first failure, which
 * is recorded and rolled back. */
MUST_CHECK Status session_simple_query(Session *s, const char *sql, Sink *sink, bool *empty);
/* Runs one parsed statement (not a transaction command's ending). `describe`: rows are announced. */
MUST_CHECK Status session_run(Session *s, const AstStatement *statement, const char *sql, Sink *sink);

/* ---- extended protocol ------------------------------------------------------------------------------------ */
MUST_CHECK Status session_prepare(Session *s, const char *name, const char *sql, const Oid *types,
                                  int type_count);
MUST_CHECK Status session_find_prepared(Session *s, const char *name, Prepared **out); /* 26000 */
void session_drop_prepared(Session *s, Prepared *p);
/* Plans it if that is due; columns are known after it. */
MUST_CHECK Status session_plan(Session *s, Prepared *p);
MUST_CHECK Status session_portal(Session *s, const char *name, Prepared *p,
                                 Portal **out); /* replaces unnamed */
MUST_CHECK Status session_find_portal(Session *s, const char *name, Portal **out); /* 34000 */
void session_drop_portal(Session *s, Portal *p);
/* Up to `most` rows (0 = all). *suspended: there may be more. */
MUST_CHECK Status session_execute(Session *s, Portal *p, uint64_t most, Sink *sink, bool *suspended);
void session_close_portals(Session *s);

/* PREPARE, EXECUTE and everything that is no query: command/. */
MUST_CHECK Status session_utility(Session *s, const Ast *ast, const char *sql, Sink *sink, const char **tag);
/* What a utility statement gives back: SHOW, EXPLAIN, FETCH, EXECUTE. column_count -1: no rows. */
MUST_CHECK Status session_utility_columns(Session *s, Arena *arena, const Ast *ast, ResultColumn **columns,
                                          int *count);
/* Sends rows of texts to the sink. */
MUST_CHECK Status session_send_texts(Session *s, Sink *sink, const ResultColumn *columns, int column_count,
                                     const char *const *texts, int row_count);

/* ---- for command/ ------------------------------------------------------------------------------------------ */
/* As SHOW shows it; lies in the message arena. */
const char *session_setting_text(Session *s, SettingNo no);
/* Binds and plans into `arena`; params may be NULL. */
MUST_CHECK Status session_make_plan(Session *s, Arena *arena, ParamTypes *params, const Ast *ast,
                                    PlannedQuery **out);
/* 25006 when the plan writes or locks rows and the transaction must not. */
MUST_CHECK Status session_check_read_only(Session *s, const PlannedQuery *plan);
/* A statement object with memory of its own, not in the session's list yet. */
Prepared *session_new_prepared(Session *s, const char *name, const char *sql);
/* Declared parameter types (OID_NONE: to be inferred); the array lives as long as the statement, over all plans.
 * 42704 for a type that does not exist. */
MUST_CHECK Status session_set_param_types(Session *s, Prepared *p, const Oid *types, int count);
void session_drop_unnamed(Session *s);
/* Frees the statement when nobody holds it any more: no portal, not the list, not the cache. */
void prepared_release(Prepared *p);
/* The plan, and the execution kept for it. No portal may be running it. */
void prepared_forget_plan(Prepared *p);
void session_forget_sequences(Session *s); /* currval and lastval */

#endif
