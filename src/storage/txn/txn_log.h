/* src/storage/txn/txn_log.h - what transactions write to the log. For storage only. */
#ifndef TXN_LOG_H
#define TXN_LOG_H
#include "storage/txn/txn_int.h"
#include "storage/wal/wal.h"

/* Payload of RECORD_COMMIT: the head, then ids of the savepoints that were kept, relations and branches that go, and
 * messages of K1. */
typedef struct CommitRecord {
    Csn csn;
    Xid xid;
    int64_t wall_us; /* T9 */
    uint32_t sub_count, gone_count, message_count, spare;
} CommitRecord;
static_assert(sizeof(CommitRecord) == 40, "part of the log format");

/* Payload of RECORD_COMMIT_PART: the head, then savepoints and what goes, as in the commit of `xid`, which comes further on,
 * or never. */
typedef struct CommitPartRecord {
    Xid xid;
    uint32_t sub_count, gone_count;
} CommitPartRecord;
static_assert(sizeof(CommitPartRecord) == 16, "part of the log format");

/* Payload of RECORD_ID_LIMIT: nothing at or above has been handed out. */
typedef struct IdLimitRecord {
    Xid xid;
    uint32_t oid, spare;
} IdLimitRecord;
static_assert(sizeof(IdLimitRecord) == 16, "part of the log format");

/* Has the transaction a reason to write a commit record? */
bool txn_log_is_needed(Ctx *cx, const Txn *t);
/* T2 with a log: gives it a commit number and waits until that may be told. */
MUST_CHECK Status txn_log_commit(Ctx *cx, Txn *t);

/* Ids are announced in the log in portions before they are handed out. Below the latch of the counter. */
void txn_log_xid(Ctx *cx, Xid next);
/* The same for object ids, outside of latches. */
void txn_log_oid(Ctx *cx, uint32_t oid);

#endif
