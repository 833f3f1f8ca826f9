/* store_thin.c - see store_thin.h.
 *
 * An image is read by whoever was forked from its epoch on, and before that of the next one; the newest, also later: by whoever was
 * forked before the page was changed. Who is forked while we look reads what is there by then: images that are stored already
 * had been replaced, so they are none of those. Images are stored by this thread, so none comes while we look, either. */
#include "storage/store/store_thin.h"

#include "base/log.h"
#include "base/stop_point.h"
#include "shmem/pagecache/cache_rel.h"
#include "shmem/pagecache/pagecache.h"
#include "storage/wal/wal.h"

enum { PORTION_IMAGES = 500, GIVE_BACK_LEAST = 64, GIVE_BACK_PART = 8 };

typedef struct ThinRel {
    BranchId branch;
    RelationId relation;
} ThinRel;

typedef struct Portion {
    StoreThin *thin;
    CacheForks forks;
    PageId page; /* whose images are gathered */
    Buf epochs; /* of that page, the oldest first */
    uint32_t images; /* in all */
    uint32_t deleted;
    bool more;
} Portion;

static void
note_rel(Ctx *cx, void *arg, CacheRel *rel)
{
    StoreThin *t = arg;
    ThinRel r = {.branch = rel->branch, .relation = rel->relation};

    if (r.relation != RELATION_NONE && rel->old_stored && atomic_load(&rel->children) > 0 &&
        cache_rel_has_unread(cx, rel))
        buf_add(&t->rels, &r, sizeof(r));
}

void
store_thin_begin(Ctx *cx, StoreThin *t)
{
    ThinRel r = {.branch = t->at.branch, .relation = t->at.relation};

    buf_clear(&t->rels);
    cache_rel_each(cx, note_rel, t);
    if (t->under_way) /* its rest comes first; should more children have gone since, it is in the list, too */
        buf_add(&t->rels, &r, sizeof(r));
    if (t->batch == NULL)
        t->batch = store_batch_new();
    if (t->rels.failed || t->batch == NULL) { /* without memory it is done after another checkpoint */
        buf_clear(&t->rels);
        t->under_way = false;
    }
}

/* The images of one page. */
static void
thin_page(Portion *p)
{
    const uint64_t *epochs = (const uint64_t *)p->epochs.data;
    uint64_t next = UINT64_MAX;
    uint32_t at = 0;

    for (uint32_t i = (uint32_t)(p->epochs.bytes / sizeof(uint64_t)); i-- > 0; next = epochs[i]) {
        if (cache_fork_reads(&p->forks, &at, epochs[i], next))
            continue;
        store_batch_delete_image(p->thin->batch, p->page, epochs[i]);
        p->deleted++;
    }
    buf_clear(&p->epochs);
}

static bool
is_same_page(PageId a, PageId b)
{
    return a.fork == b.fork && a.block == b.block;
}

static bool
take_image(void *arg, PageId id, uint64_t epoch)
{
    Portion *p = arg;

    if (p->epochs.bytes > 0 && !is_same_page(id, p->page)) {
        thin_page(p);
        p->more = p->images >= PORTION_IMAGES;
    }
    p->page = id;
    if (p->more)
        return false;
    p->images++;
    buf_add(&p->epochs, &epoch, sizeof(epoch));
    return true;
}

/* The images of a portion that nobody reads are in the batch. */
static Status
find_portion(Ctx *cx, const StoreThin *t, PageStore *store, Portion *p)
{
    Status rc = store->methods->scan_old(cx, store, t->at, take_image, p);

    if (rc == ST_OK && !p->more)
        thin_page(p);
    if (rc == ST_OK && p->epochs.failed)
        rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    buf_free(&p->epochs);
    return rc;
}

/* The end of a child has to be durable before what only that one has read goes: after a crash the child would be there again. */
static Status
delete_portion(Ctx *cx, const StoreThin *t, PageStore *store, const Portion *p)
{
    if (p->deleted == 0)
        return ST_OK;
    if (wal_is_on(cx->proc))
        TRY(wal_try_flushed(cx, p->forks.unlinked_lsn));
    return store->methods->apply(cx, store, t->batch);
}

/* Whoever needs what can not be read is told; this has time. The same for want of memory. */
static void
leave_as_it_is(Ctx *cx, const StoreThin *t)
{
    log_line(LOG_WARNING, "older images of relation %u stay (branch %u): %s", t->at.relation, t->at.branch,
             cx->error.message);
    ctx_error_clear(cx);
}

/* Few images do not make it worth to write the files anew without them. */
static Status
finish_rel(Ctx *cx, StoreThin *t, PageStore *store)
{
    if (t->deleted >= GIVE_BACK_LEAST && t->deleted >= t->images / GIVE_BACK_PART) {
        store_batch_clear(t->batch);
        store_batch_thinned(t->batch, t->at.branch, t->at.relation);
        TRY(store->methods->apply(cx, store, t->batch));
        t->flush = true;
    }
    t->under_way = false;
    return ST_OK;
}

/* Of the relation that t->at is in. */
static Status
step(Ctx *cx, StoreThin *t, PageStore *store, CacheRel *rel)
{
    Portion p = {.thin = t};
    Status scanned, rc;

    stop_point("thin.step");
    cache_rel_forks(cx, rel, &p.forks);
    if (!t->under_way) {
        t->gone = p.forks.gone;
        t->images = t->deleted = 0;
        t->under_way = true;
    }
    if (p.forks.count == 0 || p.forks.count > CACHE_FORKS_MOST) /* with the last child, or with fewer */
        return finish_rel(cx, t, store);
    store_batch_clear(t->batch);
    scanned = find_portion(cx, t, store, &p);
    rc = scanned == ST_OK ? delete_portion(cx, t, store, &p) : scanned;
    if (scanned != ST_OK || rc == ST_NO_MEMORY) {
        leave_as_it_is(cx, t);
        return finish_rel(cx, t, store);
    }
    TRY(rc);
    t->images += p.images;
    t->deleted += p.deleted;
    if (p.more) {
        t->at = p.page;
        return ST_OK;
    }
    rel->thinned_for = t->gone;
    return finish_rel(cx, t, store);
}

Status
store_thin_step(Ctx *cx, StoreThin *t, PageStore *store)
{
    CacheRel *rel;
    ThinRel r;

    if (t->rels.bytes > 0) {
        memcpy(&r, t->rels.data + t->rels.bytes - sizeof(r), sizeof(r));
        rel = cache_rel(cx, r.branch, r.relation);
        if (!t->under_way)
            t->at = (PageId){.branch = r.branch, .relation = r.relation};
        if (rel == NULL)
            t->under_way = false;
        else if (t->under_way || cache_rel_has_unread(cx, rel))
            TRY(step(cx, t, store, rel));
        if (!t->under_way)
            t->rels.bytes -= sizeof(r);
    }
    if (t->rels.bytes > 0 || !t->flush)
        return ST_OK;
    TRY(store->methods->flush(cx, store)); /* else files are merged without what has been deleted */
    t->flush = false;
    stop_point("thin.flushed");
    return ST_OK;
}

void
store_thin_end(StoreThin *t)
{
    buf_free(&t->rels);
    store_batch_free(t->batch);
}
