/* run.c - running statements: simple queries, and plans wherever they come from. */
#include "backend/session/run_int.h"

#include "shmem/proc/follow.h"

/* In the planner's units, some microseconds each: who works longer does not keep others from its client's core. */
enum { LONG_COST = 50 };

bool
statement_is_query(const Ast *ast)
{
    return ast != NULL && (ast->kind == AST_SELECT || ast->kind == AST_INSERT || ast->kind == AST_UPDATE ||
                           ast->kind == AST_DELETE);
}

/* What the statement cache keeps. */
bool
statement_is_kept(const Ast *ast)
{
    return statement_is_query(ast) || (ast != NULL && ast->kind == AST_TRANSACTION);
}

Status
session_check_read_only(Session *s, const PlannedQuery *plan)
{
    static const char *const names[] = {
        [COMMAND_SELECT] = "SELECT FOR UPDATE",
        [COMMAND_INSERT] = "INSERT",
        [COMMAND_UPDATE] = "UPDATE",
        [COMMAND_DELETE] = "DELETE",
    };

    if ((!plan->writes && !plan->locks_rows) || !settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return ST_OK;
    return fail(s->cx, ST_ERROR, "25006", "cannot execute %s in a read-only transaction",
                plan->command == COMMAND_SELECT && plan->writes ? "SELECT" : names[plan->command]);
}

const char *
session_command_tag(Session *s, CommandKind command, uint64_t rows)
{
    static const char *const names[] = {
        [COMMAND_SELECT] = "SELECT ",
        [COMMAND_INSERT] = "INSERT 0 ",
        [COMMAND_UPDATE] = "UPDATE ",
        [COMMAND_DELETE] = "DELETE ",
    };

    char digits[20];
    size_t n = sizeof(digits), length = strlen(names[command]);
    char *tag = arena_alloc(&s->message, length + sizeof(digits) + 1);

    do
        digits[--n] = (char)('0' + rows % 10);
    while ((rows /= 10) > 0);
    memcpy(tag, names[command], length);
    memcpy(tag + length, digits + n, sizeof(digits) - n);
    tag[length + sizeof(digits) - n] = '\0';
    return tag;
}

/* Binds and plans into `arena`. */
Status
session_make_plan(Session *s, Arena *arena, ParamTypes *params, const Ast *ast, PlannedQuery **out)
{
    Query *q;
    Arena *saved = s->cx->arena;
    Status rc;

    s->cx->arena = arena;
    rc = bind_statement(s->cx, arena, params, ast, &q);
    if (rc == ST_OK && params != NULL)
        rc = bind_finish_params(s->cx, params);
    if (rc == ST_OK)
        rc = plan_query(s->cx, arena, q, out);
    s->cx->arena = saved;
    return rc;
}

/* Relation locks of a plan that was made earlier; *valid false when something has changed since. */
Status
session_lock_relations(Session *s, const PlannedQuery *plan, bool *valid)
{
    *valid = plan->catalog_version == catalog_version(s->cx);
    if (!*valid)
        return ST_OK;
    for (int i = 0; i < plan->lock_count; i++)
        TRY(lock_acquire(
            s->cx,
            (LockKey){.branch = catalog_branch(s->cx), .a = plan->locks[i].table, .kind = LOCK_KIND_RELATION},
            plan->locks[i].mode, LOCK_SPAN_TRANSACTION, false));
    catalog_absorb(s->cx); /* K1: what we waited for may have changed them */
    *valid = plan->catalog_version == catalog_version(s->cx);
    return ST_OK;
}

/* All rows of an execution to the sink. */
Status
execution_drain(Session *s, Execution *e, const PlannedQuery *plan, Sink *sink, bool announce, uint64_t most,
                uint64_t *rows, bool *done)
{
    *rows = 0;
    *done = false;
    if (plan->plan->cost > LONG_COST)
        proc_unfollow(s->cx->proc);
    while (*rows < most) {
        Batch *batch;

        TRY(exec_next(e, most - *rows, &batch));
        if (announce)
            TRY(sink->describe(sink, s->cx, plan->columns, plan->column_count));
        announce = false;
        if (batch == NULL) {
            *done = true;
            return ST_OK;
        }
        *rows += batch->rows.count;
        if (plan->has_result)
            TRY(sink->rows(sink, s->cx, batch, plan->columns, plan->column_count));
    }
    return ST_OK;
}

/* Everything of a simple query's plan. `p`: the statement it belongs to, NULL for one that nobody keeps. */
Status
session_run_plan(Session *s, Prepared *p, const PlannedQuery *plan, const Value *params, int param_count,
                 Sink *sink)
{
    Ctx *cx = s->cx;
    Execution *e = NULL;
    uint64_t rows = 0;
    bool done, late, borrowed = false;
    Status rc;

    TRY(session_check_read_only(s, plan));
    s->snapshot_taken = true;
    TRY_TO(out, rc,
           p != NULL ? prepared_take_execution(s, p, &s->message, params, param_count, &borrowed, &e)
                     : exec_open(cx, &s->message, plan, params, param_count, &e));
    /* RETURNING's rows are all made before the first is given out: what fails has announced nothing */
    late = plan->has_result && (plan->constant_raises || plan->writes);
    if (plan->has_result && !late)
        TRY_TO(out, rc, sink->describe(sink, cx, plan->columns, plan->column_count));
    TRY_TO(out, rc, execution_drain(s, e, plan, sink, late, UINT64_MAX, &rows, &done));
    if (plan->command != COMMAND_SELECT)
        rows = exec_changed(e);
out:
    if (p != NULL)
        prepared_give_execution(p, e, borrowed, rc != ST_OK);
    else
        exec_close(e);
    if (rc != ST_OK)
        return rc;
    return sink->complete(sink, cx, session_command_tag(s, plan->command, rows));
}

static Status
run_query(Session *s, const Ast *ast, Sink *sink)
{
    PlannedQuery *plan;

    TRY(session_make_plan(s, &s->message, NULL, ast, &plan));
    return session_run_plan(s, NULL, plan, NULL, 0, sink);
}

Status
session_run(Session *s, const AstStatement *statement, const char *sql, Sink *sink)
{
    const char *tag = NULL;

    s->sql = sql;
    if (statement_is_query(statement->ast))
        return run_query(s, statement->ast, sink);
    if (statement->ast->kind == AST_TRANSACTION)
        TRY(session_transaction(s, (const AstTransaction *)statement->ast, &tag));
    else
        TRY(session_utility(s, statement->ast, sql, sink, &tag));
    return tag != NULL ? sink->complete(sink, s->cx, tag) : ST_OK;
}

Status
session_simple_query(Session *s, const char *sql, Sink *sink, bool *empty)
{
    Ctx *cx = s->cx;
    AstStatement *statements = NULL;
    int count = 0;
    bool done;
    Status rc;

    *empty = false;
    s->sql = sql;
    session_drop_unnamed(s);
    TRY_TO(failed, rc, session_run_kept(s, sql, sink, &done));
    if (done) {
        TRY_TO(failed, rc, session_end_statement(s, true));
        return ST_OK;
    }
    rc = parse_sql(cx, &s->message, sql, &statements, &count);
    if (rc != ST_OK) {
        session_fail_statement(s);
        return rc;
    }
    *empty = count == 0;
    s->statement_count = count;
    for (int i = 0; i < count; i++) {
        s->statement_no = i;
        TRY_TO(failed, rc, session_begin_statement(s, statements[i].ast));
        TRY_TO(failed, rc, session_run(s, &statements[i], sql, sink));
        TRY_TO(failed, rc, session_end_statement(s, i == count - 1));
    }
    return ST_OK;
failed:
    session_fail_statement(s);
    return rc;
}
