/* engine_int.h - what the sources of this folder share. */
#ifndef ENGINE_INT_H
#define ENGINE_INT_H
#include "shmem/proc/slot.h"
#include "shmem/region/region.h"
#include "storage/engine/engine.h"

/* Private to a process (children inherit a copy): nothing of it lies in shared memory. */
struct Engine {
    Region *region;
    ProcTable *procs;
};

/* Part PART_ENGINE. */
typedef struct EngineShared {
    _Atomic uint32_t next_oid; /* atomic */
} EngineShared;

static inline EngineShared *
engine_shared(const Engine *engine)
{
    return region_part(engine->region, PART_ENGINE);
}

#endif
