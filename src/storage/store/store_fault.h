/* src/storage/store/store_fault.h - a page store around another, whose calls can fail (base/fault.h). For tests. */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H
#include "storage/store/page_store.h"

/* Takes `inner` along: it is closed with this one. NULL when there is no memory. */
MUST_CHECK PageStore *store_fault_wrap(PageStore *inner);

#endif
