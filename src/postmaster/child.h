/* src/postmaster/child.h - the life of a forked process. None of these return. */
#ifndef POSTMASTER_CHILD_H
#define POSTMASTER_CHILD_H
#include "postmaster/pool.h"
#include "postmaster/postmaster.h"

/* Waits for connections and serves one after the other. Signals must be blocked. */
NORETURN void child_serve(const Pool *pool, int slot, const ListenSet *listeners, const PostmasterParts *parts);
/* Refuses all connections, after so much time in which they wait. */
NORETURN void child_refuse(const Pool *pool, const ListenSet *listeners, const PostmasterParts *parts,
                           Reception reception, int patience_ms);
/* Run what the worker needs, or the worker, with signals set up. */
NORETURN void child_prepare(const Pool *pool, ListenSet *listeners, const PostmasterWorker *worker);
NORETURN void child_work(const Pool *pool, ListenSet *listeners, const PostmasterWorker *worker);

#endif
