/* txn_log.c - see txn_log.h.
 *
 * Commit with a log (T2): below the commit latch the transaction gets its number, its record gets its place, and its
 * word in the id table becomes the number; the record is published as copied only afterwards, so no flush can tell of it
 * before. The log writer raises visible_csn when the record is on disk (T3); with synchronous_commit = off the session
 * raises it itself, once everything before its record is copied. Messages of K1 are sent twice: before visible_csn
 * passes the commit, and after it, for those who have looked in between. */
#include "storage/txn/txn_log.h"

#include <sched.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "storage/engine/engine_shared.h"

enum { XID_PORTION = 8192, OID_PORTION = 4096 };

bool
txn_log_is_needed(Ctx *cx, const Txn *t)
{
    if (!wal_is_on(cx->proc))
        return false;
    return cx->proc->log_last > t->log_start || t->gone_count > 0 || t->invalidations.count > 0;
}

static void
publish_messages(Ctx *cx, const Txn *t)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);

    latch_take(proc, &s->commit_latch);
    invalidation_publish(proc, &t->invalidations);
    latch_drop(proc, &s->commit_latch);
}

/* T3: all commits before this one have their numbers; are their records copied? */
static void
raise_visible(Ctx *cx, Lsn end, Csn csn)
{
    TxnShared *s = txn_shared(cx->proc);
    Csn visible;

    while (wal_copied(cx->proc) < end)
        sched_yield();
    visible = atomic_load(&s->visible_csn);
    while (visible < csn && !atomic_compare_exchange_weak(&s->visible_csn, &visible, csn))
        ;
}

static int
collect_parts(Ctx *cx, Txn *t, CommitRecord *head, RecordPart parts[4])
{
    Xid *subs = NULL;

    *head = (CommitRecord){.xid = t->xid,
                           .wall_us = env_wall_us(cx->env),
                           .sub_count = t->sub_count,
                           .gone_count = t->gone_count,
                           .message_count = t->invalidations.count};
    if (t->sub_count > 0)
        subs = arena_array(&t->arena, Xid, t->sub_count);
    for (uint32_t i = 0; i < t->sub_count; i++)
        subs[i] = t->subs[i].xid;
    parts[0] = (RecordPart){head, sizeof(*head)};
    parts[1] = (RecordPart){subs, (uint32_t)sizeof(Xid) * t->sub_count};
    parts[2] = (RecordPart){t->gone, (uint32_t)sizeof(Gone) * t->gone_count};
    parts[3] = (RecordPart){t->invalidations.messages, (uint32_t)sizeof(Invalidation) * t->invalidations.count};
    return 4;
}

Status
txn_log_commit(Ctx *cx, Txn *t)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);
    RecordPart parts[4];
    CommitRecord head;
    int part_count;
    WalPlace place;
    uint64_t now;
    Xid xid;

    if (t->xid == 0 && t->gone_count == 0 && t->invalidations.count == 0) {
        wal_wait_flushed(cx, proc->log_last); /* a sequence, say: what was given out must stay given out */
        return ST_OK;
    }
    TRY(txn_assign_id(cx, &xid));
    part_count = collect_parts(cx, t, &head, parts);
    if (parts[1].bytes + parts[2].bytes + parts[3].bytes > WAL_BURST_BYTES / 2)
        return fail(cx, ST_ERROR, "54000", "transaction has too many savepoints or dropped objects to commit");
    wal_secure_commit(cx);
    now = txn_clock_us(&s->clock, cx->env);
    if (t->gone_count > 0) /* S1: a checkpoint waits, that it does not have the one without the other */
        atomic_store(&proc->ending, 1);
    proc_critical_enter(proc);
    latch_take(proc, &s->commit_latch);
    head.csn = MAX_OF(now, s->last_csn + 1);
    s->last_csn = head.csn;
    place = wal_reserve(cx, parts, part_count);
    if (t->invalidations.count > 0)
        invalidation_publish(proc, &t->invalidations);
    if (t->structural)
        atomic_fetch_add(&s->structure_commits, 1);
    id_set(page_cache(proc), &s->ids, t->xid, head.csn);
    wal_note_commit(proc, place.end, head.csn);
    latch_drop(proc, &s->commit_latch);
    stop_point("txn.commit.reserved");
    wal_fill(cx, place, RECORD_COMMIT, (WalTarget){0}, parts, part_count);
    proc_critical_leave(proc);
    stop_point("txn.commit.before_visible");
    if (proc->log_asynchronous)
        raise_visible(cx, place.end, head.csn);
    else
        wal_wait_flushed(cx, place.end);
    if (t->invalidations.count > 0)
        publish_messages(cx, t);
    return ST_OK;
}

/* ---- ids -------------------------------------------------------------------------------------------------------- */

static void
log_limits(Ctx *cx, EngineShared *e, Xid xid, uint32_t oid)
{
    IdLimitRecord r = {.xid = xid, .oid = oid};

    (void)wal_insert(cx, RECORD_ID_LIMIT, (WalTarget){0}, &(RecordPart){&r, sizeof(r)}, 1);
    e->logged_xid = xid;
    atomic_store(&e->logged_oid, oid);
}

void
txn_log_xid(Ctx *cx, Xid next)
{
    EngineShared *e = engine_shared(cx->engine);

    if (UNLIKELY(wal_is_on(cx->proc)) && UNLIKELY(next >= e->logged_xid))
        log_limits(cx, e, next + XID_PORTION, atomic_load(&e->logged_oid));
}

void
txn_log_oid(Ctx *cx, uint32_t oid)
{
    EngineShared *e = engine_shared(cx->engine);
    Latch *latch = &txn_shared(cx->proc)->ids.latch;

    if (LIKELY(!wal_is_on(cx->proc)) || LIKELY(oid < atomic_load(&e->logged_oid)))
        return;
    wal_secure(cx);
    latch_take(cx->proc, latch);
    if (oid >= atomic_load(&e->logged_oid))
        log_limits(cx, e, e->logged_xid, oid + OID_PORTION);
    latch_drop(cx->proc, latch);
}
