/* row_runs.c - see row_runs.h.
 *
 * The merge is a tournament of losers (Knuth, volume 3, 5.4.1). If there are more runs than blocks of them find room
 * in memory, neighbouring ones are merged into longer runs first; a run's place in the list is the age of its rows,
 * so that equal keys stay in order. */
#include "backend/exec/row_runs.h"

#include <stdlib.h>

#include "backend/exec/exec_int.h"

enum { RUN_BLOCK_LEAST = 4096, RUN_BLOCK_MOST = 32 * 1024, FAN_LEAST = 8, FAN_MOST = 512 };

struct RowRun {
    RowList *list;
    uint32_t next_block;
    Arena arena; /* of the block */
    Vector *columns; /* the key, then the row's */
    uint32_t count, at;
    KeyItem head; /* key of row `at`; key NULL: no more rows */
};

static uint32_t
block_bytes(const RowRuns *s)
{
    return (uint32_t)MAX_OF(MIN_OF(s->memory_bytes / 128, (uint64_t)RUN_BLOCK_MOST), (uint64_t)RUN_BLOCK_LEAST);
}

Status
row_runs_begin(RowRuns *s, RowList *out)
{
    if (s->file == NULL)
        TRY(temp_file_create(s->cx, s->budget, &s->file));
    row_list_init(out, s->cx, s->budget, s->file, &s->packed, s->column_count + 1, BATCH_ROWS, block_bytes(s));
    return ST_OK;
}

Status
row_runs_add(RowRuns *s, RowList *run)
{
    Status rc = row_list_finish(run);

    if (rc != ST_OK) {
        row_list_free(run);
        return rc;
    }
    if (s->count == s->capacity) {
        int capacity = MAX_OF(16, s->capacity * 2);
        RowList *bigger = realloc(s->runs, sizeof(*bigger) * (size_t)capacity);

        if (bigger == NULL) {
            row_list_free(run);
            return fail_memory(s->cx, sizeof(*bigger) * (size_t)capacity);
        }
        s->runs = bigger;
        s->capacity = capacity;
    }
    s->runs[s->count++] = *run;
    return ST_OK;
}

/* With the keys in front. */
Status
row_runs_append(RowList *run, Arena *a, const Batch *rows, const KeyItem *keys)
{
    uint32_t n = rows->rows.count;
    Vector *columns = arena_alloc(a, sizeof(*columns) * (size_t)(rows->column_count + 1));
    VarRef *texts;

    vector_init(&columns[0], a, PHYS_VAR, MAX_OF(n, UINT32_C(1)));
    texts = columns[0].data;
    for (uint32_t i = 0; i < n; i++)
        texts[i] = (VarRef){keys[i].key, keys[i].bytes};
    if (rows->column_count > 0)
        memcpy(columns + 1, rows->columns, sizeof(*columns) * (size_t)rows->column_count);
    return row_list_append(run, columns, rows->rows);
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

static void
set_head(RowRun *r)
{
    VarRef key = ((const VarRef *)r->columns[0].data)[r->at];

    r->head = key_item(key.data, key.bytes, 0);
}

/* The next block of a run; head.key NULL at its end. */
static Status
next_block(RowRuns *s, int no)
{
    RowRun *r = &s->readers[no];

    r->head = (KeyItem){0};
    if (r->next_block > 0)
        row_list_drop(r->list, r->next_block - 1);
    arena_reset(&r->arena);
    if (r->next_block >= r->list->block_count)
        return ST_OK;
    r->columns = arena_array(&r->arena, Vector, s->column_count + 1);
    TRY(row_list_read(r->list, r->next_block, &r->arena, r->columns, &r->count));
    if (r->columns[0].phys != PHYS_VAR || r->count == 0)
        return fail(s->cx, ST_CORRUPT, "XX001", "a block of temporary rows has been damaged");
    r->next_block++;
    r->at = 0;
    s->view.chunks[no] = r->columns + 1;
    set_head(r);
    return ST_OK;
}

/* Is the row that reader a stands at before that of reader b? */
static inline bool
is_before(const RowRuns *s, int a, int b)
{
    const KeyItem *x = &s->readers[a].head, *y = &s->readers[b].head;
    int c;

    if (x->key == NULL || y->key == NULL)
        return y->key == NULL && (x->key != NULL || a < b);
    if (x->head != y->head)
        return x->head < y->head;
    c = memcmp(x->key, y->key, MIN_OF(x->bytes, y->bytes));
    return c != 0 ? c < 0 : a < b;
}

/* Leaf i is node reader_count + i, the parent of node n is n / 2. */
static void
replay(RowRuns *s, int no)
{
    int winner = no;

    for (int node = (s->reader_count + no) / 2; node > 0; node /= 2) {
        if (is_before(s, s->losers[node], winner)) {
            int other = s->losers[node];

            s->losers[node] = winner;
            winner = other;
        }
    }
    s->losers[0] = winner;
}

static int
play(RowRuns *s, int node)
{
    int a, b;

    if (node >= s->reader_count)
        return node - s->reader_count;
    a = play(s, 2 * node);
    b = play(s, 2 * node + 1);
    if (is_before(s, b, a)) {
        s->losers[node] = a;
        return b;
    }
    s->losers[node] = b;
    return a;
}

static void
end_merge(RowRuns *s)
{
    for (int i = 0; i < s->reader_count; i++)
        arena_free(&s->readers[i].arena);
    s->reader_count = 0;
    s->stuck = -1;
    arena_reset(&s->merge);
}

static Status
begin_merge(RowRuns *s, RowList *runs, int count)
{
    s->readers = arena_array(&s->merge, RowRun, count);
    s->losers = arena_array(&s->merge, int, count);
    s->view = (RowStore){.cx = s->cx, .column_count = s->column_count, .types = s->types};
    s->view.chunks = arena_array(&s->merge, Vector *, count);
    s->reader_count = count;
    for (int i = 0; i < count; i++) {
        s->readers[i].list = &runs[i];
        arena_init(&s->readers[i].arena, s->name, s->budget);
    }
    for (int i = 0; i < count; i++)
        TRY(next_block(s, i));
    s->losers[0] = count > 1 ? play(s, 1) : 0;
    return ST_OK;
}

/* A batch ends where a block does: the next one would lie in the same memory. */
Status
row_runs_next(RowRuns *s, Arena *a, uint32_t most, Batch *out, KeyItem *keys)
{
    uint64_t *numbers = arena_alloc(a, sizeof(*numbers) * MAX_OF(most, UINT32_C(1)));
    uint32_t n = 0;

    TRY(ctx_poll(s->cx));
    if (s->stuck >= 0) {
        TRY(next_block(s, s->stuck));
        replay(s, s->stuck);
        s->stuck = -1;
    }
    while (n < most && s->stuck < 0) {
        int no = s->losers[0];
        RowRun *r = &s->readers[no];

        if (r->head.key == NULL)
            break;
        if (keys != NULL)
            keys[n] = r->head;
        numbers[n++] = (uint64_t)no * BATCH_ROWS + r->at;
        if (++r->at == r->count) {
            s->stuck = no;
        } else {
            set_head(r);
            replay(s, no);
        }
    }
    *out = (Batch){arena_array(a, Vector, MAX_OF(s->column_count, 1)),
                   s->column_count,
                   {NULL, n},
                   MAX_OF(n, UINT32_C(1))};
    return n > 0 ? row_store_gather(&s->view, a, numbers, n, out->columns) : ST_OK;
}

/* Runs [from, from + count) become one. */
static Status
merge_runs(RowRuns *s, int from, int count, RowList *out)
{
    KeyItem *keys = malloc(sizeof(*keys) * BATCH_ROWS);
    Arena scratch;
    Status rc;

    arena_init(&scratch, s->name, s->budget);
    rc = keys == NULL ? fail_memory(s->cx, sizeof(*keys) * BATCH_ROWS) : begin_merge(s, s->runs + from, count);
    if (rc == ST_OK)
        rc = row_runs_begin(s, out);
    while (rc == ST_OK) {
        Batch batch;

        arena_reset(&scratch);
        rc = row_runs_next(s, &scratch, BATCH_ROWS, &batch, keys);
        if (rc == ST_OK && batch.rows.count == 0)
            break;
        if (rc == ST_OK)
            rc = row_runs_append(out, &scratch, &batch, keys);
    }
    if (rc == ST_OK)
        rc = row_list_finish(out);
    end_merge(s);
    arena_free(&scratch);
    free(keys);
    return rc;
}

/* As many runs as find room for a block of each. */
static int
fan_in(const RowRuns *s)
{
    uint64_t blocks = 0, bytes = 0;

    for (int i = 0; i < s->count; i++) {
        blocks += s->runs[i].block_count;
        for (uint32_t b = 0; b < s->runs[i].block_count; b++)
            bytes += s->runs[i].blocks[b].block.bytes;
    }
    bytes = MAX_OF(bytes / MAX_OF(blocks, (uint64_t)1), (uint64_t)1);
    return (int)MIN_OF(MAX_OF(s->memory_bytes / (bytes + bytes / 2), (uint64_t)FAN_LEAST), (uint64_t)FAN_MOST);
}

/* Neighbours become one, until few enough are left. */
static Status
merge_to_few(RowRuns *s)
{
    int most = fan_in(s);

    while (s->count > most) {
        int made = 0;

        for (int from = 0; from < s->count; from += most) {
            int count = MIN_OF(s->count - from, most);
            RowList merged = s->runs[from];
            Status rc = ST_OK;

            if (count > 1) {
                merged = (RowList){0};
                rc = merge_runs(s, from, count, &merged);
                for (int i = from; i < from + count; i++) {
                    row_list_free(&s->runs[i]);
                    s->runs[i] = (RowList){0};
                }
            } else {
                s->runs[from] = (RowList){0};
            }
            s->runs[made++] = merged; /* of a failure too: it will be freed with the others */
            TRY(rc);
        }
        s->count = made;
    }
    return ST_OK;
}

Status
row_runs_merge(RowRuns *s)
{
    TRY(merge_to_few(s));
    return begin_merge(s, s->runs, s->count);
}

void
row_runs_init(RowRuns *s, Ctx *cx, const char *name, Expr *const *types, int column_count,
              uint64_t memory_bytes)
{
    *s = (RowRuns){.cx = cx,
                   .budget = cx->arena->budget,
                   .name = name,
                   .types = types,
                   .column_count = column_count,
                   .memory_bytes = memory_bytes,
                   .stuck = -1};
    arena_init(&s->merge, name, s->budget);
    buf_count_in(&s->packed, s->budget);
}

uint64_t
row_runs_bytes(const RowRuns *s)
{
    return s->file != NULL ? temp_file_bytes(s->file) : 0;
}

void
row_runs_clear(RowRuns *s)
{
    end_merge(s);
    for (int i = 0; i < s->count; i++)
        row_list_free(&s->runs[i]);
    s->count = 0;
    temp_file_close(s->cx, s->file);
    s->file = NULL;
}

void
row_runs_free(RowRuns *s)
{
    if (s->cx == NULL)
        return;
    row_runs_clear(s);
    free(s->runs);
    s->runs = NULL;
    s->capacity = 0;
    arena_free(&s->merge);
    buf_free(&s->packed);
}
