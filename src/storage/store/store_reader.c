/* store_reader.c - pages that somebody waits for, from the store into their frames (store_reader.h). */
#include "storage/store/store_reader.h"

#include "base/env.h"
#include "base/log.h"
#include "shmem/pagecache/page_io.h"
#include "storage/branch/page_own.h"
#include "storage/heap/heap_resolve.h"
#include "storage/store/store_process.h"

enum { NAP_US = 200 * 1000 };

/* Would the page be the origin's if the branch has none of its own? */
static bool
is_linked(Ctx *cx, const Frame *f)
{
    const CacheRel *rel = cache_rel(cx, f->branch, f->relation);

    return rel != NULL && rel->origin != SHM_REF_NONE && f->fork == FORK_MAIN && f->block < rel->linked;
}

/* B3: an older image. The newest that was kept is known by its epoch. If that came later than the fork, the one that counts is the
 * newest of those that did not, because whatever is read is kept (B4). But a page that was not there at the fork, or not in use, has none, and
 * an image may be left of an earlier life of its block: that had been replaced by then. */
static Status
find_old(Ctx *cx, PageStore *store, const PageOldImage *image, StoreRead *read)
{
    const PageHeader *h = page_header_const(read->page);

    read->epoch = MIN_OF(image->at, image->epoch);
    if (image->at <= image->epoch)
        return store->methods->read(cx, store, read, 1);
    TRY(store->methods->read_old(cx, store, read));
    if (read->found == STORE_FOUND && h->epoch != read->epoch)
        read->found = STORE_DAMAGED;
    if (read->found == STORE_FOUND && (h->kept_at == 0 || h->kept_at > image->epoch))
        return ST_OK;
    if (read->found != STORE_DAMAGED) { /* as one that was added and never used */
        memset(read->page, 0, PAGE_BYTES);
        read->found = STORE_FOUND;
    }
    return ST_OK;
}

static void
read_old(Ctx *cx, PageStore *store, uint32_t frame_no)
{
    PageCache *cache = page_cache(cx->proc);
    const Frame *f = cache_frame(cache, frame_no);
    char *page = cache_frame_bytes(cache, frame_no);
    PageOldImage image;
    StoreRead read = {.page = page};
    Status rc;

    memcpy(&image, page, sizeof(image));
    read.id = (PageId){.branch = image.branch, .relation = f->relation, .block = f->block, .fork = f->fork};
    rc = find_old(cx, store, &image, &read);
    if (rc == ST_OK)
        rc = frame_reserve(cx, 1, true); /* page_adopt may keep one */
    if (rc != ST_OK || read.found != STORE_FOUND) {
        if (rc != ST_OK)
            log_report(LOG_ERROR, "store", &cx->error, NULL);
        log_line(LOG_ERROR,
                 "an older image of page %u of relation %u is not in the store (branch %u, epoch %llu)",
                 f->block, f->relation, image.branch, (unsigned long long)read.epoch);
        ctx_error_clear(cx);
        page_io_done(cx->proc, frame_no, rc != ST_OK ? IO_ERROR : IO_DAMAGED);
        return;
    }
    page_adopt(cx, frame_no, image.cap);
    page_io_done(cx->proc, frame_no, IO_IDLE);
}

/* Is it worth finding out where the page lies? Not if it may have changed since the last checkpoint: then it is not in a file
 * yet, or only until it is written again. If many such are read there is another checkpoint (store_cleaner.c). Nor if a large
 * scan has asked for it: that is served ahead of time, in many pages. */
static bool
is_worth_locating(Ctx *cx, const Frame *f, const char *page)
{
    StoreShared *shared = store_shared(cx->engine);

    if (frame_stored_raw(f) != 0 || atomic_load_explicit(&f->spotted, memory_order_relaxed) != 0 ||
        atomic_load_explicit(&f->used, memory_order_relaxed) == 0)
        return false;
    if (page_header_const(page)->lsn < atomic_load(&shared->redo))
        return true;
    atomic_fetch_add_explicit(&shared->late_reads, 1, memory_order_relaxed);
    return false;
}

static void
finish_read(Ctx *cx, PageStore *store, const StoreRead *read, uint32_t frame_no)
{
    PageCache *cache = page_cache(cx->proc);
    Frame *f = cache_frame(cache, frame_no);
    Xid raw;

    if (read->found != STORE_FOUND)
        atomic_store(&f->spotted, 0);
    switch (read->found) {
    case STORE_FOUND:
        frame_set_stored_raw(f, heap_least_raw(cx, read->page));
        if (is_worth_locating(cx, f, read->page))
            atomic_store(&f->spotted, store->methods->locate(cx, store, read->id, read->page,
                                                             cache_frame_spot(cache, frame_no)));
        break;
    case STORE_MISSING:
        if (is_linked(cx, f)) {
            page_io_linked(cx, frame_no);
            return;
        }
        memset(read->page, 0, PAGE_BYTES);
        break; /* added, and never written since */
    case STORE_DAMAGED:
        if (read->id.fork == FORK_FREESPACE) { /* hints, which heal (B7) */
            memset(read->page, 0, PAGE_BYTES);
            break;
        }
        log_line(LOG_ERROR, "page %u of relation %u is damaged (branch %u, fork %u)", read->id.block,
                 read->id.relation, read->id.branch, read->id.fork);
        page_io_done(cx->proc, frame_no, IO_DAMAGED);
        return;
    }
    raw = frame_stored_raw(f);
    frame_set_raw_min(f, raw); /* so that page_list_raw does not pass it by while somebody tries to free it */
    page_io_done(cx->proc, frame_no, IO_IDLE); /* from here on the frame may be anybody's */
    if (raw != 0)
        page_list_raw(cx, frame_no, read->id, raw);
}

bool
store_serve_read(Ctx *cx, PageStore *store, bool warm)
{
    PageCache *cache = page_cache(cx->proc);
    uint32_t no = page_io_take(cx, warm, NAP_US);
    uint64_t start = env_mono_us(cx->env);
    const Frame *f;
    StoreRead read;
    Status rc;

    if (no == 0)
        return false;
    f = cache_frame(cache, no);
    if ((atomic_load(&f->io) & ~(uint32_t)IO_WAITED) == IO_LOADING_OLD) {
        read_old(cx, store, no);
        ctx_error_clear(cx);
        return true;
    }
    read = (StoreRead){.id = frame_page_id(f), .page = cache_frame_bytes(cache, no)};
    rc = store->methods->read(cx, store, &read, 1);
    page_io_took(cache, env_mono_us(cx->env) - start);
    if (rc == ST_OK) {
        finish_read(cx, store, &read, no);
    } else {
        log_report(LOG_ERROR, "store", &cx->error, NULL);
        page_io_done(cx->proc, no, IO_ERROR);
    }
    ctx_error_clear(cx);
    return true;
}
