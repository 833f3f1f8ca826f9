/* wal_solo.c - see wal_solo.h.
 *
 * Who calls the log writer meanwhile finds it waiting for the pen; so it is called once more when the pen is free. */
#include "storage/wal/wal_solo.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/stop_point.h"
#include "storage/wal/wal_pen.h"

struct WalSolo {
    const char *folder;
    WalSealing *sealing; /* NULL = what it writes is not encrypted */
    WalSegment segment; /* the last one written to */
};

WalSolo *
wal_solo_open(const char *folder, WalSealing *sealing)
{
    WalSolo *solo = malloc(sizeof(*solo));

    if (solo != NULL)
        *solo = (WalSolo){.folder = folder, .sealing = sealing, .segment = WAL_SEGMENT_NONE};
    return solo;
}

static void
close_segment(Ctx *cx, WalSolo *solo)
{
    if (solo->segment.fd < 0)
        return;
    wal_segment_close(cx, &solo->segment);
    atomic_fetch_sub_explicit(&cx->proc->files_open, 1, memory_order_relaxed);
}

void
wal_solo_close(Ctx *cx, WalSolo *solo)
{
    if (solo == NULL)
        return;
    close_segment(cx, solo);
    free(solo);
}

void
wal_solo_rest(Ctx *cx)
{
    if (cx->wal_solo != NULL)
        close_segment(cx, cx->wal_solo);
}

/* A hint: others may begin at any time, and then find the log writer. */
static bool
is_alone(const Proc *proc)
{
    const ProcTable *procs = proc_table_of(proc);
    uint32_t high = atomic_load(&procs->high);

    for (uint32_t no = 0; no < high; no++) {
        if (no != proc->no && atomic_load_explicit(&proc_slot(procs, no)->xid, memory_order_relaxed) != 0)
            return false;
    }
    return true;
}

static bool
open_segment(Ctx *cx, WalSolo *solo, Lsn first)
{
    const WalDir dir = {.path = solo->folder, .is_sealed = solo->sealing != NULL};
    bool exists;

    if (LIKELY(solo->segment.fd >= 0 && solo->segment.first == first))
        return true;
    close_segment(cx, solo);
    if (wal_segment_open(cx, &dir, first, true, &solo->segment, &exists) != ST_OK) {
        ctx_error_clear(cx); /* the log writer will say it, if it has to */
        return false;
    }
    if (exists)
        atomic_fetch_add_explicit(&cx->proc->files_open, 1, memory_order_relaxed);
    return exists;
}

/* What is on disk is not known any more: never go on as if it were (S1). */
static void
end_process(Ctx *cx)
{
    log_report(LOG_FATAL, "log", &cx->error, NULL);
    abort();
}

/* False: the disk is full. */
static bool
write_some(Ctx *cx, WalSolo *solo, Lsn at, const void *data, uint64_t bytes)
{
    Status rc = wal_pen_write(cx, &solo->segment, solo->folder, at, data, bytes);

    if (rc != ST_OK && strcmp(cx->error.sqlstate, "53100") == 0) {
        ctx_error_clear(cx);
        return false;
    }
    if (rc != ST_OK)
        end_process(cx);
    return true;
}

/* False: the disk is full. */
static bool
write_plain(Ctx *cx, WalSolo *solo, Lsn at, Lsn target)
{
    WalShared *shared = wal_shared(cx->proc);

    while (at < target) {
        uint64_t offset = at % shared->ring_bytes, bytes = MIN_OF(shared->ring_bytes - offset, target - at);

        if (!write_some(cx, solo, at, wal_ring(shared) + offset, bytes))
            return false;
        at += bytes;
        wal_pen_note_written(cx->proc, at);
    }
    return true;
}

/* The portions with everything before `lsn`. False: what is left of that has to be written by another one: it is too much, goes on in the
 * next segment, or was encrypted before and could not be written (S3). */
static bool
write_sealed(Ctx *cx, WalSolo *solo, Lsn lsn)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn at;

    while ((at = atomic_load(&shared->portion)) < lsn) {
        Lsn end = wal_sealing_settle(cx->proc);

        if (end > solo->segment.first + WAL_SEGMENT_BYTES || end - at > WAL_SEALING_BYTES ||
            at < solo->sealing->sealed_to)
            return false;
        if (wal_sealing_make(cx, solo->sealing, at, end) != ST_OK) {
            ctx_error_clear(cx);
            return false;
        }
        if (!write_some(cx, solo, at, solo->sealing->portion, end - at))
            return false;
        wal_sealing_note_written(cx->proc, solo->sealing, end);
    }
    return true;
}

static bool
flush(Ctx *cx, WalSolo *solo, Lsn lsn)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn at = atomic_load(shared->sealed ? &shared->portion : &shared->written), target = wal_copied(cx->proc),
        first = wal_segment_first(at);
    bool written;

    if (atomic_load(&shared->flushed) >= lsn)
        return true;
    if (target < lsn || target > first + WAL_SEGMENT_BYTES || first != atomic_load(&shared->segment) ||
        !open_segment(cx, solo, first))
        return false;
    proc_set_wait(cx->proc, WAIT_LOG_WRITE);
    written = shared->sealed ? write_sealed(cx, solo, lsn) : write_plain(cx, solo, at, target);
    proc_set_wait(cx->proc, WAIT_NONE);
    if (!written)
        return false;
    stop_point("wal.solo_written");
    target = atomic_load(&shared->written);
    wal_pen_begin_turn(shared, target);
    if (wal_pen_sync(cx, &solo->segment) != ST_OK)
        end_process(cx);
    wal_pen_announce(cx->proc, target);
    return true;
}

bool
wal_solo_flush(Ctx *cx, Lsn lsn)
{
    const WalShared *shared = wal_shared(cx->proc);
    ChangeGate *gate = &page_cache(cx->proc)->gate;
    uint32_t bell = atomic_load(&gate->maker_bell);
    bool done;

    ASSERT(!proc_in_critical(cx->proc));
    if (cx->wal_solo == NULL || (shared->sealed && cx->wal_solo->sealing == NULL) || !is_alone(cx->proc) ||
        !wal_pen_try(cx->proc))
        return false;
    done = flush(cx, cx->wal_solo, lsn);
    wal_pen_give(cx->proc);
    stop_point("wal.solo_given");
    if (atomic_load(&gate->maker_bell) != bell || atomic_load(&shared->wanted) > atomic_load(&shared->flushed))
        change_gate_call(gate);
    return done;
}
