/* vacuum.c - VACUUM and ANALYZE as statements.
 *
 * Each table is done in a transaction of its own, so that locks go early and dead rows of tables done
 * later are not held back; only ANALYZE may be part of a larger transaction. */
#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/ddl.h"
#include "backend/command/upkeep.h"
#include "storage/engine/engine.h"
#include "storage/rel/rel.h"

#include <strings.h>

typedef struct VacuumOptions {
    bool vacuum, analyze, full, verbose, skip_locked;
} VacuumOptions;

/* ---- one table ----------------------------------------------------------------------------------------------------- */

static Status
note_class(Ctx *cx, BranchId branch, Oid oid, RelationId relation, double rows)
{
    float tuples = (float)rows;
    int32_t pages = (int32_t)rel_length(cx, branch, relation, FORK_MAIN);
    bool again;

    do { /* GRANT goes on beside us */
        Value *v;
        Tid tid;

        TRY(ddl_class_row(cx, oid, &v, &tid));
        if (v[COL_PG_CLASS_relpages].i32 == pages && v[COL_PG_CLASS_reltuples].f32 == tuples)
            return ST_OK;
        v[COL_PG_CLASS_relpages] = value_i32(pages);
        v[COL_PG_CLASS_reltuples] = (Value){.f32 = tuples, .phys = PHYS_F32};
        TRY(catalog_try_update(cx, CAT_PG_CLASS, tid, v, &again));
    } while (again);
    catalog_changed(cx, branch, oid);
    return ST_OK;
}

Status
upkeep_note_size(Ctx *cx, const TableInfo *t, double rows)
{
    if (t->kind != TABLE_HEAP) /* catalogs have no row of their own in pg_class */
        return ST_OK;
    for (int i = 0; i < t->index_count; i++) {
        const IndexInfo *x = &t->indexes[i];

        TRY(note_class(cx, t->heap.branch, x->oid, x->btree.relation, rows));
    }
    return note_class(cx, t->heap.branch, t->oid, t->heap.relation, rows);
}

Status
upkeep_vacuum(Ctx *cx, const TableInfo *t)
{
    BtreeRel *indexes = arena_array(cx->arena, BtreeRel, MAX_OF(t->index_count, 1));
    HeapStats stats;

    for (int i = 0; i < t->index_count; i++)
        indexes[i] = t->indexes[i].btree;
    TRY(heap_vacuum(cx, &t->heap, indexes, t->index_count, &stats));
    heap_note_upkeep(cx, &t->heap, HEAP_UPKEEP_VACUUM, cx->session == NULL, engine_wall_us(cx->engine));
    return upkeep_note_size(cx, t, (double)stats.live_rows);
}

/* ---- options ------------------------------------------------------------------------------------------------------- */

static Status
option_bool(Ctx *cx, const AstDefElem *d, bool *out)
{
    const Ast *v = d->value;
    const char *text = NULL;

    *out = true;
    if (v == NULL)
        return ST_OK;
    if (v->kind == AST_STRING)
        text = ((const AstString *)v)->text;
    else if (v->kind == AST_CONST && ((const AstConst *)v)->const_kind == CONST_STRING)
        text = ((const AstConst *)v)->text;
    else if (v->kind == AST_CONST && (((const AstConst *)v)->integer & ~1) == 0)
        text = ((const AstConst *)v)->integer ? "on" : "off";
    if (text != NULL && (strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0))
        return ST_OK;
    *out = false;
    if (text != NULL && (strcasecmp(text, "false") == 0 || strcasecmp(text, "off") == 0))
        return ST_OK;
    return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value", d->name);
}

static Status
read_options(Ctx *cx, const AstVacuum *a, VacuumOptions *o)
{
    static const char *const accepted[] = {"freeze", "disable_page_skipping", "process_toast", "truncate"};

    o->vacuum = a->is_vacuum;
    o->analyze = !a->is_vacuum;
    for (int i = 0; i < a->options.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->options.items[i];
        bool ignored, known = false;

        if (strcmp(d->name, "verbose") == 0) {
            TRY(option_bool(cx, d, &o->verbose));
        } else if (strcmp(d->name, "skip_locked") == 0) {
            TRY(option_bool(cx, d, &o->skip_locked));
        } else if (a->is_vacuum && strcmp(d->name, "analyze") == 0) {
            TRY(option_bool(cx, d, &o->analyze));
        } else if (a->is_vacuum && strcmp(d->name, "full") == 0) {
            TRY(option_bool(cx, d, &o->full));
        } else if (a->is_vacuum &&
                   (strcmp(d->name, "index_cleanup") == 0 || strcmp(d->name, "parallel") == 0)) {
            known = true; /* dead rows leave the indexes always, with one worker */
        } else {
            for (size_t k = 0; a->is_vacuum && k < COUNT_OF(accepted); k++)
                known |= strcmp(d->name, accepted[k]) == 0;
            if (!known)
                return fail_at(cx, d->ast.location, "42601", "unrecognized %s option \"%s\"",
                               a->is_vacuum ? "VACUUM" : "ANALYZE", d->name);
            TRY(option_bool(cx, d, &ignored));
        }
    }
    return ST_OK;
}

/* ---- the statement --------------------------------------------------------------------------------------------------- */

static Status
column_flags(Ctx *cx, const TableInfo *t, const AstList *names, bool **flags)
{
    *flags = NULL;
    if (names->count == 0)
        return ST_OK;
    *flags = arena_array(cx->arena, bool, MAX_OF(t->column_count, 1));
    for (int i = 0; i < names->count; i++) {
        const char *name = ((const AstString *)names->items[i])->text;
        int column = table_find_column(t, name);

        if (column <= 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                        t->name);
        if ((*flags)[column - 1])
            return fail(cx, ST_ERROR, "42701", "column \"%s\" of relation \"%s\" appears more than once", name,
                        t->name);
        (*flags)[column - 1] = true;
    }
    return ST_OK;
}

/* *t NULL: leave it out (said why). */
static Status
open_table(Ctx *cx, const VacuumOptions *o, Oid oid, bool named, const TableInfo **t)
{
    LockMode mode = o->full ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE_UPDATE_EXCLUSIVE;
    const char *what = o->vacuum ? "vacuum" : "analyze";
    bool granted = true, owner;

    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, t));
    if (*t == NULL)
        return ST_OK;
    if ((*t)->kind != TABLE_HEAP && (*t)->kind != TABLE_CATALOG) {
        if (named)
            ctx_notice(cx, SEV_WARNING, "01000",
                       "skipping \"%s\" --- cannot %s non-tables or special system tables", (*t)->name, what);
        *t = NULL;
        return ST_OK;
    }
    TRY(acl_has_owner(cx, (*t)->owner, &owner));
    if (!owner && (*t)->kind != TABLE_CATALOG)
        TRY(acl_has_owner(cx, ROLE_DATABASE_OWNER, &owner));
    if (!owner) {
        if (named)
            ctx_notice(cx, SEV_WARNING, "01000", "skipping \"%s\" --- only %s can %s it", (*t)->name,
                       (*t)->kind == TABLE_CATALOG ? "superuser" : "table or database owner", what);
        *t = NULL;
        return ST_OK;
    }
    if (o->skip_locked) {
        TRY(lock_try(cx, upkeep_lock_key(*t), mode, LOCK_SPAN_TRANSACTION, &granted));
        if (!granted) {
            ctx_notice(cx, SEV_WARNING, "55P03", "skipping %s of \"%s\" --- lock not available", what,
                       (*t)->name);
            *t = NULL;
            return ST_OK;
        }
    }
    if ((*t)->kind == TABLE_CATALOG)
        return lock_acquire(cx, upkeep_lock_key(*t), mode, LOCK_SPAN_TRANSACTION, false);
    return catalog_table_by_oid(cx, oid, mode, t);
}

static Status
do_table(Session *s, const VacuumOptions *o, Oid oid, const AstList *columns)
{
    Ctx *cx = s->cx;
    const TableInfo *t;
    bool *flags;

    TRY(open_table(cx, o, oid, columns != NULL, &t));
    if (t == NULL)
        return ST_OK;
    if (o->vacuum) {
        if (o->verbose)
            ctx_notice(cx, SEV_INFO, "00000", "vacuuming \"%s.%s.%s\"", catalog_database_name(cx),
                       t->schema_name, t->name);
        if (o->full && t->kind == TABLE_HEAP)
            TRY(ddl_rewrite(s, t, NULL));
        else
            TRY(upkeep_vacuum(cx, t));
        TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    }
    if (o->analyze && t != NULL && t->kind == TABLE_HEAP) {
        if (o->verbose)
            ctx_notice(cx, SEV_INFO, "00000", "analyzing \"%s.%s\"", t->schema_name, t->name);
        TRY(column_flags(cx, t, columns != NULL ? columns : &(AstList){0}, &flags));
        TRY(upkeep_analyze(cx, t, flags));
    }
    return ST_OK;
}

/* Done with one table: what was changed is kept, its lock goes. */
static Status
next_transaction(Session *s, const VacuumOptions *o)
{
    if (!o->vacuum && s->state == TRANSACTION_BLOCK)
        return ST_OK;
    TRY(txn_commit(s->cx));
    TRY(txn_begin(s->cx, ISOLATION_READ_COMMITTED));
    catalog_absorb(s->cx);
    return ST_OK;
}

static Status
do_all(Session *s, const VacuumOptions *o)
{
    Ctx *cx = s->cx;
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;

        if (v[COL_PG_CLASS_relkind].var.data[0] != 'r')
            continue;
        if (v[COL_PG_CLASS_relpersistence].var.data[0] == 't' &&
            v[COL_PG_CLASS_relnamespace].u32 != catalog_temp_schema(cx))
            continue; /* another session's, or of one of another database: there are no pages */
        TRY(do_table(s, o, v[COL_PG_CLASS_oid].u32, NULL));
        TRY(next_transaction(s, o));
    }
    for (int no = 0; o->vacuum && no < CAT_COUNT; no++) {
        TRY(do_table(s, o, catalog_relation(cx, (CatalogNo)no)->oid, NULL));
        TRY(next_transaction(s, o));
    }
    return ST_OK;
}

Status
command_vacuum(Session *s, const AstVacuum *a, const char **tag)
{
    Ctx *cx = s->cx;
    VacuumOptions o = {0};

    *tag = a->is_vacuum ? "VACUUM" : "ANALYZE";
    TRY(read_options(cx, a, &o));
    if (o.vacuum && s->state == TRANSACTION_BLOCK)
        return fail(cx, ST_ERROR, "25001", "VACUUM cannot run inside a transaction block");
    for (int i = 0; i < a->relations.count; i++) {
        if (((const AstRangeVar *)a->relations.items[i])->column_aliases.count > 0 && !o.analyze)
            return fail(cx, ST_ERROR, "0A000",
                        "ANALYZE option must be specified when a column list is provided");
    }
    if (a->relations.count == 0)
        return do_all(s, &o);
    for (int i = 0; i < a->relations.count; i++) {
        const AstRangeVar *v = (const AstRangeVar *)a->relations.items[i];
        const TableInfo *t;

        TRY(catalog_need_table(cx, v->schema, v->name, LOCK_NONE, &t));
        TRY(do_table(s, &o, t->oid, &v->column_aliases));
        TRY(next_transaction(s, &o));
    }
    return ST_OK;
}
