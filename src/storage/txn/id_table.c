/* id_table.c - handing out ids and forgetting them.
 *
 * Assigning notes the id in the session's slot below the same latch that moves `next`, so whoever
 * holds the latch sees every id that was handed out and is not finished. */
#include "storage/txn/id_table.h"

#include "base/log.h"
#include "storage/txn/txn_log.h"

void
id_not_known(const IdTable *t, Xid xid)
{
    log_line(LOG_FATAL, "transaction id %llu is asked for; those from %llu to before %llu are known%s",
             (unsigned long long)xid, (unsigned long long)atomic_load(&t->trimmed),
             (unsigned long long)atomic_load(&t->next),
             id_table_is_filling(t) ? ", and recovery is at work" : "");
    assert_failed("the id is known", __FILE__, __LINE__);
}

void
id_table_init(IdTable *t, ShmRef self)
{
    latch_init(&t->latch, LATCH_ID_ASSIGN);
    atomic_init(&t->next, XID_FIRST);
    atomic_init(&t->trimmed, XID_FIRST);
    t->self = self;
}

/* Makes sure that the frame of the next id is there. False: the window of the directory is full. */
static bool
make_room(Proc *proc, IdTable *t, Xid next)
{
    _Atomic uint32_t *entry = &t->directory[next / ID_PER_FRAME % ID_DIRECTORY];

    if (atomic_load(entry) != 0)
        return next % ID_PER_FRAME != 0 ||
               next / ID_PER_FRAME - atomic_load(&t->trimmed) / ID_PER_FRAME < ID_DIRECTORY;
    atomic_store_explicit(entry, frame_take(proc, FRAME_SHARED), memory_order_release);
    return true;
}

Status
id_assign(Ctx *cx, IdTable *t, Xid parent, Xid *out)
{
    Proc *proc = cx->proc;
    bool room;
    Xid xid = 0;

    TRY(frame_reserve(cx, 1, true));
    TRY(wal_check_disk(cx));
    if (wal_is_on(proc))
        wal_secure(cx);
    latch_take(proc, &t->latch);
    room = make_room(proc, t, atomic_load(&t->next));
    if (room) {
        xid = atomic_load(&t->next);
        txn_log_xid(cx, xid);
        if (parent != 0)
            id_set(page_cache(proc), t, xid, ID_SUB | parent);
        else
            atomic_store(&proc->xid, xid);
        atomic_store(&t->next, xid + 1);
    }
    latch_drop(proc, &t->latch);
    if (!room) {
        (void)fail(cx, ST_ERROR, "53200", "too many transactions since the oldest one still running");
        fail_hint(cx, "End transactions that have been open for long.");
        return ST_ERROR;
    }
    *out = xid;
    return ST_OK;
}

Xid
id_oldest_running(Ctx *cx, IdTable *t)
{
    Proc *proc = cx->proc;
    ProcTable *procs = proc_table_of(proc);
    uint32_t high = atomic_load(&procs->high);
    Xid least;

    latch_take(proc, &t->latch);
    least = atomic_load(&t->next);
    for (uint32_t no = 0; no < high; no++) {
        Xid xid = atomic_load(&proc_slot(procs, no)->xid);

        if (xid != 0 && xid < least)
            least = xid;
    }
    latch_drop(proc, &t->latch);
    return least;
}

void
id_trim(Ctx *cx, IdTable *t, Xid below)
{
    Proc *proc = cx->proc;
    Xid from = atomic_load(&t->trimmed);

    ASSERT(below <= atomic_load(&t->next));
    for (bool held = false; !held && from / ID_PER_FRAME < below / ID_PER_FRAME;) {
        _Atomic uint32_t *entry = &t->directory[from / ID_PER_FRAME % ID_DIRECTORY];
        uint32_t frame;

        from = (from / ID_PER_FRAME + 1) * ID_PER_FRAME;
        latch_take(proc, &t->latch);
        held = t->held;
        frame = held ? 0 : atomic_exchange(entry, 0);
        if (!held)
            atomic_store(&t->trimmed, from);
        if (frame != 0)
            frame_release(proc, frame);
        latch_drop(proc, &t->latch);
    }
}

Xid
id_hold(Proc *proc, IdTable *t)
{
    Xid trimmed;

    latch_take(proc, &t->latch);
    t->held = true;
    trimmed = atomic_load(&t->trimmed);
    latch_drop(proc, &t->latch);
    return trimmed;
}

void
id_let_go(Proc *proc, IdTable *t)
{
    latch_take(proc, &t->latch);
    t->held = false;
    latch_drop(proc, &t->latch);
}

/* ---- recovery --------------------------------------------------------------------------------------------------- */

void
id_table_fill(IdTable *t, bool filling)
{
    atomic_store(&t->filling, filling);
}

Status
id_restore(Ctx *cx, IdTable *t, Xid next)
{
    Xid from = atomic_load(&t->next);

    for (uint64_t no = from / ID_PER_FRAME; next > from && no <= (next - 1) / ID_PER_FRAME; no++) {
        _Atomic uint32_t *entry = &t->directory[no % ID_DIRECTORY];

        if (atomic_load(entry) != 0)
            continue;
        TRY(frame_reserve(cx, 1, true));
        atomic_store(entry, frame_take(cx->proc, FRAME_SHARED));
    }
    if (next > from)
        atomic_store(&t->next, next);
    return ST_OK;
}

void
id_forget_open_subs(Ctx *cx, IdTable *t)
{
    const PageCache *cache = page_cache(cx->proc);
    Xid next = atomic_load(&t->next);

    /* Parents have smaller ids: they come first. */
    for (Xid xid = atomic_load(&t->trimmed); xid < next; xid++) {
        uint64_t state = id_state(cache, t, xid);

        if (state != ID_ABORTED && (state & ID_SUB) &&
            ((state & ~ID_SUB) < atomic_load(&t->trimmed) || id_state(cache, t, state & ~ID_SUB) == ID_RUNNING))
            id_set(cache, t, xid, ID_RUNNING);
    }
}

Xid
id_least_open(Ctx *cx, IdTable *t)
{
    const PageCache *cache = page_cache(cx->proc);
    Xid next = atomic_load(&t->next), xid = atomic_load(&t->trimmed);

    while (xid < next && id_state(cache, t, xid) != ID_RUNNING)
        xid++;
    return xid;
}

void
id_abort_running(Ctx *cx, IdTable *t)
{
    const PageCache *cache = page_cache(cx->proc);
    Xid next = atomic_load(&t->next);

    for (Xid xid = atomic_load(&t->trimmed); xid < next; xid++) {
        if (id_state(cache, t, xid) == ID_RUNNING)
            id_set(cache, t, xid, ID_ABORTED);
    }
}
