/* src/backend/session/stat_tables.h - rows of pg_stat_database, pg_stat_bgwriter, pg_stat_wal, pg_stat_archiver, pg_stat_ssl, system_stats. */
#ifndef SESSION_STAT_TABLES_H
#define SESSION_STAT_TABLES_H
#include "backend/catalog/table.h"

MUST_CHECK Status rows_stat_database(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_stat_bgwriter(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_stat_wal(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_stat_archiver(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_system_stats(Ctx *cx, const TableInfo *table, RowReceiver *to);
MUST_CHECK Status rows_stat_ssl(Ctx *cx, const TableInfo *table, RowReceiver *to);

#endif
