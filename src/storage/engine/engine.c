/* engine.c - making the engine, and a session's coming and going.
 *
 * Creating maps the region and carves the parts; nothing of what is reserved is touched before it is
 * used, which is why a server in memory mode is ready in well under a millisecond. */
#include "storage/engine/engine.h"

#include <stdlib.h>

#include "shmem/pagecache/pagecache.h"
#include "storage/engine/engine_int.h"

enum { OID_FIRST = 16384, CARVE_SLACK_BYTES = 64 * 1024 };

Status
engine_create_memory(Ctx *cx, const EngineOptions *options, Engine **out)
{
    RegionOptions want = {.limit_bytes = options->max_memory_bytes,
                          .frame_descriptor_bytes = sizeof(Frame),
                          .max_slots = options->max_slots};
    Engine *engine = calloc(1, sizeof(*engine));
    EngineShared *shared;

    if (engine == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    want.part_bytes =
        proc_table_bytes(options->max_slots) + page_cache_bytes() + sizeof(EngineShared) + CARVE_SLACK_BYTES;
    if (region_create(cx, &want, &engine->region) != ST_OK) {
        free(engine);
        return ST_NO_MEMORY;
    }
    proc_table_carve(engine->region, options->max_slots);
    engine->procs = region_part(engine->region, PART_PROC);
    page_cache_carve(engine->region);
    shared = region_carve(engine->region, sizeof(EngineShared), 64);
    engine->region->part[PART_ENGINE] = region_ref(engine->region, shared);
    atomic_init(&shared->next_oid, OID_FIRST);
    *out = engine;
    return ST_OK;
}

void
engine_destroy(Engine *engine)
{
    if (engine == NULL)
        return;
    region_destroy(engine->region);
    free(engine);
}

Status
engine_attach(Ctx *cx, Engine *engine)
{
    Proc *proc;

    ASSERT(cx->proc == NULL);
    TRY(proc_claim(cx, engine->procs, PROC_BACKEND, &proc));
    cx->engine = engine;
    cx->proc = proc;
    cx->interrupt = &proc->interrupt;
    return ST_OK;
}

void
engine_detach(Ctx *cx)
{
    Proc *proc = cx->proc;

    if (proc == NULL)
        return;
    frame_stash_release(proc);
    cx->interrupt = NULL;
    cx->proc = NULL;
    cx->engine = NULL;
    proc_release(proc);
}

ProcTable *
proc_table(struct Engine *engine)
{
    return engine->procs;
}

_Atomic uint64_t *
engine_used_bytes(Engine *engine)
{
    return &engine->region->used_bytes;
}

const _Atomic uint64_t *
engine_limit_bytes(Engine *engine)
{
    return &engine->region->limit_bytes;
}

uint32_t
engine_next_oid(Engine *engine)
{
    return atomic_fetch_add(&engine_shared(engine)->next_oid, 1);
}
