/* src/storage/txn/share_count.h - how many rows of each relation a transaction shares (R1). */
#ifndef SHARE_COUNT_H
#define SHARE_COUNT_H
#include "base/ctx.h"
#include "base/ids.h"

/* One more; returns how many there are. An estimate from above: rollbacks do not take away. */
uint32_t share_count_add(Ctx *cx, BranchId branch, RelationId relation);

#endif
