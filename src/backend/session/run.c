/* run.c - running statements: simple queries, prepared statements, portals.
 *
 * A simple query whose plan the statement cache has goes straight to the execution: its literals are the
 * parameters. Whatever is wrong with that before anything has been executed sends it the full way, where
 * errors get their positions (X2). */
#include "backend/session/session_int.h"

#include "backend/bind/bind.h"
#include "backend/session/statement_cache.h"
#include "base/hash.h"

/* ---- queries --------------------------------------------------------------------------------------------------- */

static bool
is_query(const Ast *ast)
{
    return ast != NULL && (ast->kind == AST_SELECT || ast->kind == AST_INSERT || ast->kind == AST_UPDATE ||
                           ast->kind == AST_DELETE);
}

/* What the statement cache keeps. */
static bool
is_kept(const Ast *ast)
{
    return is_query(ast) || (ast != NULL && ast->kind == AST_TRANSACTION);
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

static const char *
command_tag(Session *s, CommandKind command, uint64_t rows)
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

/* The statement's own execution, as it was left the last time; a new one in `arena` when that is busy. */
static Status
take_execution(Session *s, Prepared *p, Arena *arena, const Value *params, int param_count, bool *borrowed,
               Execution **out)
{
    *borrowed = !p->exec_busy;
    if (p->exec_busy)
        return exec_open(s->cx, arena, p->plan, params, param_count, out);
    p->exec_busy = true;
    if (p->parked != NULL) {
        *out = p->parked;
        p->parked = NULL;
        exec_resume(*out, params, param_count);
        return ST_OK;
    }
    arena_reset(&p->exec_arena);
    return exec_open(s->cx, &p->exec_arena, p->plan, params, param_count, out);
}

/* `failed`: what it is in the middle of does not matter any more. */
static void
give_execution(Prepared *p, Execution *e, bool borrowed, bool failed)
{
    if (!borrowed) {
        exec_close(e);
        return;
    }
    p->exec_busy = false;
    if (e == NULL)
        return;
    if (!failed && exec_park(e))
        p->parked = e;
    else
        exec_close(e);
}

/* Everything of a simple query's plan. `p`: the statement it belongs to, NULL for one that nobody keeps. */
static Status
run_plan(Session *s, Prepared *p, const PlannedQuery *plan, const Value *params, int param_count, Sink *sink)
{
    Ctx *cx = s->cx;
    Execution *e = NULL;
    uint64_t rows = 0;
    bool done, late, borrowed = false;
    Status rc;

    TRY(session_check_read_only(s, plan));
    s->snapshot_taken = true;
    TRY_TO(out, rc,
           p != NULL ? take_execution(s, p, &s->message, params, param_count, &borrowed, &e)
                     : exec_open(cx, &s->message, plan, params, param_count, &e));
    /* RETURNING's rows are all made before the first is given out: what fails has announced nothing */
    late = plan->has_result && (plan->constant_raises || plan->writes);
    if (plan->has_result && !late)
        TRY_TO(out, rc, sink->describe(sink, cx, plan->columns, plan->column_count));
    TRY_TO(out, rc, drain(s, e, plan, sink, late, UINT64_MAX, &rows, &done));
    if (plan->command != COMMAND_SELECT)
        rows = exec_changed(e);
out:
    if (p != NULL)
        give_execution(p, e, borrowed, rc != ST_OK);
    else
        exec_close(e);
    if (rc != ST_OK)
        return rc;
    return sink->complete(sink, cx, command_tag(s, plan->command, rows));
}

static Status
run_query(Session *s, const Ast *ast, Sink *sink)
{
    PlannedQuery *plan;

    TRY(session_make_plan(s, &s->message, NULL, ast, &plan));
    return run_plan(s, NULL, plan, NULL, 0, sink);
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

/* What a plan depends on besides the catalog: settings, and who may read what. */
static uint64_t
plan_key(Session *s)
{
    return hash_combine(settings_plan_key(s->settings), catalog_role(s->cx));
}

/* Takes the description of the result over from the plan, which may be made again. */
static void
take_columns(Prepared *p)
{
    p->column_count = p->plan->has_result ? p->plan->column_count : -1;
    p->columns = arena_memdup(&p->arena, p->plan->columns, sizeof(*p->columns) * (size_t)p->plan->column_count);
    for (int i = 0; i < p->plan->column_count; i++)
        p->columns[i].name = arena_strdup(&p->arena, p->columns[i].name);
}

/* ---- simple queries by way of the cache ------------------------------------------------------------------------ */

/* Parses, binds and plans a statement that will be kept. *out NULL: it can not be. */
static Status
make_kept(Session *s, const StatementKey *key, Prepared **out)
{
    Ctx *cx = s->cx;
    const LiteralText *text = key->text;
    Prepared *p = session_new_prepared(s, "", text->sql);
    LiteralText *own = arena_memdup(&p->arena, text, sizeof(*text));
    AstStatement *statements;
    int count;
    Status rc;

    *out = NULL;
    p->dropped = true; /* nobody finds it by name */
    own->sql = p->sql;
    own->items = arena_memdup(&p->arena, text->items, sizeof(*text->items) * (size_t)text->count);
    p->literals = own;
    p->params = (ParamTypes){.arena = &p->arena,
                             .types = arena_array(&p->arena, Oid, MAX_OF(text->count, 1)),
                             .count = text->count,
                             .capacity = MAX_OF(text->count, 1),
                             .fixed = true,
                             .literals = own};
    rc = parse_sql(cx, &p->arena, p->sql, &statements, &count);
    if (rc != ST_OK || count != 1 || !is_kept(statements[0].ast))
        goto refused;
    p->ast = statements[0].ast;
    p->is_query = is_query(p->ast);
    if (session_begin_statement(s, p->ast) != ST_OK) /* only for now */
        goto not_now;
    if (p->is_query) {
        rc = session_make_plan(s, &p->plan_arena, &p->params, p->ast, &p->plan);
        if (rc == ST_CANCELED || rc == ST_CLOSED)
            goto failed;
        if (rc != ST_OK)
            goto refused;
        take_columns(p);
        p->plan_key = plan_key(s);
    }
    *out = p;
    return ST_OK;
refused:
    statement_cache_refuse(s, key);
not_now:
    rc = ST_OK;
    ctx_error_clear(cx);
failed:
    prepared_release(p);
    return rc;
}

/* Values of the literals that have become parameters. */
static Status
read_literals(Session *s, const Prepared *p, const LiteralText *text, Value **out)
{
    Value *values = arena_alloc(&s->message, sizeof(Value) * (size_t)MAX_OF(text->count, 1));

    for (int i = 0; i < text->count; i++) {
        const Literal *l = &p->literals->items[i];

        if (l->taken)
            TRY(literal_value(s->cx, text, i, l->negative, type_by_oid(p->params.types[i]), &values[i]));
    }
    *out = values;
    return ST_OK;
}

static Status
run_kept(Session *s, Prepared *p, const LiteralText *text, Sink *sink, bool *done)
{
    AstStatement statement = {.ast = (Ast *)(uintptr_t)p->ast, .bytes = (int)strlen(text->sql)};
    Value *params;
    bool valid;
    Status rc;

    *done = false;
    TRY(session_begin_statement(s, p->ast));
    if (!p->is_query) {
        *done = true;
        return session_run(s, &statement, text->sql, sink);
    }
    TRY(lock_relations(s, p->plan, &valid));
    if (!valid)
        return ST_OK;
    if (read_literals(s, p, text, &params) != ST_OK) { /* to be told with its position */
        ctx_error_clear(s->cx);
        return ST_OK;
    }
    *done = true;
    p->uses++;
    rc = run_plan(s, p, p->plan, params, text->count, sink);
    p->uses--;
    prepared_release(p);
    return rc;
}

/* The words of plan_cache_mode. */
enum { PLAN_CACHE_AUTO, PLAN_CACHE_GENERIC, PLAN_CACHE_CUSTOM };

/* *done false: the full way is still to be gone, nothing has been executed. */
static Status
run_by_cache(Session *s, const char *sql, Sink *sink, bool *done)
{
    LiteralText text;
    StatementKey key;
    Prepared *p;
    int64_t mode = settings_int(s->settings, SETTING_PLAN_CACHE_MODE);

    *done = false;
    if (mode == PLAN_CACHE_CUSTOM || !literals_take(&s->message, sql, &text))
        return ST_OK;
    if (s->state != TRANSACTION_IDLE && s->cx->txn != NULL)
        catalog_absorb(s->cx); /* K1 */
    key = statement_key(s, &text, NULL, 0);
    p = statement_cache_find(s, &key);
    if (p == NULL && (statement_cache_wants(s, &key) || mode == PLAN_CACHE_GENERIC)) {
        TRY(make_kept(s, &key, &p));
        if (p != NULL)
            statement_cache_put(s, &key, p);
    }
    return p != NULL ? run_kept(s, p, &text, sink, done) : ST_OK;
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
    TRY_TO(failed, rc, run_by_cache(s, sql, sink, &done));
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

/* ---- prepared statements ------------------------------------------------------------------------------------------ */

static void
free_prepared(Prepared *p)
{
    Arena arena = p->arena; /* p lies in it */

    exec_close(p->parked);
    arena_free(&p->exec_arena);
    arena_free(&p->plan_arena);
    arena_free(&arena);
}

void
prepared_forget_plan(Prepared *p)
{
    ASSERT(p->uses == 0);
    exec_close(p->parked);
    p->parked = NULL;
    p->plan = NULL;
    arena_reset(&p->plan_arena);
}

void
prepared_release(Prepared *p)
{
    if (p->uses == 0 && p->dropped && !p->cached)
        free_prepared(p);
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
    prepared_release(p);
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
    arena_init(&p->exec_arena, "execution", &s->budget);
    p->column_count = -1;
    p->serial = ++s->last_serial;
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
    uint64_t key = plan_key(s);
    ResultColumn *old = p->columns;
    int old_count = p->column_count;

    if (!p->is_query) {
        if (p->ast != NULL)
            TRY(session_utility_columns(s, p->ast, &p->columns, &p->column_count));
        return ST_OK;
    }
    if (p->plan != NULL && p->uses == 0) {
        bool valid;

        TRY(lock_relations(s, p->plan, &valid));
        if (valid && p->plan_key == key)
            return ST_OK;
        prepared_forget_plan(p);
    } else if (p->plan != NULL) { /* a portal is still running it */
        return ST_OK;
    }
    TRY(session_make_plan(s, &p->plan_arena, &p->params, p->ast, &p->plan));
    p->plan_key = key;
    p->params.fixed = true;
    take_columns(p);
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

/* The unnamed statement, if the cache has it. */
static Status
find_kept(Session *s, const StatementKey *key, bool *found)
{
    Prepared *p;

    *found = false;
    if (s->cx->txn != NULL)
        catalog_absorb(s->cx); /* K1 */
    p = statement_cache_find(s, key);
    if (p == NULL)
        return ST_OK;
    TRY(session_begin_statement(s, p->ast));
    ASSERT(p->dropped);
    p->dropped = false;
    p->next = s->prepared;
    s->prepared = p;
    *found = true;
    return ST_OK;
}

Status
session_prepare(Session *s, const char *name, const char *sql, const Oid *types, int type_count)
{
    Ctx *cx = s->cx;
    Prepared *p = NULL;
    LiteralText exact = {.sql = sql, .shape = sql, .shape_bytes = strlen(sql)};
    StatementKey key = statement_key(s, &exact, types, type_count);
    AstStatement *statements;
    int count;
    bool keep = false;
    Status rc;

    s->sql = sql;
    if (name[0] == '\0') {
        bool found;

        session_drop_unnamed(s);
        TRY(find_kept(s, &key, &found));
        if (found)
            return ST_OK;
        keep = statement_cache_wants(s, &key);
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
    if (keep && is_kept(p->ast))
        statement_cache_put(s, &key, p);
    p->next = s->prepared;
    s->prepared = p;
    return ST_OK;
failed:
    free_prepared(p);
    return rc;
}

/* ---- portals ------------------------------------------------------------------------------------------------------- */

static void
stop_portal(Portal *p)
{
    Prepared *prepared = p->prepared;

    if (prepared != NULL) {
        if (p->started)
            give_execution(prepared, p->execution, p->borrowed, p->failed);
        prepared->uses--;
        prepared_release(prepared);
    }
    p->execution = NULL;
    p->prepared = NULL;
    p->done = true;
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
    stop_portal(p);
    arena = p->arena; /* p lies in it */
    arena_free(&s->spare_portal);
    arena_reset(&arena);
    s->spare_portal = arena;
}

void
session_close_portals(Session *s)
{
    while (s->portals != NULL)
        session_drop_portal(s, s->portals);
}

static Portal *
portal_of_name(const Session *s, const char *name)
{
    Portal *p = s->portals;

    while (p != NULL && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

Status
session_find_portal(Session *s, const char *name, Portal **out)
{
    Portal *p = portal_of_name(s, name);

    if (p != NULL) {
        *out = p;
        return ST_OK;
    }
    return fail(s->cx, ST_ERROR, "34000", "portal \"%s\" does not exist", name);
}

Status
session_portal(Session *s, const char *name, Prepared *prepared, Portal **out)
{
    Portal *p = portal_of_name(s, name);
    Arena arena;

    if (p != NULL && name[0] != '\0')
        return fail(s->cx, ST_ERROR, "42P03", "cursor \"%s\" already exists", name);
    if (p != NULL)
        session_drop_portal(s, p);
    arena = s->spare_portal;
    arena_init(&s->spare_portal, "portal", &s->budget);
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
    return take_execution(s, p->prepared, &p->arena, p->params, p->param_count, &p->borrowed, &p->execution);
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

        s->statement_no = 0;
        s->statement_count = 1;
        /* COMMIT and its kin close portals, this one too: it may not be touched afterwards */
        return session_run(s, &statement, sql, sink);
    }
    if (!p->started)
        TRY(start_portal(s, p));
    command = prepared->plan->command;
    rc = drain(s, p->execution, prepared->plan, sink, p->announce, most == 0 ? UINT64_MAX : most, &rows, &done);
    p->failed = rc != ST_OK;
    TRY(rc);
    p->rows += rows;
    if (!done) {
        *suspended = true;
        return ST_OK;
    }
    if (prepared->plan->command != COMMAND_SELECT)
        rows = exec_changed(p->execution);
    stop_portal(p);
    return sink->complete(sink, s->cx, command_tag(s, command, rows));
}
