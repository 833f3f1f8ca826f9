/* src/storage/store/store_reader.h - answers those who wait for pages (shmem/pagecache/page_io.h). For whoever has the
 * store open: its process, and checks. */
#ifndef STORE_READER_H
#define STORE_READER_H
#include "storage/store/page_store.h"

/* A reader's step: answers somebody who waits, or sleeps for a moment and returns false. `warm`: the step before answered.
 * What fails concerns that page alone, and is told to whoever asked for it. */
bool store_serve_read(Ctx *cx, PageStore *store, bool warm);

#endif
