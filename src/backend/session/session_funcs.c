/* session_funcs.c - functions that tell about the session: who, where, settings. */
#include "backend/session/session_int.h"

#include "backend/type/fn_decl.h"

#include <unistd.h>

static Value
text_of(Ctx *cx, const char *text)
{
    return value_var(arena_strdup(cx->arena, text), strlen(text));
}

SCALAR_FN(current_user)
{
    *out = text_of(call->cx, catalog_role_name(call->cx));
    return ST_OK;
}

SCALAR_FN(session_user)
{
    *out = text_of(call->cx, call->cx->session->session_user_name);
    return ST_OK;
}

SCALAR_FN(current_database)
{
    *out = text_of(call->cx, catalog_database_name(call->cx));
    return ST_OK;
}

SCALAR_FN(current_schema)
{
    Oid schemas[64];
    const char *name;
    int count;

    *out = value_null();
    TRY(catalog_search_path(call->cx, false, schemas, COUNT_OF(schemas), &count));
    if (count == 0)
        return ST_OK;
    TRY(catalog_schema_name(call->cx, schemas[0], &name));
    if (name != NULL)
        *out = text_of(call->cx, name);
    return ST_OK;
}

SCALAR_FN(pg_backend_pid)
{
    *out = value_i32((int32_t)getpid());
    return ST_OK;
}

SCALAR_FN(current_setting)
{
    Ctx *cx = call->cx;
    SettingNo no;
    const char *name = arena_strndup(cx->arena, args[0].var.data, args[0].var.bytes);

    if (settings_find(cx, cx->session->settings, name, &no) != ST_OK) {
        if (call->arg_count < 2 || !args[1].b)
            return ST_ERROR;
        ctx_error_clear(cx);
        *out = value_null();
        return ST_OK;
    }
    *out = text_of(cx, session_setting_text(cx->session, no));
    return ST_OK;
}

SCALAR_FN(set_config)
{
    Ctx *cx = call->cx;
    Session *s = cx->session;
    SettingNo no;
    const char *name, *value = NULL;

    if (args[0].is_null)
        return fail(cx, ST_ERROR, "22004", "SET requires parameter name");
    name = arena_strndup(cx->arena, args[0].var.data, args[0].var.bytes);
    if (!args[1].is_null)
        value = arena_strndup(cx->arena, args[1].var.data, args[1].var.bytes);
    TRY(settings_set(cx, s->settings, name, value, !args[2].is_null && args[2].b ? SCOPE_LOCAL : SCOPE_SESSION,
                     catalog_is_superuser(cx)));
    TRY(settings_find(cx, s->settings, name, &no));
    *out = text_of(cx, session_setting_text(s, no));
    return ST_OK;
}

/* The whole text the client has sent. */
SCALAR_FN(current_query)
{
    const char *sql = call->cx->session->sql;

    *out = sql != NULL ? text_of(call->cx, sql) : value_null();
    return ST_OK;
}

/* There are no triggers. */
SCALAR_FN(pg_trigger_depth)
{
    *out = value_i32(0);
    return ST_OK;
}

/* Null over a Unix socket. */
SCALAR_FN(inet_client_port)
{
    const Activity *a = proc_activity_begin(call->cx->proc);
    int port = a->client_port;

    proc_activity_end(call->cx->proc);
    *out = port >= 0 ? value_i32(port) : value_null();
    return ST_OK;
}

SCALAR_FN(inet_server_port)
{
    const Activity *a = proc_activity_begin(call->cx->proc);
    bool tcp = a->client_port >= 0;

    proc_activity_end(call->cx->proc);
    *out = tcp ? value_i32((int32_t)settings_int(call->cx->session->settings, SETTING_PORT)) : value_null();
    return ST_OK;
}
