/* ctx.c - recording errors and sending notices.
 *
 * An error is recorded once, where it is noticed. Recording a second one before the first was cleared
 * replaces it: the clean-up after a failure must not fail loudly, and what the user should see is
 * decided by whoever returns the last Status. */
#include "base/ctx.h"

#include <stdarg.h>
#include <stdio.h>

static const char *
format_text(Arena *a, const char *format, va_list args)
{
    char small[512];
    va_list again;
    int bytes;
    char *text;

    va_copy(again, args);
    bytes = vsnprintf(small, sizeof(small), format, args);
    ASSERT(bytes >= 0);
    text = arena_alloc(a, (size_t)bytes + 1);
    if ((size_t)bytes < sizeof(small))
        memcpy(text, small, (size_t)bytes + 1);
    else
        vsnprintf(text, (size_t)bytes + 1, format, again);
    va_end(again);
    return text;
}

static void
record(Ctx *cx, const char *sqlstate, const char *format, va_list args)
{
    ASSERT(cx->error_arena != NULL);
    ASSERT(strlen(sqlstate) == 5);
    cx->error = (ErrorInfo){.severity = SEV_ERROR};
    memcpy(cx->error.sqlstate, sqlstate, 6);
    cx->error.message = format_text(cx->error_arena, format, args);
}

Status
fail(Ctx *cx, Status rc, const char *sqlstate, const char *format, ...)
{
    va_list args;

    ASSERT(rc != ST_OK);
    va_start(args, format);
    record(cx, sqlstate, format, args);
    va_end(args);
    return rc;
}

Status
fail_at(Ctx *cx, int location, const char *sqlstate, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    record(cx, sqlstate, format, args);
    va_end(args);
    fail_locate(cx, location);
    return ST_ERROR;
}

Status
fail_fatal(Ctx *cx, Status rc)
{
    cx->error.severity = SEV_FATAL;
    return rc;
}

Status
fail_unsupported(Ctx *cx, int location, const char *feature)
{
    return fail_at(cx, location, "0A000", "%s is not supported yet", feature);
}

Status
fail_memory(Ctx *cx, size_t bytes)
{
    Status rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");

    fail_detail(cx, "Failed on request of size %zu.", bytes);
    return rc;
}

Status
fail_stack(Ctx *cx)
{
    (void)fail(cx, ST_ERROR, "54001", "stack depth limit exceeded");
    fail_hint(cx, "Write the expression with fewer levels of nesting.");
    return ST_ERROR;
}

void
ctx_watch_stack(Ctx *cx, size_t bytes)
{
    cx->stack_limit = (const char *)__builtin_frame_address(0) - bytes;
}

void
fail_page(Ctx *cx, PageId page)
{
    cx->error.has_page = true;
    cx->error.page = page;
}

void
fail_detail(Ctx *cx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cx->error.detail = format_text(cx->error_arena, format, args);
    va_end(args);
}

void
fail_detail_log(Ctx *cx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cx->error.detail_log = format_text(cx->error_arena, format, args);
    va_end(args);
}

void
fail_hint(Ctx *cx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cx->error.hint = format_text(cx->error_arena, format, args);
    va_end(args);
}

void
fail_where(Ctx *cx, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cx->error.where = format_text(cx->error_arena, format, args);
    va_end(args);
}

static const char *
copy_or_null(Arena *a, const char *text)
{
    return text != NULL ? arena_strdup(a, text) : NULL;
}

void
fail_object(Ctx *cx, const char *schema, const char *table, const char *column, const char *constraint)
{
    cx->error.schema_name = copy_or_null(cx->error_arena, schema);
    cx->error.table_name = copy_or_null(cx->error_arena, table);
    cx->error.column_name = copy_or_null(cx->error_arena, column);
    cx->error.constraint_name = copy_or_null(cx->error_arena, constraint);
}

void
fail_locate(Ctx *cx, int location)
{
    if (location >= 0 && cx->error.position == 0 && strncmp(cx->error.sqlstate, "57", 2) != 0)
        cx->error.position = location + 1;
}

void
ctx_error_clear(Ctx *cx)
{
    cx->error = (ErrorInfo){0};
    arena_reset(cx->error_arena);
}

ErrorInfo *
ctx_error_copy(const Ctx *cx, Arena *to)
{
    ErrorInfo *e = arena_memdup(to, &cx->error, sizeof(*e));

    e->message = copy_or_null(to, e->message);
    e->detail = copy_or_null(to, e->detail);
    e->detail_log = copy_or_null(to, e->detail_log);
    e->hint = copy_or_null(to, e->hint);
    e->where = copy_or_null(to, e->where);
    e->schema_name = copy_or_null(to, e->schema_name);
    e->table_name = copy_or_null(to, e->table_name);
    e->column_name = copy_or_null(to, e->column_name);
    e->type_name = copy_or_null(to, e->type_name);
    e->constraint_name = copy_or_null(to, e->constraint_name);
    return e;
}

void
ctx_error_restore(Ctx *cx, const ErrorInfo *saved)
{
    Ctx from = {.error = *saved};

    cx->error = *ctx_error_copy(&from, cx->error_arena);
}

static void
send_notice(Ctx *cx, Severity severity, const char *sqlstate, const char *detail, const char *format,
            va_list args)
{
    ErrorInfo info = {.severity = severity, .detail = detail};
    ArenaMark mark = arena_mark(cx->error_arena);

    ASSERT(severity < SEV_ERROR);
    if (cx->hooks == NULL || cx->hooks->notice == NULL)
        return;
    memcpy(info.sqlstate, sqlstate, 6);
    info.message = format_text(cx->error_arena, format, args);
    cx->hooks->notice(cx, &info);
    if (mark.chunk != NULL)
        arena_rewind(cx->error_arena, mark);
}

void
ctx_notice(Ctx *cx, Severity severity, const char *sqlstate, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_notice(cx, severity, sqlstate, NULL, format, args);
    va_end(args);
}

void
ctx_notice_detail(Ctx *cx, Severity severity, const char *sqlstate, const char *detail, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_notice(cx, severity, sqlstate, detail, format, args);
    va_end(args);
}
