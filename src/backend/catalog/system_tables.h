/* src/backend/catalog/system_tables.h - tables whose rows are made when they are read. */
#ifndef CATALOG_SYSTEM_TABLES_H
#define CATALOG_SYSTEM_TABLES_H
#include "backend/catalog/table.h"

extern const TableInfo system_tables[];
extern const int system_table_count;

#endif
