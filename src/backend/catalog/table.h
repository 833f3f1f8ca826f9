/* src/backend/catalog/table.h - a relation as the binder, planner and executor see it.
 *
 * TableInfo is read-only and belongs to the session's relation cache (or, for system catalogs, to the
 * program). It stays valid as long as the lock under which it was found is held; plans that outlive a
 * statement keep its `version` and look again. */
#ifndef CATALOG_TABLE_H
#define CATALOG_TABLE_H
#include "backend/type/type.h"
#include "shmem/lock/lock_table.h"
#include "storage/btree/btree.h"
#include "storage/heap/heap.h"

typedef enum TableKind {
    TABLE_HEAP, /* rows of users, in a heap */
    TABLE_CATALOG, /* static rows first, then those of a heap (rule K3) */
    TABLE_VIRTUAL, /* rows made by a function: pg_settings, pg_locks, ... */
    TABLE_VIEW, /* a query */
    TABLE_SEQUENCE, /* one row */
    TABLE_INDEX,
} TableKind;

enum { COLUMNS_MOST = 1600, INDEX_KEYS_MOST = 32 };

/* Column numbers of system columns, as in pg_attribute. */
enum {
    COLUMN_CTID = -1,
    COLUMN_XMIN = -2,
    COLUMN_CMIN = -3,
    COLUMN_XMAX = -4,
    COLUMN_CMAX = -5,
    COLUMN_TABLEOID = -6,
};

typedef struct ColumnInfo {
    const char *name;
    Oid type;
    int32_t typmod;
    Phys phys; /* on the page */
    int16_t scale;
    bool not_null, dropped;
    char identity; /* 0, 'a' always, 'd' by default */
    const char *default_text; /* as deparsed into pg_attrdef; NULL = none */
    Oid sequence; /* of an identity column */
    /* From ANALYZE, for the planner: distinct values (negative: fraction of rows), null fraction;
     * 0 distinct = unknown. */
    double distinct, null_fraction;
    const struct AclItem *acl; /* NULL: nobody was given anything on this column */
    int acl_count;
} ColumnInfo;

/* HeapColumn.padded_chars: char(n) is kept without its blanks. (A single character is mostly not one.) */
static inline uint32_t
column_padded_chars(const ColumnInfo *c)
{
    return c->type == TYPE_BPCHAR && c->typmod > 4 + 1 ? (uint32_t)c->typmod - 4 : 0;
}

typedef struct IndexKey {
    int16_t column; /* 1-based; 0 = expression */
    const char *expression; /* text, when column is 0 */
    Oid type;
    bool descending, nulls_first;
} IndexKey;

typedef struct IndexInfo {
    Oid oid;
    const char *name;
    BtreeRel btree;
    int key_count;
    IndexKey keys[INDEX_KEYS_MOST];
    bool unique, primary, is_constraint, nulls_not_distinct;
    const char *predicate; /* text of a partial index, or NULL */
} IndexInfo;

typedef struct CheckInfo {
    const char *name;
    const char *text; /* boolean expression over the table's columns */
} CheckInfo;

struct StaticRows;
struct TableInfo;
/* Makes the rows of a virtual table, or the static rows of a catalog, one call each: `values` has
 * column_count entries, copied by the receiver. */
typedef struct RowReceiver {
    Status (*row)(Ctx *cx, struct RowReceiver *self, const Value *values);
} RowReceiver;
typedef Status (*RowMaker)(Ctx *cx, const struct TableInfo *table, RowReceiver *to);

typedef struct TableInfo {
    Oid oid;
    Oid schema;
    const char *schema_name, *name;
    TableKind kind;
    Oid owner;
    const struct AclItem *acl; /* NULL: the default, everything to the owner */
    int acl_count;
    int column_count;
    const ColumnInfo *columns; /* [0] is column 1 */
    HeapRel heap; /* HEAP, CATALOG; SEQUENCE: branch and relation */
    int index_count;
    const IndexInfo *indexes;
    int check_count;
    const CheckInfo *checks;
    RowMaker make_rows; /* VIRTUAL, CATALOG (static rows; may be NULL) */
    const char *view_sql; /* VIEW */
    double row_estimate, page_estimate; /* of the last ANALYZE, VACUUM or index build; -1 = never */
} TableInfo;

/* 42501 unless the current role has all (any) of these privileges (aclitem.h) on the relation. */
MUST_CHECK Status catalog_check_privilege(Ctx *cx, const TableInfo *t, uint32_t want);
MUST_CHECK Status catalog_check_any_privilege(Ctx *cx, const TableInfo *t, uint32_t want);
/* ... on it, or on each of these columns ([i] = column i + 1). None in particular, or NULL: on any. */
MUST_CHECK Status catalog_check_columns(Ctx *cx, const TableInfo *t, uint32_t want, const bool *columns);

/* 1-based number of the column, a system column's negative one, or 0. */
int table_find_column(const TableInfo *table, const char *name);

/* schema NULL: along search_path. *out NULL when there is none (no error). Locks the relation for the
 * transaction and looks again after the lock (K1). 3F000 for an explicit schema that does not exist. */
MUST_CHECK Status catalog_find_table(Ctx *cx, const char *schema, const char *name, LockMode lock,
                                     const TableInfo **out);
/* The same, but 42P01 when there is none. */
MUST_CHECK Status catalog_need_table(Ctx *cx, const char *schema, const char *name, LockMode lock,
                                     const TableInfo **out);
/* 42P01 for that name. */
MUST_CHECK Status catalog_fail_no_table(Ctx *cx, const char *schema, const char *name);
MUST_CHECK Status catalog_table_by_oid(Ctx *cx, Oid oid, LockMode lock, const TableInfo **out);
/* Raised whenever anything this session may have cached has changed; plans compare it (X3). */
uint64_t catalog_version(Ctx *cx);

#endif
