/* store_thin.c - see store_thin.h.
 *
 * An image is read by whoever was forked from its epoch on, and before that of the next one; the newest, also later: by whoever was
 * forked before the page was changed. Who is forked while we look reads what is there by then: images that are stored already
 * had been replaced, so they are none of those. Images are stored by this thread, so none comes while we look, either. */
#include "storage/store/store_thin.h"

#include "base/log.h"
#include "shmem/pagecache/cache_rel.h"
#include "shmem/pagecache/pagecache.h"

enum { PORTION_IMAGES = 500, GIVE_BACK_LEAST = 64 };

typedef struct ThinRel {
    BranchId branch;
    RelationId relation;
    Lsn unlinked; /* the last end of a child that was seen */
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

    latch_take(cx->proc, &rel->extend);
    r.unlinked = rel->unlinked_lsn;
    latch_drop(cx->proc, &rel->extend);
    if (r.relation != RELATION_NONE && rel->old_stored && atomic_load(&rel->children) > 0 &&
        r.unlinked > rel->thinned_lsn && r.unlinked <= t->redo)
        buf_add(&t->rels, &r, sizeof(r));
}

void
store_thin_begin(Ctx *cx, StoreThin *t, Lsn redo)
{
    buf_clear(&t->rels);
    t->redo = redo;
    t->under_way = false;
    cache_rel_each(cx, note_rel, t);
    if (t->rels.failed) /* without memory it is done after another checkpoint */
        buf_clear(&t->rels);
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

/* What can not be read stays as it is: whoever needs it is told, and this has time. */
static void
find_portion(Ctx *cx, StoreThin *t, PageStore *store, Portion *p)
{
    Status rc = store->methods->scan_old(cx, store, t->at, take_image, p);

    if (rc == ST_OK && !p->more)
        thin_page(p);
    if (rc == ST_OK && p->epochs.failed)
        rc = fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    buf_free(&p->epochs);
    if (rc != ST_OK) {
        log_line(LOG_WARNING, "older images of relation %u stay (branch %u): %s", t->at.relation, t->at.branch,
                 cx->error.message);
        ctx_error_clear(cx);
        store_batch_clear(t->batch);
        p->more = false;
        p->deleted = 0;
    }
    if (!p->more && t->deleted + p->deleted >= GIVE_BACK_LEAST)
        store_batch_thinned(t->batch, t->at.branch, t->at.relation);
}

/* Of the last relation of the list. */
static Status
step(Ctx *cx, StoreThin *t, PageStore *store, const ThinRel *r)
{
    CacheRel *rel = cache_rel(cx, r->branch, r->relation);
    Portion p = {.thin = t};

    if (!t->under_way) {
        t->at = (PageId){.branch = r->branch, .relation = r->relation};
        t->deleted = 0;
    }
    if (rel != NULL) {
        cache_rel_forks(cx, rel, &p.forks);
        if (p.forks.unlinked_lsn > t->redo || p.forks.count == 0 || p.forks.count > CACHE_FORKS_MOST)
            rel = NULL; /* after another checkpoint, or with the last child */
    }
    if (rel != NULL)
        find_portion(cx, t, store, &p);
    if (store_batch_count(t->batch) > 0)
        TRY(store->methods->apply(cx, store, t->batch));
    t->deleted += p.deleted;
    t->at = p.page;
    t->under_way = p.more;
    if (!p.more && rel != NULL)
        rel->thinned_lsn = r->unlinked;
    return ST_OK;
}

Status
store_thin_step(Ctx *cx, StoreThin *t, PageStore *store)
{
    ThinRel r;

    if (store_thin_is_done(t))
        return ST_OK;
    if (t->batch == NULL && (t->batch = store_batch_new()) == NULL)
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    store_batch_clear(t->batch);
    memcpy(&r, t->rels.data + t->rels.bytes - sizeof(r), sizeof(r));
    TRY(step(cx, t, store, &r));
    if (t->under_way)
        return ST_OK;
    t->rels.bytes -= sizeof(r);
    t->flush |= t->deleted >= GIVE_BACK_LEAST;
    if (!store_thin_is_done(t) || !t->flush)
        return ST_OK;
    t->flush = false;
    return store->methods->flush(cx, store); /* else files are merged without what has been deleted */
}

void
store_thin_end(StoreThin *t)
{
    buf_free(&t->rels);
    store_batch_free(t->batch);
}
