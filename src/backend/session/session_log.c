/* session_log.c - what of a session's reports the server's log gets.
 *
 * Two filters follow each other: log_min_messages and log_min_error_statement are PostgreSQL's and may differ from
 * session to session; log.level is the log's own and holds for everybody. A report that ends a session is an error to
 * the log: its FATAL is kept for what ends the server. */
#include "backend/session/session_int.h"
#include "base/log.h"

#include <stdio.h>

/* The values of words_log_min_messages. LOG ranks above ERROR there. */
enum { RANK_DEBUG = 4, RANK_INFO, RANK_NOTICE, RANK_WARNING, RANK_ERROR, RANK_LOG, RANK_FATAL, RANK_PANIC };

static const struct {
    int rank;
    LogLevel level;
} of_severity[] = {
    [SEV_DEBUG] = {RANK_DEBUG, LOG_DEBUG},       [SEV_LOG] = {RANK_LOG, LOG_INFO},
    [SEV_INFO] = {RANK_INFO, LOG_INFO},          [SEV_NOTICE] = {RANK_NOTICE, LOG_INFO},
    [SEV_WARNING] = {RANK_WARNING, LOG_WARNING}, [SEV_ERROR] = {RANK_ERROR, LOG_ERROR},
    [SEV_FATAL] = {RANK_FATAL, LOG_ERROR},       [SEV_PANIC] = {RANK_PANIC, LOG_FATAL},
};

void
session_log(Session *s, const ErrorInfo *info, const char *statement)
{
    int rank = of_severity[info->severity].rank;
    LogLevel level = of_severity[info->severity].level;
    char who[2 * NAME_MOST_BYTES + 2];

    if (rank < settings_int(s->settings, SETTING_LOG_MIN_MESSAGES) || !log_enabled(level))
        return;
    if (rank < settings_int(s->settings, SETTING_LOG_MIN_ERROR_STATEMENT))
        statement = NULL;
    snprintf(who, sizeof(who), "%s@%s", s->login_user_name, catalog_database_name(s->cx));
    log_report(level, who, info, statement);
}
