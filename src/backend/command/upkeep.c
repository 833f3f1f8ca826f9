/* upkeep.c - what the janitor vacuums and analyzes on its own.
 *
 * It walks the databases, and in each the tables in OID order, one step after the other. A table is due
 * for VACUUM when its dead rows are more than a fifth of the living (and 50), for ANALYZE when the number of
 * its rows is a tenth (and 50) away from what is noted. A table is due for VACUUM, too, when its pages in the store keep a
 * million ids from being forgotten (T6), which is 8 MB of memory. When a statement was refused memory, a round is made
 * at once in which any dead row makes a table due. Whoever holds a lock on it goes first: it is
 * left for the next round. Temporary tables that nobody has any more are dropped. */
#include "backend/command/upkeep.h"

#include <stdlib.h>

#include "backend/command/command.h"
#include "storage/engine/engine_stats.h"
#include "storage/wal/wal.h"

enum {
    ROUND_PAUSE_MS = 5000,
    STEP_PAUSE_MS = 20,
    TABLES_PER_STEP = 100,
    LEAST_ROWS = 50,
    IDS_HELD_MOST = 1000 * 1000
};

static bool
vacuum_due(const HeapStats *s, bool urgent)
{
    return s->dead_rows > (urgent ? 0 : LEAST_ROWS + s->live_rows / 5) || s->ids_held > IDS_HELD_MOST;
}

static bool
analyze_due(const HeapStats *s, double noted)
{
    double away = (double)s->live_rows - MAX_OF(noted, 0.0);

    return (away < 0 ? -away : away) > LEAST_ROWS + MAX_OF(noted, 0.0) / 10;
}

typedef struct Candidate {
    Oid oid;
    bool is_temporary;
} Candidate;

static int
by_oid(const void *a, const void *b)
{
    Oid x = ((const Candidate *)a)->oid, y = ((const Candidate *)b)->oid;

    return x < y ? -1 : x > y;
}

/* A catalog that can not be read: the database's round is over, or we would meet it again at once, and never come to the next. */
static Status
give_up_database(UpkeepRound *round, Status rc)
{
    if (rc != ST_OK && rc != ST_CANCELED)
        round->table = UINT32_MAX;
    return rc;
}

/* The next database after round->database that takes connections; false: the round is over. */
static Status
next_database(Ctx *cx, UpkeepRound *round, bool *found)
{
    CatalogRow *rows;
    int count;
    const Value *best = NULL;

    *found = false;
    TRY(catalog_find(cx, CAT_PG_DATABASE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        Oid oid = v[COL_PG_DATABASE_oid].u32;

        if (oid > round->database && (best == NULL || oid < best[COL_PG_DATABASE_oid].u32))
            best = v;
    }
    if (best == NULL)
        return ST_OK;
    *found = true;
    round->database = best[COL_PG_DATABASE_oid].u32;
    round->table = OID_NONE;
    return ST_OK;
}

/* A catalog of its own for each database: what was cached of another goes. */
static Status
fresh_catalog(Ctx *cx, UpkeepRound *round)
{
    catalog_close(cx);
    arena_reset(&round->arena);
    TRY(catalog_open(cx, &round->arena));
    catalog_set_role(cx, ROLE_BOOTSTRAP, "postgres", true);
    return ST_OK;
}

/* Who drops it waits for the end of this step, and we do not wait for who has begun to. */
static Status
enter_database(Ctx *cx, UpkeepRound *round, bool *found)
{
    CatalogRow *rows;
    int count;

    TRY(database_try_lock(cx, round->database, LOCK_ACCESS_SHARE, found));
    if (!*found)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_oid, value_oid(round->database), 0, value_null(),
                     &rows, &count));
    *found = count > 0;
    if (count == 0)
        return ST_OK;
    if (catalog_database(cx) != round->database) {
        TRY(fresh_catalog(cx, round));
        catalog_set_database(cx, round->database, rows[0].values[COL_PG_DATABASE_datfrozenxid].u32,
                             value_cstring(cx, rows[0].values[COL_PG_DATABASE_datname]));
    }
    engine_count_for(cx, catalog_branch(cx));
    return ST_OK;
}

/* The table, if it is due and nobody is in the way. */
static Status
try_table(Ctx *cx, const UpkeepRound *round, Candidate candidate, bool *worked)
{
    Oid oid = candidate.oid;
    const TableInfo *t;
    HeapStats stats;
    bool granted;

    if (candidate.is_temporary)
        TRY(temp_drop_left(cx, oid, worked));
    if (*worked)
        return ST_OK;
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    if (t == NULL || t->kind != TABLE_HEAP)
        return ST_OK;
    heap_stats(cx, &t->heap, &stats);
    if (!vacuum_due(&stats, round->urgent) && !analyze_due(&stats, t->row_estimate))
        return ST_OK;
    TRY(lock_try(cx, upkeep_lock_key(t), LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_SPAN_TRANSACTION, &granted));
    if (!granted)
        return ST_OK;
    catalog_absorb(cx); /* K1 */
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    if (t == NULL)
        return ST_OK;
    *worked = true;
    if (vacuum_due(&stats, round->urgent))
        TRY(upkeep_vacuum(cx, t));
    TRY(catalog_table_by_oid(cx, oid, LOCK_NONE, &t));
    return t != NULL ? upkeep_analyze(cx, t, NULL) : ST_OK;
}

/* Those of the database and the shared ones; they are small. */
static Status
vacuum_catalogs(Ctx *cx, const UpkeepRound *round)
{
    for (int no = 0; no < CAT_COUNT; no++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)no);
        HeapStats stats;
        bool granted;

        heap_stats(cx, &t->heap, &stats);
        if (!vacuum_due(&stats, round->urgent))
            continue;
        TRY(lock_try(cx, upkeep_lock_key(t), LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_SPAN_TRANSACTION, &granted));
        if (granted)
            TRY(upkeep_vacuum(cx, t));
    }
    return ST_OK;
}

static Status
walk_tables(Ctx *cx, UpkeepRound *round, bool *worked)
{
    CatalogRow *rows;
    Candidate *candidates;
    int count, tables = 0, looked = 0;

    TRY(give_up_database(round,
                         catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count)));
    candidates = arena_array(cx->arena, Candidate, MAX_OF(count, 1));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        Candidate c = {v[COL_PG_CLASS_oid].u32, v[COL_PG_CLASS_relpersistence].var.data[0] == 't'};

        if ((v[COL_PG_CLASS_relkind].var.data[0] == 'r' || c.is_temporary) && c.oid > round->table)
            candidates[tables++] = c;
    }
    qsort(candidates, (size_t)tables, sizeof(*candidates), by_oid);
    for (int i = 0; i < tables && !*worked && looked < TABLES_PER_STEP; i++, looked++) {
        round->table = candidates[i].oid;
        TRY(try_table(cx, round, candidates[i], worked));
    }
    if (*worked || looked < tables)
        return ST_OK;
    round->table = UINT32_MAX; /* none left: the next step takes the next database */
    return vacuum_catalogs(cx, round);
}

static Status
one_step(Ctx *cx, UpkeepRound *round, uint32_t *idle_ms)
{
    bool found = true, worked = false;

    catalog_absorb(cx);
    if (round->database == OID_NONE || round->table == UINT32_MAX)
        TRY(next_database(cx, round, &found));
    if (!found) {
        round->database = OID_NONE;
        round->urgent = false;
        *idle_ms = ROUND_PAUSE_MS;
        return ST_OK;
    }
    TRY(give_up_database(round, enter_database(cx, round, &found)));
    if (!found) { /* dropped meanwhile */
        round->table = UINT32_MAX;
        return ST_OK;
    }
    return walk_tables(cx, round, &worked);
}

Status
janitor_upkeep_step(Ctx *cx, UpkeepRound *round, uint32_t *idle_ms)
{
    Status rc;

    ASSERT(cx->txn == NULL);
    *idle_ms = STEP_PAUSE_MS;
    if (wal_disk_is_full(cx->proc)) { /* it would be refused */
        *idle_ms = ROUND_PAUSE_MS;
        return ST_OK;
    }
    if (cx->catalog == NULL) {
        arena_init(&round->arena, "janitor catalog", NULL);
        TRY(fresh_catalog(cx, round));
    }
    TRY(txn_begin(cx, ISOLATION_READ_COMMITTED));
    rc = one_step(cx, round, idle_ms);
    if (rc == ST_OK)
        rc = txn_commit(cx);
    else
        txn_abort(cx);
    if (rc != ST_OK && rc != ST_CANCELED)
        *idle_ms = ROUND_PAUSE_MS; /* it may come again */
    engine_count_for(cx, BRANCH_SHARED);
    catalog_release_old(cx);
    return rc;
}

void
janitor_upkeep_end(Ctx *cx, UpkeepRound *round)
{
    catalog_close(cx);
    arena_free(&round->arena);
}
