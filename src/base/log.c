/* log.c - lines for the operator. A line is made in one buffer and leaves in one write(2), so that
 * lines of several processes do not mix. */
#include "base/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

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

bool
log_level_parse(const char *word, LogLevel *out)
{
    if (strcasecmp(word, "warn") == 0) {
        *out = LOG_WARNING;
        return true;
    }
    for (int i = LOG_DEBUG; i <= LOG_FATAL; i++) {
        if (strcasecmp(word, level_names[i]) == 0) {
            *out = (LogLevel)i;
            return true;
        }
    }
    return false;
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

static void
emit_json(LogLevel level, const char *message, const char *who, const ErrorInfo *info)
{
    char when[40];
    json_t *line;
    char *text;

    now_text(when);
    line = json_pack("{s:s, s:s, s:i, s:s}", "time", when, "level", level_names[level], "pid", (int)getpid(),
                     "message", message);
    if (line == NULL)
        return;
    if (who != NULL)
        json_object_set_new(line, "session", json_string(who));
    if (info != NULL) {
        json_object_set_new(line, "sqlstate", json_string(info->sqlstate));
        if (info->detail != NULL)
            json_object_set_new(line, "detail", json_string(info->detail));
        if (info->hint != NULL)
            json_object_set_new(line, "hint", json_string(info->hint));
    }
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
emit_text(LogLevel level, const char *message, const char *who, const ErrorInfo *info)
{
    char line[LOG_LINE_BYTES];
    char when[40];
    int n = 0;

    if (sink.fd != 2) {
        now_text(when);
        n = snprintf(line, sizeof(line), "%s %d ", when, (int)getpid());
    }
    n += snprintf(line + n, sizeof(line) - (size_t)n, "[%s] ", level_names[level]);
    if (who != NULL)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "%.200s: ", who);
    if (info != NULL)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: ", info->sqlstate);
    n += snprintf(line + n, sizeof(line) - (size_t)n, "%.4000s", message);
    if (info != NULL && info->detail != NULL)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "; detail: %.1500s", info->detail);
    if (info != NULL && info->hint != NULL)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "; hint: %.1500s", info->hint);
    for (int i = 0; i < n; i++) { /* one event is one line, whatever a client put into a name */
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    }
    line[n] = '\n';
    write_all(line, (size_t)n + 1);
}

static void
emit(LogLevel level, const char *message, const char *who, const ErrorInfo *info)
{
    if (sink.format == LOG_JSON)
        emit_json(level, message, who, info);
    else
        emit_text(level, message, who, info);
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
    emit(level, message, NULL, NULL);
}

void
log_report(LogLevel level, const char *who, const ErrorInfo *info)
{
    if (log_enabled(level))
        emit(level, info->message, who, info);
}

void
assert_failed(const char *expression, const char *file, int line)
{
    log_line(LOG_FATAL, "assertion failed: %s (%s:%d)", expression, file, line);
    abort();
}
