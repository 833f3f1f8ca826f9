/* src/storage/recover/lost_pages.h - pages that recovery has passed over, because the store has them damaged.
 *
 * From the first record on that was not done, such a page is not what the log says, whatever a later read may give: no more
 * records are done on it, and the store is told that it is lost (store_batch_put_lost). */
#ifndef LOST_PAGES_H
#define LOST_PAGES_H
#include "base/ctx.h"
#include "storage/wal/wal_format.h"

typedef struct LostPage {
    PageId id;
    Lsn lsn; /* of the first record that was passed over */
} LostPage;

typedef struct LostPages {
    LostPage *pages; /* in the order of their ids; in an arena */
    uint32_t count, room;
} LostPages;

/* Where the page is, or would be. */
uint32_t lost_pages_find(const LostPages *lost, PageId id, bool *found);
/* It is not among them yet. The memory is the arena's. */
void lost_pages_add(LostPages *lost, Arena *arena, PageId id, Lsn lsn);
/* The pages of this fork from here on have been cut off: if they come again they are others. */
void lost_pages_cut(LostPages *lost, PageId from);

#endif
