/* ddl_column.c - one column and one constraint, as CREATE TABLE and ALTER TABLE ADD make them. */
#include "backend/command/ddl.h"

/* serial is no type: int4 with a sequence. */
static bool
serial_type(const AstTypeName *name, Oid *type)
{
    static const struct {
        const char *name;
        Oid type;
    } rows[] = {{"serial", TYPE_INT4},  {"serial4", TYPE_INT4},     {"bigserial", TYPE_INT8},
                {"serial8", TYPE_INT8}, {"smallserial", TYPE_INT2}, {"serial2", TYPE_INT2}};

    for (size_t i = 0; name->schema == NULL && i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].name, name->name) == 0) {
            *type = rows[i].type;
            return true;
        }
    }
    return false;
}

Status
ddl_plan_column(Ctx *cx, const AstColumnDef *def, const char *table, ColumnPlan *p)
{
    bool null_given = false;

    p->def = def;
    p->column = (NewColumn){.name = ddl_name(cx, def->name), .typmod = -1};
    p->serial = serial_type(def->type, &p->column.type);
    if (p->serial)
        p->column.not_null = true;
    else
        TRY(bind_type_name(cx, def->type, &p->column.type, &p->column.typmod));
    if (table_find_column(&(const TableInfo){.column_count = 0}, p->column.name) != 0)
        return fail(cx, ST_ERROR, "42701", "column name \"%s\" conflicts with a system column name",
                    p->column.name);
    if (type_by_oid(p->column.type)->typtype == 'p')
        return fail_at(cx, def->ast.location, "42P16", "column \"%s\" has pseudo-type %s", p->column.name,
                       type_by_oid(p->column.type)->name);
    for (int i = 0; i < def->constraints.count; i++) {
        const AstConstraint *k = (const AstConstraint *)def->constraints.items[i];

        switch (k->constraint_kind) {
        case CONSTRAINT_NULL:
            if (p->column.not_null && !p->serial)
                return fail_at(cx, k->ast.location, "42601",
                               "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
                               p->column.name, table);
            null_given = true;
            break;
        case CONSTRAINT_NOT_NULL:
            if (null_given)
                return fail_at(cx, k->ast.location, "42601",
                               "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
                               p->column.name, table);
            p->column.not_null = true;
            break;
        case CONSTRAINT_DEFAULT:
            if (p->default_expr != NULL)
                return fail_at(cx, k->ast.location, "42601",
                               "multiple default values specified for column \"%s\" of table \"%s\"",
                               p->column.name, table);
            p->default_expr = k->expr;
            break;
        case CONSTRAINT_IDENTITY:
            p->identity = k;
            p->column.identity = k->generated_when;
            p->column.not_null = true;
            if (p->column.type != TYPE_INT2 && p->column.type != TYPE_INT4 && p->column.type != TYPE_INT8)
                return fail(cx, ST_ERROR, "22023", "identity column type must be smallint, integer, or bigint");
            break;
        case CONSTRAINT_PRIMARY: p->column.not_null = true; break;
        case CONSTRAINT_UNIQUE:
        case CONSTRAINT_CHECK: break;
        case CONSTRAINT_FOREIGN: return fail_unsupported(cx, k->ast.location, "a foreign key");
        case CONSTRAINT_GENERATED: return fail_unsupported(cx, k->ast.location, "a generated column");
        case CONSTRAINT_EXCLUSION: return fail_unsupported(cx, k->ast.location, "an exclusion constraint");
        case CONSTRAINT_ATTR:
            if (k->deferrable)
                return fail_unsupported(cx, k->ast.location, "a deferrable constraint");
            break;
        }
    }
    if ((p->serial || p->identity != NULL) && p->default_expr != NULL)
        return fail(cx, ST_ERROR, "42601",
                    p->serial ? "multiple default values specified for column \"%s\" of table \"%s\""
                              : "both default and identity specified for column \"%s\" of table \"%s\"",
                    p->column.name, table);
    return ST_OK;
}

Status
ddl_plan_sequence(Ctx *cx, Oid schema, const char *table, ColumnPlan *p)
{
    SequenceOptions o = {.type = p->column.type};
    AstList none = {0};
    Buf quoted = {0};
    const char *schema_name;

    if (!p->serial && p->identity == NULL)
        return ST_OK;
    TRY(ddl_sequence_options(cx, p->identity != NULL ? &p->identity->options : &none, &o, true));
    TRY(ddl_free_name(cx, schema, table, p->column.name, "seq", &p->sequence_name));
    TRY(ddl_make_sequence(cx, schema, p->sequence_name, &o, &p->sequence));
    TRY(catalog_schema_name(cx, schema, &schema_name));
    /* by name as PostgreSQL shows it; a schema off the default path is written too */
    if (schema_name != NULL && schema != SCHEMA_PUBLIC) {
        deparse_identifier(schema_name, &quoted);
        buf_add_char(&quoted, '.');
    }
    deparse_identifier(p->sequence_name, &quoted);
    p->column.default_text = arena_printf(cx->arena, "nextval('%s'::regclass)", buf_cstr(&quoted));
    buf_free(&quoted);
    return ST_OK;
}

Status
ddl_plan_default(Ctx *cx, ColumnPlan *p)
{
    Expr *e;
    Buf text = {0};
    Status rc;

    if (p->default_expr == NULL)
        return ST_OK;
    TRY(bind_table_expression(cx, cx->arena, NULL, p->default_expr, "DEFAULT expressions", p->column.type,
                              p->column.typmod, p->column.name, &e));
    if (e->kind == EXPR_CONST && e->constant.is_null)
        return ST_OK;
    rc = expr_deparse(cx, e, NULL, false, &text);
    if (rc == ST_OK)
        p->column.default_text = arena_strdup(cx->arena, buf_cstr(&text));
    buf_free(&text);
    return rc;
}

/* The columns of a key that is added to a table become NOT NULL. */
static Status
set_key_not_null(Ctx *cx, const TableInfo *t, const AstConstraint *k)
{
    for (int i = 0; i < k->keys.count; i++) {
        const char *name = ((const AstString *)k->keys.items[i])->text;

        if (table_find_column(t, name) <= 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                        t->name);
    }
    for (int i = 0; i < t->index_count; i++) {
        if (t->indexes[i].primary)
            return fail(cx, ST_ERROR, "42P16", "multiple primary keys for table \"%s\" are not allowed",
                        t->name);
    }
    for (int i = 0; i < k->keys.count; i++) {
        const char *name = ((const AstString *)k->keys.items[i])->text;

        TRY(ddl_set_not_null(cx, t->oid, table_find_column(t, name)));
    }
    return ST_OK;
}

Status
ddl_add_constraint(Session *s, Oid table, const AstConstraint *k, const char *column, bool verify)
{
    const TableInfo *t;
    AstConstraint copy = *k;

    TRY(catalog_table_by_oid(s->cx, table, LOCK_NONE, &t));
    if (k->constraint_kind == CONSTRAINT_CHECK)
        return ddl_add_check(s, t, k, column, verify);
    if (column != NULL) { /* a column's own PRIMARY KEY or UNIQUE */
        AstString *name = arena_new(s->cx->arena, AstString);

        name->ast.kind = AST_STRING;
        name->text = column;
        copy.keys.items = arena_array(s->cx->arena, Ast *, 1);
        copy.keys.items[0] = &name->ast;
        copy.keys.count = 1;
    }
    if (verify && k->constraint_kind == CONSTRAINT_PRIMARY) {
        TRY(set_key_not_null(s->cx, t, &copy));
        TRY(catalog_table_by_oid(s->cx, table, LOCK_NONE, &t));
    }
    return ddl_add_key(s, t, &copy);
}
