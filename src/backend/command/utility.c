/* utility.c - statements that are no queries: which function does which, SET and SHOW, PREPARE and
 * EXECUTE, LOCK, DISCARD. */
#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/ddl.h"
#include "backend/command/utility.h"
#include "backend/session/cursor.h"
#include "backend/session/session.h"
#include "backend/session/statement_cache.h"
#include "backend/type/aclitem.h"
#include "shmem/proc/follow.h"
#include "storage/engine/engine.h"

/* ---- SET, SHOW ---------------------------------------------------------------------------------------------------- */

static Status
set_text(Session *s, const AstSet *a, const char **out)
{
    Buf b = {0};

    for (int i = 0; i < a->args.count; i++) {
        const Ast *arg = a->args.items[i];
        const AstConst *k;

        if (arg->kind == AST_CAST) /* SET TIME ZONE INTERVAL '...' */
            return fail_unsupported(s->cx, -1, "SET TIME ZONE INTERVAL");
        k = (const AstConst *)arg;
        if (i > 0)
            buf_add_text(&b, ", ");
        if (k->const_kind == CONST_INT)
            buf_add_int(&b, k->integer);
        else if (k->const_kind == CONST_STRING && (a->args.count > 1 || strcmp(a->name, "search_path") == 0))
            deparse_identifier(k->text, &b);
        else
            buf_add_text(&b, k->const_kind == CONST_BOOL ? (k->integer ? "on" : "off") : k->text);
    }
    *out = arena_strdup(s->cx->arena, buf_cstr(&b));
    buf_free(&b);
    return ST_OK;
}

static Status
set_modes(Session *s, const AstSet *a)
{
    bool characteristics = strcmp(a->name, "SESSION CHARACTERISTICS") == 0;

    if (strcmp(a->name, "TRANSACTION SNAPSHOT") == 0)
        return fail_unsupported(s->cx, -1, "SET TRANSACTION SNAPSHOT");
    if (!characteristics && s->state != TRANSACTION_BLOCK) {
        ctx_notice(s->cx, SEV_WARNING, "25P01", "SET TRANSACTION can only be used in transaction blocks");
        return ST_OK;
    }
    for (int i = 0; i < a->args.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->args.items[i];
        const AstConst *k = (const AstConst *)d->value;
        const char *text = k->const_kind == CONST_STRING ? k->text : k->integer != 0 ? "on" : "off";

        if (characteristics)
            TRY(settings_set(s->cx, s->settings, arena_printf(s->cx->arena, "default_%s", d->name), text,
                             SCOPE_SESSION, s->session_superuser));
        else
            TRY(session_set_transaction_mode(s, d->name, text));
    }
    return ST_OK;
}

static Status
run_set(Session *s, const AstSet *a)
{
    SettingScope scope = a->is_local ? SCOPE_LOCAL : SCOPE_SESSION;
    const char *text = NULL;

    if (a->is_local && s->state != TRANSACTION_BLOCK)
        ctx_notice(s->cx, SEV_WARNING, "25P01", "SET LOCAL can only be used in transaction blocks");
    switch (a->set_kind) {
    case SET_MULTI: return set_modes(s, a);
    case SET_RESET_ALL: return settings_reset_all(s->cx, s->settings);
    case SET_CURRENT: return fail_unsupported(s->cx, -1, "SET ... FROM CURRENT");
    case SET_VALUE: TRY(set_text(s, a, &text)); break;
    case SET_DEFAULT:
    case SET_RESET: break;
    }
    if (strcmp(a->name, "transaction_isolation") == 0 && text != NULL)
        return session_set_transaction_mode(s, a->name, text);
    TRY(settings_set(s->cx, s->settings, a->name, text, scope, catalog_is_superuser(s->cx)));
    if (strcmp(a->name, "session_authorization") == 0) /* another user has not set a role yet */
        TRY(settings_set(s->cx, s->settings, "role", "none", scope, true));
    return ST_OK;
}

Status
session_send_texts(Session *s, Sink *sink, const ResultColumn *columns, int column_count,
                   const char *const *texts, int row_count)
{
    Arena *a = &s->message;
    Vector *vectors = arena_array(a, Vector, MAX_OF(column_count, 1));

    TRY(sink->describe(sink, s->cx, columns, column_count));
    for (int first = 0; first < row_count; first += BATCH_ROWS) {
        uint32_t n = (uint32_t)MIN_OF(row_count - first, BATCH_ROWS);
        Batch batch = {vectors, column_count, {NULL, n}, n};

        for (int c = 0; c < column_count; c++) {
            vector_init(&vectors[c], a, PHYS_VAR, n);
            for (uint32_t i = 0; i < n; i++) {
                const char *text = texts[((size_t)first + i) * (size_t)column_count + (size_t)c];

                vector_set(&vectors[c], a, i, n, text != NULL ? value_var(text, strlen(text)) : value_null());
            }
        }
        TRY(sink->rows(sink, s->cx, &batch, columns, column_count));
    }
    return ST_OK;
}

static ResultColumn
text_column(const char *name)
{
    return (ResultColumn){.name = name, .type = TYPE_TEXT, .typmod = -1};
}

static Status
show_columns(Session *s, Arena *arena, const AstShow *a, ResultColumn **columns, int *count)
{
    *columns = arena_array(arena, ResultColumn, 3);
    *count = 1;
    if (strcmp(a->name, "all") == 0) {
        (*columns)[0] = text_column("name");
        (*columns)[1] = text_column("setting");
        (*columns)[2] = text_column("description");
        *count = 3;
    } else {
        SettingNo no;

        TRY(settings_find(s->cx, s->settings, a->name, &no));
        (*columns)[0] = text_column(settings_name(s->settings, no));
    }
    return ST_OK;
}

static Status
show_all(Session *s, const ResultColumn *columns, Sink *sink)
{
    const char **texts = arena_array(&s->message, const char *, SETTING_COUNT * 3);
    int rows = 0;

    for (int i = 0; i < SETTING_COUNT; i++) {
        if (setting_infos[i].flags & SETTING_IS_HIDDEN)
            continue;
        texts[rows * 3] = setting_infos[i].name;
        texts[rows * 3 + 1] = session_setting_text(s, (SettingNo)i);
        texts[rows++ * 3 + 2] = setting_infos[i].doc;
    }
    return session_send_texts(s, sink, columns, 3, texts, rows);
}

static Status
run_show(Session *s, const AstShow *a, Sink *sink)
{
    ResultColumn *columns;
    int count;
    SettingNo no;
    const char *text;

    TRY(show_columns(s, &s->message, a, &columns, &count));
    if (count == 3)
        return show_all(s, columns, sink);
    TRY(settings_find(s->cx, s->settings, a->name, &no));
    text = session_setting_text(s, no);
    return session_send_texts(s, sink, columns, 1, &text, 1);
}

/* ---- PREPARE, EXECUTE, DEALLOCATE ---------------------------------------------------------------------------------- */

static Status
run_prepare(Session *s, const AstPrepare *a, const char *sql)
{
    Ctx *cx = s->cx;
    Prepared *p;
    Oid *types = arena_array(cx->arena, Oid, MAX_OF(a->types.count, 1));
    AstStatement *statements;
    int count;
    Status rc;

    for (int i = 0; i < a->types.count; i++) {
        int32_t typmod;

        TRY(bind_type_name(cx, (const AstTypeName *)a->types.items[i], &types[i], &typmod));
    }
    if (session_find_prepared(s, a->name, &p) == ST_OK)
        return fail(cx, ST_ERROR, "42P05", "prepared statement \"%s\" already exists", a->name);
    ctx_error_clear(cx);
    p = session_new_prepared(s, a->name, sql);
    p->from_sql = true;
    /* the tree must live as long as the statement: parse again into its arena */
    TRY(parse_sql(cx, &p->arena, p->sql, &statements, &count));
    ASSERT(s->statement_no < count && statements[s->statement_no].ast->kind == AST_PREPARE);
    p->ast = ((const AstPrepare *)statements[s->statement_no].ast)->query;
    p->is_query = p->ast != NULL && (p->ast->kind == AST_SELECT || p->ast->kind == AST_INSERT ||
                                     p->ast->kind == AST_UPDATE || p->ast->kind == AST_DELETE);
    if (!p->is_query) {
        session_drop_prepared(s, p);
        return fail(cx, ST_ERROR, "42601", "utility statements cannot be prepared");
    }
    rc = session_set_param_types(s, p, types, a->types.count);
    if (rc == ST_OK)
        rc = session_plan(s, p);
    if (rc != ST_OK) {
        session_drop_prepared(s, p);
        return rc;
    }
    p->next = s->prepared;
    s->prepared = p;
    return ST_OK;
}

static Status
run_execute(Session *s, const AstExecute *a, Sink *sink)
{
    Ctx *cx = s->cx;
    Prepared *p;
    Portal *portal;
    bool suspended;
    Status rc = ST_OK;

    TRY(session_find_prepared(s, a->name, &p));
    if (p->params.count > 0 &&
        a->args.count != p->params.count) { /* without parameters they are not looked at */
        rc = fail(cx, ST_ERROR, "42601", "wrong number of parameters for prepared statement \"%s\"", a->name);
        fail_detail(cx, "Expected %d parameters but got %d.", p->params.count, a->args.count);
        return rc;
    }
    rc = session_plan(s, p);
    if (rc != ST_OK) {
        s->sql = p->sql; /* where the error points to */
        return rc;
    }
    TRY(session_portal(s, arena_printf(cx->arena, "\1execute %p", (void *)a), p, &portal));
    portal->params = arena_array(&portal->arena, Value, MAX_OF(p->params.count, 1));
    portal->param_count = p->params.count;
    for (int i = 0; i < p->params.count && rc == ST_OK; i++) {
        Expr *e;

        rc = bind_value_expression(cx, cx->arena, a->args.items[i], "EXECUTE parameters", p->params.types[i],
                                   &e);
        if (rc == ST_OK)
            rc = exec_constant(cx, &portal->arena, e, &portal->params[i]);
    }
    portal->announce =
        p->column_count >= 0 && (p->params.count > 0 || p->plan->writes || p->plan->constant_raises);
    if (rc == ST_OK && p->column_count >= 0 && !portal->announce)
        rc = sink->describe(sink, cx, p->columns, p->column_count);
    if (rc == ST_OK)
        rc = session_execute(s, portal, 0, sink, &suspended);
    session_drop_portal(s, portal);
    return rc;
}

static Status
run_deallocate(Session *s, const AstExecute *a, const char **tag)
{
    Prepared *p;

    *tag = a->name == NULL ? "DEALLOCATE ALL" : "DEALLOCATE";
    if (a->name == NULL) {
        while (s->prepared != NULL)
            session_drop_prepared(s, s->prepared);
        return ST_OK;
    }
    TRY(session_find_prepared(s, a->name, &p));
    session_drop_prepared(s, p);
    return ST_OK;
}

/* ---- LOCK, DISCARD -------------------------------------------------------------------------------------------------- */

enum { ROLE_PG_CHECKPOINT = 4544 };

static Status
run_checkpoint(Session *s)
{
    bool member = catalog_is_superuser(s->cx);

    if (!member)
        TRY(acl_is_member(s->cx, catalog_role(s->cx), ROLE_PG_CHECKPOINT, true, &member));
    if (!member)
        return fail(s->cx, ST_ERROR, "42501",
                    "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT");
    return engine_checkpoint(s->cx);
}

static Status
run_lock(Session *s, const AstLock *a)
{
    Ctx *cx = s->cx;

    if (s->state != TRANSACTION_BLOCK)
        return fail(cx, ST_ERROR, "25P01", "LOCK TABLE can only be used in transaction blocks");
    for (int i = 0; i < a->relations.count; i++) {
        const AstRangeVar *v = (const AstRangeVar *)a->relations.items[i];
        const TableInfo *t;
        bool granted;
        LockKey key;

        TRY(catalog_need_table(cx, v->schema, v->name, LOCK_NONE, &t));
        if (t->kind != TABLE_HEAP)
            return fail(cx, ST_ERROR, "42809", "cannot lock relation \"%s\"", t->name);
        TRY(catalog_check_any_privilege(cx, t,
                                        ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE |
                                            (a->mode == LOCK_ACCESS_SHARE ? ACL_SELECT : 0) |
                                            (a->mode <= LOCK_ROW_EXCLUSIVE ? ACL_INSERT : 0)));
        key = (LockKey){.branch = catalog_branch(cx), .a = t->oid, .kind = LOCK_KIND_RELATION};
        if (!a->nowait) {
            TRY(lock_acquire(cx, key, (LockMode)a->mode, LOCK_SPAN_TRANSACTION, false));
            continue;
        }
        TRY(lock_try(cx, key, (LockMode)a->mode, LOCK_SPAN_TRANSACTION, &granted));
        if (!granted)
            return fail(cx, ST_ERROR, "55P03", "could not obtain lock on relation \"%s\"", t->name);
    }
    return ST_OK;
}

static Status
run_discard(Session *s, const AstDiscard *a, const char **tag)
{
    static const char *const tags[] = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"};
    AstExecute all = {.ast = {AST_DEALLOCATE, -1}};

    *tag = tags[a->what];
    if (a->what <= 1)
        statement_cache_clear(s);
    if (a->what == 1) {
        for (Prepared *p = s->prepared; p != NULL; p = p->next) {
            if (p->uses == 0)
                prepared_forget_plan(p);
        }
    }
    if (a->what == 0 || a->what == 2)
        session_forget_sequences(s);
    if (a->what == 3)
        return temp_drop_all(s);
    if (a->what != 0)
        return ST_OK;
    if (s->state == TRANSACTION_BLOCK)
        return fail(s->cx, ST_ERROR, "25001", "DISCARD ALL cannot run inside a transaction block");
    session_close_portals(s);
    cursors_close_all(s);
    TRY(run_deallocate(s, &all, tag));
    *tag = tags[0];
    TRY(settings_set(s->cx, s->settings, "session_authorization", NULL, SCOPE_SESSION, true));
    TRY(settings_set(s->cx, s->settings, "role", NULL, SCOPE_SESSION, true));
    TRY(settings_reset_all(s->cx, s->settings));
    lock_release_all(s->cx, LOCK_SPAN_SESSION);
    return temp_drop_all(s);
}

/* ---- which does which ------------------------------------------------------------------------------------------------ */

static const char *
drop_tag(const AstDrop *a)
{
    switch (a->object) {
    case 'r': return "DROP TABLE";
    case 'i': return "DROP INDEX";
    case 'S': return "DROP SEQUENCE";
    case 'v': return "DROP VIEW";
    default: return "DROP SCHEMA";
    }
}

static Status
refuse_read_only(Session *s, const char *what)
{
    if (!settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return ST_OK;
    return fail(s->cx, ST_ERROR, "25006", "cannot execute %s in a read-only transaction", what);
}

static Status
run_utility(Session *s, const Ast *ast, const char *sql, Sink *sink, const char **tag)
{
    switch (ast->kind) {
    case AST_SET:
        *tag = ((const AstSet *)ast)->set_kind == SET_RESET || ((const AstSet *)ast)->set_kind == SET_RESET_ALL
                   ? "RESET"
                   : "SET";
        return run_set(s, (const AstSet *)ast);
    case AST_SHOW: *tag = "SHOW"; return run_show(s, (const AstShow *)ast, sink);
    case AST_PREPARE: *tag = "PREPARE"; return run_prepare(s, (const AstPrepare *)ast, sql);
    case AST_EXECUTE: return run_execute(s, (const AstExecute *)ast, sink);
    case AST_DEALLOCATE: return run_deallocate(s, (const AstExecute *)ast, tag);
    case AST_LOCK: *tag = "LOCK TABLE"; return run_lock(s, (const AstLock *)ast);
    case AST_DISCARD: return run_discard(s, (const AstDiscard *)ast, tag);
    case AST_CHECKPOINT: *tag = "CHECKPOINT"; return run_checkpoint(s);
    case AST_CONSTRAINTS_SET: /* there are no deferrable ones */
        *tag = "SET CONSTRAINTS";
        if (s->state != TRANSACTION_BLOCK)
            ctx_notice(s->cx, SEV_WARNING, "25P01", "SET CONSTRAINTS can only be used in transaction blocks");
        return ST_OK;
    case AST_CREATE_TABLE:
        *tag = "CREATE TABLE";
        TRY(refuse_read_only(s, *tag));
        return ddl_create_table(s, (const AstCreateTable *)ast);
    case AST_CREATE_INDEX:
        *tag = "CREATE INDEX";
        TRY(refuse_read_only(s, *tag));
        return ddl_create_index(s, (const AstCreateIndex *)ast);
    case AST_DROP:
        *tag = drop_tag((const AstDrop *)ast);
        TRY(refuse_read_only(s, *tag));
        return ddl_drop(s, (const AstDrop *)ast);
    case AST_TRUNCATE:
        *tag = "TRUNCATE TABLE";
        TRY(refuse_read_only(s, *tag));
        return ddl_truncate(s, (const AstTruncate *)ast);
    case AST_CREATE_SCHEMA:
        *tag = "CREATE SCHEMA";
        TRY(refuse_read_only(s, *tag));
        return ddl_create_schema(s, (const AstCreateSchema *)ast);
    case AST_CREATE_SEQUENCE:
        *tag = "CREATE SEQUENCE";
        TRY(refuse_read_only(s, *tag));
        return ddl_create_sequence(s, (const AstSequence *)ast);
    default: return utility_more(s, ast, sink, tag);
    }
}

/* Those that say by themselves when they do, and those that never do, are not meant. */
static bool
may_take_long(AstKind kind)
{
    switch (kind) {
    case AST_SET:
    case AST_SHOW:
    case AST_PREPARE:
    case AST_EXECUTE:
    case AST_DEALLOCATE:
    case AST_CONSTRAINTS_SET: return false;
    default: return true;
    }
}

Status
session_utility(Session *s, const Ast *ast, const char *sql, Sink *sink, const char **tag)
{
    Status rc;

    if (may_take_long(ast->kind))
        proc_unfollow(s->cx->proc);
    /* C5: what frees memory works at the ceiling, too. */
    engine_use_spare(s->cx, ast->kind == AST_DROP || ast->kind == AST_TRUNCATE || ast->kind == AST_VACUUM);
    rc = run_utility(s, ast, sql, sink, tag);
    engine_use_spare(s->cx, false);
    return rc;
}

Status
session_utility_columns(Session *s, Arena *arena, const Ast *ast, ResultColumn **columns, int *count)
{
    Prepared *p;

    *columns = NULL;
    *count = -1;
    switch (ast->kind) {
    case AST_SHOW: return show_columns(s, arena, (const AstShow *)ast, columns, count);
    case AST_EXECUTE:
        TRY(session_find_prepared(s, ((const AstExecute *)ast)->name, &p));
        *columns = p->columns;
        *count = p->column_count;
        return ST_OK;
    case AST_FETCH: return cursor_columns(s, (const AstCursor *)ast, columns, count);
    case AST_EXPLAIN:
        *columns = arena_array(arena, ResultColumn, 1);
        *count = 1;
        return command_explain_column(s->cx, (const AstExplain *)ast, &(*columns)[0]);
    default: return ST_OK;
    }
}
