/* src/backend/command/ddl.h - statements that change the catalogs, and what they share.
 *
 * All are transactional: rows of heap catalogs, relations that storage removes again when the
 * transaction is rolled back, and invalidations sent at commit. */
#ifndef COMMAND_DDL_H
#define COMMAND_DDL_H
#include "backend/catalog/rel_options.h"
#include "backend/session/session.h"

MUST_CHECK Status ddl_create_table(Session *s, const AstCreateTable *a);
MUST_CHECK Status ddl_create_table_as(Session *s, const AstCreateTableAs *a, const char **tag);
MUST_CHECK Status ddl_create_index(Session *s, const AstCreateIndex *a);
MUST_CHECK Status ddl_drop(Session *s, const AstDrop *a);
MUST_CHECK Status ddl_truncate(Session *s, const AstTruncate *a);
MUST_CHECK Status ddl_create_schema(Session *s, const AstCreateSchema *a);
MUST_CHECK Status ddl_create_sequence(Session *s, const AstSequence *a);
MUST_CHECK Status ddl_alter_sequence(Session *s, const AstSequence *a);
MUST_CHECK Status ddl_comment(Session *s, const AstComment *a);

/* ---- shared ------------------------------------------------------------------------------------------------ */

/* Where a new relation goes, and the schema is held there (K4); *persistence becomes 't' for a temporary one, else stays. */
MUST_CHECK Status ddl_target_schema(Session *s, const AstRangeVar *v, Oid *schema, char *persistence);
/* ON COMMIT ... of a new table (as in AstCreateTable). */
MUST_CHECK Status ddl_note_on_commit(Session *s, Oid table, int on_commit, char persistence);
/* New, empty storage for a table and its indexes. */
MUST_CHECK Status ddl_truncate_table(Ctx *cx, const TableInfo *t);
/* Holds others off from making or dropping something of that name, until the transaction ends. */
MUST_CHECK Status ddl_lock_name(Ctx *cx, Oid schema, const char *name);
/* An index by name, and its table before it, both with ACCESS EXCLUSIVE. *out NULL: no relation has the name; one that
 * is no index may come unlocked. 42501 for who does not own it. */
MUST_CHECK Status ddl_lock_index(Ctx *cx, const char *schema, const char *name, const TableInfo **out,
                                 Oid *table);
/* Names longer than 63 bytes are cut, with a notice, as PostgreSQL does. */
const char *ddl_name(Ctx *cx, const char *name);
/* "t_a_key", cut and numbered so that it is free in the schema. */
MUST_CHECK Status ddl_free_name(Ctx *cx, Oid schema, const char *table, const char *column, const char *label,
                                const char **out);
/* 42P07 when the schema has a relation of that name; *exists instead if the caller asked for it. */
MUST_CHECK Status ddl_check_free(Ctx *cx, Oid schema, const char *name, bool *exists);
/* Only owners and superusers; 42501. */
MUST_CHECK Status ddl_check_owner(Ctx *cx, const TableInfo *t);

/* A row of pg_class and, for kinds with storage, the relation. */
typedef struct NewClass {
    Oid oid, schema;
    const char *name;
    char relkind, persistence;
    int column_count;
    bool has_index;
    int check_count;
    RelationId storage, toast; /* out */
    bool wants_toast;
    Oid index_am;
    Value options; /* pg_class.reloptions, when `has_options` */
    bool has_options;
} NewClass;
MUST_CHECK Status ddl_insert_class(Ctx *cx, NewClass *c);
typedef struct NewColumn {
    const char *name;
    Oid type;
    int32_t typmod;
    bool not_null;
    char identity;
    const char *default_text;
    const Value *missing; /* what rows have that are older than the column; NULL = null */
} NewColumn;
MUST_CHECK Status ddl_insert_column(Ctx *cx, Oid table, int number, const NewColumn *c);
/* A column on its way from its definition to its row: plan the column, then its sequence and its default,
 * then insert it. */
typedef struct ColumnPlan {
    NewColumn column;
    const AstColumnDef *def;
    const Ast *default_expr;
    bool serial;
    Oid sequence; /* of serial and identity */
    const char *sequence_name;
    const AstConstraint *identity;
} ColumnPlan;
MUST_CHECK Status ddl_plan_column(Ctx *cx, const AstColumnDef *def, const char *table, ColumnPlan *p);
MUST_CHECK Status ddl_plan_sequence(Ctx *cx, Oid schema, const char *table, ColumnPlan *p);
MUST_CHECK Status ddl_plan_default(Ctx *cx, ColumnPlan *p);
MUST_CHECK Status ddl_insert_default(Ctx *cx, Oid table, int number, const char *text);
MUST_CHECK Status ddl_insert_check(Ctx *cx, Oid table, Oid schema, const char *name, const char *text,
                                   const int16_t *columns, int column_count);
MUST_CHECK Status ddl_insert_depend(Ctx *cx, Oid class_id, Oid object, int sub, Oid ref_class, Oid ref_object,
                                    int ref_sub, char type);
/* Removes every catalog row of a relation, its indexes and owned sequences, and its storage at commit. */
MUST_CHECK Status ddl_drop_relation(Ctx *cx, const TableInfo *t);

typedef struct NewIndex {
    const char *name;
    Oid schema;
    const TableInfo *table;
    int key_count;
    IndexKey keys[INDEX_KEYS_MOST];
    bool unique, primary, is_constraint, nulls_not_distinct;
    const char *predicate;
    const AstList *options; /* WITH (...); may be NULL */
} NewIndex;
/* Catalog rows, storage, and entries for the rows that are there. */
MUST_CHECK Status ddl_make_index(Session *s, const NewIndex *x, Oid *oid);
/* pg_constraint's row of a PRIMARY KEY or UNIQUE index. */
MUST_CHECK Status ddl_insert_key_constraint(Ctx *cx, const NewIndex *x, Oid index);
/* PRIMARY KEY and UNIQUE on columns by name. */
MUST_CHECK Status ddl_add_key(Session *s, const TableInfo *t, const AstConstraint *k);
/* CHECK: binds, names, stores; `verify`: existing rows must pass. */
MUST_CHECK Status ddl_add_check(Session *s, const TableInfo *t, const AstConstraint *k, const char *column,
                                bool verify);

/* CHECK, PRIMARY KEY or UNIQUE. `column`: of the column it was written at, else NULL. */
MUST_CHECK Status ddl_add_constraint(Session *s, Oid table, const AstConstraint *k, const char *column,
                                     bool verify);

/* Storage parameters as pg_class.reloptions keeps them: `old` (may be null) with those of the list set or
 * reset. */
MUST_CHECK Status ddl_options_change(Ctx *cx, Value old, const AstList *options, bool reset, RelOptionKind kind,
                                     Value *out);
/* ALTER TABLE and ALTER INDEX ... SET (...), RESET (...). */
MUST_CHECK Status ddl_alter_options(Ctx *cx, const TableInfo *t, const AstList *options, bool reset);
/* Those of a new relation. */
MUST_CHECK Status ddl_class_options(Ctx *cx, const AstList *options, NewClass *c);

/* ---- changing what is there ---------------------------------------------------------------------------------- */

MUST_CHECK Status ddl_alter_table(Session *s, const AstAlterTable *a, const char **tag);
MUST_CHECK Status ddl_rename(Session *s, const AstRename *a, const char **tag);

/* A row to be changed, as a copy, and where it is; 1 row or XX000. */
MUST_CHECK Status ddl_class_row(Ctx *cx, Oid oid, Value **values, Tid *tid);
MUST_CHECK Status ddl_attribute_row(Ctx *cx, Oid table, int column, Value **values, Tid *tid);
MUST_CHECK Status ddl_delete_where(Ctx *cx, CatalogNo no, int column_a, Value a, int column_b, Value b);
/* Comments on an object, its columns included. */
MUST_CHECK Status ddl_delete_description(Ctx *cx, Oid class_id, Oid object);
/* A new, empty relation for a table or index; the old one goes at commit. */
MUST_CHECK Status ddl_fresh_storage(Ctx *cx, Oid oid);
/* Entries for all rows that are there; the index's relation is new. */
MUST_CHECK Status ddl_build_index(Ctx *cx, const TableInfo *t, int index_no);
/* The entries that an index built now would have, ascending by (key, TID). */
MUST_CHECK Status ddl_index_keys(Ctx *cx, const TableInfo *t, int index_no,
                                 Status (*each)(void *arg, BtreeKey key, Tid tid), void *arg);
/* 23502 when a row has null in the column (1-based). */
MUST_CHECK Status ddl_verify_not_null(Ctx *cx, const TableInfo *t, int column);
/* NOT NULL, after looking at the rows. No-op when it is so already. */
MUST_CHECK Status ddl_set_not_null(Ctx *cx, Oid table, int column);
/* All rows once more into new storage; indexes are built anew. `value` not NULL: `old` is the table before its
 * last column was added, and this is what each row gets there. */
MUST_CHECK Status ddl_rewrite(Session *s, const TableInfo *old, const Expr *value);
MUST_CHECK Status ddl_drop_column(Session *s, const TableInfo *t, int column);
/* A CHECK, PRIMARY KEY or UNIQUE constraint by name; *found false when there is none. */
MUST_CHECK Status ddl_drop_constraint(Ctx *cx, const TableInfo *t, const char *name, bool *found);
/* Binds text that is stored in a catalog. */
MUST_CHECK Status ddl_bind_text(Ctx *cx, const TableInfo *t, const char *text, Expr **out);

/* Sequences. */
typedef struct SequenceOptions {
    Oid type;
    int64_t start, increment, min, max, cache, last;
    bool cycle, has_start, has_restart, has_last, is_called;
    const AstListNode *owned_by;
} SequenceOptions;
MUST_CHECK Status ddl_sequence_options(Ctx *cx, const AstList *options, SequenceOptions *o, bool is_new);
MUST_CHECK Status ddl_restart_owned_sequences(Ctx *cx, Oid table);
MUST_CHECK Status ddl_make_sequence(Ctx *cx, Oid schema, const char *name, const SequenceOptions *o, Oid *oid);

#endif
