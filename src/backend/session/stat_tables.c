/* stat_tables.c - databases and connections in figures.
 *
 * Each session counts in its own slot; when it ends, its database keeps the sums (storage/engine/branch.c). In
 * memory every page is found where it is looked for: blks_hit counts, blks_read is 0 because nothing is read. */
#include "backend/session/stat_tables.h"

#include "backend/session/session_int.h"
#include "storage/engine/engine.h"

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
    } counted[] = {{3, COUNT_COMMITS},    {4, COUNT_ROLLBACKS}, {6, COUNT_PAGES},       {9, COUNT_INSERTED},
                   {10, COUNT_UPDATED},   {11, COUNT_DELETED},  {13, COUNT_TEMP_FILES}, {14, COUNT_TEMP_BYTES},
                   {15, COUNT_DEADLOCKS}, {23, COUNT_SESSIONS}};
    uint64_t counters[SESSION_COUNTERS];
    Value *v = arena_array(cx->arena, Value, table->column_count);

    engine_counters(cx, branch, counters);
    for (int c = 0; c < table->column_count; c++)
        v[c] = table->columns[c].type == TYPE_INT8     ? value_i64(0)
               : table->columns[c].type == TYPE_FLOAT8 ? (Value){.f64 = 0, .phys = PHYS_F64}
                                                       : value_null();
    v[0] = value_oid(oid);
    v[1] = name;
    v[2] = value_i32(oid == OID_NONE ? 0 : sessions_in(proc_table(cx->engine), oid));
    v[16] = value_null(); /* checksum_failures: there are no checksums */
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        v[counted[i].column] = value_i64((int64_t)counters[counted[i].counter]);
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
