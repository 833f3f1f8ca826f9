/* src/storage/store/page_writer.h - dirty pages on their way from memory to the store.
 *
 * For the one thread that cleans and checkpoints. A page is copied under its share latch, the copy is resolved as far as
 * is known (T6), and only when the log is durable up to its last change is the batch applied. Until then the frame stays
 * pinned, so that nobody reads an older image back. */
#ifndef PAGE_WRITER_H
#define PAGE_WRITER_H
#include "shmem/pagecache/pagecache.h"
#include "storage/store/page_store.h"
#include "storage/wal/wal_format.h"

enum { PAGE_WRITER_PAGES = 64 };

typedef struct PageWriter {
    PageStore *store;
    StoreBatch *batch;
    PageRef refs[PAGE_WRITER_PAGES];
    Xid stored_raw[PAGE_WRITER_PAGES]; /* of the images these pages have had in the store until now */
    uint32_t count;
    Lsn lsn; /* the log has to be durable up to here */
    uint64_t pages_written; /* since it was opened */
} PageWriter;

MUST_CHECK Status page_writer_open(Ctx *cx, PageStore *store, PageWriter *out);
void page_writer_close(Ctx *cx, PageWriter *w);
/* Takes the frame along if it holds a dirty page. Applies what is collected when it is enough. */
MUST_CHECK Status page_writer_add(Ctx *cx, PageWriter *w, uint32_t frame_no);
/* Applies what is collected. On failure the pages are dirty again. */
MUST_CHECK Status page_writer_apply(Ctx *cx, PageWriter *w);

#endif
