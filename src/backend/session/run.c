/* run.c - running statements: simple queries, prepared statements, portals. */
#include "backend/session/session_int.h"

#include "backend/bind/bind.h"
#include "base/hash.h"

/* ---- queries --------------------------------------------------------------------------------------------------- */

static bool
is_query(const Ast *ast)
{
    return ast != NULL && (ast->kind == AST_SELECT || ast->kind == AST_INSERT || ast->kind == AST_UPDATE ||
                           ast->kind == AST_DELETE);
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
    return fail(s->cx, ST_ERROR, "25006", "cannot execute %s in a read-only transaction", names[plan->command]);
}

static const char *
command_tag(Session *s, CommandKind command, uint64_t rows)
{
    static const char *const names[] = {
        [COMMAND_SELECT] = "SELECT ",
        [COMMAND_INSERT] = "INSERT 0 ",
        [COMMAND_UPDATE] = "UPDATE ",
        [COMMAND_DELETE] = "DELETE ",
    };

    return arena_printf(&s->message, "%s%llu", names[command], (unsigned long long)rows);
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
static Status
lock_relations(Session *s, const PlannedQuery *plan, bool *valid)
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
static Status
drain(Session *s, Execution *e, const PlannedQuery *plan, Sink *sink, bool announce, uint64_t most,
      uint64_t *rows, bool *done)
{
    *rows = 0;
    *done = false;
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

static Status
run_query(Session *s, const Ast *ast, Sink *sink)
{
    Ctx *cx = s->cx;
    PlannedQuery *plan;
    Execution *e = NULL;
    uint64_t rows = 0;
    bool done, late;
    Status rc;

    TRY(session_make_plan(s, &s->message, NULL, ast, &plan));
    TRY(session_check_read_only(s, plan));
    s->snapshot_taken = true;
    TRY_TO(out, rc, exec_open(cx, &s->message, plan, NULL, 0, &e));
    late = plan->has_result && plan->constant_raises;
    if (plan->has_result && !late)
        TRY_TO(out, rc, sink->describe(sink, cx, plan->columns, plan->column_count));
    TRY_TO(out, rc, drain(s, e, plan, sink, late, UINT64_MAX, &rows, &done));
    if (plan->writes)
        rows = exec_changed(e);
out:
    exec_close(e);
    if (rc != ST_OK)
        return rc;
    return sink->complete(sink, cx, command_tag(s, plan->command, rows));
}

Status
session_run(Session *s, const AstStatement *statement, const char *sql, Sink *sink)
{
    const char *tag = NULL;

    s->sql = sql;
    if (is_query(statement->ast))
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
    Status rc;

    s->sql = sql;
    session_drop_unnamed(s);
    rc = parse_sql(cx, &s->message, sql, &statements, &count);
    if (rc != ST_OK) {
        session_fail_statement(s);
        return rc;
    }
    *empty = count == 0;
    for (int i = 0; i < count; i++) {
        TRY_TO(failed, rc, session_begin_statement(s, statements[i].ast));
        TRY_TO(failed, rc, session_run(s, &statements[i], sql, sink));
        TRY_TO(failed, rc, session_end_statement(s, i == count - 1));
    }
    return ST_OK;
failed:
    session_fail_statement(s);
    return rc;
}

/* ---- prepared statements ------------------------------------------------------------------------------------------ */

static void
free_prepared(Prepared *p)
{
    Arena arena = p->arena; /* p lies in it */

    arena_free(&p->plan_arena);
    arena_free(&arena);
}

void
session_drop_prepared(Session *s, Prepared *p)
{
    for (Prepared **at = &s->prepared; *at != NULL; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    p->dropped = true;
    if (p->uses == 0)
        free_prepared(p);
}

void
session_drop_unnamed(Session *s)
{
    Prepared *p = s->prepared;

    while (p != NULL && p->name[0] != '\0')
        p = p->next;
    if (p != NULL)
        session_drop_prepared(s, p);
}

Status
session_find_prepared(Session *s, const char *name, Prepared **out)
{
    for (Prepared *p = s->prepared; p != NULL; p = p->next) {
        if (strcmp(p->name, name) == 0) {
            *out = p;
            return ST_OK;
        }
    }
    if (name[0] == '\0')
        return fail(s->cx, ST_ERROR, "26000", "unnamed prepared statement does not exist");
    return fail(s->cx, ST_ERROR, "26000", "prepared statement \"%s\" does not exist", name);
}

/* A statement object whose memory is its own. */
Prepared *
session_new_prepared(Session *s, const char *name, const char *sql)
{
    Arena arena;
    Prepared *p;

    arena_init(&arena, "prepared statement", &s->budget);
    p = arena_new(&arena, Prepared);
    p->name = arena_strdup(&arena, name);
    p->sql = arena_strdup(&arena, sql);
    p->arena = arena;
    arena_init(&p->plan_arena, "plan", &s->budget);
    p->column_count = -1;
    p->prepared_at = s->format.statement_now;
    return p;
}

Status
session_set_param_types(Session *s, Prepared *p, const Oid *types, int count)
{
    p->params.arena = &p->arena;
    p->params.types = arena_array(&p->arena, Oid, MAX_OF(count, 1));
    p->params.capacity = MAX_OF(count, 1);
    p->params.count = count;
    for (int i = 0; i < count; i++) {
        if (types[i] != OID_NONE && type_by_oid(types[i]) == NULL)
            return fail(s->cx, ST_ERROR, "42704", "type with OID %u does not exist", types[i]);
        p->params.types[i] = types[i];
    }
    return ST_OK;
}

/* Makes the plan if there is none or it is out of date. */
Status
session_plan(Session *s, Prepared *p)
{
    uint64_t key = hash_combine(settings_plan_key(s->settings), catalog_role(s->cx)); /* who may read what */
    ResultColumn *old = p->columns;
    int old_count = p->column_count;

    if (!p->is_query) {
        if (p->uses == 0)
            arena_reset(&p->plan_arena);
        if (p->ast != NULL)
            TRY(session_utility_columns(s, &p->plan_arena, p->ast, &p->columns, &p->column_count));
        return ST_OK;
    }
    if (p->plan != NULL && p->uses == 0) {
        bool valid;

        TRY(lock_relations(s, p->plan, &valid));
        if (valid && p->plan_key == key)
            return ST_OK;
        p->plan = NULL;
        arena_reset(&p->plan_arena);
    } else if (p->plan != NULL) { /* a portal is still running it */
        return ST_OK;
    }
    TRY(session_make_plan(s, &p->plan_arena, &p->params, p->ast, &p->plan));
    p->plan_key = key;
    p->params.fixed = true;
    p->column_count = p->plan->has_result ? p->plan->column_count : -1;
    p->columns = arena_memdup(&p->arena, p->plan->columns, sizeof(*p->columns) * (size_t)p->plan->column_count);
    for (int i = 0; i < p->plan->column_count; i++)
        p->columns[i].name = arena_strdup(&p->arena, p->columns[i].name);
    if (old_count >= 0) { /* clients keep the first description */
        bool same = old_count == p->column_count;

        for (int i = 0; i < old_count && same; i++)
            same = old[i].type == p->columns[i].type && strcmp(old[i].name, p->columns[i].name) == 0;
        if (!same) {
            p->plan = NULL;
            return fail(s->cx, ST_ERROR, "0A000", "cached plan must not change result type");
        }
    }
    return ST_OK;
}

Status
session_prepare(Session *s, const char *name, const char *sql, const Oid *types, int type_count)
{
    Ctx *cx = s->cx;
    Prepared *p = NULL;
    AstStatement *statements;
    int count;
    Status rc;

    s->sql = sql;
    if (name[0] == '\0') {
        session_drop_unnamed(s);
    } else if (session_find_prepared(s, name, &p) == ST_OK) {
        return fail(cx, ST_ERROR, "42P05", "prepared statement \"%s\" already exists", name);
    } else {
        ctx_error_clear(cx);
    }
    p = session_new_prepared(s, name, sql);
    TRY_TO(failed, rc, session_set_param_types(s, p, types, type_count));
    TRY_TO(failed, rc, parse_sql(cx, &p->arena, p->sql, &statements, &count));
    if (count > 1) {
        rc = fail(cx, ST_ERROR, "42601", "cannot insert multiple commands into a prepared statement");
        goto failed;
    }
    p->ast = count == 1 ? statements[0].ast : NULL;
    p->is_query = is_query(p->ast);
    if (p->ast != NULL)
        TRY_TO(failed, rc, session_begin_statement(s, p->ast));
    if (p->is_query)
        TRY_TO(failed, rc, session_plan(s, p));
    p->next = s->prepared;
    s->prepared = p;
    return ST_OK;
failed:
    free_prepared(p);
    return rc;
}

/* ---- portals ------------------------------------------------------------------------------------------------------- */

static void
stop_portal(Session *s, Portal *p)
{
    (void)s;
    exec_close(p->execution);
    p->execution = NULL;
    p->done = true;
    if (p->prepared != NULL) {
        p->prepared->uses--;
        if (p->prepared->uses == 0 && p->prepared->dropped)
            free_prepared(p->prepared);
        p->prepared = NULL;
    }
}

void
session_drop_portal(Session *s, Portal *p)
{
    Arena arena;

    for (Portal **at = &s->portals; *at != NULL; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    stop_portal(s, p);
    arena = p->arena;
    arena_free(&arena);
}

void
session_close_portals(Session *s)
{
    while (s->portals != NULL)
        session_drop_portal(s, s->portals);
}

Status
session_find_portal(Session *s, const char *name, Portal **out)
{
    for (Portal *p = s->portals; p != NULL; p = p->next) {
        if (strcmp(p->name, name) == 0) {
            *out = p;
            return ST_OK;
        }
    }
    return fail(s->cx, ST_ERROR, "34000", "portal \"%s\" does not exist", name);
}

Status
session_portal(Session *s, const char *name, Prepared *prepared, Portal **out)
{
    Portal *p = NULL;
    Arena arena;

    if (session_find_portal(s, name, &p) == ST_OK) {
        if (name[0] != '\0')
            return fail(s->cx, ST_ERROR, "42P03", "cursor \"%s\" already exists", name);
        session_drop_portal(s, p);
    } else {
        ctx_error_clear(s->cx);
    }
    arena_init(&arena, "portal", &s->budget);
    p = arena_new(&arena, Portal);
    p->name = arena_strdup(&arena, name);
    p->arena = arena;
    p->prepared = prepared;
    prepared->uses++;
    p->next = s->portals;
    s->portals = p;
    *out = p;
    return ST_OK;
}

static Status
start_portal(Session *s, Portal *p)
{
    p->started = true;
    TRY(session_check_read_only(s, p->prepared->plan));
    s->snapshot_taken = true;
    return exec_open(s->cx, &p->arena, p->prepared->plan, p->params, p->param_count, &p->execution);
}

Status
session_execute(Session *s, Portal *p, uint64_t most, Sink *sink, bool *suspended)
{
    Prepared *prepared = p->prepared;
    uint64_t rows = 0;
    bool done = true;
    CommandKind command;
    Status rc;

    *suspended = false;
    if (p->done)
        return sink->complete(sink, s->cx, p->rows == 0 ? "SELECT 0" : command_tag(s, COMMAND_SELECT, 0));
    s->sql = prepared->sql;
    if (!prepared->is_query) {
        AstStatement statement = {.ast = (Ast *)(uintptr_t)prepared->ast, .bytes = (int)strlen(prepared->sql)};
        const char *sql = arena_strdup(&s->message, prepared->sql);

        /* COMMIT and its kin close portals, this one too: it may not be touched afterwards */
        return session_run(s, &statement, sql, sink);
    }
    if (!p->started)
        TRY(start_portal(s, p));
    command = prepared->plan->command;
    rc = drain(s, p->execution, prepared->plan, sink, false, most == 0 ? UINT64_MAX : most, &rows, &done);
    if (rc != ST_OK)
        return rc;
    p->rows += rows;
    if (!done) {
        *suspended = true;
        return ST_OK;
    }
    if (prepared->plan->writes)
        rows = exec_changed(p->execution);
    stop_portal(s, p);
    return sink->complete(sink, s->cx, command_tag(s, command, rows));
}
