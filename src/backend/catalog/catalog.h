/* src/backend/catalog/catalog.h - the system catalogs of one session.
 *
 * A Catalog knows the session's database, role and search path, finds relations by name, and keeps what
 * it found (TableInfo) until somebody changes it. cx->catalog points to it. Look-ups use the newest
 * committed state plus own changes (K2). */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H
#include "backend/catalog/table.h"

/* Column numbers (COL_PG_CLASS_relname) and catalog numbers (CAT_PG_CLASS). */
#define CATALOG(sym, oid, name, shared) enum { COL_##sym##_none_,
#define COLUMN(sym, column, type, nn)   COL_##sym##_##column,
#define END_CATALOG(sym)                                                                                       \
    COL_##sym##_COUNT_                                                                                         \
    }                                                                                                          \
    ;
#include "backend/catalog/catalogs.def"
#undef CATALOG
#undef COLUMN
#undef END_CATALOG
typedef enum CatalogNo {
#define CATALOG(sym, oid, name, shared) CAT_##sym,
#define COLUMN(sym, column, type, nn)
#define END_CATALOG(sym)
#include "backend/catalog/catalogs.def"
#undef CATALOG
#undef COLUMN
#undef END_CATALOG
    CAT_COUNT
} CatalogNo;
enum {
#define CATALOG(sym, oid, name, shared) CATALOG_OID_##sym = oid,
#define COLUMN(sym, column, type, nn)
#define END_CATALOG(sym)
#include "backend/catalog/catalogs.def"
#undef CATALOG
#undef COLUMN
#undef END_CATALOG
};

enum {
    SCHEMA_PG_CATALOG = 11,
    SCHEMA_PUBLIC = 2200,
    SCHEMA_INFORMATION_SCHEMA = 11000,
    ROLE_BOOTSTRAP = 10, /* "postgres" */
    NAME_MOST_BYTES = 63,
    COLLATION_DEFAULT = 100,
    TABLESPACE_DEFAULT = 1663,
    TABLESPACE_GLOBAL = 1664,
};

typedef struct Catalog Catalog;

/* In the postmaster, once: shared catalogs and default databases of a new engine. `roles` exist as
 * superusers from the start (verifier NULL = no password). `database` (NULL = none; at most NAME_MOST_BYTES): one more
 * besides those that always exist, unless it is one of them. */
typedef struct FirstRoleRow {
    const char *name, *verifier;
} FirstRoleRow;
MUST_CHECK Status catalog_bootstrap(Ctx *cx, const FirstRoleRow *roles, int role_count, const char *database);

/* pg_database's row, and the catalogs of a new branch: for CREATE DATABASE. */
MUST_CHECK Status catalog_insert_database(Ctx *cx, Oid oid, const char *name, Oid owner, BranchId branch,
                                          bool is_template, bool allow);
MUST_CHECK Status catalog_fill_database(Ctx *cx, BranchId branch);
/* Is it as that function left it? Then a new one is as good as a copy. */
MUST_CHECK Status catalog_is_as_filled(Ctx *cx, BranchId branch, bool *yes);

/* A session's; database not chosen yet. Lies in `arena`. */
MUST_CHECK Status catalog_open(Ctx *cx, Arena *arena);
void catalog_close(Ctx *cx);
/* After the log-in. */
void catalog_set_database(Ctx *cx, Oid oid, BranchId branch, const char *name);
void catalog_set_role(Ctx *cx, Oid oid, const char *name, bool superuser);
BranchId catalog_branch(Ctx *cx);
Oid catalog_database(Ctx *cx);
const char *catalog_database_name(Ctx *cx);
Oid catalog_role(Ctx *cx);
const char *catalog_role_name(Ctx *cx);
bool catalog_is_superuser(Ctx *cx);
/* The text of the setting, read again at the next look-up. */
void catalog_set_search_path(Ctx *cx, const char *path);
/* The session's schema of temporary tables, which "pg_temp" means and which is searched first; OID_NONE = none. */
Oid catalog_temp_schema(Ctx *cx);
void catalog_set_temp_schema(Ctx *cx, Oid schema);
/* Schemas of the path that exist; with `implicit`, pg_catalog in its place. */
MUST_CHECK Status catalog_search_path(Ctx *cx, bool implicit, Oid *schemas, int most, int *count);
/* Where CREATE puts things: the first that exists; 3F000 when there is none. */
MUST_CHECK Status catalog_creation_schema(Ctx *cx, const char *schema, Oid *out);

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* The catalog as a relation of this session's database (or the shared one). */
const TableInfo *catalog_relation(Ctx *cx, CatalogNo no);
/* One row of a heap catalog: values[column], 1-based as COL_..; [0] is not used. */
typedef struct CatalogRow {
    Tid tid;
    const Value *values;
} CatalogRow;
/* Rows whose columns a (and b, if column_b is not 0) have these values. *rows in cx->arena; an index is
 * used when one begins with a. column_a 0: all rows. Static rows are not among them. */
MUST_CHECK Status catalog_find(Ctx *cx, CatalogNo no, int column_a, Value a, int column_b, Value b,
                               CatalogRow **rows, int *count);
MUST_CHECK Status catalog_insert(Ctx *cx, CatalogNo no, const Value *values);
MUST_CHECK Status catalog_update(Ctx *cx, CatalogNo no, Tid tid, const Value *values);
/* For rows that are changed without a lock on the object. *again: another session was faster, and has committed; nothing was done. */
MUST_CHECK Status catalog_try_update(Ctx *cx, CatalogNo no, Tid tid, const Value *values, bool *again);
MUST_CHECK Status catalog_delete(Ctx *cx, CatalogNo no, Tid tid);
/* The row, in its present form, was written by this very transaction. */
bool catalog_row_is_own(Ctx *cx, CatalogNo no, Tid tid);
/* All nulls, to be filled. COUNT is COL_.._COUNT_. */
Value *catalog_blank(Ctx *cx, int count);
Value value_name(Ctx *cx, const char *name);
Value value_text(Ctx *cx, const char *text);
Value value_char(Ctx *cx, char c);
const char *value_cstring(Ctx *cx, Value v); /* text, name, "char"; NULL for null */

/* int2vector values: exactly `count` numbers. */
MUST_CHECK Status vector_int2_read(Ctx *cx, Value v, int16_t *out, int count);
MUST_CHECK Status vector_int2_make(Ctx *cx, const int16_t *items, int count, Value *out);
MUST_CHECK Status vector_oid_make(Ctx *cx, const Oid *items, int count, Value *out);
MUST_CHECK Status array_int2_make(Ctx *cx, const int16_t *items, int count, Value *out);

/* Whose pages lie in the relation with this number of storage, in this session's database. *name NULL: nobody's. */
typedef struct StorageOwner {
    const char *schema, *name; /* in cx->arena */
    const char *kind; /* "table", "index", "sequence" */
    bool long_values; /* they are those of the table's long values */
} StorageOwner;
/* Numbers are given out once for all databases, and a copy of a database keeps them: so does what it still reads from there. */
MUST_CHECK Status catalog_storage_owner(Ctx *cx, RelationId relation, StorageOwner *out);

/* ---- objects ------------------------------------------------------------------------------------------- */
/* OID_NONE when there is none. */
MUST_CHECK Status catalog_find_schema(Ctx *cx, const char *name, Oid *out);
MUST_CHECK Status catalog_schema_name(Ctx *cx, Oid oid, const char **out); /* NULL: none */
MUST_CHECK Status catalog_find_role(Ctx *cx, const char *name, Oid *out);
MUST_CHECK Status catalog_role_by_oid(Ctx *cx, Oid oid, const char **name);
MUST_CHECK Status catalog_find_relation(Ctx *cx, Oid schema, const char *name, Oid *oid, char *relkind);

/* Tells everybody at commit, and forgets now, what is known of a relation (OID_NONE: of everything). Also
 * registers to forget again when the transaction ends. */
void catalog_changed(Ctx *cx, BranchId branch, Oid relation);
/* K1: what others have committed. Called at statement start and after relation locks. */
void catalog_absorb(Ctx *cx);
/* TableInfos replaced meanwhile are kept until nobody can hold one: called between statements. */
void catalog_release_old(Ctx *cx);

#endif
