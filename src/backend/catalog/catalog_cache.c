/* catalog_cache.c - relations by name and OID, kept until somebody changes them (K1).
 *
 * What is found lies in one arena; a change, ours or another session's, retires the whole of it. The
 * retired one is kept until the current statement is over, because plans and binders may point into it. */
#include "backend/catalog/catalog_int.h"

#include "backend/catalog/acl.h"
#include "backend/catalog/rel_options.h"

#include "backend/exec/heap_read.h"
#include "backend/type/array.h"
#include "base/hash.h"
#include "storage/engine/engine.h"

#include <stdlib.h>

static uint32_t
bucket(Oid oid)
{
    return (oid * UINT32_C(2654435761)) >> 24;
}

void
catalog_forget(Catalog *c)
{
    c->version++;
    if (c->old_cache.chunk == NULL) { /* nothing retired yet: this one is */
        c->old_cache = c->cache;
        arena_init(&c->cache, "relation cache", NULL);
    } /* else entries of both stay until the statement ends: some memory, no danger */
    memset(c->by_oid, 0, sizeof(c->by_oid));
    catalog_forget_names(c);
}

void
catalog_forget_names(Catalog *c)
{
    memset(c->by_name, 0, sizeof(c->by_name));
    arena_reset(&c->names);
}

void
catalog_release_old(Ctx *cx)
{
    arena_free(&cx->catalog->old_cache);
}

static void
forget_at_end(Ctx *cx, void *arg, bool committed)
{
    Catalog *c = arg;

    (void)cx;
    (void)committed;
    c->end_registered = false;
    catalog_forget(c);
}

void
catalog_changed(Ctx *cx, BranchId branch, Oid relation)
{
    Catalog *c = cx->catalog;

    engine_invalidate_at_commit(cx, (Invalidation){.branch = branch,
                                                   .catalog = CATALOG_OID_PG_CLASS,
                                                   .key = relation});
    catalog_forget(c);
    txn_next_command(cx);
    txn_at_end(cx, forget_at_end, c); /* at the end of a savepoint too */
}

static void
absorb_one(void *arg, const Invalidation *message)
{
    Catalog *c = arg;

    if (message->branch == c->branch || message->branch == BRANCH_SHARED)
        catalog_forget(c);
}

void
catalog_absorb(Ctx *cx)
{
    bool overflow = false;

    engine_absorb(cx, absorb_one, cx->catalog, &overflow);
    if (overflow)
        catalog_forget(cx->catalog);
}

uint64_t
catalog_version(Ctx *cx)
{
    return cx->catalog->version;
}

/* ---- building a TableInfo from rows ---------------------------------------------------------------------- */

static int
by_attnum(const void *a, const void *b)
{
    const CatalogRow *x = a, *y = b;

    return x->values[COL_PG_ATTRIBUTE_attnum].i16 - y->values[COL_PG_ATTRIBUTE_attnum].i16;
}

static const char *
keep_text(Catalog *c, Value v)
{
    return v.is_null ? NULL : arena_strndup(&c->cache, v.var.data, v.var.bytes);
}

/* Values of rows older than a column (ADD COLUMN ... DEFAULT): attmissingval holds an array of one. */
static Status
missing_cell(Ctx *cx, Catalog *c, const ColumnInfo *k, const Value *row, Cell *out)
{
    Value array = row[COL_PG_ATTRIBUTE_attmissingval], v;
    ArrayView view;

    *out = (Cell){NULL, 0};
    if (array.is_null)
        return ST_OK;
    view = array_open(value_copy(&c->cache, array).var);
    if (view.count != 1)
        return fail(cx, ST_CORRUPT, "XX001", "column \"%s\" has no valid value for older rows", k->name);
    v = array_at(&view, 0);
    return heap_cell(cx, &c->cache, k, &v, arena_zalloc(&c->cache, sizeof(Interval)), out);
}

/* What ANALYZE has found. */
static Status
load_statistics(Ctx *cx, Oid table, ColumnInfo *columns, int column_count)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_STATISTIC, COL_PG_STATISTIC_starelid, value_oid(table), 0, value_null(), &rows,
                     &count));
    for (int i = 0; i < count; i++) {
        int column = rows[i].values[COL_PG_STATISTIC_staattnum].i16;

        if (column < 1 || column > column_count)
            continue;
        columns[column - 1].distinct = (double)rows[i].values[COL_PG_STATISTIC_stadistinct].f32;
        columns[column - 1].null_fraction = (double)rows[i].values[COL_PG_STATISTIC_stanullfrac].f32;
    }
    return ST_OK;
}

static void
load_acl(Catalog *c, Value stored, const AclItem **items, int *count)
{
    Acl acl;

    if (stored.is_null)
        return;
    acl = acl_of_value(&c->cache, stored, 'r', OID_NONE);
    *items = acl.items;
    *count = acl.count;
}

static Status
load_columns(Ctx *cx, Catalog *c, TableInfo *t)
{
    CatalogRow *rows, *defaults;
    int count, default_count;
    ColumnInfo *columns;
    HeapColumn *layout;

    TRY(catalog_find(cx, CAT_PG_ATTRIBUTE, COL_PG_ATTRIBUTE_attrelid, value_oid(t->oid), 0, value_null(), &rows,
                     &count));
    TRY(catalog_find(cx, CAT_PG_ATTRDEF, COL_PG_ATTRDEF_adrelid, value_oid(t->oid), 0, value_null(), &defaults,
                     &default_count));
    if (count > 1)
        qsort(rows, (size_t)count, sizeof(*rows), by_attnum);
    columns = arena_array(&c->cache, ColumnInfo, MAX_OF(count, 1));
    layout = arena_array(&c->cache, HeapColumn, MAX_OF(count, 1));
    for (int i = 0; i < count; i++) {
        const Value *row = rows[i].values;
        ColumnInfo *k = &columns[i];
        const TypeInfo *type;

        k->name = keep_text(c, row[COL_PG_ATTRIBUTE_attname]);
        k->dropped = row[COL_PG_ATTRIBUTE_attisdropped].b;
        k->typmod = row[COL_PG_ATTRIBUTE_atttypmod].i32;
        /* a dropped column has lost its type but not its place: attlen and attalign keep its width */
        k->type = k->dropped ? (Oid)row[COL_PG_ATTRIBUTE_attndims].i32 : row[COL_PG_ATTRIBUTE_atttypid].u32;
        type = type_by_oid(k->type);
        if (type == NULL)
            return fail(cx, ST_CORRUPT, "XX001", "column \"%s\" of relation \"%s\" has an unknown type %u",
                        k->name, t->name, k->type);
        k->phys = type_column_phys(type, k->typmod, &k->scale);
        load_acl(c, row[COL_PG_ATTRIBUTE_attacl], &k->acl, &k->acl_count);
        k->not_null = row[COL_PG_ATTRIBUTE_attnotnull].b;
        if (row[COL_PG_ATTRIBUTE_attidentity].var.bytes > 0)
            k->identity = row[COL_PG_ATTRIBUTE_attidentity].var.data[0];
        layout[i] = (HeapColumn){
            .width = k->phys == PHYS_VAR ? 0 : (uint8_t)phys_bytes(k->phys),
            .not_null_hint = k->not_null,
            .out_of_line = k->phys == PHYS_VAR,
            .padded_chars = column_padded_chars(k),
        };
        TRY(missing_cell(cx, c, k, row, &layout[i].missing));
    }
    for (int i = 0; i < default_count; i++) {
        int column = defaults[i].values[COL_PG_ATTRDEF_adnum].i16;

        if (column >= 1 && column <= count)
            columns[column - 1].default_text = keep_text(c, defaults[i].values[COL_PG_ATTRDEF_adbin]);
    }
    TRY(load_statistics(cx, t->oid, columns, count));
    t->columns = columns;
    t->column_count = count;
    t->heap.layout = (HeapLayout){(uint16_t)count, layout};
    return ST_OK;
}

/* Splits the text of pg_index.indexprs: one expression after the other, each behind its length. */
static const char *
next_expression(Catalog *c, const char **at)
{
    char *end;
    unsigned long bytes = strtoul(*at, &end, 10);
    const char *text;

    if (end == *at || *end != ':')
        return NULL;
    text = arena_strndup(&c->cache, end + 1, bytes);
    *at = end + 1 + bytes;
    return text;
}

static Status
load_index(Ctx *cx, Catalog *c, const TableInfo *t, const Value *row, IndexInfo *x)
{
    CatalogRow *class_rows;
    RelOptions storage;
    int class_count, key_count = row[COL_PG_INDEX_indnkeyatts].i16;
    const char *exprs = value_cstring(cx, row[COL_PG_INDEX_indexprs]);
    int16_t columns[INDEX_KEYS_MOST], options[INDEX_KEYS_MOST];

    x->oid = row[COL_PG_INDEX_indexrelid].u32;
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(x->oid), 0, value_null(), &class_rows,
                     &class_count));
    if (class_count != 1 || key_count < 1 || key_count > INDEX_KEYS_MOST)
        return fail(cx, ST_CORRUPT, "XX001", "index %u of relation \"%s\" has no valid description", x->oid,
                    t->name);
    TRY(vector_int2_read(cx, row[COL_PG_INDEX_indkey], columns, key_count));
    TRY(vector_int2_read(cx, row[COL_PG_INDEX_indoption], options, key_count));
    TRY(rel_options_read(cx, class_rows[0].values[COL_PG_CLASS_reloptions], REL_OPTION_BTREE, &storage));
    x->name = keep_text(c, class_rows[0].values[COL_PG_CLASS_relname]);
    x->unique = row[COL_PG_INDEX_indisunique].b;
    x->primary = row[COL_PG_INDEX_indisprimary].b;
    x->nulls_not_distinct = row[COL_PG_INDEX_indnullsnotdistinct].b;
    x->predicate = keep_text(c, row[COL_PG_INDEX_indpred]);
    x->btree = (BtreeRel){c->branch,
                          class_rows[0].values[COL_PG_CLASS_relfilenode].u32,
                          t->heap.persistence,
                          x->unique,
                          storage.fill_percent,
                          x->name};
    x->key_count = key_count;
    for (int k = 0; k < key_count; k++) {
        IndexKey *key = &x->keys[k];

        key->column = columns[k];
        key->descending = (options[k] & 1) != 0;
        key->nulls_first = (options[k] & 2) != 0;
        if (key->column > 0) {
            key->type = t->columns[key->column - 1].type;
        } else {
            CatalogRow *attributes;
            int attribute_count;

            key->expression = exprs != NULL ? next_expression(c, &exprs) : NULL;
            TRY(catalog_find(cx, CAT_PG_ATTRIBUTE, COL_PG_ATTRIBUTE_attrelid, value_oid(x->oid),
                             COL_PG_ATTRIBUTE_attnum, (Value){.i16 = (int16_t)(k + 1), .phys = PHYS_I16},
                             &attributes, &attribute_count));
            if (key->expression == NULL || attribute_count != 1)
                return fail(cx, ST_CORRUPT, "XX001", "index \"%s\" has no valid description", x->name);
            key->type = attributes[0].values[COL_PG_ATTRIBUTE_atttypid].u32;
        }
    }
    return ST_OK;
}

static Status
load_indexes(Ctx *cx, Catalog *c, TableInfo *t)
{
    CatalogRow *rows;
    int count;
    IndexInfo *indexes;

    TRY(catalog_find(cx, CAT_PG_INDEX, COL_PG_INDEX_indrelid, value_oid(t->oid), 0, value_null(), &rows,
                     &count));
    indexes = arena_array(&c->cache, IndexInfo, MAX_OF(count, 1));
    for (int i = 0; i < count; i++)
        TRY(load_index(cx, c, t, rows[i].values, &indexes[i]));
    t->indexes = indexes;
    t->index_count = count;
    return ST_OK;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const CheckInfo *)a)->name, ((const CheckInfo *)b)->name);
}

static Status
load_constraints(Ctx *cx, Catalog *c, TableInfo *t)
{
    CatalogRow *rows;
    int count;
    CheckInfo *checks;

    TRY(catalog_find(cx, CAT_PG_CONSTRAINT, COL_PG_CONSTRAINT_conrelid, value_oid(t->oid), 0, value_null(),
                     &rows, &count));
    checks = arena_array(&c->cache, CheckInfo, MAX_OF(count, 1));
    for (int i = 0; i < count; i++) {
        const Value *row = rows[i].values;

        if (row[COL_PG_CONSTRAINT_contype].var.data[0] == 'c') {
            checks[t->check_count].name = keep_text(c, row[COL_PG_CONSTRAINT_conname]);
            checks[t->check_count++].text = keep_text(c, row[COL_PG_CONSTRAINT_conbin]);
        } else {
            for (int k = 0; k < t->index_count; k++) {
                if (t->indexes[k].oid == row[COL_PG_CONSTRAINT_conindid].u32)
                    ((IndexInfo *)(uintptr_t)t->indexes)[k].is_constraint = true;
            }
        }
    }
    qsort(checks, (size_t)t->check_count, sizeof(*checks), by_name);
    t->checks = checks;
    return ST_OK;
}

static TableKind
kind_of(char relkind)
{
    return relkind == 'i' ? TABLE_INDEX : relkind == 'S' ? TABLE_SEQUENCE : TABLE_HEAP;
}

static Status
load_table(Ctx *cx, Catalog *c, const Value *row, CachedTable **out)
{
    CachedTable *entry = arena_new(&c->cache, CachedTable);
    TableInfo *t = &entry->info;
    RelOptions options;
    const char *schema;
    uint32_t b;

    t->oid = row[COL_PG_CLASS_oid].u32;
    t->name = keep_text(c, row[COL_PG_CLASS_relname]);
    t->schema = row[COL_PG_CLASS_relnamespace].u32;
    TRY(catalog_schema_name(cx, t->schema, &schema));
    t->schema_name = schema != NULL ? arena_strdup(&c->cache, schema) : "";
    t->owner = row[COL_PG_CLASS_relowner].u32;
    load_acl(c, row[COL_PG_CLASS_relacl], &t->acl, &t->acl_count);
    t->row_estimate = row[COL_PG_CLASS_reltuples].f32;
    t->page_estimate = row[COL_PG_CLASS_relpages].i32;
    entry->relkind = row[COL_PG_CLASS_relkind].var.data[0];
    t->kind = kind_of(entry->relkind);
    t->heap.name = t->name;
    t->heap.branch = c->branch;
    t->heap.relation = row[COL_PG_CLASS_relfilenode].u32;
    t->heap.toast_relation = row[COL_PG_CLASS_reltoastrelid].u32;
    t->heap.persistence = row[COL_PG_CLASS_relpersistence].var.data[0] == 'u'   ? PERSIST_UNLOGGED
                          : row[COL_PG_CLASS_relpersistence].var.data[0] == 't' ? PERSIST_TEMPORARY
                                                                                : PERSIST_PERMANENT;
    TRY(load_columns(cx, c, t));
    if (t->kind == TABLE_HEAP) {
        TRY(rel_options_read(cx, row[COL_PG_CLASS_reloptions], REL_OPTION_TABLE, &options));
        t->heap.fill_percent = options.fill_percent;
        TRY(load_indexes(cx, c, t));
        TRY(load_constraints(cx, c, t));
    }
    b = bucket(t->oid);
    entry->next = c->by_oid[b];
    c->by_oid[b] = entry;
    *out = entry;
    return ST_OK;
}

/* ---- look-ups ----------------------------------------------------------------------------------------------- */

/* Without looking at rows; NULL if that needs one. */
static const TableInfo *
known_table(Ctx *cx, Oid oid)
{
    CatalogNo no;

    for (const CachedTable *entry = cx->catalog->by_oid[bucket(oid)]; entry != NULL; entry = entry->next) {
        if (entry->info.oid == oid)
            return &entry->info;
    }
    return catalog_no_of_oid(oid, &no) ? catalog_relation(cx, no) : system_relation_by_oid(oid);
}

static Status
cached_table(Ctx *cx, Oid oid, const TableInfo **out)
{
    CatalogRow *rows;
    CachedTable *entry;
    int count;

    *out = known_table(cx, oid);
    if (*out != NULL)
        return ST_OK;
    for (;;) {
        uint64_t version = catalog_version(cx);
        Status rc;

        TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(oid), 0, value_null(), &rows, &count));
        if (count == 0)
            return ST_OK;
        rc = load_table(cx, cx->catalog, rows[0].values, &entry);
        if (rc == ST_OK) {
            *out = &entry->info;
            return ST_OK;
        }
        if (rc != ST_CORRUPT)
            return rc;
        catalog_absorb(
            cx); /* without a lock, rows may go between two look-ups: K1 tells us, and we look again */
        if (catalog_version(cx) == version)
            return rc;
        ctx_error_clear(cx);
    }
}

static LockKey
relation_key(Ctx *cx, Oid oid)
{
    return (LockKey){.branch = cx->catalog->branch, .a = oid, .kind = LOCK_KIND_RELATION};
}

Status
catalog_table_by_oid(Ctx *cx, Oid oid, LockMode lock, const TableInfo **out)
{
    const TableInfo *t = known_table(cx, oid);

    if (lock == LOCK_NONE ||
        (t != NULL && (t->kind == TABLE_CATALOG || t->kind == TABLE_VIRTUAL || t->kind == TABLE_VIEW)))
        return cached_table(cx, oid, out);
    /* its rows are read with the lock, so that nobody takes some of them away meanwhile */
    TRY(lock_acquire(cx, relation_key(cx, oid), lock, LOCK_SPAN_TRANSACTION, false));
    catalog_absorb(cx); /* K1: what we waited for may have changed it */
    return cached_table(cx, oid, out);
}

Status
catalog_find_relation(Ctx *cx, Oid schema, const char *name, Oid *oid, char *relkind)
{
    CatalogRow *rows;
    int count;

    *oid = OID_NONE;
    if (schema == SCHEMA_PG_CATALOG || schema == SCHEMA_INFORMATION_SCHEMA) {
        CatalogNo no;
        const TableInfo *t = schema == SCHEMA_PG_CATALOG && catalog_no_of_name(name, &no)
                                 ? catalog_relation(cx, no)
                                 : system_relation_by_name(schema, name);

        if (t != NULL) {
            *oid = t->oid;
            *relkind = t->kind == TABLE_CATALOG ? 'r' : 'v';
        }
        return ST_OK;
    }
    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_relname, value_name(cx, name), COL_PG_CLASS_relnamespace,
                     value_oid(schema), &rows, &count));
    if (count > 0) {
        *oid = rows[0].values[COL_PG_CLASS_oid].u32;
        *relkind = rows[0].values[COL_PG_CLASS_relkind].var.data[0];
    }
    return ST_OK;
}

/* Without the cache of names. */
static Status
search_oid(Ctx *cx, const char *schema, const char *name, Oid *oid)
{
    Oid schemas[64];
    int count;
    char relkind;
    bool usable;

    *oid = OID_NONE;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    if (schema != NULL) {
        Oid s;

        TRY(catalog_find_schema(cx, schema, &s));
        if (s == OID_NONE)
            return fail(cx, ST_ERROR, "42P01", "relation \"%s.%s\" does not exist", schema, name);
        TRY(acl_schema_has(cx, s, ACL_USAGE, &usable));
        if (!usable)
            return fail(cx, ST_ERROR, "42501", "permission denied for schema %s", schema);
        return catalog_find_relation(cx, s, name, oid, &relkind);
    }
    TRY(catalog_search_path(cx, true, schemas, COUNT_OF(schemas), &count));
    for (int i = 0; i < count && *oid == OID_NONE; i++)
        TRY(catalog_find_relation(cx, schemas[i], name, oid, &relkind));
    return ST_OK;
}

static bool
is_name(const CachedName *n, const char *schema, const char *name)
{
    if (strcmp(n->name, name) != 0 || (n->schema == NULL) != (schema == NULL))
        return false;
    return schema == NULL || strcmp(n->schema, schema) == 0;
}

static Status
find_oid(Ctx *cx, const char *schema, const char *name, Oid *oid)
{
    Catalog *c = cx->catalog;
    CachedName **bucket = &c->by_name[hash_bytes(name, strlen(name)) % COUNT_OF(c->by_name)], *n;
    uint64_t version = c->version;

    for (n = *bucket; n != NULL; n = n->next) {
        if (is_name(n, schema, name)) {
            *oid = n->oid;
            return ST_OK;
        }
    }
    TRY(search_oid(cx, schema, name, oid));
    if (*oid == OID_NONE || c->version != version)
        return ST_OK;
    n = arena_new(&c->names, CachedName);
    n->schema = schema != NULL ? arena_strdup(&c->names, schema) : NULL;
    n->name = arena_strdup(&c->names, name);
    n->oid = *oid;
    n->next = *bucket;
    *bucket = n;
    return ST_OK;
}

Status
catalog_find_table(Ctx *cx, const char *schema, const char *name, LockMode lock, const TableInfo **out)
{
    for (;;) {
        Oid oid, again;

        *out = NULL;
        TRY(find_oid(cx, schema, name, &oid));
        if (oid == OID_NONE)
            return ST_OK;
        TRY(catalog_table_by_oid(cx, oid, lock, out));
        if (*out != NULL &&
            ((*out)->kind != TABLE_HEAP && (*out)->kind != TABLE_SEQUENCE && (*out)->kind != TABLE_INDEX))
            return ST_OK;
        TRY(find_oid(cx, schema, name, &again)); /* the name may mean another relation by now */
        if (again == oid && *out != NULL)
            return ST_OK;
        if (*out != NULL && lock != LOCK_NONE) /* it has another name, and is none of our business */
            (void)lock_release(cx, relation_key(cx, oid), lock, LOCK_SPAN_TRANSACTION);
    }
}

Status
catalog_fail_no_table(Ctx *cx, const char *schema, const char *name)
{
    return fail(cx, ST_ERROR, "42P01", "relation \"%s%s%s\" does not exist", schema != NULL ? schema : "",
                schema != NULL ? "." : "", name);
}

Status
catalog_need_table(Ctx *cx, const char *schema, const char *name, LockMode lock, const TableInfo **out)
{
    TRY(catalog_find_table(cx, schema, name, lock, out));
    return *out != NULL ? ST_OK : catalog_fail_no_table(cx, schema, name);
}
