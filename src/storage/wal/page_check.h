/* src/storage/wal/page_check.h - tests: is every change of a page one that redo can repeat? */
#ifndef PAGE_CHECK_H
#define PAGE_CHECK_H
#include "shmem/pagecache/pagecache.h"
#include "storage/wal/record.h"

/* Private memory of a session. */
typedef struct PageCheck PageCheck;
/* NULL when there is no memory. */
PageCheck *page_check_open(void);
void page_check_close(PageCheck *check); /* NULL is fine */

/* Around each change, below the page's latch; changes do not nest. */
void page_check_begin(PageCheck *check, const PageRef *ref);
void page_check_cancel(PageCheck *check);
/* Asserts that the record repeats the change. */
void page_check_end(PageCheck *check, const PageRef *ref, RecordKind kind, const RecordPart *parts,
                    int part_count);

#endif
