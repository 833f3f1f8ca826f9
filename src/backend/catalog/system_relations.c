/* system_relations.c - relations nobody stores: views (system_views.def) and tables whose rows a function
 * makes when they are read. */
#include "backend/catalog/catalog_int.h"

#include "backend/catalog/system_tables.h"

static const TableInfo views[] = {
#define VIEW(oid_, schema_, name_, sql_)                                                                       \
    {.oid = oid_,                                                                                              \
     .schema = schema_,                                                                                        \
     .schema_name = schema_ == SCHEMA_PG_CATALOG ? "pg_catalog" : "information_schema",                        \
     .name = name_,                                                                                            \
     .kind = TABLE_VIEW,                                                                                       \
     .owner = ROLE_BOOTSTRAP,                                                                                  \
     .view_sql = sql_},
#include "backend/catalog/system_views.def"
#undef VIEW
};

const TableInfo *
system_relation_by_name(Oid schema, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(views); i++) {
        if (views[i].schema == schema && strcmp(views[i].name, name) == 0)
            return &views[i];
    }
    for (int i = 0; i < system_table_count; i++) {
        if (system_tables[i].schema == schema && strcmp(system_tables[i].name, name) == 0)
            return &system_tables[i];
    }
    return NULL;
}

const TableInfo *
system_relation_by_oid(Oid oid)
{
    for (size_t i = 0; i < COUNT_OF(views); i++) {
        if (views[i].oid == oid)
            return &views[i];
    }
    for (int i = 0; i < system_table_count; i++) {
        if (system_tables[i].oid == oid)
            return &system_tables[i];
    }
    return NULL;
}
