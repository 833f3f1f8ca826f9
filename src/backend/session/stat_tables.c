/* stat_tables.c - the server, databases and connections in figures.
 *
 * Each session counts in its own slot; when it ends, its database keeps the sums (storage/engine/engine_stats.c). In
 * memory every page is found where it is looked for: blks_hit counts, blks_read is 0 because nothing is read. */
#include "backend/session/stat_tables.h"

#include "backend/session/session_int.h"
#include "backend/type/numeric.h"
#include "storage/engine/engine.h"
#include "storage/engine/engine_stats.h"

#define UNIX_TO_2000_US (INT64_C(946684800) * 1000000)

static Value
time_or_null(int64_t wall_us)
{
    return wall_us == 0 ? value_null() : value_i64(wall_us - UNIX_TO_2000_US);
}

static Value
count(uint64_t n)
{
    return value_i64((int64_t)n);
}

static Value
real(double x)
{
    return (Value){.f64 = x, .phys = PHYS_F64};
}

static Value
milliseconds(uint64_t us)
{
    return real((double)us / 1000);
}

static Value
text(const char *s)
{
    return value_var(s, strlen(s));
}

static int32_t
sessions_in(const ProcTable *procs, Oid database)
{
    int32_t count = 0;

    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;

        count += proc_activity_read(procs, i, &a) && a.kind == PROC_BACKEND && a.database_oid == database;
    }
    return count;
}

/* `name` null: what belongs to no database. */
static Status
database_row(Ctx *cx, const TableInfo *table, RowReceiver *to, Oid oid, Value name, BranchId branch)
{
    static const struct {
        int column;
        SessionCounter counter;
    } counted[] = {{3, COUNT_COMMITS},     {4, COUNT_ROLLBACKS},  {5, COUNT_PAGES_LOADED},
                   {7, COUNT_ROWS_READ},   {8, COUNT_ROWS_FOUND}, {9, COUNT_INSERTED},
                   {10, COUNT_UPDATED},    {11, COUNT_DELETED},   {13, COUNT_TEMP_FILES},
                   {14, COUNT_TEMP_BYTES}, {15, COUNT_DEADLOCKS}, {23, COUNT_SESSIONS},
                   {24, COUNT_ABANDONED},  {25, COUNT_FATAL},     {26, COUNT_KILLED}},
      timed[] = {{20, COUNT_SESSION_US}, {21, COUNT_ACTIVE_US}, {22, COUNT_IDLE_IN_TRANSACTION_US}};
    uint64_t counters[SESSION_COUNTERS], stats[ENGINE_STATS];
    Value *v = arena_array(cx->arena, Value, table->column_count);

    engine_counters(cx, branch, counters);
    for (int c = 0; c < table->column_count; c++)
        v[c] = table->columns[c].type == TYPE_INT8     ? value_i64(0)
               : table->columns[c].type == TYPE_FLOAT8 ? real(0)
                                                       : value_null();
    v[0] = value_oid(oid);
    v[1] = name;
    v[2] = value_i32(oid == OID_NONE ? 0 : sessions_in(proc_table(cx->engine), oid));
    v[6] = count(counters[COUNT_PAGES] - MIN_OF(counters[COUNT_PAGES], counters[COUNT_PAGES_LOADED]));
    engine_stats(cx, stats);
    v[16] = stats[STAT_CACHE_LIMIT] == 0 ? value_null() /* in memory there are no checksums */
                                         : count(counters[COUNT_PAGES_DAMAGED]);
    v[17] = time_or_null((int64_t)counters[COUNT_DAMAGED_US]);
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        v[counted[i].column] = count(counters[counted[i].counter]);
    for (size_t i = 0; i < COUNT_OF(timed); i++)
        v[timed[i].column] = milliseconds(counters[timed[i].counter]);
    v[27] = time_or_null(engine_counters_reset_us(cx, branch));
    return to->row(cx, to, v);
}

Status
rows_stat_database(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    CatalogRow *rows;
    int count;

    TRY(database_row(cx, table, to, OID_NONE, value_null(), BRANCH_SHARED));
    TRY(catalog_find(cx, CAT_PG_DATABASE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;

        TRY(database_row(cx, table, to, v[COL_PG_DATABASE_oid].u32, v[COL_PG_DATABASE_datname],
                         v[COL_PG_DATABASE_datfrozenxid].u32));
    }
    return ST_OK;
}

/* buffers_backend: sessions never write pages. */
Status
rows_stat_bgwriter(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    uint64_t s[ENGINE_STATS];
    Value v[11];

    ASSERT(table->column_count == (int)COUNT_OF(v));
    engine_stats(cx, s);
    v[0] = count(s[STAT_CHECKPOINTS_TIMED]);
    v[1] = count(s[STAT_CHECKPOINTS_ASKED]);
    v[2] = milliseconds(s[STAT_CHECKPOINT_WRITE_US]);
    v[3] = milliseconds(s[STAT_CHECKPOINT_SYNC_US]);
    v[4] = count(s[STAT_CHECKPOINT_PAGES]);
    v[5] = count(s[STAT_CLEANED_PAGES]);
    v[6] = v[7] = v[8] = count(0);
    v[9] = count(s[STAT_CACHE_EVICTIONS] + s[STAT_CACHE_BYTES] / PAGE_BYTES);
    v[10] = time_or_null(engine_stats_since_us(cx, STATS_BGWRITER));
    return to->row(cx, to, v);
}

/* wal_fpi: there are no full-page images. */
Status
rows_stat_wal(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    uint64_t s[ENGINE_STATS];
    Value v[9];

    ASSERT(table->column_count == (int)COUNT_OF(v));
    engine_stats(cx, s);
    v[0] = count(s[STAT_WAL_RECORDS]);
    v[1] = count(0);
    v[2] = numeric_from_i64(cx->arena, (int64_t)s[STAT_WAL_BYTES], 0);
    v[3] = count(s[STAT_WAL_FULL]);
    v[4] = count(s[STAT_WAL_WRITES]);
    v[5] = count(s[STAT_WAL_FSYNCS]);
    v[6] = milliseconds(s[STAT_WAL_WRITE_US]);
    v[7] = milliseconds(s[STAT_WAL_FSYNC_US]);
    v[8] = time_or_null(engine_stats_since_us(cx, STATS_WAL));
    return to->row(cx, to, v);
}

/* There is no archiver: nothing was archived, and nothing failed. */
Status
rows_stat_archiver(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    Value v[7] = {count(0), value_null(), value_null(), count(0), value_null(), value_null(), value_null()};

    ASSERT(table->column_count == (int)COUNT_OF(v));
    v[6] = time_or_null(engine_start_us(cx->engine));
    return to->row(cx, to, v);
}

/* Columns: sessions, cache_hit_rate, then engine_stats.def. */
Status
rows_system_stats(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    uint64_t s[ENGINE_STATS], looked;
    ProcTable *procs = proc_table(cx->engine);
    int32_t sessions = 0;
    Value v[ENGINE_STATS + 2];

    ASSERT(table->column_count == (int)COUNT_OF(v));
    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;

        sessions += proc_activity_read(procs, i, &a) && a.kind == PROC_BACKEND && a.pid != 0;
    }
    engine_stats(cx, s);
    looked = s[STAT_CACHE_HITS] + s[STAT_CACHE_READS];
    v[0] = value_i32(sessions);
    v[1] = looked == 0 ? value_null() : real((double)s[STAT_CACHE_HITS] / (double)looked);
    for (int i = 0; i < ENGINE_STATS; i++)
        v[i + 2] = count(s[i]);
    return to->row(cx, to, v);
}

Status
rows_stat_ssl(Ctx *cx, const TableInfo *table, RowReceiver *to)
{
    ProcTable *procs = proc_table(cx->engine);

    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;
        Value v[8];

        if (!proc_activity_read(procs, i, &a) || a.kind != PROC_BACKEND || a.pid == 0)
            continue;
        ASSERT(table->column_count == (int)COUNT_OF(v));
        for (size_t c = 0; c < COUNT_OF(v); c++)
            v[c] = value_null();
        v[0] = value_i32(a.pid);
        v[1] = value_bool(a.tls_version[0] != '\0');
        if (a.tls_version[0] != '\0') {
            v[2] = text(arena_strdup(cx->arena, a.tls_version));
            v[3] = text(arena_strdup(cx->arena, a.tls_cipher));
            v[4] = value_i32(a.tls_bits);
        }
        TRY(to->row(cx, to, v));
    }
    return ST_OK;
}
