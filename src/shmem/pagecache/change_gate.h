/* src/shmem/pagecache/change_gate.h - may a change of pages begin?
 *
 * Nothing waits for room in the log inside of a critical section (C1): so who begins one looks here first. `taken` is
 * where the next log record goes, `room` how far a change may begin. Without a log, room is endless. */
#ifndef CHANGE_GATE_H
#define CHANGE_GATE_H
#include <stdatomic.h>

#include "base/attr.h"

typedef struct ChangeGate {
    _Atomic uint64_t taken; /* atomic */
    _Atomic uint64_t room; /* atomic */
    _Atomic uint32_t bell; /* atomic: raised when room has grown */
    _Atomic uint32_t sleepers; /* atomic */
    /* Who makes room sleeps until this is raised. */
    _Atomic uint32_t maker_bell __attribute__((aligned(64))); /* atomic */
    _Atomic uint32_t maker_sleeps; /* atomic: 1 = it may be asleep */
} ChangeGate;

static inline bool
change_gate_open(const ChangeGate *g)
{
    return LIKELY(atomic_load_explicit(&g->taken, memory_order_relaxed) <=
                  atomic_load_explicit(&g->room, memory_order_relaxed));
}
/* Wakes who makes room. */
void change_gate_call(ChangeGate *g);
/* Calls for room and sleeps until it is open. */
void change_gate_wait(ChangeGate *g);
void change_gate_set_room(ChangeGate *g, uint64_t room);

#endif
