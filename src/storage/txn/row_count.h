/* src/storage/txn/row_count.h - how many rows a transaction has put into each relation: if it is rolled back, the
 * relation's numbers say that they are dead, and vacuum comes for their space. */
#ifndef ROW_COUNT_H
#define ROW_COUNT_H
#include "base/ctx.h"
#include "base/ids.h"

/* So many more living rows, made by the transaction's id `xid`, the current one. */
void row_count_add(Ctx *cx, BranchId branch, RelationId relation, Xid xid, uint32_t rows);

#endif
