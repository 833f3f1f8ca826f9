/* src/storage/engine/invalidation.h - the ring that tells sessions which catalog entries changed (K1).
 *
 * A transaction collects messages and puts them on the ring below the commit latch, before visible_csn
 * passes its commit. A session that finds new messages waits for that latch once: so what it reads
 * after absorbing is at least as new as what it was told. */
#ifndef INVALIDATION_H
#define INVALIDATION_H
#include "shmem/proc/slot.h"
#include "storage/engine/engine.h"

enum { INVALIDATION_RING = 4096 };

typedef struct InvalidationRing {
    _Atomic uint64_t head; /* atomic; changes under the commit latch: messages ever sent */
    Invalidation messages[INVALIDATION_RING]; /* commit latch */
} InvalidationRing;

/* Private to a transaction; lives in its arena. */
typedef struct InvalidationList {
    Invalidation *messages;
    uint32_t count, capacity;
} InvalidationList;

/* Not if it is among the last few: DDL says the same again and again. */
void invalidation_add(InvalidationList *list, Arena *arena, Invalidation message);
/* There are so many that everybody is to forget everything instead. */
bool invalidation_means_all(const InvalidationList *list);
/* The commit latch is held. */
void invalidation_publish(Proc *proc, const InvalidationList *list);
/* Everybody forgets everything at the next statement or lock. The commit latch is held. */
void invalidation_publish_all(Proc *proc);
/* A new session has nothing cached. */
void invalidation_start(Proc *proc);

#endif
