/* src/base/ctx.h - what a call needs to know about its caller, and how it reports failure.
 *
 * There are no ambient globals: every call that can allocate, fail, wait or be cancelled takes a Ctx.
 * One Ctx belongs to one session (or one background worker) and one thread at a time.
 *
 * What the world can cause (input, disk, peers, cancel) is a Status; the text, the SQLSTATE and the
 * detail go into cx->error at the place that knows most, callers pass the status on. */
#ifndef BASE_CTX_H
#define BASE_CTX_H
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/ids.h"

/* Why a call did not do what it promises. The SQLSTATE in the context says it to the user; the Status
 * says it to the code in between. */
typedef enum Status {
    ST_OK = 0,
    ST_ERROR, /* the statement fails; most failures */
    ST_CANCELED, /* cancel request, statement_timeout, lock_timeout */
    ST_NO_MEMORY, /* the budget or the ceiling is reached; a caller that can spill may go on */
    ST_DEADLOCK, /* picked as the victim */
    ST_CONFLICT, /* serialization failure: 40001 */
    ST_CORRUPT, /* bytes from disk or network are not what they should be */
    ST_IO, /* the operating system refused a read or write */
    ST_CLOSED, /* the peer has gone, or this session was told to end */
} Status;

typedef enum Severity {
    SEV_DEBUG,
    SEV_LOG,
    SEV_INFO,
    SEV_NOTICE,
    SEV_WARNING,
    SEV_ERROR,
    SEV_FATAL, /* ends the session */
    SEV_PANIC,
} Severity;

/* One report for the client. Texts live in the error arena of the context and stay valid until the
 * next ctx_error_clear. NULL or 0 = not given. */
typedef struct ErrorInfo {
    Severity severity;
    char sqlstate[6];
    const char *message, *detail, *hint, *where;
    const char *detail_log; /* what the log says in place of the detail; clients never see it */
    int position; /* 1-based, in characters of the query text */
    const char *schema_name, *table_name, *column_name, *type_name, *constraint_name;
    bool has_page; /* the error is of this page: who knows names says whose it is */
    PageId page;
} ErrorInfo;

typedef struct Ctx Ctx;

/* What a lower layer calls upwards; kept in private memory, set by whoever made the context. */
typedef struct CtxHooks {
    /* Slow half of ctx_poll: called when `interrupt` is set or the deadline has passed. */
    Status (*poll)(Ctx *cx);
    /* Delivers a notice to the client or log. The info is only valid during the call. */
    void (*notice)(Ctx *cx, const ErrorInfo *info);
} CtxHooks;

struct Ctx {
    Arena *arena; /* the span being worked for, normally the statement */
    Arena *error_arena; /* texts of `error` */
    ErrorInfo error;
    const CtxHooks *hooks;
    /* Set by anyone who wants this session's attention (cancel, terminate, config reload). Points
     * into the session's process slot once it has one. */
    _Atomic uint32_t *interrupt; /* atomic */
    uint64_t deadline_us; /* monotonic clock; 0 = none. The nearest of all time-outs (E1). */
    const char *stack_limit; /* recursion below this address fails with 54001; NULL = not watched */

    /* Each belongs to the layer that defines the type; lower layers never look inside. */
    struct Env *env; /* base: clock, random, files, sockets */
    struct Engine *engine; /* storage: the shared engine */
    struct Proc *proc; /* shmem: our slot */
    struct PageReader
        *page_reader; /* storage: how this process reads pages by itself; NULL = it asks the store */
    struct WalSolo
        *wal_solo; /* storage: how this session flushes the log by itself; NULL = it asks the log writer */
    struct Txn *txn; /* storage: the transaction of this session, NULL outside one */
    struct Catalog *catalog; /* backend/catalog: names and what they mean */
    struct Txn *txn_idle; /* storage: memory kept for the next transaction */
    struct PageCheck *page_check; /* storage: tests that check redo; NULL otherwise */
    struct Session *session; /* backend */
    struct TempSpace *temp; /* storage: what the session's temporary files take */
    const struct WorkMemory *work_memory; /* backend: when rows leave memory; NULL = the defaults */
    const struct FormatSettings *format; /* backend/type: DateStyle, TimeZone, ... */
};

/* Records the error and returns `rc`, which must not be ST_OK. */
Status fail(Ctx *cx, Status rc, const char *sqlstate, const char *format, ...) PRINTF_LIKE(4, 5);
/* The same with the position of the offending token: a 0-based byte offset into the query text, or
 * -1 when unknown. The session turns it into characters when it reports. */
Status fail_at(Ctx *cx, int location, const char *sqlstate, const char *format, ...) PRINTF_LIKE(4, 5);
/* Makes the error just recorded one that ends the session, and returns `rc`. */
Status fail_fatal(Ctx *cx, Status rc);
/* What is not supported yet: 0A000 and its name. */
Status fail_unsupported(Ctx *cx, int location, const char *feature);
/* 53200: a request of so many bytes was more than there is. */
Status fail_memory(Ctx *cx, size_t bytes);
/* Each adds to the error just recorded and returns nothing; sentences with full stops. */
void fail_detail(Ctx *cx, const char *format, ...) PRINTF_LIKE(2, 3);
void fail_detail_log(Ctx *cx, const char *format, ...) PRINTF_LIKE(2, 3);
void fail_hint(Ctx *cx, const char *format, ...) PRINTF_LIKE(2, 3);
void fail_where(Ctx *cx, const char *format, ...) PRINTF_LIKE(2, 3);
void fail_object(Ctx *cx, const char *schema, const char *table, const char *column, const char *constraint);
void fail_page(Ctx *cx, PageId page);
/* Gives the recorded error a position if it has none yet. Who was told to stop (class 57), while it waited for a lock, say, was not told
 * by a place in the text. */
void fail_locate(Ctx *cx, int location);

void ctx_error_clear(Ctx *cx);
/* Copies the recorded error, texts included, so that it survives the next clear. */
ErrorInfo *ctx_error_copy(const Ctx *cx, Arena *to);
void ctx_error_restore(Ctx *cx, const ErrorInfo *saved);

void ctx_notice(Ctx *cx, Severity severity, const char *sqlstate, const char *format, ...) PRINTF_LIKE(4, 5);

/* Loops that run long call this once per batch. */
static inline MUST_CHECK Status
ctx_poll(Ctx *cx)
{
    if (LIKELY((cx->interrupt == NULL || atomic_load_explicit(cx->interrupt, memory_order_relaxed) == 0) &&
               cx->deadline_us == 0))
        return ST_OK;
    return cx->hooks != NULL && cx->hooks->poll != NULL ? cx->hooks->poll(cx) : ST_OK;
}

/* Fails with 54001 when the stack is nearly used up; every walker of trees calls it. */
Status fail_stack(Ctx *cx);
static inline MUST_CHECK Status
ctx_check_stack(Ctx *cx)
{
    if (LIKELY((const char *)__builtin_frame_address(0) >= cx->stack_limit))
        return ST_OK;
    return fail_stack(cx);
}
/* Watches `bytes` of stack from the caller's frame downwards. */
void ctx_watch_stack(Ctx *cx, size_t bytes);

/* The same with a detail of its own (NULL = none). */
void ctx_notice_detail(Ctx *cx, Severity severity, const char *sqlstate, const char *detail, const char *format,
                       ...) PRINTF_LIKE(5, 6);

#define TRY(call)                                                                                              \
    do {                                                                                                       \
        Status try_status_ = (call);                                                                           \
        if (UNLIKELY(try_status_ != ST_OK))                                                                    \
            return try_status_;                                                                                \
    } while (0)

#define TRY_TO(label, rc, call)                                                                                \
    do {                                                                                                       \
        (rc) = (call);                                                                                         \
        if (UNLIKELY((rc) != ST_OK))                                                                           \
            goto label;                                                                                        \
    } while (0)

#endif
