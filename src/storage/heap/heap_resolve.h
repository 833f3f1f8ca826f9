/* src/storage/heap/heap_resolve.h - replacing raw transaction ids on a page by what became of them. */
#ifndef HEAP_RESOLVE_H
#define HEAP_RESOLVE_H
#include "shmem/pagecache/pagecache.h"

/* T6: exclusive latch held. Returns the smallest top transaction id still on the page, 0 = none; the
 * RawResolve of page_raw_visit. Any kind of page. */
Xid heap_resolve(Ctx *cx, PageRef *ref);

/* The same on a private copy that is going to be stored; what was only of use in memory is taken off it. */
Xid heap_resolve_copy(Ctx *cx, char *page);
/* What heap_resolve would answer if nothing could be settled. In recovery this one and heap_resolve_copy settle nothing, and
 * may answer a smaller id. */
Xid heap_least_raw(Ctx *cx, const char *page);

/* Takes away what every reader may set as it knows: a page of any kind. */
void heap_forget_hints(char *page);

/* B2, on a private copy: the page as a branch sees it that was forked when `cap` was the last commit. What had not
 * committed by then never will. A page of any kind. */
void heap_resolve_for(Ctx *cx, char *page, Csn cap);

#endif
