/* src/storage/branch/fork.h - making a branch of another one (B1, B3). */
#ifndef FORK_H
#define FORK_H
#include "base/ctx.h"
#include "base/ids.h"
#include "storage/wal/wal_format.h"

/* Payload of RECORD_BRANCH_FORK; its target's branch is the child. */
typedef struct BranchForkRecord {
    Xid creator;
    uint64_t fork_epoch; /* the epoch that ends with the fork */
    Csn fork_csn;
    BranchId parent;
    uint32_t spare;
} BranchForkRecord;
static_assert(sizeof(BranchForkRecord) == 32, "part of the log format");

/* The child has its entry in the registry and nobody knows it. Both are in use afterwards. */
MUST_CHECK Status branch_fork(Ctx *cx, BranchId parent, BranchId child, Xid creator);
/* Recovery. */
MUST_CHECK Status branch_redo_fork(Ctx *cx, BranchId child, const BranchForkRecord *record, uint64_t lsn);

/* Links a relation to the one it was forked from; both are there. */
struct CacheRel;
void branch_link(Ctx *cx, struct CacheRel *child, struct CacheRel *origin, uint64_t epoch, Csn csn,
                 BlockNo linked);
/* The relation goes, as of `lsn`: its origin has a child less, and may be waiting for that. If we are killed, the call is to be made
 * again: the link is there until all is done. */
void branch_unlink(Ctx *cx, struct CacheRel *child, uint64_t lsn);

#endif
