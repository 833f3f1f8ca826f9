/* src/shmem/pagecache/page.h - what every page begins with (H7).
 *
 * Part of the disk format: the checksum is not in the image, what is stored is image + 8 bytes. All
 * bytes of a page change only under its exclusive latch. A page of zeros is one that was added to its
 * relation and never initialized: readers pass over it. */
#ifndef PAGE_H
#define PAGE_H
#include "base/ids.h"

enum { PAGE_MAGIC = 0x4e48 }; /* "HN" */

typedef enum PageKind {
    PAGE_KIND_NONE,
    PAGE_KIND_HEAP,
    PAGE_KIND_BTREE,
    PAGE_KIND_SEQUENCE,
    PAGE_KIND_FREESPACE,
} PageKind;

typedef struct PageHeader {
    uint16_t magic; /* PAGE_MAGIC; 0 = not initialized */
    uint8_t kind; /* PageKind */
    uint8_t flags; /* of the kind */
    uint32_t layout_version; /* heap: number of columns the page was made with (H4) */
    uint64_t lsn; /* of the last change; 0 in memory mode */
    uint64_t epoch; /* of the last change (B3) */
    uint64_t prev_epoch; /* of the newest older image that is kept (B3); 0 = none is */
    Csn all_before; /* T7 */
    uint64_t kept_at; /* older image: the epoch in which it was replaced (B3); 0 = this is none */
} PageHeader;

static_assert(sizeof(PageHeader) == 48, "the header is part of the disk format");
static_assert(offsetof(PageHeader, lsn) == 8, "the header is part of the disk format");
static_assert(offsetof(PageHeader, all_before) == 32, "the header is part of the disk format");

static inline PageHeader *
page_header(void *page)
{
    return page;
}
static inline const PageHeader *
page_header_const(const void *page)
{
    return page;
}
static inline bool
page_is(const void *page, PageKind kind)
{
    const PageHeader *h = page;

    return h->magic == PAGE_MAGIC && h->kind == kind;
}

#endif
