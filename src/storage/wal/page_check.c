/* page_check.c - does redo do what was done? See page_change.h.
 *
 * A copy of the page from before the change gets the record; then copy and page are compared. Left out
 * are the header's LSN and epochs, which the log sets, and what hints may set differently: `all_before` and,
 * on heap pages, `prune_at` (redo knows less and says "look"). */
#include "storage/wal/page_check.h"

#include <stdlib.h>

#include "base/log.h"
#include "storage/heap/heap_resolve.h"
#include "storage/recover/redo.h"

struct PageCheck {
    _Alignas(16) char before[PAGE_BYTES];
    uint8_t record[RECORD_PAGE_MOST];
    uint32_t frame_no; /* 0 = no change is open */
};

PageCheck *
page_check_open(void)
{
    return calloc(1, sizeof(PageCheck));
}

void
page_check_close(PageCheck *check)
{
    free(check);
}

void
page_check_begin(PageCheck *check, const PageRef *ref)
{
    ASSERT(check->frame_no == 0);
    check->frame_no = ref->frame_no;
    memcpy(check->before, ref->page, PAGE_BYTES);
}

void
page_check_cancel(PageCheck *check)
{
    check->frame_no = 0;
}

/* The page with what is not compared made equal. */
static void
normalize(const char *page, char *out)
{
    PageHeader *h = page_header(out);

    memcpy(out, page, PAGE_BYTES);
    h->lsn = h->epoch = h->prev_epoch = 0;
    heap_forget_hints(out);
}

static void
complain(const PageRef *ref, RecordKind kind, const char *what, uint32_t at)
{
    const Frame *f = ref->frame;

    log_line(LOG_ERROR, "redo of %s does not give the page: relation %u, block %u, %s %u",
             record_kind_name(kind), f->relation, f->block, what, at);
    ASSERT(!"redo gives what was done");
}

void
page_check_end(PageCheck *check, const PageRef *ref, RecordKind kind, const RecordPart *parts, int part_count)
{
    _Alignas(16) char a[PAGE_BYTES], b[PAGE_BYTES];
    RedoPage redo = redo_page_of(kind);
    uint32_t bytes = 0;

    ASSERT(check->frame_no == ref->frame_no);
    ASSERT(redo != NULL);
    check->frame_no = 0;
    for (int i = 0; i < part_count; i++) {
        ASSERT(bytes + parts[i].bytes <= sizeof(check->record));
        if (parts[i].bytes > 0)
            memcpy(check->record + bytes, parts[i].data, parts[i].bytes);
        bytes += parts[i].bytes;
    }
    if (!redo(check->before, check->record, bytes))
        complain(ref, kind, "record refused, bytes", bytes);
    normalize(check->before, a);
    normalize(ref->page, b);
    for (uint32_t i = 0; i < PAGE_BYTES; i++) {
        if (a[i] != b[i])
            complain(ref, kind, "first difference at byte", i);
    }
}
