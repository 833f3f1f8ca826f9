/* grammar.c - calls PostgreSQL's grammar.
 *
 * libpg_query keeps its memory context and its error stacks in thread-local variables, while the server
 * headers declare them as plain globals: pg_nodes.h hides those, and here they are declared as what they
 * are. A grammar error arrives by siglongjmp, so between setting the exception stack and restoring it
 * nothing of ours may be allocated outside the arena, whose memory survives.
 *
 * One memory context per thread is made at the first parse and emptied after each. */
#include "backend/parse/parse_int.h"
#include "backend/parse/parse.h"
#include "base/utf8.h"

extern __thread sigjmp_buf *PG_exception_stack;
extern __thread ErrorContextCallback *error_context_stack;
extern __thread MemoryContext CurrentMemoryContext;
extern __thread MemoryContext TopMemoryContext;
extern void pg_query_init(void);

static _Thread_local MemoryContext parse_memory;

/* The error the grammar raised, into our context. */
static Status
take_grammar_error(Ctx *cx, const char *sql)
{
    ErrorData *e;
    char sqlstate[6] = {0};
    Status rc;

    CurrentMemoryContext = parse_memory;
    e = CopyErrorData();
    FlushErrorState();
    for (int i = 0, code = e->sqlerrcode; i < 5; i++, code >>= 6)
        sqlstate[i] = (char)((code & 0x3f) + '0');
    /* The grammar's own stack is limited too, and bison knows only one kind of error. */
    if (e->message != NULL && strncmp(e->message, "memory exhausted", 16) == 0)
        memcpy(sqlstate, "54001", 6);
    rc = fail(cx, ST_ERROR, sqlstate, "%s", e->message != NULL ? e->message : "syntax error");
    if (e->detail != NULL)
        fail_detail(cx, "%s", e->detail);
    if (e->hint != NULL)
        fail_hint(cx, "%s", e->hint);
    if (e->cursorpos > 0) /* in characters, while our locations are bytes */
        fail_locate(cx, (int)utf8_prefix_bytes(sql, strlen(sql), (size_t)e->cursorpos - 1));
    return rc;
}

/* Runs the grammar; *out lies in parse_memory. The variables that a longjmp crosses are volatile. */
static Status
run_grammar(Ctx *cx, const char *sql, RawParseMode mode, List **out)
{
    sigjmp_buf *saved_exceptions = PG_exception_stack;
    ErrorContextCallback *saved_context = error_context_stack;
    MemoryContext volatile saved_memory = CurrentMemoryContext;
    sigjmp_buf here;
    volatile Status rc = ST_OK;

    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        error_context_stack = NULL;
        if (parse_memory == NULL) {
            pg_query_init();
            parse_memory = AllocSetContextCreate(TopMemoryContext, "parse", ALLOCSET_DEFAULT_SIZES);
        }
        CurrentMemoryContext = parse_memory;
        *out = raw_parser(sql, mode);
    } else {
        rc = take_grammar_error(cx, sql);
    }
    PG_exception_stack = saved_exceptions;
    error_context_stack = saved_context;
    CurrentMemoryContext = saved_memory;
    return rc;
}

Status
parse_sql(Ctx *cx, Arena *arena, const char *sql, AstStatement **out, int *count)
{
    TreeCopy c = {.cx = cx, .arena = arena};
    List *raw = NIL;
    const ListCell *cell;
    AstStatement *statements;
    int n = 0;

    c.rc = run_grammar(cx, sql, RAW_PARSE_DEFAULT, &raw);
    if (c.rc == ST_OK) {
        statements = arena_array(arena, AstStatement, list_length(raw) + 1);
        foreach (cell, raw) {
            const RawStmt *r = lfirst_node(RawStmt, cell);

            statements[n].start = r->stmt_location > 0 ? r->stmt_location : 0;
            statements[n].bytes = r->stmt_len > 0 ? r->stmt_len : (int)strlen(sql) - statements[n].start;
            statements[n].ast = tree_copy_node(&c, r->stmt);
            if (c.rc == ST_OK && statements[n].ast->kind == AST_SELECT)
                statements[n].ast = tree_select_into((AstSelect *)statements[n].ast);
            n++;
        }
        *out = statements;
        *count = n;
    }
    MemoryContextReset(parse_memory);
    return c.rc;
}

Status
parse_expression(Ctx *cx, Arena *arena, const char *sql, Ast **out)
{
    TreeCopy c = {.cx = cx, .arena = arena};
    List *raw = NIL;

    c.rc = run_grammar(cx, sql, RAW_PARSE_PLPGSQL_EXPR, &raw);
    if (c.rc == ST_OK) {
        const SelectStmt *s = (const SelectStmt *)linitial_node(RawStmt, raw)->stmt;
        const ResTarget *t = linitial_node(ResTarget, s->targetList);

        if (list_length(s->targetList) != 1 || s->fromClause != NIL)
            c.rc = fail(cx, ST_ERROR, "42601", "a single expression is expected");
        else
            *out = tree_copy_node(&c, t->val);
    }
    MemoryContextReset(parse_memory);
    return c.rc;
}

Status
parse_type_name(Ctx *cx, Arena *arena, const char *sql, AstTypeName **out)
{
    TreeCopy c = {.cx = cx, .arena = arena};
    List *raw = NIL;

    c.rc = run_grammar(cx, sql, RAW_PARSE_TYPE_NAME, &raw);
    if (c.rc == ST_OK)
        *out = tree_copy_type_name(&c, linitial_node(TypeName, raw));
    MemoryContextReset(parse_memory);
    return c.rc;
}

bool
keyword_needs_quotes(const char *word)
{
    int no = ScanKeywordLookup(word, &ScanKeywords);

    return no >= 0 && ScanKeywordCategories[no] != UNRESERVED_KEYWORD;
}
