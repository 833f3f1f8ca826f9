/* activity.c - what a session says about itself: one writer, many readers, no latch.
 *
 * A seqlock: the version is odd while the owner writes. A reader copies and tries again when the
 * version moved; after many tries it takes the last copy, because a monitoring view may be a little
 * wrong but must not hang (the writer may have been killed half-way). */
#include "shmem/proc/slot.h"

enum { READ_TRIES = 1000 };

Activity *
proc_activity_begin(Proc *proc)
{
    uint32_t version = atomic_load_explicit(&proc->activity_version, memory_order_relaxed);

    atomic_store_explicit(&proc->activity_version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    return &proc->activity;
}

void
proc_activity_end(Proc *proc)
{
    uint32_t version = atomic_load_explicit(&proc->activity_version, memory_order_relaxed);

    atomic_store_explicit(&proc->activity_version, (version | 1) + 1, memory_order_release);
}

void
proc_set_wait(Proc *proc, WaitEvent event)
{
    atomic_store_explicit(&proc->wait_event, (uint32_t)event, memory_order_relaxed);
}

bool
proc_activity_read(const ProcTable *table, uint32_t slot_no, Activity *out)
{
    const Proc *p;

    ASSERT(slot_no < table->slot_count);
    if (slot_no >= atomic_load(&table->high))
        return false;
    p = proc_slot(table, slot_no);
    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t before = atomic_load_explicit(&p->activity_version, memory_order_acquire);

        if (proc_state(p) != PROC_ACTIVE)
            return false;
        memcpy(out, &p->activity, sizeof(*out));
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) == 0 && before == atomic_load_explicit(&p->activity_version, memory_order_relaxed))
            break;
    }
    out->xid = atomic_load_explicit(&p->xid, memory_order_relaxed);
    out->wait_event = atomic_load_explicit(&p->wait_event, memory_order_relaxed);
    out->query[sizeof(out->query) - 1] = '\0';
    return true;
}
