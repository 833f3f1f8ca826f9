/* src/shmem/proc/wait_event.h - names of what a session waits for; Activity.wait_event is one. */
#ifndef WAIT_EVENT_H
#define WAIT_EVENT_H
#include "base/attr.h"

typedef enum WaitEvent {
    WAIT_NONE,
#define WAIT_EVENT(symbol, type, name, doc) symbol,
#include "shmem/proc/wait_events.def"
#undef WAIT_EVENT
    WAIT_EVENT_COUNT
} WaitEvent;

/* NULL for WAIT_NONE and unknown numbers. */
const char *wait_event_type(uint32_t event);
const char *wait_event_name(uint32_t event);

#endif
