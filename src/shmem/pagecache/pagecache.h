/* src/shmem/pagecache/pagecache.h - pages in shared memory: finding, pinning, latching, changing.
 *
 * A CacheRel is what the cache knows of one relation: its forks' lengths, and a map from block to
 * frame. It stays where it is as long as the relation lives, so a session looks it up once per call
 * (cache_rel) and then goes from block to frame by one or two array accesses.
 *
 * A pin keeps the frame from being reused; a latch orders looking and changing:
 *   share latch      to look at what may change (visibility, index entries)
 *   exclusive latch  to change bytes; a critical section (C1)
 *   cleanup latch    exclusive and sole pin: to move or reuse bytes of existing rows (H1)
 * Page latches come before all latches of latch_ranks.def; among themselves the order is
 * (relation, block), in a B+tree left to right and child to parent. */
#ifndef PAGECACHE_H
#define PAGECACHE_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/pagecache/page.h"
#include "shmem/pagecache/cache_rel.h"
#include "shmem/pagecache/change_gate.h"
#include "shmem/pagecache/page_spots.h"
#include "shmem/proc/slot.h"

typedef enum FrameUse {
    FRAME_FREE, /* on the free list, in a stash, or never touched */
    FRAME_PAGE, /* holds the page of its tag */
    FRAME_SHARED, /* memory of some other shared structure */
    FRAME_LOADING, /* will hold the page of its tag (page_io.h) */
    FRAME_FAILED, /* the page of its tag could not be loaded */
    FRAME_OLD, /* an older image of the page of its tag, on the chain of the present one */
} FrameUse;

/* The latch word: | version 32 | waiters 1 | exclusive 1 | shared 12 | pins 18 |. The version is
 * raised at each exclusive release (H6). Never reset: a late reader may still count on it. */
#define FRAME_PIN       UINT64_C(1)
#define FRAME_PINS      UINT64_C(0x3ffff)
#define FRAME_SHARE     (UINT64_C(1) << 18)
#define FRAME_SHARES    (UINT64_C(0xfff) << 18)
#define FRAME_EXCLUSIVE (UINT64_C(1) << 30)
#define FRAME_WAITERS   (UINT64_C(1) << 31)
#define FRAME_VERSION   (UINT64_C(1) << 32)

struct CacheForks;

typedef struct Frame {
    _Atomic uint64_t latch; /* atomic */
    /* The tag: changes only while `use` is not FRAME_PAGE. */
    BranchId branch;
    RelationId relation;
    BlockNo block;
    uint8_t fork;
    _Atomic uint8_t use; /* atomic: FrameUse */
    _Atomic uint8_t raw_listed; /* atomic: linked in the list of frames with raw ids */
    _Atomic uint8_t
        dirty; /* exclusive latch, a look before it costs nothing: changed since it was last written (no store: never read) */
    _Atomic Xid
        raw_min; /* exclusive latch, a look before it costs nothing: no raw id on the page is smaller; 0 = there is none */
    _Atomic uint32_t raw_next; /* raw list */
    uint32_t next_free; /* latch free_frames */
    uint8_t unlogged; /* changes with the tag: its relation's pages are not logged (H8) */
    _Atomic uint8_t
        used; /* atomic: how often, less the visits of the clock's hand; FRAME_USED_MOST at most (page_io.h) */
    _Atomic uint8_t
        spotted; /* exclusive latch, or who loads it: cache_frame_spot() is valid, it has not been changed since */
    uint8_t reserved8;
    _Atomic uint32_t io; /* atomic: IO_... */
    _Atomic Xid stored_raw; /* the store's process: smallest raw id on the page as it is stored; 0 = none */
    uint32_t
        older; /* exclusive latch: frame of the image before this epoch's first change; 0 = none in memory */
    uint32_t reserved;
} Frame;

static_assert(sizeof(Frame) == 64, "one cache line per frame");

enum { FRAME_USED_MOST = 8, FRAME_USED_INDEX = 4, CACHE_LEFT_MOST = 256 };

typedef struct PageCache {
    ShmRef frames; /* set once at start: distance from here to the descriptors */
    ShmRef spots; /* set once at start: distance from here to their spots */
    ShmRef bytes; /* set once at start: distance from here to the frames' bytes */
    uint32_t frame_count; /* set once at start */
    _Atomic uint32_t log_mode; /* atomic: PAGE_LOG_..., set while the engine starts */
    uint32_t unlogged_store; /* set once at start: there is a store, and no log (S4) */
    _Atomic uint32_t fork_flag; /* atomic (B1): a fork holds back new changes */
    _Atomic uint32_t
        hold_flag; /* atomic: nobody begins what has to be done at a transaction's end (page_fork.c) */
    _Atomic uint64_t epoch; /* atomic (B1) */
    _Atomic uint64_t
        last_fork_epoch; /* atomic: pages of a later epoch are kept by nobody; 0 = nothing was ever forked */
    ChangeGate gate;

    Latch free_latch __attribute__((aligned(64)));
    uint32_t free_head; /* free_latch */
    _Atomic uint32_t free_count; /* free_latch; read without it as a hint */
    _Atomic uint32_t high; /* free_latch: frames ever touched; frame 0 is never used */
    uint32_t holes; /* free_latch: free frames whose memory was given back */
    uint32_t hole_head; /* free_latch */

    _Atomic uint32_t raw_head __attribute__((aligned(64))); /* atomic: frames with raw ids */
    uint32_t raw_taken,
        raw_visited; /* the janitor's: the rest of the list that it visits, and the frame it is at */
    _Atomic uint64_t pages_live; /* atomic: frames with use FRAME_PAGE */

    /* A store, if there is one (page_io.h). */
    uint32_t page_frames
        __attribute__((aligned(64))); /* set once at start: pages in memory at most; 0 = no store */
    _Atomic uint32_t io_bell, io_sleepers; /* atomic: readers that sleep */
    _Atomic uint32_t io_looking, io_busy; /* atomic: readers that look for work, and frames they are at */
    _Atomic uint32_t io_pending; /* atomic: frames that are asked for and not there yet */
    _Atomic uint32_t io_read_8us; /* atomic: how long a read takes, about, in eighths of a microsecond */
    _Atomic uint32_t cleaner_bell, cleaner_sleeps; /* atomic */
    _Atomic uint32_t free_bell, free_sleepers; /* atomic */
    _Atomic uint32_t store_full; /* atomic: dirty pages can not be written: there is no space */
    Latch io_latch;
    _Atomic uint32_t io_first; /* io_latch; read without it as a hint */
    uint32_t io_last; /* io_latch: linked by next_free; 0 = none */
    _Atomic uint64_t loads, evictions; /* atomic */
    _Atomic uint32_t left_next,
        left[CACHE_LEFT_MOST]; /* atomic: frames that large scans are done with; a hint */
    RelTable rels;
} PageCache;

/* log_mode: what becomes of the records of changes. Both may be set. */
enum { PAGE_LOG_WRITE = 1, PAGE_LOG_CHECK = 2 };

typedef struct PageRef {
    char *page; /* NULL = PAGE_REF_NONE */
    Frame *frame;
    uint32_t frame_no;
    uint16_t note; /* index in the slot's pin list */
    bool shared, exclusive; /* latched so by us */
    Csn csn_cap; /* B2: judge with min(S, csn_cap); UINT64_MAX = an own page */
} PageRef;
#define PAGE_REF_NONE ((PageRef){0})

uint64_t page_cache_bytes(void);
void page_cache_carve(Region *region);

static inline PageCache *
page_cache(const Proc *proc)
{
    return region_part(proc_region(proc), PART_CACHE);
}
static inline Frame *
cache_frame(const PageCache *cache, uint32_t frame_no)
{
    return (Frame *)((char *)cache + cache->frames) + frame_no;
}
static inline PageId
frame_page_id(const Frame *f)
{
    return (PageId){.branch = f->branch, .relation = f->relation, .block = f->block, .fork = f->fork};
}
static inline void *
cache_frame_bytes(const PageCache *cache, uint32_t frame_no)
{
    return (char *)cache + cache->bytes + (uint64_t)frame_no * PAGE_BYTES;
}

/* Where the store has the page, if frame->spotted. */
static inline PageSpot *
cache_frame_spot(const PageCache *cache, uint32_t frame_no)
{
    return (PageSpot *)((char *)cache + cache->spots) + frame_no;
}

static inline Xid
frame_raw_min(const Frame *f)
{
    return atomic_load_explicit(&f->raw_min, memory_order_relaxed);
}
static inline void
frame_set_raw_min(Frame *f, Xid xid)
{
    atomic_store_explicit(&f->raw_min, xid, memory_order_relaxed);
}
static inline Xid
frame_stored_raw(const Frame *f)
{
    return atomic_load_explicit(&f->stored_raw, memory_order_relaxed);
}
static inline void
frame_set_stored_raw(Frame *f, Xid xid)
{
    atomic_store_explicit(&f->stored_raw, xid, memory_order_relaxed);
}
static inline bool
frame_is_dirty(const Frame *f)
{
    return atomic_load_explicit(&f->dirty, memory_order_relaxed) != 0;
}
static inline void
frame_set_dirty(Frame *f, bool dirty)
{
    if (dirty)
        atomic_store_explicit(&f->spotted, 0, memory_order_relaxed);
    atomic_store_explicit(&f->dirty, dirty, memory_order_relaxed);
}
/* PAGE_LOG_... bits. */
static inline uint32_t
cache_log_mode(const PageCache *cache)
{
    return atomic_load_explicit(&cache->log_mode, memory_order_relaxed);
}

static inline bool
cache_has_store(const PageCache *cache)
{
    return cache->page_frames != 0;
}

/* What stands in a block map for "not ours, ask the origin" (B3), where a store had to be asked to know. */
#define CACHE_MAP_LINKED UINT32_MAX

/* ---- frames as memory (frame.c) ------------------------------------------------------------------- */
/* Makes sure that the session has `count` frames set aside (C5), at most PROC_STASH_MOST. 53200 at the
 * ceiling; `spare` allows going into the small reserve that ending and deleting live on. */
MUST_CHECK Status frame_reserve(Ctx *cx, uint32_t count, bool spare);
/* Takes a frame set aside: never fails, its bytes are zero. */
uint32_t frame_take(Proc *proc, FrameUse use);
/* Back to the free list. Not while holding latch free_frames. */
void frame_release(Proc *proc, uint32_t frame_no);
/* Gives the session's stash back; the other form leaves what the next small statement will need. */
void frame_stash_release(Proc *proc);
void frame_stash_shrink(Proc *proc);
/* Gives memory of free frames back to the system when there is much of it. */
void frame_trim(Ctx *cx);
/* The same for at least `bytes`, as far as there are free frames; false: there are none. */
bool frame_give_back(Ctx *cx, uint64_t bytes);
/* For whoever is refused memory: the janitor will look for dead rows soon. */
void frame_report_shortage(Proc *proc);
uint64_t frame_used_bytes(const PageCache *cache);

/* ---- pages ------------------------------------------------------------------------------------------ */
/* Pins a page; out->page is NULL if the relation has no such block. */
MUST_CHECK Status page_pin(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, PageRef *out);
/* The same with its share latch. */
MUST_CHECK Status page_pin_shared(Ctx *cx, const CacheRel *rel, Fork fork, BlockNo block, PageRef *out);
/* Is it the page of a relation we were forked from? It must not be changed: page_own (storage/branch). */
static inline bool
page_is_linked(const PageRef *ref)
{
    return ref->csn_cap != UINT64_MAX;
}
/* Drops a latch if one is held, and the pin; a no-op on PAGE_REF_NONE, which it leaves behind. */
void page_unpin(Ctx *cx, PageRef *ref);
/* Adds a page of zeros at the end, pinned and exclusively latched. The caller has reserved
 * CACHE_EXTEND_FRAMES frames and initializes the page before it drops the latch.
 * So many is the page and what the block map may need: three levels above a map that had none, and two nodes below the new root,
 * if the first block of the fork that comes to memory lies beyond 32 GiB. */
enum { CACHE_MAP_LEVELS = 3, CACHE_EXTEND_FRAMES = 1 + CACHE_MAP_LEVELS + CACHE_MAP_LEVELS - 1 };
void page_add(Ctx *cx, CacheRel *rel, Fork fork, PageRef *out);
/* The same for a block that the relation has and no page of its own stands in, in a critical section: gives it a frame with
 * this image, dirty, which nobody sees before _end; 0 if somebody was faster. Ended in any case. CACHE_EXTEND_FRAMES too, and one
 * if its first image is kept in between. */
uint32_t page_place_begin(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const char *image);
void page_place_end(Ctx *cx, CacheRel *rel, uint32_t frame_no);
/* For a page that will be read soon: has its descriptor fetched, and says where its bytes lie, for the
 * processor to be asked for them and nothing else. NULL: there is no such page. */
const char *page_prefetch_start(const PageCache *cache, const CacheRel *rel, Fork fork, BlockNo block);

/* B1: is a fork being made? Who enters a critical section without latching a page asks inside of it. */
static inline bool
page_fork_is_on(Ctx *cx)
{
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&page_cache(cx->proc)->fork_flag, memory_order_relaxed) != 0;
}
void page_wait_for_fork(Ctx *cx);
/* Enters a critical section when no fork is being made: until it is left, none is. Not for who is in one. */
void page_enter_between_forks(Ctx *cx);
/* Before a change, outside of critical sections: until the log has room for it (change_gate.h). Counts who has to wait. */
void page_wait_for_room(Proc *proc);
/* For longer, outside of critical sections: nobody changes a page, and no transaction is between its commit and what has to be
 * done at its end (Proc.ending), until page_hold_end. Who holds must not latch a page exclusively. */
void page_hold_begin(Ctx *cx);
void page_hold_end(Ctx *cx);
/* Sets Proc.ending; waits as long as somebody holds everything, or is about to. But the janitor is refused then (57014): who holds may
 * wait for what it has to finish for the dead. */
MUST_CHECK Status page_ending_begin(Ctx *cx);
/* Raises the flag and waits until nobody else is in a critical section, and is in one itself; the other form ends both. */
void page_fork_begin(Ctx *cx);
void page_fork_end(Ctx *cx);

void page_latch_shared(Ctx *cx, PageRef *ref);
void page_latch_exclusive(Ctx *cx, PageRef *ref);
/* The same for who does something with the frame or its older images, and changes nothing that is logged: the store, which is who makes
 * frames free, and whose checkpoint the log may wait for (S2), and a drop, which makes frames free, too. It never waits for a frame, nor
 * for the log. */
void page_latch_aside(Ctx *cx, PageRef *ref);
MUST_CHECK bool page_try_exclusive(Ctx *cx, PageRef *ref);
/* Share to exclusive without letting go, tried once (T6). On failure the share latch is still held. */
MUST_CHECK bool page_try_upgrade(Ctx *cx, PageRef *ref);
void page_unlatch(Ctx *cx, PageRef *ref);
/* For whoever takes a share away without a PageRef. */
void page_wake_waiters(Frame *f);
/* With the exclusive latch held: are we the only one with a pin (H1)? */
static inline bool
page_is_sole_pin(const PageRef *ref)
{
    return (atomic_load_explicit(&ref->frame->latch, memory_order_acquire) & FRAME_PINS) == 1;
}
/* H6: changes whenever the page may have changed. */
static inline uint32_t
page_version(const PageRef *ref)
{
    return (uint32_t)(atomic_load_explicit(&ref->frame->latch, memory_order_acquire) >> 32);
}

/* In a critical section in which nobody else can use the frame; another is in the stash (page_pin has seen to that): the image goes
 * to the chain of older ones. Returns its frame. */
uint32_t page_keep_image(Ctx *cx, Frame *f, const char *page);
/* Forgets the chain as far as nobody has it pinned; nobody can come to it meanwhile. False: somebody has. */
bool page_drop_old(Proc *proc, Frame *f);
/* Those of them go that none of these forks reads, as far as nobody has them pinned. Exclusive latch. */
void page_thin_old(Proc *proc, uint32_t frame_no, const struct CacheForks *forks);

/* ---- raw ids (T6) ---------------------------------------------------------------------------------- */
/* Under the exclusive latch: the page now holds the raw id `xid`. */
void page_mark_raw(Ctx *cx, PageRef *ref, Xid xid);
/* For the store, which has just loaded the page to that frame: it holds raw ids. */
void page_list_raw(Ctx *cx, uint32_t frame_no, PageId id, Xid least);
/* Visits each page listed so far: pins it, latches it exclusively and calls `resolve`, which answers
 * the smallest raw id still on the page (0 = none). Returns the smallest of all answers in *oldest
 * (UINT64_MAX = none are left of those that were listed). */
typedef Xid (*RawResolve)(Ctx *cx, PageRef *ref);
MUST_CHECK Status page_raw_visit(Ctx *cx, RawResolve resolve, Xid *oldest);

/* ---- the janitor ----------------------------------------------------------------------------------- */
/* Undoes the pins, latches and set-aside frames of a dead session (C3); what it was reading is the store's. Waits for nobody,
 * and can be done again: who does it may be killed in the middle. */
void page_forget_dead(Ctx *cx, Proc *dead);
/* All of them. For the janitor also while it waits for a page: nobody else gives up what a session held that is killed just then. */
void page_forget_all_dead(Ctx *cx);

#endif
