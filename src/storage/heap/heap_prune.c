/* heap_prune.c - taking versions nobody can see out of a page, moving the oldest left into its root.
 *
 * Cleanup latch: exclusive and sole pin (H1). First the page is resolved; then, for each root:
 * 1. versions at the front of the chain whose deleter is at or below the horizon go, and versions that
 *    were rolled back, at its end;
 * 2. nothing left: the root becomes a stub, because indexes still name it (H2);
 * 3. the oldest left is not in the root slot: it is copied there and its slot becomes free.
 * Slots that no chain reaches (a rolled back version that was overwritten) become free, and the
 * variable parts are moved together. What to do is a function of the page and the horizon alone. */
#include "storage/heap/heap_record.h"
#include "storage/wal/wal.h"

enum { PRUNE_FREE_BYTES = PAGE_BYTES / 10 };

/* Everything but root and the maybe-locked flag, which belong to the root slot. */
static void
copy_version(HeapPage *p, uint32_t from, uint32_t to)
{
    uint8_t keep = heap_flags(p)[to] & SLOT_MAYBE_LOCKED;

    heap_page_drop_var(p, (uint16_t)to); /* before the flags, which say how long a part is */
    if (p->var_columns > 0) {
        heap_var_offsets(p)[to] = heap_var_offsets(p)[from];
        heap_var_offsets(p)[from] = 0;
    }
    heap_creators(p)[to] = heap_creators(p)[from];
    heap_deleters(p)[to] = heap_deleters(p)[from];
    heap_creator_companions(p)[to] = heap_creator_companions(p)[from];
    heap_deleter_companions(p)[to] = heap_deleter_companions(p)[from];
    heap_next(p)[to] = heap_next(p)[from];
    heap_flags(p)[to] = (uint8_t)((heap_flags(p)[from] & ~SLOT_MAYBE_LOCKED) | keep);
    for (uint32_t c = 0; c < p->described; c++) {
        uint32_t d = p->desc[c], width = desc_width(d);
        char *array = (char *)p + desc_place(d);

        if (d & DESC_VAR)
            continue;
        memcpy(array + (size_t)to * width, array + (size_t)from * width, width);
        if (desc_bitmap(d) != DESC_NO_BITMAP) {
            uint64_t *bits = heap_bitmap(p, desc_bitmap(d));
            uint64_t bit = bits[from / 64] >> (from % 64) & 1;

            bits[to / 64] = (bits[to / 64] & ~(UINT64_C(1) << (to % 64))) | bit << (to % 64);
        }
    }
}

static bool
is_dead(const HeapPage *p, uint32_t i, Csn horizon)
{
    return heap_creators(p)[i] == WORD_NONE || heap_deleters(p)[i] <= horizon;
}

static void
make_stub(HeapPage *p, uint32_t i)
{
    heap_page_drop_var(p, (uint16_t)i);
    heap_creators(p)[i] = heap_deleters(p)[i] = WORD_NONE;
    heap_creator_companions(p)[i] = heap_deleter_companions(p)[i] = 0;
    heap_flags(p)[i] = SLOT_STUB;
    heap_next(p)[i] = 0;
}

typedef struct Chain {
    uint8_t slots[HEAP_SLOTS_MOST]; /* what is left of it, oldest first */
    uint32_t count;
} Chain;

/* 1. The versions of one root that stay; all that are reached get their bit in `reached`. */
static void
collect(const HeapPage *p, uint32_t root, Csn horizon, uint64_t *reached, Chain *out)
{
    uint32_t slot = root;

    out->count = 0;
    while (slot != 0) {
        uint32_t i = slot - 1;

        ASSERT(!(reached[i / 64] >> (i % 64) & 1)); /* chains are lists */
        reached[i / 64] |= UINT64_C(1) << (i % 64);
        if (!is_dead(p, i, horizon))
            out->slots[out->count++] = (uint8_t)slot;
        slot = heap_flags(p)[i] & SLOT_MOVED ? 0 : heap_next(p)[i];
    }
}

static void
plan_root(const HeapPage *p, uint32_t root, Csn horizon, bool no_indexes, uint64_t *reached,
          uint64_t *free_bits, HeapSteps *steps)
{
    uint8_t old[HEAP_SLOTS_MOST];
    uint32_t old_count = 0, kept = 0;
    Chain chain;

    for (uint32_t slot = root; slot != 0;
         slot = heap_flags(p)[slot - 1] & SLOT_MOVED ? 0 : heap_next(p)[slot - 1])
        old[old_count++] = (uint8_t)slot;
    collect(p, root, horizon, reached, &chain);
    for (uint32_t k = 0; k < old_count; k++) { /* all but the root slot go, unless they stay */
        if (kept < chain.count && chain.slots[kept] == old[k])
            kept++;
        else if (old[k] != root)
            free_bits[(old[k] - 1u) / 64] |= UINT64_C(1) << ((old[k] - 1u) % 64);
    }
    if (chain.count == 0) {
        if (no_indexes)
            free_bits[(root - 1) / 64] |= UINT64_C(1) << ((root - 1) % 64);
        else
            heap_step_add(steps, HEAP_STEP_STUB, root, 0);
        return;
    }
    for (uint32_t k = 0; k < chain.count; k++) {
        uint32_t i = chain.slots[k] - 1u, next = k + 1 < chain.count ? chain.slots[k + 1] : 0;

        if (!(heap_flags(p)[i] & SLOT_MOVED) && heap_next(p)[i] != next)
            heap_step_add(steps, HEAP_STEP_NEXT, i + 1, next);
    }
    if (chain.slots[0] != root) { /* 3. */
        heap_step_add(steps, HEAP_STEP_MOVE, chain.slots[0], root);
        free_bits[(chain.slots[0] - 1u) / 64] |= UINT64_C(1) << ((chain.slots[0] - 1u) % 64);
    }
}

/* The earliest horizon at which the page would have something to give. */
static Csn
next_prune(const HeapPage *p, Csn now)
{
    uint64_t odd[4];
    Csn at = 0;

    if (p->h.all_before != 0)
        return 0;
    heap_page_odd_bits(p, odd);
    for (uint32_t w = 0; w < COUNT_OF(odd); w++) {
        for (uint64_t bits = odd[w]; bits != 0; bits &= bits - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
            uint64_t d = heap_deleters(p)[i];

            if (d == WORD_NONE || heap_root(p)[i] == 0 || (heap_flags(p)[i] & SLOT_LOCK_ONLY))
                continue;
            if (word_is_raw(d))
                d = now;
            at = at == 0 ? d : MIN_OF(at, d);
        }
    }
    return at;
}

void
heap_page_apply_steps(HeapPage *p, const HeapStep *steps, uint32_t count, bool compact)
{
    for (uint32_t k = 0; k < count; k++) {
        uint32_t a = steps[k].a, b = steps[k].b;

        switch ((HeapStepKind)steps[k].kind) {
        case HEAP_STEP_NEXT: heap_next(p)[a - 1] = (uint8_t)b; break;
        case HEAP_STEP_MOVE: copy_version(p, a - 1, b - 1); break;
        case HEAP_STEP_STUB: make_stub(p, a - 1); break;
        case HEAP_STEP_FREE: heap_page_free_slot(p, (uint16_t)a); break;
        }
    }
    if (compact)
        heap_page_compact(p);
}

/* Everything that belongs to the root of this odd slot, unless it has been looked at. */
static void
plan_slot(const HeapPage *p, uint32_t i, Csn horizon, bool no_indexes, uint64_t *reached, uint64_t *free_bits,
          HeapSteps *steps)
{
    uint32_t root = heap_root(p)[i], r = root - 1;

    if (root == 0 || (reached[r / 64] >> (r % 64) & 1) || heap_root(p)[r] != root)
        return;
    if (!(heap_flags(p)[r] & SLOT_STUB))
        plan_root(p, root, horizon, no_indexes, reached, free_bits, steps);
    else if (no_indexes)
        free_bits[r / 64] |= UINT64_C(1) << (r % 64);
}

/* What is to be done, each chain for itself: nothing changes yet. A chain without odd slots is one living version. */
static void
plan_page(const HeapPage *p, Csn horizon, bool no_indexes, HeapSteps *steps)
{
    uint64_t reached[4] = {0}, free_bits[4] = {0}, odd[4];
    const uint8_t *roots = heap_root(p);

    heap_page_odd_bits(p, odd);
    for (uint32_t w = 0; w < COUNT_OF(odd); w++) {
        for (uint64_t bits = odd[w]; bits != 0; bits &= bits - 1)
            plan_slot(p, w * 64 + (uint32_t)__builtin_ctzll(bits), horizon, no_indexes, reached, free_bits,
                      steps);
    }
    for (uint32_t w = COUNT_OF(odd); w-- > 0;) { /* from the end: freeing the last slots cuts `used` */
        uint64_t bits = (odd[w] & ~reached[w]) | free_bits[w];

        while (bits != 0) {
            uint32_t bit = 63 - (uint32_t)__builtin_clzll(bits), k = w * 64 + bit;
            bool stray = roots[k] != 0 && roots[k] != k + 1; /* not reached, or it is in free_bits */

            bits &= ~(UINT64_C(1) << bit);
            if ((free_bits[w] >> bit & 1) || stray)
                heap_step_add(steps, HEAP_STEP_FREE, k + 1, 0);
        }
    }
}

void
heap_prune(Ctx *cx, PageRef *ref, Csn horizon, bool no_indexes)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    HeapSteps steps;

    ASSERT(ref->exclusive);
    if (!page_is(p, PAGE_KIND_HEAP))
        return;
    (void)heap_resolve(cx, ref);
    if (!page_is_sole_pin(ref))
        return;
    steps.count = 0;
    plan_page(p, horizon, no_indexes, &steps);
    if (steps.count > 0 || p->var_dead > 0) {
        page_change_begin(cx, ref);
        heap_page_apply_steps(p, steps.step, steps.count, true);
        heap_end_steps(cx, ref, &steps, true);
    }
    page_hint(cx, ref);
    heap_page_set_all_before(p);
    p->prune_at = next_prune(p, horizon + 1);
    DEBUG_ASSERT((heap_page_check(p), true));
}

static bool
is_short_of_room(const HeapPage *p)
{
    bool slots = p->free_slots == 0 && p->used == p->capacity;

    return slots || (p->var_columns > 0 && heap_free_bytes(p) < PRUNE_FREE_BYTES);
}

void
heap_prune_if_useful(Ctx *cx, CacheRel *rel, PageRef *ref)
{
    HeapPage *p = (HeapPage *)(void *)ref->page;
    Csn at = p->prune_at, horizon; /* read without a latch: hints */
    uint32_t room;

    if (LIKELY(at == 0) || !is_short_of_room(p) || !page_is_sole_pin(ref) || wal_disk_is_full(cx->proc))
        return;
    horizon = txn_horizon(cx, at);
    if (horizon < at || !page_try_exclusive(cx, ref))
        return;
    heap_prune(cx, ref, horizon, false);
    room = p->free_slots > 1 || p->used + 1 < p->capacity ? heap_free_bytes(p) : 0;
    page_unlatch(cx, ref);
    if (room > PAGE_BYTES / 8)
        heap_space_record(cx, rel, ref->frame->block, room);
}
