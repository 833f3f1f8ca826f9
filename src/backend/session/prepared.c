/* prepared.c - prepared statements: their life, their plans, the execution each keeps for the next time. */
#include "backend/session/run_int.h"
#include "backend/session/statement_cache.h"
#include "base/hash.h"

enum { SMALL_BYTES = 2048 }; /* what a simple statement's tree, plan or operators take */

/* Gives up the execution it keeps. */
static void
unpark(Prepared *p)
{
    exec_close(p->parked);
    p->parked = NULL;
    if (p->parked_no >= 0)
        p->session->parked[p->parked_no] = NULL;
    p->parked_no = -1;
}

/* The one that has waited longest in the list makes room. */
static void
park(Prepared *p, Execution *e)
{
    Session *s = p->session;

    if (p->parked_no < 0) {
        int no = s->parked_next++ % PARKED_MOST;

        if (s->parked[no] != NULL)
            unpark(s->parked[no]);
        s->parked[no] = p;
        p->parked_no = no;
    }
    p->parked = e;
}

static void
free_prepared(Prepared *p)
{
    Arena arena = p->arena; /* p lies in it */

    unpark(p);
    arena_free(&p->exec_arena);
    arena_free(&p->plan_arena);
    arena_free(&arena);
}

void
prepared_forget_plan(Prepared *p)
{
    ASSERT(p->uses == 0);
    unpark(p);
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

    arena_init_small(&arena, "prepared statement", &s->budget, SMALL_BYTES);
    p = arena_new(&arena, Prepared);
    p->session = s;
    p->parked_no = -1;
    p->name = arena_strdup(&arena, name);
    p->sql = arena_strdup(&arena, sql);
    p->arena = arena;
    arena_init_small(&p->plan_arena, "plan", &s->budget, SMALL_BYTES);
    arena_init_small(&p->exec_arena, "execution", &s->budget, SMALL_BYTES);
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

/* What a plan depends on besides the catalog: settings, and who may read what. */
uint64_t
session_plan_key(Session *s)
{
    return hash_combine(settings_plan_key(s->settings), catalog_role(s->cx));
}

/* Takes the description of the result over from the plan, which may be made again. */
void
prepared_take_columns(Prepared *p)
{
    p->column_count = p->plan->has_result ? p->plan->column_count : -1;
    p->columns = arena_memdup(&p->arena, p->plan->columns, sizeof(*p->columns) * (size_t)p->plan->column_count);
    for (int i = 0; i < p->plan->column_count; i++)
        p->columns[i].name = arena_strdup(&p->arena, p->columns[i].name);
}

/* Makes the plan if there is none or it is out of date. */
Status
session_plan(Session *s, Prepared *p)
{
    uint64_t key = session_plan_key(s);
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

        TRY(session_lock_relations(s, p->plan, &valid));
        if (valid && p->plan_key == key)
            return ST_OK;
        prepared_forget_plan(p);
    } else if (p->plan != NULL) { /* a portal is still running it */
        return ST_OK;
    }
    TRY(session_make_plan(s, &p->plan_arena, &p->params, p->ast, &p->plan));
    p->plan_key = key;
    p->params.fixed = true;
    prepared_take_columns(p);
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
    p->is_query = statement_is_query(p->ast);
    if (p->ast != NULL)
        TRY_TO(failed, rc, session_begin_statement(s, p->ast));
    if (p->is_query)
        TRY_TO(failed, rc, session_plan(s, p));
    if (keep && statement_is_kept(p->ast))
        statement_cache_put(s, &key, p);
    p->next = s->prepared;
    s->prepared = p;
    return ST_OK;
failed:
    free_prepared(p);
    return rc;
}

/* The statement's own execution, as it was left the last time; a new one in `arena` when that is busy. */
Status
prepared_take_execution(Session *s, Prepared *p, Arena *arena, const Value *params, int param_count,
                        bool *borrowed, Execution **out)
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
void
prepared_give_execution(Prepared *p, Execution *e, bool borrowed, bool failed)
{
    if (!borrowed) {
        exec_close(e);
        return;
    }
    p->exec_busy = false;
    if (e == NULL)
        return;
    if (!failed && exec_park(e))
        park(p, e);
    else
        exec_close(e);
}
