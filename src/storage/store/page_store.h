/* src/storage/store/page_store.h - where pages are when they are not in memory.
 *
 * Keys and values with one order and atomic batches; what is applied can be read at once, and is durable after the
 * next flush (S1). Used by the store process alone. Any of its threads may read; one applies and flushes, and when recovery
 * is done another one may apply beside it, pages alone. A checksum goes with every page, and is verified when it is read. */
#ifndef PAGE_STORE_H
#define PAGE_STORE_H
#include "base/buf.h"
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/pagecache/page_spots.h"
#include "storage/seal/seal.h"

typedef struct PageStore PageStore;
typedef struct StoreBatch StoreBatch;

typedef enum StoreCompression { STORE_COMPRESS_NONE, STORE_COMPRESS_LZ4, STORE_COMPRESS_ZSTD } StoreCompression;

typedef struct StoreOptions {
    const char *path; /* the folder; made if missing */
    StoreCompression compression;
    const SealKey *data_key; /* NULL = the store is not encrypted */
    int background_threads;
    uint64_t index_bytes; /* for finding spots (locate); 0 = it finds none */
    bool read_only;
    const char
        *scratch; /* read_only: a folder for what must not be written to the other; the caller removes it */
} StoreOptions;

typedef enum StoreFound {
    STORE_FOUND,
    STORE_MISSING, /* there is no such page: it was never written */
    STORE_DAMAGED, /* the checksum is wrong, or RocksDB's of the block it lies in; or it was lost (store_batch_put_lost) */
} StoreFound;

typedef struct StoreRead {
    PageId id;
    uint64_t epoch; /* 0 = the page as it is; else the older image of that epoch */
    char *page; /* out: PAGE_BYTES */
    StoreFound found; /* out */
} StoreRead;

typedef struct StoreStats {
    uint64_t file_bytes; /* of tables */
    uint64_t memory_bytes; /* written and not yet flushed */
    uint64_t debt_bytes; /* that compaction still has to rewrite */
    uint64_t level0_files;
} StoreStats;

typedef struct PageStoreMethods {
    /* 58030: one could not be read, and nobody knows whether it is damaged: another attempt may work. */
    Status (*read)(Ctx *cx, PageStore *store, StoreRead *reads, uint32_t count);
    /* The newest of the page's older images that is not newer than read->epoch, whose epoch it becomes. */
    Status (*read_old)(Ctx *cx, PageStore *store, StoreRead *read);
    /* Calls `each` for the older images of the pages of a relation, from the page `from` on, by page and epoch, as long as it says so. */
    Status (*scan_old)(Ctx *cx, PageStore *store, PageId from,
                       bool (*each)(void *arg, PageId id, uint64_t epoch), void *arg);
    Status (*apply)(Ctx *cx, PageStore *store, StoreBatch *batch);
    Status (*flush)(Ctx *cx, PageStore *store);
    /* A value by its key; *found. */
    Status (*get)(Ctx *cx, PageStore *store, const char *key, size_t key_bytes, Buf *value, bool *found);
    /* Each value whose key begins with `prefix`, in order. Of an encrypted store: one that is damaged comes with 0 bytes (also
     * from get); none is ever stored so. */
    Status (*scan)(Ctx *cx, PageStore *store, const char *prefix, size_t prefix_bytes,
                   Status (*each)(Ctx *cx, void *arg, const char *key, size_t key_bytes, const char *value,
                                  size_t value_bytes),
                   void *arg);
    /* A copy of what has been flushed, of its own and durable, in a folder that is not there yet. Nobody writes meanwhile. */
    Status (*copy)(Ctx *cx, PageStore *store, const char *path);
    /* Where in the store's files the page lies that read() has just returned; false: no answer. It never changes and is never
     * wrong, but the file may go. */
    bool (*locate)(Ctx *cx, PageStore *store, PageId id, const char *page, PageSpot *out);
    /* Files are merged in the background: from the first call on, so that a damaged one does not keep the server from starting.
     * To be called again and again, by the thread that flushes: what was dropped gives its room back then. */
    void (*merge)(Ctx *cx, PageStore *store);
    void (*stats)(Ctx *cx, PageStore *store, StoreStats *out);
    void (*close)(Ctx *cx, PageStore *store);
} PageStoreMethods;

struct PageStore {
    const PageStoreMethods *methods;
};

/* Loads RocksDB into this process. 58030 when it can not be loaded or opened. */
MUST_CHECK Status store_rocks_open(Ctx *cx, const StoreOptions *options, PageStore **out);

/* ---- batches: ours, so that a store_fault can look into them --------------------------------------------------- */
StoreBatch *store_batch_new(void); /* NULL when there is no memory */
void store_batch_free(StoreBatch *batch);
void store_batch_clear(StoreBatch *batch);
uint32_t store_batch_count(const StoreBatch *batch);
/* An older image of the page, under the epoch of its header (B3). */
void store_batch_put_old(StoreBatch *batch, PageId id, const char *page);
void store_batch_delete_old(StoreBatch *batch, BranchId branch, RelationId relation);
void store_batch_delete_image(StoreBatch *batch, PageId id, uint64_t epoch);
/* Many of its older images have been deleted: their room is to come back. */
void store_batch_thinned(StoreBatch *batch, BranchId branch, RelationId relation);
/* Copies what it is given; a checksum is added to the page. */
void store_batch_put_page(StoreBatch *batch, PageId id, const char *page);
/* From now on the page is damaged, whatever there was: recovery could not do the log's records on it, from `lsn` on. */
void store_batch_put_lost(StoreBatch *batch, PageId id, uint64_t lsn);
void store_batch_put(StoreBatch *batch, const char *key, size_t key_bytes, const void *value,
                     size_t value_bytes);
void store_batch_delete(StoreBatch *batch, const char *key, size_t key_bytes);
void store_batch_delete_range(StoreBatch *batch, const char *from, size_t from_bytes, const char *to,
                              size_t to_bytes);
/* The pages of a fork from `from` on. */
void store_batch_delete_beyond(StoreBatch *batch, PageId from);
/* Every page of the relation, old images too. None may ever be written again (B5): what comes later can go with it. */
void store_batch_delete_pages(StoreBatch *batch, BranchId branch, RelationId relation);

/* ---- keys and values (doc/format/store.md) ---------------------------------------------------------------------- */
enum {
    STORE_PAGE_KEY_BYTES = 14,
    STORE_OLD_KEY_BYTES = 22,
    STORE_PAGE_KEY_MOST = STORE_OLD_KEY_BYTES,
    STORE_PAGE_VALUE_BYTES = PAGE_BYTES + 8,
    STORE_LOST_VALUE_BYTES = 8,
    STORE_KEY_MOST = 64
};
/* Returns the key's bytes. epoch 0: of the page as it is. */
uint32_t store_page_key(PageId id, uint64_t epoch, uint8_t out[STORE_PAGE_KEY_MOST]);
/* Is it the key of an older image, and of which? */
bool store_old_key(const char *key, size_t key_bytes, PageId *id, uint64_t *epoch);
uint64_t store_checksum(PageId id, const char *page);

#endif
