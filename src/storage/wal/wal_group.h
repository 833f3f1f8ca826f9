/* src/storage/wal/wal_group.h - which commits one flush of the log serves.
 *
 * Without a rule, those who come while one flush runs wait for the next: two groups take turns, and each commit takes two
 * flushes' time. If the sessions that were just let go are back soon, compared with the time of a flush, it is better to wait for
 * them and have them all in one. The writer cannot know that, so it tries: it waits, for half a flush at most, until as many
 * have asked as lately did together; if what came in was not worth the time, it does not try again for a while, twice as long each time. */
#ifndef WAL_GROUP_H
#define WAL_GROUP_H
#include "base/ctx.h"

typedef struct WalGroup {
    uint64_t served; /* of all who ever asked, those that the flushes until now were for */
    uint32_t size, together; /* of the last flush; and with those who came while it ran */
    uint32_t flush_8us; /* how long a flush takes, about, in eighths of a microsecond */
    uint32_t skip, skip_next; /* flushes for which nobody is waited for; the next time so many */
} WalGroup;

/* Somebody wants a flush: waits for others if that is likely to pay. */
void wal_group_gather(Ctx *cx, WalGroup *g);
/* A flush of all that is copied now begins. */
void wal_group_begin(Ctx *cx, WalGroup *g);
/* It has ended, and took so long. */
void wal_group_end(Ctx *cx, WalGroup *g, uint64_t flush_us);

#endif
