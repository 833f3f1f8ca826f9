/* heap_space.c - where there is room: one byte per block, in units of 32 bytes.
 *
 * The map is a hint that heals (B7): who finds less room on a page than the map said corrects it, and
 * vacuum writes down what it frees. `space_hint` of the relation is an upper bound of what the map
 * holds, so a table that only grows never searches. */
#include "storage/heap/heap_int.h"
#include "storage/wal/page_change.h"

enum { SPACE_UNIT = 32, SPACE_BLOCKS = 8000 };

typedef struct SpacePage {
    PageHeader h;
    uint8_t room[SPACE_BLOCKS];
} SpacePage;

static_assert(sizeof(SpacePage) <= PAGE_BYTES, "a page of the map is a page");

static uint8_t
units_of(uint32_t bytes)
{
    return (uint8_t)MIN_OF(bytes / SPACE_UNIT, 255);
}

/* The map's page `no`, made if missing; ref->page stays NULL when there is no memory for it, or it can not be read. */
static void
pin_map(Ctx *cx, CacheRel *rel, BlockNo no, PageRef *ref)
{
    uint64_t deadline_us = cx->deadline_us;
    Status rc;

    while (cache_rel_length(rel, FORK_FREESPACE) <= no) {
        SpacePage *p;

        rc = frame_reserve(cx, CACHE_EXTEND_FRAMES, false);
        if (rc != ST_OK) {
            proc_pass_over(cx, rc, deadline_us);
            return;
        }
        page_add(cx, rel, FORK_FREESPACE, ref);
        p = (SpacePage *)(void *)ref->page;
        page_change_unlogged(cx, ref);
        p->h = (PageHeader){.magic = PAGE_MAGIC, .kind = PAGE_KIND_FREESPACE};
        page_unpin(cx, ref);
    }
    rc = page_pin(cx, rel, FORK_FREESPACE, no, ref);
    if (rc != ST_OK) {
        proc_pass_over(cx, rc, deadline_us);
        *ref = PAGE_REF_NONE;
    }
}

void
heap_space_record(Ctx *cx, CacheRel *rel, BlockNo block, uint32_t free_bytes)
{
    PageRef ref = PAGE_REF_NONE;
    uint8_t units = units_of(free_bytes);
    SpacePage *p;

    ASSERT(!proc_in_critical(cx->proc));
    if (units == 0 && cache_rel_length(rel, FORK_FREESPACE) <= block / SPACE_BLOCKS)
        return;
    pin_map(cx, rel, block / SPACE_BLOCKS, &ref);
    if (ref.page == NULL)
        return;
    p = (SpacePage *)(void *)ref.page;
    if (p->room[block % SPACE_BLOCKS] != units) {
        page_latch_exclusive(cx, &ref);
        page_change_unlogged(cx, &ref);
        p->room[block % SPACE_BLOCKS] = units;
        page_unlatch(cx, &ref);
    }
    page_unpin(cx, &ref);
    if (units > atomic_load_explicit(&rel->space_hint, memory_order_relaxed))
        atomic_store(&rel->space_hint, units);
}

static BlockNo
search(const SpacePage *p, uint32_t from, uint32_t to, uint8_t units)
{
    for (uint32_t i = from; i < to; i++) {
        if (p->room[i] >= units)
            return i;
    }
    return BLOCK_NONE;
}

Status
heap_space_find(Ctx *cx, CacheRel *rel, uint32_t bytes, BlockNo *out)
{
    uint8_t units = (uint8_t)MIN_OF((bytes + SPACE_UNIT - 1) / SPACE_UNIT, 255);
    BlockNo pages = cache_rel_length(rel, FORK_FREESPACE);
    /* Sessions begin at different places, so that they do not all take the same page. */
    uint32_t start = cx->proc->no * 797 % SPACE_BLOCKS;

    units = MAX_OF(units, 1);
    *out = BLOCK_NONE;
    if (units > atomic_load_explicit(&rel->space_hint, memory_order_relaxed))
        return ST_OK;
    for (BlockNo no = 0; no < pages; no++) {
        PageRef ref;
        BlockNo found;

        TRY(page_pin(cx, rel, FORK_FREESPACE, no, &ref));
        if (ref.page == NULL)
            continue;
        found = search((const SpacePage *)(void *)ref.page, start, SPACE_BLOCKS, units);
        if (found == BLOCK_NONE)
            found = search((const SpacePage *)(void *)ref.page, 0, start, units);
        page_unpin(cx, &ref);
        if (found != BLOCK_NONE) {
            *out = no * SPACE_BLOCKS + found;
            return ST_OK;
        }
    }
    /* Nobody who asks for as much will find it: do not look again until vacuum has freed something. */
    atomic_store(&rel->space_hint, (uint32_t)units - 1);
    return ST_OK;
}
