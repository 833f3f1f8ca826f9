/* lost_pages.c - see lost_pages.h. There are few, or as many as a table file holds; each is added once. */
#include "storage/recover/lost_pages.h"

#include <string.h>

static int
compare(PageId a, PageId b)
{
    if (a.branch != b.branch)
        return a.branch < b.branch ? -1 : 1;
    if (a.relation != b.relation)
        return a.relation < b.relation ? -1 : 1;
    if (a.fork != b.fork)
        return a.fork < b.fork ? -1 : 1;
    return a.block < b.block ? -1 : a.block > b.block;
}

uint32_t
lost_pages_find(const LostPages *lost, PageId id, bool *found)
{
    uint32_t low = 0, high = lost->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare(lost->pages[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < lost->count && compare(lost->pages[low].id, id) == 0;
    return low;
}

void
lost_pages_add(LostPages *lost, Arena *arena, PageId id, Lsn lsn)
{
    bool found;
    uint32_t at = lost_pages_find(lost, id, &found);

    ASSERT(!found);
    if (lost->count == lost->room) {
        uint32_t room = lost->room * 2 + 16;
        LostPage *more = arena_alloc(arena, room * sizeof(*more));

        if (lost->count > 0)
            memcpy(more, lost->pages, lost->count * sizeof(*more));
        lost->pages = more;
        lost->room = room;
    }
    memmove(&lost->pages[at + 1], &lost->pages[at], (lost->count - at) * sizeof(*lost->pages));
    lost->pages[at] = (LostPage){id, lsn};
    lost->count++;
}

void
lost_pages_cut(LostPages *lost, PageId from)
{
    PageId end = from;
    uint32_t first, behind;
    bool found;

    end.fork++;
    end.block = 0;
    first = lost_pages_find(lost, from, &found);
    behind = lost_pages_find(lost, end, &found);
    if (behind > first)
        memmove(&lost->pages[first], &lost->pages[behind], (lost->count - behind) * sizeof(*lost->pages));
    lost->count -= behind - first;
}
