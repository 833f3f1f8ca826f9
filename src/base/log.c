/* log.c - lines for the operator. A line is made in one buffer and leaves in one write(2), so that
 * lines of several processes do not mix. */
#include "base/log.h"

#include <ctype.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

enum { LOG_LINE_BYTES = 8192 };

static LogOptions sink = {.fd = 2, .level = LOG_INFO, .format = LOG_TEXT};

static const char *const level_names[] = {"DEBUG", "INFO", "WARNING", "ERROR", "FATAL"};

void
log_configure(const LogOptions *options)
{
    sink = *options;
}

bool
log_enabled(LogLevel level)
{
    return level >= sink.level;
}

static void
write_all(const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(sink.fd, text, bytes);

        if (n <= 0)
            return; /* nowhere left to complain */
        text += n;
        bytes -= (size_t)n;
    }
}

static void
now_text(char out[40])
{
    struct timespec t;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 40 - n, ".%03ldZ", t.tv_nsec / 1000000);
}

/* A line of text. It lies in the buffer of whoever makes it, for there must be a line when malloc fails; one that
 * grows out of it moves to the heap, and is cut off if there is no heap. */
typedef struct Line {
    char *at, *heap;
    size_t bytes, capacity_bytes;
} Line;

static void
line_add(Line *l, const char *text)
{
    size_t bytes = strlen(text), room = l->capacity_bytes - 1 - l->bytes; /* one byte is the line feed's */

    if (bytes > room) {
        size_t capacity_bytes = (l->bytes + bytes) * 2;
        char *larger = realloc(l->heap, capacity_bytes);

        if (larger != NULL) {
            if (l->heap == NULL)
                memcpy(larger, l->at, l->bytes);
            l->at = l->heap = larger;
            l->capacity_bytes = capacity_bytes;
        } else {
            bytes = room;
        }
    }
    memcpy(l->at + l->bytes, text, bytes);
    l->bytes += bytes;
}

/* One event is one line, and none commands a terminal, whatever a client put into a name: blanks in place of control
 * characters, of those from U+0080 to U+009F as well. */
static void
line_blank_controls(Line *l)
{
    for (size_t i = 0; i < l->bytes; i++) {
        unsigned char c = (unsigned char)l->at[i], next = i + 1 < l->bytes ? (unsigned char)l->at[i + 1] : 0;

        if (iscntrl(c))
            l->at[i] = ' ';
        else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
            l->at[i] = l->at[i + 1] = ' ';
    }
}

static void
line_add_part(Line *l, const char *label, const char *text)
{
    if (text == NULL)
        return;
    line_add(l, label);
    line_add(l, text);
}

static const char *
logged_detail(const ErrorInfo *info)
{
    return info->detail_log != NULL ? info->detail_log : info->detail;
}

static void
emit_text(LogLevel level, const char *message, const char *who, const ErrorInfo *info, const char *statement)
{
    char small[LOG_LINE_BYTES], head[80];
    Line line = {.at = small, .capacity_bytes = sizeof(small)};

    if (sink.fd != 2) {
        char when[40];

        now_text(when);
        snprintf(head, sizeof(head), "%s %d ", when, (int)getpid());
        line_add(&line, head);
    }
    snprintf(head, sizeof(head), "[%s] ", level_names[level]);
    line_add(&line, head);
    if (who != NULL) {
        line_add(&line, who);
        line_add(&line, ": ");
    }
    if (info != NULL) {
        line_add(&line, info->sqlstate);
        line_add(&line, ": ");
    }
    line_add(&line, message);
    if (info != NULL) {
        if (info->position > 0) {
            snprintf(head, sizeof(head), " at character %d", info->position);
            line_add(&line, head);
        }
        line_add_part(&line, "; detail: ", logged_detail(info));
        line_add_part(&line, "; hint: ", info->hint);
        line_add_part(&line, "; context: ", info->where);
    }
    line_add_part(&line, "; statement: ", statement);
    utf8_repair(line.at, line.bytes);
    line_blank_controls(&line);
    line.at[line.bytes] = '\n';
    write_all(line.at, line.bytes + 1);
    free(line.heap);
}

static void
json_add_part(json_t *line, const char *key, const char *text)
{
    char *clean = text != NULL ? strdup(text) : NULL;

    if (clean == NULL)
        return;
    utf8_repair(clean, strlen(clean)); /* of anything else the library makes no text at all */
    json_object_set_new(line, key, json_string(clean));
    free(clean);
}

static void
emit_json(LogLevel level, const char *message, const char *who, const ErrorInfo *info, const char *statement)
{
    char when[40];
    json_t *line;
    char *text;

    now_text(when);
    line = json_pack("{s:s, s:s, s:i}", "time", when, "level", level_names[level], "pid", (int)getpid());
    if (line == NULL)
        return;
    json_add_part(line, "message", message);
    json_add_part(line, "session", who);
    if (info != NULL) {
        json_add_part(line, "sqlstate", info->sqlstate);
        if (info->position > 0)
            json_object_set_new(line, "position", json_integer(info->position));
        json_add_part(line, "detail", logged_detail(info));
        json_add_part(line, "hint", info->hint);
        json_add_part(line, "context", info->where);
    }
    json_add_part(line, "statement", statement);
    text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(line);
    if (text == NULL)
        return;
    text = realloc(text, strlen(text) + 2);
    if (text == NULL)
        return;
    strcat(text, "\n");
    write_all(text, strlen(text));
    free(text);
}

static void
emit(LogLevel level, const char *message, const char *who, const ErrorInfo *info, const char *statement)
{
    if (sink.format == LOG_JSON)
        emit_json(level, message, who, info, statement);
    else
        emit_text(level, message, who, info, statement);
}

void
log_line(LogLevel level, const char *format, ...)
{
    char message[4096];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    emit(level, message, NULL, NULL, NULL);
}

void
log_report(LogLevel level, const char *who, const ErrorInfo *info, const char *statement)
{
    if (log_enabled(level))
        emit(level, info->message, who, info, statement);
}

/* Places in the program as addr2line wants them. */
static void
log_callers(void)
{
    enum { CALLERS_MOST = 24 };
    void *callers[CALLERS_MOST];
    int count = backtrace(callers, CALLERS_MOST);

    for (int i = 1; i < count; i++) {
        Dl_info where;

        if (dladdr(callers[i], &where) != 0 && where.dli_fname != NULL)
            log_line(LOG_FATAL, "called from %s +0x%zx", where.dli_fname,
                     (size_t)((const char *)callers[i] - (const char *)where.dli_fbase));
    }
}

void
assert_failed(const char *expression, const char *file, int line)
{
    log_line(LOG_FATAL, "assertion failed: %s (%s:%d)", expression, file, line);
    log_callers();
    abort();
}
