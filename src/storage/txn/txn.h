/* src/storage/txn/txn.h - transactions, snapshots, savepoints.
 *
 * A Txn is private to its session (cx->txn); what others need to know of it lies in its slot of the id
 * table (T5). An id is taken only when the transaction first writes. */
#ifndef TXN_H
#define TXN_H
#include "base/ctx.h"
#include "base/ids.h"

typedef struct Txn Txn;

/* T3: judged with min(csn, csn_cap of the page) (B2); own changes count when their command is older. */
typedef struct Snapshot {
    Csn csn;
    uint32_t command_id;
} Snapshot;

typedef enum Isolation {
    ISOLATION_READ_COMMITTED,
    ISOLATION_REPEATABLE_READ,
    ISOLATION_SERIALIZABLE
} Isolation;

/* Starts one; cx->txn must be NULL. The snapshot is taken by the first txn_snapshot. */
MUST_CHECK Status txn_begin(Ctx *cx, Isolation isolation);
/* After ST_OK and after any failure the transaction is gone (a failed commit has aborted). Releases
 * locks and snapshots. */
MUST_CHECK Status txn_commit(Ctx *cx);
void txn_abort(Ctx *cx);
bool txn_has_written(const Ctx *cx);
Isolation txn_isolation(const Ctx *cx);
/* May only be changed before the first snapshot. */
void txn_set_isolation(Ctx *cx, Isolation isolation);
/* From now on this session's commits do not wait for the disk (synchronous_commit = off). */
void txn_set_asynchronous(Ctx *cx, bool yes);
/* 0 if none was assigned (pg_current_xact_id_if_assigned); assigns one if asked to. */
Xid txn_id(const Ctx *cx);
MUST_CHECK Status txn_assign_id(Ctx *cx, Xid *out);

/* READ COMMITTED: a new one at each call (call once per statement). REPEATABLE READ: the first one,
 * with the current command id. Valid after the handshake of T8; stays in force until the statement's
 * txn_snapshot_release or the transaction's end. */
MUST_CHECK Status txn_snapshot(Ctx *cx, Snapshot *out);
void txn_snapshot_release(Ctx *cx);
/* K2: the newest committed state plus own changes so far; for catalog look-ups. Cheap; protected by
 * the transaction's standing snapshot registration. */
MUST_CHECK Status txn_catalog_snapshot(Ctx *cx, Snapshot *out);
/* Makes this transaction's changes so far visible to its own later snapshots. */
void txn_next_command(Ctx *cx);

/* Savepoints nest; each is a subtransaction with an id of its own once it writes. level counts from 1. */
MUST_CHECK Status txn_savepoint(Ctx *cx);
int txn_level(const Ctx *cx); /* open savepoints */
void txn_release(Ctx *cx, int level); /* keeps the changes of levels >= level, which end */
void txn_rollback_to(Ctx *cx, int level); /* undoes and ends levels >= level; locks they took go, too */

/* Called at the end of the current (sub)transaction, last added first. `committed` false: it was
 * rolled back. A callback added in a savepoint that is released moves up to its parent. */
typedef void (*TxnEnd)(Ctx *cx, void *arg, bool committed);
void txn_at_end(Ctx *cx, TxnEnd end, void *arg);
/* Memory that lives as long as the transaction. */
Arena *txn_arena(Ctx *cx);

#endif
