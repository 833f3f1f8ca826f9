/* src/postmaster/pool.h - what the postmaster and its backends share about themselves.
 *
 * A small mapping of its own, apart from the engine's region: one state per child. Connecting is cheap because
 * a child already waits in accept, and because a child whose session ended in good order waits for the next one
 * instead of exiting.
 *
 *   FREE --fork--> IDLE --accept--> BUSY --session ended--> IDLE
 *                                   BUSY --too many are--> REFUSING --client told--> IDLE
 *   any state --exit, seen by the postmaster--> FREE */
#ifndef POSTMASTER_POOL_H
#define POSTMASTER_POOL_H
#include <stdatomic.h>

#include "postmaster/listen.h"

typedef enum ChildState { CHILD_FREE, CHILD_IDLE, CHILD_BUSY, CHILD_REFUSING } ChildState;

typedef struct PoolShared {
    _Atomic uint32_t idle_least; /* atomic: fewest idle children since the postmaster last looked */
    _Atomic bool draining; /* atomic: whoever becomes idle exits */
    _Atomic bool crashed; /* atomic: that is why children are told to end at once */
    _Atomic bool orphaned; /* atomic: somebody has said that the postmaster is gone */
    uint32_t capacity; /* set once at start */
    _Atomic uint8_t states[]; /* atomic: ChildState; written by the child, FREE by the postmaster */
} PoolShared;

typedef struct Pool {
    PoolShared *shared;
    int *pids; /* by slot; the postmaster's */
    int ticket_read, ticket_write; /* a byte in this pipe sends one idle child home */
    int postmaster_pid;
    int spare_least; /* idle children there should always be */
    int session_limit;
} Pool;

MUST_CHECK Status pool_create(Ctx *cx, int max_connections, int spare_backends, Pool *out);
/* Children in that state. */
int pool_count(const Pool *pool, ChildState state);
/* A free slot, or -1. */
int pool_free_slot(const Pool *pool);

#endif
