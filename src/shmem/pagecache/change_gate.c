/* change_gate.c - see change_gate.h. A sleeper counts itself before it looks a last time, so a wake-up is not lost. */
#include "shmem/pagecache/change_gate.h"

#include "shmem/sync/futex.h"

enum { NAP_US = 10000 };

void
change_gate_call(ChangeGate *g)
{
    atomic_fetch_add(&g->maker_bell, 1);
    if (atomic_load(&g->maker_sleeps) != 0)
        futex_wake(&g->maker_bell, 1);
}

void
change_gate_wait(ChangeGate *g)
{
    while (!change_gate_open(g)) {
        uint32_t bell = atomic_load(&g->bell);

        atomic_fetch_add(&g->sleepers, 1);
        change_gate_call(g);
        if (!change_gate_open(g))
            futex_wait(&g->bell, bell, NAP_US);
        atomic_fetch_sub(&g->sleepers, 1);
    }
}

void
change_gate_set_room(ChangeGate *g, uint64_t room)
{
    atomic_store(&g->room, room);
    if (atomic_load(&g->sleepers) == 0)
        return;
    atomic_fetch_add(&g->bell, 1);
    futex_wake(&g->bell, INT32_MAX);
}
