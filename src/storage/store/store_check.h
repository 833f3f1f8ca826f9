/* src/storage/store/store_check.h - the parts of a data directory that no catalog names. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H
#include "storage/check/damage.h"
#include "storage/store/page_store.h"

/* Every page that is stored has its checksum. */
MUST_CHECK Status store_check_pages(Ctx *cx, PageStore *store, DamageReport *report, uint64_t *pages);
/* The id table, as recovery left it: outcomes that can be. Reported without a place. */
void store_check_ids(Ctx *cx, DamageReport *report, uint64_t *ids);

#endif
