/* system_relations.c - virtual tables and views of pg_catalog and information_schema. */
#include "backend/catalog/catalog_int.h"

const TableInfo *
system_relation_by_name(Oid schema, const char *name)
{
    (void)schema;
    (void)name;
    return NULL;
}

const TableInfo *
system_relation_by_oid(Oid oid)
{
    (void)oid;
    return NULL;
}
