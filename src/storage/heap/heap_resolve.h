/* src/storage/heap/heap_resolve.h - replacing raw transaction ids on a page by what became of them. */
#ifndef HEAP_RESOLVE_H
#define HEAP_RESOLVE_H
#include "shmem/pagecache/pagecache.h"

/* T6: exclusive latch held. Returns the smallest top transaction id still on the page, 0 = none; the
 * RawResolve of page_raw_visit. Any kind of page. */
Xid heap_resolve(Ctx *cx, PageRef *ref);

#endif
