/* pool.c - see pool.h. Counting is done by looking at all states: there are few, and a count kept apart
 * would be wrong after a child was killed between two instructions. Who becomes BUSY looks afterwards,
 * so of two that do so at once at least one sees the other: there are never too many. */
#include "postmaster/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPARE_DEFAULT = 2, SPARE_ROOM = 8 };

Status
pool_create(Ctx *cx, int max_connections, int spare_backends, Pool *out)
{
    Pool pool = {.postmaster_pid = (int)getpid(), .session_limit = max_connections};
    uint32_t capacity;
    int ends[2];

    ASSERT(max_connections > 0);
    pool.spare_least = spare_backends > 0 ? spare_backends : SPARE_DEFAULT;
    capacity = (uint32_t)(max_connections + pool.spare_least + SPARE_ROOM);
    pool.pids = calloc(capacity, sizeof(int));
    pool.shared =
        mmap(NULL, sizeof(PoolShared) + capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool.pids == NULL || pool.shared == MAP_FAILED)
        return fail(cx, ST_NO_MEMORY, "53200", "no memory for %u processes", capacity);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail(cx, ST_IO, "58030", "could not create a pipe: %s", strerror(errno));
    pool.ticket_read = ends[0];
    pool.ticket_write = ends[1];
    pool.shared->capacity = capacity;
    atomic_store(&pool.shared->idle_least, UINT32_MAX);
    *out = pool;
    return ST_OK;
}

int
pool_count(const Pool *pool, ChildState state)
{
    int count = 0;

    for (uint32_t i = 0; i < pool->shared->capacity; i++)
        count += atomic_load(&pool->shared->states[i]) == state;
    return count;
}

int
pool_free_slot(const Pool *pool)
{
    for (uint32_t i = 0; i < pool->shared->capacity; i++) {
        if (pool->pids[i] == 0)
            return (int)i;
    }
    return -1;
}
