/* run_kept.c - simple queries by way of the statement cache.
 *
 * A simple query whose plan the cache has goes straight to the execution: its literals are the parameters.
 * Whatever is wrong with that before anything has been executed sends it the full way, where errors get
 * their positions (X2). */
#include "backend/session/run_int.h"
#include "backend/session/statement_cache.h"

/* The words of plan_cache_mode. */
enum { PLAN_CACHE_AUTO, PLAN_CACHE_GENERIC, PLAN_CACHE_CUSTOM };

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
    if (rc != ST_OK || count != 1 || !statement_is_kept(statements[0].ast))
        goto refused;
    p->ast = statements[0].ast;
    p->is_query = statement_is_query(p->ast);
    if (session_begin_statement(s, p->ast) != ST_OK) /* only for now */
        goto not_now;
    if (p->is_query) {
        rc = session_make_plan(s, &p->plan_arena, &p->params, p->ast, &p->plan);
        if (rc == ST_CANCELED || rc == ST_CLOSED)
            goto failed;
        if (rc != ST_OK)
            goto refused;
        prepared_take_columns(p);
        p->plan_key = session_plan_key(s);
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
    TRY(session_lock_relations(s, p->plan, &valid));
    if (!valid)
        return ST_OK;
    if (read_literals(s, p, text, &params) != ST_OK) { /* to be told with its position */
        ctx_error_clear(s->cx);
        return ST_OK;
    }
    *done = true;
    p->uses++;
    rc = session_run_plan(s, p, p->plan, params, text->count, sink);
    p->uses--;
    prepared_release(p);
    return rc;
}

/* *done false: the full way is still to be gone, nothing has been executed. */
Status
session_run_kept(Session *s, const char *sql, Sink *sink, bool *done)
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
