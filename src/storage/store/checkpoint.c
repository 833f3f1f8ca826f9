/* checkpoint.c - see checkpoint.h. The order of things (S1):
 *
 * 1. The redo position is taken below the commit latch (T2).
 * 2. Every frame that is dirty then is written; frames that become dirty later belong to the next checkpoint, and if
 *    they are met, writing them does no harm.
 * 3. The last batch has the redo position, counters, relations, branches, ids.
 * 4. One flush makes all of it durable; what RocksDB flushed on its own before is levelled by redo.
 * 5. Only then may log before the redo position go, which is the caller's business.
 *
 * Without a log (S4) there is nothing to level anything, so what is written has to be one moment: most pages are written as
 * above, and then, while nobody changes a page or ends a transaction, those that are dirty again and all the rest. */
#include "storage/store/checkpoint.h"

#include "base/env.h"
#include "base/log.h"
#include "base/stop_point.h"
#include "shmem/pagecache/page_io.h"
#include "storage/engine/engine_log.h"
#include "storage/engine/engine_shared.h"
#include "storage/txn/txn_shared.h"
#include "storage/wal/wal.h"

enum {
    PORTION_FRAMES = 512,
    NAP_MOST_US = 50 * 1000,
    DROP_NAP_US = 1000,
    DEBT_NAPS_MOST = 10, /* for each portion: merging may be switched off */
    DEBT_LEVEL0_FILES = 12,
};
#define DEBT_BYTES (UINT64_C(2) << 30)

/* With the epoch that the log has at that place, and where the log has to be kept from. */
static Lsn
take_redo(Ctx *cx, uint64_t *epoch, Lsn *readable)
{
    TxnShared *s = txn_shared(cx->proc);
    Lsn redo;

    latch_take(cx->proc, &s->commit_latch);
    *readable = wal_readable(cx->proc);
    redo = wal_position(cx->proc);
    s->redo_positions++;
    *epoch = atomic_load(&page_cache(cx->proc)->epoch);
    latch_drop(cx->proc, &s->commit_latch);
    return redo;
}

/* Which raw ids the stored images of a relation's pages have: of those that are not in memory first. A page that is read
 * meanwhile was counted among them; only who cleans, and that is us, takes one out of memory. */
static void
begin_stored_raw(Ctx *cx, void *arg, CacheRel *rel)
{
    (void)cx;
    (void)arg;
    rel->cached_raw = rel->evicted_raw;
}

static void
note_stored_raw(Ctx *cx)
{
    PageCache *cache = page_cache(cx->proc);

    cache_rel_each(cx, begin_stored_raw, NULL);
    for (uint32_t no = 1; no < cache->high; no++) {
        const Frame *f = cache_frame(cache, no);
        CacheRel *rel;

        if (atomic_load(&f->use) != FRAME_PAGE || frame_stored_raw(f) == 0)
            continue;
        rel = cache_rel(cx, f->branch, f->relation);
        if (rel != NULL && (rel->cached_raw == 0 || frame_stored_raw(f) < rel->cached_raw))
            rel->cached_raw = frame_stored_raw(f);
    }
}

static bool
is_in_debt(Ctx *cx, const Checkpointer *c)
{
    StoreStats stats;

    c->store->methods->stats(cx, c->store, &stats);
    return stats.level0_files >= DEBT_LEVEL0_FILES || stats.debt_bytes >= DEBT_BYTES;
}

/* Not faster than the plan says: the share of frames done is not ahead of the share of time gone. */
static Status
pace(Ctx *cx, Checkpointer *c, uint64_t start_us, uint64_t spread_us, uint32_t done, uint32_t all)
{
    uint64_t due = start_us + spread_us * done / MAX_OF(all, 1u), now;
    uint32_t debt_naps = 0;

    for (;;) {
        if (c->between != NULL)
            TRY(c->between(cx, c->arg));
        now = env_mono_us(cx->env);
        if (spread_us == 0 || (c->is_urgent != NULL && c->is_urgent(cx, c->arg)))
            return ST_OK;
        if (now >= due && (debt_naps++ == DEBT_NAPS_MOST || !is_in_debt(cx, c)))
            return ST_OK;
        page_cleaner_sleep(cx->proc,
                           now < due ? MIN_OF(due - now, (uint64_t)NAP_MOST_US) : (uint64_t)NAP_MOST_US);
    }
}

static Status
write_pages(Ctx *cx, Checkpointer *c, uint64_t spread_us, bool held)
{
    PageCache *cache = page_cache(cx->proc);
    uint64_t start_us = env_mono_us(cx->env);
    uint32_t high = cache->high;

    for (uint32_t no = 1; no < high; no++) {
        TRY(page_writer_add(cx, &c->writer, no));
        if (no % PORTION_FRAMES != 0)
            continue;
        TRY(page_writer_apply(cx, &c->writer));
        if (!held)
            TRY(pace(cx, c, start_us, spread_us, no, high));
    }
    return page_writer_apply(cx, &c->writer);
}

static void
collect_cut(Ctx *cx, void *arg, CacheRel *rel)
{
    for (int fork = 0; fork < FORK_COUNT; fork++) {
        BlockNo length;
        uint8_t bit = (uint8_t)(1u << fork);

        latch_take(cx->proc, &rel->extend);
        rel->cut_taken |= rel->cut & bit;
        rel->cut &= (uint8_t)~bit;
        length = cache_rel_length(rel, (Fork)fork);
        latch_drop(cx->proc, &rel->extend);
        if ((rel->cut_taken & bit) && rel->relation != RELATION_NONE && atomic_load(&rel->gone_lsn) == 0)
            store_batch_delete_beyond(arg, (PageId){.branch = rel->branch,
                                                    .relation = rel->relation,
                                                    .fork = (uint8_t)fork,
                                                    .block = length});
    }
}

static void
forget_cut(Ctx *cx, void *arg, CacheRel *rel)
{
    (void)cx;
    (void)arg;
    rel->cut_taken = 0;
}

/* A page that was cut off is still stored, as it was before. If its block comes again after the redo position, recovery must
 * not find that: so whatever is beyond the end goes now, before anything else is written. Nobody but us writes pages, so
 * nothing of a longer fork is there yet; and the records of the cuts are made durable first, so that recovery from the
 * position before this one knows why pages are missing (B5). */
static Status
delete_cut(Ctx *cx, Checkpointer *c)
{
    StoreBatch *batch = store_batch_new();
    Status rc = ST_OK;

    if (batch == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    cache_rel_each(cx, collect_cut, batch);
    if (store_batch_count(batch) > 0) {
        if (wal_is_on(cx->proc))
            rc = wal_try_flushed(cx, wal_position(cx->proc));
        if (rc == ST_OK)
            rc = c->store->methods->apply(cx, c->store, batch);
    }
    store_batch_free(batch);
    if (rc == ST_OK)
        cache_rel_each(cx, forget_cut, NULL);
    return rc;
}

/* A commit's record lies before the redo position, and what it drops is still there: recovery would not meet the record, so
 * the drop has to be done before relations are collected. One that was killed is waited for until the janitor has done it. */
static Status
wait_for_drops(Ctx *cx, Checkpointer *c)
{
    ProcTable *procs = proc_table_of(cx->proc);

    for (uint32_t no = 0; no < atomic_load(&procs->high); no++) {
        while (atomic_load(&proc_slot(procs, no)->ending) != 0) {
            TRY(wal_try_flushed(cx, wal_copied(cx->proc))); /* it waits for that, too */
            if (c->between != NULL)
                TRY(c->between(cx, c->arg));
            page_cleaner_sleep(cx->proc, DROP_NAP_US);
        }
    }
    return ST_OK;
}

static Status
apply_and_flush(Ctx *cx, Checkpointer *c, StoreBatch *batch, const StoreSuper *super)
{
    Status rc;

    store_super_put(batch, super);
    rc = c->store->methods->apply(cx, c->store, batch);
    stop_point("checkpoint.before_flush");
    if (rc == ST_OK)
        rc = c->store->methods->flush(cx, c->store);
    if (rc != ST_OK)
        store_meta_forget_stored(cx);
    return rc;
}

static Status
write_super(Ctx *cx, Checkpointer *c, StoreSuper *super, StoreBatch *batch)
{
    Status rc;

    store_meta_collect(cx, batch, super);
    rc = wal_try_flushed(cx, wal_position(cx->proc));
    if (rc != ST_OK) {
        store_meta_forget_stored(cx);
        return rc;
    }
    super->durable = wal_flushed(cx->proc);
    return apply_and_flush(cx, c, batch, super);
}

/* Counters are read after the pages were: nothing on them is beyond. */
static void
take_counters(Ctx *cx, StoreSuper *super)
{
    EngineShared *e = engine_shared(cx->engine);
    TxnShared *s = txn_shared(cx->proc);

    super->next_xid = MAX_OF(e->logged_xid, atomic_load(&s->ids.next));
    super->next_oid = MAX_OF(atomic_load(&e->logged_oid), atomic_load(&e->next_oid));
    super->next_relation = atomic_load(&page_cache(cx->proc)->rels.next_relation);
    super->next_branch = e->next_branch;
    super->last_csn = atomic_load(&s->visible_csn);
    super->written_us = (uint64_t)env_wall_us(cx->env);
}

/* The redo position, and what is known of ids by then: what comes later is done again. Images of pages that the log has behind it may
 * hold any id that is not trimmed by then, so all of those are stored, too. */
static Status
begin_logged(Ctx *cx, Checkpointer *c, StoreSuper *super, Xid *running, StoreBatch *batch)
{
    IdTable *ids = &txn_shared(cx->proc)->ids;
    Status rc;

    /* Below what was running before the position was taken, every outcome is settled and will be written now. */
    *running = id_oldest_running(cx, ids);
    super->trimmed = id_hold(cx->proc, ids);
    super->redo = take_redo(cx, &super->epoch, &c->readable);
    stop_point("checkpoint.redo_taken");
    /* T5: a commit's word is in the table before its record is copied. */
    rc = wal_try_flushed(cx, super->redo);
    if (rc == ST_OK)
        store_meta_collect_ids(cx, batch, MIN_OF(c->id_from, *running), super->trimmed);
    id_let_go(cx->proc, ids);
    return rc;
}

static Status
run_logged(Ctx *cx, Checkpointer *c, uint64_t spread_us, uint64_t start_us, StoreSuper *super, Xid *running,
           StoreBatch *batch)
{
    TRY(begin_logged(cx, c, super, running, batch));
    TRY(delete_cut(cx, c));
    TRY(write_pages(cx, c, spread_us, false));
    stop_point("checkpoint.pages_written");
    note_stored_raw(cx);
    c->write_us = env_mono_us(cx->env) - start_us;
    TRY(wait_for_drops(cx, c));
    take_counters(cx, super);
    return write_super(cx, c, super, batch);
}

static Status
run_unlogged(Ctx *cx, Checkpointer *c, uint64_t spread_us, uint64_t start_us, StoreSuper *super, Xid *running,
             StoreBatch *batch)
{
    IdTable *ids = &txn_shared(cx->proc)->ids;
    Status rc;

    TRY(delete_cut(cx, c));
    TRY(write_pages(cx, c, spread_us, false));
    TRY(write_pages(cx, c, 0,
                    false)); /* what has changed in all that time: little is left for those who wait */
    page_hold_begin(cx);
    rc = write_pages(cx, c, 0, true);
    note_stored_raw(cx);
    *running = id_oldest_running(cx, ids);
    super->trimmed = id_hold(cx->proc, ids);
    super->redo = super->durable = take_redo(cx, &super->epoch, &c->readable);
    take_counters(cx, super);
    if (rc == ST_OK) {
        store_meta_collect_ids(cx, batch, MIN_OF(c->id_from, *running), super->trimmed);
        store_meta_collect(cx, batch, super);
    }
    id_let_go(cx->proc, ids);
    engine_next_place(cx); /* what is dropped from now on goes with the next checkpoint */
    stop_point("checkpoint.held");
    page_hold_end(cx);
    c->write_us = env_mono_us(cx->env) - start_us;
    return rc == ST_OK ? apply_and_flush(cx, c, batch, super) : rc;
}

Status
checkpoint_run(Ctx *cx, Checkpointer *c, uint64_t spread_us, bool clean)
{
    uint64_t start_us = env_mono_us(cx->env), before = c->writer.pages_written;
    StoreBatch *batch = store_batch_new();
    StoreSuper super = c->super;
    Xid running;
    Status rc;

    if (batch == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    super.clean = clean;
    rc = (wal_is_on(cx->proc) ? run_logged : run_unlogged)(cx, c, spread_us, start_us, &super, &running, batch);
    store_batch_free(batch);
    TRY(rc);
    c->sync_us = env_mono_us(cx->env) - start_us - c->write_us;
    c->super = super;
    c->id_from = running;
    store_meta_forget_gone(cx);
    c->page_count = c->writer.pages_written - before;
    return ST_OK;
}

static void
least_raw(Ctx *cx, void *arg, CacheRel *rel)
{
    Xid *least = arg;

    (void)cx;
    /* Of one that was dropped, too, as long as branches read it. */
    if (rel->evicted_raw != 0 && (atomic_load(&rel->gone_lsn) == 0 || atomic_load(&rel->children) != 0))
        *least = MIN_OF(*least, rel->evicted_raw);
}

Xid
store_oldest_raw(Ctx *cx)
{
    const PageCache *cache = page_cache(cx->proc);
    Xid least = UINT64_MAX;

    /* A page may be read (and a vacuum forget that it was not in memory) or leave while we look: so twice. */
    cache_rel_each(cx, least_raw, &least);
    for (uint32_t no = 1; no < cache->high; no++) {
        const Frame *f = cache_frame(cache, no);

        if (atomic_load(&f->use) == FRAME_PAGE && frame_stored_raw(f) != 0)
            least = MIN_OF(least, frame_stored_raw(f));
    }
    cache_rel_each(cx, least_raw, &least);
    return least;
}
