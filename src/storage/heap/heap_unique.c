/* heap_unique.c - see heap_unique.h. Looks at the row as it is, without a snapshot: a key is taken by
 * any row that is there or may yet be there. */
#include "storage/heap/heap_unique.h"

#include "storage/branch/page_own.h"
#include "storage/heap/heap_int.h"

static RowLife
judge(Ctx *cx, const HeapPage *p, uint16_t root, Xid *xid)
{
    uint16_t slot = root, newest = 0;
    Csn csn;

    if (!page_is(p, PAGE_KIND_HEAP) || root == 0 || root > p->used || heap_root(p)[root - 1] != root ||
        (heap_flags(p)[root - 1] & SLOT_STUB))
        return ROW_LIFE_DEAD;
    while (slot != 0) {
        uint64_t c = heap_creators(p)[slot - 1];

        if (word_is_raw(c)) {
            XidStatus status = xid_status(cx, word_xid(c), &csn);

            if (status == XID_RUNNING) {
                *xid = word_xid(c);
                return ROW_LIFE_UNDECIDED;
            }
            if (status != XID_ABORTED)
                newest = slot;
        } else if (c != WORD_NONE) {
            newest = slot;
        }
        slot = heap_flags(p)[slot - 1] & SLOT_MOVED ? 0 : heap_next(p)[slot - 1];
    }
    if (newest == 0)
        return ROW_LIFE_DEAD;
    switch (heap_mark_state(cx, p, (uint16_t)(newest - 1), xid, &csn)) {
    case MARK_STATE_NONE: return ROW_LIFE_LIVE;
    case MARK_STATE_OWN: return heap_flags(p)[newest - 1] & SLOT_LOCK_ONLY ? ROW_LIFE_LIVE : ROW_LIFE_DEAD;
    case MARK_STATE_RUNNING:
        return heap_flags(p)[newest - 1] & SLOT_LOCK_ONLY ? ROW_LIFE_LIVE : ROW_LIFE_UNDECIDED;
    case MARK_STATE_COMMITTED: break;
    }
    return ROW_LIFE_DEAD;
}

Status
heap_row_life(Ctx *cx, const HeapRel *rel, Tid root, RowLife *life, Xid *xid)
{
    CacheRel *cr;
    PageRef ref;

    TRY(heap_open(cx, rel, &cr));
    TRY(page_pin_shared(cx, cr, FORK_MAIN, tid_block(root), &ref));
    if (ref.page != NULL && page_is_linked(&ref)) { /* what is in flight there is nothing to us */
        page_unpin(cx, &ref);
        TRY(page_pin_own(cx, cr, FORK_MAIN, tid_block(root), &ref));
        page_latch_shared(cx, &ref);
    }
    *life =
        ref.page == NULL ? ROW_LIFE_DEAD : judge(cx, (const HeapPage *)(void *)ref.page, tid_slot(root), xid);
    page_unpin(cx, &ref);
    return ST_OK;
}
