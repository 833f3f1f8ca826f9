/* src/storage/rel/rel.h - relations as storage sees them: an id, a length, forks. */
#ifndef REL_H
#define REL_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"

/* A new, empty relation. Removed again if the current (sub)transaction is rolled back. */
MUST_CHECK Status rel_create(Ctx *cx, BranchId branch, Persistence persistence, RelationId *out);
/* Uses an id fixed by the caller (catalogs; ids below 16384). Never undone. Idempotent. */
MUST_CHECK Status rel_create_fixed(Ctx *cx, BranchId branch, RelationId relation);
/* Frees every page when the transaction commits. The caller holds ACCESS EXCLUSIVE. Takes a transaction id: fails as txn_write_id. */
MUST_CHECK Status rel_drop_at_commit(Ctx *cx, BranchId branch, RelationId relation);
/* Payload of the log's RECORD_REL_CREATE and RECORD_REL_LENGTH. */
typedef struct RelCreateRecord {
    Xid creator; /* 0 = it is there for good */
    uint32_t persistence, spare;
} RelCreateRecord;
typedef struct RelLengthRecord {
    BlockNo length;
    uint32_t spare;
} RelLengthRecord;

BlockNo rel_length(Ctx *cx, BranchId branch, RelationId relation, Fork fork); /* in pages */

/* Calls `each` for every relation that is there, temporary ones aside, also those of transactions that have not ended. For who looks
 * at a directory that nobody uses: others may make and drop relations meanwhile. */
void rel_each_kept(Ctx *cx, void (*each)(void *arg, BranchId branch, RelationId relation), void *arg);

/* How often it was read (rel_counts.h): zeros if there is no such relation. */
void rel_reads(Ctx *cx, BranchId branch, RelationId relation, uint64_t out[REL_COUNTS]);

#endif
