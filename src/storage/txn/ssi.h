/* src/storage/txn/ssi.h - where serializable transactions will hear of reads and writes (R5).
 *
 * The access methods call these at the places where a dependency can arise; today they do nothing, and
 * SERIALIZABLE gives what REPEATABLE READ gives. */
#ifndef SSI_H
#define SSI_H
#include "base/ctx.h"
#include "base/ids.h"

/* A page or, with root != TID_NONE, a row of the relation was read under the transaction's snapshot. */
static inline void
ssi_read(Ctx *cx, BranchId branch, RelationId relation, BlockNo block, Tid root)
{
    (void)cx;
    (void)branch;
    (void)relation;
    (void)block;
    (void)root;
}
/* A row was inserted, changed or deleted, or an index entry added. */
static inline void
ssi_write(Ctx *cx, BranchId branch, RelationId relation, BlockNo block, Tid root)
{
    (void)cx;
    (void)branch;
    (void)relation;
    (void)block;
    (void)root;
}
/* What was read on `from` may now be on `to`, too. */
static inline void
ssi_page_split(Ctx *cx, BranchId branch, RelationId relation, BlockNo from, BlockNo to)
{
    (void)cx;
    (void)branch;
    (void)relation;
    (void)from;
    (void)to;
}

#endif
