/* transaction.c - BEGIN to COMMIT, and what a failure leaves behind.
 *
 *   IDLE      --statement--> IMPLICIT --end of query--> IDLE
 *   IDLE, IMPLICIT --BEGIN--> BLOCK --COMMIT, ROLLBACK--> IDLE
 *   BLOCK     --failure--> FAILED --ROLLBACK--> IDLE, --ROLLBACK TO--> BLOCK
 *
 * A failure undoes the work at once (locks go, others need not wait); FAILED is only the memory of it. With
 * savepoints open, what was done since the newest one is undone, the rest stays until it is known whether
 * ROLLBACK or ROLLBACK TO comes. */
#include "backend/session/session_int.h"

#include "backend/command/command.h"
#include "backend/session/cursor.h"
#include "base/env.h"
#include "storage/engine/engine.h"

static Isolation
default_isolation(Session *s)
{
    enum { REPEATABLE_READ = 1 }; /* of the setting's words */

    return settings_int(s->settings, SETTING_DEFAULT_TRANSACTION_ISOLATION) == REPEATABLE_READ
               ? ISOLATION_REPEATABLE_READ
               : ISOLATION_READ_COMMITTED;
}

void
session_start_clock(Session *s)
{
    int64_t timeout_ms = settings_int(s->settings, SETTING_STATEMENT_TIMEOUT);

    s->format.statement_now = session_now(s);
    s->cx->deadline_us = timeout_ms > 0 ? env_mono_us(s->cx->env) + (uint64_t)timeout_ms * 1000 : 0;
}

static Status
start_transaction(Session *s)
{
    Isolation isolation = default_isolation(s);

    ASSERT(s->cx->txn == NULL);
    TRY(txn_begin(s->cx, isolation));
    settings_push(s->settings);
    settings_assign_number(s->settings, SETTING_TRANSACTION_ISOLATION,
                           s->settings->values[SETTING_DEFAULT_TRANSACTION_ISOLATION].number);
    settings_assign_number(s->settings, SETTING_TRANSACTION_READ_ONLY,
                           s->settings->values[SETTING_DEFAULT_TRANSACTION_READ_ONLY].number);
    s->format.transaction_now = s->format.statement_now;
    s->snapshot_taken = false;
    s->savepoint_count = 0;
    return ST_OK;
}

static void
end_settings(Session *s, bool commit)
{
    while (s->settings->level > 0)
        settings_pop(s->settings, commit);
}

static void
abort_transaction(Session *s)
{
    session_close_portals(s);
    cursors_roll_back(s, 0);
    if (s->cx->txn != NULL)
        txn_abort(s->cx);
    end_settings(s, false);
    s->savepoint_count = 0;
}

static Status
commit_transaction(Session *s)
{
    Status rc;

    TRY(cursors_before_commit(s));
    if (s->temp_actions != NULL && s->cx->txn != NULL)
        TRY(temp_before_commit(s));
    session_close_portals(s);
    rc = s->cx->txn != NULL ? txn_commit(s->cx) : ST_OK;
    end_settings(s, rc == ST_OK);
    s->savepoint_count = 0;
    s->state = TRANSACTION_IDLE;
    return rc;
}

static bool
ends_transaction(const Ast *ast)
{
    const AstTransaction *t = (const AstTransaction *)ast;

    if (ast == NULL || ast->kind != AST_TRANSACTION)
        return false;
    return t->transaction_kind == TRANSACTION_COMMIT || t->transaction_kind == TRANSACTION_ROLLBACK ||
           t->transaction_kind == TRANSACTION_ROLLBACK_TO;
}

Status
session_begin_statement(Session *s, const Ast *ast)
{
    if (s->state == TRANSACTION_FAILED && !ends_transaction(ast))
        return fail(s->cx, ST_ERROR, "25P02",
                    "current transaction is aborted, commands ignored until end of transaction block");
    session_start_clock(s);
    if (s->state == TRANSACTION_IDLE) {
        TRY(start_transaction(s));
        s->state = TRANSACTION_IMPLICIT;
    }
    if (s->cx->txn != NULL)
        catalog_absorb(s->cx); /* K1 */
    return ST_OK;
}

Status
session_end_statement(Session *s, bool last)
{
    if (s->cx->txn != NULL)
        txn_next_command(s->cx);
    if (last) {
        s->cx->deadline_us = 0;
        if (s->state == TRANSACTION_IMPLICIT)
            TRY(commit_transaction(s));
        if (!cursors_running(s)) /* they may still look at a TableInfo */
            catalog_release_old(s->cx);
    }
    return ST_OK;
}

void
session_fail_statement(Session *s)
{
    session_name_damage(s);
    s->cx->deadline_us = 0;
    switch (s->state) {
    case TRANSACTION_IMPLICIT:
        abort_transaction(s);
        s->state = TRANSACTION_IDLE;
        break;
    case TRANSACTION_BLOCK:
        if (s->savepoint_count == 0) {
            abort_transaction(s);
        } else {
            session_close_portals(s);
            cursors_roll_back(s, s->savepoint_count);
            txn_rollback_to(s->cx, s->savepoint_count);
            settings_pop(s->settings, false);
        }
        s->state = TRANSACTION_FAILED;
        break;
    case TRANSACTION_IDLE:
    case TRANSACTION_FAILED: break;
    }
    if (!cursors_running(s))
        catalog_release_old(s->cx);
    /* C5. Not before: the rows that it had made are dead only now. */
    if (strcmp(s->cx->error.sqlstate, "53200") == 0)
        engine_report_shortage(s->cx);
}

char
session_status(const Session *s)
{
    return s->state == TRANSACTION_BLOCK ? 'T' : s->state == TRANSACTION_FAILED ? 'E' : 'I';
}

/* ---- the commands ------------------------------------------------------------------------------------------- */

static Status
apply_modes(Session *s, const AstList *options)
{
    for (int i = 0; i < options->count; i++) {
        const AstDefElem *d = (const AstDefElem *)options->items[i];
        const AstConst *v = (const AstConst *)d->value;
        const char *text = v->const_kind == CONST_STRING ? v->text : v->integer != 0 ? "on" : "off";

        TRY(session_set_transaction_mode(s, d->name, text));
    }
    return ST_OK;
}

Status
session_set_transaction_mode(Session *s, const char *name, const char *text)
{
    TRY(settings_set(s->cx, s->settings, name, text, SCOPE_LOCAL, true));
    if (strcmp(name, "transaction_isolation") == 0)
        txn_set_isolation(s->cx, strcmp(text, "repeatable read") == 0 ? ISOLATION_REPEATABLE_READ
                                                                      : ISOLATION_READ_COMMITTED);
    return ST_OK;
}

static Status
begin_block(Session *s, const AstTransaction *t)
{
    if (s->state == TRANSACTION_BLOCK) {
        ctx_notice(s->cx, SEV_WARNING, "25001", "there is already a transaction in progress");
    } else {
        ASSERT(s->state == TRANSACTION_IMPLICIT); /* session_begin_statement has started it */
        s->state = TRANSACTION_BLOCK;
    }
    return apply_modes(s, &t->options);
}

/* AND CHAIN: a new transaction with the same characteristics follows at once. */
static Status
chain(Session *s, bool chained, Isolation isolation, bool read_only)
{
    if (!chained)
        return ST_OK;
    TRY(start_transaction(s));
    txn_set_isolation(s->cx, isolation);
    s->state = TRANSACTION_BLOCK;
    TRY(session_set_transaction_mode(s, "transaction_isolation",
                                     isolation == ISOLATION_REPEATABLE_READ ? "repeatable read"
                                                                            : "read committed"));
    return session_set_transaction_mode(s, "transaction_read_only", read_only ? "on" : "off");
}

static Status
end_block(Session *s, const AstTransaction *t, bool commit, const char **tag)
{
    bool was_block = s->state == TRANSACTION_BLOCK || s->state == TRANSACTION_FAILED;
    Isolation isolation = s->cx->txn != NULL ? txn_isolation(s->cx) : default_isolation(s);
    bool read_only = settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY);

    if (!was_block) {
        if (t->chain)
            return fail(s->cx, ST_ERROR, "25P01", "%s AND CHAIN can only be used in transaction blocks",
                        commit ? "COMMIT" : "ROLLBACK");
        ctx_notice(s->cx, SEV_WARNING, "25P01", "there is no transaction in progress");
    }
    *tag = commit ? "COMMIT" : "ROLLBACK";
    if (s->state == TRANSACTION_FAILED || !commit) {
        *tag = "ROLLBACK";
        abort_transaction(s);
        s->state = TRANSACTION_IDLE;
        return chain(s, t->chain, isolation, read_only);
    }
    TRY(commit_transaction(s));
    return chain(s, t->chain, isolation, read_only);
}

static Status
need_block(Session *s, const char *what)
{
    if (s->state == TRANSACTION_BLOCK || s->state == TRANSACTION_FAILED)
        return ST_OK;
    return fail(s->cx, ST_ERROR, "25P01", "%s can only be used in transaction blocks", what);
}

static int
find_savepoint(const Session *s, const char *name)
{
    for (int i = s->savepoint_count; i > 0; i--) {
        if (strcmp(s->savepoints[i - 1], name) == 0)
            return i;
    }
    return 0;
}

static Status
set_savepoint(Session *s, const char *name)
{
    TRY(need_block(s, "SAVEPOINT"));
    if (s->savepoint_count == SAVEPOINTS_MOST)
        return fail(s->cx, ST_ERROR, "54000", "too many savepoints in one transaction");
    if (s->savepoint_count == s->savepoint_capacity) {
        int capacity = MAX_OF(8, s->savepoint_capacity * 2);
        const char **names = arena_array(s->arena, const char *, capacity);

        if (s->savepoint_count > 0)
            memcpy(names, s->savepoints, sizeof(*names) * (size_t)s->savepoint_count);
        s->savepoints = names;
        s->savepoint_capacity = capacity;
    }
    TRY(txn_savepoint(s->cx));
    settings_push(s->settings);
    s->savepoints[s->savepoint_count++] = arena_strdup(txn_arena(s->cx), name);
    return ST_OK;
}

static Status
release_savepoint(Session *s, const char *name)
{
    int level;

    TRY(need_block(s, "RELEASE SAVEPOINT"));
    level = find_savepoint(s, name);
    if (level == 0)
        return fail(s->cx, ST_ERROR, "3B001", "savepoint \"%s\" does not exist", name);
    txn_release(s->cx, level);
    for (Cursor *c = s->cursors; c != NULL; c = c->next)
        c->level = MIN_OF(c->level, level - 1);
    for (; s->savepoint_count >= level; s->savepoint_count--)
        settings_pop(s->settings, true);
    return ST_OK;
}

/* The savepoint itself stays: it is made again, empty. */
static Status
rollback_to_savepoint(Session *s, const char *name)
{
    int level;
    int open = s->savepoint_count;

    TRY(need_block(s, "ROLLBACK TO SAVEPOINT"));
    level = find_savepoint(s, name);
    if (level == 0)
        return fail(s->cx, ST_ERROR, "3B001", "savepoint \"%s\" does not exist", name);
    session_close_portals(s);
    cursors_roll_back(s, level);
    if (s->state == TRANSACTION_FAILED) { /* the newest level was undone when it failed */
        open--;
        if (level <= open)
            txn_rollback_to(s->cx, level);
    } else {
        txn_rollback_to(s->cx, level);
    }
    for (; open >= level; open--)
        settings_pop(s->settings, false);
    s->savepoint_count = level - 1;
    TRY(txn_savepoint(s->cx));
    settings_push(s->settings);
    s->savepoint_count = level;
    s->state = TRANSACTION_BLOCK;
    return ST_OK;
}

Status
session_transaction(Session *s, const AstTransaction *t, const char **tag)
{
    switch (t->transaction_kind) {
    case TRANSACTION_BEGIN: *tag = "BEGIN"; return begin_block(s, t);
    case TRANSACTION_START: *tag = "START TRANSACTION"; return begin_block(s, t);
    case TRANSACTION_COMMIT: return end_block(s, t, true, tag);
    case TRANSACTION_ROLLBACK: return end_block(s, t, false, tag);
    case TRANSACTION_SAVEPOINT: *tag = "SAVEPOINT"; return set_savepoint(s, t->name);
    case TRANSACTION_RELEASE: *tag = "RELEASE"; return release_savepoint(s, t->name);
    case TRANSACTION_ROLLBACK_TO: *tag = "ROLLBACK"; return rollback_to_savepoint(s, t->name);
    default: return fail_unsupported(s->cx, -1, "two-phase commit");
    }
}
