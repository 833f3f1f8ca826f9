/* index_build.c - a new index from the rows that are there.
 *
 * Keys are made page by page, column-wise where the index has plain columns only, and lie one behind the
 * other in large blocks, each after its row's TID. What is sorted are small records that hold the key's
 * first bytes and point to the rest; then the tree is built from left to right. Beyond maintenance_work_mem what is
 * there is sorted and written as a run, and the runs are merged in the end (row_runs.h). */
#include "backend/command/ddl.h"

#include "backend/exec/heap_read.h"
#include "backend/exec/key.h"
#include "backend/exec/key_sort.h"
#include "backend/exec/row_runs.h"
#include "backend/exec/row_write.h"
#include "base/bytes.h"

#include <stdlib.h>

enum { BLOCK_BYTES = 1024 * 1024, TID_BEFORE_KEY = sizeof(Tid), AHEAD = 16 };

typedef struct IndexBuild {
    Ctx *cx;
    const TableInfo *table;
    int index_no;
    const IndexInfo *index;
    RowWriter *writer; /* for expressions and predicates; NULL: only plain columns */
    bool *needed; /* by column: read it */
    bool null_matters; /* keys with a null in them are no duplicates */
    Arena blocks;
    char *at, *end; /* free space of the newest block */
    KeyItem *keys;
    uint64_t count, capacity;
    Buf key;
    RowRuns runs;
} IndexBuild;

/* What a run's rows have beside the key. */
enum { RUN_TID, RUN_HAS_NULL, RUN_COLUMNS };

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* Twice the room: sorting needs as much again. */
static Status
need_keys(IndexBuild *b, uint64_t more)
{
    Budget *budget = b->blocks.budget;
    uint64_t capacity = MAX_OF((uint64_t)16384, b->capacity);
    KeyItem *keys;

    if (b->count + more <= b->capacity)
        return ST_OK;
    while (capacity < b->count + more)
        capacity += capacity / 2;
    if (capacity > UINT32_MAX || !budget_take(budget, 2 * sizeof(*keys) * (capacity - b->capacity)))
        return fail_memory(b->cx, 2 * sizeof(*keys) * capacity);
    keys = realloc(b->keys, 2 * sizeof(*keys) * capacity);
    if (keys == NULL) {
        budget_give(budget, 2 * sizeof(*keys) * (capacity - b->capacity));
        return fail_memory(b->cx, 2 * sizeof(*keys) * capacity);
    }
    b->keys = keys;
    b->capacity = capacity;
    return ST_OK;
}

/* Room for a key of so many bytes and its TID; *key is where the key goes. */
static inline Status
need_room(IndexBuild *b, size_t bytes, char **key)
{
    size_t need = ALIGN_UP(bytes + TID_BEFORE_KEY, 8);

    if (UNLIKELY((size_t)(b->end - b->at) < need)) {
        size_t block = MAX_OF(need, (size_t)BLOCK_BYTES);

        b->at = arena_try_alloc(&b->blocks, block);
        b->end = b->at != NULL ? b->at + block : NULL;
        if (b->at == NULL)
            return fail_memory(b->cx, block);
    }
    *key = b->at + TID_BEFORE_KEY;
    b->at += need;
    return ST_OK;
}

static inline Tid
tid_of(const KeyItem *k)
{
    Tid tid;

    memcpy(&tid, k->key - TID_BEFORE_KEY, sizeof(tid));
    return tid;
}

/* `row` of a KeyItem says whether the key has a null. There is room for it. */
static inline void
push_key(IndexBuild *b, char *key, uint32_t bytes, bool has_null, Tid tid)
{
    memcpy(key - TID_BEFORE_KEY, &tid, sizeof(tid));
    b->keys[b->count++] = key_item(key, bytes, has_null);
}

static Status
push_buf(IndexBuild *b, bool has_null, Tid tid)
{
    char *key = NULL;

    if (b->key.failed)
        return fail_memory(b->cx, b->key.bytes);
    TRY(need_room(b, b->key.bytes, &key));
    memcpy(key, b->key.data, b->key.bytes);
    push_key(b, key, (uint32_t)b->key.bytes, has_null, tid);
    return ST_OK;
}

/* ---- beyond memory ----------------------------------------------------------------------------------------------- */

static void
prepare_runs(IndexBuild *b)
{
    static const Oid types[RUN_COLUMNS] = {TYPE_INT8, TYPE_BOOL};
    Expr **columns = arena_array(b->cx->arena, Expr *, RUN_COLUMNS);

    for (int i = 0; i < RUN_COLUMNS; i++) {
        columns[i] = arena_new(b->cx->arena, Expr);
        columns[i]->type = types[i];
    }
    row_runs_init(&b->runs, b->cx, "index build", columns, RUN_COLUMNS, work_memory(b->cx)->build_bytes);
}

static Status
append_keys(IndexBuild *b, RowList *run, Arena *a)
{
    for (uint64_t at = 0; at < b->count; at += BATCH_ROWS) {
        uint32_t n = (uint32_t)MIN_OF(b->count - at, (uint64_t)BATCH_ROWS);
        Vector columns[RUN_COLUMNS];
        Batch rows = {columns, RUN_COLUMNS, {NULL, n}, n};

        arena_reset(a);
        TRY(ctx_poll(b->cx));
        vector_init(&columns[RUN_TID], a, PHYS_I64, n);
        vector_init(&columns[RUN_HAS_NULL], a, PHYS_BOOL, n);
        for (uint32_t k = 0; k < n; k++) {
            ((int64_t *)columns[RUN_TID].data)[k] = (int64_t)tid_of(&b->keys[at + k]);
            ((uint8_t *)columns[RUN_HAS_NULL].data)[k] = b->keys[at + k].row != 0;
        }
        TRY(row_runs_append(run, a, &rows, b->keys + at));
    }
    return ST_OK;
}

/* The keys in memory become a run. */
static Status
write_run(IndexBuild *b)
{
    RowList run;
    Arena scratch;
    Status rc;

    TRY(key_sort(b->cx, b->keys, b->keys + b->capacity, b->count));
    TRY(row_runs_begin(&b->runs, &run));
    arena_init(&scratch, "index build run", b->blocks.budget);
    rc = append_keys(b, &run, &scratch);
    arena_free(&scratch);
    if (rc != ST_OK) {
        row_list_free(&run);
        return rc;
    }
    arena_reset(&b->blocks);
    b->at = b->end = NULL;
    b->count = 0;
    return row_runs_add(&b->runs, &run);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* One column of four or eight bytes without nulls on this page: the commonest index. */
static Status
collect_integers(IndexBuild *b, const HeapPageView *view, const Vector *v, bool descending)
{
    bool wide = v->phys == PHYS_I64;
    uint32_t bytes = wide ? 9 : 5;

    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        uint64_t turned;
        char *key = NULL;

        TRY(need_room(b, bytes, &key));
        key[0] = KEY_VALUE;
        if (wide) {
            turned = ((const uint64_t *)v->data)[slot] ^ UINT64_C(1) << 63;
            put_be64(key + 1, descending ? ~turned : turned);
        } else {
            turned = ((const uint32_t *)v->data)[slot] ^ UINT32_C(1) << 31;
            put_be32(key + 1, (uint32_t)(descending ? ~turned : turned));
        }
        push_key(b, key, bytes, false, heap_view_tid(view, slot));
    }
    return ST_OK;
}

/* Plain columns: each is read once for the whole page. */
static Status
collect_columns(IndexBuild *b, HeapScan *scan, const HeapPageView *view)
{
    const IndexInfo *x = b->index;
    Vector columns[INDEX_KEYS_MOST];
    KeyPart parts[INDEX_KEYS_MOST];

    for (int k = 0; k < x->key_count; k++) {
        parts[k] = key_part_of_index(&x->keys[k]);
        TRY(heap_read_page_column(b->cx, b->cx->arena, b->table, scan, view, x->keys[k].column, &columns[k]));
    }
    if (x->key_count == 1 && columns[0].nulls == NULL &&
        (x->keys[0].type == TYPE_INT4 || x->keys[0].type == TYPE_INT8 || x->keys[0].type == TYPE_DATE))
        return collect_integers(b, view, &columns[0], x->keys[0].descending);
    for (uint32_t i = 0; i < view->visible_count; i++) {
        uint16_t slot = view->visible[i];
        bool has_null = false;

        buf_clear(&b->key);
        for (int k = 0; k < x->key_count; k++) {
            has_null |= vector_is_null(&columns[k], slot);
            key_append_row(&parts[k], &columns[k], slot, &b->key);
        }
        TRY(push_buf(b, has_null, heap_view_tid(view, slot)));
    }
    return ST_OK;
}

/* Expressions and predicates: row by row; only the columns the index needs are read. */
static Status
collect_rows(IndexBuild *b, HeapScan *scan, const HeapPageView *view)
{
    const TableInfo *t = b->table;
    Value *values = arena_array(b->cx->arena, Value, MAX_OF(t->column_count, 1));

    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint16_t slot = view->visible[k];
        bool has_null, skip;

        for (int c = 0; c < t->column_count; c++) {
            Cell cell;

            values[c] = value_null();
            if (!b->needed[c])
                continue;
            TRY(heap_view_cell(b->cx, scan, view, (uint16_t)c, slot, &cell));
            values[c] = heap_cell_value(&t->columns[c], &cell);
        }
        buf_clear(&b->key);
        TRY(row_writer_key(b->writer, b->index_no, values, &b->key, &has_null, &skip));
        if (!skip)
            TRY(push_buf(b, has_null, heap_view_tid(view, slot)));
    }
    return ST_OK;
}

/* Rows in the order of their TIDs: versions of a row need not lie in the order of the rows. */
static void
order_by_tid(HeapPageView *view, uint16_t *slots)
{
    bool ordered = true;

    for (uint32_t i = 1; i < view->visible_count && ordered; i++)
        ordered = heap_view_tid(view, view->visible[i - 1]) < heap_view_tid(view, view->visible[i]);
    if (ordered)
        return;
    for (uint32_t i = 0; i < view->visible_count; i++) {
        uint16_t slot = view->visible[i];
        uint32_t at = i;

        for (; at > 0 && heap_view_tid(view, slots[at - 1]) > heap_view_tid(view, slot); at--)
            slots[at] = slots[at - 1];
        slots[at] = slot;
    }
    view->visible = slots;
}

static Status
collect(IndexBuild *b)
{
    Ctx *cx = b->cx;
    Arena *saved = cx->arena, page_arena, scan_arena;
    HeapScan *scan = NULL;
    Snapshot snapshot;
    Status rc;

    arena_init(&page_arena, "index build page", saved->budget);
    arena_init(&scan_arena, "index build scan", saved->budget);
    TRY_TO(out, rc, txn_catalog_snapshot(cx, &snapshot)); /* everything committed, and what we did ourselves */
    TRY_TO(out, rc, heap_scan_open(cx, &scan_arena, &b->table->heap, &snapshot, 0, UINT32_MAX, &scan));
    heap_scan_count(cx, scan);
    for (;;) {
        uint16_t slots[HEAP_SLOTS_MOST];
        HeapPageView view;
        bool done;

        cx->arena = &page_arena;
        arena_reset(&page_arena);
        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        order_by_tid(&view, slots);
        TRY_TO(out, rc, need_keys(b, view.visible_count));
        rc = b->writer != NULL ? collect_rows(b, scan, &view) : collect_columns(b, scan, &view);
        cx->arena = saved;
        if (rc == ST_OK &&
            b->blocks.total_bytes + 2 * sizeof(*b->keys) * b->count > work_memory(cx)->build_bytes)
            rc = write_run(b);
        if (rc != ST_OK)
            goto out;
    }
out:
    cx->arena = saved;
    if (scan != NULL)
        heap_scan_close(cx, scan);
    arena_free(&page_arena);
    arena_free(&scan_arena);
    return rc;
}

static Status
prepare(IndexBuild *b)
{
    const IndexInfo *x = b->index;
    bool plain = x->predicate == NULL;

    b->needed = arena_array(b->cx->arena, bool, MAX_OF(b->table->column_count, 1));
    for (int k = 0; k < x->key_count; k++) {
        if (x->keys[k].column > 0)
            b->needed[x->keys[k].column - 1] = true;
        else
            plain = false;
    }
    if (plain)
        return ST_OK;
    memset(b->needed, true, (size_t)b->table->column_count);
    return row_writer_open(b->cx, b->cx->arena, b->table, NULL, 0, 0, &b->writer);
}

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

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

static Status
build_tree(IndexBuild *b)
{
    Ctx *cx = b->cx;
    bool unique = b->index->unique;
    BtreeBuild *tree;

    TRY(btree_build_begin(cx, cx->arena, &b->index->btree, &tree));
    for (uint64_t i = 0; i < b->count; i++) {
        const KeyItem *k = &b->keys[i];

        if (i + AHEAD < b->count)
            __builtin_prefetch(k[AHEAD].key - TID_BEFORE_KEY);
        if (unique && i > 0 && k->head == k[-1].head && key_items_equal(k, k - 1) &&
            !(b->null_matters && k->row != 0))
            return fail_build_duplicate(cx, b->table, b->index, tid_of(k));
        TRY(btree_build_add(cx, tree, (BtreeKey){k->key, k->bytes}, tid_of(k)));
        if (i % 4096 == 0)
            TRY(ctx_poll(cx));
    }
    return btree_build_finish(cx, tree);
}

/* From the runs: every key and whether it equals the one before. */
static Status
add_merged(IndexBuild *b, BtreeBuild *tree, Arena *a, Buf *last)
{
    KeyItem *keys = arena_alloc(b->cx->arena, sizeof(*keys) * BATCH_ROWS);

    for (;;) {
        const int64_t *tids;
        const uint8_t *nulls;
        Batch rows;

        arena_reset(a);
        TRY(row_runs_next(&b->runs, a, BATCH_ROWS, &rows, keys));
        if (rows.rows.count == 0)
            return ST_OK;
        tids = rows.columns[RUN_TID].data;
        nulls = rows.columns[RUN_HAS_NULL].data;
        for (uint32_t k = 0; k < rows.rows.count; k++) {
            if (b->index->unique && last->bytes == keys[k].bytes &&
                memcmp(last->data, keys[k].key, last->bytes) == 0 && !(b->null_matters && nulls[k]))
                return fail_build_duplicate(b->cx, b->table, b->index, (Tid)tids[k]);
            if (b->index->unique) {
                buf_clear(last);
                buf_add(last, keys[k].key, keys[k].bytes);
            }
            TRY(btree_build_add(b->cx, tree, (BtreeKey){keys[k].key, keys[k].bytes}, (Tid)tids[k]));
        }
    }
}

/* What is in memory becomes the last run; then they are merged. */
static Status
begin_merge(IndexBuild *b)
{
    TRY(write_run(b));
    budget_give(b->blocks.budget, 2 * sizeof(*b->keys) * b->capacity);
    free(b->keys);
    b->keys = NULL;
    b->capacity = 0;
    return row_runs_merge(&b->runs);
}

static Status
build_merged(IndexBuild *b)
{
    Ctx *cx = b->cx;
    BtreeBuild *tree;
    Arena rows;
    Buf last = {0};
    Status rc;

    TRY(begin_merge(b));
    TRY(btree_build_begin(cx, cx->arena, &b->index->btree, &tree));
    arena_init(&rows, "index build", b->blocks.budget);
    rc = add_merged(b, tree, &rows, &last);
    if (rc == ST_OK && last.failed)
        rc = fail_memory(cx, last.bytes);
    arena_free(&rows);
    buf_free(&last);
    TRY(rc);
    return btree_build_finish(cx, tree);
}

static IndexBuild
build_begin(Ctx *cx, const TableInfo *t, int index_no)
{
    IndexBuild b = {.cx = cx, .table = t, .index_no = index_no, .index = &t->indexes[index_no]};

    b.null_matters = !b.index->nulls_not_distinct;
    arena_init(&b.blocks, "index build", cx->arena->budget);
    prepare_runs(&b);
    return b;
}

static void
build_end(IndexBuild *b)
{
    row_writer_close(b->writer);
    budget_give(b->blocks.budget, 2 * sizeof(*b->keys) * b->capacity);
    free(b->keys);
    arena_free(&b->blocks);
    row_runs_free(&b->runs);
    buf_free(&b->key);
}

/* All keys: sorted in memory, or in runs. */
static Status
collect_sorted(IndexBuild *b)
{
    TRY(prepare(b));
    TRY(collect(b));
    if (b->runs.count > 0 || b->count == 0) /* of no rows there are no keys at all */
        return ST_OK;
    return key_sort(b->cx, b->keys, b->keys + b->capacity, b->count);
}

Status
ddl_build_index(Ctx *cx, const TableInfo *t, int index_no)
{
    IndexBuild b = build_begin(cx, t, index_no);
    Status rc = collect_sorted(&b);

    if (rc == ST_OK)
        rc = b.runs.count > 0 ? build_merged(&b) : build_tree(&b);
    build_end(&b);
    return rc;
}

static Status
each_merged(IndexBuild *b, Status (*each)(void *arg, BtreeKey key, Tid tid), void *arg)
{
    KeyItem *keys = arena_alloc(b->cx->arena, sizeof(*keys) * BATCH_ROWS);
    Status rc = ST_OK;
    Arena rows;

    TRY(begin_merge(b));
    arena_init(&rows, "index keys", b->blocks.budget);
    while (rc == ST_OK) {
        Batch batch;

        arena_reset(&rows);
        rc = row_runs_next(&b->runs, &rows, BATCH_ROWS, &batch, keys);
        if (rc != ST_OK || batch.rows.count == 0)
            break;
        for (uint32_t k = 0; k < batch.rows.count && rc == ST_OK; k++)
            rc = each(arg, (BtreeKey){keys[k].key, keys[k].bytes},
                      (Tid)((const int64_t *)batch.columns[RUN_TID].data)[k]);
    }
    arena_free(&rows);
    return rc;
}

Status
ddl_index_keys(Ctx *cx, const TableInfo *t, int index_no, Status (*each)(void *arg, BtreeKey key, Tid tid),
               void *arg)
{
    IndexBuild b = build_begin(cx, t, index_no);
    Status rc = collect_sorted(&b);

    if (rc == ST_OK && b.runs.count > 0)
        rc = each_merged(&b, each, arg);
    for (uint64_t i = 0; i < b.count && rc == ST_OK && b.runs.count == 0; i++)
        rc = each(arg, (BtreeKey){b.keys[i].key, b.keys[i].bytes}, tid_of(&b.keys[i]));
    build_end(&b);
    return rc;
}
