/* alter_drop.c - ALTER TABLE ... DROP COLUMN and DROP CONSTRAINT.
 *
 * A dropped column keeps its number and its place in every row; only its name and type are gone. The
 * type by which its bytes are stepped over is kept in attndims (see load_columns). */
#include "backend/command/ddl.h"

typedef struct ColumnUse {
    int column;
    bool found;
} ColumnUse;

static bool
note_use(Expr **child, void *arg)
{
    ColumnUse *u = arg;

    if ((*child)->kind == EXPR_COLUMN && (*child)->column.column == u->column)
        u->found = true;
    return u->found ? false : expr_children(*child, note_use, arg);
}

Status
ddl_bind_text(Ctx *cx, const TableInfo *t, const char *text, Expr **out)
{
    Ast *ast;

    TRY(parse_expression(cx, cx->arena, text, &ast));
    return bind_table_expression(cx, cx->arena, t, ast, "stored expressions", OID_NONE, -1, NULL, out);
}

static Status
text_uses(Ctx *cx, const TableInfo *t, const char *text, int column, bool *uses)
{
    ColumnUse use = {.column = column};
    Expr *e;

    if (text != NULL) {
        TRY(ddl_bind_text(cx, t, text, &e));
        note_use(&e, &use);
    }
    *uses |= use.found;
    return ST_OK;
}

static Status
index_uses(Ctx *cx, const TableInfo *t, const IndexInfo *x, int column, bool *uses)
{
    *uses = false;
    for (int k = 0; k < x->key_count; k++) {
        *uses |= x->keys[k].column == column;
        TRY(text_uses(cx, t, x->keys[k].expression, column, uses));
    }
    return text_uses(cx, t, x->predicate, column, uses);
}

/* ---- constraints --------------------------------------------------------------------------------------------------- */

static Status
drop_index(Ctx *cx, Oid table, Oid index)
{
    const TableInfo *x;

    TRY(ddl_delete_where(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(table),
                         COL_PG_CONSTRAINT_conindid, value_oid(index)));
    TRY(catalog_table_by_oid(cx, index, LOCK_ACCESS_EXCLUSIVE, &x));
    if (x != NULL)
        TRY(ddl_drop_relation(cx, x));
    catalog_changed(cx, catalog_branch(cx), table);
    return ST_OK;
}

static Status
drop_check(Ctx *cx, Oid table, const char *name)
{
    Value *v;
    Tid tid;

    TRY(ddl_delete_where(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(table),
                         COL_PG_CONSTRAINT_conname, value_name(cx, name)));
    TRY(ddl_class_row(cx, table, &v, &tid));
    v[COL_PG_CLASS_relchecks].i16--;
    TRY(catalog_update(cx, CAT_PG_CLASS, tid, v));
    catalog_changed(cx, catalog_branch(cx), table);
    return ST_OK;
}

Status
ddl_drop_constraint(Ctx *cx, const TableInfo *t, const char *name, bool *found)
{
    CatalogRow *rows;
    int count;

    *found = false;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid),
                     COL_PG_CONSTRAINT_conname, value_name(cx, name), &rows, &count));
    if (count == 0)
        return ST_OK;
    *found = true;
    TRY(ddl_delete_description(cx, CATALOG_OID_PG_CONSTRAINT, rows[0].values[COL_PG_CONSTRAINT_oid].u32));
    if (rows[0].values[COL_PG_CONSTRAINT_contype].var.data[0] == 'c')
        return drop_check(cx, t->oid, name);
    return drop_index(cx, t->oid, rows[0].values[COL_PG_CONSTRAINT_conindid].u32);
}

/* ---- columns ------------------------------------------------------------------------------------------------------- */

static Status
drop_column_sequences(Ctx *cx, Oid table, int column)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_refclassid, value_oid(CATALOG_OID_PG_CLASS),
                     COL_PG_DEPEND_refobjid, value_oid(table), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        const TableInfo *sequence = NULL;

        if (v[COL_PG_DEPEND_refobjsubid].i32 != column || v[COL_PG_DEPEND_classid].u32 != CATALOG_OID_PG_CLASS)
            continue;
        TRY(catalog_table_by_oid(cx, v[COL_PG_DEPEND_objid].u32, LOCK_ACCESS_EXCLUSIVE, &sequence));
        if (sequence != NULL && sequence->kind == TABLE_SEQUENCE)
            TRY(ddl_drop_relation(cx, sequence));
    }
    return ST_OK;
}

static Status
hide_column(Ctx *cx, const TableInfo *t, int column)
{
    Value *v;
    Tid tid;

    TRY(ddl_attribute_row(cx, t->oid, column, &v, &tid));
    v[COL_PG_ATTRIBUTE_attname] =
        value_name(cx, arena_printf(cx->arena, "........pg.dropped.%d........", column));
    v[COL_PG_ATTRIBUTE_attndims] = value_i32((int32_t)v[COL_PG_ATTRIBUTE_atttypid].u32);
    v[COL_PG_ATTRIBUTE_atttypid] = value_oid(0);
    v[COL_PG_ATTRIBUTE_attstattarget] = value_i32(0);
    v[COL_PG_ATTRIBUTE_attisdropped] = value_bool(true);
    v[COL_PG_ATTRIBUTE_attnotnull] = v[COL_PG_ATTRIBUTE_atthasdef] = value_bool(false);
    v[COL_PG_ATTRIBUTE_atthasmissing] = value_bool(false);
    v[COL_PG_ATTRIBUTE_attmissingval] = value_null();
    v[COL_PG_ATTRIBUTE_attidentity] = value_char(cx, '\0');
    TRY(catalog_update(cx, CAT_PG_ATTRIBUTE, tid, v));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

Status
ddl_drop_column(Session *s, const TableInfo *t, int column)
{
    Ctx *cx = s->cx;
    Value number = {.i16 = (int16_t)column, .phys = PHYS_I16};
    CatalogRow *rows;
    int count;

    for (int i = 0; i < t->index_count; i++) {
        bool uses;

        TRY(index_uses(cx, t, &t->indexes[i], column, &uses));
        if (uses)
            TRY(drop_index(cx, t->oid, t->indexes[i].oid));
    }
    for (int i = 0; i < t->check_count; i++) {
        bool uses = false;

        TRY(text_uses(cx, t, t->checks[i].text, column, &uses));
        if (uses)
            TRY(drop_check(cx, t->oid, t->checks[i].name));
    }
    TRY(drop_column_sequences(cx, t->oid, column));
    TRY(ddl_delete_where(cx, CAT_PG_ATTRDEF, COL_PG_ATTRDEF_adrelid, value_oid(t->oid), COL_PG_ATTRDEF_adnum,
                         number));
    TRY(ddl_delete_where(cx, CAT_PG_STATISTIC, COL_PG_STATISTIC_starelid, value_oid(t->oid),
                         COL_PG_STATISTIC_staattnum, number));
    TRY(catalog_find(cx, CAT_PG_DESCRIPTION, COL_PG_DESCRIPTION_objoid, value_oid(t->oid),
                     COL_PG_DESCRIPTION_classoid, value_oid(CATALOG_OID_PG_CLASS), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (rows[i].values[COL_PG_DESCRIPTION_objsubid].i32 == column)
            TRY(catalog_delete(cx, CAT_PG_DESCRIPTION, rows[i].tid));
    }
    return hide_column(cx, t, column);
}
