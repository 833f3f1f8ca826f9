/* system_relations.c - relations nobody stores: views (system_views.def) and tables whose rows a function
 * makes when they are read. */
#include "backend/catalog/catalog_int.h"

#include "backend/bind/bind.h"
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

/* A view's columns are those of its query: bound once in a session. */
static Status
add_columns(Ctx *cx, Arena *keep, TableInfo *t)
{
    Arena scratch;
    ColumnInfo *columns;
    int count = 0;
    Status rc;

    arena_init(&scratch, "columns of a view", NULL);
    rc = bind_view_columns(cx, &scratch, t, &columns, &count);
    if (rc == ST_OK) {
        columns = arena_memdup(keep, columns, sizeof(*columns) * (size_t)MAX_OF(count, 1));
        for (int i = 0; i < count; i++)
            columns[i].name = arena_strdup(keep, columns[i].name);
        t->columns = columns;
        t->column_count = count;
    }
    arena_free(&scratch);
    return rc;
}

Status
system_relations_all(Ctx *cx, const TableInfo **relations, int *count)
{
    Catalog *c = cx->catalog;

    *count = (int)COUNT_OF(views) + system_table_count;
    if (c->system_relations == NULL) {
        TableInfo *all = arena_array(c->arena, TableInfo, *count);

        for (size_t i = 0; i < COUNT_OF(views); i++) {
            all[i] = views[i];
            TRY(add_columns(cx, c->arena, &all[i]));
        }
        memcpy(all + COUNT_OF(views), system_tables, sizeof(*all) * (size_t)system_table_count);
        c->system_relations = all;
    }
    *relations = c->system_relations;
    return ST_OK;
}
