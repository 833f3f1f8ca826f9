/* src/storage/store/store_reader.h - answers those who wait for pages (shmem/pagecache/page_io.h). For whoever has the
 * store open: its process, and checks. */
#ifndef STORE_READER_H
#define STORE_READER_H
#include "storage/store/page_store.h"

/* A reader's step: answers some of those who wait; sleeps for a moment if there are none. What fails concerns that page
 * alone, and is told to whoever asked for it. */
void store_serve_reads(Ctx *cx, PageStore *store);

#endif
