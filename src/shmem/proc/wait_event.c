/* wait_event.c - the rows of wait_events.def as names. */
#include "shmem/proc/wait_event.h"

static const struct {
    const char *type, *name;
} events[WAIT_EVENT_COUNT] = {
    {NULL, NULL},
#define WAIT_EVENT(symbol, type, name, doc) {type, name},
#include "shmem/proc/wait_events.def"
#undef WAIT_EVENT
};

const char *
wait_event_type(uint32_t event)
{
    return event < WAIT_EVENT_COUNT ? events[event].type : NULL;
}

const char *
wait_event_name(uint32_t event)
{
    return event < WAIT_EVENT_COUNT ? events[event].name : NULL;
}
