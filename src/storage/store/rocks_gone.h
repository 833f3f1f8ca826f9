/* rocks_gone.h - room of what was dropped, given back (decision 0032).
 *
 * RocksDB writes down that a range of keys is gone, and what lies in it stays until files are merged, which they are when others
 * are written: on a server with little else to do never. So ranges are noted, and when their end is durable whole
 * files of theirs are deleted, and the rest is merged as soon as it is an eighth of all there is. RocksDB merges with its own
 * threads, and not where merging is switched off (a damaged file).
 *
 * Used by the thread that makes checkpoints, alone: nobody else applies batches with such ranges. */
#ifndef ROCKS_GONE_H
#define ROCKS_GONE_H
#include "base/buf.h"
#include "storage/store/rocks_api.h"

enum { GONE_KEY_BYTES = 9 }; /* kind, branch, relation */

typedef struct RocksGone {
    Buf ranges; /* GoneRange, first those whose end is durable */
    uint32_t durable; /* so many; of those in order: */
    uint32_t ordered;
    uint32_t idle_rounds; /* without less to do */
    uint64_t bytes; /* as of the last round */
    bool to_do;
    bool refused; /* some were not noted: the list is to get shorter */
    bool hurries; /* young files are merged at once */
} RocksGone;

/* A batch that is to be applied deletes the keys in [from, to). `ended`: none of them is ever written again (B5). False: it was not
 * noted, so its room comes back some other time. */
bool rocks_gone_note(RocksGone *g, const char *from, const char *to, bool ended);
/* The last `count` that were noted are not: their batch could not be applied. */
void rocks_gone_unnote(RocksGone *g, uint32_t count);
/* Everything noted so far has been flushed. */
void rocks_gone_flushed(RocksGone *g);
/* To be called again and again while files are merged; waits for nothing but the deletion of some files. */
void rocks_gone_merge(RocksGone *g, const RocksApi *api, rocksdb_t *db);
/* The store is about to be closed: files are deleted, and nothing is merged. */
void rocks_gone_end(RocksGone *g, const RocksApi *api, rocksdb_t *db);

#endif
