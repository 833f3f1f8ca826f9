/* wal.c - see wal.h.
 *
 * How the writer knows what is copied: each session notes in its slot a lower bound of what it has reserved before it
 * reserves. The writer reads the position first and the slots afterwards; so a reservation below that position has its
 * note, and the smallest note is the first gap. */
#include "storage/wal/wal.h"

#include "base/crc32c.h"
#include "base/stop_point.h"
#include "shmem/sync/futex.h"
#include "storage/wal/wal_shared.h"
#include "storage/wal/wal_solo.h"

enum { WAIT_NAP_US = 100000, BELL_NAP_US = 1000 };

uint64_t
wal_shared_bytes(uint32_t max_slots)
{
    return sizeof(WalShared) + WAL_RING_BYTES + (uint64_t)max_slots * WAL_BURST_BYTES + 4096;
}

void
wal_shared_carve(Region *region, uint32_t max_slots)
{
    WalShared *w = region_carve(region, sizeof(WalShared), 64);
    char *ring;

    w->reserve_bytes = (uint64_t)max_slots * WAL_BURST_BYTES;
    w->ring_bytes = WAL_RING_BYTES + w->reserve_bytes;
    ring = region_carve(region, w->ring_bytes, 64);
    w->ring = (ShmRef)(ring - (char *)w);
    region->part[PART_WAL] = region_ref(region, w);
}

static ChangeGate *
gate_of(const Proc *proc)
{
    return &page_cache(proc)->gate;
}

bool
wal_is_on(const Proc *proc)
{
    return (cache_log_mode(page_cache(proc)) & PAGE_LOG_WRITE) != 0;
}

void
wal_start(Region *region, Lsn at, bool sealed)
{
    WalShared *w = region_part(region, PART_WAL);
    PageCache *cache = region_part(region, PART_CACHE);

    ASSERT(at % WAL_ALIGN == 0);
    ASSERT(at >= WAL_FIRST_LSN);
    ASSERT(at < UINT64_MAX / WAL_TURNS / 2); /* `flushing` */
    w->started = at;
    atomic_store(&w->written, at);
    atomic_store(&w->flushed, at);
    w->sealed = sealed;
    atomic_store(&w->portion, at);
    atomic_store(&cache->gate.taken, sealed ? at + WAL_SEAL_BYTES : at);
    atomic_store(&cache->gate.room, at + w->ring_bytes - w->reserve_bytes);
    cache->log_mode |= PAGE_LOG_WRITE;
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

WalPlace
wal_reserve(Ctx *cx, const RecordPart *parts, int part_count)
{
    Proc *proc = cx->proc;
    ChangeGate *gate = gate_of(proc);
    WalPlace place = {.bytes = (uint32_t)sizeof(WalRecord)};

    DEBUG_ASSERT(proc_in_critical(proc));
    for (int i = 0; i < part_count; i++)
        place.bytes += parts[i].bytes;
    ASSERT(place.bytes <= WAL_BURST_BYTES);
    atomic_store(&proc->log_inserting, atomic_load(&gate->taken));
    place.start = atomic_fetch_add(&gate->taken, ALIGN_UP(place.bytes, (uint32_t)WAL_ALIGN));
    place.end = place.start + ALIGN_UP(place.bytes, (uint32_t)WAL_ALIGN);
    proc_count(proc, COUNT_LOG_RECORDS, 1);
    atomic_store(&proc->log_inserting, place.start);
    return place;
}

/* Copies to the ring, around its end if need be. */
static void
ring_put(WalShared *w, Lsn at, const void *data, uint64_t bytes)
{
    uint64_t offset = at % w->ring_bytes, first = MIN_OF(bytes, w->ring_bytes - offset);

    memcpy(wal_ring(w) + offset, data, first);
    if (bytes > first)
        memcpy(wal_ring(w), (const char *)data + first, bytes - first);
}

/* It is told that somebody wants it, soon. */
static void
wake_writer(const Proc *proc)
{
    change_gate_call(gate_of(proc));
}

void
wal_fill(Ctx *cx, WalPlace place, RecordKind kind, WalTarget target, const RecordPart *parts, int part_count)
{
    Proc *proc = cx->proc;
    WalShared *w = wal_shared(proc);
    static const char zeros[WAL_ALIGN];
    uint64_t behind = (place.start - atomic_load(&w->flushed) + WAL_BEHIND_BYTES - 1) / WAL_BEHIND_BYTES;
    WalRecord r = {.bytes = place.bytes,
                   .behind = (uint16_t)MIN_OF(behind, (uint64_t)WAL_BEHIND_MOST),
                   .kind = (uint8_t)kind,
                   .fork = target.fork,
                   .branch = target.branch,
                   .relation = target.relation,
                   .block = target.block};
    uint32_t crc = crc32c(0, &place.start, sizeof(place.start));
    Lsn at = place.start + sizeof(r);

    crc = crc32c(crc, (const char *)&r + sizeof(r.crc), sizeof(r) - sizeof(r.crc));
    for (int i = 0; i < part_count; i++) {
        if (parts[i].bytes == 0)
            continue;
        crc = crc32c(crc, parts[i].data, parts[i].bytes);
        ring_put(w, at, parts[i].data, parts[i].bytes);
        at += parts[i].bytes;
    }
    ring_put(w, at, zeros, place.end - at);
    r.crc = crc;
    ring_put(w, place.start, &r, sizeof(r));
    proc->log_last = place.end;
    atomic_store_explicit(&proc->log_inserting, 0, memory_order_release);
    if (UNLIKELY(place.start / WAL_CALL_BYTES != place.end / WAL_CALL_BYTES))
        wake_writer(proc); /* so that there is room again before the ring is full */
}

Lsn
wal_insert(Ctx *cx, RecordKind kind, WalTarget target, const RecordPart *parts, int part_count)
{
    WalPlace place;

    proc_instant_enter(cx->proc);
    place = wal_reserve(cx, parts, part_count);
    wal_fill(cx, place, kind, target, parts, part_count);
    proc_instant_leave(cx->proc);
    return place.end;
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* Behind the last record. The room for a seal that nothing follows yet does not count: nothing is lost if it never comes. */
static Lsn
less_seal(const Proc *proc, Lsn lsn)
{
    const WalShared *w;

    if (!wal_is_on(proc))
        return lsn;
    w = wal_shared(proc);
    return w->sealed && lsn == atomic_load(&w->portion) + WAL_SEAL_BYTES ? lsn - WAL_SEAL_BYTES : lsn;
}

Lsn
wal_position(const Proc *proc)
{
    return less_seal(proc, atomic_load(&gate_of(proc)->taken));
}

Lsn
wal_readable(const Proc *proc)
{
    return wal_is_on(proc) && wal_shared(proc)->sealed ? atomic_load(&wal_shared(proc)->portion)
                                                       : wal_position(proc);
}

Lsn
wal_written(const Proc *proc)
{
    return atomic_load(&wal_shared(proc)->written);
}

Lsn
wal_flushed(const Proc *proc)
{
    return atomic_load(&wal_shared(proc)->flushed);
}

Lsn
wal_copied(const Proc *proc)
{
    const ProcTable *table = proc_table_of(proc);
    Lsn least = atomic_load(&gate_of(proc)->taken);
    uint32_t high = atomic_load(&table->high);

    for (uint32_t no = 0; no < high; no++) {
        Lsn inserting = atomic_load(&proc_slot(table, no)->log_inserting);

        if (inserting != 0 && inserting < least)
            least = inserting;
    }
    return less_seal(proc, least);
}

void
wal_counts(const Proc *proc, WalCounts *out)
{
    const WalShared *w = wal_shared(proc);

    *out = (WalCounts){.bytes = wal_position(proc) - w->started,
                       .writes = atomic_load(&w->writes),
                       .syncs = atomic_load(&w->syncs),
                       .write_us = atomic_load(&w->write_us),
                       .sync_us = atomic_load(&w->sync_us),
                       .late = atomic_load(&w->late)};
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

void
wal_secure(Ctx *cx)
{
    ASSERT(!proc_in_critical(cx->proc));
    page_wait_for_room(cx->proc);
}

bool
wal_note_full(Proc *proc, WalFull who, bool full)
{
    _Atomic uint32_t *word = &wal_shared(proc)->disk_full;
    uint32_t before = full ? atomic_fetch_or(word, (uint32_t)who) : atomic_fetch_and(word, ~(uint32_t)who);

    return full != ((before & (uint32_t)who) != 0);
}

bool
wal_disk_is_full(const Proc *proc)
{
    return UNLIKELY(wal_is_on(proc)) &&
           UNLIKELY(atomic_load_explicit(&wal_shared(proc)->disk_full, memory_order_relaxed) != 0);
}

Status
wal_check_disk(Ctx *cx)
{
    if (LIKELY(!wal_disk_is_full(cx->proc)))
        return ST_OK;
    (void)fail(cx, ST_IO, "53100", "could not extend %s: no space left on device",
               atomic_load(&wal_shared(cx->proc)->disk_full) & WAL_FULL_LOG ? "the write-ahead log"
                                                                            : "the page store");
    fail_hint(cx, "Free some space; the server goes on by itself.");
    return ST_IO;
}

/* False: it was not flushed, and `give_up_full` and the disk is full. */
static bool
wait_flushed(Ctx *cx, Lsn lsn, bool give_up_full)
{
    Proc *proc = cx->proc;
    WalShared *w = wal_shared(proc);
    Lsn wanted = atomic_load(&w->wanted);

    ASSERT(!proc_in_critical(proc));
    if (atomic_load(&w->flushed) >= lsn)
        return true;
    while (wanted < lsn && !atomic_compare_exchange_weak(&w->wanted, &wanted, lsn))
        ;
    wake_writer(proc);
    stop_point("wal.wanted");
    proc_set_wait(proc, WAIT_LOG_SYNC);
    while (atomic_load(&w->flushed) < lsn && !(give_up_full && (atomic_load(&w->disk_full) & WAL_FULL_LOG))) {
        uint32_t bell = atomic_load(&w->flushed_bell);
        uint32_t turn = wal_turn_bit(atomic_load(&w->flushing), lsn);

        if (atomic_load(&w->flushed) >= lsn) /* since the bell was read */
            break;
        if (!futex_wait_bits(&w->flushed_bell, bell, turn, WAIT_NAP_US) && atomic_load(&w->flushed) >= lsn)
            atomic_fetch_add(&w->late, 1);
    }
    proc_set_wait(proc, WAIT_NONE);
    return atomic_load(&w->flushed) >= lsn;
}

void
wal_wait_flushed(Ctx *cx, Lsn lsn)
{
    if (atomic_load(&wal_shared(cx->proc)->flushed) < lsn && !wal_solo_flush(cx, lsn))
        (void)wait_flushed(cx, lsn, false);
}

Status
wal_try_flushed(Ctx *cx, Lsn lsn)
{
    if (wait_flushed(cx, lsn, true))
        return ST_OK;
    return fail(cx, ST_IO, "53100", "could not write the end of the log: No space left on device");
}

void
wal_wait_bell(const Proc *proc)
{
    WalShared *w = wal_shared(proc);

    futex_wait(&w->flushed_bell, atomic_load(&w->flushed_bell), BELL_NAP_US);
}

/* ---- commits ---------------------------------------------------------------------------------------------------- */

void
wal_secure_commit(Ctx *cx)
{
    WalShared *w = wal_shared(cx->proc);

    wal_secure(cx);
    while (atomic_load(&w->commit_head) - atomic_load(&w->commit_tail) >=
           WAL_COMMITS - proc_table_of(cx->proc)->slot_count)
        wal_wait_flushed(cx, wal_copied(cx->proc));
}

void
wal_note_commit(Proc *proc, Lsn end, Csn csn)
{
    WalShared *w = wal_shared(proc);
    uint64_t head = atomic_load_explicit(&w->commit_head, memory_order_relaxed);

    ASSERT(head - atomic_load(&w->commit_tail) < WAL_COMMITS);
    w->commits[head % WAL_COMMITS] = (WalCommit){end, csn};
    atomic_store_explicit(&w->commit_head, head + 1, memory_order_release);
}

bool
wal_commits_are_durable(const Proc *proc)
{
    const WalShared *w = wal_shared(proc);

    return atomic_load(&w->commit_head) == atomic_load(&w->commit_tail);
}

/* The last commit at or before `upto`, counted from `tail`; *next: the one behind it. */
static Csn
find_commit(const WalShared *w, uint64_t tail, Lsn upto, uint64_t *next)
{
    uint64_t head = atomic_load_explicit(&w->commit_head, memory_order_acquire);
    Csn csn = 0;

    for (*next = tail; *next < head && w->commits[*next % WAL_COMMITS].end <= upto; (*next)++)
        csn = w->commits[*next % WAL_COMMITS].csn;
    return csn;
}

Csn
wal_peek_commits(Proc *proc, Lsn upto)
{
    const WalShared *w = wal_shared(proc);
    uint64_t next;

    return find_commit(w, atomic_load(&w->commit_tail), upto, &next);
}

void
wal_forget_commits(Proc *proc, Lsn upto)
{
    WalShared *w = wal_shared(proc);
    uint64_t next;

    (void)find_commit(w, atomic_load(&w->commit_tail), upto, &next);
    atomic_store(&w->commit_tail, next);
}
