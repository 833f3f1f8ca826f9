/* txn_log.c - see txn_log.h.
 *
 * Commit with a log (T2): below the commit latch the transaction gets its number, its record gets its place, and its
 * word in the id table becomes the number; the record is published as copied only afterwards, so no flush can tell of it
 * before. The log writer raises visible_csn when the record is on disk (T3); with synchronous_commit = off the session
 * raises it itself, once everything before its record is copied. Messages of K1 are sent twice: before visible_csn
 * passes the commit, and after it, for those who have looked in between.
 *
 * The record has room for so many savepoints and relations that go; more of them are logged before it, in records that say
 * "if this transaction commits" (decision 0025). Both lie behind the redo position or neither does. */
#include "storage/txn/txn_log.h"

#include <sched.h>

#include "base/env.h"
#include "base/stop_point.h"
#include "storage/engine/engine_shared.h"

enum { XID_PORTION = 8192, OID_PORTION = 4096 };

/* Savepoints and what goes, together, in one record. */
enum { ENTRIES_MOST = 4096 };
static_assert(sizeof(Xid) == 8 && sizeof(Gone) == 8, "part of the log format");
static_assert(sizeof(CommitRecord) + ENTRIES_MOST * 8 + INVALIDATION_RING / 2 * sizeof(Invalidation) +
                      sizeof(WalRecord) <=
                  WAL_BURST_BYTES,
              "a commit's record fits");

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

/* What a commit has to tell: as one record, or with parts before it. */
typedef struct CommitLog {
    CommitRecord head;
    RecordPart parts[4];
    Xid *subs; /* those kept */
    bool ahead; /* savepoints and what goes are logged before */
    uint64_t redo_positions; /* taken before they were */
} CommitLog;

static void
collect(Ctx *cx, Txn *t, CommitLog *c)
{
    static const Invalidation everything = {.branch = BRANCH_SHARED};
    const InvalidationList *messages = &t->invalidations;
    bool all = invalidation_means_all(messages);

    c->subs = arena_array(&t->arena, Xid, MAX_OF(t->sub_count, 1u));
    for (uint32_t i = 0; i < t->sub_count; i++)
        c->subs[i] = t->subs[i].xid;
    c->ahead = (uint64_t)t->sub_count + t->gone_count > ENTRIES_MOST;
    c->head = (CommitRecord){.xid = t->xid,
                             .wall_us = env_wall_us(cx->env),
                             .sub_count = c->ahead ? 0 : t->sub_count,
                             .gone_count = c->ahead ? 0 : t->gone_count,
                             .message_count = all ? 1 : messages->count};
    c->parts[0] = (RecordPart){&c->head, sizeof(c->head)};
    c->parts[1] = (RecordPart){c->subs, (uint32_t)sizeof(Xid) * c->head.sub_count};
    c->parts[2] = (RecordPart){t->gone, (uint32_t)sizeof(Gone) * c->head.gone_count};
    c->parts[3] = (RecordPart){all ? &everything : messages->messages,
                               (uint32_t)sizeof(Invalidation) * c->head.message_count};
}

/* What does not fit into the commit's record. It says nothing without that: if we fail or die in between, the transaction is
 * rolled back like any other. */
static Status
log_ahead(Ctx *cx, const Txn *t, CommitLog *c)
{
    TxnShared *s = txn_shared(cx->proc);
    uint32_t subs = 0, gone = 0;

    latch_take(cx->proc, &s->commit_latch);
    c->redo_positions = s->redo_positions; /* from here on we log behind the last of them */
    latch_drop(cx->proc, &s->commit_latch);
    while (subs < t->sub_count || gone < t->gone_count) {
        CommitPartRecord head = {.xid = t->xid,
                                 .sub_count = MIN_OF(t->sub_count - subs, (uint32_t)ENTRIES_MOST)};

        head.gone_count = MIN_OF(t->gone_count - gone, ENTRIES_MOST - head.sub_count);
        TRY(wal_check_disk(cx)); /* more than the current segment may have room for */
        wal_secure(cx);
        (void)wal_insert(cx, RECORD_COMMIT_PART, (WalTarget){0},
                         (RecordPart[]){{&head, sizeof(head)},
                                        {c->subs + subs, (uint32_t)sizeof(Xid) * head.sub_count},
                                        {t->gone_count > 0 ? t->gone + gone : NULL,
                                         (uint32_t)sizeof(Gone) * head.gone_count}},
                         3);
        subs += head.sub_count;
        gone += head.gone_count;
    }
    stop_point("txn.commit.logged_ahead");
    return ST_OK;
}

/* T2. *place.end 0: a checkpoint has taken its redo position behind what was logged ahead. Recovery from there would not find
 * it: the id table that the checkpoint stores has the savepoints, but of a transaction that is running, and which of those
 * are rolled back later it can not tell (id_forget_open_subs). So everything is logged once more. */
static void
decide(Ctx *cx, Txn *t, CommitLog *c, WalPlace *place)
{
    Proc *proc = cx->proc;
    TxnShared *s = txn_shared(proc);
    uint64_t now = txn_clock_us(&s->clock, cx->env);

    *place = (WalPlace){0};
    latch_take(proc, &s->commit_latch);
    if (c->ahead && s->redo_positions != c->redo_positions) {
        latch_drop(proc, &s->commit_latch);
        return;
    }
    c->head.csn = MAX_OF(now, s->last_csn + 1);
    s->last_csn = c->head.csn;
    *place = wal_reserve(cx, c->parts, COUNT_OF(c->parts));
    if (t->invalidations.count > 0)
        invalidation_publish(proc, &t->invalidations);
    if (t->structural)
        atomic_fetch_add(&s->structure_commits, 1);
    id_set(page_cache(proc), &s->ids, t->xid, c->head.csn);
    wal_note_commit(proc, place->end, c->head.csn);
    latch_drop(proc, &s->commit_latch);
    stop_point("txn.commit.reserved");
    wal_fill(cx, *place, RECORD_COMMIT, (WalTarget){0}, c->parts, COUNT_OF(c->parts));
}

/* *end: behind the record. */
static Status
log_and_decide(Ctx *cx, Txn *t, CommitLog *c, Lsn *end)
{
    Proc *proc = cx->proc;
    WalPlace place;

    do {
        if (c->ahead)
            TRY(log_ahead(cx, t, c));
        wal_secure_commit(cx);
        if (t->gone_count > 0) /* S1: a checkpoint waits, that it does not have the one without the other */
            atomic_store(&proc->ending, 1);
        proc_critical_enter(proc);
        decide(cx, t, c, &place);
        proc_critical_leave(proc);
        if (place.end == 0)
            atomic_store(&proc->ending, 0);
    } while (place.end == 0);
    *end = place.end;
    return ST_OK;
}

Status
txn_log_commit(Ctx *cx, Txn *t)
{
    Proc *proc = cx->proc;
    CommitLog c;
    Xid xid;
    Lsn end;

    if (t->xid == 0 && t->gone_count == 0 && t->invalidations.count == 0) {
        wal_wait_flushed(cx, proc->log_last); /* a sequence, say: what was given out must stay given out */
        return ST_OK;
    }
    TRY(txn_assign_id(cx, &xid));
    collect(cx, t, &c);
    TRY(log_and_decide(cx, t, &c, &end));
    stop_point("txn.commit.before_visible");
    if (proc->log_asynchronous)
        raise_visible(cx, end, c.head.csn);
    else
        wal_wait_flushed(cx, end);
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
