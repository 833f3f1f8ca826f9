/* src/base/ids.h - the words every layer shares for naming rows, relations, branches and moments. */
#ifndef BASE_IDS_H
#define BASE_IDS_H
#include "base/attr.h"

typedef uint32_t BranchId; /* 0 = shared catalogs, never forked (B6) */
typedef uint32_t RelationId; /* from one global counter, never reused (B5) */
typedef uint32_t BlockNo;
typedef uint64_t Csn; /* commit number: microseconds of the hybrid clock; below 2^63 (T1) */
typedef uint64_t Xid; /* transaction id: counts from 1; on rows with the top bit set (T1) */

enum { BRANCH_SHARED = 0, RELATION_NONE = 0, PAGE_BYTES = 8192 };

/* Root TID of a row (H2): block << 16 | slot. Never 0: slots count from 1. */
typedef uint64_t Tid;
#define TID_NONE ((Tid)0)

static inline Tid
tid_make(BlockNo block, uint16_t slot)
{
    return (Tid)block << 16 | slot;
}
static inline BlockNo
tid_block(Tid tid)
{
    return (BlockNo)(tid >> 16);
}
static inline uint16_t
tid_slot(Tid tid)
{
    return (uint16_t)tid;
}

typedef enum Fork { FORK_MAIN, FORK_FREESPACE, FORK_VISIBILITY, FORK_OWN, FORK_HISTORY, FORK_COUNT } Fork;

typedef struct PageId {
    BranchId branch;
    RelationId relation;
    BlockNo block;
    uint8_t fork;
} PageId;

/* H8 */
typedef enum Persistence { PERSIST_PERMANENT, PERSIST_UNLOGGED, PERSIST_TEMPORARY } Persistence;

#endif
