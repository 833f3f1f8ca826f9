/* page_change.c - see page_change.h. */
#include "storage/wal/page_change.h"

#include "storage/heap/heap_resolve.h"
#include "storage/wal/page_check.h"
#include "storage/wal/wal.h"

static PageHeader *
image_of(Ctx *cx, const Frame *f)
{
    return page_header(cache_frame_bytes(page_cache(cx->proc), f->older));
}

void
page_forget_kept(Ctx *cx, PageRef *ref)
{
    PageHeader *h = page_header(ref->page);

    if (h->prev_epoch == h->epoch && image_of(cx, ref->frame)->epoch == h->epoch)
        h->prev_epoch = image_of(cx, ref->frame)->prev_epoch;
}

/* Whoever kept the image has changed nothing. Since then others may have committed, and a branch been forked that sees it. Nobody
 * reads the image as long as the page has its epoch. */
static void
keep_again(Ctx *cx, PageRef *ref)
{
    PageHeader *image = image_of(cx, ref->frame);
    uint64_t before = image->prev_epoch;

    memcpy(image, ref->page, PAGE_BYTES);
    image->prev_epoch = before;
    image->kept_at = atomic_load(&page_cache(cx->proc)->epoch);
}

void
page_keep_for_children(Ctx *cx, PageRef *ref)
{
    PageHeader *h = page_header(ref->page);
    const Frame *f = ref->frame;
    const CacheRel *rel;

    if (h->magic == 0 || f->fork != FORK_MAIN)
        return; /* it was not there yet */
    if (h->epoch >= atomic_load(&page_cache(cx->proc)->epoch))
        return; /* recovery knows of forks that the log has not come to */
    rel = cache_rel(cx, f->branch, f->relation);
    if (rel == NULL || h->epoch > atomic_load(&rel->kept_epoch))
        return;
    if (f->older == 0 || image_of(cx, f)->epoch != h->epoch)
        (void)page_keep_image(cx, ref->frame, ref->page);
    else
        keep_again(cx, ref);
    /* Who has not committed by now had not when the children were made. */
    heap_resolve_for(cx, (char *)image_of(cx, f), UINT64_MAX >> 1);
    h->prev_epoch = h->epoch; /* the newest image that is kept */
}

void
page_change_begin_logged(Ctx *cx, PageRef *ref)
{
    if (cx->page_check != NULL)
        page_check_begin(cx->page_check, ref);
}

void
page_change_cancel_logged(Ctx *cx)
{
    if (cx->page_check != NULL)
        page_check_cancel(cx->page_check);
}

void
page_change_end_logged(Ctx *cx, PageRef *ref, RecordKind kind, const RecordPart *parts, int part_count)
{
    const Frame *f = ref->frame;

    ASSERT(part_count <= RECORD_PARTS_MOST);
    if (cx->page_check != NULL)
        page_check_end(cx->page_check, ref, kind, parts, part_count);
    if (wal_is_on(cx->proc) && !f->unlogged)
        page_header(ref->page)->lsn =
            wal_insert(cx, kind, (WalTarget){f->branch, f->relation, f->block, f->fork}, parts, part_count);
}
