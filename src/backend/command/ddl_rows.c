/* ddl_rows.c - the catalog rows behind tables, columns, constraints and dependencies. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/object_lock.h"

#include <stdio.h>

#include "backend/type/array.h"
#include "base/utf8.h"
#include "storage/engine/engine.h"
#include "storage/rel/rel.h"

Status
ddl_lock_name(Ctx *cx, Oid schema, const char *name)
{
    return object_lock_name(cx, catalog_branch(cx), CATALOG_OID_PG_CLASS, schema, name);
}

const char *
ddl_name(Ctx *cx, const char *name)
{
    size_t bytes = strlen(name), keep = 0;

    if (bytes <= NAME_MOST_BYTES)
        return name;
    while (keep + (size_t)utf8_char_bytes(name[keep]) <= NAME_MOST_BYTES)
        keep += (size_t)utf8_char_bytes(name[keep]);
    ctx_notice(cx, SEV_NOTICE, "42622", "identifier \"%s\" will be truncated to \"%.*s\"", name, (int)keep,
               name);
    return arena_strndup(cx->arena, name, keep);
}

Status
ddl_check_free(Ctx *cx, Oid schema, const char *name, bool *exists)
{
    Oid oid;
    char relkind;

    TRY(ddl_lock_name(cx, schema, name));
    TRY(catalog_find_relation(cx, schema, name, &oid, &relkind));
    if (exists != NULL)
        *exists = oid != OID_NONE;
    if (oid == OID_NONE || exists != NULL)
        return ST_OK;
    return fail(cx, ST_ERROR, "42P07", "relation \"%s\" already exists", name);
}

Status
ddl_free_name(Ctx *cx, Oid schema, const char *table, const char *column, const char *label, const char **out)
{
    for (int no = 0;; no++) {
        char suffix[NAME_MOST_BYTES + 1];
        size_t table_bytes = strlen(table), column_bytes = column != NULL ? strlen(column) : 0, room;
        const char *name;
        bool exists;

        if (no == 0)
            snprintf(suffix, sizeof(suffix), "_%s", label);
        else
            snprintf(suffix, sizeof(suffix), "_%s%d", label, no);
        room = NAME_MOST_BYTES - strlen(suffix) - (column != NULL ? 1 : 0);
        while (table_bytes + column_bytes > room) { /* the longer part gives way */
            if (table_bytes > column_bytes)
                table_bytes--;
            else
                column_bytes--;
        }
        name = column != NULL ? arena_printf(cx->arena, "%.*s_%.*s%s", (int)table_bytes, table,
                                             (int)column_bytes, column, suffix)
                              : arena_printf(cx->arena, "%.*s%s", (int)table_bytes, table, suffix);
        TRY(ddl_check_free(cx, schema, name, &exists));
        if (!exists) {
            *out = name;
            return ST_OK;
        }
    }
}

Status
ddl_check_owner(Ctx *cx, const TableInfo *t)
{
    bool owner;

    if (t->kind != TABLE_HEAP && t->kind != TABLE_SEQUENCE && t->kind != TABLE_INDEX)
        return fail(cx, ST_ERROR, "42501", "permission denied: \"%s\" is a system catalog", t->name);
    TRY(acl_has_owner(cx, t->owner, &owner));
    if (owner)
        return ST_OK;
    return fail(cx, ST_ERROR, "42501", "must be owner of %s %s",
                t->kind == TABLE_SEQUENCE ? "sequence"
                : t->kind == TABLE_INDEX  ? "index"
                                          : "table",
                t->name);
}

static Value
value_f32(float f)
{
    return (Value){.f32 = f, .phys = PHYS_F32};
}

static Value
value_i16(int16_t i)
{
    return (Value){.i16 = i, .phys = PHYS_I16};
}

Status
ddl_insert_class(Ctx *cx, NewClass *c)
{
    Value *v = catalog_blank(cx, COL_PG_CLASS_COUNT_);
    Persistence persistence;

    if (c->schema == catalog_temp_schema(cx))
        c->persistence = 't';
    persistence = c->persistence == 'u'   ? PERSIST_UNLOGGED
                  : c->persistence == 't' ? PERSIST_TEMPORARY
                                          : PERSIST_PERMANENT;
    if (c->relkind != 'i') /* an index belongs to whom its table belongs to */
        TRY(object_hold_role(cx, catalog_role(cx)));
    TRY(rel_create(cx, catalog_branch(cx), persistence, &c->storage));
    if (c->wants_toast)
        TRY(rel_create(cx, catalog_branch(cx), persistence, &c->toast));
    v[COL_PG_CLASS_oid] = value_oid(c->oid);
    v[COL_PG_CLASS_relname] = value_name(cx, c->name);
    v[COL_PG_CLASS_relnamespace] = value_oid(c->schema);
    v[COL_PG_CLASS_reltype] = v[COL_PG_CLASS_reloftype] = value_oid(0);
    v[COL_PG_CLASS_relowner] = value_oid(catalog_role(cx));
    v[COL_PG_CLASS_relam] = value_oid(c->relkind == 'r' ? 2 : c->relkind == 'i' ? 403 : 0);
    v[COL_PG_CLASS_relfilenode] = value_oid(c->storage);
    v[COL_PG_CLASS_reltablespace] = value_oid(0);
    v[COL_PG_CLASS_relpages] = value_i32(0);
    v[COL_PG_CLASS_reltuples] = value_f32(c->relkind == 'S' ? 1 : -1);
    v[COL_PG_CLASS_relallvisible] = value_i32(0);
    v[COL_PG_CLASS_reltoastrelid] = value_oid(c->toast);
    v[COL_PG_CLASS_relhasindex] = value_bool(c->has_index);
    v[COL_PG_CLASS_relisshared] = value_bool(false);
    v[COL_PG_CLASS_relpersistence] = value_char(cx, c->persistence);
    v[COL_PG_CLASS_relkind] = value_char(cx, c->relkind);
    v[COL_PG_CLASS_relnatts] = value_i16((int16_t)c->column_count);
    v[COL_PG_CLASS_relchecks] = value_i16((int16_t)c->check_count);
    v[COL_PG_CLASS_relhasrules] = v[COL_PG_CLASS_relhastriggers] = value_bool(false);
    v[COL_PG_CLASS_relhassubclass] = v[COL_PG_CLASS_relrowsecurity] = value_bool(false);
    v[COL_PG_CLASS_relforcerowsecurity] = v[COL_PG_CLASS_relispartition] = value_bool(false);
    v[COL_PG_CLASS_relispopulated] = value_bool(true);
    v[COL_PG_CLASS_relreplident] = value_char(cx, c->relkind == 'r' ? 'd' : 'n');
    v[COL_PG_CLASS_relrewrite] = value_oid(0);
    if (c->has_options)
        v[COL_PG_CLASS_reloptions] = c->options;
    v[COL_PG_CLASS_relfrozenxid] = v[COL_PG_CLASS_relminmxid] = value_oid(0);
    return catalog_insert(cx, CAT_PG_CLASS, v);
}

Status
ddl_insert_column(Ctx *cx, Oid table, int number, const NewColumn *c)
{
    const TypeInfo *type = type_by_oid(c->type);
    Value *v = catalog_blank(cx, COL_PG_ATTRIBUTE_COUNT_);

    v[COL_PG_ATTRIBUTE_attrelid] = value_oid(table);
    v[COL_PG_ATTRIBUTE_attname] = value_name(cx, c->name);
    v[COL_PG_ATTRIBUTE_atttypid] = value_oid(c->type);
    v[COL_PG_ATTRIBUTE_attstattarget] = value_i32(-1);
    v[COL_PG_ATTRIBUTE_attlen] = value_i16(type->typlen);
    v[COL_PG_ATTRIBUTE_attnum] = value_i16((int16_t)number);
    v[COL_PG_ATTRIBUTE_attndims] = value_i32(type_is_array(type));
    v[COL_PG_ATTRIBUTE_attcacheoff] = value_i32(-1);
    v[COL_PG_ATTRIBUTE_atttypmod] = value_i32(c->typmod);
    v[COL_PG_ATTRIBUTE_attbyval] = value_bool(type->byval);
    v[COL_PG_ATTRIBUTE_attalign] = value_char(cx, type->align);
    v[COL_PG_ATTRIBUTE_attstorage] = value_char(cx, type->storage);
    v[COL_PG_ATTRIBUTE_attcompression] = value_char(cx, '\0');
    v[COL_PG_ATTRIBUTE_attnotnull] = value_bool(c->not_null);
    v[COL_PG_ATTRIBUTE_atthasdef] = value_bool(c->default_text != NULL);
    v[COL_PG_ATTRIBUTE_atthasmissing] = value_bool(c->missing != NULL);
    if (c->missing != NULL)
        TRY(array_from_values(cx, c->type, c->missing, 1, &v[COL_PG_ATTRIBUTE_attmissingval]));
    v[COL_PG_ATTRIBUTE_attidentity] = value_char(cx, c->identity);
    v[COL_PG_ATTRIBUTE_attgenerated] = value_char(cx, '\0');
    v[COL_PG_ATTRIBUTE_attisdropped] = value_bool(false);
    v[COL_PG_ATTRIBUTE_attislocal] = value_bool(true);
    v[COL_PG_ATTRIBUTE_attinhcount] = value_i32(0);
    v[COL_PG_ATTRIBUTE_attcollation] = value_oid(type->collation);
    TRY(catalog_insert(cx, CAT_PG_ATTRIBUTE, v));
    return c->default_text != NULL ? ddl_insert_default(cx, table, number, c->default_text) : ST_OK;
}

static Status
one_row(Ctx *cx, const CatalogRow *rows, int count, int columns, Value **values, Tid *tid)
{
    if (count != 1)
        return fail(cx, ST_CORRUPT, "XX000", "cache lookup failed for relation");
    *values = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * (size_t)columns);
    *tid = rows[0].tid;
    return ST_OK;
}

Status
ddl_class_row(Ctx *cx, Oid oid, Value **values, Tid *tid)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(oid), 0, value_null(), &rows, &count));
    return one_row(cx, rows, count, COL_PG_CLASS_COUNT_, values, tid);
}

Status
ddl_attribute_row(Ctx *cx, Oid table, int column, Value **values, Tid *tid)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_ATTRIBUTE, COL_PG_ATTRIBUTE_attrelid, value_oid(table), COL_PG_ATTRIBUTE_attnum,
                     value_i16((int16_t)column), &rows, &count));
    return one_row(cx, rows, count, COL_PG_ATTRIBUTE_COUNT_, values, tid);
}

Status
ddl_insert_default(Ctx *cx, Oid table, int number, const char *text)
{
    Value *v = catalog_blank(cx, COL_PG_ATTRDEF_COUNT_);

    v[COL_PG_ATTRDEF_oid] = value_oid(engine_next_oid(cx));
    v[COL_PG_ATTRDEF_adrelid] = value_oid(table);
    v[COL_PG_ATTRDEF_adnum] = value_i16((int16_t)number);
    v[COL_PG_ATTRDEF_adbin] = value_text(cx, text);
    return catalog_insert(cx, CAT_PG_ATTRDEF, v);
}

static void
fill_constraint(Ctx *cx, Value *v, Oid oid, const char *name, Oid schema, char type, Oid table)
{
    v[COL_PG_CONSTRAINT_oid] = value_oid(oid);
    v[COL_PG_CONSTRAINT_conname] = value_name(cx, name);
    v[COL_PG_CONSTRAINT_connamespace] = value_oid(schema);
    v[COL_PG_CONSTRAINT_contype] = value_char(cx, type);
    v[COL_PG_CONSTRAINT_condeferrable] = v[COL_PG_CONSTRAINT_condeferred] = value_bool(false);
    v[COL_PG_CONSTRAINT_convalidated] = value_bool(true);
    v[COL_PG_CONSTRAINT_conrelid] = value_oid(table);
    v[COL_PG_CONSTRAINT_contypid] = v[COL_PG_CONSTRAINT_conindid] = v[COL_PG_CONSTRAINT_conparentid] =
        value_oid(0);
    v[COL_PG_CONSTRAINT_confrelid] = value_oid(0);
    v[COL_PG_CONSTRAINT_confupdtype] = v[COL_PG_CONSTRAINT_confdeltype] = value_char(cx, ' ');
    v[COL_PG_CONSTRAINT_confmatchtype] = value_char(cx, ' ');
    v[COL_PG_CONSTRAINT_conislocal] = value_bool(true);
    v[COL_PG_CONSTRAINT_coninhcount] = value_i32(0);
    v[COL_PG_CONSTRAINT_connoinherit] = value_bool(type != 'c');
}

Status
ddl_insert_check(Ctx *cx, Oid table, Oid schema, const char *name, const char *text, const int16_t *columns,
                 int column_count)
{
    Value *v = catalog_blank(cx, COL_PG_CONSTRAINT_COUNT_);

    fill_constraint(cx, v, engine_next_oid(cx), name, schema, 'c', table);
    if (column_count > 0)
        TRY(array_int2_make(cx, columns, column_count, &v[COL_PG_CONSTRAINT_conkey]));
    v[COL_PG_CONSTRAINT_conbin] = value_text(cx, text);
    return catalog_insert(cx, CAT_PG_CONSTRAINT, v);
}

Status
ddl_insert_key_constraint(Ctx *cx, const NewIndex *x, Oid index)
{
    Value *v = catalog_blank(cx, COL_PG_CONSTRAINT_COUNT_);
    int16_t columns[INDEX_KEYS_MOST];
    Oid oid = engine_next_oid(cx);

    fill_constraint(cx, v, oid, x->name, x->schema, x->primary ? 'p' : 'u', x->table->oid);
    v[COL_PG_CONSTRAINT_conindid] = value_oid(index);
    for (int k = 0; k < x->key_count; k++)
        columns[k] = x->keys[k].column;
    TRY(array_int2_make(cx, columns, x->key_count, &v[COL_PG_CONSTRAINT_conkey]));
    TRY(ddl_insert_depend(cx, CATALOG_OID_PG_CLASS, index, 0, CATALOG_OID_PG_CONSTRAINT, oid, 0, 'i'));
    return catalog_insert(cx, CAT_PG_CONSTRAINT, v);
}

Status
ddl_insert_depend(Ctx *cx, Oid class_id, Oid object, int sub, Oid ref_class, Oid ref_object, int ref_sub,
                  char type)
{
    Value *v = catalog_blank(cx, COL_PG_DEPEND_COUNT_);

    v[COL_PG_DEPEND_classid] = value_oid(class_id);
    v[COL_PG_DEPEND_objid] = value_oid(object);
    v[COL_PG_DEPEND_objsubid] = value_i32(sub);
    v[COL_PG_DEPEND_refclassid] = value_oid(ref_class);
    v[COL_PG_DEPEND_refobjid] = value_oid(ref_object);
    v[COL_PG_DEPEND_refobjsubid] = value_i32(ref_sub);
    v[COL_PG_DEPEND_deptype] = value_char(cx, type);
    return catalog_insert(cx, CAT_PG_DEPEND, v);
}

/* ---- removing ------------------------------------------------------------------------------------------------ */

Status
ddl_delete_where(Ctx *cx, CatalogNo no, int column_a, Value a, int column_b, Value b)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, no, column_a, a, column_b, b, &rows, &count));
    for (int i = 0; i < count; i++)
        TRY(catalog_delete(cx, no, rows[i].tid));
    return ST_OK;
}

Status
ddl_delete_description(Ctx *cx, Oid class_id, Oid object)
{
    return ddl_delete_where(cx, CAT_PG_DESCRIPTION, COL_PG_DESCRIPTION_objoid, value_oid(object),
                            COL_PG_DESCRIPTION_classoid, value_oid(class_id));
}

static Status
delete_constraints(Ctx *cx, Oid table)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(table), 0, value_null(),
                     &rows, &count));
    for (int i = 0; i < count; i++) {
        TRY(ddl_delete_description(cx, CATALOG_OID_PG_CONSTRAINT, rows[i].values[COL_PG_CONSTRAINT_oid].u32));
        TRY(catalog_delete(cx, CAT_PG_CONSTRAINT, rows[i].tid));
    }
    return ST_OK;
}

static Status
delete_class_rows(Ctx *cx, Oid oid)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(oid), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        Oid toast = rows[i].values[COL_PG_CLASS_reltoastrelid].u32;

        TRY(rel_drop_at_commit(cx, catalog_branch(cx), rows[i].values[COL_PG_CLASS_relfilenode].u32));
        if (toast != 0)
            TRY(rel_drop_at_commit(cx, catalog_branch(cx), toast));
        TRY(catalog_delete(cx, CAT_PG_CLASS, rows[i].tid));
    }
    TRY(ddl_delete_where(cx, CAT_PG_ATTRIBUTE, COL_PG_ATTRIBUTE_attrelid, value_oid(oid), 0, value_null()));
    TRY(ddl_delete_where(cx, CAT_PG_ATTRDEF, COL_PG_ATTRDEF_adrelid, value_oid(oid), 0, value_null()));
    TRY(delete_constraints(cx, oid));
    TRY(ddl_delete_description(cx, CATALOG_OID_PG_CLASS, oid));
    TRY(ddl_delete_where(cx, CAT_PG_STATISTIC, COL_PG_STATISTIC_starelid, value_oid(oid), 0, value_null()));
    TRY(ddl_delete_where(cx, CAT_PG_DEPEND, COL_PG_DEPEND_classid, value_oid(CATALOG_OID_PG_CLASS),
                         COL_PG_DEPEND_objid, value_oid(oid)));
    return ddl_delete_where(cx, CAT_PG_DEPEND, COL_PG_DEPEND_refclassid, value_oid(CATALOG_OID_PG_CLASS),
                            COL_PG_DEPEND_refobjid, value_oid(oid));
}

/* Sequences that belong to a column of the table go with it. */
static Status
drop_owned_sequences(Ctx *cx, Oid table)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_DEPEND, COL_PG_DEPEND_refclassid, value_oid(CATALOG_OID_PG_CLASS),
                     COL_PG_DEPEND_refobjid, value_oid(table), &rows, &count));
    for (int i = 0; i < count; i++) {
        Oid sequence = rows[i].values[COL_PG_DEPEND_objid].u32;
        char type = rows[i].values[COL_PG_DEPEND_deptype].var.data[0];

        if (rows[i].values[COL_PG_DEPEND_classid].u32 != CATALOG_OID_PG_CLASS || (type != 'a' && type != 'i'))
            continue;
        TRY(ddl_delete_where(cx, CAT_PG_SEQUENCE, COL_PG_SEQUENCE_seqrelid, value_oid(sequence), 0,
                             value_null()));
        TRY(delete_class_rows(cx, sequence));
    }
    return ST_OK;
}

Status
ddl_drop_relation(Ctx *cx, const TableInfo *t)
{
    BranchId branch = catalog_branch(cx);
    Oid oid = t->oid;

    for (int i = 0; i < t->index_count; i++) {
        const TableInfo *index;

        /* ALTER INDEX ... RENAME locks no more than the index */
        TRY(catalog_table_by_oid(cx, t->indexes[i].oid, LOCK_ACCESS_EXCLUSIVE, &index));
        TRY(ddl_delete_where(cx, CAT_PG_INDEX, COL_PG_INDEX_indexrelid, value_oid(t->indexes[i].oid), 0,
                             value_null()));
        TRY(delete_class_rows(cx, t->indexes[i].oid));
    }
    if (t->kind == TABLE_HEAP)
        TRY(drop_owned_sequences(cx, oid));
    if (t->kind == TABLE_SEQUENCE)
        TRY(ddl_delete_where(cx, CAT_PG_SEQUENCE, COL_PG_SEQUENCE_seqrelid, value_oid(oid), 0, value_null()));
    if (t->kind == TABLE_INDEX)
        TRY(ddl_delete_where(cx, CAT_PG_INDEX, COL_PG_INDEX_indexrelid, value_oid(oid), 0, value_null()));
    TRY(delete_class_rows(cx, oid));
    catalog_changed(cx, branch, oid);
    return ST_OK;
}
