/* heap_visible.c - which versions of a page a snapshot sees (T1, T3, T7).
 *
 * For a resolved row the answer is one comparison of each word with S, done for the whole page with
 * vectors; rows with a raw word (top bit set, not all ones) are picked out by the same pass and judged
 * one by one. A page that is all-visible to S needs neither.
 *
 * `cap` (B2): a page reached through a fork is judged as of the fork; what was not committed by then
 * counts as aborted. */
#include <immintrin.h>

#include "storage/heap/heap_int.h"

enum { MASK_WORDS = 4 };

typedef struct PageMasks {
    uint64_t visible[MASK_WORDS], raw[MASK_WORDS];
} PageMasks;

/* 0, 1, 2, ...: the selection of a page of which all slots are visible. */
#define TEN(n) (n), (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7, (n) + 8, (n) + 9
static const uint16_t all_positions[HEAP_SLOTS_MOST + 5] = {TEN(0),   TEN(10),  TEN(20),  TEN(30),  TEN(40),
                                                            TEN(50),  TEN(60),  TEN(70),  TEN(80),  TEN(90),
                                                            TEN(100), TEN(110), TEN(120), TEN(130), TEN(140),
                                                            TEN(150), TEN(160), TEN(170), TEN(180), TEN(190),
                                                            TEN(200), TEN(210), TEN(220), TEN(230), TEN(240),
                                                            TEN(250)};

static void
masks_plain(const uint64_t *creators, const uint64_t *deleters, uint32_t from, uint32_t count, Csn s,
            PageMasks *m)
{
    for (uint32_t i = from; i < count; i++) {
        uint64_t c = creators[i], d = deleters[i];
        uint64_t bit = UINT64_C(1) << (i % 64);

        if (c <= s && d > s)
            m->visible[i / 64] |= bit;
        if (word_is_raw(c) || word_is_raw(d))
            m->raw[i / 64] |= bit;
    }
}

/* Words are compared as signed: raw ones and "none" are negative, commit numbers are not. */
__attribute__((target("avx2"))) static void
masks_avx2(const uint64_t *creators, const uint64_t *deleters, uint32_t count, Csn s, PageMasks *m)
{
    const __m256i limit = _mm256_set1_epi64x((int64_t)s), none = _mm256_set1_epi64x(-1);
    uint32_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(creators + i));
        __m256i d = _mm256_loadu_si256((const __m256i *)(const void *)(deleters + i));
        /* not visible: c > s, or c negative, or 0 <= d <= s */
        __m256i hidden = _mm256_or_si256(_mm256_cmpgt_epi64(c, limit), c);
        __m256i late = _mm256_or_si256(_mm256_cmpgt_epi64(d, limit), d);
        /* raw: negative and not all ones */
        __m256i raw = _mm256_or_si256(_mm256_andnot_si256(_mm256_cmpeq_epi64(c, none), c),
                                      _mm256_andnot_si256(_mm256_cmpeq_epi64(d, none), d));
        __m256i visible = _mm256_andnot_si256(hidden, late);

        m->visible[i / 64] |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(visible)) << (i % 64);
        m->raw[i / 64] |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(raw)) << (i % 64);
    }
    masks_plain(creators, deleters, i, count, s, m);
}

void
heap_page_raw_bits(const HeapPage *p, uint64_t raw[4])
{
    PageMasks m = {{0}, {0}};

    if (__builtin_cpu_supports("avx2"))
        masks_avx2(heap_creators(p), heap_deleters(p), p->used, 0, &m);
    else
        masks_plain(heap_creators(p), heap_deleters(p), 0, p->used, 0, &m);
    memcpy(raw, m.raw, sizeof(m.raw));
}

static void
odd_plain(const uint64_t *creators, const uint64_t *deleters, uint32_t from, uint32_t count, uint64_t odd[4])
{
    for (uint32_t i = from; i < count; i++) {
        if ((creators[i] & WORD_RAW) || deleters[i] != WORD_NONE)
            odd[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

__attribute__((target("avx2"))) static void
odd_avx2(const uint64_t *creators, const uint64_t *deleters, uint32_t count, uint64_t odd[4])
{
    const __m256i none = _mm256_set1_epi64x(-1);
    uint32_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(creators + i));
        __m256i d = _mm256_loadu_si256((const __m256i *)(const void *)(deleters + i));
        __m256i stays = _mm256_cmpeq_epi64(d, none); /* if c is not negative */
        __m256i odd_words = _mm256_or_si256(c, _mm256_xor_si256(stays, none));

        odd[i / 64] |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(odd_words)) << (i % 64);
    }
    odd_plain(creators, deleters, i, count, odd);
}

void
heap_page_odd_bits(const HeapPage *p, uint64_t odd[4])
{
    memset(odd, 0, MASK_WORDS * sizeof(odd[0]));
    if (__builtin_cpu_supports("avx2"))
        odd_avx2(heap_creators(p), heap_deleters(p), p->used, odd);
    else
        odd_plain(heap_creators(p), heap_deleters(p), 0, p->used, odd);
}

/* ---- one version ------------------------------------------------------------------------------------------------ */

static bool
creator_seen(Ctx *cx, const HeapPage *p, uint32_t i, const Snapshot *snapshot, Csn s, Csn cap, bool *resolvable)
{
    uint64_t c = heap_creators(p)[i];
    Csn csn;

    if (!word_is_raw(c))
        return c <= s;
    switch (xid_status(cx, word_xid(c), &csn)) {
    case XID_OWN: return cap == UINT64_MAX && heap_creator_companions(p)[i] < snapshot->command_id;
    case XID_COMMITTED: *resolvable = true; return csn <= s;
    case XID_ABORTED: *resolvable = true; return false;
    case XID_RUNNING: break;
    }
    return false;
}

VersionSight
heap_version_sight(Ctx *cx, const HeapPage *p, uint16_t i, const Snapshot *snapshot, Csn cap, bool *resolvable)
{
    Csn s = MIN_OF(snapshot->csn, cap), csn;
    uint64_t d = heap_deleters(p)[i];
    uint8_t flags = heap_flags(p)[i];

    if (!creator_seen(cx, p, i, snapshot, s, cap, resolvable))
        return SIGHT_NO;
    if (!word_is_raw(d))
        return d > s ? SIGHT_YES : SIGHT_NO;
    if (heap_lock_is_forgotten(cx, flags, word_xid(d))) {
        *resolvable = true;
        return SIGHT_YES;
    }
    switch (xid_status(cx, word_xid(d), &csn)) {
    case XID_OWN:
        if ((flags & SLOT_LOCK_ONLY) || cap != UINT64_MAX)
            return SIGHT_YES;
        if (flags & SLOT_MOVED)
            return SIGHT_MOVED_BY_US;
        return heap_deleter_companions(p)[i] >= snapshot->command_id ? SIGHT_YES : SIGHT_NO;
    case XID_COMMITTED: *resolvable = true; return (flags & SLOT_LOCK_ONLY) || csn > s ? SIGHT_YES : SIGHT_NO;
    case XID_ABORTED: *resolvable = true; return SIGHT_YES;
    case XID_RUNNING: break;
    }
    return SIGHT_YES;
}

MarkState
heap_mark_state(Ctx *cx, const HeapPage *p, uint16_t i, Xid *xid, Csn *csn)
{
    uint64_t d = heap_deleters(p)[i];

    if (d == WORD_NONE)
        return MARK_STATE_NONE;
    if (!word_is_raw(d)) {
        *csn = d;
        return MARK_STATE_COMMITTED;
    }
    *xid = word_xid(d);
    if (heap_lock_is_forgotten(cx, heap_flags(p)[i], *xid))
        return MARK_STATE_NONE;
    switch (xid_status(cx, *xid, csn)) {
    case XID_OWN: return MARK_STATE_OWN;
    case XID_RUNNING: return MARK_STATE_RUNNING;
    case XID_COMMITTED: return heap_flags(p)[i] & SLOT_LOCK_ONLY ? MARK_STATE_NONE : MARK_STATE_COMMITTED;
    case XID_ABORTED: break;
    }
    return MARK_STATE_NONE;
}

/* ---- a page -------------------------------------------------------------------------------------------------------- */

static uint16_t
list_bits(const uint64_t *bits, uint32_t words, uint16_t *out)
{
    uint16_t count = 0;

    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t rest = bits[w]; rest != 0; rest &= rest - 1)
            out[count++] = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(rest));
    }
    return count;
}

void
heap_page_visible(Ctx *cx, const HeapPage *p, const Snapshot *snapshot, Csn cap, HeapSelection *out)
{
    Csn s = MIN_OF(snapshot->csn, cap);
    PageMasks m = {{0}, {0}};
    uint32_t words = (p->used + 63u) / 64;

    out->resolvable = false;
    out->moved_count = 0;
    if (p->h.all_before != 0 && p->h.all_before <= s && p->free_slots == 0) { /* T7 */
        out->visible = all_positions;
        out->count = p->used;
        return;
    }
    if (__builtin_cpu_supports("avx2"))
        masks_avx2(heap_creators(p), heap_deleters(p), p->used, s, &m);
    else
        masks_plain(heap_creators(p), heap_deleters(p), 0, p->used, s, &m);
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t rest = m.raw[w]; rest != 0; rest &= rest - 1) {
            uint16_t i = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(rest));
            VersionSight sight = heap_version_sight(cx, p, i, snapshot, cap, &out->resolvable);

            m.visible[w] &= ~(UINT64_C(1) << (i % 64));
            if (sight == SIGHT_YES)
                m.visible[w] |= UINT64_C(1) << (i % 64);
            else if (sight == SIGHT_MOVED_BY_US)
                out->moved[out->moved_count++] = (HeapMoved){i, heap_moved_to(p, i)};
        }
    }
    out->visible = out->list;
    out->count = list_bits(m.visible, words, out->list);
}

/* ---- rows this transaction moved elsewhere --------------------------------------------------------------------------- */

Status
heap_moved_command(Ctx *cx, const CacheRel *rel, Tid to, uint32_t *command_id)
{
    PageRef ref;

    TRY(page_pin_shared(cx, rel, FORK_MAIN, tid_block(to), &ref));
    ASSERT(ref.page != NULL);
    *command_id = heap_creator_companions((const HeapPage *)(void *)ref.page)[tid_slot(to) - 1];
    page_unpin(cx, &ref);
    return ST_OK;
}

Status
heap_settle_moved(Ctx *cx, const CacheRel *rel, const Snapshot *snapshot, HeapSelection *sel)
{
    for (uint16_t k = 0; k < sel->moved_count; k++) {
        uint16_t i = sel->moved[k].position, at = sel->count;
        uint32_t command_id;

        TRY(heap_moved_command(cx, rel, sel->moved[k].to, &command_id));
        if (command_id < snapshot->command_id)
            continue;
        ASSERT(sel->visible == sel->list);
        while (at > 0 && sel->list[at - 1] > i) {
            sel->list[at] = sel->list[at - 1];
            at--;
        }
        sel->list[at] = i;
        sel->count++;
    }
    sel->moved_count = 0;
    return ST_OK;
}
