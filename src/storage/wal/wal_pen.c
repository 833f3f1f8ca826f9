/* wal_pen.c - see wal_pen.h. */
#include "storage/wal/wal_pen.h"

#include <errno.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "shmem/sync/futex.h"
#include "storage/txn/txn_shared.h"

/* WalShared.pen: FREE --take--> a mark --give--> FREE; its holder is dead: --buried--> LEFT --take, by the log writer--> a mark */
#define PEN_FREE UINT64_C(0)
#define PEN_LEFT UINT64_MAX

/* Of the process, not only of its slot, which another may have by the time it is looked at. */
static uint64_t
mark_of(const Proc *proc)
{
    return (uint64_t)(proc->no + 1) << 32 | (uint32_t)proc_pid(proc);
}

static bool
is_of_dead(const Proc *proc, uint64_t mark)
{
    const Proc *holder = proc_slot(proc_table_of(proc), (uint32_t)(mark >> 32) - 1);

    return mark_of(holder) == mark && proc_state(holder) == PROC_DEAD;
}

bool
wal_pen_try(Proc *proc)
{
    uint64_t pen = PEN_FREE;

    return atomic_compare_exchange_strong(&wal_shared(proc)->pen, &pen, mark_of(proc));
}

/* What the one before may have done without telling: with nothing left to write, nobody else would give the room, and with
 * nothing left to flush nobody would wake those who wait. */
static void
say_again(Proc *proc)
{
    WalShared *shared = wal_shared(proc);
    uint64_t turn = atomic_load(&shared->flushing) % WAL_TURNS;

    wal_pen_note_written(proc, atomic_load(shared->sealed ? &shared->portion : &shared->written));
    atomic_store(&shared->flushing, atomic_load(&shared->flushed) * WAL_TURNS + turn);
    atomic_fetch_add(&shared->flushed_bell, 1);
    futex_wake(&shared->flushed_bell, INT32_MAX);
}

bool
wal_pen_take(Proc *proc)
{
    WalShared *shared = wal_shared(proc);
    uint64_t pen = atomic_load(&shared->pen);

    if (LIKELY(pen == PEN_FREE))
        return wal_pen_try(proc);
    if (pen != PEN_LEFT && !is_of_dead(proc, pen))
        return false;
    if (!atomic_compare_exchange_strong(&shared->pen, &pen, mark_of(proc)))
        return false;
    say_again(proc);
    return true;
}

static bool
give_back(Proc *proc)
{
    uint64_t pen = mark_of(proc);

    return atomic_compare_exchange_strong(&wal_shared(proc)->pen, &pen, PEN_FREE);
}

void
wal_pen_leave(Proc *proc)
{
    (void)give_back(proc);
}

void
wal_pen_give(Proc *proc)
{
    bool had_it = give_back(proc);

    ASSERT(had_it);
}

void
wal_forget_dead(Proc *proc, const Proc *dead)
{
    uint64_t pen = mark_of(dead);

    if (!wal_is_on(proc))
        return;
    /* Also when another janitor was killed before it had called. */
    if (atomic_compare_exchange_strong(&wal_shared(proc)->pen, &pen, PEN_LEFT) || pen == PEN_LEFT)
        change_gate_call(&page_cache(proc)->gate);
}

/* ---- with the pen ------------------------------------------------------------------------------------------------ */

Status
wal_pen_write(Ctx *cx, const WalSegment *segment, const char *path, Lsn at, const void *data, uint64_t bytes)
{
    WalShared *shared = wal_shared(cx->proc);
    uint64_t start_us = env_mono_us(cx->env);

    ASSERT(wal_segment_first(at) == segment->first);
    TRY(wal_write_at(cx, segment->fd, data, bytes, wal_file_offset(at), path));
    atomic_fetch_add(&shared->writes, 1);
    atomic_fetch_add(&shared->write_us, env_mono_us(cx->env) - start_us);
    return ST_OK;
}

void
wal_pen_note_written(Proc *proc, Lsn at)
{
    WalShared *shared = wal_shared(proc);

    atomic_store(&shared->written, at);
    stop_point("wal.written_noted");
    change_gate_set_room(&page_cache(proc)->gate, at + shared->ring_bytes - shared->reserve_bytes);
}

void
wal_pen_begin_turn(WalShared *shared, Lsn upto)
{
    atomic_store(&shared->flushing, upto * WAL_TURNS + (atomic_load(&shared->flushing) + 1) % WAL_TURNS);
}

Status
wal_pen_sync(Ctx *cx, const WalSegment *segment)
{
    WalShared *shared = wal_shared(cx->proc);
    uint64_t start_us = env_mono_us(cx->env);
    int failed;

    stop_point("wal.before_sync");
    proc_set_wait(cx->proc, WAIT_LOG_SYNC);
    failed = cx->env->sync(cx->env, segment->fd);
    proc_set_wait(cx->proc, WAIT_NONE);
    if (failed == 0) {
        atomic_fetch_add(&shared->syncs, 1);
        atomic_fetch_add(&shared->sync_us, env_mono_us(cx->env) - start_us);
        return ST_OK;
    }
    return fail(cx, ST_IO, "58030", "could not flush the write-ahead log: %s", strerror(errno));
}

void
wal_pen_announce(Proc *proc, Lsn flushed)
{
    WalShared *shared = wal_shared(proc);
    TxnShared *txns = txn_shared(proc);
    Csn csn = wal_peek_commits(proc, flushed), visible = atomic_load(&txns->visible_csn);

    if (csn != 0) {
        atomic_store(&txns->durable_csn, csn);
        while (visible < csn && !atomic_compare_exchange_weak(&txns->visible_csn, &visible, csn))
            ;
    }
    stop_point("wal.flushed");
    wal_forget_commits(proc, flushed); /* not before: another one may have to do this again */
    atomic_store(&shared->flushed, flushed);
    atomic_fetch_add(&shared->flushed_bell, 1);
    (void)futex_wake_bits(&shared->flushed_bell, wal_turn_bit(atomic_load(&shared->flushing), flushed));
}
