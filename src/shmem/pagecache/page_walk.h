/* src/shmem/pagecache/page_walk.h - going through a relation's main fork block by block, when there may be a store behind it.
 *
 * The walk asks for pages some way ahead of where it is: few at first, for it may end soon, then up to WALK_AHEAD_MOST. A
 * relation that would fill much of the cache does not: what such a walk brings in counts as not used and goes again when
 * the walk has passed it (page_io.h). Without a store all of this costs a comparison per page. */
#ifndef PAGE_WALK_H
#define PAGE_WALK_H
#include "shmem/pagecache/pagecache.h"

enum { WALK_AHEAD_FIRST = 4, WALK_AHEAD_MOST = 32 };

typedef struct PageWalk {
    CacheRel *rel;
    BlockNo end; /* one past the last block */
    BlockNo asked; /* blocks below have been asked for */
    uint32_t ahead; /* how many to ask for next; 0 = no store */
    bool is_large;
    uint32_t last_frame; /* of the block before, if it came for us alone; 0 = none */
} PageWalk;

void page_walk_begin(Ctx *cx, PageWalk *walk, CacheRel *rel, BlockNo first, BlockNo end);
/* Pins the next block, like page_pin or page_pin_shared. The one before has been let go by the caller. */
MUST_CHECK Status page_walk_pin(Ctx *cx, PageWalk *walk, BlockNo block, bool shared, PageRef *out);
/* After the last block; need not be called when something has failed. */
void page_walk_end(Ctx *cx, PageWalk *walk);

#endif
