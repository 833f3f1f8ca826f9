/* btree_split.c - growing the tree.
 *
 * Splitting is a chain of critical sections, each leaving a tree that others can use (C4):
 *
 *   1. the upper half goes to a new page on the right; the old page gets a lower high fence and the
 *      mark BTREE_SPLIT_OPEN. Searches find the new page through the right link.
 *   2. the separator goes into the parent and the mark is taken away, with both pages latched, child
 *      first. If the parent is full it is split first, in the same way.
 *
 * Whoever finds the mark on a page it wants to insert into does step 2. The root's split is one step:
 * two new pages get the halves and the root becomes their parent.
 *
 * Pages and frames are secured before any latch is taken; between finding out that a split is needed
 * and doing it the latch is dropped, so everything is looked at again. */
#include "base/stop_point.h"
#include "storage/branch/page_own.h"
#include "storage/btree/btree_int.h"
#include "storage/txn/ssi.h"

enum { SPLIT_FRAMES = 3 * CACHE_EXTEND_FRAMES };
static_assert((int)SPLIT_FRAMES <= (int)PROC_STASH_MOST, "a stash has room for what a split takes");

void
btree_write_image(Ctx *cx, PageRef *ref, const BtreePage *image)
{
    uint64_t prev_epoch;

    page_change_begin(cx, ref);
    prev_epoch = page_header(ref->page)->prev_epoch;
    memcpy(ref->page, image, PAGE_BYTES);
    page_header(ref->page)->prev_epoch = prev_epoch;
    page_change_end(cx, ref, RECORD_BTREE_IMAGE,
                    (const RecordPart[]){{image, btree_slots_end(image)},
                                         {(const char *)image + image->data_low,
                                          PAGE_BYTES - (uint32_t)image->data_low}},
                    2);
}

void
btree_compact(Ctx *cx, PageRef *ref)
{
    page_change_begin(cx, ref);
    btree_page_compact(btree_page_mut(ref));
    page_change_end(cx, ref, RECORD_BTREE_COMPACT, NULL, 0);
}

/* ---- pages ---------------------------------------------------------------------------------------------------------- */

/* The oldest unused page, if nobody can come there any more. Its links change below the extend latch. */
static bool
pop_unused(Ctx *cx, CacheRel *cr, Csn horizon, BlockNo *out)
{
    Proc *proc = cx->proc;
    uint64_t deadline_us = cx->deadline_us;
    bool got = false;
    uint32_t head;
    PageRef ref;
    Status rc;

    head = atomic_load(&cr->free_pages);
    if (head == 0)
        return false;
    rc = page_pin(cx, cr, FORK_MAIN, head - 1, &ref);
    if (rc != ST_OK)
        proc_pass_over(cx, rc, deadline_us);
    if (rc != ST_OK || ref.page == NULL)
        return false;
    latch_take(proc, &cr->extend);
    if (atomic_load(&cr->free_pages) == head && !(btree_page(&ref)->h.flags & BTREE_DELETED)) {
        /* After a crash the list may lead to a page that is in use again: it ends there. */
        atomic_store(&cr->free_pages, 0);
    } else if (atomic_load(&cr->free_pages) == head && btree_page(&ref)->deleted_csn < horizon) {
        atomic_store(&cr->free_pages, btree_page(&ref)->next_free);
        *out = head - 1;
        got = true;
    }
    latch_drop(proc, &cr->extend);
    page_unpin(cx, &ref);
    return got;
}

Status
btree_new_page(Ctx *cx, CacheRel *cr, PageRef *ref)
{
    BlockNo block;

    if (atomic_load_explicit(&cr->free_pages, memory_order_relaxed) != 0 &&
        pop_unused(cx, cr, txn_horizon(cx, UINT64_MAX >> 1), &block)) {
        TRY(page_pin_own(cx, cr, FORK_MAIN, block, ref));
        page_latch_exclusive(cx, ref);
        ASSERT(btree_page(ref)->h.flags & BTREE_DELETED);
        return ST_OK;
    }
    TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
    page_add(cx, cr, FORK_MAIN, ref);
    return ST_OK;
}

void
btree_retire_page(Ctx *cx, CacheRel *cr, PageRef *ref, BlockNo redirect)
{
    Proc *proc = cx->proc;
    BtreePage *p = btree_page_mut(ref);
    Csn now = atomic_load(&txn_shared(proc)->visible_csn);
    BtreeRetired retired;

    ASSERT(ref->exclusive);
    page_change_begin(cx, ref);
    p->h.magic = PAGE_MAGIC; /* a page that was never used may be retired, too */
    p->h.kind = PAGE_KIND_BTREE;
    p->h.flags = BTREE_DELETED;
    p->redirect = redirect;
    p->deleted_csn = now;
    latch_take(proc, &cr->extend);
    p->next_free = atomic_load(&cr->free_pages);
    atomic_store(&cr->free_pages, ref->frame->block + 1);
    latch_drop(proc, &cr->extend);
    retired = (BtreeRetired){p->deleted_csn, redirect, p->next_free};
    page_change_end(cx, ref, RECORD_BTREE_RETIRE, (const RecordPart[]){{&retired, sizeof(retired)}}, 1);
}

Status
btree_make_root(Ctx *cx, CacheRel *cr)
{
    PageRef ref;

    while (cache_rel_length(cr, FORK_MAIN) == 0) {
        TRY(frame_reserve(cx, CACHE_EXTEND_FRAMES, false));
        page_add(cx, cr, FORK_MAIN, &ref);
        if (ref.frame->block == BTREE_ROOT) {
            page_change_begin(cx, &ref);
            btree_image_begin(btree_page_mut(&ref), 0, 0, (Bytes){0}, (Bytes){0}, 0);
            page_change_end(cx, &ref, RECORD_BTREE_INIT, NULL, 0);
        } else {
            btree_retire_page(cx, cr, &ref, BTREE_ROOT); /* two sessions began at once */
        }
        page_unpin(cx, &ref);
    }
    return ST_OK;
}

/* ---- where to split ---------------------------------------------------------------------------------------------------- */

typedef struct SplitPlan {
    uint32_t at; /* first slot of the right half */
    uint8_t separator_bytes[BTREE_FULL_MOST];
    Bytes separator;
} SplitPlan;

/* Between slots at - 1 and at; leaf keys get the TID they need when their keys are equal. */
static void
plan_separator(const BtreePage *p, uint32_t at, SplitPlan *plan)
{
    uint8_t a[BTREE_FULL_MOST], b[BTREE_FULL_MOST];
    Bytes left = btree_slot_key(p, at - 1, a), right = btree_slot_key(p, at, b), s;

    plan->at = at;
    if (p->level > 0) {
        s = right; /* separators are short already */
    } else {
        uint32_t last = btree_tid_count(p, at - 1) - 1;

        left = btree_full_key((BtreeKey){left.data, left.bytes}, btree_tid(p, at - 1, last), a);
        right = btree_full_key((BtreeKey){right.data, right.bytes}, btree_tid(p, at, 0), b);
        s = btree_separator(left, right);
    }
    memcpy(plan->separator_bytes, s.data, s.bytes);
    plan->separator = (Bytes){plan->separator_bytes, s.bytes};
}

/* The whole page stays on the left: entries arrive in ascending order, at the end of the tree or, one series
 * among others, in the middle. For entries in random order this is rare and does no harm. */
static bool
plan_ascending(const BtreePage *p, const BtreeTarget *next, SplitPlan *plan)
{
    uint8_t a[BTREE_FULL_MOST];
    Bytes last, s;

    if (p->count == 0 || btree_lower(p, next) != p->count)
        return false;
    last = btree_slot_key(p, p->count - 1u, a);
    if (p->level == 0)
        last = btree_full_key((BtreeKey){last.data, last.bytes},
                              btree_tid(p, p->count - 1u, btree_tid_count(p, p->count - 1u) - 1), a);
    if (bytes_compare(last, next->key) >= 0) /* equal keys: the TID would go into the last entry */
        return false;
    s = btree_separator(last, next->key);
    /* An inner page cannot be without entries: its last one goes along. */
    if (p->level > 0) {
        if (p->count < 3)
            return false;
        plan_separator(p, p->count - 1u, plan);
        return true;
    }
    if (s.bytes > btree_free_bytes(p) + p->dead_bytes) /* it becomes the high fence */
        return false;
    memcpy(plan->separator_bytes, s.data, s.bytes);
    plan->separator = (Bytes){plan->separator_bytes, s.bytes};
    plan->at = p->count;
    return true;
}

static uint32_t
slot_bytes(const BtreePage *p, uint32_t i)
{
    return 8 + btree_body_bytes(p, i);
}

enum { SEPARATOR_WINDOW = 400 };

/* The place where both halves, fences included, are nearest to equal. Separators are only looked at where
 * the halves are about right. */
static void
plan_middle(const BtreePage *p, SplitPlan *plan)
{
    uint32_t total = 0, left = 0, evenest = UINT32_MAX, best = UINT32_MAX, best_at = 1;

    ASSERT(p->count >= 2);
    for (uint32_t i = 0; i < p->count; i++)
        total += slot_bytes(p, i);
    for (uint32_t i = 1; i < p->count; i++) {
        left += slot_bytes(p, i - 1);
        evenest = MIN_OF(evenest, MAX_OF(left, total - left));
    }
    left = 0;
    for (uint32_t i = 1; i < p->count; i++) {
        uint32_t cost;

        left += slot_bytes(p, i - 1);
        if (MAX_OF(left, total - left) > evenest + SEPARATOR_WINDOW)
            continue;
        plan_separator(p, i, plan);
        cost = MAX_OF(left + plan->separator.bytes, total - left + p->high_bytes) + plan->separator.bytes / 4;
        if (cost < best) {
            best = cost;
            best_at = i;
        }
    }
    plan_separator(p, best_at, plan);
}

/* ---- doing it ----------------------------------------------------------------------------------------------------------------- */

/* `next` is what will be inserted. A leaf without entries (plan_ascending) is for it: its key, which all keys between these fences
 * begin with if the fences do, is then what the prefix may not be longer than. */
static void
build_half(const BtreePage *p, uint32_t from, uint32_t to, BlockNo right, Bytes low, Bytes high,
           const BtreeTarget *next, BtreePage *out)
{
    uint32_t most = p->level == 0 && from == to ? next->key.bytes - TID_BYTES : btree_least_key(p, from, to);

    btree_image_begin(out, p->level, right, low, high, most);
    if (!btree_image_copy(out, p, from, to))
        ASSERT(!"half a page fits on a page");
    out->h.epoch = p->h.epoch;
}

/* Step 1. Both latched exclusively; q is new. */
static void
split_to_right(Ctx *cx, PageRef *ref, PageRef *q, const SplitPlan *plan, const BtreeTarget *next)
{
    _Alignas(16) char left[PAGE_BYTES], right[PAGE_BYTES];
    const BtreePage *p = btree_page(ref);
    BtreePage *a = (BtreePage *)(void *)left, *b = (BtreePage *)(void *)right;

    memset(left, 0, sizeof(left));
    memset(right, 0, sizeof(right));
    build_half(p, 0, plan->at, q->frame->block, btree_low(p), plan->separator, next, a);
    build_half(p, plan->at, p->count, p->right, plan->separator, btree_high(p), next, b);
    a->h.flags = BTREE_SPLIT_OPEN;
    btree_write_image(cx, q, b);
    btree_write_image(cx, ref, a);
    ssi_page_split(cx, ref->frame->branch, ref->frame->relation, ref->frame->block, q->frame->block);
}

/* All three latched exclusively; a and b are new. */
static void
split_root(Ctx *cx, PageRef *root, PageRef *a, PageRef *b, const SplitPlan *plan, const BtreeTarget *next)
{
    _Alignas(16) char image[3][PAGE_BYTES];
    const BtreePage *p = btree_page(root);
    BtreePage *left = (BtreePage *)(void *)image[0], *right = (BtreePage *)(void *)image[1];
    BtreePage *top = (BtreePage *)(void *)image[2];
    BlockNo child[2] = {a->frame->block, b->frame->block};
    BtreeEntry first = {.payload = (const uint8_t *)&child[0], .payload_bytes = 4};
    BtreeEntry second = {.key = plan->separator, .payload = (const uint8_t *)&child[1], .payload_bytes = 4};
    bool fits;

    memset(image, 0, sizeof(image));
    build_half(p, 0, plan->at, child[1], (Bytes){0}, plan->separator, next, left);
    build_half(p, plan->at, p->count, 0, plan->separator, (Bytes){0}, next, right);
    btree_image_begin(top, p->level + 1u, 0, (Bytes){0}, (Bytes){0}, 0);
    fits = btree_image_add(top, &first) && btree_image_add(top, &second);
    ASSERT(fits);
    top->h.epoch = p->h.epoch;
    btree_write_image(cx, a, left);
    btree_write_image(cx, b, right);
    btree_write_image(cx, root, top);
}

/* Is there still a reason to split? Exclusive latch held. Compacts if that is enough; it is for a leaf that has been emptied to one
 * entry meanwhile, whatever `most` says (BTREE_ENTRY_MOST). Between finding the page full and latching it again, somebody else may
 * have split it, so that what is next belongs further right, and it may be as full as it was (plan_ascending); the root may have
 * become an inner page. */
static bool
still_full(Ctx *cx, PageRef *ref, const BtreeTarget *next)
{
    const BtreePage *p = btree_page(ref);
    uint32_t most = next->key.bytes + 8 + POSTING_HEAD_BYTES + TID_BYTES * POSTING_MOST;

    if ((p->h.flags & (BTREE_DELETED | BTREE_SPLIT_OPEN)) || btree_is_right_of(p, next, false) ||
        btree_free_bytes(p) >= most)
        return false;
    if (p->count < 2 || (p->dead_bytes > 0 && btree_free_bytes(p) + p->dead_bytes >= most)) {
        if (p->dead_bytes > 0)
            btree_compact(cx, ref);
        return false;
    }
    return true;
}

Status
btree_split(Ctx *cx, CacheRel *cr, PageRef *ref, const BtreeTarget *next)
{
    bool is_root = ref->frame->block == BTREE_ROOT, done = false;
    PageRef a = PAGE_REF_NONE, b = PAGE_REF_NONE;
    SplitPlan plan;
    Status rc;

    TRY(page_own(cx, cr, ref));
    /* Secure what it takes. New pages are latched, but nobody knows them, so their order is no matter. */
    /* With unused pages in the tree they will hardly be taken: at the ceiling that must not be the end (C5). */
    TRY(frame_reserve(cx, SPLIT_FRAMES, atomic_load_explicit(&cr->free_pages, memory_order_relaxed) != 0));
    TRY_TO(out, rc, btree_new_page(cx, cr, &a));
    page_unlatch(cx, &a);
    if (is_root) {
        TRY_TO(out, rc, btree_new_page(cx, cr, &b));
        page_unlatch(cx, &b);
    }
    page_latch_exclusive(cx, ref);
    if (still_full(cx, ref, next)) {
        if (!plan_ascending(btree_page(ref), next, &plan))
            plan_middle(btree_page(ref), &plan);
        page_latch_exclusive(cx, &a);
        if (is_root) {
            page_latch_exclusive(cx, &b);
            split_root(cx, ref, &a, &b, &plan, next);
        } else {
            split_to_right(cx, ref, &a, &plan, next);
        }
        done = true;
        if (is_root)
            page_unlatch(cx, &b);
        page_unlatch(cx, &a);
    }
    page_unlatch(cx, ref);
    stop_point("btree.split.open");
    if (done && !is_root)
        rc = btree_finish_split(cx, cr, ref);
out:
    if (!done) {
        for (int i = 0; i < 2; i++) {
            PageRef *unused = i == 0 ? &a : &b;

            if (unused->page == NULL)
                continue;
            page_latch_exclusive(cx, unused);
            btree_retire_page(cx, cr, unused, BTREE_ROOT);
        }
    }
    page_unpin(cx, &b);
    page_unpin(cx, &a);
    return rc;
}

/* ---- the parent -------------------------------------------------------------------------------------------------------------- */

static bool
link_child(Ctx *cx, PageRef *parent, Bytes separator, BlockNo child)
{
    BtreePage *p = btree_page_mut(parent);
    bool done;

    /* The log may end between the link and the child's flag (C4): then it is there already. */
    if (btree_child(p, btree_child_no(p, &(BtreeTarget){separator, false}, false)) == child)
        return true;
    page_change_begin(cx, parent);
    done = btree_inner_insert(p, separator, child);
    if (!done && p->dead_bytes > 0) {
        page_change_cancel(cx, parent);
        btree_compact(cx, parent);
        page_change_begin(cx, parent);
        done = btree_inner_insert(p, separator, child);
    }
    if (done)
        page_change_end(cx, parent, RECORD_BTREE_LINK,
                        (const RecordPart[]){{&child, sizeof(child)}, {separator.data, separator.bytes}}, 2);
    else
        page_change_cancel(cx, parent);
    return done;
}

/* Step 2 with everything pinned: latches child, then parent. *again: something has moved. */
static bool
link_to_parent(Ctx *cx, CacheRel *cr, PageRef *child, PageRef *parent, Bytes separator, bool *again, bool *full,
               bool *parent_open)
{
    BtreeTarget t = {separator, false};
    BtreePage *c, *p;
    bool linked = false;

    (void)cr;
    *again = *full = *parent_open = false;
    page_latch_exclusive(cx, child);
    c = btree_page_mut(child);
    if (!(c->h.flags & BTREE_SPLIT_OPEN) || bytes_compare(btree_high(c), separator) != 0) {
        page_unlatch(cx, child);
        return true;
    }
    page_latch_exclusive(cx, parent);
    p = btree_page_mut(parent);
    if ((p->h.flags & BTREE_DELETED) || p->level != c->level + 1 || btree_is_right_of(p, &t, false)) {
        *again = true;
    } else if (p->h.flags & BTREE_SPLIT_OPEN) {
        *parent_open = true;
    } else {
        linked = link_child(cx, parent, separator, c->right);
        *full = !linked;
        if (linked) {
            page_change_begin(cx, child);
            c->h.flags &= (uint8_t)~BTREE_SPLIT_OPEN;
            page_change_end(cx, child, RECORD_BTREE_FLAGS, (const RecordPart[]){{&c->h.flags, 1}}, 1);
        }
    }
    page_unlatch(cx, parent);
    page_unlatch(cx, child);
    return linked;
}

Status
btree_finish_split(Ctx *cx, CacheRel *cr, PageRef *child)
{
    TRY(page_own(cx, cr, child));
    for (;;) {
        uint8_t separator_bytes[BTREE_FULL_MOST];
        BtreeTarget t = {{separator_bytes, 0}, false};
        bool open, linked = false, again, full, parent_open;
        PageRef parent;
        uint32_t level;
        Status rc = ST_OK;

        page_latch_shared(cx, child);
        open = (btree_page(child)->h.flags & BTREE_SPLIT_OPEN) != 0;
        t.key.bytes = btree_page(child)->high_bytes;
        memcpy(separator_bytes, btree_high(btree_page(child)).data, t.key.bytes);
        level = btree_page(child)->level + 1u;
        page_unlatch(cx, child);
        if (!open)
            return ST_OK;
        TRY(btree_descend(cx, cr, &t, false, level, &parent, NULL, NULL));
        ASSERT(parent.page != NULL);
        page_unlatch(cx, &parent);
        TRY_TO(out, rc, page_own(cx, cr, &parent));
        linked = link_to_parent(cx, cr, child, &parent, t.key, &again, &full, &parent_open);
        if (!linked && parent_open)
            rc = btree_finish_split(cx, cr, &parent);
        else if (!linked && full)
            rc = btree_split(cx, cr, &parent, &t);
    out:
        page_unpin(cx, &parent);
        TRY(rc);
        if (linked)
            return ST_OK;
    }
}
