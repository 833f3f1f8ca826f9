/* portal.c - portals: a prepared statement on its way through its rows. */
#include "backend/session/run_int.h"

static void
stop_portal(Portal *p)
{
    Prepared *prepared = p->prepared;

    if (prepared != NULL) {
        if (p->started)
            prepared_give_execution(prepared, p->execution, p->borrowed, p->failed);
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
    return prepared_take_execution(s, p->prepared, &p->arena, p->params, p->param_count, &p->borrowed,
                                   &p->execution);
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
        return sink->complete(sink, s->cx,
                              p->rows == 0 ? "SELECT 0" : session_command_tag(s, COMMAND_SELECT, 0));
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
    rc = execution_drain(s, p->execution, prepared->plan, sink, false, most == 0 ? UINT64_MAX : most, &rows,
                         &done);
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
    return sink->complete(sink, s->cx, session_command_tag(s, command, rows));
}
