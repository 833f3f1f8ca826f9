/* wal_group.c - see wal_group.h. */
#include "storage/wal/wal_group.h"

#include "base/env.h"
#include "shmem/sync/futex.h"
#include "storage/wal/wal_shared.h"

enum { WAIT_MOST_US = 2000, SKIP_MOST = 256 };

static uint32_t
asking(const WalShared *shared, const WalGroup *g)
{
    return (uint32_t)(atomic_load(&shared->asked) - g->served);
}

/* Until as many ask as are likely to, or `end`. */
static void
wait_for_more(Ctx *cx, WalShared *shared, const WalGroup *g, uint64_t end)
{
    uint64_t now;

    atomic_store(&shared->writer_sleeps, 1);
    for (;;) {
        uint32_t bell = atomic_load(&shared->writer_bell);

        now = env_mono_us(cx->env);
        if (asking(shared, g) >= g->together || now >= end)
            break;
        futex_wait(&shared->writer_bell, bell, end - now);
    }
    atomic_store(&shared->writer_sleeps, 0);
}

void
wal_group_gather(Ctx *cx, WalGroup *g)
{
    WalShared *shared = wal_shared(cx->proc);
    uint64_t flush_us = g->flush_8us / 8, start, took;
    uint32_t before = asking(shared, g), came;

    if (before == 0 || before >= g->together || flush_us == 0)
        return;
    if (g->skip > 0) {
        g->skip--;
        return;
    }
    start = env_mono_us(cx->env);
    wait_for_more(cx, shared, g, start + MIN_OF(flush_us / 2, (uint64_t)WAIT_MOST_US));
    took = env_mono_us(cx->env) - start;
    came = asking(shared, g) - before;
    /* Who waited lost `took`; who came has won the rest of a flush. */
    if (came * flush_us >= before * took) {
        g->skip_next = 1;
    } else {
        g->skip = g->skip_next;
        g->skip_next = MIN_OF(MAX_OF(g->skip_next, 1u) * 2, (uint32_t)SKIP_MOST);
    }
}

void
wal_group_begin(Ctx *cx, WalGroup *g)
{
    uint64_t asked = atomic_load(&wal_shared(cx->proc)->asked);

    if (asked == g->served)
        return; /* the rest of what the last one was for */
    g->size = (uint32_t)(asked - g->served);
    g->served = asked;
}

void
wal_group_end(Ctx *cx, WalGroup *g, uint64_t flush_us)
{
    g->together = g->size + asking(wal_shared(cx->proc), g);
    g->flush_8us = g->flush_8us == 0 ? (uint32_t)MIN_OF(flush_us * 8, (uint64_t)UINT32_MAX)
                                     : g->flush_8us - g->flush_8us / 8 + (uint32_t)MIN_OF(flush_us, 1u << 24);
}
