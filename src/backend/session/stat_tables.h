/* src/backend/session/stat_tables.h - rows of pg_stat_database and pg_stat_ssl. */
#ifndef SESSION_STAT_TABLES_H
#define SESSION_STAT_TABLES_H
#include "backend/catalog/table.h"

MUST_CHECK Status rows_stat_database(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_stat_ssl(Ctx *cx, const TableInfo *table, RowReceiver *to);

#endif
