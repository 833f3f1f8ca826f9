/* ddl_index.c - CREATE INDEX, PRIMARY KEY, UNIQUE: catalog rows, then a tree built from sorted keys. */
#include "backend/command/ddl.h"

#include "backend/exec/heap_read.h"
#include "backend/exec/row_write.h"
#include "base/bytes.h"
#include "storage/engine/engine.h"

#include <stdlib.h>

/* ---- building ---------------------------------------------------------------------------------------------------- */

typedef struct Entry {
    uint64_t head; /* the key's first bytes, big-endian */
    const char *key;
    uint32_t bytes;
    bool has_null;
    Tid tid;
} Entry;

typedef struct Entries {
    Arena arena;
    Entry *items;
    uint64_t count, capacity;
} Entries;

static int
compare_entries(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    int c;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    c = memcmp(x->key, y->key, MIN_OF(x->bytes, y->bytes));
    if (c != 0)
        return c;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static Status
fail_build_memory(Ctx *cx, uint64_t bytes)
{
    Status rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");

    fail_detail(cx, "Failed on request of size %llu.", (unsigned long long)bytes);
    return rc;
}

static Status
push_entry(Ctx *cx, Entries *e, const Buf *key, bool has_null, Tid tid)
{
    char *copy, head[8] = {0};

    if (e->count == e->capacity) {
        uint64_t capacity = MAX_OF((uint64_t)4096, e->capacity * 2);
        Entry *items = budget_take(e->arena.budget, sizeof(*items) * capacity)
                           ? realloc(e->items, sizeof(*items) * capacity)
                           : NULL;

        if (items == NULL)
            return fail_build_memory(cx, sizeof(*items) * capacity);
        budget_give(e->arena.budget, sizeof(*items) * e->capacity);
        e->items = items;
        e->capacity = capacity;
    }
    copy = key->failed ? NULL : arena_try_alloc(&e->arena, key->bytes);
    if (copy == NULL)
        return fail_build_memory(cx, key->bytes);
    memcpy(copy, key->data, key->bytes);
    memcpy(head, copy, MIN_OF(key->bytes, sizeof(head)));
    e->items[e->count++] = (Entry){get_be64(head), copy, (uint32_t)key->bytes, has_null, tid};
    return ST_OK;
}

/* A page's rows: only the columns the index needs are read. */
static Status
collect_page(Ctx *cx, RowWriter *w, const TableInfo *t, int index_no, const bool *needed, HeapScan *scan,
             const HeapPageView *view, Entries *e, Buf *key)
{
    Value *values = arena_array(cx->arena, Value, MAX_OF(t->column_count, 1));

    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        bool has_null, skip;

        for (int c = 0; c < t->column_count; c++) {
            Cell cell;

            values[c] = value_null();
            if (!needed[c])
                continue;
            TRY(heap_view_cell(cx, scan, view, (uint16_t)c, slot, &cell));
            values[c] = heap_cell_value(&t->columns[c], &cell);
        }
        buf_clear(key);
        TRY(row_writer_key(w, index_no, values, key, &has_null, &skip));
        if (!skip)
            TRY(push_entry(cx, e, key, has_null, heap_view_tid(view, slot)));
    }
    return ST_OK;
}

static Status
collect(Ctx *cx, const TableInfo *t, int index_no, Entries *e)
{
    const IndexInfo *x = &t->indexes[index_no];
    bool *needed = arena_array(cx->arena, bool, MAX_OF(t->column_count, 1));
    Arena *saved = cx->arena, page_arena, scan_arena;
    RowWriter *w = NULL;
    HeapScan *scan = NULL;
    Snapshot snapshot;
    Buf key = {0};
    Status rc;

    for (int k = 0; k < x->key_count; k++) {
        if (x->keys[k].column > 0)
            needed[x->keys[k].column - 1] = true;
        else
            memset(needed, true, (size_t)t->column_count);
    }
    if (x->predicate != NULL)
        memset(needed, true, (size_t)t->column_count);
    arena_init(&page_arena, "index build page", saved->budget);
    arena_init(&scan_arena, "index build scan", saved->budget);
    TRY_TO(out, rc, row_writer_open(cx, saved, t, NULL, 0, 0, &w));
    TRY_TO(out, rc, txn_catalog_snapshot(cx, &snapshot)); /* everything committed, and what we did ourselves */
    TRY_TO(out, rc, heap_scan_open(cx, &scan_arena, &t->heap, &snapshot, 0, UINT32_MAX, &scan));
    for (;;) {
        HeapPageView view;
        bool done;

        cx->arena = &page_arena;
        arena_reset(&page_arena);
        TRY_TO(out, rc, ctx_poll(cx));
        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        TRY_TO(out, rc, collect_page(cx, w, t, index_no, needed, scan, &view, e, &key));
    }
out:
    cx->arena = saved;
    if (scan != NULL)
        heap_scan_close(cx, scan);
    row_writer_close(w);
    buf_free(&key);
    arena_free(&page_arena);
    arena_free(&scan_arena);
    return rc;
}

static Status
fail_build_duplicate(Ctx *cx, const TableInfo *t, const IndexInfo *x, Tid tid)
{
    HeapRow row;
    Buf names = {0}, texts = {0};
    Status rc = heap_fetch_newest(cx, &t->heap, tid, &row);

    for (int k = 0; k < x->key_count && rc == ST_OK && row.found; k++) {
        Value v = value_null();
        const TypeInfo *type = type_by_oid(x->keys[k].type);

        buf_add_text(&names, k > 0 ? ", " : "");
        buf_add_text(&texts, k > 0 ? ", " : "");
        buf_add_text(&names,
                     x->keys[k].column > 0 ? t->columns[x->keys[k].column - 1].name : x->keys[k].expression);
        if (x->keys[k].column > 0)
            rc = heap_read_value(cx, cx->arena, t, &row, x->keys[k].column, &v);
        if (rc == ST_OK && !v.is_null)
            rc = type->out(cx, type, &v, &texts);
    }
    if (rc == ST_OK || row.found)
        heap_row_release(cx, &row);
    (void)fail(cx, ST_ERROR, "23505", "could not create unique index \"%s\"", x->name);
    fail_detail(cx, "Key (%s)=(%s) is duplicated.", buf_cstr(&names), buf_cstr(&texts));
    fail_object(cx, t->schema_name, t->name, NULL, x->name);
    buf_free(&names);
    buf_free(&texts);
    return ST_ERROR;
}

Status
ddl_build_index(Ctx *cx, const TableInfo *t, int index_no)
{
    const IndexInfo *x = &t->indexes[index_no];
    Entries e = {0};
    BtreeBuild *b;
    Status rc;

    arena_init(&e.arena, "index build", cx->arena->budget);
    TRY_TO(out, rc, collect(cx, t, index_no, &e));
    if (e.count > 0)
        qsort(e.items, e.count, sizeof(*e.items), compare_entries);
    TRY_TO(out, rc, btree_build_begin(cx, cx->arena, &x->btree, &b));
    for (uint64_t i = 0; i < e.count; i++) {
        const Entry *n = &e.items[i];

        if (x->unique && i > 0 && n->bytes == n[-1].bytes && memcmp(n->key, n[-1].key, n->bytes) == 0 &&
            (!n->has_null || x->nulls_not_distinct)) {
            rc = fail_build_duplicate(cx, t, x, n->tid);
            goto out;
        }
        TRY_TO(out, rc, btree_build_add(cx, b, (BtreeKey){n->key, n->bytes}, n->tid));
        if (i % 4096 == 0)
            TRY_TO(out, rc, ctx_poll(cx));
    }
    rc = btree_build_finish(cx, b);
out:
    budget_give(e.arena.budget, sizeof(*e.items) * e.capacity);
    free(e.items);
    arena_free(&e.arena);
    return rc;
}

/* ---- catalog rows -------------------------------------------------------------------------------------------------- */

static Oid
operator_class(Oid type)
{
    switch (type) { /* PostgreSQL's default B+tree classes */
    case TYPE_INT2: return 1979;
    case TYPE_INT4: return 1978;
    case TYPE_INT8: return 3124;
    case TYPE_FLOAT4: return 1970;
    case TYPE_FLOAT8: return 3123;
    case TYPE_NUMERIC: return 3125;
    case TYPE_TEXT:
    case TYPE_VARCHAR: return 3126;
    case TYPE_BPCHAR: return 426;
    case TYPE_BYTEA: return 428;
    case TYPE_CHAR: return 429;
    case TYPE_NAME: return 10028;
    case TYPE_BOOL: return 424;
    case TYPE_DATE: return 3122;
    case TYPE_TIME: return 436;
    case TYPE_TIMETZ: return 2000;
    case TYPE_TIMESTAMP: return 3128;
    case TYPE_TIMESTAMPTZ: return 3127;
    case TYPE_INTERVAL: return 433;
    case TYPE_OID: return 1981;
    case TYPE_TID: return 2789;
    default: return 397; /* array_ops */
    }
}

static Status
insert_index_row(Ctx *cx, const NewIndex *x, Oid oid)
{
    Value *v = catalog_blank(cx, COL_PG_INDEX_COUNT_);
    int16_t columns[INDEX_KEYS_MOST], options[INDEX_KEYS_MOST];
    Oid classes[INDEX_KEYS_MOST], collations[INDEX_KEYS_MOST];
    Buf exprs = {0};

    for (int k = 0; k < x->key_count; k++) {
        const IndexKey *key = &x->keys[k];

        columns[k] = key->column;
        options[k] = (int16_t)((key->descending ? 1 : 0) | (key->nulls_first ? 2 : 0));
        classes[k] = operator_class(key->type);
        collations[k] = type_by_oid(key->type)->collation;
        if (key->column == 0)
            buf_printf(&exprs, "%zu:%s", strlen(key->expression), key->expression);
    }
    v[COL_PG_INDEX_indexrelid] = value_oid(oid);
    v[COL_PG_INDEX_indrelid] = value_oid(x->table->oid);
    v[COL_PG_INDEX_indnatts] = v[COL_PG_INDEX_indnkeyatts] =
        (Value){.i16 = (int16_t)x->key_count, .phys = PHYS_I16};
    v[COL_PG_INDEX_indisunique] = value_bool(x->unique);
    v[COL_PG_INDEX_indnullsnotdistinct] = value_bool(x->nulls_not_distinct);
    v[COL_PG_INDEX_indisprimary] = value_bool(x->primary);
    v[COL_PG_INDEX_indisexclusion] = value_bool(false);
    v[COL_PG_INDEX_indimmediate] = v[COL_PG_INDEX_indisvalid] = value_bool(true);
    v[COL_PG_INDEX_indisclustered] = v[COL_PG_INDEX_indcheckxmin] = v[COL_PG_INDEX_indisreplident] =
        value_bool(false);
    v[COL_PG_INDEX_indisready] = v[COL_PG_INDEX_indislive] = value_bool(true);
    TRY(vector_int2_make(cx, columns, x->key_count, &v[COL_PG_INDEX_indkey]));
    TRY(vector_int2_make(cx, options, x->key_count, &v[COL_PG_INDEX_indoption]));
    TRY(vector_oid_make(cx, collations, x->key_count, &v[COL_PG_INDEX_indcollation]));
    TRY(vector_oid_make(cx, classes, x->key_count, &v[COL_PG_INDEX_indclass]));
    if (exprs.bytes > 0)
        v[COL_PG_INDEX_indexprs] = value_text(cx, buf_cstr(&exprs));
    v[COL_PG_INDEX_indpred] = value_text(cx, x->predicate);
    buf_free(&exprs);
    return catalog_insert(cx, CAT_PG_INDEX, v);
}

static Status
mark_has_index(Ctx *cx, Oid table)
{
    CatalogRow *rows;
    int count;
    Value *v;

    TRY(catalog_find(cx, CAT_PG_CLASS, COL_PG_CLASS_oid, value_oid(table), 0, value_null(), &rows, &count));
    if (count == 0 || rows[0].values[COL_PG_CLASS_relhasindex].b)
        return ST_OK;
    v = arena_memdup(cx->arena, rows[0].values, sizeof(*v) * COL_PG_CLASS_COUNT_);
    v[COL_PG_CLASS_relhasindex] = value_bool(true);
    return catalog_update(cx, CAT_PG_CLASS, rows[0].tid, v);
}

Status
ddl_make_index(Session *s, const NewIndex *x, Oid *out)
{
    Ctx *cx = s->cx;
    NewClass class = {.oid = engine_next_oid(cx->engine),
                      .schema = x->schema,
                      .name = x->name,
                      .relkind = 'i',
                      .persistence = x->table->heap.persistence == PERSIST_UNLOGGED ? 'u' : 'p',
                      .column_count = x->key_count};
    const TableInfo *t;

    TRY(ddl_insert_class(cx, &class));
    for (int k = 0; k < x->key_count; k++) {
        const IndexKey *key = &x->keys[k];
        NewColumn column = {
            .name = key->column > 0 ? x->table->columns[key->column - 1].name : "expr",
            .type = key->type,
            .typmod = key->column > 0 ? x->table->columns[key->column - 1].typmod : -1,
        };

        TRY(ddl_insert_column(cx, class.oid, k + 1, &column));
    }
    TRY(insert_index_row(cx, x, class.oid));
    if (x->is_constraint)
        TRY(ddl_insert_key_constraint(cx, x, class.oid));
    TRY(mark_has_index(cx, x->table->oid));
    catalog_changed(cx, catalog_branch(cx), x->table->oid);
    TRY(catalog_table_by_oid(cx, x->table->oid, LOCK_NONE, &t));
    for (int i = 0; i < t->index_count; i++) {
        if (t->indexes[i].oid == class.oid)
            TRY(ddl_build_index(cx, t, i));
    }
    *out = class.oid;
    return ST_OK;
}

/* ---- the statements ------------------------------------------------------------------------------------------------- */

Status
ddl_add_key(Session *s, const TableInfo *t, const AstConstraint *k)
{
    Ctx *cx = s->cx;
    NewIndex x = {.table = t,
                  .schema = t->schema,
                  .unique = true,
                  .primary = k->constraint_kind == CONSTRAINT_PRIMARY,
                  .is_constraint = true,
                  .nulls_not_distinct = k->nulls_not_distinct};
    Buf columns = {0};
    Oid oid;
    Status rc;

    if (k->deferrable || k->initially_deferred)
        return fail_unsupported(cx, k->ast.location, "a deferrable constraint");
    if (k->using_index != NULL)
        return fail_unsupported(cx, k->ast.location, "USING INDEX");
    if (k->including.count > 0)
        return fail_unsupported(cx, k->ast.location, "INCLUDE");
    if (k->keys.count > INDEX_KEYS_MOST)
        return fail(cx, ST_ERROR, "54011", "cannot use more than %d columns in an index", INDEX_KEYS_MOST);
    for (int i = 0; x.primary && i < t->index_count; i++) {
        if (t->indexes[i].primary)
            return fail_at(cx, k->ast.location, "42P16",
                           "multiple primary keys for table \"%s\" are not allowed", t->name);
    }
    for (int i = 0; i < k->keys.count; i++) {
        const char *name = ((const AstString *)k->keys.items[i])->text;
        int column = table_find_column(t, name);

        if (column <= 0)
            return fail_at(cx, k->ast.location, "42703", "column \"%s\" named in key does not exist", name);
        for (int j = 0; j < i; j++) {
            if (x.keys[j].column == column)
                return fail_at(cx, k->ast.location, "42701", "column \"%s\" appears twice in %s constraint",
                               name, x.primary ? "primary key" : "unique");
        }
        if (type_by_oid(t->columns[column - 1].type)->key_encode == NULL)
            return fail(cx, ST_ERROR, "42704",
                        "data type %s has no default operator class for access method \"btree\"",
                        type_by_oid(t->columns[column - 1].type)->sql_name);
        x.keys[x.key_count++] = (IndexKey){.column = (int16_t)column, .type = t->columns[column - 1].type};
        buf_add_text(&columns, i > 0 ? "_" : "");
        buf_add_text(&columns, name);
    }
    if (k->name != NULL) {
        x.name = ddl_name(cx, k->name);
        rc = ddl_check_free(cx, x.schema, x.name, NULL);
    } else {
        rc = ddl_free_name(cx, x.schema, t->name, x.primary ? NULL : buf_cstr(&columns),
                           x.primary ? "pkey" : "key", &x.name);
    }
    buf_free(&columns);
    TRY(rc);
    return ddl_make_index(s, &x, &oid);
}

static Status
index_key(Session *s, const TableInfo *t, const AstIndexElem *e, IndexKey *key)
{
    Ctx *cx = s->cx;
    Buf text = {0};
    Expr *x;

    key->descending = e->descending;
    key->nulls_first = e->nulls_given ? e->nulls_first : e->descending;
    if (e->opclass != NULL && strstr(e->opclass, "_ops") == NULL)
        return fail(cx, ST_ERROR, "42704", "operator class \"%s\" does not exist for access method \"btree\"",
                    e->opclass);
    if (e->column != NULL) {
        int column = table_find_column(t, e->column);

        if (column == 0)
            return fail(cx, ST_ERROR, "42703", "column \"%s\" does not exist", e->column);
        if (column < 0)
            return fail_unsupported(cx, -1, "an index on a system column");
        key->column = (int16_t)column;
        key->type = t->columns[column - 1].type;
    } else {
        Status rc;

        TRY(bind_table_expression(cx, cx->arena, t, e->expr, "index expressions", OID_NONE, -1, NULL, &x));
        if (expr_is_volatile(x))
            return fail(cx, ST_ERROR, "42P17", "functions in index expression must be marked IMMUTABLE");
        key->type = x->type;
        rc = expr_deparse(cx, x, t, false, &text);
        key->expression = rc == ST_OK ? arena_strdup(cx->arena, buf_cstr(&text)) : NULL;
        buf_free(&text);
        TRY(rc);
    }
    if (type_by_oid(key->type)->key_encode == NULL) {
        Status rc = fail(cx, ST_ERROR, "42704",
                         "data type %s has no default operator class for access method \"btree\"",
                         type_by_oid(key->type)->sql_name);

        fail_hint(cx,
                  "You must specify an operator class for the index or define a default operator class for the "
                  "data type.");
        return rc;
    }
    return ST_OK;
}

static const char *
index_columns_label(Ctx *cx, const AstCreateIndex *a)
{
    Buf b = {0};
    const char *out;

    for (int i = 0; i < a->columns.count; i++) {
        const AstIndexElem *e = (const AstIndexElem *)a->columns.items[i];
        const char *name = e->column != NULL ? e->column : "expr";

        if (e->column == NULL && e->expr->kind == AST_FUNC)
            name = ((const AstFunc *)e->expr)->name;
        buf_add_text(&b, i > 0 ? "_" : "");
        buf_add_text(&b, name);
    }
    out = arena_strdup(cx->arena, buf_cstr(&b));
    buf_free(&b);
    return out;
}

Status
ddl_create_index(Session *s, const AstCreateIndex *a)
{
    Ctx *cx = s->cx;
    const TableInfo *t;
    NewIndex x = {.unique = a->unique, .nulls_not_distinct = a->nulls_not_distinct};
    bool exists = false;
    Oid oid;

    if (a->concurrent)
        return fail_unsupported(cx, -1, "CREATE INDEX CONCURRENTLY");
    if (a->method != NULL && strcmp(a->method, "btree") != 0)
        return fail_unsupported(cx, -1, arena_printf(cx->arena, "access method \"%s\"", a->method));
    if (a->including.count > 0)
        return fail_unsupported(cx, -1, "INCLUDE");
    TRY(catalog_find_table(cx, a->relation->schema, a->relation->name, LOCK_SHARE, &t));
    if (t == NULL)
        return fail(cx, ST_ERROR, "42P01", "relation \"%s\" does not exist", a->relation->name);
    if (t->kind != TABLE_HEAP)
        return fail(cx, ST_ERROR, "42809", "cannot create index on relation \"%s\"", t->name);
    TRY(ddl_check_owner(cx, t));
    if (a->columns.count > INDEX_KEYS_MOST)
        return fail(cx, ST_ERROR, "54011", "cannot use more than %d columns in an index", INDEX_KEYS_MOST);
    x.table = t;
    x.schema = t->schema;
    if (a->name != NULL) {
        x.name = ddl_name(cx, a->name);
        TRY(ddl_check_free(cx, x.schema, x.name, a->if_not_exists ? &exists : NULL));
        if (exists) {
            ctx_notice(cx, SEV_NOTICE, "42P07", "relation \"%s\" already exists, skipping", x.name);
            return ST_OK;
        }
    } else {
        TRY(ddl_free_name(cx, x.schema, t->name, index_columns_label(cx, a), "idx", &x.name));
    }
    for (int i = 0; i < a->columns.count; i++)
        TRY(index_key(s, t, (const AstIndexElem *)a->columns.items[i], &x.keys[x.key_count++]));
    if (a->where != NULL) {
        Expr *where;
        Buf text = {0};
        Status rc;

        TRY(bind_table_expression(cx, cx->arena, t, a->where, "index predicates", TYPE_BOOL, -1, NULL, &where));
        rc = expr_deparse(cx, where, t, false, &text);
        x.predicate = rc == ST_OK ? arena_strdup(cx->arena, buf_cstr(&text)) : NULL;
        buf_free(&text);
        TRY(rc);
    }
    return ddl_make_index(s, &x, &oid);
}
