/* pagecache_int.h - for the sources of this folder: from block to frame, and notes of pins. */
#ifndef PAGECACHE_INT_H
#define PAGECACHE_INT_H
#include "shmem/pagecache/pagecache.h"

enum {
    CACHE_SPIN_MOST = 400,
    CACHE_KEEP_FRAMES = 8, /* set aside for old images of one change (B3) */
    CACHE_KEPT_MOST =
        3 /* images that one critical section keeps at most: merging or splitting pages of a B+tree */
};

/* 0 = the page is not in memory. */
uint32_t cache_map_lookup(const PageCache *cache, const CacheFork *fork, BlockNo block);
/* Under the extend latch; nodes come from the stash, CACHE_EXTEND_FRAMES - 1 at most. */
void cache_map_set(Proc *proc, CacheFork *fork, BlockNo block, uint32_t frame_no);
/* Takes the page out of the relation, under the extend latch. False: somebody has it pinned, or it is being loaded, or
 * it is dirty and `only_clean`. With `only_clean` it stays in the store, and its spot is remembered. */
bool cache_free_page(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, bool only_clean);
/* Takes a frame from the stash and gives it the tag; its use is still FRAME_FREE. */
uint32_t cache_take_frame(Proc *proc, const CacheRel *rel, Fork fork, BlockNo block);
/* B3: is the block the origin's, unless it is in the own map? */
static inline bool
cache_is_linked(const CacheRel *rel, Fork fork, BlockNo block)
{
    return UNLIKELY(rel->origin != SHM_REF_NONE) && fork == FORK_MAIN && block < rel->linked;
}
static inline bool
cache_tag_is(const Frame *f, const CacheRel *rel, Fork fork, BlockNo block)
{
    return f->relation == rel->relation && f->block == block && f->branch == rel->branch && f->fork == fork;
}

/* Pins held are noted in the slot (C1): a free note is taken, and given back. */
static inline uint16_t
page_note_take(Proc *proc, uint32_t frame_no, bool shared)
{
    uint16_t i;

    if (proc->pin_free != 0) {
        i = (uint16_t)(proc->pin_free - 1);
        proc->pin_free = proc->pins[i].next_free;
    } else {
        i = proc->pin_high++;
    }
    proc->pins[i] = (PinNote){.frame_no = frame_no, .shared = shared};
    proc->pin_count++;
    return i;
}

static inline void
page_note_drop(Proc *proc, uint16_t i)
{
    proc->pins[i].frame_no = 0;
    proc->pins[i].next_free = proc->pin_free;
    proc->pin_free = (uint16_t)(i + 1);
    proc->pin_count--;
}

#endif
