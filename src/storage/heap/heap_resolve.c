/* heap_resolve.c - see heap_resolve.h.
 *
 * The whole page is done at once: creators and deleters that committed become commit numbers, what was
 * rolled back becomes "aborted" and "none", ended row locks vanish. A resolved word's companion gets
 * the low 32 bits of the id (T1), except where the deleter's companion is the block a row moved to.
 * Afterwards the page may turn out all-visible (T7).
 *
 * Order of the two stores: the companion first. A reader under a pin alone, without a latch, then
 * never takes the command id for a part of the transaction id. */
#include "storage/heap/heap_resolve.h"

#include "storage/heap/heap_int.h"
#include "storage/wal/page_change.h"

/* Whose outcome the id table has to keep for this id. While the log is done again it is not known yet which savepoints are
 * of which transaction; that one had no outcome when recovery began. */
static Xid
raw_top(Ctx *cx, Xid xid)
{
    Xid floor = atomic_load_explicit(&txn_shared(cx->proc)->recover_floor, memory_order_relaxed);
    Xid top = xid_top(cx, xid);

    return UNLIKELY(floor != 0) ? MIN_OF(top, floor) : top;
}

/* True if the word is settled now. */
static bool
resolve_creator(Ctx *cx, HeapPage *p, uint32_t i, Csn durable, Xid *least)
{
    uint64_t word = heap_creators(p)[i];
    Csn csn;

    if (!word_is_raw(word))
        return true;
    switch (xid_status(cx, word_xid(word), &csn)) {
    case XID_COMMITTED:
        if (csn > durable)
            break;
        heap_creator_companions(p)[i] = (uint32_t)word;
        atomic_signal_fence(memory_order_release);
        heap_creators(p)[i] = csn;
        return true;
    case XID_ABORTED: heap_creators(p)[i] = WORD_NONE; return true;
    case XID_OWN:
    case XID_RUNNING: break;
    }
    *least = MIN_OF(*least, raw_top(cx, word_xid(word)));
    return false;
}

static bool
resolve_deleter(Ctx *cx, HeapPage *p, uint32_t i, Csn durable, Xid *least)
{
    uint64_t word = heap_deleters(p)[i];
    uint8_t *flags = &heap_flags(p)[i];
    XidStatus status;
    Csn csn;

    if (!word_is_raw(word))
        return true;
    status =
        heap_lock_is_forgotten(cx, *flags, word_xid(word)) ? XID_ABORTED : xid_status(cx, word_xid(word), &csn);
    if (status == XID_OWN || status == XID_RUNNING || (status == XID_COMMITTED && csn > durable)) {
        *least = MIN_OF(*least, raw_top(cx, word_xid(word)));
        return false;
    }
    if (status == XID_COMMITTED && !(*flags & SLOT_LOCK_ONLY)) {
        if (!(*flags & SLOT_MOVED))
            heap_deleter_companions(p)[i] = (uint32_t)word;
        atomic_signal_fence(memory_order_release);
        heap_deleters(p)[i] = csn;
        return true;
    }
    /* The mark means nothing any more. */
    if (*flags & SLOT_MOVED)
        heap_next(p)[i] = 0;
    *flags &= (uint8_t) ~(SLOT_MOVED | SLOT_LOCK_ONLY | SLOT_STRENGTH);
    heap_deleter_companions(p)[i] = 0;
    heap_deleters(p)[i] = WORD_NONE;
    return true;
}

/* T7 */
void
heap_page_set_all_before(HeapPage *p)
{
    const uint64_t *creators = heap_creators(p);
    const uint8_t *roots = heap_root(p);
    uint64_t odd[4];
    Csn newest = 0;

    p->h.all_before = 0;
    heap_page_odd_bits(p, odd);
    for (uint32_t w = 0; w < COUNT_OF(odd); w++) {
        for (uint64_t bits = odd[w]; bits != 0; bits &= bits - 1) {
            if (roots[w * 64 + (uint32_t)__builtin_ctzll(bits)] != 0)
                return;
        }
    }
    for (uint32_t i = 0; i < p->used; i++) { /* free slots are odd: they count for nothing */
        if (!(creators[i] & WORD_RAW))
            newest = MAX_OF(newest, creators[i]);
    }
    p->h.all_before = newest;
}

/* What can be settled is; the smallest top id of the rest, 0 = nothing is left. */
static Xid
resolve_page(Ctx *cx, HeapPage *p)
{
    Csn durable = atomic_load_explicit(&txn_shared(cx->proc)->durable_csn, memory_order_acquire);
    Xid least = UINT64_MAX;
    uint64_t raw[4];
    bool settled = true;

    heap_page_raw_bits(p, raw);
    for (uint32_t w = 0; w < COUNT_OF(raw); w++) {
        for (; raw[w] != 0; raw[w] &= raw[w] - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(raw[w]);

            settled &= resolve_creator(cx, p, i, durable, &least);
            settled &= resolve_deleter(cx, p, i, durable, &least);
            if (heap_creators(p)[i] == WORD_NONE)
                p->prune_at = 1; /* a version that was rolled back can go at once */
        }
    }
    if (settled)
        heap_page_set_all_before(p);
    return settled ? 0 : least;
}

Xid
heap_resolve(Ctx *cx, PageRef *ref)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    Xid least;

    ASSERT(ref->exclusive);
    if (!page_is(p, PAGE_KIND_HEAP))
        return 0;
    page_hint(cx, ref);
    least = resolve_page(cx, p);
    if (least == 0) {
        frame_set_raw_min(ref->frame, 0);
        if (frame_stored_raw(ref->frame) != 0) /* so that the id table may forget, some day */
            frame_set_dirty(ref->frame, true);
    }
    return least;
}

/* While the id table is being filled: any id that the table may know will do as the smallest, later writing finds the right one. */
static Xid
least_while_filling(Ctx *cx, const HeapPage *p)
{
    uint64_t raw[4];

    heap_page_raw_bits(p, raw);
    return (raw[0] | raw[1] | raw[2] | raw[3]) != 0 ? atomic_load(&txn_shared(cx->proc)->ids.trimmed) : 0;
}

Xid
heap_resolve_copy(Ctx *cx, char *page)
{
    if (!page_is(page, PAGE_KIND_HEAP))
        return 0;
    page_header(page)->flags &= (uint8_t)~HEAP_PAGE_RETIRED; /* a vacuum's note to itself */
    if (id_table_is_filling(&txn_shared(cx->proc)->ids))
        return least_while_filling(cx, (HeapPage *)(void *)page);
    return resolve_page(cx, (HeapPage *)(void *)page);
}

Xid
heap_least_raw(Ctx *cx, const char *page)
{
    const HeapPage *p = (const HeapPage *)(const void *)page;
    Xid least = UINT64_MAX;
    uint64_t raw[4];

    if (!page_is(page, PAGE_KIND_HEAP))
        return 0;
    if (id_table_is_filling(&txn_shared(cx->proc)->ids))
        return least_while_filling(cx, p);
    heap_page_raw_bits(p, raw);
    for (uint32_t w = 0; w < COUNT_OF(raw); w++) {
        for (; raw[w] != 0; raw[w] &= raw[w] - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(raw[w]);

            if (word_is_raw(heap_creators(p)[i]))
                least = MIN_OF(least, raw_top(cx, word_xid(heap_creators(p)[i])));
            if (word_is_raw(heap_deleters(p)[i]) &&
                !heap_lock_is_forgotten(cx, heap_flags(p)[i], word_xid(heap_deleters(p)[i])))
                least = MIN_OF(least, raw_top(cx, word_xid(heap_deleters(p)[i])));
        }
    }
    return least == UINT64_MAX ? 0 : least;
}

void
heap_forget_hints(char *page)
{
    page_header(page)->all_before = 0;
    if (page_is(page, PAGE_KIND_HEAP))
        ((HeapPage *)(void *)page)->prune_at = 0;
}

/* Its outcome for a branch with this cap: the commit number, or WORD_NONE. */
static uint64_t
word_for(Ctx *cx, uint64_t word, Csn cap)
{
    Csn csn = word;

    if (word == WORD_NONE)
        return WORD_NONE;
    if (word_is_raw(word))
        csn = xid_commit_number(cx, word_xid(word));
    return csn != 0 && csn <= cap ? csn : WORD_NONE;
}

void
heap_resolve_for(Ctx *cx, char *page, Csn cap)
{
    HeapPage *p = (HeapPage *)(void *)page;

    if (!page_is(page, PAGE_KIND_HEAP))
        return;
    for (uint32_t i = 0; i < p->used; i++) {
        uint64_t creator = heap_creators(p)[i], deleter = heap_deleters(p)[i];
        uint8_t *flags = &heap_flags(p)[i];

        if (heap_root(p)[i] == 0 || (*flags & SLOT_STUB))
            continue;
        *flags &= (uint8_t)~SLOT_MAYBE_LOCKED;
        if (word_is_raw(creator))
            heap_creator_companions(p)[i] = (uint32_t)creator;
        heap_creators(p)[i] = word_for(cx, creator, cap);
        if (deleter != WORD_NONE && !(*flags & SLOT_LOCK_ONLY) && word_for(cx, deleter, cap) != WORD_NONE) {
            if (word_is_raw(deleter) && !(*flags & SLOT_MOVED))
                heap_deleter_companions(p)[i] = (uint32_t)deleter;
            heap_deleters(p)[i] = word_for(cx, deleter, cap);
            continue;
        }
        if (*flags & SLOT_MOVED)
            heap_next(p)[i] = 0;
        *flags &= (uint8_t) ~(SLOT_MOVED | SLOT_LOCK_ONLY | SLOT_STRENGTH);
        heap_deleter_companions(p)[i] = 0;
        heap_deleters(p)[i] = WORD_NONE;
    }
    p->prune_at = 1;
    p->h.flags &= (uint8_t)~HEAP_PAGE_RETIRED;
    heap_page_set_all_before(p);
}
