/* src/backend/command/upkeep.h - VACUUM and ANALYZE of one table, and the choice of what is due. */
#ifndef COMMAND_UPKEEP_H
#define COMMAND_UPKEEP_H
#include "backend/catalog/catalog.h"
#include "shmem/lock/lock_table.h"

/* What whoever vacuums or analyzes a table locks. Catalogs, too: they are read without a lock, but two who vacuum one would free
 * the same places twice. Shared ones are locked for all databases. */
static inline LockKey
upkeep_lock_key(const TableInfo *t)
{
    return (LockKey){.branch = t->heap.branch, .a = t->oid, .kind = LOCK_KIND_RELATION};
}
/* In a transaction; the caller holds at least SHARE UPDATE EXCLUSIVE on the table. Takes dead rows out and
 * notes the size in pg_class. */
MUST_CHECK Status upkeep_vacuum(Ctx *cx, const TableInfo *t);
/* Statistics of the columns (NULL: all; else flags by column number - 1) into pg_statistic. */
MUST_CHECK Status upkeep_analyze(Ctx *cx, const TableInfo *t, const bool *columns);
/* reltuples and relpages of a table and its indexes, if they have changed. */
MUST_CHECK Status upkeep_note_size(Ctx *cx, const TableInfo *t, double rows);

/* Where the janitor is on its round; zero to begin with. */
typedef struct UpkeepRound {
    Arena arena; /* of the catalog, as long as one database is walked */
    Oid database; /* being walked; 0: a new round begins */
    Oid table; /* the last one looked at */
    bool urgent; /* memory is short: every dead row counts */
} UpkeepRound;

/* Looks at a few tables and vacuums or analyzes at most one of them, in a transaction of its own. For a
 * context with a slot, no transaction, and no catalog but the one that the steps make. *idle_ms: how long
 * nothing will be due. A failure concerns one table only: report it and go on. */
MUST_CHECK Status janitor_upkeep_step(Ctx *cx, UpkeepRound *round, uint32_t *idle_ms);
void janitor_upkeep_end(Ctx *cx, UpkeepRound *round);

#endif
