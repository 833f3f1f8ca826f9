/* wal_sealing.c - see wal_sealing.h. */
#include "storage/wal/wal_sealing.h"

#include <sched.h>
#include <stdlib.h>

#include "base/stop_point.h"
#include "storage/wal/wal_pen.h"
#include "storage/wal/wal_portion.h"

enum { PORTION_KEPT = 1 << 20 }; /* a larger buffer is given back */

Status
wal_sealing_open(Ctx *cx, const SealKey *data_key, WalSealing *out)
{
    *out = (WalSealing){0};
    return seal_writer_open(cx, data_key, wal_key_purpose, &out->seal);
}

void
wal_sealing_close(WalSealing *s)
{
    seal_writer_close(&s->seal);
    free(s->portion);
    *s = (WalSealing){0};
}

Lsn
wal_sealing_settle(Proc *proc)
{
    WalShared *shared = wal_shared(proc);
    Lsn end = atomic_load(&shared->portion_end);

    if (end > atomic_load(&shared->portion))
        return end;
    proc_instant_enter(proc); /* C1: between these two nobody would know what the place is for */
    end = atomic_fetch_add(&page_cache(proc)->gate.taken, WAL_SEAL_BYTES);
    atomic_store(&shared->portion_end, end);
    proc_instant_leave(proc);
    return end;
}

static Status
need_room(Ctx *cx, WalSealing *s, uint32_t bytes)
{
    if (bytes <= s->portion_bytes)
        return ST_OK;
    free(s->portion);
    s->portion_bytes = 0;
    s->portion = malloc(MAX_OF(bytes, (uint32_t)WAL_SEALING_BYTES));
    if (s->portion == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    s->portion_bytes = MAX_OF(bytes, (uint32_t)WAL_SEALING_BYTES);
    return ST_OK;
}

static void
copy_from_ring(WalShared *shared, Lsn at, uint8_t *out, uint64_t bytes)
{
    uint64_t offset = at % shared->ring_bytes, first = MIN_OF(bytes, shared->ring_bytes - offset);

    memcpy(out, wal_ring(shared) + offset, first);
    if (bytes > first)
        memcpy(out + first, wal_ring(shared), bytes - first);
}

Status
wal_sealing_make(Ctx *cx, WalSealing *s, Lsn at, Lsn end)
{
    WalShared *shared = wal_shared(cx->proc);
    uint32_t bytes = (uint32_t)(end - at);

    ASSERT(at >= s->sealed_to); /* S3 */
    stop_point("wal.portion_settled");
    TRY(need_room(cx, s, bytes));
    while (wal_copied(cx->proc) < end)
        sched_yield();
    copy_from_ring(shared, at + WAL_SEAL_BYTES, s->portion + WAL_SEAL_BYTES, bytes - WAL_SEAL_BYTES);
    s->sealed_to = end;
    return wal_portion_seal(cx, &s->seal, at, atomic_load(&shared->flushed), s->portion,
                            bytes - WAL_SEAL_BYTES);
}

void
wal_sealing_note_written(Proc *proc, WalSealing *s, Lsn end)
{
    stop_point("wal.portion_written");
    atomic_store(&wal_shared(proc)->portion, end);
    stop_point("wal.portion_noted");
    wal_pen_note_written(proc, end);
    if (s->portion_bytes > PORTION_KEPT) {
        free(s->portion);
        s->portion = NULL;
        s->portion_bytes = 0;
    }
}
