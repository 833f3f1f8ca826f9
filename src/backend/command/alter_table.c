/* alter_table.c - ALTER TABLE: its commands, in the order that makes sense of several at once.
 *
 * What is dropped goes first, then columns come, then their properties change, then keys and checks are
 * added: ALTER TABLE t ADD PRIMARY KEY (b), ADD b int works, as in PostgreSQL. A column with a default that is
 * the same for all rows costs nothing: the value is kept in the catalog for rows older than it. */
#include "backend/command/ddl.h"
#include "backend/command/grant.h"
#include "backend/command/object_lock.h"

#include "storage/rel/rel.h"

enum { MISSING_MOST_BYTES = 2000 }; /* the row of pg_attribute must fit on its page */

typedef enum AlterPass { PASS_DROP, PASS_COLUMN, PASS_PROPERTY, PASS_CONSTRAINT, PASS_COUNT } AlterPass;

static Status
fail_no_column(Ctx *cx, const TableInfo *t, const char *name)
{
    return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name, t->name);
}

static Status
find_column(Ctx *cx, const TableInfo *t, const char *name, int *column)
{
    *column = table_find_column(t, name);
    if (*column == 0)
        return fail_no_column(cx, t, name);
    if (*column < 0)
        return fail(cx, ST_ERROR, "0A000", "cannot alter system column \"%s\"", name);
    return ST_OK;
}

/* ---- ADD COLUMN ---------------------------------------------------------------------------------------------------- */

/* pg_class: one column more, and a place for long values when it is the first that may have them. */
static Status
extend_class(Ctx *cx, const TableInfo *t, Oid type)
{
    Value *v;
    Tid tid;

    TRY(ddl_class_row(cx, t->oid, &v, &tid));
    v[COL_PG_CLASS_relnatts].i16++;
    if (t->heap.toast_relation == RELATION_NONE && type_by_oid(type)->phys == PHYS_VAR) {
        RelationId toast;

        TRY(rel_create(cx, catalog_branch(cx), t->heap.persistence, &toast));
        v[COL_PG_CLASS_reltoastrelid] = value_oid(toast);
    }
    return catalog_update(cx, CAT_PG_CLASS, tid, v);
}

/* The default as an expression, and the value that rows older than the column answer with. *value NULL: null;
 * *rewrite: each row needs a value of its own. */
static Status
missing_value(Ctx *cx, const NewColumn *column, Expr **value, bool *rewrite, Value **missing)
{
    Ast *ast;
    Value v;

    *rewrite = false;
    *value = NULL;
    *missing = NULL;
    if (column->default_text == NULL)
        return ST_OK;
    TRY(parse_expression(cx, cx->arena, column->default_text, &ast));
    TRY(bind_table_expression(cx, cx->arena, NULL, ast, "DEFAULT expressions", column->type, column->typmod,
                              column->name, value));
    *rewrite = expr_is_volatile(*value);
    if (*rewrite)
        return ST_OK;
    TRY(exec_constant(cx, cx->arena, *value, &v));
    *rewrite = !v.is_null && v.phys == PHYS_VAR && v.var.bytes > MISSING_MOST_BYTES;
    if (v.is_null)
        *value = NULL;
    else if (!*rewrite)
        *missing = arena_memdup(cx->arena, &v, sizeof(v));
    return ST_OK;
}

static Status
refuse_rows_without_value(Ctx *cx, const TableInfo *old, const char *column)
{
    HeapScan *scan = NULL;
    HeapPageView view;
    Snapshot snapshot;
    bool done = true;
    Status rc;

    TRY(txn_catalog_snapshot(cx, &snapshot));
    rc = heap_scan_open(cx, cx->arena, &old->heap, &snapshot, 0, UINT32_MAX, &scan);
    if (rc == ST_OK)
        rc = heap_scan_next(cx, scan, &view, &done);
    heap_scan_close(cx, scan);
    if (rc != ST_OK || done)
        return rc;
    (void)fail(cx, ST_ERROR, "23502", "column \"%s\" of relation \"%s\" contains null values", column,
               old->name);
    fail_object(cx, old->schema_name, old->name, column, NULL);
    return ST_ERROR;
}

static Status
check_column_free(Ctx *cx, const TableInfo *t, const char *name, bool missing_ok, bool *exists)
{
    int column = table_find_column(t, name);

    *exists = false;
    if (column < 0)
        return fail(cx, ST_ERROR, "42701", "column name \"%s\" conflicts with a system column name", name);
    if (column == 0)
        return ST_OK;
    if (!missing_ok)
        return fail(cx, ST_ERROR, "42701", "column \"%s\" of relation \"%s\" already exists", name, t->name);
    *exists = true;
    ctx_notice(cx, SEV_NOTICE, "42701", "column \"%s\" of relation \"%s\" already exists, skipping", name,
               t->name);
    return ST_OK;
}

static Status
check_one_primary_key(Ctx *cx, const TableInfo *t, const AstList *constraints)
{
    for (int i = 0; i < constraints->count; i++) {
        const AstConstraint *k = (const AstConstraint *)constraints->items[i];

        for (int x = 0; k->constraint_kind == CONSTRAINT_PRIMARY && x < t->index_count; x++) {
            if (t->indexes[x].primary)
                return fail(cx, ST_ERROR, "42P16", "multiple primary keys for table \"%s\" are not allowed",
                            t->name);
        }
    }
    return ST_OK;
}

static Status
add_column(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    const AstColumnDef *def = (const AstColumnDef *)cmd->def;
    ColumnPlan p = {0};
    Expr *value;
    Value *missing;
    bool exists, rewrite;

    TRY(check_column_free(cx, t, ddl_name(cx, def->name), cmd->missing_ok, &exists));
    if (exists)
        return ST_OK;
    if (t->column_count >= COLUMNS_MOST)
        return fail(cx, ST_ERROR, "54011", "tables can have at most %d columns", COLUMNS_MOST);
    TRY(ddl_plan_column(cx, def, t->name, &p));
    TRY(check_one_primary_key(cx, t, &def->constraints));
    TRY(ddl_plan_sequence(cx, t->schema, t->name, &p));
    TRY(ddl_plan_default(cx, &p));
    TRY(missing_value(cx, &p.column, &value, &rewrite, &missing));
    if (p.column.not_null && value == NULL)
        TRY(refuse_rows_without_value(cx, t, p.column.name));
    p.column.missing = missing;
    TRY(ddl_insert_column(cx, t->oid, t->column_count + 1, &p.column));
    TRY(extend_class(cx, t, p.column.type));
    if (p.sequence != OID_NONE)
        TRY(ddl_insert_depend(cx, CATALOG_OID_PG_CLASS, p.sequence, 0, CATALOG_OID_PG_CLASS, t->oid,
                              t->column_count + 1, p.identity != NULL ? 'i' : 'a'));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return rewrite ? ddl_rewrite(s, t, value) : ST_OK;
}

/* UNIQUE, PRIMARY KEY and CHECK that were written at a new column; they come in the last pass. */
static Status
add_column_constraints(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    static const ConstraintKind order[] = {CONSTRAINT_PRIMARY, CONSTRAINT_UNIQUE, CONSTRAINT_CHECK};
    const AstColumnDef *def = (const AstColumnDef *)cmd->def;

    for (size_t o = 0; o < COUNT_OF(order); o++) {
        for (int i = 0; i < def->constraints.count; i++) {
            const AstConstraint *k = (const AstConstraint *)def->constraints.items[i];

            if (k->constraint_kind == order[o])
                TRY(ddl_add_constraint(s, t->oid, k, ddl_name(s->cx, def->name), true));
        }
    }
    return ST_OK;
}

/* ---- properties ---------------------------------------------------------------------------------------------------- */

static Status
fail_identity(Ctx *cx, const TableInfo *t, const char *column, bool for_default)
{
    Status rc =
        fail(cx, ST_ERROR, "42601", "column \"%s\" of relation \"%s\" is an identity column", column, t->name);

    if (for_default)
        fail_hint(cx, "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.");
    return rc;
}

static Status
set_default(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    int column;
    ColumnPlan p = {.default_expr = cmd->def};
    Value *v;
    Tid tid;

    TRY(find_column(cx, t, cmd->name, &column));
    if (t->columns[column - 1].identity != 0)
        return fail_identity(cx, t, cmd->name, cmd->def == NULL);
    p.column = (NewColumn){.name = cmd->name,
                           .type = t->columns[column - 1].type,
                           .typmod = t->columns[column - 1].typmod};
    if (ddl_plan_default(cx, &p) != ST_OK) {
        cx->error.position = 0; /* PostgreSQL has no text for it here */
        return ST_ERROR;
    }
    TRY(ddl_delete_where(cx, CAT_PG_ATTRDEF, COL_PG_ATTRDEF_adrelid, value_oid(t->oid), COL_PG_ATTRDEF_adnum,
                         (Value){.i16 = (int16_t)column, .phys = PHYS_I16}));
    TRY(ddl_attribute_row(cx, t->oid, column, &v, &tid));
    v[COL_PG_ATTRIBUTE_atthasdef] = value_bool(p.column.default_text != NULL);
    TRY(catalog_update(cx, CAT_PG_ATTRIBUTE, tid, v));
    if (p.column.default_text != NULL)
        TRY(ddl_insert_default(cx, t->oid, column, p.column.default_text));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

static Status
drop_not_null(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    int column;
    Value *v;
    Tid tid;

    TRY(find_column(cx, t, cmd->name, &column));
    if (t->columns[column - 1].identity != 0)
        return fail_identity(cx, t, cmd->name, false);
    for (int i = 0; i < t->index_count; i++) {
        for (int k = 0; t->indexes[i].primary && k < t->indexes[i].key_count; k++) {
            if (t->indexes[i].keys[k].column == column)
                return fail(cx, ST_ERROR, "42P16", "column \"%s\" is in a primary key", cmd->name);
        }
    }
    TRY(ddl_attribute_row(cx, t->oid, column, &v, &tid));
    v[COL_PG_ATTRIBUTE_attnotnull] = value_bool(false);
    TRY(catalog_update(cx, CAT_PG_ATTRIBUTE, tid, v));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

static Status
change_owner(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    Oid owner = catalog_role(cx), objects[66];
    int count = 0;

    if (strcmp(cmd->name, "current_user") != 0)
        TRY(catalog_find_role(cx, cmd->name, &owner));
    if (owner == OID_NONE)
        return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", cmd->name);
    if (!catalog_is_superuser(cx) && owner != t->owner)
        return fail(cx, ST_ERROR, "42501", "must be member of role \"%s\"", cmd->name);
    TRY(object_hold_role(cx, owner));
    objects[count++] = t->oid;
    for (int i = 0; i < t->index_count && count < (int)COUNT_OF(objects); i++)
        objects[count++] = t->indexes[i].oid;
    for (int i = 0; i < count; i++) {
        Value *v;
        Tid tid;

        TRY(ddl_class_row(cx, objects[i], &v, &tid));
        TRY(grant_change_owner(cx, &v[COL_PG_CLASS_relacl], t->kind == TABLE_SEQUENCE ? 'S' : 'r', t->owner,
                               owner));
        v[COL_PG_CLASS_relowner] = value_oid(owner);
        TRY(catalog_update(cx, CAT_PG_CLASS, tid, v));
    }
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

/* ---- drops and constraints --------------------------------------------------------------------------------------------- */

static Status
drop_column(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    int column = table_find_column(t, cmd->name);

    if (column < 0)
        return fail(cx, ST_ERROR, "0A000", "cannot drop system column \"%s\"", cmd->name);
    if (column == 0 && !cmd->missing_ok)
        return fail_no_column(cx, t, cmd->name);
    if (column == 0) {
        ctx_notice(cx, SEV_NOTICE, "00000", "column \"%s\" of relation \"%s\" does not exist, skipping",
                   cmd->name, t->name);
        return ST_OK;
    }
    return ddl_drop_column(s, t, column);
}

static Status
drop_constraint(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    bool found;

    TRY(ddl_drop_constraint(cx, t, cmd->name, &found));
    if (found)
        return ST_OK;
    if (!cmd->missing_ok)
        return fail(cx, ST_ERROR, "42704", "constraint \"%s\" of relation \"%s\" does not exist", cmd->name,
                    t->name);
    ctx_notice(cx, SEV_NOTICE, "00000", "constraint \"%s\" of relation \"%s\" does not exist, skipping",
               cmd->name, t->name);
    return ST_OK;
}

static Status
add_table_constraint(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    Ctx *cx = s->cx;
    const AstConstraint *k = (const AstConstraint *)cmd->def;

    switch (k->constraint_kind) {
    case CONSTRAINT_FOREIGN: return fail_unsupported(cx, k->ast.location, "a foreign key");
    case CONSTRAINT_EXCLUSION: return fail_unsupported(cx, k->ast.location, "an exclusion constraint");
    case CONSTRAINT_CHECK:
    case CONSTRAINT_UNIQUE:
    case CONSTRAINT_PRIMARY: return ddl_add_constraint(s, t->oid, k, NULL, true);
    default: return fail_unsupported(cx, k->ast.location, "this constraint here");
    }
}

/* ---- the statement --------------------------------------------------------------------------------------------------- */

static AlterPass
pass_of(const AstAlterCmd *cmd)
{
    switch (cmd->alter_kind) {
    case ALTER_DROP_COLUMN:
    case ALTER_DROP_CONSTRAINT: return PASS_DROP;
    case ALTER_ADD_COLUMN: return PASS_COLUMN;
    case ALTER_ADD_CONSTRAINT: return PASS_CONSTRAINT;
    default: return PASS_PROPERTY;
    }
}

static Status
run_command(Session *s, const TableInfo *t, const AstAlterCmd *cmd)
{
    int column;

    switch (cmd->alter_kind) {
    case ALTER_ADD_COLUMN: return add_column(s, t, cmd);
    case ALTER_DROP_COLUMN: return drop_column(s, t, cmd);
    case ALTER_ADD_CONSTRAINT: return add_table_constraint(s, t, cmd);
    case ALTER_DROP_CONSTRAINT: return drop_constraint(s, t, cmd);
    case ALTER_SET_DEFAULT: return set_default(s, t, cmd);
    case ALTER_SET_NOT_NULL:
        TRY(find_column(s->cx, t, cmd->name, &column));
        return ddl_set_not_null(s->cx, t->oid, column);
    case ALTER_DROP_NOT_NULL: return drop_not_null(s, t, cmd);
    case ALTER_OWNER: return change_owner(s, t, cmd);
    case ALTER_SET_OPTIONS:
    case ALTER_RESET_OPTIONS:
        return ddl_alter_options(s->cx, t, &cmd->options, cmd->alter_kind == ALTER_RESET_OPTIONS);
    case ALTER_OTHER: break;
    }
    return fail_unsupported(s->cx, -1, cmd->what);
}

static Status
run_passes(Session *s, const AstAlterTable *a, Oid oid)
{
    const AstList *commands = &a->commands;
    bool *added = arena_array(s->cx->arena, bool, MAX_OF(commands->count, 1));

    for (int pass = 0; pass < PASS_COUNT; pass++) {
        for (int i = 0; i < commands->count; i++) {
            const AstAlterCmd *cmd = (const AstAlterCmd *)commands->items[i];
            const TableInfo *t;

            TRY(catalog_table_by_oid(s->cx, oid, LOCK_NONE, &t));
            if (pass_of(cmd) == (AlterPass)pass) {
                int before = t->column_count;

                TRY(run_command(s, t, cmd));
                TRY(catalog_table_by_oid(s->cx, oid, LOCK_NONE, &t));
                added[i] = t->column_count > before;
            }
            if (pass == PASS_CONSTRAINT && added[i])
                TRY(add_column_constraints(s, t, cmd));
        }
    }
    return ST_OK;
}

static Status
check_kind(Ctx *cx, const AstAlterTable *a, const TableInfo *t)
{
    bool owner_only = true, index_too = true;
    AlterKind kind = ALTER_OTHER;

    for (int i = 0; i < a->commands.count; i++) {
        kind = ((const AstAlterCmd *)a->commands.items[i])->alter_kind;
        owner_only &= kind == ALTER_OWNER;
        index_too &= kind == ALTER_OWNER || kind == ALTER_SET_OPTIONS || kind == ALTER_RESET_OPTIONS;
    }
    if (t->kind == TABLE_VIEW || t->kind == TABLE_VIRTUAL || t->kind == TABLE_CATALOG)
        return fail(cx, ST_ERROR, "42501", "permission denied: \"%s\" is a system catalog", t->name);
    if (t->kind == TABLE_HEAP && a->object == 'r')
        return ST_OK;
    if ((owner_only && t->kind == TABLE_SEQUENCE) || (index_too && t->kind == TABLE_INDEX))
        return ST_OK;
    if (t->kind == TABLE_SEQUENCE && (kind == ALTER_SET_OPTIONS || kind == ALTER_RESET_OPTIONS)) {
        (void)fail(cx, ST_ERROR, "42809", "ALTER action %s cannot be performed on relation \"%s\"",
                   kind == ALTER_SET_OPTIONS ? "SET" : "RESET", t->name);
        fail_detail(cx, "This operation is not supported for sequences.");
        return ST_ERROR;
    }
    if (a->object == 'S' && t->kind != TABLE_SEQUENCE)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a sequence", t->name);
    if (a->object == 'i' && t->kind != TABLE_INDEX)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not an index", t->name);
    if (a->object == 'v')
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a view", t->name);
    if (a->object == 'r')
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a table", t->name);
    return fail_unsupported(cx, -1,
                            a->object == 'i' ? "this form of ALTER INDEX" : "this form of ALTER SEQUENCE");
}

Status
ddl_alter_table(Session *s, const AstAlterTable *a, const char **tag)
{
    Ctx *cx = s->cx;
    const AstRangeVar *v = a->relation;
    const TableInfo *t;

    *tag = a->object == 'i'   ? "ALTER INDEX"
           : a->object == 'S' ? "ALTER SEQUENCE"
           : a->object == 'v' ? "ALTER VIEW"
                              : "ALTER TABLE";
    TRY(catalog_find_table(cx, v->schema, v->name, LOCK_ACCESS_EXCLUSIVE, &t));
    if (t == NULL && a->missing_ok) {
        ctx_notice(cx, SEV_NOTICE, "00000", "relation \"%s\" does not exist, skipping", v->name);
        return ST_OK;
    }
    if (t == NULL)
        return catalog_fail_no_table(cx, v->schema, v->name);
    TRY(ddl_check_owner(cx, t));
    TRY(check_kind(cx, a, t));
    return run_passes(s, a, t->oid);
}
