/* src/storage/store/page_direct.h - a process other than the store's reads a page from RocksDB's table files.
 *
 * It does so without RocksDB, from the spot that the store has found (table_files.h), and accepts nothing but the page: the
 * value below its key, with its checksum. Whatever else it meets, the store is asked, which then decides and reports (S2).
 *
 * Files stay open for the next page, DIRECT_FILES at most, and not for long: a file that RocksDB has deleted keeps its room on
 * the disk until the last has closed it. So they are closed before the next page is read after the store has seen that files
 * are gone; by who is busy otherwise, or waits for a lock, when it is told so (INTERRUPT_WAKE, ctx_poll); and by a session that
 * has waited for its client for ENGINE_REST_MS. */
#ifndef PAGE_DIRECT_H
#define PAGE_DIRECT_H
#include "base/ctx.h"
#include "shmem/pagecache/page_spots.h"

enum { DIRECT_FILES = 64 };

/* `folder`: of the table files; it must stay. NULL: no memory, so the store will be asked. */
PageReader *page_direct_open(const char *folder);
void page_direct_close(Ctx *cx, PageReader *reader); /* NULL is fine */

/* Closes the files; see engine_rest. They are counted in Proc.files_open. */
void page_direct_rest(Ctx *cx);

#endif
