/* ddl_table.c - CREATE TABLE: columns with their defaults and sequences, then keys and checks. */
#include "backend/command/ddl.h"

#include "storage/engine/engine.h"

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
add_all_constraints(Session *s, Oid table, const AstCreateTable *a, const ColumnPlan *plans, int count)
{
    static const ConstraintKind order[] = {CONSTRAINT_CHECK, CONSTRAINT_PRIMARY, CONSTRAINT_UNIQUE};

    for (size_t o = 0; o < COUNT_OF(order); o++) {
        for (int c = 0; c < count; c++) {
            for (int i = 0; i < plans[c].def->constraints.count; i++) {
                const AstConstraint *k = (const AstConstraint *)plans[c].def->constraints.items[i];

                if (k->constraint_kind == order[o])
                    TRY(ddl_add_constraint(s, table, k, plans[c].column.name, false));
            }
        }
        for (int i = 0; i < a->constraints.count; i++) {
            const AstConstraint *k = (const AstConstraint *)a->constraints.items[i];

            if (k->constraint_kind == order[o])
                TRY(ddl_add_constraint(s, table, k, NULL, false));
        }
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
    Status rc;

    if (a->unsupported != NULL)
        return fail_unsupported(cx, -1, a->unsupported);
    rc = ddl_target_schema(s, a->relation, &class.schema, &class.persistence);
    if (rc != ST_OK) {
        fail_locate(cx, a->relation->ast.location);
        return rc;
    }
    class.name = ddl_name(cx, a->relation->name);
    TRY(ddl_check_free(cx, class.schema, class.name, a->if_not_exists ? &exists : NULL));
    if (exists) {
        ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", class.name);
        return ST_OK;
    }
    if (count > COLUMNS_MOST)
        return fail(cx, ST_ERROR, "54011", "tables can have at most %d columns", COLUMNS_MOST);
    for (int c = 0; c < count; c++) {
        TRY(ddl_plan_column(cx, (const AstColumnDef *)a->columns.items[c], class.name, &plans[c]));
        for (int k = 0; k < c; k++) {
            if (strcmp(plans[k].column.name, plans[c].column.name) == 0)
                return fail(cx, ST_ERROR, "42701", "column \"%s\" specified more than once",
                            plans[c].column.name);
        }
        class.wants_toast |= type_by_oid(plans[c].column.type)->phys == PHYS_VAR;
    }
    TRY(mark_key_columns(cx, a, plans, count));
    TRY(ddl_class_options(cx, &a->options, &class));
    class.oid = engine_next_oid(cx);
    class.column_count = count;
    TRY(ddl_insert_class(cx, &class));
    TRY(ddl_note_on_commit(s, class.oid, a->on_commit, class.persistence));
    for (int c = 0; c < count; c++) {
        TRY(ddl_plan_sequence(cx, class.schema, class.name, &plans[c]));
        TRY(ddl_plan_default(cx, &plans[c]));
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
