/* stat_funcs.c - pg_stat_get_...(relation): what is counted of a table (storage/heap/heap_counters.c).
 *
 * Scans are not counted: those functions answer 0, as PostgreSQL does with track_counts = off. */
#include "backend/catalog/catalog.h"

#include "backend/type/fn_decl.h"

#define UNIX_TO_2000_US (INT64_C(946684800) * 1000000)

static Value
time_or_null(int64_t wall_us)
{
    return wall_us == 0 ? value_null() : value_i64(wall_us - UNIX_TO_2000_US);
}

/* By PostgreSQL's OIDs of these functions. */
static Value
counter_of(Oid fn, const HeapStats *s)
{
    switch (fn) {
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

    TRY(catalog_table_by_oid(call->cx, args[0].u32, LOCK_NONE, &t));
    if (t != NULL && (t->kind == TABLE_HEAP || t->kind == TABLE_CATALOG))
        heap_stats(call->cx, &t->heap, &stats);
    *out = counter_of(call->fn->oid, &stats);
    return ST_OK;
}

/* What is counted is seen at once: nothing is held back, and no copy is kept. */
SCALAR_FN(counters_are_current)
{
    *out = value_var("", 0);
    return ST_OK;
}
