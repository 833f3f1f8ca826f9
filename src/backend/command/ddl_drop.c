/* ddl_drop.c - DROP, TRUNCATE, CREATE SCHEMA. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/object_lock.h"
#include "backend/type/regnames.h"
#include "storage/engine/engine.h"
#include "storage/rel/rel.h"

static const char *
kind_word(char object)
{
    switch (object) {
    case 'r': return "table";
    case 'i': return "index";
    case 'S': return "sequence";
    case 'v': return "view";
    default: return "schema";
    }
}

static void
split_name(const AstListNode *name, const char **schema, const char **relation)
{
    int n = name->items.count;

    *relation = ((const AstString *)name->items.items[n - 1])->text;
    *schema = n > 1 ? ((const AstString *)name->items.items[n - 2])->text : NULL;
}

static Status
table_of_index(Ctx *cx, Oid index, Oid *table)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_INDEX, COL_PG_INDEX_indexrelid, value_oid(index), 0, value_null(), &rows,
                     &count));
    *table = count > 0 ? rows[0].values[COL_PG_INDEX_indrelid].u32 : OID_NONE;
    return ST_OK;
}

Status
ddl_lock_index(Ctx *cx, const char *schema, const char *name, const TableInfo **out, Oid *table)
{
    Oid locked = OID_NONE;

    for (LockMode mode = LOCK_NONE;; mode = LOCK_ACCESS_EXCLUSIVE) {
        const TableInfo *t;

        TRY(catalog_find_table(cx, schema, name, mode, out));
        *table = OID_NONE;
        if (*out == NULL || (*out)->kind != TABLE_INDEX)
            return ST_OK;
        TRY(ddl_check_owner(cx, *out));
        TRY(table_of_index(cx, (*out)->oid, table));
        if (mode != LOCK_NONE && *table == locked)
            return ST_OK;
        locked = *table;
        if (locked != OID_NONE) /* else it has just been dropped */
            TRY(catalog_table_by_oid(cx, locked, LOCK_ACCESS_EXCLUSIVE, &t));
    }
}

/* A key's index goes with its constraint only; a column's sequence with the column. */
static Status
check_alone(Ctx *cx, const TableInfo *t, bool cascade)
{
    CatalogRow *rows;
    int count;

    if (t->kind != TABLE_INDEX && t->kind != TABLE_SEQUENCE)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_classid, value_oid(CATALOG_OID_PG_CLASS),
                     COL_PG_DEPEND_objid, value_oid(t->oid), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        char type = v[COL_PG_DEPEND_deptype].var.data[0];
        const TableInfo *owner = NULL;

        if (t->kind == TABLE_INDEX && type == 'i') {
            const TableInfo *of = NULL;
            const char *table;
            Oid oid;

            TRY(table_of_index(cx, t->oid, &oid));
            TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &of));
            table = of != NULL ? of->name : "?";
            (void)fail(cx, ST_ERROR, "2BP01",
                       "cannot drop index %s because constraint %s on table %s requires it", t->name, t->name,
                       table);
            fail_hint(cx, "You can drop constraint %s on table %s instead.", t->name, table);
            return ST_ERROR;
        }
        if (t->kind != TABLE_SEQUENCE || v[COL_PG_DEPEND_refclassid].u32 != CATALOG_OID_PG_CLASS)
            continue;
        TRY(catalog_table_by_oid(cx, v[COL_PG_DEPEND_refobjid].u32, LOCK_NONE, &owner));
        if (owner == NULL || (type != 'a' && type != 'i'))
            continue;
        if (!cascade || type == 'i') {
            const char *column = owner->columns[v[COL_PG_DEPEND_refobjsubid].i32 - 1].name;

            (void)fail(cx, ST_ERROR, "2BP01", "cannot drop sequence %s because other objects depend on it",
                       t->name);
            fail_detail(cx, "default value for column %s of table %s depends on sequence %s", column,
                        owner->name, t->name);
            fail_hint(cx, "Use DROP ... CASCADE to drop the dependent objects too.");
            return ST_ERROR;
        }
        TRY(catalog_find(cx, CAT_PG_ATTRDEF, COL_PG_ATTRDEF_adrelid, value_oid(owner->oid),
                         COL_PG_ATTRDEF_adnum,
                         (Value){.i16 = (int16_t)v[COL_PG_DEPEND_refobjsubid].i32, .phys = PHYS_I16}, &rows,
                         &count));
        for (int k = 0; k < count; k++)
            TRY(catalog_delete(cx, CAT_PG_ATTRDEF, rows[k].tid));
        catalog_changed(cx, catalog_branch(cx), owner->oid);
        return ST_OK;
    }
    return ST_OK;
}

static Status
drop_relation(Session *s, const AstDrop *a, const AstListNode *name)
{
    Ctx *cx = s->cx;
    const char *schema, *relation;
    const TableInfo *t = NULL;
    TableKind wanted = a->object == 'i' ? TABLE_INDEX : a->object == 'S' ? TABLE_SEQUENCE : TABLE_HEAP;
    Oid schema_oid = OID_NONE, table;

    split_name(name, &schema, &relation);
    if (schema != NULL) {
        TRY(catalog_find_schema(cx, schema, &schema_oid));
        if (schema_oid == OID_NONE) {
            if (!a->missing_ok)
                return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", schema);
            ctx_notice(cx, SEV_NOTICE, "00000", "schema \"%s\" does not exist, skipping", schema);
            return ST_OK;
        }
    }
    TRY(wanted == TABLE_INDEX ? ddl_lock_index(cx, schema, relation, &t, &table)
                              : catalog_find_table(cx, schema, relation, LOCK_ACCESS_EXCLUSIVE, &t));
    if (t == NULL) {
        if (!a->missing_ok)
            return fail(cx, ST_ERROR, a->object == 'i' ? "42704" : "42P01", "%s \"%s%s%s\" does not exist",
                        kind_word(a->object), schema != NULL ? schema : "", schema != NULL ? "." : "",
                        relation);
        ctx_notice(cx, SEV_NOTICE, "00000", "%s \"%s\" does not exist, skipping", kind_word(a->object),
                   relation);
        return ST_OK;
    }
    TRY(ddl_check_owner(cx, t));
    if (t->kind != wanted || a->object == 'v') {
        (void)fail(cx, ST_ERROR, "42809", "\"%s\" is not %s %s", relation, a->object == 'i' ? "an" : "a",
                   kind_word(a->object));
        fail_hint(cx, "Use DROP %s to remove %s %s.",
                  t->kind == TABLE_INDEX      ? "INDEX"
                  : t->kind == TABLE_SEQUENCE ? "SEQUENCE"
                                              : "TABLE",
                  t->kind == TABLE_INDEX ? "an" : "a",
                  t->kind == TABLE_INDEX      ? "index"
                  : t->kind == TABLE_SEQUENCE ? "sequence"
                                              : "table");
        return ST_ERROR;
    }
    TRY(check_alone(cx, t, a->cascade));
    return ddl_drop_relation(cx, t);
}

/* "table a.b", "sequence s": what CASCADE would take, each name as it must be written. Indexes and owned
 * sequences go with their tables and are not told. */
static Status
list_relations(Ctx *cx, const CatalogRow *rows, int count, const char ***out, int *out_count)
{
    const char **names = arena_array(cx->arena, const char *, count);

    *out_count = 0;
    for (int i = 0; i < count; i++) {
        char kind = rows[i].values[COL_PG_CLASS_relkind].var.data[0];
        Oid oid = rows[i].values[COL_PG_CLASS_oid].u32;
        CatalogRow *owners;
        int owner_count = 0;
        Buf name = {0};
        bool found;

        if (kind == 'S')
            TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_classid, value_oid(CATALOG_OID_PG_CLASS),
                             COL_PG_DEPEND_objid, value_oid(oid), &owners, &owner_count));
        if (kind == 'i' || owner_count > 0)
            continue;
        TRY(cx->format->reg_names->name(cx, TYPE_REGCLASS, oid, &name, &found));
        names[(*out_count)++] =
            arena_printf(cx->arena, "%s %s", kind == 'S' ? "sequence" : "table", buf_cstr(&name));
        buf_free(&name);
    }
    *out = names;
    return ST_OK;
}

/* One line for each. */
static const char *
dependents_text(Ctx *cx, const char *const *names, int count, bool cascades, const char *schema)
{
    Buf b = {0};
    const char *out;

    for (int i = 0; i < count; i++) {
        buf_add_text(&b, i > 0 ? "\n" : "");
        if (cascades)
            buf_printf(&b, "drop cascades to %s", names[i]);
        else
            buf_printf(&b, "%s depends on schema %s", names[i], schema);
    }
    out = arena_strdup(cx->arena, buf_cstr(&b));
    buf_free(&b);
    return out;
}

/* The schema is ours, so no relation comes; one that somebody is dropping or changing is waited for. */
static Status
lock_relations(Ctx *cx, Oid schema)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relnamespace, value_oid(schema), 0, value_null(), &rows,
                     &count));
    for (int i = 0; i < count; i++) {
        const TableInfo *t;

        if (rows[i].values[COL_PG_CLASS_relkind].var.data[0] != 'i') /* those are locked behind their tables */
            TRY(catalog_table_by_oid(cx, rows[i].values[COL_PG_CLASS_oid].u32, LOCK_ACCESS_EXCLUSIVE, &t));
    }
    return ST_OK;
}

static Status
drop_schema(Session *s, const AstDrop *a, const AstListNode *name)
{
    Ctx *cx = s->cx;
    const char *schema, *word;
    Oid oid;
    CatalogRow *rows, *relations;
    int count, relation_count, listed_count = 0;
    const char **listed = NULL;
    bool owner;

    split_name(name, &schema, &word);
    TRY(object_lock_schema(cx, word, LOCK_ACCESS_EXCLUSIVE, &oid));
    if (oid == OID_NONE) {
        if (!a->missing_ok)
            return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", word);
        ctx_notice(cx, SEV_NOTICE, "00000", "schema \"%s\" does not exist, skipping", word);
        return ST_OK;
    }
    if (oid < 2200)
        return fail(cx, ST_ERROR, "2BP01",
                    "cannot drop schema %s because it is required by the database system", word);
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "2BP01",
                    "cannot drop schema %s because it is required by the database system", word);
    TRY(acl_has_owner(cx, rows[0].values[COL_PG_NAMESPACE_nspowner].u32, &owner));
    if (!owner)
        return fail(cx, ST_ERROR, "42501", "must be owner of schema %s", word);
    TRY(lock_relations(cx, oid));
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relnamespace, value_oid(oid), 0, value_null(), &relations,
                     &relation_count));
    if (relation_count > 0)
        TRY(list_relations(cx, relations, relation_count, &listed, &listed_count));
    if (relation_count > 0 && !a->cascade) {
        (void)fail(cx, ST_ERROR, "2BP01", "cannot drop schema %s because other objects depend on it", word);
        fail_detail(cx, "%s", dependents_text(cx, listed, listed_count, false, word));
        fail_hint(cx, "Use DROP ... CASCADE to drop the dependent objects too.");
        return ST_ERROR;
    }
    if (listed_count == 1)
        ctx_notice(cx, SEV_NOTICE, "00000", "drop cascades to %s", listed[0]);
    else if (listed_count > 1)
        ctx_notice_detail(cx, SEV_NOTICE, "00000", dependents_text(cx, listed, listed_count, true, word),
                          "drop cascades to %d other objects", listed_count);
    for (int i = 0; i < relation_count; i++) { /* tables take their indexes and sequences along */
        const TableInfo *t;

        TRY(catalog_table_by_oid(cx, relations[i].values[COL_PG_CLASS_oid].u32, LOCK_ACCESS_EXCLUSIVE, &t));
        if (t != NULL && t->kind != TABLE_INDEX)
            TRY(ddl_drop_relation(cx, t));
    }
    TRY(ddl_delete_description(cx, CATALOG_OID_PG_NAMESPACE, oid));
    TRY(catalog_delete(cx, CAT_PG_NAMESPACE, rows[0].tid));
    catalog_changed(cx, catalog_branch(cx), OID_NONE);
    return ST_OK;
}

Status
ddl_drop(Session *s, const AstDrop *a)
{
    if (a->concurrent)
        return fail_unsupported(s->cx, -1, "DROP INDEX CONCURRENTLY");
    for (int i = 0; i < a->names.count; i++) {
        const AstListNode *name = (const AstListNode *)a->names.items[i];

        TRY(a->object == 'n' ? drop_schema(s, a, name) : drop_relation(s, a, name));
    }
    return ST_OK;
}

/* ---- TRUNCATE ----------------------------------------------------------------------------------------------------- */

Status
ddl_fresh_storage(Ctx *cx, Oid oid)
{
    CatalogRow *rows;
    int count;
    Value *v;
    RelationId storage;
    Persistence persistence;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(oid), 0, value_null(), &rows, &count));
    if (count == 0)
        return ST_OK;
    v = arena_memdup(cx->arena, rows[0].values, sizeof(*v) * COL_PG_CLASS_COUNT_);
    persistence = v[COL_PG_CLASS_relpersistence].var.data[0] == 'u' ? PERSIST_UNLOGGED : PERSIST_PERMANENT;
    TRY(rel_drop_at_commit(cx, catalog_branch(cx), v[COL_PG_CLASS_relfilenode].u32));
    TRY(rel_create(cx, catalog_branch(cx), persistence, &storage));
    heap_carry_counters(cx, catalog_branch(cx), v[COL_PG_CLASS_relfilenode].u32, storage);
    v[COL_PG_CLASS_relfilenode] = value_oid(storage);
    if (v[COL_PG_CLASS_reltoastrelid].u32 != 0) {
        TRY(rel_drop_at_commit(cx, catalog_branch(cx), v[COL_PG_CLASS_reltoastrelid].u32));
        TRY(rel_create(cx, catalog_branch(cx), persistence, &storage));
        v[COL_PG_CLASS_reltoastrelid] = value_oid(storage);
    }
    v[COL_PG_CLASS_reltuples].f32 = -1;
    return catalog_update(cx, CAT_PG_CLASS, rows[0].tid, v);
}

Status
ddl_truncate_table(Ctx *cx, const TableInfo *t)
{
    Oid indexes[64], table = t->oid;
    int count = 0;

    for (int i = 0; i < t->index_count && count < 64; i++)
        indexes[count++] = t->indexes[i].oid;
    TRY(ddl_fresh_storage(cx, table));
    for (int i = 0; i < count; i++)
        TRY(ddl_fresh_storage(cx, indexes[i]));
    catalog_changed(cx, catalog_branch(cx), table);
    TRY(catalog_table_by_oid(cx, table, LOCK_NONE, &t));
    for (int i = 0; i < t->index_count; i++) { /* an empty tree has its root */
        BtreeBuild *b;

        TRY(btree_build_begin(cx, cx->arena, &t->indexes[i].btree, &b));
        TRY(btree_build_finish(cx, b));
    }
    return ST_OK;
}

Status
ddl_truncate(Session *s, const AstTruncate *a)
{
    Ctx *cx = s->cx;

    for (int i = 0; i < a->relations.count; i++) {
        const AstRangeVar *v = (const AstRangeVar *)a->relations.items[i];
        const TableInfo *t;

        TRY(catalog_need_table(cx, v->schema, v->name, LOCK_ACCESS_EXCLUSIVE, &t));
        if (t->kind != TABLE_HEAP)
            return fail(cx, ST_ERROR, "42809", "\"%s\" is not a table", t->name);
        TRY(catalog_check_privilege(cx, t, ACL_TRUNCATE));
        TRY(ddl_truncate_table(cx, t));
        if (a->restart_sequences)
            TRY(ddl_restart_owned_sequences(cx, t->oid));
    }
    return ST_OK;
}

/* ---- CREATE SCHEMA -------------------------------------------------------------------------------------------------- */

Status
ddl_create_schema(Session *s, const AstCreateSchema *a)
{
    Ctx *cx = s->cx;
    const char *name = a->name != NULL ? a->name : a->owner;
    Oid oid, owner = catalog_role(cx);
    bool may;
    Value *v;

    if (a->elements.count > 0)
        return fail_unsupported(cx, -1, "CREATE SCHEMA with elements");
    if (a->owner != NULL) {
        TRY(catalog_find_role(cx, a->owner, &owner));
        if (owner == OID_NONE)
            return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", a->owner);
    }
    TRY(acl_database_has(cx, catalog_database(cx), ACL_CREATE, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "permission denied for database %s", catalog_database_name(cx));
    name = ddl_name(cx, name);
    if (strncmp(name, "pg_", 3) == 0) {
        Status rc = fail(cx, ST_ERROR, "42939", "unacceptable schema name \"%s\"", name);

        fail_detail(cx, "The prefix \"pg_\" is reserved for system schemas.");
        return rc;
    }
    TRY(ddl_lock_name(cx, OID_NONE, name));
    TRY(catalog_find_schema(cx, name, &oid));
    if (oid != OID_NONE) {
        if (!a->if_not_exists)
            return fail(cx, ST_ERROR, "42P06", "schema \"%s\" already exists", name);
        ctx_notice(cx, SEV_NOTICE, "42P06", "schema \"%s\" already exists, skipping", name);
        return ST_OK;
    }
    TRY(object_hold_role(cx, owner));
    v = catalog_blank(cx, COL_PG_NAMESPACE_COUNT_);
    v[COL_PG_NAMESPACE_oid] = value_oid(engine_next_oid(cx));
    v[COL_PG_NAMESPACE_nspname] = value_name(cx, name);
    v[COL_PG_NAMESPACE_nspowner] = value_oid(owner);
    TRY(catalog_insert(cx, CAT_PG_NAMESPACE, v));
    catalog_changed(cx, catalog_branch(cx), OID_NONE);
    return ST_OK;
}
