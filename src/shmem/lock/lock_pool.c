/* lock_pool.c - memory for lock entries: items of one size, cut from frames, never given back.
 *
 * A session takes items before it takes a partition latch (C1: nothing allocates in there) and keeps
 * what it did not need for the next time; the stash is in its slot, so a kill loses nothing. Locks may
 * use the spare part of the ceiling (C5): a statement that deletes needs them. */
#include "shmem/lock/lock_int.h"
#include "shmem/pagecache/pagecache.h"

enum { PER_FRAME = PAGE_BYTES / (int)sizeof(LockItem) };

uint64_t
lock_table_bytes(void)
{
    return sizeof(LockTable) + 64;
}

void
lock_table_carve(Region *region, uint64_t deadlock_timeout_us)
{
    LockTable *t = region_carve(region, sizeof(LockTable), 64);

    t->deadlock_timeout_us = deadlock_timeout_us != 0 ? deadlock_timeout_us : 1000000;
    latch_init(&t->pool_latch, LATCH_LOCK_POOL);
    for (int i = 0; i < LOCK_PARTITIONS; i++)
        latch_init(&t->part[i].latch, LATCH_LOCK_PARTITION);
    region->part[PART_LOCK] = region_ref(region, t);
}

static Status
pool_grow(Ctx *cx, LockTable *t)
{
    Proc *proc = cx->proc;
    LockItem *items;

    TRY(frame_reserve(cx, 1, true));
    latch_take(proc, &t->pool_latch);
    items = cache_frame_bytes(page_cache(proc), frame_take(proc, FRAME_SHARED));
    for (int i = PER_FRAME - 1; i >= 0; i--) {
        items[i].next_free = t->pool;
        t->pool = lock_ref(proc, &items[i]);
    }
    t->pool_items += PER_FRAME;
    latch_drop(proc, &t->pool_latch);
    return ST_OK;
}

Status
lock_items_reserve(Ctx *cx, uint32_t count)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);

    ASSERT(count <= PROC_LOCK_ITEMS);
    while (proc->lock_item_count < count) {
        latch_take(proc, &t->pool_latch);
        while (t->pool != SHM_REF_NONE && proc->lock_item_count < PROC_LOCK_ITEMS) {
            LockItem *item = lock_ptr(proc, t->pool);

            proc->lock_items[proc->lock_item_count++] = t->pool;
            t->pool = item->next_free;
        }
        latch_drop(proc, &t->pool_latch);
        if (proc->lock_item_count < count)
            TRY(pool_grow(cx, t));
    }
    return ST_OK;
}

LockItem *
lock_item_take(Proc *proc)
{
    LockItem *item;

    ASSERT(proc->lock_item_count > 0);
    ASSERT(proc_in_critical(proc));
    item = lock_ptr(proc, proc->lock_items[--proc->lock_item_count]);
    memset(item, 0, sizeof(*item));
    return item;
}

void
lock_item_release(Proc *proc, void *item)
{
    LockTable *t = lock_table(proc);
    LockItem *free_item = item;

    ASSERT(proc_in_critical(proc));
    if (proc->lock_item_count < PROC_LOCK_ITEMS) {
        proc->lock_items[proc->lock_item_count++] = lock_ref(proc, item);
        return;
    }
    latch_take(proc, &t->pool_latch);
    free_item->next_free = t->pool;
    t->pool = lock_ref(proc, item);
    latch_drop(proc, &t->pool_latch);
}

void
lock_stash_release(Ctx *cx)
{
    Proc *proc = cx->proc;
    LockTable *t = lock_table(proc);

    if (proc->lock_item_count == 0)
        return;
    latch_take(proc, &t->pool_latch);
    while (proc->lock_item_count > 0) {
        ShmRef ref = proc->lock_items[--proc->lock_item_count];

        ((LockItem *)lock_ptr(proc, ref))->next_free = t->pool;
        t->pool = ref;
    }
    latch_drop(proc, &t->pool_latch);
}
