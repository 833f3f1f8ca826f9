/* src/shmem/pagecache/cache_rel.h - relations as the page cache sees them.
 *
 * A CacheRel never moves and its memory is only ever reused for another CacheRel, so a session may
 * keep the place of one and check the key again when it comes back (type-stable memory).
 *
 * The block map of a fork grows as it needs: the first blocks inside the CacheRel, then a tree of
 * frames with 2048 frame numbers each. Readers take no latch: entries and the root are atomic words. */
#ifndef CACHE_REL_H
#define CACHE_REL_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"
#include "shmem/region/region.h"
#include "shmem/sync/latch.h"

enum { CACHE_INLINE_BLOCKS = 4, CACHE_NODE_ENTRIES = PAGE_BYTES / 4, CACHE_INSERT_HINTS = 8 };

typedef struct CacheFork {
    _Atomic uint32_t length; /* atomic; grows and shrinks under the extend latch */
    _Atomic uint64_t map; /* atomic: height << 32 | frame of the root node; 0 = inline only */
    _Atomic uint32_t inline_frames[CACHE_INLINE_BLOCKS]; /* atomic */
} CacheFork;

/* What has been done to a table, all of it atomic. Of the pairs [0] is by hand, [1] by the janitor. */
typedef struct RelCounters {
    _Atomic uint64_t inserted, updated, updated_in_place, deleted;
    _Atomic uint64_t changed_before_analyze, inserted_before_vacuum; /* as the counters were then */
    _Atomic int64_t vacuumed_us[2], analyzed_us[2]; /* wall clock, 0 = never */
    _Atomic uint32_t vacuums[2], analyzes[2];
    _Atomic uint64_t reads[REL_COUNTS],
        reads_before[REL_COUNTS]; /* rel_counts.h; the latter at the last reset */
} RelCounters;

typedef struct CacheRel {
    /* Change only under the table's partition latch; a reader checks after it found the place. */
    BranchId branch;
    RelationId relation; /* 0 = free */
    ShmRef self; /* set once */
    ShmRef next; /* partition latch: in its hash chain, or in the free list */
    uint8_t persistence; /* set when made (H8) */
    uint8_t kind; /* hint: PageKind of its main fork, 0 = not known yet */
    Latch extend;

    CacheFork forks[FORK_COUNT];

    /* Which transaction made it, and which will drop it when it commits (0 = none): what the janitor
     * needs to finish the work of a dead session. */
    _Atomic uint64_t creator_xid; /* atomic */
    _Atomic uint64_t dropper_xid; /* atomic */
    /* For the store, in which it may be before its maker's commit is behind the redo position: who made it (0 = it was stored as being
     * there for good), and where in the log that committed (0 = not yet, or never). */
    _Atomic uint64_t made_xid, made_lsn; /* atomic */

    /* B: a relation of a branch that was forked reads the blocks it has not changed from the relation it was forked
     * from. All set by the fork, before anybody knows the child. */
    ShmRef origin; /* 0 = none */
    uint64_t fork_epoch; /* what the origin's pages were then: images of later epochs are not ours */
    Csn fork_csn; /* B2: the cap of what is read from the origin */
    BlockNo linked; /* so many blocks of the main fork are the origin's, unless they are in our own map */
    /* Extend latch of the origin, or B1: with the same origin, forked before and after it. */
    ShmRef next_child, prev_child;
    /* Extend latch of the origin; in memory mode: it is gone, and nobody reads over the link any more. */
    uint8_t unlinks;
    /* Of the origin: */
    /* atomic: relations that have this one as their origin. One less only together with the end of that link, below the extend latch. */
    _Atomic uint32_t children;
    ShmRef first_child; /* extend latch, or B1: forked last */
    _Atomic uint64_t
        kept_epoch; /* atomic: images of this epoch and older are kept when they change (B4); 0 = none */

    /* With a store. */
    uint8_t doomed; /* recovery: the store knows nothing of it, so it has to be dropped further on */
    uint8_t reused; /* recovery: pages of a B+tree have gone out of use or come back */
    /* Recovery: one more than the first block that the store should have and has not, so it has to be cut off, or all be dropped,
     * further on; 0 = none. */
    BlockNo missing[FORK_COUNT];
    uint8_t cut; /* extend latch: bit of each fork that got shorter: what is stored beyond its end has to go */
    uint8_t cut_taken; /* the store's process: of those, the ones it is about to delete */
    uint8_t old_stored; /* the store's process: older images of its pages are stored */
    uint8_t leaving; /* the store's process: the checkpoint under way deletes what is stored of it */
    uint8_t gone_stored; /* the store's process: what is stored of it says that it is gone */
    Xid evicted_raw; /* extend latch: smallest raw id on pages that left memory with some; 0 = none */
    /* atomic: it was dropped at this place of the log, what is stored of it goes (B5); 0 = it lives. Set below the extend latch if it
     * has children. */
    _Atomic uint64_t gone_lsn;
    /* extend latch: the last place where one of its children was dropped: what is stored of it stays until then, too, and its
     * images until that is durable. */
    uint64_t unlinked_lsn;
    Xid evicted_since; /* extend latch: the same since a vacuum of it began */
    Xid cached_raw; /* the store's process: the same of all its pages as they are stored, for a checkpoint */
    uint64_t stored_hash; /* the store's process: of what is stored of this */
    uint64_t children_gone; /* extend latch: how many, since the start */
    uint64_t thinned_for; /* the store's process: of those, for which images were deleted (store_thin.h) */

    /* Hints and counters of the heap; none of them needs to be exact. */
    _Atomic int64_t live_rows, dead_rows; /* atomic */
    _Atomic uint32_t row_var_bytes; /* atomic: average width of the variable part, times 16 */
    _Atomic uint32_t nulls_seen; /* atomic: a column hinted NOT NULL has held a null */
    _Atomic uint32_t insert_block[CACHE_INSERT_HINTS]; /* atomic: block + 1 where to insert next */
    _Atomic uint32_t space_hint; /* atomic: most free bytes in the free-space map, or 0 */
    _Atomic uint32_t free_pages; /* atomic: B+tree: first page of the list of unused pages + 1 */
    _Atomic uint64_t counter; /* atomic: of the access method */
    RelCounters done; /* for pg_stat_all_tables */
} CacheRel;

/* The forks that a relation is read as of, at one moment. */
enum { CACHE_FORKS_MOST = 512 };
typedef struct CacheForks {
    uint32_t count; /* CACHE_FORKS_MOST + 1: there are more, and nothing is known of any */
    uint64_t now; /* the epoch: who is forked later reads what is there from then on */
    uint64_t gone, unlinked_lsn; /* children_gone, and the last end of such a one */
    uint64_t epochs[CACHE_FORKS_MOST]; /* the last first */
} CacheForks;

enum { REL_PARTITIONS = 16, REL_BUCKETS = 4096 };

typedef struct RelTable {
    Latch latch[REL_PARTITIONS]; /* of the hash chains */
    ShmRef bucket[REL_BUCKETS]; /* partition latch */
    ShmRef free[REL_PARTITIONS]; /* partition latch */
    _Atomic uint32_t next_relation; /* atomic: B5 */
    _Atomic uint32_t count; /* atomic */
} RelTable;

/* Fixed ids are below; made ones start here (OIDs of users start there, too). */
enum { RELATION_FIRST = 16384 };

/* NULL when there is no such relation. */
CacheRel *cache_rel_slow(Ctx *cx, BranchId branch, RelationId relation);
/* Makes it; finds it if it is there already. Frames it may need are reserved inside. */
MUST_CHECK Status cache_rel_make(Ctx *cx, BranchId branch, RelationId relation, Persistence persistence,
                                 CacheRel **out);
/* It has its maker from the moment it can be found: else who is killed would leave one for ever, and a checkpoint store it as one
 * that is there for good. */
MUST_CHECK Status cache_rel_make_by(Ctx *cx, BranchId branch, RelationId relation, Persistence persistence,
                                    Xid maker, CacheRel **out);
RelationId cache_rel_next_id(Ctx *cx);
/* Frees all pages and the entry itself. Nobody may use the relation any more. */
void cache_rel_drop(Ctx *cx, CacheRel *rel);
/* With a store: frees the pages; the entry stays, marked with its place in the log, until what is stored has gone, too. */
void cache_rel_mark_gone(Ctx *cx, CacheRel *rel, uint64_t lsn);
void cache_rel_forget(Ctx *cx, CacheRel *rel);
/* The older images of its pages go, those in memory, unless it is forked meanwhile. kept_epoch is 0: nobody can come to them any more. */
void cache_rel_drop_old(Ctx *cx, CacheRel *rel);
/* Of the images in memory those go that no relation linked to this one reads. Memory mode. */
void cache_rel_thin(Ctx *cx, CacheRel *rel);
/* May images be stored that only children read which have gone since they were last looked at (store_thin.h)? */
bool cache_rel_has_unread(Ctx *cx, CacheRel *rel);
/* As of when the relations that are linked to this one read it. */
void cache_rel_forks(Ctx *cx, CacheRel *rel, CacheForks *out);
/* Does one of them read the image that was there from the epoch `from` on and before `to`? To be asked for images that follow each other, the
 * newest first; *at is 0 for the first, and kept. */
bool cache_fork_reads(const CacheForks *forks, uint32_t *at, uint64_t from, uint64_t to);
/* Frees the pages of a fork from `keep_blocks` on, as far as nobody has a pin on them: stops at the
 * first page from the end that somebody uses, if `wait` is false. Returns the new length. */
BlockNo cache_rel_truncate(Ctx *cx, CacheRel *rel, Fork fork, BlockNo keep_blocks, bool wait);
typedef void (*CacheRelCut)(Ctx *cx, const CacheRel *rel, Fork fork);
/* Frees one page if it is the last of its fork and nobody has a pin on it. `cut` is called below the latch of the length, so that
 * nobody makes the fork longer in between. */
MUST_CHECK bool cache_rel_cut_last(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, CacheRelCut cut);
/* Calls `each` for every relation of the cache; it may drop the one it is called for. */
void cache_rel_each(Ctx *cx, void (*each)(Ctx *cx, void *arg, CacheRel *rel), void *arg);

static inline uint32_t
cache_rel_hash(BranchId branch, RelationId relation)
{
    uint64_t x = ((uint64_t)branch << 32 | relation) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(x >> 40);
}
/* Through the session's own cache of places. */
CacheRel *cache_rel(Ctx *cx, BranchId branch, RelationId relation);
static inline BlockNo
cache_rel_length(const CacheRel *rel, Fork fork)
{
    return atomic_load_explicit(&rel->forks[fork].length, memory_order_acquire);
}

#endif
