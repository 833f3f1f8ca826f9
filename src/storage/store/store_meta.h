/* src/storage/store/store_meta.h - what the store knows besides pages: the superblock, relations, branches, the id table. */
#ifndef STORE_META_H
#define STORE_META_H
#include "storage/store/page_store.h"
#include "storage/wal/wal_format.h"

enum { STORE_FORMAT_VERSION = 1 };

/* Written last in a checkpoint, in the batch that makes the new redo position valid (S1). */
typedef struct StoreSuper {
    uint32_t version; /* STORE_FORMAT_VERSION */
    uint32_t incarnation; /* S5 */
    uint64_t features; /* bits; a server that does not know one refuses */
    uint64_t system_id;
    Lsn redo; /* where recovery begins */
    Xid next_xid, trimmed; /* ids below `trimmed` are forgotten */
    Csn last_csn;
    uint64_t epoch;
    uint32_t next_oid;
    RelationId next_relation;
    BranchId next_branch;
    uint32_t clean; /* 1 = written by a shutdown: but for notes, the log ends at `redo` */
    uint64_t written_us; /* wall clock */
    Lsn durable; /* the log was flushed up to here: what recovery can read must not end before */
} StoreSuper;
static_assert(sizeof(StoreSuper) == 96, "part of the store's format");

/* Older images of a relation's pages. */
typedef enum StoredOld {
    OLD_NONE,
    OLD_STORED,
    OLD_UNREAD, /* some perhaps only for children that have gone since (store_thin.h) */
} StoredOld;

/* Values of relations and branches. */
typedef struct RelMeta {
    uint32_t length[FORK_COUNT];
    uint8_t persistence, kind;
    uint8_t gone; /* its branch has dropped it, others still read it */
    uint8_t old_stored; /* StoredOld */
    Xid creator;
    Xid oldest_raw; /* no page of it in the store has a smaller raw id; 0 = none has any */
    int64_t live_rows, dead_rows;
    uint32_t row_var_bytes, nulls_seen, free_pages, space_hint;
    uint64_t counter;
    BranchId origin; /* 0 = none */
    BlockNo linked;
    uint64_t fork_epoch;
    Csn fork_csn;
} RelMeta;
static_assert(sizeof(RelMeta) == 104, "part of the store's format");

typedef struct BranchMeta {
    BranchId parent;
    uint32_t spare;
    uint64_t fork_epoch;
    Csn fork_csn;
    Xid creator;
} BranchMeta;
static_assert(sizeof(BranchMeta) == 32, "part of the store's format");

/* For the last batch of a checkpoint: what is known of ids. Those from `from` on may have changed since the last one; nothing is
 * trimmed meanwhile (id_hold). */
void store_meta_collect_ids(Ctx *cx, StoreBatch *batch, Xid from, Xid trimmed);
/* The rest of it: everything but pages and the superblock. `redo` as taken at its begin. Drops at or before redo are carried out. */
void store_meta_collect(Ctx *cx, StoreBatch *batch, const StoreSuper *super);
/* That batch has not become durable: the next one has everything again. */
void store_meta_forget_stored(Ctx *cx);
/* After that batch is durable: the relations that it deleted are forgotten. */
void store_meta_forget_gone(Ctx *cx);

void store_super_put(StoreBatch *batch, const StoreSuper *super);
/* *found false: the store is new. */
MUST_CHECK Status store_super_read(Ctx *cx, PageStore *store, StoreSuper *out, bool *found);
/* Fills an engine that nobody uses yet with what the last checkpoint wrote. */
MUST_CHECK Status store_meta_load(Ctx *cx, PageStore *store, const StoreSuper *super);

#endif
