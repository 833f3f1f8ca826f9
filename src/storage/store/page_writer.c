/* page_writer.c - see page_writer.h. */
#include "storage/store/page_writer.h"

#include "base/stop_point.h"
#include "shmem/pagecache/page_io.h"
#include "storage/heap/heap_resolve.h"
#include "storage/wal/wal.h"

Status
page_writer_open(Ctx *cx, PageStore *store, PageWriter *w)
{
    *w = (PageWriter){.store = store, .batch = store_batch_new()};
    return w->batch != NULL ? ST_OK : fail(cx, ST_NO_MEMORY, "53200", "out of memory");
}

/* Lets the pages go; `dirty`: they have not been written. */
static void
let_go(Ctx *cx, PageWriter *w, bool dirty)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (dirty) {
            Frame *f = w->refs[i].frame;
            Xid before = w->stored_raw[i];

            page_latch_shared(cx, &w->refs[i]);
            frame_set_dirty(f, true);
            if (before != 0 && (frame_stored_raw(f) == 0 || before < frame_stored_raw(f)))
                frame_set_stored_raw(f, before);
        }
        if (!dirty && w->refs[i].frame->older != 0 && !page_fork_is_on(cx)) { /* they are in the store now */
            page_latch_aside(cx, &w->refs[i]);
            if (!frame_is_dirty(w->refs[i].frame) && !page_drop_old(cx->proc, w->refs[i].frame))
                frame_set_dirty(w->refs[i].frame,
                                true); /* somebody is reading one: it is tried again with the next writing */
        }
        page_unpin(cx, &w->refs[i]);
    }
    w->count = 0;
    w->lsn = 0;
    store_batch_clear(w->batch);
}

void
page_writer_close(Ctx *cx, PageWriter *w)
{
    let_go(cx, w, true);
    store_batch_free(w->batch);
    w->batch = NULL;
}

/* The images before this one that nobody has written yet; below the share latch the chain stands still. */
static void
put_old(Ctx *cx, PageWriter *w, const Frame *f)
{
    const PageCache *cache = page_cache(cx->proc);
    CacheRel *rel;

    if (f->older == 0)
        return;
    for (uint32_t no = f->older; no != 0; no = cache_frame(cache, no)->older)
        store_batch_put_old(w->batch, frame_page_id(f), cache_frame_bytes(cache, no));
    rel = cache_rel(cx, f->branch, f->relation);
    if (rel != NULL)
        rel->old_stored = 1;
}

Status
page_writer_add(Ctx *cx, PageWriter *w, uint32_t frame_no)
{
    _Alignas(16) char copy[PAGE_BYTES];
    PageRef *ref = &w->refs[w->count];
    Frame *f = cache_frame(page_cache(cx->proc), frame_no);

    if (!frame_is_dirty(f) || !page_pin_frame(cx, frame_no, ref))
        return ST_OK;
    page_latch_shared(cx, ref);
    if (!frame_is_dirty(f)) {
        page_unpin(cx, ref);
        return ST_OK;
    }
    frame_set_dirty(f, false); /* whoever changes it from now on says so again, below the exclusive latch */
    memcpy(copy, ref->page, PAGE_BYTES);
    put_old(cx, w, f); /* B4: in the batch of what replaces them */
    page_unlatch(cx, ref);
    w->stored_raw[w->count] = frame_stored_raw(f);
    frame_set_stored_raw(f, heap_resolve_copy(cx, copy));
    w->lsn = MAX_OF(w->lsn, page_header(copy)->lsn);
    store_batch_put_page(w->batch, frame_page_id(f), copy);
    w->count++;
    return w->count == PAGE_WRITER_PAGES ? page_writer_apply(cx, w) : ST_OK;
}

Status
page_writer_apply(Ctx *cx, PageWriter *w)
{
    Status rc;

    if (w->count == 0)
        return ST_OK;
    /* Ids in flight on the pages may be newer than what their LSN says (row locks are not logged): the log is flushed
     * to where it is now, what is still being copied included, so that no such id is handed out again after a crash. */
    rc = wal_is_on(cx->proc) ? wal_try_flushed(cx, MAX_OF(w->lsn, wal_position(cx->proc))) : ST_OK;
    stop_point("store.before_apply");
    if (rc == ST_OK)
        rc = w->store->methods->apply(cx, w->store, w->batch);
    if (rc == ST_OK)
        w->pages_written += w->count;
    let_go(cx, w, rc != ST_OK);
    stop_point("store.applied");
    return rc;
}
