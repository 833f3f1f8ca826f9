/* check.c - see check.h.
 *
 * Of each table: every page by itself; every row that is alive can be read, long values included; each index as a tree; and
 * the two against each other: the keys of the living rows, made as for a new index and sorted, are met in the order of the
 * tree, and what the tree has besides leads to rows that are dead but still there.
 *
 * At the end: storage that no database knows of, as what is left of a drop that was not finished. */
#include "backend/command/check.h"

#include <stdlib.h>

#include "backend/command/ddl.h"
#include "storage/check/damage.h"
#include "storage/rel/rel.h"
#include "storage/seq/seq.h"

enum { ENTRIES = 256, COMPLAINTS_MOST = 20 };

typedef struct Storage {
    BranchId branch;
    RelationId relation;
} Storage;

typedef struct Check {
    Ctx *cx;
    CheckReport *report;
    Arena arena; /* of the catalog of the database */
    const char *database;
    const char *object; /* being looked at */
    Storage *known; /* malloc: what the databases know of */
    uint32_t known_count, known_capacity;
} Check;

static void
complain(Check *c, const char *what)
{
    c->report->damages++;
    c->report->found(c->report->arg, c->object, what);
}

static void
found(void *arg, PageId where, const char *what)
{
    Check *c = arg;

    complain(c, where.block == DAMAGE_NO_BLOCK ? what
                                               : arena_printf(c->cx->arena, "block %u: %s", where.block, what));
}

/* Is the error just recorded that of a page which is damaged, or can not be read? */
static bool
is_of_page(const Check *c, Status rc)
{
    return rc == ST_CORRUPT || (rc == ST_IO && c->cx->error.has_page);
}

/* The error just recorded is one of the object. Others end the check. */
static Status
note_failure(Check *c, Status rc)
{
    if (!is_of_page(c, rc) && rc != ST_ERROR)
        return rc;
    complain(c, arena_strdup(c->cx->arena, c->cx->error.message));
    ctx_error_clear(c->cx);
    return ST_OK;
}

static void
name_object(Check *c, const char *kind, const TableInfo *t, const char *index)
{
    if (index != NULL)
        c->object = arena_printf(c->cx->arena, "database \"%s\", %s \"%s.%s\" of table \"%s\"", c->database,
                                 kind, t->schema_name, index, t->name);
    else
        c->object = arena_printf(c->cx->arena, "database \"%s\", %s \"%s.%s\"", c->database, kind,
                                 t->schema_name, t->name);
}

static Status
know(Check *c, BranchId branch, RelationId relation)
{
    if (c->known_count == c->known_capacity) {
        uint32_t capacity = MAX_OF(1024u, c->known_capacity * 2);
        Storage *known = realloc(c->known, capacity * sizeof(*known));

        if (known == NULL)
            return fail(c->cx, ST_NO_MEMORY, "53200", "out of memory");
        c->known = known;
        c->known_capacity = capacity;
    }
    c->known[c->known_count++] = (Storage){branch, relation};
    return ST_OK;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static Status
read_page_rows(Check *c, const TableInfo *t, HeapScan *scan, const HeapPageView *view)
{
    for (uint32_t k = 0; k < view->visible_count; k++) {
        for (int column = 0; column < t->heap.layout.column_count; column++) {
            ArenaMark mark = arena_mark(c->cx->arena);
            Cell cell;
            Status rc;

            if (t->heap.layout.columns[column].width != 0)
                continue;
            rc = heap_view_cell(c->cx, scan, view, (uint16_t)column, view->visible[k], &cell);
            arena_rewind(c->cx->arena, mark);
            if (is_of_page(c, rc)) {
                Tid tid = heap_view_tid(view, view->visible[k]);

                complain(c, arena_printf(c->cx->arena, "row (%u,%u), column %d: %s", tid_block(tid),
                                         tid_slot(tid), column + 1, c->cx->error.message));
                ctx_error_clear(c->cx);
                continue;
            }
            TRY(rc);
        }
    }
    c->report->rows += view->visible_count;
    return ST_OK;
}

/* One block at a time: a page that cannot be read must not hide those behind it. */
static Status
read_rows(Check *c, const TableInfo *t)
{
    BlockNo length = rel_length(c->cx, t->heap.branch, t->heap.relation, FORK_MAIN);
    Snapshot snapshot;

    TRY(txn_catalog_snapshot(c->cx, &snapshot));
    for (BlockNo block = 0; block < length; block++) {
        ArenaMark mark = arena_mark(c->cx->arena);
        HeapScan *scan = NULL;
        HeapPageView view;
        bool done = true;
        Status rc = heap_scan_open(c->cx, c->cx->arena, &t->heap, &snapshot, block, block + 1, &scan);

        if (rc == ST_OK)
            rc = heap_scan_next(c->cx, scan, &view, &done);
        if (rc == ST_OK && !done)
            rc = read_page_rows(c, t, scan, &view);
        heap_scan_close(c->cx, scan);
        if (is_of_page(c, rc)) { /* the page: reported already */
            ctx_error_clear(c->cx);
            rc = ST_OK;
        }
        arena_rewind(c->cx->arena, mark);
        TRY(rc);
    }
    return ST_OK;
}

/* ---- indexes against rows ---------------------------------------------------------------------------------------- */

/* The tree's entries, one after the other. */
typedef struct Entries {
    Check *check;
    const TableInfo *table;
    BtreeScan *scan;
    Tid tids[ENTRIES];
    BtreeKey keys[ENTRIES];
    uint32_t at, count;
    uint64_t complaints;
} Entries;

static Status
entry_now(Entries *e, bool *there)
{
    if (e->at == e->count) {
        e->at = 0;
        TRY(btree_scan_next(e->check->cx, e->scan, ENTRIES, e->tids, e->keys, &e->count));
    }
    *there = e->count > 0;
    return ST_OK;
}

static int
compare_entry(const Entries *e, BtreeKey key, Tid tid)
{
    BtreeKey own = e->keys[e->at];
    int c = memcmp(own.data, key.data, MIN_OF(own.bytes, key.bytes));

    if (c == 0)
        c = (own.bytes > key.bytes) - (own.bytes < key.bytes);
    return c != 0 ? c : (e->tids[e->at] > tid) - (e->tids[e->at] < tid);
}

static void
complain_entry(Entries *e, const char *what, Tid tid)
{
    if (e->complaints++ < COMPLAINTS_MOST)
        complain(e->check, arena_printf(e->check->cx->arena, what, tid_block(tid), tid_slot(tid)));
    else
        e->check->report->damages++;
}

/* An entry that no living row has made. */
static Status
pass_entry(Entries *e)
{
    Tid tid = e->tids[e->at++];
    bool has;

    TRY(heap_has_root(e->check->cx, &e->table->heap, tid, &has));
    if (!has)
        complain_entry(e, "an entry leads to row (%u,%u), which is not there", tid);
    return ST_OK;
}

static Status
meet_key(void *arg, BtreeKey key, Tid tid)
{
    Entries *e = arg;
    bool there;

    for (;;) {
        int c;

        TRY(entry_now(e, &there));
        c = there ? compare_entry(e, key, tid) : 1;
        if (c < 0) {
            TRY(pass_entry(e));
            continue;
        }
        if (c == 0)
            e->at++;
        else
            complain_entry(e, "row (%u,%u) has no entry", tid);
        return ST_OK;
    }
}

static Status
compare_with_rows(Check *c, const TableInfo *t, int index_no)
{
    Entries *e = arena_new(c->cx->arena, Entries);
    BtreeBound all = {0};
    bool there = true;

    e->check = c;
    e->table = t;
    TRY(btree_scan_open(c->cx, c->cx->arena, &t->indexes[index_no].btree, all, all, false, &e->scan));
    TRY(ddl_index_keys(c->cx, t, index_no, meet_key, e));
    for (;;) {
        TRY(entry_now(e, &there));
        if (!there)
            break;
        TRY(pass_entry(e));
    }
    btree_scan_close(c->cx, e->scan);
    return ST_OK;
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static Status
check_index(Check *c, const TableInfo *t, int index_no, bool heap_readable)
{
    const IndexInfo *x = &t->indexes[index_no];
    DamageReport damage = {.found = found, .arg = c};
    BtreeVerified verified;

    name_object(c, "index", t, x->name);
    TRY(know(c, x->btree.branch, x->btree.relation));
    TRY(btree_verify(c->cx, &x->btree, &damage, &verified));
    c->report->indexes++;
    c->report->pages += verified.pages;
    c->report->entries += verified.entries;
    if (damage.count > 0 || !verified.whole || !heap_readable)
        return ST_OK; /* the two cannot be compared */
    return compare_with_rows(c, t, index_no);
}

static Status
check_chunks(Check *c, const TableInfo *t, DamageReport *damage)
{
    HeapRel toast = t->heap;
    HeapVerified verified;

    if (toast.toast_relation == RELATION_NONE)
        return ST_OK;
    toast.relation = toast.toast_relation;
    TRY(know(c, toast.branch, toast.relation));
    c->object = arena_printf(c->cx->arena, "%s, long values", c->object);
    TRY(heap_verify(c->cx, &toast, damage, &verified));
    c->report->pages += verified.pages;
    name_object(c, "table", t, NULL);
    return ST_OK;
}

static Status
check_heap(Check *c, const TableInfo *t, bool *readable)
{
    DamageReport damage = {.found = found, .arg = c};
    HeapVerified verified;

    name_object(c, "table", t, NULL);
    *readable = false;
    TRY(know(c, t->heap.branch, t->heap.relation));
    TRY(heap_verify(c->cx, &t->heap, &damage, &verified));
    c->report->tables++;
    c->report->pages += verified.pages;
    TRY(check_chunks(c, t, &damage));
    if (damage.count > verified.unreadable) /* what is on them cannot be believed */
        return ST_OK;
    *readable = verified.unreadable == 0;
    return read_rows(c, t);
}

static Status
check_table(Check *c, const TableInfo *t)
{
    Arena *saved = c->cx->arena, arena;
    bool readable;
    Status rc;

    arena_init(&arena, "check of a table", NULL);
    c->cx->arena = &arena;
    rc = note_failure(c, check_heap(c, t, &readable));
    for (int i = 0; i < t->index_count && rc == ST_OK; i++)
        rc = note_failure(c, check_index(c, t, i, readable));
    c->cx->arena = saved;
    arena_free(&arena);
    return rc;
}

static Status
check_sequence(Check *c, const TableInfo *t)
{
    SeqState state;

    name_object(c, "sequence", t, NULL);
    c->report->sequences++;
    TRY(know(c, t->heap.branch, t->heap.relation));
    return note_failure(c, seq_read(c->cx, t->heap.branch, t->heap.relation, &state));
}

/* What pg_class has of users. */
static Status
check_user_objects(Check *c)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(c->cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        Oid oid = rows[i].values[COL_PG_CLASS_oid].u32;
        char kind = rows[i].values[COL_PG_CLASS_relkind].var.data[0];
        const TableInfo *t;

        if (kind != 'r' && kind != 'S')
            continue;
        if (rows[i].values[COL_PG_CLASS_relpersistence].var.data[0] == 't')
            continue; /* its session is gone, and its storage; who takes its place will drop it */
        c->object = arena_printf(c->cx->arena, "database \"%s\", relation with OID %u", c->database, oid);
        TRY(note_failure(c, catalog_table_by_oid(c->cx, oid, LOCK_NONE, &t)));
        if (t == NULL)
            continue;
        TRY(t->kind == TABLE_SEQUENCE ? check_sequence(c, t)
            : t->kind == TABLE_HEAP   ? check_table(c, t)
                                      : ST_OK);
    }
    return ST_OK;
}

/* Those of the database, and with the first one those that all share. */
static Status
check_catalogs(Check *c, bool shared)
{
    for (int no = 0; no < CAT_COUNT; no++) {
        const TableInfo *t = catalog_relation(c->cx, (CatalogNo)no);

        if (t->heap.branch != BRANCH_SHARED || shared)
            TRY(check_table(c, t));
    }
    return ST_OK;
}

static Status
enter(Check *c, Oid oid, BranchId branch)
{
    catalog_close(c->cx);
    arena_reset(&c->arena);
    TRY(catalog_open(c->cx, &c->arena));
    catalog_set_role(c->cx, ROLE_BOOTSTRAP, "postgres", true);
    if (oid != OID_NONE)
        catalog_set_database(c->cx, oid, branch, c->database);
    return ST_OK;
}

static Status
check_database(Check *c, const Value *row, bool first)
{
    Status rc;

    c->database = arena_strdup(c->cx->arena, value_cstring(c->cx, row[COL_PG_DATABASE_datname]));
    c->object = arena_printf(c->cx->arena, "database \"%s\"", c->database);
    TRY(enter(c, row[COL_PG_DATABASE_oid].u32, row[COL_PG_DATABASE_datfrozenxid].u32));
    c->report->databases++;
    TRY(check_catalogs(c, first));
    rc = check_user_objects(c);
    c->object = arena_printf(c->cx->arena, "database \"%s\", its list of relations", c->database);
    return note_failure(c, rc);
}

static Status
check_all(Check *c)
{
    CatalogRow *rows;
    int count;

    c->database = "";
    c->object = "the list of databases";
    TRY(enter(c, OID_NONE, BRANCH_SHARED));
    TRY(catalog_find(c->cx, CAT_PG_DATABASE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++)
        TRY(check_database(c, rows[i].values, i == 0));
    return ST_OK;
}

/* ---- storage of nobody ------------------------------------------------------------------------------------------- */

static int
compare_storage(const void *a, const void *b)
{
    const Storage *x = a, *y = b;

    if (x->branch != y->branch)
        return x->branch < y->branch ? -1 : 1;
    return (x->relation > y->relation) - (x->relation < y->relation);
}

static void
meet_storage(void *arg, BranchId branch, RelationId relation)
{
    Check *c = arg;
    Storage key = {branch, relation};

    if (bsearch(&key, c->known, c->known_count, sizeof(key), compare_storage) == NULL)
        complain(c, arena_printf(c->cx->arena, "relation %u/%u belongs to no table of any database", branch,
                                 relation));
}

/* Where something is damaged, what the rest of it knows of cannot be told. */
static void
check_storage(Check *c)
{
    if (c->report->damages > 0)
        return;
    c->object = "page store";
    qsort(c->known, c->known_count, sizeof(Storage), compare_storage);
    rel_each_kept(c->cx, meet_storage, c);
}

Status
check_databases(Ctx *cx, CheckReport *report)
{
    Check c = {.cx = cx, .report = report};
    Status rc;

    arena_init(&c.arena, "check", NULL);
    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = note_failure(&c, check_all(&c));
    if (rc == ST_OK)
        check_storage(&c);
    free(c.known);
    txn_abort(cx);
    catalog_close(cx);
    arena_free(&c.arena);
    return rc;
}
