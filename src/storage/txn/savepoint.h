/* src/storage/txn/savepoint.h - which savepoint an own id belongs to. For storage only (R2). */
#ifndef SAVEPOINT_H
#define SAVEPOINT_H
#include "storage/txn/txn.h"

/* 0 = the transaction itself. The id is one of ours. */
int txn_level_of(Ctx *cx, Xid xid);
/* A lock taken "at" this number goes when that level is rolled back, and not before. */
uint64_t txn_level_lock_seq(Ctx *cx, int level);

#endif
