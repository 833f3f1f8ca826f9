/* invalidation.c - see invalidation.h.
 *
 * Looking whether there is anything new is one load. Only a session that has something to absorb takes
 * the commit latch, copies a portion and lets go. Who fell behind by more than the ring holds has lost
 * messages and forgets everything; a transaction with very many messages moves the head by a whole
 * round instead of writing them, so that everybody forgets. */
#include "storage/engine/invalidation.h"

#include "storage/engine/engine_shared.h"
#include "storage/txn/txn_shared.h"

enum { LAST_FEW = 4 };

static InvalidationRing *
ring_of(const Proc *proc)
{
    return &((EngineShared *)region_part(proc_region(proc), PART_ENGINE))->invalidations;
}

static bool
was_just_said(const InvalidationList *list, const Invalidation *message)
{
    for (uint32_t i = list->count; i > 0 && i + LAST_FEW > list->count; i--) {
        const Invalidation *m = &list->messages[i - 1];

        if (m->key == message->key && m->branch == message->branch && m->catalog == message->catalog &&
            m->extra == message->extra)
            return true;
    }
    return false;
}

void
invalidation_add(InvalidationList *list, Arena *arena, Invalidation message)
{
    if (was_just_said(list, &message))
        return;
    if (list->count == list->capacity) {
        uint32_t capacity = MAX_OF(16, list->capacity * 2);
        Invalidation *messages = arena_alloc(arena, sizeof(Invalidation) * capacity);

        if (list->count > 0)
            memcpy(messages, list->messages, sizeof(Invalidation) * list->count);
        list->messages = messages;
        list->capacity = capacity;
    }
    list->messages[list->count++] = message;
}

bool
invalidation_means_all(const InvalidationList *list)
{
    return list->count > INVALIDATION_RING / 2;
}

void
invalidation_publish_all(Proc *proc)
{
    atomic_fetch_add(&ring_of(proc)->head, 2 * INVALIDATION_RING);
}

void
invalidation_publish(Proc *proc, const InvalidationList *list)
{
    InvalidationRing *ring = ring_of(proc);
    uint64_t head = atomic_load(&ring->head);

    if (invalidation_means_all(list)) {
        invalidation_publish_all(proc);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++)
        ring->messages[(head + i) % INVALIDATION_RING] = list->messages[i];
    atomic_store(&ring->head, head + list->count);
}

void
invalidation_start(Proc *proc)
{
    proc->absorbed = atomic_load(&ring_of(proc)->head);
}

void
engine_absorb(Ctx *cx, void (*each)(void *arg, const Invalidation *message), void *arg, bool *overflow)
{
    Proc *proc = cx->proc;
    InvalidationRing *ring = ring_of(proc);
    TxnShared *s = txn_shared(proc);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    Invalidation batch[64];

    *overflow = false;
    if (LIKELY(head == proc->absorbed))
        return;
    while (proc->absorbed < head) {
        uint32_t count;

        /* The latch makes us wait until visible_csn has passed what we are told, and it keeps
         * writers away while we copy. */
        latch_take(proc, &s->commit_latch);
        head = atomic_load(&ring->head);
        if (head - proc->absorbed > INVALIDATION_RING) {
            *overflow = true;
            proc->absorbed = head;
        }
        count = (uint32_t)MIN_OF(head - proc->absorbed, (uint64_t)COUNT_OF(batch));
        for (uint32_t i = 0; i < count; i++)
            batch[i] = ring->messages[(proc->absorbed + i) % INVALIDATION_RING];
        latch_drop(proc, &s->commit_latch);
        proc->absorbed += count;
        for (uint32_t i = 0; i < count; i++)
            each(arg, &batch[i]);
    }
}
