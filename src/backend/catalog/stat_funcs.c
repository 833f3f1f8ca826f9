/* stat_funcs.c - pg_stat_get_...(relation): what is counted of a table (storage/heap/heap_counters.c).
 *
 * A page that had to be read is looked at once more when it is there: what was found in memory is the difference. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"
#include "storage/engine/engine_stats.h"
#include "storage/rel/rel.h"

#define UNIX_TO_2000_US (INT64_C(946684800) * 1000000)

static Value
time_or_null(int64_t wall_us)
{
    return wall_us == 0 ? value_null() : value_i64(wall_us - UNIX_TO_2000_US);
}

/* By PostgreSQL's OIDs of these functions. */
static Value
counter_of(Oid fn, const HeapStats *s, const uint64_t reads[REL_COUNTS])
{
    switch (fn) {
    case 1928: return value_i64((int64_t)reads[REL_SCANS]);
    case 1929: return value_i64((int64_t)reads[REL_ROWS_READ]);
    case 1930: return value_i64((int64_t)reads[REL_ROWS_FOUND]);
    case 1934: return value_i64((int64_t)MAX_OF(reads[REL_PINS], reads[REL_LOADS]));
    case 1935: return value_i64((int64_t)(reads[REL_PINS] - MIN_OF(reads[REL_PINS], reads[REL_LOADS])));
    case 1931: return value_i64((int64_t)s->inserted);
    case 1932: return value_i64((int64_t)s->updated);
    case 1933: return value_i64((int64_t)s->deleted);
    case 1972: return value_i64((int64_t)s->updated_in_place);
    case 2878: return value_i64((int64_t)s->live_rows);
    case 2879: return value_i64((int64_t)s->dead_rows);
    case 3177: return value_i64((int64_t)s->changed_since_analyze);
    case 5053: return value_i64((int64_t)s->inserted_since_vacuum);
    case 2781: return time_or_null(s->vacuumed_us[0]);
    case 2782: return time_or_null(s->vacuumed_us[1]);
    case 2783: return time_or_null(s->analyzed_us[0]);
    case 2784: return time_or_null(s->analyzed_us[1]);
    case 3054: return value_i64(s->vacuums[0]);
    case 3055: return value_i64(s->vacuums[1]);
    case 3056: return value_i64(s->analyzes[0]);
    case 3057: return value_i64(s->analyzes[1]);
    default: return value_i64(0);
    }
}

SCALAR_FN(table_counter)
{
    const TableInfo *t;
    HeapStats stats = {0};
    uint64_t reads[REL_COUNTS] = {0};

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    if (t != NULL && (t->kind == TABLE_HEAP || t->kind == TABLE_CATALOG))
        heap_stats(call->cx, &t->heap, &stats);
    if (t != NULL)
        rel_reads(call->cx, t->heap.branch, t->heap.relation, reads);
    *out = counter_of(call->fn->oid, &stats, reads);
    return ST_OK;
}

/* What is counted is seen at once: nothing is held back, and no copy is kept. */
SCALAR_FN(counters_are_current)
{
    *out = value_var("", 0);
    return ST_OK;
}

static Status
must_be_superuser(FnCall *call)
{
    if (catalog_is_superuser(call->cx))
        return ST_OK;
    return fail(call->cx, ST_ERROR, "42501", "permission denied for function %s", call->fn->name);
}

/* The counters of this database and its tables begin anew. */
SCALAR_FN(pg_stat_reset)
{
    (void)args;
    TRY(must_be_superuser(call));
    engine_counters_reset(call->cx, catalog_branch(call->cx));
    *out = value_var("", 0);
    return ST_OK;
}

/* The archiver and the prefetcher of recovery, which PostgreSQL has besides, count nothing here. */
SCALAR_FN(pg_stat_reset_shared)
{
    static const struct {
        const char *name;
        StatsGroup group;
    } targets[] = {{"archiver", STATS_GAUGE},
                   {"bgwriter", STATS_BGWRITER},
                   {"recovery_prefetch", STATS_GAUGE},
                   {"wal", STATS_WAL}};
    const char *name = value_cstring(call->cx, args[0]);

    TRY(must_be_superuser(call));
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        if (strcmp(name, targets[i].name) != 0)
            continue;
        if (targets[i].group != STATS_GAUGE)
            engine_stats_reset(call->cx, targets[i].group);
        *out = value_var("", 0);
        return ST_OK;
    }
    (void)fail(call->cx, ST_ERROR, "22023", "unrecognized reset target: \"%s\"", name);
    fail_hint(call->cx, "Target must be \"archiver\", \"bgwriter\", \"recovery_prefetch\", or \"wal\".");
    return ST_ERROR;
}
