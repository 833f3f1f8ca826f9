/* wal_writer.c - see wal_writer.h.
 *
 * Group commit needs no rule of its own: while one flush runs, the commits that come meanwhile wait, and the next flush
 * serves them all. Each flush has a turn (WalShared.flushing), and wakes those who wait for that one. (Waiting for more of them before a flush has been tried: where a flush takes 200 us it cost 15 %.)
 *
 * An encrypted log is written in portions (wal_format.h): who has the pen reserves room for the next portion's seal where the present
 * one shall end, waits for the instant until everything before that is copied, and writes it as one encrypted piece (wal_sealing.h). Room in
 * the ring is given back as a whole then.
 *
 * The segment after the current one is made ahead, a little at each step. While that fails for lack of space, statements
 * that would change something are refused (wal_check_disk); what is under way has the rest of the current segment. A file
 * system may refuse room for that, too: nothing is lost by writing the same again later, so we wait. (That is no way out
 * when a flush fails: what the system has forgotten nobody writes again, so that ends the process.) */
#include "storage/wal/wal_writer.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/env.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/stop_point.h"
#include "shmem/sync/futex.h"
#include "storage/wal/wal_pen.h"

/* PORTION_BYTES of an encrypted log are not left waiting for somebody to want them. */
enum { PORTION_BYTES = 256 * 1024, MAKE_BYTES = 256 * 1024, RETRY_US = 1000 * 1000 };
#define PEN_NAP_US UINT64_C(1000)

/* After a failure: was it one that passes when there is space again? Then everybody is told, and nothing has failed. */
static Status
note_full(Ctx *cx, Status rc)
{
    if (rc == ST_OK || strcmp(cx->error.sqlstate, "53100") != 0)
        return rc;
    if (wal_note_full(cx->proc, WAL_FULL_LOG, true))
        log_line(LOG_ERROR, "%s; statements that change something are refused until there is space",
                 cx->error.message);
    ctx_error_clear(cx);
    return ST_OK;
}

/* Told to end we do not wait: what is not written has not been promised to anybody. */
static Status
wait_for_space(Ctx *cx)
{
    if (atomic_load(cx->interrupt) & INTERRUPT_TERMINATE)
        return fail(cx, ST_IO, "53100", "there is no space for the end of the log");
    usleep(RETRY_US / 10);
    return ST_OK;
}

static void
note_space(Ctx *cx)
{
    if (wal_note_full(cx->proc, WAL_FULL_LOG, false))
        log_line(LOG_INFO, "there is space for the log again");
}

/* ---- beginning -------------------------------------------------------------------------------------------------- */

/* Another writer may have been killed when it had filled a segment and not flushed it. */
static Status
sync_earlier(Ctx *cx, const WalDir *dir, Lsn current)
{
    Lsn first = wal_segment_first(atomic_load(&wal_shared(cx->proc)->flushed));

    for (; first < current; first += WAL_SEGMENT_BYTES) {
        WalSegment s;
        bool exists;
        Status rc;

        TRY(wal_segment_open(cx, dir, first, true, &s, &exists));
        if (!exists)
            return fail(cx, ST_CORRUPT, "XX001", "the log file that begins at %llx is missing",
                        (unsigned long long)first);
        rc = wal_pen_sync(cx, &s);
        wal_segment_close(cx, &s);
        TRY(rc);
    }
    return ST_OK;
}

static Status
make_whole(Ctx *cx, WalWriter *w, Lsn first, bool *done)
{
    TRY(wal_making_begin(cx, &w->dir, first, &w->making));
    return wal_making_step(cx, &w->dir, &w->making, UINT64_MAX, done);
}

static Status
open_current(Ctx *cx, WalWriter *w)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn at = atomic_load(shared->sealed ? &shared->portion : &shared->written);
    bool exists, done = false;

    TRY(sync_earlier(cx, &w->dir, wal_segment_first(at)));
    TRY(wal_segment_open(cx, &w->dir, at, true, &w->current, &exists));
    if (exists)
        return wal_folder_sync(cx, &w->dir);
    for (;;) {
        TRY(note_full(cx, make_whole(cx, w, wal_segment_first(at), &done)));
        if (done)
            break;
        wal_making_abandon(cx, &w->dir, &w->making);
        TRY(wait_for_space(cx));
    }
    note_space(cx);
    TRY(wal_segment_open(cx, &w->dir, at, true, &w->current, &exists));
    ASSERT(exists);
    return ST_OK;
}

/* A session has it for as long as a flush takes. */
static void
take_pen(Ctx *cx)
{
    while (!wal_pen_take(cx->proc))
        usleep(PEN_NAP_US);
}

Status
wal_writer_open(Ctx *cx, WalWriter *w, const WalDir *dir)
{
    WalShared *shared = wal_shared(cx->proc);

    *w = (WalWriter){.dir = *dir, .current = WAL_SEGMENT_NONE, .making = WAL_MAKING_NONE};
    ASSERT((dir->data_key != NULL) == (shared->sealed != 0));
    if (dir->data_key != NULL)
        TRY(wal_sealing_open(cx, dir->data_key, &w->sealing));
    take_pen(cx);
    TRY(open_current(cx, w));
    atomic_store(&shared->segment, w->current.first);
    wal_pen_give(cx->proc);
    return ST_OK;
}

void
wal_writer_close(Ctx *cx, WalWriter *w)
{
    wal_pen_leave(cx->proc); /* told to end, it may have been waiting for space */
    wal_making_abandon(cx, &w->dir, &w->making);
    wal_segment_close(cx, &w->current);
    wal_sealing_close(&w->sealing);
}

/* ---- the next segment ------------------------------------------------------------------------------------------- */

/* Up to `bytes` of work on it. */
static Status
make_next(Ctx *cx, WalWriter *w, uint64_t bytes)
{
    Lsn next = w->current.first + WAL_SEGMENT_BYTES;
    Status rc = ST_OK;

    if (w->next_ready || env_mono_us(cx->env) < w->retry_us)
        return ST_OK;
    if (w->making.fd < 0) {
        WalSegment s;

        TRY(wal_segment_open(cx, &w->dir, next, false, &s, &w->next_ready)); /* a recycled one */
        wal_segment_close(cx, &s);
        if (w->next_ready) {
            TRY(wal_folder_sync(cx, &w->dir));
            goto ready;
        }
        rc = wal_making_begin(cx, &w->dir, next, &w->making);
    }
    if (rc == ST_OK)
        rc = wal_making_step(cx, &w->dir, &w->making, bytes, &w->next_ready);
    if (rc != ST_OK) {
        TRY(note_full(cx, rc));
        wal_making_abandon(cx, &w->dir, &w->making);
        w->retry_us = env_mono_us(cx->env) + RETRY_US;
        return ST_OK;
    }
    if (!w->next_ready)
        return ST_OK;
ready:
    note_space(cx);
    return ST_OK;
}

/* The current segment is full. With a full disk we wait here: everybody else does, too, as soon as the ring is full. */
static Status
go_to_next(Ctx *cx, WalWriter *w)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn written = atomic_load(&shared->written);
    bool exists;

    stop_point("wal.segment_full");
    TRY(wal_pen_sync(cx, &w->current));
    if (written > atomic_load(&shared->flushed)) /* what comes now may have to wait for space: they need not */
        wal_pen_announce(cx->proc, written);
    while (!w->next_ready) {
        TRY(make_next(cx, w, UINT64_MAX));
        if (!w->next_ready)
            TRY(wait_for_space(cx));
    }
    {
        Lsn next = w->current.first + WAL_SEGMENT_BYTES;

        wal_segment_close(cx, &w->current);
        TRY(wal_segment_open(cx, &w->dir, next, true, &w->current, &exists));
        ASSERT(exists);
        atomic_store(&shared->segment, next);
    }
    w->next_ready = false;
    return ST_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* Up to the end of the current segment at most; *written: so many. */
static Status
write_some(Ctx *cx, WalWriter *w, Lsn at, const void *data, uint64_t bytes, uint64_t *written)
{
    Status rc;

    if (at >= w->current.first + WAL_SEGMENT_BYTES)
        TRY(go_to_next(cx, w));
    *written = MIN_OF(w->current.first + WAL_SEGMENT_BYTES - at, bytes);
    while ((rc = wal_pen_write(cx, &w->current, w->dir.path, at, data, *written)) != ST_OK) {
        TRY(note_full(cx, rc));
        TRY(wait_for_space(cx));
    }
    if (w->next_ready) /* else make_next says it, when there is space for that, too */
        note_space(cx);
    return ST_OK;
}

static Status
write_up_to(Ctx *cx, WalWriter *w, Lsn target)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn at = atomic_load(&shared->written);

    while (at < target) {
        uint64_t in_ring = shared->ring_bytes - at % shared->ring_bytes, bytes;

        TRY(write_some(cx, w, at, wal_ring(shared) + at % shared->ring_bytes, MIN_OF(in_ring, target - at),
                       &bytes));
        at += bytes;
        wal_pen_note_written(cx->proc, at);
    }
    return ST_OK;
}

/* ---- portions ---------------------------------------------------------------------------------------------------- */

/* All that has been reserved by now. */
static Status
write_portion(Ctx *cx, WalWriter *w)
{
    Lsn at = atomic_load(&wal_shared(cx->proc)->portion), end = wal_sealing_settle(cx->proc);
    uint64_t written;

    TRY(wal_sealing_make(cx, &w->sealing, at, end));
    for (uint64_t done = 0; done < end - at; done += written)
        TRY(write_some(cx, w, at + done, w->sealing.portion + done, end - at - done, &written));
    wal_sealing_note_written(cx->proc, &w->sealing, end);
    return ST_OK;
}

/* Writes what is copied. Portions cost their seals: `now` false: those that are large enough. */
static Status
write_copied(Ctx *cx, WalWriter *w, Lsn copied, bool now)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn portion = atomic_load(&shared->portion);
    Status rc = ST_OK;

    proc_set_wait(cx->proc, WAIT_LOG_WRITE);
    if (!shared->sealed)
        rc = write_up_to(cx, w, copied);
    else if (copied - portion >= (now ? 1 : PORTION_BYTES) || atomic_load(&shared->wanted) > portion)
        rc = write_portion(cx, w);
    proc_set_wait(cx->proc, WAIT_NONE);
    return rc;
}

static Status
flush(Ctx *cx, WalWriter *w)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn written = atomic_load(&shared->written);

    if (written > atomic_load(&shared->flushed)) {
        wal_pen_begin_turn(shared, written);
        TRY(wal_pen_sync(cx, &w->current));
        wal_pen_announce(cx->proc, written);
    }
    return ST_OK;
}

Status
wal_writer_drain(Ctx *cx, WalWriter *w)
{
    const WalShared *shared = wal_shared(cx->proc);
    Lsn copied;

    take_pen(cx);
    copied = wal_copied(cx->proc);
    do { /* one portion, whose end somebody else may have settled before */
        TRY(write_copied(cx, w, copied, true));
    } while (atomic_load(&shared->written) + (shared->sealed ? WAL_SEAL_BYTES : 0) < copied);
    TRY(flush(cx, w));
    wal_pen_give(cx->proc);
    return ST_OK;
}

/* Nothing has come for a while: what is durable is said once, for wal_verify_end. */
static void
note_durable(Ctx *cx, WalWriter *w)
{
    Lsn flushed = atomic_load(&wal_shared(cx->proc)->flushed);

    if (flushed == w->noted || wal_position(cx->proc) != flushed ||
        !change_gate_open(&page_cache(cx->proc)->gate))
        return;
    w->noted = wal_insert(cx, RECORD_DURABLE, (WalTarget){0}, NULL, 0);
    stop_point("wal.noted");
}

/* With the pen. */
static Status
write_and_flush(Ctx *cx, WalWriter *w, uint64_t idle_us)
{
    WalShared *shared = wal_shared(cx->proc);
    Lsn flushed = atomic_load(&shared->flushed), copied = wal_copied(cx->proc),
        wanted = atomic_load(&shared->wanted);
    uint64_t now = env_mono_us(cx->env);
    bool due;

    if (flushed != w->flushed_seen)
        w->unflushed_since_us = 0;
    w->flushed_seen = flushed;
    if (copied > flushed && w->unflushed_since_us == 0)
        w->unflushed_since_us = now;
    due = wanted > flushed || (w->unflushed_since_us != 0 && now - w->unflushed_since_us >= idle_us);
    TRY(write_copied(cx, w, copied, due));
    return due ? flush(cx, w) : ST_OK;
}

Status
wal_writer_step(Ctx *cx, WalWriter *w, uint32_t idle_ms)
{
    WalShared *shared = wal_shared(cx->proc);
    ChangeGate *gate = &page_cache(cx->proc)->gate;
    uint32_t bell = atomic_load(&gate->maker_bell);
    uint64_t idle_us = (uint64_t)idle_ms * 1000, nap_us = idle_us;
    bool has_pen = wal_pen_take(cx->proc);
    Lsn flushed;

    if (has_pen) {
        TRY(write_and_flush(cx, w, idle_us));
        wal_pen_give(cx->proc);
    }
    TRY(make_next(cx, w, MAKE_BYTES));
    flushed = atomic_load(&shared->flushed);
    if (atomic_load(&shared->wanted) > flushed) {
        /* A session between reserving and publishing has what somebody waits for: look again at once. */
        if (has_pen) {
            if (wal_copied(cx->proc) <= atomic_load(&shared->written))
                sched_yield();
            return ST_OK;
        }
        nap_us = MIN_OF(idle_us, PEN_NAP_US); /* who has the pen calls when it is free, unless it is killed */
    }
    if (w->making.fd >= 0)
        return ST_OK;
    atomic_store(&gate->maker_sleeps, 1);
    proc_set_wait(cx->proc, WAIT_WAL_WRITER_MAIN);
    if (atomic_load(&gate->maker_bell) == bell)
        futex_wait(&gate->maker_bell, bell, nap_us);
    proc_set_wait(cx->proc, WAIT_NONE);
    atomic_store(&gate->maker_sleeps, 0);
    if (atomic_load(&gate->maker_bell) == bell && atomic_load(&shared->flushed) == flushed)
        note_durable(cx, w);
    return ST_OK;
}
