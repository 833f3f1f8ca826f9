/* store_shared.c - what the store's process and the others tell each other (store_process.h). */
#include "shmem/pagecache/page_io.h"
#include "shmem/sync/futex.h"
#include "storage/engine/engine_shared.h"
#include "storage/store/store_process.h"

enum { WAIT_NAP_US = 100 * 1000 };

uint64_t
store_shared_bytes(void)
{
    return sizeof(StoreShared) + 64;
}

void
store_shared_carve(Region *region)
{
    region->part[PART_STORE] = region_ref(region, region_carve(region, sizeof(StoreShared), 64));
}

StoreShared *
store_shared(const Engine *engine)
{
    return region_part(engine->region, PART_STORE);
}

void
store_set_limits(const Engine *engine, const StoreLimits *limits)
{
    StoreShared *shared = store_shared(engine);
    uint64_t words[COUNT_OF(shared->limits)];

    memcpy(words, limits, sizeof(words));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        atomic_store(&shared->limits[i], words[i]);
}

void
store_get_limits(const Engine *engine, StoreLimits *out)
{
    const StoreShared *shared = store_shared(engine);
    uint64_t words[COUNT_OF(shared->limits)];

    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = atomic_load(&shared->limits[i]);
    memcpy(out, words, sizeof(words));
}

Status
store_wait_ready(Ctx *cx, Engine *engine, bool *is_new)
{
    StoreShared *shared = store_shared(engine);

    for (;;) {
        uint32_t state = atomic_load(&shared->state);

        if (state == STORE_STATE_READY) {
            *is_new = atomic_load(&shared->is_new) != 0;
            return ST_OK;
        }
        if (state == STORE_STATE_REFUSED) {
            (void)fail(cx, ST_IO, shared->sqlstate, "%s", shared->reason);
            if (shared->hint[0] != '\0')
                fail_hint(cx, "%s", shared->hint);
            return ST_IO;
        }
        TRY(ctx_poll(cx));
        futex_wait(&shared->state, state, WAIT_NAP_US);
    }
}

void
store_wal_identity(const Engine *engine, WalDir *out)
{
    const StoreShared *shared = store_shared(engine);

    out->system_id = shared->system_id;
    out->incarnation = shared->incarnation;
}

Status
store_checkpoint(Ctx *cx)
{
    StoreShared *shared = store_shared(cx->engine);
    uint32_t mine = atomic_fetch_add(&shared->checkpoint_wanted, 1) + 1;

    page_cleaner_wake(page_cache(cx->proc));
    for (;;) {
        uint32_t bell = atomic_load(&shared->checkpoint_bell);

        if ((int32_t)(atomic_load(&shared->checkpoint_done) - mine) >= 0) {
            uint32_t failed = atomic_load(&shared->checkpoint_failed);

            if (failed == 0 || (int32_t)(failed - 1 - mine) < 0)
                return ST_OK;
            (void)fail(cx, ST_IO, "53100", "could not write a checkpoint: no space left on device");
            fail_hint(cx, "Free some space; the server tries again by itself.");
            return ST_IO;
        }
        TRY(ctx_poll(cx));
        proc_set_wait(cx->proc, WAIT_CHECKPOINT);
        futex_wait(&shared->checkpoint_bell, bell, WAIT_NAP_US);
        proc_set_wait(cx->proc, WAIT_NONE);
    }
}
