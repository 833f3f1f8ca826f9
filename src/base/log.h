/* src/base/log.h - the server's log: one line per event, as text or as JSON.
 * What is no UTF-8 (the name of a file, a line that was cut off) has question marks in its place; in text lines control
 * characters are blanks.
 *
 * The sink is one of the few process-wide things (base/README.md): a log line must be possible from an
 * assert and from a signal-killed child's parent. Safe from any process that inherited the descriptor:
 * a line is one write(2). */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/ctx.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_FATAL } LogLevel;
typedef enum LogFormat { LOG_TEXT, LOG_JSON } LogFormat;

typedef struct LogOptions {
    int fd; /* where lines go; 2 = stderr */
    LogLevel level;
    LogFormat format;
} LogOptions;

/* Until called: text, info, stderr. */
void log_configure(const LogOptions *options);
bool log_enabled(LogLevel level);
/* Text: "[INFO] message", without a time stamp on stderr, with one (UTC, milliseconds, pid) in a file.
 * JSON: {"time", "level", "pid", "message"}. */
void log_line(LogLevel level, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with SQLSTATE, position, detail, hint and context of a report. `who` ("user@database") and the text of
 * the statement may be NULL. */
void log_report(LogLevel level, const char *who, const ErrorInfo *info, const char *statement);

#endif
