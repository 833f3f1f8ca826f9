/* ddl_table.c - CREATE TABLE: columns with their defaults and sequences, then keys and checks. */
#include "backend/command/ddl.h"

#include "storage/engine/engine.h"

typedef struct ColumnPlan {
    NewColumn column;
    const AstColumnDef *def;
    const Ast *default_expr;
    bool serial;
    Oid sequence; /* of serial and identity */
    const char *sequence_name;
    const AstConstraint *identity;
} ColumnPlan;

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

static Status
plan_column(Ctx *cx, const AstColumnDef *def, const char *table, ColumnPlan *p)
{
    bool null_given = false;

    p->def = def;
    p->column = (NewColumn){.name = ddl_name(cx, def->name), .typmod = -1};
    p->serial = serial_type(def->type, &p->column.type);
    if (p->serial)
        p->column.not_null = true;
    else
        TRY(bind_type_name(cx, def->type, &p->column.type, &p->column.typmod));
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
        return fail_at(cx, def->ast.location, "42601",
                       p->serial ? "multiple default values specified for column \"%s\" of table \"%s\""
                                 : "both default and identity specified for column \"%s\" of table \"%s\"",
                       p->column.name, table);
    return ST_OK;
}

static Status
make_column_sequence(Ctx *cx, Oid schema, const char *table, ColumnPlan *p)
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

static Status
plan_default(Ctx *cx, ColumnPlan *p)
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

/* PRIMARY KEY (a, b) makes its columns NOT NULL. */
static Status
mark_key_columns(Ctx *cx, const AstCreateTable *a, ColumnPlan *plans, int count)
{
    for (int i = 0; i < a->constraints.count; i++) {
        const AstConstraint *k = (const AstConstraint *)a->constraints.items[i];

        if (k->constraint_kind == CONSTRAINT_FOREIGN)
            return fail_unsupported(cx, k->ast.location, "a foreign key");
        if (k->constraint_kind == CONSTRAINT_EXCLUSION)
            return fail_unsupported(cx, k->ast.location, "an exclusion constraint");
        if (k->constraint_kind != CONSTRAINT_PRIMARY)
            continue;
        for (int n = 0; n < k->keys.count; n++) {
            for (int c = 0; c < count; c++) {
                if (strcmp(plans[c].column.name, ((const AstString *)k->keys.items[n])->text) == 0)
                    plans[c].column.not_null = true;
            }
        }
    }
    return ST_OK;
}

static Status
add_constraint(Session *s, Oid table, const AstConstraint *k, const char *column)
{
    const TableInfo *t;
    AstConstraint copy = *k;

    TRY(catalog_table_by_oid(s->cx, table, LOCK_NONE, &t));
    if (k->constraint_kind == CONSTRAINT_CHECK)
        return ddl_add_check(s, t, k, column, false);
    if (column != NULL) { /* a column's own PRIMARY KEY or UNIQUE */
        AstString *name = arena_new(s->cx->arena, AstString);

        name->ast.kind = AST_STRING;
        name->text = column;
        copy.keys.items = arena_array(s->cx->arena, Ast *, 1);
        copy.keys.items[0] = &name->ast;
        copy.keys.count = 1;
    }
    return ddl_add_key(s, t, &copy);
}

static Status
add_all_constraints(Session *s, Oid table, const AstCreateTable *a, const ColumnPlan *plans, int count)
{
    static const ConstraintKind order[] = {CONSTRAINT_CHECK, CONSTRAINT_PRIMARY, CONSTRAINT_UNIQUE};

    for (size_t o = 0; o < COUNT_OF(order); o++) {
        for (int c = 0; c < count; c++) {
            for (int i = 0; i < plans[c].def->constraints.count; i++) {
                const AstConstraint *k = (const AstConstraint *)plans[c].def->constraints.items[i];

                if (k->constraint_kind == order[o])
                    TRY(add_constraint(s, table, k, plans[c].column.name));
            }
        }
        for (int i = 0; i < a->constraints.count; i++) {
            const AstConstraint *k = (const AstConstraint *)a->constraints.items[i];

            if (k->constraint_kind == order[o])
                TRY(add_constraint(s, table, k, NULL));
        }
    }
    return ST_OK;
}

/* WITH (fillfactor = 90): kept out of the way; a table's pages are filled as inserts come. */
static Status
check_options(Ctx *cx, const AstList *options)
{
    for (int i = 0; i < options->count; i++) {
        const AstDefElem *d = (const AstDefElem *)options->items[i];

        if (strcmp(d->name, "fillfactor") != 0)
            return fail_unsupported(cx, d->ast.location,
                                    arena_printf(cx->arena, "storage parameter \"%s\"", d->name));
    }
    return ST_OK;
}

Status
ddl_create_table(Session *s, const AstCreateTable *a)
{
    Ctx *cx = s->cx;
    NewClass class = {.relkind = 'r', .persistence = a->unlogged ? 'u' : 'p'};
    int count = a->columns.count;
    ColumnPlan *plans = arena_array(cx->arena, ColumnPlan, MAX_OF(count, 1));
    bool exists = false;

    if (a->unsupported != NULL)
        return fail_unsupported(cx, -1, a->unsupported);
    if (a->relation->temporary)
        return fail_unsupported(cx, -1, "a temporary table");
    TRY(check_options(cx, &a->options));
    TRY(catalog_creation_schema(cx, a->relation->schema, &class.schema));
    class.name = ddl_name(cx, a->relation->name);
    TRY(ddl_check_free(cx, class.schema, class.name, a->if_not_exists ? &exists : NULL));
    if (exists) {
        ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", class.name);
        return ST_OK;
    }
    if (count > COLUMNS_MOST)
        return fail(cx, ST_ERROR, "54011", "tables can have at most %d columns", COLUMNS_MOST);
    for (int c = 0; c < count; c++) {
        TRY(plan_column(cx, (const AstColumnDef *)a->columns.items[c], class.name, &plans[c]));
        for (int k = 0; k < c; k++) {
            if (strcmp(plans[k].column.name, plans[c].column.name) == 0)
                return fail(cx, ST_ERROR, "42701", "column \"%s\" specified more than once",
                            plans[c].column.name);
        }
        class.wants_toast |= type_by_oid(plans[c].column.type)->phys == PHYS_VAR;
    }
    TRY(mark_key_columns(cx, a, plans, count));
    class.oid = engine_next_oid(cx->engine);
    class.column_count = count;
    TRY(ddl_insert_class(cx, &class));
    for (int c = 0; c < count; c++) {
        TRY(make_column_sequence(cx, class.schema, class.name, &plans[c]));
        TRY(plan_default(cx, &plans[c]));
        TRY(ddl_insert_column(cx, class.oid, c + 1, &plans[c].column));
        if (plans[c].sequence != OID_NONE)
            TRY(ddl_insert_depend(cx, CATALOG_OID_PG_CLASS, plans[c].sequence, 0, CATALOG_OID_PG_CLASS,
                                  class.oid, c + 1, plans[c].identity != NULL ? 'i' : 'a'));
    }
    catalog_changed(cx, catalog_branch(cx), class.oid);
    TRY(lock_acquire(cx, (LockKey){.branch = catalog_branch(cx), .a = class.oid, .kind = LOCK_KIND_RELATION},
                     LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, false));
    return add_all_constraints(s, class.oid, a, plans, count);
}
