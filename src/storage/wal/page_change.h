/* src/storage/wal/page_change.h - the one way to change a page.
 *
 * Under the exclusive latch:
 *     page_change_begin(cx, &ref);
 *     heap_page_insert(ref.page, ...);               a function of (page, record) alone (H3)
 *     page_change_end(cx, &ref, RECORD_HEAP_INSERT, parts, part_count);
 * The parts are the record: what redo needs to do the same again. They are looked at only when
 * page_change_is_logged: so who has to gather them asks first.
 *
 * Where redo is checked (PAGE_LOG_CHECK: tests), the record is done again on a copy of the page as it was,
 * and the result must be the page as it is, byte by byte, but for hints. */
#ifndef PAGE_CHANGE_H
#define PAGE_CHANGE_H
#include "shmem/pagecache/pagecache.h"
#include "storage/wal/record.h"

static inline bool
page_change_is_logged(const Ctx *cx)
{
    return UNLIKELY(cache_log_mode(page_cache(cx->proc)) != 0);
}

void page_change_begin_logged(Ctx *cx, PageRef *ref);
void page_change_cancel_logged(Ctx *cx);
void page_change_end_logged(Ctx *cx, PageRef *ref, RecordKind kind, const RecordPart *parts, int part_count);

/* B4: if somebody still needs the page as it is, it is kept. Below the exclusive latch. */
void page_keep_for_children(Ctx *cx, PageRef *ref);
/* The page was kept and has not changed: it does not name the image, which is the same, as the one before it. */
void page_forget_kept(Ctx *cx, PageRef *ref);

static inline void
page_change_begin(Ctx *cx, PageRef *ref)
{
    DEBUG_ASSERT(ref->exclusive);
    if (UNLIKELY(page_header(ref->page)->epoch <=
                 atomic_load_explicit(&page_cache(cx->proc)->last_fork_epoch, memory_order_relaxed)))
        page_keep_for_children(cx, ref);
    frame_set_dirty(ref->frame, true); /* S1: before the record's place is reserved */
    if (page_change_is_logged(cx))
        page_change_begin_logged(cx, ref);
}
static inline void
page_change_end(Ctx *cx, PageRef *ref, RecordKind kind, const RecordPart *parts, int part_count)
{
    PageHeader *h = page_header(ref->page);
    uint64_t epoch = atomic_load_explicit(&page_cache(cx->proc)->epoch, memory_order_relaxed);

    h->epoch = epoch; /* B1, B3: no fork can happen between the latch and here, so the epoch stands still */
    if (page_change_is_logged(cx))
        page_change_end_logged(cx, ref, kind, parts, part_count);
}
/* Nothing was changed after all. */
static inline void
page_change_cancel(Ctx *cx, PageRef *ref)
{
    if (UNLIKELY(ref->frame->older != 0))
        page_forget_kept(cx, ref);
    if (page_change_is_logged(cx))
        page_change_cancel_logged(cx);
}
/* Hints: never logged, never a reason to write the page (T6). */
static inline void
page_hint(Ctx *cx, PageRef *ref)
{
    (void)cx;
    DEBUG_ASSERT(ref->exclusive);
    (void)ref;
}
/* What a crash may lose, but not a page's leaving memory: row locks, and pages that are hints as a whole (free space,
 * B7). Not logged, but written. */
static inline void
page_change_unlogged(Ctx *cx, PageRef *ref)
{
    (void)cx;
    DEBUG_ASSERT(ref->exclusive);
    frame_set_dirty(ref->frame, true);
}

#endif
