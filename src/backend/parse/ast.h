/* src/backend/parse/ast.h - the statement as it was written: our own copy of the raw parse tree.
 *
 * Names are not resolved yet. Every node lies in the arena given to parse_sql and is read-only after
 * it. `location` is a byte offset into the query text, or -1. */
#ifndef PARSE_AST_H
#define PARSE_AST_H
#include "base/arena.h"

typedef enum AstKind {
    AST_NONE,
    /* expressions */
    AST_COLUMN_REF,
    AST_PARAM_REF,
    AST_CONST,
    AST_STAR,
    AST_OP,
    AST_BOOL,
    AST_FUNC,
    AST_CAST,
    AST_CASE,
    AST_COALESCE,
    AST_MINMAX,
    AST_NULL_TEST,
    AST_BOOL_TEST,
    AST_SUBLINK,
    AST_ARRAY,
    AST_INDIRECTION,
    AST_ROW,
    AST_COLLATE,
    AST_DEFAULT,
    AST_SQL_VALUE,
    AST_LIST,
    AST_CURRENT_OF,
    /* parts of statements */
    AST_TARGET,
    AST_RANGE_VAR,
    AST_RANGE_SUBSELECT,
    AST_RANGE_FUNCTION,
    AST_JOIN,
    AST_SORT_BY,
    AST_CTE,
    AST_LOCKING,
    AST_COLUMN_DEF,
    AST_CONSTRAINT,
    AST_DEF_ELEM,
    AST_INDEX_ELEM,
    AST_ALTER_CMD,
    AST_TYPE_NAME,
    AST_STRING,
    /* statements */
    AST_SELECT,
    AST_INSERT,
    AST_UPDATE,
    AST_DELETE,
    AST_CREATE_TABLE,
    AST_CREATE_TABLE_AS,
    AST_ALTER_TABLE,
    AST_CREATE_INDEX,
    AST_DROP,
    AST_TRUNCATE,
    AST_CREATE_SCHEMA,
    AST_CREATE_SEQUENCE,
    AST_ALTER_SEQUENCE,
    AST_CREATE_ROLE,
    AST_ALTER_ROLE,
    AST_DROP_ROLE,
    AST_CREATE_DATABASE,
    AST_DROP_DATABASE,
    AST_TRANSACTION,
    AST_SET,
    AST_SHOW,
    AST_PREPARE,
    AST_EXECUTE,
    AST_DEALLOCATE,
    AST_COPY,
    AST_VACUUM,
    AST_LOCK,
    AST_DISCARD,
    AST_EXPLAIN,
    AST_CHECKPOINT,
    AST_RENAME,
    AST_COMMENT,
    AST_DECLARE_CURSOR,
    AST_FETCH,
    AST_CLOSE,
    AST_CONSTRAINTS_SET,
    AST_REINDEX,
    AST_GRANT,
    AST_GRANT_ROLE,
    AST_PRIVILEGE,
} AstKind;

typedef struct Ast {
    AstKind kind;
    int location;
} Ast;

typedef struct AstList {
    int count;
    Ast **items;
} AstList;

#define AST_CAST_FN(Type, fn, KIND)                                                                            \
    static inline Type *fn(const void *n)                                                                      \
    {                                                                                                          \
        ASSERT(((const Ast *)n)->kind == (KIND));                                                              \
        return (Type *)(uintptr_t)n;                                                                           \
    }

/* a.b.c or a.*: parts are names; star says that it ended in .* */
typedef struct AstColumnRef {
    Ast ast;
    int part_count;
    const char **parts;
    bool star;
} AstColumnRef;
typedef struct AstParamRef {
    Ast ast;
    int number;
} AstParamRef;
typedef enum ConstKind { CONST_NULL, CONST_INT, CONST_FLOAT, CONST_STRING, CONST_BIT, CONST_BOOL } ConstKind;
typedef struct AstConst {
    Ast ast;
    ConstKind const_kind;
    int32_t integer; /* INT; BOOL: 0 or 1 */
    const char *text; /* FLOAT (also integers beyond int4), STRING, BIT */
} AstConst;

typedef enum OpKind {
    OP_PLAIN,
    OP_ANY, /* right side is an array */
    OP_ALL,
    OP_DISTINCT,
    OP_NOT_DISTINCT,
    OP_NULLIF,
    OP_IN, /* right side is AST_LIST; name is = or <> */
    OP_LIKE,
    OP_ILIKE,
    OP_SIMILAR,
    OP_BETWEEN, /* right side is AST_LIST of two */
    OP_NOT_BETWEEN,
    OP_BETWEEN_SYM,
    OP_NOT_BETWEEN_SYM,
} OpKind;
typedef struct AstOp {
    Ast ast;
    OpKind op_kind;
    const char *schema, *name; /* schema of OPERATOR(s.+), else NULL */
    Ast *left, *right; /* left NULL: prefix */
} AstOp;
typedef enum BoolKind { BOOL_AND, BOOL_OR, BOOL_NOT } BoolKind;
typedef struct AstBool {
    Ast ast;
    BoolKind bool_kind;
    AstList args;
} AstBool;
typedef struct AstFunc {
    Ast ast;
    const char *schema, *name;
    AstList args; /* AST_TARGET with a name for named arguments is refused by the binder */
    AstList order_by; /* AST_SORT_BY */
    Ast *filter;
    bool star, distinct, variadic, within_group, has_window;
} AstFunc;

typedef struct AstTypeName {
    Ast ast;
    const char *schema, *name;
    AstList typmods;
    int array_dims; /* 0 = not an array */
    bool setof;
    bool is_percent_type;
} AstTypeName;
typedef struct AstCast {
    Ast ast;
    Ast *arg;
    AstTypeName *type;
} AstCast;
typedef struct AstCase {
    Ast ast;
    Ast *arg; /* CASE arg WHEN ..., or NULL */
    int when_count;
    Ast **whens, **thens;
    Ast *otherwise;
} AstCase;
typedef struct AstCoalesce {
    Ast ast;
    AstList args;
} AstCoalesce;
typedef struct AstMinMax {
    Ast ast;
    bool greatest;
    AstList args;
} AstMinMax;
typedef struct AstNullTest {
    Ast ast;
    Ast *arg;
    bool is_not;
} AstNullTest;
typedef enum BoolTestKind {
    IS_TRUE,
    IS_NOT_TRUE,
    IS_FALSE,
    IS_NOT_FALSE,
    IS_UNKNOWN,
    IS_NOT_UNKNOWN
} BoolTestKind;
typedef struct AstBoolTest {
    Ast ast;
    Ast *arg;
    BoolTestKind test;
} AstBoolTest;
typedef enum SublinkKind {
    SUBLINK_EXISTS,
    SUBLINK_ANY,
    SUBLINK_ALL,
    SUBLINK_SCALAR,
    SUBLINK_ARRAY
} SublinkKind;
typedef struct AstSublink {
    Ast ast;
    SublinkKind sublink_kind;
    Ast *test; /* left side of IN / op ANY */
    const char *op_name; /* NULL: IN, that is = ANY */
    Ast *query;
} AstSublink;
typedef struct AstArray {
    Ast ast;
    AstList items;
} AstArray;
/* arg[i], arg[i:j], (arg).field; one step */
typedef struct AstIndirection {
    Ast ast;
    Ast *arg;
    const char *field; /* else a subscript */
    bool star; /* (arg).* */
    bool is_slice;
    Ast *lower, *upper; /* plain subscript: upper */
} AstIndirection;
typedef struct AstRow {
    Ast ast;
    AstList items;
} AstRow;
typedef struct AstCollate {
    Ast ast;
    Ast *arg;
    const char *name;
} AstCollate;
typedef enum SqlValueKind {
    SQLVALUE_CURRENT_DATE,
    SQLVALUE_CURRENT_TIME,
    SQLVALUE_CURRENT_TIMESTAMP,
    SQLVALUE_LOCALTIME,
    SQLVALUE_LOCALTIMESTAMP,
    SQLVALUE_CURRENT_ROLE,
    SQLVALUE_CURRENT_USER,
    SQLVALUE_USER,
    SQLVALUE_SESSION_USER,
    SQLVALUE_CURRENT_CATALOG,
    SQLVALUE_CURRENT_SCHEMA,
} SqlValueKind;
typedef struct AstSqlValue {
    Ast ast;
    SqlValueKind value_kind;
    int typmod; /* precision, or -1 */
} AstSqlValue;
typedef struct AstListNode {
    Ast ast;
    AstList items;
} AstListNode;
typedef struct AstCurrentOf {
    Ast ast;
    const char *cursor;
} AstCurrentOf;
typedef struct AstString {
    Ast ast;
    const char *text;
} AstString;

/* SELECT list entry, RETURNING entry, INSERT column, UPDATE assignment */
typedef struct AstTarget {
    Ast ast;
    const char *name;
    Ast *value;
    bool has_indirection; /* UPDATE t SET a[1] = ... */
    int multi_column, multi_count; /* SET (a, b) = (...): 1-based column of count; else 0 */
} AstTarget;
typedef struct AstRangeVar {
    Ast ast;
    const char *catalog, *schema, *name;
    const char *alias;
    AstList column_aliases; /* AST_STRING */
    bool only, temporary;
} AstRangeVar;
typedef struct AstRangeSubselect {
    Ast ast;
    bool lateral;
    Ast *query;
    const char *alias;
    AstList column_aliases;
} AstRangeSubselect;
typedef struct AstRangeFunction {
    Ast ast;
    bool lateral, ordinality, rows_from;
    AstList functions; /* AST_FUNC and other expressions */
    const char *alias;
    AstList column_aliases;
    AstList column_defs; /* AST_COLUMN_DEF */
} AstRangeFunction;
typedef enum JoinKind { JOIN_INNER, JOIN_LEFT, JOIN_FULL, JOIN_RIGHT, JOIN_SEMI, JOIN_ANTI } JoinKind;
typedef struct AstJoin {
    Ast ast;
    JoinKind join_kind;
    bool natural;
    Ast *left, *right;
    AstList using_columns; /* AST_STRING */
    Ast *on;
    const char *alias;
    AstList column_aliases;
} AstJoin;
typedef struct AstSortBy {
    Ast ast;
    Ast *expr;
    bool descending, nulls_first, nulls_given;
    const char *using_op;
} AstSortBy;
typedef struct AstCte {
    Ast ast;
    const char *name;
    AstList column_aliases;
    Ast *query;
    int materialized; /* -1 NOT, 0 default, 1 MATERIALIZED */
} AstCte;
typedef enum LockStrength {
    LOCKING_NONE,
    LOCKING_KEY_SHARE,
    LOCKING_SHARE,
    LOCKING_NO_KEY_UPDATE,
    LOCKING_UPDATE
} LockStrength;
typedef struct AstLocking {
    Ast ast;
    LockStrength strength;
    int wait; /* 0 block, 1 SKIP LOCKED, 2 NOWAIT */
    AstList of; /* AST_RANGE_VAR */
} AstLocking;

typedef enum SetOpKind { SETOP_NONE, SETOP_UNION, SETOP_INTERSECT, SETOP_EXCEPT } SetOpKind;
typedef struct AstSelect {
    Ast ast;
    AstList ctes;
    bool recursive;
    bool distinct;
    AstList distinct_on;
    AstList targets, from;
    Ast *where;
    AstList group_by;
    bool group_distinct, has_grouping_sets;
    Ast *having;
    bool has_windows;
    AstList values; /* VALUES lists: AST_LIST each */
    AstList order_by;
    Ast *limit, *offset;
    bool with_ties;
    AstList locking;
    SetOpKind set_op;
    bool set_all;
    struct AstSelect *left, *right;
    struct AstCreateTableAs *into; /* SELECT INTO where it may not stand; its query is not set */
} AstSelect;

typedef enum OnConflict { ON_CONFLICT_FAIL, ON_CONFLICT_DO_NOTHING, ON_CONFLICT_DO_UPDATE } OnConflict;

typedef struct AstInsert {
    Ast ast;
    AstList ctes;
    bool recursive;
    AstRangeVar *relation;
    AstList columns; /* AST_TARGET */
    Ast *query; /* NULL: DEFAULT VALUES */
    OnConflict on_conflict;
    int conflict_location, conflict_keys_location;
    AstList conflict_keys; /* AST_INDEX_ELEM */
    Ast *conflict_predicate; /* of the index meant */
    const char *conflict_constraint;
    AstList conflict_targets; /* AST_TARGET: SET of DO UPDATE */
    Ast *conflict_where;
    AstList returning;
    int overriding; /* 0 none, 1 user, 2 system */
} AstInsert;
typedef struct AstUpdate {
    Ast ast;
    AstList ctes;
    bool recursive;
    AstRangeVar *relation;
    AstList targets, from;
    Ast *where;
    AstList returning;
} AstUpdate;
typedef struct AstDelete {
    Ast ast;
    AstList ctes;
    bool recursive;
    AstRangeVar *relation;
    AstList using_list;
    Ast *where;
    AstList returning;
} AstDelete;

typedef enum ConstraintKind {
    CONSTRAINT_NULL,
    CONSTRAINT_NOT_NULL,
    CONSTRAINT_DEFAULT,
    CONSTRAINT_IDENTITY,
    CONSTRAINT_GENERATED,
    CONSTRAINT_CHECK,
    CONSTRAINT_PRIMARY,
    CONSTRAINT_UNIQUE,
    CONSTRAINT_FOREIGN,
    CONSTRAINT_EXCLUSION,
    CONSTRAINT_ATTR, /* DEFERRABLE and the like */
} ConstraintKind;
typedef struct AstConstraint {
    Ast ast;
    ConstraintKind constraint_kind;
    const char *name;
    Ast *expr;
    char generated_when; /* identity: 'a' always, 'd' by default */
    AstList keys; /* AST_STRING */
    AstList including; /* AST_STRING */
    AstList options; /* AST_DEF_ELEM */
    const char *using_index;
    bool deferrable, initially_deferred, not_valid, no_inherit, nulls_not_distinct;
} AstConstraint;
typedef struct AstColumnDef {
    Ast ast;
    const char *name;
    AstTypeName *type;
    AstList constraints;
    const char *collation;
} AstColumnDef;
typedef struct AstDefElem {
    Ast ast;
    const char *name, *name_space; /* toast.fillfactor: "toast"; else NULL */
    Ast *value; /* AST_CONST, AST_STRING, AST_LIST, AST_TYPE_NAME or NULL */
} AstDefElem;
typedef struct AstIndexElem {
    Ast ast;
    const char *column;
    Ast *expr;
    const char *collation, *opclass;
    bool descending, nulls_first, nulls_given;
} AstIndexElem;

typedef struct AstCreateTable {
    Ast ast;
    AstRangeVar *relation;
    AstList columns; /* AST_COLUMN_DEF */
    AstList constraints; /* AST_CONSTRAINT */
    const char *unsupported; /* INHERITS, PARTITION BY, LIKE, OF, TABLESPACE, ...: its name */
    AstList options;
    bool if_not_exists, unlogged;
    int on_commit; /* 0 none, 1 preserve, 2 delete, 3 drop */
} AstCreateTable;
typedef struct AstCreateTableAs {
    Ast ast;
    AstRangeVar *relation;
    AstList column_names;
    Ast *query;
    bool if_not_exists, with_no_data, materialized, unlogged, is_select_into;
    int on_commit; /* as in AstCreateTable */
    AstList options;
    const char *unsupported;
} AstCreateTableAs;
typedef enum AlterKind {
    ALTER_ADD_COLUMN,
    ALTER_DROP_COLUMN,
    ALTER_ADD_CONSTRAINT,
    ALTER_DROP_CONSTRAINT,
    ALTER_SET_DEFAULT, /* expr NULL: DROP DEFAULT */
    ALTER_SET_NOT_NULL,
    ALTER_DROP_NOT_NULL,
    ALTER_OWNER, /* name: the role */
    ALTER_SET_OPTIONS, /* options */
    ALTER_RESET_OPTIONS,
    ALTER_OTHER, /* `what` names it */
} AlterKind;
typedef struct AstAlterCmd {
    Ast ast;
    AlterKind alter_kind;
    const char *name;
    Ast *def; /* AST_COLUMN_DEF, AST_CONSTRAINT or an expression */
    AstList options; /* AST_DEF_ELEM */
    bool cascade, missing_ok;
    const char *what;
} AstAlterCmd;
typedef struct AstAlterTable {
    Ast ast;
    AstRangeVar *relation;
    AstList commands;
    bool missing_ok;
    char object; /* 'r' table, 'S' sequence, 'i' index, 'v' view */
} AstAlterTable;
typedef struct AstCreateIndex {
    Ast ast;
    const char *name;
    AstRangeVar *relation;
    const char *method;
    AstList columns; /* AST_INDEX_ELEM */
    AstList including;
    Ast *where;
    AstList options;
    bool unique, concurrent, if_not_exists, nulls_not_distinct;
} AstCreateIndex;
typedef struct AstDrop {
    Ast ast;
    char object; /* 'r' table, 'i' index, 'S' sequence, 'n' schema, 'v' view, 0 other */
    const char *what;
    AstList names; /* AST_LIST of AST_STRING */
    bool cascade, missing_ok, concurrent;
} AstDrop;
typedef struct AstTruncate {
    Ast ast;
    AstList relations;
    bool restart_sequences, cascade;
} AstTruncate;
typedef struct AstCreateSchema {
    Ast ast;
    const char *name, *owner;
    AstList elements;
    bool if_not_exists;
} AstCreateSchema;
typedef struct AstSequence { /* CREATE and ALTER SEQUENCE */
    Ast ast;
    AstRangeVar *sequence;
    AstList options;
    bool if_not_exists, missing_ok;
} AstSequence;
typedef struct AstRole { /* CREATE, ALTER, DROP ROLE */
    Ast ast;
    const char *name;
    bool is_user, is_group;
    AstList options;
    AstList names; /* DROP ROLE: AST_STRING */
    bool missing_ok;
} AstRole;
typedef struct AstDatabase {
    Ast ast;
    const char *name;
    AstList options;
    bool missing_ok;
} AstDatabase;
typedef enum TransactionKind {
    TRANSACTION_BEGIN,
    TRANSACTION_START,
    TRANSACTION_COMMIT,
    TRANSACTION_ROLLBACK,
    TRANSACTION_SAVEPOINT,
    TRANSACTION_RELEASE,
    TRANSACTION_ROLLBACK_TO,
    TRANSACTION_PREPARE,
    TRANSACTION_COMMIT_PREPARED,
    TRANSACTION_ROLLBACK_PREPARED,
} TransactionKind;
typedef struct AstTransaction {
    Ast ast;
    TransactionKind transaction_kind;
    AstList options; /* AST_DEF_ELEM: transaction_isolation, transaction_read_only, ... */
    const char *name;
    bool chain;
} AstTransaction;
typedef enum SetKind { SET_VALUE, SET_DEFAULT, SET_CURRENT, SET_MULTI, SET_RESET, SET_RESET_ALL } SetKind;
typedef struct AstSet {
    Ast ast;
    SetKind set_kind;
    const char *name; /* MULTI: "TRANSACTION", "SESSION CHARACTERISTICS", "TRANSACTION SNAPSHOT" */
    AstList args; /* AST_CONST; MULTI: AST_DEF_ELEM */
    bool is_local;
} AstSet;
typedef struct AstShow {
    Ast ast;
    const char *name;
} AstShow;
typedef struct AstPrepare {
    Ast ast;
    const char *name;
    AstList types; /* AST_TYPE_NAME */
    Ast *query;
} AstPrepare;
typedef struct AstExecute {
    Ast ast;
    const char *name; /* DEALLOCATE: NULL = ALL */
    AstList args;
} AstExecute;
typedef struct AstCopy {
    Ast ast;
    AstRangeVar *relation; /* or query */
    Ast *query;
    AstList columns; /* AST_STRING */
    bool is_from, is_program;
    const char *file; /* NULL: the client */
    AstList options;
    Ast *where;
} AstCopy;
typedef struct AstVacuum {
    Ast ast;
    bool is_vacuum; /* else ANALYZE */
    AstList options;
    AstList relations; /* AST_RANGE_VAR; its column_aliases are the columns */
} AstVacuum;
typedef enum ReindexObject {
    REINDEX_INDEX,
    REINDEX_TABLE,
    REINDEX_SCHEMA,
    REINDEX_SYSTEM,
    REINDEX_DATABASE
} ReindexObject;
typedef struct AstReindex {
    Ast ast;
    ReindexObject object;
    AstRangeVar *relation; /* index or table */
    const char *name; /* of the others */
    AstList options;
} AstReindex;
typedef struct AstLock {
    Ast ast;
    AstList relations;
    int mode; /* LockMode */
    bool nowait;
} AstLock;
typedef struct AstDiscard {
    Ast ast;
    int what; /* 0 ALL, 1 PLANS, 2 SEQUENCES, 3 TEMP */
} AstDiscard;
typedef struct AstExplain {
    Ast ast;
    Ast *query;
    AstList options;
} AstExplain;
typedef struct AstRename {
    Ast ast;
    char object; /* as in AstDrop; 'c' column, 'k' constraint, 'R' role, 'd' database */
    AstRangeVar *relation;
    const char *old_name, *new_name;
    bool missing_ok;
} AstRename;
typedef struct AstComment {
    Ast ast;
    char object; /* 'r' table, 'c' column, 'd' database, 'n' schema, ... 0 other */
    const char *what;
    AstList names; /* AST_STRING */
    const char *text; /* NULL removes it */
} AstComment;
typedef enum FetchWay {
    FETCH_WAY_FORWARD,
    FETCH_WAY_BACKWARD,
    FETCH_WAY_ABSOLUTE,
    FETCH_WAY_RELATIVE
} FetchWay;

typedef struct AstCursor { /* DECLARE, FETCH, MOVE, CLOSE */
    Ast ast;
    const char *name; /* CLOSE ALL: NULL */
    Ast *query;
    bool with_hold, scroll, no_scroll, binary, insensitive;
    FetchWay direction;
    int64_t how_many;
    bool is_move;
} AstCursor;

typedef struct AstPrivilege {
    Ast ast;
    const char *name; /* lower case; NULL = all */
    AstList columns; /* AST_STRING */
} AstPrivilege;
typedef struct AstGrant { /* GRANT and REVOKE */
    Ast ast;
    bool is_grant, grant_option, cascade, all_in_schema;
    char object; /* 'r' table, 'S' sequence, 'n' schema, 'd' database */
    AstList objects; /* AST_RANGE_VAR, or AST_STRING */
    AstList privileges; /* AST_PRIVILEGE; none = all */
    AstList grantees; /* AST_STRING; "public" */
    const char *grantor;
} AstGrant;
typedef struct AstGrantRole {
    Ast ast;
    bool is_grant, admin_option, cascade;
    AstList roles, grantees; /* AST_STRING */
} AstGrantRole;

/* One statement of a query string; [start, start + bytes) of the text. */
typedef struct AstStatement {
    Ast *ast;
    int start, bytes;
} AstStatement;

#endif
