/* src/shmem/pagecache/page_spots.h - where pages that are not in memory lie in the store's files.
 *
 * Asking the store's process for a page costs several times what reading it costs. Its table files never change once they are
 * written, so who knows the spot of a page there reads it by itself (PageReader). Nobody has to know it: the table is of a
 * fixed size and forgets; what is not in it is asked for as ever.
 *
 * A spot is a promise: the page as it is stored, its newest version, lies there. It is made by the store, which has just read
 * the page (page_io.h), and is kept in two places:
 *
 *   with the frame (`spotted`)   while the page is in memory and has not been changed since
 *   in the table                 while it is not in memory
 *
 *   store read it --> frame --evicted, unchanged--> table --asked for--> frame
 *                     frame --changed (frame_set_dirty), dropped, cut off--> none
 *                                                   table --a new page of that name (page_add, page_place_begin)--> none
 *
 * So: if there is an entry, the page is not in memory; and it can not change without being brought to memory, which takes the
 * entry out. All of that happens below the latch of the relation's length (rel->extend), which makes it one step for others.
 * Pages of relations that are dropped, and those that are cut off, leave entries; but ids of branches and relations are never
 * given out twice, and a block beyond the end is only reached by page_add. A crash ends all of it, with the region. Whether the
 * file is still there is another matter: one that is not can not be opened, and one that is still open holds what it held. */
#ifndef PAGE_SPOTS_H
#define PAGE_SPOTS_H
#include "base/ctx.h"
#include "base/ids.h"
#include "shmem/proc/proc.h"
#include "shmem/region/region.h"

typedef struct PageSpot {
    uint32_t file; /* its number; 0 = no spot */
    uint32_t offset,
        bytes; /* of the block that holds the page, as it is in the file, without what ends a block */
} PageSpot;

enum { PAGE_SPOT_BYTES_MOST = UINT16_MAX };

/* How this process reads pages by itself: private memory, from the storage layer (Ctx.page_reader). False: it could not, or
 * what it found is not that page; then the store has to be asked. Not in a critical section. */
typedef struct PageReader PageReader;
struct PageReader {
    bool (*read)(Ctx *cx, PageReader *reader, PageId id, const PageSpot *spot, char *page);
};

/* Part PART_SPOTS; without it nothing is remembered. About 5 % of what the pages take. */
uint64_t page_spots_bytes(uint32_t page_frames);
void page_spots_carve(Region *region, uint32_t page_frames);

/* Both below rel->extend of the page's relation. */
void page_spots_put(Proc *proc, PageId id, const PageSpot *spot);
/* Takes it out; false: there is none. */
bool page_spots_take(Proc *proc, PageId id, PageSpot *out);

/* The store has deleted files of pages: proc_tell_files_gone, and what is kept of them is closed before the next page is read. */
void page_spots_files_gone(Proc *proc);
uint32_t page_spots_gone_count(const Proc *proc); /* changes with each such call */

#endif
