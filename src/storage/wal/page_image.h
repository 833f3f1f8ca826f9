/* src/storage/wal/page_image.h - a whole page as a record, without the hole in its middle. */
#ifndef PAGE_IMAGE_H
#define PAGE_IMAGE_H
#include "storage/wal/record.h"

typedef struct PageImage {
    uint16_t hole, hole_end; /* bytes [hole, hole_end) are zero */
} PageImage;

/* Payload of RECORD_PAGE_IMAGE. The parts refer to the page and to *image. */
void page_image_parts(const char *page, PageImage *image, RecordPart parts[3]);

#endif
