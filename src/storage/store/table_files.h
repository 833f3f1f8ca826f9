/* src/storage/store/table_files.h - where a page that RocksDB has just returned lies in its table files.
 *
 * RocksDB does not say it, so the store's process reads the files' index blocks itself (table_format.h). It need not know
 * which of several versions counts: a spot is accepted if the block there holds, below the page's key, the very bytes that
 * RocksDB has given. An answer is never needed, so whatever is in the way (a file that is not understood, no room for its
 * index) means that there is none.
 *
 * Safe from any thread. */
#ifndef TABLE_FILES_H
#define TABLE_FILES_H
#include "base/ctx.h"
#include "shmem/pagecache/page_spots.h"

typedef struct TableFiles TableFiles;

/* Keeps no more than `index_bytes` of indexes in memory. NULL: no memory. */
TableFiles *table_files_new(const char *folder, uint64_t index_bytes);
void table_files_free(Ctx *cx, TableFiles *t); /* NULL is fine */

/* Tells it all files that there are: _begin, _add for each, _end. One thread at a time. True: some have gone since. */
void table_files_begin(TableFiles *t);
void table_files_add(TableFiles *t, uint64_t no, int level, uint64_t bytes, const char *smallest,
                     size_t smallest_bytes, const char *largest, size_t largest_bytes);
MUST_CHECK bool table_files_end(Ctx *cx, TableFiles *t);
uint32_t table_files_count(TableFiles *t);

/* The block that has just this page below this key (its checksum behind it, as store_batch_put_page has made it). */
MUST_CHECK bool table_files_find(Ctx *cx, TableFiles *t, const void *key, size_t key_bytes, const char *page,
                                 PageSpot *out);

#endif
