/* src/backend/catalog/catalog_int.h - what the catalog's files share. */
#ifndef CATALOG_INT_H
#define CATALOG_INT_H
#include "backend/catalog/catalog.h"
#include "base/buf.h"

typedef struct CachedTable CachedTable;
typedef struct CachedName CachedName;

struct Catalog {
    Arena *arena; /* the session's */
    Oid database, role;
    Oid temp_schema; /* of this session; 0 = it has none yet */
    BranchId branch;
    const char *database_name;
    char role_name[NAME_MOST_BYTES + 1];
    bool superuser;
    Buf search_path; /* as a text */
    TableInfo *relations[CAT_COUNT]; /* catalogs themselves, made when first used */
    TableInfo *system_relations; /* views and made tables with their columns, when first asked for */
    Arena cache, old_cache; /* TableInfos; those that were replaced */
    CachedTable *by_oid[256];
    Arena names; /* what names have been found to mean; forgotten with the rest, and when the path changes */
    CachedName *by_name[128];
    uint64_t version;
    bool end_registered; /* forget again when the transaction ends */
};

struct CachedTable {
    CachedTable *next;
    TableInfo info;
    char relkind;
};

/* Relations by schema and name; schema NULL: by the search path. Only those that exist. */
struct CachedName {
    CachedName *next;
    const char *schema, *name;
    Oid oid;
};

/* The definition in catalogs.def, without a branch. */
const TableInfo *catalog_static(CatalogNo no);
bool catalog_is_shared(CatalogNo no);
/* OIDs and names of catalogs, for look-ups by name in pg_catalog. */
MUST_CHECK bool catalog_no_of_oid(Oid oid, CatalogNo *out);
MUST_CHECK bool catalog_no_of_name(const char *name, CatalogNo *out);
/* Virtual tables and views of pg_catalog and information_schema (system_views.c). */
const TableInfo *system_relation_by_name(Oid schema, const char *name);
const TableInfo *system_relation_by_oid(Oid oid);
RowMaker catalog_static_rows(CatalogNo no); /* NULL: none */
void catalog_forget(Catalog *c);
void catalog_forget_names(Catalog *c);

/* Views and tables that functions make, all with their columns. */
MUST_CHECK Status system_relations_all(Ctx *cx, const TableInfo **relations, int *count);

#endif
