/* analyze.c - statistics of a table's columns from a sample of its rows.
 *
 * The sample: every page of a small table, else pages spread evenly with a random offset in each stretch,
 * and of their rows a reservoir of at most SAMPLE_ROWS (Vitter, algorithm R). Per column: share of nulls,
 * width, an estimate of the number of distinct values (Haas and Stokes, "Estimating the number of classes
 * in a finite population", the Duj1 estimator), the most common values, a histogram of the others, and
 * how well the order of values follows the order of rows. The rows of pg_statistic look as PostgreSQL's. */
#include "backend/command/upkeep.h"

#include "backend/exec/heap_read.h"
#include "backend/type/array.h"
#include "backend/type/func.h"
#include "base/env.h"
#include "storage/engine/engine.h"
#include "storage/rel/rel.h"

#include <math.h>
#include <stdlib.h>

enum {
    SAMPLE_ROWS = 30000,
    SAMPLE_PAGES = 3000,
    TARGET = 100, /* most common values, and steps of the histogram */
    WIDE_BYTES = 1024, /* longer values are counted, not compared */
    LIST_BYTES_MOST = 2400, /* of values kept: the row of pg_statistic has to fit on a page */
    STATISTIC_KIND_MCV = 1,
    STATISTIC_KIND_HISTOGRAM = 2,
    STATISTIC_KIND_CORRELATION = 3
};

typedef struct Sample {
    Ctx *cx;
    const TableInfo *table;
    const bool *wanted; /* by column number - 1 */
    Arena arena;
    Value **values; /* per column: SAMPLE_ROWS of them; NULL = not wanted */
    uint32_t **widths; /* of variable columns */
    uint32_t rows; /* in the sample */
    uint64_t seen; /* rows looked at */
    uint64_t random;
} Sample;

typedef struct Entry {
    const Value *value;
    uint32_t row; /* position in the sample */
} Entry;

/* A run of equal values. */
typedef struct Run {
    uint32_t first, count;
} Run;

typedef struct ColumnStats {
    double null_fraction, width, distinct;
    int mcv_count, histogram_count;
    Value mcv[TARGET], histogram[TARGET + 1];
    float frequencies[TARGET];
    double correlation;
    bool ordered; /* lists and correlation mean something */
} ColumnStats;

/* ---- the sample ---------------------------------------------------------------------------------------------------- */

static uint64_t
random_below(Sample *s, uint64_t limit)
{
    s->random ^= s->random << 13; /* xorshift64 */
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random % limit;
}

static void
keep_value(Sample *s, int column, uint32_t at, const Cell *cell)
{
    const ColumnInfo *c = &s->table->columns[column];
    Value v = heap_cell_value(c, cell);

    s->widths[column][at] = cell->data == NULL ? 0 : cell->bytes;
    if (c->phys == PHYS_VAR && !v.is_null && v.var.bytes > WIDE_BYTES)
        v.var = (VarRef){NULL, v.var.bytes}; /* too wide to be compared */
    s->values[column][at] =
        v.is_null || v.phys != PHYS_VAR || v.var.data == NULL ? v : value_copy(&s->arena, v);
}

static Status
sample_page(Sample *s, HeapScan *scan, const HeapPageView *view)
{
    for (uint32_t k = 0; k < view->visible_count; k++) {
        uint64_t at = s->seen++;

        if (at >= SAMPLE_ROWS) {
            at = random_below(s, s->seen);
            if (at >= SAMPLE_ROWS)
                continue;
        } else {
            s->rows++;
        }
        for (int c = 0; c < s->table->column_count; c++) {
            Cell cell;

            if (s->values[c] == NULL)
                continue;
            TRY(heap_view_cell(s->cx, scan, view, (uint16_t)c, view->visible[k], &cell));
            keep_value(s, c, (uint32_t)at, &cell);
        }
    }
    return ST_OK;
}

static Status
sample_blocks(Sample *s, const Snapshot *snapshot, BlockNo first, BlockNo end)
{
    Ctx *cx = s->cx;
    Arena *saved = cx->arena, page;
    HeapScan *scan = NULL;
    Status rc;

    arena_init(&page, "analyze page", saved->budget);
    cx->arena = &page;
    TRY_TO(out, rc, heap_scan_open(cx, saved, &s->table->heap, snapshot, first, end, &scan));
    for (;;) {
        HeapPageView view;
        bool done;

        arena_reset(&page);
        TRY_TO(out, rc, ctx_poll(cx));
        TRY_TO(out, rc, heap_scan_next(cx, scan, &view, &done));
        if (done)
            break;
        TRY_TO(out, rc, sample_page(s, scan, &view));
    }
out:
    cx->arena = saved;
    heap_scan_close(cx, scan);
    arena_free(&page);
    return rc;
}

/* *total: rows of the whole table, estimated. */
static Status
take_sample(Sample *s, double *total)
{
    Ctx *cx = s->cx;
    const TableInfo *t = s->table;
    BlockNo pages = rel_length(cx, t->heap.branch, t->heap.relation, FORK_MAIN);
    Snapshot snapshot;

    TRY(txn_catalog_snapshot(cx, &snapshot));
    if (pages <= SAMPLE_PAGES) {
        TRY(sample_blocks(s, &snapshot, 0, UINT32_MAX));
        *total = (double)s->seen;
        return ST_OK;
    }
    for (uint64_t i = 0; i < SAMPLE_PAGES; i++) {
        BlockNo low = (BlockNo)(i * pages / SAMPLE_PAGES), high = (BlockNo)((i + 1) * pages / SAMPLE_PAGES);
        BlockNo block = low + (BlockNo)random_below(s, high - low);
        ArenaMark mark = arena_mark(cx->arena);

        TRY(sample_blocks(s, &snapshot, block, block + 1));
        arena_rewind(cx->arena, mark);
    }
    *total = (double)s->seen * pages / SAMPLE_PAGES;
    return ST_OK;
}

/* ---- one column ---------------------------------------------------------------------------------------------------- */

static int
compare_with(const void *a, const void *b, void *arg)
{
    const Entry *x = a, *y = b;
    const TypeInfo *type = arg;
    int c = type->compare(x->value, y->value);

    return c != 0 ? c : x->row < y->row ? -1 : x->row > y->row;
}

static int
by_count(const void *a, const void *b)
{
    const Run *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* How many different values the whole table has; negative: as a share of its rows. */
static double
estimate_distinct(double sampled, double total, double nulls, uint32_t runs, uint32_t multiple, uint32_t wide)
{
    double n = sampled - nulls, once = (double)runs - multiple + wide, d = (double)runs + wide, all, estimate;

    if (multiple == 0)
        return -(1 - nulls / sampled);
    if (once == 0)
        return runs; /* each was seen more than once: these are all */
    all = total * (1 - nulls / sampled);
    estimate = all > 0 ? n * d / (n - once + once * n / all) : 0;
    estimate = floor(MIN_OF(MAX_OF(estimate, d), MAX_OF(all, d)) + 0.5);
    return estimate > 0.1 * total ? -(estimate / total) : estimate;
}

/* Of runs in order of frequency: how many are so common that their being so is no accident of the sample: a
 * count more than two standard deviations (hypergeometric) above what an uncommon value would have. */
static uint32_t
common_runs(const Run *runs, uint32_t count, double distinct, double nulls, double sampled, double total)
{
    double sum = 0, all = distinct < 0 ? -distinct * total : distinct;

    if (sampled >= total)
        return count;
    for (uint32_t i = 0; i < count; i++)
        sum += runs[i].count;
    while (count > 0) {
        double expected, common, variance;

        sum -= runs[count - 1].count;
        expected = MIN_OF(MAX_OF(1 - sum / sampled - nulls / sampled, 0.0), 1.0);
        if (all - (count - 1) > 1)
            expected /= all - (count - 1);
        common = total * runs[count - 1].count / sampled;
        variance = sampled * common * (total - common) * (total - sampled) / (total * total * (total - 1));
        if (runs[count - 1].count > expected * sampled + 2 * sqrt(MAX_OF(variance, 0.0)) + 0.5)
            break;
        count--;
    }
    return count;
}

static uint32_t
value_bytes(const Value *v)
{
    return v->phys == PHYS_VAR ? v->var.bytes + 4 : phys_bytes((Phys)v->phys);
}

static void
fill_common(ColumnStats *out, const Entry *entries, const Run *runs, uint32_t count, double sampled)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        const Value *v = entries[runs[i].first].value;

        bytes += value_bytes(v);
        if (bytes > LIST_BYTES_MOST)
            return;
        out->mcv[out->mcv_count] = *v;
        out->frequencies[out->mcv_count++] = (float)(runs[i].count / sampled);
    }
}

/* Values at equal distances among those that are not common. */
static void
fill_histogram(ColumnStats *out, Arena *a, const Entry *entries, uint32_t count, const Run *common)
{
    bool *is_common = arena_zalloc(a, count);
    uint32_t *rest = arena_alloc(a, sizeof(*rest) * count), left = 0, steps, bytes;

    for (int i = 0; i < out->mcv_count; i++)
        memset(is_common + common[i].first, true, common[i].count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_common[i])
            rest[left++] = i;
    }
    for (steps = MIN_OF(left, (uint32_t)TARGET + 1); steps >= 2; steps = steps / 2 + 1) {
        bytes = 0;
        for (uint32_t i = 0; i < steps; i++) {
            const Value *v = entries[rest[(uint64_t)i * (left - 1) / (steps - 1)]].value;

            out->histogram[i] = *v;
            bytes += value_bytes(v);
        }
        if (bytes <= LIST_BYTES_MOST || steps == 2)
            break;
    }
    out->histogram_count = steps >= 2 && bytes <= LIST_BYTES_MOST ? (int)steps : 0;
}

/* Between the positions of values in order and in the table (Pearson; both are the numbers 0 .. n - 1). */
static double
correlation_of(const Entry *entries, uint32_t count)
{
    double n = count, sum = n * (n - 1) / 2, squares = (n - 1) * n * (2 * n - 1) / 6, products = 0;
    double divisor = n * squares - sum * sum;

    for (uint32_t i = 0; i < count; i++)
        products += (double)i * entries[i].row;
    return divisor > 0 ? (n * products - sum * sum) / divisor : 0;
}

static void
ordered_stats(const Sample *s, Arena *a, const TypeInfo *type, Entry *entries, uint32_t count, uint32_t wide,
              uint32_t nulls, double total, ColumnStats *out)
{
    Run *runs = arena_alloc(a, sizeof(*runs) * MAX_OF(count, 1));
    uint32_t run_count = 0, multiple = 0, common = 0;
    double sampled = s->rows;

    qsort_r(entries, count, sizeof(*entries), compare_with, (void *)(uintptr_t)type);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || type->compare(entries[i].value, entries[i - 1].value) != 0)
            runs[run_count++] = (Run){i, 0};
        runs[run_count - 1].count++;
    }
    for (uint32_t i = 0; i < run_count; i++)
        multiple += runs[i].count > 1;
    out->distinct = estimate_distinct(sampled, total, nulls, run_count, multiple, wide);
    out->correlation = count > 1 && nulls == 0 && wide == 0 ? correlation_of(entries, count) : 0;
    out->ordered = count > 0;
    qsort(runs, run_count, sizeof(*runs), by_count);
    if (run_count <= TARGET && out->distinct > 0 && wide == 0) {
        common = run_count; /* all there are */
    } else {
        while (common < MIN_OF(run_count, (uint32_t)TARGET) && runs[common].count > 1)
            common++;
        common = common_runs(runs, common, out->distinct, nulls, sampled, total);
    }
    fill_common(out, entries, runs, common, sampled);
    if (run_count - (uint32_t)out->mcv_count >= 2)
        fill_histogram(out, a, entries, count, runs);
}

static void
column_stats(const Sample *s, Arena *a, int column, double total, ColumnStats *out)
{
    const ColumnInfo *c = &s->table->columns[column];
    const TypeInfo *type = type_by_oid(c->type);
    const Value *values = s->values[column];
    Entry *entries = arena_alloc(a, sizeof(*entries) * MAX_OF(s->rows, 1));
    uint32_t count = 0, nulls = 0, wide = 0;
    double bytes = 0;

    for (uint32_t i = 0; i < s->rows; i++) {
        if (values[i].is_null) {
            nulls++;
            continue;
        }
        bytes += s->widths[column][i];
        if (c->phys == PHYS_VAR && values[i].var.data == NULL)
            wide++;
        else
            entries[count++] = (Entry){&values[i], i};
    }
    *out = (ColumnStats){.null_fraction = (double)nulls / s->rows};
    out->width = c->phys != PHYS_VAR ? phys_bytes(c->phys) : nulls < s->rows ? bytes / (s->rows - nulls) : 0;
    if (nulls == s->rows)
        return; /* of distinct values nothing is known */
    if (type->compare != NULL)
        ordered_stats(s, a, type, entries, count, wide, nulls, total, out);
    else
        out->distinct = 0;
}

/* ---- rows of pg_statistic ------------------------------------------------------------------------------------------- */

static Value
value_f32(double f)
{
    return (Value){.f32 = (float)f, .phys = PHYS_F32};
}

static Value
value_i16(int i)
{
    return (Value){.i16 = (int16_t)i, .phys = PHYS_I16};
}

static Oid
operator_of(Oid type, int strategy)
{
    const TypeInfo *info = type_by_oid(type);
    const OperInfo *const *list = oper_by_name(strategy == 3 ? "=" : "<");

    if (type_is_array(info))
        type = TYPE_ANYARRAY;
    else if (type == TYPE_VARCHAR)
        type = TYPE_TEXT;
    for (; list != NULL && *list != NULL; list++) {
        if ((*list)->left == type && (*list)->right == type)
            return (*list)->oid;
    }
    return OID_NONE;
}

static Status
float_array(Ctx *cx, const float *items, int count, Value *out)
{
    Value *values = arena_array(cx->arena, Value, count);

    for (int i = 0; i < count; i++)
        values[i] = value_f32((double)items[i]);
    return array_from_values(cx, TYPE_FLOAT4, values, (uint32_t)count, out);
}

/* An array with values in the type's general form. */
static Status
value_array(Ctx *cx, Oid type, const Value *items, int count, Value *out)
{
    return array_from_values(cx, type, items, (uint32_t)count, out);
}

static Status
fill_slot(Ctx *cx, Value *row, int slot, int kind, Oid type, int strategy)
{
    (void)cx;
    row[COL_PG_STATISTIC_stakind1 + slot] = value_i16(kind);
    row[COL_PG_STATISTIC_staop1 + slot] = value_oid(operator_of(type, strategy));
    row[COL_PG_STATISTIC_stacoll1 + slot] = value_oid(type_by_oid(type)->collation);
    return ST_OK;
}

static Status
write_row(Ctx *cx, const TableInfo *t, int column, const ColumnStats *st)
{
    const ColumnInfo *c = &t->columns[column];
    Value *v = catalog_blank(cx, COL_PG_STATISTIC_COUNT_);
    CatalogRow *rows;
    int count, slot = 0;
    float correlation = (float)st->correlation;

    v[COL_PG_STATISTIC_starelid] = value_oid(t->oid);
    v[COL_PG_STATISTIC_staattnum] = value_i16(column + 1);
    v[COL_PG_STATISTIC_stainherit] = value_bool(false);
    v[COL_PG_STATISTIC_stanullfrac] = value_f32(st->null_fraction);
    v[COL_PG_STATISTIC_stawidth] = value_i32((int32_t)(st->width + 0.5));
    v[COL_PG_STATISTIC_stadistinct] = value_f32(st->distinct);
    for (int i = 0; i < 5; i++) {
        v[COL_PG_STATISTIC_stakind1 + i] = value_i16(0);
        v[COL_PG_STATISTIC_staop1 + i] = v[COL_PG_STATISTIC_stacoll1 + i] = value_oid(0);
    }
    if (st->mcv_count > 0) {
        TRY(fill_slot(cx, v, slot, STATISTIC_KIND_MCV, c->type, 3));
        TRY(float_array(cx, st->frequencies, st->mcv_count, &v[COL_PG_STATISTIC_stanumbers1 + slot]));
        TRY(value_array(cx, c->type, st->mcv, st->mcv_count, &v[COL_PG_STATISTIC_stavalues1 + slot]));
        slot++;
    }
    if (st->histogram_count > 0) {
        TRY(fill_slot(cx, v, slot, STATISTIC_KIND_HISTOGRAM, c->type, 1));
        TRY(value_array(cx, c->type, st->histogram, st->histogram_count,
                        &v[COL_PG_STATISTIC_stavalues1 + slot]));
        slot++;
    }
    if (st->ordered) {
        TRY(fill_slot(cx, v, slot, STATISTIC_KIND_CORRELATION, c->type, 1));
        TRY(float_array(cx, &correlation, 1, &v[COL_PG_STATISTIC_stanumbers1 + slot]));
    }
    TRY(catalog_find(cx, CAT_PG_STATISTIC, COL_PG_STATISTIC_starelid, value_oid(t->oid),
                     COL_PG_STATISTIC_staattnum, value_i16(column + 1), &rows, &count));
    return count > 0 ? catalog_update(cx, CAT_PG_STATISTIC, rows[0].tid, v)
                     : catalog_insert(cx, CAT_PG_STATISTIC, v);
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static Status
analyze_columns(Ctx *cx, Sample *s, double total)
{
    Arena *saved = cx->arena, column;
    ColumnStats *stats = arena_new(saved, ColumnStats);
    Status rc = ST_OK;

    arena_init(&column, "analyze column", saved->budget);
    cx->arena = &column;
    for (int c = 0; rc == ST_OK && c < s->table->column_count; c++) {
        if (s->values[c] == NULL)
            continue;
        column_stats(s, &column, c, total, stats);
        rc = write_row(cx, s->table, c, stats);
        arena_reset(&column);
        if (rc == ST_OK)
            rc = ctx_poll(cx);
    }
    cx->arena = saved;
    arena_free(&column);
    return rc;
}

Status
upkeep_analyze(Ctx *cx, const TableInfo *t, const bool *columns)
{
    Sample s = {.cx = cx, .table = t, .random = env_mono_us(cx->env) | 1};
    double total = 0;
    Status rc;

    arena_init(&s.arena, "analyze sample", cx->arena->budget);
    s.values = arena_array(&s.arena, Value *, MAX_OF(t->column_count, 1));
    s.widths = arena_array(&s.arena, uint32_t *, MAX_OF(t->column_count, 1));
    for (int c = 0; c < t->column_count; c++) {
        if (t->columns[c].dropped || (columns != NULL && !columns[c]))
            continue;
        s.values[c] = arena_alloc(&s.arena, sizeof(Value) * SAMPLE_ROWS);
        s.widths[c] = arena_alloc(&s.arena, sizeof(uint32_t) * SAMPLE_ROWS);
    }
    rc = take_sample(&s, &total);
    if (rc == ST_OK && s.rows > 0)
        rc = analyze_columns(cx, &s, total);
    arena_free(&s.arena);
    if (rc == ST_OK)
        heap_note_upkeep(cx, &t->heap, HEAP_UPKEEP_ANALYZE, cx->session == NULL, engine_wall_us(cx->engine));
    if (rc == ST_OK)
        rc = upkeep_note_size(cx, t, total);
    if (rc == ST_OK && s.rows > 0)
        catalog_changed(cx, t->heap.branch, t->oid);
    return rc;
}
