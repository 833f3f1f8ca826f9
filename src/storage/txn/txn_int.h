/* txn_int.h - a session's transaction, for the sources of this folder. */
#ifndef TXN_INT_H
#define TXN_INT_H
#include "storage/engine/invalidation.h"
#include "storage/txn/txn.h"
#include "storage/txn/txn_shared.h"

typedef struct EndCall {
    struct EndCall *older;
    TxnEnd end;
    void *arg;
} EndCall;

/* One open savepoint. */
typedef struct Level {
    Xid xid; /* 0 until it writes */
    uint64_t lock_mark;
    EndCall *ends; /* calls added before it */
    uint32_t invalidation_count; /* messages queued before it */
    uint32_t gone_count; /* of Txn.gone before it */
    uint32_t row_count_count; /* entries made before it */
} Level;

/* What the transaction drops if it commits; relation RELATION_NONE: the whole branch. */
typedef struct Gone {
    BranchId branch;
    RelationId relation;
} Gone;

typedef struct SubId {
    Xid xid;
    int level; /* grows along the array: see savepoint.c */
} SubId;

/* Rows of one relation that the transaction has locked in a shared mode (R1). */
typedef struct ShareCount {
    BranchId branch;
    RelationId relation;
    uint32_t rows;
} ShareCount;

/* Rows that one id of the transaction has put into a relation (row_count.h). */
typedef struct RowCount {
    Xid xid;
    uint64_t rows;
    BranchId branch;
    RelationId relation;
} RowCount;

struct Txn {
    Arena arena;
    Isolation isolation;
    Xid xid; /* 0 until it writes */
    uint32_t command_id;
    bool command_wrote; /* something carries command_id */
    bool snapshot_taken;
    bool standing; /* REPEATABLE READ: `repeatable` stays in force */
    int snapshot_depth; /* snapshots in force */
    Csn repeatable;

    Level *levels; /* [1 .. level_count] */
    int level_count, level_capacity;
    SubId *subs;
    uint32_t sub_count, sub_capacity;
    EndCall *ends; /* newest first */
    InvalidationList invalidations;
    ShareCount *shares;
    uint32_t share_count, share_capacity;
    Gone *gone;
    uint32_t gone_count, gone_capacity;
    bool structural; /* it, or a savepoint of it that may be gone, has made or dropped relations */
    uint64_t log_start; /* where the session's last record ended when it began */
    RowCount *row_counts;
    uint32_t row_count_count, row_count_capacity;
};

/* Entries from `keep` on: their rows are dead now. Before the relations that were made with them are dropped. */
void row_count_roll_back(Ctx *cx, Txn *t, uint32_t keep);
/* Runs the calls that are newer than `until`. */
void txn_run_ends(Ctx *cx, Txn *t, const EndCall *until, bool committed);

#endif
