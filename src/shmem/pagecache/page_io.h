/* src/shmem/pagecache/page_io.h - pages that come and go: between sessions and the process that has the store.
 *
 * Loading: who needs a page that is not in memory takes a frame, gives it the page's tag and the use FRAME_LOADING, and
 * puts it on the queue, all in one critical section; then it waits, as does everybody else who needs the page. What is
 * queued belongs to the frame: the store finishes it even if the asker has died (S2).
 *
 * If it is known where the page lies (page_spots.h), the asker notes the frame in its slot instead of queueing it, and reads
 * it by itself; what it could not read it queues. If it dies meanwhile the janitor does that (page_read_forsaken). So at any
 * moment a frame that is being loaded is on the queue, with a reader of the store, or in one process's `reading`.
 *
 *   FREE --asker--> LOADING --store, or the asker--> PAGE --cleaner--> FREE
 *                   LOADING --store--> FAILED --who waits for it--> FREE
 *                   LOADING --it is another's after all (page_io_linked)--> FREE
 *
 * Sleeping and being woken cost more than reading a page that the system has in memory. So nobody is woken who is awake: a
 * reader that has just read looks round for a moment before it sleeps, and who waits for a page looks for about as long as
 * a read takes, both giving their processor to whoever wants it. Reads that turn out slow (a disk that is asked) wake
 * another reader.
 *
 * Leaving: the cleaner goes round the frames like the hand of a clock. A page stays for as many visits as it was used in
 * between, a B+tree's for FRAME_USED_INDEX times as many, FRAME_USED_MOST at most. What a large scan (page_walk.h) brings in
 * counts as not used, and is the first to go when the scan has left it: that leaves the others where they are (scan
 * resistance). */
#ifndef PAGE_IO_H
#define PAGE_IO_H
#include "shmem/pagecache/pagecache.h"

/* Frame.io */
enum {
    IO_IDLE,
    IO_LOADING,
    IO_DAMAGED,
    IO_ERROR,
    IO_LOADING_OLD, /* the frame's bytes are a PageOldImage */
    IO_WAITED = 16, /* with one of the others: somebody sleeps until it changes */
};

/* For page_pin: the page is not in memory, but the relation is that long. Returns when it is worth looking again. */
MUST_CHECK Status page_load(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block);
/* An older image that is in the store: it becomes the asking relation's own page, judged by `cap` (B2). */
typedef struct PageOldImage {
    BranchId branch; /* whose it is */
    uint64_t at; /* the epoch it was stored under */
    uint64_t epoch; /* the newest that counts: else the one before it, and so on */
    Csn cap;
} PageOldImage;
MUST_CHECK Status page_load_old(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block, const PageOldImage *image);
/* For page_pin: the frame has the right tag and is being loaded, or loading has failed. */
MUST_CHECK Status page_load_wait(Ctx *cx, uint32_t frame_no, CacheRel *rel, Fork fork, BlockNo block);
/* For the janitor: what a dead process was reading by itself becomes the store's. */
void page_read_forsaken(Ctx *cx, Proc *dead);
/* Asks for pages that will be read soon, as far as that costs nobody anything. Pages of a relation's origin are not asked
 * for. */
void page_load_ahead(Ctx *cx, CacheRel *rel, Fork fork, BlockNo first, uint32_t count);

/* ---- the store --------------------------------------------------------------------------------------------------- */
/* Takes a frame off the queue; looks for one for a moment if `warm`, as there was one just now, and then sleeps for at most
 * timeout_us. 0 = there was none. */
uint32_t page_io_take(Ctx *cx, bool warm, uint64_t timeout_us);
/* For how long the store has read for one, in microseconds. */
void page_io_took(PageCache *cache, uint64_t us);
/* There is no such page of this relation, but it has an origin: the block is linked from now on. */
void page_io_linked(Ctx *cx, uint32_t frame_no);
/* The frame's bytes are what they should be, or (IO_DAMAGED, IO_ERROR) will not be. */
void page_io_done(Proc *proc, uint32_t frame_no, uint32_t outcome);

/* What is in memory of the page is not what counts (recovery): who needs it next asks the store. Nobody pins it for long. */
void page_forget(Ctx *cx, CacheRel *rel, Fork fork, BlockNo block);

/* ---- the cleaner ------------------------------------------------------------------------------------------------- */
/* Pins the frame if it holds a page; not by name: the cleaner knows frames. */
MUST_CHECK bool page_pin_frame(Ctx *cx, uint32_t frame_no, PageRef *out);
typedef enum Evict { EVICT_DONE, EVICT_BUSY, EVICT_DIRTY, EVICT_USED } Evict;
/* One step of the clock: frees the frame if it holds a clean page that nobody has used for a round. */
Evict page_evict(Ctx *cx, uint32_t frame_no);
/* A frame whose page the caller, a large scan, will not need again. */
void page_leave(PageCache *cache, uint32_t frame_no);
/* Takes one of the CACHE_LEFT_MOST places for frames that were left so; 0 = it is empty. */
uint32_t page_left_take(PageCache *cache, uint32_t place);
/* How many frames are missing to those that should be free before anybody has to wait. */
uint32_t page_free_missing(const PageCache *cache);
/* For who takes frames: wakes the cleaner before there are none. */
void page_cleaner_nudge(PageCache *cache);
/* Sleeps until somebody needs free frames, or timeout_us. */
void page_cleaner_sleep(Proc *proc, uint64_t timeout_us);
void page_cleaner_wake(PageCache *cache);
/* Frames have become free. */
void page_cleaner_announce(PageCache *cache);

#endif
