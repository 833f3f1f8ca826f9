/* temp.c - temporary tables: a schema for each session, and what a commit does to them.
 *
 * The schema is called after the session's process slot. Its row stays when the session goes; the tables go. What a killed session
 * leaves, and what a copy of the database has of the sessions of its origin (rows of the catalog, no pages), the janitor drops, or the
 * next session with that slot when it makes its first one. A roll-back of that first one brings back what had been swept away, so the
 * session then counts as having no schema yet. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/object_lock.h"
#include "shmem/proc/proc.h"
#include "storage/engine/engine.h"

#include <stdlib.h>

typedef enum OnCommit { ON_COMMIT_NOTHING, ON_COMMIT_PRESERVE, ON_COMMIT_DELETE, ON_COMMIT_DROP } OnCommit;

typedef struct TempAction {
    struct TempAction *next;
    Oid table;
    OnCommit what;
} TempAction;

static Status
insert_schema(Ctx *cx, const char *name, Oid *out)
{
    Value *v = catalog_blank(cx, COL_PG_NAMESPACE_COUNT_);

    *out = engine_next_oid(cx);
    v[COL_PG_NAMESPACE_oid] = value_oid(*out);
    v[COL_PG_NAMESPACE_nspname] = value_name(cx, name);
    v[COL_PG_NAMESPACE_nspowner] = value_oid(ROLE_BOOTSTRAP);
    TRY(catalog_insert(cx, CAT_PG_NAMESPACE, v));
    catalog_changed(cx, catalog_branch(cx), OID_NONE);
    return ST_OK;
}

static Status
drop_all(Ctx *cx, Oid schema)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const TableInfo *t;

        if (rows[i].values[COL_PG_CLASS_relnamespace].u32 != schema)
            continue;
        /* indexes and owned sequences go with their tables: some are gone when it is their turn */
        TRY(catalog_table_by_oid(cx, rows[i].values[COL_PG_CLASS_oid].u32, LOCK_ACCESS_EXCLUSIVE, &t));
        if (t != NULL && t->kind != TABLE_INDEX)
            TRY(ddl_drop_relation(cx, t));
    }
    return ST_OK;
}

static void
end_first_use(Ctx *cx, void *arg, bool committed)
{
    (void)arg;
    if (!committed)
        catalog_set_temp_schema(cx, OID_NONE);
}

/* The session's schema, made if it is not there. */
static Status
temp_schema(Ctx *cx, Oid *out)
{
    const char *name = arena_printf(cx->arena, "pg_temp_%u", proc_no(cx->proc) + 1);
    bool may, first = catalog_temp_schema(cx) == OID_NONE;

    TRY(acl_database_has(cx, catalog_database(cx), ACL_TEMPORARY, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "permission denied to create temporary tables in database \"%s\"",
                    catalog_database_name(cx));
    TRY(catalog_find_schema(cx, name, out));
    if (*out == OID_NONE)
        TRY(insert_schema(cx, name, out));
    else if (first)
        TRY(drop_all(cx, *out));
    if (first) {
        catalog_set_temp_schema(cx, *out);
        txn_at_end(cx, end_first_use, NULL);
    }
    return ST_OK;
}

static Status
find_target_schema(Ctx *cx, const AstRangeVar *v, Oid *schema, char *persistence)
{
    bool named_temp = v->schema != NULL && strcmp(v->schema, "pg_temp") == 0;

    if (v->catalog != NULL && strcmp(v->catalog, catalog_database_name(cx)) != 0)
        return fail(cx, ST_ERROR, "0A000", "cross-database references are not implemented: \"%s.%s.%s\"",
                    v->catalog, v->schema, v->name);
    if (v->temporary && v->schema != NULL && !named_temp) {
        Oid given;

        TRY(catalog_find_schema(cx, v->schema, &given));
        if (given == OID_NONE)
            return fail_at(cx, v->ast.location, "3F000", "schema \"%s\" does not exist", v->schema);
        if (given != catalog_temp_schema(cx))
            return fail_at(cx, v->ast.location, "42P16",
                           "cannot create temporary relation in non-temporary schema");
    }
    if (v->temporary || named_temp) {
        *persistence = 't';
        return temp_schema(cx, schema);
    }
    TRY(catalog_creation_schema(cx, v->schema, schema));
    if (*schema == catalog_temp_schema(cx))
        *persistence = 't';
    return ST_OK;
}

/* K4: the schema stays until we have ended; if it was about to go, another may be meant once we have waited. */
Status
ddl_target_schema(Session *s, const AstRangeVar *v, Oid *schema, char *persistence)
{
    Ctx *cx = s->cx;
    char given = *persistence;

    for (Oid held = OID_NONE;;) {
        *persistence = given;
        TRY(find_target_schema(cx, v, schema, persistence));
        if (*schema == held)
            return ST_OK;
        if (held != OID_NONE)
            (void)lock_release(cx, object_lock_key(catalog_branch(cx), CATALOG_OID_PG_NAMESPACE, held),
                               LOCK_ACCESS_SHARE, LOCK_SPAN_TRANSACTION);
        held = *schema;
        TRY(object_lock(cx, object_lock_key(catalog_branch(cx), CATALOG_OID_PG_NAMESPACE, held),
                        LOCK_ACCESS_SHARE));
    }
}

/* By its number: a commit that fails half-way may have freed the action already. */
static void
end_note(Ctx *cx, void *arg, bool committed)
{
    TempAction **at = &cx->session->temp_actions;

    if (committed)
        return;
    while (*at != NULL && (*at)->table != (Oid)(uintptr_t)arg)
        at = &(*at)->next;
    if (*at != NULL) {
        TempAction *a = *at;

        *at = a->next;
        free(a);
    }
}

Status
ddl_note_on_commit(Session *s, Oid table, int on_commit, char persistence)
{
    TempAction *a;

    if (on_commit == ON_COMMIT_NOTHING)
        return ST_OK;
    if (persistence != 't')
        return fail(s->cx, ST_ERROR, "42P16", "ON COMMIT can only be used on temporary tables");
    if (on_commit == ON_COMMIT_PRESERVE)
        return ST_OK;
    a = malloc(sizeof(*a)); /* as long as the table: many come and go in one session, so not from its arena */
    if (a == NULL)
        return fail(s->cx, ST_NO_MEMORY, "53200", "out of memory");
    *a = (TempAction){.next = s->temp_actions, .table = table, .what = (OnCommit)on_commit};
    s->temp_actions = a;
    txn_at_end(s->cx, end_note, (void *)(uintptr_t)table);
    return ST_OK;
}

Status
temp_before_commit(Session *s)
{
    Ctx *cx = s->cx;

    for (TempAction **at = &s->temp_actions; *at != NULL;) {
        TempAction *a = *at;
        const TableInfo *t;
        bool keep = false;

        TRY(catalog_table_by_oid(cx, a->table, LOCK_NONE, &t));
        if (t != NULL && a->what == ON_COMMIT_DROP) {
            TRY(ddl_drop_relation(cx, t));
        } else if (t != NULL) { /* empty tables are left alone: this runs at every commit */
            HeapStats stats;

            heap_stats(cx, &t->heap, &stats);
            if (stats.pages > 0)
                TRY(ddl_truncate_table(cx, t));
            keep = true;
        }
        if (keep) {
            at = &a->next;
        } else {
            *at = a->next;
            free(a);
        }
    }
    return ST_OK;
}

/* Is there a session in this database whose schema it is? Who comes later has none of its tables. */
static bool
is_in_use(Ctx *cx, const char *schema)
{
    static const char prefix[] = "pg_temp_";
    ProcTable *procs = proc_table(cx->engine);
    uint32_t slot = (uint32_t)strtoul(schema + sizeof(prefix) - 1, NULL, 10) - 1;
    Activity a;

    ASSERT(strncmp(schema, prefix, sizeof(prefix) - 1) == 0);
    return slot < proc_slot_count(procs) && proc_activity_read(procs, slot, &a) && a.kind == PROC_BACKEND &&
           a.database_oid == catalog_database(cx);
}

Status
temp_drop_left(Ctx *cx, Oid oid, bool *dropped)
{
    const TableInfo *t;

    *dropped = false;
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    if (t == NULL || t->kind == TABLE_INDEX || is_in_use(cx, t->schema_name))
        return ST_OK;
    TRY(lock_try(cx, (LockKey){.branch = catalog_branch(cx), .a = oid, .kind = LOCK_KIND_RELATION},
                 LOCK_ACCESS_EXCLUSIVE, LOCK_SPAN_TRANSACTION, dropped));
    if (!*dropped)
        return ST_OK;
    catalog_absorb(cx); /* K1 */
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    return t != NULL ? ddl_drop_relation(cx, t) : ST_OK;
}

Status
temp_drop_all(Session *s)
{
    Ctx *cx = s->cx;

    if (catalog_temp_schema(cx) != OID_NONE)
        TRY(drop_all(cx, catalog_temp_schema(cx)));
    return ST_OK;
}

void
temp_close(Session *s)
{
    Ctx *cx = s->cx;

    while (s->temp_actions != NULL) {
        TempAction *a = s->temp_actions;

        s->temp_actions = a->next;
        free(a);
    }
    if (catalog_temp_schema(cx) == OID_NONE || cx->txn != NULL)
        return;
    /* what fails here is done by the next session that has our slot */
    if (txn_begin(cx, ISOLATION_READ_COMMITTED) != ST_OK || temp_drop_all(s) != ST_OK ||
        txn_commit(cx) != ST_OK) {
        if (cx->txn != NULL)
            txn_abort(cx);
        ctx_error_clear(cx);
    }
    catalog_set_temp_schema(cx, OID_NONE);
}
