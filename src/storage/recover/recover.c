/* recover.c - see recover.h. */
#include "storage/recover/recover.h"

#include "base/env.h"
#include "base/log.h"
#include "base/stop_point.h"
#include "storage/branch/fork.h"
#include "storage/branch/page_own.h"
#include "storage/engine/engine_shared.h"
#include "storage/recover/log_ahead.h"
#include "storage/recover/redo.h"
#include "storage/rel/rel_upkeep.h"
#include "storage/txn/txn_log.h"
#include "storage/wal/page_change.h"
#include "storage/wal/wal_end.h"

enum { REPORT_US = 5 * 1000 * 1000, LOOK_EVERY = 256 };

static Status
fail_record(Ctx *cx, const WalEntry *e, const char *what)
{
    return fail(cx, ST_CORRUPT, "XX001",
                "log record %s at %llx: %s (branch %u, relation %u, fork %u, block %u)",
                record_kind_name(e->record.kind), (unsigned long long)e->lsn, what, e->record.branch,
                e->record.relation, e->record.fork, e->record.block);
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

/* Pages are added in the order of their blocks, but their first records may come in another. */
static Status
extend_to(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block)
{
    while (cache_rel_length(rel, fork) <= block) {
        PageRef ref;

        TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
        page_add(cx, rel, fork, &ref);
        page_unpin(cx, &ref);
    }
    return ST_OK;
}

/* Below the latch; false: record and page do not fit together. */
static bool
redo_on_page(Ctx *cx, const WalEntry *e, PageRef *ref)
{
    PageHeader *h = page_header(ref->page);
    RedoPage redo = redo_page_of(e->record.kind);
    uint64_t epoch = atomic_load(&page_cache(cx->proc)->epoch);
    PageHeader before; /* an image brings a header of its own */

    if (h->lsn >= e->end)
        return true;
    if (e->record.kind != RECORD_PAGE_IMAGE && h->epoch <= atomic_load(&page_cache(cx->proc)->last_fork_epoch))
        page_keep_for_children(cx, ref);
    before = *h;
    if (!redo(ref->page, e->data, e->bytes))
        return false;
    h->lsn = e->end;
    if (e->record.kind == RECORD_PAGE_IMAGE) {
        page_keep_first(cx, cache_rel(cx, e->record.branch, e->record.relation), ref->frame, ref->page);
    } else {
        h->prev_epoch = before.prev_epoch;
    }
    h->epoch = epoch;
    frame_set_dirty(ref->frame, true);
    if (page_is(ref->page, PAGE_KIND_HEAP))
        page_mark_raw(cx, ref, XID_FIRST); /* the first look will find out */
    return true;
}

/* A whole page replaces whatever is there. That is not even read: neither what the store has of it by now, as the records that follow are
 * there, too, nor the origin's, which may be gone (B4). */
static Status
pin_for_redo(Ctx *cx, CacheRel *rel, const WalEntry *e, PageRef *ref)
{
    if (e->record.kind == RECORD_PAGE_IMAGE)
        TRY(page_own_empty(cx, rel, (Fork)e->record.fork, e->record.block));
    TRY(page_pin(cx, rel, (Fork)e->record.fork, e->record.block, ref));
    if (ref->page != NULL && page_is_linked(ref))
        page_unpin(cx, ref); /* a whole page should have come first */
    return ST_OK;
}

/* A relation that was dropped, or a page that was cut off, after the redo position and before the checkpoint came to it is
 * not in the store: then its records can not be done, and need not be. If drop or cut do not come, that was no excuse
 * (recover_finish; B5). */
static void
doom(CacheRel *rel, const WalEntry *e)
{
    rel->doomed = 1;
    log_line(LOG_DEBUG,
             "recovery: %s at %llx: there is no relation %u of branch %u: it has to be dropped further on",
             record_kind_name(e->record.kind), (unsigned long long)e->lsn, rel->relation, rel->branch);
}

static void
note_missing(CacheRel *rel, const WalEntry *e)
{
    BlockNo *missing = &rel->missing[e->record.fork], block = e->record.block;

    if (*missing == 0)
        log_line(LOG_DEBUG,
                 "recovery: %s at %llx: there is no block %u of relation %u of branch %u: it has to be cut off "
                 "further on",
                 record_kind_name(e->record.kind), (unsigned long long)e->lsn, block, rel->relation,
                 rel->branch);
    if (*missing == 0 || block + 1 < *missing)
        *missing = block + 1;
}

static PageId
page_of(const WalEntry *e)
{
    return (PageId){.branch = e->record.branch,
                    .relation = e->record.relation,
                    .fork = e->record.fork,
                    .block = e->record.block};
}

/* The list of unused pages may have gone through it: they are lost until the index is made anew. */
static void
pass_over(const WalEntry *e, CacheRel *rel)
{
    if (btree_record_moves_page(e->record.kind))
        atomic_store(&rel->free_pages, 0);
}

/* The store has the page, but damaged: it stays so, and whoever wants to read it is told. */
static Status
lose_page(Ctx *cx, const WalEntry *e, CacheRel *rel, RecoverResult *result)
{
    if (result->lost.count == 0)
        log_line(LOG_ERROR, "recovery: %s; the log's record at %llx and others of such pages are passed over",
                 cx->error.message, (unsigned long long)e->lsn);
    ctx_error_clear(cx);
    lost_pages_add(&result->lost, cx->arena, page_of(e), e->lsn);
    pass_over(e, rel);
    return ST_OK;
}

static Status
redo_page(Ctx *cx, const WalEntry *e, RecoverResult *result)
{
    CacheRel *rel = cache_rel(cx, e->record.branch, e->record.relation);
    bool lost, fits;
    PageRef ref;
    Lsn before;
    Status rc;

    if (rel == NULL) {
        TRY(cache_rel_make(cx, e->record.branch, e->record.relation, PERSIST_PERMANENT, &rel));
        doom(rel, e);
    }
    if (rel->doomed)
        return ST_OK;
    if (e->record.fork >= FORK_COUNT)
        return fail_record(cx, e, "there is no such fork");
    TRY(extend_to(cx, rel, (Fork)e->record.fork, e->record.block));
    (void)lost_pages_find(&result->lost, page_of(e), &lost);
    if (lost) { /* without the records before, even if it can be read now */
        pass_over(e, rel);
        return ST_OK;
    }
    rc = pin_for_redo(cx, rel, e, &ref);
    if (rc == ST_CORRUPT)
        return lose_page(cx, e, rel, result);
    TRY(rc);
    if (ref.page == NULL) {
        note_missing(rel, e);
        return ST_OK;
    }
    page_latch_exclusive(cx, &ref);
    rel->reused |= btree_record_moves_page(e->record.kind);
    btree_redo_before(rel, ref.page, e->record.kind);
    before = page_header(ref.page)->lsn;
    fits = redo_on_page(cx, e, &ref);
    if (fits)
        btree_redo_after(rel, ref.page, e->record.block, e->record.kind, e->data, e->bytes);
    page_unpin(cx, &ref);
    if (!fits && before == 0)
        note_missing(rel, e);
    else if (!fits)
        return fail_record(cx, e,
                           arena_printf(cx->arena, "does not fit the page, which is as of %llx",
                                        (unsigned long long)before));
    return ST_OK;
}

/* ---- the rest --------------------------------------------------------------------------------------------------- */

static Status
redo_limit(Ctx *cx, const WalEntry *e)
{
    EngineShared *s = engine_shared(cx->engine);
    IdLimitRecord r;

    if (e->bytes != sizeof(r))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&r, e->data, sizeof(r));
    TRY(id_restore(cx, &txn_shared(cx->proc)->ids, r.xid));
    if (r.oid > atomic_load(&s->next_oid))
        atomic_store(&s->next_oid, r.oid);
    return ST_OK;
}

static Status
redo_rel_create(Ctx *cx, const WalEntry *e)
{
    _Atomic uint32_t *next = &page_cache(cx->proc)->rels.next_relation;
    RelCreateRecord r;
    CacheRel *rel;

    if (e->bytes != sizeof(r))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&r, e->data, sizeof(r));
    TRY(cache_rel_make(cx, e->record.branch, e->record.relation, (Persistence)r.persistence, &rel));
    rel_set_maker(rel, r.creator);
    if (e->record.relation >= atomic_load(next))
        atomic_store(next, e->record.relation + 1);
    if (r.persistence == PERSIST_TEMPORARY) /* what is stored of it goes */
        rel_gone_at(cx, rel, e->end);
    return ST_OK;
}

static Status
redo_rel_length(Ctx *cx, const WalEntry *e, RecoverResult *result)
{
    PageId from = page_of(e);
    CacheRel *rel = cache_rel(cx, e->record.branch, e->record.relation);
    RelLengthRecord r;

    if (e->bytes != sizeof(r) || e->record.fork >= FORK_COUNT)
        return fail_record(cx, e, "has a wrong length");
    if (rel == NULL)
        return ST_OK; /* it is dropped further on, else its pages' records tell */
    memcpy(&r, e->data, sizeof(r));
    (void)cache_rel_truncate(cx, rel, (Fork)e->record.fork, r.length, true);
    from.block = r.length;
    lost_pages_cut(&result->lost, from);
    rel->cut |= (uint8_t)(1u << e->record.fork);
    if (rel->missing[e->record.fork] > r.length)
        rel->missing[e->record.fork] = 0;
    return ST_OK;
}

/* A branch, if there is no relation. */
static void
redo_gone(Ctx *cx, BranchId branch, RelationId relation, Lsn lsn)
{
    CacheRel *rel;

    if (relation == RELATION_NONE) {
        branch_forget(cx, branch, lsn);
        return;
    }
    rel = cache_rel(cx, branch, relation);
    if (rel != NULL && atomic_load(&rel->gone_lsn) == 0)
        rel_gone_at(cx, rel, lsn);
}

static Status
redo_rel_gone(Ctx *cx, const WalEntry *e)
{
    redo_gone(cx, e->record.branch, e->record.relation, e->end);
    return ST_OK;
}

static Status
redo_branch_create(Ctx *cx, const WalEntry *e)
{
    Xid creator;

    if (e->bytes != sizeof(creator))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&creator, e->data, sizeof(creator));
    return branch_restore(cx, e->record.branch, creator, NULL);
}

static Status
redo_fork(Ctx *cx, const WalEntry *e)
{
    BranchForkRecord r;

    if (e->bytes != sizeof(r))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&r, e->data, sizeof(r));
    return branch_redo_fork(cx, e->record.branch, &r, e->end);
}

/* ---- commits ---------------------------------------------------------------------------------------------------- */

/* Of one transaction. */
typedef struct GoneAhead {
    struct GoneAhead *next;
    Xid xid;
    Gone *gone;
    uint32_t count, room;
} GoneAhead;

static void
note_ahead(Ctx *cx, RecoverResult *result, Xid xid, Gone gone)
{
    GoneAhead *a = result->ahead;

    while (a != NULL && a->xid != xid)
        a = a->next;
    if (a == NULL) {
        a = arena_new(cx->arena, GoneAhead);
        *a = (GoneAhead){.next = result->ahead, .xid = xid};
        result->ahead = a;
    }
    if (a->count == a->room) {
        uint32_t room = MAX_OF(64u, a->room * 2);
        Gone *more = arena_array(cx->arena, Gone, room);

        if (a->count > 0)
            memcpy(more, a->gone, sizeof(*more) * a->count);
        a->gone = more;
        a->room = room;
    }
    a->gone[a->count++] = gone;
}

/* The commit has come. What nobody has committed stays noted, and never goes. */
static void
redo_ahead(Ctx *cx, RecoverResult *result, Xid xid, Lsn lsn)
{
    GoneAhead **link = &result->ahead, *a;

    while ((a = *link) != NULL && a->xid != xid)
        link = &a->next;
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->count; i++)
        redo_gone(cx, a->gone[i].branch, a->gone[i].relation, lsn);
    *link = a->next;
}

static Status
redo_subs(Ctx *cx, const WalEntry *e, Xid xid, const uint8_t *at, uint32_t count)
{
    TxnShared *s = txn_shared(cx->proc);

    for (uint32_t i = 0; i < count; i++, at += sizeof(Xid)) {
        Xid sub;

        memcpy(&sub, at, sizeof(sub));
        if (sub <= xid || sub >= atomic_load(&s->ids.next))
            return fail_record(cx, e, "has an id nobody has been given");
        id_set(page_cache(cx->proc), &s->ids, sub, ID_SUB | xid);
    }
    return ST_OK;
}

static Status
redo_commit_part(Ctx *cx, const WalEntry *e, RecoverResult *result)
{
    const uint8_t *at = e->data + sizeof(CommitPartRecord);
    CommitPartRecord head;

    if (e->bytes < sizeof(head))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&head, e->data, sizeof(head));
    if (e->bytes !=
        sizeof(head) + (uint64_t)head.sub_count * sizeof(Xid) + (uint64_t)head.gone_count * sizeof(Gone))
        return fail_record(cx, e, "has a wrong length");
    TRY(redo_subs(cx, e, head.xid, at, head.sub_count));
    at += head.sub_count * sizeof(Xid);
    for (uint32_t i = 0; i < head.gone_count; i++, at += sizeof(Gone)) {
        Gone gone;

        memcpy(&gone, at, sizeof(gone));
        note_ahead(cx, result, head.xid, gone);
    }
    return ST_OK;
}

static Status
redo_commit(Ctx *cx, const WalEntry *e, RecoverResult *result)
{
    TxnShared *s = txn_shared(cx->proc);
    const uint8_t *at = e->data + sizeof(CommitRecord);
    CommitRecord head;

    if (e->bytes < sizeof(head))
        return fail_record(cx, e, "has a wrong length");
    memcpy(&head, e->data, sizeof(head));
    if (e->bytes != sizeof(head) + (uint64_t)head.sub_count * sizeof(Xid) +
                        (uint64_t)head.gone_count * sizeof(Gone) +
                        (uint64_t)head.message_count * sizeof(Invalidation) ||
        head.xid >= atomic_load(&s->ids.next))
        return fail_record(cx, e, "has a wrong length, or an id nobody has been given");
    TRY(redo_subs(cx, e, head.xid, at, head.sub_count));
    at += head.sub_count * sizeof(Xid);
    id_set(page_cache(cx->proc), &s->ids, head.xid, head.csn);
    if (head.csn > s->last_csn)
        s->last_csn = head.csn;
    redo_ahead(cx, result, head.xid, e->end);
    for (uint32_t i = 0; i < head.gone_count; i++, at += sizeof(Gone)) {
        Gone gone;

        memcpy(&gone, at, sizeof(gone));
        redo_gone(cx, gone.branch, gone.relation, e->end);
    }
    return ST_OK;
}

/* ---- one after the other ---------------------------------------------------------------------------------------- */

static Status
redo(Ctx *cx, const WalEntry *e, RecoverResult *result)
{
    if (redo_page_of(e->record.kind) != NULL)
        return redo_page(cx, e, result);
    switch ((RecordKind)e->record.kind) {
    case RECORD_COMMIT: result->commits++; return redo_commit(cx, e, result);
    case RECORD_COMMIT_PART: return redo_commit_part(cx, e, result);
    case RECORD_ID_LIMIT: return redo_limit(cx, e);
    case RECORD_REL_CREATE: return redo_rel_create(cx, e);
    case RECORD_REL_LENGTH: return redo_rel_length(cx, e, result);
    case RECORD_REL_GONE: return redo_rel_gone(cx, e);
    case RECORD_BRANCH_CREATE: return redo_branch_create(cx, e);
    case RECORD_BRANCH_FORK: return redo_fork(cx, e);
    case RECORD_CHECKPOINT:
    case RECORD_DURABLE:
    case RECORD_SEAL: return ST_OK;
    default: return fail_record(cx, e, "is of a kind this server does not know");
    }
}

/* The log writer notes now and then what is durable, also after a shutdown's checkpoint. */
static bool
says_nothing(const WalEntry *e)
{
    return e->record.kind == RECORD_CHECKPOINT || e->record.kind == RECORD_DURABLE ||
           e->record.kind == RECORD_SEAL;
}

static Status
redo_all(Ctx *cx, LogAhead *log, RecoverResult *result)
{
    uint64_t report_us = env_mono_us(cx->env) + REPORT_US;
    WalEntry e;
    bool found;

    for (;;) {
        TRY(log_ahead_next(cx, log, &e, &found));
        result->end = e.end;
        if (!found)
            return ST_OK;
        TRY(redo(cx, &e, result));
        result->changes += !says_nothing(&e);
        stop_point("recover.record");
        if (++result->records % LOOK_EVERY == 0 && env_mono_us(cx->env) >= report_us) {
            log_line(LOG_INFO, "recovery: at %llx, %llu records", (unsigned long long)e.end,
                     (unsigned long long)result->records);
            report_us = env_mono_us(cx->env) + REPORT_US;
        }
    }
}

/* After a failure. The page may be as good as ever: then nothing of it must be given up, so this recovery ends, and another one
 * tries again. */
static Status
fail_unread(Ctx *cx, Status rc, const char *which_log)
{
    const char *what;

    if (rc != ST_IO || !cx->error.has_page)
        return rc;
    what = arena_strdup(cx->arena, cx->error.message);
    (void)fail(cx, ST_IO, "58030", "could not do the log%s again: %s", which_log, what);
    fail_hint(cx,
              "Nothing has been given up: the next start tries again. The log says before what went wrong.");
    return ST_IO;
}

Status
recover_log(Ctx *cx, const WalDir *dir, Lsn from, Lsn needed, RecoverResult *out)
{
    LogAhead *log;
    Status rc;

    *out = (RecoverResult){.end = from};
    id_table_fill(&txn_shared(cx->proc)->ids, true); /* before any page is read */
    TRY(log_ahead_open(cx, dir, from, &out->lost, &log));
    rc = redo_all(cx, log, out);
    log_ahead_close(cx, log);
    if (rc != ST_OK)
        return fail_unread(cx, rc, arena_printf(cx->arena, " in \"%s\"", dir->path));
    return wal_verify_end(cx, dir, out->end, needed);
}

typedef struct Doomed {
    BranchId branch;
    RelationId relation;
} Doomed;

static void
find_doomed(Ctx *cx, void *arg, CacheRel *rel)
{
    bool missing = rel->doomed;

    (void)cx;
    for (int fork = 0; fork < FORK_COUNT; fork++)
        missing |= rel->missing[fork] != 0;
    if (rel->relation != RELATION_NONE && missing && atomic_load(&rel->gone_lsn) == 0)
        *(Doomed *)arg = (Doomed){rel->branch, rel->relation};
}

static void
settle_unused(Ctx *cx, void *arg, CacheRel *rel)
{
    Status *rc = arg;

    if (*rc == ST_OK && rel->reused && rel->relation != RELATION_NONE && atomic_load(&rel->gone_lsn) == 0)
        *rc = btree_settle_unused(cx, rel);
}

Status
recover_finish(Ctx *cx)
{
    Doomed doomed = {0};
    Status rc = ST_OK;
    TxnShared *s = txn_shared(cx->proc);

    atomic_store(&s->recover_floor, 0);
    atomic_store(&s->visible_csn, s->last_csn);
    atomic_store(&s->durable_csn, s->last_csn);
    id_abort_running(cx, &s->ids);
    id_table_fill(&s->ids, false);
    rel_finish_crashed(cx);
    cache_rel_each(cx, find_doomed, &doomed);
    if (doomed.relation != RELATION_NONE)
        return fail(
            cx, ST_CORRUPT, "XX001",
            "recovery: pages of relation %u of branch %u are missing, and nothing in the log drops them",
            doomed.relation, doomed.branch);
    cache_rel_each(cx, settle_unused, &rc);
    if (rc != ST_OK)
        return fail_unread(cx, rc, "");
    branch_finish_crashed(cx);
    txn_clock_start(&s->clock, cx->env, s->last_csn);
    engine_shared(cx->engine)->logged_xid = atomic_load(&s->ids.next);
    atomic_store(&engine_shared(cx->engine)->logged_oid, atomic_load(&engine_shared(cx->engine)->next_oid));
    return ST_OK;
}
