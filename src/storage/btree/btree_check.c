/* btree_check.c - what can be said of a B+tree page by itself, and of a tree as a whole.
 *
 * The tree is walked level by level, each from left to right: every page begins where the one before it ends, and every
 * child that the level above names is met in its turn, beginning at its separator. Pages between two of them are splits
 * whose parent does not know yet (C4). For a tree at rest: nobody may change it meanwhile. */
#include "base/bytes.h"
#include "base/log.h"
#include "storage/btree/btree_int.h"
#include "storage/check/damage.h"

#define FAULT_IF(condition, text)                                                                              \
    do {                                                                                                       \
        if (condition)                                                                                         \
            return text;                                                                                       \
    } while (0)

/* ---- a page by itself -------------------------------------------------------------------------------------------- */

static const char *
header_fault(const BtreePage *p)
{
    FAULT_IF(!page_is(p, PAGE_KIND_BTREE), "it is not a B+tree page");
    FAULT_IF(p->data_low > PAGE_BYTES || btree_slots_end(p) > p->data_low, "slots and bodies overlap");
    FAULT_IF(p->low_bytes > BTREE_LOW_MOST || p->high_bytes > BTREE_FULL_MOST, "a fence is too long");
    FAULT_IF((p->low_bytes > 0 && p->low_at < p->data_low) || p->low_at + p->low_bytes > PAGE_BYTES ||
                 (p->high_bytes > 0 && p->high_at < p->data_low) || p->high_at + p->high_bytes > PAGE_BYTES,
             "a fence is not among the bodies");
    FAULT_IF(p->prefix_bytes > p->high_bytes || p->prefix_bytes > p->low_bytes,
             "the prefix is longer than the fences");
    FAULT_IF(p->level > 0 && p->count == 0, "an inner page has no children");
    return NULL;
}

/* The body of a slot lies on the page; *bytes: how long it is. */
static const char *
body_fault(const BtreePage *p, uint32_t i, uint32_t *bytes)
{
    const BtreeSlot *s = &p->slots[i];
    uint32_t rest = slot_rest_bytes(s), payload = p->level > 0 ? 4 : TID_BYTES;

    FAULT_IF(p->prefix_bytes + slot_key_bytes(s) > (p->level > 0 ? BTREE_FULL_MOST : BTREE_KEY_MOST_BYTES),
             "a key is too long");
    FAULT_IF(s->at < p->data_low || s->at + rest + payload > PAGE_BYTES, "an entry is not among the bodies");
    if (p->level == 0 && (s->bytes & BTREE_POSTING)) {
        uint32_t count = get_u16(slot_payload(p, s)), capacity = get_u16(slot_payload(p, s) + 2);

        payload = POSTING_HEAD_BYTES + TID_BYTES * capacity;
        FAULT_IF(count == 0 || count > capacity || s->at + rest + payload > PAGE_BYTES,
                 "a list of rows is not on the page");
    }
    FAULT_IF(p->level > 0 && (s->bytes & BTREE_POSTING), "an inner page has a list of rows");
    *bytes = rest + payload;
    return NULL;
}

const char *
btree_page_fault(const BtreePage *p, uint32_t *slot)
{
    const char *fault = header_fault(p);
    uint32_t bodies = 0;

    *slot = 0;
    if (fault != NULL)
        return fault;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t bytes = 0;

        *slot = i + 1;
        fault = body_fault(p, i, &bytes);
        if (fault != NULL)
            return fault;
        bodies += bytes;
    }
    *slot = 0;
    FAULT_IF(bodies + p->dead_bytes + p->low_bytes + p->high_bytes != (uint32_t)PAGE_BYTES - p->data_low,
             "the number of dead bytes is wrong");
    return NULL;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* `low` is the page's exact low fence; the page by itself is in order. */
static const char *
order_fault(const BtreePage *p, Bytes low, uint32_t *slot)
{
    uint8_t a[BTREE_FULL_MOST], b[BTREE_FULL_MOST];
    Bytes before = low;

    for (uint32_t i = 0; i < p->count; i++) {
        Bytes key;

        *slot = i + 1;
        if (p->level > 0 && i == 0) {
            FAULT_IF(slot_key_bytes(&p->slots[0]) != 0, "the first child has a key");
            continue;
        }
        key = btree_slot_key(p, i, a);
        for (uint32_t k = 0; k < (p->level > 0 ? 1 : btree_tid_count(p, i)); k++) {
            Bytes full =
                p->level > 0 ? key : btree_full_key((BtreeKey){key.data, key.bytes}, btree_tid(p, i, k), a);
            int c = bytes_compare(before, full);

            FAULT_IF(c > 0 || (c == 0 && (i > 0 || k > 0 || p->level > 0)), "keys are not in order");
            memcpy(b, full.data, full.bytes);
            before = (Bytes){b, full.bytes};
        }
        FAULT_IF(p->right != 0 && bytes_compare(before, btree_high(p)) >= 0,
                 "a key lies behind the page's high fence");
    }
    *slot = 0;
    return NULL;
}

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

/* A child as the level above names it; in the order of the level. */
typedef struct Child {
    BlockNo block;
    uint16_t bytes;
    uint8_t *separator;
} Child;

typedef struct ChildList {
    Child *items;
    uint32_t count, capacity;
} ChildList;

typedef struct Walk {
    CacheRel *cr;
    DamageReport *report;
    Arena arena;
    ChildList expected, found; /* of this level, and of the next */
    uint32_t met; /* of `expected` */
    uint64_t pages; /* to notice a circle */
    uint8_t low_bytes[BTREE_FULL_MOST];
    Bytes low; /* exact low fence of the next page */
    bool broken; /* the level could not be walked to its end */
    BtreeVerified *out;
} Walk;

static void
report(Walk *w, BlockNo block, uint32_t slot, const char *fault)
{
    PageId id = {.branch = w->cr->branch, .relation = w->cr->relation, .block = block};

    if (slot != 0)
        damage_found(w->report, id, "entry %u: %s", slot, fault);
    else
        damage_found(w->report, id, "%s", fault);
}

static void
child_add(Walk *w, BlockNo block, Bytes separator)
{
    ChildList *l = &w->found;

    if (l->count == l->capacity) {
        uint32_t capacity = MAX_OF(64u, l->capacity * 2);
        Child *more = arena_array(&w->arena, Child, capacity);

        if (l->count > 0)
            memcpy(more, l->items, l->count * sizeof(Child));
        l->items = more;
        l->capacity = capacity;
    }
    l->items[l->count++] =
        (Child){block, (uint16_t)separator.bytes,
                arena_memdup(&w->arena, separator.bytes > 0 ? separator.data : (const uint8_t *)"",
                             MAX_OF(separator.bytes, 1u))};
}

static void
note_children(Walk *w, const BtreePage *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint8_t key[BTREE_FULL_MOST];

        child_add(w, btree_child(p, i), i == 0 ? w->low : btree_slot_key(p, i, key));
    }
}

/* Is the page the next child that is expected, and does it begin where it should? */
static void
meet(Walk *w, BlockNo block)
{
    const Child *c;

    if (w->met == w->expected.count)
        return;
    c = &w->expected.items[w->met];
    if (c->block != block)
        return;
    if (bytes_compare(w->low, (Bytes){c->separator, c->bytes}) != 0)
        report(w, block, 0, "it does not begin where its parent says");
    w->met++;
}

static const char *
place_fault(const Walk *w, const BtreePage *p, uint32_t level)
{
    FAULT_IF(p->h.flags & BTREE_DELETED, "it is out of use, but part of the tree");
    FAULT_IF(p->level != level, "it is of another level");
    FAULT_IF(p->low_bytes != MIN_OF(w->low.bytes, (uint32_t)BTREE_LOW_MOST) ||
                 (p->low_bytes > 0 && memcmp(btree_low(p).data, w->low.data, p->low_bytes) != 0),
             "it does not begin where the page before it ends");
    FAULT_IF(p->right == 0 && p->high_bytes != 0, "the last page of its level has a high fence");
    return NULL;
}

/* One page. False: the level cannot be followed any further. */
static bool
walk_page(Walk *w, const BtreePage *p, BlockNo block, uint32_t level)
{
    uint32_t slot = 0;
    const char *fault = btree_page_fault(p, &slot);

    if (fault == NULL)
        fault = place_fault(w, p, level);
    if (fault == NULL)
        fault = order_fault(p, w->low, &slot);
    if (fault != NULL) {
        report(w, block, slot, fault);
        return false;
    }
    meet(w, block);
    if (level > 0)
        note_children(w, p);
    else
        for (uint32_t i = 0; i < p->count; i++)
            w->out->entries += btree_tid_count(p, i);
    memcpy(w->low_bytes, btree_high(p).data, p->high_bytes);
    w->low = (Bytes){w->low_bytes, p->high_bytes};
    return true;
}

/* Pins for reading. *usable false: it was reported. */
static Status
look_at(Ctx *cx, Walk *w, BlockNo block, PageRef *ref, bool *usable)
{
    Status rc = page_pin_shared(cx, w->cr, FORK_MAIN, block, ref);
    bool unread = rc == ST_IO && cx->error.has_page;

    *usable = rc == ST_OK && ref->page != NULL;
    if (rc == ST_CORRUPT)
        report(w, block, 0, "the checksum is wrong, or recovery has passed it over");
    else if (unread)
        report(w, block, 0, "it can not be read");
    else if (rc == ST_OK && ref->page == NULL)
        report(w, block, 0, "it is part of the tree, but not of the file");
    if (rc != ST_CORRUPT && !unread)
        return rc;
    ctx_error_clear(cx);
    return ST_OK;
}

static Status
walk_level(Ctx *cx, Walk *w, BlockNo block, uint32_t level)
{
    uint64_t most = cache_rel_length(w->cr, FORK_MAIN);

    w->met = 0;
    w->low = (Bytes){w->low_bytes, 0};
    w->found = (ChildList){0};
    do {
        bool usable;
        PageRef ref;

        TRY(ctx_poll(cx));
        TRY(look_at(cx, w, block, &ref, &usable));
        if (!usable || !walk_page(w, btree_page(&ref), block, level) || most-- == 0) {
            page_unpin(cx, &ref);
            w->broken = true;
            return ST_OK;
        }
        w->out->pages++;
        block = btree_page(&ref)->right;
        page_unpin(cx, &ref);
    } while (block != 0);
    if (w->met < w->expected.count)
        report(w, w->expected.items[w->met].block, 0, "its parent names it, but its neighbours do not");
    return ST_OK;
}

static Status
walk(Ctx *cx, Walk *w)
{
    BlockNo block = BTREE_ROOT;
    uint32_t level = 0;
    PageRef ref;
    bool usable;

    TRY(look_at(cx, w, BTREE_ROOT, &ref, &usable));
    if (usable && !page_is(ref.page, PAGE_KIND_BTREE)) {
        report(w, BTREE_ROOT, 0, "it is not a B+tree page");
        usable = false;
    }
    if (usable)
        level = btree_page(&ref)->level;
    page_unpin(cx, &ref);
    if (!usable) {
        w->broken = true;
        return ST_OK;
    }
    for (;; level--) {
        TRY(walk_level(cx, w, block, level));
        if (level == 0 || w->broken)
            return ST_OK;
        w->expected = w->found;
        block = w->expected.items[0].block;
    }
}

/* Pages that are out of use: each names the next. */
static Status
walk_free(Ctx *cx, Walk *w)
{
    uint64_t most = cache_rel_length(w->cr, FORK_MAIN);
    BlockNo next = atomic_load(&w->cr->free_pages);

    while (next != 0) {
        BlockNo block = next - 1;
        const char *wrong = NULL;
        PageRef ref;
        bool usable;

        TRY(look_at(cx, w, block, &ref, &usable));
        if (usable && !page_is(ref.page, PAGE_KIND_BTREE))
            wrong = "it is in the list of unused pages, but is none";
        else if (usable && !(btree_page(&ref)->h.flags & BTREE_DELETED))
            wrong = "it is in the list of unused pages, but in use";
        else if (usable && most-- == 0)
            wrong = "it is in the list of unused pages twice";
        if (wrong != NULL)
            report(w, block, 0, wrong);
        next = usable && wrong == NULL ? btree_page(&ref)->next_free : 0;
        page_unpin(cx, &ref);
        w->out->unused += usable && wrong == NULL;
    }
    return ST_OK;
}

Status
btree_verify(Ctx *cx, const BtreeRel *index, DamageReport *damage, BtreeVerified *out)
{
    Walk *w = arena_new(cx->arena, Walk);
    Status rc = ST_OK;

    *out = (BtreeVerified){0};
    *w = (Walk){.report = damage, .out = out};
    TRY(btree_open(cx, index, false, &w->cr));
    arena_init(&w->arena, "check of an index", cx->arena->budget);
    if (cache_rel_length(w->cr, FORK_MAIN) > 0)
        rc = walk(cx, w);
    if (rc == ST_OK)
        rc = walk_free(cx, w);
    out->whole = !w->broken;
    arena_free(&w->arena);
    return rc;
}

static void
complain(void *arg, PageId where, const char *what)
{
    (void)arg;
    log_line(LOG_ERROR, "index %u, block %u: %s", where.relation, where.block, what);
}

Status
btree_check(Ctx *cx, const BtreeRel *index)
{
    DamageReport damage = {.found = complain};
    BtreeVerified verified;

    TRY(btree_verify(cx, index, &damage, &verified));
    ASSERT(damage.count == 0);
    return ST_OK;
}
